"""Which of very many loans are followed one by one, and for how many each of them stands.

Takes the book of a day and the applications; gives both of fewer loans, and what brings sums back
to those of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.arrears import N_STATES, loan_terms
from riskkit.checks import Array
from riskkit.columns import among
from riskkit.runoff.open_loans import OpenLoans
from riskkit.runoff.planned_lending import lent_lately
from riskkit.tables import hash_ids

__all__ = ["FollowedLoans", "followed_loans"]

_COLUMNS = ["running", "balance", "gone", "gone_balance", "lent", "lent_amount", "loss"]


@dataclass(frozen=True)
class FollowedLoans:
    """Loans that are followed one by one, of :func:`followed_loans`.

    Parameters
    ----------
    book, applications : DataFrame
        Of the loans followed.
    sums : DataFrame, index "all", "followed"
        `running`, `gone`, `lent`: loans never in default, in default, and lent lately; `balance`,
        `gone_balance`, `lent_amount`, and `loss` expected of those never in default, fen.
    """

    book: pd.DataFrame
    applications: pd.DataFrame
    sums: pd.DataFrame

    @property
    def are_all(self) -> bool:
        """Whether no loan is left out."""
        return bool((self.sums.loc["all"] == self.sums.loc["followed"]).all())

    @property
    def n_running(self) -> int:
        """Loans on the books that were never in default, all of them."""
        return int(self.sums.loc["all", "running"])

    @property
    def balance(self) -> int:
        """What all of these owe, fen."""
        return int(self.sums.loc["all", "balance"])

    @property
    def text(self) -> str:
        """How many of the loans are followed, in a sentence as Markdown; empty: all."""
        if self.are_all:
            return ""
        loans = self.sums[["running", "gone"]].sum(axis=1)
        return (
            f"*From here on {loans['followed']:,} of {loans['all']:,} loans on the books, and as "
            "many in a hundred of those lent lately, are followed one by one, chosen by a hash of "
            "their id. All amounts are multiplied so that what is owed and lent is that of all; "
            "the luck of single loans then counts for a little more than it does."
            f"{self._told_error()}*"
        )

    def _told_error(self) -> str:
        """By how much the loss expected of those followed is off, in words."""
        whole, part = (float(self.sums.loc[row, "loss"]) for row in ("all", "followed"))
        if not whole > 0:
            return ""
        off = part * self._factor("balance") / whole - 1
        side = "above" if off >= 0 else "below"
        return (
            " What is set aside for those that run, multiplied so, is "
            f"{abs(off):.1%} {side} that of all: so far may losses be off, too."
        )

    def scaled(self, loans: OpenLoans) -> OpenLoans:
        """Open loans of those followed, with the money of all.

        Parameters
        ----------
        loans : OpenLoans
            Of today or planned, of the loans followed.
        """
        if self.are_all:
            return loans
        today = self._factor("balance")
        factor = np.where(loans.start == 0, today, self._factor("lent_amount"))
        return loans.times(factor, self._factor("gone_balance"))

    def numbers(self, loans: OpenLoans) -> Array | None:
        """How many loans each of some open loans stands for; None: one.

        Parameters
        ----------
        loans : OpenLoans
            Those of today and those planned.
        """
        if self.are_all:
            return None
        return np.where(loans.start == 0, self._factor("running"), self._factor("lent"))

    def of(self, values: pd.Series) -> pd.Series:
        """The values of the loans followed.

        Parameters
        ----------
        values : Series, index loan_id
            Of all loans on the books.
        """
        return values if self.are_all else values[among(values.index, self.book.index)]

    def _factor(self, name: str) -> float:
        """By what the sum over the loans followed is that of all."""
        everything, part = (float(self.sums.loc[row, name]) for row in ("all", "followed"))
        return everything / part if part else 1.0


def followed_loans(
    book: pd.DataFrame,
    applications: pd.DataFrame,
    day: pd.Timestamp | str,
    *,
    most_loans: int,
    lookback_months: int,
    losses: pd.Series | None = None,
) -> FollowedLoans:
    """Loans to be followed one by one: all, or of very many an even part.

    The climate moves all loans alike, so that of some ten thousand loans on, more of them hardly
    change how far their cash scatters as a share of itself; time and memory grow with each.

    Parameters
    ----------
    book : DataFrame
        Of :func:`riskkit.arrears.book_at`.
    applications : DataFrame
        Of :func:`riskkit.runoff.applications_in_view`, for the same `day` and `lookback_months`.
    day : Timestamp or str
    most_loans : int
        On the books, about: of more, those whose id has a low hash, and the same part of the loans
        lent lately.
    lookback_months : int
        As of :func:`riskkit.runoff.planned_loans`.
    losses : Series, index loan_id, optional
        Expected of each loan on the books, fen, such as `ecl_lifetime_amount`: what tells how far
        the loans followed are like all.

    Raises
    ------
    ValueError
        `most_loans` is below 1.

    Source
    ------
    Ratio estimation: Cochran (1977), Sampling Techniques, chapter 6.
    """
    if most_loans < 1:
        raise ValueError(f"most_loans must be >= 1, got {most_loans!r}")
    lately = applications.iloc[lent_lately(applications, day, lookback_months)]
    whole = _sums(book, lately, losses)
    if len(book) <= most_loans:
        return FollowedLoans(book, applications, pd.DataFrame({"all": whole, "followed": whole}).T)
    limit = np.uint64(int(2**64 * (most_loans / len(book))))
    part = book[_hashes(book.index.to_series()) < limit]
    chosen = applications[_hashes(applications["application_id"]) < limit]
    chosen = chosen.reset_index(drop=True)
    sums = _sums(part, chosen.iloc[lent_lately(chosen, day, lookback_months)], losses)
    return FollowedLoans(part, chosen, pd.DataFrame({"all": whole, "followed": sums}).T)


def _hashes(ids: pd.Series) -> Array:
    # ids as they are would give the hashes by which samples are drawn
    return hash_ids("followed " + ids.astype("str"))


def _sums(book: pd.DataFrame, lately: pd.DataFrame, losses: pd.Series | None) -> pd.Series:
    runs = (book["state"] < N_STATES).to_numpy()
    balance = book["balance"].to_numpy(np.int64)
    terms = loan_terms(lately, pd.Index(lately["application_id"]), "booked lately")
    expected = 0 if losses is None else int(losses.reindex(book.index[runs]).sum())
    values = [
        int(runs.sum()), int(balance[runs].sum()), int((~runs).sum()), int(balance[~runs].sum()),
        len(lately), int(terms["amount"].sum()), expected,
    ]  # fmt: skip
    return pd.Series(values, index=_COLUMNS)
