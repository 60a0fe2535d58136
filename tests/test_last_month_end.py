"""A month that is still running: nobody has paid or not paid in it, whatever the panel says."""

import pandas as pd
import pytest
from thin_sources import thin_source

from riskkit import collection_actions as actions
from riskkit import early_warning
from riskkit.columns import last_month_end

BOOK = thin_source("running", n=300, bad_rate=0.3).performance
END, WITHIN = pd.Timestamp("2023-02-28"), pd.Timestamp("2023-03-14")
STATED = actions.read_actions(actions.EXAMPLE_ACTIONS)


def seen(day):
    marks = early_warning.landmark_panel(BOOK, day)
    cases = actions.collection_cases(BOOK, day)
    live, _ = early_warning.score_today(marks, day)
    curves = actions.recovery_table(actions.recovery_counts(BOOK), day)
    plan, _, _ = actions.current_plan(cases, STATED, day)
    past, _ = actions.past_plans(cases, STATED, day)
    return {
        "marks": marks, "cases": cases, "live": live, "curves": curves, "plan": plan, "past": past,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("day", "end"),
    [
        ("2024-02-29", "2024-02-29"), ("2024-02-28", "2024-01-31"), ("2024-03-01", "2024-02-29"),
        ("2023-12-31 18:00", "2023-12-31"), ("2024-01-01", "2023-12-31"), (None, None),
    ],
)  # fmt: skip
def test_the_last_month_end_by_a_day(day, end):
    found = last_month_end(day)
    assert found == pd.Timestamp(end) if end else pd.isna(found)


def test_within_a_month_what_is_known_is_what_its_beginning_knew():
    one, other = seen(END), seen(WITHIN)
    for name, table in one.items():
        pd.testing.assert_frame_equal(other[name], table, obj=name)
    assert one["live"]["month_end"].unique().tolist() == [END]
    assert one["marks"]["flag"].notna().any()
    assert len(one["curves"])


def test_without_a_last_day_nothing_is_known_of_an_outcome_and_nothing_is_planned():
    found = seen(None)
    assert found["marks"]["flag"].isna().all()
    assert found["cases"]["collected_later"].isna().all()
    assert all(found[name].empty for name in ("live", "curves", "plan", "past"))
