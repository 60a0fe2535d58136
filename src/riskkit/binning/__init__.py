"""WoE binning: which values of a feature carry the same risk, and how much it tells.

Takes features and a 0/1 label; counts them once, bins the counts, and gives WoE, IV, stability and
a selection.
"""

from riskkit.binning.bins import FeatureBins
from riskkit.binning.counts import (
    CategoryCounts,
    FeatureCounts,
    NumericCounts,
    count_features,
    level_text,
)
from riskkit.binning.selection import LEAKAGE_IV, select_features, stability
from riskkit.binning.woe import WoeBinner, require_features

__all__ = [
    "LEAKAGE_IV",
    "CategoryCounts",
    "FeatureBins",
    "FeatureCounts",
    "NumericCounts",
    "WoeBinner",
    "count_features",
    "level_text",
    "require_features",
    "select_features",
    "stability",
]
