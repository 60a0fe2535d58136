"""What to say of a swap between two policies, and of a forecast beside what came.

Takes their tables; gives Markdown.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.columns import verbatim
from riskkit.replay.forecast import OutcomeCurve
from riskkit.replay.policy_swaps import swap_gain
from riskkit.strategy import money_text

__all__ = ["forecast_text", "policy_swaps_text", "replay_text"]

_FEW_BADS = 30


def policy_swaps_text(swaps: pd.DataFrame, currency: str) -> str:
    """Sentences on who changes places and what that is worth, as Markdown.

    Parameters
    ----------
    swaps : DataFrame, index group
        Of :func:`policy_swaps`.
    currency : str

    Returns
    -------
    str
    """
    into, out = swaps.loc["swapped in"], swaps.loc["swapped out"]
    if not into["applications"] and not out["applications"]:
        return "The two approve the same applications: nobody changes places."
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
        text += (
            f". Of those swapped in {unseen:,.0f} have no known outcome, and add nothing to that"
        )
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


def replay_text(table: pd.DataFrame, where: str) -> str:
    """Whether what was foretold came true, as Markdown.

    Parameters
    ----------
    table : DataFrame, index figure
        Of :func:`replay_table`.
    where : str
        In which world, such as "in the world as it is".
    """
    told = {
        "approval_rate": "approval rate",
        "bad_rate": "bad rate",
        "profit_amount": "profit",
    }
    if table["is_inside"].all():
        return f"{where.capitalize()}, all three figures lie within what was foretold."
    parts = []
    for figure in table.index[~table["is_inside"]]:
        row = table.loc[figure]
        side = "above" if row["realised"] > row["high"] else "below"
        parts.append(f"{told[str(figure)]} {side} its interval")
    return f"{where.capitalize()}, **the forecast did not hold**: {', '.join(parts)}."
