"""Moves between raw codes: statuses that stand side by side and are no ladder of arrears.

Takes a table with a row per client and a column per month; gives counts like those of loans.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from riskkit.checks import missing_columns

__all__ = ["code_transition_counts"]


def code_transition_counts(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Clients that went from one raw code to another from each month's column to the next.

    Nothing is read into the codes: a source whose statuses are no days past due, such as one that
    writes "minimum paid" as 0 and "nothing owed" as −2, claims no roll from M1 to M2. Counts of two
    parts of the clients add up to the counts of the whole.

    Parameters
    ----------
    frame : DataFrame, one row per client
    columns : sequence of str
        Of the codes, the earliest month first, one a month without a gap; at least two.

    Returns
    -------
    DataFrame, index (month_to, from_code, to_code)
        `loans`: int64, clients that went from one code to the other in the month named by the
        column moved *to*. Only pairs that occur. A missing code is no move, neither from nor to it.
        :func:`transition_matrix` makes shares of them, with `each="month_to"` for each month.

    Raises
    ------
    ValueError
        A column that is not there or given twice, or fewer than two.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> clients = pd.DataFrame({"aug": [0, 0, -1], "sep": [0, 2, 0]})
    >>> code_transition_counts(clients, ["aug", "sep"])["loans"].to_dict()
    {('sep', -1, 0): 1, ('sep', 0, 0): 1, ('sep', 0, 2): 1}
    """
    names = list(columns)
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"columns must be at least two different ones, got {names!r}")
    if missing := missing_columns(frame.columns, names):
        raise ValueError(missing)
    codes, values = pd.factorize(pd.concat([frame[name] for name in names]), sort=True)
    if values.dtype.kind == "f" and (values == np.floor(values)).all():
        values = values.astype(np.int64)  # codes that became floats beside a missing one
    by_month = codes.reshape(len(names), len(frame))
    n_codes = max(len(values), 1)
    cells = np.zeros((len(names) - 1, n_codes, n_codes), np.int64)
    for step, (before, after) in enumerate(pairwise(by_month)):
        known = (before >= 0) & (after >= 0)
        np.add.at(cells[step], (before[known], after[known]), 1)
    steps, source, target = np.nonzero(cells)
    index = pd.MultiIndex(
        # months stand in the order of the columns, not in that of their letters
        levels=[pd.CategoricalIndex(names[1:], names[1:], ordered=True), values, values],
        codes=[steps, source, target],
        names=["month_to", "from_code", "to_code"],
    )
    return pd.DataFrame({"loans": cells[steps, source, target]}, index=index)
