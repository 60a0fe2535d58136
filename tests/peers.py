"""What the benchmarks share: borrowers of any number, the peer under equal limits, a stopwatch."""

import time

import numpy as np
import pandas as pd
from optbinning import BinningProcess

N_CATEGORIES = 4
LIMITS = {"max_bins": 8, "min_bin_size": 0.05}


def borrowers(n_rows, n_features, seed=0):
    """Numbers of several shapes, every fourth with 10 % missing, and four categories.

    Risk rises or falls in most numbers and turns in some; every feature tells something.
    """
    rng = np.random.default_rng(seed)
    n_numbers = n_features - N_CATEGORIES
    columns, logit = {}, np.zeros(n_rows)
    for i in range(n_numbers):
        shape = i % 4
        if shape == 0:
            values = rng.exponential(size=n_rows)
        elif shape == 1:
            values = rng.poisson(4, n_rows).astype(np.float64)
        else:
            values = rng.normal(size=n_rows)
        centred = (values - values.mean()) / values.std()
        effect = (0.3 + 0.5 * (i % 5) / 4) / np.sqrt(n_numbers) * (-1) ** i
        logit += effect * (centred**2 - 1 if i % 8 == 3 else centred)
        if i % 4 == 2:
            values[rng.random(n_rows) < 0.1] = np.nan
        columns[f"number{i}"] = values
    for i in range(N_CATEGORIES):
        codes = rng.integers(0, 8, n_rows)
        columns[f"level{i}"] = np.array(list("abcdefgh"))[codes]
        logit += (codes - 3.5) * 0.06 * (i + 1)
    y = (rng.random(n_rows) < 1 / (1 + np.exp(2.4 - logit))).astype(int)
    return pd.DataFrame(columns), y


def peer_of(X):
    """optbinning's own process under the same limits, and the frame as it wants it."""
    levels = [name for name in X.columns if name.startswith("level")]
    process = BinningProcess(
        list(X.columns), categorical_variables=levels, max_n_bins=8, min_bin_size=0.05, n_jobs=1
    )
    return process, X.astype(dict.fromkeys(levels, object))


def seconds(call, times=3):
    """Shortest of several runs, and what the last one returned."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        result = call()
        taken.append(time.perf_counter() - start)
    return min(taken), result


def show(what, ours, theirs, limit):
    """Print both times and their ratio, and hold the ratio to its limit."""
    ratio = ours / theirs
    print(f"\n{what}: {ours:.2f} s, optbinning {theirs:.2f} s, ratio {ratio:.4f} (limit {limit})")
    assert ratio <= limit
