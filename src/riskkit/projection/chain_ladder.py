"""The chain ladder: how a triangle of cumulative figures goes on, with Mack's standard errors.

Takes a triangle (cohort × month on book, or any cumulative triangle); gives development factors and
a row per cohort.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from riskkit.checks import Array, check_level

__all__ = ["development_factors", "mack_table"]

ALL = "all"


def development_factors(triangle: pd.DataFrame) -> pd.DataFrame:
    """Factor from each month on book to the next, with Mack's variance of it.

    f(k) = Σ C(i, k+1) ÷ Σ C(i, k) and σ²(k) = Σ C(i, k) · (C(i, k+1)/C(i, k) − f(k))² ÷ (n(k) − 1)
    over the n(k) cohorts seen at k + 1. Where one cohort alone is, σ² is Mack's
    min(σ⁴(k−1)/σ²(k−2), σ²(k−2), σ²(k−1)): what the two before it extrapolate to, and no more than
    either.

    Parameters
    ----------
    triangle : DataFrame of shape (n_cohorts, n_months)
        Cumulative figures, NaN where not seen; each row is seen up to its diagonal. A cohort that
        has nothing at k tells no factor there and is left out of it.

    Returns
    -------
    DataFrame of shape (n_months − 1,), index the months but the last
        `factor`, `sigma_squared`, `standard_error` of the factor (σ ÷ √Σ C(i, k)), `cohorts` (n).
        A month that no cohort with anything has passed is NaN; so is σ² where one cohort alone
        passed it and two months before it do not tell.

    Raises
    ------
    ValueError
        A row has a gap, or figures are negative.

    Source
    ------
    Mack (1993), ASTIN Bulletin 23(2); Mack (1999), ASTIN Bulletin 29(2), for the last σ².

    Examples
    --------
    >>> paid = pd.DataFrame([[10, 20, 25], [20, 30, np.nan], [10, np.nan, np.nan]])
    >>> development_factors(paid)["factor"].round(3).tolist()
    [1.667, 1.25]
    """
    figures = _figures(triangle)
    n_steps = max(figures.shape[1] - 1, 0)
    factor, sigma, base, cohorts = (np.full(n_steps, np.nan) for _ in range(4))
    for k in range(n_steps):
        before, after = figures[:, k], figures[:, k + 1]
        told = ~np.isnan(after) & (before > 0)
        n, base[k] = int(told.sum()), before[told].sum()
        cohorts[k] = n
        if not n:
            continue
        factor[k] = after[told].sum() / base[k]
        if n > 1:
            off = after[told] / before[told] - factor[k]
            sigma[k] = (before[told] * off**2).sum() / (n - 1)
        elif k > 1:
            last, earlier = sigma[k - 1], sigma[k - 2]
            # without any spread two months ago the ratio is of nothing by nothing
            ratio = last**2 / earlier if earlier > 0 else last
            sigma[k] = min(ratio, earlier, last)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(sigma / np.where(base > 0, base, np.nan))
    table = {
        "factor": factor,
        "sigma_squared": sigma,
        "standard_error": error,
        "cohorts": cohorts.astype(np.int64),
    }
    return pd.DataFrame(table, index=triangle.columns[:n_steps])


def mack_table(triangle: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Where each row of a triangle ends by the chain ladder, with Mack's standard errors.

    mse(R) = Ĉ² Σ σ²(k)/f²(k) · (1/Ĉ(k) + 1/Σ C(j, k)) over the months to come: the first part is
    process error, the second that of the estimated factors, which all rows share; the error of the
    total therefore holds their covariance, too.

    Parameters
    ----------
    triangle : DataFrame of shape (n_cohorts, n_months)
        As for :func:`development_factors`.
    level : float
        Of the prediction intervals, in (0, 1).

    Returns
    -------
    DataFrame, index the cohorts and "all"
        `age` (last column seen), `latest`, `ultimate`, `outstanding`, `process_error`,
        `estimation_error` and `standard_error` (root of the sum of their squares), and
        `ultimate_low`, `ultimate_high`: latest plus a lognormal outstanding of that mean and
        standard error. A row with nothing yet, or whose next factor nobody tells, is NaN: the chain
        ladder multiplies and says nothing of a zero; "all" is of the rows that are known.

    Raises
    ------
    ValueError
        As for :func:`development_factors`, or `level` is outside (0, 1).

    Source
    ------
    Mack (1993), ASTIN Bulletin 23(2), with the corollary for the total; Mack (1994), CAS Forum, for
    the lognormal interval.

    Examples
    --------
    >>> paid = pd.DataFrame([[10, 20, 25], [20, 30, np.nan], [10, np.nan, np.nan]])
    >>> mack_table(paid)["ultimate"].round(2).tolist()
    [25.0, 37.5, 20.83, 83.33]
    """
    check_level(level)
    figures, factors = _figures(triangle), development_factors(triangle)
    seen = (~np.isnan(figures)).sum(axis=1)
    last = np.maximum(seen - 1, 0)
    latest = np.full(len(figures), np.nan)
    latest[seen > 0] = figures[seen > 0, last[seen > 0]]
    ultimate, process, shared = _developed(latest, last, factors)
    known = ~np.isnan(ultimate)
    # two rows share the factors that the older of them still needs
    together = np.minimum.outer(shared, shared) * np.outer(ultimate, ultimate)
    estimation = np.diag(together)
    sums = [process[known].sum(), together[np.ix_(known, known)].sum()]
    columns = {
        "latest": [*latest, latest[known].sum()],
        "ultimate": [*ultimate, ultimate[known].sum()],
        "outstanding": [*(ultimate - latest), (ultimate - latest)[known].sum()],
        "process_error": np.sqrt([*process, sums[0]]),
        "estimation_error": np.sqrt([*estimation, sums[1]]),
        "standard_error": np.sqrt([*(process + estimation), sum(sums)]),
    }
    table = pd.DataFrame(columns, index=pd.Index([*triangle.index, ALL], name="cohort"))
    ages = [triangle.columns[place] if n else pd.NA for place, n in zip(last, seen, strict=True)]
    table.insert(0, "age", pd.array([*ages, pd.NA], dtype="Int64"))
    low, high = _lognormal(table["outstanding"], table["standard_error"], level)
    return table.assign(ultimate_low=table["latest"] + low, ultimate_high=table["latest"] + high)


def _developed(latest: Array, last: Array, factors: pd.DataFrame) -> tuple[Array, Array, Array]:
    """Ultimate of each row, its process error squared, and Σ of the factors' relative errors²."""
    names = ("factor", "sigma_squared", "standard_error")
    factor, sigma, error = (factors[name].to_numpy() for name in names)
    at = np.where(latest > 0, latest, np.nan)
    process, shared = np.zeros_like(at), np.zeros_like(at)
    for k in range(len(factors)):
        ahead = k >= last
        process[ahead] += sigma[k] / factor[k] ** 2 / at[ahead]
        shared[ahead] += (error[k] / factor[k]) ** 2
        at[ahead] *= factor[k]
    return at, process * at**2, shared


def _figures(triangle: pd.DataFrame) -> Array:
    figures = triangle.to_numpy(dtype=float)
    seen = ~np.isnan(figures)
    gaps = (seen[:, 1:] & ~seen[:, :-1]).any(axis=1)
    if gaps.any():
        raise ValueError(
            f"each row of a triangle must be seen up to its diagonal, got {int(gaps.sum())} with "
            f"gaps: {triangle.index[gaps][0]!r}"
        )
    if (figures < 0).any():
        raise ValueError("figures of a triangle must be >= 0, got negative ones")
    return figures


def _lognormal(mean: pd.Series, error: pd.Series, level: float) -> tuple[Array, Array]:
    """Limits of a lognormal of this mean and standard error; what is certain has no width."""
    m, se = mean.to_numpy(float), error.to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.log1p((se / m) ** 2))
        centre = np.log(m) - spread**2 / 2
        wide = special.ndtri(0.5 + level / 2) * spread
        return tuple(np.where(se > 0, np.exp(centre + side * wide), m) for side in (-1, 1))
