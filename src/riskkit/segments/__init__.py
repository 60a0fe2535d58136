"""Which channel, scenario or grade of the loans goes bad, at equal age and term.

Table in: the book, and what was known of each loan at origination. :func:`segment_counts` reads the
book once into counts by part, cohort and month on book, which add up over parts of the portfolio
split by loan. Tables out: each part against all other loans of the same cohorts
(:func:`segment_table`), and its curve (:func:`segment_curves`).
"""

from riskkit.segments.part_counts import segment_counts, segment_values
from riskkit.segments.part_tables import (
    segment_curves,
    segment_findings,
    segment_table,
    segment_text,
)

__all__ = [
    "segment_counts",
    "segment_curves",
    "segment_findings",
    "segment_table",
    "segment_text",
    "segment_values",
]
