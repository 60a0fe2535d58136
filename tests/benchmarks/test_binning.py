"""Binning against optbinning's BinningProcess with equal limits, ratios in one run.

Run with ``make bench``. woe-scoring, of the ``bench`` extra, stands beside it for information.
"""

import time
from pathlib import Path

import numpy as np
import pytest
from optbinning import BinningProcess
from peers import LIMITS, borrowers, peer_of, seconds, show

from riskkit import schema
from riskkit.binning import WoeBinner

# what the peers warn of is not ours to mend
pytestmark = pytest.mark.filterwarnings("default")


def compare_iv(binner, process):
    theirs = process.summary().set_index("name")["iv"].astype(float)
    share = binner.iv[theirs.index] / theirs
    total = binner.iv.sum() / theirs.sum()
    print(
        f"total IV {binner.iv.sum():.4f}, optbinning {theirs.sum():.4f}, share {total:.5f}; "
        f"lowest of a feature {share.min():.4f} ({share.idxmin()})"
    )
    return total, share.min()


@pytest.fixture(scope="module")
def million():
    return borrowers(1_000_000, 20)


@pytest.fixture(scope="module")
def million_fits(million):
    X, y = million
    binner = WoeBinner(**LIMITS)
    process, peer_X = peer_of(X)
    ours, _ = seconds(lambda: binner.fit(X, y))
    theirs, _ = seconds(lambda: process.fit(peer_X, y))
    return binner, process, peer_X, ours, theirs


def test_fit_of_a_million_rows(million_fits):
    binner, process, _, ours, theirs = million_fits
    total, lowest = compare_iv(binner, process)
    show("fit, 1,000,000 × 20", ours, theirs, 1 / 20)
    assert total >= 0.999
    assert lowest >= 0.99


def test_transform_of_a_million_rows(million, million_fits):
    X, _ = million
    binner, process, peer_X, *_ = million_fits
    ours, _ = seconds(lambda: binner.transform(X))
    theirs, _ = seconds(lambda: process.transform(peer_X))
    show("transform, 1,000,000 × 20", ours, theirs, 1 / 10)


def test_transform_adds_at_most_half_as_much_memory_again(million, million_fits):
    X, _ = million
    binner = million_fits[0]
    binner.transform(X.head(100_000))  # whatever is loaded once
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        pytest.skip("peak memory is read from Linux's /proc")
    reset.write_text("5")
    before = resident("VmRSS")
    output = binner.transform(X)
    added = resident("VmHWM") - before
    size = X.memory_usage(deep=True).sum()
    print(
        f"\ntransform: input {size / 2**20:.0f} MiB, output {output.to_numpy().nbytes / 2**20:.0f} "
        f"MiB, added at the peak {added / 2**20:.0f} MiB, {added / size:.2f} × the input"
    )
    assert added <= 1.5 * size


def resident(what):
    """Bytes of this process's memory: VmRSS now, VmHWM at the peak."""
    line = next(
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what)
    )
    return int(line.split()[1]) * 1024


def test_an_edit_takes_no_rows(million_fits):
    binner = million_fits[0]
    feature = "number2"
    calls = {
        "merge_bins": lambda: binner.merge_bins(feature, 1, 2),
        "split_bin": lambda: binner.split_bin(feature, 0.123),
        "set_edges": lambda: binner.set_edges(feature, [-1, 0, 1]),
        "group_levels": lambda: binner.group_levels("level0", [list("abcd"), list("efgh")]),
    }
    rows = len(binner.counts_[feature].cells)
    for name, call in calls.items():
        taken, _ = seconds(call)
        print(f"\n{name} on {rows:,} fine cells of 1,000,000 rows: {taken * 1e3:.2f} ms")
    small = WoeBinner(**LIMITS).fit(*borrowers(100_000, 20))
    at_small, _ = seconds(lambda: small.set_edges(feature, [-1, 0, 1]), times=20)
    at_large, _ = seconds(calls["set_edges"], times=20)
    # ten times the rows, the same cells: the same time
    assert at_large <= 3 * at_small


def test_fit_of_a_tenth_of_the_rows():
    X, y = borrowers(100_000, 20)
    process, peer_X = peer_of(X)
    ours, binner = seconds(lambda: WoeBinner(**LIMITS).fit(X, y))
    theirs, _ = seconds(lambda: process.fit(peer_X, y))
    total, _ = compare_iv(binner, process)
    show("fit, 100,000 × 20", ours, theirs, 1 / 10)
    assert total >= 0.99


def test_fit_of_ten_times_the_features():
    """The peer once, on a fifth of the rows: its time on all of them would be minutes."""
    X, y = borrowers(1_000_000, 200)
    ours, _ = seconds(lambda: WoeBinner(**LIMITS).fit(X, y))
    process, peer_X = peer_of(X.head(200_000))
    theirs, _ = seconds(lambda: process.fit(peer_X, y[:200_000]), times=1)
    print(
        f"\nfit, 1,000,000 × 200: {ours:.2f} s; optbinning on 200,000 × 200: {theirs:.2f} s, "
        f"ratio {ours / theirs:.4f} with five times its rows"
    )
    assert ours <= theirs / 4


@pytest.mark.parametrize(
    ("source", "allowed"),
    [("german_credit", 0.005), ("taiwan_default", 0.002), ("lending_club", 0.002)],
)
def test_real_data_rank_as_well(shared_data, source, allowed):
    """5-fold AUC of a logistic regression on WoE, and the IV in the five training parts.

    Features are those a model may use, their directions left to both tools; missing values have
    their empirical WoE in both.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    mapping = Path(__file__).parents[2] / "data" / "sources" / f"{source}.yaml"
    data = schema.load_source(mapping, shared_data / source)
    rows = data.applications[data.applications["default_flag"].notna()]
    offered = [feature for feature in data.features if feature.offered]
    y = rows["default_flag"].to_numpy(dtype=int)
    levels = [feature.name for feature in offered if feature.kind == "category"]
    kinds = {f.name: object if f.kind == "category" else float for f in offered}
    X = rows[list(kinds)]
    peer_X = X.astype(kinds)
    scores = {"riskkit": [], "optbinning": []}
    ivs = {"riskkit": 0.0, "optbinning": 0.0}
    folds = StratifiedKFold(5, shuffle=True, random_state=42)
    for train, test in folds.split(X, y):
        binner = WoeBinner(**LIMITS).fit(X.iloc[train], y[train])
        process = BinningProcess(
            list(kinds), categorical_variables=levels, max_n_bins=8, min_bin_size=0.05
        ).fit(peer_X.iloc[train], y[train])
        ivs["riskkit"] += binner.iv.sum()
        ivs["optbinning"] += process.summary()["iv"].astype(float).sum()
        woe = {
            "riskkit": [binner.transform(X.iloc[part]) for part in (train, test)],
            "optbinning": [
                process.transform(peer_X.iloc[part], metric_missing="empirical")
                for part in (train, test)
            ],
        }
        for name, (taught, tested) in woe.items():
            model = LogisticRegression(max_iter=1000).fit(taught.to_numpy(), y[train])
            probability = model.predict_proba(tested.to_numpy())[:, 1]
            scores[name].append(roc_auc_score(y[test], probability))
    ours, theirs = np.mean(scores["riskkit"]), np.mean(scores["optbinning"])
    share = ivs["riskkit"] / ivs["optbinning"]
    print(
        f"\n{data.title}: AUC {ours:.4f}, optbinning {theirs:.4f}, difference {ours - theirs:+.4f} "
        f"(allowed {-allowed}); total IV {share:.4f} of its"
    )
    assert ours >= theirs - allowed
    assert share >= 0.98


def test_woe_scoring_for_information(million):
    woe_scoring = pytest.importorskip("woe_scoring", reason="the bench extra is not installed")
    X, y = million
    levels = [name for name in X.columns if name.startswith("level")]
    # with `prefix=""` its transform would drop what it has made
    encoder = woe_scoring.WOETransformer(
        max_bins=8, min_pct_group=0.05, n_jobs=2, cat_features=levels
    )
    start = time.perf_counter()
    encoder.fit(X, y)
    fitted = time.perf_counter()
    encoder.transform(X)
    print(
        f"\nwoe-scoring, two processes: fit {fitted - start:.2f} s, "
        f"transform {time.perf_counter() - fitted:.2f} s"
    )
