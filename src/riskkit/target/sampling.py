"""Which application belongs to which sample: a rule found once, then asked of any rows.

Takes applications, whole or in parts; gives the rule that splits them, and what it says of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.columns import calendar_months
from riskkit.partitions import total
from riskkit.tables import Table, read_json, write_json
from riskkit.target.labels import SAMPLES

__all__ = ["SampleRule", "assign_samples", "check_test_share", "sample_rule"]

_COLUMNS = ("application_id", "customer_id", "default_flag", "applied_at")


def check_test_share(test_share: float) -> None:
    """Refuse a share that leaves nobody to train or to test.

    Raises
    ------
    ValueError
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share must be in (0, 1), got {test_share!r}")


@dataclass(frozen=True, kw_only=True)
class SampleRule:
    """How applications are split, whichever part of them is asked about.

    Parameters
    ----------
    out_of_time_from : Timestamp or None
        First day of the out-of-time sample; None: there is none.
    test_share : float
        Share of the customers before that day who go to the test sample, in (0, 1).
    seed : int
        Changes the hash of the customers.
    """

    out_of_time_from: pd.Timestamp | None = None
    test_share: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        check_test_share(self.test_share)

    def assign(self, applications: pd.DataFrame) -> pd.Series:
        """Sample of each application, index application_id; missing without a label."""
        late = np.zeros(len(applications), dtype=bool)
        if self.out_of_time_from is not None:
            late = (applications["applied_at"] >= self.out_of_time_from).to_numpy()
        return pd.Series(
            np.where(late, "out_of_time", np.where(self._tests(applications), "test", "train")),
            index=pd.Index(applications["application_id"], name="application_id"),
            name="sample",
            dtype="str",
        ).where(applications["default_flag"].notna().to_numpy())

    def samples(self, applications: pd.DataFrame) -> pd.DataFrame:
        """The hand-over table: application_id, applied_at where it is known, label and sample."""
        kept = applications.filter(items=["application_id", "applied_at", "default_flag"])
        return kept.assign(sample=self.assign(applications).to_numpy())

    def labelled(self, applications: pd.DataFrame) -> pd.DataFrame:
        """The applications with a label."""
        return applications[applications["default_flag"].notna()]

    def training(self, applications: pd.DataFrame) -> pd.DataFrame:
        """The applications that may teach a model."""
        return applications[(self.assign(applications) == "train").to_numpy()]

    def quarters(self, applications: pd.DataFrame) -> pd.Series:
        """Quarter of each application, such as "2024Q1"; where no date is known, its sample."""
        if "applied_at" not in applications:
            return self.assign(applications).set_axis(applications.index)
        return applications["applied_at"].dt.to_period("Q").astype("str")

    @staticmethod
    def spans(freq: str) -> Callable[[pd.DataFrame], pd.Series]:
        """A function that gives the quarter ("Q") or year ("Y") of each application, a period."""
        return partial(_spans, freq=freq)

    def save(self, path: str | Path) -> None:
        """Write the rule as JSON."""
        first = self.out_of_time_from
        day = None if first is None else f"{first:%Y-%m-%d}"
        rule = {"out_of_time_from": day, "test_share": self.test_share, "seed": self.seed}
        write_json(path, rule)

    @classmethod
    def load(cls, path: str | Path) -> SampleRule:
        """Read a rule that :meth:`save` wrote."""
        told = read_json(path)
        day = told["out_of_time_from"]
        return cls(**told | {"out_of_time_from": None if day is None else pd.Timestamp(day)})

    def _tests(self, applications: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether each application is of a customer who tests, where it is not out of time."""
        ids = applications["customer_id"].to_numpy(object)
        hashes = pd.util.hash_array(ids, hash_key=f"{self.seed:016d}"[-16:])
        return np.asarray(hashes / 2.0**64 < self.test_share)


def sample_rule(
    applications: pd.DataFrame | Table,
    *,
    out_of_time_from: pd.Timestamp | None = None,
    test_share: float = 0.3,
    out_of_time_share: float = 0.25,
    seed: int = 0,
) -> SampleRule:
    """The rule of :func:`assign_samples`, whose parameters these are, for rows in any parts.

    Raises
    ------
    ValueError
        As :func:`assign_samples`.
    """
    if not 0 < out_of_time_share < 1:
        check_test_share(test_share)
        raise ValueError(f"out_of_time_share must be in (0, 1), got {out_of_time_share!r}")
    rule = SampleRule(out_of_time_from=out_of_time_from, test_share=test_share, seed=seed)
    dated = "applied_at" in applications.columns
    if not dated and out_of_time_from is not None:
        raise ValueError(f"out_of_time_from={out_of_time_from:%Y-%m-%d} needs applied_at")
    if out_of_time_from is None and dated:
        months = total(partial(_by_month, rule), applications, columns=_COLUMNS)
        first = _latest_start(months, out_of_time_share)
        rule = SampleRule(out_of_time_from=first, test_share=test_share, seed=seed)
    first = rule.out_of_time_from
    counts = total(partial(_classes, rule), applications, columns=_COLUMNS)
    start = "" if first is None else f"out of time starts {first:%Y-%m-%d}, "
    for name, goods_and_bads in list(zip(SAMPLES, counts, strict=True))[
        : 2 if first is None else 3
    ]:
        if (goods_and_bads == 0).any():
            labels = [float(flag) for flag in np.flatnonzero(goods_and_bads)]
            raise ValueError(
                f"the {name} sample needs goods and bads, found labels {labels}; "
                f"{start}test_share={test_share}"
            )
    return rule


def assign_samples(
    applications: pd.DataFrame,
    *,
    out_of_time_from: pd.Timestamp | None = None,
    test_share: float = 0.3,
    out_of_time_share: float = 0.25,
    seed: int = 0,
) -> pd.Series:
    """Sample of each application: train, test, out_of_time; missing without a label.

    Everything applied for from `out_of_time_from` on is out of time. Before it, customers (not
    applications) are split between train and test by a hash, so a customer is never in both and
    the split does not depend on row order. There is no out-of-time sample without applied_at, nor
    where all labelled were applied for in one month, or no month leaves goods and bads on either
    side.

    Parameters
    ----------
    applications : DataFrame
        application_id, customer_id, default_flag, and applied_at where it is known.
    out_of_time_from : Timestamp, optional
        First day of the out-of-time sample; by default the first day of the latest month that
        leaves at least `out_of_time_share` of the labelled applications after it, and goods and
        bads among them and among the customers of either sample before.
    test_share : float
        Share of the customers before that day who go to the test sample, in (0, 1).
    out_of_time_share : float
        In (0, 1); used where `out_of_time_from` is not given.
    seed : int
        Changes the hash.

    Returns
    -------
    Series of str, index application_id
        Named sample.

    Raises
    ------
    ValueError
        A share out of range, an `out_of_time_from` without applied_at, or a sample that would hold
        one class only or no application.
    """
    rule = sample_rule(
        applications,
        out_of_time_from=out_of_time_from,
        test_share=test_share,
        out_of_time_share=out_of_time_share,
        seed=seed,
    )
    return rule.assign(applications)


def _spans(applications: pd.DataFrame, freq: str) -> pd.Series:
    return applications["applied_at"].dt.to_period(freq)


def _classes(rule: SampleRule, applications: pd.DataFrame) -> NDArray[np.int64]:
    """Goods and bads of each sample, shape (3, 2)."""
    sample, flag = rule.assign(applications).to_numpy(), applications["default_flag"].to_numpy()
    of_class: Any = [[(sample == name) & (flag == value) for value in (0, 1)] for name in SAMPLES]
    return np.array(of_class, dtype=bool).sum(axis=2)


def _by_month(rule: SampleRule, applications: pd.DataFrame) -> pd.DataFrame:
    """Goods and bads of those who train, of those who test, and of all, by month of application."""
    labelled = rule.labelled(applications)
    bad, is_test = (labelled["default_flag"] == 1).to_numpy(), rule._tests(labelled)
    cells = {
        f"{name}_{side}": (bad == is_bad) & part
        for name, part in (("train", ~is_test), ("test", is_test), ("any", True))
        for side, is_bad in (("good", False), ("bad", True))
    }
    months = calendar_months(labelled["applied_at"])
    return pd.DataFrame(cells).groupby(months).sum().astype("int64")


def _latest_start(counts: pd.DataFrame, share: float) -> pd.Timestamp | None:
    """First day of the latest month from which on the out-of-time sample may start, if any."""
    before = counts.cumsum() - counts
    after = counts.sum() - before
    n_labelled = counts[["any_good", "any_bad"]].to_numpy().sum()
    enough = after["any_good"] + after["any_bad"] >= share * n_labelled
    both = (after[["any_good", "any_bad"]] > 0).all(axis=1)
    taught = (before.drop(columns=["any_good", "any_bad"]) > 0).all(axis=1)
    starts = counts.index[enough & both & taught]
    return pd.Period(ordinal=int(starts[-1]), freq="M").start_time if len(starts) else None
