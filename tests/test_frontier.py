from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scored_loans import scored_loans

from riskkit import frontier, metrics, strategy

# EMP and declined share of a perfect and of a useless score; p0 = .55, p1 = .1, ROI = .2644.
# Source: Verbraken, Bravo, Weber, Baesens (2014), EJOR 238(2); R package EMP, empCreditScoring.
ORACLES = {
    ("perfect", 50): (0.1375, 0.225),
    ("useless", 50): (0.08412689, 0.35746),
    ("perfect", 80): (0.22, 0.36),
    ("useless", 80): (0.19681569, 0.426865),
    ("perfect", 20): (0.055, 0.09),
    ("useless", 20): (0.0, 0.0),
}


def counts_of(kind, bad):
    good = 100 - bad
    if kind == "useless":
        return pd.DataFrame({"good": [good], "bad": [bad]}, index=[600])
    return pd.DataFrame({"good": [0, good], "bad": [bad, 0]}, index=[500, 600])


@pytest.mark.parametrize(("kind", "bad"), ORACLES)
def test_emp_of_published_parameters(kind, bad):
    found = frontier.expected_maximum_profit(counts_of(kind, bad))
    emp, declined = ORACLES[kind, bad]
    assert found["emp"] == pytest.approx(emp, abs=5e-9)
    assert found["declined_rate"] == pytest.approx(declined, abs=1e-12)


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=12).filter(
        lambda rows: sum(map(sum, rows)) > 0
    ),
    st.floats(0.01, 0.9),
)
@settings(max_examples=40, deadline=None)
def test_emp_is_the_integral_of_the_best_cutoffs_profit(rows, roi):
    good, bad = np.array(rows, dtype=float).T
    counts = pd.DataFrame({"good": good, "bad": bad}, index=range(len(good)))
    n = (good + bad).sum()
    below = [np.append(0, values.cumsum()) / n for values in (bad, good)]

    def best(lost):
        return (lost * below[0] - roi * below[1]).max()

    # the best cutoff changes where two of them tie, which the integral must not step over
    ties = np.unique(
        [roi * g / b for i, (b1, g1) in enumerate(zip(*below, strict=True)) for b, g in
         [(b1 - b0, g1 - g0) for b0, g0 in zip(below[0][:i], below[1][:i], strict=True)] if b > 0]
    )  # fmt: skip
    grid = np.unique(np.append([0.0, 1.0], ties[(ties > 0) & (ties < 1)]))
    between = sum(integrate.fixed_quad(np.vectorize(best), a, b, n=3)[0] for a, b in pairwise(grid))
    found = frontier.expected_maximum_profit(counts, 0.3, 0.2, roi)["emp"]
    assert found == pytest.approx(0.5 * between + 0.2 * best(1.0), abs=1e-9)


@given(st.permutations(range(6)), st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_emp_is_unmoved_by_order_monotone_scores_and_size(order, times):
    counts = pd.DataFrame(
        {"good": [3, 9, 11, 20, 30, 50], "bad": [5, 4, 6, 2, 3, 0]},
        index=[480, 500, 520, 540, 560, 580],
    )
    one = frontier.expected_maximum_profit(counts)
    other = frontier.expected_maximum_profit(
        (counts * times).set_axis(np.sqrt(counts.index)).iloc[list(order)]
    )
    assert other["emp"] == pytest.approx(one["emp"], abs=1e-12)
    assert other["cutoff"] == pytest.approx(np.sqrt(one["cutoff"]))


def test_emp_cutoff_declines_the_share_nearest_to_the_expected_one():
    counts = pd.DataFrame(
        {"good": [2, 10, 30, 50], "bad": [18, 10, 3, 1]}, index=[500, 520, 540, 560]
    )
    found = frontier.expected_maximum_profit(counts)
    below = {500: 0.0, 520: 20 / 124, 540: 40 / 124, 560: 73 / 124}
    nearest = min(below, key=lambda cutoff: abs(below[cutoff] - found["declined_rate"]))
    assert found["cutoff"] == nearest == 520


def test_emp_refuses_what_makes_no_sense():
    counts = counts_of("perfect", 50)
    for levels, message in (
        ({"p0": 1.2}, r"p0 \(nothing is lost on so many bads\) must lie in \[0, 1\], got 1.2"),
        ({"p0": 0.8, "p1": 0.3}, r"p0 \+ p1 must be at most 1, got 0.8 \+ 0.3"),
        ({"roi": -1.0}, "roi must be finite and >= 0, got -1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            frontier.expected_maximum_profit(counts, **levels)
    with pytest.raises(ValueError, match=r"counts lack \['bad'\]"):
        frontier.expected_maximum_profit(counts[["good"]])
    with pytest.raises(ValueError, match="bad must be finite and >= 0"):
        frontier.expected_maximum_profit(counts.assign(bad=-1))
    with pytest.raises(ValueError, match="one row a score"):
        frontier.expected_maximum_profit(pd.concat([counts, counts]))


@pytest.fixture(scope="module")
def world():
    return scored_loans(n=4_000)


@pytest.fixture(scope="module")
def curves(world):
    scores, loans, _ = world
    return frontier.draw_curves(scores, loans, n_draws=200)


def test_emp_table_pairs_the_models(world, curves):
    scores, loans, _ = world
    table = frontier.emp_table(curves)
    for model in scores:
        counts = metrics.score_counts(scores[model], loans["default_flag"])
        alone = frontier.expected_maximum_profit(counts)
        assert table.loc[model, "emp"] == pytest.approx(alone["emp"], abs=1e-12)
        assert table.loc[model, "cutoff"] == alone["cutoff"]
        assert table.loc[model, "cutoff_low"] <= alone["cutoff"] <= table.loc[model, "cutoff_high"]
    gap = table.loc["sharp less blunt"]
    assert gap["emp"] == pytest.approx(table.loc["sharp", "emp"] - table.loc["blunt", "emp"])
    assert 0 < gap["emp_low"] < gap["emp"] < gap["emp_high"]
    # paired: narrower than two models of other loans would be
    apart = np.sqrt(((table["emp_high"] - table["emp_low"])[["blunt", "sharp"]] ** 2).sum())
    assert gap["emp_high"] - gap["emp_low"] < apart


def test_revenue_and_funding_add_up_to_the_margin_to_the_fen():
    rng = np.random.default_rng(3)
    n = 500
    values = strategy.loan_values(
        rng.integers(1, 10_000_000, n),
        apr=np.where(rng.random(n) < 0.2, np.nan, rng.random(n)),
        term_months=rng.integers(1, 37, n),
        interest_only=rng.random(n) < 0.3,
        funding_rate=0.0613,
        loss_rate=0.6,
        cost_amount=31.37,
    )
    assert (values["revenue_fen"] - values["funding_fen"] == values["margin_fen"]).all()
    assert (values["funding_fen"] >= 0).all()
    sums = strategy.profit_sums(values, rng.choice([0.0, 1.0, np.nan], n)).sum()
    assert sums["revenue_fen"] - sums["funding_fen"] == sums["margin_fen"]


def test_bands_are_the_differences_of_cutoffs(world):
    scores, loans, _ = world
    bands = frontier.marginal_bands(scores, loans)
    tables = strategy.cutoff_tables(scores, loans)
    for model, own in bands.groupby(level="model"):
        own, table = own.droplevel("model"), tables[model]
        same = table.loc[own.index]
        for name in ("applications", "bad", "approval_rate", "bad_rate", "bad_rate_low"):
            np.testing.assert_allclose(own[name], same[name], rtol=1e-12)
        for end in ("amount", "low", "high"):
            np.testing.assert_allclose(own[f"profit_{end}"], same[f"profit_{end}"], atol=1e-6)
        assert own["inferred"].tolist() == same["inferred"].tolist()
        # all bands together are all the loans, and the last cutoff approves everybody
        assert own["marginal_bad"].sum() == table["bad"].max()
        assert own["approval_rate"].iloc[-1] == 1
        np.testing.assert_allclose(own["marginal_profit_amount"].cumsum(), own["profit_amount"])
        parts = own["revenue_amount"] - own["funding_amount"]
        parts -= own["loss_amount"] + own["cost_amount"]
        np.testing.assert_allclose(parts, own["profit_amount"])


def test_bands_hold_about_as_many_bads_as_asked_for_or_say_so(world):
    scores, loans, _ = world
    bands = frontier.marginal_bands(scores, loans, min_bads=40)
    assert (bands["marginal_bad"] > 15).all()
    assert bands["few"].tolist() == (bands["marginal_bad"] < 40).tolist()
    sharp = bands.loc["sharp"]
    assert sharp["marginal_bad_rate_high"].iloc[0] < sharp["marginal_bad_rate_low"].iloc[-1]
    assert len(frontier.marginal_bands(scores, loans, max_bands=3).loc["sharp"]) == 3
    few = frontier.marginal_bands(scores, loans, min_bads=100_000)
    assert len(few) == 2
    assert few["few"].all()
    nobody = loans.assign(default_flag=np.nan)
    unknown = frontier.marginal_bands(scores, nobody)
    assert len(unknown) == 2
    assert unknown["bad_rate"].isna().all()


def test_bands_refuse_loans_without_a_revenue(world):
    scores, loans, _ = world
    with pytest.raises(ValueError, match="revenue_fen"):
        frontier.marginal_bands(scores, loans.drop(columns="revenue_fen"))
    with pytest.raises(ValueError, match="min_bads must be >= 1, got 0"):
        frontier.marginal_bands(scores, loans, min_bads=0)


def test_band_profit_interval_covers_in_draws_of_the_loans(world):
    scores, loans, _ = world
    bands = frontier.marginal_bands(scores, loans).loc["sharp"]
    rng = np.random.default_rng(1)
    known = loans["default_flag"].notna().to_numpy()
    y = loans["default_flag"].to_numpy()[known]
    own = loans[known]
    profit = np.where(y == 0, own["margin_fen"], -own["loss_fen"]) - own["cost_fen"]
    score = scores["sharp"].to_numpy()[known]
    cutoff, high = bands.index[2], bands["score_high"].iloc[2]
    moved = np.where((score >= cutoff) & (score <= high), profit / 100, 0.0)
    drawn = rng.multinomial(len(moved), np.full(len(moved), 1 / len(moved)), size=1_000) @ moved
    row = bands.iloc[2]
    width = stats.norm.ppf(1 - 0.025 / len(bands))
    assert drawn.std() * width == pytest.approx(
        (row["marginal_profit_high"] - row["marginal_profit_low"]) / 2, rel=0.08
    )
