"""How much any cutoff, or several, can earn at best, and what a better score would add.

Takes scores, outcomes and the money of each application; gives the expected maximum profit, what a
band at the margin brings, the cutoff of each goal, how far today's policy lies from the efficient
frontier, what a better model is worth, and cutoffs by segment.
"""

from riskkit.frontier.bands import marginal_bands
from riskkit.frontier.by_segment import check_segment, judge_segments, segment_gains
from riskkit.frontier.curves import Curve, Curves, draw_curves
from riskkit.frontier.efficient import best_cutoffs, efficient_tables, policy_point
from riskkit.frontier.emp import emp_table, expected_maximum_profit
from riskkit.frontier.goals import GOALS, goal_cutoffs
from riskkit.frontier.program import SegmentChoice, segment_cutoffs
from riskkit.frontier.unseen import Expected
from riskkit.frontier.verdicts import bands_text, gap_text, goals_text, segments_text, worth_text
from riskkit.frontier.worth import gini_worth, model_worth, policy_gap

__all__ = [
    "GOALS",
    "Curve",
    "Curves",
    "Expected",
    "SegmentChoice",
    "bands_text",
    "best_cutoffs",
    "check_segment",
    "draw_curves",
    "efficient_tables",
    "emp_table",
    "expected_maximum_profit",
    "gap_text",
    "gini_worth",
    "goal_cutoffs",
    "goals_text",
    "judge_segments",
    "marginal_bands",
    "model_worth",
    "policy_gap",
    "policy_point",
    "segment_cutoffs",
    "segment_gains",
    "segments_text",
    "worth_text",
]
