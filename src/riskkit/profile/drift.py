"""How far each feature has moved away from a base, period by period.

Takes applications and the feature catalogue; gives PSI, what chance alone would reach, and a light.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import Array, check_groups, flag_array, known_groups, require_columns, same_rows
from riskkit.columns import verbatim
from riskkit.metrics import psi, psi_critical, psi_light
from riskkit.profile.drift_counts import (
    drift_counts,
    first_year,
    group_starts,
    level_bins,
    number_bins,
)
from riskkit.schema import Feature
from riskkit.tables import Table

__all__ = ["codes_in_words", "drift_table", "moved_features", "moved_text"]

MOVED = 0.1  # PSI above which a feature has moved, where chance does not reach so far


def drift_table(
    applications: pd.DataFrame | Table,
    features: Sequence[Feature],
    period: pd.Series | Callable[[pd.DataFrame], pd.Series],
    *,
    base: ArrayLike | None = None,
    n_bins: int = 10,
    sample: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """How far each feature has moved away from a base, period by period.

    Bins are made of the base: `n_bins` groups of its ordinary values as equal as ties allow, a
    value never split; each special code and missing by themselves. A category's bins are its
    levels, those under 1 % of the base pooled, and one for levels the base has not seen.

    Parameters
    ----------
    applications : DataFrame of shape (n_rows,), or Table
        The features, and without a `base` applied_at. A Table is counted block by block.
    features : sequence of Feature
    period : Series of shape (n_rows,), or function of rows that gives it
        Month, quarter or any other label, in the order of its values; aligned by position. Of a
        Table a function, such as :func:`quarters`.
    base : bool array of shape (n_rows,), optional
        Rows to compare with. By default, and always of a Table, those of the first twelve months,
        of the first half where there are less than two years, and all where there is one day only.
    n_bins : int
        Most groups of ordinary values.
    sample : DataFrame, optional
        Of a Table: the rows whose values are divided into groups, in which all rows are counted; by
        default 100,000 of its rows by the hash of their id.

    Returns
    -------
    DataFrame, index (feature, period)
        rows; psi against the base; psi_critical, its 95 % value if nothing moved (NaN where one
        bin holds everything); light. The base's rows belong to no period, so the two samples share
        none; a period without other rows is left out, so the table may be empty.

    Raises
    ------
    ValueError
        The base is empty, a period is missing, lengths differ.
    DataContractError
        A column is missing.

    Source
    ------
    riskkit definition, of :func:`riskkit.metrics.psi`.
    """
    check_groups(n_bins)
    require_columns(applications, [feature.name for feature in features], "applications")
    if isinstance(applications, Table):
        if base is not None or not callable(period):
            raise TypeError("of a Table, period is a function of rows, and the base its first year")
        counted = drift_counts(applications, features, period, n_bins, sample)
        return _table(
            (name, label, expected, actual)
            for name, (expected, others) in counted.items()
            for label, actual in others.items()
        )
    if callable(period):
        period = period(applications)
    same_rows(applications=applications, period=period, base=base)
    n = len(applications)
    periods, labels = known_groups(period, "period", n, like="the applications")
    in_base = first_year(applications) if base is None else flag_array(base, "base", n)
    if not in_base.any():
        raise ValueError("base must hold at least one row, got none")
    # the base is a sample of its own, before the first period
    sample_of = np.where(in_base, 0, periods + 1)
    records: list[tuple[str, Any, Array, Array]] = []
    for feature in features:
        bins, size = _drift_bins(applications[feature.name], feature, in_base, n_bins)
        counts = np.bincount(sample_of * size + bins, minlength=(len(labels) + 1) * size)
        expected, *others = counts.reshape(-1, size)
        records += [
            (feature.name, label, expected, actual)
            for label, actual in zip(labels, others, strict=True)
        ]
    return _table(records)


def _table(counts: Iterable[tuple[str, Any, Array, Array]]) -> pd.DataFrame:
    """The table of each feature's bins in the base and in a period."""
    records = [
        {"feature": name, "period": label, "rows": int(actual.sum()), **_drift(expected, actual)}
        for name, label, expected, actual in counts
        if actual.any()
    ]
    columns = ["feature", "period", "rows", "psi", "psi_critical", "light"]
    return pd.DataFrame(records, columns=columns).set_index(["feature", "period"])


def _drift(expected: Array, actual: Array) -> dict[str, Any]:
    n_used = int(((expected > 0) | (actual > 0)).sum())
    if n_used < 2:
        return {"psi": 0.0, "psi_critical": float("nan"), "light": "green"}
    # one row is no distribution
    if min(expected.sum(), actual.sum()) < 2:
        return {"psi": float("nan"), "psi_critical": float("nan"), "light": None}
    value = psi(expected, actual)
    critical = psi_critical(float(expected.sum()), float(actual.sum()), n_used)
    return {"psi": value, "psi_critical": critical, "light": psi_light(value, critical)}


def _drift_bins(
    column: pd.Series, feature: Feature, in_base: Array, n_bins: int
) -> tuple[Array, int]:
    """Bin of each row, and how many bins there can be."""
    if feature.kind == "category":
        codes, levels = pd.factorize(column)
        in_base_counts = np.bincount(codes[in_base] + 1, minlength=len(levels) + 1)[1:]
        # one place more: code −1, a missing level, picks it
        place = np.append(level_bins(in_base_counts, in_base.sum()), len(levels) + 2)
        return place[codes], len(levels) + 3
    starts = group_starts(column[in_base], feature, n_bins)
    return number_bins(column, feature, starts, n_bins), n_bins + 1 + len(feature.special_codes)


def moved_features(drift: pd.DataFrame) -> pd.DataFrame:
    """Features that stand above 0.1 and above chance in the latest period, the largest PSI first.

    Parameters
    ----------
    drift : DataFrame, index (feature, period)
        Of :func:`drift_table` or :func:`riskkit.binning.stability`: psi, psi_critical.

    Returns
    -------
    DataFrame, index feature
        `period` (its latest), psi, psi_critical; light, of a table that has one.

    Source
    ------
    riskkit definition.
    """
    latest = drift.groupby(level="feature", sort=False).tail(1).reset_index(level=1)
    latest = latest.set_axis(["period", *latest.columns[1:]], axis=1)
    moved = (latest["psi"] > MOVED) & (latest["psi"] > latest["psi_critical"])
    return latest[moved].sort_values("psi", ascending=False, kind="stable")


def moved_text(drift: pd.DataFrame, labels: Mapping[str, str], among: str) -> str:
    """How many features have moved, which, among whom and until when, as Markdown.

    Parameters
    ----------
    drift : DataFrame
        As for :func:`moved_features`.
    labels : mapping of feature to label
    among : str
        Whom the table counts, such as "all applicants".

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> names = ["feature", "period"]
    >>> index = pd.MultiIndex.from_product([["age", "city"], ["2024Q1"]], names=names)
    >>> drift = pd.DataFrame({"psi": [0.3, 0.01], "psi_critical": 0.02}, index)
    >>> moved_text(drift, {"age": "Age", "city": "City"}, "all applicants")
    'among all applicants, to 2024Q1, 1 of 2 features has moved: Age'
    """
    if drift.empty:
        return f"among {among}, none is later than the first, so that no feature can have moved"
    moved = moved_features(drift)
    n = drift.index.unique(level="feature").size
    until = str(drift.index.get_level_values(1).max())
    start = f"among {among}, to {until}, "
    if moved.empty:
        return f"{start}none of {n} features has moved"
    named = ", ".join(verbatim(labels.get(str(name), name)) for name in moved.index)
    have = "has" if len(moved) == 1 else "have"
    return f"{start}{len(moved)} of {n} features {have} moved: {named}"


def codes_in_words(table: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """The table with the meaning of each special code in its bins' names.

    Parameters
    ----------
    table : DataFrame, index (feature, ..., bin)
        Bins by name, the last level, such as "special -9"; a code without a meaning keeps its
        number alone.
    features : sequence of Feature

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("calls", "< 3"), ("calls", "special -9, missing")])
    >>> codes = {-9.0: "no record"}
    >>> calls = Feature(name="calls", label="Calls", family="telecom", special_codes=codes)
    >>> codes_in_words(pd.DataFrame({"rows": 1}, index), [calls]).index.get_level_values(1).tolist()
    ['< 3', 'no record (-9), missing']
    """
    words = {
        (feature.name, f"special {code:.10g}"): f"{meaning} ({code:.10g})"
        for feature in features
        for code, meaning in feature.special_codes.items()
        if meaning
    }
    told = [
        (name, *others, ", ".join(words.get((name, part), part) for part in str(label).split(", ")))
        for name, *others, label in table.index
    ]
    return table.set_axis(pd.MultiIndex.from_tuples(told, names=table.index.names))
