"""Answers: does a score separate goods from bads, is its probability right, has it moved.

Takes counts of goods and bads per distinct score (:func:`score_counts`), which add up over parts
of a portfolio, and gives AUC, Gini, KS, gains and ROC tables from them, exactly. Calibration, the
paired comparison of two scores and PSI stand beside them.

A higher score is safer and y = 1 is bad: the direction is a convention, never read off the data.
Everything is aligned by position, as in scikit-learn, unless a docstring says otherwise.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

__all__ = [
    "add_counts",
    "auc",
    "binomial_p_value",
    "brier",
    "calibration_fit",
    "calibration_table",
    "compare",
    "discrimination",
    "gains_table",
    "gini",
    "jeffreys_p_value",
    "ks",
    "psi",
    "psi_critical",
    "psi_light",
    "roc_curve_table",
    "score_counts",
]

COUNT_COLUMNS = ("applications", "booked", "good", "bad")
# Counting over an integer range costs memory by the range, not by the rows: above this many
# score points (or four a row) sorting is the better way.
DENSE_RANGE = 1_000_000
# A bootstrap of KS needs no more score points than this; see `discrimination`.
BOOTSTRAP_POINTS = 2_000

Array = NDArray[Any]


def score_counts(
    score: ArrayLike,
    y: ArrayLike,
    *,
    booked: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    sums: pd.DataFrame | Mapping[str, ArrayLike] | None = None,
) -> pd.DataFrame:
    """Applications, booked loans, goods and bads at each distinct score.

    Counts of two parts of a portfolio add up to the counts of the whole: :func:`add_counts`.

    Parameters
    ----------
    score : array of shape (n,)
        Any number, higher is safer; values are never rounded or binned.
    y : array of shape (n,)
        1 bad, 0 good, missing where the outcome is unknown (not booked, not yet matured).
    booked : bool array of shape (n,), optional
        Whether the application became a loan; by default, whether y is known. Goods and bads are
        counted wherever y is known, booked or not.
    weight : array of shape (n,), optional
        Finite and not negative; an integer weight counts as that many equal rows, and a row of
        weight 0 as none.
    sums : DataFrame or dict of arrays of shape (n,), optional
        Columns to total over all applications at the score, outcome known or not, times weight.

    Returns
    -------
    DataFrame of shape (n_distinct_scores, 4 + number of sums), index `score` ascending
        `applications`, `booked`, `good`, `bad`: int64, or float64 under a weight. Then one column
        per name in `sums`: int64 for whole numbers without weight (exact, as money in fen needs),
        else float64. No rows give an empty table.

    Raises
    ------
    ValueError
        A score or a summed value is missing, y is not 0, 1 or missing, lengths differ, a weight
        is negative, or a summed column has the name of a count.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> score_counts([500, 600, 600, 700], [1, 0, None, 0], sums={"amount": [9, 8, 7, 6]})
    ... # doctest: +NORMALIZE_WHITESPACE
           applications  booked  good  bad  amount
    score
    500               1       1     0    1       9
    600               2       1     1    0      15
    700               1       1     1    0       6
    """
    points = _numbers(score, "score")
    n = len(points)
    _refuse_missing(points, "score")
    state = _outcome_state(_numbers(y, "y", n))
    # six cells a score point: (unknown, good, bad), not booked and booked
    if booked is None:
        state += 3 * (state > 0).astype(np.int8)
    else:
        state += 3 * _flags(booked, "booked", n).astype(np.int8)
    row_weight = None if weight is None else _weights(weight, n)
    distinct, position = _positions(points)

    cells = np.bincount(position * 6 + state, weights=row_weight, minlength=6 * len(distinct))
    cells = cells.reshape(-1, 6)
    columns: dict[str, Array] = {
        "applications": cells.sum(axis=1),
        "booked": cells[:, 3:].sum(axis=1),
        "good": cells[:, 1] + cells[:, 4],
        "bad": cells[:, 2] + cells[:, 5],
    }
    for name, values in dict(sums if sums is not None else {}).items():
        if name in COUNT_COLUMNS:
            raise ValueError(f"sums must not be named {', '.join(COUNT_COLUMNS)}, got {name!r}")
        columns[name] = _totals(_numbers(values, name, n), position, row_weight, distinct, name)

    index = pd.Index(distinct, name="score")
    counts = pd.DataFrame(columns, index=index)
    return counts[counts["applications"] > 0]


def add_counts(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Add the counts of two parts of a portfolio to the counts of the whole.

    Equal to counting the concatenated rows: exactly for whole numbers, to the last bits of a
    float under fractional weights.

    Parameters
    ----------
    a, b : DataFrame, index `score`
        From :func:`score_counts`, with the same columns.

    Returns
    -------
    DataFrame, index `score` ascending
        The union of the scores, the columns of `a`, whole numbers kept whole.

    Raises
    ------
    ValueError
        The columns differ.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> add_counts(score_counts([500, 600], [1, 0]), score_counts([600], [0]))
    ... # doctest: +NORMALIZE_WHITESPACE
           applications  booked  good  bad
    score
    500               1       1     0    1
    600               2       2     2    0
    """
    if set(a.columns) != set(b.columns):
        raise ValueError(
            "counts must have the same columns to add up, "
            f"got {list(a.columns)} and {list(b.columns)}"
        )
    if a.empty or b.empty:
        return b[list(a.columns)] if a.empty else a
    # DataFrame.add(fill_value=0) would turn whole numbers into floats
    total = pd.concat([a, b[list(a.columns)]]).groupby(level=0, sort=True).sum()
    return total.rename_axis(index="score")


def auc(counts: pd.DataFrame) -> float:
    """Probability that a good scores above a bad, ties counting half.

    AUC = P(score_good > score_bad) + ½·P(score_good = score_bad).

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`.

    Returns
    -------
    float
        In [0, 1]; below 0.5 for a reversed score, with a warning; NaN with a warning where there
        are no goods or no bads.

    Source
    ------
    Hanley, McNeil (1982), Radiology 143(1).

    Examples
    --------
    >>> auc(score_counts([1, 2, 2, 3], [1, 1, 0, 0]))
    0.875
    """
    return _auc_and_ks(counts, "AUC")[0]


def gini(counts: pd.DataFrame) -> float:
    """Gini coefficient (accuracy ratio) of a score, 2·AUC − 1.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`.

    Returns
    -------
    float
        In [−1, 1]; warnings and NaN as for :func:`auc`.

    Source
    ------
    Engelmann, Hayden, Tasche (2003), Risk 16(1).

    Examples
    --------
    >>> gini(score_counts([1, 2, 2, 3], [1, 1, 0, 0]))
    0.75
    """
    return 2 * _auc_and_ks(counts, "Gini")[0] - 1


def ks(counts: pd.DataFrame) -> float:
    """Largest lead of the bads' distribution over the goods', max(F_bad − F_good).

    Read at distinct scores only, so ties are taken together. One-sided: a reversed score gives
    about 0 and a warning.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`.

    Returns
    -------
    float
        In [0, 1]; NaN with a warning where there are no goods or no bads.

    Source
    ------
    riskkit definition (the one-sided two-sample Kolmogorov–Smirnov statistic).

    Examples
    --------
    >>> ks(score_counts([1, 2, 2, 3], [1, 1, 0, 0]))
    0.5
    """
    return _auc_and_ks(counts, "KS")[1]


def discrimination(
    counts: pd.DataFrame, *, level: float = 0.95, n_boot: int = 200, seed: int = 0
) -> pd.Series:
    """AUC, Gini and KS of a score with their confidence intervals.

    The AUC interval is DeLong's, symmetric on the logit scale so that it stays within (0, 1); the
    Gini interval is its image under 2·AUC − 1. The KS interval holds percentiles of a bootstrap
    that resamples goods and bads separately from their counts; being a maximum, KS is biased
    upwards in a bootstrap, most where it is small. Above 2,000 distinct scores the bootstrap sees
    neighbouring scores merged into about 2,000 groups, which costs at most one group's share.

    Parameters
    ----------
    counts : DataFrame, index `score`
        From :func:`score_counts`. Weighted counts are read as numbers of loans.
    level : float
        Confidence level, in (0, 1).
    n_boot : int
        Bootstrap samples for KS; 0 leaves the interval NaN.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Series
        `applications`, `booked`, `good`, `bad`, `bad_rate` (bad ÷ known outcomes), `auc`,
        `auc_low`, `auc_high`, `gini`, `gini_low`, `gini_high`, `ks`, `ks_low`, `ks_high`,
        `ks_score` (lowest score at which KS is reached). With no goods or no bads the statistics
        are NaN, with a warning; the AUC interval is NaN, with a warning, where DeLong's variance
        says nothing: under perfect separation, or with fewer than two goods or two bads.

    Raises
    ------
    ValueError
        `level` is outside (0, 1), `n_boot` is negative, or a column is missing.

    Source
    ------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44(3); Pepe (2003), The Statistical
    Evaluation of Medical Tests (logit scale).

    Examples
    --------
    >>> y = [1, 1, 0, 1, 0, 0, 0, 1, 0, 0]
    >>> table = discrimination(score_counts([1, 2, 2, 3, 3, 4, 5, 5, 6, 7], y))
    >>> table[["bad_rate", "auc", "auc_low", "auc_high", "ks", "ks_score"]].round(3).to_dict()
    ... # doctest: +NORMALIZE_WHITESPACE
    {'bad_rate': 0.4, 'auc': 0.771, 'auc_low': 0.356, 'auc_high': 0.953, 'ks': 0.417,
     'ks_score': 3.0}
    """
    _check_level(level)
    if n_boot < 0:
        raise ValueError(f"n_boot must be >= 0, got {n_boot!r}")
    _require(counts, COUNT_COLUMNS)
    score, good, bad = _goods_and_bads(counts)
    n_good, n_bad = good.sum(), bad.sum()
    out = {
        "applications": float(counts["applications"].sum()),
        "booked": float(counts["booked"].sum()),
        "good": float(n_good),
        "bad": float(n_bad),
        "bad_rate": float(_ratio(n_bad, n_good + n_bad)),
    }
    names = [f"{name}{end}" for name in ("auc", "gini", "ks") for end in ("", "_low", "_high")]
    out |= dict.fromkeys([*names, "ks_score"], float("nan"))
    if _both_classes(good, bad, "discrimination"):
        curve = _ks_curve(good, bad)
        out["auc"] = _auc(good, bad)
        out["auc_low"], out["auc_high"] = _auc_interval(good, bad, level)
        for end in ("", "_low", "_high"):
            out[f"gini{end}"] = 2 * out[f"auc{end}"] - 1
        out["ks"] = float(curve.max())
        out["ks_low"], out["ks_high"] = _ks_interval(good, bad, level, n_boot, seed)
        out["ks_score"] = float(score[curve.argmax()])
        _warn_if_reversed(out["auc"], out["ks"], n_good, n_bad)
    return pd.Series(out, name="discrimination")


def gains_table(counts: pd.DataFrame, *, n_groups: int = 10) -> pd.DataFrame:
    """Bad rate, captured bads and lift by score group, from riskiest to safest.

    Groups hold about equal numbers of known outcomes and whole scores: ties are never split, so
    few distinct scores give fewer groups.

    Parameters
    ----------
    counts : DataFrame, index `score`
        From :func:`score_counts`.
    n_groups : int
        Groups aimed at.

    Returns
    -------
    DataFrame of shape (at most n_groups,), index `group` from 1, the riskiest
        `score_low`, `score_high` (both in the group), `applications`, `booked`, `good`, `bad`,
        `bad_rate` (bad ÷ known outcomes), `cum_bad_rate` (of this and all riskier groups),
        `captured_bad_rate` (share of all bads in this and all riskier groups), `lift` (bad rate ÷
        bad rate of all). A group without known outcomes has a NaN bad rate; no bads at all gives
        a NaN lift and captured rate.

    Raises
    ------
    ValueError
        `n_groups` is below 1 or a column is missing.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> table = gains_table(score_counts([1, 2, 2, 3], [1, 1, 0, 0]), n_groups=2)
    >>> table[["score_low", "score_high", "bad_rate", "captured_bad_rate", "lift"]].round(3)
    ... # doctest: +NORMALIZE_WHITESPACE
           score_low  score_high  bad_rate  captured_bad_rate   lift
    group
    1              1           1     1.000                0.5  2.000
    2              2           3     0.333                1.0  0.667
    """
    _check_groups(n_groups)
    _require(counts, COUNT_COLUMNS)
    score, good, bad = _goods_and_bads(counts)
    known = good + bad
    size = known if known.sum() > 0 else _sorted(counts)["applications"].to_numpy(dtype=float)
    by_group = (
        _sorted(counts)[list(COUNT_COLUMNS)]
        .assign(score_low=score, score_high=score)
        .groupby(_quantile_groups(size, n_groups))
    )
    table = by_group.agg(
        {"score_low": "min", "score_high": "max"} | dict.fromkeys(COUNT_COLUMNS, "sum")
    )
    table.index = pd.RangeIndex(1, len(table) + 1, name="group")
    bads, goods = table["bad"].to_numpy(float), table["good"].to_numpy(float)
    table["bad_rate"] = _ratio(bads, bads + goods)
    table["cum_bad_rate"] = _ratio(bads.cumsum(), (bads + goods).cumsum())
    table["captured_bad_rate"] = _ratio(bads.cumsum(), bads.sum())
    table["lift"] = _ratio(table["bad_rate"].to_numpy(), _ratio(bads.sum(), known.sum()))
    return table


def roc_curve_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Share of goods and of bads at or below each distinct score, for ROC and KS plots.

    The ROC curve is `bad_share` over `good_share`; the trapezoids under it sum to the AUC. KS is
    the largest `bad_share` − `good_share`.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`.

    Returns
    -------
    DataFrame of shape (n_distinct_scores + 1, 3)
        `score` (float, ascending, starting with −inf, where both shares are 0), `good_share`,
        `bad_share` (fractions). A share is NaN, with a warning, where its class is empty.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> roc_curve_table(score_counts([1, 2, 2, 3], [1, 1, 0, 0]))
       score  good_share  bad_share
    0   -inf         0.0        0.0
    1    1.0         0.0        0.5
    2    2.0         0.5        1.0
    3    3.0         1.0        1.0
    """
    score, good, bad = _goods_and_bads(counts)
    _both_classes(good, bad, "the ROC curve")
    return pd.DataFrame(
        {
            "score": np.concatenate(([-np.inf], score.astype(float))),
            "good_share": _ratio(np.concatenate(([0.0], good.cumsum())), good.sum()),
            "bad_share": _ratio(np.concatenate(([0.0], bad.cumsum())), bad.sum()),
        }
    )


def calibration_table(
    y: ArrayLike,
    probability: ArrayLike,
    *,
    n_groups: int = 10,
    weight: ArrayLike | None = None,
) -> pd.DataFrame:
    """Predicted probability against observed bad rate, by groups of predicted probability.

    Groups hold about equal numbers of loans; equal probabilities are never split.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good; rows with a missing y are dropped.
    probability : array of shape (n,)
        Predicted probability of bad, in [0, 1].
    n_groups : int
        Groups aimed at.
    weight : array of shape (n,), optional
        Read as numbers of loans.

    Returns
    -------
    DataFrame of shape (at most n_groups,), index `group` from 1, the safest
        `n`, `mean_probability`, `bad_rate`, `bad_rate_low`, `bad_rate_high` (95 % Jeffreys
        interval of the bad rate, closed at 0 without bads and at 1 without goods), `bad`. No known
        outcomes give an empty table.

    Raises
    ------
    ValueError
        A probability is missing or outside [0, 1] where y is known, or `n_groups` is below 1.

    Source
    ------
    Brown, Cai, DasGupta (2001), Statistical Science 16(2), on the Jeffreys interval.

    Examples
    --------
    >>> calibration_table([0, 0, 1, 0, 1, 1], [0.1, 0.1, 0.1, 0.8, 0.8, 0.8], n_groups=2).round(3)
    ... # doctest: +NORMALIZE_WHITESPACE
           n  mean_probability  bad_rate  bad_rate_low  bad_rate_high  bad
    group
    1      3               0.1     0.333         0.039          0.823    1
    2      3               0.8     0.667         0.177          0.961    2
    """
    _check_groups(n_groups)
    outcome, p, row_weight = _known(y, probability, weight)
    distinct, position = _positions(p)
    size = np.bincount(position, weights=row_weight, minlength=len(distinct))
    bad = np.bincount(position, weights=outcome * row_weight, minlength=len(distinct))
    distinct, size, bad = distinct[size > 0], size[size > 0], bad[size > 0]
    table = (
        pd.DataFrame({"n": size, "mean_probability": size * distinct, "bad": bad})
        .groupby(_quantile_groups(size, n_groups))
        .sum()
    )
    table.index = pd.RangeIndex(1, len(table) + 1, name="group")
    table["mean_probability"] /= table["n"]
    table["bad_rate"] = table["bad"] / table["n"]
    low, high = _jeffreys_interval(table["bad"].to_numpy(), table["n"].to_numpy(), 0.95)
    table["bad_rate_low"], table["bad_rate_high"] = low, high
    if weight is None:
        table = table.astype({"n": "int64", "bad": "int64"})
    return table[["n", "mean_probability", "bad_rate", "bad_rate_low", "bad_rate_high", "bad"]]


def calibration_fit(y: ArrayLike, probability: ArrayLike) -> pd.Series:
    """Intercept and slope of the logistic recalibration of a probability.

    logit P(bad) = intercept + slope · logit(probability), by maximum likelihood; a calibrated
    probability has intercept 0 and slope 1, a slope below 1 says it is too extreme.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good; rows with a missing y are dropped.
    probability : array of shape (n,)
        Predicted probability of bad, strictly between 0 and 1.

    Returns
    -------
    Series
        `intercept`, `slope`; both NaN, with a warning, where the maximum does not exist: one
        class only, one probability only, or classes that the probability separates.

    Raises
    ------
    ValueError
        A probability is missing, or not strictly between 0 and 1, where y is known.

    Source
    ------
    Cox (1958), Biometrika 45(3/4).

    Examples
    --------
    >>> fit = calibration_fit([0, 0, 1, 0, 1, 1], [0.1, 0.1, 0.1, 0.8, 0.8, 0.8])
    >>> fit.round(3).to_dict()
    {'intercept': 0.157, 'slope': 0.387}
    """
    outcome, p, _ = _known(y, probability, None)
    if np.any((p <= 0) | (p >= 1)):
        raise ValueError("probability must lie strictly between 0 and 1 for a fit on log-odds")
    x = special.logit(p)
    nowhere = pd.Series({"intercept": np.nan, "slope": np.nan}, name="calibration")
    bads, goods = x[outcome == 1], x[outcome == 0]
    separated = (
        not len(bads)
        or not len(goods)
        or x.min() == x.max()
        or bads.min() >= goods.max()
        or goods.min() >= bads.max()
    )
    if separated:
        _warn(
            "calibration fit is undefined: y has one class, or the probability is constant or "
            "separates goods from bads"
        )
        return nowhere
    # centred and scaled, Newton's steps do not depend on the level of the log-odds
    centre, spread = x.mean(), x.std()
    z = (x - centre) / spread
    a, b = float(special.logit(outcome.mean())), 0.0
    loss = _log_loss(a + b * z, outcome)
    for _ in range(100):
        fitted = special.expit(a + b * z)
        residual, curvature = outcome - fitted, fitted * (1 - fitted)
        hessian = np.array(
            [
                [curvature.sum(), (curvature * z).sum()],
                [(curvature * z).sum(), (curvature * z * z).sum()],
            ]
        )
        step = np.linalg.solve(hessian, [residual.sum(), (residual * z).sum()])
        # the likelihood is concave, but a full step may overshoot on a steep slope
        while (new := _log_loss(a + step[0] + (b + step[1]) * z, outcome)) > loss * (1 + 1e-12):
            step /= 2
        a, b, loss = a + step[0], b + step[1], new
        if np.abs(step).max() < 1e-10:
            break
    slope = b / spread
    return pd.Series({"intercept": a - slope * centre, "slope": slope}, name="calibration")


def brier(y: ArrayLike, probability: ArrayLike) -> float:
    """Mean squared distance of the predicted probability from the outcome.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good; rows with a missing y are dropped.
    probability : array of shape (n,)
        Predicted probability of bad, in [0, 1].

    Returns
    -------
    float
        In [0, 1], lower is better; NaN with a warning where no outcome is known.

    Raises
    ------
    ValueError
        A probability is missing or outside [0, 1] where y is known.

    Source
    ------
    Brier (1950), Monthly Weather Review 78(1).

    Examples
    --------
    >>> brier([1, 0, None], [0.8, 0.4, 0.5])
    0.1
    """
    outcome, p, _ = _known(y, probability, None)
    if not len(p):
        _warn("Brier score is undefined: no outcome is known")
        return float("nan")
    return float(np.mean((p - outcome) ** 2))


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
    d, size, p = _tested(bad, n, probability)
    return _scalar(special.betainc(d + 0.5, size - d + 0.5, p))


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
    d, size, p = _tested(bad, n, probability)
    tail = special.betainc(np.maximum(d, 1), size - np.maximum(d, 1) + 1, p)
    return _scalar(np.where(d == 0, 1.0, tail))


def compare(
    y: ArrayLike, score_a: ArrayLike, score_b: ArrayLike, *, level: float = 0.95
) -> pd.Series:
    """Difference in AUC of two scores on the same loans, with interval and p-value.

    Paired DeLong test in O(n log n): each loan's structural component comes from midranks, that
    is from the counts at and below its score, instead of from all pairs.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good; rows with a missing y are dropped.
    score_a, score_b : array of shape (n,)
        Higher is safer; the scales need not agree.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Series
        `auc_a`, `auc_b`, `difference` (a − b), `low`, `high` (plain scale), `z`, `p_value`
        (two-sided). Scores that order every good and bad alike give difference 0, z 0, p 1.
        All NaN, with a warning, without at least two goods and two bads; z, p and interval NaN,
        with a warning, where the difference has no variance but is not 0.

    Raises
    ------
    ValueError
        A score is missing where y is known, lengths differ, or `level` is outside (0, 1).

    Source
    ------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44(3); Sun, Xu (2014), IEEE Signal
    Processing Letters 21(11).

    Examples
    --------
    >>> y = [1, 1, 1, 0, 0, 0]
    >>> compare(y, [1, 2, 4, 3, 5, 6], [2, 1, 6, 4, 3, 5]).round(3).to_dict()
    ... # doctest: +NORMALIZE_WHITESPACE
    {'auc_a': 0.889, 'auc_b': 0.667, 'difference': 0.222, 'low': -0.265, 'high': 0.709,
     'z': 0.894, 'p_value': 0.371}
    """
    _check_level(level)
    outcome = _numbers(y, "y")
    state = _outcome_state(outcome)
    known = state > 0
    is_bad = state[known] == 2
    scores = {}
    for end, values in (("a", score_a), ("b", score_b)):
        scores[end] = _numbers(values, f"score_{end}", len(outcome))[known]
        _refuse_missing(scores[end], f"score_{end}")

    names = ["auc_a", "auc_b", "difference", "low", "high", "z", "p_value"]
    out = dict.fromkeys(names, float("nan"))
    n_bad, n_good = int(is_bad.sum()), int((~is_bad).sum())
    if min(n_good, n_bad) < 2:
        _warn(f"comparison needs two goods and two bads, got {n_good} and {n_bad}")
        return pd.Series(out, name="comparison")

    component = {}
    for end, points in scores.items():
        distinct, position = _positions(points)
        at = np.bincount(position * 2 + is_bad, minlength=2 * len(distinct)).reshape(-1, 2)
        good, bad = at[:, 0].astype(float), at[:, 1].astype(float)
        of_good, of_bad = _placements(good, bad)
        component[end] = np.where(is_bad, of_bad[position], of_good[position])
        out[f"auc_{end}"] = _auc(good, bad)
        _warn_if_reversed(out[f"auc_{end}"], _ks_curve(good, bad).max(), n_good, n_bad)
    gap = component["a"] - component["b"]
    out["difference"] = out["auc_a"] - out["auc_b"]
    error = float(np.sqrt(gap[~is_bad].var(ddof=1) / n_good + gap[is_bad].var(ddof=1) / n_bad))
    if not gap.any():
        out |= {"difference": 0.0, "low": 0.0, "high": 0.0, "z": 0.0, "p_value": 1.0}
    elif error < 1e-12:
        _warn("the difference in AUC has no variance: no interval, no test")
    else:
        half, z = float(special.ndtri(0.5 + level / 2)) * error, out["difference"] / error
        out |= {"low": out["difference"] - half, "high": out["difference"] + half}
        out |= {"z": z, "p_value": float(2 * special.ndtr(-abs(z)))}
    return pd.Series(out, name="comparison")


def psi(
    expected_counts: ArrayLike | Mapping[Any, float], actual_counts: ArrayLike | Mapping[Any, float]
) -> float:
    """Return the population stability index of an actual against an expected distribution.

    PSI = Σ (a − e)·ln(a/e) over bins, a and e being shares. An empty cell counts 0.5, totals
    unchanged; a bin that is empty in both samples says nothing and is left out.

    Parameters
    ----------
    expected_counts, actual_counts : Series, dict or array of shape (n_bins,)
        Counts per bin, with missing, special and unseen values in bins of their own, or shares
        (where both sum to 1, or one does in fractions). Series and dicts are aligned on the union
        of their labels, a label absent from one being an empty cell; arrays by position.

    Returns
    -------
    float
        0 where the distributions are equal; NaN with a warning where either sample is empty.

    Raises
    ------
    ValueError
        A share is 0, a count is negative or missing, a label occurs twice, lengths differ, or
        only one of the two has labels.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards; the empty-cell rule is riskkit's.

    Examples
    --------
    >>> psi({"a": 50, "b": 50}, {"a": 40, "b": 60})
    0.04054651081081642
    >>> round(psi({"a": 50, "z": 50}, {"a": 50, "b": 50}), 3)
    4.559
    """
    expected, actual = _aligned(expected_counts, actual_counts)
    totals = expected.sum(), actual.sum()
    if min(totals) == 0:
        _warn("PSI is undefined: a sample is empty")
        return float("nan")
    sums_to_one = [abs(total - 1) < 1e-9 for total in totals]
    shares = []
    either = (expected > 0) | (actual > 0)
    for cells, total, is_one in zip((expected, actual), totals, sums_to_one, strict=True):
        fractions = is_one and bool(np.any(cells != np.round(cells)))
        if (all(sums_to_one) or fractions) and np.any(cells == 0):
            raise ValueError("psi of shares needs every share > 0, got an empty cell; give counts")
        shares.append(np.where(cells == 0, 0.5, cells)[either] / total)
    e, a = shares
    return float(np.sum((a - e) * np.log(a / e)))


def psi_critical(n_expected: float, n_actual: float, n_bins: int, *, level: float = 0.95) -> float:
    """Value that PSI stays under by chance with probability `level` when nothing has moved.

    (1/n_actual + 1/n_expected) · χ²_{level}(n_bins − 1).

    Parameters
    ----------
    n_expected, n_actual : float
        Rows in the two samples, above 0.
    n_bins : int
        Bins compared, at least 2.
    level : float
        In (0, 1).

    Returns
    -------
    float
        In the unit of PSI.

    Raises
    ------
    ValueError
        A size, the number of bins or the level is out of range.

    Source
    ------
    Yurdakul, Naranjo (2020), Journal of Risk Model Validation 14(4).

    Examples
    --------
    >>> round(psi_critical(1000, 1000, 10), 4)
    0.0338
    """
    _check_level(level)
    if not (n_expected > 0 and n_actual > 0):
        raise ValueError(f"sample sizes must be > 0, got {n_expected!r} and {n_actual!r}")
    if not n_bins >= 2:
        raise ValueError(f"n_bins must be >= 2, got {n_bins!r}")
    return float((1 / n_actual + 1 / n_expected) * special.chdtri(n_bins - 1, 1 - level))


def psi_light(value: float, critical: float) -> str:
    """Traffic light of a PSI: amber above 0.1, red above 0.25, neither below the critical value.

    Parameters
    ----------
    value : float
        From :func:`psi`.
    critical : float
        From :func:`psi_critical`: in small samples chance alone exceeds 0.1.

    Returns
    -------
    str
        "green", "amber" or "red".

    Raises
    ------
    ValueError
        Either number is NaN: no light says more than an unknown PSI.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, for 0.1 and 0.25; the second condition is riskkit's.

    Examples
    --------
    >>> psi_light(0.12, 0.03), psi_light(0.12, 0.2), psi_light(0.3, 0.03)
    ('amber', 'green', 'red')
    """
    if np.isnan(value) or np.isnan(critical):
        raise ValueError(f"psi and critical must be numbers, got {value!r} and {critical!r}")
    if value <= critical or value <= 0.1:
        return "green"
    return "red" if value > 0.25 else "amber"


def _auc_and_ks(counts: pd.DataFrame, what: str) -> tuple[float, float]:
    """Both, as each tells when the other's score is reversed."""
    _, good, bad = _goods_and_bads(counts)
    if not _both_classes(good, bad, what):
        return float("nan"), float("nan")
    area, lead = _auc(good, bad), float(_ks_curve(good, bad).max())
    _warn_if_reversed(area, lead, good.sum(), bad.sum())
    return area, lead


def _auc(good: Array, bad: Array) -> float:
    bads_below = bad.cumsum() - bad
    return float(np.dot(good, bads_below + bad / 2) / (good.sum() * bad.sum()))


def _ks_curve(good: Array, bad: Array) -> Array:
    return bad.cumsum() / bad.sum() - good.cumsum() / good.sum()


def _placements(good: Array, bad: Array) -> tuple[Array, Array]:
    """Structural components of the AUC at each score: of a good there, and of a bad there."""
    of_good = (bad.cumsum() - bad / 2) / bad.sum()
    of_bad = 1 - (good.cumsum() - good / 2) / good.sum()
    return of_good, of_bad


def _auc_interval(good: Array, bad: Array, level: float) -> tuple[float, float]:
    n_good, n_bad = good.sum(), bad.sum()
    value = _auc(good, bad)
    # a variance estimated as 0 under perfect separation is no knowledge of the AUC
    if not 0 < value < 1 or min(n_good, n_bad) < 2:
        _warn("AUC interval is undefined: perfect separation, or fewer than two goods or bads")
        return float("nan"), float("nan")
    of_good, of_bad = _placements(good, bad)
    variance = np.dot(good, (of_good - value) ** 2) / ((n_good - 1) * n_good)
    variance += np.dot(bad, (of_bad - value) ** 2) / ((n_bad - 1) * n_bad)
    half = special.ndtri(0.5 + level / 2) * np.sqrt(variance) / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-half, half]))
    return float(low), float(high)


def _ks_interval(
    good: Array, bad: Array, level: float, n_boot: int, seed: int
) -> tuple[float, float]:
    if n_boot == 0:
        return float("nan"), float("nan")
    if len(good) > BOOTSTRAP_POINTS:
        group = _quantile_groups(good + bad, BOOTSTRAP_POINTS)
        good, bad = np.bincount(group, weights=good), np.bincount(group, weights=bad)
    rng = np.random.default_rng(seed)
    gaps = np.zeros((n_boot, len(good)))
    for sign, cells in ((1, bad), (-1, good)):
        size = max(1, round(cells.sum()))
        drawn = rng.multinomial(size, cells / cells.sum(), size=n_boot)
        gaps += sign * drawn.cumsum(axis=1) / size
    low, high = np.quantile(gaps.max(axis=1), [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def _quantile_groups(size: Array, n_groups: int) -> Array:
    """Group of each cell in order, by where its middle lies in the running total."""
    if not len(size):
        return np.empty(0, dtype=np.int64)
    middle = (2 * size.cumsum() - size) * n_groups // (2 * size.sum())
    return np.minimum(middle, n_groups - 1).astype(np.int64)


def _jeffreys_interval(bad: Array, n: Array, level: float) -> tuple[Array, Array]:
    tail = (1 - level) / 2
    low = special.betaincinv(bad + 0.5, n - bad + 0.5, tail)
    high = special.betaincinv(bad + 0.5, n - bad + 0.5, 1 - tail)
    return np.where(bad == 0, 0.0, low), np.where(bad == n, 1.0, high)


def _log_loss(log_odds: Array, outcome: Array) -> float:
    return float(np.sum(np.logaddexp(0, log_odds) - outcome * log_odds))


def _ratio(part: Any, whole: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(whole) > 0, np.divide(part, whole), np.nan)


def _numbers(values: ArrayLike, name: str, n: int | None = None) -> Array:
    """One-dimensional numeric array, a missing value being NaN."""
    array = np.asarray(values)
    if array.dtype.kind == "O":
        # numbers beside None or pd.NA; text that looks like a number is still text
        kind = pd.api.types.infer_dtype(array.ravel(), skipna=True)
        if kind in ("empty", "boolean", "integer", "floating", "mixed-integer-float", "decimal"):
            flat = pd.array(array.ravel(), dtype="Float64")
            array = flat.to_numpy(dtype=float, na_value=np.nan).reshape(array.shape)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numeric, got dtype {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, got shape {array.shape}")
    if n is not None and len(array) != n:
        raise ValueError(f"{name} must have {n} rows like the other columns, got {len(array)}")
    return array


def _refuse_missing(values: Array, name: str) -> None:
    # the sum is NaN whenever a value is, and much cheaper than a mask of all rows
    if values.dtype.kind == "f" and np.isnan(values.sum()) and np.isnan(values).any():
        missing = int(np.isnan(values).sum())
        raise ValueError(f"{name} must not be missing, got NaN in {missing} of {len(values)} rows")


def _outcome_state(y: Array) -> Array:
    """0 unknown, 1 good, 2 bad, as int8."""
    bad = y == 1
    state = (y == 0).view(np.int8) + 2 * bad.view(np.int8)
    unknown = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    strange = (state == 0) & ~unknown
    if strange.any():
        raise ValueError(
            f"y must be 0, 1 or missing, got {y[strange][0]!r} in {int(strange.sum())} rows"
        )
    return state


def _flags(values: ArrayLike, name: str, n: int) -> Array:
    flags = _numbers(values, name, n)
    if flags.dtype.kind != "b" and not np.isin(flags, (0, 1)).all():
        raise ValueError(f"{name} must be true or false everywhere")
    return flags.astype(bool)


def _weights(values: ArrayLike, n: int) -> Array:
    weight = _numbers(values, "weight", n).astype(float)
    if not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ValueError("weight must be finite and >= 0 everywhere")
    return weight


def _positions(values: Array) -> tuple[Array, Array]:
    """Sorted candidates for the distinct values, and each row's place among them."""
    if values.dtype.kind == "b":
        values = values.astype(np.int64)
    if values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < max(DENSE_RANGE, 4 * len(values)) and high <= np.iinfo(np.int64).max:
            return np.arange(low, high + 1), values.astype(np.int64) - low
    distinct, position = np.unique(values, return_inverse=True)
    return distinct, position


def _totals(
    values: Array, position: Array, weight: Array | None, distinct: Array, name: str
) -> Array:
    _refuse_missing(values, name)
    if weight is None and values.dtype.kind in "biu":
        # float sums would lose fen above 2^53
        total = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(total, position, values.astype(np.int64))
        return total
    weighted = values.astype(float) if weight is None else values * weight
    return np.bincount(position, weights=weighted, minlength=len(distinct))


def _known(
    y: ArrayLike, probability: ArrayLike, weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """Outcome, probability and weight of the rows whose outcome is known."""
    outcome = _numbers(y, "y")
    known = _outcome_state(outcome) > 0
    p = _numbers(probability, "probability", len(outcome))[known].astype(float)
    _refuse_missing(p, "probability")
    if np.any((p < 0) | (p > 1)):
        raise ValueError(f"probability must lie in [0, 1], got {p.min()} to {p.max()}")
    row_weight = np.ones(len(p)) if weight is None else _weights(weight, len(outcome))[known]
    return outcome[known].astype(float), p, row_weight


def _tested(bad: ArrayLike, n: ArrayLike, probability: ArrayLike) -> tuple[Array, Array, Array]:
    d, size, p = np.broadcast_arrays(
        np.asarray(bad, dtype=float), np.asarray(n, dtype=float), np.asarray(probability, float)
    )
    if not ((d >= 0) & (d <= size)).all():
        raise ValueError(f"bad must lie between 0 and n, got {bad!r} of {n!r}")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"probability must lie in [0, 1], got {probability!r}")
    return d, size, p


def _scalar(values: Array) -> Any:
    return float(values) if np.ndim(values) == 0 else values


def _aligned(expected: Any, actual: Any) -> tuple[Array, Array]:
    labelled = [isinstance(cells, (pd.Series, Mapping)) for cells in (expected, actual)]
    if any(labelled):
        if not all(labelled):
            raise ValueError("psi needs labels (Series or dict) on both sides, or on neither")
        expected, actual = pd.Series(expected, dtype=float), pd.Series(actual, dtype=float)
        for cells in (expected, actual):
            if not cells.index.is_unique:
                twice = cells.index[cells.index.duplicated()][0]
                raise ValueError(f"psi needs each label once, got {twice!r} twice")
            if cells.isna().any():
                raise ValueError("psi needs counts or shares, got NaN")
        labels = expected.index.union(actual.index, sort=False)
        expected, actual = expected.reindex(labels).fillna(0), actual.reindex(labels).fillna(0)
    e = _numbers(expected, "expected_counts").astype(float)
    a = _numbers(actual, "actual_counts", len(e)).astype(float)
    if not (np.isfinite(e).all() and np.isfinite(a).all() and (e >= 0).all() and (a >= 0).all()):
        raise ValueError("psi needs finite counts or shares >= 0")
    return e, a


def _require(counts: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in counts.columns]
    if missing:
        raise ValueError(f"counts lack {missing}, they have {list(counts.columns)}")


def _sorted(counts: pd.DataFrame) -> pd.DataFrame:
    return counts if counts.index.is_monotonic_increasing else counts.sort_index()


def _goods_and_bads(counts: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Scores ascending, goods, bads."""
    _require(counts, ("good", "bad"))
    if not counts.index.is_unique:
        raise ValueError("counts must have one row a score, got duplicates; see add_counts")
    counts = _sorted(counts)
    return (
        counts.index.to_numpy(),
        counts["good"].to_numpy(dtype=float),
        counts["bad"].to_numpy(dtype=float),
    )


def _both_classes(good: Array, bad: Array, what: str) -> bool:
    if good.sum() > 0 and bad.sum() > 0:
        return True
    _warn(f"{what} is undefined: {good.sum():g} goods, {bad.sum():g} bads")
    return False


def _warn_if_reversed(value: float, lead: float, n_good: float, n_bad: float) -> None:
    """Warn where an AUC below 0.5 is more than chance, or goods score lower everywhere."""
    chance = np.sqrt((n_good + n_bad + 1) / (12 * n_good * n_bad))
    if value < 0.5 and (lead <= 1e-12 or value < 0.5 - 1.645 * chance):
        _warn(f"score looks reversed: AUC {value:.3f}; a higher score must be safer")


def _warn(message: str) -> None:
    # past the helper and the public function, about where the caller's line is
    warnings.warn(message, UserWarning, stacklevel=4)


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")


def _check_groups(n_groups: int) -> None:
    if not n_groups >= 1:
        raise ValueError(f"n_groups must be >= 1, got {n_groups!r}")
