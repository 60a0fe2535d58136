"""What is recommended, and what a committee must know of the challenger: sections of a document.

Takes what 04 left of rules and policies, and the tables a run has found; gives sentences, tables
and parts for :func:`write_document`. A rule that is recommended may be one of the challenger, which
has no document of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit.documents.limits import challenger_limits, rule_limits
from riskkit.documents.looks import show_finding
from riskkit.documents.words import (
    Findings,
    Limit,
    count,
    interval,
    loans,
    plain,
    samples_in_words,
    verdict,
)
from riskkit.evidence import FOUR_FIFTHS, TODAY, below_text, heavy_reasons
from riskkit.plots import show_table
from riskkit.schema import SourceFacts
from riskkit.strategy import money_text
from riskkit.target import samples_present

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

    from riskkit.challenger import Challenger
    from riskkit.scorecard import ScoreScale

__all__ = ["recommended_parts", "rule_text", "show_fairness_beside"]

CALIBRATIONS = {
    "platt": "a line on the log-odds, fitted on rows they had not seen",
    "isotonic": "steps, fitted on rows they had not seen",
    "none": "nothing: they are the trees' own",
}


def rule_text(rules: pd.DataFrame, currency: str, *, short: bool = False) -> str:
    """What is recommended, between which cutoffs chance lies, and what it earns, in sentences.

    Parameters
    ----------
    rules : DataFrame
        Of :func:`strategy.rules_table`.
    currency : str
    short : bool
        What is recommended and its interval alone.
    """
    first = str(rules.index[0])
    kept = "keep today's policy" if rules["is_behind"].iloc[0] else "approve everybody"
    if not rules["is_taken"].any():
        return f"{kept}: there is no cutoff to recommend."
    best = rules[rules["is_taken"]].iloc[0]
    points = f"{best['cutoff']:.0f} points of the {best['model']}"
    what = f"approve from {points} on"
    if best["is_behind"]:
        what = f"keep today's policy and, of those it approves, decline below {points}"
    drawn = f"{best['cutoff_low']:.0f} to {best['cutoff_high']:.0f} in 95 of 100 other draws"
    if short:
        return f"{what} ({drawn})" if best["is_recommended"] else f"{kept}: no cutoff earns more"
    told = f"Recommended: {what}."
    if not best["is_recommended"]:
        told = (
            f"Recommended: {kept}, since no cutoff earns more beyond chance. The best one found, "
            f"which is not recommended: {what}."
        )
    told += (
        f" In 95 of 100 other draws of the loans the best cutoff of the {best['model']} lies "
        f"between {best['cutoff_low']:.0f} and {best['cutoff_high']:.0f}; "
        f"{best['model_again_rate']:.0%} of the draws take this model."
    )
    if pd.isna(best["gain_amount"]):
        return f"{told} What it earns is not known."
    earns = "is expected to earn" if best["is_expected"] else "earns"
    economics = ", on economics that nobody stated" if best["is_assumed"] else ""
    return (
        f"{told} Against {first} it {earns} {money_text(best, 'gain', currency, signed=True)}"
        f"{economics}; about {best['optimism_amount']:,.0f} {currency} of its profit are the luck "
        "of the choice."
    )


def show_fairness_beside(tables: Mapping[str, pd.DataFrame], *, caption: str) -> Styler:
    """Impact ratios of several ways to decide, side by side, each with its interval.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        What decides → its table of :func:`evidence.fairness_table`; the same groups in all.
    caption : str
    """
    columns = {}
    for name, table in tables.items():
        heading = f"{name}, {table.attrs['approval_rate']:.0%} approved"
        columns[heading] = [_ratio_text(row) for row in table.to_dict("records")]
    some = next(iter(tables.values()))
    # a source that names no protected attribute has no groups to count
    shown = pd.DataFrame(columns, index=some.index)
    if len(some):
        shown.insert(0, "applicants", some["applicants"])
    return show_table(shown, {"applicants": "whole"}, caption=caption, plain=True, rows=100)


def _ratio_text(row: Mapping[Any, Any]) -> str:
    ratio, low, high = (row[name] for name in ("impact_ratio", "impact_low", "impact_high"))
    if pd.isna(ratio):
        return "too few to say"
    if ratio == low == high == 1:
        return "1, reference"
    is_low = ratio < FOUR_FIFTHS
    # of many applicants the ends of an interval meet in two digits
    digits = 3 if high - low < 0.02 else 2
    value = below_text(ratio) if is_low else f"{ratio:.{digits}f}"
    return f"{value} ({low:.{digits}f} to {high:.{digits}f}){', below 4/5' if is_low else ''}"


def recommended_parts(
    challenger: Challenger | None,
    scale: ScoreScale,
    facts: SourceFacts,
    scores: pd.DataFrame,
    findings: Findings,
) -> list[Any]:
    """The recommended rule, and the challenger: what it is, how it ranks, whether it is right.

    Parameters
    ----------
    challenger : Challenger or None
    scale : ScoreScale
    facts, scores, findings
        As in :func:`model_card_sections`.
    """
    if challenger is None and findings.rules is None:
        return []
    parts: list[Any] = [("The recommended rule", _rule(facts, findings))]
    if findings.rule_fairness:
        parts.append(("Fairness as decided", _fairness(findings)))
    if challenger is None:
        return parts
    limits = challenger_limits(scale, scores, findings)
    return [
        *parts,
        ("What the challenger is", _what_it_is(challenger)),
        ("How the challenger ranks", _ranking(scores, findings)),
        ("Whether its probabilities are right", _calibration(limits, scores, findings)),
        ("Limits of challenger and rule", _limits([*limits, *rule_limits(findings)])),
    ]


def _rule(facts: SourceFacts, findings: Findings) -> list[Any]:
    rules, policies = findings.rules, findings.policies
    if rules is None:
        return ["No rule was left to judge."]
    parts: list[Any] = [rule_text(rules, facts.currency)]
    if policies is None:
        return parts
    named = [name for name in policies.index if name in rules.index]
    columns = ["applications", "approval_rate", "loans", "bad"]
    columns += ["bad_rate", "bad_rate_low", "bad_rate_high"]
    money = ["profit_amount", "profit_low", "profit_high"]
    formats = dict.fromkeys(columns[-3:], "percent2") | dict.fromkeys(money, "whole")
    names = {"approval_rate": facts.rate_name, "bad": "bads", "bad_rate_low": "95 % from"}
    names |= {"bad_rate_high": "to", "profit_amount": f"profit, {facts.currency}"}
    names |= {"profit_low": "95 % from ", "profit_high": "to "}
    shown = policies.loc[named, [*columns, *money]]
    caption = "Rules side by side, on the loans of known outcome among the approved"
    return [*parts, show_table(shown, formats, names=names, caption=caption)]


def _fairness(findings: Findings) -> list[Any]:
    tables = {name: table for name, table in findings.rule_fairness.items() if len(table)}
    if not tables:
        return ["The source names no protected attribute: nothing can be said of fairness."]
    models = {"scorecard": findings.fairness, "challenger": findings.challenger_fairness}
    alone = {name: table for name, table in models.items() if table is not None and len(table)}
    parts: list[Any] = [
        "Impact ratios of what decides beside those of the two models, each as the only rule at "
        "one share approved: approval of a group over that of the group approved most often, with "
        f"its 95 % interval. Below {FOUR_FIFTHS:g} a ratio calls for reasons.",
        show_fairness_beside({**tables, **alone}, caption="Impact ratio by group"),
    ]
    for name, table in tables.items():
        if name != TODAY:
            caption = f"{name.capitalize()}, {table.attrs['approval_rate']:.0%} approved"
            parts.append(show_finding("fairness", table, caption=caption))
    return [*parts, *declines_parts(findings)]


def declines_parts(findings: Findings) -> list[Any]:
    """Which decline reasons weigh on which group; nothing where the source records none."""
    if findings.declines is None or findings.declines.empty:
        return []
    heavy = heavy_reasons(findings.declines)
    told = "No reason declines a protected group more often than the others, beyond chance."
    if heavy.empty:
        return [told]
    caption = "Reasons that decline a group more often than the others, beyond chance"
    return [
        "A group's impact ratio under today's policy, and what it would be without the applicants "
        "whom that one reason declined:",
        show_finding("declines", heavy, caption=caption),
    ]


def _what_it_is(challenger: Challenger) -> list[Any]:
    used = [str(name) for name in challenger.feature_names_in_]
    trends = challenger.trends or {}
    bound = sum(trends.get(name) in ("ascending", "descending") for name in used)
    return [
        f"{challenger.n_rounds_:,} gradient-boosted trees of up to {challenger.n_leaves} leaves on "
        f"{count(len(used), 'feature')}, {bound} of them bound to a direction of risk, on the "
        "card's scale. Its probabilities are calibrated by "
        f"{CALIBRATIONS.get(challenger.calibration, challenger.calibration)}. It has no points to "
        "read: what a feature adds to one applicant is computed for that applicant, in the model "
        "file challenger.json.",
    ]


def _ranking(scores: pd.DataFrame, findings: Findings) -> list[Any]:
    judged = samples_present(scores["sample"])[-1]
    found, compared = findings.discrimination, findings.comparison
    parts: list[Any] = []
    if found is not None and (judged, "challenger") in found.index:
        row = found.loc[(judged, "challenger")]
        told = interval(row["auc"], row["auc_low"], row["auc_high"])
        parts.append(f"AUC {told} on the {loans(judged)}.")
        own = found[found.index.get_level_values(1) == "challenger"]
        caption = "How well the challenger ranks, with 95 % intervals"
        parts.append(show_finding("discrimination", samples_in_words(own), caption=caption))
    if compared is not None:
        parts.append(f"Against the card: {verdict(compared.loc[judged])}.")
    return parts


def _calibration(limits: Sequence[Limit], scores: pd.DataFrame, findings: Findings) -> list[Any]:
    told = [
        f"{limit.topic.removesuffix(', challenger')}: {limit.text}"
        for limit in limits
        if not limit.topic.startswith(("Fairness", "Grades", "Risk by", "Suppliers"))
    ]
    parts: list[Any] = [told] if told else []
    if findings.challenger_grades is not None:
        judged = plain(samples_present(scores["sample"])[-1])
        parts += [
            "Grades are bands of its score with about as many training loans each; the probability "
            "of a grade is the mean that the challenger states there.",
            show_finding(
                "grades", findings.challenger_grades, caption=f"Grades of the challenger, {judged}"
            ),
        ]
    return parts


def _limits(limits: Sequence[Limit]) -> list[Any]:
    worries = [x.told for x in sorted(limits, key=lambda x: not x.is_red) if x.attention]
    return [worries] if worries else ["Nothing of them deserves attention."]
