"""Loans that still have to pay, as arrays: what falls due, what is then owed, how they move.

Takes nothing but what it holds; gives a checked, frozen :class:`OpenLoans`, and two of them as one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np
import pandas as pd

from riskkit.arrears import N_STATES
from riskkit.checks import Array
from riskkit.runoff.loans_in_default import LoansInDefault

__all__ = ["OpenLoans", "joined"]


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
    effective_rate : float array of shape (n,), optional
        A month, a fraction: what losses ahead are discounted at; 0 unless given.
    in_default_owed : float array of shape (n_groups,), optional
        Fen owed today by the loans in default; 0 unless given.
    in_default_loss : float array of shape (n_groups, H + 1), optional
        Open loss of those not yet written off at each month-end, fen (column 0: today): what is
        still owed less the value then of what is still to come; 0 unless given.
    workouts : float array of shape (W, K), optional
        Of past defaults, one in each row, the cash of one, two, ... months after as a share of what
        was owed then; NaN where not watched. Only how it scatters is read: by month, the mean is
        that of `recovered_rate` and `recovery_lags`. None are known unless given.
    gone : LoansInDefault, optional
        The loans that `in_default` sums up, if each is to have its own luck.

    Raises
    ------
    ValueError
        Lengths or shapes that differ, a start that is not in order, a code out of range, a
        schedule that does not end at 0, negative workouts, or loans in default that do not add up.
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
    effective_rate: Array = field(default_factory=lambda: np.zeros(0))
    in_default_owed: Array = field(default_factory=lambda: np.zeros(0))
    in_default_loss: Array = field(default_factory=lambda: np.zeros((0, 0)))
    workouts: Array = field(default_factory=lambda: np.zeros((0, 0)))
    gone: LoansInDefault | None = None

    def __post_init__(self) -> None:
        n, n_groups = len(self.ids), len(self.groups)
        for name, shape in (
            ("effective_rate", (n,)),
            ("in_default_owed", (n_groups,)),
            ("in_default_loss", (n_groups, self.n_months + 1)),
        ):
            if not getattr(self, name).size:
                object.__setattr__(self, name, np.zeros(shape))
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must be of shape {shape}")
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
        if self.workouts.ndim != 2 or (self.workouts < 0).any():
            raise ValueError("workouts must be shares >= 0 of shape (n_workouts, n_months)")
        if self.gone is not None:
            sums = self.gone.sums(len(self.groups))
            if sums.shape != shape or not np.allclose(sums, self.in_default, atol=1):
                raise ValueError("gone must bring what in_default says, group by group")

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
        names = np.asarray(self.ids.map(labels), dtype=object)
        names = np.where(pd.isna(names), "", names.astype(str))
        group, groups = pd.factorize(np.append(names, "").astype(object), sort=True)
        index = pd.Index(groups, dtype="str")
        at = index.get_indexer([""])
        return replace(
            self,
            group=group[:-1],
            groups=index,
            in_default=_placed(self.in_default.sum(axis=0)[None], at, len(index)),
            in_default_owed=_placed(self.in_default_owed.sum()[None], at, len(index)),
            in_default_loss=_placed(self.in_default_loss.sum(axis=0)[None], at, len(index)),
            gone=self.gone and self.gone.moved(np.full(len(self.groups), at[0])),
        )

    def times(self, factor: Array | float, in_default: float = 1.0) -> OpenLoans:
        """The same loans with all money multiplied, to the nearest fen.

        Parameters
        ----------
        factor : float, or float array of shape (n,)
            Of each loan that still has to pay.
        in_default : float
            Of all loans in default today.
        """
        by = np.broadcast_to(np.asarray(factor, dtype=float), self.start.shape)
        return replace(
            self,
            due=np.rint(self.due * by[:, None]).astype(np.int64),
            owed=np.rint(self.owed * by[:, None]).astype(np.int64),
            fee=np.rint(self.fee * by).astype(np.int64),
            in_default=self.in_default * in_default,
            in_default_owed=self.in_default_owed * in_default,
            in_default_loss=self.in_default_loss * in_default,
            gone=self.gone
            and replace(
                self.gone, owed=self.gone.owed * in_default, cash=self.gone.cash * in_default
            ),
        )

    @property
    def last_month(self) -> int:
        """The last month ahead in which one of them can still be first in default; 0 of none."""
        ends = self.start + self.left + N_STATES - 1 - self.state
        return int(np.max(ends[self.owed[:, 0] > 0], initial=0))


def joined(
    one: tuple[OpenLoans, pd.DataFrame], other: tuple[OpenLoans, pd.DataFrame]
) -> tuple[OpenLoans, pd.DataFrame]:
    """Two sets of open loans with their cells as one, such as those of today and those planned.

    Parameters
    ----------
    one, other : (OpenLoans, DataFrame)
        Of :func:`riskkit.runoff.open_loans` and :func:`riskkit.runoff.planned_loans`, for equally
        many months. Groups of one name are one; of two patterns of recoveries the mean is taken,
        by what is lent or owed. Past workouts are those of the first that knows some; loans in
        default have no luck of their own where of one of the two only their sum is known.

    Returns
    -------
    (OpenLoans, DataFrame)

    Raises
    ------
    ValueError
        They are followed for unequal numbers of months.
    """
    (a, cells), (b, more) = one, other
    if a.n_months != b.n_months:
        raise ValueError(f"n_months must be equal, got {a.n_months} and {b.n_months}")
    groups = a.groups.union(b.groups)
    of_a, of_b = groups.get_indexer(a.groups), groups.get_indexer(b.groups)
    width = max(a.due.shape[1], b.due.shape[1])
    order = np.argsort(np.append(a.start, b.start), kind="stable")

    def both(name: str) -> Array:
        return np.concatenate([getattr(a, name), getattr(b, name)])[order]

    def wide(name: str) -> Array:
        values = [getattr(loans, name) for loans in (a, b)]
        padded = [np.pad(v, ((0, 0), (0, width - v.shape[1])), mode="edge") for v in values]
        return np.concatenate(padded)[order]

    def by_group(name: str) -> Array:
        return _placed(getattr(a, name), of_a, len(groups)) + _placed(
            getattr(b, name), of_b, len(groups)
        )

    gone = [loans.gone.moved(to) for loans, to in ((a, of_a), (b, of_b)) if loans.gone is not None]
    only_sums = any(loans.gone is None and loans.in_default.any() for loans in (a, b))
    loans = OpenLoans(
        ids=a.ids.append(b.ids).take(order),
        group=np.append(of_a[a.group], of_b[b.group])[order],
        groups=groups,
        cell=np.append(a.cell, b.cell + len(cells))[order],
        due=wide("due"),
        owed=wide("owed"),
        recovery_lags=_mean_lags(a, b),
        **{name: both(name) for name in ("start", "state", "left", "fee", "recovered_rate")},
        **{name: by_group(name) for name in ("in_default", "in_default_owed", "in_default_loss")},
        effective_rate=both("effective_rate"),
        workouts=a.workouts if len(a.workouts) else b.workouts,
        gone=reduce(LoansInDefault.and_those, gone) if gone and not only_sums else None,
    )
    return loans, pd.concat([cells, more], ignore_index=True)


def _placed(values: Array, at: Array, n_groups: int) -> Array:
    result = np.zeros((n_groups, *values.shape[1:]))
    np.add.at(result, at, values)
    return result


def _mean_lags(a: OpenLoans, b: OpenLoans) -> Array:
    length = max(len(a.recovery_lags), len(b.recovery_lags))
    result, total = np.zeros(length), 0.0
    for loans in (a, b):
        lags = loans.recovery_lags
        weight = float(loans.owed[:, 0].sum() + loans.in_default_owed.sum()) * bool(len(lags))
        result[: len(lags)] += weight * lags
        total += weight
    if total == 0:  # nothing is owed: either pattern, neither is ever used
        return a.recovery_lags if len(a.recovery_lags) else b.recovery_lags
    return result / total
