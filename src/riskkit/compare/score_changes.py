"""Whether one and the same application is scored otherwise, and whether that ranks better.

Takes the scores of two runs; gives tables about the applications that both have.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from riskkit import metrics
from riskkit.scorecard import ScoreScale
from riskkit.target import samples_present

__all__ = [
    "MIN_EACH",
    "MODELS",
    "grade_changes",
    "judging_loans",
    "on_scale",
    "paired_scores",
    "ranking_changes",
    "score_shift",
]

MODELS = ("scorecard", "challenger")
MIN_EACH = 10  # goods, and bads, below which no AUC is given
_Z95 = 1.959963984540054


def paired_scores(a: pd.DataFrame, b: pd.DataFrame, ids: pd.Index) -> pd.DataFrame:
    """Scores of both runs of each application that both have, with its outcome by run B.

    Parameters
    ----------
    a, b : DataFrame
        application_id, sample, scorecard, challenger; of b also default_flag and booked.
    ids : Index

    Returns
    -------
    DataFrame of shape (n_common,)
        sample_a, sample_b, scorecard_a, scorecard_b, challenger_a, challenger_b, default_flag,
        booked; no application is named.
    """
    one, other = (table.set_index("application_id") for table in (a, b))
    ids = ids[ids.isin(one.index) & ids.isin(other.index)]
    one, other = one.loc[ids], other.loc[ids]
    sides = {
        f"{name}_{end}": table[name].to_numpy()
        for name in ("sample", *MODELS)
        for end, table in (("a", one), ("b", other))
    }
    known = {name: other[name].to_numpy() for name in ("default_flag", "booked")}
    return pd.DataFrame({**sides, **known})


def on_scale(score: pd.Series, of: ScoreScale, to: ScoreScale) -> pd.Series:
    """Scores of one scale on another, through the probability of bad they stand for."""
    if of == to:
        return score.astype(float)
    return pd.Series(to.score(of.probability(score.to_numpy())), index=score.index)


def score_shift(pairs: pd.DataFrame, scale_a: ScoreScale, scale_b: ScoreScale) -> pd.DataFrame:
    """How far the scores of the same applications have moved, in points of A's scale.

    Parameters
    ----------
    pairs : DataFrame
        Of :func:`paired_scores`.
    scale_a, scale_b : ScoreScale

    Returns
    -------
    DataFrame, index model
        applications, mean_a, mean_b, difference (B less A) with its paired 95 % interval low and
        high, lower_share, higher_share: whose score fell, whose rose, by half a point or more. NaN
        without applications; no interval with fewer than two.
    """
    rows = {}
    for model in MODELS:
        now = on_scale(pairs[f"{model}_b"], scale_b, scale_a)
        moved = now - pairs[f"{model}_a"]
        n, mean = len(moved), moved.mean()
        half = _Z95 * moved.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
        rows[model] = {
            "applications": n,
            "mean_a": pairs[f"{model}_a"].mean(),
            "mean_b": now.mean(),
            "difference": mean,
            "low": mean - half,
            "high": mean + half,
            "lower_share": (moved <= -0.5).mean(),
            "higher_share": (moved >= 0.5).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def grade_changes(
    pairs: pd.DataFrame, training_a: pd.DataFrame, scale_a: ScoreScale, scale_b: ScoreScale
) -> pd.DataFrame:
    """Who changes grade: both scorecards' scores in the grades of A's.

    Parameters
    ----------
    pairs : DataFrame
        Of :func:`paired_scores`.
    training_a : DataFrame
        scorecard and default_flag of the loans that taught A, which make the grades
        (:func:`riskkit.metrics.master_scale`).
    scale_a, scale_b : ScoreScale

    Returns
    -------
    DataFrame, index grade (of A, 1 is the safest)
        applications, safer, same, riskier: where B's score puts those of the grade. Empty without
        applications or without outcomes.
    """
    columns = ["applications", "safer", "same", "riskier"]
    counts = metrics.score_counts(training_a["scorecard"], training_a["default_flag"])
    if pairs.empty or not counts[["good", "bad"]].to_numpy().sum():
        return pd.DataFrame(columns=columns, dtype="int64").rename_axis("grade")
    grades = metrics.master_scale(counts)
    then = metrics.assign_grade(pairs["scorecard_a"], grades)
    now = metrics.assign_grade(on_scale(pairs["scorecard_b"], scale_b, scale_a), grades)
    moves = pd.DataFrame({"safer": now < then, "same": now == then, "riskier": now > then})
    table = moves.groupby(then).sum().astype("int64").rename_axis("grade")
    table.insert(0, "applications", table.sum(axis=1))
    return table


def judging_loans(
    pairs: pd.DataFrame, samples_a: pd.Series, samples_b: pd.Series
) -> tuple[pd.DataFrame, list[str]]:
    """The labelled loans that taught neither model, and which sample of each run they are from.

    Those of the sample that judges each run: out of time, or the test sample where there is no
    out-of-time sample.

    Parameters
    ----------
    pairs : DataFrame
        Of :func:`paired_scores`.
    samples_a, samples_b : Series
        sample of all applications of each run.
    """
    judging = [samples_present(samples)[-1:] for samples in (samples_a, samples_b)]
    if not all(judging):
        return pairs[:0], []
    kinds = [kind for (kind,) in judging]
    untaught = (pairs["sample_a"] == kinds[0]) & (pairs["sample_b"] == kinds[1])
    untaught &= ~pairs["sample_a"].eq("train") & ~pairs["sample_b"].eq("train")
    return pairs[untaught & pairs["default_flag"].notna()], kinds


def ranking_changes(loans: pd.DataFrame) -> pd.DataFrame:
    """AUC of A's and of B's score on the same loans, and their paired difference.

    Parameters
    ----------
    loans : DataFrame
        Of :func:`judging_loans`.

    Returns
    -------
    DataFrame, index model
        loans, good, bad, auc_a, auc_b, difference (B less A), low, high, p_value, of the paired
        DeLong test (:func:`riskkit.metrics.compare`). All but the counts are NaN with fewer than
        10 goods or 10 bads: too few to say.
    """
    y = loans["default_flag"]
    bad, good = int((y == 1).sum()), int((y == 0).sum())
    rows: dict[str, Mapping[str, float]] = {}
    for model in MODELS:
        counted = {"loans": good + bad, "good": good, "bad": bad}
        found = dict.fromkeys(["auc_a", "auc_b", "difference", "low", "high", "p_value"], np.nan)
        if min(good, bad) >= MIN_EACH:
            paired = metrics.compare(y, loans[f"{model}_b"], loans[f"{model}_a"])
            found |= {"auc_a": paired["auc_b"], "auc_b": paired["auc_a"]}
            found |= {name: paired[name] for name in ("difference", "low", "high", "p_value")}
        rows[model] = counted | found
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")
