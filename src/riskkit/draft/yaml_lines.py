"""Lines of YAML with their reasons behind or above them, as somebody would write them by hand.

Takes keys, values and reasons; gives text that :func:`riskkit.schema` reads as it was meant.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["CHECK", "comment", "entry", "scalar"]

CHECK = "# check"
_WIDTH = 100
_SHORT = 30  # a reason that goes behind a line of any length
_PLAIN = re.compile(r"[A-Za-z0-9_\u4e00-\u9fff$/.][A-Za-z0-9_\u4e00-\u9fff $/.()+%-]*")
_ESCAPED = {'"': r"\"", "\\": r"\\"}
_RESERVED = {"", "~", "null", "true", "false"}


def scalar(value: Any) -> str:
    """A value as YAML, in quotes where it needs them.

    Examples
    --------
    >>> scalar("Fully Paid"), scalar("a: b"), scalar("%d.%m.%Y"), scalar(True)
    ('Fully Paid', '"a: b"', '"%d.%m.%Y"', 'true')
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED and text == text.strip()
    if plain and not text.startswith(("---", "...")):
        return text
    # YAML takes no control characters, nor its own ends of lines, even in quotes
    signs = (_ESCAPED.get(s) or (s if s.isprintable() else f"\\U{ord(s):08x}") for s in text)
    return f'"{"".join(signs)}"'


def flow(value: Any) -> str:
    """A value, block or list on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def comment(text: str, indent: int = 0) -> list[str]:
    """Lines of a comment, none too long."""
    first = " " * indent + "# "
    clean = "".join(sign if sign.isprintable() else "·" for sign in text)
    return textwrap.wrap(
        clean,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def entry(
    key: str,
    value: Any,
    *,
    indent: int = 0,
    reasons: Sequence[str] = (),
    doubts: Sequence[str] = (),
    others: Sequence[Any] = (),
) -> list[str]:
    r"""A key and its value on one line; reasons behind it, or above where they are long.

    Parameters
    ----------
    key : str
    value : scalar, list or mapping
    indent : int
        Blanks before it.
    reasons : sequence of str
    doubts : sequence of str
        Marked ``# check``.
    others : sequence
        Other values that may be meant, commented out below.

    Examples
    --------
    >>> print(*entry("amount", {"column": "amt"}, doubts=["the largest"], others=["x"]), sep="\n")
    amount: {column: amt}  # check: the largest
    # amount: x
    """
    before = " " * indent
    line = f"{before}{scalar(key)}: {flow(value)}"
    said = "; ".join([*doubts, *reasons])
    if not said:
        lines = [line]
    else:
        words = f"check: {said}" if doubts else said
        behind = f"{line}  # {words}"
        short = len(behind) <= _WIDTH or (len(words) <= _SHORT and not doubts)
        if short and words.isprintable():
            lines = [behind]
        else:
            lines = [*comment(words, indent), line]
    return [*lines, *(f"{before}# {scalar(key)}: {flow(other)}" for other in others)]
