"""What loans bring after a default in one course of things: past workouts, drawn anew.

Takes what defaults bring on average and past workouts; gives cash by month that scatters as theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from riskkit.checks import Array
from riskkit.runoff.loans_in_default import LoansInDefault

__all__ = ["GoneLuck", "all_or_nothing", "default_cash", "scattered", "workout_pattern"]


def scattered(workouts: Array) -> Array:
    """Cash of past workouts by month, beside the mean of the month; that mean is 1.

    Also 1 where a workout was not watched, and in months that brought nothing to any: what is not
    known to scatter comes as its mean.

    Parameters
    ----------
    workouts : float array of shape (n_workouts, n_months)
        NaN where not watched.

    Examples
    --------
    >>> scattered(np.array([[0.4, np.nan], [0.0, 0.0]])).tolist()
    [[2.0, 1.0], [0.0, 1.0]]
    """
    known = ~np.isnan(workouts)
    total = np.where(known, workouts, 0).sum(axis=0)
    mean = total / np.maximum(known.sum(axis=0), 1)
    return np.divide(workouts, mean, out=np.ones(workouts.shape), where=known & (mean > 0))


def workout_pattern(workouts: Array, lags: Array) -> Array:
    """Parts of what defaults bring on average, by past workout and month after.

    Parameters
    ----------
    workouts : float array of shape (W, n_months)
    lags : float array of shape (K,)
        The mean of the parts.

    Returns
    -------
    float array of shape (W, K)
    """
    pattern = np.tile(lags, (len(workouts), 1))
    n_months = min(pattern.shape[1], workouts.shape[1])
    pattern[:, :n_months] *= scattered(workouts)[:, :n_months]
    return pattern


def all_or_nothing(means: Array, owed: Array, draw: Array) -> Array:
    """Cash that is all that is owed, in one month, or nothing: with the given means by month.

    No cash of that mean and at most what is owed scatters more.

    Parameters
    ----------
    means : float array of shape (n, n_months)
    owed : float array of shape (n,)
        What is paid, if it is; the sum of the means where that is more.
    draw : float array of shape (n,)
        Uniform in [0, 1).

    Returns
    -------
    float array of shape (n, n_months)

    Examples
    --------
    >>> means, owed = np.array([[10.0, 20.0]] * 3), np.full(3, 100.0)
    >>> all_or_nothing(means, owed, np.array([0.05, 0.25, 0.31])).tolist()
    [[100.0, 0.0], [0.0, 100.0], [0.0, 0.0]]
    """
    result = np.zeros(means.shape)
    if means.size:
        up_to = np.cumsum(means, axis=1)
        all_of = np.maximum(owed, up_to[:, -1])
        month = ((draw * all_of)[:, None] >= up_to).sum(axis=1)
        comes = np.flatnonzero(month < means.shape[1])
        result[comes, month[comes]] = all_of[comes]
    return result


def default_cash(
    generator: np.random.Generator, brought: Array, owed: Array, lags: Array, pattern: Array
) -> Array:
    """Cash of the months after the default of some loans, each by its own luck.

    Parameters
    ----------
    generator : Generator
    brought, owed : float arrays of shape (n,)
        What they bring on average in all, and owe at the default.
    lags : float array of shape (K,)
        Which part of it comes one, two, ... months after.
    pattern : float array of shape (W, K)
        Of :func:`workout_pattern`; all or nothing is paid where it is of none.

    Returns
    -------
    float array of shape (n, K)
    """
    if not len(pattern):
        return all_or_nothing(brought[:, None] * lags, owed, generator.random(len(brought)))
    row = generator.integers(len(pattern), size=len(brought))
    return pattern.take(row, axis=0) * brought[:, None]


@dataclass(frozen=True, eq=False)
class GoneLuck:
    """What loans in default today bring on some paths.

    Parameters
    ----------
    gone : LoansInDefault
        Of which `cash` is the mean wanted.
    scatter : sequence of float arrays of shape (K, n_workouts)
        Of each of its pools: :func:`scattered`, a row for each month.
    """

    gone: LoansInDefault
    scatter: Sequence[Array]

    @classmethod
    def of(cls, gone: LoansInDefault) -> GoneLuck:
        """With the pools' scatter worked out once for all paths."""
        return cls(gone, [np.ascontiguousarray(scattered(pool).T) for pool in gone.pools])

    def drawn(self, generator: np.random.Generator, n_groups: int, n_paths: int) -> Array:
        """Fen of shape (n_groups, n_paths, H): each loan repeats a workout of its pool."""
        gone = self.gone
        n_months = gone.cash.shape[1]
        result = np.zeros((n_groups, n_paths, n_months))
        for pool, scatter in enumerate(self.scatter):
            rows = np.flatnonzero(gone.pool == pool)
            cash = np.zeros((n_groups, len(rows), n_months))
            cash[gone.group[rows], np.arange(len(rows))] = gone.cash[rows]
            draw = generator.integers(scatter.shape[1], size=(len(rows), n_paths))
            for month in range(n_months):
                if month < len(scatter):
                    result[:, :, month] += cash[:, :, month] @ scatter[month].take(draw)
                else:
                    result[:, :, month] += cash[:, :, month].sum(axis=1)[:, None]
        rows = np.repeat(np.flatnonzero(gone.pool < 0), n_paths)
        uniform = generator.random(len(rows))
        paid = all_or_nothing(gone.cash[rows], gone.owed[rows], uniform)
        place = gone.group[rows] * n_paths + np.arange(len(rows)) % n_paths
        np.add.at(result.reshape(-1, n_months), place, paid)
        return result
