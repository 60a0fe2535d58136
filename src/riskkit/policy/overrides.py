"""Who was decided against the rule, by hand, past a rule or at random, and how that turned out.

Takes applications, flags of rules and a score; gives a row a kind, beside what the score expects.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import MIN_BADS, holm, p_text, rate_columns, rate_text
from riskkit.checks import check_level, flag_array, require_columns, same_rows
from riskkit.policy.judged import expected_line, expected_p_value

__all__ = ["exploration_table", "exploration_text", "override_table", "override_text"]

BY_HAND, DECLINED, PAST_RULE = "approved by hand", "declined by hand", "approved past a rule"
AS_EXPECTED, WORSE, BETTER, FEW, UNSEEN = (
    "not told from what the score expects",
    "worse than the score expects",
    "better than the score expects",
    "too few to say",
    "nobody has seen",
)
RANDOM, SELECTED = "approved at random", "approved as usual"


def override_table(
    applications: pd.DataFrame,
    score: pd.Series | np.ndarray,
    *,
    flags: pd.DataFrame | None = None,
    by_hand_reasons: tuple[str, ...] = (),
    level: float = 0.95,
) -> pd.DataFrame:
    """Decisions against score or rule, and how their loans did beside their score's expectation.

    What the score expects is a logistic line fitted on the loans that nobody overrode.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        approved, booked, default_flag and, where there are any, override (bool: approved by hand
        although the score declines), declined_reason and explored (bool: approved at random, which
        is neither).
    score : array of shape (n,)
        Higher is safer.
    flags : bool DataFrame of shape (n, n_rules), optional
        Of :func:`fired`: who was approved although a rule fires is a policy exception.
    by_hand_reasons : tuple of str
        Values of declined_reason that mean declined by hand.
    level : float

    Returns
    -------
    DataFrame, index kind
        "approved by hand", "declined by hand", "approved past a rule", as far as the columns can
        tell; applications, share (of all); loans, bad (of known outcome), bad_rate, bad_rate_low,
        bad_rate_high; expected_bad and expected_rate by the line, NaN where none can be fitted;
        p_value (of as many bads from their scores' probabilities, exact but for how sure the line
        is, two-sided, after Holm over the kinds), verdict.

    Source
    ------
    Hong (2013), Computational Statistics & Data Analysis 59, for the distribution of the bads;
    Holm (1979), Scandinavian Journal of Statistics 6(2). How unsure the line is, is averaged over.
    """
    check_level(level)
    require_columns(applications, ["approved", "booked", "default_flag"], "applications")
    same_rows(applications=applications, score=score, flags=flags)
    n = len(applications)
    approved = flag_array(applications["approved"], "approved", len(applications))
    at_random = _flag(applications, "explored")
    kinds = {}
    if "override" in applications:
        kinds[BY_HAND] = approved & _flag(applications, "override") & ~at_random
    if by_hand_reasons and "declined_reason" in applications:
        reason = applications["declined_reason"].isin(by_hand_reasons).to_numpy(bool)
        kinds[DECLINED] = ~approved & reason
    if flags is not None:
        fires = flags.to_numpy(bool).any(axis=1)
        overridden = kinds.get(BY_HAND, np.zeros(n, dtype=bool))
        kinds[PAST_RULE] = approved & fires & ~at_random & ~overridden
    points = np.asarray(score, dtype=float)
    outcome = applications["default_flag"].to_numpy(float)
    usual = ~at_random & ~np.logical_or.reduce([np.zeros(n, dtype=bool), *kinds.values()])
    return _beside_score(kinds, points, outcome, usual, level)


def exploration_table(
    applications: pd.DataFrame,
    would_decline: pd.Series | np.ndarray,
    score: pd.Series | np.ndarray,
    *,
    profit_amount: pd.Series | np.ndarray | None = None,
    level: float = 0.95,
) -> pd.DataFrame | None:
    """What approving at random, below the cutoff, costs and teaches; None where nobody does.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        approved, booked, default_flag, explored (bool: approved at random).
    would_decline : bool array of shape (n,)
        Whom rules or score would decline.
    score : array of shape (n,)
    profit_amount : array of shape (n,), optional
        What each loan of known outcome brought, in units of the currency; missing elsewhere.
    level : float

    Returns
    -------
    DataFrame, index kind, or None
        "approved at random" (those who would be declined) and "approved as usual" (neither
        explored nor would be declined); applications, share, loans, bad, bad_rate, bad_rate_low,
        bad_rate_high, expected_bad, expected_rate, p_value and verdict as of
        :func:`override_table`, by a line fitted on all loans that were not approved at random;
        with `profit_amount` also profit_amount (summed), profit_low, profit_high.

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    require_columns(applications, ["approved", "booked", "default_flag"], "applications")
    same_rows(applications=applications, would_decline=would_decline, score=score)
    if "explored" not in applications or not applications["explored"].any():
        return None
    approved = flag_array(applications["approved"], "approved", len(applications))
    at_random = _flag(applications, "explored")
    declines = flag_array(would_decline, "would_decline", len(applications)).astype(bool)
    kinds = {
        RANDOM: approved & at_random & declines,
        SELECTED: approved & ~at_random & ~declines,
    }
    points = np.asarray(score, dtype=float)
    outcome = applications["default_flag"].to_numpy(float)
    # what taught the line is no test of it
    table = _beside_score(kinds, points, outcome, ~at_random, level, untested=(SELECTED,))
    if profit_amount is None:
        return table
    money = np.asarray(profit_amount, dtype=float)
    sums = pd.DataFrame(
        [_sum_with_ends(money[rows & ~np.isnan(money)], level) for rows in kinds.values()],
        index=table.index,
        columns=["profit_amount", "profit_low", "profit_high"],
    )
    return table.join(sums)


def _beside_score(
    kinds: dict[str, np.ndarray],
    score: np.ndarray,
    outcome: np.ndarray,
    teaches: np.ndarray,
    level: float,
    untested: tuple[str, ...] = (),
) -> pd.DataFrame:
    line = expected_line(score, outcome, teaches)
    rows = {}
    for name, members in kinds.items():
        known = members & ~np.isnan(outcome) & ~np.isnan(score)
        bad, loans = int(outcome[known].sum()), int(known.sum())
        row: dict[str, Any] = {
            "applications": int(members.sum()),
            "share": members.mean() if len(members) else np.nan,
            "loans": loans,
            "bad": bad,
            **rate_columns(bad, loans, "bad", level),
            **dict.fromkeys(["expected_bad", "expected_rate", "p_value"], np.nan),
        }
        if line is not None and loans:
            probability = line.probability(score[known])
            row["expected_bad"], row["expected_rate"] = probability.sum(), probability.mean()
            if name not in untested:
                row["p_value"] = expected_p_value(bad, score[known], line)
        rows[name] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("kind")
    if table.empty:
        return pd.DataFrame(columns=[*_COLUMNS, "verdict"], index=pd.Index([], name="kind"))
    table["p_value"] = holm(table["p_value"])
    table["verdict"] = [_verdict(row, 1 - level) for _, row in table.iterrows()]
    table.loc[list(untested), "verdict"] = ""
    return table


_COLUMNS = (
    *("applications", "share", "loans", "bad", "bad_rate", "bad_rate_low", "bad_rate_high"),
    *("expected_bad", "expected_rate", "p_value"),
)


def _verdict(row: pd.Series, alpha: float) -> str:
    if not row["loans"]:
        return UNSEEN
    if pd.isna(row["expected_bad"]) or max(row["bad"], row["expected_bad"]) < MIN_BADS:
        return FEW
    if row["p_value"] >= alpha:
        return AS_EXPECTED
    return WORSE if row["bad"] > row["expected_bad"] else BETTER


def _flag(applications: pd.DataFrame, name: str) -> np.ndarray:
    if name not in applications:
        return np.zeros(len(applications), dtype=bool)
    return applications[name].fillna(False).to_numpy(bool)


def _sum_with_ends(values: np.ndarray, level: float) -> tuple[float, float, float]:
    """A sum, and its interval as of another draw of as many loans; NaN of fewer than two."""
    total = float(values.sum())
    if len(values) < 2:
        return total, np.nan, np.nan
    half = float(special.ndtri(0.5 + level / 2)) * float(np.sqrt(len(values)) * values.std(ddof=1))
    return total, total - half, total + half


def override_text(table: pd.DataFrame) -> str:
    """How decisions by hand, and past a rule, turned out beside the score, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`override_table` at its usual level.

    Source
    ------
    riskkit definition.
    """
    if table.empty or not table["applications"].any():
        return "Nobody was approved or declined by hand, nor past a rule, as far as the data tell."
    lines = [
        f"- **{str(name).capitalize()}**: {row['applications']:,} applications "
        f"({row['share']:.1%}); {_outcome(row)}."
        for name, row in table.iterrows()
        if row["applications"]
    ]
    return "\n".join(lines)


def _outcome(row: pd.Series) -> str:
    if row["verdict"] == UNSEEN:
        return "what became of them nobody has seen"
    told = f"bad rate {rate_text(row['bad'], row['loans'])}"
    if pd.notna(row["expected_rate"]):
        told += f"; their scores expect {row['expected_rate']:.1%}, {row['expected_bad']:,.0f} bads"
    if row["verdict"] == FEW:
        return f"{told}: too few to say"
    tested = f", {p_text(row['p_value'])}" if pd.notna(row["p_value"]) else ""
    is_clear = row["verdict"] in (WORSE, BETTER)
    verdict = f"**{row['verdict']}**" if is_clear else row["verdict"]
    return f"{told}: {verdict}{tested}"


def exploration_text(table: pd.DataFrame | None, currency: str = "") -> str:
    """What exploring below the cutoff costs and teaches, as Markdown.

    Parameters
    ----------
    table : DataFrame or None
        Of :func:`exploration_table` at its usual level.
    currency : str
        Of its profit, escaped.

    Source
    ------
    riskkit definition.
    """
    if table is None:
        return (
            "Nobody was approved at random: **what became of the declined is not known**, and no "
            "figure on them here is more than what the score supposes."
        )
    row, usual = table.loc[RANDOM], table.loc[SELECTED]
    if not row["loans"]:
        return (
            f"{row['applications']:,} of those who would be declined were approved at random, and "
            "no outcome of theirs is known yet."
        )
    text = (
        f"{row['applications']:,} applications ({row['share']:.1%}) that would be declined were "
        f"approved at random. **They teach** what becomes of the declined: {_outcome(row)}. Of "
        f"those approved as usual {rate_text(usual['bad'], usual['loans'])}."
    )
    if row["verdict"] == WORSE:
        text += (
            " So the score is too kind to the declined, and whatever is inferred of them from it "
            "is too low."
        )
    if row["verdict"] == BETTER:
        text += " So the declined repay better than the score says, and the cutoff may be too high."
    if "profit_amount" in table and pd.notna(row["profit_low"]):
        amount, low, high = row["profit_amount"], row["profit_low"], row["profit_high"]
        does = "**They cost**" if high < 0 else "They brought"
        sign = -1 if high < 0 else 1
        ends = sorted((sign * low, sign * high))
        text += (
            f" {does} {sign * amount:,.0f} {currency} (95 % interval {ends[0]:,.0f} to "
            f"{ends[1]:,.0f})"
        )
        unsure = "" if high < 0 or low > 0 else ", which cannot be told from nothing"
        text += f"{unsure}, on {row['loans']:,} loans of known outcome."
    return text
