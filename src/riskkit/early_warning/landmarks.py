"""What is known of each running loan at each month-end, and whether it then fell behind.

Takes the performance panel and, where there are any, instalments and what is known of borrowers;
gives one row per loan and month-end, the landmark, with features that look back and a flag that
looks ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import loan_starts, require_columns
from riskkit.columns import calendar_months, last_month_end

__all__ = ["BEHAVIOUR", "WarningDefinition", "borrowers_of", "landmark_panel"]

ENDED = ("prepaid", "matured")
RUNNING = ("current", "delinquent")
RECENT_MONTHS = 6  # over which behaviour is remembered
PAID_MONTHS = 3  # over which payments are held against what fell due
LAST_INSTALMENTS = 3
# monthly incomes that a source may know, the most trusted first
INCOMES = ("verified_income", "stated_income")

BEHAVIOUR = {
    "dpd": "days past due",
    "mob": "month on book",
    "months_left": "months left of the term",
    "worst_dpd": "most days past due at a month-end of the last 6 months",
    "late_months": "month-ends past due in the last 6 months",
    "repaid_share": "share of the principal repaid",
    "paid_share": "paid, of what fell due in the last 3 months",
    "part_payments": "months of the last 6 in which less was paid than fell due, but something",
    "burden": "instalment as a share of monthly income",
    "days_late_last": "days late of the last instalment",
    "days_late_mean": "mean days late of the last 3 instalments",
    "late_share": "share of instalments so far paid late or not at all",
    "ignored_reminders": "months of the last 6 in which collections acted and nothing was paid",
    "other_lenders": "other lenders at the month-end",
    "other_lenders_growth": "other lenders more than 3 months before",
    "score": "score at origination",
}
"""What each feature of a landmark is. A source that cannot tell one has no such column."""


@dataclass(frozen=True, kw_only=True)
class WarningDefinition:
    """Of what a landmark warns: more than `dpd` days past due within the next months.

    Parameters
    ----------
    dpd : int
        Days; a loan past due by more is no landmark, since there is nothing left to warn of.
    horizon_months : int
        Month-ends after the landmark that are looked at.

    Raises
    ------
    ValueError
        `dpd` below 1, or `horizon_months` below 1.

    Examples
    --------
    >>> WarningDefinition().told
    'more than 30 days past due at one of the next 3 month-ends'
    """

    dpd: int = 30
    horizon_months: int = 3

    def __post_init__(self) -> None:
        for name in ("dpd", "horizon_months"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")

    @property
    def told(self) -> str:
        """The event in words."""
        months = "the next month-end"
        if self.horizon_months > 1:
            months = f"one of the next {self.horizon_months} month-ends"
        return f"more than {self.dpd} days past due at {months}"


def borrowers_of(applications: pd.DataFrame, score: str | None = None) -> pd.DataFrame:
    """What is known of each borrower from the application on, where the source tells it.

    Parameters
    ----------
    applications : DataFrame, one row per application
        `application_id`; of its other columns those of the result are read.
    score : str, optional
        Column of the score at origination; absent, there is none.

    Returns
    -------
    DataFrame, index loan_id
        Of `score`, `income` (monthly; verified, else stated) and `term_months` those there are.

    Source
    ------
    riskkit definition.
    """
    require_columns(applications, ["application_id"], "applications")
    known = pd.DataFrame(index=pd.Index(applications["application_id"], name="loan_id"))
    if score is not None and score in applications:
        known["score"] = applications[score].to_numpy(float)
    for name in INCOMES:
        if name not in applications:
            continue
        income = applications[name].to_numpy(float)
        # codes such as -9 say that it is not known
        income = np.where(income > 0, income, np.nan)
        known["income"] = (
            known["income"].fillna(pd.Series(income, known.index))
            if ("income" in known)
            else income
        )
    if "term_months" in applications:
        known["term_months"] = applications["term_months"].to_numpy(float)
    return known


def landmark_panel(
    performance: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    instalments: pd.DataFrame | None = None,
    borrowers: pd.DataFrame | None = None,
    definition: WarningDefinition | None = None,
) -> pd.DataFrame:
    """Every running loan at every month-end, with its behaviour so far and what then happened.

    A landmark is a row of the panel that is current or delinquent by at most `definition.dpd` days.
    Its features are read from rows of the month-end and before, from instalments due before it and
    from payments made by then; one paid later counts as still unpaid. Due dates are taken as the
    table has them: a source that overwrites them when they are moved tells nobody the old ones.

    `flag` looks ahead: 1 if a later row within the horizon is past `definition.dpd` days or charged
    off, 0 if the loan ended well before or all month-ends of the horizon were seen without it. It
    is missing while the horizon goes beyond `observed_to`, even where the event has come, since
    early news is bad news; and of loans lost from view.

    Parameters
    ----------
    performance : DataFrame
        The contract's panel, sorted by loan and month.
    observed_to : date
        Last day seen: a month that is not over by then is not seen yet.
    instalments : DataFrame, optional
        The contract's table, in any order.
    borrowers : DataFrame, optional
        Of :func:`borrowers_of`.
    definition : WarningDefinition, optional

    Returns
    -------
    DataFrame, one row per landmark, in the panel's order
        `loan_id`, `month_end`, of :data:`BEHAVIOUR` the features that the source can tell,
        `balance` (where there is one, fen) and `flag` (1.0, 0.0 or NaN). An empty panel gives no
        rows.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.

    Source
    ------
    van Houwelingen (2007), Dynamic prediction by landmarking in event history analysis,
    Scandinavian Journal of Statistics 34(1); the features are riskkit's.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a"] * 4, "mob": range(4), "dpd": [0, 0, 20, 51],
    ...     "month_end": pd.date_range("2024-01-31", periods=4, freq="ME"),
    ...     "status": ["current", "current", "delinquent", "delinquent"]})
    >>> marks = landmark_panel(panel, "2024-04-30", definition=WarningDefinition(horizon_months=2))
    >>> marks[["mob", "dpd", "late_months", "flag"]].to_numpy().tolist()
    [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0], [2.0, 20.0, 1.0, nan]]
    """
    definition = definition if definition is not None else WarningDefinition()
    require_columns(performance, ["loan_id", "mob", "month_end", "dpd", "status"], "performance")
    book = _Book.of(performance)
    running = performance["status"].isin(RUNNING).to_numpy(bool)
    rows = np.flatnonzero(running & (book.dpd <= definition.dpd))
    found: dict[str, Any] = {"dpd": book.dpd[rows], "mob": book.mob[rows]}
    found |= _past_months(book, performance, rows)
    loans = performance["loan_id"].iloc[book.starts]
    if instalments is not None:
        ends = performance["month_end"].to_numpy()[rows]
        found |= _past_instalments(instalments, pd.Index(loans), book.loan[rows], ends)
    if borrowers is not None:
        found |= _of_borrowers(borrowers.reindex(loans), book, performance, rows)
    panel = pd.DataFrame(
        {
            "loan_id": performance["loan_id"].array.take(rows),
            "month_end": performance["month_end"].array.take(rows),
            **{name: found[name] for name in BEHAVIOUR if name in found},
        }
    )
    if "balance" in performance:
        panel["balance"] = performance["balance"].to_numpy()[rows]
    return panel.assign(flag=_flags(book, rows, observed_to, definition))


@dataclass(frozen=True)
class _Book:
    """The panel as arrays: which loan each row is of, and where each loan begins."""

    starts: NDArray[np.intp]
    loan: NDArray[np.intp]
    mob: NDArray[np.int64]
    month: NDArray[np.int64]
    dpd: NDArray[np.int64]
    status: pd.Series

    @classmethod
    def of(cls, performance: pd.DataFrame) -> _Book:
        starts = loan_starts(performance)
        lengths = np.diff(np.append(starts, len(performance)))
        return cls(
            starts=starts,
            loan=np.repeat(np.arange(len(starts)), lengths),
            mob=performance["mob"].to_numpy(np.int64),
            month=calendar_months(performance["month_end"]),
            dpd=performance["dpd"].to_numpy(np.int64),
            status=performance["status"],
        )

    def near(
        self, rows: NDArray[np.intp], months: range
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
        """Rows of the same loan, one to a step, and whether each lies within `months` of `rows`.

        Months that were not seen have no row: a step may lead further than a month.
        """
        low, high = min(months), max(months)
        for step in months:
            there = np.clip(rows + step, 0, len(self.loan) - 1)
            apart = self.mob[there] - self.mob[rows]
            inside = (rows + step == there) & (self.loan[there] == self.loan[rows])
            yield there, inside & (apart >= low) & (apart <= high)


def _past_months(book: _Book, performance: pd.DataFrame, rows: NDArray[np.intp]) -> dict[str, Any]:
    """Features of the month-ends so far."""

    def filled(name: str) -> Any:
        return performance[name].to_numpy(float, na_value=np.nan)

    worst, late = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    has_money = {"due_amount", "paid_amount"} <= set(performance)
    has_log = "collection_action" in performance and "paid_amount" in performance
    part, ignored = np.zeros(len(rows)), np.zeros(len(rows))
    if has_money:
        due, paid = filled("due_amount"), filled("paid_amount")
        in_part = (paid > 0) & (paid < due)
    if has_log:
        nothing = performance["collection_action"].notna().to_numpy() & (filled("paid_amount") == 0)
    for there, inside in book.near(rows, range(-RECENT_MONTHS + 1, 1)):
        days = np.where(inside, book.dpd[there], 0)
        worst, late = np.maximum(worst, days), late + (days > 0)
        if has_money:
            part += inside & in_part[there]
        if has_log:
            ignored += inside & nothing[there]
    found: dict[str, Any] = {"worst_dpd": worst, "late_months": late}
    if has_money:
        sums = np.zeros((2, len(rows)))
        for there, inside in book.near(rows, range(-PAID_MONTHS + 1, 1)):
            sums += np.where(inside, (due[there], paid[there]), 0)
        found["paid_share"] = _ratio(sums[1], sums[0])
        found["part_payments"] = part
    if has_log:
        found["ignored_reminders"] = ignored
    if "balance" in performance:
        balance = filled("balance")
        found["repaid_share"] = 1 - _ratio(balance[rows], balance[book.starts][book.loan[rows]])
    if "other_lenders" in performance:
        others = filled("other_lenders")
        before = np.full(len(rows), np.nan)
        for there, inside in book.near(rows, range(-PAID_MONTHS, 0)):
            exact = inside & (book.mob[rows] - book.mob[there] == PAID_MONTHS)
            before = np.where(exact, others[there], before)
        found |= {"other_lenders": others[rows], "other_lenders_growth": others[rows] - before}
    return found


def _past_instalments(
    instalments: pd.DataFrame,
    loans: pd.Index,
    loan: NDArray[np.intp],
    month_end: NDArray[Any],
) -> dict[str, Any]:
    """Lateness of the instalments due before each month-end, as it was known that day."""
    require_columns(instalments, ["loan_id", "due_date"], "instalments")
    codes, owners = pd.factorize(instalments["loan_id"])
    of_loan = loans.get_indexer(owners)[codes]
    known = np.flatnonzero(of_loan >= 0)
    due = _days(instalments["due_date"])[known]
    paid = _days(instalments["paid_date"])[known] if "paid_date" in instalments else None
    is_whole = np.ones(len(known), dtype=bool)
    if {"paid_amount", "due_amount"} <= set(instalments):
        amounts = instalments[["paid_amount", "due_amount"]].to_numpy(float, na_value=np.nan)[known]
        is_whole = np.isnan(amounts[:, 0]) | (amounts[:, 0] >= amounts[:, 1])
    never = np.iinfo(np.int64).max
    if paid is None:
        paid = np.full(len(known), never)
    # NaT is the least of all numbers
    paid = np.where(is_whole & (paid > np.iinfo(np.int64).min), paid, never)
    end = _days(month_end)
    span = int(max(due.max(initial=0), end.max(initial=0))) + 2
    key = of_loan[known] * span + due
    order = np.argsort(key, kind="stable")
    key, due, paid = key[order], due[order], paid[order]
    first, stop = np.searchsorted(key, loan * span), np.searchsorted(key, loan * span + end)
    late_so_far = np.append(0, np.cumsum(paid > due))
    n_due, n_late = stop - first, late_so_far[stop] - late_so_far[first]
    found: dict[str, Any] = {"late_share": _ratio(n_late, n_due)}
    days = np.full((LAST_INSTALMENTS, len(loan)), np.nan)
    for place in range(LAST_INSTALMENTS):
        some = np.flatnonzero(n_due > place)
        at = stop[some] - 1 - place
        days[place, some] = np.maximum(np.minimum(paid[at], end[some]) - due[at], 0)
    count = (~np.isnan(days)).sum(axis=0)
    found["days_late_last"] = days[0]
    found["days_late_mean"] = _ratio(np.nansum(days, axis=0), count)
    return found


def _of_borrowers(
    known: pd.DataFrame, book: _Book, performance: pd.DataFrame, rows: NDArray[np.intp]
) -> dict[str, Any]:
    """What the application told of each landmark's borrower; `known` by loan."""
    loan = book.loan[rows]
    found: dict[str, Any] = {}
    if "score" in known:
        found["score"] = known["score"].to_numpy(float)[loan]
    if "term_months" in known:
        found["months_left"] = known["term_months"].to_numpy(float)[loan] - book.mob[rows]
    if "income" in known and "due_amount" in performance:
        due = performance["due_amount"].to_numpy(float, na_value=np.nan)[rows] / 100
        found["burden"] = np.where(due > 0, due, np.nan) / known["income"].to_numpy(float)[loan]
    return found


def _flags(
    book: _Book,
    rows: NDArray[np.intp],
    observed_to: pd.Timestamp | str,
    definition: WarningDefinition,
) -> NDArray[np.float64]:
    ended_well = book.status.isin(ENDED).to_numpy(bool)
    is_event = (book.dpd > definition.dpd) | (book.status == "charged_off").to_numpy(bool)
    event, ended = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    seen = np.zeros(len(rows), np.int64)
    for there, inside in book.near(rows, range(1, definition.horizon_months + 1)):
        event |= inside & is_event[there]
        ended |= inside & ended_well[there]
        seen += inside
    last = int(calendar_months([last_month_end(observed_to).to_datetime64()])[0])
    closed = book.month[rows] + definition.horizon_months <= last
    known = closed & (event | ended | (seen == definition.horizon_months))
    return np.where(known, event.astype(float), np.nan)


def _ratio(part: Any, whole: Any) -> NDArray[np.float64]:
    whole = np.asarray(whole, dtype=float)
    return np.asarray(part, dtype=float) / np.where(whole > 0, whole, np.nan)


def _days(dates: Any) -> NDArray[np.int64]:
    return np.asarray(dates, dtype="datetime64[D]").astype(np.int64)
