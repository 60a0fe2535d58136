"""Yesterday and the last seven days beside the eight weeks before."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import lights
from riskkit.checks import DataContractError

LAST = pd.Timestamp("2024-12-31")


def applications_of(*by_day, approved=None):
    """Applications on the days that end with the last one, oldest first."""
    days = pd.date_range(end=LAST, periods=len(by_day)).repeat(list(by_day))
    frame = pd.DataFrame({"applied_at": days})
    return frame if approved is None else frame.assign(approved=approved)


def test_a_week_is_held_against_the_weeks_before_by_students_interval():
    rng = np.random.default_rng(1)
    by_day = rng.poisson(30, size=63)
    row = lights.days_table(applications_of(*by_day), LAST).loc["applications"]

    weeks = by_day.reshape(9, 7).mean(axis=1)
    before, error = weeks[:-1].mean(), weeks[:-1].std(ddof=1) * np.sqrt(1 + 1 / 8)
    expected = stats.t(df=7, loc=before, scale=error)
    assert row["yesterday"] == by_day[-1]
    assert row["week"] == pytest.approx(weeks[-1])
    assert [row["low"], row["high"]] == pytest.approx(list(expected.interval(0.95)))
    assert row["p_value"] == pytest.approx(2 * expected.sf(before + abs(weeks[-1] - before)))


def test_usual_weeks_are_told_odd_as_often_as_the_level_says():
    rng = np.random.default_rng(2)
    told = [
        lights.days_table(applications_of(*rng.poisson(20, size=63)), LAST)["told"].iloc[0]
        for _ in range(100)
    ]
    odd = told.count("beyond chance")
    assert stats.binomtest(odd, len(told), 0.05).pvalue > 0.001


def test_weekdays_do_not_matter_and_a_lasting_move_is_told():
    week = [5, 40, 42, 38, 41, 44, 12]
    noise = np.random.default_rng(3).integers(-2, 3, size=63)
    usual = np.tile(week, 9) + noise
    moved = usual + np.repeat([0, 1], [56, 7]) * 15
    assert lights.days_table(applications_of(*usual), LAST)["told"].tolist() == ["may be chance"]
    table = lights.days_table(applications_of(*moved), LAST)
    assert table["told"].tolist() == ["beyond chance"]
    assert "**applications**" in lights.days_text(table)


def test_shares_are_of_all_cases_in_the_week_and_money_is_in_units():
    by_day = [10] * 63
    rng = np.random.default_rng(4)
    frame = applications_of(*by_day, approved=rng.random(630) < 0.6)
    frame = frame.assign(booked=frame["approved"], booked_amount=100_000)
    table = lights.days_table(frame, LAST)
    last = frame["applied_at"] > LAST - pd.Timedelta(days=7)
    approved = frame.loc[last, "approved"]
    assert table.loc["approved, of applications", "week"] == pytest.approx(approved.mean())
    assert table.loc["amount lent", "week"] == pytest.approx(approved.sum() * 1000 / 7)


def test_what_falls_due_is_shown_and_not_tested():
    due = pd.DataFrame(
        {
            "loan_id": [f"A{k}" for k in range(60)],
            "number": 1,
            "due_date": pd.date_range(end=LAST, periods=60),
            "due_amount": 10_000,
            "paid_date": pd.date_range(end=LAST, periods=60),
            "paid_amount": 10_000,
        }
    )
    table = lights.days_table(applications_of(*[3, 4, 5] * 21), LAST, instalments=due)
    assert table.loc["amount due", ["week", "told"]].tolist() == [100, "too few to say"]
    # all came in on the day, each week alike: nothing is known of how weeks differ
    assert table.loc["collected by the due day, of the amount due", "week"] == 1
    assert table.loc["collected by the due day, of the amount due", "told"] == "too few to say"


def test_too_few_weeks_and_nobody_have_words():
    table = lights.days_table(applications_of(*[4] * 20), LAST)
    assert "too few" in lights.days_text(table)
    nobody = lights.days_table(applications_of(*[1]).iloc[:0], LAST)
    assert nobody.empty
    assert lights.days_text(nobody).startswith("Nobody")
    with pytest.raises(DataContractError, match="applied_at"):
        lights.days_table(pd.DataFrame({"approved": [True]}), LAST)
    with pytest.raises(ValueError, match="level"):
        lights.days_table(applications_of(1), LAST, level=1.0)
