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
import uuid
from collections.abc import Iterable, Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any

from riskkit.checks import warn
from riskkit.pipeline.folders import append_line, own_folder
from riskkit.pipeline.manifest import MANIFEST, is_left, read_manifest, stage_state
from riskkit.pipeline.parameters import BadInput

__all__ = [
    "KEPT_NAME",
    "PREVIOUS",
    "append_history",
    "change_text",
    "is_good",
    "keep_previous",
    "last_before",
    "previous_of",
    "recover_previous",
]

HISTORY = "history.jsonl"
READ_BYTES = 1 << 20  # of its end
PREVIOUS = ".previous"
KEPT_NAME = re.compile(r"\.previous(?:-\d{8}T\d{6}(?:-\d+)?)?$")  # how names of kept runs end
_NUMBER = re.compile(r"([+\-−]?[\d,]*\.?\d+)(%?)(.*)", re.DOTALL)


def previous_of(run_dir: Path) -> Path:
    """Where the last good run before the one in a folder is kept."""
    return run_dir.with_name(f"{run_dir.name}{PREVIOUS}")


def is_good(manifest: Mapping[str, Any], stages: Sequence[str]) -> bool:
    """Whether every stage is done, on what the others have left."""
    return bool(stages) and all(stage_state(manifest, name) == "done" for name in stages)


def keep_previous(
    run_dir: Path, manifest: Mapping[str, Any], stages: Sequence[str], keep: int = 1
) -> None:
    """Keep a good run beside its folder, before the next one replaces its stages.

    The newest is called ``NAME.previous``; those before it ``NAME.previous-`` and when they
    started. Files are linked, not copied, where the disk allows it: a run never writes into a file
    that is there, so what is kept stays as it was. What somebody else has put in its place stays,
    too.

    Parameters
    ----------
    run_dir : Path
    manifest : mapping
        As the run left it; of a run that is not good, or whose files are gone, nothing is kept, and
        what is kept stays.
    stages : sequence of str
        The whole suite.
    keep : int
        How many good runs to keep, this one included; older ones are removed.
    """
    files = [Path(name) / file for name in stages for file in _outputs(manifest, name)]
    ended = manifest.get("status") == "done" and is_good(manifest, stages)
    if not ended or not all(is_left(run_dir / file) for file in files):
        return
    kept = previous_of(run_dir)
    if os.path.lexists(kept) and not _is_kept_run(kept, run_dir.name):
        warn(f"{kept} is no run that was kept there, and stays: the run before is not kept")
        return
    number = uuid.uuid4().hex
    making, aside = (kept.with_name(f".{kept.name}.{number}.{word}") for word in ("new", "old"))
    own_folder(making)
    for file in [*files, Path(MANIFEST)]:
        own_folder((making / file).parent)
        _linked(run_dir / file, making / file)
    if kept.exists():
        kept.rename(_dated(kept) if keep > 1 else aside)
    making.rename(kept)
    shutil.rmtree(aside, ignore_errors=True)
    for old in _dated_runs(run_dir)[keep - 1 :]:
        # never seen half removed under its own name
        gone = kept.with_name(f".{kept.name}.{uuid.uuid4().hex}.gone")
        old.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def recover_previous(run_dir: Path) -> None:
    """Put back the run that was kept, and remove what a process that was killed has left of it."""
    kept = previous_of(run_dir)
    leftover = re.compile(rf"\.{re.escape(kept.name)}\.[0-9a-f]{{32}}\.(?:new|old|gone)")
    for folder in sorted(kept.parent.glob(f".{escape(kept.name)}.*")):
        if not leftover.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
            continue
        if folder.suffix == ".old" and not os.path.lexists(kept):
            folder.rename(kept)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if not os.path.lexists(kept):
        for newest in _dated_runs(run_dir)[:1]:
            newest.rename(kept)


def _dated(kept: Path) -> Path:
    """Name of a kept run that is not the newest any more: when it started, in UTC."""
    started = re.sub(r"[^\dT]", "", str(read_manifest(kept).get("started", ""))[:19])
    stamp = started if re.fullmatch(r"\d{8}T\d{6}", started) else "00000000T000000"
    base = kept.with_name(f"{kept.name}-{stamp}")
    # of runs of one second the later has the higher number
    numbers = [_age(path)[1] for path in kept.parent.glob(f"{escape(base.name)}*")]
    return base if not numbers else base.with_name(f"{base.name}-{max(numbers) + 1}")


def _dated_runs(run_dir: Path) -> list[Path]:
    """Kept runs but for the newest, by when they started, newest first."""
    kept = previous_of(run_dir)
    found = [
        path
        for path in kept.parent.glob(f"{escape(kept.name)}-*")
        if KEPT_NAME.search(path.name) and _is_kept_run(path, run_dir.name)
    ]
    return sorted(found, key=_age, reverse=True)


def _age(path: Path) -> tuple[str, int]:
    """When a kept run started, and which one of that second it is."""
    stamp, _, number = path.name.rpartition(f"{PREVIOUS}-")[2].partition("-")
    return stamp, int(number) if number.isdecimal() else 1


def _outputs(manifest: Mapping[str, Any], stage: str) -> Iterable[str]:
    return manifest.get("stages", {}).get(stage, {}).get("outputs", {})


def _is_kept_run(folder: Path, name: str) -> bool:
    """Whether a folder holds a run of that name and nothing else."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        manifest = read_manifest(folder)
    except BadInput:
        return False
    return manifest.get("run") == name and {path.name for path in folder.iterdir()} <= {
        MANIFEST,
        *manifest["stages"],
    }


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
    text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
    path = run_dir / HISTORY
    try:
        append_line(path, text)
    except OSError as error:
        why = f"cannot be written to ({error.strerror})" if error.errno else str(error)
        warn(f"{path} {why}: this run has no line in it")


def last_before(run_dir: Path, started: str) -> dict[str, Any]:
    """The last line of history of a run that started earlier; empty where there is none."""
    path = run_dir / HISTORY
    if path.is_symlink() or not path.is_file():
        return {}
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - READ_BYTES, 0))
        text = file.read().decode("utf-8", errors="replace")
    for line in reversed(text.splitlines()):
        with contextlib.suppress(ValueError, TypeError, KeyError, RecursionError):
            told = json.loads(line)
            if str(told["started"]) < started and isinstance(told["figures"], dict):
                return {key: told[key] for key in ("started", "finished", "figures")}
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


# what a stage's record keeps of what it was given
_GIVEN = ("parameters", "source_files", "edits_file", "decision_file", "rules_file", "caps_file",
          "provisions_file", "funding_file", "limits_file")  # fmt: skip


def _inputs_hash(manifest: Mapping[str, Any]) -> str:
    """One hash over the parameters of every stage and the files of the source."""
    told = {
        name: [record.get(key) for key in _GIVEN]
        for name, record in sorted(manifest["stages"].items())
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _linked(source: str | Path, target: str | Path) -> str:
    if Path(source).is_dir():
        return str(shutil.copytree(source, target, copy_function=_linked))
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
    return str(target)
