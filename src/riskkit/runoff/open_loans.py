"""Loans that still have to pay, as arrays: what falls due, what is then owed, how they move.

Takes nothing but what it holds; gives a checked, frozen :class:`OpenLoans`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from riskkit.checks import Array

__all__ = ["OpenLoans"]


@dataclass(frozen=True, kw_only=True)
class OpenLoans:
    """Loans that run today or are yet to be lent, one entry a loan, in order of their start.

    A loan that has moved from `state` today to another so many months ahead has paid
    ahead + state today − state then further instalments, of those left.

    Parameters
    ----------
    ids : Index of shape (n,)
        loan_id; of loans yet to be lent the id of the loan they are modelled on.
    group : int array of shape (n,)
        Position in `groups`: what cash is told apart by.
    groups : Index of str
    start : int array of shape (n,), ascending
        Months ahead in which the loan is lent, at the end of that month; 0 where it runs today.
    state : int8 array of shape (n,)
        Months in arrears today, 0 to 3; 0 of those yet to be lent.
    cell : int array of shape (n,)
        Row of the moves: loans of one cell move alike.
    left : int array of shape (n,)
        Instalments still to be paid.
    due : int64 array of shape (n, longest + 1)
        Fen due in the next k instalments together; column 0 is 0, level after the last.
    owed : int64 array of the same shape
        Principal owed once the next k are paid; 0 after the last.
    fee : int64 array of shape (n,)
        Withheld when it is lent, fen; 0 where it runs today.
    recovered_rate : float array of shape (n, H)
        Of a loan that is first in default so many months ahead (column 0: one), the share of what
        it then owes that still comes in, undiscounted.
    recovery_lags : float array of shape (K,)
        Which part of that comes one, two, ... months after the default; sums to 1, or is empty.
    in_default : float array of shape (n_groups, H)
        Fen expected month by month of loans that are in default today and are none of the above.

    Raises
    ------
    ValueError
        Lengths that differ, a start that is not in order, a code out of range, or a schedule that
        does not end at 0.
    """

    ids: pd.Index
    group: Array
    groups: pd.Index
    start: Array
    state: Array
    cell: Array
    left: Array
    due: Array
    owed: Array
    fee: Array
    recovered_rate: Array
    recovery_lags: Array
    in_default: Array

    def __post_init__(self) -> None:
        n = len(self.ids)
        for name in ("group", "start", "state", "cell", "left", "due", "owed", "fee"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{name} must have {n} entries, got {len(getattr(self, name))}")
        if self.due.shape != self.owed.shape:
            raise ValueError(
                f"due and owed must be alike, got {self.due.shape} and {self.owed.shape}"
            )
        if n and (np.diff(self.start) < 0).any():
            raise ValueError("start must be in ascending order")
        if n and not ((self.group >= 0) & (self.group < len(self.groups))).all():
            raise ValueError(f"group must be a position in {len(self.groups)} groups")
        ended = self.owed[np.arange(n), np.minimum(self.left, self.owed.shape[1] - 1)]
        if n and (ended != 0).any():
            raise ValueError("owed must be 0 once all instalments left are paid")
        shape = (len(self.groups), self.recovered_rate.shape[1])
        if self.in_default.shape != shape:
            raise ValueError(f"in_default must be of shape {shape}, got {self.in_default.shape}")

    @property
    def n_months(self) -> int:
        """Months ahead that they can be followed for."""
        return int(self.recovered_rate.shape[1])

    def grouped(self, labels: pd.Series | Mapping[str, str]) -> OpenLoans:
        """The same loans told apart by other groups.

        Parameters
        ----------
        labels : Series or mapping of loan_id to group
            Loans that are not there, and all cash of loans in default today, are of group "".
        """
        names = self.ids.map(labels).fillna("").astype("str")
        group, groups = pd.factorize(np.append(names.to_numpy(object), ""), sort=True)
        index = pd.Index(groups)
        rest = np.zeros((len(index), self.n_months))
        rest[index.get_loc("")] = self.in_default.sum(axis=0)
        return replace(self, group=group[:-1], groups=index, in_default=rest)
