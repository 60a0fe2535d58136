"""One picture a table.

Takes a table of another module and axes, or none; gives the axes, titled, named and described.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskkit.plots.panels import effect_panels, name_lines, part_panels
from riskkit.plots.style import (
    ACCENT,
    BAD,
    GOOD,
    MUTED,
    SERIES,
    axes_of,
    finish,
    label_of,
    legend_outside,
    percent_axis,
    shades,
)
from riskkit.vintage import until_still

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_calibration",
    "plot_hazard",
    "plot_scores",
    "plot_transitions",
    "plot_vintage",
]


# told apart by the colour-blind, on white and on black: Okabe, Ito (2008), Color Universal Design
NEWEST = (("#0072b2", "o"), ("#009e73", "^"), ("#cc79a7", "s"), ("#d55e00", "D"))
YOUNGEST = (("#7a5c99", "v"), ("#b08a2e", "P"), ("#5b6673", "X"))  # too young for a curve as a rule
OLDEST = "#8a8f96"  # no paler than its name can be read in
LEAST_MONTHS = 4  # of a curve that is named at its end
LEAST_AGE = 3  # months by which a cohort is older than the newest, to be among those in colour
MOST_LINES = 12  # that an eye can follow


def plot_scores(
    counts: pd.DataFrame,
    title: str,
    *,
    declined: pd.DataFrame | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Distribution of the score among goods, bads, and those who were declined.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`metrics.score_counts`.
    title : str
        Says of which model and sample.
    declined : DataFrame, optional
        Counts of the declined alone.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    ax = axes_of(ax, (6.4, 3.4))
    others = counts.index[:0] if declined is None else declined.index
    score = counts.index.union(others).to_numpy(dtype=float)
    # some thirty steps, of whole fives
    step = 5 * max(1, round((score.max() - score.min()) / 150)) if len(score) else 5
    edges = np.arange(score.min() - 0.5, score.max() + step, step)
    for side, colour in (("good", GOOD), ("bad", BAD)):
        height, _ = np.histogram(score, bins=edges, weights=counts[side])
        ax.stairs(height / max(height.sum(), 1), edges, color=colour, fill=True, alpha=0.45)
        ax.stairs(height / max(height.sum(), 1), edges, color=colour, label=f"{side} loans")
    if declined is not None and len(declined):
        height, _ = np.histogram(declined.index, bins=edges, weights=declined["applications"])
        share = height / height.sum()
        ax.stairs(share, edges, color="#5b6673", lw=1.6, ls="--", label="declined")
    percent_axis(ax.yaxis)
    legend_outside(ax)
    alt = "Bads lie at lower scores than goods where the model separates."
    return finish(ax, title, f"score, {step}-point steps", "share of each group", alt)


def plot_calibration(
    tables: Mapping[str, pd.DataFrame],
    title: str = "Calibration, out of time",
    *,
    ax: Axes | None = None,
) -> Axes:
    """Observed bad rate against predicted probability, with 95 % intervals.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`metrics.calibration_table`.
    title : str
        Says of which sample.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    ax = axes_of(ax, (4.6, 4.4))
    top, least = 0.0, 1.0
    for (name, table), colour in zip(tables.items(), SERIES, strict=False):
        rate = table["bad_rate"]
        error = np.stack([rate - table["bad_rate_low"], table["bad_rate_high"] - rate]).clip(0)
        ax.errorbar(
            table["mean_probability"], rate, yerr=error, color=colour, fmt="o", ms=4, lw=1,
            label=name,
        )  # fmt: skip
        top = max(top, table["bad_rate_high"].max(), table["mean_probability"].max())
        least = min(least, table["mean_probability"].min(), rate[rate > 0].min())
    # most groups are safe: on a plain axis nine of ten would stand in one corner
    floor = max(least / 2, 1e-4)
    ends = (floor, top * 1.2)
    ax.plot(ends, ends, color=MUTED, lw=1, ls="--", label="perfectly calibrated")
    ax.set(xlim=ends, ylim=ends, xscale="log", yscale="log")
    for axis in (ax.xaxis, ax.yaxis):
        _log_percents(axis)
    legend_outside(ax)
    alt = f"Groups of equal size by predicted probability, for {', '.join(tables)}."
    return finish(ax, title, "predicted", "observed bad rate", alt)


def plot_vintage(
    table: pd.DataFrame,
    title: str,
    *,
    partial: pd.DataFrame | None = None,
    told: pd.Series | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Vintage curves, a line per cohort: the newest in colours, the newest and oldest named.

    The newest are told apart by colour, marker and name, the same in every picture of the same
    cohorts, whatever is drawn of them; the earlier ones are grey, the older the paler, the oldest
    named. Of more than a dozen, the oldest, the newest and some evenly between are drawn. Lines of
    other groups are coloured by their order; groups of several kinds get a picture each, side by
    side.

    Parameters
    ----------
    table : DataFrame
        Of :func:`vintage.vintage_table`, or of other groups of loans: the index says which, such
        as :func:`synthetic.true_curves` by term, or :func:`segments.segment_curves`.
    title : str
    partial : DataFrame, optional
        The same with a lower `least_share`, or projected: what it has beyond `table` is dashed.
    told : Series, optional
        Of :func:`segments.segment_table`, for groups of several kinds: those worse or better beyond
        chance are coloured.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    if table.index.nlevels > 1:
        return part_panels(table, title, told)
    ax = axes_of(ax)
    groups = label_of(table.index.name or "cohort").replace("_", " ")
    shown = until_still(table if partial is None else partial)
    solid = table.reindex(index=shown.index, columns=shown.columns)
    looks = _cohort_looks(shown) if groups == "cohort" else _group_looks(shown)
    named = []
    for place, look in looks.items():
        name, curve, seen = shown.index[place], shown.iloc[place].dropna(), solid.iloc[place]
        seen = seen.dropna()
        dashes = curve[curve.index >= seen.index.max()] if len(seen) else curve
        ax.plot(seen.index, seen, label=label_of(name), **look["line"])
        if len(dashes) > 1 or (len(dashes) and seen.empty):
            ax.plot(dashes.index, dashes, **(look["line"] | {"ls": "--", "marker": "", "lw": 1.2}))
        if look["named"] and len(curve):
            end = curve.index[-1], curve.iloc[-1]
            named.append((label_of(name), end, str(look["line"]["color"])))
    percent_axis(ax.yaxis)
    ax.set_xlim(0)
    if named:  # room for the last name, which would stand in the legend
        ax.set_xlim(right=max(ax.get_xlim()[1], 1.13 * max(end for _, (end, _), _ in named)))
    ax.set_ylim(0)
    name_lines(ax, named)
    if len(table):
        legend_outside(ax, groups, columns=1 + len(looks) // 11)
    top = shown.max(axis=None, skipna=True)
    alt = f"{len(table)} lines by {groups}; the highest point is {top:.1%}." if len(table) else ""
    if len(looks) < len(table):
        alt += f" {len(looks)} of them are drawn."
    if partial is not None:
        alt += " Months that were not seen, or not of the whole cohort, are dashed."
    base = "share of the cohort" if groups == "cohort" else "share of loans"
    return finish(ax, title, "month on book", base, alt)


def _cohort_looks(curves: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """How each cohort that is drawn looks, by its place, the oldest first."""
    import matplotlib as mpl

    long = (curves.notna().sum(axis=1) >= LEAST_MONTHS).to_numpy()
    # by the names alone, so that a cohort looks the same in every picture
    young = _young(curves.index, long)
    newest = max(int((~young).sum()) - len(NEWEST), 0)
    last = list(range(newest, len(curves)))
    n_before = max(MOST_LINES - len(last), 1)
    before: Any = np.unique(np.linspace(0, newest - 1, n_before).round()) if newest else []
    greys = mpl.colormaps["Greys"](np.linspace(0.3, 0.62, max(newest, 1)))
    looks: dict[int, dict[str, Any]] = {}
    for place in map(int, before):
        line = {"color": OLDEST if place == 0 else mpl.colors.to_hex(greys[place]), "lw": 1.2}
        looks[place] = {"line": line, "named": place == 0}
    palette = [*NEWEST[: int((~young).sum())], *YOUNGEST]
    for place in last:
        colour, marker = palette[min(place - newest, len(palette) - 1)]
        line = {"color": colour, "marker": marker, "ms": 4, "lw": 2, "zorder": 3}
        if not long[place]:  # a cohort of a month or two has no curve yet
            line = {"color": colour, "ls": ":", "lw": 1.5}
        looks[place] = {"line": line, "named": bool(long[place])}
    return looks


def _young(cohorts: pd.Index, long: np.ndarray) -> np.ndarray:
    """Which cohorts are younger than a few months beside the newest; without dates, by curves."""
    try:
        starts = [pd.Period(label_of(name)).start_time for name in cohorts]
    except ValueError:
        return np.asarray(~long)
    if not starts:
        return np.zeros(0, dtype=bool)
    least = max(starts) - pd.DateOffset(months=LEAST_AGE)
    return np.array([start > least for start in starts])


def _group_looks(curves: pd.DataFrame) -> dict[int, dict[str, Any]]:
    """How each group that is drawn looks, by its place."""
    import matplotlib as mpl

    n_drawn = min(len(curves), MOST_LINES)
    drawn: Any = np.unique(np.linspace(0, len(curves) - 1, n_drawn).round()) if n_drawn else []
    shade = mpl.colormaps["viridis_r"](np.linspace(0.08, 0.92, max(len(curves), 2)))
    return {
        place: {"line": {"color": mpl.colors.to_hex(shade[place]), "lw": 1.5}, "named": False}
        for place in map(int, drawn)
    }


def _log_percents(axis: Any) -> None:
    """Percentages at 1, 2 and 5 of each power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}%"))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def plot_hazard(
    table: pd.DataFrame, *, true: pd.DataFrame | None = None, ax: Axes | None = None
) -> Axes:
    """Default hazard by month on book with its interval, and the true one where it is known.

    Parameters
    ----------
    table : DataFrame
        Of :func:`hazards.hazard_table`, or of :func:`hazards.effect_table`: what calendar and
        cohorts do to it.
    true : DataFrame, optional
        Of :func:`synthetic.true_hazards`: hazard.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    if "effect" in table.index.names:
        return effect_panels(table)
    ax = axes_of(ax)
    # a few stragglers past the term would set the scale for everybody
    most = table["at_risk"].max()
    seen = table[table["at_risk"] >= max(min(30, 0.5 * most), 0.05 * most)]
    ax.fill_between(
        seen.index, seen["hazard_low"], seen["hazard_high"], color=ACCENT, alpha=0.15, lw=0,
        label="95 % interval",
    )  # fmt: skip
    ax.plot(seen.index, seen["hazard"], color=ACCENT, marker="o", ms=3, label="observed")
    if true is not None:
        shown = true[true.index <= seen.index.max()]
        ax.plot(shown.index, shown["hazard"], color=BAD, ls="--", label="true")
    percent_axis(ax.yaxis)
    ax.set_ylim(0)
    legend_outside(ax)
    alt = "No loan has defaulted so far."
    if seen["hazard"].any():
        alt = f"The hazard is highest in month {seen['hazard'].idxmax()}."
    return finish(ax, "Default hazard", "month on book", "share of loans at risk", alt)


def plot_transitions(matrix: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Transition matrix as a heat map, rows now, columns next month.

    Parameters
    ----------
    matrix : DataFrame
        Of :func:`migration.transition_matrix`.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    import seaborn as sns

    ax = axes_of(ax, (8.0, 0.9 + 0.45 * len(matrix)))
    sns.heatmap(
        matrix, ax=ax, cmap=shades(), vmin=0, vmax=1, annot=True, fmt=".1%", linewidths=0.5,
        annot_kws={"size": 8.5, "color": "#333b45"}, cbar=False,
    )  # fmt: skip
    ax.grid(False)
    ax.tick_params(axis="both", rotation=0)
    # the rows say what a bucket holds; below the columns its number is enough
    short = [name.split()[0] if name in matrix.index else name for name in matrix.columns]
    ax.set_xticks(np.arange(len(short)) + 0.5, short)
    alt = "Each row sums to 1."
    return finish(ax, "Where loans are a month later", "next month", "this month", alt)
