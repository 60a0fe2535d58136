"""The least change of a score that is no sum of points: every way is tried, the nearest first."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from riskkit import deployment
from riskkit.binning import WoeBinner
from riskkit.challenger import Challenger

NAN = float("nan")
CHANGEABLE = {"debt": "falls", "on_time": "rises", "term": "falls"}
TRENDS = {"debt": "ascending", "on_time": "descending", "term": "ascending"}


def trees_of(trends, n=3_000, seed=0):
    """Trees of an outcome in which debt hurts the late, and six months are the best term."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "debt": np.where(rng.random(n) < 0.1, -9.0, rng.integers(0, 40, n).astype(float)),
            "on_time": np.where(rng.random(n) < 0.1, NAN, rng.random(n).round(3)),
            "term": rng.choice([3.0, 6.0, 12.0], n),
            "word": rng.choice(["none", "no", "yes"], n),
        }
    )
    late = X["on_time"].fillna(0.5) < 0.5
    logit = -2.5 + 0.09 * X["debt"].clip(lower=0) * late + (X["word"] == "none")
    logit += 0.6 * (X["term"] - 6).abs()  # six months repay best
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(float)
    codes = {"debt": [-9]}
    binner = WoeBinner(
        trend={"debt": "ascending", "on_time": "descending"}, special_codes=codes
    ).fit(X, y)
    trees = Challenger(trends, special_codes=codes, n_rounds=40, calibration="none")
    return trees.fit(X, y), binner.bins_, X


def every_way(trees, bins, X, row, cutoff):
    """The least distance of all ways to reach the cutoff, by scoring each; None if none does."""
    options = []
    for name, way in CHANGEABLE.items():
        edges, value = bins[name].edges, X.loc[row, name]
        loans = bins[name].counts[: bins[name].n_bins].sum(axis=1)
        middle = (loans.cumsum() - loans / 2) / loans.sum()
        ways = [(value, 0.0)]
        if not np.isnan(value) and value != -9:
            at = int(np.searchsorted(edges, value, side="right"))
            others = range(at) if way == "falls" else range(at + 1, bins[name].n_bins)
            seen = X[name][X[name].notna() & (X[name] != -9)]
            for other in others:
                there = seen[np.searchsorted(edges, seen, side="right") == other]
                near = there.max() if way == "falls" else there.min()
                ways.append((near, abs(middle[other] - middle[at])))
        options.append(ways)
    ways = [*product(*options)]
    moved = X.loc[[row] * len(ways)].reset_index(drop=True)
    for place, name in enumerate(CHANGEABLE):
        moved[name] = [way[place][0] for way in ways]
    reached = trees.credit_score(moved).to_numpy() >= cutoff
    far = np.array([sum(distance for _, distance in way) for way in ways])
    return far[reached].min() if reached.any() else None


# none of the trends binds the trees of the second: the bound on the best way must not be used
@pytest.mark.parametrize("trends", [TRENDS, {}, {"debt": "ascending"}])
def test_the_change_is_the_least_of_all_that_reach_the_cutoff(trends):
    trees, bins, X = trees_of(trends)
    score = trees.credit_score(X)
    cutoff = float(score.quantile(0.75))
    below = X.index[score < cutoff][:60]
    asked = np.where(X.index.isin(below), cutoff, -np.inf)
    changes = deployment.smallest_changes(trees, X, asked, CHANGEABLE, bins=bins)
    told = changes.groupby(level="row")["distance"].sum()
    assert set(told.index) <= set(below)
    assert 10 < len(told) < len(below)
    assert (changes.groupby(level="row").size() > 1).any()
    for row in below:
        least = every_way(trees, bins, X, row, cutoff)
        assert (row in told.index) == (least is not None)
        if least is not None:
            assert told[row] == pytest.approx(least)


def test_who_changes_as_told_reaches_the_cutoff_of_trees():
    trees, bins, X = trees_of(TRENDS)
    cutoff = float(trees.credit_score(X).quantile(0.6))
    changes = deployment.smallest_changes(trees, X, cutoff, CHANGEABLE, bins=bins)
    moved = X.copy()
    for (row, _), change in changes.iterrows():
        name = change["feature"]
        edge = float(change["needed"].replace("below ", "").split(" ")[0].replace(",", ""))
        falls = change["needed"].startswith("below")
        # the nearest value that an applicant has there
        seen = X[name][(X[name] < edge) if falls else (X[name] >= edge)]
        moved.loc[row, name] = seen.max() if falls else seen.min()
    rows = changes.index.get_level_values("row").unique()
    assert len(rows) > 100
    assert (trees.credit_score(moved.loc[rows]) >= cutoff).all()
    alone = changes.groupby(level="row").filter(lambda table: len(table) == 1)
    gained = trees.credit_score(moved) - trees.credit_score(X)
    assert (alone["points"].droplevel("rank") == gained[alone.index.get_level_values("row")]).all()


def test_a_sample_of_the_declined_is_called_one():
    trees, bins, X = trees_of(TRENDS, n=1_000)
    changes = deployment.smallest_changes(trees, X, 500.0, CHANGEABLE, bins=bins)
    text = deployment.changes_text(changes, 5_000, 1_000)
    assert text.startswith("Of 1,000 drawn at random from the 5,000 whom the score declines, ")
    assert "of the 5,000" not in deployment.changes_text(changes, 1_000, 1_000)


def test_trees_come_with_bins_and_what_they_do_not_read_changes_nothing():
    trees, bins, X = trees_of(TRENDS, n=1_000)
    with pytest.raises(ValueError, match="need bins"):
        deployment.smallest_changes(trees, X, 500.0, CHANGEABLE)
    assert deployment.smallest_changes(trees, X, 900.0, {"height": "falls"}, bins=bins).empty
    unread = deployment.smallest_changes(trees, X, 900.0, {"debt": "falls"}, bins={})
    assert unread.empty
    with pytest.raises(ValueError, match="only numbers fall or rise"):
        deployment.smallest_changes(trees, X, 500.0, {"word": "rises"}, bins=bins)
