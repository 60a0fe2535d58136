"""What of a run, and of what was redone in the lab over it, a stage may read.

Takes folders of runs; gives folders of stages that are done and not outdated.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from riskkit.pipeline.manifest import read_manifest, stage_state, write_text
from riskkit.pipeline.notebooks import STAGE_NAME
from riskkit.pipeline.stage_graph import depend_on

__all__ = ["base_run", "not_outdated", "stage_folders"]

BASE = ".run"  # in the lab's folder: name of the run whose earlier stages it builds on


def stage_folders(run_dir: Path, before: str) -> list[Path]:
    """Folders of finished stages before the named one, nearest first.

    Where the run has a manifest, one that failed or is stale counts as not there.
    """
    if not run_dir.is_dir():
        return []
    folders = sorted(
        (p for p in run_dir.iterdir() if STAGE_NAME.fullmatch(p.name) and p.name < before),
        reverse=True,
    )
    manifest = read_manifest(run_dir)
    if not manifest:
        return folders
    return [p for p in folders if stage_state(manifest, p.name) == "done"]


def not_outdated(run_dir: Path, before: str, redone: Collection[str]) -> list[Path]:
    """Folders of a run's finished stages before the named one that need none redone in the lab.

    Where the run does not say what a stage needs, it needs all that is before it.

    Parameters
    ----------
    run_dir : Path
    before : str
    redone : collection of str
        Names of stages.
    """
    stages = read_manifest(run_dir).get("stages", {})
    known = {*stages, *redone}
    needs = {}
    for name, record in stages.items():
        told = record.get("needs")
        needs[name] = {n: [] for n in known if n < name} if told is None else told
    outdated = {*redone} | depend_on(needs, redone)
    first = min(redone, default=before)
    return [
        folder
        for folder in stage_folders(run_dir, before)
        if (folder.name not in outdated if stages else folder.name < first)
    ]


def base_run(lab: Path, *, remembered: bool) -> Path | None:
    """The run under the lab's own stages: the one they were made from, else the latest."""
    note = lab / BASE
    if remembered:
        run = lab.parent / note.read_text(encoding="utf-8") if note.is_file() else None
        return run if run is not None and run.is_dir() else None
    manifests = [m for m in lab.parent.glob("*/manifest.json") if m.parent != lab]
    if not manifests:
        return None
    latest = max(manifests, key=lambda m: (m.stat().st_mtime_ns, m.parent.name)).parent
    if lab.is_dir():
        write_text(note, latest.name)
    return latest
