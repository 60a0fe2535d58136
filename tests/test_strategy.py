import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import metrics, strategy
from riskkit.scorecard import ScoreScale
from riskkit.strategy import words

ECONOMICS = strategy.Economics(margin_amount=60, loss_amount=600, cost_amount=5)
# Jeffreys 95 % intervals of one bad of two, and the upper end of none of one
HALF_OF_TWO, NONE_OF_ONE = stats.beta(1.5, 1.5).ppf([0.025, 0.975]), stats.beta(0.5, 1.5).ppf(0.975)
# 1.96 √(Σ profit² − (Σ profit)² / 2) of two known loans, one good and one bad, and of the good one
WIDTH_OF_TWO, WIDTH_OF_ONE = stats.norm.ppf(0.975) * np.array(
    [np.sqrt(55**2 + 605**2 - 550**2 / 2), np.sqrt(55**2 - 55**2 / 2)]
)


@pytest.fixture
def bands():
    """The design's three bands, riskiest first."""
    good, bad = [200, 300, 500], [40, 20, 10]
    return metrics.score_counts(
        np.repeat([1, 2, 3], [240, 320, 510]),
        np.concatenate([np.repeat([0, 1], pair) for pair in zip(good, bad, strict=True)]),
    )


@pytest.fixture
def table(bands):
    return strategy.cutoff_table(bands, ECONOMICS)


rows = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from([0.0, 1.0, np.nan]), st.booleans()),
    min_size=1,
    max_size=50,
)


def counted(rows):
    score, y, booked = np.array(rows, dtype=float).T
    return score, y, booked.astype(bool) | ~np.isnan(y)


def test_economics_refuse_negative_or_missing_amounts():
    with pytest.raises(ValueError, match=r"loss_amount must be finite and >= 0, got -1"):
        strategy.Economics(margin_amount=1, loss_amount=-1, cost_amount=0)
    with pytest.raises(ValueError, match="cost_amount must be finite"):
        strategy.Economics(margin_amount=1, loss_amount=1, cost_amount=float("nan"))


def test_design_vector_of_profit_by_cutoff(table):
    assert table.index.tolist() == [1, 2, 3]
    assert table["profit_amount"].tolist() == [12_650, 25_850, 21_450]
    best = strategy.choose_cutoff(table, objective="profit")
    assert best.name == 2
    assert best["share_of_booked_kept"] == pytest.approx(0.7757, abs=5e-5)
    assert best["bad_rate"] == pytest.approx(0.03614, abs=5e-6)


def test_cutoff_table_counts_all_applications_but_rates_known_outcomes():
    counts = metrics.score_counts(
        [1, 2, 2, 3, 3],
        [np.nan, 1, np.nan, 0, np.nan],
        booked=[False, True, False, True, True],
        sums={"amount": [10, 20, 30, 40, 50]},
    )
    expected = pd.DataFrame(
        {
            "applications": [5, 4, 2],
            "approval_rate": [1.0, 0.8, 0.4],
            "booked": [3, 3, 2],
            "never_booked_rate": [0.4, 0.25, 0.0],
            "good": [1, 1, 1],
            "bad": [1, 1, 0],
            "bad_rate": [0.5, 0.5, 0.0],
            "bad_rate_low": [HALF_OF_TWO[0], HALF_OF_TWO[0], 0.0],
            "bad_rate_high": [HALF_OF_TWO[1], HALF_OF_TWO[1], NONE_OF_ONE],
            # the bad lies below the good: no line
            "expected_bad_rate": [np.nan] * 3,
            "share_of_booked_kept": [1.0, 1.0, 2 / 3],
            "profit_amount": [-550, -550, 55],
            "profit_low": [-550 - WIDTH_OF_TWO, -550 - WIDTH_OF_TWO, 55 - WIDTH_OF_ONE],
            "profit_high": [-550 + WIDTH_OF_TWO, -550 + WIDTH_OF_TWO, 55 + WIDTH_OF_ONE],
            # a quarter is not more than a quarter
            "inferred": [True, False, False],
            "amount": [150, 140, 90],
        },
        index=pd.Index([1, 2, 3], name="cutoff"),
    )
    pd.testing.assert_frame_equal(
        strategy.cutoff_table(counts, ECONOMICS, max_never_booked=0.25), expected
    )


def test_rows_are_inferred_by_the_share_never_booked(bands):
    # granted loans only: nothing is inferred however strict
    everything = strategy.cutoff_table(bands, ECONOMICS, max_never_booked=0)
    assert not everything["inferred"].any()
    # declined wherever they stood: 160 of 1230, 80 of 910, 51 of 561
    declined = bands.assign(applications=bands["applications"] + [80, 29, 51])
    shares = strategy.cutoff_table(declined, ECONOMICS)["never_booked_rate"]
    np.testing.assert_allclose(shares, [160 / 1230, 80 / 910, 51 / 561])
    for limit, marked in ((0.2, [0, 0, 0]), (0.1, [1, 0, 0]), (0.09, [1, 0, 1])):
        table = strategy.cutoff_table(declined, ECONOMICS, max_never_booked=limit)
        assert table["inferred"].tolist() == [bool(m) for m in marked]


def test_bad_rate_has_the_jeffreys_interval_of_its_level(bands):
    # Beta(10.5, 500.5) of 10 bads among 510
    table = strategy.cutoff_table(bands, ECONOMICS, level=0.9)
    expected = stats.beta(10.5, 500.5).ppf([0.05, 0.95])
    np.testing.assert_allclose(table.loc[3, ["bad_rate_low", "bad_rate_high"]], expected)


def test_expected_bad_rate_counts_those_never_booked_by_their_score():
    # so many that the line of the known is the one drawn from; among the riskier, more declined
    rng = np.random.default_rng(1)
    score = rng.integers(450, 650, 200_000)
    p = 1 / (1 + np.exp((score - 500) / 30))
    y = (rng.random(len(score)) < p).astype(float)
    booked = rng.random(len(score)) < 1 - p
    counts = metrics.score_counts(score, np.where(booked, y, np.nan), booked=booked)
    table = strategy.cutoff_table(counts, ECONOMICS)
    for cutoff in (450, 500, 560, 620):
        approved, row = score >= cutoff, table.loc[cutoff]
        assert row["expected_bad_rate"] == pytest.approx(y[approved].mean(), rel=0.05)
    assert table.loc[450, "bad_rate"] < 0.8 * y.mean()


def test_expected_bad_rate_is_the_observed_one_where_everybody_was_seen(bands, table):
    assert table["expected_bad_rate"].tolist() == table["bad_rate"].tolist()
    # also without a line: the bads all lie below the goods
    counts = metrics.score_counts([1, 1, 2, 2], [1, 1, 0, 0])
    known = strategy.cutoff_table(counts, ECONOMICS)
    assert known["expected_bad_rate"].tolist() == [0.5, 0]


def test_no_booked_loan_above_a_cutoff_leaves_its_bad_rate_open():
    counts = metrics.score_counts([1, 2, 3], [1, 0, np.nan])
    table = strategy.cutoff_table(counts, ECONOMICS)
    assert table["bad_rate"].isna().tolist() == [False, False, True]
    assert table.loc[3, "booked"] == 0
    assert table.loc[3, "profit_amount"] == 0


def test_no_booked_loan_at_all_does_not_crash():
    table = strategy.cutoff_table(metrics.score_counts([1, 2], [np.nan] * 2), ECONOMICS)
    assert table["approval_rate"].tolist() == [1, 0.5]
    assert table["never_booked_rate"].tolist() == [1, 1]
    assert table["inferred"].all()
    unknown = ["bad_rate", "bad_rate_low", "bad_rate_high", "expected_bad_rate"]
    assert table[[*unknown, "share_of_booked_kept"]].isna().all(axis=None)


def test_no_applications_give_an_empty_table():
    assert strategy.cutoff_table(metrics.score_counts([], []), ECONOMICS).shape == (0, 15)


@settings(max_examples=60, deadline=None)
@given(rows=rows, cutoff=st.integers(0, 8))
def test_each_row_equals_counting_the_approved(rows, cutoff):
    score, y, booked = counted(rows)
    table = strategy.cutoff_table(metrics.score_counts(score, y, booked=booked), ECONOMICS)
    assert table["approval_rate"].is_monotonic_decreasing
    assert table["approval_rate"].iloc[0] == 1
    assert table["applications"].iloc[0] == len(score)
    if cutoff not in table.index:
        return
    row, approved = table.loc[cutoff], score >= cutoff
    goods, bads = (y[approved] == 0).sum(), (y[approved] == 1).sum()
    assert row["applications"] == approved.sum()
    assert row["booked"] == booked[approved].sum()
    assert (row["good"], row["bad"]) == (goods, bads)
    assert row["profit_amount"] == 60 * goods - 600 * bads - 5 * (goods + bads)
    assert row["never_booked_rate"] == pytest.approx(1 - booked[approved].mean())
    if goods + bads:
        assert row["bad_rate_low"] <= row["bad_rate"] <= row["bad_rate_high"]


def test_weighted_approval_ends_at_exactly_one():
    # added from above these weights give 0.6, from below 0.6000000000000001
    counts = metrics.score_counts([0, 1, 2], [0, 1, 0], weight=[0.1, 0.2, 0.3])
    table = strategy.cutoff_table(counts, ECONOMICS)
    assert table["approval_rate"].iloc[0] == 1
    assert strategy.choose_cutoff(table, min_approval=1).name == 0


def test_cutoff_table_refuses_bad_counts(bands):
    with pytest.raises(ValueError, match=r"counts lack \['booked'\]"):
        strategy.cutoff_table(bands.drop(columns="booked"), ECONOMICS)
    with pytest.raises(ValueError, match="one row a score"):
        strategy.cutoff_table(pd.concat([bands, bands]), ECONOMICS)
    with pytest.raises(ValueError, match=r"columns named \['bad_rate'\]"):
        strategy.cutoff_table(bands.assign(bad_rate=0.1), ECONOMICS)
    with pytest.raises(ValueError, match=r"max_never_booked must lie in \[0, 1\], got 20"):
        strategy.cutoff_table(bands, ECONOMICS, max_never_booked=20)
    with pytest.raises(ValueError, match=r"level must lie in \(0, 1\), got 1"):
        strategy.cutoff_table(bands, ECONOMICS, level=1)


def test_bad_rate_ceiling_takes_the_greatest_approval(table):
    assert strategy.choose_cutoff(table, max_bad_rate=0.05).name == 2
    assert strategy.choose_cutoff(table, max_bad_rate=table.loc[2, "bad_rate"]).name == 2
    assert strategy.choose_cutoff(table, max_bad_rate=0.03).name == 3
    assert strategy.choose_cutoff(table, max_bad_rate=1).name == 1


def test_approval_floor_takes_the_safest_cutoff(table):
    assert strategy.choose_cutoff(table, min_approval=0.4).name == 3
    assert strategy.choose_cutoff(table, min_approval=0.5).name == 2
    assert strategy.choose_cutoff(table, min_approval=1).name == 1


def test_profit_is_sought_within_the_limits(table):
    choose = strategy.choose_cutoff
    assert choose(table, objective="profit", max_bad_rate=0.02).name == 3
    assert choose(table, objective="profit", min_approval=0.9).name == 1
    assert choose(table, objective="profit", min_approval=0.4, max_bad_rate=0.04).name == 2


def test_equal_profit_goes_to_the_safest_cutoff():
    counts = metrics.score_counts([1, 2, 2], [0, 0, 0])
    table = strategy.cutoff_table(counts, strategy.Economics(0, 0, 0))
    assert strategy.choose_cutoff(table, objective="profit").name == 2


def test_profit_is_not_sought_where_nothing_is_known():
    # no outcomes at 3 and above: a profit of 0 there is ignorance, not the least loss
    table = strategy.cutoff_table(metrics.score_counts([1, 2, 3], [1, 1, np.nan]), ECONOMICS)
    assert strategy.choose_cutoff(table, objective="profit").name == 2
    blank = strategy.cutoff_table(metrics.score_counts([1, 2], [np.nan] * 2), ECONOMICS)
    with pytest.raises(ValueError, match="has known outcomes"):
        strategy.choose_cutoff(blank, objective="profit")
    with pytest.raises(ValueError, match="has known outcomes"):
        strategy.choose_cutoff(blank, max_bad_rate=0.5)


def test_the_choice_is_the_row_of_the_table(table):
    chosen = strategy.choose_cutoff(table, min_approval=0.5)
    assert type(chosen.name) is int
    assert chosen.to_dict() == table.loc[2].to_dict()
    shuffled = table.sample(frac=1, random_state=3)
    pd.testing.assert_series_equal(strategy.choose_cutoff(shuffled, min_approval=0.5), chosen)


def test_infeasible_bad_rate_names_the_lowest_attainable(table):
    message = r"bad_rate <= 0.01: the lowest attainable is 0.0196078, at cutoff 3"
    with pytest.raises(ValueError, match=message):
        strategy.choose_cutoff(table, max_bad_rate=0.01)


def test_infeasible_approval_names_the_highest_attainable(table):
    message = r"approval_rate >= 0.9: the highest attainable is 0.775701, at cutoff 2"
    with pytest.raises(ValueError, match=message):
        strategy.choose_cutoff(table.loc[2:], min_approval=0.9)


def test_infeasible_together_names_both(table):
    message = (
        r"no cutoff with approval_rate >= 0.5 has bad_rate <= 0.02: "
        r"the lowest attainable is 0.0361446, at cutoff 2"
    )
    with pytest.raises(ValueError, match=message):
        strategy.choose_cutoff(table, objective="profit", min_approval=0.5, max_bad_rate=0.02)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({}, "got none"),
        ({"max_bad_rate": 0.1, "min_approval": 0.5}, "got max_bad_rate and min_approval"),
        ({"objective": "volume"}, "objective must be 'profit', got 'volume'"),
        ({"max_bad_rate": 5}, r"max_bad_rate must be a fraction in \[0, 1\], got 5"),
        ({"min_approval": float("nan")}, "min_approval must be a fraction"),
    ],
)
def test_a_criterion_must_be_one_and_make_sense(table, keywords, message):
    with pytest.raises(ValueError, match=message):
        strategy.choose_cutoff(table, **keywords)


def test_an_empty_table_offers_no_cutoff(table):
    with pytest.raises(ValueError, match="the cutoff table is empty"):
        strategy.choose_cutoff(table.iloc[:0], objective="profit")


def test_swap_set_by_hand():
    table = strategy.swap_set(
        score_a=[700, 700, 500, 500, 650],
        score_b=[0.9, 0.1, 0.8, 0.2, 0.5],
        y=[0, 1, np.nan, np.nan, 1],
        booked=[True, True, True, False, True],
        cutoff_a=650,
        cutoff_b=0.5,
    )
    expected = pd.DataFrame(
        {
            "applications": [2, 1, 1, 1],
            "booked": [2, 1, 1, 0],
            "good": [1, 0, 0, 0],
            "bad": [1, 1, 0, 0],
            "bad_rate": [0.5, 1.0, np.nan, np.nan],
            "bad_rate_low": [HALF_OF_TWO[0], 1 - NONE_OF_ONE, np.nan, np.nan],
            "bad_rate_high": [HALF_OF_TWO[1], 1.0, np.nan, np.nan],
            "share_of_applications": [0.4, 0.2, 0.2, 0.2],
        },
        index=pd.Index(["both approve", "only a", "only b", "neither"], name="decision"),
    )
    pd.testing.assert_frame_equal(table, expected)


@settings(max_examples=50, deadline=None)
@given(rows=rows, cutoff=st.integers(0, 9), other=st.integers(0, 9))
def test_swap_set_holds_every_application_once(rows, cutoff, other):
    score, y, booked = counted(rows)
    reverse = score[::-1]
    table = strategy.swap_set(score, reverse, y, cutoff_a=cutoff, cutoff_b=other, booked=booked)
    assert table["applications"].sum() == len(score)
    assert table["booked"].sum() == booked.sum()
    assert table["bad"].sum() == (y == 1).sum()
    assert table["share_of_applications"].sum() == pytest.approx(1)
    assert table.loc[["both approve", "only a"], "applications"].sum() == (score >= cutoff).sum()
    assert table.loc[["both approve", "only b"], "applications"].sum() == (reverse >= other).sum()


def test_a_score_swaps_nobody_with_itself():
    score = np.arange(10)
    table = strategy.swap_set(score, score, score % 2, cutoff_a=4, cutoff_b=4)
    assert table["applications"].tolist() == [6, 0, 0, 4]


def test_swap_set_refuses_missing_scores_and_unequal_lengths():
    with pytest.raises(ValueError, match="score_b and cutoff_b must not be missing"):
        strategy.swap_set([1, 2], [1, np.nan], [0, 1], cutoff_a=1, cutoff_b=1)
    with pytest.raises(ValueError, match="must have one length"):
        strategy.swap_set([1, 2], [1], [0, 1], cutoff_a=1, cutoff_b=1)


def test_an_empty_swap_set_has_its_four_rows():
    table = strategy.swap_set([], [], [], cutoff_a=1, cutoff_b=1)
    assert table["applications"].tolist() == [0, 0, 0, 0]
    assert table["share_of_applications"].isna().all()


# -- several models side by side -----------------------------------------------------------------


@pytest.fixture
def two_tables():
    rng = np.random.default_rng(3)
    risk = rng.normal(size=3000)
    y = (rng.random(3000) < 1 / (1 + np.exp(2 - risk))).astype(float)
    scores = {"sharp": -risk, "blunt": -risk + rng.normal(0, 2, 3000)}
    return {
        name: strategy.cutoff_table(
            metrics.score_counts(np.rint(600 + 20 * score), y), strategy.Economics(60, 300, 5)
        )
        for name, score in scores.items()
    }


def test_each_goal_is_the_chosen_cutoff_of_each_model(two_tables):
    table = strategy.goals_table(two_tables, min_approval=0.5, max_bad_rate=0.1)
    limits = {
        "approval": {"min_approval": 0.5},
        "bad rate": {"max_bad_rate": 0.1},
        "profit": {"objective": "profit"},
    }
    assert len(table) == 6
    for (goal, model), row in table.iterrows():
        expected = strategy.choose_cutoff(two_tables[model], **limits[goal])
        assert row["cutoff"] == expected.name
        assert row["profit_amount"] == expected["profit_amount"]


def test_at_equal_approval_the_sharper_model_has_fewer_bads(two_tables):
    table = strategy.at_approval_rates(two_tables, [0.3, 0.625])
    assert list(table.index.get_level_values("at least").unique()) == ["30%", "62.5%"]
    assert (table.loc["30%", "approval_rate"] >= 0.3).all()
    bad_rate = table["bad_rate"].unstack("model")
    assert (bad_rate["sharp"] < bad_rate["blunt"]).all()


def test_a_ceiling_out_of_reach_is_a_row_without_values(two_tables):
    table = strategy.goals_table(two_tables, min_approval=0.5, max_bad_rate=0.0)
    unreached = [t["bad_rate"].min() > 0 for t in two_tables.values()]
    assert table.loc["bad rate", "cutoff"].isna().tolist() == unreached
    assert table.drop("bad rate", level="goal").notna().all(axis=None)


@pytest.fixture
def selected():
    """A model whose profit rises far into the part that the old policy declined."""
    counts = pd.DataFrame(
        {"applications": [100, 100, 100], "good": [10, 60, 95], "bad": [2, 1, 1]},
        index=pd.Index([1, 2, 3], name="score"),
    )
    counts["booked"] = counts["good"] + counts["bad"]
    return strategy.cutoff_table(counts, strategy.Economics(60, 200, 5), max_never_booked=0.2)


def test_profit_is_sought_among_the_rows_that_are_not_inferred(selected):
    assert selected["inferred"].tolist() == [True, True, False]
    table = strategy.goals_table({"m": selected}, min_approval=0.9, max_bad_rate=0.5)
    assert table["cutoff"].to_dict() == {
        ("approval", "m"): 1,
        ("bad rate", "m"): 1,
        ("profit", "m"): 3,
        ("profit, inferred too", "m"): 1,
    }
    assert table["inferred"].tolist() == [True, True, False, True]


def test_where_all_is_inferred_no_cutoff_is_the_most_profitable(selected):
    table = strategy.goals_table(
        {"m": selected.assign(inferred=True)}, min_approval=0.9, max_bad_rate=0.5
    )
    assert table.loc[("profit", "m"), ["cutoff", "profit_amount"]].isna().all()
    assert table.loc[("profit, inferred too", "m"), "cutoff"] == 1
    assert table["inferred"].dtype == bool


def test_without_inferred_rows_profit_is_one_goal(two_tables):
    table = strategy.goals_table(two_tables, min_approval=0.5, max_bad_rate=0.1)
    assert list(table.index.unique("goal")) == ["approval", "bad rate", "profit"]


# -- which model earns more ----------------------------------------------------------------------


@pytest.fixture
def two_scores():
    rng = np.random.default_rng(7)
    risk = rng.normal(size=2000)
    y = np.where(rng.random(2000) < 0.2, np.nan, rng.random(2000) < 1 / (1 + np.exp(2 - risk)))
    blunt = -risk + rng.normal(0, 1.5, 2000)
    return pd.DataFrame({"sharp": -risk, "blunt": blunt}), y


def profits(y):
    """Of equal loans, as ECONOMICS has them; missing where the outcome is."""
    return np.where(np.isnan(y), np.nan, np.where(y == 1, -605.0, 55.0))


def test_profit_difference_is_that_of_the_two_cutoffs(two_scores):
    scores, y = two_scores
    gap = strategy.profit_difference(scores, profits(y), {"sharp": 0.1, "blunt": -0.2})
    found = []
    for name, cutoff in (("sharp", 0.1), ("blunt", -0.2)):
        counts = metrics.score_counts(scores[name] >= cutoff, y)
        found.append(strategy.cutoff_table(counts, ECONOMICS).loc[1, "profit_amount"])
    assert gap["difference"] == pytest.approx(found[0] - found[1])
    assert gap["low"] < gap["difference"] < gap["high"]


def test_profit_difference_interval_is_that_of_loans_drawn_one_by_one(two_scores):
    scores, y = two_scores
    cutoffs = pd.Series({"sharp": 0.1, "blunt": -0.2})
    gap = strategy.profit_difference(scores, profits(y), cutoffs, level=0.9)
    known = ~np.isnan(y)
    by_a, by_b = (scores[name].to_numpy()[known] >= cutoffs[name] for name in scores)
    worth = profits(y)[known] * (by_a.astype(int) - by_b)
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(len(worth), np.full(len(worth), 1 / len(worth)), 4_000) @ worth
    # a quantile of 4,000 draws is sure to some .03 of the spread
    low, high = np.quantile(drawn, [0.05, 0.95])
    assert gap["low"] == pytest.approx(low, abs=0.1 * drawn.std())
    assert gap["high"] == pytest.approx(high, abs=0.1 * drawn.std())
    assert gap["swapped"] == (by_a != by_b).sum()


def test_a_model_differs_from_itself_by_nothing_and_few_swaps_say_nothing(two_scores):
    scores, y = two_scores
    same = scores.assign(blunt=scores["sharp"])
    gap = strategy.profit_difference(same, profits(y), {"sharp": 0, "blunt": 0})
    assert gap["difference"] == gap["swapped"] == 0
    assert gap[["low", "high"]].isna().all()
    order = scores["sharp"][~np.isnan(y)].sort_values()
    for swapped, too_few in ((19, True), (20, False)):
        cutoffs = {"sharp": order.iloc[100], "blunt": order.iloc[100 + swapped]}
        gap = strategy.profit_difference(same, profits(y), cutoffs)
        assert gap["swapped"] == swapped
        assert gap[["low", "high"]].isna().tolist() == [too_few] * 2


def test_profit_difference_needs_two_cutoffs_and_outcomes(two_scores):
    scores, y = two_scores
    difference, known = strategy.profit_difference, ["difference", "low", "high"]
    assert difference(scores, profits(y), {"sharp": 0, "blunt": np.nan})[known].isna().all()
    nobody = np.full(len(y), np.nan)
    both = {"sharp": 0, "blunt": 0}
    assert difference(scores, nobody, both)[known].isna().all()
    with pytest.raises(ValueError, match=r"needs two scores, got \['sharp'\]"):
        difference(scores[["sharp"]], profits(y), both)
    with pytest.raises(ValueError, match="level must lie in"):
        difference(scores, profits(y), both, level=95)
    with pytest.raises(ValueError, match="score_blunt and cutoff_blunt must not be missing"):
        difference(scores.assign(blunt=np.nan), profits(y), both)


# -- in words ------------------------------------------------------------------------------------


def test_words_say_whose_the_bad_rate_is_and_who_was_never_seen(selected):
    text = words.cutoff_text(selected.loc[1].astype(object))
    assert "of the loans booked among the approved is 2.37% (4 bads of 169 loans" in text
    assert "Of the 300 approved, 131 (43.7%) were never booked: nobody has seen them repay" in text
    expected = selected.loc[1, "expected_bad_rate"]
    assert f"**{expected:.2%} of all the loans** turn bad" in text
    assert "With fewer than 30 bads behind it" in text
    assert "fewer than" not in words.cutoff_text(selected.loc[1], min_bads=4)


def test_words_are_silent_on_the_never_booked_where_all_were_booked(table):
    text = words.cutoff_text(table.loc[1])
    assert "70 bads of 1,070 loans" in text
    assert "never booked" not in text
    assert "fewer than" not in text
    one = table.loc[3].copy()
    one["bad"] = 1
    assert "1 bad of 501 loans" in strategy.bad_rate_text(one)
    assert strategy.bad_rate_text(one * np.nan) == "not known"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(440, 680), min_size=2, max_size=200), st.integers(0, 99))
def test_a_higher_cutoff_approves_fewer_and_none_the_worse_by_the_models_probability(points, seed):
    y = np.random.default_rng(seed).integers(0, 2, len(points))
    own = pd.DataFrame({"probability": ScoreScale().probability(np.array(points, dtype=float))})
    counts = metrics.score_counts(points, y, sums=own)
    table = strategy.cutoff_table(counts, ECONOMICS).sort_index()
    assert (table["applications"].diff().dropna() < 0).all()
    expected = table["probability"] / table["applications"]
    assert (expected.diff().dropna() <= 1e-12).all()
