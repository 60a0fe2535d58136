"""Which decline reasons weigh on which protected group, and which are a rule on the attribute.

Takes who was declined why, and the groups of :func:`protected_groups`; gives a row per group and
reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

from riskkit.checks import same_rows
from riskkit.schema import Feature

__all__ = ["declines_by_group", "heavy_reasons", "rules_on_attributes", "share_difference"]

COLUMNS = (
    *("applicants", "declined", "share", "share_of_others", "difference", "low", "high"),
    *("beyond_chance", "impact_ratio", "ratio_without"),
)
MIN_DECLINES = 30  # fewer are no rule
NOBODY = pd.MultiIndex.from_arrays([[], []], names=["attribute", "reason"])


def declines_by_group(
    applications: pd.DataFrame, groups: pd.DataFrame, *, min_rows: int = 30, level: float = 0.95
) -> pd.DataFrame:
    """Share of each group that each reason declined, against the rest of its attribute.

    Parameters
    ----------
    applications : DataFrame of shape (n_rows,)
        approved (bool) and declined_reason, the one recorded.
    groups : DataFrame of shape (n_rows, n_attributes)
        Of :func:`protected_groups`, of the same rows.
    min_rows : int
        Groups of fewer applicants are left out.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (attribute, group, reason), the greatest difference first
        applicants, declined (by this reason); share, share_of_others; difference, low, high;
        beyond_chance (bool: p-value of Fisher's exact test, times the number of rows, below
        1 − level); impact_ratio of the group's approval to that of the group approved most often,
        and ratio_without, the same without the applicants of either that this reason declined.

    Source
    ------
    Newcombe (1998), Statistics in Medicine 17(8), method 10 (Wilson intervals of both shares).
    """
    same_rows(applications=applications, groups=groups)
    reason = applications["declined_reason"].to_numpy(object)
    approved = applications["approved"].to_numpy(bool)
    reasons = sorted({str(one) for one in reason[~approved & pd.notna(reason)]})
    rows = {}
    for attribute in groups.columns:
        column = groups[attribute].astype("category")
        code = column.cat.codes.to_numpy()
        told = code >= 0
        sizes = np.bincount(code[told], minlength=len(column.cat.categories))
        rates = np.bincount(code[told], approved[told], len(sizes)) / np.maximum(sizes, 1)
        eligible = np.where(sizes >= min_rows, rates, -1.0)
        best = int(np.argmax(eligible)) if len(sizes) else -1
        for number in np.flatnonzero(sizes >= min_rows):
            here = code == number
            for name in reasons:
                out = ~approved & (reason == name)
                parts = here, told & ~here
                counts, of = (
                    [int(x.sum()) for x in ones] for ones in ([out & part for part in parts], parts)
                )
                share, others, low, high = share_difference(counts, of, level)
                without = _rate(approved, here & ~out), _rate(approved, (code == best) & ~out)
                rows[attribute, column.cat.categories[number], name] = {
                    "applicants": int(here.sum()),
                    "declined": int(counts[0]),
                    "share": share,
                    "share_of_others": others,
                    "difference": share - others,
                    "low": low,
                    "high": high,
                    "p_value": _p_value(counts, of),
                    "impact_ratio": rates[number] / rates[best] if rates[best] > 0 else np.nan,
                    "ratio_without": without[0] / without[1] if without[1] > 0 else np.nan,
                }
    names = ["attribute", "group", "reason"]
    if not rows:
        index = pd.MultiIndex.from_arrays([[], [], []], names=names)
        return pd.DataFrame(columns=list(COLUMNS), index=index)
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=names)
    table["beyond_chance"] = table["p_value"] * len(table) < 1 - level
    return table.sort_values("difference", ascending=False, kind="stable")[list(COLUMNS)]


def heavy_reasons(declines: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`declines_by_group` that decline a group more often, beyond chance."""
    return declines[declines["beyond_chance"].astype(bool) & (declines["difference"] > 0)]


def rules_on_attributes(
    applications: pd.DataFrame, features: Sequence[Feature], *, least: float = 0.8
) -> pd.DataFrame:
    """Decline reasons that are a rule on a protected attribute itself, with whom they decline.

    Parameters
    ----------
    applications : DataFrame of shape (n_rows,)
        approved, declined_reason, and the attributes.
    features : sequence of Feature
        Those protected, and in the applications, are looked at.
    least : float
        A reason is such a rule where it declines so large a share of the applicants at the values
        at which it declines anybody, and nobody at all others; at least 30 of them.

    Returns
    -------
    DataFrame, index (attribute, reason)
        declined, and values, in words.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [18.0] * 40 + [30.0] * 60, "approved": [False] * 40 +
    ...     [True] * 60, "declined_reason": ["age"] * 40 + [None] * 60})
    >>> age = Feature(name="age", label="Age", family="protected", protected=True)
    >>> rules_on_attributes(people, [age]).loc[("Age", "age")].to_dict()
    {'declined': 40, 'values': '18'}
    """
    declined = applications.loc[~applications["approved"].astype(bool), "declined_reason"]
    found = {}
    for feature in features:
        if not (feature.protected and feature.name in applications):
            continue
        values = applications[feature.name]
        sizes = values.value_counts()
        for reason, rows in declined.groupby(declined, observed=True):
            at = values.loc[rows.index].dropna().unique()
            # a reason met at every value is no rule on them
            if len(rows) < MIN_DECLINES or len(at) == len(sizes) or not len(at):
                continue
            if len(rows) >= least * sizes[at].sum():
                told = {"declined": len(rows), "values": _spans(at, sizes.index)}
                found[feature.label, str(reason)] = told
    index = pd.MultiIndex.from_tuples(found, names=["attribute", "reason"]) if found else NOBODY
    return pd.DataFrame(list(found.values()), index=index, columns=["declined", "values"])


def _spans(at: np.ndarray, every: pd.Index) -> str:
    """Values in words, neighbours among all values as spans."""
    ordered = sorted(every)
    chosen = set(at)
    spans: list[list[object]] = []
    for place, value in enumerate(ordered):
        if value not in chosen:
            continue
        if place and ordered[place - 1] in chosen and spans:
            spans[-1].append(value)
        else:
            spans.append([value])
    words = [[f"{one:g}" if isinstance(one, float) else str(one) for one in span] for span in spans]
    return " or ".join(span[0] if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in words)


def _rate(flags: np.ndarray, rows: np.ndarray) -> float:
    return float(flags[rows].mean()) if rows.any() else 0.0


def share_difference(
    counts: Sequence[int], sizes: Sequence[int], level: float = 0.95
) -> tuple[float, float, float, float]:
    """Two shares, and the ends of the interval of the first less the second; NaN of nobody.

    Parameters
    ----------
    counts, sizes : sequences of two int
    level : float

    Source
    ------
    Newcombe (1998), Statistics in Medicine 17(8), method 10 (Wilson intervals of both shares).

    Examples
    --------
    >>> [round(float(end), 4) for end in share_difference([56, 48], [70, 80])]
    [0.8, 0.6, 0.0524, 0.3339]
    """
    if not min(sizes):
        first, second = (c / n if n else np.nan for c, n in zip(counts, sizes, strict=True))
        return first, second, np.nan, np.nan
    share, low, high = _wilson(counts[0], sizes[0], level)
    others, least, most = _wilson(counts[1], sizes[1], level)
    below, above = np.hypot(share - low, most - others), np.hypot(high - share, others - least)
    return share, others, share - others - below, share - others + above


def _wilson(count: int, n: int, level: float) -> tuple[float, float, float]:
    """A share and its score interval."""
    z, share = float(special.ndtri(0.5 + level / 2)), count / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    width = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + (z / 2 / n) ** 2)
    return share, centre - width, centre + width


def _p_value(counts: Sequence[int], sizes: Sequence[int]) -> float:
    table = [[c, n - c] for c, n in zip(counts, sizes, strict=True)]
    return float(stats.fisher_exact(table).pvalue)
