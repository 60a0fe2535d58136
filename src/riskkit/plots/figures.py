"""One picture a table.

Takes a table of another module and axes, or none; gives the axes, titled, named and described.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

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
from riskkit.strategy import choose_cutoff
from riskkit.target import BadDefinition

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_application_rates",
    "plot_bad_timing",
    "plot_calibration",
    "plot_cutoffs",
    "plot_hazard",
    "plot_profit",
    "plot_roc",
    "plot_scores",
    "plot_transitions",
    "plot_vintage",
]


def plot_application_rates(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Applications a month as bars; approval and bad rate as lines.

    Parameters
    ----------
    table : DataFrame
        Of :func:`schema.application_rates` by month.
    """
    ax = axes_of(ax)
    place = np.arange(len(table))
    ax.bar(place, table["applications"], color="#cfd8e1", width=0.8, label="applications")
    rates = ax.twinx()
    rates.grid(False)
    rates.spines["right"].set_visible(True)
    if (table["approval_rate"] < 1).any():
        rates.plot(place, table["approval_rate"], color=ACCENT, label="approval rate")
    rates.plot(place, table["bad_rate"], color=BAD, marker="o", ms=3, label="bad rate (labelled)")
    rates.set_ylim(0)
    rates.set_ylabel("rate")
    percent_axis(rates.yaxis)
    step = max(1, len(table) // 12)
    ax.set_xticks(
        place[::step], [label_of(v) for v in table.index[::step]], rotation=45, ha="right"
    )
    handles = [*ax.get_legend_handles_labels()[0], *rates.get_legend_handles_labels()[0]]
    ax.legend(handles=handles, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    first, last = table["applications"].iloc[[0, -1]]
    return finish(
        ax,
        "Applications by month\n",
        "month of application",
        "applications",
        f"Bars from {first:,.0f} to {last:,.0f} applications a month; lines for the rates.",
    )


def plot_bad_timing(
    timing: pd.DataFrame, definition: BadDefinition, *, ax: Axes | None = None
) -> Axes:
    """Share of the final bads shown by each month on book, a line per term, the window dashed.

    Parameters
    ----------
    timing : DataFrame
        Of :func:`schema.bad_timing`; where it is empty, the figure says so.
    definition : BadDefinition
        Whose window is drawn; a term with a window of its own has a dot there.
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


def plot_roc(
    curves: Mapping[str, pd.DataFrame],
    title: str = "ROC, out of time",
    *,
    ax: Axes | None = None,
) -> Axes:
    """Share of bads against share of goods caught from the riskiest score on.

    Parameters
    ----------
    curves : mapping of model to DataFrame
        Of :func:`metrics.roc_curve_table`: good_share, bad_share.
    title : str
        Says of which sample.
    """
    ax = axes_of(ax, (4.6, 4.4))
    for (name, curve), colour in zip(curves.items(), SERIES, strict=False):
        ax.plot(curve["good_share"], curve["bad_share"], color=colour, label=name)
    ax.plot([0, 1], [0, 1], color=MUTED, lw=1, ls="--", label="no separation")
    ax.set_aspect("equal")
    legend_outside(ax)
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    alt = f"Curves of {', '.join(curves)} above the diagonal."
    return finish(ax, title, "share of goods caught", "share of bads caught", alt)


def plot_scores(counts: pd.DataFrame, title: str, *, ax: Axes | None = None) -> Axes:
    """Distribution of the score among goods and bads.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`metrics.score_counts`.
    """
    ax = axes_of(ax, (5.6, 3.2))
    score = counts.index.to_numpy(dtype=float)
    edges = np.arange(score.min() - 0.5, score.max() + 5, 5)
    for side, colour in (("good", GOOD), ("bad", BAD)):
        height, _ = np.histogram(score, bins=edges, weights=counts[side])
        ax.stairs(height / max(height.sum(), 1), edges, color=colour, fill=True, alpha=0.45)
        ax.stairs(height / max(height.sum(), 1), edges, color=colour, label=f"{side} loans")
    percent_axis(ax.yaxis)
    legend_outside(ax)
    alt = "Bads lie at lower scores than goods where the model separates."
    return finish(ax, title, "score (5-point steps)", "share of loans", alt)


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
    """
    ax = axes_of(ax, (4.6, 4.4))
    top = 0.0
    for (name, table), colour in zip(tables.items(), SERIES, strict=False):
        rate = table["bad_rate"]
        error = np.stack([rate - table["bad_rate_low"], table["bad_rate_high"] - rate]).clip(0)
        ax.errorbar(
            table["mean_probability"], rate, yerr=error, color=colour, fmt="o", ms=4, lw=1,
            label=name,
        )  # fmt: skip
        top = max(top, table["bad_rate_high"].max(), table["mean_probability"].max())
    ax.plot([0, top], [0, top], color=MUTED, lw=1, ls="--", label="perfectly calibrated")
    ax.set(xlim=(0, top * 1.05), ylim=(0, top * 1.05))
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    legend_outside(ax)
    alt = f"Groups of equal size by predicted probability, for {', '.join(tables)}."
    return finish(ax, title, "predicted", "observed bad rate", alt)


def plot_cutoffs(
    tables: Mapping[str, pd.DataFrame],
    rate_name: str,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Bad rate of what is approved against the approval rate, one line per model.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`strategy.cutoff_table`; drawn from 50 known outcomes on.
    rate_name : str
        What the horizontal axis counts, such as "approval rate".
    """
    ax = axes_of(ax, (5.6, 3.6))
    alt = []
    for (name, table), colour in zip(tables.items(), SERIES, strict=False):
        known = table[table["good"] + table["bad"] >= 50]
        _line_of_cutoffs(ax, known, known["bad_rate"], colour, name)
        if len(known):
            all_in, few = known["bad_rate"].iloc[[0, -1]]
            alt.append(f"{name} from {few:.1%} at the safest to {all_in:.1%} with all")
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    ax.set_ylim(0)
    _cutoff_legend(ax, tables)
    text = ("; ".join(alt) or "too few outcomes are known") + "."
    return finish(ax, "Bad rate at each cutoff", rate_name, "bad rate of booked", text)


def plot_profit(
    tables: Mapping[str, pd.DataFrame],
    rate_name: str,
    currency: str,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Profit against the approval rate, one line per model.

    A full dot marks the best cutoff of those that are not inferred, a hollow one a better one that
    is.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`strategy.cutoff_table`.
    rate_name : str
        What the horizontal axis counts, such as "approval rate".
    currency : str
        Unit of the profit.
    """
    ax = axes_of(ax, (5.6, 3.6))
    largest = max((t["profit_amount"].abs().max() for t in tables.values()), default=0)
    size, unit = (1e6, "million") if largest >= 1e6 else (1e3, "thousand")
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


def _cutoff_legend(ax: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    any_inferred = any(table["inferred"].any() for table in tables.values())
    legend_outside(ax, "dotted where inferred" if any_inferred else None)


def plot_vintage(table: pd.DataFrame, title: str, *, ax: Axes | None = None) -> Axes:
    """Vintage curves, a line per cohort, older cohorts lighter.

    Parameters
    ----------
    table : DataFrame
        Of :func:`vintage.vintage_table`, or of other groups of loans: the index says which, such
        as :func:`synthetic.true_curves` by term.
    """
    import matplotlib as mpl

    ax = axes_of(ax)
    by_age = mpl.colormaps["viridis_r"](np.linspace(0.08, 0.92, max(len(table), 2)))
    for (cohort, curve), colour in zip(table.iterrows(), by_age, strict=False):
        seen = curve.dropna()
        ax.plot(seen.index, seen, color=colour, lw=1.5, label=label_of(cohort))
    percent_axis(ax.yaxis)
    ax.set_xlim(0)
    ax.set_ylim(0)
    groups = label_of(table.index.name or "cohort").replace("_", " ")
    legend_outside(ax, groups, columns=1 + len(table) // 11)
    top = table.max(axis=None, skipna=True)
    alt = f"{len(table)} lines by {groups}; the highest point is {top:.1%}." if len(table) else ""
    base = "share of the cohort" if groups == "cohort" else "share of loans"
    return finish(ax, title, "month on book", base, alt)


def plot_hazard(
    table: pd.DataFrame, *, true: pd.DataFrame | None = None, ax: Axes | None = None
) -> Axes:
    """Default hazard by month on book with its interval, and the true one where it is known.

    Parameters
    ----------
    table : DataFrame
        Of :func:`vintage.hazard_table`.
    true : DataFrame, optional
        Of :func:`synthetic.true_hazards`: hazard.
    """
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
