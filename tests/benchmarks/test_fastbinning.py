"""Binning of numbers against fastbinning, a Rust extension, with equal limits, ratios in one run.

Run with ``make bench``, or alone with ``python -m pytest -s tests/benchmarks/test_fastbinning.py``;
each test prints its figures. fastbinning is in the ``bench`` extra; toad, whose core is Rust too,
stands beside it where it is installed.

Both are used as they come, with as many threads as they like. The rounds of both take turns, and
the shortest of each counts: others on the machine can only lengthen a round. The processor's
seconds, of all threads, are printed beside.
"""

import time

import numpy as np
import pandas as pd
import pytest
from peers import LIMITS, N_CATEGORIES, borrowers

from riskkit.binning import WoeBinner

fastbinning = pytest.importorskip("fastbinning", reason="the bench extra is not installed")

# what the peers warn of is not ours to mend
pytestmark = pytest.mark.filterwarnings("default")

N_NUMBERS = 16
# what the notebooks ask of neighbours
NEIGHBOUR_P_VALUE = 0.3
# rounds of fit and of transform
ROUNDS = {100_000: (20, 200), 1_000_000: (5, 25)}


def shortest(calls, rounds):
    """Least seconds of each call, by the clock and of the processor, the calls in turns."""
    taken = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            clock, processor = time.perf_counter(), time.process_time()
            kept = call()  # what it returns is let go in the next round's time, whoever's it is
            taken[name].append((time.perf_counter() - clock, time.process_time() - processor))
    del kept
    return {name: np.min(seconds, axis=0) for name, seconds in taken.items()}


def show(what, taken):
    """Print the seconds of all, and give the ratio of ours to theirs by the clock."""
    clock, processor = taken["riskkit"] / taken["fastbinning"]
    texts = [f"{name} {a * 1e3:.1f} ms ({b * 1e3:.1f})" for name, (a, b) in taken.items()]
    print(f"\n{what}, clock (processor): {', '.join(texts)}; ratio {clock:.3f} ({processor:.3f})")
    return clock


class Peer:
    """fastbinning on a frame: it bins one array of floats at a time."""

    def fit(self, X, y):
        labels = y.astype(np.int32)
        self.bins = {}
        for name in X:
            # no bin is too large for us either
            bins = fastbinning.NumericalBinning(LIMITS["max_bins"], LIMITS["min_bin_size"], 1.0)
            bins.fit(X[name].to_numpy(), labels)
            self.bins[name] = bins
        return self

    def arrays(self, X):
        return [bins.transform(X[name].to_numpy()) for name, bins in self.bins.items()]

    def transform(self, X):
        return pd.DataFrame(dict(zip(self.bins, self.arrays(X), strict=True)), index=X.index)


def iv_of(woe, y):
    """IV of these rows in the bins that WoE tells apart; a bin without either class counts half."""
    total = 0.0
    for name in woe:
        place = pd.factorize(woe[name])[0]
        counts = np.bincount(2 * place + y).astype(float)
        counts = np.append(counts, np.zeros(-len(counts) % 2)).reshape(-1, 2)
        shares = (counts + 0.5 * (counts == 0)) / counts.sum(axis=0)
        total += float(((shares[:, 0] - shares[:, 1]) * np.log(shares[:, 0] / shares[:, 1])).sum())
    return total


@pytest.fixture(scope="module", params=ROUNDS, ids="{:,}".format)
def halves(request):
    """Numbers and labels to fit on, and as many that are not used."""
    X, y = borrowers(2 * request.param, N_NUMBERS + N_CATEGORIES)
    X = X[[name for name in X if name.startswith("number")]]
    n = request.param
    return X.head(n), y[:n], X.tail(n).reset_index(drop=True), y[n:]


def test_fit_and_transform_are_no_slower(halves):
    X, y, *_ = halves
    fits, transforms = ROUNDS[len(X)]
    size = f"{len(X):,} × {X.shape[1]}"
    ours, theirs = WoeBinner(**LIMITS), Peer()
    asked = WoeBinner(**LIMITS, max_p_value=NEIGHBOUR_P_VALUE)
    fit = shortest(
        {
            "riskkit": lambda: ours.fit(X, y),
            "fastbinning": lambda: theirs.fit(X, y),
            f"riskkit with max_p_value={NEIGHBOUR_P_VALUE}": lambda: asked.fit(X, y),
        },
        fits,
    )
    transform = shortest(
        {
            "riskkit": lambda: ours.transform(X),
            "fastbinning": lambda: theirs.arrays(X),
            "fastbinning's arrays in a frame": lambda: theirs.transform(X),
        },
        transforms,
    )
    assert show(f"fit, {size}", fit) <= 1
    # ours is a frame, theirs are bare arrays
    assert show(f"transform, {size}", transform) <= 1


def test_rows_not_used_show_no_lower_iv(halves):
    X, y, later, outcome = halves
    binners = {
        "riskkit": WoeBinner(**LIMITS),
        "fastbinning": Peer(),
        f"riskkit with max_p_value={NEIGHBOUR_P_VALUE}": WoeBinner(
            **LIMITS, max_p_value=NEIGHBOUR_P_VALUE
        ),
    }
    ivs = {}
    for name, binner in binners.items():
        binner.fit(X, y)
        ivs[name] = iv_of(binner.transform(later), outcome)
    texts = [f"{name} {iv:.4f}" for name, iv in ivs.items()]
    print(f"\nIV of {len(later):,} rows not used, {X.shape[1]} numbers: {', '.join(texts)}")
    assert ivs["riskkit"] >= ivs["fastbinning"]


def test_toad_for_information(halves):
    toad = pytest.importorskip("toad", reason="toad is not installed")
    X, y, later, outcome = halves
    combiner, woe = toad.transform.Combiner(), toad.transform.WOETransformer()
    start = time.perf_counter()
    combiner.fit(
        X,
        y,
        method="dt",
        n_bins=LIMITS["max_bins"],
        min_samples=LIMITS["min_bin_size"],
        empty_separate=True,
    )
    woe.fit(combiner.transform(X), y)
    fitted = time.perf_counter()
    woe.transform(combiner.transform(X))
    done = time.perf_counter()
    iv = iv_of(woe.transform(combiner.transform(later)), outcome)
    print(
        f"\ntoad {toad.__version__}, decision trees, {len(X):,} × {X.shape[1]}: fit "
        f"{(fitted - start) * 1e3:.0f} ms, transform {(done - fitted) * 1e3:.0f} ms, once; "
        f"IV of as many rows not used {iv:.4f}"
    )
