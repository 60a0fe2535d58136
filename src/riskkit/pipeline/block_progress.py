"""How far the stages at work are with the blocks of a large table, shown while they run.

Takes the file in which each stage says so; writes lines, or bars on a terminal, to stderr.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["BlockProgress", "Watched"]

_POLL_SECONDS = 0.5
_LINE_SECONDS = 20.0  # between two lines of a stage where there are no bars
_BELOW_CELLS = 4  # bars of stages stand above


class Watched(NamedTuple):
    """A stage at work: its label, the line of its bar, and the file it tells its progress."""

    label: str
    slot: int
    file: Path


class BlockProgress:
    """Within it, a thread shows what the stages say.

    Parameters
    ----------
    stages : callable
        Those at work, asked again and again.
    has_bars : bool
        Whether stderr is a terminal.
    """

    def __init__(self, stages: Callable[[], Iterable[Watched]], has_bars: bool) -> None:
        self._stages = stages
        self._has_bars = has_bars
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="riskkit-progress", daemon=True)
        self._bars: dict[int, Any] = {}
        self._told: dict[str, float] = {}

    def __enter__(self) -> BlockProgress:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()
        for bar in self._bars.values():
            bar.close()

    def _watch(self) -> None:
        while not self._over.wait(_POLL_SECONDS):
            for stage in self._stages():
                try:
                    text = stage.file.read_text(encoding="utf-8")
                except OSError:  # it has said nothing yet, or is over
                    continue
                self._show(stage, text)

    def _show(self, stage: Watched, text: str) -> None:
        if self._has_bars:
            if stage.slot not in self._bars:
                from tqdm import tqdm  # papermill's, whose bars it does not cut

                place = _BELOW_CELLS + stage.slot
                self._bars[stage.slot] = tqdm(bar_format="{desc}", position=place, leave=False)
            self._bars[stage.slot].set_description_str(f"{stage.label}: {text}" if text else "")
        elif text and time.monotonic() - self._told.get(stage.label, 0.0) > _LINE_SECONDS:
            self._told[stage.label] = time.monotonic()
            sys.stderr.write(f"{stage.label}: {text}\n")
