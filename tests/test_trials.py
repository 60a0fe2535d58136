"""Tests at random: what they teach of price and limit, what they cost, how many offers it takes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats
from synthetic_tables import LENDER, SEED, assert_same_tables, rows_of

from riskkit import offers, schema, synthetic, trials
from riskkit.synthetic.applicants import draw_applicants
from riskkit.synthetic.offers import offers_in

TESTING = dataclasses.replace(
    LENDER, price_test_rate=0.4, price_test_apr=0.06, limit_test_rate=0.4, limit_test_factor=2.0
)
ARMS = ("lower price", "higher price", "lower limit", "higher limit")
SLOPES = [("price", "take-up"), ("price", "default"), ("limit", "take-up"), ("limit", "default")]


# -- the synthetic lender's tests -----------------------------------------------------------------


@pytest.fixture(scope="module")
def untested():
    return synthetic.simulate(dataclasses.replace(LENDER, returning_rate=0.0), 6_000, SEED)


@pytest.fixture(scope="module")
def tested():
    return synthetic.simulate(dataclasses.replace(TESTING, returning_rate=0.0), 6_000, SEED)


def test_a_lender_that_tests_nothing_has_no_groups(untested):
    assert "test_group" not in untested.applications
    never = dataclasses.replace(LENDER, price_test_apr=0.1, limit_test_factor=3.0)
    same = synthetic.simulate(never, 1_500, SEED).tables
    assert_same_tables(same, synthetic.simulate(LENDER, 1_500, SEED).tables)


def test_only_those_in_an_arm_get_other_offers_and_nobody_else_another_loan(untested, tested):
    table, before = tested.applications, untested.applications
    group = table["test_group"]
    assert (group.notna() == (table["approved"] & (before["offer_apr"] != 0))).all()
    assert set(group.dropna()) == set(schema.CONTRACT["applications"]["test_group"].one_of)
    apart = table["offer_apr"] - before["offer_apr"]
    expected = group.map({"lower price": -0.06, "higher price": 0.06}).fillna(0.0)
    np.testing.assert_allclose(apart[table["approved"]], expected[table["approved"]], atol=1e-9)
    times = table["offer_limit"] / before["offer_limit"]
    assert (times[group == "higher limit"] == 2).all()
    lower = group == "lower limit"
    least = np.maximum(np.rint(before["offer_limit"] / 20_000) * 10_000, 50_000)
    assert (table["offer_limit"][lower] == least[lower]).all()
    others = table.loc[~group.isin(ARMS), "application_id"]
    found = rows_of(tested, others)
    found["applications"] = found["applications"].drop(columns="test_group")
    assert_same_tables(found, rows_of(untested, others))
    again = synthetic.perform(table, dataclasses.replace(TESTING, returning_rate=0.0), SEED)
    assert_same_tables(again.tables, tested.tables)


def test_groups_are_dealt_at_their_rates_whoever_it_is(tested):
    table = tested.applications[tested.applications["test_group"].notna()]
    counts = table["test_group"].value_counts()
    expected = np.full(5, len(table) / 5)  # of 0.4 each test, half an arm: 0.2 everywhere
    assert stats.chisquare(counts, expected).pvalue > 1e-3
    by_risk = table.join(tested.truth["latent_willingness"]).groupby("test_group")
    assert stats.f_oneway(*(part for _, part in by_risk["latent_willingness"])).pvalue > 1e-3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"price_test_rate": 1.5}, r"price_test_rate must be a fraction in \[0, 1\], got 1\.5"),
        ({"limit_test_rate": -0.1}, r"limit_test_rate must be a fraction in \[0, 1\], got -0\.1"),
        ({"price_test_rate": 0.6, "limit_test_rate": 0.6}, "must be at most 1 together, got 1.2"),
        ({"price_test_apr": 2.0}, r"price_test_apr must be a fraction in \[0, 1\]"),
        ({"limit_test_factor": 1.0}, r"limit_test_factor must be > 1, got 1\.0"),
    ],
)
def test_a_test_that_cannot_be_is_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        synthetic.Lender(**parameters)


def test_the_notebooks_parameter_is_checked():
    with pytest.raises(ValueError, match=r"test_rate must lie in \[0, 0\.5\], got 0\.6"):
        synthetic.check_world({"test_rate": 0.6})
    with pytest.raises(ValueError, match=r"longer_term_rate must lie in \[0, 0\.5\], got 0\.6"):
        synthetic.check_world({"longer_term_rate": 0.6})
    idle = synthetic.check_world({"source": "mine.yaml", "test_rate": 0.1})
    assert set(idle) == {"test_rate"}


def test_groups_of_another_name_break_the_contract(tested):
    table = tested.applications.copy()
    assert schema.validate_applications(table) is table
    table.loc[table["test_group"] == "lower price", "test_group"] = "cheap"
    with pytest.raises(schema.DataContractError, match=r"test_group: .* break 'one of control"):
        schema.validate_applications(table)


# -- groups beside the control group --------------------------------------------------------------


def beside(effect=0.0, *, biased=False, seed=6, n=6_000):
    rng = np.random.default_rng(seed)
    score = rng.normal(600, 30, n)
    chance = 1 / (1 + np.exp((score - 600) / 20)) if biased else np.full(n, 0.4)
    group = pd.Series(np.where(rng.random(n) < chance, "lower price", "as before"))
    booked = rng.random(n) < 0.6 + effect * (group == "lower price")
    bad = np.where(booked, (rng.random(n) < 0.1).astype(float), np.nan)
    frame = pd.DataFrame({"approved": True, "booked": booked, "default_flag": bad})
    return frame, group, score


def test_a_group_is_held_to_the_control_group():
    frame, group, score = beside(0.1)
    profit = pd.Series(np.where(frame["booked"], 50.0 + 20 * (group == "lower price"), np.nan))
    profit += np.random.default_rng(1).normal(size=len(profit))
    table = trials.trial_table(frame, group, score=score, profit_amount=profit)
    assert list(table.index) == ["as before", "lower price"]
    row = table.loc["lower price"]
    mine = group == "lower price"
    shares = [frame.loc[part, "booked"].mean() for part in (mine, ~mine)]
    assert row["take_up_difference"] == pytest.approx(shares[0] - shares[1])
    assert row["take_up_difference_low"] > 0
    counts = [
        [int(frame.loc[part, "booked"].sum()), int((~frame.loc[part, "booked"]).sum())]
        for part in (mine, ~mine)
    ]
    raw = stats.fisher_exact(counts).pvalue
    assert raw <= row["take_up_p_value"] <= 3 * raw
    assert row["profit_difference_amount"] == pytest.approx(20, abs=0.2)
    assert table.loc["as before"].filter(like="difference").isna().all()
    text = trials.trial_text(table, "price")
    assert "*lower price* against *as before*: take-up +" in text
    assert "**beyond chance**" in text
    assert "bad rate" in text
    assert "not dealt at random" not in text


def test_groups_that_were_chosen_are_no_test():
    frame, group, score = beside(biased=True)
    table = trials.trial_table(frame, group, control="lower price", score=score)
    assert table.index[0] == "lower price"
    assert "**The groups were not dealt at random**" in trials.trial_text(table, "price")
    assert "cannot be checked" in trials.trial_text(trials.trial_table(frame, group), "price")
    assert "is **selection**" in trials.trial_text(None, "limit")


def test_a_group_of_few_bads_is_too_few_to_say():
    frame, group, _ = beside(n=200)
    assert "too few to say" in trials.trial_text(trials.trial_table(frame, group), "price")
    frame, group, _ = beside(n=6_000)
    few = group.where((group == "as before") | (group.index % 10 == 0))
    table = trials.trial_table(frame, few)
    assert table["bad"].iloc[1] < 30 < table["bad"].iloc[0]
    assert "too few to say" in trials.trial_text(table, "price")


def test_what_is_no_test_is_refused():
    frame, group, _ = beside(n=50)
    with pytest.raises(ValueError, match="at least two groups"):
        trials.trial_table(frame, pd.Series(["a"] * 50))
    with pytest.raises(ValueError, match="control must be one of the groups"):
        trials.trial_table(frame, group, control="none")


# -- what the groups teach ------------------------------------------------------------------------


def dealt(
    n=9_000, seed=2, slope=-6.0, of_bad=3.0, arms=("lower price", "higher price"), spread=0.5
):
    """Offers whose price a draw moves, and whose usual price goes with risk: a trap for a slope."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(0, spread, n)
    group = rng.choice(["control", *arms], n)
    moved = pd.Series(group).map({"lower price": -0.06, "higher price": 0.06}).fillna(0).to_numpy()
    taken = rng.random(n) < special.expit(1.5 + slope * moved + 1.0 * risk)
    bad = rng.random(n) < special.expit(-2 + of_bad * moved + risk)
    frame = {"approved": True, "booked": taken, "default_flag": np.where(taken, bad, np.nan)}
    frame |= {"offer_apr": 0.24 + 0.05 * risk + moved, "offer_limit": 100_000, "test_group": group}
    return pd.DataFrame(frame), 1 / (1 + np.exp(2 - risk))


def test_a_slope_of_two_groups_is_their_log_odds_ratio():
    """Of two groups the maximum is known: log of the odds ratio ÷ dose, and Woolf's error."""
    frame, _ = dealt(arms=("higher price",))
    row = trials.demand_from_tests(frame).loc[("price", "take-up")]
    arm = frame["test_group"] == "higher price"
    dose = frame["offer_apr"][arm].mean() - frame["offer_apr"][~arm].mean()
    counts = pd.crosstab(arm, frame["booked"]).to_numpy()
    ratio = np.log(counts[1, 1] * counts[0, 0] / counts[1, 0] / counts[0, 1])
    assert row["slope"] == pytest.approx(ratio / dose)
    half = stats.norm.ppf(0.975) * np.sqrt((1 / counts).sum()) / dose
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half, rel=1e-6)


def test_the_slope_is_that_of_the_groups_and_not_of_the_prices_chosen():
    """The risky pay more and take more: a regression on the price itself has the wrong sign."""
    frame, probability = dealt(slope=-3.0, of_bad=0.0)
    naive = np.polyfit(frame["offer_apr"], frame["booked"], 1)[0]
    table = trials.demand_from_tests(frame, probability=probability)
    row = table.loc[("price", "take-up")]
    assert naive > 0 > row["high"]
    assert row["low"] < -3.0 < row["high"]
    assert row["verdict"] == "falls beyond chance"
    of_bad = table.loc[("price", "default")]
    assert of_bad["low"] < 0 < of_bad["high"]


def test_with_risk_the_slope_is_that_of_the_borrower_of_mean_risk():
    rng = np.random.default_rng(4)
    frame, probability = dealt(30_000, spread=1.0)
    risk = special.logit(probability) - special.logit(probability.mean())
    moved = frame["test_group"].map({"lower price": -0.06, "higher price": 0.06}).fillna(0)
    chance = special.expit(1.0 - 6 * np.exp(-0.8 * risk) * moved + 0.5 * risk)
    frame["booked"] = rng.random(len(frame)) < chance
    frame["default_flag"] = np.where(frame["booked"], 0.0, np.nan)
    found = trials.demand_from_tests(frame, probability=probability, take_up_risk_slope=0.8)
    row = found.loc[("price", "take-up")]
    assert row["low"] < -6 < row["high"]
    assert row["high"] - row["low"] < 3


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 50), st.floats(0.2, 5))
def test_the_slope_follows_the_unit_and_not_the_order(seed, factor):
    frame, _ = dealt(2_000, seed)
    one = trials.demand_from_tests(frame)
    other = frame.assign(offer_apr=frame["offer_apr"] * factor).sample(frac=1, random_state=seed)
    again = trials.demand_from_tests(other)
    np.testing.assert_allclose(again["slope"] * factor, one["slope"], rtol=1e-6)
    # both are rounded up to whole offers
    needed = again["needed"].astype(float) * factor**2
    assert (np.abs(needed - one["needed"]) <= 1 + factor**2).all()


def true_take_up(lender, table, seed):
    """Probability that each offer is taken, as the parameters of the lender state it."""
    index = table["application_id"].str[1:].astype("int64").to_numpy()
    people = draw_applicants(lender, index, seed)
    terms = offers_in(lender, people, table)
    calm = np.exp(-lender.take_up_risk_slope * np.clip(people.risk, -3, 3))
    return special.expit(
        lender.take_up_logit
        + lender.take_up_logit_per_apr * calm * terms.above_list
        + lender.take_up_logit_per_shortfall * terms.shortfall
        + 0.25 * people.people.factors["pressure"]
    )


def marginal_slope(dose, chance):
    """Slope of a logistic line through probabilities: what infinitely many draws would give."""

    groups = pd.DataFrame({"dose": dose, "chance": chance}).groupby("dose")["chance"]
    n, share, at = groups.size().to_numpy(), groups.mean().to_numpy(), [*groups.groups]

    def loss(ab):
        line = ab[0] + ab[1] * np.array(at)
        return -np.average(share * line - np.logaddexp(0, line), weights=n)

    return optimize.minimize(loss, [special.logit(chance.mean()), 0.0], tol=1e-12).x[1]


def test_the_slopes_of_the_synthetic_lender_are_found_again():
    """Four slopes in each of nine worlds, at 95 %: no more misses than one in 1,000 draws has."""
    missed, found = 0, []
    for seed in range(9):
        portfolio = synthetic.simulate(TESTING, 5_000, seed)
        table = portfolio.applications
        slopes = trials.demand_from_tests(table)
        assert list(slopes.index) == SLOPES
        chance = true_take_up(TESTING, table, seed)
        for what, column in (("price", "offer_apr"), ("limit", "offer_limit")):
            group = trials.arms_of(table, what)
            offered = table[column] if what == "price" else np.log(table[column].clip(lower=1))
            mean = offered.groupby(group).mean()
            dose = (group.map(mean) - mean["control"]).to_numpy(float)
            for outcome, rows, probability in (
                ("take-up", group.notna(), chance),
                (
                    "default",
                    group.notna() & table["default_flag"].notna(),
                    portfolio.truth["true_pd_12m"].to_numpy(),
                ),
            ):
                truth = marginal_slope(dose[rows], probability[rows])
                row = slopes.loc[(what, outcome)]
                missed += not row["low"] < truth < row["high"]
        found.append(slopes.loc[("price", "take-up")])
    assert missed <= stats.binom.ppf(0.999, 36, 0.05)
    # the parameter is the slope of a borrower of risk 0; that of all offers is near it
    mean = np.mean([row["slope"] for row in found])
    width = np.mean([row["high"] - row["low"] for row in found])
    assert abs(mean - LENDER.take_up_logit_per_apr) < width / 2
    assert sum(row["high"] < 0 for row in found) >= 7


def test_where_demand_does_not_answer_nothing_is_found():
    calm = dataclasses.replace(TESTING, take_up_logit_per_apr=0.0)
    table = synthetic.simulate(calm, 6_000, 3).applications
    row = trials.demand_from_tests(table).loc[("price", "take-up")]
    assert row["low"] < 0 < row["high"]
    assert row["verdict"] == "not beyond chance"  # as many as would have told −6
    assert row["counted"] > row["needed"]


# -- how many it takes ----------------------------------------------------------------------------


def test_as_many_offers_as_are_needed_tell_four_times_in_five():
    n = trials.offers_needed(-6, rate=0.9, dose=0.05, tested_rate=0.5)
    rng, told = np.random.default_rng(8), []
    for _ in range(70):
        dose = rng.choice([-0.05, 0.05, 0.0], n, p=[0.25, 0.25, 0.5])
        group = pd.Series(dose).map({-0.05: "lower price", 0.05: "higher price", 0.0: "control"})
        taken = rng.random(n) < special.expit(special.logit(0.9) - 6 * dose)
        frame = {"approved": True, "booked": taken, "default_flag": np.nan, "test_group": group}
        row = trials.demand_from_tests(pd.DataFrame(frame | {"offer_apr": 0.24 + dose}))
        told.append(row.loc[("price", "take-up"), "high"] < 0)
    assert abs(np.mean(told) - 0.8) < 3.5 * np.sqrt(0.8 * 0.2 / 70)
    assert row.loc[("price", "take-up"), "needed"] == pytest.approx(n, rel=0.15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slope": 0}, "slope must be finite and not 0, got 0"),
        ({"rate": 1.0}, r"rate must be in \(0, 1\), got 1\.0"),
        ({"dose": 0}, "dose must be > 0, got 0"),
        ({"tested_rate": 1.5}, r"tested_rate must be in \(0, 1\], got 1\.5"),
        ({"power": 1}, r"power must be in \(0, 1\), got 1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(change, message):
    plan = {"slope": -6, "rate": 0.9, "dose": 0.04, "tested_rate": 0.1}
    with pytest.raises(ValueError, match=message):
        trials.offers_needed(**(plan | change))


# -- what it costs --------------------------------------------------------------------------------


def test_a_cost_is_the_difference_of_means_times_the_offers():
    frame, _ = dealt(400, slope=0.0)
    frame["applied_at"] = pd.Timestamp("2024-01-01")
    money = pd.Series(np.where(frame["test_group"] == "lower price", 40.0, 100.0))
    table = trials.trial_cost(frame, "price", money)
    assert list(table.index) == ["control", "lower price", "higher price", "both arms"]
    sums = {}
    for name in ("control", "lower price", "higher price"):
        brought = np.where(frame["booked"], money, 0.0)[frame["test_group"] == name]
        sums[name] = (len(brought), brought.mean(), brought.var(ddof=1) / len(brought))
    n, mean, square = sums["lower price"]
    row = table.loc["lower price"]
    assert row["difference_amount"] == pytest.approx(n * (mean - sums["control"][1]))
    error = n * np.sqrt(square + sums["control"][2])
    assert row["difference_high"] - row["difference_amount"] == pytest.approx(
        stats.norm.ppf(0.975) * error
    )
    arms = table.loc[["lower price", "higher price"]]
    both = table.loc["both arms"]
    assert both["difference_amount"] == pytest.approx(arms["difference_amount"].sum())
    # the control's mean is shared, so the whole is less sure than arms apart would be
    apart = np.sqrt(((arms["difference_high"] - arms["difference_amount"]) ** 2).sum())
    assert both["difference_high"] - both["difference_amount"] > apart
    assert "has cost" in trials.cost_text(table, "price", "CNY")


def test_offers_too_young_to_have_an_end_do_not_count():
    frame, _ = dealt(600, slope=0.0)
    frame["applied_at"] = pd.Timestamp("2024-01-01")
    money = pd.Series(100.0, index=frame.index)
    expected = trials.trial_cost(frame, "price", money)
    young = frame.assign(applied_at=pd.Timestamp("2024-09-01"), default_flag=np.nan)
    both = pd.concat([frame, young], ignore_index=True)
    found = trials.trial_cost(both, "price", pd.concat([money, money * np.nan], ignore_index=True))
    pd.testing.assert_frame_equal(found, expected)


def test_a_loan_of_known_end_needs_its_profit():
    frame, _ = dealt(200)
    with pytest.raises(ValueError, match="must be known of every loan of known outcome"):
        trials.trial_cost(frame, "price", pd.Series(np.nan, index=frame.index))


def test_all_tests_stand_together(tested):
    table = tested.applications
    money = table["booked_amount"] / 1_000
    found = trials.all_trials(table, profit_amount=money)
    assert set(found.index.unique("test")) == {"price", "limit"}
    assert found.loc[("price", "lower price"), "approved"] == (
        (table["test_group"] == "lower price").sum()
    )
    text = trials.all_trials_text(found, "<b>")
    assert "*higher limit* against *control*" in text
    assert "The test of the price has" in text
    assert "<b>" not in text
    assert trials.untested_text(table) == ""


# -- without tests --------------------------------------------------------------------------------


def test_without_a_test_price_and_limit_are_selection(untested):
    table = untested.applications
    assert trials.demand_from_tests(table) is None
    assert trials.trial_cost(table, "price", table["booked_amount"]) is None
    nothing = trials.all_trials(table, profit_amount=table["booked_amount"])
    assert nothing.empty
    for text in (trials.untested_text(table), trials.all_trials_text(nothing, "CNY")):
        assert "There is no test group of the price" in text
        assert "There is no test group of the limit" in text
        assert text.count("**selection**") == 2
    assert "is assumed" in trials.demand_text(None)
    with pytest.raises(ValueError, match="what must be one of price, limit, got 'fee'"):
        trials.arms_of(table, "fee")


def test_arms_without_a_control_are_no_test(tested):
    table = tested.applications
    alone = table[table["test_group"] != "control"]
    assert trials.arms_of(alone, "price") is None
    only_price = table[~table["test_group"].isin(["lower limit", "higher limit"])]
    assert "of the limit" in trials.untested_text(only_price)
    assert "of the price" not in trials.untested_text(only_price)


# -- which demand is used -------------------------------------------------------------------------

ASSUMED = {"take_up_logit": 2.3, "take_up_logit_per_apr": -6.0, "price_logit": 1.5}


def test_tests_replace_what_they_tell_and_no_more():
    slopes = trials.demand_from_tests(dealt(slope=-9.0, of_bad=0.0)[0])
    assert slopes.loc[("price", "default"), "verdict"] == "too few to say"
    used = trials.demand_parameters(slopes, ASSUMED, "tests")
    assert used["take_up_logit_per_apr"] == slopes.loc[("price", "take-up"), "slope"]
    assert (used["price_logit"], used["take_up_logit"]) == (1.5, 2.3)
    offers.Demand(list_apr=0.24, take_up_risk_slope=0.4, **used)
    assert trials.demand_parameters(slopes, ASSUMED, "assumed") == ASSUMED
    beside = trials.demand_table(slopes, ASSUMED, "tests")
    assert beside["used"].to_dict() == {name: used[name] for name in beside.index}
    text = trials.demand_text(slopes, "tests")
    assert "takes demand from **what the test tells** of take-up; of the other" in text
    assert "too few to say; to tell 1.5 from nothing in four tests of five" in text
    assert "a run may take what the test tells" in trials.demand_text(slopes, "assumed")


def test_a_slope_that_no_demand_has_is_none():
    slopes = trials.demand_from_tests(dealt(slope=9.0)[0])
    assert slopes.loc[("price", "take-up"), "verdict"] == "rises beyond chance"
    used = trials.demand_parameters(slopes, ASSUMED, "tests")
    assert used["take_up_logit_per_apr"] == 0.0


def test_too_few_leave_the_assumption():
    slopes = trials.demand_from_tests(dealt(150)[0])
    assert trials.demand_parameters(slopes, ASSUMED, "tests") == ASSUMED
    assert "takes demand from the assumption**" in trials.demand_text(slopes, "tests")
    assert "of the rarer outcome in" in trials.demand_text(slopes)


def test_demand_from_tests_needs_tests():
    with pytest.raises(ValueError, match='demand_from="tests" needs a test of price'):
        trials.demand_parameters(None, ASSUMED, "tests")
    assert trials.demand_table(None, ASSUMED, "assumed") is None
    with pytest.raises(ValueError, match="demand_from must be one of assumed, tests, got 'x'"):
        offers.check_offers({"demand_from": "x"})
    assert offers.check_offers({"demand_from": "tests"}) == {}
