"""Pictures of bins: what they hold, how much they tell, whether they stay.

Takes a table of :mod:`riskkit.binning`, or the fitted binner itself, and axes, or none; gives the
axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, overload

import numpy as np
import pandas as pd

from riskkit.plots.style import (
    ACCENT,
    BAD,
    axes_of,
    finish,
    label_of,
    legend_outside,
    percent_axis,
    shades,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from riskkit.binning import WoeBinner

__all__ = ["plot_bin_order", "plot_bins", "plot_iv", "plot_stability"]

_MOST_IN_GRID = 6  # of a binner's own choice


def plot_iv(
    iv: pd.Series | WoeBinner,
    *,
    chance: pd.Series | None = None,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    min_iv: float | None = None,
) -> Axes:
    """Information value of each feature as horizontal bars, largest on top.

    Parameters
    ----------
    iv : Series, index feature, or WoeBinner
        A fitted binner gives its own.
    chance : Series, index feature, optional
        What chance exceeds one time in twenty, of :func:`riskkit.binning.chance_iv`: a mark.
    labels : mapping of feature to label, optional
    min_iv : float, optional
        A line.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    iv = iv if isinstance(iv, pd.Series) else iv.iv
    shown = iv.head(25)[::-1]
    ax = axes_of(ax, (8.6, 1.0 + 0.24 * len(shown)))
    place = range(len(shown))
    ax.barh(place, shown, color=ACCENT)
    told = labels or {}
    ax.set_yticks(place, [told.get(name, str(name)) for name in shown.index])
    ax.grid(axis="y", visible=False)
    if chance is not None:
        label = "chance exceeds this one time in twenty"
        ax.plot(chance[shown.index], place, "|", color=BAD, ms=9, mew=2, label=label)
    if min_iv is not None:
        ax.axvline(min_iv, color=BAD, lw=1.2, ls="--", label=f"least IV kept, {min_iv:g}")
    if chance is not None or min_iv is not None:
        ax.legend(loc="lower right")
    first = told.get(iv.index[0], iv.index[0]) if len(iv) else ""
    best = f"The largest is {first} with {iv.iloc[0]:.3f}." if len(iv) else ""
    return finish(ax, "Information value", "IV", "", best)


@overload
def plot_bins(table: pd.DataFrame | WoeBinner, title: str, *, ax: Axes | None = None) -> Axes: ...


@overload
def plot_bins(table: Mapping[str, pd.DataFrame] | WoeBinner) -> Figure: ...


def plot_bins(
    table: pd.DataFrame | Mapping[str, pd.DataFrame] | WoeBinner,
    title: str | None = None,
    *,
    ax: Axes | None = None,
) -> Axes | Figure:
    """Share of rows per bin as bars, bad rate as points, WoE written above.

    Of several features, without a title, a figure with two in a row.

    Parameters
    ----------
    table : DataFrame, WoeBinner, or mapping of title to DataFrame
        Of :meth:`WoeBinner.table`, or a fitted binner, without a title for its strongest 6.
    title : str, optional
        The feature's label; of a binner, the feature itself.
    ax : Axes, optional
        Drawn on; by default on axes of its own.

    Raises
    ------
    ValueError
        A single table without a title.
    """
    if isinstance(table, pd.DataFrame):
        if title is None:
            raise ValueError("title must say which feature the table is of, got None")
        return _plot_feature(table, title, ax)
    if isinstance(table, Mapping):
        return _plot_grid(table)
    if title is None:
        return _plot_grid({name: table.table(name) for name in table.iv.index[:_MOST_IN_GRID]})
    return _plot_feature(table.table(title), title, ax)


def _plot_feature(table: pd.DataFrame, title: str, ax: Axes | None) -> Axes:
    ax = axes_of(ax, (5.6, 3.2))
    table = table[table["good"] + table["bad"] > 0]
    place = np.arange(len(table))
    ax.bar(place, table["share"], color="#cfd8e1", width=0.8)
    percent_axis(ax.yaxis)
    rate = ax.twinx()
    rate.grid(False)
    ordinary = (~table.index.str.startswith("special") & (table.index != "missing")).sum()
    rate.plot(place[:ordinary], table["bad_rate"].iloc[:ordinary], color=BAD, marker="o", ms=4)
    rate.plot(place[ordinary:], table["bad_rate"].iloc[ordinary:], color=BAD, marker="D", ls="")
    rate.set_ylim(0, table["bad_rate"].max() * 1.25)
    percent_axis(rate.yaxis)
    rate.set_ylabel("bad rate", color=BAD)
    for x, (woe, height) in enumerate(zip(table["woe"], table["bad_rate"], strict=True)):
        rate.annotate(
            f"{woe:+.2f}", (x, height), xytext=(0, 5), textcoords="offset points", ha="center",
            fontsize=8,
            bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75},
        )  # fmt: skip
    names = [name if len(name) <= 22 else name[:21] + "…" for name in table.index]
    ax.set_xticks(place, names, rotation=35, ha="right", fontsize=8.5)
    low, high = table["bad_rate"].min(), table["bad_rate"].max()
    alt = f"{len(table)} bins; bad rate from {low:.1%} to {high:.1%}; WoE written at each point."
    return finish(ax, title, "", "share of rows", alt)


def _plot_grid(tables: Mapping[str, pd.DataFrame]) -> Figure:
    import matplotlib.pyplot as plt

    n_rows = (len(tables) + 1) // 2
    figure, axes = plt.subplots(n_rows, 2, figsize=(10.4, 3.4 * n_rows), squeeze=False)
    for ax, (title, table) in zip(axes.flat, tables.items(), strict=False):
        _plot_feature(table, title, ax)
    for ax in axes.flat[len(tables) :]:
        ax.set_visible(False)
    figure.tight_layout()
    return figure


def plot_stability(
    stability: pd.DataFrame,
    *,
    against: str = "the training sample",
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    top: int = 20,
) -> Axes:
    """PSI of each feature in each period as a heat map, the least stable features on top.

    Parameters
    ----------
    stability : DataFrame
        Of :func:`binning.stability` or :func:`profile.drift_table`; where it is empty, the figure
        says that there is nothing to compare.
    against : str
        What the periods are compared with.
    labels : mapping of feature to label, optional
    top : int
        At most so many features.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    import seaborn as sns

    grid = stability["psi"].unstack("period")
    grid = grid.loc[grid.max(axis=1).sort_values(ascending=False, kind="stable").index[:top]]
    grid = grid.rename(index=dict(labels or {}))
    ax = axes_of(ax, (8.6, 1.2 + 0.25 * len(grid)))
    if grid.empty:
        nothing = "no later period to compare"
        ax.text(0.5, 0.5, nothing, ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[])
        return finish(ax, f"PSI against {against}", "period", "", f"{nothing.capitalize()}.")
    sns.heatmap(
        grid, ax=ax, cmap=shades(), vmin=0, vmax=0.25, annot=True, fmt=".2f", linewidths=0.5,
        annot_kws={"size": 8, "color": "#333b45"}, cbar_kws={"label": "PSI", "fraction": 0.03},
    )  # fmt: skip
    ax.grid(False)
    ax.tick_params(axis="y", rotation=0)
    ax.tick_params(axis="x", rotation=45)
    worst = grid.max(axis=1)
    alt = f"The largest PSI is {worst.iloc[0]:.2f}, of {worst.index[0]}." if len(worst) else ""
    return finish(ax, f"PSI against {against}", "period", "", alt)


def plot_bin_order(table: pd.DataFrame, title: str, *, ax: Axes | None = None) -> Axes:
    """Bad rate of each bin of one feature over periods, the riskiest bin of fit darkest.

    Lines that keep their order are bins that keep their meaning; a ring marks a flip.

    Parameters
    ----------
    table : DataFrame, index (period, bin)
        One feature of :func:`binning.bin_stability`.
    title : str
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    import matplotlib as mpl

    ax = axes_of(ax)
    table = table[table["rows"] > 0]
    periods = list(dict.fromkeys(table.index.get_level_values("period")))
    risk = table.groupby(level="bin")[["label", "fitted_woe"]].first().sort_values("fitted_woe")
    colours = mpl.colormaps["viridis"](np.linspace(0.05, 0.92, max(len(risk), 2)))
    for (number, fitted), colour in zip(risk.iterrows(), colours, strict=False):
        course = table.xs(number, level="bin")
        place = [periods.index(period) for period in course.index]
        label = fitted["label"] if len(fitted["label"]) <= 30 else fitted["label"][:29] + "…"
        ax.plot(place, course["bad_rate"], color=colour, marker="o", ms=3, label=label)
        flips = course["flips"].to_numpy()
        ax.plot(
            np.array(place)[flips], course["bad_rate"][flips], ls="", marker="o", ms=10,
            markerfacecolor="none", color=BAD,
        )  # fmt: skip
    percent_axis(ax.yaxis)
    ax.set_ylim(0)
    ax.set_xticks(range(len(periods)), [label_of(p) for p in periods], rotation=45)
    legend_outside(ax, "bin, riskiest first")
    flipped = int(table["flips"].sum())
    alt = f"{len(risk)} bins over {len(periods)} periods; {flipped} points out of order."
    return finish(ax, title, "period", "bad rate", alt)
