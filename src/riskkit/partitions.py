"""Sums over blocks of rows, and copies of them on disk: the seam through which all of it scales.

Takes a function and a table, or blocks. :func:`total` gives the counts of the whole,
:func:`collected` the few rows that are wanted of each block, :func:`distinct_rows` those that
differ and how many there are of each; :func:`each` leaves tables on disk, a part for each block.
:func:`using` says who does the work.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from riskkit.tables import Table, part_path, write_table

__all__ = ["add_counts", "collected", "distinct_rows", "each", "total", "using"]

Block = TypeVar("Block")
Counts = TypeVar("Counts")
_READ_AHEAD = 4  # blocks
_at_work: list[Executor | None] = [None]  # the last one does what is given no executor


@contextmanager
def using(executor: Executor | None) -> Iterator[None]:
    """Within it, `executor` does whatever is given none of its own; None: nobody but the caller.

    Parameters
    ----------
    executor : concurrent.futures.Executor or None
        Threads, processes or a Dask client's ``get_executor()``.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> rows = [pd.DataFrame({"n": [1]}), pd.DataFrame({"n": [2]})]
    >>> with ThreadPoolExecutor(2) as pool, using(pool):
    ...     total(lambda block: int(block["n"].sum()), rows)
    3
    """
    _at_work.append(executor)
    try:
        yield
    finally:
        _at_work.pop()


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
    for part in _in_order(*_taken(fn, source, columns), executor):
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
    parts = list(_in_order(*_taken(fn, source, columns), executor))
    if not parts:
        raise ValueError("collected needs at least one block")
    filled = [part for part in parts if len(part)] or parts[:1]
    plain = filled[0].index.nlevels == 1 and filled[0].index.name is None
    return pd.concat(filled, ignore_index=plain) if len(filled) > 1 else filled[0]


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


def _taken(
    fn: Callable[[pd.DataFrame], Counts],
    source: pd.DataFrame | Table | Iterable[pd.DataFrame],
    columns: Sequence[str] | None,
) -> tuple[Callable[[Any], Counts], Iterable[Any]]:
    """What is done with each block, and the blocks; those of a table are read by who does it."""
    if isinstance(source, pd.DataFrame):
        return fn, [source]
    if not isinstance(source, Table):
        return fn, source
    there = None if columns is None else [name for name in columns if name in source.columns]
    if not len(source):
        return fn, [source.frame(there)]
    return partial(_read_then, fn), source.pieces(there)


def _read_then(fn: Callable[[pd.DataFrame], Counts], piece: Any) -> Counts:
    return fn(piece.read())


def each(
    fn: Callable[[Block], dict[str, pd.DataFrame]],
    blocks: Table | Iterable[Block],
    folder: str | Path,
    executor: Executor | None = None,
    *,
    columns: Sequence[str] | None = None,
) -> Iterator[dict[str, int]]:
    """Rows of each table by name, block after block, as their parts are written.

    The tables that `fn` makes of block k are written to ``folder/name/part-00000.parquet``, with
    k for the number; ``tables.Table(folder / name)`` reads them as one. The task that computes a
    part also writes it, under a temporary name first, so a repeated task is harmless and no rows
    come back to the caller.

    The call itself only checks and makes the folder. **Blocks are read and parts are written while
    the result is iterated**: wrap it in a progress bar, or exhaust it. To stop early leaves whole
    parts of the blocks so far.

    Parameters
    ----------
    fn : callable
        From a block to a dict of table name to DataFrame. For processes it must be picklable:
        a function of a module, or a :func:`functools.partial` of one.
    blocks : Table or iterable
        A table, frames, or whatever says which rows to make, such as numbers; picklable too.
    folder : str or Path
        Made where it is absent; must hold no parts yet.
    executor : concurrent.futures.Executor, optional
        As in :func:`total`. Processes and Dask workers must see the same `folder`.
    columns : sequence of str, optional
        Of a table, those to read, as far as it has them; by default all.

    Returns
    -------
    iterator of dict of str to int
        In the order of the blocks.

    Raises
    ------
    FileExistsError
        The folder holds parts of an earlier copy, which the new ones would mix with.
    ValueError
        There is no block.
    TypeError
        `fn` returned something other than a dict.

    Notes
    -----
    An error in a task reaches the caller once the tasks that wait are cancelled and those that run
    have ended. The parts that are finished stay, whole; nothing temporary does, even where a
    process was killed. (A Dask worker cannot be waited for: it may still finish a part.)

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> import tempfile
    >>> from riskkit.tables import Table
    >>> def squares(n):
    ...     return {"squares": pd.DataFrame({"n": range(n), "square": [i * i for i in range(n)]})}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(list(each(squares, [2, 3], folder)))
    ...     print(Table(f"{folder}/squares").frame()["square"].tolist())
    [{'squares': 2}, {'squares': 3}]
    [0, 1, 0, 1, 4]
    """
    folder = Path(folder)
    earlier = next(folder.glob("*/part-*.parquet"), None)
    if earlier is not None:
        raise FileExistsError(
            f"{earlier.parent} already holds parts, which would mix with the new ones; "
            "remove it or name another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    task: Any = fn
    if isinstance(blocks, Table):
        task, blocks = _taken(fn, blocks, columns)
    return _written(partial(_write_parts, task, folder), blocks, folder, executor)


def _written(
    task: Callable[[tuple[int, Block]], dict[str, int]],
    blocks: Iterable[Block],
    folder: Path,
    executor: Executor | None,
) -> Iterator[dict[str, int]]:
    rows = None
    try:
        with closing(_in_order(task, enumerate(blocks), executor)) as parts:
            for rows in parts:
                yield rows
    except BrokenExecutor:
        if executor is not None:
            executor.shutdown()  # else its other processes may still be writing
        raise
    finally:
        # a process that was killed could not remove its own
        for leftover in folder.glob("*/.part-*.parquet.*"):
            leftover.unlink(missing_ok=True)
    if rows is None:
        raise ValueError("each needs at least one block")


def _write_parts(
    fn: Callable[[Block], dict[str, pd.DataFrame]], folder: Path, numbered: tuple[int, Block]
) -> dict[str, int]:
    """Write the parts of one block; of the module, so that a process can be told to run it."""
    number, block = numbered
    tables = fn(block)
    if not isinstance(tables, dict):
        raise TypeError(
            f"fn must return a dict of table name to DataFrame, got {type(tables).__name__}"
        )
    for name, frame in tables.items():
        path = part_path(folder / name, number)
        path.parent.mkdir(exist_ok=True)
        write_table(frame, path)
    return {name: len(frame) for name, frame in tables.items()}


def _in_order(
    fn: Callable[[Block], Counts], blocks: Iterable[Block], executor: Executor | None
) -> Generator[Counts]:
    """Results in the order of the blocks; Executor.map would read every block first.

    On an error, or when the caller stops, what waits is cancelled and what runs is waited for.
    """
    executor = executor or _at_work[-1]
    if executor is None:
        yield from map(fn, blocks)
        return
    waiting: deque[Future[Counts]] = deque()
    try:
        for block in blocks:
            waiting.append(executor.submit(fn, block))
            if len(waiting) == _READ_AHEAD:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
    finally:
        wait([future for future in waiting if not future.cancel()])


def _first(waiting: deque[Future[Counts]]) -> Counts:
    """Result of the first in the queue; it leaves the queue only when it is done."""
    result = waiting[0].result()
    waiting.popleft()
    return result
