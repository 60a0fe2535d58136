"""The funding file: who lends to the lender, what cash it holds, and what it wants to survive.

Takes a YAML file; gives its blocks as checked models. They are somebody's contracts and somebody's
view of what may come: where the file is silent, nothing is made up.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from riskkit.checks import Array, DataContractError
from riskkit.columns import has_value
from riskkit.schema.mapping import (
    Block,
    Day,
    Name,
    Number,
    Scalar,
    Truth,
    Whole,
    first_lines,
    near,
)
from riskkit.schema.yaml_grammar import read_blocks

__all__ = ["FundingFile", "Size", "read_funding"]

_MACRO = ("unemployment", "income", "liquidity")
# as fen still exact in a float, so that sums of many are in 64 bits
_MOST_MONEY = 1e13
_ROUNDING = 1e-9
# rows of tables beside those that the file names
TAKEN = {
    "stress": ("base", "all together", "climate alone", "all paths", "As expected"),
    "sharing": ("no arrangement", "all loans", "all partners"),
}
_PERCENT = r"((?:[0-9]+\.?[0-9]*|\.[0-9]+))[ ]*%"


@dataclass(frozen=True)
class Size:
    """An amount of money, as such or as a share of the performing balance of the day.

    Parameters
    ----------
    amount : float, optional
        In units of the currency.
    share : float, optional
        A fraction; one of the two.

    Examples
    --------
    >>> Size(share=0.04).fen(2_400_000_000), Size(amount=12.5).fen(0)
    (96000000, 1250)
    """

    amount: float | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.share is None):
            raise ValueError("either amount or share")

    def fen(self, balance: int) -> int:
        """Whole fen, given the performing balance in fen."""
        if self.share is not None:
            return round(self.share * balance)
        return round(100 * (self.amount or 0.0))

    def text(self) -> str:
        """In words: "4 % of the balance", or the amount."""
        if self.share is not None:
            return f"{100 * self.share:g} % of the balance"
        return f"{self.amount:,.0f}"


def _size(value: Any) -> Size:
    """A size as it is written: a number, or a number and a percent sign."""
    if isinstance(value, str) and (share := re.fullmatch(_PERCENT, value, re.ASCII)):
        return Size(share=float(share[1]) / 100)
    if not isinstance(value, str) or not re.fullmatch(
        r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]\+?[0-9]{1,2})?", value, re.ASCII
    ):
        raise ValueError("an amount in units of the currency, or a share of the balance as 40 %")
    if float(value) > _MOST_MONEY:
        raise ValueError(f"an amount of at most {_MOST_MONEY:g}")
    return Size(amount=float(value))


def _at_most_all(size: Size) -> Size:
    if size.share is not None and size.share > 1:
        raise ValueError("a share of at most 100 %")
    return size


def _at_most_tenfold(size: Size) -> Size:
    if size.share is not None and size.share > 10:
        raise ValueError("a share of at most 1000 %")
    return size


Part = Annotated[Size, BeforeValidator(_size), AfterValidator(_at_most_all)]
Debt = Annotated[Size, BeforeValidator(_size), AfterValidator(_at_most_tenfold)]
Share = Annotated[Number, Field(ge=0, le=1)]
SomeShare = Annotated[Number, Field(gt=0, le=1)]
# a year; beyond it somebody has written per cent
Rate = Annotated[Number, Field(ge=0, le=0.5)]
LogOdds = Annotated[Number, Field(ge=-5, le=5)]
Points = Annotated[Number, Field(ge=-100, le=100)]
Months = Annotated[Whole, Field(ge=1, le=120)]
Days = Annotated[Whole, Field(ge=1, le=3660)]
Segment = dict[Name, Scalar]
Concentrated = Literal["product", "scenario", "region", "partner", "channel", "borrower"]


def _in_segment(loans: pd.DataFrame, segment: Mapping[str, str]) -> Array:
    """Whether each loan has all values of a segment; every one is in an empty one."""
    if lacking := [column for column in segment if column not in loans]:
        faults = [f"segment: the loans have no column {column!r}" for column in lacking]
        raise DataContractError("funding", faults)
    inside = np.ones(len(loans), dtype=bool)
    for column, value in segment.items():
        inside &= has_value(loans[column], value)
    return inside


class Climate(Block):
    """How much the climate of the months ahead differs, and how long it lasts.

    The climate x is the log-odds of a missed payment added to the usual ones; from month to month
    x' = persistence · x + noise, of which sd is the lasting standard deviation.
    """

    sd: Annotated[Number, Field(ge=0, le=3)]
    persistence: Annotated[Number, Field(ge=0, lt=1)]
    verify: Truth = False


class Tier(Block):
    """A part of the cash: for how many days it must last, and how much is held of it."""

    horizon_days: Days
    held: Part | None = None


class Line(Block):
    """What a funder has lent and may lend, at which rate a year, and how he may leave.

    `notice_days`: so many days after he leaves all that is drawn is due; `until`: the last day of
    the contract.
    """

    drawn: Debt
    limit: Debt
    rate: Rate
    notice_days: Annotated[Whole, Field(ge=0, le=3660)]
    until: Day | None = None
    verify: Truth = False

    @model_validator(mode="after")
    def _within(self) -> Line:
        pairs = (self.drawn.amount, self.limit.amount), (self.drawn.share, self.limit.share)
        for drawn, limit in pairs:
            if drawn is not None and limit is not None and drawn > limit:
                raise ValueError(f"a limit of at least what is drawn, {self.drawn.text()}")
        return self


class MacroEffects(Block):
    """Log-odds of a missed payment added per percentage point of each."""

    unemployment: Annotated[Number, Field(ge=-1, le=1)] | None = None
    income: Annotated[Number, Field(ge=-1, le=1)] | None = None
    liquidity: Annotated[Number, Field(ge=-1, le=1)] | None = None
    verify: Truth = False

    def log_odds(self, stress: Stress) -> float:
        """What the macro path of a stress adds to the log-odds of a missed payment, at its full."""
        return sum((getattr(self, name) or 0.0) * getattr(stress, name) for name in _MACRO)


class Stress(Block):
    """Something that may go wrong: what it moves, from when, how fast and for how long.

    Attributes
    ----------
    unemployment, income, liquidity : float
        Percentage points by which they are other than today.
    logit : float
        Log-odds of a missed payment added to those of new loans.
    never_paying_rate : float
        Share of new loans that pay nothing at all.
    segment : mapping of column to value
        The new loans that `logit` and `never_paying_rate` concern; all of them if empty.
    cap_apr : float, optional
        The highest price a year that new loans may have.
    exits : list of str
        Lines whose funders leave.
    prepay_logit : float
        Log-odds of paying off early, added.
    volume_factor, lgd_factor : float
        Multiply what is lent, and what is lost of a default.
    from_month, ramp_months : int
        Begins in that month ahead (1 is the next) and is whole after so many equal steps.
    months : int, optional
        Ends after so many months; without it, it stays.
    """

    unemployment: Points = 0.0
    income: Points = 0.0
    liquidity: Points = 0.0
    logit: LogOdds = 0.0
    never_paying_rate: Share = 0.0
    segment: Segment = Field(default_factory=dict)
    cap_apr: Annotated[Number, Field(gt=0, le=10)] | None = None
    exits: list[Name] = Field(default_factory=list)
    prepay_logit: LogOdds = 0.0
    volume_factor: Annotated[Number, Field(ge=0, le=10)] = 1.0
    lgd_factor: Annotated[Number, Field(ge=0, le=5)] = 1.0
    from_month: Months = 1
    ramp_months: Months = 1
    months: Months | None = None
    verify: Truth = False

    @model_validator(mode="after")
    def _moves_something(self) -> Stress:
        of_new_loans = self.logit or self.never_paying_rate
        moves = [*(getattr(self, name) for name in _MACRO), of_new_loans, self.prepay_logit]
        moves += [self.volume_factor - 1, self.lgd_factor - 1, self.cap_apr, self.exits]
        if not any(moves):
            raise ValueError("something that it moves")
        if self.segment and not of_new_loans:
            raise ValueError("logit or never_paying_rate of the loans of the segment")
        if self.months is not None and self.months < self.ramp_months:
            raise ValueError("months of at least ramp_months, so that it is ever whole")
        if len(set(self.exits)) < len(self.exits):
            raise ValueError("exits that differ")
        return self

    def course(self, n_months: int) -> Array:
        """How much of it there is in each month ahead, from 0 to 1, of shape (n_months,).

        Examples
        --------
        >>> stress = Stress.model_validate({"income": "-5", "from_month": "2", "ramp_months": "2"})
        >>> stress.course(4).tolist()
        [0.0, 0.5, 1.0, 1.0]
        """
        nth = np.arange(1, n_months + 1) - self.from_month + 1
        course = np.clip(nth / self.ramp_months, 0.0, 1.0)
        return course if self.months is None else np.where(nth > self.months, 0.0, course)

    def covers(self, loans: pd.DataFrame) -> Array:
        """Whether each of the new loans is in the segment; DataContractError without its column."""
        return _in_segment(loans, self.segment)


class Sharing(Block):
    """A partner that bears a part of the losses of a segment, and what passes for it.

    Attributes
    ----------
    kind : {"pro_rata", "capped_guarantee", "first_loss", "excess"}
    segment : mapping of column to value
        Of the loans and their applications; all that no earlier arrangement takes if empty.
    share, fee_rate : float
        pro_rata: its part of the balance and of the losses; the lender's fee for servicing it, a
        year, of that part.
    cover_rate : float
        capped_guarantee: it pays losses until so much of the amount lent is called.
    attach_rate, detach_rate : float
        first_loss, excess: it pays losses between them, of the amount lent; a first loss begins
        at 0.
    premium_rate : float
        A year, of the balance, paid to it; not of pro_rata.
    limit : Size, optional
        The most that the lender means to rely on it for: the balance taken on (pro_rata), else
        the cover. It is judged, and caps nothing.
    restored : bool
        capped_guarantee: whether what it gets back of recoveries fills its cover again.
    """

    kind: Literal["pro_rata", "capped_guarantee", "first_loss", "excess"]
    segment: Segment = Field(default_factory=dict)
    share: SomeShare | None = None
    fee_rate: Rate | None = None
    cover_rate: SomeShare | None = None
    attach_rate: Share | None = None
    detach_rate: SomeShare | None = None
    premium_rate: Rate | None = None
    limit: Part | None = None
    restored: Truth = False
    verify: Truth = False

    @model_validator(mode="after")
    def _keys_of_its_kind(self) -> Sharing:
        needed, may = _SHARING_KEYS[self.kind]
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"{key}, which {self.kind} needs")
        for key in ("share", "fee_rate", "cover_rate", "attach_rate", "detach_rate"):
            if getattr(self, key) is not None and key not in (*needed, *may):
                raise ValueError(f"no {key}, which {self.kind} does not have")
        if self.kind == "pro_rata" and self.premium_rate is not None:
            raise ValueError("fee_rate in place of premium_rate, for a partner that lends itself")
        if self.kind == "first_loss" and self.attach_rate:
            raise ValueError("an attach_rate of 0, or kind excess")
        if self.restored and self.kind != "capped_guarantee":
            raise ValueError(f"no restored, which {self.kind} does not have")
        if self.kind == "excess" and not self.attach_rate:
            raise ValueError("an attach_rate above 0, or kind first_loss")
        if self.detach_rate is not None and self.detach_rate <= (self.attach_rate or 0.0):
            raise ValueError("a detach_rate above attach_rate")
        return self

    def covers(self, loans: pd.DataFrame) -> Array:
        """Whether each loan is in the segment; DataContractError without its column."""
        return _in_segment(loans, self.segment)


# keys that a kind needs, and others that it may have
_SHARING_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pro_rata": (("share",), ("fee_rate",)),
    "capped_guarantee": (("cover_rate", "premium_rate"), ()),
    "first_loss": (("detach_rate", "premium_rate"), ("attach_rate",)),
    "excess": (("attach_rate", "detach_rate", "premium_rate"), ()),
}


class Eligibility(Block):
    """Which loans may be sold to a deal; what is not stated is not asked."""

    most_dpd: Annotated[Whole, Field(ge=0, le=3660)] | None = None
    least_mob: Annotated[Whole, Field(ge=0, le=600)] | None = None
    least_left: Annotated[Whole, Field(ge=1, le=600)] | None = None
    most_left: Annotated[Whole, Field(ge=1, le=600)] | None = None
    least_amount: Annotated[Number, Field(ge=0, le=_MOST_MONEY)] | None = None
    most_amount: Annotated[Number, Field(gt=0, le=_MOST_MONEY)] | None = None
    least_apr: Annotated[Number, Field(ge=0, le=10)] | None = None
    most_apr: Annotated[Number, Field(gt=0, le=10)] | None = None
    no_treatment: Truth = False

    @model_validator(mode="after")
    def _right_way_round(self) -> Eligibility:
        for key in ("left", "amount", "apr"):
            least, most = getattr(self, f"least_{key}"), getattr(self, f"most_{key}")
            if least is not None and most is not None and least > most:
                raise ValueError(f"a least_{key} of at most most_{key}")
        return self


class Tranche(Block):
    """A part of a deal's balance that is sold, and its interest a year."""

    share: Annotated[Number, Field(gt=0, lt=1)]
    rate: Rate


class Deal(Block):
    """A sale of loans to investors: which, how much, and in which order they are paid.

    Attributes
    ----------
    eligibility : Eligibility
    concentration : mapping of column to float
        The largest share of the pool that one value may have.
    size : Size
        Balance that is sold.
    tranches : mapping of name to Tranche
        The most senior first; what is left of the pool is the lender's.
    fee_rate : float
        A year, of the pool's balance, paid before all else.
    reserve_rate : float
        Of the notes, held as cash from the day of closing.
    revolving_months : int
        In which principal buys new loans.
    least_overcollateralisation : float, optional
        Performing balance ÷ notes below which the junior are paid nothing.
    most_defaulted : float, optional
        Defaults so far ÷ balance at closing above which it is the same.
    """

    eligibility: Eligibility = Field(default_factory=Eligibility)
    concentration: dict[Concentrated, SomeShare] = Field(default_factory=dict)
    size: Part
    tranches: dict[Name, Tranche]
    fee_rate: Rate = 0.0
    reserve_rate: Annotated[Number, Field(ge=0, lt=1)] = 0.0
    revolving_months: Annotated[Whole, Field(ge=0, le=120)] = 0
    least_overcollateralisation: Annotated[Number, Field(ge=1, le=10)] | None = None
    most_defaulted: SomeShare | None = None
    verify: Truth = False

    @property
    def sold_rate(self) -> float:
        """Share of the pool that investors hold."""
        return sum(tranche.share for tranche in self.tranches.values())

    @model_validator(mode="after")
    def _closes(self) -> Deal:
        if not self.tranches:
            raise ValueError("at least one tranche")
        if self.sold_rate >= 1 - _ROUNDING:
            raise ValueError(f"shares of tranches that sum to less than 1, not {self.sold_rate:g}")
        if self.size.fen(10**6) == 0:
            raise ValueError("a size above 0")
        least, closing = self.least_overcollateralisation, 1 / self.sold_rate
        if least is not None and least > closing + _ROUNDING:
            raise ValueError(
                f"least_overcollateralisation of at most {closing:.4g}, that of the day of closing"
            )
        return self


def _usual_tiers() -> dict[str, Tier]:
    days = {"Daily": 30, "Bursts": 91, "Risk reserve": 365}
    return {name: Tier.model_construct(horizon_days=n) for name, n in days.items()}


class FundingFile(Block):
    """All that the file says; every block may be left out.

    Attributes
    ----------
    lender : str, optional
        Name of the source whose funding it is: it holds for no other one.
    climate : Climate, optional
    tiers : mapping of name to Tier
        In the order in which they are drawn; without the block three of 30, 91 and 365 days, of
        which nobody has said what is held.
    cash_rate : float
        Earned a year on cash.
    lines : mapping of name to Line
    macro_effects : MacroEffects
    stress : mapping of name to Stress
    sharing : mapping of name to Sharing
        A loan belongs to the first of them whose segment it is in.
    deal : Deal, optional
    """

    lender: Name | None = None
    climate: Climate | None = None
    tiers: dict[Name, Tier] = Field(default_factory=_usual_tiers)
    cash_rate: Rate = 0.0
    lines: dict[Name, Line] = Field(default_factory=dict)
    macro_effects: MacroEffects = Field(default_factory=MacroEffects)
    stress: dict[Name, Stress] = Field(default_factory=dict)
    sharing: dict[Name, Sharing] = Field(default_factory=dict)
    deal: Deal | None = None

    def of_source(self, name: str) -> FundingFile:
        """The file as it holds for a source: one that says nothing where `lender` is another."""
        return self if self.lender in (None, name) else FundingFile(lender=self.lender)

    def for_columns(self, columns: Collection[str]) -> tuple[FundingFile, str]:
        """The file without sharing whose segment names a column not there, and which, in words.

        A scenario whose column is not there stays: its row tells why it was not run.

        Parameters
        ----------
        columns : collection of str
            Of the loans and their applications.

        Examples
        --------
        >>> bank = {"kind": "pro_rata", "share": "0.7", "segment": {"partner": "dune"}}
        >>> own = FundingFile(sharing={"Bank": Sharing.model_validate(bank)})
        >>> own.for_columns(["channel"])[1]
        'Bank shares nothing: the loans have no column partner'
        """
        lacking = {
            name: [column for column in block.segment if column not in columns]
            for name, block in self.sharing.items()
        }
        told = [
            f"{name} shares nothing: the loans have no column {' or '.join(absent)}"
            for name, absent in lacking.items()
            if absent
        ]
        kept = {name: block for name, block in self.sharing.items() if not lacking[name]}
        return self.model_copy(update={"sharing": kept}), "; ".join(told)

    def lines_on(self, day: datetime.date) -> dict[str, Line]:
        """The lines whose contract still runs on a day."""
        return {
            name: line
            for name, line in self.lines.items()
            if line.until is None or line.until >= pd.Timestamp(day).date()
        }

    @property
    def unverified(self) -> tuple[str, ...]:
        """Blocks that nobody has confirmed for this lender, as "lines: East Bank" or "deal"."""
        alone = {"climate": self.climate, "macro_effects": self.macro_effects, "deal": self.deal}
        marked = [name for name, block in alone.items() if block is not None and block.verify]
        named: dict[str, Mapping[str, Line | Stress | Sharing]] = {
            "lines": self.lines, "stress": self.stress, "sharing": self.sharing,
        }  # fmt: skip
        for group, blocks in named.items():
            marked += [f"{group}: {name}" for name, block in blocks.items() if block.verify]
        return tuple(marked)


def read_funding(path: str | Path) -> FundingFile:
    """The funding file.

    Parameters
    ----------
    path : str or Path
        Blocks lender, climate, tiers, cash_rate, lines, macro_effects, stress, sharing and deal,
        each of which may be left out; sizes are amounts in units of the currency, or shares of the
        performing balance such as 40 %.

    Raises
    ------
    DataContractError
        No file, no YAML, an unknown key, a missing one, or a value that cannot be: each with the
        line or the key, and what was expected there.

    Source
    ------
    riskkit definition.
    """
    file = read_blocks(path, FundingFile)
    if faults := [*_contradictions(file)]:
        raise DataContractError(Path(path).name, first_lines(faults))
    return file


def _contradictions(file: FundingFile) -> Iterator[str]:
    """What the blocks say of each other."""
    if not file.tiers:
        yield "tiers: expected at least one tier, found none"
    for (shorter, before), (name, tier) in pairwise(file.tiers.items()):
        if tier.horizon_days <= before.horizon_days:
            yield (
                f"tiers.{name}.horizon_days: expected more than the {before.horizon_days} of "
                f"{shorter}, found {tier.horizon_days}"
            )
    for group, taken in TAKEN.items():
        for name in taken:
            if name in getattr(file, group):
                yield f"{group}.{name}: expected another name, a row of the tables is called that"
    for name, stress in file.stress.items():
        for line in stress.exits:
            if line not in file.lines:
                hint = near(line, file.lines) if file.lines else "; there are no lines"
                yield f"stress.{name}.exits: expected names of lines, {line!r} is none{hint}"
        for moved in _MACRO:
            if getattr(stress, moved) and getattr(file.macro_effects, moved) is None:
                yield f"stress.{name}.{moved}: expected an effect of it under macro_effects"
    earlier: dict[str, Segment] = {}
    for name, sharing in file.sharing.items():
        for taker, segment in earlier.items():
            if segment.items() <= sharing.segment.items():
                yield (
                    f"sharing.{name}.segment: expected loans that {taker} before it does not take "
                    "all of"
                )
                break
        earlier[name] = sharing.segment
