"""Which files make a table, and how one is written: whole or not at all.

Takes paths and frames; gives the files of one kind in their order, and parquet on disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import pandas as pd
import pyarrow as pa

from riskkit.checks import DataContractError

__all__ = [
    "FOLDER_MODE",
    "Files",
    "column_differences",
    "hash_file",
    "new_file",
    "part_path",
    "repetitive",
    "require_file",
    "scratch_folder",
    "whole",
    "write_table",
]

# for owner and group, as what is written may be somebody's data; the umask may narrow it
FILE_MODE, FOLDER_MODE = 0o640, 0o750
SCRATCH = "riskkit."
GROUP_ROWS = 500_000
PARTS = "part-*.parquet"
_KINDS = {".parquet": "parquet", ".csv": "CSV", ".csv.gz": "CSV", ".xlsx": "Excel"}


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Path of a file to write beside `path`, which takes its place when all of it is on disk.

    The block writes the file; on an error in it, `path` stays as it was and nothing is left. Owner
    and group may read it.

    Raises
    ------
    OSError
        The folder is not there or not writable.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(Path(folder) / "a.txt") as staging:
    ...         _ = staging.write_text("all")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    path = Path(path)
    staging = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    # the writer finds the file there, and leaves its mode as it is
    new_file(staging).close()
    try:
        yield staging
        # without it a crash of the machine may leave the new name on an empty file
        with staging.open("rb") as file:
            os.fsync(file.fileno())
        staging.replace(path)
    except OSError as error:
        if error.errno and error.filename is None:  # as of a disk that is full
            error.filename = str(path)
        raise
    finally:
        staging.unlink(missing_ok=True)


def require_file(path: Path, *, most_bytes: int | None = None) -> None:
    """Refuse what is no file of a known size, such as a pipe or what the kernel makes up.

    Reading one of those may never end.

    Raises
    ------
    DataContractError
        There is no file, nothing in it, or more than `most_bytes`.
    """
    if not path.is_file():
        raise DataContractError(path.name, [f"no file at {path}"])
    size = path.stat().st_size
    if not size:
        raise DataContractError(path.name, ["the file is empty"])
    if most_bytes is not None and size > most_bytes:
        raise DataContractError(path.name, [f"{size:,} bytes; expected at most {most_bytes:,}"])


def hash_file(path: Path) -> str:
    """The file's sha256; of a folder, that of the names and hashes of all files in it."""
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        lines = "".join(f"{hash_file(p)}  {p.relative_to(path).as_posix()}\n" for p in inside)
        return hashlib.sha256(lines.encode()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_file(path: Path) -> BinaryIO:
    """A new file to write bytes to, which only owner and group may read.

    Raises
    ------
    FileExistsError
    """
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder under the system's temporary one, for this user alone, gone afterwards.

    It is held locked; those whose owner was killed are known by their open lock, and removed.

    Raises
    ------
    OSError
        There is no temporary folder, or no place in it.
    """
    _remove_leftovers(Path(tempfile.gettempdir()))
    while True:
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH))
        # until it is locked, another process may take it for a leftover
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock).st_nlink:
                break
            os.close(lock)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_leftovers(above: Path) -> None:
    for folder in above.glob(f"{SCRATCH}*"):
        with suppress(OSError):  # somebody else's, or gone by now
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def write_table(frame: pd.DataFrame, path: str | Path) -> Path:
    """Path of the parquet file, written whole or not at all.

    Equal frames give equal bytes. A named index is kept; a plain one is dropped.

    Raises
    ------
    OSError
        The folder is not there or not writable; an earlier file of that name stays as it was.
    """
    keep_index = frame.index.nlevels > 1 or frame.index.name is not None
    with whole(path) as staging:
        frame.to_parquet(
            staging,
            index=keep_index,
            compression="zstd",
            row_group_size=GROUP_ROWS,
            use_dictionary=repetitive(frame),
        )
    return Path(path)


def part_path(folder: str | Path, number: int) -> Path:
    """Path of a part of the table in `folder`, counted from 0.

    Examples
    --------
    >>> part_path("performance", 7).as_posix()
    'performance/part-00007.parquet'
    """
    return Path(folder) / f"part-{number:05d}.parquet"


def repetitive(frame: pd.DataFrame) -> list[str]:
    """Columns worth a dictionary: one of values that hardly repeat costs time and saves nothing."""
    head = frame.head(1_000)
    return [str(name) for name in frame.columns if head[name].nunique() <= len(head) // 2]


class Files:
    """The files of one table, all of one kind, in the order in which they are read.

    Parameters
    ----------
    source : path or sequence of paths
        A file, a folder of ``part-*.parquet`` files, which are read in the order of their numbers,
        or a sequence of files, which are read as given.

    Raises
    ------
    DataContractError
        A file is not there, of an unknown kind or of another kind than the first; there is none.
    """

    def __init__(self, source: str | Path | Sequence[str | Path]):
        if isinstance(source, str | Path):
            path = Path(source)
            self.name = path.name
            self._named_after = path if path.is_dir() else None
            self.paths = _parts(path) if path.is_dir() else [path]
        else:
            self.paths = [Path(path) for path in source]
            if not self.paths:
                raise DataContractError("table", ["no files: the sequence is empty"])
            more = len(self.paths) - 1
            self.name = self.paths[0].name + (f" and {more} more" if more else "")
            self._named_after = None
        for path in self.paths:
            if not path.is_file():
                raise DataContractError(path.name, [f"no file at {path}"])
        self.kind = _kind(self.paths[0])
        for path in self.paths:
            require_file(path)
            if _kind(path) != self.kind:
                raise DataContractError(
                    path.name, [f"expected a {self.kind} file as {self.paths[0].name} is one"]
                )

    def holds(self, path: Path) -> bool:
        """Whether a file there is, or would be, one of the parts."""
        folder = self._named_after
        return (
            folder is not None and path.match(PARTS) and path.parent.resolve() == folder.resolve()
        )

    def label(self, path: Path) -> str:
        """Name of a file in messages: a part goes with its folder."""
        return path.name if self._named_after is None else f"{self.name}/{path.name}"

    @contextmanager
    def reading(self, path: Path) -> Iterator[None]:
        """Turn a reader's complaint into one line about the file."""
        try:
            yield
        except DataContractError:
            raise
        except (OSError, ValueError, EOFError, pa.ArrowException) as error:
            # ParserError, EmptyDataError and BadGzipFile are among these, too
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataContractError(self.label(path), [f"unreadable: {reason}"]) from error


def column_differences(found: Sequence[str], expected: Sequence[str], first: str) -> list[str]:
    """A line where a file's columns are not those of the first file, in their order."""
    if list(found) == list(expected):
        return []
    return [f"expected the columns {', '.join(expected)} as in {first}, found {', '.join(found)}"]


def _parts(folder: Path) -> list[Path]:
    # by length first: part-100000 comes after part-99999
    parts = sorted(folder.glob(PARTS), key=lambda path: (len(path.name), path.name))
    if not parts:
        raise DataContractError(folder.name, [f"no {PARTS} in {folder}"])
    return parts


def _kind(path: Path) -> str:
    for ending, kind in _KINDS.items():
        if path.name.lower().endswith(ending):
            return kind
    raise DataContractError(
        path.name, [f"unknown kind of file {path.suffix!r}; expected {', '.join(_KINDS)}"]
    )
