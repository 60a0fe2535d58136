"""How much must two neighbouring bins differ? Log loss and AUC of a card out of fold, by level.

The bins of notebook 02 at several levels of the test of neighbours, a card of all features of the
right sign, five folds of customers dealt anew for each seed; 1 is the binning without the test.
"""

from functools import cache

import numpy as np
import pandas as pd

from riskkit import binning, metrics, schema, synthetic, target
from riskkit.scorecard import Scorecard
from studies import PROJECT, Study

LEVELS = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
SOURCES = {
    "german_credit": "german_credit",
    "taiwan_default": "taiwan_default",
    "lending_club": "lending_club",
}
N_FOLDS = 5
MIN_BADS = 5


@cache
def loans(data: str) -> tuple[pd.DataFrame, np.ndarray, list[schema.Feature]]:
    """Labelled loans of a source, their labels and the offered features."""
    if data == "synthetic":
        features = [feature for feature in synthetic.FEATURES if feature.offered]
        applications = synthetic.simulate(synthetic.Lender(), 50_000, 1).applications
    else:
        mapping = PROJECT / "data" / "sources" / f"{data}.yaml"
        source = schema.load_source(mapping, PROJECT.parent / "shared" / "data" / SOURCES[data])
        names = schema.offered_features(source.features)
        features = [feature for feature in source.features if feature.name in names]
        applications = source.applications
    known = applications[applications["default_flag"].notna()].reset_index(drop=True)
    return known, known["default_flag"].to_numpy().astype(int), features


def out_of_fold(
    X: pd.DataFrame, y: np.ndarray, features: list[schema.Feature], fold: np.ndarray, level: float
) -> np.ndarray:
    """Probability of bad of each loan, by a card of the other folds' loans."""
    names = [feature.name for feature in features] or list(X)
    probability = np.empty(len(y))
    for k in range(fold.max() + 1):
        learn = fold != k
        binner = binning.WoeBinner(
            trend=schema.risk_trends(features),
            special_codes={f.name: list(f.special_codes) for f in features if f.special_codes},
            min_bads=MIN_BADS,
            infeasible="one_bin",
            max_p_value=None if level == 1 else level,
        ).fit(X.loc[learn, names], y[learn])
        card = Scorecard(binner, max_p_value=None).fit(X[learn], y[learn])
        probability[~learn] = card.scored(X[~learn])["default_probability"]
    return probability


def log_loss(y: np.ndarray, probability: np.ndarray) -> float:
    """Mean over the loans."""
    return float(-np.log(np.where(y == 1, probability, 1 - probability)).mean())


def measure(seed: int, data: str) -> dict[str, float]:
    """Mean log loss of a loan and AUC, out of fold, at each level."""
    X, y, features = loans(data)
    groups = X["customer_id"] if "customer_id" in X else pd.Series(np.arange(len(X)))
    numbers = target.group_numbers(groups, np.ones(len(X), dtype=bool))
    fold = target.deal_folds(y, N_FOLDS, seed, numbers)
    row = {}
    for level in LEVELS:
        probability = out_of_fold(X, y, features, fold, level)
        counts = metrics.score_counts(-probability, y)
        row |= {f"loss_{level:g}": log_loss(y, probability), f"auc_{level:g}": metrics.auc(counts)}
    return row


STUDY = Study(
    name="neighbours",
    modules=("synthetic", "target", "metrics", "schema", "binning", "scorecard"),
    cases=[
        {"seed": seed, "data": data} for seed in range(1, 6) for data in (*SOURCES, "synthetic")
    ],
    measure=measure,
)
