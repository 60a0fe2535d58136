"""What a cutoff means, in words for a report.

Takes a row of a cutoff table, or a recommendation; gives sentences.
"""

from __future__ import annotations

import pandas as pd

from riskkit.strategy.recommend import POLICIES, Choice, Recommendation

__all__ = [
    "bad_rate_text",
    "cutoff_text",
    "difference_text",
    "money_text",
    "recommendation_figures",
    "recommendation_text",
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


def recommendation_text(found: Recommendation, currency: str, rate_name: str) -> str:
    """Sentences on what to do, what it earns, and how sure that is, as Markdown.

    Parameters
    ----------
    found : Recommendation
        At its usual level.
    currency : str
    rate_name : str
        What a share of approved rows is called.
    """
    today = str(found.policies.index[0])
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
            f"{_again_text(found.alone)} {cutoff_text(row)}"
        )
        if found.alone.is_lowest and row["approval_rate"] < 1:
            text += " No lower cutoff was looked at: there, too many were never booked."
        policy = found.policies.loc[POLICIES[1]]
        seen = found.behind is None
        gain = "gain" if seen else "expected_gain"
        if pd.notna(policy[f"{gain}_amount"]):
            amount = money_text(policy, gain, currency, signed=True)
            text += f" Against {today} that is {'' if seen else 'expected to be '}{amount}"
            text += _luck_text(policy, gain, found, found.alone)
    if found.behind is not None:
        text += f"\n\n{_hurdle_text(found, found.behind, currency)}"
    return text


def _hurdle_text(found: Recommendation, behind: Choice, currency: str) -> str:
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
        f"{_luck_text(policy, 'gain', found, behind)} {_again_text(behind)}"
    )


def recommendation_figures(
    found: Recommendation, currency: str, rate_name: str, *, mark: str = ""
) -> dict[str, str]:
    """What the front page shows of a recommendation: label → text.

    Parameters
    ----------
    found, currency, rate_name
        As in :func:`recommendation_text`.
    mark : str
        Behind every label whose figure rests on the economics, such as ", assumed".
    """
    figures = {f"Cutoff as the only rule{mark}": found.name}
    if found.alone is not None:
        row = found.alone.row
        figures[f"{rate_name.capitalize()} there"] = f"{row['approval_rate']:.1%}"
        figures["Bad rate there, of booked loans"] = bad_rate_text(row, short=True)
        if row["never_booked_rate"] > 0:
            figures["Never booked, of those approved there"] = f"{row['never_booked_rate']:.1%}"
            rate = row["expected_bad_rate"]
            expected = f"{rate:.2%}" if pd.notna(rate) else "not known"
            figures["Expected bad rate, of all loans there"] = expected
    if found.behind is not None:
        policy = found.policies.loc[POLICIES[2]]
        label = f"{found.behind.cutoff:.0f} behind today's policy, profit less without it{mark}"
        gain = money_text(policy, "gain", currency, signed=True)
        if policy["profit_amount"] > 0:
            figures[label] = gain
        else:
            figures[f"Cutoff behind today's policy{mark}"] = "none earns anything"
    elif found.alone is not None:
        gain = money_text(found.policies.loc[POLICIES[1]], "gain", currency, signed=True)
        figures[f"Profit there, less that of all{mark}"] = gain
    return figures


def _again_text(choice: Choice) -> str:
    """What other draws of the loans would choose."""
    return (
        f"It was chosen on these loans, and {choice.optimism_amount:,.0f} of its profit is luck. "
        f"In 95 of 100 other draws of them the {choice.model}'s best cutoff lies between "
        f"{choice.low:.0f} and {choice.high:.0f}; {choice.model_again:.0%} of the draws take this "
        "model."
    )


def _luck_text(policy: pd.Series, gain: str, found: Recommendation, choice: Choice) -> str:
    """Whether a gain is more than chance and the luck of the choice."""
    if policy["applications"] == found.policies["applications"].iloc[0]:
        return ", for it declines none of them."
    if policy[f"{gain}_low"] - choice.optimism_amount > 0:
        return ", more than chance and the luck of the choice give."
    if policy[f"{gain}_high"] < 0:
        return ": it loses."
    return ", which these loans cannot tell from nothing."


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
    +500 CNY (95 % interval -20 to +1,020), which cannot be told from chance: the simpler one is
    taken
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
    verdict = (
        "is more than chance" if sure else "cannot be told from chance: the simpler one is taken"
    )
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
