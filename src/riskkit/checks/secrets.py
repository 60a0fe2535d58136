"""Whether a text may hold a password, so that it is not shown at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["may_hold_password", "password_places"]

_ADDRESS = re.compile(
    r"""://[^\n]*@                       # an address with a user, whatever its password holds
    | [^\s:@/]+:[^\s@]+@\S               # the same without a scheme
    | \b(?:password|passwd|pwd|token)["']?\s*[=:]\s*\S""",
    re.IGNORECASE | re.VERBOSE,
)


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
    return _ADDRESS.search(text) is not None


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
