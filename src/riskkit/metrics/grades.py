"""Rating grades: bands of the score with a probability of default, and whether it came true.

Takes score counts; gives a master scale, and its back-test grade by grade.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, special

from riskkit.checks import Array, check_groups, numeric_array, refuse_missing, warn
from riskkit.metrics.outcomes import bads_of, goods_and_bads, require
from riskkit.metrics.sums import plain, quantile_groups, ratio

__all__ = [
    "assign_grade",
    "binomial_p_value",
    "grade_table",
    "jeffreys_p_value",
    "master_scale",
    "p_value_light",
]


def master_scale(
    counts: pd.DataFrame,
    *,
    n_grades: int = 10,
    edges: Sequence[float] | None = None,
    floor: float = 0.0005,
) -> pd.DataFrame:
    """Rating grades as bands of the score, with a probability of default that rises with risk.

    The probability is the grade's bad rate; where a riskier grade's bad rate is lower, neighbours
    are pooled until it is not (isotonic regression, weighted by loans). Grades so pooled become
    one, unless their edges are given: then they share one probability.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`.
    n_grades : int
        Grades aimed at, with about equal numbers of known outcomes; few distinct scores, and bad
        rates that do not rise, give fewer. Not used where `edges` are given.
    edges : sequence of float, optional
        Scores where the next safer grade begins, ascending: one grade more than edges.
    floor : float
        Least probability, in [0, 1): no bad yet is not no risk.

    Returns
    -------
    DataFrame, index `grade` from 1, the safest
        `score_low`, `score_high` (the band is [low, high); the outer ends are infinite, so that
        every score has a grade), `n` (known outcomes), `bad`, `bad_rate`, `probability` (rises
        from grade to grade; with `edges` it never falls). A grade without known outcomes has a NaN
        bad rate and the probability of the next riskier grade that has some, else of the next
        safer; all are NaN, with a warning, where no outcome is known.

    Raises
    ------
    ValueError
        `n_grades` is below 1, edges do not ascend, `floor` is outside [0, 1), a column is missing.

    Source
    ------
    Ayer, Brunk, Ewing, Reid, Silverman (1955), Annals of Mathematical Statistics 26(4), on
    pooling; Basel Committee on Banking Supervision, CRE32.4, for the floor of 0.05 %.

    Examples
    --------
    >>> from riskkit.metrics import score_counts
    >>> counts = score_counts([1, 1, 2, 2, 3, 3, 4, 4], [1, 1, 0, 0, 1, 0, 0, 0])
    >>> master_scale(counts, edges=[2, 3, 4])  # doctest: +NORMALIZE_WHITESPACE
           score_low  score_high  n  bad  bad_rate  probability
    grade
    1            4.0         inf  2    0       0.0       0.0005
    2            3.0         4.0  2    1       0.5       0.2500
    3            2.0         3.0  2    0       0.0       0.2500
    4           -inf         2.0  2    2       1.0       1.0000
    """
    check_groups(n_grades, "n_grades")
    if not 0 <= floor < 1:
        raise ValueError(f"floor must lie in [0, 1), got {floor!r}")
    score, good, bad = goods_and_bads(counts)
    known = good + bad
    if not known.sum() > 0:
        warn("the probability of a grade is undefined: no outcome is known")
    if edges is not None:
        starts = np.asarray(edges, dtype=float)
        if not (np.isfinite(starts).all() and (np.diff(starts) > 0).all()):
            raise ValueError(f"edges must be finite and ascend, got {list(edges)}")
    else:
        seen = known > 0
        starts = score[seen][1:][np.diff(quantile_groups(known[seen], n_grades)) > 0].astype(float)
    # bands ascend with the score, grades the other way
    band = len(starts) - np.searchsorted(starts, score, side="right")
    table = pd.DataFrame(
        {
            "score_low": np.append(starts[::-1], -np.inf),
            "score_high": np.append(np.inf, starts[::-1]),
            "n": np.bincount(band, weights=known, minlength=len(starts) + 1),
            "bad": np.bincount(band, weights=bad, minlength=len(starts) + 1),
        },
        index=pd.RangeIndex(1, len(starts) + 2, name="grade"),
    )
    table["bad_rate"] = ratio(table["bad"], table["n"])
    filled = table[table["n"] > 0]
    pooled = pd.Series(np.nan, index=table.index)
    if len(filled):
        rates = optimize.isotonic_regression(filled["bad_rate"], weights=filled["n"])
        pooled[filled.index] = rates.x
    table["probability"] = pooled.bfill().ffill().clip(lower=floor)
    rises = np.diff(table["probability"]) > 0
    if edges is None and not rises.all():
        kept = table["score_low"].to_numpy()[:-1][rises]
        return master_scale(counts, edges=kept[::-1], floor=floor)
    return _whole(table, counts)


def assign_grade(score: ArrayLike, scale: pd.DataFrame) -> Array:
    """Rating grade of each score.

    Parameters
    ----------
    score : array of shape (n,)
    scale : DataFrame, index `grade`
        `score_low`, from :func:`master_scale`.

    Returns
    -------
    array of shape (n,)
        Labels of the scale's index; its `probability` at them is the score's.

    Raises
    ------
    ValueError
        A score is missing, or the scale has no grade.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> from riskkit.metrics import score_counts
    >>> scale = master_scale(score_counts([1, 2, 3], [1, 1, 0]), edges=[2, 3])
    >>> assign_grade([3.5, 2, 0], scale)
    array([1, 2, 3])
    """
    require(scale, ("score_low",), "grades")
    if scale.empty:
        raise ValueError("scale must have a grade, got none")
    points = numeric_array(score, "score")
    refuse_missing(points, "score")
    by_score = scale.sort_values("score_low")
    starts = by_score["score_low"].to_numpy()[1:]
    return by_score.index.to_numpy()[np.searchsorted(starts, points, side="right")]


def grade_table(
    counts: pd.DataFrame, scale: pd.DataFrame, *, amber: float = 0.05, red: float = 0.01
) -> pd.DataFrame:
    """Predicted probability of default against defaults, grade by grade, with a traffic light.

    The Jeffreys and binomial p-values are one-sided: small where there were more defaults than
    predicted. The light has two sides, since a grade far too cautious is wrong as well, and counts
    how many grades are tested: of twenty scales that are right, one has a grade in amber or red.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`, of another sample than the scale's.
    scale : DataFrame, index `grade`
        `score_low`, `probability`, from :func:`master_scale`.
    amber, red : float
        As for :func:`p_value_light`.

    Returns
    -------
    DataFrame, index `grade` as in the scale
        `n` (known outcomes), `bad`, `bad_rate`, `probability` (the scale's), `jeffreys_p_value`,
        `binomial_p_value`, `adjusted_p_value` (twice the lesser tail of the Jeffreys posterior,
        times the number of grades tested, at most 1), `light` of it ("green", "amber", "red") and
        `side`: of a grade not green, whether its risk is "understated" or "overstated", else "".
        A grade without known outcomes, or without a probability, has none of these.

    Raises
    ------
    ValueError
        A column is missing, or the thresholds are out of order.

    Source
    ------
    European Central Bank (2019), Instructions for reporting the validation results of internal
    models, PD back-testing (Jeffreys test by grade); riskkit's thresholds, Bonferroni's adjustment.

    Examples
    --------
    >>> from riskkit.metrics import score_counts
    >>> scale = pd.DataFrame({"score_low": [600, -np.inf], "probability": [0.03, 0.1]}, [1, 2])
    >>> counts = score_counts([650] * 100 + [550] * 100, [1] * 5 + [0] * 95 + [1] * 20 + [0] * 80)
    >>> table = grade_table(counts, scale.rename_axis("grade"))
    >>> shown = ["bad", "jeffreys_p_value", "adjusted_p_value", "light", "side"]
    >>> table[shown].round(4)  # doctest: +NORMALIZE_WHITESPACE
           bad  jeffreys_p_value  adjusted_p_value  light         side
    grade
    1        5            0.1236      0.4942  green
    2       20            0.0013      0.0051    red  understated
    """
    require(scale, ("score_low", "probability"), "grades")
    score, good, bad = goods_and_bads(counts)
    of_grade = pd.DataFrame({"n": good + bad, "bad": bad}).groupby(assign_grade(score, scale))
    table = of_grade.sum().reindex(scale.index, fill_value=0.0)
    table["bad_rate"] = ratio(table["bad"], table["n"])
    table["probability"] = scale["probability"]
    table["jeffreys_p_value"] = table["binomial_p_value"] = table["adjusted_p_value"] = np.nan
    tested = table[(table["n"] > 0) & table["probability"].notna()]
    found = tested["bad"], tested["n"], tested["probability"]
    table.loc[tested.index, "jeffreys_p_value"] = jeffreys_p_value(*found)
    table.loc[tested.index, "binomial_p_value"] = binomial_p_value(*found)
    more = table["jeffreys_p_value"]
    lesser = more.where(more < 0.5, 1 - more)
    table["adjusted_p_value"] = (2 * lesser * len(tested)).clip(upper=1.0)
    table["light"] = [
        None if np.isnan(value) else p_value_light(value, amber=amber, red=red)
        for value in table["adjusted_p_value"]
    ]
    table["side"] = np.where(more < 0.5, "understated", "overstated")
    table["side"] = table["side"].where(table["light"].isin(["amber", "red"]), "")
    table.loc[table["light"].isna(), "side"] = None
    return _whole(table, counts)


def p_value_light(p_value: float, *, amber: float = 0.05, red: float = 0.01) -> str:
    """Traffic light of a p-value: amber below 5 %, red below 1 %.

    Parameters
    ----------
    p_value : float
        From :func:`jeffreys_p_value` or :func:`binomial_p_value`.
    amber, red : float
        Thresholds, 0 < red <= amber < 1.

    Returns
    -------
    str
        "green", "amber" or "red".

    Raises
    ------
    ValueError
        The p-value is NaN or outside [0, 1], or the thresholds are out of order.

    Source
    ------
    riskkit's thresholds, after Tasche (2003), A traffic lights approach to PD validation, whose
    red begins at 0.1 %.

    Examples
    --------
    >>> p_value_light(0.05), p_value_light(0.049), p_value_light(0.009)
    ('green', 'amber', 'red')
    """
    if not 0 < red <= amber < 1:
        raise ValueError(f"thresholds must be 0 < red <= amber < 1, got {red!r} and {amber!r}")
    if not 0 <= p_value <= 1:
        raise ValueError(f"p_value must lie in [0, 1], got {p_value!r}")
    if p_value >= amber:
        return "green"
    return "amber" if p_value >= red else "red"


def jeffreys_p_value(bad: ArrayLike, n: ArrayLike, probability: ArrayLike) -> Any:
    """Posterior probability that the true rate is at most the predicted one.

    F_Beta(probability; bad + ½, n − bad + ½): small where defaults exceed the prediction.

    Parameters
    ----------
    bad, n : number or array
        Defaults and loans, 0 <= bad <= n.
    probability : number or array
        Predicted probability of default, in [0, 1].

    Returns
    -------
    float, or array of the broadcast shape
        In [0, 1].

    Raises
    ------
    ValueError
        A count or a probability is out of range.

    Source
    ------
    European Central Bank (2019), Instructions for reporting the validation results of internal
    models, PD back-testing.

    Examples
    --------
    >>> round(jeffreys_p_value(5, 100, 0.03), 6)
    0.123562
    """
    d, size, p = bads_of(bad, n, probability)
    return plain(special.betainc(d + 0.5, size - d + 0.5, p))


def binomial_p_value(bad: ArrayLike, n: ArrayLike, probability: ArrayLike) -> Any:
    """Probability of at least as many defaults as seen, were the prediction true.

    P(X >= bad) for X ~ Binomial(n, probability), one-sided: small where defaults exceed the
    prediction.

    Parameters
    ----------
    bad, n : number or array
        Defaults and loans, 0 <= bad <= n.
    probability : number or array
        Predicted probability of default, in [0, 1].

    Returns
    -------
    float, or array of the broadcast shape
        In [0, 1]; 1 without defaults.

    Raises
    ------
    ValueError
        A count or a probability is out of range.

    Source
    ------
    Basel Committee on Banking Supervision (2005), Working Paper 14.

    Examples
    --------
    >>> round(binomial_p_value(5, 100, 0.03), 6)
    0.182145
    """
    d, size, p = bads_of(bad, n, probability)
    tail = special.betainc(np.maximum(d, 1), size - np.maximum(d, 1) + 1, p)
    return plain(np.where(d == 0, 1.0, tail))


def _whole(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Table with whole `n` and `bad` where the counts are whole."""
    whole = all(counts[name].dtype.kind in "iu" for name in ("good", "bad"))
    return table.astype({"n": "int64", "bad": "int64"}) if whole else table
