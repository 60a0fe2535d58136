"""What a run told before: its key figures night by night, and the run that was there before it.

Takes a run's folder; gives a line of history for each good run, the change of a figure in words,
and a copy of the last good run that a new one cannot alter.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from riskkit.pipeline.folders import own_folder
from riskkit.pipeline.manifest import MANIFEST, stage_state

__all__ = [
    "PREVIOUS",
    "append_history",
    "change_text",
    "is_good",
    "keep_previous",
    "last_before",
    "previous_of",
]

HISTORY = "history.jsonl"
PREVIOUS = ".previous"
_NUMBER = re.compile(r"([+\-−]?[\d,]*\.?\d+)(%?)(.*)", re.DOTALL)


def previous_of(run_dir: Path) -> Path:
    """Where the last good run before the one in a folder is kept."""
    return run_dir.with_name(f"{run_dir.name}{PREVIOUS}")


def is_good(manifest: Mapping[str, Any], stages: Sequence[str]) -> bool:
    """Whether every stage is done, on what the others have left."""
    return bool(stages) and all(stage_state(manifest, name) == "done" for name in stages)


def keep_previous(run_dir: Path, manifest: Mapping[str, Any], stages: Sequence[str]) -> None:
    """Keep a good run beside its folder, before the next one replaces its stages.

    Files are linked, not copied, where the disk allows it: a run never writes into a file that is
    there, so what is kept stays as it was.

    Parameters
    ----------
    run_dir : Path
    manifest : mapping
        As the run left it; of a run that is not good, nothing is kept, and what is kept stays.
    stages : sequence of str
        The whole suite.
    """
    if not is_good(manifest, stages):
        return
    kept = previous_of(run_dir)
    making, aside = (kept.with_name(f".{kept.name}.{word}") for word in ("new", "old"))
    for folder in (making, aside):  # of a process that was killed
        shutil.rmtree(folder, ignore_errors=True)
    own_folder(making)
    for name in stages:
        shutil.copytree(run_dir / name, making / name, copy_function=_linked)
    _linked(run_dir / MANIFEST, making / MANIFEST)
    if kept.exists():
        kept.rename(aside)
    making.rename(kept)
    shutil.rmtree(aside, ignore_errors=True)


def append_history(
    run_dir: Path, manifest: Mapping[str, Any], figures: Mapping[str, Mapping[str, str]]
) -> None:
    """Add a line to the run's history: when, on what, and its key figures.

    Parameters
    ----------
    run_dir : Path
    manifest : mapping
    figures : mapping of stage to mapping of label to text
    """
    line = {
        "started": manifest["started"],
        "finished": manifest["finished"],
        "inputs": _inputs_hash(manifest),
        "figures": figures,
    }
    path = run_dir / HISTORY
    # a line cut by a kill stays one line
    before = path.read_bytes()[-1:] if path.is_file() else b"\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    with os.fdopen(handle, "wb") as file:
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        file.write((b"" if before in (b"", b"\n") else b"\n") + text.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def last_before(run_dir: Path, started: str) -> dict[str, Any]:
    """The last line of history of a run that started earlier; empty where there is none."""
    path = run_dir / HISTORY
    if not path.is_file():
        return {}
    for line in reversed(path.read_text(encoding="utf-8", errors="replace").splitlines()):
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            told = json.loads(line)
            if str(told["started"]) < started and isinstance(told["figures"], dict):
                return dict(told)
    return {}


def change_text(now: str, before: str) -> str:
    """How a figure has changed: the difference of the numbers that the texts begin with.

    Examples
    --------
    >>> change_text("4.47% (13 bads)", "4.10% (12 bads)"), change_text("1,200", "1,200")
    ('+0.37 pp', 'unchanged')
    >>> change_text("approve everybody", "keep today's policy")
    "was: keep today's policy"
    """
    if now == before:
        return "unchanged"
    one, other = _NUMBER.match(now), _NUMBER.match(before)
    if one is None or other is None or one[2] != other[2]:
        return f"was: {before}"
    digits = max(len(found[1].partition(".")[2]) for found in (one, other))
    change = _number(one[1]) - _number(other[1])
    if round(change, digits) == 0:
        return f"was: {before}"  # the number is the same, what is said of it is not
    return f"{change:+,.{digits}f}{' pp' if one[2] else ''}"


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-"))


def _inputs_hash(manifest: Mapping[str, Any]) -> str:
    """One hash over the parameters of every stage and the files of the source."""
    told = {
        name: [record.get("parameters"), record.get("source_files"), record.get("edits_file")]
        for name, record in sorted(manifest["stages"].items())
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _linked(source: str | Path, target: str | Path) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
    return str(target)
