"""Which binned features to keep: IV, stability over time, correlation of WoE, VIF.

Takes a fitted binner and WoE; gives one table with a reason for each feature.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from riskkit.binning.leakage import LEAKAGE_IV
from riskkit.binning.woe import WoeBinner
from riskkit.checks import Array
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["check_limits", "select_features", "variance_inflation"]

_BLOCK_ROWS = 1 << 13
_CONSTANT = 1e-18  # mean square of a column of a Table that does not vary
# a category of more levels is named with them where chance explains it
_MANY_LEVELS = 10
_CHANCE = ("by_chance", "beyond_chance", "p_value")


def variance_inflation(woe: np.ndarray) -> np.ndarray:
    """Variance inflation factor of each column: 1 / (1 − R²) on the others.

    Parameters
    ----------
    woe : array of shape (n_rows, n_features)

    Returns
    -------
    array of shape (n_features,)
        At least 1; infinite where the others say all, NaN for a column that does not vary.
    """
    n = woe.shape[1]
    mean = woe.mean(axis=0)
    spread = np.zeros((n, n))
    # blocks stay in the cache; all rows at once would be copied three times
    for start in range(0, len(woe), _BLOCK_ROWS):
        block = woe[start : start + _BLOCK_ROWS] - mean
        spread += block.T @ block
    # the mean of a constant is not always that constant to the last bit
    return _inflation(_correlation(spread), np.flatnonzero(np.ptp(woe, axis=0) > 0))


def _correlation(spread: Array) -> Array:
    """Correlations, from sums of products about the mean."""
    deviation = np.sqrt(np.diag(spread))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = spread / np.outer(deviation, deviation)
    return found


def _inflation(correlation: Array, varies: Array) -> Array:
    factors = np.full(len(correlation), np.nan)
    for i in varies:
        others = varies[varies != i]
        own = correlation[others, i]
        inner = correlation[np.ix_(others, others)]
        unexplained = 1 - own @ np.linalg.lstsq(inner, own, rcond=1e-12)[0]
        factors[i] = 1 / unexplained if unexplained > 1e-10 else np.inf
    return factors


def check_limits(
    min_iv: float = 0.02,
    max_p_value: float = 0.05,
    max_correlation: float = 0.7,
    max_vif: float = 5.0,
    max_psi: float = 0.25,
) -> None:
    """Refuse limits under which no feature could stay, or each would.

    Raises
    ------
    ValueError
        Names the limit, its range and the value.
    """
    if not min_iv >= 0:
        raise ValueError(f"min_iv must be at least 0, got {min_iv!r}")
    if not 0 < max_p_value <= 1:
        raise ValueError(f"max_p_value must lie in (0, 1], got {max_p_value!r}")
    if not 0 < max_correlation <= 1:
        raise ValueError(f"max_correlation must lie in (0, 1], got {max_correlation!r}")
    if not max_vif >= 1:
        raise ValueError(f"max_vif must be at least 1, got {max_vif!r}")
    if not max_psi > 0:
        raise ValueError(f"max_psi must be above 0, got {max_psi!r}")


def select_features(
    binner: WoeBinner,
    woe: pd.DataFrame | Table,
    *,
    chance: pd.DataFrame | None = None,
    stable: pd.DataFrame | None = None,
    min_iv: float = 0.02,
    max_p_value: float = 0.05,
    max_correlation: float = 0.7,
    max_vif: float = 5.0,
    max_psi: float = 0.25,
) -> pd.DataFrame:
    """Which features to offer the models, and why not the others.

    A feature goes if one class alone holds most of it, which is possible leakage; if chance gives
    its IV more often than `max_p_value`, or its IV beyond chance is below `min_iv`; if its PSI in
    the last period is above `max_psi`; if its WoE correlates by more than `max_correlation` with
    one of larger IV beyond chance that is still in; or, the worst first, while its VIF is above
    `max_vif`.

    Parameters
    ----------
    binner : WoeBinner
    woe : DataFrame of shape (n_rows, n_features), or Table
        The training rows' WoE of the features in question. Of a Table, sums of products are added
        up block by block.
    chance : DataFrame, optional
        Of :func:`chance_iv`, with cross_fitted if you wish; without it no IV is told from chance,
        and all of it counts.
    stable : DataFrame, optional
        Of :func:`stability`.

    min_iv, max_p_value, max_correlation, max_vif, max_psi : float
        As of :func:`check_limits`.

    Returns
    -------
    DataFrame, index feature, largest IV beyond chance first
        iv, by_chance, beyond_chance, p_value (as in `chance`; cross_fitted, too, where it
        is there), psi (last period),
        periods_out_of_order (how many), correlation (the largest with a
        feature of larger IV still in), with (that feature), vif (among those that reached the last
        step), selected, leakage (IV above 0.5), reason.
    """
    check_limits(min_iv, max_p_value, max_correlation, max_vif, max_psi)
    iv = binner.iv
    iv = iv[iv.index.isin(woe.columns)]
    table = pd.DataFrame({"iv": iv}, index=iv.index.rename("feature"))
    table[list(_CHANCE)] = np.nan
    if chance is not None:
        told = [name for name in chance if name in (*_CHANCE, "cross_fitted")]
        table[told] = chance[told]
        table = table.sort_values("beyond_chance", ascending=False, kind="stable")
    tells = table["beyond_chance"] if chance is not None else table["iv"]
    table[["psi", "periods_out_of_order"]] = np.nan
    if stable is not None:
        table["psi"] = stable["psi"].groupby(level="feature").last()
        table["periods_out_of_order"] = (~stable["order_holds"]).groupby(level="feature").sum()
    table["correlation"] = np.nan
    table["with"] = pd.Series(pd.NA, index=table.index, dtype="str")
    table["vif"] = np.nan
    reason = dict.fromkeys(table.index, "kept")
    correlations, inflation = _together(woe, list(table.index))
    correlation = pd.DataFrame(correlations, index=table.index, columns=table.index)
    kept: list[str] = []
    for name in table.index:
        if name in binner.leakage_:
            reason[name] = "possible leakage"
            continue
        too_little = not tells[name] >= min_iv or tells[name] == 0
        if too_little and name in binner.one_bin_:
            reason[name] = f"one bin: {binner.one_bin_[name]}"
            continue
        if table.at[name, "p_value"] > max_p_value:
            reason[name] = f"chance gives as much, p = {table.at[name, 'p_value']:.2g}"
            bins = binner.bins_[name]
            if bins.groups is not None and (n_levels := sum(map(len, bins.groups))) > _MANY_LEVELS:
                reason[name] += f": {n_levels} levels on {bins.counts[:, 1].sum():g} bads"
            continue
        if too_little:
            reason[name] = f"IV{'' if chance is None else ' beyond chance'} below {min_iv:g}"
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
        vif = pd.Series(inflation(places), index=kept)
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


def _together(
    woe: pd.DataFrame | Table, names: list[str]
) -> tuple[Array, Callable[[list[int]], Array]]:
    """Correlations of columns, 0 of those that do not vary; and the VIF of some of them."""
    if isinstance(woe, pd.DataFrame):
        matrix = woe[names].to_numpy()
        varies = np.ptp(matrix, axis=0) > 0
        correlations = np.eye(len(names))
        correlations[np.ix_(varies, varies)] = np.corrcoef(matrix[:, varies], rowvar=False)
        return correlations, lambda places: variance_inflation(matrix[:, places])
    sums = total(_sums, woe, columns=names)
    mean = sums[1:] / sums[0]
    products = total(partial(_products, names=names, mean=mean), woe, columns=names)
    # sums of a constant are not that constant to the last bit
    varies = np.diag(products) > _CONSTANT * sums[0]
    correlations = np.where(np.outer(varies, varies), _correlation(products), np.eye(len(names)))

    def inflation(places: list[int]) -> Array:
        some = np.ix_(places, places)
        return _inflation(correlations[some], np.flatnonzero(varies[places]))

    return correlations, inflation


def _sums(woe: pd.DataFrame) -> Array:
    return np.append(len(woe), woe.to_numpy().sum(axis=0))


def _products(woe: pd.DataFrame, names: list[str], mean: Array) -> Array:
    apart = woe[names].to_numpy() - mean
    return apart.T @ apart
