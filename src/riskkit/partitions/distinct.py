"""Rows that differ, each once: what a count asks that needs no more of a row than its values.

Takes a table, or blocks; gives a small frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from functools import partial

import pandas as pd

from riskkit.partitions.sums import total
from riskkit.tables import Table

__all__ = ["distinct_rows"]


def distinct_rows(
    source: pd.DataFrame | Table | Iterable[pd.DataFrame],
    columns: Sequence[str],
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Rows that differ in these columns, each once, and in `rows` how many there are of it.

    What asks no more than the values, such as a metric of two scores and an outcome, needs no other
    rows: it takes these, weighted by their number. A missing value is a value.

    Parameters
    ----------
    source, executor
        As of :func:`total`.
    columns : sequence of str
        Of few values together: whole points, labels, not ids or days.

    Returns
    -------
    DataFrame of shape (n_distinct, len(columns) + 1)
        In the order of the values, missing ones last.

    Raises
    ------
    ValueError
        A column is called rows; the iterable has no frame.

    Examples
    --------
    >>> points = pd.DataFrame({"score": [600, 580, 600], "bad": [0, 1, 0]})
    >>> distinct_rows(points, ["score", "bad"]).values.tolist()
    [[580, 1, 1], [600, 0, 2]]
    """
    if "rows" in columns:
        raise ValueError("no column may be called rows: it is what is counted")
    count = partial(_alike, columns=list(columns))
    return total(count, source, executor, columns=columns).reset_index()


def _alike(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    sizes = frame.groupby(columns, sort=True, dropna=False, observed=True).size()
    return sizes.rename("rows").to_frame()
