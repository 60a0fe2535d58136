"""Loans that move alike and have as long to go, taken together: what means are worked out from.

Takes :class:`riskkit.runoff.OpenLoans`; gives sums by class, so that a mean costs as much for a
large book as for a small one of as many classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskkit.arrears import N_STATES
from riskkit.checks import Array
from riskkit.runoff.loans_of_book import value_of_lags
from riskkit.runoff.open_loans import OpenLoans

__all__ = [
    "LoanClasses",
    "instalments_paid",
    "loan_classes",
    "rates_after_factor",
    "value_of_recoveries",
]


@dataclass(frozen=True, eq=False)
class LoanClasses:
    """Sums over loans of one cell, state, start, group and number of instalments left.

    Parameters
    ----------
    cell, state, start, group, left : int arrays of shape (n_classes,)
    due, owed : float arrays of shape (n_classes, longest + 1)
        Sums of those of the loans.
    fee : float array of shape (n_classes,)
    recovered : float array of shape (..., n_classes, N_STATES, H)
        Σ owed × rate of a default in each month ahead from each state.
    rate : float array of shape (n_classes,)
        Effective rate a month, mean by what is owed.
    """

    cell: Array
    state: Array
    start: Array
    group: Array
    left: Array
    due: Array
    owed: Array
    fee: Array
    recovered: Array
    rate: Array


def instalments_paid(
    age: Array | int, state_today: Array, left: Array, states: Array | int
) -> Array:
    """Instalments paid since today by loans in a state after so many months: of those left.

    clip(age + state today − state, 0, left).
    """
    return np.clip(age + state_today - states, 0, left)


def loan_classes(loans: OpenLoans, rates: Array) -> LoanClasses:
    """Open loans by class; see :class:`LoanClasses`.

    Parameters
    ----------
    loans : OpenLoans
    rates : float array of shape (..., n_loans, H)
        Share of what is owed that a default in each month ahead brings, or several such shares.
    """
    parts = {
        "cell": loans.cell,
        "state": loans.state.astype(np.int64),
        "start": loans.start,
        "group": loans.group,
        "left": loans.left,
    }
    key = np.zeros(len(loans.ids), dtype=np.int64)
    for part in parts.values():
        key = key * (int(np.max(part, initial=0)) + 1) + part
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    n = len(first)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(n))

    def sums(values: Array) -> Array:
        if not n:
            return values.astype(float)
        return np.add.reduceat(values[order].astype(float), starts, axis=0)

    of_class = {name: part[first] for name, part in parts.items()}
    owed = sums(loans.owed)
    weighted = sums(loans.owed[:, 0] * loans.effective_rate)
    return LoanClasses(
        **of_class,
        due=sums(loans.due),
        owed=owed,
        fee=sums(loans.fee),
        recovered=_recovered(loans, rates, of_class, order, starts),
        rate=weighted / np.where(owed[:, 0] > 0, owed[:, 0], 1),
    )


def _recovered(
    loans: OpenLoans, rates: Array, of_class: dict[str, Array], order: Array, starts: Array
) -> Array:
    """Σ owed × rate by class, state and month, of loans in an order by class."""
    n, (n_loans, n_months) = len(starts), rates.shape[-2:]
    recovered = np.zeros((*rates.shape[:-2], n, N_STATES, n_months))
    if not n:
        return recovered
    owed, by_month = loans.owed[order], np.moveaxis(rates[..., order, :], -1, 0).copy()
    width = owed.shape[1]
    each = (np.arange(n_loans) * width)[:, None]
    place = np.repeat(np.arange(n), np.diff(starts, append=n_loans))
    start, today, left = (of_class[name][:, None] for name in ("start", "state", "left"))
    for month in range(n_months):
        # as many are paid in all loans of a class
        paid = instalments_paid(month - start, today, left, np.arange(N_STATES))[place]
        brought = owed.take(each + paid) * by_month[month][..., None]
        recovered[..., month] = np.add.reduceat(brought, starts, axis=-2)
    return recovered


def rates_after_factor(loans: OpenLoans, lgd_factor: float) -> Array:
    """Recovered rates of the loans where so many times as much is lost, up to the whole.

    The factor multiplies the loss at its value at the default, as that of
    :class:`riskkit.provisions.Outlook` does.

    Raises
    ------
    ValueError
        A negative factor.
    """
    if not lgd_factor >= 0:
        raise ValueError(f"lgd_factor must be >= 0, got {lgd_factor!r}")
    # where nothing ever came in, nobody knows what would come in if less were lost
    if lgd_factor == 1 or not len(loans.recovery_lags):
        return loans.recovered_rate
    worth = value_of_recoveries(loans)[:, None]
    loss = np.minimum(lgd_factor * (1 - loans.recovered_rate * worth), 1)
    return np.minimum((1 - loss) / worth, 1)


def value_of_recoveries(loans: OpenLoans) -> Array:
    """Value at a default of each fen that it brings, at each loan's effective rate."""
    return value_of_lags(loans.recovery_lags, loans.effective_rate)
