"""Where immature cohorts will end, with what certainty, and why that has moved since last month.

Table in: the counts of :func:`riskkit.vintage.cohort_counts`, of loans of one term. They are fitted
once (:func:`fit_hazards`: seasoning, cohort and calendar, as draws of what is unsure). Tables out:
a row per cohort with the interval of its end (:func:`projection_table`, by the hazard model or the
chain ladder), its curve seen and to come (:func:`projected_curves`), the same held against what
came (:func:`backtest`), and against last month's (:func:`projection_change`). The chain ladder
itself takes any cumulative triangle (:func:`mack_table`).
"""

from riskkit.projection.ageing import event_triangle
from riskkit.projection.chain_ladder import development_factors, mack_table
from riskkit.projection.ends import projected_curves, projection_table
from riskkit.projection.hindsight import backtest, backtest_coverage, projection_change
from riskkit.projection.projection_words import (
    backtest_text,
    change_text,
    projection_figures,
    projection_findings,
    projection_text,
)
from riskkit.projection.seasoning import HazardModel, fit_hazards

__all__ = [
    "HazardModel",
    "backtest",
    "backtest_coverage",
    "backtest_text",
    "change_text",
    "development_factors",
    "event_triangle",
    "fit_hazards",
    "mack_table",
    "projected_curves",
    "projection_change",
    "projection_figures",
    "projection_findings",
    "projection_table",
    "projection_text",
]
