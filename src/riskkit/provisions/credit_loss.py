"""Expected credit loss: probability of a first default, what is then owed, what of it is lost.

Takes arrays by loan and month ahead; gives amounts by loan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from riskkit.checks import Array

__all__ = ["ecl", "first_default_probabilities"]


def first_default_probabilities(hazards: ArrayLike) -> Array:
    """Probability of a first default in each month, survival to it times its hazard.

    Parameters
    ----------
    hazards : array of shape (..., n_months)
        In [0, 1]: probability of default in a month, given none before.

    Returns
    -------
    float array of the same shape

    Source
    ------
    The life table.

    Examples
    --------
    >>> first_default_probabilities([0.02, 0.03]).round(4).tolist()
    [0.02, 0.0294]
    """
    hazard = np.asarray(hazards, dtype=float)
    if not ((hazard >= 0) & (hazard <= 1)).all():
        raise ValueError("hazards must lie in [0, 1]")
    survival = np.cumprod(1 - hazard, axis=-1)
    before = np.concatenate([np.ones_like(hazard[..., :1]), survival[..., :-1]], axis=-1)
    return before * hazard


def ecl(
    probabilities: ArrayLike,
    exposures: ArrayLike,
    lgd: ArrayLike,
    monthly_rate: ArrayLike = 0.0,
    *,
    horizon_months: int | None = None,
) -> Array:
    """Expected credit loss: Σₕ P(first default in month h) · LGD · EADₕ ÷ (1 + i)ʰ.

    Parameters
    ----------
    probabilities, exposures : array of shape (n_loans, n_months) or (n_months,)
        Of a first default in each month ahead, and what would then be owed.
    lgd : float, or array of shape (n_loans,) or (n_loans, n_months)
        Share of it that is lost, valued at the default; of a default in each month.
    monthly_rate : float or array of shape (n_loans,)
        Effective rate, a fraction a month.
    horizon_months : int, optional
        Defaults of so many months only: 12 for stage 1.

    Returns
    -------
    float array of shape (n_loans,)
        In the unit of `exposures`.

    Raises
    ------
    ValueError
        A probability outside [0, 1] or that sums to more than 1, a negative exposure or LGD.

    Source
    ------
    IFRS 9, 5.5.17, B5.5.28, B5.5.44; design vector 26.7749.

    Examples
    --------
    >>> hazards = first_default_probabilities([0.02, 0.03, 0.03])
    >>> round(float(ecl(hazards, [1000, 600, 300], 0.6, 0.02)[0]), 4)
    26.7749
    """
    probability, exposure = (
        np.atleast_2d(np.asarray(x, float)) for x in (probabilities, exposures)
    )
    loss, rate = (np.atleast_1d(np.asarray(x, float)) for x in (lgd, monthly_rate))
    if loss.ndim == 1:
        loss = loss[:, None]
    if not ((probability >= 0).all() and (probability.sum(axis=1) <= 1 + 1e-9).all()):
        raise ValueError("probabilities must be >= 0 and sum to at most 1 for each loan")
    if (exposure < 0).any() or not (loss >= 0).all():
        raise ValueError("exposures and lgd must be >= 0")
    months = np.arange(1, probability.shape[1] + 1)
    if horizon_months is not None:
        probability = probability * (months <= horizon_months)
    discount = (1 + rate)[:, None] ** -months.astype(float)
    return (probability * loss * exposure * discount).sum(axis=1)
