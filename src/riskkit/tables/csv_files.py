"""Rows of a CSV file as it holds them, block by block, each with its number.

Takes a path; gives arrow tables of bytes. The one reader of CSV: for whom one bad line spoils the
file (:mod:`riskkit.tables.texts`) and for whom it spoils a row (:mod:`riskkit.scoring`).
"""

from __future__ import annotations

import codecs
import csv as plain_csv
import gzip
import io
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from riskkit.checks import DataContractError

__all__ = ["MOST_COLUMNS", "Block", "CsvFile", "opened"]

MOST_COLUMNS = 100_000

CSV_BYTES = 1 << 22  # read at once, and some twenty times as much ahead; no row may be longer
_ODD_ROW = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")
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
        One ASCII character.

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
    DataContractError
        There is no such codec, or the delimiter cannot be one.
    ValueError
        There is no line with the names of the columns; the file is not in this encoding, though
        UTF-8 may hold cells that are none.
    """

    def __init__(self, path: Path, encoding: str = "utf-8", delimiter: str = ","):
        violations = []
        if len(delimiter.encode()) != 1 or delimiter in '"\r\n':
            violations.append(f"delimiter must be one ASCII character, got {delimiter!r}")
        try:
            "".encode(encoding)
        except LookupError:
            violations.append(f"encoding: no codec of Python is called {encoding!r}")
        if violations:
            raise DataContractError(path.name, violations)
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
            A quote is never closed, or closed within a cell, so nobody can say where its row ends;
            a row is longer than 4 MiB; the file is damaged, or not in this encoding.
        """
        with closing(
            _Stream(self.path, self._end(), self.encoding, _Quotes(self.delimiter))
        ) as stream:
            for block in self._of(stream, columns, rows):
                self.position = stream.position
                yield block
        self.position = self.path.stat().st_size

    def _header(self) -> list[str]:
        with closing(_Stream(self.path, "", self.encoding)) as stream:
            head = _Head(stream)
            # a cell behind the header may be no UTF-8
            text = io.TextIOWrapper(cast(Any, head), "utf-8-sig", "replace", newline="")
            try:
                for names in plain_csv.reader(text, delimiter=self.delimiter):
                    if len(names) > MOST_COLUMNS:
                        raise ValueError(
                            f"{len(names):,} columns; expected at most {MOST_COLUMNS:,}"
                        )
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
            fields = f"{row.actual_columns} fields instead of {row.expected_columns}"
            # arrow counts the header, too
            broken.append((row.number - 1, f"{fields}: {row.text}"))
            return "skip"

        try:
            for batch in _quietly(lambda: self._batches(stream, columns, note)):
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
            if odd := _ODD_ROW.search(str(error)):
                raise ValueError(
                    f"line {odd[1]}: {odd[3]} fields instead of {odd[2]}, and a letter that is no "
                    "UTF-8"
                ) from None
            if "straddling" not in str(error):  # not: a row is longer than what is read at once
                raise
            broken.clear()
        # the last one is ours, whatever lines of theirs look like it
        ours = f": {self._end().strip(chr(10))}"
        if broken and broken[-1][1].endswith(ours):
            end = broken.pop()[0]
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


def _quietly(opened: Callable[[], csv.CSVStreamingReader]) -> Iterator[pa.RecordBatch]:
    """The batches of a reader, without a word of its own on stderr.

    A row of too many fields that is no UTF-8, either, cannot be handed to us: arrow prints a
    traceback, and then raises what is told of the row.
    """
    before, reader = sys.unraisablehook, None

    def hook(told: Any) -> None:
        if not isinstance(told.exc_value, UnicodeDecodeError):
            before(told)

    while True:
        sys.unraisablehook = hook
        try:
            reader = opened() if reader is None else reader
            batch = reader.read_next_batch()
        except StopIteration:
            return
        finally:
            sys.unraisablehook = before
        yield batch


class _Stream(io.RawIOBase):
    """A CSV file's bytes in UTF-8, and an end of our own."""

    def __init__(
        self, path: Path, end: str, encoding: str = "utf-8", quotes: _Quotes | None = None
    ):
        self._raw = path.open("rb")
        self._bytes = opened(path, self._raw)
        # UTF-8 passes as it is, faults and all: a cell that nobody asks for may have one
        plain = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
        self._decoder = None if plain else codecs.getincrementaldecoder(encoding)()
        self._left = self._held = b""
        self._end = end.encode()
        self._quotes = quotes

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
        held, self._held = self._held, b""
        more = room if room < 0 else max(1, room - len(held))
        data = self._bytes.read(more) if self._decoder is None else self._recoded(more)
        is_end, data = more < 0 or len(data) < more, held + data
        if not is_end and len(data) > 1 and data.endswith(b"\r"):
            # arrow takes a line break that is cut in two, even within quotes, for one that is over
            data, self._held = data[:-1], b"\r"
        if self._quotes is not None:
            self._quotes.watch(data)
        if is_end:
            data, self._end = data + self._end, b""
        return data

    def _recoded(self, room: int) -> bytes:
        decoder = cast(codecs.IncrementalDecoder, self._decoder)
        while room < 0 or len(self._left) < room:
            piece = self._bytes.read(room)
            self._left += decoder.decode(piece, final=not piece).encode()
            if not piece:
                break
        room = len(self._left) if room < 0 else room
        data, self._left = self._left[:room], self._left[room:]
        return data

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Head(io.RawIOBase):
    """The start of a file, which must hold the names of its columns."""

    def __init__(self, stream: _Stream):
        self._stream = stream
        self._left = CSV_BYTES

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the first 4 MiB.

        Raises
        ------
        ValueError
            More is asked for: a file of a few kilobytes may unpack to a line of many gigabytes.
        """
        if self._left <= 0:
            raise ValueError(
                f"the first {CSV_BYTES:,} bytes are no line with the names of the columns"
            )
        data = self._stream.read(min(size, self._left) if size > 0 else self._left)
        self._left -= len(data)
        return data


class _Quotes:
    """Watches that each quoted cell ends at its closing quote, where arrow would read on.

    One stray quote turns all that follow inside out, and the cells of a line may still be as many
    as they should.
    """

    def __init__(self, delimiter: str):
        ends = rb"\r\n" + re.escape(delimiter).encode()
        cell = rb'"(?:[^"]++|"")*+"'
        parts = (rb'[^"]++', rb"(?<=[%b])%b(?=[%b])" % (ends, cell, ends), rb'(?<![%b])"' % ends)
        self._good = re.compile(rb"(?:%b)*+" % b"|".join(parts))
        self._wrong = re.compile(rb'%b[^"%b]' % (cell, ends))
        self._left = b""  # the last byte of what is good, and a cell that has not ended
        self._line = 1

    def watch(self, piece: bytes) -> None:
        """Look at the next piece of the file.

        Raises
        ------
        ValueError
            Text follows the quote that closes a cell.
        """
        data = self._left + piece if self._left else b"\n" + piece.removeprefix(codecs.BOM_UTF8)
        good = cast(re.Match[bytes], self._good.match(data, 1)).end() if b'"' in data else len(data)
        self._line += _line_ends(data, 1, good)
        if wrong := self._wrong.match(data, good):
            raise ValueError(
                f"line {self._line + _line_ends(data, good, wrong.end() - 1):,}: text follows the "
                f"quote that closes the cell begun on line {self._line:,}; is a quote not closed, "
                "or not doubled?"
            )
        self._left = data[good - 1 :]


def _line_ends(data: bytes, start: int, end: int) -> int:
    return max(data.count(b"\n", start, end), data.count(b"\r", start, end))


def opened(path: Path, raw: Any) -> Any:
    """The bytes of an open file, decompressed where its name ends in ``.gz``."""
    return gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw
