"""How a name or a value is written so that DuckDB and PostgreSQL read exactly this.

Takes a name or a value; gives its text in a query.
"""

from __future__ import annotations

import numpy as np

__all__ = ["DIALECTS", "UnwritableError", "number_literal", "quoted", "text_literal"]

DIALECTS = ("duckdb", "postgres")
# PostgreSQL cuts longer names off, without a word
_LONGEST_NAME_BYTES = 63


class UnwritableError(ValueError):
    """A name or a text that a database cannot hold, so that no query can have it."""


def quoted(name: str, dialect: str) -> str:
    """An identifier that means exactly this name, whatever is in it.

    Raises
    ------
    ValueError
        An unknown dialect.
    UnwritableError
        A name the database cannot hold.
    """
    if dialect not in DIALECTS:
        raise ValueError(f"dialect must be one of {DIALECTS}, got {dialect!r}")
    if not name or "\0" in name:
        raise UnwritableError(f"no database has a column or table called {name!r}")
    if dialect == "postgres" and len(name.encode()) > _LONGEST_NAME_BYTES:
        raise UnwritableError(
            f"PostgreSQL cuts names off after {_LONGEST_NAME_BYTES} bytes; {name!r} has "
            f"{len(name.encode())}"
        )
    return '"' + name.replace('"', '""') + '"'


def number_literal(value: float | np.number) -> str:
    """A literal that both databases read as exactly this number.

    Examples
    --------
    >>> number_literal(0.1), number_literal(7), number_literal(float("nan"))
    ('0.1e0', '7', "CAST('nan' AS FLOAT8)")
    """
    text = repr(value.item() if isinstance(value, np.number) else value)
    if not np.isfinite(value):
        return f"CAST('{text}' AS FLOAT8)"
    # without an exponent DuckDB reads a decimal, whose way to a float may be one unit off
    return text if "e" in text or "." not in text else f"{text}e0"


def text_literal(value: str) -> str:
    """A literal of a text.

    Raises
    ------
    UnwritableError
        A text with a NUL character, which no database has.
    """
    if "\0" in value:
        raise UnwritableError(f"no database has the text {value!r}")
    return "'" + value.replace("'", "''") + "'"
