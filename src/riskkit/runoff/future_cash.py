"""Cash of the months ahead, in one course of things or in many: what all of funding reads.

Takes amounts by path, group and month; gives a checked, frozen :class:`FutureCash`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.checks import Array

__all__ = ["AMOUNTS", "FutureCash"]

AMOUNTS = (
    "lent_amount", "fee_amount", "interest_amount", "principal_amount", "prepaid_amount",
    "default_amount", "loss_amount", "recovered_amount", "balance",
)  # fmt: skip
COLLECTED = "interest_amount", "principal_amount", "prepaid_amount", "recovered_amount"


@dataclass(frozen=True, kw_only=True)
class FutureCash:
    """What loans bring, month by month, on each of some paths.

    balance(h) = balance(h − 1) + lent − principal − prepaid − default, of every path and group: to
    the last fen where amounts are whole.

    Parameters
    ----------
    months : DatetimeIndex of shape (H,)
        Month-ends ahead.
    groups : Index of str, of shape (G,)
    opening : array of shape (G,)
        Principal owed today by loans that were never in default, fen.
    amounts : dict of str to array of shape (n_paths, G, H)
        int64 fen where sampled, floats where they are means. `lent_amount` (principal of new
        loans), `fee_amount` (withheld of it), `interest_amount` (of instalments paid: all that is
        not principal), `principal_amount` (of instalments paid), `prepaid_amount` (principal ahead
        of its plan), `default_amount` (principal owed by loans first in default in the month),
        `loss_amount` (the part of it that is expected never to come), `recovered_amount` (all cash
        of loans after their default), `balance` (principal owed at the month-end by loans that
        were never in default).

    Raises
    ------
    ValueError
        A name that is missing or unknown, or shapes that differ.
    """

    months: pd.DatetimeIndex
    groups: pd.Index
    opening: Array
    amounts: Mapping[str, Array]

    def __post_init__(self) -> None:
        if set(self.amounts) != set(AMOUNTS):
            raise ValueError(f"amounts must be {', '.join(AMOUNTS)}, got {sorted(self.amounts)}")
        shape = (self.n_paths, len(self.groups), len(self.months))
        for name, values in self.amounts.items():
            if values.shape != shape:
                raise ValueError(f"{name} must be of shape {shape}, got {values.shape}")
        if self.opening.shape != (len(self.groups),):
            raise ValueError(f"opening must have {len(self.groups)} entries")

    @property
    def n_paths(self) -> int:
        """Number of paths; 1 where amounts are means."""
        return int(self.amounts["balance"].shape[0])

    def total(self, name: str) -> Array:
        """One amount over all groups, of shape (n_paths, H); "collected_amount" is all cash in."""
        names = COLLECTED if name == "collected_amount" else (name,)
        return np.sum([self.amounts[one].sum(axis=1) for one in names], axis=0)

    def of_group(self, group: str) -> FutureCash:
        """The cash of one group alone."""
        at = self.groups.get_indexer([group])
        if at[0] < 0:
            raise ValueError(f"group must be one of {', '.join(self.groups)}, got {group!r}")
        return FutureCash(
            months=self.months,
            groups=self.groups[at],
            opening=self.opening[at],
            amounts={name: values[:, at] for name, values in self.amounts.items()},
        )

    def frame(self) -> pd.DataFrame:
        """Means over the paths, index (group, month), a column for each amount."""
        index = pd.MultiIndex.from_product([self.groups, self.months], names=["group", "month"])
        columns = {name: values.mean(axis=0).ravel() for name, values in self.amounts.items()}
        return pd.DataFrame(columns, index=index)
