"""Folds of rows: which are learned from, and which judge.

Takes labels and groups; gives the fold of each row.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from riskkit.checks import row_array

__all__ = ["deal_folds", "group_numbers", "most_folds"]


def group_numbers(groups: ArrayLike, taken: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of the group of each row taken, from 0 in their order; −1 where it is missing.

    Parameters
    ----------
    groups : array of shape (n_rows,)
    taken : bool array of shape (n_rows,)

    Raises
    ------
    ValueError
        Not one group a row.
    """
    given = row_array(groups, "groups", len(taken), like="X")
    return pd.factorize(given[taken], sort=True)[0].astype(np.int64)


def most_folds(y: NDArray[np.float64], groups: NDArray[np.int64]) -> int:
    """In how many folds :func:`deal_folds` can deal these rows, at most."""
    has_bad, _ = _has_bad(y, groups)
    n_bad = int(has_bad.sum())
    return min(n_bad, len(has_bad) - n_bad)


def _has_bad(
    y: NDArray[np.float64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each group has a bad, and the group of each row; a row of −1 is one of its own."""
    alone = groups < 0
    member = groups.copy()
    member[alone] = groups.max(initial=-1) + 1 + np.arange(alone.sum())
    return np.bincount(member, weights=y == 1) > 0, member


def deal_folds(
    y: NDArray[np.float64], n_folds: int, seed: int, groups: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Fold of each row, dealt so that each has its share of the bads; a group stays together.

    Groups without a bad are dealt first, then the others.

    Parameters
    ----------
    y : array of shape (n_rows,)
        1 = bad, 0 = good.
    n_folds : int
    seed : int
        Deals the groups.
    groups : int array of shape (n_rows,)
        Of :func:`group_numbers`; a row of −1 is a group of its own.

    Raises
    ------
    ValueError
        A fold would have no good or no bad.
    """
    has_bad, member = _has_bad(y, groups)
    fold = np.empty(len(has_bad), dtype=np.int64)
    generator = np.random.default_rng(seed)
    for side, name in ((False, "goods"), (True, "bads")):
        dealt = generator.permutation(np.flatnonzero(has_bad == side))
        if len(dealt) < n_folds:
            raise ValueError(f"too few {name} for {n_folds} folds: {len(dealt)}")
        fold[dealt] = np.arange(len(dealt)) % n_folds
    return fold[member]
