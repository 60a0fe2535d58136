"""The efficient frontier of several models, and where today's policy lies beside it.

Takes drawn curves; gives a row per cutoff. Every figure is expected of all the approved: known
loans by how they turned out, those never booked as known loans of their scores.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from riskkit.checks import check_level
from riskkit.frontier.curves import Curves
from riskkit.frontier.goals import normal_ends

__all__ = ["best_cutoffs", "efficient_tables", "policy_point", "quantiles"]


def best_cutoffs(curves: Curves) -> dict[str, float]:
    """Cutoff of each model that is expected to earn the most, of equal ones the safest.

    Of loans that are not to judge it: the most profitable cutoff flatters the loans that chose it.
    """
    found = {}
    for model in curves.points:
        curve = curves.curve(model)
        profit = curve.expected_profit[0]
        found[model] = float(curve.cutoffs[np.where(np.isnan(profit), -np.inf, profit).argmax()])
    return found


def efficient_tables(
    curves: Curves, tables: Mapping[str, pd.DataFrame], *, level: float = 0.95
) -> dict[str, pd.DataFrame]:
    """Expected bad rate and profit at each cutoff of each model, and which none of them betters.

    Parameters
    ----------
    curves : Curves
        Of :func:`draw_curves`.
    tables : mapping of model to DataFrame
        Of :func:`riskkit.strategy.cutoff_tables`, of the same applications.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    dict of model to DataFrame, index `cutoff` ascending
        `approval_rate`; `good`, `bad` (known outcomes) and `inferred` of the cutoff table;
        `bad_rate` and `profit_amount`, expected of all the approved, each with `_low` and `_high`;
        `is_efficient`: no cutoff of any model approves as many at a lower expected bad rate, or
        more at as low a one. :func:`riskkit.plots.plot_cutoffs` draws them.

    Raises
    ------
    ValueError
        The tables are of other models, or `level` is out of range.

    Source
    ------
    Thomas, Edelman, Crook (2002), section 7.6, for the efficient cutoff.
    """
    check_level(level)
    if list(tables) != list(curves.points):
        raise ValueError(f"tables are of {list(tables)}, curves of {list(curves.points)}")
    found = {}
    for model, table in tables.items():
        curve = curves.curve(model)
        rates, profits = curve.expected_bad_rate, curve.expected_profit
        low, high = quantiles(rates, level)
        width = [normal_ends(column, "profit", level) for column in profits.T]
        own = pd.DataFrame(
            {
                "approval_rate": curve.approval_rate[0],
                "good": curve.good[0],
                "bad": curve.bad[0],
                "bad_rate": rates[0],
                "bad_rate_low": low,
                "bad_rate_high": high,
            },
            index=pd.Index(curve.cutoffs, name="cutoff"),
        )
        own = own.join(pd.DataFrame(width, index=own.index)).sort_index()
        at = np.searchsorted(table.index.to_numpy(dtype=float), own.index.to_numpy())
        found[model] = own.assign(inferred=table["inferred"].to_numpy(dtype=bool)[at])
    every = pd.concat(found)
    approval, rate = (every[name].to_numpy() for name in ("approval_rate", "bad_rate"))
    efficient = pd.Series(_undominated(approval, rate), index=every.index)
    return {model: own.assign(is_efficient=efficient[model]) for model, own in found.items()}


def policy_point(curves: Curves, *, level: float = 0.95) -> pd.Series:
    """Where today's policy lies beside the frontier.

    Parameters
    ----------
    curves : Curves
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Series, name "today's policy", or "everybody" where nobody was declined
        `approval_rate`, `bad_rate` and `profit_amount` as in :func:`efficient_tables`, each with
        `_low` and `_high` (of a rate between quantiles, else normal over draws), and `bad`, the
        known bads.
    """
    check_level(level)
    today = curves.policy()
    found: dict[str, float] = {}
    for name in ("approval_rate", "bad_rate"):
        low, high = quantiles(today[name][:, None], level)
        found |= {name: today[name][0], f"{name}_low": low[0], f"{name}_high": high[0]}
    found |= normal_ends(today["profit"], "profit", level) | {"bad": float(curves.n_bad)}
    return pd.Series(found, name="everybody" if curves.everybody_approved else "today's policy")


def _undominated(approval: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Whether no other approves as many at a lower rate, or more at as low a one."""
    order = np.lexsort([rate, -approval])
    best = np.inf
    found = np.zeros(len(rate), dtype=bool)
    for place in order:
        if rate[place] < best:
            best, found[place] = rate[place], True
    return found


def quantiles(values: np.ndarray, level: float) -> np.ndarray:
    """Ends over the draws, a column each; NaN where any is."""
    found: np.ndarray = np.quantile(values[1:], [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return found
