"""The rating scale: bands of the score with a probability of bad each, from A1 down.

Takes scores of loans of known outcome; gives a row per grade, and that scale beside other loans.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit import binning, metrics
from riskkit.checks import check_groups, numeric_array, outcome_state, refuse_missing, same_rows

__all__ = ["grade_of", "judge_scale", "named_bands", "rating_scale"]

LETTERS = "ABCDE"
# neighbouring grades are one where their bad rates differ by less than this p-value
_APART = 0.05
_LEAST_BADS = 5
_SCORE = "score"


def rating_scale(
    score: ArrayLike,
    y: ArrayLike,
    *,
    n_grades: int = 10,
    min_share: float = 0.03,
    periods: ArrayLike | None = None,
    floor: float = 0.0005,
) -> pd.DataFrame:
    """Grades of a score whose bad rates rise from each to the next, five letters and finer.

    The bands are those of :class:`riskkit.binning.WoeBinner` that tell the most under these limits:
    bad rates that fall as the score rises, neighbours that differ at 5 %, at least `min_share` of
    the loans and five bads each. Of their edges the best four part
    the letters.

    Parameters
    ----------
    score : array of shape (n_loans,)
        Higher is safer.
    y : array of shape (n_loans,)
        1 bad, 0 good; a loan of unknown outcome, missing, is left out.
    n_grades : int
        Most grades, at least 1.
    min_share : float
        Least share of the loans in a grade, in (0, 0.5).
    periods : array of shape (n_loans,), optional
        Period of each loan, such as its quarter: no neighbours are made that change places in one.
    floor : float
        Least probability, in [0, 1): no bad yet is not no risk.

    Returns
    -------
    DataFrame of shape (n_found, 10), index grade: A1, the safest, …
        `letter`; `score_low`, `score_high` (the band is [low, high), the outer ends infinite); `n`
        (loans of known outcome), `share` of them, `bad`, `bad_rate` with its Jeffreys 95 % interval
        `bad_rate_low`, `bad_rate_high`; `probability`, the bad rate, at least `floor`. Loans that
        tell no grades apart give the one grade A1.

    Raises
    ------
    ValueError
        No loan of known outcome, a score is missing, an option is out of range, or lengths differ.

    Source
    ------
    riskkit definition; bins by Navas-Palencia (2020), arXiv:2001.08025; floor of Basel Committee on
    Banking Supervision, CRE32.4.

    Examples
    --------
    >>> score = np.repeat([500, 550, 600], 400)
    >>> y = np.concatenate([np.arange(400) < bads for bads in (80, 24, 8)])
    >>> scale = rating_scale(score, y)
    >>> scale[["score_low", "n", "bad", "probability"]]  # doctest: +NORMALIZE_WHITESPACE
           score_low    n  bad  probability
    grade
    A1         600.0  400    8         0.02
    B1         550.0  400   24         0.06
    C1          -inf  400   80         0.20
    """
    check_groups(n_grades, "n_grades")
    if not 0 <= floor < 1:
        raise ValueError(f"floor must lie in [0, 1), got {floor!r}")
    same_rows(score=score, y=y, periods=periods)
    points = numeric_array(score, "score").astype(float)
    refuse_missing(points, "score")
    state = outcome_state(numeric_array(y, "y", len(points)))
    known = state > 0
    if not known.any():
        raise ValueError("a rating scale needs loans of known outcome, got none")
    points, bad = points[known], (state[known] == 2).astype(float)
    when = None if periods is None else np.asarray(periods)[known]
    fine = _best_edges(points, bad, n_grades, min_share, when)
    coarse = _best_edges(points, bad, min(len(LETTERS), n_grades), min_share, when, among=fine)
    starts = np.array([-np.inf, *fine])
    band = np.searchsorted(starts, points, side="right") - 1
    bands = pd.DataFrame(
        {
            "letter": [sum(edge <= start for edge in coarse) for start in starts],
            "score_low": starts,
            "score_high": [*fine, np.inf],
            "n": np.bincount(band, minlength=len(starts)),
            "bad": np.bincount(band, weights=bad, minlength=len(starts)).astype(np.int64),
        }
    )
    return named_bands(bands[::-1], floor=floor)


def named_bands(bands: pd.DataFrame, *, floor: float) -> pd.DataFrame:
    """The scale of :func:`rating_scale` with these bands.

    Parameters
    ----------
    bands : DataFrame, the safest first
        `letter` (anything that is equal for bands of one letter), `score_low`, `score_high`, `n`,
        `bad`.
    floor : float

    Returns
    -------
    DataFrame
    """
    code = pd.factorize(bands["letter"])[0]
    letters = pd.Series([LETTERS[place] for place in code], index=bands.index)
    names = letters + (letters.groupby(letters).cumcount() + 1).astype(str)
    n, bad = bands["n"], bands["bad"]
    low, high = metrics.jeffreys_interval(bad.to_numpy(), n.to_numpy(), 0.95)
    table = bands.assign(
        letter=letters,
        share=n / n.sum(),
        bad_rate=bad / n,
        bad_rate_low=low,
        bad_rate_high=high,
        probability=(bad / n).clip(lower=floor),
    )
    columns = ["letter", "score_low", "score_high", "n", "share", "bad", "bad_rate"]
    columns += ["bad_rate_low", "bad_rate_high", "probability"]
    return table[columns].set_axis(pd.Index(names, name="grade"))


def _best_edges(
    points: np.ndarray,
    bad: np.ndarray,
    n_grades: int,
    min_share: float,
    when: np.ndarray | None,
    among: list[float] | None = None,
) -> list[float]:
    """Where grades begin, ascending; none where the loans tell none apart."""
    if bad.min() == bad.max() or points.min() == points.max() or n_grades == 1 or among == []:
        return []
    binner = binning.WoeBinner(
        max_bins=n_grades,
        min_bin_size=min_share,
        min_bads=_LEAST_BADS,
        max_p_value=_APART,
        trend="descending",
        infeasible="one_bin",
        candidate_edges=None if among is None else {_SCORE: among},
    )
    binner.fit(pd.DataFrame({_SCORE: points}), bad, stable_over=when)
    return [float(edge) for edge in binner.edges[_SCORE]]


def grade_of(score: ArrayLike, scale: pd.DataFrame) -> pd.Categorical:
    """Grade of each score, ordered from the safest.

    Parameters
    ----------
    score : array of shape (n,)
    scale : DataFrame, index grade
        Of :func:`rating_scale`.

    Returns
    -------
    Categorical of shape (n,)

    Raises
    ------
    ValueError
        A score is missing, or the scale has no grade.

    Examples
    --------
    >>> scale = pd.DataFrame({"score_low": [600, -np.inf]}, index=["A1", "B1"])
    >>> list(grade_of([612, 600, 455], scale))
    ['A1', 'A1', 'B1']
    """
    labels = metrics.assign_grade(score, scale)
    return pd.Categorical(labels, categories=list(scale.index), ordered=True)


def judge_scale(scale: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """The scale beside loans that did not choose it: applications, bads, and a light each.

    Parameters
    ----------
    scale : DataFrame, index grade
        Of :func:`rating_scale`.
    counts : DataFrame, index `score`
        `applications`, `good`, `bad` of other applications, of :func:`riskkit.metrics.score_counts`

    Returns
    -------
    DataFrame
        The scale with `applications` and `applications_share` of all who asked,
        `judged_n`, `judged_bad`, `judged_rate` with `judged_rate_low`, `judged_rate_high`
        (Jeffreys, 95 %), and `light`, `side` of :func:`riskkit.metrics.grade_table`.
    """
    tested = metrics.grade_table(counts, scale)
    asked = counts["applications"].groupby(metrics.assign_grade(counts.index, scale)).sum()
    asked = asked.reindex(scale.index, fill_value=0)
    low, high = metrics.jeffreys_interval(tested["bad"].to_numpy(), tested["n"].to_numpy(), 0.95)
    return scale.assign(
        applications=asked,
        applications_share=asked / max(asked.sum(), 1),
        judged_n=tested["n"],
        judged_bad=tested["bad"],
        judged_rate=tested["bad_rate"],
        judged_rate_low=np.where(tested["n"] > 0, low, np.nan),
        judged_rate_high=np.where(tested["n"] > 0, high, np.nan),
        light=tested["light"],
        side=tested["side"],
    )
