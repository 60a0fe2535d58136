"""How often is a feature kept that tells nothing, and one that tells a little?

Six loans in a hundred are bad. A feature of so many levels, or a number (of 0 levels), is binned,
held against chance and selected as in notebook 02; `tells` is its true IV. Cells in which the loans
allow no split are shown, and counted for nothing.
"""

from functools import cache

import numpy as np
import pandas as pd
from scipy import optimize, stats

from riskkit.binning import WoeBinner, chance_iv, select_features
from studies import Study

LEVELS = (0, 3, 10, 60, 300)
BADS = (5, 20, 100, 500)
BAD_RATE = 0.06
SEEDS_A_CASE = 100
STATED_LEVEL = 0.05
POWER_IV = 0.05


@cache
def effects(levels: int, iv: float) -> np.ndarray:
    """WoE of equally frequent levels, evenly spread, whose IV is so large."""
    if levels == 0 or iv == 0:
        return np.zeros(max(levels, 1))
    places = stats.norm.ppf((np.arange(levels) + 0.5) / levels)

    def shares(size: float) -> tuple[np.ndarray, np.ndarray]:
        odds = BAD_RATE / (1 - BAD_RATE) * np.exp(-size * places)
        bad = odds / (1 + odds)
        return (1 - bad) / (1 - bad).sum(), bad / bad.sum()

    def found(size: float) -> float:
        good, bad = shares(size)
        return float(((good - bad) * np.log(good / bad)).sum())

    return optimize.brentq(lambda size: found(size) - iv, 0, 3) * places


def draw(rng: np.random.Generator, levels: int, bads: int, iv: float) -> tuple:
    """One feature and its labels, of so many bads exactly."""
    n = round(bads / BAD_RATE)
    if levels == 0:
        y = np.zeros(n, dtype=int)
        y[:bads] = 1
        return rng.normal(size=n) + np.sqrt(iv) * y, y
    woe = effects(levels, iv)
    level = rng.integers(0, levels, n)
    # the bads are those of a draw without replacement, whose odds are those of the levels
    chance = np.log(rng.random(n)) / np.exp(-woe[level])
    y = np.zeros(n, dtype=int)
    y[np.argsort(-chance)[:bads]] = 1
    return level.astype(str), y


def measure(seed: int, levels: int, bads: int, tells: float) -> dict[str, float]:
    """Of a hundred draws: in how many a split was possible, and how many features were kept."""
    possible = kept = 0
    for number in range(SEEDS_A_CASE):
        rng = np.random.default_rng([seed, number, levels, bads, round(1_000 * tells)])
        x, y = draw(rng, levels, bads, tells)
        X = pd.DataFrame({"x": x})
        limits = {"min_bads": 5, "infeasible": "one_bin"}
        if WoeBinner(trend="none", **limits).fit(X, y).bins_["x"].n_bins < 2:
            continue
        possible += 1
        binner = WoeBinner(max_p_value=0.3, **limits).fit(X, y)
        chance = chance_iv(binner, seed=number)
        table = select_features(binner, binner.transform(X), chance=chance)
        kept += bool(table.at["x", "selected"])
    return {"draws": SEEDS_A_CASE, "possible": possible, "kept": kept}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Share kept of each cell with its exact interval, and Holm's verdict on the noise.

    Source: Clopper, Pearson (1934); Holm (1979), of one-sided exact tests of the stated level.
    """
    rows = rows.astype({"levels": int, "bads": int, "tells": float})
    keys = ["tells", "levels", "bads"]
    table = rows.astype({"possible": int, "kept": int}).groupby(keys)[["possible", "kept"]].sum()
    table["share"] = table["kept"] / table["possible"].replace(0, np.nan)
    for end, place in (("low", 0), ("high", 1)):
        table[end] = [
            stats.binomtest(k, n).proportion_ci(0.95)[place] if n else np.nan
            for k, n in zip(table["kept"], table["possible"], strict=True)
        ]
    p = pd.Series(
        [
            stats.binomtest(k, n, STATED_LEVEL, "greater").pvalue if n else np.nan
            for k, n in zip(table["kept"], table["possible"], strict=True)
        ],
        index=table.index,
    )[0.0].dropna()
    rank = p.rank(method="first")
    table["above_level"] = False
    # the least p-value is enough to know whether Holm rejects any
    if (p * (len(p) - rank + 1))[p.idxmin()] < STATED_LEVEL:
        table.loc[(0.0, *p.idxmin()), "above_level"] = True
    return table


STUDY = Study(
    name="noise",
    modules=("binning",),
    cases=[
        {"seed": seed, "levels": levels, "bads": bads, "tells": tells}
        for seed in range(1, 5)
        for levels in LEVELS
        for bads, tells in [*((bads, 0.0) for bads in BADS), (500, POWER_IV)]
    ],
    measure=measure,
)
