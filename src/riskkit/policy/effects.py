"""What each rule costs and spares: whom it declines, whom nobody else would, and how they repay.

Takes flags of rules and outcomes; gives a row a rule, and says which turn good customers away.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from riskkit.chance import (
    MIN_BADS,
    fisher_p_value,
    holm,
    p_text,
    rate_columns,
    rate_text,
    seen_counts,
)
from riskkit.checks import check_level, flag_array, require_columns, same_rows
from riskkit.columns import verbatim
from riskkit.schema import PolicyFile

__all__ = ["effects_text", "rule_effects"]

VERDICTS = ("worse than the margin", "better than the margin", "as the margin", "too few to say")
NOBODY = "declines nobody alone"


def rule_effects(
    flags: pd.DataFrame,
    policy: PolicyFile,
    applications: pd.DataFrame,
    *,
    passes: pd.Series | np.ndarray | None = None,
    margin: pd.Series | np.ndarray | None = None,
    truth: pd.Series | np.ndarray | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Whom each rule declines, and whether they would have repaid worse than who just passes.

    A rule decides about those whom nothing else declines: were it dropped, they would be approved.
    Their bad rate is held against that of the approved margin.

    Parameters
    ----------
    flags : bool DataFrame of shape (n, n_rules)
        Of :func:`fired`.
    policy : PolicyFile
        Whose rules they are.
    applications : DataFrame of shape (n,)
        default_flag, known of loans only.
    passes : bool array of shape (n,), optional
        Whether the score is at or above the cutoff; by default every score is.
    margin : bool array of shape (n,), optional
        The worst of the approved, such as the band right above the cutoff; only those who pass
        count. By default all who pass.
    truth : array of shape (n,), optional
        Outcome of everyone, declined or not (1 bad, 0 good), where a simulation knows it.
    level : float

    Returns
    -------
    DataFrame, index rule, in the order of the file
        label, step; fires, declines_first, declines_alone (no other rule and no score would), and
        alone_rate (those ÷ all applications: what approval would gain were the rule dropped);
        loans, bad, bad_rate, bad_rate_low, bad_rate_high (booked loans of known outcome on which
        it fires); where `truth` is given, true_rate and first_rate, each with _low and _high (of
        all on whom it fires, of all it declines first). Those it alone declines: alone_loans and
        alone_bad (of the truth where it is given, else seen), alone_bad_rate with _low and _high;
        margin_loans, margin_bad (the same of the margin) and passed_loans, passed_bad (of all who
        pass); p_value (Fisher's exact test of alone against margin, two-sided, after Holm over the
        rules), verdict.

    Raises
    ------
    ValueError
        The rows differ, or flags are not those of the policy.

    Source
    ------
    riskkit definition; Holm (1979), Scandinavian Journal of Statistics 6(2).
    """
    check_level(level)
    same_rows(flags=flags, applications=applications, passes=passes, margin=margin, truth=truth)
    require_columns(applications, ["default_flag"], "applications")
    if list(flags.columns) != [rule.name for rule in policy.rules]:
        raise ValueError(f"flags must be those of the policy's rules, got {list(flags.columns)}")
    n = len(flags)
    fires = flags.to_numpy(bool)
    scored = np.ones(n, dtype=bool) if passes is None else flag_array(passes, "passes", n)
    passed = scored & ~fires.any(axis=1)
    worst = passed if margin is None else passed & flag_array(margin, "margin", n)
    flag = applications["default_flag"].to_numpy(float)
    known = flag if truth is None else np.asarray(truth, dtype=float)
    first = np.cumsum(fires, axis=1) == 1
    n_firing = fires.sum(axis=1)
    of_margin, of_passed = seen_counts(known, worst), seen_counts(known, passed)
    rows = {}
    for place, rule in enumerate(policy.rules):
        here = fires[:, place]
        alone = here & (n_firing == 1) & scored
        bad, loans = seen_counts(flag, here)
        row: dict[str, Any] = {
            "label": rule.label,
            "step": rule.step,
            "fires": int(here.sum()),
            "declines_first": int((here & first[:, place]).sum()),
            "declines_alone": int(alone.sum()),
            "alone_rate": alone.sum() / n if n else np.nan,
            "loans": loans,
            "bad": bad,
            **rate_columns(bad, loans, "bad", level),
        }
        if truth is not None:
            row |= rate_columns(*seen_counts(known, here), "true", level)
            row |= rate_columns(*seen_counts(known, here & first[:, place]), "first", level)
        row["alone_bad"], row["alone_loans"] = seen_counts(known, alone)
        row |= rate_columns(row["alone_bad"], row["alone_loans"], "alone_bad", level)
        row["margin_bad"], row["margin_loans"] = of_margin
        row["passed_bad"], row["passed_loans"] = of_passed
        row["p_value"] = fisher_p_value(row["alone_bad"], row["alone_loans"], *of_margin)
        rows[rule.name] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")
    table["p_value"] = holm(table["p_value"])
    table["verdict"] = [_verdict(row, 1 - level) for _, row in table.iterrows()]
    return table


def _verdict(row: pd.Series, alpha: float) -> str:
    if not row["declines_alone"]:
        return NOBODY
    if not row["alone_loans"] or not row["margin_loans"]:
        return VERDICTS[3]
    of_margin = row["margin_bad"] / row["margin_loans"]
    if max(row["alone_bad"], row["alone_loans"] * of_margin) < MIN_BADS:
        return VERDICTS[3]
    if row["p_value"] >= alpha:
        return VERDICTS[2]
    return VERDICTS[0] if row["alone_bad_rate"] > of_margin else VERDICTS[1]


def effects_text(effects: pd.DataFrame, *, is_true: bool, margin: str = "the margin") -> str:
    """Which rules turn good customers away, which do not, and of which nobody can say, as Markdown.

    Parameters
    ----------
    effects : DataFrame
        Of :func:`rule_effects` at its usual level.
    is_true : bool
        Whether the outcome of the declined is known (a simulation), or only of booked loans.
    margin : str
        What the approved margin is called.

    Source
    ------
    riskkit definition.
    """
    if effects.empty:
        return "There are no rules."
    row = effects.iloc[0]
    of_margin = rate_text(row["margin_bad"], row["margin_loans"])
    of_passed = rate_text(row["passed_bad"], row["passed_loans"])
    whose = "true bad rate" if is_true else "bad rate of booked loans"
    text = (
        f"Of those who pass all rules and the score, the {whose} is {of_passed}; of "
        f"{margin}, {of_margin}. A rule is judged by those whom **nothing else declines**, against "
        f"{margin} (Fisher's exact test, after Holm over {len(effects)} rules)."
    )
    if not is_true:
        text += (
            " What became of the declined nobody has seen: only loans booked although a rule fires "
            "count, and whoever approved them had a reason."
        )
    by_verdict = effects.groupby("verdict", sort=False)
    told = {
        VERDICTS[1]: "**Turns good customers away:**",
        VERDICTS[2]: "Cannot be told from the margin; whether it spares anything, these loans do "
        "not show:",
        VERDICTS[0]: "Declines worse than is approved, beyond chance:",
        VERDICTS[3]: f"Too few to say (fewer than {MIN_BADS} bads seen or expected):",
        NOBODY: "Declines nobody whom nothing else declines:",
    }
    lines = [
        f"- {words} {_listed(by_verdict.get_group(name))}."
        for name, words in told.items()
        if name in by_verdict.groups
    ]
    return "\n".join([text, "", *lines])


def _listed(rows: pd.DataFrame) -> str:
    return "; ".join(_told(row) for _, row in rows.iterrows())


def _told(row: pd.Series) -> str:
    told = f"*{verbatim(row['label'])}*"
    if not row["declines_alone"]:
        return told
    parts: Iterable[str] = [f"{row['declines_alone']:,} alone"]
    if row["alone_loans"]:
        parts = [*parts, rate_text(row["alone_bad"], row["alone_loans"])]
    if row["verdict"] in VERDICTS[:2]:
        parts = [*parts, p_text(row["p_value"])]
    return f"{told} ({', '.join(parts)})"
