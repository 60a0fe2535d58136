"""Who changes places between two scores, and what that earns.

Takes two scores of the same applications with a cutoff each; gives the swap set and the difference
in profit with its interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit import metrics
from riskkit.chance import normal_interval
from riskkit.checks import check_level, same_rows
from riskkit.strategy.choices import equal_approval
from riskkit.strategy.cutoffs import rate_interval

__all__ = ["SwapGrid", "equal_approval_swaps", "profit_difference", "swap_set", "swap_sets"]

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
    cutoffs = {"cutoffs_a": [cutoff_a], "cutoffs_b": [cutoff_b]}
    return swap_sets(score_a, score_b, y, **cutoffs, booked=booked).droplevel(["a", "b"])


def swap_sets(
    score_a: ArrayLike,
    score_b: ArrayLike,
    y: ArrayLike,
    *,
    cutoffs_a: Sequence[float],
    cutoffs_b: Sequence[float],
    booked: ArrayLike | None = None,
) -> pd.DataFrame:
    """The :func:`swap_set` of each of many pairs of cutoffs; the applications are counted once.

    Parameters
    ----------
    score_a, score_b, y, booked
        As in :func:`swap_set`.
    cutoffs_a, cutoffs_b : sequence of float of one length
        A pair of cutoffs at each place.

    Returns
    -------
    DataFrame of shape (4 × n_pairs, 8), index (a, b, decision)
        The two cutoffs and the decision; columns as in :func:`swap_set`.

    Raises
    ------
    ValueError
        As :func:`swap_set`, or not as many cutoffs of one score as of the other.

    Source
    ------
    riskkit definition.
    """
    if len(cutoffs_a) != len(cutoffs_b):
        raise ValueError(f"cutoffs come in pairs, got {len(cutoffs_a)} and {len(cutoffs_b)}")
    points = {"points_a": np.unique(cutoffs_a), "points_b": np.unique(cutoffs_b)}
    return SwapGrid.count(score_a, score_b, y, **points, booked=booked).swaps(cutoffs_a, cutoffs_b)


@dataclass(frozen=True, eq=False)
class SwapGrid:
    """Applications by what two scores reach, counted once: any pair of cutoffs is then looked up.

    Parameters
    ----------
    points_a, points_b : float array of shape (n_a,), (n_b,)
        Ascending: the cutoffs that can be told apart.
    above : int array of shape (n_a + 1, n_b + 1, 4)
        `columns` of those who reach at least so many of the points of either score.
    columns : tuple of str
    """

    points_a: np.ndarray
    points_b: np.ndarray
    above: np.ndarray
    columns: tuple[str, ...]

    @classmethod
    def count(
        cls,
        score_a: ArrayLike,
        score_b: ArrayLike,
        y: ArrayLike,
        *,
        points_a: ArrayLike,
        points_b: ArrayLike,
        booked: ArrayLike | None = None,
    ) -> SwapGrid:
        """Grid of these applications.

        Parameters
        ----------
        score_a, score_b, y, booked
            As in :func:`swap_set`.
        points_a, points_b : float array, ascending without repeats
            Cutoffs that will be asked for.

        Raises
        ------
        ValueError
            As :func:`swap_set`.
        """
        same_rows(score_a=score_a, score_b=score_b, y=y, booked=booked)
        first, second = (np.asarray(points, dtype=float) for points in (points_a, points_b))
        place_a, place_b = (
            _reached(score, points, name)
            for name, score, points in (
                ("a", score_a, first),
                ("b", score_b, second),
            )
        )
        if place_a.shape != place_b.shape:
            raise ValueError(
                f"score_a and score_b must have one length, got {place_a.size}, {place_b.size}"
            )
        shape = (len(first) + 1, len(second) + 1)
        cell = place_a * shape[1] + place_b
        counts = metrics.score_counts(cell, y, booked=booked)
        grid = np.zeros((np.prod(shape), counts.shape[1]), dtype=np.int64)
        grid[counts.index] = counts.to_numpy(np.int64)
        grid = grid.reshape(*shape, -1)
        above = grid[::-1, ::-1].cumsum(axis=0).cumsum(axis=1)[::-1, ::-1]
        return cls(first, second, above, tuple(counts.columns))

    def swaps(self, cutoffs_a: Sequence[float], cutoffs_b: Sequence[float]) -> pd.DataFrame:
        """Table of :func:`swap_sets`; each cutoff is one of the grid's points."""
        at_a, at_b = (
            np.searchsorted(points, np.asarray(cutoffs, dtype=float)) + 1
            for points, cutoffs in ((self.points_a, cutoffs_a), (self.points_b, cutoffs_b))
        )
        both, by_a, by_b = self.above[at_a, at_b], self.above[at_a, 0], self.above[0, at_b]
        neither = self.above[0, 0] - by_a - by_b + both
        values = np.stack([both, by_a - both, by_b - both, neither], axis=1)
        index = pd.MultiIndex.from_arrays(
            [np.repeat(cutoffs_a, 4), np.repeat(cutoffs_b, 4), DECISIONS * len(cutoffs_a)],
            names=["a", "b", "decision"],
        )
        table = pd.DataFrame(values.reshape(-1, len(self.columns)), index, list(self.columns))
        known = table["good"] + table["bad"]
        table["bad_rate"] = table["bad"] / known
        table["bad_rate_low"], table["bad_rate_high"] = rate_interval(table["bad"], known, 0.95)
        table["share_of_applications"] = table["applications"] / self.above[0, 0, 0]
        return table


def equal_approval_swaps(
    scores: pd.DataFrame,
    y: ArrayLike,
    tables: Mapping[str, pd.DataFrame],
    *,
    booked: ArrayLike | None = None,
) -> dict[str, pd.DataFrame]:
    """Who changes places at every cutoff of each model, the other approving no fewer.

    Parameters
    ----------
    scores : DataFrame of shape (n, 2)
        A column per model.
    y, booked
        As in :func:`swap_set`.
    tables : mapping of model to DataFrame
        Of :func:`cutoff_table`, of these applications.

    Returns
    -------
    dict of model to DataFrame
        Of :func:`swap_sets`, whose `a` are the model's own cutoffs.

    Source
    ------
    riskkit definition.
    """
    first, second = scores.columns
    found = {}
    for own, other in ((first, second), (second, first)):
        beside = equal_approval(tables[own], tables[other])
        cutoffs = {"cutoffs_a": beside.index.tolist(), "cutoffs_b": beside.tolist()}
        found[own] = swap_sets(scores[own], scores[other], y, **cutoffs, booked=booked)
    return found


def _reached(score: ArrayLike, points: np.ndarray, name: str) -> np.ndarray:
    """How many of the cutoffs each score reaches."""
    values = np.asarray(score, dtype=float)
    if np.isnan(values).any() or np.isnan(points).any():
        raise ValueError(f"score_{name} and cutoff_{name} must not be missing")
    return np.searchsorted(points, values, side="right")


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
