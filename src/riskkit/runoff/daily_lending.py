"""What was lent day by day, and what may be lent in the days ahead.

Takes the applications; gives a row per day, and from it the same days ahead on many paths.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from riskkit.checks import Array, DataContractError, check_seed, require_columns
from riskkit.columns import calendar_months
from riskkit.instalments import fen_below
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["LEAST_WEEKS", "daily_lending", "lending_paths"]

LOOKBACK_WEEKS = 26
LEAST_WEEKS = 2
# fewer tell no trend
_TREND_WEEKS = 8
# of what is expected of a trend before it is seen: a quarter a year, up or down
_TREND_SD = 0.005
# consecutive weeks drawn together, so that a burst keeps its length
_BLOCK_WEEKS = 4
_LEAST_MONTHS = 3
_PART = 20_1
_READ = (
    *("applied_at", "booked", "amount", "booked_amount"),
    *("offer_limit", "offer_fee_rate"),
)
_COLUMNS = "loans", "lent_amount", "fee_amount", "paid_out_amount"


def daily_lending(applications: pd.DataFrame | Table, day: pd.Timestamp | str) -> pd.DataFrame:
    """Loans lent and cash paid out on every day from the first application to `day`.

    Paid out is what was lent less the fee withheld. The contract knows when somebody applied, not
    when cash left: a loan counts on the day of its application. Where all applications of several
    months bear the first day of their month, or the last, the source knows months alone: what was
    lent in a month is then spread evenly over its days.

    Parameters
    ----------
    applications : DataFrame or Table
        applied_at, booked, amount; where they are there, booked_amount (else the amount asked for,
        or the offer_limit that is below it) and offer_fee_rate (else none). A Table is counted
        block by block.
    day : date
        The last day; later applications are not read.

    Returns
    -------
    DataFrame, index date
        `loans`, `lent_amount`, `fee_amount`, `paid_out_amount` (int64, fen), 0 on days without
        lending, and `is_spread` (of the whole table: months were spread over their days). No
        applications by that day, no rows.

    Raises
    ------
    DataContractError
        A missing column, or a loan whose day is not known.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({
    ...     "applied_at": pd.to_datetime(["2024-05-02", "2024-05-04"]), "booked": True,
    ...     "amount": [100_000, 50_000], "offer_fee_rate": [0.02, 0.0]})
    >>> daily_lending(asked, "2024-05-04")["paid_out_amount"].tolist()
    [98000, 0, 50000]
    """
    require_columns(applications, ["applied_at", "booked", "amount"], "applications")
    last = pd.Timestamp(day).normalize()
    counted = total(partial(_lent_by_day, last=last), applications, columns=_READ)
    if undated := int(counted["undated"].sum()):
        told = f"applied_at: missing for {undated:,} loans, so that nobody knows when they were"
        raise DataContractError("applications", [f"{told} lent"])
    days = counted.index.dropna()
    index = pd.DatetimeIndex([], name="date")
    if len(days):
        index = pd.date_range(days.min(), last, name="date")
    table = counted[list(_COLUMNS)].reindex(index, fill_value=0)
    by_month = _months_alone(days.to_series())
    return (
        _spread(table, last).assign(is_spread=True) if by_month else table.assign(is_spread=False)
    )


def _lent_by_day(applications: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """What was lent on each day that has an application; loans without a day under none."""
    booked = applications["booked"].to_numpy(dtype=bool)
    date = applications["applied_at"].dt.normalize()
    undated = date.isna().to_numpy() & booked
    seen = (date <= last).to_numpy(dtype=bool)
    lent = np.zeros(len(applications), np.int64)
    loans = applications[seen & booked]
    lent[seen & booked] = _lent_amounts(loans)
    fee = np.zeros(len(applications), np.int64)
    if "offer_fee_rate" in loans:
        rate = loans["offer_fee_rate"].fillna(0).to_numpy(float)
        fee[seen & booked] = fen_below(lent[seen & booked] * rate).astype(np.int64)
    sums = dict(zip(_COLUMNS, (booked.astype(np.int64), lent, fee, lent - fee), strict=True))
    rows = pd.DataFrame({**sums, "undated": undated.astype(np.int64)})[seen | undated]
    return rows.groupby(date[seen | undated].to_numpy(), dropna=False).sum().rename_axis("date")


def _lent_amounts(loans: pd.DataFrame) -> Array:
    """What each loan was for, fen."""
    if "booked_amount" in loans:
        return loans["booked_amount"].to_numpy(np.int64)
    amount = loans["amount"].to_numpy(np.int64)
    if "offer_limit" not in loans:
        return amount
    limit = loans["offer_limit"].to_numpy(float)
    return np.where(limit > 0, np.fmin(amount, limit), amount).astype(np.int64)


def _months_alone(dates: pd.Series) -> bool:
    """Whether the dates of several months all bear their first, or their last, day."""
    if len(np.unique(calendar_months(dates))) < _LEAST_MONTHS:
        return False
    return bool(dates.dt.is_month_start.all() or dates.dt.is_month_end.all())


def _spread(table: pd.DataFrame, last: pd.Timestamp) -> pd.DataFrame:
    """Each month's sums evenly over its days, of the running month those up to the last day."""
    first = table.index[0].replace(day=1)
    days = pd.date_range(first, last, name="date")
    sums = table.groupby(table.index.to_period("M")).sum()
    month = sums.index.get_indexer(days.to_period("M"))
    length = np.bincount(month)[month]
    nth = np.asarray(days.day)
    columns = {}
    for name in table:
        whole = sums[name].to_numpy(np.int64)[month]
        columns[name] = whole * nth // length - whole * (nth - 1) // length
    return pd.DataFrame(columns, index=days)


def lending_paths(
    daily: pd.DataFrame,
    n_days: int,
    n_paths: int,
    seed: int,
) -> Array:
    """Cash paid out on each of the days ahead, on many paths.

    The level and its trend are those of the last half year, by weeks that end with the last day: a
    straight line through log-amounts, fitted as means (quasi-Poisson), its slope held to 0 as
    though half a percent a week were much; it is led on for no longer than it was seen, and level
    after that. Around it whole weeks of the ratio of a day to
    what was expected of it are drawn again, four in a row: with them come the pattern of weekdays
    and bursts as long as they were. The line is refitted on each path to weeks drawn in the same
    way, so that what half a year does not tell of level and trend is in the paths. Fewer than eight
    weeks tell no trend: the paths are then level.

    What no half year shows is not in them: a year's seasons, holidays, a turn of the stream. They
    are drawn without the climate that moves what comes in.

    Parameters
    ----------
    daily : DataFrame
        Of :func:`daily_lending`.
    n_days, n_paths : int
        At least 1.
    seed : int
        At least 0 and below 2^31.

    Returns
    -------
    int64 array of shape (n_paths, n_days)
        Fen. Where nothing was lent in the half year, 0.

    Raises
    ------
    ValueError
        Fewer than 14 days to learn from, or an argument out of its range.

    Source
    ------
    Künsch (1989), Annals of Statistics 17(3), for blocks that are drawn again; the line and how
    long it is led on are riskkit definitions.
    """
    for name, value in (("n_days", n_days), ("n_paths", n_paths)):
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value!r}")
    check_seed("seed", seed)
    n_weeks = min(len(daily) // 7, LOOKBACK_WEEKS)
    if n_weeks < LEAST_WEEKS:
        raise ValueError(f"lending ahead needs {7 * LEAST_WEEKS} days behind, got {len(daily)}")
    paid = daily["paid_out_amount"].to_numpy(np.int64)[-7 * n_weeks :].reshape(n_weeks, 7)
    if not paid.any():
        return np.zeros((n_paths, n_days), np.int64)
    rng = np.random.Generator(np.random.SFC64([seed, _PART]))
    terms = np.ones((n_weeks, 1))
    if n_weeks >= _TREND_WEEKS:
        terms = np.column_stack([terms, np.arange(1 - n_weeks, 1)])
    line, prior, dispersion = _fitted_line(terms, paid.sum(axis=1).astype(float))
    expected = np.exp(terms @ line)
    width = min(_BLOCK_WEEKS, n_weeks // 2)
    weights = _drawn_weights(n_weeks, width)
    ratio = paid / (expected[:, None] / 7)
    ratio /= weights @ ratio.mean(axis=1)
    n_ahead = -(-n_days // 7)
    ahead = np.minimum(np.arange(1, n_ahead + 1), n_weeks)
    ahead_terms = np.column_stack([np.ones(n_ahead), ahead])[:, : terms.shape[1]]
    stretch = _stretch(rng, n_paths, n_weeks, width, terms.shape[1])
    week = ratio.mean(axis=1)
    again = stretch * (week[_drawn_weeks(rng, n_paths, n_weeks, n_weeks, width)] - 1)
    known = (terms.T * expected) @ terms + prior
    # what was expected of the trend before the first week is as unsure as it was
    doubt = rng.normal(size=(n_paths, 1)) * np.sqrt(dispersion * np.diag(prior))
    drawn_lines = line + np.linalg.solve(known, terms.T * expected @ again.T + doubt.T).T
    level = np.exp(drawn_lines @ ahead_terms.T) / 7
    drawn = _drawn_weeks(rng, n_paths, n_ahead, n_weeks, width)
    # a week as far from what was expected as it was, stretched; its days keep their shares
    level *= np.maximum(1 + stretch * (week[drawn] - 1), 0) / np.where(week > 0, week, 1.0)[drawn]
    paths = (level[:, :, None] * ratio[drawn]).reshape(n_paths, -1)
    return np.rint(paths[:, :n_days]).astype(np.int64)


def _fitted_line(terms: Array, weekly: Array) -> tuple[Array, Array, float]:
    """Coefficients of the logarithm of the mean, what stood for the trend, and the dispersion.

    By maximum quasi-likelihood, at first without, then with what is expected of a trend: none, give
    or take :data:`_TREND_SD`, of which the weight beside the weeks is the dispersion ÷ its square.
    """
    n_weeks, n_terms = terms.shape
    prior = np.zeros((n_terms, n_terms))
    line = np.zeros(n_terms)
    line[0] = np.log(weekly.mean())
    dispersion = 0.0
    for _ in range(2):
        for _ in range(50):
            mean = np.exp(terms @ line)
            slope = terms.T @ (weekly - mean) - prior @ line
            step = np.linalg.solve((terms.T * mean) @ terms + prior, slope)
            line = line + step * min(1.0, 1 / float(np.abs(terms @ step).max() + 1e-300))
            if np.abs(step).max() < 1e-10:
                break
        mean = np.exp(terms @ line)
        if n_terms < 2 or dispersion:
            break
        dispersion = float(((weekly - mean) ** 2 / mean).sum() / (n_weeks - n_terms))
        prior[1, 1] = dispersion / _TREND_SD**2
    return line, prior, dispersion


def _drawn_weeks(
    rng: np.random.Generator, n_paths: int, n_ahead: int, n_weeks: int, width: int
) -> Array:
    """Which week behind stands for each week ahead, of shape (n_paths, n_ahead)."""
    n_blocks = -(-n_ahead // width)
    first = rng.integers(0, n_weeks - width + 1, size=(n_paths, n_blocks))
    return (first[:, :, None] + np.arange(width)).reshape(n_paths, -1)[:, :n_ahead]


def _stretch(
    rng: np.random.Generator, n_paths: int, n_weeks: int, width: int, n_terms: int
) -> Array:
    """By how much weeks drawn again must lie further apart, of shape (n_paths, 1).

    Residuals lie closer together than errors by the terms fitted, and blocks of a short stretch
    closer than those of a long one; what the spread itself is, so few blocks do not tell exactly:
    its degrees of freedom are those of a Bartlett window as long as a block.
    """
    closer = (1 - n_terms / max(n_weeks, n_terms + 1)) * (1 - width / n_weeks)
    freedom = 1.5 * n_weeks / width
    return np.sqrt(freedom / rng.chisquare(freedom, size=(n_paths, 1)) / closer)


def _drawn_weights(n_weeks: int, width: int) -> Array:
    """How often a week is drawn: those at either end stand in fewer blocks."""
    blocks = n_weeks - width + 1
    counts = np.convolve(np.ones(blocks), np.ones(width))
    return counts / counts.sum()
