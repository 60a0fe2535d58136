"""Bins as SQL: the same answer as Python on every row, in DuckDB and in PostgreSQL.

Takes the bins of features and one entry a bin, such as its WoE; gives one SELECT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from riskkit.binning.bins import FeatureBins
from riskkit.sql import number_literal, quoted, text_literal

__all__ = ["lookup_select"]


def lookup_select(
    features: Mapping[str, FeatureBins],
    of_bins: Mapping[str, np.ndarray],
    table: str | Sequence[str],
    *,
    dialect: str,
    keys: Sequence[str] = (),
    derived: Mapping[str, str] | None = None,
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
    dialect : str
        One of :data:`riskkit.sql.DIALECTS`.
    keys : sequence of str
        Columns to pass on, before the features.
    derived : mapping of str to str, optional
        Further columns to pass on after the keys, each an SQL expression over the columns of the
        table, which it calls ``asked``.
    sum_as : str, optional
        Name of the one column of the sum of all entries and `base`, instead of one a feature.
    base : int
        Added to the sum.

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
    others = [*keys, *(derived or {})]
    twice = sorted({name for name in others if name in clash or others.count(name) > 1})
    if twice:
        raise ValueError(f"a column is passed on once, and not as a feature too: {twice}")
    passed = [quoted(key, dialect) for key in keys]
    inner, outer, entries = list(passed), list(passed), [str(base)]
    for name, expression in (derived or {}).items():
        inner.append(f"{expression} AS {quoted(name, dialect)}")
        outer.append(quoted(name, dialect))
    for name, bins in features.items():
        column = quoted(str(name), dialect)
        inner.append(f"{_typed(column, bins)} AS {column}")
        entries.append(_case(column, bins, of_bins[name]))
        if sum_as is None:
            outer.append(f"{entries[-1]} AS {column}")
    if sum_as is not None:
        outer.append(f"{' + '.join(entries)} AS {quoted(sum_as, dialect)}")
    select, typed = ",\n  ".join(outer), ",\n    ".join(inner)
    return (
        f"SELECT\n  {select}\nFROM (\n  SELECT\n    {typed}\n  FROM {source} AS asked\n) AS typed"
    )


def _typed(column: str, bins: FeatureBins) -> str:
    """The column as what fit saw."""
    if bins.groups is not None:
        return f"CAST({column} AS TEXT)"
    # PostgreSQL turns a boolean into an integer, but into no float
    return f"CAST({f'CAST({column} AS INTEGER)' if bins.is_boolean else column} AS FLOAT8)"


def _case(column: str, bins: FeatureBins, of_bins: np.ndarray) -> str:
    entry = [number_literal(value) for value in of_bins]
    if bins.groups is not None:
        lines = [f"WHEN {column} IS NULL THEN {entry[bins.apart[-1]]}"]
        lines += [
            f"WHEN {column} IN ({', '.join(map(text_literal, group))}) THEN {entry[row]}"
            for row, group in enumerate(bins.groups)
            if group
        ]
        last = entry[-1]
    else:
        assert bins.edges is not None
        unknown = f"{column} IS NULL OR {column} = {number_literal(np.nan)}"
        lines = [f"WHEN {unknown} THEN {entry[bins.apart[-1]]}"]
        lines += [
            f"WHEN {column} = {number_literal(code)} THEN {entry[row]}"
            for code, row in zip(bins.special_codes, bins.apart, strict=False)
        ]
        lines += [
            f"WHEN {column} < {number_literal(edge)} THEN {entry[row]}"
            for row, edge in enumerate(bins.edges)
        ]
        last = entry[bins.n_bins - 1]
    body = "\n    ".join([*lines, f"ELSE {last}"])
    kind = "FLOAT8" if of_bins.dtype.kind == "f" else "INTEGER"
    return f"CAST(CASE\n    {body}\n  END AS {kind})"
