"""Cohorts as they age: loans at risk, first events and ends by month on book, up to the diagonal.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives grids of cohort × month on book, as
they stand or as they stood some months ago, and the triangle of the events so far.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.checks import Array
from riskkit.columns import calendar_months

__all__ = ["Ageing", "ageing_of", "event_triangle"]

COHORT_MONTHS = {"M": 1, "Q": 3, "Y": 12}
# of every month from the first cohort's on, so that a month more shifts nothing
MOST_MONTHS = 1_200


@dataclass(frozen=True)
class Ageing:
    """Counts by monthly cohort and month on book; 0 beyond what was seen.

    Parameters
    ----------
    first_month : int
        Calendar month of the first cohort, as of :func:`riskkit.columns.calendar_months`; a row is
        a month, whether anything was lent in it or not.
    loans : int64 array of shape (n_cohorts,)
    age : int64 array of shape (n_cohorts,)
        Month on book at the last month-end seen.
    at_risk, events, ended : int64 arrays of shape (n_cohorts, n_months)
        Loans with no event, prepayment or maturity before the month; of them first events, and
        prepaid or matured.
    amounts : int64 arrays of shapes (n_cohorts,) and (n_cohorts, n_months), or None
        Original amounts and balances of the first events, in fen, where they were counted.
    """

    first_month: int
    loans: Array
    age: Array
    at_risk: Array
    events: Array
    ended: Array
    amounts: tuple[Array, Array] | None

    @property
    def n_cohorts(self) -> int:
        """Months from the first cohort to the newest."""
        return len(self.loans)

    @property
    def end_mob(self) -> int:
        """Last month on book at which anybody was seen at risk; −1 without loans."""
        return int(np.flatnonzero(self.at_risk.any(axis=0)).max(initial=-1))

    @property
    def bad(self) -> Array:
        """Events so far, by cohort."""
        return self.events.sum(axis=1)

    @property
    def left(self) -> Array:
        """Loans at risk in the month after the last one seen, by cohort."""
        # a cohort that is older than any row of the counts has nobody left
        rows = np.flatnonzero(self.age < self.events.shape[1])
        left = np.zeros(self.n_cohorts, np.int64)
        left[rows] = (self.at_risk - self.events - self.ended)[rows, self.age[rows]]
        return left

    @property
    def months(self) -> pd.PeriodIndex:
        """The cohorts."""
        first = np.datetime64(int(self.first_month), "M")
        steps = np.arange(self.n_cohorts).astype("timedelta64[M]")
        return pd.DatetimeIndex((first + steps).astype("datetime64[s]"), name="cohort").to_period(
            "M"
        )

    def first(self, n_cohorts: int) -> Ageing:
        """The oldest cohorts alone."""
        rows = slice(n_cohorts)
        return replace(
            self,
            loans=self.loans[rows],
            age=self.age[rows],
            at_risk=self.at_risk[rows],
            events=self.events[rows],
            ended=self.ended[rows],
            amounts=self.amounts and (self.amounts[0][rows], self.amounts[1][rows]),
        )

    def groups(self, cohort_freq: Literal["M", "Q", "Y"]) -> tuple[pd.Index, Array]:
        """Names of the months, quarters or years that have loans, and the group of each cohort.

        A month without loans is in group −1.
        """
        if cohort_freq not in COHORT_MONTHS:
            raise ValueError(
                f"cohort_freq must be one of {list(COHORT_MONTHS)}, got {cohort_freq!r}"
            )
        names = self.months.asfreq(cohort_freq).astype(str).to_numpy()
        names = np.where(self.loans > 0, names, None)
        codes, found = pd.factorize(names)
        return pd.Index(found, name="cohort", dtype=str), codes


def ageing_of(
    counts: pd.DataFrame,
    *,
    dpd: int = 90,
    observed_to: pd.Timestamp | str | None = None,
    hidden_months: int = 0,
) -> Ageing:
    """The counts as they stood some months before the last one seen.

    Parameters
    ----------
    counts : DataFrame, index (cohort, mob)
        Of :func:`riskkit.vintage.cohort_counts`, of loans of one term.
    dpd : int, in days
        One of the thresholds counted; counts of outcomes ignore it.
    observed_to : date, optional
        Any day of the last month seen; default, the latest month in the counts. Counts of outcomes
        do not know it where nobody is censored: there it must be given to be right.
    hidden_months : int
        Months before that which are hidden, at least 0.

    Raises
    ------
    ValueError
        Counts made `by` a column, a threshold that was not counted, or a negative number of months.
    """
    if list(counts.index.names) != ["cohort", "mob"]:
        raise ValueError(
            "counts must be of loans of one term, by cohort and mob alone, got the index "
            f"{list(counts.index.names)}: take one term with .loc"
        )
    if hidden_months < 0:
        raise ValueError(f"hidden_months must be >= 0, got {hidden_months!r}")
    event = _event_of(counts, dpd)
    month = calendar_months(counts.index.get_level_values("cohort"))
    mob = counts.index.get_level_values("mob").to_numpy(np.int64)
    if counts.empty:
        none, grid = np.zeros(0, np.int64), np.zeros((0, 0), np.int64)
        return Ageing(0, none, none, grid, grid, grid, None)
    last = (
        int((month + mob).max()) if observed_to is None else int(calendar_months([observed_to])[0])
    )
    last -= hidden_months
    first = int(month.min())
    n_cohorts = max(min(int(month.max()), last) - first + 1, 0)
    width = max(min(int(mob.max()), last - first) + 1, 0)
    if n_cohorts > MOST_MONTHS:
        raise ValueError(f"cohorts must lie within {MOST_MONTHS} months, got {n_cohorts}")
    seen = month + mob <= last

    def grid_of(column: str) -> Array:
        grid = np.zeros((n_cohorts, width), np.int64)
        np.add.at(grid, (month[seen] - first, mob[seen]), counts[column].to_numpy(np.int64)[seen])
        return grid

    events, exits = grid_of(f"ever_{event}_loans"), grid_of(f"exit_{event}_loans")
    censored = "censored_loans" if event == "default" else f"censored_{event}_loans"
    loans = grid_of("loans").sum(axis=1)
    age = last - first - np.arange(n_cohorts)
    # a loan that exits in a month is still at risk in it
    at_risk = loans[:, np.newaxis] - (exits.cumsum(axis=1) - exits)
    has_amounts = "amount" in counts and f"ever_{event}_amount" in counts
    return Ageing(
        first_month=first,
        loans=loans,
        age=age,
        at_risk=at_risk * (np.arange(width) <= age[:, np.newaxis]),
        events=events,
        ended=exits - events - grid_of(censored),
        amounts=(grid_of("amount").sum(axis=1), grid_of(f"ever_{event}_amount"))
        if has_amounts
        else None,
    )


def event_triangle(
    counts: pd.DataFrame,
    *,
    dpd: int = 90,
    cohort_freq: Literal["M", "Q", "Y"] = "M",
    observed_to: pd.Timestamp | str | None = None,
) -> pd.DataFrame:
    """Loans of each cohort with an event by each month on book, as far as the whole cohort is seen.

    Parameters
    ----------
    counts : DataFrame, index (cohort, mob)
        Of :func:`riskkit.vintage.cohort_counts`, of loans of one term.
    dpd : int, in days
        One of the thresholds counted; counts of outcomes ignore it.
    cohort_freq : {"M", "Q", "Y"}
        Months, quarters or years of disbursal; of several months, the youngest counts.
    observed_to : date, optional
        Any day of the last month seen; default, the latest in the counts.

    Returns
    -------
    DataFrame of shape (n_cohorts, n_months), index cohort (text), columns mob
        Cumulative numbers, NaN where not every month of the cohort has come so far; columns from
        the first month with an event to the last one at which anybody was at risk. Without any
        event there are no columns.

    Raises
    ------
    ValueError
        Counts made `by` a column, a threshold that was not counted, an unknown `cohort_freq`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> months = pd.to_datetime(["2024-01-01"] * 3 + ["2024-02-01"] * 2)
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": range(5), "cohort": months, "amount": 100, "event_mob": [1, 2, 2, 1, 1],
    ...     "event": ["default", "default", "matured", "default", "censored"]})
    >>> from riskkit.vintage import cohort_counts
    >>> event_triangle(cohort_counts(outcomes))  # doctest: +NORMALIZE_WHITESPACE
    mob        1    2
    cohort
    2024-01  1.0  2.0
    2024-02  1.0  NaN
    """
    return triangle_of(ageing_of(counts, dpd=dpd, observed_to=observed_to), cohort_freq)


def triangle_of(ageing: Ageing, cohort_freq: Literal["M", "Q", "Y"]) -> pd.DataFrame:
    """The triangle of :func:`event_triangle`."""
    names, group = ageing.groups(cohort_freq)
    shape = len(names), ageing.events.shape[1]
    sums = np.zeros(shape)
    age = np.full(len(names), shape[1])
    lent = group >= 0
    np.add.at(sums, group[lent], ageing.events[lent])
    np.minimum.at(age, group[lent], ageing.age[lent])
    mob = np.arange(shape[1])
    grid = np.where(mob <= age[:, np.newaxis], sums.cumsum(axis=1), np.nan)
    table = pd.DataFrame(grid, index=names, columns=pd.Index(mob, name="mob"))
    first = int(np.flatnonzero(ageing.events.any(axis=0)).min(initial=shape[1]))
    return table.loc[:, first : ageing.end_mob]


def _event_of(counts: pd.DataFrame, dpd: int) -> str:
    if "ever_default_loans" in counts:
        return "default"
    if f"ever_{dpd}_loans" in counts:
        return str(dpd)
    counted = [name.split("_")[1] for name in counts if name.startswith("ever_")]
    thresholds = ", ".join(dict.fromkeys(counted)) or "none"
    raise ValueError(f"dpd must be one of the thresholds counted ({thresholds}), got {dpd!r}")
