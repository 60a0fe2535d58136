"""What lies beyond chance between counts and sums, and the words for it.

Takes counts and sums; gives intervals, p-values after Holm, and words.
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
from riskkit.chance.small_groups import suppress_small
from riskkit.chance.strata import beside_others, mantel_haenszel, mirrored
from riskkit.chance.sums import normal_interval

__all__ = [
    "MIN_BADS",
    "beside_others",
    "fisher_p_value",
    "holm",
    "mantel_haenszel",
    "mirrored",
    "normal_interval",
    "p_text",
    "rate_columns",
    "rate_text",
    "seen_counts",
    "suppress_small",
]
