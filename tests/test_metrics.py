import math
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from riskkit import metrics, profile, schema
from riskkit.metrics.discrimination import BOOTSTRAP_POINTS
from riskkit.partitions import add_counts

# Patients of DeLong, DeLong and Clarke-Pearson (1988) with all three tests known, as printed in the
# SAS/STAT user's guide, PROC LOGISTIC, "Comparing Receiver Operating Characteristic Curves":
# albumin, total protein, K-G score (lower is better), benefit from surgery (1 yes).
OVARIAN_CANCER = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6 5 1   3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0 4 1   3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7 8 0   4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1 5 1   2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2 5 1   2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""


@pytest.fixture(scope="module")
def patients():
    table = np.array(OVARIAN_CANCER.split(), dtype=float).reshape(-1, 4)
    columns = pd.DataFrame(table, columns=["albumin", "protein", "kg", "benefit"])
    return columns.assign(kg=10 - columns["kg"], y=1 - columns["benefit"])


@pytest.fixture(scope="module")
def sample():
    """Integer scores with ties, a tenth bad, a third of the outcomes unknown."""
    rng = np.random.default_rng(7)
    y = (rng.random(3000) < 0.1).astype(float)
    score = np.rint(600 - 30 * y + 40 * rng.standard_normal(3000)).astype(int)
    y[::3] = np.nan
    return pd.DataFrame({"score": score, "y": y})


def brute_force_components(score, y):
    """All pairs: AUC, its components over goods, and over bads (DeLong et al. 1988, eq. 4)."""
    good, bad = np.asarray(score)[y == 0], np.asarray(score)[y == 1]
    wins = (good[:, None] > bad).astype(float) + 0.5 * (good[:, None] == bad)
    return wins.mean(), wins.mean(axis=1), wins.mean(axis=0)


def test_counts_of_each_distinct_score():
    counts = metrics.score_counts(
        [620, 600, 620, 580, 600],
        [0, 1, np.nan, np.nan, 0],
        booked=[True, True, True, False, True],
        sums={"amount": np.array([1, 2, 3, 4, 5]), "probability": [0.5, 0.25, 0.25, 1, 0]},
    )
    expected = pd.DataFrame(
        {
            "applications": [1, 2, 2],
            "booked": [0, 2, 2],
            "good": [0, 1, 1],
            "bad": [0, 1, 0],
            "amount": [4, 7, 4],
            "probability": [1.0, 0.25, 0.75],
        },
        index=pd.Index([580, 600, 620], name="score"),
    )
    pd.testing.assert_frame_equal(counts, expected)


def test_booked_is_known_outcome_unless_said_otherwise():
    counts = metrics.score_counts([1, 1, 2], [0, np.nan, 1])
    assert counts["booked"].tolist() == [1, 1]
    assert metrics.score_counts([1, 1, 2], [0, np.nan, 1], booked=[1, 1, 0])["booked"].tolist() == [
        2,
        0,
    ]


def test_an_outcome_counts_whether_booked_or_not():
    counts = metrics.score_counts([1, 1, 1, 1], [0, 1, 0, 1], booked=[0, 0, 1, 1])
    assert counts.loc[1].tolist() == [4, 2, 2, 2]


@pytest.mark.parametrize(
    "score",
    [
        np.array([5, 3, 3, -2], dtype=np.int8),
        np.array([5, 3, 3, 2], dtype=np.uint64),
        pd.Series([5, 3, 3, -2], dtype="Int64"),
        [5.5, 3.25, 3.25, -2.0],
        [5.0, 3.0, 3.0, -2.0],
        [np.inf, 3.0, 3.0, -np.inf],
        [1.0, 1 - 2**-53, 1 - 2**-53, -1e-16],  # less the lowest, all are whole
        [2.0**60, 3.0, 3.0, -(2.0**60)],
        np.array([2.0**53, 2.0**53 - 1, 2.0**53 - 1, 2.0**53 - 2]),
        np.array([5, 3, 3, 2], dtype=np.float32),
        np.array([10**12, 3, 3, -(10**12)]),
        np.array([True, False, False, False]),
    ],
)
def test_any_numeric_score_is_counted_exactly(score):
    counts = metrics.score_counts(score, [0, 1, 0, 1])
    values = np.asarray(score)
    distinct, applications = np.unique(values, return_counts=True)
    assert counts.index.tolist() == distinct.tolist()
    assert (counts.index.dtype.kind == "f") == (distinct.dtype.kind == "f")
    assert counts["applications"].tolist() == applications.tolist()
    assert counts["bad"].sum() == 2


@pytest.mark.parametrize(
    "y",
    [
        [1, 0, None],
        pd.Series([1, 0, None], dtype="Float64"),
        pd.array([True, False, None]),
        pd.Series([1, 0, None], dtype="Int8"),
    ],
)
def test_every_way_to_write_a_missing_outcome(y):
    counts = metrics.score_counts([1, 2, 3], y)
    assert counts["bad"].tolist() == [1, 0, 0]
    assert counts["good"].tolist() == [0, 1, 0]


def test_whole_sums_stay_exact_beyond_float_precision():
    amount = np.array([2**53, 1, 1], dtype=np.int64)
    counts = metrics.score_counts([7, 7, 7], [0, 0, 1], sums={"amount": amount})
    assert counts.loc[7, "amount"] == 2**53 + 2


def test_empty_input_gives_an_empty_table():
    counts = metrics.score_counts([], [], sums={"amount": []})
    assert counts.shape == (0, 5)
    pd.testing.assert_frame_equal(
        add_counts(counts, metrics.score_counts([1], [0], sums={"amount": [3]})),
        metrics.score_counts([1], [0], sums={"amount": [3]}),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, np.nan], [0, 1]), "score must not be missing, got NaN in 1 of 2"),
        (([1, None], [0, 1]), "score must not be missing"),
        ((["600", "610"], [0, 1]), "score must be numeric"),
        ((pd.Series(["600", "610"]), [0, 1]), "score must be numeric"),
        (([[1, 2]], [0, 1]), "score must be one-dimensional"),
        (([1, 2], [0, 2]), r"y must be 0, 1 or missing, got .*2.* in 1 rows"),
        (([1, 2], [0]), "y must have 2 rows"),
    ],
)
def test_bad_rows_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        metrics.score_counts(*arguments)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"weight": [1, -1]}, "weight must be finite and >= 0"),
        ({"weight": [1, np.nan]}, "weight must be finite and >= 0"),
        ({"booked": [1, np.nan]}, "booked must be true or false"),
        ({"sums": {"good": [1, 1]}}, "sums must not be named"),
        ({"sums": {"amount": [1, np.nan]}}, "amount must not be missing"),
        ({"sums": {"amount": [1]}}, "amount must have 2 rows"),
    ],
)
def test_bad_extras_are_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        metrics.score_counts([1, 2], [0, 1], **keywords)


def test_counts_of_different_columns_do_not_add_up():
    with pytest.raises(ValueError, match="same columns"):
        add_counts(
            metrics.score_counts([1], [0]), metrics.score_counts([1], [0], sums={"amount": [1]})
        )


rows = st.lists(
    st.tuples(st.integers(-5, 5), st.sampled_from([0.0, 1.0, np.nan]), st.integers(0, 3)),
    min_size=1,
    max_size=60,
)


@settings(max_examples=50, deadline=None)
@given(rows=rows, cut=st.integers(0, 60), scale=st.sampled_from([1, 0.25]))
def test_halves_add_up_to_the_whole(rows, cut, scale):
    table = np.array(rows, dtype=float)
    score = table[:, 0] * scale if scale != 1 else table[:, 0].astype(int)
    amount = table[:, 2].astype(int)
    parts = [
        metrics.score_counts(score[part], table[part, 1], sums={"amount": amount[part]})
        for part in (slice(None), slice(None, cut), slice(cut, None))
    ]
    pd.testing.assert_frame_equal(add_counts(parts[1], parts[2]), parts[0])


@settings(max_examples=50, deadline=None)
@given(rows=rows)
def test_a_weight_is_a_repetition(rows):
    table = np.array(rows, dtype=float)
    repeats = table[:, 2].astype(int)
    amount = np.arange(len(table))
    weighted = metrics.score_counts(
        table[:, 0], table[:, 1], weight=repeats, sums={"amount": amount}
    )
    repeated = metrics.score_counts(
        table[:, 0].repeat(repeats),
        table[:, 1].repeat(repeats),
        sums={"amount": amount.repeat(repeats)},
    )
    pd.testing.assert_frame_equal(weighted, repeated.astype(float))


def test_auc_equals_sklearn(sample):
    known = sample.dropna()
    expected = roc_auc_score(known["y"], -known["score"])
    counts = metrics.score_counts(sample["score"], sample["y"])
    assert metrics.auc(counts) == pytest.approx(expected, abs=1e-12)
    assert metrics.gini(counts) == pytest.approx(2 * expected - 1, abs=1e-12)


def test_weighted_auc_equals_sklearn(sample):
    known = sample.dropna()
    weight = np.random.default_rng(3).random(len(known))
    expected = roc_auc_score(known["y"], -known["score"], sample_weight=weight)
    counts = metrics.score_counts(known["score"], known["y"], weight=weight)
    assert metrics.auc(counts) == pytest.approx(expected, abs=1e-12)


def test_ks_equals_scipy(sample):
    known = sample.dropna()
    bad, good = (known.loc[known["y"] == side, "score"] for side in (1, 0))
    expected = stats.ks_2samp(bad, good, alternative="greater", method="asymp").statistic
    assert metrics.ks(metrics.score_counts(known["score"], known["y"])) == pytest.approx(expected)


def test_optbinning_ks_trap_perfect_separation_is_one():
    counts = metrics.score_counts([1, 2, 3, 4, 5, 6], [1, 1, 0, 0, 0, 0])
    assert metrics.ks(counts) == 1
    assert metrics.auc(counts) == 1


def test_optbinning_ks_trap_all_ties_are_zero():
    counts = metrics.score_counts([5] * 6, [1, 1, 0, 0, 0, 0])
    assert metrics.ks(counts) == 0
    assert metrics.auc(counts) == 0.5


def test_toad_auc_trap_scores_above_one_do_not_flip_the_direction():
    y = [1, 1, 0, 1, 0, 0]
    small, large = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [1, 2, 3, 4, 5, 6]
    expected = metrics.auc(metrics.score_counts(small, y))
    assert expected == 8 / 9
    assert metrics.auc(metrics.score_counts(large, y)) == expected


@pytest.mark.parametrize("statistic", [metrics.auc, metrics.gini, metrics.ks])
def test_reversed_score_warns(statistic, sample):
    counts = metrics.score_counts(-sample["score"], sample["y"])
    straight = statistic(metrics.score_counts(sample["score"], sample["y"]))
    with pytest.warns(UserWarning, match="score looks reversed"):
        value = statistic(counts)
    assert value < straight
    assert value < {metrics.auc: 0.5, metrics.gini: 0, metrics.ks: 0.01}[statistic]


def test_reversed_score_warns_though_ks_is_not_quite_zero():
    rng = np.random.default_rng(6)
    y = np.arange(400) % 4 == 0
    counts = metrics.score_counts(np.append(rng.normal(y, 1), [-9]), np.append(y, [1]))
    with pytest.warns(UserWarning, match="score looks reversed"):
        assert metrics.ks(counts) > 0


def test_tiny_reversed_score_warns():
    counts = metrics.score_counts([1, 2, 3, 4], [0, 0, 1, 1])
    with pytest.warns(UserWarning, match="score looks reversed"):
        assert metrics.ks(counts) == 0


def test_unlucky_useless_score_does_not_warn():
    rng = np.random.default_rng(2)
    counts = metrics.score_counts(rng.random(500), np.arange(500) % 5 == 0)
    assert metrics.auc(counts) < 0.5


@pytest.mark.parametrize("y", [[0, 0, np.nan], [1, 1, np.nan], [np.nan] * 3])
@pytest.mark.parametrize("statistic", [metrics.auc, metrics.gini, metrics.ks])
def test_one_class_is_undefined_and_warns(statistic, y):
    with pytest.warns(UserWarning, match="is undefined"):
        assert math.isnan(statistic(metrics.score_counts([1, 2, 3], y)))


def test_order_of_the_counts_does_not_matter(sample):
    counts = metrics.score_counts(sample["score"], sample["y"])
    shuffled = counts.sample(frac=1, random_state=1)
    assert metrics.auc(shuffled) == metrics.auc(counts)
    pd.testing.assert_frame_equal(metrics.gains_table(shuffled), metrics.gains_table(counts))


def test_counts_must_be_complete_and_distinct():
    counts = metrics.score_counts([1, 2], [0, 1])
    with pytest.raises(ValueError, match=r"counts lack \['bad'\]"):
        metrics.auc(counts.drop(columns="bad"))
    with pytest.raises(ValueError, match="one row a score"):
        metrics.auc(pd.concat([counts, counts]))


two_classes = st.lists(
    st.tuples(st.integers(-6, 6), st.integers(0, 1)), min_size=2, max_size=60
).filter(lambda rows: len({y for _, y in rows}) == 2)


@settings(max_examples=60, deadline=None)
@given(rows=two_classes, a=st.sampled_from([0.5, 1.0, 3.0]), b=st.integers(-100, 1000))
def test_auc_and_ks_unmoved_by_increasing_maps(rows, a, b):
    score, y = np.array(rows).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = [
            (metrics.auc(counts), metrics.ks(counts))
            for counts in (
                metrics.score_counts(score, y),
                metrics.score_counts(a * score + b, y),
                metrics.score_counts(np.exp(score / 2), y),
                metrics.score_counts(score**3, y),
            )
        ]
    assert len(set(values)) == 1
    # and mirrored by decreasing ones
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert metrics.auc(metrics.score_counts(-score, y)) == pytest.approx(1 - values[0][0])


@pytest.mark.parametrize("column", ["albumin", "protein", "kg"])
def test_delong_interval_equals_brute_force(patients, column):
    y = patients["y"].to_numpy()
    area, over_goods, over_bads = brute_force_components(patients[column], y)
    error = math.sqrt(
        over_goods.var(ddof=1) / len(over_goods) + over_bads.var(ddof=1) / len(over_bads)
    )
    half = stats.norm.ppf(0.95) * error / (area * (1 - area))
    logit = math.log(area / (1 - area))
    table = metrics.discrimination(metrics.score_counts(patients[column], y), level=0.9, n_boot=0)
    assert table["auc"] == pytest.approx(area, abs=1e-12)
    assert table["auc_low"] == pytest.approx(1 / (1 + math.exp(half - logit)), abs=1e-12)
    assert table["auc_high"] == pytest.approx(1 / (1 + math.exp(-half - logit)), abs=1e-12)
    assert table["gini_low"] == pytest.approx(2 * table["auc_low"] - 1)
    assert table["gini_high"] == pytest.approx(2 * table["auc_high"] - 1)
    assert math.isnan(table["ks_low"])


def test_discrimination_names_counts_and_points(sample):
    counts = metrics.score_counts(sample["score"], sample["y"], booked=sample["y"].notna())
    table = metrics.discrimination(counts)
    assert (
        table.index.tolist()
        == (
            "applications booked good bad bad_rate auc auc_low auc_high gini gini_low gini_high "
            "ks ks_low ks_high ks_score"
        ).split()
    )
    assert table["applications"] == 3000
    assert table["booked"] == table["good"] + table["bad"] == 2000
    assert table["bad_rate"] == sample["y"].mean()
    known = sample.dropna()
    below = known["score"] <= table["ks_score"]
    gap = below[known["y"] == 1].mean() - below[known["y"] == 0].mean()
    assert table["ks"] == metrics.ks(counts) == pytest.approx(gap)
    assert table["ks_low"] < table["ks"] < table["ks_high"]
    assert table["auc_low"] < table["auc"] < table["auc_high"]


def test_bootstrap_is_reproducible_and_moves_with_its_seed(sample):
    counts = metrics.score_counts(sample["score"], sample["y"])
    first, again, other = (metrics.discrimination(counts, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_series_equal(first, again)
    assert first["ks_low"] != other["ks_low"]
    assert first["ks"] == other["ks"]


def test_bootstrap_spread_equals_that_of_repeated_samples():
    # the sampling distribution itself is the oracle of the bootstrap
    rng = np.random.default_rng(11)

    def counts():
        score = np.concatenate([rng.normal(0, 1, 400), rng.normal(1, 1, 1600)]).round(2)
        return metrics.score_counts(score, np.repeat([1, 0], [400, 1600]))

    drawn = np.quantile([metrics.ks(counts()) for _ in range(200)], [0.025, 0.975])
    table = metrics.discrimination(counts(), n_boot=400)
    assert table["ks_high"] - table["ks_low"] == pytest.approx(drawn[1] - drawn[0], rel=0.3)


def test_bootstrap_on_many_scores_agrees_with_few():
    rng = np.random.default_rng(5)
    y = (rng.random(20_000) < 0.2).astype(int)
    score = rng.normal(-0.8 * y, 1)
    assert len(np.unique(score)) > 2 * BOOTSTRAP_POINTS
    many = metrics.discrimination(metrics.score_counts(score, y))
    few = metrics.discrimination(metrics.score_counts(score.round(2), y))
    assert many["ks_low"] == pytest.approx(few["ks_low"], abs=0.01)
    assert many["ks_high"] == pytest.approx(few["ks_high"], abs=0.01)


def test_perfect_separation_has_no_delong_interval():
    with pytest.warns(UserWarning, match="AUC interval is undefined"):
        table = metrics.discrimination(metrics.score_counts([1, 2, 3, 4], [1, 1, 0, 0]))
    assert table["auc"] == 1
    assert table[["auc_low", "auc_high"]].isna().all()


def test_discrimination_without_bads_keeps_the_counts():
    with pytest.warns(UserWarning, match="discrimination is undefined"):
        table = metrics.discrimination(metrics.score_counts([1, 2], [0, 0]))
    assert table["bad_rate"] == 0
    assert table.drop(["applications", "booked", "good", "bad", "bad_rate"]).isna().all()


def test_discrimination_warns_once_of_a_reversed_score(sample):
    counts = metrics.score_counts(-sample["score"], sample["y"])
    with pytest.warns(UserWarning, match="reversed") as caught:
        metrics.discrimination(counts)
    assert len(caught) == 1


@pytest.mark.parametrize("keywords", [{"level": 1}, {"level": 0}, {"n_boot": -1}])
def test_discrimination_refuses_settings_out_of_range(keywords, sample):
    with pytest.raises(ValueError, match=r"must (lie in|be >=)"):
        metrics.discrimination(metrics.score_counts(sample["score"], sample["y"]), **keywords)


def test_gains_in_equal_groups():
    # a hundred scores of ten known outcomes each, bads (9, 8, .. 0) per decile of scores
    score = np.arange(100).repeat(10)
    y = (np.tile(np.arange(10), 100) < 9 - score // 10).astype(int)
    table = metrics.gains_table(metrics.score_counts(score, y))
    assert table.index.tolist() == list(range(1, 11))
    assert table["score_low"].tolist() == list(range(0, 100, 10))
    assert table["score_high"].tolist() == list(range(9, 100, 10))
    assert table["bad"].tolist() == list(range(90, -1, -10))
    assert table["bad_rate"].to_numpy() == pytest.approx(np.arange(0.9, -0.01, -0.1))
    assert table["cum_bad_rate"].iloc[[0, 1, -1]].to_numpy() == pytest.approx([0.9, 0.85, 0.45])
    assert table["captured_bad_rate"].iloc[[0, 1, -1]].to_numpy() == pytest.approx(
        [0.2, 170 / 450, 1]
    )
    assert table["lift"].iloc[[0, -1]].to_numpy() == pytest.approx([2, 0])


@settings(max_examples=50, deadline=None)
@given(rows=rows, n_groups=st.integers(1, 12))
def test_gains_partition_the_counts(rows, n_groups):
    table = np.array(rows, dtype=float)
    counts = metrics.score_counts(table[:, 0], table[:, 1])
    gains = metrics.gains_table(counts, n_groups=n_groups)
    names = ["applications", "booked", "good", "bad"]
    assert gains[names].sum().tolist() == counts[names].sum().tolist()
    assert len(gains) <= n_groups
    assert (gains["score_low"].to_numpy()[1:] > gains["score_high"].to_numpy()[:-1]).all()
    for group in gains.itertuples():
        inside = counts.loc[group.score_low : group.score_high]
        assert inside["applications"].sum() == group.applications


def test_gains_without_any_outcome_are_nan():
    table = metrics.gains_table(metrics.score_counts([1, 2, 3, 4], [np.nan] * 4), n_groups=2)
    assert table["applications"].tolist() == [2, 2]
    assert table[["bad_rate", "captured_bad_rate", "lift"]].isna().all(axis=None)


def test_gains_of_nothing_are_empty():
    assert metrics.gains_table(metrics.score_counts([], [])).empty


def test_roc_table_holds_auc_and_ks(sample):
    counts = metrics.score_counts(sample["score"], sample["y"])
    table = metrics.roc_curve_table(counts)
    assert table.columns.tolist() == ["score", "good_share", "bad_share"]
    assert np.trapezoid(table["bad_share"], table["good_share"]) == pytest.approx(
        metrics.auc(counts)
    )
    assert (table["bad_share"] - table["good_share"]).max() == metrics.ks(counts)
    assert table.iloc[0].tolist() == [-np.inf, 0, 0]
    assert table.iloc[-1, 1:].tolist() == [1, 1]


def test_calibration_groups_and_jeffreys_interval():
    probability = np.repeat([0.02, 0.1, 0.5], [100, 100, 100])
    y = np.concatenate([np.arange(100) < bads for bads in (0, 12, 100)]).astype(float)
    table = metrics.calibration_table(y, probability, n_groups=3)
    assert table["n"].tolist() == [100, 100, 100]
    assert table["bad"].tolist() == [0, 12, 100]
    assert table["mean_probability"].to_numpy() == pytest.approx([0.02, 0.1, 0.5])
    assert table["bad_rate"].tolist() == [0, 0.12, 1]
    low, high = stats.beta(12.5, 88.5).interval(0.95)
    assert table.loc[2, ["bad_rate_low", "bad_rate_high"]].tolist() == pytest.approx([low, high])
    assert table.loc[1, "bad_rate_low"] == 0
    assert table.loc[3, "bad_rate_high"] == 1


def test_calibration_table_drops_unknown_outcomes_and_reads_weights_as_loans():
    y = [0, 1, np.nan, 0]
    probability = [0.1, 0.2, np.nan, 0.4]
    weighted = metrics.calibration_table(y, probability, n_groups=2, weight=[2, 1, 5, 3])
    repeated = metrics.calibration_table([0, 0, 1, 0, 0, 0], [0.1, 0.1, 0.2, 0.4, 0.4, 0.4])
    assert weighted["n"].tolist() == [3, 3]
    pd.testing.assert_frame_equal(
        weighted,
        metrics.calibration_table(
            [0, 0, 1, 0, 0, 0], [0.1, 0.1, 0.2, 0.4, 0.4, 0.4], n_groups=2
        ).astype(float),
    )
    assert repeated["n"].sum() == 6
    assert metrics.calibration_table([np.nan], [0.5]).empty


def test_calibration_fit_equals_unpenalised_logistic_regression():
    rng = np.random.default_rng(2)
    log_odds = rng.normal(-2, 1.5, 4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(0.4 - 0.6 * log_odds))).astype(float)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(log_odds[:, None], y)
    fit = metrics.calibration_fit(y, 1 / (1 + np.exp(-log_odds)))
    assert fit["intercept"] == pytest.approx(model.intercept_[0], abs=1e-5)
    assert fit["slope"] == pytest.approx(model.coef_[0, 0], abs=1e-5)


def test_calibration_fit_of_two_probabilities_has_a_closed_form():
    # bad rates 1/4 and 3/4 at predictions 0.1 and 0.9: log-odds shrink by ln 3 / ln 9 = 1/2
    fit = metrics.calibration_fit([1, 0, 0, 0, 1, 1, 1, 0], [0.1] * 4 + [0.9] * 4)
    assert fit[["intercept", "slope"]].tolist() == pytest.approx([0, 0.5], abs=1e-9)
    # by Woolf the log odds ratio has error sqrt(4 / 3 + 4 / 3), the slope that over ln 81, and the
    # intercept half the error of the two log-odds, of variance 4 / 3 each
    z = 1.959963984540054
    half = z * math.sqrt(8 / 3) / math.log(81)
    assert fit[["slope_low", "slope_high"]].tolist() == pytest.approx([0.5 - half, 0.5 + half])
    half = z * math.sqrt(8 / 3) / 2
    assert fit[["intercept_low", "intercept_high"]].tolist() == pytest.approx([-half, half])
    narrow = metrics.calibration_fit([1, 0, 0, 0, 1, 1, 1, 0], [0.1] * 4 + [0.9] * 4, level=0.5)
    assert narrow["intercept_high"] == pytest.approx(0.6744897501960817 * math.sqrt(8 / 3) / 2)
    with pytest.raises(ValueError, match="level must lie in"):
        metrics.calibration_fit([0, 1], [0.1, 0.2], level=1)


def test_ks_interval_holds_the_truth_more_often_than_percentiles_would():
    # true KS of two normals one apart, at whole scores; percentiles hold it in 83 of 100 samples
    rng, grid = np.random.default_rng(3), np.arange(-100, 120)
    spread = scipy.stats.norm.cdf((grid + 0.5) / 20)
    truth = (spread - scipy.stats.norm.cdf((grid + 0.5) / 20 - 1)).max()
    held, above = 0, 0
    for seed in range(200):
        bad, good = rng.normal(size=80), rng.normal(1, size=200)
        scores = np.rint(20 * np.concatenate([bad, good]))
        found = metrics.discrimination(
            metrics.score_counts(scores, np.repeat([1, 0], [80, 200])), seed=seed
        )
        held += found["ks_low"] <= truth <= found["ks_high"]
        above += found["ks_low"] > truth
        assert 0 <= found["ks_low"] <= found["ks"] <= found["ks_high"] <= 1
    assert held >= 178
    assert above <= 16


def test_calibration_fit_is_right_for_steep_slopes():
    probability = np.repeat([0.499, 0.501], 1000)
    y = np.tile(np.arange(1000) < 10, 2).astype(float)
    y[1000:] = np.arange(1000) < 990
    fit = metrics.calibration_fit(y, probability)
    assert fit["slope"] == pytest.approx(math.log(99) / math.log(0.501 / 0.499), rel=1e-9)


def test_calibration_fit_survives_a_step_that_overshoots():
    # a plain Newton step on the way raises the loss by a third
    log_odds = np.array([-11.0, -10, 5, 5, 7, 7, 8, 9, 9, 9, 10])
    y = np.array([1.0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    fit = metrics.calibration_fit(y, 1 / (1 + np.exp(-log_odds)))
    residual = y - 1 / (1 + np.exp(-fit["intercept"] - fit["slope"] * log_odds))
    assert [residual.sum(), residual @ log_odds] == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("y", "probability"),
    [([0, 0], [0.1, 0.2]), ([0, 1], [0.1, 0.1]), ([0, 1], [0.1, 0.2]), ([1, 0], [0.1, 0.2])],
)
def test_calibration_fit_without_a_maximum_is_nan(y, probability):
    with pytest.warns(UserWarning, match="calibration fit is undefined"):
        assert metrics.calibration_fit(y, probability).isna().all()


def test_probabilities_are_checked_where_the_outcome_is_known():
    with pytest.raises(ValueError, match=r"probability must lie in \[0, 1\]"):
        metrics.calibration_table([0, 1], [0.2, 1.2])
    with pytest.raises(ValueError, match="probability must not be missing"):
        metrics.brier([0, 1], [0.2, np.nan])
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        metrics.calibration_fit([0, 1], [0.0, 0.5])
    with pytest.raises(ValueError, match="n_groups must be >= 1"):
        metrics.calibration_table([0, 1], [0.2, 0.5], n_groups=0)


def test_brier_equals_sklearn():
    rng = np.random.default_rng(4)
    probability, y = rng.random(50), rng.integers(0, 2, 50)
    expected = brier_score_loss(y, probability)
    assert metrics.brier(y, probability) == pytest.approx(expected, abs=1e-14)
    assert metrics.brier([*y, np.nan], [*probability, np.nan]) == pytest.approx(expected)
    with pytest.warns(UserWarning, match="no outcome is known"):
        assert math.isnan(metrics.brier([np.nan], [0.5]))


def test_design_vectors_of_jeffreys_and_binomial():
    assert metrics.jeffreys_p_value(5, 100, 0.03) == pytest.approx(0.123562, abs=5e-7)
    assert metrics.binomial_p_value(5, 100, 0.03) == pytest.approx(0.182145, abs=5e-7)


def test_p_values_equal_scipy_over_arrays():
    bad, n, probability = np.arange(0, 21), 20, 0.15
    assert metrics.jeffreys_p_value(bad, n, probability) == pytest.approx(
        stats.beta.cdf(probability, bad + 0.5, n - bad + 0.5)
    )
    assert metrics.binomial_p_value(bad, n, probability) == pytest.approx(
        stats.binom.sf(bad - 1, n, probability), abs=1e-14
    )


def test_p_values_refuse_impossible_counts():
    with pytest.raises(ValueError, match="bad must lie between 0 and n"):
        metrics.jeffreys_p_value(6, 5, 0.1)
    with pytest.raises(ValueError, match="probability must lie in"):
        metrics.binomial_p_value(1, 5, 1.1)


@pytest.mark.parametrize(("a", "b"), [("albumin", "kg"), ("protein", "kg"), ("kg", "albumin")])
def test_paired_delong_equals_brute_force(patients, a, b):
    y = patients["y"].to_numpy()
    (auc_a, goods_a, bads_a), (auc_b, goods_b, bads_b) = (
        brute_force_components(patients[column], y) for column in (a, b)
    )
    # by the covariance matrix, as printed, not by the variance of the difference
    covariance = np.cov(goods_a, goods_b) / len(goods_a) + np.cov(bads_a, bads_b) / len(bads_a)
    error = math.sqrt(np.array([1, -1]) @ covariance @ np.array([1, -1]))
    table = metrics.compare(y, patients[a], patients[b])
    assert table["auc_a"] == pytest.approx(auc_a, abs=1e-12)
    assert table["auc_b"] == pytest.approx(auc_b, abs=1e-12)
    assert table["difference"] == pytest.approx(auc_a - auc_b, abs=1e-12)
    assert table["z"] == pytest.approx((auc_a - auc_b) / error, rel=1e-9)
    assert table["p_value"] == pytest.approx(2 * stats.norm.sf(abs(auc_a - auc_b) / error))
    half = stats.norm.ppf(0.975) * error
    assert table[["low", "high"]].tolist() == pytest.approx(
        [auc_a - auc_b - half, auc_a - auc_b + half]
    )


def test_paired_delong_equals_the_published_example(patients):
    # same source, contrast "Total Protein - K-G Score": estimate, standard error, Wald limits,
    # chi-squared and its p-value, and the areas of both
    table = metrics.compare(patients["y"], patients["protein"], patients["kg"])
    error = table["difference"] / table["z"]
    found = [table["difference"], error, table["low"], table["high"], table["z"] ** 2]
    assert found == pytest.approx([-0.0780, 0.1046, -0.2830, 0.1271, 0.5554], abs=5e-5)
    assert table["p_value"] == pytest.approx(0.4561, abs=5e-5)
    assert table[["auc_a", "auc_b"]].tolist() == pytest.approx([0.6478, 0.7258], abs=5e-5)


def test_comparison_is_antisymmetric_and_blind_to_scale(sample):
    rng = np.random.default_rng(9)
    other = sample["score"] + rng.normal(0, 60, len(sample))
    one = metrics.compare(sample["y"], sample["score"], other)
    swapped = metrics.compare(sample["y"], other, np.exp(sample["score"] / 100))
    assert one["difference"] == pytest.approx(-swapped["difference"])
    assert [one["low"], one["high"]] == pytest.approx([-swapped["high"], -swapped["low"]])
    assert one["p_value"] == pytest.approx(swapped["p_value"])
    counts = metrics.score_counts(sample["score"], sample["y"])
    assert one["auc_a"] == pytest.approx(metrics.auc(counts), abs=1e-12)


def test_unknown_outcomes_are_dropped_from_a_comparison(sample):
    other = sample["score"].shift(-1, fill_value=600) / 2 + sample["score"]
    known = sample["y"].notna()
    pd.testing.assert_series_equal(
        metrics.compare(sample["y"], sample["score"], other.where(known)),
        metrics.compare(sample["y"][known], sample["score"][known], other[known]),
    )


def test_a_score_does_not_differ_from_itself(sample):
    table = metrics.compare(sample["y"], sample["score"], 2.0 * sample["score"])
    assert table["difference"] == table["low"] == table["high"] == table["z"] == 0
    assert table["p_value"] == 1


def test_comparison_without_two_of_each_class_is_undefined():
    with pytest.warns(UserWarning, match="needs two goods and two bads"):
        assert metrics.compare([0, 0, 1], [3, 2, 1], [2, 3, 1]).isna().all()


def test_comparison_without_variance_has_no_test():
    with pytest.warns(UserWarning, match="has no variance"):
        table = metrics.compare([1, 1, 0, 0], [1, 2, 3, 4], [1, 1, 1, 1])
    assert table["difference"] == 0.5
    assert table[["low", "high", "z", "p_value"]].isna().all()


def test_comparison_refuses_a_missing_score():
    with pytest.raises(ValueError, match="score_b must not be missing"):
        metrics.compare([1, 1, 0, 0], [1, 2, 3, 4], [1, np.nan, 3, 4])


def test_level_of_the_comparison_interval_is_kept():
    # equally good scores: the 80 % interval misses 0 in about a fifth of the samples
    rng = np.random.default_rng(21)
    y = np.repeat([1, 0], [60, 140])
    missed = 0
    for _ in range(300):
        signal = rng.normal(-1.0 * y, 1)
        table = metrics.compare(
            y, signal + rng.normal(0, 0.5, 200), signal + rng.normal(0, 0.5, 200), level=0.8
        )
        missed += not table["low"] <= 0 <= table["high"]
    assert missed / 300 == pytest.approx(0.2, abs=0.07)  # three standard errors


def test_design_vector_of_psi():
    expected = np.full(10, 0.1)
    actual = np.array([0.05, 0.08, *[0.1] * 6, 0.12, 0.15])
    assert metrics.psi(expected, actual) == pytest.approx(0.0630399, abs=5e-8)
    assert metrics.psi(1000 * expected, 1000 * actual) == pytest.approx(0.0630399, abs=5e-8)


def test_toad_psi_trap_an_unseen_label_counts():
    value = metrics.psi(pd.Series({"a": 50, "z": 50}), pd.Series({"a": 50, "b": 50}))
    # an empty cell is half a case in a hundred, on either side
    assert value == pytest.approx(2 * (0.5 - 0.005) * math.log(0.5 / 0.005))


def test_psi_aligns_labels_and_leaves_out_what_nobody_has():
    expected = pd.Series({"a": 30, "b": 70, "special": 0})
    actual = pd.Series({"b": 60, "missing": 0, "a": 40})
    assert metrics.psi(expected, actual) == pytest.approx(metrics.psi([30, 70], [40, 60]))
    # also where the samples differ in size, so that half a case is not the same share
    assert metrics.psi([300, 700, 0], [40, 60, 0]) == metrics.psi([300, 700], [40, 60])
    assert metrics.psi({"a": 30, "b": 70}, {"b": 70, "a": 30}) == 0


@settings(max_examples=50, deadline=None)
@given(cells=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_psi_is_zero_of_itself_symmetric_and_never_negative(cells):
    first, second = np.array(cells).T
    if first.sum() == 0 or second.sum() == 0:
        with pytest.warns(UserWarning, match="a sample is empty"):
            assert math.isnan(metrics.psi(first, second))
        return
    # two counts of one row each would read as shares
    first, second = 2 * first, 2 * second
    assert metrics.psi(first, first) == 0
    assert metrics.psi(first, second) >= 0
    assert metrics.psi(first, second) == pytest.approx(metrics.psi(second, first))


def test_shares_with_an_empty_cell_are_refused():
    with pytest.raises(ValueError, match="every share > 0"):
        metrics.psi([0.5, 0.5, 0.0], [0.4, 0.4, 0.2])
    with pytest.raises(ValueError, match="every share > 0"):
        metrics.psi([0.5, 0.5], [1.0, 0.0])
    with pytest.raises(ValueError, match="every share > 0"):
        metrics.psi({"a": 0.5, "b": 0.5}, {"a": 40, "c": 60})


def test_one_row_in_one_bin_is_a_count():
    assert metrics.psi([50, 50], [1, 0]) == pytest.approx(
        0.5 * math.log(2) + (0.5 - 0.5) * math.log(1)
    )


@pytest.mark.parametrize(
    ("expected", "actual", "message"),
    [
        ([1, -1], [1, 1], "finite counts or shares >= 0"),
        ([1, np.nan], [1, 1], "finite counts or shares >= 0"),
        ({"a": np.nan}, {"a": 1}, "got NaN"),
        ([1, 2], [1, 2, 3], "must have 2 rows"),
        ({"a": 1}, [1], "labels"),
        (pd.Series([1, 2], index=["a", "a"]), {"a": 3}, "each label once"),
    ],
)
def test_psi_refuses_what_it_cannot_compare(expected, actual, message):
    with pytest.raises(ValueError, match=message):
        metrics.psi(expected, actual)


def test_critical_psi_is_a_scaled_chi_squared_quantile():
    expected = (1 / 500 + 1 / 2000) * stats.chi2.ppf(0.95, 9)
    assert metrics.psi_critical(2000, 500, 10) == pytest.approx(expected)
    assert metrics.psi_critical(2000, 500, 10, level=0.99) > expected
    with pytest.raises(ValueError, match="n_bins must be >= 2"):
        metrics.psi_critical(100, 100, 1)
    with pytest.raises(ValueError, match="sample sizes must be > 0"):
        metrics.psi_critical(0, 100, 5)


def test_critical_psi_is_exceeded_by_chance_at_its_level():
    rng = np.random.default_rng(8)
    draws = [rng.multinomial([1000, 600], np.full(8, 1 / 8)) for _ in range(2000)]
    critical = metrics.psi_critical(1000, 600, 8)
    exceeded = np.mean([metrics.psi(e, a) > critical for e, a in draws])
    assert exceeded == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(
    ("value", "critical", "light"),
    [
        (0.10, 0.01, "green"),
        (0.11, 0.01, "amber"),
        (0.25, 0.01, "amber"),
        (0.26, 0.01, "red"),
        (0.26, 0.30, "green"),
        (0.20, 0.15, "amber"),
        (0.20, 0.20, "green"),
    ],
)
def test_psi_light_needs_both_the_rule_and_the_critical_value(value, critical, light):
    assert metrics.psi_light(value, critical) == light


def test_an_unknown_psi_has_no_light():
    with pytest.raises(ValueError, match="must be numbers"):
        metrics.psi_light(float("nan"), 0.1)


# -- tables by sample and segment ----------------------------------------------------------------


@pytest.fixture
def by_segment():
    rng = np.random.default_rng(0)
    scores = pd.DataFrame({"a": rng.integers(0, 9, 400), "b": rng.normal(size=400)})
    y = (rng.random(400) < 0.3).astype(float)
    segment = pd.Series(rng.choice(["thin", "thick"], 400), name="segment")
    return scores, y, segment


def test_tables_by_segment_are_the_metrics_of_its_rows(by_segment):
    scores, y, segment = by_segment
    table = metrics.discrimination_table(scores, y, by=segment, n_boot=0)
    paired = metrics.comparison_table(y, scores["a"], scores["b"], by=segment)
    assert table.index.names == ["segment", "model"]
    for name in ("thick", "thin"):
        rows = (segment == name).to_numpy()
        one = metrics.discrimination(metrics.score_counts(scores["a"][rows], y[rows]), n_boot=0)
        pd.testing.assert_series_equal(table.loc[(name, "a")], one, check_names=False)
        pd.testing.assert_series_equal(
            paired.loc[name],
            metrics.compare(y[rows], scores["a"][rows], scores["b"][rows]),
            check_names=False,
        )
    whole = metrics.discrimination_table(scores, y, n_boot=0)
    assert whole.loc["b", "auc"] == metrics.auc(metrics.score_counts(scores["b"], y))


def test_a_segment_with_too_few_bads_is_counted_but_not_measured(by_segment):
    scores, y, _ = by_segment
    small = np.arange(400) < 3
    y[:3] = [1, 0, 0]
    table = metrics.discrimination_table(scores, y, by=small, n_boot=0)
    assert table.loc[(True, "a"), ["good", "bad"]].tolist() == [2, 1]
    assert np.isnan(table.loc[(True, "a"), "auc"])
    assert table.loc[(False, "a"), "auc"] > 0


def test_a_segment_with_too_few_is_not_compared(by_segment):
    scores, y, _ = by_segment
    # 400 loans in four parts, the first with two bads, the last with two goods
    part = np.repeat(["a", "b", "c", "d"], 100)
    y[:100] = np.arange(100) < 2
    y[300:] = np.arange(100) >= 2
    with pytest.warns(UserWarning, match="looks reversed"):
        usual = metrics.comparison_table(y, scores["a"], scores["b"], by=part)
    assert usual["auc_a"].notna().all()
    strict = metrics.comparison_table(y, scores["a"], scores["b"], by=part, min_each=3)
    assert strict.index.tolist() == ["a", "b", "c", "d"]
    assert strict.loc[["a", "d"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(strict.loc[["b", "c"]], usual.loc[["b", "c"]])


def test_no_segment_at_all_still_has_every_column():
    table = metrics.comparison_table([0, 1], [1, 2], [1, 2], by=[None, None])
    assert list(table.columns) == [
        "auc_a", "auc_b", "difference", "low", "high", "z", "p_value",
    ]  # fmt: skip
    assert len(table) == 0


def test_weights_in_a_calibration_fit_are_repetitions():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.6, 300)
    y = (rng.random(300) < p).astype(float)
    times = rng.integers(0, 4, 300)
    weighted = metrics.calibration_fit(y, p, weight=times)
    repeated = metrics.calibration_fit(np.repeat(y, times), np.repeat(p, times))
    pd.testing.assert_series_equal(weighted, repeated)


def test_all_segments_too_small_still_have_every_column():
    table = metrics.discrimination_table(pd.DataFrame({"a": [1, 2]}), [0, 1], min_each=10)
    assert table["auc"].isna().all()
    assert {"ks", "gini_low", "ks_score"} <= set(table.columns)


# -- drift ---------------------------------------------------------------------------------------


def feature(name, **facts):
    return schema.Feature(name=name, label=name, family="any", **facts)


def drift_of(base, later, **facts):
    """Drift of one column: a base, then one period."""
    frame = pd.DataFrame({"x": [*base, *later]})
    in_base = np.arange(len(frame)) < len(base)
    period = pd.Series(np.where(in_base, "2023", "2024"))
    table = profile.drift_table(frame, [feature("x", **facts)], period, base=in_base)
    assert list(table.index) == [("x", "2024")]
    return table.loc[("x", "2024")]


def test_drift_of_a_category_that_is_wholly_missing_is_none():
    row = drift_of([None, None, None], [None, None], kind="category")
    assert row["psi"] == 0


def test_drift_of_no_rows_says_what_is_needed():
    none = pd.DataFrame(
        {"x": pd.Series(dtype=float), "applied_at": pd.Series(dtype="datetime64[s]")}
    )
    with pytest.raises(ValueError, match="base must hold at least one row"):
        profile.drift_table(none, [feature("x")], pd.Series(dtype="str"))


def test_drift_is_the_psi_of_deciles_specials_and_missing_by_hand():
    # ten deciles of ten rows, thirty special, twenty missing; later twenty of the first two deciles
    base = [*range(100), *[-9.0] * 30, *[np.nan] * 20]
    later = [*range(20), *range(20), *[-9.0] * 20, *[np.nan] * 40]
    row = drift_of(base, later, special_codes={-9.0: "no record"})
    expected = [10] * 10 + [30, 20]
    actual = [20, 20] + [0] * 8 + [20, 40]
    assert row["psi"] == metrics.psi(expected, actual)
    assert row["psi_critical"] == metrics.psi_critical(150, 100, 12)
    assert row["light"] == "red"
    assert row["rows"] == 100


@pytest.mark.parametrize(
    ("base", "bins"),
    [
        ({0: 95, 1: 5}, [{0}, {1}]),
        ({0: 5, 1: 95}, [{0}, {1}]),
        ({0: 40, 1: 26, 2: 15, 3: 9, 4: 5, 6: 4, 8: 1}, [{0}, {1}, {2}, {3}, {4, 6, 8}]),
        ({0: 93, 1: 5, 2: 2}, [{0}, {1, 2}]),
        ({7: 100}, [{7}]),
    ],
)
def test_tied_counts_keep_a_bin_for_every_common_value(base, bins):
    later = {value: 10 * (i + 1) for i, value in enumerate(base)}
    row = drift_of(*(np.repeat(list(c), list(c.values())) for c in (base, later)))
    cells = [[sum(c[v] for v in values) for values in bins] for c in (base, later)]
    assert row["psi"] == metrics.psi(*cells)
    if len(bins) == 1:
        assert math.isnan(row["psi_critical"])
        assert row["light"] == "green"


def test_values_outside_the_base_belong_to_the_outer_bins():
    assert drift_of([1, 2], [-5, 99])["psi"] == 0
    assert drift_of([1, 2], [1.5, 2])["psi"] == 0


def test_drift_of_categories_pools_the_rare_and_sees_the_unseen():
    base = ["a"] * 600 + ["b"] * 390 + ["r"] * 6 + ["s"] * 4
    later = ["a"] * 50 + ["b"] * 20 + ["r"] * 10 + ["new"] * 15 + [None] * 5
    row = drift_of(base, later, kind="category")
    # a, b, rare, unseen, missing
    assert row["psi"] == metrics.psi([600, 390, 10, 0, 0], [50, 20, 10, 15, 5])
    assert row["psi_critical"] == metrics.psi_critical(1000, 100, 5)


def test_a_column_that_is_only_collected_later_has_moved():
    assert drift_of([np.nan] * 50, [1.0, 2.0] * 50)["light"] == "red"


def test_the_base_is_the_first_year_or_half_and_belongs_to_no_period():
    months = pd.date_range("2022-01-01", periods=36, freq="MS").repeat(10) + pd.Timedelta(days=4)
    frame = pd.DataFrame({"x": np.tile(np.arange(10.0), 36), "applied_at": months})
    quarter = frame["applied_at"].dt.to_period("Q").astype(str)
    table = profile.drift_table(frame, [feature("x")], quarter)
    quarters = [f"{year}Q{q}" for year in (2023, 2024) for q in (1, 2, 3, 4)]
    assert list(table.index) == [("x", name) for name in quarters]
    assert (table["rows"] == 30).all()
    assert (table["psi"] == 0).all()
    short = profile.drift_table(frame[:120], [feature("x")], quarter[:120])
    assert short["rows"].sum() == 60
    one_day = frame[:10].assign(applied_at=pd.Timestamp("2022-01-15"))
    assert profile.drift_table(one_day, [feature("x")], quarter[:10]).empty


def test_drift_refuses_what_it_cannot_compare():
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    one = [feature("x")]
    with pytest.raises(ValueError, match="base must hold at least one row, got none"):
        profile.drift_table(frame, one, pd.Series(["a", "b"]), base=[False, False])
    with pytest.raises(ValueError, match="period must be known in every row, missing in 1"):
        profile.drift_table(frame, one, pd.Series(["a", None]), base=[True, False])
    with pytest.raises(ValueError, match="period must have 2 rows like applications, got 1"):
        profile.drift_table(frame, one, pd.Series(["a"]), base=[True, False])
    with pytest.raises(schema.DataContractError, match="missing columns y"):
        profile.drift_table(frame, [feature("y")], pd.Series(["a", "b"]), base=[True, False])


def test_tables_of_rows_without_outcome_or_group_say_nothing():
    scores = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    assert math.isnan(metrics.discrimination_table(scores, [np.nan] * 3)["bad_rate"].iloc[0])
    y = pd.Series([0, 1, pd.NA], dtype=object)
    by = ["x", np.nan, "x"]
    found = metrics.discrimination_table(scores, y, by=by)
    assert found.index.tolist() == [("x", "a")]
    assert found["good"].tolist() == [1]
    assert metrics.comparison_table(y, scores["a"], scores["a"], by=by).index.tolist() == ["x"]
    none = metrics.discrimination_table(scores, y, by=[np.nan] * 3)
    assert none.empty
    assert none.index.names == found.index.names
    assert none.columns.equals(found.columns)


def test_expected_counts_are_what_outcomes_average_to():
    rng = np.random.default_rng(4)
    score, p = rng.integers(0, 5, 40), rng.random(40)
    expected = metrics.expected_counts(score, p)
    drawn = sum(metrics.score_counts(score, rng.random(40) < p) for _ in range(4000)) / 4000
    for column in ("good", "bad"):
        assert expected[column].to_numpy() == pytest.approx(drawn[column].to_numpy(), abs=0.15)
    assert expected[["good", "bad"]].sum().sum() == pytest.approx(40)
    with pytest.raises(ValueError, match="probability must lie in"):
        metrics.expected_counts([1, 2], [0.5, np.nan])


@pytest.mark.parametrize("by", [["a", "b"], [], ["a"] * 9])
def test_a_group_for_each_row_or_none(by):
    y, score = [0, 1, 0, 1], [4, 3, 2, 1]
    with pytest.raises(ValueError, match=r"by .*\b4\b"):
        metrics.discrimination_table(pd.DataFrame({"m": score}), y, by=by)
    with pytest.raises(ValueError, match=r"by .*\b4\b"):
        metrics.comparison_table(y, score, score, by=by)


def test_what_is_no_table_of_counts_is_named():
    with pytest.raises(TypeError, match="counts must be a DataFrame, such as score_counts gives"):
        metrics.auc(np.array([1, 2]))


def test_half_floats_are_scores():
    assert metrics.auc(metrics.score_counts(np.float16([1, 2, 3]), [1, 0, 0])) == 1.0


def test_masked_labels_are_missing():
    y = np.ma.masked_array([0, 1, 1], mask=[True, False, False])
    assert metrics.score_counts([1, 2, 3], y)["good"].sum() == 0


def test_a_masked_group_is_left_out_as_a_missing_one_is():
    y, block = np.tile([1, 0], 20), np.arange(40) // 4
    score = pd.DataFrame({"m": 2 - y + 2 * (block % 2)})
    names = np.array(["a", "a", "b", "b"] * 10)
    masked = np.ma.masked_array(names, mask=np.arange(40) < 10)
    missing = np.where(np.arange(40) < 10, None, names)
    pd.testing.assert_frame_equal(
        metrics.discrimination_table(score, y, by=masked),
        metrics.discrimination_table(score, y, by=pd.Series(missing)),
    )
