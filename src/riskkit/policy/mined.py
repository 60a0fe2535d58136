"""Mined rules as a policy, how they do on loans that did not choose them, and in words.

Takes rows of :func:`mine_rules`; gives a policy file, a judged row a rule, and sentences.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from riskkit.chance import MIN_BADS, holm, p_text, rate_columns, rate_text
from riskkit.checks import check_level, numeric_array, outcome_state, same_rows
from riskkit.columns import verbatim
from riskkit.policy.firing import fired
from riskkit.schema import PolicyFile

__all__ = [
    "ENDS",
    "as_policy",
    "counted",
    "judge_mined",
    "mined_policy",
    "mined_text",
    "one_sided",
]

ENDS = ("column", "operator", "value")
JUDGED = (
    *("rule", "fires", "applications", "loss_rate", "loans", "bad", "bad_rate", "bad_rate_low"),
    *("bad_rate_high", "rest_loans", "rest_bad", "rest_rate", "p_value", "verdict"),
)


def counted(met: np.ndarray, left: np.ndarray, state: np.ndarray, level: float) -> dict[str, Any]:
    """A rule's counts among whom the rules before leave over."""
    here, rest = met & left, left & ~met
    good, bad = (int((here & (state == kind)).sum()) for kind in (1, 2))
    rest_good, rest_bad = (int((rest & (state == kind)).sum()) for kind in (1, 2))
    return {
        "fires": int(met.sum()),
        "applications": int(here.sum()),
        "loss_rate": here.mean() if len(here) else np.nan,
        "loans": good + bad,
        "bad": bad,
        **rate_columns(bad, good + bad, "bad", level),
        "rest_loans": rest_good + rest_bad,
        "rest_bad": rest_bad,
    }


def one_sided(table: pd.DataFrame) -> np.ndarray:
    """Fisher's exact test of more bads than the rest has."""
    bad, loans = table["bad"], table["loans"]
    known, bads = loans + table["rest_loans"], bad + table["rest_bad"]
    p_values = stats.hypergeom.sf(bad - 1, known, bads, loans)
    return np.where((loans > 0) & (table["rest_loans"] > 0), p_values, np.nan)


def mined_policy(mined: pd.DataFrame) -> PolicyFile:
    """The mined rules as a policy file, for :func:`fired`, and to be copied into one.

    Parameters
    ----------
    mined : DataFrame
        Of :func:`mine_rules`, with at least one row.

    Source
    ------
    riskkit definition.
    """
    return as_policy(mined.to_dict("records"))


def as_policy(rows: Sequence[Mapping[Any, Any]]) -> PolicyFile:
    """Rows with conditions of side a and, where there is one, b as rules of a policy."""
    rules = []
    for number, row in enumerate(rows, start=1):
        conditions = [
            {end: row[f"{end}_{side}"] for end in ENDS} for side in "ab" if row[f"column_{side}"]
        ]
        rule = {"name": f"mined_{number}", "label": f"Mined rule {number}", "step": "rules"}
        rules.append({**rule, "all": conditions})
    return PolicyFile.model_validate({"name": "Mined", "rules": rules})


def judge_mined(
    mined: pd.DataFrame,
    X: pd.DataFrame,
    y: pd.Series | np.ndarray,
    special_codes: Mapping[str, Collection[float]] | None = None,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """How mined rules do on loans that did not choose them.

    Parameters
    ----------
    mined : DataFrame
        Of :func:`mine_rules`.
    X, y
        As of :func:`mine_rules`, of other months or other loans.
    special_codes : mapping of column to numbers, optional
        As of :func:`fired`.
    level : float

    Returns
    -------
    DataFrame, index rank
        rule, fires, applications, loss_rate, loans, bad, bad_rate, bad_rate_low, bad_rate_high,
        rest_loans, rest_bad, as of :func:`mine_rules`; rest_rate; p_value (Fisher's exact test
        against the rest, one-sided, after Holm over the rules); verdict: "holds", "cannot be told
        from chance", or "too few to say" (fewer than 30 bads, and not told from chance).

    Source
    ------
    riskkit definition; Holm (1979), Scandinavian Journal of Statistics 6(2).
    """
    check_level(level)
    same_rows(X=X, y=y)
    if mined.empty:
        return pd.DataFrame(columns=[*JUDGED], index=mined.index)
    flags = fired(X, mined_policy(mined), special_codes).to_numpy(bool)
    state = outcome_state(numeric_array(y, "y", len(X)))
    left, rows = np.ones(len(X), dtype=bool), []
    for place, rule in enumerate(mined["rule"]):
        met = flags[:, place]
        rows.append({"rule": rule, **counted(met, left, state, level)})
        left = left & ~met
    table = pd.DataFrame(rows, index=mined.index)
    rest = table["rest_loans"]
    table["rest_rate"] = (table["rest_bad"] / rest).where(rest > 0)
    table["p_value"] = holm(one_sided(table))
    unsure = np.where(table["bad"] < MIN_BADS, "too few to say", "cannot be told from chance")
    table["verdict"] = np.where(table["p_value"] < 1 - level, "holds", unsure)
    return table[[*JUDGED]]


def mined_text(
    mined: pd.DataFrame,
    judged: pd.DataFrame,
    where: str,
    *,
    behind: pd.DataFrame | None = None,
    policy: str = "",
) -> str:
    """Which mined rules hold on loans that did not choose them, of how many tried, as Markdown.

    Parameters
    ----------
    mined, judged : DataFrame
        Of :func:`mine_rules` and :func:`judge_mined`, at their usual level.
    where : str
        What the other loans are called, such as "the out-of-time months".
    behind : DataFrame, optional
        Of :func:`judge_mined` on those of them whom another policy leaves over.
    policy : str
        What that policy is called.

    Source
    ------
    riskkit definition.
    """
    if mined.empty:
        return "**No rule was found:** no cut declines more bads than as many others have."
    tried = int(mined["tried"].iloc[0])
    held = judged[judged["verdict"] == "holds"]
    found = (
        "the best one" if len(mined) == 1 else f"the {len(mined)} best, each beside those before"
    )
    text = (
        f"Of {tried:,} rules of one or two conditions, {found}, were tested {where} (Fisher's "
        f"exact test, one-sided, after Holm over {len(judged)}). "
    )
    if held.empty:
        return (
            text
            + (
                "**None of them holds there beyond chance**: what was found in training may be the "
                "luck of the search."
            )
            + _behind_text(judged, behind, policy)
        )
    lines = []
    for rank, row in held.iterrows():
        few = ", few" if row["bad"] < MIN_BADS else ""
        searched = mined.loc[rank, "p_value"] < 0.05
        how = "" if searched else "; in training it was not beyond the luck of the search"
        rest = rate_text(row["rest_bad"], row["rest_loans"])
        lines.append(
            f"- *{verbatim(row['rule'])}*: {rate_text(row['bad'], row['loans'])}{few}; of the "
            f"others {rest}; {p_text(row['p_value'])}, for {row['loss_rate']:.1%} of the "
            f"approvals{how}."
        )
    told = "\n".join([f"{text}**{len(held)} of {len(judged)} hold there:**", "", *lines])
    return f"{told}\n{_behind_text(judged, behind, policy)}"


def _behind_text(judged: pd.DataFrame, behind: pd.DataFrame | None, policy: str) -> str:
    """What is left to the rules where another policy declines before them."""
    if behind is None or behind.empty:
        return ""
    left, loans, bad = (int(behind[name].sum()) for name in ("applications", "loans", "bad"))
    seen = f": {rate_text(bad, loans)}" if loans else ", no loan of known outcome among them"
    text = f"\n\nBehind {policy}, which declines before them, they are left {left:,}{seen}. "
    held = behind["verdict"] == "holds"
    if held.any():
        rules = ", ".join(f"*{verbatim(rule)}*" for rule in behind.loc[held, "rule"])
        return f"{text}**There too hold** {rules}."
    found = int(judged["bad"].sum())
    return (
        f"{text}**None holds there**: of {found:,} bads they find, {found - bad:,} go before them."
    )
