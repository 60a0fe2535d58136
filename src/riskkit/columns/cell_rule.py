"""How the cells of a column are written, and what is said of one that is not."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EXPECTED",
    "LARGEST_EXACT",
    "LOOKS_MISSING",
    "LOOKS_MISSING_AS_TEXT",
    "SHOWN_CHARACTERS",
    "CellRule",
    "Fault",
    "Misread",
    "shown",
    "word_hint",
]

SHOWN_CHARACTERS = 40
LARGEST_EXACT = 2**53  # beyond it, two neighbouring whole numbers are one double
# nobody's level, but what a program writes where it has none
LOOKS_MISSING_AS_TEXT = {"na", "n/a", "nan", "nat", "null", "-", "--", "?", ".", "\\n", "<na>"}
LOOKS_MISSING_AS_TEXT |= {"#n/a", "#value!", "#ref!", "#div/0!", "#num!", "#name?", "#null!"}
LOOKS_MISSING = LOOKS_MISSING_AS_TEXT | {"none", "nil", "missing", "unknown"}
LOOKS_MISSING |= {"无", "空", "未知", "缺失"}
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
        Text is taken as it is; of a category, a cell such as N/A, or a number of which Excel has
        dropped digits, is a fault.
    format : str
        Of dates: as ``datetime.strptime`` takes it, or ``excel`` for serial numbers; empty: the
        year comes first.
    decimal, thousands : str
        Signs within a number. An empty `thousands` allows none; an empty `decimal` is a point, or
        the comma where the point stands between thousands, but numbers that could all be read with
        the point between thousands (12.500) are faults.
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


@dataclass(frozen=True)
class Fault:
    """Cells that say something else: their positions, what was expected, which key reads them."""

    positions: NDArray[np.intp]
    expected: str
    hint: str = ""


Misread: TypeAlias = tuple[NDArray[Any], str, Callable[[Sequence[str], CellRule], str]]
"""Which texts are misread, what was expected, and who knows a key that reads such texts."""


def shown(value: Any) -> str:
    """A cell for a message, cut at 40 characters."""
    text = str(value)
    return repr(text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…")


def word_hint(text: str, rule: CellRule) -> str:
    """The key that would read a word, where it is one of those that often mean missing."""
    if text.lower() in LOOKS_MISSING:
        return f"missing: [{text!r}] reads it"
    return "words: says what it means" if rule.kind == "boolean" else ""
