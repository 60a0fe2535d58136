"""Text of others in a page of ours: shown as it is, whatever Markdown or HTML it looks like."""

from __future__ import annotations

import re

__all__ = ["verbatim", "visible"]

# CommonMark takes each of these behind a backslash for itself
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
# marks that turn the writing around, past the end of the text they stand in, control letters, and
# what no file of text or XML can hold: halves of a letter and numbers that are none
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufffe\uffff]"
)


def verbatim(text: object) -> str:
    r"""Markdown that shows a text as it is, on one line.

    The one way for names, labels, titles, notes and values that a mapping or data bring into what a
    notebook says. Tables, pictures and pages of jinja escape by themselves.

    Parameters
    ----------
    text : object
        Shown by `str`.

    Source
    ------
    CommonMark 0.31, section 2.4, backslash escapes.

    Examples
    --------
    >>> print(verbatim("<b>5*5</b>\n$x$"))
    \<b\>5\*5\<\/b\> \$x\$
    """
    return _PUNCTUATION.sub(r"\\\g<0>", visible(" ".join(str(text).split())))


def visible(text: str) -> str:
    """The text with letters that nobody sees, yet turn what others say, by their number.

    Examples
    --------
    >>> visible("good \u202edab")
    'good ‹U+202E›dab'
    """
    return _HIDDEN.sub(lambda found: f"‹U+{ord(found[0]):04X}›", text)
