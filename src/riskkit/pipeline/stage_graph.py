"""Which stage needs which, and what follows from that.

Takes notebooks, each with what it leaves and what it reads; gives the files that each stage may
read of each earlier one, which is all that its order and what is up to date rest on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from riskkit.pipeline.notebooks import Notebook
from riskkit.pipeline.what_is_read import ANYTHING, matches

__all__ = [
    "Needs",
    "critical_path",
    "critical_path_text",
    "depend_on",
    "needed_by",
    "needs_of",
    "not_declared",
    "skipped_between",
]

Needs = Mapping[str, Mapping[str, Sequence[str]]]
"""Stage → earlier stage → the files of that one which it may read."""


def needs_of(notebooks: Sequence[Notebook]) -> dict[str, dict[str, list[str]]]:
    """What each stage may read of each earlier one, by their names.

    Of two stages that may leave the same file, a later one may read either: the nearest that has
    left it. One that reads what nobody can tell from its code needs all that is before it.

    Parameters
    ----------
    notebooks : sequence of Notebook
        In the order they run.
    """
    needs: dict[str, dict[str, list[str]]] = {}
    for place, notebook in enumerate(notebooks):
        needs[notebook.name] = {}
        for earlier in notebooks[:place]:
            if ANYTHING in notebook.reads:
                needs[notebook.name][earlier.name] = [ANYTHING]
            elif files := _read(notebook, map(_file, earlier.leaves)):
                needs[notebook.name][earlier.name] = files
    return needs


def _file(leaf: str) -> str:
    return leaf if "." in leaf else f"{leaf}.parquet"


def _read(notebook: Notebook, files: Iterable[str]) -> list[str]:
    return sorted({file for file in files if any(matches(read, file) for read in notebook.reads)})


def not_declared(notebook: Notebook, outputs: Iterable[str], later: Sequence[Notebook]) -> str:
    """What a stage has left for a later one and does not say so, in a sentence; empty: nothing.

    Of such a file the graph knows nothing, so that its reader might come before its writer.
    """
    silent = sorted({*outputs} - {_file(leaf) for leaf in notebook.leaves})
    for reader in later:
        if ANYTHING not in reader.reads and (files := _read(reader, silent)):
            return (
                f"{notebook.name} leaves {files[0]!r}, which {reader.name} reads: name it in the "
                "notebook's metadata (riskkit: leaves)"
            )
    return ""


def needed_by(needs: Needs, stages: Iterable[str]) -> set[str]:
    """All that these stages need, and that in turn, without themselves."""
    found: set[str] = set()
    asked = [*stages]
    begin = set(asked)
    while asked:
        new = set(needs.get(asked.pop(), {})) - found
        found |= new
        asked += new
    return found - begin


def depend_on(needs: Needs, stages: Iterable[str]) -> set[str]:
    """All that need one of these stages, directly or through others, without themselves."""
    wanted = {*stages}
    return {name for name in needs if name not in wanted and wanted & needed_by(needs, [name])}


def skipped_between(needs: Needs, selected: Collection[str]) -> list[str]:
    """Stages that are not selected, need one that is, and are needed by another."""
    outdated = depend_on(needs, selected)
    return sorted((outdated & needed_by(needs, selected)) - {*selected})


def critical_path(needs: Needs, seconds: Mapping[str, float]) -> dict[str, Any]:
    """The chain of stages, each of which waits for the one before, that took longest.

    No number of stages side by side is done sooner.

    Parameters
    ----------
    needs : mapping
    seconds : mapping of stage to float
        Of the stages that ran; the others took no time.

    Returns
    -------
    dict
        `stages` of the chain in order; its `seconds`; those of `all_stages`; the `bound`, the first
        as a share of the second: NaN becomes 1 where nothing ran.
    """
    ends: dict[str, tuple[float, list[str]]] = {}
    for name in sorted(seconds):
        before = [ends[one] for one in sorted(needed_by(needs, [name])) if one in ends]
        took, chain = max(before, key=lambda end: end[0], default=(0.0, []))
        ends[name] = (took + seconds[name], [*chain, name])
    longest, stages = max(ends.values(), key=lambda end: end[0], default=(0.0, []))
    total = sum(seconds.values())
    return {
        "stages": stages,
        "seconds": round(longest, 3),
        "all_stages": round(total, 3),
        "bound": round(longest / total, 4) if total else 1.0,
    }


def critical_path_text(path: Mapping[str, Any], jobs: int) -> str:
    """The critical path in a sentence; empty where fewer than two stages ran."""
    if path["all_stages"] <= path["seconds"] and len(path["stages"]) < 2:
        return ""
    chain = " → ".join(path["stages"])
    return (
        f"critical path: {chain}, {path['seconds']:.1f} s of {path['all_stages']:.1f} s in all "
        f"stages: with any --jobs at least {path['bound']:.2f} of the time one after another "
        f"(this run: --jobs {jobs})"
    )
