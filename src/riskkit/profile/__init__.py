"""What the data look like, and how they drift.

Takes applications and the feature catalogue; gives the tables of the first report.
"""

from riskkit.profile.applications import (
    application_rates,
    decline_reasons,
    exposure_table,
    funnel_table,
    longest_span,
    monthly_trends,
    period_text,
    rates_by_month,
    sample_sizes,
    segment_rates,
    table_sizes,
)
from riskkit.profile.described_features import (
    code_profile,
    family_profile,
    feature_profile,
    then_and_now,
)
from riskkit.profile.drift import codes_in_words, drift_table, moved_features, moved_text
from riskkit.profile.drift_counts import quarters
from riskkit.profile.lent import lent_by_score
from riskkit.profile.one_hot import one_hot_groups
from riskkit.profile.summary import source_sections, source_summary

__all__ = [
    "application_rates",
    "code_profile",
    "codes_in_words",
    "decline_reasons",
    "drift_table",
    "exposure_table",
    "family_profile",
    "feature_profile",
    "funnel_table",
    "lent_by_score",
    "longest_span",
    "monthly_trends",
    "moved_features",
    "moved_text",
    "one_hot_groups",
    "period_text",
    "quarters",
    "rates_by_month",
    "sample_sizes",
    "segment_rates",
    "source_sections",
    "source_summary",
    "table_sizes",
    "then_and_now",
]
