"""Fine counts of the rows of a Table, in all and by group, such as the period or the fold.

Takes a Table, the name of its label and a function that gives each row's group; gives counts on the
same fine edges, in which whole blocks add up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from riskkit.binning.counts import FeatureCounts, count_features
from riskkit.binning.special_codes import GivenCodes
from riskkit.checks import known_groups
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["Group", "counts_by"]

Group = Callable[[pd.DataFrame], Any]
"""From rows to the group of each; a function of a module, or a partial of one."""


@dataclass(frozen=True, eq=False)
class _ByGroup:
    """Counts by group; those of two parts add up, whichever groups either has."""

    groups: Mapping[Any, FeatureCounts]

    def __add__(self, other: _ByGroup) -> _ByGroup:
        both = dict(self.groups)
        for group, counts in other.groups.items():
            both[group] = both[group] + counts if group in both else counts
        return _ByGroup(both)


def counts_by(
    X: Table,
    y: str,
    group: Group,
    edges: Mapping[str, np.ndarray],
    *,
    features: Sequence[str],
    columns: Sequence[str],
    special_codes: GivenCodes | None = None,
    boundaries: Mapping[str, Sequence[float]] | None = None,
) -> dict[Any, FeatureCounts]:
    """Counts of each group, in the order of the groups.

    Parameters
    ----------
    X : Table
    y : str
        Column of the label, 1 = bad, 0 = good, in every row.
    group : callable
        Group of each row, none missing.
    edges : mapping of feature to ascending float array
        Fine edges of the numbers, of :attr:`FeatureCounts.edges`.
    features : sequence of str
    columns : sequence of str
        What `group` reads.
    special_codes, boundaries
        As of :func:`count_features`.

    Raises
    ------
    ValueError
        A row's group is missing, and as :func:`count_features`.
    """
    count = partial(
        count_features,
        edges=edges,
        features=list(features),
        special_codes=special_codes,
        boundaries=boundaries,
    )
    wanted = list(dict.fromkeys([*features, y, *columns]))
    found = total(partial(_count, count=count, y=y, group=group), X, columns=wanted).groups
    return {one: found[one] for one in sorted(found)}


def _count(
    frame: pd.DataFrame, count: Callable[..., FeatureCounts], y: str, group: Group
) -> _ByGroup:
    place, groups = known_groups(group(frame), "group", len(frame), like="X")
    parts = {one: frame[place == number] for number, one in enumerate(groups)}
    return _ByGroup({one: count(rows, rows[y]) for one, rows in parts.items()})
