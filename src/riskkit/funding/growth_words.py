"""The story of a platform that grew too fast, in words.

Takes a :class:`riskkit.funding.growth_case.GrowthCase` and the lights that turned red; gives
Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from riskkit.columns import verbatim
from riskkit.funding.growth_case import GrowthCase, first_month

__all__ = ["growth_text"]


def growth_text(
    case: GrowthCase,
    reds: pd.DataFrame,
    calm_reds: pd.DataFrame,
    labels: Mapping[str, str],
    currency: str,
) -> str:
    """What happened, when monitoring would have shown it, and what it would have saved.

    Parameters
    ----------
    case : GrowthCase
    reds, calm_reds : DataFrame
        Of :meth:`GrowthCase.reds`, of the lender with growth and without.
    labels : mapping of light to str
    currency : str

    Returns
    -------
    str
        Markdown of four paragraphs. Where the lender without growth runs out of money as well, or
        the one with growth does not, it says that the case proves nothing.

    Source
    ------
    riskkit definition.
    """
    parts = [_what_happened(case, currency)]
    parts.append(_when_it_showed(case, reds, labels))
    parts.append(_what_acting_saves(case, reds, currency))
    parts.append(_without_growth(case, calm_reds, currency))
    return "\n\n".join(parts)


def _money(fen: float, currency: str) -> str:
    return f"{fen / 100:,.0f} {verbatim(currency)}"


def _between(earlier: pd.Timestamp, later: pd.Timestamp) -> str:
    """Months between two month-ends, in words."""
    n = (later.year - earlier.year) * 12 + later.month - earlier.month
    return f"{n} month{'' if n == 1 else 's'}"


def _what_happened(case: GrowthCase, currency: str) -> str:
    ledger, platform, onset = case.ledger, case.platform, case.onset
    before = ledger["balance"][ledger.index < onset]
    peak = ledger["balance"] if case.gone is None else ledger["balance"][: case.gone]
    text = (
        f"In {onset:%B %Y} the lender loosens its policy and buys traffic: what borrowers owe "
        f"grows from {_money(before.iloc[-1], currency)} to {_money(peak.max(), currency)}, on "
        f"lines that lend {platform.advance_rate:.0%} of what performs."
    )
    limit = f"more than {platform.covenant_rate:.1%} of the balance is over "
    limit += f"{platform.performing_dpd} days late, over {platform.covenant_months} months,"
    if case.broken is not None and (case.gone is None or case.broken <= case.gone):
        text += f" In {case.broken:%B %Y} {limit} and the lines stop lending and ask to be repaid"
        text += f" within {platform.amortising_months} months."
    elif case.broken is not None:
        text += f" Only in {case.broken:%B %Y}, too late, the lines see that {limit.rstrip(',')}."
    if case.gone is None:
        return f"{text} **It never runs out of money: this case proves nothing.**"
    short = -ledger.loc[case.gone, "cash_amount"]
    # of few loans chance may break a lender before it grows
    when = f"{_between(onset, case.gone)} after"
    if case.gone < onset:
        when = f"{_between(case.gone, onset)} **before**"
    return (
        f"{text} **In {case.gone:%B %Y} the money is gone**, {when} "
        f"lending was loosened: {_money(short, currency)} are lacking for what it has promised."
    )


def _when_it_showed(case: GrowthCase, reds: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """The first lights, and the figure that looked fine meanwhile."""
    gone = case.gone if case.gone is not None else case.ledger.index[-1]
    shown = reds[reds["month"] <= gone]
    if shown.empty:
        return "**No light was red in time:** monitoring would have shown nothing."
    first = shown.iloc[0]
    same = shown[shown["month"] == first["month"]]
    named = ", ".join(verbatim(labels.get(str(name), str(name))) for name in same.index)
    text = (
        f"**Monitoring would have shown it in {first['month']:%B %Y}**, "
        f"{_between(first['month'], gone)} before: red {'were' if len(same) > 1 else 'was'} "
        f"{named}. That tells that other people are lent to."
    )
    if bool(first["is_payment"]):
        text = text.removesuffix(" That tells that other people are lent to.")
    paying = shown[shown["is_payment"]]
    if paying.empty:
        return f"{text} That they pay worse no light showed in time."
    row = paying.iloc[0]
    text += (
        f" That they pay worse showed in {row['month']:%B %Y}: "
        f"{verbatim(labels.get(str(row.name), str(row.name)))} at {row['value']:.1%} where "
        f"{row['expected']:.1%} was expected, {_between(row['month'], gone)} before the money was "
        "gone"
    )
    if case.broken is not None and row["month"] < case.broken:
        text += f" and {_between(row['month'], case.broken)} before the lines stopped"
    rates = case.ledger["balance_90_rate"]
    start, then = rates[rates.index < case.onset].iloc[-1], rates[row["month"]]
    text += f". Of the whole balance {then:.1%} was then over 90 days late, "
    if then <= start:
        return text + (
            f"less than the {start:.1%} before: loans too young to be so late swelled what it is "
            "a share of."
        )
    return f"{text}after {start:.1%} before."


def _what_acting_saves(case: GrowthCase, reds: pd.DataFrame, currency: str) -> str:
    """What would have come of it had nothing more been lent, from the light or the covenant on."""
    told = []
    paying = reds[reds["is_payment"]]
    what, acted_on = ("that light", paying) if len(paying) else ("the first light", reds)
    if len(acted_on) and (case.gone is None or acted_on["month"].iloc[0] <= case.gone):
        told.append(f"from {what} on, {_outcome(case, acted_on['month'].iloc[0], currency)}")
    if case.broken is not None:
        told.append(f"only once the lines had stopped, {_outcome(case, case.broken, currency)}")
    if not told:
        return "There was nothing to act on."
    return f"Had it lent nothing more {'; '.join(told)}."


def _outcome(case: GrowthCase, month: pd.Timestamp, currency: str) -> str:
    ledger = case.stopped(month)
    gone = first_month(ledger["cash_amount"] < 0)
    if gone is not None:
        return f"the money would have been gone in {gone:%B %Y} all the same"
    last = ledger.iloc[-1]
    repaid = first_month(ledger["debt_amount"] == 0)
    text = f"it would have lasted, with {_money(last['cash_amount'], currency)} at the end"
    return f"{text} and its lines repaid in {repaid:%B %Y}" if repaid is not None else text


def _without_growth(case: GrowthCase, calm_reds: pd.DataFrame, currency: str) -> str:
    """Whether the same lender survives where it does not grow."""
    ledger = case.calm_ledger
    gone = first_month(ledger["cash_amount"] < 0)
    if gone is not None:
        return (
            f"**The same lender without growth runs out of money as well, in {gone:%B %Y}**: it is "
            "funded too thinly for this case to prove anything of growth."
        )
    least = _money(ledger["cash_amount"].min(), currency)
    broken = first_month(ledger["is_broken"])
    covenant = "it keeps the covenant" if broken is None else f"the lines stop in {broken:%B %Y}"
    n = len(calm_reds)
    lights = "no light turned red" if not n else f"{n} light{'' if n == 1 else 's'} turned red"
    return (
        f"The same lender without growth, funded alike, never has less than {least}, {covenant}, "
        f"and {lights} in the same months."
    )
