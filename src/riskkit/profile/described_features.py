"""What each feature looks like: what is missing of it, what its codes hide, what is usual.

Takes applications, whole or in parts, and the feature catalogue; gives tables by feature, family
and code.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.partitions import total
from riskkit.profile.applications import days_of_application, longest_span
from riskkit.schema import Feature
from riskkit.tables import Table

__all__ = ["code_profile", "family_profile", "feature_profile", "then_and_now"]

Span = tuple[pd.Timestamp, pd.Timestamp]
_USUAL = (0.05, 0.5, 0.95)


def feature_profile(
    applications: pd.DataFrame | Table,
    features: Sequence[Feature],
    *,
    sample: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What each feature looks like.

    Parameters
    ----------
    applications : DataFrame or Table
    features : sequence of Feature
    sample : DataFrame, optional
        Rows from which distinct values and quantiles are taken, as only rates add up over parts; by
        default the applications, of a Table 100,000 of them by the hash of their id.

    Returns
    -------
    DataFrame, index feature
        label, family, unit, missing_rate, special_rate, distinct (values), p5, median, p95 (of
        ordinary values; NaN for categories), use (offered, protected, known afterwards).
    """
    return _profile(applications, features, _sampled(applications, features, sample))


def then_and_now(
    applications: pd.DataFrame | Table,
    features: Sequence[Feature],
    *,
    sample: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Profiles of the first applicants and of the last, and the span of either in a word.

    Parameters
    ----------
    applications, features, sample
        As for :func:`feature_profile`; with applied_at.

    Returns
    -------
    (DataFrame, DataFrame, str)
        Of the first and last of the longest spans of which there are several, such as "calendar
        year"; see :func:`longest_span`.

    Source
    ------
    riskkit definition.
    """
    spans, name = longest_span(days_of_application(applications).to_series())
    rows = _sampled(applications, features, sample)
    profiles = []
    for span in (spans.min(), spans.max()):
        ends = span.start_time, span.end_time
        profiles.append(_profile(applications, features, _within(rows, ends), ends))
    return profiles[0], profiles[1], name


def _sampled(
    applications: pd.DataFrame | Table, features: Sequence[Feature], sample: pd.DataFrame | None
) -> pd.DataFrame:
    if sample is not None:
        return sample
    if isinstance(applications, pd.DataFrame):
        return applications
    names = [*(feature.name for feature in features), "applied_at"]
    return applications.sample(columns=[name for name in names if name in applications.columns])


def _within(rows: pd.DataFrame, ends: Span | None) -> pd.DataFrame:
    return rows if ends is None else rows[rows["applied_at"].between(*ends)]


def _profile(
    applications: pd.DataFrame | Table,
    features: Sequence[Feature],
    sample: pd.DataFrame,
    ends: Span | None = None,
) -> pd.DataFrame:
    absent, _ = _absent(applications, features, ends)
    records = []
    for feature, (missing_rate, special_rate) in zip(features, absent, strict=True):
        column = sample[feature.name]
        record: dict[str, object] = {
            "feature": feature.name,
            "label": feature.label,
            "family": feature.family,
            "unit": feature.unit,
            "missing_rate": missing_rate,
            "special_rate": special_rate,
            "distinct": column.nunique(),
            "p5": float("nan"),
            "median": float("nan"),
            "p95": float("nan"),
            "use": "protected"
            if feature.protected
            else "known afterwards"
            if feature.known_afterwards
            else "offered",
        }
        if feature.kind == "numeric":
            is_special = column.isin(list(feature.special_codes))
            low, middle, high = column[~is_special].astype("float64").quantile([*_USUAL])
            record.update(p5=low, median=middle, p95=high)
        records.append(record)
    columns = ["feature", "label", "family", "unit", "missing_rate", "special_rate", "distinct"]
    columns += ["p5", "median", "p95", "use"]
    return pd.DataFrame(records, columns=columns).set_index("feature")


def _absent(
    applications: pd.DataFrame | Table, features: Sequence[Feature], ends: Span | None = None
) -> tuple[NDArray[np.float64], list[dict[float, float]]]:
    """Share of rows of each feature that is missing or a code, and that of each of its codes."""
    count = partial(_count_absent, features=tuple(features), ends=ends)
    columns = [*(feature.name for feature in features), "applied_at"]
    n, *counts = total(count, applications, columns=columns)
    with np.errstate(invalid="ignore"):  # of no rows, a share is not known
        rates = np.array(counts, dtype=float) / n
    told, shares, place = np.empty((len(features), 2)), [], 0
    for row, feature in enumerate(features):
        codes = rates[place + 1 : place + 1 + len(feature.special_codes)]
        shares.append(dict(zip(feature.special_codes, codes.tolist(), strict=True)))
        is_special = sum(counts[place + 1 : place + 1 + len(codes)]) / n if n else np.nan
        told[row] = rates[place], is_special if feature.kind == "numeric" else 0.0
        place += 1 + len(codes)
    return told, shares


def _count_absent(
    applications: pd.DataFrame, features: Sequence[Feature], ends: Span | None
) -> NDArray[np.int64]:
    """Rows; then of each feature those that are missing, and those of each code."""
    rows = _within(applications, ends)
    counts = [len(rows)]
    for feature in features:
        column = rows[feature.name]
        counts.append(int(column.isna().sum()))
        counts += [int((column == code).sum()) for code in feature.special_codes]
    return np.array(counts, dtype=np.int64)


def family_profile(applications: pd.DataFrame | Table, features: Sequence[Feature]) -> pd.DataFrame:
    """What each family of features, often one supplier of data, brings and leaves out.

    Returns
    -------
    DataFrame, index family, in the order of the features
        holds (the labels; of more than four the first three); features; offered (to models: neither
        protected nor known afterwards); missing_rate and special_rate, means over its features.
    """
    absent, _ = _absent(applications, features)
    rows = {
        "family": [feature.family for feature in features],
        "label": [feature.label for feature in features],
        "offered": [not (one.protected or one.known_afterwards) for one in features],
        "missing_rate": absent[:, 0],
        "special_rate": absent[:, 1],
    }
    grouped = pd.DataFrame(rows).groupby("family", sort=False)
    return pd.DataFrame(
        {
            "holds": grouped["label"].agg(_shortened),
            "features": grouped.size(),
            "offered": grouped["offered"].sum(),
            "missing_rate": grouped["missing_rate"].mean(),
            "special_rate": grouped["special_rate"].mean(),
        }
    )


def code_profile(applications: pd.DataFrame | Table, features: Sequence[Feature]) -> pd.DataFrame:
    """What the special codes mean, and how much of the data they make up.

    Returns
    -------
    DataFrame, index (code, meaning), in the order of the features
        holds (the labels of the features with it, shortened); features; special_rate, the mean
        over them of the share of rows. Empty where no feature has a code.
    """
    _, shares = _absent(applications, features)
    records = [
        {"code": code, "meaning": meaning, "label": feature.label, "rate": of_code[code]}
        for feature, of_code in zip(features, shares, strict=True)
        for code, meaning in feature.special_codes.items()
    ]
    columns = ["code", "meaning", "label", "rate"]
    grouped = pd.DataFrame(records, columns=columns).groupby(["code", "meaning"], sort=False)
    return pd.DataFrame(
        {
            "holds": grouped["label"].agg(_shortened),
            "features": grouped.size(),
            "special_rate": grouped["rate"].mean(),
        }
    )


def _shortened(labels: pd.Series) -> str:
    if len(labels) <= 4:
        return ", ".join(labels)
    return f"{', '.join(labels.head(3))} and {len(labels) - 3} more"
