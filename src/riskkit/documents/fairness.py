"""Whom models and rules treat how, in words: impact ratios, risk by group, reasons of decline.

Takes the tables of :mod:`riskkit.evidence`; gives one :class:`Limit` a matter, and the texts that
tables and key figures share. Proven is what holds for all groups together.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from riskkit import evidence
from riskkit.documents.words import (
    SIGNIFICANT,
    Findings,
    Limit,
    count,
    listed,
    plain,
)
from riskkit.evidence import FOUR_FIFTHS, below_text, group_text

__all__ = [
    "declines_limits",
    "group_limits",
    "groups_text",
    "risk_limit",
]

# of fewer, half as many bads as expected may be chance
FEW_EXPECTED = 20


def group_limits(table: pd.DataFrame | None) -> list[Limit]:
    """Groups below four fifths: proven ones red, what chance can explain amber.

    Parameters
    ----------
    table : DataFrame or None
        Of :func:`evidence.fairness_table`.
    """
    if table is None or table.empty:
        text = "treatment of protected groups could not be looked at"
        return [Limit("Fairness", text, True)]
    low, proven = _below(table)
    reach = int((~low & ~table["is_reference"] & (table["impact_low"] < FOUR_FIFTHS)).sum())
    may = f"; {count(reach, 'interval')} of others may reach below" if reach else ""
    found = []
    if proven.any():
        text = f"impact ratio below {FOUR_FIFTHS:g} beyond chance: {_ratios(table[proven])}"
        found.append(Limit("Fairness", text + ("" if (low & ~proven).any() else may), True, True))
    if (low & ~proven).any():
        chance = f"which chance in one of {count(_tested(table), 'group')} can explain"
        text = f"impact ratio below {FOUR_FIFTHS:g}, {chance}: {_ratios(table[low & ~proven])}"
        found.append(Limit("Fairness", text + may, True))
    if not found:
        text = f"no group has an impact ratio below {FOUR_FIFTHS:g}"
        found.append(Limit("Fairness", text + may, False))
    return found


def groups_text(table: pd.DataFrame | None) -> str:
    """How many groups lie below four fifths, of those that can, and how surely."""
    if table is None or table.empty or table["impact_ratio"].isna().all():
        return "not known"
    low, proven = _below(table)
    perhaps = int((~low & ~table["is_reference"] & (table["impact_low"] < FOUR_FIFTHS)).sum())
    told = f"{low.sum()} of {_tested(table)} ({proven.sum()} beyond chance)"
    return f"{told}; {perhaps} more may lie below" if perhaps else told


def _below(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    low = table["impact_ratio"] < FOUR_FIFTHS
    return low, low & table["beyond_chance"].astype(bool)


def _tested(table: pd.DataFrame) -> int:
    """Groups with a ratio that can lie below: the groups they are compared with cannot."""
    return int((table["impact_ratio"].notna() & ~table["is_reference"]).sum())


def _ratios(table: pd.DataFrame) -> str:
    return listed(
        f"{group_text(what, who)} ({below_text(row['impact_ratio'])}, {row['impact_low']:.3f} to "
        f"{row['impact_high']:.3f})"
        for (what, who), row in table.iterrows()
    )


def risk_limit(table: pd.DataFrame | None) -> list[Limit]:
    """Whether groups are refused on a risk that is overstated; nothing where no model predicts.

    Parameters
    ----------
    table : DataFrame or None
        Of :func:`evidence.fairness_table`.
    """
    if table is None or table.empty or "adjusted_p_value" not in table:
        return []
    refused = table["impact_ratio"] < FOUR_FIFTHS
    fewer = table["bad"] < table["expected_bad"]
    off = table["adjusted_p_value"] < SIGNIFICANT
    few = (
        refused & ~off & ((table["expected_bad"] < FEW_EXPECTED) | (table["p_value"] < SIGNIFICANT))
    )
    parts = [
        ("refused on overstated risk, beyond chance", refused & fewer & off),
        ("not as risky as predicted, beyond chance", ~refused & fewer & off),
        ("riskier than predicted, beyond chance", ~fewer & off),
        ("below four fifths, and too few loans to say whether on overstated risk", few),
        (
            "below four fifths, and no less risky than predicted beyond chance",
            refused & ~off & ~few,
        ),
    ]
    told = [f"{words}: {_bads(table[rows])}" for words, rows in parts if rows.any()]
    if not told:
        told = ["groups turn bad as often as predicted, as far as chance lets one say"]
    text = "; ".join(told)
    return [Limit("Risk by group", text, bool((off | few).any()), bool(parts[0][1].any()))]


def _bads(table: pd.DataFrame) -> str:
    return listed(
        f"{group_text(what, who)} ({row['bad']:,.0f} bads, {row['expected_bad']:.1f} expected; "
        f"{row['bads_to_expected']:.2f} times, {row['bads_low']:.2f} to {row['bads_high']:.2f})"
        for (what, who), row in table.iterrows()
    )


def declines_limits(findings: Findings) -> list[Limit]:
    """Rules on a protected attribute itself, and reasons behind a group's fewer approvals.

    Parameters
    ----------
    findings : Findings
        Their `declines` and `attribute_rules`.
    """
    found = []
    rules = findings.attribute_rules
    if rules is not None and len(rules):
        told = listed(
            f"reason “{plain(reason)}” by {attribute} ({row['declined']:,} declines, all at "
            f"{row['values']})"
            for (attribute, reason), row in rules.iterrows()
        )
        text = f"today's policy declines by a protected attribute itself: {told}{_kept(findings)}"
        found.append(Limit("Decline reasons", text, True, True))
    if findings.declines is None or findings.declines.empty:
        return found
    heavy = evidence.heavy_reasons(findings.declines)
    heavy = heavy[heavy["impact_ratio"] < FOUR_FIFTHS]
    if len(heavy):
        text = f"behind an impact ratio below {FOUR_FIFTHS:g}: {listed(_weights(heavy))}"
        found.append(Limit("Decline reasons", text, True))
    elif not found:
        text = f"no reason is behind an impact ratio below {FOUR_FIFTHS:g}, beyond chance"
        found.append(Limit("Decline reasons", text, False))
    return found


def _kept(findings: Findings) -> str:
    """That what is recommended keeps today's policy, and with it what it declines by."""
    rules = findings.rules
    if rules is None or rules.empty:
        return ""
    taken = rules[rules["is_recommended"].astype(bool)]
    keeps = len(taken) > 0 and bool(taken["is_behind"].iloc[0])
    return "; the recommended rule keeps that" if keeps else ""


def _weights(heavy: pd.DataFrame) -> Iterable[str]:
    for (what, who, reason), row in heavy.iterrows():
        alone = ": it alone explains it" if row["ratio_without"] >= FOUR_FIFTHS else ""
        yield (
            f"“{plain(reason)}” declines {row['share']:.1%} of {group_text(what, who)} against "
            f"{row['share_of_others']:.1%} of the others (ratio {row['impact_ratio']:.3f}, without "
            f"it {row['ratio_without']:.2f}{alone})"
        )
