"""How often does a feature that tells nothing end on the card, and what does the card promise then?

Six loans in a hundred are bad, and nothing was selected before: the card's own test decides. The
noise is offered beside two features that tell, and alone, where the optimism of a card is the AUC
on its training loans beyond one half, or 0 where there is no card.
"""

import numpy as np
import pandas as pd
from scipy import stats

from riskkit import metrics
from riskkit.binning import WoeBinner, cross_fitted
from riskkit.scorecard import NoFeatureLeft, Scorecard
from studies import Study
from studies.noise import STATED_LEVEL, draw

LEVELS = (0, 3, 10, 60)
BADS = (100, 500)
DRAWS_A_CASE = 50


def measure(seed: int, levels: int, bads: int) -> dict[str, float]:
    """Of fifty draws: how many cards carry the noise, beside others and alone, and the optimism."""
    beside = 0
    optimism = []
    for number in range(DRAWS_A_CASE):
        rng = np.random.default_rng([seed, number, levels, bads])
        x, y = draw(rng, levels, bads, 0.0)
        told = rng.normal(size=(2, len(y))) + np.array([[0.7], [0.4]]) * y
        X = pd.DataFrame({"noise": x, "strong": told[0], "weak": told[1]})
        binner = WoeBinner(min_bads=5, infeasible="one_bin", max_p_value=0.3).fit(X, y)
        # chance itself is another in each draw, or its luck would be that of all of them
        unseen = cross_fitted(binner, X, y, seed=DRAWS_A_CASE * seed + number)
        card = Scorecard(binner).fit(X, y, unseen=unseen)
        beside += "noise" in card.coefficients_.index
        try:
            alone = Scorecard(binner, features=["noise"]).fit(X, y, unseen=unseen)
        except NoFeatureLeft:
            continue
        counts = metrics.score_counts(alone.credit_score(X), y)
        optimism.append(metrics.auc(counts) - 0.5)
    return {
        "draws": DRAWS_A_CASE,
        "beside": beside,
        "alone": len(optimism),
        "optimism": float(np.sum(optimism)),
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of cards with the noise, with exact intervals, and the optimism of all and of those."""
    keys = ["levels", "bads"]
    table = (
        rows.astype({"levels": int, "bads": int})
        .groupby(keys)[["draws", "beside", "alone", "optimism"]]
        .sum()
    )
    for kind in ("beside", "alone"):
        for end, place in (("low", 0), ("high", 1)):
            table[f"{kind}_{end}"] = [
                stats.binomtest(int(k), int(n)).proportion_ci(0.95)[place]
                for k, n in zip(table[kind], table["draws"], strict=True)
            ]
    table["optimism_of_all"] = table["optimism"] / table["draws"]
    table["optimism_where_kept"] = table["optimism"] / table["alone"].where(table["alone"] > 0)
    table["allowed"] = STATED_LEVEL * table["optimism_where_kept"]
    return table


STUDY = Study(
    name="noise_card",
    modules=("binning", "scorecard"),
    cases=[
        {"seed": seed, "levels": levels, "bads": bads}
        for seed in range(1, 9)
        for levels in LEVELS
        for bads in BADS
    ],
    measure=measure,
)
