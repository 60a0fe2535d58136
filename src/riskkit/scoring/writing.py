"""Files that appear whole or not at all, however long they take to write.

Takes paths; gives a table of scores in parquet or CSV, and the side file in CSV.
"""

from __future__ import annotations

import csv as plain_csv
import fcntl
import gzip
import io
import os
import re
import stat
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
from pyarrow import csv, parquet

from riskkit.tables import hash_file, new_file

__all__ = ["ScoreWriter", "SideFile"]

GROUP_ROWS = 100_000
_STAGED = re.compile(r"\.[0-9a-f]{32}\.partial")


def _remove_leftover(path: Path) -> None:
    """Remove a file of ours that nobody is writing; no link, pipe or folder is one."""
    with suppress(OSError):  # gone by now, somebody else's, or being written
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            found = os.fstat(handle)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink(missing_ok=True)
        finally:
            os.close(handle)


class _Staged:
    """A file under a name of its own until it is finished and :meth:`publish` renames it.

    The name is held locked: what a killed process left is known by its open lock, and the next one
    that writes the same file removes it.
    """

    def __init__(self, path: Path):
        self.path = path
        for leftover in path.parent.glob(f".{escape(path.name)}.*.partial"):
            if _STAGED.fullmatch(leftover.name.removeprefix(f".{path.name}")):
                _remove_leftover(leftover)
        while True:
            self._staging = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
            self.file = new_file(self._staging)
            fcntl.flock(self.file, fcntl.LOCK_EX)
            if os.fstat(self.file.fileno()).st_nlink:
                break
            self.file.close()  # another process took it for a leftover before it was locked

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._staging.unlink(missing_ok=True)
        with suppress(Exception):  # of what is thrown away, such as a footer on a full disk
            self._end()
        self.file.close()

    def finish(self) -> None:
        """Bring all that is written to the disk; where that fails, older files are untouched."""
        self._end()
        self.file.flush()
        os.fsync(self.file.fileno())

    def content_hash(self) -> str:
        """sha256 of the finished file."""
        return hash_file(self._staging)

    def publish(self) -> None:
        """Give the finished file its final name, in place of an older one."""
        self._staging.replace(self.path)

    def _end(self) -> None:
        """Write what is still to be written; a second time does nothing."""


class ScoreWriter(_Staged):
    """Rows of one schema as ``.parquet``, ``.csv`` or ``.csv.gz``."""

    def __init__(self, path: Path, schema: pa.Schema):
        super().__init__(path)
        self._gzip: gzip.GzipFile | None = None
        self._held: list[pa.Table] = []
        if path.name.lower().endswith(".parquet"):
            words = [name for name in schema.names if name.startswith("reason_")]
            self._writer: Any = parquet.ParquetWriter(
                self.file, schema, compression="zstd", use_dictionary=words
            )
            return
        sink: Any = self.file
        if path.name.lower().endswith(".gz"):
            # level 9 takes thrice the time for a twentieth of the size; no time, so equal bytes
            sink = self._gzip = gzip.GzipFile("", "wb", 6, self.file, mtime=0)
        sink.write((",".join(schema.names) + "\n").encode())
        options = csv.WriteOptions(include_header=False, quoting_style="needed")
        self._writer = csv.CSVWriter(sink, schema, write_options=options)

    def write(self, table: pa.Table) -> None:
        """Add rows, which are held until there are enough of them for a row group."""
        self._held.append(table)
        if sum(map(len, self._held)) >= GROUP_ROWS:
            self._let_go()

    def _let_go(self) -> None:
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held).combine_chunks())
        self._held = []

    def _end(self) -> None:
        self._let_go()
        self._writer.close()
        if self._gzip is not None:
            self._gzip.close()


class SideFile(_Staged):
    """Rejected rows: number, reasons, and the cells as they were read.

    The encoding and the delimiter are those of the input, so that it reads like one; a letter of a
    reason that the encoding has not is shown by its number.
    """

    def __init__(
        self, path: Path, columns: Sequence[str], encoding: str = "utf-8", delimiter: str = ","
    ):
        super().__init__(path)
        self._text = io.TextIOWrapper(
            self.file, encoding, "backslashreplace", newline="", write_through=True
        )
        self._writer = plain_csv.writer(self._text, delimiter=delimiter, lineterminator="\n")
        self._writer.writerow(["row", "reasons", *columns])

    def write(self, rows: Iterable[tuple[int, Sequence[str], Sequence[object]]]) -> None:
        """Add rows; a reason each, or several."""
        for number, reasons, cells in rows:
            self._writer.writerow([number, "; ".join(reasons), *cells])

    def _end(self) -> None:
        self._text.flush()
