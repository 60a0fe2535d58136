"""The common climate: paths with the moments they state, and what counted moves tell of it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logit
from small_books import small_book

from riskkit import arrears, provisions, synthetic
from riskkit.runoff import ClimateFactor, estimate_factor, factor_of, factor_text, month_effects
from riskkit.runoff.month_effects import CHAIN_SLOPE

TO = ["to_0", "to_1", "to_2", "to_3", "to_default", "to_ended"]
LEVELS = -3.0, -0.3, 1.2, 1.8  # log-odds of getting worse, by months in arrears
LENDER = synthetic.Lender()


def moves_of(rows):
    """Counted moves from (kind, mob, state, month, loans, worse)."""
    counted = []
    for kind, mob, state, month, loans, worse in rows:
        to = [0] * 6
        to[0] = loans - worse
        to[state + 1] = worse
        counted.append((kind, "", mob, state, month, *to))
    keys = ["kind", "band", "mob", "state", "month"]
    return pd.DataFrame(counted, columns=[*keys, *TO]).set_index(keys).astype("int64")


def one_cell(rates, *, loans=1_000_000, months=None):
    """A single kind, age and state, so many loans a month, of which those shares get worse."""
    months = range(600, 600 + len(rates)) if months is None else months
    return moves_of(
        ("12", 3, 0, month, loans, round(loans * rate))
        for month, rate in zip(months, rates, strict=True)
    )


def drawn(seed, climate, *, slopes=(0.5,) * 4, sizes=(3_000, 90, 50, 45), n_ages=3):
    """Moves in a given climate, binomial; some cells of few loans."""
    rng = np.random.default_rng(seed)
    return moves_of(
        ("6", mob, state, 600 + month, size, rng.binomial(size, expit(level + slope * f)))
        for mob in range(n_ages)
        for state, (size, level, slope) in enumerate(zip(sizes, LEVELS, slopes, strict=True))
        for month, f in enumerate(climate)
    )


def history(seed, sd, persistence, n_months=36):
    """A climate that has gone on for long before it is seen."""
    return ClimateFactor(sd, persistence).paths(1, 200 + n_months, seed)[0, 200:]


# --- paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("sd", "persistence"), [(0.25, 0.9), (1.0, 0.0), (0.4, 0.5)])
def test_paths_have_the_moments_of_an_autoregression_from_today(sd, persistence):
    n = 40_000
    paths = ClimateFactor(sd, persistence).paths(n, 8, seed=3)
    month = np.arange(1, 9)
    spread = sd**2 * (1 - persistence ** (2 * month))
    # Cov(f(s), f(t)) = φ^(t − s) Var f(s) for s <= t
    early, late = np.minimum.outer(month, month), np.maximum.outer(month, month)
    cov = persistence ** (late - early) * spread[early - 1]
    # the error of a sampled covariance of normals, 72 of them: one in a thousand runs
    error = np.sqrt((np.outer(spread, spread) + cov**2) / n)
    limit = stats.norm.ppf(1 - 0.001 / 144)
    assert (np.abs(np.cov(paths.T) - cov) < limit * error).all()
    assert (np.abs(paths.mean(axis=0)) < limit * np.sqrt(spread / n)).all()


def test_paths_are_those_of_their_seed_and_the_first_of_more():
    factor = ClimateFactor(0.3, 0.8)
    paths = factor.paths(50, 12, seed=1)
    np.testing.assert_array_equal(paths, factor.paths(80, 12, seed=1)[:50])
    assert (paths != factor.paths(50, 12, seed=2)).all()
    assert (ClimateFactor(0.0, 0.8).paths(3, 4, seed=1) == 0).all()
    assert factor.paths(0, 12, seed=1).shape == (0, 12)
    assert factor.paths(5, 0, seed=1).shape == (5, 0)


@pytest.mark.parametrize(
    ("sd", "persistence", "told"),
    [
        (-0.1, 0.5, "sd must be a finite number >= 0, got -0.1"),
        (np.nan, 0.5, "sd must be"),
        (np.inf, 0.5, "sd must be"),
        (0.2, 1.0, r"persistence must lie in \[0, 1\), got 1.0"),
        (0.2, -0.1, "persistence must"),
        (0.2, np.nan, "persistence must"),
    ],
)
def test_a_factor_out_of_range_is_refused(sd, persistence, told):
    with pytest.raises(ValueError, match=told):
        ClimateFactor(sd, persistence)


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed must be >= 0"):
        ClimateFactor(0.2, 0.5).paths(1, 1, seed=-1)


# --- the estimate -------------------------------------------------------------------------------


def test_sd_of_equally_sure_months_is_the_textbooks_estimate():
    """Of effects that are known with one variance v, the REML estimate is s² − v.

    Searle, Casella, McCulloch (1992), Variance Components, section 3.8: the balanced one-way
    layout, where it is that of the analysis of variance.
    """
    loans = 4_000
    # up and down in turns: the likeliest persistence is none
    rates = expit(-2 + np.array([0.3, -0.3, 0.1, -0.1, 0.2, -0.2, 0.25, -0.25, 0.15, -0.15]))
    seen = estimate_factor(one_cell(rates, loans=loans), slopes=1.0).loc["seen"]
    effects = logit(np.round(loans * rates) / loans)
    v = np.mean(1 / (loans * rates * (1 - rates)))
    assert seen["sd"] == pytest.approx(np.sqrt(effects.var(ddof=1) - v), rel=0.03)
    assert seen["persistence"] == 0
    assert seen["sd_low"] < seen["sd"] < seen["sd_high"]


def test_effects_of_months_with_many_moves_are_their_own_log_odds():
    rates = expit(np.array([-2.2, -2.0, -1.7, -2.1, -2.0, -1.9, -2.3, -1.8]))
    effects = month_effects(one_cell(rates))
    # half the slope, twice the climate
    expected = (logit(rates) - logit(rates).mean()) / 0.5
    np.testing.assert_allclose(effects["climate"] - effects["climate"].mean(), expected, atol=0.01)
    assert (effects["climate_low"] < effects["climate"]).all()
    assert effects["expected"].sum() == pytest.approx(effects["worse"].sum())
    assert effects.index[0] == pd.Timestamp("2020-01-31")


def test_a_month_of_few_moves_is_drawn_towards_the_others():
    rates = expit(np.array([-2.2, -2.0, -1.7, -2.1, -2.0, -1.9, -2.3, -1.8]))
    few = moves_of([("12", 3, 0, 608, 20, 8)])
    effects = month_effects(pd.concat([one_cell(rates), few]))["climate"]
    own = (logit(0.4) + 2) / 0.5
    assert 0 < effects.iloc[-1] < 0.5 * own


@pytest.mark.parametrize("sd", [0.0, 0.2, 0.4])
def test_the_lenders_own_noise_lies_in_the_interval(sd):
    """In units of the lender's climate, by its own slopes; it has no cycle and does not drift."""
    lender = synthetic.Lender(macro_logit=0.0, macro_noise_logit=sd, drift_scale=0.0)
    inside = []
    for seed in range(1, 5):
        portfolio = synthetic.simulate(lender, 4_000, seed)
        kinds = provisions.kinds_of(portfolio.applications, None)
        moves = arrears.monthly_moves(portfolio.performance, kinds)
        seen = estimate_factor(moves, slopes=lender.roll_slopes[:4]).loc["seen"]
        inside.append(seen["sd_low"] <= sd <= seen["sd_high"])
        assert seen["sd"] == 0 or seen["persistence_low"] == 0  # the noise has none
    # four intervals of 95 %: two outside come about once in seventy
    assert sum(inside) >= 3


@pytest.mark.parametrize(("sd", "persistence"), [(0.5, 0.0), (0.8, 0.8), (0.0, 0.0)])
def test_spread_and_persistence_are_covered(sd, persistence):
    seen = [
        estimate_factor(drawn(seed, history(seed, sd, persistence))).loc["seen"]
        for seed in range(12)
    ]
    inside = [row["sd_low"] <= sd <= np.nan_to_num(row["sd_high"], nan=np.inf) for row in seen]
    # a true 95 % interval has four of twelve outside in 1 of 500 runs
    assert sum(inside) >= 9
    if sd:
        inside = [row["persistence_low"] <= persistence <= row["persistence_high"] for row in seen]
        assert sum(inside) >= 9


def test_persistence_of_three_years_is_hardly_known():
    """The interval of an estimate from 36 months spans a quarter of all values at least."""
    for seed in range(4):
        row = estimate_factor(drawn(seed, history(seed, 0.8, 0.6))).loc["seen"]
        assert row["persistence_high"] - row["persistence_low"] > 0.25


def test_twice_the_slope_is_half_the_sd_and_the_same_log_odds():
    moves = drawn(4, history(4, 0.6, 0.5))
    one, two = (estimate_factor(moves, slopes=slope).loc["seen"] for slope in (0.5, 1.0))
    for name in ("sd", "sd_low", "sd_high"):
        assert one[name] == pytest.approx(2 * two[name])
    for name in ("log_odds_sd", "persistence", "persistence_low", "persistence_high"):
        assert one[name] == pytest.approx(two[name])


def test_simulated_moves_scatter_as_those_counted_did():
    """The unit is right: in the climates of the estimate, a chain of slope 0.5 repeats the sd.

    The moves counted felt twice the slope in a climate of half the spread.
    """
    counted = drawn(1, history(1, 0.4, 0.0, 120), slopes=(1.0,) * 4)
    factor = factor_of(estimate_factor(counted, stated=ClimateFactor(0.0, 0.0)))
    seen = estimate_factor(counted).loc["seen", "log_odds_sd"]
    again = drawn(2, history(2, estimate_factor(counted).loc["seen", "sd"], 0.0, 120))
    assert estimate_factor(again).loc["seen", "log_odds_sd"] == pytest.approx(seen, rel=0.25)
    assert seen == pytest.approx(0.4, rel=0.25)
    assert factor.sd > 0.6  # nothing stated as no climate at all survives such months


def test_neither_order_of_rows_nor_cells_that_tell_nothing_matter():
    moves = drawn(5, history(5, 0.6, 0.5, 12))
    base = estimate_factor(moves)
    pd.testing.assert_frame_equal(base, estimate_factor(moves.sample(frac=1, random_state=1)))
    # nobody, or everybody, or in one month alone
    more = moves_of([("9", 1, 0, 603, 50, 0), ("9", 1, 0, 604, 60, 0), ("9", 2, 3, 603, 5, 5),
                     ("9", 2, 3, 605, 4, 4), ("9", 4, 1, 606, 9, 3)])  # fmt: skip
    pd.testing.assert_frame_equal(base, estimate_factor(pd.concat([moves, more])))


def test_loans_that_end_have_not_got_worse():
    moves = drawn(5, history(5, 0.6, 0.5, 12))
    ended = moves.assign(to_0=moves["to_0"] // 2, to_ended=moves["to_0"] - moves["to_0"] // 2)
    pd.testing.assert_frame_equal(estimate_factor(moves), estimate_factor(ended))


def test_months_that_were_not_seen_are_no_neighbours():
    """A level that lasts for six months, then six others two years later: persistence is high."""
    rates = expit(np.array([-2.2] * 6 + [-1.8] * 6))
    near = estimate_factor(one_cell(rates)).loc["seen"]
    apart = estimate_factor(one_cell(rates, months=[*range(600, 606), *range(630, 636)])).loc[
        "seen"
    ]
    assert apart["persistence"] > 0
    assert near["sd"] != apart["sd"]


# --- too little to say --------------------------------------------------------------------------


NOTHING = one_cell([])
FEW = {
    "no moves": NOTHING,
    "an empty panel": arrears.monthly_moves(
        pd.DataFrame({name: [] for name in ("loan_id", "dpd", "mob", "status")}).assign(
            cohort=pd.to_datetime([]), month_end=pd.to_datetime([])
        )
    ),
    "a small panel": arrears.monthly_moves(small_book(3)[0]),
    "one month": one_cell([0.1]),
    "five months": one_cell([0.1, 0.2, 0.1, 0.2, 0.1]),
    "nobody gets worse": one_cell([0.0] * 12),
    "everybody gets worse": one_cell([1.0] * 12),
    "29 get worse": one_cell([0.02] * 11 + [0.07], loans=100),
}


@pytest.mark.parametrize("moves", FEW.values(), ids=FEW)
def test_too_few_moves_say_nothing(moves):
    table = estimate_factor(moves)
    assert table.loc["seen", ["sd", "sd_low", "sd_high", "persistence"]].isna().all()
    assert table.loc["used", "basis"] == "regulatory"
    assert factor_of(table) == ClimateFactor(0.5, 0.9)
    assert month_effects(moves)["climate"].isna().all()
    text = factor_text(table)
    assert "are too few to say" in text
    assert "nothing is stated" in text
    stated = estimate_factor(moves, stated=ClimateFactor(0.2, 0.7))
    assert factor_of(stated) == ClimateFactor(0.2, 0.7)
    assert "as stated, which nothing seen speaks against" in factor_text(stated)


def test_months_that_do_not_differ_have_no_persistence():
    table = estimate_factor(one_cell([0.1] * 12, loans=2_000))
    assert table.loc["seen", "sd"] == 0
    assert np.isnan(table.loc["seen", "persistence"])
    assert table.loc["used", "sd"] == table.loc["seen", "sd_high"] > 0
    assert table.loc["used", "persistence"] == 0.9
    text = factor_text(table)
    assert "**no more than chance could do**" in text
    assert "How long a bad month lasts cannot be told" in text
    assert "the upper limit of what was seen is used" in text


def test_slopes_that_do_not_rise_are_refused():
    moves = one_cell([0.1] * 8, loans=2_000)
    with pytest.raises(ValueError, match=r"slopes must be > 0 on average, got \[-1.0"):
        estimate_factor(moves, slopes=-1.0)
    with pytest.raises(ValueError, match="slopes must be > 0 on average"):
        estimate_factor(moves, slopes=[0.0, 0.5, np.nan, 0.5])


# --- which is used ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rough():
    """Three years of a climate that varied much."""
    return drawn(7, history(7, 0.8, 0.3))


def test_what_is_stated_stands_unless_the_months_refute_it(rough):
    seen = estimate_factor(rough).loc["seen"]
    within = ClimateFactor((seen["sd_low"] + seen["sd"]) / 2, 0.8)
    table = estimate_factor(rough, stated=within)
    assert factor_of(table) == within
    assert table.loc["used", "basis"] == "stated"
    assert table.loc["stated", "log_odds_sd"] == pytest.approx(within.sd / 2)
    assert "the months seen do not refute it" in factor_text(table)
    # a mild past does not lower what is stated
    assert factor_of(estimate_factor(rough, stated=ClimateFactor(3.0, 0.8))).sd == 3
    # a rough one raises it
    refuted = estimate_factor(rough, stated=ClimateFactor(seen["sd_low"] / 2, 0.8))
    assert refuted.loc["used", "sd"] >= seen["sd"]
    assert refuted.loc["used", "basis"] == "seen"
    assert refuted.loc["used", "persistence"] == 0.8
    assert "**varied by more than the stated can explain**" in factor_text(refuted)


def test_without_a_statement_the_upper_limit_counts_up_to_the_regulators(rough):
    calm = drawn(8, history(8, 0.1, 0.0), sizes=(60_000, 900, 500, 450))
    table = estimate_factor(calm)
    assert table.loc["used", "sd"] == table.loc["seen", "sd_high"] < 0.5
    few = drawn(9, history(9, 0.1, 0.0), sizes=(20, 2, 1, 1))
    table = estimate_factor(few)
    assert table.loc["seen", "sd_high"] > 0.5 > table.loc["seen", "sd"]
    assert (table.loc["used", "sd"], table.loc["used", "basis"]) == (0.5, "regulatory")
    # whoever has seen more than the regulators' is not helped by them
    table = estimate_factor(rough)
    assert table.loc["used", "sd"] == table.loc["seen", "sd"] > 0.5
    assert "so that what was seen is used" in factor_text(table)


def test_a_persistence_that_the_months_refute_is_not_used():
    noise = drawn(3, history(3, 0.8, 0.0), sizes=(30_000, 900, 500, 450))
    table = estimate_factor(noise)
    assert table.loc["seen", "persistence_high"] < 0.9
    assert table.loc["used", "persistence"] == table.loc["seen", "persistence"]


def test_regulators_factor_is_that_of_the_formula():
    """Regulation (EU) 575/2013, Article 154: R = 0.03 w + 0.16 (1 − w) of other retail loans.

    One factor moves the probit of a default rate of 5 % by √(R ÷ (1 − R)), and its log-odds by
    φ(Φ⁻¹(p)) ÷ p(1 − p) of that.
    """
    p = 0.05
    w = (1 - np.exp(-35 * p)) / (1 - np.exp(-35))
    common = 0.03 * w + 0.16 * (1 - w)
    sd = np.sqrt(common / (1 - common)) * stats.norm.pdf(stats.norm.ppf(p)) / (p * (1 - p))
    assert estimate_factor(NOTHING).loc["used", "sd"] == pytest.approx(sd, abs=0.02)


def test_a_unit_of_climate_moves_the_log_odds_of_a_default_by_about_one():
    """In a chain fitted without climate: what the use of the regulators' spread rests on."""
    portfolio = synthetic.simulate(LENDER, 5_000, seed=2)
    kinds = provisions.kinds_of(portfolio.applications, None)
    panel = portfolio.performance
    chain = arrears.fit_chain(
        arrears.monthly_moves(panel, kinds), arrears.landmark_moves(panel, kinds)
    )
    assert (chain.climate.slopes[:, 0] == CHAIN_SLOPE).all()
    fresh = pd.DataFrame({"kind": ["12"], "band": [""], "mob": [0], "state": [0]})
    of_year = [
        arrears.default_probabilities(chain, fresh, 12, climate=np.full(12, f)).sum(axis=1)[0]
        for f in (-0.25, 0.25)
    ]
    assert np.diff(logit(of_year))[0] / 0.5 == pytest.approx(1.0, abs=0.25)
