"""What the columns of each table must be, and the one error that lists everything that is not.

Takes a frame; gives the same frame, or a :class:`DataContractError` with every violation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "STATUSES",
    "DataContractError",
    "calendar_months",
    "check_target",
    "loan_starts",
    "missing_columns",
    "require_columns",
    "type_violations",
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

_IS_TYPE = {
    "text": lambda s: pd.api.types.is_string_dtype(s) or isinstance(s.dtype, pd.CategoricalDtype),
    "date": pd.api.types.is_datetime64_dtype,
    "integer": pd.api.types.is_integer_dtype,
    "number": lambda s: pd.api.types.is_numeric_dtype(s) and not pd.api.types.is_bool_dtype(s),
    "boolean": pd.api.types.is_bool_dtype,
}


class DataContractError(ValueError):
    """Input that breaks the data contract; lists every violation, not just the first.

    Parameters
    ----------
    what : str
        The table, file or mapping at fault.
    violations : sequence of str
        One line each: the column or key, how many rows, an example, what was expected.
    """

    def __init__(self, what: str, violations: Sequence[str]):
        self.what = what
        self.violations = tuple(violations)
        lines = "".join(f"\n  - {violation}" for violation in self.violations)
        super().__init__(f"{what} breaks the data contract:{lines}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.violations)


def require_columns(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Refuse a frame that lacks columns.

    Raises
    ------
    DataContractError
        Lists what is missing and what is there.
    """
    missing = missing_columns(frame.columns, columns)
    if missing:
        raise DataContractError(what, [missing])


def missing_columns(present: Collection[str], columns: Sequence[str]) -> str:
    """Sentence on the columns that are not present, empty where all are."""
    missing = [name for name in columns if name not in present]
    if not missing:
        return ""
    return f"missing columns {', '.join(missing)}; present: {', '.join(map(str, present))}"


def calendar_months(dates: Any) -> np.ndarray:
    """Months since January 1970 of each date, so that differences are whole months.

    Examples
    --------
    >>> calendar_months(["1970-03-31", "1971-01-01"]).tolist()
    [2, 12]
    """
    return np.asarray(dates, dtype="datetime64[M]").astype(np.int64)


def loan_starts(performance: pd.DataFrame) -> np.ndarray:
    """Positions of each loan's first row, in a panel sorted by loan and month on book.

    Parameters
    ----------
    performance : DataFrame
        `loan_id`, together for each loan, and `mob`, from 0 without a gap.

    Returns
    -------
    array of shape (n_loans,)

    Raises
    ------
    DataContractError
        A missing column, a loan that does not begin at month 0 or skips or repeats a month, rows
        of one loan that are not together.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> loan_starts(pd.DataFrame({"loan_id": ["a", "a", "b"], "mob": [0, 1, 0]})).tolist()
    [0, 2]
    """
    require_columns(performance, ["loan_id", "mob"], "performance")
    if performance.empty:
        return np.zeros(0, np.intp)
    # the labels are compared in their own type: as Python objects it would take seconds
    ids: Any = performance["loan_id"].array
    if isinstance(ids, pd.Categorical):
        ids = ids.codes
    mob = performance["mob"].to_numpy()
    new = np.ones(len(mob), dtype=bool)
    new[1:] = np.asarray(ids[1:] != ids[:-1], dtype=bool)
    starts = np.flatnonzero(new)

    def example(row: int) -> str:
        return f"for example loan {performance['loan_id'].iloc[row]} at mob {mob[row]}"

    violations = []
    late = starts[mob[starts] != 0]
    if len(late):
        violations.append(f"mob: {len(late):,} loans do not begin at month 0, {example(late[0])}")
    gaps = np.flatnonzero(~new[1:] & (mob[1:] != mob[:-1] + 1)) + 1
    if len(gaps):
        violations.append(
            f"mob: {len(gaps):,} rows do not follow the month before, {example(gaps[0])}"
        )
    heads = ids[starts]
    # ascending labels, the usual case, need no hash table
    if not (heads[1:] > heads[:-1]).all() and not pd.Series(heads).is_unique:
        twice = starts[pd.Series(heads).duplicated().to_numpy()]
        violations.append(
            f"loan_id: rows of {len(twice):,} loans are not together, {example(twice[0])}"
        )
    if violations:
        raise DataContractError("performance sorted by loan_id and mob", violations)
    return starts


def type_violations(frame: pd.DataFrame, columns: Mapping[str, str]) -> list[str]:
    """Sentences on columns that are missing or not of their kind.

    Parameters
    ----------
    frame : DataFrame
    columns : mapping of name to "text", "date", "integer", "number" or "boolean"

    Examples
    --------
    >>> type_violations(pd.DataFrame({"mob": [0.5]}), {"mob": "integer"})
    ['mob: expected integer, found dtype float64 (first value np.float64(0.5))']
    """
    missing = missing_columns(frame.columns, list(columns))
    found = [missing] if missing else []
    for name, kind in columns.items():
        if name in frame.columns and not _IS_TYPE[kind](frame[name]):
            example = frame[name].iloc[0] if len(frame) else None
            found.append(
                f"{name}: expected {kind}, found dtype {frame[name].dtype} "
                f"(first value {example!r})"
            )
    return found


def _validate(what: str, frame: pd.DataFrame, columns: Mapping[str, str], checks: Any) -> None:
    """Raise with every type violation and every row violation of the well-typed columns."""
    import pandera.pandas as pa

    if len(frame) == 0:
        raise DataContractError(what, ["no rows"])
    violations = type_violations(frame, columns)
    typed = {
        name: column
        for name, column in checks(pa).items()
        if name in frame.columns and _IS_TYPE[columns[name]](frame[name])
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
