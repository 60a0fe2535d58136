"""The whole decision as one SELECT, equal to Python on every row in DuckDB and PostgreSQL.

Takes the conditions of the rules, the card and where to cut; gives the text of a query.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit.deployment.decided import (
    ALL,
    BY_SCORE,
    BY_TODAY,
    check_cutoffs_by_segment,
    check_rules,
    check_scale,
    decision_table,
    otherwise,
)
from riskkit.scorecard import Scorecard
from riskkit.sql import DIALECTS, UnwritableError, number_literal, quoted, text_literal
from riskkit.tables import whole

__all__ = ["decision_sql", "save_decision"]

# columns of the inner query that no applicant's column may have
_RULE, _SEGMENT, _SCORE = "declined_by_rule", "decision_segment", "credit_score"
_OWN = {_RULE, _SEGMENT, _SCORE, "grade", "cutoff", "declined_by", "approved"}
_LARGEST, _SMALLEST = float(np.finfo(float).max), float(np.finfo(float).smallest_subnormal)


def decision_sql(
    conditions: pd.DataFrame | None,
    card: Scorecard | None,
    scale: pd.DataFrame,
    cutoffs: Mapping[str, float],
    *,
    table: str | Sequence[str],
    dialect: str = "duckdb",
    key: str = "application_id",
    segment: str = "",
    behind_today: bool = False,
) -> str:
    """One SELECT of the key, score, grade, cutoff, who declines, and whether it is approved.

    On every row it says what :func:`decide` says. Reasons of a low score stay in Python.

    Parameters
    ----------
    conditions : DataFrame, a row a condition, or None
        Of :func:`riskkit.policy.condition_table`; None where there are no rules.
    card : Scorecard or None
        None where another model scores: the table then has its score in ``credit_score``.
    scale, cutoffs
        As for :func:`decide`.
    table : str or sequence of str
        Name of the table of applications, or its parts where it stands in a schema.
    dialect : str
        "duckdb" or "postgres".
    key : str
        Column that names the application.
    segment : str
        Column of the segments; empty where there are none.
    behind_today : bool
        Whether only those whose ``approved`` is true in the table are asked for their score.

    Returns
    -------
    str
        NaN is treated as NULL, and an unknown value meets no condition but ``is_missing``.

    Raises
    ------
    ValueError
        An unknown dialect, a name or text the database cannot hold, or as :func:`decide`.

    Source
    ------
    riskkit definition.
    """
    check_cutoffs_by_segment(cutoffs, segment or None)
    check_scale(scale)
    check_rules([] if conditions is None else conditions["rule"].unique())
    _check_names(key, segment, conditions, card, dialect)
    derived = {_RULE: _rules_case(conditions, dialect, behind_today)}
    if segment:
        derived[_SEGMENT] = f"CAST({_asked(segment, dialect)} AS TEXT)"
    if card is None:
        parts = [table] if isinstance(table, str) else list(table)
        source = ".".join(quoted(part, dialect) for part in parts)
        # both databases order NaN above every number, and so would approve it
        score = f"NULLIF(CAST({_asked(_SCORE, dialect)} AS FLOAT8), {number_literal(np.nan)})"
        columns = {key: _asked(key, dialect), **derived, _SCORE: score}
        listed = ",\n  ".join(f"{text} AS {quoted(n, dialect)}" for n, text in columns.items())
        scored = f"SELECT\n  {listed}\nFROM {source} AS asked"
    else:
        scored = card.to_sql(table, dialect, keys=[key], derived=derived)
    points, rule = quoted(_SCORE, dialect), quoted(_RULE, dialect)
    grade = _grade_case(scale, points)
    cutoff = _cutoff_case(cutoffs, quoted(_SEGMENT, dialect) if segment else "")
    decided = (
        f"SELECT\n  {quoted(key, dialect)},\n  {points},\n  {grade} AS grade,\n"
        f"  {cutoff} AS cutoff,\n  COALESCE({rule}, CASE WHEN {points} >= {cutoff} THEN NULL "
        f"ELSE {text_literal(BY_SCORE)} END) AS declined_by\nFROM (\n{scored}\n) AS scored"
    )
    return f"SELECT *, declined_by IS NULL AS approved\nFROM (\n{decided}\n) AS decided"


def _check_names(
    key: str, segment: str, conditions: pd.DataFrame | None, card: Scorecard | None, dialect: str
) -> None:
    """Refuse names that the query's own columns have, or that the database would take for one."""
    if key.casefold() in _OWN:
        raise ValueError(f"key must not be called as a column of the answer, got {key!r}")
    if dialect != "duckdb":
        return
    read = {key, *([segment] if segment else []), *(card.points_ if card is not None else [])}
    if conditions is not None:
        read |= {*conditions["column"], *conditions["times"]} - {""}
    folded: dict[str, list[str]] = {}
    for name in sorted(read):
        folded.setdefault(name.casefold(), []).append(name)
    if alike := [names for names in folded.values() if len(names) > 1]:
        raise UnwritableError(
            f"DuckDB takes columns that differ in capitals alone for one: {alike}"
        )


def _product(value: float, factor: str) -> str:
    """The value times a column in double precision, where PostgreSQL would raise an error.

    It raises one where a product is beyond the largest double, which is infinity in Python, or
    below the smallest, which is zero.
    """
    if not value:
        return _literal(0.0, "number")
    product = f"{_literal(value, 'number')} * {factor}"
    size = abs(value)
    if size > 1:
        most = _outermost(_LARGEST / size, lambda one: math.isfinite(one * size))
        above, below = (_literal(math.copysign(math.inf, end * value), "number") for end in (1, -1))
        end = _literal(most, "number")
        return (
            f"CASE WHEN {factor} > {end} THEN {above} WHEN {factor} < -{end} THEN {below} "
            f"ELSE {product} END"
        )
    if size < 1:
        least = _outermost(_SMALLEST / size / 2, lambda one: one * size == 0)
        zero = _literal(0.0, "number")
        end = _literal(least, "number")
        return f"CASE WHEN abs({factor}) <= {end} THEN {zero} ELSE {product} END"
    return product


def _outermost(near: float, holds: Callable[[float], bool]) -> float:
    """The largest double for which it holds, a few steps from a guess."""
    while not holds(near):
        near = math.nextafter(near, 0.0)
    while holds(beyond := math.nextafter(near, math.inf)) and beyond < math.inf:
        near = beyond
    return near


def _asked(column: str, dialect: str) -> str:
    return f"asked.{quoted(column, dialect)}"


def _rules_case(conditions: pd.DataFrame | None, dialect: str, behind_today: bool) -> str:
    """The first rule that fires, or today's policy; NULL where none does."""
    cases = []
    for name, rule in () if conditions is None else conditions.groupby("rule", sort=False):
        needs = " OR " if rule["needs"].iloc[0] == "any" else " AND "
        met = needs.join(f"({_met(row, dialect)})" for row in rule.itertuples())
        cases.append(f"WHEN {met} THEN {text_literal(str(name))}")
    if behind_today:
        passed = f"COALESCE({_asked('approved', dialect)}, FALSE)"
        cases.append(f"WHEN NOT {passed} THEN {text_literal(BY_TODAY)}")
    return f"CASE {' '.join(cases)} ELSE NULL END" if cases else "CAST(NULL AS TEXT)"


def _met(condition: Any, dialect: str) -> str:
    """Whether a condition is met, true or false and never NULL."""
    column = _typed(condition.column, condition.kind, dialect)
    known = _known(column, condition.kind)
    if condition.operator == "is_missing":
        return f"NOT ({known})" if condition.value else known
    given = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    values = [_literal(value, condition.kind) for value in given]
    if condition.operator.endswith("starts_with"):
        text = str(given[0])
        begins = f"substr({column}, 1, {len(text)}) = {text_literal(text)}"
        begins = f"NOT ({begins})" if condition.operator.startswith("not") else begins
        return f"COALESCE({known} AND {begins}, FALSE)"
    listed = ", ".join(values)
    if condition.operator in ("==", "in"):
        return f"COALESCE({known} AND {column} IN ({listed}), FALSE)"
    tests = [known]
    if condition.codes:
        tests.append(f"{column} NOT IN ({', '.join(map(number_literal, condition.codes))})")
    if condition.operator in ("!=", "not_in"):
        tests.append(f"{column} NOT IN ({listed})")
        return f"COALESCE({' AND '.join(tests)}, FALSE)"
    bound = values[0]
    if condition.times:
        factor = _typed(condition.times, "number", dialect)
        tests.append(_known(factor, "number"))
        if condition.times_codes:
            codes = ", ".join(map(number_literal, condition.times_codes))
            tests.append(f"{factor} NOT IN ({codes})")
        bound = _product(float(given[0]), factor)
        if not given[0]:
            # zero times infinity is no bound
            largest = _literal(_LARGEST, "number")
            tests.append(f"{factor} BETWEEN -{largest} AND {largest}")
    tests.append(f"{column} {condition.operator} {bound}")
    return f"COALESCE({' AND '.join(tests)}, FALSE)"


def _typed(column: str, kind: str, dialect: str) -> str:
    asked = _asked(column, dialect)
    types = {"number": "FLOAT8", "text": "TEXT", "boolean": "BOOLEAN", "date": "DATE"}
    return f"CAST({asked} AS {types[kind]})"


def _known(column: str, kind: str) -> str:
    if kind != "number":
        return f"{column} IS NOT NULL"
    # both databases hold NaN equal to itself
    return f"{column} IS NOT NULL AND {column} <> {number_literal(np.nan)}"


def _literal(value: Any, kind: str) -> str:
    if kind == "number":
        return f"CAST({number_literal(float(value))} AS FLOAT8)"
    if kind == "boolean":
        return "TRUE" if value else "FALSE"
    if kind == "date":
        return f"DATE '{pd.Timestamp(value):%Y-%m-%d}'"
    return text_literal(str(value))


def _grade_case(scale: pd.DataFrame, points: str) -> str:
    """Grade of a score; NULL where there is none."""
    safest_first = scale.sort_values("score_low", ascending=False)
    cases = [
        f"WHEN {points} >= {number_literal(float(low))} THEN {text_literal(str(grade))}"
        for grade, low in safest_first["score_low"].items()
        if np.isfinite(low)
    ]
    last = text_literal(str(safest_first.index[-1]))
    cases.append(f"WHEN {points} IS NOT NULL THEN {last}")
    return f"CASE {' '.join(cases)} END"


def _cutoff_case(cutoffs: Mapping[str, float], segment: str) -> str:
    if not segment:
        return f"CAST({number_literal(float(cutoffs[ALL]))} AS FLOAT8)"
    cases = [
        f"WHEN {segment} = {text_literal(name)} THEN {number_literal(float(cutoff))}"
        for name, cutoff in cutoffs.items()
    ]
    last = number_literal(otherwise(cutoffs))
    return f"CAST(CASE {' '.join(cases)} ELSE {last} END AS FLOAT8)"


def save_decision(
    folder: str | Path,
    conditions: pd.DataFrame | None,
    card: Scorecard | None,
    scale: pd.DataFrame,
    cutoffs: Mapping[str, float],
    *,
    model: str,
    behind_today: bool = False,
) -> pd.DataFrame:
    """Write the decision as a table, ``decision_table.csv``, and as ``decision_DIALECT.sql``.

    Parameters
    ----------
    folder : str or Path
        Where the files go, each whole or not at all. A database that cannot hold a name or a text
        of the decision has a comment that says so instead of a query.
    conditions, card, scale, cutoffs, behind_today
        As for :func:`decision_sql`; the queries read a table called ``applications``.
    model : str
        Whose score it is.

    Returns
    -------
    DataFrame
        Of :func:`decision_table`, as it was written.
    """
    table = decision_table(conditions, scale, cutoffs, model=model, behind_today=behind_today)
    queries = {}
    for dialect in DIALECTS:
        try:
            query = decision_sql(
                conditions,
                card,
                scale,
                cutoffs,
                table="applications",
                dialect=dialect,
                behind_today=behind_today,
            )
            queries[dialect] = f"{query};\n"
        except UnwritableError as error:
            queries[dialect] = f"-- no query: {error}\n"
    with whole(Path(folder) / "decision_table.csv") as path:
        table.to_csv(path)
    for dialect, text in queries.items():
        with whole(Path(folder) / f"decision_{dialect}.sql") as path:
            Path(path).write_text(text, encoding="utf-8")
    return table
