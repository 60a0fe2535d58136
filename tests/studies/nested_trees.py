"""Does the challenger win against LightGBM as it comes?

Repeated nested cross-validation: in each of five folds the whole procedure (the level at which
neighbouring bins differ, directions from bins, search, fit, calibration) sees the training rows
alone, and so does a plain LightGBM; the rows left out judge both.
"""

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit
from sklearn.model_selection import StratifiedKFold

from riskkit import metrics, schema, target
from riskkit.binning import WoeBinner
from riskkit.challenger import Challenger, search
from studies import PROJECT, Study
from studies.neighbours import log_loss, out_of_fold

TRIED_LEVELS = (1.0, 0.3, 0.05)
N_FOLDS = 5
PLAIN = {"n_estimators": 300, "learning_rate": 0.03, "num_leaves": 31}
DATA = PROJECT.parent / "shared" / "data"

Rows = tuple[pd.DataFrame, np.ndarray, list[schema.Feature]]


def of_source(name: str) -> Rows:
    """Offered features, label and catalogue of a public source."""
    mapping = PROJECT / "data" / "sources" / f"{name}.yaml"
    source = schema.load_source(mapping, root=DATA / name)
    labelled = source.applications[source.applications["default_flag"].notna()]
    features = [feature for feature in source.features if feature.offered]
    y = labelled["default_flag"].to_numpy(int)
    return labelled[[feature.name for feature in features]], y, features


def generated(n: int = 4_125, seed: int = 0) -> Rows:
    """A fifth bad, most of it by two pairs of features; the truth reaches an AUC of .977."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 12))
    odds = 6 * np.sign(z[:, 0]) * np.tanh(3 * z[:, 1]) + 4 * (z[:, 2] > 0) * z[:, 3] + 3 * z[:, 5]
    chance = expit(odds - np.quantile(odds, 0.8))
    X = pd.DataFrame(z.round(3), columns=[f"x{k}" for k in range(12)])
    return X, (rng.random(n) < chance).astype(int), []


SOURCES: dict[str, Callable[[], Rows]] = {
    "german_credit": lambda: of_source("german_credit"),
    "generated": generated,
    "taiwan_default": lambda: of_source("taiwan_default"),
    "lending_club": lambda: of_source("lending_club"),
}


def challenger_of(X: pd.DataFrame, y: np.ndarray, features: list[schema.Feature]) -> Challenger:
    """The challenger as the notebooks fit it."""
    codes = {f.name: list(f.special_codes) for f in features if f.special_codes}
    trends = schema.risk_trends(features)
    fold = target.deal_folds(y, 2, 1, np.full(len(y), -1))
    rows = X.reset_index(drop=True)
    losses = {
        level: log_loss(y, out_of_fold(rows, y, features, fold, level)) for level in TRIED_LEVELS
    }
    level = min(losses, key=losses.__getitem__)
    limits = {"min_bads": 5, "infeasible": "one_bin", "max_p_value": None if level == 1 else level}
    binner = WoeBinner(trend=trends, special_codes=codes, **limits).fit(X, y)
    offered = [name for name in X if name not in binner.leakage_]
    blank = Challenger(trends, special_codes=codes, features=offered)
    return search(blank, X, y, found_trends=binner.trends).challenger.fit(X, y)


def plain_scores(X: pd.DataFrame, y: np.ndarray, rows: pd.DataFrame, seed: int) -> np.ndarray:
    """What LightGBM says of rows with its own settings."""
    model = lightgbm.LGBMClassifier(**PLAIN, random_state=seed, n_jobs=1, verbosity=-1)
    return model.fit(X, y).predict_proba(rows)[:, 1]


def auc(y: np.ndarray, bad: np.ndarray) -> float:
    """AUC of probabilities of bad."""
    return metrics.auc(metrics.score_counts(-bad, y))


def measure(data: str, seed: int, folds: int = N_FOLDS) -> dict[str, float]:
    """AUC of challenger and plain trees, and their difference in each fold."""
    X, y, features = SOURCES[data]()
    text = X.columns[[not pd.api.types.is_numeric_dtype(X[name]) for name in X]]
    plain = X.astype(dict.fromkeys(text, "category"))
    dealt = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(X, y)
    found: list[dict[str, Any]] = []
    for _, (train, judge) in zip(range(folds), dealt, strict=False):
        ours = challenger_of(X.iloc[train], y[train], features)
        bad = ours.predict_proba(X.iloc[judge])[:, 1]
        peer = plain_scores(plain.iloc[train], y[train], plain.iloc[judge], seed)
        found.append(
            {
                "challenger": auc(y[judge], bad),
                "plain": auc(y[judge], peer),
                "slope": metrics.calibration_fit(y[judge], bad)["slope"],
            }
        )
    table = pd.DataFrame(found)
    apart = table["challenger"] - table["plain"]
    return {
        **table.mean().to_dict(),
        **{f"difference_{k}": value for k, value in enumerate(apart, start=1)},
    }


def corrected_interval(differences: np.ndarray, n_folds: int = N_FOLDS) -> dict[str, float]:
    """Mean of paired differences of repeated cross-validation, with its 95 % interval.

    Folds share rows that teach, so the variance of the mean is that of a difference times
    1/n + 1/(n_folds − 1), the second term for the rows that judge by those that teach.

    Source: Nadeau, Bengio (2003), Inference for the generalization error, Machine Learning 52,
    section 3; for repeated cross-validation Bouckaert, Frank (2004), PAKDD, section 2.3.
    """
    n = len(differences)
    error = differences.std(ddof=1) * np.sqrt(1 / n + 1 / (n_folds - 1))
    width = stats.t.ppf(0.975, n - 1) * error
    mean = differences.mean()
    return {"difference": mean, "low": mean - width, "high": mean + width}


def summary(study: Study) -> pd.DataFrame:
    """Difference of each data set, over the repeats so far."""
    rows = study.rows()
    columns = [name for name in rows if name.startswith("difference_")]
    values = rows.set_index("data")[columns].astype(float)
    tables = {
        name: corrected_interval(part.to_numpy().ravel()) | {"repeats": len(part)}
        for name, part in values.groupby(level=0, sort=False)
    }
    return pd.DataFrame(tables).T


STUDY = Study(
    name="nested_trees",
    modules=("binning", "challenger"),
    cases=[{"data": data, "seed": seed} for seed in range(1, 11) for data in SOURCES],
    measure=measure,
)
