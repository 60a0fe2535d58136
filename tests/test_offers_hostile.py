"""Offers and limits at the ends of what can be written: equal charges, braces, huge principals."""

import numpy as np
import pandas as pd
import pytest

from riskkit import credit_limits, instalments, offers
from riskkit.credit_limits import Affordability, affordability


def offer(**changes):
    told = {
        "principal_fen": 1_000_000, "monthly_rate": 0.02, "term_months": 12,
        "disbursed_on": "2026-01-31", "lender": "Bank",
    }  # fmt: skip
    return offers.Offer(**(told | changes))


def test_two_equal_charges_are_both_paid():
    fee = offers.Charge(name="Fee", basis="upfront", rate=0.01, collected_by="Platform")
    plain = offers.disclosure(offer())
    told = offers.disclosure(offer(charges=(fee, fee)))
    assert told.received_amount == 980_000
    assert told.cost_amount == plain.cost_amount + 20_000 == told.costs["amount"].sum()


@pytest.mark.parametrize("method", instalments.METHODS)
@pytest.mark.parametrize("principal", [1, 99, 10**13])
def test_the_smallest_and_the_largest_loan_have_a_rate_and_a_plan_to_the_fen(method, principal):
    told = offers.disclosure(offer(principal_fen=principal, method=method))
    assert told.schedule["principal_amount"].sum() == principal
    assert told.schedule["balance"].iloc[-1] == 0
    assert np.isfinite([told.apr, told.ear, told.xirr]).all()
    if principal == 10**13:
        other = offers.disclosure(offer(principal_fen=10**8, method=method))
        assert told.apr == pytest.approx(other.apr, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"principal_fen": 2**53 + 1}, "principal_fen must be whole and at most"),
        ({"principal_fen": 1.5}, "principal_fen must be whole"),
        ({"term_months": 10**6}, r"term_months must lie in \[1, 480\]"),
        ({"disbursed_on": "2026"}, "disbursed_on must be a date, got"),
        ({"disbursed_on": "NaT"}, "disbursed_on must be a date, got"),
        ({"disbursed_on": "9999-12-31"}, "disbursed_on must be a date, got"),
    ],
)
def test_terms_that_no_contract_has_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        offer(**changes)


def test_a_price_that_is_no_number_is_refused():
    terms = {"principal_fen": 10_000, "term_months": 3, "disbursed_on": "2026-01-01"}
    with pytest.raises(ValueError, match="apr must be finite, got nan"):
        offers.Offer.at_apr(float("nan"), **terms, lender="Bank")


def test_braces_in_a_currency_are_no_places_to_fill():
    page = offers.disclosure_sheet(offers.disclosure(offer()), "en", currency="{rate}")
    assert "(rate)" in page


GRADES = pd.DataFrame({"probability": [0.02, 0.1]}, index=pd.Index(["A", "B"], name="grade"))
ASKED = pd.DataFrame(
    {
        "grade": ["A", "B"],
        "income_band": pd.Categorical(["low", "high"]),
        "amount": 5_000.0,
        "principal_amount": 4_000.0,
        "take_up_rate": 0.9,
        "worth_rate": 0.05,
    }
)


@pytest.mark.parametrize(
    ("asked", "grades", "about", "message"),
    [
        ({"income_band": ["low", "high"]}, {}, {}, "income_band must be a category"),
        ({"income_band": pd.Categorical(["low", None])}, {}, {}, "income_band must not be missing"),
        ({}, {"probability": [0.1, 2.0]}, {}, r"probability must lie in \[0, 1\]"),
        ({"worth_rate": np.nan}, {}, {}, "worth_rate must be finite"),
        ({}, {}, {"loss_rate": 2.0}, r"loss_rate must lie in \[0, 1\]"),
        ({"take_up_rate": np.nan}, {}, {}, "take_up_rate must lie in"),
        ({"take_up_rate": 1.1}, {}, {}, "take_up_rate must lie in"),
        ({}, {}, {"cost_amount": np.nan}, "cost_amount must lie in"),
    ],
)
def test_limits_of_what_cannot_be_are_refused(asked, grades, about, message):
    loan = {"loss_rate": 0.6, "cost_amount": 30.0} | about
    with pytest.raises(ValueError, match=message):
        credit_limits.limit_options(
            ASKED.assign(**asked), GRADES.assign(**grades), [0, 1_000], **loan
        )


def test_budgets_are_at_least_one():
    options = credit_limits.limit_options(
        ASKED, GRADES, [0, 1_000], loss_rate=0.6, cost_amount=30.0
    )
    with pytest.raises(ValueError, match="budgets must be at least one"):
        credit_limits.budget_curve(options, [])


def test_a_debt_below_nothing_carries_no_loan():
    asked = pd.DataFrame({"stated_income": [5_000.0], "concurrent_exposure": [-1e6]})
    terms = {"apr": 0.24, "term_months": 12}
    with pytest.raises(ValueError, match="concurrent_exposure must be finite and >= 0"):
        affordability(asked, [], Affordability(), **terms)
    with pytest.raises(ValueError, match="stated_income must be finite"):
        affordability(asked.assign(stated_income=np.inf), [], Affordability(), **terms)
    with pytest.raises(ValueError, match="stated_income must be numeric"):
        affordability(asked.assign(stated_income="x"), [], Affordability(), **terms)
