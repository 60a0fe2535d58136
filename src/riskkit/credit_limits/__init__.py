"""How much may be lent to whom, and when a limit moves.

Takes incomes, grades and the monthly panel; gives limits within a budget of losses, and moves.
"""

from riskkit.credit_limits.affordability import Affordability, affordability, income_bands
from riskkit.credit_limits.choice import (
    budget_curve,
    choose_limits,
    granted_limits,
    limit_options,
    limit_text,
)
from riskkit.credit_limits.costs import bound_text, limit_bounds
from riskkit.credit_limits.moves import (
    LimitRule,
    after_moves,
    limit_moves,
    limit_outcomes,
    limit_outcomes_text,
    moved_limits,
    wanted_factors,
)

__all__ = [
    "Affordability",
    "LimitRule",
    "affordability",
    "after_moves",
    "bound_text",
    "budget_curve",
    "choose_limits",
    "granted_limits",
    "income_bands",
    "limit_bounds",
    "limit_moves",
    "limit_options",
    "limit_outcomes",
    "limit_outcomes_text",
    "limit_text",
    "moved_limits",
    "wanted_factors",
]
