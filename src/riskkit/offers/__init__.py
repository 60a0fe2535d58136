"""On what terms, to whom fairly, and whether the new terms are better.

Takes prices, limits and portfolios; gives tables.
"""

from riskkit.offers.gaps import fairness_findings, gap_findings, gap_text, offer_gaps
from riskkit.offers.trial import (
    loan_earnings,
    new_offers,
    offer_trial,
    trial_rows,
    trial_text,
)

__all__ = [
    "fairness_findings",
    "gap_findings",
    "gap_text",
    "loan_earnings",
    "new_offers",
    "offer_gaps",
    "offer_trial",
    "trial_rows",
    "trial_text",
]
