"""What may be asked of the offers' notebook, and the example each grade is shown."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from riskkit import offers
from riskkit.pipeline.notebooks import find_notebooks

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def defaults():
    (notebook,) = (n for n in find_notebooks(PROJECT) if n.name == "07_offers")
    return {name: parameter.default for name, parameter in notebook.parameters.items()}


def test_the_notebooks_own_parameters_can_be(defaults):
    assert offers.check_offers(defaults) == {}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("loss_rate", 60.0, r"loss_rate must lie in \[0, 1\], got 60.0"),
        ("loss_rate", float("nan"), "loss_rate must lie"),
        ("debt_service_rate", -0.1, "debt_service_rate must lie"),
        ("free_share", 0.0, r"free_share must lie in \(0, 1\]"),
        ("wanted_margin_rate", 24.0, r"wanted_margin_rate must lie in \[0, 10\]"),
        ("acquisition_amount", -1.0, "acquisition_amount must be finite and >= 0"),
        ("living_cost_amount", float("inf"), "living_cost_amount must be finite"),
        ("offer_date", "2026-13-01", "offer_date must be a date YYYY-MM-DD, got '2026-13-01'"),
        ("loss_rate_as_of", "2026-1-1", "loss_rate_as_of must be a date"),
        ("n_segments", 1, "n_segments must be 0 or 2 to 12, got 1"),
        ("take_up_logit_per_apr", 1.0, "take_up_logit_per_apr must be at most 0"),
        ("limit_levels", "1000 500", "limit_levels must be ascending numbers"),
        ("limit_levels", "0 500", "limit_levels must be ascending numbers"),
        ("limit_levels", "500", "limit_levels must be ascending numbers"),
        ("price_goal", "growth", "price_goal must be one of margin, profit, got 'growth'"),
        ("segment_seed", -1, "segment_seed must be >= 0"),
        ("offer_date", "9999-12-31", "offer_date must be a date YYYY-MM-DD"),
        ("late_fee_rate", 1.0, r"late_fee_rate must lie in \[0, 1\)"),
        ("early_fee_rate", -0.1, r"early_fee_rate must lie in \[0, 1\), got -0.1"),
        ("take_up_logit_per_apr", float("nan"), "take_up_logit_per_apr must lie in"),
        ("take_up_logit", float("inf"), "take_up_logit must lie in"),
        ("take_up_risk_slope", -0.1, "take_up_risk_slope must be at least 0"),
        ("price_logit", -1.0, "price_logit must be at least 0"),
        ("lender_name", " ", "lender_name must be a name"),
        ("lender_name", "a\u202eb", "lender_name must be a name"),
    ],
)
def test_what_no_offer_could_have_is_refused_by_name(defaults, name, value, told):
    assert name in defaults  # a parameter that the notebook has
    with pytest.raises(ValueError, match=told):
        offers.check_offers(defaults | {name: value})


def test_each_grade_with_an_offer_is_shown_the_term_most_asked_for():
    index = pd.MultiIndex.from_tuples(
        [("A1", 3), ("A1", 12), ("B1", 6), ("C1", 6)], names=["grade", "term_months"]
    )
    priced = pd.DataFrame(
        {
            "applications": [10, 30, 5, 5],
            "mean_amount": [4_000.0, 8_649.0, 20.0, 5_000.0],
            "offer_apr": [0.24, 0.18, 0.24, np.nan],
        },
        index=index,
    )
    late = offers.Charge(name="Late fee", basis="overdue", rate=0.0005, collected_by="Lender")
    found = offers.example_offers(
        priced, disbursed_on="2026-08-01", lender="Lender", charges=(late,)
    )
    assert list(found) == ["A1", "B1"]
    figures = found["A1"].figures
    assert (figures["term_months"], figures["principal_amount"]) == (12, 8_600)
    assert figures["apr"] == pytest.approx(0.18, abs=1e-4)
    assert figures["within_caps"]  # none was given
    assert found["B1"].figures["principal_amount"] == 100  # never nothing
    page = offers.disclosure_sheet(found["A1"], "en", name="<A1>")
    assert "Late fee" in page
    assert "&lt;A1&gt;</title>" in page
