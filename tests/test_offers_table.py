"""The price table: what is charged, clipped and declined, and who is counted where."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from test_offers_price import TERMS, base_of, costs_of, grades_of

from riskkit import offers
from riskkit.offers.flows import expected_flows
from riskkit.offers.hazards import grade_hazards

COSTS = costs_of(0.6, funding=0.06, acquisition=30, servicing=2, margin=0.02)
DEMAND = offers.Demand(
    list_apr=0.24,
    take_up_logit=2.3,
    take_up_logit_per_apr=-12.0,
    take_up_risk_slope=0.4,
    price_logit=1.5,
)


@pytest.fixture(scope="module")
def base():
    hazards, prepaying = {}, {}
    for term in TERMS:
        hazards[term] = {m: 0.0 if m < 4 else 0.005 for m in range(1, term + 4)}
        prepaying[term] = {m: 0.02 * (m < term) for m in range(1, term + 4)}
    return base_of(hazards, prepaying)


def cells_of(*probabilities, terms=(3, 12), amount=5_000.0):
    grades = grades_of(*probabilities, amount=amount)
    index = pd.MultiIndex.from_product([grades.index, terms], names=["grade", "term_months"])
    cells = grades.reindex(index, level="grade").assign(applications=100, bad=40)
    cells["asked_amount"] = cells["applications"] * cells["mean_amount"]
    cells["probability_low"] = 0.8 * cells["probability"]
    cells["probability_high"] = np.minimum(1.2 * cells["probability"], 1.0)
    return cells


# --- the price -----------------------------------------------------------------------------------


def test_the_most_profitable_price_is_found_among_all(base):
    """Every price tried by hand from cash flows, one by one."""
    cells = cells_of(0.03, terms=(6,))
    about = {"step": 0.02, "floor_apr": 0.05}
    row = offers.price_table(cells, base, COSTS, DEMAND, goal="profit", **about).iloc[0]
    shift = shift_of(base, 6, 0.03)
    profits = {}
    for apr in [0.05, *np.arange(0.06, 1.0, 0.02)]:
        profits[round(apr, 4)] = profit_by_hand(base, 6, apr, shift, amount=5_000)
    best = max(profits, key=profits.get)
    assert row["offer_apr"] == pytest.approx(best)
    assert row["profit_amount"] == pytest.approx(profits[best], rel=1e-9)
    assert row["best_profit_amount"] == row["profit_amount"]
    assert row["status"] == "priced"
    assert row["best_apr"] == row["offer_apr"]
    assert row["take_up_rate"] == pytest.approx(expit(2.3 - 12 * (best - 0.24)))


def test_the_wanted_price_earns_the_margin_and_the_next_lower_one_does_not(base):
    """Cash flows discounted at funding and margin, at the price and a step below."""
    cells = cells_of(0.03, terms=(6,))
    row = offers.price_table(cells, base, COSTS, DEMAND).iloc[0]
    series = pd.Series({(1, 6): 0.03}).rename_axis(["grade", "term_months"])
    hazards = grade_hazards(base, series)

    def worth(apr, hurdle):
        flows = expected_flows(hazards, (1, 6), apr, COSTS, amount=5_000)["net_amount"]
        return flows @ (1 + hurdle / 12) ** -flows.index.to_numpy(dtype=float)

    wanted = row["wanted_apr"]
    assert wanted == row["offer_apr"]
    assert (wanted / 0.0025) % 1 == pytest.approx(0, abs=1e-6)
    assert worth(wanted, 0.08) >= 0 > worth(wanted - 0.0025, 0.08)
    # break-even is without the margin, and profit is all that is above funding
    assert worth(row["break_even_apr"], 0.06) == pytest.approx(0, abs=1e-6)
    by_hand = profit_by_hand(base, 6, wanted, shift_of(base, 6, 0.03), amount=5_000)
    assert row["profit_amount"] == pytest.approx(by_hand, rel=1e-9)


def shift_of(base, term, probability):
    series = pd.Series({(1, term): probability}).rename_axis(["grade", "term_months"])
    scaled = grade_hazards(base, series)["hazard"].to_numpy()
    plain = base.loc[term]["hazard"].to_numpy()
    return logit(scaled[-1]) - logit(plain[-1])


def profit_by_hand(base, term, apr, shift, amount):
    own = base.loc[term]
    with np.errstate(divide="ignore"):
        odds = logit(own["hazard"].to_numpy()) + shift + 1.5 * (apr - 0.24)
    hazards = pd.concat({1: pd.concat({term: own.assign(hazard=expit(odds))})})
    hazards.index.names = ["grade", "term_months", "mob"]
    flows = expected_flows(hazards, (1, term), apr, COSTS, amount=amount)
    worth = flows["net_amount"] @ (1 + 0.06 / 12) ** -flows.index.to_numpy(dtype=float)
    return expit(2.3 - 12 * (apr - 0.24)) * worth


@pytest.mark.parametrize("goal", ["margin", "profit"])
def test_a_cap_below_the_price_aimed_at_clips_and_below_break_even_declines(base, goal):
    cells = cells_of(0.01, 0.05, 0.4, 0.97, terms=(12,))
    free = offers.price_table(cells, base, COSTS, DEMAND, goal=goal)
    aim = "wanted_apr" if goal == "margin" else "best_apr"
    cap = free[aim].iloc[0] - 0.004
    capped = offers.price_table(cells, base, COSTS, DEMAND, goal=goal, cap_apr=cap)
    assert free["status"].tolist()[:2] == ["priced", "priced"]
    assert free["status"].tolist()[3] == "no price pays"
    assert capped["status"].tolist()[0] == "at cap"
    assert capped["offer_apr"].iloc[0] == cap
    tight = offers.price_table(cells, base, COSTS, DEMAND, goal=goal, cap_apr=0.10)
    assert tight["status"].tolist()[1] == "cap below break-even"
    declined = tight.iloc[1]
    assert declined["break_even_apr"] > 0.10
    assert declined[["offer_apr", "take_up_rate", "profit_amount"]].isna().all()
    assert declined[["best_profit_amount", "best_profit_low", "best_profit_high"]].isna().all()
    pd.testing.assert_frame_equal(
        tight[["wanted_apr", "best_apr"]], free[["wanted_apr", "best_apr"]]
    )


def test_takers_who_fail_too_often_for_the_wanted_price_get_none(base):
    """Whoever takes a price far above the list is likelier to default than its cell."""
    costs = dataclasses.replace(COSTS, margin_rate=0.0)
    keen = dataclasses.replace(DEMAND, list_apr=0.05, price_logit=8.0, take_up_logit_per_apr=0.0)
    table = offers.price_table(cells_of(0.10, terms=(12,)), base, costs, keen, step=0.01)
    row = table.iloc[0]
    assert (row["status"], row["wanted_apr"] > row["break_even_apr"]) == ("no price pays", True)
    # at a higher one they pay for themselves where they do not answer to it as much
    calm = dataclasses.replace(keen, price_logit=1.5)
    row = offers.price_table(cells_of(0.10, terms=(12,)), base, costs, calm, step=0.01).iloc[0]
    assert row["status"] == "takers lose"
    assert row["best_apr"] > row["wanted_apr"]
    assert np.isnan(row["offer_apr"])
    assert row["best_profit_amount"] > 0
    text = offers.price_text(offers.price_table(
        cells_of(0.10, terms=(12,)), base, costs, calm, step=0.01), "CNY")  # fmt: skip
    assert "**1 cell is declined because those who take its price fail too often for it**" in text


def test_a_cap_above_break_even_whose_takers_lose_is_not_below_break_even(base):
    """Break-even is for the cell as it is; those who take the cap's price fail more often."""
    keen = dataclasses.replace(DEMAND, list_apr=0.05, price_logit=8.0, take_up_logit_per_apr=0.0)
    bare = dataclasses.replace(COSTS, margin_rate=0.0)
    cells = cells_of(0.10, terms=(12,))
    need = offers.break_even_table(cells, base, bare)["break_even_apr"].item()
    wanting = dataclasses.replace(COSTS, margin_rate=0.3)
    row = offers.price_table(cells, base, wanting, keen, cap_apr=need + 0.01).iloc[0]
    assert need < row["cap_apr"] < row["wanted_apr"]
    assert row["status"] == ("takers lose at cap" if row["best_apr"] > 0 else "no price pays")
    calm = dataclasses.replace(keen, price_logit=1.5)
    row = offers.price_table(cells, base, wanting, calm, cap_apr=need + 0.01).iloc[0]
    assert row["status"] == "takers lose at cap"
    assert np.isnan(row["offer_apr"])


def test_what_the_judged_rate_would_change_is_the_price_at_that_rate(base):
    cells = cells_of(0.08, terms=(6, 12))
    judged = cells.assign(judged_probability=0.04)
    plain = offers.price_table(cells, base, COSTS, DEMAND, cap_apr=0.24)
    table = offers.price_table(judged, base, COSTS, DEMAND, cap_apr=0.24)
    pd.testing.assert_frame_equal(table[plain.columns], plain)
    other = cells.assign(probability=0.04)
    there = offers.break_even_table(other, base, dataclasses.replace(COSTS, margin_rate=0.0))
    np.testing.assert_allclose(table["break_even_judged"], there["break_even_apr"])
    # take-up rests on the cell's own risk; what it is charged, on the rate
    expected = offers.price_table(other, base, COSTS, DEMAND, cap_apr=0.24)["offer_apr"]
    np.testing.assert_allclose(table["judged_apr"], expected)


def test_a_term_in_which_nobody_has_defaulted_has_no_price_and_says_why(base):
    never = base.copy()
    never.loc[3, "hazard"] = 0.0
    table = offers.price_table(cells_of(0.02), never, COSTS, DEMAND, cap_apr=0.15)
    assert table["status"].tolist() == ["no default seen", "priced"]
    unknown = ["break_even_apr", "wanted_apr", "best_apr", "offer_apr", "profit_amount"]
    assert table.iloc[0][[*unknown, "best_profit_amount"]].isna().all()
    text = offers.price_text(table, "CNY")
    assert "Too few to say of 1 cell (100 applications): no loan of their term" in text
    assert "None is declined" in text


@settings(max_examples=8, deadline=None)
@given(
    cap=st.floats(0.06, 0.9),
    ps=st.lists(st.floats(0.002, 0.5), min_size=1, max_size=4),
    slope=st.floats(-30, 0),
    goal=st.sampled_from(["margin", "profit"]),
)
def test_no_offer_passes_the_cap_or_falls_below_break_even_or_loses(base, cap, ps, slope, goal):
    demand = dataclasses.replace(DEMAND, take_up_logit_per_apr=slope)
    about = {"cap_apr": cap, "step": 0.02, "goal": goal}
    table = offers.price_table(cells_of(*ps), base, COSTS, demand, **about)
    made = table[table["offer_apr"].notna()]
    assert (made["offer_apr"] <= cap + 1e-6).all()
    assert (made["break_even_apr"] <= cap).all()
    assert (made["profit_amount"] > 0).all()
    assert (made["profit_low"] <= made["profit_amount"]).all()
    assert (made["profit_amount"] <= made["profit_high"]).all()
    # no lawful price earns more than the best of them
    assert (made["profit_amount"] <= made["best_profit_amount"] * (1 + 1e-9)).all()
    if goal == "margin":
        assert (made["offer_apr"] >= made["break_even_apr"] - 1e-6).all()
    below = table[~(table["break_even_apr"] <= cap)]
    assert below["offer_apr"].isna().all()


@settings(max_examples=8, deadline=None)
@given(
    ps=st.lists(st.floats(0.001, 0.3), min_size=2, max_size=5),
    margin=st.floats(0, 0.3),
    amount=st.floats(500, 20_000),
)
def test_a_higher_probability_never_has_a_lower_break_even_or_wanted_price(
    base, ps, margin, amount
):
    """With prepayment, demand and selection held; nor a lower offer, as long as it has one."""
    costs = dataclasses.replace(COSTS, margin_rate=margin)
    still = dataclasses.replace(DEMAND, price_logit=0.0, take_up_risk_slope=0.0)
    cells = cells_of(*sorted(ps), terms=(6, 12), amount=amount)
    table = offers.price_table(cells, base, costs, still, cap_apr=0.24, step=0.02)
    assert (table["wanted_apr"] >= table["break_even_apr"] - 1e-9).all()
    for _, of_term in table.groupby(level="term_months"):
        for name in ("break_even_apr", "wanted_apr", "offer_apr"):
            rising = of_term[name].dropna().diff().dropna()
            assert (rising >= -1e-9).all(), name
        # who is declined is at the risky end
        offered = of_term["offer_apr"].notna().to_numpy()
        assert (np.diff(offered.astype(int)) <= 0).all()


def test_a_decision_that_the_interval_does_not_bear_out_is_not_sure(base):
    cells = cells_of(0.05, terms=(12,))
    bare = dataclasses.replace(COSTS, margin_rate=0.0)
    at = offers.break_even_table(cells, base, bare).iloc[0]
    for cap, sure in (
        (at["break_even_low"] - 0.005, True),
        ((at["break_even_low"] + at["break_even_apr"]) / 2, False),
        ((at["break_even_apr"] + at["break_even_high"]) / 2, False),
        (at["break_even_high"] + 0.02, True),
    ):
        row = offers.price_table(cells, base, COSTS, DEMAND, cap_apr=cap, step=0.01).iloc[0]
        assert row["sure"] == sure, cap


def test_who_shops_around_gets_a_lower_price(base):
    prices = [
        offers.price_table(
            cells_of(0.02, terms=(12,)), base, COSTS,
            dataclasses.replace(DEMAND, take_up_logit_per_apr=slope), goal="profit",
        )["offer_apr"].item()
        for slope in (-5, -15, -60)
    ]  # fmt: skip
    assert prices[0] > prices[1] > prices[2] > 0.08


def test_the_risky_shop_around_less_than_the_mean_of_all_who_ask(base):
    cells = cells_of(0.01, 0.10, terms=(12,)).assign(applications=[300, 100])
    table = offers.price_table(cells, base, COSTS, DEMAND, step=0.02)
    risk = logit([0.01, 0.10]) - logit(0.75 * 0.01 + 0.25 * 0.10)
    sensitivity = -12 * np.exp(-0.4 * risk)
    expected = expit(2.3 + sensitivity * (table["offer_apr"] - 0.24))
    np.testing.assert_allclose(table["take_up_rate"], expected)
    calm = DEMAND.take_up_rate([0.4], np.array([1.0])) / DEMAND.take_up_rate([0.4], np.array([0]))
    assert calm.item() > 1


def test_a_higher_price_attracts_the_likelier_to_default(base):
    table = offers.price_table(cells_of(0.02, terms=(12,)), base, COSTS, DEMAND)
    row = table.iloc[0]
    assert (row["taker_probability"] > row["probability"]) == (row["offer_apr"] > DEMAND.list_apr)
    still = dataclasses.replace(DEMAND, price_logit=0.0)
    table = offers.price_table(cells_of(0.02, terms=(12,)), base, COSTS, still)
    assert table["taker_probability"].item() == pytest.approx(0.02)


# --- who asks for what ---------------------------------------------------------------------------


def asked(rows):
    return pd.DataFrame(rows, columns=["grade", "term_months", "amount", "default_flag"])


SCALE = pd.DataFrame(
    {"n": [1_000, 1_000], "bad": [50, 200], "probability": [0.05, 0.2]},
    index=pd.Index([1, 2], name="grade"),
)


def test_cells_carry_what_other_loans_say_of_their_grade():
    judged = SCALE.assign(
        judged_n=[100, 0], judged_bad=[2, 0], judged_rate=[0.02, np.nan],
        judged_rate_low=[0.005, np.nan], judged_rate_high=[0.06, np.nan], light=["red", "few"],
    )  # fmt: skip
    loans = [(1, 1, 1, i < 8) for i in range(800)] + [(2, 1, 1, i < 8) for i in range(200)]
    table = offers.offer_cells(asked(loans), judged)
    shift = logit(table["probability"]) - logit(SCALE["probability"].to_numpy())
    assert (shift < -0.1).all()
    # the same shift of the term; a grade that nothing judges stays as it is
    np.testing.assert_allclose(logit(table["judged_probability"]) - shift, logit([0.02, 0.2]))
    assert table["grade_probability"].tolist() == [0.05, 0.2]
    assert table["judged_light"].tolist() == ["red", "few"]
    assert "judged_probability" not in offers.offer_cells(asked(loans), SCALE)
    none = judged.assign(judged_rate=[0.0, np.nan])
    assert offers.offer_cells(asked(loans), none)["judged_probability"].iloc[0] == 0


def test_cells_count_everybody_once():
    table = offers.offer_cells(
        asked([(1, 3, 100_000, 0), (1, 3, 300_000, None), (2, 12, 50_000, 1)]), SCALE
    )
    assert table["applications"].to_dict() == {(1, 3): 2, (2, 12): 1}
    assert table["asked_amount"].tolist() == [4_000, 500]
    assert table["probability"].tolist() == [0.05, 0.2]
    assert ((table["probability_low"] < 0.2) & (table["probability_high"] > 0.05)).all()


def test_a_term_that_is_as_its_grades_is_left_alone():
    loans = [(1, 3, 1, i < 5) for i in range(100)] + [(2, 3, 1, i < 20) for i in range(100)]
    table = offers.offer_cells(asked(loans), SCALE)
    assert (table["term_shift"] == 0).all()
    assert table["term_bad"].tolist() == [25, 25]
    np.testing.assert_allclose(table["term_expected"], 25)


def test_a_term_that_departs_moves_until_its_bads_are_expected():
    loans = [(1, 1, 1, i < 8) for i in range(800)] + [(2, 1, 1, i < 8) for i in range(200)]
    table = offers.offer_cells(asked(loans + [(1, 3, 1, i < 10) for i in range(200)]), SCALE)
    moved = table.xs(1, level="term_months")
    assert 800 * moved.loc[1, "probability"] + 200 * moved.loc[2, "probability"] == pytest.approx(
        16
    )
    odds = moved["probability"] / (1 - moved["probability"])
    before = SCALE["probability"] / (1 - SCALE["probability"])
    np.testing.assert_allclose(odds / before, (odds / before).iloc[0])
    # less sure than the grade alone
    plain = offers.offer_cells(asked(loans).drop(columns="default_flag"), SCALE)
    plain = plain.xs(1, level="term_months")
    for end in ("probability_low", "probability_high"):
        widths = [(logit(each[end]) - logit(each["probability"])).abs() for each in (moved, plain)]
        assert (widths[0] > widths[1] + 0.01).all()
    assert table.loc[(1, 3), "probability"] == 0.05


def test_chance_alone_moves_one_portfolio_in_twenty():
    """The terms' tests are adjusted: of worlds as their grades say, at most 1 in 20 is moved."""
    rng = np.random.default_rng(17)
    terms = np.repeat([1, 3, 6, 9, 12], 200)
    moved = 0
    for _ in range(60):
        loans = pd.DataFrame({"grade": 2, "term_months": terms, "amount": 1})
        loans["default_flag"] = rng.random(len(terms)) < 0.2
        moved += (offers.offer_cells(loans, SCALE)["term_shift"] != 0).any()
    assert moved <= 8  # of Binomial(60, 1/20) with probability 0.996


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"take_up_logit_per_apr": 1.0}, "take_up_logit_per_apr must be <= 0, got 1.0"),
        ({"price_logit": -1.0}, "price_logit must be >= 0, got -1.0"),
        ({"list_apr": 24.0}, r"list_apr must be in \[0, 10\], got 24.0"),
        ({"take_up_logit": np.nan}, "take_up_logit must be finite, got nan"),
    ],
)
def test_demand_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(DEMAND, **change)


def test_prices_and_cells_that_cannot_be_are_refused(base):
    with pytest.raises(ValueError, match="goal must be one of margin, profit, got 'growth'"):
        offers.price_table(cells_of(0.1), base, COSTS, DEMAND, goal="growth")
    with pytest.raises(ValueError, match=r"floor_apr must lie in \[0, cap_apr\), got 0.029, 0.02"):
        offers.price_table(cells_of(0.1), base, COSTS, DEMAND, cap_apr=0.02)
    with pytest.raises(ValueError, match="step must be > 0, got 0"):
        offers.price_table(cells_of(0.1), base, COSTS, DEMAND, step=0)
    with pytest.raises(ValueError, match="missing columns applications"):
        offers.price_table(grades_of(0.1), base, COSTS, DEMAND)
    with pytest.raises(ValueError, match="no grade 7 in the scale"):
        offers.offer_cells(asked([(7, 3, 1, 0)]), SCALE)
