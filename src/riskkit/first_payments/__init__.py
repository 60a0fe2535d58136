"""Who misses the first instalments, and how much of what falls due comes in.

Table in: the instalments, a row per loan and instalment; a month-end panel cannot tell 7 days.
Tables out: counts of loans by day (:func:`payment_default_counts`) and of what fell due by day
(:func:`collection_counts`), which add up over parts of the portfolio split by loan; from them
first, second, third and fourth payment default (:func:`payment_default_rates`), by part against the
others (:func:`part_table`), the newest weeks against those before (:func:`newest_table`,
:func:`collection_weeks`), and the shares that entered collection and came in
(:func:`collection_table`).
"""

from riskkit.first_payments.by_part import part_findings, part_table, part_text
from riskkit.first_payments.collected import (
    collection_counts,
    collection_table,
    collection_text,
    collection_weeks,
)
from riskkit.first_payments.dues import payment_reading, payment_text
from riskkit.first_payments.missed import payment_default_counts, payment_default_rates
from riskkit.first_payments.newest import newest_findings, newest_table, newest_text

__all__ = [
    "collection_counts",
    "collection_table",
    "collection_text",
    "collection_weeks",
    "newest_findings",
    "newest_table",
    "newest_text",
    "part_findings",
    "part_table",
    "part_text",
    "payment_default_counts",
    "payment_default_rates",
    "payment_reading",
    "payment_text",
]
