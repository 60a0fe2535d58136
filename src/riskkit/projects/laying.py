"""A new project in a folder of its own, all of it or nothing.

Takes the folder's path; gives it back with the suite's notebooks, a mapping to fill in, limits and
whatever else a run reads, and a record of what was laid.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import uuid
from pathlib import Path

import riskkit
from riskkit.pipeline import BadInput
from riskkit.projects.fingerprints import fingerprint
from riskkit.projects.record import RECORD, Laid, record_text
from riskkit.projects.shipped import shipped_files

__all__ = ["lay_project", "next_steps"]

LAYING = ".riskkit-laying."
RAW = "data/raw"  # for the lender's own files
# what Git made is no content
_NO_CONTENT = {".git"}


def lay_project(folder: str | Path) -> Path:
    """The new project's folder.

    A folder that is not there appears whole, by a rename; into one that is there and empty the
    files are moved one after the other, and taken out again where one cannot be.

    Raises
    ------
    BadInput
        The folder is a project already, is not empty, or is no folder; the one above it is not
        there.
    OSError
        It cannot be written to; nothing is left of it.

    Source
    ------
    riskkit definition.
    """
    if not str(folder).strip():
        raise BadInput("a new project needs the name of its folder: riskkit init FOLDER")
    path = Path(os.path.expanduser(folder)).absolute()
    is_there = _check_free(path)
    staging = (path if is_there else path.parent) / f"{LAYING}{uuid.uuid4().hex[:12]}"
    try:
        _write(staging)
        if is_there:
            _move_into(staging, path)
        else:
            staging.rename(path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return path


def next_steps(project: Path) -> str:
    """What to do in a project that was just laid, a line each.

    Examples
    --------
    >>> print(next_steps(Path("/srv/my lender")).splitlines()[1])
      cd '/srv/my lender'
    """
    with contextlib.suppress(ValueError):
        project = project.relative_to(Path.cwd())
    lines = [f"{project}: laid by riskkit {riskkit.__version__}; next:"]
    if project != Path():
        lines.append(f"  cd {shlex.quote(str(project))}")
    return "\n".join(
        [
            *lines,
            "  riskkit run --profile quick    # on a simulated lender; prints where its report is",
            "  riskkit validate --source data/sources/my_lender.yaml    # once it is filled in",
            "README.md there has both, and what comes after",
        ]
    )


def _check_free(path: Path) -> bool:
    """Whether the folder is there; refused where something is in it, or in its place."""
    if (path / RECORD).is_file():
        raise BadInput(
            f"{path} is a project already; riskkit init --update {path.name} shows what this "
            "version of riskkit would change there"
        )
    if path.is_dir():
        names = {one.name for one in path.iterdir()} - _NO_CONTENT
        if any(name.startswith(LAYING) for name in names):
            raise BadInput(
                f"{path}: an earlier riskkit init was cut off there; empty it and try again"
            )
        if names:
            raise BadInput(
                f"{path} is not empty ({_some(names)}): name a new folder, or an empty one"
            )
        return True
    if os.path.lexists(path):
        raise BadInput(f"{path} is there already and is no folder: name a new one")
    if not path.parent.is_dir():
        raise BadInput(f"no folder {path.parent} for a project in it: make that first")
    return False


def _some(names: set[str]) -> str:
    first = sorted(names)[:3]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more:,} more" if more else "")


def _write(staging: Path) -> None:
    staging.mkdir()
    files = shipped_files()
    laid = {
        name: Laid(sha256=fingerprint(name, content), riskkit=riskkit.__version__)
        for name, content in files.items()
    }
    (staging / RAW).mkdir(parents=True)
    for name, content in {**files, RECORD: record_text(laid).encode()}.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _move_into(staging: Path, path: Path) -> None:
    """Move what was written into the folder, the record last, so that without it nothing counts."""
    record = Path(RECORD).parts[0]
    moved: list[Path] = []
    try:
        for one in sorted(staging.iterdir(), key=lambda one: (one.name == record, one.name)):
            one.rename(path / one.name)
            moved.append(path / one.name)
    except BaseException:
        for one in moved:
            with contextlib.suppress(OSError):
                shutil.rmtree(one) if one.is_dir() else one.unlink()
        raise
