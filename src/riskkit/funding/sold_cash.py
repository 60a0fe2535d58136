"""Cash of a pool of loans sold, in whole fen, and what each fen spent on new loans will bring.

Takes a table of collections or cash of the months ahead; gives a :class:`SoldCash`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.checks import Array, require_columns
from riskkit.funding.deal import POOL, Deal, bought_in
from riskkit.runoff import AMOUNTS, FutureCash

__all__ = ["NewLoans", "SoldCash", "cash_of_future", "cash_of_table", "times_defaults"]

CASH = "interest_amount", "recovered_amount"
ENDS = "principal_amount", "prepaid_amount", "default_amount"  # what a balance ends by
FLOWS = (*CASH, *ENDS)


@dataclass(frozen=True, kw_only=True)
class NewLoans:
    """What loans bought in one month bring in the months after it, for each fen spent.

    Parameters
    ----------
    room : float array of shape (n_paths,)
        Fen of loans there are to buy; infinite where that is not limited.
    shares : dict of str to array of shape (n_paths or 1, n_months after it)
        Fen for each fen spent, summed up to the month: "interest_amount", "recovered_amount"; and
        "ends", of shape (n_paths or 1, 3 n_months): principal, prepaid and default of the first
        month, of the second, ..., summed up to each.
    """

    room: Array
    shares: Mapping[str, Array]

    def brings(self, spent: Array) -> dict[str, Array]:
        """Whole fen of each month after it, of shape (n_paths, n_months); sums are kept."""
        amounts = {name: _split(spent, self.shares[name]) for name in CASH}
        ends = _split(spent, self.shares["ends"])
        return amounts | {name: ends[:, place::3] for place, name in enumerate(ENDS)}


@dataclass(frozen=True, kw_only=True)
class SoldCash:
    """Cash of a pool, month by month, on each of some paths.

    Parameters
    ----------
    months : DatetimeIndex of shape (H,)
    opening : int64 array of shape (n_paths,)
        Fen owed by it at the start.
    amounts : dict of str to int64 array of shape (n_paths, H)
        interest_amount, recovered_amount, principal_amount, prepaid_amount, default_amount.
    new_loans : tuple of NewLoans
        Of each month in which loans may be bought.
    """

    months: pd.DatetimeIndex
    opening: Array
    amounts: Mapping[str, Array]
    new_loans: tuple[NewLoans, ...] = ()


def _split(whole: Array, shares: Array) -> Array:
    """Whole fen of each part, of parts that add up to what the last share says."""
    return np.diff(_cut(whole[:, np.newaxis] * shares), axis=1, prepend=0)


def _cut(amounts: Array) -> Array:
    """Whole fen, cut; what lacks but an error of summing is whole."""
    return np.floor(amounts * (1 + 1e-13) + 1e-6).astype(np.int64)


def _rounded(amounts: Array) -> Array:
    """Whole fen by path and month whose sums from the first month on are never a fen away."""
    if np.issubdtype(amounts.dtype, np.integer):
        return amounts.astype(np.int64)
    return np.diff(_cut(np.cumsum(amounts, axis=1)), axis=1, prepend=0)


def _interleaved(amounts: Mapping[str, Array]) -> Array:
    """Principal, prepaid and default of each month in turn, of shape (n_paths, 3 H)."""
    stacked = np.stack([amounts[name] for name in ENDS], axis=2)
    return stacked.reshape(len(stacked), -1)


def _of_one(cumulated: Array, lent: Array) -> Array:
    """Sums for each fen lent; a last rest of rounding is no rest."""
    shares = np.divide(
        cumulated, lent[:, np.newaxis], out=np.zeros(cumulated.shape), where=lent[:, np.newaxis] > 0
    )
    return np.where(np.abs(shares - 1) < 1e-9, 1.0, shares)


def cash_of_future(cash: FutureCash, deal: Deal) -> SoldCash:
    """The cash of a pool and of the loans that it may buy.

    Parameters
    ----------
    cash : FutureCash
        Of the loans of :meth:`riskkit.funding.Deal.open_loans`. Means are rounded to whole fen that
        add up.
    deal : Deal

    Raises
    ------
    ValueError
        A group is missing.
    """
    pool = cash.of_group(POOL)
    amounts = {name: pool.amounts[name][:, 0] for name in FLOWS}
    ends = _rounded(_interleaved(amounts))
    whole = {name: _rounded(amounts[name]) for name in CASH}
    whole |= {name: ends[:, place::3] for place, name in enumerate(ENDS)}
    # means may owe a part of a fen, and what they owe at the start is whole
    opening = np.full(cash.n_paths, int(np.round(pool.opening[0])))
    new_loans = []
    for month in range(1, min(deal.revolving_months, len(cash.months)) + 1):
        lent_in = cash.of_group(bought_in(month))
        lent = lent_in.amounts["lent_amount"][:, 0, month - 1].astype(float)
        after = {name: lent_in.amounts[name][:, 0, month:] for name in FLOWS}
        shares = {name: _of_one(np.cumsum(after[name], axis=1), lent) for name in CASH}
        shares["ends"] = _of_one(np.cumsum(_interleaved(after), axis=1), lent)
        new_loans.append(NewLoans(room=np.floor(lent), shares=shares))
    return SoldCash(months=cash.months, opening=opening, amounts=whole, new_loans=tuple(new_loans))


def cash_of_table(
    collections: pd.DataFrame, deal: Deal, purchases: pd.DataFrame | None
) -> SoldCash:
    """The cash of one course of things, of a table as for :func:`riskkit.funding.waterfall`."""
    flows = [name for name in FLOWS if name in collections]
    months = collections.index
    if not len(collections) or not flows:
        raise ValueError(f"collections need a month and one of {', '.join(FLOWS)}")
    if not isinstance(months, pd.DatetimeIndex) or not months.is_monotonic_increasing:
        raise ValueError("the index of collections must be month-ends in ascending order")
    if not months.is_unique:
        raise ValueError("the index of collections must name each month once")
    amounts = {name: np.zeros((1, len(months)), dtype=np.int64) for name in FLOWS}
    for name in flows:
        values = collections[name].to_numpy(float)
        if not np.array_equal(values, np.round(values)) or (values < 0).any():
            raise ValueError(f"{name} must be whole fen >= 0")
        amounts[name] = values.astype(np.int64)[np.newaxis]
    opening = np.zeros(1, dtype=np.int64)
    ended = np.sum([amounts[name][0] for name in ENDS], axis=0)
    if deal.needs_balance:
        require_columns(collections, ["balance", "principal_amount"], "collections")
    if "balance" in collections:
        balance = collections["balance"].to_numpy(np.int64)
        opening = balance[:1] + ended[:1]
        off = np.flatnonzero(balance[0] - np.cumsum(ended[1:]) != balance[1:])
        if len(off) or (balance < 0).any():
            where = f"{months[off[0] + 1]:%Y-%m-%d}" if len(off) else "below 0"
            raise ValueError(
                "balance must be that of the month before less principal, prepaid and default, "
                f"it is not: {where}"
            )
    new_loans: tuple[NewLoans, ...] = ()
    if deal.revolving_months:
        if purchases is None:
            raise ValueError("a deal that revolves needs purchases: what a fen of new loans brings")
        new_loans = _purchased(purchases, deal, len(months))
    return SoldCash(months=months, opening=opening, amounts=amounts, new_loans=new_loans)


def _purchased(purchases: pd.DataFrame, deal: Deal, n_months: int) -> tuple[NewLoans, ...]:
    """New loans of each month that revolves, all alike and without limit."""
    require_columns(purchases, list(FLOWS), "purchases")
    per_fen = {name: purchases[name].to_numpy(float)[np.newaxis] for name in FLOWS}
    ends = np.cumsum(_interleaved(per_fen), axis=1)
    if any((values < 0).any() for values in per_fen.values()) or ends[0, -1] > 1 + 1e-9:
        raise ValueError(
            "purchases must be >= 0, principal, prepaid and default together at most 1"
        )
    bought = []
    for month in range(1, min(deal.revolving_months, n_months) + 1):
        after = n_months - month
        shares = {name: _to_length(np.cumsum(per_fen[name], axis=1), after) for name in CASH}
        shares["ends"] = _of_one(_to_length(ends, 3 * after), np.ones(1))
        bought.append(NewLoans(room=np.array([np.inf]), shares=shares))
    return tuple(bought)


def _to_length(upto: Array, n: int) -> Array:
    """Sums up to each of n months: cut, or as the last one."""
    return np.pad(upto[:, :n], ((0, 0), (0, max(n - upto.shape[1], 0))), mode="edge")


def times_defaults(cash: FutureCash, multiples: Array) -> FutureCash:
    """The same cash with the default rate of each month multiplied, at most to all.

    Of every group the share of its balance that defaults in a month is multiplied; of what does not
    default the same shares are paid as before. Recoveries keep their ratio to the defaults so far.
    Each group must be lent in one month at most.

    Parameters
    ----------
    cash : FutureCash
        Means: one path.
    multiples : array of shape (n,)

    Returns
    -------
    FutureCash
        One path for each multiple.
    """
    if cash.n_paths != 1:
        raise ValueError(f"cash must be of one path, got {cash.n_paths}")
    one = {name: values[0].astype(float) for name, values in cash.amounts.items()}
    before = np.column_stack([cash.opening, one["balance"][:, :-1]])
    default = one["default_amount"]
    rate = np.divide(default, before, out=np.zeros_like(before), where=before > 0)
    raised = np.minimum(np.asarray(multiples, float)[:, np.newaxis, np.newaxis] * rate, 1.0)
    kept = np.divide(1 - raised, 1 - rate, out=np.zeros_like(raised), where=rate < 1)
    alive = np.cumprod(kept, axis=2)
    amounts = {name: alive * one[name] for name in AMOUNTS}
    still = np.concatenate([np.ones((len(raised), len(before), 1)), alive[:, :, :-1]], axis=2)
    amounts["default_amount"] = raised * still * before
    ratio = np.divide(
        np.cumsum(amounts["default_amount"], axis=2),
        np.cumsum(default, axis=1),
        out=np.ones_like(raised),
        where=np.cumsum(default, axis=1) > 0,
    )
    amounts["recovered_amount"] = one["recovered_amount"] * ratio
    share_lost = np.divide(
        one["loss_amount"], default, out=np.zeros_like(default), where=default > 0
    )
    amounts["loss_amount"] = amounts["default_amount"] * share_lost
    for name in ("lent_amount", "fee_amount"):
        amounts[name] = np.broadcast_to(one[name], raised.shape)
    return FutureCash(months=cash.months, groups=cash.groups, opening=cash.opening, amounts=amounts)
