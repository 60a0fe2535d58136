import math

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import metrics
from riskkit.metrics.accuracy import brier_decomposition
from riskkit.metrics.calibration import hosmer_lemeshow
from riskkit.partitions import add_counts

# ten loans at 10 %, five at 40 %, five at 70 %, with 2, 1 and 3 bads
BY_HAND = pd.DataFrame({"good": [2, 4, 8], "bad": [3, 1, 2]}, index=[500, 550, 600])
AT_SCORE = [0.7, 0.4, 0.1]


def rows_of(counts, probability):
    """Outcome and probability of every loan, and one whose outcome is unknown."""
    y = np.concatenate([np.repeat([0.0, 1.0], [c.good, c.bad]) for c in counts.itertuples()])
    p = np.repeat(probability, counts["good"] + counts["bad"])
    return np.append(y, np.nan), np.append(p, np.nan)


def expected_score(score):
    return 1 / (1 + np.exp((np.asarray(score) - 550) / 40))


cells = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12).filter(
    lambda pairs: np.sum(pairs) > 0
)
points = st.sampled_from([0.0, 0.02, 0.1, 0.1, 0.25, 0.5, 0.9, 1.0])


@st.composite
def counts_and_probability(draw):
    pairs = draw(cells)
    counts = pd.DataFrame(pairs, columns=["good", "bad"])
    return counts, draw(st.lists(points, min_size=len(pairs), max_size=len(pairs)))


# -- accuracy ------------------------------------------------------------------------------------


def test_brier_decomposition_by_hand():
    # reliability (10·0.1² + 5·0.2² + 5·0.1²) / 20, resolution (10·0.1² + 5·0.1² + 5·0.3²) / 20,
    # uncertainty 0.3 · 0.7
    parts = brier_decomposition(BY_HAND, AT_SCORE)
    expected = {"brier": 0.1975, "reliability": 0.0175, "resolution": 0.03, "uncertainty": 0.21}
    expected["within"] = 0
    assert parts.to_dict() == pytest.approx(expected, abs=1e-15)
    # loans of one probability are one group, at however many scores
    split = pd.DataFrame({"good": [2, 4, 3, 5], "bad": [3, 1, 0, 2]})
    again = brier_decomposition(split, [0.7, 0.4, 0.1, 0.1])
    assert again.to_dict() == pytest.approx(expected, abs=1e-15)


def test_brier_over_groups_by_hand():
    # two groups of two, of mean probability 0.2 and 0.6 and bad rate 0 and 1/2; overall 1/4
    parts = brier_decomposition([0, 0, 1, 0], [0.1, 0.3, 0.5, 0.7], n_groups=2)
    expected = {
        "brier": (0.01 + 0.09 + 0.25 + 0.49) / 4,
        "reliability": (2 * 0.2**2 + 2 * 0.1**2) / 4,
        "resolution": 1 / 16,
        "uncertainty": 3 / 16,
    }
    expected["within"] = expected["brier"] - (expected["reliability"] + 3 / 16 - 1 / 16)
    assert parts.to_dict() == pytest.approx(expected, abs=1e-15)
    # as Stephenson et al. write it: variance of p within groups less twice its covariance with y
    assert expected["within"] == pytest.approx(0.1**2 - 2 * (-0.05 / 2))
    with pytest.raises(ValueError, match="n_groups"):
        brier_decomposition([0, 1], [0.1, 0.3], n_groups=0)


def test_over_groups_a_perfect_probability_is_nearly_reliable():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.01, 0.3, 2000)
    y = (rng.random(2000) < p).astype(float)
    by_score = brier_decomposition(y, p)["reliability"]
    by_group = brier_decomposition(y, p, n_groups=10)["reliability"]
    assert by_score > 0.1  # every loan a group: chance, and nothing else
    assert by_group < 0.003


@settings(max_examples=80, deadline=None)
@given(counts_and_probability())
def test_brier_is_reliability_less_resolution_plus_uncertainty(given_):
    counts, probability = given_
    parts = brier_decomposition(counts, probability)
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    assert parts["brier"] == pytest.approx(total, abs=1e-12)
    assert parts["brier"] == pytest.approx(metrics.brier(counts, probability), abs=1e-15)
    assert -1e-15 <= parts["resolution"] <= parts["uncertainty"] + 1e-12


@settings(max_examples=50, deadline=None)
@given(counts_and_probability())
def test_increasing_maps_of_the_probability_move_the_reliability_alone(given_):
    counts, probability = given_
    before = brier_decomposition(counts, probability)
    after = brier_decomposition(counts, np.square(probability))
    told_apart = ["resolution", "uncertainty"]
    assert after[told_apart].tolist() == pytest.approx(before[told_apart].tolist(), abs=1e-15)


def test_observed_rates_as_probability_leave_no_unreliability():
    rates = BY_HAND["bad"] / (BY_HAND["bad"] + BY_HAND["good"])
    assert brier_decomposition(BY_HAND, rates)["reliability"] == 0
    assert brier_decomposition(BY_HAND, [0.3] * 3)["resolution"] == 0


def test_log_loss_equals_sklearn_and_knows_the_impossible():
    rng = np.random.default_rng(4)
    probability, y = rng.random(50), rng.integers(0, 2, 50)
    expected = sklearn.metrics.log_loss(y, probability)
    assert metrics.log_loss(y, probability) == pytest.approx(expected, abs=1e-14)
    weight = rng.random(50)
    expected = sklearn.metrics.log_loss(y, probability, sample_weight=weight)
    assert metrics.log_loss(y, probability, weight=weight) == pytest.approx(expected, abs=1e-14)
    assert metrics.log_loss([0, 1], [0.0, 1.0]) == 0
    assert metrics.log_loss([1, 1], [0.0, 1.0]) == math.inf
    assert metrics.log_loss([0, 1], [1.0, 0.5], weight=[0, 1]) == pytest.approx(math.log(2))


@pytest.mark.parametrize("metric", [metrics.brier, metrics.log_loss, brier_decomposition])
def test_weights_are_repetitions(metric):
    y, probability, times = [0, 1, 0, 1], [0.1, 0.3, 0.4, 0.8], [3, 0, 2, 1]
    repeated = metric(np.repeat(y, times), np.repeat(probability, times))
    weighted = metric(y, probability, weight=times)
    assert np.allclose(weighted, repeated, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "metric",
    [
        metrics.brier,
        metrics.log_loss,
        brier_decomposition,
        metrics.calibration_fit,
        metrics.calibration_table,
    ],
)
def test_counts_say_what_rows_say(metric):
    rng = np.random.default_rng(3)
    score = rng.integers(450, 650, 3000)
    y = (rng.random(3000) < expected_score(score - 10)).astype(float)
    y[::7] = np.nan
    halves = [
        metrics.score_counts(score[part], y[part]) for part in (slice(1200), slice(1200, None))
    ]
    counts = add_counts(*halves).sample(frac=1, random_state=0)
    of_rows = metric(y, expected_score(score))
    of_counts = metric(counts, expected_score(counts.index))
    if isinstance(of_rows, float):
        assert of_counts == pytest.approx(of_rows, abs=1e-12)
    else:
        pd.testing.assert_frame_equal(pd.DataFrame(of_counts), pd.DataFrame(of_rows), rtol=1e-9)


def test_whole_counts_make_a_whole_calibration_table():
    table = metrics.calibration_table(BY_HAND, AT_SCORE, n_groups=3)
    assert table["n"].tolist() == [10, 5, 5]
    assert table["bad"].tolist() == [2, 1, 3]
    assert (table[["n", "bad"]].dtypes == "int64").all()
    assert (
        metrics.calibration_table(BY_HAND / 2, AT_SCORE)[["n", "bad"]].dtypes == "float64"
    ).all()


def test_a_score_without_known_outcome_needs_no_probability():
    counts = metrics.score_counts([1, 2, 2], [np.nan, 0, 1])
    assert metrics.brier(counts, [np.nan, 0.5]) == 0.25
    with pytest.raises(ValueError, match="probability must not be missing, got NaN in 1 of 1"):
        metrics.brier(counts[counts["bad"] > 0].assign(good=0), [np.nan])


def test_counts_are_checked_like_rows():
    with pytest.raises(ValueError, match=r"counts lack \['bad'\]"):
        metrics.log_loss(BY_HAND[["good"]], AT_SCORE)
    with pytest.raises(ValueError, match="probability must have 3 rows"):
        metrics.brier(BY_HAND, [0.5])
    with pytest.raises(ValueError, match="weight must be left out with counts"):
        metrics.brier(BY_HAND, AT_SCORE, weight=[1, 1, 1])
    with pytest.raises(ValueError, match=r"probability must lie in \[0, 1\]"):
        brier_decomposition(BY_HAND, [0.5, 0.5, 1.5])


@pytest.mark.parametrize("metric", [metrics.brier, metrics.log_loss, brier_decomposition])
@pytest.mark.parametrize("nothing", [[np.nan], BY_HAND[:1] * 0])
def test_accuracy_of_nothing_is_undefined(metric, nothing):
    with pytest.warns(UserWarning, match="no outcome is known"):
        assert np.isnan(metric(nothing, [0.5])).all()


# -- Hosmer-Lemeshow -----------------------------------------------------------------------------


def test_hosmer_lemeshow_by_hand():
    # (13 − 10)² / 9 + (16 − 20)² / 16 + 0 = 2; the chi-squared tails from any table
    groups = ([13, 16, 50], [100, 100, 100], [0.1, 0.2, 0.5])
    fresh = hosmer_lemeshow(*groups)
    assert fresh.to_dict() == pytest.approx(
        {"statistic": 2, "degrees_of_freedom": 3, "p_value": 0.572407}, abs=5e-7
    )
    fitted = hosmer_lemeshow(*groups, in_training=True)
    assert fitted.to_dict() == pytest.approx(
        {"statistic": 2, "degrees_of_freedom": 1, "p_value": 0.157299}, abs=5e-7
    )


def test_hosmer_lemeshow_is_pearson_over_goods_and_bads():
    rng = np.random.default_rng(5)
    probability = rng.random(3000) ** 3
    y = (rng.random(3000) < probability).astype(int)
    table = metrics.calibration_table(y, probability)
    expected = table["n"] * table["mean_probability"]
    statistic = ((table["bad"] - expected) ** 2 / expected).sum()
    statistic += ((table["bad"] - expected) ** 2 / (table["n"] - expected)).sum()
    test = hosmer_lemeshow(table["bad"], table["n"], table["mean_probability"])
    assert test["statistic"] == pytest.approx(statistic)
    assert test["p_value"] == pytest.approx(stats.chi2.sf(statistic, 10))


@settings(max_examples=50, deadline=None)
@given(groups=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=3, max_size=9))
def test_hosmer_lemeshow_is_zero_where_observed_equals_expected(groups):
    bad, more = np.array(groups).T
    size = bad + more
    test = hosmer_lemeshow(bad, size, bad / size)
    assert test["statistic"] == pytest.approx(0, abs=1e-20)
    assert test["p_value"] == 1
    order = np.argsort(more)
    shifted = hosmer_lemeshow(bad, size, (bad + 1) / (size + 1))
    pd.testing.assert_series_equal(
        hosmer_lemeshow(bad[order], size[order], ((bad + 1) / (size + 1))[order]), shifted
    )


def test_hosmer_lemeshow_has_the_degrees_of_freedom_it_says():
    # the mean of chi-squared is its degrees of freedom: 10 groups on fresh loans, 8 on its own
    rng = np.random.default_rng(1)
    score = np.arange(500, 700, 10)
    probability = expected_score(score - 40)
    statistics = {False: [], True: []}
    for _ in range(150):
        bad = rng.binomial(300, probability)
        counts = pd.DataFrame({"good": 300 - bad, "bad": bad}, index=score)
        fit = metrics.calibration_fit(counts, probability)
        odds = np.exp(fit["intercept"]) * (probability / (1 - probability)) ** fit["slope"]
        for in_training, p in ((False, probability), (True, odds / (1 + odds))):
            table = metrics.calibration_table(counts, p)
            groups = table["bad"], table["n"], table["mean_probability"]
            test = hosmer_lemeshow(*groups, in_training=in_training)
            statistics[in_training].append(test["statistic"])
            assert test["degrees_of_freedom"] == (8 if in_training else 10)
    assert np.mean(statistics[False]) == pytest.approx(10, abs=1)  # under three standard errors
    assert np.mean(statistics[True]) == pytest.approx(8, abs=1)


def test_hosmer_lemeshow_at_its_edges():
    # an empty group is none; what was called impossible and happened is infinitely far off
    pd.testing.assert_series_equal(
        hosmer_lemeshow([0, 5], [0, 50], 0.2), hosmer_lemeshow([5], [50], 0.2)
    )
    assert hosmer_lemeshow([0, 10], [10, 10], [0.0, 1.0])["statistic"] == 0
    impossible = hosmer_lemeshow([1, 5], [10, 50], [0.0, 0.1])
    assert impossible["statistic"] == math.inf
    assert impossible["p_value"] == 0
    with pytest.warns(UserWarning, match="2 groups leave no degree of freedom"):
        test = hosmer_lemeshow([4, 5], [10, 50], [0.3, 0.1], in_training=True)
    assert math.isnan(test["p_value"])
    assert test["statistic"] > 0
    with pytest.raises(ValueError, match="bad must lie between 0 and n"):
        hosmer_lemeshow([6], [5], 0.1)


# -- bootstrap -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(2)
    score = rng.integers(450, 650, 4000)
    return metrics.score_counts(score, rng.random(4000) < expected_score(score))


def bad_rate(counts, times=1):
    return times * counts["bad"].sum() / counts["booked"].sum()


@pytest.mark.parametrize("level", [0.95, 0.5])
def test_bootstrap_of_means_is_as_wide_as_theory_says(counts, level):
    p = expected_score(counts.index)
    table = metrics.bootstrap(counts, metrics.brier, p, level=level, n_boot=2000)
    assert table.index.tolist() == ["brier"]
    low, estimate, high = table.loc["brier", ["low", "estimate", "high"]]
    assert estimate == metrics.brier(counts, p)
    distance = np.concatenate([p**2, (1 - p) ** 2])
    weight = np.concatenate([counts["good"], counts["bad"]])
    variance = np.average(distance**2, weights=weight) - estimate**2
    half = stats.norm.ppf(0.5 + level / 2) * math.sqrt(variance / 4000)
    assert [low, high] == pytest.approx([estimate - half, estimate + half], abs=0.15 * half)


def test_bootstrap_lets_the_number_of_bads_vary(counts):
    table = metrics.bootstrap(counts, bad_rate, 100, n_boot=1000)
    rate = bad_rate(counts)
    half = 1.96 * math.sqrt(rate * (1 - rate) / 4000)
    expected = [100 * rate, 100 * (rate - half), 100 * (rate + half)]
    assert table.loc["bad_rate"].tolist() == pytest.approx(expected, abs=15 * half)


def test_bootstrap_of_auc_agrees_with_delong(counts):
    table = metrics.bootstrap(counts, metrics.auc, n_boot=1000)
    delong = metrics.discrimination(counts, n_boot=0)
    names = ["auc", "auc_low", "auc_high"]
    width = delong["auc_high"] - delong["auc_low"]
    assert table.loc["auc"].tolist() == pytest.approx(delong[names].tolist(), abs=0.1 * width)


def test_bootstrap_moves_with_its_seed_and_takes_tables_apart(counts):
    p = expected_score(counts.index)
    first, again, other = (
        metrics.bootstrap(counts, metrics.calibration_fit, p, n_boot=20, seed=seed)
        for seed in (1, 1, 2)
    )
    first, again, other = (table.loc[["intercept", "slope"]] for table in (first, again, other))
    pd.testing.assert_frame_equal(first, again)
    assert (first["low"] != other["low"]).all()
    assert (first["low"] < first["estimate"]).all()
    assert (first["estimate"] < first["high"]).all()
    none = metrics.bootstrap(counts, metrics.calibration_fit, p, n_boot=0)
    pd.testing.assert_series_equal(none.loc[first.index, "estimate"], first["estimate"])
    assert none[["low", "high"]].isna().all(axis=None)


def test_bootstrap_of_what_a_sample_may_not_have_is_nan():
    counts = metrics.score_counts([1, 2, 3, 4], [1, 0, 0, 0])
    table = metrics.bootstrap(counts, metrics.auc)
    assert table.loc["auc", "estimate"] == 1
    assert table[["low", "high"]].isna().all(axis=None)
    with pytest.warns(UserWarning, match="AUC is undefined"):
        assert metrics.bootstrap(counts * 0, metrics.auc).isna().all(axis=None)


def test_bootstrap_refuses_settings_out_of_range(counts):
    with pytest.raises(ValueError, match="level must lie in"):
        metrics.bootstrap(counts, metrics.auc, level=1)
    with pytest.raises(ValueError, match="n_boot must be >= 0"):
        metrics.bootstrap(counts, metrics.auc, n_boot=-1)
    with pytest.raises(ValueError, match="counts lack"):
        metrics.bootstrap(counts[["good"]], len)


# -- several models --------------------------------------------------------------------------------


def test_accuracy_of_several_models_is_that_of_each_on_the_same_loans():
    rng = np.random.default_rng(6)
    p = rng.uniform(0.2, 0.6, 5000)
    y = (rng.random(5000) < p).astype(float)
    y[:500] = np.nan
    models = pd.DataFrame({"right": p, "steep": p**2}, index=np.arange(5000)[::-1])
    table = metrics.accuracy_table(y, models)
    assert table.index.tolist() == ["right", "steep"]
    assert table.index.name == "model"
    assert list(table.columns) == [
        "brier", "reliability", "resolution", "log_loss",
        "intercept", "intercept_low", "intercept_high", "slope", "slope_low", "slope_high",
        "hosmer_lemeshow", "p_value",
    ]  # fmt: skip
    known, outcome = ~np.isnan(y), y[~np.isnan(y)]
    for model in models:
        row, predicted = table.loc[model], models[model].to_numpy()[known]
        assert row["brier"] == pytest.approx(sklearn.metrics.brier_score_loss(outcome, predicted))
        assert row["log_loss"] == pytest.approx(sklearn.metrics.log_loss(outcome, predicted))
        parts = brier_decomposition(outcome, predicted, n_groups=10)
        assert row[["reliability", "resolution"]].tolist() == pytest.approx(
            parts[["reliability", "resolution"]].tolist()
        )
        fit = metrics.calibration_fit(outcome, predicted)
        assert row[fit.index].tolist() == pytest.approx(fit.tolist())
        # ten groups of 450 in order of their probability
        groups = np.argsort(predicted, kind="stable").reshape(10, 450)
        mean, bad = predicted[groups].mean(axis=1), outcome[groups].sum(axis=1)
        statistic = ((bad - 450 * mean) ** 2 / (450 * mean * (1 - mean))).sum()
        assert row["hosmer_lemeshow"] == pytest.approx(statistic)
        test = hosmer_lemeshow(bad, np.full(10, 450), mean)
        assert row["p_value"] == pytest.approx(test["p_value"])
    assert table.loc["steep", "p_value"] < 0.001 < table.loc["right", "p_value"]


def test_groups_that_a_large_cell_leaves_empty_are_none():
    # nine in ten loans have one probability, which so lies in the middle of nine groups
    p = np.repeat([0.1, 0.5], [90, 10])
    y = np.concatenate([np.repeat([0, 1], [80, 10]), np.repeat([0, 1], [5, 5])])
    grouped = brier_decomposition(y, p, n_groups=10)
    assert grouped.to_dict() == pytest.approx(brier_decomposition(y, p).to_dict())


def test_a_model_that_says_the_same_of_everybody_has_no_line_and_no_warning():
    y = np.tile([0, 0, 0, 1], 25)
    table = metrics.accuracy_table(y, pd.DataFrame({"flat": np.full(100, 0.25)}))
    assert table.loc["flat", ["intercept", "slope"]].isna().all()
    assert table.loc["flat", ["reliability", "resolution"]].tolist() == [0, 0]


def test_groups_that_expect_few_bads_are_judged_together():
    # ten groups of 100: of 1, 1, 1, 2 and 6 expected bads, then of 20 each
    p = np.repeat([0.01, 0.0101, 0.0102, 0.02, 0.06, *np.linspace(0.2, 0.24, 5)], 100)
    y = np.zeros(1000)
    y[[0, 1, 2, 150, 250, 350, 450, 451, 452, 453]] = 1
    for start in range(500, 1000, 100):
        y[start : start + 20] = 1
    found = metrics.accuracy_table(y, pd.DataFrame({"model": p})).loc["model"]
    bad = np.array([6, 4, 20, 20, 20, 20, 20])
    n = np.array([400, 100, 100, 100, 100, 100, 100])
    mean = np.array([0.012575, 0.06, *np.linspace(0.2, 0.24, 5)])
    test = hosmer_lemeshow(bad, n, mean)
    assert found["hosmer_lemeshow"] == pytest.approx(test["statistic"])
    assert found["p_value"] == pytest.approx(test["p_value"])
