"""The WoE binner: estimator checks, WoE and IV, limits, requests, storage."""

import json

import numpy as np
import pandas as pd
import pytest
from binning_rows import (
    SPECIAL,
    assert_counts_are_those_of_the_rows,
    borrowers,
)
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from riskkit import binning
from riskkit.binning import WoeBinner, count_features

BORROWERS, LABELS = borrowers()


class LabelledBinner(WoeBinner):
    """Binner that takes the checks' labels: a lender's label is 0 or 1 and nothing else."""

    def fit(self, X, y=None, sample_weight=None):
        if y is not None:
            y = np.asarray(y)
            # not the median: a row that is given twice must not change the label of another
            y = (y > (y.min() + y.max()) / 2).astype(int) if y.ndim == 1 else y
        return super().fit(X, y, sample_weight)


@parametrize_with_checks([LabelledBinner()])
def test_it_is_an_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def binner():
    trend = {"inquiries": "ascending"}
    return WoeBinner(special_codes=SPECIAL, trend=trend).fit(BORROWERS, LABELS)


def assert_same_bins(found, expected):
    assert list(found.bins_) == list(expected.bins_)
    for name, bins in expected.bins_.items():
        assert found.bins_[name].to_json() == bins.to_json()
    assert found.one_bin_ == expected.one_bin_


# -- WoE of rows -----------------------------------------------------------------------------------


def test_unseen_gets_the_riskiest_woe_never_the_best():
    """Toad gives a category it has never seen the safest WoE."""
    X = BORROWERS[["inquiries", "job"]].assign(known=BORROWERS["noise"])
    binner = WoeBinner(special_codes={"inquiries": [-9, -8]}).fit(X, LABELS)
    later = pd.DataFrame({"inquiries": [-8.0], "job": ["astronaut"], "known": [np.nan]})
    for name, woe in binner.transform(later).iloc[0].items():
        table = binner.table(name)
        assert woe == table.loc[table["good"] + table["bad"] > 0, "woe"].min()


def test_missing_has_its_empirical_woe(binner):
    """Optbinning gives missing WoE 0 unless asked otherwise."""
    missing = BORROWERS["income"].isna()
    share_good = (missing & (LABELS == 0)).sum() / (LABELS == 0).sum()
    share_bad = (missing & (LABELS == 1)).sum() / (LABELS == 1).sum()
    expected = np.log(share_good / share_bad)
    assert binner.table("income").loc["missing", "woe"] == pytest.approx(expected)
    found = binner.transform(BORROWERS).loc[missing, "income"]
    assert found.iloc[0] == pytest.approx(expected)


def test_transform_of_the_training_rows_reproduces_the_table(binner):
    assert_counts_are_those_of_the_rows(binner, BORROWERS, LABELS)


def test_no_woe_is_infinite():
    X = pd.DataFrame({"x": [1.0] * 50 + [2.0] * 50 + [-9.0] * 5 + [np.nan] * 5})
    X["level"] = ["a"] * 50 + ["b"] * 50 + ["c"] * 10
    X["pure"] = ["good"] * 50 + ["bad"] * 60
    y = np.array([0] * 50 + [1] * 60)
    binner = WoeBinner(special_codes={"x": [-9]}).fit(X, y)
    binner = binner.group_levels("pure", [["good"], ["bad"]])
    assert np.isfinite(binner.transform(X)).all(axis=None)
    assert np.isfinite([binner.iv[name] for name in X]).all()
    assert binner.table("pure")["adjusted"].tolist() == [True, True, False]


# -- limits and requests ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limits",
    [
        {"max_bins": 4, "min_bin_size": 0.1},
        {"max_bins": 2, "min_bin_size": 0.3},
        {"max_bins": 20, "min_bin_size": 0.01, "min_bads": 60},
        {"trend": "none", "min_bads": 200},
    ],
)
def test_limits_hold(limits):
    binner = WoeBinner(special_codes=SPECIAL, **limits).fit(BORROWERS, LABELS)
    for name, bins in binner.bins_.items():
        ordinary = bins.counts[: bins.n_bins]
        assert bins.n_bins <= limits.get("max_bins", 8), name
        assert (ordinary.sum(axis=1) >= limits.get("min_bin_size", 0.05) * len(LABELS)).all(), name
        assert (ordinary[:, 1] >= limits.get("min_bads", 1)).all(), name
        assert (ordinary[:, 0] > 0).all()
    assert binner.bins_["income"].n_bins > 1


@pytest.mark.parametrize("trend", ["ascending", "descending", "peak", "valley"])
def test_a_stated_trend_is_obeyed(trend):
    names = ["income", "noise"]
    binner = WoeBinner(trend=trend, infeasible="one_bin").fit(BORROWERS[names], LABELS)
    # a peak and a valley may lie at either end
    simpler = ("ascending", "descending") if trend in ("peak", "valley") else ("flat",)
    assert set(binner.trends.values()) <= {trend, *simpler}


def test_trends_are_given_by_feature():
    names = ["inquiries", "income", "noise"]
    trend = {"inquiries": "descending", "noise": "ascending"}
    binner = WoeBinner(special_codes=SPECIAL, trend=trend, infeasible="one_bin")
    found = binner.fit(BORROWERS[names], LABELS).trends
    assert found == {"inquiries": "flat", "income": "descending", "noise": "ascending"}


def test_only_candidate_edges_are_chosen_from():
    candidates = {"income": [3000.5, 1500, 6000, -1, 1e9], "inquiries": [1.5, 2.5]}
    binner = WoeBinner(special_codes=SPECIAL, candidate_edges=candidates).fit(BORROWERS, LABELS)
    for name, wanted in candidates.items():
        assert set(binner.edges[name]) <= set(wanted)
    assert binner.edges["income"].tolist() == [1500, 3000.5, 6000]
    assert len(binner.edges["noise"]) > 0
    assert_counts_are_those_of_the_rows(binner, BORROWERS, LABELS)
    none = WoeBinner(candidate_edges={"income": []}).fit(BORROWERS[["income"]], LABELS)
    assert none.one_bin_ == {"income": "no candidate edge lies between its values"}


def test_fixed_edges_are_kept_exactly():
    fixed = {"income": [1234.56789, 5000.0], "inquiries": [0.5]}
    trend = {"income": "descending", "inquiries": "ascending"}
    binner = WoeBinner(special_codes=SPECIAL, fixed_edges=fixed, trend=trend)
    binner.fit(BORROWERS, LABELS)
    assert {name: binner.edges[name].tolist() for name in fixed} == fixed
    assert_counts_are_those_of_the_rows(binner, BORROWERS, LABELS)
    # values that have others on both sides, nearer than the fine edges
    among = np.sort(BORROWERS["income"].dropna())[400:5000:400].tolist()
    fine = count_features(BORROWERS[["income"]], LABELS).edges["income"]
    assert set(among) - set(fine)
    binner = WoeBinner(fixed_edges={"income": among}, trend="none", max_bins=13)
    assert binner.fit(BORROWERS[["income"]], LABELS).edges["income"].tolist() == among


def test_a_peak_may_lie_at_either_end_of_fixed_edges():
    X = BORROWERS[["income"]]
    binner = WoeBinner(fixed_edges={"income": [2000, 4000]}, trend="valley").fit(X, LABELS)
    assert binner.trends["income"] == "descending"


@pytest.mark.parametrize(
    ("edges", "options", "message"),
    [
        ([1500, 3000], {"max_bins": 2}, "3 bins, more than max_bins=2"),
        ([200, 3000], {}, r"\d+ rows in < 200, less than min_bin_size: 300"),
        ([1e9], {"min_bin_size": 1e-9}, "0 rows in ≥ 1000000000, less than min_bin_size"),
        ([1500, 7000], {"min_bads": 150}, r"\d+ bads in ≥ 7000, less than min_bads=150"),
        ([1500, 3000], {"trend": "ascending"}, "the course descending, not the trend ascending"),
        ([3000, 1500], {}, "edges must be finite numbers, ascending without repeats"),
    ],
)
def test_fixed_edges_that_break_a_request_are_refused(edges, options, message):
    with pytest.raises(ValueError, match=f"feature income: .*{message}"):
        WoeBinner(fixed_edges={"income": edges}, **options).fit(BORROWERS[["income"]], LABELS)


def test_what_cannot_be_met_is_named_for_every_feature():
    X = pd.DataFrame({"up": np.repeat([1.0, 2, 3], 100), "few": np.nan, "constant": 7.0})
    X.loc[:99, "few"] = np.where(np.arange(100) % 4, 2.0, 1.0)
    X["fine"] = X["up"]
    y = (np.arange(300) % 100 < 10 * X["up"]).astype(int)
    request = {"trend": {"up": "descending", "constant": "ascending"}, "min_bads": 25}
    with pytest.raises(ValueError, match="no split") as caught:
        WoeBinner(**request).fit(X, y)
    assert str(caught.value).split("; ") == [
        "feature up: asking for a falling bad rate leaves no split",
        "feature few: min_bads=25, and its ordinary values have 10 in all",
    ]
    binner = WoeBinner(**request, infeasible="one_bin").fit(X, y)
    assert binner.one_bin_ == {
        "up": "asking for a falling bad rate leaves no split",
        "few": "asking for 25 bads a bin leaves no split",
        "constant": "one value",
    }
    assert [len(edges) for edges in binner.edges.values()] == [0, 0, 0, 1]


def test_missing_joins_the_riskiest_bin_where_that_is_asked_for():
    names = ["inquiries", "income", "job"]
    binner = WoeBinner(special_codes=SPECIAL, missing={"income": "riskiest", "job": "riskiest"})
    binner.fit(BORROWERS[names], LABELS)
    income, job = binner.bins_["income"], binner.bins_["job"]
    plain = WoeBinner(special_codes=SPECIAL).fit(BORROWERS[names], LABELS)
    riskiest = int(plain.table("income")["bad_rate"].iloc[:-1].argmax())
    assert income.apart == (riskiest,)
    assert income.labels[riskiest] == f"{plain.bins_['income'].labels[riskiest]}, missing"
    assert job.labels[-1].endswith(", missing")  # never seen, and yet decided
    assert binner.bins_["inquiries"].labels[-1] == "missing"
    assert_counts_are_those_of_the_rows(binner, BORROWERS[names], LABELS)
    every = WoeBinner(missing="riskiest").fit(BORROWERS[names], LABELS)
    assert all(len(bins.counts) == bins.n_bins for bins in every.bins_.values())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_bins": 1}, "max_bins must be at least 2, got 1"),
        ({"min_bin_size": 0.6}, r"min_bin_size must be in \(0, 0.5\), got 0.6"),
        ({"min_bads": -1}, "min_bads must be at least 0, got -1"),
        ({"min_bads": np.nan}, "min_bads must be at least 0, got nan"),
        ({"trend": "upwards"}, "trend of all must be one of .* got 'upwards'"),
        ({"trend": {"income": "up"}}, "trend of income must be one of"),
        ({"missing": {"income": "safest"}}, "missing of income must be one of .* got 'safest'"),
        ({"infeasible": "warn"}, "infeasible must be raise or one_bin, got 'warn'"),
        ({"fixed_edges": {"wage": [1]}}, "fixed_edges names no feature 'wage'; there are inq"),
        ({"candidate_edges": {"job": [1]}}, r"names \['job'\], which are categories and have no"),
    ],
)
def test_parameters_are_checked_in_fit(parameters, message):
    with pytest.raises(ValueError, match=message):
        WoeBinner(**parameters).fit(BORROWERS, LABELS)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="goods and bads are both needed"):
        WoeBinner().fit(BORROWERS[LABELS == 0], LABELS[LABELS == 0])


# -- levels ----------------------------------------------------------------------------------------


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


def test_a_category_of_many_rare_levels_tells_nothing():
    # ordered by their few rows' own bad rate, 300 random levels would look like the best feature
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"level": rng.integers(0, 300, 1500).astype(str)})
    y = (rng.random(1500) < 0.1).astype(int)
    bins = WoeBinner().fit(X, y).bins_["level"]
    assert bins.iv == 0
    n_levels = X["level"].nunique()
    assert bins.labels[0] == f"0, 1, 10, 100, 101, 102 and {n_levels - 6} more"


def test_integer_categories_are_the_same_level_with_and_without_missing():
    y = np.tile([0, 0, 1, 0], 100)
    X = pd.DataFrame({"code": pd.Categorical(np.tile([1, 1, 2, None], 100))})
    binner = WoeBinner().fit(X, y)
    later = pd.DataFrame({"code": pd.Categorical([1, 2])})
    assert (binner.bin_numbers(later)["code"] < binner.bins_["code"].n_bins).all()


# -- an estimator of frames and arrays -------------------------------------------------------------


def test_order_of_rows_and_monotone_maps_change_nothing(binner):
    order = np.random.default_rng(3).permutation(len(LABELS))
    shuffled = clone(binner).fit(BORROWERS.iloc[order], LABELS[order])
    assert_same_bins(shuffled, binner)
    assert_same_bins(clone(binner).fit(BORROWERS, LABELS), binner)
    logs = WoeBinner().fit(np.log(BORROWERS[["income"]]), LABELS)
    assert logs.iv["income"] == pytest.approx(binner.iv["income"])


def test_input_is_unchanged_and_wrong_columns_are_named():
    X, y = BORROWERS.assign(job=BORROWERS["job"].astype("category")), LABELS.copy()
    before = X.copy()
    binner = WoeBinner(special_codes=SPECIAL).fit(X, y, sample_weight=(y + 1.0))
    binner.transform(X)
    binner.bin_numbers(X)
    pd.testing.assert_frame_equal(X, before)
    np.testing.assert_array_equal(y, LABELS)
    wider = X[["noise", "job", "income", "inquiries"]].assign(more="?")
    pd.testing.assert_frame_equal(binner.transform(wider), binner.transform(X))
    with pytest.raises(ValueError, match=r"X lacks the columns \['job'\]; it has"):
        binner.transform(X.drop(columns="job"))
    with pytest.raises(TypeError, match="feature income: expected numbers, found str"):
        binner.transform(X.assign(income="high"))


def test_arrays_have_columns_x0_x1():
    X = BORROWERS[["inquiries", "income"]]
    of_array = WoeBinner().fit(X.to_numpy(), LABELS)
    of_frame = WoeBinner().fit(X, LABELS)
    assert list(of_array.bins_) == ["x0", "x1"]
    assert not hasattr(of_array, "feature_names_in_")
    np.testing.assert_array_equal(of_array.transform(X.to_numpy()), of_frame.transform(X))
    again = WoeBinner.from_json(json.loads(json.dumps(of_array.to_json())))
    np.testing.assert_array_equal(again.transform(X.to_numpy()), of_frame.transform(X))
    with pytest.raises(ValueError, match="X has 1 features, but WoeBinner is expecting 2"):
        of_array.transform(X.to_numpy()[:, :1])
    mixed = BORROWERS[["income", "job"]].to_numpy()
    assert WoeBinner().fit(mixed, LABELS).bins_["x1"].groups is not None
    for without_names in (X.to_numpy(), X.set_axis([0, 1], axis=1)):
        of_frame.fit(X, LABELS)
        assert of_frame.feature_names_in_.tolist() == ["inquiries", "income"]
        assert not hasattr(of_frame.fit(without_names, LABELS), "feature_names_in_")


def test_names_of_columns_may_be_whole_numbers(tmp_path):
    X = BORROWERS[["inquiries", "income"]].set_axis([7, 3], axis=1).assign(**{"c": 1.0})
    X = X.rename(columns={"c": 0})
    options = {"trend": {7: "none"}, "special_codes": {7: np.array([-9])}}
    binner = WoeBinner(**options, candidate_edges={3: np.array([2000, 4000])}).fit(X, LABELS)
    assert binner.get_feature_names_out().tolist() == [7, 3, 0]
    assert not hasattr(binner, "feature_names_in_")
    binner.save(tmp_path / "b.json")
    loaded = WoeBinner.load(tmp_path / "b.json")
    pd.testing.assert_frame_equal(loaded.transform(X), binner.transform(X))
    assert loaded.one_bin_ == binner.one_bin_ == {0: "one value"}
    assert loaded.trend == {7: "none"}
    assert_same_bins(clone(loaded).fit(X, LABELS), binner)


def test_it_works_in_a_pipeline(binner):
    names = ["inquiries", "income", "job"]
    model = make_pipeline(WoeBinner(special_codes=SPECIAL), LogisticRegression())
    auc = cross_val_score(model, BORROWERS[names], LABELS, scoring="roc_auc", cv=3)
    assert (auc > 0.65).all()
    model.fit(BORROWERS[names], LABELS)
    assert model[:-1].get_feature_names_out().tolist() == names
    assert model[0].feature_names_in_.tolist() == names
    assert (model[1].coef_ < 0).all()  # a higher WoE is a lower risk


@pytest.mark.parametrize("output", ["default", "pandas"])
def test_output_is_a_frame_with_the_index_of_the_rows(binner, output):
    rows = BORROWERS[::-7]
    found = clone(binner).set_output(transform=output).fit(BORROWERS, LABELS).transform(rows)
    pd.testing.assert_frame_equal(found, binner.transform(rows))
    assert found.index.equals(rows.index)
    assert (found.dtypes == np.float64).all()


def test_many_rows_are_looked_up_as_few(binner, monkeypatch):
    expected = np.tile(binner.bin_numbers(BORROWERS).to_numpy(), (4, 1))
    often = pd.concat([BORROWERS] * 4, ignore_index=True)
    monkeypatch.setattr(binning.bins, "_CELLS", 5_000)
    monkeypatch.setattr(binning.bins, "_ROWS_FOR_PAIRS", 10_000)
    monkeypatch.setattr(binning.woe, "_ROWS_FOR_THREADS", 10_000)
    np.testing.assert_array_equal(binner.bin_numbers(often), expected)


# -- storage ---------------------------------------------------------------------------------------


def test_saved_and_loaded_is_the_original(tmp_path):
    X = BORROWERS.assign(flag=BORROWERS["noise"] > 0, constant=1)
    request = {"missing": {"income": "riskiest"}, "fixed_edges": {"income": (2000, 4000.5)}}
    fitted = WoeBinner(special_codes=SPECIAL, **request).fit(X, LABELS)
    edited = fitted.merge_bins("job", 0, 1, by="Ana", reason="alike")
    again = WoeBinner(special_codes=SPECIAL, **request, edits=edited.log_).fit(X, LABELS)
    for binner in (fitted, edited, again):
        binner.save(tmp_path / "binning.json")
        loaded = WoeBinner.load(tmp_path / "binning.json")
        pd.testing.assert_frame_equal(loaded.transform(X), binner.transform(X))
        assert_same_bins(loaded, binner)
        assert loaded.log_ == binner.log_
        assert loaded.edits == binner.edits
        assert loaded.bins_["flag"].is_boolean
        assert json.dumps(loaded.to_json()) == json.dumps(binner.to_json())
        assert_same_bins(clone(loaded).fit(X, LABELS), fitted if binner is edited else binner)


def test_a_newer_or_other_model_is_refused(binner):
    newer = binner.to_json() | {"schema_version": 99}
    with pytest.raises(ValueError, match="schema_version 99 is newer"):
        WoeBinner.from_json(newer)
    with pytest.raises(ValueError, match=r"expected a riskkit\.WoeBinner, found 'other'"):
        WoeBinner.from_json({"kind": "other"})


def test_counts_of_many_rows_are_all_that_is_needed(binner):
    counts = count_features(BORROWERS, LABELS, special_codes=SPECIAL)
    assert_same_bins(clone(binner).fit_counts(counts), binner)


@pytest.mark.parametrize("name", [("a", "b"), b"a", None, 1.5, True, pd.Timestamp("2024-01-01")])
def test_names_that_no_file_can_hold_are_refused(name):
    X = pd.DataFrame({"x": np.arange(40.0)}).set_axis(pd.Index([name], dtype=object), axis=1)
    with pytest.raises(TypeError, match="names of features must be text or whole numbers"):
        WoeBinner().fit(X, np.arange(40) % 2)


def test_an_array_after_a_fit_on_names_goes_by_the_order_of_its_columns():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(200, 2)), columns=["b", "a"])
    binner = WoeBinner().fit(X, rng.random(200) < 0.5)
    with pytest.warns(UserWarning, match="valid feature names"):
        found = binner.transform(X.to_numpy())
    pd.testing.assert_frame_equal(found, binner.transform(X))


def test_what_is_no_level_is_refused_after_fit_as_in_it():
    X = pd.DataFrame({"job": ["a", "b"] * 30})
    binner = WoeBinner().fit(X, np.arange(60) % 3 == 0)
    with pytest.raises(TypeError, match="feature job: expected levels, found a list"):
        binner.transform(pd.DataFrame({"job": [["a"], "b"]}))


@pytest.mark.parametrize(
    ("weight", "match"),
    [
        (np.full(60, 1e308), "must add up to less than"),
        (np.ma.masked_array(np.ones(60), mask=np.arange(60) == 0), "finite"),
        ("x", "must be numeric"),
    ],
)
def test_weights_that_cannot_be_added_up_are_refused(weight, match):
    X = pd.DataFrame({"x": np.arange(60.0)})
    with pytest.raises(ValueError, match=match):
        WoeBinner().fit(X, np.arange(60) % 2, weight)


def test_what_is_masked_in_an_array_is_missing():
    rng = np.random.default_rng(1)
    values, y = rng.normal(size=(200, 2)), rng.random(200) < 0.5
    hidden = rng.random((200, 2)) < 0.2
    masked = WoeBinner().fit(np.ma.masked_array(values, mask=hidden), y)
    missing = WoeBinner().fit(np.where(hidden, np.nan, values), y)
    for name in missing.bins_:
        pd.testing.assert_frame_equal(masked.table(name), missing.table(name))
