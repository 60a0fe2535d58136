"""A stage's page: what its notebook has shown, in one HTML file that loads nothing.

Takes executed notebooks; gives HTML text without a time stamp, random id or path, so that equal
runs give equal bytes.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.pipeline.execute import Failure
from riskkit.pipeline.notebooks import Notebook

if TYPE_CHECKING:
    from riskkit.documents import Term

__all__ = [
    "DOCUMENTS",
    "anchors_in",
    "documents_in",
    "failed_notebook",
    "glossary_page",
    "glossary_terms",
    "own_page",
    "parameter_rows",
    "plain_text",
    "shown_markdown",
    "stage_page",
]

TEMPLATES = Path(__file__).parent / "templates"
# files of these kinds are documents: the report shows them beside the stage's page
DOCUMENTS = (".html", ".docx")
_HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>', re.DOTALL)
_ANY_HEADING = re.compile(r'<h[2-6] id="([^"]+)">(.*?)</h[2-6]>', re.DOTALL)
_ANCHOR_LINK = re.compile(r'<a class="anchor-link"[^>]*>.*?</a>')
_CELL_FILE = re.compile(r"\S*ipykernel_\d+/\d+\.py")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")


def stage_page(
    executed: Any,
    notebook: Notebook,
    neighbours: Sequence[Notebook],
    shown: Mapping[str, Any],
    *,
    documents: Mapping[str, str] | None = None,
    hidden: Mapping[str, str] | None = None,
    terms: Sequence[Term] = (),
    versions: Mapping[str, str] | None = None,
    failure: Failure | None = None,
) -> str:
    """One stage's page.

    Parameters
    ----------
    executed : notebook node
    notebook : Notebook
        What was executed.
    neighbours : sequence of Notebook
        The whole suite, for the links to the page before and after.
    shown : mapping
        Parameter values as the reader may see them.
    documents : mapping of str to str, optional
        File name -> title, of :func:`documents_in`; linked at the end.
    hidden : mapping of str to str, optional
        Text that must not show (a staging folder's path) -> what stands in its place.
    terms : sequence of Term, optional
        Of the glossary, each explained where it is first used.
    versions : mapping of str to str, optional
        Package → version, told at the end.
    failure : Failure, optional
        Goes on top.
    """
    body, _ = _exporter().from_notebook_node(_steady(executed))
    body = _ANCHOR_LINK.sub("", body)
    at = [n.name for n in neighbours].index(notebook.name)
    page = own_page(
        "stage.html.j2",
        terms,
        name=notebook.name,
        title=plain_text(notebook.title),
        previous=_link(neighbours[at - 1]) if at else None,
        following=_link(neighbours[at + 1]) if at + 1 < len(neighbours) else None,
        failure=str(failure) if failure else "",
        has_traceback='id="error"' in body,
        section=_last_heading(executed) if failure else "",
        sections=[(anchor, _text_of(heading)) for anchor, heading in _HEADING.findall(body)],
        body=body,
        documents=documents or {},
        parameters=_parameters_block(notebook, shown, versions or {}),
    )
    for text, stand_in in (hidden or {}).items():
        page = page.replace(text, stand_in)
    return page


def documents_in(folder: Path, outputs: Iterable[str]) -> dict[str, str]:
    """The documents a stage has left in its folder: file name -> title, in order of name.

    A page comes before the same for Word, which is called after it and not opened.
    """
    names = [name for name in outputs if name.endswith(DOCUMENTS) and "/" not in name]
    there = [n for n in names if not (folder / n).is_symlink() and (folder / n).is_file()]
    found: dict[str, str] = {}
    for name in sorted(there, key=lambda name: (Path(name).stem, not name.endswith(".html"))):
        stem, _, kind = name.rpartition(".")
        if kind == "html":
            found[name] = _title_in(folder / name) or stem
        else:
            found[name] = f"{found.get(f'{stem}.html', stem)} (Word)"
    return found


def _title_in(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    start = text.find("<title>")
    end = text.find("</title>", start)
    title = text[start + len("<title>") : end] if 0 <= start < end else ""
    return html.unescape(title).strip()


def anchors_in(page: Path) -> dict[str, str]:
    """Headings of a stage's page → the ids they bear, the first of equal ones."""
    found: dict[str, str] = {}
    for anchor, heading in _ANY_HEADING.findall(page.read_text(encoding="utf-8")):
        found.setdefault(_text_of(heading), html.unescape(anchor))
    return found


def failed_notebook(executed: Any, failure: Failure) -> str:
    """The executed notebook as JSON, the failure on top."""
    import nbformat

    banner = nbformat.v4.new_markdown_cell(f"**This stage failed.**\n\n    {failure}")
    node = nbformat.from_dict({**executed, "cells": [banner, *executed["cells"]]})
    return json.dumps(node, ensure_ascii=False, indent=1) + "\n"


def parameter_rows(notebook: Notebook, shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name, value, meaning, and whether it is another than the notebook's own, of parameters."""
    return [
        {
            "name": name,
            "value": _value(value),
            "changed": value != notebook.parameters[name].default,
            "help": notebook.parameters[name].help,
        }
        for name, value in shown.items()
        if name in notebook.parameters
    ]


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value or "–"
    return json.dumps(value)


def _parameters_block(
    notebook: Notebook, shown: Mapping[str, Any], versions: Mapping[str, str]
) -> str:
    rows = parameter_rows(notebook, shown)
    from riskkit.documents import fragment_html

    told = ", ".join(f"{package} {version}" for package, version in versions.items())
    return fragment_html("parameters.html.j2", TEMPLATES, rows=rows, versions=told)


def _link(notebook: Notebook) -> dict[str, str]:
    return {"name": notebook.name, "title": plain_text(notebook.title)}


def plain_text(markdown: str) -> str:
    """Markdown of one line without its marks."""
    return re.sub(r"[`*]", "", markdown)


def _text_of(fragment: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", fragment)).strip()


def _last_heading(executed: Any) -> str:
    """The heading above the cell with the error; empty where no cell shows one."""
    heading = ""
    for cell in executed["cells"]:
        if cell["cell_type"] == "markdown":
            lines = [x for x in cell["source"].splitlines() if re.match(r"#{1,6}\s", x)]
            heading = plain_text(lines[-1].lstrip("#").strip()) if lines else heading
        elif any(o["output_type"] == "error" for o in cell.get("outputs", [])):
            return heading
    return ""


def _steady(executed: Any) -> Any:
    """The notebook without what differs between equal runs: process ids and addresses in texts."""
    import nbformat

    node = nbformat.from_dict(json.loads(json.dumps(executed)))
    for cell in node.cells:
        for output in cell.get("outputs", []):
            if "text" in output:
                output["text"] = _steady_text(output["text"])
            if "text/plain" in output.get("data", {}):
                output["data"]["text/plain"] = _steady_text(output["data"]["text/plain"])
    return node


def _steady_text(text: str) -> str:
    return _ADDRESS.sub("0x…", _CELL_FILE.sub("notebook cell", text))


def shown_markdown(text: str) -> str:
    """HTML of a notebook's Markdown."""
    import mistune  # nbconvert's own, without the second that nbconvert takes to import

    return str(mistune.create_markdown(escape=True)(text))


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    config = Config()
    config.NbConvertBase.display_data_priority = [
        "image/svg+xml",
        "image/png",
        "image/jpeg",
        "text/html",
        "text/markdown",
        "text/plain",
    ]
    config.CSSHTMLHeaderPreprocessor.enabled = False
    return HTMLExporter(
        config=config,
        extra_template_basedirs=[str(TEMPLATES)],
        template_name="stage",
        exclude_input=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )


def own_page(template: str, terms: Sequence[Term] = (), /, **values: Any) -> str:
    """A page of the report: of this template, with its style and script, its terms explained."""
    from riskkit.documents import explained, page_html  # and so the models, when first needed

    files = {"css": _own("page.css"), "script": _own("page.js")}
    return explained(page_html(template, TEMPLATES, **files, **values), terms)


def glossary_terms(project: Path) -> tuple[Term, ...]:
    """Entries of the project's glossary, ``docs/glossary.md``; none where it has none.

    Raises
    ------
    DataContractError
        It is not of the form that :func:`documents.read_glossary` reads.
    """
    from riskkit.documents import read_glossary

    path = project / "docs" / "glossary.md"
    return read_glossary(path) if path.is_file() else ()


def glossary_page(terms: Sequence[Term]) -> str:
    """The page that the terms of the others link to."""
    from riskkit.documents import glossary_sections

    return own_page("glossary.html.j2", title="Glossary", sections=glossary_sections(terms))


@cache
def _own(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
