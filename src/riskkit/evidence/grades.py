"""Bands of a score, and whether the probabilities in them came true.

Takes scores; gives a row per grade of a model with probabilities of its own, or per group tested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from riskkit import metrics
from riskkit.checks import numeric_array, refuse_missing, same_rows

__all__ = ["calibration_bands", "exact_p_values", "stated_grades"]


def stated_grades(
    score: ArrayLike,
    probability: Callable[[NDArray[np.float64]], ArrayLike],
    judged: pd.DataFrame,
    *,
    n_grades: int = 10,
) -> pd.DataFrame:
    """Bands of a score with the probability that the model states, against what came of them.

    Boosted trees know the loans that taught them, so the bad rates of those loans would promise too
    much. The bands hold about as many of them each; the probability of a band is the mean of what
    the model states for them, calibrated on loans it had not seen.

    Parameters
    ----------
    score : array of shape (n_rows,)
        Of the loans that taught the model.
    probability : callable
        From scores to probabilities of bad, such as ``ScoreScale.probability``.
    judged : DataFrame, index `score`
        `good` and `bad` of loans that taught nothing, of :func:`metrics.score_counts`.
    n_grades : int
        Bands aimed at.

    Returns
    -------
    DataFrame, index `grade` from 1, the safest
        `score_low`, `score_high`, then the columns of :func:`metrics.grade_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> judged = metrics.score_counts([1] * 50 + [2] * 50, [1] * 30 + [0] * 20 + [0] * 50)
    >>> found = stated_grades([1, 1, 2, 2], lambda points: 0.4 / points, judged, n_grades=2)
    >>> found[["n", "bad", "probability", "light", "side"]]  # doctest: +NORMALIZE_WHITESPACE
            n  bad  probability  light         side
    grade
    1      50    0          0.2    red   overstated
    2      50   30          0.4    red  understated
    """
    points = numeric_array(score, "score").astype(float)
    refuse_missing(points, "score")
    levels, rows = np.unique(points, return_counts=True)
    stated = np.asarray(probability(levels), dtype=float)
    counts = pd.DataFrame({"good": rows * (1 - stated), "bad": rows * stated}, index=levels)
    grades = metrics.master_scale(counts.rename_axis("score"), n_grades=n_grades)
    return grades[["score_low", "score_high"]].join(metrics.grade_table(judged, grades))


def calibration_bands(
    y: ArrayLike, scores: pd.DataFrame, probability: Callable[[NDArray[np.float64]], ArrayLike]
) -> pd.DataFrame:
    """The groups of loans that the Hosmer–Lemeshow test compares, and what each adds to it.

    Parameters
    ----------
    y : array of shape (n_rows,)
        1 bad, 0 good, missing unknown.
    scores : DataFrame of shape (n_rows, n_models)
        Higher is safer.
    probability : callable
        From scores to probabilities of bad, such as ``ScoreScale.probability``.

    Returns
    -------
    DataFrame, index (model, group), the safest first
        `score_low`, `score_high` (least and highest score in it), `n`, `bad`, `expected` (bads
        predicted), `part` (its share of the statistic, all groups adding up to that of
        :func:`metrics.accuracy_table`), `adjusted_p_value` (exact binomial, two-sided, times the
        number of groups, at most 1) and `side`, "understated" or "overstated".

    Source
    ------
    riskkit definition.
    """
    same_rows(y=y, scores=scores)
    flags = numeric_array(y, "y").astype(float)
    known = ~np.isnan(flags)
    tables = {}
    for model in scores.columns:
        points = numeric_array(scores[model], model).astype(float)[known]
        chance = np.asarray(probability(points), dtype=float)
        groups = metrics.calibration_table(flags[known], chance, min_expected=5.0)
        table = groups[["n", "bad"]].astype("int64")
        table["expected"] = groups["n"] * groups["mean_probability"]
        # equal scores are never split, so the counts find the scores
        safest_first, ends = -np.sort(-points), table["n"].cumsum()
        table.insert(0, "score_low", safest_first[ends - 1])
        table.insert(1, "score_high", safest_first[ends - table["n"]])
        rate = groups["mean_probability"]
        table["part"] = (table["bad"] - table["expected"]) ** 2 / (table["expected"] * (1 - rate))
        p_values = exact_p_values(table["bad"], table["n"], rate)
        table["adjusted_p_value"] = np.minimum(p_values * len(table), 1.0)
        over = table["bad"] < table["expected"]
        table["side"] = np.where(over, "overstated", "understated")
        tables[str(model)] = table
    return pd.concat(tables, names=["model", "group"])


def exact_p_values(bad: Any, n: Any, probability: Any) -> NDArray[np.float64]:
    """Two-sided p-value of the exact binomial test, of each row.

    Where probabilities within a group differ, bads spread less than a binomial: it errs on the
    side of the model.

    Examples
    --------
    >>> exact_p_values([7], [285], [0.0505]).round(3)
    array([0.042])
    """
    rows = zip(bad, n, probability, strict=True)
    return np.array([stats.binomtest(int(d), int(size), float(p)).pvalue for d, size, p in rows])
