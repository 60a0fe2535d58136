"""What loans bring from a default on, month by month: the cash behind a loss given default.

Takes the performance panel and the loans' effective rates; gives a :class:`Workouts` that knows
what the loan of any row brought so many months later, and :func:`past_workouts` of some rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.arrears.moves_in_arrears import (
    Months,
    Reading,
    loan_months,
    panel_amounts,
    rows_later,
)
from riskkit.checks import Array
from riskkit.columns import calendar_months

__all__ = ["LONGEST_MONTHS", "Workouts", "past_workouts", "workouts_in"]

# a charged-off loan that recovered for so long is taken to recover no more
LONGEST_MONTHS = 60
# a course of cash is one that may come again if it was watched for so long; of fewer courses
# nobody can say how cash scatters, and more of them than these tell little that is new
_WATCHED_MONTHS = 12
_LEAST_WORKOUTS = 20
_N_WORKOUTS = 1_000


@dataclass(frozen=True)
class Workouts:
    """A panel with what each row brings; the rate of a loan that is left out is NaN.

    `default_rows` are those of first defaults that are not left out.
    """

    months: Months
    cash: Array
    owed: Array
    rate: Array
    charge_off: Array
    default_rows: Array
    last: int
    horizon: int = LONGEST_MONTHS

    def longest(self, rows: Array) -> int:
        """Months that the earliest of some rows has been watched since."""
        first = int(np.min(self.months.month[rows], initial=self.last))
        return min(self.last - first, self.horizon)

    def watched_for_long(self, rows: Array) -> Array:
        """Whether what came in the year after each row is known."""
        return self.last - self.months.month[rows] >= _WATCHED_MONTHS

    def discounted(self, rows: Array, lag: int) -> Array:
        """Cash of the loans of some rows so many months later, at the rows' value.

        Nothing once a loan's rows have ended, NaN in a month left out before they do.
        """
        months = self.months
        later = rows_later(months, rows, lag)
        ends = np.append(months.starts[1:], len(months.loan))[months.loan[rows]] - 1
        unseen = np.where(months.mob[rows] + lag < months.mob[ends], np.nan, 0.0)
        cash = np.where(later >= 0, self.cash[later], unseen)
        return cash * (1 + self.rate[rows]) ** -float(lag)

    def watched(self, rows: Array, lag: int) -> tuple[Array, Array]:
        """Which of some rows' loans were watched so many months later, and their cash then."""
        old_enough = np.flatnonzero(self.last - self.months.month[rows] >= lag)
        cash = self.discounted(rows[old_enough], lag)
        known = ~np.isnan(cash)
        return old_enough[known], cash[known]


def workouts_in(
    performance: pd.DataFrame,
    effective_rates: pd.Series,
    by: Reading | None,
    watched_to: pd.Timestamp | None = None,
) -> Workouts:
    """The panel's rows with what they bring, each loan's first default and charge-off.

    Loans are watched up to a month-end, the last one of the rows unless given.
    """
    names = ["balance", "paid_amount", "recovered_amount"]
    owed, paid, recovered = (values.astype(float) for values in panel_amounts(performance, names))
    months = loan_months(performance, by=by)
    ids = performance["loan_id"].iloc[months.starts]
    of_loan = np.array(ids.map(effective_rates), dtype=float)
    # since when one that is first seen in default has been in it nobody knows
    is_late = (months.first_default == months.starts) & (months.mob[months.starts] > 0)
    of_loan[is_late] = np.nan
    marked = np.flatnonzero((performance["status"] == "charged_off").to_numpy(dtype=bool))[::-1]
    charge_off = np.full(len(months.starts), -1)
    charge_off[months.loan[marked]] = marked
    first = months.first_default[(months.first_default >= 0) & ~np.isnan(of_loan)]
    return Workouts(
        months=months,
        cash=paid + recovered,
        owed=owed,
        rate=of_loan[months.loan],
        charge_off=charge_off,
        default_rows=first[owed[first] > 0],
        last=int(
            np.max(months.month, initial=0)
            if watched_to is None
            else calendar_months([watched_to])[0]
        ),
    )


def past_workouts(workouts: Workouts, rows: Array) -> Array:
    """Cash of the loans of some rows by month after, undiscounted, as shares of what was owed then.

    Of those that were watched for a year or more, 1,000 in all: drawn evenly over what was owed, so
    that each is there as often as its balance is large and their mean is that of the balances.

    Parameters
    ----------
    workouts : Workouts
    rows : int array
        In default, and owing something.

    Returns
    -------
    float array of shape (n_workouts, n_months)
        NaN in months that a loan was not watched in; of shape (0, 0) where fewer than 20 loans were
        watched for long enough. Interest is cash: a row may sum to more than 1.

    Source
    ------
    Systematic sampling with probability proportional to size: Cochran (1977), Sampling
    Techniques, section 9A.5.
    """
    old = rows[workouts.watched_for_long(rows)]
    if len(np.unique(workouts.months.loan[old])) < _LEAST_WORKOUTS:
        return np.zeros((0, 0))
    up_to = np.cumsum(workouts.owed[old])
    wanted = (np.arange(_N_WORKOUTS) + 0.5) / _N_WORKOUTS * up_to[-1]
    old = old[np.searchsorted(up_to, wanted)]
    result = np.full((len(old), workouts.longest(old)), np.nan)
    for lag in range(1, result.shape[1] + 1):
        seen, value = workouts.watched(old, lag)
        cash = value * (1 + workouts.rate[old[seen]]) ** lag
        result[seen, lag - 1] = cash / workouts.owed[old[seen]]
    return result
