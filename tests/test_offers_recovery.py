"""Expected cash against what came back on the synthetic lender, whose book is known to its end."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from riskkit import offers, synthetic, vintage
from riskkit.hazards import hazard_table
from riskkit.offers.flows import expected_flows


@pytest.fixture(scope="module")
def book():
    """Loans in equal instalments without a fee whose last payment is long past; their panel."""
    lender = synthetic.Lender(n_months=42, cutoff_points=3.0)
    portfolio = synthetic.simulate(lender, 50_000, seed=5)
    panel = portfolio.performance
    start = panel.groupby("loan_id")["cohort"].first()
    months = start.dt.year * 12 + start.dt.month
    age = lender.observed_to.year * 12 + lender.observed_to.month - months
    loans = portfolio.applications.set_index("application_id").loc[age.index]
    plain = (loans["product"] == "equal_instalment") & (loans["offer_fee_rate"] == 0)
    old = age >= loans["term_months"] + 19
    loans = loans[plain & old & (loans["offer_apr"] > 0)]
    return loans, panel[panel["loan_id"].isin(loans.index)]


@pytest.mark.parametrize("term", [6, 12])
def test_expected_cash_is_what_came_back(book, term):
    loans, panel = book
    loans = loans[loans["term_months"] == term]
    panel = panel[panel["loan_id"].isin(loans.index)]
    counts = vintage.cohort_counts(panel, dpd=(90,), by=loans["term_months"])
    base = offers.term_hazards(hazard_table(counts, dpd=90))
    hazards = pd.concat({"all": base}, names=["grade"])
    late = panel[panel["dpd"] > 90].groupby("loan_id").head(1).set_index("loan_id")
    claims = late["balance"] / loans["booked_amount"].loc[late.index]
    assert len(claims) > 100
    amount = loans["booked_amount"].sum()
    apr = (loans["offer_apr"] * loans["booked_amount"]).sum() / amount

    after = panel[panel["mob"] > panel["loan_id"].map(late["mob"]).fillna(np.inf)]
    back = after[["paid_amount", "recovered_amount"]].sum().sum() / late["balance"].sum()
    costs = offers.LoanCosts(
        lgd=offers.LossGivenDefault(1 - back, "2024-12-31", "this book"),
        funding_rate=0.0, acquisition_amount=0, servicing_amount=0,
    )  # fmt: skip
    flows = expected_flows(hazards, ("all", term), apr, costs, amount=1.0).sum()
    defaulted = panel.loc[panel["dpd"] > 90, "loan_id"].nunique() / len(loans)

    # what a loan still owes when it defaults tells how many instalments it missed before
    owed = flows["defaulted_amount"] / defaulted
    assert abs(claims.mean() - owed) < 3 * claims.std() / np.sqrt(len(claims))
    paid = panel.groupby("loan_id")[["paid_amount", "recovered_amount"]].sum().sum(axis=1)
    realised = paid / loans["booked_amount"].loc[paid.index]
    inflows = ["principal_amount", "interest_amount", "prepaid_amount", "recovered_amount"]
    expected = flows[inflows].sum()
    noise = realised.std() / np.sqrt(len(realised))
    assert abs(realised.mean() - expected) < 3 * noise
