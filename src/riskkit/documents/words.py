"""Words and small cuts that several sections of a document share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

__all__ = [
    "MIN_LOANS",
    "Findings",
    "count",
    "groups",
    "interval",
    "large",
    "listed",
    "loans",
    "plain",
    "samples_in_words",
    "verdict",
]

# fewer loans of a segment say nothing of its bad rate
MIN_LOANS = 30

# what a run has found, by name; any may be missing
Findings = Mapping[str, pd.DataFrame]


def verdict(row: pd.Series) -> str:
    """Challenger minus scorecard in words."""
    if pd.isna(row["low"]):
        return "the challenger and the card cannot be compared: too few goods or bads"
    text = f"{row['difference']:+.3f} in AUC ({row['low']:+.3f} to {row['high']:+.3f})"
    if row["low"] <= 0 <= row["high"]:
        return f"the challenger cannot be told from the card, {text}"
    return f"the challenger ranks {'better' if row['difference'] > 0 else 'worse'}, {text}"


def interval(value: float, low: float, high: float) -> str:
    """A figure with its 95 % interval."""
    return f"{value:.3f} (95 % interval {low:.3f} to {high:.3f})"


def large(table: pd.DataFrame) -> pd.DataFrame:
    """Segments of enough loans to say something."""
    return table[table["loans"] >= MIN_LOANS]


def groups(index: Sequence[tuple[Any, Any]], most: int = 10) -> str:
    """Segments in words, the first ones where there are many."""
    told = listed(f"{plain(kind)} {plain(str(value)).strip()}" for kind, value in index[:most])
    return f"{told} and {len(index) - most} more" if len(index) > most else told


def loans(kind: Any) -> str:
    """The loans of a sample in words."""
    return {"train": "training", "out_of_time": "out-of-time"}.get(kind, str(kind)) + " loans"


def plain(name: Any) -> Any:
    """A name without underscores; anything else as it is."""
    return name.replace("_", " ") if isinstance(name, str) else name


def listed(words: Iterable[Any]) -> str:
    """Words in a row."""
    return ", ".join(map(str, words))


def count(n: int, noun: str) -> str:
    """A number with its noun."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def samples_in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its samples in words."""
    if table.index.nlevels == 1:
        return table.rename(index=plain)
    return table.rename(index=plain, level=0)
