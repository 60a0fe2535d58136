"""Where to put the cutoff, what it approves, what it costs, and who changes sides.

Takes counts per score point (:func:`riskkit.metrics.score_counts`); gives a cutoff table with one
row per possible cutoff, the row that a criterion chooses, and the swap set between two scores. An
application is approved when its score is at or above the cutoff.
"""

from riskkit.strategy.choices import at_approval_rates, choose_cutoff, goals_table
from riskkit.strategy.cutoffs import Economics, cutoff_table
from riskkit.strategy.swaps import profit_difference, swap_set
from riskkit.strategy.words import bad_rate_text, cutoff_text, hurdle_text

__all__ = [
    "Economics",
    "at_approval_rates",
    "bad_rate_text",
    "choose_cutoff",
    "cutoff_table",
    "cutoff_text",
    "goals_table",
    "hurdle_text",
    "profit_difference",
    "swap_set",
]
