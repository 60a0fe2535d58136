"""Do cutoffs by segment earn more than one cutoff, and what where segments carry nothing?

Sixty thousand applicants a world, a logistic regression on the training loans for a score; cutoffs
chosen on the test loans of the months before and judged out of time: by what a lender would see,
and by the truth. In the world `same` the segments of the applicants are dealt anew by lot, so they
carry nothing. Gains are per application, in units of the currency.
"""

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.linear_model import LogisticRegression

from riskkit import evidence, frontier, strategy, synthetic, target
from studies import Study

N = 60_000
LENDER = synthetic.Lender()
WORLDS = ("base", "same")
WAYS = ("channel", "scenario", "term", "bureau")
MODEL = "logistic"
NUMBERS = [f for f in synthetic.FEATURES if f.offered and f.kind == "numeric"]
PRICE = {"loss_rate": 0.6, "cost_amount": 30.0, "funding_rate": 0.06}


def scored(applications: pd.DataFrame, train: np.ndarray) -> pd.Series:
    """Points of a logistic regression on ranks of the numbers and marks of their special codes."""
    columns = {}
    for feature in NUMBERS:
        values = applications[feature.name].astype(float)
        coded = values.isin(list(feature.special_codes)) | values.isna()
        known = np.sort(values[train & ~coded.to_numpy()].to_numpy())
        place = np.searchsorted(known, values.to_numpy()) / max(len(known), 1)
        columns[feature.name] = np.where(coded, 0.5, place)
        if coded.any():
            columns[f"{feature.name}_coded"] = coded.to_numpy(dtype=float)
    x = np.column_stack(list(columns.values()))
    y = applications.loc[train, "default_flag"].to_numpy(dtype=float)
    logit = LogisticRegression(C=0.3, max_iter=500).fit(x[train], y).decision_function(x)
    return pd.Series(np.rint(550 - 28.85 * (logit + 2.5)), applications.index)


def measure(seed: int, world: str) -> dict[str, float]:
    """Gain out of time of each way to cut, by the lender and by the truth, and whether it pays."""
    book = synthetic.simulate(LENDER, N, seed)
    applications = book.applications
    sample = target.assign_samples(applications).to_numpy(object)
    about = applications.assign(sample=sample)
    choosing, judging = target.choosing_rows(about), target.judging_rows(about)
    scores = scored(applications, sample == "train").to_frame(MODEL)
    lent = applications["booked_amount"].where(applications["booked"], applications["amount"])
    money = strategy.loan_values(
        lent,
        apr=applications["offer_apr"],
        term_months=applications["term_months"],
        interest_only=applications["product"] == "interest_only",
        **PRICE,
    )
    columns = ["approved", "booked", "default_flag"]
    loans = applications[columns].join(money)
    segments = evidence.segments(applications, synthetic.FEATURES)[list(WAYS)]
    if world == "same":
        order = np.random.default_rng(seed).permutation(len(segments))
        segments = segments.iloc[order].set_axis(segments.index)
    today = loans[choosing & loans["approved"]]
    table, choices = frontier.segment_gains(
        scores,
        loans,
        segments,
        model=MODEL,
        choosing=choosing,
        judging=judging,
        features=synthetic.FEATURES,
        max_bad_rate=float(today["default_flag"].mean()),
        min_approval=float(loans.loc[choosing, "approved"].mean()),
    )
    true = true_profit(loans, money, book.truth["true_pd_12m"].to_numpy())
    row: dict[str, float] = {"bads": float((loans.loc[choosing, "default_flag"] == 1).sum())}
    for way in WAYS:
        told = table.loc[way]
        # too few bads in the segments: one cutoff is kept, and nothing is gained
        row |= {f"{way}_segments": float(told["segments"]), f"{way}_pays": float(told["pays"])}
        row |= {f"{way}_gain": 0.0, f"{way}_true": 0.0}
        if way in choices:
            row[f"{way}_gain"] = float(told["gain_amount"]) / int(judging.sum())
            score = scores.loc[judging, MODEL]
            cutoffs = choices[way].of(segments.loc[judging, way])
            apart = (score >= cutoffs).astype(float) - (score >= choices[way].single)
            row[f"{way}_true"] = float(apart @ true[judging]) / int(judging.sum())
    return row


def true_profit(loans: pd.DataFrame, money: pd.DataFrame, chance: np.ndarray) -> np.ndarray:
    """What each application would truly add, in expectation, were it approved."""
    taken = loans["booked"].sum() / loans["approved"].sum()
    size = np.where(loans["booked"], 1.0, np.where(loans["approved"], 0.0, taken))
    margin, loss, cost = (
        money[f"{name}_fen"].to_numpy() / 100 for name in ("margin", "loss", "cost")
    )
    added = size * ((1 - chance) * margin - chance * loss - cost)
    return np.where(size > 0, added, 0.0)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean gain over the seeds with its 95 % interval (Student), and how often a way pays."""
    records = []
    for world, own in rows.groupby("world"):
        for way in WAYS:
            record: dict[str, object] = {"world": world, "way": way}
            for kind in ("gain", "true"):
                values = own[f"{way}_{kind}"].astype(float)
                n = len(values)
                width = stats.t.ppf(0.975, n - 1) * values.std() / np.sqrt(n) if n > 1 else np.nan
                record |= {
                    kind: values.mean(),
                    f"{kind}_low": values.mean() - width,
                    f"{kind}_high": values.mean() + width,
                }
            records.append(record | {"seeds": n, "pays": own[f"{way}_pays"].astype(float).sum()})
    return pd.DataFrame(records).set_index(["world", "way"])


STUDY = Study(
    name="segment_gain",
    modules=("synthetic", "target", "evidence", "strategy", "frontier"),
    cases=[{"seed": seed, "world": world} for seed in range(1, 21) for world in WORLDS],
    measure=measure,
)
