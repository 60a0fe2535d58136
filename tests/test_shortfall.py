"""How often cash falls short: the simulation against brute force on the lender's true hazards."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from true_book import as_open_loans, brute_cash, every_loan, on_the_books, with_planned

from riskkit import synthetic
from riskkit.chance import fisher_p_value, holm
from riskkit.runoff import ClimateFactor, expected_cash, simulated_cash

LENDER = synthetic.Lender()
DAY = LENDER.observed_to
SEED, N_APPLICANTS, N_NEW = 3, 4_000, 16
N_MONTHS, N_PATHS = 12, 1_200
HORIZONS = 1, 3, 12
SDS = 0.0, 0.5
SHARES = 0.01, 0.05, 0.2, 0.5
# a true engine fails fewer than one in a thousand runs, of each test
ALPHA = 0.001


@pytest.fixture(scope="module")
def book():
    """418 loans on the books, and 16 lent in each month ahead."""
    portfolio = synthetic.simulate(LENDER, N_APPLICANTS, SEED)
    return with_planned(every_loan(LENDER, portfolio, SEED), N_MONTHS, N_NEW, seed=1)


@pytest.fixture(scope="module")
def owing(book):
    return as_open_loans(book, N_MONTHS)


def simulated(owing, sd, seed, n_paths=N_PATHS):
    climate = ClimateFactor(sd, 0.9).paths(n_paths, N_MONTHS, seed)
    return simulated_cash(*owing, climate, DAY, seed=seed)


@pytest.fixture(scope="module")
def cases(book, owing):
    """Without and with a climate: cash of the engine, of brute force, and of another engine run."""
    found = {}
    for sd in SDS:
        engine, pilot = (_amounts(simulated(owing, sd, seed)) for seed in (11, 12))
        brute = brute_cash(book, ClimateFactor(sd, 0.9).paths(N_PATHS, N_MONTHS, 13), seed=13)
        paid = brute["collected"] - brute["recovered"]
        found[sd] = engine, brute | {"paid": paid}, pilot
    return found


def _amounts(cash):
    found = {name: cash.total(f"{name}_amount") for name in ("collected", "recovered", "default")}
    found["paid"] = found["collected"] - found["recovered"]
    return found | {"balance": cash.total("balance")}


def need(amounts, lent, horizon, name="collected"):
    """Fen that must be at hand so that so much can be lent each month up to a horizon, by path."""
    short = (lent - amounts[name])[:, :horizon].cumsum(axis=1)
    return np.maximum(short.max(axis=1), 0)


def alike(ours, theirs, levels):
    """Fisher's p-values, after Holm, of as many values beyond each level in both samples."""
    p_values = [
        fisher_p_value((a > level).sum(), len(a), (b > level).sum(), len(b))
        for a, b, some in zip(ours, theirs, levels, strict=True)
        for level in some
    ]
    return holm(np.array(p_values))


def over_horizons(values):
    return [values(horizon) for horizon in HORIZONS]


@pytest.mark.parametrize("sd", SDS)
@pytest.mark.parametrize("name", ["paid", "collected", "recovered"])
def test_cash_is_as_rarely_below_a_level_as_by_brute_force(cases, sd, name):
    """Of 1, 3 and 12 months together, at the levels that another run has in 1 to 50 of 100.

    Before a default, after it, and in all.
    """
    engine, brute, pilot = cases[sd]
    ours, theirs, others = (
        over_horizons(lambda h, cash=cash: -cash[name][:, :h].sum(axis=1))
        for cash in (engine, brute, pilot)
    )
    levels = [np.quantile(values, 1 - np.array(SHARES)) for values in others]
    assert alike(ours, theirs, levels).min() > ALPHA


@pytest.mark.parametrize("sd", SDS)
@pytest.mark.parametrize("name", ["paid", "collected"])
def test_lending_is_as_rarely_short_of_cash_as_by_brute_force(cases, sd, name):
    """Of a lender that lends each month what it expects to collect, within 1, 3 and 12 months."""
    engine, brute, pilot = cases[sd]
    lent = pilot[name].mean(axis=0)
    ours, theirs, others = (
        over_horizons(lambda h, cash=cash: need(cash, lent, h, name))
        for cash in (engine, brute, pilot)
    )
    levels = [np.quantile(values, 1 - np.array(SHARES)) for values in others]
    assert alike(ours, theirs, levels).min() > ALPHA


@pytest.mark.parametrize("sd", SDS)
@pytest.mark.parametrize("name", ["paid", "default", "balance", "recovered"])
def test_amounts_of_every_month_have_the_mean_of_brute_force(cases, sd, name):
    engine, brute, _ = cases[sd]
    gap = engine[name].mean(axis=0) - brute[name].mean(axis=0)
    error = np.sqrt((engine[name].var(axis=0) + brute[name].var(axis=0)) / N_PATHS)
    # of two samples, 96 comparisons; recoveries of a month follow one pattern for all loans
    limit = stats.norm.ppf(1 - ALPHA / 2 / 96)
    pattern = 0.03 * brute[name].mean(axis=0) if name == "recovered" else 0
    assert (np.abs(gap) < limit * error + pattern).all()


@pytest.mark.parametrize("sd", SDS)
@pytest.mark.parametrize("name", ["paid", "default", "recovered", "collected"])
def test_amounts_scatter_as_by_brute_force(cases, sd, name):
    engine, brute, _ = cases[sd]
    for horizon in HORIZONS:
        ours, theirs = (cash[name][:, :horizon].sum(axis=1) for cash in (engine, brute))
        if not ours.any():
            continue
        # error of log sd: √((kurtosis − 1) ÷ n) ÷ 2
        error = np.sqrt(sum(stats.kurtosis(x, fisher=False) - 1 for x in (ours, theirs)) / N_PATHS)
        gap = np.log(ours.std() / theirs.std())
        assert abs(gap) < stats.norm.ppf(1 - ALPHA / 2 / 12) * error / 2


def test_expected_cash_is_the_mean_of_brute_force(owing, cases):
    ahead = expected_cash(*owing, climate=np.zeros(N_MONTHS), day=DAY)
    _, brute, _ = cases[0.0]
    limit = stats.norm.ppf(1 - ALPHA / 2 / 24)
    for name in ("default", "collected"):
        gap = brute[name].mean(axis=0) - ahead.total(f"{name}_amount")[0]
        error = brute[name].std(axis=0) / np.sqrt(N_PATHS)
        assert (np.abs(gap) <= limit * error + 0.005 * brute[name].mean(axis=0)).all()
    # odds are not linear in a climate that varies around the usual one
    more = cases[0.5][1]["default"].sum(axis=1).mean()
    assert more > 1.02 * ahead.total("default_amount").sum()


def test_independent_defaults_make_every_tier_too_small(owing, cases):
    """A tier for 99 of 100 paths without a common climate, in a world that has one."""
    engine, brute, pilot = cases[0.5]
    alone = _amounts(simulated(owing, 0.0, 14))
    lent = pilot["collected"].mean(axis=0)
    held, shared = (np.quantile(need(cash, lent, N_MONTHS), 0.99) for cash in (alone, engine))
    short = int((need(brute, lent, N_MONTHS) > held).sum())
    # more than three times as often as promised; some 8 in 100, by many more paths
    assert stats.binomtest(short, N_PATHS, 0.03, "greater").pvalue < ALPHA
    assert shared > 1.2 * held


def test_luck_of_recoveries_is_part_of_the_simulation(owing, cases):
    """As much of it as by brute force; without it a third of the variance of a year would lack."""
    loans, moves = owing
    mean_alone = replace(loans, gone=None, workouts=loans.recovery_lags[None])
    without = _amounts(simulated((mean_alone, moves), 0.0, 15))
    engine, brute, _ = cases[0.0]
    lacking, ours, theirs = (
        cash["collected"].sum(axis=1).var() for cash in (without, engine, brute)
    )
    # three standard errors of a ratio of variances of normals
    error = 3 * (4 / N_PATHS) ** 0.5
    assert abs(np.log(ours / theirs)) < error
    assert np.log(theirs / lacking) > error
    luck = engine["recovered"].sum(axis=1).var() - without["recovered"].sum(axis=1).var()
    assert ours - lacking == pytest.approx(luck, rel=0.6)


def test_nothing_owed_needs_nothing(book):
    none = on_the_books(book).take(np.zeros(0, dtype=np.int64))
    cash = simulated_cash(*as_open_loans(none, 3), np.zeros((5, 3)), DAY, seed=1)
    assert (need(_amounts(cash), np.zeros(3), 3) == 0).all()
