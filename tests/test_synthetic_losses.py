"""What a loan of today is expected to lose: closed forms, every month of a panel, and the book."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import instalments, synthetic
from riskkit.synthetic import book, chain, losses, relief

WORLD = synthetic.Lender(n_months=60, longer_term_rates=(0.0, 0.1))
# who is in default pays nothing any more, and nothing is recovered
HOPELESS = dataclasses.replace(WORLD, roll_logits=(-1.5, -0.4, 0.5, 1.0, 60.0, 60.0, 60.0))
NEVER_PAYS = dataclasses.replace(WORLD, roll_logits=(60.0,) * 7)
COHORT = 3


def loans_of(terms, *, log_odds=0.5, balloon=0.0, prepay=0.05):
    term = np.asarray(terms, dtype=np.int8)
    full = np.ones(len(term), dtype=np.float32)
    return chain.Loans(
        index=np.arange(len(term)),
        term=term,
        log_odds=full * np.float32(log_odds),
        last_log_odds=full * np.float32(log_odds + balloon),
        cohort=np.full(len(term), COHORT),
        prepay=full * np.float32(prepay),
    )


def expected(lender, loans, *, mob=0, arrears=0, rate=0.02, recovery=0.0, method=None, macro=None):
    """Expected losses of loans of 10,000.00 in one state, and their schedule."""
    n = len(loans.term)
    method, months = method or "equal_instalment", lender.longest_term_months
    due, balance = instalments.schedules(1_000_000, rate, loans.term, method, max_months=months)
    year, life = losses.expected_losses(
        lender,
        loans,
        lender.macro_path(5) if macro is None else macro,
        mob=np.full(n, mob),
        arrears=np.full(n, arrears),
        due=due,
        balance=balance,
        recovery=np.full(n, recovery),
        monthly_rate=np.full(n, rate),
    )
    return year, life, balance


# --- closed forms ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "mob", "arrears", "months"),
    [(1, 0, 0, 4), (12, 0, 0, 4), (12, 3, 0, 4), (12, 5, 3, 1), (1, 2, 2, 2), (6, 8, 3, 1)],
)
def test_who_never_pays_loses_what_is_unpaid_when_in_default(term, mob, arrears, months):
    year, life, balance = expected(NEVER_PAYS, loans_of([term]), mob=mob, arrears=arrears)
    assert life[0] == pytest.approx(balance[0, mob - arrears] * 1.02**-months, rel=1e-6)
    assert year[0] == life[0]


def test_a_certain_monthly_recovery_is_a_sum_of_a_geometric_series():
    _, life, _ = expected(NEVER_PAYS, loans_of([12]), recovery=1.0)
    # each of 12 months after the charge-off in month 7 brings 32.5 % of what is left, on average
    back = sum(0.325 * 0.675 ** (k - 1) * 1.02 ** -(k + 3) for k in range(1, 13))
    assert life[0] == pytest.approx(1_000_000 * (1 - back) * 1.02**-4, rel=1e-6)


def test_without_hope_it_is_the_forward_recursion_times_exposure():
    """Another road to the same figure: default probabilities forward, exposure by the schedule."""
    loans = loans_of([1, 3, 6, 9, 12, 18, 24], balloon=0.4)
    year, life, balance = expected(HOPELESS, loans)
    default_at, _ = chain.default_probabilities(HOPELESS, loans, HOPELESS.macro_path(5))
    mobs = np.array(chain.default_mobs(HOPELESS))
    lost = default_at[:, mobs] * balance[:, mobs - 4] * 1.02**-mobs
    np.testing.assert_allclose(life, lost.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(year, lost[:, mobs <= 12].sum(axis=1), rtol=1e-6)
    # terms of up to 9 months have no default after the twelfth
    assert (year[:4] == life[:4]).all()
    assert (year[4:] < life[4:]).all()


def test_a_loan_that_cures_at_once_and_pays_its_interest_loses_about_nothing():
    cures = dataclasses.replace(
        NEVER_PAYS, roll_logits=(60.0,) * 4 + (-60.0,) * 3, stay_logits=(-60.0,) * 7
    )
    # one instalment, so that it has no next one to miss; it is paid in full in month 5
    _, life, _ = expected(cures, loans_of([1]))
    interest = 20_000
    assert life[0] == pytest.approx((1e6 - (1e6 + interest) / 1.02) * 1.02**-4, abs=1)


def test_cash_after_a_default_counts_until_the_loan_is_paid_off_early():
    # nobody pays until month 4, everybody everything owed in month 5, and the whole rest in month 6
    climate = np.where(np.arange(99) <= COHORT + 4, 1e4, -1e4)
    lender = dataclasses.replace(WORLD, stay_logits=(-60.0,) * 7)
    _, life, balance = expected(lender, loans_of([12], prepay=1.0), macro=climate)
    one = instalments.instalment(1_000_000, 0.02, 12)
    back = 5 * one / 1.02 + (one + balance[0, 6]) / 1.02**2
    assert life[0] == pytest.approx((1_000_000 - back) * 1.02**-4, abs=3)


def test_no_loans_no_losses():
    year, life, _ = expected(WORLD, loans_of([]))
    assert len(year) == len(life) == 0


# --- Monte Carlo, by the panel's own money -----------------------------------------------------


def by_panel(lender, loans, rate, method, recovery, *, mob, arrears, seed):
    """Discounted losses of every simulated life that comes to a state, from the panel's columns."""
    states = chain.sample_states(lender, loans, lender.macro_path(5), seed)
    rows = np.flatnonzero(states[:, mob] == arrears)
    n = len(rows)
    contracts = book.Contracts(
        index=loans.index[rows],
        loan_id=pd.array([f"A{i:09d}" for i in rows], dtype="str"),
        principal=np.full(n, 1_000_000),
        term=loans.term[rows],
        method=np.full(n, method),
        monthly_rate=np.full(n, rate),
        cohort=loans.cohort[rows],
        log_odds=loans.log_odds[rows],
        recovery=np.full(n, recovery),
    )
    untreated = relief.granted(lender, contracts.index, states[rows], seed)
    ledger = book.keep_books(lender, contracts, states[rows], untreated)
    panel = book.performance_rows(lender, ledger, seed)
    panel = panel[panel["mob"] > mob]
    bad = panel[panel["dpd"] > 90].groupby("loan_id", sort=False)[["mob", "balance"]].first()
    after = panel.join(bad["mob"].rename("since"), on="loan_id", how="inner").query("mob > since")
    cash = (after["paid_amount"] + after["recovered_amount"]) / (1 + rate) ** (after["mob"] - mob)
    lost = bad["balance"] / (1 + rate) ** (bad["mob"] - mob)
    lost = lost - cash.groupby(after["loan_id"]).sum().reindex(bad.index, fill_value=0.0)
    life, year = lost, lost[bad["mob"] <= mob + 12]
    return [np.r_[part.to_numpy(), np.zeros(n - len(part))] for part in (year, life)]


@pytest.mark.parametrize(
    ("term", "method", "mob", "arrears", "balloon"),
    [
        (12, "equal_instalment", 0, 0, 0.0),
        (12, "flat_fee", 4, 1, 0.0),
        (6, "interest_only", 5, 0, 1.0),
        (3, "equal_instalment", 5, 3, 0.0),
        (24, "equal_instalment", 2, 1, 0.0),
    ],
)
def test_expected_losses_are_the_mean_of_simulated_lives(term, method, mob, arrears, balloon):
    n, rate, recovery, risk = 30_000, 0.02, 0.15, 1.5
    loans = loans_of(np.full(n, term), log_odds=risk, balloon=balloon)
    sampled = by_panel(WORLD, loans, rate, method, recovery, mob=mob, arrears=arrears, seed=7)
    one = loans_of([term], log_odds=risk, balloon=balloon)
    year, life, _ = expected(
        WORLD, one, mob=mob, arrears=arrears, rate=rate, recovery=recovery, method=method
    )
    for lost, exact in zip(sampled, (year[0], life[0]), strict=True):
        assert (lost != 0).sum() > 200
        # ten comparisons: a true mean is further off than this once in a thousand runs
        limit = stats.norm.ppf(1 - 0.001 / 20) * lost.std() / np.sqrt(len(lost))
        assert abs(lost.mean() - exact) < limit


# --- the book ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lender():
    return synthetic.Lender(n_months=18)


@pytest.fixture(scope="module")
def small(lender):
    return synthetic.simulate(lender, 4_000, seed=5)


@pytest.fixture(scope="module")
def today(lender, small):
    """Truth of the booked, with the contract and the panel's last row beside it."""
    last = small.performance.groupby("loan_id")[["month_end", "mob", "dpd", "status", "balance"]]
    terms = small.applications.set_index("application_id")[["term_months", "offer_apr"]]
    return small.truth.set_index("application_id").join(last.last(), how="inner").join(terms)


def test_who_performs_on_the_last_day_has_expected_losses_and_nobody_else(lender, small, today):
    runs = today["status"].isin(["current", "delinquent"]) & (today["dpd"] <= 90)
    assert (today.loc[runs, "month_end"] == lender.observed_to).all()
    assert 0 < runs.sum() < len(today)
    known = ["expected_loss_12m", "expected_loss_lifetime"]
    assert (today[known].notna().all(axis=1) == runs).all()
    assert (today[known].notna().any(axis=1) == runs).all()
    booked = small.applications["booked"].to_numpy()
    assert small.truth.loc[~booked, known].isna().all(axis=None)


def test_losses_lie_between_nothing_and_what_is_owed_and_twelve_months_lose_no_more(today):
    rows = today[today["expected_loss_lifetime"].notna()]
    assert (rows["expected_loss_12m"] > 0).all()
    assert (rows["expected_loss_lifetime"] < rows["balance"]).all()
    short = rows["term_months"] + 3 - rows["mob"] <= 12
    within, life = rows["expected_loss_12m"], rows["expected_loss_lifetime"]
    assert (within[short] == life[short]).all()
    assert (within[~short] < life[~short]).all()
    # the more months in arrears, the more is lost of each yuan
    share = (
        life.groupby(pd.cut(rows["dpd"], [-1, 0, 30, 60, 90])).sum()
        / rows.groupby(pd.cut(rows["dpd"], [-1, 0, 30, 60, 90]))["balance"].sum()
    )
    assert share.is_monotonic_increasing


def test_of_a_fresh_year_long_loan_a_fifth_of_the_defaults_come_after_month_12(today):
    fresh = today[(today["term_months"] == 12) & (today["mob"] == 0)]
    at = fresh.filter(like="default_at_").sum()
    late = at[[f"default_at_{mob}" for mob in (13, 14, 15, 16)]].sum() / at.sum()
    assert late == pytest.approx(0.2, abs=0.05)
    apart = 1 - fresh["expected_loss_12m"].sum() / fresh["expected_loss_lifetime"].sum()
    # but little is still owed by then
    assert 0 < apart < late


def test_other_offers_and_some_rows_alone_have_losses_of_their_own(lender, small):
    table = small.applications
    some = synthetic.perform(table[1_000:2_000], lender, 5).truth
    expected = small.truth[1_000:2_000].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, expected, check_exact=True)
    down = dataclasses.replace(lender, scenario="downturn", onset_month="2023-06")
    worse = synthetic.perform(table, down, 5).truth
    both = small.truth["expected_loss_12m"].notna() & worse["expected_loss_12m"].notna()
    ratio = worse.loc[both, "expected_loss_12m"] / small.truth.loc[both, "expected_loss_12m"]
    assert ratio.median() > 1.3
