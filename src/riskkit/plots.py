"""Pictures of the tables, and the one place that styles a table.

Takes a table of another module; gives Axes, or a table that reads well in a notebook and a report.
"""

from __future__ import annotations

import html
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas.io.formats.style import Styler

__all__ = [
    "plot_application_rates",
    "plot_bins",
    "plot_bins_grid",
    "plot_calibration",
    "plot_cutoffs",
    "plot_hazard",
    "plot_iv",
    "plot_profit",
    "plot_roc",
    "plot_scores",
    "plot_stability",
    "plot_transitions",
    "plot_vintage",
    "show_table",
    "use_report_style",
]

GOOD, BAD, ACCENT, MUTED, THIRD = "#2a7f8e", "#c8553d", "#27496d", "#9aa5b1", "#b08a2e"
SERIES = (ACCENT, BAD, GOOD, THIRD, "#7a5c99", "#5b8c5a", MUTED)

_STYLE: dict[str, Any] = {
    "axes.edgecolor": "#5b6673",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": "#333b45",
    "axes.labelsize": 9.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "figure.figsize": (8.6, 3.6),
    "font.size": 9.5,
    "grid.color": "#e3e7eb",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "xtick.color": "#5b6673",
    "ytick.color": "#5b6673",
    # equal figures must give equal bytes: no random ids, no date
    "svg.hashsalt": "riskkit",
    # a label is text: a $ in it is a dollar
    "text.parse_math": False,
}


def use_report_style() -> None:
    """Set the look of figures, and in IPython send them as SVG with their alt text."""
    import matplotlib as mpl

    mpl.rcParams.update(_STYLE)  # type: ignore[arg-type]
    try:
        from IPython import get_ipython
    except ImportError:  # plots work without IPython
        return
    shell = get_ipython()
    if shell is None:
        return
    from matplotlib.figure import Figure
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats()
    shell.display_formatter.formatters["image/svg+xml"].for_type(Figure, _svg)


def _svg(figure: Figure) -> tuple[str, dict[str, str]]:
    buffer = io.StringIO()
    figure.savefig(
        buffer, format="svg", bbox_inches="tight", metadata={"Date": None, "Creator": None}
    )
    return buffer.getvalue(), {"alt": str(figure.get_label())}


def _axes(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size)[1]


def _finish(ax: Axes, title: str, x: str, y: str, alt: str) -> Axes:
    """Name the axes; the figure's label carries the alt text of all its axes."""
    ax.set(title=title, xlabel=x, ylabel=y)
    figure = ax.get_figure(root=True)
    assert figure is not None
    described = f"{title}. {alt}"
    before = str(figure.get_label())
    figure.set_label(f"{before} {described}".strip())
    return ax


def _percent(axis: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0))


def _legend_outside(ax: Axes, title: str | None = None, *, columns: int = 1) -> None:
    """Legend to the right of the axes, where it can hide no line."""
    ax.legend(title=title, ncols=columns, loc="upper left", bbox_to_anchor=(1, 1))


# -- tables --------------------------------------------------------------------------------------

FORMATS = {
    "percent": "{:.1%}",
    "percent2": "{:.2%}",
    "whole": "{:,.0f}",
    "number": "{:,.2f}",
    "three": "{:.3f}",
    "four": "{:.4f}",
    "signed": "{:+.3f}",
    "general": "{:,.6g}",
}


def show_table(
    frame: pd.DataFrame,
    formats: Mapping[str, str] | str | None = None,
    *,
    caption: str = "",
    names: Mapping[str, str] | None = None,
    heat: Sequence[str] | bool = (),
    rows: int = 40,
) -> Styler:
    """Table for a notebook or report: formatted, escaped, short.

    Parameters
    ----------
    frame : DataFrame
    formats : mapping of column to format name, or one name for all columns, optional
        One of percent, percent2, whole, number, three, four, signed, general. By default the
        column's name decides: ``_rate`` is a percentage, whole numbers get thousands separators.
    caption : str
    names : mapping, optional
        Column → heading; by default the name with spaces for underscores.
    heat : sequence of columns, or True
        Columns shaded by value; True shades the whole table on one scale.
    rows : int
        At most so many rows; a longer table is cut and the caption says so.
    """
    shown = frame.head(rows)
    # named in the corner instead of a row of its own
    corner = html.escape(" / ".join(_label(name).replace("_", " ") for name in frame.index.names))
    shown = shown.rename_axis(index=[None] * shown.index.nlevels, columns=corner or None)
    if len(shown) < len(frame):
        caption = f"{caption} (first {rows} of {len(frame):,} rows)".strip()
    chosen = {column: _format(frame[column], str(column), formats) for column in shown.columns}
    headings = {c: (names or {}).get(c, str(c).replace("_", " ")) for c in shown.columns}
    # an id from the content: two equal runs must give equal pages
    digest = pd.util.hash_array(np.array([caption, shown.to_csv()], dtype=object))
    style = shown.style.set_uuid(f"{digest[0] ^ digest[1]:016x}")
    style.cell_ids = False
    style.format(chosen, na_rep="–", escape="html")
    style.format_index(lambda value: html.escape(_label(value)), axis="index")
    style.format_index(
        lambda value: html.escape(headings.get(value, _label(value))), axis="columns"
    )
    if caption:
        style.set_caption(html.escape(caption))
    if heat is True or len(list(heat if not isinstance(heat, bool) else [])):
        columns = list(shown.columns) if heat is True else list(heat)  # type: ignore[arg-type]
        style.background_gradient(
            cmap=_shades(), subset=columns, axis=None if heat is True else 0, text_color_threshold=0
        )
        # a cell without a value has no shade
        style.map(lambda v: "background-color: transparent" if pd.isna(v) else "", subset=columns)
    words = "th.row_heading, th.index_name, td.text"
    left = [{"selector": words, "props": "text-align: left"}]
    style.set_table_styles(left)
    text = pd.DataFrame("", index=shown.index, columns=shown.columns)
    for column in shown.columns:
        if not pd.api.types.is_numeric_dtype(shown[column]):
            text[column] = "text"
    style.set_td_classes(text) if shown.index.is_unique and shown.columns.is_unique else None
    return style


def _shades() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("riskkit", ["#ffffff", "#f3c9bd", "#e08e79"])


def _label(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m}" if value.day == 1 else f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _format(column: pd.Series, name: str, formats: Mapping[str, str] | str | None) -> Any:
    if isinstance(formats, str):
        return FORMATS[formats]
    if formats is not None and name in formats:
        return FORMATS[formats[name]]
    if pd.api.types.is_bool_dtype(column):
        return lambda value: "yes" if value else "–"
    if pd.api.types.is_datetime64_any_dtype(column):
        return lambda value: _label(value)
    if not pd.api.types.is_numeric_dtype(column):
        return None
    if name == "p_value":
        return lambda value: "< 0.0001" if value < 1e-4 else f"{value:.4f}"
    if name.endswith("_rate") or "share" in name:
        return FORMATS["percent"]
    whole = pd.api.types.is_integer_dtype(column) or column.abs().max() >= 1e5
    return FORMATS["whole"] if whole else FORMATS["general"]


# -- figures -------------------------------------------------------------------------------------


def plot_application_rates(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Applications a month as bars; approval and bad rate as lines.

    Parameters
    ----------
    table : DataFrame
        Of :func:`schema.application_rates` by month.
    """
    ax = _axes(ax)
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
    _percent(rates.yaxis)
    step = max(1, len(table) // 12)
    ax.set_xticks(place[::step], [_label(v) for v in table.index[::step]], rotation=45, ha="right")
    handles = [*ax.get_legend_handles_labels()[0], *rates.get_legend_handles_labels()[0]]
    ax.legend(handles=handles, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    first, last = table["applications"].iloc[[0, -1]]
    return _finish(
        ax,
        "Applications by month\n",
        "month of application",
        "applications",
        f"Bars from {first:,.0f} to {last:,.0f} applications a month; lines for the rates.",
    )


def plot_iv(iv: pd.Series, *, ax: Axes | None = None, min_iv: float | None = None) -> Axes:
    """Information value of each feature as horizontal bars, largest on top."""
    shown = iv.head(25)[::-1]
    ax = _axes(ax, (8.6, 1.0 + 0.24 * len(shown)))
    ax.barh(list(map(str, shown.index)), shown, color=ACCENT)
    ax.grid(axis="y", visible=False)
    if min_iv is not None:
        ax.axvline(min_iv, color=BAD, lw=1.2, ls="--", label=f"least IV kept, {min_iv:g}")
        ax.legend(loc="lower right")
    best = f"The largest is {iv.index[0]} with {iv.iloc[0]:.3f}." if len(iv) else ""
    return _finish(ax, "Information value", "IV", "", best)


def plot_bins(table: pd.DataFrame, title: str, *, ax: Axes | None = None) -> Axes:
    """Share of rows per bin as bars, bad rate as points, WoE written above.

    Parameters
    ----------
    table : DataFrame
        Of :meth:`WoeBinner.table`.
    title : str
        The feature's label.
    """
    ax = _axes(ax, (5.6, 3.2))
    table = table[table["good"] + table["bad"] > 0]
    place = np.arange(len(table))
    ax.bar(place, table["share"], color="#cfd8e1", width=0.8)
    _percent(ax.yaxis)
    rate = ax.twinx()
    rate.grid(False)
    ordinary = (~table.index.str.startswith("special") & (table.index != "missing")).sum()
    rate.plot(place[:ordinary], table["bad_rate"].iloc[:ordinary], color=BAD, marker="o", ms=4)
    rate.plot(place[ordinary:], table["bad_rate"].iloc[ordinary:], color=BAD, marker="D", ls="")
    rate.set_ylim(0, table["bad_rate"].max() * 1.25)
    _percent(rate.yaxis)
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
    return _finish(ax, title, "", "share of rows", alt)


def plot_bins_grid(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Figure of :func:`plot_bins` for several features, two in a row."""
    import matplotlib.pyplot as plt

    n_rows = (len(tables) + 1) // 2
    figure, axes = plt.subplots(n_rows, 2, figsize=(10.4, 3.4 * n_rows), squeeze=False)
    for ax, (title, table) in zip(axes.flat, tables.items(), strict=False):
        plot_bins(table, title, ax=ax)
    for ax in axes.flat[len(tables) :]:
        ax.set_visible(False)
    figure.tight_layout()
    return figure


def plot_stability(stability: pd.DataFrame, *, ax: Axes | None = None, top: int = 20) -> Axes:
    """PSI of each feature in each period as a heat map, the least stable features on top.

    Parameters
    ----------
    stability : DataFrame
        Of :func:`binning.stability`.
    """
    import seaborn as sns

    grid = stability["psi"].unstack("period")
    grid = grid.loc[grid.max(axis=1).sort_values(ascending=False, kind="stable").index[:top]]
    ax = _axes(ax, (8.6, 1.2 + 0.25 * len(grid)))
    sns.heatmap(
        grid, ax=ax, cmap=_shades(), vmin=0, vmax=0.25, annot=True, fmt=".2f", linewidths=0.5,
        annot_kws={"size": 8, "color": "#333b45"}, cbar_kws={"label": "PSI", "fraction": 0.03},
    )  # fmt: skip
    ax.grid(False)
    ax.tick_params(axis="y", rotation=0)
    ax.tick_params(axis="x", rotation=45)
    worst = grid.max(axis=1)
    alt = f"The largest PSI is {worst.iloc[0]:.2f}, of {worst.index[0]}." if len(worst) else ""
    return _finish(ax, "PSI against the training sample", "period", "", alt)


def plot_roc(curves: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Share of bads against share of goods caught from the riskiest score on.

    Parameters
    ----------
    curves : mapping of model to DataFrame
        Of :func:`metrics.roc_curve_table`: good_share, bad_share.
    """
    ax = _axes(ax, (4.6, 4.4))
    for (name, curve), colour in zip(curves.items(), SERIES, strict=False):
        ax.plot(curve["good_share"], curve["bad_share"], color=colour, label=name)
    ax.plot([0, 1], [0, 1], color=MUTED, lw=1, ls="--", label="no separation")
    ax.set_aspect("equal")
    _legend_outside(ax)
    _percent(ax.xaxis)
    _percent(ax.yaxis)
    alt = f"Curves of {', '.join(curves)} above the diagonal."
    return _finish(ax, "ROC, out of time", "share of goods caught", "share of bads caught", alt)


def plot_scores(counts: pd.DataFrame, title: str, *, ax: Axes | None = None) -> Axes:
    """Distribution of the score among goods and bads.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`metrics.score_counts`.
    """
    ax = _axes(ax, (5.6, 3.2))
    score = counts.index.to_numpy(dtype=float)
    edges = np.histogram_bin_edges(score, bins=np.arange(score.min() - 0.5, score.max() + 5, 5))
    for side, colour in (("good", GOOD), ("bad", BAD)):
        height, _ = np.histogram(score, bins=edges, weights=counts[side])
        ax.stairs(height / max(height.sum(), 1), edges, color=colour, fill=True, alpha=0.45)
        ax.stairs(height / max(height.sum(), 1), edges, color=colour, label=f"{side} loans")
    _percent(ax.yaxis)
    _legend_outside(ax)
    alt = "Bads lie at lower scores than goods where the model separates."
    return _finish(ax, title, "score (5-point steps)", "share of loans", alt)


def plot_calibration(tables: Mapping[str, pd.DataFrame], *, ax: Axes | None = None) -> Axes:
    """Observed bad rate against predicted probability, with 95 % intervals.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`metrics.calibration_table`.
    """
    ax = _axes(ax, (4.6, 4.4))
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
    _percent(ax.xaxis)
    _percent(ax.yaxis)
    _legend_outside(ax)
    alt = f"Groups of equal size by predicted probability, for {', '.join(tables)}."
    return _finish(ax, "Calibration, out of time", "predicted", "observed bad rate", alt)


def plot_cutoffs(
    tables: Mapping[str, pd.DataFrame],
    rate_name: str,
    *,
    rate: str = "approval_rate",
    ax: Axes | None = None,
) -> Axes:
    """Bad rate of what is approved against the approval rate, one line per model.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`strategy.cutoff_table`.
    rate_name : str
        What the horizontal axis counts, such as "approval rate".
    rate : str
        Its column.
    """
    ax = _axes(ax, (5.6, 3.6))
    for (name, table), colour in zip(tables.items(), SERIES, strict=False):
        known = table[table["good"] + table["bad"] >= 50]
        ax.plot(known[rate], known["bad_rate"], color=colour, label=name)
        inferred = known[known["inferred"]]
        ax.plot(inferred[rate], inferred["bad_rate"], color="white", lw=2.2, ls=":")
    _percent(ax.xaxis)
    _percent(ax.yaxis)
    ax.set_ylim(0)
    any_inferred = any(table["inferred"].any() for table in tables.values())
    _legend_outside(ax, "dotted where inferred" if any_inferred else None)
    alt = f"Bad rate rises with the {rate_name}; the lower line is the better model."
    return _finish(ax, "Bad rate at each cutoff", rate_name, "bad rate of booked", alt)


def plot_profit(
    tables: Mapping[str, pd.DataFrame],
    rate_name: str,
    currency: str,
    *,
    rate: str = "approval_rate",
    ax: Axes | None = None,
) -> Axes:
    """Profit against the approval rate, one line per model, the best cutoff marked."""
    ax = _axes(ax, (5.6, 3.6))
    alt = []
    for (name, table), colour in zip(tables.items(), SERIES, strict=False):
        ax.plot(table[rate], table["profit_amount"] / 1e6, color=colour, label=name)
        best = table.loc[table["profit_amount"].idxmax()]
        ax.plot(best[rate], best["profit_amount"] / 1e6, "o", color=colour)
        alt.append(f"{name} is best at {best[rate]:.0%}")
    _percent(ax.xaxis)
    ax.axhline(0, color=MUTED, lw=1)
    _legend_outside(ax)
    text = "; ".join(alt) + "."
    return _finish(ax, "Profit at each cutoff", rate_name, f"profit, million {currency}", text)


def plot_vintage(table: pd.DataFrame, title: str, *, ax: Axes | None = None) -> Axes:
    """Vintage curves, a line per cohort, older cohorts lighter.

    Parameters
    ----------
    table : DataFrame
        Of :func:`vintage.vintage_table`.
    """
    import matplotlib as mpl

    ax = _axes(ax)
    shades = mpl.colormaps["viridis_r"](np.linspace(0.08, 0.92, max(len(table), 2)))
    for (cohort, curve), colour in zip(table.iterrows(), shades, strict=False):
        seen = curve.dropna()
        ax.plot(seen.index, seen, color=colour, lw=1.5, label=_label(cohort))
    _percent(ax.yaxis)
    ax.set_xlim(0)
    ax.set_ylim(0)
    _legend_outside(ax, "cohort", columns=1 + len(table) // 11)
    top = table.max(axis=None, skipna=True)
    alt = f"{len(table)} cohorts; the highest point is {top:.1%}." if len(table) else ""
    return _finish(ax, title, "month on book", "share of the cohort", alt)


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
    ax = _axes(ax)
    # a few stragglers past the term would set the scale for everybody
    seen = table[table["at_risk"] >= max(30, 0.01 * table["at_risk"].max())]
    ax.fill_between(
        seen.index, seen["hazard_low"], seen["hazard_high"], color=ACCENT, alpha=0.15, lw=0,
        label="95 % interval",
    )  # fmt: skip
    ax.plot(seen.index, seen["hazard"], color=ACCENT, marker="o", ms=3, label="observed")
    if true is not None:
        shown = true[true.index <= seen.index.max()]
        ax.plot(shown.index, shown["hazard"], color=BAD, ls="--", label="true")
    _percent(ax.yaxis)
    ax.set_ylim(0)
    _legend_outside(ax)
    peak = seen["hazard"].idxmax() if len(seen) else None
    alt = f"The hazard is highest in month {peak}." if peak is not None else ""
    return _finish(ax, "Default hazard", "month on book", "share of loans at risk", alt)


def plot_transitions(matrix: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Transition matrix as a heat map, rows now, columns next month.

    Parameters
    ----------
    matrix : DataFrame
        Of :func:`migration.transition_matrix`.
    """
    import seaborn as sns

    ax = _axes(ax, (8.0, 0.9 + 0.45 * len(matrix)))
    sns.heatmap(
        matrix, ax=ax, cmap=_shades(), vmin=0, vmax=1, annot=True, fmt=".1%", linewidths=0.5,
        annot_kws={"size": 8.5, "color": "#333b45"}, cbar=False,
    )  # fmt: skip
    ax.grid(False)
    ax.tick_params(axis="y", rotation=0)
    ax.tick_params(axis="x", rotation=30)
    alt = "Each row sums to 1."
    return _finish(ax, "Where loans are a month later", "next month", "this month", alt)
