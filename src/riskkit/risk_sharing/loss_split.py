"""What lender and partner bear of the losses under an arrangement, month by month and path by path.

Takes cash of the loans of one arrangement, by path and month; gives a checked, frozen
:class:`SharedLosses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.checks import Array
from riskkit.metrics import jeffreys_interval
from riskkit.risk_sharing.arrangements import Arrangement
from riskkit.runoff import FutureCash

__all__ = ["SharedLosses", "cover_table", "shared_losses"]

MONTHS = 12
_WORST = 0.01  # of the paths have less cover than what is shown as low


@dataclass(frozen=True, kw_only=True)
class SharedLosses:
    """Losses of the loans of an arrangement, and the partner's part; what is left is the lender's.

    The loss of a month is what loans first in default owe less what comes in of earlier ones, so
    that it may be negative; `after` is what defaults of these months still lose (negative: bring)
    once they are over. Both together are the loss that is expected to remain of these defaults.

    Parameters
    ----------
    months : DatetimeIndex of shape (H,)
    whole, partner : int64 arrays of shape (n_paths, H)
        Fen lost in the month.
    after_whole, after_partner : int64 arrays of shape (n_paths,)
    base : int64 array of shape (n_paths,)
        What rates of cover and of layers are of.
    cover : int64 array of shape (n_paths, H + 1), or None of a share of all losses
        Fen that the partner may still have to pay, at the beginning and after each month.
    restored : int64 array of shape (n_paths, H)
        By how much the cover rose in the month since less was lost than before, or as agreed.
    covered : int64 array of shape (n_paths, H)
        Balance covered when the month begins.
    price : int64 array of shape (n_paths, H)
        Premium that the lender pays, or fee that it is paid.

    Raises
    ------
    ValueError
        Cover that is negative, or not what it was less what was paid and plus what was restored.
    """

    months: pd.DatetimeIndex
    whole: Array
    partner: Array
    after_whole: Array
    after_partner: Array
    base: Array
    cover: Array | None
    restored: Array
    covered: Array
    price: Array

    def __post_init__(self) -> None:
        if self.cover is None:
            return
        if (self.cover < 0).any():
            raise ValueError(f"cover must not be negative, got {self.cover.min()}")
        if (np.diff(self.cover, axis=1) > self.restored).any():
            raise ValueError("cover must not rise but by what is restored")

    @property
    def lender(self) -> Array:
        """Fen that the lender loses in each month, of shape (n_paths, H)."""
        return self.whole - self.partner

    @property
    def whole_total(self) -> Array:
        """Loss of all the months with what comes after them, of shape (n_paths,)."""
        return self.whole.sum(axis=1) + self.after_whole

    @property
    def partner_total(self) -> Array:
        """The partner's part of it."""
        return self.partner.sum(axis=1) + self.after_partner

    @property
    def lender_total(self) -> Array:
        """The lender's part of it."""
        return self.whole_total - self.partner_total

    @property
    def used_up(self) -> Array:
        """Whether no cover has been left at some month-end so far, of shape (n_paths, H)."""
        if self.cover is None:
            return np.zeros(self.whole.shape, dtype=bool)
        gone = (self.cover[:, 1:] == 0) & (self.cover[:, :1] > 0)
        return np.logical_or.accumulate(gone, axis=1)


def shared_losses(
    cash: FutureCash, arrangement: Arrangement, *, n_months: int = MONTHS
) -> SharedLosses:
    """Who bears which part of each month's loss.

    A share is of every loss and of all that comes in later. Layers (first loss, excess) lie on the
    net loss since the beginning, so what comes in goes first to whom the last loss fell on. A
    guarantor pays the whole of what defaulted loans owe while there is cover; of what comes in
    later it has the part that it has paid of all defaults of earlier months, and never more than it
    has paid. Called cover is gone unless `is_restored`.

    Parameters
    ----------
    cash : FutureCash
        Of the loans of the arrangement alone (:meth:`FutureCash.of_group`). Means are no paths: the
        part of a mean loss that falls into a layer is not the mean of such parts.
    arrangement : Arrangement
    n_months : int
        The first so many months, at most those of `cash`.

    Returns
    -------
    SharedLosses
        int64 fen; the two parts add up to the whole to the fen. Premium and fee are due on the
        balance covered at the month's beginning, as long as any cover is left.

    Raises
    ------
    ValueError
        Fewer months of cash, or none asked for.

    Source
    ------
    riskkit definition; layers as in Klugman, Panjer, Willmot (2012), Loss Models, section 8.
    """
    if not 1 <= n_months <= len(cash.months):
        raise ValueError(f"n_months must lie in 1 to {len(cash.months)}, got {n_months!r}")
    names = ("default_amount", "recovered_amount", "loss_amount", "lent_amount", "balance")
    amounts = {name: np.rint(cash.total(name)[:, :n_months]).astype(np.int64) for name in names}
    defaults, recovered = amounts["default_amount"], amounts["recovered_amount"]
    opening = np.full((cash.n_paths, 1), round(float(cash.opening.sum())), dtype=np.int64)
    base = opening[:, 0] + amounts["lent_amount"].sum(axis=1)
    whole = defaults - recovered
    lost = amounts["loss_amount"].sum(axis=1)
    cover: Array | None
    if arrangement.kind == "capped_guarantee":
        partner, total, cover, restored = _guaranteed(
            defaults, recovered, lost, _part(arrangement.cover_rate, base), arrangement.is_restored
        )
    else:
        so_far = np.column_stack([np.cumsum(whole, axis=1), lost])
        borne = _borne(so_far, arrangement, base)
        partner, total = np.diff(borne[:, :-1], axis=1, prepend=0), borne[:, -1]
        cover = None
        if arrangement.kind != "pro_rata":
            cover = np.cumsum(np.column_stack([_layer(arrangement, base)[1], -partner]), axis=1)
        restored = np.maximum(-partner, 0)
    balance = np.column_stack([opening, amounts["balance"][:, :-1]])
    covered = _part(arrangement.share, balance) if cover is None else balance * (cover[:, :-1] > 0)
    return SharedLosses(
        months=cash.months[:n_months],
        whole=whole,
        partner=partner,
        after_whole=lost - whole.sum(axis=1),
        after_partner=total - partner.sum(axis=1),
        base=base,
        cover=cover,
        restored=restored,
        covered=covered,
        price=_part(arrangement.price_rate / 12, covered),
    )


def _part(rate: float | None, amount: Array) -> Array:
    """A part of an amount, in whole fen."""
    return np.rint((rate or 0.0) * amount).astype(np.int64)


def _layer(arrangement: Arrangement, base: Array) -> tuple[Array, Array]:
    """Where a layer begins and how thick it is, fen."""
    attach = _part(arrangement.attach_rate, base)
    return attach, _part(arrangement.detach_rate, base) - attach


def _borne(so_far: Array, arrangement: Arrangement, base: Array) -> Array:
    """The partner's part of the net loss since the beginning."""
    if arrangement.kind == "pro_rata":
        return _part(arrangement.share, so_far)
    attach, thick = _layer(arrangement, base)
    return np.clip(so_far - attach[:, None], 0, thick[:, None])


def _guaranteed(
    defaults: Array, recovered: Array, lost: Array, cover: Array, is_restored: bool
) -> tuple[Array, Array, Array, Array]:
    """A guarantor's loss by month and in the end, the cover left, and what was restored of it."""
    covers, partner, restored = [cover], [], []
    called, defaulted, back = np.zeros((3, len(cover)), dtype=np.int64)
    for default, came_in in zip(defaults.T, recovered.T, strict=True):
        returned = np.minimum(_proportion(came_in, called, defaulted), called - back)
        call = np.minimum(default, covers[-1])
        refill = returned if is_restored else np.zeros_like(returned)
        covers.append(covers[-1] - call + refill)
        restored.append(refill)
        partner.append(call - returned)
        called, defaulted, back = called + call, defaulted + default, back + returned
    still_to_come = defaulted - recovered.sum(axis=1) - lost
    rest = np.clip(_proportion(still_to_come, called, defaulted), -back, called - back)
    total = called - back - rest
    return np.stack(partner, axis=1), total, np.stack(covers, axis=1), np.stack(restored, axis=1)


def _proportion(amount: Array, called: Array, defaulted: Array) -> Array:
    """An amount in the proportion of what was paid of all defaults; 0 before the first."""
    share = np.divide(called, defaulted, out=np.zeros(len(called)), where=defaulted > 0)
    return np.rint(share * amount).astype(np.int64)


def cover_table(
    cash: FutureCash, arrangements: Mapping[str, Arrangement], *, n_months: int = MONTHS
) -> pd.DataFrame:
    """Cover left after each month, and how often none is.

    Parameters
    ----------
    cash : FutureCash
        Groups are named as the arrangements; one without loans, or without an end to its cover,
        has no rows.
    arrangements : mapping of name to Arrangement
    n_months : int

    Returns
    -------
    DataFrame, index (arrangement, month)
        `cover_amount` (mean over the paths), `cover_low` (one path in a hundred has less),
        `used_up_rate` (share of paths without cover at this month-end or before) with
        `used_up_low`, `used_up_high` (95 %, Jeffreys).

    Source
    ------
    riskkit definition.
    """
    tables = {}
    for name, arrangement in arrangements.items():
        if name not in cash.groups or arrangement.kind == "pro_rata":
            continue
        shared = shared_losses(cash.of_group(name), arrangement, n_months=n_months)
        assert shared.cover is not None
        left, gone = shared.cover[:, 1:], shared.used_up.sum(axis=0)
        low, high = jeffreys_interval(gone, np.full(len(gone), len(left)), 0.95)
        tables[name] = pd.DataFrame(
            {
                "cover_amount": left.mean(axis=0),
                "cover_low": np.quantile(left, _WORST, axis=0, method="inverted_cdf"),
                "used_up_rate": gone / len(left),
                "used_up_low": low,
                "used_up_high": high,
            },
            index=shared.months,
        )
    if tables:
        return pd.concat(tables, names=["arrangement", "month"])
    columns = ["cover_amount", "cover_low", "used_up_rate", "used_up_low", "used_up_high"]
    index = pd.MultiIndex.from_arrays([[], pd.DatetimeIndex([])], names=["arrangement", "month"])
    return pd.DataFrame(columns=columns, index=index, dtype="float64")
