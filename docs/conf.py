"""Settings of the documentation: `make docs` builds it, warnings are errors, nothing is fetched."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from docutils import nodes
from pygments.lexers.special import TextLexer
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import Config, NumpyDocstring
from sphinx.util.nodes import make_refnode

import riskkit

sys.path.insert(0, str(Path(__file__).parent))

from room_pages import leads_somewhere, plain_signature

project = "riskkit"
version = release = riskkit.__version__
extensions = ["sphinx.ext.autodoc", "myst_parser"]
nitpicky = True

# a word in single backticks is a column, a parameter or a file
default_role = "code"
highlight_language = "text"  # of code whose fence names none
myst_heading_anchors = 4

autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"
# sections of our docstrings beyond the usual ones; no type of a parameter is a link
DOCSTRINGS = Config(
    napoleon_use_param=False,
    napoleon_use_rtype=False,
    napoleon_custom_sections=["Source", ("Attributes", "params_style")],
)

html_theme = "furo"
html_title = f"riskkit {version}"
html_static_path = ["style"]
html_css_files = ["riskkit.css"]
html_extra_path = ["_build/lender/reports/runs"]  # quick/, the pages of a quick run
html_copy_source = False
html_show_copyright = False
# a browser lets no page from a disk read its neighbours, which excerpts would need
html_show_search_summary = False
pygments_dark_style = "monokai"

OF_OTHERS = re.compile(
    r"set_\w+_request|get_metadata_routing|(get|set)_params|set_output|model_\w+"
    r"|add_note|with_traceback"
)


def read_docstring(
    app: Sphinx, what: str, name: str, documented: object, options: object, lines: list[str]
) -> None:
    """Turn NumPy form into reStructuredText.

    Napoleon's own hook takes the first line of a property for "type: text", and ours have colons.
    """
    kind = "method" if what in ("property", "attribute", "data") else what
    lines[:] = NumpyDocstring(lines, DOCSTRINGS, app, kind, name, documented, options).lines()


def show_signature(
    app: Sphinx,
    what: str,
    name: str,
    value: object,
    options: object,
    args: str | None,
    returns: str | None,
) -> tuple[str, str] | None:
    """Show a signature as it is read: types without what checks them, no default of pydantic's."""
    return None if args is None else (plain_signature(args), plain_signature(returns or ""))


def skip_what_others_wrote(
    app: Sphinx, what: str, name: str, member: object, skip: bool, options: object
) -> bool | None:
    """Leave out what scikit-learn, pydantic, namedtuple and exceptions add to a class."""
    is_field = type(member).__name__ == "_tuplegetter"
    return True if is_field or OF_OTHERS.fullmatch(name) else None


def find_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Node | None:
    """What a docstring refers to by less than its whole name; as code, if it has no page.

    It has none behind a room's face, and in another library. Anything else stays a warning.
    """
    target, module = node.get("reftarget", ""), node.get("py:module") or ""
    if node.get("refdomain") != "py":
        return None
    objects = env.domains.python_domain.objects
    wholes = [f"riskkit.{target}"]
    if target[:1].isupper():  # a class of another room, or its method
        wholes += [name for name in objects if name.endswith(f".{target}")]
    for whole in wholes:
        if whole in objects and not objects[whole].aliased:
            entry = objects[whole]
            return make_refnode(
                app.builder, node["refdoc"], entry.docname, entry.node_id, content, whole
            )
    return content if target and leads_somewhere(target, module) else None


def setup(app: Sphinx) -> None:
    """Register what this documentation adds to Sphinx."""
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", show_signature)
    app.connect("autodoc-skip-member", skip_what_others_wrote)
    app.connect("missing-reference", find_name)
    app.add_lexer("cron", TextLexer)
