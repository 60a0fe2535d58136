"""Whether a text may hold a password, so that it is not shown at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["may_hold_password", "password_places"]

_STATED = re.compile(r"""\b(?:password|passwd|pwd|token)["']?\s*[=:]\s*\S""", re.IGNORECASE)
_USER = re.compile(r"[^:/]:.")  # a name, a colon and what may be a password


def may_hold_password(text: str) -> bool:
    """Whether a text looks like an address with credentials, or states a password.

    Hiding parts of a text fails for passwords nobody thought of; leaving it out does not.

    Examples
    --------
    >>> may_hold_password("no file at postgresql://anna:s3cret@db/risk")
    True
    >>> may_hold_password("anna:s3cret@db"), may_hold_password("host=db password=s3cret")
    (True, True)
    >>> may_hold_password("application_id: 'a@b.c' repeats an earlier row's")
    False
    """
    return bool(_STATED.search(text)) or any(map(_is_address, text.split("\n")))


def _is_address(line: str) -> bool:
    """Whether a line has an address with a user, or the like without a scheme.

    By parts, since a pattern for all of it takes the square of the time of a long text.
    """
    _, scheme, rest = line.partition("://")
    if scheme and "@" in rest:
        return True
    for word in line.split():
        parts = word.split("@")
        for at, part in enumerate(parts[:-1]):
            is_last = at == len(parts) - 2 and not parts[-1]
            if not is_last and _USER.search(part):
                return True
    return False


def password_places(values: object, where: str = "") -> Iterator[str]:
    """Keys within nested values at which a text may hold a password; the text is not repeated.

    Each text is judged by itself: an address in one and a mail in the next are no credentials.

    Examples
    --------
    >>> list(password_places({"notes": ["see https://a.org", "anna:s3cret@db"], "by": "a@b.org"}))
    ['notes[2]']
    """
    if isinstance(values, str):
        if may_hold_password(values):
            yield where or "a text"
    elif isinstance(values, Mapping):
        for key, value in values.items():
            if may_hold_password(str(key)):
                yield f"a key of {where}" if where else "a key"
            else:
                shown = str(key)[:40]
                yield from password_places(value, f"{where}.{shown}" if where else shown)
    elif isinstance(values, Sequence):
        for number, value in enumerate(values, 1):
            yield from password_places(value, f"{where}[{number}]")
