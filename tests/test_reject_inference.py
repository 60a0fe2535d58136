"""Reject inference: training rows, and what it does to models of a known world."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import reject_inference
from riskkit.binning import WoeBinner
from riskkit.schema import risk_trends
from riskkit.scorecard import Scorecard, ScoreScale
from riskkit.synthetic import truth_by_decision
from riskkit.synthetic.features import FEATURES


class Logistic:
    """Unpenalised logistic regression by Newton's method, to the last digit."""

    def fit(self, X, y, sample_weight):
        design, y, sample_weight = self._design(X), np.asarray(y), np.asarray(sample_weight)
        self.coefficients = np.zeros(design.shape[1])
        for _ in range(30):
            p = 1 / (1 + np.exp(-design @ self.coefficients))
            hessian = (design.T * (sample_weight * p * (1 - p))) @ design
            self.coefficients += np.linalg.solve(hessian, design.T @ (sample_weight * (y - p)))
        return self

    def predict_proba(self, X):
        p = 1 / (1 + np.exp(-self._design(X) @ self.coefficients))
        return np.column_stack([1 - p, p])

    def _design(self, X):
        return np.column_stack([np.ones(len(X)), X.to_numpy(float)])


class AsIs:
    """No model: the column `p` is its probability, whatever it is fitted to."""

    def fit(self, X, y, sample_weight):
        return self

    def predict_proba(self, X):
        return np.column_stack([1 - X["p"], X["p"]])


def by_hand():
    """Two bands of known counts: 6 accepted and 3 declined below 0.2, 4 and 6 from there on."""
    safe = pd.DataFrame({"y": [1, 0, 0, 0, 0, 0] + [np.nan] * 3, "p": 0.1})
    risky = pd.DataFrame({"y": [1, 0, 0, 1] + [np.nan] * 6, "p": 0.2})
    # accepted, but never booked: in no training rows
    open_ = pd.DataFrame({"y": [np.nan], "p": [0.2]})
    table = pd.concat([safe, risky, open_], ignore_index=True)
    declined = table["y"].isna() & (table.index < len(table) - 1)
    return table["y"], declined, table["p"]


def logistic_world(n=40_000, seed=3, *, hidden=1.0, curved=0.0, explore_rate=0.05):
    """Applicants a lender declines by the risk that a model sees.

    The declined are `hidden` times as bad as accepted applicants who look the same; `curved` is
    what a straight line in x cannot follow.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    noisy = x + rng.normal(size=n)
    would_decline = noisy > 0.5
    p = 1 / (1 + np.exp(2.5 - 0.8 * x - curved * x**2))
    p = np.where(would_decline, np.minimum(hidden * p, 1), p)
    explored = rng.random(n) < explore_rate
    declined = would_decline & ~explored
    y = np.where(declined, np.nan, rng.random(n) < p)
    return pd.DataFrame({"x": x}), y, declined, explored, p


applicants = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, None, "declined"]), st.integers(0, 9)),
    min_size=4,
    max_size=60,
).map(lambda rows: [(0.0, 3), (1.0, 4), ("declined", 5), *rows])


def unpacked(rows):
    states, tenths = zip(*rows, strict=True)
    declined = np.array([state == "declined" for state in states])
    y = np.array([state if state in (0.0, 1.0) else np.nan for state in states], dtype=float)
    return y, declined, np.array(tenths) / 10


# -- training rows ---------------------------------------------------------------------------------


def test_none_learns_from_the_accepted_with_an_outcome_alone():
    rows = reject_inference.accepted_only([None, 1, 0, None], [True, False, False, False])
    expected = pd.DataFrame(
        {"position": [1, 2], "bad": [1, 0], "weight": 1.0, "inferred": [False, False]}
    )
    pd.testing.assert_frame_equal(rows, expected)


def test_bands_count_accepted_and_declined():
    table = reject_inference.score_bands(*by_hand(), n_bands=3)
    expected = pd.DataFrame(
        {
            "low": [0.0, 0.2],
            "high": [0.2, np.inf],
            "good": [5, 2],
            "bad": [1, 2],
            "declined": [3, 6],
            "bad_rate": [1 / 6, 1 / 2],
            "acceptance_rate": [6 / 9, 4 / 10],
        },
        index=pd.RangeIndex(1, 3, name="band"),
    )
    pd.testing.assert_frame_equal(table, expected)


def test_bands_begin_at_every_kth_bad():
    # ten bads a tenth apart, a good beside each: five bands of two bads, none of them with rate 0
    p = np.repeat(np.arange(10) / 10, 2)
    table = reject_inference.score_bands(
        [*[0, 1] * 10, None], [*[False] * 20, True], [*p, 0.95], n_bands=5
    )
    assert table["low"].tolist() == [0.0, 0.2, 0.4, 0.6, 0.8]
    assert table["bad"].tolist() == table["good"].tolist() == [2] * 5
    assert table["declined"].tolist() == [0, 0, 0, 0, 1]


@settings(max_examples=60, deadline=None)
@given(rows=applicants, n_bands=st.integers(1, 12), data=st.data())
def test_bands_hold_everybody_once_in_any_order_and_each_a_bad(rows, n_bands, data):
    y, declined, p = unpacked(rows)
    table = reject_inference.score_bands(y, declined, p, n_bands=n_bands)
    assert len(table) <= n_bands
    assert table[["good", "bad", "declined"]].sum().tolist() == [
        (y == 0).sum(),
        (y == 1).sum(),
        declined.sum(),
    ]
    assert (table["bad"] > 0).all()
    mixed = np.array(data.draw(st.permutations(range(len(y)))))
    again = reject_inference.score_bands(y[mixed], declined[mixed], p[mixed], n_bands=n_bands)
    pd.testing.assert_frame_equal(table, again)


def test_each_applicant_has_the_acceptance_rate_of_its_band():
    y, declined, p = by_hand()
    acceptance = reject_inference.acceptance_by_band(y, declined, p, n_bands=3)
    assert acceptance.tolist() == [6 / 9] * 9 + [4 / 10] * 11


def test_reweighted_accepted_stand_for_the_declined_of_their_band():
    y, declined, p = by_hand()
    acceptance = reject_inference.acceptance_by_band(y, declined, p, n_bands=3)
    rows = reject_inference.reweighting(y, declined, acceptance)
    assert rows["position"].tolist() == [*range(6), *range(9, 13)]
    assert not rows["inferred"].any()
    # nine applicants for six loans, ten for four
    assert rows["weight"].tolist() == pytest.approx([9 / 6] * 6 + [10 / 4] * 4)


def test_capped_weights_keep_their_sum():
    # 1, 2 and 100 become 1, 2 and 4, scaled to four applicants
    rows = reject_inference.reweighting(
        [0, 1, 0, None], [False] * 3 + [True], [1, 0.5, 0.01, 0.01], max_weight=4
    )
    assert rows["weight"].tolist() == pytest.approx([4 / 7, 8 / 7, 16 / 7])


@settings(max_examples=60, deadline=None)
@given(rows=applicants, n_bands=st.integers(1, 12), max_weight=st.sampled_from([1, 1.5, 20]))
def test_reweighted_weights_sum_to_all_applicants(rows, n_bands, max_weight):
    y, declined, p = unpacked(rows)
    acceptance = reject_inference.acceptance_by_band(y, declined, p, n_bands=n_bands)
    weight = reject_inference.reweighting(y, declined, acceptance, max_weight=max_weight)["weight"]
    assert weight.sum() == pytest.approx((~np.isnan(y)).sum() + declined.sum())
    assert weight.max() <= weight.min() * max_weight * (1 + 1e-9)


@pytest.mark.parametrize(
    ("uplift", "n_bad"), [(1, [1, 3]), (1.5, [1, 4]), (0.5, [0, 2]), (9, [3, 6])]
)
def test_parcelled_bads_are_the_bands_rate_times_uplift(uplift, n_bad):
    # expected (0.5, 3): 1 and 3.5 in all; × 1.5 (0.75, 4.5); × 0.5 (0.25, 1.5); never more than all
    y, declined, p = by_hand()
    rows = reject_inference.parcelling(y, declined, p, uplift=uplift, n_bands=3)
    inferred = rows[rows["inferred"]]
    assert inferred["position"].tolist() == np.flatnonzero(declined).tolist()
    assert (inferred["weight"] == 1).all()
    found = inferred["bad"].groupby(p[inferred["position"]].to_numpy()).sum()
    assert found.tolist() == n_bad
    assert rows.loc[~rows["inferred"], "bad"].tolist() == y.dropna().tolist()


@settings(max_examples=80, deadline=None)
@given(rows=applicants, n_bands=st.integers(1, 12), uplift=st.sampled_from([0.3, 1.0, 1.7, 4.0]))
def test_parcelled_bads_stay_within_rounding_of_what_is_expected(rows, n_bands, uplift):
    y, declined, p = unpacked(rows)
    table = reject_inference.score_bands(y, declined, p, n_bands=n_bands)
    found = reject_inference.parcelling(y, declined, p, uplift=uplift, n_bands=n_bands)
    inferred = found[found["inferred"]]
    band = np.searchsorted(table["low"], p[inferred["position"]], side="right")
    bads = inferred["bad"].groupby(band).sum().reindex(table.index, fill_value=0)
    expected = table["declined"] * np.minimum(table["bad_rate"] * uplift, 1)
    assert ((bads - expected).abs() < 1 + 1e-9).all()
    assert ((bads - expected).cumsum().abs() <= 0.5 + 1e-9).all()


def many_declined():
    declined = np.repeat([False, True], [4, 40])
    y = np.array([0.0, 1, 0, 1] + [np.nan] * 40)
    p = np.array([0.1, 0.1, 0.6, 0.6] + [0.1, 0.6] * 20)
    return y, declined, p, np.arange(100, 144)


def test_parcelling_knows_applicants_by_their_key_in_any_order():
    y, declined, p, key = many_declined()
    mixed = np.random.default_rng(0).permutation(len(y))

    def bads(order, key):
        rows = reject_inference.parcelling(y[order], declined[order], p[order], key=key, seed=5)
        return set(np.arange(len(y))[order][rows.loc[rows["bad"] == 1, "position"]])

    in_order = bads(slice(None), key)
    assert bads(mixed, key[mixed]) == in_order
    # one id, however it is stored
    assert bads(slice(None), key.astype(str)) == in_order
    assert bads(mixed, None) != bads(slice(None), None)


def test_another_seed_parcels_others_but_as_many():
    y, declined, p, key = many_declined()
    first, again, other = (
        reject_inference.parcelling(y, declined, p, key=key, seed=seed)["bad"] for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)
    assert first.sum() == other.sum() == 22


def test_fuzzy_rows_are_bad_in_part_and_good_in_part():
    rows = reject_inference.fuzzy_augmentation(
        [None, 0, 1, None, None],
        [True, False, False, True, False],
        [0.2, 0.5, 0.5, 0.6, 0.9],
        uplift=2,
    )
    expected = pd.DataFrame(
        {
            "position": [1, 2, 0, 3, 0, 3],
            "bad": [0, 1, 1, 1, 0, 0],
            "weight": [1, 1, 0.4, 1, 0.6, 0],
            "inferred": [False] * 2 + [True] * 4,
        }
    )
    pd.testing.assert_frame_equal(rows, expected)


@settings(max_examples=40, deadline=None)
@given(rows=applicants, uplift=st.floats(0.1, 5))
def test_fuzzy_weights_sum_to_the_declined(rows, uplift):
    y, declined, p = unpacked(rows)
    found = reject_inference.fuzzy_augmentation(y, declined, p, uplift=uplift)
    inferred = found[found["inferred"]]
    assert (inferred.groupby("position").size() == 2).all()
    assert inferred.groupby("position")["weight"].sum().to_numpy() == pytest.approx(1)
    assert inferred["weight"].sum() == pytest.approx(declined.sum())
    assert (inferred["weight"] >= 0).all()


# -- at uplift 1 fuzzy augmentation adds nothing ---------------------------------------------------


def refit(make_model, X, y, declined, uplift):
    """Model of the accepted, and that of the fuzzy rows it gives."""
    models = []
    rows = reject_inference.accepted_only(y, declined)
    for _ in range(2):
        model = make_model()
        bad, weight = rows["bad"].to_numpy(), rows["weight"].to_numpy()
        model.fit(X.iloc[rows["position"]], bad, sample_weight=weight)
        models.append(model)
        p = model.predict_proba(X)[:, 1]
        rows = reject_inference.fuzzy_augmentation(y, declined, p, uplift=uplift)
    return models


def test_fuzzy_refit_at_uplift_1_is_the_model_of_the_accepted():
    X, y, declined, _, _ = logistic_world(4000)
    X["square"] = X["x"] ** 2
    base, again = refit(Logistic, X, y, declined, 1.0)
    assert again.coefficients == pytest.approx(base.coefficients, abs=1e-10)
    base, doubled = refit(Logistic, X, y, declined, 2.0)
    assert doubled.coefficients[0] > base.coefficients[0] + 0.1


def test_fuzzy_refit_of_a_scorecard_at_uplift_1_is_the_scorecard():
    """Same bins, and points so fine that rounding them is nothing.

    Half a point is 0.5·ln 2 / PDO = 3e-8 of log-odds here. What is left is the solver, which stops
    at a mean gradient of 1e-7: over an information of 0.05 a row, an error of 2e-6.
    """
    X, y, declined, _, _ = logistic_world(8000)
    X["other"] = np.random.default_rng(1).normal(size=len(X)) + np.nan_to_num(y)
    labelled = ~np.isnan(y)
    binner = WoeBinner().fit(X[labelled], y[labelled])
    fine = ScoreScale(pdo=1e7)
    base, again = refit(
        lambda: Scorecard(binner, scale=fine, max_p_value=None), X, y, declined, 1.0
    )
    assert len(base.coefficients_) == 2
    assert again.intercept_ == pytest.approx(base.intercept_, abs=2e-5)
    assert again.coefficients_.to_dict() == pytest.approx(base.coefficients_.to_dict(), abs=2e-5)
    # whole points of the default scale are off by up to half a point each
    rounded = refit(lambda: Scorecard(binner, max_p_value=None), X, y, declined, 1.0)[1]
    points = rounded.credit_score(X) - Scorecard(binner, max_p_value=None).fit(
        X[labelled], y[labelled]
    ).credit_score(X)
    assert np.abs(points).max() <= 2


# -- the exploration sample ------------------------------------------------------------------------


def test_bad_rate_of_the_declined_is_what_is_left_of_the_explored():
    # 20 % of the explored bad, 10 % of the accepted, 60 of 200 declined: 0.2 = 0.3·r + 0.7·0.1
    group = np.repeat(["accepted", "open", "declined", "explored", "unseen"], [100, 40, 60, 50, 9])
    y = np.concatenate(
        [np.repeat([0, 1], [90, 10]), np.full(100, np.nan), np.repeat([0, 1], [40, 10])]
    )
    y = np.append(y, np.full(9, np.nan))  # explored who took no loan
    explored = np.isin(group, ["explored", "unseen"])
    found = reject_inference.declined_bad_rate(y, group == "declined", explored)
    rate = (0.2 - 0.7 * 0.1) / 0.3
    assert found["bad_rate"] == pytest.approx(rate)
    assert found[["explored", "explored_bad_rate"]].tolist() == [50, 0.2]
    assert found[["accepted_bad_rate", "declined_share"]].tolist() == pytest.approx([0.1, 0.3])
    of_explored = stats.beta.ppf([0.025, 0.975], 10.5, 40.5)
    of_accepted = stats.beta.ppf([0.025, 0.975], 10.5, 90.5)
    low = np.hypot((0.2 - of_explored[0]) / 0.3, (of_accepted[1] - 0.1) * 0.7 / 0.3)
    high = np.hypot((of_explored[1] - 0.2) / 0.3, (0.1 - of_accepted[0]) * 0.7 / 0.3)
    assert found[["low", "high"]].tolist() == pytest.approx([rate - low, rate + high])


def test_interval_of_the_declined_stays_in_range_and_narrows_with_its_level():
    group = np.repeat(["accepted", "declined", "explored"], [100, 100, 4])
    declined, explored = group == "declined", group == "explored"

    def found(bads, level):
        of_explored = np.arange(4) < bads
        y = np.concatenate([np.arange(100) < 10, np.full(100, np.nan), of_explored])
        return reject_inference.declined_bad_rate(y, declined, explored, level=level)

    # none of four bad: an estimate below 0 stays, its limit is cut
    assert found(0, 0.95)[["bad_rate", "low"]].tolist() == pytest.approx([-0.1, 0])
    assert found(4, 0.95)[["bad_rate", "high"]].tolist() == pytest.approx([1.9, 1])
    wide, narrow = found(1, 0.95), found(1, 0.5)
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]


def test_interval_of_the_declined_covers_the_truth_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        _, y, declined, explored, p = logistic_world(4000, seed, hidden=1.5)
        found = reject_inference.declined_bad_rate(y, declined, explored, level=0.9)
        covered += found["low"] <= p[declined].mean() <= found["high"]
    # 180 of 200 expected; limits at 0.1 % each
    assert stats.binom.ppf(0.001, 200, 0.9) <= covered <= stats.binom.ppf(0.999, 200, 0.9)


# -- methods compared ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world():
    return logistic_world()


@pytest.fixture(scope="module")
def comparison(world):
    X, y, declined, explored, p = world
    return reject_inference.compare_methods(
        Logistic, X, y, declined, true_probability=p, explored=explored, uplifts=(1, 2)
    )


def test_comparison_has_a_row_a_method_and_uplift(comparison):
    assert comparison.index.names == ["method", "uplift"]
    assert comparison.index.tolist() == [
        ("none", 1),
        ("reweighting", 1),
        ("parcelling", 1),
        ("parcelling", 2),
        ("fuzzy", 1),
        ("fuzzy", 2),
    ]
    assert comparison.notna().all(axis=None)


def test_comparison_measures_what_its_columns_say(world, comparison):
    X, y, declined, explored, p = world
    taught = np.where(explored, np.nan, y)
    _, model = refit(Logistic, X, taught, declined, 2.0)
    found = comparison.loc[("fuzzy", 2)]
    predicted = model.predict_proba(X)[:, 1]
    mean = predicted[declined].mean()
    assert found["declined_probability"] == pytest.approx(mean)
    assert found["true_bias"] == pytest.approx(mean - p[declined].mean())
    benchmark = reject_inference.declined_bad_rate(y, declined, explored)
    assert found[["explored_bias", "explored_bias_low", "explored_bias_high"]].tolist() == (
        pytest.approx((mean - benchmark[["bad_rate", "high", "low"]]).tolist())
    )
    accepted = ~np.isnan(taught)
    assert found["accepted_bias"] == pytest.approx(predicted[accepted].mean() - y[accepted].mean())
    for name, rows in (("accepted", accepted), ("explored", explored & ~np.isnan(y))):
        goods, bads = predicted[rows & (y == 0)], predicted[rows & (y == 1)]
        rank_sum = stats.mannwhitneyu(bads, goods).statistic
        assert found[f"{name}_auc"] == pytest.approx(rank_sum / len(goods) / len(bads))
        assert found[f"{name}_auc_low"] < found[f"{name}_auc"] < found[f"{name}_auc_high"]


def test_auc_of_the_declined_takes_each_as_bad_by_its_true_probability():
    y, declined, p = by_hand()
    p = p + np.arange(len(p)) / 1000
    # in another order than the scores; that of others is not read
    truth = np.where(declined, np.arange(len(p)) * 7 % 20 / 20, np.nan)
    table = reject_inference.compare_methods(
        AsIs, pd.DataFrame({"p": p}), y, declined, true_probability=truth, uplifts=()
    )
    score, t = p[declined].to_numpy(), truth[declined]
    pairs = np.outer(t, 1 - t)
    ranked = pairs * ((score[:, None] > score) + 0.5 * (score[:, None] == score))
    assert table["declined_auc"].tolist() == pytest.approx([ranked.sum() / pairs.sum()] * 2)


def test_columns_without_a_benchmark_are_open(world):
    X, y, declined, _, _ = world
    table = reject_inference.compare_methods(Logistic, X, y, declined, uplifts=())
    measured = {"declined_probability", "accepted_bias"}
    measured |= {f"accepted_auc{end}" for end in ("", "_low", "_high")}
    assert set(table.columns[table.notna().all()]) == measured
    assert set(table.columns[table.isna().all()]) == set(table.columns) - measured


def test_every_interval_of_the_comparison_narrows_with_its_level(world, comparison):
    X, y, declined, explored, _ = world
    half = reject_inference.compare_methods(
        Logistic, X, y, declined, explored=explored, uplifts=(), level=0.5
    ).loc[("none", 1)]
    whole = comparison.loc[("none", 1)]
    for name in ("explored_bias", "explored_auc", "accepted_auc"):
        assert half[f"{name}_high"] - half[f"{name}_low"] < (
            0.5 * (whole[f"{name}_high"] - whole[f"{name}_low"])
        )


def test_no_fit_sees_truth_explored_or_held_out(world):
    X, y, declined, explored, p = world
    held_out = np.arange(len(y)) % 3 == 0
    seen = []

    class Spy(Logistic):
        def fit(self, X, y, sample_weight):
            seen.append(X.index.to_numpy())
            return super().fit(X, y, sample_weight)

    def predictions(y, truth):
        table = reject_inference.compare_methods(
            Spy, X, y, declined, true_probability=truth, explored=explored, held_out=held_out
        )
        return table["declined_probability"]

    as_it_is = predictions(y, p)
    assert len(seen) == 8
    assert not (explored | held_out)[np.concatenate(seen)].any()
    # every second of those kept back turned bad changes nothing that was learned
    turned = (explored | held_out) & ~np.isnan(y) & (np.arange(len(y)) % 2 == 0)
    pd.testing.assert_series_equal(as_it_is, predictions(np.where(turned, 1, y), p**2))
    # while the declined teach, as they must
    assert declined[seen[-1]].any()


def test_accepted_are_measured_on_the_held_out(world):
    X, y, declined, _, _ = world
    held_out = np.arange(len(y)) % 3 == 0
    table = reject_inference.compare_methods(
        Logistic, X, y, declined, held_out=held_out, uplifts=()
    )
    base, _ = refit(Logistic, X[~held_out], y[~held_out], declined[~held_out], 1.0)
    judged = held_out & ~np.isnan(y)
    predicted = base.predict_proba(X[judged])[:, 1]
    assert table.loc[("none", 1), "accepted_bias"] == pytest.approx(
        predicted.mean() - y[judged].mean()
    )


def test_a_model_of_the_decision_and_keys_are_passed_on(world):
    X, y, declined, _, _ = world
    key = np.array([f"A{i}" for i in range(len(y))])
    chance = 1 / (1 + np.exp(X["x"]))
    table = reject_inference.compare_methods(
        Logistic, X, y, declined, acceptance=chance, max_weight=3, key=key, seed=4, uplifts=(2,)
    )
    rows = reject_inference.reweighting(y, declined, chance, max_weight=3)
    model = Logistic().fit(X.iloc[rows["position"]], rows["bad"], rows["weight"])
    found = table["declined_probability"]
    assert found["reweighting", 1] == pytest.approx(model.predict_proba(X[declined])[:, 1].mean())
    base, _ = refit(Logistic, X, y, declined, 1.0)
    p = base.predict_proba(X)[:, 1]
    rows = reject_inference.parcelling(y, declined, p, uplift=2, key=key, seed=4)
    model = Logistic().fit(X.iloc[rows["position"]], rows["bad"], rows["weight"])
    assert found["parcelling", 2] == pytest.approx(model.predict_proba(X[declined])[:, 1].mean())


# -- which helps, in worlds whose answer is known --------------------------------------------------


def effect_in(world, uplifts):
    X, y, declined, _, p = world
    return reject_inference.compare_methods(
        Logistic, X, y, declined, true_probability=p, uplifts=uplifts
    )


def test_where_the_model_sees_all_that_decides_inference_can_only_harm(comparison):
    bias = comparison["true_bias"]
    assert abs(bias["none", 1]) < 0.01
    assert bias["fuzzy", 1] == pytest.approx(bias["none", 1], abs=1e-9)
    # their own rate is 15 %
    assert bias["fuzzy", 2] > 0.05
    assert bias["parcelling", 2] > 0.05
    assert (comparison["explored_bias_low"] < bias).all()
    assert (bias < comparison["explored_bias_high"]).all()


def test_an_uplift_that_is_right_repairs_part_and_the_accepted_pay_for_it():
    """No column says who was declined, so those who look like them are made worse, too."""
    table = effect_in(logistic_world(hidden=2.0, explore_rate=0), (1, 2, 3))
    bias, paid = table["true_bias"], table["accepted_bias"]
    assert bias["none", 1] < -0.13
    # what hides is in no accepted applicant, whatever its weight
    assert bias["reweighting", 1] < -0.13
    assert paid["none", 1] == pytest.approx(0, abs=1e-9)
    for method in ("parcelling", "fuzzy"):
        assert bias[method, 1] < bias[method, 2] < bias[method, 3]
        assert 0.2 < bias[method, 2] / bias["none", 1] < 0.6
        assert paid[method, 2] > 0.02


def test_where_the_model_is_too_straight_reweighting_repairs_and_fuzzy_does_not():
    bias = effect_in(logistic_world(curved=0.4, explore_rate=0), (1,))["true_bias"]
    assert bias["none", 1] < -0.06
    assert abs(bias["reweighting", 1]) < abs(bias["none", 1]) / 2
    assert bias["fuzzy", 1] == pytest.approx(bias["none", 1], abs=1e-9)


@pytest.fixture(scope="module")
def lender(portfolio):
    """Applications of the months whose loans have matured, and their truth."""
    applications = portfolio.applications
    last = applications.loc[applications["default_flag"].notna(), "applied_at"].max()
    matured = (applications["applied_at"] <= last).to_numpy()
    return applications[matured].reset_index(drop=True), portfolio.truth[matured].reset_index(
        drop=True
    )


def effect(lender, features):
    """Methods compared, by a card on the bins of the accepted."""
    applications, truth = lender
    y, explored = applications["default_flag"], applications["explored"]
    names = [feature.name for feature in features]
    known = (y.notna() & ~explored).to_numpy()
    binner = WoeBinner(
        trend=risk_trends(features),
        special_codes={f.name: list(f.special_codes) for f in features if f.special_codes},
        infeasible="one_bin",
    ).fit(applications.loc[known, names], y[known])
    return reject_inference.compare_methods(
        lambda: Scorecard(binner, max_p_value=None),
        applications,
        y,
        ~applications["approved"],
        true_probability=truth["true_pd_12m"],
        explored=explored,
        key=applications["application_id"],
    )


@pytest.fixture(scope="module")
def every_feature(lender):
    return effect(lender, [feature for feature in FEATURES if not feature.protected])


@pytest.fixture(scope="module")
def bureau_alone(lender):
    return effect(lender, [feature for feature in FEATURES if feature.family == "bureau"])


def test_the_declined_are_measured_against_the_truth_by_decision(lender, every_feature):
    applications, truth = lender
    truth = truth.rename(columns={"true_pd_12m": "true_pd"})
    true_rate = truth_by_decision(truth, applications).loc["declined", "true_rate"]
    found = every_feature["declined_probability"] - every_feature["true_bias"]
    assert found.to_numpy() == pytest.approx(true_rate)


def test_a_card_of_every_feature_needs_no_uplift(every_feature):
    """The lender's declined are about as bad as they look to a card that sees what it saw."""
    bias = every_feature["true_bias"]
    assert abs(bias["none", 1]) < 0.04
    for method in ("reweighting", "parcelling", "fuzzy"):
        assert abs(bias[method, 1] - bias["none", 1]) < 0.04
    for method in ("parcelling", "fuzzy"):
        assert bias[method, 3] > bias[method, 2] > abs(bias["none", 1]) + 0.08


def test_a_card_of_the_bureau_alone_finds_the_declined_safer_than_they_are(bureau_alone):
    bias = bureau_alone["true_bias"]
    assert bias["none", 1] < -0.08
    # no weight shows what is in no column
    assert bias["reweighting", 1] < -0.08
    for method in ("parcelling", "fuzzy"):
        assert bias[method, 1] < -0.08
        assert abs(bias[method, 3]) < 0.05


@pytest.mark.parametrize("card", ["every_feature", "bureau_alone"])
def test_inference_moves_the_level_on_the_synthetic_lender_and_hardly_the_ranking(card, request):
    table = request.getfixturevalue(card)
    none = table.loc[("none", 1)]
    # whole points: the card that is refitted is not quite the one its probabilities come from
    assert table.loc[("fuzzy", 1), "true_bias"] == pytest.approx(none["true_bias"], abs=0.005)
    assert (table["declined_auc"] - none["declined_auc"]).abs().max() < 0.03
    assert (table["accepted_auc"] - none["accepted_auc"]).abs().max() < 0.03
    # of the 80 explored with an outcome 6 are bad: the benchmark is right, and wide
    assert (table["explored_bias_low"] < table["true_bias"]).all()
    assert (table["true_bias"] < table["explored_bias_high"]).all()


# -- the sensitivity band --------------------------------------------------------------------------


def test_sensitivity_by_hand():
    # safest first: two accepted, three declined who tie, a good and a bad; one not booked
    X = pd.DataFrame({"p": [0.1, 0.2, 0.3, 0.3, 0.3, 0.4, 0.5, 0.6]})
    y = [0, 1, None, None, None, 0, 1, None]
    declined = [False, False, True, True, True, False, False, False]
    table = reject_inference.sensitivity_band(
        AsIs, X, y, declined, approval_rate=0.5, uplifts=(1, 2, 5)
    )
    # four of eight: both accepted, and two of the three who tie
    expected = pd.DataFrame(
        {
            "inferred_rate": [0.3, 0.6, 1.0],
            "declined_probability": 0.3,
            "cutoff_probability": 0.3,
            "bad_rate": [1.6 / 4, 2.2 / 4, 3 / 4],
            "approved_declined_share": 2 / 4,
        },
        index=pd.Index([1.0, 2.0, 5.0], name="uplift"),
    )
    pd.testing.assert_frame_equal(table, expected)
    # all: who is accepted without an outcome counts at the model's probability
    everybody = reject_inference.sensitivity_band(
        AsIs, X, y, declined, approval_rate=1, uplifts=(2,)
    )
    assert everybody.loc[2, "bad_rate"] == pytest.approx((2 + 3 * 0.6 + 0.6) / 8)
    assert everybody.loc[2, "cutoff_probability"] == 0.6


def test_sensitivity_refits_and_rises_with_the_assumption(world):
    X, y, declined, _, _ = world
    table = reject_inference.sensitivity_band(Logistic, X, y, declined, approval_rate=0.6)
    assert table.index.tolist() == [1, 1.5, 2, 3]
    rising = ["inferred_rate", "declined_probability", "bad_rate"]
    assert (table[rising].diff().iloc[1:] > 0).all(axis=None)
    _, model = refit(Logistic, X, y, declined, 3.0)
    predicted = model.predict_proba(X)[:, 1]
    assert table.loc[3, "declined_probability"] == pytest.approx(predicted[declined].mean())
    assert table.loc[3, "cutoff_probability"] == pytest.approx(np.sort(predicted)[23_999])


# -- what is refused -------------------------------------------------------------------------------

GOOD = {"y": [0, 1, None], "declined": [False, False, True]}
P = [0.1, 0.2, 0.3]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"declined": [False] * 3}, "declined must hold somewhere: there is nobody to infer"),
        ({"declined": [False, True, True]}, "declined must have no outcome, got one in 1 rows"),
        ({"declined": [False, True]}, "declined must have 3 rows like the other columns, got 2"),
        ({"declined": [False, None, True]}, "declined must be true or false everywhere"),
        ({"y": [0, 2, None]}, "y must be 0, 1 or missing, got 2 in 1 rows"),
        ({"y": [0, 0, None]}, "the accepted need goods and bads, got 2 goods and 0 bads"),
        ({"y": [1, 1, None]}, "the accepted need goods and bads, got 0 goods and 2 bads"),
    ],
)
def test_impossible_applicants_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        reject_inference.accepted_only(**(GOOD | wrong))


@pytest.mark.parametrize(
    "method", [reject_inference.parcelling, reject_inference.fuzzy_augmentation]
)
@pytest.mark.parametrize("uplift", [0, -1, np.nan, np.inf])
def test_an_impossible_uplift_is_refused(method, uplift):
    with pytest.raises(ValueError, match="uplift must be finite and > 0, got"):
        method(*GOOD.values(), P, uplift=uplift)


@pytest.mark.parametrize(
    "method",
    [
        reject_inference.score_bands,
        reject_inference.acceptance_by_band,
        reject_inference.parcelling,
        reject_inference.fuzzy_augmentation,
    ],
)
@pytest.mark.parametrize(
    ("probability", "message"),
    [
        ([0.1, 0.2, np.nan], r"probability must lie in \[0, 1\], got nan in 1 rows"),
        ([0.1, 0.2, 1.5], r"probability must lie in \[0, 1\], got 1.5 in 1 rows"),
        ([0.1, 0.2], "probability must have 3 rows like the other columns, got 2"),
    ],
)
def test_an_impossible_probability_is_refused(method, probability, message):
    with pytest.raises(ValueError, match=message):
        method(*GOOD.values(), probability)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="n_bands must be >= 1, got 0"):
        reject_inference.score_bands(*GOOD.values(), P, n_bands=0)
    with pytest.raises(ValueError, match=r"acceptance must lie in \(0, 1\] for all the labelled"):
        reject_inference.reweighting(*GOOD.values(), [0, 1, 1])
    with pytest.raises(ValueError, match="got nan in 1 rows"):
        reject_inference.reweighting(*GOOD.values(), [np.nan, 1, 1])
    with pytest.raises(ValueError, match=r"max_weight must be >= 1, got 0\.5"):
        reject_inference.reweighting(*GOOD.values(), [1, 1, 1], max_weight=0.5)
    with pytest.raises(ValueError, match="seed must be >= 0, got -1"):
        reject_inference.parcelling(*GOOD.values(), P, seed=-1)


def test_keys_must_tell_the_declined_apart():
    y, declined, p = [0, 1, None, None], [False, False, True, True], [0.1] * 4
    reject_inference.parcelling(y, declined, p, key=["a", "a", "b", "c"])
    with pytest.raises(ValueError, match="key must be distinct among the declined"):
        reject_inference.parcelling(y, declined, p, key=["a", "b", "c", "c"])
    with pytest.raises(ValueError, match="key must have 4 rows like y, got 1"):
        reject_inference.parcelling(y, declined, p, key=["a"])
    with pytest.raises(ValueError, match="ids must not be missing"):
        reject_inference.parcelling(y, declined, p, key=["a", "b", None, "c"])


def test_an_impossible_exploration_sample_is_refused():
    with pytest.raises(ValueError, match="explored must be approved, got 1 declined"):
        reject_inference.declined_bad_rate(*GOOD.values(), [False, False, True])
    with pytest.raises(ValueError, match="explored must hold for applicants with an outcome"):
        reject_inference.declined_bad_rate(*GOOD.values(), [False] * 3)
    with pytest.raises(ValueError, match="explored must not hold for all applicants"):
        reject_inference.declined_bad_rate(*GOOD.values(), [True, True, False])


def test_an_impossible_comparison_is_refused():
    X = pd.DataFrame({"p": P})
    y, declined = GOOD.values()
    with pytest.raises(ValueError, match="X must have 3 rows like y, got 2"):
        reject_inference.compare_methods(AsIs, X.head(2), y, declined)
    with pytest.raises(ValueError, match="uplift must be finite and > 0, got 0"):
        reject_inference.compare_methods(AsIs, X, y, declined, uplifts=(1, 0))
    with pytest.raises(ValueError, match=r"true_probability must lie in \[0, 1\], got nan"):
        reject_inference.compare_methods(AsIs, X, y, declined, true_probability=[0, 0, np.nan])
    with pytest.raises(ValueError, match="held_out must hold for accepted applicants with an outc"):
        reject_inference.compare_methods(AsIs, X, y, declined, held_out=[False] * 3)
    with pytest.raises(ValueError, match=r"the model's probability must lie in \[0, 1\], got nan"):
        reject_inference.compare_methods(AsIs, X * np.nan, y, declined)
    with pytest.raises(ValueError, match="X must have 3 rows like y, got 2"):
        reject_inference.sensitivity_band(AsIs, X.head(2), y, declined, approval_rate=0.5)
    for rate in (0, 1.1):
        with pytest.raises(ValueError, match=r"approval_rate must lie in \(0, 1\], got"):
            reject_inference.sensitivity_band(AsIs, X, y, declined, approval_rate=rate)
