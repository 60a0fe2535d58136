"""Which features two runs bin in another way, and whether the applicants have moved between bins.

Takes two binners, and applications; gives a row per feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskkit import metrics
from riskkit.binning import FeatureBins, WoeBinner

__all__ = ["IN_BOTH", "ONLY_A", "ONLY_B", "bin_changes", "population_shift"]

ONLY_A, ONLY_B, IN_BOTH = "only A", "only B", "both"


def bin_changes(a: WoeBinner, b: WoeBinner) -> pd.DataFrame:
    """Bins and IV of every feature that either run has binned.

    Returns
    -------
    DataFrame, index feature
        in_runs ("both", "only A", "only B"); changed: whether the bins differ; bins_a, bins_b
        (their names, empty where there are none); iv_a, iv_error_a, iv_b, iv_error_b (NaN where
        there are none); by_hand_a, by_hand_b: who decided the bins, and why, empty where nobody
        did. The order is that of the larger IV.
    """
    hands = [_by_hand(binner) for binner in (a, b)]
    rows: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys([*a.bins_, *b.bins_]):
        one, other = a.bins_.get(name), b.bins_.get(name)
        rows[name] = {
            "in_runs": IN_BOTH if one and other else ONLY_A if one else ONLY_B,
            "changed": not (one and other and _cuts(one) == _cuts(other)),
        }
        for end, bins, hand in (("a", one, hands[0]), ("b", other, hands[1])):
            rows[name] |= {
                f"bins_{end}": " | ".join(bins.labels) if bins else "",
                f"iv_{end}": bins.iv if bins else np.nan,
                f"iv_error_{end}": bins.iv_error if bins else np.nan,
                f"by_hand_{end}": hand.get(name, ""),
            }
    columns = ["in_runs", "changed", "bins_a", "bins_b", "iv_a", "iv_error_a", "iv_b", "iv_error_b"]
    columns += ["by_hand_a", "by_hand_b"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("feature")
    order = table[["iv_a", "iv_b"]].max(axis=1).sort_values(ascending=False, kind="stable").index
    return table.loc[order]


def _cuts(bins: FeatureBins) -> tuple[Any, ...]:
    """What decides the bin of a value; counts are others on other loans."""
    edges = None if bins.edges is None else tuple(bins.edges.tolist())
    # the order of levels within a bin says nothing
    groups = None if bins.groups is None else tuple(tuple(sorted(group)) for group in bins.groups)
    return edges, groups, bins.special_codes, bins.apart


def _by_hand(binner: WoeBinner) -> dict[str, str]:
    """Feature → who last decided its bins, and why."""
    log = binner.edit_log()
    return {
        str(row.feature): f"{row.by or 'nobody named'}: {row.reason or 'no reason given'}"
        for row in log.itertuples()
    }


def population_shift(
    binner: WoeBinner, a: pd.DataFrame, b: pd.DataFrame, features: Sequence[str]
) -> pd.DataFrame:
    """PSI of the applications of B over the bins of A, against the applications of A.

    What chance alone would reach is that of two samples that share no application; where they
    share some, chance reaches less.

    Parameters
    ----------
    binner : WoeBinner
        Of run A.
    a, b : DataFrame
        The applications of both runs.
    features : sequence of str

    Returns
    -------
    DataFrame, index feature, the largest PSI first
        bins (those that either population fills), psi, psi_critical (95 %), light. NaN and "" where
        the feature has no bins in A, is not in a table or holds text where the bins are of numbers.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name in features:
        rows[name] = {"bins": 0, "psi": np.nan, "psi_critical": np.nan, "light": ""}
        bins = binner.bins_.get(name)
        if bins is None or name not in a or name not in b or not (len(a) and len(b)):
            continue
        size = len(bins.counts) + 1
        try:
            then, now = (np.bincount(bins.assign(t[name]), minlength=size) for t in (a, b))
        except TypeError:  # the mapping of one run reads as text what the other reads as numbers
            continue
        filled = int(((then > 0) | (now > 0)).sum())
        psi = metrics.psi(then, now)
        critical = metrics.psi_critical(len(a), len(b), max(filled, 2))
        light = metrics.psi_light(psi, critical)
        rows[name] = {"bins": filled, "psi": psi, "psi_critical": critical, "light": light}
    columns = ["bins", "psi", "psi_critical", "light"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("feature")
    return table.sort_values("psi", ascending=False, kind="stable")
