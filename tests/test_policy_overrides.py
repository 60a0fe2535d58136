"""Decisions by hand, past a rule and at random."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import policy, synthetic
from riskkit.chance import holm
from riskkit.policy.judged import exact_p_value


def test_the_exact_test_of_equal_coins_is_the_binomial():
    for n, p, bad in [(30, 0.2, 11), (50, 0.05, 0), (8, 0.5, 4), (400, 0.03, 30)]:
        expected = stats.binomtest(bad, n, p).pvalue
        assert exact_p_value(bad, np.full(n, p)) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_holm_never_ranks_a_larger_p_value_lower():
    # Holm (1979): 3 × 0.01, then 2 × 0.011 raised to it, then 1 × 0.5
    assert holm([0.5, 0.01, np.nan, 0.011]) == pytest.approx([0.5, 0.03, np.nan, 0.03], nan_ok=True)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=12), st.data())
def test_the_exact_test_of_unequal_coins_is_their_convolution(chances, data):
    mass = np.ones(1)
    for p in chances:
        mass = np.convolve(mass, [1 - p, p])
    bad = data.draw(st.integers(0, len(chances)))
    expected = mass[mass <= mass[bad] * (1 + 1e-7)].sum()
    assert exact_p_value(bad, np.array(chances)) == pytest.approx(min(1, expected), abs=1e-9)


def loans(n=6_000, seed=5, worse=0.0):
    """Loans whose risk falls with the score, and overridden ones that may be worse than it says."""
    rng = np.random.default_rng(seed)
    score = rng.normal(600, 30, n).round()
    by_hand = rng.random(n) < 0.1
    risk = 1 / (1 + np.exp(2 + (score - 600) / 30)) + worse * by_hand
    return pd.DataFrame({
        "approved": True, "booked": True, "default_flag": (rng.random(n) < risk).astype(float),
        "override": by_hand, "score": score,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("worse", "verdict"), [(0.0, "not told from what"), (0.15, "worse than"), (-0.1, "better than")]
)
def test_overrides_are_held_to_what_their_scores_expect(worse, verdict):
    asked = loans(worse=worse)
    table = policy.override_table(asked, asked["score"])
    row = table.loc["approved by hand"]
    assert row["verdict"] == f"{verdict} the score expects"
    mine = asked["override"]
    assert row["applications"] == mine.sum()
    assert row["bad"] == asked.loc[mine, "default_flag"].sum()
    assert row["expected_rate"] == pytest.approx(asked.loc[~mine, "default_flag"].mean(), abs=0.02)
    text = policy.override_text(table)
    assert "**Approved by hand**: " in text
    assert row["verdict"] in text


def test_few_overrides_are_too_few_to_say():
    asked = loans(400, worse=0.3)
    table = policy.override_table(asked, asked["score"])
    assert table.loc["approved by hand", "verdict"] == "too few to say"
    assert ": too few to say." in policy.override_text(table)


def test_every_decision_against_the_rule_is_of_one_kind():
    world = synthetic.simulate(synthetic.Lender(explore_rate=0.05), 4_000, seed=4).applications
    flags = pd.DataFrame({"debt": world["amount_to_income"] > 1.2})
    score = -world["utilisation"].fillna(0) - world["finance_apps_count"].fillna(0)
    table = policy.override_table(world, score, flags=flags, by_hand_reasons=("manual_review",))
    at_random = world["explored"]
    assert table["applications"].to_dict() == {
        "approved by hand": (world["override"] & ~at_random).sum(),
        "declined by hand": (world["declined_reason"] == "manual_review").sum(),
        "approved past a rule": (
            world["approved"] & flags["debt"] & ~at_random & ~world["override"]
        ).sum(),
    }
    assert table.loc["declined by hand", "verdict"] == "nobody has seen"
    assert "nobody has seen" in policy.override_text(table)


def test_nothing_known_of_overrides_says_so():
    asked = loans(100).drop(columns="override")
    assert "Nobody was approved or declined by hand" in policy.override_text(
        policy.override_table(asked, asked["score"])
    )


def explored(seed=3, n=20_000, hidden=0.0):
    rng = np.random.default_rng(seed)
    score = rng.normal(600, 30, n).round()
    declines = score < 590
    at_random = rng.random(n) < 0.1
    granted = ~declines | at_random
    risk = 1 / (1 + np.exp(2 + (score - 600) / 30)) + hidden * declines
    bad = np.where(granted, (rng.random(n) < risk).astype(float), np.nan)
    frame = pd.DataFrame({
        "approved": granted, "booked": granted, "default_flag": bad, "explored": at_random,
    })  # fmt: skip
    return frame, declines, score


@pytest.mark.parametrize(("hidden", "verdict"), [(0.0, "not told from what"), (0.15, "worse than")])
def test_exploring_teaches_what_becomes_of_the_declined(hidden, verdict):
    frame, declines, score = explored(hidden=hidden)
    profit = np.where(frame["default_flag"] == 1, -600.0, 100.0)
    profit = np.where(frame["default_flag"].isna(), np.nan, profit)
    table = policy.exploration_table(frame, declines, score, profit_amount=profit)
    row = table.loc["approved at random"]
    mine = frame["explored"].to_numpy() & declines
    assert row["applications"] == mine.sum()
    assert row["profit_amount"] == pytest.approx(np.nansum(profit[mine]))
    assert row["verdict"] == f"{verdict} the score expects"
    assert row["profit_low"] < row["profit_amount"] < row["profit_high"]
    text = policy.exploration_text(table, "CNY")
    assert "**They cost**" in text
    assert ("too kind to the declined" in text) == (hidden > 0)


def test_without_exploration_nobody_knows_and_the_text_says_so():
    frame, declines, score = explored()
    for none in (frame.drop(columns="explored"), frame.assign(explored=False)):
        table = policy.exploration_table(none, declines, score)
        assert table is None
        assert "what became of the declined is not known" in policy.exploration_text(table)
    unseen = frame.assign(default_flag=np.nan)
    told = policy.exploration_text(policy.exploration_table(unseen, declines, score))
    assert "no outcome of theirs is known yet" in told


# -- findings -------------------------------------------------------------------------------------


def test_what_went_wrong_is_found_and_red_where_somebody_decided_it():
    asked = loans(worse=0.15)
    overrides = policy.override_table(asked, asked["score"])
    frame, declines, score = explored(hidden=0.15)
    exploration = policy.exploration_table(frame, declines, score)
    found = policy.policy_findings(overrides=overrides, exploration=exploration)
    assert [(topic, is_red) for topic, _, is_red in found] == [
        ("Overrides", True), ("Exploration", False),
    ]  # fmt: skip
    assert found[0][1].startswith("approved by hand: ")
    assert "their scores expect" in found[1][1]
    well = loans()
    as_expected = policy.override_table(well, well["score"])
    assert policy.policy_findings(overrides=as_expected) == []


def test_a_rule_that_turns_good_customers_away_and_one_that_was_mined_are_found():
    effects = pd.DataFrame(
        {"verdict": ["better than the margin", "as the margin"], "alone_bad": [8, 40],
         "alone_loans": 400, "margin_bad": 30, "margin_loans": 300, "p_value": [0.001, 0.9]},
        index=["age", "debt"],
    )  # fmt: skip
    judged = pd.DataFrame(
        {
            "rule": ["x > 1", "z > 2"],
            "bad": [9, 1],
            "loans": 20,
            "verdict": ["holds", "too few to say"],
        }
    )
    found = policy.policy_findings(effects=effects, judged=judged)
    assert [(topic, is_red) for topic, _, is_red in found] == [
        ("Policy rules", False), ("Mined rules", False),
    ]  # fmt: skip
    assert found[0][1].startswith("age turns good customers away")
    assert "8 bads of 400, against 10.0%" in found[0][1]
    assert "1 of 2 rules that were mined hold" in found[1][1]
    assert found[1][1].endswith("9 bads of 20, few")
    assert policy.policy_findings(judged=judged[1:]) == []
