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

from riskkit.columns import CellRule, Fault, ReadCells, calendar_months, read_cells
from riskkit.schema.mapping import APPLICATION_TYPES, Column, FeatureBlock, SourceMapping

__all__ = [
    "application_values",
    "as_named",
    "contract_values",
    "feature_values",
    "mapped_column",
    "must_be_there",
]

_MONEY = ("amount", "offer_limit", "due_amount", "paid_amount", "balance", "recovered_amount")
# columns of the contract that a row may leave blank
_MAY_BE_BLANK = ("paid_date", "paid_amount", "offer_apr", "offer_limit", "override")
# a feature may be years older than the application; 1900-01-01 is what some systems write for none
FIRST_SINCE = datetime.date(1901, 1, 1)


def mapped_column(name: str, mapping: SourceMapping) -> tuple[Column, str] | None:
    """The source's column behind a name of a run's applications, and the kind of its cells.

    A name that the contract knows is read as the contract says, even where it is a feature, too.
    None where the mapping has no such name.
    """
    if name in mapping.applications.columns:
        return mapping.applications.columns[name], APPLICATION_TYPES[name]
    feature = mapping.features.get(name)
    if feature is None:
        return None
    return feature, "date" if feature.type == "months_since" else feature.type


def application_values(
    cells: pa.Array | pa.ChunkedArray,
    name: str,
    mapping: SourceMapping,
    applied_at: pd.Series | None = None,
) -> tuple[pd.Series, ReadCells]:
    """Values of a mapped name as a run's applications have them, every cell judged alone.

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
    values : Series of shape (n_rows,)
    read : ReadCells
        A missing cell that the contract needs is a fault, too.

    Source
    ------
    riskkit definition.
    """
    column = mapping.applications.columns.get(name)
    if column is None:
        return feature_values(cells, name, mapping, applied_at, alone=True)
    kind = APPLICATION_TYPES[name]
    values, read = contract_values(cells, name, column, kind, mapping, alone=True)
    if read.missing.any() and (name == "applied_at" or must_be_there(name, kind)):
        read = replace(read, faults=[*read.faults, Fault(np.flatnonzero(read.missing), "there")])
    return values, read


def contract_values(
    cells: pa.Array | pa.ChunkedArray,
    name: str,
    column: Column,
    kind: str,
    mapping: SourceMapping,
    *,
    alone: bool = False,
) -> tuple[pd.Series, ReadCells]:
    """Values of a column of the contract in its units, and what its cells say.

    Parameters
    ----------
    cells : arrow array of shape (n_rows,)
        As the file holds them.
    name : str
        Of the column in the contract; amounts become the contract's minor units.
    column : Column
    kind : str
        Of :class:`riskkit.columns.CellRule`.
    mapping : SourceMapping
    alone : bool
        As of :func:`feature_values`.

    Returns
    -------
    Series of shape (n_rows,), ReadCells

    Source
    ------
    riskkit definition.
    """
    read = read_cells(cells, _rule(column, kind, mapping, alone=alone))
    values = read.series
    scale = {"major": 100, "minor": 1}[mapping.amounts_in] if name in _MONEY else 1
    if kind == "number":
        return values * scale, read
    if kind == "integer":
        whole = (values * scale).round()
        # amounts such as 225.0000001 are cents after rounding; 36.5 months are no term
        off = (values * scale - whole).abs() > (0.5 if scale > 1 else 0.0)
        if off.any():
            broken = Fault(np.flatnonzero(off), "a whole number")
            read = replace(read, faults=[*read.faults, broken])
        return whole, read
    return values, read


def must_be_there(name: str, kind: str) -> bool:
    """Whether no row may leave this column of the contract blank."""
    return kind in ("integer", "boolean") and name not in _MAY_BE_BLANK


def feature_values(
    cells: pa.Array | pa.ChunkedArray,
    name: str,
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
    name : str
        Of the feature in the mapping.
    mapping : SourceMapping
    applied_at : Series of shape (n_rows,), optional
        Dates of application, up to which `months_since` are counted.
    alone : bool
        Judge every cell by itself: a point is a decimal point, and 1.0 is the level that is known
        as 1. A whole column shows which way it was written; the rows of a block do not.

    Returns
    -------
    values : Series of shape (n_rows,)
        float64 of numbers and months, str of categories; missing where the cell is or is a fault.
    read : ReadCells
        Its series are the dates of `months_since` (missing where `dates_as` has a code instead) and
        the levels before `levels` names them; `used` has the dates of `dates_as` that occur.

    Source
    ------
    riskkit definition.
    """
    feature = mapping.features[name]
    if feature.type == "months_since":
        assert applied_at is not None
        return _months_since(cells, feature, mapping, applied_at)
    read = read_cells(cells, _rule(feature, feature.type, mapping, alone=alone))
    if not feature.levels:
        return read.series, read
    written = as_named(read.series, feature.levels) if alone else read.series
    return written.replace(feature.levels), read


def as_named(levels: pd.Series, names: Collection[str]) -> pd.Series:
    """The levels, 1.0 for 1 or 1 for 1.0 where only that one is among the names.

    Examples
    --------
    >>> as_named(pd.Series(["1.0", "2", "02", None]), {"1", "2.0"}).tolist()
    ['1', '2.0', '02', nan]
    """
    other = {}
    for level in set(levels.dropna()) - set(names):
        form = level.removesuffix(".0") if level.endswith(".0") else f"{level}.0"
        if form in names:
            other[level] = form
    return levels.replace(other) if other else levels


def _rule(column: Column, kind: str, mapping: SourceMapping, *, alone: bool) -> CellRule:
    rule = mapping.rule(column, kind)
    if alone and kind in ("number", "integer") and not rule.thousands:
        return replace(rule, decimal=rule.decimal or ".")
    return rule


def _months_since(
    cells: pa.Array | pa.ChunkedArray,
    feature: FeatureBlock,
    mapping: SourceMapping,
    applied_at: pd.Series,
) -> tuple[pd.Series, ReadCells]:
    """Months from a date to the application; a date that stands for a code is the code."""
    rule = replace(mapping.rule(feature, "date"), first=FIRST_SINCE)
    read = read_cells(cells, rule)
    dates = read.series.astype("datetime64[us]")  # where a column of no dates is all faults, too
    codes = pd.Series(np.nan, index=dates.index)
    if feature.dates_as:
        anywhen = replace(rule, first=datetime.date.min, last=datetime.date.max)
        days = read_cells(cells, anywhen).series.dt.floor("D")
        for day, code in feature.dates_as.items():
            codes = codes.mask(days == pd.Timestamp(day), code)
        stands = codes.notna()
        dates = dates.mask(stands)
        at = [replace(f, positions=f.positions[~stands[f.positions]]) for f in read.faults]
        found = {f"{day:%Y-%m-%d}" for day in days[stands].unique()}
        read = replace(
            read,
            series=dates,
            faults=[fault for fault in at if len(fault.positions)],
            used=read.used | found,
        )
    months = calendar_months(applied_at) - calendar_months(dates)
    known = dates.notna() & applied_at.notna().to_numpy()
    return codes.fillna(pd.Series(months, dtype="float64").where(known)), read
