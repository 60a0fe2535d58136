"""A lender and one course of things: cash, provision and profit by month, and what chance makes.

Takes loans that still have to pay, costs and the funding file; gives a row per month ahead.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit import runoff
from riskkit.checks import Array, DataContractError
from riskkit.funding.stress_paths import Shock, no_shock, shock_of
from riskkit.funding.stressed_loans import (
    ONE_LOAN,
    counted,
    nothing_in_default,
    sampled_loans,
    stressed_loans,
)
from riskkit.provisions import LendingCosts

if TYPE_CHECKING:
    from riskkit.schema import FundingFile

__all__ = ["StressedLender", "chance_errors", "course_of", "refusals"]

# loans are thrown into so many groups by lot, to see by how much such groups differ
_N_GROUPS = 40
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
    capped : callable of float to OpenLoans, optional
        The planned loans alone at a highest price a year, in the same order; without it a cap on
        prices cannot be run.
    climate : float array of shape (H,), optional
        Expected of the months ahead; 0 unless given.
    climate_sd : float, optional
        How much the climate has varied, log-odds of a missed payment; the file's comes first.
    in_default_loans : int
        Loans in default today, each of which is to be collected.
    n_months : int
        Months ahead that are looked at; what is set aside looks on, as far as loans are followed.

    Raises
    ------
    ValueError
        A climate of another length than the months loans are followed for, fewer than no loans in
        default, or more months than loans are followed for.
    """

    loans: runoff.OpenLoans
    moves: runoff.Moves
    day: pd.Timestamp
    costs: LendingCosts
    file: FundingFile
    traits: pd.DataFrame = field(default_factory=pd.DataFrame)
    capped: Callable[[float], runoff.OpenLoans] | None = None
    climate: Array | None = None
    climate_sd: float | None = None
    in_default_loans: int = 0
    n_months: int = _MONTHS_A_YEAR

    def __post_init__(self) -> None:
        n = self.loans.n_months
        if not 1 <= self.n_months <= n:
            raise ValueError(f"n_months must lie in [1, {n}], got {self.n_months!r}")
        if self.climate is not None and self.climate.shape != (n,):
            raise ValueError(f"climate must be of {n} months, got shape {self.climate.shape}")
        if not self.in_default_loans >= 0:
            raise ValueError(f"in_default_loans must be >= 0, got {self.in_default_loans!r}")

    @property
    def balance(self) -> int:
        """Principal owed today by loans that were never in default, fen."""
        return int(self.loans.owed[self.loans.start == 0, 0].sum())

    @property
    def held_amount(self) -> int | None:
        """Cash held in all tiers, fen; None where nobody has said how much."""
        held = [tier.held for tier in self.file.tiers.values() if tier.held is not None]
        return sum(size.fen(self.balance) for size in held) if held else None

    @property
    def usual_sd(self) -> float | None:
        """How much the climate varies: as the file says, else as it was estimated."""
        return self.climate_sd if self.file.climate is None else self.file.climate.sd

    def climate_under(self, shock: Shock) -> Array:
        """Climate of all months that loans are followed for."""
        return shock.climate if self.climate is None else self.climate + shock.climate

    def shock(self, name: str, severity: float = 1.0) -> Shock:
        """What a scenario of the file moves, so many times as bad as it says."""
        traits = self.traits.reindex(self.loans.ids)
        return shock_of(self.file, name, traits, self.loans.n_months, severity)


def refusals(lender: StressedLender) -> dict[str, str]:
    """Scenarios that cannot be run, and why."""
    told = {}
    for name, block in lender.file.stress.items():
        try:
            lender.shock(name)
        except DataContractError as refused:
            told[name] = "; ".join(refused.violations)
        if block.cap_apr is not None and lender.capped is None:
            told[name] = "what new loans would owe at other prices is not known"
    return told


def course_of(lender: StressedLender, shock: Shock | None = None) -> pd.DataFrame:
    """Cash, provision and profit of the months ahead, on average.

    charge = loss + change of what is set aside for loans never in default: so provision =
    provision before + charge − written off. profit = interest + fees + earned on cash − funding −
    costs − charge. closing = opening + collected − paid out − costs − funding + earned − repaid. So
    cash + balance + recoveries to come − provision of the former − drawn moves by the profit.
    Interest counts when it is paid.

    Parameters
    ----------
    lender : StressedLender
    shock : Shock, optional
        Nothing is other than expected unless given.

    Returns
    -------
    DataFrame, index month
        Amounts in int64 fen. `unemployment`, `income`, `liquidity` (percentage points), `climate`
        (log-odds of a missed payment): by how much they are other than in the base;
        `running_loans`, `lent_loans`, `default_loans` (expected numbers, at the end of the month
        and in it);
        `lent_amount`, `repaid_principal_amount`, `default_amount`, `balance`, `default_rate` (of
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
    loans, moves, weight = stressed_loans(lender.loans, lender.moves, shock, lender.capped)
    climate, n = lender.climate_under(shock), lender.n_months
    about = {"climate": climate[:n], "day": lender.day}
    cash = runoff.expected_cash(loans, moves, lgd_factor=shock.lgd_factor, **about)
    number = runoff.expected_cash(counted(loans, weight), moves, **about)
    stock = runoff.provisions_ahead(
        loans, moves, climate=climate, day=lender.day, lgd_factor=shock.lgd_factor
    ).iloc[: n + 1]
    paths = {**shock.macro, "climate": shock.climate}
    table = pd.DataFrame({name: path[:n] for name, path in paths.items()}, index=cash.months)
    table = table.rename_axis(index="month")
    running, lent, gone = (number.total(name)[0] / ONE_LOAN for name in _NUMBERS)
    table["running_loans"], table["lent_loans"], table["default_loans"] = running, lent, gone
    of = {name: _fen(cash.total(name)[0]) for name in runoff.AMOUNTS}
    repaid = of["principal_amount"] + of["prepaid_amount"]
    balance = lender.balance + np.cumsum(of["lent_amount"] - repaid - of["default_amount"])
    before = np.append(lender.balance, balance[:-1])
    table["lent_amount"], table["repaid_principal_amount"] = of["lent_amount"], repaid
    table["default_amount"], table["balance"] = of["default_amount"], balance
    table["default_rate"] = of["default_amount"] / np.where(before > 0, before, np.nan)
    table["loss_amount"] = of["loss_amount"]
    provision = _fen(stock["provision_amount"].to_numpy(float))
    open_loss = _fen(stock["stage_3_amount"].to_numpy(float))
    table["provision_amount"] = provision[1:]
    table["charge_amount"] = of["loss_amount"] + np.diff(provision - open_loss)
    table["write_off_amount"] = table["charge_amount"] - np.diff(provision)
    table["interest_amount"], table["fee_amount"] = of["interest_amount"], of["fee_amount"]
    collecting = lender.in_default_loans + np.append(0, np.cumsum(gone)[:-1])
    serviced = np.append(_running_today(lender), running[:-1]) + collecting
    costs = lender.costs
    cost = _fen(costs.acquisition_amount * lent + costs.servicing_amount * serviced)
    collected = of["interest_amount"] + repaid + of["recovered_amount"]
    return _with_cash(lender, shock, table.assign(cost_amount=cost), collected, before)


_NUMBERS = "balance", "lent_amount", "default_amount"


def _running_today(lender: StressedLender) -> int:
    return int((lender.loans.start == 0).sum())


def _with_cash(
    lender: StressedLender, shock: Shock, table: pd.DataFrame, collected: Array, before: Array
) -> pd.DataFrame:
    """The table with what funders are paid, cash from month to month, and profit."""
    lines, interest = _lines(lender, shock)
    if not lender.file.lines:
        interest = _fen(lender.costs.funding_rate / _MONTHS_A_YEAR * before)
    paid_out = (table["lent_amount"] - table["fee_amount"]).to_numpy()
    repaid = lines["repaid_amount"].to_numpy()
    flow = collected - paid_out - table["cost_amount"].to_numpy() - interest - repaid
    held = lender.held_amount
    opening, earned = np.zeros_like(flow), np.zeros_like(flow)
    cash = held or 0
    for at in range(len(flow)):
        opening[at] = cash
        if held is not None:
            earned[at] = round(lender.file.cash_rate / _MONTHS_A_YEAR * max(cash, 0))
        cash = int(cash + flow[at] + earned[at])
    closing = opening + flow + earned
    profit = (
        (table["interest_amount"] + table["fee_amount"] - table["cost_amount"]).to_numpy()
        + earned
        - interest
        - table["charge_amount"].to_numpy()
    )
    table = table.assign(
        earned_amount=earned,
        funding_amount=interest,
        profit_amount=profit,
        opening_amount=opening.astype(float),
        collected_amount=collected,
        paid_out_amount=paid_out,
        closing_amount=closing.astype(float),
        reserve_amount=((held or 0) + np.cumsum(profit)).astype(float),
        **{name: lines[name].to_numpy() for name in lines},
    )
    if held is None:
        table[["opening_amount", "closing_amount", "reserve_amount"]] = np.nan
    return table


def _lines(lender: StressedLender, shock: Shock) -> tuple[pd.DataFrame, Array]:
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
    return pd.DataFrame(dict(zip(names, total, strict=True))), interest


def _months_until(day: pd.Timestamp, end: datetime.date) -> int:
    return (end.year - day.year) * _MONTHS_A_YEAR + end.month - day.month


def chance_errors(
    lender: StressedLender, shock: Shock, *, seed: int, n_paths: int = 8
) -> pd.DataFrame:
    """Standard deviations that chance makes in one course of things, from its first month on.

    Loans are rolled on one by one, in groups made by lot. Of loans on the books it is which of them
    default, pay late or early; of those to come also which, and how many: by how much groups of
    them differ. The climate is as the scenario has it, and what is estimated is taken as true; what
    is set aside for running loans, costs and funding are as on average.

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
    loans, moves = sampled_loans(lender.loans, lender.moves, shock, rng, lender.capped)
    is_new = loans.start > 0
    group = rng.integers(_N_GROUPS, size=len(loans.ids)) + np.where(is_new, _N_GROUPS, 0)
    loans = replace(
        loans,
        group=group,
        groups=pd.RangeIndex(2 * _N_GROUPS).astype("str"),
        **nothing_in_default(2 * _N_GROUPS, loans.n_months),
    )
    climate = np.tile(lender.climate_under(shock)[: lender.n_months], (n_paths, 1))
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
    errors = {name: _by_chance(values.cumsum(axis=2)) for name, values in sums.items()}
    return pd.DataFrame(errors, index=cash.months).rename_axis(index="month")


def _by_chance(values: Array) -> Array:
    """Standard deviation of the sum over all groups, by month."""
    running, new = values[:, :_N_GROUPS], values[:, _N_GROUPS:]
    of_running = running.var(axis=0, ddof=1).sum(axis=0)
    of_new = _N_GROUPS * new.var(axis=1, ddof=1).mean(axis=0)
    return np.asarray((of_running + of_new) ** 0.5)


def _fen(amounts: Array) -> Array:
    return np.rint(amounts).astype(np.int64)
