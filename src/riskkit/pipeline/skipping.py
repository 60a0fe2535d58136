"""Sections that a source cannot feed, where no runner leaves them out: one grey line, no traceback.

Takes IPython's shell and a stage. A cell of the notebook that is tagged ``needs:NAME`` is not run
where no stage has left that, exactly as the runner passes over it. Of a cell that somebody has
changed or added nobody knows what it needs: it is run, and where it finds a table missing, or a
name that a skipped cell would have made, it shows that line and counts as failed.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any

from riskkit.pipeline.handover import Stage, TableMissing
from riskkit.pipeline.lab import show_grey
from riskkit.pipeline.notebooks import Notebook, cells_with_needs, first_absent

__all__ = ["Skipper", "skip_sections"]

# what a cell makes stays in these: their names are not the notebook's
_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)


def skip_sections(shell: Any, stage: Stage, notebook: Notebook | None) -> None:
    """From the next cell on, show a grey line where a section lacks its table.

    Called again, as when the opening cell is run twice, it starts anew.

    Parameters
    ----------
    shell : InteractiveShell
    stage : Stage
    notebook : Notebook or None
        None: no cell is known, so each is run.
    """
    for name, hooks in shell.events.callbacks.items():
        for hook in [h for h in hooks if isinstance(getattr(h, "__self__", None), Skipper)]:
            shell.events.unregister(name, hook)
    kept = [one for one in shell.ast_transformers if not isinstance(one, Skipper)]
    skipper = Skipper(shell, stage, {} if notebook is None else cells_with_needs(notebook.path))
    shell.events.register("pre_run_cell", skipper.before)
    shell.events.register("post_run_cell", skipper.after)
    shell.ast_transformers[:] = [*kept, skipper]
    shell.set_custom_exc((TableMissing, NameError), skipper.failed)


class Skipper:
    """What is skipped in a shell, and which names that leaves without a value.

    Parameters
    ----------
    shell : InteractiveShell
    stage : Stage
    cells : mapping of str to cell
        The notebook's cells that need something, by id and by source.
    """

    def __init__(self, shell: Any, stage: Stage, cells: Mapping[str, Any]) -> None:
        self.shell = shell
        self.stage = stage
        self.cells = cells
        self.lacking: TableMissing | None = None  # what the cell about to run lacks
        self.unmade: dict[str, str] = {}  # name -> why no cell has made it

    def before(self, info: Any) -> None:
        """See what the cell that is about to run lacks."""
        cell = self.cells.get(info.cell_id or "") or self.cells.get(info.raw_cell.strip())
        need = None if cell is None else first_absent(cell, self.stage.can_read)
        self.lacking = None if need is None else self.stage.lacking(need)

    def visit(self, tree: Any) -> Any:
        """The cell's code, or none where it lacks something; the line is shown here."""
        if self.lacking is None or not isinstance(tree, ast.Module):
            return tree
        lacking, self.lacking = self.lacking, None
        self._remember(_assigned(tree), str(lacking))
        show_grey(self.shell, f"Skipped: {lacking}.")
        return ast.Module(body=[], type_ignores=[])

    def after(self, result: Any) -> None:
        """Forget names that have a value by now: where they lose it, it is no skipped cell's."""
        self.unmade = {n: why for n, why in self.unmade.items() if n not in self.shell.user_ns}

    def failed(
        self, shell: Any, kind: Any, error: Any, traceback: TracebackType, tb_offset: Any = None
    ) -> None:
        """Show why a cell could not do its work: in one line where a table is missing."""
        frames = [*_frames(traceback)]
        own = [frame for frame in frames if frame.f_globals is shell.user_ns]
        why = None
        if isinstance(error, TableMissing):
            why = str(error)
        elif frames[-1:] == own[-1:]:
            why = self.unmade.get(error.name)
        if why is None:
            shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
            return
        source = "".join(linecache.getlines(own[0].f_code.co_filename)) if own else ""
        self._remember(_assigned(ast.parse(source)), why)
        if getattr(error, "run_first", ""):
            # nothing that the source lacks: something to do
            shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
            return
        show_grey(shell, f"Skipped: {why}.")
        shell._last_traceback = [f"Skipped: {why}."]  # what the kernel replies

    def _remember(self, names: set[str], why: str) -> None:
        self.unmade |= dict.fromkeys(names - set(self.shell.user_ns), why)


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _assigned(tree: ast.AST) -> set[str]:
    """Names that code gives a value in the notebook itself."""
    names: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if not isinstance(node, _SCOPES):
            names |= _assigned(node)
    return names
