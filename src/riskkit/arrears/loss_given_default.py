"""What a default loses: recoveries after it, discounted, with what the open ones still expect.

Takes the performance panel and the loans' effective rates; gives the share of what is owed that is
lost from a first default on, by cohort of default and in all, and from every later position on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.arrears.moves_in_arrears import (
    DEFAULT,
    DEFAULT_DPD,
    N_STATES,
    Reading,
)
from riskkit.arrears.workouts import LONGEST_MONTHS, Workouts, past_workouts, workouts_in
from riskkit.checks import Array

__all__ = ["FIRST_DEFAULT", "LossGivenDefault", "fit_lgd", "lgd_cohorts", "positions_of"]

FIRST_DEFAULT, NEVER_PAID = "first default", "never paid"
MONTHS_LEFT = "months left at default"
CURED, IN_DEFAULT, CHARGED_OFF = "cured", "in default", "charged off"
STILL_LATE = "still late"  # in default before, 1 to 90 days past due
_POSITIONS = CURED, STILL_LATE, IN_DEFAULT, CHARGED_OFF
_LEVEL = 0.95
_FEW_DEFAULTS = 30
# cash after a default is rare and uneven: how it scatters is read off more than its mean is
_MANY_DEFAULTS = 200
# groups of defaults by the months left of the term, at most
_MOST_GROUPS = 6
# months that fewer loans have been watched for say nothing of what is still to come
_LEAST_WATCHED = 5
# standard deviation of the factor by which a band's loss departs from all, before any is seen
_BAND_SD = 0.2


@dataclass(frozen=True)
class LossGivenDefault:
    """Shares of what is owed that are lost, fitted by :func:`fit_lgd`.

    Parameters
    ----------
    rates : DataFrame, index (position, months)
        `loans`, `balance` (fen), `recovered_rate` (discounted), `lgd`, `lgd_low`, `lgd_high`
        (95 %). Position: first default, months 0, of all; never paid, months 0, of those in default
        as soon as can be; months left at default: the others, from so many of the term on, negative
        once it has ended; in default, charged off, cured (nothing past due any more), still late
        (1 to 90 days): by months since the first default or the charge-off.
    recovery : DataFrame, index month since the first default, from 1
        `observed_balance` (owed at default by the loans that were watched so long), `rate` (of it
        received that month, discounted).
    state_factors : float array of shape (N_STATES,)
        By how much the loss of loans that were found with so many months in arrears departs from
        that of all defaults at their age: who was seen to pay is not who never did.
    band_factors : Series, index band
        The same of each band of risk known at origination, drawn towards 1: who is likelier to
        default brings less when he does. A band that is not there has 1.
    workouts : dict of (position, months) to float array of shape (n_workouts, n_months)
        Cash of past loans that were watched for a year or more from the first default on, and from
        later positions as in `rates`, in wider groups of months; only where there are enough. Of
        :func:`riskkit.arrears.workouts.past_workouts`.
    """

    rates: pd.DataFrame
    recovery: pd.DataFrame
    state_factors: Array = field(default_factory=lambda: np.ones(N_STATES))
    band_factors: pd.Series = field(default_factory=lambda: pd.Series(dtype="float64"))
    workouts: Mapping[tuple[str, int], Array] = field(default_factory=dict)

    @property
    def at_default(self) -> pd.Series:
        """The row of the first default."""
        return self.rates.loc[(FIRST_DEFAULT, 0)]

    @property
    def default_workouts(self) -> Array:
        """Past workouts from the first default on; of shape (0, 0) where too few are known."""
        return self.workouts.get((FIRST_DEFAULT, 0), np.zeros((0, 0)))

    def of_default(
        self, months_left: Array, mob: Array, state: Array, band: ArrayLike | None = None
    ) -> Array:
        """Expected loss of a first default to come, by when in a loan's life it comes.

        Who never paid anything brings least; after that, the later in its term a loan defaults the
        more of what it owes comes back.

        Parameters
        ----------
        months_left : int array
            Of the term, at the default.
        mob : int array of the same shape
            Month on book of the default.
        state : int array, broadcast to that shape
            Months in arrears in which the loan is found today.
        band : array of str of shape (n_loans,), optional
            Of each row; all of none unless given.

        Returns
        -------
        float array of the same shape
            At least 0; 1 where no default was ever seen, since nothing is known to come back.
        """
        result = np.full(months_left.shape, float(self.at_default["lgd"]))
        positions = self.rates.index.get_level_values("position")
        if MONTHS_LEFT in positions:
            known = self.rates["lgd"].loc[MONTHS_LEFT]
            at = np.searchsorted(known.index.to_numpy(), months_left, side="right") - 1
            result = known.to_numpy()[np.maximum(at, 0)]
        if NEVER_PAID in positions:
            result = np.where(mob <= N_STATES, self.rates.loc[(NEVER_PAID, 0), "lgd"], result)
        if band is not None and len(self.band_factors):
            factor = pd.Index(np.asarray(band, dtype=object)).map(self.band_factors)
            factor = np.nan_to_num(factor.to_numpy(float), nan=1.0)
            result = result * factor.reshape(-1, *[1] * (result.ndim - 1))
        return np.nan_to_num(np.maximum(result * self.state_factors[state], 0), nan=1.0)

    def of_book(self, book: pd.DataFrame, column: str = "lgd") -> Array:
        """Expected loss of loans in default as a share of their balance, NaN of the others.

        Parameters
        ----------
        book : DataFrame
            Of :func:`riskkit.arrears.book_at`.
        column : {"lgd", "lgd_low", "lgd_high"}
            The loss, or an end of its interval.

        Returns
        -------
        float array of shape (n_loans,)
            At least 0: a loan that brings more than it owes is provided for with nothing. 1 where
            no default was ever seen, as of late entrants alone.
        """
        position, since = _book_positions(book)
        result = np.full(len(book), np.nan)
        for name in _POSITIONS:
            rows = np.flatnonzero(position == name)
            if not len(rows):
                continue
            known = self.rates[column].get(name)
            known = pd.Series(dtype=float) if known is None else known.dropna()
            if known.empty:
                result[rows] = self.at_default[column]
                continue
            at = np.clip(
                np.searchsorted(known.index.to_numpy(), since[rows], side="right") - 1, 0, None
            )
            result[rows] = known.to_numpy()[at]
        result[(position != "") & np.isnan(result)] = 1.0
        return np.maximum(result, 0)

    def workouts_of(self, book: pd.DataFrame) -> tuple[Array, list[Array]]:
        """Which past workouts each loan in default may repeat: those from its position on.

        Parameters
        ----------
        book : DataFrame
            Of :func:`riskkit.arrears.book_at`.

        Returns
        -------
        int array of shape (n_loans,)
            Place in the list; −1 where none are known, and of loans that are in no default.
        list of float arrays
            Of `workouts`, those from later positions than the first default.
        """
        keys = [key for key in self.workouts if key[0] in _POSITIONS]
        position, since = _book_positions(book)
        result = np.full(len(book), -1)
        for name in _POSITIONS:
            places = np.array([place for place, key in enumerate(keys) if key[0] == name])
            rows = np.flatnonzero(position == name)
            if len(places):
                known = [keys[place][1] for place in places]
                at = np.searchsorted(known, since[rows], side="right") - 1
                result[rows] = places[np.maximum(at, 0)]
        return result, [self.workouts[key] for key in keys]


def fit_lgd(
    performance: pd.DataFrame,
    effective_rates: pd.Series,
    *,
    terms: pd.Series | None = None,
    bands: pd.Series | None = None,
    by: Reading | None = None,
    least_loans: int = _FEW_DEFAULTS,
    horizon_months: int | None = None,
    watched_to: pd.Timestamp | None = None,
) -> LossGivenDefault:
    """Loss given default from all cash after it, with what the open loans still expect.

    LGD = 1 − Σⱼ rⱼ with rⱼ = discounted cash of month j after default ÷ what was owed at default,
    over all loans whose default is at least j months old. So a young default counts in the months
    it has been watched, and its rest is what older ones brought: a chain ladder on amounts owed.
    Cures, payments between default and charge-off and recoveries after it are all cash, interest
    included; a time between is paid for by the discount. A loan that has ended, or whose rows have,
    is watched on and brings nothing. The same from every later position on: in default or cured
    by months since default, charged off by months since.

    The cash of a month left out between two rows of a loan is unknown: the loan is not watched in
    that month, which counts by the others, and what it brings later counts at its own month. A
    default is dated at the first month-end it is seen at; a late entrant that is in default, or
    charged off, when first seen is left out, since nobody knows for how long it has been.

    Parameters
    ----------
    performance : DataFrame
        The panel up to the day looked back from, with balance, paid_amount, recovered_amount; or
        of it the loans that were ever in default, with `by` and `watched_to` of the whole panel.
    effective_rates : Series, index loan_id
        A month, fractions. A loan that is not there is left out.
    terms : Series, index loan_id, optional
        In months; with them the loss is told apart by what is left of the term at default.
    bands : Series, index loan_id, optional
        Band of risk known at origination, as text; used where terms are given.
    by : {"months", "days"}, optional
    least_loans : int
        Positions of fewer loans are taken together with the next.
    horizon_months : int, optional
        Cash of so many months alone, the rest counting as lost; all of it unless given.
    watched_to : Timestamp, optional
        The month-end up to which loans were watched; the last of `performance` unless given.

    Returns
    -------
    LossGivenDefault
        Without a default all is NaN.

    Source
    ------
    Additive (incremental loss ratio) method of loss reserving, as in Mack (2002),
    Schadenversicherungsmathematik, section 3.1.3; interval: the influence of each loan.
    """
    workout = workouts_in(performance, effective_rates, by, watched_to)
    if horizon_months is not None:
        workout = replace(workout, horizon=min(horizon_months, LONGEST_MONTHS))
    months, owed = workout.months, workout.owed
    start = workout.default_rows
    rates, recovery = _ratios(workout, start, np.zeros(len(start), np.int64), 1)
    tables = [rates.set_axis(pd.MultiIndex.from_tuples([(FIRST_DEFAULT, 0)]))]
    courses = {(FIRST_DEFAULT, 0): past_workouts(workout, start)}
    term = np.full(len(start), np.nan)
    if terms is not None and len(start):
        term = performance["loan_id"].iloc[start].map(terms).to_numpy(float)
        tables += _by_age_at_default(workout, start, term, least_loans)

    rows = np.flatnonzero((months.state == DEFAULT) & (owed > 0))
    rows = rows[~np.isnan(workout.rate[rows])]
    since_default = months.mob[rows] - months.mob[months.first_default[months.loan[rows]]]
    off = workout.charge_off[months.loan[rows]]
    since_off = np.where((off >= 0) & (rows >= off), months.mob[rows] - months.mob[off], np.nan)
    position, since = _positions(
        months.state[rows], performance["dpd"].to_numpy()[rows], since_default, since_off
    )
    for name in _POSITIONS:
        of_name = np.flatnonzero(position == name)
        # of too few that pay again and are late still, a default's own loss says more
        if len(of_name) < (least_loans if name == STILL_LATE else 1):
            continue
        group, lows = _groups(since[of_name], least_loans)
        rates, _ = _ratios(workout, rows[of_name], group, len(lows))
        tables.append(rates.set_axis(pd.MultiIndex.from_product([[name], lows])))
        courses |= _courses(workout, name, rows[of_name], since[of_name])
    table = pd.concat(tables).rename_axis(index=["position", "months"])
    courses = {key: past for key, past in courses.items() if len(past)}
    lgd = LossGivenDefault(rates=table, recovery=recovery, workouts=courses)
    if terms is None:
        return lgd
    band = None
    if bands is not None:
        band = performance["loan_id"].iloc[start].map(bands).astype(object).fillna("").to_numpy()
        lgd = _with_bands(lgd, workout, start, term, band, least_loans)
    return _with_states(lgd, workout, start, term, band, least_loans)


def lgd_cohorts(
    performance: pd.DataFrame,
    effective_rates: pd.Series,
    lgd: LossGivenDefault,
    *,
    freq: str = "Q",
    by: Reading | None = None,
    watched_to: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """What defaults of each period have brought so far, and are expected to bring yet.

    Parameters
    ----------
    performance, effective_rates, by, watched_to
        As in :func:`fit_lgd`.
    lgd : LossGivenDefault
    freq : {"M", "Q", "Y"}
        Periods of the first default.

    Returns
    -------
    DataFrame, index default_period (text)
        `loans`, `balance` (owed at default, fen), `cured`, `charged_off` (loans, by now),
        `months_to_charge_off` (mean of those), `recovered_rate` (so far, discounted, of what was
        owed), `rest_rate` (what the months still to come, or left out, brought others), `lgd`; the
        last row, "all", is of all periods.

    Source
    ------
    riskkit definition.
    """
    workout = workouts_in(performance, effective_rates, by, watched_to)
    months, start = workout.months, workout.default_rows
    owed = workout.owed[start]
    loan = months.loan[start]
    ends = np.append(months.starts[1:], len(performance))[loan] - 1
    paid_up = np.isin(performance["status"].to_numpy()[ends], ["prepaid", "matured"])
    dpd = performance["dpd"].to_numpy()[ends]
    off = workout.charge_off[loan]
    rate = lgd.recovery["rate"].to_numpy()
    ahead = np.append(np.cumsum(rate[::-1])[::-1], 0.0)
    age = np.minimum(workout.last - months.month[start], len(rate))
    so_far, left_out = np.zeros(len(start)), np.zeros(len(start))
    for lag in range(1, workout.longest(start) + 1):
        cash = workout.discounted(start, lag)
        so_far += np.nan_to_num(cash)
        of_others = rate[lag - 1] if lag <= len(rate) else 0.0
        left_out += np.where(np.isnan(cash), of_others, 0.0)
    loans = pd.DataFrame(
        {
            "loans": 1,
            "balance": owed,
            "cured": (off < 0) & (paid_up | (dpd <= DEFAULT_DPD)),
            "charged_off": off >= 0,
            "waited": np.where(off >= 0, months.mob[off] - months.mob[start], 0),
            "received": so_far,
            "rest": owed * (ahead[age] + left_out),
        }
    )
    period = pd.DatetimeIndex(months.month[start].astype("datetime64[M]").astype("datetime64[s]"))
    names = pd.Index(period.to_period(freq).astype(str), name="default_period")
    table = loans.groupby(names).sum()
    table.loc["all"] = loans.sum()
    known = table["balance"].where(table["balance"] > 0)
    whole = ["loans", "balance", "cured", "charged_off"]
    return (
        table[whole]
        .astype("int64")
        .assign(
            months_to_charge_off=table["waited"]
            / table["charged_off"].where(table["charged_off"] > 0),
            recovered_rate=table["received"] / known,
            rest_rate=table["rest"] / known,
            lgd=1 - (table["received"] + table["rest"]) / known,
        )
    )


def _courses(
    workout: Workouts, name: str, rows: Array, since: Array
) -> dict[tuple[str, int], Array]:
    """Past workouts from a position on, by months since."""
    old = workout.watched_for_long(rows)
    rows, since = rows[old], since[old]
    if not len(rows):
        return {}
    group, lows = _groups(since, _MANY_DEFAULTS)
    return {
        (name, low): past_workouts(workout, rows[group == place]) for place, low in enumerate(lows)
    }


def _by_age_at_default(
    workout: Workouts, start: Array, term: Array, least_loans: int
) -> list[pd.DataFrame]:
    """Rates of those who never paid and, by what was left of the term, of the others."""
    mob = workout.months.mob[start]
    never = mob <= N_STATES
    tables = []
    if least_loans <= never.sum():
        rows = start[never]
        rates, _ = _ratios(workout, rows, np.zeros(len(rows), np.int64), 1)
        tables.append(rates.set_axis(pd.MultiIndex.from_tuples([(NEVER_PAID, 0)])))
    left = term - mob
    known = np.flatnonzero(~np.isnan(left) & (~never if tables else True))
    if len(known) >= 2 * least_loans:
        group, lows = _groups(left[known], max(least_loans, len(known) // _MOST_GROUPS))
        rates, _ = _ratios(workout, start[known], group, len(lows))
        tables.append(rates.set_axis(pd.MultiIndex.from_product([[MONTHS_LEFT], lows])))
    return [table for table in tables if table["lgd"].notna().all()]


def _with_bands(
    lgd: LossGivenDefault,
    workout: Workouts,
    start: Array,
    term: Array,
    band: Array,
    least_loans: int,
) -> LossGivenDefault:
    """The same with factors by band, each drawn towards 1 by how unsure it is."""
    known = np.flatnonzero(~np.isnan(term))
    group, names = pd.factorize(band[known], sort=True)
    if len(names) < 2:
        return lgd
    rows = start[known]
    seen, _ = _ratios(workout, rows, group, len(names))
    mob = workout.months.mob[rows]
    alike = lgd.of_default(term[known] - mob, mob, np.zeros(len(rows), np.int64))
    owed = workout.owed[rows]
    balance, expected = (
        np.bincount(group, weights, len(names)) for weights in (owed, owed * alike)
    )
    enough = (seen["loans"].to_numpy() >= least_loans) & (expected > 0)
    alike = np.where(enough, expected / balance, 1)
    width = 2 * special.ndtri(0.5 + _LEVEL / 2)
    error = (seen["lgd_high"] - seen["lgd_low"]).to_numpy() / width / alike
    weight = _BAND_SD**2 / (_BAND_SD**2 + error**2)
    factor = 1 + weight * (seen["lgd"].to_numpy() / alike - 1)
    factor = np.where(enough & np.isfinite(factor), np.maximum(factor, 0), 1.0)
    return replace(lgd, band_factors=pd.Series(factor, index=names))


def _with_states(
    lgd: LossGivenDefault,
    workout: Workouts,
    start: Array,
    term: Array,
    band: Array | None,
    least_loans: int,
) -> LossGivenDefault:
    """The same with factors by the state in which a loan was found before it defaulted.

    A default counts once for each month-end at which its loan was found in the state, as it would
    have been on the books of that day.
    """
    months, owed = workout.months, workout.owed[start]
    place = np.full(len(months.starts), -1)
    place[months.loan[start]] = np.arange(len(start))
    earlier = np.flatnonzero((months.state < N_STATES) & (place[months.loan] >= 0))
    found = place[months.loan[earlier]]
    earlier, found = earlier[earlier < start[found]], found[earlier < start[found]]
    group = months.state[earlier].astype(np.int64)
    known = ~np.isnan(term[found])
    group, found = group[known], found[known]
    if not len(found):
        return lgd
    seen, _ = _ratios(workout, start[found], group, N_STATES)
    mob = months.mob[start[found]]
    of_found = None if band is None else band[found]
    alike = lgd.of_default(term[found] - mob, mob, np.zeros(len(found), np.int64), of_found)
    balance = np.bincount(group, owed[found], N_STATES)
    expected = np.bincount(group, owed[found] * alike, N_STATES)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = seen["lgd"].to_numpy() / (expected / balance)
    enough = (seen["loans"].to_numpy() >= least_loans) & np.isfinite(factor)
    return replace(lgd, state_factors=np.where(enough, np.maximum(factor, 0), 1.0))


def _ratios(
    workout: Workouts, rows: Array, group: Array, n_groups: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Loss rates of groups of rows, with intervals; and what each month brought the first group."""
    months, owed = workout.months, workout.owed[rows]
    longest = workout.longest(rows)
    brought = np.zeros((longest, n_groups))
    watched_balance, watched_loans = brought.copy(), brought.copy()
    for lag in range(1, longest + 1):
        seen, cash = workout.watched(rows, lag)
        parts = group[seen]
        brought[lag - 1] = np.bincount(parts, cash, n_groups)
        watched_balance[lag - 1] = np.bincount(parts, owed[seen], n_groups)
        watched_loans[lag - 1] = np.bincount(parts, minlength=n_groups)
    enough = (watched_loans >= _LEAST_WATCHED) & (watched_balance > 0)
    rate = np.divide(brought, watched_balance, out=np.zeros_like(brought), where=enough)
    influence = np.zeros(len(rows))
    for lag in range(1, longest + 1):
        seen, cash = workout.watched(rows, lag)
        use = enough[lag - 1][group[seen]]
        seen, cash = seen[use], cash[use]
        gap = cash - rate[lag - 1][group[seen]] * owed[seen]
        influence[seen] += gap / watched_balance[lag - 1][group[seen]]
    # a loan found in a group in several months counts as one
    each, place = np.unique(group * len(months.starts) + months.loan[rows], return_inverse=True)
    of_loan = np.bincount(place, influence, len(each))
    spread = np.bincount(each // max(len(months.starts), 1), of_loan**2, n_groups) ** 0.5
    recovered = np.where(enough.any(axis=0), rate.sum(axis=0), np.nan)
    width = special.ndtri(0.5 + _LEVEL / 2) * spread
    table = pd.DataFrame(
        {
            "loans": np.bincount(each // max(len(months.starts), 1), minlength=n_groups),
            "balance": np.bincount(group, owed, n_groups).astype(np.int64),
            "recovered_rate": recovered,
            "lgd": 1 - recovered,
            "lgd_low": 1 - recovered - width,
            "lgd_high": 1 - recovered + width,
        }
    )
    index = pd.RangeIndex(1, longest + 1, name="month")
    recovery = pd.DataFrame(
        {
            "observed_loans": watched_loans[:, 0].astype(np.int64),
            "observed_balance": watched_balance[:, 0].astype(np.int64),
            "rate": rate[:, 0],
        },
        index=index,
    )
    return table, recovery


def positions_of(book: pd.DataFrame) -> Array:
    """Where each loan that has defaulted stands, "" of the others.

    Charged off, in default (more than 90 days past due), still late (1 to 90), cured (0).

    Parameters
    ----------
    book : DataFrame
        Of :func:`riskkit.arrears.book_at`.
    """
    return _book_positions(book)[0]


def _book_positions(book: pd.DataFrame) -> tuple[Array, Array]:
    return _positions(
        book["state"].to_numpy(),
        book["dpd"].to_numpy(),
        book["months_since_default"].to_numpy(float),
        book["months_since_charge_off"].to_numpy(float),
    )


def _positions(
    state: Array, dpd: Array, since_default: Array, since_off: Array
) -> tuple[Array, Array]:
    """Where a loan that has defaulted stands, and for how many months; "" of the others."""
    off = ~np.isnan(since_off)
    tests = [off, dpd > DEFAULT_DPD, dpd > 0]
    position = np.select(tests, [CHARGED_OFF, IN_DEFAULT, STILL_LATE], default=CURED)
    position = np.where(state == DEFAULT, position, "")
    return position, np.where(off, since_off, since_default)


def _groups(since: Array, least_loans: int) -> tuple[Array, list[int]]:
    """Group of each row by months since, thin ones joined with the next, and each one's first."""
    months, n = np.unique(since, return_counts=True)
    lows: list[int] = []
    room = least_loans
    for month, count in zip(months, n, strict=True):
        if room >= least_loans:
            lows.append(int(month))
            room = 0
        room += count
    if len(lows) > 1 and room < least_loans:
        lows.pop()
    return np.searchsorted(np.array(lows), since, side="right") - 1, lows
