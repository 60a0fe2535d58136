"""What to say of who shares the losses, and what deserves attention.

Takes the tables of this room; gives Markdown and findings.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from riskkit.columns import verbatim
from riskkit.risk_sharing.arrangements import ALL, NONE, Arrangement
from riskkit.risk_sharing.fair_price import CHEAP, DEAR, FAIR, GENEROUS, TOO_LOW
from riskkit.risk_sharing.sharing_table import BEYOND

__all__ = ["sharing_findings", "sharing_text"]

_OFTEN = 0.1  # cover that is used up in more than so many years is said to be thin
_CONCENTRATED = 0.5  # share of one partner from which it is named


def sharing_text(
    table: pd.DataFrame,
    prices: pd.DataFrame,
    partners: pd.DataFrame,
    arrangements: Mapping[str, Arrangement],
    currency: str,
    left_out: str = "",
) -> str:
    """Sentences on who bears what, at which price, and how far the lender relies on whom.

    Parameters
    ----------
    table : DataFrame
        Of :func:`riskkit.risk_sharing.sharing_table`.
    prices : DataFrame
        Of :func:`riskkit.risk_sharing.price_table`.
    partners : DataFrame
        Of :func:`riskkit.risk_sharing.partner_table`.
    arrangements : mapping of name to Arrangement
    currency : str
    left_out : str
        Of :meth:`riskkit.schema.FundingFile.for_columns`: which arrangements can be of no loan.

    Returns
    -------
    str
        Markdown.
    """
    if partners.empty:
        why = verbatim(left_out) if left_out else "the funding file names no arrangement"
        return f"**Nobody shares the losses:** {why}."
    whole, alone = table.loc[ALL], table.loc[NONE]
    ceded = whole["partner_loss_amount"] / whole["whole_loss_amount"]
    text = (
        f"Of **{_money(whole['whole_loss_amount'])} {verbatim(currency)}** of loss expected of the "
        f"year's defaults partners bear {_money(whole['partner_loss_amount'])}"
        + (f" ({ceded:.0%})" if np.isfinite(ceded) else "")
        + ". In the worst year of a hundred the lender itself loses "
        f"**{_interval(whole, 'lender')}**, and would lose {_interval(whole, 'whole')} were there "
        f"no arrangement. {_money(alone['balance'])} of {_money(whole['balance'])} owed are of "
        "loans that nobody shares."
    )
    told = [
        f"- **{verbatim(name)}** ({one.told}): {_borne(table.loc[name])}"
        + (f" {_priced(prices.loc[name], one)}" if name in prices.index else "")
        for name, one in arrangements.items()
    ]
    last = [f"{verbatim(left_out)}."] if left_out else []
    return "\n\n".join([text, "\n".join(told), _relied_on(partners), *last])


def _money(fen: float) -> str:
    return f"{fen / 100:,.0f}"


def _interval(row: pd.Series, side: str) -> str:
    """The 99 % loss of a side, with its interval where there is one."""
    text = _money(row[f"{side}_99_amount"]) if pd.notna(row[f"{side}_99_amount"]) else "not known"
    low, high = row[f"{side}_99_low"], row[f"{side}_99_high"]
    return text if pd.isna(low) else f"{text} ({_money(low)} to {_money(high)})"


def _borne(row: pd.Series) -> str:
    """What the partner bears, and how often its cover is used up."""
    if not row["balance"] > 0:
        return "no loan is of it today."
    text = (
        f"bears {_money(row['partner_loss_amount'])} of {_money(row['whole_loss_amount'])}, in "
        f"the worst year of a hundred {_interval(row, 'partner')}."
    )
    if pd.isna(row["used_up_rate"]):
        return text
    low, high = row["used_up_low"], row["used_up_high"]
    often = f"{row['used_up_rate']:.1%} ({low:.1%} to {high:.1%})"
    text += f" Its cover of {_money(row['exposure_amount'])} is used up in {often} of the years"
    month = row["used_up_month"]
    return f"{text}." if pd.isna(month) else f"{text}, by month {month:.0f} in the median of them."


def _priced(row: pd.Series, arrangement: Arrangement) -> str:
    """Its price beside the fair one."""
    if not row["covered_amount"] > 0:
        return ""
    what = "fee" if arrangement.lends else "premium"
    fair = f"{row['fair_rate']:.2%} ({row['fair_low']:.2%} to {row['fair_high']:.2%})"
    text = f"The {what} is {row['price_rate']:.2%} a year of the balance"
    verdict = {
        DEAR: "**dear** beside",
        CHEAP: "cheap beside",
        TOO_LOW: "**too low** beside",
        GENEROUS: "generous beside",
        FAIR: "which may be fair, beside",
    }.get(row["verdict"])
    if verdict is None:
        return f"{text}; there are too few paths or defaults to say what is fair."
    return f"{text}, {verdict} {fair}."


def _relied_on(partners: pd.DataFrame) -> str:
    """How concentrated the reliance on partners is."""
    last, first = partners.iloc[-1], partners.iloc[0]
    if pd.isna(last["herfindahl"]):
        return "The lender relies on no partner today: none of them has loans."
    text = (
        f"Most is relied on {verbatim(str(partners.index[0]))}, for {first['exposure_rate']:.0%} "
        f"of {_money(last['exposure_amount'])} (Herfindahl index {last['herfindahl']:.2f}, as of "
        f"{1 / last['herfindahl']:.1f} equal partners)."
    )
    apart = partners["ceded_99_amount"].iloc[:-1].sum()
    together = last["ceded_99_amount"]
    if len(partners) > 2 and apart > 0 and pd.notna(together):
        text += (
            f" In a bad year they are struck together: {_money(together)} in the worst of a "
            f"hundred, {together / apart:.0%} of the sum of each one's own worst."
        )
    return text


def sharing_findings(
    table: pd.DataFrame,
    prices: pd.DataFrame,
    partners: pd.DataFrame,
    currency: str,
    left_out: str = "",
) -> list[tuple[str, str, bool]]:
    """What of the sharing of losses deserves attention: topic, sentence, whether it is red.

    Parameters
    ----------
    table, prices, partners : DataFrame
        As of :func:`sharing_text`.
    currency, left_out : str
    """
    told = [("Risk sharing", left_out, False)] if left_out else []
    for name, row in partners[partners["limit_verdict"] == BEYOND].iterrows():
        what = f"{_money(row['exposure_amount'])} {currency} rely on {name}"
        told.append(
            ("Risk sharing", f"{what}, beyond the limit of {_money(row['limit_amount'])}", True)
        )
    for name, row in table[table["used_up_low"] > _OFTEN].iterrows():
        often = f"{row['used_up_rate']:.0%} of the years simulated"
        told.append(("Risk sharing", f"the cover of {name} is used up in {often}", False))
    for name, row in prices[prices["verdict"].isin([DEAR, TOO_LOW])].iterrows():
        fair = f"{row['fair_low']:.2%} to {row['fair_high']:.2%} a year would be fair"
        what = f"{name} is dear" if row["verdict"] == DEAR else f"the fee of {name} is too low"
        told.append(("Risk sharing", f"{what}: {row['price_rate']:.2%}, and {fair}", False))
    if len(partners) > 2 and partners["exposure_rate"].iloc[0] > _CONCENTRATED:
        share = f"{partners['exposure_rate'].iloc[0]:.0%} of what partners stand for"
        told.append(("Risk sharing", f"{share} is {partners.index[0]}", False))
    return told
