"""How far applicants have moved: published figures, missing, gone and new values, partitions."""

from functools import reduce

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from riskkit import metrics, monitoring
from riskkit.binning import WoeBinner
from riskkit.monitoring.moved_mix import NO_SCORE
from riskkit.monitoring.resemblance import resemblance_p_value, resemblance_statistic
from riskkit.partitions import add_counts
from riskkit.schema import Feature
from riskkit.scorecard import Scorecard

MAY, JUNE = pd.Timestamp("2024-05-01"), pd.Timestamp("2024-06-01")
FEATURES = [
    Feature(name="income", label="Income", family="a", special_codes={-9.0: "no record"}),
    Feature(name="city", label="City", family="a", kind="category"),
]
LABELS = {feature.name: feature.label for feature in FEATURES}


def applicants(n, seed, start="2024-01-01", n_months=6):
    rng = np.random.default_rng(seed)
    income = rng.choice([1.0, 2.0, 3.0, 4.0, -9.0, np.nan], n, p=[0.2, 0.25, 0.2, 0.15, 0.1, 0.1])
    month = pd.to_datetime(start) + pd.to_timedelta(rng.integers(0, 30 * n_months, n), "D")
    return pd.DataFrame(
        {"applied_at": month, "income": income, "city": rng.choice(["a", "b", "c"], n)}
    )


@pytest.fixture(scope="module")
def model():
    """A binner and a card, taught by applicants of earlier months."""
    X = applicants(4_000, 1)
    odds = np.where(X["income"] < 0, 0.3, X["income"].fillna(2.5) * -0.5) + (X["city"] == "a")
    y = (np.random.default_rng(2).random(len(X)) < 1 / (1 + np.exp(0.5 - odds))).astype(int)
    names = ["income", "city"]
    binner = WoeBinner(special_codes={"income": [-9]}, min_bads=5).fit(X[names], y)
    return binner, Scorecard(binner, max_p_value=None).fit(X[names], y)


def one_feature(expected, actual, month=MAY, name="f"):
    """Counts of a feature whose bins hold so many rows then and now."""
    keys = [(name, month, place) for place in range(max(np.size(expected), np.size(actual)))]
    index = pd.MultiIndex.from_tuples(keys, names=["feature", "month", "bin"])
    return pd.DataFrame({"rows": actual, "base_rows": expected}, index=index)


# -- oracles ---------------------------------------------------------------------------------------


def test_psi_critical_value_and_p_of_yurdakul_and_naranjo():
    """Yurdakul, Naranjo (2020), Journal of Risk Model Validation 14(4)."""
    table = monitoring.stability_table(
        one_feature([177, 262, 285, 158, 88, 25, 6], [253, 302, 204, 134, 72, 26, 8])
    )
    row = table.loc[("f", MAY)]
    assert row["psi"] == pytest.approx(0.067693, abs=5e-7)
    assert row["psi_critical"] == pytest.approx(0.025183, abs=5e-7)
    assert row["p_value"] == pytest.approx(7.2e-6, abs=5e-8)
    assert row["light"] == "green"


def test_resemblance_without_a_tolerance_is_pearson_and_with_one_noncentral():
    expected, actual = np.array([30, 50, 20]) * 1000, np.array([33, 45, 22])
    chi2, shift, freedom, n = resemblance_statistic(expected, actual)
    by_scipy = stats.chisquare(actual, expected / expected.sum() * actual.sum())
    # the development sample is a sample, too
    assert chi2 == pytest.approx(by_scipy.statistic * n / actual.sum())
    assert (freedom, shift) == (2, pytest.approx(by_scipy.statistic / actual.sum()))
    assert resemblance_p_value(chi2, 2, n, tolerated=0) == pytest.approx(stats.chi2.sf(chi2, 2))
    p_value = resemblance_p_value(chi2, 2, n, tolerated=0.02)
    assert p_value == pytest.approx(stats.ncx2.sf(chi2, 2, n * 0.02))
    with pytest.raises(ValueError, match="tolerated"):
        resemblance_p_value(1, 2, 100, tolerated=-1)
    assert np.isnan(resemblance_statistic([0, 0], [1, 2])).all()


@pytest.mark.parametrize(
    ("shift", "told"),
    [(0.0005, "moved, within tolerance"), (0.03, "moved beyond tolerance")],
)
def test_a_million_rows_do_not_reject_what_is_no_matter(shift, told):
    shares = np.array([0.1, 0.15, 0.25, 0.25, 0.15, 0.1])
    moved = shares * (1 + np.sqrt(shift) * np.array([1, -1, 1, -1, 1, -1]))
    table = monitoring.stability_table(
        one_feature((shares * 10**6).astype(int), (moved / moved.sum() * 10**6).astype(int))
    )
    row = table.iloc[0]
    # the ordinary test rejects both
    assert row["p_value"] < 1e-6
    assert row["psi"] > row["psi_critical"]
    assert row["told"] == told


def test_the_tolerated_shift_is_rejected_at_five_percent():
    """Size at the edge of what is tolerated, where it is largest, of two samples."""
    rng = np.random.default_rng(3)
    shares = np.full(8, 1 / 8)
    moved = shares * (1 + 0.1 * np.tile([1, -1], 4))
    then, now = rng.multinomial(40_000, shares, 1500), rng.multinomial(20_000, moved, 1500)
    found = np.array([resemblance_statistic(e, a) for e, a in zip(then, now, strict=True)])
    rejected = (resemblance_p_value(found[:, 0], found[:, 2], found[:, 3]) <= 0.05).sum()
    low, high = stats.binom.interval(0.999, 1500, 0.05)
    assert low <= rejected <= high


def test_the_chance_of_no_move_is_held():
    rng = np.random.default_rng(4)
    shares = np.array([0.3, 0.3, 0.2, 0.15, 0.05])
    tables = []
    for name in "abcdefgh":
        months = pd.date_range("2010-01-01", periods=60, freq="MS")
        then = one_feature(rng.multinomial(200_000, shares), 0, months[0], name)
        tables.append(then)
        for month, now in zip(months, rng.multinomial(1_500, shares, 60), strict=True):
            tables.append(one_feature(0, now, month, name))
    counts = pd.concat(tables).groupby(level=["feature", "month", "bin"]).sum()
    table = monitoring.stability_table(counts)
    low, high = stats.binom.interval(0.999, 480, 0.05)
    assert len(table) == 480
    assert low <= (table["p_value"] <= 0.05).sum() <= high
    # after Holm over the eight of a month one month in twenty has any
    alarmed = table["told"].ne("may be chance").groupby(level="month").any().sum()
    assert alarmed <= stats.binom.ppf(0.999, 60, 0.05)


# -- by hand ---------------------------------------------------------------------------------------


def test_missing_vanished_and_new_values_are_right_to_the_vector(model):
    binner, card = model
    day = pd.to_datetime(["2024-05-02"] * 5 + ["2024-06-03"] * 6)
    X = pd.DataFrame(
        {
            "applied_at": day,
            "income": [1, 1, np.nan, -9, 4, np.nan, np.nan, -9, -9, 2, 2],
            # "a" is gone in June, "zz" was never seen
            "city": ["a", "a", "b", "c", None, "b", "zz", "zz", "c", None, "b"],
        }
    )
    base = np.array([True] * 5 + [False] * 6)
    score = pd.Series([500.0, 510, 520, 500, np.nan, 500, 500, np.nan, 530, 530, 530])
    counts = monitoring.stability_counts(X, base=base, binner=binner, score=score)
    cells = counts.loc["city"].groupby(level="bin")[["base_rows", "rows"]].sum()
    expected = {"b": (1, 2), "c": (1, 1), "a": (2, 0), "zz": (0, 2)}
    unseen = len(binner.bins_["city"].counts)
    by_hand: dict[int, np.ndarray] = {}
    for level, pair in expected.items():
        bin_of = int(binner.bins_["city"].place(level))
        by_hand[bin_of] = by_hand.get(bin_of, np.zeros(2)) + pair
    missing = int(binner.bins_["city"].place(None))
    by_hand[missing] = by_hand.get(missing, np.zeros(2)) + np.ones(2)
    assert int(binner.bins_["city"].place("zz")) == unseen
    assert {k: tuple(v) for k, v in by_hand.items()} == {
        k: tuple(map(float, v)) for k, v in zip(cells.index, cells.to_numpy(), strict=True)
    }
    of_score = counts.loc["score"].groupby(level="bin")[["base_rows", "rows"]].sum()
    assert of_score.T.to_dict("list") == {
        NO_SCORE: [1, 1],
        500: [2, 2],
        510: [1, 0],
        520: [1, 0],
        530: [0, 3],
    }
    bins = monitoring.stability_bins(counts, binner, card=card)
    assert bins.loc[("city", "unseen"), ["base_rows", "rows"]].tolist() == [0, 2]
    moved = bins.groupby(level="feature")["points_moved"].sum()
    assert (bins.groupby(level="feature")["rows"].sum() == 6).all()
    table = monitoring.stability_table(counts, card=card)
    for name in ("income", "city"):
        assert table.loc[(name, JUNE), "points"] == pytest.approx(moved[name])


def test_points_of_the_features_add_up_to_the_move_of_the_mean_score(model):
    binner, card = model
    X = applicants(3_000, 7)
    base = (X["applied_at"] < MAY).to_numpy()
    X.loc[X["applied_at"] >= JUNE, "income"] = X["income"].replace({4.0: 1.0})
    X.loc[X["applied_at"] >= JUNE, "city"] = "new"
    score = card.credit_score(X)
    counts = monitoring.stability_counts(X, base=base, binner=binner, score=score)
    table = monitoring.stability_table(counts, card=card)["points"].unstack("month")
    whole = score.groupby(X["applied_at"].dt.to_period("M")).mean()
    for month in (MAY, JUNE):
        difference = whole[month.to_period("M")] - score[base].mean()
        assert table.loc["score", month] == pytest.approx(difference)
        assert table.loc[["income", "city"], month].sum() == pytest.approx(difference)


def test_psi_of_a_feature_is_that_of_its_bins(model):
    binner, _ = model
    X = applicants(2_000, 8)
    base = (X["applied_at"] < MAY).to_numpy()
    counts = monitoring.stability_counts(X, base=base, binner=binner)
    table, bins = monitoring.stability_table(counts), monitoring.stability_bins(counts, binner)
    last = table.xs(table.index.get_level_values("month").max(), level="month")
    for name in ("income", "city"):
        assert bins.loc[name, "psi"].sum() == pytest.approx(last.loc[name, "psi"])
        then, now = bins.loc[name, "base_rows"], bins.loc[name, "rows"]
        assert metrics.psi(then, now) == pytest.approx(last.loc[name, "psi"])
    assert bins["points"].isna().all()
    assert last["points"].isna().all()
    earlier = monitoring.stability_bins(counts, binner, month="2024-05-01")
    assert earlier["rows"].sum() == 2 * (X["applied_at"].dt.month == 5).sum()


def test_what_has_not_moved_has_no_shift(model):
    counts = one_feature([100, 200, 300], [10, 20, 30])
    row = monitoring.stability_table(counts).iloc[0]
    assert (row["psi"], row["shift"], row["p_value"]) == (0, 0, 1)
    alone = monitoring.stability_table(one_feature([100], [30])).iloc[0]
    assert (alone["psi"], alone["light"], alone["told"]) == (0, "green", "may be chance")
    few = monitoring.stability_table(one_feature([100, 200, 300], [4, 5, 5])).iloc[0]
    assert few["told"] == "too few to say"
    assert np.isnan(few["psi"])


def test_a_score_that_nobody_had_before_has_its_band(model):
    rng = np.random.default_rng(0)
    n = 2_000
    day = pd.to_datetime(np.where(np.arange(n) < 1_500, "2024-05-01", "2024-06-01"))
    score = pd.Series(rng.integers(500, 600, n).astype(float))
    score[1_500:] += 200
    X = pd.DataFrame({"applied_at": day})
    counts = monitoring.stability_counts(X, base=np.arange(n) < 1_500, score=score)
    row = monitoring.stability_table(counts).loc[("score", JUNE)]
    assert row["told"] == "moved beyond tolerance"
    assert row["light"] == "red"
    assert row["points_low"] < row["points"] < row["points_high"]
    [(topic, _, red)] = monitoring.stability_findings(monitoring.stability_table(counts), {})
    assert (topic, red) == ("Stability", True)


def test_those_without_a_score_are_a_band_of_their_own():
    n = 400
    day = pd.to_datetime(np.where(np.arange(n) < 200, "2024-05-01", "2024-06-01"))
    score = pd.Series(np.full(n, 500.0)).where((np.arange(n) < 200) | (np.arange(n) % 2 == 0))
    frame = pd.DataFrame({"applied_at": day})
    counts = monitoring.stability_counts(frame, base=np.arange(n) < 200, score=score)
    row = monitoring.stability_table(counts).loc[("score", JUNE)]
    assert row["psi"] == pytest.approx(metrics.psi([200, 0], [100, 100]))
    assert row["points"] == 0


# -- partitions ------------------------------------------------------------------------------------


@settings(max_examples=5)
@given(st.lists(st.integers(0, 2), min_size=60, max_size=60), st.integers(0, 99))
def test_counts_are_equal_over_any_partition(part, seed):
    X = applicants(60, seed)
    X.loc[::7, "city"] = "rare"
    base = (X["applied_at"] < MAY).to_numpy()
    score = pd.Series(np.arange(60) % 7 + 500.0).where(np.arange(60) % 5 > 0)
    y = np.arange(60) % 3 == 0
    binner = WoeBinner(special_codes={"income": [-9]}, infeasible="one_bin")
    binner.fit(X[["income", "city"]].iloc[:50], y[:50].astype(int))

    def bins(rows):
        return monitoring.stability_counts(
            X[rows].reset_index(drop=True),
            base=base[rows],
            binner=binner,
            score=score[rows].reset_index(drop=True),
        )

    def values(rows):
        return monitoring.value_counts(X[rows].reset_index(drop=True), FEATURES, base=base[rows])

    everyone, labels = np.ones(60, dtype=bool), np.array(part)
    for count in (bins, values):
        whole, parts = count(everyone), [count(labels == k) for k in range(3)]
        total = reduce(add_counts, parts)
        assert total.sort_index().equals(whole.sort_index()[list(total.columns)])


# -- values that came and went ---------------------------------------------------------------------


def test_new_and_vanished_categories_and_jumps_are_named():
    then, now = applicants(4_000, 11, "2024-01-01", 4), applicants(1_000, 12, "2024-05-01", 1)
    now["city"] = now["city"].replace({"c": "d"})
    now.loc[now.index % 4 == 0, "income"] = np.nan
    now.loc[now.index % 5 == 0, "city"] = None
    X = pd.concat([then, now], ignore_index=True)
    counts = monitoring.value_counts(X, FEATURES, base=np.arange(len(X)) < len(then))
    table = monitoring.value_changes(counts)
    told = table["told"].to_dict()
    assert told == {
        ("city", "c"): "vanished",
        ("city", "d"): "new",
        ("city", "missing"): "jumped",
        ("income", "missing"): "jumped",
        ("income", "special -9"): "may be chance",
    }
    assert table.loc[("city", "d"), "rows"] == (now["city"] == "d").sum()
    assert table.loc[("income", "missing"), "rate"] == now["income"].isna().mean()
    text = monitoring.value_changes_text(table, LABELS)
    assert "**New categories**, which no bin was made for: City, d" in text
    assert "**Vanished** beyond chance: City, c" in text
    found = monitoring.stability_findings(pd.DataFrame(), LABELS, table)
    assert [text.split(":")[0] for _, text, _ in found] == [
        "City, d",
        "City, missing",
        "Income, missing",
    ]


def test_a_rare_category_that_is_absent_by_chance_has_not_vanished():
    X = applicants(2_000, 13, n_months=5)
    late = X["applied_at"] >= MAY
    X.loc[X.index[~late][:3], "city"] = "rare"
    counts = monitoring.value_counts(X, FEATURES, base=~late)
    table = monitoring.value_changes(counts)
    assert table.loc[("city", "rare"), "told"] == "may be chance"
    assert "**No category is new" in monitoring.value_changes_text(table, LABELS)


def test_a_jump_beyond_chance_may_be_small():
    index = [
        ("f", MAY, value, rows, base)
        for value, rows, base in (("missing", 10_600, 100_000), ("a value", 989_400, 9_900_000))
    ]
    frame = pd.DataFrame(index, columns=["feature", "month", "value", "rows", "base_rows"])
    table = monitoring.value_changes(frame.set_index(["feature", "month", "value"]))
    assert table["told"].tolist() == ["beyond chance, but small"]


# -- thin sources ----------------------------------------------------------------------------------


def test_nothing_to_compare_is_said_in_words(model):
    binner, card = model
    X = applicants(200, 14)
    nobody = np.zeros(200, dtype=bool)
    undated = X.drop(columns="applied_at")
    for frame, base in ((X, nobody), (X, ~nobody), (undated, nobody), (X.iloc[:0], nobody[:0])):
        counts = monitoring.stability_counts(frame, base=base, binner=binner)
        table = monitoring.stability_table(counts, card=card)
        assert table.empty
        assert monitoring.stability_text(table, LABELS).startswith("Nobody applied after")
        assert monitoring.stability_findings(table, LABELS) == []
        values = monitoring.value_changes(monitoring.value_counts(frame, FEATURES, base=base))
        assert values.empty
        assert monitoring.value_changes_text(values, LABELS).startswith("No category")
    assert monitoring.stability_bins(counts, binner).empty
    with pytest.raises(ValueError, match="whole points"):
        monitoring.stability_counts(X, base=nobody, score=np.full(200, 0.5))


def test_text_names_what_moved_and_which_way(model):
    binner, card = model
    X = applicants(6_000, 15)
    base = (X["applied_at"] < MAY).to_numpy()
    X.loc[X["applied_at"] >= JUNE, "income"] = 1.0
    counts = monitoring.stability_counts(X, base=base, binner=binner, score=card.credit_score(X))
    table = monitoring.stability_table(counts, card=card)
    text = monitoring.stability_text(table, LABELS)
    assert text.startswith("In June 2024, against the development sample: the distribution of the")
    assert "**has moved by more than is tolerated**" in text
    assert "**1 of 2 features have moved**: Income (PSI" in text
    found = monitoring.stability_findings(table, LABELS)
    told = [(text.split(" (")[0], red) for _, text, red in found]
    assert told == [("Income", False), ("The score", True)]
