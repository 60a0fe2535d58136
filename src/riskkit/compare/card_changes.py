"""How two scorecards differ: features, coefficients, points and scale.

Takes two cards; gives a table for each.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from riskkit.compare.bin_changes import IN_BOTH, ONLY_A, ONLY_B
from riskkit.scorecard import Scorecard

__all__ = ["BASE_SETTING", "coefficient_changes", "points_changes", "scale_settings"]

BASE = "every applicant"
BASE_SETTING = "points every applicant starts with"


def coefficient_changes(a: Scorecard, b: Scorecard) -> pd.DataFrame:
    """Coefficients of both cards, with their 95 % intervals.

    Returns
    -------
    DataFrame, index feature
        on_card ("both", "only A", "only B"), coefficient_a, low_a, high_a, coefficient_b, low_b,
        high_b; NaN where a card has no such feature.
    """
    named = ["coefficient", "low", "high"]
    one, other = (card.coefficients()[named] for card in (a, b))
    table = one.add_suffix("_a").join(other.add_suffix("_b"), how="outer")
    # an outer join sorts; the features of A first, each card in its own order
    table = table.loc[list(dict.fromkeys([*one.index, *other.index]))].rename_axis("feature")
    gone, new = table["coefficient_b"].isna(), table["coefficient_a"].isna()
    table.insert(0, "on_card", np.select([gone, new], [ONLY_A, ONLY_B], IN_BOTH))
    return table


def points_changes(a: Scorecard, b: Scorecard) -> pd.DataFrame:
    """Bins whose points differ, or that only one of the cards has.

    Returns
    -------
    DataFrame, index (feature, bin)
        points_a, points_b; NaN where a card has no such bin. The base is a row of its own, and so
        is anything unseen, which a card takes for the riskiest.
    """
    one, other = (pd.Series(dict(_points(card)), dtype=float) for card in (a, b))
    keys = list(dict.fromkeys([*one.index, *other.index]))
    # the bins of a feature stand together, also those that only one of the cards has
    order = {feature: place for place, feature in enumerate(dict.fromkeys(k[0] for k in keys))}
    keys.sort(key=lambda key: order[key[0]])
    rows = [(one.get(key, np.nan), other.get(key, np.nan)) for key in keys]
    index = pd.MultiIndex.from_tuples([key[:2] for key in keys], names=["feature", "bin"])
    table = pd.DataFrame(rows, index=index, columns=["points_a", "points_b"])
    return table[table["points_a"] != table["points_b"]]


def _points(card: Scorecard) -> Iterator[tuple[tuple[str, str, int], int]]:
    """Feature, bin and how often that name came before, with the points."""
    if card.base != "spread":
        yield ("", BASE, 0), int(card.base_points_)
    for name in card.coefficients().index:
        seen: dict[str, int] = {}
        labels = [*card.binner_.table(name).index, "unseen"]
        for label, points in zip(labels, card.points_[name], strict=True):
            # levels may be named so that two bins read alike
            yield (str(name), str(label), seen.get(label, 0)), int(points)
            seen[label] = seen.get(label, 0) + 1


def scale_settings(card: Scorecard) -> dict[str, float]:
    """What the points of a card mean, setting → value."""
    scale = card.score_scale
    return {
        "points that double the odds": scale.pdo,
        "score at the target odds": scale.target_score,
        "target odds": scale.target_odds,
        BASE_SETTING: float(card.base_points_),
    }
