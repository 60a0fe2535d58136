"""The models against optbinning's Scorecard, in speed and in ranking, ratios in one run.

Run with ``make bench``; each test prints its figures.
"""

import warnings
from pathlib import Path

import numpy as np
import pytest
from optbinning import BinningProcess
from optbinning import Scorecard as PeerScorecard
from peers import LIMITS, borrowers, peer_of, seconds, show
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from riskkit import binning, metrics, schema
from riskkit.challenger import Challenger
from riskkit.scorecard import Scorecard

# what the peer warns of is not ours to mend
pytestmark = pytest.mark.filterwarnings("default")

SCALING = {
    "scaling_method": "pdo_odds",
    "scaling_method_params": {"pdo": 20, "odds": 50, "scorecard_points": 600},
}


# --- speed -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def million():
    return borrowers(1_000_000, 20)


@pytest.fixture(scope="module")
def cards(million):
    """Both cards with the seconds their whole fit took."""
    X, y = million
    process, peer_X = peer_of(X)
    theirs = seconds(
        lambda: PeerScorecard(process, LogisticRegression(max_iter=1000), **SCALING).fit(peer_X, y),
        times=1,
    )
    ours = seconds(lambda: Scorecard(binning.WoeBinner(**LIMITS), max_p_value=None).fit(X, y))
    return {"ours": ours, "theirs": theirs, "peer_X": peer_X}


def test_fit_of_the_whole_card(cards):
    show("binning and regression, 1,000,000 × 20", cards["ours"][0], cards["theirs"][0], 0.1)


def test_score_of_a_million_rows(million, cards):
    X, _ = million
    ours, score = seconds(lambda: cards["ours"][1].credit_score(X))
    theirs, peer_score = seconds(lambda: cards["theirs"][1].score(cards["peer_X"]), times=1)
    show("credit score, 1,000,000 × 20", ours, theirs, 0.1)
    assert np.corrcoef(score, peer_score)[0, 1] > 0.98


# --- ranking on real data ----------------------------------------------------------------------


def own_card(data, training, y):
    """The card of every feature a model may use, like the peer's; also its binner."""
    offered = [feature for feature in data.features if feature.offered]
    binner = binning.WoeBinner(
        trend=schema.risk_trends(data.features),
        special_codes={f.name: list(f.special_codes) for f in offered if f.special_codes},
        min_bads=5,
        infeasible="one_bin",
    ).fit(training[[feature.name for feature in offered]], y)
    # all features with the right sign, as the peer takes them
    return Scorecard(binner, max_p_value=None).fit(training, y), binner


def own_challenger(data, binner, training, y):
    codes = {f.name: list(f.special_codes) for f in data.features if f.special_codes}
    trends = binner.trends | schema.risk_trends(data.features)
    return Challenger(trends, special_codes=codes).fit(training[list(binner.bins_)], y)


def peer_card(data, training, y):
    offered = [feature for feature in data.features if feature.offered]
    kinds = {f.name: object if f.kind == "category" else float for f in offered}
    levels = [feature.name for feature in offered if feature.kind == "category"]
    process = BinningProcess(
        list(kinds), categorical_variables=levels, max_n_bins=8, min_bin_size=0.05
    )
    card = PeerScorecard(process, LogisticRegression(max_iter=1000), **SCALING)
    card.fit(training[list(kinds)].astype(kinds), y, metric_missing="empirical")
    return lambda rows: card.score(rows[list(kinds)].astype(kinds))


def crossed(data, seed, *, challenger=False, peer=False):
    """Scores of each row by models of the other four folds, and the mean AUC of the five folds."""
    rows = data.applications[data.applications["default_flag"].notna()].reset_index(drop=True)
    y = rows["default_flag"].to_numpy(dtype=int)
    scores, aucs = {}, {}
    for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(rows, y):
        training, taught = rows.iloc[train], y[train]
        card, binner = own_card(data, training, taught)
        models = {"card": card.credit_score}
        if challenger:
            models["challenger"] = own_challenger(data, binner, training, taught).credit_score
        if peer:
            models["peer"] = peer_card(data, training, taught)
        for name, score in models.items():
            found = np.asarray(score(rows.iloc[test]), dtype=float)
            scores.setdefault(name, np.empty(len(rows)))[test] = found
            aucs.setdefault(name, []).append(metrics.auc(metrics.score_counts(found, y[test])))
    return y, scores, {name: float(np.mean(values)) for name, values in aucs.items()}


def source(shared_data, name):
    mapping = Path(__file__).parents[2] / "data" / "sources" / f"{name}.yaml"
    return schema.load_source(mapping, shared_data / name)


@pytest.mark.parametrize("name", ["german_credit", "taiwan_default", "lending_club"])
def test_the_card_ranks_no_worse_than_the_peers(shared_data, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = source(shared_data, name)
        y, scores, aucs = crossed(data, 42, peer=True)
    paired = metrics.compare(y, scores["card"], scores["peer"])
    print(
        f"\n{data.title}: card {aucs['card']:.4f}, optbinning's Scorecard {aucs['peer']:.4f}; "
        f"paired over all folds {paired['difference']:+.4f} "
        f"({paired['low']:+.4f} to {paired['high']:+.4f})"
    )
    assert paired["high"] >= 0


def test_taiwan_in_five_folds(shared_data):
    _, _, aucs = crossed(source(shared_data, "taiwan_default"), 42, challenger=True)
    print(f"\nTaiwan, five folds: card {aucs['card']:.4f}, challenger {aucs['challenger']:.4f}")
    assert aucs["card"] >= 0.765
    assert aucs["challenger"] >= 0.778


def test_german_credit_in_five_times_five_folds(shared_data):
    data = source(shared_data, "german_credit")
    repeats = [crossed(data, seed)[2]["card"] for seed in range(42, 47)]
    print(f"\nGerman Credit: card {np.mean(repeats):.4f} (repeats {np.round(repeats, 4)})")
    assert np.mean(repeats) >= 0.775
