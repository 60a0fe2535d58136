"""Stress: a book worked by hand, identities in every scenario and month, what each one moves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stress_world import DAY, FixedMoves, funding_file, open_loans, two_loans

from riskkit import funding, runoff
from riskkit.funding.stress_paths import climate_shift
from riskkit.funding.stress_table import shocks_of
from riskkit.funding.stressed_lender import chance_errors, condensed_lender, course_of
from riskkit.provisions import LendingCosts

BANK = {"drawn": "50 %", "limit": "60 %", "rate": 0.12, "notice_days": 60}
HELD = {"All": {"horizon_days": 365, "held": 2_000}}


def lender_of(loans: list[dict[str, Any]], moves: FixedMoves, **blocks: Any):
    n_months = blocks.pop("n_months", 12)
    traits = blocks.pop("traits", pd.DataFrame())
    return funding.StressedLender(
        loans=open_loans(loans),
        moves=moves,
        day=DAY,
        costs=LendingCosts(funding_rate=0.06, acquisition_amount=0, servicing_amount=0),
        file=funding_file(**({"tiers": HELD} | blocks)),
        traits=traits,
        n_months=n_months,
    )


def under(lender: funding.StressedLender, name: str) -> pd.DataFrame:
    return course_of(lender, lender.shock(name))


# -- worked by hand --------------------------------------------------------------------------------


def test_two_loans_over_three_months_as_worked_by_hand() -> None:
    """A owes 3,000 in thirds at 1 % a month; B is lent 2,000 in a month, in halves at 0.5 %.

    Each defaults with 10 % a month and then loses 60 %, the rest comes a month later. After one
    month A runs with 0.9: it has paid 0.9 × 1,030. Of its default, 0.1 × 3,000 × 0.6 are lost. What
    is set aside is all that both can lose: of A at the start 0.6 × (300 + 180 + 81), of B once it
    is lent 0.6 × (200 + 90).
    """
    course = course_of(two_loans())
    by_hand = {
        "default_amount": [30_000, 38_000, 17_100],
        "loss_amount": [18_000, 22_800, 10_260],
        "balance": [380_000, 171_000, 0],
        "interest_amount": [2_700, 2_520, 1_134],
        "fee_amount": [4_000, 0, 0],
        "provision_amount": [33_060 + 18_000, 10_260 + 22_800, 10_260],
        "charge_amount": [17_400, 0, 0],
        "write_off_amount": [0, 18_000, 22_800],
        "cost_amount": [1_100, 200, 200],
        "funding_amount": [1_500, 1_500, 1_500],
        "profit_amount": [-13_300, 820, -566],
        "collected_amount": [92_700, 185_520, 170_234],
        "paid_out_amount": [196_000, 0, 0],
        "closing_amount": [94_100, 277_920, 446_454],
        "reserve_amount": [186_700, 187_520, 186_954],
    }
    for name, values in by_hand.items():
        assert course[name].tolist() == values, name
    np.testing.assert_allclose(course["running_loans"], [1.9, 1.71, 0], atol=1e-6)
    np.testing.assert_allclose(course["default_loans"], [0.1, 0.19, 0.171], atol=1e-6)


def test_the_base_is_what_the_engine_expects() -> None:
    lender = two_loans()
    table = funding.stress(lender, seed=1).loc["base"]
    ahead = runoff.expected_cash(lender.loans, lender.moves, climate=np.zeros(3), day=DAY)
    for name in ("default_amount", "loss_amount", "interest_amount", "lent_amount", "balance"):
        np.testing.assert_allclose(table[name], ahead.total(name)[0], atol=1)
    np.testing.assert_allclose(
        table["collected_amount"], ahead.total("collected_amount")[0], atol=2
    )


def test_a_larger_loss_of_defaults_is_charged_at_once_for_those_of_today() -> None:
    """Lost of a default: 72 % in place of 60 %; of 1,000 in default 480 in place of 400."""
    loans = open_loans([{"amount": 300_000, "n": 3, "rate": 0.01}], gone=(100_000.0, 40_000.0))
    file = funding_file(tiers=HELD, stress={"Less comes": {"lgd_factor": 1.2}})
    lender = two_loans(loans=loans, moves=FixedMoves((0.1,)), file=file)
    base, course = course_of(lender), under(lender, "Less comes")
    assert base["charge_amount"].tolist() == [0, 0, 0]
    assert course["loss_amount"].tolist() == [21_600, 12_960, 5_832]
    assert course["charge_amount"].tolist() == [0.2 * 33_660 + 8_000, 0, 0]
    assert course["provision_amount"].iloc[0] == 1.2 * base["provision_amount"].iloc[0]
    assert base["collected_amount"].iloc[0] - course["collected_amount"].iloc[0] == 8_000


def test_loans_that_earn_less_than_they_cost_are_told() -> None:
    # B brings 40 + 13 and loses 174, before funds and service
    assert funding.stress(two_loans(), seed=1)["unprofitable_rate"].iloc[0] == 1
    safe = funding.stress(two_loans(moves=FixedMoves((0.1, 0.0))), seed=1)
    assert safe["unprofitable_rate"].iloc[0] == 0
    assert safe["unprofitable_rate"].iloc[1:].isna().all()


# -- identities ------------------------------------------------------------------------------------

SCENARIOS = {
    "Macro": {"unemployment": 3, "income": -5, "ramp_months": 3, "lgd_factor": 1.2},
    "Worse": {"segment": {"channel": "partner"}, "logit": 0.8, "from_month": 2},
    "Fraud": {"never_paying_rate": 0.3, "months": 4},
    "Cap": {"cap_apr": 0.06},
    "Exit": {"exits": ["Bank"]},
    "Early": {"prepay_logit": 1.1, "months": 3},
    "More": {"volume_factor": 1.7, "ramp_months": 2},
}
EFFECTS = {"unemployment": 0.12, "income": -0.03}


@st.composite
def lenders(draw: st.DrawFn) -> funding.StressedLender:
    loans = draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "amount": st.integers(1, 400).map(lambda k: 60 * k + 7),
                    "n": st.integers(1, 6),
                    "rate": st.sampled_from([0.0, 0.01, 0.02]),
                    "cell": st.integers(0, 1),
                    "start": st.integers(0, 8),
                    "fee": st.integers(0, 5),
                    "recovered": st.sampled_from([0.0, 0.4, 1.0]),
                }
            ),
            max_size=6,
        )
    )
    for at, loan in enumerate(loans):
        loan |= {"id": f"L{at}", "effective": loan["rate"]}
        if not loan["start"]:
            loan["fee"] = 0
    moves = FixedMoves((draw(st.sampled_from([0.0, 0.05])), 0.2), missed=0.1, prepaid=0.05)
    traits = pd.DataFrame(
        {"channel": ["partner" if at % 2 else "app" for at in range(len(loans))]},
        index=pd.Index([f"L{at}" for at in range(len(loans))], dtype="str"),
    )
    return lender_of(
        loans,
        moves,
        traits=traits,
        lines={"Bank": BANK, "Other": BANK | {"until": "2025-07-31"}},
        macro_effects=EFFECTS,
        stress=SCENARIOS,
        cash_rate=0.01,
    )


@settings(max_examples=6, deadline=None)
@given(lenders())
def test_cash_balance_and_provision_add_up_in_every_scenario_and_month(lender) -> None:
    shocks = shocks_of(lender)
    assert list(shocks) == ["base", *SCENARIOS, "all together"]
    today = lender.provision_today["provision_amount"]
    for shock in shocks.values():
        part = course_of(lender, shock)
        of = {name: part[name].to_numpy() for name in part}
        flow = of["collected_amount"] - of["paid_out_amount"] - of["cost_amount"]
        flow = flow - of["funding_amount"] + of["earned_amount"] - of["repaid_amount"]
        assert (of["opening_amount"] + flow == of["closing_amount"]).all()
        assert of["opening_amount"][0] == 200_000
        assert (of["opening_amount"][1:] == of["closing_amount"][:-1]).all()
        before = np.append(lender.balance, of["balance"][:-1])
        moved = of["lent_amount"] - of["repaid_principal_amount"] - of["default_amount"]
        assert (before + moved == of["balance"]).all()
        held = np.append(today, of["provision_amount"][:-1])
        assert (held + of["charge_amount"] - of["write_off_amount"] == of["provision_amount"]).all()
        brought = of["interest_amount"] + of["fee_amount"] + of["earned_amount"]
        spent = of["funding_amount"] + of["cost_amount"] + of["charge_amount"]
        assert (brought - spent == of["profit_amount"]).all()
        assert (200_000 + of["profit_amount"].cumsum() == of["reserve_amount"]).all()
        drawn = 2 * round(0.5 * lender.balance)
        assert (drawn - of["repaid_amount"].cumsum() == of["drawn_amount"]).all()
        # principal owed at the end is rounded flow by flow
        assert (of["balance"] >= -2 * len(part)).all()


@settings(max_examples=6, deadline=None)
@given(lenders())
def test_what_the_lender_owns_less_what_it_owes_moves_by_the_profit(lender) -> None:
    """Cash + balance + what defaults still bring − provision of the others − drawn."""
    lender = replace(
        lender, loans=replace(lender.loans, effective_rate=np.zeros(len(lender.loans.ids)))
    )
    for name in ("Fraud", "More", "Worse", "Exit"):
        shock = lender.shock(name)
        course = course_of(lender, shock)
        loss, default = course["loss_amount"], course["default_amount"]
        recovered = (
            course["collected_amount"]
            - course["interest_amount"]
            - course["repaid_principal_amount"]
        )
        to_come = (default - loss - recovered).cumsum()
        # all that is lost later than the last month looked at is set aside as well
        running = (course["charge_amount"] - loss).cumsum()
        owns = course["closing_amount"] + course["balance"] + to_come - running
        change = owns - course["drawn_amount"]
        first = 200_000 + lender.balance - 2 * round(0.5 * lender.balance)
        np.testing.assert_allclose(
            change, first + course["profit_amount"].cumsum(), atol=4 * len(course)
        )


# -- what each scenario moves ----------------------------------------------------------------------


def test_a_worse_climate_loses_more_and_leaves_less() -> None:
    lender = two_loans()
    courses = [course_of(lender, climate_shift(x, 30)) for x in (-1, 0, 0.5, 1, 2)]
    assert (np.diff([one["loss_amount"].sum() for one in courses]) > 0).all()
    assert (np.diff([one["reserve_amount"].iloc[-1] for one in courses]) < 0).all()


def test_macro_paths_rise_in_steps_and_add_up_to_a_climate() -> None:
    macro = {"unemployment": 3, "income": -6, "from_month": 2, "ramp_months": 2, "months": 4}
    lender = lender_of([], FixedMoves(()), macro_effects=EFFECTS, stress={"Macro": macro})
    table = funding.stress(lender, seed=1).loc["Macro"]
    assert table["unemployment"].iloc[:7].tolist() == [0, 1.5, 3, 3, 3, 0, 0]
    assert table["income"].iloc[:4].tolist() == [0, -3, -6, -6]
    np.testing.assert_allclose(table["climate"].iloc[:3], [0, 0.27, 0.54])


def test_of_a_fraud_ring_that_share_defaults_after_four_months() -> None:
    loans = [{"amount": 100_000, "n": 6, "start": start} for start in (1, 2, 3)]
    fraud = {"never_paying_rate": 0.15, "months": 2}
    lender = lender_of(loans, FixedMoves((0.0,)), stress={"Fraud ring": fraud})
    course = under(lender, "Fraud ring")
    assert course["default_amount"].tolist() == [0] * 4 + [15_000] * 2 + [0] * 6
    assert course["loss_amount"].sum() == 18_000
    np.testing.assert_allclose(course["default_loans"].sum(), 0.3)
    assert course["lent_amount"].sum() == 300_000
    assert course_of(lender)["default_amount"].sum() == 0


def test_under_a_cap_new_loans_cost_what_the_cap_says_and_older_ones_what_they_did() -> None:
    dear = {"amount": 120_000, "n": 12, "rate": 0.02, "effective": 0.025, "fee": 2_000}
    loans = [dear | {"fee": 0}, dear | {"start": 1}, dear | {"start": 2}]
    loans += [dear | {"start": 1, "rate": 0.005, "effective": 0.005, "fee": 0}]
    lender = lender_of(
        loans, FixedMoves((0.0,)), n_months=15, stress={"Cap": {"cap_apr": 0.12, "from_month": 2}}
    )
    course = under(lender, "Cap")
    owed = [120_000 - 10_000 * k for k in range(12)]
    # the dear one of the second month pays 1 % of what it owes; nothing else has changed
    saved = sum(round(0.02 * balance) - round(0.01 * balance) for balance in owed)
    base = course_of(lender)
    assert base["interest_amount"].sum() - course["interest_amount"].sum() == saved
    assert base["fee_amount"].sum() - course["fee_amount"].sum() == 2_000
    assert (base["repaid_principal_amount"] == course["repaid_principal_amount"]).all()


def test_what_a_cap_leaves_below_break_even_is_told() -> None:
    """Funds cost 6 %: at 24 % a loan pays for them, at a cap of 3 % it does not."""
    dear = {"amount": 120_000, "n": 12, "rate": 0.02, "effective": 0.02}
    loans = [dear | {"start": start} for start in (1, 2, 2)]
    loans += [dear | {"start": 2, "rate": 0.0025, "effective": 0.0025}]
    lender = lender_of(
        loans, FixedMoves((0.0,)), stress={"Cap": {"cap_apr": 0.03, "from_month": 2}}
    )
    table = funding.stress(lender, seed=1)
    summary = funding.stress_summary(table, lender)
    assert summary["unprofitable_rate"].tolist() == [0, 1]
    assert table.loc["Cap", "unprofitable_rate"].notna().to_numpy().nonzero()[0].tolist() == [1]
    text = funding.stress_text(summary, "CNY")
    assert "0% brings less than it costs in the base; 100% under Cap." in text


def test_whether_a_loan_pays_is_its_own_and_not_that_of_loans_like_it() -> None:
    loans = [{"amount": amount, "n": 2, "rate": 0.02, "start": 1} for amount in (30_000, 90_000)]
    costs = LendingCosts(funding_rate=0, acquisition_amount=1_500, servicing_amount=0)
    # interest of 3 % of what is lent: 900 and 2,700
    lender = replace(lender_of(loans, FixedMoves((0.0,))), costs=costs)
    assert funding.stress(lender, seed=1)["unprofitable_rate"].iloc[0] == 0.25


def test_worse_traffic_touches_new_loans_of_its_segment_alone() -> None:
    loans = [
        {"amount": 60_000, "n": 3, "start": start, "id": id_}
        for start, id_ in [(0, "P0"), (1, "P1"), (1, "A1"), (2, "P2")]
    ]
    traits = pd.DataFrame(
        {"channel": ["partner", "partner", "app", "partner"]}, ["P0", "P1", "A1", "P2"]
    )
    turns = {"segment": {"channel": "partner"}, "logit": 0.8, "from_month": 2}
    lender = lender_of(loans, FixedMoves((0.1,)), traits=traits, stress={"Turns": turns})
    alone = lender_of(loans[-1:], FixedMoves((0.1,)))
    rise = under(lender, "Turns")["loss_amount"] - course_of(lender)["loss_amount"]
    of_one = (
        course_of(alone, climate_shift(0.8, 30))["loss_amount"] - course_of(alone)["loss_amount"]
    )
    assert of_one.sum() > 0
    np.testing.assert_allclose(rise, of_one, atol=1)


def test_a_segment_of_which_the_loans_say_nothing_is_not_run() -> None:
    turns = {"segment": {"channel": "partner"}, "logit": 0.8}
    lender = lender_of(
        [{"amount": 60_000, "n": 3}],
        FixedMoves((0.1,)),
        stress={"Turns": turns, "Macro": {"income": -5}, "Early": {"prepay_logit": 1}},
    )
    table = funding.stress(lender, seed=1)
    assert list(table.index.unique("scenario")) == ["base", "Early"]
    summary = funding.stress_summary(table, lender)
    assert "no column 'channel'" in summary.loc["Turns", "not_run"]
    assert summary.loc["Macro", "not_run"] == "macro_effects: no effect of income is stated"
    assert summary.loc["Turns", "loss_amount":"reserve_amount"].isna().all()
    text = funding.stress_text(summary, "CNY")
    assert "**Not run**: Turns" in text
    reverse = funding.reverse_stress(lender)
    assert reverse.loc[("Macro", "cash"), "not_run"] == summary.loc["Macro", "not_run"]
    assert "not run" in funding.stress_findings(summary, reverse)[-1][1]


def test_early_repayment_brings_principal_forward_and_no_default() -> None:
    loans = [{"amount": 60_000, "n": 6}]
    moves = FixedMoves((0.0,), prepaid=0.1)
    lender = lender_of(loans, moves, stress={"Early": {"prepay_logit": 1.1, "months": 1}})
    odds = 0.1 / 0.9 * np.exp(1.1)
    more = odds / (1 + odds)
    table = funding.stress(lender, seed=1)
    summary = funding.stress_summary(table, lender)
    assert "No scenario lowers the profit" in funding.stress_text(summary, "CNY")
    course = under(lender, "Early")
    assert course["repaid_principal_amount"].iloc[0] == round(10_000 + more * 50_000)
    assert course["default_amount"].sum() == 0


def test_volume_multiplies_what_is_lent_from_its_month_on() -> None:
    loans = [{"amount": 60_001, "n": 3, "start": start} for start in (1, 2, 3)]
    lender = lender_of(
        loans, FixedMoves((0.1,)), stress={"Less": {"volume_factor": 0.5, "from_month": 2}}
    )
    course = under(lender, "Less")
    assert course["lent_amount"].iloc[:3].tolist() == [60_001, 30_000, 30_000]
    np.testing.assert_allclose(course["lent_loans"].iloc[:3], [1, 0.5, 0.5])


def test_a_line_that_is_withdrawn_is_repaid_after_its_notice() -> None:
    lines = {"Bank": BANK, "Ends": BANK | {"until": "2025-06-15"}}
    lender = lender_of(
        [{"amount": 1_200_000, "n": 12}],
        FixedMoves((0.0,)),
        lines=lines,
        stress={"Leaves": {"exits": ["Bank"], "from_month": 2}},
    )
    base, course = course_of(lender), under(lender, "Leaves")
    # notice is given at the end of January, 60 days later are two months
    assert course["repaid_amount"].to_numpy().nonzero()[0].tolist() == [2, 5]
    assert base["repaid_amount"].to_numpy().nonzero()[0].tolist() == [5]
    assert course["repaid_amount"].tolist()[2] == 600_000
    assert base["funding_amount"].iloc[[0, 6]].tolist() == [12_000, 6_000]
    assert course["funding_amount"].iloc[[2, 3, 6]].tolist() == [12_000, 6_000, 0]
    assert course["undrawn_amount"].iloc[[0, 1, 5]].tolist() == [240_000, 120_000, 0]
    assert course["profit_amount"].sum() > base["profit_amount"].sum()


def test_what_is_short_costs_the_funding_rate_and_what_is_held_earns() -> None:
    lender = lender_of(
        [{"amount": 1_000_000, "n": 12, "start": 1}], FixedMoves((0.0,)), cash_rate=0.012
    )
    course = course_of(lender)
    assert course["earned_amount"].iloc[0] == 200
    assert course["closing_amount"].iloc[0] == 200_200 - 1_000_000
    assert course["earned_amount"].iloc[1] == round(-0.005 * 799_800)


def test_without_lines_funds_cost_the_funding_rate_of_the_balance() -> None:
    lender = lender_of([{"amount": 1_200_000, "n": 12}], FixedMoves((0.0,)))
    assert course_of(lender)["funding_amount"].iloc[:2].tolist() == [6_000, 5_500]


# -- all together, and chance ----------------------------------------------------------------------


def test_all_together_is_one_run_and_the_summary_tells_what_it_adds() -> None:
    loans = [{"amount": 600_000, "n": 6, "start": k} for k in range(4)]
    lender = lender_of(
        loans,
        FixedMoves((0.1,)),
        macro_effects=EFFECTS,
        stress={
            "Macro": {"unemployment": 8, "lgd_factor": 1.2},
            "Worse": {"logit": 0.8},
            "Cap": {"cap_apr": 0.01},
        },
    )
    table = funding.stress(lender, seed=1)
    summary = funding.stress_summary(table, lender)
    more = summary["more_loss_amount"]
    apart = more["all together"] - more[["Macro", "Worse", "Cap"]].sum()
    assert summary.loc["all together", "loss_interaction_amount"] == apart
    assert summary["loss_interaction_amount"].drop("all together").isna().all()
    # nothing but additive parts add nothing
    both = {"Worse": {"logit": 0.4}, "More": {"logit": 0.4, "from_month": 2}}
    lender = replace(lender, file=funding_file(tiers=HELD, stress=both))
    joint = funding.stress(lender, seed=1).loc["all together"]
    once = replace(lender, file=funding_file(tiers=HELD, stress={"Worse": {"logit": 0.8}}))
    at_once = under(once, "Worse")
    assert joint["loss_amount"].sum() < at_once["loss_amount"].sum()


def test_results_are_reproducible_by_seed_and_means_do_not_depend_on_it() -> None:
    lender = two_loans()
    once, again, other = (funding.stress(lender, seed=seed) for seed in (7, 7, 8))
    pd.testing.assert_frame_equal(once, again)
    sampled = ["loss_error", "profit_error", "cash_error"]
    pd.testing.assert_frame_equal(once.drop(columns=sampled), other.drop(columns=sampled))
    assert not np.allclose(once["cash_error"], other["cash_error"])


@pytest.mark.parametrize("start", [0, 1])
def test_chance_is_that_of_independent_loans(start: int) -> None:
    """Running loans: n p (1 − p) x²; new ones come by a Poisson law: n p x²."""
    n, p, x = 2_000, 0.2, 60_000
    loans = [{"amount": x, "n": 1, "start": start} for _ in range(n)]
    lender = lender_of(loans, FixedMoves((p,)), n_months=start + 1)
    errors = chance_errors(lender, climate_shift(0, 30), seed=2, n_paths=12)
    sd = 0.6 * x * (n * p * (1 - p * (start == 0))) ** 0.5
    assert errors["loss_error"].iloc[-1] == pytest.approx(sd, rel=0.12)
    if start:
        # money lent and not yet back: by how much a Poisson number of loans differs
        assert errors["cash_error"].iloc[0] == pytest.approx(x * n**0.5, rel=0.12)


def test_too_few_defaults_have_no_interval() -> None:
    lender = two_loans()
    summary = funding.stress_summary(funding.stress(lender, seed=1), lender)
    assert np.isnan(summary.loc["base", "loss_low"])
    assert "so few loans **do not tell**" in funding.stress_text(summary, "CNY")


@settings(max_examples=6, deadline=None)
@given(lenders())
def test_loans_taken_together_bring_the_same(lender) -> None:
    # as of a chain: what a default brings is one of the cell and the price
    alike = np.full_like(lender.loans.recovered_rate, 0.4)
    lender = replace(lender, loans=replace(lender.loans, recovered_rate=alike))
    for name in ("Macro", "Worse", "Fraud", "Cap"):
        shock = lender.shock(name)
        small, same = condensed_lender(lender, shock)
        # once all is repaid a fen of rounding makes a rate of nothing, or none
        found, whole = (
            course_of(*one).drop(columns="default_rate") for one in ((small, same), (lender, shock))
        )
        # parts of a loan are rounded to the fen, of one or of several together
        np.testing.assert_allclose(found, whole, atol=40)
        counts = ["running_loans", "lent_loans", "default_loans"]
        np.testing.assert_allclose(found[counts], whole[counts], atol=1e-4)


def test_loans_of_a_segment_are_not_taken_together_with_others() -> None:
    loans = [{"amount": 60_000, "n": 6, "start": k // 6, "id": f"L{k}"} for k in range(18)]
    channel = {f"L{k}": "partner" if k % 3 else "app" for k in range(18)}
    lender = lender_of(
        loans,
        FixedMoves((0.1,)),
        traits=pd.Series(channel).to_frame("channel"),
        stress={"Worse": SCENARIOS["Worse"]},
    )
    small, same = condensed_lender(lender, lender.shock("Worse"))
    assert len(small.loans.ids) == 6
    pd.testing.assert_frame_equal(under(small, "Worse"), under(lender, "Worse"))
    pd.testing.assert_frame_equal(course_of(small, same), under(lender, "Worse"))


# -- words and thin sources ------------------------------------------------------------------------


def test_a_lender_whose_cash_nobody_knows_has_losses_and_profit() -> None:
    lender = replace(two_loans(), file=funding_file())
    table = funding.stress(lender, seed=1)
    assert table[["opening_amount", "closing_amount", "reserve_amount"]].isna().all(axis=None)
    summary = funding.stress_summary(table, lender)
    assert pd.isna(summary.loc["base", "lowest_cash_month"])
    told = funding.stress_text(summary, "CNY", breaks=True)
    assert "**when it would be gone cannot be told**" in told
    assert "**No scenario was run**" in funding.stress_text(summary, "CNY")
    reverse = funding.reverse_stress(lender)
    assert list(reverse.index) == [("climate alone", "profit")]
    assert "the year's profit is gone" in funding.stress_text(summary, "CNY", reverse=reverse)
    assert ("Stress", "no scenario was run: the funding file states none that can be", False) in (
        funding.stress_findings(summary, reverse)
    )


def test_no_loans_lose_nothing() -> None:
    lender = lender_of([], FixedMoves(()), stress={"Fraud": {"never_paying_rate": 0.1}})
    table = funding.stress(lender, seed=1)
    assert (table["loss_amount"] == 0).all()
    assert table["default_rate"].isna().all()
    summary = funding.stress_summary(table, lender)
    assert np.isnan(summary.loc["base", "default_rate"])
    assert "Neither cash nor reserve is gone" in funding.stress_text(summary, "CNY", breaks=True)


def test_what_breaks_first_comes_first_in_the_words() -> None:
    loans = [{"amount": 1_200_000, "n": 12, "recovered": 0.0}]
    lender = lender_of(
        loans,
        FixedMoves((0.02,)),
        lines={"Bank": BANK},
        stress={"Worse": {"exits": ["Bank"], "lgd_factor": 1, "volume_factor": 0.9}},
        macro_effects={"unemployment": 0.1},
    )
    summary = funding.stress_summary(funding.stress(lender, seed=1), lender)
    reverse = funding.reverse_stress(lender)
    text = funding.stress_text(summary, "CNY", breaks=True)
    worst = summary.loc["Worse"]
    lacking = f"at worst {-worst['lowest_cash_amount'] / 100:,.0f} are lacking"
    assert f"- Worse: the cash is gone in February 2025; {lacking}" in text
    assert text.endswith("- Neither cash nor reserve is gone in base.")
    told = funding.stress_findings(summary, reverse, unverified=("stress: Worse", "deal"))
    assert ("Stress", "under Worse the cash is gone in February 2025", False) in told
    assumed = "nobody has verified scenarios, the deal: all that follows from them is an example"
    assert ("Funding assumptions", assumed, False) in told


def test_whether_lines_could_lend_what_is_lacking_is_told() -> None:
    lender = lender_of(
        [{"amount": 1_200_000, "n": 12}],
        FixedMoves((0.02,)),
        lines={"Bank": BANK},
        stress={"Leaves": {"exits": ["Bank"]}},
    )
    summary = funding.stress_summary(funding.stress(lender, seed=1), lender)
    lacking = -summary.loc["Leaves", "lowest_cash_amount"]
    assert lacking > 0
    for undrawn, told in (
        (0.0, ", and no line could lend them."),
        (lacking, ", which lines could still lend."),
        (200.0, ", of which lines could still lend 2."),
    ):
        summary.loc["Leaves", "undrawn_amount"] = undrawn
        (line,) = [
            one
            for one in funding.stress_text(summary, "CNY", breaks=True).split("\n")
            if one.startswith("- Leaves")
        ]
        assert line.endswith(told)


def test_settings_that_cannot_be_are_refused() -> None:
    lender = two_loans()
    with pytest.raises(ValueError, match=r"n_months must lie in \[1, 30\], got 31"):
        replace(lender, n_months=31)
    with pytest.raises(ValueError, match=r"climate must be of 3 months, got shape \(4,\)"):
        replace(lender, climate=np.zeros(4))
    with pytest.raises(ValueError, match="in_default_loans must be >= 0, got -1"):
        replace(lender, in_default_loans=-1)
    with pytest.raises(ValueError, match="n_paths must be >= 2, got 1"):
        funding.stress(lender, seed=1, n_paths=1)
    with pytest.raises(ValueError, match="seed must be >= 0"):
        funding.stress(lender, seed=-1)
    for name in ("base", "all together", "climate alone"):
        taken = replace(lender, file=funding_file(stress={name: {"prepay_logit": 1}}))
        with pytest.raises(ValueError, match=f"a name of its own, got '{name}'"):
            funding.stress(taken, seed=1)
