"""Whether a source's tables have room in memory, told before they are read.

Takes numbers of rows and columns; gives nothing, or the error that says what there is room for.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from riskkit.checks import DataContractError

__all__ = ["free_bytes", "refuse_too_large"]

_VALUE_BYTES = 8
# while a table is read, its cells stand beside the values made of them
_TIMES = 2
_MEMORY = Path("/proc/meminfo")


def free_bytes() -> int | None:
    """Memory that may still be taken; None where the system does not say."""
    try:
        told = re.search(r"^MemAvailable:\s+(\d+) kB", _MEMORY.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if told is None else int(told[1]) * 1024


def refuse_too_large(what: str, n_rows: int, columns: Collection[str]) -> None:
    """Refuse a table that there is no room for: rows × columns × 8 bytes, twice.

    Parameters
    ----------
    what : str
        The table.
    n_rows : int
    columns : collection of str
        Those that are read.

    Raises
    ------
    DataContractError
        It needs more than is free. Where the system does not say what is, nothing is refused.

    Source
    ------
    riskkit definition: a text takes more, so this is the least that is needed.
    """
    free, needed = free_bytes(), _TIMES * _VALUE_BYTES * n_rows * len(columns)
    if free is None or needed <= free:
        return
    raise DataContractError(
        what,
        [
            f"{n_rows:,} rows of {len(columns):,} columns need {needed / 2**30:.1f} GiB of memory "
            f"or more, and {free / 2**30:.1f} GiB are free: map fewer columns or rows, or give a "
            "machine with more"
        ],
    )
