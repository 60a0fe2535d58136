"""Whether one score ranks better than another, and for whom.

Takes scores of the same rows; gives paired tests, and metrics by sample or segment.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.checks import (
    Array,
    check_level,
    numeric_array,
    outcome_state,
    refuse_missing,
    row_array,
    same_rows,
    warn,
    weight_array,
)
from riskkit.metrics.counts import score_counts
from riskkit.metrics.discrimination import (
    STATISTICS,
    area,
    discrimination,
    lead_of_bads,
    placements,
)
from riskkit.metrics.outcomes import warn_if_reversed
from riskkit.metrics.sums import distinct_positions, ratio

__all__ = ["compare", "comparison_table", "discrimination_table"]

COMPARISON = ("auc_a", "auc_b", "difference", "low", "high", "z", "p_value")


def compare(
    y: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    level: float = 0.95,
    weight: ArrayLike | None = None,
) -> pd.Series:
    """Difference in AUC of two scores on the same loans, with interval and p-value.

    Paired DeLong test in O(n log n): each loan's structural component comes from midranks, that
    is from the counts at and below its score, instead of from all pairs.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good; rows with a missing y are dropped.
    score_a, score_b : array of shape (n,)
        Higher is safer; the scales need not agree.
    level : float
        Confidence level, in (0, 1).
    weight : array of shape (n,), optional
        How many equal loans a row stands for, such as
        :func:`riskkit.partitions.distinct_rows` counts.

    Returns
    -------
    Series
        `auc_a`, `auc_b`, `difference` (a − b), `low`, `high` (plain scale), `z`, `p_value`
        (two-sided). Scores that order every good and bad alike give difference 0, z 0, p 1.
        All NaN, with a warning, without at least two goods and two bads; z, p and interval NaN,
        with a warning, where the difference has no variance but is not 0.

    Raises
    ------
    ValueError
        A score is missing where y is known, lengths differ, a weight is negative, or `level` is
        outside (0, 1).

    Source
    ------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44(3); Sun, Xu (2014), IEEE Signal
    Processing Letters 21(11).

    Examples
    --------
    >>> y = [1, 1, 1, 0, 0, 0]
    >>> compare(y, [1, 2, 4, 3, 5, 6], [2, 1, 6, 4, 3, 5]).round(3).to_dict()
    ... # doctest: +NORMALIZE_WHITESPACE
    {'auc_a': 0.889, 'auc_b': 0.667, 'difference': 0.222, 'low': -0.265, 'high': 0.709,
     'z': 0.894, 'p_value': 0.371}
    """
    check_level(level)
    same_rows(y=y, score_a=score_a, score_b=score_b, weight=weight)
    outcome = numeric_array(y, "y")
    state = outcome_state(outcome)
    known = state > 0
    loans = None
    if weight is not None:
        loans = weight_array(weight, len(outcome))
        known &= loans > 0
        loans = loans[known].astype(float)
    is_bad = state[known] == 2
    scores = {}
    for end, values in (("a", score_a), ("b", score_b)):
        scores[end] = numeric_array(values, f"score_{end}", len(outcome))[known]
        refuse_missing(scores[end], f"score_{end}")

    out = dict.fromkeys(COMPARISON, float("nan"))
    n_bad, n_good = (int(_size(rows, loans)) for rows in (is_bad, ~is_bad))
    if min(n_good, n_bad) < 2:
        warn(f"comparison needs two goods and two bads, got {n_good} and {n_bad}")
        return pd.Series(out, name="comparison")

    component = {}
    for end, points in scores.items():
        distinct, position = distinct_positions(points)
        cells = np.bincount(position * 2 + is_bad, weights=loans, minlength=2 * len(distinct))
        at = cells.reshape(-1, 2)
        good, bad = at[:, 0].astype(float), at[:, 1].astype(float)
        of_good, of_bad = placements(good, bad)
        component[end] = np.where(is_bad, of_bad[position], of_good[position])
        out[f"auc_{end}"] = area(good, bad)
        warn_if_reversed(out[f"auc_{end}"], lead_of_bads(good, bad).max(), n_good, n_bad)
    gap = component["a"] - component["b"]
    out["difference"] = out["auc_a"] - out["auc_b"]
    error = float(np.sqrt(_variance(gap, ~is_bad, loans) + _variance(gap, is_bad, loans)))
    if not gap.any():
        out |= {"difference": 0.0, "low": 0.0, "high": 0.0, "z": 0.0, "p_value": 1.0}
    elif error < 1e-12:
        warn("the difference in AUC has no variance: no interval, no test")
    else:
        half, z = float(special.ndtri(0.5 + level / 2)) * error, out["difference"] / error
        out |= {"low": out["difference"] - half, "high": out["difference"] + half}
        out |= {"z": z, "p_value": float(2 * special.ndtr(-abs(z)))}
    return pd.Series(out, name="comparison")


def _size(rows: Array, loans: Array | None) -> float:
    return float(rows.sum() if loans is None else loans[rows].sum())


def _variance(gap: Array, rows: Array, loans: Array | None) -> float:
    """Variance of the mean of the rows' gaps."""
    if loans is None:
        return float(gap[rows].var(ddof=1) / rows.sum())
    of, n = gap[rows], loans[rows]
    mean = np.average(of, weights=n)
    return float(np.dot(n, (of - mean) ** 2) / (n.sum() - 1) / n.sum())


def discrimination_table(
    scores: pd.DataFrame,
    y: ArrayLike,
    *,
    by: ArrayLike | None = None,
    level: float = 0.95,
    n_boot: int = 200,
    min_each: int = 2,
    weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """:func:`discrimination` of several scores, by sample or segment.

    Parameters
    ----------
    scores : DataFrame of shape (n_rows, n_models)
        A column per model.
    y : array of shape (n_rows,)
        1 bad, 0 good, NaN unknown.
    by : array of shape (n_rows,), optional
        Sample or segment of each row; a missing one leaves the row out.
    level, n_boot
        As in :func:`discrimination`.
    min_each : int
        A group with fewer goods or fewer bads is counted, its metrics left NaN.
    weight : array of shape (n_rows,), optional
        How many equal loans a row stands for; see :func:`compare`.

    Returns
    -------
    DataFrame, index (group, model) or, without `by`, model
        Columns of :func:`discrimination`. Groups are ascending; a Series' name is the level's.
    """
    same_rows(scores=scores, y=y, by=by, weight=weight)
    y = numeric_array(y, "y", len(scores))
    loans = None if weight is None else weight_array(weight, len(scores))

    def of_rows(rows: Any) -> pd.DataFrame:
        tables = {}
        for model in scores.columns:
            of = None if loans is None else loans[rows]
            counts = score_counts(scores[model].to_numpy()[rows], y[rows], weight=of)
            sums = counts.sum()
            if min(sums["good"], sums["bad"]) >= min_each:
                tables[model] = discrimination(counts, level=level, n_boot=n_boot)
            else:
                rate = float(ratio(sums["bad"], sums["good"] + sums["bad"]))
                unknown = dict.fromkeys(STATISTICS, float("nan"))
                tables[model] = pd.Series({**sums, "bad_rate": rate, **unknown})
        return pd.DataFrame(tables).T.rename_axis(index="model")

    if by is None:
        return of_rows(slice(None))
    groups = {group: of_rows(rows) for group, rows in _groups(by, len(scores))}
    if not groups:
        none = of_rows(slice(0))[:0]
        none.index = pd.MultiIndex.from_arrays([[], []], names=[_name(by), "model"])
        return none
    return pd.concat(groups, names=[_name(by)])


def comparison_table(
    y: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    by: ArrayLike,
    level: float = 0.95,
    min_each: int = 2,
    weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """:func:`compare` of two scores by sample or segment.

    Parameters
    ----------
    y, score_a, score_b, level, weight
        As in :func:`compare`.
    by : array of shape (n,)
        Sample or segment of each row; a missing one leaves the row out.
    min_each : int
        A group with fewer goods or fewer bads is left NaN.

    Returns
    -------
    DataFrame, index group, ascending; a Series' name is the index'
        Columns of :func:`compare`.
    """
    same_rows(y=y, score_a=score_a, score_b=score_b, by=by, weight=weight)
    y = numeric_array(y, "y")
    loans = None if weight is None else weight_array(weight, len(y))
    score_a, score_b = (
        numeric_array(values, name, len(y))
        for name, values in (("score_a", score_a), ("score_b", score_b))
    )
    results = {}
    for group, rows in _groups(by, len(y)):
        of = None if loans is None else loans[rows]
        enough = min(_size(y[rows] == flag, of) for flag in (0, 1)) >= min_each
        if enough:
            a, b = score_a[rows], score_b[rows]
            results[group] = compare(y[rows], a, b, level=level, weight=of)
        else:
            results[group] = pd.Series(np.nan, list(COMPARISON))
    return pd.DataFrame(results, index=list(COMPARISON)).T.rename_axis(index=_name(by))


def _name(by: ArrayLike) -> str:
    return str(getattr(by, "name", None) or "group")


def _groups(by: ArrayLike, n: int) -> list[tuple[Any, Array]]:
    # a list's own conversion would make text of a missing label
    if isinstance(by, np.ma.MaskedArray):
        by = pd.Series(by.data).mask(np.ma.getmaskarray(by))
    given = by if hasattr(by, "dtype") else pd.Series(by)
    row_array(given, "by", n, like="the scores")
    place, labels = pd.factorize(given, sort=True)
    return [(label, np.flatnonzero(place == number)) for number, label in enumerate(labels)]
