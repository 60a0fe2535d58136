"""Rating grades of a model that has probabilities of its own, and whether they came true.

Takes scores; gives a row per grade.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from riskkit import metrics
from riskkit.checks import numeric_array, refuse_missing

__all__ = ["stated_grades"]


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
    >>> found[["score_low", "n", "bad", "probability", "light"]]  # doctest: +NORMALIZE_WHITESPACE
           score_low   n  bad  probability  light
    grade
    1            2.0  50    0          0.2  green
    2           -inf  50   30          0.4    red
    """
    points = numeric_array(score, "score").astype(float)
    refuse_missing(points, "score")
    levels, rows = np.unique(points, return_counts=True)
    stated = np.asarray(probability(levels), dtype=float)
    counts = pd.DataFrame({"good": rows * (1 - stated), "bad": rows * stated}, index=levels)
    grades = metrics.master_scale(counts.rename_axis("score"), n_grades=n_grades)
    return grades[["score_low", "score_high"]].join(metrics.grade_table(judged, grades))
