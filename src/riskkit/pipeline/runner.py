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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.columns import Described, Description
from riskkit.pipeline.alerts import Alert, judge_alerts, unanswered
from riskkit.pipeline.at_work import AtWork, StageResult, publish
from riskkit.pipeline.engine import check_engine, engine_at_work
from riskkit.pipeline.execute import Failure
from riskkit.pipeline.findings import limits_of
from riskkit.pipeline.folders import clean_up, locked, own_folder
from riskkit.pipeline.front_page import index_page, key_figures_in
from riskkit.pipeline.history import append_history, is_good, keep_previous, recover_previous
from riskkit.pipeline.kernels import cores_here
from riskkit.pipeline.lineage import digests, lineage_of
from riskkit.pipeline.manifest import (
    now,
    package_hash,
    read_manifest,
    seeds,
    versions,
    write_manifest,
    write_text,
)
from riskkit.pipeline.notebooks import Notebook, find_notebooks, find_project
from riskkit.pipeline.parameters import BadInput
from riskkit.pipeline.plan import Plan, make_plan
from riskkit.pipeline.report import glossary_page, glossary_terms
from riskkit.pipeline.run_log import RunLog, trim_logs
from riskkit.pipeline.side_by_side import jobs_or_default, run_side_by_side, threads_of
from riskkit.pipeline.stage_graph import critical_path, critical_path_text
from riskkit.pipeline.standing import check_needed, check_strangers

if TYPE_CHECKING:
    from riskkit.documents import Term
    from riskkit.schema import LimitsFile

__all__ = ["RunResult", "StageResult", "rebuild_index", "run", "stoppable"]

FAILED, ALERT, TERMINATED = 1, 3, 143


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
        Why the first one did.
    failures : mapping of stage to Failure
        Why each one did.
    alerts : tuple of Alert
        Those that are red and not acknowledged; none where this run has judged no lights.
    """

    run_dir: Path
    report_dir: Path
    stages: tuple[StageResult, ...]
    exit_code: int = 0
    failure: Failure | None = None
    failures: Mapping[str, Failure] = field(default_factory=dict)
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
    jobs: int | None = None,
    keep: int = 1,
    engine: str = "local",
    scheduler: str = "",
) -> RunResult:
    """Run the notebooks into ``data/runs/<run>`` and ``reports/runs/<run>``.

    Each begins when those whose tables it reads are done. Where one fails, those that need it do
    not run, and all others do.

    Parameters
    ----------
    stages : sequence of str or int, optional
        Stages to run, by name or number; all unless said otherwise. None may be left out that
        needs one of them and is needed by another.
    parameters : mapping, optional
        Parameter name -> value, or text as on the command line; every notebook that declares the
        name gets it. They win over the profile.
    profile : {"quick", "default", "large"}
        How many applicants the synthetic lender has, and how many applications of a source count;
        large: in blocks, with a sample for what needs single rows.
    source : str or Path, optional
        A mapping of real data (YAML); without one the synthetic lender is the source.
    root : str or Path, optional
        Folder of the mapping's files.
    run : str, optional
        Name of the run; ``<the mapping's name, or synthetic>-<profile>`` unless said otherwise.
    project : str or Path, optional
        Folder that holds ``notebooks/``; looked for upwards from the working folder otherwise.
    only, start : str or int, optional
        Run this stage alone; run it and all that depends on it. What these need must be done.
    force : bool
        Run stages that are up to date, too.
    timeout_seconds : float
        Limit on each stage as a whole.
    progress : bool
        Show the stages' progress on stderr.
    jobs : int, optional
        Stages at work at a time: as many as there are cores, at most four, unless said otherwise.
        Results do not depend on it.
    keep : int
        How many good runs that were here before are kept beside this one, the newest first.
    engine : {"local", "dask"}
        Who counts the blocks of large tables: the stages themselves, or a Dask cluster. Results do
        not depend on it.
    scheduler : str
        Address of a Dask cluster that runs already; by default one is started on this machine.

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
    if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
        raise BadInput(f"keep must be a whole number >= 1, got {keep!r}: the newest stays")
    try:
        jobs = jobs_or_default(jobs, cores_here())
    except ValueError as error:
        raise BadInput(str(error)) from None
    check_engine(engine, scheduler)
    read_manifest(plan.run_dir)  # one that is none stops the run before anything is written
    new = [folder for folder in (plan.run_dir, plan.report_dir) if not folder.exists()]
    above = [p for f in new for p in (f.parent, f.parent.parent) if not p.exists()]
    with stoppable(), locked(plan.run_dir):
        try:
            clean_up(plan.run_dir, plan.report_dir)
            recover_previous(plan.run_dir)
            with engine_at_work(engine, scheduler, cores_here()) as environment:
                return _run_stages(plan, force, timeout_seconds, progress, jobs, keep, environment)
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
            publish(run_dir / name, report_dir, record["outputs"])
    _write_index(manifest, notebooks, run_dir, report_dir, terms, limits)
    return report_dir / "index.html"


def _run_stages(
    plan: Plan,
    force: bool,
    timeout_seconds: float,
    progress: bool,
    jobs: int,
    keep: int,
    environment: Mapping[str, str],
) -> RunResult:
    known = sorted(n.name for n in plan.notebooks)
    before = read_manifest(plan.run_dir)
    manifest = _new_manifest(plan, before, jobs)
    records = manifest["stages"]
    check_needed(plan, manifest)
    check_strangers(plan, records)
    order = [notebook.name for notebook in plan.selected]
    trim_logs(plan.run_dir)
    log = RunLog(plan.run_dir)
    log.tell("run_start", stages=len(order), profile=plan.profile, jobs=jobs)
    work = AtWork(
        plan,
        manifest,
        threads=threads_of(plan.needs, order, jobs, cores_here()),
        force=force,
        timeout_seconds=timeout_seconds,
        progress=progress,
        environment=environment,
        log=log,
        before_first=lambda: keep_previous(plan.run_dir, before, known, keep),
        after_each=lambda: _save(plan, manifest),
    )
    try:
        with work:
            run_side_by_side(
                order,
                plan.needs,
                jobs,
                begin=work.begin,
                end=work.end,
                likely=work.likely,
                stop=work.stop,
            )
    except BaseException as error:
        is_refused = isinstance(error, BadInput)
        status = "refused" if is_refused else "interrupted"
        worked = any(result.status == "done" for result in work.results.values())
        log.tell("run_end", status=status)
        if worked or (records and not is_refused):
            manifest.update(status=status, finished=now())
            _save(plan, manifest)
        raise
    ran = {n: r.seconds for n, r in work.results.items() if r.status != "up to date"}
    failures = {name: work.failures[name] for name in order if name in work.failures}
    manifest.update(status="failed" if failures else "done", finished=now())
    if ran:
        manifest["critical_path"] = critical_path(plan.needs, ran)
    if is_good(manifest, known) and ran:
        figures = {name: key_figures_in(plan.run_dir / name) for name in known}
        append_history(plan.run_dir, manifest, figures)
    alerts = unanswered(judge_alerts(plan.run_dir, manifest, plan.limits))
    _save(plan, manifest)
    log.tell("run_end", status=manifest["status"], seconds=round(sum(ran.values()), 3))
    if progress and ran and (told := critical_path_text(manifest["critical_path"], jobs)):
        sys.stderr.write(f"{told}\n")
    results = [work.results.get(name, StageResult(name, "not run")) for name in order]
    first = next(iter(failures.values()), None)
    code = FAILED if failures else ALERT if alerts else 0
    return RunResult(
        plan.run_dir, plan.report_dir, tuple(results), code, first, failures, tuple(alerts)
    )


def _new_manifest(plan: Plan, before: Mapping[str, Any], jobs: int) -> dict[str, Any]:
    """What a run says of itself when it begins; its stages are those of the run before."""
    known = {n.name for n in plan.notebooks}
    records = {n: dict(r) for n, r in before.get("stages", {}).items() if n in known}
    for record in records.values():
        record.pop("reused", None)
    return {
        "run": plan.name,
        "status": "running",
        "profile": plan.profile,
        **_what_of(plan, before),
        "started": now(),
        "finished": "",
        "seeds": seeds((k, v) for pairs in plan.shown.values() for k, v in pairs.items()),
        "package": package_hash(),
        "versions": versions(),
        "jobs": jobs,
        "critical_path": before.get("critical_path", {}),
        "stages": records,
        **{key: before[key] for key in ("alerts",) if key in before},
        "lineage": lineage_of(plan, before),
    }


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
