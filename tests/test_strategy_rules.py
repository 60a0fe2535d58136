"""What was recommended, as a table for later notebooks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from riskkit import strategy
from riskkit.strategy import POLICIES

TODAY, ALONE, BEHIND, EVERYBODY = POLICIES


def found_of(*, declined=0.3, seed=5):
    """A recommendation on 3,000 applications whose challenger ranks better."""
    rng = np.random.default_rng(seed)
    n = 3_000
    risk = rng.normal(size=n)
    bad = rng.random(n) < 1 / (1 + np.exp(1.5 - 1.5 * risk))
    approved = rng.random(n) >= declined
    scores = pd.DataFrame(
        {
            "scorecard": np.rint(600 - 20 * (risk + rng.normal(0, 1.5, n))),
            "challenger": np.rint(600 - 20 * (risk + rng.normal(0, 0.2, n))),
        }
    )
    amount = np.full(n, 500_000)
    values = strategy.loan_values(amount, loss_rate=0.6, cost_amount=10, margin_rate=0.12)
    flag = np.where(approved, bad.astype(float), np.nan)
    loans = values.assign(amount=amount, approved=approved, booked=approved, default_flag=flag)
    return strategy.recommend(scores, loans, n_draws=60)


@pytest.fixture(scope="module")
def found():
    return found_of()


def test_rules_say_what_the_recommendation_says(found):
    rules = strategy.rules_table(found)
    assert list(rules.index) == [TODAY, ALONE, BEHIND]
    taken = rules[rules["is_taken"]].iloc[0]
    assert taken.name == found.gain[0]
    assert (taken["model"], taken["cutoff"]) == (found.taken.model, found.taken.cutoff)
    assert (taken["cutoff_low"], taken["cutoff_high"]) == (found.taken.low, found.taken.high)
    assert taken["model_again_rate"] == found.taken.model_again
    assert taken["optimism_amount"] == found.taken.optimism_amount
    assert rules["is_behind"].to_dict() == {TODAY: True, ALONE: False, BEHIND: True}
    for policy, gain in ((TODAY, "gain"), (ALONE, "expected_gain"), (BEHIND, "gain")):
        for end in ("amount", "low", "high"):
            assert rules.loc[policy, f"gain_{end}"] == found.policies.loc[policy, f"{gain}_{end}"]
        assert rules.loc[policy, "is_expected"] == (policy == ALONE)
    assert found.is_proven
    assert list(rules.index[rules["is_recommended"]]) == [taken.name]
    assert not rules["is_assumed"].any()
    assert strategy.rules_table(found, is_assumed=True)["is_assumed"].all()


def test_what_earns_no_more_beyond_chance_is_not_recommended(found):
    unlucky = found.policies.assign(gain_low=-1.0, expected_gain_low=-1.0)
    rules = strategy.rules_table(replace(found, policies=unlucky))
    assert list(rules.index[rules["is_recommended"]]) == [TODAY]
    assert rules["is_taken"].sum() == 1


def test_where_nobody_was_declined_the_cutoff_stands_against_everybody():
    found = found_of(declined=0.0)
    rules = strategy.rules_table(found)
    assert list(rules.index) == [EVERYBODY, ALONE]
    assert not rules[["is_behind", "is_expected"]].to_numpy().any()
    assert rules.loc[ALONE, "gain_amount"] == found.policies.loc[ALONE, "gain_amount"]
    none = strategy.rules_table(replace(found, alone=None))
    assert list(none.index) == [EVERYBODY]
    assert none["is_recommended"].tolist() == [True]
    assert not none["is_taken"].any()
