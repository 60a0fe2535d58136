"""The challenger: LightGBM under risk directions, calibrated, on the score scale.

Takes features and a label; gives a classifier with a whole-number score like the scorecard's, what
it was chosen from, and what its trees have learned.
"""

from riskkit.challenger.dependence import partial_dependence
from riskkit.challenger.model import Challenger
from riskkit.challenger.search import Search, search

__all__ = ["Challenger", "Search", "partial_dependence", "search"]
