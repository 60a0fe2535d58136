"""Which of the directions that bins found bind the trees.

Takes a setting as measured without them; gives those that bind, and a table of what they cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import clone

from riskkit.challenger.model import Challenger
from riskkit.challenger.rows import Array, Learning
from riskkit.challenger.settings import Tried, excess, measure, paired

if TYPE_CHECKING:
    import lightgbm

__all__ = ["contrary_gain", "release"]

COLUMNS = (
    "bound",
    "n_rounds",
    "log_loss",
    "excess",
    "excess_low",
    "excess_high",
    "p_value",
    "chosen",
)


def release(
    challenger: Challenger,
    learning: Learning,
    free: Tried,
    found: Mapping[str, str],
    level: float,
) -> tuple[dict[str, str], pd.DataFrame]:
    """Found directions that bind, and the tests that said so.

    All bind unless rows not seen say, at the level, that the trees free of them have less log loss.
    Then the one, two, four, … features whose splits against their direction gain the free trees
    most are released, until the test is silent.

    Parameters
    ----------
    challenger : Challenger
        Its own `trends` bind in any case.
    learning : Learning
        As `free` was measured on.
    free : Tried
        On all folds, without the directions found.
    found : mapping of feature to str
        "ascending" or "descending", of features that no direction binds.
    level : float

    Returns
    -------
    dict of feature to str, and DataFrame, index released ("none", features, "all")
        bound (how many directions of `found`); n_rounds; log_loss; excess, excess_low, excess_high
        (over the free trees, the last row, with its 95 % interval); p_value (one-sided); chosen.
        No row where nothing was found.
    """
    kept = dict(found)
    rows: list[dict[str, Any]] = []
    released: list[str] = []
    order: list[str] = []
    n_released = 0
    while kept:
        directions = challenger._directions(kept | dict(challenger.trends or {}))
        rows_bound = replace(learning, directions=directions)
        bound = measure(challenger, rows_bound, free.setting, free.folds)
        mean, error = excess(bound, free, learning)
        p_value = float(norm.sf(mean / error)) if error > 0 else 1.0
        released.append(", ".join(order[:n_released]) or "none")
        rows.append(
            {
                "bound": len(kept),
                "n_rounds": bound.n_rounds,
                "log_loss": bound.log_loss,
                **paired(bound, free, learning),
                "p_value": p_value,
                "chosen": p_value >= level,
            }
        )
        if p_value >= level:
            break
        order = order or _by_contrary_gain(challenger, learning, free, found)
        n_released = max(1, 2 * n_released)
        kept = {name: found[name] for name in found if name not in order[:n_released]}
    if found:
        released.append("all")
        rows.append(
            {
                "bound": 0,
                "n_rounds": free.n_rounds,
                "log_loss": free.log_loss,
                **paired(free, free, learning),
                "chosen": not kept,
            }
        )
    index = pd.Index(released, name="released", dtype="object")
    return kept, pd.DataFrame(rows, index=index, columns=list(COLUMNS))


def _by_contrary_gain(
    challenger: Challenger, learning: Learning, free: Tried, found: Mapping[str, str]
) -> list[str]:
    """Features, first those whose directions the free trees gain most against."""
    booster = clone(challenger).set_params(**free.setting)._grow(learning, free.n_rounds)
    gain = contrary_gain(booster, challenger._directions(found))
    columns = challenger._columns()
    return sorted(found, key=lambda name: -gain[columns.index((name, True))])


def contrary_gain(booster: lightgbm.Booster, directions: Sequence[int]) -> Array:
    """Gain of the splits that lead against a column's direction, by column.

    Parameters
    ----------
    booster : lightgbm.Booster
    directions : sequence of n_columns
        1 where greater values should be riskier, −1 where safer, 0 for none.
    """
    gain = np.zeros(len(directions))

    def value(node: Mapping[str, Any]) -> float:
        return float(node["leaf_value"] if "leaf_value" in node else node["internal_value"])

    for tree in booster.dump_model()["tree_info"]:
        nodes = [tree["tree_structure"]]
        while nodes:
            node = nodes.pop()
            if "split_feature" not in node:
                continue
            left, right = node["left_child"], node["right_child"]
            column = node["split_feature"]
            if directions[column] * (value(right) - value(left)) < 0:
                gain[column] += node["split_gain"]
            nodes += [left, right]
    return gain
