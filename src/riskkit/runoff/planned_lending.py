"""The loans yet to be lent: those of the last months, over and over.

Takes the applications; gives :class:`riskkit.runoff.OpenLoans` that start in the months ahead.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.arrears import loan_terms
from riskkit.checks import Array, require_columns
from riskkit.columns import calendar_months
from riskkit.instalments import fen_below
from riskkit.provisions import LossModel
from riskkit.runoff.loans_of_book import (
    Recoveries,
    cells_of,
    one_group,
    plans_ahead,
)
from riskkit.runoff.open_loans import OpenLoans

__all__ = ["lent_lately", "planned_loans"]

_NEEDED = ("application_id", "applied_at", "booked")


def planned_loans(
    applications: pd.DataFrame,
    kinds: pd.DataFrame,
    model: LossModel,
    day: pd.Timestamp | str,
    *,
    n_months: int,
    lookback_months: int = 3,
    lending_months: int | None = None,
) -> tuple[OpenLoans, pd.DataFrame]:
    """Loans to be lent in the months ahead, modelled on those of the last months.

    The loans booked in the last `lookback_months`, put in order of kind, band and amount, are
    dealt out in turn: every third of them stands for those of one month ahead where the
    lookback is three months, so that each month lends about what one of the lookback did, in a
    like mix, and any three months in a row lend the same loans as the lookback. A loan lent in
    month g is lent at its end and pays first in g + 1.

    Parameters
    ----------
    applications : DataFrame
        application_id, applied_at, booked, and the terms that
        :func:`riskkit.arrears.book_at` asks for.
    kinds : DataFrame, index loan_id
        `kind`, `band`, of :func:`riskkit.provisions.kinds_of`.
    model : LossModel
        Of :func:`riskkit.provisions.fit_losses`: its loss given default is read.
    day : Timestamp or str
        Today; lent on or before it, in whole calendar months, is what is repeated.
    n_months : int
        How far ahead loans are followed.
    lookback_months : int
    lending_months : int, optional
        Months ahead in which loans are lent; `n_months` unless given.

    Returns
    -------
    OpenLoans
        Of none where nothing was booked in the lookback. What a month lends is the sum of
        `owed[:, 0]` over the loans of that `start`.
    DataFrame, a row for each cell
        `kind`, `band`, `mob` (0), `state` (0), `start`.

    Raises
    ------
    DataContractError
        A missing column, or a loan booked in the lookback without application, term or price.
    ValueError
        Numbers of months that are not positive, or no default of the past to read a loss off.

    Source
    ------
    riskkit definition; systematic sampling: Cochran (1977), Sampling Techniques, chapter 8.
    """
    months = n_months if lending_months is None else lending_months
    for name, value in (("n_months", n_months), ("lookback_months", lookback_months)):
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value!r}")
    if not 0 <= months <= n_months:
        raise ValueError(f"lending_months must lie in 0..n_months = {n_months}, got {months!r}")
    past = _booked_lately(applications, kinds, day, lookback_months)
    place, start = _dealt_out(len(past), months, lookback_months)
    due, owed, left = plans_ahead(past)
    fee = fen_below(past["amount"].to_numpy(float) * past["fee_rate"].to_numpy(float))
    ahead = np.arange(1, n_months + 1)
    recoveries = Recoveries.of(model.lgd, past["effective_rate"], past["balance"])
    lent = past.iloc[place]
    recovered = recoveries.of_default(
        lent, np.maximum(ahead - start[:, None], 0), lent["band"].to_numpy()
    )
    cell, cells = cells_of(lent[["kind", "band", "mob", "state"]].assign(start=start))
    loans = OpenLoans(
        ids=past.index[place],
        group=np.zeros(len(place), dtype=np.int64),
        groups=one_group(),
        start=start,
        state=np.zeros(len(place), dtype=np.int8),
        cell=cell,
        left=left[place],
        due=due[place],
        owed=owed[place],
        fee=fee.astype(np.int64)[place],
        recovered_rate=recovered,
        recovery_lags=recoveries.lags,
        in_default=np.zeros((1, n_months)),
        effective_rate=lent["effective_rate"].to_numpy(float),
        workouts=model.lgd.default_workouts,
    )
    return loans, cells


def lent_lately(applications: pd.DataFrame, day: pd.Timestamp | str, lookback_months: int) -> Array:
    """Positions of the loans booked in the last whole months."""
    last = pd.Timestamp(day)
    month = int(calendar_months([last])[0]) - (0 if last.is_month_end else 1)
    when = pd.to_datetime(applications["applied_at"])
    booked = applications["booked"].astype("boolean").fillna(False).to_numpy(bool)
    known = np.flatnonzero(booked & when.notna().to_numpy())
    booked_in = calendar_months(when.iloc[known])
    return known[(booked_in <= month) & (booked_in > month - lookback_months)]


def _booked_lately(
    applications: pd.DataFrame,
    kinds: pd.DataFrame,
    day: pd.Timestamp | str,
    lookback_months: int,
) -> pd.DataFrame:
    """Loans booked in the last whole months with their terms, in the order of being dealt out."""
    require_columns(applications, _NEEDED, "applications")
    known = lent_lately(applications, day, lookback_months)
    ids = pd.Index(applications["application_id"].iloc[known], name="loan_id")
    terms = loan_terms(applications, ids, "booked lately").join(kinds[["kind", "band"]])
    terms = terms.assign(balance=terms["amount"], mob=0, state=0)
    return terms.sort_index().sort_values(["kind", "band", "amount"], kind="stable")


def _dealt_out(n: int, n_months: int, lookback_months: int) -> tuple[Array, Array]:
    """Positions of the loans of each month ahead in the lookback, and the months, in order."""
    turns = [np.arange(month % lookback_months, n, lookback_months) for month in range(n_months)]
    start = np.repeat(np.arange(1, n_months + 1), [len(turn) for turn in turns])
    return np.concatenate([np.zeros(0, np.int64), *turns]), start
