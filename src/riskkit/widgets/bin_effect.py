"""What an edit of bins does downstream: to the points, the ranking, and who gets a loan.

Takes two binners that differ in a feature and the loans in time; gives tables of a card fitted to
each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from riskkit import binning, metrics, strategy, target
from riskkit.scorecard import Scorecard

__all__ = ["EditEffect", "EffectOfEdit"]


@dataclass(frozen=True)
class EffectOfEdit:
    """What an edit does.

    Parameters
    ----------
    points : DataFrame, index (card, bin)
        points and woe of the feature's bins on the card ``before`` and ``after``; without rows of a
        card that the feature is not on.
    auc : Series
        Of the test loans, after (`auc_a`) less before (`auc_b`), as of
        :func:`riskkit.metrics.compare`.
    swaps : DataFrame
        Of :func:`riskkit.strategy.swap_set`: a is after, b is before, at equal approval.
    approval_rate : float
        At which they are compared.
    n_features : int
        Offered to the card.
    """

    points: pd.DataFrame
    auc: pd.Series
    swaps: pd.DataFrame
    approval_rate: float
    n_features: int

    @property
    def n_change_side(self) -> int:
        """Applicants approved by one card and declined by the other."""
        return int(self.swaps.loc[["only a", "only b"], "applications"].sum())


class EditEffect:
    """Cards of binners on the same loans; of those out of time, none is looked at.

    Parameters
    ----------
    applications, sample, min_iv
        As of :class:`riskkit.widgets.BinSession`.
    """

    def __init__(self, applications: pd.DataFrame, sample: Any, *, min_iv: float) -> None:
        kinds = np.asarray(sample, dtype=object)
        self.training = applications[kinds == "train"]
        asked = pd.DataFrame({"sample": pd.Series(kinds, applications.index, dtype="str")})
        for name in ("application_id", "applied_at"):
            if name in applications:
                asked[name] = applications[name]
        self.judged = applications[target.held_out_rows(asked)]
        approved = self.judged.get("approved")
        share = 1.0 if approved is None else float(approved.mean())
        # where nobody was declined, a card would decline some
        self.approval_rate = share if share < 1 else 0.8
        self.min_iv = min_iv
        self._scores = lru_cache(maxsize=2)(self._fit)

    def of(self, before: binning.WoeBinner, after: binning.WoeBinner, feature: str) -> EffectOfEdit:
        """Effect of going from one binner to the other.

        Raises
        ------
        ValueError
            No feature tells enough for a card.
        """
        # both cards are offered the same features
        strong = [n for n, bins in before.bins_.items() if bins.iv >= self.min_iv]
        names = tuple(n for n in dict.fromkeys([*strong, feature]) if n not in before.leakage_)
        (old, old_score), (new, new_score) = (self._scores(b, names) for b in (before, after))
        flag = self.judged["default_flag"]
        known = flag.notna().to_numpy()
        points = {
            name: card.points_table().loc[[feature]].droplevel("feature")[["points", "woe"]]
            for name, card in (("before", old), ("after", new))
            if feature in card.points_
        }
        columns = pd.DataFrame(columns=["points", "woe"])
        cutoffs = [np.quantile(score, 1 - self.approval_rate) for score in (new_score, old_score)]
        booked = self.judged["booked"] if "booked" in self.judged else None
        return EffectOfEdit(
            points=pd.concat(points, names=["card"]) if points else columns,
            auc=metrics.compare(flag[known], new_score[known], old_score[known]),
            swaps=strategy.swap_set(
                new_score,
                old_score,
                flag,
                cutoff_a=cutoffs[0],
                cutoff_b=cutoffs[1],
                booked=booked,
            ),
            approval_rate=self.approval_rate,
            n_features=len(names),
        )

    def _fit(
        self, binner: binning.WoeBinner, names: tuple[str, ...]
    ) -> tuple[Scorecard, np.ndarray]:
        card = Scorecard(binner, features=list(names), max_p_value=None)
        card.fit(self.training, self.training["default_flag"])
        return card, np.asarray(card.credit_score(self.judged), dtype=float)
