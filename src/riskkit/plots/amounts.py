"""Money by month or by kind: lines with their bands, or parts on one another.

Takes a table of amounts in units of the currency; gives the axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskkit.plots.style import (
    ACCENT,
    BAD,
    GOOD,
    MUTED,
    SERIES,
    THIRD,
    axes_of,
    finish,
    label_of,
    legend_outside,
    money_unit,
    percent_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_amounts"]

MOST_TICKS = 13
DARK = "#333b45"
_ENDS = "_low", "_high"
# of the second, third, ... line of a colour
_DASHES = "-", (0, (5, 2)), (0, (1, 1.5))

# of few parts, the safest first
_FEW = {1: [ACCENT], 2: [ACCENT, BAD], 3: [ACCENT, THIRD, BAD], 4: [ACCENT, GOOD, THIRD, BAD]}


def plot_amounts(
    table: pd.DataFrame,
    title: str,
    currency: str,
    *,
    stacked: bool = False,
    limits: Mapping[str, float] | None = None,
    marks: Mapping[str, Any] | None = None,
    shares: pd.DataFrame | None = None,
    shares_title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Amounts month by month, a line a column, with bands; or stacked, the first at the bottom.

    Parameters
    ----------
    table : DataFrame of shape (n_months, n_lines)
        In units of the currency; the index says where: days, month-ends, or kinds such as terms.
        Columns NAME_low and NAME_high are the band of NAME. Stacked, no amount is below 0, the
        safest part comes first, and kinds are bars.
    title, currency : str
    stacked : bool
    limits : mapping of label to amount, optional
        Lines across.
    marks : mapping of label to value of the index, optional
        Lines down; months that are none of the table's are left out.
    shares : DataFrame, optional
        Fractions in a second picture below, at the same months.
    shares_title : str
    ax : Axes, optional
        Not with shares.

    Raises
    ------
    ValueError
        Stacked amounts below 0, shares at other months, or without a title.
    """
    lower = None
    if shares is not None:
        if not shares.index.equals(table.index) or not shares_title or ax is not None:
            raise ValueError("shares must be at the months of the table and have a title, alone")
        import matplotlib.pyplot as plt

        height = {"height_ratios": [3, 2]}
        figure, (ax, lower) = plt.subplots(
            2, 1, figsize=(8.6, 5.4), sharex=True, gridspec_kw=height
        )
    ax = axes_of(ax)
    size, unit = money_unit(table)
    if stacked:
        told = _stack(ax, table / size)
    else:
        told = _lines(ax, table / size, f" {unit}".rstrip())
        if (table.to_numpy(dtype=float) < 0).any():
            ax.axhline(0, color=MUTED, lw=1)
    for name, amount in (limits or {}).items():
        ax.axhline(amount / size, color=DARK, lw=1.3, ls=(0, (1, 1.5)), label=name)
    _mark(ax, table.index, marks or {}, named=True)
    x = label_of(table.index.name).replace("_", " ")
    if len(ax.get_legend_handles_labels()[0]):
        _legend(ax, reverse=stacked)
    finish(ax, title, "" if shares is not None else x, f"{unit} {currency}".strip(), told)
    if lower is not None and shares is not None:
        told = _lines(lower, 100 * shares, " %", 0.01)
        percent_axis(lower.yaxis)
        lower.set_ylim(0)
        _mark(lower, table.index, marks or {}, named=False)
        _legend(lower)
        finish(lower, shares_title, x, "share", told)
    _name_ticks(lower or ax, table.index, stacked=stacked)
    if lower is not None:
        figure.align_ylabels()
        figure.tight_layout()
    return ax


def _lines(ax: Axes, table: pd.DataFrame, unit: str, scale: float = 1.0) -> str:
    """A line a column and the bands of those that have one; says where they begin and end."""
    at = np.arange(len(table))
    bands = {f"{name}{end}" for name in table for end in _ENDS if f"{name}{end}" in table}
    ends = []
    lines = [name for name in table if name not in bands]
    for number, name in enumerate(lines):
        colour = SERIES[number % len(SERIES)]
        label = label_of(name).replace("_", " ")
        values = table[name].to_numpy(dtype=float)
        dashes = _DASHES[min(number // len(SERIES), len(_DASHES) - 1)]
        width = 2.4 if number == 0 and len(lines) > 1 else 1.8
        ax.plot(at, scale * values, color=colour, ls=dashes, lw=width, label=label)
        if {f"{name}{end}" for end in _ENDS} <= bands:
            low, high = (scale * table[f"{name}{end}"].to_numpy(dtype=float) for end in _ENDS)
            ax.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
        seen = values[~np.isnan(values)]
        if len(seen):
            ends.append(f"{label} from {seen[0]:,.4g} to {seen[-1]:,.4g}{unit}")
    return f"{'; '.join(ends) or 'Nothing is known'}."


def _stack(ax: Axes, table: pd.DataFrame) -> str:
    """Parts on one another, areas over time and bars of kinds; says how large the first is."""
    import matplotlib as mpl

    heights = table.fillna(0.0).to_numpy(dtype=float)
    if (heights < 0).any():
        raise ValueError(f"stacked amounts must be >= 0, got {heights.min():g}")
    at, below = np.arange(len(table)), np.zeros(len(table))
    # the middle of the palette is hardly seen where few parts stand beside one another
    many = mpl.colormaps["RdYlBu_r"](np.linspace(0.05, 0.95, max(table.shape[1], 2)))
    colours = _FEW.get(table.shape[1], many)
    over_time = isinstance(table.index, pd.DatetimeIndex)
    for name, height, colour in zip(table, heights.T, colours, strict=False):
        look: dict[str, Any] = {"color": colour, "label": label_of(name)}
        if over_time:
            ax.fill_between(at, below, below + height, lw=0, **look)
        else:
            ax.bar(at, height, bottom=below, width=0.75, edgecolor="white", lw=0.4, **look)
        below = below + height
    if not over_time:
        ax.grid(axis="x", visible=False)
    ax.set_ylim(0)
    total = heights.sum()
    shares = heights.sum(axis=0) / total if total else np.full(table.shape[1], np.nan)
    told = [f"{label_of(name)} {share:.1%}" for name, share in zip(table, shares, strict=True)]
    return f"Of all that is shown, {', '.join(told) or 'nothing'}."


def _mark(ax: Axes, index: pd.Index, marks: Mapping[str, Any], *, named: bool) -> None:
    """Dashed lines down; what is marked at the same place shares a name."""
    places: dict[int, list[str]] = {}
    for name, value in marks.items():
        at = int(index.get_indexer([value])[0])
        if at >= 0:
            places.setdefault(at, []).append(name)
    for at, names in places.items():
        ax.axvline(at, color="#5b6673", lw=1, ls="--")
        if named:
            ax.text(
                at, 0.98, ", ".join(names), rotation=90, va="top", fontsize=8.5,
                ha="right" if at else "left",
                transform=ax.get_xaxis_transform(), color=DARK,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            )  # fmt: skip


def _legend(ax: Axes, *, reverse: bool = False) -> None:
    """Names beside the axes, in the order in which the parts lie on one another."""
    legend_outside(ax)
    handles, names = ax.get_legend_handles_labels()
    if reverse:
        columns = 1 + len(names) // 11
        ax.legend(handles[::-1], names[::-1], ncols=columns, loc="upper left",
                  bbox_to_anchor=(1, 1))  # fmt: skip


def _name_ticks(ax: Axes, index: pd.Index, *, stacked: bool) -> None:
    """Months or days below the axes, no more than can be read."""
    names = [label_of(value) for value in index]
    if isinstance(index, pd.DatetimeIndex):
        monthly = len(index) == 0 or index.is_month_end.all()
        names = [f"{day:%Y-%m}" if monthly else f"{day:%Y-%m-%d}" for day in index]
    step = -(-len(index) // MOST_TICKS) or 1
    at = np.arange(len(index))[::step]
    if isinstance(index, pd.DatetimeIndex):
        ax.set_xticks(at, names[::step], rotation=45, ha="right")
    else:
        ax.set_xticks(at, names[::step])
    if len(index) > 1 and not (stacked and not isinstance(index, pd.DatetimeIndex)):
        ax.set_xlim(0, len(index) - 1)
