"""What the cells of an application are to the contract and to a model, by their owner's mapping.

Takes an arrow column and a mapping; gives its values, and what is to be said of its cells. Loading
a source and scoring a file read through here, so that a cell means the same to both.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskkit.columns import CellRule, Fault, ReadCells, calendar_months, read_cells
from riskkit.schema.contract import CONTRACT, ColumnRule, broken_rules
from riskkit.schema.mapping import FEATURE_KINDS, Column, FeatureBlock, SourceMapping

__all__ = [
    "application_values",
    "as_named",
    "contract_values",
    "feature_values",
    "mapped_column",
]

MOST_WHOLE = 2**53

# a feature may be years older than the application; 1900-01-01 is what some systems write for none
FIRST_SINCE = datetime.date(1901, 1, 1)


def mapped_column(name: str, mapping: SourceMapping) -> tuple[Column, str] | None:
    """The source's column behind a name of a run's applications, and the kind of its cells.

    None where the mapping has no such name.
    """
    if name in mapping.applications.columns:
        return mapping.applications.columns[name], _kind(CONTRACT["applications"][name])
    feature = mapping.features.get(name)
    return None if feature is None else (feature, FEATURE_KINDS[feature.type])


def application_values(
    cells: pa.Array | pa.ChunkedArray,
    name: str,
    mapping: SourceMapping,
    applied_at: pd.Series | None = None,
) -> tuple[pd.Series, ReadCells]:
    """Values of a name of a run's applications, every cell judged alone, and what the cells say.

    A whole column shows how it is written; the rows of a block do not. So a point is a decimal
    point, and a code is the same with and without ".0": see :func:`as_named`.

    Parameters
    ----------
    cells : arrow array of shape (n_rows,)
        As the file holds them.
    name : str
        For which :func:`mapped_column` knows a column.
    mapping : SourceMapping
    applied_at : Series of shape (n_rows,), optional
        As of :func:`feature_values`.

    Returns
    -------
    Series of shape (n_rows,), ReadCells

    Source
    ------
    riskkit definition.
    """
    column = mapping.applications.columns.get(name)
    if column is None:
        return feature_values(cells, mapping.features[name], mapping, applied_at, alone=True)
    return contract_values(cells, column, CONTRACT["applications"][name], mapping, alone=True)


def contract_values(
    cells: pa.Array | pa.ChunkedArray,
    column: Column,
    contract: ColumnRule,
    mapping: SourceMapping,
    *,
    alone: bool = False,
) -> tuple[pd.Series, ReadCells]:
    """Values of a column of the contract in its unit, and what its cells say.

    Parameters
    ----------
    cells : arrow array of shape (n_rows,)
        As the file holds them.
    column : Column
    contract : ColumnRule
    mapping : SourceMapping
    alone : bool
        Judge every cell by itself, as :func:`application_values` does.

    Returns
    -------
    values : Series of shape (n_rows,)
        Amounts rounded to their smallest unit.
    read : ReadCells
        Its series are the values as written; what breaks the contract is among its faults.

    Source
    ------
    riskkit definition.
    """
    read = read_cells(cells, _rule(column, _kind(contract), mapping, alone=alone))
    values = read.series
    broken = []
    if contract.kind == "integer":
        exact = values * (mapping.amount_scale if contract.is_amount else 1)
        # beyond it whole numbers have gaps, and soon int64 has none of them
        large = exact.abs() > MOST_WHOLE
        broken.append((f"at most {MOST_WHOLE:,} in its smallest unit", large.to_numpy()))
        exact = exact.mask(large)
        values = exact.round()
        # 225.0000001 is that many cents; 36.5 months are no term
        if not (contract.is_amount and mapping.amount_scale > 1):
            broken.append(("a whole number", ((exact - values).abs() > 0).to_numpy()))
    broken += broken_rules(contract, values)
    faults = list(read.faults)
    for expected, rows in broken:
        # a cell that says something else is missing now, too, but not blank
        rows = rows & read.missing if expected == "filled" else rows
        if rows.any():
            faults.append(Fault(np.flatnonzero(rows), expected))
    return values, replace(read, faults=faults)


def feature_values(
    cells: pa.Array | pa.ChunkedArray,
    feature: FeatureBlock,
    mapping: SourceMapping,
    applied_at: pd.Series | None = None,
    *,
    alone: bool = False,
) -> tuple[pd.Series, ReadCells]:
    """Values of a feature as a model takes them, and what its cells say.

    Parameters
    ----------
    cells : arrow array of shape (n_rows,)
        As the file holds them.
    feature : FeatureBlock
    mapping : SourceMapping
    applied_at : Series of shape (n_rows,), optional
        Dates of application, up to which `months_since` are counted.
    alone : bool
        Judge every cell by itself, as :func:`application_values` does.

    Returns
    -------
    values : Series of shape (n_rows,)
        float64 of numbers and months, str of categories. A cell that stands for a special code is
        the code; others that say nothing are missing.
    read : ReadCells
        Its series are the dates of `months_since`, missing where one stands for a code.

    Source
    ------
    riskkit definition.
    """
    kind = FEATURE_KINDS[feature.type]
    codes: dict[str, float] = dict(feature.dates_as)
    if feature.percent:
        # a code bears no sign
        codes |= {f"{code:.15g}": code for code in feature.special_codes}
    rule = _rule(feature, kind, mapping, alone=alone)
    if kind == "date":
        rule = replace(rule, first=FIRST_SINCE)
    read = read_cells(cells, replace(rule, missing=(*rule.missing, *codes)))
    values = read.series
    if kind == "date":
        assert applied_at is not None
        values = _months(read.series, applied_at)
    for word, code in codes.items():
        values = values.mask(_stands(cells, rule, word), code)
    return values, read


def as_named(levels: pd.Series, names: Collection[str]) -> pd.Series:
    """The levels, 1.0 for 1 or 1 for 1.0 where only that one is among the names.

    Examples
    --------
    >>> as_named(pd.Series(["1.0", "2", "02", None]), {"1", "2.0"}).tolist()
    ['1', '2.0', '02', nan]
    """
    strange = set(levels.dropna()) - set(names)
    other = {level: form for level in strange if (form := _other_form(level)) in names}
    return levels.replace(other) if other else levels


def _kind(contract: ColumnRule) -> str:
    return (
        "number" if contract.is_amount else {"text": "category"}.get(contract.kind, contract.kind)
    )


def _rule(column: Column, kind: str, mapping: SourceMapping, *, alone: bool) -> CellRule:
    rule = mapping.rule(column, kind)
    if alone and kind in ("number", "integer") and not rule.thousands:
        return replace(rule, decimal=rule.decimal or ".")
    if alone and kind == "category":
        # of a column in which every code has ".0", the words name the codes without it
        missing = (*rule.missing, *map(_other_form, rule.missing))
        words = {_other_form(word): meaning for word, meaning in rule.words.items()}
        return replace(rule, missing=missing, words={**words, **rule.words})
    return rule


def _other_form(level: str) -> str:
    """A code as text with ".0", or without it."""
    return level.removesuffix(".0") if level.endswith(".0") else f"{level}.0"


def _months(since: pd.Series, applied_at: pd.Series) -> pd.Series:
    """Months from a date to the application; missing where one of the two is."""
    # a column that holds no dates at all is no Series of dates
    since = since.astype("datetime64[us]")
    applied_at = applied_at.astype("datetime64[us]")
    months = pd.Series(calendar_months(applied_at) - calendar_months(since), dtype="float64")
    return months.where(since.notna() & applied_at.notna())


def _stands(cells: pa.Array | pa.ChunkedArray, rule: CellRule, word: str) -> NDArray[np.bool_]:
    """Whether each cell is a word that stands for something else, such as 9999-12-31."""
    blank = read_cells(cells, replace(rule, missing=())).missing
    return read_cells(cells, replace(rule, missing=(word,))).missing & ~blank
