"""Arrays, labels and weights are checked in one place, and rows are paired by who they are."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskkit import binning, checks, evidence, metrics, profile, reject_inference, schema, strategy
from riskkit.binning import WoeBinner, count_features
from riskkit.challenger import Challenger, search
from riskkit.checks import refuse_unknown, same_rows
from riskkit.scorecard import Scorecard

N = 400
RNG = np.random.default_rng(5)
X = pd.DataFrame({"income": RNG.normal(size=N), "age": RNG.normal(size=N)}, RNG.permutation(N))
Y = pd.Series((RNG.random(N) < 1 / (1 + np.exp(X["income"]))).astype(int), X.index)
P = pd.Series(np.linspace(0.05, 0.6, N), X.index)
GROUP = pd.Series(np.resize(["a", "b", "b"], N), X.index)
CUSTOMER = pd.Series(np.arange(N) // 2, X.index)
DECLINED = pd.Series(np.arange(N) % 3 == 0, X.index)
OUTCOME = Y.astype(float).mask(DECLINED)


# -- who belongs together --------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=20),
    st.randoms(use_true_random=False),
    st.sampled_from([int, float, str]),
)
def test_rows_are_the_same_only_where_their_labels_follow_in_one_order(labels, random, kind):
    index = pd.Index(labels)
    other = labels.copy()
    random.shuffle(other)
    one, two = pd.Series(0, index), pd.DataFrame({"y": 0}, pd.Index(other).astype(kind))
    if other == labels:
        same_rows(X=one, y=two)
    else:
        first = next(i for i, (a, b) in enumerate(zip(labels, other, strict=True)) if a != b)
        with pytest.raises(ValueError, match=rf"X and y carry .*: first at position {first}, "):
            same_rows(X=one, y=two)
    # what carries no index is nobody's
    same_rows(X=one, y=two.to_numpy(), weight=None, groups=list(labels), column="y")


def test_the_first_labels_that_differ_are_told_unless_they_may_be_ids():
    one = pd.Series(0, [7, 17, 4])
    message = (
        "X and y carry different indexes: first at position 1, 17 against 4; align them, or pass "
        r"y\.to_numpy\(\)"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        same_rows(X=one, y=pd.Series(0, [7, 4, 17]))
    long = pd.Series(0, ["x" * 60, "y"])
    with pytest.raises(ValueError, match=r"position 0, x{40} against z;"):
        same_rows(X=long, y=pd.Series(0, ["z", "y"]))
    ids = pd.Index(["A-17", "A-4"], name="application_id")
    with pytest.raises(ValueError, match="first at position 0; align") as caught:
        same_rows(X=pd.Series(0, ids), y=pd.Series(0, ids[::-1]))
    assert "A-17" not in str(caught.value)
    pairs = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    with pytest.raises(ValueError, match="first at position 0; align"):
        same_rows(X=pd.Series(0, pairs), y=pd.Series(0, pairs[::-1]))


def test_equal_labels_of_other_types_and_gaps_are_the_same_rows():
    for one, two in (
        (pd.RangeIndex(3), pd.Index([0, 1, 2])),
        (pd.RangeIndex(3), pd.Index([0.0, 1.0, 2.0])),
        (pd.Index(["a", "b"]), pd.CategoricalIndex(["a", "b"])),
        (pd.Index([1, None], dtype="Int64"), pd.Index([1, None], dtype="Int64")),
        (pd.Index([np.nan, 1.0]), pd.Index([np.nan, 1.0])),
        (pd.Index([1, "b"]), pd.Index(["1", "b"])),
    ):
        same_rows(X=pd.Series(0, one), y=pd.Series(0, two))


def test_another_number_of_rows_is_told_before_any_label():
    with pytest.raises(ValueError, match=r"^y must have 3 rows like X, got 2$"):
        same_rows(X=pd.DataFrame(index=range(3)), y=pd.Series([0, 1], [9, 8]))


def test_a_shuffled_frame_with_the_labels_of_the_table_is_refused_and_was_wrong():
    """The information value was .80 with the labels of the rows, .05 with those of others."""
    table = X.reset_index(drop=True)
    labels = Y.reset_index(drop=True)
    shuffled = table.sample(frac=1, random_state=0)
    right = WoeBinner().fit(shuffled, labels[shuffled.index]).iv["income"]
    blind = WoeBinner().fit(shuffled, labels.to_numpy()).iv["income"]
    assert right > 0.5 > 0.2 > blind
    with pytest.raises(ValueError, match="X and y carry different indexes: first at position 0"):
        WoeBinner().fit(shuffled, labels)


def drifted(X, base, period):
    one = schema.Feature(name="income", label="Income", family="f")
    return profile.drift_table(X, [one], period, base=base)


BINNER = WoeBinner().fit(X, Y)
CARD = Scorecard(BINNER).fit(X, Y)
SEARCH = partial(search, Challenger(patience_rounds=1, n_leaves=2), steps={})
FEW = {"patience_rounds": 1, "n_leaves": 2}
# every way to hand over rows in two parts, and what is handed over
PAIRINGS = {
    "count_features": (count_features, {"X": X, "y": Y, "sample_weight": P}),
    "WoeBinner": (WoeBinner().fit, {"X": X, "y": Y, "sample_weight": P}),
    "period_counts": (partial(binning.period_counts, BINNER), {"X": X, "y": Y, "period": GROUP}),
    "stability": (partial(binning.stability, BINNER), {"X": X, "y": Y, "period": GROUP}),
    "edit_effect": (
        partial(binning.edit_effect, BINNER, BINNER.merge_bins("income", 0, 1)),
        {"X": X, "y": Y, "period": GROUP},
    ),
    "Scorecard": (Scorecard().fit, {"X": X, "y": Y, "sample_weight": P}),
    "Scorecard, bins given": (Scorecard(BINNER).fit, {"X": X, "y": Y, "sample_weight": P}),
    "score": (CARD.score, {"X": X, "y": Y, "sample_weight": P}),
    "Challenger": (Challenger(**FEW).fit, {"X": X, "y": Y, "sample_weight": P, "groups": CUSTOMER}),
    "search": (SEARCH, {"X": X, "y": Y, "sample_weight": P, "groups": CUSTOMER}),
    "score_counts": (
        metrics.score_counts,
        {"score": P, "y": OUTCOME, "booked": ~DECLINED, "weight": P},
    ),
    "score_counts, sums": (
        lambda score, amount: metrics.score_counts(score, Y.to_numpy(), sums={"amount": amount}),
        {"score": P, "amount": P},
    ),
    "expected_counts": (metrics.expected_counts, {"score": X["age"], "probability": P}),
    "compare": (metrics.compare, {"y": Y, "score_a": -P, "score_b": X["age"]}),
    "comparison_table": (
        metrics.comparison_table,
        {"y": Y, "score_a": -P, "score_b": X["age"], "by": GROUP},
    ),
    "discrimination_table": (
        partial(metrics.discrimination_table, n_boot=0),
        {"scores": X, "y": Y, "by": GROUP},
    ),
    "calibration_table": (metrics.calibration_table, {"y": Y, "probability": P, "weight": P}),
    "calibration_fit": (metrics.calibration_fit, {"y": Y, "probability": P, "weight": P}),
    "brier": (metrics.brier, {"y": Y, "probability": P, "weight": P}),
    "log_loss": (metrics.log_loss, {"y": Y, "probability": P, "weight": P}),
    "accuracy_table": (metrics.accuracy_table, {"y": Y, "probabilities": P.to_frame("card")}),
    "jeffreys_p_value": (metrics.jeffreys_p_value, {"bad": Y, "n": Y + 1, "probability": P}),
    "drift_table": (drifted, {"X": X, "period": GROUP, "base": DECLINED}),
    "swap_set": (
        partial(strategy.swap_set, cutoff_a=0.3, cutoff_b=0.0),
        {"score_a": P, "score_b": X["age"], "y": OUTCOME, "booked": ~DECLINED},
    ),
    "accepted_only": (reject_inference.accepted_only, {"y": OUTCOME, "declined": DECLINED}),
    "score_bands": (
        reject_inference.score_bands,
        {"y": OUTCOME, "declined": DECLINED, "probability": P},
    ),
    "acceptance_by_band": (
        reject_inference.acceptance_by_band,
        {"y": OUTCOME, "declined": DECLINED, "probability": P},
    ),
    "reweighting": (
        reject_inference.reweighting,
        {"y": OUTCOME, "declined": DECLINED, "acceptance": P},
    ),
    "parcelling": (
        reject_inference.parcelling,
        {"y": OUTCOME, "declined": DECLINED, "probability": P, "key": pd.Series(X.index, X.index)},
    ),
    "fuzzy_augmentation": (
        reject_inference.fuzzy_augmentation,
        {"y": OUTCOME, "declined": DECLINED, "probability": P},
    ),
    "declined_bad_rate": (
        reject_inference.declined_bad_rate,
        {"y": OUTCOME, "declined": DECLINED, "explored": (P > 0.5) & ~DECLINED},
    ),
    "compare_methods": (
        partial(reject_inference.compare_methods, lambda: Scorecard(BINNER), uplifts=(1.0,)),
        {"X": X, "y": OUTCOME, "declined": DECLINED, "true_probability": P, "acceptance": P},
    ),
    "sensitivity_band": (
        partial(
            reject_inference.sensitivity_band,
            lambda: Scorecard(BINNER),
            approval_rate=0.5,
            uplifts=(1.0,),
        ),
        {"X": X, "y": OUTCOME, "declined": DECLINED},
    ),
    "fairness_table": (
        evidence.fairness_table,
        {"approved": ~DECLINED, "y": OUTCOME, "probability": P, "groups": GROUP.to_frame("g")},
    ),
    "ranking_by_segment": (
        evidence.ranking_by_segment,
        {"y": Y, "score_a": -P, "score_b": X["age"], "table": GROUP.to_frame("g")},
    ),
    "calibration_by_segment": (
        evidence.calibration_by_segment,
        {"y": Y, "probability": P.to_frame("card"), "table": GROUP.to_frame("g")},
    ),
    "learning_curve": (
        lambda X, y, ids: evidence.learning_curve(
            {"card": Scorecard().fit}, X, y, X, Y.to_numpy(), ids=ids, shares=[1.0]
        ),
        {"X": X, "y": Y, "ids": pd.Series(X.index.astype(str), X.index)},
    ),
    "learning_curve, judged": (
        lambda judged, judged_y: evidence.learning_curve(
            {"card": Scorecard().fit}, X, Y, judged, judged_y, ids=np.arange(N), shares=[1.0]
        ),
        {"judged": X, "judged_y": Y},
    ),
    "compare_splits": (
        lambda X, y, segments, **judged: evidence.compare_splits(
            Scorecard().fit, X, y, segments, **judged, min_bads=10_000
        ),
        {
            **{"X": X, "y": Y, "segments": GROUP.to_frame("g")},
            **{"judged": X, "judged_y": Y, "judged_segments": GROUP.to_frame("g")},
        },
    ),
}
PARTS = [(name, part) for name, (_, parts) in PAIRINGS.items() for part in list(parts)[1:]]


@pytest.mark.parametrize("name", PAIRINGS)
def test_rows_of_one_index_are_taken(name):
    fn, parts = PAIRINGS[name]
    fn(**parts)


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_whatever_pairs_rows_refuses_the_rows_of_another_index(name, part):
    fn, parts = PAIRINGS[name]
    other = parts[part].set_axis(np.roll(X.index, 1))
    with pytest.raises(ValueError, match="carry different indexes: first at position 0, "):
        fn(**parts | {part: other})


def test_an_array_takes_the_labels_of_any_index_by_position():
    by_frame = WoeBinner().fit(X.set_axis(["x0", "x1"], axis=1), Y)
    pd.testing.assert_series_equal(WoeBinner().fit(X.to_numpy(), Y).iv, by_frame.iv)


# -- one wording -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", [WoeBinner().fit, Scorecard().fit, Challenger(**FEW).fit])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"y": Y.to_numpy() * 2}, r"y must be 1 \(bad\) or 0 \(good\) .*, got 2 in \d+ rows"),
        ({"y": Y.astype(float).where(Y == 0).to_numpy()}, "drop rows without a label, got nan in"),
        ({"y": Y.astype(str).to_numpy()}, "y must be numeric, got dtype"),
        ({"y": Y.to_numpy()[1:]}, "y must have 400 rows like X, got 399"),
        ({"y": None}, "requires y to be passed, but the target y is None"),
        ({"sample_weight": -P.to_numpy()}, "sample_weight must be finite and >= 0, got -0.05 in 4"),
        ({"sample_weight": P.to_numpy()[1:]}, "sample_weight must have 400 rows"),
        ({"sample_weight": np.full(N, np.inf)}, "finite and >= 0, got inf in 400 rows"),
    ],
)
def test_every_estimator_says_the_same_of_labels_and_weights(fit, wrong, message):
    with pytest.raises(ValueError, match=message):
        fit(**{"X": X, "y": Y} | wrong)


def test_groups_have_one_known_label_a_row():
    places, groups = checks.known_groups(["b", "a", "b"], "period", 3)
    assert (places.tolist(), list(groups)) == ([1, 0, 1], ["a", "b"])
    with pytest.raises(ValueError, match="period must have 2 rows like X, got 3"):
        checks.known_groups(["b", "a", "b"], "period", 2, like="X")
    with pytest.raises(ValueError, match="period must be known in every row, missing in 1"):
        checks.known_groups(np.array(["b", None], dtype=object), "period", 2)
    with pytest.raises(ValueError, match=r"key must be one-dimensional, got shape \(1, 2\)"):
        checks.row_array([["a", "b"]], "key", 1)


# -- names there are not ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fit", "what"),
    [
        (lambda name: WoeBinner(trend={name: "none"}).fit(X, Y), "trend"),
        (lambda name: WoeBinner(special_codes={name: [-9]}).fit(X, Y), "special_codes"),
        (lambda name: WoeBinner(missing={name: "riskiest"}).fit(X, Y), "missing"),
        (lambda name: WoeBinner(fixed_edges={name: [1]}).fit(X, Y), "fixed_edges"),
        (lambda name: WoeBinner(trend={name: "none"}).fit_counts(BINNER.counts_), "trend"),
        (lambda name: count_features(X, Y, special_codes={name: [-9]}), "special_codes"),
        (lambda name: Scorecard(WoeBinner(trend={name: "none"})).fit(X, Y), "trend"),
        (lambda name: Challenger({name: "descending"}, **FEW).fit(X, Y), "trends"),
        (lambda name: Challenger(special_codes={name: [-9]}, **FEW).fit(X, Y), "special_codes"),
    ],
)
def test_a_setting_that_names_no_feature_is_refused_with_the_nearest(fit, what):
    with pytest.raises(ValueError, match=rf"^{what} names no feature 'incom'; did you mean 'inc"):
        fit("incom")
    with pytest.raises(
        ValueError, match=rf"^{what} names no feature 'zzz'; there are income, age$"
    ):
        fit("zzz")
    fit("income")


def test_every_unknown_name_is_told_and_a_long_list_is_cut():
    with pytest.raises(ValueError, match=r"'a'; there are b0, .*, b11 and 8 more; .* 'z'; there"):
        refuse_unknown("trend", ["a", "b3", "z"], [f"b{i}" for i in range(20)])
    refuse_unknown("trend", [], [])
    refuse_unknown("trend", [3], [3])  # columns may be numbers


def test_settings_may_speak_of_columns_that_are_not_offered():
    spoken = {"income": "descending", "age": "ascending"}
    alone = Scorecard(WoeBinner(trend={"income": "descending"})).fit(X[["income"]], Y)
    card = Scorecard(WoeBinner(trend=spoken), features=["income"]).fit(X, Y)
    assert list(card.binner_.bins_) == ["income"]
    np.testing.assert_array_equal(card.credit_score(X), alone.credit_score(X))
    by_all = evidence.scores_with(Scorecard(WoeBinner(trend=spoken)), X, Y, X, ["income"])
    np.testing.assert_array_equal(by_all, alone.credit_score(X))
    trees = Challenger(spoken, special_codes={"age": [-9]}, features=["income"], **FEW).fit(X, Y)
    assert list(trees.feature_names_in_) == ["income"]
    fewer = Challenger({"income": "descending"}, **FEW).fit(X[["income"]], Y)
    np.testing.assert_array_equal(trees.credit_score(X), fewer.credit_score(X))


# -- warnings ------------------------------------------------------------------------------------


def _undefined_below(depth: int) -> None:
    """Call a metric that warns, so many calls of our own deep."""
    if depth:
        _undefined_below(depth - 1)
    else:
        metrics.psi([], [])  # the line that the warning names


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_a_warning_names_the_callers_line(depth):
    with pytest.warns(UserWarning, match="PSI is undefined") as told:
        _undefined_below(depth)
    assert told[0].filename == __file__
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    assert "the line that the warning names" in lines[told[0].lineno - 1]


def test_a_warning_from_deep_within_names_the_callers_line():
    counts = metrics.score_counts([1, 2], [0, 0])
    with pytest.warns(UserWarning, match="undefined") as told:
        metrics.bootstrap(counts, metrics.gini, n_boot=0)
    assert {warning.filename for warning in told} == {__file__}
