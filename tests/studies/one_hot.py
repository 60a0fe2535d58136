"""What do bounds cost a card of one-hot columns, and does a category win it back?

Lending Club's loans with six categories, two of them from the raw file, as 119 columns of 0 and 1
and as they are; bins and cards as in notebooks 02 and 03, five folds, AUC out of fold. "unbounded"
is a logistic regression on the same WoE without bounds, "plain" one on the columns themselves.
"""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from riskkit import binning, metrics, schema, target
from riskkit.scorecard import Scorecard
from studies import PROJECT, Study
from studies.neighbours import loans

FILE = "shared/data/lending_club/lending_club_2007_2011.csv.gz"
MORE = ["addr_state", "sub_grade"]
CATEGORIES = ["purpose", "emp_length", "home_ownership", "verification_status", *MORE]
N_FOLDS = 5


def tables() -> tuple[dict[str, pd.DataFrame], np.ndarray, dict[str, str]]:
    """Features in both shapes, labels, and the stated directions of the numbers."""
    X, y, features = loans("lending_club")
    raw = pd.read_csv(PROJECT.parent / FILE, low_memory=False, dtype={"row_id": "str"})
    raw = raw.set_index("row_id")[MORE].reindex(X["application_id"].astype("str"))
    categories = X.assign(**{name: raw[name].to_numpy() for name in MORE})[CATEGORIES]
    numbers = X[[f.name for f in features if f.name not in CATEGORIES]]
    pieces = pd.get_dummies(categories.astype(object).fillna("none"), prefix_sep="=", dtype=float)
    trends = schema.risk_trends(features)
    stated = {name: trend for name, trend in trends.items() if name in numbers}
    shapes = {"pieces": pieces, "category": categories}
    return {name: numbers.join(table) for name, table in shapes.items()}, y, stated


def measure(seed: int) -> dict[str, float]:
    """AUC out of fold of each card, and the features on the tested ones."""
    both, y, trends = tables()
    pieces = both["pieces"].columns.difference(both["category"].columns)
    fold = target.deal_folds(y, N_FOLDS, seed, np.full(len(y), -1))
    aucs: dict[str, list[float]] = {}
    for k in range(N_FOLDS):
        learn = fold != k

        def judge(card: str, score: np.ndarray, rows: np.ndarray = ~learn) -> None:
            aucs.setdefault(card, []).append(metrics.auc(metrics.score_counts(score, y[rows])))

        for shape, X in both.items():
            limits = {"min_bads": 5, "infeasible": "one_bin", "max_p_value": 0.3}
            binner = binning.WoeBinner(trend=trends, **limits).fit(X[learn], y[learn])
            for name, settings in (("tested", {}), ("all", {"max_p_value": None})):
                card = Scorecard(binner, **settings).fit(X[learn], y[learn])
                judge(f"{shape}_{name}", card.credit_score(X[~learn]))
            seen, new = binner.transform(X[learn]), binner.transform(X[~learn])
            told = seen.columns[np.ptp(seen, axis=0) > 0]
            free = LogisticRegression(C=1_000, max_iter=2_000).fit(seen[told], y[learn])
            judge(f"{shape}_unbounded", -free.decision_function(new[told]))
            if shape == "pieces":
                numbers = told.difference(pieces)
                seen = seen[numbers].join(X.loc[learn, pieces])
                plain = LogisticRegression(max_iter=2_000).fit(seen, y[learn])
                new = new[numbers].join(X.loc[~learn, pieces])
                judge("pieces_plain", -plain.decision_function(new))
    return {f"auc_{card}": float(np.mean(found)) for card, found in aucs.items()}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean AUC of each card, and its difference to the tested card of categories."""
    found = rows.filter(like="auc_").astype(float)
    gap = found.sub(found["auc_category_tested"], axis=0)
    table = pd.DataFrame({"auc": found.mean(), "difference": gap.mean(), "sd": gap.std()})
    return table.sort_values("auc")


STUDY = Study(
    name="one_hot",
    modules=("binning", "scorecard", "schema", "target"),
    cases=[{"seed": seed} for seed in range(1, 6)],
    measure=measure,
)
