"""Which rows of a panel follow one another by a month.

Takes the performance panel; gives where each unbroken run of a loan's months begins.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import loan_starts

__all__ = ["run_starts"]


def run_starts(performance: pd.DataFrame) -> NDArray[np.intp]:
    """Positions at which a loan, or a loan after a gap, begins.

    Between two of them each row is of the same loan and a month after the row before. A move is a
    pair of rows within a run: what happened in months that were not seen is none.

    Raises
    ------
    DataContractError
        As :func:`riskkit.checks.loan_starts`.
    """
    is_start = np.zeros(len(performance), dtype=bool)
    is_start[loan_starts(performance)] = True
    is_start[1:] |= np.diff(performance["mob"].to_numpy(np.int64)) != 1
    return np.flatnonzero(is_start)
