"""Whether a text may hold a password, so that it is not shown at all."""

from __future__ import annotations

import re

__all__ = ["may_hold_password"]

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
