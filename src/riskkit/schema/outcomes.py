"""What became of each loan, from what its owner holds: statuses, days past due, a thin panel.

Takes columns of a source; gives outcomes, labels and a panel in the contract's columns.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from riskkit.columns import calendar_months, shown
from riskkit.schema.facts import Reading
from riskkit.schema.mapping import Label, Performance
from riskkit.schema.raw_rows import Faults
from riskkit.target import BadDefinition

__all__ = ["derived_panel", "label_by_days", "label_by_values", "outcomes_of_events"]

# statuses that say themselves that a loan has not ended
_OPEN = {"open", "current", "active", "outstanding", "ongoing", "running", "in repayment"}
_OPEN |= {"正常", "还款中", "未结清", "进行中"}
_CLOSE = 0.75  # of difflib's ratio: defualt and default have 0.86


def label_by_values(
    values: pd.Series,
    meanings: Mapping[str, Sequence[str]],
    where: str,
    faults: Faults,
    reading: Reading,
) -> pd.Series:
    """Meaning of each value; what neither list names is a fault, as is a word that must be wrong.

    Parameters
    ----------
    values : Series of str, missing where blank
    meanings : mapping of meaning to the values that have it; ``ignored`` among them
    where : str
        The block of the mapping, for messages.

    Returns
    -------
    Series
        Of the meanings; missing for blank and unlisted values.
    """
    counts = values.value_counts()
    of_value = {value: meaning for meaning, listed in meanings.items() for value in listed}
    table = pd.DataFrame({"rows": counts, "meaning": [of_value.get(v, "–") for v in counts.index]})
    absent = {value: meaning for value, meaning in of_value.items() if value not in counts.index}
    never = pd.DataFrame({"rows": 0, "meaning": list(absent.values())}, index=list(absent))
    reading.labels = pd.concat([table, never]).rename_axis("value")
    unlisted = [value for value in counts.index if value not in of_value]
    if where == "outcomes.event":
        still_open = [value for value in unlisted if value.lower() in _OPEN]
        of_value |= dict.fromkeys(still_open, "ignored")
        unlisted = [value for value in unlisted if value not in still_open]
        reading.warnings += [f"{where}: {shown(v)} is taken for still open" for v in still_open]
    for value in unlisted[:10]:
        close = difflib.get_close_matches(value, [*absent], n=1, cutoff=_CLOSE)
        hint = f"; {shown(close[0])}, under {absent[close[0]]}, has none" if close else ""
        named = f": {shown(value)} in" if faults.shows_values else ": a value in"
        hint = hint if faults.shows_values else ""
        faults.add(f"{where}{named} {counts[value]:,} rows is in no list{hint}")
    if len(unlisted) > 10:
        faults.add(f"{where}: {len(unlisted) - 10:,} more values are in no list")
    for value, meaning in absent.items():
        if meaning == "ignored":
            continue
        if len(meanings[meaning]) == 1 or not any(v in counts.index for v in meanings[meaning]):
            faults.add(f"{where}.{meaning}: {shown(value)} has no row, and is all there is")
        else:
            reading.warnings.append(f"{where}.{meaning}: {shown(value)} has 0 rows")
    blank = int(values.isna().sum())
    if blank:
        reading.warnings.append(f"{where}: {blank:,} rows are blank")
    return values.map(of_value)


def label_by_days(
    days: pd.Series,
    applications: pd.DataFrame,
    rule: Label,
    bad: BadDefinition,
    observed_to: pd.Timestamp | None,
) -> tuple[pd.Series, list[str]]:
    """Label from days past due, of loans whose window has closed, and what biases it.

    Parameters
    ----------
    days : Series of float
        Worst within the window, or those of one day.
    applications : DataFrame
        applied_at.
    rule : Label
    bad : BadDefinition
        Its `dpd`, and its window.
    observed_to : Timestamp
        The last month-end seen.
    """
    end = observed_to if rule.at is None else min(pd.Timestamp(rule.at), observed_to or pd.NaT)
    if rule.at is not None and (observed_to is None or pd.isna(end)):
        end = pd.Timestamp(rule.at)
    term = applications.get("term_months", pd.Series(0, index=applications.index))
    seen = calendar_months([end])[0] - calendar_months(applications["applied_at"])
    closed = seen >= bad.window_of(term)
    flags = (days > bad.dpd).astype(float).where(days.notna() & closed)
    if rule.days_past_due == "worst":
        return flags, []
    return flags, [
        f"label: days past due are those of {rule.at} alone, so a loan that was worse before and "
        "was paid or written off by then counts as good"
    ]


def outcomes_of_events(
    meaning: pd.Series, last_payment: pd.Series, applications: pd.DataFrame, lag_months: int
) -> pd.DataFrame:
    """One outcome per loan from its final status and the month of its last payment.

    A loan in default leaves the book `lag_months` after its last payment; one that never paid,
    `lag_months` after disbursal. A repaid loan is matured at or after its term.

    Parameters
    ----------
    meaning : Series
        default, repaid, or still open.
    last_payment : Series of datetime64
    applications : DataFrame
        application_id, applied_at, term_months, amount.
    lag_months : int
    """
    issued = applications["applied_at"]
    # never paid: as if the last payment were made at issue
    months = calendar_months(last_payment.fillna(issued)) - calendar_months(issued)
    mob = pd.Series(months).clip(lower=0)
    default, repaid = meaning == "default", meaning == "repaid"
    term = applications["term_months"]
    event = np.select(
        [default, repaid & (mob >= term), repaid], ["default", "matured", "prepaid"], "censored"
    )
    return pd.DataFrame(
        {
            "loan_id": applications["application_id"],
            "cohort": issued.dt.to_period("M").dt.start_time,
            "term_months": term,
            "amount": applications["amount"],
            "event": pd.Series(event, dtype="str"),
            "event_mob": (mob + np.where(default, lag_months, 0)).astype("int64"),
        }
    )


def derived_panel(
    panel: pd.DataFrame,
    block: Performance,
    applications: pd.DataFrame,
    observed_to: pd.Timestamp,
    faults: Faults,
    reading: Reading,
) -> pd.DataFrame:
    """The panel sorted by loan and month, with the months and statuses that follow from it.

    A month without a day is its last day. The cohort is the month of disbursal, or where the
    mapping says so the loan's first month; months on book are counted from it. Without a status a
    loan is current or delinquent by its days past due, and one that leaves the panel with nothing
    past due is what the mapping says, repaid or unknown.
    """
    numbers = panel.attrs["numbers"]
    month_end = panel["month_end"]
    if "%d" not in (block.columns["month_end"].format or "%d"):
        month_end = month_end + pd.offsets.MonthEnd(0)
    panel = panel.assign(month_end=month_end)
    if "cohort" not in panel:
        panel["cohort"] = panel.groupby("loan_id")["month_end"].transform("min")
    panel["cohort"] = panel["cohort"].dt.to_period("M").dt.start_time
    months = calendar_months(panel["month_end"]) - calendar_months(panel["cohort"])
    if "mob" not in panel:
        panel["mob"] = months
    order = np.lexsort([panel["mob"].to_numpy(), panel["loan_id"].to_numpy(object)])
    panel, numbers = panel.iloc[order].reset_index(drop=True), numbers[order]
    if "status" not in panel:
        panel["status"] = _status(panel, block, applications, observed_to, faults, reading)
    known = ["loan_id", "cohort", "mob", "month_end", "due_amount", "paid_amount", "balance"]
    columns = [*known, "dpd", "status", "recovered_amount"]
    panel = panel[[name for name in columns if name in panel]]
    panel.attrs["numbers"] = numbers
    return panel


def _status(
    panel: pd.DataFrame,
    block: Performance,
    applications: pd.DataFrame,
    observed_to: pd.Timestamp,
    faults: Faults,
    reading: Reading,
) -> pd.Series:
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
    return status
