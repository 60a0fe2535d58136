"""Break-even prices: closed forms, a case by hand, money that adds up, and what may never be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import instalments, offers
from riskkit.offers.flows import expected_flows
from riskkit.offers.hazards import grade_hazards

METHODS = instalments.METHODS
LGD = offers.LossGivenDefault(0.6, "2024-12-31", "assumed")
TERMS = (1, 3, 6, 9, 12)


def costs_of(loss=0.6, *, funding=0.0, acquisition=0.0, servicing=0.0, margin=0.0, delay=4):
    return offers.LoanCosts(
        lgd=offers.LossGivenDefault(loss, "2024-12-31", "assumed"),
        funding_rate=funding,
        acquisition_amount=acquisition,
        servicing_amount=servicing,
        margin_rate=margin,
        delay_months=delay,
    )


def base_of(hazards, prepaying=None):
    """Hazards by term: {term: {mob: hazard}}, and chances to prepay likewise."""
    prepaying = prepaying or {}
    rows = {
        (term, mob): (hazard, prepaying.get(term, {}).get(mob, 0.0))
        for term, by_mob in hazards.items()
        for mob, hazard in by_mob.items()
    }
    index = pd.MultiIndex.from_tuples(rows, names=["term_months", "mob"])
    return pd.DataFrame([*rows.values()], index=index, columns=["hazard", "prepayment_rate"])


def grades_of(*probabilities, amount=1_000.0):
    index = pd.Index(range(1, len(probabilities) + 1), name="grade")
    return pd.DataFrame({"probability": probabilities, "mean_amount": amount}, index=index)


@pytest.fixture(scope="module")
def base():
    """A book's shape: 90+ from month 4 on, and prepayment until the term."""
    hazards, prepaying = {}, {}
    for term in TERMS:
        months = range(1, term + 4)
        hazards[term] = {m: 0.0 if m < 4 else 0.004 + 0.001 * (m % 3) for m in months}
        prepaying[term] = {m: 0.02 * (m < term) for m in months}
    return base_of(hazards, prepaying)


# --- oracles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("p", "c"), [(0.05, 0.01), (0.2, 0.0), (0.0, 0.03)])
def test_break_even_of_one_period_is_the_closed_form(p, c, method):
    """PD p, loss 1, cost c: a rate of (c + p) / (1 − p)."""
    costs = costs_of(1.0, acquisition=1_000 * c, delay=1)
    base = base_of({1: {1: 0.1}})
    table = offers.break_even_table(grades_of(p), base, costs, method=method, highest_apr=9)
    assert table["break_even_apr"].item() / 12 == pytest.approx((c + p) / (1 - p), abs=1e-12)


def test_break_even_of_three_periods_matches_the_case_by_hand():
    """Interest only over three months, loss 1/2, no discount, default with its own month's miss.

    Hazards 0, 1/10, 1/9: of 10 loans 1 defaults in month 2, 1 in month 3, 8 repay. Interest paid:
    10 + 9 + 8 = 27 parts r of a loan; principal: 8, recovered 2/2 = 1. So 27 r + 9 = 10, and
    r = 1/27.
    """
    base = base_of({3: {1: 0.0, 2: 1 / 10, 3: 1 / 9}})
    table = offers.break_even_table(
        grades_of(0.2), base, costs_of(0.5, delay=1), method="interest_only"
    )
    assert table["break_even_apr"].item() == pytest.approx(12 / 27, abs=1e-12)


def test_break_even_of_equal_instalments_with_discount_matches_the_case_by_hand():
    """Two months, default in month 2 after one instalment a: v·a + (1 − p)·v²·a = 1."""
    p, funding = 0.1, 0.12
    base = base_of({2: {1: 0.0, 2: 0.5}})
    costs = costs_of(1.0, funding=funding, delay=1)
    table = offers.break_even_table(grades_of(p), base, costs)
    v = 1 / 1.01
    due = 1 / (v + (1 - p) * v**2)
    # an annuity of two: due·(1 + r) + due = (1 + r)², so 1 + r = (due + √(due² + 4·due)) / 2
    by_hand = (due + np.sqrt(due**2 + 4 * due)) / 2 - 1
    assert table["break_even_apr"].item() / 12 == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_without_losses_and_costs_the_price_is_the_hurdle(base, method):
    costs = costs_of(0.6, funding=0.05, margin=0.03)
    no_prepayment = base.assign(prepayment_rate=0.0)
    table = offers.break_even_table(grades_of(0.0), no_prepayment, costs, method=method)
    np.testing.assert_allclose(table["break_even_apr"], 0.08, atol=1e-12)


def test_a_late_default_has_paid_all_but_the_last_instalments_before_it():
    """More than 90 days past due at the end of month 5: only month 1 was paid."""
    base = base_of({6: {m: 0.2 * (m == 5) for m in range(1, 7)}})
    hazards = grade_hazards(base, pd.Series([0.2], index=pd.Index([1], name="grade")))
    flows = expected_flows(hazards, (1, 6), 0.24, costs_of(0.6), amount=1_000)
    due = instalments.instalment(1_000, 0.02, 6)
    paid = flows["principal_amount"] + flows["interest_amount"]
    np.testing.assert_allclose(paid, due * np.array([0, 1, 0.8, 0.8, 0.8, 0.8, 0.8]), atol=1e-9)
    left = 1_000 * 1.02 - due
    assert flows["defaulted_amount"].tolist() == pytest.approx([0, 0, 0, 0, 0, 0.2 * left, 0])
    assert flows["recovered_amount"].sum() == pytest.approx(0.4 * 0.2 * left)


def test_servicing_ends_with_prepayment_and_not_with_default():
    """Half prepay in month 1; a fifth of all default in month 2 and go on costing until month 3."""
    base = base_of({3: {1: 0.0, 2: 0.4, 3: 0.0}}, {3: {1: 0.5}})
    hazards = grade_hazards(base, pd.Series([0.2], index=pd.Index([1], name="grade")))
    costs = costs_of(acquisition=7, servicing=10, delay=1)
    flows = expected_flows(hazards, (1, 3), 0.2, costs, amount=100)
    assert flows["cost_amount"].tolist() == pytest.approx([7, 10, 5, 5])
    assert flows["prepaid_amount"].astype(bool).tolist() == [False, True, False, False]


def test_nobody_prepays_from_the_last_due_day_on(base):
    late = base.copy()
    mob, term = (late.index.get_level_values(name) for name in ("mob", "term_months"))
    late.loc[mob >= term, "prepayment_rate"] = 0.7
    tables = [
        offers.break_even_table(grades_of(0.05), each, costs_of(funding=0.1, servicing=3))
        for each in (base, late)
    ]
    pd.testing.assert_frame_equal(*tables)


# --- hazards by grade ----------------------------------------------------------------------------


def incidence(hazards, cell, window):
    own = hazards.loc[cell]
    on_book, defaulted = 1.0, 0.0
    for mob, row in own.iterrows():
        if mob <= window:
            defaulted += on_book * row["hazard"]
        on_book *= (1 - row["hazard"]) * (1 - row["prepayment_rate"])
    return defaulted


@pytest.mark.parametrize("window", [6, 12])
def test_hazards_of_a_grade_add_up_to_its_probability(base, window):
    probability = pd.Series([0.005, 0.03, 0.25], index=pd.Index([1, 2, 3], name="grade"))
    hazards = grade_hazards(base, probability, window_months=window)
    assert hazards.index.names == ["grade", "term_months", "mob"]
    for grade, p in probability.items():
        for term in TERMS:
            assert incidence(hazards, (grade, term), window) == pytest.approx(p, abs=1e-12)
    # what prepays given no default is left as it was
    np.testing.assert_array_equal(hazards.loc[3]["prepayment_rate"], base["prepayment_rate"])


def test_the_odds_of_every_month_move_alike(base):
    hazards = grade_hazards(base, pd.Series([0.1], index=pd.Index([1], name="grade")))
    for term in TERMS:
        before, after = (
            h[h > 0] for h in (base.loc[term]["hazard"], hazards.loc[1, term]["hazard"])
        )
        ratio = (after / (1 - after)) / (before / (1 - before))
        assert ratio.max() / ratio.min() == pytest.approx(1, abs=1e-9)


def test_own_hazards_come_back_at_their_own_probability(base):
    own = pd.Series({(1, term): incidence(base, term, 12) for term in TERMS}).rename_axis(
        ["grade", "term_months"]
    )
    hazards = grade_hazards(base, own)
    np.testing.assert_allclose(hazards["hazard"], base["hazard"], atol=1e-12)


def test_a_term_without_defaults_has_no_price_unless_nobody_defaults():
    base = base_of({3: {1: 0.0, 4: 0.0}})
    grades = grades_of(0.02, 0.0)
    table = offers.break_even_table(grades, base, costs_of())
    with pytest.warns(UserWarning, match="no loan of term 3 defaulted"):
        hazards = grade_hazards(base, grades["probability"])
    assert hazards["hazard"].isna().loc[1].all()
    assert table["break_even_apr"].isna().tolist() == [True, False]


def test_term_hazards_give_the_shares_of_the_book():
    """Of 100 loans 20 prepay in month 1, 70 mature in month 3, 10 stay and 6 of them default."""
    index = pd.MultiIndex.from_product([[3], [0, 1, 2, 3, 4, 5, 6]], names=["term_months", "mob"])
    book = pd.DataFrame(
        {
            "at_risk": [100, 100, 80, 80, 10, 6, 6],
            "events": [0, 0, 0, 0, 2, 0, 4],
            "ended": [0, 20, 0, 70, 2, 0, 2],
        },
        index=index,
    )
    table = offers.term_hazards(book)
    assert table["prepayment_rate"].tolist() == [0, 0.2, 0, 0, 0, 0, 0]
    # of 80 that have not prepaid: 2, and of the 78 that have not defaulted either: 4
    np.testing.assert_allclose(table["hazard"], [0, 0, 0, 0, 2 / 80, 0, 4 / 78], atol=1e-12)
    assert incidence(table, 3, 12) == pytest.approx(0.06)


def test_term_hazards_tell_prepayment_from_default_in_one_month():
    """Of 100 loans 10 default in month 1 and 18 of the others prepay; then 7 of 72 default."""
    index = pd.MultiIndex.from_product([[3], [1, 2]], names=["term_months", "mob"])
    book = pd.DataFrame({"at_risk": [100, 72], "events": [10, 7], "ended": [18, 0]}, index=index)
    table = offers.term_hazards(book)
    np.testing.assert_allclose(table["hazard"], [0.1, 7 / 72])
    np.testing.assert_allclose(table["prepayment_rate"], [0.2, 0])


def test_a_book_of_no_loans_has_no_hazards():
    index = pd.MultiIndex.from_arrays([[], []], names=["term_months", "mob"])
    book = pd.DataFrame({"at_risk": [], "events": [], "ended": []}, index=index)
    assert offers.term_hazards(book).empty


# --- invariants ----------------------------------------------------------------------------------

prices = {
    "funding": st.sampled_from([0.0, 0.04, 0.12]),
    "acquisition": st.sampled_from([0.0, 30.0]),
    "servicing": st.sampled_from([0.0, 2.0, 20.0]),
    "delay": st.integers(1, 5),
}


@settings(max_examples=30, deadline=None)
@given(
    **prices,
    loss=st.sampled_from([0.0, 0.3, 0.6, 1.0]),
    method=st.sampled_from(["equal_instalment", "interest_only", "equal_principal"]),
    months=st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 0.5)), min_size=4, max_size=15),
    term=st.sampled_from(TERMS),
    ps=st.lists(st.floats(0.001, 0.6), min_size=2, max_size=5),
)
def test_a_higher_probability_never_has_a_lower_price(
    funding, acquisition, servicing, delay, loss, method, months, term, ps
):
    rates = dict(enumerate(months, 1))
    base = base_of(
        {term: {m: max(h, 1e-4) for m, (h, _) in rates.items()}},
        {term: {m: e for m, (_, e) in rates.items()}},
    )
    costs = costs_of(
        loss, funding=funding, acquisition=acquisition, servicing=servicing, delay=delay
    )
    table = offers.break_even_table(grades_of(*sorted(ps)), base, costs, method=method)
    price = table["break_even_apr"].fillna(np.inf).to_numpy()
    with np.errstate(invalid="ignore"):
        rises = np.diff(price)
    assert (np.isnan(rises) | (rises >= -1e-9)).all(), price
    assert (price >= funding - 1e-9).all()


@settings(max_examples=20, deadline=None)
@given(
    **prices,
    loss=st.sampled_from([0.1, 0.6, 1.0]),
    ps=st.lists(st.floats(0.001, 0.4), min_size=2, max_size=5),
)
def test_a_higher_probability_never_has_a_lower_flat_fee(
    base, funding, acquisition, servicing, delay, loss, ps
):
    costs = costs_of(
        loss, funding=funding, acquisition=acquisition, servicing=servicing, delay=delay
    )
    table = offers.break_even_table(grades_of(*sorted(ps)), base, costs, method="flat_fee")
    for _, prices_of_term in table["break_even_apr"].groupby(level="term_months"):
        assert (np.diff(prices_of_term.fillna(9.0)) >= -1e-9).all()


@settings(max_examples=30, deadline=None)
@given(
    **prices,
    loss=st.floats(0, 1),
    p=st.floats(0, 0.5),
    apr=st.floats(0, 1),
    term=st.sampled_from(TERMS),
    method=st.sampled_from(METHODS),
)
def test_cash_is_conserved(
    base, funding, acquisition, servicing, delay, loss, p, apr, term, method
):
    hazards = grade_hazards(base, pd.Series([p], index=pd.Index(["A"], name="grade")))
    costs = costs_of(
        loss, funding=funding, acquisition=acquisition, servicing=servicing, delay=delay
    )
    flows = expected_flows(hazards, ("A", term), apr, costs, amount=500, method=method)
    total = flows.sum()
    returned = total["principal_amount"] + total["prepaid_amount"] + total["defaulted_amount"]
    assert returned == pytest.approx(total["lent_amount"])
    assert total["recovered_amount"] == pytest.approx((1 - loss) * total["defaulted_amount"])
    inflow = returned - loss * total["defaulted_amount"] + total["interest_amount"]
    assert total["net_amount"] == pytest.approx(inflow - 500 - total["cost_amount"])
    assert (flows.drop(columns="net_amount") >= -1e-9).all(axis=None)


@pytest.mark.parametrize("method", METHODS)
def test_at_its_break_even_price_a_loan_is_worth_what_it_costs(base, method):
    costs = costs_of(0.6, funding=0.06, acquisition=20, servicing=3, margin=0.02)
    grades = grades_of(0.02, 0.15, amount=5_000)
    table = offers.break_even_table(grades, base, costs, method=method)
    hazards = grade_hazards(base, grades["probability"])
    for cell, row in table.iterrows():
        apr = row["break_even_apr"]
        flows = expected_flows(hazards, cell, apr, costs, amount=5_000, method=method)
        discounts = (1 + 0.08 / 12) ** -flows.index.to_numpy(dtype=float)
        assert flows["net_amount"] @ discounts == pytest.approx(0, abs=1e-6)


def test_no_price_below_the_bound_is_no_price(base):
    costs = costs_of(1.0, acquisition=400)
    free = offers.break_even_table(grades_of(0.05, 0.9), base, costs).loc[(slice(None), 12), :]
    assert free["break_even_apr"].isna().tolist() == [False, True]
    needed = free["break_even_apr"].iloc[0]
    for bound, found in ((needed - 1e-6, False), (needed + 1e-6, True)):
        table = offers.break_even_table(grades_of(0.05), base, costs, highest_apr=bound)
        assert table["break_even_apr"].notna().loc[1, 12] == found


def test_the_interval_is_that_of_the_probability(base):
    costs = costs_of(funding=0.06, acquisition=20)
    grades = grades_of(0.03).assign(probability_low=0.02, probability_high=0.05, bad=12)
    table = offers.break_even_table(grades, base, costs)
    for end, p in (("low", 0.02), ("high", 0.05)):
        alone = offers.break_even_table(grades_of(p), base, costs)["break_even_apr"]
        np.testing.assert_allclose(table[f"break_even_{end}"], alone)
    assert (table["bad"] == 12).all()
    assert offers.break_even_table(grades_of(0.03), base, costs)["break_even_low"].isna().all()


def test_a_merchant_pays_what_a_plan_below_cost_lacks(base):
    costs = costs_of(funding=0.06, acquisition=20, servicing=2)
    grades = grades_of(0.02, amount=3_000).assign(probability_low=0.01, probability_high=0.03)
    table = offers.subsidy_table(grades, base, costs, (0.0, 0.029, 0.9))
    assert table.index.names == ["plan_apr", "grade", "term_months"]
    hazards = grade_hazards(base, grades["probability"])
    flows = expected_flows(hazards, (1, 6), 0.029, costs, amount=3_000)
    lacks = -flows["net_amount"] @ 1.005 ** -flows.index.to_numpy(dtype=float)
    row = table.loc[0.029, 1, 6]
    assert row["subsidy_amount"] == pytest.approx(lacks)
    assert row["subsidy_rate"] == pytest.approx(lacks / 3_000)
    assert row["subsidy_low"] < row["subsidy_rate"] < row["subsidy_high"]
    assert (table.loc[0.9]["subsidy_rate"] == 0).all()


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"funding_rate": -0.1}, "funding_rate must be finite and >= 0, got -0.1"),
        ({"acquisition_amount": np.inf}, "acquisition_amount must be finite and >= 0, got inf"),
        ({"delay_months": 0}, "delay_months must be a whole number >= 1, got 0"),
    ],
)
def test_costs_that_cannot_be_are_refused(change, message):
    stated = {"lgd": LGD, "funding_rate": 0.0, "acquisition_amount": 0, "servicing_amount": 0}
    with pytest.raises(ValueError, match=message):
        offers.LoanCosts(**stated | change)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.2, "2024-12-31", "x"), r"must lie in \[0, 1\], got 1.2"),
        ((0.5, "2024-13-31", "x"), "as_of must be a date YYYY-MM-DD, got '2024-13-31'"),
        ((0.5, "2024", "x"), "as_of must be a date YYYY-MM-DD, got '2024'"),
        ((0.5, "2024-12-31", " "), "source must say who states"),
    ],
)
def test_a_loss_without_date_or_source_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        offers.LossGivenDefault(*arguments)


def test_grades_and_hazards_that_cannot_be_are_refused(base):
    with pytest.raises(ValueError, match="mean_amount must be finite and > 0, got 0"):
        offers.break_even_table(grades_of(0.1, amount=0), base, costs_of())
    with pytest.raises(ValueError, match=r"probability must lie in \[0, 1\], got 1.1"):
        offers.break_even_table(grades_of(1.1), base, costs_of())
    with pytest.raises(ValueError, match="missing columns mean_amount"):
        offers.break_even_table(grades_of(0.1)[["probability"]], base, costs_of())
    other = pd.Series({(1, 24): 0.1}).rename_axis(["grade", "term_months"])
    with pytest.raises(ValueError, match="no hazards of term 24; known: 1, 3, 6, 9, 12"):
        grade_hazards(base, other)
    with pytest.raises(ValueError, match=r"must have the index \(term_months, mob\), got \(mob\)"):
        offers.term_hazards(base.loc[3])
    index = pd.MultiIndex.from_tuples([(3, 1)], names=["term_months", "mob"])
    book = pd.DataFrame({"at_risk": [3], "events": [2], "ended": [2]}, index=index)
    with pytest.raises(ValueError, match="together <= at_risk"):
        offers.term_hazards(book)
    with pytest.raises(ValueError, match="together <= at_risk"):
        offers.term_hazards(book.assign(events=np.nan))
