import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scored_loans import scored_loans

from riskkit import frontier, metrics, plots, strategy


@pytest.fixture(scope="module")
def world():
    return scored_loans(n=6_000)


@pytest.fixture(scope="module")
def curves(world):
    scores, loans, _ = world
    return frontier.draw_curves(scores, loans, n_draws=200)


@pytest.fixture(scope="module")
def tables(world):
    scores, loans, _ = world
    return strategy.cutoff_tables(scores, loans)


@pytest.fixture(scope="module")
def seen():
    """Loans of which all were approved, booked and seen."""
    scores, loans, bad = scored_loans(n=3_000, seed=8)
    return scores, loans.assign(approved=True, booked=True, default_flag=bad.astype(float))


def test_curves_are_the_cutoff_table_of_what_was_seen(world, curves, tables):
    for model, table in tables.items():
        curve = curves.curve(model)
        down = table.sort_index(ascending=False)
        assert curve.cutoffs.tolist() == down.index.tolist()
        np.testing.assert_allclose(curve.approval_rate[0], down["approval_rate"])
        np.testing.assert_allclose(curve.bad_rate[0], down["bad_rate"])
        np.testing.assert_allclose(curve.profit[0], down["profit_amount"], atol=1e-6)


def test_where_all_were_seen_nothing_is_guessed(seen):
    scores, loans = seen
    curves = frontier.draw_curves(scores, loans, n_draws=20)
    for model in scores:
        curve = curves.curve(model)
        np.testing.assert_array_equal(curve.expected_bad, curve.bad)
        np.testing.assert_array_equal(curve.expected_profit, curve.profit)
        np.testing.assert_array_equal(curve.expected_profit, curves.curve(model, 2.0).profit)
    gap = frontier.policy_gap(curves, frontier.best_cutoffs(curves))
    assert set(gap.index.get_level_values("comparison")) == {"best cutoff"}
    # the best cutoff of these loans is no worse than approving everybody
    assert (gap["gain_amount"] >= 0).all()
    told = frontier.gap_text(gap, "sharp", "CNY")
    assert "approving everybody" in told
    assert "times the odds" not in told


def test_everybody_is_expected_to_be_as_bad_whichever_model_lets_him_in(curves):
    last = [curves.curve(model).expected_bad[:, -1] for model in ("blunt", "sharp")]
    np.testing.assert_allclose(*last)
    likelier = curves.curve("sharp", 2.0).expected_bad[:, -1]
    assert (likelier > last[1]).all()


def test_expected_bads_come_near_the_truth_where_the_old_policy_knew_no_more_than_the_scores():
    scores, loans, bad = scored_loans(n=20_000, seed=3)
    rng = np.random.default_rng(1)
    approved = (scores["sharp"] + rng.normal(0, 20, len(scores))).to_numpy() > 590
    booked = approved & (rng.random(len(scores)) < 0.9)
    flag = np.where(booked, bad.astype(float), np.nan)
    loans = loans.assign(approved=approved, booked=booked, default_flag=flag)
    curves = frontier.draw_curves(scores, loans, n_draws=100)
    for model in scores:
        curve = curves.curve(model)
        for share in (0.5, 0.8, 1.0):
            place = int(np.searchsorted(curve.approval_rate[0], share))
            within = scores[model].to_numpy() >= curve.cutoffs[place]
            rates = curve.expected_bad_rate[:, place]
            width = 4 * rates[1:].std()
            assert rates[0] == pytest.approx(bad[within].mean(), abs=width)
            assert width < 0.05


def test_draws_spread_as_the_delta_method_says(world, curves):
    scores, loans, _ = world
    expected = frontier.Expected.of(scores, loans)
    curve = curves.curve("sharp")
    for cutoff in (580.0, 600.0, 620.0):
        above = (scores["sharp"].to_numpy() >= cutoff).astype(float)
        total, error = expected.profit(above)
        drawn = curve.expected_profit[:, curve.place(cutoff)]
        assert total == pytest.approx(drawn[0], rel=1e-9)
        # Poisson draws vary the number of the applications, too
        mean = total / len(loans)
        assert np.hypot(error, mean * np.sqrt(len(loans))) == pytest.approx(
            drawn[1:].std(), rel=0.15
        )


def test_the_line_that_judges_the_unseen_spreads_them_as_the_delta_method_says(world, curves):
    scores, loans, _ = world
    unseen = loans["default_flag"].isna().to_numpy(dtype=float)
    expected = frontier.Expected.of(scores, loans)
    total, error = expected.profit(unseen)
    curve = curves.curve("sharp")
    drawn = (curve.expected_profit - curve.profit)[:, -1]
    assert total == pytest.approx(drawn[0], rel=1e-9)
    mean = total / len(loans)
    assert np.hypot(error, mean * np.sqrt(len(loans))) == pytest.approx(drawn[1:].std(), rel=0.15)
    # who is unseen moves little by himself: it is the line that is unsure
    alone = expected.frame["profit_amount"].to_numpy() * unseen
    assert error > 2 * np.sqrt(alone @ alone)


def test_draws_are_the_same_again_and_do_not_hang_on_blocks(world, curves):
    scores, loans, _ = world
    again = frontier.draw_curves(scores, loans, n_draws=200)
    other = frontier.draw_curves(scores, loans, n_draws=200, seed=2)
    one, two, three = (c.curve("blunt").expected_profit for c in (curves, again, other))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one[0], three[0])
    assert (one[1:] != three[1:]).any()


def test_curves_refuse_what_no_policy_could_have_made(world):
    scores, loans, _ = world
    for broken, message in (
        (loans.drop(columns="cost_fen"), r"loans lack \['cost_fen'\]"),
        (loans.assign(approved=False), "approved where booked"),
        (loans.assign(default_flag=1.0), "must be missing where not booked"),
        (loans.assign(margin_fen=np.inf), "margin_fen must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            frontier.draw_curves(scores, broken)
    with pytest.raises(ValueError, match="n_draws must be at least 20, got 3"):
        frontier.draw_curves(scores, loans, n_draws=3)
    with pytest.raises(ValueError, match="uplifts must be above 0 and hold 1"):
        frontier.draw_curves(scores, loans, uplifts=[2.0])
    with pytest.raises(ValueError, match="there must be a model"):
        frontier.draw_curves(scores[[]], loans)


def test_an_uplift_that_was_not_drawn_is_refused(curves):
    with pytest.raises(ValueError, match=r"one of those drawn, \[1.0, 2.0\], got 3.0"):
        curves.curve("blunt", 3.0)


@pytest.fixture(scope="module")
def goals(tables, curves):
    return frontier.goal_cutoffs(tables, curves, min_approval=0.6, max_bad_rate=0.12, roi=0.12)


def test_goals_are_those_of_the_cutoff_table_with_intervals(tables, goals):
    given = strategy.goals_table(tables, min_approval=0.6, max_bad_rate=0.12)
    for goal, model in given.index:
        row, other = goals.loc[(goal, model)], given.loc[(goal, model)]
        assert row["cutoff"] == other["cutoff"]
        assert row["bad_rate"] == other["bad_rate"]
        assert row["cutoff_low"] <= row["cutoff"] <= row["cutoff_high"]
        assert row["apart"] == row["cutoff"] - goals.loc[("profit, inferred too", model), "cutoff"]
    assert list(goals.index.get_level_values("goal").unique()) == list(frontier.GOALS)


def test_the_profit_of_cutoffs_not_inferred_is_sought_as_each_draw_has_them(world, curves):
    scores, loans, _ = world
    tables = strategy.cutoff_tables(scores, loans, max_never_booked=0.15)
    asked = {"min_approval": 0.6, "max_bad_rate": 0.12}
    goals = frontier.goal_cutoffs(tables, curves, **asked, max_never_booked=0.15)
    shares = tables["sharp"]["never_booked_rate"].sort_index(ascending=False)
    np.testing.assert_allclose(curves.curve("sharp").never_booked_rate[0], shares.to_numpy())
    row, known = goals.loc[("profit", "sharp")], shares.index[shares <= 0.15]
    assert row["cutoff"] == known.min()  # the bound binds
    # which cutoffs keep it differs between draws, and with it the lowest of them
    assert row["cutoff_low"] < row["cutoff"] < row["cutoff_high"]


def test_more_loans_make_the_cutoffs_surer(goals):
    scores, loans, _ = scored_loans(n=1_500)
    few = frontier.goal_cutoffs(
        strategy.cutoff_tables(scores, loans),
        frontier.draw_curves(scores, loans, n_draws=200),
        min_approval=0.6,
        max_bad_rate=0.12,
        roi=0.12,
    )
    width = [(own["cutoff_high"] - own["cutoff_low"]).mean() for own in (few, goals)]
    assert width[0] > 1.4 * width[1]


def test_marginal_profit_is_zero_where_the_money_of_a_line_says_so():
    # logit of bad is (500 − score) / 20; a loan earns 150 or loses 850, and costs 50: p = 0.1
    score = np.repeat(np.arange(440, 641), 400)
    rng = np.random.default_rng(1)
    bad = rng.random(len(score)) < 1 / (1 + np.exp((score - 500) / 20))
    loans = pd.DataFrame({"approved": True, "booked": True, "default_flag": bad.astype(float)},
                         index=range(len(score)))  # fmt: skip
    loans = loans.assign(margin_fen=15_000, loss_fen=85_000, cost_fen=5_000)
    scores = pd.DataFrame({"one": score.astype(float)})
    goals = frontier.goal_cutoffs(
        strategy.cutoff_tables(scores, loans),
        frontier.draw_curves(scores, loans, n_draws=50),
        min_approval=0.5,
        max_bad_rate=0.1,
    )
    row = goals.loc[("marginal profit zero", "one")]
    assert row["cutoff"] == pytest.approx(500 + 20 * np.log(9), abs=2)
    assert row["cutoff_high"] - row["cutoff_low"] < 8
    assert row["apart_low"] <= 0 <= row["apart_high"]


def test_a_goal_that_no_cutoff_meets_is_a_row_of_nan(tables, curves):
    goals = frontier.goal_cutoffs(tables, curves, min_approval=0.6, max_bad_rate=0.0)
    row = goals.loc[("bad rate", "blunt")]
    if pd.isna(row["cutoff"]):
        assert row[["cutoff_low", "apart", "less_amount", "bad_rate"]].isna().all()
    with pytest.raises(ValueError, match="curves of"):
        frontier.goal_cutoffs({"blunt": tables["blunt"]}, curves, min_approval=0, max_bad_rate=1)


def test_no_cutoff_betters_an_efficient_one(curves, tables):
    found = frontier.efficient_tables(curves, tables)
    every = pd.concat(found)
    rates = every[["approval_rate", "bad_rate"]].to_numpy()
    bettered = [
        ((rates[:, 0] >= a) & (rates[:, 1] <= b) & ((rates[:, 0] > a) | (rates[:, 1] < b))).any()
        for a, b in rates
    ]
    assert every["is_efficient"].to_numpy()[np.array(bettered)].sum() == 0
    assert every["is_efficient"].sum() >= 10
    # the sharper model makes most of the frontier
    share = every["is_efficient"].groupby(level=0).sum()
    assert share["sharp"] > 5 * share["blunt"]
    own = found["sharp"]
    assert own["inferred"].tolist() == tables["sharp"]["inferred"].tolist()
    assert (own["profit_low"] <= own["profit_amount"]).all()


def test_todays_policy_is_the_sum_of_its_loans(world, curves):
    _, loans, _ = world
    point = frontier.policy_point(curves)
    known = loans["default_flag"].notna()
    profit = np.where(loans["default_flag"] == 0, loans["margin_fen"], -loans["loss_fen"])
    earned = (profit - loans["cost_fen"])[known].sum() / 100
    assert point["profit_amount"] == pytest.approx(earned)
    assert point["bad_rate"] == pytest.approx(loans["default_flag"].mean())
    assert point["approval_rate"] == loans["approved"].mean()
    assert point["bad_rate_low"] < point["bad_rate"] < point["bad_rate_high"]


def test_the_gap_at_equal_approval_is_counted_one_by_one(world, curves):
    scores, loans, _ = world
    gap = frontier.policy_gap(curves, {"blunt": 600.0, "sharp": 605.0})
    expected = frontier.Expected.of(scores, loans).frame["profit_amount"].to_numpy()
    today = expected @ loans["approved"].to_numpy()
    row = gap.loc[(1.0, "sharp", "best cutoff")]
    above = (scores["sharp"] >= 605).to_numpy()
    assert row["gain_amount"] == pytest.approx(expected @ above - today)
    assert row["approval_rate"] == above.mean()
    row = gap.loc[(1.0, "sharp", "equal approval")]
    assert row["approval_rate"] == loans["approved"].mean()
    # between the two cutoffs about it
    around = []
    for cutoff in np.unique(scores["sharp"]):
        above = (scores["sharp"] >= cutoff).to_numpy()
        around.append((abs(above.mean() - loans["approved"].mean()), expected @ above - today))
    nearest = [value for _, value in sorted(around)[:2]]
    assert min(nearest) - 1e-6 <= row["gain_amount"] <= max(nearest) + 1e-6
    row = gap.loc[(1.0, "blunt", "equal bad rate")]
    assert row["bad_rate"] <= row["today_bad_rate"]
    # whoever thinks worse of the unseen expects less of letting them in
    likelier = gap.xs("equal approval", level="comparison")["gain_amount"].unstack("uplift")
    assert (likelier[2.0] < likelier[1.0]).all()


def test_a_better_model_is_worth_something_and_the_same_model_nothing(world, curves):
    scores, loans, _ = world
    cutoffs = frontier.best_cutoffs(curves)
    worth = frontier.model_worth(curves, cutoffs)
    assert (worth["worth_low"] > 0).all()
    assert worth.loc["equal approval", "blunt_approval_rate"] == pytest.approx(
        worth.loc["equal approval", "sharp_approval_rate"]
    )
    row = worth.loc["equal bad rate"]
    assert row["sharp_bad_rate"] <= row["blunt_bad_rate"]
    assert row["sharp_approval_rate"] > row["blunt_approval_rate"]
    twice = pd.DataFrame({"one": scores["sharp"], "other": scores["sharp"]})
    same = frontier.draw_curves(twice, loans, n_draws=20)
    nothing = frontier.model_worth(same, {"one": 605.0, "other": 605.0})
    amounts = nothing.loc[["equal approval", "best cutoff"], ["worth_low", "worth_high"]]
    np.testing.assert_allclose(amounts, 0, atol=1e-6)
    with pytest.raises(ValueError, match="two models"):
        frontier.model_worth(frontier.draw_curves(scores[["sharp"]], loans, n_draws=20), cutoffs)
    with pytest.raises(ValueError, match=r"cutoffs lack \['sharp'\]"):
        frontier.model_worth(curves, {"blunt": 600.0})


def test_a_point_of_gini_is_what_a_mixture_with_a_lottery_loses(seen):
    scores, loans = seen
    cutoffs = {"blunt": 600.0, "sharp": 600.0}
    curves = frontier.draw_curves(scores, loans, n_draws=50)
    points = frontier.gini_worth(curves, cutoffs)
    flag = loans["default_flag"]
    counts = metrics.score_counts(scores["sharp"], flag)
    row = points.loc["sharp against a lottery"]
    assert row["gini"] == pytest.approx(metrics.gini(counts))
    # four applicants of ten get the score of somebody drawn by lot
    rng = np.random.default_rng(2)
    rate, score = row["approval_rate"], scores["sharp"].to_numpy()
    mixed = []
    for _ in range(60):
        dealt = np.where(rng.random(len(score)) < 0.4, rng.permutation(score), score)
        curve = frontier.draw_curves(pd.DataFrame({"m": dealt}), loans, n_draws=20).curve("m")
        profit = curve.at_approval(curve.expected_profit, np.full(21, rate))[0]
        mixed.append((metrics.gini(metrics.score_counts(dealt, flag)), profit))
    gini, profit = np.mean(mixed, axis=0)
    assert gini == pytest.approx(0.6 * row["gini"], abs=0.01)
    curve = curves.curve("sharp")
    whole = curve.at_approval(curve.expected_profit, np.full(51, rate))[0]
    slope = (whole - profit) / (100 * (row["gini"] - gini))
    assert slope == pytest.approx(row["point_amount"], rel=0.05)
    assert points.loc["between the models", "point_low"] > 0


def test_words_of_the_gap_and_the_worth_carry_intervals_and_verdicts(curves):
    cutoffs = frontier.best_cutoffs(curves)
    gap, worth = frontier.policy_gap(curves, cutoffs), frontier.model_worth(curves, cutoffs)
    points = frontier.gini_worth(curves, cutoffs)
    told = frontier.gap_text(gap, "blunt", "C<NY")
    assert r"C\<NY" in told
    assert "2 times the odds" in told
    row = gap.loc[(1.0, "blunt", "best cutoff")]
    assert f"{row['gain_low']:+,.0f} to {row['gain_high']:+,.0f}" in told
    told = frontier.worth_text(worth, points, "CNY")
    assert told.count("more than chance") == 3
    assert told.count("- a point of Gini") == 3
    none = worth.assign(worth_low=-1.0)
    assert "cannot be told from nothing" in frontier.worth_text(none, points, "CNY")
    few = "Too few to say"
    assert few in frontier.worth_text(worth.assign(bad=9), points, "CNY")
    assert few in frontier.gap_text(gap.assign(bad=9), "blunt", "CNY")
    vague = points.assign(point_amount=np.nan)
    assert "cannot be told apart" in frontier.worth_text(worth, vague, "CNY")
    with pytest.raises(ValueError, match="lacks 'other'"):
        frontier.gap_text(gap, "other", "CNY")


def test_words_of_the_goals_say_whether_they_agree(goals):
    rates = {"lost_rate": 0.275, "loss_rate": 0.6}
    goals = goals.copy()
    last = ("expected maximum profit", "sharp")
    goals.loc[last, ["apart", "apart_low", "apart_high"]] = [-12, -20, -3]
    told = frontier.goals_text(goals, "sharp", "CNY", **rates)
    assert "12 points below the most profitable cutoff, beyond chance (-20 to -3)" in told
    assert "27.5% of a bad loan is lost" in told
    goals.loc[last, ["apart", "apart_low", "apart_high"]] = [-2, -9, 3]
    told = frontier.goals_text(goals, "sharp", "CNY", **rates)
    assert "*expected maximum profit* agrees with the most profitable cutoff within chance" in told
    assert "27.5%" not in frontier.goals_text(goals, "sharp", "CNY", lost_rate=0.6, loss_rate=0.6)
    goals["bad"] = 12
    assert "Too few to be sure" in frontier.goals_text(goals, "sharp", "CNY", **rates)
    with pytest.raises(ValueError, match="goals lack 'other'"):
        frontier.goals_text(goals, "other", "CNY", **rates)


def test_words_of_the_bands_join_neighbours(world):
    scores, loans, _ = world
    bands = frontier.marginal_bands(scores, loans, max_bands=5).loc[["sharp"]].copy()
    bands["marginal_profit_low"] = [1, 1, -1, -9, -9]
    bands["marginal_profit_high"] = [9, 9, 1, -1, -1]
    lows = bands.index.get_level_values("cutoff")
    highs = bands["score_high"].to_numpy()
    told = frontier.bands_text(bands, "sharp", "CNY")
    assert f"{lows[1]:.0f}–{highs[0]:.0f} earn beyond chance" in told
    assert f"{lows[4]:.0f}–{highs[3]:.0f} lose beyond chance" in told
    assert f"{lows[2]:.0f}–{highs[2]:.0f} cannot be told from nothing" in told
    few = frontier.bands_text(bands.assign(marginal_bad=1), "sharp", "CNY")
    assert "Too few to say" in few
    with pytest.raises(ValueError, match="bands lack 'blunt'"):
        frontier.bands_text(bands, "blunt", "CNY")


def test_pictures_show_todays_policy_beside_the_frontier_and_the_bands(world, curves, tables):
    scores, loans, _ = world
    efficient, point = frontier.efficient_tables(curves, tables), frontier.policy_point(curves)
    ax = plots.plot_cutoffs(efficient, "approval rate", point=point, told="expected")
    (mark,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert mark.get_label() == "today's policy"
    assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (point["approval_rate"], point["bad_rate"])
    assert f"today's policy lies at {point['approval_rate']:.0%}" in ax.figure.get_label()
    assert ax.get_ylabel() == "bad rate expected"
    ax = plots.plot_cutoffs(efficient, "approval rate", currency="CNY", point=point)
    (mark,) = [line for line in ax.lines if line.get_marker() == "D"]
    size = 1e6 if "million" in ax.get_ylabel() else 1e3
    assert mark.get_ydata()[0] * size == pytest.approx(point["profit_amount"])
    (ends,) = [part for part in ax.collections if len(part.get_segments()) == 1]
    low, high = ends.get_segments()[0][:, 1] * size
    assert (low, high) == pytest.approx((point["profit_low"], point["profit_high"]))
    bands = frontier.marginal_bands(scores, loans).loc["sharp"]
    ax = plots.plot_score_bands(bands, "Profit by band", currency="CNY")
    drawn = ax.collections[1].get_offsets()[:, 1]
    np.testing.assert_allclose(drawn, bands["marginal_per_loan_amount"].iloc[::-1])
    assert ax.get_ylabel() == "profit a loan, CNY"
    assert "Beyond chance, these bands earn: " in ax.figure.get_label()
    plt.close("all")
