"""Rows of a mapped table as its owner holds them, filtered, each with its number in the file.

Takes a block of a mapping; gives :class:`RawRows`, whose columns are read one at a time by the rule
that the mapping states, and says which cells break it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskkit.checks import DataContractError
from riskkit.columns import CellRule, Fault, ReadCells, parse_text, read_cells, shown
from riskkit.schema.facts import Reading
from riskkit.schema.mapping import TABLES, Column, MappedTable, RowFilter, SourceMapping
from riskkit.tables import Table, as_parts

__all__ = ["Faults", "RawRows"]

# columns that say who somebody is; their values are never shown
_PRIVATE = re.compile(
    r"(?i)name|mobile|phone|tel|mail|address|passport|iban|card_?no|id_?card|"
    r"姓名|手机|电话|邮箱|地址|身份证|证件|卡号"
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
    lines: list[str]

    def add(self, line: str) -> None:
        """Note one line."""
        if line not in self.lines:
            self.lines.append(line)


class RawRows:
    """The rows of a mapped table that its filters keep, in the order of the file.

    Attributes
    ----------
    numbers : int array of shape (n_rows,)
        Number of each row in the file, from 1; the names of the columns are no row.
    """

    def __init__(self, name: str, table: Table, mapping: SourceMapping, faults: Faults):
        self.name = name
        self._table = table
        self._mapping = mapping
        self._faults = faults
        self._cells: dict[str, pa.ChunkedArray] = {}
        self._keep: NDArray[np.bool_] | None = None
        self.warnings: list[str] = []
        self.numbers = np.arange(1, table.n_rows + 1)

    def __len__(self) -> int:
        return len(self.numbers)

    def cells(self, column: str) -> pa.ChunkedArray:
        """The kept cells of a column as the file holds them."""
        if column not in self._cells:
            cells = self._table.column(column)
            self._cells[column] = (
                cells if self._keep is None else cells.filter(pa.array(self._keep))
            )
        return self._cells[column]

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
        self.tell(read, column, name)
        return read.series

    def tell(self, read: ReadCells, column: Column, name: str, *, private: bool = False) -> None:
        """Note the faults of a column that was read, and say what else its owner should know.

        Parameters
        ----------
        read : ReadCells
        column : Column
        name : str
            What the column is in the contract, for messages.
        private : bool
            Its values are never shown.
        """
        private = private or is_private(name, column.column)
        for fault in read.faults:
            self.note(name, column.column, fault, read.texts, private=private)
        if read.stripped:
            self._say(f"{name}: blanks around the text of {read.stripped:,} cells were taken off")
        own = column.missing or ()
        for word in sorted({*own, *column.words} - read.used):
            self._say(f"{name}: {shown(word)} never occurs in column {column.column}")

    def note(
        self, name: str, column: str, fault: Fault, texts: Any = None, *, private: bool = False
    ) -> None:
        """Note cells that break a rule: how many, the first one's row, what was expected."""
        n, first = len(fault.positions), int(fault.positions[0])
        rows = "1 row is" if n == 1 else f"{n:,} rows are"
        line = f"{self._where(name)}: {rows} not {fault.expected}, "
        line += f"{'first in ' if n > 1 else ''}row {self.numbers[first]:,} of column {column}"
        if self._faults.shows_values and not private and texts is not None:
            line += f": found {shown(texts[first].as_py())}"
            line += f"; {fault.hint}" if fault.hint else ""
        self._faults.add(line)

    def require(self, values: pd.Series, name: str, column: str) -> None:
        """Note cells that are missing where none may be."""
        gone = np.flatnonzero(values.isna())
        already = any(line.startswith(f"{self._where(name)}:") for line in self._faults.lines)
        if len(gone) and not already:
            self.note(name, column, Fault(gone, "there"))

    def keep(self, keep: NDArray[np.bool_]) -> None:
        """Leave out the rows that are not kept, here and in every column read later."""
        if keep.all():
            return
        if self._keep is None:
            self._keep = np.ones(len(keep), dtype=bool)
        self._keep[np.flatnonzero(self._keep)[~keep]] = False
        self.numbers = self.numbers[keep]
        self._cells = {name: c.filter(pa.array(keep)) for name, c in self._cells.items()}

    def filter(self, block: MappedTable, reading: Reading) -> None:
        """Keep the rows that every filter of the block keeps.

        Raises
        ------
        DataContractError
            A filter keeps no row, or its value is not of the column's type.
        """
        for row in block.rows:
            before = len(self)
            self.keep(self._passing(row))
            reading.filters.append((self.name, row.text, before, len(self)))
            if len(self) == before:
                self._say(f"rows: {row.text} keeps all {before:,} rows")
        if not len(self):
            why = "the row filters keep none" if block.rows else "no rows"
            raise DataContractError(self.name, [why])

    def _passing(self, row: RowFilter) -> NDArray[np.bool_]:
        cells = self.cells(row.column)
        if row.operator == "is_missing":
            rule = replace(self._filter_rule(row, cells), kind="text")
            missing = read_cells(cells, rule).missing
            return missing if row.value else ~missing
        rule = self._filter_rule(row, cells)
        read = read_cells(cells, rule)
        for fault in read.faults:
            self.note(f"rows ({row.column})", row.column, fault, read.texts)
        values, there = read.series, ~read.missing
        try:
            if row.operator.endswith("starts_with"):
                starts = values.astype("str").str.startswith(str(row.value)).to_numpy(bool) & there
                return ~starts if row.operator.startswith("not") else starts
            given = row.value if isinstance(row.value, list) else [row.value]
            wanted = [self._wanted(value, rule) for value in given]
        except ValueError as error:
            raise DataContractError(
                self.name, [f"rows: {row.text}: the column holds {rule.kind}s; {error}"]
            ) from None
        if row.operator in ("==", "in"):
            return values.isin(wanted).to_numpy(bool)
        if row.operator in ("!=", "not_in"):
            return ~values.isin(wanted).to_numpy(bool)
        order = {"<": values < wanted[0], "<=": values <= wanted[0], ">": values > wanted[0]}
        passing = order.get(row.operator, values >= wanted[0])
        return passing.fillna(False).to_numpy(bool) & there

    def _wanted(self, value: Any, rule: CellRule) -> Any:
        if isinstance(value, bool):
            if rule.kind != "boolean":
                raise ValueError(f"{str(value).lower()} is a truth value; put quotes around a word")
            return value
        return parse_text(value, replace(rule, words={}, percent=False, missing=()))

    def _filter_rule(self, row: RowFilter, cells: pa.ChunkedArray) -> CellRule:
        """Rule by which a filter reads its column: the stated type, the mapped one, or its own."""
        mapped: list[tuple[Column, str]] = []
        block = self._mapping.tables[self.name]
        for name, column in block.columns.items():
            if column.column == row.column:
                mapped.append((column, TABLES[self.name][name]))
        if self.name == "applications":
            kinds = {"category": "text", "number": "number", "months_since": "date"}
            mapped += [
                (feature, kinds[feature.type])
                for feature in self._mapping.features.values()
                if feature.column == row.column
            ]
        ordered = row.operator in ("<", "<=", ">", ">=")
        if row.type:
            column = mapped[0][0] if mapped else Column(column=row.column)
            return self._mapping.rule(column, row.type)
        if row.operator.endswith("starts_with"):
            mapped = [(column, "text") for column, _ in mapped]
        mapped.sort(key=lambda one: one[1] == "text")
        if mapped and not (ordered and mapped[0][1] == "text"):
            return self._mapping.rule(*mapped[0])
        plain = Column(column=row.column)
        arrow = cells.type
        if pa.types.is_boolean(arrow):
            return self._mapping.rule(plain, "boolean")
        if pa.types.is_timestamp(arrow) or pa.types.is_date(arrow):
            return self._mapping.rule(plain, "date")
        if not ordered and (pa.types.is_string(arrow) or pa.types.is_large_string(arrow)):
            return self._mapping.rule(plain, "text")
        for kind in ("number", "date"):
            rule = self._mapping.rule(plain, kind)
            if not read_cells(cells, rule).faults:
                return rule
        raise DataContractError(
            self.name,
            [f"rows: {row.text}: {row.column} holds neither numbers nor dates; state its type:"],
        )

    def _where(self, name: str) -> str:
        return name if self.name == "applications" else f"{self.name}.{name}"

    def _say(self, text: str) -> None:
        self.warnings.append(text if self.name == "applications" else f"{self.name}: {text}")


def is_private(*names: str) -> bool:
    """Whether a column's name says that it tells who somebody is.

    Examples
    --------
    >>> is_private("客户姓名"), is_private("application_id"), is_private("amount")
    (True, True, False)
    """
    return any(_PRIVATE.search(name) or name.endswith("_id") for name in names)


def open_rows(
    name: str,
    block: MappedTable,
    columns: Sequence[str],
    folder: Path,
    url: str | None,
    parts: Path,
) -> Table:
    """The table behind a block, its CSV, Excel or query turned into parquet parts of text."""
    if block.sql is not None:
        return as_parts(url or "", parts / name, columns=columns, query=block.sql.query)
    return as_parts(
        folder / block.path,
        parts / name,
        columns=columns,
        encoding=block.encoding,
        delimiter=block.delimiter,
        sheet=block.sheet,
    )
