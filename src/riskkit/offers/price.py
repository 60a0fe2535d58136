"""What to charge each grade and term, and whom to offer nothing because no lawful price pays.

Takes grades, hazards, costs, demand and a cap; gives a row for each grade and term.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit

from riskkit.checks import require_columns
from riskkit.offers.break_even import ENDS, HIGHEST_APR, JUDGED, break_even_column, break_even_table
from riskkit.offers.demand import Demand
from riskkit.offers.flows import LoanCosts, worth
from riskkit.offers.hazards import dense_hazards, event_shares, odds_shift, shifted

__all__ = ["GOALS", "STATUSES", "price_table"]

DEAREST_APR = 1.0  # the best price is looked for below, were there no cap
GOALS = ("margin", "profit")
# what becomes of a cell; the last five get no offer
STATUSES = (
    "priced",
    "at cap",
    "cap below break-even",
    "takers lose at cap",
    "no price pays",
    "takers lose",
    "no default seen",
)


def price_table(
    cells: pd.DataFrame,
    base: pd.DataFrame,
    costs: LoanCosts,
    demand: Demand,
    *,
    goal: str = "margin",
    cap_apr: float | None = None,
    floor_apr: float = 0.029,
    step: float = 0.0025,
    method: str = "equal_instalment",
    window_months: int = 12,
) -> pd.DataFrame:
    """Offered price of each grade and term: what its risk and costs ask for, within the cap.

    Break-even is the price that pays for funding, losses, prepayment and costs, without a margin;
    the wanted price earns the margin of `costs`, too. Offered is the wanted price, or the cap where
    that is lower; under the goal "profit" it is the price that the cap allows and that earns the
    most under `demand`. A cell is declined where the cap lies below break-even, or where those who
    take the price offered lose money; one of a term in which nobody has defaulted yet has no price.

    Parameters
    ----------
    cells : DataFrame, index (grade, term_months)
        Of :func:`offer_cells`: `applications`, `asked_amount`, `mean_amount`, `probability` at the
        list price of `demand`, and its interval; `judged_probability`, where other loans tell.
    base, costs, method, window_months
        As in :func:`break_even_table`.
    demand : Demand
        Says who takes an offer, and what the price does to the odds of default.
    goal : {"margin", "profit"}
    cap_apr : float, optional
        Most that twelve times the monthly rate of return may be, `nominal_rate` of :func:`cap_on`;
        none where absent.
    floor_apr : float
        Lowest price, of a promotion for the best.
    step : float
        Prices are multiples of it, but for the floor and the cap.

    Returns
    -------
    DataFrame, index (grade, term_months)
        Columns of `cells` and of :func:`break_even_table` without a margin; `wanted_apr`, rounded
        up to the step, whatever the cap; `best_apr`, the price that earns the most were there no
        cap (NaN where none earns); `cap_apr`; `offer_apr`, NaN where declined; `status`, of
        :data:`STATUSES`: "at cap" where the price aimed at lies above it, "takers lose at cap"
        where the cap would pay for the cell, but not for those of it who take such a price; `sure`:
        whether it would be declined, or not, at both ends of the probability's interval; at the
        offered price `take_up_rate`, `taker_probability` (of default, of those who take it),
        `profit_amount` of an application, in units of the currency, above funding: the margin is a
        part of it;
        `best_profit_amount`, the same at the most profitable price that the cap allows (NaN where
        none is above break-even or earns). Both with `_low`, `_high` in place of `_amount` at the
        ends of the probability's interval, not of demand's. Where the cells were judged also
        `judged_apr`: what would be offered at the judged probability, NaN where nothing.

    Raises
    ------
    ValueError
        As :func:`break_even_table`, prices out of order, or an unknown goal.

    Source
    ------
    Phillips (2018), Pricing credit products; riskkit definition. Expected profit of an application
    = share that takes the offer × net present value of the loan at funding, with the default odds
    that the price attracts.
    """
    if goal not in GOALS:
        raise ValueError(f"goal must be one of {', '.join(GOALS)}, got {goal!r}")
    if not 0 <= floor_apr < (DEAREST_APR if cap_apr is None else cap_apr):
        raise ValueError(
            f"floor_apr must lie in [0, cap_apr), got {floor_apr!r}, {cap_apr!r}; without a cap "
            f"below {DEAREST_APR:g}"
        )
    if not step > 0:
        raise ValueError(f"step must be > 0, got {step!r}")
    require_columns(cells, ["applications", "asked_amount", *ENDS], "cells")
    # what the margin is for is no cost
    bare = dataclasses.replace(costs, margin_rate=0.0)
    table, aimed = (
        break_even_table(cells, base, each, method=method, window_months=window_months)
        for each in (bare, costs)
    )
    ends = (*ENDS, *([JUDGED] if JUDGED in cells else []))
    wanted = {
        end: _rounded_up(table[column], aimed[column], step, floor_apr)
        for end, column in ((end, break_even_column(end)) for end in ends)
    }
    cap = HIGHEST_APR if cap_apr is None else float(cap_apr)
    case = _case(table, base, bare, demand, method, window_months)
    grid = _prices(floor_apr, step, cap)
    choices = {}
    for end in ends:
        # the best price at an end of the interval matters only where it is the price offered
        tried = grid if goal == "profit" or end == "probability" else grid[-1:]
        need = table[break_even_column(end)]
        choices[end] = _chosen(case, end, goal, wanted[end], need, tried, cap)
    chosen = choices["probability"]
    known = np.isfinite(case.earned(grid[np.newaxis, -1:], "probability").profit[:, 0])
    table["wanted_apr"] = wanted["probability"]
    table["best_apr"] = np.where(chosen.pays, chosen.best, np.nan)
    table["cap_apr"] = np.nan if cap_apr is None else cap
    table["offer_apr"] = np.where(chosen.declined, np.nan, chosen.offer)
    table["status"] = _statuses(chosen, known, table["break_even_apr"].to_numpy(), cap)
    declined = [choices[end].declined for end in ENDS[1:]]
    table["sure"] = np.all([each == chosen.declined for each in declined], axis=0)
    if JUDGED in choices:
        judged = choices[JUDGED]
        table["judged_apr"] = np.where(judged.declined, np.nan, judged.offer)
    return _with_profits(table, case, chosen, cap)


class _Earned(NamedTuple):
    """By cell and price: profit of an application, who takes the offer, and how many default."""

    profit: np.ndarray
    take_up: np.ndarray
    probability: np.ndarray


class _Choice(NamedTuple):
    """By cell, at one end of the probability's interval: the price aimed at and the one offered."""

    aim: np.ndarray
    offer: np.ndarray
    declined: np.ndarray
    best: np.ndarray  # the most profitable price of all
    lawful: np.ndarray  # and of those that the cap allows
    pays: np.ndarray  # whether the best earns anything


class _Case(NamedTuple):
    """Cells with what any price of theirs is judged by."""

    cells: pd.DataFrame
    hazard: np.ndarray
    prepayment: np.ndarray
    terms: np.ndarray
    shifts: Mapping[str, np.ndarray]  # of the log-odds, at each end of the probability's interval
    costs: LoanCosts
    demand: Demand
    method: str
    window_months: int

    def earned(self, prices: np.ndarray, end: str) -> _Earned:
        """What prices, of shape (n_cells or 1, n_prices), would earn at one end."""
        n_cells, n_prices = len(self.cells), prices.shape[1]
        # a row for each cell and price
        each = np.repeat(np.arange(n_cells), n_prices)
        price = np.broadcast_to(prices, (n_cells, n_prices)).ravel()
        shift = self.shifts[end][each] + self.demand.selection_logit(price)
        shares = event_shares(
            shifted(self.hazard[each], shift), self.prepayment[each], self.terms[each]
        )
        amount = self.cells["mean_amount"].to_numpy(dtype=float)[each]
        value = worth(shares, price, self.terms[each], self.method, self.costs, amount)
        take_up = self.demand.take_up_rate(price, _risk(self.cells)[each])
        defaulted = shares[0][:, : self.window_months + 1].sum(axis=1)
        parts = (take_up * value * amount, take_up, defaulted)
        return _Earned(*(values.reshape(n_cells, n_prices) for values in parts))


def _case(
    cells: pd.DataFrame,
    base: pd.DataFrame,
    costs: LoanCosts,
    demand: Demand,
    method: str,
    window_months: int,
) -> _Case:
    hazard, prepayment, terms = dense_hazards(base, cells.index)
    shifts = {
        end: odds_shift(hazard, prepayment, terms, cells[end].to_numpy(dtype=float), window_months)
        for end in (*ENDS, *([JUDGED] if JUDGED in cells else []))
    }
    return _Case(cells, hazard, prepayment, terms, shifts, costs, demand, method, window_months)


def _prices(floor_apr: float, step: float, cap: float) -> np.ndarray:
    """Prices to choose from: multiples of the step from the floor on, the floor and the cap."""
    multiples = step * np.arange(np.ceil(floor_apr / step), np.ceil(DEAREST_APR / step))
    prices: np.ndarray = np.unique(np.append(multiples, [floor_apr, cap]).round(6))
    return prices if cap < HIGHEST_APR else prices[:-1]


def _rounded_up(break_even: pd.Series, aimed: pd.Series, step: float, floor: float) -> np.ndarray:
    """Price that earns the margin, up to the next step; NaN where no price does."""
    # below what pays for the loan no margin is earned, whatever its discount
    price = np.maximum(break_even.to_numpy(dtype=float), aimed.to_numpy(dtype=float))
    rounded: np.ndarray = np.maximum((np.ceil(price / step - 1e-6) * step).round(6), floor)
    return rounded


def _chosen(
    case: _Case,
    end: str,
    goal: str,
    wanted: np.ndarray,
    break_even: pd.Series,
    grid: np.ndarray,
    cap: float,
) -> _Choice:
    """What would be offered, were the probability at this end of its interval."""
    profit = np.nan_to_num(case.earned(grid[np.newaxis], end).profit, nan=-np.inf)
    rows = np.arange(len(profit))
    # the lowest of equal ones
    place = profit.argmax(axis=1)
    lawful = grid[np.where(grid <= cap, profit, -np.inf).argmax(axis=1)]
    best, pays = grid[place], profit[rows, place] > 0
    aim = wanted if goal == "margin" else best
    offer = np.fmin(wanted, cap) if goal == "margin" else lawful
    paid = case.earned(offer[:, np.newaxis], end).profit[:, 0]
    declined = ~(break_even.to_numpy(dtype=float) <= cap) | ~(paid > 0)
    return _Choice(aim, offer, declined, best, lawful, pays)


def _statuses(chosen: _Choice, known: np.ndarray, need: np.ndarray, cap: float) -> np.ndarray:
    """What becomes of each cell, of :data:`STATUSES`."""
    above = ~(chosen.aim <= cap)
    kinds = {
        "no default seen": ~known,
        "no price pays": chosen.declined & (~chosen.pays | np.isnan(need)),
        "cap below break-even": chosen.declined & (need > cap),
        "takers lose at cap": chosen.declined & above,
        "takers lose": chosen.declined,
        "at cap": above,
    }
    statuses: np.ndarray = np.select([*kinds.values()], [*kinds], "priced")
    return statuses


def _with_profits(table: pd.DataFrame, case: _Case, chosen: _Choice, cap: float) -> pd.DataFrame:
    """Add what the price offered and the best lawful one earn, at the ends of the interval."""
    prices = np.stack([chosen.offer, chosen.lawful], axis=1)
    # the likelier default, the less is earned
    ends = {"amount": "probability", "low": "probability_high", "high": "probability_low"}
    earned = {name: case.earned(prices, end) for name, end in ends.items()}
    plain = earned["amount"]
    table["take_up_rate"] = np.where(chosen.declined, np.nan, plain.take_up[:, 0])
    table["taker_probability"] = np.where(chosen.declined, np.nan, plain.probability[:, 0])
    unlawful = ~(table["break_even_apr"].to_numpy() <= cap) | ~(plain.profit[:, 1] > 0)
    for place, (profit, without) in enumerate(
        {"profit": chosen.declined, "best_profit": unlawful}.items()
    ):
        for name, each in earned.items():
            table[f"{profit}_{name}"] = np.where(without, np.nan, each.profit[:, place])
    return table


def _risk(cells: pd.DataFrame) -> np.ndarray:
    """Log-odds of default of each cell above those of all applications."""
    probability = np.clip(cells["probability"].to_numpy(dtype=float), 1e-6, 1 - 1e-6)
    weight = cells["applications"].to_numpy(dtype=float)
    mean = np.average(probability, weights=weight) if weight.sum() > 0 else 0.5
    risk: np.ndarray = logit(probability) - logit(mean)
    return risk
