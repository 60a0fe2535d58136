"""The terms of a securitisation: notes by rank, fee, reserve, revolving period and triggers.

Takes what the contract says; gives a checked, frozen :class:`Deal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

from riskkit.checks import Array, require_columns
from riskkit.runoff import OpenLoans

__all__ = ["POOL", "Deal", "bought_in"]

POOL = "pool"
MILLION = 1_000_000
PER_LOAN = (
    "ids", "start", "state", "cell", "left", "due", "owed", "fee", "recovered_rate",
    "effective_rate",
)  # fmt: skip


class Note(Protocol):
    """A tranche as the share of a pool."""

    @property
    def share(self) -> float: ...
    @property
    def rate(self) -> float: ...


class Terms(Protocol):
    """What a lender states of a deal before the pool is chosen."""

    @property
    def tranches(self) -> Mapping[str, Note]: ...
    @property
    def fee_rate(self) -> float: ...
    @property
    def reserve_rate(self) -> float: ...
    @property
    def revolving_months(self) -> int: ...
    @property
    def least_overcollateralisation(self) -> float | None: ...
    @property
    def most_defaulted(self) -> float | None: ...


def bought_in(month: int) -> str:
    """Name of the group of loans that are lent so many months ahead and may be bought."""
    return f"lent in month {month:02d}"


@dataclass(frozen=True, kw_only=True)
class Deal:
    """What a securitisation pays to whom, in which order, and when that changes.

    Interest is the balance × rate × days ÷ 365 of the days from one pay date to the next, cut to
    the fen. What is not paid is owed on; it bears no interest.

    Parameters
    ----------
    tranches : DataFrame, index name, in order of rank
        `amount`, fen at the start; `rate` a year, read to the millionth; where there,
        `accrued_amount`, fen of interest already owed at the start.
    start : Timestamp
        From which interest is counted.
    pay_day : int, optional
        Collections of a month are paid out on the next such day, 1 to 28, after its end; without
        one on the month-end itself.
    fee_rate : float
        Senior fee a year of the pool at the start of the month.
    fee_owed : int
        Fen of fee owed at the start, before all else.
    reserve_rate : float
        What the reserve account is to hold, as a share of the notes.
    reserve : int
        Fen in it at the start.
    revolving_months : int
        First months in which principal buys loans.
    turbo : bool
        Whether all cash left after interest repays notes from the first month on. Else the notes
        are owed what brings them back to the pool less what it exceeded them by at the start: the
        principal collected and the defaults.
    least_overcollateralisation : float, optional
        Trigger: breached where (pool + principal in hand + reserve) ÷ notes, before anything is
        paid, is below it.
    most_defaulted : float, optional
        Trigger: breached where all defaults so far ÷ pool at the start are above it.

    Notes
    -----
    A breach is never cured. From the same pay date on no loans are bought, nothing goes to the
    lender before all notes are repaid, and each tranche's interest stands behind the principal of
    those before it.

    Raises
    ------
    ValueError
        No tranche, names that are not unique, or a number out of range: which, and what it must be.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> notes = pd.DataFrame({"amount": [9000], "rate": [0.05]}, index=["Senior"])
    >>> Deal(tranches=notes, start=pd.Timestamp("2025-01-31")).names
    ['Senior']
    """

    tranches: pd.DataFrame
    start: pd.Timestamp
    pay_day: int | None = None
    fee_rate: float = 0.0
    fee_owed: int = 0
    reserve_rate: float = 0.0
    reserve: int = 0
    revolving_months: int = 0
    turbo: bool = False
    least_overcollateralisation: float | None = None
    most_defaulted: float | None = None

    def __post_init__(self) -> None:
        require_columns(self.tranches, ["amount", "rate"], "tranches")
        names = self.tranches.index
        if not len(names) or not names.is_unique:
            raise ValueError(f"tranches need names of their own, got {list(names)}")
        amounts = self._fen("amount")
        if (amounts <= 0).any() or (self._fen("accrued_amount") < 0).any():
            raise ValueError("of each tranche amount must be > 0 and accrued_amount >= 0")
        rates = {f"the rate of {name}": rate for name, rate in self.tranches["rate"].items()}
        for name, rate in (rates | {"fee_rate": self.fee_rate}).items():
            if not 0 <= rate <= 1:
                raise ValueError(f"{name} must lie in [0, 1], got {rate!r}")
        if not 0 <= self.reserve_rate < 1:
            raise ValueError(f"reserve_rate must lie in [0, 1), got {self.reserve_rate!r}")
        for name in ("fee_owed", "reserve", "revolving_months"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)!r}")
        if self.pay_day is not None and not 1 <= self.pay_day <= 28:
            raise ValueError(f"pay_day must lie in 1 to 28, got {self.pay_day!r}")
        if not pd.Timestamp(self.start) == pd.Timestamp(self.start).normalize():
            raise ValueError(f"start must be a day, got {self.start!r}")
        for name in ("least_overcollateralisation", "most_defaulted"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be > 0, got {value!r}")

    def _fen(self, column: str) -> Array:
        """A column of the tranches as whole fen; 0 where it is not there."""
        if column not in self.tranches:
            return np.zeros(len(self.tranches), dtype=np.int64)
        values = self.tranches[column].to_numpy(float)
        if not np.array_equal(values, np.round(values)):
            raise ValueError(f"{column} of the tranches must be whole fen, got {list(values)}")
        return values.astype(np.int64)

    @property
    def names(self) -> list[str]:
        """Tranches in order of rank."""
        return [str(name) for name in self.tranches.index]

    @cached_property
    def amounts(self) -> Array:
        """Fen of each tranche at the start."""
        return self._fen("amount")

    @cached_property
    def accrued(self) -> Array:
        """Fen of interest owed to each tranche at the start."""
        return self._fen("accrued_amount")

    @cached_property
    def rates(self) -> Array:
        """Rate of each tranche, in millionths a year."""
        return np.round(self.tranches["rate"].to_numpy(float) * MILLION).astype(np.int64)

    @property
    def is_watched(self) -> bool:
        """Whether there is a trigger."""
        return self.least_overcollateralisation is not None or self.most_defaulted is not None

    @property
    def needs_balance(self) -> bool:
        """Whether anything depends on what the pool still owes."""
        shares = self.fee_rate or self.reserve_rate or self.reserve or self.revolving_months
        return bool(shares) or not self.turbo or self.is_watched

    @classmethod
    def of_pool(
        cls,
        pool_amount: int,
        terms: Terms,
        start: pd.Timestamp | str,
        *,
        pay_day: int | None = None,
    ) -> Deal:
        """A deal whose notes are shares of a pool; the lender fills its reserve.

        Parameters
        ----------
        pool_amount : int
            Fen owed by the loans sold.
        terms : Terms
            Such as the block `deal` of :func:`riskkit.schema.read_funding`: `tranches`, in order of
            rank, with the `share` of the pool and the `rate` of each, and what is named as here.
        start : Timestamp or str
        pay_day : int, optional

        Raises
        ------
        ValueError
            The shares add up to more than 1, or a tranche would be of less than a fen.

        Examples
        --------
        >>> from types import SimpleNamespace as Block
        >>> notes = {"A": Block(share=0.78, rate=0.045), "B": Block(share=0.12, rate=0.07)}
        >>> terms = Block(tranches=notes, fee_rate=0.005, reserve_rate=0.02, revolving_months=6,
        ...               least_overcollateralisation=1.08, most_defaulted=None)
        >>> deal = Deal.of_pool(10_001, terms, "2025-01-31")
        >>> deal.tranches["amount"].to_dict(), deal.reserve
        ({'A': 7800, 'B': 1200}, 180)
        """
        shares = {name: one.share for name, one in terms.tranches.items()}
        if sum(shares.values()) > 1 + 1e-9:
            raise ValueError(f"shares must add up to at most 1, got {sum(shares.values()):.4f}")
        rates = [one.rate for one in terms.tranches.values()]
        amounts = [int(np.floor(share * pool_amount + 1e-6)) for share in shares.values()]
        return cls(
            tranches=pd.DataFrame(
                {"amount": amounts, "rate": rates}, index=pd.Index(list(shares), name="tranche")
            ),
            start=pd.Timestamp(start),
            pay_day=pay_day,
            fee_rate=terms.fee_rate,
            reserve_rate=terms.reserve_rate,
            reserve=int(np.floor(terms.reserve_rate * sum(amounts) + 1e-6)),
            revolving_months=terms.revolving_months,
            least_overcollateralisation=terms.least_overcollateralisation,
            most_defaulted=terms.most_defaulted,
        )

    def pay_dates(self, months: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Day on which the collections of each month are paid out.

        Examples
        --------
        >>> notes = pd.DataFrame({"amount": [9000], "rate": [0.05]}, index=["Senior"])
        >>> deal = Deal(tranches=notes, start=pd.Timestamp("2025-01-31"), pay_day=26)
        >>> [str(day.date()) for day in deal.pay_dates(pd.DatetimeIndex(["2025-02-28"]))]
        ['2025-03-26']
        """
        if self.pay_day is None:
            return months
        starts = months.to_period("M").to_timestamp()
        in_month = starts + pd.Timedelta(days=self.pay_day - 1)
        following = starts + pd.DateOffset(months=1) + pd.Timedelta(days=self.pay_day - 1)
        return pd.DatetimeIndex(np.where(in_month > months, in_month, following))

    def open_loans(
        self, owing: OpenLoans, in_pool: pd.Series, pool_amount: int | None = None
    ) -> OpenLoans:
        """Loans of the pool, and those lent while it revolves, apart by month; all others left out.

        Parameters
        ----------
        owing : OpenLoans
            Of the book and, where the deal revolves, of planned lending.
        in_pool : bool Series, index loan_id
        pool_amount : int, optional
            Fen owed by the pool, where `owing` are not all of its loans: theirs is multiplied.

        Returns
        -------
        OpenLoans
            Groups "pool" and "lent in month 01", ...: what their cash is told apart by.

        Raises
        ------
        ValueError
            A loan of the pool is not among `owing`.
        """
        months = [bought_in(month) for month in range(1, self.revolving_months + 1)]
        groups = pd.Index([POOL, *months])
        wanted = in_pool.index[in_pool.to_numpy(bool)]
        running = owing.start == 0
        if len(lacking := wanted.difference(owing.ids[running])):
            raise ValueError(
                f"{len(lacking):,} loans of the pool owe nothing, such as {lacking[0]}"
            )
        chosen = owing.ids.isin(wanted) & running
        lent = (owing.start >= 1) & (owing.start <= self.revolving_months)
        at = np.flatnonzero(chosen | lent)
        of_loans = {
            one.name: getattr(owing, one.name)[at] for one in fields(owing) if one.name in PER_LOAN
        }
        by_group = {
            one.name: np.zeros((len(groups), *getattr(owing, one.name).shape[1:]))
            for one in fields(owing)
            if one.name.startswith("in_default")
        }
        changed: dict[str, Any] = of_loans | by_group
        changed |= {"gone": None, "groups": groups, "group": owing.start[at].astype(np.int64)}
        mine = replace(owing, **changed)
        of_pool = int(mine.owed[mine.start == 0, 0].sum())
        if pool_amount is None or pool_amount == of_pool:
            return mine
        return mine.times(np.where(mine.start == 0, pool_amount / max(of_pool, 1), 1.0))
