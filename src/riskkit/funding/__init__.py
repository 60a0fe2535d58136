"""Whether the lender can pay: what it takes, what it must hold, and what breaks first.

Files, in the order the data walks through them: `stress_paths` (what a scenario moves, month by
month), `stressed_loans` (loans and moves under it), `stressed_lender` (cash, provision and profit
of one course of things), `stress_table` (all scenarios), `reverse_search` (how bad it must get),
`stress_words`; `pool_cash` (what enters and leaves the pool of cash day by day), `pool_courses`
(where money leaves it), `fund_pool` (its three tiers), `pool_words`; of a securitisation
`loan_tape` (which loans may be sold), `concentration`, `pool_selection`, `deal` (its terms),
`deal_scenarios` (its loans' cash), `sold_cash` (in whole fen, and what it buys), `waterfall` (who
is paid when), `deal_outcome` (who loses), `deal_words`; `implied_rate` (what money costs),
`growth_case` (a platform that grew too fast, month by month), `growth_words` (its story),
`funding_parameters` (whether the notebook's can be).
"""

from riskkit.funding.concentration import concentration_table
from riskkit.funding.deal import Deal
from riskkit.funding.deal_outcome import deal_outcome
from riskkit.funding.deal_scenarios import deal_scenarios
from riskkit.funding.deal_words import deal_findings, deal_text, tape_text
from riskkit.funding.fund_pool import fund_pool, pool_balances, pool_tables
from riskkit.funding.funding_parameters import check_funding
from riskkit.funding.growth_case import Platform, growth_case
from riskkit.funding.growth_words import growth_text
from riskkit.funding.implied_rate import implied_rate, implied_text
from riskkit.funding.loan_tape import loan_tape
from riskkit.funding.pool_cash import pool_cash
from riskkit.funding.pool_courses import leaving_courses
from riskkit.funding.pool_selection import select_pool
from riskkit.funding.pool_words import pool_findings, pool_stress_text, pool_text
from riskkit.funding.reverse_search import reverse_stress
from riskkit.funding.stress_table import stress, stress_summary
from riskkit.funding.stress_words import stress_findings, stress_text
from riskkit.funding.stressed_lender import StressedLender
from riskkit.funding.waterfall import waterfall

__all__ = [
    "Deal",
    "Platform",
    "StressedLender",
    "check_funding",
    "concentration_table",
    "deal_findings",
    "deal_outcome",
    "deal_scenarios",
    "deal_text",
    "fund_pool",
    "growth_case",
    "growth_text",
    "implied_rate",
    "implied_text",
    "leaving_courses",
    "loan_tape",
    "pool_balances",
    "pool_cash",
    "pool_findings",
    "pool_stress_text",
    "pool_tables",
    "pool_text",
    "reverse_stress",
    "select_pool",
    "stress",
    "stress_findings",
    "stress_summary",
    "stress_text",
    "tape_text",
    "waterfall",
]
