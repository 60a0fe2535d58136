"""The shell of every page: what a browser may do with it, and the style that all have.

Takes a template that extends ``shell.html.j2`` and its values; gives HTML.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.columns import visible

if TYPE_CHECKING:
    import jinja2

__all__ = ["TEMPLATES", "page_html"]

TEMPLATES = Path(__file__).parent / "templates"
# a browser may show what is in the file, and fetch, run or send nothing
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'"
)


def page_html(name: str, folder: Path = TEMPLATES, /, **values: Any) -> str:
    """A page of a template that extends the shell, with nothing in it that turns writing around.

    Parameters
    ----------
    name : str
    folder : Path
        Of the template.
    values
        What it shows; escaped unless the template says otherwise. A page gives `title` and `css`,
        its own style behind the common one.
    """
    return visible(_templates(folder).get_template(name).render(values))


@cache
def _templates(folder: Path) -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    base_css = (TEMPLATES / "base.css").read_text(encoding="utf-8")
    environment.globals |= {"policy": POLICY, "base_css": base_css}
    return environment
