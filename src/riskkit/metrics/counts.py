"""Score counts: all that a metric needs to know of the rows.

Takes a score and an outcome per row; gives goods and bads per distinct score, which add up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import (
    Array,
    flag_array,
    numeric_array,
    outcome_state,
    probability_array,
    refuse_missing,
    same_rows,
    weight_array,
)
from riskkit.metrics.sums import distinct_positions

__all__ = ["COUNT_COLUMNS", "expected_counts", "score_counts"]

COUNT_COLUMNS = ("applications", "booked", "good", "bad")


def score_counts(
    score: ArrayLike,
    y: ArrayLike,
    *,
    booked: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    sums: pd.DataFrame | Mapping[str, ArrayLike] | None = None,
) -> pd.DataFrame:
    """Applications, booked loans, goods and bads at each distinct score.

    Counts of two parts of a portfolio add up to the counts of the whole:
    :func:`riskkit.partitions.add_counts`.

    Parameters
    ----------
    score : array of shape (n,)
        Any number, higher is safer; values are never rounded or binned.
    y : array of shape (n,)
        1 bad, 0 good, missing where the outcome is unknown (not booked, not yet matured).
    booked : bool array of shape (n,), optional
        Whether the application became a loan; by default, whether y is known. Goods and bads are
        counted wherever y is known, booked or not.
    weight : array of shape (n,), optional
        Finite and not negative; an integer weight counts as that many equal rows, and a row of
        weight 0 as none.
    sums : DataFrame or dict of arrays of shape (n,), optional
        Columns to total over all applications at the score, outcome known or not, times weight.

    Returns
    -------
    DataFrame of shape (n_distinct_scores, 4 + number of sums), index `score` ascending
        `applications`, `booked`, `good`, `bad`: int64, or float64 under a weight. Then one column
        per name in `sums`: int64 for whole numbers without weight (exact, as money in fen needs),
        else float64. No rows give an empty table.

    Raises
    ------
    ValueError
        A score or a summed value is missing, y is not 0, 1 or missing, lengths differ, a weight
        is negative, or a summed column has the name of a count.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> score_counts([500, 600, 600, 700], [1, 0, None, 0], sums={"amount": [9, 8, 7, 6]})
    ... # doctest: +NORMALIZE_WHITESPACE
           applications  booked  good  bad  amount
    score
    500               1       1     0    1       9
    600               2       1     1    0      15
    700               1       1     1    0       6
    """
    summed = {} if sums is None else dict(sums)
    same_rows(score=score, y=y, booked=booked, weight=weight, **summed)
    points = numeric_array(score, "score")
    n = len(points)
    refuse_missing(points, "score")
    state = outcome_state(numeric_array(y, "y", n))
    # six cells a score point: (unknown, good, bad), not booked and booked
    if booked is None:
        state += 3 * (state > 0).astype(np.int8)
    else:
        state += 3 * flag_array(booked, "booked", n).astype(np.int8)
    row_weight = None if weight is None else weight_array(weight, n)
    distinct, position = distinct_positions(points)

    flat = np.bincount(position * 6 + state, weights=row_weight, minlength=6 * len(distinct))
    cells = flat.reshape(-1, 6)
    columns: dict[str, Array] = {
        "applications": cells.sum(axis=1),
        "booked": cells[:, 3:].sum(axis=1),
        "good": cells[:, 1] + cells[:, 4],
        "bad": cells[:, 2] + cells[:, 5],
    }
    for name, values in summed.items():
        if name in COUNT_COLUMNS:
            raise ValueError(f"sums must not be named {', '.join(COUNT_COLUMNS)}, got {name!r}")
        columns[name] = _totals(
            numeric_array(values, name, n), position, row_weight, distinct, name
        )

    index = pd.Index(distinct, name="score")
    counts = pd.DataFrame(columns, index=index)
    return counts[counts["applications"] > 0]


def expected_counts(score: ArrayLike, probability: ArrayLike) -> pd.DataFrame:
    """Score counts in which each row is bad in part, by its probability, and good in part.

    What is measured from them is free of the luck of single outcomes.

    Parameters
    ----------
    score : array of shape (n,)
        Higher is safer.
    probability : array of shape (n,)
        Of bad, in [0, 1], such as a simulated borrower's true one.

    Returns
    -------
    DataFrame
        As :func:`score_counts` of the bad parts beside the good ones.

    Raises
    ------
    ValueError
        A score or a probability is missing or out of range, or lengths differ.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> expected_counts([500, 600, 600], [0.5, 0.1, 0.3])[["good", "bad"]].round(2)
    ... # doctest: +NORMALIZE_WHITESPACE
           good  bad
    score
    500     0.5  0.5
    600     1.6  0.4
    """
    same_rows(score=score, probability=probability)
    points = numeric_array(score, "score")
    part = probability_array(probability, "probability", len(points))
    is_bad = np.repeat([1, 0], len(points))
    return score_counts(np.tile(points, 2), is_bad, weight=np.concatenate([part, 1 - part]))


def _totals(
    values: Array, position: Array, weight: Array | None, distinct: Array, name: str
) -> Array:
    refuse_missing(values, name)
    if weight is None and values.dtype.kind in "biu":
        # float sums would lose fen above 2^53
        total = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(total, position, values.astype(np.int64))
        return total
    weighted = values.astype(float) if weight is None else values * weight
    return np.bincount(position, weights=weighted, minlength=len(distinct))
