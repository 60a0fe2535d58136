"""What the lender can survive, and what it must hold and pay for that.

Files, in the order the data walks through them: `pool_cash` (what enters and leaves the pool of
cash day by day), `fund_pool` (its three tiers), `pool_words`, `implied_rate` (what money costs),
`growth_case` (a platform that grew too fast, month by month), `growth_words` (its story),
`funding_parameters` (whether the notebook's can be).
"""

from riskkit.funding.fund_pool import fund_pool, pool_balances, pool_tables
from riskkit.funding.funding_parameters import check_funding
from riskkit.funding.growth_case import Platform, growth_case
from riskkit.funding.growth_words import growth_text
from riskkit.funding.implied_rate import implied_rate, implied_text
from riskkit.funding.pool_cash import pool_cash
from riskkit.funding.pool_words import pool_findings, pool_stress_text, pool_text

__all__ = [
    "Platform",
    "check_funding",
    "fund_pool",
    "growth_case",
    "growth_text",
    "implied_rate",
    "implied_text",
    "pool_balances",
    "pool_cash",
    "pool_findings",
    "pool_stress_text",
    "pool_tables",
    "pool_text",
]
