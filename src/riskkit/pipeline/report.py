"""What a reader sees: one HTML page a stage and an index, each a single file that loads nothing.

Takes executed notebooks and the manifest; gives HTML text. A stage page holds no time stamp, random
id or path, so equal runs give equal bytes; times are the index's.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from riskkit.checks import DataContractError
from riskkit.pipeline.execute import Failure
from riskkit.pipeline.handover import FINDINGS, KEY_FIGURES
from riskkit.pipeline.manifest import stage_state
from riskkit.pipeline.notebooks import Notebook
from riskkit.tables import read_json

__all__ = ["documents_in", "failed_notebook", "index_page", "key_figures", "stage_page"]

TEMPLATES = Path(__file__).parent / "templates"
_HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>', re.DOTALL)
_ANCHOR_LINK = re.compile(r'<a class="anchor-link"[^>]*>.*?</a>')
_CELL_FILE = re.compile(r"\S*ipykernel_\d+/\d+\.py")
# parameters that the source's name stands for
_OF_SOURCE = ("source", "root")
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")


def stage_page(
    executed: Any,
    notebook: Notebook,
    neighbours: Sequence[Notebook],
    shown: Mapping[str, Any],
    *,
    documents: Mapping[str, str] | None = None,
    hidden: Mapping[str, str] | None = None,
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
    failure : Failure, optional
        Goes on top.
    """
    body, _ = _exporter().from_notebook_node(
        _steady(executed),
        resources={"parameters_block": _parameters_block(notebook, shown)},
    )
    body = _ANCHOR_LINK.sub("", body)
    at = [n.name for n in neighbours].index(notebook.name)
    page = _page(
        "stage.html.j2",
        name=notebook.name,
        title=_plain(notebook.title),
        previous=_link(neighbours[at - 1]) if at else None,
        following=_link(neighbours[at + 1]) if at + 1 < len(neighbours) else None,
        failure=str(failure) if failure else "",
        has_traceback='id="error"' in body,
        section=_last_heading(executed) if failure else "",
        sections=[(anchor, _text_of(heading)) for anchor, heading in _HEADING.findall(body)],
        body=body,
        documents=documents or {},
    )
    for text, stand_in in (hidden or {}).items():
        page = page.replace(text, stand_in)
    return page


def documents_in(folder: Path) -> dict[str, str]:
    """The documents a stage has left in its folder: file name -> title, in order of name."""
    found = {}
    for path in sorted(folder.glob("[!.]*.html")):
        title = _TITLE.search(path.read_text(encoding="utf-8"))
        found[path.name] = (html.unescape(title[1]).strip() if title else "") or path.stem
    return found


def failed_notebook(executed: Any, failure: Failure) -> str:
    """The executed notebook as JSON, the failure on top."""
    import nbformat

    banner = nbformat.v4.new_markdown_cell(f"**This stage failed.**\n\n    {failure}")
    node = nbformat.from_dict({**executed, "cells": [banner, *executed["cells"]]})
    return json.dumps(node, ensure_ascii=False, indent=1) + "\n"


def index_page(
    manifest: Mapping[str, Any],
    notebooks: Sequence[Notebook],
    run_dir: Path,
    report_dir: Path,
) -> str:
    """The run's front page: key figures, states and seconds of every stage, and what it ran on."""
    records = manifest.get("stages", {})
    stages = []
    for notebook in notebooks:
        record = records.get(notebook.name, {})
        state = stage_state(manifest, notebook.name)
        if state == "done" and record.get("reused"):
            state = "up to date"
        page = f"{notebook.name}.html"
        stages.append(
            {
                "name": notebook.name,
                "title": _plain(notebook.title),
                "purpose": _markdown(notebook.purpose),
                "state": state,
                "page": page if (report_dir / page).is_file() else "",
                "seconds": f"{record['seconds']:.1f} s" if "seconds" in record else "",
                "error": record.get("error", ""),
                "documents": {}
                if state == "failed"
                else {
                    name: title
                    for name, title in documents_in(run_dir / notebook.name).items()
                    if (report_dir / name).is_file()
                },
                "figures": [] if state == "failed" else key_figures(run_dir / notebook.name),
                "findings": [] if state == "failed" else _findings(run_dir / notebook.name),
                "parameters": _rows(notebook, record.get("parameters", {})),
            }
        )
    found = [
        {"stage": stage["title"], "page": stage["page"], **finding}
        for stage in stages
        for finding in stage["findings"]
    ]
    found.sort(key=lambda finding: not finding["red"])
    decided = {n.name for n in notebooks if "chosen_cutoffs" in n.leaves}
    recommended = [
        f"{label}: {text}"
        for stage in stages
        if stage["name"] in decided
        for label, text in stage["figures"][:1]
    ]
    # a page with another scenario must not pass for the nightly one
    changed = [
        f"{row['name']} = {row['value']}"
        for stage in stages
        for row in stage["parameters"]
        if row["changed"] and row["name"] not in _OF_SOURCE
    ]
    facts = [
        ("Run", manifest["run"]),
        ("Source", manifest["source"]),
        ("Profile", manifest["profile"]),
        *([("Set for this run", ", ".join(dict.fromkeys(changed)))] if changed else []),
        ("Started", _time(manifest["started"])),
        ("Finished", _time(manifest["finished"])),
        ("riskkit", manifest["versions"]["riskkit"]),
        ("Python", manifest["versions"]["python"]),
    ]
    page = _page(
        "index.html.j2",
        title=manifest.get("title", manifest["run"]),  # older manifests have none
        sentence=_sentence([(s["title"], s["state"]) for s in stages]),
        facts=facts,
        recommended=recommended,
        findings=found,
        stages=stages,
        versions=list(manifest["versions"].items()),
    )
    return page


def _sentence(states: Sequence[tuple[str, str]]) -> str:
    """How the run stands, in words."""
    failed = [title for title, state in states if state == "failed"]
    if failed:
        return f"Failed at “{failed[0]}”; later stages did not run."
    stale = [title for title, state in states if state == "stale"]
    if stale:
        return "Out of date, because an earlier stage has changed since: " + ", ".join(stale) + "."
    absent = [title for title, state in states if state not in ("done", "up to date")]
    if absent:
        return "Not run yet: " + ", ".join(absent) + "."
    return f"All {len(states)} stages are done."


def _time(stamp: str) -> str:
    return stamp.replace("T", " ").replace("+00:00", " UTC")


def key_figures(folder: Path) -> list[tuple[str, str]]:
    """The key figures that a stage has left in its folder: label and text, in its order."""
    figures = _left_json(folder / KEY_FIGURES)
    if not isinstance(figures, dict):
        return []
    return [(str(label), str(text)) for label, text in figures.items()]


def _findings(folder: Path) -> list[dict[str, Any]]:
    told = _left_json(folder / FINDINGS)
    rows = [row for row in told if _is_finding(row)] if isinstance(told, list) else []
    lost = told is not None and (not isinstance(told, list) or len(rows) < len(told))
    if lost:
        text = f"{FINDINGS} of this stage cannot be read, or not all of it"
        rows.append({"topic": "Findings", "text": text, "red": True})
    return rows


def _is_finding(row: Any) -> bool:
    kinds = {"topic": str, "text": str, "red": bool}
    return isinstance(row, dict) and all(isinstance(row.get(k), t) for k, t in kinds.items())


def _left_json(path: Path) -> Any:
    try:
        return read_json(path)
    except DataContractError:
        return None


def _rows(notebook: Notebook, shown: Mapping[str, Any]) -> list[dict[str, Any]]:
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


def _parameters_block(notebook: Notebook, shown: Mapping[str, Any]) -> str:
    rows = _rows(notebook, shown)
    return _page("parameters.html.j2", rows=rows) if rows else ""


def _link(notebook: Notebook) -> dict[str, str]:
    return {"name": notebook.name, "title": _plain(notebook.title)}


def _plain(markdown: str) -> str:
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
            heading = _plain(lines[-1].lstrip("#").strip()) if lines else heading
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


def _markdown(text: str) -> str:
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


def _page(template: str, **values: Any) -> str:
    from riskkit.documents import page_html  # and so the models, when first needed

    return page_html(template, TEMPLATES, css=_css(), **values)


@cache
def _css() -> str:
    return (TEMPLATES / "page.css").read_text(encoding="utf-8")
