"""What chance gives a feature: permuted labels, bins of other rows, and too few bads to say."""

import numpy as np
import pandas as pd
import pytest
from binning_rows import borrowers
from scipy import stats
from sklearn.linear_model import LogisticRegression

from riskkit import binning
from riskkit.binning import WoeBinner, chance_iv, count_features, cross_fitted
from riskkit.binning.permuted import deal_bads

N = 4_000


def rows(seed, n=N, rate=0.08):
    """Noise of several kinds, and one feature that tells something."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype(int)
    return pd.DataFrame(
        {
            "number": rng.normal(size=n),
            "count": rng.poisson(2, n).astype(float),
            "levels": rng.integers(0, 60, n).astype(str),
            "tells": rng.normal(size=n) + 0.5 * y,
        }
    ), y


@pytest.fixture(scope="module")
def many():
    """Tables of chance over seeds."""
    found = []
    for seed in range(30):
        X, y = rows(seed, n=1_200)
        binner = WoeBinner(min_bads=5, infeasible="one_bin").fit(X, y)
        found.append(chance_iv(binner, n_permutations=19, seed=seed).assign(seed=seed))
    return pd.concat(found)


def test_noise_is_told_from_what_tells(many):
    p = many["p_value"].groupby(level="feature")
    # exact, so at most one in twenty: 40 seeds of three features
    noise = many.loc[["number", "count", "levels"], "p_value"]
    assert stats.binomtest(int((noise <= 0.05).sum()), len(noise), 0.05).pvalue > 1e-3
    assert p.get_group("tells").le(0.05).mean() > 0.8
    # what is left of the IV of noise is nothing, of many levels as of numbers
    beyond = many["beyond_chance"].groupby(level="feature")
    for name in ("number", "count", "levels"):
        values = beyond.get_group(name)
        assert abs(values.mean()) < 3.5 * values.std() / np.sqrt(len(values))
    assert many.loc["levels", "iv"].mean() > 0.2
    assert beyond.get_group("tells").mean() > 0.1


def test_bins_of_other_rows_do_not_flatter():
    ivs = []
    for seed in range(12):
        X, y = rows(seed, n=2_000)
        binner = WoeBinner(min_bads=5, infeasible="one_bin").fit(X, y)
        unseen = cross_fitted(binner, X, y)
        ivs.append(unseen.iv(y))
        assert binner.iv["levels"] > 0.2
    ivs = pd.DataFrame(ivs)
    error = ivs.std() / np.sqrt(len(ivs))
    assert (ivs.mean() < 3.5 * error)[["number", "count", "levels"]].all()
    assert ivs["tells"].mean() > 0.15
    # each row by the bins of a binner that has not seen its fold
    fold, woe = unseen.fold, unseen.woe
    edges = count_features(X, y).edges
    for k in range(5):
        counts = count_features(X[fold != k], y[fold != k], edges)
        other = WoeBinner(min_bads=5, infeasible="one_bin").fit_counts(counts)
        np.testing.assert_array_equal(woe[fold == k], other.transform(X[fold == k]))


def test_folds_keep_customers_together_and_hang_on_no_order():
    X, y = rows(2, n=1_000)
    customer = np.random.default_rng(2).integers(0, 400, len(X)).astype(str)
    binner = WoeBinner(min_bads=5, infeasible="one_bin")
    unseen = cross_fitted(binner, X, y, groups=customer)
    folds = pd.Series(unseen.fold).groupby(customer).nunique()
    assert (folds == 1).all()
    order = np.random.default_rng(3).permutation(len(X))
    for groups in (None, customer):
        woe = cross_fitted(binner, X, y, groups=groups).woe
        some = None if groups is None else groups[order]
        again = cross_fitted(binner, X.iloc[order], y[order], groups=some).woe
        np.testing.assert_array_equal(again, woe.iloc[order])


def test_few_bads_are_dealt_into_fewer_folds_and_one_into_none():
    X, _ = rows(6, n=300)
    binner = WoeBinner(infeasible="one_bin")
    three = np.zeros(300, dtype=int)
    three[[5, 50, 200]] = 1
    binner.fit(X, three)
    assert set(cross_fitted(binner, X, three).fold) == {0, 1, 2}
    same = np.where(three == 1, 0, np.arange(300) + 1)  # one customer has all the bads
    for y, groups in ((np.eye(1, 300, dtype=int)[0], None), (three, same)):
        unseen = cross_fitted(binner, X, y, groups=groups)
        assert unseen.woe.isna().all(axis=None)
        assert unseen.iv(y).isna().all()
        assert not unseen.counts


def test_an_analysts_bins_are_kept_when_labels_are_permuted():
    X, y = rows(3)
    binner = WoeBinner(min_bads=5).fit(X, y)
    chosen = chance_iv(binner).loc["number"]
    given = chance_iv(binner.set_edges("number", [-1, 0, 1])).loc["number"]
    # three degrees of freedom, and nobody chose
    expected = 3 * (1 / y.sum() + 1 / (len(y) - y.sum()))
    assert given["by_chance"] == pytest.approx(expected, rel=0.25)
    assert chosen["by_chance"] > 0
    unseen = cross_fitted(binner.set_edges("number", [-1, 0, 1]), X, y)
    assert unseen.woe["number"].nunique() <= 5 * 4


def signed_root(woe, y):
    """Of the likelihood ratio of WoE alone, above 0 where safer WoE has fewer bads."""
    if np.ptp(woe) == 0:
        return 0.0
    fit = LogisticRegression(C=np.inf, tol=1e-10).fit(woe[:, None], y)
    bad, rate = fit.predict_proba(woe[:, None])[:, 1], y.mean()
    gain = np.log(np.where(y == 1, bad / rate, (1 - bad) / (1 - rate))).sum()
    return -np.sign(fit.coef_[0, 0]) * np.sqrt(2 * gain)


@pytest.mark.parametrize("decided", [False, True])
def test_chance_scores_are_those_of_permuted_labels(decided):
    X, y = rows(5, n=1_500)
    X["number"] = X["number"].mask(X.index % 9 == 0)
    binner = WoeBinner(min_bads=5, infeasible="one_bin", max_p_value=0.3).fit(X, y)
    if decided:
        binner = binner.set_edges("number", [-1, 0, 1])
        levels = sorted(X["levels"].unique())
        binner = binner.group_levels("levels", [levels[:20], levels[20:40], levels[40:]])
    names = ["number", "levels", "count"]
    unseen = cross_fitted(binner, X, y)
    rng = np.random.default_rng(5)
    drawn = {name: [] for name in names}
    for _ in range(40):
        labels = rng.permutation(y)
        again = cross_fitted(binner, X, labels, features=names).woe
        for name in names:
            drawn[name].append(signed_root(again[name].to_numpy(), labels))
    for name in names:
        chance = unseen.chance_scores(name)
        assert (np.diff(chance) >= 0).all()
        assert len(chance) == 99
        assert stats.ks_2samp(chance, drawn[name]).pvalue > 1e-3
        # wider than a normal one: folds share rows
        assert chance.std() > 1.1
    np.testing.assert_array_equal(chance, unseen.chance_scores(name))
    light = cross_fitted(binner.set_params(min_bads=0), X, y, np.full(len(y), 0.25))
    whole = cross_fitted(binner, X, y)
    for name in names:
        found = light.chance_scores(name)
        np.testing.assert_allclose(found, whole.chance_scores(name), atol=1e-6)


def test_the_last_edit_counts_whether_the_binner_is_fitted_or_not():
    X, y = rows(7, n=1_200)
    fitted = WoeBinner(min_bads=5, infeasible="one_bin").fit(X, y)
    twice = fitted.set_edges("number", [-1, 0, 1], by="a").set_edges("number", [0.0], by="a")
    blank = WoeBinner(min_bads=5, infeasible="one_bin", edits=twice.log_)
    both = [cross_fitted(binner, X, y, features=list(X)) for binner in (twice, blank)]
    pd.testing.assert_frame_equal(both[0].woe, both[1].woe)
    assert both[0].woe["number"].nunique() <= 5 * 2
    once = fitted.set_edges("number", [0.0], by="a")
    expected = cross_fitted(once, X, y, features=list(X)).chance_scores("number")
    for found in both:
        np.testing.assert_array_equal(found.chance_scores("number"), expected)


def test_what_a_fold_lacks_stops_no_cross_fit():
    X, y = rows(8, n=1_200)
    edge = float(np.sort(X["number"])[61])
    X["solo"] = pd.Series([None] * len(X), dtype=object)
    X.loc[5, "solo"] = "solo"
    X["none"] = pd.Categorical([None] * len(X), categories=["a"])
    rare = pd.Series([None] * len(X), dtype=object)
    rare[[5, 9, 11]], rare[12] = True, False
    X["rare"] = rare
    binner = WoeBinner(
        fixed_edges={"number": [edge, 0.0, 1.0]}, infeasible="one_bin", special_codes=[-9]
    )
    unseen = cross_fitted(binner.fit(X, y), X, y)
    assert unseen.woe.notna().all(axis=None)
    assert unseen.woe["number"].nunique() == 5 * 4
    for name in X:
        assert np.isfinite(unseen.chance_scores(name)).all()
    numbered = X[["number", "tells"]].set_axis([0, 1], axis=1)
    by_number = cross_fitted(WoeBinner().fit(numbered, y), numbered, y)
    assert len(by_number.chance_scores(1)) == 99
    only = pd.DataFrame({"s": np.full(len(X), -9.0)})
    assert WoeBinner(special_codes=[-9]).fit(only, y, np.full(len(X), 0.5)).bins_["s"].n_bins == 1


def test_weights_below_a_row_say_only_how_much_it_counts():
    X, y = rows(4, n=1_000)
    plain = WoeBinner(min_bads=5).fit(X, y)
    light = WoeBinner(min_bads=0.05).fit(X, y, sample_weight=np.full(len(y), 0.01))
    columns = ["by_chance", "p_value"]
    pd.testing.assert_frame_equal(chance_iv(light)[columns], chance_iv(plain)[columns], rtol=0.01)


def test_dealt_bads_are_where_they_are_put():
    cells = np.array([[3, 1], [0, 0], [2, 2]])
    dealt = deal_bads(cells, np.array([[0, 3, 4], [5, 6, 7]]))
    np.testing.assert_array_equal(dealt, [[[2, 2], [0, 0], [3, 1]], [[4, 0], [0, 0], [1, 3]]])


def test_a_binner_without_counts_cannot_say(tmp_path):
    X, y = rows(5, n=500)
    binner = WoeBinner().fit(X, y)
    binner.save(tmp_path / "b.json")
    with pytest.raises(ValueError, match="no fine counts"):
        chance_iv(WoeBinner.load(tmp_path / "b.json"))
    with pytest.raises(ValueError, match="from 1 to 9,999, got 0"):
        chance_iv(binner, n_permutations=0)


# --- bins with few bads, and intervals ---------------------------------------------------------


def with_codes():
    """A special code of 60 rows with 3 bads, and 60 missing of which 30 are bad."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=1_000)
    y = (rng.random(1_000) < 0.2).astype(int)
    x[:60], y[:60] = -9.0, [1] * 3 + [0] * 57
    x[60:120], y[60:120] = np.nan, [1] * 30 + [0] * 30
    return pd.DataFrame({"x": x}), y


@pytest.mark.parametrize(("below", "row"), [("neutral", None), ("riskiest", "missing")])
def test_five_bads_earn_no_points(below, row):
    X, y = with_codes()
    own = WoeBinner(special_codes={"x": [-9]}).fit(X, y).table("x")
    table = WoeBinner(special_codes={"x": [-9]}, min_bads=5, below_min_bads=below).fit(X, y)
    saved = WoeBinner.from_json(table.to_json())
    table = table.table("x")
    assert own.at["special -9", "woe"] > 1
    assert not own["assumed"].any()
    assert table.index[table["assumed"]].tolist() == ["special -9"]
    expected = 0.0 if row is None else table.at[row, "woe"]
    assert table.at["special -9", "woe"] == expected
    assert np.isnan(table.at["special -9", "woe_low"])
    assert table.at["missing", "woe"] == own.at["missing", "woe"]
    assert saved.transform(X)["x"].iloc[0] == expected
    pd.testing.assert_frame_equal(saved.table("x"), table)


def test_a_merged_bin_of_few_bads_is_measured_again():
    X, y = with_codes()
    binner = WoeBinner(special_codes={"x": [-9]}, min_bads=5).fit(X, y)
    rows = list(binner.table("x").index)
    merged = binner.merge_bins("x", rows.index("special -9"), rows.index("missing")).table("x")
    assert not merged["assumed"].any()


def test_intervals_cover_the_woe_and_errors_are_those_of_resamples():
    X, y = borrowers()
    X, y = X[["income", "job"]], np.asarray(y)
    binner = WoeBinner(max_bins=4).fit(X, y)
    rng = np.random.default_rng(8)
    drawn = {name: [] for name in X}
    for _ in range(400):
        # goods and bads are drawn apart, since their totals are given
        pick = np.concatenate([rng.choice(np.flatnonzero(y == k), (y == k).sum()) for k in (0, 1)])
        for name, bins in binner.bins_.items():
            counts = np.bincount(
                bins.assign(X[name].iloc[pick]) * 2 + y[pick], minlength=2 * len(bins.counts)
            )
            other = binning.FeatureBins(
                name,
                bins.edges,
                bins.groups,
                bins.special_codes,
                counts.reshape(-1, 2)[: len(bins.counts)],
            )
            drawn[name].append([other.iv, *other.woe[:-1]])
    for name, bins in binner.bins_.items():
        filled = bins.counts.sum(axis=1) > 0
        spread = np.std(drawn[name], axis=0)
        assert bins.iv_error == pytest.approx(spread[0], rel=0.2)
        np.testing.assert_allclose(bins.woe_error[filled], spread[1:][filled], rtol=0.2)
        table = bins.table()[filled]
        assert (table["woe_low"] < table["woe"]).all()
        assert (table["woe"] < table["woe_high"]).all()


# --- neighbours that differ --------------------------------------------------------------------


def test_neighbours_differ_where_that_is_asked():
    X, y = rows(9, rate=0.15)
    loose = WoeBinner(min_bads=5, infeasible="one_bin").fit(X, y)
    binner = WoeBinner(min_bads=5, max_p_value=0.05, infeasible="one_bin").fit(X, y)
    assert len(binning.weak_neighbours(loose)) > 3
    assert len(binning.weak_neighbours(binner)) == 0
    assert binner.bins_["tells"].n_bins >= 3
    assert binner.bins_["levels"].n_bins >= 2
    assert "max_p_value=0.05" in WoeBinner(max_p_value=0.05, infeasible="one_bin").fit(
        X[["number"]], y
    ).one_bin_.get("number", "max_p_value=0.05")


def test_bins_that_change_places_in_a_year_are_not_made():
    """Two halves of the values whose order turns round in the second year."""
    rng = np.random.default_rng(10)
    x, year = rng.integers(0, 4, 8_000).astype(float), rng.integers(0, 2, 8_000)
    turned = np.array([0.10, 0.15, 0.45, 0.60]), np.array([0.10, 0.35, 0.25, 0.60])
    y = rng.random(len(x)) < np.where(year == 0, turned[0][x.astype(int)], turned[1][x.astype(int)])
    X = pd.DataFrame({"x": x, "level": x.astype(int).astype(str)})
    for edges in (None, {"x": [1, 2, 3]}):
        free = WoeBinner(candidate_edges=edges).fit(X, y.astype(int))
        held = WoeBinner(candidate_edges=edges).fit(X, y.astype(int), stable_over=year)
        assert 2.0 in free.edges["x"]
        assert 2.0 not in held.edges["x"]
        assert held.edges["x"].tolist() == [1.0, 3.0]
        assert {"1", "2"} in [set(group) for group in held.bins_["level"].groups]
    # counts by period are all it takes
    counts = count_features(X, y.astype(int))
    parts = [count_features(X[year == k], y[year == k].astype(int), counts.edges) for k in (0, 1)]
    assert WoeBinner().fit_counts(counts, stable_over=parts).edges["x"].tolist() == [1.0, 3.0]
    wide = WoeBinner(min_period_gap=0.25).fit(X, y.astype(int), stable_over=year)
    assert wide.bins_["x"].n_bins == 2


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"max_p_value": 0}, r"max_p_value must lie in \(0, 1\], got 0"),
        ({"below_min_bads": "own"}, "below_min_bads must be one of .*neutral.*, got 'own'"),
        ({"reversal_level": 1.0}, r"reversal_level must lie in \[0, 1\), got 1.0"),
        ({"min_period_gap": -0.1}, r"min_period_gap must lie in \[0, 1\), got -0.1"),
    ],
)
def test_settings_out_of_range_are_named(settings, text):
    X, y = rows(11, n=200)
    with pytest.raises(ValueError, match=text):
        WoeBinner(**settings).fit(X, y)


def test_an_unknown_period_is_refused():
    X, y = rows(12, n=200)
    period = np.where(np.arange(200) == 3, None, "a")
    with pytest.raises(ValueError, match="stable_over must be known in every row, missing in 1"):
        WoeBinner().fit(X, y, stable_over=period)
