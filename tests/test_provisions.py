"""Expected credit loss: the published figures, what must hold of every book, and errors."""

from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_books import LAST, small_book

from riskkit import arrears, provisions
from riskkit.arrears import fit_lgd
from riskkit.provisions.credit_loss import ecl, first_default_probabilities
from riskkit.provisions.staging import assign_stages

SCENARIOS = pd.DataFrame(
    {"weight": [0.7, 0.3], "climate": [-1.0, 1.0], "ramp_months": 1, "lgd_factor": 1.0},
    index=pd.Index(["good", "bad"], name="name"),
)


@cache
def priced(seed, n_loans=200):
    panel, asked = small_book(seed, n_loans)
    kinds = provisions.kinds_of(asked, None)
    model = provisions.fit_losses(panel, asked, LAST)
    return panel, asked, kinds, model, arrears.book_at(panel, asked, LAST)


# -- published figures -----------------------------------------------------------------------------


def test_ifrs_9_example_8():
    """IFRS 9, Illustrative Examples, Example 8: a gross carrying amount of 1,000,000, 12-month
    probability of default 0.5 %, loss given default 25 %: an allowance of 1,250."""
    assert ecl([0.005], [1_000_000], 0.25)[0] == pytest.approx(1_250)


def test_the_vectors_of_the_design():
    probabilities = first_default_probabilities([0.02, 0.03, 0.03])
    assert ecl(probabilities, [1000, 600, 300], 0.6, 0.02)[0] == pytest.approx(26.7749, abs=5e-5)


def test_twelve_months_are_a_lifetime_where_no_default_falls_beyond():
    short = [0.01] * 12
    assert ecl(short, [100] * 12, 0.5, horizon_months=12) == ecl(short, [100] * 12, 0.5)
    longer = [0.01] * 13
    assert ecl(longer, [100] * 13, 0.5, horizon_months=12) < ecl(longer, [100] * 13, 0.5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0, 1), st.floats(0, 0.05))
def test_the_formula_equals_plain_python(hazards, lgd, rate):
    survival = expected = total = 0.0
    survival = 1.0
    for month, hazard in enumerate(hazards, start=1):
        expected += survival * hazard * lgd * 100 * month / (1 + rate) ** month
        total += survival * hazard
        survival *= 1 - hazard
    probabilities = first_default_probabilities(hazards)
    assert probabilities.sum() + survival == pytest.approx(1)
    exposures = [100.0 * month for month in range(1, len(hazards) + 1)]
    assert ecl(probabilities, exposures, lgd, rate)[0] == pytest.approx(expected)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="sum to at most 1"):
        ecl([0.6, 0.6], [1, 1], 0.5)
    with pytest.raises(ValueError, match="exposures and lgd must be >= 0"):
        ecl([0.1], [1], -0.5)
    with pytest.raises(ValueError, match="hazards must lie in"):
        first_default_probabilities([1.2])
    with pytest.raises(ValueError, match="weights must be >= 0 and sum to 1"):
        provisions.Outlook(scenarios=SCENARIOS.assign(weight=0.6))
    with pytest.raises(ValueError, match="downturn_lgd_factor must be >= 0, got -1"):
        provisions.Outlook(downturn_lgd_factor=-1)


# -- what must hold --------------------------------------------------------------------------------


def test_scenarios_are_weighted_after_each_loss():
    """A probability is not linear in the climate: weighting the climates gives another loss."""
    _, _, kinds, model, book = priced(1)
    weighted = provisions.loan_ecl(book, model, kinds, provisions.Outlook(scenarios=SCENARIOS))
    mean = SCENARIOS.head(1).assign(weight=1.0, climate=0.7 * -1 + 0.3 * 1)
    on_inputs = provisions.loan_ecl(book, model, kinds, provisions.Outlook(scenarios=mean))
    each = [weighted[f"ecl_amount_{name}"].sum() for name in SCENARIOS.index]
    expected = 0.7 * each[0] + 0.3 * each[1]
    assert weighted["ecl_amount"].sum() == pytest.approx(expected, abs=len(book))
    assert abs(weighted["ecl_amount"].sum() - on_inputs["ecl_amount"].sum()) > 0.005 * expected


def test_the_loss_is_no_gain_and_rises_with_climate_and_loss_given_default():
    _, _, kinds, model, book = priced(2)
    one = SCENARIOS.head(1).assign(weight=1.0)
    totals = [
        provisions.loan_ecl(
            book,
            model,
            kinds,
            provisions.Outlook(
                scenarios=one.assign(climate=climate), downturn_lgd_factor=factor,
                rules=provisions.StageRules(significant_ratio=1e9),
            ),
        )["ecl_lifetime_amount"]
        for climate, factor in ((-0.5, 1), (0.0, 1), (0.5, 1), (0.5, 1.2))
    ]  # fmt: skip
    assert all((part >= 0).all() for part in totals)
    for lower, higher in pairwise(totals):
        assert (higher >= lower).all()
        assert higher.sum() > lower.sum()


def test_no_loss_is_above_what_is_owed_and_a_year_is_no_more_than_a_life():
    _, _, kinds, model, book = priced(3)
    loans = provisions.loan_ecl(book, model, kinds)
    assert (loans["ecl_12m_amount"] <= loans["ecl_lifetime_amount"]).all()
    assert (loans["ecl_lifetime_amount"] <= loans["balance"]).all()
    assert loans["probability_lifetime"].between(0, 1).all()
    table = provisions.stage_table(loans)
    assert table.loc["all", "ecl_amount"] == loans["ecl_amount"].sum()
    assert table["ecl_amount"].iloc[:3].sum() == table.loc["all", "ecl_amount"]


def test_charged_off_loans_are_told_apart_since_their_loss_is_booked():
    loans = pd.DataFrame(
        {
            "stage": [1, 3],
            "reason": ["not significantly riskier", "charged off"],
            "balance": [900_00, 100_00],
            "probability_12m": [0.02, 1.0],
            "ecl_amount": [18_00, 80_00],
        }
    )
    stages = pd.DataFrame(
        {"loans": [1, 0, 1, 2], "balance": [900_00, 0, 100_00, 1000_00],
         "balance_share": [0.9, 0.0, 0.1, 1.0], "ecl_amount": [18_00, 0, 80_00, 98_00]},
        index=["1", "2", "3", "all"],
    )  # fmt: skip
    text = provisions.ecl_text(stages, loans, 0, "CNY")
    assert "**98 CNY** must be set aside for 2 loans" in text
    assert "**Of it 80 is of 1 charged-off loans**" in text
    assert "Without them 18 is set aside, 2.00% of 900." in text
    assert "Of it" not in provisions.ecl_text(stages, loans.head(1), 0, "CNY")


def test_a_probability_beyond_the_backstop_is_stage_2_whatever_was_expected():
    never = float("nan")
    book = pd.DataFrame({"dpd": [0, 0, 0], "status": "current", "months_since_30": never,
                         "months_since_90": never})  # fmt: skip
    as_granted = [0.3, 0.3, 0.1], [0.3, 0.3, 0.1]
    year = [0.25, 0.15, 0.05]
    rules = provisions.StageRules(backstop_probability=0.2)
    table = assign_stages(book, *as_granted, rules, probability_12m=year)
    assert table["stage"].tolist() == [2, 1, 1]
    assert table["reason"].iloc[0] == "12-month probability beyond the backstop"
    assert (assign_stages(book, *as_granted, probability_12m=year)["stage"] == 1).all()
    with pytest.raises(ValueError, match=r"backstop_probability must lie in \(0, 1\], got 0"):
        provisions.StageRules(backstop_probability=0)


def test_an_empty_book_has_nothing_set_aside():
    _, _, kinds, model, book = priced(3)
    loans = provisions.loan_ecl(book.head(0), model, kinds)
    table = provisions.stage_table(loans)
    assert table["ecl_amount"].tolist() == [0, 0, 0, 0]
    assert table["ecl_rate"].isna().all()
    assert "nothing to set aside" in provisions.ecl_text(table, loans, 0, "CNY")


def test_a_climate_needs_a_model_fitted_with_one():
    _, _, kinds, model, book = priced(3)
    climate = pd.Series([0.1], index=["2024-12"])
    with pytest.raises(ValueError, match="needs a model that was fitted with one"):
        provisions.loan_ecl(book, model, kinds, provisions.Outlook(climate=climate))


def test_without_a_default_of_the_past_all_of_one_is_taken_as_lost():
    panel, asked = small_book(3, 40)
    never = panel["loan_id"].map(panel.groupby("loan_id")["dpd"].max()) <= 60
    model = provisions.fit_losses(panel[never].reset_index(drop=True), asked, LAST)
    assert "not known" in provisions.lgd_text(model.lgd)
    book = arrears.book_at(panel[never], asked, LAST)
    loans = provisions.loan_ecl(book, model, provisions.kinds_of(asked, None))
    assert (loans["ecl_amount"] <= loans["balance"]).all()
    assert np.isfinite(loans["probability_12m"]).all()
    lost = model.lgd.of_default(np.array([[1, 2]]), np.array([[5, 6]]), np.array([[0]]))
    assert lost.tolist() == [[1.0, 1.0]]
    assert model.lgd.of_book(book.assign(state=4, dpd=100)).tolist() == [1.0] * len(book)


def test_the_sensitivity_names_each_change():
    _, _, kinds, model, book = priced(4)
    table = provisions.sensitivity_table(
        book, model, kinds, provisions.Outlook(scenarios=SCENARIOS)
    )
    assert table["difference_amount"].iloc[0] == 0
    assert table.loc["climate 0.5 log-odds worse ahead", "difference_amount"] > table.loc[
        "climate 0.1 log-odds worse ahead", "difference_amount"
    ] > 0  # fmt: skip
    assert table.loc["good alone", "ecl_amount"] < table.loc["bad alone", "ecl_amount"]


# -- stages ----------------------------------------------------------------------------------------


def staged(rules=None, now=0.02, expected=0.02, **columns):
    never = float("nan")
    row = {"dpd": 0, "status": "current", "months_since_30": never, "months_since_90": never}
    table = assign_stages(pd.DataFrame([row | columns]), [now], [expected], rules)
    return table["stage"].item(), table["reason"].item()


@pytest.mark.parametrize(
    ("columns", "stage"),
    [
        ({}, 1),
        ({"dpd": 30, "months_since_30": float("nan")}, 1),
        ({"dpd": 31, "months_since_30": 0}, 2),
        ({"dpd": 90, "months_since_30": 0}, 2),
        ({"dpd": 91, "months_since_30": 0, "months_since_90": 0}, 3),
        ({"dpd": 0, "months_since_30": 1, "months_since_90": 1}, 3),
        ({"dpd": 0, "months_since_30": 3, "months_since_90": 3}, 2),
        ({"dpd": 0, "months_since_30": 6, "months_since_90": 6}, 1),
        ({"dpd": 0, "months_since_30": 2}, 2),
        ({"dpd": 0, "months_since_30": 3}, 1),
        ({"dpd": 200, "status": "charged_off", "months_since_30": 0, "months_since_90": 0}, 3),
    ],
)
def test_days_cure_and_probation(columns, stage):
    assert staged(**columns)[0] == stage


def test_a_rise_counts_only_if_it_is_large_both_ways():
    assert staged(now=0.04, expected=0.02) == (2, "lifetime probability has risen")
    assert staged(now=0.039, expected=0.02)[0] == 1
    # three times as much of very little
    assert staged(now=0.003, expected=0.001)[0] == 1
    assert staged(provisions.StageRules(least_rise=0.001), now=0.003, expected=0.001)[0] == 2
    assert staged(now=0.5, expected=float("nan"))[0] == 1


def test_rules_that_cannot_be_are_refused():
    for wrong in (
        {"significant_ratio": 0.5}, {"least_rise": 1.0}, {"backstop_dpd": 91}, {"cure_months": -1},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(wrong))):
            provisions.check_provisions(wrong)
    for wrong in ({"downturn_lgd_factor": 9}, {"cohort_freq": "W"}, {"acquisition_cost": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            provisions.check_provisions(wrong)
    with pytest.raises(ValueError, match="funding_rate"):
        provisions.check_provisions({"funding_rate": -0.1})


# -- loss given default ----------------------------------------------------------------------------


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_loss_given_default_equals_a_recount(seed):
    """Month by month after default: discounted cash ÷ what those watched so long owed."""
    panel, asked = small_book(seed, 40)
    rates = asked.set_index("application_id")["offer_apr"] / 12
    brought, owed, watched = {}, {}, {}
    for name, loan in panel.groupby("loan_id"):
        rows = list(loan.itertuples())
        late = [i for i, row in enumerate(rows) if row.dpd > 90 or row.status == "charged_off"]
        if not late or rows[late[0]].balance == 0:
            continue
        start = rows[late[0]]
        age = (LAST.year - start.month_end.year) * 12 + LAST.month - start.month_end.month
        for lag in range(1, age + 1):
            at = late[0] + lag
            cash = rows[at].paid_amount + rows[at].recovered_amount if at < len(rows) else 0
            brought[lag] = brought.get(lag, 0) + cash / (1 + rates[name]) ** lag
            owed[lag] = owed.get(lag, 0) + start.balance
            watched[lag] = watched.get(lag, 0) + 1
    enough = [lag for lag in brought if watched[lag] >= 5]
    lgd = fit_lgd(panel, rates)
    if not enough:
        assert np.isnan(lgd.at_default["lgd"])
        return
    expected = 1 - sum(brought[lag] / owed[lag] for lag in enough)
    assert lgd.at_default["lgd"] == pytest.approx(expected)
    assert lgd.at_default["lgd_low"] <= expected <= lgd.at_default["lgd_high"]


def test_cohorts_of_default_add_up_and_the_open_ones_have_a_rest():
    panel, asked = small_book(8, 400)
    rates = asked.set_index("application_id")["offer_apr"] / 12
    lgd = fit_lgd(panel, rates)
    table = arrears.lgd_cohorts(panel, rates, lgd)
    assert table["loans"].iloc[:-1].sum() == table.loc["all", "loans"] == lgd.at_default["loans"]
    known = table["balance"] > 0
    np.testing.assert_allclose(
        (table["recovered_rate"] + table["rest_rate"] + table["lgd"])[known], 1
    )
    assert table["rest_rate"].iloc[-2] > table["rest_rate"].iloc[0]
    assert arrears.lgd_cohorts(panel.head(0), rates, lgd)["loans"].sum() == 0


def test_the_loss_is_told_apart_by_where_the_loan_was_found():
    """The mean over the earlier month-ends of each state is what those defaults lost."""
    panel, asked = small_book(8, 600)
    terms = asked.set_index("application_id")["term_months"]
    rates = asked.set_index("application_id")["offer_apr"] / 12
    lgd = fit_lgd(panel, rates, terms=terms, least_loans=10)
    assert len(set(lgd.state_factors.round(6))) > 1
    left, mob = np.array([[3, 0]]), np.array([[4, 7]])
    of_state = [lgd.of_default(left, mob, np.array([[state]])) for state in range(4)]
    base = of_state[0] / lgd.state_factors[0]
    for state, found in enumerate(of_state):
        np.testing.assert_allclose(found, base * lgd.state_factors[state])
    plain = fit_lgd(panel, rates)
    assert plain.state_factors.tolist() == [1, 1, 1, 1]
    assert plain.of_default(left, mob, np.array([[0]])).tolist() == [[plain.at_default["lgd"]] * 2]


def test_a_loan_in_default_loses_what_those_in_its_position_did():
    """Charged off and nothing left to come: all of it is lost; a cured one loses less."""
    panel, asked = small_book(8, 400)
    rates = asked.set_index("application_id")["offer_apr"] / 12
    lgd = fit_lgd(panel, rates)
    book = arrears.book_at(panel, asked, LAST)
    rest = lgd.of_book(book)
    assert np.isnan(rest[book["state"] < 4]).all()
    assert ((rest >= 0) | np.isnan(rest)).all()
    off = (book["status"] == "charged_off").to_numpy()
    cured = ((book["state"] == 4) & (book["dpd"] <= 90)).to_numpy()
    assert rest[off].mean() > rest[cured].mean()
