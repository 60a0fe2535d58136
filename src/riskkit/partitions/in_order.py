"""Results of blocks, in their order, by whoever does the work.

Takes a function and blocks; gives what it makes of each, a few being worked on at a time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sized
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from riskkit.partitions.progress import Progress
from riskkit.partitions.workers import at_work, done_by, given_up, n_at_once, result_of, shared

__all__ = ["in_order"]

Counts = TypeVar("Counts")
_READ_AHEAD = 4  # blocks


def in_order(
    fn: Callable[[Any], Counts], blocks: Iterable[Any], executor: Executor | None
) -> Generator[Counts]:
    """Results in the order of the blocks; Executor.map would read every block first.

    On an error, or when the caller stops, what waits is cancelled and what runs is waited for.
    """
    n_blocks = len(blocks) if isinstance(blocks, Sized) else None
    executor = executor or (at_work() if n_blocks != 1 else None)
    with Progress(fn, n_blocks) as progress:
        if executor is None:
            for block in blocks:
                start = time.monotonic()
                result = fn(block)
                progress.add(block, result, time.monotonic() - start)
                yield result
            return
        yield from _side_by_side(fn, blocks, executor, progress)


def _side_by_side(
    fn: Callable[[Any], Counts], blocks: Iterable[Any], executor: Executor, progress: Progress
) -> Generator[Counts]:
    waiting: deque[tuple[Any, Future[tuple[Counts, float]]]] = deque()

    def first() -> Counts:
        """Result of the first in the queue; it leaves the queue only when it is done."""
        block, future = waiting[0]
        result, seconds = result_of(future, executor)
        waiting.popleft()
        progress.add(block, result, seconds)
        return result

    try:
        task = shared(fn, executor)
        ahead = max(_READ_AHEAD, 2 * n_at_once(executor))
        for block in blocks:
            waiting.append((block, done_by(executor, task, block)))
            if len(waiting) == ahead:
                yield first()
        while waiting:
            yield first()
    finally:
        given_up([future for _, future in waiting], executor)
