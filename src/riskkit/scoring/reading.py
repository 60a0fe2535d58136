"""Rows of a file as it holds them, block by block, each with its number.

Takes :class:`riskkit.tables.files.Files`; gives arrow tables. :class:`riskkit.schema.Table` would
not do: it gives a column one type for all of its rows, so that one bad cell makes text of a column,
and it fills a CSV line that is too short with blanks.
"""

from __future__ import annotations

import csv as plain_csv
import gzip
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from riskkit.checks import DataContractError, missing_columns
from riskkit.tables.files import Files, column_differences
from riskkit.tables.parquet import ParquetRows
from riskkit.tables.table import BLOCK_BYTES, BLOCK_ROWS

__all__ = ["Block", "CsvInput", "Input", "ParquetInput", "open_input"]

CSV_BYTES = 1 << 22  # read at once, and some twenty times as much ahead; no row may be longer
_END = "\x1e"  # starts a line of our own behind the last, which an open quote would swallow


@dataclass(frozen=True, eq=False)
class Block:
    """Rows that follow one another.

    Parameters
    ----------
    table : pyarrow.Table
    numbers : int array of shape (n_rows,)
        Number of each row in the input, from 1; lines that are broken count.
    broken : list of (int, str)
        Number of each line that has too many or too few fields, and what it is.
    """

    table: pa.Table
    numbers: NDArray[np.int64]
    broken: list[tuple[int, str]]


class Input:
    """Rows of a file and how far they are read.

    Attributes
    ----------
    columns : list of str
    types : dict of str to pyarrow.DataType
        Of each column; CSV files know only text.
    n_rows : int
        In the files read so far to their end, as the reader itself counts them.
    total, position : int
        Size of the input and what is read of it, in `unit`.
    """

    columns: list[str]
    types: dict[str, pa.DataType]
    n_rows = 0
    total = 0
    position = 0
    unit = "rows"
    is_csv = False

    def __init__(self, files: Files):
        self._files = files
        self.name = files.name

    def blocks(self, columns: Sequence[str], rows: int | None) -> Iterator[Block]:
        """Blocks of at most `rows` rows of these columns."""
        raise NotImplementedError

    def require(self, columns: Sequence[str]) -> None:
        """Refuse an input that lacks one of the columns, or has one twice.

        Raises
        ------
        DataContractError
        """
        twice = [name for name in columns if self.columns.count(name) > 1]
        missing = missing_columns(self.columns, columns)
        violations = [missing] if missing else []
        violations += [f"two columns of one name: {name}" for name in twice]
        if violations:
            raise DataContractError(self.name, violations)


def open_input(source: str | Path | Sequence[str | Path]) -> Input:
    """The rows of a file, a folder of parts, or files of the same columns.

    Raises
    ------
    DataContractError
        As :class:`riskkit.schema.Table` raises it.
    """
    files = Files(source)
    return CsvInput(files) if files.kind == "CSV" else ParquetInput(files)


class ParquetInput(Input):
    """Rows of parquet files."""

    def __init__(self, files: Files):
        super().__init__(files)
        self._rows = ParquetRows(files)
        self.columns = self._rows.columns
        self.total = self.n_rows = self._rows.n_rows or 0
        with files.reading(files.paths[0]):
            fields = parquet.read_schema(files.paths[0])
        self.types = {field.name: field.type for field in fields}

    def blocks(self, columns: Sequence[str], rows: int | None) -> Iterator[Block]:
        """Blocks of at most `rows` rows, by default as many as :class:`Table` reads at once."""
        if rows is None:
            rows = min(BLOCK_ROWS, max(1, BLOCK_BYTES // max(1, self._rows.row_bytes(columns))))
        for table in self._rows.chunks(columns, rows):
            numbers = np.arange(self.position + 1, self.position + 1 + len(table))
            self.position += len(table)
            yield Block(table, numbers, [])


class CsvInput(Input):
    """Rows of CSV files, every cell as its text; a blank cell is missing."""

    unit = "B"
    is_csv = True

    def __init__(self, files: Files):
        super().__init__(files)
        self.total = sum(path.stat().st_size for path in files.paths)
        for path in files.paths:
            with files.reading(path):
                names = _header(path)
            if path == files.paths[0]:
                self.columns = names
            violations = column_differences(names, self.columns, files.paths[0].name)
            if violations:
                raise DataContractError(files.label(path), violations)
        self.types = dict.fromkeys(self.columns, pa.string())

    def blocks(self, columns: Sequence[str], rows: int | None) -> Iterator[Block]:
        """Blocks of at most `rows` rows, by default as many as 4 MiB of the file hold.

        Raises
        ------
        DataContractError
            A quote is never closed, so nobody can say where its row ends; a row is longer than
            4 MiB; the file is damaged.
        """
        for path in self._files.paths:
            before = self.position
            with self._files.reading(path), closing(_Stream(path, self._end())) as stream:
                for block in self._of(stream, columns, rows):
                    self.position = before + stream.position
                    yield block
            self.position = before + path.stat().st_size

    def _end(self) -> str:
        # one field too many, so that it comes back as a broken line
        return f"\n{_END}{',' * len(self.columns)}\n"

    def _of(self, stream: _Stream, columns: Sequence[str], rows: int | None) -> Iterator[Block]:
        broken: deque[tuple[int, str]] = deque()
        first = 1 + self.n_rows
        following = first
        end: int | None = None

        def note(row: csv.InvalidRow) -> str:
            nonlocal end
            number = first + row.number - 2  # arrow counts the header, too
            if row.text == self._end().strip("\n"):
                end = number
            else:
                fields = f"{row.actual_columns} fields instead of {row.expected_columns}"
                broken.append((number, f"{fields}: {row.text}"))
            return "skip"

        try:
            for batch in _reader(stream, columns, note):
                whole = pa.Table.from_batches([batch])
                step = rows or max(1, len(whole))
                for start in range(0, len(whole), step):
                    table = whole.slice(start, step)
                    here = []
                    last = following + len(table)
                    # a broken line before the last of these rows moves them on by one
                    while broken and broken[0][0] < last:
                        here.append(broken.popleft())
                        last += 1
                    numbers = np.arange(following, last)
                    if here:
                        numbers = np.setdiff1d(numbers, [number for number, _ in here])
                    following = last
                    yield Block(table, numbers, here)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):  # not: a row is longer than what is read at once
                raise
            end = None
        if end is None:
            raise ValueError(
                f"a row after row {following - 1:,} never ends: is a quote not closed?"
            )
        self.n_rows += end - first
        if broken:
            none = pa.table({name: pa.array([], pa.binary()) for name in columns})
            yield Block(none, np.empty(0, dtype=np.int64), list(broken))


class _Stream(io.RawIOBase):
    """Bytes of a CSV file, and an end of our own."""

    def __init__(self, path: Path, end: str):
        self._raw = path.open("rb")
        self._bytes = gzip.GzipFile(fileobj=self._raw) if _is_gzip(path) else None
        self._end = end.encode()

    @property
    def position(self) -> int:
        return self._raw.tell()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes; fewer than `size` only at the end.

        The end of our own comes in one piece with the last bytes of the file: in a piece of its
        own, behind a last line without a line break, arrow does not find it.
        """
        room = -1 if size < 0 else max(1, size - len(self._end))
        data = (self._bytes or self._raw).read(room)
        if room < 0 or len(data) < room:
            data, self._end = data + self._end, b""
        return data

    def close(self) -> None:
        self._raw.close()
        super().close()


def _header(path: Path) -> list[str]:
    opened = gzip.open if _is_gzip(path) else open
    # a cell behind the header may be no UTF-8
    with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as text:
        try:
            for names in plain_csv.reader(text):
                if names:
                    return names
        except plain_csv.Error as error:
            raise ValueError(f"names of the columns: {error}") from error
    raise ValueError("no line with the names of the columns")


def _is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _reader(
    stream: _Stream,
    columns: Sequence[str],
    note: Callable[[csv.InvalidRow], str],
) -> csv.CSVStreamingReader:
    return csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        # only one thread knows the numbers of the rows
        read_options=csv.ReadOptions(use_threads=False, block_size=CSV_BYTES),
        parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        convert_options=csv.ConvertOptions(
            # bytes: one cell that is no UTF-8 must not stop the file
            column_types=dict.fromkeys(columns, pa.binary()),
            include_columns=list(columns),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
