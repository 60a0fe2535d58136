"""What the file of a challenger holds, and which of it no fit can have left.

Takes the plain values of a file; gives nothing, or a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from riskkit.binning import StoredCodes
from riskkit.challenger.tree_text import require_sound_trees
from riskkit.scorecard import StoredScale
from riskkit.tables import stored

__all__ = ["StoredTrees", "require_whole"]


@stored
@dataclass
class StoredPlatt:
    """A line on the log-odds."""

    kind: str
    intercept: float
    slope: float


@stored
@dataclass
class StoredIsotonic:
    """Steps on the log-odds."""

    kind: str
    raw: list[float]
    log_odds: list[float]


@stored
@dataclass
class StoredSettings:
    """What the constructor was given; whole numbers are numbers."""

    trends: dict[str, str] | None
    special_codes: StoredCodes | None
    features: list[str] | None
    n_leaves: float
    learning_rate: float
    min_leaf_rows: float
    feature_share: float
    calibration: str
    n_folds: float
    patience_rounds: float
    n_rounds: int | None
    seed: int


@stored
@dataclass
class StoredTrees:
    """Fitted trees."""

    scale: StoredScale
    settings: StoredSettings
    features: list[str]
    levels: dict[str, list[str]]
    booleans: list[str]
    special_codes: dict[str, list[float]]
    calibration: StoredPlatt | StoredIsotonic
    n_rounds: int
    booster: list[str]


def require_whole(values: Mapping[str, Any], n_columns: int) -> None:
    """Refuse parts that do not fit each other.

    Parameters
    ----------
    values : mapping
        Of the shape of :class:`StoredTrees`.
    n_columns : int
        Columns of the matrix that its features make.
    """
    features = values["features"]
    if not 0 < len(set(features)) == len(features):
        raise ValueError("features: expected names, each once")
    for key in ("levels", "booleans", "special_codes"):
        if strange := sorted(set(values[key]) - set(features)):
            raise ValueError(f"{key}: {strange[0]!r} is no feature of the model")
        if len(set(values[key])) < len(values[key]):
            raise ValueError(f"{key}: expected each feature once")
    for key in ("levels", "special_codes"):
        for name, own in values[key].items():
            if len(set(own)) < len(own):
                raise ValueError(f"{key}.{name}: expected each value once")
    _require_rising(values["calibration"])
    if values["n_rounds"] < 1:
        raise ValueError(f"n_rounds must be >= 1, got {values['n_rounds']}")
    require_sound_trees(values["booster"], n_columns, values["n_rounds"])


def _require_rising(calibration: Mapping[str, Any]) -> None:
    """More of what the trees say is never less risk."""
    if "slope" in calibration:
        if calibration["kind"] != "platt" or calibration["slope"] <= 0:
            raise ValueError("calibration: expected a line (platt) with a slope above 0")
        return
    raw, risk = calibration["raw"], calibration["log_odds"]
    ordered = all(a < b for a, b in pairwise(raw)) and all(a <= b for a, b in pairwise(risk))
    if calibration["kind"] != "isotonic" or not raw or len(raw) != len(risk) or not ordered:
        raise ValueError("calibration: expected steps (isotonic) that never fall")
