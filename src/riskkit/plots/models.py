"""Pictures of models: what they catch, what they have learned, what more loans would bring.

Takes a table of :mod:`riskkit.metrics`, :mod:`riskkit.challenger` or :mod:`riskkit.evidence` and
axes, or none; gives the axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
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
    legend_outside,
    percent_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_cap",
    "plot_contributions",
    "plot_ks",
    "plot_learning_curve",
    "plot_partial_dependence",
    "plot_roc",
]


def plot_cap(
    curves: Mapping[str, pd.DataFrame], bad_rate: float, title: str, *, ax: Axes | None = None
) -> Axes:
    """Share of the bads among the riskiest loans, between chance and the perfect score.

    Parameters
    ----------
    curves : mapping of model to DataFrame
        Of :func:`metrics.cap_curve_table`: loan_share, bad_share.
    bad_rate : float
        Of the loans; a perfect score has caught all bads by then.
    title : str
        Says of which sample.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    ax = axes_of(ax, (4.6, 4.4))
    for (name, curve), colour in zip(curves.items(), SERIES, strict=False):
        ax.plot(curve["loan_share"], curve["bad_share"], color=colour, label=name)
    ax.plot([0, bad_rate, 1], [0, 1, 1], color=MUTED, lw=1, ls=":", label="perfect score")
    ax.plot([0, 1], [0, 1], color=MUTED, lw=1, ls="--", label="chance")
    ax.set_aspect("equal")
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    legend_outside(ax)
    caught = {name: _caught(curve, 0.1) for name, curve in curves.items()}
    told = ", ".join(f"{share:.0%} by {name}" for name, share in caught.items())
    alt = f"Of all bads, the riskiest tenth of the loans holds {told}."
    return finish(ax, title, "share of loans, riskiest first", "share of bads caught", alt)


def _caught(curve: pd.DataFrame, share: float) -> float:
    return float(np.interp(share, curve["loan_share"], curve["bad_share"]))


def plot_roc(
    curves: Mapping[str, pd.DataFrame],
    title: str,
    *,
    n_good: int = 0,
    n_bad: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Share of bads against share of goods caught from the riskiest score on.

    Parameters
    ----------
    curves : mapping of model to DataFrame
        Of :func:`metrics.roc_curve_table`: good_share, bad_share.
    title : str
        Says of which sample.
    n_good, n_bad : int
        Loans behind the curves, for the band in which 95 of 100 scores of pure chance stay at each
        point; without them there is none.
    ax : Axes, optional
        Drawn on; by default on axes of its own.

    Source
    ------
    The variance of two shares that are drawn apart, by their normal approximation.
    """
    ax = axes_of(ax, (4.6, 4.4))
    if n_good and n_bad:
        share = np.linspace(0, 1, 101)
        half = 1.96 * np.sqrt(share * (1 - share) * (1 / n_good + 1 / n_bad))
        low, high = (share - half).clip(0), (share + half).clip(max=1)
        ax.fill_between(share, low, high, color=MUTED, alpha=0.3, lw=0, label="chance, 95 %")
    for (name, curve), colour in zip(curves.items(), SERIES, strict=False):
        ax.plot(curve["good_share"], curve["bad_share"], color=colour, label=name)
    ax.plot([0, 1], [0, 1], color=MUTED, lw=1, ls="--", label="no separation")
    ax.set_aspect("equal")
    legend_outside(ax)
    percent_axis(ax.xaxis)
    percent_axis(ax.yaxis)
    alt = f"Curves of {', '.join(curves)} above the diagonal."
    return finish(ax, title, "share of goods caught", "share of bads caught", alt)


def plot_ks(curves: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Shares of goods and bads at or below each score, and where they are widest apart.

    Parameters
    ----------
    curves : mapping of model to DataFrame
        Of :func:`metrics.roc_curve_table`: score, good_share, bad_share.
    title : str
        Says of which sample.
    """
    import matplotlib.pyplot as plt

    size = (4.3 * len(curves), 3.4)
    figure, axes = plt.subplots(1, len(curves), figsize=size, squeeze=False, sharey=True)
    for ax, (name, curve) in zip(axes.flat, curves.items(), strict=True):
        seen = curve[np.isfinite(curve["score"])]
        ax.plot(seen["score"], seen["bad_share"], color=BAD, label="bads")
        ax.plot(seen["score"], seen["good_share"], color=GOOD, label="goods")
        gap = (seen["bad_share"] - seen["good_share"]).abs()
        told = ""
        if gap.notna().any():
            widest = seen.loc[gap.idxmax()]
            ax.vlines(
                widest["score"], widest["good_share"], widest["bad_share"], color=ACCENT, lw=2
            )
            told = f"KS {gap.max():.3f} at score {widest['score']:g}"
        ax.legend(loc="upper left")
        percent_axis(ax.yaxis)
        finish(ax, f"{name}: {told}" if told else name, "score", "", f"{told or 'nothing'}.")
        ax.title.set_fontsize(10)
    axes[0, 0].set_ylabel("share at or below the score")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11.5)
    figure.tight_layout()
    return figure


def plot_learning_curve(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """AUC on the same loans after learning from more and more, with its interval.

    Parameters
    ----------
    table : DataFrame, index (model, share)
        Of :func:`evidence.learning_curve`.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    ax = axes_of(ax, (6.4, 3.4))
    for number, (name, curve) in enumerate(table.groupby(level="model", sort=False)):
        colour = SERIES[number]
        ax.fill_between(
            curve["bad"], curve["auc_low"], curve["auc_high"], color=colour, alpha=0.12, lw=0
        )
        ax.plot(curve["bad"], curve["auc"], color=colour, marker="o", ms=4, label=name)
    ax.set_xlim(0)
    legend_outside(ax)
    last = table.groupby(level="model", sort=False)["auc"].last()
    alt = "AUC at the end: " + ", ".join(f"{name} {auc:.3f}" for name, auc in last.items()) + "."
    return finish(ax, "What would more loans bring?", "bads learned from", "AUC", alt)


def plot_partial_dependence(table: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Mean score along each feature's values, three features in a row, on one scale.

    Parameters
    ----------
    table : DataFrame
        Of :func:`challenger.partial_dependence`.
    labels : mapping of feature to str
    """
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(table["feature"]))
    n_rows = (len(names) + 2) // 3
    figure, axes = plt.subplots(n_rows, 3, figsize=(10.4, 2.7 * n_rows), squeeze=False, sharey=True)
    for ax, name in zip(axes.flat, names, strict=False):
        part = table[table["feature"] == name]
        plain = part[part["kind"] == "number"]
        ax.plot(
            plain["value"].astype(float), plain["mean_score"], color=ACCENT, drawstyle="steps-post"
        )
        levels = part[part["kind"] == "level"]
        # by place: two long levels may be cut to the same words
        ax.plot(range(len(levels)), levels["mean_score"], "o", color=ACCENT)
        for kind, colour in (("special", BAD), ("missing", MUTED)):
            for score in part.loc[part["kind"] == kind, "mean_score"]:
                ax.axhline(score, color=colour, lw=1.2, ls="--", label=kind)
        if len(levels):
            words = [w if len(w) <= 16 else f"{w[:15]}…" for w in levels["value"].astype(str)]
            ax.set_xticks(range(len(words)), words, rotation=45, ha="right", rotation_mode="anchor")
        handles, kinds = ax.get_legend_handles_labels()
        unique = dict(zip(kinds, handles, strict=True))
        if unique:
            ax.legend(unique.values(), unique.keys(), loc="best")
        spread = part["mean_score"].max() - part["mean_score"].min()
        # a longer line would run into the next panel's
        title = fill(labels.get(name, name), 34)
        finish(ax, title, "", "", f"The mean score spans {spread:.0f} points.")
        ax.title.set_fontsize(9.5)
    for ax in axes[:, 0]:
        ax.set_ylabel("mean score")
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    figure.tight_layout()
    return figure


def plot_contributions(
    contributions: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    top: int = 12,
    ax: Axes | None = None,
) -> Axes:
    """Points that each feature adds or takes: median, middle half and middle nine tenths of rows.

    Parameters
    ----------
    contributions : DataFrame
        Of :meth:`Challenger.contributions`.
    labels : mapping of feature to str
    top : int
        Features of the largest mean size.
    ax : Axes, optional
        Drawn on; by default on axes of its own.
    """
    points = contributions.drop(columns="base")
    size = points.abs().mean().sort_values(ascending=False, kind="stable").head(top)
    shown = points[list(size.index[::-1])]
    ax = axes_of(ax, (8.6, 1.0 + 0.28 * len(size)))
    place = np.arange(shown.shape[1])
    low, q1, middle, q3, high = (
        shown.quantile(q).to_numpy() for q in (0.05, 0.25, 0.5, 0.75, 0.95)
    )
    ax.hlines(place, low, high, color=MUTED, lw=1.5)
    ax.hlines(place, q1, q3, color=ACCENT, lw=7)
    ax.plot(middle, place, "o", color="white", ms=4)
    ax.axvline(0, color="#5b6673", lw=1)
    ax.set_yticks(place, [labels.get(str(name), str(name)) for name in shown.columns])
    ax.grid(axis="y", visible=False)
    best = size.index[0] if len(size) else ""
    alt = f"The largest on average is {labels.get(str(best), str(best))}."
    title = "What moves the score: middle half and middle nine tenths of loans"
    return finish(ax, title, "points added to the average score", "", alt)
