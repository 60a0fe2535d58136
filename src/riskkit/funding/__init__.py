"""What the lender can survive, and what it must hold and pay for that.

Files, in the order the data walks through them: `pool_cash` (what enters and leaves day by day),
`fund_pool` (three tiers of cash), `implied_rate` (what money costs), `pool_words`.
"""

from riskkit.funding.fund_pool import fund_pool, pool_balances, pool_tables
from riskkit.funding.implied_rate import implied_rate, implied_text
from riskkit.funding.pool_cash import pool_cash
from riskkit.funding.pool_words import pool_findings, pool_stress_text, pool_text

__all__ = [
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
