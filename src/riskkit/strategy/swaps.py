"""Who changes places between two scores, and what that earns.

Takes two scores of the same applications with a cutoff each; gives the swap set and the difference
in profit with its interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit import metrics
from riskkit.checks import check_level, same_rows
from riskkit.strategy.cutoffs import normal_interval, rate_interval

__all__ = ["profit_difference", "swap_set"]

# fewer swapped loans say too little of a difference in profit
MIN_SWAPPED = 20
DECISIONS = ("both approve", "only a", "only b", "neither")


def swap_set(
    score_a: ArrayLike,
    score_b: ArrayLike,
    y: ArrayLike,
    *,
    cutoff_a: float,
    cutoff_b: float,
    booked: ArrayLike | None = None,
) -> pd.DataFrame:
    """Applications, and how they turned out, by the decisions of two scores.

    The swap set proper is the two middle rows: whom one score approves and the other declines.
    Whoever the old policy declined has no outcome, so bad rates are on booked loans, with their
    Jeffreys 95 % interval.

    Parameters
    ----------
    score_a, score_b : array of shape (n,)
        Of the same applications, on any scales, higher is safer.
    y : array of shape (n,)
        1 bad, 0 good, missing where unknown.
    cutoff_a, cutoff_b : float
        Approved at or above.
    booked : bool array of shape (n,), optional
        Whether the application became a loan; by default, whether y is known.

    Returns
    -------
    DataFrame of shape (4, 8), index `decision`: both approve, only a, only b, neither
        `applications`, `booked`, `good`, `bad`, `bad_rate` (bad ÷ known outcomes, NaN where none
        is known), `bad_rate_low`, `bad_rate_high`, `share_of_applications`.

    Raises
    ------
    ValueError
        A score or a cutoff is missing, y is not 0, 1 or missing, or lengths differ.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards.

    Examples
    --------
    >>> swap_set([1, 2, 3, 4], [4, 1, 3, 2], [1, None, 0, 0], cutoff_a=3, cutoff_b=3)[
    ...     ["applications", "booked", "bad", "bad_rate"]
    ... ]  # doctest: +NORMALIZE_WHITESPACE
                  applications  booked  bad  bad_rate
    decision
    both approve             1       1    0       0.0
    only a                   1       1    0       0.0
    only b                   1       1    1       1.0
    neither                  1       0    0       NaN
    """
    same_rows(score_a=score_a, score_b=score_b, y=y, booked=booked)
    by_a, by_b = approved_by(score_a, cutoff_a, "a"), approved_by(score_b, cutoff_b, "b")
    if by_a.shape != by_b.shape:
        raise ValueError(f"score_a and score_b must have one length, got {by_a.size}, {by_b.size}")
    # the place in DECISIONS, counted like a score
    decision = np.where(by_a, np.where(by_b, 0, 1), np.where(by_b, 2, 3))
    counts = metrics.score_counts(decision, y, booked=booked)
    table = counts.reindex(range(len(DECISIONS)), fill_value=0)
    table.index = pd.Index(DECISIONS, name="decision")
    known = table["good"] + table["bad"]
    table["bad_rate"] = table["bad"] / known
    table["bad_rate_low"], table["bad_rate_high"] = rate_interval(table["bad"], known, 0.95)
    table["share_of_applications"] = table["applications"] / table["applications"].sum()
    return table


def profit_difference(
    scores: pd.DataFrame,
    profit: ArrayLike,
    cutoffs: Mapping[str, float] | pd.Series,
    *,
    level: float = 0.95,
) -> pd.Series:
    """Profit of one score at its cutoff less that of another at its own, with a paired interval.

    Only loans on which the two decide differently count. The cutoffs stay: that they were chosen on
    these very loans does not widen the interval.

    Parameters
    ----------
    scores : DataFrame of shape (n, 2)
        A column per model, higher is safer; the first less the second.
    profit : array of shape (n,)
        Of each loan, missing where its outcome is unknown.
    cutoffs : mapping of model to number
        Approved at or above; missing gives NaN.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Series
        `difference`, `low`, `high`, in the unit of the profit; `swapped`, the known loans on which
        the two differ. The first three are NaN where no outcome is known, the interval also where
        fewer than 20 are swapped: too few to say.

    Raises
    ------
    ValueError
        Not two scores, one is missing, `level` is out of range, or lengths differ.

    Source
    ------
    riskkit definition: the variance of a sum of paired differences.

    Examples
    --------
    >>> scores = pd.DataFrame({"a": range(40), "b": range(40, 0, -1)})
    >>> profit_difference(scores, [-605] * 2 + [55] * 38, {"a": 20, "b": 20}).round().to_dict()
    {'difference': 1265.0, 'low': -492.0, 'high': 3022.0, 'swapped': 39.0}
    """
    if scores.shape[1] != 2:
        raise ValueError(f"profit_difference needs two scores, got {list(scores.columns)}")
    same_rows(scores=scores, profit=profit)
    check_level(level)
    earned = np.asarray(profit, dtype=float)
    known = ~np.isnan(earned)
    (a, score_a), (b, score_b) = scores.items()
    nothing = pd.Series([np.nan] * 3 + [0.0], index=["difference", "low", "high", "swapped"])
    if math.isnan(cutoffs[a]) or math.isnan(cutoffs[b]) or not known.any():
        return nothing
    by_a, by_b = (
        approved_by(score, cutoffs[name], name).astype(float)
        for name, score in ((a, score_a), (b, score_b))
    )
    moved = ((by_a - by_b) * np.where(known, earned, 0.0))[known]
    swapped = int((by_a != by_b)[known].sum())
    total = float(moved.sum())
    low, high = normal_interval(total, float(moved @ moved), int(known.sum()), level)
    if swapped < MIN_SWAPPED:
        low = high = np.nan
    return pd.Series({"difference": total, "low": low, "high": high, "swapped": float(swapped)})


def approved_by(score: ArrayLike, cutoff: float, name: str) -> np.ndarray:
    """Whom a cutoff approves."""
    points = np.asarray(score, dtype=float)
    if np.isnan(points).any() or math.isnan(cutoff):
        raise ValueError(f"score_{name} and cutoff_{name} must not be missing")
    return points >= cutoff
