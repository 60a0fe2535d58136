"""How far a pass over blocks is: blocks done, rows a second and time left; and what it took.

Takes blocks as they are done; leaves a line in the file that ``RISKKIT_PROGRESS`` names, for a
runner to show, and at the end of a pass one in the file that ``RISKKIT_PASSES`` names, for whoever
wants to know where the time of a large run goes.
"""

from __future__ import annotations

import json
import os
import pickle
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

__all__ = ["PASSES", "PROGRESS", "STAGE", "Progress", "progress_text"]

PROGRESS = "RISKKIT_PROGRESS"  # the file that is told, where a runner waits for it
PASSES = "RISKKIT_PASSES"  # the file that is told what each pass took; sizes cost a pickling
STAGE = "RISKKIT_STAGE"  # whose pass it is
_AFTER_SECONDS = 2.0  # nobody waits for less
_EVERY_SECONDS = 0.5


class Progress:
    """Within it, :meth:`add` counts the blocks that are done.

    Parameters
    ----------
    fn : callable
        What is done with each block.
    n_blocks : int or None
        None: nobody knows how many there will be, and nothing is shown.
    """

    def __init__(self, fn: Callable[[Any], Any], n_blocks: int | None) -> None:
        self._fn = fn
        self._n_blocks = n_blocks
        self._file = os.environ.get(PROGRESS, "")
        self._passes = os.environ.get(PASSES, "")
        self._done = self._rows = self._bytes = 0
        self._task_seconds = 0.0
        self._start = self._told = time.monotonic()
        self._has_told = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._has_told:
            self._tell("")
        if self._passes and self._done > 1:
            self._tell_pass()

    def add(self, block: Any, result: Any, seconds: float) -> None:
        """Note that a block is done, in how many seconds: a frame, a range of rows, or no rows."""
        self._done += 1
        self._task_seconds += seconds
        self._rows += len(block) if hasattr(block, "__len__") else 0
        if self._passes:
            self._bytes += len(pickle.dumps(result))
        now = time.monotonic()
        is_soon = now - self._start < _AFTER_SECONDS or now - self._told < _EVERY_SECONDS
        if not self._file or self._n_blocks is None or is_soon:
            return
        self._told = now
        self._tell(progress_text(self._done, self._n_blocks, self._rows, now - self._start))

    def _tell(self, text: str) -> None:
        self._has_told = True
        try:
            Path(self._file).write_text(text, encoding="utf-8")
        except OSError:  # on a full disk the pass goes on
            self._file = ""

    def _tell_pass(self) -> None:
        fn, sent = self._fn, 0
        # what cannot be pickled, as a function within another, is sent nowhere
        with suppress(pickle.PicklingError, AttributeError, TypeError):
            sent = len(pickle.dumps(fn))
        while isinstance(fn, partial):
            fn = fn.args[0] if fn.args and callable(fn.args[0]) else fn.func
        told = {
            "what": f"{fn.__module__}.{fn.__qualname__}",
            "stage": os.environ.get(STAGE, ""),
            "blocks": self._done,
            "rows": self._rows,
            "seconds": round(time.monotonic() - self._start, 3),
            "task_seconds": round(self._task_seconds, 3),
            "sent_bytes": sent,
            "result_bytes": self._bytes,
        }
        with suppress(OSError), Path(self._passes).open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(told)}\n")


def progress_text(done: int, n_blocks: int, rows: int, seconds: float) -> str:
    """Blocks done, rows a second and time left.

    Examples
    --------
    >>> progress_text(12, 40, 6_000_000, 30.0)
    '12 of 40 blocks, 200,000 rows/s, 1:10 left'
    """
    left = round(seconds / done * (n_blocks - done))
    told = f"{left // 60}:{left % 60:02d} left"
    return f"{done} of {n_blocks} blocks, {rows / max(seconds, 1e-9):,.0f} rows/s, {told}"
