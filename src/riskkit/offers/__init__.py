"""On what terms: who the customers are, what they can carry, and whether the terms were right.

Takes applications, scores and performance; gives tables.
"""

from riskkit.offers.limit_moves import (
    LimitRule,
    after_moves,
    limit_moves,
    limit_outcomes,
    limit_outcomes_text,
    moved_limits,
    wanted_factors,
)
from riskkit.offers.limits import (
    Affordability,
    affordability,
    budget_curve,
    choose_limits,
    limit_options,
    limit_text,
)
from riskkit.offers.retention import retention
from riskkit.offers.segment_rules import segment_rules
from riskkit.offers.segment_stability import (
    segment_findings,
    segment_months,
    segment_stability,
    segment_text,
    stable_k,
)
from riskkit.offers.segment_tables import segment_table
from riskkit.offers.segments import Segmentation, fit_segments

__all__ = [
    "Affordability",
    "LimitRule",
    "Segmentation",
    "affordability",
    "after_moves",
    "budget_curve",
    "choose_limits",
    "fit_segments",
    "limit_moves",
    "limit_options",
    "limit_outcomes",
    "limit_outcomes_text",
    "limit_text",
    "moved_limits",
    "retention",
    "segment_findings",
    "segment_months",
    "segment_rules",
    "segment_stability",
    "segment_table",
    "segment_text",
    "stable_k",
    "wanted_factors",
]
