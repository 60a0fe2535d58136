"""Reverse stress: severities known in closed form, confirmed by running them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from stress_world import FixedMoves, funding_file, open_loans, two_loans

from riskkit import funding
from riskkit.funding.stress_paths import climate_shift
from riskkit.funding.stressed_lender import course_of
from riskkit.provisions import LendingCosts

HELD = {"All": {"horizon_days": 365, "held": 2_000}}
FREE = {"drawn": "50 %", "limit": "50 %", "rate": 0, "notice_days": 30}
NOTHING = LendingCosts(funding_rate=0, acquisition_amount=0, servicing_amount=0)


def lender_of(loans: list[dict[str, Any]], moves: FixedMoves, **blocks: Any):
    about = {"loans": open_loans(loans), "moves": moves, "costs": NOTHING}
    n_months = blocks.pop("n_months", 12)
    file = funding_file(**({"tiers": HELD, "lines": {"Bank": FREE}} | blocks))
    return two_loans(**about, file=file, n_months=n_months)


def test_of_a_line_may_go_what_cash_and_the_first_instalment_pay_for() -> None:
    """200,000 held and 100,000 paid in the month in which 600,000 × severity are due."""
    leaves = {"Bank leaves": {"exits": ["Bank"]}}
    lender = lender_of([{"amount": 1_200_000, "n": 12}], FixedMoves((0.0,)), stress=leaves)
    row = funding.reverse_stress(lender).loc[("Bank leaves", "cash")]
    assert row["severity"] == pytest.approx(0.5, abs=0.01)
    assert row["below_amount"] > 0 >= row["above_amount"]
    assert row["above_severity"] - row["below_severity"] <= 0.01
    assert row["month"] == pd.Timestamp("2025-01-31")


def test_the_climate_that_uses_up_the_reserve_in_closed_form() -> None:
    """400,000 owed, all lost of a default, p = 10 % set aside: gone at 200 = 400 p − 40."""
    lender = lender_of([{"amount": 400_000, "n": 1, "recovered": 0.0}], FixedMoves((0.1,)))
    table = funding.reverse_stress(lender, tolerance=1e-4)
    row = table.loc[("climate alone", "reserve")]
    assert row["severity"] == pytest.approx(logit(0.6) - logit(0.1), abs=1e-4)
    assert row["default_rate"] == pytest.approx(0.6, abs=1e-3)
    assert row["base_default_rate"] == pytest.approx(0.1)
    assert np.isnan(row["climate_sds"])


def test_severities_found_are_confirmed_by_running_the_lender_itself() -> None:
    loans = [
        {"amount": 150_000 + k, "n": 6, "rate": 0.01, "start": k % 4, "recovered": 0.2}
        for k in range(12)
    ]
    lender = lender_of(
        loans,
        FixedMoves((0.01,)),
        tiers={"All": {"horizon_days": 365, "held": 9_000}},
        climate={"sd": 0.25, "persistence": 0.9},
        macro_effects={"income": -0.05},
        stress={
            "Recession": {"income": -5, "ramp_months": 3},
            "Fraud ring": {"never_paying_rate": 0.1},
            "Early": {"prepay_logit": 1},
        },
    )
    table = funding.reverse_stress(lender, most_severity=40)
    found = table["severity"].dropna()
    assert {"climate alone", "Recession", "all together"} <= set(found.index.unique("scenario"))
    for name, target in found.index:
        row = table.loc[(name, target)]
        assert row["below_amount"] > 0 >= row["above_amount"]
        assert 0 < row["above_severity"] - row["below_severity"] <= 0.01
        if name == "all together":
            continue
        for side in ("below", "above"):
            severity = row[f"{side}_severity"]
            climate_alone = name == "climate alone"
            shock = climate_shift(severity, 30) if climate_alone else lender.shock(name, severity)
            course = course_of(lender, shock)
            column = {"reserve": "reserve_amount", "cash": "closing_amount"}[target]
            assert course[column].min() == pytest.approx(row[f"{side}_amount"], abs=3)
    climate = table.loc[("climate alone", "reserve")]
    assert climate["climate_sds"] == pytest.approx(climate["severity"] / 0.25)
    # 0.25 log-odds in all at its full, so a Recession so many times as bad as that
    recession = table.loc[("Recession", "reserve")]
    assert recession["climate"] == pytest.approx(0.25 * recession["severity"])


def test_what_is_never_gone_says_up_to_where_it_was_tried() -> None:
    lender = lender_of(
        [{"amount": 60_000, "n": 3}], FixedMoves((0.1,)), stress={"Early": {"prepay_logit": 1}}
    )
    table = funding.reverse_stress(lender, most_severity=5)
    assert table["severity"].isna().all()
    assert table["tried_to"].tolist() == [6, 6, 5, 5]
    assert (table["base_amount"] > 0).all()
    text = funding.stress_text(table.head(0), "CNY", reverse=table)
    assert "No climate tried, up to 6" in text
    assert "- Not at 5 times what is stated: Early." in text


def test_what_is_gone_as_expected_needs_no_severity() -> None:
    lender = lender_of([{"amount": 900_000, "n": 3, "start": 2}], FixedMoves((0.0,)))
    table = funding.reverse_stress(lender)
    row = table.loc[("climate alone", "cash")]
    assert row["severity"] == 0
    assert row["month"] == pd.Timestamp("2025-02-28")
    text = funding.stress_text(table.head(0), "CNY", reverse=table)
    assert "**When the cash is gone:**\n\n- **As expected already**, in February 2025." in text


def test_a_climate_within_three_standard_deviations_is_red() -> None:
    loans = [{"amount": 400_000, "n": 1, "recovered": 0.0}]
    usual = {"persistence": 0.9}
    summary = reverse = None
    told = {}
    for sd in (0.5, 1.2):
        lender = lender_of(loans, FixedMoves((0.1,)), climate=usual | {"sd": sd})
        reverse = funding.reverse_stress(lender)
        summary = funding.stress_summary(funding.stress(lender, seed=1), lender)
        findings = funding.stress_findings(summary, reverse)
        told[sd] = [(text, red) for topic, text, red in findings if topic == "Reverse stress"]
    assert told[0.5] == []
    (text, red), *_ = told[1.2]
    assert red
    assert text == (
        "a climate 2.2 times its standard deviation worse and the reserve is used up; "
        "60% of the loans default then"
    )


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="most_severity must be > 0 and finite, got 0"):
        funding.reverse_stress(two_loans(), most_severity=0)
    with pytest.raises(ValueError, match="tolerance must be > 0 and finite, got -1"):
        funding.reverse_stress(two_loans(), tolerance=-1)
