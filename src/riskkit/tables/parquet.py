"""Rows of parquet files, read batch by batch.

Takes :class:`riskkit.tables.files.Files`; gives arrow tables as chunks and frames of one type each.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from riskkit.checks import DataContractError
from riskkit.tables.chunks import NUMBER_BYTES, TEXT_BYTES
from riskkit.tables.files import GROUP_ROWS, Files, column_differences

__all__ = ["ParquetRows"]

_BUFFER_BYTES = 1 << 16
_EDGE_ROWS = 1 << 12  # read at once where a loan goes on in the next row group


class _Group(NamedTuple):
    """A row group: its file, its number there, and where its rows are in the table."""

    path: Path
    number: int
    start: int
    stop: int


class ParquetRows:
    """Rows of parquet files of the same columns and types.

    Arrow gives whole numbers and truth values another dtype where one of them is missing, and a
    category the levels of its batch alone. Both are settled over all files: the first by the counts
    of missing values that the files' footers keep, the second by a pass over the column.

    Where `dtypes` are given, what pandas noted in the files does not count: they say of a column
    which dtype it has without a missing value, and with one.
    """

    def __init__(self, files: Files, dtypes: Mapping[str, tuple[Any, Any]] | None = None):
        self.name = files.name
        self._dtypes = dtypes
        self._files = files
        self._loan_starts: dict[str, list[int]] = {}
        self._types: dict[str, Any] = {}  # as far as they are settled
        self.n_rows = 0
        for path in files.paths:
            with self._opened(path) as file:
                self.n_rows += file.metadata.num_rows
                schema = file.schema_arrow
            if dtypes is not None:
                schema = schema.remove_metadata()
            if path == files.paths[0]:
                self._schema = schema
            violations = _differences(schema, self._schema, files.paths[0].name)
            if violations:
                raise DataContractError(files.label(path), violations)
        self.columns: list[str] = self._schema.names
        try:
            kept = (self._schema.pandas_metadata or {}).get("index_columns", [])
            self._levels = [name for name in kept if isinstance(name, str)]
            absent = [name for name in self._levels if name not in self.columns]
        except (ValueError, TypeError, AttributeError):
            absent = ["what pandas noted in it"]
        if absent:
            raise DataContractError(
                files.name,
                [f"its index cannot be read: {absent[0][:40]!r} is not as pandas has it"],
            )

    def stored_types(self) -> dict[str, pa.DataType]:
        """Type of each column, as the files hold it."""
        return {field.name: field.type for field in self._schema}

    def row_bytes(self, columns: Sequence[str]) -> int:
        """Guess of the memory one row takes."""
        return sum(self._column_bytes(name) for name in columns)

    def chunks(self, columns: Sequence[str] | None, rows: int) -> Iterator[pa.Table]:
        """Arrow tables of at most `rows` rows, with a kept index among their columns."""
        for path in self._files.paths:
            with self._opened(path) as file:
                for batch in file.iter_batches(rows, columns=self._read(columns)):
                    yield self._alike(pa.Table.from_batches([batch]), columns)

    def ranges(self, columns: Sequence[str], rows: int, whole: str | None) -> list[range]:
        """Ranges of about `rows` rows that begin where a row group does, or the loan after it."""
        for name in set(columns) - set(self._levels):
            self._type(name)  # once here, and not again wherever a range is read
        starts = [group.start for group in self._groups]
        if whole is not None:
            if whole not in self._loan_starts:  # once for all passes over the table
                loans = {self._next_loan(start, whole) for start in starts[1:]}
                self._loan_starts[whole] = sorted({*starts[:1], *loans} - {self.n_rows})
            starts = self._loan_starts[whole]
        bounds = [0]
        for start, stop in zip(starts, [*starts[1:], self.n_rows], strict=True):
            if start > bounds[-1] and stop - bounds[-1] > rows:
                bounds.append(start)
        return [range(a, b) for a, b in itertools.pairwise([*bounds, self.n_rows]) if a < b]

    def between(self, rows: range, columns: Sequence[str] | None) -> pd.DataFrame:
        """The rows at these positions, at least one; only the row groups they lie in are read."""
        pieces = list(self._pieces(rows, columns))
        return self.joined([self._alike(piece, columns) for piece in pieces], columns)

    def _pieces(self, rows: range, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        for path, groups in itertools.groupby(self._groups, key=lambda group: group.path):
            wanted = [g for g in groups if g.start < rows.stop and g.stop > rows.start]
            if not wanted:
                continue
            with self._opened(path) as file:
                for group in wanted:
                    first, last = max(rows.start, group.start), min(rows.stop, group.stop)
                    names = self._read(columns)
                    if (first, last) == (group.start, group.stop):
                        yield file.read_row_group(group.number, columns=names)
                        continue
                    # a few rows at an end: batches, so that no more is decoded than they need
                    place = group.start
                    for batch in file.iter_batches(
                        _EDGE_ROWS, row_groups=[group.number], columns=names
                    ):
                        here = pa.Table.from_batches([batch])
                        begin, end = max(first - place, 0), min(last - place, len(here))
                        if begin < end:
                            yield here.slice(begin, end - begin)
                        place += len(here)
                        if place >= last:
                            break

    def _next_loan(self, start: int, whole: str) -> int:
        """The first row at or after `start`, a row group's, that begins a loan."""

        def ids(rows: range) -> pd.Series:
            return pa.concat_tables(self._pieces(rows, [whole])).column(whole).to_pandas()

        last = ids(range(start - 1, start)).iloc[0]
        for place in range(start, self.n_rows, _EDGE_ROWS):
            other = (ids(range(place, min(place + _EDGE_ROWS, self.n_rows))) != last).to_numpy(bool)
            if other.any():
                return place + int(other.argmax())
        return self.n_rows

    @cached_property
    def _groups(self) -> list[_Group]:
        """The row groups of all files, in the order of their rows."""
        groups, start = [], 0
        for path in self._files.paths:
            with self._opened(path) as file:
                footer = file.metadata
                for number in range(footer.num_row_groups):
                    n = footer.row_group(number).num_rows
                    groups.append(_Group(path, number, start, start + n))
                    start += n
        return [group for group in groups if group.start < group.stop]

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of all rows, as arrow holds it."""
        import pyarrow as pa

        pieces = [chunk.column(name) for chunk in self.chunks([name], GROUP_ROWS)]
        kind = self._schema.field(name).type
        return pa.chunked_array([piece for one in pieces for piece in one.chunks], kind)

    def values(self, chunk: pa.Table, column: str) -> pd.Series:
        """One column of a chunk."""
        return chunk.column(column).to_pandas()

    def picked(self, chunk: pa.Table, keep: NDArray[np.bool_]) -> pa.Table:
        """The rows to keep of a chunk."""
        return chunk.filter(pa.array(keep))

    def joined(self, chunks: Sequence[pa.Table], columns: Sequence[str] | None) -> pd.DataFrame:
        """Frame of chunks, each column in the one type of all files."""
        both = chunks[0] if len(chunks) == 1 else pa.concat_tables(chunks)
        frame = self._to_pandas(both.select(self._named(columns)))
        for name in frame.columns:
            if frame[name].dtype != self._type(name):
                frame[name] = frame[name].astype(self._type(name))
        return frame

    def frame(self, columns: Sequence[str] | None) -> pd.DataFrame:
        """All rows."""
        pieces = []
        for path in self._files.paths:
            with self._opened(path) as file:
                pieces.append(self._alike(file.read(self._read(columns)), columns))
        return self.joined(pieces, columns)

    def _to_pandas(self, rows: pa.Table) -> pd.DataFrame:
        """Frame with the types and the index that pandas noted in the file."""
        try:
            # a day that pandas did not write is a day all the same
            return rows.to_pandas(date_as_object=self._dtypes is None)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, pa.ArrowException):
                raise
            raise DataContractError(
                self.name, ["what pandas noted in it of types and index cannot be read"]
            ) from error

    def _read(self, columns: Sequence[str] | None) -> list[str] | None:
        """The columns to read: those asked for, and a kept index."""
        if columns is None:
            return None
        return [*columns, *(name for name in self._levels if name not in columns)]

    def _alike(self, rows: pa.Table, columns: Sequence[str] | None) -> pa.Table:
        """Rows with what the first file says of pandas' types and index."""
        return rows.select(self._named(columns)).replace_schema_metadata(self._schema.metadata)

    def _named(self, columns: Sequence[str] | None) -> list[str]:
        names = self._read(columns)
        return self.columns if names is None else names

    @cached_property
    def _pandas_types(self) -> tuple[pd.Series, pd.Series]:
        """Dtypes that pandas gives columns without a missing value, and with one."""
        nulls = [pa.nulls(1, field.type) for field in self._schema]
        missing = pa.Table.from_arrays(nulls, schema=self._schema)
        without = self._to_pandas(self._schema.empty_table())
        return without.dtypes, self._to_pandas(missing).dtypes

    def _type(self, column: str) -> Any:
        """Dtype of a column in all of the table."""
        if column not in self._types:
            given = (self._dtypes or {}).get(column)
            without, missing = given or (types[column] for types in self._pandas_types)
            if without == "category":
                self._types[column] = self._category(column)
            else:
                gaps = without != missing and self._has_missing(column)
                self._types[column] = missing if gaps else without
        return self._types[column]

    def _has_missing(self, column: str) -> bool:
        """Whether a value is missing anywhere; read only where a footer does not count them."""
        place = self.columns.index(column)
        for path in self._files.paths:
            with self._opened(path) as file:
                groups = [
                    file.metadata.row_group(number).column(place).statistics
                    for number in range(file.metadata.num_row_groups)
                ]
                if all(group is not None and group.has_null_count for group in groups):
                    missing = sum(group.null_count for group in groups)
                else:
                    missing = sum(batch[0].null_count for batch in self._batches(file, column))
                if missing:
                    return True
        return False

    def _category(self, column: str) -> pd.CategoricalDtype:
        """All levels, in the order of their first appearance."""
        kind = self._schema.field(column).type
        levels = [pa.array([], kind.value_type)]
        for path in self._files.paths:
            with self._opened(path) as file:
                levels += [batch[0].dictionary for batch in self._batches(file, column)]
                levels = [pa.chunked_array(levels).unique()]
        return pd.CategoricalDtype(levels[0].to_pandas(), ordered=kind.ordered)

    def _batches(self, file: pq.ParquetFile, column: str) -> Iterator[pa.RecordBatch]:
        return file.iter_batches(GROUP_ROWS, columns=[column])

    def _column_bytes(self, column: str) -> int:
        """Of a value in a frame: numbers are known, text is at least as long as in the file."""
        kind = self._schema.field(column).type
        if isinstance(kind, pa.DictionaryType):
            kind = kind.index_type
        if isinstance(kind, pa.DataType) and pa.types.is_primitive(kind):
            return NUMBER_BYTES
        return max(TEXT_BYTES, self._stored_bytes.get(column, 0))

    @cached_property
    def _stored_bytes(self) -> dict[str, int]:
        """Bytes of a value of each column before compression, in the first file."""
        with self._opened(self._files.paths[0]) as file:
            footer = file.metadata
            totals: dict[str, int] = {}
            for number in range(footer.num_row_groups):
                group = footer.row_group(number)
                for place in range(group.num_columns):
                    column = group.column(place)
                    name = column.path_in_schema.split(".")[0]
                    totals[name] = totals.get(name, 0) + column.total_uncompressed_size
        return {name: total // max(footer.num_rows, 1) for name, total in totals.items()}

    @contextmanager
    def _opened(self, path: Path) -> Iterator[pq.ParquetFile]:
        # arrow's own settings would hold every row group that was read until the file is closed,
        # and the one that is being read whole
        with (
            self._files.reading(path),
            pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
        ):
            yield file


def _differences(found: pa.Schema, expected: pa.Schema, first: str) -> list[str]:
    """One line for each way in which a file's columns differ from those of the first."""
    return column_differences(found.names, expected.names, first) or [
        f"{right.name}: expected {_kind(right)} as in {first}, found {_kind(wrong)}"
        for right, wrong in zip(expected, found, strict=True)
        if _kind(right) != _kind(wrong)
    ]


def _kind(field: pa.Field) -> str:
    return f"{field.type}{'' if field.nullable else ' not null'}"
