"""Limits: what an income carries, the best within a budget, moves without flip-flop."""

from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import credit_limits
from riskkit.checks import DataContractError
from riskkit.schema import Feature
from riskkit.synthetic import Lender, simulate

NAN = float("nan")
DEBT = Feature(
    name="concurrent_exposure", label="Debt", family="bureau", special_codes={-9.0: "no record"}
)


# -- what an income carries ------------------------------------------------------------------------


def asked(**columns):
    base = {"verified_income": [NAN], "stated_income": [NAN], "concurrent_exposure": [0.0]}
    return pd.DataFrame(base | columns)


def carried(frame, **changes):
    rule = credit_limits.Affordability(
        **{"stated_haircut_rate": 0.3, "living_cost_amount": 2000, "free_share": 0.5} | changes
    )
    return credit_limits.affordability(frame, [DEBT], rule, apr=0.24, term_months=12)


def test_the_instalment_an_income_carries_worked_by_hand():
    # (8,000 − 2,000 − 5 % of 20,000) / 2; the annuity factor of 2 % over 12 months is 10.575341
    one = carried(asked(verified_income=[8000.0], concurrent_exposure=[20000.0])).iloc[0]
    assert one["instalment_amount"] == 2500
    assert one["principal_amount"] == pytest.approx(2500 * 10.575341, abs=0.01)
    assert one["income_source"] == "verified"
    # verified before stated; stated less 30 %
    both = carried(asked(verified_income=[8000.0], stated_income=[99000.0])).iloc[0]
    assert both["income_amount"] == 8000
    stated = carried(asked(stated_income=[10000.0])).iloc[0]
    assert (stated["income_amount"], stated["income_source"]) == (7000, "stated")
    # debts beyond the income leave nothing, never less
    deep = carried(asked(verified_income=[3000.0], concurrent_exposure=[1e6])).iloc[0]
    assert (deep["instalment_amount"], deep["principal_amount"]) == (0, 0)
    none = carried(asked()).iloc[0]
    assert none["income_source"] == "none"
    assert np.isnan(none["instalment_amount"])


def test_a_debt_nobody_knows_is_the_median_of_the_known():
    frame = pd.DataFrame(
        {"verified_income": 8000.0, "concurrent_exposure": [10000, 20000, 60000, NAN, -9]}
    )
    found = carried(frame)
    assert found["exposure_amount"].tolist() == [10000, 20000, 60000, 20000, 20000]
    assert found["is_exposure_known"].tolist() == [True, True, True, False, False]


@settings(max_examples=30, deadline=None)
@given(st.floats(500, 50000), st.floats(0, 1e5), st.floats(0.0, 0.5), st.floats(1, 5000))
def test_more_income_less_debt_and_a_lower_price_never_carry_less(income, debt, apr, more):
    def principal(income, debt, apr):
        frame = asked(verified_income=[income], concurrent_exposure=[debt])
        found = credit_limits.affordability(
            frame, [], credit_limits.Affordability(), apr=apr, term_months=6
        )
        return found["principal_amount"].iloc[0]

    base = principal(income, debt, apr)
    assert principal(income + more, debt, apr) >= base
    assert principal(income, debt + more, apr) <= base
    assert principal(income, debt, apr + more / 1e5) <= base


def test_affordability_refuses_what_makes_no_rule():
    with pytest.raises(ValueError, match="free_share must lie in"):
        credit_limits.Affordability(free_share=0)
    with pytest.raises(ValueError, match="stated_haircut_rate must be below 1"):
        credit_limits.Affordability(stated_haircut_rate=1)
    with pytest.raises(ValueError, match="living_cost_amount must be finite and >= 0"):
        credit_limits.Affordability(living_cost_amount=-1)
    with pytest.raises(DataContractError, match="stated_income"):
        carried(pd.DataFrame({"concurrent_exposure": [1.0]}))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1, 1e6) | st.none(), max_size=40), st.integers(1, 6))
def test_bands_of_income_keep_the_order_of_the_incomes(incomes, n_bands):
    income = pd.Series(incomes, dtype=float)
    bands = credit_limits.income_bands(income, n_bands)
    assert (bands == "not known").equals(income.isna())
    place = bands.cat.codes.to_numpy()[income.notna()]
    assert (np.diff(place[np.argsort(income[income.notna()], kind="stable")]) >= 0).all()
    assert len(bands.cat.categories) <= n_bands + 1
    with pytest.raises(ValueError, match="n_bands must be >= 1"):
        credit_limits.income_bands(income, 0)


# -- the best limits -------------------------------------------------------------------------------


def applicants(n=60, n_grades=3, n_bands=2, seed=1):
    rng = np.random.default_rng(seed)
    bands = [f"band {b}" for b in range(n_bands)]
    return pd.DataFrame(
        {
            "grade": rng.choice([f"A{g + 1}" for g in range(n_grades)], n),
            "income_band": pd.Categorical(rng.choice(bands, n), bands, ordered=True),
            "amount": rng.integers(5, 60, n) * 100.0,
            "principal_amount": rng.integers(0, 80, n) * 100.0,
        }
    )


def grades(*probabilities, margin=0.1):
    names = [f"A{g + 1}" for g in range(len(probabilities))]
    table = pd.DataFrame({"probability": probabilities, "margin_rate": margin}, index=names)
    return table.rename_axis("grade")


LEVELS = [0, 1000, 3000, 5000]


def on_terms(people, scale, loss_rate=0.6, take_up_rate=1.0):
    """Applicants whose loans are worth the margin on the good ones less the loss on the bad."""
    worth = scale["margin_rate"] * (1 - scale["probability"]) - scale["probability"] * loss_rate
    worth = people["grade"].map(worth).fillna(0.0)
    return people.assign(take_up_rate=take_up_rate, worth_rate=worth)


def options(people=None, scale=None, levels=LEVELS, take_up_rate=1.0, **changes):
    people = applicants() if people is None else people
    scale = grades(0.01, 0.05, 0.12) if scale is None else scale
    about = {"loss_rate": 0.6, "cost_amount": 10.0} | changes
    people = on_terms(people, scale, about["loss_rate"], take_up_rate)
    return credit_limits.limit_options(people, scale, levels, **about)


def test_what_a_limit_lends_worked_by_hand():
    people = pd.DataFrame(
        {
            "grade": "A1",
            "income_band": pd.Categorical(["low"] * 5, ["low"], ordered=True),
            "amount": [2000.0, 8000, 8000, 500, 4000],
            "principal_amount": [9000.0, 9000, 2500, 9000, NAN],
        }
    )
    scale = grades(0.1).assign(probability_low=0.05, probability_high=0.2)
    found = options(people, scale, [0, 1000, 3000], take_up_rate=0.5).loc[("A1", "low")]
    # who asks for 500 gets nothing, nor does an unknown income carry more than the smallest limit
    assert found["loans"].tolist() == [0, 2, 2]
    lent = [0, 0.5 * 4 * 1000, 0.5 * (2000 + 3000 + 2500 + 1000)]
    assert found["lent_amount"].tolist() == lent
    assert found["expected_loss_amount"].tolist() == pytest.approx([x * 0.06 for x in lent])
    assert found["expected_loss_high"].tolist() == pytest.approx([x * 0.12 for x in lent])
    assert found["profit_amount"].tolist() == pytest.approx(
        [0] + [x * 0.1 * 0.9 - x * 0.06 - 20 for x in lent[1:]]
    )


def by_hand(table, budget, objective):
    """The best of all tables of limits that obey the rules, one after another."""
    shape = tuple(len(level) for level in table.index.levels)
    worth = table["profit_amount" if objective == "profit" else "lent_amount"]
    worth = worth.to_numpy().reshape(shape)
    loss = table["expected_loss_amount"].to_numpy().reshape(shape)
    best = -np.inf
    for flat in product(range(shape[2]), repeat=shape[0] * shape[1]):
        levels = np.array(flat).reshape(shape[:2])
        if (np.diff(levels, axis=0) > 0).any() or (np.diff(levels, axis=1) < 0).any():
            continue
        if np.take_along_axis(loss, levels[..., None], 2).sum() <= budget:
            best = max(best, np.take_along_axis(worth, levels[..., None], 2).sum())
    return best


@pytest.mark.parametrize("objective", ["profit", "amount"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_no_other_table_of_limits_does_better(objective, share, seed):
    table = options(applicants(seed=seed), levels=[0, 1000, 3000])
    budget = share * table.xs(3000, level="limit_amount")["expected_loss_amount"].sum()
    found = credit_limits.choose_limits(table, budget, objective=objective)
    assert found.attrs["reached"] == pytest.approx(by_hand(table, budget, objective), rel=1e-6)
    assert found.attrs["is_best"]
    assert found["expected_loss_amount"].sum() <= budget * (1 + 1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0.001, 0.4), min_size=3, max_size=3),
    st.floats(0.02, 1.0),
    st.integers(0, 50),
    st.sampled_from(["profit", "amount"]),
)
def test_a_higher_probability_never_gets_a_higher_limit(probabilities, share, seed, objective):
    # the margin differs from grade to grade, so that only the rule keeps the order
    scale = grades(*sorted(probabilities), margin=[0.05, 0.3, 0.2])
    table = options(applicants(seed=seed), scale)
    budget = share * table.xs(5000, level="limit_amount")["expected_loss_amount"].sum()
    found = credit_limits.choose_limits(table, budget, objective=objective)
    limits = found["limit_amount"].unstack("income_band").to_numpy()
    assert (np.diff(limits, axis=0) <= 0).all()
    assert (np.diff(limits, axis=1) >= 0).all()


def test_without_a_budget_every_limit_that_pays_is_given():
    table = options(scale=grades(0.01, 0.02, 0.03))
    found = credit_limits.choose_limits(table, np.inf)
    assert (found["limit_amount"] == 5000).all()
    nothing = credit_limits.choose_limits(table, 0.0)
    assert (nothing["limit_amount"] == 0).all()
    # a loan that earns less than it costs is not made
    dear = credit_limits.choose_limits(options(cost_amount=1e6), np.inf)
    assert dear["loans"].sum() == 0


def test_an_applicant_gets_the_limit_of_the_table_or_what_the_income_carries():
    people = applicants(6, 2, 2).assign(
        grade=["A1", "A1", "A1", "A2", "A2", "B9"],
        income_band=pd.Categorical(["band 0", *["band 1"] * 5], ["band 0", "band 1"], ordered=True),
        principal_amount=[9000, 9000, 1500, 9000, NAN, 9000],
    )
    index = pd.MultiIndex.from_product(
        [["A1", "A2"], pd.CategoricalIndex(["band 0", "band 1"], ordered=True)],
        names=["grade", "income_band"],
    )
    chosen = pd.DataFrame({"limit_amount": [3000.0, 5000, 0, 1000]}, index=index)
    granted = credit_limits.granted_limits(people, chosen, 1000)
    assert granted.tolist() == [3000, 5000, 1500, 1000, 1000, 0]
    # less than the smallest limit is nothing
    poor = people.assign(principal_amount=999.0)
    assert credit_limits.granted_limits(poor, chosen, 1000).tolist() == [0] * 6


def test_a_larger_budget_never_earns_less():
    table = options()
    full = table.xs(5000, level="limit_amount")["expected_loss_amount"].sum()
    curve = credit_limits.budget_curve(table, [full * share for share in (0, 0.1, 0.3, 0.6, 1)])
    assert curve["profit_amount"].is_monotonic_increasing
    assert (curve["expected_loss_amount"] <= curve.index * (1 + 1e-6) + 1e-6).all()
    assert curve["profit_per_budget"].iloc[1] == pytest.approx(
        curve["profit_amount"].iloc[1] / curve.index[1]
    )
    lends = credit_limits.budget_curve(table, [full / 2], objective="amount")
    earns = credit_limits.budget_curve(table, [full / 2])
    assert lends["lent_amount"].iloc[0] >= earns["lent_amount"].iloc[0]


def test_what_is_said_of_limits():
    scale = grades(0.01, 0.05, 0.12)
    scale = scale.assign(
        probability_low=scale["probability"] / 2, probability_high=scale["probability"] * 2
    )
    table = options(scale=scale)
    full = table.xs(5000, level="limit_amount")["expected_loss_amount"].sum()
    chosen = credit_limits.choose_limits(table, full / 2)
    text = credit_limits.limit_text(chosen, "CNY")
    assert f"**{chosen['lent_amount'].sum():,.0f} CNY**" in text
    assert "earns more (proved)" in text
    assert "the budget does **not** hold" in text
    chosen.attrs |= {"is_best": False, "bound": 9_999.0}
    assert "**Not proved to be the best**: another might reach 9,999" in credit_limits.limit_text(
        chosen, "CNY"
    )
    unbound = credit_limits.limit_text(credit_limits.choose_limits(table, np.inf), "CNY")
    assert "No budget of losses was stated" in unbound
    # of a budget that nobody stated, nothing is said to hold or not
    assert "does **not** hold" not in unbound
    assert "of a budget" not in unbound


def test_limits_refuse_what_cannot_be_chosen_from():
    with pytest.raises(ValueError, match="levels must be at least two"):
        options(levels=[1000])
    with pytest.raises(ValueError, match="levels must not be negative"):
        options(levels=[-1, 1000])
    with pytest.raises(ValueError, match="a probability falls"):
        options(scale=grades(0.05, 0.01, 0.1))
    with pytest.raises(ValueError, match="lacks \\['A3'\\]"):
        options(scale=grades(0.05, 0.1))
    with pytest.raises(ValueError, match="objective must be one of"):
        credit_limits.choose_limits(options(), 1, objective="joy")
    with pytest.raises(ValueError, match="budget_amount must be >= 0"):
        credit_limits.choose_limits(options(), NAN)
    with pytest.raises(ValueError, match="what the lowest limits lose"):
        credit_limits.choose_limits(options(levels=[1000, 3000]), 1.0)


def bounds_of(people, scale, budget=np.inf, levels=LEVELS, **changes):
    about = {"loss_rate": 0.5, "cost_amount": 0.0} | changes
    people = on_terms(people, scale, about["loss_rate"])
    return credit_limits.limit_bounds(people, scale, levels, budget, **about)


def of_one_band(**columns):
    n = len(columns["grade"])
    return pd.DataFrame(columns | {"income_band": pd.Categorical(["low"] * n, ["low"])})


def test_what_each_bound_costs_worked_by_hand():
    people = of_one_band(
        grade=["A1", "A1", "A1", "A2"],
        amount=[3000.0, 3000, 3000, 3000],
        principal_amount=[3000.0, 1000, NAN, 3000],
    )
    scale = grades(0.1, 0.4).assign(seen_amount=[2500.0, 2000])
    # A1 earns 0.1 × 0.9 − 0.1 × 0.5 = 4 % of what it is lent, A2 0.1 × 0.6 − 0.4 × 0.5 = −14 %
    table = bounds_of(people, scale, 150.0)
    assert table.index.tolist() == [
        *("all that is asked for", "what pays", "+ the largest ever lent"),
        *("+ what known incomes carry", "+ the least where no income is known", "+ the budget"),
    ]
    # 2,500 thrice; then one carries 1,000; then the unknown one gets 1,000; a budget of 150 is
    # 3,000 lent, which a limit of 1,000 keeps
    assert table["lent_amount"].tolist() == [12000, 9000, 7500, 6000, 4500, 3000]
    profit = [360 - 420, 360, 300, 240, 180, 120]
    assert table["profit_amount"].tolist() == pytest.approx(profit)
    assert table["added_amount"].tolist()[1:] == pytest.approx([420, -60, -60, -60, -60])
    assert table["profit_difference"].tolist()[-1] == pytest.approx(180)
    assert table["applicants"].tolist()[2:5] == [4, 1, 1]
    text = credit_limits.bound_text(table, "CNY")
    assert "to lend only what pays brings 420 CNY (700.0%)" in text
    assert "where no income is known costs 60 CNY (100.0%), of 1;" in text
    assert "the budget of losses costs 60 CNY" in text


def test_of_a_budget_that_nobody_stated_nothing_is_told_and_nothing_costs():
    table = bounds_of(applicants(), grades(0.01, 0.05, 0.12))
    assert "+ the budget" not in table.index
    assert "+ the largest ever lent" not in table.index  # nor of a bound that is not set
    text = credit_limits.bound_text(table, "CNY")
    assert "No budget of losses was stated" in text
    assert "the budget of losses costs" not in text


@settings(max_examples=5, deadline=None)
@given(
    st.integers(0, 1000),
    st.floats(0.05, 1.0),
    st.lists(st.floats(0, 0.2), min_size=3, max_size=3),
)
def test_two_bounds_never_cost_less_than_one(seed, share, probabilities):
    scale = grades(*sorted(probabilities)).assign(seen_amount=[4000.0, 4000, 1500])
    people = applicants(seed=seed)
    people.loc[people.index % 7 == 0, "principal_amount"] = NAN
    # where a loan costs nothing to make, so that none is too small to pay
    whole = bounds_of(people, scale)
    budget = share * whole["expected_loss_amount"].iloc[-1]
    profit = bounds_of(people, scale, budget)["profit_amount"]  # with the budget as well
    assert profit.iloc[1] >= profit.iloc[0] - 1e-6
    assert (np.diff(profit.iloc[1:]) <= 1e-6).all()


def test_all_that_is_asked_for_earns_what_the_price_table_says():
    rng = np.random.default_rng(4)
    cells = pd.MultiIndex.from_product([["A1", "A2"], [3, 12]], names=["grade", "term_months"])
    people = applicants(200, n_grades=2).assign(term_months=rng.choice([3, 12], 200))
    cell = people.groupby(["grade", "term_months"])["amount"]
    prices = pd.DataFrame({"take_up_rate": [0.9, 0.8, 0.7, 0.6]}, index=cells)
    prices["mean_amount"] = cell.mean()
    prices["profit_amount"] = [90.0, 150, -20, 70]
    prices = prices.assign(profit_low=lambda t: t["profit_amount"] - 40, profit_high=300.0)
    terms = credit_limits.priced_terms(people, prices, cost_amount=30.0)
    scale = grades(0.02, 0.06).drop(columns="margin_rate")
    table = credit_limits.limit_bounds(
        people.join(terms), scale, [0, 500, 6000], np.inf, loss_rate=0.6, cost_amount=30.0
    )
    whole = table.loc["all that is asked for"]
    for name in ("profit_amount", "profit_low", "profit_high"):
        assert whole[name] == pytest.approx((prices[name] * cell.size()).sum())
    assert whole["loans"] == pytest.approx((prices["take_up_rate"] * cell.size()).sum())


# -- as they would be granted ----------------------------------------------------------------------


def test_no_limit_lies_above_what_was_ever_lent_to_the_grade():
    lent = pd.DataFrame(
        {
            "grade": ["A1", "A1", "A1", "A2", "A2", "A3", "A4"],
            "booked": [True, True, True, True, True, False, True],
            "booked_amount": [300_000, 200_000, 250_000, 400_000, 100_000, 0, 90_000],
        }
    )
    names = ["A1", "A2", "A3", "A4"]
    # A2 had a larger loan than any of A1: a riskier grade is not granted more for it; A3 had none
    seen = credit_limits.largest_lent(lent, names)
    assert seen.to_dict() == {"A1": 3000, "A2": 3000, "A3": 900, "A4": 900}
    third = credit_limits.largest_lent(lent, names, least_loans=3)
    assert third.to_dict() == {"A1": 2000, "A2": 0, "A3": 0, "A4": 0}
    with pytest.raises(ValueError, match="least_loans must be at least 1"):
        credit_limits.largest_lent(lent, names, least_loans=0)

    people = applicants(n_grades=2)
    scale = grades(0.01, 0.02).assign(seen_amount=[4500.0, 1800])
    chosen = credit_limits.choose_limits(options(people, scale), np.inf)
    assert chosen["limit_amount"].groupby(level="grade").max().to_dict() == {"A1": 4500, "A2": 1800}
    granted = credit_limits.granted_limits(people, chosen, 1000)
    assert granted.groupby(people["grade"]).max().to_dict() == {"A1": 4500, "A2": 1800}
    with pytest.raises(ValueError, match="seen_amount must not rise"):
        options(people, scale.assign(seen_amount=[1000.0, 2000]))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.lists(st.floats(0.001, 0.2), min_size=3, max_size=3))
def test_the_same_applicant_is_never_granted_more_in_a_riskier_grade(seed, probabilities):
    people = applicants(seed=seed)
    scale = grades(*sorted(probabilities)).assign(seen_amount=[4500.0, 3500, 2500])
    chosen = credit_limits.choose_limits(options(people, scale), np.inf)
    each = [
        credit_limits.granted_limits(people.assign(grade=grade), chosen, 1000)
        for grade in scale.index
    ]
    assert all((safer >= riskier).all() for safer, riskier in pairwise(each))


def chosen_by_hand(**seen):
    index = pd.MultiIndex.from_product(
        [["A1", "A2"], pd.CategoricalIndex(["low"], ordered=True)], names=["grade", "income_band"]
    )
    return pd.DataFrame({"limit_amount": [5000.0, 3000]} | seen, index=index)


def granted_by_hand():
    people = of_one_band(
        grade=["A1", "A1", "A1", "A2", "A2", "A2"],
        amount=[6000.0, 500, 500, 4000, 500, 500],
        principal_amount=[9000.0, 2000, 800, 9000, NAN, 2000],
    )
    today = pd.Series([4000.0, 3000, 2000, 2000, 1000, NAN])
    return people, today


def test_granted_limits_beside_todays_worked_by_hand():
    people, today = granted_by_hand()
    chosen = chosen_by_hand(seen_amount=[5000.0, 4000])
    bound = credit_limits.limit_bound(people, chosen, 1000)
    assert bound.tolist() == [
        *("largest ever lent", "income", "income too low"),
        *("table", "income", "income"),
    ]
    table = credit_limits.granted_table(people, chosen, today, 1000)
    # 4,000 → 5,000 and 3,000 → 2,000 of A1; 2,000 → 3,000 and 1,000 → 1,000 of A2
    assert table["compared"].tolist() == [2, 2, 4]
    assert table["today_mean_amount"].tolist() == [3500, 1500, 2500]
    assert table["new_mean_amount"].tolist() == [3500, 2000, 2750]
    assert table["raised_share"].tolist() == [0.5, 0.5, 0.5]
    assert table["cut_share"].tolist() == [0.5, 0, 0.25]
    assert table["today_total_amount"].tolist() == [9000, 3000, 12000]
    assert table["new_total_amount"].tolist() == [7000, 6000, 13000]
    assert table["table_share"].tolist() == pytest.approx([0, 1 / 3, 1 / 5])
    assert table["asks_more"].tolist() == [1, 1, 2]
    assert table.loc["all", "seen_amount"] == 5000
    # were all of A1: 5,000, 2,000, 0, 5,000, 1,000, 2,000
    assert table["alike_amount"].tolist()[:2] == pytest.approx([15000 / 6, 11000 / 6])
    half = 1.959964 * np.std([0.0, 1000], ddof=1) / np.sqrt(2)
    assert table.loc["A2", "change_high"] == pytest.approx(500 + half, rel=1e-5)
    text = credit_limits.granted_text(table, "CNY")
    assert "50% get a higher one and 25% a lower one" in text
    assert "the table itself 1 (20.0%)" in text
    assert "Larger amounts than these were never lent" in text
    assert "A1 5,000; A2 4,000" in text
    assert "At equal income, debts, price and term a riskier grade is never granted more" in text
    assert "2 of 6 ask for more than they may borrow" in text


def test_it_is_said_where_the_table_of_limits_decides_nothing():
    people, today = granted_by_hand()
    table = credit_limits.granted_table(
        people.assign(principal_amount=2000.0), chosen_by_hand(), today * NAN, 1000
    )
    text = credit_limits.granted_text(table, "CNY")
    assert "the table itself **nobody**" in text
    assert "have a limit today" not in text
    assert "never lent" not in text
    assert np.isnan(table.loc["all", "change_amount"])
    assert credit_limits.granted_findings(table) == []


def test_limits_that_rise_are_a_finding_where_they_do_so_beyond_chance():
    people = of_one_band(
        grade=["A1", "A2"] * 40, amount=[1000.0] * 80, principal_amount=[5000.0, 2200] * 40
    )
    today = pd.Series(np.tile([4900.0, 1000], 40) + np.arange(80))
    table = credit_limits.granted_table(people, chosen_by_hand(), today, 1000)
    ((topic, text, red),) = credit_limits.granted_findings(table)
    assert (topic, red) == ("Limits", False)
    assert "A2 +1" in text
    assert "A1" not in text  # by less than a tenth
    assert "incomes bound 100% of all limits, the table of limits 0%" in text


def test_who_gets_nothing_for_the_income_by_group():
    people = of_one_band(
        grade=["A1"] * 400,
        amount=[1000.0] * 400,
        principal_amount=[NAN] * 10 + [500.0] * 40 + [9000.0] * 350,
    )
    chosen = chosen_by_hand().assign(limit_amount=[5000.0, 3000])
    unknown = people["principal_amount"].isna()
    # the unknown carry the smallest limit, which does not pay
    people["income_band"] = pd.Categorical(np.where(unknown, "?", "low"), ["?", "low"])
    bound = credit_limits.limit_bound(people, chosen, 1000)
    assert bound.value_counts()[["income not known", "income too low"]].tolist() == [10, 40]
    groups = pd.DataFrame({"City tier": ["tier_4"] * 60 + ["tier_1"] * 340})
    table = credit_limits.refusals_by_group(bound, groups)
    assert table.loc[("income too low", "all", "all"), "refused"] == 40
    row = table.loc[("income too low", "City tier", "tier_4")]
    assert (row["refused"], row["refused_rate"], row["others_rate"]) == (40, 40 / 60, 0)
    assert bool(row["beyond_chance"])
    text = credit_limits.refusal_text(table).replace("\\", "")
    assert text.startswith("**50** of 400 who are approved and have a price (12.5%; 9.5% to 16.0%)")
    assert "of 10 it is not known, of 40 it carries less" in text
    assert "City tier 4 66.7% (" in text
    ((topic, finding, red),) = credit_limits.refusal_findings(table)
    assert (topic, red) == ("No limit", False)
    assert "50 of 400" in finding
    nobody = credit_limits.refusals_by_group(bound.iloc[60:], groups.iloc[60:])
    assert credit_limits.refusal_findings(nobody) == []
    assert "No protected group could be compared" in credit_limits.refusal_text(nobody)


# -- moves -----------------------------------------------------------------------------------------

RULE = credit_limits.LimitRule()


def path(*wanted):
    return pd.DataFrame([wanted], index=["L1"], columns=range(len(wanted)), dtype=float)


def moves_of(*wanted, rule=RULE):
    return "".join(word[0] for word in credit_limits.limit_moves(path(*wanted), rule)["move"])


def test_a_limit_moves_after_the_same_signal_twice_and_then_rests():
    assert moves_of(1.25, 1, 1.25, 1, 1.25) == "hhhhh"
    assert moves_of(*[1.25] * 8) == "hrhhhhhh"  # 1.2 is as near as a step comes
    assert moves_of(0.75, 0.75, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5) == "hchhhhhhr"
    factors = credit_limits.limit_moves(path(*[1.25] * 3, *[0.75] * 8), RULE)["factor"]
    # it rests before it falls, by a fifth at most
    assert factors.tolist() == pytest.approx([1, *[1.2] * 7, *[0.96] * 3])


def test_arrears_cut_at_once_and_by_as_much_as_is_wanted():
    found = credit_limits.limit_moves(path(1.25, 1.25, 0.4, 0.4), RULE)
    assert found["move"].tolist() == ["held", "raised", "cut", "held"]
    assert found["factor"].tolist() == pytest.approx([1, 1.2, 0.4, 0.4])
    assert credit_limits.limit_moves(path(0.01), RULE)["factor"].tolist() == [RULE.lowest]


def test_without_an_account_nothing_moves_and_nothing_is_told():
    found = credit_limits.limit_moves(path(NAN, 1.25, NAN, 1.25, 1.25), RULE)
    assert found.index.get_level_values("month").tolist() == [1, 3, 4]
    assert found["move"].tolist() == ["held", "held", "raised"]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.91, 1.14), min_size=1, max_size=40))
def test_noise_within_the_band_moves_nothing(wanted):
    assert set(moves_of(*wanted)) == {"h"}


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.51, 2.0), min_size=1, max_size=40))
def test_no_two_moves_lie_closer_than_the_rest(wanted):
    found = credit_limits.limit_moves(path(*wanted), RULE)
    moved = np.flatnonzero(found["move"] != "held")
    assert (np.diff(moved) > RULE.rest_months).all()
    assert found["factor"].between(RULE.lowest, RULE.highest).all()
    # a rule without patience or rest does flip
    restless = credit_limits.LimitRule(wait_months=1, rest_months=1)
    flips = credit_limits.limit_moves(path(*[0.75, 1.5] * 5), restless)["move"]
    assert (flips != "held").sum() > 2


def test_rules_of_moves_refuse_what_contradicts_itself():
    with pytest.raises(ValueError, match="cut_below must be below 1"):
        credit_limits.LimitRule(cut_below=1.0)
    with pytest.raises(ValueError, match="at_once_below below cut_below"):
        credit_limits.LimitRule(at_once_below=0.95)
    with pytest.raises(ValueError, match="1 must lie in"):
        credit_limits.LimitRule(lowest=1.1)
    with pytest.raises(ValueError, match="months must ascend"):
        credit_limits.limit_moves(path(1, 1)[[1, 0]], RULE)
    with pytest.raises(ValueError, match="must be >= 0"):
        credit_limits.limit_moves(path(-1), RULE)


def panel(rows):
    """Panel of loans from their days past due, month by month from January 2024."""
    parts = []
    for loan, dpd in rows.items():
        ends = pd.date_range("2024-01-31", periods=len(dpd), freq="ME")
        parts.append(pd.DataFrame({"loan_id": loan, "month_end": ends, "dpd": dpd}))
    return pd.concat(parts, ignore_index=True).dropna()


def test_conduct_wants_more_or_less():
    found = credit_limits.wanted_factors(
        panel({"a": [0, 0, 0, 0], "b": [0, 12, 0, 0], "c": [0, 5, 45]})
    )
    assert found.loc["a"].tolist() == [1, 1, 1.25, 1.25]
    assert found.loc["b"].tolist() == [1, 0.75, 0.75, 0.75]
    assert found.loc["c"].tolist()[:3] == [1, 0.75, 0.4]
    assert np.isnan(found.loc["c"].iloc[3])


def test_a_worse_climate_wants_lower_limits_and_only_from_then_on():
    good = {f"g{i}": [0] * 30 for i in range(90)}
    usual = {f"u{i}": [(5 if (m + i) % 10 == 0 else 0) for m in range(30)] for i in range(10)}
    worse = {f"w{i}": [0] * 20 + [(5 if (m + i) % 3 else 0) for m in range(10)] for i in range(20)}
    table = panel(good | usual | worse)
    found = credit_limits.wanted_factors(table)
    clean = found.loc["g0"]
    assert clean.iloc[3:20].tolist() == [1.25] * 17 or clean.iloc[3:20].between(1.0, 1.5).all()
    assert clean.iloc[22] < 1.25
    # what comes later does not change what was wanted before
    earlier = table[table["month_end"] <= table["month_end"].unique()[24]]
    again = credit_limits.wanted_factors(earlier)
    pd.testing.assert_frame_equal(found[again.columns], again)
    assert credit_limits.wanted_factors(table, macro_elasticity=0).loc["g0"].iloc[25] == 1.25


def test_outcomes_after_a_month_of_moves_count_each_account_once():
    table = panel({"a": [0] * 6, "b": [0, 0, 0, 0, 35, 60], "c": [0, 0, 45, 60, 75, 90]})
    months = sorted(table["month_end"].unique())
    moves = pd.DataFrame(
        {"move": ["raised", "cut", "cut", "held"]},
        index=pd.MultiIndex.from_tuples(
            [("a", months[2]), ("b", months[2]), ("c", months[2]), ("a", months[1])],
            names=["account", "month"],
        ),
    )
    found = credit_limits.after_moves(moves, table)
    assert found["move"].to_dict() == {"a": "raised", "b": "cut"}  # c was late already
    assert found["bad"].to_dict() == {"a": 0, "b": 1}
    with pytest.raises(ValueError, match=r"months must lie in 1..5"):
        credit_limits.after_moves(moves, table, months=6)


def test_limits_of_returning_customers_by_whether_they_rose():
    applications = pd.DataFrame(
        {
            "customer_id": ["a", "a", "b", "b", "c", "c", "d"],
            "applied_at": pd.to_datetime(["2024-01-01", "2024-06-01"] * 3 + ["2024-01-01"]),
            "approved": [True, True, True, True, True, False, True],
            "booked": [True, True, False, True, True, False, True],
            "offer_limit": [100, 120, 100, 80, 100, 0, 100],
            "default_flag": [0, 1.0, NAN, 0, 0, NAN, 0],
        }
    )
    found = credit_limits.moved_limits(applications, pd.Series(0.1, applications.index))
    assert found["move"].tolist() == ["raised", "cut"]
    table = credit_limits.limit_outcomes(found)
    assert table["accounts"].tolist() == [1, 0, 1]
    assert table.loc["raised", "bad_rate"] == 1
    assert table.loc["raised", "expected_bad"] == pytest.approx(0.1)
    assert table["too_few"].all()
    text = credit_limits.limit_outcomes_text(table)
    assert "too few to say" in text
    assert "**selection**" in text
    assert "Their grades let expect: raised 10.0%; cut 10.0%" in text
    assert "Raised and cut do not differ beyond chance" in text
    none = credit_limits.limit_outcomes(found.assign(bad=NAN))
    assert "no" in credit_limits.limit_outcomes_text(none).lower().split()


def test_moves_run_on_the_synthetic_book():
    lender = Lender(n_months=24)
    portfolio = simulate(lender, 1500, seed=3)
    wanted = credit_limits.wanted_factors(portfolio.performance)
    moves = credit_limits.limit_moves(wanted, RULE)
    assert set(moves["move"]) == {"raised", "held", "cut"}
    after = credit_limits.limit_outcomes(credit_limits.after_moves(moves, portfolio.performance))
    # whose limit was cut had begun to be late: selection, as the text says
    assert after.loc["cut", "bad_rate"] > after.loc["held", "bad_rate"]


def moved_accounts(raised, cut, n=400):
    parts = [
        pd.DataFrame({"move": name, "bad": np.arange(n) < bad, "expected": 0.05})
        for name, bad in (("raised", raised), ("cut", cut))
    ]
    return credit_limits.limit_outcomes(pd.concat(parts, ignore_index=True).astype({"bad": float}))


def test_what_is_said_of_moved_limits_depends_on_how_they_turned_out():
    worse = credit_limits.limit_outcomes_text(moved_accounts(60, 20))
    assert "The raised failed more often than the cut, beyond chance" in worse
    better = credit_limits.limit_outcomes_text(moved_accounts(20, 60))
    assert "The raised failed less often than the cut, beyond chance" in better
    alike = credit_limits.limit_outcomes_text(moved_accounts(20, 21))
    assert "do not differ beyond chance" in alike
    # that the raised had done well is nowhere asserted of a table that does not say so
    assert not any("had done well" in text for text in (worse, better, alike))
    alone = credit_limits.limit_outcomes_text(moved_accounts(20, 0, n=30).drop(index="held"))
    assert "too few" in alone


def test_why_few_of_many_moves_are_judged_is_said():
    table = panel({"a": [0] * 6, "b": [0, 0, 0, 0, 35, 60], "c": [0, 5, 45, 60, 75, 90]})
    wanted = credit_limits.wanted_factors(table)
    moves = credit_limits.limit_moves(wanted, RULE)
    after = credit_limits.limit_outcomes(credit_limits.after_moves(moves, table))
    text = credit_limits.limit_outcomes_text(after)
    assert "Judged are the moves of one month, 2024-03, the latest that was watched for 3" in text
    assert "each of 2 accounts counts once. Too late already to be judged: 1 cut." in text
    young = credit_limits.limit_outcomes(
        pd.DataFrame({"move": ["raised"] * 3, "bad": [0.0, 1, NAN]})
    )
    told = credit_limits.limit_outcomes_text(young)
    assert "Of 3 such loans 2 have a known outcome" in told
    assert "Raised and cut cannot be compared" in told


def test_a_month_in_which_many_limits_rise_at_once_is_explained_by_the_climate():
    months = pd.Index(["2024-04", "2024-05", "2024-06"], name="month")
    table = pd.DataFrame(
        {"raised": [6, 5, 1674], "held": 5000, "cut": 90, "climate": [0.88, 0.93, 1.03]}, months
    )
    text = credit_limits.moves_text(table)
    assert "In 2024-06 1,674 limits are raised, after 5 in the month before" in text
    assert "0.93 then, 1.03 in 2024-06, up from 0.88" in text
    falls = credit_limits.moves_text(table.assign(climate=[1.1, 1.0, 0.9]))
    assert "It does not explain that" in falls
    assert "none moves with many" in credit_limits.moves_text(table.assign(raised=[9, 10, 11]))


def test_moves_by_month_add_up_and_carry_the_climate_of_the_factors():
    table = panel({f"g{i}": [0] * 20 for i in range(5)} | {"late": [0, 5, 40, 0] + [0] * 16})
    wanted = credit_limits.wanted_factors(table)
    moves = credit_limits.limit_moves(wanted, RULE)
    found = credit_limits.moves_by_month(moves, wanted)
    assert found[["raised", "held", "cut"]].sum().sum() == len(moves)
    for month in (found.index[0], found.index[5]):
        at = moves[moves.index.get_level_values("month") == month]
        assert found.loc[month, "held"] == (at["move"] == "held").sum()
    clean = wanted.loc["g0"].iloc[3:] / 1.25
    assert np.allclose(clean, found["climate"].iloc[3:])
