"""Which trees: a dozen settings, side by side on rows they have not seen.

Takes an unfitted challenger and its training rows; gives a table of settings, and the one to take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone

from riskkit.challenger.model import Challenger
from riskkit.challenger.rows import Array, Learning

__all__ = ["best_setting", "compare_settings"]

GRID: Mapping[str, Sequence[Any]] = {
    "n_leaves": (4, 8, 16),
    "min_leaf_rows": (200, 50),
    "feature_share": (0.6, 1.0),
}
# what the trees alone hang on: the rows, their folds and the calibration are those of all settings
TREE_PARAMETERS = (*GRID, "learning_rate", "patience_rounds")


def compare_settings(
    challenger: Challenger,
    X: pd.DataFrame,
    y: np.ndarray | pd.Series,
    sample_weight: np.ndarray | pd.Series | None = None,
    *,
    groups: ArrayLike | None = None,
    grid: Mapping[str, Sequence[Any]] = GRID,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Log loss of a challenger's settings on the folds it deals its training rows into.

    Every setting sees the same folds and draws from the same seed, so differences are paired: their
    errors are those of the mean difference of a row. Each setting has its own number of rounds, the
    one at which unseen rows gain no more.

    Parameters
    ----------
    challenger : Challenger
        Unfitted or fitted, left as it is; what `grid` does not name stays at its values.
    X, y, sample_weight, groups
        As in :meth:`Challenger.fit`.
    grid : mapping of parameter to values
        All combinations are tried, the values of each from simple to complex; by default a dozen.
        It may name n_leaves, min_leaf_rows, feature_share, learning_rate and patience_rounds.
    executor : concurrent.futures.Executor, optional
        Threads, since the trees grow outside Python's lock.

    Returns
    -------
    DataFrame, index setting from 1
        The parameters; n_rounds; log_loss (mean of a row, before calibration); excess,
        excess_low, excess_high (above the least, with its 95 % interval); chosen (bool: the
        least log_loss, the simplest of equals). Nobody reads the trees, so a simpler setting that
        chance may have put behind wins nothing.

    Raises
    ------
    ValueError, TypeError
        Another parameter in `grid`, or a value out of range; or as in :meth:`Challenger.fit`.

    Source
    ------
    riskkit definition; the interval is that of a mean paired difference.
    """
    other = [name for name in grid if name not in TREE_PARAMETERS]
    if other:
        raise ValueError(f"the grid may name {list(TREE_PARAMETERS)}, got {other}")
    settings = [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]
    unfitted = clone(challenger)
    for setting in settings:
        clone(unfitted).set_params(**setting)._check_settings()
    learning = unfitted._learn(X, y, sample_weight, groups)
    cross = partial(_losses, unfitted, learning)
    found = list((executor.map if executor else map)(cross, settings))
    weight = learning.weight / learning.weight.sum()
    means = [float(weight @ losses) for _, losses in found]
    least = int(np.argmin(means))
    rows: list[dict[str, Any]] = []
    for setting, (n_rounds, losses) in zip(settings, found, strict=True):
        apart = losses - found[least][1]
        excess = float(weight @ apart)
        error = float(np.sqrt((weight**2) @ (apart - excess) ** 2))
        rows.append(
            {
                **setting,
                "n_rounds": n_rounds,
                "log_loss": float(weight @ losses),
                "excess": excess,
                "excess_low": excess - 1.96 * error,
                "excess_high": excess + 1.96 * error,
                "chosen": len(rows) == least,
            }
        )
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="setting"))


def _losses(
    challenger: Challenger, learning: Learning, setting: Mapping[str, Any]
) -> tuple[int, Array]:
    """Rounds, and the log loss of each row, at one setting."""
    crossed = clone(challenger).set_params(**setting)._cross(learning)
    return crossed.n_rounds, np.logaddexp(0, crossed.raw) - learning.y * crossed.raw


def best_setting(table: pd.DataFrame) -> dict[str, Any]:
    """Parameters of the chosen row of :func:`compare_settings`, for ``set_params``."""
    parameters = table.columns[: table.columns.get_loc("n_rounds")]
    (row,) = table.index[table["chosen"]]
    return {name: table.loc[row, name].item() for name in parameters}
