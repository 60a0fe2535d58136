"""Does the business run as it should, and do model and book still keep what they promised.

Tables in: those of the contract, scores and the model in use. One table of whole counts by month
(:func:`monthly_counts`) feeds every rate of the business, and the lights; counts by month and bin
(:func:`stability_counts`, :func:`value_counts`) say how far applicants have moved from the
development sample and which way it pushes the score, counts by month and score
(:func:`outcome_counts`) whether the score still ranks and its probability comes true. All of them
add up over parts of the portfolio. :func:`backtest` tests the grades, :func:`early_read` the first
signs of young cohorts.
"""

from riskkit.monitoring.common_factor import factor_correlation, rejection_table
from riskkit.monitoring.decline_months import decline_counts, decline_table
from riskkit.monitoring.early_read import early_findings, early_read, early_text
from riskkit.monitoring.grade_backtest import backtest, backtest_findings, backtest_text
from riskkit.monitoring.model_months import (
    calibration_months,
    gini_months,
    model_months_findings,
    model_months_text,
    month_trend,
    outcome_counts,
)
from riskkit.monitoring.month_rates import (
    MONTHLY_RATES,
    month_signals,
    monthly_findings,
    monthly_rates,
    monthly_text,
)
from riskkit.monitoring.monthly import monthly_counts
from riskkit.monitoring.moved_mix import stability_bins, stability_counts, stability_table
from riskkit.monitoring.new_values import value_changes, value_changes_text, value_counts
from riskkit.monitoring.stability_words import stability_findings, stability_text

__all__ = [
    "MONTHLY_RATES",
    "backtest",
    "backtest_findings",
    "backtest_text",
    "calibration_months",
    "decline_counts",
    "decline_table",
    "early_findings",
    "early_read",
    "early_text",
    "factor_correlation",
    "gini_months",
    "model_months_findings",
    "model_months_text",
    "month_signals",
    "month_trend",
    "monthly_counts",
    "monthly_findings",
    "monthly_rates",
    "monthly_text",
    "outcome_counts",
    "rejection_table",
    "stability_bins",
    "stability_counts",
    "stability_findings",
    "stability_table",
    "stability_text",
    "value_changes",
    "value_changes_text",
    "value_counts",
]
