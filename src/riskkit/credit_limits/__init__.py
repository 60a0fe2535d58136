"""How much may be lent to whom, and when a limit moves.

Takes incomes, grades and the monthly panel; gives limits within a budget of losses, and moves.
"""

from riskkit.credit_limits.affordability import Affordability, affordability, income_bands
from riskkit.credit_limits.choice import budget_curve, choose_limits, limit_text
from riskkit.credit_limits.costs import bound_text, limit_bounds
from riskkit.credit_limits.granted import (
    granted_findings,
    granted_limits,
    granted_table,
    granted_text,
    limit_bound,
)
from riskkit.credit_limits.limit_options import largest_lent, limit_options, priced_terms
from riskkit.credit_limits.move_outcomes import (
    after_moves,
    limit_outcomes,
    limit_outcomes_text,
    moved_limits,
)
from riskkit.credit_limits.moves import (
    LimitRule,
    limit_moves,
    moves_by_month,
    moves_text,
    wanted_factors,
)
from riskkit.credit_limits.refusals import refusal_findings, refusal_text, refusals_by_group

__all__ = [
    "Affordability",
    "LimitRule",
    "affordability",
    "after_moves",
    "bound_text",
    "budget_curve",
    "choose_limits",
    "granted_findings",
    "granted_limits",
    "granted_table",
    "granted_text",
    "income_bands",
    "largest_lent",
    "limit_bound",
    "limit_bounds",
    "limit_moves",
    "limit_options",
    "limit_outcomes",
    "limit_outcomes_text",
    "limit_text",
    "moved_limits",
    "moves_by_month",
    "moves_text",
    "priced_terms",
    "refusal_findings",
    "refusal_text",
    "refusals_by_group",
    "wanted_factors",
]
