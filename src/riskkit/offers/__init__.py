"""On what terms: who the customers are, what they can carry, and whether the terms were right.

Takes applications, scores and performance; gives tables.
"""

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
    "Segmentation",
    "fit_segments",
    "segment_findings",
    "segment_months",
    "segment_rules",
    "segment_stability",
    "segment_table",
    "segment_text",
    "stable_k",
]
