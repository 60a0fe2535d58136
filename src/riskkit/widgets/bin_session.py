"""A session of deciding on bins, without a view: try, undo, see what it does, sign and save.

Takes a fitted binner and the loans in time; gives another binner, and its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit import binning
from riskkit.checks import require_signed
from riskkit.widgets.bin_effect import EditEffect, EffectOfEdit
from riskkit.widgets.bin_figures import LoansInTime

__all__ = ["BinSession", "Step"]

_EDITS = ("merge_bins", "split_bin", "set_edges", "move_edge", "move_levels", "group_levels")


@dataclass(frozen=True)
class Step:
    """One edit of a feature that stands: what, and once it is signed, by whom and why.

    Parameters
    ----------
    action : str
        A method of :class:`riskkit.binning.WoeBinner`.
    arguments : tuple
        Behind the feature.
    by, reason : str
        Empty before it is signed.
    decided_at : datetime or None
    n_tried : int
        Edits of the feature tried before it was signed.
    """

    action: str
    arguments: tuple[Any, ...]
    by: str = ""
    reason: str = ""
    decided_at: datetime | None = None
    n_tried: int = 0

    def apply(self, binner: binning.WoeBinner, feature: str) -> binning.WoeBinner:
        """A new binner, edited so."""
        edit = getattr(binner, self.action)
        made: binning.WoeBinner = edit(
            feature, *self.arguments, by=self.by, reason=self.reason, decided_at=self.decided_at
        )
        made.log_ = (*made.log_[:-1], replace(made.log_[-1], n_tried=self.n_tried))
        return made


class BinSession:
    """Edits of a binner's features that can be undone until, and after, they are signed.

    Parameters
    ----------
    binner : WoeBinner
        Fitted to the training loans, with its counts. It stays as it is.
    applications : DataFrame
        The features and `default_flag`; `application_id`, `approved`, `booked` and `applied_at` as
        far as they are known.
    sample : array of shape (n_rows,)
        Of :func:`riskkit.target.assign_samples`. Loans out of time are never looked at.
    labels : mapping of feature to str, optional
    min_iv : float
        Features whose IV is below are left aside where a card is fitted to see what an edit does.
    save_to : path, optional
        The file that :meth:`save` writes.

    Attributes
    ----------
    feature : str
        The one that is looked at.

    Raises
    ------
    ValueError
        A binner without its counts, or without a feature.
    """

    def __init__(
        self,
        binner: binning.WoeBinner,
        applications: pd.DataFrame,
        sample: Any,
        *,
        labels: Mapping[str, str] | None = None,
        min_iv: float = 0.02,
        save_to: str | Path | None = None,
    ) -> None:
        if not hasattr(binner, "counts_"):
            raise ValueError(
                "a loaded binner has no fine counts to edit; fit one with edits=loaded.log_"
            )
        if not binner.bins_:
            raise ValueError("the binner has no feature to edit")
        self.start = binner
        self.labels = {name: name for name in binner.bins_} | dict(labels or {})
        self.features = sorted(binner.bins_, key=lambda name: -binner.bins_[name].iv)
        self.feature = self.features[0]
        self.loans = LoansInTime(applications, sample)
        self.save_to = None if save_to is None else Path(save_to)
        self._effect = EditEffect(applications, sample, min_iv=min_iv)
        self._steps: dict[str, tuple[Step, ...]] = {}
        self._undone: dict[str, tuple[Step, ...]] = {}
        self._saved: dict[str, tuple[Step, ...]] = {}
        self._tried: dict[str, int] = {}
        self._drafts: dict[str, binning.WoeBinner] = {}
        self._binner = binner

    @property
    def binner(self) -> binning.WoeBinner:
        """The binner with all that has been signed; what is only tried is not in it."""
        return self._binner

    @property
    def draft(self) -> binning.WoeBinner:
        """The binner with what is tried of the feature that is looked at."""
        return self._drafts.get(self.feature, self.start)

    @property
    def n_tried(self) -> int:
        """Edits of this feature tried so far, those undone among them."""
        earlier = [e.n_tried for e in self.start.log_ if e.feature == self.feature]
        return max(earlier, default=0) + self._tried.get(self.feature, 0)

    @property
    def is_changed(self) -> bool:
        """Whether what is tried differs from what has been signed."""
        return self._differs(self.feature)

    @property
    def can_undo(self) -> bool:
        """Whether an edit of this session stands."""
        return bool(self._steps.get(self.feature))

    @property
    def can_redo(self) -> bool:
        """Whether an edit was undone, and none made since."""
        return bool(self._undone.get(self.feature))

    def changed_features(self) -> list[str]:
        """Features with edits that are not signed."""
        names = {*self._steps, *self._saved}
        return [n for n in self.features if n in names and self._differs(n)]

    def look_at(self, feature: str) -> None:
        """Turn to another feature; what was tried of this one stays."""
        if feature not in self.start.bins_:
            raise ValueError(f"feature {feature!r} is not binned; binned: {self.features}")
        self.feature = feature

    def edit(self, action: str, *arguments: Any) -> None:
        """Try an edit of the feature; one that is refused changes nothing.

        Parameters
        ----------
        action : str
            merge_bins, split_bin, set_edges, move_edge, move_levels or group_levels of
            :class:`riskkit.binning.WoeBinner`.
        arguments
            Behind the feature.

        Raises
        ------
        ValueError
            As that method.
        """
        if action not in _EDITS:
            raise ValueError(f"an edit is one of {', '.join(_EDITS)}, got {action!r}")
        step = Step(action, arguments)
        made = step.apply(self.draft, self.feature)
        self._stand(made, (*self._steps.get(self.feature, ()), step), undone=())
        self._tried[self.feature] = self._tried.get(self.feature, 0) + 1

    def undo(self) -> None:
        """Take the last edit of the feature back, one that is signed, too.

        Raises
        ------
        ValueError
            No edit of this session stands.
        """
        steps = self._steps.get(self.feature, ())
        if not steps:
            raise ValueError("there is no edit of this session to undo")
        undone = (*self._undone.get(self.feature, ()), steps[-1])
        self._stand(self._with(self.start, self.feature, steps[:-1]), steps[:-1], undone=undone)

    def redo(self) -> None:
        """Make again what was undone last.

        Raises
        ------
        ValueError
            Nothing is undone.
        """
        undone = self._undone.get(self.feature, ())
        if not undone:
            raise ValueError("there is no edit to make again")
        steps = (*self._steps.get(self.feature, ()), undone[-1])
        self._stand(undone[-1].apply(self.draft, self.feature), steps, undone=undone[:-1])

    def effect(self) -> EffectOfEdit:
        """What the edits of the feature do downstream: points, test AUC, who changes side.

        Raises
        ------
        ValueError
            Nothing is changed, or no card can be fitted.
        """
        if not self.is_changed:
            raise ValueError("nothing has changed: there is nothing to decide")
        others = self._with_saved(except_for=self.feature)
        before = self._with(others, self.feature, self._saved.get(self.feature, ()))
        after = self._with(others, self.feature, self._steps.get(self.feature, ()))
        return self._effect.of(before, after, self.feature)

    def save(self, by: str, reason: str) -> binning.WoeBinner:
        """Sign what is tried of the feature and write all that is signed.

        Parameters
        ----------
        by, reason : str
            Who decides, and why; not empty.

        Returns
        -------
        WoeBinner
            As :attr:`binner` is from now on.

        Raises
        ------
        ValueError
            A name or a reason is missing, nothing has changed, or the file holds decisions that
            this session does not know.
        """
        require_signed(by, reason)
        if not self.is_changed:
            raise ValueError("nothing has changed: there is nothing to decide")
        self._require_known_file()
        now = datetime.now(UTC)
        signed = tuple(
            step
            if step.by
            else replace(
                step, by=by.strip(), reason=reason.strip(), decided_at=now, n_tried=self.n_tried
            )
            for step in self._steps.get(self.feature, ())
        )
        made = self._with(self._with_saved(except_for=self.feature), self.feature, signed)
        if self.save_to is not None:
            made.save(self.save_to)
        self._saved[self.feature] = self._steps[self.feature] = signed
        self._drafts[self.feature] = self._with(self.start, self.feature, signed)
        self._binner = made
        return made

    def _stand(
        self, draft: binning.WoeBinner, steps: tuple[Step, ...], undone: tuple[Step, ...]
    ) -> None:
        self._drafts[self.feature], self._steps[self.feature] = draft, steps
        self._undone[self.feature] = undone

    def _differs(self, feature: str) -> bool:
        return self._steps.get(feature, ()) != self._saved.get(feature, ())

    def _with_saved(self, *, except_for: str) -> binning.WoeBinner:
        made = self.start
        for feature, steps in self._saved.items():
            if feature != except_for:
                made = self._with(made, feature, steps)
        return made

    @staticmethod
    def _with(
        binner: binning.WoeBinner, feature: str, steps: tuple[Step, ...]
    ) -> binning.WoeBinner:
        for step in steps:
            binner = step.apply(binner, feature)
        return binner

    def _require_known_file(self) -> None:
        """Refuse to write over decisions that somebody else has made meanwhile."""
        if self.save_to is None or not self.save_to.exists():
            return
        there = binning.WoeBinner.load(self.save_to).log_
        unknown = [edit for edit in there if edit not in (*self.binner.log_, *self.start.log_)]
        if unknown:
            last = unknown[-1]
            raise ValueError(
                f"{self.save_to.name} holds decisions that this editor does not know, the last by "
                f"{last.by or 'nobody'} about {last.feature}: open the editor again"
            )
