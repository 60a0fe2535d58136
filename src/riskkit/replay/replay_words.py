"""What to say of a swap between two policies, and of a forecast beside what came.

Takes their tables; gives Markdown.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.columns import number_text, verbatim
from riskkit.replay.forecast import OutcomeCurve
from riskkit.replay.policy_swaps import swap_gain
from riskkit.strategy import money_text

__all__ = [
    "forecast_shown",
    "forecast_text",
    "policy_swaps_text",
    "replay_figures",
    "replay_findings",
    "replay_text",
]

_FEW_BADS = 30
# what the front page tells of a world
_TOLD = {"bad_rate": "percent2", "profit_amount": "whole"}
_FIGURES = {"approval_rate": "approval rate", "bad_rate": "bad rate", "profit_amount": "profit"}
_HEADINGS = {"predicted": "foretold", "low": "low", "high": "high", "realised": "came"}


def policy_swaps_text(swapped: pd.DataFrame, currency: str) -> str:
    """A sentence a rival on who changes places and what that is worth, as a Markdown list.

    Parameters
    ----------
    swapped : DataFrame, index (against, group)
        Of :func:`swaps_against`.
    currency : str

    Returns
    -------
    str
    """
    return "\n".join(
        f"- Against {rival}: {_swap_sentence(swapped.loc[rival], currency)}"
        for rival in swapped.index.unique("against")
    )


def _swap_sentence(swaps: pd.DataFrame, currency: str) -> str:
    into, out = swaps.loc["swapped in"], swaps.loc["swapped out"]
    if not into["applications"] and not out["applications"]:
        return "the two approve the same applications, nobody changes places."
    text = f"{into['applications']:,.0f} applications swap in and {out['applications']:,.0f} out"
    gain = swap_gain(swaps)
    if gain["n_loans"] < 20:
        return f"{text}; {gain['n_loans']} of them are loans of known outcome, too few to say more."
    row = pd.Series(gain).rename(
        {"difference": "gain_amount", "low": "gain_low", "high": "gain_high"}
    )
    amount = money_text(row, "gain", verbatim(currency), signed=True)
    verdict = "which these loans cannot tell from nothing"
    if gain["low"] > 0:
        verdict = "more than chance gives"
    elif gain["high"] < 0:
        verdict = "**a loss beyond chance**"
    text += f"; on the loans seen the new policy earns {amount}, {verdict}"
    unseen = into["applications"] - into["loans"]
    if unseen > 0:
        text += f". Of those swapped in {unseen:,.0f} have no known outcome and add nothing to that"
    return f"{text}."


def forecast_text(curve: OutcomeCurve | None) -> str:
    """What the forecast rests on, as Markdown."""
    if curve is None:
        return "Nothing is foretold: the earlier months have too few bads."
    text = f"The forecast rests on {curve.n_bad:,} bads of earlier months"
    if curve.n_bad < _FEW_BADS:
        text += ", too few to say much"
    if curve.knows_declined:
        odds = np.exp(curve.uplift + np.array([0.0, -1.96, 1.96]) * curve.uplift_error)
        return (
            f"{text}. {curve.n_explored:,} loans approved at random tell of the declined: "
            f"{odds[0]:.2f} ({odds[1]:.2f} to {odds[2]:.2f}) times the odds of bad of a granted "
            "applicant of the same score."
        )
    return (
        f"{text}. **How the declined repay, nobody has seen**: too few were approved at random, so "
        "that the interval lets their odds of bad lie between a quarter and four times those of a "
        "granted applicant of the same score."
    )


def forecast_shown(table: pd.DataFrame | None, currency: str) -> pd.DataFrame:
    """A forecast, or a replay, each figure in its own unit, for a page.

    Parameters
    ----------
    table : DataFrame, index figure or (world, figure), or None
        Of :func:`forecast` or :func:`replay_worlds`; None gives no row.
    currency : str

    Returns
    -------
    DataFrame of str
        foretold, low, high and, of a replay, came and within the interval.
    """
    if table is None:
        return pd.DataFrame(columns=["foretold", "low", "high"])
    figure = table.index.get_level_values("figure")
    rows = {}
    for column, heading in _HEADINGS.items():
        if column in table:
            rows[heading] = [
                number_text(value, "whole" if name == "profit_amount" else "percent2")
                for name, value in zip(figure, table[column], strict=True)
            ]
    shown = pd.DataFrame(rows, index=table.index)
    if "is_inside" in table:
        inside = table["is_inside"].map({True: "yes", False: "no"}).fillna("–")
        shown["within"] = inside.where(table["low"].notna(), "–").to_numpy()
    told = [
        f"{_FIGURES[name]}, {currency}" if name == "profit_amount" else _FIGURES[name]
        for name in figure
    ]
    if table.index.nlevels == 1:
        return shown.set_axis(pd.Index(told, name="figure"))
    worlds = table.index.get_level_values("world")
    return shown.set_axis(pd.MultiIndex.from_arrays([worlds, told], names=["world", "figure"]))


def replay_text(replayed: pd.DataFrame) -> str:
    """Whether what was foretold came true in each world, as a Markdown list.

    Parameters
    ----------
    replayed : DataFrame, index (world, figure)
        Of :func:`replay_worlds`.
    """
    lines = []
    for world in replayed.index.unique("world"):
        table = replayed.loc[world]
        if table["low"].isna().all():
            lines.append(f"- {world.capitalize()}: nothing was foretold.")
            continue
        parts = [
            f"{_FIGURES[str(figure)]} {'above' if row['realised'] > row['high'] else 'below'}"
            for figure, row in table[~table["is_inside"]].iterrows()
        ]
        told = f"**the forecast did not hold**: {', '.join(parts)} its interval"
        lines.append(
            f"- {world.capitalize()}: "
            f"{told if parts else 'all three figures lie within what was foretold'}."
        )
    return "\n".join(lines)


def replay_figures(replayed: pd.DataFrame, currency: str) -> dict[str, str]:
    """What came in each other world than the one there was, beside what was foretold.

    Parameters
    ----------
    replayed : DataFrame, index (world, figure)
        Of :func:`replay_worlds`.
    currency : str

    Returns
    -------
    dict of label to text
        Bad rate and profit; a world in which nothing was foretold is not told of.
    """
    figures = {}
    for world in replayed.index.unique("world")[1:]:
        table = replayed.loc[world].dropna(subset="low")
        if "bad_rate" in table.index:
            rate, profit = (_came(table.loc[name], digits) for name, digits in _TOLD.items())
            figures[f"Whole decision, {world}"] = f"bad rate {rate}; profit, {currency}, {profit}"
    return figures


def _came(row: pd.Series, digits: str) -> str:
    came, low, high = (number_text(row[name], digits) for name in ("realised", "low", "high"))
    return f"{came}, foretold {low} to {high}"


def replay_findings(replayed: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """What of the forecast did not hold in the world as it was: topic, sentence, not red.

    Parameters
    ----------
    replayed : DataFrame, index (world, figure)
        Of :func:`replay_worlds`.
    """
    table = replayed.loc[replayed.index.unique("world")[0]]
    missed = table[~table["is_inside"] & table["low"].notna()]
    return [
        (
            "Forecast",
            f"{_FIGURES[str(figure)]} came {'above' if row['realised'] > row['high'] else 'below'} "
            "the interval foretold for it",
            False,
        )
        for figure, row in missed.iterrows()
    ]
