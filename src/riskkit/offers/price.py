"""What to charge each grade and term, and whom to offer nothing because no lawful price pays.

Takes grades, hazards, costs, demand and a cap; gives a row for each grade and term.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import logit

from riskkit.checks import require_columns
from riskkit.offers.break_even import ENDS, HIGHEST_APR, break_even_column, break_even_table
from riskkit.offers.demand import Demand
from riskkit.offers.flows import LoanCosts, worth
from riskkit.offers.hazards import dense_hazards, event_shares, odds_shift, shifted

__all__ = ["STATUSES", "price_table"]

DEAREST_APR = 1.0  # the best price is looked for below, were there no cap
# what becomes of a cell; the last three get no offer
STATUSES = ("priced", "at cap", "cap below break-even", "no price pays", "no default seen")


def price_table(
    cells: pd.DataFrame,
    base: pd.DataFrame,
    costs: LoanCosts,
    demand: Demand,
    *,
    cap_apr: float | None = None,
    floor_apr: float = 0.029,
    step: float = 0.0025,
    method: str = "equal_instalment",
    window_months: int = 12,
) -> pd.DataFrame:
    """Offered price of each grade and term: the most profitable one that the cap allows.

    Expected profit of an application at a price = share that takes the offer × net present value
    of the loan at funding and margin, with the default odds that the price attracts. Prices are
    looked for from `floor_apr` on in steps. A cell is declined where the cap lies below break-even,
    or where no price earns; one of a term in which nobody has defaulted yet has no price.

    Parameters
    ----------
    cells : DataFrame, index (grade, term_months)
        Of :func:`offer_cells`: `applications`, `asked_amount`, `mean_amount`, `probability` at the
        list price of `demand`, and its interval.
    base, costs, method, window_months
        As in :func:`break_even_table`.
    demand : Demand
    cap_apr : float, optional
        Most that twelve times the monthly rate of return may be, `nominal_rate` of :func:`cap_on`;
        none where absent.
    floor_apr : float
        Lowest price, of a promotion for the best.
    step : float
        Between prices.

    Returns
    -------
    DataFrame, index (grade, term_months)
        Columns of `cells` and of :func:`break_even_table`; `best_apr`, the price that earns the
        most were there no cap (NaN where none earns); `cap_apr`; `offer_apr`, NaN where declined;
        `status`, of :data:`STATUSES`; `sure`: whether it would be declined, or not, at both ends of
        the probability's interval; at the offered price `take_up_rate`, `taker_probability` (of
        default, of those who take it), `profit_amount` of an application, units of the currency,
        above funding and margin, with `profit_low`, `profit_high` at the ends of the probability's
        interval, not of demand's.

    Raises
    ------
    ValueError
        As :func:`break_even_table`, or prices out of order.

    Source
    ------
    Phillips (2018), Pricing credit products; riskkit definition.
    """
    if not 0 <= floor_apr < (DEAREST_APR if cap_apr is None else cap_apr):
        raise ValueError(
            f"floor_apr must lie in [0, cap_apr), got {floor_apr!r}, {cap_apr!r}; without a cap "
            f"below {DEAREST_APR:g}"
        )
    if not step > 0:
        raise ValueError(f"step must be > 0, got {step!r}")
    require_columns(cells, ["applications", "asked_amount", *ENDS], "cells")
    table = break_even_table(cells, base, costs, method=method, window_months=window_months)
    cap = np.inf if cap_apr is None else float(cap_apr)
    grid = np.arange(floor_apr, DEAREST_APR, step).round(6)
    grid = np.unique(np.append(grid, [cap] if np.isfinite(cap) else []))
    allowed = grid <= cap

    ends = {
        end: _earned(table, base, costs, demand, grid, end, method, window_months) for end in ENDS
    }
    earned = ends["probability"]
    rows = np.arange(len(table))
    known = np.isfinite(earned.profit).all(axis=1)
    free, lawful = _best(earned.profit), _best(np.where(allowed, earned.profit, -np.inf))
    pays = np.nan_to_num(earned.profit[rows, free], nan=-np.inf) > 0
    declines = {
        end: _declined(table[break_even_column(end)], ends[end], cap_apr, allowed) for end in ENDS
    }
    declined = declines["probability"]
    at_cap = ~declined & ~allowed[free]
    table["best_apr"] = np.where(pays, grid[free], np.nan)
    table["cap_apr"] = np.nan if cap_apr is None else float(cap_apr)
    table["offer_apr"] = np.where(declined, np.nan, grid[lawful])
    kinds = [~known, declined & pays, declined, at_cap]
    named = [STATUSES[4], STATUSES[2], STATUSES[3], STATUSES[1]]
    table["status"] = np.select(kinds, named, STATUSES[0])
    table["sure"] = (declines["probability_low"] == declined) & (
        declines["probability_high"] == declined
    )
    values = {
        "take_up_rate": earned.take_up,
        "taker_probability": earned.probability,
        "profit_amount": earned.profit,
        # the likelier default, the less is earned
        "profit_low": ends["probability_high"].profit,
        "profit_high": ends["probability_low"].profit,
    }
    for name, value in values.items():
        table[name] = np.where(declined, np.nan, value[rows, lawful])
    return table


class _Earned(NamedTuple):
    """By cell and price: profit of an application, who takes the offer, and how many default."""

    profit: np.ndarray
    take_up: np.ndarray
    probability: np.ndarray


def _earned(
    cells: pd.DataFrame,
    base: pd.DataFrame,
    costs: LoanCosts,
    demand: Demand,
    grid: np.ndarray,
    end: str,
    method: str,
    window_months: int,
) -> _Earned:
    """What each price of the grid would earn in each cell at one end of the interval."""
    shape = (len(cells), len(grid))
    hazard, prepayment, terms = dense_hazards(base, cells.index)
    probability = cells[end].to_numpy(dtype=float)
    shift = odds_shift(hazard, prepayment, terms, probability, window_months)
    # a row for each cell and price
    each = np.repeat(np.arange(len(cells)), len(grid))
    price = np.tile(grid, len(cells))
    moved = shifted(hazard[each], shift[each] + demand.selection_logit(price))
    shares = event_shares(moved, prepayment[each], terms[each])
    amount = cells["mean_amount"].to_numpy(dtype=float)
    value = worth(shares, price, terms[each], method, costs, amount[each])
    take_up = demand.take_up_rate(price, _risk(cells)[each])
    profit = take_up * value * amount[each]
    defaulted = shares[0][:, : window_months + 1].sum(axis=1)
    return _Earned(*(values.reshape(shape) for values in (profit, take_up, defaulted)))


def _declined(
    break_even_apr: pd.Series, earned: _Earned, cap_apr: float | None, allowed: np.ndarray
) -> np.ndarray:
    """Cells that no lawful price pays for, at one end of the probability's interval."""
    beyond = ~(break_even_apr.to_numpy() <= (HIGHEST_APR if cap_apr is None else cap_apr))
    best = np.where(allowed, np.nan_to_num(earned.profit, nan=-np.inf), -np.inf).max(axis=1)
    declined: np.ndarray = beyond | ~(best > 0)
    return declined


def _risk(cells: pd.DataFrame) -> np.ndarray:
    """Log-odds of default of each cell above those of all applications."""
    probability = np.clip(cells["probability"].to_numpy(dtype=float), 1e-6, 1 - 1e-6)
    weight = cells["applications"].to_numpy(dtype=float)
    mean = np.average(probability, weights=weight) if weight.sum() > 0 else 0.5
    risk: np.ndarray = logit(probability) - logit(mean)
    return risk


def _best(profit: np.ndarray) -> np.ndarray:
    """Position of the most profitable price of each cell; the lowest of equal ones."""
    best: np.ndarray = np.nan_to_num(profit, nan=-np.inf).argmax(axis=1)
    return best
