"""How far a distribution has moved.

Takes counts per bin then and now; gives PSI, what chance alone would reach, and a light; or takes
applications, and gives these for every feature and period.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.checks import Array, check_level, numeric_array, warn

__all__ = ["psi", "psi_critical", "psi_light"]


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
        warn("PSI is undefined: a sample is empty")
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
    check_level(level)
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
    e = numeric_array(expected, "expected_counts").astype(float)
    a = numeric_array(actual, "actual_counts", len(e)).astype(float)
    if not (np.isfinite(e).all() and np.isfinite(a).all() and (e >= 0).all() and (a >= 0).all()):
        raise ValueError("psi needs finite counts or shares >= 0")
    return e, a
