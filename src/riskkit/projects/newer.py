"""What the installed version would change in a project, and the change of what nobody has edited.

Takes a project's folder; gives a table with one row a file. Whether a file is as it was laid, the
record says (:mod:`record`); what counts as an edit, :mod:`fingerprints`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import riskkit
from riskkit.pipeline import BadInput
from riskkit.projects.fingerprints import (
    OTHER,
    changed_lines,
    fingerprint,
    fingerprint_of,
    has_no_place,
)
from riskkit.projects.record import Laid, put_file, read_record, write_record
from riskkit.projects.shipped import shipped_files

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["has_newer", "newer_files", "newer_text", "take_newer"]

BESIDE = ".new"  # ending of what is put beside an edited file
NEW, UPDATE, RETIRED, TAKEN = "new", "update", "retired", "taken"
EDITED, YOURS, SAME, REMOVED = "edited", "yours", "same", "removed"
# state → what it means, in the order in which they are told
_MEANING = {
    NEW: "new in this version: would be added",
    UPDATE: "changed in this version, not by you: would be updated",
    RETIRED: "no longer part of riskkit, as it was laid: would be removed",
    EDITED: f"changed in this version and by you: stays; the newer would lie beside as {BESIDE}",
    TAKEN: f"new in this version, but a notebook of yours has its number: only laid as {BESIDE}",
    YOURS: "edited by you and nothing newer, or in no folder of the project: stays",
    REMOVED: "removed by you: stays away",
}
_DONE = {
    NEW: "added",
    UPDATE: "updated",
    RETIRED: "removed, since no longer part of riskkit",
    EDITED: f"yours, left alone; the newer one lies beside it as {BESIDE}",
    TAKEN: f"new, laid as {BESIDE}, since a notebook of yours has its number",
}
_NUMBERED = re.compile(r"notebooks/(\d\d)_\w+\.ipynb")


def newer_files(project: str | Path) -> pd.DataFrame:
    """What the installed version would do with each file of a project.

    Parameters
    ----------
    project : str or Path
        A folder that :func:`lay_project` has laid.

    Returns
    -------
    DataFrame, index file (path in the project)
        `state`: "new"; "update" (as it was laid, and this version has another); "retired" (as it
        was laid, and this version has none); "edited" (by the user, and this version has another
        than was laid); "yours" (edited, and this version has nothing newer, or what it has was laid
        beside it and has been taken away since; or its folder is a link out of the project, or a
        file); "taken" (new, but another notebook has its
        number); "removed" (by the user); "same".
        `riskkit`: the version that laid it, empty where none did.
        `lines_added`, `lines_removed`: from the user's to the newer one, of "update" and "edited";
        0 otherwise.

    Raises
    ------
    BadInput
        No such project, or its record is damaged.

    Source
    ------
    riskkit definition.
    """
    import pandas as pd

    folder = Path(project).absolute()
    record, shipped = read_record(folder), shipped_files()
    rows = []
    for name in sorted({*shipped, *record}):
        state = _state(folder, name, record.get(name), shipped.get(name))
        if state is None:
            continue
        added, removed = 0, 0
        if state in (UPDATE, EDITED) and fingerprint_of(folder, name) not in (None, OTHER):
            added, removed = changed_lines(name, (folder / name).read_bytes(), shipped[name])
        version = record[name].riskkit if name in record else ""
        rows.append((name, state, version, added, removed))
    columns = ["file", "state", "riskkit", "lines_added", "lines_removed"]
    table = pd.DataFrame(rows, columns=columns).set_index("file")
    gone = set(table.index[table["state"] == RETIRED])
    for name in table.index[table["state"] == NEW]:
        if _number_taken(folder, name, gone):
            table.loc[name, "state"] = TAKEN
    return table


def _state(folder: Path, name: str, laid: Laid | None, content: bytes | None) -> str | None:
    there = fingerprint_of(folder, name)
    if has_no_place(folder, name):
        return YOURS
    as_laid = laid is not None and there == laid.sha256 and there != OTHER
    if content is None:
        return None if there is None else RETIRED if as_laid else YOURS
    newer = fingerprint(name, content)
    seen = laid is not None and laid.offered == newer and not (folder / f"{name}{BESIDE}").exists()
    if there is None:
        return NEW if not seen and (laid is None or not laid.sha256) else REMOVED
    if there == newer:
        return SAME
    if as_laid:
        return UPDATE
    return YOURS if seen or (laid is not None and newer == laid.sha256) else EDITED


def _number_taken(folder: Path, name: str, gone: set[str]) -> bool:
    """Whether another notebook of the project has a new notebook's number; no two may."""
    found = _NUMBERED.fullmatch(name)
    if found is None:
        return False
    others = {f"notebooks/{one.name}" for one in (folder / "notebooks").glob(f"{found[1]}_*.ipynb")}
    return bool(others - gone - {name})


def take_newer(project: str | Path) -> pd.DataFrame:
    """The table of :func:`newer_files`, after its changes were made; what was edited is untouched.

    New files are written, those as they were laid are replaced or removed, and beside an edited one
    the newer is put as ``NAME.new``. Cut off, it goes on the next time.

    Raises
    ------
    BadInput
        As :func:`newer_files`; or where a newer file is to be laid beside an edited one, something
        else of the user's lies. Nothing was changed.
    OSError
        A file cannot be written.
    """
    folder = Path(project).absolute()
    table = newer_files(folder)
    record, shipped = read_record(folder), shipped_files()
    states = {str(name): state for name, state in table["state"].items()}
    for name, state in states.items():
        if state in (EDITED, TAKEN):
            _check_beside(folder, name, record.get(name), shipped[name])
    for name, state in states.items():
        if state == RETIRED:
            (folder / name).unlink(missing_ok=True)
            record.pop(name)
        if state in (EDITED, TAKEN):
            put_file(folder, f"{name}{BESIDE}", shipped[name])
            was = record.get(name, Laid(sha256="", riskkit=""))
            record[name] = replace(was, offered=fingerprint(name, shipped[name]))
        if state in (NEW, UPDATE):
            put_file(folder, name, shipped[name])
        if state in (NEW, UPDATE, SAME):
            sha256 = fingerprint(name, shipped[name])
            record[name] = Laid(sha256=sha256, riskkit=riskkit.__version__)
    write_record(folder, record)
    return table


def _check_beside(folder: Path, name: str, laid: Laid | None, content: bytes) -> None:
    """Refuse where what lies beside an edited file was not laid there."""
    path = folder / f"{name}{BESIDE}"
    if fingerprint_of(folder, path.relative_to(folder).as_posix()) is None:
        return
    offered = {fingerprint(name, content), laid.offered if laid is not None else ""}
    is_plain = path.is_file() and not path.is_symlink()
    if not is_plain or fingerprint(name, path.read_bytes()) not in offered:
        raise BadInput(f"{path} is yours: call it otherwise, the newer {name} is to lie there")


def has_newer(table: pd.DataFrame) -> bool:
    """Whether there is anything that :func:`take_newer` would do, from :func:`newer_files`."""
    return bool(table["state"].isin([*_DONE]).any())


def newer_text(table: pd.DataFrame, *, done: bool = False) -> str:
    """What would change, or with `done` has changed, by file: a line each under what it means.

    Parameters
    ----------
    table : DataFrame
        Of :func:`newer_files` or :func:`take_newer`.
    done : bool
    """
    lines = []
    for state, meaning in (_DONE if done else _MEANING).items():
        rows = table[table["state"] == state]
        if len(rows):
            lines.append(f"{meaning}:")
            lines += [f"  {name}{_size(row)}" for name, row in rows.iterrows()]
    same = int((table["state"] == SAME).sum())
    lines.append(f"as in riskkit {riskkit.__version__}: {same:,} of {len(table):,} files")
    return "\n".join(lines)


def _size(row: pd.Series) -> str:
    changed = f"+{row['lines_added']:,} −{row['lines_removed']:,} lines" * bool(
        row["lines_added"] or row["lines_removed"]
    )
    since = f"laid by {row['riskkit']}" * bool(row["riskkit"] and row["state"] != REMOVED)
    told = ", ".join(part for part in (changed, since) if part)
    return f"  ({told})" if told else ""
