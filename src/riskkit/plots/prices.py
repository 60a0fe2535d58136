"""Pictures of terms: what a loan must cost and does, and what a budget of losses can fund.

Takes a table of :mod:`riskkit.offers` or :mod:`riskkit.credit_limits`; gives a figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.plots.style import (
    ACCENT,
    BAD,
    GOOD,
    MUTED,
    finish,
    legend_outside,
    money_unit,
    percent_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_budget", "plot_prices"]

_PANELS_IN_A_ROW = 3
_MOST_OF_CAP = 2.0  # a whisker that goes on beyond twice the cap would press the others flat


def plot_prices(table: pd.DataFrame) -> Figure:
    """Break-even and offered price of each grade under the cap, one panel a term.

    Whiskers are the break-even prices at the ends of the probability's 95 % interval; a cross
    stands where nothing is offered.

    Parameters
    ----------
    table : DataFrame, index (grade, term_months)
        Of :func:`offers.price_table`.
    """
    import matplotlib.pyplot as plt

    terms = sorted(table.index.unique("term_months"))
    n_columns = min(max(len(terms), 1), _PANELS_IN_A_ROW)
    n_rows = max(-(-len(terms) // n_columns), 1)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(1.4 + 2.7 * n_columns, 0.4 + 2.6 * n_rows), squeeze=False,
        sharey=True,
    )  # fmt: skip
    grades = [*dict.fromkeys(table.index.get_level_values("grade"))]
    cap = float(table["cap_apr"].iloc[0]) if len(table) else np.nan
    highest = float(np.nanmax([*table["break_even_apr"], *table["offer_apr"], cap, 0.01]))
    # what is offered and its cap are always within the picture
    top = 1.08 * np.fmax(highest, np.nanmax([*table["break_even_high"], 0.0]))
    if np.isfinite(cap):
        top = float(np.fmin(top, _MOST_OF_CAP * cap))
    for place, term in enumerate(terms):
        ax = axes.flat[place]
        own = table.xs(term, level="term_months").reindex(grades)
        alt = _plot_term(ax, own, cap, top)
        title = f"{term} month{'' if term == 1 else 's'}"
        left = "price a year" if place % n_columns == 0 else ""
        finish(ax, title, "grade" if place + n_columns >= len(terms) else "", left, alt)
    for ax in axes.flat[len(terms) :]:
        ax.set_visible(False)
    if len(terms) < axes.size:
        figure.legend(
            *axes.flat[0].get_legend_handles_labels(), loc="center",
            bbox_to_anchor=axes.flat[-1].get_position().bounds,
        )  # fmt: skip
    elif terms:
        legend_outside(axes.flat[n_columns - 1])
    figure.tight_layout()
    return figure


def _plot_term(ax: Axes, own: pd.DataFrame, cap: float, top: float) -> str:
    """One term's prices by grade; says what they are."""
    place = np.arange(len(own))
    low, high = (own[f"break_even_{end}"].to_numpy(dtype=float) for end in ("low", "high"))
    ax.vlines(place, low, np.fmin(high, 2 * top), color=BAD, alpha=0.4, lw=3)
    ax.plot(place, own["break_even_apr"], "o", color=BAD, ms=5, label="break-even, 95 %")
    offered = own["offer_apr"].to_numpy(dtype=float)
    ax.plot(place, offered, "D", color=ACCENT, ms=5, label="offered")
    nothing = own["status"].notna().to_numpy() & np.isnan(offered)
    ax.plot(place[nothing], np.full(nothing.sum(), 0.04 * top), "x", color=MUTED, ms=7, mew=2,
            label="nothing offered")  # fmt: skip
    if np.isfinite(cap):
        ax.axhline(cap, color=GOOD, lw=1.4, ls="--", label=f"cap, {cap:.1%}")
    ax.set_xticks(place, [str(grade) for grade in own.index])
    ax.set_xlim(-0.6, len(own) - 0.4)
    ax.set_ylim(0, top)
    percent_axis(ax.yaxis)
    told = [
        f"{grade} {row['break_even_apr']:.1%}, "
        + (
            "nothing is offered"
            if np.isnan(row["offer_apr"])
            else f"offered {row['offer_apr']:.1%}"
        )
        for grade, row in own[own["break_even_apr"].notna()].iterrows()
    ]
    return f"Break-even price of grade {'; '.join(told) or 'none'}."


def plot_budget(curve: pd.DataFrame, currency: str, *, budget: float | None = None) -> Figure:
    """Expected profit and amount lent by budget of expected losses, side by side.

    Parameters
    ----------
    curve : DataFrame, index budget_amount
        Of :func:`credit_limits.budget_curve`.
    currency : str
    budget : float, optional
        The one chosen: a line.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8.8, 3.3), squeeze=False)
    size, unit = money_unit(pd.Series(curve.index, dtype=float))
    name = f"budget of expected losses, {unit} {currency}"
    for ax, (column, title, colour) in zip(axes.flat, _OF_BUDGET, strict=True):
        own, own_unit = money_unit(curve[column])
        ax.plot(curve.index / size, curve[column] / own, "o-", color=colour, ms=4)
        if budget is not None:
            ax.axvline(budget / size, color=MUTED, lw=1.4, ls="--", label="chosen")
            ax.legend(loc="upper left")
        ax.set_xlim(0)
        ax.set_ylim(min(0.0, 1.05 * float(curve[column].min() / own)) if len(curve) else 0)
        least, most = (curve[column].iloc[end] if len(curve) else np.nan for end in (0, -1))
        alt = f"From {least:,.0f} at the smallest budget to {most:,.0f} at the largest."
        finish(ax, title, name, f"{own_unit} {currency}".strip(), alt)
    figure.tight_layout()
    return figure


_OF_BUDGET = (("profit_amount", "Expected profit", ACCENT), ("lent_amount", "Amount lent", GOOD))
