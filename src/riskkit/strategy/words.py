"""What a cutoff means, in words for a report.

Takes a row of a cutoff table, or a recommendation; gives sentences.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from riskkit import metrics
from riskkit.chance import p_text
from riskkit.columns import verbatim
from riskkit.strategy.recommend import POLICIES, Choice, Recommendation

__all__ = [
    "bad_rate_text",
    "cutoff_text",
    "difference_text",
    "elsewhere_text",
    "money_text",
    "recommendation_figures",
    "recommendation_text",
    "sensitivity_text",
    "swap_text",
]


def bad_rate_text(row: pd.Series, *, short: bool = False) -> str:
    """Bad rate of known outcomes in words, with the number of bads and the interval.

    Parameters
    ----------
    row : Series
        Of :func:`cutoff_table` at its usual level.
    short : bool
        For a key figure.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> row = pd.Series(
    ...     {"good": 80, "bad": 3, "bad_rate": 3/83, "bad_rate_low": 0.01, "bad_rate_high": 0.09})
    >>> bad_rate_text(row), bad_rate_text(row, short=True)
    ('3.61% (3 bads of 83 loans, 95 % interval 1.00% to 9.00%)', '3.61% (3 bads, 1.0% to 9.0%)')
    """
    if pd.isna(row["bad_rate"]):
        return "not known"
    low, high = row["bad_rate_low"], row["bad_rate_high"]
    bads = f"{row['bad_rate']:.2%} ({row['bad']:,.0f} bad{'' if row['bad'] == 1 else 's'}"
    if short:
        return f"{bads}, {low:.1%} to {high:.1%})"
    n_known = row["good"] + row["bad"]
    return f"{bads} of {n_known:,.0f} loans, 95 % interval {low:.2%} to {high:.2%})"


def cutoff_text(row: pd.Series, *, min_bads: int = 30) -> str:
    """Sentences on whose the bad rate at a cutoff is, and on whom nobody has seen, as Markdown.

    Parameters
    ----------
    row : Series
        Of :func:`cutoff_table`.
    min_bads : int
        With fewer bads, the text says how few they are.

    Source
    ------
    riskkit definition; on rates from few defaults: Pluto, Tasche (2005), Thinking positively.
    """
    text = f"The bad rate of the loans booked among the approved is {bad_rate_text(row)}."
    if row["bad"] < min_bads:
        text += (
            f" With fewer than {min_bads} bads behind it, it may be far from the next loans': "
            "go by the interval."
        )
    unseen = row["applications"] - row["booked"]
    if unseen > 0:
        text += (
            f" Of the {row['applications']:,.0f} approved, {unseen:,.0f} "
            f"({row['never_booked_rate']:.1%}) were never booked: nobody has seen them repay."
        )
        if pd.notna(row["expected_bad_rate"]):
            text += (
                " If as many of the declined among them take a loan as of the granted did, and "
                "repay like booked loans of their score, "
                f"**{row['expected_bad_rate']:.2%} of all the loans** turn bad; more do if the "
                "old policy had reasons to decline them that the score does not know."
            )
    return text


def recommendation_text(
    found: Recommendation,
    currency: str,
    rate_name: str,
    *,
    assumed: str = "",
    n_rules: int = 0,
) -> str:
    """Sentences on what to do, what it earns, and how sure that is, as Markdown.

    Parameters
    ----------
    found : Recommendation
        At its usual level.
    currency : str
    rate_name : str
        What a share of approved rows is called.
    assumed : str
        What stands behind each verdict on money, such as " on these assumed economics".
    n_rules : int
        Rules that are asked before the score.
    """
    today, currency = str(found.policies.index[0]), verbatim(currency)
    text = (
        "**No cutoff is recommended as the only rule**: at each, too many of the approved were "
        "never booked."
    )
    if found.alone is not None:
        row = found.alone.row
        earns = (
            "earns the most" if row["profit_amount"] > 0 else "**earns nothing, and loses least**"
        )
        text = (
            f"As the only rule the {found.alone.model} {earns} at **{found.alone.cutoff:.0f}** "
            f"points ({rate_name} {row['approval_rate']:.1%}): "
            f"{money_text(row, 'profit', currency)} on the loans booked. "
            f"{_again_text(found.alone, currency)} {cutoff_text(row)}"
        )
        if found.alone.is_lowest and row["approval_rate"] < 1:
            text += (
                " It is the lowest cutoff looked at, and not the top of the profit: below it, too "
                "many were never booked."
            )
        policy = found.policies.loc[POLICIES[1]]
        seen = found.behind is None
        gain = "gain" if seen else "expected_gain"
        if pd.notna(policy[f"{gain}_amount"]):
            amount = money_text(policy, gain, currency, signed=True)
            text += f" Against {today} that is {'' if seen else 'expected to be '}{amount}"
            text += _luck_text(policy, gain, found, found.alone, assumed)
            text += _uplift_text(found, currency)
    if found.behind is not None:
        parts = [text, _hurdle_text(found, found.behind, currency, assumed)]
        # what is recommended stands first
        text = "\n\n".join(parts[::-1] if found.taken is found.behind else parts)
    to_do = _to_do(found, n_rules)
    return f"**To do: {to_do}.**{_apart_text(found, currency)}\n\n{text}"


def _to_do(found: Recommendation, n_rules: int) -> str:
    first = f"ask the {n_rules} rule{'s' if n_rules > 1 else ''} first; " if n_rules else ""
    return f"{first}{found.name}"


def _apart_text(found: Recommendation, currency: str) -> str:
    """Why the hurdle is taken and not the cutoff alone, or the other way round."""
    apart = found.behind_less_alone
    if apart is None or pd.isna(apart["difference"]):
        return ""
    told = (
        f" As a second hurdle, the best cutoff is expected to earn {apart['difference']:+,.0f} "
        f"{currency} ({apart['low']:+,.0f} to {apart['high']:+,.0f}) against the best one as the "
        "only rule"
    )
    if apart["low"] > 0 or apart["high"] < 0:
        return f"{told}."
    return f"{told}: chance can explain that, and behind it every loan has been seen."


def _uplift_text(found: Recommendation, currency: str) -> str:
    """How the gain of the cutoff alone hangs on those whom nobody has seen."""
    if found.uplifts.empty:
        return ""
    gain = found.uplifts["expected_gain_amount"]
    told = ", ".join(
        f"{value:+,.0f} ({row['expected_gain_low']:+,.0f} to {row['expected_gain_high']:+,.0f}) at "
        f"{uplift:g}"
        for (uplift, row), value in zip(found.uplifts.iterrows(), gain, strict=True)
        if uplift != 1
    )
    return (
        " If those never booked were so many times as likely to turn bad, in odds, as booked loans "
        f"of their score, it would be {told}, in {currency}."
    )


def _hurdle_text(found: Recommendation, behind: Choice, currency: str, assumed: str) -> str:
    """What a second hurdle behind today's policy keeps and earns."""
    today, policy = found.policies.iloc[0], found.policies.loc[POLICIES[2]]
    if not policy["profit_amount"] > 0:
        return (
            f"Behind {today.name}, as a second hurdle, **no cutoff earns anything**: on these "
            "economics it would lose least to lend to nobody."
        )
    return (
        f"Behind {today.name}, as a second hurdle, **{behind.cutoff:.0f}** points of the "
        f"{behind.model} keep {policy['loans']:,.0f} of {today['loans']:,.0f} loans, all of them "
        f"seen, and earn {money_text(policy, 'gain', currency, signed=True)} more"
        f"{_luck_text(policy, 'gain', found, behind, assumed)} {_again_text(behind, currency)}"
        f"{_break_even_text(today, policy)}"
    )


def _break_even_text(today: pd.Series, policy: pd.Series) -> str:
    """How wrong the economics may be before a rule that only declines more earns nothing more."""
    margin, loss, cost = (
        float(today[name] - policy[name])
        for name in ("margin_amount", "loss_amount", "cost_amount")
    )
    # what it declines more would have earned the margin, lost the loss and cost the cost
    if not (margin > 0 and loss > 0 and loss + cost > margin):
        return ""
    wrong = [f"a good loan earned more than {(loss + cost) / margin:.1f} times what is taken here"]
    if margin > cost:
        wrong.append(f"a bad one lost less than {(margin - cost) / loss:.2f} times as much")
    return f" It would earn nothing more than {today.name} only if {', or '.join(wrong)}."


def recommendation_figures(
    found: Recommendation,
    currency: str,
    rate_name: str,
    *,
    mark: str = "",
    period: str = "",
    elsewhere: pd.DataFrame | None = None,
    others: str = "loans",
    n_rules: int = 0,
) -> dict[str, str]:
    """What the front page shows of a recommendation: label → text.

    Parameters
    ----------
    found, currency, rate_name
        As in :func:`recommendation_text`.
    mark : str
        Behind every label whose figure rests on the economics, such as ", assumed".
    period : str
        When these loans were applied for, in words.
    elsewhere : DataFrame, optional
        Of :func:`judge_rule`, on loans that did not choose the rule.
    others : str
        What those are called.
    n_rules : int
        Rules that are asked before the score.
    """
    figures = {f"To do{mark}": _to_do(found, n_rules)}
    policy, gain = found.gain
    if found.taken is not None and pd.notna(found.policies.loc[policy, f"{gain}_amount"]):
        expected = "expected " if gain.startswith("expected") else ""
        today = found.policies.index[0]
        told = money_text(found.policies.loc[policy], gain, currency, signed=True)
        luck = f"; about {found.taken.optimism_amount:,.0f} of it luck of the choice"
        when = f"; {period}" if period else ""
        label = f"Profit of {policy}, {expected}less that of {today}{mark}"
        figures[label] = f"{told}{luck}{when}"
        if elsewhere is not None and pd.notna(elsewhere.iloc[1][f"{gain}_amount"]):
            label = f"The same on {others}, which did not choose it{mark}"
            figures[label] = money_text(elsewhere.iloc[1], gain, currency, signed=True)
        gap = found.taken.difference
        if pd.notna(gap["difference"]):
            label = f"Challenger less scorecard, each at its best cutoff{mark}"
            figures[label] = difference_text(gap, currency)
    if policy == POLICIES[2] and found.taken is not None:
        figures |= _hurdle_figures(found, currency, rate_name)
    if found.alone is None:
        return figures | {f"Cutoff as the only rule{mark}": "none"}
    row = found.alone.row
    figures[f"Cutoff as the only rule{mark}"] = f"{found.alone.cutoff:.0f} ({found.alone.model})"
    figures[f"{rate_name.capitalize()} there"] = f"{row['approval_rate']:.1%}"
    figures["Bad rate there, of booked loans"] = bad_rate_text(row, short=True)
    if row["never_booked_rate"] > 0:
        figures["Never booked, of those approved there"] = f"{row['never_booked_rate']:.1%}"
        figures["Expected bad rate, of all loans there"] = _expected_text(found)
    return figures


def _hurdle_figures(found: Recommendation, currency: str, rate_name: str) -> dict[str, str]:
    """What a second hurdle behind today's policy approves, declines more, and how that repaid."""
    today, behind = (found.policies.loc[name] for name in (POLICIES[0], POLICIES[2]))
    fewer, loans = (int(today[name] - behind[name]) for name in ("applications", "loans"))
    of_today = f"{fewer:,} of {today['applications']:,.0f} approved"
    figures = {
        f"{rate_name.capitalize()} behind today's policy": f"{behind['approval_rate']:.1%}",
        "Bad rate behind it": bad_rate_text(behind, short=True),
        "Never booked, of those approved behind it": f"{behind['never_booked_rate']:.1%}",
        "Declined more than today by the cutoff": of_today,
    }
    if loans > 0:
        bad = int(today["bad"] - behind["bad"])
        lent = today["lent_amount"] - behind["lent_amount"]
        figures["What the cutoff costs"] = (
            f"{loans - bad:,} good loans, their margin of "
            f"{today['margin_amount'] - behind['margin_amount']:,.0f} {currency}, and "
            f"{lent:,.0f} {currency} of lending"
        )
        rate, ends = _rate(bad, loans).split(", ")
        figures["Bad rate of these"] = f"{rate} ({bad} bads of {loans} loans, {ends})"
    return figures


def _expected_text(found: Recommendation) -> str:
    row = found.policies.loc[POLICIES[1]]
    if pd.isna(row["expected_bad_rate"]):
        return "not known"
    low, high = row["expected_bad_rate_low"], row["expected_bad_rate_high"]
    return f"{row['expected_bad_rate']:.2%} ({low:.1%} to {high:.1%})"


def _again_text(choice: Choice, currency: str) -> str:
    """What other draws of the loans would choose."""
    return (
        f"It was chosen on these loans, so about {choice.optimism_amount:,.0f} {currency} of its "
        f"profit are luck. In 95 of 100 other draws of them the {choice.model}'s best cutoff lies "
        f"between {choice.low:.0f} and {choice.high:.0f}{_end_text(choice)}; "
        f"{choice.model_again:.0%} of the draws take this model."
    )


def _end_text(choice: Choice) -> str:
    """Which way other draws would rather move a cutoff that is an end of its own range."""
    if choice.low == choice.high:
        return ""
    if choice.cutoff >= choice.high:
        return ", of which it is the upper end, so another draw would rather cut lower"
    if choice.cutoff <= choice.low:
        return ", of which it is the lower end, so another draw would rather cut higher"
    return ""


def _luck_text(
    policy: pd.Series, gain: str, found: Recommendation, choice: Choice, assumed: str
) -> str:
    """Whether a gain is more than chance and the luck of the choice."""
    if policy["applications"] == found.policies["applications"].iloc[0]:
        return ", for it declines none of them."
    if policy[f"{gain}_low"] - choice.optimism_amount > 0:
        return f", more than chance and the luck of the choice give{assumed}."
    if policy[f"{gain}_high"] < 0:
        return f": it loses{assumed}."
    return ", which these loans cannot tell from nothing."


def elsewhere_text(
    found: Recommendation, elsewhere: pd.DataFrame | None, currency: str, chosen_on: str
) -> str:
    """Whether what is recommended holds on loans that did not choose it, as Markdown.

    Parameters
    ----------
    found : Recommendation
    elsewhere : DataFrame or None
        Of :func:`judge_rule`.
    currency : str
    chosen_on : str
        What these loans are called, such as "the test loans of the months before".
    """
    if elsewhere is None or found.taken is None:
        return ""
    today, row = elsewhere.iloc[0], elsewhere.iloc[1]
    gain = found.gain[1]
    declined = int(today["loans"] - row["loans"])
    text = (
        f"**On other loans**, {chosen_on}, which did not choose it ({today['applications']:,.0f} "
        f"approved by {today.name}), the best rule found here"
    )
    if declined > 0:
        bad = int(today["bad"] - row["bad"])
        text += f" declines {declined:,} loans more, {bad:,} of them bad ({_rate(bad, declined)}),"
        text += " and"
    if pd.isna(row[f"{gain}_amount"]):
        return f"{text} cannot be said to earn anything: no outcome is known."
    amount = money_text(row, gain, verbatim(currency), signed=True)
    verdict = "these loans cannot tell that from nothing"
    if row[f"{gain}_low"] > 0:
        verdict = "it holds there, beyond chance"
    elif row[f"{gain}_high"] < 0:
        verdict = "**there it loses, beyond chance**"
    expected = "is expected to earn" if gain.startswith("expected") else "earns"
    return f"{text} {expected} {amount} against {today.name}: {verdict}."


def _rate(bad: int, loans: int) -> str:
    """A bad rate with its Jeffreys 95 % interval."""
    low, high = metrics.jeffreys_interval(np.array([bad]), np.array([loans]), 0.95)
    return f"{bad / loans:.1%}, {low[0]:.1%} to {high[0]:.1%}"


def sensitivity_text(
    table: pd.DataFrame, rate_name: str, *, rule: str = "as the only rule", is_lowest: bool = False
) -> str:
    """Between which cutoffs the best one moves where economics are not as stated.

    Parameters
    ----------
    table : DataFrame, index (margin, loss)
        Of :func:`sensitivity_table`.
    rate_name : str
    rule : str
        What the cutoff is: the only rule, or behind today's policy.
    is_lowest : bool
        Whether it is the lowest that is looked at, where not the economics hold it.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"cutoff": [526, 550], "approval_rate": [0.794, 0.371]},
    ...     index=pd.MultiIndex.from_tuples([(1.25, 0.75), (0.75, 1.25)], names=["margin", "loss"]),
    ... )
    >>> print(sensitivity_text(table, "approval rate"))  # doctest: +NORMALIZE_WHITESPACE
    With margins and losses of 0.75 to 1.25 times what is taken here, the best cutoff as the only
    rule lies between 526 (approval rate 79.4%) and 550 (37.1%).
    """
    if table.empty:
        return ""
    least, most = table["cutoff"].idxmin(), table["cutoff"].idxmax()
    times = sorted({part for pair in table.index for part in pair})
    low, high = (table.loc[at] for at in (least, most))
    told = f"With margins and losses of {times[0]:g} to {times[-1]:g} times what is taken here, "
    if low["cutoff"] == high["cutoff"]:
        held = ", the lowest that is looked at: below it too many were never booked"
        return f"{told}the best cutoff {rule} stays {low['cutoff']:.0f}{held if is_lowest else ''}."
    return (
        f"{told}the best cutoff {rule} lies between {low['cutoff']:.0f} ({rate_name} "
        f"{low['approval_rate']:.1%}) and {high['cutoff']:.0f} ({high['approval_rate']:.1%})."
    )


def swap_text(swaps: pd.DataFrame, *, min_bads: int = 10) -> str:
    """Which of two models lets in fewer bads, as far as the loans can tell.

    Parameters
    ----------
    swaps : DataFrame
        Of :func:`swap_set`; its two middle rows name the models.
    min_bads : int
        Fewer bads among the swapped are too few to say.

    Source
    ------
    Fisher's exact test, two-sided, at 5 %.

    Examples
    --------
    >>> swaps = pd.DataFrame(
    ...     {"good": [9, 300, 300, 9], "bad": [1, 40, 20, 1], "bad_rate": [0.1, 0.118, 0.062, 0.1]},
    ...     index=["both approve", "card only", "trees only", "neither"],
    ... )
    >>> print(swap_text(swaps))  # doctest: +NORMALIZE_WHITESPACE
    *trees only* has the lower bad rate: 20 bads of 320 loans against 40 of 340, p-value 0.015.
    """
    pair = swaps.iloc[1:3]
    bads, n = pair["bad"].to_numpy(int), (pair["good"] + pair["bad"]).to_numpy(int)
    if bads.sum() < min_bads or not n.all():
        return (
            f"Too few to say: among those on whom the models differ, {bads.sum()} bads are known."
        )
    p_value = float(stats.fisher_exact([bads, n - bads]).pvalue)
    better, worse = np.argsort(bads / n, kind="stable")
    told = (
        f"{bads[better]:,} bad{'' if bads[better] == 1 else 's'} of {n[better]:,} loans against "
        f"{bads[worse]:,} of {n[worse]:,}, {p_text(p_value)}"
    )
    if p_value < 0.05:
        return f"*{pair.index[better]}* has the lower bad rate: {told}."
    return f"These loans do not tell which model lets in fewer bads: {told}."


def difference_text(gap: pd.Series, currency: str) -> str:
    """Whether the second model earns more than the first, in a sentence.

    Parameters
    ----------
    gap : Series
        Of :func:`profit_difference`.
    currency : str

    Examples
    --------
    >>> gap = pd.Series({"difference": 500.0, "low": -20.0, "high": 1020.0, "swapped": 60})
    >>> print(difference_text(gap, "CNY"))  # doctest: +NORMALIZE_WHITESPACE
    +500 CNY (95 % interval -20 to +1,020), which cannot be told from chance
    >>> difference_text(gap.replace([-20.0, 1020.0], float("nan")).replace(60, 3), "CNY")
    'too few to say: the two decide differently on 3 loans of known outcome'
    """
    if pd.isna(gap["difference"]):
        return "not known"
    if pd.isna(gap["low"]):
        n = gap["swapped"]
        return (
            f"too few to say: the two decide differently on {n:.0f} loan{'' if n == 1 else 's'} of "
            "known outcome"
        )
    sure = gap["low"] > 0 or gap["high"] < 0
    verdict = "is more than chance" if sure else "cannot be told from chance"
    return (
        f"{gap['difference']:+,.0f} {currency} (95 % interval {gap['low']:+,.0f} to "
        f"{gap['high']:+,.0f}), which {verdict}"
    )


def money_text(row: pd.Series, name: str, currency: str, *, signed: bool = False) -> str:
    """An amount with its interval.

    Parameters
    ----------
    row : Series
        Of a cutoff table or of a recommendation's policies.
    name : str
        Of the amount, such as "profit" or "expected_gain".
    currency : str
    signed : bool

    Examples
    --------
    >>> row = pd.Series({"gain_amount": 500.0, "gain_low": -20.0, "gain_high": 1020.0})
    >>> money_text(row, "gain", "CNY", signed=True)
    '+500 CNY (95 % interval -20 to +1,020)'
    """
    sign = "+" if signed else ""
    value, low, high = (row[f"{name}{end}"] for end in ("_amount", "_low", "_high"))
    return f"{value:{sign},.0f} {currency} (95 % interval {low:{sign},.0f} to {high:{sign},.0f})"
