"""How often do the intervals of the decision hold the truth, and how lucky is a chosen cutoff?

Eight thousand loans a draw, of a lender whose bins, models and cutoffs were fixed on another draw.
The truth of each figure is its value over the loans of all draws. A cutoff chosen on a draw is
judged by as many other loans.
"""

from functools import cache

import numpy as np
import pandas as pd
from scipy import stats

from riskkit import binning, challenger, metrics, schema, strategy, synthetic
from riskkit.scorecard import Scorecard
from studies import Study
from studies.world_models import CODES, LENDER, NAMES, OFFERED

N_LOANS = 8_000
# of which some third become loans that can be judged
N_APPLICANTS = 26_000
MODELS = ["scorecard", "challenger"]
CUTOFFS = {"scorecard": 550.0, "challenger": 550.0}
LEVEL = 0.95
FIGURES = ("auc", "bad_rate", "difference", "woe_first", "woe_middle", "woe_last")


def loans_of(seed: int) -> pd.DataFrame:
    """So many loans of known outcome, in the order of their applications."""
    applications = synthetic.as_source(LENDER, N_APPLICANTS, seed=seed).applications
    known = applications[applications["default_flag"].notna()]
    assert len(known) >= N_LOANS, f"seed {seed} has {len(known)} loans"
    return known.iloc[:N_LOANS]


@cache
def fixed() -> tuple[Scorecard, challenger.Challenger, str]:
    """Models of another draw, and the feature whose bins are looked at."""
    loans = loans_of(0)
    X, y, who = loans[NAMES], loans["default_flag"], loans["customer_id"]
    trends = schema.risk_trends(OFFERED)
    binner = binning.WoeBinner(
        trend=trends, special_codes=CODES, min_bads=5, infeasible="one_bin", max_p_value=0.3
    ).fit(X, y)
    card = Scorecard(binner).fit(X, y, groups=who)
    trees = challenger.Challenger(trends, special_codes=CODES).fit(X, y, groups=who)
    return card, trees, str(binner.iv.index[0])


def scored(loans: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of both models, and the money of each loan, all of them approved."""
    card, trees, _ = fixed()
    found = [model.credit_score(loans[NAMES]) for model in (card, trees)]
    scores = pd.DataFrame(dict(zip(MODELS, found, strict=True)), index=loans.index)
    values = strategy.loan_values(
        loans["booked_amount"],
        apr=loans["offer_apr"],
        term_months=loans["term_months"],
        interest_only=loans["product"] == "interest_only",
        loss_rate=0.6,
        cost_amount=30,
        funding_rate=0.06,
    )
    money = values.assign(
        approved=True,
        booked=True,
        default_flag=loans["default_flag"],
        amount=loans["booked_amount"],
    )
    return scores, money


def profit_of(money: pd.DataFrame) -> np.ndarray:
    """Of each loan, in units of the currency."""
    sums = strategy.profit_sums(money, money["default_flag"])
    return ((sums["margin_fen"] - sums["loss_fen"] - sums["cost_fen"]) / 100).to_numpy()


def measure(seed: int) -> dict[str, float]:
    """Each figure with its interval, and a choice beside what it earns on other loans."""
    card, _, name = fixed()
    loans = loans_of(seed)
    scores, money = scored(loans)
    y = money["default_flag"]
    row: dict[str, float] = {}

    def note(figure: str, value: float, low: float, high: float) -> None:
        row.update({figure: value, f"{figure}_low": low, f"{figure}_high": high})

    counts = metrics.score_counts(scores["scorecard"], y)
    ranked = metrics.discrimination(counts, n_boot=0)
    note("auc", ranked["auc"], ranked["auc_low"], ranked["auc_high"])
    table = strategy.cutoff_table(
        metrics.score_counts(scores["scorecard"] >= CUTOFFS["scorecard"], y),
        strategy.Economics(0, 0, 0),
    ).loc[1]
    note("bad_rate", *table[["bad_rate", "bad_rate_low", "bad_rate_high"]])
    gap = strategy.profit_difference(scores[MODELS[::-1]], profit_of(money), CUTOFFS)
    note("difference", *gap[["difference", "low", "high"]])
    edges = card.binner_.bins_[name].edges
    of_draw = binning.WoeBinner(fixed_edges={name: list(edges)}, min_bin_size=1e-4, min_bads=0).fit(
        loans[[name]], y
    )
    bins = of_draw.table(name)
    last = len(edges)
    for place, k in (("first", 0), ("middle", last // 2), ("last", last)):
        note(f"woe_{place}", *bins[["woe", "woe_low", "woe_high"]].iloc[k])
    chosen = strategy.recommend(scores, money, n_draws=200, seed=seed)
    other_scores, other = scored(loans_of(10_000 + seed))
    above = (other_scores[chosen.alone.model] >= chosen.alone.cutoff).to_numpy()
    row["cutoff"] = chosen.alone.cutoff
    row["promised"] = float(chosen.alone.row["profit_amount"])
    row["luck"] = chosen.alone.optimism_amount
    row["kept"] = float(profit_of(other)[above].sum())
    return row


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """How often each interval holds the mean of all draws, and what a chosen cutoff promises."""
    values = rows.drop(columns=["commit", "modules"], errors="ignore").astype(float)
    found = {}
    for figure in FIGURES:
        truth = values[figure].mean()
        inside = values[f"{figure}_low"].le(truth) & values[f"{figure}_high"].ge(truth)
        ends = stats.binomtest(int(inside.sum()), len(inside)).proportion_ci(0.95)
        found[figure] = {"truth": truth, "share": inside.mean(), "low": ends[0], "high": ends[1]}
    for name, gap in (
        ("too_good", values["promised"] - values["kept"]),
        ("too_good_less_luck", values["promised"] - values["luck"] - values["kept"]),
    ):
        mean, error = gap.mean(), gap.std(ddof=1) / np.sqrt(len(gap))
        width = stats.norm.ppf(0.5 + LEVEL / 2) * error
        found[name] = {"truth": mean, "low": mean - width, "high": mean + width}
    return pd.DataFrame.from_dict(found, orient="index")


STUDY = Study(
    name="coverage",
    modules=("synthetic", "metrics", "binning", "scorecard", "challenger", "strategy"),
    cases=[{"seed": seed} for seed in range(1, 401)],
    measure=measure,
)
