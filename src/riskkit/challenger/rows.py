"""Rows as the trees see them: numbers, in an order and in folds that hang on their content alone.

Takes features, labels and groups; gives a matrix, the fold of each row, and what a fit learns from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.columns import level_text, numbers, require_features

if TYPE_CHECKING:
    import lightgbm

__all__ = [
    "Array",
    "Learning",
    "matrix_columns",
    "matrix_of",
]

Array = NDArray[np.float64]
Codes = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Learning:
    """Rows in an order of their own, as the trees learn from them."""

    matrix: Array
    y: Array
    weight: Array
    fold: NDArray[np.int64]
    directions: list[int]
    categorical: list[int]

    def dataset(self) -> lightgbm.Dataset:
        """A Dataset of its own for each fit, since a fit changes it."""
        import lightgbm

        return lightgbm.Dataset(
            self.matrix, self.y, weight=self.weight, categorical_feature=self.categorical
        )


def matrix_columns(names: Sequence[str], codes: Codes) -> list[tuple[str, bool]]:
    """Of each column of the matrix its feature, and whether it holds that feature's values.

    Parameters
    ----------
    names : sequence of n_features
    codes : mapping of feature to codes
        A feature named here has a second column, for its codes.
    """
    return [
        (name, is_value)
        for name in names
        for is_value in ((True, False) if codes.get(name) else (True,))
    ]


def matrix_of(
    X: pd.DataFrame, names: Sequence[str], levels: Mapping[str, Sequence[str]], codes: Codes
) -> Array:
    """Numbers for the trees, in the order of :func:`matrix_columns`; NaN where missing.

    A level is its place among `levels`, a level that is not there missing. A special code is
    missing, and the number of its place, from 1, in the feature's second column.

    Raises
    ------
    ValueError
        A feature is absent, or there twice.
    TypeError
        `X` is no DataFrame, or has something other than numbers where `levels` names none.
    """
    require_features(X, names)
    matrix = np.empty((len(X), len(matrix_columns(names, codes))))
    place = 0
    for name in names:
        if name in levels:
            known = pd.Index(levels[name], dtype="str")
            values = known.get_indexer(level_text(X[name])).astype(np.float64)
            values[(values < 0) | X[name].isna().to_numpy()] = np.nan
        else:
            values = numbers(X[name])
        matrix[:, place] = values
        if codes.get(name):
            value, mark = matrix[:, place], matrix[:, place + 1]
            mark[:] = 0.0
            for number, code in enumerate(codes[name], start=1):
                mark[value == code] = number
            value[mark > 0] = np.nan
            place += 1
        place += 1
    return matrix
