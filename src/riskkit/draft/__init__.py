"""A mapping that would read a file, drafted from its names and cells.

Takes one file as its owner has it; gives a commented mapping, each guess with its reason.
"""

from riskkit.draft.drafting import Draft, draft_mapping, write_draft

__all__ = ["Draft", "draft_mapping", "write_draft"]
