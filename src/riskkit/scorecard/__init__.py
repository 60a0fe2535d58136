"""The scorecard: a logistic regression on WoE as whole points that add up to a score.

Takes features and a label; gives a classifier whose score is a sum of points from a printed table,
with the reasons for each score.
"""

from riskkit.scorecard.asked import check_models, kept_features
from riskkit.scorecard.card import NoFeatureLeft, Scorecard
from riskkit.scorecard.reasons import reasons_table
from riskkit.scorecard.scale import (
    ScoreClassifier,
    ScoreScale,
    require_text_names,
)
from riskkit.scorecard.stored import StoredScale
from riskkit.scorecard.words import catalogue, feature_label, number_words, special_words

__all__ = [
    "NoFeatureLeft",
    "ScoreClassifier",
    "ScoreScale",
    "Scorecard",
    "StoredScale",
    "catalogue",
    "check_models",
    "feature_label",
    "kept_features",
    "number_words",
    "reasons_table",
    "require_text_names",
    "special_words",
]
