"""Sums over blocks of rows, and copies of them on disk: the seam through which all of it scales.

Takes a function and a table, or blocks. :func:`total` gives the counts of the whole,
:func:`collected` the few rows that are wanted of each block, :func:`distinct_rows` those that
differ and how many there are of each; :func:`each` leaves tables on disk, a part for each block.
:func:`using` says who does the work.
"""

from riskkit.partitions.copies import each
from riskkit.partitions.distinct import distinct_rows
from riskkit.partitions.progress import PROGRESS, STAGE
from riskkit.partitions.sums import add_counts, collected, total
from riskkit.partitions.workers import (
    SCHEDULER,
    WorkersLost,
    check_scheduler,
    local_cluster,
    using,
)

__all__ = [
    "PROGRESS",
    "SCHEDULER",
    "STAGE",
    "WorkersLost",
    "add_counts",
    "check_scheduler",
    "collected",
    "distinct_rows",
    "each",
    "local_cluster",
    "total",
    "using",
]
