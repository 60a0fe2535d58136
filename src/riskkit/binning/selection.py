"""Which binned features to keep: stability over time, IV, correlation of WoE, VIF.

Takes a fitted binner and rows; gives one table with a reason for each feature.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.binning.counts import bad_flags
from riskkit.binning.woe import WoeBinner
from riskkit.metrics import psi, psi_critical

__all__ = ["LEAKAGE_IV", "select_features", "stability"]

# Siddiqi (2006) calls an IV above 0.5 suspicious: too good to be known before the decision
LEAKAGE_IV = 0.5


def stability(
    binner: WoeBinner, X: pd.DataFrame, y: np.ndarray | pd.Series, period: pd.Series
) -> pd.DataFrame:
    """How each feature's bins move over periods, against the bins' counts in fit.

    Parameters
    ----------
    binner : WoeBinner
    X : DataFrame of shape (n_rows, n_features)
    y : array of shape (n_rows,)
        1 = bad, 0 = good.
    period : Series of shape (n_rows,)
        Month, quarter or any other label, in the order of its values.

    Returns
    -------
    DataFrame, index (feature, period)
        rows; psi of the shares of the bins; psi_critical, its 95 % value if nothing moved;
        woe_correlation, of the period's WoE with the fitted WoE over bins with goods and bads,
        weighted by rows (1 = the same risk order, below 0 = reversed, NaN with under two bins).
    """
    y = bad_flags(y, len(X)).astype(np.int64)
    periods, labels = pd.factorize(np.asarray(period), sort=True)
    if (periods < 0).any():
        raise ValueError(f"period must be known in every row, missing in {(periods < 0).sum()}")
    numbers = binner.bin_numbers(X)
    records = []
    for name, bins in binner.bins_.items():
        size = len(bins.counts) + 1  # and the unseen
        flat = (periods * size + numbers[name].to_numpy()) * 2 + y
        counts = np.bincount(flat, minlength=len(labels) * size * 2).reshape(-1, size, 2)
        expected = np.append(bins.counts.sum(axis=1), 0)
        for label, cell in zip(labels, counts, strict=True):
            actual = cell.sum(axis=1)
            used = (expected > 0) | (actual > 0)
            records.append(
                {
                    "feature": name,
                    "period": label,
                    "rows": int(actual.sum()),
                    "psi": psi(expected[used], actual[used]) if used.sum() > 1 else 0.0,
                    "psi_critical": psi_critical(
                        float(expected.sum()), float(actual.sum()), int(used.sum())
                    )
                    if used.sum() > 1
                    else np.nan,
                    "woe_correlation": _woe_correlation(cell, bins.woe),
                }
            )
    return pd.DataFrame(records).set_index(["feature", "period"])


def _woe_correlation(cell: np.ndarray, woe: np.ndarray) -> float:
    both = (cell > 0).all(axis=1)
    if both.sum() < 2 or np.ptp(woe[both]) == 0:
        return float("nan")
    now = np.log(cell[both, 0] / cell[both, 1])
    weight = cell[both].sum(axis=1)
    covariance = np.cov(np.stack([now, woe[both]]), aweights=weight)
    scale = np.sqrt(covariance[0, 0] * covariance[1, 1])
    return float(covariance[0, 1] / scale) if scale > 0 else float("nan")


def _vif(columns: np.ndarray) -> np.ndarray:
    """Variance inflation factor of each column: 1 / (1 − R²) on the others, infinite at R² = 1."""
    centred = columns - columns.mean(axis=0)
    factors = np.ones(columns.shape[1])
    for i in range(columns.shape[1]):
        own, others = centred[:, i], np.delete(centred, i, axis=1)
        residual = own - others @ np.linalg.lstsq(others, own, rcond=None)[0]
        unexplained = (residual @ residual) / (own @ own)
        factors[i] = 1 / unexplained if unexplained > 1e-10 else np.inf
    return factors


def select_features(
    binner: WoeBinner,
    woe: pd.DataFrame,
    *,
    stable: pd.DataFrame | None = None,
    min_iv: float = 0.02,
    max_correlation: float = 0.7,
    max_vif: float = 5.0,
    max_psi: float = 0.25,
) -> pd.DataFrame:
    """Which features to offer the models, and why not the others.

    A feature goes if its IV is below `min_iv`; if its PSI in the last period is above `max_psi`;
    if its WoE correlates by more than `max_correlation` with one of larger IV that is still in;
    or, the worst first, while its VIF is above `max_vif`.

    Parameters
    ----------
    binner : WoeBinner
    woe : DataFrame of shape (n_rows, n_features)
        The training rows' WoE.
    stable : DataFrame, optional
        Of :func:`stability`.

    Returns
    -------
    DataFrame, index feature, largest IV first
        iv, psi (last period), correlation (the largest with a feature of larger IV still in),
        with (that feature), vif (among those that reached the last step), selected, leakage (IV
        above 0.5), reason.
    """
    iv = binner.iv
    table = pd.DataFrame({"iv": iv}, index=iv.index.rename("feature"))
    table["psi"] = np.nan
    if stable is not None:
        table["psi"] = stable["psi"].groupby(level="feature").last().reindex(table.index)
    table["correlation"] = np.nan
    table["with"] = pd.Series(pd.NA, index=table.index, dtype="str")
    table["vif"] = np.nan
    reason = dict.fromkeys(table.index, "kept")
    matrix = woe[list(table.index)].to_numpy()
    varies = np.ptp(matrix, axis=0) > 0
    correlations = np.eye(len(table))
    correlations[np.ix_(varies, varies)] = np.corrcoef(matrix[:, varies], rowvar=False)
    correlation = pd.DataFrame(correlations, index=table.index, columns=table.index)
    kept: list[str] = []
    for name in table.index:
        if not table.at[name, "iv"] >= min_iv or table.at[name, "iv"] == 0:
            reason[name] = f"IV below {min_iv:g}"
            continue
        if table.at[name, "psi"] > max_psi:
            reason[name] = f"PSI above {max_psi:g}"
            continue
        if kept:
            partner = str(correlation.loc[name, kept].abs().idxmax())
            table.loc[name, ["correlation", "with"]] = [correlation.at[name, partner], partner]
            if abs(correlation.at[name, partner]) > max_correlation:
                reason[name] = f"correlation with {partner} above {max_correlation:g}"
                continue
        kept.append(name)
    while kept:
        places = [table.index.get_loc(name) for name in kept]
        vif = pd.Series(_vif(matrix[:, places]), index=kept)
        for name in kept:
            table.at[name, "vif"] = vif[name]
        worst = str(vif.idxmax())
        if vif[worst] <= max_vif:
            break
        kept.remove(worst)
        reason[worst] = f"VIF above {max_vif:g}"
    table["selected"] = [name in kept for name in table.index]
    table["leakage"] = table["iv"] > LEAKAGE_IV
    table["reason"] = pd.Series(reason, dtype="str")
    return table
