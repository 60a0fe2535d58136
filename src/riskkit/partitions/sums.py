"""Sums over the rows of a table, and the few rows that are wanted of each block.

Takes a function and a table, or blocks; gives counts of the whole, or rows one below another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import pandas as pd

from riskkit.partitions.in_order import in_order
from riskkit.tables import Table

__all__ = ["add_counts", "collected", "taken", "total"]

Counts = TypeVar("Counts")


def add_counts(a: Any, b: Any) -> Any:
    """Sum of two tables of counts on the union of their index, or ``a + b`` of anything else.

    Raises
    ------
    ValueError
        Two tables with different columns.

    Examples
    --------
    >>> a = pd.DataFrame({"bad": [1, 2]}, index=[600, 610])
    >>> b = pd.DataFrame({"bad": [5]}, index=[610])
    >>> add_counts(a, b)["bad"].to_dict()
    {600: 1, 610: 7}
    """
    if isinstance(a, pd.DataFrame):
        if set(a.columns) != set(b.columns):
            raise ValueError(
                "counts must have the same columns to add up, "
                f"got {list(a.columns)} and {list(b.columns)}"
            )
        # an empty table must not turn whole counts into floats either
        if a.empty or b.empty:
            return b[list(a.columns)] if a.empty else a
        # DataFrame.add(fill_value=0) would turn whole counts into floats
        both = pd.concat([a, b])
        return both.groupby(level=list(range(both.index.nlevels)), sort=True, dropna=False).sum()
    return a + b


def total(
    fn: Callable[[pd.DataFrame], Counts],
    source: pd.DataFrame | Table | Iterable[pd.DataFrame],
    executor: Executor | None = None,
    *,
    columns: Sequence[str] | None = None,
) -> Counts:
    """Sum of `fn` over all rows, counted frame by frame.

    Parameters
    ----------
    fn : callable
        From a frame to counts that add up: a table indexed by what is counted, or any object
        with ``+``. For processes it must be picklable: a function of a module, or a
        :func:`functools.partial` of one.
    source : DataFrame, Table or iterable of DataFrame
        A frame is counted at once. The pieces of a table are read where they are counted, so that
        no rows travel; frames of an iterable are read here, one after another.
    executor : concurrent.futures.Executor, optional
        Threads, processes or a Dask client's ``get_executor()``; that of :func:`using` where none
        is given, else serial. A few frames at a time are read ahead, never all.
    columns : sequence of str, optional
        Of a table, those to read, as far as it has them; by default all.

    Raises
    ------
    ValueError
        The iterable has no frame.
    """
    result: Any = None
    for part in in_order(*taken(fn, source, columns), executor):
        result = part if result is None else add_counts(result, part)
    if result is None:
        raise ValueError("total needs at least one block")
    return result


def collected(
    fn: Callable[[pd.DataFrame], pd.DataFrame],
    source: pd.DataFrame | Table | Iterable[pd.DataFrame],
    executor: Executor | None = None,
    *,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The rows that `fn` makes of each frame, one below another; parameters as of :func:`total`.

    For what is far smaller than the rows it is made of, such as the loans that are open on a day.

    Raises
    ------
    ValueError
        The iterable has no frame.
    """
    parts = list(in_order(*taken(fn, source, columns), executor))
    if not parts:
        raise ValueError("collected needs at least one block")
    filled = [part for part in parts if len(part)] or parts[:1]
    plain = filled[0].index.nlevels == 1 and filled[0].index.name is None
    return pd.concat(filled, ignore_index=True) if plain else pd.concat(filled)


def taken(
    fn: Callable[[pd.DataFrame], Counts],
    source: pd.DataFrame | Table | Iterable[pd.DataFrame],
    columns: Sequence[str] | None,
) -> tuple[Callable[[Any], Counts], Iterable[Any]]:
    """What is done with each block, and the blocks; those of a table are read by who does it."""
    if isinstance(source, pd.DataFrame):
        return fn, [source]
    if not isinstance(source, Table):
        return fn, source
    there = None
    if columns is not None:
        # rows without any column would not be rows any more
        there = [name for name in dict.fromkeys(columns) if name in source.columns]
        there = there or source.columns[:1]
    if not len(source):
        return fn, [source.frame(there)]
    pieces = source.pieces(there)
    # what all pieces have in common travels once
    return partial(_read_then, fn, pieces[0]), [piece.rows for piece in pieces]


def _read_then(fn: Callable[[pd.DataFrame], Counts], piece: Any, rows: range) -> Counts:
    return fn(replace(piece, rows=rows).read())
