"""How far a pass over blocks is: blocks done, rows a second and time left.

Takes blocks as they are done; leaves a line in the file that ``RISKKIT_PROGRESS`` names, for a
runner to show, and in JupyterLab a bar.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

__all__ = ["PROGRESS", "Progress", "progress_text"]

PROGRESS = "RISKKIT_PROGRESS"  # the file that is told, where a runner waits for it
_AFTER_SECONDS = 2.0  # nobody waits for less
_EVERY_SECONDS = 0.5


class Progress:
    """Within it, :meth:`add` counts the blocks that are done.

    Parameters
    ----------
    n_blocks : int or None
        None: nobody knows how many there will be.
    """

    def __init__(self, n_blocks: int | None) -> None:
        self._n_blocks = n_blocks
        self._file = os.environ.get(PROGRESS, "")
        self._done = self._rows = 0
        self._start = self._told = time.monotonic()
        self._has_told = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._has_told:
            self._tell("")

    def add(self, block: Any) -> None:
        """Note that a block is done: a frame, a range of rows, or what is no rows."""
        self._done += 1
        self._rows += len(block) if hasattr(block, "__len__") else 0
        now = time.monotonic()
        if (
            not self._file
            or now - self._start < _AFTER_SECONDS
            or now - self._told < _EVERY_SECONDS
        ):
            return
        self._told = now
        self._tell(progress_text(self._done, self._n_blocks, self._rows, now - self._start))

    def _tell(self, text: str) -> None:
        self._has_told = True
        try:
            Path(self._file).write_text(text, encoding="utf-8")
        except OSError:  # on a full disk the pass goes on
            self._file = ""


def progress_text(done: int, n_blocks: int | None, rows: int, seconds: float) -> str:
    """Blocks done, rows a second and time left.

    Examples
    --------
    >>> progress_text(12, 40, 6_000_000, 30.0)
    '12 of 40 blocks, 200,000 rows/s, 1:10 left'
    """
    if n_blocks is None:
        return f"{done} blocks, {rows / max(seconds, 1e-9):,.0f} rows/s"
    left = round(seconds / done * (n_blocks - done))
    told = f"{left // 60}:{left % 60:02d} left"
    return f"{done} of {n_blocks} blocks, {rows / max(seconds, 1e-9):,.0f} rows/s, {told}"
