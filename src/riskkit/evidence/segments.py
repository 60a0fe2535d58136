"""For whom a model works: ranking and calibration by segment.

Takes applications, scores and outcomes; gives a row per segment and value.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit import metrics
from riskkit.checks import numeric_array, same_rows
from riskkit.partitions import distinct_rows
from riskkit.schema import Feature
from riskkit.tables import Table

__all__ = [
    "bands",
    "calibration_by_segment",
    "coded_families",
    "ranking_by_segment",
    "reversed_is_told",
    "segments",
]

BY_COLUMN = ("channel", "scenario", "term_months")
MOST_NUMBERS = 8  # more of them, and a segment is a band
COMPARED = ("difference", "low", "high", "p_value")
RANKING = (
    *("loans", "bad", "bad_rate"),
    *(f"auc_{model}{end}" for model in ("a", "b") for end in ("", "_low", "_high")),
    *COMPARED,
)
RATES = ("loans", "bad_rate", "low", "high", "judged")


def segments(
    applications: pd.DataFrame,
    features: Sequence[Feature],
    *,
    of_all: pd.DataFrame | Table | None = None,
) -> pd.DataFrame:
    """What a lender looks at its applicants by, as far as the source can tell.

    A family of features that share one special code, such as "no bureau record", makes a segment:
    those whose every coded feature carries it (thin files, new customers) and the others. What
    models may not use makes none: it is protected, or not known yet when the lender decides.

    Parameters
    ----------
    applications : DataFrame of shape (n_rows,)
    features : sequence of Feature
    of_all : DataFrame or Table, optional
        All applications, whose quantiles cut, where these are some of them.

    Returns
    -------
    DataFrame of str, index of `applications`
        quarter (applied for), channel, scenario, term, and the families so coded; those of them
        there are. Missing where the application does not say. More than eight terms are cut at
        their quantiles into bands: samples that are compared are to be cut alike, by `of_all`, or
        taken from one such table.
    """
    found = pd.DataFrame(index=applications.index)
    if "applied_at" in applications:
        found["quarter"] = applications["applied_at"].dt.to_period("Q").astype("str")
    for name in BY_COLUMN:
        if name in applications:
            column = applications[name]
            found[name.removesuffix("_months")] = _words(column, _cut(column, of_all))
    for family, (names, code, meaning) in coded_families(features, applications.columns).items():
        # a missing value carries no code, whatever the column's type makes of it
        has_none = applications[names].eq(code).fillna(False).all(axis=1)
        name = family if family not in found else f"{family} record"
        found[name] = np.where(has_none, meaning, "others")
    return found


def coded_families(
    features: Sequence[Feature], columns: Collection[str]
) -> dict[str, tuple[list[str], float, str]]:
    """Families whose coded features, of those among the columns, share one code: names and code."""
    found = {}
    for family in dict.fromkeys(feature.family for feature in features):
        coded = [
            f
            for f in features
            if f.offered and f.family == family and f.special_codes and f.name in columns
        ]
        meanings = {pair for feature in coded for pair in feature.special_codes.items()}
        if len(meanings) == 1:
            ((code, meaning),) = meanings
            found[family] = [f.name for f in coded], code, meaning
    return found


def bands(values: pd.Series, n: int) -> pd.Series:
    """Bands of a number between its quantiles, at most `n`, as ordered categories in words."""
    values = _floats(values)
    return _banded(values, _quantiles(values, n))


def _floats(values: pd.Series) -> pd.Series:
    return pd.Series(numeric_array(values, "values"), values.index, dtype=float)


def _quantiles(values: pd.Series, n: int) -> list[float]:
    """Inner edges of `n` bands, each once."""
    known = values[np.isfinite(values)]
    inner = np.quantile(known, np.arange(1, n) / n, method="inverted_cdf") if len(known) else []
    # cut where the words say
    return np.unique([float(f"{edge:g}") for edge in inner]).tolist()


def _banded(values: pd.Series, inner: Sequence[float]) -> pd.Series:
    edges = [-np.inf, *inner, np.inf]
    texts = [_band(low, high) for low, high in pairwise(edges)]
    return pd.cut(values, edges, right=False, labels=texts)


def _band(low: float, high: float) -> str:
    if np.isinf(low):
        return "all" if np.isinf(high) else f"below {high:g}"
    return f"{low:g} or more" if np.isinf(high) else f"{low:g} to {high:g}"


def _cut(column: pd.Series, of_all: pd.DataFrame | Table | None) -> list[float] | int | None:
    """Inner edges of bands; of a few numbers the letters of the greatest; None of text."""
    if not pd.api.types.is_numeric_dtype(column):
        return None
    if of_all is not None:
        counts = distinct_rows(of_all, [column.name]).dropna()
        column = counts[column.name].repeat(counts["rows"])  # a number a row is not much
    if column.nunique() > MOST_NUMBERS:
        return _quantiles(_floats(column), 4)
    return len(f"{column.max():.0f}")


def _words(column: pd.Series, cut: list[float] | int | None) -> pd.Series:
    """Values as text that sorts as they do, many numbers as bands; missing ones stay missing."""
    if isinstance(cut, list):
        banded = _banded(_floats(column), cut)
        places = [f"{place}) {text}" for place, text in enumerate(banded.cat.categories, start=1)]
        return banded.cat.rename_categories(places).astype("str")
    if cut is None:
        return column.astype("str")
    return column.map(lambda value: f"{value:{cut}.0f}", na_action="ignore").astype("str")


@contextmanager
def reversed_is_told() -> Iterator[None]:
    """No warning of an AUC below 0.5: among many parts some are by chance, and a table shows it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "score looks reversed", UserWarning)
        yield


@reversed_is_told()
def ranking_by_segment(
    y: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    table: pd.DataFrame,
    *,
    min_each: int = 10,
    level: float = 0.95,
) -> pd.DataFrame:
    """AUC of two scores in each segment, and their paired difference.

    Parameters
    ----------
    y : array of shape (n_rows,)
        1 bad, 0 good, missing unknown.
    score_a, score_b : array of shape (n_rows,)
        Higher is safer.
    table : DataFrame of shape (n_rows, n_segments)
        Of :func:`segments`, or any labels.
    min_each : int
        Segments with fewer goods or bads are counted, not compared.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    DataFrame, index (segment, value)
        loans, bad, bad_rate; auc_a, auc_b, each with its interval (auc_a_low, ..., DeLong);
        difference (a − b), low, high, p_value of :func:`riskkit.metrics.compare`. Many segments
        are many tests: at 95 % one interval in twenty misses. Empty where `table` has no column.
    """
    same_rows(y=y, score_a=score_a, score_b=score_b, table=table)
    flags = pd.Series(numeric_array(y, "y")).astype(float)
    scores = pd.DataFrame({"a": np.asarray(score_a), "b": np.asarray(score_b)})
    tables = {}
    for name in table.columns:
        groups = table[name].to_numpy(object)
        asked = {"by": groups, "min_each": min_each, "level": level}
        compared = metrics.comparison_table(flags, scores["a"], scores["b"], **asked)
        each = metrics.discrimination_table(scores, flags, n_boot=0, **asked)
        ends = each[["auc", "auc_low", "auc_high"]].unstack("model")
        ends.columns = [f"auc_{model}{end[3:]}" for end, model in ends.columns]
        grouped = flags.groupby(groups)
        sizes = pd.DataFrame({"loans": grouped.count(), "bad": grouped.sum().astype("int64")})
        sizes["bad_rate"] = grouped.mean()
        joined = sizes.join(ends).join(compared[list(COMPARED)])
        tables[name] = joined.reindex(columns=list(RANKING))
    return _stacked(tables, RANKING)


def calibration_by_segment(
    y: ArrayLike,
    probability: pd.DataFrame,
    table: pd.DataFrame,
    *,
    level: float = 0.95,
    min_rows: int = 30,
    min_bads: int = 10,
) -> pd.DataFrame:
    """Predicted against observed bad rates in each segment.

    Parameters
    ----------
    y : array of shape (n_rows,)
        1 bad, 0 good, missing unknown.
    probability : DataFrame of shape (n_rows, n_models)
        Predicted probability of bad.
    table : DataFrame of shape (n_rows, n_segments)
    level : float
        Of the Jeffreys interval.
    min_rows, min_bads : int
        A segment of fewer loans, or of fewer bads both seen and expected by each model, is not
        judged.

    Returns
    -------
    DataFrame, index (segment, value)
        loans, bad_rate, low, high (interval of the bad rate), judged (bool); for each model its
        mean prediction and, in ``<model>_outside``, whether that lies outside the interval,
        missing where it is not judged. Empty where `table` has no column.
    """
    same_rows(y=y, probability=probability, table=table)
    outcome = numeric_array(y, "y").astype(float)
    known = ~np.isnan(outcome)
    flags = pd.Series(outcome[known])
    tables = {}
    for name in table.columns:
        groups = table[name].to_numpy(object)[known]
        grouped = flags.groupby(groups)
        found = pd.DataFrame({"loans": grouped.size(), "bad_rate": grouped.mean()})
        found["low"], found["high"] = metrics.jeffreys_interval(
            grouped.sum().to_numpy(), found["loans"].to_numpy(), level
        )
        for model in probability.columns:
            predicted = pd.Series(probability[model].to_numpy()[known]).groupby(groups).mean()
            found[model] = predicted
        rates = found[["bad_rate", *probability.columns]].max(axis=1)
        found["judged"] = (found["loans"] >= min_rows) & (found["loans"] * rates >= min_bads)
        for model in probability.columns:
            off = (found[model] < found["low"]) | (found[model] > found["high"])
            found[f"{model}_outside"] = off.astype(object).where(found["judged"], None)
        tables[name] = found
    return _stacked(
        tables, [*RATES, *(f"{m}{end}" for m in probability for end in ("", "_outside"))]
    )


def _stacked(tables: dict[str, pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Tables one below the other, index (segment, value)."""
    names = ["segment", "value"]
    if not tables:
        return pd.DataFrame(
            columns=list(columns), index=pd.MultiIndex.from_arrays([[], []], names=names)
        )
    return pd.concat(tables, names=names)[list(columns)]
