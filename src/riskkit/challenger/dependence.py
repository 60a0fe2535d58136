"""What a model makes of one feature, the others as they are.

Takes a fitted model and rows; gives the mean score along each feature's values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskkit.binning import GivenCodes, SpecialCodes
from riskkit.scorecard import ScoreClassifier

__all__ = ["partial_dependence"]


def partial_dependence(
    model: ScoreClassifier,
    X: pd.DataFrame,
    features: Sequence[str],
    *,
    special_codes: GivenCodes | None = None,
    n_points: int = 20,
    max_rows: int = 500,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean probability and score if all rows had one value of a feature.

    Where features hang together, some of the rows so made exist nowhere: read it for the shape a
    model has learned, not for what a change would do to anybody.

    Parameters
    ----------
    model : Scorecard or Challenger
    X : DataFrame of shape (n_rows, n_features)
    features : sequence of str
        Of `X`.
    special_codes : list of float, or mapping of feature to such a list, optional
        Codes found in `X` get a point each.
    n_points : int
        At most so many values: quantiles of a number, the commonest levels of text.
    max_rows : int
        So many rows, drawn without replacement, stand for all.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame, one row per feature and value
        feature; kind ("number", "level", "special", "missing"); value (number or text, missing for
        kind missing); mean_probability; mean_score.

    Raises
    ------
    ValueError
        An unknown feature, no rows, or fewer than two points.

    Source
    ------
    Friedman (2001), Greedy function approximation: a gradient boosting machine, Annals of
    Statistics 29(5), section 8.2.
    """
    unknown = [name for name in features if name not in X.columns]
    if unknown:
        raise ValueError(f"X lacks the features {unknown}")
    if not len(X):
        raise ValueError("X has no rows")
    if n_points < 2:
        raise ValueError(f"n_points must be at least 2, got {n_points!r}")
    drawn = X
    if len(X) > max_rows:
        places = np.random.default_rng(seed).choice(len(X), max_rows, replace=False)
        drawn = X.iloc[np.sort(places)]
    codes = SpecialCodes.read(special_codes, X.columns)
    tables = []
    for name in features:
        values = _values(X[name], codes.of(name), n_points)
        copies = pd.concat([drawn] * len(values), ignore_index=True)
        copies[name] = pd.Series(
            [value for _, value in values for _ in range(len(drawn))], dtype=X[name].dtype
        )
        bad = model.predict_proba(copies)[:, 1].reshape(len(values), len(drawn))
        table = pd.DataFrame(values, columns=["kind", "value"]).astype({"value": object})
        table.insert(0, "feature", name)
        table["mean_probability"] = bad.mean(axis=1)
        table["mean_score"] = model.score_scale.score(bad).mean(axis=1)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _values(column: pd.Series, codes: Sequence[float], n_points: int) -> list[tuple[str, Any]]:
    """Kind and value of each point: ascending numbers or levels, special codes, missing."""
    known = column.dropna()
    if pd.api.types.is_numeric_dtype(column):
        numbers = known.to_numpy(float)
        is_code = np.isin(numbers, list(codes))
        plain = numbers[~is_code]
        found: list[tuple[str, Any]] = []
        if len(plain):
            at = np.linspace(0.01, 0.99, n_points)
            quantiles = np.unique(np.quantile(plain, at, method="inverted_cdf"))
            found = [("number", float(value)) for value in quantiles]
        found += [("special", float(code)) for code in np.unique(numbers[is_code])]
    else:
        counts = known.value_counts()
        # a category may know levels that nobody has
        found = [("level", level) for level in counts.index[counts > 0][:n_points]]
    if len(known) < len(column):
        found.append(("missing", np.nan if pd.api.types.is_numeric_dtype(column) else None))
    return found
