"""What each rule costs and spares: whom it declines, whom nobody else would, and how they repay.

Takes flags of rules and outcomes; gives a row a rule, and says which turn good customers away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
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
from riskkit.partitions import total
from riskkit.policy.firing import fired
from riskkit.schema import PolicyFile
from riskkit.tables import Table

__all__ = ["effects_of_all", "effects_text", "rule_effects"]

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
    return _table(_counted(flags, applications, passes, margin, truth), policy, level)


def effects_of_all(
    applications: Table,
    policy: PolicyFile,
    *,
    special_codes: Mapping[str, Collection[float]] | None = None,
    passes: Callable[[pd.DataFrame], pd.Series],
    score: str,
    margin_share: float = 0.2,
    read: Sequence[str] = (),
    truth: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """:func:`rule_effects` of all applications of a table, counted piece by piece.

    The margin are those who pass with a score in the lowest `margin_share` of all who pass.

    Parameters
    ----------
    applications : Table
        default_flag, the score, and the columns that the rules and `passes` read.
    policy : PolicyFile
    special_codes : mapping of column to numbers, optional
        As for :func:`fired`.
    passes : callable
        From rows to whether the score is at or above the cutoff; picklable.
    score : str
        Column of the score.
    margin_share : float
        In (0, 1).
    read : sequence of str
        Columns that `passes` reads.
    truth : str, optional
        Column of everyone's outcome, declined or not, where a simulation knows it.
    level : float

    Source
    ------
    As :func:`rule_effects`.
    """
    check_level(level)
    if not 0 < margin_share < 1:
        raise ValueError(f"margin_share must lie in (0, 1), got {margin_share!r}")
    passing = partial(_passing, passes=passes, score=score)
    own = list(dict.fromkeys([score, *read]))
    scores = total(passing, applications, columns=own)["n"]
    count = partial(
        _counted_rows,
        policy=policy,
        special_codes=special_codes,
        passes=passes,
        score=score,
        below=_quantile(scores, margin_share),
        truth=truth,
    )
    outcomes = ["default_flag"] if truth is None else ["default_flag", truth]
    columns = list(dict.fromkeys([*own, *outcomes, *policy.columns]))
    counts = total(count, applications, columns=columns)
    return _table(counts, policy, level)


def _passing(
    rows: pd.DataFrame, passes: Callable[[pd.DataFrame], pd.Series], score: str
) -> pd.DataFrame:
    """How many of these who pass have each score."""
    return rows.loc[passes(rows), score].value_counts().rename("n").to_frame()


def _quantile(counts: pd.Series, share: float) -> float:
    """Quantile of scores that were counted, between two of them by a straight line."""
    if counts.empty:
        return np.nan
    scores, upto = counts.sort_index().index.to_numpy(float), counts.sort_index().cumsum()
    place = (int(upto.iloc[-1]) - 1) * share
    low, high = (
        scores[np.searchsorted(upto.to_numpy(), at, side="right")]
        for at in (np.floor(place), np.ceil(place))
    )
    return float(low + (high - low) * (place - np.floor(place)))


def _counted_rows(
    rows: pd.DataFrame,
    policy: PolicyFile,
    special_codes: Mapping[str, Collection[float]] | None,
    passes: Callable[[pd.DataFrame], pd.Series],
    score: str,
    below: float,
    truth: str | None,
) -> pd.DataFrame:
    flags, passed = fired(rows, policy, special_codes), passes(rows)
    known = None if truth is None else rows[truth]
    return _counted(flags, rows, passed, passed & (rows[score] < below), known)


def _counted(
    flags: pd.DataFrame,
    applications: pd.DataFrame,
    passes: pd.Series | np.ndarray | None,
    margin: pd.Series | np.ndarray | None,
    truth: pd.Series | np.ndarray | None,
) -> pd.DataFrame:
    """What :func:`rule_effects` rests on, a row a rule; counts of parts add up."""
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
    for place, name in enumerate(flags.columns):
        here = fires[:, place]
        alone = here & (n_firing == 1) & scored
        row = {"n": n, "fires": int(here.sum())}
        row["declines_first"] = int((here & first[:, place]).sum())
        row["declines_alone"] = int(alone.sum())
        row["bad"], row["loans"] = seen_counts(flag, here)
        if truth is not None:
            row["true_bad"], row["true_n"] = seen_counts(known, here)
            row["first_bad"], row["first_n"] = seen_counts(known, here & first[:, place])
        row["alone_bad"], row["alone_loans"] = seen_counts(known, alone)
        row["margin_bad"], row["margin_loans"] = of_margin
        row["passed_bad"], row["passed_loans"] = of_passed
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")


def _table(counts: pd.DataFrame, policy: PolicyFile, level: float) -> pd.DataFrame:
    """Table of :func:`rule_effects` from what was counted."""
    rows = {}
    for rule in policy.rules:
        n = {str(name): int(value) for name, value in counts.loc[rule.name].items()}
        row: dict[str, Any] = {"label": rule.label, "step": rule.step}
        row |= {name: n[name] for name in ("fires", "declines_first", "declines_alone")}
        row["alone_rate"] = n["declines_alone"] / n["n"] if n["n"] else np.nan
        row |= {"loans": n["loans"], "bad": n["bad"]}
        row |= rate_columns(n["bad"], n["loans"], "bad", level)
        for name in ("true", "first") if "true_n" in n else ():
            row |= rate_columns(n[f"{name}_bad"], n[f"{name}_n"], name, level)
        row |= {"alone_bad": n["alone_bad"], "alone_loans": n["alone_loans"]}
        row |= rate_columns(n["alone_bad"], n["alone_loans"], "alone_bad", level)
        row |= {name: n[name] for name in ("margin_bad", "margin_loans")}
        row |= {name: n[name] for name in ("passed_bad", "passed_loans")}
        of_margin = (n["margin_bad"], n["margin_loans"])
        row["p_value"] = fisher_p_value(n["alone_bad"], n["alone_loans"], *of_margin)
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
