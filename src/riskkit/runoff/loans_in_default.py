"""Loans in default today: what each is expected to bring, and which past workouts it may repeat.

Takes nothing but what it holds; gives a checked, frozen :class:`LoansInDefault`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from riskkit.checks import Array

__all__ = ["LoansInDefault"]


@dataclass(frozen=True, kw_only=True)
class LoansInDefault:
    """Loans that were in default before and may still bring something, one entry a loan.

    Parameters
    ----------
    group : int array of shape (m,)
        Position in the groups of :class:`riskkit.runoff.OpenLoans`.
    owed : float array of shape (m,)
        Fen owed today.
    cash : float array of shape (m, H)
        Fen expected month by month.
    pool : int array of shape (m,)
        Position in `pools`: whose past the loan may repeat; −1 where none is known.
    pools : sequence of float arrays of shape (n_workouts, K)
        Cash by month, of loans that were where these are, in any unit; NaN where not watched.

    Raises
    ------
    ValueError
        Lengths that differ, or a pool that is not there or is empty.
    """

    group: Array
    owed: Array
    cash: Array
    pool: Array
    pools: Sequence[Array]

    def __post_init__(self) -> None:
        m = len(self.cash)
        for name in ("group", "owed", "pool"):
            if len(getattr(self, name)) != m:
                raise ValueError(f"{name} must have {m} entries, got {len(getattr(self, name))}")
        if m and not ((self.pool >= -1) & (self.pool < len(self.pools))).all():
            raise ValueError(f"pool must be -1 or a position in {len(self.pools)} pools")
        if not all(len(pool) for pool in self.pools):
            raise ValueError("pools must hold a workout each")

    def sums(self, n_groups: int) -> Array:
        """Fen expected by group and month."""
        result = np.zeros((n_groups, self.cash.shape[1]))
        np.add.at(result, self.group, self.cash)
        return result

    def moved(self, to: Array) -> LoansInDefault:
        """The same loans in groups that are elsewhere: `to`, by what they were."""
        return replace(self, group=to[self.group])

    def and_those(self, other: LoansInDefault) -> LoansInDefault:
        """These and the loans of another, which has the same groups."""
        later = np.where(other.pool >= 0, other.pool + len(self.pools), -1)
        both = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("group", "owed", "cash")
        }
        return LoansInDefault(
            pool=np.append(self.pool, later), pools=[*self.pools, *other.pools], **both
        )
