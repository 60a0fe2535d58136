"""What the pool and its cost come to, in sentences and as findings.

Takes the tables of the pool and of what money costs; gives Markdown, and findings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.columns import number_text, verbatim
from riskkit.funding.fund_pool import (
    INDEPENDENT,
    KNOWN_LENDING,
    NOT_STATED,
    TOO_FEW,
    TOO_SMALL,
)
from riskkit.funding.implied_rate import headline

__all__ = ["pool_findings", "pool_stress_text", "pool_text"]


def pool_text(
    table: pd.DataFrame,
    currency: str,
    *,
    lines: pd.DataFrame | None = None,
    level: float = 0.99,
) -> str:
    """Sentences on what the pool must hold and whether it does, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`fund_pool`.
    currency : str
    lines : DataFrame, optional
        Of :func:`pool_tables`.
    level : float
        That the table was made with.
    """
    courses = list(table.index.unique("course"))
    own = table.loc[courses[0]]
    whole = own.iloc[-1]
    days = f"{whole['horizon_days']:,.0f} days"
    text = f"So that the pool lasts {days} with {level:.0%}, its tiers must hold "
    text += f"**{_money(whole['needed_so_far'])} {verbatim(currency)}** together"
    if np.isnan(whole["held_so_far"]):
        text += "; **what it holds nobody has said** (`tiers` in the funding file)."
    else:
        text += f"; they hold {_money(whole['held_so_far'])}. "
        text += ". ".join(f"{verbatim(str(tier))}: {_told(row)}" for tier, row in own.iterrows())
        text += "."
    if whole["paid_out_so_far"] > whole["needed_so_far"]:
        text += " That counts on cash beyond the tiers being kept; were it paid out at once, they "
        text += f"would need {_money(whole['paid_out_so_far'])}."
    if lines is not None and len(lines):
        undrawn = (lines["limit_amount"] - lines["drawn_amount"]).clip(lower=0).sum()
        text += f" {_money(undrawn)} more could be drawn on lines, which is not counted."
    if {KNOWN_LENDING, INDEPENDENT} <= set(courses):
        text += _independent_text(table.loc[KNOWN_LENDING], table.loc[INDEPENDENT])
    return text


def pool_stress_text(table: pd.DataFrame, currency: str) -> str:
    """A sentence for each course that is a stress, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`fund_pool`.
    currency : str
    """
    courses = list(table.index.unique("course"))
    usual = table.loc[courses[0]].iloc[-1]["needed_so_far"]
    told = []
    for course in courses[1:]:
        row = table.loc[course].iloc[-1]
        if course in (KNOWN_LENDING, INDEPENDENT):
            continue
        more = row["needed_so_far"] - usual
        text = f"**{verbatim(str(course))}**: the tiers would need {_money(row['needed_so_far'])} "
        text += f"{verbatim(currency)}, {_money(abs(more))} {'less' if more < 0 else 'more'}"
        if row["verdict"] != NOT_STATED:
            text += f"; what they hold is {_told(row)}"
        if pd.notna(row["empty_days"]):
            text += f", half of them by day {row['empty_days']:,.0f}"
        told.append(f"- {text}.")
    return "\n".join(told) if told else "No stress of the pool is stated."


def _told(row: pd.Series) -> str:
    """Of the tiers up to one: the verdict and what it rests on."""
    rate, low, high = row[["shortfall_rate", "shortfall_low", "shortfall_high"]]
    sure = f"{rate:.1%} of the paths ({low:.1%} to {high:.1%})"
    told = f"**{row['verdict']}**, used up within {row['horizon_days']:,.0f} days on {sure}"
    if row["verdict"] == TOO_SMALL and pd.notna(row["earliest_days"]):
        told += f", the earliest twentieth of them by day {row['earliest_days']:,.0f}"
    return told


def _independent_text(common: pd.DataFrame, independent: pd.DataFrame) -> str:
    """How much more is needed since bad months are bad for all loans, lending being the same."""
    sizes = [
        (_so_far(part), _so_far(part, "low"), _so_far(part, "high"))
        for part in (common, independent)
    ]
    (needed, low, _), (alone, _, high) = sizes
    told = [f"{_money(size)} ({_money(lo)} to {_money(hi)})" for size, lo, hi in sizes]
    text = f" Were it known what will be lent, {told[0]} would be enough, and {told[1]} if "
    text += "defaults were independent of each other"
    if not low > high:
        return f"{text}: the paths are too few to say how far these are apart."
    return f"{text}: {1 - alone / needed:.0%} too little, since bad months are bad for all loans."


def _so_far(part: pd.DataFrame, end: str = "amount") -> float:
    """What all tiers of a course need together, or an end of its interval."""
    last = part.iloc[-1]
    return float(last["needed_so_far"] - last["needed_amount"] + last[f"needed_{end}"])


def _money(fen: float) -> str:
    return number_text(fen / 100, "whole")


def pool_findings(
    table: pd.DataFrame,
    implied: pd.DataFrame,
    currency: str,
    *,
    funding_rate: float,
    tolerance: float = 0.005,
) -> list[tuple[str, str, bool]]:
    """What of pool and funding deserves attention: topic, sentence, and whether it is red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`fund_pool`.
    implied : DataFrame
        Of :func:`riskkit.funding.implied_rate`; empty where no line is known.
    currency : str
    funding_rate : float
        That of the run.
    tolerance : float
        By how much, a year, it may be other than what pool and tranches imply.
    """
    told = []
    courses = list(table.index.unique("course"))
    own = table.loc[courses[0]]
    small = own[own["verdict"] == TOO_SMALL]
    for tier, row in small.head(1).iterrows():
        lacking = _money(row["needed_so_far"] - row["held_so_far"])
        rate = f"{row['shortfall_rate']:.0%} of the paths"
        sentence = f"up to {tier} it is used up within {row['horizon_days']:,.0f} days on {rate}: "
        told.append(("Fund pool", f"{sentence}{lacking} {currency} are lacking", True))
    if (own["verdict"] == TOO_FEW).any():
        told.append(("Fund pool", "the paths are too few to say whether it is enough", False))
    if own["verdict"].iloc[-1] == NOT_STATED:
        told.append(("Fund pool", "nobody has said what it holds", False))
    for course in courses[1:]:
        worst = table.loc[course].iloc[-1]
        is_stress = course not in (KNOWN_LENDING, INDEPENDENT)
        if is_stress and worst["verdict"] == TOO_SMALL and small.empty:
            sentence = f"{course}: it is used up on {worst['shortfall_rate']:.0%} of the paths"
            if pd.notna(worst["empty_days"]):
                sentence += f", by day {worst['empty_days']:,.0f} on half of them"
            told.append(("Fund pool", sentence, False))
    if len(implied) and (apart := _apart(headline(implied), funding_rate, tolerance)):
        told.append(("Cost of funds", apart, False))
    return told


def _apart(total: pd.Series, funding_rate: float, tolerance: float) -> str:
    """That the run's rate is other than the implied one; "" where it is not, or nobody can say."""
    rate, low, high = total["rate"], total["rate_low"], total["rate_high"]
    low, high = (rate if pd.isna(end) else end for end in (low, high))
    if not (low > funding_rate + tolerance or high < funding_rate - tolerance):
        return ""
    return (
        f"the run uses {funding_rate:.1%} a year, pool and tranches imply {rate:.1%}: "
        f"set -p funding_rate={rate:.3f}"
    )
