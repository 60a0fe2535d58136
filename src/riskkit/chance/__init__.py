"""What lies beyond chance between two counts, and the words for it.

Takes counts; gives intervals, p-values after Holm, and words.
"""

from riskkit.chance.shares import (
    MIN_BADS,
    fisher_p_value,
    holm,
    p_text,
    rate_columns,
    rate_text,
    seen_counts,
)

__all__ = [
    "MIN_BADS",
    "fisher_p_value",
    "holm",
    "p_text",
    "rate_columns",
    "rate_text",
    "seen_counts",
]
