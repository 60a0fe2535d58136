"""The monthly panel of the booked loans: money and days from the sampled states.

Takes loans, their states and their schedules; gives one row per loan and month-end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.instalments import equal_instalments
from riskkit.synthetic.chain import LAST_STATE_MOB, MATURED, PREPAID
from riskkit.synthetic.draws import uniform
from riskkit.synthetic.features import texts
from riskkit.synthetic.lender import (
    CHARGE_OFF_ARREARS,
    LAST_MOB,
    LONGEST_TERM_MONTHS,
    RECOVERY_MONTHS,
    Lender,
)

__all__ = ["STATUSES", "Contracts", "performance"]

STATUSES = ("current", "delinquent", "prepaid", "matured", "charged_off")
FIRST_DUE_DAY, LAST_DUE_DAY = 4, 28  # days that every month has


@dataclass(frozen=True)
class Contracts:
    """Booked loans as the ledger sees them.

    Parameters
    ----------
    index : int array of shape (n,)
        Number of the application.
    loan_id : str array
    principal : int64 array
        Fen.
    term : int array
        Number of instalments.
    apr : float array
        Nominal yearly rate, a fraction.
    cohort : int array
        Month of disbursal, from the first month on.
    recovery : float array
        Probability that a charged-off loan recovers something in a month.
    """

    index: np.ndarray
    loan_id: pd.api.extensions.ExtensionArray
    principal: np.ndarray
    term: np.ndarray
    apr: np.ndarray
    cohort: np.ndarray
    recovery: np.ndarray


def performance(
    lender: Lender, contracts: Contracts, states: np.ndarray, seed: int
) -> pd.DataFrame:
    """Month-end panel of booked loans, in the data contract's columns.

    No late fees are charged; what is owed is paid oldest first and in whole instalments. After
    charge-off nothing falls due any more, and recoveries reduce the balance, which is else the
    principal of all unpaid instalments.

    Parameters
    ----------
    lender : Lender
    contracts : Contracts
    states : int8 array of shape (n_loans, LAST_STATE_MOB + 1)
        From :func:`riskkit.synthetic.chain.sample_states`.
    seed : int

    Returns
    -------
    DataFrame, one row per loan and month-end, sorted by loan and `mob`
        `loan_id`, `cohort`, `mob`, `month_end`, `due_amount` (falling due this month),
        `paid_amount`, `balance`, `dpd`, `status`, `recovered_amount`; money in int64 fen. Rows end
        with the loan, RECOVERY_MONTHS after a charge-off, or at the observation date. `dpd` is 0 on
        the due day itself: an instalment due on 28 February is not past due that month-end.
    """
    n = len(contracts.index)
    mobs = np.arange(LAST_MOB + 1, dtype=np.int64)
    state = states[:, np.minimum(mobs, LAST_STATE_MOB)]
    charged_off = state == CHARGE_OFF_ARREARS
    ended = (state == PREPAID) | (state == MATURED)
    charge_off_mob = np.where(charged_off.any(axis=1), charged_off.argmax(axis=1), LAST_MOB)
    last_row = np.where(ended.any(axis=1), ended.argmax(axis=1), charge_off_mob + RECOVERY_MONTHS)
    last_row = np.minimum(last_row, lender.n_months - 1 - contracts.cohort)
    loan, mob = np.nonzero(mobs <= last_row[:, None])

    term = contracts.term.astype(np.int64)[:, None]
    # all unpaid instalments are the latest due; a charge-off freezes their number
    paid = np.minimum(mobs, charge_off_mob[:, None]) - np.maximum(state, 0)
    paid = np.where(ended, term, np.minimum(paid, term))
    due, balance = equal_instalments(
        contracts.principal, contracts.apr / 12, contracts.term, max_months=LONGEST_TERM_MONTHS
    )
    due_so_far = np.cumsum(due, axis=1)

    recovered = _recoveries(
        contracts, balance[np.arange(n), paid[:, -1]], charge_off_mob, last_row, seed
    )
    recovered_so_far = np.cumsum(recovered, axis=1)

    before = np.maximum(mob - 1, 0)
    paid_now, paid_before = paid[loan, mob], paid[loan, before]
    now = state[loan, mob]
    gone = now == CHARGE_OFF_ARREARS
    falls_due = (mob <= term[loan, 0]) & (mob <= charge_off_mob[loan])
    due_now = np.where(falls_due, due[loan, np.minimum(mob, LONGEST_TERM_MONTHS)], 0)
    # whoever pays off early pays this month's instalment and the principal left after it
    settled = due_now + balance[loan, np.minimum(mob, LONGEST_TERM_MONTHS)]
    prepaid = now == PREPAID
    paid_amount = np.where(
        prepaid, settled, due_so_far[loan, paid_now] - due_so_far[loan, paid_before]
    )

    calendar = lender.first_month + np.arange(-1, lender.n_months + 1).astype("timedelta64[M]")
    first_days = calendar.astype("datetime64[D]")
    calendar_month = contracts.cohort[loan] + mob + 1
    month_end = first_days[calendar_month + 1] - np.timedelta64(1, "D")
    due_day = FIRST_DUE_DAY + np.floor(
        uniform(seed, contracts.index, "due_day") * (LAST_DUE_DAY - FIRST_DUE_DAY + 1)
    ).astype(np.int64)
    oldest_month = np.minimum(contracts.cohort[loan] + paid_now + 2, calendar_month)
    oldest_due = first_days[oldest_month] + (due_day[loan] - 1)
    dpd = np.where(now > 0, (month_end - oldest_due).astype(np.int64), 0)
    status = np.select((gone, prepaid, now == MATURED, dpd > 0), (4, 2, 3, 1), default=0).astype(
        np.int8
    )
    return pd.DataFrame(
        {
            "loan_id": contracts.loan_id.take(loan),
            "cohort": first_days[contracts.cohort[loan] + 1].astype("datetime64[s]"),
            "mob": mob.astype(np.int64),
            "month_end": month_end.astype("datetime64[s]"),
            "due_amount": due_now,
            "paid_amount": paid_amount,
            "balance": balance[loan, paid_now] - recovered_so_far[loan, mob],
            "dpd": dpd,
            "status": texts(STATUSES, status),
            "recovered_amount": recovered[loan, mob],
        }
    )


def _recoveries(
    contracts: Contracts,
    balance: np.ndarray,
    charge_off_mob: np.ndarray,
    last_row: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Amounts recovered by loan and month: waits are geometric, each takes part of the rest."""
    recovered = np.zeros((len(contracts.index), LAST_MOB + 1), dtype=np.int64)
    rest = balance.copy()
    for after in range(1, RECOVERY_MONTHS + 1):
        rows = np.flatnonzero(charge_off_mob + after <= last_row)
        index, mob = contracts.index[rows], charge_off_mob[rows] + after
        happens = uniform(seed, index, "recovery", after) < contracts.recovery[rows]
        share = 0.05 + 0.55 * uniform(seed, index, "recovery.share", after)
        amount = np.where(happens, np.rint(rest[rows] * share).astype(np.int64), 0)
        recovered[rows, mob] = amount
        rest[rows] -= amount
    return recovered
