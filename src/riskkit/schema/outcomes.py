"""What became of each loan, from what its owner holds: statuses, days past due, a thin panel.

Takes columns of a source; gives outcomes, labels and a panel in the contract's columns.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.columns import calendar_months, shown
from riskkit.schema.contract import CONTRACT
from riskkit.schema.facts import Reading
from riskkit.schema.mapping import Outcomes, Performance
from riskkit.schema.raw_rows import Faults, RawRows
from riskkit.target import BadDefinition

__all__ = [
    "derived_months",
    "flags_of_days",
    "last_whole_month",
    "meanings_of",
    "outcomes_of_events",
    "with_status",
]

# statuses that say themselves that a loan has not ended
_OPEN = {"open", "current", "active", "outstanding", "ongoing", "running", "in repayment"}
_OPEN |= {"正常", "还款中", "未结清", "进行中"}
_CLOSE = 0.75  # of difflib's ratio: defualt and default have 0.86
_MOST_UNLISTED = 10  # values that are named one by one


def meanings_of(
    values: pd.Series, meanings: Mapping[str, Sequence[str]], where: str, rows: RawRows, column: str
) -> pd.Series:
    """Meaning of each value; what no list names is a fault, as is a word that must be wrong.

    Parameters
    ----------
    values : Series of str, missing where blank
    meanings : mapping of meaning to the values that have it; ``ignored`` among them
    where : str
        The block of the mapping, for messages.
    rows : RawRows
        Where the values stand, in `column`; takes the faults and what is to be said.

    Returns
    -------
    Series
        Of the meanings; missing for blank and unlisted values.
    """
    counts = values.value_counts()
    of_value = {value: meaning for meaning, listed in meanings.items() for value in listed}
    absent = {value: meaning for value, meaning in of_value.items() if value not in counts}
    unlisted = [value for value in counts.index if value not in of_value]
    if where == "outcomes.event":
        for value in [value for value in unlisted if value.lower() in _OPEN]:
            of_value[value] = "ignored"
            unlisted.remove(value)
            rows.say(f"{where}: {rows.faults.word(value)} is taken for still open")
    counts = pd.concat([counts, pd.Series(0, index=pd.Index(list(absent), dtype="str"))])
    listed = [of_value.get(value, "–") for value in counts.index]
    rows.reading.labels = pd.DataFrame({"rows": counts, "meaning": listed}).rename_axis("value")
    for value in unlisted[:_MOST_UNLISTED]:
        n, first = counts[value], rows.numbers[int((values == value).argmax())]
        line = f"{where}: {rows.faults.word(value)} in {n:,} row{'s' if n > 1 else ''} of column "
        line += f"{column}, first in row {first:,}, is in no list"
        close = difflib.get_close_matches(value, absent, n=1, cutoff=_CLOSE)
        if close and rows.faults.shows_values:
            line += f"; {shown(close[0])}, under {absent[close[0]]}, has none"
        rows.faults.add(line)
    if len(unlisted) > _MOST_UNLISTED:
        rows.faults.add(f"{where}: {len(unlisted) - _MOST_UNLISTED:,} more values are in no list")
    for value, meaning in absent.items():
        if meaning == "ignored" or not set(meanings[meaning]) <= set(absent):
            rows.say(f"{where}.{meaning}: {shown(value)} has 0 rows")
        else:
            rows.faults.add(f"{where}.{meaning}: {shown(value)} has no row, and is all there is")
    blank = int(values.isna().sum())
    if blank:
        rows.say(f"{where}: {blank:,} rows are blank")
    return values.map(of_value)


def last_whole_month(day: pd.Timestamp) -> pd.Timestamp:
    """The last day of the last month that had ended by then.

    Examples
    --------
    >>> last_whole_month(pd.Timestamp("2024-06-15"))
    Timestamp('2024-05-31 00:00:00')
    """
    return day if day.is_month_end else day - pd.offsets.MonthEnd(1)


def flags_of_days(
    days: pd.Series, applications: pd.DataFrame, bad: BadDefinition, observed_to: pd.Timestamp
) -> pd.Series:
    """Label from days past due, of loans whose window has closed.

    Parameters
    ----------
    days : Series of float
        Worst within the window, or those of the day of a snapshot.
    applications : DataFrame
        applied_at, and term_months where it is known.
    bad : BadDefinition
        Its `dpd`, and its window.
    observed_to : Timestamp
        The last month-end seen whole.
    """
    term = applications.get("term_months", pd.Series(0, index=applications.index))
    seen = calendar_months([observed_to])[0] - calendar_months(applications["applied_at"])
    return (days > bad.dpd).astype(float).where(days.notna() & (seen >= bad.window_of(term)))


def outcomes_of_events(
    meaning: pd.Series,
    last_payment: pd.Series,
    applications: pd.DataFrame,
    block: Outcomes,
    reading: Reading,
) -> pd.DataFrame:
    """One outcome per loan from its final status and the month of its last payment.

    A loan in default leaves the book so many months after its last payment as the mapping says;
    one that never paid, so many after disbursal. A repaid loan is matured at or after its term.

    Parameters
    ----------
    meaning : Series
        default, repaid, or still open.
    last_payment : Series of datetime64
    applications : DataFrame
        application_id, applied_at, term_months, amount, booked.
    """
    issued = applications["applied_at"]
    default, repaid = meaning == "default", meaning == "repaid"
    unpaid = int((repaid & last_payment.isna()).sum())
    if unpaid:
        reading.warnings.append(
            f"outcomes.last_payment: {unpaid:,} repaid loans have none; they are taken as repaid "
            "in their first month"
        )
    # never paid: as if the last payment were made at issue
    mob = pd.Series(calendar_months(last_payment.fillna(issued)) - calendar_months(issued))
    term = applications["term_months"]
    event = np.select(
        [default, repaid & (mob >= term), repaid], ["default", "matured", "prepaid"], "censored"
    )
    outcomes = pd.DataFrame(
        {
            "loan_id": applications["application_id"],
            "cohort": issued.dt.to_period("M").dt.start_time,
            "term_months": term,
            "amount": applications["amount"],
            "event": pd.Series(event, dtype="str"),
            "event_mob": (mob + np.where(default, block.default_lag_months, 0)).astype("int64"),
        }
    )
    return outcomes[applications["booked"]].reset_index(drop=True)


def derived_months(
    panel: pd.DataFrame, block: Performance
) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """The panel sorted by loan and month, with the months that follow, and where its rows were.

    A month without a day is its last day. The cohort is the month of disbursal, or where the
    mapping says so the loan's first month; months on book are counted from it.
    """
    month_end = panel["month_end"]
    if block.columns["month_end"].format and "%d" not in block.columns["month_end"].format:
        month_end = month_end + pd.offsets.MonthEnd(0)
    # a day is all of its hours
    panel = panel.assign(month_end=month_end.dt.normalize())
    if "cohort" not in panel:
        panel["cohort"] = panel.groupby("loan_id")["month_end"].transform("min")
    panel["cohort"] = panel["cohort"].dt.to_period("M").dt.start_time
    if "mob" not in panel:
        panel["mob"] = calendar_months(panel["month_end"]) - calendar_months(panel["cohort"])
    order = np.lexsort([panel["mob"].to_numpy(), panel["loan_id"].to_numpy(object)])
    columns = [name for name in CONTRACT["performance"] if name in panel]
    return panel[columns].iloc[order].reset_index(drop=True), order


def with_status(
    panel: pd.DataFrame,
    block: Performance,
    applications: pd.DataFrame,
    observed_to: pd.Timestamp | None,
    faults: Faults,
    reading: Reading,
) -> pd.DataFrame:
    """The panel with the status that follows from days past due.

    A loan is current or delinquent; one that leaves the panel with nothing past due is what the
    mapping says, repaid or unknown.
    """
    late = panel["dpd"] > 0
    status = pd.Series(np.where(late, "delinquent", "current"), dtype="str")
    last = ~panel["loan_id"].duplicated(keep="last")
    gone = last & (panel["month_end"] < observed_to)
    left = gone & ~late
    if left.any() and not block.left_current:
        faults.add(
            f"performance.left_current: missing; {int(left.sum()):,} loans leave the panel before "
            f"{observed_to:%Y-%m-%d} with nothing past due: state repaid or unknown"
        )
    if (gone & late).any():
        reading.warnings.append(
            f"performance: {int((gone & late).sum()):,} loans leave the panel while past due; what "
            "became of them is not known"
        )
    if block.left_current == "repaid":
        term = panel["loan_id"].map(applications.set_index("application_id")["term_months"])
        status[left & (panel["mob"] >= term)] = "matured"
        status[left & (panel["mob"] < term)] = "prepaid"
    known = [name for name in CONTRACT["performance"] if name in panel or name == "status"]
    return panel.assign(status=status)[known]
