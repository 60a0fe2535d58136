"""How far chance alone would move a metric.

Takes score counts and a function of them; gives its bootstrap interval.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import Array, check_level
from riskkit.metrics.outcomes import require

__all__ = ["bootstrap"]


def bootstrap(
    counts: pd.DataFrame,
    statistic: Callable[..., Any],
    *arguments: Any,
    level: float = 0.95,
    n_boot: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate and bootstrap interval of any statistic of score counts.

    Loans of known outcome are drawn with replacement, which is one multinomial draw over the
    goods and bads at each score, whatever the number of loans. The number of bads varies, as it
    does from sample to sample (the KS interval of :func:`discrimination` holds it fixed).

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`. Weighted counts are read as numbers of loans.
    statistic : callable
        From counts, and `arguments`, to a number or a Series of numbers. It sees counts with the
        same scores in the same order, all loans booked and of known outcome.
    *arguments
        Passed on after the counts, such as the probability at each score.
    level : float
        Confidence level, in (0, 1).
    n_boot : int
        Samples; 0 leaves the interval NaN.
    seed : int

    Returns
    -------
    DataFrame, index `statistic`: the Series' index, or the function's name
        `estimate`, from `counts` as they are, `low`, `high` (percentiles). The interval is NaN
        where the statistic is undefined in a sample, or no outcome is known.

    Raises
    ------
    ValueError
        `level` is outside (0, 1), `n_boot` is negative, or a column is missing.

    Source
    ------
    Efron, Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> from riskkit.metrics import log_loss, score_counts
    >>> counts = score_counts([1, 1, 2, 2, 2, 3, 3, 3], [1, 1, 1, 0, 0, 0, 0, 1])
    >>> bootstrap(counts, log_loss, [0.8, 0.4, 0.2]).round(3)  # doctest: +NORMALIZE_WHITESPACE
               estimate    low   high
    statistic
    log_loss      0.555  0.295  0.851
    """
    check_level(level)
    if n_boot < 0:
        raise ValueError(f"n_boot must be >= 0, got {n_boot!r}")
    require(counts, ("good", "bad"))
    name = getattr(statistic, "__name__", "statistic")

    def values(of: pd.DataFrame) -> pd.Series:
        result = statistic(of, *arguments)
        return result if isinstance(result, pd.Series) else pd.Series({name: result})

    table = pd.DataFrame({"estimate": values(counts)}).rename_axis(index="statistic")
    table["low"] = table["high"] = np.nan
    cells = counts[["good", "bad"]].to_numpy(dtype=float)
    if n_boot == 0 or not cells.sum() > 0:
        return table
    rng = np.random.default_rng(seed)
    samples = []
    with warnings.catch_warnings():
        # a sample without bads, or in reverse by chance, is no news
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(n_boot):
            good, bad = draws(cells.ravel(), 1, rng).reshape(-1, 2).T
            known = good + bad
            sample = {"applications": known, "booked": known, "good": good, "bad": bad}
            samples.append(values(pd.DataFrame(sample, index=counts.index)))
    tails = [0.5 - level / 2, 0.5 + level / 2]
    table["low"], table["high"] = np.quantile(np.array(samples, dtype=float), tails, axis=0)
    return table


def draws(cells: Array, n_boot: int, rng: np.random.Generator) -> Array:
    """Counts of `n_boot` samples with replacement, a row each, as large as the sum of the cells."""
    size = max(1, round(cells.sum()))
    return rng.multinomial(size, cells / cells.sum(), size=n_boot)
