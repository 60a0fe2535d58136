"""Run the suite: which stages, in which order, what is up to date, what is left when one fails.

Takes parameters and a source; gives a folder of tables and models, a folder of HTML pages, and a
:class:`RunResult`. Everything that can be refused is refused before anything is written.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.columns import Described, Description
from riskkit.pipeline.alerts import Alert, judge_alerts, unanswered
from riskkit.pipeline.execute import Failure, Outcome, load_engine, run_notebook
from riskkit.pipeline.findings import limits_of
from riskkit.pipeline.folders import clean_up, locked, own_folder, staging_folder, swap_in
from riskkit.pipeline.front_page import index_page, key_figures_in
from riskkit.pipeline.handover import FINDINGS, KEY_FIGURES, Stage, require_as_left
from riskkit.pipeline.history import append_history, is_good, keep_previous, recover_previous
from riskkit.pipeline.lineage import digests, lineage_of
from riskkit.pipeline.manifest import (
    hash_folder,
    inputs_of,
    now,
    package_hash,
    read_manifest,
    same_files,
    seeds,
    stage_state,
    versions,
    write_manifest,
    write_text,
)
from riskkit.pipeline.notebooks import Notebook, find_notebooks, find_project
from riskkit.pipeline.parameters import OWN, BadInput
from riskkit.pipeline.plan import Plan, make_plan
from riskkit.pipeline.refused import SIGNED
from riskkit.pipeline.report import (
    DOCUMENTS,
    documents_in,
    failed_notebook,
    glossary_page,
    glossary_terms,
    stage_page,
)
from riskkit.tables import hash_file, whole

if TYPE_CHECKING:
    from riskkit.documents import Term
    from riskkit.schema import LimitsFile

__all__ = ["RunResult", "StageResult", "rebuild_index", "run", "stoppable"]

FAILED, ALERT, TERMINATED = 1, 3, 143


@dataclass(frozen=True)
class StageResult:
    """One stage of a run: ``done``, ``up to date``, ``failed`` or ``not run``, and its seconds.

    `cell_seconds` is the part its cells took; the rest is the runner's own.
    """

    name: str
    status: str
    seconds: float = 0.0
    cell_seconds: float = 0.0


@dataclass(frozen=True)
class RunResult(Described):
    """What a run left.

    Parameters
    ----------
    run_dir, report_dir : Path
        Tables and models; HTML pages.
    stages : tuple of StageResult
        The stages asked for, in order.
    exit_code : int
        0 done, 1 a stage failed, 3 done and an alert is red and not acknowledged.
    failure : Failure or None
        Why.
    alerts : tuple of Alert
        Those that are red and not acknowledged; none where this run has judged no lights.
    """

    run_dir: Path
    report_dir: Path
    stages: tuple[StageResult, ...]
    exit_code: int = 0
    failure: Failure | None = None
    alerts: tuple[Alert, ...] = ()

    @property
    def index(self) -> Path:
        """The report's front page."""
        return self.report_dir / "index.html"

    def describe(self) -> Description:
        """Which stages did what, where their pages are, and what to call next."""
        failed = [stage.name for stage in self.stages if stage.status == "failed"]
        facts = {
            stage.name: stage.status + (f", {stage.seconds:.1f} s" if stage.seconds else "")
            for stage in self.stages
        }
        pages = [self.report_dir / f"{name}.html" for name in failed] or [self.index]
        facts["failure"] = "" if self.failure is None else str(self.failure)
        facts["read"] = str(pages[0])
        calls = ["pipeline.open_run(result.run_dir)", "pipeline.run_workbook(result.run_dir)"]
        facts["alerts"] = "; ".join(alert.label for alert in self.alerts)
        state = "done" if self.failure is None else "failed"
        return Description(f"Run {self.run_dir.name}: {state}", facts, calls)


def run(
    stages: Sequence[str | int] | None = None,
    parameters: Mapping[str, Any] | None = None,
    profile: str = "default",
    *,
    source: str | Path | None = None,
    root: str | Path | None = None,
    run: str | None = None,
    project: str | Path | None = None,
    only: str | int | None = None,
    start: str | int | None = None,
    force: bool = False,
    timeout_seconds: float = 1800,
    progress: bool = True,
) -> RunResult:
    """Run the notebooks one after another into ``data/runs/<run>`` and ``reports/runs/<run>``.

    Parameters
    ----------
    stages : sequence of str or int, optional
        Neighbouring stages to run, by name or number; all unless said otherwise.
    parameters : mapping, optional
        Parameter name -> value, or text as on the command line; every notebook that declares the
        name gets it. They win over the profile.
    profile : {"quick", "default"}
        How many applicants the synthetic lender has, and how many applications of a source count.
    source : str or Path, optional
        A mapping of real data (YAML); without one the synthetic lender is the source.
    root : str or Path, optional
        Folder of the mapping's files.
    run : str, optional
        Name of the run; ``<the mapping's name, or synthetic>-<profile>`` unless said otherwise.
    project : str or Path, optional
        Folder that holds ``notebooks/``; looked for upwards from the working folder otherwise.
    only, start : str or int, optional
        Run this stage alone; run from this stage on. Earlier stages must be done.
    force : bool
        Run stages that are up to date, too.
    timeout_seconds : float
        Limit on each stage as a whole.
    progress : bool
        Show the stages' progress on stderr.

    Raises
    ------
    BadInput, DataContractError
        Nothing was started, or a stage found its input wanting; nothing new was written.
    RunBusy
        Another run works in the same folder.
    """
    plan = make_plan(stages, parameters or {}, profile, source, root, run, project, only, start)
    if not timeout_seconds > 0:
        raise BadInput(f"timeout_seconds must be > 0, got {timeout_seconds!r}")
    read_manifest(plan.run_dir)  # one that is none stops the run before anything is written
    new = [folder for folder in (plan.run_dir, plan.report_dir) if not folder.exists()]
    above = [p for f in new for p in (f.parent, f.parent.parent) if not p.exists()]
    with stoppable(), locked(plan.run_dir):
        try:
            clean_up(plan.run_dir, plan.report_dir)
            recover_previous(plan.run_dir)
            return _run_stages(plan, force, timeout_seconds, progress)
        except BaseException as error:
            came_to_nothing = isinstance(error, BadInput) or not read_manifest(plan.run_dir)
            if plan.run_dir in new and came_to_nothing:
                for folder in new:
                    shutil.rmtree(folder, ignore_errors=True)
                for folder in above:
                    with contextlib.suppress(OSError):
                        folder.rmdir()
            raise


def rebuild_index(run_dir: Path) -> Path:
    """Path of the run's front page, written anew from the manifest.

    Raises
    ------
    BadInput
        The folder holds no manifest.
    """
    run_dir = run_dir.resolve()
    manifest = read_manifest(run_dir)
    if not manifest:
        raise BadInput(f"{str(run_dir)[:200]} is not a run's folder: it has no manifest.json")
    said = {"run", "source", "profile", "started", "finished"} <= set(manifest)
    if not said or not {"riskkit", "python"} <= set(manifest.get("versions", {})):
        raise BadInput(f"{run_dir}: its manifest.json does not say on what the run was made")
    project = find_project(run_dir)
    if run_dir.parent != project / "data" / "runs":
        raise BadInput(f"{run_dir} is no run of {project}: its runs are in data/runs")
    report_dir = project / "reports" / "runs" / run_dir.name
    # what may be refused comes before what is written
    notebooks, terms, limits = find_notebooks(project), glossary_terms(project), limits_of(project)
    own_folder(report_dir)
    for name, record in manifest["stages"].items():
        if record["status"] == "done":
            _publish(run_dir / name, report_dir, record["outputs"])
    _write_index(manifest, notebooks, run_dir, report_dir, terms, limits)
    return report_dir / "index.html"


def _run_stages(plan: Plan, force: bool, timeout_seconds: float, progress: bool) -> RunResult:
    known = {n.name for n in plan.notebooks}
    before = read_manifest(plan.run_dir)
    records: dict[str, dict[str, Any]] = {
        n: r for n, r in before.get("stages", {}).items() if n in known
    }
    manifest: dict[str, Any] = {
        "run": plan.name,
        "status": "running",
        "profile": plan.profile,
        **_what_of(plan, before),
        "started": now(),
        "finished": "",
        "seeds": seeds((k, v) for pairs in plan.shown.values() for k, v in pairs.items()),
        "package": package_hash(),
        "versions": versions(),
        "stages": records,
        **{key: before[key] for key in ("alerts",) if key in before},
        "lineage": lineage_of(plan, before),
    }
    for record in records.values():
        record.pop("reused", None)
    _check_earlier(plan, manifest)
    _check_strangers(plan, records)
    results: list[StageResult] = []
    failure: Failure | None = None
    nothing_ran = True
    try:
        for i, notebook in enumerate(plan.selected):
            label = f"[{i + 1}/{len(plan.selected)}] {notebook.name}"
            recipe = _recipe(plan, notebook, manifest)
            if not force and _up_to_date(plan, notebook, records.get(notebook.name), recipe):
                records[notebook.name]["reused"] = True
                outputs = records[notebook.name]["outputs"]
                _publish(plan.run_dir / notebook.name, plan.report_dir, outputs)
                results.append(StageResult(notebook.name, "up to date"))
            else:
                if nothing_ran:
                    keep_previous(plan.run_dir, before, sorted(known))
                    nothing_ran = False
                result, failure = _run_stage(
                    plan, notebook, recipe, records, timeout_seconds, label if progress else ""
                )
                results.append(result)
                _save(plan, manifest)
            if progress:
                _tell(label, results[-1])
            if failure is not None:
                break
    except BaseException as error:
        worked = any(result.status == "done" for result in results)
        if worked or (records and not isinstance(error, BadInput)):
            status = "refused" if isinstance(error, BadInput) else "interrupted"
            manifest.update(status=status, finished=now())
            _save(plan, manifest)
        raise
    manifest.update(status="failed" if failure else "done", finished=now())
    if is_good(manifest, sorted(known)) and not nothing_ran:
        figures = {name: key_figures_in(plan.run_dir / name) for name in sorted(known)}
        append_history(plan.run_dir, manifest, figures)
    alerts = _alerts(plan, manifest, failure)
    _save(plan, manifest)
    results += [StageResult(n.name, "not run") for n in plan.selected[len(results) :]]
    code = FAILED if failure else ALERT if alerts else 0
    return RunResult(plan.run_dir, plan.report_dir, tuple(results), code, failure, alerts)


def _alerts(plan: Plan, manifest: dict[str, Any], failure: Failure | None) -> tuple[Alert, ...]:
    """Judge the lights of a run that has not failed; the alerts that nobody has acknowledged."""
    return () if failure else tuple(unanswered(judge_alerts(plan.run_dir, manifest, plan.limits)))


def _check_earlier(plan: Plan, manifest: Mapping[str, Any]) -> None:
    """Refuse to start in the middle where what comes before is not there, or not alike."""
    first = plan.selected[0]
    for earlier in plan.notebooks[: plan.notebooks.index(first)]:
        state = stage_state(manifest, earlier.name)
        record = manifest["stages"].get(earlier.name, {})
        if state == "done" and not same_files(plan.run_dir / earlier.name, record["outputs"]):
            state = "changed on disk"
        if state != "done":
            raise BadInput(
                f"{first.name} needs {earlier.name}, which is {state} in run {plan.name!r}: "
                f"run it first (--from {earlier.name[:2]})"
            )
        for stage in plan.selected:
            for name, value in plan.shown[stage.name].items():
                was = record["parameters"].get(name, value)
                if was != value:
                    raise BadInput(
                        f"{name} is {value!r}, but {earlier.name} ran with {was!r}: "
                        f"give {name}={was}, or run --from {earlier.name[:2]}"
                    )


def _check_strangers(plan: Plan, records: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse to replace a stage's folder that somebody has put a file into."""
    for stage in plan.selected:
        folder = plan.run_dir / stage.name
        if stage.name not in records or not folder.is_dir():
            continue
        # a process killed between its files and its record has left some of these
        left = {name if "." in name else f"{name}.parquet" for name in stage.leaves}
        known = {*records[stage.name].get("outputs", {}), *left, KEY_FIGURES, FINDINGS}
        there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
        strange = [name for name in there if name not in known and not (folder / name).is_dir()]
        if strange:
            raise BadInput(
                f"{folder} holds {strange[0]!r}, which no run has left there and the next would "
                "remove: move it"
            )


def _recipe(plan: Plan, notebook: Notebook, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a stage's results depend on."""
    recipe: dict[str, Any] = {
        "parameters": plan.shown[notebook.name],
        "notebook": notebook.sha256,
        "package": manifest["package"],
        "versions": manifest["versions"],
        "inputs": inputs_of(manifest, notebook.name),
    }
    if plan.shown[notebook.name].get("source"):
        recipe["source_files"] = plan.source_hashes
    for name in SIGNED:
        path = plan.values[notebook.name].get(name)
        if path:
            recipe[f"{name}_file"] = hash_file(Path(path))
    for key, files in (
        ("rules_file", plan.policies),
        ("caps_file", plan.caps),
        ("provisions_file", plan.provisions),
    ):
        if notebook.name in files:
            # that there is none any more is a change, too
            path = files[notebook.name]
            recipe[key] = "" if path is None else hash_file(path)
    return recipe


def _up_to_date(
    plan: Plan,
    notebook: Notebook,
    record: Mapping[str, Any] | None,
    recipe: Mapping[str, Any],
) -> bool:
    if record is None or record["status"] != "done":
        return False
    if recipe.get("source_files", ()) is None:
        return False  # nobody knows what a database holds by now
    page = plan.report_dir / f"{notebook.name}.html"
    return (
        all(record.get(key) == value for key, value in recipe.items())
        and same_files(plan.run_dir / notebook.name, record["outputs"])
        and page.is_file()
        and hash_file(page) == record["page"]
    )


def _run_stage(
    plan: Plan,
    notebook: Notebook,
    recipe: Mapping[str, Any],
    records: dict[str, dict[str, Any]],
    timeout_seconds: float,
    label: str,
) -> tuple[StageResult, Failure | None]:
    """Run one stage and leave its record; raises BadInput where its data break the contract."""
    if label and not sys.stderr.isatty():
        sys.stderr.write(f"{label} ...\n")
    load_engine()  # not the first stage's time but the run's
    name, started, clock = notebook.name, now(), time.monotonic()
    with staging_folder(plan.run_dir, name) as staging:
        outcome = _execute(plan, notebook, staging, timeout_seconds, label)
        failure = outcome.failure
        if failure is not None and failure.name == "DataContractError":
            raise BadInput(failure.message)
        before = records.get(name, {}).get("outputs", {})
        outputs = before if failure else hash_folder(staging)
        page = stage_page(
            outcome.notebook,
            notebook,
            plan.notebooks,
            plan.shown[name],
            documents={} if failure else documents_in(staging, outputs),
            hidden={str(staging): name, str(plan.run_dir): "."},
            terms=plan.terms,
            versions=recipe["versions"],
            failure=failure,
        )
        own_folder(plan.report_dir)
        kept = plan.report_dir / f"{name}.failed.ipynb"
        if failure is None:
            swap_in(staging, plan.run_dir / name)
            kept.unlink(missing_ok=True)
            for old in before:
                if old.endswith(DOCUMENTS) and "/" not in old and old not in outputs:
                    (plan.report_dir / old).unlink(missing_ok=True)
            _publish(plan.run_dir / name, plan.report_dir, outputs)
        else:
            write_text(kept, failed_notebook(outcome.notebook, failure))
        write_text(plan.report_dir / f"{name}.html", page)
    seconds = time.monotonic() - clock
    status = "done" if failure is None else "failed"
    records[name] = {
        "status": status,
        "started": started,
        "finished": now(),
        "seconds": round(seconds, 3),
        "cell_seconds": round(outcome.cell_seconds, 3),
        **({} if failure is None else {"error": str(failure)[:2000]}),
        **recipe,
        "outputs": outputs,
        "page": hash_file(plan.report_dir / f"{name}.html"),
    }
    return StageResult(name, status, seconds, outcome.cell_seconds), failure


def _publish(folder: Path, report_dir: Path, outputs: Mapping[str, str]) -> None:
    """Put a stage's documents beside its page, where they are not there yet, as it left them."""
    for name in documents_in(folder, outputs):
        require_as_left(folder / name, outputs[name], folder.parent)
        content = (folder / name).read_bytes()
        shown = report_dir / name
        if not shown.is_file() or shown.read_bytes() != content:
            with whole(shown) as staging:
                staging.write_bytes(content)


def _execute(
    plan: Plan,
    notebook: Notebook,
    staging: Path,
    timeout_seconds: float,
    label: str,
) -> Outcome:
    stage = Stage(notebook.name, staging, plan.run_dir)
    own = dict(zip(OWN, (str(plan.run_dir), str(staging)), strict=True))
    folders = {name: path for name, path in own.items() if name in notebook.parameters}
    return run_notebook(
        notebook,
        {**plan.values[notebook.name], **folders},
        has=stage.can_read,
        timeout_seconds=timeout_seconds,
        progress={"desc": label, "unit": "cell"} if label and sys.stderr.isatty() else None,
    )


def _what_of(plan: Plan, before: Mapping[str, Any]) -> dict[str, Any]:
    """Title and source of the run; those of an earlier run where that one read the source."""
    own = {"title": plan.title, "source": plan.source}
    if plan.notebooks[0] in plan.selected:
        return own
    return {name: before.get(name, value) for name, value in own.items()}


def _save(plan: Plan, manifest: dict[str, Any]) -> None:
    manifest["lineage"].update(digests(manifest["stages"]))
    write_manifest(plan.run_dir, manifest)
    own_folder(plan.report_dir)
    _write_index(manifest, plan.notebooks, plan.run_dir, plan.report_dir, plan.terms, plan.limits)


def _write_index(
    manifest: Mapping[str, Any],
    notebooks: Sequence[Notebook],
    run_dir: Path,
    report_dir: Path,
    terms: Sequence[Term],
    limits: LimitsFile,
) -> None:
    if terms:
        write_text(report_dir / "glossary.html", glossary_page(terms))
    page = index_page(manifest, notebooks, run_dir, report_dir, terms, limits)
    write_text(report_dir / "index.html", page)


def _tell(label: str, result: StageResult) -> None:
    seconds = f" in {result.seconds:.1f} s" if result.seconds else ""
    sys.stderr.write(f"{label}: {result.status}{seconds}\n")


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise, so that kernels are shut down and staging is removed.

    One that is ignored, as under nohup or behind an ampersand, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        signal.signal(number, signal.SIG_IGN)  # what is being cleaned up takes no second
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(TERMINATED)

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    heard = [number for number in wanted if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
