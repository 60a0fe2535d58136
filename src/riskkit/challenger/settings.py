"""Which trees: a race of settings on rows they have not seen.

Takes an unfitted challenger and what it learns from; gives the setting that won, and a table of all
that were tried.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from riskkit.challenger.model import MAX_ROUNDS, Challenger
from riskkit.challenger.rows import Array, Learning

__all__ = ["STEPS", "Race", "Tried", "excess", "measure", "paired", "race"]

# factor of a step
STEPS: Mapping[str, float] = {"n_leaves": 2.0, "min_leaf_rows": 2.5, "feature_share": 0.6}
# a third of the rounds, and the same setting wins
SEARCH_RATE = 0.1

Place = tuple[int, ...]


@dataclass(frozen=True)
class Tried:
    """A setting as measured on the first `folds` folds."""

    setting: Mapping[str, Any]
    folds: int
    n_rounds: int
    losses: Array  # of each row; NaN in other folds
    log_loss: float

    @property
    def ended(self) -> bool:
        """Whether boosting ended before its limit."""
        return self.n_rounds < MAX_ROUNDS


@dataclass(frozen=True)
class Race:
    """Settings in the order they were tried, and the one that won."""

    tried: Sequence[Tried]
    chosen: Tried

    def table(self, learning: Learning) -> pd.DataFrame:
        """One row a setting, its excess over the chosen on the rows of both."""
        rows = [
            {
                **one.setting,
                "folds": one.folds,
                "n_rounds": one.n_rounds,
                "log_loss": one.log_loss,
                **paired(one, self.chosen, learning),
                "chosen": one is self.chosen,
            }
            for one in self.tried
        ]
        return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="setting"))


def measure(
    challenger: Challenger, learning: Learning, setting: Mapping[str, Any], n_folds: int
) -> Tried:
    """Log loss at one setting of the rows in the first folds, by boosters of all other folds."""
    crossed = clone(challenger).set_params(**setting)._cross(learning, n_folds)
    seen = learning.fold < n_folds
    raw, losses = crossed.raw[seen], np.full(len(learning.y), np.nan)
    losses[seen] = np.logaddexp(0, raw) - learning.y[seen] * raw
    log_loss = float(np.average(losses[seen], weights=learning.weight[seen]))
    return Tried(setting, n_folds, crossed.n_rounds, losses, log_loss)


def excess(one: Tried, other: Tried, learning: Learning) -> tuple[float, float]:
    """Mean loss of one less that of the other, on the rows of both, and its standard error."""
    seen = learning.fold < min(one.folds, other.folds)
    weight = learning.weight[seen] / learning.weight[seen].sum()
    apart = one.losses[seen] - other.losses[seen]
    mean = float(weight @ apart)
    return mean, float(np.sqrt((weight**2) @ (apart - mean) ** 2))


def paired(one: Tried, other: Tried, learning: Learning) -> dict[str, float]:
    """Excess of one over the other with its 95 % interval."""
    mean, error = excess(one, other, learning)
    return {
        "excess": mean,
        "excess_low": mean - 1.96 * error,
        "excess_high": mean + 1.96 * error,
    }


def race(
    challenger: Challenger,
    learning: Learning,
    *,
    steps: Mapping[str, float] = STEPS,
    executor: Executor | None = None,
) -> Race:
    """From the challenger's own setting, step by step to where no neighbour has less log loss.

    A neighbour is measured on half of the folds first, and on all if it is ahead of the best so far
    on these very rows. Where boosting does not end within its limit, the rate is doubled for the
    first setting, and another is not taken.

    Parameters
    ----------
    challenger : Challenger
    learning : Learning
        Its rows, with the directions that bind.
    steps : mapping of parameter to factor
    executor : concurrent.futures.Executor, optional
    """
    every, rate = challenger.n_folds, max(challenger.learning_rate, SEARCH_RATE)
    place: Place = (0,) * len(steps)
    while True:
        at = partial(_setting, challenger, learning, steps, rate)
        best = measure(challenger, learning, at(place), every)
        if best.ended or rate >= 1:
            break
        rate *= 2
    tried = {_key(best.setting): best}

    def measured(places: Sequence[Place], n_folds: int) -> list[Tried]:
        of_setting = partial(measure, challenger, learning, n_folds=n_folds)
        found = list((executor.map if executor else map)(of_setting, map(at, places)))
        tried.update((_key(one.setting), one) for one in found)
        return found

    while True:
        places = [near for near in _neighbours(place) if _key(at(near)) not in tried]
        first = zip(places, measured(places, every // 2), strict=True)
        ahead = [near for near, one in first if one.ended and excess(one, best, learning)[0] < 0]
        whole = [one for one in zip(ahead, measured(ahead, every), strict=True) if one[1].ended]
        winner = min(whole, key=lambda one: one[1].log_loss, default=None)
        if winner is None or winner[1].log_loss >= best.log_loss:
            return Race(list(tried.values()), best)
        place, best = winner


def _neighbours(place: Place) -> list[Place]:
    """Places one step down and up each axis."""
    return [
        (*place[:axis], place[axis] + step, *place[axis + 1 :])
        for axis in range(len(place))
        for step in (-1, 1)
    ]


def _setting(
    challenger: Challenger,
    learning: Learning,
    steps: Mapping[str, float],
    rate: float,
    place: Place,
) -> dict[str, Any]:
    """Parameters so many steps from the challenger's own, as far as they may go."""
    n_rows = len(learning.y)
    setting: dict[str, Any] = {}
    for (name, factor), n_steps in zip(steps.items(), place, strict=True):
        value = getattr(challenger, name) * factor**n_steps
        if name == "feature_share":
            setting[name] = float(np.clip(value, 1 / challenger.n_features_in_, 1.0))
        else:
            setting[name] = int(np.clip(round(value), 2 if name == "n_leaves" else 1, n_rows))
    patience = round(challenger.patience_rounds * challenger.learning_rate / rate)
    return setting | {"learning_rate": rate, "patience_rounds": max(1, patience)}


def _key(setting: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(setting.values())
