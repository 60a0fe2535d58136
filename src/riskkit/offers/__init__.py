"""On what terms? The price that a loan needs and may have, and what its borrower is told.

Takes grades, hazards, costs and caps; gives prices by grade and term, and sheets of disclosure.
"""

from riskkit.offers.break_even import break_even_table, subsidy_table
from riskkit.offers.caps import cap_on, cap_test
from riskkit.offers.cells import offer_cells
from riskkit.offers.demand import Demand
from riskkit.offers.flows import LoanCosts, LossGivenDefault, expected_flows
from riskkit.offers.gaps import fairness_findings, gap_findings, gap_text, offer_gaps
from riskkit.offers.hazards import grade_hazards, term_hazards
from riskkit.offers.price import price_table
from riskkit.offers.trial import (
    loan_earnings,
    new_offers,
    offer_trial,
    trial_rows,
    trial_text,
)

__all__ = [
    "Demand",
    "LoanCosts",
    "LossGivenDefault",
    "break_even_table",
    "cap_on",
    "cap_test",
    "expected_flows",
    "fairness_findings",
    "gap_findings",
    "gap_text",
    "grade_hazards",
    "loan_earnings",
    "new_offers",
    "offer_cells",
    "offer_gaps",
    "offer_trial",
    "price_table",
    "subsidy_table",
    "term_hazards",
    "trial_rows",
    "trial_text",
]
