"""How a loan lives: one monthly chain, sampled for the book and summed up for the truth.

Takes loans with their risk and the climate; gives the state of every loan at every month-end, and
the exact probabilities of the same chain by forward recursion. The state is one whole number, the
months in arrears: 0 = nothing owed, else months since the oldest unpaid instalment fell due + 1.
With months on book and term it fixes which instalments are paid, because unpaid ones are the latest
due.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskkit.synthetic.collection_log import held_out
from riskkit.synthetic.draws import uniform
from riskkit.synthetic.lender import CHARGE_OFF_ARREARS, Lender
from riskkit.synthetic.rows import take_rows

__all__ = [
    "DEFAULT_ARREARS",
    "MATURED",
    "PREPAID",
    "Loans",
    "default_mobs",
    "default_probabilities",
    "sample_states",
    "transition",
]

PREPAID, MATURED = -1, -2  # states of loans that have ended well
# Four months in arrears is the first state with more than 90 days past due at the month-end, and
# the last with three it has at most 88, whatever the due day in 4..28.
DEFAULT_ARREARS = 4
FIRST_DEFAULT_MOB = 4


@dataclass(frozen=True)
class Loans:
    """Loans as the chain sees them.

    Parameters
    ----------
    index : int array of shape (n,)
        Number of the application, for its draws.
    term : int8 array
        Number of instalments.
    log_odds : float32 array
        Risk of the borrower under this offer: own risk, burden and price.
    last_log_odds : float32 array
        The same from the month of the last instalment on, which may be a balloon.
    cohort : int array
        Month of disbursal, from the first month on.
    prepay : float32 array
        Probability that the whole loan is paid off in a month, given the month's instalment is.
    """

    index: np.ndarray
    term: np.ndarray
    log_odds: np.ndarray
    last_log_odds: np.ndarray
    cohort: np.ndarray
    prepay: np.ndarray


def default_mobs(lender: Lender) -> range:
    """Months on book in which the truth looks for a first default.

    In the last of them there is none: the longest term + 3 is the last that has any.
    """
    return range(FIRST_DEFAULT_MOB, lender.longest_term_months + DEFAULT_ARREARS + 1)


def transition(
    lender: Lender,
    loans: Loans,
    macro: np.ndarray,
    mob: int | np.ndarray,
    arrears: int | np.ndarray,
    *,
    intensity: np.ndarray | None = None,
    spared: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of what happens to a running loan in a month on book.

    Parameters
    ----------
    lender : Lender
    loans : Loans
        All still running.
    macro : float array
        Climate by calendar month, from :meth:`Lender.macro_path`.
    mob : int, or int array of shape (n,)
        Month on book, from 1.
    arrears : int, or int array of shape (n,)
        State at the last month-end, 0..6.
    intensity : float array of shape (n,), optional
        Factor on the lender's collections in this month; 1 where none is given.
    spared : bool array of shape (n,), optional
        Who is held out from collections in this month. Where none is given, the mean over that
        draw.

    Returns
    -------
    roll, stay, prepay : float32 arrays of shape (n,)
        Nothing paid; the oldest unpaid instalment paid; all of the loan paid off. What is left to
        one is paying everything owed. Without arrears `stay` is zero, with arrears `prepay` is.

    Source
    ------
    riskkit definition: logits linear in risk, with intercept and slope by months in arrears.
    """
    arrears = np.asarray(arrears)
    collected = np.multiply(lender.collection_intensity, lender.collection_logits)[arrears]
    if intensity is not None:
        collected = collected * intensity
    slope, stay_logit = (
        np.array(values, dtype=np.float32)[arrears]
        for values in (lender.roll_slopes, lender.stay_logits)
    )
    alone = np.array(lender.roll_logits)[arrears]
    climate = macro.astype(np.float32)[loans.cohort + mob]
    early = np.asarray(lender.first_months_logit * 0.5 ** (mob - 1), dtype=np.float32)
    log_odds = np.where(mob < loans.term, loans.log_odds, loans.last_log_odds)
    risk = slope * (log_odds + climate + early)
    roll = _probability((alone - collected).astype(np.float32) + risk)
    late = arrears > 0
    if lender.collection_holdout_rate:
        weight = np.float32(lender.collection_holdout_rate) if spared is None else spared
        uncollected = _probability(alone.astype(np.float32) + risk)
        roll = np.where(late, roll + weight * (uncollected - roll), roll)
    stay = (1 - roll) * np.where(late, _probability(stay_logit), np.float32(0))
    # in the month of the last instalment paying it off is no event of its own
    prepay = np.where(late | (mob >= loans.term), np.float32(0), (1 - roll) * loans.prepay)
    return roll, stay, prepay


def sample_states(
    lender: Lender,
    loans: Loans,
    macro: np.ndarray,
    seed: int,
    intensity: np.ndarray | None = None,
) -> np.ndarray:
    """State of every loan at every month-end until it ends.

    Parameters
    ----------
    lender : Lender
    loans : Loans
    macro : float array
    seed : int
    intensity : float array of shape (n_loans, lender.last_state_mob + 1), optional
        Factor on the lender's collections by month on book; 1 where none is given.

    Returns
    -------
    int8 array of shape (n_loans, lender.last_state_mob + 1)
        Months in arrears by month on book; PREPAID, MATURED and CHARGE_OFF_ARREARS stay for good.
    """
    n = len(loans.index)
    states = np.zeros((n, lender.last_state_mob + 1), dtype=np.int8)
    running = np.arange(n)
    for mob in range(1, lender.last_state_mob + 1):
        states[:, mob] = states[:, mob - 1]
        some = take_rows(loans, running)
        arrears = states[running, mob - 1]
        roll, stay, prepay = transition(
            lender,
            some,
            macro,
            mob,
            arrears,
            intensity=None if intensity is None else intensity[running, mob],
            spared=held_out(lender, some.index, mob, seed),
        )
        draw = uniform(seed, some.index, "payment", mob)
        now = np.where(draw < roll, arrears + 1, np.where(draw < roll + stay, arrears, 0))
        now = np.where(_unpaid(now, mob, some.term) <= 0, MATURED, now)
        paid_off = (draw >= roll + stay) & (draw < roll + stay + prepay)
        now = np.where(paid_off, PREPAID, now)
        states[running, mob] = now
        running = running[(now >= 0) & (now < CHARGE_OFF_ARREARS)]
    return states


def default_probabilities(
    lender: Lender, loans: Loans, macro: np.ndarray, intensity: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Probability of a first default at each month on book, and of being at risk of it.

    Forward recursion over :func:`transition`: the mass of each state 0..3 is passed on month by
    month; what reaches DEFAULT_ARREARS, or ends, leaves.

    Parameters
    ----------
    lender : Lender
    loans : Loans
    macro : float array
    intensity : float array of shape (n_loans, lender.last_state_mob + 1), optional
        As for :func:`sample_states`.

    Returns
    -------
    default_at, at_risk : float64 arrays of shape (n_loans, default_mobs(lender).stop)
        Column m: the first month-end more than 90 days past due is month on book m; the loan has
        neither defaulted nor ended before m. Column 0 is no month: zero and one.

    Source
    ------
    Forward (Chapman–Kolmogorov) recursion of a finite Markov chain.
    """
    n, stop = len(loans.index), default_mobs(lender).stop
    default_at = np.zeros((n, stop))
    at_risk = np.ones((n, stop))
    mass = [np.ones(n), *(np.zeros(n) for _ in range(DEFAULT_ARREARS - 1))]
    for mob in range(1, stop):
        at_risk[:, mob] = sum(mass)
        after = [np.zeros(n) for _ in range(DEFAULT_ARREARS + 1)]
        # months in arrears never exceed months on book
        for arrears in range(min(DEFAULT_ARREARS, mob)):
            factor = None if intensity is None else intensity[:, mob]
            roll, stay, prepay = transition(lender, loans, macro, mob, arrears, intensity=factor)
            after[arrears + 1] += mass[arrears] * roll
            after[arrears] += mass[arrears] * stay * (_unpaid(arrears, mob, loans.term) > 0)
            cure = mass[arrears] * (1 - roll - stay - prepay)
            after[0] += cure * (_unpaid(0, mob, loans.term) > 0)
        default_at[:, mob] = after.pop()
        mass = after
    return default_at, at_risk


def _unpaid(arrears: int | np.ndarray, mob: int, term: np.ndarray) -> np.ndarray:
    """Instalments still to be paid, owed and to come; none left means the loan has ended."""
    return term - mob + arrears


def _probability(log_odds: np.ndarray) -> np.ndarray:
    # several times as fast as scipy's expit in float32; an overflow is a zero
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-log_odds))
