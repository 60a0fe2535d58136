"""How near do the models come to what the default world lets anybody know?

A hundred thousand applicants a seed, the models as the notebooks fit them, judged by the truth of
all loans booked out of time, beside the best model there is: boosted trees that have read the truth
of a million others.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial

import lightgbm
import numpy as np
import pandas as pd

from riskkit import binning, metrics, schema, synthetic, target
from riskkit.challenger import Challenger, search
from riskkit.scorecard import Scorecard
from riskkit.synthetic.features import RECIPES
from studies import Study

LENDER = synthetic.Lender()
N = 100_000
N_OTHERS = 1_000_000  # other applicants, whose truth the best attainable model may read
OTHERS_SEED = 999
OFFERED = [feature for feature in synthetic.FEATURES if feature.offered]
NAMES = [feature.name for feature in OFFERED]
CODES = {f.name: list(f.special_codes) for f in OFFERED if f.special_codes}
LEVELS = {r.feature.name: r.marginal.levels for r in RECIPES if r.feature.kind == "category"}


def gini(score: np.ndarray, probability: np.ndarray) -> float:
    """Gini of a score (higher is safer) against outcomes of these probabilities."""
    return metrics.gini(metrics.expected_counts(score, probability))


def matrix(applications: pd.DataFrame) -> np.ndarray:
    """Offered features as numbers, categories as codes."""
    columns = np.empty((len(applications), len(NAMES)), dtype=np.float32)
    for i, name in enumerate(NAMES):
        values = applications[name]
        if name in LEVELS:
            values = pd.Categorical(values, categories=LEVELS[name]).codes
        columns[:, i] = values
    return columns


def others(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and true probability of the other applicants."""
    x = np.empty((n, len(NAMES)), dtype=np.float32)
    y = np.empty(n)
    start = 0
    for part in synthetic.blocks(LENDER, n, OTHERS_SEED):
        rows = slice(start, start + len(part.truth))
        x[rows] = matrix(part.applications)
        y[rows] = part.truth["true_pd_12m"]
        start = rows.stop
    return x, y


def best_model(
    others: tuple[np.ndarray, np.ndarray], families: Sequence[str]
) -> Callable[[pd.DataFrame], np.ndarray]:
    """Scores by the best model of these families: it has read the truth of the others."""
    x, y = others
    used = [i for i, feature in enumerate(OFFERED) if feature.family in families]
    categories = [k for k, i in enumerate(used) if OFFERED[i].kind == "category"]
    parameters = {
        "objective": "cross_entropy",
        "num_leaves": 63,
        "learning_rate": 0.1,
        "min_data_in_leaf": 100,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.5,
        "bagging_freq": 1,
        "num_threads": 1,  # two fits run side by side
        "seed": 1,
        "verbosity": -1,
    }
    rows = lightgbm.Dataset(x[:, used], y, categorical_feature=categories, params=parameters)
    booster = lightgbm.train(parameters, rows, num_boost_round=200)
    return lambda applications: -booster.predict(matrix(applications)[:, used], num_threads=1)


@cache
def best_models(n_others: int) -> dict[str, Callable[[pd.DataFrame], np.ndarray]]:
    """Best attainable models, of all families and without telecom and device."""
    choices = {
        "all": synthetic.FAMILIES,
        "poorer": [f for f in synthetic.FAMILIES if f not in ("telecom", "device")],
    }
    with ThreadPoolExecutor(len(choices)) as pool:
        found = pool.map(partial(best_model, others(n_others)), choices.values())
        return dict(zip(choices, found, strict=True))


def calibration_slope(probability: np.ndarray, truth: np.ndarray) -> float:
    """Slope of the recalibration to outcomes of these true probabilities."""
    twice = np.concatenate([probability, probability])
    bad = np.repeat([1, 0], len(truth))
    weight = np.concatenate([truth, 1 - truth])
    return float(metrics.calibration_fit(bad, twice, weight=weight)["slope"])


def measure(seed: int, n_others: int = N_OTHERS) -> dict[str, float]:
    """Card and challenger as the notebooks fit them, on all loans booked out of time."""
    book = synthetic.simulate(LENDER, N, seed)
    applications = book.applications
    sample = target.assign_samples(applications).to_numpy()
    training = applications[sample == "train"]
    y = training["default_flag"]
    trends = schema.risk_trends(OFFERED)
    limits = {"min_bads": 5, "max_p_value": 0.3, "infeasible": "one_bin"}
    binner = binning.WoeBinner(trend=trends, special_codes=CODES, **limits)
    binner.fit(training[NAMES], y)
    quarter = training["applied_at"].dt.to_period("Q").astype("str")
    moves = binning.stability(binner, training, y, quarter)
    chance = binning.chance_iv(binner)
    woe = binner.transform(training)
    selection = binning.select_features(binner, woe, chance=chance, stable=moves)
    chosen = selection.index[selection["selected"]].tolist()
    card = Scorecard(binner, features=chosen)
    card.fit(training, y, groups=training["customer_id"])
    trees = Challenger(trends, special_codes=CODES)
    with ThreadPoolExecutor(2) as pool:
        found = search(trees, training[NAMES], y, found_trends=binner.trends, executor=pool)
    trees = found.challenger.fit(training[NAMES], y)
    # the truth needs no label, so loans too young for one count, too
    start = applications.loc[sample == "out_of_time", "applied_at"].min()
    late = (applications["applied_at"] >= start) & applications["booked"]
    loans = applications[late]
    truth = book.truth["true_pd_12m"].to_numpy()[late]
    gain = trees.importance()
    row = {"top_iv": binner.iv.max(), "top_gain_share": gain.max() / gain.sum()}
    row |= {"loans": len(loans), "attainable": gini(best_models(n_others)["all"](loans), truth)}
    for name, model in {"card": card, "challenger": trees}.items():
        score, probability = model.scored(loans).to_numpy().T
        row[name] = gini(score, truth)
        row[f"{name}_slope"] = calibration_slope(probability, truth)
    return row


STUDY = Study(
    name="world_models",
    modules=("synthetic", "target", "metrics", "binning", "scorecard", "challenger"),
    cases=[{"seed": seed} for seed in range(1, 21)],
    measure=measure,
)
