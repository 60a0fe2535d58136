"""Who is paid when out of a pool of loans: the waterfall of a securitisation, month by month.

Takes the cash of a pool and the terms of a deal; gives a row per month. All amounts are whole fen,
and many courses of things are reckoned at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.checks import Array
from riskkit.funding.deal import MILLION, Deal
from riskkit.funding.sold_cash import CASH, ENDS, FLOWS, SoldCash, cash_of_table

__all__ = ["Payments", "pay_out", "waterfall"]

DAYS = 365
REASONS = ("", "overcollateralisation", "defaults")
BY_MONTH = (
    "collected", "principal_in", "interest_in", "default", "pool", "available", "fee",
    "fee_carried", "purchased", "reserve", "equity", "breach",
)  # fmt: skip
BY_TRANCHE = "due", "interest", "carried", "principal", "balance"


@dataclass(frozen=True, kw_only=True)
class Payments:
    """What a deal has paid on each of some paths.

    Parameters
    ----------
    months, pay_dates : DatetimeIndex of shape (H,)
    opening : int64 array of shape (n_paths,)
        Fen owed by the pool at the start.
    by_month : dict of str to int64 array of shape (n_paths, H)
        `collected` (of it `interest_in`, and `principal_in` with prepaid), `default`, `pool` (owed
        by performing loans, bought ones included), `available` (collected and reserve), `fee`,
        `fee_carried`, `purchased`, `reserve`, `equity`; `breach`: position in REASONS.
    ratio : float array of shape (n_paths, H)
        Overcollateralisation before anything is paid; NaN once no notes are left.
    by_tranche : dict of str to int64 array of shape (n_paths, H, n_tranches)
        `due` (interest, with what was carried), `interest` paid, `carried`, `principal`, `balance`.
    """

    months: pd.DatetimeIndex
    pay_dates: pd.DatetimeIndex
    opening: Array
    by_month: Mapping[str, Array]
    ratio: Array
    by_tranche: Mapping[str, Array]


def waterfall(
    collections: pd.DataFrame, deal: Deal, *, purchases: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What each month's collections pay, to whom, and what is then still owed.

    Collections and reserve are one pot. Out of it are paid, in this order: the senior fee; interest
    by rank; the reserve up to its share of the notes; loans bought while the deal revolves, up to
    what the pool has lost since the start; principal by rank; the lender (equity). Once a trigger
    is breached: fee, interest of the first tranche, reserve, then for each tranche by rank its
    principal in full before the interest of the next. The reserve is released in the last month,
    once the pool owes nothing, and where it repays all notes. In the last month whatever is left
    repays notes.

    Parameters
    ----------
    collections : DataFrame, index month-end, ascending
        Whole fen: `interest_amount`, `principal_amount`, `prepaid_amount`, `recovered_amount`,
        `default_amount` (principal of loans first in default); those not there are 0. `balance`,
        owed at the month-end by loans never in default: not needed by a deal of turbo without fee
        rate, reserve and triggers.
    deal : Deal
    purchases : DataFrame, index months after the purchase (1, 2, ...), optional
        What loans bought bring, for each fen spent: the columns of collections without `balance`.
        Needed where the deal revolves. Loans are bought at par, at the end of the month.

    Returns
    -------
    DataFrame, index month
        `pay_date`; `collected_amount`, `available_amount` (with the reserve), `fee_amount`; for
        each tranche T `due_amount_T` (interest, with what was carried), `interest_amount_T` paid,
        `carried_amount_T`, `principal_amount_T`, `balance_T`; `purchased_amount`,
        `reserve_amount` (then in it), `equity_amount`; `fee_carried_amount`; `pool_balance`, after
        purchases; `overcollateralisation` and `defaulted_rate` as tested, NaN where nothing is left
        to be tested; `breached` ("", or the trigger that was breached first).

    Raises
    ------
    ValueError
        No month, months out of order, amounts that are not whole fen, a balance that does not
        follow from the one before, or a deal that revolves without `purchases`.
    DataContractError
        A missing column.

    Source
    ------
    Fabozzi, Kothari (2008), Introduction to Securitization, for waterfalls, reserve and triggers;
    this order of payments is a riskkit definition.

    Examples
    --------
    >>> notes = pd.DataFrame({"amount": [80], "rate": [0.0]}, index=["A"])
    >>> deal = Deal(tranches=notes, start=pd.Timestamp("2025-01-31"), turbo=True)
    >>> months = pd.to_datetime(["2025-02-28", "2025-03-31"])
    >>> paid = waterfall(pd.DataFrame({"interest_amount": [60, 30]}, index=months), deal)
    >>> paid[["principal_amount_A", "balance_A", "equity_amount"]].to_numpy().tolist()
    [[60, 20, 0], [20, 0, 10]]
    """
    paid = pay_out(cash_of_table(collections, deal, purchases), deal)
    return payment_table(paid, deal)


def payment_table(paid: Payments, deal: Deal, path: int = 0) -> pd.DataFrame:
    """One path of :func:`pay_out`, as the table of :func:`waterfall`."""
    one = {name: values[path] for name, values in paid.by_month.items()}
    columns = {
        "pay_date": paid.pay_dates,
        "collected_amount": one["collected"],
        "available_amount": one["available"],
        "fee_amount": one["fee"],
    }
    for place, name in enumerate(deal.names):
        for what, values in paid.by_tranche.items():
            label = f"balance_{name}" if what == "balance" else f"{what}_amount_{name}"
            columns[label] = values[path, :, place]
    columns |= {f"{name}_amount": one[name] for name in ("purchased", "reserve", "equity")}
    columns["fee_carried_amount"] = one["fee_carried"]
    columns["pool_balance"] = one["pool"]
    columns["overcollateralisation"] = paid.ratio[path]
    opening = int(paid.opening[path])
    lost = np.cumsum(one["default"])
    columns["defaulted_rate"] = lost / opening if opening else np.full(len(lost), np.nan)
    columns["breached"] = np.array(REASONS)[one["breach"]]
    return pd.DataFrame(columns, index=pd.DatetimeIndex(paid.months, name="month"))


def pay_out(pool: SoldCash, deal: Deal) -> Payments:
    """The waterfall on each path of a pool's cash."""
    n, n_months = pool.amounts["interest_amount"].shape
    cash = {name: pool.amounts[name].copy() for name in FLOWS}
    pay_dates = deal.pay_dates(pool.months)
    dates = np.append(np.datetime64(deal.start, "D"), pay_dates.to_numpy().astype("M8[D]"))
    days = np.diff(dates).astype(np.int64)
    if (days < 0).any():
        raise ValueError(f"the deal starts on {deal.start:%Y-%m-%d}, after its first pay date")
    by_month = {name: np.zeros((n, n_months), dtype=np.int64) for name in BY_MONTH}
    shape = (n, n_months, len(deal.names))
    by_tranche = {name: np.zeros(shape, dtype=np.int64) for name in BY_TRANCHE}
    ratio = np.full((n, n_months), np.nan)
    now = _opening(pool, deal)
    for t in range(n_months):
        came = {name: values[:, t] for name, values in cash.items()}
        due = _fall_due(now, came, deal, int(days[t]))
        ratio[:, t] = _test(now, came, pool.opening, deal)
        spent = _pay(now, due, came, pool, deal, t)
        if t < min(deal.revolving_months, n_months):
            for name, amounts in pool.new_loans[t].brings(spent["purchased"]).items():
                cash[name][:, t + 1 :] += amounts
        for name in by_month:
            by_month[name][:, t] = spent[name]
        for name in by_tranche:
            by_tranche[name][:, t] = spent[name]
    return Payments(
        months=pool.months,
        pay_dates=pay_dates,
        opening=pool.opening,
        by_month=by_month,
        ratio=ratio,
        by_tranche=by_tranche,
    )


def _opening(pool: SoldCash, deal: Deal) -> dict[str, Array]:
    """Accounts at the start, of every path."""
    n = len(pool.opening)
    whole = {"fee": deal.fee_owed, "reserve": deal.reserve, "defaulted": 0, "breach": 0}
    accounts = {name: np.full(n, value, dtype=np.int64) for name, value in whole.items()}
    accounts["pool"] = pool.opening.astype(np.int64)
    accounts["notes"] = np.tile(deal.amounts, (n, 1))
    accounts["carried"] = np.tile(deal.accrued, (n, 1))
    return accounts


def _accrued(amount: Array, rate: Array | int, days: int) -> Array:
    """Amount × rate × days ÷ 365, cut to the fen; exact in whole numbers of any size."""
    parts, whole = rate * days, MILLION * DAYS
    return amount // whole * parts + amount % whole * parts // whole


def _fall_due(
    now: dict[str, Array], came: Mapping[str, Array], deal: Deal, days: int
) -> dict[str, Array]:
    """What falls due in a month: interest and fee with what was carried; the pool moves on."""
    fee_rate = round(deal.fee_rate * MILLION)
    due = {
        "fee": now["fee"] + _accrued(now["pool"], fee_rate, days),
        "interest": now["carried"] + _accrued(now["notes"], deal.rates, days),
    }
    now["pool"] = now["pool"] - np.sum([came[name] for name in ENDS], axis=0)
    now["defaulted"] = now["defaulted"] + came["default_amount"]
    return due


def _test(now: dict[str, Array], came: Mapping[str, Array], opening: Array, deal: Deal) -> Array:
    """Overcollateralisation before anything is paid; marks the breach of a trigger."""
    notes = now["notes"].sum(axis=1)
    backing = now["pool"] + came["principal_amount"] + came["prepaid_amount"] + now["reserve"]
    ratio = np.divide(backing, notes, out=np.full(len(notes), np.nan), where=notes > 0)
    if deal.least_overcollateralisation is not None:
        low = (now["breach"] == 0) & (ratio < deal.least_overcollateralisation)
        now["breach"] = np.where(low, REASONS.index("overcollateralisation"), now["breach"])
    if deal.most_defaulted is not None:
        many = now["defaulted"] > deal.most_defaulted * opening
        many &= (now["breach"] == 0) & (notes > 0)
        now["breach"] = np.where(many, REASONS.index("defaults"), now["breach"])
    return ratio


def _pay(
    now: dict[str, Array],
    due: Mapping[str, Array],
    came: Mapping[str, Array],
    pool: SoldCash,
    deal: Deal,
    t: int,
) -> dict[str, Array]:
    """One month's payments in their order; the accounts are moved on."""
    collected = np.sum([came[name] for name in (*CASH, *ENDS[:2])], axis=0)
    rest = available = collected + now["reserve"]
    is_last = t == len(pool.months) - 1
    breached = now["breach"] > 0
    owed = due["interest"].copy()
    fee = np.minimum(rest, due["fee"])
    rest = rest - fee
    # once breached, only the first tranche's interest is before principal
    for place in range(owed.shape[1]):
        first = np.minimum(rest, owed[:, place])
        first = first if place == 0 else np.where(breached, 0, first)
        rest, owed[:, place] = rest - first, owed[:, place] - first
    lost = np.maximum(pool.opening - now["pool"], 0)
    purchased = np.zeros_like(rest)
    held = _reserve(now, rest, owed, pool, deal, breached, is_last, t)
    rest = rest - held
    if t < deal.revolving_months and not is_last:
        purchased = np.where(breached, 0, np.minimum(rest, lost))
        purchased = np.minimum(purchased, pool.new_loans[t].room).astype(np.int64)
        rest = rest - purchased
    now["pool"] = now["pool"] + purchased
    repay = _principal_due(now, pool, deal, breached, is_last)
    principal = np.zeros_like(owed)
    for place in range(owed.shape[1]):
        interest = np.minimum(rest, owed[:, place])
        rest, owed[:, place] = rest - interest, owed[:, place] - interest
        principal[:, place] = np.minimum(np.minimum(rest, repay), now["notes"][:, place])
        rest, repay = rest - principal[:, place], repay - principal[:, place]
    now |= {"fee": due["fee"] - fee, "carried": owed, "reserve": held}
    now["notes"] = now["notes"] - principal
    return {
        "collected": collected, "available": available, "fee": fee, "fee_carried": now["fee"],
        "interest_in": came["interest_amount"], "default": came["default_amount"],
        "principal_in": came["principal_amount"] + came["prepaid_amount"],
        "purchased": purchased, "pool": now["pool"], "reserve": held, "equity": rest,
        "breach": now["breach"], "due": due["interest"], "interest": due["interest"] - owed,
        "carried": owed, "principal": principal, "balance": now["notes"],
    }  # fmt: skip


def _principal_due(
    now: Mapping[str, Array], pool: SoldCash, deal: Deal, breached: Array, is_last: bool
) -> Array:
    """Fen of notes to be repaid, if there is cash for it."""
    notes = now["notes"].sum(axis=1)
    if deal.turbo or is_last:
        return notes
    over = np.maximum(pool.opening - deal.amounts.sum(), 0)
    backed = np.maximum(now["pool"] - over, 0)
    return np.where(breached, notes, np.maximum(notes - backed, 0))


def _reserve(
    now: Mapping[str, Array],
    rest: Array,
    owed: Array,
    pool: SoldCash,
    deal: Deal,
    breached: Array,
    is_last: bool,
    t: int,
) -> Array:
    """Fen that the reserve holds from now on, out of what is left after interest."""
    notes = now["notes"].sum(axis=1)
    target = _accrued(notes, round(deal.reserve_rate * MILLION), DAYS)
    if is_last:
        return np.zeros_like(rest)
    due = _principal_due(now, pool, deal, breached, is_last)
    released = ((rest >= notes + owed.sum(axis=1)) & (due == notes)) | (now["pool"] == 0)
    if t < deal.revolving_months:
        released &= breached
    return np.where(released, 0, np.minimum(rest, target))
