"""Does a score separate goods from bads, is its probability right, has it moved.

Takes counts of goods and bads per distinct score (:func:`score_counts`), which add up over parts
of a portfolio (:func:`riskkit.partitions.add_counts`); gives exact metrics from them.

A higher score is safer and y = 1 is bad: the direction is a convention, never read off the data.
Everything is aligned by position, as in scikit-learn, unless a docstring says otherwise; Series and
frames whose indexes differ are refused.
"""

from riskkit.metrics.accuracy import brier, log_loss
from riskkit.metrics.calibration import (
    accuracy_table,
    calibration_fit,
    calibration_table,
    logistic_line,
)
from riskkit.metrics.comparison import compare, comparison_table, discrimination_table
from riskkit.metrics.counts import expected_counts, score_counts
from riskkit.metrics.curves import (
    cap_curve_table,
    gains_table,
    lift_table,
    roc_curve_table,
)
from riskkit.metrics.discrimination import auc, discrimination, gini, ks
from riskkit.metrics.grades import (
    assign_grade,
    binomial_p_value,
    grade_table,
    jeffreys_p_value,
    master_scale,
)
from riskkit.metrics.resampling import bootstrap
from riskkit.metrics.stability import psi, psi_critical, psi_light
from riskkit.metrics.sums import jeffreys_interval, quantile_groups

__all__ = [
    "accuracy_table",
    "assign_grade",
    "auc",
    "binomial_p_value",
    "bootstrap",
    "brier",
    "calibration_fit",
    "calibration_table",
    "cap_curve_table",
    "compare",
    "comparison_table",
    "discrimination",
    "discrimination_table",
    "expected_counts",
    "gains_table",
    "gini",
    "grade_table",
    "jeffreys_interval",
    "jeffreys_p_value",
    "ks",
    "lift_table",
    "log_loss",
    "logistic_line",
    "master_scale",
    "psi",
    "psi_critical",
    "psi_light",
    "quantile_groups",
    "roc_curve_table",
    "score_counts",
]
