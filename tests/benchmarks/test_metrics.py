"""Metrics from score counts against scikit-learn, ratio in one run, best of three.

Run with ``make bench``.
"""

import time

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from riskkit import metrics

N_SCORES = 10_000_000


def seconds(call):
    """Shortest of three runs, and what the last one returned."""
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        result = call()
        taken.append(time.perf_counter() - start)
    return min(taken), result


def from_counts(score, y):
    counts = metrics.score_counts(score, y)
    return metrics.discrimination(counts, n_boot=0), metrics.roc_curve_table(counts)


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
def test_metrics_of_ten_million_whole_scores(dtype):
    rng = np.random.default_rng(0)
    y = (rng.random(N_SCORES) < 0.1).astype(int)
    score = np.rint(600 + 30 * rng.normal(size=N_SCORES) - 20 * y).astype(dtype)
    ours, (table, curve) = seconds(lambda: from_counts(score, y))
    # scikit-learn's higher score is the riskier one
    theirs, (area, (false_positive, true_positive, _)) = seconds(
        lambda: (roc_auc_score(y, -score), roc_curve(y, -score, drop_intermediate=False))
    )
    ratio = ours / theirs
    print(
        f"\nAUC, Gini, KS, DeLong and ROC of {N_SCORES:,} scores, {dtype.__name__}: {ours:.3f} s, "
        f"scikit-learn's AUC and ROC {theirs:.3f} s, ratio {ratio:.4f} (limit 0.2)"
    )
    assert table["auc"] == pytest.approx(area, abs=1e-12)
    assert curve["good_share"].to_numpy() == pytest.approx(false_positive, abs=1e-12)
    assert curve["bad_share"].to_numpy() == pytest.approx(true_positive, abs=1e-12)
    assert ratio <= 0.2
