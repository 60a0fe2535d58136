"""A whole portfolio: applications, decisions, monthly performance, and the truth beside them.

Takes a lender, a number of applicants and a seed; gives a :class:`Portfolio`, whole or in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from riskkit.instalments import instalment
from riskkit.schema import BadDefinition, default_flags
from riskkit.synthetic.applicants import Applicants, draw_applicants
from riskkit.synthetic.book import Contracts, performance
from riskkit.synthetic.chain import (
    DEFAULT_ARREARS,
    FIRST_DEFAULT_MOB,
    LAST_DEFAULT_MOB,
    Loans,
    default_probabilities,
    sample_states,
)
from riskkit.synthetic.features import FACTORS
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.policy import decide

__all__ = ["WINDOW_MONTHS", "Portfolio", "blocks", "simulate", "true_hazards"]

WINDOW_MONTHS = 12
BLOCK_SIZE = 50_000
DEFAULT_MOBS = range(FIRST_DEFAULT_MOB, LAST_DEFAULT_MOB + 1)


@dataclass(frozen=True)
class Portfolio:
    """What a lender's systems hold, and beside it what only the synthetic world knows.

    Parameters
    ----------
    applications : DataFrame, one row per application
        The data contract's columns, the features and `explored` (approved at random).
    performance : DataFrame, one row per booked loan and month-end
    instalments : DataFrame or None
        Not simulated yet.
    outcomes : DataFrame or None
        None, as there is a panel.
    truth : DataFrame, one row per application
        `application_id`; `true_pd_12m`, the probability of more than 90 days past due within 12
        months on book under the offer made, for the declined under the reference offer (amount and
        term requested, list price); `simulated_default_12m`, the outcome drawn under that offer (of
        a booked loan its own, as if fully observed); `latent_*`; and for mob 04..16
        `default_at_{mob}`, the probability that the first such month-end comes then, and
        `at_risk_{mob}`, that the loan has neither defaulted nor ended before. No model may read it.
    """

    applications: pd.DataFrame
    performance: pd.DataFrame
    instalments: pd.DataFrame | None
    outcomes: pd.DataFrame | None
    truth: pd.DataFrame


def simulate(lender: Lender, n_applicants: int, seed: int) -> Portfolio:
    """Portfolio of the first `n_applicants` applications of a world.

    Parameters
    ----------
    lender : Lender
        The world.
    n_applicants : int
        At least 1. The first n applicants of a larger portfolio are the portfolio of n.
    seed : int
        Not negative; another seed is another world.

    Returns
    -------
    Portfolio
        Sorted by application number, performance by loan and month on book.

    Raises
    ------
    ValueError
        If a number is out of range.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> portfolio = simulate(Lender(n_months=18), 500, seed=1)
    >>> portfolio.applications["booked"].sum() == portfolio.performance["loan_id"].nunique()
    np.True_
    """
    parts = list(blocks(lender, n_applicants, seed))

    def joined(name: str) -> pd.DataFrame:
        return pd.concat([getattr(part, name) for part in parts], ignore_index=True)

    return Portfolio(joined("applications"), joined("performance"), None, None, joined("truth"))


def blocks(
    lender: Lender, n_applicants: int, seed: int, block_size: int = BLOCK_SIZE
) -> Iterator[Portfolio]:
    """Parts of a portfolio, one after another, each with whole applications and whole loans.

    Parameters
    ----------
    lender : Lender
    n_applicants : int
        In all.
    seed : int
    block_size : int
        Applicants in a part; changes memory, not the portfolio.

    Yields
    ------
    Portfolio

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    for name, value in (("n_applicants", n_applicants), ("block_size", block_size)):
        if not isinstance(value, int | np.integer) or not 1 <= value <= 999_999_999:
            raise ValueError(f"{name} must be a whole number in 1..999999999, got {value!r}")
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ValueError(f"seed must be a whole number in 0..2**64 - 1, got {seed!r}")
    for start in range(0, int(n_applicants), int(block_size)):
        index = np.arange(start, min(start + int(block_size), int(n_applicants)))
        yield _block(lender, index, int(seed))


def true_hazards(
    truth: pd.DataFrame, cohorts: pd.Series, observed_to: pd.Timestamp
) -> pd.DataFrame:
    """True hazard of a first default by month on book, over the loan-months that were observed.

    Hazard(m) = Σ default_at_m ÷ Σ at_risk_m over the loans whose cohort has reached m; what the
    empirical hazard of the same loans is an estimate of.

    Parameters
    ----------
    truth : DataFrame
        Of a :class:`Portfolio`.
    cohorts : Series of datetime, index application_id
        First day of the month of disbursal of each loan to be averaged over.
    observed_to : Timestamp
        Last day the book was observed.

    Returns
    -------
    DataFrame, index mob 4..16
        `hazard`, a fraction, NaN where no cohort has come that far; `expected_defaults` and
        `expected_at_risk`, expected numbers of loans. Before mob 4 the hazard is zero.

    Raises
    ------
    ValueError
        If a loan is not in the truth.

    Source
    ------
    riskkit definition; ratio of expectations, as the life table's hazard is a ratio of counts.
    """
    rows = truth.set_index("application_id").reindex(cohorts.index)
    if rows["true_pd_12m"].isna().any():
        lost = rows.index[rows["true_pd_12m"].isna()]
        raise ValueError(f"cohorts must be of loans in truth, got {len(lost)} others: {lost[0]!r}")
    seen_months = _months(pd.Series(observed_to)) - _months(cohorts)
    table = pd.DataFrame(
        [
            {
                "mob": mob,
                "expected_defaults": rows.loc[seen_months >= mob, f"default_at_{mob:02d}"].sum(),
                "expected_at_risk": rows.loc[seen_months >= mob, f"at_risk_{mob:02d}"].sum(),
            }
            for mob in DEFAULT_MOBS
        ]
    ).set_index("mob")
    at_risk = table["expected_at_risk"]
    table.insert(0, "hazard", table["expected_defaults"] / at_risk.where(at_risk > 0))
    return table


def _block(lender: Lender, index: np.ndarray, seed: int) -> Portfolio:
    applicants = draw_applicants(lender, index, seed)
    decision = decide(lender, applicants, seed)
    loans, apr = _offered(lender, applicants, decision)
    macro = lender.macro_path(seed)
    states = sample_states(lender, loans, macro, seed)

    applications = pd.concat([applicants.frame, decision], axis=1)
    booked = np.flatnonzero(decision["booked"])
    willingness = applicants.factors["willingness"][booked]
    panel = performance(
        lender,
        Contracts(
            index=index[booked],
            loan_id=applications["application_id"].array.take(booked),
            principal=applications["amount"].to_numpy()[booked],
            term=loans.term[booked],
            apr=apr[booked],
            cohort=loans.cohort[booked],
            recovery=expit(lender.recovery_logit + 0.5 * willingness),
        ),
        states[booked],
        seed,
    )
    flags = default_flags(panel, BadDefinition(window_months=WINDOW_MONTHS), lender.observed_to)
    applications["default_flag"] = flags.reindex(applications["application_id"]).to_numpy()
    return Portfolio(
        applications=applications,
        performance=panel,
        instalments=None,
        outcomes=None,
        truth=_truth(lender, applicants, loans, macro, states),
    )


def _offered(
    lender: Lender, applicants: Applicants, decision: pd.DataFrame
) -> tuple[Loans, np.ndarray]:
    """Every application as a loan under its own offer, the declined under the reference offer."""
    frame = applicants.frame
    apr = decision["offer_apr"].fillna(lender.list_apr).to_numpy()
    term = frame["term_months"].to_numpy()
    burden = instalment(frame["amount_requested"], apr / 12, term) / applicants.income
    # who earns little lives from more than the instalment shows: no burden beyond all income
    burden = np.log(np.clip(burden, 0.01, 1.0) / 0.1)
    log_odds = (
        applicants.risk
        + lender.burden_logit * burden
        + lender.price_logit * (apr - lender.list_apr)
    )
    loans = Loans(
        index=applicants.index,
        term=term.astype(np.int8),
        log_odds=log_odds.astype(np.float32),
        cohort=applicants.month,
        prepay=expit(lender.prepay_logit + 0.4 * applicants.factors["liquidity"]).astype(
            np.float32
        ),
    )
    return loans, apr


def _truth(
    lender: Lender, applicants: Applicants, loans: Loans, macro: np.ndarray, states: np.ndarray
) -> pd.DataFrame:
    default_at, at_risk = default_probabilities(lender, loans, macro)
    defaulted = (states[:, : WINDOW_MONTHS + 1] >= DEFAULT_ARREARS).any(axis=1)
    columns = {
        "application_id": applicants.frame["application_id"],
        "true_pd_12m": default_at[:, : WINDOW_MONTHS + 1].sum(axis=1),
        "simulated_default_12m": defaulted.astype(np.int64),
        **{f"latent_{name}": applicants.factors[name] for name in FACTORS},
        **{f"default_at_{mob:02d}": default_at[:, mob] for mob in DEFAULT_MOBS},
        **{f"at_risk_{mob:02d}": at_risk[:, mob] for mob in DEFAULT_MOBS},
    }
    return pd.DataFrame(columns)


def _months(dates: pd.Series) -> np.ndarray:
    return dates.to_numpy().astype("datetime64[M]").astype(np.int64)
