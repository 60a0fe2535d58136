"""Bins an analyst decides on: merged, split, given or grouped, and the record of who did and why.

Takes the bins of one feature and its fine counts; gives other bins of the same rows, without
reading a row again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from riskkit.binning.bins import FeatureBins
from riskkit.binning.counts import CategoryCounts, FeatureCounts, NumericCounts
from riskkit.binning.recut import cut, grouped, merged

__all__ = ["Edit", "Editable", "edit_table", "replayed", "taken_over"]

# what no weight is below: a rate over no row is 0
_TINY = float(np.finfo(float).tiny)
Counts = TypeVar("Counts", NumericCounts, CategoryCounts)


@dataclass(frozen=True)
class Edit:
    """One decision about the bins of one feature.

    Parameters
    ----------
    feature, action : str
    detail : str
        What was asked for, in words.
    by, reason : str
        Who decided, and why.
    decided_at : str
        ISO time, UTC.
    edges, groups, apart : sequence or None
        The bins that came of it, as in :class:`FeatureBins`; what a replay restores.
    special_codes : tuple of float
        Whose bins `apart` names, missing last.
    n_before, n_after : int
        Bins, those of special codes and missing among them.
    iv_before, iv_after : float
    n_tried : int
        How many edits of this feature were tried before, this one among them: each look at the same
        loans makes their p-values and IV say less.
    """

    feature: str
    action: str
    detail: str
    by: str
    reason: str
    decided_at: str
    edges: tuple[float, ...] | None
    groups: tuple[tuple[str, ...], ...] | None
    special_codes: tuple[float, ...]
    apart: tuple[int, ...]
    n_before: int
    n_after: int
    iv_before: float
    iv_after: float
    n_tried: int = 1

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Edit:
        """Edit of :meth:`to_json`."""
        lists = {key: values[key] for key in ("edges", "special_codes", "apart")}
        groups = values["groups"]
        return cls(
            **values
            | {key: None if found is None else tuple(found) for key, found in lists.items()}
            | {"groups": None if groups is None else tuple(tuple(group) for group in groups)}
        )


def edit_table(log: Iterable[Edit]) -> pd.DataFrame:
    """The record of all edits, oldest first.

    Returns
    -------
    DataFrame of shape (n_edits,)
        feature, action, detail, by, reason, decided_at (to the minute, UTC), n_before, n_after,
        iv_before, iv_after, n_tried.
    """
    columns = ["feature", "action", "detail", "by", "reason", "decided_at"]
    columns += ["n_before", "n_after", "iv_before", "iv_after", "n_tried"]
    table = pd.DataFrame([[getattr(edit, c) for c in columns] for edit in log], columns=columns)
    minutes = [f"{datetime.fromisoformat(when):%Y-%m-%d %H:%M}" for when in table["decided_at"]]
    return table.assign(decided_at=pd.Series(minutes, dtype="str"))


def taken_over(bins: FeatureBins) -> Edit:
    """Edit that makes bins of optbinning again on other counts."""
    return _edit_to(
        bins,
        action="from_optbinning",
        detail=" | ".join(bins.labels),
        by="",
        reason="taken over from optbinning",
        decided_at=datetime.now(UTC),
    )


def _edit_to(
    made: FeatureBins,
    before: FeatureBins | None = None,
    *,
    action: str,
    detail: str,
    by: str,
    reason: str,
    decided_at: datetime,
) -> Edit:
    return Edit(
        feature=made.name,
        action=action,
        detail=detail,
        by=by,
        reason=reason,
        decided_at=decided_at.isoformat(timespec="seconds"),
        edges=None if made.edges is None else tuple(made.edges.tolist()),
        groups=made.groups,
        special_codes=made.special_codes,
        apart=made.apart,
        n_before=0 if before is None else len(before.counts),
        n_after=len(made.counts),
        iv_before=0.0 if before is None else before.iv,
        iv_after=made.iv,
    )


def replayed(edit: Edit, counts: NumericCounts | CategoryCounts) -> FeatureBins:
    """The bins an edit led to, on other counts.

    A level that the edit did not know joins the group of the highest bad rate; a level that is no
    more stays in its group.

    Raises
    ------
    ValueError
        The feature is of another kind now, or has other special codes.
    """
    if isinstance(counts, CategoryCounts):
        if edit.groups is None:
            raise ValueError(f"feature {edit.feature}: edited as a number, now a category")
        groups = [list(group) for group in edit.groups]
        known = {level for group in groups for level in group}
        new = [level for level in counts.levels if level not in known]
        if new:
            place = {level: row for row, level in enumerate(counts.levels)}
            cells = np.array(
                [
                    counts.cells[[place[level] for level in group if level in place]].sum(axis=0)
                    for group in groups
                ]
            )
            rate = cells[:, 1] / np.maximum(cells.sum(axis=1), _TINY)
            groups[int(rate.argmax())] += new
        return grouped(edit.feature, counts, groups, edit.apart)
    if edit.edges is None:
        raise ValueError(f"feature {edit.feature}: edited as a category, now a number")
    if edit.special_codes != counts.special_codes:
        raise ValueError(
            f"feature {edit.feature}: edited with special codes {edit.special_codes}, "
            f"now {counts.special_codes}"
        )
    return cut(edit.feature, counts, edit.edges, edit.apart)


class Editable:
    """Editing for a fitted binner: each method gives a new binner and leaves this one as it was."""

    bins_: dict[str, FeatureBins]
    log_: tuple[Edit, ...]
    counts_: FeatureCounts

    def merge_bins(
        self,
        feature: str,
        i: int,
        j: int,
        *,
        by: str = "",
        reason: str = "",
        decided_at: datetime | None = None,
    ) -> Self:
        """A new binner in which two bins of a feature are one.

        Parameters
        ----------
        feature : str
        i, j : int
            Row numbers in :meth:`table`: neighbours where both hold ordinary numbers, else any
            two; so missing can join the bin it belongs to.
        by, reason : str
            Who decides, and why; for the log.
        decided_at : datetime, optional
            Now where it is not given; without a time zone it is taken for UTC.

        Raises
        ------
        ValueError
            An unknown feature or bin, or bins that are no neighbours.
        """
        bins = self._bins_of(feature)
        made = merged(bins, i, j)
        detail = f"{bins.labels[i]} with {bins.labels[j]}"
        return self._edited("merge_bins", detail, made, by, reason, decided_at)

    def split_bin(
        self,
        feature: str,
        at: float,
        *,
        by: str = "",
        reason: str = "",
        decided_at: datetime | None = None,
    ) -> Self:
        """A new binner in which the bin of a number that holds `at` is cut there.

        Parameters
        ----------
        at : float
            Least value of the right part. Where the counts cannot tell both sides apart, the
            nearest value at which they can; the log says so.
        feature, by, reason, decided_at
            As in :meth:`merge_bins`.

        Raises
        ------
        ValueError
            A category, a value that is an edge already or leaves one side empty, or a binner
            without its counts.
        """
        bins = self._bins_of(feature)
        counts = self._fine(feature, NumericCounts)
        assert bins.edges is not None
        if at in bins.edges:
            raise ValueError(f"feature {feature}: {at:g} is an edge already")
        place = int(np.searchsorted(bins.edges, at, side="right"))
        # what shares the bin that is cut gets its own bin back, after all others
        n_own = len(bins.counts)
        shared = [n_own + k if row == place else row for k, row in enumerate(bins.apart)]
        apart = [row + (row > place) for row in shared]
        order = sorted({row for row in apart if row > bins.n_bins})
        renumbered = {row: bins.n_bins + 1 + k for k, row in enumerate(order)}
        edges = np.insert(bins.edges, place, at).tolist()
        made = cut(feature, counts, edges, [renumbered.get(row, row) for row in apart])
        detail = f"{bins.labels[place]} at {at:.10g}" + _moved(edges, made)
        return self._edited("split_bin", detail, made, by, reason, decided_at)

    def set_edges(
        self,
        feature: str,
        edges: Sequence[float],
        *,
        by: str = "",
        reason: str = "",
        decided_at: datetime | None = None,
    ) -> Self:
        """A new binner with given edges of one feature; special codes and missing stand alone.

        Parameters
        ----------
        edges : sequence of float
            Ascending. Each stays as it is where the counts can tell both sides apart, else the
            nearest value at which they can; the log says so.
        feature, by, reason, decided_at
            As in :meth:`merge_bins`.

        Raises
        ------
        ValueError
            As in :meth:`split_bin`, and edges out of order.
        """
        self._bins_of(feature)
        made = cut(feature, self._fine(feature, NumericCounts), edges)
        detail = ", ".join(f"{edge:.10g}" for edge in edges) + _moved(edges, made)
        return self._edited("set_edges", detail, made, by, reason, decided_at)

    def move_edge(
        self,
        feature: str,
        number: int,
        at: float,
        *,
        by: str = "",
        reason: str = "",
        decided_at: datetime | None = None,
    ) -> Self:
        """A new binner in which one edge of a number lies elsewhere between its neighbours.

        Special codes and missing stay with the bin they share.

        Parameters
        ----------
        number : int
            Of the edge, from 0: the lower end of bin `number` + 1.
        at : float
            Where it goes; the nearest value at which the counts can tell both sides apart.
        feature, by, reason, decided_at
            As in :meth:`merge_bins`.

        Raises
        ------
        ValueError
            As in :meth:`split_bin`, an edge there is not, or one that would pass another.
        """
        bins = self._bins_of(feature)
        counts = self._fine(feature, NumericCounts)
        assert bins.edges is not None
        if not 0 <= number < len(bins.edges):
            raise ValueError(
                f"feature {feature} has {len(bins.edges)} edges, numbered from 0, got {number!r}"
            )
        edges = bins.edges.copy()
        edges[number] = at
        made = cut(feature, counts, edges, bins.apart)
        detail = f"edge {bins.edges[number]:.10g} to {at:.10g}" + _moved(edges.tolist(), made)
        return self._edited("move_edge", detail, made, by, reason, decided_at)

    def move_levels(
        self,
        feature: str,
        levels: Sequence[str],
        to: int | None,
        *,
        by: str = "",
        reason: str = "",
        decided_at: datetime | None = None,
    ) -> Self:
        """A new binner in which some levels of a category are in another bin, or in a new one.

        A bin that is left without levels is gone.

        Parameters
        ----------
        levels : sequence of str
        to : int or None
            Row number of the bin in :meth:`table`; None for a new one.
        feature, by, reason, decided_at
            As in :meth:`merge_bins`.

        Raises
        ------
        ValueError
            A number, a level or bin there is not, a binner without its counts, or missing values
            that would be left alone in a bin of levels.
        """
        bins = self._bins_of(feature)
        counts = self._fine(feature, CategoryCounts)
        assert bins.groups is not None
        moving = set(levels)
        unknown = sorted(moving - {level for group in bins.groups for level in group})
        if unknown or not moving:
            raise ValueError(f"feature {feature}: expected levels that it has, got {unknown}")
        if to is not None and not 0 <= to < bins.n_bins:
            raise ValueError(
                f"feature {feature} has bins of levels 0 to {bins.n_bins - 1}, got {to!r}"
            )
        groups = [[level for level in group if level not in moving] for group in bins.groups]
        if to is None:
            groups.append(sorted(moving))
        else:
            groups[to] += sorted(moving)
        # a new bin stands behind those of levels, before those of missing
        rows = [row + (to is None and row >= bins.n_bins) for row in bins.apart]
        lost = [row for row, group in enumerate(groups) if not group]
        if set(lost) & set(rows):
            raise ValueError(f"feature {feature}: missing values share the bin that would be empty")
        apart = [row - sum(gone < row for gone in lost) for row in rows]
        made = grouped(feature, counts, [group for group in groups if group], apart)
        where = "a bin of their own" if to is None else bins.labels[to]
        detail = f"{', '.join(sorted(moving))} to {where}"
        return self._edited("move_levels", detail, made, by, reason, decided_at)

    def group_levels(
        self,
        feature: str,
        groups: Sequence[Sequence[str]],
        *,
        by: str = "",
        reason: str = "",
        decided_at: datetime | None = None,
    ) -> Self:
        """A new binner with given groups of a category's levels.

        Parameters
        ----------
        groups : sequence of sequences of str
            Every level in one group.
        feature, by, reason, decided_at
            As in :meth:`merge_bins`.

        Raises
        ------
        ValueError
            A number, a level in no group or in two, or a binner without its counts.
        """
        self._bins_of(feature)
        made = grouped(feature, self._fine(feature, CategoryCounts), groups)
        detail = " | ".join(made.labels[: made.n_bins])
        return self._edited("group_levels", detail, made, by, reason, decided_at)

    def edit_log(self) -> pd.DataFrame:
        """Every edit, oldest first; see :func:`riskkit.binning.edits.edit_table`."""
        check_is_fitted(self, "bins_")
        return edit_table(self.log_)

    def _bins_of(self, feature: str) -> FeatureBins:
        check_is_fitted(self, "bins_")
        if feature not in self.bins_:
            raise ValueError(f"feature {feature!r} is not binned; binned: {list(self.bins_)}")
        return self.bins_[feature]

    def _fine(self, feature: str, kind: type[Counts]) -> Counts:
        if not hasattr(self, "counts_"):
            raise ValueError(
                "a loaded binner has no fine counts; fit one to the rows with edits=loaded.log_"
            )
        counts = self.counts_[feature]
        if not isinstance(counts, kind):
            is_number = isinstance(counts, NumericCounts)
            raise ValueError(
                f"feature {feature} is a {'number' if is_number else 'category'}; use "
                f"{'split_bin or set_edges' if is_number else 'group_levels'}"
            )
        return counts

    def _edited(
        self,
        action: str,
        detail: str,
        made: FeatureBins,
        by: str,
        reason: str,
        decided_at: datetime | None,
    ) -> Self:
        """Copy of this binner with other bins of one feature, and the edit in its log."""
        before = self.bins_[made.name]
        made = replace(made, min_bads=before.min_bads, below_min_bads=before.below_min_bads)
        empty = made.counts[: made.n_bins].sum(axis=1) == 0
        # levels that are no more may have left an empty bin, which is no fault of this edit
        if empty.sum() > (before.counts[: before.n_bins].sum(axis=1) == 0).sum():
            label = made.labels[int(empty.argmax())]
            raise ValueError(f"feature {made.name}: no row is in the bin {label}")
        when = decided_at or datetime.now(UTC)
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        edit = _edit_to(
            made, before, action=action, detail=detail, by=by, reason=reason, decided_at=when
        )
        other = copy(self)
        other.bins_ = self.bins_ | {made.name: made}
        other.log_ = (*self.log_, edit)
        return other


def _moved(wanted: Sequence[float], made: FeatureBins) -> str:
    """Note on edges that moved to where the counts can tell both sides apart."""
    assert made.edges is not None
    pairs = zip(wanted, made.edges, strict=True)
    moved = [f"{edge:.10g} moved to {near:.10g}" for edge, near in pairs if edge != near]
    return f" ({', '.join(moved)})" if moved else ""
