"""Pictures of a cutoff: what it approves, how that repays, what it earns, what that hangs on.

Takes a table of :mod:`riskkit.strategy` or :mod:`riskkit.metrics` and axes, or none; gives axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.metrics import jeffreys_interval
from riskkit.plots.style import (
    ACCENT,
    BAD,
    GOOD,
    MUTED,
    SERIES,
    THIRD,
    axes_of,
    count_axis,
    finish,
    legend_outside,
    money_unit,
    percent_axis,
)
from riskkit.strategy import choose_cutoff

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_cutoffs", "plot_score_bands", "plot_sensitivity"]


def plot_cutoffs(
    tables: Mapping[str, pd.DataFrame],
    rate_name: str,
    *,
    point: pd.Series | None = None,
    told: str = "of booked",
    currency: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Bad rate of what is approved against the approval rate, one line per model.

    With a currency, its profit instead: a full dot marks the best cutoff of those that are not
    inferred, a hollow one a better one that is.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`strategy.cutoff_table` or :func:`frontier.efficient_tables`; drawn from 50 known
        outcomes on.
    rate_name : str
        What the horizontal axis counts, such as "approval rate".
    point : Series, optional
        Another policy, whose name it bears: `approval_rate` and `bad_rate` with `bad_rate_low` and
        `bad_rate_high`, or `profit_amount` with `profit_low` and `profit_high`, as of
        :func:`frontier.policy_point`.
    told : str
        Whose bad rate it is.
    currency : str
        Unit of the profit.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    if currency:
        return _plot_profit(tables, rate_name, currency, point, ax)
    ax = axes_of(ax, (5.6, 3.6))
    alt = []
    for (name, table), colour in zip(tables.items(), SERIES, strict=False):
        known = table[table["good"] + table["bad"] >= 50]
        _line_of_cutoffs(ax, known, known["bad_rate"], colour, name)
        if len(known):
            all_in, few = known["bad_rate"].iloc[[0, -1]]
            alt.append(f"{name} from {few:.1%} at the safest to {all_in:.1%} with all")
    if point is not None:
        alt.append(_other_policy(ax, point, "bad_rate", "bad_rate", 1.0))
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    ax.set_ylim(0)
    _cutoff_legend(ax, tables)
    text = ("; ".join(alt) or "too few outcomes are known") + "."
    return finish(ax, "Bad rate at each cutoff", rate_name, f"bad rate {told}", text)


def _plot_profit(
    tables: Mapping[str, pd.DataFrame],
    rate_name: str,
    currency: str,
    point: pd.Series | None,
    ax: Axes | None,
) -> Axes:
    """Profit against the approval rate, one line per model."""
    ax = axes_of(ax, (5.6, 3.6))
    size, unit = money_unit(pd.DataFrame({name: t["profit_amount"] for name, t in tables.items()}))
    alt = []
    for (name, table), colour in zip(tables.items(), SERIES, strict=False):
        _line_of_cutoffs(ax, table, table["profit_amount"] / size, colour, name)
        known = table[table["bad_rate"].notna()]
        best = {
            filled: choose_cutoff(part, objective="profit")
            for filled, part in ((True, known[~known["inferred"]]), (False, known))
            if len(part)
        }
        for filled, row in best.items():
            if filled or row["inferred"]:
                face = colour if filled else "white"
                place = row["approval_rate"], row["profit_amount"] / size
                ax.plot(*place, "o", color=colour, markerfacecolor=face)
                alt.append(
                    f"{name} is best at {place[0]:.0%}{'' if filled else ', which is inferred'}"
                )
    if point is not None:
        alt.append(_other_policy(ax, point, "profit_amount", "profit", size))
    percent_axis(ax.xaxis)
    ax.axhline(0, color=MUTED, lw=1)
    _cutoff_legend(ax, tables)
    text = "; ".join(alt) + "."
    return finish(ax, "Profit at each cutoff", rate_name, f"profit, {unit} {currency}", text)


def _line_of_cutoffs(
    ax: Axes, table: pd.DataFrame, values: pd.Series, colour: str, name: str
) -> None:
    """A line over the approval rate, dotted where the cutoff is inferred."""
    ax.plot(table["approval_rate"], values, color=colour, label=name)
    # without a value a white line has a gap, not a bridge
    inferred = values.where(table["inferred"])
    ax.plot(table["approval_rate"], inferred, color="white", lw=2.2, ls=":")


def _other_policy(ax: Axes, point: pd.Series, value: str, ends: str, size: float) -> str:
    """A policy that is no cutoff, with its interval, in the colour of no model; says where."""
    place, height = float(point["approval_rate"]), float(point[value]) / size
    low, high = (float(point[f"{ends}_{end}"]) / size for end in ("low", "high"))
    ax.vlines(place, low, high, color=THIRD, lw=1.6)
    ax.plot(place, height, "D", color=THIRD, ms=6, zorder=3, label=str(point.name))
    told = f"{height:.1%}" if value == "bad_rate" else f"{point[value]:,.0f}"
    return f"{point.name} lies at {place:.0%} and {told}"


def _cutoff_legend(ax: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    any_inferred = any(table["inferred"].any() for table in tables.values())
    legend_outside(ax, "dotted where inferred" if any_inferred else None)


def plot_score_bands(
    table: pd.DataFrame,
    title: str,
    *,
    cutoff: float | None = None,
    currency: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Loans of each band of the score as bars, their bad rate with its 95 % interval as points.

    With a currency, what a loan of each band earns instead, with its interval.

    Parameters
    ----------
    table : DataFrame, index group
        Of :func:`metrics.gains_table`; with a currency one model's, index `cutoff`, of
        :func:`frontier.marginal_bands`.
    title : str
        Says of which model and sample.
    cutoff : float, optional
        Approved from there on: a line between the bands, or within one. Not with a currency.
    currency : str
        Unit of the profit.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    if currency:
        return _plot_band_profit(table, title, currency, ax)
    ax = axes_of(ax, (8.6, 3.6))
    place = np.arange(len(table))
    known = (table["good"] + table["bad"]).to_numpy(dtype=float)
    ax.bar(place, known, color="#cfd8e1", width=0.85)
    bands = [f"{row.score_low:g}–{row.score_high:g}" for row in table.itertuples()]
    ax.set_xticks(place, bands, rotation=30, ha="right")
    rates = ax.twinx()
    rates.grid(False)
    rates.spines["right"].set_visible(True)
    low, high = jeffreys_interval(table["bad"].to_numpy(float), known, 0.95)
    rates.vlines(place, low, high, color=BAD, alpha=0.4, lw=3)
    rates.plot(place, table["bad_rate"], "o", color=BAD, ms=5)
    percent_axis(rates.yaxis)
    rates.set_ylim(0)
    rates.set_ylabel("bad rate, points")
    told = ""
    if cutoff is not None and len(table):
        # as far into its band as the score is
        lows, highs = table["score_low"].to_numpy(float), table["score_high"].to_numpy(float)
        at = int(np.searchsorted(highs, cutoff).clip(0, len(highs) - 1))
        within = (cutoff - lows[at]) / max(highs[at] - lows[at] + 1, 1)
        place_of = at - 0.5 + float(np.clip(within, 0, 1))
        line = ax.axvline(place_of, color=ACCENT, lw=1.6, ls="--", label=f"cutoff {cutoff:g}")
        ax.legend(handles=[line], loc="lower right", bbox_to_anchor=(1.0, 1.0))
        told = f" The dashed line is the cutoff, {cutoff:g}."
    worst, best = (table["bad_rate"].iloc[end] for end in (0, -1)) if len(table) else (np.nan,) * 2
    alt = f"The bad rate is {worst:.1%} in the riskiest band and {best:.1%} in the safest.{told}"
    count_axis(ax.yaxis)
    return finish(ax, title, "score", "loans, bars", alt)


def _plot_band_profit(table: pd.DataFrame, title: str, currency: str, ax: Axes | None) -> Axes:
    """Profit a loan of each band, riskiest first; red where it loses beyond chance."""
    ax = axes_of(ax, (8.6, 3.6))
    own = table.sort_index()
    place = np.arange(len(own))
    value, low, high = (own[f"marginal_per_loan_{end}"] for end in ("amount", "low", "high"))
    colours = np.where(high < 0, BAD, np.where(low > 0, GOOD, MUTED))
    ax.vlines(place, low, high, color=colours, alpha=0.4, lw=3)
    ax.scatter(place, value, color=colours, s=28, zorder=3)
    ax.axhline(0, color=MUTED, lw=1)
    bands = [f"{low:g}–{high:g}" for low, high in own["score_high"].items()]
    ax.set_xticks(place, bands, rotation=30, ha="right")
    earning = [band for band, is_earning in zip(bands, low > 0, strict=True) if is_earning]
    alt = f"Beyond chance, these bands earn: {', '.join(earning) or 'none'}."
    return finish(ax, title, "score", f"profit a loan, {currency}", alt)


def plot_sensitivity(table: pd.DataFrame, currency: str, *, ax: Axes | None = None) -> Axes:
    """The best profit, and the cutoff it takes, where loans earn or lose more or less.

    Parameters
    ----------
    table : DataFrame, index (margin, loss)
        Of :func:`strategy.sensitivity_table`.
    currency : str
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    ax = axes_of(ax, (7.4, 3.2))
    size, unit = money_unit(table["profit_amount"])
    for number, (margin, own) in enumerate(table.groupby(level=0)):
        losses = own.index.get_level_values(1).to_numpy(dtype=float)
        profit = own["profit_amount"].to_numpy(dtype=float) / size
        ax.plot(losses, profit, "o-", color=SERIES[number], ms=4, label=f"{margin:g} times")
        for loss, height, cutoff in zip(losses, profit, own["cutoff"], strict=True):
            ax.annotate(f"{cutoff:.0f}", (loss, height), xytext=(0, 6), textcoords="offset points",
                        ha="center", fontsize=8, color=SERIES[number])  # fmt: skip
    ax.axhline(0, color=MUTED, lw=1)
    ax.margins(y=0.18)
    ax.set_xticks(sorted({float(loss) for loss in table.index.get_level_values(1)}))
    legend_outside(ax, "margin")
    span = table["cutoff"]
    alt = (
        f"The best cutoff lies between {span.min():.0f} and {span.max():.0f}." if len(table) else ""
    )
    axis = f"profit, {unit} {currency}"
    return finish(ax, "Best profit and its cutoff", "loss, times what is taken here", axis, alt)
