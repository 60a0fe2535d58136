"""Movement, budget and the profit of cohorts: to the last fen, and equal to a recount."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from small_books import LAST, small_book

from riskkit import arrears, provisions
from riskkit.arrears import LossGivenDefault
from riskkit.provisions.movement import movement_table

VERIFIED = {
    "scenarios": pd.DataFrame({"verify": [False]}, index=["Base"]),
    "rules": pd.Series({"verify": False, "name": "Rules"}),
    "recoveries": pd.DataFrame(),
}
COSTS = provisions.LendingCosts(funding_rate=0.12, acquisition_amount=7, servicing_amount=2)


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 10_000))
def test_the_movement_adds_up_to_the_fen(seed):
    panel, asked = small_book(seed, 60)
    kinds = provisions.kinds_of(asked, None)
    model = provisions.fit_losses(panel, asked, LAST)
    assume(model.lgd.at_default["lgd"] <= 1)
    book = arrears.book_at(panel, asked, LAST)
    loans = provisions.loan_ecl(book, model, kinds)
    table = provisions.month_movement(panel, asked, book, loans, kinds)["ecl_amount"]
    assume(len(table))
    assert table.iloc[:-1].sum() == table["closing"] == loans["ecl_amount"].sum()


def test_each_cause_by_hand():
    def book(**loans):
        table = pd.DataFrame.from_dict(loans, orient="index", columns=["stage", "ecl_amount"])
        return table.assign(reason="")

    off = {"reason": "charged off"}
    before = book(
        a=(1, 10), b=(1, 20), c=(2, 30), d=(3, 40), e=(3, 50), f=(2, 60), h=(2, 70), i=(3, 80),
        j=(3, 90),
    )  # fmt: skip
    before.loc["j", "reason"] = off["reason"]
    gone_off = {"h": (3, 100), "i": (3, 85), "j": (3, 88)}
    as_before = book(a=(1, 9), b=(2, 25), c=(1, 12), g=(1, 5), **gone_off)
    now = book(a=(1, 10), b=(2, 26), c=(1, 13), g=(1, 6), **gone_off)
    now.loc[["h", "i", "j"], "reason"] = as_before.loc[["h", "i", "j"], "reason"] = off["reason"]
    left = pd.Series({"d": "written off", "f": "repaid"})
    table = movement_table(before, now, as_before, left, overlay_before=3, overlay_now=7)
    assert table["ecl_amount"].to_dict() == {
        "opening": 453, "new loans": 5, "repaid": -60, "charged off": 35,
        "written off (provision used)": -90, "moved to a worse stage": 5,
        "moved to a better stage": -18, "same stage": -3, "parameters": 4, "overlays": 4,
        "closing": 335,
    }  # fmt: skip
    assert table["ecl_amount"].iloc[:-1].sum() == 335
    assert table["loans"].tolist() == [9, 1, 1, 2, 2, 1, 1, 2, 7, 0, 7]
    text = provisions.movement_text(table, "CNY")
    assert text.endswith("most of it: written off (provision used) -1, repaid -1, charged off +0.")
    with pytest.raises(ValueError, match="the same loans in the same order"):
        movement_table(before, now, as_before.iloc[::-1], left)


def test_three_causes_below_half_are_the_largest_part_and_not_most_of_it():
    causes = pd.Series(
        {"opening": 1000} | {f"cause {n}": 100 for n in range(7)} | {"closing": 1700}
    )
    table = causes.rename("ecl_amount").to_frame()
    assert "; the largest part: cause 0 +1, " in provisions.movement_text(table, "CNY")
    even = table.drop(index=["cause 5", "cause 6"])
    assert "; most of it: cause 0 +1, " in provisions.movement_text(even, "CNY")


def test_a_panel_of_one_month_has_no_movement():
    panel, asked = small_book(6, 150)
    first = panel[panel["month_end"] == panel["month_end"].min()].reset_index(drop=True)
    kinds = provisions.kinds_of(asked, None)
    none = pd.DataFrame()
    assert provisions.month_movement(first, asked, none, none, kinds).empty


def test_loss_against_budget_equals_a_recount():
    panel, _ = small_book(9, 200)
    budget = pd.DataFrame(
        {"budget_amount": [500]}, index=pd.DatetimeIndex(["2024-11-01"], name="month")
    )
    table = provisions.budget_table(panel, budget)
    gross, back = {}, {}
    for _, loan in panel.groupby("loan_id"):
        off = loan[loan["status"] == "charged_off"]
        if len(off):
            month = off["month_end"].iloc[0].to_period("M").to_timestamp()
            gross[month] = gross.get(month, 0) + off["balance"].iloc[0]
        for row in off.itertuples():
            month = row.month_end.to_period("M").to_timestamp()
            back[month] = back.get(month, 0) + row.recovered_amount
    for month, row in table.iterrows():
        assert row["charged_off_amount"] == gross.get(month, 0)
        assert row["net_loss_amount"] == gross.get(month, 0) - back.get(month, 0)
    november = table.loc["2024-11-01"]
    assert november["over_amount"] == november["net_loss_amount"] - 500
    assert table["over_amount"].isna().sum() == len(table) - 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_cohort_profit_equals_a_recount(seed):
    panel, asked = small_book(seed, 25)
    lent = asked.set_index("application_id")["amount"]
    table = provisions.cohort_profit(panel, COSTS, cohort_freq="Q")
    by_loan = {}
    for name, loan in panel.groupby("loan_id"):
        rows, before, off_before, profit = list(loan.itertuples()), None, False, []
        for row in rows:
            is_off = row.status == "charged_off"
            if before is None:
                ended = row.status in ("prepaid", "matured")
                before = row.balance + (row.paid_amount if ended else 0)
                gain = row.paid_amount - (before - row.balance) - 7
            else:
                repaid = before - row.balance - row.recovered_amount
                funding = 0 if off_before else round(before * 0.12 / 12)
                gain = row.paid_amount - repaid - funding - 2
            gain += row.recovered_amount
            if is_off and not off_before:
                gain -= row.balance + row.recovered_amount
            off_before, before = is_off, row.balance
            profit.append(gain + (profit[-1] if profit else 0))
        by_loan[name] = str(rows[0].cohort.to_period("Q")), profit
    assert set(lent.index) == set(by_loan)
    for (cohort, mob), row in table.iterrows():
        values = [p[min(mob, len(p) - 1)] for c, p in by_loan.values() if c == cohort]
        assert row["profit_amount"] == sum(values)
        assert row["loans"] == len(values)
        width = 1.959964 * np.sqrt(max(np.square(values).sum() - sum(values) ** 2 / len(values), 0))
        assert row["profit_high"] - row["profit_amount"] == pytest.approx(width, rel=1e-5, abs=1e-3)


def profit_of(*values, low=None, loans=50):
    index = pd.MultiIndex.from_product([["2024Q1"], range(len(values))], names=["cohort", "mob"])
    frame = pd.DataFrame({"loans": loans, "amount": 1000, "profit_amount": values}, index=index)
    return frame.assign(
        late_entrants=0,
        vanished_amount=0,
        profit_low=frame["profit_amount"] - 5 if low is None else low,
        profit_high=frame["profit_amount"] + 5,
    )


def test_the_break_even_month_is_the_first_that_stays():
    table = provisions.break_even_table(profit_of(-10, 4, -1, 3, 9))
    assert table[["break_even_mob", "earliest_mob", "latest_mob"]].iloc[0].tolist() == [3, 1, 4]
    assert table["verdict"].item() == "has paid for itself"
    never = provisions.break_even_table(profit_of(-10, -8))
    assert never["break_even_mob"].isna().all()
    assert never["verdict"].item() == "has lost"


def test_open_losses_are_taken_off_before_anything_is_said():
    one = pd.DataFrame({"cohort": ["2024Q1"], "stage": 3, "reason": "not yet cured"})
    one = one.assign(balance=40, entry_mob=0, ecl_lifetime_amount=10, probability_lifetime=1.0)
    table = provisions.break_even_table(profit_of(-10, 9), one)
    assert table["verdict"].item() == "about even, within chance"
    assert table["profit_rate"].item() == pytest.approx(-0.001)
    lost = provisions.break_even_table(profit_of(-10, 9), one.assign(ecl_lifetime_amount=15))
    assert lost["verdict"].item() == "has lost"
    # the balance of one that is charged off is lost already: 40 less 10 will come back
    charged_off = provisions.break_even_table(profit_of(-10, -9), one.assign(reason="charged off"))
    assert charged_off["open_loss_amount"].item() == -30
    assert charged_off["verdict"].item() == "has paid for itself"
    # what it will still earn is not known
    runs = provisions.break_even_table(profit_of(-10, 9), one.assign(stage=1))
    assert runs["verdict"].item() == "its loans still run"
    assert "of 1 no more can be said" in provisions.break_even_text(runs)
    few = provisions.break_even_table(profit_of(-10, 9, loans=5))
    assert few["verdict"].item() == "too few loans to say"
    assert provisions.break_even_text(few).startswith("**0 of 1 cohorts**")
    assert provisions.break_even_text(few.head(0)) == "No cohort has been seen for a month."


def test_a_cohort_has_paid_only_where_chance_of_its_open_losses_leaves_no_doubt():
    """Four loans lose 50 each with a chance of 1 in 10: 20 ± 1.96 · 30, beside 100 ± 5 earned."""
    rng = np.random.default_rng(1)
    drawn = 50 * rng.binomial(4, 0.1, 200_000)
    one = pd.DataFrame({"cohort": "2024Q1", "stage": [1, 2, 1, 2], "reason": ""})
    one = one.assign(balance=80, entry_mob=0, ecl_lifetime_amount=5, probability_lifetime=0.1)
    row = provisions.break_even_table(profit_of(-10, 100), one).iloc[0]
    width = np.hypot(1.96 * drawn.std(), 5) / 1000
    assert row["profit_rate"] == pytest.approx(0.08)
    assert row["profit_rate_low"] == pytest.approx(0.08 - width, abs=5e-4)
    assert row["profit_rate_high"] == pytest.approx(0.08 + width, abs=5e-4)
    assert row["verdict"] == "has paid for itself"
    # of half the profit the mean is above 0, beyond the chance of what was earned, but not of both
    unsure = provisions.break_even_table(profit_of(-10, 50), one).iloc[0]
    assert unsure["profit_low"] > unsure["open_loss_amount"]
    assert unsure["verdict"] == "its loans still run"
    # in default, or without a probability, nothing is left to chance
    for sure in (one.assign(stage=3), one.assign(probability_lifetime=0.0)):
        known = provisions.break_even_table(profit_of(-10, 100), sure).iloc[0]
        assert known["profit_rate_low"] == pytest.approx(0.075)


def test_errors_of_the_parts_are_judged_together():
    """Of 400 loans a tenth is owed in truth by chance; 30 % more was set aside for one part."""
    rng = np.random.default_rng(3)
    true = 1000 * rng.binomial(1, 0.5, 400).astype(float)
    loans = pd.DataFrame({"true_amount": true, "term": [1, 3] * 200, "grade": "A"})
    loans["ecl_amount"] = 500 * np.where(loans["term"] == 1, 1.5, 1.0)
    loans.loc[399, "grade"] = "B"
    table = provisions.truth_errors(loans, ["term", "grade"])
    told = table["told"].to_dict()
    assert told[("term", "1")] == told[("all", "")] == "too much set aside"
    assert told[("term", "3")] == "may be chance"
    assert told[("grade", "B")] == "too few to say"
    assert np.isnan(table.loc[("grade", "B"), "p_adjusted"])
    row = table.loc[("term", "1")]
    error = row["error_rate"] / ((row["error_high"] - row["error_rate"]) / 1.959964)
    assert row["p_adjusted"] == pytest.approx(3 * 2 * stats.norm.sf(error), rel=1e-3)
    less = provisions.truth_errors(loans.assign(ecl_amount=200), ["grade"])
    assert less.loc[("grade", "A"), "told"] == "too little set aside"
    exact = provisions.truth_errors(loans.assign(ecl_amount=loans["true_amount"]), ["grade"])
    assert exact.loc[("grade", "A"), "told"] == "may be chance"
    nobody = provisions.truth_errors(loans.head(0), ["term"])
    assert nobody["told"].tolist() == ["too few to say"]


def test_a_cohort_that_was_lent_nothing_has_no_rate():
    table = provisions.break_even_table(profit_of(-10, -8).assign(amount=0))
    assert table["profit_rate"].isna().all()


@pytest.mark.parametrize("rate", [float("inf"), float("nan"), -0.1])
def test_costs_that_cannot_be_are_refused(rate):
    with pytest.raises(ValueError, match="funding_rate must be >= 0 and finite"):
        provisions.LendingCosts(funding_rate=rate)


def test_findings_name_what_needs_somebody():
    rates = pd.DataFrame({"loans": [400], "lgd": 0.6}, index=[("first default", 0)])
    rates.index = pd.MultiIndex.from_tuples(rates.index)
    lgd = LossGivenDefault(rates=rates, recovery=pd.DataFrame())
    overlays = pd.DataFrame(
        {"is_applied": [False], "refused": ["expired on 2024-06-30"]}, index=["Floods"]
    )
    movement = pd.DataFrame({"ecl_amount": [1000, 1500]}, index=["opening", "closing"])
    budget = pd.DataFrame(
        {"budget_amount": [100.0], "over_amount": [50.0], "net_loss_amount": [150_00]},
        index=pd.DatetimeIndex(["2024-12-01"]),
    )
    cohorts = provisions.break_even_table(profit_of(*[-100] * 14))
    told = provisions.provision_findings(
        lgd=lgd, overlays=overlays, movement=movement, budget=budget, cohorts=cohorts,
        currency="CNY", **VERIFIED,
    )  # fmt: skip
    assert [(topic, red) for topic, _, red in told] == [
        ("Overlays", True), ("Provision", False), ("Loss against budget", True),
        ("Cohort profit", True),
    ]  # fmt: skip
    less = pd.DataFrame(
        {"realised_amount": [800], "foretold_amount": [2000], "verdict": "less than foretold"}
    )
    unstated = budget.assign(budget_amount=np.nan)
    ended = pd.concat([budget, unstated.set_axis(pd.DatetimeIndex(["2025-01-01"]))])
    open_questions = VERIFIED | {
        "scenarios": pd.DataFrame({"verify": [True, False]}, index=["Base", "Downside"]),
        "rules": pd.Series({"verify": True, "name": "Rules of 2023"}),
        "recoveries": less,
    }
    for table, words in ((unstated, "is in no file"), (ended, "ends with December 2024")):
        asked = provisions.provision_findings(
            lgd=lgd, overlays=overlays.head(0), movement=movement.head(0), budget=table,
            cohorts=cohorts.head(0), currency="CNY", **open_questions,
        )  # fmt: skip
        month = table.index[-1].strftime("%B %Y")
        assert asked == [
            ("Provision rules", "nobody has verified the scenarios of the climate (Base) and days "
             "and rates of the categories (Rules of 2023)", False),
            ("Loss given default", "loans in default brought 8 CNY, and 20 was foretold: beyond "
             "chance", True),
            ("Loss against budget", f"the budget {words}: whether the net loss of {month}, 150 "
             "CNY, is within it nobody can say", False),
        ]  # fmt: skip
    stages = pd.DataFrame(
        {"balance": [300, 100, 400], "ecl_amount": [10, 30, 40]}, index=["1", "2", "all"]
    )
    stages["balance_share"] = stages["balance"] / 400
    coverage = pd.DataFrame(
        {"coverage_ratio": [1.5, np.nan, 1.5]}, index=["IFRS 9", "five categories", "the larger"]
    )
    rates[["lgd_low", "lgd_high"]] = 0.5, 0.7
    assert provisions.provision_figures(stages, 1000, lgd, coverage, "CNY") == {
        "Set aside by IFRS 9": "10 CNY",
        "Of the balance": "260.00%",
        "Balance in stages 2 and 3": "25.0%",
        "Coverage by IFRS 9": "150%",
        "Loss given default": "60.0% (50.0% to 70.0%), by 400 defaults",
    }
    assert told[0][1] == "Floods is refused: it expired on 2024-06-30"
