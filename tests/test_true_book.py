"""The brute force that engines are held to is held to the truth of the lender, and to its panel."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from true_book import (
    TrueMoves,
    as_open_loans,
    brute_cash,
    every_loan,
    expected_cash_of,
    lives,
    on_the_books,
    with_planned,
)

from riskkit import synthetic
from riskkit.runoff import ClimateFactor
from riskkit.synthetic import chain

LENDER = synthetic.Lender()
SEED = 3
N = 4_000
# a true mean is further off than this many standard errors once in a thousand runs, of so many
LIMITS = {n: stats.norm.ppf(1 - 0.001 / 2 / n) for n in (1, 2, 12, 13, 24, 48)}


@pytest.fixture(scope="module")
def portfolio():
    return synthetic.simulate(LENDER, N, SEED)


@pytest.fixture(scope="module")
def every(portfolio):
    return every_loan(LENDER, portfolio, SEED)


@pytest.fixture(scope="module")
def book(every):
    return on_the_books(every)


def as_usual(n_paths, n_months):
    return np.zeros((n_paths, n_months))


def test_the_book_is_that_of_the_panels_last_day(portfolio, book):
    panel = portfolio.performance
    last = panel[panel["month_end"] == LENDER.observed_to].set_index("loan_id")
    last = last[~last["status"].isin(["prepaid", "matured"])]
    assert set(book.ids) == set(last.index)
    last = last.loc[book.ids]
    assert (book.mob == last["mob"]).all()
    assert ((book.state >= 4) == (last["dpd"] > 90)).all()
    assert ((book.state > 0) == (last["dpd"] > 0)).mean() > 0.99  # due on the month's last day
    paid = np.minimum(book.mob - book.state, book.term)
    owed = book.balance[np.arange(len(paid)), np.maximum(paid, 0)]
    off = (last["status"] == "charged_off").to_numpy()
    assert off.sum() > 20
    assert (np.where(off, book.rest, owed) == last["balance"]).all()
    ever = panel[panel["dpd"] > 90]["loan_id"].unique()
    assert (book.bad == book.ids.isin(ever)).all()


def test_losses_are_those_the_truth_expects(portfolio, book):
    """Owed at a first default less all cash after it, discounted at each loan's own rate."""
    book = book.take(np.flatnonzero(~book.bad))
    known = portfolio.truth.set_index("application_id").loc[book.ids]
    rates = portfolio.applications.set_index("application_id").loc[book.ids, "offer_apr"] / 12
    discount = 1 / (1 + rates.to_numpy())
    lost = {12: np.zeros(700), 31: np.zeros(700)}
    when = np.zeros((700, len(book.mob)))  # month ahead of the first default
    for ahead, month in enumerate(lives(book, as_usual(700, 31), seed=1), 1):
        when[month.path[month.defaults], month.loan[month.defaults]] = ahead
        began = when[month.path, month.loan]
        value = (month.owed * month.defaults - month.cash * month.bad) * (began > 0)
        value = value * discount[month.loan] ** ahead
        for horizon, amounts in lost.items():
            amounts += np.bincount(month.path, value * (began <= horizon), 700)
    for horizon, name in ((12, "expected_loss_12m"), (31, "expected_loss_lifetime")):
        error = lost[horizon].std() / np.sqrt(700)
        assert abs(lost[horizon].mean() - known[name].sum()) < LIMITS[2] * error
        assert error < 0.02 * lost[horizon].mean()


def test_first_defaults_come_when_the_truth_expects_them(portfolio, book):
    """Of the loans lent in the last month, by month on book."""
    fresh = book.take(np.flatnonzero(book.mob == 0))
    known = portfolio.truth.set_index("application_id").loc[fresh.ids]
    n_paths, mobs = 2_000, range(4, 17)
    for ahead, month in enumerate(lives(fresh, as_usual(n_paths, 16), seed=2), 1):
        if ahead < 4:
            assert not month.defaults.any()
            continue
        p = known[f"default_at_{ahead:02d}"].to_numpy()
        error = np.sqrt((p * (1 - p)).sum() * n_paths)
        assert abs(month.defaults.sum() - p.sum() * n_paths) < LIMITS[len(mobs)] * error + 1


def test_what_a_panel_went_on_to_bring_is_one_of_the_paths():
    """A world that is watched for a year more, seen from a year before its end."""
    longer = dataclasses.replace(LENDER, n_months=LENDER.n_months + 12)
    portfolio = synthetic.simulate(longer, N, SEED)
    book = on_the_books(every_loan(longer, portfolio, SEED, months_ago=12))
    panel = portfolio.performance
    late = panel[(panel["month_end"] > LENDER.observed_to) & panel["loan_id"].isin(book.ids)]
    cash = late["paid_amount"] + late["recovered_amount"]
    came = cash.groupby(late["month_end"]).sum().to_numpy()
    after = late[(late["status"] == "charged_off")]["recovered_amount"].sum()
    paths = brute_cash(book, as_usual(400, 12), seed=4)
    total = paths["collected"].cumsum(axis=1)
    assert len(came) == 12
    assert after > 0
    gap = (came.cumsum() - total.mean(axis=0)) / total.std(axis=0)
    assert np.abs(gap).max() < LIMITS[12]


def test_expected_cash_is_the_mean_of_the_paths(book):
    """Forward recursion, by month, of loans in default and of the others."""
    for part in (book.take(np.flatnonzero(book.bad)), book.take(np.flatnonzero(~book.bad))):
        paths = brute_cash(part, as_usual(700, 12), seed=5)["collected"]
        gap = paths.mean(axis=0) - expected_cash_of(part, 12).sum(axis=0)
        assert (np.abs(gap) < LIMITS[24] * paths.std(axis=0) / np.sqrt(len(paths))).all()


def test_a_worse_climate_defaults_more_and_one_path_is_one_climate(book):
    climate = np.repeat([[0.0], [1.0]], 100, axis=0) * np.ones(6)
    defaults = brute_cash(book, climate, seed=6)["default"].sum(axis=1)
    assert defaults[100:].mean() > 1.5 * defaults[:100].mean()
    again = brute_cash(book, climate, seed=6)
    assert (again["default"].sum(axis=1) == defaults).all()


# --- as an engine takes it ----------------------------------------------------------------------


def test_a_loan_has_paid_what_its_state_says(every):
    """By the open loans' own words: q = ahead + state today − state, within what is left."""
    both = with_planned(every, 6, 20, seed=1)
    both = both.take(np.flatnonzero(~both.bad))
    loans, moves = as_open_loans(both, 6)
    assert (loans.ids == moves.book.ids).all()
    assert (np.diff(loans.start) >= 0).all()
    assert loans.start.max() == 6
    paid = np.zeros((50, len(loans.ids)), dtype=np.int64)
    seen = 0
    for ahead, month in enumerate(lives(moves.book, as_usual(50, 6), seed=7), 1):
        np.add.at(paid, (month.path, month.loan), month.cash)
        at, path = month.loan, month.path
        since = ahead - loans.start[at]
        q = np.clip(since + loans.state[at] - month.state, 0, loans.left[at])
        runs = ~month.bad & (month.state >= 0)
        assert (paid[path, at][runs] == loans.due[at, q][runs]).all()
        assert (month.owed[runs] == loans.owed[at, q][runs]).all()
        # paid off: all that is due, and all principal then left
        over = ~month.bad & (month.state < 0)
        due = np.clip(since + loans.state[at], 0, loans.left[at])
        everything = loans.due[at, due] + loans.owed[at, due]
        assert (paid[path, at][over] == everything[over]).all()
        seen += runs.sum() + over.sum()
    assert seen > 50_000


def test_moves_are_probabilities_of_what_happens(every):
    loans, moves = as_open_loans(with_planned(every, 3, 20, seed=1), 3)
    climate = np.array([0.0, 0.5, -0.5])
    for ahead in (1, 3):
        of = moves.at(ahead, climate)
        assert of.shape == (3, len(loans.ids), 4, 6)
        np.testing.assert_allclose(of.sum(axis=-1), 1, atol=1e-6)
        assert (of >= -1e-7).all()
        # 0.5 more of climate: of state 0 all of it in the log-odds of rolling on
        lent = loans.start < ahead
        roll = of[:, lent, 0, 1]
        odds = np.log(roll / (1 - roll))
        np.testing.assert_allclose(odds[1] - odds[0], 0.5, atol=1e-4)
        np.testing.assert_allclose(odds[2] - odds[0], -0.5, atol=1e-4)


def test_moves_repeat_the_first_defaults_of_the_truth(portfolio, book):
    fresh = book.take(np.flatnonzero(book.mob == 0))
    known = portfolio.truth.set_index("application_id").loc[fresh.ids]
    mass = np.zeros((len(fresh.mob), 4))
    mass[:, 0] = 1
    for ahead in range(1, 17):
        after = np.einsum("ns,nst->nt", mass, TrueMoves(fresh).at(ahead, np.zeros(1))[0])
        mass = after[:, :4]
        if ahead >= 4:
            expected = known[f"default_at_{ahead:02d}"].to_numpy()
            np.testing.assert_allclose(after[:, 4], expected, atol=1e-6)


def test_cash_after_a_default_is_on_average_that_of_the_lives(book):
    """What open loans say of a default to come, against what the lives then bring."""
    loans, moves = as_open_loans(book, 12)
    expected, came = np.zeros(400), np.zeros(400)
    ahead_of_default = np.zeros((400, len(loans.ids)), dtype=np.int64)
    for ahead, month in enumerate(lives(moves.book, as_usual(400, 12 + 31), seed=8), 1):
        fresh = month.defaults & (ahead <= 12)
        ahead_of_default[month.path[fresh], month.loan[fresh]] = ahead
        if ahead <= 12:
            value = month.owed * loans.recovered_rate[month.loan, ahead - 1] * fresh
            expected += np.bincount(month.path, value, 400)
        counts = month.bad & (ahead_of_default[month.path, month.loan] > 0)
        came += np.bincount(month.path, month.cash * counts, 400)
    gap = came - expected
    assert abs(gap.mean()) < LIMITS[1] * gap.std() / np.sqrt(400)
    assert gap.std() / np.sqrt(400) < 0.02 * expected.mean()
    assert loans.recovery_lags.sum() == pytest.approx(1)


def test_paths_of_a_factor_scatter_more_than_luck(book):
    """The climate all loans share does not average out over loans; their own luck does."""
    factor = ClimateFactor(0.5, 0.9).paths(400, 12, seed=9)
    alone = brute_cash(book, as_usual(400, 12), seed=9)["default"].sum(axis=1)
    shared = brute_cash(book, factor, seed=9)["default"].sum(axis=1)
    assert shared.std() > 1.1 * alone.std()


def test_a_lender_that_treats_loans_is_refused(portfolio):
    treats = synthetic.Lender(treatment_rate=0.2)
    with pytest.raises(ValueError, match="neither treatments nor loans held out"):
        every_loan(treats, portfolio, SEED)


def test_nothing_on_the_books_brings_nothing(book):
    none = book.take(np.zeros(0, dtype=np.int64))
    assert (brute_cash(none, as_usual(3, 4), seed=1)["collected"] == 0).all()
    loans, _ = as_open_loans(none, 4)
    assert isinstance(loans.ids, pd.Index)
    assert loans.recovery_lags.shape == (0,)
    assert chain.DEFAULT_ARREARS == 4
