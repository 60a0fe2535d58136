"""Arrangements with partners that bear losses, and which loans are of which.

Takes the blocks of a funding file, and loans; gives checked, frozen arrangements and a name a loan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import DataContractError
from riskkit.columns import has_value

__all__ = ["ALL", "NONE", "Arrangement", "arrangement_of", "arrangements_of"]

KINDS = ("pro_rata", "first_loss", "excess", "capped_guarantee")
# rows of tables beside those of the arrangements
NONE, ALL = "no arrangement", "all loans"
_NEEDED = {
    "pro_rata": ("share",),
    "first_loss": ("detach_rate",),
    "excess": ("attach_rate", "detach_rate"),
    "capped_guarantee": ("cover_rate",),
}


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """What a partner bears of the losses of some loans, and what passes for it.

    All rates but those of price are fractions of the base: the balance that the loans owe on the
    day and all that is lent under the arrangement in the months looked at.

    Parameters
    ----------
    kind : {"pro_rata", "first_loss", "excess", "capped_guarantee"}
        pro_rata: its `share` of every loss. first_loss: all net loss until `detach_rate` of the
        base; excess: all between `attach_rate` and `detach_rate` (1 for all that is above).
        capped_guarantee: pays what defaulted loans owe, at once, until `cover_rate` of the base is
        called, and has its part of what comes in later.
    segment : mapping of column to text
        The loans that it is for; all of them if empty.
    share, attach_rate, detach_rate, cover_rate : float, optional
        Each of the kinds that have it, and of no other.
    premium_rate : float
        A year, of the balance covered, paid by the lender; not of pro_rata.
    fee_rate : float
        A year, of its part of the balance, paid to the lender by a partner that lends its share
        itself; of pro_rata alone.
    limit : int, optional
        The most that the lender wants to rely on this partner for, fen. It judges, and caps
        nothing.
    is_restored : bool
        Whether what a guarantor gets back fills its cover again.

    Raises
    ------
    ValueError
        Names the rule and the value.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> Arrangement(kind="excess", attach_rate=0.02, detach_rate=0.05, premium_rate=0.01).told
    'losses from 2% to 5%'
    """

    kind: str
    segment: Mapping[str, str] = field(default_factory=dict)
    share: float | None = None
    attach_rate: float | None = None
    detach_rate: float | None = None
    cover_rate: float | None = None
    premium_rate: float = 0.0
    fee_rate: float = 0.0
    limit: int | None = None
    is_restored: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {self.kind!r}")
        for name in ("share", "attach_rate", "detach_rate", "cover_rate"):
            value, is_needed = getattr(self, name), name in _NEEDED[self.kind]
            if is_needed and not (value is not None and 0 < value <= 1):
                raise ValueError(f"{name} of {self.kind} must lie in (0, 1], got {value!r}")
            if not is_needed and value is not None:
                raise ValueError(f"{self.kind} has no {name}, got {value!r}")
        if self.detach_rate is not None and self.detach_rate <= (self.attach_rate or 0.0):
            raise ValueError(
                f"detach_rate must be above attach_rate, got {self.detach_rate!r} and "
                f"{self.attach_rate!r}"
            )
        for name in ("premium_rate", "fee_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {getattr(self, name)!r}")
        unfit = "premium_rate" if self.lends else "fee_rate"
        if getattr(self, unfit):
            raise ValueError(f"{self.kind} has no {unfit}, got {getattr(self, unfit)!r}")
        if self.is_restored and self.kind != "capped_guarantee":
            raise ValueError(f"is_restored is of a capped_guarantee, got a {self.kind}")
        if self.limit is not None and not self.limit >= 0:
            raise ValueError(f"limit must be >= 0, got {self.limit!r}")

    @property
    def lends(self) -> bool:
        """Whether the partner lends its share itself, has its interest, and pays a fee."""
        return self.kind == "pro_rata"

    @property
    def price_rate(self) -> float:
        """Premium or fee a year."""
        return self.fee_rate if self.lends else self.premium_rate

    @property
    def told(self) -> str:
        """What the partner bears, in words."""
        if self.kind == "pro_rata":
            return f"{_percent(self.share)} of all losses"
        if self.kind == "capped_guarantee":
            return f"defaults until {_percent(self.cover_rate)} is called"
        return f"losses from {_percent(self.attach_rate)} to {_percent(self.detach_rate)}"


def arrangements_of(sharing: Mapping[str, Any], balance: int) -> dict[str, Arrangement]:
    """The arrangements of a funding file, their limits in fen.

    Parameters
    ----------
    sharing : mapping of name to block
        Of :func:`riskkit.schema.read_funding`.
    balance : int
        Performing balance of the day, fen, of which limits may be shares.

    Raises
    ------
    ValueError
        A name that a row of the tables has.
    """
    if taken := {NONE, ALL} & set(sharing):
        raise ValueError(f"an arrangement must not be called {taken.pop()!r}")
    return {
        name: Arrangement(
            kind=block.kind,
            segment=block.segment,
            share=block.share,
            # a first loss begins at 0, said or not
            attach_rate=block.attach_rate if block.kind == "excess" else None,
            detach_rate=block.detach_rate,
            cover_rate=block.cover_rate,
            premium_rate=block.premium_rate or 0.0,
            fee_rate=block.fee_rate or 0.0,
            limit=None if block.limit is None else block.limit.fen(balance),
            is_restored=block.restored,
        )
        for name, block in sharing.items()
    }


def arrangement_of(loans: pd.DataFrame, arrangements: Mapping[str, Arrangement]) -> pd.Series:
    """Name of the first arrangement whose segment each loan is in; "" where in none.

    Parameters
    ----------
    loans : DataFrame of shape (n,)
        The columns that segments name. Numbers are compared as numbers, all else as text; a
        missing value is in no segment that names its column.
    arrangements : mapping of name to Arrangement
        In the order in which they take loans.

    Returns
    -------
    Series of str, of the index of `loans`

    Raises
    ------
    DataContractError
        Lists the columns that segments name and the loans do not have.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> bank = Arrangement(kind="pro_rata", share=0.7, segment={"channel": "app"})
    >>> loans = pd.DataFrame({"channel": ["app", "shop"]}, index=["L1", "L2"])
    >>> arrangement_of(loans, {"Bank": bank}).to_dict()
    {'L1': 'Bank', 'L2': ''}
    """
    faults = [
        f"{name}.segment: the loans have no column {column!r}"
        for name, one in arrangements.items()
        for column in one.segment
        if column not in loans
    ]
    if faults:
        raise DataContractError("sharing", faults)
    taken = np.full(len(loans), "", dtype=object)
    for name, one in arrangements.items():
        inside = taken == ""
        for column, value in one.segment.items():
            inside &= has_value(loans[column], value)
        taken[inside] = name
    return pd.Series(taken, index=loans.index, name="arrangement", dtype="str")


def _percent(rate: float | None) -> str:
    return f"{100 * (rate or 0.0):.6g}%"
