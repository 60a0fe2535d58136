"""The shell of every page: what a browser may do with it, and the style that all have.

Takes a template that extends ``shell.html.j2`` and its values; gives HTML.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.columns import visible

if TYPE_CHECKING:
    import jinja2

__all__ = ["TEMPLATES", "fragment_html", "page_html"]

TEMPLATES = Path(__file__).parent / "templates"
# a browser may show what is in the file, and fetch, run or send nothing
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'"
)


def page_html(name: str, folder: Path = TEMPLATES, /, *, script: str = "", **values: Any) -> str:
    """A page of a template that extends the shell, with nothing in it that turns writing around.

    Parameters
    ----------
    name : str
    folder : Path
        Of the template.
    script : str
        The only one that the page may run, known by its hash.
    values
        What it shows; escaped unless the template says otherwise. A page gives `title` and `css`,
        its own style behind the common one.
    """
    policy = POLICY
    if script:
        # the element holds the line breaks, too
        digest = hashlib.sha256(f"\n{script}".encode()).digest()
        policy += f"; script-src 'sha256-{base64.b64encode(digest).decode()}'"
    template = _templates(folder).get_template(name)
    return visible(template.render(values, script=script, policy=policy))


def fragment_html(name: str, folder: Path = TEMPLATES, /, **values: Any) -> str:
    """A part of a page, of a template."""
    return _templates(folder).get_template(name).render(values)


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
    environment.globals["base_css"] = base_css
    return environment
