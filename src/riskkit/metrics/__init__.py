"""Does a score separate goods from bads, is its probability right, has it moved.

Takes counts of goods and bads per distinct score (:func:`score_counts`), which add up over parts
of a portfolio (:func:`riskkit.partitions.add_counts`); gives exact metrics from them.

A higher score is safer and y = 1 is bad: the direction is a convention, never read off the data.
Everything is aligned by position, as in scikit-learn, unless a docstring says otherwise.
"""

from riskkit.metrics.calibration import (
    binomial_p_value,
    brier,
    calibration_fit,
    calibration_table,
    jeffreys_p_value,
)
from riskkit.metrics.checks import jeffreys_interval
from riskkit.metrics.comparison import compare, comparison_table, discrimination_table
from riskkit.metrics.counts import COUNT_COLUMNS, score_counts
from riskkit.metrics.discrimination import (
    BOOTSTRAP_POINTS,
    auc,
    discrimination,
    gains_table,
    gini,
    ks,
    roc_curve_table,
)
from riskkit.metrics.stability import drift_table, psi, psi_critical, psi_light

__all__ = [
    "BOOTSTRAP_POINTS",
    "COUNT_COLUMNS",
    "auc",
    "binomial_p_value",
    "brier",
    "calibration_fit",
    "calibration_table",
    "compare",
    "comparison_table",
    "discrimination",
    "discrimination_table",
    "drift_table",
    "gains_table",
    "gini",
    "jeffreys_interval",
    "jeffreys_p_value",
    "ks",
    "psi",
    "psi_critical",
    "psi_light",
    "roc_curve_table",
    "score_counts",
]
