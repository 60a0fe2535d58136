"""Rows of CSV files, read chunk by chunk in the types that all of them together have.

Takes :class:`riskkit.tables.files.Files`; gives frames.
"""

from __future__ import annotations

import codecs
import csv as plain_csv
import gzip
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from riskkit.checks import DataContractError
from riskkit.tables.chunks import FrameChunks, chunk_kind, common_type
from riskkit.tables.files import Files, column_differences

__all__ = ["Block", "CsvFile", "CsvRows"]

_LEARN_BYTES = 1 << 26
_BIG = "big"  # a chunk with whole numbers beyond 64 bits, whatever pandas made of it


class CsvRows(FrameChunks):
    """Rows of CSV files of the same columns.

    The types are those that pandas gives the file read whole. They are learnt in a pass over it,
    chunk by chunk, before the first chunk is handed out, or in passing where all of it is read.
    """

    def __init__(self, files: Files, text: Sequence[str] = ()):
        self.name = files.name
        self._files = files
        self._text = set(text)
        for path in files.paths:
            first_row = self._whole(path, nrows=1)
            columns = list(first_row.columns)
            if path == files.paths[0]:
                self.columns = columns
            violations = column_differences(columns, self.columns, files.paths[0].name)
            if not isinstance(first_row.index, pd.RangeIndex):
                # pandas would take the first cells for labels of the rows
                violations = ["the first row has more cells than there are column names"]
            if violations:
                raise DataContractError(files.label(path), violations)

    def learn(self) -> None:
        """Count the rows and settle the types, in a pass."""
        if self._types is not None:
            return
        n_rows = 0
        kinds: dict[str, set[str]] = {name: set() for name in self.columns}
        rows = max(1, _LEARN_BYTES // self.row_bytes(self.columns))
        for chunk in self._all_chunks(rows, self.columns, dict.fromkeys(self._text, "str")):
            n_rows += len(chunk)
            for name in self.columns:
                kinds[name].add(_kind(chunk[name]))
        self.n_rows = n_rows
        self._types = {
            name: "str" if name in self._text else self._common(name, found)
            for name, found in kinds.items()
        }

    def chunks(self, columns: Sequence[str] | None, rows: int) -> Iterator[pd.DataFrame]:
        """Frames of at most `rows` rows, in the types of the whole."""
        self.learn()
        wanted = self.columns if columns is None else list(columns)
        for chunk in self._all_chunks(rows, wanted, self._parsed_types()):
            yield self._typed(chunk)[wanted]

    def frame(self, columns: Sequence[str] | None) -> pd.DataFrame:
        """All rows; learns the types in passing where it reads all of a file."""
        wanted = self.columns if columns is None else list(columns)
        if self._types is None and len(self._files.paths) == 1:
            path = self._files.paths[0]
            frame = self._whole(path, usecols=wanted, dtype=dict.fromkeys(self._text, "str"))
            for name in wanted:
                # pandas forgets the blank cells in a column of numbers beyond 64 bits
                if frame[name].dtype == "str" and (blank := frame[name] == "").any():
                    frame[name] = frame[name].mask(blank)
            self.n_rows = len(frame)
            if columns is None:
                self._types = {name: str(frame[name].dtype) for name in wanted}
            return frame[wanted]
        self.learn()
        pieces = [
            self._typed(self._whole(path, usecols=wanted, dtype=self._parsed_types()))
            for path in self._files.paths
        ]
        return self.joined(pieces, wanted)

    def _common(self, column: str, kinds: set[str]) -> str:
        if _BIG in kinds or ("uint64" in kinds and not kinds <= {"int", "uint64"}):
            # what pandas makes of them depends on the rest of the column: ask it
            kinds = {
                chunk_kind(self._whole(path, usecols=[column])[column])
                for path in self._files.paths
            }
            if "uint64" in kinds and not kinds <= {"int", "uint64"}:
                return "str"  # as pandas has it where a cell is blank: no digit is lost
        return common_type(kinds, none="float64", mixed="str")

    def _parsed_types(self) -> dict[str, str]:
        """Dtypes to parse with; object (True, False and a gap) must be inferred."""
        return {name: kind for name, kind in (self._types or {}).items() if kind != "object"}

    def _typed(self, chunk: pd.DataFrame) -> pd.DataFrame:
        inferred = [
            name
            for name, kind in (self._types or {}).items()
            if kind == "object" and name in chunk.columns
        ]
        return chunk.astype(dict.fromkeys(inferred, "object"))

    def _all_chunks(
        self, rows: int, columns: Sequence[str], types: dict[str, str]
    ) -> Iterator[pd.DataFrame]:
        for path in self._files.paths:
            with (
                self._files.reading(path),
                self._reader(path, usecols=columns, dtype=types, chunksize=rows) as chunks,
            ):
                for chunk in chunks:
                    if len(chunk):
                        yield chunk

    def _whole(self, path: Path, **options: Any) -> pd.DataFrame:
        with self._files.reading(path):
            return self._reader(path, **options)

    def _reader(self, path: Path, **options: Any) -> Any:
        # a blank cell is the only missing value: "NA" or "None" may be a category
        return pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False, **options)


def _kind(values: pd.Series) -> str:
    """Kind of a chunk's column; numbers too big for pandas make it object or text."""
    kind = chunk_kind(values)
    if kind == "object" and any(type(value) is int for value in values):
        return _BIG
    if kind == "str" and _all_numbers(values.head(100)) and _all_numbers(values):
        return _BIG
    return kind


def _all_numbers(values: pd.Series) -> bool:
    there = values[values != ""].dropna()  # beside such numbers pandas forgets the blank cells
    return bool(pd.to_numeric(there, errors="coerce").notna().all())


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


class CsvFile:
    """Rows of a CSV file as it holds them, every cell as its bytes; a blank cell is missing.

    An empty line is no row. A quote within a cell that begins with none is a letter.

    Parameters
    ----------
    path : Path
        Compressed where it ends in ``.gz``.
    encoding : str
        A codec of Python; the cells are UTF-8 whatever it is.
    delimiter : str

    Attributes
    ----------
    names : list of str
        Of the columns, from the first line that is not empty.
    n_rows : int
        Rows so far, broken ones among them; those of the file once its blocks are read.
    position : int
        Bytes of the file that are read.

    Raises
    ------
    ValueError
        There is no line with the names of the columns.
    """

    def __init__(self, path: Path, encoding: str = "utf-8", delimiter: str = ","):
        self.path = path
        self.encoding = encoding
        self.delimiter = delimiter
        self.names = self._header()
        self.n_rows = 0
        self.position = 0

    def blocks(self, columns: Sequence[str], rows: int | None = None) -> Iterator[Block]:
        """Blocks of at most `rows` rows, by default as many as 4 MiB of the file hold.

        Raises
        ------
        ValueError
            A quote is never closed, so nobody can say where its row ends; a row is longer than
            4 MiB; the file is damaged.
        """
        with closing(_Stream(self.path, self._end(), self.encoding)) as stream:
            for block in self._of(stream, columns, rows):
                self.position = stream.position
                yield block
        self.position = self.path.stat().st_size

    def _header(self) -> list[str]:
        with closing(_Stream(self.path, "", self.encoding)) as stream:
            # a cell behind the header may be no UTF-8
            text = io.TextIOWrapper(cast(Any, stream), "utf-8-sig", "replace", newline="")
            try:
                for names in plain_csv.reader(text, delimiter=self.delimiter):
                    if names:
                        return names
            except plain_csv.Error as error:
                raise ValueError(f"names of the columns: {error}") from error
        raise ValueError("no line with the names of the columns")

    def _end(self) -> str:
        # one field too many, so that it comes back as a broken line
        return f"\n{_END}{self.delimiter * len(self.names)}\n"

    def _of(self, stream: _Stream, columns: Sequence[str], rows: int | None) -> Iterator[Block]:
        broken: deque[tuple[int, str]] = deque()
        following = 1
        end: int | None = None

        def note(row: csv.InvalidRow) -> str:
            nonlocal end
            number = row.number - 1  # arrow counts the header, too
            if row.text == self._end().strip("\n"):
                end = number
            else:
                fields = f"{row.actual_columns} fields instead of {row.expected_columns}"
                broken.append((number, f"{fields}: {row.text}"))
            return "skip"

        try:
            for batch in self._batches(stream, columns, note):
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
                    self.n_rows = last - 1
                    yield Block(table, numbers, here)
        except pa.ArrowInvalid as error:
            if "straddling" not in str(error):  # not: a row is longer than what is read at once
                raise
            end = None
        if end is None:
            raise ValueError(
                f"a row after row {following - 1:,} never ends: is a quote not closed?"
            )
        self.n_rows = end - 1
        if broken:
            none = pa.table({name: pa.array([], pa.binary()) for name in columns})
            yield Block(none, np.empty(0, dtype=np.int64), list(broken))

    def _batches(
        self, stream: _Stream, columns: Sequence[str], note: Callable[[csv.InvalidRow], str]
    ) -> csv.CSVStreamingReader:
        return csv.open_csv(
            pa.PythonFile(stream, mode="r"),
            # only one thread knows the numbers of the rows
            read_options=csv.ReadOptions(use_threads=False, block_size=CSV_BYTES),
            parse_options=csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=note
            ),
            convert_options=csv.ConvertOptions(
                # bytes: one cell that is no UTF-8 must not stop the file
                column_types=dict.fromkeys(columns, pa.binary()),
                include_columns=list(columns),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )


class _Stream(io.RawIOBase):
    """A CSV file's bytes in UTF-8, and an end of our own."""

    def __init__(self, path: Path, end: str, encoding: str = "utf-8"):
        self._raw = path.open("rb")
        is_gzip = path.suffix.lower() == ".gz"
        self._bytes = gzip.GzipFile(fileobj=self._raw) if is_gzip else self._raw
        # UTF-8 passes as it is, faults and all: a cell that nobody asks for may have one
        known = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
        self._decoder = None if known else codecs.getincrementaldecoder(encoding)()
        self._left = b""
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
        data = self._bytes.read(room) if self._decoder is None else self._recoded(room)
        if room < 0 or len(data) < room:
            data, self._end = data + self._end, b""
        return data

    def _recoded(self, room: int) -> bytes:
        assert self._decoder is not None
        while room < 0 or len(self._left) < room:
            piece = self._bytes.read(room)
            self._left += self._decoder.decode(piece, final=not piece).encode()
            if not piece:
                break
        room = len(self._left) if room < 0 else room
        data, self._left = self._left[:room], self._left[room:]
        return data

    def close(self) -> None:
        self._raw.close()
        super().close()
