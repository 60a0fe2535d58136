"""One stage after another, or beside another: what it is made of, its kernel, what it leaves.

Takes a plan and the run's manifest; gives records of stages in it, tables and pages on disk. The
notebooks are executed in threads, all else happens in the caller's.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from riskkit.partitions import PROGRESS, STAGE
from riskkit.pipeline.block_progress import BlockProgress, Watched
from riskkit.pipeline.execute import Failure, Outcome, load_engine, run_notebook
from riskkit.pipeline.folders import own_folder, staging_folder, swap_in, unfinished_file
from riskkit.pipeline.handover import Stage, require_as_left
from riskkit.pipeline.kernels import Kernel
from riskkit.pipeline.manifest import hash_folder, inputs_of, now, same_files, write_text
from riskkit.pipeline.notebooks import Notebook
from riskkit.pipeline.opening import SEES
from riskkit.pipeline.parameters import OWN, BadInput
from riskkit.pipeline.plan import Plan
from riskkit.pipeline.refused import SIGNED
from riskkit.pipeline.report import DOCUMENTS, documents_in, failed_notebook, stage_page
from riskkit.pipeline.run_log import RunLog, reason_text
from riskkit.pipeline.stage_graph import not_declared
from riskkit.pipeline.what_is_read import Sees
from riskkit.tables import hash_file, whole

__all__ = ["AtWork", "StageResult", "publish"]


@dataclass(frozen=True)
class StageResult:
    """One stage of a run: ``done``, ``up to date``, ``failed`` or ``not run``, and its seconds.

    `cell_seconds` is the part its cells took; the rest is the runner's own.
    """

    name: str
    status: str
    seconds: float = 0.0
    cell_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _Begun:
    """A stage at work."""

    notebook: Notebook
    recipe: Mapping[str, Any]
    kernel: Kernel
    staging: Path
    told: Path  # file in which it tells how far it is with blocks
    started: str
    clock: float
    slot: int  # line of its progress bar
    left: contextlib.ExitStack  # what is closed when it is over


class AtWork:
    """The stages of one run: begun and ended one by one, each in a kernel of its own.

    Parameters
    ----------
    plan : Plan
    manifest : dict
        Of the run; its `stages` are written to, the rest is read.
    threads : mapping of stage to int
    force : bool
        Run stages that are up to date, too.
    timeout_seconds : float
    progress : bool
    environment : mapping of str to str
        Added to that of each stage.
    log : RunLog
    before_first : callable
        Called once, before anything is replaced.
    after_each : callable
        Called after each stage that ran.
    """

    def __init__(
        self,
        plan: Plan,
        manifest: dict[str, Any],
        *,
        threads: Mapping[str, int],
        force: bool,
        timeout_seconds: float,
        progress: bool,
        environment: Mapping[str, str],
        log: RunLog,
        before_first: Callable[[], None],
        after_each: Callable[[], None],
    ) -> None:
        self.plan = plan
        self.manifest = manifest
        self.threads = threads
        self.force = force
        self.timeout_seconds = timeout_seconds
        self.progress = progress
        self.environment = environment
        self.log = log
        self.before_first = before_first
        self.after_each = after_each
        self.notebooks = {notebook.name: notebook for notebook in plan.notebooks}
        self.results: dict[str, StageResult] = {}
        self.failures: dict[str, Failure] = {}
        self._waiting: dict[str, Kernel] = {}
        self._begun: dict[str, _Begun] = {}
        self._has_begun = False
        self._blocks = BlockProgress(self._watched, self._has_bars())

    def __enter__(self) -> AtWork:
        if self.progress:
            self._blocks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.progress:
            self._blocks.__exit__(*error)
        for begun in self._begun.values():
            begun.left.close()
        for kernel in self._waiting.values():
            kernel.close()

    def begin(self, name: str) -> Callable[[], Outcome] | None:
        """What is to be done for a stage; None where it is up to date."""
        notebook, records = self.notebooks[name], self.manifest["stages"]
        recipe = _recipe(self.plan, notebook, self.manifest)
        if not self.force and self._is_up_to_date(notebook, recipe):
            records[name]["reused"] = True
            publish(self.plan.run_dir / name, self.plan.report_dir, records[name]["outputs"])
            if (kernel := self._waiting.pop(name, None)) is not None:
                kernel.close()
            self._over(StageResult(name, "up to date"))
            return None
        if not self._has_begun:
            self.before_first()
            self._has_begun = True
        with contextlib.ExitStack() as stack:
            kernel = self._waiting.pop(name, None) or Kernel(notebook, self.threads[name])
            stack.callback(kernel.close)
            if self.progress and not self._has_bars():
                sys.stderr.write(f"{self._label(name)} ...\n")
            load_engine()  # not the first stage's time but the run's, while the kernel starts
            begun = _Begun(
                notebook=notebook,
                recipe=recipe,
                kernel=kernel,
                staging=stack.enter_context(staging_folder(self.plan.run_dir, name)),
                told=stack.enter_context(unfinished_file(self.plan.run_dir, "blocks")),
                started=now(),
                clock=time.monotonic(),
                slot=min({*range(len(self._begun) + 1)} - {b.slot for b in self._begun.values()}),
                left=stack.pop_all(),
            )
        self._begun[name] = begun
        self.log.tell("stage_start", stage=name)
        return partial(self._execute, begun)

    def likely(self, names: Sequence[str]) -> None:
        """Start the kernels of stages that are likely to begin next."""
        for name in names:
            if name not in self._waiting:
                self._waiting[name] = Kernel(self.notebooks[name], self.threads[name])

    def stop(self) -> None:
        """End all kernels at once."""
        for begun in self._begun.values():
            begun.kernel.kill()

    def end(self, name: str, outcome: Outcome) -> bool:
        """Whether a stage came to its end; its record, tables and page are left.

        Raises
        ------
        BadInput
            Its data break the contract: nothing of it is left.
        """
        begun = self._begun.pop(name)
        with begun.left:
            failure = outcome.failure
            if failure is not None and failure.name == "DataContractError":
                why = reason_text(failure.name, failure.message)
                self.log.tell("stage_end", stage=name, status="refused", why=why)
                raise BadInput(failure.message)
            outputs: Mapping[str, str] = hash_folder(begun.staging)
            later = [n for n in self.plan.notebooks if n.name > name]
            if failure is None and (told := not_declared(begun.notebook, outputs, later)):
                failure = Failure("NotDeclared", told)
            outputs = self._leave(begun, outcome, failure, outputs)
        seconds = time.monotonic() - begun.clock
        status = "done" if failure is None else "failed"
        self.manifest["stages"][name] = {
            "status": status,
            "started": begun.started,
            "finished": now(),
            "seconds": round(seconds, 3),
            "cell_seconds": round(outcome.cell_seconds, 3),
            **({} if failure is None else {"error": str(failure)[:2000]}),
            **begun.recipe,
            "outputs": outputs,
            "page": hash_file(self.plan.report_dir / f"{name}.html"),
        }
        if failure is not None:
            self.failures[name] = failure
        self.after_each()
        self._over(StageResult(name, status, seconds, outcome.cell_seconds))
        return failure is None

    def _leave(
        self,
        begun: _Begun,
        outcome: Outcome,
        failure: Failure | None,
        outputs: Mapping[str, str],
    ) -> Mapping[str, str]:
        """Put tables and page in their places; what the stage has left, now or when it last did."""
        plan, name = self.plan, begun.notebook.name
        before = self.manifest["stages"].get(name, {}).get("outputs", {})
        if failure is not None:
            # on a disk that the stage has filled, its page needs the room
            shutil.rmtree(begun.staging, ignore_errors=True)
        page = stage_page(
            outcome.notebook,
            begun.notebook,
            plan.notebooks,
            plan.shown[name],
            documents={} if failure else documents_in(begun.staging, outputs),
            hidden={str(begun.staging): name, str(plan.run_dir): "."},
            terms=plan.terms,
            versions=begun.recipe["versions"],
            failure=failure,
        )
        own_folder(plan.report_dir)
        kept = plan.report_dir / f"{name}.failed.ipynb"
        if failure is None:
            swap_in(begun.staging, plan.run_dir / name)
            kept.unlink(missing_ok=True)
            for old in before:
                if old.endswith(DOCUMENTS) and "/" not in old and old not in outputs:
                    (plan.report_dir / old).unlink(missing_ok=True)
            publish(plan.run_dir / name, plan.report_dir, outputs)
        else:
            write_text(kept, failed_notebook(outcome.notebook, failure))
        write_text(plan.report_dir / f"{name}.html", page)
        return before if failure else outputs

    def _execute(self, begun: _Begun) -> Outcome:
        """Run the notebook; in a thread of its own."""
        plan, notebook = self.plan, begun.notebook
        sees = Sees(plan.needs[notebook.name], notebook.reads)
        stage = Stage(notebook.name, begun.staging, plan.run_dir, sees)
        own = dict(zip(OWN, (str(plan.run_dir), str(begun.staging)), strict=True))
        folders = {name: path for name, path in own.items() if name in notebook.parameters}
        there: set[str] = set()  # what is there stays; what is not, the stage may yet leave

        def has(name: str) -> bool:
            if name not in there and stage.can_read(name):
                there.add(name)
            return name in there

        bar = {"desc": self._label(notebook.name), "unit": "cell", "position": begun.slot}
        return run_notebook(
            notebook,
            {**plan.values[notebook.name], **folders},
            kernel=begun.kernel,
            has=has,
            timeout_seconds=self.timeout_seconds,
            environment={
                **self.environment,
                SEES: sees.as_text(),
                PROGRESS: str(begun.told),
                STAGE: notebook.name,
            },
            progress={**bar, "leave": False} if self._has_bars() else None,
        )

    def _is_up_to_date(self, notebook: Notebook, recipe: Mapping[str, Any]) -> bool:
        record = self.manifest["stages"].get(notebook.name)
        if record is None or record["status"] != "done":
            return False
        if recipe.get("source_files", ()) is None:
            return False  # nobody knows what a database holds by now
        page = self.plan.report_dir / f"{notebook.name}.html"
        later = [n for n in self.plan.notebooks if n.name > notebook.name]
        return (
            all(record.get(key) == value for key, value in recipe.items())
            and same_files(self.plan.run_dir / notebook.name, record["outputs"])
            and page.is_file()
            and hash_file(page) == record["page"]
            and not not_declared(notebook, record["outputs"], later)
        )

    def _over(self, result: StageResult) -> None:
        self.results[result.name] = result
        failure = self.failures.get(result.name)
        self.log.tell(
            "stage_end",
            stage=result.name,
            status=result.status,
            seconds=round(result.seconds, 3),
            cell_seconds=round(result.cell_seconds, 3),
            why="" if failure is None else reason_text(failure.name, failure.message),
        )
        if not self.progress:
            return
        took = f" in {result.seconds:.1f} s" if result.seconds else ""
        line = f"{self._label(result.name)}: {result.status}{took}"
        if self._has_bars():
            from tqdm import tqdm  # papermill's, whose bars it does not cut

            tqdm.write(line, file=sys.stderr)
        else:
            sys.stderr.write(f"{line}\n")

    def _watched(self) -> list[Watched]:
        begun = list(self._begun.values())
        return [Watched(self._label(b.notebook.name), b.slot, b.told) for b in begun]

    def _has_bars(self) -> bool:
        return self.progress and sys.stderr.isatty()

    def _label(self, name: str) -> str:
        selected = [notebook.name for notebook in self.plan.selected]
        return f"[{selected.index(name) + 1}/{len(selected)}] {name}"


def publish(folder: Path, report_dir: Path, outputs: Mapping[str, str]) -> None:
    """Put a stage's documents beside its page, where they are not there yet, as it left them."""
    for name in documents_in(folder, outputs):
        require_as_left(folder / name, outputs[name], folder.parent)
        content = (folder / name).read_bytes()
        shown = report_dir / name
        if not shown.is_file() or shown.read_bytes() != content:
            with whole(shown) as staging:
                staging.write_bytes(content)


def _recipe(plan: Plan, notebook: Notebook, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a stage's results depend on."""
    needs = plan.needs[notebook.name]
    recipe: dict[str, Any] = {
        "parameters": plan.shown[notebook.name],
        "notebook": notebook.sha256,
        "package": manifest["package"],
        "versions": manifest["versions"],
        "needs": needs,
        "inputs": inputs_of(manifest, notebook.name, needs),
    }
    if plan.shown[notebook.name].get("source"):
        recipe["source_files"] = plan.source_hashes
    for name in SIGNED:
        path = plan.values[notebook.name].get(name)
        if path:
            recipe[f"{name}_file"] = hash_file(Path(path))
    for parameter, files in plan.data_files.items():
        if notebook.name in files:
            # that there is none any more is a change, too
            path = files[notebook.name]
            recipe[f"{parameter.removesuffix('_file')}_file"] = (
                "" if path is None else hash_file(path)
            )
    return recipe
