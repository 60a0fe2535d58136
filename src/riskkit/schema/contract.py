"""What the columns of each table must be, and the one error that lists everything that is not.

Takes a frame; gives the same frame, or a :class:`DataContractError` with every violation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import IS_TYPE, DataContractError, loan_starts, type_violations
from riskkit.columns import SHOWN_CHARACTERS, calendar_months, shown

__all__ = [
    "STATUSES",
    "application_violations",
    "check_target",
    "outcome_violations",
    "performance_violations",
    "validate_applications",
    "validate_outcomes",
    "validate_performance",
]

FIRST_DATE = pd.Timestamp("1990-01-01")
LAST_DATE = pd.Timestamp("2100-01-01")
LONGEST_TERM_MONTHS = 480
NO_DUPLICATE = "no duplicate"

STATUSES = ("current", "delinquent", "prepaid", "matured", "charged_off")
EVENTS = ("default", "prepaid", "matured", "censored")

APPLICATION_COLUMNS = {
    "application_id": "text",
    "customer_id": "text",
    "applied_at": "date",
    "amount": "integer",
    "term_months": "integer",
    "approved": "boolean",
    "booked": "boolean",
    "default_flag": "number",
}
# a source may know neither when somebody applied nor for how long the loan is
OPTIONAL_COLUMNS = ("applied_at", "term_months")
PERFORMANCE_COLUMNS = {
    "loan_id": "text",
    "cohort": "date",
    "mob": "integer",
    "month_end": "date",
    "due_amount": "integer",
    "paid_amount": "integer",
    "balance": "integer",
    "dpd": "integer",
    "status": "text",
    "recovered_amount": "integer",
}
# a panel of loan, month and days past due alone has none of these
PANEL_AMOUNTS = ("due_amount", "paid_amount", "balance", "recovered_amount")
OUTCOME_COLUMNS = {
    "loan_id": "text",
    "cohort": "date",
    "term_months": "integer",
    "amount": "integer",
    "event": "text",
    "event_mob": "integer",
}


Rule = tuple[str, str, Any]
"""Column, what must hold of its values, and the function that says where it does."""


def _violations(
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    rules: Sequence[Rule],
    numbers: np.ndarray | None,
) -> list[str]:
    """Every violation of types and rows; no id is shown. `numbers` are those of the file's rows."""
    if len(frame) == 0:
        return ["no rows"]
    found = type_violations(frame, columns)
    twice = frame.columns[frame.columns.duplicated()]
    found += [f"two columns of one name: {name}" for name in twice]
    row = np.arange(1, len(frame) + 1) if numbers is None else numbers
    typed = [n for n in columns if n in frame and n not in twice and IS_TYPE[columns[n]](frame[n])]
    for name, rule, holds in rules:
        if name not in typed:
            continue
        values = frame[name].reset_index(drop=True)
        broken = np.flatnonzero(~np.asarray(holds(values), dtype=bool))
        if not len(broken):
            continue
        first = int(broken[0])
        where = f"{len(broken):,} rows" if len(broken) != 1 else "1 row"
        line = f"{name}: {where} break '{rule}'"
        if rule == NO_DUPLICATE:
            again = int(np.flatnonzero(values.duplicated())[0])
            earlier = int(np.flatnonzero(values == values[again])[0])
            line += f", row {row[again]:,}: same as row {row[earlier]:,}"
        elif columns[name] == "text" and name.endswith("_id"):
            line += f", first in row {row[first]:,}"
        else:
            line += f", for example {_brief(values[first])}, first in row {row[first]:,}"
        found.append(line)
    return found


def _raise(what: str, found: Sequence[str]) -> None:
    if found:
        raise DataContractError(what, found)


def _brief(value: Any) -> str:
    """A value for a message, cut at 40 characters, without numpy's dress."""
    value = value.item() if hasattr(value, "item") else value
    return shown(value) if isinstance(value, str) else f"{value}"[:SHOWN_CHARACTERS]


def _present(name: str) -> Rule:
    return name, "no missing value", lambda s: s.notna()


def _ids(name: str, *, unique: bool) -> list[Rule]:
    once = (name, NO_DUPLICATE, lambda s: ~s.duplicated(keep=False))
    return [_present(name), *([once] if unique else [])]


def _dates(name: str) -> list[Rule]:
    rule = f"between {FIRST_DATE:%Y-%m-%d} and {LAST_DATE:%Y-%m-%d}"
    return [
        _present(name),
        (name, rule, lambda s: s.between(FIRST_DATE, LAST_DATE) | s.isna()),
    ]


def _whole(name: str, low: int, high: int | None = None) -> list[Rule]:
    rule = f"at least {low}" if high is None else f"between {low} and {high}"
    return [(name, rule, lambda s: (s >= low) & (s <= (s if high is None else high)))]


def _one_of(name: str, allowed: Sequence[str]) -> list[Rule]:
    return [(name, f"one of {', '.join(allowed)}", lambda s: s.isin(allowed))]


def application_violations(df: pd.DataFrame, numbers: np.ndarray | None = None) -> list[str]:
    """Every way in which applications break the contract; see :func:`validate_applications`."""
    everybody = np.ones(len(df), dtype=bool)
    approved, booked = (
        df[name].fillna(False).to_numpy(bool)
        if name in df and pd.api.types.is_bool_dtype(df[name])
        else everybody
        for name in ("approved", "booked")
    )
    rules = [
        *_ids("application_id", unique=True),
        *_ids("customer_id", unique=False),
        *_dates("applied_at"),
        *_whole("amount", 1),
        *_whole("term_months", 1, LONGEST_TERM_MONTHS),
        ("booked", "booked only where approved", lambda s: ~s | approved),
        ("default_flag", "1 = bad, 0 = good, or missing", lambda s: s.isin([0, 1]) | s.isna()),
        ("default_flag", "known only where booked", lambda s: s.isna() | booked),
    ]
    columns = {
        name: kind
        for name, kind in APPLICATION_COLUMNS.items()
        if name in df.columns or name not in OPTIONAL_COLUMNS
    }
    return _violations(df, columns, rules, numbers)


def validate_applications(df: pd.DataFrame) -> pd.DataFrame:
    """Applications, unchanged, if they hold to the contract.

    Parameters
    ----------
    df : DataFrame, one row per application
        At least the contract's columns (applied_at and term_months only where they are known);
        features beside them are free.

    Returns
    -------
    DataFrame
        The same object.

    Raises
    ------
    DataContractError
        Lists every violation: missing columns, wrong dtypes, duplicate or missing ids, dates out
        of range, amounts or terms below 1, a label other than 0, 1 or missing, a label on an
        application that was not booked, a booked application that was not approved, no rows.
    """
    _raise("applications", application_violations(df))
    return df


def performance_violations(df: pd.DataFrame, numbers: np.ndarray | None = None) -> list[str]:
    """Every way in which a panel breaks the contract; see :func:`validate_performance`."""
    columns = {
        name: kind
        for name, kind in PERFORMANCE_COLUMNS.items()
        if name in df.columns or name not in PANEL_AMOUNTS
    }
    rules = [*_ids("loan_id", unique=False), *_dates("cohort"), *_whole("mob", 0)]
    rules += [*_dates("month_end"), *_whole("dpd", 0), *_one_of("status", STATUSES)]
    for name in PANEL_AMOUNTS:
        rules += _whole(name, 0)
    found = _violations(df, columns, rules, numbers)
    if found:
        return found
    try:
        loan_starts(df, numbers)
    except DataContractError as error:
        found += error.violations
    return found + _calendar_violations(df, numbers)


def validate_performance(df: pd.DataFrame) -> pd.DataFrame:
    """Monthly panel, unchanged, if it holds to the contract.

    Parameters
    ----------
    df : DataFrame, one row per loan and month-end
        Sorted by loan_id and mob, each loan's months on book without a gap from 0.

    Raises
    ------
    DataContractError
        Lists every violation; a gap, a repeated month or an unsorted loan is named with its row.
    """
    _raise("performance", performance_violations(df))
    return df


def _calendar_violations(performance: pd.DataFrame, numbers: np.ndarray | None) -> list[str]:
    """Months on book that do not follow from cohort and month-end."""
    found = []
    end = performance["month_end"]
    for rule, broken in (
        ("month_end: {} rows break 'the last day of a month', ", ~end.dt.is_month_end),
        (
            "mob: {} rows break 'months from cohort to month_end', ",
            (calendar_months(end) - calendar_months(performance["cohort"])) != performance["mob"],
        ),
    ):
        if broken.any():
            at = int(np.flatnonzero(broken)[0])
            first, row = performance.iloc[at], at + 1 if numbers is None else numbers[at]
            found.append(
                rule.format(f"{int(broken.sum()):,}")
                + f"first in row {row:,}: mob {first['mob']}, cohort {first['cohort']:%Y-%m-%d}, "
                f"month_end {first['month_end']:%Y-%m-%d}"
            )
    return found


def outcome_violations(df: pd.DataFrame, numbers: np.ndarray | None = None) -> list[str]:
    """Every way in which outcomes break the contract; see :func:`validate_outcomes`."""
    rules = [*_ids("loan_id", unique=True), *_dates("cohort"), *_whole("amount", 1)]
    rules += [*_whole("term_months", 1, LONGEST_TERM_MONTHS), *_one_of("event", EVENTS)]
    return _violations(df, OUTCOME_COLUMNS, [*rules, *_whole("event_mob", 0)], numbers)


def validate_outcomes(df: pd.DataFrame) -> pd.DataFrame:
    """Outcomes, unchanged, if they hold to the contract.

    Parameters
    ----------
    df : DataFrame, one row per loan

    Raises
    ------
    DataContractError
        Lists every violation.
    """
    _raise("outcomes", outcome_violations(df))
    return df


def check_target(applications: pd.DataFrame) -> None:
    """Refuse a label that has only one class, or none.

    Raises
    ------
    DataContractError
        With the number of goods and bads found.
    """
    good = int((applications["default_flag"] == 0).sum())
    bad = int((applications["default_flag"] == 1).sum())
    if good == 0 or bad == 0:
        raise DataContractError(
            "applications",
            [f"default_flag: both goods and bads are needed, found {good:,} good and {bad:,} bad"],
        )
