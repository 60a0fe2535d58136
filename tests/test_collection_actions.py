"""Collections: recounts row by row, effects from the control alone, plans against all plans."""

import dataclasses
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_blocks import InBlocks
from odd_panels import odd_panels
from pandas.testing import assert_frame_equal
from scipy import stats

from riskkit import collection_actions as ca
from riskkit import migration, partitions, synthetic
from riskkit.checks import DataContractError
from riskkit.collection_actions.case_outlook import _shift
from riskkit.collection_actions.treatment_plan import _best

# many fall into arrears, and a third of them are left alone
LENDER = synthetic.Lender(
    n_months=30,
    roll_logits=(-2.2, -0.45, 1.2, 2.0, 2.2, 2.4, 2.6),
    collection_logits=(0.3, 1.2, 1.2, 1.0, 0.8, 0.6, 0.6),
    collection_holdout_rate=0.3,
)
SEEN = LENDER.observed_to
ACTIONS = ca.read_actions(
    "text: cost 0.1, per day 1000, strength 0.3; call: cost 4, per day 3, strength 2"
)


@pytest.fixture(scope="module")
def world():
    return synthetic.simulate(LENDER, 9_000, seed=3)


@pytest.fixture(scope="module")
def cases(world):
    return ca.collection_cases(world.performance, SEEN)


@pytest.fixture(scope="module")
def outlook(cases):
    return ca.fit_outlook(cases, SEEN)


def with_amounts(panel):
    """The panel with money and a log of collections that differ from row to row."""
    n = np.arange(len(panel))
    return panel.assign(
        paid_amount=7 * n % 40,
        recovered_amount=3 * n % 11,
        collection_group=np.where(n % 3 == 0, None, np.where(n % 3 == 1, "treated", "held_out")),
    )


# -- cases and cohorts -----------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(panel=odd_panels(most_loans=4), horizon=st.integers(1, 4))
def test_cases_are_what_a_loop_over_rows_finds(panel, horizon):
    panel = with_amounts(panel)
    last = panel["month_end"].max()
    by = migration.bucket_reading(panel)
    panel["bucket"] = migration.bucket(panel["dpd"], panel["month_end"], by=by)
    found = ca.collection_cases(panel, last, horizon_months=horizon)
    running = panel["status"].isin(["current", "delinquent"])
    rows = list(panel[running & (panel["bucket"] > 0)].itertuples())
    assert len(found) == len(rows)
    for case, row in zip(found.itertuples(), rows, strict=True):
        loan = panel[panel["loan_id"] == row.loan_id].set_index("mob")
        late = (loan["dpd"] > 0) & loan["status"].isin(["current", "delinquent"])
        seen_before = row.mob - 1 in loan.index
        assert case.bucket == min(row.bucket, 6)
        assert case.is_entry == (seen_before and not late[row.mob - 1])
        assert case.is_first == (seen_before and not late.loc[: row.mob - 1].any())
        assert case.late_months == late.loc[row.mob - 5 : row.mob].sum()
        if row.mob + 1 not in loan.index:
            assert np.isnan([case.rolled, case.cured, case.collected_amount]).all()
            assert case.group is None
        else:
            after = loan.loc[row.mob + 1]
            lost, ended = (
                after["status"] in ends for ends in (["charged_off"], ["prepaid", "matured"])
            )
            assert case.rolled == (lost or after["bucket"] > row.bucket)
            assert case.cured == ((after["bucket"] == 0 and not lost) or ended)
            assert case.collected_amount == after["paid_amount"] + after["recovered_amount"]
            group = after["collection_group"]
            assert case.group == (group if isinstance(group, str) else None)
        ahead = loan[(loan.index > row.mob) & (loan.index <= row.mob + horizon)]
        over = ahead["status"].isin(["prepaid", "matured", "charged_off"]).any()
        closed = row.month_end + pd.offsets.MonthEnd(horizon) <= last
        total = (ahead["paid_amount"] + ahead["recovered_amount"]).sum()
        known = closed and (over or len(ahead) == horizon)
        assert case.collected_later == pytest.approx(total if known else np.nan, nan_ok=True)


@settings(max_examples=10, deadline=None)
@given(panel=odd_panels(most_loans=4))
def test_recovery_counts_are_what_a_loop_finds_and_add_up(panel):
    panel = with_amounts(panel)
    found = ca.recovery_counts(panel, months=3)
    expected = {}
    for _, loan in panel.groupby("loan_id"):
        loan = loan.set_index("mob")
        late = (loan["dpd"] > 0) & loan["status"].isin(["current", "delinquent"])
        if not late.any() or late.iloc[0]:
            continue
        entry = late.idxmax()
        month_end = loan.loc[entry, "month_end"]
        start = month_end.to_period("M").start_time
        cured, over, came = False, False, 0
        for month in range(4):
            row = loan.loc[entry + month] if entry + month in loan.index else None
            if row is not None:
                ended = row["status"] in ("prepaid", "matured")
                lost = row["status"] == "charged_off"
                cured |= ended or (row["dpd"] == 0 and not lost)
                over |= ended or lost
                came += row["paid_amount"] + row["recovered_amount"] if month else 0
            seen = row is not None or over
            cell = expected.setdefault((start, month), np.zeros(5, dtype=int))
            owed = loan.loc[entry, "balance"]
            cell += [1, seen, seen and cured, seen * owed, seen * came]
    names = ["loans", "seen_loans", "cured_loans", "balance_amount", "collected_amount"]
    assert found[names].to_numpy().tolist() == [expected[key].tolist() for key in found.index]
    assert len(found) == len(expected)
    middle = panel["loan_id"] <= "L02"
    parts = [panel[some].reset_index(drop=True) for some in (middle, ~middle)]
    whole = ca.recovery_counts(InBlocks(*parts), months=3) if all(map(len, parts)) else found
    assert_frame_equal(whole, found, check_dtype=False)


def test_a_cohort_is_shown_once_all_of_it_has_come_so_far(world):
    counts = ca.recovery_counts(world.performance)
    table = ca.recovery_table(counts, SEEN, months=(1, 6), freq="Q")
    months = table.reset_index().groupby("month")["cohort"].max()
    assert months.to_dict() == {1: "2024Q1", 6: "2023Q4"}
    known = table.dropna()
    assert (known["cured_low"] < known["cured_rate"]).all()
    assert (known["collected_low"] < known["collected_rate"]).all()
    by_hand = counts.xs(6, level="month").loc["2023-10-01":"2023-12-01"].sum()
    row = table.loc[("2023Q4", 6)]
    assert row["cured_rate"] == by_hand["cured_loans"] / by_hand["seen_loans"]
    assert row["collected_rate"] == pytest.approx(
        by_hand["collected_amount"] / by_hand["balance_amount"]
    )
    assert "that first fell behind in 2023Q4" in ca.recovery_text(table, 6)
    few = ca.recovery_table(ca.recovery_counts(world.performance[:2_000]), SEEN, freq="M")
    assert few["cured_rate"].isna().all()
    assert "too few to say" in ca.recovery_text(few, 1)
    with pytest.raises(ValueError, match=r"months \[99\] were not counted, which go to 12"):
        ca.recovery_table(counts, SEEN, months=(99,))


def test_the_interval_of_the_collected_share_covers_at_its_level():
    rng = np.random.default_rng(8)
    inside = 0
    for _ in range(100):
        owed = rng.gamma(2, 500, 60)
        came = owed * rng.beta(2, 2, 60)
        index = pd.MultiIndex.from_tuples([(pd.Timestamp("2024-01-01"), 1)])
        counts = pd.DataFrame(
            {
                "loans": 60,
                "seen_loans": 60,
                "cured_loans": 30,
                "balance_amount": round(100 * owed.sum()),
                "collected_amount": round(100 * came.sum()),
                "balance_squares": (owed**2).sum(),
                "collected_squares": (came**2).sum(),
                "products": (owed * came).sum(),
            },
            index=index.set_names(["entry_month", "month"]),
        )
        row = ca.recovery_table(counts, "2024-12-31", months=(1,), freq="M").iloc[0]
        inside += row["collected_low"] <= 0.5 <= row["collected_high"]
    low, high = stats.binom.interval(0.999, 100, 0.94)
    assert low <= inside <= high


# -- effects ---------------------------------------------------------------------------------------


def test_the_effect_is_that_of_the_control_group_alone(cases):
    table = ca.effect_table(cases)
    known = cases[cases["group"].notna()]
    for bucket in (1, 2, 3):
        part = known[known["bucket"] == bucket]
        means = part.groupby("group")[["rolled", "collected_amount"]].mean()
        row = table.loc[bucket]
        assert row["spared_rate"] == pytest.approx(
            means.loc["held_out", "rolled"] - means.loc["treated", "rolled"]
        )
        assert row["gain_amount"] == pytest.approx(
            means.loc["treated", "collected_amount"] - means.loc["held_out", "collected_amount"]
        )
    # cases of which nobody knows the group tell nothing
    unknown = cases.assign(rolled=cases["rolled"].where(cases["group"].notna(), 1.0))
    assert_frame_equal(ca.effect_table(unknown), table)
    assert (table.loc[[1, 2], "p_adjusted"] < 0.05).all()
    assert table.loc["all", "spared_low"] > 0
    text = ca.effect_text(table, "CNY")
    assert "Beyond chance on its own after Holm: M1, M2" in text
    assert ca.effect_findings(table) == []


def test_the_interval_covers_at_its_level_with_loans_that_come_again():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(80):
        loan = np.repeat(np.arange(80), 4)
        own = np.repeat(rng.normal(0, 3, 80), 4)
        # as a lender would draw who draws once a loan, not once a month
        held = np.repeat(rng.random(80) < 0.4, 4)
        rolled = rng.random(320) < 1 / (1 + np.exp(-own))
        cases = pd.DataFrame(
            {
                "loan_id": loan.astype(str),
                "bucket": 1,
                "group": np.where(held, "held_out", "treated"),
                "rolled": rolled.astype(float),
            }
        )
        row = ca.effect_table(cases).loc["all"]
        inside += row["spared_low"] <= 0 <= row["spared_high"]
    low, high = stats.binom.interval(0.999, 80, 0.95)
    assert low <= inside <= high


def test_without_a_control_group_nothing_is_claimed(world, cases):
    panel = world.performance.drop(columns=["collection_group", "collection_action", "contacted"])
    plain = ca.collection_cases(panel, SEEN)
    everybody = cases[cases["group"] == "treated"]
    for some in (plain, everybody):
        assert not ca.has_control(some)
        table = ca.effect_table(some)
        assert table.empty
        assert "**what collections achieve cannot be told**" in ca.effect_text(table, "CNY")
        assert ca.effect_findings(table) == []
        assert ca.fit_outlook(some, SEEN) is None
        plan, gain = ca.past_plans(some, ACTIONS, SEEN)
        assert (len(plan), gain) == (0, None)
        plan, gain, outlook = ca.current_plan(some, ACTIONS, SEEN)
        assert (len(plan), gain, outlook) == (0, None, None)
        assert ca.plan_summary(plan).empty
        assert "no gain is claimed" in ca.plan_text(plan, gain, outlook, "CNY")
    few = pd.concat([everybody, cases[cases["group"] == "held_out"][:12]])
    assert ca.effect_text(ca.effect_table(few), "CNY").startswith(
        "Too few to say: no bucket has 30"
    )


def test_an_effect_that_may_be_chance_is_a_finding():
    rng = np.random.default_rng(1)
    cases = pd.DataFrame(
        {
            "loan_id": np.arange(400).astype(str),
            "bucket": 1,
            "group": rng.choice(["treated", "held_out"], 400),
            "rolled": rng.integers(0, 2, 400).astype(float),
        }
    )
    ((topic, text, is_red),) = ca.effect_findings(ca.effect_table(cases))
    assert (topic, is_red) == ("Collections", False)
    assert text.endswith("which may be chance")
    # treated all go on, those left alone never do
    harm = cases.assign(rolled=(cases["group"] == "treated").astype(float))
    harm.loc[[0, 1], "rolled"] = 1 - harm.loc[[0, 1], "rolled"]
    ((_, text, _),) = ca.effect_findings(ca.effect_table(harm))
    assert text.endswith("which is worse than nothing, beyond chance")


# -- outlook and plan ------------------------------------------------------------------------------


def test_the_effects_of_the_lender_are_found(outlook):
    truth = pd.Series(LENDER.collection_logits[1:], index=range(1, 7))
    effects = outlook.effects
    off = (effects["measured"] - truth) / effects["measured_error"]
    assert off.abs().max() < 3.5
    drawn = (effects["effect"] - truth) / effects["effect_error"]
    assert drawn.abs().max() < 3.5
    assert (effects["effect_error"] <= effects["measured_error"] * 1.01).all()
    assert outlook.held_out_rate == pytest.approx(0.3, abs=0.03)
    worth = outlook.worth
    assert (worth["spared_rate"] > worth["rolled_rate"]).all()


def test_a_shift_is_the_maximum_of_the_likelihood():
    rng = np.random.default_rng(0)
    offset = rng.normal(0, 3, 400)
    rolled = (rng.random(400) < 1 / (1 + np.exp(-(offset + 1.5)))).astype(float)
    shift, error = _shift(offset, rolled)
    near = [
        np.sum(rolled * (offset + s) - np.logaddexp(0, offset + s))
        for s in (shift - 0.01, shift, shift + 0.01)
    ]
    assert near[1] == max(near)
    assert abs(shift - 1.5) < 3 * error
    assert np.isnan(_shift(offset, np.ones(400))).all()


def test_nothing_after_the_day_moves_the_outlook(cases):
    day = pd.Timestamp("2023-09-30")
    later = cases["month_end"] >= day
    other = cases.assign(
        rolled=cases["rolled"].where(~later, 1 - cases["rolled"]),
        collected_later=cases["collected_later"].where(
            cases["month_end"] + pd.offsets.MonthEnd(6) <= day, 1e9
        ),
    )
    one, two = (ca.fit_outlook(each, day) for each in (cases, other))
    assert_frame_equal(one.effects, two.effects)
    assert_frame_equal(one.worth, two.worth)
    open_cases = cases[cases["month_end"] == day]
    plans = [ca.treatment_plan(open_cases, each, ACTIONS) for each in (one, two)]
    assert_frame_equal(*plans)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), n=st.integers(1, 5))
def test_the_program_is_as_good_as_the_best_of_all_plans(seed, n):
    rng = np.random.default_rng(seed)
    value = rng.integers(-5, 30, (n, 3)).astype(float)
    value[:, 0] = 0
    allowed = rng.random((n, 3)) < 0.7
    allowed[:, 0] = True
    room = np.array([n, rng.integers(0, 3), rng.integers(0, 2)])
    chosen = _best(value, allowed, room)
    rows = np.arange(n)
    assert allowed[rows, chosen].all()
    assert (np.bincount(chosen, minlength=3) <= room).all()
    best = max(
        value[rows, list(plan)].sum()
        for plan in product(range(3), repeat=n)
        if (np.bincount(plan, minlength=3) <= room).all() and allowed[rows, list(plan)].all()
    )
    assert value[rows, chosen].sum() == pytest.approx(best)


def test_a_plan_keeps_to_its_room_and_its_sums(cases, outlook):
    open_cases = cases[cases["month_end"] == SEEN]
    now = ca.current_plan(cases, ACTIONS, SEEN)
    plan = ca.treatment_plan(open_cases, outlook, ACTIONS)
    assert_frame_equal(now[0], plan)
    assert_frame_equal(now[1], ca.plan_gain(plan, open_cases, outlook))
    actions = ca.read_actions(
        "call: cost 4, per day 1, strength 2; legal: cost 90, per day 0.2, strength 3, from M4"
    )
    plan = ca.treatment_plan(open_cases, outlook, actions, working_days=20)
    counts = plan["action"].value_counts()
    assert counts["call"] == 20
    assert counts.get("legal", 0) <= 4
    assert (plan.loc[plan["action"] == "legal", "bucket"] >= 4).all()
    gain = ca.plan_gain(plan, open_cases, outlook)
    for against, other in {"all alike": "alike_amount", "nothing done": "alone_amount"}.items():
        row = gain.loc[against]
        total = (plan["expected_amount"] - plan[other]).sum()
        assert row["gain_amount"] == pytest.approx(total)
        assert row["gain_low"] < row["gain_amount"] < row["gain_high"]
    assert gain.loc["nothing done", "cost_amount"] == pytest.approx(100 * plan["cost"].sum())
    assert gain.loc["all alike", "gain_low"] > 0
    # three times as uncertain of the effects, and of nothing else
    effects = outlook.effects.assign(effect_error=3 * outlook.effects["effect_error"])
    worth = outlook.worth.assign(spared_error=0.0, rolled_error=0.0)
    sure = dataclasses.replace(outlook, worth=worth)
    unsure = dataclasses.replace(sure, effects=effects, mean_error=3 * outlook.mean_error)
    widths = [
        each["gain_high"] - each["gain_low"]
        for each in (ca.plan_gain(plan, open_cases, of) for of in (sure, unsure))
    ]
    assert (widths[1] / widths[0]).between(2, 4).all()
    assert (gain["gain_high"] - gain["gain_low"] > widths[0]).all()
    summary = ca.plan_summary(plan)
    assert summary["cases"].sum() == len(plan)
    assert summary.filter(regex=r"^M\d").to_numpy().sum() == len(plan)
    assert summary.loc[summary["cases"] < 5, "mean_balance"].isna().all()
    text = ca.plan_text(plan, gain, outlook, "CNY")
    assert "*Assumed* are each action's strength" in text
    assert not any(loan in text + summary.to_string() for loan in plan["loan_id"])
    # one strength for all: nothing to choose
    alike = ca.treatment_plan(
        open_cases, outlook, ca.read_actions("call: cost 0, per day 9999, strength 1")
    )
    assert ca.plan_gain(alike, open_cases, outlook).loc["all alike", "gain_amount"] == 0


def test_a_small_control_group_promises_no_gain(cases):
    rng = np.random.default_rng(4)
    known = cases["group"].notna()
    # who was left alone is now drawn once more, from those of whom it tells nothing
    groups = np.where(rng.random(len(cases)) < 0.05, "held_out", "treated")
    outlook = ca.fit_outlook(cases.assign(group=np.where(known, groups, None)), SEEN)
    open_cases = cases[cases["month_end"] == SEEN]
    plan = ca.treatment_plan(open_cases, outlook, ACTIONS)
    gain = ca.plan_gain(plan, open_cases, outlook)
    assert gain.loc["nothing done", "gain_low"] <= 0
    assert gain.loc["all alike", "gain_low"] <= 0
    assert "**That may be chance**" in ca.plan_text(plan, gain, outlook, "CNY")


def test_no_open_case_is_an_empty_plan(cases, outlook):
    plan = ca.treatment_plan(cases[:0], outlook, ACTIONS)
    assert plan.empty
    assert ca.plan_summary(plan).empty
    gain = ca.plan_gain(plan, cases[:0], outlook)
    assert (gain["gain_amount"] == 0).all()


# -- what truly followed ---------------------------------------------------------------------------


def test_a_plan_is_performed_on_the_same_borrowers(world, cases):
    kept = synthetic.World(lender=LENDER, seed=3)
    plan, gain = ca.past_plans(cases, ACTIONS, SEEN, months=2)
    assert plan["month_end"].unique().tolist() == [
        SEEN - pd.offsets.MonthEnd(7),
        SEEN - pd.offsets.MonthEnd(6),
    ]
    came = ca.realised_gain(kept, world.applications, plan)
    row = came.loc["nothing done"]
    assert row["gain_low"] > 0
    assert row["cases"] == len(plan)
    assert "truly brought" in ca.realised_text(gain, came, "CNY")
    # today's practice for all is what happened, whatever it is compared with
    same = ca.realised_gain(kept, world.applications, plan.assign(strength=1.0))
    assert same.loc["all alike", ["gain_amount", "moved_cases"]].tolist() == [0, 0]
    with pytest.raises(ValueError, match="the 9 months after the plan end on 2024-09-30"):
        ca.realised_gain(kept, world.applications, plan, horizon_months=9)
    with pytest.raises(DataContractError, match="loans of the plan are not there"):
        ca.realised_gain(kept, world.applications[:100], plan)
    with pytest.raises(ValueError, match="the plan has no case"):
        ca.realised_gain(kept, world.applications, plan[:0])


# -- case load, quality, parameters ----------------------------------------------------------------


def test_the_case_load_and_whom_it_reached(world, cases):
    table = ca.workload_table(cases, months=2)
    ends = [SEEN - pd.offsets.MonthEnd(2), SEEN - pd.offsets.MonthEnd(1)]
    some = cases[cases["month_end"].isin(ends)]
    assert table["cases"].sum() * 2 == len(some)
    assert table["entries"].sum() * 2 == some["is_entry"].sum()
    assert table["acted"].sum() * 2 == some["action"].notna().sum()
    first = some[(some["bucket"] == 1) & some["action"].notna()]
    assert table.loc[1, "contact_rate"] == pytest.approx(first["contacted"].astype(float).mean())
    bare = ca.workload_table(cases.drop(columns=["action", "contacted"]))
    assert bare.columns.tolist() == ["cases", "entries", "cases_per_day"]
    assert ca.workload_table(cases[:0]).empty


def test_a_better_score_is_a_better_case(world):
    people = world.applications
    known = pd.DataFrame(
        {"score": -world.truth["true_pd_12m"].to_numpy()},
        index=pd.Index(people["application_id"], name="loan_id"),
    )
    cases = ca.collection_cases(world.performance, SEEN, borrowers=known)
    table = ca.quality_table(cases)
    assert len(table) == 5
    assert table["cases"].sum() == (cases["is_first"] & cases["cured"].notna()).sum()
    assert "a better score is a **better case**, beyond chance" in ca.quality_text(table)
    rng = np.random.default_rng(2)
    noise = ca.quality_table(cases.assign(score=rng.normal(size=len(cases))))
    assert "**does not tell** good cases from bad" in ca.quality_text(noise)
    assert ca.quality_table(cases.drop(columns="score")).empty
    assert ca.quality_table(cases[:50]).empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("call", 'expected "name: cost 4'),
        ("call: cost 4, per day 3", 'expected "name: cost 4'),
        ("call: cost x, per day 3, strength 1", 'expected "name: cost 4'),
        ("call: cost 4, per day 3, strength -1", "call: strength must be a number >= 0"),
        ("call: cost 4, per day 3, strength 1, from M9", r"from_bucket must lie in 1\.\.6"),
        ("nothing: cost 4, per day 3, strength 1", 'a name other than "nothing"'),
        ("a: cost 1, per day 1, strength 1; a: cost 1, per day 1, strength 1", "different names"),
        ("", "different names"),
    ],
)
def test_actions_that_cannot_be_read_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        ca.read_actions(text)


def test_bad_settings_are_refused(cases, outlook, world):
    with pytest.raises(ValueError, match="horizon_months must be >= 1"):
        ca.collection_cases(world.performance, SEEN, horizon_months=0)
    with pytest.raises(ValueError, match="cases must be of different loans"):
        ca.treatment_plan(cases, outlook, ACTIONS)
    with pytest.raises(ValueError, match="working_days must be >= 1"):
        ca.treatment_plan(cases[:1], outlook, ACTIONS, working_days=0)
    with pytest.raises(DataContractError, match="missing columns balance"):
        ca.treatment_plan(cases[:1].drop(columns="balance"), outlook, ACTIONS)
    for wrong in (
        lambda: ca.recovery_counts(world.performance, months=0),
        lambda: ca.past_plans(cases, ACTIONS, SEEN, months=0),
        lambda: ca.workload_table(cases, months=0),
    ):
        with pytest.raises(ValueError, match="months must be >= 1"):
            wrong()
    with pytest.raises(ValueError, match="n_bands must be >= 2"):
        ca.quality_table(cases, n_bands=1)


def test_a_panel_of_days_alone_has_cases_and_curves(world):
    panel = world.performance[["loan_id", "mob", "month_end", "dpd", "status"]]
    cases = ca.collection_cases(panel, SEEN)
    assert not {"collected_amount", "balance", "group"} & set(cases)
    table = ca.recovery_table(ca.recovery_counts(panel), SEEN)
    assert "collected_rate" not in table
    assert "balance" not in ca.recovery_text(table, 3)
    assert ca.recovery_counts(panel[:0]).empty
    assert ca.recovery_table(ca.recovery_counts(panel[:0]), SEEN).empty
    assert ca.collection_cases(panel[:0], SEEN).empty
    assert ca.fit_outlook(cases, SEEN) is None


def test_effects_need_no_amounts(world):
    names = ["loan_id", "mob", "month_end", "dpd", "status", "collection_group"]
    cases = ca.collection_cases(world.performance[names], SEEN)
    table = ca.effect_table(cases)
    assert "gain_amount" not in table
    assert "CNY" not in ca.effect_text(table, "CNY")


def test_counts_of_blocks_are_the_counts_of_the_whole(world):
    panel = world.performance
    middle = panel["loan_id"] < panel["loan_id"].iloc[len(panel) // 2]
    parts = [panel[some].reset_index(drop=True) for some in (middle, ~middle)]
    whole = ca.recovery_counts(panel)
    assert_frame_equal(ca.recovery_counts(InBlocks(*parts)), whole, check_dtype=False)
    added = partitions.add_counts(ca.recovery_counts(parts[0]), ca.recovery_counts(parts[1]))
    assert_frame_equal(added, whole, check_dtype=False)


def test_the_order_of_loans_changes_nothing(world, cases):
    panel = world.performance
    codes = pd.factorize(panel["loan_id"])[0]
    turned = panel.iloc[np.argsort(-codes, kind="stable")].reset_index(drop=True)
    other = ca.collection_cases(turned, SEEN)
    by = ["loan_id", "month_end"]
    assert_frame_equal(
        other.sort_values(by).reset_index(drop=True), cases.sort_values(by).reset_index(drop=True)
    )
    one, two = (ca.effect_table(each) for each in (cases, other))
    assert_frame_equal(one, two)
    assert dataclasses.is_dataclass(ca.Action)
