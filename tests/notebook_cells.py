"""The notebooks' cells run in this process, as the runner runs them in a kernel."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
from nbformat.v4 import new_markdown_cell

from riskkit import schema
from riskkit.pipeline import notebooks
from riskkit.pipeline.handover import holds
from riskkit.pipeline.opening import UNDER_RUNNER

PROJECT = Path(__file__).parents[1]


class CellError(Exception):
    """A cell that raised, by its id."""


def run_notebooks(
    source: schema.Source, project: Path, monkeypatch: Any, numbers: str = "12345"
) -> dict[int, str]:
    """These notebooks on the source; number of the notebook → what its cells show, without tags."""
    (project / "notebooks").symlink_to(PROJECT / "notebooks")
    (project / "data").mkdir()
    for name in ("limits.yaml", "provisions.yaml", "funding.yaml"):
        (project / "data" / name).symlink_to(PROJECT / "data" / name)
    monkeypatch.setattr(schema, "load_source", lambda *args, **options: source)
    monkeypatch.setenv(UNDER_RUNNER, "1")
    run_dir = project / "data" / "runs" / "thin"
    return {
        notebook.number: "\n".join(run_notebook(notebook, run_dir, source="mapping.yaml"))
        for notebook in notebooks.find_notebooks(project)
        if str(notebook.number) in numbers
    }


def run_notebook(notebook: notebooks.Notebook, run_dir: Path, **parameters: Any) -> list[str]:
    """What one notebook's cells show, in their order; a section left out shows why."""
    folder = run_dir / notebook.name
    folder.mkdir(parents=True, exist_ok=True)  # as the runner does before it starts a kernel
    folders = [p for p in run_dir.glob("*") if p.name < notebook.name] + [folder]
    given = parameters | {"run_dir": str(run_dir), "output_dir": str(folder)}
    given = {name: value for name, value in given.items() if name in notebook.parameters}
    cells = nbformat.read(notebook.path, as_version=4).cells
    namespace: dict[str, Any] = {"__name__": "__main__"}
    missing: dict[int, str] = {}
    for place, cell in enumerate(cells):
        absent = [
            need
            for need in notebooks.needs(cell)
            if not any(holds(f, name) for f in folders for name in need.split("|"))
        ]
        if absent:
            missing[place] = absent[0]
        elif cell.cell_type == "code":
            try:
                cell["shown"] = _shown(_run(cell.source, namespace))
            except Exception as error:
                raise CellError(f"{notebook.name}, cell {cell.id}: {error!r}") from error
            if "parameters" in cell.metadata.get("tags", []):
                namespace |= given
    kept = notebooks.leave_out(cells, missing, new_markdown_cell)
    return [cell.get("shown", "") if cell.cell_type == "code" else cell.source for cell in kept]


def run_cells(
    notebook: notebooks.Notebook, run_dir: Path, ids: Sequence[str], **parameters: Any
) -> dict[str, Any]:
    """What is known once the parameters cell and some others have run, in the notebook's order."""
    (run_dir / notebook.name).mkdir(parents=True)
    given = parameters | {"run_dir": str(run_dir), "output_dir": str(run_dir / notebook.name)}
    cells = nbformat.read(notebook.path, as_version=4).cells
    assert set(ids) <= {cell.id for cell in cells}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells:
        if "parameters" in cell.metadata.get("tags", []):
            _run(cell.source, namespace)
            assert set(given) <= set(namespace)
            namespace |= given
        elif cell.id in ids:
            _run(cell.source, namespace)
    plt.close("all")
    return namespace


def _run(code: str, namespace: dict[str, Any]) -> Any:
    """Value of the last expression, as a notebook shows it; None after a semicolon."""
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), namespace)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)
    return None if code.rstrip().endswith(";") else value


def _shown(value: Any) -> str:
    figures = []
    for number in plt.get_fignums():
        plt.figure(number).draw_without_rendering()
        figures.append("<img>")
    plt.close("all")
    if hasattr(value, "to_html"):
        text = value.to_html()
    else:  # Markdown, as a page shows it
        text = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", getattr(value, "data", ""))
    return "\n".join([*figures, text])
