"""On what terms? The price that a loan needs and may have, and what its borrower is told.

Takes grades, hazards, costs and caps; gives prices by grade and term, and sheets of disclosure.
"""

from riskkit.offers.asked import check_offers
from riskkit.offers.break_even import break_even_table, subsidy_table
from riskkit.offers.caps import cap_on
from riskkit.offers.cells import offer_cells
from riskkit.offers.changes import price_changes, price_changes_text
from riskkit.offers.demand import Demand
from riskkit.offers.disclosure import Charge, Offer, disclosure
from riskkit.offers.examples import example_offers
from riskkit.offers.flows import LoanCosts, LossGivenDefault
from riskkit.offers.gaps import fairness_findings, gap_findings, gap_text, offer_gaps
from riskkit.offers.hazards import term_hazards
from riskkit.offers.price import price_table
from riskkit.offers.price_words import price_figures, price_findings, price_text, subsidy_text
from riskkit.offers.sheet import disclosure_sheet
from riskkit.offers.trial import new_offers, trial_steps
from riskkit.offers.trial_words import trial_figures, trial_findings, trial_text

__all__ = [
    "Charge",
    "Demand",
    "LoanCosts",
    "LossGivenDefault",
    "Offer",
    "break_even_table",
    "cap_on",
    "check_offers",
    "disclosure",
    "disclosure_sheet",
    "example_offers",
    "fairness_findings",
    "gap_findings",
    "gap_text",
    "new_offers",
    "offer_cells",
    "offer_gaps",
    "price_changes",
    "price_changes_text",
    "price_figures",
    "price_findings",
    "price_table",
    "price_text",
    "subsidy_table",
    "subsidy_text",
    "term_hazards",
    "trial_figures",
    "trial_findings",
    "trial_steps",
    "trial_text",
]
