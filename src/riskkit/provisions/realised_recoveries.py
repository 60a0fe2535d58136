"""Whether loans in default brought what was foretold of them some months ago.

Takes the performance panel; gives, for a day so many months back, what loans of stage 3 were to
bring since and what they brought.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from riskkit.arrears import (
    DEFAULT,
    book_at,
    defaulted_loans,
    fit_lgd,
    positions_of,
)
from riskkit.columns import among, calendar_months
from riskkit.migration import bucket_reading

__all__ = ["LESS", "recovery_check"]

LESS = "less than foretold"

_LEVEL = 0.95
_FEW_LOANS = 30
_COLUMNS = [
    "loans", "balance", "foretold_amount", "realised_low", "realised_high", "realised_amount",
    "verdict",
]  # fmt: skip


def recovery_check(
    performance: pd.DataFrame,
    applications: pd.DataFrame,
    *,
    months_back: int = 12,
    by: Literal["months", "days"] | None = None,
    watched_to: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """What loans in default brought within so many months, beside what was foretold of them.

    Foretold is what the loss given default, fitted on what was known on that day, says of as many
    months: balance × (1 − what is not brought within them), discounted to the day. Realised is all
    cash since, discounted alike. A loan whose rows have ended has brought nothing more; one with a
    month left out in between is left out, since its cash of that month is unknown.

    Parameters
    ----------
    performance, applications : DataFrame
        As :func:`riskkit.arrears.book_at` takes them; or of the panel the loans that were ever in
        default, with `by` and `watched_to` of the whole.
    months_back : int
        From the last month-end of the panel.
    by : {"months", "days"}, optional
        How buckets are read, of the rows given unless stated.
    watched_to : Timestamp, optional
        Last month-end of the panel, of the rows given unless stated.

    Returns
    -------
    DataFrame, index position: "cured", "still late", "in default", "charged off",
        "all"
        `loans`, `balance` on that day, `foretold_amount`, the 95 % interval in which the cash would
        lie by chance if what was foretold held, `realised_low` and `realised_high`, the error of
        the foretelling included, `realised_amount` (int64 fen); `verdict` in words. Positions
        without loans have no row; no row at all where the panel does not reach `months_back` months
        before the day on which the first loan was in default, or nobody was in default then.

    Raises
    ------
    ValueError
        `months_back` is below 1.

    Source
    ------
    riskkit definition; back-testing of a loss given default against realised cash: European Banking
    Authority, Guidelines on PD estimation, LGD estimation and treatment of defaulted exposures
    (2017), section 6.
    """
    if not months_back >= 1:
        raise ValueError(f"months_back must be >= 1, got {months_back!r}")
    empty = pd.DataFrame(columns=_COLUMNS, index=pd.Index([], name="position"))
    if performance.empty:
        return empty
    last = performance["month_end"].max() if watched_to is None else watched_to
    day = last - pd.offsets.MonthEnd(months_back)
    # of loans that were never in default nothing is asked
    bad = defaulted_loans(performance)
    then = bad[bad["month_end"] <= day].reset_index(drop=True)
    if then.empty:
        return empty
    by = by or bucket_reading(performance)
    rates = applications.set_index("application_id")["offer_apr"] / 12
    lgd = fit_lgd(then, rates, by=by, horizon_months=months_back)
    if not lgd.at_default["loans"] > 0 or len(lgd.recovery) < months_back:
        return empty
    book = book_at(then, applications, day, by=by)
    book = book[(book["state"] == DEFAULT) & (book["balance"] > 0)]
    cash, has_gap = _cash_since(bad, book, day)
    book, cash = book[~has_gap], cash[~has_gap]
    if book.empty:
        return empty
    balance = book["balance"].to_numpy(float)
    foretold = balance * (1 - lgd.of_book(book))
    low, high = lgd.of_book(book, "lgd_low"), lgd.of_book(book, "lgd_high")
    loans = pd.DataFrame(
        {
            "loans": 1,
            "balance": balance,
            "foretold_amount": foretold,
            "realised_amount": cash,
            "square": (cash - foretold) ** 2,
            # all loans of a position are foretold by one figure, and err together
            "error": balance * (high - low) / 2,
        },
        index=book.index,
    )
    table = loans.groupby(positions_of(book)).sum()
    table["square"] += table.pop("error") ** 2 / special.ndtri(0.5 + _LEVEL / 2) ** 2
    table.loc["all"] = table.sum()
    return _judged(table.rename_axis(index="position"))


def _cash_since(
    performance: pd.DataFrame, book: pd.DataFrame, day: pd.Timestamp
) -> tuple[np.ndarray, np.ndarray]:
    """Cash of each loan since the book's day, at its value; and who has a month left out."""
    later = performance["month_end"] > day
    rows = performance[later & among(performance["loan_id"], book.index)]
    months = calendar_months(rows["month_end"]) - calendar_months([day])[0]
    rate = rows["loan_id"].map(book["effective_rate"]).to_numpy(float)
    value = (rows["paid_amount"] + rows["recovered_amount"]) * (1 + rate) ** -months.astype(float)
    of_loan = rows["loan_id"]
    cash = value.groupby(of_loan).sum().reindex(book.index).fillna(0)
    ages = rows["mob"].groupby(of_loan).agg(["max", "size"]).reindex(book.index)
    has_gap = ages["max"] - book["mob"] > ages["size"]
    return cash.to_numpy(float), has_gap.to_numpy(bool)


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    """The same with its interval, in fen, and what to say of each row."""
    width = special.ndtri(0.5 + _LEVEL / 2) * np.sqrt(table.pop("square"))
    table["realised_low"] = table["foretold_amount"] - width
    table["realised_high"] = table["foretold_amount"] + width
    realised = table["realised_amount"]
    tests = [
        table["loans"] < _FEW_LOANS,
        realised < table["realised_low"],
        realised > table["realised_high"],
    ]
    words = ["too few loans to say", LESS, "more than foretold"]
    verdict = np.select(tests, words, default="as foretold, within chance")
    return table.round().astype("int64").assign(verdict=verdict)[_COLUMNS]
