"""How the cells of a column are written, and what is said of one that is not."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EXPECTED",
    "FAR",
    "LARGEST_EXACT",
    "LOOKS_MISSING",
    "SHOWN_CHARACTERS",
    "CellRule",
    "Fault",
    "shown",
    "word_hint",
]

SHOWN_CHARACTERS = 40
LARGEST_EXACT = 2**53  # beyond it, two neighbouring whole numbers are one double
FAR = datetime.date(9999, 12, 30)  # the day after it is a date, too
LOOKS_MISSING = {"na", "n/a", "nan", "null", "none", "nil", "-", "--", "?", ".", "#n/a", "\\n"}
LOOKS_MISSING |= {"无", "空", "未知", "缺失", "missing", "unknown"}
EXPECTED = {
    "number": "a number",
    "integer": "a whole number",
    "date": "a date with the year first, such as 2023-07-05",
    "boolean": "true/false, yes/no or 1/0",
    "text": "text",
    "category": "text",
}


@dataclass(frozen=True, kw_only=True)
class CellRule:
    """How the cells of a column are written.

    Parameters
    ----------
    kind : {"text", "category", "number", "integer", "date", "boolean"}
    format : str
        Of dates: as ``datetime.strptime`` takes it, or ``excel`` for serial numbers; empty: the
        year comes first.
    decimal, thousands : str
        Signs within a number. An empty `thousands` allows none; an empty `decimal` is a point, but
        numbers that could all be read with the point between thousands (12.500) are faults.
    percent : bool
        Every cell carries a per cent sign; "12%" is 0.12.
    strip : sequence of str
        Signs before or behind a number, such as a currency's, that are no part of it.
    missing : sequence of str
        Words that mean missing, besides the blank cell.
    words : mapping of str to str
        What a cell's text means, where it is not the text itself.
    first, last : date
        Range of dates, both ends included.
    """

    kind: str
    format: str = ""
    decimal: str = ""
    thousands: str = ""
    percent: bool = False
    strip: Sequence[str] = ()
    missing: Sequence[str] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    first: datetime.date = datetime.date(1990, 1, 1)
    last: datetime.date = datetime.date(2100, 1, 1)

    @property
    def is_month(self) -> bool:
        """Whether the format names a month without a day."""
        return bool(self.format) and self.format != "excel" and "%d" not in self.format


@dataclass(frozen=True)
class Fault:
    """Cells that say something else: their positions, what was expected, which key reads them."""

    positions: NDArray[np.intp]
    expected: str
    hint: str = ""


def shown(value: Any) -> str:
    """A cell for a message, cut at 40 characters."""
    text = str(value)
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…")


def word_hint(text: str, rule: CellRule) -> str:
    """The key that would read a word, where it is one of those that often mean missing."""
    if text.lower() in LOOKS_MISSING:
        return f"missing: [{text!r}] reads it"
    return "words: says what it means" if rule.kind == "boolean" else ""
