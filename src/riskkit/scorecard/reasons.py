"""Why a score is low.

Takes what each feature gave an applicant and what it could have given; gives the largest losses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["reasons_table"]


def reasons_table(
    index: pd.Index,
    features: Sequence[str],
    points: NDArray[np.float64],
    reference_points: NDArray[np.float64],
    word: Callable[[int, int], str],
    n: int,
) -> pd.DataFrame:
    """The features that cost each row the most points against a reference.

    Parameters
    ----------
    index : Index of n_rows
        Names of the rows.
    features : sequence of n_features
    points : array of shape (n_rows, n_features)
        What each feature gave.
    reference_points : array of shape (n_features,)
    word : callable
        Reason in words from the place of a row and of a feature.
    n : int
        At most so many reasons a row.

    Returns
    -------
    DataFrame, index (row, rank)
        rank from 1; feature, reason, points, reference_points, points_lost (above 0). A row that
        lost none has no entry; of equal losses the feature that stands first comes first.
    """
    lost = reference_points - points
    order = np.argsort(-lost, axis=1, kind="stable")[:, :n]
    row, rank = np.nonzero(np.take_along_axis(lost, order, axis=1) > 0)
    column = order[row, rank]
    return pd.DataFrame(
        {
            "feature": [features[k] for k in column],
            "reason": [word(int(r), int(k)) for r, k in zip(row, column, strict=True)],
            "points": points[row, column],
            "reference_points": reference_points[column],
            "points_lost": lost[row, column],
        },
        index=pd.MultiIndex.from_arrays([index[row], rank + 1], names=["row", "rank"]),
    )
