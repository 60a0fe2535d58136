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
from riskkit.strategy.cutoffs import Economics, profit_amount, rate_interval

__all__ = ["profit_difference", "swap_set"]

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
    approved = []
    for name, score, cutoff in (("a", score_a, cutoff_a), ("b", score_b, cutoff_b)):
        points = np.asarray(score, dtype=float)
        if np.isnan(points).any() or math.isnan(cutoff):
            raise ValueError(f"score_{name} and cutoff_{name} must not be missing")
        approved.append(points >= cutoff)
    by_a, by_b = approved
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
    y: ArrayLike,
    cutoffs: Mapping[str, float] | pd.Series,
    economics: Economics,
    *,
    level: float = 0.95,
    n_boot: int = 2000,
    seed: int = 0,
) -> pd.Series:
    """Profit of one score at its cutoff less that of another at its own, with a paired interval.

    Only loans on which the two decide differently count. Loans of known outcome are drawn with
    replacement, which is one multinomial draw over goods and bads by both decisions; the cutoffs
    stay, so that they were chosen on these very loans does not widen the interval.

    Parameters
    ----------
    scores : DataFrame of shape (n, 2)
        A column per model, higher is safer; the first less the second.
    y : array of shape (n,)
        1 bad, 0 good, missing where unknown.
    cutoffs : mapping of model to number
        Approved at or above; missing gives NaN.
    economics : Economics
        Per loan, in the unit that the difference shall have.
    level : float
        Confidence level, in (0, 1).
    n_boot : int
        Samples, at least 1.
    seed : int

    Returns
    -------
    Series
        `difference`, `low`, `high` (percentiles); all NaN where no outcome is known.

    Raises
    ------
    ValueError
        Not two scores, one is missing, `level` or `n_boot` is out of range, y is not 0, 1 or
        missing, or lengths differ.

    Source
    ------
    Efron, Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> scores = pd.DataFrame({"a": [1, 2, 3, 4], "b": [4, 3, 2, 1]})
    >>> profit_difference(scores, [1, 0, 0, 0], {"a": 2, "b": 2}, Economics(60, 600, 5)).to_dict()
    {'difference': 660.0, 'low': 0.0, 'high': 1815.0}
    """
    if scores.shape[1] != 2:
        raise ValueError(f"profit_difference needs two scores, got {list(scores.columns)}")
    check_level(level)
    if n_boot < 1:
        raise ValueError(f"n_boot must be >= 1, got {n_boot!r}")
    (a, score_a), (b, score_b) = scores.items()
    nothing = pd.Series(np.nan, index=["difference", "low", "high"])
    if math.isnan(cutoffs[a]) or math.isnan(cutoffs[b]):
        return nothing
    swaps = swap_set(score_a, score_b, y, cutoff_a=cutoffs[a], cutoff_b=cutoffs[b])
    cells = swaps[["good", "bad"]].to_numpy(float)
    n_known = int(cells.sum())
    if not n_known:
        return nothing
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n_known, cells.ravel() / n_known, size=n_boot).reshape(-1, *cells.shape)
    profit = profit_amount(drawn[..., 0], drawn[..., 1], economics)
    only_a, only_b = DECISIONS.index("only a"), DECISIONS.index("only b")
    low, high = np.quantile(
        profit[:, only_a] - profit[:, only_b], [0.5 - level / 2, 0.5 + level / 2]
    )
    seen = profit_amount(cells[:, 0], cells[:, 1], economics)
    return nothing.fillna({"difference": seen[only_a] - seen[only_b], "low": low, "high": high})
