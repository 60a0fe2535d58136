"""On what terms? The price that a loan needs and may have, and what its borrower is told.

Takes grades, hazards, costs and caps; gives prices by grade and term, and sheets of disclosure.
"""

from riskkit.offers.break_even import break_even_table, subsidy_table
from riskkit.offers.flows import LoanCosts, LossGivenDefault, expected_flows
from riskkit.offers.hazards import grade_hazards, term_hazards

__all__ = [
    "LoanCosts",
    "LossGivenDefault",
    "break_even_table",
    "expected_flows",
    "grade_hazards",
    "subsidy_table",
    "term_hazards",
]
