"""What will have to be set aside at each month-end ahead, if things go as expected.

Takes open loans, their moves and one climate; gives the expected stock of provisions by month.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit.arrears import DEFAULT, N_STATES
from riskkit.checks import Array
from riskkit.runoff.loan_classes import (
    LoanClasses,
    instalments_paid,
    loan_classes,
    rates_after_factor,
    value_of_recoveries,
)
from riskkit.runoff.moves import Moves, climate_array, month_ends, month_moves
from riskkit.runoff.open_loans import OpenLoans

__all__ = ["provisions_ahead"]

_YEAR = 12
# months in arrears of loans up to 30 days past due
_STAGE_1 = np.arange(N_STATES) <= 1
_STATES = np.arange(N_STATES)


def provisions_ahead(
    loans: OpenLoans,
    moves: Moves,
    *,
    climate: Array,
    day: pd.Timestamp | str,
    lgd_factor: float = 1.0,
) -> pd.DataFrame:
    """Expected stock of provisions today and at each month-end ahead, in one climate.

    Loans up to 30 days past due are provided for with the losses of twelve months, those beyond
    with those of their life, each discounted to the month-end at the loan's effective rate, mean
    over the loans that move alike, of whatever group; loans in default with what is still owed less
    the value of what is still to come, until nothing is: then they are written off. Loans yet to be
    lent count from the month-end at which they are.

    Today's stock is that of :func:`riskkit.provisions.loan_ecl` in one scenario, but for the stages
    that rest on a rise of the risk, or on a cure, and not on days past due.

    Parameters
    ----------
    loans : OpenLoans
        Followed for as long as any that is lent by month H can default.
    moves : Moves
        For as many months.
    climate : float array of shape (H,)
        As in :func:`riskkit.runoff.expected_cash`; after H it stays as it is then.
    day : Timestamp or str
        Today.
    lgd_factor : float
        Multiplies what every default loses, past and to come, up to the whole; of loans in default
        today, up to the whole of their group's.

    Returns
    -------
    DataFrame, index month (today and H month-ends)
        `stage_1_amount`, `stage_2_amount`, `stage_3_amount`, `provision_amount`: fen, floats.

    Raises
    ------
    ValueError
        Loans that are not followed for long enough, or as in :func:`expected_cash`.

    Source
    ------
    Backward recursion of a finite Markov chain; IFRS 9, 5.5.3, 5.5.5 and 5.5.11 for the horizons
    and the 30 days.
    """
    asked = climate_array(climate, loans.n_months, n_dims=1)
    n_months = len(asked)
    rates = rates_after_factor(loans, lgd_factor)
    values = np.stack([rates, rates * value_of_recoveries(loans)[:, None]])
    of_both = loan_classes(replace(loans, group=np.zeros_like(loans.group)), values)
    recovered, worth = of_both.recovered
    brings = replace(of_both, recovered=recovered)
    ends = brings.start + brings.left + N_STATES - 1 - brings.state
    counts = (brings.start <= n_months) & (brings.owed[:, 0] > 0)
    last = max(int(np.max(ends[counts], initial=0)), n_months)
    if last > loans.n_months:
        raise ValueError(
            f"loans must be followed until month {last}, in which the last can default, "
            f"got {loans.n_months}"
        )
    n_cells = int(np.max(loans.cell, initial=-1)) + 1
    ahead = np.append(asked, np.full(last - n_months, asked[-1]))
    by_month = [
        month_moves(moves, month, ahead[month - 1 : month], n_cells)[0][brings.cell]
        for month in range(1, last + 1)
    ]
    states, gone = _forward(brings, by_month[:n_months])
    year, life = _losses_ahead(brings, worth, by_month, n_months)
    stage_1 = (states * _STAGE_1 * year).sum(axis=(1, 2))
    stage_2 = (states * ~_STAGE_1 * life).sum(axis=(1, 2))
    stage_3 = _open_losses(brings, gone, loans.recovery_lags)
    stage_3 += _in_default_losses(loans, lgd_factor)[: n_months + 1]
    months = month_ends(day, n_months).insert(0, pd.Timestamp(day).normalize())
    return pd.DataFrame(
        {
            "stage_1_amount": stage_1,
            "stage_2_amount": stage_2,
            "stage_3_amount": stage_3,
            "provision_amount": stage_1 + stage_2 + stage_3,
        },
        index=months,
    )


def _owed(classes: LoanClasses, month: int) -> Array:
    """What each class owes in each state at a month-end; all that was lent before it is lent."""
    age = np.maximum(month - classes.start, 0)[:, None]
    paid = instalments_paid(age, classes.state[:, None], classes.left[:, None], _STATES)
    return classes.owed[np.arange(len(age))[:, None], paid]


def _forward(classes: LoanClasses, by_month: list[Array]) -> tuple[Array, Array]:
    """Probability of each state at each month-end, of loans lent by then; and of new defaults."""
    n, n_months = len(classes.cell), len(by_month)
    mass = np.zeros((n, N_STATES))
    mass[np.arange(n), classes.state] = 1
    states = np.zeros((n_months + 1, n, N_STATES))
    gone = np.zeros((n_months, n, N_STATES))
    states[0] = mass * (classes.start == 0)[:, None]
    for month, moves in enumerate(by_month, start=1):
        runs = (classes.start < month)[:, None]
        flows = (mass * runs)[:, :, None] * moves
        gone[month - 1] = flows[:, :, DEFAULT]
        mass = np.where(runs, flows[:, :, :N_STATES].sum(axis=1), mass)
        states[month] = mass * (classes.start <= month)[:, None]
    return states, gone


def _losses_ahead(
    classes: LoanClasses, worth: Array, by_month: list[Array], n_months: int
) -> tuple[Array, Array]:
    """Loss of a year and of life, at each month-end, of each class in each state."""
    # month-ends last, so that all of them are one product of matrices
    shape = len(classes.cell), N_STATES, n_months + 1
    year, life = np.zeros(shape), np.zeros(shape)
    discount = (1 / (1 + classes.rate))[:, None]
    rest = np.zeros(shape[:2])
    for month in range(len(by_month), 0, -1):
        moves = by_month[month - 1] * (classes.start < month)[:, None, None]
        loss = moves[:, :, DEFAULT] * (_owed(classes, month - 1) - worth[:, :, month - 1])
        stays = moves[:, :, :N_STATES]
        rest = discount * (loss + (stays @ rest[:, :, None])[:, :, 0])
        if month <= n_months + 1:
            life[:, :, month - 1] = rest
        of = slice(max(month - _YEAR, 0), min(month, n_months + 1))
        year[:, :, of] = discount[:, :, None] * (loss[:, :, None] + stays @ year[:, :, of])
    return np.moveaxis(year, 2, 0), np.moveaxis(life, 2, 0)


def _open_losses(classes: LoanClasses, gone: Array, lags: Array) -> Array:
    """Open loss at each month-end of the defaults since today, until they are written off."""
    n_months = len(gone)
    result = np.zeros(n_months + 1)
    n_lags = len(lags)
    later = np.arange(1, n_lags + 1)
    growth = (1 + classes.rate)[:, None]
    values = [
        lags[:since].sum() + (growth ** -(later[since:] - since)) @ lags[since:]
        for since in range(min(n_months, max(n_lags, 1)))
    ]
    for month in range(1, n_months + 1):
        owed = (gone[month - 1] * _owed(classes, month - 1)).sum(axis=1)
        brought = (gone[month - 1] * classes.recovered[:, :, month - 1]).sum(axis=1)
        for since, value in enumerate(values[: n_months - month + 1]):
            result[month + since] += (owed - brought * value).sum()
    return result


def _in_default_losses(loans: OpenLoans, lgd_factor: float) -> Array:
    """Open loss at each month-end of the loans in default today, over all groups."""
    losses: Array = loans.in_default_loss
    if lgd_factor != 1:
        today = losses[:, 0]
        owed = loans.in_default_owed
        most = np.divide(owed, today, out=np.ones(len(today)), where=today > 0)
        losses = losses * np.minimum(lgd_factor, most)[:, None]
    return losses.sum(axis=0)
