"""What does it cost a card to carry only what its loans support, and what does it save?

A hundred thousand applicants a world, the bins and the selection of notebook 02; each card is
judged by the truth of all loans booked out of time. Optimism is what its AUC on its own training
loans promises beyond their truth, less what luck alone made of these labels.
"""

import numpy as np
import pandas as pd

from riskkit import binning, metrics, schema, synthetic, target
from riskkit.scorecard import Scorecard
from studies import Study
from studies.world_models import CODES, LENDER, NAMES, OFFERED, N, calibration_slope

# bins as they were before neighbours had to differ; then those of the notebook at several levels
BINS = {"before": None, "p30": 0.3, "p05": 0.05}
CARDS = {"all": {"max_p_value": None}, "tested": {}, "loss": {"max_features": 15}}


def expected_auc(score: np.ndarray, probability: np.ndarray) -> float:
    """AUC of a score (higher is safer) against outcomes of these probabilities."""
    return metrics.auc(metrics.expected_counts(score, probability))


def measure(seed: int) -> dict[str, float]:
    """Figures of each card: features, AUC under the truth, slope, optimism."""
    book = synthetic.simulate(LENDER, N, seed)
    applications, truth = book.applications, book.truth["true_pd_12m"].to_numpy()
    sample = target.assign_samples(applications).to_numpy()
    train = sample == "train"
    training, y = applications[train], applications.loc[train, "default_flag"]
    start = applications.loc[sample == "out_of_time", "applied_at"].min()
    late = ((applications["applied_at"] >= start) & applications["booked"]).to_numpy()
    quarter = training["applied_at"].dt.to_period("Q").astype("str")
    flags = y.to_numpy()
    luck = expected_auc(-truth[train], flags) - expected_auc(-truth[train], truth[train])
    row: dict[str, float] = {"bads": float(flags.sum())}
    for bins, max_p_value in BINS.items():
        binner = binning.WoeBinner(
            trend=schema.risk_trends(OFFERED),
            special_codes=CODES,
            min_bads=5,
            infeasible="one_bin",
            max_p_value=max_p_value,
        ).fit(training[NAMES], y)
        moves = binning.stability(binner, training, y, quarter)
        chance = None if bins == "before" else binning.chance_iv(binner)
        woe = binner.transform(training)
        selection = binning.select_features(binner, woe, stable=moves, chance=chance)
        chosen = selection.index[selection["selected"]].tolist()
        row[f"{bins}_weak"] = len(binning.weak_neighbours(binner))
        for name, settings in CARDS.items():
            if bins == "before" and name != "all":
                continue
            card = Scorecard(binner, features=chosen, **settings)
            card.fit(training, y, groups=training["customer_id"])
            score, probability = card.scored(applications[late]).to_numpy().T
            own = card.credit_score(training).to_numpy()
            found = {
                "features": len(card.coefficients_),
                "auc": expected_auc(score, truth[late]),
                "slope": calibration_slope(probability, truth[late]),
                "optimism": expected_auc(own, flags) - expected_auc(own, truth[train]) - luck,
            }
            row |= {f"{bins}_{name}_{key}": value for key, value in found.items()}
    return row


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of each card's figures, and the paired difference of its AUC to the one before."""
    records = {}
    for column in rows.filter(regex="_auc$"):
        card = column.removesuffix("_auc")
        gap = rows[column] - rows["before_all_auc"]
        records[card] = {
            key: rows[f"{card}_{key}"].mean() for key in ("features", "auc", "slope", "optimism")
        }
        records[card]["difference"] = gap.mean()
        records[card]["error"] = gap.std() / np.sqrt(len(gap))
        records[card]["optimism_ratio"] = (
            records[card]["optimism"] / rows["before_all_optimism"].mean()
        )
    return pd.DataFrame.from_dict(records, orient="index")


STUDY = Study(
    name="card_choice",
    modules=("synthetic", "target", "metrics", "binning", "scorecard"),
    cases=[{"seed": seed} for seed in range(1, 21)],
    measure=measure,
)
