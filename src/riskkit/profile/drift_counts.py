"""How many rows of a base and of each period are in each bin of a feature, in blocks of any size.

Takes applications in parts and the feature catalogue; gives counts, from which PSI follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from riskkit.checks import Array, known_groups, require_columns
from riskkit.metrics import quantile_groups
from riskkit.partitions import add_counts, collected, total
from riskkit.schema import Feature
from riskkit.tables import Table

__all__ = [
    "drift_counts",
    "first_year",
    "group_starts",
    "level_bins",
    "number_bins",
    "quarters",
]

RARE_RATE = 0.01  # levels below this share of the base are pooled


def quarters(applications: pd.DataFrame) -> pd.Series:
    """Quarter of each application, such as "2024Q1"."""
    return applications["applied_at"].dt.to_period("Q").astype(str)


def first_year(applications: pd.DataFrame) -> Array:
    """Rows of the first year, of the first half of less than two, of all where it is one day."""
    require_columns(applications, ["applied_at"], "applications")
    applied = applications["applied_at"]
    if applied.empty:
        return np.zeros(0, dtype=bool)
    return _before(applications, _end_of_base(applied.min(), applied.max()))


def _end_of_base(first: pd.Timestamp, last: pd.Timestamp) -> pd.Timestamp | None:
    """The first moment after the base; None where all are in it."""
    month = first.to_period("M").start_time
    end = min(month + pd.DateOffset(years=1), month + (last - month) / 2)
    # all on one day: nothing comes after it
    return end if first < end else None


def _before(applications: pd.DataFrame, end: pd.Timestamp | None) -> Array:
    if end is None:
        return np.ones(len(applications), dtype=bool)
    return (applications["applied_at"] < end).to_numpy()


def group_starts(column: pd.Series, feature: Feature, n_bins: int) -> Array:
    """Values of a number at which a group of the base's begins, but the first."""
    values = column.to_numpy(dtype=float, na_value=np.nan)
    ordinary = ~np.isnan(values) & ~np.isin(values, list(feature.special_codes))
    distinct, size = np.unique(values[ordinary], return_counts=True)
    group = quantile_groups(size, n_bins)
    return distinct[1:][np.diff(group) > 0]


def number_bins(column: pd.Series, feature: Feature, starts: Array, n_bins: int) -> Array:
    """Bin of each number: its group, then missing, then each special code."""
    values = column.to_numpy(dtype=float, na_value=np.nan)
    ordinary = ~np.isnan(values)
    bins = np.full(len(values), n_bins)
    for number, code in enumerate(feature.special_codes, start=n_bins + 1):
        is_code = values == code
        bins[is_code] = number
        ordinary &= ~is_code
    bins[ordinary] = np.searchsorted(starts, values[ordinary], side="right")
    return bins


def level_bins(in_base: Array, n_base: int) -> Array:
    """Bin of each level: its own, one of those rare in the base, or one of those not in it."""
    bins = np.arange(len(in_base))
    bins[in_base < RARE_RATE * n_base] = len(in_base)
    bins[in_base == 0] = len(in_base) + 1
    return bins


@dataclass(frozen=True)
class _Counts:
    """Rows by feature, then by period and bin, in the base and beside it; they add up."""

    tables: Mapping[str, pd.DataFrame]

    def __add__(self, other: _Counts) -> _Counts:
        both = {name: add_counts(table, other.tables[name]) for name, table in self.tables.items()}
        return _Counts(both)


def drift_counts(
    applications: Table,
    features: Sequence[Feature],
    period: Callable[[pd.DataFrame], pd.Series],
    n_bins: int,
    sample: pd.DataFrame | None = None,
) -> dict[str, tuple[Array, dict[str, Array]]]:
    """Rows of each feature's bins in the base, and in each period beside it.

    Parameters are those of :func:`riskkit.profile.drift_table`, bins as there.

    Raises
    ------
    ValueError
        There is no row.
    """
    names = [*(feature.name for feature in features), "applied_at"]
    require_columns(applications, names, "applications")
    ends = collected(_ends, applications, columns=["applied_at"])
    if not len(applications):
        raise ValueError("base must hold at least one row, got none")
    end = _end_of_base(ends["first"].min(), ends["last"].max())
    if sample is None:
        sample = applications.sample(columns=names)
    base = sample[_before(sample, end)]
    numeric = [feature for feature in features if feature.kind != "category"]
    starts = {one.name: group_starts(base[one.name], one, n_bins) for one in numeric}
    count = partial(
        _count, features=tuple(features), period=period, end=end, starts=starts, n_bins=n_bins
    )
    found = total(count, applications, columns=names).tables
    return {feature.name: _binned(found[feature.name], feature, n_bins) for feature in features}


def _ends(applications: pd.DataFrame) -> pd.DataFrame:
    applied = applications["applied_at"]
    return pd.DataFrame({"first": [applied.min()], "last": [applied.max()]}).dropna()


def _count(
    applications: pd.DataFrame,
    *,
    features: Sequence[Feature],
    period: Callable[[pd.DataFrame], pd.Series],
    end: pd.Timestamp | None,
    starts: Mapping[str, Array],
    n_bins: int,
) -> _Counts:
    in_base = _before(applications, end)
    n = len(applications)
    periods, labels = known_groups(period(applications), "period", n, like="the applications")
    tables = {}
    for feature in features:
        column = applications[feature.name]
        if feature.kind == "category":
            bins, levels = pd.factorize(column, use_na_sentinel=False)
            names = pd.Series(levels).astype("str")
        else:
            bins = number_bins(column, feature, starts[feature.name], n_bins)
            names = pd.Series(np.arange(n_bins + 1 + len(feature.special_codes)))
        cells = np.zeros((2, len(labels) * len(names)), dtype=np.int64)
        for row, taken in enumerate((in_base, ~in_base)):
            place = periods[taken] * len(names) + bins[taken]
            cells[row] = np.bincount(place, minlength=cells.shape[1])
        index = pd.MultiIndex.from_arrays(
            [np.repeat(labels, len(names)), pd.concat([names] * len(labels)) if n else names],
            names=["period", "bin"],
        )
        tables[feature.name] = pd.DataFrame({"base": cells[0], "other": cells[1]}, index=index)
    return _Counts(tables)


def _binned(table: pd.DataFrame, feature: Feature, n_bins: int) -> tuple[Array, dict[str, Array]]:
    """The base's rows by bin, and those of each period."""
    by_bin = table.unstack("bin", fill_value=0)
    base, other = by_bin["base"], by_bin["other"]
    if feature.kind != "category":
        wanted = range(n_bins + 1 + len(feature.special_codes))
        base, other = (part.reindex(columns=wanted, fill_value=0) for part in (base, other))
        return base.sum().to_numpy(), {name: row.to_numpy() for name, row in other.iterrows()}
    known = base.columns.notna()
    in_base = base.sum().to_numpy()
    n_levels = int(known.sum())
    place = np.full(len(known), n_levels + 2)  # missing
    place[known] = level_bins(in_base[known], in_base.sum())
    size = n_levels + 3
    expected = np.bincount(place, weights=in_base, minlength=size).astype(np.int64)
    return expected, {
        name: np.bincount(place, weights=row.to_numpy(), minlength=size).astype(np.int64)
        for name, row in other.iterrows()
    }
