"""How often cuts are chosen again: on counts drawn anew, as on rows drawn anew."""

import numpy as np
import pandas as pd
import pytest

from riskkit.binning import WoeBinner, count_features, cut_frequencies


def rows(seed, n=3_000):
    """A clear step at 0, a slope without one, and three levels, two of which are alike."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"step": rng.normal(size=n), "slope": rng.normal(size=n)})
    X["level"] = rng.choice(["a", "b", "c"], n)
    odds = -2 + 1.5 * (X["step"] > 0) + 0.5 * X["slope"] + 1.2 * (X["level"] == "c")
    return X, (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int).to_numpy()


@pytest.fixture(scope="module")
def fitted():
    X, y = rows(1)
    return X, y, WoeBinner(max_p_value=0.3).fit(X, y)


def test_a_clear_cut_is_chosen_again_and_a_doubtful_one_wanders(fitted):
    *_, binner = fitted
    table = cut_frequencies(binner)
    assert table["chosen_again"].between(0, 1).all()
    steps, slopes = table.loc["step"], table.loc["slope"]
    clear = steps.iloc[(steps["cut"].abs()).argmin()]
    assert clear["chosen_again"] > 0.95
    assert clear["high"] - clear["low"] < 0.3
    assert slopes["chosen_again"].min() < 0.9
    assert (slopes["high"] - slopes["low"]).max() > 0.5
    assert (slopes["low"] <= slopes["cut"]).mean() > 0.5
    # riskier levels come last; c is apart from the others in every draw
    assert table.loc["level", "chosen_again"].iloc[-1] > 0.95
    assert table.loc["level", ["cut", "low", "high"]].isna().all(axis=None)
    assert table.loc[("step", 0), "neighbours"] == " | ".join(binner.bins_["step"].labels[:2])


def test_counts_drawn_anew_say_what_rows_drawn_anew_do(fitted):
    """The bootstrap of rows, with the binner's own search on all fine cells."""
    X, y, binner = fitted
    edges = binner.bins_["slope"].edges
    ranks = np.sort(X["slope"].to_numpy())
    place = np.searchsorted(ranks, edges) / len(ranks)
    rng, hits, n = np.random.default_rng(2), np.zeros(len(edges)), 100
    for _ in range(n):
        drawn = np.concatenate(
            [rng.choice(np.flatnonzero(y == label), (y == label).sum()) for label in (0, 1)]
        )
        again = WoeBinner(max_p_value=0.3).fit(X.iloc[drawn][["slope"]], y[drawn])
        cuts = np.searchsorted(ranks, again.bins_["slope"].edges) / len(ranks)
        hits += np.abs(place[:, None] - cuts).min(axis=1) <= 0.025
    found = cut_frequencies(binner, ["slope"])["chosen_again"]
    assert found.to_numpy() == pytest.approx(hits / n, abs=0.16)


def test_weights_that_say_how_much_a_row_counts_change_nothing(fitted):
    X, y, binner = fitted
    light = WoeBinner(max_p_value=0.3, min_bads=0).fit(X, y, np.full(len(y), 0.25))
    heavy = WoeBinner(max_p_value=0.3, min_bads=0).fit(X, y)
    pd.testing.assert_frame_equal(cut_frequencies(light), cut_frequencies(heavy))
    few = cut_frequencies(binner, ["level"], n_resamples=50)
    pd.testing.assert_frame_equal(few, cut_frequencies(binner, n_resamples=50).loc[["level"]])


def test_what_was_decided_is_not_chosen(fitted):
    X, y, binner = fitted
    by_hand = binner.set_edges("step", [0.0], by="a", reason="b")
    assert "step" not in cut_frequencies(by_hand).index.get_level_values("feature")
    fixed = WoeBinner(fixed_edges={"step": [0.0]}, trend="none").fit(X[["step"]], y)
    assert len(cut_frequencies(fixed)) == 0
    flat = WoeBinner(infeasible="one_bin").fit(pd.DataFrame({"x": np.zeros(len(y))}), y)
    assert cut_frequencies(flat).columns.tolist() == cut_frequencies(binner).columns.tolist()


def test_bad_requests_are_named(fitted):
    X, y, binner = fitted
    with pytest.raises(ValueError, match="n_resamples must be at least 1"):
        cut_frequencies(binner, n_resamples=0)
    with pytest.raises(ValueError, match="stepp"):
        cut_frequencies(binner, ["stepp"])
    loaded = WoeBinner.from_json(binner.to_json())
    with pytest.raises(ValueError, match="fine counts"):
        cut_frequencies(loaded)
    with pytest.raises(ValueError, match="slope"):
        cut_frequencies(loaded, counts=count_features(X[["step"]], y))
    given = cut_frequencies(loaded, ["step"], counts=count_features(X, y, features=["step"]))
    pd.testing.assert_frame_equal(given, cut_frequencies(binner, ["step"]))
