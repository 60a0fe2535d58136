"""What the data look like, by hand."""

import numpy as np
import pandas as pd

from riskkit import profile, schema, target
from riskkit.schema import Feature


def test_code_profile_by_hand():
    frame = pd.DataFrame({"a": [1.0, -9.0], "b": [-9.0, -9.0], "c": [-8.0, 0.0]})
    missing = {-9.0: "no record"}
    features = [
        schema.Feature(name="a", label="A", family="x", special_codes=missing),
        schema.Feature(name="b", label="B", family="x", special_codes=missing),
        schema.Feature(name="c", label="C", family="x", special_codes={-8.0: "not asked"}),
    ]
    table = profile.code_profile(frame, features)
    assert list(table.index) == [(-9.0, "no record"), (-8.0, "not asked")]
    assert list(table["holds"]) == ["A, B", "C"]
    assert list(table["features"]) == [2, 1]
    assert list(table["special_rate"]) == [0.75, 0.5]
    assert profile.code_profile(frame, []).empty


def test_family_profile_by_hand():
    frame = pd.DataFrame(
        {
            "a": [1.0, -9.0, np.nan, np.nan],
            "b": [1.0, 2.0, 3.0, np.nan],
            "sex": ["f", "m", None, "f"],
            "paid": [1.0, 2.0, 3.0, 4.0],
            **{f"n{i}": [0.0] * 4 for i in range(5)},
        }
    )
    features = [
        schema.Feature(name="a", label="A", family="bureau", special_codes={-9.0: "none"}),
        schema.Feature(name="sex", label="Sex", family="person", kind="category", protected=True),
        schema.Feature(name="b", label="B", family="bureau"),
        schema.Feature(name="paid", label="Paid", family="bureau", known_afterwards=True),
        *(schema.Feature(name=f"n{i}", label=f"N{i}", family="nil") for i in range(5)),
    ]
    table = profile.family_profile(frame, features)
    assert list(table.index) == ["bureau", "person", "nil"]
    assert list(table["holds"]) == ["A, B, Paid", "Sex", "N0, N1, N2 and 2 more"]
    assert list(table["features"]) == [3, 1, 5]
    assert list(table["offered"]) == [2, 0, 5]
    np.testing.assert_allclose(table["missing_rate"], [(0.5 + 0.25) / 3, 0.25, 0])
    np.testing.assert_allclose(table["special_rate"], [0.25 / 3, 0, 0])


def test_sample_sizes_show_months_only_where_they_are_known():
    rows = np.arange(600)
    applications = pd.DataFrame(
        {
            "application_id": rows.astype(str),
            "customer_id": rows.astype(str),
            "applied_at": pd.Timestamp("2023-01-01") + pd.to_timedelta(rows % 365, "D"),
            "default_flag": (rows % 5 == 0).astype(float),
        }
    )
    samples = applications.assign(sample=target.assign_samples(applications).to_numpy())
    table = profile.sample_sizes(samples)
    assert list(table.index) == ["train", "test", "out_of_time"]
    assert table.loc["train", "first"] == "2023-01"
    plain = profile.sample_sizes(samples.drop(columns="applied_at"))
    pd.testing.assert_frame_equal(plain, table.drop(columns=["first", "last"]))


def test_profile_of_no_feature_has_its_columns():
    table = profile.feature_profile(pd.DataFrame({"x": [1]}), [])
    assert len(table) == 0
    assert {"label", "missing_rate", "special_rate", "median", "use"} <= set(table)
    assert table.index.name == "feature"


def test_spans_are_the_longest_of_which_there_are_several():
    def spans(*days):
        periods, name = profile.longest_span(pd.Series(pd.to_datetime(list(days))))
        return name, periods.astype("str").tolist()

    assert spans("2023-12-31", "2024-01-01") == ("calendar year", ["2023", "2024"])
    assert spans("2024-03-31", "2024-04-01") == ("quarter", ["2024Q1", "2024Q2"])
    assert spans("2024-01-31", "2024-02-01") == ("month", ["2024-01", "2024-02"])
    assert spans("2024-01-01", "2024-01-02")[0] == "day"
    assert spans("2024-01-01", "2024-01-01")[0] == "day"


def test_one_month_is_named_once():
    days = pd.to_datetime(["2024-01-01", "2024-01-31"])
    assert profile.period_text(pd.DataFrame({"applied_at": days})) == "in January 2024"


def test_a_period_of_one_row_has_no_psi():
    rows = pd.DataFrame({"a": np.arange(41.0)})
    period = pd.Series(["first"] * 20 + ["second"] * 20 + ["third"])
    feature = schema.Feature(name="a", label="a", family="f")
    table = profile.drift_table(rows, [feature], period, base=period == "first")
    assert table.loc[("a", "second"), "psi"] > 0
    assert table.loc[("a", "third"), ["psi", "psi_critical", "light"]].isna().all()


def moves_of(psi, critical=0.05):
    index = pd.MultiIndex.from_product([psi, ["2023Q4", "2024Q1"]], names=["feature", "period"])
    values = [value for pair in psi.values() for value in pair]
    return pd.DataFrame({"psi": values, "psi_critical": critical}, index)


def test_moved_is_above_a_tenth_and_above_chance_in_the_latest_period():
    drift = moves_of({"calm": (0.5, 0.01), "some": (0.0, 0.12), "most": (0.0, 0.4)})
    moved = profile.moved_features(drift)
    assert moved.index.tolist() == ["most", "some"]
    assert moved["period"].tolist() == ["2024Q1", "2024Q1"]
    labels = {"most": "Most*", "some": "Some", "calm": "Calm"}
    assert profile.moved_text(drift, labels, "all applicants") == (
        r"among all applicants, to 2024Q1, 2 of 3 features have moved: Most\*, Some"
    )
    by_chance = moves_of({"some": (0.0, 0.12)}, critical=0.2)
    assert profile.moved_features(by_chance).empty
    assert profile.moved_text(by_chance, labels, "booked loans") == (
        "among booked loans, to 2024Q1, none of 1 features has moved"
    )
    none = drift.iloc[:0]
    assert profile.moved_features(none).empty
    assert "none is later than the first" in profile.moved_text(none, labels, "all")


def test_special_codes_are_told_by_their_meaning_where_there_is_one():
    index = pd.MultiIndex.from_tuples(
        [("a", "[1, 2)"), ("a", "special -9"), ("a", "special -8, missing"), ("b", "special -9")],
        names=["feature", "bin"],
    )
    told = Feature(name="a", label="A", family="x", special_codes={-9.0: "no record", -8.0: ""})
    other = Feature(name="b", label="B", family="x", special_codes={-9.0: "blank"})
    found = profile.codes_in_words(pd.DataFrame({"rows": range(4)}, index), [told, other])
    assert found.index.get_level_values("bin").tolist() == [
        "[1, 2)", "no record (-9)", "special -8, missing", "blank (-9)",
    ]  # fmt: skip
    assert found["rows"].tolist() == [0, 1, 2, 3]
    quarterly = pd.concat({"2024Q1": found.iloc[:0]}, names=["period"])
    assert profile.codes_in_words(quarterly, [told]).empty
    by_quarter = pd.DataFrame({"rows": 1}, pd.MultiIndex.from_tuples([("a", "Q1", "special -9")]))
    assert profile.codes_in_words(by_quarter, [told]).index[0] == ("a", "Q1", "no record (-9)")
