"""The whole decision in a few sentences: what it is, what it brings and costs, and who owns what.

Takes who changes places between today's policy and the new one, the money of the loans and the
grades; gives Markdown and key figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from riskkit import metrics
from riskkit.checks import flag_array
from riskkit.columns import verbatim
from riskkit.replay.policy_swaps import swap_gain
from riskkit.schema import Feature, PolicyFile
from riskkit.strategy import money_text

__all__ = ["WITHOUT_RULES", "cost_of_declining", "whole_decision_figures", "whole_decision_text"]

TODAY, WITHOUT_RULES = "today's policy", "the same without the rules"
_FEW_BADS, _FEW_LOANS = 30, 20
# who answers for a part of the decision: the topic of data/limits.yaml that has its owner
_PARTS = {
    "the rules": "Policy rules",
    "the cutoff": "Cutoff",
    "the grades": "Rating scale",
    "the economics": "Economics",
}


def cost_of_declining(old: pd.Series, new: pd.Series, loans: pd.DataFrame) -> dict[str, float]:
    """Whom the new policy declines and the old one approved: good loans, their margin, and lending.

    Parameters
    ----------
    old, new : bool Series of shape (n,)
        Whom each policy approves.
    loans : DataFrame of shape (n, 3 or more)
        default_flag (missing where unknown), amount and margin_fen, in fen.

    Returns
    -------
    dict
        applications; loans and good, of known outcome; margin_amount of the good and lent_amount
        of the known, in units of the currency.
    """
    out = flag_array(old, "old", len(loans)) & ~flag_array(new, "new", len(loans))
    flag = loans["default_flag"].to_numpy(float)
    good, known = out & (flag == 0), out & ~np.isnan(flag)
    return {
        "applications": int(out.sum()),
        "loans": int(known.sum()),
        "good": int(good.sum()),
        "margin_amount": float(loans["margin_fen"].to_numpy(float)[good].sum()) / 100,
        "lent_amount": float(loans["amount"].to_numpy(float)[known].sum()) / 100,
    }


def whole_decision_text(
    swapped: pd.DataFrame,
    scale: pd.DataFrame,
    *,
    policy: str,
    cutoff: float,
    currency: str,
    cost: Mapping[str, float] | None = None,
    luck_amount: float = 0.0,
    assumed: str = "",
    is_advised: bool = True,
    owners: Mapping[str, str] | None = None,
    rules: PolicyFile | None = None,
    features: Sequence[Feature] = (),
) -> str:
    """What is approved and how that repays, what it brings and costs, and whose each part is.

    Parameters
    ----------
    swapped : DataFrame, index (against, group)
        Of :func:`swaps_against`; "today's policy" and "the same without the rules" among the
        rivals, where there are such.
    scale : DataFrame, index grade, the safest first
        score_high, excluded.
    policy : str
        The policy in words.
    cutoff : float
        From which score on to approve.
    currency : str
    cost : mapping, optional
        Of :func:`cost_of_declining`.
    luck_amount : float
        How much of the gain is luck, as the cutoff was chosen on these loans.
    assumed : str
        What stands behind each verdict on money, such as " on these assumed economics".
    is_advised : bool
        Whether the cutoff was signed, or earns more beyond chance.
    owners : mapping of topic to owner, optional
        Of the limits file.
    rules : PolicyFile, optional
    features : sequence of Feature
        Which columns are protected attributes: rules that read one are named.

    Returns
    -------
    str
        Markdown.
    """
    told = [f"**The whole decision: {policy}.** {_approves(swapped)}"]
    against = swapped.index.unique("against")
    if not is_advised:
        told.append("**No cutoff of the score is part of it**: none earns more beyond chance.")
    if TODAY in against:
        told.append(_brings(swapped.loc[TODAY], currency, luck_amount, assumed))
    # what it costs stands beside what it brings, or not at all
    if TODAY in against and cost is not None and cost["applications"]:
        told.append(f"It costs {_cost(cost, verbatim(currency))}.")
    if WITHOUT_RULES in against:
        told.append(_of_rules(swapped.loc[WITHOUT_RULES], currency))
    protected = {feature.name for feature in features if feature.protected}
    by = [rule.label for rule in (rules.rules if rules else []) if protected & {*rule.columns}]
    if by:
        told.append(
            f"**Declined by a protected attribute** is who meets: {verbatim('; '.join(by))}. What "
            "the law asks of that, `06_validation` tells."
        )
    told.append(_grades(scale, cutoff))
    named = {part: (owners or {}).get(topic) for part, topic in _PARTS.items()}
    if WITHOUT_RULES not in against:
        del named["the rules"]
    whose = [f"{part}: {verbatim(owner)}" for part, owner in named.items() if owner]
    if whose:
        told.append(f"Who answers for {'; '.join(whose)}.")
    return "\n".join([told[0], "", *(f"- {sentence}" for sentence in told[1:])])


def whole_decision_figures(
    swapped: pd.DataFrame,
    policy: str,
    currency: str,
    *,
    cost: Mapping[str, float],
    mark: str = "",
    period: str = "",
) -> dict[str, str]:
    """What the front page shows of the whole decision: label → text.

    Parameters
    ----------
    swapped, policy, currency
        As in :func:`whole_decision_text`.
    cost : mapping
        Of :func:`cost_of_declining`.
    mark : str
        Behind every label whose figure rests on the economics.
    period : str
        When these loans were applied for, in words.
    """
    new = _approved(swapped.loc[swapped.index[0][0]], "swapped in")
    rate = f"; bad rate {_rate(new['bad'], new['loans'])}" if new["loans"] else ""
    figures = {"Whole decision": f"{policy}: approves {new['share']:.1%}{rate}"}
    if TODAY in swapped.index.unique("against"):
        gain = swap_gain(swapped.loc[TODAY])
        label = f"What it brings against {TODAY}, on the loans seen{mark}"
        figures[label] = _gain(gain, currency) + (f"; {period}" if period else "")
        if cost["applications"]:
            figures["What it costs"] = _cost(cost, currency)
    if WITHOUT_RULES in swapped.index.unique("against"):
        rules = swap_gain(swapped.loc[WITHOUT_RULES])
        figures[f"Of that the rules{mark}"] = _gain(rules, currency) + _verdict(rules)
    return figures


def _approved(swaps: pd.DataFrame, which: str) -> pd.Series:
    """Sums of whom the new policy approves, by "swapped in", or the old one, by "swapped out"."""
    names = ["applications", "share", "loans", "bad"]
    return swaps.loc[["both approve", which], names].sum()


def _rate(bad: float, loans: float) -> str:
    low, high = metrics.jeffreys_interval(np.array([bad]), np.array([loans]), 0.95)
    few = ", few" if bad < _FEW_BADS else ""
    return f"{bad / loans:.2%} ({low[0]:.2%} to {high[0]:.2%}, {bad:,.0f} bads{few})"


def _approves(swapped: pd.DataFrame) -> str:
    swaps = swapped.loc[swapped.index[0][0]]
    new = _approved(swaps, "swapped in")
    text = f"It approves {new['share']:.1%} of {swaps['applications'].sum():,.0f} applications"
    is_today = swapped.index[0][0] == TODAY
    old = _approved(swaps, "swapped out")
    text += f", today's policy {old['share']:.1%}" if is_today else ""
    if new["loans"]:
        text += f"; of its loans seen {_rate(new['bad'], new['loans'])} turned bad"
        if is_today and old["loans"]:
            text += f", of today's {_rate(old['bad'], old['loans'])}"
    unseen = new["applications"] - new["loans"]
    text += "."
    return (
        f"{text} {unseen:,.0f} of its approved have no loan of known outcome." if unseen else text
    )


def _gain(gain: Mapping[str, float], currency: str) -> str:
    if gain["n_loans"] < _FEW_LOANS:
        return f"too few to say, {gain['n_loans']:.0f} loans of known outcome change places"
    row = pd.Series(gain).rename(
        {"difference": "gain_amount", "low": "gain_low", "high": "gain_high"}
    )
    return money_text(row, "gain", verbatim(currency), signed=True)


def _cost(cost: Mapping[str, float], currency: str) -> str:
    return (
        f"{cost['applications']:,} applications that are approved today: {cost['good']:,} good "
        f"loans, their margin of {cost['margin_amount']:,.0f} {currency}, and "
        f"{cost['lent_amount']:,.0f} {currency} of lending"
    )


def _verdict(gain: Mapping[str, float], luck_amount: float = 0.0) -> str:
    if gain["n_loans"] < _FEW_LOANS:
        return ""
    if gain["low"] > max(luck_amount, 0.0):
        return ", more than chance gives"
    if gain["low"] > 0:
        return ", which chance and the luck of the choice may explain"
    return ", a loss beyond chance" if gain["high"] < 0 else ", which may be chance"


def _brings(swaps: pd.DataFrame, currency: str, luck_amount: float, assumed: str) -> str:
    gain = swap_gain(swaps)
    text = f"Against {TODAY} it brings, on the loans seen, {_gain(gain, currency)}"
    text += f"{_verdict(gain, luck_amount)}{assumed}." if gain["n_loans"] >= _FEW_LOANS else "."
    if luck_amount >= 1 and gain["n_loans"] >= _FEW_LOANS:
        text += (
            f" The cutoff was chosen on these loans: about {luck_amount:,.0f} "
            f"{verbatim(currency)} of it are luck."
        )
    unseen = swaps.loc["swapped in", "applications"] - swaps.loc["swapped in", "loans"]
    if unseen > 0:
        text += f" Of those it lets in {unseen:,.0f} have no known outcome and add nothing to that."
    return text


def _of_rules(swaps: pd.DataFrame, currency: str) -> str:
    """What the rules alone add to the cutoff, and why they stand all the same."""
    gain = swap_gain(swaps)
    text = (
        f"The rules' own part of that: they decline {swaps.loc['swapped out', 'applications']:,.0f}"
        f" whom nothing behind them would, {_gain(gain, currency)}{_verdict(gain)}."
    )
    if not gain["low"] > 0:
        text += " They stand for what no score should outweigh, not for profit."
    return text


def _grades(scale: pd.DataFrame, cutoff: float) -> str:
    lent = scale["score_high"].to_numpy(float) > cutoff
    names = np.array([verbatim(str(name)) for name in scale.index], dtype=object)
    text = f"Lent to are the grades {_listed(names[lent])}"
    below = names[~lent]
    if len(below):
        text += f"; {_listed(below)} {'lie' if len(below) > 1 else 'lies'} below the cutoff"
    if "score_low" in scale and (cut := lent & (scale["score_low"].to_numpy(float) < cutoff)).any():
        text += f"; the cutoff runs through {_listed(names[cut])}"
    return f"{text}."


def _listed(names: np.ndarray) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
