"""What a loan that runs today is expected to lose, by the very chain that is sampled.

Takes performing loans with their state, schedule and rates; gives the expected discounted loss of
defaults within twelve months and over the rest of their lives.
"""

from __future__ import annotations

import numpy as np

from riskkit.synthetic.book import Ledger
from riskkit.synthetic.chain import DEFAULT_ARREARS, Loans, transition
from riskkit.synthetic.lender import (
    CHARGE_OFF_ARREARS,
    LEAST_RECOVERED,
    RECOVERED_SPREAD,
    RECOVERY_MONTHS,
    Lender,
)
from riskkit.synthetic.rows import take_rows

__all__ = ["expected_losses", "losses_today"]

HORIZON_MONTHS = 12


def losses_today(
    lender: Lender,
    loans: Loans,
    ledger: Ledger,
    monthly_rate: np.ndarray,
    macro: np.ndarray,
    intensity: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """:func:`expected_losses` of booked loans on the last day observed, NaN where not performing.

    Parameters
    ----------
    lender : Lender
    loans : Loans of shape (n,)
    ledger : Ledger
        Of the same loans.
    monthly_rate : float array of shape (n,)
        Effective rate, fees included, a fraction per month.
    macro : float array
        Climate by calendar month.
    intensity : float array of shape (n, lender.last_state_mob + 1), optional
        Factor on the lender's collections by month on book; 1 where none is given.

    Returns
    -------
    within_12_months, lifetime : float64 arrays of shape (n,)
        Fen, at that day's value.
    """
    mob = lender.n_months - 1 - loans.cohort
    state = ledger.state[np.arange(len(mob)), np.minimum(mob, ledger.state.shape[1] - 1)]
    rows = np.flatnonzero((state >= 0) & (state < DEFAULT_ARREARS))
    within_12_months, lifetime = (np.full(len(mob), np.nan) for _ in range(2))
    within_12_months[rows], lifetime[rows] = expected_losses(
        lender,
        take_rows(loans, rows),
        macro,
        mob=mob[rows],
        arrears=state[rows],
        due=ledger.due[rows],
        balance=ledger.balance[rows],
        recovery=ledger.contracts.recovery[rows],
        monthly_rate=monthly_rate[rows],
        intensity=None if intensity is None else intensity[rows],
    )
    return within_12_months, lifetime


def expected_losses(
    lender: Lender,
    loans: Loans,
    macro: np.ndarray,
    *,
    mob: np.ndarray,
    arrears: np.ndarray,
    due: np.ndarray,
    balance: np.ndarray,
    recovery: np.ndarray,
    monthly_rate: np.ndarray,
    intensity: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Expected loss of defaults within twelve months, and of all to come, given the state today.

    A loan defaults at the first month-end with DEFAULT_ARREARS months in arrears. What it then
    loses is its exposure, the principal of all unpaid instalments, less the value at that month-end
    of all cash that still comes: instalments paid late or on time, interest included, whether it
    cures or not, and what is recovered after a charge-off. Losses are discounted on to today, all
    at the loan's effective rate. A default counts within twelve months if it begins then, with all
    cash after it, whenever that comes. There is no floor at zero: a cure brings interest, too.

    Backward recursion over :func:`riskkit.synthetic.chain.transition`, the adjoint of the forward
    one of :func:`riskkit.synthetic.chain.default_probabilities`: the value of a state at a
    month-end is the mean over the next month's moves of what they bring and lead to, discounted
    once. Recoveries are not rounded to whole fen.

    Parameters
    ----------
    lender : Lender
    loans : Loans of shape (n,)
        All performing today.
    macro : float array
        Climate by calendar month, known ahead.
    mob, arrears : int arrays of shape (n,)
        Today: months on book, and state 0..3.
    due, balance : int64 arrays of shape (n, longest term + 1)
        By instalment: fen due, and principal left once it is paid.
    recovery : float array of shape (n,)
        Probability that a charged-off loan recovers something in a month.
    monthly_rate : float array of shape (n,)
        Effective rate, fees included, a fraction per month.
    intensity : float array of shape (n, lender.last_state_mob + 1), optional
        As for :func:`losses_today`.

    Returns
    -------
    within_12_months, lifetime : float64 arrays of shape (n,)
        Fen, at today's value.

    Source
    ------
    riskkit definition, after IFRS 9, 5.5.17 and B5.5.28 to B5.5.44 (cash shortfalls, discounted at
    the effective rate); backward (Kolmogorov) recursion of a finite Markov chain.
    """
    rows, term = np.arange(len(mob)), loans.term.astype(np.int64)
    discount = 1 / (1 + monthly_rate)
    paid_by = np.cumsum(due, axis=1)
    recovered = _recovered_rate(recovery, discount)
    # values of the running states at a month-end: of cash to come, and of losses by horizon
    cash = np.zeros((CHARGE_OFF_ARREARS, len(mob)))
    year, life = (np.zeros((DEFAULT_ARREARS, len(mob))) for _ in range(2))
    for ahead in range(int((term + CHARGE_OFF_ARREARS - 1 - mob).max(initial=0)), 0, -1):
        month = mob + ahead
        by_paid = [np.clip(month - state, 0, term) for state in range(CHARGE_OFF_ARREARS + 1)]
        paid = [paid_by[rows, number] for number in by_paid]
        left, in_default, charged_off = (
            balance[rows, by_paid[state]] for state in (0, DEFAULT_ARREARS, CHARGE_OFF_ARREARS)
        )
        loss = in_default - cash[DEFAULT_ARREARS]
        factor = None
        if intensity is not None:
            factor = intensity[rows, np.minimum(month, lender.last_state_mob)]
        horizons = (life, year) if ahead <= HORIZON_MONTHS else (life,)
        # a state's value is replaced once no other needs it: only the cured are asked for again
        cured, spared = cash[0].copy(), [losses[0].copy() for losses in horizons]
        for state in range(CHARGE_OFF_ARREARS):
            roll, stay, prepay = (
                probability.astype(float)
                for probability in transition(lender, loans, macro, month, state, intensity=factor)
            )
            # once all instalments are paid a loan has ended, and nothing comes of it
            running = np.where(term - (month - 1) + state > 0, discount, 0.0)
            is_last = state == CHARGE_OFF_ARREARS - 1
            cash[state] = running * (
                roll * (recovered * charged_off if is_last else cash[state + 1])
                + stay * (paid[state] - paid[state + 1] + cash[state])
                + (1 - roll - stay) * (paid[0] - paid[state + 1])
                + prepay * left
                + (1 - roll - stay - prepay) * cured
            )
            if state >= DEFAULT_ARREARS:
                continue
            for losses, cure in zip(horizons, spared, strict=True):
                losses[state] = running * (
                    roll * (loss if state + 1 == DEFAULT_ARREARS else losses[state + 1])
                    + stay * losses[state]
                    + (1 - roll - stay - prepay) * cure
                )
    return year[arrears, rows], life[arrears, rows]


def _recovered_rate(recovery: np.ndarray, discount: np.ndarray) -> np.ndarray:
    """Value at charge-off of all recoveries, as a share of what is then owed.

    Each month after it brings, with the probability of `recovery`, a share of what is left; so what
    is left shrinks by the same factor in every month on average.
    """
    monthly = recovery * (LEAST_RECOVERED + RECOVERED_SPREAD / 2)
    months = np.arange(1, RECOVERY_MONTHS + 1)[:, None]
    return (monthly * (1 - monthly) ** (months - 1) * discount**months).sum(axis=0)
