"""Sums over blocks of rows: the seam through which every count scales.

Takes a function from a frame to a table of counts, and blocks; gives the counts of the whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

import pandas as pd

__all__ = ["add_counts", "total"]

Counts = TypeVar("Counts")
_READ_AHEAD = 4  # blocks


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
    blocks: Iterable[pd.DataFrame],
    executor: Executor | None = None,
) -> Counts:
    """Sum of `fn` over all blocks.

    Parameters
    ----------
    fn : callable
        From a block to counts that add up: a table indexed by what is counted, or any object
        with ``+``.
    blocks : iterable of DataFrame
    executor : concurrent.futures.Executor, optional
        Threads, processes or a Dask client's ``get_executor()``; serial where none is given. A
        few blocks at a time are read ahead, never all.

    Raises
    ------
    ValueError
        There is no block.
    """
    result: Any = None
    for part in map(fn, blocks) if executor is None else _in_order(fn, blocks, executor):
        result = part if result is None else add_counts(result, part)
    if result is None:
        raise ValueError("total needs at least one block")
    return result


def _in_order(
    fn: Callable[[pd.DataFrame], Counts], blocks: Iterable[pd.DataFrame], executor: Executor
) -> Iterator[Counts]:
    """Results in the order of the blocks; Executor.map would read every block first."""
    waiting: deque[Future[Counts]] = deque()
    for block in blocks:
        waiting.append(executor.submit(fn, block))
        if len(waiting) == _READ_AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
