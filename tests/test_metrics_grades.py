import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from riskkit import metrics
from riskkit.metrics.grades import p_value_light
from riskkit.partitions import add_counts


def counts_of(*cells):
    """Counts of (score, good, bad)."""
    return pd.DataFrame(cells, columns=["score", "good", "bad"]).set_index("score")


rows = st.lists(
    st.tuples(st.integers(-9, 9), st.sampled_from([0.0, 1.0, np.nan])), min_size=1, max_size=80
).filter(lambda rows: not np.isnan([y for _, y in rows]).all())


# -- master scale --------------------------------------------------------------------------------


def test_master_scale_by_hand():
    # bad rates from the safest: 2, 10, 4, 30 %; the middle two pooled are (20 + 4) / 300
    scale = metrics.master_scale(
        counts_of((520, 35, 15), (540, 35, 15), (560, 96, 4), (580, 180, 20), (600, 98, 2)),
        edges=[560, 580, 600],
    )
    expected = pd.DataFrame(
        {
            "score_low": [600, 580, 560, -np.inf],
            "score_high": [np.inf, 600, 580, 560],
            "n": [100, 200, 100, 100],
            "bad": [2, 20, 4, 30],
            "bad_rate": [0.02, 0.1, 0.04, 0.3],
            "probability": [0.02, 0.08, 0.08, 0.3],
        },
        index=pd.RangeIndex(1, 5, name="grade"),
    )
    pd.testing.assert_frame_equal(scale, expected)


def test_master_scale_of_equal_numbers():
    score = np.arange(100)
    counts = metrics.score_counts(
        score.repeat(10), np.tile(np.arange(10), 100) < 9 - score.repeat(10) // 10
    )
    scale = metrics.master_scale(counts)
    assert scale["n"].tolist() == [100] * 10
    assert scale["score_low"].tolist() == [*range(90, 0, -10), -np.inf]
    assert scale["probability"].tolist() == pytest.approx([0.0005, *np.arange(0.1, 0.95, 0.1)])
    assert len(metrics.master_scale(counts, n_grades=4)) == 4


@settings(max_examples=80, deadline=None)
@given(rows=rows, n_grades=st.integers(1, 12), floor=st.sampled_from([0, 0.0005, 0.1]))
def test_probability_of_a_grade_rises_with_risk(rows, n_grades, floor):
    score, y = np.array(rows, dtype=float).T
    counts = metrics.score_counts(score, y)
    scale = metrics.master_scale(counts, n_grades=n_grades, floor=floor)
    assert len(scale) <= n_grades
    assert (scale["probability"].diff().iloc[1:] > 0).all()  # pooled grades are one
    assert scale["probability"].min() >= floor
    assert scale["n"].sum() == (~np.isnan(y)).sum()
    assert (scale["score_low"].to_numpy()[:-1] == scale["score_high"].to_numpy()[1:]).all()
    if floor == 0:
        # pooling keeps the number of bads
        assert scale["probability"] @ scale["n"] == pytest.approx(counts["bad"].sum())
    in_order = IsotonicRegression().fit_transform(
        scale.index, scale["bad_rate"], sample_weight=scale["n"]
    )
    assert scale["probability"].tolist() == pytest.approx(np.maximum(in_order, floor).tolist())
    # the bands hold the loans they count
    grade = metrics.assign_grade(score, scale)
    bads = np.bincount(grade, weights=y == 1, minlength=len(scale) + 1)[1:]
    assert bads.tolist() == scale["bad"].tolist()
    # neither the order of the counts nor the scale of the score matters
    mapped = metrics.master_scale(
        metrics.score_counts(score**3, y)[::-1], n_grades=n_grades, floor=floor
    )
    pd.testing.assert_frame_equal(mapped.iloc[:, 2:], scale.iloc[:, 2:])
    assert (metrics.assign_grade(score**3, mapped) == grade).all()


def test_an_empty_grade_takes_the_next_riskier_probability():
    counts = counts_of((520, 70, 30), (560, 90, 10))
    scale = metrics.master_scale(counts, edges=[500, 540, 550, 600])
    assert scale["n"].tolist() == [0, 100, 0, 100, 0]
    assert scale["bad_rate"].isna().tolist() == [True, False, True, False, True]
    assert scale["probability"].tolist() == [0.1, 0.1, 0.3, 0.3, 0.3]


def test_weighted_counts_make_weighted_grades():
    counts = metrics.score_counts([1, 1, 2, 2], [0, 1, 0, 1], weight=[0.5, 1.5, 3, 1])
    scale = metrics.master_scale(counts, n_grades=2)
    assert scale["n"].tolist() == [4, 2]
    assert scale["probability"].tolist() == [0.25, 0.75]
    assert scale["n"].dtype == float


def test_no_outcome_is_no_probability():
    for counts in (metrics.score_counts([1, 2], [np.nan] * 2), metrics.score_counts([], [])):
        with pytest.warns(UserWarning, match="probability of a grade is undefined"):
            scale = metrics.master_scale(counts)
        assert len(scale) == 1
        assert np.isnan(scale.loc[1, "probability"])


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n_grades": 0}, "n_grades must be >= 1, got 0"),
        ({"edges": [600, 600]}, "edges must be finite and ascend"),
        ({"edges": [600, 500]}, "edges must be finite and ascend"),
        ({"edges": [np.nan]}, "edges must be finite and ascend"),
        ({"floor": -0.1}, r"floor must lie in \[0, 1\)"),
        ({"floor": 1}, r"floor must lie in \[0, 1\)"),
    ],
)
def test_master_scale_refuses_settings_out_of_range(keywords, message):
    with pytest.raises(ValueError, match=message):
        metrics.master_scale(counts_of((1, 1, 1)), **keywords)


def test_grades_begin_at_their_low_score():
    scale = metrics.master_scale(counts_of((1, 1, 1)), edges=[500, 600])
    assert metrics.assign_grade([-1e9, 499.9, 500, 599, 600, 1e9], scale).tolist() == [
        3,
        3,
        2,
        2,
        1,
        1,
    ]
    letters = scale.set_axis(["A", "B", "C"]).sample(frac=1, random_state=1)
    assert metrics.assign_grade([450, 550, 650], letters).tolist() == ["C", "B", "A"]
    with pytest.raises(ValueError, match="score must not be missing"):
        metrics.assign_grade([500, np.nan], scale)
    with pytest.raises(ValueError, match="scale must have a grade"):
        metrics.assign_grade([500], scale[:0])
    with pytest.raises(ValueError, match=r"grades lack \['score_low'\]"):
        metrics.assign_grade([500], scale[["n"]])


# -- back-test -----------------------------------------------------------------------------------


@pytest.fixture
def scale():
    return pd.DataFrame(
        {"score_low": [700, 600, -np.inf], "probability": [0.01, 0.03, 0.1]},
        index=pd.Index(["A", "B", "C"], name="grade"),
    )


def test_grade_table_holds_the_design_vector(scale):
    counts = counts_of((550, 80, 20), (599, 60, 0), (600, 45, 3), (699, 50, 2))
    table = metrics.grade_table(counts, scale)
    assert table.index.tolist() == ["A", "B", "C"]
    assert table["n"].tolist() == [0, 100, 160]
    assert table["bad"].tolist() == [0, 5, 20]
    # D = 5, N = 100, 3 %
    assert table.loc["B", "jeffreys_p_value"] == pytest.approx(0.123562, abs=5e-7)
    assert table.loc["B", "binomial_p_value"] == pytest.approx(0.182145, abs=5e-7)
    assert table.loc["C", "jeffreys_p_value"] == pytest.approx(
        stats.beta.cdf(0.1, 20.5, 140.5), abs=1e-12
    )
    assert table.loc["C", "binomial_p_value"] == pytest.approx(stats.binom.sf(19, 160, 0.1))
    assert table["light"].tolist()[1:] == ["green", "green"]
    # nobody in A: nothing to test
    assert table.loc["A", "probability"] == 0.01
    assert (
        table.loc["A", ["bad_rate", "jeffreys_p_value", "binomial_p_value", "light"]].isna().all()
    )


@pytest.mark.parametrize(
    ("bad", "light", "side"),
    [
        (0, "amber", "overstated"),
        (1, "green", ""),
        (6, "green", ""),
        (7, "amber", "understated"),
        (8, "amber", "understated"),
        (9, "red", "understated"),
    ],
)
def test_light_of_a_grade_is_of_both_tails_of_its_jeffreys_posterior(scale, bad, light, side):
    table = metrics.grade_table(counts_of((650, 100 - bad, bad)), scale)
    assert table.loc["B", ["light", "side"]].tolist() == [light, side]
    tail = stats.beta.cdf(0.03, bad + 0.5, 100.5 - bad)
    assert table.loc["B", "adjusted_p_value"] == pytest.approx(2 * min(tail, 1 - tail))
    # the binomial one lags behind: 8 of 100 still have 1.1 %
    assert table.loc["B", "binomial_p_value"] == pytest.approx(stats.binom.sf(bad - 1, 100, 0.03))
    stricter = metrics.grade_table(counts_of((650, 100 - bad, bad)), scale, amber=0.9, red=0.8)
    assert stricter.loc["B", "light"] == "red"


def test_the_light_of_a_grade_counts_the_grades(scale):
    alone = metrics.grade_table(counts_of((650, 91, 9)), scale)
    among = metrics.grade_table(counts_of((650, 91, 9), (550, 90, 10), (750, 99, 1)), scale)
    ratio = among.loc["B", "adjusted_p_value"] / alone.loc["B", "adjusted_p_value"]
    assert ratio == pytest.approx(3)
    assert [alone.loc["B", "light"], among.loc["B", "light"]] == ["red", "amber"]
    assert among.loc[["A", "C"], "light"].tolist() == ["green", "green"]


@settings(max_examples=50, deadline=None)
@given(rows=rows, cut=st.integers(0, 80))
def test_grades_of_two_parts_add_up(rows, cut):
    score, y = np.array(rows, dtype=float).T
    whole, *parts = (
        metrics.score_counts(score[part], y[part])
        for part in (slice(None), slice(cut), slice(cut, None))
    )
    scale = metrics.master_scale(whole, n_grades=4)
    table = metrics.grade_table(whole, scale)
    pd.testing.assert_frame_equal(table[["n", "bad"]], scale[["n", "bad"]])
    first, second = (metrics.grade_table(part, scale)[["n", "bad"]] for part in parts)
    pd.testing.assert_frame_equal(first + second, table[["n", "bad"]])
    pd.testing.assert_frame_equal(metrics.grade_table(add_counts(*parts), scale), table)


def test_a_scale_without_probability_has_no_test(scale):
    scale.loc["B", "probability"] = np.nan
    table = metrics.grade_table(counts_of((650, 10, 1), (500, 10, 1)), scale)
    assert np.isnan(table.loc["B", "jeffreys_p_value"])
    assert table.loc["C", "light"] == "green"
    with pytest.raises(ValueError, match=r"grades lack \['probability'\]"):
        metrics.grade_table(counts_of((650, 10, 1)), scale[["score_low"]])


@pytest.mark.parametrize(
    ("p_value", "light"),
    [
        (1, "green"),
        (0.05, "green"),
        (0.0499, "amber"),
        (0.01, "amber"),
        (0.0099, "red"),
        (0, "red"),
    ],
)
def test_light_of_a_p_value(p_value, light):
    assert p_value_light(p_value) == light


@pytest.mark.parametrize("p_value", [float("nan"), -0.1, 1.1])
def test_an_unknown_p_value_has_no_light(p_value):
    with pytest.raises(ValueError, match=r"p_value must lie in \[0, 1\]"):
        p_value_light(p_value)


@pytest.mark.parametrize(("amber", "red"), [(0.01, 0.05), (1, 0.05), (0.05, 0)])
def test_lights_in_the_wrong_order_are_refused(amber, red):
    with pytest.raises(ValueError, match="thresholds must be 0 < red <= amber < 1"):
        p_value_light(0.5, amber=amber, red=red)
