"""How a file names and codes what a model takes: as a run's applications do, or as its owner does.

Takes the cells of a block; gives ids and values as the models take them, and why a cell is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskkit.checks import DataContractError
from riskkit.columns import level_codes
from riskkit.schema import SourceMapping, application_values, as_named, mapped_column
from riskkit.scoring import cells
from riskkit.scoring.cells import Reasons

__all__ = ["ID", "Coded", "Coding", "Decoded", "Levels", "RunCoding", "SourceCoding"]

ID = "application_id"
_HINTS = 200  # a column of rubbish must not cost a search in each row for the key that reads it

Decoded = Mapping[str, tuple[pa.Array, Reasons]]
"""Cells of each column of a block, and which are no text."""
Levels = Mapping[str, frozenset[str] | None]
"""Levels that a model knows of each of its features; None for a number."""


@dataclass(frozen=True, eq=False)
class Coded:
    """Rows as a model takes them.

    Parameters
    ----------
    id_name : str
        What the id is called in the file, for reasons.
    ids : Array
        Text.
    no_id : dict of position to reason
    features : dict of feature to values
        Floats or categories.
    faults : list of (name, dict of position to reason)
        Of the other columns that are read, in their order.
    """

    id_name: str
    ids: pa.Array
    no_id: Reasons
    features: dict[str, NDArray[np.float64] | pd.Categorical]
    faults: list[tuple[str, Reasons]]


class Coding(Protocol):
    """Names and codes of a file.

    Attributes
    ----------
    columns : list of str
        Of the file, all that are read.
    encoding, delimiter : str
        Of the file, where it is CSV, and of its side file.
    sheet : str or None
        Of the file, where it is a workbook; None where it cannot be one.
    """

    columns: list[str]
    encoding: str
    delimiter: str
    sheet: str | None

    def require(self, types: Mapping[str, pa.DataType], what: str) -> None:
        """Refuse columns of a type that can hold nothing of what is looked for in them.

        Raises
        ------
        DataContractError
        """

    def coded(self, block: Decoded, numbers: NDArray[np.int64]) -> Coded:
        """The cells of a block as a model takes them; `numbers` are those of its rows."""


class RunCoding:
    """Named and coded as in a run's `applications.parquet`."""

    encoding = "utf-8"
    delimiter = ","
    sheet: str | None = None

    def __init__(self, known: Levels, *, is_csv: bool):
        self._known = known
        self._is_csv = is_csv
        self.columns = [ID, *known]

    def require(self, types: Mapping[str, pa.DataType], what: str) -> None:
        """Refuse columns of a type that can hold nothing of what is looked for in them."""
        kinds = {n: "number" if known is None else "text" for n, known in self._known.items()}
        _require_types([(ID, "text"), *kinds.items()], types, what)

    def coded(self, block: Decoded, numbers: NDArray[np.int64]) -> Coded:
        """The cells of a block as a model takes them."""
        array, no_text = block[ID]
        ids, no_id = cells.ids(array)
        values: dict[str, NDArray[np.float64] | pd.Categorical] = {}
        faults = []
        for name, known in self._known.items():
            array, bad = block[name]
            if known is None:
                values[name], bad = cells.numbers(array)
            else:
                values[name] = cells.levels(array, known, is_csv=self._is_csv)
            faults.append((name, bad))
        return Coded(ID, ids, {**no_text, **no_id}, values, faults)


class SourceCoding:
    """Named and coded as its owner's mapping says.

    The mapping's row filters and its rule for duplicates are not asked: they choose rows to learn
    from, and of a new file every row wants a score.

    Raises
    ------
    DataContractError
        The mapping does not know a feature of the model, or knows it as another type.
    """

    def __init__(self, known: Levels, mapping: SourceMapping, what: str):
        self._known = known
        self._mapping = mapping
        self._hints: dict[str, dict[str, str]] = {}
        mapped = {name: mapped_column(name, mapping) for name in known}
        self._columns = {name: found for name, found in mapped.items() if found is not None}
        wrong = [f"features.{n}: missing; the model takes it" for n in known if mapped[n] is None]
        for name, (_, kind) in self._columns.items():
            if (kind in ("text", "category")) != (known[name] is not None):
                taken = "numbers" if known[name] is None else "a category"
                wrong.append(f"features.{name}: the model takes {taken}, the mapping has a {kind}")
        if wrong:
            raise DataContractError(what, wrong)
        self._is_dated = any(kind == "date" for _, kind in self._columns.values())
        if self._is_dated:  # months_since are counted up to it
            self._columns["applied_at"] = mapping.applications.columns["applied_at"], "date"
        self.encoding = mapping.applications.encoding
        self.delimiter = mapping.applications.delimiter
        self.sheet: str | None = mapping.applications.sheet
        self._id = mapping.applications.columns.get(ID)
        ids = [] if self._id is None else [self._id.column]
        self.columns = list(dict.fromkeys(ids + [c.column for c, _ in self._columns.values()]))

    def require(self, types: Mapping[str, pa.DataType], what: str) -> None:
        """Refuse columns of a type that can hold nothing of what is looked for in them."""
        wanted = [(column.column, kind) for column, kind in self._columns.values()]
        if self._id is not None:
            wanted.insert(0, (self._id.column, "text"))
        _require_types(wanted, types, what)

    def coded(self, block: Decoded, numbers: NDArray[np.int64]) -> Coded:
        """The cells of a block as a model takes them.

        Where the mapping has no id, it is the number of the row, as in a run.
        """
        if self._id is None:
            id_name, ids = ID, pa.array(numbers).cast(pa.string())
            no_id: Reasons = {}
        else:
            id_name = _called(ID, self._id.column)
            array, no_text = block[self._id.column]
            ids, blank = cells.ids(array, self._mapping.rule(self._id, "text").missing)
            no_id = {**no_text, **blank}
        values: dict[str, NDArray[np.float64] | pd.Categorical] = {}
        faults = []
        applied_at = None
        if self._is_dated:
            applied_at, bad = self._read("applied_at", block, None)
            faults.append((_called("applied_at", self._columns["applied_at"][0].column), bad))
        for name, known in self._known.items():
            series, bad = self._read(name, block, applied_at)
            column = self._columns[name][0].column
            if known is None:
                values[name] = series.to_numpy(np.float64, na_value=np.nan)
            else:
                values[name] = pd.Categorical.from_codes(*level_codes(as_named(series, known)))
                bad = {**bad, **block[column][1]}
            faults.append((_called(name, column), bad))
        return Coded(id_name, ids, no_id, values, faults)

    def _read(
        self, name: str, block: Decoded, applied_at: pd.Series | None
    ) -> tuple[pd.Series, Reasons]:
        array, _ = block[self._columns[name][0].column]
        values, read = application_values(array, name, self._mapping, applied_at)
        return values, cells.reasons(read, lambda cell, expected: self._hint(name, cell, expected))

    def _hint(self, name: str, cell: pa.Array, expected: str) -> str:
        """The key of the mapping that would read a cell, as far as one can say."""
        text = str(cell[0].as_py())
        is_number = self._columns[name][1] in ("number", "integer")
        # what reads 1,234 reads 5,678, too; of two dates, one may have a month 13
        shape = re.sub("[0-9]", "1", text) if is_number else text
        hints = self._hints.setdefault(name, {})
        if shape not in hints:
            if len(hints) == _HINTS:
                return ""
            undated = pd.Series(pd.NaT, index=[0], dtype="datetime64[us]")
            _, read = application_values(cell, name, self._mapping, undated)
            hints[shape] = next((f.hint for f in read.faults if f.expected == expected), "")
        return hints[shape]


def _called(name: str, column: str) -> str:
    return name if name == column else f"{name} ({column})"


def _require_types(
    wanted: list[tuple[str, str]], types: Mapping[str, pa.DataType], what: str
) -> None:
    words = {"text": "text", "category": "text", "date": "dates", "boolean": "truth values"}
    wrong = []
    for column, kind in wanted:
        found = types[column]
        if kind in ("text", "category"):
            fits = cells.is_text_type(found)
        else:
            is_date = pa.types.is_date(found) or pa.types.is_timestamp(found)
            fits = cells.is_number_type(found) or (kind == "date" and is_date)
        if not fits:
            wrong.append(f"{column}: expected {words.get(kind, 'numbers')}, found {found}")
    if wrong:
        raise DataContractError(what, list(dict.fromkeys(wrong)))
