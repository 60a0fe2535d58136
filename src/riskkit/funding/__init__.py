"""What the lender can survive, and what it must hold and pay for that.

Files of the securitisation, in the order the data walks through them: `loan_tape` (which loans may
be sold), `concentration`, `pool_selection`, `deal` (its terms), `sold_cash` (what the loans sold
bring), `waterfall` (who is paid when), `deal_outcome` (who loses), `deal_words`.
"""

from riskkit.funding.concentration import concentration_table
from riskkit.funding.deal import Deal
from riskkit.funding.deal_outcome import deal_outcome
from riskkit.funding.deal_words import deal_findings, deal_text, tape_text
from riskkit.funding.loan_tape import loan_tape
from riskkit.funding.pool_selection import select_pool
from riskkit.funding.waterfall import waterfall

__all__ = [
    "Deal",
    "concentration_table",
    "deal_findings",
    "deal_outcome",
    "deal_text",
    "loan_tape",
    "select_pool",
    "tape_text",
    "waterfall",
]
