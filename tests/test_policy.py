"""Rules on applications: whom they fire on, and the funnel."""

from __future__ import annotations

import datetime
import math
import operator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import policy, schema, synthetic
from riskkit.schema import DataContractError, PolicyFile

PROJECT = Path(__file__).parents[1]
PLAIN = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge, "in": lambda v, of: v in of,
    "not_in": lambda v, of: v not in of,
}  # fmt: skip


def rule(*conditions, needs="all", name="r", step="rules"):
    return {"name": name, "label": name, "step": step, needs: list(conditions)}


def policy_of(*rules, **more):
    return PolicyFile(name="P", rules=list(rules), **more)


def one(column, operator, value, **more):
    return {"column": column, "operator": operator, "value": value, **more}


def fires(frame, condition, codes=None):
    return policy.fired(pd.DataFrame(frame), policy_of(rule(condition)), codes)["r"].tolist()


def by_hand(value, factor, condition, codes):
    """The truth table, a row at a time and without arrays."""
    is_missing = math.isnan(value)
    if condition["operator"] == "is_missing":
        return is_missing == condition["value"]
    wanted = condition["value"]
    wanted = [float(w) for w in wanted] if isinstance(wanted, list) else float(wanted)
    if is_missing:
        return False
    if value in codes and condition["operator"] not in ("==", "in"):
        return False
    if condition.get("times"):
        if math.isnan(factor) or factor in codes:
            return False
        wanted = wanted * factor
    return PLAIN[condition["operator"]](value, wanted)


CELLS = st.sampled_from([math.nan, -9.0, -1.0, 0.0, 1.0, 2.0, 6.0, 12.0])
CONDITIONS = st.one_of(
    st.builds(lambda o, v: one("x", o, v), st.sampled_from(["==", "!="]), st.sampled_from("0126")),
    st.builds(
        lambda o, v, t: one("x", o, v, times=t),
        st.sampled_from(["<", "<=", ">", ">="]),
        st.sampled_from(["0", "1", "2", "6", "-9"]),
        st.sampled_from(["", "y"]),
    ),
    st.builds(lambda o: one("x", o, ["-9", "2"]), st.sampled_from(["in", "not_in"])),
    st.builds(lambda v: one("x", "is_missing", v), st.booleans()),
)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8),
    st.lists(CONDITIONS, min_size=1, max_size=3),
    st.sampled_from(["any", "all"]),
)
def test_rules_fire_as_the_truth_table_says(cells, conditions, needs):
    frame = pd.DataFrame(cells, columns=["x", "y"], dtype=float)
    codes = {"x": [-9.0], "y": [-9.0]}
    found = policy.fired(frame, policy_of(rule(*conditions, needs=needs)), codes)["r"].tolist()
    of = any if needs == "any" else all
    assert found == [of(by_hand(x, y, c, (-9.0,)) for c in conditions) for x, y in cells]


def test_what_nobody_knows_declines_nobody():
    cells = {"x": [3.0, None, -9.0], "y": [1.0, 1.0, 1.0]}
    codes = {"x": [-9.0]}
    for operator_ in ("<", "<=", ">", ">=", "!="):
        assert fires(cells, one("x", operator_, "2"), codes)[1:] == [False, False]
    assert fires(cells, one("x", "not_in", ["2"]), codes) == [True, False, False]
    # a rule that wants them says so
    assert fires(cells, one("x", "==", "-9"), codes) == [False, False, True]
    assert fires(cells, one("x", "is_missing", True), codes) == [False, True, False]
    # nor does a code by which a bound would be multiplied
    product = {"x": [1.0, 1.0], "y": [-9.0, None]}
    assert fires(product, one("x", ">", "2", times="y"), {"y": [-9.0]}) == [False, False]
    assert fires(product, one("x", ">", "2", times="y")) == [True, False]
    # what is no declared code is a value
    assert fires(cells, one("x", "<", "2")) == [False, False, True]


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_texts_are_compared_as_written(dtype):
    column = pd.Series(["none", "full", None, "No"], dtype=object).astype(dtype)
    for condition, expected in [
        (one("x", "==", "none"), [1, 0, 0, 0]),
        (one("x", "!=", "none"), [0, 1, 0, 1]),
        (one("x", "in", ["full", "No"]), [0, 1, 0, 1]),
        (one("x", "not_in", ["full"]), [1, 0, 0, 1]),
        (one("x", "starts_with", "n"), [1, 0, 0, 0]),
        (one("x", "not_starts_with", "n"), [0, 1, 0, 1]),
    ]:
        assert fires({"x": column}, condition) == [bool(flag) for flag in expected]


def test_days_and_truth_values_are_compared_as_such():
    days = pd.to_datetime(["2024-01-31 12:00", "2024-02-01 00:00", None])
    assert fires({"x": days}, one("x", "<=", "2024-01-31")) == [True, False, False]
    assert fires({"x": days}, one("x", "==", "2024-01-31")) == [True, False, False]
    assert fires({"x": [True, False]}, one("x", "==", True)) == [True, False]
    table = policy.condition_table(
        pd.DataFrame({"x": days}), policy_of(rule(one("x", "<", "2024-02-01")))
    )
    assert table["value"][0] == datetime.datetime(2024, 2, 1)


def test_days_long_ago_and_columns_that_stand_twice():
    born = pd.to_datetime(["1959-12-31 23:00", "1960-01-01 00:00", None])
    assert fires({"x": born}, one("x", "<", "1960-01-01")) == [True, False, False]
    assert fires({"x": born.astype("datetime64[ns]")}, one("x", ">", "1000-01-01"))[:2] == [1, 1]
    twice = pd.DataFrame([[1.0, 2.0]], columns=["x", "x"])
    with pytest.raises(DataContractError, match="the applications have two columns x"):
        policy.fired(twice, policy_of(rule(one("x", "<", "1"))))


def test_numbers_in_any_storage_are_numbers():
    for dtype in ("int64", "float32", "Int64", "object"):
        assert fires({"x": pd.Series([5, 6, 7], dtype=dtype)}, one("x", ">=", "6")) == [
            False,
            True,
            True,
        ]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (one("z", "<", "1"), "rule r, z < 1: the applications have no column z"),
        (one("x", "<", "1", times="z"), "the applications have no column z"),
        (one("x", "<", "one"), "rule r, x < one: x holds numbers, and 'one' is none of them"),
        (one("x", "==", "none"), "x holds numbers, and 'none' is none of them"),
        (one("t", "<", "1"), "t holds text, and < compares numbers or dates"),
        (one("x", "<", "1", times="t"), "t holds text, and times needs numbers"),
        (one("d", "<", "2024-01-01", times="x"), "d holds dates, and times needs numbers"),
        (one("x", "starts_with", "1"), "x holds numbers, and starts_with compares text"),
        (one("b", "==", "yes"), "b holds truth values, and 'yes' is none of them"),
        (one("d", "<", "soon"), "d holds dates, and 'soon' is none of them"),
        (one("m", "<", "1"), "mixes numbers and text"),
        (one("d", "==", "2024-01-01 12:00"), "d holds dates, and .* is none of them"),
        (one("z1", "<", "2024-01-01"), "z1 has a time zone"),
        (one("f", "==", "1"), "f has categories that are floating; make them text"),
        (one("b", "in", [True, "x"]), "b holds truth values, and 'x' is none of them"),
    ],
)
def test_a_condition_that_cannot_be_held_to_its_column_is_refused(condition, message):
    frame = {"x": [1.0], "t": ["a"], "b": [True], "d": pd.to_datetime(["2024-01-01"])}
    frame |= {"m": pd.Series([1], dtype=object), "f": pd.Series([1.0], dtype="category")}
    frame |= {"z1": pd.to_datetime(["2024-01-01"]).tz_localize("Asia/Shanghai")}
    frame = pd.concat([pd.DataFrame(frame)] * 2, ignore_index=True)
    frame.loc[1, "m"] = "a"
    with pytest.raises(DataContractError, match=message):
        policy.fired(frame, policy_of(rule(condition)))


def test_the_first_rule_in_order_is_the_reason():
    rules = [rule(one("x", ">", str(k)), name=f"above {k}") for k in (5, 2)]
    flags = policy.fired(pd.DataFrame({"x": [9.0, 3.0, 1.0]}), policy_of(*rules))
    assert flags.to_numpy().tolist() == [[True, True], [False, True], [False, False]]
    assert policy.declined_by(flags).tolist() == ["above 5", "above 2", np.nan]
    assert policy.declined_by(flags[[]]).isna().all()


# -- the funnel -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lender():
    return synthetic.simulate(synthetic.Lender(), 3_000, seed=3).applications


@pytest.fixture(scope="module")
def rules():
    return schema.read_policy(PROJECT / "data" / "policies" / "synthetic.yaml")


def assert_conserved(table):
    before = table["applications"].shift().iloc[1:]
    now = table[["applications", "lost", "unknown"]].iloc[1:].sum(axis=1)
    assert (now == before).all()


def test_everyone_of_the_funnel_is_left_lost_or_unknown(lender, rules):
    codes = {f.name: f.special_codes for f in synthetic.FEATURES}
    flags = policy.fired(lender, rules, codes)
    passes = np.random.default_rng(1).random(len(lender)) < 0.7
    for lost in (
        policy.lost_today(lender, rules.declined_reasons),
        policy.lost_under(lender, rules, flags, passes),
    ):
        whole = policy.funnel_table(lender, lost)
        assert_conserved(whole)
        parts = policy.funnel_table(lender, lost, by=lender["channel"])
        for _, part in parts.groupby(level=0):
            assert_conserved(part)
        counts = ["applications", "lost", "unknown"]
        summed = parts[counts].groupby(level="step", sort=False).sum()
        pd.testing.assert_frame_equal(summed, whole[counts])
        # what was asked for adds up, too
        total = (parts["ticket_amount"] * parts["applications"]).groupby(level="step").sum()
        assert np.allclose(total, (whole["ticket_amount"] * whole["applications"])[total.index])


def test_the_funnel_says_what_was_decided(lender, rules):
    table = policy.funnel_table(lender, policy.lost_today(lender, rules.declined_reasons))
    assert table.loc["applied", "applications"] == len(lender)
    assert table.loc["offer", "applications"] == lender["approved"].sum()
    assert table.loc["disbursed", "applications"] == lender["booked"].sum()
    assert table.loc["identity", "lost"] == (lender["declined_reason"] == "identity").sum()
    assert table.loc["offer", "lost"] == (lender["declined_reason"] == "manual_review").sum()
    reason = lender["declined_reason"]
    early = [name for name, step in rules.declined_reasons.items() if step in ("identity", "rules")]
    for step, gone in (("identity", ["identity"]), ("rules", early)):
        left = lender.loc[~reason.isin(gone), "amount"].mean() / 100
        assert table.loc[step, "ticket_amount"] == pytest.approx(left)
    paid = lender.loc[lender["booked"], "booked_amount"].mean() / 100
    assert table.loc["disbursed", "ticket_amount"] == pytest.approx(paid)


def test_a_new_policy_knows_who_takes_its_offer_of_the_old_offers_alone(lender, rules):
    flags = policy.fired(lender, rules, {f.name: f.special_codes for f in synthetic.FEATURES})
    everyone = np.ones(len(lender), dtype=bool)
    table = policy.funnel_table(lender, policy.lost_under(lender, rules, flags, everyone))
    passed = ~flags.any(axis=1)
    assert table.loc["offer", "applications"] == passed.sum()
    assert table.loc["identity", "lost"] == flags["identity_mismatch"].sum()
    assert table.loc["disbursed", "unknown"] == (passed & ~lender["approved"]).sum()
    assert table.loc["disbursed", "applications"] == (passed & lender["booked"]).sum()
    offered = (passed & lender["approved"]).sum()
    assert (
        table.loc["disbursed", "share_of_step"] == table.loc["disbursed", "applications"] / offered
    )


def test_an_offer_accepted_and_not_paid_out_is_a_step_of_its_own():
    asked = pd.DataFrame({
        "approved": [False, True, True, True], "accepted": [False, False, True, True],
        "booked": [False, False, False, True], "amount": [100] * 4,
        "declined_reason": ["?", *"xyz"],
    })  # fmt: skip
    lost = policy.lost_today(asked, {})
    assert lost.tolist() == ["offer", "accepted", "disbursed", np.nan]
    assert policy.funnel_table(asked, lost)["applications"].tolist() == [4, 4, 4, 4, 3, 2, 1]


def test_the_funnel_in_words_says_what_is_not_known(lender, rules):
    today = policy.funnel_table(lender, policy.lost_today(lender, rules.declined_reasons))
    assert "Most are lost at *score*" in policy.funnel_text(today)
    assert "nobody knows" not in policy.funnel_text(today)
    flags = policy.fired(lender, rules, {f.name: f.special_codes for f in synthetic.FEATURES})
    under = policy.funnel_table(lender, policy.lost_under(lender, rules, flags, [True] * 3_000))
    assert f"{under['unknown'].sum():,} would get an offer" in policy.funnel_text(under)
    accepted = lender[lender["booked"]]
    only = policy.funnel_table(accepted, policy.lost_today(accepted, {}))
    assert policy.funnel_text(only).startswith("Everyone in these data was approved")
    nobody = policy.funnel_table(lender[:0], policy.lost_today(lender[:0], {}))
    assert policy.funnel_text(nobody) == "Nobody applied."


def test_nobody_makes_an_empty_funnel():
    asked = pd.DataFrame({"approved": [], "booked": [], "amount": [], "channel": []})
    table = policy.funnel_table(asked, policy.lost_today(asked, {}))
    assert table["applications"].tolist() == [0] * 6
    assert table["share_of_step"].isna().all()
    empty = policy.funnel_table(asked, policy.lost_today(asked, {}), by=asked["channel"])
    assert empty.empty
    assert empty.index.names == ["channel", "step"]


def test_a_funnel_without_decisions_is_refused():
    with pytest.raises(DataContractError, match="approved"):
        policy.lost_today(pd.DataFrame({"booked": [True]}), {})
