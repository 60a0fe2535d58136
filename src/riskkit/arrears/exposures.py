"""The loans on the books at a day, and what each will owe in the months ahead.

Takes the performance panel and the applications; gives a row per loan, and balances by month.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from riskkit.arrears.moves_in_arrears import (
    DEFAULT_DPD,
    ENDED,
    N_STATES,
    Reading,
    loan_months,
    panel_amounts,
)
from riskkit.checks import Array, DataContractError, require_columns, whole_loans
from riskkit.columns import among, calendar_months
from riskkit.instalments import contract_rate, schedules
from riskkit.loan_values import is_among
from riskkit.migration import bucket_reading
from riskkit.partitions import collected
from riskkit.tables import Table, hash_ids

__all__ = ["book_at", "default_exposures", "how_they_left", "last_month_ends", "loan_terms"]

NOT_SEEN = "not seen"
_READ = ("loan_id", "cohort", "mob", "month_end", "dpd", "status", "balance")


def last_month_ends(performance: pd.DataFrame | Table) -> list[pd.Timestamp]:
    """The last month-end of a panel and, where it has one, the month-end before."""
    ends = collected(_month_ends, performance, columns=["month_end"])["month_end"]
    last = ends.max()
    before = ends[ends < last].max()
    return [last] if pd.isna(before) else [last, before]


def _month_ends(performance: pd.DataFrame) -> pd.DataFrame:
    return performance[["month_end"]].drop_duplicates()


def book_at(
    performance: pd.DataFrame | Table,
    applications: pd.DataFrame,
    as_of: pd.Timestamp | str,
    *,
    by: Reading | None = None,
) -> pd.DataFrame:
    """Loans on the books at a month-end: owed, not written off, with what is needed to provide.

    A loan leaves the books when it is paid off, has matured, or has no row any more: a charged-off
    loan whose rows have ended is written off. One that was not seen in the month is not here, and
    what is owed by it is not known. Nothing after `as_of` is read.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, with balance. A Table is read block by block.
    applications : DataFrame
        application_id, amount, term_months, offer_apr; where they are there, offer_limit (the loan
        is then not above it), product (else equal instalments) and offer_fee_rate (else none).
    as_of : Timestamp or str
        A month-end.
    by : {"months", "days"}, optional
        How buckets are read, of the whole panel unless given.

    Returns
    -------
    DataFrame, one row per loan, index loan_id
        `cohort`, `mob`, `entry_mob` (month on book in which it was first seen, above 0 of a late
        entrant), `dpd`, `status`, `state` (months in arrears 0..3; 4 once in default,
        whatever was paid since), `balance`, `amount` lent (fen), `term_months`, `method`,
        `contract_rate` and `effective_rate` (a month, fractions), `months_since_default` and
        `months_since_charge_off` (NaN where none), `default_balance` (owed when first in default),
        `months_since_30`, `months_since_90` (since last more than 30 or 90 days past due, 0 = now;
        NaN where never).

    Raises
    ------
    DataContractError
        A missing column, or a loan on the books without application, term or price.

    Source
    ------
    riskkit definition; effective rate: IFRS 9, Appendix A, the rate that the borrower's payments
    earn on what was handed over.
    """
    if isinstance(performance, pd.DataFrame):
        require_columns(performance, ["balance"], "performance")
    require_columns(
        applications, ["application_id", "amount", "term_months", "offer_apr"], "applications"
    )
    day = pd.Timestamp(as_of)
    if not isinstance(performance, pd.DataFrame):
        by = by or bucket_reading(performance)
    found = partial(_on_books, day=day, by=by)
    return _priced(collected(found, whole_loans(performance), columns=_READ), applications)


def _on_books(performance: pd.DataFrame, day: pd.Timestamp, by: Reading | None) -> pd.DataFrame:
    """Loans on the books of a day, without what their applications say of them."""
    panel = performance[performance["month_end"] <= day]
    months = loan_months(panel, by=by)
    if not len(panel):
        return panel.head(0).assign(state=0, entry_mob=0)
    ends = np.append(months.starts[1:], len(panel)) - 1
    at = np.flatnonzero(
        (months.month[ends] == calendar_months([day])[0]) & (months.state[ends] != ENDED)
    )
    status = panel["status"].to_numpy()
    ended = np.isin(status[ends[at]], ["prepaid", "matured"])  # after a default
    at = at[~ended]
    rows = ends[at]
    dpd = panel["dpd"].to_numpy(np.int64)
    charged_off = status == "charged_off"
    first_default = months.first_default[at]
    defaulted = first_default >= 0
    columns = ["cohort", "mob", "dpd", "status", "balance"]
    book = panel[["loan_id", *columns]].iloc[rows].set_index("loan_id")
    mob = months.mob
    book["entry_mob"] = mob[months.starts[at]]
    book["state"] = months.state[rows].astype(np.int64)
    book["months_since_default"] = np.where(defaulted, mob[rows] - mob[first_default], np.nan)
    (owed,) = panel_amounts(panel, ["balance"])
    book["default_balance"] = np.where(defaulted, owed[first_default], np.nan)
    for name, hit in (
        ("months_since_charge_off", charged_off),
        ("months_since_30", (dpd > 30) | charged_off),
        ("months_since_90", (dpd > DEFAULT_DPD) | charged_off),
    ):
        marked = np.flatnonzero(hit)
        if name == "months_since_charge_off":
            marked = marked[::-1]  # since the first, not the last
        seen = np.full(len(months.starts), -1)
        seen[months.loan[marked]] = marked
        book[name] = np.where(seen[at] >= 0, mob[rows] - mob[seen[at]], np.nan)
    return book


def _priced(book: pd.DataFrame, applications: pd.DataFrame) -> pd.DataFrame:
    if "loan_id" in book.columns:
        book = book.set_index("loan_id")
    terms = loan_terms(applications, book.index, "on the books")
    return book.assign(**{name: terms[name] for name in terms if name != "fee_rate"})


def loan_terms(applications: pd.DataFrame, ids: pd.Index, where: str) -> pd.DataFrame:
    """What each of some loans was lent, for how long, how it is repaid and at what price.

    Parameters
    ----------
    applications : DataFrame
        As in :func:`book_at`.
    ids : Index
        application_id of loans.
    where : str
        What loans these are, for the words of an error.

    Returns
    -------
    DataFrame, index `ids`
        `amount` (fen), `term_months`, `method`, `contract_rate` and `effective_rate` (a month,
        fractions), `fee_rate` (of the amount, withheld).

    Raises
    ------
    DataContractError
        A missing column, or a loan without application, term or price.
    """
    needed = ["amount", "term_months", "offer_apr"]
    require_columns(applications, ["application_id", *needed], "applications")
    known = applications[among(applications["application_id"], ids)]
    terms = known.set_index("application_id").reindex(ids)
    if lacking := [
        f"{name}: missing for {int(terms[name].isna().sum()):,} loans {where}"
        for name in needed
        if terms[name].isna().any()
    ]:
        raise DataContractError("applications", lacking)
    amount = terms["amount"].to_numpy(np.int64)
    if "offer_limit" in terms:
        limit = terms["offer_limit"].to_numpy(float)
        amount = np.where(limit > 0, np.fmin(amount, limit), amount).astype(np.int64)
    method = "equal_instalment"
    methods = terms["product"].to_numpy(str) if "product" in terms else np.full(len(ids), method)
    fee = terms["offer_fee_rate"].fillna(0).to_numpy(float) if "offer_fee_rate" in terms else 0.0
    effective = terms["offer_apr"].to_numpy(float) / 12
    term = terms["term_months"].to_numpy(np.int64)
    return pd.DataFrame(
        {
            "amount": amount,
            "term_months": term,
            "method": methods,
            "contract_rate": contract_rate(effective, term, methods, fee_rate=fee),
            "effective_rate": effective,
            "fee_rate": fee,
        },
        index=ids,
    )


def how_they_left(
    performance: pd.DataFrame | Table, ids: pd.Index, as_of: pd.Timestamp | str
) -> pd.Series:
    """How loans that are on the books no more have left them.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is read block by block.
    ids : Index
        Loans on the books at an earlier month-end.
    as_of : Timestamp or str

    Returns
    -------
    Series of str, index loan_id
        Of the loans whose last row by `as_of` is no loan on the books: "repaid" if it is prepaid or
        matured; "written off" if it is charged off and no row follows; else "not seen": they are
        seen again after `as_of`, or their rows have stopped without an end.
    """
    hashes = np.unique(hash_ids(ids))
    left = partial(_left_by, hashes=hashes, day=pd.Timestamp(as_of))
    columns = ["loan_id", "month_end", "status"]
    return collected(left, whole_loans(performance), columns=columns)["how"].astype("str")


def _left_by(performance: pd.DataFrame, hashes: Array, day: pd.Timestamp) -> pd.DataFrame:
    panel = performance[is_among(performance["loan_id"], hashes)]
    known = panel[panel["month_end"] <= day]
    last = known.drop_duplicates("loan_id", keep="last").set_index("loan_id")
    again = panel["loan_id"][panel["month_end"] > day]
    status = last["status"]
    repaid = status.isin(["prepaid", "matured"])
    written_off = (status == "charged_off") & ~among(last.index, again)
    how = np.select([repaid, written_off], ["repaid", "written off"], default=NOT_SEEN)
    left = repaid | (last["month_end"] < day)
    return pd.DataFrame({"how": pd.Series(how, index=last.index, dtype="str")[left]})


def default_exposures(book: pd.DataFrame, n_months: int) -> Array:
    """Principal that each loan would owe, were it first in default h months ahead.

    A loan in default has stopped paying so many months before: the instalments paid by then are
    those fallen due less the months in arrears of a default, and at least those paid today.
    Prepayment of the whole is no default and competes in the probabilities instead.

    Parameters
    ----------
    book : DataFrame
        Of :func:`book_at`.
    n_months : int

    Returns
    -------
    float array of shape (n_loans, n_months), fen
        Column h − 1 is h months ahead; never above today's balance. Zero where no instalment would
        be left unpaid, so that there is no default.

    Source
    ------
    riskkit definition; schedules of :func:`riskkit.instalments.schedules`.

    Examples
    --------
    A loan of 900 in three parts without interest, nothing paid yet; in default by month 4:

    >>> book = pd.DataFrame({"balance": [900], "amount": 900, "term_months": 3, "mob": 0,
    ...     "contract_rate": 0.0, "method": "equal_instalment"})
    >>> default_exposures(book, 6).tolist()
    [[900.0, 900.0, 900.0, 900.0, 600.0, 300.0]]
    """
    if book.empty:
        return np.zeros((0, n_months))
    _, planned = schedules(
        book["amount"].to_numpy(),
        book["contract_rate"].to_numpy(),
        book["term_months"].to_numpy(),
        book["method"].to_numpy(),
    )
    balance = book["balance"].to_numpy(float)
    # instalments paid: the last after which the plan owes no less than is owed
    enough = planned >= balance[:, None] * (1 - 1e-9)
    paid_now = np.maximum(enough.sum(axis=1) - 1, 0)
    # of a plan that stays level, as of interest only, those that fell due
    due = np.minimum(book["mob"].to_numpy(), book["term_months"].to_numpy())
    paid_now = np.minimum(paid_now, due)
    ahead = np.arange(1, n_months + 1)
    paid = book["mob"].to_numpy()[:, None] + ahead - N_STATES
    paid = np.clip(np.maximum(paid, paid_now[:, None]), 0, planned.shape[1] - 1)
    each = np.arange(len(book))
    today = planned[each, paid_now].astype(float)
    share = planned[each[:, None], paid] / np.where(today > 0, today, 1)[:, None]
    return balance[:, None] * np.minimum(share, 1)
