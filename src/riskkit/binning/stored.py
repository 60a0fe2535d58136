"""What the file of a binner holds, and which of it no fit can have left.

Takes the plain values of a file; gives nothing, or a ValueError that names the feature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskkit.binning.special_codes import StoredCodes
from riskkit.tables import stored

__all__ = ["StoredBinner", "require_sound"]


@stored
@dataclass
class StoredBins:
    """One feature's bins."""

    name: Any  # a frame's columns may have other names than text
    edges: list[float] | None
    groups: list[list[str]] | None
    special_codes: list[float]
    counts: list[list[float]]
    apart: list[int]
    is_boolean: bool
    min_bads: float
    below_min_bads: str


@stored
@dataclass
class StoredEdit:
    """One decision about bins."""

    feature: Any
    action: str
    detail: str
    by: str
    reason: str
    decided_at: str
    edges: list[float] | None
    groups: list[list[str]] | None
    special_codes: list[float]
    apart: list[int]
    n_before: int
    n_after: int
    iv_before: float
    iv_after: float
    n_tried: int = 1  # files of before say nothing of it


@stored
@dataclass
class StoredParameters:
    """What the constructor was given; whole numbers are numbers."""

    max_bins: float
    min_bin_size: float
    min_bads: float
    trend: str | dict[str, str]
    special_codes: StoredCodes | None
    missing: str | dict[str, str]
    candidate_edges: dict[str, list[float]] | None
    fixed_edges: dict[str, list[float]] | None
    infeasible: str
    edits: list[StoredEdit] | None
    max_p_value: float | None
    below_min_bads: str
    reversal_level: float
    min_period_gap: float | None


@stored
@dataclass
class StoredBinner:
    """A fitted binner."""

    parameters: StoredParameters
    features: list[StoredBins]
    one_bin: dict[str, str]
    leakage: dict[str, Any]
    log: list[StoredEdit]


def require_sound(bins: Mapping[str, Any], below_min_bads: tuple[str, ...]) -> None:
    """Refuse bins that overlap, leave a gap, or count what cannot be counted.

    Parameters
    ----------
    bins : mapping
        Of the shape of :class:`StoredBins`.
    below_min_bads : tuple of str
        The words that key may hold.
    """
    where = f"feature {bins['name']!r}"
    edges, groups = bins["edges"], bins["groups"]
    if (edges is None) == (groups is None):
        raise ValueError(f"{where}: expected either edges or groups")
    if edges is not None and (np.diff(edges) <= 0).any():
        raise ValueError(f"{where}: edges must ascend, got {_brief(edges)}")
    if groups is not None:
        levels = [level for group in groups for level in group]
        if len(set(levels)) < len(levels):
            raise ValueError(f"{where}: a level stands in two groups")
    codes = bins["special_codes"]
    if len(set(codes)) < len(codes):
        raise ValueError(f"{where}: a special code stands twice")
    n_bins = len(edges) + 1 if edges is not None else len(groups)
    apart = bins["apart"]
    if len(apart) != len(codes) + 1:
        raise ValueError(
            f"{where}: expected a bin for each of {len(codes)} special codes and for missing, "
            f"got {len(apart)}"
        )
    n_rows = len(bins["counts"])
    if not n_rows or set(range(n_bins, n_rows)) != {row for row in apart if row >= n_bins}:
        raise ValueError(f"{where}: {n_rows} rows of counts do not fit its bins")
    if min(apart) < 0 or any(len(row) != 2 or min(row) < 0 for row in bins["counts"]):
        raise ValueError(f"{where}: expected counts of goods and bads, at least 0, of each bin")
    if bins["min_bads"] < 0 or bins["below_min_bads"] not in below_min_bads:
        raise ValueError(
            f"{where}: min_bads must be >= 0 and below_min_bads one of {', '.join(below_min_bads)}"
        )


def _brief(numbers: list[float]) -> str:
    return f"{numbers[:5]}" if len(numbers) <= 5 else f"{numbers[:5]} and more"
