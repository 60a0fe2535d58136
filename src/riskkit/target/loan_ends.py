"""What became of each loan: when it was first bad, how it ended, what of it was not seen.

Takes the monthly panel or the outcomes, whole or in parts; gives a row a loan, from which labels
and their evidence follow.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd

from riskkit.checks import loan_starts, require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.loan_values import LoanValues
from riskkit.partitions import collected
from riskkit.tables import Table

__all__ = ["NEVER", "loan_ends"]

NEVER = 20_000  # months: past every window
_MOST_DAYS = 31  # of a month: arrears grow by a day a day at most
_PANEL = ("loan_id", "cohort", "mob", "dpd", "status")
_OUTCOMES = ("loan_id", "cohort", "term_months", "event", "event_mob")


def loan_ends(
    book: pd.DataFrame | Table,
    dpd: int | None,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues | None = None,
) -> pd.DataFrame:
    """One row per loan: when it was first bad, how it ended, and how far it was seen.

    `first_bad_mob` is :data:`NEVER` where it was not. `repaid` is whether the loan's last row shows
    nothing past due: it ended without a loss, or stands current. `unseen_from` is the first month
    in which, unseen, it may have turned bad (or :data:`NEVER`), and `worst_possible_dpd` takes the
    unseen months in.

    Parameters
    ----------
    book : DataFrame or Table
        The monthly panel, sorted by loan and month, or the outcomes.
    dpd : int or None
        Days past due that bad loans exceed; None = charged off only.
    observed_to : Timestamp
        The last month-end seen.
    term_months : Series, index loan_id, or LoanValues, optional
        Becomes a column, missing where a term is; outcomes carry their own.

    Returns
    -------
    DataFrame, index loan_id
        Of a Table, numbered instead: ids of millions would take more than all else.
    """
    if isinstance(book, Table):
        of_part = partial(_compact, dpd=dpd, observed_to=observed_to, term_months=term_months)
        is_panel = "event" not in book.columns
        rows = whole_loans(book) if is_panel else book
        return collected(of_part, rows, columns=_PANEL if is_panel else _OUTCOMES)
    loans = _of_frame(book, dpd, observed_to)
    if term_months is not None and "term_months" not in loans:
        if isinstance(term_months, LoanValues):
            loans["term_months"] = term_months.of(loans.index.to_series())
        else:
            loans["term_months"] = term_months.reindex(loans.index)
    return loans


def _compact(
    book: pd.DataFrame,
    *,
    dpd: int | None,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues | None,
) -> pd.DataFrame:
    """The same in the smallest whole numbers, without ids."""
    loans = loan_ends(book, dpd, observed_to, term_months).reset_index(drop=True)
    for name, values in loans.items():
        if values.dtype.kind in "iu":
            loans[name] = pd.to_numeric(values, downcast="integer")
    return loans


def _months_seen(cohort: pd.Series, observed_to: pd.Timestamp) -> np.ndarray:
    return calendar_months([observed_to])[0] - calendar_months(cohort)


def _of_frame(book: pd.DataFrame, dpd: int | None, observed_to: pd.Timestamp) -> pd.DataFrame:
    if "event" in book.columns:
        loans = book.set_index("loan_id")
        bad = loans["event"] == "default"
        ended = loans["event"] != "censored"
        loans = pd.DataFrame(
            {
                "first_bad_mob": loans["event_mob"].where(bad, NEVER),
                "ended": ended,
                "repaid": loans["event"].isin(["prepaid", "matured"]),
                "worst_dpd": 0,
                "worst_possible_dpd": 0,
                "unseen_from": NEVER,
                "entry_mob": 0,
                "observed_mob": loans["event_mob"].where(
                    ~ended, _months_seen(loans["cohort"], observed_to)
                ),
                "term_months": loans["term_months"],
                "cohort": loans["cohort"],
                "last_mob": loans["event_mob"],
            }
        )
        return loans
    require_columns(book, ["loan_id", "cohort", "mob", "dpd", "status"], "performance")
    starts = loan_starts(book)
    ends = np.append(starts[1:], len(book))[: len(starts)] - 1
    mob, days = book["mob"].to_numpy(np.int64), book["dpd"].to_numpy(np.int64)
    charged_off = (book["status"] == "charged_off").to_numpy(dtype=bool)
    # few rows are bad: only they are looked up
    limit = math.inf if dpd is None else dpd
    bad_rows = np.flatnonzero((days > limit) | charged_off)
    first_bad = np.full(len(starts), NEVER)
    np.minimum.at(first_bad, np.searchsorted(starts, bad_rows, side="right") - 1, mob[bad_rows])
    loan, unseen_from, unseen_dpd = _unseen(starts, mob, days, charged_off, limit)
    unseen = np.full(len(starts), NEVER)
    np.minimum.at(unseen, loan, unseen_from)
    worst = np.maximum.reduceat(days, starts) if len(days) else days
    possible = worst.copy()
    np.maximum.at(possible, loan, unseen_dpd)
    status = book["status"].iloc[ends]
    cohort = book["cohort"].iloc[starts]
    return pd.DataFrame(
        {
            "first_bad_mob": first_bad,
            "ended": status.isin(["prepaid", "matured", "charged_off"]).to_numpy(),
            "repaid": ~charged_off[ends] & (days[ends] == 0),
            "worst_dpd": worst,
            "worst_possible_dpd": possible,
            "unseen_from": unseen,
            "entry_mob": mob[starts],
            "observed_mob": _months_seen(cohort, observed_to),
            "cohort": cohort.to_numpy(),
            "last_mob": mob[ends],
        },
        index=pd.Index(book["loan_id"].iloc[starts], name="loan_id"),
    )


def _unseen(
    starts: np.ndarray,
    mob: np.ndarray,
    days: np.ndarray,
    charged_off: np.ndarray,
    limit: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stretches of unseen months: loan, first month in which it may be past `limit`, most days.

    Nobody is further past due than the days since it was last seen, and what was seen then, allow;
    before its first row, than the days since the first of its month of disbursal.
    """
    entries = starts[mob[starts] > 0]
    is_start = np.zeros(len(mob), dtype=bool)
    is_start[starts] = True
    rows = np.flatnonzero(~is_start[1:] & (mob[1:] > mob[:-1] + 1)) + 1
    first = np.concatenate([np.zeros(len(entries), np.int64), mob[rows - 1] + 1])
    before = np.concatenate([np.full(len(entries), -1), days[rows - 1]])
    gone = np.concatenate([charged_off[entries], charged_off[rows] & ~charged_off[rows - 1]])
    rows = np.concatenate([entries, rows])
    # the first of `first`, `first` + 1, ... by whose end enough days have passed
    later = np.maximum(np.floor((limit - before) / _MOST_DAYS), 0)
    possible = np.where(gone, first, first + later)
    possible = np.where(possible < mob[rows], possible, NEVER).astype(np.int64)
    most = before + _MOST_DAYS * (mob[rows] - first)
    return np.searchsorted(starts, rows, side="right") - 1, possible, most
