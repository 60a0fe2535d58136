"""What the pool and its cost come to, in sentences and as findings.

Takes the tables of the pool and of what money costs; gives Markdown, and findings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.columns import interval_text, number_text, verbatim
from riskkit.funding.fund_pool import (
    INDEPENDENT,
    KNOWN_LENDING,
    NOT_STATED,
    PERHAPS_WITH_LINES,
    TOO_FEW,
    TOO_SMALL,
    WITH_LINES,
)
from riskkit.funding.implied_rate import headline

__all__ = ["pool_findings", "pool_stress_text", "pool_text"]

_SMALL = TOO_SMALL, PERHAPS_WITH_LINES, WITH_LINES


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
    text += f"**{_sure(_sizes(own))} {verbatim(currency)}** together"
    if np.isnan(whole["held_so_far"]):
        text += "; **what it holds nobody has said** (`tiers` in the funding file)."
    else:
        text += f"; they hold {_money(whole['held_so_far'])}."
    if whole["paid_out_so_far"] > whole["needed_so_far"]:
        text += " That counts on cash beyond the tiers being kept; were it paid out at once, they "
        text += f"would need {_money(whole['paid_out_so_far'])}."
    if lines is not None and lines.empty:
        text += (
            " Nobody has said who funds the lender: neither interest nor repayments are counted."
        )
    elif lines is not None:
        undrawn = (lines["limit_amount"] - lines["drawn_amount"]).clip(lower=0).sum()
        text += f" {_money(undrawn)} more could be drawn on lines."
    told = [text]
    if not np.isnan(own["held_so_far"].iloc[0]):
        tiers = [f"- {verbatim(str(tier))}: {_told(row)}." for tier, row in own.iterrows()]
        told.append("\n".join(tiers))
    if {KNOWN_LENDING, INDEPENDENT} <= set(courses):
        told.append(_independent_text(table.loc[KNOWN_LENDING], table.loc[INDEPENDENT]))
    return "\n\n".join(told)


def pool_stress_text(table: pd.DataFrame, currency: str) -> str:
    """A sentence for each course that is a stress, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`fund_pool`.
    currency : str
    """
    courses = list(table.index.unique("course"))
    usual = _sizes(table.loc[courses[0]])
    told = []
    for course in courses[1:]:
        row = table.loc[course].iloc[-1]
        if course in (KNOWN_LENDING, INDEPENDENT):
            continue
        sizes = _sizes(table.loc[course])
        text = f"**{verbatim(str(course))}**: the tiers would need {_sure(sizes)} "
        text += f"{verbatim(currency)}, {_more_or_less(sizes, usual)}"
        if row["verdict"] != NOT_STATED:
            text += f"; what they hold: {_told(row)}"
        told.append(f"- {text}.")
    return "\n".join(told) if told else "No stress of the pool is stated."


def _told(row: pd.Series) -> str:
    """Of the tiers up to one: the verdict and what it rests on."""
    if row["verdict"] == NOT_STATED:
        return NOT_STATED
    rate, low, high = row[["shortfall_rate", "shortfall_low", "shortfall_high"]]
    sure = f"{rate:.1%} of the paths ({low:.1%} to {high:.1%})"
    told = f"**{row['verdict']}**, used up within {row['horizon_days']:,.0f} days on {sure}"
    if row["verdict"] in _SMALL:
        earliest, half = row["earliest_days"], row["empty_days"]
        if pd.notna(earliest) and earliest != half:
            told += f", on one in twenty by day {earliest:,.0f}"
        if pd.notna(half):
            told += f", on half of them by day {half:,.0f}"
        if row["short_with_lines_rate"] != rate:
            lined, low, high = row[[f"short_with_lines_{end}" for end in ("rate", "low", "high")]]
            told += f"; with all that lines could still lend, on {lined:.1%} "
            told += f"({low:.1%} to {high:.1%})"
            if row["verdict"] == PERHAPS_WITH_LINES:
                told += ": the paths are too few to say whether that is enough"
    return told


def _independent_text(common: pd.DataFrame, independent: pd.DataFrame) -> str:
    """How much more is needed since bad months are bad for all loans, lending being the same."""
    needed, alone = _sizes(common), _sizes(independent)
    text = f"Were it known what will be lent, {_sure(needed)} would be enough, and {_sure(alone)} "
    text += "if defaults were independent of each other"
    if not needed[1] > alone[2]:
        return f"{text}: the paths are too few to say how far these are apart."
    little = 1 - alone[0] / needed[0]
    return f"{text}: {little:.0%} too little, since bad months are bad for all loans."


def _sizes(part: pd.DataFrame) -> tuple[float, float, float]:
    """What all tiers of a course need together, with its interval."""
    last = part.iloc[-1]
    before = last["needed_so_far"] - last["needed_amount"]
    amount, low, high = (before + last[f"needed_{end}"] for end in ("amount", "low", "high"))
    return float(amount), float(low), float(high)


def _sure(sizes: tuple[float, float, float]) -> str:
    amount, low, high = (size / 100 for size in sizes)
    return interval_text(amount, low, high, "whole")


def _more_or_less(sizes: tuple[float, float, float], usual: tuple[float, float, float]) -> str:
    """By how much sizes differ from the usual ones, where their intervals lie apart."""
    difference = _money(abs(sizes[0] - usual[0]))
    if sizes[1] > usual[2]:
        return f"{difference} more than is expected"
    if sizes[2] < usual[1]:
        return f"{difference} less than is expected"
    return "no other than is expected as far as the paths tell"


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
        By how much, a year, it may be other than what lines and pool imply.
    """
    told = []
    courses = list(table.index.unique("course"))
    own = table.loc[courses[0]]
    small = own[own["verdict"].isin(_SMALL)]
    worst_first = small["verdict"].map(_SMALL.index).sort_values(kind="stable").index
    for tier, row in small.loc[worst_first].head(1).iterrows():
        lacking = _money(row["needed_so_far"] - row["held_so_far"])
        rate = f"{row['shortfall_rate']:.0%} of the paths"
        sentence = f"up to {tier} it is used up within {row['horizon_days']:,.0f} days on {rate}: "
        sentence += f"{lacking} {currency} are lacking"
        if with_lines := row["verdict"] == WITH_LINES:
            sentence += ", which lines could still lend"
        elif row["verdict"] == PERHAPS_WITH_LINES:
            sentence += "; whether lines could lend them the paths are too few to say"
        told.append(("Fund pool", sentence, not with_lines))
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
        f"the run uses {funding_rate:.1%} a year, lines and pool imply {rate:.1%}: "
        f"set -p funding_rate={rate:.3f}"
    )
