"""A lender and one course of things: cash, provision and profit by month, and what chance makes.

Takes loans that still have to pay, costs and the funding file; gives a row per month ahead.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskkit import runoff
from riskkit.checks import Array, DataContractError
from riskkit.funding.stress_paths import Shock, no_shock, shock_of
from riskkit.funding.stressed_loans import (
    ONE_LOAN,
    RememberedMoves,
    condensed,
    nothing_in_default,
    sampled_loans,
    stressed_loans,
    with_counts,
)
from riskkit.provisions import LendingCosts

if TYPE_CHECKING:
    from riskkit.schema import FundingFile

__all__ = [
    "StressedLender",
    "chance_errors",
    "condensed_lender",
    "course_of",
    "refusals",
    "running_today",
]

# loans are thrown into so many groups by lot, to see by how much such groups differ
_N_GROUPS = 200
_MONTHS_A_YEAR = 12
_DAYS_A_YEAR = 365


@dataclass(frozen=True, kw_only=True)
class StressedLender:
    """All that a stress test starts from.

    Parameters
    ----------
    loans : OpenLoans
        The book and planned lending, of :func:`riskkit.runoff.joined`.
    moves : Moves
        How they move, as :func:`riskkit.runoff.expected_cash` takes it.
    day : Timestamp
    costs : LendingCosts
    file : FundingFile
        Of :func:`riskkit.schema.read_funding`: lines, tiers, effects, scenarios.
    traits : DataFrame, index application_id, optional
        Columns that the segment of a scenario may ask for, such as channel and partner.
    climate : float array of shape (n_months,), optional
        Expected of the months ahead; 0 unless given.
    climate_sd : float, optional
        How much the climate has varied, log-odds of a missed payment; the file's comes first.
    in_default_loans : int
        Loans in default today, each of which is to be collected.
    number : float array of shape (n,), optional
        How many loans each row of `loans` is; one unless given.
    provision : Series, optional
        What is set aside today, as :func:`riskkit.runoff.provisions_ahead` has it; worked out
        unless given.
    n_months : int
        Months ahead that are looked at; what is set aside looks on, as far as loans are followed.

    Raises
    ------
    ValueError
        A climate of another length than the months looked at, fewer than no loans in default, or
        more months than loans are followed for.
    """

    loans: runoff.OpenLoans
    moves: runoff.Moves
    day: pd.Timestamp
    costs: LendingCosts
    file: FundingFile
    traits: pd.DataFrame = field(default_factory=pd.DataFrame)
    climate: Array | None = None
    climate_sd: float | None = None
    in_default_loans: int = 0
    number: Array | None = None
    provision: pd.Series | None = None
    n_months: int = _MONTHS_A_YEAR

    def __post_init__(self) -> None:
        n = self.loans.n_months
        if not 1 <= self.n_months <= n:
            raise ValueError(f"n_months must lie in [1, {n}], got {self.n_months!r}")
        if self.climate is not None and self.climate.shape != (self.n_months,):
            shape = self.climate.shape
            raise ValueError(f"climate must be of {self.n_months} months, got shape {shape}")
        if not self.in_default_loans >= 0:
            raise ValueError(f"in_default_loans must be >= 0, got {self.in_default_loans!r}")

    @property
    def balance(self) -> int:
        """Principal owed today by loans that were never in default, fen."""
        return int(self.loans.owed[self.loans.start == 0, 0].sum())

    @property
    def numbers(self) -> Array:
        """How many loans each row is."""
        return np.ones(len(self.loans.ids)) if self.number is None else self.number

    @property
    def held_amount(self) -> int | None:
        """Cash held in all tiers, fen; None where nobody has said how much."""
        held = [tier.held for tier in self.file.tiers.values() if tier.held is not None]
        return sum(size.fen(self.balance) for size in held) if held else None

    @property
    def usual_sd(self) -> float | None:
        """How much the climate varies: as the file says, else as it was estimated."""
        return self.climate_sd if self.file.climate is None else self.file.climate.sd

    @cached_property
    def provision_today(self) -> pd.Series:
        """What is set aside today, before anything is other than expected."""
        if self.provision is not None:
            return self.provision
        climate = self.climate_under(no_shock(self.loans.n_months))
        return _stock(self.loans, self.moves, climate, self.day, 1.0).iloc[0]

    def remembering(self) -> StressedLender:
        """The same lender, whose moves and provision today are worked out once."""
        return replace(self, moves=RememberedMoves(self.moves), provision=self.provision_today)

    def climate_under(self, shock: Shock) -> Array:
        """Climate of the months looked at."""
        ahead = shock.climate[: self.n_months]
        return ahead if self.climate is None else self.climate + ahead

    @cached_property
    def _traits(self) -> pd.DataFrame:
        asked = {column for block in self.file.stress.values() for column in block.segment}
        known = [column for column in self.traits if column in asked]
        return self.traits[known].reindex(self.loans.ids)

    def shock(self, name: str, severity: float = 1.0) -> Shock:
        """What a scenario of the file moves, so many times as bad as it says."""
        return shock_of(self.file, name, self._traits, self.loans.n_months, severity)


def condensed_lender(lender: StressedLender, shock: Shock) -> tuple[StressedLender, Shock]:
    """The same lender with loans that a shock leaves alike taken together, and the shock on them.

    Parameters
    ----------
    lender : StressedLender
    shock : Shock
        Of any severity.
    """
    loans, number, same = condensed(lender.loans, lender.numbers, shock)
    return replace(lender, loans=loans, number=number, provision=lender.provision_today), same


def refusals(lender: StressedLender) -> dict[str, str]:
    """Scenarios that cannot be run, and why."""
    told = {}
    for name in lender.file.stress:
        try:
            lender.shock(name)
        except DataContractError as refused:
            told[name] = "; ".join(refused.violations)
    return told


def course_of(
    lender: StressedLender, shock: Shock | None = None, *, cash_alone: bool = False
) -> pd.DataFrame:
    """Cash, provision and profit of the months ahead, on average.

    charge = loss + change of what is set aside for loans never in default (and what a scenario
    changes at once of those in default today); provision = provision before + charge − written off,
    net of the discount that unwinds. profit = interest + fees + earned on cash − funding − costs −
    charge. closing = opening + collected − paid out − costs − funding + earned − repaid. So cash +
    balance + recoveries to come − provision of loans never in default − drawn moves by the profit.
    Interest counts when it is paid; cash that is short is borrowed at `funding_rate`, and what it
    costs is earned below 0.

    Parameters
    ----------
    lender : StressedLender
    shock : Shock, optional
        Nothing is other than expected unless given.
    cash_alone : bool
        Without provision, charge, profit and reserve, which take most of the time.

    Returns
    -------
    DataFrame, index month
        Amounts in int64 fen. `unemployment`, `income`, `liquidity` (percentage points), `climate`
        (log-odds of a missed payment): by how much they are other than in the base;
        `running_loans`, `lent_loans`, `default_loans` (expected numbers, at the end of the month
        and in it); `lent_amount`, `repaid_principal_amount`, `default_amount`, `balance` (of loans
        never in default), `default_rate` (of
        the balance before; NaN where there was none), `loss_amount`, `provision_amount`,
        `charge_amount`, `write_off_amount`, `interest_amount`, `fee_amount`, `earned_amount`,
        `funding_amount`, `cost_amount`, `profit_amount`; `opening_amount`, `collected_amount`,
        `paid_out_amount`, `repaid_amount` (to funders), `closing_amount` and `reserve_amount`
        (held today, and profit since), floats that are NaN where nobody has said what is held;
        `drawn_amount` and `undrawn_amount` (what lines that run could still lend).

    Source
    ------
    riskkit definition.
    """
    shock = no_shock(lender.loans.n_months) if shock is None else shock
    climate, n = lender.climate_under(shock), lender.n_months
    loans, number, moves = stressed_loans(lender.loans, lender.numbers, lender.moves, shock)
    both = runoff.expected_cash(
        with_counts(loans, number),
        moves,
        climate=climate,
        day=lender.day,
        lgd_factor=shock.lgd_factor,
    )
    money, loans_of = both.of_group("money"), both.of_group("loans")
    of = {name: _fen(money.total(name)[0]) for name in runoff.AMOUNTS}
    running, lent, gone = (loans_of.total(name)[0] / ONE_LOAN for name in _NUMBERS)
    repaid = of["principal_amount"] + of["prepaid_amount"]
    balance = lender.balance + np.cumsum(of["lent_amount"] - repaid - of["default_amount"])
    before = np.append(lender.balance, balance[:-1])
    collecting = lender.in_default_loans + np.append(0, np.cumsum(gone)[:-1])
    serviced = np.append(running_today(lender), running[:-1]) + collecting
    costs = lender.costs
    columns = {name: path[:n] for name, path in {**shock.macro, "climate": shock.climate}.items()}
    columns |= {"running_loans": running, "lent_loans": lent, "default_loans": gone}
    columns |= {
        "lent_amount": of["lent_amount"],
        "repaid_principal_amount": repaid,
        "default_amount": of["default_amount"],
        "balance": balance,
        "default_rate": of["default_amount"] / np.where(before > 0, before, np.nan),
        "loss_amount": of["loss_amount"],
    }
    columns |= {"interest_amount": of["interest_amount"], "fee_amount": of["fee_amount"]}
    columns["cost_amount"] = _fen(
        costs.acquisition_amount * lent + costs.servicing_amount * serviced
    )
    collected = of["interest_amount"] + repaid + of["recovered_amount"]
    columns |= _cash(lender, shock, columns, collected, before)
    if not cash_alone:
        stock = _stock(loans, moves, climate, lender.day, shock.lgd_factor)
        columns |= _provision(lender, of["loss_amount"], stock)
        columns |= _profit(lender, columns)
    return pd.DataFrame(columns, index=both.months.rename("month"))


_NUMBERS = "balance", "lent_amount", "default_amount"


def _stock(
    loans: runoff.OpenLoans, moves: runoff.Moves, climate: Array, day: pd.Timestamp, factor: float
) -> pd.DataFrame:
    """What is set aside today and at each month-end, in whole fen."""
    stock = runoff.provisions_ahead(loans, moves, climate=climate, day=day, lgd_factor=factor)
    return stock.round().astype("int64")


def _provision(lender: StressedLender, loss: Array, stock: pd.DataFrame) -> dict[str, Array]:
    """What is set aside, charged to the profit and written off.

    What a scenario changes of the loans of today is charged in its first month.
    """
    today = lender.provision_today
    held, gone = stock["provision_amount"].to_numpy(), stock["stage_3_amount"].to_numpy()
    running = (held - gone)[1:]
    running_before = np.append(today["provision_amount"] - today["stage_3_amount"], running[:-1])
    charge = loss + running - running_before
    charge[0] += gone[0] - today["stage_3_amount"]
    change = held[1:] - np.append(today["provision_amount"], held[1:-1])
    return {
        "provision_amount": held[1:],
        "charge_amount": charge,
        "write_off_amount": charge - change,
    }


def running_today(lender: StressedLender) -> int:
    """Loans on the books that were never in default."""
    return int(lender.numbers[lender.loans.start == 0].sum())


def _cash(
    lender: StressedLender,
    shock: Shock,
    of: dict[str, Array],
    collected: Array,
    before: Array,
) -> dict[str, Array]:
    """What funders are paid, and cash from month to month."""
    lines, interest = _lines(lender, shock)
    if not lender.file.lines:
        interest = _fen(lender.costs.funding_rate / _MONTHS_A_YEAR * before)
    paid_out = of["lent_amount"] - of["fee_amount"]
    flow = collected - paid_out - of["cost_amount"] - interest - lines["repaid_amount"]
    held = lender.held_amount
    opening, earned = np.zeros_like(flow), np.zeros_like(flow)
    cash = held or 0
    for at in range(len(flow)):
        opening[at] = cash
        if held is not None:
            rate = lender.file.cash_rate if cash > 0 else lender.costs.funding_rate
            earned[at] = round(rate / _MONTHS_A_YEAR * cash)
        cash = int(cash + flow[at] + earned[at])
    levels = {
        "opening_amount": opening.astype(float),
        "closing_amount": (opening + flow + earned).astype(float),
    }
    if held is None:
        levels = {name: np.full(len(flow), np.nan) for name in levels}
    flows = {"earned_amount": earned, "funding_amount": interest}
    flows |= {"collected_amount": collected, "paid_out_amount": paid_out}
    return flows | lines | levels


def _profit(lender: StressedLender, of: dict[str, Array]) -> dict[str, Array]:
    brought = of["interest_amount"] + of["fee_amount"] + of["earned_amount"]
    profit = brought - of["funding_amount"] - of["cost_amount"] - of["charge_amount"]
    held = lender.held_amount
    reserve = (np.nan if held is None else held) + np.cumsum(profit).astype(float)
    return {"profit_amount": profit, "reserve_amount": reserve}


def _lines(lender: StressedLender, shock: Shock) -> tuple[dict[str, Array], Array]:
    """What funders get back, what is drawn and could be at each month-end, and their interest."""
    n = lender.n_months
    names = "repaid_amount", "drawn_amount", "undrawn_amount"
    total, interest = np.zeros((len(names), n), dtype=np.int64), np.zeros(n, dtype=np.int64)
    for name, line in lender.file.lines_on(lender.day).items():
        amount, limit = (size.fen(lender.balance) for size in (line.drawn, line.limit))
        back, asked = np.zeros(n + 1, dtype=np.int64), n
        if name in shock.exits:
            share, asked = shock.exits[name]
            notice = max(ceil(line.notice_days * _MONTHS_A_YEAR / _DAYS_A_YEAR), 1)
            back[min(asked + notice, n + 1) - 1] = round(share * amount)
        if line.until is not None:
            end = min(max(_months_until(lender.day, line.until), 1), n + 1)
            back[end - 1] += amount - back[:end].sum()
            back[end:] = 0
            asked = min(asked, end - 1)
        left = amount - np.cumsum(back[:n])
        room = np.where(np.arange(n) < asked, max(limit - amount, 0), 0)
        total += np.stack([back[:n], left, room])
        interest += _fen(line.rate / _MONTHS_A_YEAR * np.append(amount, left[:-1]))
    return dict(zip(names, total, strict=True)), interest


def _months_until(day: pd.Timestamp, end: datetime.date) -> int:
    return (end.year - day.year) * _MONTHS_A_YEAR + end.month - day.month


def chance_errors(
    lender: StressedLender, shock: Shock, *, seed: int, n_paths: int = 4
) -> pd.DataFrame:
    """Standard deviations that chance makes in one course of things, from its first month on.

    Loans are rolled on one by one, in groups made by lot. Of loans on the books it is which of them
    default, pay late or early, and what comes after a default; of those to come also which, and how
    many: by how much groups of them differ. The climate is as the scenario has it, and what is
    estimated is taken as true; what is set aside for running loans, costs and funding are as on
    average.

    Parameters
    ----------
    lender : StressedLender
    shock : Shock
    seed : int
    n_paths : int
        At least 2.

    Returns
    -------
    DataFrame, index month
        `loss_error`, `profit_error` (of the sums up to then) and `cash_error`, fen.

    Source
    ------
    Wolter (2007), Introduction to Variance Estimation, 2nd ed., chapter 2 (random groups).
    """
    if not n_paths >= 2:
        raise ValueError(f"n_paths must be >= 2, got {n_paths!r}")
    rng = np.random.Generator(np.random.SFC64([seed, 0]))
    loans, moves = sampled_loans(lender.loans, lender.moves, shock, rng)
    is_new = loans.start > 0
    group = rng.integers(_N_GROUPS, size=len(loans.ids)) + np.where(is_new, _N_GROUPS, 0)
    loans = replace(
        loans,
        group=group,
        groups=pd.RangeIndex(2 * _N_GROUPS).astype("str"),
        **_in_default(loans, rng),
    )
    climate = np.tile(lender.climate_under(shock), (n_paths, 1))
    cash = runoff.simulated_cash(
        loans, moves, climate, lender.day, seed=seed, lgd_factor=shock.lgd_factor
    )
    of = {name: values.astype(float) for name, values in cash.amounts.items()}
    income = of["interest_amount"] + of["fee_amount"]
    collected = of["interest_amount"] + of["principal_amount"] + of["prepaid_amount"]
    flow = collected + of["recovered_amount"] - of["lent_amount"] + of["fee_amount"]
    sums = {
        "loss_error": of["loss_amount"],
        "profit_error": income - of["loss_amount"],
        "cash_error": flow,
    }
    # a row that is several loans scatters as one of them does
    alike = float(np.mean(lender.numbers)) ** 0.5 if len(lender.numbers) else 1.0
    errors = {name: _by_chance(values.cumsum(axis=2)) / alike for name, values in sums.items()}
    return pd.DataFrame(errors, index=cash.months).rename_axis(index="month")


def _in_default(loans: runoff.OpenLoans, rng: np.random.Generator) -> dict[str, Any]:
    """The loans in default dealt out at random to the groups of those that run."""
    n_groups = 2 * _N_GROUPS
    if loans.gone is None:  # their sum alone is known, which has no luck
        return nothing_in_default(n_groups, loans.n_months)
    gone = replace(loans.gone, group=rng.integers(_N_GROUPS, size=len(loans.gone.group)))
    # what they owe is asked for how much of it is lost, which is one share of all
    owed, loss = loans.in_default_owed.sum(), loans.in_default_loss.sum(axis=0)
    return {
        "gone": gone,
        "in_default": gone.sums(n_groups),
        "in_default_owed": np.full(n_groups, owed),
        "in_default_loss": np.tile(loss, (n_groups, 1)),
    }


def _by_chance(values: Array) -> Array:
    """Standard deviation of the sum over all groups, by month."""
    running, new = values[:, :_N_GROUPS], values[:, _N_GROUPS:]
    of_running = running.var(axis=0, ddof=1).sum(axis=0)
    of_new = _N_GROUPS * new.var(axis=1, ddof=1).mean(axis=0)
    return np.asarray((of_running + of_new) ** 0.5)


def _fen(amounts: Array) -> Array:
    return np.rint(amounts).astype(np.int64)
