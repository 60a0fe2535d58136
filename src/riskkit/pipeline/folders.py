"""Where a run works without anyone seeing it half done: lock, staging, swap, what a kill left.

Takes the run's folder. A stage writes into a staging folder that only :func:`swap_in` gives the
final name, so a runner or kernel that dies at any moment leaves the results there were.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from riskkit.tables import FOLDER_MODE, scratch_folder

__all__ = [
    "RunBusy",
    "append_line",
    "clean_up",
    "is_at_work",
    "locked",
    "own_folder",
    "staging_folder",
    "swap_in",
    "unfinished_file",
]

LOCK = ".lock"
STAGING = ".staging-"
ASIDE = ".old-"
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{32}")  # what riskkit.tables.whole calls a file meanwhile


class RunBusy(RuntimeError):
    """Another run works in the same folder. Exit code 4."""


def own_folder(path: Path) -> Path:
    """The folder, made for owner and group where it is absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(FOLDER_MODE, exist_ok=True)
    return path


def append_line(path: Path, text: str) -> None:
    """Add a line to a file of the run's own; a line before it that a kill has cut stays one line.

    Raises
    ------
    OSError
        It cannot be written to; without a number: it is a link, or no file.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    handle = os.open(path, flags, 0o640)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise OSError("is no file of this run's own")
        last = os.pread(handle, 1, max(found.st_size - 1, 0))
        file.write((b"" if last in (b"", b"\n") else b"\n") + text.encode() + b"\n")
        os.fsync(handle)


@contextlib.contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Hold the run's folder, made if absent, for this process alone.

    Raises
    ------
    RunBusy
        Another process holds it.
    """
    import fcntl

    while True:
        own_folder(run_dir)
        try:
            handle = os.open(run_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o640)
        except FileNotFoundError:
            continue  # the holder has just removed a folder that came to nothing
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # a lock on a file that has been removed meanwhile keeps nobody out
            if os.fstat(handle).st_ino == os.stat(run_dir / LOCK).st_ino:
                break
        except BlockingIOError:
            os.close(handle)
            raise RunBusy(f"another run is working in {run_dir}") from None
        except FileNotFoundError:
            pass
        os.close(handle)
    try:
        yield
    finally:
        os.close(handle)


def is_at_work(run_dir: Path) -> bool:
    """Whether a process works in the run's folder now."""
    import fcntl

    try:
        handle = os.open(run_dir / LOCK, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:  # none has ever, or this copy was not made by one that may read it
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def clean_up(run_dir: Path, report_dir: Path) -> None:
    """Remove what a killed run left, and put back a result it had moved aside."""
    for folder in (run_dir, report_dir):
        for file in folder.glob(".*"):
            if _UNFINISHED.fullmatch(file.name) and not _is_folder(file):
                file.unlink(missing_ok=True)
    for aside in filter(_is_folder, run_dir.glob(f"{ASIDE}*")):
        final = run_dir / aside.name.removeprefix(ASIDE)
        if final.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(final)
    for staging in filter(_is_folder, run_dir.glob(f"{STAGING}*")):
        # its kernel may still be writing: under another name it does not find the folder
        _remove_unseen(staging)
    # this one removes those under the temporary folder, also where no stage will run
    with contextlib.suppress(OSError), scratch_folder():
        pass


def _remove_unseen(folder: Path) -> None:
    """Remove a folder that another process may be writing into by its path."""
    gone = folder.with_name(f"{STAGING}{uuid.uuid4().hex}")
    with contextlib.suppress(OSError):
        folder.rename(gone)
    shutil.rmtree(gone if gone.exists() else folder, ignore_errors=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@contextlib.contextmanager
def staging_folder(run_dir: Path, stage: str) -> Iterator[Path]:
    """A fresh folder for one stage, gone afterwards unless it was renamed."""
    folder = run_dir / f"{STAGING}{stage}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(FOLDER_MODE)
    try:
        yield folder
    finally:
        _remove_unseen(folder)


@contextlib.contextmanager
def unfinished_file(folder: Path, name: str) -> Iterator[Path]:
    """Where something may be written for the time of a stage; :func:`clean_up` knows it, too."""
    path = folder / f".{name}.{uuid.uuid4().hex}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def swap_in(staging: Path, final: Path) -> None:
    """Give the staging folder its final name, in place of the folder that has it."""
    aside = final.with_name(f"{ASIDE}{final.name}")
    if final.exists():
        final.rename(aside)
    staging.rename(final)
    shutil.rmtree(aside, ignore_errors=True)
