"""How well a score separates goods from bads.

Takes score counts; gives AUC, Gini and KS with intervals, exact, ties counted half.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from riskkit.checks import Array, check_level, warn
from riskkit.metrics.counts import COUNT_COLUMNS
from riskkit.metrics.outcomes import both_classes, goods_and_bads, require, warn_if_reversed
from riskkit.metrics.resampling import draws
from riskkit.metrics.sums import quantile_groups, ratio

__all__ = ["auc", "discrimination", "gini", "ks"]

STATISTICS = (
    *(f"{name}{end}" for name in ("auc", "gini", "ks") for end in ("", "_low", "_high")),
    "ks_score",
)
# A bootstrap of KS needs no more score points than this; see `discrimination`.
BOOTSTRAP_POINTS = 2_000


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
    >>> from riskkit.metrics import score_counts
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
    >>> from riskkit.metrics import score_counts
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
    >>> from riskkit.metrics import score_counts
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
    >>> from riskkit.metrics import score_counts
    >>> y = [1, 1, 0, 1, 0, 0, 0, 1, 0, 0]
    >>> table = discrimination(score_counts([1, 2, 2, 3, 3, 4, 5, 5, 6, 7], y))
    >>> table[["bad_rate", "auc", "auc_low", "auc_high", "ks", "ks_score"]].round(3).to_dict()
    ... # doctest: +NORMALIZE_WHITESPACE
    {'bad_rate': 0.4, 'auc': 0.771, 'auc_low': 0.356, 'auc_high': 0.953, 'ks': 0.417,
     'ks_score': 3.0}
    """
    check_level(level)
    if n_boot < 0:
        raise ValueError(f"n_boot must be >= 0, got {n_boot!r}")
    require(counts, COUNT_COLUMNS)
    score, good, bad = goods_and_bads(counts)
    n_good, n_bad = good.sum(), bad.sum()
    out = {
        "applications": float(counts["applications"].sum()),
        "booked": float(counts["booked"].sum()),
        "good": float(n_good),
        "bad": float(n_bad),
        "bad_rate": float(ratio(n_bad, n_good + n_bad)),
    }
    out |= dict.fromkeys(STATISTICS, float("nan"))
    if both_classes(good, bad, "discrimination"):
        curve = lead_of_bads(good, bad)
        out["auc"] = area(good, bad)
        out["auc_low"], out["auc_high"] = _auc_interval(good, bad, level)
        for end in ("", "_low", "_high"):
            out[f"gini{end}"] = 2 * out[f"auc{end}"] - 1
        out["ks"] = float(curve.max())
        out["ks_low"], out["ks_high"] = _ks_interval(good, bad, level, n_boot, seed)
        out["ks_score"] = float(score[np.argmax(curve)])
        warn_if_reversed(out["auc"], out["ks"], float(n_good), float(n_bad))
    return pd.Series(out, name="discrimination")


def _auc_and_ks(counts: pd.DataFrame, what: str) -> tuple[float, float]:
    """Both, as each tells when the other's score is reversed."""
    _, good, bad = goods_and_bads(counts)
    if not both_classes(good, bad, what):
        return float("nan"), float("nan")
    value, lead = area(good, bad), float(lead_of_bads(good, bad).max())
    warn_if_reversed(value, lead, float(good.sum()), float(bad.sum()))
    return value, lead


def area(good: Array, bad: Array) -> float:
    """AUC of goods and bads at ascending scores."""
    bads_below = bad.cumsum() - bad
    return float(np.dot(good, bads_below + bad / 2) / (good.sum() * bad.sum()))


def lead_of_bads(good: Array, bad: Array) -> Array:
    """F_bad − F_good at ascending scores."""
    return bad.cumsum() / bad.sum() - good.cumsum() / good.sum()


def placements(good: Array, bad: Array) -> tuple[Array, Array]:
    """Structural components of the AUC at each score: of a good there, and of a bad there."""
    of_good = (bad.cumsum() - bad / 2) / bad.sum()
    of_bad = 1 - (good.cumsum() - good / 2) / good.sum()
    return of_good, of_bad


def _auc_interval(good: Array, bad: Array, level: float) -> tuple[float, float]:
    n_good, n_bad = good.sum(), bad.sum()
    value = area(good, bad)
    # a variance estimated as 0 under perfect separation is no knowledge of the AUC
    if not 0 < value < 1 or min(n_good, n_bad) < 2:
        warn("AUC interval is undefined: perfect separation, or fewer than two goods or bads")
        return float("nan"), float("nan")
    of_good, of_bad = placements(good, bad)
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
        group = quantile_groups(good + bad, BOOTSTRAP_POINTS)
        good, bad = np.bincount(group, weights=good), np.bincount(group, weights=bad)
    rng = np.random.default_rng(seed)
    gaps = np.zeros((n_boot, len(good)))
    for sign, cells in ((1, bad), (-1, good)):
        drawn = draws(cells, n_boot, rng).cumsum(axis=1)
        gaps += sign * drawn / drawn[:, -1:]
    value = float(lead_of_bads(good, bad).max())
    low, high = np.quantile(gaps.max(axis=1), [0.5 - level / 2, 0.5 + level / 2])
    # basic, not percentile: a widest gap only widens by chance, in the sample and again in its
    # resamples, so that the truth would lie below the percentiles of one sample in six
    return max(2 * value - float(high), 0.0), min(max(2 * value - float(low), value), 1.0)
