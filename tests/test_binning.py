"""Counts, bins, WoE, IV, stability, selection."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit import binning
from riskkit.binning import FeatureBins, WoeBinner, count_features
from riskkit.partitions import total


def bins_of(goods, bads, missing=(0, 0)):
    counts = np.column_stack([[*goods, missing[0]], [*bads, missing[1]]])
    edges = np.arange(1.0, len(goods))
    return FeatureBins(name="x", edges=edges, groups=None, special_codes=(), counts=counts)


@pytest.fixture(scope="module")
def borrowers():
    """Rows with a rising, a free, a special-coded and a categorical feature."""
    rng = np.random.default_rng(7)
    n = 6000
    inquiries = rng.poisson(2, n).astype(float)
    income = rng.lognormal(8, 0.6, n)
    job = rng.choice(["clerk", "driver", "farmer", "rare"], n, p=[0.5, 0.3, 0.195, 0.005])
    thin = rng.random(n) < 0.2
    odds = -2.5 + 0.35 * inquiries - 0.5 * (np.log(income) - 8) + 0.6 * (job == "driver") + thin
    y = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    frame = pd.DataFrame({"inquiries": inquiries, "income": income, "job": job})
    frame.loc[thin, "inquiries"] = -9
    frame.loc[rng.random(n) < 0.1, "income"] = np.nan
    frame["noise"] = rng.normal(size=n)
    return frame, y


SPECIAL = {"inquiries": [-9.0]}


@pytest.fixture(scope="module")
def binner(borrowers):
    return WoeBinner(special_codes=SPECIAL, trend={"inquiries": "ascending"}).fit(*borrowers)


# -- WoE and IV ----------------------------------------------------------------------------------


def test_woe_and_iv_of_the_textbook_bins():
    # the design's vector: goods (200, 300, 500), bads (40, 20, 10)
    bins = bins_of([200, 300, 500], [40, 20, 10])
    assert bins.woe[:3] == pytest.approx([-1.049822, 0.048790, 1.252763], abs=1e-6)
    assert bins.iv == pytest.approx(0.838046, abs=1e-6)


def test_pure_bin_is_smoothed_by_half_a_count_totals_unchanged():
    bins = bins_of([100, 50], [10, 0])
    assert bins.adjusted.tolist() == [False, True, False]
    assert bins.woe[1] == pytest.approx(np.log((50.5 / 150) / (0.5 / 10)))
    # IV sums the unadjusted difference of shares times that WoE
    assert bins.iv_parts[1] == pytest.approx((50 / 150 - 0) * bins.woe[1])
    assert np.isfinite(bins.woe).all()


def test_unseen_gets_the_riskiest_woe_never_the_best(binner):
    """Toad gives a category it has never seen the safest WoE."""
    unseen = pd.DataFrame(
        {"inquiries": [1.0], "income": [3000.0], "job": ["astronaut"], "noise": [0.0]}
    )
    woe = binner.transform(unseen)["job"].iloc[0]
    table = binner.table("job")
    assert woe == table.loc[table["good"] + table["bad"] > 0, "woe"].min()


def test_missing_has_its_empirical_woe(borrowers, binner):
    """Optbinning gives missing WoE 0 unless asked otherwise."""
    X, y = borrowers
    missing = X["income"].isna()
    share_good = (missing & (y == 0)).sum() / (y == 0).sum()
    share_bad = (missing & (y == 1)).sum() / (y == 1).sum()
    expected = np.log(share_good / share_bad)
    assert binner.table("income").loc["missing", "woe"] == pytest.approx(expected)
    assert binner.transform(X).loc[missing, "income"].iloc[0] == pytest.approx(expected)


def test_transform_of_the_training_rows_reproduces_the_table(borrowers, binner):
    X, y = borrowers
    numbers = binner.bin_numbers(X)
    for name in X.columns:
        table = binner.table(name)
        rows = np.bincount(numbers[name], minlength=len(table))
        bads = np.bincount(numbers[name], weights=y, minlength=len(table))
        assert (rows == (table["good"] + table["bad"])).all()
        assert (bads == table["bad"]).all()
        assert binner.transform(X)[name].to_numpy() == pytest.approx(
            table["woe"].to_numpy()[numbers[name]]
        )


def test_bins_are_closed_below_open_above():
    bins = FeatureBins(
        name="x", edges=np.array([1.0, 2.0]), groups=None, special_codes=(),
        counts=np.ones((4, 2), int),
    )  # fmt: skip
    values = pd.Series([0.999, 1.0, 1.999, 2.0, -np.inf, np.inf, -0.0, np.nan])
    assert bins.assign(values).tolist() == [0, 1, 1, 2, 0, 2, 0, 3]
    assert bins.labels == ["< 1", "[1, 2)", "≥ 2", "missing"]


# -- counts --------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(
        st.one_of(st.integers(-5, 5).map(float), st.just(np.nan), st.floats(-1e6, 1e6)),
        min_size=4, max_size=60,
    ),
    n_points=st.integers(2, 20),
    data=st.data(),
)  # fmt: skip
def test_counts_of_two_parts_add_up_to_the_whole(values, n_points, data):
    y = np.array(data.draw(st.lists(st.integers(0, 1), min_size=len(values), max_size=len(values))))
    X = pd.DataFrame({"x": values, "level": [f"{v:.0f}" for v in values]})
    codes = {"x": [-5.0]}
    whole = count_features(X, y, special_codes=codes, n_points=n_points)
    cut = data.draw(st.integers(1, len(values) - 1))
    parts = total(
        lambda rows: count_features(
            rows, y[rows.index], edges=whole.edges, special_codes=codes, n_points=n_points
        ),
        [X.iloc[:cut], X.iloc[cut:]],
    )
    for name in X.columns:
        assert (parts[name].cells == whole[name].cells).all()
        assert (parts[name].missing == whole[name].missing).all()
    assert (parts["x"].special == whole["x"].special).all()
    assert whole["x"].total.sum() == len(values)
    assert len(whole["x"].cells) <= n_points


def test_weights_are_repetitions(borrowers):
    X, y = borrowers
    times = np.random.default_rng(1).integers(0, 4, len(y))
    edges = count_features(X, y).edges
    weighted = count_features(X, y, edges, sample_weight=times)
    repeated = count_features(X.loc[X.index.repeat(times)], np.repeat(y, times), edges)
    for name in ("inquiries", "income"):
        assert weighted[name].cells == pytest.approx(repeated[name].cells)
    # a level of weight 0 only is still a level
    assert weighted["job"].total == pytest.approx(repeated["job"].total)


def test_tiny_weights_give_the_same_bins(borrowers):
    """Optbinning floors fractional weights per bin, and ignores those of categories."""
    X, y = borrowers
    plain = WoeBinner().fit(X, y)
    tiny = WoeBinner().fit(X, y, sample_weight=np.full(len(y), 1e-4))
    assert tiny.iv.to_dict() == pytest.approx(plain.iv.to_dict())


def test_category_bins_use_the_weights():
    """Optbinning orders levels without their weights: IV 0.0011 where 0.3248 is right."""
    levels = ["a", "b", "c"]
    goods, bads = np.array([900, 800, 300]), np.array([50, 200, 300])
    X = pd.DataFrame({"level": levels * 2})
    y = np.repeat([0, 1], 3)
    compressed = WoeBinner().fit(X, y, sample_weight=np.concatenate([goods, bads]))
    full = pd.DataFrame({"level": np.repeat(levels * 2, np.concatenate([goods, bads]))})
    rows = WoeBinner().fit(full, np.repeat([0, 1], [goods.sum(), bads.sum()]))
    assert compressed.iv["level"] == pytest.approx(rows.iv["level"])
    shares = goods / goods.sum(), bads / bads.sum()
    one_bin_each = ((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum()
    assert compressed.iv["level"] == pytest.approx(one_bin_each)


def test_pandas_categories_booleans_and_nullable_numbers_are_features():
    """Optbinning fails on category columns."""
    y = np.tile([0, 0, 1, 0], 100)
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(np.tile(["a", "b", "b", None], 100)),
            "boolean": np.tile([True, False, True, False], 100),
            "nullable": pd.array(np.tile([1, 2, None, 4], 100), dtype="Int64"),
        }
    )
    binner = WoeBinner().fit(frame, y)
    assert binner.table("category").loc["missing", ["good", "bad"]].tolist() == [100, 0]
    assert binner.table("nullable").loc["missing", ["good", "bad"]].tolist() == [0, 100]
    assert binner.transform(frame).notna().all(axis=None)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ({"x": [1.0, 2.0]}, [0, 2], "y must be 1"),
        ({"x": [1.0, 2.0]}, [0, np.nan], "y must be 1"),
        ({"x": [1.0, 2.0]}, [0], "one label per row"),
    ],
)
def test_labels_are_checked(X, y, message):
    with pytest.raises(ValueError, match=message):
        count_features(pd.DataFrame(X), y)


def test_dates_are_no_feature():
    frame = pd.DataFrame({"born": pd.to_datetime(["2000-01-01", "2001-01-01"])})
    with pytest.raises(TypeError, match=r"feature born: datetime64.* is no feature"):
        count_features(frame, [0, 1])


def test_adding_counts_on_unequal_edges_is_refused():
    a = count_features(pd.DataFrame({"x": [1.0, 2, 3]}), [0, 1, 0])
    b = count_features(pd.DataFrame({"x": [1.0, 2, 4]}), [0, 1, 0])
    with pytest.raises(ValueError, match="feature x: counts add up on equal edges only"):
        a + b


# -- the binner ----------------------------------------------------------------------------------


@pytest.mark.parametrize("trend", ["ascending", "descending"])
def test_a_stated_direction_is_obeyed(borrowers, trend):
    X, y = borrowers
    found = WoeBinner(trend=trend).fit(X[["income", "noise"]], y).trends
    assert set(found.values()) <= {trend, "flat"}


def test_limits_hold(borrowers):
    X, y = borrowers
    binner = WoeBinner(max_bins=4, min_bin_size=0.1).fit(X, y)
    for name, bins in binner.bins_.items():
        ordinary = bins.counts[: bins.n_bins].sum(axis=1)
        assert bins.n_bins <= 4
        assert (ordinary >= 0.1 * len(y) - 1).all(), name


def test_order_of_rows_and_monotone_maps_change_nothing(borrowers, binner):
    X, y = borrowers
    order = np.random.default_rng(3).permutation(len(y))
    shuffled = WoeBinner(special_codes=SPECIAL, trend={"inquiries": "ascending"})
    shuffled.fit(X.iloc[order], y[order])
    assert shuffled.iv.to_dict() == binner.iv.to_dict()
    logs = WoeBinner().fit(np.log(X[["income"]]), y)
    assert logs.iv["income"] == pytest.approx(binner.iv["income"])


def test_iv_is_close_to_optbinnings_own(borrowers):
    from optbinning import OptimalBinning

    X, y = borrowers
    ours = WoeBinner(max_bins=6).fit(X[["income"]], y)
    peer = OptimalBinning(dtype="numerical", max_n_bins=6, min_bin_size=0.05)
    peer.fit(X["income"].to_numpy(), y)
    counts = count_features(X[["income"]], y, {"income": peer.splits})["income"]
    theirs = FeatureBins(
        name="income", edges=counts.edges, groups=None, special_codes=(),
        counts=np.vstack([counts.cells, counts.missing]),
    )  # fmt: skip
    assert ours.iv["income"] >= 0.99 * theirs.iv


def test_saved_and_loaded_is_the_original(borrowers, binner, tmp_path):
    X, _ = borrowers
    binner.save(tmp_path / "binning.json")
    loaded = WoeBinner.load(tmp_path / "binning.json")
    pd.testing.assert_frame_equal(loaded.transform(X), binner.transform(X))
    assert loaded.get_params() == binner.get_params()
    newer = binner.to_json() | {"schema_version": 99}
    with pytest.raises(ValueError, match="schema_version 99 is newer"):
        WoeBinner.from_json(newer)
    with pytest.raises(ValueError, match=r"expected a riskkit\.WoeBinner, found 'other'"):
        WoeBinner.from_json({"kind": "other"})


def test_input_is_unchanged_and_wrong_columns_are_named(borrowers, binner):
    X, _ = borrowers
    before = X.copy()
    binner.transform(X)
    pd.testing.assert_frame_equal(X, before)
    with pytest.raises(ValueError, match=r"X lacks the columns \['job'\]; it has"):
        binner.transform(X.drop(columns="job"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_bins": 1}, "max_bins must be at least 2, got 1"),
        ({"min_bin_size": 0.6}, r"min_bin_size must be in \(0, 0.5\), got 0.6"),
        ({"trend": "upwards"}, "trend of all must be one of .* got 'upwards'"),
        ({"trend": {"income": "up"}}, "trend of income must be one of"),
    ],
)
def test_parameters_are_checked_in_fit(borrowers, parameters, message):
    with pytest.raises(ValueError, match=message):
        WoeBinner(**parameters).fit(*borrowers)


def test_one_class_is_refused(borrowers):
    X, y = borrowers
    with pytest.raises(ValueError, match="goods and bads are both needed"):
        WoeBinner().fit(X[y == 0], y[y == 0])


# -- stability and selection ---------------------------------------------------------------------


def test_a_category_of_many_rare_levels_tells_nothing():
    # ordered by their few rows' own bad rate, 300 random levels would look like the best feature
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"level": rng.integers(0, 300, 1500).astype(str)})
    y = (rng.random(1500) < 0.1).astype(int)
    bins = WoeBinner().fit(X, y).bins_["level"]
    assert bins.iv == 0
    assert re.search(r", 100, .* and \d+ more$", bins.labels[0])


def test_integer_categories_are_the_same_level_with_and_without_missing():
    y = np.tile([0, 0, 1, 0], 100)
    X = pd.DataFrame({"code": pd.Categorical(np.tile([1, 1, 2, None], 100))})
    binner = WoeBinner().fit(X, y)
    later = pd.DataFrame({"code": pd.Categorical([1, 2])})
    assert (binner.bin_numbers(later)["code"] < binner.bins_["code"].n_bins).all()


def test_stability_refuses_unknown_labels_and_periods(borrowers, binner):
    X, y = borrowers
    with pytest.raises(ValueError, match="y must be 1"):
        binning.stability(binner, X, y * 2, np.repeat("a", len(y)))
    periods = pd.Series(["a", None] * (len(y) // 2))
    with pytest.raises(ValueError, match="period must be known in every row, missing in 3000"):
        binning.stability(binner, X, y, periods)


def test_a_shifted_feature_is_unstable_and_the_others_are_not(borrowers, binner):
    X, y = borrowers
    later = X.assign(income=X["income"] * 2)
    both = pd.concat([X, later], ignore_index=True)
    period = np.repeat(["2023Q1", "2023Q2"], len(y))
    moves = binning.stability(binner, both, np.tile(y, 2), period)
    assert moves.loc[("income", "2023Q1"), "psi"] == pytest.approx(0, abs=1e-12)
    assert moves.loc[("income", "2023Q2"), "psi"] > 0.25
    assert moves.loc[("noise", "2023Q2"), "psi"] == pytest.approx(0, abs=1e-12)
    assert moves.loc[("inquiries", "2023Q1"), "woe_correlation"] == pytest.approx(1)


def test_reversed_risk_has_negative_woe_correlation(borrowers, binner):
    X, y = borrowers
    moves = binning.stability(binner, X, 1 - y, np.repeat("later", len(y)))
    assert moves.loc[("inquiries", "later"), "woe_correlation"] < -0.9


def test_selection_gives_a_reason_for_every_feature(borrowers):
    X, y = borrowers
    X = X.assign(copy=X["inquiries"] + np.random.default_rng(0).normal(0, 0.1, len(X)))
    binner = WoeBinner(special_codes=SPECIAL | {"copy": []}).fit(X, y)
    table = binning.select_features(binner, binner.transform(X), min_iv=0.02)
    assert table.loc["noise", "reason"] == "IV below 0.02"
    twins = table.loc[["inquiries", "copy"]]
    assert twins["selected"].sum() == 1
    assert "correlation with" in twins.loc[~twins["selected"], "reason"].iloc[0]
    assert (table["reason"] == "kept").equals(table["selected"])


def test_unstable_and_leaking_features_are_marked(borrowers):
    X, y = borrowers
    X = X.assign(leak=y + np.random.default_rng(0).normal(0, 0.3, len(y)))
    binner = WoeBinner().fit(X, y)
    moved = binning.stability(binner, X.assign(job="farmer"), y, np.repeat("q", len(y)))
    table = binning.select_features(binner, binner.transform(X), stable=moved)
    assert table["leakage"].to_dict() == {name: name == "leak" for name in table.index}
    assert table.loc["job", "reason"] == "PSI above 0.25"


def test_exact_copies_of_one_another_are_found():
    rng = np.random.default_rng(1)
    job = rng.integers(0, 4, 4000)
    X = pd.DataFrame({f"is_{i}": (job == i).astype(float) for i in range(4)})
    y = (rng.random(4000) < 0.1 + 0.08 * job).astype(int)
    binner = WoeBinner().fit(X, y)
    table = binning.select_features(binner, binner.transform(X), min_iv=0.0001)
    # three of four dummies say all there is
    assert table["selected"].sum() == 3
    assert (table["reason"] == "VIF above 5").sum() == 1


def test_collinear_features_go_by_vif():
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(4000, 3))
    X = pd.DataFrame(parts, columns=list("abc"))
    X["sum"] = X.sum(axis=1) + rng.normal(0, 0.05, 4000)
    y = (rng.random(4000) < 1 / (1 + np.exp(1.5 - parts.sum(axis=1)))).astype(int)
    binner = WoeBinner(max_bins=20, min_bin_size=0.02).fit(X, y)
    table = binning.select_features(binner, binner.transform(X), max_correlation=0.99, max_vif=2.5)
    assert (table["reason"] == "VIF above 2.5").sum() == 1
    assert table.loc[table["selected"], "vif"].max() <= 2.5
