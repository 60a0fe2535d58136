"""What to say of stress and reverse stress, and what of them deserves attention.

Takes the tables of this room; gives Markdown and findings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.columns import verbatim
from riskkit.funding.stress_table import ALL, BASE, CLIMATE

__all__ = ["stress_findings", "stress_text"]

# a climate that so many standard deviations suffice for is one to be reckoned with
# what of the funding file may be to be verified, by how its entry begins
_ASSUMED = {
    "climate": "the climate",
    "macro_effects": "the effects of macro paths",
    "lines": "lines",
    "stress": "scenarios",
    "sharing": "who shares losses",
    "deal": "the deal",
}
_NEAR_SDS = 3.0
# of what is lent, below break-even, from which on a scenario is named for it
_MORE_UNPROFITABLE = 0.02
_GONE = {"cash": "the cash is gone", "reserve": "the reserve is used up"}
_FALLS = {"profit": "the year's profit is gone", **_GONE}


def stress_text(
    summary: pd.DataFrame,
    currency: str,
    *,
    breaks: bool = False,
    reverse: pd.DataFrame | None = None,
) -> str:
    """Sentences on what a bad year does, or what breaks first, or how bad it must get, as Markdown.

    Parameters
    ----------
    summary : DataFrame
        Of :func:`riskkit.funding.stress_summary`.
    currency : str
    breaks : bool
        What breaks first, alone.
    reverse : DataFrame, optional
        Of :func:`riskkit.funding.reverse_stress`: with it, how bad it must get, alone.
    """
    if reverse is not None:
        return _reverse_text(reverse)
    if breaks:
        return _first_text(summary, currency)
    told = [f"{_base_text(summary, currency)} {_worst_text(summary, currency)}"]
    told += [_chance_text(summary), _price_text(summary), _refused_text(summary)]
    return "\n\n".join(part for part in told if part)


def _base_text(summary: pd.DataFrame, currency: str) -> str:
    base = summary.loc[BASE]
    n = int(base["months"])
    text = (
        f"As expected, the next {n} months lose **{_money(base, 'loss')} {currency}** and earn "
        f"**{_money(base, 'profit')}**"
    )
    return f"{text}."


def _chance_text(summary: pd.DataFrame) -> str:
    """What the intervals hold."""
    if np.isnan(summary.loc[BASE, "loss_low"]):
        return "How far chance may move that, so few loans **do not tell**."
    return (
        "The intervals hold the chance of single loans, not an error of what is estimated and not "
        "the climate, which is what the scenarios are for."
    )


def _worst_text(summary: pd.DataFrame, currency: str) -> str:
    single = _run(summary).drop(index=[BASE, ALL], errors="ignore")
    if single.empty:
        return "**No scenario was run**: the funding file states none that could be."
    worst = single["less_profit_amount"].idxmax()
    row = single.loc[worst]
    if not row["less_profit_amount"] > 0:
        return "No scenario lowers the profit of these months."
    text = (
        f"Of the scenarios {_named(worst)} costs most: {row['less_profit_amount'] / 100:,.0f} "
        f"{currency} of profit, with {row['more_loss_amount'] / 100:,.0f} more lost."
    )
    if ALL in summary.index:
        row = summary.loc[ALL]
        apart = row["profit_interaction_amount"]
        text += (
            f" All at once leave a profit of {_money(row, 'profit')}: "
            f"{abs(apart) / 100:,.0f} {'worse' if apart > 0 else 'better'} than their single "
            "effects add up to."
        )
    return text


def _first_text(summary: pd.DataFrame, currency: str) -> str:
    """What breaks first under each scenario, when, and how much is lacking."""
    base = summary.loc[BASE]
    if np.isnan(base["reserve_amount"]):
        return "What cash is held nobody has said: **when it would be gone cannot be told**."
    text = (
        f"As expected cash is lowest in {base['lowest_cash_month']:%B %Y}, with "
        f"{_money(base, 'lowest_cash')} {currency}"
    )
    if base["repaid_amount"] > 0:
        text += f"; of the lines {base['repaid_amount'] / 100:,.0f} falls due in these months"
    if base["undrawn_amount"] > 0:
        text += f"; {base['undrawn_amount'] / 100:,.0f} more could be drawn on lines then"
    run = _run(summary)
    months = run[[f"{one}_gone_month" for one in _GONE]].min(axis=1).dropna()
    if months.empty:
        return f"{text}. **Neither cash nor reserve is gone** under any of them."
    broken = [
        f"- {_named(name)}: {_broken_text(run.loc[name])}{_lacking_text(run.loc[name])}."
        for name in months.sort_values(kind="stable").index
    ]
    kept = [_named(name) for name in run.index.difference(months.index, sort=False)]
    if kept:
        broken.append(f"- Neither cash nor reserve is gone in {', '.join(kept)}.")
    return f"{text}. **What breaks first:**\n\n" + "\n".join(broken)


def _lacking_text(row: pd.Series) -> str:
    """How much is lacking where the cash is gone, and whether lines could lend it."""
    lacking, lines = -row["lowest_cash_amount"], row["undrawn_amount"]
    if pd.isna(row["cash_gone_month"]) or not lacking > 0:
        return ""
    text = f"; at worst {lacking / 100:,.0f} are lacking, in {row['lowest_cash_month']:%B %Y}"
    if not lines > 0:
        return f"{text}, and no line could lend them"
    if lines >= lacking:
        return f"{text}, which lines could still lend"
    return f"{text}, of which lines could still lend {lines / 100:,.0f}"


def _broken_text(row: pd.Series) -> str:
    """In order of time, what is gone and when; "" if nothing is."""
    gone = {one: row[f"{one}_gone_month"] for one in _GONE}
    gone = {one: month for one, month in gone.items() if pd.notna(month)}
    return ", ".join(
        f"{_GONE[one]} in {month:%B %Y}"
        for one, month in sorted(gone.items(), key=lambda item: item[1])
    )


def _price_text(summary: pd.DataFrame) -> str:
    """Where more is lent than in the base at prices that do not pay for it."""
    base = summary.loc[BASE, "unprofitable_rate"]
    rates = _run(summary)["unprofitable_rate"].drop(index=[BASE, ALL], errors="ignore").dropna()
    rates = rates[rates >= base + _MORE_UNPROFITABLE].sort_values(ascending=False, kind="stable")
    if rates.empty:
        return ""
    told = ", ".join(f"{rate:.0%} under {_named(name)}" for name, rate in rates.items())
    return f"Of what is lent, {base:.0%} brings less than it costs in the base; {told}."


def _refused_text(summary: pd.DataFrame) -> str:
    refused = summary["not_run"][summary["not_run"] != ""]
    told = [f"{verbatim(str(name))} ({verbatim(why)})" for name, why in refused.items()]
    return f"**Not run**: {'; '.join(told)}." if told else ""


def _reverse_text(reverse: pd.DataFrame) -> str:
    """How bad it must get, in the order in which it bites."""
    told = []
    run = reverse[reverse["not_run"] == ""]
    for target, rows in run.groupby(level="target", sort=False):
        what, rows = _FALLS[str(target)], rows.droplevel("target")
        parts = [_climate_text(rows.loc[CLIMATE], what)] if CLIMATE in rows.index else []
        others = rows.drop(index=CLIMATE, errors="ignore")
        severity = others["severity"].dropna().sort_values(kind="stable")
        for start, found in (
            ("Before it is as bad as stated, at", severity[severity < 1]),
            ("At", severity[severity >= 1]),
        ):
            if len(found):
                times = (f"{value:.2f} times {_named(name)}" for name, value in found.items())
                parts.append(f"{start} {', '.join(times)}.")
        never = [_named(name) for name in others.index.difference(severity.index, sort=False)]
        if never:
            most = others["tried_to"].max()
            parts.append(f"Not at {most:.0f} times what is stated: {', '.join(never)}.")
        told.append(f"**When {what}:**\n\n" + "\n".join(f"- {part}" for part in parts))
    return "\n\n".join(told)


def _climate_text(row: pd.Series, what: str) -> str:
    if np.isnan(row["severity"]):
        return (
            f"No climate tried, up to {row['tried_to']:.0f} in log-odds of a missed payment, "
            f"brings it so far that {what}."
        )
    if row["severity"] == 0:
        return f"**As expected already**, in {row['month']:%B %Y}."
    text = f"**In a climate worse by {row['severity']:.2f} in every month** (log-odds of a missed "
    text += f"payment): {row['default_rate']:.1%} of the year's loans default then, by number, in "
    text += f"place of {row['base_default_rate']:.1%}."
    sds = row["climate_sds"]
    if np.isnan(sds):
        return text
    text += f" That is {sds:.1f} standard deviations of a month's climate, month after month"
    return f"{text}: it takes more than a bad year." if sds >= _NEAR_SDS else f"{text}."


def stress_findings(
    summary: pd.DataFrame,
    reverse: pd.DataFrame,
    *,
    unverified: Sequence[str] = (),
) -> list[tuple[str, str, bool]]:
    """What of stress and reverse stress deserves attention: topic, sentence, and whether it is red.

    Red is what breaks in the base, and a climate within three standard deviations that uses up
    reserve or cash. A scenario that breaks something is told, but is its author's view.

    Parameters
    ----------
    summary : DataFrame
        Of :func:`riskkit.funding.stress_summary`.
    reverse : DataFrame
        Of :func:`riskkit.funding.reverse_stress`.
    unverified : sequence of str
        :attr:`riskkit.schema.FundingFile.unverified`: what of the file is to be verified.
    """
    told: list[tuple[str, str, bool]] = []
    run = _run(summary)
    if at_once := _broken_text(run.loc[BASE]):
        told.append(("Stress", f"as expected {at_once}", True))
    broken = [
        f"under {_named(name)} {what}"
        for name, row in run.drop(index=BASE).iterrows()
        if (what := _broken_text(row))
    ]
    if broken:
        told.append(("Stress", "; ".join(broken), False))
    if len(run) == 1:
        told.append(
            ("Stress", "no scenario was run: the funding file states none that can be", False)
        )
    for name, why in summary["not_run"][summary["not_run"] != ""].items():
        told.append(("Stress", f"{_named(name)} was not run: {why}", False))
    if CLIMATE in reverse.index.get_level_values("scenario"):
        rows = reverse.loc[CLIMATE].dropna(subset="severity")
        for target, row in rows[rows["severity"] > 0].iterrows():
            if row["climate_sds"] < _NEAR_SDS:
                seen = f"a climate {row['climate_sds']:.1f} times its standard deviation worse"
                rate = f"{row['default_rate']:.0%} of the loans default then"
                told.append(
                    ("Reverse stress", f"{seen} and {_FALLS[str(target)]}; {rate}", target in _GONE)
                )
    if parts := [
        text for start, text in _ASSUMED.items() if any(one.startswith(start) for one in unverified)
    ]:
        sentence = (
            f"nobody has verified {', '.join(parts)}: all that follows from them is an example"
        )
        told.append(("Funding assumptions", sentence, False))
    return told


def _run(summary: pd.DataFrame) -> pd.DataFrame:
    return summary[summary["not_run"] == ""]


def _named(name: object) -> str:
    return verbatim(str(name))


def _money(row: pd.Series, what: str) -> str:
    """An amount with its interval, in units of the currency."""
    low, high = row[f"{what}_low"] / 100, row[f"{what}_high"] / 100
    sure = "" if np.isnan(low) else f" ({low:,.0f} to {high:,.0f})"
    return f"{row[f'{what}_amount'] / 100:,.0f}{sure}"
