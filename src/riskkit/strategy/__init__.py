"""Where to put the cutoff, what it approves, what it costs, and who changes sides.

Takes counts per score point (:func:`riskkit.metrics.score_counts`); gives a cutoff table with one
row per possible cutoff, the row that a criterion chooses, and the swap set between two scores. An
application is approved when its score is at or above the cutoff.
"""

from riskkit.strategy.asked import check_cutoffs
from riskkit.strategy.choices import (
    at_approval_rates,
    choose_cutoff,
    goals_table,
    sensitivity_table,
)
from riskkit.strategy.cutoffs import cutoff_table
from riskkit.strategy.economics import (
    Economics,
    expected_loans,
    loan_values,
    profit_sums,
)
from riskkit.strategy.recommend import (
    POLICIES,
    Choice,
    Recommendation,
    cutoff_tables,
    recommend,
)
from riskkit.strategy.rules import rules_table
from riskkit.strategy.swaps import equal_approval_swaps, profit_difference, swap_set
from riskkit.strategy.words import (
    bad_rate_text,
    cutoff_text,
    difference_text,
    money_text,
    recommendation_figures,
    recommendation_text,
    sensitivity_text,
    swap_text,
)

__all__ = [
    "POLICIES",
    "Choice",
    "Economics",
    "Recommendation",
    "at_approval_rates",
    "bad_rate_text",
    "check_cutoffs",
    "choose_cutoff",
    "cutoff_table",
    "cutoff_tables",
    "cutoff_text",
    "difference_text",
    "equal_approval_swaps",
    "expected_loans",
    "goals_table",
    "loan_values",
    "money_text",
    "profit_difference",
    "profit_sums",
    "recommend",
    "recommendation_figures",
    "recommendation_text",
    "rules_table",
    "sensitivity_table",
    "sensitivity_text",
    "swap_set",
    "swap_text",
]
