"""Where do late loans go: buckets, transition matrices, flow rates and roll rates.

Table in: the performance panel, a row per loan and month-end. Tables out: counts of moves between
buckets within a month (:func:`transition_counts`) or between the worst of some months and of the
next (:func:`roll_counts`), and balances by bucket and month (:func:`bucket_balances`), which all
add up over parts of the portfolio split by loan; from them the transition matrix, the roll rates
and the flow rates. Without balances in the panel, loans are counted all the same.
"""

from riskkit.migration.balances import bucket_balances, flow_rates
from riskkit.migration.buckets import bucket, bucket_label, bucket_reading, reading_text
from riskkit.migration.moves import transition_counts, transition_matrix
from riskkit.migration.rolls import point_of_no_return, roll_counts, roll_rates, roll_text

__all__ = [
    "bucket",
    "bucket_balances",
    "bucket_label",
    "bucket_reading",
    "flow_rates",
    "point_of_no_return",
    "reading_text",
    "roll_counts",
    "roll_rates",
    "roll_text",
    "transition_counts",
    "transition_matrix",
]
