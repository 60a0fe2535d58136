"""Which kinds of customers are there: k-means on behaviour and risk, and who belongs where.

Takes applications with a score, and the catalogue of their features; gives a
:class:`Segmentation`, which assigns anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtri

from riskkit import metrics
from riskkit.checks import Array, check_seed, require_columns
from riskkit.schema import Feature
from riskkit.tables import Table

__all__ = [
    "FIT_ROWS",
    "Segmentation",
    "cluster",
    "coded_sample",
    "fit_segments",
    "nearest",
    "numbered",
    "ordered_centres",
    "rate_interval",
]

SCORE = "score"
LEAST_MARKED = 0.05  # a mark of fewer rows would make a segment of its own
NOT_BEHAVIOUR = "application"  # what is asked for, not how somebody behaves
STARTS = 4  # of k-means
FIT_ROWS = 10_000  # that segments are fitted on, and judged as fitted


@dataclass(frozen=True)
class _Column:
    """How one number is read: by its rank, as a normal score; without a value, the median."""

    name: str
    label: str
    unit: str
    family: str
    codes: tuple[float, ...]
    values: Array  # distinct, ascending
    normal_scores: Array  # of those values
    weight: float

    def known(self, column: pd.Series) -> pd.Series:
        return column.astype(float).mask(column.isin(self.codes))

    def coded(self, column: pd.Series) -> Array:
        known = self.known(column).to_numpy()
        scores = np.interp(known, self.values, self.normal_scores)
        return np.where(np.isnan(known), 0.0, scores)


@dataclass(frozen=True)
class _Mark:
    """Rows on which a column says nothing, for one reason, and how heavy that weighs."""

    columns: tuple[str, ...]  # that say so together
    code: float  # NaN: missing
    label: str
    family: str
    share: float
    weight: float

    def flags(self, X: pd.DataFrame) -> Array:
        column = X[self.columns[0]]
        flags: Array = (column.isna() if np.isnan(self.code) else column == self.code).to_numpy()
        return flags

    def coded(self, X: pd.DataFrame) -> Array:
        share = self.share
        return (self.flags(X) - share) / np.sqrt(share * (1 - share))


@dataclass(frozen=True)
class Segmentation:
    """Segments as k-means found them, numbered from the safest; of :func:`fit_segments`.

    Parameters
    ----------
    columns : tuple
        The numbers used, with what each needs to be read.
    marks : tuple
        Rows without a value, where those are many enough to count.
    centres : array of shape (k, n_columns + n_marks)
        In the order of the segments' numbers.
    """

    columns: tuple[_Column, ...]
    marks: tuple[_Mark, ...]
    centres: Array

    @property
    def k(self) -> int:
        """Number of segments."""
        return len(self.centres)

    @property
    def names(self) -> list[str]:
        """Names of the columns used."""
        return [column.name for column in self.columns]

    def assign(self, X: pd.DataFrame) -> pd.Series:
        """Segment of each row, from 1, the safest; index of `X`.

        Raises
        ------
        DataContractError
            A column that the segments rest on is missing.
        """
        segment = nearest(self.coded(X, weighted=True), self.centres) + 1
        return pd.Series(segment, index=X.index, name="segment")

    def coded(self, X: pd.DataFrame, *, weighted: bool = False) -> Array:
        """Normal scores of the columns and marks, shape (n_rows, n_columns + n_marks)."""
        require_columns(X, self.names, "applications")
        parts = [column.coded(X[column.name]) for column in self.columns]
        parts += [mark.coded(X) for mark in self.marks]
        coded = np.column_stack(parts)
        weights = [column.weight for column in self.columns] + [mark.weight for mark in self.marks]
        return coded * weights if weighted else coded


def nearest(coded: Array, centres: Array) -> Array:
    """Position of the centre nearest to each row."""
    # the row's own square is the same for all centres
    distance = (centres**2).sum(axis=1) - 2 * coded @ centres.T
    place: Array = distance.argmin(axis=1)
    return place


def cluster(coded: Array, k: int, seed: int, weight: Array | None = None) -> Array:
    """Centres that k-means finds, the best of a few starts, shape (k, n_columns)."""
    from sklearn.cluster import KMeans

    fitted = KMeans(n_clusters=k, n_init=STARTS, random_state=seed).fit(coded, sample_weight=weight)
    centres: Array = fitted.cluster_centers_
    return centres


def fit_segments(
    applications: pd.DataFrame | Table,
    features: Sequence[Feature],
    *,
    k: int,
    families: Sequence[str] = (),
    n_rows: int = FIT_ROWS,
    seed: int = 1,
) -> Segmentation:
    """Segments of customers by behaviour and risk.

    A number counts by its rank, as a normal score (van der Waerden), so no tail weighs more than
    it should; a missing value, or a special code, stands at the median and says nothing. Where at
    least one row in twenty has none, a mark of its own says so; columns without a value on the same
    rows share one mark. All columns of a family together weigh as much as the score does.

    Parameters
    ----------
    applications : DataFrame or Table
        application_id, `score` (higher is safer), and columns of features.
    features : sequence of Feature
        Numbers that models may use count; protected attributes, what is known only afterwards, and
        categories never do.
    k : int
        Number of segments, at least 2.
    families : sequence of str
        Of the features that count; by default all but "application", or all where that is the only
        one.
    n_rows : int
        Fitted on so many rows at most, by a hash of application_id.
    seed : int
        Of the starts of k-means.

    Returns
    -------
    Segmentation
        Numbered from 1 by the median score, the safest first: the same rows give the same numbers.

    Raises
    ------
    ValueError
        `k` is below 2 or above the rows, the seed is none, or no feature is left.
    DataContractError
        application_id or score is missing.

    Source
    ------
    MacQueen (1967), Fifth Berkeley Symposium, on k-means; van der Waerden (1952), Indagationes
    Mathematicae 14, on normal scores; riskkit's weights and marks.

    Examples
    --------
    >>> asked = pd.DataFrame({"application_id": [f"A{i}" for i in range(60)]})
    >>> asked["orders"] = [40 + i % 7 for i in range(30)] + [5 + i % 7 for i in range(30)]
    >>> asked["score"] = [620 + i % 5 for i in range(30)] + [540 + i % 5 for i in range(30)]
    >>> orders = Feature(name="orders", label="Orders in 6 months", family="payment")
    >>> fit_segments(asked, [orders], k=2).assign(asked).value_counts().to_dict()
    {1: 30, 2: 30}
    """
    check_seed("seed", seed)
    read, coded, score = coded_sample(applications, features, families, n_rows)
    return replace(read, centres=ordered_centres(coded, score, k, seed))


def coded_sample(
    applications: pd.DataFrame | Table,
    features: Sequence[Feature],
    families: Sequence[str],
    n_rows: int,
) -> tuple[Segmentation, Array, pd.Series]:
    """How columns are read, still without centres; the rows to fit on, coded; their scores."""
    table = applications if isinstance(applications, Table) else Table(applications)
    used = _used(features, table.columns, families)
    require_columns(pd.DataFrame(columns=table.columns), ["application_id", SCORE], "applications")
    if not used:
        raise ValueError(
            f"no numeric feature of the families {list(families) or 'offered'} is left"
        )
    score = Feature(name=SCORE, label="Score", family="risk", risk_direction=-1)
    kinds = [score, *used]
    sample = table.sample(n_rows, ["application_id", *(f.name for f in kinds)])
    columns, marks = _read_as(sample, kinds)
    if not columns:
        raise ValueError("no score or feature differs between rows: nothing tells segments apart")
    families_of = [column.family for column in columns] + [mark.family for mark in marks]
    weights = {family: 1 / np.sqrt(families_of.count(family)) for family in families_of}
    columns = [replace(part, weight=weights[part.family]) for part in columns]
    marks = [replace(part, weight=weights[part.family]) for part in marks]
    read = Segmentation(tuple(columns), tuple(marks), np.empty((0, 0)))
    return read, read.coded(sample, weighted=True), sample[SCORE]


def ordered_centres(coded: Array, score: pd.Series, k: int, seed: int) -> Array:
    """Centres that k-means finds in coded rows, the safest first."""
    if not isinstance(k, int | np.integer) or not 2 <= k <= len(coded):
        raise ValueError(f"k must be a whole number in 2..{len(coded)}, the rows, got {k!r}")
    if len(np.unique(coded, axis=0)) < k:
        raise ValueError(f"k must be at most the number of rows that differ, got {k!r}")
    return numbered(cluster(coded, k, seed), coded, score)


def numbered(centres: Array, coded: Array, score: pd.Series) -> Array:
    """Centres in the order of the median score of their rows, the safest first."""
    place = nearest(coded, centres)
    median = score.groupby(place).median().reindex(range(len(centres)))
    return centres[np.lexsort((median.index, -median.fillna(-np.inf)))]


def _used(
    features: Sequence[Feature], columns: Sequence[str], families: Sequence[str]
) -> list[Feature]:
    """Features that count: offered numbers that are there, of the families asked for."""
    there = [f for f in features if f.offered and f.kind == "numeric" and f.name in columns]
    unknown = sorted(set(families) - {f.family for f in features})
    if unknown:
        known = ", ".join(dict.fromkeys(f.family for f in features if f.offered))
        raise ValueError(f"families must be some of {known}, got {', '.join(unknown)}")
    if families:
        return [f for f in there if f.family in families]
    return [f for f in there if f.family != NOT_BEHAVIOUR] or there


def _read_as(sample: pd.DataFrame, kinds: Sequence[Feature]) -> tuple[list[_Column], list[_Mark]]:
    """How each column that varies is read, and the marks of those without values, weight 1."""
    columns: list[_Column] = []
    marks: dict[bytes, _Mark] = {}
    for feature in kinds:
        codes = tuple(float(code) for code in feature.special_codes)
        column = sample[feature.name].astype(float)
        known = column[column.notna() & ~column.isin(codes)].to_numpy()
        if len(np.unique(known)) > 1:
            values, scores = _normal_scores(known)
            about = (feature.name, feature.label, feature.unit, feature.family)
            columns.append(_Column(*about, codes, values, scores, 1.0))
        reasons = {code: text for code, text in feature.special_codes.items()}
        for code, text in {**reasons, np.nan: f"{feature.label}: not known"}.items():
            flags = (column.isna() if np.isnan(code) else column == code).to_numpy()
            if not LEAST_MARKED <= flags.mean() <= 1 - LEAST_MARKED:
                continue
            key = flags.tobytes()
            if key in marks:
                marks[key] = replace(marks[key], columns=(*marks[key].columns, feature.name))
            else:
                names, share = (feature.name,), float(flags.mean())
                marks[key] = _Mark(names, float(code), text, feature.family, share, 1.0)
    there = {column.family for column in columns}
    return columns, [mark for mark in marks.values() if mark.family in there]


def _normal_scores(known: Array) -> tuple[Array, Array]:
    """Distinct values and the normal score of each, by its middle rank, their mean 0.

    Not scaled to variance 1: a count that is 0 for nearly everybody would weigh as much as one that
    tells everybody apart.
    """
    values, counts = np.unique(known, return_counts=True)
    scores = ndtri((np.cumsum(counts) - counts / 2) / counts.sum())
    return values, scores - np.average(scores, weights=counts)


def rate_interval(k: float, n: int, level: float) -> tuple[float, float]:
    """Jeffreys interval of k of n; NaN without any."""
    if not n:
        return np.nan, np.nan
    low, high = metrics.jeffreys_interval(np.array([k]), np.array([n]), level)
    return float(low[0]), float(high[0])
