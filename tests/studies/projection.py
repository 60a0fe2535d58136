"""How often does a cohort end where its projection said, and how wide did that have to be?

A hundred thousand applicants a seed, of whom the loans of twelve months are projected after 36
months of lending, and watched for sixteen more. One cohort a seed is held against what came: of
each age one, and the one at the first age by which the truth expects 60 % of its 90+.

The oracle knows each loan's true hazards and which loans are at risk, not which are in arrears:
of a loan still at risk at age a it knows P(90+ later) = Σ default_at(m > a) ÷ at_risk(a + 1). Its
interval lies between the 2.5 % and 97.5 % points of the Poisson-binomial sum of these, added to the
events so far.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from riskkit import projection, synthetic, vintage
from riskkit.metrics import jeffreys_interval
from studies import Study

N_APPLICANTS = 100_000
TERM, N_SEEN, N_AFTER = 12, 36, 16
LAST_MOB = TERM + 3  # nobody first passes 90 days later
LENDER = synthetic.Lender(n_months=N_SEEN + N_AFTER)
AGES = (0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12)
MOST = "most"  # the first age by which the oracle expects 60 % of the cohort's 90+
LEVEL = 0.95


@lru_cache(maxsize=1)
def world_of(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Performance and truth of the loans of twelve months."""
    portfolio = synthetic.simulate(LENDER, N_APPLICANTS, seed)
    asked = portfolio.applications
    loans = asked.loc[asked["booked"] & (asked["term_months"] == TERM), "application_id"]
    book = portfolio.performance
    truth = portfolio.truth.set_index("application_id").loc[loans]
    return book[book["loan_id"].isin(set(loans))].reset_index(drop=True), truth


@lru_cache(maxsize=1)
def projected(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Counts to the end, and both methods' projections after the months seen."""
    counts = vintage.cohort_counts(world_of(seed)[0], dpd=(90,))
    model = projection.fit_hazards(counts, hidden_months=N_AFTER, seed=seed)
    by_hazards = projection.projection_table(model, level=LEVEL)
    by_chain = projection.projection_table(model, method="chain_ladder", level=LEVEL)
    return counts, by_hazards, by_chain


def cohort_at(age: int) -> pd.Timestamp:
    """The cohort of that age after the months seen."""
    month = LENDER.first_month + np.timedelta64(N_SEEN - 1 - age, "M")
    return pd.Timestamp(month.astype("datetime64[s]"))


@lru_cache(maxsize=2 * len(AGES))
def loans_of(seed: int, age: int) -> pd.DataFrame:
    """Truth of the loans of that cohort, with their first month past 90 days and their last."""
    book, truth = world_of(seed)
    own = book[book["cohort"] == cohort_at(age)]
    past = own[(own["dpd"] > 90) | (own["status"] == "charged_off")]
    ended = own[own["status"].isin(["prepaid", "matured"])]
    lives = pd.DataFrame(
        {
            "event": past.groupby("loan_id")["mob"].min(),
            "end": ended.groupby("loan_id")["mob"].min(),
        },
        index=own["loan_id"].unique(),
    )
    return truth.loc[lives.index].assign(left=lives.min(axis=1).fillna(np.inf))


def expected_share(seed: int, age: int) -> float:
    """Share of a cohort's 90+ that the truth expects by an age."""
    truth = loans_of(seed, age)
    at = truth[[f"default_at_{mob:02d}" for mob in range(4, LAST_MOB + 1)]].sum().to_numpy()
    return at[: max(age - 3, 0)].sum() / at.sum()


def oracle_interval(seed: int, age: int) -> tuple[int, int]:
    """Events still to come of the cohort's loans at risk, by their true hazards."""
    truth = loans_of(seed, age)
    at_risk = truth[truth["left"] > age]
    later = [f"default_at_{mob:02d}" for mob in range(max(age + 1, 4), LAST_MOB + 1)]
    # from month 1 to 4 only prepayment ends a loan, at much the same pace in each month
    known = at_risk[f"at_risk_{max(age + 1, 4):02d}"] ** min(age / 3, 1)
    chances = (at_risk[later].sum(axis=1) / known).to_numpy()
    return poisson_binomial(np.minimum(chances, 1))


def poisson_binomial(chances: np.ndarray) -> tuple[int, int]:
    """Limits of the number of successes, no more than 2.5 % beyond each."""
    turns = np.exp(2j * np.pi * np.arange(len(chances) + 1) / (len(chances) + 1))
    spectrum = np.prod(1 + chances[:, np.newaxis] * (turns - 1), axis=0)
    total = np.cumsum(np.fft.fft(spectrum).real / (len(chances) + 1))
    low, high = (int(np.searchsorted(total, p + 1e-12)) for p in (0.025, 0.975))
    return low, high


def measure(seed: int) -> dict[str, float]:
    """Both methods' intervals of each cohort's end, the oracle's, and what came, in loans."""
    most = next(age for age in AGES if expected_share(seed, age) >= 0.6)
    row: dict[str, float] = {"most_age": most}
    for at, age in {**{str(age): age for age in AGES}, MOST: most}.items():
        row |= {f"{at}_{name}": value for name, value in measure_cohort(seed, age).items()}
    return row


def measure_cohort(seed: int, age: int) -> dict[str, float]:
    """The same of one cohort."""
    counts, by_hazards, by_chain = projected(seed)
    cohort = cohort_at(age)
    name = f"{cohort:%Y-%m}"
    row, chain = by_hazards.loc[name], by_chain.loc[name]
    low, high = oracle_interval(seed, age)
    loans, bad = int(row["loans"]), int(row["bad"])
    known = chain["method"] == "chain ladder"
    return {
        "loans": loans,
        "bad": bad,
        "end": int(counts.loc[cohort, "ever_90_loans"].sum()),
        "projected": float(row["end_bad"]),
        "low": round(row["end_rate_low"] * loans),
        "high": round(row["end_rate_high"] * loans),
        "oracle_low": bad + low,
        "oracle_high": bad + high,
        "chain_low": float(chain["end_rate_low"] * loans) if known else np.nan,
        "chain_high": float(chain["end_rate_high"] * loans) if known else np.nan,
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """By age: how often the end lay in each interval, and how wide that was beside the oracle's."""
    values = rows.drop(columns=["commit", "modules"], errors="ignore").apply(pd.to_numeric)
    found = {}
    for at in (*map(str, AGES), MOST):
        own = values.filter(regex=f"^{at}_").rename(columns=lambda name: name.split("_", 1)[1])
        end, width = own["end"], own["high"] - own["low"]
        oracle = own["oracle_high"] - own["oracle_low"]
        inside = end.between(own["low"], own["high"])
        low, high = jeffreys_interval(inside.sum(), len(own), LEVEL)
        chain = own[own["chain_high"].notna()]
        found[at] = {
            "seeds": len(own),
            "inside": inside.mean(),
            "inside_low": float(low),
            "inside_high": float(high),
            "below": (end < own["low"]).mean(),
            "above": (end > own["high"]).mean(),
            "width": width.median(),
            "oracle_width": oracle.median(),
            "oracle_inside": end.between(own["oracle_low"], own["oracle_high"]).mean(),
            "bias": (own["projected"] - end).sum() / end.sum(),
            "chain_seeds": len(chain),
            "chain_inside": chain["end"].between(chain["chain_low"], chain["chain_high"]).mean(),
            "chain_width": (chain["chain_high"] - chain["chain_low"]).median(),
        }
    table = pd.DataFrame.from_dict(found, orient="index").rename_axis("at")
    return table.assign(ratio=table["width"] / table["oracle_width"])


STUDY = Study(
    name="projection",
    modules=("synthetic", "vintage", "projection"),
    cases=[{"seed": seed} for seed in range(1, 201)],
    measure=measure,
)
