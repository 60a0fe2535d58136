"""The books of the booked loans: money and days from the sampled states.

Takes loans, their states and their contracts; gives one row per loan and month-end, and one per
loan and instalment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from riskkit.instalments import schedules
from riskkit.schema import CONTRACT
from riskkit.synthetic.chain import MATURED, PREPAID
from riskkit.synthetic.collection_log import log_columns
from riskkit.synthetic.draws import uniform
from riskkit.synthetic.lender import (
    CHARGE_OFF_ARREARS,
    LEAST_RECOVERED,
    RECOVERED_SPREAD,
    RECOVERY_MONTHS,
    Lender,
)
from riskkit.synthetic.marginals import texts
from riskkit.synthetic.relief import TREATMENTS, Relief

__all__ = ["Contracts", "Ledger", "instalment_rows", "keep_books", "performance_rows"]

STATUSES = CONTRACT["performance"]["status"].one_of
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
    method : str array
        Of :data:`riskkit.instalments.METHODS`.
    monthly_rate : float array
        Contract rate, a fraction.
    cohort : int array
        Month of disbursal, from the first month on.
    log_odds : float array
        Risk, which also makes instalments late within their month.
    recovery : float array
        Probability that a charged-off loan recovers something in a month.
    """

    index: np.ndarray
    loan_id: Any
    principal: np.ndarray
    term: np.ndarray
    method: np.ndarray
    monthly_rate: np.ndarray
    cohort: np.ndarray
    log_odds: np.ndarray
    recovery: np.ndarray


@dataclass(frozen=True)
class Ledger:
    """What is due and paid, by loan.

    Parameters
    ----------
    contracts : Contracts
    relief : Relief
    state : int8 array of shape (n_loans, lender.last_mob + 1)
        Of :mod:`riskkit.synthetic.chain`, by month on book: arrears as they would be without
        relief, but that a settled loan has matured.
    due, balance : int64 arrays of shape (n_loans, lender.longest_term_months + 1)
        By instalment: fen due, and principal left once it is paid.
    paid : int64 array of shape (n_loans, lender.last_mob + 1)
        Number of instalments paid by each month-end; all of them once a loan has ended well.
    charge_off_mob : int array of shape (n_loans,)
        lender.last_mob where there is none.
    last_row : int array of shape (n_loans,)
        Last month on book with a row: the loan's end, RECOVERY_MONTHS after a charge-off, or the
        observation date.
    """

    contracts: Contracts
    relief: Relief
    state: np.ndarray
    due: np.ndarray
    balance: np.ndarray
    paid: np.ndarray
    charge_off_mob: np.ndarray
    last_row: np.ndarray

    @property
    def reported(self) -> np.ndarray:
        """Months in arrears as the books show them: what was granted hides some, or all.

        A charge-off revokes it: days past due count from the first due date again.
        """
        state = self.state
        if not self.relief.months.any():
            return state
        moved = self.relief.moved(np.arange(len(state))[:, None], np.arange(state.shape[1]))
        owes = (state > 0) & (state < CHARGE_OFF_ARREARS)
        return np.where(owes, np.maximum(state - moved, 0), state)


def keep_books(lender: Lender, contracts: Contracts, states: np.ndarray, relief: Relief) -> Ledger:
    """Ledger of booked loans.

    No late fees are charged; what is owed is paid oldest first and in whole instalments. After a
    charge-off nothing falls due any more.

    Parameters
    ----------
    lender : Lender
    contracts : Contracts
    states : int8 array of shape (n_loans, lender.last_state_mob + 1)
        From :func:`riskkit.synthetic.chain.sample_states`.
    relief : Relief
        From :func:`riskkit.synthetic.relief.granted`.
    """
    last_mob = lender.last_mob
    mobs = np.arange(last_mob + 1, dtype=np.int64)
    state = states[:, np.minimum(mobs, lender.last_state_mob)]
    settled = relief.settled[:, None] & (mobs >= relief.mob[:, None])
    state = np.where(settled, np.int8(MATURED), state)
    charged_off = state == CHARGE_OFF_ARREARS
    ended = (state == PREPAID) | (state == MATURED)
    charge_off_mob = np.where(charged_off.any(axis=1), charged_off.argmax(axis=1), last_mob)
    last_row = np.where(ended.any(axis=1), ended.argmax(axis=1), charge_off_mob + RECOVERY_MONTHS)
    term = contracts.term.astype(np.int64)[:, None]
    # all unpaid instalments are the latest due; a charge-off freezes their number
    paid = np.minimum(mobs, charge_off_mob[:, None]) - np.maximum(state, 0)
    due, balance = schedules(
        contracts.principal,
        contracts.monthly_rate,
        contracts.term,
        contracts.method,
        max_months=lender.longest_term_months,
    )
    return Ledger(
        contracts=contracts,
        relief=relief,
        state=state,
        due=due,
        balance=balance,
        paid=np.where(ended, term, np.minimum(paid, term)),
        charge_off_mob=charge_off_mob,
        last_row=np.minimum(last_row, lender.n_months - 1 - contracts.cohort),
    )


def performance_rows(lender: Lender, ledger: Ledger, seed: int) -> pd.DataFrame:
    """Month-end panel of booked loans, in the data contract's columns.

    Recoveries reduce the balance, which is else the principal of all unpaid instalments.

    Parameters
    ----------
    lender : Lender
    ledger : Ledger
    seed : int

    Returns
    -------
    DataFrame, one row per loan and month-end, sorted by loan and `mob`
        `loan_id`, `cohort`, `mob`, `month_end`, `due_amount` (falling due this month),
        `paid_amount`, `balance`, `dpd`, `status`, `recovered_amount`; money in int64 fen. Rows end
        with `Ledger.last_row`. `dpd` is 0 on the due day itself: an instalment due on 28 February
        is not past due that month-end. Of a lender that treats loans also `treatment`, in the month
        in which it is granted: `dpd` counts from the moved due dates, whose instalments fall due
        again, and a settled loan has matured. Of a lender that holds loans out from collections
        also `collection_group`, `collection_action` and `contacted`, what was done in the month
        with who was past due when it began.
    """
    contracts, state, paid, balance = ledger.contracts, ledger.state, ledger.paid, ledger.balance
    loan, mob = np.nonzero(np.arange(lender.last_mob + 1) <= ledger.last_row[:, None])
    due_so_far = np.cumsum(ledger.due, axis=1)
    recovered = _recoveries(ledger, seed)
    recovered_so_far = np.cumsum(recovered, axis=1)

    before = np.maximum(mob - 1, 0)
    paid_now, paid_before = paid[loan, mob], paid[loan, before]
    now = state[loan, mob]
    moved = ledger.relief.moved(loan, mob)
    falls_due = (mob - moved <= contracts.term[loan]) & (mob <= ledger.charge_off_mob[loan])
    # what was paid in spite of a later due date does not fall due again
    falls_due &= (moved == 0) | (mob - moved > paid_before)
    due = ledger.due[loan, np.clip(mob - moved, 0, lender.longest_term_months)]
    prepaid = now == PREPAID
    number = np.minimum(mob, lender.longest_term_months)
    # whoever pays off early pays this month's instalment and the principal left after it
    paid_amount = np.where(
        prepaid,
        ledger.due[loan, number] + balance[loan, number],
        due_so_far[loan, paid_now] - due_so_far[loan, paid_before],
    )
    treated = mob == ledger.relief.mob[loan]
    settled = treated & ledger.relief.settled[loan]
    brought = _settled_amount(lender, balance[loan, paid_before])
    paid_amount = np.where(settled, brought, paid_amount)
    month_start = _month_starts(lender)
    calendar_month = contracts.cohort[loan] + mob
    month_end = month_start[calendar_month + 1] - np.timedelta64(1, "D")
    charged_off = now == CHARGE_OFF_ARREARS
    oldest_month = contracts.cohort[loan] + paid_now + 1 + np.where(charged_off, 0, moved)
    oldest_month = np.minimum(oldest_month, calendar_month)
    oldest_due = month_start[oldest_month] + _steps(_due_days(contracts, seed)[loan] - 1)
    late = ledger.reported[loan, mob] > 0
    dpd = np.where(late, (month_end - oldest_due).astype(np.int64), 0)
    status = np.select(
        (charged_off, prepaid, now == MATURED, dpd > 0),
        [STATUSES.index(name) for name in ("charged_off", "prepaid", "matured", "delinquent")],
        default=STATUSES.index("current"),
    )
    panel = pd.DataFrame(
        {
            "loan_id": contracts.loan_id.take(loan),
            "cohort": month_start[contracts.cohort[loan]].astype("datetime64[s]"),
            "mob": mob.astype(np.int64),
            "month_end": month_end.astype("datetime64[s]"),
            "due_amount": np.where(falls_due, due, 0),
            "paid_amount": paid_amount,
            "balance": balance[loan, paid_now] - recovered_so_far[loan, mob],
            "dpd": dpd,
            "status": texts(STATUSES, status.astype(np.int8)),
            "recovered_amount": recovered[loan, mob],
        }
    )
    if lender.collection_holdout_rate:
        # due on 28 February, a loan is in arrears that month-end and not yet past due
        was_late = np.append(False, dpd[:-1] > 0) & (mob > 0)
        begun = np.where(was_late, ledger.reported[loan, before], 0)
        log = log_columns(lender, contracts.index[loan], contracts.log_odds[loan], begun, mob, seed)
        panel = panel.assign(**log)
    if not lender.treatment_rate:
        return panel
    kind = np.where(treated, ledger.relief.kind[loan], np.int8(-1))
    return panel.assign(treatment=texts(TREATMENTS, kind))


def instalment_rows(lender: Lender, ledger: Ledger, seed: int) -> pd.DataFrame:
    """Instalments of booked loans with the day each was paid, in the data contract's columns.

    An instalment is paid in the month in which the ledger counts it: within its own month mostly
    by direct debit on the due day, else some days later; in arrears on any day of the month, soon
    rather than late. Paying off early settles what is still to come at its principal.

    Parameters
    ----------
    lender : Lender
    ledger : Ledger
    seed : int

    Returns
    -------
    DataFrame, one row per loan and instalment, sorted by loan and `number`
        `loan_id`, `number` (from 1), `due_date`, `due_amount`, `paid_date` (NaT while unpaid),
        `paid_amount` (0 while unpaid); money in int64 fen. An instalment has a row once it has
        fallen due or was settled, by the observation date; none after a charge-off. Amounts paid
        add up to those of the panel, month by month. Due dates are those that hold at the
        observation date. What a settlement brings is spread over the instalments it settles by
        their principal.
    """
    contracts = ledger.contracts
    numbers = np.arange(1, lender.longest_term_months + 1)
    # month on book in which each was paid: as many months ended with fewer instalments paid
    paid_mob = np.stack([(ledger.paid < number).sum(axis=1) for number in numbers], axis=1)
    seen = lender.n_months - 1 - contracts.cohort[:, None]
    is_paid = paid_mob <= np.minimum(seen, lender.last_mob)
    last_due = np.minimum(contracts.term, ledger.charge_off_mob)[:, None]
    relief = ledger.relief
    # of instalments unpaid when it was granted, unless a charge-off has revoked it
    moves = (paid_mob >= relief.mob[:, None]) & (relief.mob[:, None] <= seen)
    moves &= ledger.charge_off_mob[:, None] > seen
    moved = np.where(moves, relief.months[:, None], 0)
    loan, place = np.nonzero((numbers <= last_due) & ((numbers + moved <= seen) | is_paid))
    number, mob, is_paid = numbers[place], paid_mob[loan, place], is_paid[loan, place]

    month_start = _month_starts(lender)
    cohort, due_day = contracts.cohort[loan], _due_days(contracts, seed)[loan]
    # an instalment settled early may fall due after the last month of the calendar
    due_month = lender.first_month + (cohort + number + moved[loan, place]).astype("timedelta64[M]")
    due_date = due_month.astype("datetime64[D]") + _steps(due_day - 1)
    mob = np.where(is_paid, mob, 0)
    late, arrears = _payment_days(lender, ledger, seed)
    first_day = month_start[cohort + mob]
    days = (month_start[cohort + mob + 1] - first_day).astype(np.int64)
    own_month = np.minimum(due_day + late[loan, mob], days)
    in_arrears = np.ceil(arrears[loan, mob] * days).astype(np.int64)
    was_late = ledger.state[loan, np.maximum(mob - 1, 0)] > 0
    # nobody pays this month's instalment before those in arrears
    own_month = np.where(was_late, np.maximum(own_month, in_arrears), own_month)
    paid_day = np.where(number < mob, in_arrears, own_month)
    paid_date = np.where(is_paid, first_day + _steps(paid_day - 1), np.datetime64("NaT", "D"))
    settled = is_paid & (mob < number)
    principal = ledger.balance[loan, number - 1] - ledger.balance[loan, number]
    amount = np.where(settled, principal, ledger.due[loan, number])
    brought = _settled_amount(lender, ledger.balance[loan, number - 1])
    brought = brought - _settled_amount(lender, ledger.balance[loan, number])
    given_up = is_paid & relief.settled[loan] & (mob == relief.mob[loan])
    paid_amount = np.where(given_up, brought, np.where(is_paid, amount, 0))
    return pd.DataFrame(
        {
            "loan_id": contracts.loan_id.take(loan),
            "number": number,
            "due_date": due_date.astype("datetime64[s]"),
            "due_amount": amount,
            "paid_date": paid_date.astype("datetime64[s]"),
            "paid_amount": paid_amount,
        }
    )


def _settled_amount(lender: Lender, owed: np.ndarray) -> np.ndarray:
    """Fen that a settlement of so much principal brings."""
    return np.floor(lender.settled_share * owed).astype(np.int64)


def _payment_days(lender: Lender, ledger: Ledger, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Days after the due day that a payment in its own month comes, by loan and month on book.

    And, as a fraction of the month, when arrears are paid in it.
    """
    contracts = ledger.contracts
    shape = len(contracts.index), lender.last_state_mob + 1
    late = np.zeros(shape, dtype=np.int64)
    arrears = np.ones(shape)
    is_late = expit(lender.late_logit + 0.5 * np.clip(contracts.log_odds, -3, 3))
    for mob in range(1, lender.last_state_mob + 1):
        rows = np.flatnonzero(ledger.last_row >= mob)
        index = contracts.index[rows]
        draw = uniform(seed, index, "paid_late", mob)
        # what is left of the draw below its threshold is uniform again
        wait = -np.log(draw / is_late[rows]) * lender.late_days
        late[rows, mob] = np.where(draw < is_late[rows], np.ceil(wait), 0).astype(np.int64)
        arrears[rows, mob] = uniform(seed, index, "paid_arrears", mob) ** 4
    return late, arrears


def _due_days(contracts: Contracts, seed: int) -> np.ndarray:
    """Day of the month on which each loan's instalments fall due."""
    spread = LAST_DUE_DAY - FIRST_DUE_DAY + 1
    draw = uniform(seed, contracts.index, "due_day")
    return FIRST_DUE_DAY + np.floor(draw * spread).astype(np.int64)


def _month_starts(lender: Lender) -> np.ndarray:
    """First day of each observed month, and of the one after, datetime64[D]."""
    months = np.arange(lender.n_months + 1).astype("timedelta64[M]")
    return (lender.first_month + months).astype("datetime64[D]")


def _steps(days: np.ndarray) -> np.ndarray:
    # from numpy 2.5 on dates move by dated steps only
    return days.astype("timedelta64[D]")


def _recoveries(ledger: Ledger, seed: int) -> np.ndarray:
    """Amounts recovered by loan and month: waits are geometric, each takes part of the rest."""
    contracts = ledger.contracts
    n = len(contracts.index)
    recovered = np.zeros(ledger.state.shape, dtype=np.int64)
    rest = ledger.balance[np.arange(n), ledger.paid[:, -1]]
    for after in range(1, RECOVERY_MONTHS + 1):
        rows = np.flatnonzero(ledger.charge_off_mob + after <= ledger.last_row)
        index, mob = contracts.index[rows], ledger.charge_off_mob[rows] + after
        happens = uniform(seed, index, "recovery", after) < contracts.recovery[rows]
        share = LEAST_RECOVERED + RECOVERED_SPREAD * uniform(seed, index, "recovery.share", after)
        amount = np.where(happens, np.rint(rest[rows] * share).astype(np.int64), 0)
        recovered[rows, mob] = amount
        rest[rows] -= amount
    return recovered
