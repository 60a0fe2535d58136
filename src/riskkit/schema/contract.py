"""What the columns of each table must be, and the one error that lists everything that is not.

Takes a frame; gives the same frame, or a :class:`DataContractError` with every violation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import IS_TYPE, DataContractError, type_violations
from riskkit.columns import SHOWN_CHARACTERS, calendar_months, shown
from riskkit.partitions import collected, total
from riskkit.tables import Table, hash_ids

__all__ = [
    "CONTRACT",
    "KEYS",
    "STATUSES",
    "ColumnRule",
    "across_columns",
    "broken_rules",
    "check_target",
    "repeats",
    "repeats_text",
    "validate_applications",
    "validate_outcomes",
    "validate_performance",
    "violations_in_parts",
]

FIRST_DATE = pd.Timestamp("1990-01-01")
LAST_DATE = pd.Timestamp("2100-01-01")
LONGEST_TERM_MONTHS = 480

ENDED = ("prepaid", "matured")  # no row of the loan follows
STATUSES = ("current", "delinquent", "prepaid", "matured", "charged_off")
# what was done for a borrower in arrears, which hides them: due dates or the count of days past due
# set back without the money; dates moved; a new plan or a new loan for the old; less taken for all
TREATMENTS = ("re-age", "extension", "restructuring", "settlement")
EVENTS = ("default", "prepaid", "matured", "censored")
# of loans past due when a month began: collected as usual, or left alone by a draw
COLLECTION_GROUPS = ("treated", "held_out")
# to what an offer was dealt at random; the control group could have been dealt to any
TEST_GROUPS = ("control", "lower price", "higher price", "lower limit", "higher limit")

Rows = TypeVar("Rows", pd.DataFrame, Table)
Broken = tuple[str, NDArray[np.bool_]]
"""What must hold, and in which rows it does not."""


@dataclass(frozen=True, kw_only=True)
class ColumnRule:
    """What a column of the contract holds.

    Parameters
    ----------
    kind : {"text", "date", "integer", "number", "boolean"}
    needed : bool
        Whether every table of the kind has the column.
    filled : bool
        Whether every row has a value.
    low, high : int, optional
    one_of : tuple
        The values there may be; all where empty.
    is_amount : bool
        In the mapping's unit of money.
    """

    kind: str
    needed: bool = True
    filled: bool = True
    low: int | None = None
    high: int | None = None
    one_of: tuple[str, ...] = ()
    is_amount: bool = False


_TEXT, _DATE, _TRUTH = (ColumnRule(kind=kind) for kind in ("text", "date", "boolean"))
_TERM = ColumnRule(kind="integer", low=1, high=LONGEST_TERM_MONTHS)
_COUNT = ColumnRule(kind="integer", low=0)
_LENT = ColumnRule(kind="integer", low=1, is_amount=True)
_MAYBE = ColumnRule(kind="text", needed=False, filled=False)
_FLOW = ColumnRule(kind="integer", low=0, is_amount=True, needed=False)

CONTRACT: dict[str, Mapping[str, ColumnRule]] = {
    "applications": {
        "application_id": _TEXT,
        "customer_id": _TEXT,
        # a source may know neither when somebody applied nor for how long the loan is
        "applied_at": ColumnRule(kind="date", needed=False),
        "channel": _MAYBE,
        "partner": _MAYBE,
        "scenario": _MAYBE,
        "amount": _LENT,
        "term_months": ColumnRule(kind="integer", low=1, high=LONGEST_TERM_MONTHS, needed=False),
        "approved": _TRUTH,
        "declined_reason": _MAYBE,
        "override": ColumnRule(kind="boolean", needed=False, filled=False),
        "offer_apr": ColumnRule(kind="number", needed=False, filled=False),
        "offer_limit": ColumnRule(kind="integer", is_amount=True, needed=False, filled=False),
        "test_group": ColumnRule(kind="text", needed=False, filled=False, one_of=TEST_GROUPS),
        "booked": _TRUTH,
    },
    "performance": {
        "loan_id": _TEXT,
        "cohort": _DATE,
        "mob": _COUNT,
        "month_end": _DATE,
        # a panel of loan, month and days past due alone has no amounts
        "due_amount": _FLOW,
        "paid_amount": _FLOW,
        "balance": _FLOW,
        "dpd": _COUNT,
        "status": ColumnRule(kind="text", one_of=STATUSES),
        "recovered_amount": _FLOW,
        # in the month in which it was granted
        "treatment": ColumnRule(kind="text", needed=False, filled=False, one_of=TREATMENTS),
        # what collections did in the month with loans that were past due when it began
        "collection_group": ColumnRule(
            kind="text", needed=False, filled=False, one_of=COLLECTION_GROUPS
        ),
        "collection_action": _MAYBE,
        "contacted": ColumnRule(kind="boolean", needed=False, filled=False),
        # lenders beside this one with whom the borrower has a loan, as known at the month-end
        "other_lenders": ColumnRule(kind="integer", low=0, needed=False, filled=False),
    },
    "instalments": {
        "loan_id": _TEXT,
        "number": ColumnRule(kind="integer", low=1),
        "due_date": _DATE,
        "due_amount": ColumnRule(kind="integer", low=0, is_amount=True),
        "paid_date": ColumnRule(kind="date", needed=False, filled=False),
        "paid_amount": ColumnRule(
            kind="integer", low=0, is_amount=True, needed=False, filled=False
        ),
    },
    "outcomes": {
        "loan_id": _TEXT,
        "cohort": _DATE,
        "term_months": _TERM,
        "amount": _LENT,
        "event": ColumnRule(kind="text", one_of=EVENTS),
        "event_mob": _COUNT,
    },
}
# what no two rows have in common
KEYS = {
    "applications": ("application_id",),
    "performance": ("loan_id", "month_end"),
    "instalments": ("loan_id", "number"),
    "outcomes": ("loan_id",),
}


def broken_rules(rule: ColumnRule, values: pd.Series) -> Iterator[Broken]:
    """What a column's values, in their type, break of its rule; missing ones break one alone."""
    there = values.notna()
    # cells that could not be read leave a column without any text
    if rule.filled and rule.kind == "text" and there.any() and IS_TYPE["text"](values):
        # several people would be one where an id is a blank
        blank = (values == "") | values.str.isspace()
        yield "filled", ~there.to_numpy() | _held(blank)
    elif rule.filled:
        yield "filled", ~there.to_numpy()
    low, high = (FIRST_DATE, LAST_DATE) if rule.kind == "date" else (rule.low, rule.high)
    if high is not None:
        ends = f"{low:%Y-%m-%d} and {high:%Y-%m-%d}" if rule.kind == "date" else f"{low} and {high}"
        yield f"between {ends}", _held(there & ~values.between(low, high))
    elif low is not None:
        yield f"at least {low}", _held(values < low)
    if rule.kind == "number":
        yield "a finite number", _held(values.abs() == np.inf)
    if rule.one_of:
        yield f"one of {', '.join(rule.one_of)}", (there & ~values.isin(rule.one_of)).to_numpy()


def _held(rows: pd.Series) -> NDArray[np.bool_]:
    """In which rows it holds; where a value is missing, in none."""
    return rows.to_numpy(dtype=bool, na_value=False)


def across_columns(table: str, frame: pd.DataFrame) -> Iterator[tuple[str, Broken]]:
    """What the columns of a table, valid each for itself, must hold together; by column."""
    if table == "applications":
        booked, approved = frame["booked"].astype(bool), frame["approved"].astype(bool)
        yield "booked", ("approved, as booked ones must be", (booked & ~approved).to_numpy())
    if table != "performance":
        return
    loan, mob, end = frame["loan_id"], frame["mob"], frame["month_end"]
    first = (loan != loan.shift()).to_numpy()
    apart = first & loan.duplicated().to_numpy()
    yield "loan_id", ("beside the other rows of their loan", apart)
    months = calendar_months(end) - calendar_months(frame["cohort"])
    yield "month_end", ("the last day of a month", ~end.dt.is_month_end.to_numpy())
    yield "mob", ("months from cohort to month_end", months != mob.to_numpy())
    # a loan may be first seen late, and months of it be left out
    yield "mob", ("after the month before", ~first & (mob <= mob.shift()).to_numpy())
    if "status" not in frame:  # a mapping may still derive it
        return
    ended = frame["status"].isin(ENDED).to_numpy()
    followed = np.append(~first[1:], False)
    yield "status", ("the loan's last row, as a prepaid or matured one must be", ended & followed)
    lost = (frame["status"] == "charged_off").to_numpy(dtype=bool, na_value=False)
    before = np.append(False, lost[:-1]) & ~first
    revived = before & frame["status"].isin(["current", "delinquent"]).to_numpy()
    yield "status", ("charged off still, as the row after a charge-off must be", revived)


def repeats(frame: pd.DataFrame, by: Sequence[str]) -> tuple[NDArray[np.intp], int]:
    """Rows that are the same in some columns as an earlier one, and the first one's earlier one."""
    keys = frame[list(by)]
    rows = np.flatnonzero(keys.duplicated() & keys.notna().all(axis=1))
    return rows, int((keys == keys.iloc[rows[0]]).all(axis=1).argmax()) if len(rows) else 0


def _violations(
    table: str,
    frame: pd.DataFrame,
    *,
    more: Mapping[str, ColumnRule] | None = None,
    labelled: bool = True,
    shows_values: bool = True,
) -> list[str]:
    """Every violation of types, rows and keys; no id is shown."""
    if len(frame) == 0:
        return ["no rows"]
    frame = frame.reset_index(drop=True)
    rules = {**(more or {}), **CONTRACT[table]}
    if table == "applications":
        rules["default_flag"] = ColumnRule(kind="number", filled=False, needed=labelled)
    rules = {name: rule for name, rule in rules.items() if rule.needed or name in frame}
    twice = frame.columns[frame.columns.duplicated()].unique()
    lines = [f"two columns of one name: {name}" for name in twice]
    lines += type_violations(frame, {name: rule.kind for name, rule in rules.items()})
    typed = {
        name: rule
        for name, rule in rules.items()
        if name in frame and name not in twice and IS_TYPE[rule.kind](frame[name])
    }
    broken = [(name, one) for name in typed for one in broken_rules(typed[name], frame[name])]
    if "default_flag" in typed:
        flag = frame["default_flag"]
        known = flag.notna().to_numpy()
        broken.append(
            ("default_flag", ("1 = bad, 0 = good, or missing", known & ~flag.isin([0, 1])))
        )
        if "booked" in typed:
            booked = frame["booked"].to_numpy(bool)
            broken.append(("default_flag", ("known only where booked", known & ~booked)))
    if len(typed) == len(rules) and not any(rows.any() for _, (_, rows) in broken):
        broken += across_columns(table, frame)
    for name, (rule, rows) in broken:
        if rows.any():
            where = _where(frame[name], rule, np.flatnonzero(rows), shows_values)
            lines.append(f"{name}: {where}")
    # of a panel, months that follow one another say it
    if table != "performance" and set(KEYS[table]) <= set(typed):
        again, first = repeats(frame, KEYS[table])
        if len(again):
            lines.append(repeats_text(", ".join(KEYS[table]), again + 1, first + 1))
    return lines


def repeats_text(key: str, rows: NDArray[np.intp], first: int, column: str = "") -> str:
    """Rows that are there twice, in words that show no value."""
    count = "1 row repeats" if len(rows) == 1 else f"{len(rows):,} rows repeat"
    where = f"row {rows[0]:,} of column {column}" if column else f"row {rows[0]:,}"
    return f"{key}: {count} an earlier one, {where}: same as row {first:,}"


def _where(values: pd.Series, rule: str, rows: NDArray[np.intp], shows_values: bool) -> str:
    value = values.iloc[rows[0]]
    value = value.item() if hasattr(value, "item") else value
    brief = shown(value) if isinstance(value, str) else f"{value}"[:SHOWN_CHARACTERS]
    is_hidden = not shows_values or str(values.name).endswith("_id")
    example = "" if is_hidden or pd.isna(value) else f", for example {brief}"
    one = len(rows) == 1
    count = f"{len(rows):,} row{'' if one else 's'} break{'s' if one else ''}"
    return f"{count} '{rule}'{example}, first in row {rows[0] + 1:,}"


def _valid(table: str, rows: Rows) -> Rows:
    is_frame = isinstance(rows, pd.DataFrame)
    lines = _violations(table, rows) if is_frame else violations_in_parts(table, rows)
    if lines:
        raise DataContractError(table, lines)
    return rows


def violations_in_parts(
    name: str,
    table: Table,
    *,
    more: Mapping[str, ColumnRule] | None = None,
    labelled: bool = True,
    shows_values: bool = True,
) -> list[str]:
    """Violations of a table in parts: those of the first block that has any, and repeated ids.

    Parameters
    ----------
    name : str
        Of the table, in the contract.
    table : Table
        Whole loans where a loan has several rows.
    more : mapping of str to ColumnRule, optional
        Rules of columns beside those of the contract.
    labelled : bool
        Whether applications must have a label.
    shows_values : bool
        Whether a line may show a value that breaks a rule.
    """
    if not len(table):
        return ["no rows"]
    columns = [*CONTRACT[name], "default_flag", *(more or {})]
    asked = {"more": more, "labelled": labelled, "shows_values": shows_values}
    of_block = partial(_of_block, name=name, **asked)
    found = collected(of_block, table, columns=columns)
    start = 0
    for n_rows, lines in zip(found["rows"], found["lines"], strict=True):
        if lines:
            place = f"in rows {start + 1:,} to {start + n_rows:,}, counted from their first: "
            return [place + line for line in lines.split("\n")]
        start += n_rows
    key, *other = KEYS[name]
    hashes = collected(partial(_hashes, key=key), table, columns=[key])["hash"]
    n = int(hashes.duplicated().sum())
    if not n:
        return []
    # within a block the rows of a loan are held together already
    apart = f"{n:,} loans have rows apart from one another; expected all rows of a loan together"
    return [f"{key}: {apart if other else f'{n:,} rows repeat an id of an earlier one'}"]


def _of_block(frame: pd.DataFrame, name: str, **asked: Any) -> pd.DataFrame:
    lines = _violations(name, frame, **asked) if len(frame) else []
    return pd.DataFrame({"rows": [len(frame)], "lines": ["\n".join(lines)]})


def _hashes(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """Of each id, once where it follows itself."""
    ids = frame[key]
    return pd.DataFrame({"hash": hash_ids(ids[(ids != ids.shift()).to_numpy(bool)])})


def validate_applications(df: Rows) -> Rows:
    """Applications, unchanged, if they hold to the contract.

    Parameters
    ----------
    df : DataFrame or Table, one row per application
        At least the contract's columns (applied_at and term_months only where they are known);
        features beside them are free.

    Returns
    -------
    DataFrame or Table
        The same object.

    Raises
    ------
    DataContractError
        Lists every violation: missing columns, wrong dtypes, duplicate or missing ids, dates out
        of range, amounts or terms below 1, a label other than 0, 1 or missing, a label on an
        application that was not booked, a booked application that was not approved, no rows.
    """
    return _valid("applications", df)


def validate_performance(df: Rows) -> Rows:
    """Monthly panel, unchanged, if it holds to the contract.

    Allowed, and counted by :func:`riskkit.vintage.panel_gaps`: a loan first seen after month 0 (a
    late entry, its `entry_mob` the `mob` of its first row), months of a loan left out between two
    of its rows (a gap: they are unseen), and a loan whose rows stop before the last month-end
    without an end: censored at its last row where nothing was past due there, vanished where
    something was.

    Parameters
    ----------
    df : DataFrame or Table, one row per loan and month-end
        The rows of a loan together, by rising `mob`.

    Raises
    ------
    DataContractError
        Lists every violation with its rows: a `mob` that is not the months from `cohort` to
        `month_end`, months that are repeated or go back, rows of a loan apart, rows after it was
        prepaid or matured.
    """
    return _valid("performance", df)


def validate_outcomes(df: Rows) -> Rows:
    """Outcomes, unchanged, if they hold to the contract.

    Parameters
    ----------
    df : DataFrame or Table, one row per loan

    Raises
    ------
    DataContractError
        Lists every violation.
    """
    return _valid("outcomes", df)


def check_target(applications: pd.DataFrame | Table) -> None:
    """Refuse a label that has only one class, or none.

    Raises
    ------
    DataContractError
        With the number of goods and bads found.
    """
    good, bad = total(_goods_and_bads, applications, columns=["default_flag"]).tolist()
    if good == 0 or bad == 0:
        raise DataContractError(
            "applications",
            [f"default_flag: both goods and bads are needed, found {good:,} good and {bad:,} bad"],
        )


def _goods_and_bads(applications: pd.DataFrame) -> NDArray[np.int64]:
    return np.array([(applications["default_flag"] == flag).sum() for flag in (0, 1)])
