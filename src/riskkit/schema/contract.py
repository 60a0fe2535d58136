"""What the columns of each table must be, and the one error that lists everything that is not.

Takes a frame; gives the same frame, or a :class:`DataContractError` with every violation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import IS_TYPE, DataContractError, loan_starts, type_violations
from riskkit.columns import calendar_months

__all__ = [
    "STATUSES",
    "check_target",
    "validate_applications",
    "validate_outcomes",
    "validate_performance",
]

FIRST_DATE = pd.Timestamp("1990-01-01")
LAST_DATE = pd.Timestamp("2100-01-01")
LONGEST_TERM_MONTHS = 480

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
OUTCOME_COLUMNS = {
    "loan_id": "text",
    "cohort": "date",
    "term_months": "integer",
    "amount": "integer",
    "event": "text",
    "event_mob": "integer",
}


def _validate(what: str, frame: pd.DataFrame, columns: Mapping[str, str], checks: Any) -> None:
    """Raise with every type violation and every row violation of the well-typed columns."""
    import pandera.pandas as pa

    if len(frame) == 0:
        raise DataContractError(what, ["no rows"])
    violations = type_violations(frame, columns)
    typed = {
        name: column
        for name, column in checks(pa).items()
        if name in frame.columns and IS_TYPE[columns[name]](frame[name])
    }
    schema = pa.DataFrameSchema(typed, unique_column_names=True)
    try:
        schema.validate(frame.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as error:
        violations += _row_violations(error.failure_cases, columns)
    if violations:
        raise DataContractError(what, violations)


def _row_violations(cases: pd.DataFrame, columns: Mapping[str, str]) -> list[str]:
    order = {name: position for position, name in enumerate(columns)}
    found = []
    for (name, check), group in cases.groupby(["column", "check"], sort=False, dropna=False):
        rule = {"not_nullable": "no missing value", "field_uniqueness": "no duplicate"}.get(
            str(check), str(check)
        )
        # a failed check of the whole column has no row
        rows = group["index"].dropna()
        where = f"{len(rows):,} rows" if len(rows) != 1 else "1 row"
        example = group["failure_case"].iloc[0]
        first = f", first in row {int(rows.iloc[0]) + 1:,}" if len(rows) else ""
        found.append(
            (order.get(name, 0), f"{name}: {where} break '{rule}', for example {example}{first}")
        )
    return [line for _, line in sorted(found)]


def _ids(pa: Any, *, unique: bool) -> Any:
    return pa.Column(nullable=False, unique=unique)


def _dates(pa: Any) -> Any:
    rule = f"between {FIRST_DATE:%Y-%m-%d} and {LAST_DATE:%Y-%m-%d}"
    return pa.Column(
        checks=pa.Check(lambda s: s.between(FIRST_DATE, LAST_DATE), error=rule), nullable=False
    )


def _whole(pa: Any, low: int, high: int | None = None) -> Any:
    rule = f"at least {low}" if high is None else f"between {low} and {high}"
    return pa.Column(
        checks=pa.Check(lambda s: (s >= low) & (s <= (s if high is None else high)), error=rule),
        nullable=False,
    )


def _one_of(pa: Any, allowed: Sequence[str]) -> Any:
    rule = f"one of {', '.join(allowed)}"
    return pa.Column(checks=pa.Check(lambda s: s.isin(allowed), error=rule), nullable=False)


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
    everybody = np.ones(len(df), dtype=bool)
    approved, booked = (
        df[name].fillna(False).to_numpy(bool)
        if name in df and pd.api.types.is_bool_dtype(df[name])
        else everybody
        for name in ("approved", "booked")
    )

    def checks(pa: Any) -> dict[str, Any]:
        return {
            "application_id": _ids(pa, unique=True),
            "customer_id": _ids(pa, unique=False),
            "applied_at": _dates(pa),
            "amount": _whole(pa, 1),
            "term_months": _whole(pa, 1, LONGEST_TERM_MONTHS),
            "approved": pa.Column(nullable=False),
            "booked": pa.Column(
                checks=pa.Check(lambda s: ~s | approved, error="booked only where approved"),
                nullable=False,
            ),
            "default_flag": pa.Column(
                checks=[
                    pa.Check(lambda s: s.isin([0, 1]), error="1 = bad, 0 = good, or missing"),
                    pa.Check(
                        # pandera hands over the known labels only
                        lambda s: pd.Series(booked[s.index], index=s.index),
                        error="known only where booked",
                    ),
                ],
                nullable=True,
            ),
        }

    columns = {
        name: kind
        for name, kind in APPLICATION_COLUMNS.items()
        if name in df.columns or name not in OPTIONAL_COLUMNS
    }
    _validate("applications", df, columns, checks)
    return df


def validate_performance(df: pd.DataFrame) -> pd.DataFrame:
    """Monthly panel, unchanged, if it holds to the contract.

    Parameters
    ----------
    df : DataFrame, one row per loan and month-end
        Sorted by loan_id and mob, each loan's months on book without a gap from 0.

    Raises
    ------
    DataContractError
        Lists every violation; a gap, a repeated month or an unsorted loan is named with its loan.
    """

    def checks(pa: Any) -> dict[str, Any]:
        return {
            "loan_id": _ids(pa, unique=False),
            "cohort": _dates(pa),
            "mob": _whole(pa, 0),
            "month_end": _dates(pa),
            "due_amount": _whole(pa, 0),
            "paid_amount": _whole(pa, 0),
            "balance": _whole(pa, 0),
            "dpd": _whole(pa, 0),
            "status": _one_of(pa, STATUSES),
            "recovered_amount": _whole(pa, 0),
        }

    _validate("performance", df, PERFORMANCE_COLUMNS, checks)
    loan_starts(df)
    _check_calendar(df)
    return df


def _check_calendar(performance: pd.DataFrame) -> None:
    """Refuse months on book that do not follow from cohort and month-end."""
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
            row = performance[broken.to_numpy()].iloc[0]
            found.append(
                rule.format(f"{int(broken.sum()):,}")
                + f"first loan {row['loan_id']} at mob {row['mob']}, cohort "
                f"{row['cohort']:%Y-%m-%d}, month_end {row['month_end']:%Y-%m-%d}"
            )
    if found:
        raise DataContractError("performance", found)


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

    def checks(pa: Any) -> dict[str, Any]:
        return {
            "loan_id": _ids(pa, unique=True),
            "cohort": _dates(pa),
            "term_months": _whole(pa, 1, LONGEST_TERM_MONTHS),
            "amount": _whole(pa, 1),
            "event": _one_of(pa, EVENTS),
            "event_mob": _whole(pa, 0),
        }

    _validate("outcomes", df, OUTCOME_COLUMNS, checks)
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
