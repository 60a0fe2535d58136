"""What has changed since a run: its own files, and what it was made from.

Takes a run's folder; gives a table, a row a file or fact, and its words. Every hash is made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.pipeline.alerts import ALERTS
from riskkit.pipeline.folders import RunBusy, is_at_work
from riskkit.pipeline.lineage import code_state, digests
from riskkit.pipeline.manifest import MANIFEST, is_left, left_in, package_hash, read_manifest
from riskkit.pipeline.notebooks import find_notebooks, find_project
from riskkit.pipeline.parameters import BadInput, given_path
from riskkit.pipeline.report import DOCUMENTS
from riskkit.tables import hash_file

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["changed_files", "verify_run", "verify_text"]

SAME, CHANGED, GONE, STRANGE, UNKNOWN = "same", "changed", "gone", "not of the run", "not known"
OWN, MADE_FROM = "the run's own", "made from"


def verify_run(run_dir: str | Path) -> pd.DataFrame:
    """Every file of a run, and everything it was made from, held to the run's manifest.

    Parameters
    ----------
    run_dir : str or Path

    Returns
    -------
    DataFrame, index name
        `part`: "the run's own" (tables, models, pages, documents, ``alerts.json`` and what the
        manifest says of parameters, inputs and models) or "made from" (inputs, limits, lock,
        notebooks, the project's commit, riskkit itself). `state`: "same", "changed", "gone", "not
        of the run" (a file that no stage has left) or "not known" (an older run has kept no hash,
        or the file cannot be read).

    Raises
    ------
    BadInput
        The folder is no run's.
    RunBusy
        A run works in it, so that its files and its manifest are of two moments.

    Source
    ------
    riskkit definition.
    """
    import pandas as pd

    given, run_dir = run_dir, Path(run_dir).resolve()
    manifest = read_manifest(run_dir) if run_dir.is_dir() else {}
    if not manifest:
        raise BadInput(f"{str(given)[:200]} is not a run's folder: it has no manifest.json")
    if is_at_work(run_dir):
        raise RunBusy(f"a run is working in {run_dir}: verify it when that has ended")
    try:
        project: Path | None = find_project(run_dir)
    except BadInput:
        project = None
    rows = [(OWN, *row) for row in _own(run_dir, manifest)]
    if project is not None and run_dir == project / "data" / "runs" / manifest.get("run", ""):
        # a run that is kept as the one before has no pages: those are of the newer one
        report_dir = project / "reports" / "runs" / run_dir.name
        rows += [(OWN, *row) for row in _pages(report_dir, manifest)]
    rows += [(MADE_FROM, *row) for row in _made_from(project, manifest)]
    return pd.DataFrame(rows, columns=["part", "name", "state"]).set_index("name")


def changed_files(table: pd.DataFrame) -> list[str]:
    """Which of the run's own files are not as it left them, from :func:`verify_run`."""
    return list(table.index[(table["part"] == OWN) & (table["state"] != SAME)])


def verify_text(table: pd.DataFrame) -> str:
    """What has changed, by name: a line each, the run's own files first.

    Parameters
    ----------
    table : DataFrame
        Of :func:`verify_run`.
    """
    own = table[table["part"] == OWN]
    changed = own[own["state"] != SAME]
    lines = [
        f"the run's own files: {len(own):,}, of which {len(changed):,} are not as it left them"
    ]
    lines += [f"  {state}: {name}" for name, state in changed["state"].items()]
    source = table[table["part"] == MADE_FROM]
    changed = source[source["state"] != SAME]
    lines.append(f"what it was made from: {len(source):,}, of which {len(changed):,} are other now")
    lines += [f"  {state}: {name}" for name, state in changed["state"].items()]
    return "\n".join(lines)


def _own(run_dir: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the stages left, and what the manifest itself says."""
    for stage, record in sorted(manifest["stages"].items()):
        outputs, folder = record.get("outputs", {}), run_dir / stage
        for name, sha in sorted(outputs.items()):
            yield f"{stage}/{name}", _state(folder / name, sha)
        there = left_in(folder) if folder.is_dir() else []
        yield from ((f"{stage}/{name}", STRANGE) for name in there if name not in outputs)
    if manifest.get("alerts") and run_dir.name == manifest.get("run"):
        yield ALERTS, _state(run_dir / ALERTS, manifest["alerts"])
    kept = manifest.get("lineage", {})
    for key, sha in digests(manifest["stages"]).items():
        if kept.get(key):
            yield f"{MANIFEST}: {key}", SAME if kept[key] == sha else CHANGED


def _pages(report_dir: Path, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for stage, record in sorted(manifest["stages"].items()):
        if record.get("page"):
            yield f"{stage}.html (page)", _state(report_dir / f"{stage}.html", record["page"])
        if record["status"] == "done":
            for name, sha in sorted(record["outputs"].items()):
                if name.endswith(DOCUMENTS) and "/" not in name:
                    yield f"{name} (document beside its page)", _state(report_dir / name, sha)


def _made_from(project: Path | None, manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kept = manifest.get("lineage", {})
    for name, sha in kept.get("files", {}).items():
        yield name, GONE if project is None else _state(project / name, sha)
    for name, sha in kept.get("given", {}).items():
        yield name, _state(given_path(name), sha)
    if not kept:
        yield "inputs, limits and lock (an older run kept no hashes of them)", UNKNOWN
    notebooks = {} if project is None else {n.name: n.sha256 for n in find_notebooks(project)}
    for stage, record in sorted(manifest["stages"].items()):
        if record.get("notebook"):
            sha = notebooks.get(stage)
            state = GONE if sha is None else SAME if sha == record["notebook"] else CHANGED
            yield f"notebooks/{stage}.ipynb", state
    if manifest.get("package"):
        yield "riskkit itself", SAME if package_hash() == manifest["package"] else CHANGED
    if kept.get("commit") and project is not None:
        commit, code = code_state(project)
        now = f"{commit[:12]}, {code}" if commit else code
        name = f"commit {kept['commit'][:12]}, {kept['code']}"
        same = (commit, code) == (kept["commit"], kept["code"])
        yield (name, SAME) if same else (f"{name}; now {now}", CHANGED)


def _state(path: Path, sha: str) -> str:
    try:
        if not is_left(path):
            return GONE
        return SAME if hash_file(path) == sha else CHANGED
    except OSError:  # nobody may read it, or no file can be called so
        return UNKNOWN
