"""Where to put the cutoff, what it approves, what it costs, and who changes sides.

Takes counts per score point (:func:`riskkit.metrics.score_counts`); gives a cutoff table with one
row per possible cutoff, the row that a criterion chooses, and the swap set between two scores. An
application is approved when its score is at or above the cutoff.
"""

from riskkit.strategy.asked import check_cutoffs
from riskkit.strategy.choices import (
    at_approval_rates,
    choose_cutoff,
    equal_approval,
    goals_table,
    sensitivity_table,
)
from riskkit.strategy.cutoffs import cutoff_table
from riskkit.strategy.decision import (
    Decision,
    decision_figures,
    decision_text,
)
from riskkit.strategy.economics import (
    Economics,
    loan_values,
    profit_sums,
)
from riskkit.strategy.recommend import (
    POLICIES,
    cutoff_tables,
    judge_rule,
    recommend,
)
from riskkit.strategy.rules import rules_table
from riskkit.strategy.swaps import (
    SwapGrid,
    equal_approval_swaps,
    profit_difference,
    swap_set,
)
from riskkit.strategy.words import (
    bad_rate_text,
    difference_text,
    elsewhere_text,
    money_text,
    recommendation_figures,
    recommendation_text,
    sensitivity_text,
    swap_text,
)

__all__ = [
    "POLICIES",
    "Decision",
    "Economics",
    "SwapGrid",
    "at_approval_rates",
    "bad_rate_text",
    "check_cutoffs",
    "choose_cutoff",
    "cutoff_table",
    "cutoff_tables",
    "decision_figures",
    "decision_text",
    "difference_text",
    "elsewhere_text",
    "equal_approval",
    "equal_approval_swaps",
    "goals_table",
    "judge_rule",
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
