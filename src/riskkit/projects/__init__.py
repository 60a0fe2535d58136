"""A project of one's own: laid by an installed riskkit, and held against a newer one later.

Takes a folder; gives a project in it that ``riskkit run`` works on, or a table of what the
installed version would change there.
"""

from riskkit.projects.laying import lay_project, next_steps
from riskkit.projects.newer import has_newer, newer_files, newer_text, take_newer

__all__ = ["has_newer", "lay_project", "newer_files", "newer_text", "next_steps", "take_newer"]
