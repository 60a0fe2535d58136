"""How far a distribution has moved.

Takes counts per bin then and now; gives PSI, what chance alone would reach, and a light; or takes
applications, and gives these for every feature and period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.metrics.checks import (
    Array,
    check_groups,
    check_level,
    flag_array,
    numeric_array,
    quantile_groups,
    warn,
)
from riskkit.schema import Feature, require_columns

__all__ = ["drift_table", "psi", "psi_critical", "psi_light"]

RARE_RATE = 0.01  # levels below this share of the base are pooled


def psi(
    expected_counts: ArrayLike | Mapping[Any, float], actual_counts: ArrayLike | Mapping[Any, float]
) -> float:
    """Return the population stability index of an actual against an expected distribution.

    PSI = Σ (a − e)·ln(a/e) over bins, a and e being shares. An empty cell counts 0.5, totals
    unchanged; a bin that is empty in both samples says nothing and is left out.

    Parameters
    ----------
    expected_counts, actual_counts : Series, dict or array of shape (n_bins,)
        Counts per bin, with missing, special and unseen values in bins of their own, or shares
        (where both sum to 1, or one does in fractions). Series and dicts are aligned on the union
        of their labels, a label absent from one being an empty cell; arrays by position.

    Returns
    -------
    float
        0 where the distributions are equal; NaN with a warning where either sample is empty.

    Raises
    ------
    ValueError
        A share is 0, a count is negative or missing, a label occurs twice, lengths differ, or
        only one of the two has labels.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards; the empty-cell rule is riskkit's.

    Examples
    --------
    >>> psi({"a": 50, "b": 50}, {"a": 40, "b": 60})
    0.04054651081081642
    >>> round(psi({"a": 50, "z": 50}, {"a": 50, "b": 50}), 3)
    4.559
    """
    expected, actual = _aligned(expected_counts, actual_counts)
    totals = expected.sum(), actual.sum()
    if min(totals) == 0:
        warn("PSI is undefined: a sample is empty")
        return float("nan")
    sums_to_one = [abs(total - 1) < 1e-9 for total in totals]
    shares = []
    either = (expected > 0) | (actual > 0)
    for cells, total, is_one in zip((expected, actual), totals, sums_to_one, strict=True):
        fractions = is_one and bool(np.any(cells != np.round(cells)))
        if (all(sums_to_one) or fractions) and np.any(cells == 0):
            raise ValueError("psi of shares needs every share > 0, got an empty cell; give counts")
        shares.append(np.where(cells == 0, 0.5, cells)[either] / total)
    e, a = shares
    return float(np.sum((a - e) * np.log(a / e)))


def psi_critical(n_expected: float, n_actual: float, n_bins: int, *, level: float = 0.95) -> float:
    """Value that PSI stays under by chance with probability `level` when nothing has moved.

    (1/n_actual + 1/n_expected) · χ²_{level}(n_bins − 1).

    Parameters
    ----------
    n_expected, n_actual : float
        Rows in the two samples, above 0.
    n_bins : int
        Bins compared, at least 2.
    level : float
        In (0, 1).

    Returns
    -------
    float
        In the unit of PSI.

    Raises
    ------
    ValueError
        A size, the number of bins or the level is out of range.

    Source
    ------
    Yurdakul, Naranjo (2020), Journal of Risk Model Validation 14(4).

    Examples
    --------
    >>> round(psi_critical(1000, 1000, 10), 4)
    0.0338
    """
    check_level(level)
    if not (n_expected > 0 and n_actual > 0):
        raise ValueError(f"sample sizes must be > 0, got {n_expected!r} and {n_actual!r}")
    if not n_bins >= 2:
        raise ValueError(f"n_bins must be >= 2, got {n_bins!r}")
    return float((1 / n_actual + 1 / n_expected) * special.chdtri(n_bins - 1, 1 - level))


def psi_light(value: float, critical: float) -> str:
    """Traffic light of a PSI: amber above 0.1, red above 0.25, neither below the critical value.

    Parameters
    ----------
    value : float
        From :func:`psi`.
    critical : float
        From :func:`psi_critical`: in small samples chance alone exceeds 0.1.

    Returns
    -------
    str
        "green", "amber" or "red".

    Raises
    ------
    ValueError
        Either number is NaN: no light says more than an unknown PSI.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, for 0.1 and 0.25; the second condition is riskkit's.

    Examples
    --------
    >>> psi_light(0.12, 0.03), psi_light(0.12, 0.2), psi_light(0.3, 0.03)
    ('amber', 'green', 'red')
    """
    if np.isnan(value) or np.isnan(critical):
        raise ValueError(f"psi and critical must be numbers, got {value!r} and {critical!r}")
    if value <= critical or value <= 0.1:
        return "green"
    return "red" if value > 0.25 else "amber"


def drift_table(
    applications: pd.DataFrame,
    features: Sequence[Feature],
    period: pd.Series,
    *,
    base: ArrayLike | None = None,
    n_bins: int = 10,
) -> pd.DataFrame:
    """How far each feature has moved away from a base, period by period.

    Bins are made of the base: `n_bins` groups of its ordinary values as equal as ties allow, a
    value never split; each special code and missing by themselves. A category's bins are its
    levels, those under 1 % of the base pooled, and one for levels the base has not seen.

    Parameters
    ----------
    applications : DataFrame of shape (n_rows,)
        The features, and without a `base` applied_at.
    features : sequence of Feature
    period : Series of shape (n_rows,)
        Month, quarter or any other label, in the order of its values; aligned by position.
    base : bool array of shape (n_rows,), optional
        Rows to compare with. By default those of the first twelve months, of the first half where
        there are less than two years, and all where there is one day only.
    n_bins : int
        Most groups of ordinary values.

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
    riskkit definition, of :func:`psi`.
    """
    check_groups(n_bins)
    require_columns(applications, [feature.name for feature in features], "applications")
    n = len(applications)
    periods, labels = pd.factorize(np.asarray(period), sort=True)
    if len(periods) != n:
        raise ValueError(f"period must have {n} rows like the applications, got {len(periods)}")
    if (periods < 0).any():
        raise ValueError(f"period must be known in every row, missing in {(periods < 0).sum()}")
    in_base = _first_year(applications) if base is None else flag_array(base, "base", n)
    if not in_base.any():
        raise ValueError("base must hold at least one row, got none")
    # the base is a sample of its own, before the first period
    sample = np.where(in_base, 0, periods + 1)
    records = []
    for feature in features:
        bins, size = _drift_bins(applications[feature.name], feature, in_base, n_bins)
        counts = np.bincount(sample * size + bins, minlength=(len(labels) + 1) * size)
        expected, *others = counts.reshape(-1, size)
        for label, actual in zip(labels, others, strict=True):
            if actual.any():
                record = {"feature": feature.name, "period": label, "rows": int(actual.sum())}
                records.append(record | _drift(expected, actual))
    columns = ["feature", "period", "rows", "psi", "psi_critical", "light"]
    return pd.DataFrame(records, columns=columns).set_index(["feature", "period"])


def _drift(expected: Array, actual: Array) -> dict[str, Any]:
    n_used = int(((expected > 0) | (actual > 0)).sum())
    # one row is no distribution
    if n_used < 2 or min(expected.sum(), actual.sum()) < 2:
        return {"psi": 0.0, "psi_critical": float("nan"), "light": "green"}
    value = psi(expected, actual)
    critical = psi_critical(float(expected.sum()), float(actual.sum()), n_used)
    return {"psi": value, "psi_critical": critical, "light": psi_light(value, critical)}


def _first_year(applications: pd.DataFrame) -> Array:
    require_columns(applications, ["applied_at"], "applications")
    applied = applications["applied_at"]
    if applied.empty:
        return np.zeros(0, dtype=bool)
    first = applied.min().to_period("M").start_time
    half = first + (applied.max() - first) / 2
    early = applied < min(first + pd.DateOffset(years=1), half)
    # all on one day: nothing comes after it
    return (early if early.any() else ~early).to_numpy()


def _drift_bins(
    column: pd.Series, feature: Feature, in_base: Array, n_bins: int
) -> tuple[Array, int]:
    """Bin of each row, and how many bins there can be."""
    if feature.kind == "category":
        codes, levels = pd.factorize(column)
        in_base_counts = np.bincount(codes[in_base] + 1, minlength=len(levels) + 1)[1:]
        pooled, unseen = len(levels), len(levels) + 1
        # one place more: code −1, a missing level, picks it
        place = np.arange(len(levels) + 1)
        place[-1] = unseen + 1
        place[:-1][in_base_counts < RARE_RATE * in_base.sum()] = pooled
        place[:-1][in_base_counts == 0] = unseen
        return place[codes], unseen + 2
    values = column.to_numpy(dtype=float, na_value=np.nan)
    missing = np.isnan(values)
    ordinary = ~missing
    bins = np.full(len(values), n_bins)
    specials = list(feature.special_codes)
    for number, code in enumerate(specials, start=n_bins + 1):
        is_code = values == code
        bins[is_code] = number
        ordinary &= ~is_code
    distinct, size = np.unique(values[ordinary & in_base], return_counts=True)
    group = quantile_groups(size, n_bins)
    starts = distinct[1:][np.diff(group) > 0]
    bins[ordinary] = np.searchsorted(starts, values[ordinary], side="right")
    return bins, n_bins + 1 + len(specials)


def _aligned(expected: Any, actual: Any) -> tuple[Array, Array]:
    labelled = [isinstance(cells, (pd.Series, Mapping)) for cells in (expected, actual)]
    if any(labelled):
        if not all(labelled):
            raise ValueError("psi needs labels (Series or dict) on both sides, or on neither")
        expected, actual = pd.Series(expected, dtype=float), pd.Series(actual, dtype=float)
        for cells in (expected, actual):
            if not cells.index.is_unique:
                twice = cells.index[cells.index.duplicated()][0]
                raise ValueError(f"psi needs each label once, got {twice!r} twice")
            if cells.isna().any():
                raise ValueError("psi needs counts or shares, got NaN")
        labels = expected.index.union(actual.index, sort=False)
        expected, actual = expected.reindex(labels).fillna(0), actual.reindex(labels).fillna(0)
    e = numeric_array(expected, "expected_counts").astype(float)
    a = numeric_array(actual, "actual_counts", len(e)).astype(float)
    if not (np.isfinite(e).all() and np.isfinite(a).all() and (e >= 0).all() and (a >= 0).all()):
        raise ValueError("psi needs finite counts or shares >= 0")
    return e, a
