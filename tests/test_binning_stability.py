"""Whether bins hold: over periods, against chance; and which features to keep."""

import numpy as np
import pandas as pd
import pytest
from binning_rows import SPECIAL, borrowers
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from riskkit import binning
from riskkit.binning import WoeBinner
from riskkit.partitions import add_counts

BORROWERS, LABELS = borrowers()
N = len(LABELS)


@pytest.fixture(scope="module")
def binner():
    trend = {"inquiries": "ascending"}
    return WoeBinner(special_codes=SPECIAL, trend=trend).fit(BORROWERS, LABELS)


def rows_of(counts, name="x"):
    """Rows and labels: so many goods and bads of each value."""
    x = np.concatenate([np.repeat(float(value), sum(pair)) for value, pair in counts.items()])
    y = np.concatenate([np.repeat([0, 1], pair) for pair in counts.values()])
    return pd.DataFrame({name: x}), y


FITTED = {1: (900, 100), 2: (800, 200), 3: (700, 300)}


@pytest.fixture(scope="module")
def by_hand():
    """Three bins with bad rates of 10, 20 and 30 %."""
    X, y = rows_of(FITTED)
    binner = WoeBinner().fit(X, y)
    assert binner.edges["x"].tolist() == [2, 3]
    return binner


# -- counts by period ------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(part=st.lists(st.integers(0, 2), min_size=200, max_size=200), data=st.data())
def test_period_counts_of_parts_add_up(binner, part, data):
    rows = BORROWERS[:200].assign(job=BORROWERS["job"][:200].replace("farmer", "astronaut"))
    period = np.array(data.draw(st.lists(st.sampled_from("abc"), min_size=200, max_size=200)))
    whole = binning.period_counts(binner, rows, LABELS[:200], period)
    added = None
    for number in range(4):
        chosen = np.array(part) == number
        some = binning.period_counts(binner, rows[chosen], LABELS[:200][chosen], period[chosen])
        added = some if added is None else add_counts(added, some)
    pd.testing.assert_frame_equal(added.sort_index(), whole.sort_index())
    assert (whole.groupby("feature").sum().sum(axis=1) == 200).all()
    unseen = whole.xs(len(binner.bins_["job"].counts), level="bin").loc["job"]
    assert unseen.to_numpy().sum() == (rows["job"] == "astronaut").sum()


def test_period_counts_check_their_rows(binner):
    X, y = BORROWERS, LABELS
    with pytest.raises(ValueError, match="y must be 1"):
        binning.stability(binner, X, y * 2, np.repeat("a", N))
    periods = pd.Series(["a", None] * (N // 2))
    with pytest.raises(ValueError, match="period must be known in every row, missing in 3000"):
        binning.stability(binner, X, y, periods)
    with pytest.raises(ValueError, match="period must have 6000 rows like X, got 1"):
        binning.stability(binner, X, y, ["a"])
    with pytest.raises(ValueError, match=r"X lacks the columns \['job'\]"):
        binning.period_counts(binner, X.drop(columns="job"), y, np.repeat("a", N))


# -- bins over time --------------------------------------------------------------------------------


def test_bin_stability_by_hand(by_hand):
    now = {1: (90, 10), 2: (40, 60), 3: (0, 50)}
    X, y = rows_of(now)
    counts = binning.period_counts(by_hand, X, y, np.repeat("now", len(y)))
    table = binning.bin_stability(by_hand, counts).loc[("x", "now")]
    assert table["label"].tolist() == ["< 2", "[2, 3)", "≥ 3"]  # no row is missing or unseen
    assert table["rows"].tolist() == [100, 100, 50]
    assert table["share"].tolist() == [0.4, 0.4, 0.2]
    assert table["fitted_share"].tolist() == pytest.approx([1 / 3] * 3)
    assert table["bad_rate"].tolist() == [0.1, 0.6, 1.0]
    woe = [np.log((90 / 130) / (10 / 120)), np.log((40 / 130) / (60 / 120)), np.nan]
    assert table["woe"].tolist() == pytest.approx(woe, nan_ok=True)
    fitted = [np.log((good / 2400) / (bad / 600)) for good, bad in FITTED.values()]
    assert table["fitted_woe"].tolist() == pytest.approx(fitted)
    assert not table["flips"].any()


@pytest.mark.parametrize(
    ("second", "third", "flips"),
    [
        # bad rates of 30 and 25 %: z = 0.79 in 100 rows each, 2.51 in 1,000, and the limit 2.326
        ((70, 30), (75, 25), [False, False, False]),
        ((700, 300), (750, 250), [False, True, True]),
        # z = 2.30 and 2.35
        ((700, 300), (746, 254), [False, False, False]),
        ((700, 300), (747, 253), [False, True, True]),
        ((700, 300), (600, 400), [False, False, False]),
    ],
)
def test_a_bin_flips_only_beyond_chance(by_hand, second, third, flips):
    X, y = rows_of({1: (900, 100), 2: second, 3: third})
    period = np.repeat("now", len(y))
    counts = binning.period_counts(by_hand, X, y, period)
    assert binning.bin_stability(by_hand, counts)["flips"].tolist() == flips
    assert binning.stability(by_hand, X, y, period)["order_holds"].tolist() == [not any(flips)]


def test_bins_of_one_risk_have_no_order_to_lose():
    equal = WoeBinner(fixed_edges={"x": [2]}).fit(*rows_of({1: (80, 20), 2: (160, 40)}))
    for rates in ({1: (900, 100), 2: (100, 900)}, {1: (100, 900), 2: (900, 100)}):
        X, y = rows_of(rates)
        assert binning.stability(equal, X, y, np.repeat("now", len(y)))["order_holds"].all()


def test_bins_flip_seldom_where_nothing_moved(by_hand):
    rng = np.random.default_rng(0)
    equal = WoeBinner(fixed_edges={"x": [2]}).fit(*rows_of({1: (8001, 1999), 2: (7999, 2001)}))
    x = rng.integers(1, 3, 400_000).astype(float)
    y = (rng.random(400_000) < 0.2).astype(int)
    moves = binning.stability(equal, pd.DataFrame({"x": x}), y, np.arange(400_000) // 400)
    # a one-sided test at 99 % in a thousand periods
    assert 2 <= (~moves["order_holds"]).sum() <= 20


def test_a_shifted_feature_is_unstable_and_the_others_are_not(binner):
    later = BORROWERS.assign(income=BORROWERS["income"] * 2)
    both = pd.concat([BORROWERS, later], ignore_index=True)
    period = np.repeat(["2023Q1", "2023Q2"], N)
    moves = binning.stability(binner, both, np.tile(LABELS, 2), period)
    assert (moves["rows"] == N).all()
    assert moves.loc[("income", "2023Q1"), "psi"] == pytest.approx(0, abs=1e-12)
    assert moves.loc[("income", "2023Q2"), "psi"] > 0.25
    assert moves.loc[("noise", "2023Q2"), "psi"] == pytest.approx(0, abs=1e-12)
    assert moves.loc[("inquiries", "2023Q1"), "woe_correlation"] == pytest.approx(1)
    assert (moves["order_holds"]).all()
    first = binning.stability(binner, BORROWERS, LABELS, period[:N], features=["income"])
    pd.testing.assert_frame_equal(first, moves.loc[[("income", "2023Q1")]])


def test_psi_and_its_critical_value_by_hand(by_hand):
    X, y = rows_of({1: (90, 10), 2: (40, 60), 3: (25, 25)})
    found = binning.stability(by_hand, X, y, np.repeat("now", 250)).iloc[0]
    now, then = np.array([0.4, 0.4, 0.2]), np.full(3, 1 / 3)
    assert found["psi"] == pytest.approx(((now - then) * np.log(now / then)).sum())
    # Yurdakul and Naranjo (2020): (1/n + 1/m) times the 95 % quantile of χ² with bins − 1 degrees
    assert found["psi_critical"] == pytest.approx((1 / 250 + 1 / 3000) * 5.991465, rel=1e-6)


def test_reversed_risk_has_negative_woe_correlation(binner):
    moves = binning.stability(binner, BORROWERS, 1 - LABELS, np.repeat("later", N))
    assert moves.loc[("inquiries", "later"), "woe_correlation"] < -0.9
    assert not moves.loc[("inquiries", "later"), "order_holds"]


def test_a_constant_has_nothing_to_move():
    X = pd.DataFrame({"x": np.ones(100)})
    y = np.arange(100) % 4 == 0
    moves = binning.stability(WoeBinner().fit(X, y), X, y, np.repeat("a", 100)).iloc[0]
    assert moves["psi"] == 0
    assert moves["order_holds"]
    assert np.isnan([moves["psi_critical"], moves["woe_correlation"]]).all()


# -- neighbours and edits --------------------------------------------------------------------------


def test_neighbours_of_equal_rates_are_found():
    X, y = rows_of({1: (90, 10), 2: (80, 20), 3: (160, 40), 4: (50, 50), 5: (42, 58)})
    binner = WoeBinner(fixed_edges={"x": [2, 3, 4, 5]}).fit(X, y)
    table = binning.weak_neighbours(binner)
    assert table.index.tolist() == [("x", 1, 2), ("x", 3, 4)]
    first, second = table.iloc[0], table.iloc[1]
    assert first[["bin", "next_bin"]].tolist() == ["[2, 3)", "[3, 4)"]
    assert first[["bad_rate", "next_bad_rate"]].tolist() == [0.2, 0.2]
    assert first["p_value"] == 1
    assert first["iv_lost"] == pytest.approx(0, abs=1e-12)
    expected = chi2_contingency([[50, 50], [42, 58]], correction=False).pvalue
    assert second["p_value"] == pytest.approx(expected)
    assert second["iv"] == binner.iv["x"]
    assert second["iv_lost"] == pytest.approx(binner.iv["x"] - binner.merge_bins("x", 3, 4).iv["x"])
    assert second["iv_lost"] > 0
    every = binning.weak_neighbours(binner, min_p_value=0)
    assert sorted(every.index) == [("x", i, i + 1) for i in range(4)]
    assert every["p_value"].is_monotonic_decreasing
    assert every.loc[("x", 2, 3), "p_value"] == pytest.approx(
        chi2_contingency([[160, 40], [50, 50]], correction=False).pvalue
    )
    assert binning.weak_neighbours(binner, min_p_value=1.1).empty


def test_levels_follow_each_other_in_risk(binner):
    table = binning.weak_neighbours(binner, min_p_value=0).loc["job"]
    assert len(table) == binner.bins_["job"].n_bins - 1
    rising = [*table.sort_index()["bad_rate"], table.sort_index()["next_bad_rate"].iloc[-1]]
    assert rising == sorted(rising)
    # groups an analyst made stand in any order
    levels = sorted(level for group in binner.bins_["job"].groups for level in group)
    counts = binner.counts_["job"]
    rates = dict(zip(counts.levels, counts.cells[:, 1] / counts.cells.sum(axis=1), strict=True))
    edited = binner.group_levels("job", [[level] for level in levels])
    pairs = binning.weak_neighbours(edited, min_p_value=0).loc["job"]
    for (i, j), pair in pairs.iterrows():
        assert pair["bad_rate"] == rates[levels[i]] <= rates[levels[j]] == pair["next_bad_rate"]


def test_edit_effect_weighs_iv_against_stability(binner):
    later = BORROWERS.assign(income=BORROWERS["income"] * 1.3)
    period = np.repeat(["a", "b"], N // 2)
    after = binner.set_edges("income", [3000]).merge_bins("job", 0, 1)
    table = binning.edit_effect(binner, after, later, LABELS, period)
    assert table.index.tolist() == [
        (name, label) for name in ("income", "job") for label in ("before", "after")
    ]
    for name, label in table.index:
        made = binner if label == "before" else after
        moves = binning.stability(made, later, LABELS, period, features=[name])
        assert table.loc[(name, label)].tolist() == [
            len(made.bins_[name].counts), made.iv[name], made.trends[name],
            moves["psi"].max(), (~moves["order_holds"]).sum(),
        ]  # fmt: skip
    income = table.loc["income"]
    assert income.loc["after", "n_bins"] == 3
    assert income.loc["after", "iv"] < income.loc["before", "iv"]
    assert income.loc["after", "largest_psi"] < income.loc["before", "largest_psi"]
    assert binning.edit_effect(binner, binner, later, LABELS, period).empty


# -- selection -------------------------------------------------------------------------------------


def test_selection_gives_a_reason_for_every_feature():
    twin = BORROWERS["inquiries"] + np.random.default_rng(0).normal(0, 0.1, N)
    X = BORROWERS.assign(copy=twin, constant=1.0, never=np.nan)
    binner = WoeBinner(special_codes=SPECIAL).fit(X, LABELS)
    table = binning.select_features(binner, binner.transform(X), min_iv=0.02)
    assert table["iv"].is_monotonic_decreasing
    assert table.loc["noise", "reason"] == "IV below 0.02"
    assert table.loc["constant", "reason"] == "one bin: one value"
    assert table.loc["never", "reason"] == "one bin: no ordinary value"
    twins = table.loc[["inquiries", "copy"]].sort_values("iv")
    assert twins["selected"].tolist() == [False, True]
    assert twins["reason"].iloc[0] == f"correlation with {twins.index[1]} above 0.7"
    assert twins["with"].iloc[0] == twins.index[1]
    woe = binner.transform(X)
    expected = np.corrcoef(woe["inquiries"], woe["copy"])[0, 1]
    assert twins["correlation"].iloc[0] == pytest.approx(expected)
    assert (table["reason"] == "kept").equals(table["selected"])


def test_a_feature_of_one_bin_may_tell_by_what_is_missing():
    missing = np.arange(N) % np.where(LABELS, 3, 30) == 0
    X = BORROWERS.assign(known=np.where(missing, np.nan, 1.0))
    binner = WoeBinner().fit(X, LABELS)
    table = binning.select_features(binner, binner.transform(X))
    assert binner.one_bin_ == {"known": "one value"}
    assert table.loc["known", "reason"] == "kept"


def test_unstable_and_leaking_features_are_marked():
    noise = np.random.default_rng(0).normal(size=(2, N))
    X = BORROWERS.assign(leak=LABELS + 1.3 * noise[0], known=LABELS + 1.7 * noise[1])
    binner = WoeBinner().fit(X, LABELS)
    assert 0.3 < binner.iv["known"] < 0.5 < binner.iv["leak"] < 0.8
    # the last period counts for PSI, every one for the order of risk
    both = pd.concat([X.assign(job="farmer"), X, X.assign(job="farmer")], ignore_index=True)
    labels = np.concatenate([LABELS, 1 - LABELS, LABELS])
    moved = binning.stability(binner, both, labels, np.repeat(["a", "b", "c"], N))
    table = binning.select_features(binner, binner.transform(X), stable=moved)
    assert table["leakage"].to_dict() == {name: name == "leak" for name in table.index}
    assert table.loc["job", "reason"] == "PSI above 0.25"
    assert table["psi"].to_dict() == moved["psi"].xs("c", level="period").to_dict()
    assert table.loc["leak", "periods_out_of_order"] == 1
    calm = binning.stability(binner, both[: 2 * N], labels[: 2 * N], np.repeat(["a", "b"], N))
    assert binning.select_features(binner, binner.transform(X), stable=calm).loc["job", "selected"]


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


def test_selection_looks_at_the_features_it_is_given_alone():
    twin = BORROWERS["inquiries"] + np.random.default_rng(0).normal(0, 0.1, N)
    X = BORROWERS.assign(copy=twin)
    binner = WoeBinner(special_codes=SPECIAL).fit(X, LABELS)
    woe = binner.transform(X)
    moved = binning.stability(binner, X, LABELS, np.where(np.arange(N) < N / 2, "a", "b"))
    whole = binning.select_features(binner, woe, stable=moved)
    lost = whole.index[whole["reason"].str.startswith("correlation with")].item()
    kept = whole.loc[lost, "with"]
    # in any order of columns, and beside one that is not binned
    some = woe[["noise", lost, "job"]].assign(unbinned=1.0)
    table = binning.select_features(binner, some, stable=moved)
    assert table.index.tolist() == [name for name in whole.index if name in some]
    assert kept not in table.index
    assert table.loc[lost, "reason"] == "kept"
    assert table.loc[lost, "selected"]
    for column in ("iv", "psi", "periods_out_of_order", "leakage"):
        pd.testing.assert_series_equal(table[column], whole.loc[table.index, column])


@pytest.mark.parametrize("columns", [[], ["constant"], ["income"]])
def test_selection_of_next_to_nothing(columns):
    X = BORROWERS.assign(constant=1.0)
    binner = WoeBinner(special_codes=SPECIAL).fit(X, LABELS)
    table = binning.select_features(binner, binner.transform(X)[columns])
    assert table.index.tolist() == columns
    assert table["selected"].tolist() == [name == "income" for name in columns]


# more rows than a block holds
@pytest.mark.parametrize("n", [50, 20_000])
def test_variance_inflation_is_that_of_least_squares_on_the_others(n):
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(n, 4)) + 3
    columns[:, 3] = columns[:, 0] - 0.5 * columns[:, 1] + 0.3 * rng.normal(size=n)
    found = binning.variance_inflation(columns)
    for k in range(4):
        others = np.column_stack([np.ones(n), np.delete(columns, k, axis=1)])
        residual = columns[:, k] - others @ np.linalg.lstsq(others, columns[:, k], rcond=None)[0]
        assert found[k] == pytest.approx(columns[:, k].var() / residual.var())
    assert found[3] > found[2]
    assert (found >= 1).all()


def test_a_constant_has_no_variance_to_inflate():
    rng = np.random.default_rng(2)
    columns = rng.normal(size=(9, 3))
    # the mean of nine times 0.1 is not 0.1
    columns[:, 1] = 0.1
    found = binning.variance_inflation(columns)
    assert np.isnan(found[1])
    assert found[[0, 2]] == pytest.approx(binning.variance_inflation(columns[:, [0, 2]]))
    assert binning.variance_inflation(columns[:, :1]).tolist() == [1]
    assert binning.variance_inflation(columns[:, :0]).tolist() == []


def test_what_the_others_say_already_is_inflated_without_bound():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        columns = rng.normal(size=(500, 5))
        columns[:, 4] = columns[:, :4] @ [1, 0.5, -2, 3]
        assert np.isinf(binning.variance_inflation(columns)).all()
