"""Which rules of a policy fire on which application.

Takes applications and a policy file; gives its conditions as a plain table, and a flag per
application and rule. What a missing value or a special code means to a condition is stated in
:class:`riskkit.schema.PolicyFile`.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from riskkit.checks import DataContractError
from riskkit.columns import (
    CellRule,
    feature_kinds,
    level_of,
    level_text,
    numbers,
    read_cells,
    shown,
)
from riskkit.schema import PolicyFile

__all__ = ["applicable", "condition_table", "declined_by", "fired", "policy_table"]

ORDERINGS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
KINDS = {"number": "numbers", "text": "text", "boolean": "truth values", "date": "dates"}
# a birthday may lie before any loan; a year of four digits is read alike by all databases
ANY_DAY = CellRule(kind="date", first=datetime.date(1000, 1, 1), last=datetime.date(9999, 12, 31))
ANY_NUMBER = CellRule(kind="number", decimal=".")
LONGEST_TOLD = 200  # letters of a condition in a message
COLUMNS = ("rule", "label", "step", "needs", "column", "kind", "operator", "value", "times")


def policy_table(policy: PolicyFile) -> pd.DataFrame:
    """The rules in words.

    Parameters
    ----------
    policy : PolicyFile

    Returns
    -------
    DataFrame, index rule, in the order of the file
        label, step, condition (text).

    Source
    ------
    riskkit definition.
    """
    rows = {
        rule.name: {"label": rule.label, "step": rule.step, "condition": rule.text()}
        for rule in policy.rules
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")


def applicable(
    policy: PolicyFile | None, columns: Collection[str]
) -> tuple[PolicyFile | None, str]:
    """The policy without the rules whose columns are not there, and which those are, in words.

    For a world that was made without a family of features. A run of one's own data is refused
    before it starts where a rule reads what the source does not have.

    Parameters
    ----------
    policy : PolicyFile or None
    columns : collection of str

    Returns
    -------
    (PolicyFile or None, str)
        None where no rule is left; the text is empty where all are.

    Source
    ------
    riskkit definition.
    """
    if policy is None:
        return None, ""
    lacking = {
        rule.name: [name for name in rule.columns if name not in columns] for rule in policy.rules
    }
    told = [
        f"{name} is not asked: the applications have no column {' or '.join(absent)}"
        for name, absent in lacking.items()
        if absent
    ]
    kept = [rule for rule in policy.rules if not lacking[rule.name]]
    left = policy.model_copy(update={"rules": kept}) if kept else None
    return left, "; ".join(told)


def condition_table(
    applications: pd.DataFrame,
    policy: PolicyFile,
    special_codes: Mapping[str, Collection[float]] | None = None,
) -> pd.DataFrame:
    """The policy's conditions as plain data, each value in the type of its column.

    All that is needed to write the rules in another language, such as SQL.

    Parameters
    ----------
    applications : DataFrame
        Whose columns the rules read.
    policy : PolicyFile
    special_codes : mapping of column to numbers, optional
        Values that are no measurement.

    Returns
    -------
    DataFrame, a row a condition, in the order of the file
        rule, label, step; needs ("any" or "all" of the rule's conditions); column; kind (number,
        text, boolean or date); operator; value (float, str, bool or Timestamp, or a tuple of them);
        times (a column, or empty); codes and times_codes (tuples of float: the special codes of
        both columns).

    Raises
    ------
    DataContractError
        A column is not there, or a value is none of its kind: each with its rule and column.

    Source
    ------
    riskkit definition.
    """
    codes = special_codes or {}
    rows, faults = [], []
    kind_of = cache(lambda name: _kind(applications[name]))
    for rule in policy.rules:
        for condition in rule.conditions:
            where = f"rule {rule.name}, {_brief(condition.text())}"
            absent = [
                name
                for name in (condition.column, condition.times)
                if name and name not in applications
            ]
            if absent:
                faults += [f"{where}: the applications have no column {name}" for name in absent]
                continue
            twice = [
                name
                for name in (condition.column, condition.times)
                if name and (applications.columns == name).sum() > 1
            ]
            if twice:
                faults += [f"{where}: the applications have two columns {name}" for name in twice]
                continue
            kind, fault = kind_of(condition.column)
            if not fault and condition.times:
                other, fault = kind_of(condition.times)
                if not fault and other != "number":
                    fault = f"{condition.times} holds {KINDS[other]}, and times needs numbers"
                if not fault and kind != "number":
                    fault = f"{condition.column} holds {KINDS[kind]}, and times needs numbers"
            value, fault = (None, fault) if fault else _typed(condition, kind)
            if fault:
                faults.append(f"{where}: {fault}")
                continue
            own, others = (
                tuple(float(code) for code in codes.get(name, ()))
                for name in (condition.column, condition.times)
            )
            of_rule = (rule.name, rule.label, rule.step, "any" if rule.any else "all")
            compared = (condition.column, kind, condition.operator, value, condition.times)
            rows.append((*of_rule, *compared, own, others))
    if faults:
        raise DataContractError("policy", list(dict.fromkeys(faults)))
    return pd.DataFrame(rows, columns=[*COLUMNS, "codes", "times_codes"])


def fired(
    applications: pd.DataFrame,
    policy: PolicyFile,
    special_codes: Mapping[str, Collection[float]] | None = None,
) -> pd.DataFrame:
    """Whether each rule fires on each application.

    Parameters
    ----------
    applications, policy, special_codes
        As for :func:`condition_table`.

    Returns
    -------
    DataFrame of shape (n_applications, n_rules), bool
        Columns are the rules' names in their order; the index is that of the applications.

    Raises
    ------
    DataContractError
        As :func:`condition_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> from riskkit.schema import PolicyFile
    >>> policy = PolicyFile(name="Ours", rules=[{"name": "debt", "label": "Debt", "step": "rules",
    ...     "all": [{"column": "debt", "operator": ">", "value": "2", "times": "income"}]}])
    >>> asked = pd.DataFrame({"debt": [9.0, 9.0, -9.0], "income": [4.0, None, -8.0]})
    >>> fired(asked, policy, {"debt": [-9.0]})["debt"].tolist()
    [True, False, False]
    """
    table = condition_table(applications, policy, special_codes)
    flags = {rule.name: np.full(len(applications), not rule.any) for rule in policy.rules}
    for condition in table.itertuples(index=False):
        met = _met(applications, condition)
        if condition.needs == "any":
            flags[condition.rule] |= met
        else:
            flags[condition.rule] &= met
    return pd.DataFrame(flags, index=applications.index)


def declined_by(flags: pd.DataFrame) -> pd.Series:
    """The first rule that fires on each application.

    Parameters
    ----------
    flags : bool DataFrame of shape (n_applications, n_rules)
        Of :func:`fired`.

    Returns
    -------
    Series of shape (n_applications,), category of the rules in their order
        Missing where no rule fires.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> declined_by(pd.DataFrame({"age": [True, False], "debt": [True, False]})).tolist()
    ['age', nan]
    """
    values = flags.to_numpy(bool)
    code = np.where(values.any(axis=1), values.argmax(axis=1), -1) if values.shape[1] else -1
    code = np.broadcast_to(code, len(flags))
    names = pd.Categorical.from_codes(code, categories=list(flags.columns), ordered=True)
    return pd.Series(names, index=flags.index, name="declined_by")


def _brief(told: str) -> str:
    """Words of a condition that fit into a message."""
    return told if len(told) <= LONGEST_TOLD else f"{told[:LONGEST_TOLD]}…"


def _kind(column: pd.Series) -> tuple[str, str]:
    """Kind of a column, and why no condition can read it."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        # a database would tell the day of its own zone, not of the column's
        return "", f"{column.name} has a time zone; drop it, and its local days count"
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return "date", ""
    if isinstance(column.dtype, pd.CategoricalDtype):
        # no two databases write a number, a truth value or a day as the same text
        levels = pd.api.types.infer_dtype(column.cat.categories)
        if levels not in ("string", "integer", "empty"):
            return "", f"{column.name} has categories that are {levels}; make them text"
    try:
        kind = feature_kinds(column.to_frame())[column.name]
    except TypeError as error:
        return "", str(error).removeprefix("feature ")
    return {"category": "text"}.get(kind, kind), ""


def _typed(condition: Any, kind: str) -> tuple[Any, str]:
    """A condition's value in the type of its column, and why it is none."""
    operator, column = condition.operator, condition.column
    if operator == "is_missing":
        return condition.value, ""
    if operator.endswith("starts_with") and kind != "text":
        return None, f"{column} holds {KINDS[kind]}, and {operator} compares text"
    if operator in ORDERINGS and kind not in ("number", "date"):
        return None, f"{column} holds {KINDS[kind]}, and {operator} compares numbers or dates"
    given = condition.value if isinstance(condition.value, list) else [condition.value]
    values = _values(given, kind)
    if wrong := [one for one, value in zip(given, values, strict=True) if value is None]:
        return None, f"{column} holds {KINDS[kind]}, and {shown(str(wrong[0]))} is none of them"
    return (tuple(values) if isinstance(condition.value, list) else values[0]), ""


def _values(written: Sequence[Any], kind: str) -> list[Any]:
    """What stands there in the type of the column, None where it is nothing of that type."""
    if kind == "boolean":
        return [one if isinstance(one, bool) else None for one in written]
    if kind == "text":
        return [str(o).lower() if isinstance(o, bool) else level_of(o) for o in written]
    # a list of many is read at once
    texts = [None if isinstance(one, bool) else str(one) for one in written]
    read = read_cells(pa.array(texts, pa.string()), ANY_DAY if kind == "date" else ANY_NUMBER)
    values = read.series
    wrong = values.isna().to_numpy(copy=True)
    for fault in read.faults:
        wrong[fault.positions] = True
    if kind == "date":
        wrong |= (values != values.dt.normalize()).to_numpy()
        return [None if off else pd.Timestamp(one) for one, off in zip(values, wrong, strict=True)]
    wrong |= ~np.isfinite(values.to_numpy(float))
    return [None if off else float(one) for one, off in zip(values, wrong, strict=True)]


def _met(applications: pd.DataFrame, condition: Any) -> np.ndarray:
    """Whether an application meets a condition; unknown is not met."""
    column = applications[condition.column]
    there = column.notna().to_numpy()
    if condition.operator == "is_missing":
        return ~there if condition.value else there
    if condition.kind == "text":
        return there & _text_met(level_text(column), condition)
    if condition.kind == "date":
        # days, since a far one has no nanoseconds
        values = column.to_numpy().astype("datetime64[D]")
        wanted: Sequence[Any] = [np.datetime64(day, "D") for day in _listed(condition.value)]
    else:
        values = numbers(column)
        wanted = [float(one) for one in _listed(condition.value)]
    is_code = np.isin(values, condition.codes) if condition.codes else np.zeros(len(values), bool)
    if condition.operator in ("==", "in"):
        # a code is met by its own name alone, which is what being equal to it means
        return there & np.isin(values, wanted)
    there = there & ~is_code
    if condition.operator in ("!=", "not_in"):
        return there & ~np.isin(values, wanted)
    bound: Any = wanted[0]
    if condition.times:
        factor = numbers(applications[condition.times])
        there = there & ~np.isnan(factor) & ~np.isin(factor, condition.times_codes)
        # beyond all doubles the bound is infinite; zero times infinity is none, and nothing is met
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            bound = bound * factor
    with np.errstate(invalid="ignore"):
        return there & ORDERINGS[condition.operator](values, bound)


def _text_met(texts: pd.Series, condition: Any) -> np.ndarray:
    wanted = [str(one) for one in _listed(condition.value)]
    if condition.operator.endswith("starts_with"):
        met = texts.astype("str").str.startswith(wanted[0]).fillna(False).to_numpy(bool)
    else:
        met = texts.isin(wanted).to_numpy(bool)
    return ~met if condition.operator in ("!=", "not_in", "not_starts_with") else met


def _listed(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
