"""Rows of somebody's file or query as text, for good: a cell is its text, missing, or a fault.

Takes a CSV file, a workbook or a query; gives arrow tables of text, or a frame with the types that
all of its cells allow.
"""

from __future__ import annotations

import datetime as dt
import difflib
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import compute

from riskkit.checks import DataContractError, missing_columns
from riskkit.tables.csv_files import CsvFile
from riskkit.tables.encoding import encoding_fault
from riskkit.tables.files import Files, column_differences
from riskkit.tables.query import NAME, query_rows
from riskkit.tables.sheets import Fault, sheet_rows

__all__ = ["chosen_columns", "csv_texts", "query_texts", "sheet_texts", "typed_frame"]

_SHOWN = 3  # faults of one kind
_DELIMITERS = ",;\t|"
# No leading zero, sign, capital or blank that a number would lose: such cells are codes. A power of
# ten has its sign, as programs write it; 1E2 may be a code. Beyond 15 digits, floats are not exact.
_WHOLE = r"^(0|-?[1-9][0-9]{0,14})$"
_NUMBER = r"^-?((0|[1-9][0-9]{0,14})|(0|[1-9][0-9]*)?\.[0-9]+)(e[-+][0-9]{2,3})?$|" + _WHOLE
_TRUTH = r"^(true|false|True|False|TRUE|FALSE)$"


def csv_texts(
    files: Files,
    columns: Sequence[str] | None = None,
    encoding: str = "utf-8",
    delimiter: str = ",",
) -> Iterator[pa.Table]:
    """Tables of the text of CSV files, at least one, with the columns in the files' order.

    Raises
    ------
    DataContractError
        A column is missing or there twice; a line has too many or too few cells; a quote is never
        closed, or closed within a cell; the text is in another encoding, or parted by another
        delimiter; a file is damaged, empty, or has other columns than the first.
    """
    names: list[str] = []
    for path in files.paths:
        what = files.label(path)
        with files.reading(path):
            try:
                file = CsvFile(path, encoding, delimiter)
                if "\0" in (head := "".join(file.names)) or "\ufffd" in head:
                    _refuse_encoding(path, encoding, what)
                names = names or file.names
                violations = column_differences(file.names, names, files.paths[0].name)
                if violations:
                    raise DataContractError(what, violations)
                yield from _csv_texts(file, _csv_columns(file, columns, what), what)
            except (UnicodeError, pa.ArrowInvalid):
                _refuse_encoding(path, encoding, what)
                raise


def sheet_texts(
    files: Files, columns: Sequence[str] | None = None, sheet: str = ""
) -> Iterator[pa.Table]:
    """Tables of the text of a sheet, at least one, with the columns in the sheet's order.

    Raises
    ------
    DataContractError
        A column is missing or there twice; a cell holds an error of Excel's, or a formula without a
        stored value, or stands beyond the named columns; there is no such sheet, or none is named
        and there are several; it is no workbook, or empty.
    """
    if len(files.paths) > 1:
        raise DataContractError(files.name, ["expected one workbook"])
    path = files.paths[0]
    with files.reading(path):
        blocks = sheet_rows(path, sheet)
        head, *first = next(blocks, [()])
        if not head:
            raise ValueError("no row with the names of the columns")
        names = ["" if name is None else _text(name) or "" for name in head]

        def rows() -> Iterator[Sequence[Any]]:
            yield first
            yield from blocks

        yield from _value_texts(names, rows(), columns, files.name)


def query_texts(url: str, query: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Tables of the text of a query's rows, at least one, with the columns in the query's order.

    Raises
    ------
    DataContractError
        A column is missing or there twice; a value has no text, such as bytes; and as
        :func:`riskkit.tables.query.query_rows`.
    """
    with query_rows(url, query) as (names, rows):
        yield from _value_texts(names, rows, columns, NAME)


def chosen_columns(names: Sequence[str], columns: Sequence[str] | None, what: str) -> list[str]:
    """The columns to read, in the order of the source; all where none are named.

    Raises
    ------
    DataContractError
        One is missing, with the nearest name there is, or there twice.
    """
    wanted = list(names) if columns is None else list(columns)
    missing = [name for name in wanted if name not in names]
    violations = [missing_columns(names, missing)] if missing else []
    for name in missing:
        near = difflib.get_close_matches(name, names, n=1)
        violations += [f"{name}: the nearest name is {near[0]!r}"] if near else []
    twice = [name for name in dict.fromkeys(wanted) if list(names).count(name) > 1]
    violations += [f"two columns of one name: {name}" for name in twice]
    if violations:
        raise DataContractError(what, violations)
    return [name for name in names if name in set(wanted)]


def typed_frame(table: pa.Table, text: Sequence[str] = ()) -> pd.DataFrame:
    """Frame of a table of text, each column in the type that loses nothing of any cell.

    Whole numbers of at most 15 digits are int64, or float64 beside blank cells; other numbers and
    columns of blank cells float64; true and false are bool, or object beside blank cells. All else
    is text, as are the columns named in `text`: 007, 1E2, 12 % and numbers of 16 digits.

    Examples
    --------
    >>> typed_frame(pa.table({"n": ["1", "2"], "x": ["1", None], "code": ["01", "1"]})).dtypes
    n         int64
    x       float64
    code        str
    dtype: object
    """
    kinds = {_WHOLE: pa.int64(), _NUMBER: pa.float64(), _TRUTH: pa.bool_()}
    for at, name in enumerate(table.column_names):
        column = table.column(at)
        if name in text:
            continue
        for pattern, kind in kinds.items():
            matches = compute.match_substring_regex(column, pattern)
            if compute.all(matches, min_count=0).as_py():
                kind = pa.float64() if column.null_count == len(column) else kind
                table = table.set_column(at, name, column.cast(kind))
                break
    return table.to_pandas()


def _csv_columns(file: CsvFile, columns: Sequence[str] | None, what: str) -> list[str]:
    """The columns to read, or a refusal that says which delimiter would part them."""
    parted = len(file.names) > 1 or file.names == columns
    if not parted or not set(columns or ()) <= set(file.names):
        for other in _DELIMITERS:
            names = CsvFile(file.path, file.encoding, other).names
            if (not parted and len(names) > 1) or (columns and set(columns) <= set(names)):
                raise DataContractError(
                    what, [f"names of the columns: delimiter: {other!r} would part them"]
                )
    return chosen_columns(file.names, columns, what)


def _csv_texts(file: CsvFile, columns: list[str], what: str) -> Iterator[pa.Table]:
    schema = pa.schema(dict.fromkeys(columns, pa.string()).items())
    yield schema.empty_table()
    broken = _Faults(what)
    for block in file.blocks(columns):
        for number, reason in block.broken:
            # how many cells, not what they hold: an id or a name is not for messages
            broken.add(number, reason.partition(":")[0])
        if not broken.n:
            yield block.table.cast(schema)
    broken.refuse()


def _refuse_encoding(path: Path, encoding: str, what: str) -> None:
    fault = encoding_fault(path, encoding)
    if fault:
        raise DataContractError(what, [fault])


def _value_texts(
    names: list[str], blocks: Iterator[Sequence[Any]], columns: Sequence[str] | None, what: str
) -> Iterator[pa.Table]:
    chosen = chosen_columns(names, columns, what)
    places = {name: names.index(name) for name in chosen}
    schema = pa.schema(dict.fromkeys(chosen, pa.string()).items())
    yield schema.empty_table()
    faults = _Faults(what)
    n_rows = 0
    for rows in blocks:
        texts: dict[str, list[str | None]] = {name: [] for name in chosen}
        for number, row in enumerate(rows, start=n_rows + 1):
            if len(row) > len(names):
                faults.add(number, f"{len(row)} cells instead of {len(names)}")
            for name, place in places.items():
                value = _text(row[place]) if place < len(row) else None
                if isinstance(value, Fault):
                    faults.add(number, f"{name}: {value}")
                texts[name].append(value)
        n_rows += len(rows)
        if not faults.n:
            yield pa.table(texts, schema=schema)
    faults.refuse()


def _text(value: Any) -> str | None:
    """Text of a value that gives the value again; a fault where it has none."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ").removesuffix(" 00:00:00")
    if isinstance(value, int | uuid.UUID):
        return str(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return Fault(f"{type(value).__name__}, which has no text")


class _Faults:
    """The first faults of a source, and how many there are."""

    def __init__(self, what: str):
        self._what = what
        self._first: list[str] = []
        self.n = 0

    def add(self, row: int, fault: str) -> None:
        self.n += 1
        if len(self._first) < _SHOWN:
            self._first.append(f"row {row:,}: {fault}")

    def refuse(self) -> None:
        if self.n:
            more = [f"{self.n:,} faults in all"] if self.n > _SHOWN else []
            raise DataContractError(self._what, [*self._first, *more])
