"""The loans on the books, as loans that still have to pay.

Takes the book of a day and what is fitted on the past; gives :class:`riskkit.runoff.OpenLoans` and
the cells of loans that move alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.arrears import N_STATES, LossGivenDefault
from riskkit.checks import Array
from riskkit.instalments import schedules
from riskkit.provisions import LossModel
from riskkit.runoff.loans_in_default import LoansInDefault
from riskkit.runoff.open_loans import OpenLoans

__all__ = [
    "Recoveries",
    "cells_of",
    "one_group",
    "open_loans",
    "plans_ahead",
]


def open_loans(
    book: pd.DataFrame,
    model: LossModel,
    kinds: pd.DataFrame,
    *,
    n_months: int,
) -> tuple[OpenLoans, pd.DataFrame]:
    """Loans on the books that still have to pay, and the cells of those that move alike.

    What falls due is the rest of the contract's plan, scaled to the balance owed today where that
    is another one, as after a change of terms. Instalments paid are those after which the plan owes
    no less than is owed; where it stays level, as of interest only, those fallen due less the
    months in arrears.

    A loan that is first in default brings what :meth:`LossGivenDefault.of_default` leaves of it,
    at the default's value by the loan's effective rate, month by month as defaults of the past did.
    Loans in default today bring the rest of that by the months since, until nothing more is to
    come: then they are written off. Where loans are rolled on by chance, new defaults repeat past
    workouts, and loans in default those of loans that were where they are.

    Parameters
    ----------
    book : DataFrame, index loan_id
        Of :func:`riskkit.arrears.book_at`.
    model : LossModel
        Of :func:`riskkit.provisions.fit_losses`: its loss given default is read.
    kinds : DataFrame, index loan_id
        `kind`, `band`, of :func:`riskkit.provisions.kinds_of`.
    n_months : int
        How far ahead they are to be followed. Provisions need the months until
        `OpenLoans.last_month`.

    Returns
    -------
    OpenLoans
        All of one group, "", until they are told apart by :meth:`OpenLoans.grouped`.
    DataFrame, a row for each cell
        `kind`, `band`, `mob`, `state`, `start` (0).

    Raises
    ------
    ValueError
        `n_months` is not positive, or there is no default to read a loss off while loans are on
        the books.

    Source
    ------
    riskkit definition; schedules of :func:`riskkit.instalments.schedules`.
    """
    if n_months < 1:
        raise ValueError(f"n_months must be >= 1, got {n_months!r}")
    performing = (book["state"] < N_STATES).to_numpy()
    loans, gone = book[performing], book[~performing]
    recoveries = Recoveries.of(model.lgd, book["effective_rate"], book["balance"])
    known = kinds[["kind", "band"]].reindex(loans.index)
    known = known.assign(mob=loans["mob"], state=loans["state"], start=0)
    cell, cells = cells_of(known)
    due, owed, left = plans_ahead(loans)
    mob = loans["mob"].to_numpy()[:, None] + np.arange(1, n_months + 1)
    cash, loss = recoveries.of_gone(gone, n_months)
    brings = np.flatnonzero(cash.any(axis=1))
    pool, pools = model.lgd.workouts_of(gone.iloc[brings])
    open_today = OpenLoans(
        ids=loans.index,
        group=np.zeros(len(loans), dtype=np.int64),
        groups=one_group(),
        start=np.zeros(len(loans), dtype=np.int64),
        state=loans["state"].to_numpy(np.int8),
        cell=cell,
        left=left,
        due=due,
        owed=owed,
        fee=np.zeros(len(loans), dtype=np.int64),
        recovered_rate=recoveries.of_default(loans, mob, known["band"].to_numpy()),
        recovery_lags=recoveries.lags,
        in_default=cash.sum(axis=0)[None],
        effective_rate=loans["effective_rate"].to_numpy(float),
        in_default_owed=gone["balance"].to_numpy(float).sum(keepdims=True),
        in_default_loss=loss.sum(axis=0)[None],
        workouts=model.lgd.default_workouts,
        gone=LoansInDefault(
            group=np.zeros(len(brings), dtype=np.int64),
            owed=gone["balance"].to_numpy(float)[brings],
            cash=cash[brings],
            pool=pool,
            pools=pools,
        ),
    )
    return open_today, cells


def plans_ahead(loans: pd.DataFrame) -> tuple[Array, Array, Array]:
    """What falls due and is owed in the next instalments of each loan, and how many are left.

    Parameters
    ----------
    loans : DataFrame
        `balance`, `amount`, `contract_rate`, `term_months`, `method`, `mob`, `state`.

    Returns
    -------
    due, owed : int64 arrays of shape (n_loans, longest + 1), fen
        As in :class:`OpenLoans`; `owed[:, 0]` is the balance.
    left : int64 array of shape (n_loans,)
    """
    if loans.empty:
        nothing = np.zeros((0, 1), dtype=np.int64)
        return nothing, nothing.copy(), np.zeros(0, dtype=np.int64)
    term = loans["term_months"].to_numpy(np.int64)
    instalments, planned = schedules(
        loans["amount"].to_numpy(np.int64),
        loans["contract_rate"].to_numpy(float),
        term,
        loans["method"].to_numpy(str),
    )
    balance = loans["balance"].to_numpy(np.int64)
    # the last instalment after which the plan owes no less than is owed, and the first like it
    most = np.maximum((planned >= balance[:, None] * (1 - 1e-9)).sum(axis=1) - 1, 0)
    most = np.minimum(most, term)
    each = np.arange(len(loans))
    level = planned[each, most]
    least = (planned > level[:, None]).sum(axis=1)
    behind = loans["mob"].to_numpy(np.int64) - loans["state"].to_numpy(np.int64)
    paid = np.clip(behind, least, most)
    left = term - paid
    ahead = np.minimum(paid[:, None] + np.arange(int(left.max()) + 1), term[:, None])
    plan = planned[each[:, None], ahead]
    repaid = -np.diff(plan, axis=1)
    # what is past the last instalment repeats it, and nothing is due there
    again = ahead[:, 1:] == ahead[:, :-1]
    interest = np.where(again, 0, instalments[each[:, None], ahead[:, 1:]] - repaid)
    scale = (balance / np.where(level > 0, level, 1))[:, None]
    owed = np.rint(plan * scale).astype(np.int64)
    owed[:, 0] = balance
    due = np.zeros_like(owed)
    due[:, 1:] = np.cumsum(np.rint(interest * scale).astype(np.int64), axis=1)
    return due + balance[:, None] - owed, owed, left


@dataclass(frozen=True)
class Recoveries:
    """What defaults bring and when: the loss given default as cash.

    Parameters
    ----------
    lgd : LossGivenDefault
    lags : float array of shape (K,)
        Share of the cash that comes one, two, ... months after a default; empty where none came.
    """

    lgd: LossGivenDefault
    lags: Array

    @classmethod
    def of(cls, lgd: LossGivenDefault, rates: pd.Series, weights: pd.Series) -> Recoveries:
        """With the lags of `lgd.recovery`, undiscounted at the mean of monthly rates by weight."""
        if len(rates) and np.isnan(lgd.at_default["lgd"]):
            raise ValueError(
                "a loss given default needs a default of the past, got none in the panel"
            )
        brought = lgd.recovery["rate"].to_numpy(float)
        brought = brought[: int(np.max(np.flatnonzero(brought), initial=-1)) + 1]
        total = float(weights.sum())
        mean = float((rates * weights).sum() / total) if total > 0 else 0.0
        cash = brought * (1 + mean) ** np.arange(1, len(brought) + 1)
        return cls(lgd=lgd, lags=cash / cash.sum() if len(cash) else cash)

    def of_default(self, loans: pd.DataFrame, mob: Array, band: Array) -> Array:
        """Undiscounted share that first defaults at each `mob` (n_loans, n_months) bring, <= 1.

        It is worth 1 − LGD at the default: (1 − LGD) ÷ Σₖ lagₖ·(1 + i)⁻ᵏ.
        """
        left = loans["term_months"].to_numpy(np.int64)[:, None] - mob
        state = loans["state"].to_numpy(np.int64)[:, None]
        if not len(loans) or not len(self.lags):
            return np.zeros(mob.shape)
        value = 1 - np.minimum(self.lgd.of_default(left, mob, state, band), 1)
        worth = value_of_lags(self.lags, loans["effective_rate"].to_numpy(float))
        return np.minimum(value / worth[:, None], 1)

    def of_gone(self, gone: pd.DataFrame, n_months: int) -> tuple[Array, Array]:
        """Cash of loans in default by month ahead, and their open loss at each month-end.

        Returns
        -------
        cash : float array of shape (n_loans, n_months), fen
        loss : float array of shape (n_loans, n_months + 1), fen
            Column 0 is today; 0 from the month on after which nothing more is to come.
        """
        n = len(gone)
        cash, loss = np.zeros((n, n_months)), np.zeros((n, n_months + 1))
        if not n:
            return cash, loss
        owed = gone["balance"].to_numpy(float)
        value = 1 - np.minimum(np.nan_to_num(self.lgd.of_book(gone), nan=1.0), 1)
        longest = len(self.lags)
        if not longest:
            loss[:, 0] = owed
            return cash, loss
        since = gone["months_since_default"].fillna(0).to_numpy(np.int64)
        # who is in default for longer than any brought cash begins anew: its loss says what comes
        since = np.where(since < longest, np.maximum(since, 0), 0)
        later = since[:, None] + np.arange(longest)
        lags = np.where(later < longest, self.lags[np.minimum(later, longest - 1)], 0.0)
        lags /= lags.sum(axis=1, keepdims=True)
        growth = 1 + gone["effective_rate"].to_numpy(float)
        months = np.arange(1, longest + 1)
        worth = (lags * growth[:, None] ** -months.astype(float)).sum(axis=1)
        all_cash = lags * (owed * np.minimum(value / worth, 1))[:, None]
        shown = min(longest, n_months)
        cash[:, :shown] = all_cash[:, :shown]
        # what is still to come at each month-end, at its value then; backwards
        rest, to_come = owed - all_cash.sum(axis=1), np.zeros(n)
        for month in range(longest - 1, -1, -1):
            to_come = (to_come + all_cash[:, month]) / growth
            rest = rest + all_cash[:, month]
            if month <= n_months:
                comes = all_cash[:, month:].any(axis=1) | (month == 0)
                loss[:, month] = np.where(comes, rest - to_come, 0)
        return cash, loss


def value_of_lags(lags: Array, rate: Array) -> Array:
    """Value at a default of one fen that comes by the lags, at each monthly rate; 1 of no lags."""
    if not len(lags):
        return np.ones(len(rate))
    months = np.arange(1, len(lags) + 1, dtype=float)
    return ((1 + rate)[:, None] ** -months) @ lags


def one_group() -> pd.Index:
    """The groups of loans that nobody has told apart."""
    return pd.Index([""], dtype="str", name="group")


def cells_of(frame: pd.DataFrame) -> tuple[Array, pd.DataFrame]:
    """Position of each loan's cell, and the cells: every row of `frame` that differs, once."""
    cell = frame.groupby(list(frame), sort=True, dropna=False).ngroup().to_numpy(np.int64)
    first = np.unique(cell, return_index=True)[1]
    return cell, frame.iloc[first].reset_index(drop=True)
