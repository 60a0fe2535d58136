"""Which kinds of customers there are, and who comes back.

Takes applications with a score; gives segments that are described and tested, and retention.
"""

from riskkit.customers.beside_decision import beside_decision
from riskkit.customers.retention import retention
from riskkit.customers.segment_rules import rules_text, segment_rules
from riskkit.customers.segment_stability import (
    segment_findings,
    segment_months,
    segment_stability,
    segment_text,
    stable_k,
)
from riskkit.customers.segment_tables import segment_table, segment_use_text
from riskkit.customers.segments import Segmentation, fit_segments

__all__ = [
    "Segmentation",
    "beside_decision",
    "fit_segments",
    "retention",
    "rules_text",
    "segment_findings",
    "segment_months",
    "segment_rules",
    "segment_stability",
    "segment_table",
    "segment_text",
    "segment_use_text",
    "stable_k",
]
