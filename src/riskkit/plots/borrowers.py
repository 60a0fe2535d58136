"""Pictures of those who apply: how many, how many are left at each step, and when bads show.

Takes a table of :mod:`riskkit.profile` or :mod:`riskkit.target` and axes, or none; gives the axes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.metrics import jeffreys_interval
from riskkit.plots.style import (
    ACCENT,
    BAD,
    axes_of,
    count_axis,
    finish,
    label_of,
    legend_outside,
    percent_axis,
)
from riskkit.target import BadDefinition

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_application_rates", "plot_bad_timing", "plot_funnel"]


def plot_application_rates(table: pd.DataFrame) -> Figure:
    """Applications a month with the share approved, and below, on its own axis, the bad rate.

    Parameters
    ----------
    table : DataFrame
        Of :func:`profile.application_rates` by month.
    """
    import matplotlib.pyplot as plt

    figure, (volume, risk) = plt.subplots(2, 1, figsize=(8.6, 5.2), sharex=True)
    place = np.arange(len(table))
    volume.bar(place, table["applications"], color="#cfd8e1", width=0.8, label="applications")
    handles = volume.get_legend_handles_labels()[0]
    if (table["approval_rate"] < 1).any():
        rates = volume.twinx()
        rates.grid(False)
        rates.spines["right"].set_visible(True)
        rates.plot(place, table["approval_rate"], color=ACCENT, label="approval rate, right")
        rates.set_ylim(0, 1)
        percent_axis(rates.yaxis)
        handles += rates.get_legend_handles_labels()[0]
    volume.legend(handles=handles, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    first, last = table["applications"].iloc[[0, -1]]
    told = f"Bars from {first:,.0f} to {last:,.0f} applications a month."
    finish(volume, "Applications by month", "", "applications", told)
    count_axis(volume.yaxis)
    bads, loans = (table[name].to_numpy(dtype=float) for name in ("bad", "labelled"))
    low, high = jeffreys_interval(bads, loans, 0.95)
    judged = loans > 0
    risk.vlines(place[judged], low[judged], high[judged], color=BAD, alpha=0.35, lw=3)
    risk.plot(place[judged], table["bad_rate"][judged], "o-", color=BAD, ms=4, lw=1.2)
    percent_axis(risk.yaxis)
    risk.set_ylim(0)
    step = max(1, len(table) // 12)
    risk.set_xticks(
        place[::step], [label_of(v) for v in table.index[::step]], rotation=45, ha="right"
    )
    told = f"{judged.sum()} months of {len(table)} can be judged; bars are 95 % intervals."
    finish(risk, "Bad rate of loans that can be judged", "month of application", "bad rate", told)
    figure.tight_layout()
    return figure


def plot_funnel(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How many are left at each step from the application on.

    Parameters
    ----------
    table : DataFrame, index step
        Of :func:`profile.funnel_table`: applications, share_of_step, share_of_all.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    ax = axes_of(ax, (8.6, 0.7 + 0.45 * len(table)))
    place = np.arange(len(table))[::-1]
    ax.barh(place, table["applications"], color=ACCENT, height=0.7)
    most = table["applications"].max()
    for at, (_, row) in enumerate(table.iterrows()):
        told = f"{row['applications']:,.0f}"
        if at:
            told += f", {row['share_of_step']:.1%} of the step before"
        ax.text(row["applications"] + 0.01 * most, place[at], told, va="center", fontsize=9)
    ax.set_yticks(place, [str(step) for step in table.index])
    ax.set_xlim(0, 1.35 * most)
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)
    ax.grid(False)
    alt = "; ".join(f"{step} {n:,.0f}" for step, n in table["applications"].items()) + "."
    return finish(ax, "From application to outcome", "", "", alt)


def plot_bad_timing(
    timing: pd.DataFrame, definition: BadDefinition, *, ax: Axes | None = None
) -> Axes:
    """Share of the final bads shown by each month on book, a line per term, the window dashed.

    Parameters
    ----------
    timing : DataFrame
        Of :func:`target.bad_timing`; where it is empty, the figure says so.
    definition : BadDefinition
        Whose window is drawn; a term with a window of its own has a dot there.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    import matplotlib as mpl

    ax = axes_of(ax)
    title, axis = "When the final bads show", "share of final bads"
    if timing.empty:
        nothing = "no loan was bad among those watched to the end"
        ax.text(0.5, 0.5, nothing, ha="center", va="center", transform=ax.transAxes)
        ax.set(xticks=[], yticks=[])
        return finish(ax, title, "month on book", axis, f"{nothing.capitalize()}.")
    by_term = mpl.colormaps["viridis_r"](np.linspace(0.08, 0.92, max(len(timing), 2)))
    for (term, curve), colour in zip(timing.iterrows(), by_term, strict=False):
        ax.plot(curve.index, curve, color=colour, lw=1.5, label=str(term))
        own = (definition.by_term or {}).get(term)
        if own is not None and own <= curve.index[-1]:
            ax.plot(own, curve[own], "o", color=colour)
    window = definition.window_months
    if window is not None and window <= timing.columns[-1]:
        ax.axvline(window, color=BAD, lw=1.2, ls="--", label=f"window, {window}")
    percent_axis(ax.yaxis)
    ax.set_xlim(0)
    ax.set_ylim(0, 1.02)
    legend_outside(ax, "term, months", columns=1 + len(timing) // 11)
    half = (timing >= 0.5).idxmax(axis=1)
    alt = f"Half of the final bads have shown by month {half.min()} to {half.max()}, by term."
    return finish(ax, title, "month on book", axis, alt)
