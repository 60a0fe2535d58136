"""Bins as SQL: the same answer as Python on every row, in DuckDB and in PostgreSQL.

Takes the bins of features and one entry a bin, such as its WoE; gives one SELECT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from riskkit.binning.bins import FeatureBins

__all__ = ["DIALECTS", "lookup_select", "quoted"]

DIALECTS = ("duckdb", "postgres")
# PostgreSQL cuts longer names off, without a word
_LONGEST_NAME_BYTES = 63


def quoted(name: str, dialect: str) -> str:
    """An identifier that means exactly this name, whatever is in it.

    Raises
    ------
    ValueError
        An unknown dialect, or a name the database cannot hold.
    """
    if dialect not in DIALECTS:
        raise ValueError(f"dialect must be one of {DIALECTS}, got {dialect!r}")
    if not name or "\0" in name:
        raise ValueError(f"no database has a column or table called {name!r}")
    if dialect == "postgres" and len(name.encode()) > _LONGEST_NAME_BYTES:
        raise ValueError(
            f"PostgreSQL cuts names off after {_LONGEST_NAME_BYTES} bytes; {name!r} has "
            f"{len(name.encode())}"
        )
    return '"' + name.replace('"', '""') + '"'


def lookup_select(
    features: Mapping[str, FeatureBins],
    of_bins: Mapping[str, np.ndarray],
    table: str | Sequence[str],
    *,
    dialect: str,
    keys: Sequence[str] = (),
    sum_as: str | None = None,
    base: int = 0,
) -> str:
    """SELECT of each feature's entry by bin, in a column of the feature's name, or of their sum.

    NaN is treated as NULL, since databases order it above every number.

    Parameters
    ----------
    features : mapping of str to FeatureBins
    of_bins : mapping of str to array of shape (n_bins + 1,)
        As for :meth:`FeatureBins.look_up`.
    table : str or sequence of str
        Name of the table; its parts where it stands in a schema, such as ("risk", "applications").
    keys : sequence of str
        Columns to pass on, before the features.
    sum_as : str, optional
        Name of the one column of the sum of all entries and `base`, instead of one a feature.

    Raises
    ------
    ValueError
        An unknown dialect, a name the database cannot hold or that two columns would have, a level
        with a NUL character.
    """
    parts = [table] if isinstance(table, str) else list(table)
    source = ".".join(quoted(part, dialect) for part in parts)
    made = features if sum_as is None else [sum_as]
    clash = {*features, *made}
    twice = sorted({key for key in keys if key in clash or list(keys).count(key) > 1})
    if twice:
        raise ValueError(f"a column is passed on once, and not as a feature too: {twice}")
    passed = [quoted(key, dialect) for key in keys]
    inner, outer, entries = list(passed), list(passed), [str(base)]
    for name, bins in features.items():
        column = quoted(str(name), dialect)
        inner.append(f"{_typed(column, bins)} AS {column}")
        entries.append(_case(column, bins, of_bins[name]))
        if sum_as is None:
            outer.append(f"{entries[-1]} AS {column}")
    if sum_as is not None:
        outer.append(f"{' + '.join(entries)} AS {quoted(sum_as, dialect)}")
    select, typed = ",\n  ".join(outer), ",\n    ".join(inner)
    return f"SELECT\n  {select}\nFROM (\n  SELECT\n    {typed}\n  FROM {source}\n) AS typed"


def _typed(column: str, bins: FeatureBins) -> str:
    """The column as what fit saw."""
    if bins.groups is not None:
        return f"CAST({column} AS TEXT)"
    # PostgreSQL turns a boolean into an integer, but into no float
    return f"CAST({f'CAST({column} AS INTEGER)' if bins.is_boolean else column} AS FLOAT8)"


def _case(column: str, bins: FeatureBins, of_bins: np.ndarray) -> str:
    entry = [_number(value) for value in of_bins]
    if bins.groups is not None:
        lines = [f"WHEN {column} IS NULL THEN {entry[bins.apart[-1]]}"]
        lines += [
            f"WHEN {column} IN ({', '.join(map(_text, group))}) THEN {entry[row]}"
            for row, group in enumerate(bins.groups)
            if group
        ]
        last = entry[-1]
    else:
        assert bins.edges is not None
        lines = [
            f"WHEN {column} IS NULL OR {column} = {_number(np.nan)} THEN {entry[bins.apart[-1]]}"
        ]
        lines += [
            f"WHEN {column} = {_number(code)} THEN {entry[row]}"
            for code, row in zip(bins.special_codes, bins.apart, strict=False)
        ]
        lines += [
            f"WHEN {column} < {_number(edge)} THEN {entry[row]}"
            for row, edge in enumerate(bins.edges)
        ]
        last = entry[bins.n_bins - 1]
    body = "\n    ".join([*lines, f"ELSE {last}"])
    kind = "FLOAT8" if of_bins.dtype.kind == "f" else "INTEGER"
    return f"CAST(CASE\n    {body}\n  END AS {kind})"


def _number(value: float | np.number) -> str:
    """A literal that both databases read as exactly this number."""
    text = repr(value.item() if isinstance(value, np.number) else value)
    if not np.isfinite(value):
        return f"CAST('{text}' AS FLOAT8)"
    # without an exponent DuckDB reads a decimal, whose way to a float may be one unit off
    return text if "e" in text or "." not in text else f"{text}e0"


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError(f"no database has the text {value!r}")
    return "'" + value.replace("'", "''") + "'"
