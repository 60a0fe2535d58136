"""What each rule costs and spares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import policy, synthetic
from riskkit.schema import PolicyFile


def policy_of(*names):
    condition = {"column": "x", "operator": "<", "value": "1"}
    rules = [{"name": n, "label": n.upper(), "step": "rules", "all": [condition]} for n in names]
    return PolicyFile(name="P", rules=rules)


def effects_of(flags, outcome, **more):
    flags = pd.DataFrame(flags)
    asked = pd.DataFrame({"default_flag": outcome}, index=flags.index, dtype=float)
    return policy.rule_effects(flags, policy_of(*flags.columns), asked, **more)


def test_first_and_alone_are_counted_by_hand():
    flags = {"a": [1, 1, 0, 0, 0], "b": [1, 0, 1, 1, 0]}
    table = effects_of(pd.DataFrame(flags).astype(bool), [1, None, 0, 1, 0])
    assert table["fires"].to_dict() == {"a": 2, "b": 3}
    assert table["declines_first"].to_dict() == {"a": 2, "b": 2}
    assert table["declines_alone"].to_dict() == {"a": 1, "b": 2}
    assert table["alone_rate"].to_dict() == {"a": 0.2, "b": 0.4}
    assert table.loc["b", ["loans", "bad", "alone_loans", "alone_bad"]].tolist() == [3, 2, 2, 1]
    assert table.loc["a", ["passed_loans", "passed_bad"]].tolist() == [1, 0]
    # whom the score declines, too, no rule declines alone
    passes = np.array([True, True, False, True, True])
    flags = pd.DataFrame(flags).astype(bool)
    assert effects_of(flags, [1, None, 0, 1, 0], passes=passes)["declines_alone"].tolist() == [1, 1]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_dropping_a_rule_approves_those_it_alone_declines(seed, n_rules):
    rng = np.random.default_rng(seed)
    flags = pd.DataFrame({f"r{k}": rng.random(50) < 0.3 for k in range(n_rules)})
    passes = rng.random(50) < 0.7
    table = effects_of(flags, rng.integers(0, 2, 50), passes=passes)
    approved = (~flags.any(axis=1) & passes).sum()
    for name, row in table.iterrows():
        without = ~flags.drop(columns=name).any(axis=1) & passes
        assert without.sum() - approved == row["declines_alone"]
        assert row["declines_first"] <= row["fires"]
        assert row["bad"] + 0 <= row["loans"] == row["fires"]
    assert table["declines_first"].sum() == flags.any(axis=1).sum()
    assert policy.declined_by(flags).value_counts(sort=False).tolist() == list(
        table["declines_first"]
    )


def test_verdicts_are_fishers_test_against_the_margin_after_holm():
    # 600 pass (60 bad), 100 of them the margin with 10 bad; three rules of 400 each
    sizes = {"good": (400, 8), "alike": (400, 40), "bad": (400, 160), "rare": (20, 5)}
    flags, outcome = [], []
    for name, (n, bad) in sizes.items():
        flags += [{other: other == name for other in sizes}] * n
        outcome += [1] * bad + [0] * (n - bad)
    flags += [dict.fromkeys(sizes, False)] * 600
    margin = np.r_[np.zeros(len(outcome)), np.ones(300), np.zeros(300)].astype(bool)
    outcome += [1] * 30 + [0] * 270 + [1] * 30 + [0] * 270
    truth = np.array(outcome)
    table = effects_of(pd.DataFrame(flags), np.nan * truth, margin=margin, truth=truth)
    assert table["verdict"].to_dict() == {
        "good": "better than the margin", "alike": "as the margin", "bad": "worse than the margin",
        "rare": "too few to say",
    }  # fmt: skip
    raw = [stats.fisher_exact([[bad, n - bad], [30, 270]]).pvalue for n, bad in sizes.values()]
    order = np.argsort(raw)
    stepped = np.maximum.accumulate(np.array(raw)[order] * [4, 3, 2, 1]).clip(max=1)
    assert table["p_value"].to_numpy()[order] == pytest.approx(stepped)
    text = policy.effects_text(table, is_true=True)
    assert "**Turns good customers away:** *GOOD* (400 alone, 2.0%" in text
    assert "Cannot be told from the margin" in text
    assert "nobody has seen" not in text
    assert "What became of the declined nobody has seen" in policy.effects_text(
        table, is_true=False
    )


def test_a_rule_that_fires_on_nobody_declines_nobody():
    table = effects_of({"a": [False, False], "b": [True, False]}, [None, None])
    assert table["verdict"].tolist() == ["declines nobody alone", "too few to say"]
    assert pd.isna(table["p_value"]).all()
    assert "Declines nobody whom nothing else declines: *A*" in policy.effects_text(
        table, is_true=False
    )


def test_flags_of_other_rules_are_refused():
    flags = pd.DataFrame({"a": [True]})
    asked = pd.DataFrame({"default_flag": [1.0]})
    with pytest.raises(ValueError, match="flags must be those of the policy's rules"):
        policy.rule_effects(flags, policy_of("b"), asked)


def test_a_rule_on_nothing_is_told_from_one_on_risk_on_the_synthetic_lender():
    world = synthetic.simulate(synthetic.Lender(), 6_000, seed=5)
    asked, truth = world.applications, world.truth["simulated_default_12m"]
    conditions = [("hour", "application_hour", "in", ["9", "15", "20"]),
                  ("arrears", "worst_status_24m", ">=", "2")]  # fmt: skip
    rules = [
        {"name": n, "label": n, "step": "rules",
         "all": [{"column": c, "operator": o, "value": v}]} for n, c, o, v in conditions
    ]  # fmt: skip
    ours = PolicyFile(name="P", rules=rules)
    codes = {f.name: f.special_codes for f in synthetic.FEATURES}
    table = policy.rule_effects(policy.fired(asked, ours, codes), ours, asked, truth=truth)
    assert table["verdict"].to_dict() == {
        "hour": "as the margin", "arrears": "worse than the margin",
    }  # fmt: skip
    assert (
        table.loc["arrears", "true_rate_low"]
        > table.loc["arrears", "margin_bad"] / table.loc["arrears", "margin_loans"]
    )
