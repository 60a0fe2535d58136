"""Whether a population has moved by more than is tolerated, where all moves are beyond chance.

Takes counts per bin then and now; gives the shift, and how sure it is that it is too large.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from riskkit.checks import Array, numeric_array

__all__ = ["TOLERATED_SHIFT", "resemblance_p_value", "resemblance_statistic"]

TOLERATED_SHIFT = 0.01  # every share moved by a tenth of itself


def resemblance_statistic(expected_counts: ArrayLike, actual_counts: ArrayLike) -> Array:
    """χ² of resemblance, shift in the unit of PSI, and degrees of freedom, of two samples of bins.

    χ² = n·Σ (a − e)² ÷ e, a and e being shares and 1/n = 1/n_actual + 1/n_expected; the shift is
    Σ (a − e)² ÷ e, which PSI is close to where it is small.

    Parameters
    ----------
    expected_counts, actual_counts : array of shape (n_bins,)
        An expected count of 0 counts 0.5, as in :func:`riskkit.metrics.psi`; a bin that is empty in
        both is left out.

    Returns
    -------
    float array (χ², shift, degrees of freedom, n)
        NaN where a sample is empty or fewer than two bins are filled.

    Raises
    ------
    ValueError
        A count is negative or missing, or lengths differ.

    Source
    ------
    Potgieter, van Zyl, Schutte, Lombard (2025), The Population Resemblance Statistic,
    arXiv:2307.11878; the size of the development sample in n is riskkit's.
    """
    expected = numeric_array(expected_counts, "expected_counts").astype(float)
    actual = numeric_array(actual_counts, "actual_counts", len(expected)).astype(float)
    if not (np.all(expected >= 0) and np.all(actual >= 0)):
        raise ValueError("counts must be >= 0 and known in every bin")
    used = (expected > 0) | (actual > 0)
    totals = expected.sum(), actual.sum()
    if used.sum() < 2 or min(totals) == 0:
        return np.full(4, np.nan)
    e = np.where(expected == 0, 0.5, expected)[used] / totals[0]
    shift = float(((actual[used] / totals[1] - e) ** 2 / e).sum())
    n = 1 / (1 / totals[0] + 1 / totals[1])
    return np.array([n * shift, shift, used.sum() - 1, n])


def resemblance_p_value(
    chi2: ArrayLike, freedom: ArrayLike, n: ArrayLike, *, tolerated: float = TOLERATED_SHIFT
) -> Array:
    """How likely so large a χ² is while the shift is no larger than is tolerated.

    P(χ²(freedom, n·tolerated) ≥ chi2), of the noncentral χ². With a tolerance of 0 it is the
    ordinary test, which at a million rows rejects any shift worth no thought.

    Parameters
    ----------
    chi2, freedom, n : array
        Of :func:`resemblance_statistic`.
    tolerated : float
        Σ (α − ε)² ÷ ε of the shares behind the samples, at least 0: 0.01 where each has moved by a
        tenth of itself.

    Returns
    -------
    float array
        In [0, 1]; NaN where the statistic is.

    Raises
    ------
    ValueError
        `tolerated` is negative or not finite.

    Source
    ------
    Potgieter, van Zyl, Schutte, Lombard (2025), arXiv:2307.11878.

    Examples
    --------
    >>> development, month = [250_000] * 4, [251_000, 250_000, 250_000, 249_000]
    >>> chi2, _, freedom, n = resemblance_statistic(development, month)
    >>> [round(float(resemblance_p_value(chi2, freedom, n, tolerated=t)), 3) for t in (0, 0.01)]
    [0.261, 1.0]
    """
    if not 0 <= tolerated < np.inf:
        raise ValueError(f"tolerated must be finite and >= 0, got {tolerated!r}")
    chi2, freedom, n = (np.asarray(values, dtype=float) for values in (chi2, freedom, n))
    if tolerated == 0:
        return stats.chi2.sf(chi2, freedom)
    return stats.ncx2.sf(chi2, freedom, n * tolerated)
