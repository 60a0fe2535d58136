import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import metrics, strategy

ECONOMICS = strategy.Economics(margin_amount=60, loss_amount=600, cost_amount=5)


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
            "good": [1, 1, 1],
            "bad": [1, 1, 0],
            "bad_rate": [0.5, 0.5, 0.0],
            "share_of_booked_kept": [1.0, 1.0, 2 / 3],
            "profit_amount": [-550, -550, 55],
            # 0.8 is the first rate that reaches 0.5: the old policy's own cutoff on this score
            "inferred": [True, False, False],
            "amount": [150, 140, 90],
        },
        index=pd.Index([1, 2, 3], name="cutoff"),
    )
    pd.testing.assert_frame_equal(
        strategy.cutoff_table(counts, ECONOMICS, old_approval_rate=0.5), expected
    )


def test_rows_below_the_old_cutoff_are_inferred(bands):
    # exactly the old policy's own approval rate is not an extrapolation
    table = strategy.cutoff_table(bands, ECONOMICS, old_approval_rate=830 / 1070)
    assert table["inferred"].tolist() == [True, False, False]
    assert not strategy.cutoff_table(bands, ECONOMICS)["inferred"].any()


def test_no_booked_loan_above_a_cutoff_leaves_its_bad_rate_open():
    counts = metrics.score_counts([1, 2, 3], [1, 0, np.nan])
    table = strategy.cutoff_table(counts, ECONOMICS)
    assert table["bad_rate"].isna().tolist() == [False, False, True]
    assert table.loc[3, "booked"] == 0
    assert table.loc[3, "profit_amount"] == 0


def test_no_booked_loan_at_all_does_not_crash():
    table = strategy.cutoff_table(metrics.score_counts([1, 2], [np.nan] * 2), ECONOMICS)
    assert table["approval_rate"].tolist() == [1, 0.5]
    assert table[["bad_rate", "share_of_booked_kept"]].isna().all(axis=None)


def test_no_applications_give_an_empty_table():
    assert strategy.cutoff_table(metrics.score_counts([], []), ECONOMICS).shape == (0, 9)


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
    with pytest.raises(ValueError, match="old_approval_rate must lie in"):
        strategy.cutoff_table(bands, ECONOMICS, old_approval_rate=60)


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
