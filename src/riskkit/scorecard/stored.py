"""What the file of a scorecard holds, and which of it no fit can have left.

Takes the plain values of a file and the card made of them; gives nothing, or a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskkit.tables import stored

__all__ = ["StoredCard", "StoredScale", "require_near", "require_whole"]

# beyond any card; what is larger overflows on the way to points
MOST_POINTS = 1_000_000
MOST_SLOPE = 1_000.0
LEAST_VIF = 1 - 1e-6  # one, as floats have it


@stored
@dataclass
class StoredScale:
    """Points against odds."""

    pdo: float
    target_score: float
    target_odds: float


@stored
@dataclass
class StoredSettings:
    """What the constructor was given; whole numbers are numbers."""

    features: list[str] | None
    max_p_value: float | None
    max_features: float | None
    keep: dict[str, str] | None
    n_folds: float
    penalty: float
    base: str
    n_bootstrap: float
    seed: int


@stored
@dataclass
class StoredCard:
    """A fitted scorecard."""

    scale: StoredScale
    settings: StoredSettings
    covariance: list[list[float]] | None
    vif: dict[str, float | None]
    intercept: float
    coefficients: dict[str, float]
    dropped: dict[str, str]
    choice: dict[str, list[str | float | bool | None]]
    base_points: int
    points: dict[str, list[int]]
    binner: dict[str, Any]
    bins_given: bool


def require_whole(values: Mapping[str, Any], rows: Mapping[str, int]) -> None:
    """Refuse parts that do not fit each other.

    Parameters
    ----------
    values : mapping
        Of the shape of :class:`StoredCard`.
    rows : mapping of feature to int
        Bins of each feature of the binner.
    """
    names = list(values["coefficients"])
    for key in ("points", "vif"):
        if list(values[key]) != names:
            raise ValueError(f"{key}: expected the features of the coefficients, in their order")
    for name, points in values["points"].items():
        if name not in rows:
            raise ValueError(f"points: the binner has no feature {name!r}")
        if len(points) != rows[name] + 1:
            raise ValueError(
                f"points.{name}: expected {rows[name] + 1} of them, one a bin and one for what "
                f"was never seen, got {len(points)}"
            )
    if any(vif is not None and vif < LEAST_VIF for vif in values["vif"].values()):
        raise ValueError("vif: expected at least 1")
    every = [values["base_points"], *(p for points in values["points"].values() for p in points)]
    if max(map(abs, every)) > MOST_POINTS:
        raise ValueError(f"points beyond ±{MOST_POINTS:,}")
    if max(map(abs, (values["intercept"], *values["coefficients"].values()))) > MOST_SLOPE:
        raise ValueError(f"coefficients beyond ±{MOST_SLOPE:,.0f}")
    covariance = values["covariance"]
    size = len(names) + 1
    if covariance is None:
        return
    if [len(row) for row in covariance] != [size] * size:
        raise ValueError(f"covariance: expected {size} × {size} numbers")
    found = np.array(covariance)
    if (np.diag(found) < 0).any() or not np.allclose(found, found.T):
        raise ValueError("covariance: expected a symmetric matrix with no variance below 0")


def require_near(
    base_points: int,
    points: Mapping[str, np.ndarray],
    of_base: int,
    of_points: Mapping[str, np.ndarray],
) -> None:
    """Refuse points other than those that follow from coefficients and scale.

    One point apart may be another machine's rounding of a half.
    """
    if abs(base_points - of_base) > 1:
        raise ValueError(f"base_points is {base_points}, but the intercept gives {of_base}")
    for name, own in points.items():
        if np.abs(own - of_points[name]).max() > 1:
            raise ValueError(f"points.{name} are not those of its coefficient")
