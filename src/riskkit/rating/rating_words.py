"""What to say of a rating scale.

Takes the scale beside other loans and its crossings; gives Markdown, and what deserves attention.
"""

from __future__ import annotations

import pandas as pd

from riskkit.chance import p_text

__all__ = ["rating_findings", "rating_text"]

# a p-value of several pairs at once
_LEVEL = 0.05
_FEW_BADS = 30


def rating_text(judged: pd.DataFrame, crossings: pd.DataFrame, *, n_asked: int) -> str:
    """Sentences on how many grades the loans tell apart and whether they hold, as Markdown.

    Parameters
    ----------
    judged : DataFrame, index grade
        Of :func:`judge_scale`.
    crossings : DataFrame, index (safer, riskier)
        Of :func:`crossing_table`.
    n_asked : int
        Most grades that were asked for.

    Returns
    -------
    str
    """
    bads = int(judged["bad"].sum())
    if len(judged) == 1:
        return f"**One grade**: the {bads:,} bads of the choosing loans tell no two grades apart."
    text = f"**{len(judged)} grades**"
    if len(judged) < n_asked:
        text += (
            f", of {n_asked} asked for: the {bads:,} bads of the loans that chose them tell no "
            "more apart"
        )
    wrong = judged[judged["light"].isin(["amber", "red"])]
    text += ". On the loans that judge, "
    if wrong.empty:
        text += "no grade's bad rate departs from its probability beyond chance"
    else:
        named = [f"{grade} {row['side']} ({row['light']})" for grade, row in wrong.iterrows()]
        text += f"these depart from their probability: {', '.join(named)}"
    few = judged.index[judged["judged_bad"] < _FEW_BADS]
    if len(few):
        text += (
            f" (of {', '.join(few)} fewer than {_FEW_BADS} bads were seen: only a large departure "
            "would show)"
        )
    falls = judged["judged_rate"].diff() < 0
    if falls.any():
        text += f"; {', '.join(judged.index[falls])} had fewer bads there than the next safer grade"
    return f"{text}. {_crossings_text(crossings)}"


def _crossings_text(crossings: pd.DataFrame) -> str:
    compared = crossings[crossings["months"] > 0]
    if compared.empty:
        return "Whether their curves cross, the book cannot say."
    crossing = crossings[crossings["is_crossing"]]
    if crossing.empty:
        few = int((crossings["bad"] < 10).sum())
        left = f"; {few} of the pairs have fewer than ten bads, too few to say" if few else ""
        return f"No neighbours' curves cross in more months than allowed{left}."
    named = [
        f"{safer} and {riskier} in {row['crossed']:.0f} of {row['months']:.0f} months"
        for (safer, riskier), row in crossing.iterrows()
    ]
    return f"**Curves cross**: {', '.join(named)}."


def rating_findings(judged: pd.DataFrame, crossings: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """What of the scale deserves attention: topic, sentence, and whether it is red.

    Parameters
    ----------
    judged, crossings
        As in :func:`rating_text`.
    """
    told = []
    for grade, row in judged[judged["light"].isin(["amber", "red"])].iterrows():
        rate = f"{row['judged_rate']:.2%} of {row['judged_n']:,.0f} loans turned bad"
        sentence = f"{grade}: {rate}, {row['probability']:.2%} stated ({row['side']})"
        told.append(("Rating scale", sentence, row["light"] == "red"))
    tests = max(int(crossings["p_value"].notna().sum()), 1)
    for (safer, riskier), row in crossings[crossings["is_crossing"]].iterrows():
        p_value = min(row["p_value"] * tests, 1.0)
        beyond = p_value < _LEVEL
        sure = f"beyond chance, {p_text(p_value)}" if beyond else "not beyond chance"
        sentence = (
            f"{safer} and {riskier} cross in {row['crossed']:.0f} of {row['months']:.0f} months, "
            f"{sure}"
        )
        told.append(("Rating scale", sentence, beyond))
    return told
