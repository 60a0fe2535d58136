"""Which trees, bound by what: the challenger to fit, found on rows it has not seen.

Takes an unfitted challenger and its training rows; gives the one to fit, and the tables that say
why.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import clone

from riskkit.challenger.directions import release
from riskkit.challenger.model import MAX_ROUNDS, Challenger
from riskkit.challenger.settings import STEPS, race
from riskkit.checks import refuse_unknown

__all__ = ["Search", "search"]


@dataclass(frozen=True)
class Search:
    """What :func:`search` found.

    Parameters
    ----------
    challenger : Challenger
        Not fitted yet, with the setting and the directions to take.
    settings : DataFrame, index setting from 1, in the order tried
        The parameters, learning_rate and patience_rounds those of the search; folds measured on;
        n_rounds; log_loss (mean of a row of these folds, before calibration); excess, excess_low,
        excess_high (over the chosen on the same rows, with its 95 % interval); chosen.
    directions : DataFrame, index released ("none", features, "all")
        What it costs that the other directions found bind: bound (their number); n_rounds;
        log_loss; excess, excess_low, excess_high (over the trees free of them all, with its 95 %
        interval); p_value (of such an excess if they cost nothing); chosen. No row where nothing
        was found.
    """

    challenger: Challenger
    settings: pd.DataFrame
    directions: pd.DataFrame


def search(
    challenger: Challenger,
    X: pd.DataFrame,
    y: np.ndarray | pd.Series,
    sample_weight: np.ndarray | pd.Series | None = None,
    *,
    groups: ArrayLike | None = None,
    found_trends: Mapping[str, str] | None = None,
    level: float = 0.05,
    steps: Mapping[str, float] = STEPS,
    executor: Executor | None = None,
) -> Search:
    """The challenger with the setting and the directions to take.

    The race starts at the challenger's own setting and looks one step down and up each axis.
    Neighbours are measured on half of the folds the challenger deals its rows into; those ahead of
    the best so far, on the very same rows, are measured on all; the best of them is where it goes
    on, and it ends where no neighbour has less log loss. So there is no grid whose edge could stop
    it. Nobody reads the trees: a simpler setting that chance may have put behind wins nothing.

    All settings see the same folds and draw from the same seed. The race is run at a learning rate
    of at least 0.1; what is fitted keeps the challenger's own, or takes the one at which some half
    of the 2,000 rounds will do, if that is more. A setting that needs them all is not taken.

    Directions in the challenger's `trends` bind in any case. Those that bins found bind unless rows
    not seen say, in a paired test of the chosen setting, that trees free of them are better. If
    they do, the one, two, four, … features whose splits against their direction gain the free trees
    most are released, until the test is silent.

    Parameters
    ----------
    challenger : Challenger
        Unfitted or fitted, left as it is; what `steps` does not name stays at its values.
    X, y, sample_weight, groups
        As in :meth:`Challenger.fit`.
    found_trends : mapping of feature to str, optional
        As `trends`, which goes before.
    level : float
        Of the test of directions: how often it may release such as cost nothing.
    steps : mapping of parameter to float
        The factor of a step of n_leaves, min_leaf_rows and feature_share.
    executor : concurrent.futures.Executor, optional
        Threads, since the trees grow outside Python's lock.

    Raises
    ------
    ValueError, TypeError
        Another parameter in `steps`, a factor or a level out of range, a direction of a column
        there is not; or as in :meth:`Challenger.fit`.

    Source
    ------
    riskkit definition; dropping settings on part of the folds after Maron, Moore (1994), Hoeffding
    races, NIPS 6. Test and interval are those of a mean paired difference.
    """
    other = [name for name in steps if name not in STEPS]
    if other:
        raise ValueError(f"steps may name {list(STEPS)}, got {other}")
    if not all(0 < factor < np.inf and factor != 1 for factor in steps.values()):
        raise ValueError(f"a step must be > 0, finite and not 1, got {dict(steps)}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level!r}")
    unfitted = clone(challenger)
    learning = unfitted._learn(X, y, sample_weight, groups)
    refuse_unknown("found_trends", found_trends or {}, X.columns)
    found = unfitted._bindable(found_trends or {})
    raced = race(unfitted, learning, steps=steps, executor=executor)
    chosen = raced.chosen
    bound, directions = release(unfitted, learning, chosen, found, level)
    # at a rate at which no fit needs more rounds than there may be
    rate = chosen.setting["learning_rate"]
    enough = rate * chosen.n_rounds / (MAX_ROUNDS / 2)
    own = unfitted.learning_rate
    return Search(
        challenger=clone(unfitted).set_params(
            **{name: chosen.setting[name] for name in steps},
            learning_rate=own if enough <= own else min(enough, rate),
            trends=bound | dict(unfitted.trends or {}),
        ),
        settings=raced.table(learning),
        directions=directions,
    )
