"""How often does the profit of a policy lie where it was foretold?

Twenty thousand applicants a seed, scored by a card of another draw. The policy approves from a
cutoff on: within the region that the old policy booked (drawn among the cutoffs that are not
inferred), beyond it, and the former in a downturn that begins with the months foretold.
"""

from functools import cache, lru_cache

import numpy as np
import pandas as pd

from riskkit import binning, metrics, replay, schema, strategy, synthetic
from riskkit.scorecard import Scorecard
from studies import Study
from studies.world_models import CODES, LENDER, NAMES, OFFERED

N_APPLICANTS = 20_000
# the months foretold: half a year of applications, the year before them all labelled by now
FIRST, LAST = pd.Timestamp("2023-07-01"), pd.Timestamp("2023-12-31")
WHERE = ("within", "beyond", "downturn")
MAX_DECLINED = 0.2


@cache
def card() -> Scorecard:
    """A card of another draw: no loan of a seed has taught it anything."""
    loans = synthetic.as_source(LENDER, 26_000, seed=0).applications
    loans = loans[loans["default_flag"].notna()]
    limits = {"min_bads": 5, "max_p_value": 0.3, "infeasible": "one_bin"}
    trends = schema.risk_trends(OFFERED)
    binner = binning.WoeBinner(trend=trends, special_codes=CODES, **limits)
    binner.fit(loans[NAMES], loans["default_flag"])
    return Scorecard(binner).fit(loans[NAMES], loans["default_flag"], groups=loans["customer_id"])


@lru_cache(maxsize=1)
def asked_of(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Applications up to the months foretold, with their scores; and each one's money as a loan."""
    applications = synthetic.as_source(LENDER, N_APPLICANTS, seed=seed).applications
    asked = applications[applications["applied_at"] <= LAST].reset_index(drop=True)
    asked = asked.assign(score=card().credit_score(asked[NAMES]))
    limit = asked["offer_limit"].where(asked["approved"], asked["amount"])
    values = strategy.loan_values(
        np.minimum(asked["amount"], limit),
        apr=asked["offer_apr"],
        term_months=asked["term_months"],
        interest_only=asked["product"] == "interest_only",
        loss_rate=0.6,
        cost_amount=30,
        funding_rate=0.06,
    )
    return asked, values


def cutoff_of(past: pd.DataFrame, seed: int, *, beyond: bool) -> float:
    """A cutoff drawn among those that approve whom the old policy booked, or among the others."""
    counts = metrics.score_counts(past["score"], past["default_flag"], booked=past["booked"])
    not_taken = 1 - past["booked"].sum() / past["approved"].sum()
    table = strategy.cutoff_table(
        counts,
        strategy.Economics(0, 0, 0),
        max_never_booked=1 - (1 - not_taken) * (1 - MAX_DECLINED),
    )
    table = table[table["approval_rate"].between(0.1, 0.98)]
    cutoffs = table.index[table["inferred"] == beyond].to_numpy()
    return float(np.random.default_rng(seed).choice(cutoffs))


def measure(seed: int, where: str) -> dict[str, float]:
    """Each figure foretold, with its interval, and what came."""
    asked, values = asked_of(seed)
    late = (asked["applied_at"] >= FIRST).to_numpy()
    past = asked[~late]
    cutoff = cutoff_of(past, seed, beyond=where == "beyond")
    approved = (asked["score"] >= cutoff).to_numpy()
    curve = replay.fit_outcomes(past, approved[~late])
    coming = values[late].assign(
        score=asked["score"][late],
        applied_at=asked["applied_at"][late],
        passed_today=asked["approved"][late],
    )
    predicted = replay.forecast(curve, coming, approved[late], seed=seed)
    world = synthetic.World(lender=LENDER, seed=seed)
    if where == "downturn":
        world = replay.in_downturn(world, FIRST)
    columns = [name for name in asked if name != "score"]
    realised = replay.realise(world, asked.loc[late, columns], approved[late])
    table = replay.replay_table(predicted, realised, values[late])
    row: dict[str, float] = {"cutoff": cutoff, "uplift": curve.uplift, "month_sd": curve.month_sd}
    for figure, of in table.iterrows():
        row |= {f"{figure}_{name}": float(of[name]) for name in ("predicted", "low", "high")}
        row[f"{figure}_realised"] = float(of["realised"])
    return row


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Of so many seeds, in how many each figure lay in its interval, and how wide that was."""
    found = {}
    for where, part in rows.groupby("where"):
        values = part.drop(columns=["where", "commit", "modules"], errors="ignore").astype(float)
        for figure in ("approval_rate", "bad_rate", "profit_amount"):
            low, high, came = (values[f"{figure}_{name}"] for name in ("low", "high", "realised"))
            predicted = values[f"{figure}_predicted"]
            found[where, figure] = {
                "seeds": len(values),
                "inside": int(came.between(low, high).sum()),
                "width": float((high - low).median()),
                "predicted": float(predicted.median()),
                "realised": float(came.median()),
                "mean_error": float((predicted - came).mean()),
            }
    return pd.DataFrame.from_dict(found, orient="index")


STUDY = Study(
    name="replay",
    modules=("synthetic", "strategy", "replay", "metrics", "binning", "scorecard"),
    cases=[{"seed": seed, "where": where} for seed in range(1, 201) for where in WHERE],
    measure=measure,
)
