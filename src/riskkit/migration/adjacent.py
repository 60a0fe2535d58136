"""Which rows of a panel follow one another by a month.

Takes the performance panel; gives where each unbroken run of a loan's months begins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import DataContractError, require_columns
from riskkit.columns import calendar_months

__all__ = ["run_starts"]


def run_starts(performance: pd.DataFrame) -> NDArray[np.intp]:
    """Positions at which a loan, or a loan after a gap, begins.

    Between two of them each row is of the same loan and a calendar month after the row before. A
    move is a pair of rows within a run: what happened in months that were not seen is none.

    Raises
    ------
    DataContractError
        A missing column, rows of a loan that repeat a month or go back, rows of one loan that are
        not together.
    """
    require_columns(performance, ["loan_id", "month_end"], "performance")
    if performance.empty:
        return np.zeros(0, np.intp)
    # the labels are compared in their own type: as Python objects it would take seconds
    ids: Any = performance["loan_id"].array
    if isinstance(ids, pd.Categorical):
        ids = ids.codes
    new = np.ones(len(performance), dtype=bool)
    new[1:] = np.asarray(ids[1:] != ids[:-1], dtype=bool)
    step = np.ones(len(performance), np.int64)
    step[1:] = np.diff(calendar_months(performance["month_end"]))
    violations = []
    back = np.flatnonzero(~new & (step <= 0))
    if len(back):
        violations.append(
            f"month_end: {len(back):,} rows repeat a month of the loan or go back, for example "
            f"row {back[0] + 1:,}"
        )
    heads = pd.Series(ids[new])
    # ascending labels, the usual case, need no hash table
    if not heads.is_monotonic_increasing and not heads.is_unique:
        again = np.flatnonzero(new)[heads.duplicated()]
        violations.append(
            f"loan_id: rows of {len(again):,} loans are not together, for example row "
            f"{again[0] + 1:,}"
        )
    if violations:
        raise DataContractError("performance sorted by loan_id and mob", violations)
    return np.flatnonzero(new | (step > 1))
