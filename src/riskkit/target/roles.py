"""Which applications taught the models, may choose a cutoff, or judge it.

Takes the samples of all applications, in one frame or in parts; gives the role of any of their
rows, wherever these are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from riskkit.loan_values import LoanValues
from riskkit.partitions import collected
from riskkit.tables import Table

__all__ = ["SampleRoles", "choosing_rows", "deciding_rows", "held_out_rows", "judging_rows"]

_READ = ("sample", "applied_at")


@dataclass(frozen=True)
class SampleRoles:
    """What must be known of all applications to say what one of them is good for.

    Parameters
    ----------
    late_from, late_to : Timestamp or None
        First and last day of the out-of-time sample, if there is one.
    shares : mapping of sample to float
        Of the labelled loans that are not out of time.
    """

    late_from: pd.Timestamp | None
    late_to: pd.Timestamp | None
    shares: dict[str, float]

    @classmethod
    def of(cls, scores: pd.DataFrame | Table) -> SampleRoles:
        """Roles by the samples of all applications.

        Parameters
        ----------
        scores : DataFrame or Table
            sample of :func:`assign_samples`, and applied_at where there is an out-of-time sample.
        """
        spans = collected(_spans, scores, columns=_READ)
        spans = spans.groupby("sample").agg({"n": "sum", "first": "min", "last": "max"})
        late = spans.loc["out_of_time"] if "out_of_time" in spans.index else None
        labelled = spans["n"].drop("out_of_time", errors="ignore")
        shares = {str(name): n / max(labelled.sum(), 1) for name, n in labelled.items()}
        if late is None:
            return cls(None, None, shares)
        return cls(late["first"], late["last"], shares)

    @property
    def is_late(self) -> bool:
        """Whether out-of-time months judge, and not the test sample."""
        return self.late_from is not None

    def judging(self, scores: pd.DataFrame) -> np.ndarray:
        """Which of these rows judge, as :func:`judging_rows`."""
        if self.is_late:
            return scores["applied_at"].between(self.late_from, self.late_to).to_numpy()
        return self.held_out(scores)

    def choosing(self, scores: pd.DataFrame) -> np.ndarray:
        """Which of these rows choose, as :func:`choosing_rows`."""
        return self._with_unlabelled(scores, "test" if self.is_late else "train")

    def held_out(self, scores: pd.DataFrame) -> np.ndarray:
        """Which of these rows are held out, as :func:`held_out_rows`."""
        return self._with_unlabelled(scores, "test")

    def _with_unlabelled(self, scores: pd.DataFrame, kind: str) -> np.ndarray:
        """Loans of the test or training sample, and their share of those without a label."""
        sample = scores["sample"]
        of_kind, unlabelled = (sample == kind).to_numpy(), sample.isna().to_numpy()
        if self.is_late:
            unlabelled = unlabelled & (scores["applied_at"] < self.late_from).to_numpy()
        share = self.shares.get(kind, 0.0)
        hashes = pd.util.hash_array(scores["application_id"].to_numpy(object)) / 2.0**64
        # from either end, so that train and test share nobody
        drawn = hashes < share if kind == "test" else hashes >= 1 - share
        return of_kind | (unlabelled & drawn)


def _spans(scores: pd.DataFrame) -> pd.DataFrame:
    """How many loans each sample has, and between which days they were asked for."""
    applied = scores.get("applied_at", pd.Series(pd.NaT, index=scores.index))
    by_sample = applied.groupby(scores["sample"].astype("str").where(scores["sample"].notna()))
    return by_sample.agg(n="size", first="min", last="max").rename_axis("sample")


def judging_rows(scores: pd.DataFrame) -> np.ndarray:
    """Which applications a cutoff is judged on: none that taught a model, declined ones too.

    All of the out-of-time months, with a label or without. Where there is no out-of-time sample,
    the test loans, and by a hash the same share of the applications without a label.

    Parameters
    ----------
    scores : DataFrame
        All applications: application_id, sample of :func:`assign_samples`, and applied_at where
        there is an out-of-time sample.

    Returns
    -------
    bool array of shape (n_rows,)
    """
    return SampleRoles.of(scores).judging(scores)


def held_out_rows(scores: pd.DataFrame) -> np.ndarray:
    """The test loans, and by a hash as large a share of the applications without a label.

    Those without a label are of the months before the out-of-time sample, where there is one.

    Parameters
    ----------
    scores : DataFrame
        As for :func:`judging_rows`.

    Returns
    -------
    bool array of shape (n_rows,)
    """
    return SampleRoles.of(scores).held_out(scores)


def choosing_rows(scores: pd.DataFrame) -> np.ndarray:
    """Which applications a cutoff may be chosen on, so that others can judge it.

    The test loans of the months before the out-of-time sample. Where there is no such sample they
    are those that judge, and the training loans choose: their scores flatter the models a little,
    which a cutoff's place feels less than its bad rate does. Of the applications without a label,
    by a hash, as large a share, and none that :func:`judging_rows` takes.

    Parameters
    ----------
    scores : DataFrame
        As for :func:`judging_rows`.

    Returns
    -------
    bool array of shape (n_rows,)
        No row is also one of :func:`judging_rows`.
    """
    return SampleRoles.of(scores).choosing(scores)


def deciding_rows(
    scores: Table,
    roles: SampleRoles,
    columns: Sequence[str],
    *,
    sampled: pd.Series | None = None,
) -> pd.DataFrame:
    """The rows of all applications that choose a cutoff or judge it, and those sampled.

    Parameters
    ----------
    scores : Table
        With the columns that :func:`judging_rows` reads.
    roles : SampleRoles
    columns : sequence of str
        Those wanted, as far as the table has them.
    sampled : Series of ids, optional
        Applications that are wanted whatever their role; None: all are.

    Returns
    -------
    DataFrame
        The columns wanted, and `chooses`, `judges` and `sampled` (bool).

    Source
    ------
    riskkit definition.
    """
    wanted = [name for name in columns if name in scores.columns]
    read = list(dict.fromkeys(["application_id", *_READ, *wanted]))
    ids = None if sampled is None else LoanValues(sampled, pd.Series(1.0, sampled.index))
    cut = partial(_deciding, roles=roles, columns=wanted, sampled=ids)
    return collected(cut, scores, columns=read)


def _deciding(
    scores: pd.DataFrame, roles: SampleRoles, columns: list[str], sampled: LoanValues | None
) -> pd.DataFrame:
    chosen = {"chooses": roles.choosing(scores), "judges": roles.judging(scores), "sampled": True}
    if sampled is not None:
        chosen["sampled"] = sampled.of(scores["application_id"]).notna().to_numpy()
    own = scores[columns].assign(**chosen)
    return own[own[list(chosen)].any(axis=1)]
