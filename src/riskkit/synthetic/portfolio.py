"""A whole portfolio: applications, decisions, performance, and the truth beside them.

Takes a lender, a number of applicants and a seed; gives a :class:`Portfolio`, whole, in blocks, or
on disk; or takes applications with other offers and gives what the same people make of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from riskkit import partitions
from riskkit.checks import DataContractError, type_violations
from riskkit.instalments import METHODS
from riskkit.synthetic import policy
from riskkit.synthetic.applicants import Applicants, draw_applicants
from riskkit.synthetic.book import Contracts, instalment_rows, keep_books, performance_rows
from riskkit.synthetic.chain import (
    DEFAULT_ARREARS,
    Loans,
    default_mobs,
    default_probabilities,
    sample_states,
)
from riskkit.synthetic.collection_log import check_intensity, intensity_of
from riskkit.synthetic.features import FEATURES, features_of
from riskkit.synthetic.history import History
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.losses import losses_today
from riskkit.synthetic.offers import (
    OFFER_COLUMNS,
    Offers,
    loans_under,
    offers_in,
    taken_up,
)
from riskkit.synthetic.people import FACTORS, GROUP, People
from riskkit.synthetic.relief import granted
from riskkit.synthetic.rows import join_rows, take_rows

__all__ = [
    "Portfolio",
    "blocks",
    "perform",
    "ranges",
    "simulate",
    "simulated",
    "write_portfolio",
]

WINDOW_MONTHS = 12
BLOCK_SIZE = 800 * GROUP  # whole groups, so that no application is drawn twice


@dataclass(frozen=True)
class Portfolio:
    """What a lender's systems hold, and beside it what only the synthetic world knows.

    Parameters
    ----------
    applications : DataFrame, one row per application
        The data contract's columns, the features and, beside them, `device_id`, `product` (one of
        :data:`riskkit.instalments.METHODS`), `explored` (approved at random), `offer_fee_rate`
        (share of the principal deducted up front) and `booked_amount` (lent, fen; 0 where not
        booked). `test_group` only of a lender that tests prices or limits.
    performance : DataFrame, one row per booked loan and month-end
        `treatment` only of a lender that treats loans in arrears; `collection_group`,
        `collection_action` and `contacted` only of one that holds some out from collections.
    instalments : DataFrame, one row per booked loan and instalment
    outcomes : None
        There is a panel.
    truth : DataFrame, one row per application
        `application_id`; `true_pd_12m`, the probability of more than 90 days past due within 12
        months on book under the offer made, for the declined under the reference offer (amount,
        term and plan requested, list price); `simulated_default_12m`, the outcome drawn under that
        offer (of a booked loan its own, as if fully observed); of a loan that performs on the last
        day observed (runs, at most 90 days past due) `expected_loss_12m` and
        `expected_loss_lifetime`, what defaults within 12 months and over the rest of its life are
        expected to lose, given its state that day and the climate ahead, in fen at that day's value
        (:func:`riskkit.synthetic.losses.expected_losses`), NaN of all others; `fraud` (never meant
        to pay) and `ring` (−1: none); `latent_*`; and for mob 04..16 (to the longest term + 4)
        `default_at_{mob}`, the probability that the first such month-end comes then, and
        `at_risk_{mob}`, that the loan has neither defaulted nor ended before. Whatever is done for
        loans in arrears, all of it is of the arrears as they are, not as they are reported; a
        settled loan performs no more. No model may read it.
    """

    applications: pd.DataFrame
    performance: pd.DataFrame
    instalments: pd.DataFrame
    outcomes: None
    truth: pd.DataFrame

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables there are, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: table for name, table in named.items() if table is not None}


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
        Sorted by application number, performance by loan and month on book, instalments by loan
        and number.

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
    return _joined(list(blocks(lender, n_applicants, seed)))


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
        If a number is out of range; once the first part is asked for.
    """
    for numbers in ranges(n_applicants, seed, block_size):
        yield simulated(lender, int(seed), numbers)


def write_portfolio(
    folder: str | Path,
    lender: Lender,
    n_applicants: int,
    seed: int,
    *,
    block_size: int = BLOCK_SIZE,
    executor: Executor | None = None,
) -> Iterator[dict[str, int]]:
    """Write a portfolio of any size to parquet files, block by block.

    The rows are those of :func:`simulate`. Memory holds a few blocks, however many applicants.

    Parameters
    ----------
    folder : str or Path
        Gets a folder of parts for each table: ``applications/part-00000.parquet`` and so on.
    lender : Lender
    n_applicants : int
    seed : int
    block_size : int
        Applicants in a part.
    executor : concurrent.futures.Executor, optional
        Blocks are simulated and written by its workers; one after another where none is given.

    Yields
    ------
    dict of table to number of rows
        Once a block is on disk, in order. Nothing is written before the first is asked for.

    Raises
    ------
    ValueError
        If a number is out of range.
    FileExistsError
        If the folder already holds parts.
    """
    numbers = ranges(n_applicants, seed, block_size)
    return partitions.each(partial(_tables, lender, int(seed)), numbers, folder, executor)


def perform(
    applications: pd.DataFrame,
    lender: Lender,
    seed: int,
    intensity: pd.DataFrame | None = None,
) -> Portfolio:
    """Portfolio of the same borrowers under other decisions, offers and collections.

    Nobody else changes, and whatever does not depend on the offer stays: the people, the random
    numbers, the climate, what was known of them on the day. Under the offers of `simulate` it is
    the portfolio of `simulate`.

    Parameters
    ----------
    applications : DataFrame
        Rows of a simulated portfolio, all or some, with `approved`, `amount`, `term_months`,
        `product`, `offer_apr`, `offer_fee_rate` and `offer_limit` as the new policy has them. The
        loan is `amount`, or `offer_limit` if that is lower; dearer offers, and less than was asked
        for, are taken up less. Of the declined only amount, term and product are read: they get
        the reference offer, at list price.
    lender : Lender
        The world they come from.
    seed : int
        Its seed.
    intensity : DataFrame, optional
        How hard collections work on single loans: `loan_id` (the `application_id` of one of these
        rows), `mob` (month on book, 1 or more) and `factor` on the lender's own
        `collection_intensity` in that month, at least 0. What is not listed stays at 1. Whom the
        lender holds out is left alone whatever the factor.

    Returns
    -------
    Portfolio
        In the rows' order. `booked`, `booked_amount` and `default_flag` of its applications are
        new, the other columns as given.

    Raises
    ------
    DataContractError
        There is no row; a column is missing or of the wrong type; an id occurs twice or is none of
        this world; an approved row has no valid offer; the same of `intensity`.
    ValueError
        If the seed is out of range.

    Source
    ------
    riskkit definition: common random numbers, so a difference between two policies is an effect,
    not luck.

    Examples
    --------
    >>> lender = Lender(n_months=18)
    >>> base = simulate(lender, 500, seed=1)
    >>> dear = base.applications.assign(offer_apr=base.applications["offer_apr"] + 0.10)
    >>> perform(dear, lender, seed=1).truth["true_pd_12m"].mean() > base.truth["true_pd_12m"].mean()
    np.True_
    """
    _check_offers(lender, applications)
    _check_seed(seed)
    if intensity is not None:
        check_intensity(intensity, lender, applications["application_id"])
    given = applications.reset_index(drop=True)
    index = given["application_id"].str[1:].astype("int64").to_numpy()
    parts = []
    for start in range(0, len(given), BLOCK_SIZE):
        rows = slice(start, start + BLOCK_SIZE)
        applicants = draw_applicants(lender, index[rows], seed)
        frame = given[rows].reset_index(drop=True)
        _check_world(frame, applicants.frame)
        factor = None
        if intensity is not None:
            factor = intensity_of(intensity, lender, frame["application_id"])
        case = _case(lender, applicants, frame, seed, factor)
        parts.append(_portfolio(lender, applicants.people, frame, case, seed, factor))
    return _joined(parts)


def _joined(parts: list[Portfolio]) -> Portfolio:
    tables = {name: join_rows([part.tables[name] for part in parts]) for name in parts[0].tables}
    return Portfolio(**tables, outcomes=None)


def ranges(n_applicants: int, seed: int, block_size: int) -> list[range]:
    """Numbers of the applications of each block, checked before the first is given."""
    for name, value in (("n_applicants", n_applicants), ("block_size", block_size)):
        if not isinstance(value, int | np.integer) or not 1 <= value <= 999_999_999:
            raise ValueError(f"{name} must be a whole number in 1..999999999, got {value!r}")
    _check_seed(seed)
    n, size = int(n_applicants), int(block_size)
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


def _check_seed(seed: int) -> None:
    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ValueError(f"seed must be a whole number in 0..2**64 - 1, got {seed!r}")


def _tables(lender: Lender, seed: int, numbers: range) -> dict[str, pd.DataFrame]:
    return simulated(lender, seed, numbers).tables


def simulated(lender: Lender, seed: int, numbers: range) -> Portfolio:
    """The applications of these numbers and what became of them, as part of any portfolio."""
    # whole groups, in which all of a customer's applications lie
    start, stop = numbers.start // GROUP, -(-numbers.stop // GROUP)
    index = np.arange(start * GROUP, stop * GROUP)
    applicants = draw_applicants(lender, index, seed)
    n_before = applicants.people.n_before
    history = History(index, lender.last_state_mob)
    looked_at = replace(applicants, frame=applicants.frame[list(policy.COLUMNS)])
    cases = []
    # customers' first applications, then their second ones, which depend on the first, …
    for rows in (np.flatnonzero(n_before == number) for number in range(n_before.max() + 1)):
        some = take_rows(looked_at, rows)
        remembered, in_arrears = history.seen_by(some.people, some.month)
        seen = some.frame.assign(**remembered)
        decision = policy.decide(lender, some, seen, in_arrears, seed)
        terms = applicants.frame[["amount", "term_months", "product"]].take(rows)
        frame = pd.concat([terms.reset_index(drop=True), decision], axis=1)
        case = _case(lender, some, frame, seed)
        history.add(some.index, some.month, case.states, case.booked)
        cases.append((pd.DataFrame(remembered).join(decision), case))
    columns, case = (join_rows([part[i] for part in cases]) for i in range(2))
    wanted = np.array(numbers) - index[0]
    order = np.argsort(case.loans.index)[wanted]
    columns, case = take_rows(columns, order), take_rows(case, order)
    applicants = take_rows(applicants, wanted)

    # the term is a feature, and a term of the contract too
    collected = {"term_months", *(feature.name for feature in features_of(lender.families))}
    left_out = [feature.name for feature in FEATURES if feature.name not in collected]
    frame = pd.concat([applicants.frame, columns], axis=1).drop(columns=left_out)
    return _portfolio(lender, applicants.people, frame, case, seed)


@dataclass(frozen=True)
class _Case:
    """Offers and what becomes of them, row by row."""

    offers: Offers
    loans: Loans
    states: np.ndarray
    booked: np.ndarray


def _case(
    lender: Lender,
    applicants: Applicants,
    frame: pd.DataFrame,
    seed: int,
    intensity: np.ndarray | None = None,
) -> _Case:
    offers = offers_in(lender, applicants, frame)
    loans = loans_under(lender, applicants, offers)
    return _Case(
        offers=offers,
        loans=loans,
        states=sample_states(lender, loans, lender.macro_path(seed), seed, intensity),
        booked=frame["approved"].to_numpy() & taken_up(lender, applicants, offers, seed),
    )


def _portfolio(
    lender: Lender,
    people: People,
    frame: pd.DataFrame,
    case: _Case,
    seed: int,
    intensity: np.ndarray | None = None,
) -> Portfolio:
    ids = frame["application_id"]
    rows = np.flatnonzero(case.booked)
    offers, loans = take_rows(case.offers, rows), take_rows(case.loans, rows)
    contracts = Contracts(
        index=loans.index,
        loan_id=ids.array.take(rows),
        principal=offers.amount,
        term=offers.term,
        method=offers.method,
        monthly_rate=offers.monthly_rate,
        cohort=loans.cohort,
        log_odds=loans.log_odds,
        recovery=expit(lender.recovery_logit + 0.5 * people.factors["willingness"][rows]),
    )
    relief = granted(lender, loans.index, case.states[rows], seed)
    ledger = keep_books(lender, contracts, case.states[rows], relief)
    macro = lender.macro_path(seed)
    losses = np.full((2, len(ids)), np.nan)
    of_loans = None if intensity is None else intensity[rows]
    losses[:, rows] = losses_today(lender, loans, ledger, offers.apr / 12, macro, of_loans)
    defaulted = _defaults(case.states)
    reported = defaulted.copy()
    reported[rows] = _defaults(ledger.reported)
    # a label exists once the whole cohort has been watched for the window
    mature = case.loans.cohort + WINDOW_MONTHS < lender.n_months
    return Portfolio(
        applications=frame.assign(
            booked=case.booked,
            booked_amount=np.where(case.booked, case.offers.amount, 0),
            default_flag=np.where(case.booked & mature, reported, np.nan),
        ),
        performance=performance_rows(lender, ledger, seed),
        instalments=instalment_rows(lender, ledger, seed),
        outcomes=None,
        truth=_truth(lender, people, ids, case.loans, macro, defaulted, losses, intensity),
    )


def _defaults(states: np.ndarray) -> np.ndarray:
    """Whether each loan is ever in default within the window."""
    return np.any(states[:, : WINDOW_MONTHS + 1] >= DEFAULT_ARREARS, axis=1)


def _truth(
    lender: Lender,
    people: People,
    ids: pd.Series,
    loans: Loans,
    macro: np.ndarray,
    defaulted: np.ndarray,
    losses: np.ndarray,
    intensity: np.ndarray | None,
) -> pd.DataFrame:
    default_at, at_risk = default_probabilities(lender, loans, macro, intensity)
    mobs = default_mobs(lender)
    columns = {
        "application_id": ids,
        "true_pd_12m": default_at[:, : WINDOW_MONTHS + 1].sum(axis=1),
        "simulated_default_12m": defaulted.astype(np.int64),
        "expected_loss_12m": losses[0],
        "expected_loss_lifetime": losses[1],
        "fraud": people.fraud,
        "ring": people.ring,
        **{f"latent_{name}": people.factors[name] for name in FACTORS},
        **{f"default_at_{mob:02d}": default_at[:, mob] for mob in mobs},
        **{f"at_risk_{mob:02d}": at_risk[:, mob] for mob in mobs},
    }
    return pd.DataFrame(columns, copy=False)


def _check_offers(lender: Lender, applications: pd.DataFrame) -> None:
    """Refuse applications whose offers cannot be performed."""
    columns = {"application_id": "text", "applied_at": "date"} | OFFER_COLUMNS
    violations = type_violations(applications, columns)
    if applications.empty:
        violations.append("no rows")
    if violations:
        raise DataContractError("applications", violations)
    frame = applications.reset_index(drop=True)
    ids, terms = frame["application_id"], frame["term_months"]
    longest = lender.longest_term_months
    rules = {
        "application_id: expected A and nine digits, each once": (
            ~ids.str.fullmatch(r"A\d{9}") | ids.duplicated()
        ),
        "amount: expected at least 1 fen": ~(frame["amount"] >= 1),
        f"term_months: expected 1 to {longest}": ~terms.isin(range(1, longest + 1)),
        f"product: expected one of {', '.join(METHODS)}": ~frame["product"].isin(METHODS),
    }
    if not any(broken.any() for broken in rules.values()):
        # of the declined neither price nor fee nor limit is read
        offered = frame[frame["approved"]]
        apr, fee_rate = offered["offer_apr"], offered["offer_fee_rate"]
        most = policy.highest_fee_rate(
            apr.to_numpy(), offered["term_months"].to_numpy(), offered["product"].to_numpy(str)
        )
        rules = {
            "offer_apr: expected a fraction in [0, 1] where approved": ~apr.between(0, 1),
            "offer_fee_rate: expected at least 0, and no more than offer_apr pays for": (
                ~fee_rate.between(0, most + 1e-12) & apr.between(0, 1)
            ),
            "offer_limit: expected at least 1 fen where approved": ~(offered["offer_limit"] >= 1),
        }
    violations = [
        f"{rule}, broken by {broken.sum():,} rows, first {ids[broken.idxmax()]!r}"
        for rule, broken in rules.items()
        if broken.any()
    ]
    if violations:
        raise DataContractError("applications", violations)


def _check_world(applications: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """Refuse applications of another lender or seed, which the days of application betray."""
    strange = (applications["applied_at"].to_numpy() != drawn["applied_at"].to_numpy()).nonzero()[0]
    if len(strange):
        first = strange[0]
        raise DataContractError(
            "applications",
            [
                f"application_id: {len(strange):,} are not of this lender and seed, for example "
                f"{applications['application_id'].iloc[first]}, here applied at "
                f"{applications['applied_at'].iloc[first]:%Y-%m-%d}, there at "
                f"{drawn['applied_at'].iloc[first]:%Y-%m-%d}"
            ],
        )
