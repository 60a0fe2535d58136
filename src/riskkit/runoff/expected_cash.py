"""What loans bring on average, month by month: an exact recursion, nothing sampled.

Takes open loans, their moves and one climate; gives :class:`riskkit.runoff.FutureCash`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.arrears import DEFAULT, N_STATES
from riskkit.checks import Array
from riskkit.runoff.future_cash import AMOUNTS, FutureCash
from riskkit.runoff.loan_classes import (
    LoanClasses,
    instalments_paid,
    loan_classes,
    rates_after_factor,
)
from riskkit.runoff.moves import Moves, climate_array, month_ends, month_moves
from riskkit.runoff.open_loans import OpenLoans

__all__ = ["expected_cash", "in_default_cash", "recovered_by_month"]

_STATES = np.arange(N_STATES)


def expected_cash(
    loans: OpenLoans,
    moves: Moves,
    *,
    climate: Array,
    day: pd.Timestamp | str,
    lgd_factor: float = 1.0,
) -> FutureCash:
    """Mean cash of the months ahead in one climate.

    Forward recursion on the probability of each state, by class of loans that move alike: from one
    month-end to the next a loan in state s pays the instalments that lead it to the state it moves
    to, all that is due and the rest of its principal where it ends, and nothing where it defaults.
    What a default brings follows month by month.

    Parameters
    ----------
    loans : OpenLoans
    moves : Moves
        Such as :class:`riskkit.arrears.ChainMoves` of the loans' cells.
    climate : float array of shape (H,)
        Log-odds of a missed payment added to the usual one; as many months as cash is asked for.
    day : Timestamp or str
        Today.
    lgd_factor : float
        Multiplies what every default loses, past and to come, up to the whole; of loans in default
        today, up to the whole of their group's.

    Returns
    -------
    FutureCash
        Of one path, amounts in floats. No loans give no cash.

    Raises
    ------
    ValueError
        A climate that is longer than the loans are followed for, moves of another shape, or a
        negative factor.

    Source
    ------
    Forward (Chapman–Kolmogorov) recursion of a finite Markov chain; riskkit definition.
    """
    asked = climate_array(climate, loans.n_months, n_dims=1)
    n_months, n_groups = len(asked), len(loans.groups)
    classes = loan_classes(loans, rates_after_factor(loans, lgd_factor)[:, :n_months])
    n_cells = int(np.max(loans.cell, initial=-1)) + 1
    amounts = {name: np.zeros((n_groups, n_months)) for name in AMOUNTS}
    brought = np.zeros((n_groups, n_months))
    mass = np.zeros((len(classes.cell), N_STATES))
    mass[np.arange(len(mass)), classes.state] = 1
    for month in range(1, n_months + 1):
        now = month_moves(moves, month, asked[month - 1 : month], n_cells)[0]
        by_class, came, mass = _month(classes, now, mass, month)
        for name, values in by_class.items():
            amounts[name][:, month - 1] = np.bincount(classes.group, values, n_groups)
        brought[:, month - 1] = np.bincount(classes.group, came, n_groups)
    amounts["loss_amount"] = amounts["default_amount"] - brought
    amounts["recovered_amount"] = recovered_by_month(brought, loans.recovery_lags)
    amounts["recovered_amount"] += in_default_cash(loans, lgd_factor)[:, :n_months]
    today = np.where(classes.start == 0, classes.owed[:, 0], 0)
    return FutureCash(
        months=month_ends(day, n_months),
        groups=loans.groups,
        opening=np.bincount(classes.group, today, n_groups),
        amounts={name: values[None] for name, values in amounts.items()},
    )


def _month(
    classes: LoanClasses, moves: Array, mass: Array, month: int
) -> tuple[dict[str, Array], Array, Array]:
    """Amounts of each class in a month, what its new defaults will bring, and its states then."""
    lent_now = classes.start == month
    runs = (classes.start < month)[:, None]
    flows = (mass * runs)[:, :, None] * moves[classes.cell]
    age = month - classes.start[:, None]
    today, left = classes.state[:, None], classes.left[:, None]
    each = np.arange(len(mass))[:, None]
    before = instalments_paid(age - 1, today, left, _STATES)
    # of a loan that ends, all that is due by now is paid first: as of one without arrears
    after = instalments_paid(age, today, left, _STATES)
    due_0, owed_0 = classes.due[each, before], classes.owed[each, before]
    due_1, owed_1 = classes.due[each, after], classes.owed[each, after]
    stays, fails, ends = flows[:, :, :N_STATES], flows[:, :, DEFAULT], flows[:, :, DEFAULT + 1]
    pays, stay, end = stays.sum(axis=2) + ends, stays.sum(axis=1), ends.sum(axis=1)
    paid = _summed(stay, due_1) + end * due_1[:, 0] - _summed(pays, due_0)
    prepaid, owed = end * owed_1[:, 0], _summed(stay, owed_1)
    principal = _summed(pays, owed_0) - owed - prepaid
    arrived = np.where(runs, stay, mass)
    lent = np.where(lent_now, classes.owed[:, 0], 0)
    amounts = {
        "lent_amount": lent,
        "fee_amount": np.where(lent_now, classes.fee, 0),
        "interest_amount": paid - principal,
        "principal_amount": principal,
        "prepaid_amount": prepaid,
        "default_amount": _summed(fails, owed_0),
        "balance": owed + lent,
    }
    return amounts, _summed(fails, classes.recovered[:, :, month - 1]), arrived


def _summed(mass: Array, amounts: Array) -> Array:
    """Mean amount of each class over its states."""
    return np.einsum("cs,cs->c", mass, amounts)


def recovered_by_month(brought: Array, lags: Array) -> Array:
    """Cash of each month from what the defaults of each month bring in all.

    Parameters
    ----------
    brought : float array of shape (..., n_months)
    lags : float array of shape (K,)
        Share that comes one, two, ... months after.

    Returns
    -------
    float array of the same shape
        What comes after the last month is not in it.
    """
    n_months = brought.shape[-1]
    spread = np.zeros((n_months, n_months))
    for lag, share in enumerate(lags[: n_months - 1], start=1):
        spread += share * np.eye(n_months, k=lag)
    return brought @ spread


def in_default_cash(loans: OpenLoans, lgd_factor: float) -> Array:
    """Cash of loans in default today by group and month, where so many times as much is lost."""
    if lgd_factor == 1:
        return loans.in_default
    owed, loss = loans.in_default_owed, loans.in_default_loss[:, 0]
    lost = np.divide(loss, owed, out=np.ones(len(owed)), where=owed > 0)
    comes = 1 - np.minimum(lgd_factor * lost, 1)
    scale = np.divide(comes, 1 - lost, out=np.zeros(len(owed)), where=lost < 1)
    return loans.in_default * scale[:, None]
