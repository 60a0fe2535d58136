"""Several pictures side by side: curves by part, and ratios of hazards.

Takes a table whose first level says which picture a row is of; gives the first axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.plots.style import ACCENT, BAD, MUTED, finish, label_of, percent_axis
from riskkit.vintage import until_still

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["effect_panels", "name_lines", "part_panels"]

NAME_WIDTH, NAME_HEIGHT = 45, 10  # points that the name of a line takes at its end
PLAIN = "#6b7480"  # of a line that says nothing beyond chance, and its name
SIGNIFICANT = 0.05
WIDE = 8.6
ORDERED = ("term", "grade")
# told apart by the colour-blind, but for the last, from a palette of Okabe, Ito (2008)
GROUPS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b08a2e", "#56b4e9", "#7a5c99", "#5b6673")


def part_panels(table: pd.DataFrame, title: str, told: pd.Series | None) -> Axes:
    """Curves of each kind of group in axes of their own, two beside one another.

    Parameters
    ----------
    table : DataFrame, index (by, value)
        Of :func:`segments.segment_curves`.
    title : str
    told : Series, optional
        Of :func:`segments.segment_table`, the same index: what is worse or better beyond chance is
        drawn thick, and its name says so.
    """
    import matplotlib.pyplot as plt

    kinds = list(dict.fromkeys(table.index.get_level_values(0)))
    n_rows = max((len(kinds) + 1) // 2, 1)
    size = (WIDE, 0.6 + 2.5 * n_rows)
    figure, grid = plt.subplots(n_rows, 2, figsize=size, squeeze=False)
    for ax in grid.ravel()[len(kinds) :]:
        ax.set_axis_off()
    looks: list[tuple[Axes, list[tuple[str, tuple[float, float], str]]]] = []
    for ax, kind in zip(grid.ravel(), kinds, strict=False):
        curves = table.xs(kind, level=0)
        tested = told is not None and kind in told.index.get_level_values(0)
        if not tested:  # past its term no loan is left to go bad
            curves = curves.apply(_until_still, axis=1)
        verdicts = curves.index.map(lambda value, kind=kind: _verdict(told, kind, value))
        colours = _in_order(len(curves)) if kind in ORDERED else GROUPS
        named = []
        for (value, curve), verdict, colour in zip(
            curves.iterrows(), verdicts, colours, strict=False
        ):
            seen = curve.dropna()
            ax.plot(seen.index, seen, color=colour, lw=2.6 if verdict else 1.2)
            if len(seen):
                name = f"{label_of(value).replace('_', ' ')}{verdict}"
                named.append((name, (float(seen.index[-1]), float(seen.iloc[-1])), colour))
        looks.append((ax, named))
        percent_axis(ax.yaxis)
        ax.set_xlim(0)
        ax.set_ylim(0)
        heading = label_of(kind).replace("_", " ")
        alt = f"{len(curves)} lines; the highest point is {curves.max(axis=None):.1%}."
        finish(ax, f"By {heading}", "month on book", "share of loans", alt)
        ax.set_title(f"By {heading}", size=10)
    figure.suptitle(title, x=0.01, ha="left", size=11.5, weight="bold")
    figure.tight_layout(w_pad=10)
    # where ends lie is known once the axes have their places
    for ax, named in looks:
        name_lines(ax, named, inside=True)
    return grid[0, 0]


def _until_still(curve: pd.Series) -> pd.Series:
    return curve.where(curve.index.isin(until_still(curve.to_frame().T).columns))


def _verdict(told: pd.Series | None, kind: object, value: object) -> str:
    """What stands behind a name: nothing where a difference may be chance."""
    word = "" if told is None else str(told.get((kind, value), ""))
    return {"worse beyond chance": ": worse", "better beyond chance": ": better"}.get(word, "")


def _in_order(n: int) -> list[str]:
    """Colours of values that have an order, from pale to dark."""
    import matplotlib as mpl

    return [mpl.colors.to_hex(c) for c in mpl.colormaps["viridis_r"](np.linspace(0.25, 1, n))]


def effect_panels(table: pd.DataFrame) -> Axes:
    """Ratios of the hazard by calendar and by cohort, with intervals, and with the trend in them.

    Parameters
    ----------
    table : DataFrame
        Of :func:`hazards.effect_table`.
    """
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

    figure, axes = plt.subplots(1, 2, figsize=(WIDE, 3.4), sharey=True)
    for ax, (effect, reading, heading) in zip(
        axes,
        (("calendar", "ratio_if_calendar", "By calendar: all loans at once"),
         ("cohort", "ratio_if_cohort", "By cohort: all months of its loans")),
        strict=True,
    ):  # fmt: skip
        rows = table.xs(effect, level="effect")
        at = np.arange(len(rows))
        ratio = rows["ratio"].to_numpy()
        error = np.abs(rows[["ratio_low", "ratio_high"]].to_numpy().T - ratio)
        sure = (rows["p_adjusted"] <= SIGNIFICANT).to_numpy()
        ax.axhline(1, color=MUTED, lw=1)
        for which, colour in ((~sure, ACCENT), (sure, BAD)):
            if which.any():
                ax.errorbar(at[which], ratio[which], yerr=error[:, which], color=colour, fmt="o",
                            ms=4, lw=1.2)  # fmt: skip
        ax.plot(at, rows[reading], color=PLAIN, lw=1.2, ls="--")
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(MaxNLocator(6))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
        ax.tick_params(labelleft=True)
        named = [label_of(name).replace(" to ", "–\n") for name in rows.index]
        ax.set_xticks(at, named, rotation=90, size=8)
        alt = f"{int(sure.sum())} of {len(rows)} depart from the straight trend beyond chance."
        finish(ax, heading, "", "hazard, × the trend" if effect == "calendar" else "", alt)
        ax.set_title(heading, size=10)
    figure.tight_layout()
    return axes[0]


def name_lines(
    ax: Axes, named: Sequence[tuple[str, tuple[float, float], str]], *, inside: bool = False
) -> None:
    """Names at the ends of their lines, each above the one below it where ends lie close.

    With `inside`, all of them lower where the highest would stand above the axes.
    """
    points = ax.transData.transform([end for _, end, _ in named]) if named else np.zeros((0, 2))
    points = points * 72 / ax.figure.dpi
    heights = points[:, 1] + 4
    placed: list[int] = []
    for at in map(int, np.argsort(points[:, 1], kind="stable")):
        beside = [k for k in placed if abs(points[k, 0] - points[at, 0]) < NAME_WIDTH]
        heights[at] = max([heights[at], *(heights[k] + NAME_HEIGHT for k in beside)])
        placed.append(at)
    if inside and placed:
        top = ax.transAxes.transform((0, 1))[1] * 72 / ax.figure.dpi
        heights -= max(heights.max() + NAME_HEIGHT / 2 - top, 0)
    # other lines run behind it; outlined letters would make a picture three times as large
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
    for (name, end, colour), up in zip(named, heights - points[:, 1], strict=True):
        ax.annotate(name, end, xytext=(5, up), textcoords="offset points", color=colour, size=8.5,
                    weight="bold", annotation_clip=False, bbox=ground)  # fmt: skip
