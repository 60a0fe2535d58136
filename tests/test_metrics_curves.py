import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import metrics
from riskkit.metrics.curves import LIFT_SHARES

two_classes = st.lists(
    st.tuples(st.integers(-6, 6), st.integers(0, 1)), min_size=2, max_size=60
).filter(lambda rows: len({y for _, y in rows}) == 2)


def without_warning(function, *arguments):
    """What a score by chance reversed would warn of is not what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return function(*arguments)


# -- CAP -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(rows=two_classes)
def test_area_of_the_cap_curve_is_the_gini(rows):
    counts = metrics.score_counts(*np.array(rows).T)
    table = metrics.cap_curve_table(counts)
    area = np.trapezoid(table["bad_share"], table["loan_share"])
    bad_rate = counts["bad"].sum() / counts["booked"].sum()
    gini = without_warning(metrics.gini, counts)
    assert (2 * area - 1) / (1 - bad_rate) == pytest.approx(gini, abs=1e-12)
    assert table["score"].tolist() == [-np.inf, *counts.index]
    assert table.iloc[0, 1:].tolist() == [0, 0]
    assert table.iloc[-1, 1:].tolist() == [1, 1]


def test_cap_curve_counts_known_outcomes_alone_in_any_order():
    counts = metrics.score_counts([1, 1, 2, 3, 3], [1, np.nan, 0, 0, np.nan])
    table = metrics.cap_curve_table(counts)
    assert table["loan_share"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert table["bad_share"].tolist() == [0, 1, 1, 1]
    pd.testing.assert_frame_equal(metrics.cap_curve_table(counts[::-1]), table)


def test_cap_curve_without_bads_is_nan():
    with pytest.warns(UserWarning, match="the CAP curve is undefined"):
        table = metrics.cap_curve_table(metrics.score_counts([1, 2], [0, 0]))
    assert table["bad_share"].isna().all()
    assert table["loan_share"].tolist() == [0, 0.5, 1]


# -- lift ----------------------------------------------------------------------------------------


def test_lift_by_hand():
    # ten scores of ten loans, 9, 8, .. 0 bads: 45 of 100
    score = np.arange(10).repeat(10)
    y = (np.tile(np.arange(10), 10) < 9 - score).astype(int)
    table = metrics.lift_table(metrics.score_counts(score, y), shares=[0.1, 0.25, 0.7, 1])
    assert table.index.tolist() == [0.1, 0.25, 0.7, 1]
    assert table["score"].tolist() == [0, 2, 6, 9]
    assert table["applications"].tolist() == pytest.approx([10, 25, 70, 100])
    # a quarter: two scores and half of the third
    assert table["bad"].tolist() == pytest.approx([9, 9 + 8 + 3.5, 42, 45])
    assert table["good"].tolist() == pytest.approx([1, 4.5, 28, 55])
    assert table["bad_rate"].tolist() == pytest.approx([0.9, 0.82, 0.6, 0.45])
    assert table["captured_bad_rate"].tolist() == pytest.approx([9 / 45, 20.5 / 45, 42 / 45, 1])
    assert table["lift"].tolist() == pytest.approx([2, 0.82 / 0.45, 0.6 / 0.45, 1])


def test_lift_takes_its_share_of_the_applications_and_its_rate_of_the_known():
    counts = metrics.score_counts([1] * 4 + [2] * 4, [1, 0, np.nan, np.nan, 0, 0, 0, 1])
    row = metrics.lift_table(counts, shares=[0.5]).loc[0.5]
    assert row["applications"] == 4
    assert row["bad_rate"] == 0.5
    assert row["captured_bad_rate"] == 0.5
    assert row["lift"] == pytest.approx(0.5 / (2 / 6))


@settings(max_examples=60, deadline=None)
@given(rows=two_classes)
def test_lift_is_captured_over_share_and_blind_to_scale_and_order(rows):
    score, y = np.array(rows).T
    counts = metrics.score_counts(score, y)
    table = metrics.lift_table(counts)
    assert tuple(table.index) == LIFT_SHARES
    assert table["lift"].tolist() == pytest.approx(
        (table["captured_bad_rate"] / table.index).tolist()
    )
    curve = metrics.cap_curve_table(counts)
    captured = np.interp(table.index, curve["loan_share"], curve["bad_share"])
    assert table["captured_bad_rate"].tolist() == pytest.approx(captured.tolist())
    mapped = metrics.lift_table(metrics.score_counts(np.exp(score / 3.0), y)[::-1])
    pd.testing.assert_frame_equal(mapped.drop(columns="score"), table.drop(columns="score"))
    assert mapped["score"].tolist() == pytest.approx(np.exp(table["score"] / 3).tolist())


def test_lift_at_a_share_that_floats_miss_is_at_its_own_score():
    counts = metrics.score_counts(np.arange(100), np.arange(100) < 30)
    shares = np.arange(1, 101) / 100
    assert metrics.lift_table(counts, shares=shares)["score"].tolist() == list(range(100))


def test_lift_of_nothing_is_undefined():
    with pytest.warns(UserWarning, match="lift is undefined: no applications"):
        table = metrics.lift_table(metrics.score_counts([], []))
    assert table.isna().all(axis=None)
    assert len(table) == len(LIFT_SHARES)
    no_bads = metrics.lift_table(metrics.score_counts([1, 2], [0, 0]), shares=[0.5])
    assert no_bads.loc[0.5, "bad_rate"] == 0
    assert no_bads[["captured_bad_rate", "lift"]].isna().all(axis=None)


@pytest.mark.parametrize("share", [0, -0.1, 1.01, np.nan])
def test_lift_refuses_a_share_that_is_none(share):
    counts = metrics.score_counts([1, 2], [1, 0])
    with pytest.raises(ValueError, match=r"shares must lie in \(0, 1\]"):
        metrics.lift_table(counts, shares=[0.5, share])
