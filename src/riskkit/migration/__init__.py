"""Where do late loans go: buckets, transition matrices, flow rates and roll rates.

Table in: the performance panel, a row per loan and month-end. Tables out: counts of moves between
buckets within a month (:func:`transition_counts`) or between the worst of some months and of the
next (:func:`roll_counts`), and balances by bucket and month (:func:`bucket_balances`,
:func:`loss_flow_counts`), which all add up over parts of the portfolio split by loan; from them the
transition matrix, by age (:func:`age_matrix`), its test over time (:func:`stability_table`) and
against what came (:func:`forecast_table`), the roll rates, the flow rates and their product as
gross loss (:func:`gross_loss_table`), and arrears over the book of today and of months ago
(:func:`delinquency_table`). Without balances in the panel, loans are counted all the same. Only
month-ends that follow one another on the calendar are a move: over a gap there is none.
"""

from riskkit.migration.ages import age_matrix, age_text
from riskkit.migration.balances import bucket_balances, flow_rates
from riskkit.migration.buckets import bucket, bucket_label, bucket_reading, reading_text
from riskkit.migration.codes import code_transition_counts
from riskkit.migration.homogeneity import stability_findings, stability_table, stability_text
from riskkit.migration.lagged import delinquency_findings, delinquency_table, delinquency_text
from riskkit.migration.loss_flows import (
    charge_off_bucket,
    gross_loss_table,
    gross_loss_text,
    loss_flow_counts,
    roll_to_loss,
)
from riskkit.migration.moves import square_matrix, transition_counts, transition_matrix
from riskkit.migration.next_month import (
    forecast_findings,
    forecast_summary,
    forecast_table,
    forecast_text,
)
from riskkit.migration.rolls import roll_counts, roll_rates, roll_text

__all__ = [
    "age_matrix",
    "age_text",
    "bucket",
    "bucket_balances",
    "bucket_label",
    "bucket_reading",
    "charge_off_bucket",
    "code_transition_counts",
    "delinquency_findings",
    "delinquency_table",
    "delinquency_text",
    "flow_rates",
    "forecast_findings",
    "forecast_summary",
    "forecast_table",
    "forecast_text",
    "gross_loss_table",
    "gross_loss_text",
    "loss_flow_counts",
    "reading_text",
    "roll_counts",
    "roll_rates",
    "roll_text",
    "roll_to_loss",
    "square_matrix",
    "stability_findings",
    "stability_table",
    "stability_text",
    "transition_counts",
    "transition_matrix",
]
