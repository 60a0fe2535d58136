"""Risk sets: who could still have a first event in a month, and how each loan leaves.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives a row per cohort and month on book.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from riskkit.columns import calendar_months
from riskkit.tables import Table
from riskkit.vintage.cohort_grids import (
    as_counts,
    censored_column,
    check_vanished,
    cohort_grids,
    event_of,
    observed_counts,
    shifted,
    tall,
)
from riskkit.vintage.counts import Passed, mobs

__all__ = ["risk_sets"]

COLUMNS = ("entered", "at_risk", "events", "prepaid", "matured", "censored")


def risk_sets(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: Passed = 90,
    observed_to: pd.Timestamp | str | None = None,
    vanished: Literal["censored", "event"] = "censored",
) -> pd.DataFrame:
    """Loans at risk of a first event by cohort and month on book, and how they leave.

    At risk in month m are the loans seen before it (for month 0: all that are seen in it) that have
    neither had the event, nor ended, nor been lost from view by the month-end before. A loan first
    seen at month k > 0 enters after it: at risk from k + 1 on, never before (left truncation), and
    not at all if it was past `dpd` when first seen. A loan in a gap stays at risk: its event, if it
    shows later, is dated there.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        Counts from :func:`cohort_counts`, or a book (panel or outcomes) to count first.
    dpd : int, in days, or "loss"
        As in :func:`vintage_table`; outcomes ignore it.
    observed_to : date, optional
        Any day of the last month observed; default, all that was counted.
    vanished : {"censored", "event"}
        What a loan is whose rows stop, past due, before `observed_to`: censored in its last month,
        or an event in the month after.

    Returns
    -------
    DataFrame of shape (n_cells,), index ([by,] cohort, mob), int64 columns
        `entered` (late entrants, in the month they are first seen), `at_risk`, and of these
        `events`, `prepaid`, `matured` and `censored`: their rows end in this month, late entrants
        that are seen in one month only among them. Cells without anybody are left out.

    Raises
    ------
    ValueError
        A threshold that was not counted, an unknown `vanished`.

    Source
    ------
    Andersen, Borgan, Gill, Keiding (1993), Statistical Models Based on Counting Processes, III.3,
    for left truncation; a loan leaves the risk set after the month it leaves in.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a", "a", "a", "b", "b"], "cohort": pd.Timestamp("2024-01-01"),
    ...     "mob": [0, 1, 2, 1, 2], "dpd": [0, 0, 0, 0, 91],
    ...     "status": ["current", "current", "matured", "current", "delinquent"]})
    >>> risk_sets(panel)[["at_risk", "events", "matured"]].to_numpy().tolist()
    [[1, 0, 0], [1, 0, 0], [2, 1, 1]]
    """
    check_vanished(vanished)
    counts = as_counts(counts_or_outcomes, dpd)
    event = event_of(counts, dpd)
    counts, observed = observed_counts(counts, observed_to)
    if counts.empty:
        return pd.DataFrame(columns=list(COLUMNS), index=counts.index[:0], dtype="int64")
    grids_of = cohort_grids(counts, one_more=vanished == "event")
    cohort = calendar_months(grids_of.cohorts.get_level_values("cohort"))
    last = np.full(len(cohort), grids_of.width - 1) if observed is None else observed - cohort
    mob = np.arange(grids_of.width)[np.newaxis, :]
    seen = mob <= last[:, np.newaxis]
    # in outcomes nobody enters late, and nobody vanishes
    events, exits, prepaid, lost, gone = (
        grids_of.of(name) + grids_of.of(f"entrant_{name}")
        for name in (
            f"ever_{event}_loans",
            f"exit_{event}_loans",
            f"prepaid_{event}_loans",
            censored_column(event),
            f"vanished_{event}_loans",
        )
    )
    entered = grids_of.of(f"entrant_{event}_loans")
    if vanished == "event":
        # at the last month everybody's rows end
        gone = gone * (mob < last[:, np.newaxis])
        events, exits, lost = events + shifted(gone), exits - gone + shifted(gone), lost - gone
    start = grids_of.of("loans")[:, [0]]
    leaving, joining = exits.cumsum(axis=1), entered.cumsum(axis=1)
    grids = {
        "entered": entered,
        # a loan that leaves in month m is still at risk in it, one that enters in m not yet
        "at_risk": start - (leaving - exits) + (joining - entered),
        "events": events,
        "prepaid": prepaid,
        "matured": exits - events - prepaid - lost,
        "censored": lost,
    }
    seen_grids = {name: grid * seen for name, grid in grids.items()}
    table = tall(seen_grids, grids_of.cohorts, mobs(grids_of.width))
    return table[(table[["entered", "at_risk"]] > 0).any(axis=1)].astype("int64")
