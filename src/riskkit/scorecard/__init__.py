"""The scorecard: a logistic regression on WoE as whole points that add up to a score.

Takes features and a label; gives a classifier whose score is a sum of points from a printed table,
with the reasons for each score.
"""

from riskkit.scorecard.card import NoFeatureLeft, Scorecard
from riskkit.scorecard.reasons import reasons_table
from riskkit.scorecard.scale import (
    ScoreClassifier,
    ScoreScale,
    require_text_names,
)

__all__ = [
    "NoFeatureLeft",
    "ScoreClassifier",
    "ScoreScale",
    "Scorecard",
    "reasons_table",
    "require_text_names",
]
