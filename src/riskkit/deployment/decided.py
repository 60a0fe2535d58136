"""The whole decision on each application: rules first, then the score, then the grade.

Takes which rules fire, scores, and where to cut; gives who declines whom, and the decision as a
table that a person can read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import (
    flag_array,
    numeric_array,
    refuse_missing,
    require_columns,
    same_rows,
)
from riskkit.deployment.in_force import ScoreRule
from riskkit.partitions import collected
from riskkit.policy import fired
from riskkit.schema import PolicyFile
from riskkit.tables import Table

__all__ = [
    "ALL",
    "BY_SCORE",
    "BY_TODAY",
    "approved_rows",
    "check_cutoffs_by_segment",
    "check_rules",
    "check_scale",
    "decide",
    "decide_rows",
    "decision_table",
    "decline_table",
]

ALL = "all"
BY_SCORE, BY_TODAY = "score", "todays_policy"


def check_cutoffs_by_segment(cutoffs: Mapping[str, float], segment: object) -> None:
    """Refuse cutoffs that leave out somebody.

    Raises
    ------
    ValueError
        One cutoff under another name than ``all``, several without a segment, one not finite.
    """
    if segment is None and set(cutoffs) != {ALL}:
        raise ValueError(
            f"without segments the one cutoff is called {ALL!r}, got {sorted(cutoffs)}"
        )
    if not cutoffs or not all(np.isfinite(cutoff) for cutoff in cutoffs.values()):
        raise ValueError(f"cutoffs must be finite, got {dict(cutoffs)!r}")


def check_scale(scale: pd.DataFrame) -> None:
    """Refuse a rating scale on which some score has no grade, or two.

    Raises
    ------
    ValueError
        No grade, none that reaches down to every score, or two of one name or from one score on.
    """
    require_columns(scale, ["score_low"], "scale")
    low = scale["score_low"].to_numpy(float)
    if not len(low) or low.min() != -np.inf or np.isnan(low).any():
        raise ValueError(
            f"the lowest grade must have score_low -inf, so that every score has one, got {[*low]}"
        )
    if not scale.index.is_unique or len(np.unique(low)) < len(low):
        raise ValueError(
            f"each grade has a name and a score_low of its own, got {list(scale.index)} "
            f"from {[*low]}"
        )


def check_rules(names: Iterable[object]) -> None:
    """Refuse rules that could not be told apart in what declined somebody.

    Raises
    ------
    ValueError
        Two rules of one name, or one called as the score or today's policy are.
    """
    told = [str(name) for name in names]
    twice = sorted({name for name in told if told.count(name) > 1})
    if twice or {BY_SCORE, BY_TODAY} & {*told}:
        raise ValueError(
            f"each rule has a name of its own, neither {BY_SCORE} nor {BY_TODAY}, got {told}"
        )


def _check_segment(segment: pd.Series) -> None:
    values = segment.cat.categories if isinstance(segment.dtype, pd.CategoricalDtype) else segment
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind not in ("string", "integer", "empty"):
        raise ValueError(f"segment must be text, or whole numbers, got {kind} ({segment.dtype})")


def decide(
    fired: pd.DataFrame,
    score: ArrayLike,
    scale: pd.DataFrame,
    cutoffs: Mapping[str, float],
    *,
    segment: pd.Series | None = None,
    passed_today: ArrayLike | None = None,
) -> pd.DataFrame:
    """What is decided on each application, and by whom.

    Parameters
    ----------
    fired : bool DataFrame of shape (n, n_rules)
        Which rules fire, in the order in which they are asked; the first that does is the reason.
    score : array of shape (n,)
    scale : DataFrame, index grade
        Of :func:`riskkit.rating.rating_scale`.
    cutoffs : mapping of segment to float
        Approved at or above; without segments the one cutoff is called ``all``.
    segment : Series of shape (n,), optional
        Segment of each application, such as its channel. Whose segment has no cutoff, or who has
        none, is held to the cutoff ``all``, where there is one, else to the highest.
    passed_today : bool array of shape (n,), optional
        Whom today's policy approves, where the decision is made behind it.

    Returns
    -------
    DataFrame of shape (n, 5), index of `fired`
        score, grade, cutoff; declined_by (a rule's name, ``todays_policy``, ``score``, missing
        where approved); approved (bool).

    Raises
    ------
    ValueError
        A score is missing, lengths differ, a scale on which some score has no grade, two rules of
        one name, segments that are no text, or as :func:`check_cutoffs_by_segment`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> fired = pd.DataFrame({"age": [True, False, False]})
    >>> scale = pd.DataFrame({"score_low": [600, -np.inf]}, index=["A1", "B1"])
    >>> decided = decide(fired, [610, 610, 540], scale, {"all": 550})
    >>> decided["declined_by"].tolist(), decided["grade"].tolist()
    (['age', nan, 'score'], ['A1', 'A1', 'B1'])
    """
    same_rows(fired=fired, score=score, segment=segment, passed_today=passed_today)
    check_cutoffs_by_segment(cutoffs, segment)
    check_scale(scale)
    check_rules(fired.columns)
    if segment is not None:
        _check_segment(segment)
    points = numeric_array(score, "score", len(fired)).astype(float)
    refuse_missing(points, "score")
    cutoff = _cutoff_of_each(cutoffs, segment, len(fired))
    flags = {str(name): flag_array(column, str(name), len(fired)) for name, column in fired.items()}
    if passed_today is not None:
        flags[BY_TODAY] = ~flag_array(passed_today, "passed_today", len(fired))
    flags[BY_SCORE] = points < cutoff
    stacked = np.column_stack(list(flags.values()))
    approved = ~stacked.any(axis=1)
    code = np.where(approved, -1, stacked.argmax(axis=1))
    by_score = scale.sort_values("score_low")
    place = np.searchsorted(by_score["score_low"].to_numpy(), points, side="right") - 1
    grades = by_score.index.to_numpy()[place]
    return pd.DataFrame(
        {
            "score": points,
            "grade": pd.Categorical(grades, categories=list(scale.index), ordered=True),
            "cutoff": cutoff,
            "declined_by": pd.Categorical.from_codes(code, categories=list(flags)),
            "approved": approved,
        },
        index=fired.index,
    )


def decide_rows(
    applications: pd.DataFrame,
    *,
    rule: ScoreRule,
    scale: pd.DataFrame,
    policy: PolicyFile | None = None,
    special_codes: Mapping[str, Collection[float]] | None = None,
) -> pd.DataFrame:
    """The whole decision on these applications, beside their ids: what a table of them is left by.

    Parameters
    ----------
    applications : DataFrame of shape (n, n_columns)
        application_id, the rule's score, approved (bool, by today's policy), and what the rules of
        the policy read.
    rule : ScoreRule
    scale : DataFrame, index grade
        Of :func:`riskkit.rating.rating_scale`.
    policy : PolicyFile, optional
        Whose rules are asked before the score.
    special_codes : mapping of column to numbers, optional
        As for :func:`riskkit.policy.fired`.

    Returns
    -------
    DataFrame of shape (n, 6)
        application_id, then the columns of :func:`decide`.

    Raises
    ------
    ValueError
        As :func:`decide`.

    Source
    ------
    riskkit definition.
    """
    fires = pd.DataFrame(index=applications.index)
    if policy is not None:
        fires = fired(applications, policy, special_codes)
    behind = {"passed_today": applications["approved"]} if rule.is_behind else {}
    cutoffs = {ALL: rule.cutoff}
    decided = decide(fires, applications[rule.model], scale, cutoffs, **behind)
    return applications[["application_id"]].join(decided)


def approved_rows(decisions: Table, columns: Sequence[str]) -> pd.DataFrame:
    """Whom the whole decision approves, of all applications, whichever their number.

    Parameters
    ----------
    decisions : Table
        Of :func:`decide_rows`, beside what else is wanted of the applications.
    columns : sequence of str
        Those wanted, as far as the table has them; a grade comes as text.

    Source
    ------
    riskkit definition.
    """
    wanted = [name for name in columns if name in decisions.columns]
    read = list(dict.fromkeys([*wanted, "approved"]))
    return collected(partial(_approved, columns=wanted), decisions, columns=read)


def _approved(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    own = rows.loc[rows["approved"], columns]
    # levels of a category would be rows of what is counted by them
    return own.assign(grade=own["grade"].astype(object)) if "grade" in own else own


def decline_table(decided: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """How many each step of the decision declines first, and how many it leaves.

    Parameters
    ----------
    decided : DataFrame
        Of :func:`decide`.
    labels : mapping of rule to its label

    Returns
    -------
    DataFrame, index declined_by in the order in which it is asked, ``approved`` last
        label, applications, share of all.
    """
    counts = decided["declined_by"].value_counts(sort=False)
    counts = counts.reindex(decided["declined_by"].cat.categories, fill_value=0)
    counts["approved"] = int(decided["approved"].sum())
    named = {
        BY_TODAY: "Declined by today's policy",
        BY_SCORE: "Score too low",
        "approved": "Approved",
    }
    told = {**labels, **named}
    table = pd.DataFrame(
        {
            "label": [told.get(str(name), str(name)) for name in counts.index],
            "applications": counts.to_numpy(),
            "share": counts.to_numpy() / max(len(decided), 1),
        },
        index=pd.Index(counts.index.astype(str), name="declined_by"),
    )
    return table


def otherwise(cutoffs: Mapping[str, float]) -> float:
    """Cutoff of whose segment has none."""
    return float(cutoffs.get(ALL, max(cutoffs.values())))


def _cutoff_of_each(cutoffs: Mapping[str, float], segment: pd.Series | None, n: int) -> np.ndarray:
    if segment is None:
        return np.full(n, float(cutoffs[ALL]))
    named = segment.astype("str").map({name: float(value) for name, value in cutoffs.items()})
    return named.fillna(otherwise(cutoffs)).to_numpy(float)


def decision_table(
    conditions: pd.DataFrame | None,
    scale: pd.DataFrame,
    cutoffs: Mapping[str, float],
    *,
    model: str,
    segment: str = "",
    behind_today: bool = False,
) -> pd.DataFrame:
    """The decision in the order in which it is made, a row a step, for people to read.

    Parameters
    ----------
    conditions : DataFrame, a row a condition, or None
        Of :func:`riskkit.policy.condition_table`; None where there are no rules.
    scale, cutoffs
        As for :func:`decide`.
    model : str
        Whose score it is.
    segment : str
        Column of the segments; empty where there are none.
    behind_today : bool
        Whether only those whom today's policy approves are asked for their score.

    Returns
    -------
    DataFrame, index order from 1
        step (identity, rules, policy, score, grade), name, label, condition (in words), outcome.
    """
    rows = []
    for name, rule in () if conditions is None else conditions.groupby("rule", sort=False):
        first = rule.iloc[0]
        told = f" {'or' if first['needs'] == 'any' else 'and'} ".join(
            _condition_words(row) for row in rule.itertuples()
        )
        rows.append((first["step"], name, first["label"], told, "decline"))
    if behind_today:
        told = "approved is false"
        rows.append(("policy", BY_TODAY, "Declined by today's policy", told, "decline"))
    for name, cutoff in cutoffs.items():
        where = f" where {segment} is {name}" if segment and name != ALL else ""
        label = f"Score of the {model} too low{where}"
        rows.append(("score", BY_SCORE, label, f"score < {_exact(cutoff)}{where}", "decline"))
    for grade, row in scale.iterrows():
        low, high = row["score_low"], row["score_high"]
        ends = [f"score >= {_exact(low)}"] if np.isfinite(low) else []
        ends += [f"score < {_exact(high)}"] if np.isfinite(high) else []
        label = f"Probability of bad {row['probability']:.2%}"
        told = " and ".join(ends) or "any score"
        rows.append(("grade", grade, label, told, f"grade {grade}"))
    columns = ["step", "name", "label", "condition", "outcome"]
    index = pd.RangeIndex(1, len(rows) + 1, name="order")
    return pd.DataFrame(rows, columns=columns, index=index)


def _condition_words(condition: object) -> str:
    column, operator, value, times = (
        getattr(condition, name) for name in ("column", "operator", "value", "times")
    )
    if operator == "is_missing":
        return f"{column} is {'' if value else 'not '}missing"
    given = [_value_words(one) for one in (value if isinstance(value, tuple) else (value,))]
    return f"{column} {operator.replace('_', ' ')} {', '.join(given)}" + (
        f" × {times}" if times else ""
    )


def _exact(value: float) -> str:
    """The number in short, unless that is another number."""
    short = f"{value:.10g}"
    return short if float(short) == value else f"{value:.17g}"


def _value_words(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return _exact(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
