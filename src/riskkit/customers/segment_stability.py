"""Whether the same segments would be found again, in other samples and in other months.

Takes applications and features, or a :class:`Segmentation`; gives the stability of each number of
segments, the segments period by period, and what to say of both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit import metrics
from riskkit.checks import Array, check_level, check_seed, require_columns
from riskkit.customers.segments import (
    FIT_ROWS,
    SCORE,
    Segmentation,
    cluster,
    coded_sample,
    nearest,
    numbered,
    ordered_centres,
)
from riskkit.schema import Feature
from riskkit.tables import hash_ids

__all__ = ["segment_findings", "segment_months", "segment_stability", "segment_text", "stable_k"]

# Hennig (2007): below, a segment dissolves; from here on a pattern; above, highly stable
UNSTABLE, PATTERN, HIGHLY = 0.60, 0.75, 0.85
FEWEST_ANEW = 100  # of a period, to be clustered alone
POOR = 0.65  # adjusted Rand below which two divisions agree poorly (Steinley 2004)


def segment_stability(
    applications: pd.DataFrame,
    features: Sequence[Feature],
    *,
    ks: Sequence[int] = (3, 4, 5, 6),
    families: Sequence[str] = (),
    n_boot: int = 10,
    n_rows: int = 2_000,
    seed: int = 1,
) -> pd.DataFrame:
    """Whether each number of segments is found again in other samples of the same customers.

    The segments are those that :func:`fit_segments` gives. Rows are drawn with replacement from
    those it was fitted on and clustered anew, and both divisions of the rows drawn are compared.
    The whole: adjusted Rand index, 1 the same and 0 as chance has it. A segment: its
    Jaccard similarity with the new segment most like it, rows in both ÷ rows in either.

    Parameters
    ----------
    applications, features, families, seed
        As for :func:`fit_segments`.
    ks : sequence of int
        Numbers of segments to try.
    n_boot : int
        Samples drawn.
    n_rows : int
        Rows of a sample, at most as many as there are; larger ones would be more alike.

    Returns
    -------
    DataFrame, index (k, segment)
        applicants, share, jaccard (mean) with jaccard_low and jaccard_high (2.5 % and 97.5 % of the
        samples: of few, nearly the least and the most), verdict ("unstable" below .60, "in doubt"
        below .75, "stable", "highly stable" above .85), adjusted_rand (mean, of that k) with
        adjusted_rand_low and adjusted_rand_high. Attributes ``samples`` and ``rows`` of each.

    Raises
    ------
    ValueError
        As for :func:`fit_segments`; `n_boot` is below 2.

    Source
    ------
    Hennig (2007), Cluster-wise assessment of cluster stability, Computational Statistics & Data
    Analysis 52(1); Hubert, Arabie (1985), Comparing partitions, Journal of Classification 2.
    """
    if n_boot < 2:
        raise ValueError(f"n_boot must be at least 2, got {n_boot!r}")
    check_seed("seed", seed)
    tables = {}
    _, coded, score = coded_sample(applications, features, families, FIT_ROWS)
    size = min(n_rows, len(coded))
    for k in ks:
        own = nearest(coded, ordered_centres(coded, score, k, seed))
        rng = np.random.default_rng(seed)
        jaccards, rands = np.empty((n_boot, k)), np.empty(n_boot)
        for draw in range(n_boot):
            times = np.bincount(rng.integers(len(coded), size=size), minlength=len(coded))
            drawn = times > 0
            centres = cluster(coded[drawn], k, seed + draw, times[drawn].astype(float))
            both = cross_counts(own[drawn], nearest(coded[drawn], centres), k)
            jaccards[draw], rands[draw] = jaccard(both), adjusted_rand(both)
        tables[k] = _stability_rows(own, jaccards, rands)
    found = pd.concat(tables, names=["k", "segment"])
    found.attrs = {"samples": n_boot, "rows": size}
    return found


def _stability_rows(own: Array, jaccards: Array, rands: Array) -> pd.DataFrame:
    applicants = np.bincount(own, minlength=jaccards.shape[1])
    mean = jaccards.mean(axis=0)
    low, high = np.quantile(jaccards, [0.025, 0.975], axis=0)
    rand_low, rand_high = np.quantile(rands, [0.025, 0.975])
    words = np.select(
        [mean < UNSTABLE, mean < PATTERN, mean <= HIGHLY],
        ["unstable", "in doubt", "stable"],
        "highly stable",
    )
    return pd.DataFrame(
        {
            "applicants": applicants,
            "share": applicants / applicants.sum(),
            "jaccard": mean,
            "jaccard_low": low,
            "jaccard_high": high,
            "verdict": words,
            "adjusted_rand": rands.mean(),
            "adjusted_rand_low": rand_low,
            "adjusted_rand_high": rand_high,
        },
        index=pd.RangeIndex(1, len(mean) + 1, name="segment"),
    )


def cross_counts(one: Array, other: Array, k: int) -> Array:
    """Rows in each pair of segments of two divisions, shape (k, k)."""
    return np.bincount(one * k + other, minlength=k * k).reshape(k, k).astype(float)


def jaccard(both: Array) -> Array:
    """Of each row of counts, the greatest Jaccard similarity with a column; NaN without rows."""
    either = both.sum(axis=1, keepdims=True) + both.sum(axis=0) - both
    with np.errstate(invalid="ignore"):
        similar: Array = np.where(either > 0, both / np.where(either > 0, either, 1), 0).max(axis=1)
    return np.where(both.sum(axis=1) > 0, similar, np.nan)


def adjusted_rand(both: Array) -> float:
    """Adjusted Rand index of two divisions from their counts; 1 where both are one segment."""

    def pairs(counts: Array) -> float:
        return float((counts * (counts - 1) / 2).sum())

    together, one, other = pairs(both), pairs(both.sum(axis=1)), pairs(both.sum(axis=0))
    chance = one * other / pairs(both.sum(keepdims=True))
    most = (one + other) / 2
    return 1.0 if most == chance else (together - chance) / (most - chance)


def stable_k(stability: pd.DataFrame) -> int:
    """The most segments of which each is found again, else those of which the least are lost.

    Parameters
    ----------
    stability : DataFrame
        Of :func:`segment_stability`.

    Returns
    -------
    int
        The largest k whose every segment has a Jaccard similarity of at least .75; where there is
        none, the k whose least stable segment is the most stable.

    Source
    ------
    Hennig (2007); riskkit definition.
    """
    least = stability.groupby(level="k")["jaccard"].min()
    good = least.index[least >= PATTERN]
    return int(good.max() if len(good) else least.idxmax())


def segment_months(
    segmentation: Segmentation,
    applications: pd.DataFrame,
    *,
    freq: str = "Q",
    seed: int = 1,
    n_rows: int = 2_000,
    level: float = 0.95,
) -> pd.DataFrame:
    """Share and profile of each segment, period by period, and whether it would be found there.

    Parameters
    ----------
    segmentation : Segmentation
    applications : DataFrame of shape (n_rows,)
        The segmentation's columns, application_id, applied_at and approved.
    freq : {"M", "Q", "Y"}
        Length of a period.
    seed : int
        Of the starts of k-means.
    n_rows : int
        Clustered anew are so many rows of a period at most.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (period, segment)
        applicants, share with share_low and share_high (Jeffreys), approval_rate, median_score;
        jaccard (similarity with the segment that a clustering of this period alone finds);
        of the period: psi of the shares against the first period that is large enough,
        psi_critical, light ("green", "amber", "red"), adjusted_rand (that clustering against these
        segments). A period with fewer than 100 applicants is neither compared nor clustered: NaN,
        and no light.

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    require_columns(applications, ["application_id", "applied_at", "approved"], "applications")
    k = segmentation.k
    segment = segmentation.assign(applications).to_numpy()
    period = applications["applied_at"].dt.to_period(freq).astype("str")
    coded = segmentation.coded(applications, weighted=True)
    place = hash_ids(applications["application_id"])
    tables, first = {}, None
    for name in np.unique(period.dropna()):
        here = (period == name).to_numpy()
        numbers, n = segment[here], int(here.sum())
        counts = np.bincount(numbers - 1, minlength=k)
        # a handful of applicants is neither a mix to compare with nor one that has moved
        if first is None and n >= FEWEST_ANEW:
            first = counts
        low, high = metrics.jeffreys_interval(counts, np.full(k, n), level)
        part = applications[here].groupby(numbers)
        table = pd.DataFrame(
            {"applicants": counts, "share": counts / n, "share_low": low, "share_high": high},
            index=pd.RangeIndex(1, k + 1, name="segment"),
        )
        table["approval_rate"] = part["approved"].mean()
        table["median_score"] = part[SCORE].median()
        chosen = np.flatnonzero(here)[np.argsort(place[here])[:n_rows]]
        both = None
        if n >= FEWEST_ANEW:
            anew = numbered(
                cluster(coded[chosen], k, seed), coded[chosen], applications[SCORE].iloc[chosen]
            )
            both = cross_counts(segment[chosen] - 1, nearest(coded[chosen], anew), k)
        table["jaccard"] = np.nan if both is None else jaccard(both)
        index, critical, light = np.nan, np.nan, ""
        if first is not None and n >= FEWEST_ANEW:
            index = float(metrics.psi(first, counts))
            critical = float(metrics.psi_critical(int(first.sum()), n, k))
            light = metrics.psi_light(index, critical)
        table["psi"], table["psi_critical"], table["light"] = index, critical, light
        table["adjusted_rand"] = np.nan if both is None else adjusted_rand(both)
        tables[name] = table
    return pd.concat(tables, names=["period", "segment"])


def segment_text(stability: pd.DataFrame, months: pd.DataFrame | None, k: int) -> str:
    """Sentences on whether the segments would be found again, as Markdown.

    Parameters
    ----------
    stability : DataFrame
        Of :func:`segment_stability`, with that k.
    months : DataFrame, optional
        Of :func:`segment_months`; None where applications bear no dates.
    k : int

    Returns
    -------
    str

    Source
    ------
    Hennig (2007); Steinley (2004), Properties of the Hubert–Arabie adjusted Rand index,
    Psychological Methods 9(3): below .65 two divisions agree poorly.
    """
    own, tried = stability.loc[k], stability.index.unique("k")
    first = own.iloc[0]
    text = (
        f"With **{k} segments**, other samples of the applicants give an adjusted Rand index of "
        f"{first['adjusted_rand']:.2f} ({first['adjusted_rand_low']:.2f} to "
        f"{first['adjusted_rand_high']:.2f} in 95 % of them; 1 is the same division, 0 what "
        f"chance gives). Of the numbers tried, {_listed(tried)}, {stable_k(stability)} is the one "
        "to take: the most whose every segment is found again on average, or the least bad where "
        "there is none. "
    )
    lost = own["jaccard"] < UNSTABLE
    doubted = own["jaccard"].between(UNSTABLE, PATTERN, inclusive="left")
    at_times = (own["jaccard"] >= PATTERN) & (own["jaccard_low"] < UNSTABLE)
    for rows, words in (
        (lost, "Unstable, not to be marketed to"),
        (doubted, "In doubt"),
        (at_times, "Found again on average, but dissolved in some samples"),
    ):
        text += f"{words}: **{_with_jaccard(own[rows])}**. " if rows.any() else ""
    if not (lost | doubted | at_times).any():
        text += "Every segment is found again in nearly every sample. "
    return (
        text + ("" if months is None else f"{_again_text(months)}{_moved_text(months)}")
    ).strip()


def _with_jaccard(own: pd.DataFrame) -> str:
    each = [
        f"{number} ({row['jaccard']:.2f}; {row['jaccard_low']:.2f} to {row['jaccard_high']:.2f})"
        for number, row in own.iterrows()
    ]
    return f"segment{'s' if len(each) > 1 else ''} {_listed(each)}"


def _of_periods(months: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row a period that has a value, in their order."""
    return months.groupby(level="period", sort=False).first().dropna(subset=[column])


def _again_text(months: pd.DataFrame) -> str:
    """Whether each period alone would be divided so."""
    rand = _of_periods(months, "adjusted_rand")["adjusted_rand"]
    if rand.empty:
        return ""
    poor = rand[rand < POOR]
    text = (
        f"Dividing a single period's applicants anew gives an adjusted Rand index of "
        f"{rand.min():.2f} to {rand.max():.2f}, in the middle {rand.median():.2f}: "
    )
    if poor.empty:
        return text + f"in none of {len(rand)} periods below {POOR:.2f}, where two agree poorly. "
    verdict = "**not the same in every period**" if len(rand) > 1 else "**not the same there**"
    return text + (
        f"in {len(poor)} of {len(rand)} ({_listed(poor.index)}) below {POOR:.2f}, where two "
        f"divisions agree poorly, so the segments are {verdict}. "
    )


def _moved_text(months: pd.DataFrame) -> str:
    """How far shares have moved, and in how many periods by more than chance."""
    by_period = _of_periods(months, "psi")
    if len(by_period) < 2:
        return ""
    moved = by_period["psi"].idxmax()
    later = by_period.iloc[1:]
    beyond = int((later["psi"] > later["psi_critical"]).sum())
    size = {"green": "still small", "amber": "of note", "red": "large"}
    return (
        f"Their shares have moved most by {moved}: PSI {by_period.at[moved, 'psi']:.3f} against "
        f"the first period, {size[by_period.at[moved, 'light']]} "
        f"({by_period.at[moved, 'light']}); in {beyond} of {len(later)} later periods by more than "
        "chance, which alone moves them so far in 5 of 100."
    )


def segment_findings(
    stability: pd.DataFrame, months: pd.DataFrame | None, k: int
) -> list[tuple[str, str, bool]]:
    """Findings on the segments used: (topic, text, whether red).

    A segment that dissolves in other samples is amber, as are periods that would be divided
    otherwise; shares that moved are what their PSI says.

    Parameters
    ----------
    stability, months, k
        As for :func:`segment_text`.
    """
    own = stability.loc[k]
    lost = own.index[own["jaccard"] < UNSTABLE]
    told = []
    if len(lost):
        text = (
            f"{_segments(lost)} of {k}: found again in other samples with a Jaccard similarity "
            f"of {own['jaccard'].min():.2f} at worst, below {UNSTABLE:.2f}"
        )
        told.append(("Customer segments", text, False))
    if months is None:
        return told
    rand = _of_periods(months, "adjusted_rand")["adjusted_rand"]
    if (rand < POOR).any():
        text = (
            f"other segments are found in {(rand < POOR).sum()} of {len(rand)} periods, each "
            f"divided alone: adjusted Rand {rand.min():.2f} at worst, below {POOR:.2f}"
        )
        told.append(("Customer segments", text, False))
    compared = _of_periods(months, "psi")
    if compared.empty:
        return told
    last = compared.iloc[-1]
    if last["light"] in ("amber", "red"):
        text = f"shares have moved since the first period, PSI {last['psi']:.3f} in the newest"
        told.append(("Customer segments", text, last["light"] == "red"))
    return told


def _segments(numbers: Sequence[int] | pd.Index) -> str:
    return f"segment{'s' if len(numbers) > 1 else ''} {_listed(numbers)}"


def _listed(values: Sequence[int] | pd.Index) -> str:
    *most, last = map(str, values)
    return f"{', '.join(most)} and {last}" if most else last
