"""Whether the lender can pay: what it takes, what it must hold, and what breaks first.

Files: `funding_parameters` (whether the notebook's parameters can be), `pool_cash` (what enters and
leaves the pool of cash day by day), `fund_pool` (its three tiers), `implied_rate` (what money
costs), `pool_words`.
"""

from riskkit.funding.fund_pool import fund_pool, pool_balances, pool_tables
from riskkit.funding.funding_parameters import check_funding
from riskkit.funding.implied_rate import implied_rate, implied_text
from riskkit.funding.pool_cash import pool_cash
from riskkit.funding.pool_words import pool_findings, pool_stress_text, pool_text

__all__ = [
    "check_funding",
    "fund_pool",
    "implied_rate",
    "implied_text",
    "pool_balances",
    "pool_cash",
    "pool_findings",
    "pool_stress_text",
    "pool_tables",
    "pool_text",
]
