"""WoE binning: which values of a feature carry the same risk, and how much it tells.

Takes features and a 0/1 label; counts them once, bins the counts, and gives WoE, IV, stability, a
selection, bins an analyst has edited, and SQL.
"""

from riskkit.binning.asked import PERIODS, check_binning
from riskkit.binning.bins import FeatureBins
from riskkit.binning.chance import chance_iv
from riskkit.binning.counts import (
    CategoryCounts,
    FeatureCounts,
    NumericCounts,
    count_features,
)
from riskkit.binning.crossed import CrossFitted, cross_fitted
from riskkit.binning.edits import Edit, edit_table
from riskkit.binning.leakage import LEAKAGE_IV
from riskkit.binning.optbinning import has_optbinning
from riskkit.binning.resamples import cut_frequencies
from riskkit.binning.second_opinion import second_opinion
from riskkit.binning.selection import select_features, variance_inflation
from riskkit.binning.special_codes import (
    GivenCodes,
    SpecialCodes,
    StoredCodes,
    codes_from_json,
    codes_to_json,
)
from riskkit.binning.sql import lookup_select
from riskkit.binning.stability import (
    bin_stability,
    edit_effect,
    period_counts,
    stability,
    weak_neighbours,
)
from riskkit.binning.woe import WoeBinner

__all__ = [
    "LEAKAGE_IV",
    "PERIODS",
    "CategoryCounts",
    "CrossFitted",
    "Edit",
    "FeatureBins",
    "FeatureCounts",
    "GivenCodes",
    "NumericCounts",
    "SpecialCodes",
    "StoredCodes",
    "WoeBinner",
    "bin_stability",
    "chance_iv",
    "check_binning",
    "codes_from_json",
    "codes_to_json",
    "count_features",
    "cross_fitted",
    "cut_frequencies",
    "edit_effect",
    "edit_table",
    "has_optbinning",
    "lookup_select",
    "period_counts",
    "second_opinion",
    "select_features",
    "stability",
    "variance_inflation",
    "weak_neighbours",
]
