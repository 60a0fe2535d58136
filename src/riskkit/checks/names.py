"""Names that mean something: whether they are there, and which was meant where they are not.

Takes names and those that are known; gives a ValueError with the nearest.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = [
    "LONGEST_NAME",
    "is_plain_name",
    "nearest_name",
    "refuse_unknown",
    "require_signed",
    "told_as",
]

LONGEST_NAME = 200
_LONGEST_SIGNED = {"by": 100, "reason": 1_000}  # letters
_SHOWN = 12
_BREAKS = str.maketrans("\r\n\t", "   ")


def is_plain_name(text: str) -> bool:
    r"""Whether a name can stand in messages, paths and pages; a header may go over several lines.

    Examples
    --------
    >>> is_plain_name("monthly\nincome"), is_plain_name("\x1b[31mred"), is_plain_name(" ")
    (True, False, False)
    """
    plain = text.translate(_BREAKS)
    return bool(plain.strip()) and plain.isprintable() and len(plain) <= LONGEST_NAME


def require_signed(by: str, reason: str) -> None:
    """Refuse a decision without a name or a reason.

    Raises
    ------
    ValueError
        Says which is empty, too long, or holds letters that nobody sees.

    Examples
    --------
    >>> require_signed("Li Wei", " ")
    Traceback (most recent call last):
        ...
    ValueError: reason must say why, and is empty
    """
    for name, text in (("by", by), ("reason", reason)):
        if not text.strip():
            asked = "who decides" if name == "by" else "why"
            raise ValueError(f"{name} must say {asked}, and is empty")
        if len(text) > _LONGEST_SIGNED[name]:
            raise ValueError(
                f"{name} has at most {_LONGEST_SIGNED[name]:,} letters, got {len(text):,}"
            )
        if not text.translate(_BREAKS).isprintable():
            raise ValueError(f"{name} holds letters that nobody sees, got {text[:60]!r}")


def nearest_name(name: object, known: Iterable[object]) -> str:
    """End of a sentence on a name that is unknown: the one probably meant, else those there are.

    Examples
    --------
    >>> nearest_name("incom", ["income", "job"]), nearest_name("z", ["income", "job"])
    ("; did you mean 'income'?", '; there are income, job')
    """
    texts = [str(other) for other in known]
    near = difflib.get_close_matches(str(name), texts, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"; there are {', '.join(texts[:_SHOWN])}{more}"


@contextmanager
def told_as(setting: str, name: str) -> Iterator[None]:
    """A refused setting by the name under which it was given.

    Examples
    --------
    >>> with told_as("max_p_value", "neighbour_p_value"):
    ...     raise ValueError("max_p_value must lie in (0, 1], got 2")
    Traceback (most recent call last):
        ...
    ValueError: neighbour_p_value must lie in (0, 1], got 2
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(str(error).replace(setting, name, 1)) from None


def refuse_unknown(what: str, named: Iterable[object], known: Iterable[object]) -> None:
    """Refuse a setting that names a feature there is not, so that no typo goes unheard.

    Raises
    ------
    ValueError
        Every such name, with the nearest of those known.

    Examples
    --------
    >>> refuse_unknown("trend", {"incom": "ascending"}, ["income", "job"])
    Traceback (most recent call last):
        ...
    ValueError: trend names no feature 'incom'; did you mean 'income'?
    """
    known = list(known)
    there = set(known)
    unknown = [name for name in named if name not in there]
    if unknown:
        raise ValueError(
            "; ".join(f"{what} names no feature {n!r}{nearest_name(n, known)}" for n in unknown)
        )
