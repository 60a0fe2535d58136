"""The vintage explorer's session and what its view says, without a browser."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from riskkit import vintage, widgets


@pytest.fixture(scope="module")
def lender(portfolio):
    """The applications, one of them without a term, and the panel of those booked."""
    applications = portfolio.applications.reset_index(drop=True)
    asked = applications[["application_id", "term_months", "channel", "scenario"]].copy()
    lost = int(np.flatnonzero(applications["booked"])[0])
    asked["term_months"] = asked["term_months"].astype("float64")
    asked.loc[lost, "term_months"] = np.nan
    return asked, portfolio.performance


@pytest.fixture
def explorer(lender):
    asked, panel = lender
    return widgets.vintage_explorer(panel, asked, parts=("channel", "scenario", "nowhere"))


def curves_of(panel, loans, **asked):
    own = panel[panel["loan_id"].isin(loans)]
    curves = vintage.vintage_table(own, observed_to=panel["month_end"].max(), **asked)
    curves.index = pd.DatetimeIndex(curves.index).to_period(asked["cohort_freq"]).astype(str)
    return curves


@pytest.mark.parametrize(
    ("chosen", "asked"),
    [
        ({"event": "30"}, {"dpd": 30}),
        ({"event": "60", "measure": "amount"}, {"dpd": 60, "measure": "amount"}),
        ({"event": "30", "measure": "now"}, {"dpd": 30, "ever": False}),
    ],
)
def test_what_is_drawn_are_the_curves_of_just_those_loans(lender, explorer, chosen, asked):
    applications, panel = lender
    explorer.session.choose(part="channel", level="partner", cohort_freq="M", term=12, **chosen)
    of_level = (applications["channel"] == "partner") & (applications["term_months"] == 12)
    loans = applications.loc[of_level, "application_id"]
    curves = curves_of(panel, loans, cohort_freq="M", **asked)
    drawn = explorer.session.curves
    assert len(drawn) > 10
    pd.testing.assert_frame_equal(
        drawn, curves.loc[drawn.index, drawn.columns], check_index_type=False, check_names=False
    )
    shown = explorer.state()["curves"][0]
    assert shown["values"] == drawn.iloc[0].dropna().tolist()


def test_a_cohort_at_a_month_has_its_loans_bads_and_interval(lender, explorer):
    applications, panel = lender
    session = explorer.session
    session.choose(term=6, event="30", cohort_freq="Q", month=5)
    row = session.at_month().iloc[0]
    loans = applications.loc[applications["term_months"] == 6, "application_id"]
    own = panel[panel["loan_id"].isin(loans)]
    own = own[own["cohort"].dt.to_period("Q").astype(str) == row.name]
    past = own[(own["mob"] <= 5) & ((own["dpd"] > 30) | (own["status"] == "charged_off"))]
    assert (row["loans"], row["bad"]) == (own["loan_id"].nunique(), past["loan_id"].nunique())
    assert row["low"] < row["rate"] < row["high"]
    cells = explorer.state()["rows"][0]
    assert cells[:3] == [row.name, f"{row['loans']:,.0f}", f"{row['bad']:,.0f}"]
    session.choose(measure="amount")
    assert list(session.at_month()) == ["loans", "rate"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"term": 5}, "term is one of"),
        ({"part": "gender"}, "part is one of"),
        ({"part": "channel", "level": "moon"}, "level is one of"),
        ({"colour": "red"}, "nothing called 'colour'"),
    ],
)
def test_what_is_not_there_is_refused_and_changes_nothing(explorer, asked, message):
    before = explorer.state()
    after = explorer.act({"act": "choose", **asked})
    assert after["message"]["kind"] == "refused"
    assert message in after["message"]["text"]
    assert after | {"message": None} == before


def test_a_state_is_plain_json_and_a_part_that_splits_nothing_is_no_choice(explorer):
    state = json.loads(json.dumps(explorer.state(), allow_nan=False))
    choices = {choice["name"]: choice for choice in state["choices"]}
    assert choices["part"]["values"] == ["all loans", "channel", "scenario"]
    assert choices["cohort_freq"]["texts"] == ["months", "quarters", "years"]
    assert state["month"] <= state["last_month"]


def test_loans_that_nobody_has_are_no_curve(lender):
    applications, panel = lender
    # partners sell one term here
    one = (applications["channel"] != "partner") | (applications["term_months"] == 12)
    asked = applications[one]
    own = panel[panel["loan_id"].isin(asked["application_id"])]
    explorer = widgets.vintage_explorer(own, asked, parts=("channel",))
    state = explorer.act({"act": "choose", "part": "channel", "level": "partner", "term": 6})
    assert (state["curves"], state["rows"], state["last_month"]) == ([], [], 0)


def test_outcomes_know_one_event_and_no_month_end():
    outcomes = pd.DataFrame(
        {
            "loan_id": ["a", "b", "c"],
            "cohort": pd.Timestamp("2024-01-01"),
            "amount": [100, 200, 300],
            "event": ["default", "prepaid", "matured"],
            "event_mob": [1, 1, 2],
        }
    )
    asked = pd.DataFrame({"application_id": ["a", "b", "c"], "term_months": 2})
    session = widgets.vintage_explorer(outcomes, asked).session
    assert (session.events, session.measures) == (["default"], ["loans", "amount"])
    assert session.at_month()["bad"].tolist() == [1]


def test_a_book_without_a_term_and_parts_of_other_loans_are_refused(lender):
    applications, panel = lender
    asked = applications.set_index("application_id")
    with pytest.raises(ValueError, match="no loan of the book has a term"):
        widgets.VintageSession(panel, asked["term_months"] * np.nan, asked[["channel"]])
    with pytest.raises(ValueError, match="parts must have the index of term_months"):
        widgets.VintageSession(panel, asked["term_months"], asked[["channel"]].iloc[1:])


def test_in_a_run_the_page_has_the_curves_to_choose(explorer):
    page = explorer.static_html()
    assert "data-curves" in page
    assert '<option value="12" selected>12 months</option>' in page
