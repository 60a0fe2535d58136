"""Does a score separate goods from bads, is its probability right, has it moved.

Takes counts of goods and bads per distinct score (:func:`score_counts`), which add up over parts
of a portfolio (:func:`riskkit.partitions.add_counts`); gives exact metrics from them.

A higher score is safer and y = 1 is bad: the direction is a convention, never read off the data.
Everything is aligned by position, as in scikit-learn, unless a docstring says otherwise.
"""

from riskkit.metrics.accuracy import brier, brier_decomposition, log_loss
from riskkit.metrics.calibration import (
    accuracy_table,
    calibration_fit,
    calibration_table,
    hosmer_lemeshow,
    logistic_line,
)
from riskkit.metrics.checks import jeffreys_interval
from riskkit.metrics.comparison import compare, comparison_table, discrimination_table
from riskkit.metrics.counts import COUNT_COLUMNS, expected_counts, score_counts
from riskkit.metrics.curves import (
    LIFT_SHARES,
    cap_curve_table,
    gains_table,
    lift_table,
    roc_curve_table,
)
from riskkit.metrics.discrimination import BOOTSTRAP_POINTS, auc, discrimination, gini, ks
from riskkit.metrics.grades import (
    assign_grade,
    binomial_p_value,
    grade_table,
    jeffreys_p_value,
    master_scale,
    p_value_light,
)
from riskkit.metrics.resampling import bootstrap
from riskkit.metrics.stability import psi, psi_critical, psi_light

__all__ = [
    "BOOTSTRAP_POINTS",
    "COUNT_COLUMNS",
    "LIFT_SHARES",
    "accuracy_table",
    "assign_grade",
    "auc",
    "binomial_p_value",
    "bootstrap",
    "brier",
    "brier_decomposition",
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
    "hosmer_lemeshow",
    "jeffreys_interval",
    "jeffreys_p_value",
    "ks",
    "lift_table",
    "log_loss",
    "logistic_line",
    "master_scale",
    "p_value_light",
    "psi",
    "psi_critical",
    "psi_light",
    "roc_curve_table",
    "score_counts",
]
