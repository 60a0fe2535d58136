"""What the frontier says, in words: each sentence with its interval, or that it is too few to say.

Takes the room's tables; gives Markdown. Names from outside are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from riskkit.columns import verbatim
from riskkit.frontier.goals import GOALS
from riskkit.frontier.worth import COMPARED
from riskkit.strategy import money_text

__all__ = ["bands_text", "gap_text", "goals_text", "segments_text", "worth_text"]

# fewer bads say too little of any rate or sum that rests on them
MIN_BADS = 30
_PLACES = {
    COMPARED[0]: "approving as many",
    COMPARED[1]: "at as low an expected bad rate",
    COMPARED[2]: "at the cutoff that other loans chose",
}


def bands_text(bands: pd.DataFrame, model: str, currency: str) -> str:
    """Which bands at the margin earn, which lose, and which cannot be told from nothing.

    Parameters
    ----------
    bands : DataFrame, index (model, cutoff)
        Of :func:`marginal_bands`.
    model : str
    currency : str

    Returns
    -------
    str
        Markdown.

    Raises
    ------
    ValueError
        There are no bands of that model.
    """
    if model not in bands.index.get_level_values("model"):
        raise ValueError(f"bands lack {model!r}")
    own = bands.loc[model]
    name, unit = verbatim(model), verbatim(currency)
    bads = own["marginal_bad"].sum()
    if bads < MIN_BADS:
        return f"**Too few to say** what a band of the {name} brings: {bads:.0f} bads are known."
    earns, loses = own["marginal_profit_low"] > 0, own["marginal_profit_high"] < 0
    amounts = own["marginal_per_loan_amount"]
    parts = []
    for which, verb, most in ((earns, "earn", amounts.max()), (loses, "lose", -amounts.min())):
        if which.any():
            parts.append(
                f"{_spans(own, which)} {verb}{'s' if which.sum() == 1 else ''} beyond chance, "
                f"at most {most:,.0f} {unit} a loan"
            )
    if (~earns & ~loses).any():
        parts.append(f"{_spans(own, ~earns & ~loses)} cannot be told from nothing")
    few = int(own["few"].sum())
    thin = f" Bands on fewer bads than asked for: {few}." if few else ""
    widened = ", the intervals widened for so many" if len(own) > 1 else ""
    return (
        f"Of the {len(own)} band{'s' if len(own) > 1 else ''} of the {name}{widened}: "
        f"{'; '.join(parts)}.{thin}"
    )


def goals_text(
    goals: pd.DataFrame, model: str, currency: str, *, lost_rate: float, loss_rate: float
) -> str:
    """The cutoff of each goal, and whether those that seek money agree within chance.

    Parameters
    ----------
    goals : DataFrame, index (goal, model)
        Of :func:`goal_cutoffs`.
    model : str
    currency : str
    lost_rate : float
        Of a bad loan, on average, as the expected maximum profit supposes: p1 + (1 − p0 − p1) / 2.
    loss_rate : float
        Of a bad loan, as the profit supposes.

    Raises
    ------
    ValueError
        There are no goals of that model.
    """
    if model not in goals.index.get_level_values("model"):
        raise ValueError(f"goals lack {model!r}")
    own = goals.xs(model, level="model")
    n_compared = 2 * goals.index.get_level_values("model").nunique()
    lines = [
        f"- {goal}: {_cutoff_text(row)}{_inferred(row)}"
        for goal, row in own.iterrows()
        if goal != GOALS[3] or bool(own.loc[goal, "cutoff"] != own.loc[GOALS[2], "cutoff"])
    ]
    best = own.loc[GOALS[3] if GOALS[3] in own.index else GOALS[2]]
    if pd.isna(best["cutoff"]):
        return "\n".join([f"Cutoffs of the {verbatim(model)}:", "", *lines])
    told = []
    for goal in GOALS[4:]:
        row = own.loc[goal]
        if pd.isna(row["cutoff"]):
            told.append(f"*{goal}* has no cutoff: no score is expected to earn at the margin")
            continue
        if row["apart_low"] <= 0 <= row["apart_high"]:
            told.append(f"*{goal}* agrees with the most profitable cutoff within chance")
        else:
            side = "above" if row["apart"] > 0 else "below"
            told.append(
                f"*{goal}* lies {abs(row['apart']):.0f} points {side} the most profitable cutoff, "
                f"beyond chance ({row['apart_low']:+.0f} to {row['apart_high']:+.0f})"
                f"{_less_text(row, currency)}"
            )
    text = f"Of those that seek money, {'; '.join(told)} ({n_compared} "
    text += "comparisons, their intervals widened for that)."
    apart = (
        f" Expected maximum profit supposes that {lost_rate:.1%} of a bad loan is lost on average; "
        f"the profit here supposes {loss_rate:.1%}."
        if abs(lost_rate - loss_rate) >= 0.005
        else ""
    )
    few = _few_text(float(best["bad"]))
    return "\n".join([f"Cutoffs of the {verbatim(model)}:", "", *lines, "", f"{text}{apart}{few}"])


def gap_text(gap: pd.DataFrame, model: str, currency: str) -> str:
    """How far today's policy lies from the frontier of a model, in money.

    Parameters
    ----------
    gap : DataFrame, index (uplift, model, comparison)
        Of :func:`policy_gap`.
    model : str
    currency : str

    Raises
    ------
    ValueError
        There is no gap of that model at an uplift of 1.
    """
    if (1.0, model) not in gap.index.droplevel("comparison"):
        raise ValueError(f"the gap lacks {model!r} at an uplift of 1")
    own = gap.xs(model, level="model")
    if own["bad"].iloc[0] < MIN_BADS:
        n = own["bad"].iloc[0]
        return f"**Too few to say** how far today's policy lies from the frontier: {n:.0f} bads."
    name, lines = verbatim(model), []
    for comparison, row in own.loc[1.0].iterrows():
        place = _PLACES[str(comparison)]
        if pd.isna(row["gain_amount"]):
            lines.append(f"- {place}: not known, no cutoff is expected to keep it")
            continue
        text = money_text(row, "gain", verbatim(currency), signed=True)
        lines.append(
            f"- {place} ({row['approval_rate']:.1%}, expected bad rate "
            f"{row['bad_rate']:.2%}): {text}, {_verdict(row, 'gain')}"
        )
    first = own.loc[1.0].iloc[0]
    today = "today's policy" if first["today_approval_rate"] < 1 else "approving everybody"
    text = (
        f"The {name} alone, expected profit less that of {today} (approving "
        f"{first['today_approval_rate']:.1%}, expected bad rate {first['today_bad_rate']:.2%}):"
    )
    last = "The intervals hold for all models' comparisons together."
    for uplift in own.index.get_level_values("uplift").unique().drop(1.0):
        part = own.loc[uplift]
        if part["gain_amount"].equals(own.loc[1.0, "gain_amount"]):
            continue  # everybody was seen
        sure = int((part["gain_low"] > 0).sum())
        last += (
            f" If those never booked had {uplift:g} times the odds of bad of known loans of their "
            f"scores, {sure or 'none'} of these {len(part)} would still be above 0 beyond chance."
        )
    return "\n".join([text, "", *lines, "", last])


def worth_text(worth: pd.DataFrame, points: pd.DataFrame, currency: str) -> str:
    """What the better model is worth, and a point of Gini.

    Parameters
    ----------
    worth : DataFrame, index comparison
        Of :func:`model_worth`.
    points : DataFrame, index method
        Of :func:`gini_worth`.
    currency : str
    """
    first, second = (
        name.removesuffix("_approval_rate") for name in worth if name.endswith("_approval_rate")
    )
    unit, bads = verbatim(currency), float(worth["bad"].iloc[0])
    if bads < MIN_BADS:
        return f"**Too few to say** what a better model is worth: {bads:.0f} bads are known."
    lines = []
    for comparison, row in worth.iterrows():
        place = _PLACES[str(comparison)]
        if pd.isna(row["worth_amount"]):
            lines.append(f"- {place}: not known, no cutoff is expected to keep it")
            continue
        lines.append(
            f"- {place}: {money_text(row, 'worth', unit, signed=True)}, "
            f"{row['worth_per_application']:+,.2f} an application, {_verdict(row, 'worth')}"
        )
    for method, row in points.iterrows():
        told = verbatim(str(method))
        if pd.isna(row["point_amount"]):
            lines.append(f"- a point of Gini, {told}: the Ginis cannot be told apart")
            continue
        lines.append(
            f"- a point of Gini, {told}, approving {row['approval_rate']:.1%}: "
            f"{money_text(row, 'point', unit, signed=True)}"
        )
    text = f"The {verbatim(second)} instead of the {verbatim(first)}, expected profit:"
    last = "The intervals of the first three hold together, and those of a point of Gini."
    return "\n".join([text, "", *lines, "", last])


def segments_text(
    table: pd.DataFrame, currency: str, *, refused: Mapping[str, str] | None = None
) -> str:
    """Whether cutoffs by segment pay, and what follows.

    Parameters
    ----------
    table : DataFrame, index way
        Of :func:`segment_gains`.
    currency : str
    refused : mapping of way to reason, optional
        What was not tried.

    Returns
    -------
    str
        Markdown: the verdict, then a line a way. Segments are recommended only where the lower end
        of their gain out of time lies above 0.
    """
    unit = verbatim(currency)
    lines, paying = [], []
    for way, row in table.iterrows():
        name = verbatim(str(way))
        if pd.isna(row["gain_amount"]):
            lines.append(f"- {name}: {row['reason']}")
            continue
        if pd.isna(row["gain_low"]):
            lines.append(
                f"- {name}: too few to say, the cutoffs decide differently on {row['moved']:.0f} "
                f"loans of known outcome, {row['moved_bad']:.0f} of them bad"
            )
            continue
        thin = f", on {row['moved_bad']:.0f} bads that change sides"
        lines.append(
            f"- {name}: {money_text(row, 'gain', unit, signed=True)} expected, "
            f"{_verdict(row, 'gain')}{thin if row['moved_bad'] < MIN_BADS else ''}"
        )
        if row["pays"]:
            paying.append(name)
    lines += [f"- {verbatim(way)}: {reason}" for way, reason in (refused or {}).items()]
    n = len(table)
    if not n:
        verdict = "**One cutoff**: there is nothing to cut the applicants by."
    elif paying:
        verdict = f"**Cutoffs by {' or by '.join(paying)} pay** on loans that did not choose them"
    else:
        verdict = "**One cutoff for all**: no segments earn more beyond chance"
    if n:
        verdict += f" ({n} way{'s' if n > 1 else ''} tried, the intervals widened for that)."
    return "\n".join([verdict, "", *lines]) if lines else verdict


def _verdict(row: pd.Series, name: str) -> str:
    if row[f"{name}_low"] > 0:
        return "more than chance"
    if row[f"{name}_high"] < 0:
        return "**less, beyond chance**"
    return "which cannot be told from nothing"


def _cutoff_text(row: pd.Series) -> str:
    if pd.isna(row["cutoff"]):
        return "none"
    span = f"{row['cutoff_low']:.0f} to {row['cutoff_high']:.0f}"
    return f"**{row['cutoff']:.0f}** (95 of 100 draws: {span})"


def _inferred(row: pd.Series) -> str:
    return ", inferred" if pd.notna(row["cutoff"]) and bool(row["inferred"]) else ""


def _less_text(row: pd.Series, currency: str) -> str:
    if pd.isna(row["less_amount"]) or row["less_amount"] == 0:
        return ""
    return f" and earns {money_text(row, 'less', verbatim(currency), signed=True)} beside it"


def _few_text(bads: float) -> str:
    return f" **Too few to be sure**: {bads:.0f} bads." if bads < MIN_BADS else ""


def _spans(bands: pd.DataFrame, which: pd.Series) -> str:
    """Scores of some of the bands, those side by side as one span, from the safest down."""
    run = (which != which.shift()).cumsum()[which]
    highs, lows = bands.loc[which, "score_high"].groupby(run).max(), run.groupby(run)
    ends = {key: min(group.index) for key, group in lows}
    return ", ".join(f"{ends[key]:.0f}–{high:.0f}" for key, high in highs.items())
