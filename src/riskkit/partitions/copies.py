"""Copies of tables on disk, a part for each block.

Takes a function and a table, or blocks; leaves tables in parts, whatever their size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from concurrent.futures import BrokenExecutor, Executor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from riskkit.partitions.in_order import in_order
from riskkit.partitions.sums import taken
from riskkit.partitions.workers import at_work
from riskkit.tables import Table, part_path, write_table

__all__ = ["each"]

Block = TypeVar("Block")


@dataclass(frozen=True)
class _Numbered:
    """A block and the number of its parts; as long as the block."""

    number: int
    block: Any

    def __len__(self) -> int:
        return len(self.block) if isinstance(self.block, Sized) else 0


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
        task, blocks = taken(fn, blocks, columns)
    return _written(partial(_write_parts, task, folder), blocks, folder, executor)


def _written(
    task: Callable[[_Numbered], dict[str, int]],
    blocks: Iterable[Block],
    folder: Path,
    executor: Executor | None,
) -> Iterator[dict[str, int]]:
    rows = None
    numbered: Iterable[_Numbered] = itertools.starmap(_Numbered, enumerate(blocks))
    if isinstance(blocks, Sized):  # so that whoever waits is told how many there are
        numbered = list(numbered)
    try:
        with closing(in_order(task, numbered, executor)) as parts:
            for rows in parts:
                yield rows
    except BrokenExecutor:
        broken = executor or at_work()
        if broken is not None:
            broken.shutdown()  # else its other processes may still be writing
        raise
    finally:
        # a process that was killed could not remove its own
        for leftover in folder.glob("*/.part-*.parquet.*"):
            leftover.unlink(missing_ok=True)
    if rows is None:
        raise ValueError("each needs at least one block")


def _write_parts(
    fn: Callable[[Any], dict[str, pd.DataFrame]], folder: Path, numbered: _Numbered
) -> dict[str, int]:
    """Write the parts of one block; of the module, so that a process can be told to run it."""
    tables = fn(numbered.block)
    if not isinstance(tables, dict):
        raise TypeError(
            f"fn must return a dict of table name to DataFrame, got {type(tables).__name__}"
        )
    for name, frame in tables.items():
        path = part_path(folder / name, numbered.number)
        path.parent.mkdir(exist_ok=True)
        write_table(frame, path)
    return {name: len(frame) for name, frame in tables.items()}
