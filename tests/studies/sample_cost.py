"""What does it cost to fit on the sampled customers of a large run, and not on all of its loans?

A million applicants a seed. Bins, selection, card and boosted trees of notebooks 02 and 03 are
fitted on the training loans of so many sampled applications, and all judged by the truth of the
same loans, every one booked out of time, so that no luck of labels lies between them. The cutoff is
chosen on their labels, as all rows of a large run are counted; what it earns is by the truth of all
who applied then.
"""

from functools import cache

import numpy as np
import pandas as pd

from riskkit import binning, metrics, schema, synthetic, target
from riskkit.challenger import Challenger
from riskkit.pipeline.large_tables import sampled_ids
from riskkit.scorecard import Scorecard
from riskkit.tables import Table
from studies import Study
from studies.world_models import CODES, LENDER, NAMES, OFFERED, gini

N = 1_000_000
SAMPLES = (100_000, 300_000, N)  # the last one: all rows
MARGIN, LOSS = 0.10, 0.60  # of a loan
LEAVES = (8, 24)  # more rows may grow larger trees


@cache
def world(seed: int, n_applicants: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Applications with their sample, and their true probability of bad."""
    kept = ["application_id", "customer_id", "applied_at", "booked", "default_flag", *NAMES]
    parts = [
        (part.applications[kept], part.truth["true_pd_12m"].to_numpy())
        for part in synthetic.blocks(LENDER, n_applicants, seed)
    ]
    applications = pd.concat([part for part, _ in parts], ignore_index=True)
    applications["sample"] = target.assign_samples(applications).to_numpy()
    return applications, np.concatenate([truth for _, truth in parts])


def models(training: pd.DataFrame) -> dict[str, Scorecard | Challenger]:
    """The card, and trees of each number of leaves, of these loans."""
    y, trends = training["default_flag"], schema.risk_trends(OFFERED)
    limits = {"min_bads": 5, "max_p_value": 0.3, "infeasible": "one_bin"}
    binner = binning.WoeBinner(trend=trends, special_codes=CODES, **limits)
    binner.fit(training[NAMES], y)
    quarter = training["applied_at"].dt.to_period("Q").astype("str")
    moves, chance = binning.stability(binner, training, y, quarter), binning.chance_iv(binner)
    selection = binning.select_features(
        binner, binner.transform(training), chance=chance, stable=moves
    )
    card = Scorecard(binner, features=selection.index[selection["selected"]].tolist())
    found: dict[str, Scorecard | Challenger] = {
        "card": card.fit(training, y, groups=training["customer_id"])
    }
    bound = {n: binner.trends[n] for n in NAMES if n not in trends and n in binner.trends} | trends
    for leaves in LEAVES:
        trees = Challenger(bound, special_codes=CODES, n_leaves=leaves, learning_rate=0.1)
        found[f"trees_{leaves}"] = trees.fit(training[NAMES], y, groups=training["customer_id"])
    return found


def best_cutoff(score: np.ndarray, flags: np.ndarray) -> float:
    """The score from which on loans together earned the most."""
    counts = metrics.score_counts(score, flags)
    earned = MARGIN * counts["good"] - LOSS * counts["bad"]
    return float(earned[::-1].cumsum().idxmax())


def measure(seed: int, sample: int, n_applicants: int = N) -> dict[str, float]:
    """Gini, cutoff, approval and profit of each model of `sample` applications, by all rows."""
    applications, truth = world(seed, n_applicants)
    ids = sampled_ids(Table(applications), sample)
    taken = np.ones(len(applications), bool)
    if ids is not None:
        taken = applications["application_id"].isin(ids).to_numpy()
    training = applications[taken & (applications["sample"] == "train").to_numpy()]
    fitted = models(training)
    start = applications.loc[applications["sample"] == "out_of_time", "applied_at"].min()
    recent = (applications["applied_at"] >= start).to_numpy()
    people, chance = applications[recent], truth[recent]
    booked = people["booked"].to_numpy()
    row: dict[str, float] = {"loans": len(training), "bads": training["default_flag"].sum()}
    for name, model in fitted.items():
        score = model.credit_score(people)
        cutoff = best_cutoff(score, people["default_flag"].to_numpy())
        passed = score >= cutoff
        profit = np.where(passed, MARGIN * (1 - chance) - LOSS * chance, 0.0)
        row |= {
            f"{name}_gini": gini(score[booked], chance[booked]),
            f"{name}_cutoff": cutoff,
            f"{name}_approval": passed.mean(),
            # of a hundred lent to each applicant
            f"{name}_profit": 100 * profit.mean(),
        }
    on_card = list(fitted["card"].coefficients_.index)
    # which features, as one number that tells two sets apart
    row["features"] = len(on_card)
    row |= {f"has_{name}": float(name in on_card) for name in NAMES}
    return row


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of each size less all rows of the same seed; of features, how many differ."""
    own = rows.set_index(["seed", "sample"]).drop(columns=["commit", "modules"], errors="ignore")
    whole = own.xs(own.index.get_level_values("sample").max(), level="sample")
    gaps = own - whole.reindex(own.index, level="seed")
    on_card = gaps.filter(like="has_").abs().sum(axis=1)
    kept = [name for name in own if not name.startswith("has_")]
    return gaps[kept].assign(features_differing=on_card).groupby(level="sample").mean()


STUDY = Study(
    name="sample_cost",
    modules=("synthetic", "target", "metrics", "binning", "scorecard", "challenger"),
    cases=[{"seed": seed, "sample": sample} for seed in (1, 2) for sample in SAMPLES],
    measure=measure,
)
