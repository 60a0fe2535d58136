"""What a segment or a group is called, for who does not know its column.

Takes what it is one of, and which; gives words.
"""

from __future__ import annotations

from typing import Any

from riskkit.evidence.fairness import FOUR_FIFTHS

__all__ = ["below_text", "group_text", "months_text"]


def below_text(ratio: float) -> str:
    """A ratio below four fifths, in as many digits as it takes not to read as four fifths."""
    digits = 3
    while float(f"{ratio:.{digits}f}") >= FOUR_FIFTHS:
        digits += 1
    return f"{ratio:.{digits}f}"


def group_text(kind: Any, value: Any) -> str:
    """A group by what it is one of; what its name says twice is said once.

    Examples
    --------
    >>> group_text("City tier", "tier_3"), group_text("term", " 1"), group_text("Age", "below 26")
    ('City tier 3', 'term 1 month', 'Age below 26')
    """
    level = _level_text(kind, value)
    head = _spaced(kind).split()
    if len(head) > 1 and level.split()[:1] == head[-1:]:
        head = head[:-1]
    return " ".join([*head, level])


def _level_text(kind: Any, value: Any) -> str:
    """A level of a segment or group in words; 12 of a term is 12 months."""
    return months_text(value) if kind == "term" else _spaced(value).strip()


def months_text(value: Any) -> str:
    """A number of months in words, anything else as it is.

    Examples
    --------
    >>> months_text(" 1"), months_text("12"), months_text("2) 6 to 12"), months_text("all")
    ('1 month', '12 months', '2) 6 to 12 months', 'all')
    """
    text = str(value).strip()
    if not text[-1:].isdigit():
        return text
    return f"{text} month" if text == "1" else f"{text} months"


def _spaced(name: Any) -> str:
    return str(name).replace("_", " ")
