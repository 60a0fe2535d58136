"""For whom a model works, what it rests on, and whom it treats how."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from riskkit import evidence, metrics
from riskkit.binning import WoeBinner
from riskkit.challenger import Challenger
from riskkit.schema import Feature, offered_features, protected_note
from riskkit.scorecard import NoFeatureLeft, Scorecard, ScoreScale
from riskkit.tables import hash_ids

NAN = float("nan")


def feature(name, family="application", **facts):
    return Feature(name=name, label=facts.pop("label", name), family=family, **facts)


# -- segments --------------------------------------------------------------------------------------


def test_segments_of_a_source_that_tells_everything():
    applications = pd.DataFrame(
        {
            "applied_at": pd.to_datetime(["2023-12-31", "2024-01-01", None, "2024-06-30"]),
            "channel": ["web", None, "shop", "web"],
            "scenario": pd.Categorical(["cash", "phone", None, "cash"]),
            "term_months": [3, 12, 6, 12],
        },
        index=[7, 8, 9, 10],
    )
    found = evidence.segments(applications, [])
    assert found.index.tolist() == [7, 8, 9, 10]
    assert found["quarter"].dropna().tolist() == ["2023Q4", "2024Q1", "2024Q2"]
    assert found["channel"].dropna().tolist() == ["web", "shop", "web"]
    assert found["scenario"].dropna().tolist() == ["cash", "phone", "cash"]
    # as text they sort like numbers
    assert found["term"].tolist() == [" 3", "12", " 6", "12"]
    assert found.isna().sum().to_dict() == {"quarter": 1, "channel": 1, "scenario": 1, "term": 0}


def test_segments_of_a_source_that_tells_little():
    found = evidence.segments(pd.DataFrame({"term_months": [NAN, 6.0, 6.0], "income": 1.0}), [])
    assert list(found.columns) == ["term"]
    assert found["term"].isna().tolist() == [True, False, False]
    assert found["term"].tolist()[1:] == ["6", "6"]
    never = evidence.segments(pd.DataFrame({"term_months": [NAN, NAN]}), [])
    assert never["term"].isna().all()
    assert evidence.segments(pd.DataFrame({"income": [1.0]}), []).shape == (1, 0)


def test_a_family_that_shares_one_special_code_is_a_segment():
    applications = pd.DataFrame(
        {"score": [-9.0, -9.0, 5, NAN], "cards": [-9.0, 2, -9.0, -9.0], "debt": [0.0, 0, 0, 0]}
    )
    none = {"special_codes": {-9.0: "no bureau record"}}
    bureau = [feature("score", "bureau", **none), feature("cards", "bureau", **none)]
    others = [feature("debt", "bureau"), feature("income", "telecom")]
    found = evidence.segments(applications, [*bureau, *others])
    # whoever has a value in one of them has a record
    assert list(found.columns) == ["bureau"]
    assert found["bureau"].tolist() == ["no bureau record", "others", "others", "others"]
    # a coded feature that the source does not hold says nothing
    absent = feature("age", "bureau", **none)
    pd.testing.assert_frame_equal(evidence.segments(applications, [*bureau, absent]), found)
    assert evidence.segments(applications, [absent]).shape == (4, 0)


@pytest.mark.parametrize("kept_from_models", ["protected", "known_afterwards"])
def test_what_models_may_not_use_makes_no_segment(kept_from_models):
    applications = pd.DataFrame({"age": [-9.0, 30, 40]})
    age = feature("age", special_codes={-9.0: "not told"}, **{kept_from_models: True})
    assert evidence.segments(applications, [age]).shape == (3, 0)


@pytest.mark.parametrize("second", [{-8.0: "refused"}, {-9.0: "refused"}])
def test_a_family_of_several_special_codes_is_none(second):
    applications = pd.DataFrame({"score": [-9.0, 5], "cards": [-9.0, 2]})
    features = [
        feature("score", "bureau", special_codes={-9.0: "no record"}),
        feature("cards", "bureau", special_codes=second),
    ]
    assert evidence.segments(applications, features).shape == (2, 0)
    # in families of their own they are two
    apart = [features[0], feature("cards", "telecom", special_codes=second)]
    assert list(evidence.segments(applications, apart).columns) == ["bureau", "telecom"]


@pytest.fixture(scope="module")
def judged():
    """Outcomes, two scores and two segments; a third of the outcomes unknown, labels missing."""
    rng = np.random.default_rng(0)
    n = 900
    y = (rng.random(n) < 0.3).astype(float)
    scores = pd.DataFrame({"a": -y + rng.normal(0, 1, n), "b": -y + rng.normal(0, 2, n)})
    y[rng.random(n) < 0.3] = NAN
    channel = pd.Series(rng.choice(["web", "shop", None], n, p=[0.6, 0.3, 0.1]), dtype="str")
    table = pd.DataFrame({"channel": channel, "small": np.where(np.arange(n) < 12, "few", "many")})
    return y, scores, table


def test_ranking_by_segment_is_the_comparison_of_its_rows(judged):
    y, scores, table = judged
    found = evidence.ranking_by_segment(y, scores["a"], scores["b"], table)
    assert found.index.names == ["segment", "value"]
    assert found.index.tolist() == [
        ("channel", "shop"), ("channel", "web"), ("small", "few"), ("small", "many"),
    ]  # fmt: skip
    assert list(found.columns) == [
        "loans", "bad", "bad_rate", "auc_a", "auc_a_low", "auc_a_high",
        "auc_b", "auc_b_low", "auc_b_high", "difference", "low", "high", "p_value",
    ]  # fmt: skip
    for segment, value in [("channel", "shop"), ("channel", "web"), ("small", "many")]:
        here = (table[segment] == value).to_numpy()
        known = here & ~np.isnan(y)
        row = found.loc[(segment, value)]
        assert row["loans"] == known.sum()
        assert row["bad"] == y[known].sum()
        assert row["bad_rate"] == pytest.approx(y[known].mean())
        expected = metrics.compare(y[here], scores["a"][here], scores["b"][here])
        for name in ("auc_a", "auc_b", "difference", "low", "high", "p_value"):
            assert row[name] == pytest.approx(expected[name])
        for model in "ab":
            counts = metrics.score_counts(scores[model][here].to_numpy(), y[here])
            own = metrics.discrimination(counts, n_boot=0)
            for end in ("", "_low", "_high"):
                assert row[f"auc_{model}{end}"] == pytest.approx(own[f"auc{end}"])
    few = found.loc[("small", "few")]
    assert few["loans"] == (~np.isnan(y[:12])).sum()
    assert few[["auc_a", "difference", "p_value"]].isna().all()
    assert found["bad"].dtype == np.int64


def test_level_and_least_number_of_the_ranking_are_kept(judged):
    y, scores, table = judged
    with pytest.warns(UserWarning, match="perfect separation"):  # among the few
        wide = evidence.ranking_by_segment(
            y, scores["a"], scores["b"], table, level=0.99, min_each=2
        )
    assert wide["auc_a"].notna().all()
    usual = evidence.ranking_by_segment(y, scores["a"], scores["b"], table)
    ratio = (wide["high"] - wide["low"]) / (usual["high"] - usual["low"])
    assert ratio["channel"].to_numpy() == pytest.approx(2.5758293 / 1.9599640)


def test_calibration_by_segment_is_jeffreys_of_its_rows(judged):
    y, _, table = judged
    probability = pd.DataFrame({"right": np.full(900, 0.3), "steep": np.linspace(0, 1, 900)})
    found = evidence.calibration_by_segment(y, probability, table, level=0.9)
    assert found.index.names == ["segment", "value"]
    assert list(found.columns) == [
        "loans", "bad_rate", "low", "high", "judged", "right", "right_outside", "steep",
        "steep_outside",
    ]  # fmt: skip
    for segment, value in found.index:
        known = (table[segment] == value).to_numpy() & ~np.isnan(y)
        bad, n = y[known].sum(), known.sum()
        row = found.loc[(segment, value)]
        assert row["loans"] == n
        assert row["bad_rate"] == pytest.approx(bad / n)
        low, high = stats.beta.ppf([0.05, 0.95], bad + 0.5, n - bad + 0.5)
        assert [row["low"], row["high"]] == pytest.approx([low if bad else 0, high])
        for model in probability:
            mean = probability[model][known].mean()
            assert row[model] == pytest.approx(mean)
            # of fewer than 30 loans, or ten bads seen or expected, nobody judges
            expected = n * probability[known].mean().max()
            enough = n >= 30 and max(bad, expected) >= 10
            assert row["judged"] == enough
            outside = (mean < low or mean > high) if enough else None
            assert row[f"{model}_outside"] == outside
    assert not found.loc[("small", "few"), "judged"]
    loose = evidence.calibration_by_segment(
        y, probability, table, level=0.9, min_rows=1, min_bads=0
    )
    # the first dozen rows lie far below, all rows far above
    assert loose["steep_outside"].to_dict()[("small", "few")] == (
        found.loc[("small", "few"), "low"] > probability["steep"][:12].mean()
    )
    assert found.loc[("small", "many"), "steep_outside"]
    assert not found.loc[("small", "many"), "right_outside"]


def test_no_segments_are_an_empty_table_with_every_column(judged):
    y, scores, table = judged
    nothing = table[[]]
    never = pd.DataFrame({"channel": pd.Series([None] * 900, dtype="str")})
    probability = pd.DataFrame({"card": np.full(900, 0.3)})
    some = evidence.ranking_by_segment(y, scores["a"], scores["b"], table)
    rates = evidence.calibration_by_segment(y, probability, table)
    for labels in (nothing, never):
        empty = evidence.ranking_by_segment(y, scores["a"], scores["b"], labels)
        assert len(empty) == 0
        assert empty.columns.equals(some.columns)
        assert empty.index.names == ["segment", "value"]
        empty = evidence.calibration_by_segment(y, probability, labels)
        assert len(empty) == 0
        assert empty.columns.equals(rates.columns)


# -- fewer loans -----------------------------------------------------------------------------------


class Remembered:
    """A model whose score is minus the column it was told to take, and the rows it learned from."""

    def __init__(self, rows, labels, column):
        self.ids, self.labels, self.column = rows["id"].tolist(), labels.tolist(), column

    def credit_score(self, rows):
        # the more it has seen, the less noise
        return -(rows[self.column] + rows["noise"] * 40 / len(self.ids)).to_numpy()


@pytest.fixture
def loans():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"id": [f"L{k}" for k in range(200)], "risk": rng.normal(size=200)})
    X["noise"] = rng.normal(size=200)
    y = pd.Series((X["risk"] + rng.normal(size=200) > 0.3).astype(int))
    judged = pd.DataFrame(rng.normal(size=(300, 2)), columns=["risk", "noise"])
    return X, y, judged, (judged["risk"] + rng.normal(size=300) > 0.3).to_numpy(float)


def remembering(seen, column="risk"):
    def fit(rows, labels):
        model = Remembered(rows, labels, column)
        seen.append(model)
        return model

    return fit


def test_a_larger_share_holds_the_smaller_ones_whatever_the_order_of_the_rows(loans):
    X, y, judged, flags = loans
    seen, again = [], []
    shares = (1.0, 0.25, 0.5)
    found = evidence.learning_curve(
        {"card": remembering(seen)}, X, y, judged, flags, ids=X["id"], shares=shares, min_bads=5
    )
    by_hash = X["id"].iloc[np.argsort(hash_ids(X["id"]))].tolist()
    assert [model.ids for model in seen] == [by_hash[:50], by_hash[:100], by_hash]
    assert found.index.tolist() == [("card", 0.25), ("card", 0.5), ("card", 1.0)]
    assert found.index.names == ["model", "share"]
    assert found["rows"].tolist() == [50, 100, 200]
    assert found["bad"].tolist() == [sum(model.labels) for model in seen]
    order = np.random.default_rng(0).permutation(200)
    shuffled = X.iloc[order]
    moved = evidence.learning_curve(
        {"card": remembering(again)}, shuffled, y.iloc[order], judged, flags,
        ids=shuffled["id"].to_numpy(), shares=shares, min_bads=5,
    )  # fmt: skip
    pd.testing.assert_frame_equal(moved, found)
    assert [model.ids for model in again] == [model.ids for model in seen]
    # what the model of all rows says is known, so it is not fitted again
    fewer, whole = [], {"card": seen[-1].credit_score(judged)}
    known = evidence.learning_curve(
        {"card": remembering(fewer)}, X, y, judged, flags,
        ids=X["id"], shares=shares, min_bads=5, whole=whole,
    )  # fmt: skip
    pd.testing.assert_frame_equal(known, found)
    assert [model.ids for model in fewer] == [by_hash[:50], by_hash[:100]]
    with pytest.raises(ValueError, match="Card"):
        evidence.learning_curve(
            {"card": remembering(fewer)}, X, y, judged, flags, ids=X["id"], whole={"Card": []}
        )


def test_gains_are_paired_with_the_next_smaller_share_of_the_same_model(loans):
    X, y, judged, flags = loans
    seen = []
    fits = {"card": remembering(seen), "trees": remembering(seen, "noise")}
    flags[:40] = NAN
    with ThreadPoolExecutor(2) as pool:
        found = evidence.learning_curve(
            fits, X, y, judged, flags, ids=X["id"], shares=(0.3, 0.6, 1.0), min_bads=5,
            executor=pool,
        )  # fmt: skip
    assert found.index.tolist() == [(m, s) for m in fits for s in (0.3, 0.6, 1.0)]
    for name, column in (("card", "risk"), ("trees", "noise")):
        scores = [
            -(judged[column] + judged["noise"] * 40 / rows).to_numpy() for rows in (60, 120, 200)
        ]
        for share, score, smaller in zip((0.3, 0.6, 1.0), scores, [None, *scores], strict=False):
            row = found.loc[(name, share)]
            alone = metrics.discrimination(metrics.score_counts(score, flags), n_boot=0)
            for part in ("auc", "auc_low", "auc_high"):
                assert row[part] == pytest.approx(alone[part])
            gain = row[["gain", "gain_low", "gain_high"]]
            if smaller is None:
                assert gain.isna().all()
            else:
                paired = metrics.compare(flags, score, smaller)
                assert gain.tolist() == pytest.approx(
                    paired[["difference", "low", "high"]].tolist()
                )


@pytest.mark.parametrize("rare", [0, 1])
def test_a_share_with_too_few_of_a_class_is_left_out_but_never_the_largest(loans, rare):
    X, _, judged, flags = loans
    order = np.argsort(hash_ids(X["id"]))
    y = pd.Series(1 - rare, index=X.index)
    y.iloc[order[[10, 60, 70, 150]]] = rare
    counts = {}
    for least in (1, 3, 99):
        found = evidence.learning_curve(
            {"card": remembering([])}, X, y, judged, flags, ids=X["id"],
            shares=(0.01, 0.25, 0.5, 1.0), min_bads=least,
        )  # fmt: skip
        counts[least] = found.index.get_level_values("share").tolist()
    assert counts == {1: [0.25, 0.5, 1.0], 3: [0.5, 1.0], 99: [1.0]}


def test_a_share_in_which_no_feature_tells_ranks_nobody(loans):
    X, y, judged, flags = loans

    def fit(rows, labels):
        if len(rows) < 200:
            raise NoFeatureLeft("none")
        return Remembered(rows, labels, "risk")

    found = evidence.learning_curve(
        {"card": fit}, X, y, judged, flags, ids=X["id"], shares=(0.5, 1), min_bads=10
    ).loc["card"]
    assert found.loc[0.5, "auc"] == 0.5
    assert found.loc[1, "gain"] == found.loc[1, "auc"] - 0.5


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_an_impossible_share_is_refused(loans, share):
    X, y, judged, flags = loans
    with pytest.raises(ValueError, match=r"shares must lie in \(0, 1\], got"):
        evidence.learning_curve({}, X, y, judged, flags, ids=X["id"], shares=(share, 1.0))


# -- fewer features --------------------------------------------------------------------------------


def test_families_come_in_the_order_of_the_features():
    features = [
        feature("debt", "bureau"), feature("age", "person"), feature("cards", "bureau"),
        feature("calls", "telecom"),
    ]  # fmt: skip
    found = evidence.families_of(features, {"cards", "debt", "age"})
    assert list(found.items()) == [("bureau", ["debt", "cards"]), ("person", ["age"])]


def test_a_family_is_worth_what_the_auc_loses_without_it():
    rng = np.random.default_rng(0)
    parts = pd.DataFrame(rng.normal(size=(400, 4)), columns=["a1", "a2", "b", "c"])
    y = (parts @ [0.2, 0.2, 1.5, 0.0] + rng.normal(size=400) > 0.5).to_numpy(float)
    y[:50] = NAN
    families = {"small": ["a1", "a2"], "large": ["b"], "none": ["c"]}
    slopes = {"card": {"a1": 0.2, "a2": 0.2, "b": 1.5, "c": 0.1}, "trees": dict.fromkeys(parts, 1)}
    asked = {"card": [], "trees": []}

    def scores(model):
        def of(names):
            asked[model].append(names)
            return -sum(slopes[model][name] * parts[name] for name in names)

        return of

    fits = {name: scores(name) for name in slopes}
    found = evidence.family_worth(fits, families, y)
    for model in slopes:
        assert asked[model] == [
            ["a1", "a2", "b", "c"], ["b", "c"], ["a1", "a2", "c"], ["a1", "a2", "b"],
        ]  # fmt: skip
    assert found.index.names == ["model", "family"]
    assert list(found.columns) == [
        "features", "auc_with", "auc_without", "difference", "low", "high", "p_value",
    ]  # fmt: skip
    for model in slopes:
        table = found.loc[model]
        assert set(table.index) == set(families)
        assert table["difference"].is_monotonic_decreasing
        assert table.index[0] == "large"
        for family, names in families.items():
            left = [name for name in parts if name not in names]
            expected = metrics.compare(y, fits[model](list(parts)), fits[model](left))
            row = table.loc[family]
            assert row["features"] == len(names)
            assert row["auc_with"] == expected["auc_a"]
            assert row["auc_without"] == expected["auc_b"]
            assert row["difference"] == pytest.approx(row["auc_with"] - row["auc_without"])
            for name in ("low", "high", "p_value"):
                assert row[name] == pytest.approx(expected[name])
    assert found["features"].dtype == np.int64
    with ThreadPoolExecutor(2) as pool:
        again = evidence.family_worth(fits, families, y, executor=pool)
    pd.testing.assert_frame_equal(again, found)


def test_without_its_only_family_a_model_tells_nobody_apart():
    y = np.array([0, 1, 0, 1, 0, 1])
    found = evidence.family_worth({"card": lambda names: [9, 1, 8, 2, 2, 5]}, {"own": ["a"]}, y)
    assert found.loc[("card", "own"), "auc_without"] == 0.5
    assert found.loc[("card", "own"), "difference"] == found["auc_with"].iloc[0] - 0.5


# -- a card a segment ------------------------------------------------------------------------------


class Reader:
    """A model that reads the column it finds to separate best in its training rows."""

    def __init__(self, rows, labels):
        gaps = {name: rows[name][labels == 1].mean() - rows[name][labels == 0].mean()
                for name in ("x", "z")}  # fmt: skip
        self.column = max(gaps, key=gaps.get)

    def credit_score(self, rows):
        return np.rint(-100 * rows[self.column].to_numpy()).astype(np.int64)


@pytest.fixture(scope="module")
def split_rows():
    """Bads are told by x in the web, by z in shops; the first 2,000 rows teach."""
    rng = np.random.default_rng(1)
    n = 3500
    X = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n)})
    channel = rng.choice(["web", "shop", "agent"], n, p=[0.6, 0.38, 0.02])
    told = np.where(channel == "shop", X["z"] + 0.4 * X["x"], X["x"] + 0.2 * X["z"])
    y = pd.Series((told + rng.normal(size=n) > 1).astype(int))
    table = pd.DataFrame({"channel": pd.Series(channel, dtype="str")})
    table.loc[rng.random(n) < 0.05, "channel"] = None
    table["many"] = (np.arange(n) % 5).astype(str)
    table["one"] = "all alike"
    table["lopsided"] = np.where(np.arange(n) % 200 == 0, "few", "rest")
    teach, judge = slice(0, 2000), slice(2000, None)
    flags = y[judge].to_numpy(float)
    flags[:100] = NAN
    return X[teach], y[teach], table[teach], X[judge], flags, table[judge]


def test_a_split_is_judged_on_the_same_rows_as_the_model_of_all(split_rows):
    X, y, table, judged, flags, judged_table = split_rows
    fitted = []

    def fit(rows, labels):
        fitted.append(rows.index)
        return Reader(rows, labels)

    found = evidence.compare_splits(fit, X, y, table, judged, flags, judged_table)
    # many has five values, one a single one, of lopsided only the rest could have its own
    assert found.index.tolist() == [("channel", v) for v in ("agent", "shop", "web", "all")]
    assert found.index.names == ["split", "segment"]
    assert list(found.columns) == [
        "training_bad", "own_model", "loans", "bad",
        "auc_split", "auc_one", "difference", "low", "high", "p_value",
    ]  # fmt: skip
    shop = table.index[table["channel"] == "shop"]
    web = table.index[table["channel"] == "web"]
    assert [rows.tolist() for rows in fitted] == [r.tolist() for r in (X.index, shop, web)]
    found = found.loc["channel"]
    assert found["own_model"].tolist() == [False, True, True, False]
    bads = y.groupby(table["channel"]).sum()
    assert found["training_bad"].tolist() == [*bads[["agent", "shop", "web"]], bads.sum()]
    one = Reader(X, y)
    assert one.column == "x"
    # agents, and those of no channel, keep the model of all
    here = judged_table["channel"].to_numpy(object)
    split = np.where(here == "shop", -100 * judged["z"], -100 * judged["x"]).round()
    for segment in ("shop", "web", "all"):
        rows = np.full(len(here), True) if segment == "all" else here == segment
        known = rows & ~np.isnan(flags)
        row = found.loc[segment]
        assert [row["loans"], row["bad"]] == [known.sum(), flags[known].sum()]
        expected = metrics.compare(flags[rows], split[rows], one.credit_score(judged)[rows])
        assert row["auc_split"] == pytest.approx(expected["auc_a"])
        assert row["auc_one"] == pytest.approx(expected["auc_b"])
        for name in ("difference", "low", "high", "p_value"):
            assert row[name] == pytest.approx(expected[name])
    assert found.loc["shop", "low"] > 0
    assert found.loc["web", "difference"] == 0
    assert found.loc["agent", ["auc_split", "difference"]].isna().all()


def test_who_gets_a_card_of_its_own_can_be_said(split_rows):
    X, y, table, judged, flags, judged_table = split_rows
    found = evidence.compare_splits(
        Reader, X, y, table[["many", "lopsided"]], judged, flags, judged_table, max_segments=5
    )
    assert found.index.unique("split").tolist() == ["many"]
    assert found.loc["many"].index.tolist() == [*"01234", "all"]
    # ten rows of the few: one has a bad
    least = int(y[table["lopsided"] == "few"].sum())
    found = evidence.compare_splits(
        Reader, X, y, table[["lopsided"]], judged, flags, judged_table, min_bads=least
    )
    assert found.loc["lopsided", "own_model"].tolist() == [True, True, False]


def test_all_splits_are_held_against_one_model_of_all(split_rows):
    X, y, table, judged, flags, judged_table = split_rows
    sizes = []

    def fit(rows, labels):
        sizes.append(len(rows))
        return Reader(rows, labels)

    evidence.compare_splits(
        fit, X, y, table[["channel", "many"]], judged, flags, judged_table, max_segments=5
    )
    channels = table["channel"].value_counts()[["shop", "web"]].tolist()
    assert sizes == [2000, *channels, *[400] * 5]


def test_a_segment_of_too_few_goods_keeps_the_model_of_all(split_rows):
    X, y, table, judged, flags, judged_table = split_rows
    bads = y.index[y == 1]
    lost = table.assign(channel=table["channel"].where(~table.index.isin(bads[:200]), "lost"))
    found = evidence.compare_splits(
        Reader, X, y, lost[["channel"]], judged, flags, judged_table
    ).loc["channel"]
    assert found.loc["lost", "training_bad"] == 200
    assert found["own_model"].to_dict() == {
        "agent": False, "lost": False, "shop": True, "web": True, "all": False,
    }  # fmt: skip


def test_a_segment_in_which_no_feature_tells_keeps_the_model_of_all(split_rows):
    X, y, table, judged, flags, judged_table = split_rows
    shops = (table["channel"] == "shop").sum()

    def fit(rows, labels):
        if len(rows) == shops:
            raise NoFeatureLeft("none")
        return Reader(rows, labels)

    found = evidence.compare_splits(fit, X, y, table[["channel"]], judged, flags, judged_table).loc[
        "channel"
    ]
    assert found.index[found["own_model"]].tolist() == ["web"]
    assert found.loc["shop", "difference"] == 0


def test_no_split_worth_trying_is_an_empty_table_and_no_fit(split_rows):
    X, y, table, judged, flags, judged_table = split_rows

    def never(rows, labels):
        raise AssertionError("nothing to fit")

    for columns in ([], ["one"], ["many", "lopsided"]):
        found = evidence.compare_splits(never, X, y, table[columns], judged, flags, judged_table)
        assert len(found) == 0
        assert found.index.names == ["split", "segment"]
        assert "auc_split" in found


def test_a_segment_that_nobody_judged_is_in_keeps_its_row(split_rows):
    X, y, table, judged, flags, judged_table = split_rows
    web = (judged_table["channel"] == "web").to_numpy()
    asked = judged_table.assign(channel=np.where(web, "web", "elsewhere"))
    fitted = []

    def fit(rows, labels):
        fitted.append(len(rows))
        return Reader(rows, labels)

    found = evidence.compare_splits(fit, X, y, table[["channel"]], judged, flags, asked)
    # nor is a model made for it
    assert fitted == [2000, (table["channel"] == "web").sum()]
    assert found.loc[("channel", "shop"), ["loans", "bad"]].tolist() == [0, 0]
    assert np.isnan(found.loc[("channel", "shop"), "auc_split"])
    assert ("channel", "elsewhere") not in found.index
    # those elsewhere keep the model of all
    assert found.loc[("channel", "all"), "difference"] == 0


def test_a_split_judged_on_too_few_is_counted_not_compared(split_rows):
    X, y, table, judged, flags, judged_table = split_rows
    few = np.where(np.cumsum(flags == 1) <= 9, flags, NAN)
    found = evidence.compare_splits(
        Reader, X, y, table[["channel"]], judged, few, judged_table
    ).loc["channel"]
    assert found.loc["all", "bad"] == 9
    assert found[["auc_split", "auc_one", "p_value"]].isna().all(axis=None)


# -- fairness --------------------------------------------------------------------------------------


def test_protected_attributes_are_offered_only_where_that_is_asked_for_and_then_it_is_said():
    features = [
        feature("income"),
        feature("age", protected=True, label="Age"),
        feature("days_late", known_afterwards=True),
        feature("sex", protected=True, known_afterwards=True, label="Sex"),
        feature("region", protected=True, label="Region"),
    ]
    assert offered_features(features) == ["income"]
    assert offered_features(features, use_protected=True) == ["income", "age", "region"]
    assert protected_note(features, ["income", "days_late"]) == ""
    note = protected_note(features, iter(["region", "income", "age"]))
    assert note.startswith("**Protected attributes are used as features: Age, Region.**")


def test_groups_are_those_of_protected_attributes_by_their_labels():
    people = pd.DataFrame(
        {"sex": ["f", None, "m", "f"], "age": [20.0, 30, NAN, 40], "income": [1.0, 2, 3, 4]},
        index=list("wxyz"),
    )
    features = [
        feature("age", protected=True, label="Age"),
        feature("sex", kind="category", protected=True, label="Sex"),
        feature("income"),
        feature("religion", kind="category", protected=True),
    ]
    found = evidence.protected_groups(people, features, n_bands=3)
    assert list(found.columns) == ["Age", "Sex"]
    assert found.index.tolist() == list("wxyz")
    assert found["Sex"].dropna().tolist() == ["f", "m", "f"]
    # thirds of 20, 30, 40 by the inverse of their distribution: 20 and 30
    assert found["Age"].cat.categories.tolist() == ["below 20", "20 to 30", "30 or more"]
    assert found["Age"].dropna().tolist() == ["20 to 30", "30 or more", "30 or more"]
    assert found["Age"].isna().tolist() == [False, False, True, False]
    one = evidence.protected_groups(people, features[:1], n_bands=1)
    assert one["Age"].dropna().unique().tolist() == ["all"]
    assert evidence.protected_groups(people, [feature("income")]).shape == (4, 0)


def test_bands_are_cut_where_their_words_say():
    values = [1_234_561.0, 1_234_567, 1_234_568, 1_234_569, 9_876_543, 9_876_544]
    features = [feature("savings", protected=True)]
    found = evidence.protected_groups(pd.DataFrame({"savings": values}), features)["savings"]
    # quartiles 1234567, 1234568 and 9876543: the first two read alike
    words = ["below 1.23457e+06", "1.23457e+06 to 9.87654e+06", "9.87654e+06 or more"]
    assert found.cat.categories.tolist() == words
    assert found.cat.codes.tolist() == [0, 0, 0, 0, 2, 2]


def test_a_special_code_is_no_band():
    people = pd.DataFrame({"age": [-9.0, 20, 30, 40, 50, -9.0]})
    coded = feature("age", protected=True, special_codes={-9.0: "not given"})
    found = evidence.protected_groups(people, [coded], n_bands=2)["age"]
    assert found.isna().tolist() == [True, False, False, False, False, True]
    assert found.dropna().tolist() == ["below 30", "30 or more", "30 or more", "30 or more"]


def by_hand():
    """Group → applicants, approved, loans with a known outcome, bads; predicted 10 %."""
    cells = {
        "a": (200, 100, 80, 8),
        "b": (400, 120, 100, 30),
        "c": (50, 50, 40, 0),
        "d": (30, 0, 0, 0),
    }
    rows = []
    for group, (n, approved, loans, bad) in cells.items():
        y = [1.0] * bad + [0.0] * (loans - bad) + [NAN] * (n - loans)
        rows.append(pd.DataFrame(
            {"group": group, "approved": np.arange(n) < approved, "y": y, "p": 0.1}
        ))  # fmt: skip
    nobody = pd.DataFrame({"group": None, "approved": [True], "y": [1.0], "p": [0.9]})
    return pd.concat([*rows, nobody], ignore_index=True)


def fairness_of(rows, **settings):
    groups = rows[["group"]].astype("category")
    return evidence.fairness_table(rows["approved"], rows["y"], rows["p"], groups, **settings)


def test_impact_ratio_and_its_interval_by_hand():
    found = fairness_of(by_hand(), min_rows=100)
    assert found.index.tolist() == [("group", name) for name in "abcd"]
    assert found.index.names == ["attribute", "group"]
    assert list(found.columns) == [
        "applicants", "approval_rate", "impact_ratio", "impact_low", "impact_high",
        "is_reference", "below_four_fifths", "beyond_chance", "loans", "bad", "bad_rate",
        "bad_low", "bad_high", "predicted_rate", "expected_bad", "bads_to_expected", "bads_low",
        "bads_high", "p_value", "adjusted_p_value",
    ]  # fmt: skip
    found = found.loc["group"]
    assert found["applicants"].tolist() == [200, 400, 50, 30]
    assert found["approval_rate"].tolist() == [0.5, 0.3, 1.0, 0.0]
    # c has the highest rate, but fewer than 100 applicants: a is the reference
    assert found["impact_ratio"].tolist() == pytest.approx([1, 0.6, 2, 0])
    # Newcombe's formula as it is printed, of the Jeffreys limits of both rates
    a_low, a_high = stats.beta.ppf([0.025, 0.975], 100.5, 100.5)
    for name, rate, (low, high) in (
        ("b", 0.3, stats.beta.ppf([0.025, 0.975], 120.5, 280.5)),
        ("c", 1.0, (stats.beta.ppf(0.025, 50.5, 0.5), 1.0)),
        ("d", 0.0, (0.0, stats.beta.ppf(0.975, 0.5, 30.5))),
    ):
        product, ends = rate * 0.5, []
        for own, other, sign in ((low, a_high, -1), (high, a_low, 1)):
            of_other = other * (2 * 0.5 - other)
            root = np.sqrt(product**2 - own * (2 * rate - own) * of_other)
            ends.append((product + sign * root) / of_other)
        assert found.loc[name, ["impact_low", "impact_high"]].tolist() == pytest.approx(ends)
    assert found.loc["a", ["impact_low", "impact_high"]].tolist() == [1, 1]
    # on the log scale a group approved to the last one would add no error of its own
    assert found.loc["c", "impact_low"] < 2 * 0.5 / a_high
    assert found["below_four_fifths"].tolist() == [False, True, False, True]
    assert found["is_reference"].tolist() == [True, False, False, False]
    assert found["beyond_chance"].tolist() == [False, True, False, True]


def test_outcomes_of_a_group_against_what_was_predicted():
    rows = by_hand()
    # what is predicted where nobody knows the outcome is not held against it
    rows.loc[rows["y"].isna(), "p"] = 0.9
    found = fairness_of(rows, min_rows=100, level=0.9).loc["group"]
    assert found["loans"].tolist() == [80, 100, 40, 0]
    assert found["bad_rate"].tolist()[:3] == [0.1, 0.3, 0.0]
    low, high = stats.beta.ppf([0.05, 0.95], 8.5, 72.5)
    assert found.loc["a", ["bad_low", "bad_high"]].tolist() == pytest.approx([low, high])
    assert found.loc["c", "bad_low"] == 0
    assert found["predicted_rate"].tolist()[:3] == pytest.approx([0.1] * 3)
    assert found["bad"].tolist() == [8, 30, 0, 0]
    assert found["expected_bad"].tolist()[:3] == pytest.approx([8, 10, 4])
    low, high = stats.beta.ppf(0.05, 30, 71), stats.beta.ppf(0.95, 31, 70)
    ends = found.loc["b", ["bads_to_expected", "bads_low", "bads_high"]].tolist()
    assert ends == pytest.approx([3, low / 0.1, high / 0.1])
    p_value = stats.binomtest(30, 100, 0.1).pvalue
    assert found.loc["b", "p_value"] == pytest.approx(p_value)
    # of the four groups three have a loan with an outcome
    assert found.loc["b", "adjusted_p_value"] == pytest.approx(3 * p_value)
    assert found.loc["a", "adjusted_p_value"] == 1
    assert found.loc["d", ["p_value", "adjusted_p_value", "bads_low"]].isna().all()
    assert found.loc["d", ["bad_rate", "bad_low", "bad_high", "predicted_rate"]].isna().all()
    narrow = np.log(found["impact_high"] / found["impact_low"])["b"]
    wide = fairness_of(by_hand(), min_rows=100, level=0.99).loc["group"]
    ratio = np.log(wide["impact_high"] / wide["impact_low"])["b"] / narrow
    assert ratio == pytest.approx(stats.norm.ppf(0.995) / stats.norm.ppf(0.95), rel=0.01)


def test_a_ratio_below_four_fifths_is_beyond_chance_for_all_groups_together():
    # 100 of 100 against so many of 1,000: at 95 % the upper end of one group lies below
    rows = np.repeat([True, False], [700, 300])
    of_group = np.repeat([True, False], [515, 485])
    for n_others, surely in ((1, True), (12, False)):
        approved = np.concatenate([rows, *[of_group] * n_others])
        names = ["best", *(f"group {n:02d}" for n in range(n_others))]
        groups = pd.DataFrame({"region": np.repeat(names, 1000)})
        blank = np.full(len(groups), NAN)
        found = evidence.fairness_table(approved, blank, np.full(len(groups), 0.1), groups)
        one = found.loc[("region", "group 00")]
        assert one["impact_high"] < 0.8
        assert one["beyond_chance"] == surely
        assert not found.loc[("region", "best"), "beyond_chance"]


def declined_by(n: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Young people whom a rule on age declines, and others whom points decline now and then."""
    age = np.repeat([18.0, 19.0, 30.0, 40.0, 56.0], n // 5)
    reason = np.where(np.isin(age, [18, 19, 56]), "age", None).astype(object)
    spared = np.arange(n) % 10 == 0
    reason[spared] = None
    reason[(age == 30) & (np.arange(n) % 4 == 1)] = "points"
    reason[(age == 40) & (np.arange(n) % 4 == 2)] = "points"
    people = pd.DataFrame({"age": age, "approved": pd.isna(reason), "declined_reason": reason})
    groups = pd.DataFrame({"Age": np.where(age < 25, "below 25", "25 or more")})
    return people, groups


def test_reasons_that_decline_a_group_are_counted_against_the_others():
    people, groups = declined_by()
    found = evidence.declines_by_group(people, groups)
    row = found.loc[("Age", "below 25", "age")]
    assert row[["applicants", "declined"]].tolist() == [160, 144]
    assert row["share"] == pytest.approx(0.9)
    assert row["share_of_others"] == pytest.approx(72 / 240)
    # Newcombe's method 10, of Wilson's intervals
    (low, high), (least, most) = (
        stats.binomtest(k, n).proportion_ci(method="wilson") for k, n in ((144, 160), (72, 240))
    )
    ends = [
        0.6 - np.hypot(0.9 - low, most - 0.3),
        0.6 + np.hypot(high - 0.9, 0.3 - least),
    ]
    assert row[["low", "high"]].tolist() == pytest.approx(ends)
    assert row["beyond_chance"]
    # without whom the reason declined, all that are left of the young are approved
    others = (240 - 72 - 40) / (240 - 72)
    assert row["impact_ratio"] == pytest.approx((16 / 160) / (128 / 240))
    assert row["ratio_without"] == pytest.approx(1 / others)
    assert not found.loc[("Age", "25 or more", "age"), "beyond_chance"] or (
        found.loc[("Age", "25 or more", "age"), "difference"] < 0
    )
    heavy = evidence.heavy_reasons(found)
    assert set(heavy.index) == {("Age", "below 25", "age"), ("Age", "25 or more", "points")}
    large = evidence.declines_by_group(people, groups, min_rows=200)
    assert set(large.index.get_level_values("group")) == {"25 or more"}
    assert evidence.declines_by_group(people, groups[[]]).empty
    with pytest.raises(ValueError, match="rows"):
        evidence.declines_by_group(people, groups.head(3))


@pytest.mark.parametrize(("n_declined", "surely"), [(31, False), (40, True)])
def test_a_reason_weighs_beyond_chance_among_all_that_are_compared(n_declined, surely):
    reason = np.full(400, None, dtype=object)
    reason[:n_declined] = reason[200:216] = "points"
    people = pd.DataFrame({"approved": pd.isna(reason), "declined_reason": reason})
    groups = pd.DataFrame({"sex": np.repeat(["f", "m"], 200)})
    table = [[n_declined, 200 - n_declined], [16, 184]]
    assert stats.fisher_exact(table).pvalue < 0.05  # alone it would seem so
    row = evidence.declines_by_group(people, groups).loc[("sex", "f", "points")]
    assert row["beyond_chance"] == surely


def test_a_reason_that_is_a_rule_on_a_protected_attribute_is_found():
    people, _ = declined_by()
    age = feature("age", protected=True)
    found = evidence.rules_on_attributes(people, [age])
    assert found.index.tolist() == [(age.label, "age")]
    assert found.iloc[0].tolist() == [216, "18 to 19 or 56"]
    assert evidence.rules_on_attributes(people, [feature("age")]).empty
    # half of them spared is no rule on the attribute
    half = people.assign(declined_reason=people["declined_reason"].where(np.arange(400) % 2 == 0))
    half["approved"] = half["declined_reason"].isna()
    assert evidence.rules_on_attributes(half, [age]).empty
    few = people[people.index % 20 == 1]
    assert evidence.rules_on_attributes(few, [age]).empty


def test_the_groups_tested_add_up_to_the_statistic():
    rng = np.random.default_rng(5)
    score = rng.integers(500, 700, 3_000).astype(float)

    def chance(points):
        return 1 / (1 + np.exp((np.asarray(points) - 500) / 40))

    y = (rng.random(3_000) < chance(score)).astype(float)
    y[(score > 600) & (rng.random(3_000) < 0.1)] = 1
    y[:50] = NAN
    scores = pd.DataFrame({"card": score, "trees": score - 5})
    found = evidence.calibration_bands(y, scores, chance)
    accuracy = metrics.accuracy_table(y, scores.apply(chance))
    for model in scores:
        own = found.loc[model]
        assert own["part"].sum() == pytest.approx(accuracy.loc[model, "hosmer_lemeshow"])
        assert (own["expected"] >= 5).all()
        for _, row in own.iterrows():
            here = scores[model].between(row["score_low"], row["score_high"]) & ~np.isnan(y)
            assert (here.sum(), y[here].sum()) == (row["n"], row["bad"])
            assert row["expected"] == pytest.approx(chance(scores[model][here]).sum())
        assert (own["score_low"].to_numpy()[:-1] > own["score_high"].to_numpy()[1:]).all()
        p_value = stats.binomtest(
            int(own["bad"].iloc[0]), int(own["n"].iloc[0]),
            own["expected"].iloc[0] / own["n"].iloc[0],
        ).pvalue  # fmt: skip
        assert own["adjusted_p_value"].iloc[0] == pytest.approx(min(p_value * len(own), 1))
        assert own["side"].iloc[0] == "understated"


def test_labels_and_approvals_may_be_nullable_and_never_unsaid():
    groups = pd.DataFrame({"Sex": ["f", "m", "f", "m"]})
    y = pd.Series([0, 1, pd.NA, 0], dtype=object)
    found = evidence.fairness_table([True, False, True, True], y, [0.1] * 4, groups)
    assert found["loans"].tolist() == [1, 2]
    for unsaid in ([1.0, 0.0, NAN, 1.0], pd.array([True, False, None, True], dtype="boolean")):
        with pytest.raises(ValueError, match="approved must be true or false everywhere"):
            evidence.fairness_table(unsaid, y, [0.1] * 4, groups)
    rates = evidence.calibration_by_segment(y, pd.DataFrame({"card": [0.1] * 4}), groups)
    assert rates["loans"].tolist() == [1, 2]
    ranks = evidence.ranking_by_segment(y, [1, 2, 3, 4], [1, 2, 3, 4], groups)
    assert ranks["bad"].tolist() == [0, 1]


@pytest.mark.parametrize("dtype", ["float64", "object", "Int64"])
def test_a_missing_value_beside_codes_is_no_code_whatever_the_type(dtype):
    coded = [feature(name, family="bureau", special_codes={-9.0: "no record"}) for name in "ab"]
    people = pd.DataFrame({"a": [-9, -9, 1], "b": pd.Series([-9, None, 2], dtype=dtype)})
    table = evidence.segments(people.astype(dtype), coded)
    assert table["bureau"].tolist() == ["no record", "others", "others"]


def test_a_protected_yes_or_no_is_said_so():
    people = pd.DataFrame({"union": [True, False, True]})
    groups = evidence.protected_groups(people, [feature("union", protected=True)])
    assert groups.iloc[:, 0].tolist() == ["yes", "no", "yes"]


def test_where_all_groups_are_tiny_none_is_the_reference():
    found = fairness_of(by_hand(), min_rows=401).loc["group"]
    assert found[["impact_ratio", "impact_low", "impact_high"]].isna().all(axis=None)
    assert not found["below_four_fifths"].any()
    assert fairness_of(by_hand(), min_rows=400).loc[("group", "b"), "impact_ratio"] == 1
    assert fairness_of(by_hand(), min_rows=50).loc[("group", "c"), "impact_ratio"] == 1


def test_the_approval_rate_of_all_counts_those_who_tell_no_group():
    approved = np.arange(8) < 5
    groups = pd.DataFrame({"Sex": ["f", "m", None, None, None, None, "f", "m"]})
    found = evidence.fairness_table(approved, np.full(8, NAN), np.full(8, 0.1), groups)
    assert found["applicants"].sum() == 4
    assert found.attrs["approval_rate"] == 5 / 8


def test_where_nobody_is_approved_there_is_no_ratio():
    found = fairness_of(by_hand().assign(approved=False))
    assert (found["approval_rate"] == 0).all()
    assert found["impact_ratio"].isna().all()
    assert not found["below_four_fifths"].any()


def test_bands_come_in_the_order_of_their_numbers():
    age = np.tile([5.0, 9, 10, 100, 101, 200, 300, 1000], 20)
    groups = evidence.protected_groups(pd.DataFrame({"age": age}), [feature("age", protected=True)])
    found = evidence.fairness_table(np.ones(160), np.zeros(160), np.full(160, 0.1), groups)
    order = found.index.get_level_values("group").tolist()
    assert order == ["below 9", "9 to 100", "100 to 200", "200 or more"]
    assert found["applicants"].tolist() == [20, 40, 40, 60]


def test_an_attribute_nobody_gives_has_no_rows():
    people = pd.DataFrame({"age": [NAN, NAN], "sex": ["f", "m"]})
    both = [feature("age", protected=True), feature("sex", kind="category", protected=True)]
    groups = evidence.protected_groups(people, both)
    found = evidence.fairness_table([True, False], [0, 1], [0.1, 0.1], groups, min_rows=1)
    assert found.index.tolist() == [("sex", "f"), ("sex", "m")]
    for none in (groups[["age"]], groups[[]]):
        empty = evidence.fairness_table([True, False], [0, 1], [0.1, 0.1], none)
        assert len(empty) == 0
        assert empty.index.names == ["attribute", "group"]


def test_a_refit_has_the_settings_and_none_of_what_was_learned():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=600), "b": rng.normal(size=600)})
    y = pd.Series((rng.random(600) < 1 / (1 + np.exp(1 - X["a"]))).astype(int))
    card = Scorecard(features=["a"], scale=ScoreScale(pdo=40)).fit(X, y)
    again = evidence.refit(card, X[300:], y[300:])
    assert again is not card
    assert again.score_scale == card.score_scale
    assert again.binner_.bins_["a"].counts.sum() == 300
    assert card.binner_.bins_["a"].counts.sum() == 600


def test_scores_with_no_feature_that_tells_are_all_alike():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=600), "silent": 1.0})
    y = pd.Series((rng.random(600) < 1 / (1 + np.exp(1 - X["a"]))).astype(int))
    told = evidence.scores_with(Scorecard(), X, y, X, ["a", "silent"])
    assert (told == Scorecard().fit(X, y).credit_score(X)).all()
    assert (evidence.scores_with(Scorecard(), X, y, X, ["silent"]) == 0).all()
    with pytest.raises(ValueError, match="y needs goods"):
        evidence.scores_with(Scorecard(), X, y * 0, X, ["a"])


def test_scores_with_all_features_are_those_of_the_model_itself_in_whatever_order():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(900, 3)), columns=["c", "a", "b"])
    y = pd.Series((rng.random(900) < 1 / (1 + np.exp(1 - X["a"] - X["b"]))).astype(int))
    trees = Challenger(feature_share=0.6)
    told = evidence.scores_with(trees, X, y, X, ["a", "b", "c"])
    assert (told == evidence.refit(trees, X, y).credit_score(X)).all()


def test_a_card_of_some_features_takes_the_bins_that_are_there():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(900, 3)), columns=["c", "a", "b"])
    y = pd.Series((rng.random(900) < 1 / (1 + np.exp(1 - X["a"] - X["b"]))).astype(int))
    card = Scorecard(WoeBinner(), max_p_value=None)
    bins = WoeBinner().fit(X, y)
    anew = evidence.scores_with(card, X, y, X, ["a", "b"])
    assert (evidence.scores_with(card, X, y, X, ["a", "b"], binner=bins) == anew).all()
    groups = pd.Series(np.arange(900) // 9)
    tested = Scorecard(bins).fit(X, y, groups=groups).credit_score(X)
    told = evidence.scores_with(Scorecard(), X, y, X, list(X), groups=groups, binner=bins)
    assert (told == tested).all()
    others = WoeBinner(max_bins=2).fit(X, y)
    assert (evidence.scores_with(card, X, y, X, ["a", "b"], binner=others) != anew).any()


def test_refits_keep_a_customers_loans_in_one_fold():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(900, 2)), columns=["a", "b"]).sample(frac=1, random_state=1)
    y = pd.Series((rng.random(900) < 1 / (1 + np.exp(1 - X["a"]))).astype(int), index=X.index)
    customers = pd.Series(np.arange(900) // 9, name="customer_id")
    trees = Challenger(n_leaves=3, learning_rate=0.1, patience_rounds=5)
    itself = trees.fit(X, y, groups=customers[X.index]).credit_score(X)
    for refitted in (
        evidence.refit(trees, X, y, groups=customers).credit_score(X),
        evidence.scores_with(trees, X, y, X, ["a", "b"], groups=customers),
    ):
        assert (refitted == itself).all()
    assert (evidence.refit(trees, X, y).credit_score(X) != itself).any()


def test_many_terms_are_cut_into_bands_and_the_parts_of_one_table_agree_on_them():
    people = pd.DataFrame({"term_months": [*range(1, 13), *range(25, 37)]})
    found = evidence.segments(people, [])["term"]
    words = ["1) below 6", "2) 6 to 12", "3) 12 to 30", "4) 30 or more"]
    assert found.tolist() == np.repeat(words, [5, 6, 6, 7]).tolist()
    # cut apart, half of them would be other bands, and few enough terms none
    assert set(evidence.segments(people[12:], [])["term"]).isdisjoint(words)
    assert evidence.segments(people[:8], [])["term"].tolist() == [str(t) for t in range(1, 9)]


def test_parts_ranked_in_reverse_by_chance_are_shown_without_a_warning():
    y = np.tile([0, 1], 100)
    backwards = 10.0 * y + np.tile([0, 0, 0, 0, 20], 40)
    table = evidence.ranking_by_segment(
        y, backwards, backwards, pd.DataFrame({"channel": ["app"] * 200})
    )
    assert table["auc_a"].between(0.1, 0.4).tolist() == [True]


# -- what decides, and grades that a model states --------------------------------------------------


def rule(**said):
    given = {"model": "", "cutoff": NAN, "is_behind": True, "is_taken": False}
    return given | {"is_recommended": False} | said


@pytest.fixture
def decided():
    """Eight applicants of two groups, five of them approved, with scores of two models."""
    scores = pd.DataFrame(
        {
            "approved": [True, True, True, True, True, False, False, False],
            "default_flag": [0.0, 1.0, 0.0, NAN, 0.0, NAN, NAN, NAN],
            "scorecard": [5, 4, 3, 2, 1, 8, 7, 6],
            "challenger": [1, 2, 3, 4, 5, 6, 7, 8],
        }
    )
    groups = pd.DataFrame({"group": list("aabbabab")}, dtype="category")
    chances = pd.DataFrame({"scorecard": 0.1, "challenger": scores["challenger"] / 10})
    return scores, chances, groups


@pytest.mark.parametrize(
    ("best", "name", "passed"),
    [
        ({"model": "challenger", "cutoff": 3}, "recommended rule", [2, 3, 4]),
        ({"model": "scorecard", "cutoff": 3}, "recommended rule", [0, 1, 2]),
        ({"model": "challenger", "cutoff": 6, "is_behind": False}, "recommended rule", [5, 6, 7]),
        (
            {"model": "challenger", "cutoff": 3, "is_recommended": False},
            "best cutoff, not recommended",
            [2, 3, 4],
        ),
    ],
)
def test_a_rule_approves_whom_it_says(decided, best, name, passed):
    scores, chances, groups = decided
    other = rule(model="scorecard", cutoff=8, is_behind=False)
    rows = [rule(), other, rule(**{"is_taken": True, "is_recommended": True} | best)]
    found = evidence.fairness_of_rules(scores, chances, groups, pd.DataFrame(rows))
    assert list(found) == ["today's policy", name]
    who = np.isin(np.arange(8), passed)
    expected = evidence.fairness_table(who, scores["default_flag"], chances[best["model"]], groups)
    pd.testing.assert_frame_equal(found[name], expected)
    assert found[name].attrs["approval_rate"] == pytest.approx(3 / 8)
    today = found["today's policy"]
    assert today.attrs["approval_rate"] == pytest.approx(5 / 8)
    assert not {"predicted_rate", "expected_bad", "adjusted_p_value"} & set(today)
    assert today.loc[("group", "a"), "approval_rate"] == pytest.approx(3 / 4)


def test_where_nobody_was_declined_there_is_no_policy_to_judge(decided):
    scores, chances, groups = decided
    everybody = rule(is_behind=False, is_recommended=True)
    rules = pd.DataFrame([everybody])
    assert evidence.fairness_of_rules(scores, chances, groups, rules) == {}
    none = evidence.fairness_of_rules(scores, chances, groups[[]], pd.DataFrame([rule()]))
    assert none["today's policy"].empty
    with pytest.raises(ValueError, match="groups"):
        evidence.fairness_of_rules(scores, chances, groups.head(3), rules)


def test_each_model_approves_the_share_asked_for(decided):
    scores, chances, groups = decided
    models = scores[["scorecard", "challenger"]]
    found = evidence.fairness_at_rate(
        models, scores["default_flag"], chances, groups, approval_rate=0.5
    )
    assert list(found) == ["scorecard", "challenger"]
    for name, table in found.items():
        assert table.attrs["approval_rate"] == pytest.approx(0.5)
        who = models[name] >= 5
        again = evidence.fairness_table(who, scores["default_flag"], chances[name], groups)
        pd.testing.assert_frame_equal(table, again)


def test_stated_grades_are_right_where_the_probabilities_are():
    rng = np.random.default_rng(3)
    taught, later = rng.integers(500, 600, 20_000), rng.integers(500, 600, 20_000)

    def chance(points):
        return 1 / (1 + np.exp((np.asarray(points) - 500) / 25))

    judged = metrics.score_counts(later, (rng.random(20_000) < chance(later)).astype(float))
    found = evidence.stated_grades(taught, chance, judged)
    assert len(found) == 10
    assert found["n"].between(1_600, 2_400).all()
    assert (np.diff(found["probability"]) > 0).all()
    band = taught[(taught >= found["score_low"][3]) & (taught < found["score_high"][3])]
    assert found["probability"][3] == pytest.approx(chance(band).mean())
    assert (found["light"] != "green").sum() <= 2
    # a model that states half of what comes is found out, whatever its training loans did
    off = evidence.stated_grades(taught, lambda points: chance(points) / 2, judged)
    assert (off["light"] == "red").all()
    assert (off["side"] == "understated").all()
    # as one that states twice as much is, which no one-sided test sees
    off = evidence.stated_grades(taught, lambda points: np.minimum(2 * chance(points), 1), judged)
    assert (off["light"] == "red").all()
    assert (off["side"] == "overstated").all()
    with pytest.raises(ValueError, match="score"):
        evidence.stated_grades([1.0, NAN], chance, judged)


# -- worse than today? -----------------------------------------------------------------------------


def test_a_change_of_impact_ratio_worked_by_hand():
    groups = pd.DataFrame({"Age": ["old"] * 400 + ["young"] * 400 + ["few"] * 5 + [None] * 9})
    old, young = np.arange(400), np.arange(400)
    rest = np.ones(14, dtype=bool)
    before = np.r_[old % 10 < 8, young % 10 < 6, rest]
    after = np.r_[old % 10 < 8, young % 10 < 4, rest]
    table = evidence.impact_changes(before, after, groups)
    row = table.loc[("Age", "young")]
    assert row[["before", "after", "change"]].tolist() == pytest.approx([0.75, 0.5, -0.25])
    assert bool(row["beyond_chance"])
    assert table.loc[("Age", "old"), "after"] == 1
    assert table.loc[[("Age", "old"), ("Age", "few")], "change"].isna().all()
    text = evidence.impact_changes_text(table)
    assert "**worse than today**: Age young 0.750 to 0.500" in text.replace("\\", "")
    back = evidence.impact_changes_text(evidence.impact_changes(after, before, groups))
    assert "better than today: Age young 0.500 to 0.750" in back.replace("\\", "")
    same = evidence.impact_changes(before, before, groups)
    assert same.loc[("Age", "young"), ["change", "low", "high"]].tolist() == [0, 0, 0]
    assert "none has an impact ratio that differs" in evidence.impact_changes_text(same)
    nobody = evidence.impact_changes(before & False, after, groups)
    assert "could not be compared" not in evidence.impact_changes_text(table)
    assert "No protected group could be compared" in evidence.impact_changes_text(nobody)
    assert evidence.impact_changes(before, after, groups[[]]).empty


def test_the_interval_of_a_change_is_as_wide_as_samples_differ():
    rng = np.random.default_rng(5)
    groups = pd.DataFrame({"Age": ["old"] * 600 + ["young"] * 400})
    rates = np.r_[np.full(600, 0.8), np.full(400, 0.6)]
    changes, widths = [], []
    for _ in range(300):
        before = rng.random(1000) < rates
        after = before & (rng.random(1000) < np.r_[np.full(600, 0.95), np.full(400, 0.85)])
        row = evidence.impact_changes(before, after, groups).loc[("Age", "young")]
        changes.append(row["change"])
        widths.append((row["high"] - row["low"]) / (2 * 1.959964))
    assert np.mean(widths) == pytest.approx(np.std(changes), rel=0.12)


def test_applications_of_one_customer_are_drawn_together():
    groups = pd.DataFrame({"Age": ["old"] * 300 + ["young"] * 200})
    before = np.r_[np.arange(300) % 10 < 8, np.arange(200) % 10 < 6]
    after = np.r_[np.arange(300) % 10 < 8, np.arange(200) % 10 < 5]
    twice = pd.concat([groups, groups], ignore_index=True)
    customer = pd.Series(np.tile(np.arange(500), 2))
    once = evidence.impact_changes(before, after, groups)
    both = evidence.impact_changes(np.tile(before, 2), np.tile(after, 2), twice, clusters=customer)
    pd.testing.assert_frame_equal(once, both)
