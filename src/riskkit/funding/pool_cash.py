"""What enters and leaves the lender's pool of cash on each of the days ahead.

Takes the cash of the loans by month, what is lent by day, and who funds the lender; gives inflow
and outflow by path and day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.checks import Array, require_columns
from riskkit.provisions import LendingCosts
from riskkit.runoff import FutureCash, spread_over_days

__all__ = ["PoolCash", "pool_cash"]

PARTS = "collected_amount", "lent_amount", "cost_amount", "interest_amount", "repaid_amount"
LINE_COLUMNS = "drawn_amount", "limit_amount", "rate", "notice_days", "until"
_RECENT_DAYS = 91


@dataclass(frozen=True, kw_only=True)
class PoolCash:
    """Cash into the pool and out of it, by path and day.

    Parameters
    ----------
    days : DatetimeIndex of shape (n_days,)
    inflow, outflow : int64 arrays of shape (n_paths, n_days)
        Fen, neither below 0.
    parts : DataFrame, index days
        Means over the paths: `collected_amount` is the inflow; `lent_amount`, `cost_amount`,
        `interest_amount` and `repaid_amount` the outflow.
    undrawn : int64 array of shape (n_days,), optional
        Fen that lines could still lend on each day, their interest not counted; none unless given.

    Raises
    ------
    ValueError
        Shapes that differ, amounts that are not whole, or an amount below 0.
    """

    days: pd.DatetimeIndex
    inflow: Array
    outflow: Array
    parts: pd.DataFrame
    undrawn: Array | None = None

    def __post_init__(self) -> None:
        for name in ("inflow", "outflow"):
            values = getattr(self, name)
            if values.ndim != 2 or values.shape != (self.n_paths, len(self.days)):
                raise ValueError(
                    f"{name} must be of shape ({self.n_paths}, {len(self.days)}), got "
                    f"{values.shape}"
                )
            if not np.issubdtype(values.dtype, np.integer):
                raise ValueError(f"{name} must be whole fen, got {values.dtype}")
            if (values < 0).any():
                raise ValueError(f"{name} must be >= 0, got {values.min()}")
        if self.undrawn is not None and self.undrawn.shape != (len(self.days),):
            raise ValueError(f"undrawn must be of shape ({len(self.days)},)")

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return int(self.inflow.shape[0])

    @property
    def spent(self) -> Array:
        """Outflow less inflow from the first day on, of shape (n_paths, n_days), fen."""
        return (self.outflow - self.inflow).cumsum(axis=1)


def pool_cash(
    cash: FutureCash,
    lending: Array,
    daily: pd.DataFrame,
    profile: pd.Series,
    *,
    costs: LendingCosts | None = None,
    n_loans: int = 0,
    lines: pd.DataFrame | None = None,
    exits: Sequence[str] = (),
    repays_prepaid: bool = False,
    to_come: FutureCash | None = None,
) -> PoolCash:
    """Inflow and outflow on every day ahead for which lending is known.

    In comes what loans pay, each month spread over its days by `profile`. Out goes what is paid out
    on new loans; their acquisition, by the loans that such an amount was in the last 91 days; the
    servicing of all loans, at each month-end, their number falling and rising with the balance;
    interest on lines, a twelfth at each month-end; and lines themselves: all that is drawn when a
    line ends, or `notice_days` from now when its funder leaves. Nothing is drawn on a line, and one
    that stays is not repaid; what the lines that stay could still lend is told beside it.

    Path i of `lending` goes with path i of `cash`. Where more is paid out on a path than planned,
    more comes back: what `to_come` brings on average, times what was paid out up to the month
    before ÷ what the plan had paid out, less one. Without it new loans pay as planned however much
    is lent. The climate that moves what comes in does not move how many ask for loans.

    Parameters
    ----------
    cash : FutureCash
        Of months of which the first begins on the day after the last of `daily`; means (one path)
        go with every path of `lending`.
    lending : int64 array of shape (at least n_paths, n_days), or (1, n_days)
        Of :func:`riskkit.runoff.lending_paths`; one path goes with every path of `cash`.
    daily : DataFrame
        Of :func:`riskkit.runoff.daily_lending`, up to a month-end.
    profile : Series
        Of :func:`riskkit.runoff.cash_profile`.
    costs : LendingCosts, optional
        Acquisition and servicing; none unless given.
    n_loans : int
        Loans on the books today, which are serviced.
    lines : DataFrame, index line, optional
        `drawn_amount`, `limit_amount` (fen), `rate` (a year), `notice_days` and `until` (last day,
        NaT where there is none), of :func:`pool_tables`.
    exits : sequence of str
        Lines whose funders leave today.
    repays_prepaid : bool
        Whether lines are repaid from what loans prepay, at each month-end, by their share of the
        balance today, as where they are secured by the loans.
    to_come : FutureCash, optional
        Mean cash of the loans yet to be lent alone, which are in `cash`, too.

    Returns
    -------
    PoolCash

    Raises
    ------
    ValueError
        A last day that is no month-end, months that do not follow it or are too few, too few paths
        of lending, or an exit that is no line.
    DataContractError
        A missing column.

    Source
    ------
    riskkit definition.
    """
    n_paths = len(lending) if cash.n_paths == 1 else cash.n_paths
    if 1 < len(lending) < n_paths or not len(lending):
        raise ValueError(f"lending must have {n_paths} paths, or one, got {len(lending)}")
    days = _days_ahead(cash, daily, lending.shape[1])
    month_ends = np.flatnonzero(days.is_month_end)
    paid_out = np.broadcast_to(lending[:n_paths], (n_paths, lending.shape[1]))
    totals = {name: cash.total(name) for name in ("collected_amount", "prepaid_amount", "balance")}
    if to_come is not None:
        if not to_come.months.equals(cash.months):
            raise ValueError("to_come must be of the same months as cash")
        more = _more_lent(to_come, paid_out, days) - 1
        totals = {
            name: np.maximum(values + more * to_come.total(name), 0)
            for name, values in totals.items()
        }
    collected = spread_over_days(_whole(totals["collected_amount"]), days, profile)
    opening = int(cash.opening.sum())
    cost = np.zeros((n_paths, len(days)), np.int64)
    if costs is not None:
        recent = daily.iloc[-_RECENT_DAYS:][["loans", "paid_out_amount"]].sum()
        loans = recent["loans"] / recent["paid_out_amount"] if recent["paid_out_amount"] else 0.0
        cost += _whole(paid_out * (loans * costs.acquisition_amount))
        if opening:
            # by what is owed when the month begins
            owed = np.insert(totals["balance"], 0, opening, axis=1)[:, : len(month_ends)]
            cost[:, month_ends] += _whole(owed * (n_loans * costs.servicing_amount / opening))
    interest, repaid = np.zeros_like(cost), np.zeros_like(cost)
    undrawn = np.zeros(len(days), np.int64)
    if lines is not None and len(lines):
        require_columns(lines, LINE_COLUMNS, "lines")
        if unknown := [name for name in exits if name not in lines.index]:
            raise ValueError(f"exits must be lines ({', '.join(lines.index)}), got {unknown}")
        prepaid = np.zeros((1, len(cash.months)))
        if repays_prepaid and opening:
            prepaid = totals["prepaid_amount"] / opening
        for name, line in lines.iterrows():
            leaves = name in exits
            own = _line_flows(line, days, month_ends, prepaid, leaves=leaves)
            interest += own[0]
            repaid += own[1]
            could = max(int(line["limit_amount"] - line["drawn_amount"]), 0)
            undrawn[: 0 if leaves else _last_day(line, days, leaves=False)] += could
    elif exits:
        raise ValueError(f"exits must be lines, and there are none, got {list(exits)}")
    means = [values.mean(axis=0) for values in (collected, paid_out, cost, interest, repaid)]
    return PoolCash(
        days=days,
        inflow=np.broadcast_to(collected, cost.shape),
        outflow=paid_out + cost + interest + repaid,
        parts=pd.DataFrame(dict(zip(PARTS, means, strict=True)), index=days),
        undrawn=undrawn,
    )


def _more_lent(new: FutureCash, paid_out: Array, days: pd.DatetimeIndex) -> Array:
    """What was paid out before each month beside the plan, of shape (n_paths, H); 1 of no plan."""
    firsts = np.flatnonzero(days.day == 1)
    n_months = min(len(firsts), len(new.months))
    planned = (new.total("lent_amount") - new.total("fee_amount")).cumsum(axis=1)[:, :n_months]
    came = np.add.reduceat(paid_out, firsts, axis=1).cumsum(axis=1)[:, :n_months]
    more = np.ones((len(paid_out), len(new.months)))
    before = planned[:, : n_months - 1]
    told = came[:, : n_months - 1] / np.where(before > 0, before, 1)
    more[:, 1:n_months] = np.where(before > 0, told, 1)
    return more


def _days_ahead(cash: FutureCash, daily: pd.DataFrame, n_days: int) -> pd.DatetimeIndex:
    """The days from the one after the last of `daily` on; refused where months do not fit them."""
    if daily.empty:
        raise ValueError("daily must have days, got none")
    last = pd.Timestamp(daily.index[-1])
    if not last.is_month_end:
        raise ValueError(f"the last day of daily must be a month-end, got {last:%Y-%m-%d}")
    days = pd.date_range(last + pd.Timedelta(days=1), periods=n_days, name="day")
    if not len(cash.months) or cash.months[0].to_period("M") != days[0].to_period("M"):
        found = f"{cash.months[0]:%Y-%m}" if len(cash.months) else "no months"
        raise ValueError(f"cash must begin with {days[0]:%Y-%m}, got {found}")
    if cash.months[-1].to_period("M") < days[-1].to_period("M"):
        raise ValueError(f"cash must reach {days[-1]:%Y-%m}, got {cash.months[-1]:%Y-%m}")
    return days


def _whole(amounts: Array) -> Array:
    return np.rint(amounts).astype(np.int64)


def _line_flows(
    line: pd.Series, days: pd.DatetimeIndex, month_ends: Array, prepaid: Array, *, leaves: bool
) -> tuple[Array, Array]:
    """Interest and repayments of a line by path and day.

    `prepaid` of shape (n_paths, H): what is repaid ahead, as a part of what is drawn today.
    """
    drawn = int(line["drawn_amount"])
    interest = np.zeros((len(prepaid), len(days)), np.int64)
    repaid = np.zeros_like(interest)
    end = _last_day(line, days, leaves=leaves)
    owed = np.full(len(prepaid), drawn, np.int64)
    for nth, last in enumerate(month_ends):
        if last >= end:
            break
        interest[:, last] = _whole(owed * (line["rate"] / 12))
        repaid[:, last] = np.minimum(_whole(drawn * prepaid[:, nth]), owed)
        owed = owed - repaid[:, last]
    if end < len(days):
        share = days[end].day / days[end].days_in_month
        interest[:, end] += _whole(owed * (line["rate"] / 12 * share))
        repaid[:, end] += owed
    return interest, repaid


def _last_day(line: pd.Series, days: pd.DatetimeIndex, *, leaves: bool) -> int:
    """Place of the day on which a line is due, beyond the last where it is not."""
    ends = [int(line["notice_days"])] if leaves else []
    if pd.notna(line["until"]):
        ends.append((pd.Timestamp(line["until"]) - days[0]).days + 1)
    # of a contract that ends today, all is due tomorrow
    return max(min(ends), 1) - 1 if ends else len(days)
