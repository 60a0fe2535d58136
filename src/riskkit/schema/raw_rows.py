"""Rows of a mapped table as its owner holds them, filtered, each with its number in the file.

Takes a block of a mapping; gives :class:`RawRows`, whose columns are read one at a time by the rule
that the mapping states, and says which cells break it.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskkit.checks import DataContractError
from riskkit.columns import CellRule, Fault, ReadCells, parse_text, read_cells, shown
from riskkit.schema.contract import CONTRACT, repeats, repeats_text
from riskkit.schema.facts import Reading
from riskkit.schema.feature_cells import contract_values
from riskkit.schema.mapping import FEATURE_KINDS, Column, MappedTable, RowFilter, SourceMapping
from riskkit.tables import Table, as_parts, hash_file

__all__ = ["Faults", "RawRows", "open_rows"]

# columns that say who somebody is; their values are never shown
_PRIVATE = re.compile(
    r"(?i:name|mobile|phone|(?:^|_)tel|mail|address|passport|iban|card_?no|id_?card|ssn|birth|"
    r"(?:^|_)id$|^(?:loan|app|application|user|cust|customer|client|member|account|acct)_?"
    r"(?:id|no|nr|num|number)$|姓名|户名|手机|电话|邮箱|地址|住址|身份证|证件|证号|卡号|编号|微信|生日)"
    r"|[a-z]I[dD]$"
)


@dataclass
class Faults:
    """Everything wrong with a source, gathered to be said at once.

    Parameters
    ----------
    shows_values : bool
        Whether a line may show a cell that is not private; pages and logs of a run may not.
    """

    shows_values: bool
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Note one line."""
        if line not in self.lines:
            self.lines.append(line)

    def word(self, value: str) -> str:
        """A value for a line, where it may be shown."""
        return shown(value) if self.shows_values else "a value"


class RawRows:
    """The rows of a mapped table that its filters keep, in the order of the file.

    Attributes
    ----------
    numbers : int array of shape (n_rows,)
        Number of each row in the file, from 1; the names of the columns are no row.
    faults : Faults
    reading : Reading
        Both take what is to be said of the rows.
    """

    def __init__(
        self, name: str, table: Table, mapping: SourceMapping, faults: Faults, reading: Reading
    ):
        self.name = name
        self._table = table
        self._mapping = mapping
        self.faults = faults
        self.reading = reading
        self._keep: NDArray[np.bool_] | None = None
        self._readers = _readers(name, mapping)
        self._private = {
            column.column for names, column, _ in self._readers if is_private(names, column)
        }
        self.numbers = np.arange(1, table.n_rows + 1)

    def __len__(self) -> int:
        return len(self.numbers)

    def cells(self, column: str) -> pa.ChunkedArray:
        """The kept cells of a column as the file holds them."""
        cells = self._table.column(column)
        return cells if self._keep is None else cells.filter(pa.array(self._keep))

    def read(self, column: Column, kind: str, name: str) -> pd.Series:
        """Values of a column; its faults are noted.

        Parameters
        ----------
        column : Column
        kind : str
            Of :class:`riskkit.columns.CellRule`.
        name : str
            What the column is in the contract, for messages.
        """
        read = read_cells(self.cells(column.column), self._mapping.rule(column, kind))
        self.note_cells(read, column, name)
        return read.series

    def note_cells(self, read: ReadCells, column: Column, name: str) -> None:
        """Note what the cells of a column should not say, and what else their owner should know."""
        for fault in read.faults:
            self.note(name, column.column, fault, read.texts)
        if read.stripped:
            self.say(f"{name}: blanks around the text of {read.stripped:,} cells were taken off")
        words = self._mapping.rule(column, "text").words
        for word in sorted({*(column.missing or ()), *words} - read.used):
            self.say(f"{name}: {shown(word)} never occurs in column {column.column}")

    def contract_column(self, column: Column, name: str) -> pd.Series:
        """Values of a column of the contract in its type and unit; what breaks its rule is noted.

        Amounts are whole in their smallest unit; more digits are rounded, and that is said.
        """
        rule = CONTRACT[self.name][name]
        values, read = contract_values(self.cells(column.column), column, rule, self._mapping)
        self.note_cells(read, column, name)
        scale = self._mapping.amount_scale
        if rule.is_amount and scale > 1:
            rounded = int(((read.series * scale - values).abs() > 1e-4).sum())
            if rounded:
                self.say(
                    f"{name}: {rounded:,} amounts with more digits than the smallest unit of money "
                    "are rounded to it"
                )
        if rule.kind == "integer" and values.notna().all():
            values = values.astype("int64")
        return values

    def note(self, name: str, column: str, fault: Fault, texts: Any = None) -> None:
        """Note cells that break a rule: how many, the first one's row, what was expected."""
        n, first = len(fault.positions), int(fault.positions[0])
        rows = "1 row is" if n == 1 else f"{n:,} rows are"
        line = f"{self._where(name)}: {rows} not {fault.expected}, "
        line += f"{'first in ' if n > 1 else ''}row {self.numbers[first]:,} of column "
        line += " ".join(column.split())  # a header may go over several lines
        if self.faults.shows_values and column not in self._private and texts is not None:
            value = texts[first].as_py()
            line += "" if value is None else f": found {shown(value)}"
            line += f"; {fault.hint}" if fault.hint else ""
        self.faults.add(line)

    def has_fault(self, name: str) -> bool:
        """Whether a column, or with no name the table, has a fault so far."""
        where = f"{self._where(name)}:" if name else self._where(name)
        return any(line.startswith(where) for line in self.faults.lines)

    def note_repeats(self, frame: pd.DataFrame, columns: Mapping[str, Column]) -> None:
        """Note rows that are the same in some columns as earlier ones."""
        rows, first = repeats(frame, list(columns))
        if len(rows):
            names = ", ".join(column.column for column in columns.values())
            again, earlier = self.numbers[rows], self.numbers[first]
            self.faults.add(repeats_text(self._where(", ".join(columns)), again, earlier, names))

    def keep(self, keep: NDArray[np.bool_]) -> None:
        """Leave out the rows that are not kept, in every column read later."""
        if keep.all():
            return
        if self._keep is None:
            self._keep = np.ones(len(keep), dtype=bool)
        self._keep[np.flatnonzero(self._keep)[~keep]] = False
        self.numbers = self.numbers[keep]

    def filter(self, block: MappedTable) -> None:
        """Keep the rows that every filter of the block keeps.

        Raises
        ------
        DataContractError
            There is no row, a filter keeps none, or its value is not of the column's type.
        """
        if not len(self):
            raise DataContractError(self.name, ["no rows"])
        for row in block.rows:
            before = len(self)
            text = self._text(row)
            self.keep(self._passing(row))
            self.reading.filters.append((self.name, text, before, len(self)))
            if len(self) == before:
                self.say(f"rows: {text} keeps all {before:,} rows")
            if not len(self):
                raise DataContractError(
                    self.name, [f"rows: the row filters keep none; {text} was the last"]
                )

    def _passing(self, row: RowFilter) -> NDArray[np.bool_]:
        cells = self.cells(row.column)
        if row.operator == "is_missing":
            text = replace(self._filter_rule(row, cells), kind="text", words={})
            missing = read_cells(cells, text).missing
            return missing if row.value else ~missing
        rule = self._filter_rule(row, cells)
        read = read_cells(cells, rule)
        for fault in read.faults:
            self.note(f"rows ({row.column})", row.column, fault, read.texts)
        values, there = read.series, ~read.missing
        if row.operator.endswith("starts_with"):
            starts = values.astype("str").str.startswith(str(row.value)).to_numpy(bool) & there
            return ~starts if row.operator.startswith("not") else starts
        given = row.value if isinstance(row.value, list) else [row.value]
        try:
            wanted = [_wanted(value, rule) for value in given]
        except ValueError:
            raise DataContractError(
                self.name,
                [
                    f"rows: {self._text(row)}: the column holds {_KINDS[rule.kind]}, and the value "
                    "is none; put quotes around a word, or state the filter's type"
                ],
            ) from None
        if rule.kind == "date" and all(day == day.normalize() for day in wanted):
            # a day is all of its hours
            values = values.dt.normalize()
        if row.operator in ("==", "in"):
            return values.isin(wanted).to_numpy(bool)
        if row.operator in ("!=", "not_in"):
            return ~values.isin(wanted).to_numpy(bool)
        passing = {"<": values.lt, "<=": values.le, ">": values.gt, ">=": values.ge}[row.operator]
        return passing(wanted[0]).fillna(False).to_numpy(bool) & there

    def _filter_rule(self, row: RowFilter, cells: pa.ChunkedArray) -> CellRule:
        """Rule by which a filter reads its column: the stated type, the mapped one, or its own.

        Raises
        ------
        DataContractError
            Rows are put in an order by a column that has none.
        """
        mapped = [(one, kind) for _, one, kind in self._readers if one.column == row.column]
        column = mapped[0][0] if mapped else Column(column=row.column)
        ordered = row.operator in ("<", "<=", ">", ">=")
        # numbers and dates say more than text
        kinds = sorted((kind for _, kind in mapped), key=lambda kind: kind == "text")
        if row.operator.endswith("starts_with"):
            kinds = ["text"]
        if row.type:
            kinds = [row.type]
        elif not kinds or (ordered and kinds[0] == "text"):
            kinds = [_own_kind(cells.type, "" if ordered else "text")]
        if kinds == [""]:
            rules = (self._mapping.rule(column, kind) for kind in ("number", "date"))
            kinds = [rule.kind for rule in rules if not read_cells(cells, rule).faults]
        if not kinds or (ordered and kinds[0] == "boolean"):
            raise DataContractError(
                self.name,
                [
                    f"rows: {self._text(row)}: {row.column} holds neither numbers nor dates only; "
                    "state the filter's type"
                ],
            )
        kind = kinds[0]
        # the cell keys are those of the column as it is read in this kind
        column = next((one for one, own in mapped if own == kind), column)
        rule = self._mapping.rule(column, kind)
        # a filter compares with what stands in the file, 9999-12-31 too
        words = {} if kind == "text" else rule.words
        return replace(rule, words=words, first=datetime.date.min, last=datetime.date.max)

    def _text(self, row: RowFilter) -> str:
        private = row.column in self._private or _PRIVATE.search(row.column)
        return row.text(shows_value=self.faults.shows_values and not private)

    def _where(self, name: str) -> str:
        return name if self.name == "applications" else f"{self.name}.{name}"

    def say(self, text: str) -> None:
        """Note what the owner should look at."""
        self.reading.warnings.append(text if self.name == "applications" else f"{self.name}.{text}")


_KINDS = {
    "text": "text",
    "number": "numbers",
    "integer": "numbers",
    "date": "dates",
    "boolean": "truth values",
}


def _wanted(value: Any, rule: CellRule) -> Any:
    """The value of a filter in the column's type; a number is plain, however the cells are.

    Raises
    ------
    ValueError
        It is of another type.
    """
    if isinstance(value, bool):
        if rule.kind != "boolean":
            raise ValueError("a truth value")
        return value
    if rule.kind == "text":
        return value
    try:
        return parse_text(
            value, CellRule(kind=rule.kind, decimal=".", first=rule.first, last=rule.last)
        )
    except ValueError:
        if rule.kind == "number":
            raise
        return parse_text(value, replace(rule, missing=()))


def _own_kind(arrow: pa.DataType, text: str) -> str:
    """Kind of a column that is not mapped, by its type; that of text is given."""
    if pa.types.is_boolean(arrow):
        return "boolean"
    if pa.types.is_timestamp(arrow) or pa.types.is_date(arrow):
        return "date"
    is_number = pa.types.is_integer(arrow) or pa.types.is_floating(arrow)
    return "number" if is_number or pa.types.is_decimal(arrow) else text


def _readers(table: str, mapping: SourceMapping) -> list[tuple[str, Column, str]]:
    """Whatever reads a column of the table: its name, the column, the kind."""
    block = mapping.tables[table]
    readers = [(name, column, CONTRACT[table][name].kind) for name, column in block.columns.items()]
    if table == "applications":
        kinds = FEATURE_KINDS | {"category": "text"}
        readers += [(name, one, kinds[one.type]) for name, one in mapping.features.items()]
        if mapping.outcomes is not None and mapping.outcomes.last_payment is not None:
            readers.append(("last_payment", mapping.outcomes.last_payment, "date"))
    return readers


def is_private(name: str, column: Column) -> bool:
    """Whether a column tells who somebody is, by its names, or is protected.

    Examples
    --------
    >>> is_private("name", Column(column="客户姓名")), is_private("amount", Column(column="wanted"))
    (True, False)
    """
    named = any(_PRIVATE.search(word) for word in (name, column.column))
    return named or getattr(column, "protected", False)


def open_rows(
    block: MappedTable, columns: Iterable[str], folder: Path, url: str | None, parts: Path
) -> Table:
    """The table behind a block, its CSV, Excel or query turned into parquet parts of text.

    The parts are kept in `parts` under a hash of the file and of what the block says of it, and
    read again while both are the same; earlier ones of the table go. A query is run each time.
    """
    wanted = list(dict.fromkeys(columns))
    if block.sql is not None:
        for earlier in parts.glob("*"):
            shutil.rmtree(earlier)
        return as_parts(url or "", parts / "query", columns=wanted, query=block.sql.query)
    path = folder / block.path
    how = {"encoding": block.encoding, "delimiter": block.delimiter, "sheet": block.sheet}
    if not path.is_file() or path.suffix == ".parquet":
        return as_parts(path, parts, columns=wanted, **how)
    key = hashlib.sha256(repr((hash_file(path), wanted, how)).encode()).hexdigest()[:16]
    for earlier in parts.glob("*"):
        if earlier.name != key:
            shutil.rmtree(earlier)
    return (
        Table(parts / key)
        if (parts / key).is_dir()
        else as_parts(path, parts / key, columns=wanted, **how)
    )
