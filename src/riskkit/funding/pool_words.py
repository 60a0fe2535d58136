"""What the pool and its cost come to, in sentences and as findings.

Takes the tables of the pool and of what money costs; gives Markdown, and findings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.columns import verbatim
from riskkit.funding.fund_pool import INDEPENDENT, NOT_STATED, TOO_FEW, TOO_SMALL

__all__ = ["pool_findings", "pool_stress_text", "pool_text"]


def pool_text(table: pd.DataFrame, currency: str, *, level: float = 0.99) -> str:
    """Sentences on what the pool must hold and whether it does, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`fund_pool`.
    currency : str
    level : float
        That it was made with.
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
    if INDEPENDENT in courses[1:]:
        text += _independent_text(own, table.loc[INDEPENDENT])
    return text


def pool_stress_text(table: pd.DataFrame, currency: str) -> str:
    """A sentence for each course but the first and that of independent defaults, as Markdown.

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
        if course == INDEPENDENT:
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


def _independent_text(own: pd.DataFrame, independent: pd.DataFrame) -> str:
    needed, alone = (part["needed_so_far"].iloc[-1] for part in (own, independent))
    if not needed > 0:
        return ""
    if alone >= needed:
        return " Were defaults independent of each other, the tiers would need no less."
    return (
        f" Were defaults independent of each other, {_money(alone)} would seem enough: "
        f"{1 - alone / needed:.0%} too little, since bad months are bad for all loans at once."
    )


def _money(fen: float) -> str:
    return f"{fen / 100:,.0f}"


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
        if course != INDEPENDENT and worst["verdict"] == TOO_SMALL and small.empty:
            sentence = f"{course}: it is used up on {worst['shortfall_rate']:.0%} of the paths"
            if pd.notna(worst["empty_days"]):
                sentence += f", by day {worst['empty_days']:,.0f} on half of them"
            told.append(("Fund pool", sentence, False))
    if len(implied) and (apart := _apart(implied.iloc[-1], funding_rate, tolerance)):
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
