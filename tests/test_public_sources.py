"""The public sources: facts of ../shared/data/README.md."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from riskkit import profile, schema, target

PROJECT = Path(__file__).parents[1]


def test_lending_club_rows_and_charge_off_rate(lending_club):
    applications = lending_club.applications
    assert len(applications) == 39_786
    assert applications["default_flag"].mean() == pytest.approx(0.1425, abs=5e-5)
    assert (lending_club.outcomes["event"] != "censored").all()


def test_lending_club_policy_filter_keeps_the_years_apart(shared_data, own_source):
    raw = schema.read_table(shared_data / "lending_club" / "lending_club_2007_2011.csv.gz")
    by_year = pd.to_datetime(raw["issue_d"]).dt.year.value_counts().sort_index()
    assert by_year.to_dict() == {2007: 603, 2008: 2393, 2009: 5281, 2010: 12537, 2011: 21721}


def test_lending_club_charge_off_by_grade(lending_club):
    by_grade = lending_club.applications.groupby("grade")["default_flag"].mean() * 100
    assert by_grade.round(2).tolist() == [5.97, 11.91, 16.72, 21.22, 25.37, 30.65, 31.76]


def test_lending_club_samples_by_issue_month(lending_club):
    sample = target.assign_samples(
        lending_club.applications, out_of_time_from=lending_club.out_of_time_from
    )
    assert (sample == "out_of_time").sum() == 12_493
    assert sample.isin(["train", "test"]).sum() == 27_293


def test_lending_club_offers_no_column_known_afterwards(lending_club, lending_club_mapping):
    offered = {f.name for f in lending_club.features if f.offered}
    assert not offered & {"grade", "sub_grade", "int_rate", "total_pymnt", "recoveries"}
    columns = yaml.safe_load(lending_club_mapping.read_text())["features"]
    known_later = re.compile("total_(pymnt|rec)|recover|last_pymnt|settlement|^grade|int_rate")
    assert not [n for n in offered if known_later.search(columns[n]["column"])]


def test_german_credit_rows_and_bad_rate(german_credit):
    applications = german_credit.applications
    assert len(applications) == 1_000
    assert applications["default_flag"].sum() == 300
    assert applications["default_flag"].notna().all()
    assert applications["application_id"].is_unique
    assert "applied_at" not in applications
    assert (applications["term_months"] == applications["term_months"].astype(int)).all()
    assert applications["amount"].sum() == 327_125_800


def test_taiwan_rows_bad_rate_and_codes(taiwan_default):
    applications = taiwan_default.applications
    assert len(applications) == 30_000
    assert applications["default_flag"].mean() == pytest.approx(0.2212, abs=5e-5)
    assert not {"applied_at", "term_months"} & set(applications)
    assert applications["education"].value_counts()["not documented"] == 14 + 280 + 51
    assert applications["marital_status"].value_counts()["not documented"] == 54
    assert set(applications["sex"]) == {"male", "female"}
    ones = [int((applications[f"delay_{m}"] == 1).sum()) for m in ("sep", "aug", "jul", "jun")]
    assert ones == [3_688, 28, 4, 2]
    codes = profile.code_profile(applications, taiwan_default.features)
    assert [code for code, _ in codes.index] == [-2, -1, 0]
    assert (codes["features"] == 6).all()


@pytest.mark.parametrize(
    ("source", "n_columns", "protected"),
    [
        (
            "german_credit",
            20,
            {"personal_status_and_sex", "foreign_worker", "age_in_years"},
        ),
        ("taiwan_default", 23, {"SEX", "AGE", "MARRIAGE"}),
    ],
)
def test_all_columns_are_mapped_and_the_protected_ones_never_offered(
    source, n_columns, protected, request, shared_data
):
    loaded = request.getfixturevalue(source)
    mapping = yaml.safe_load((PROJECT / "data" / "sources" / f"{source}.yaml").read_text())
    column_of = {name: feature["column"] for name, feature in mapping["features"].items()}
    raw = schema.read_table(shared_data / source / mapping["applications"]["path"])
    assert set(raw) - set(column_of.values()) <= {mapping["label"]["column"], "ID"}
    assert len(column_of) == len(loaded.features) == n_columns
    assert {column_of[f.name] for f in loaded.features if f.protected} == protected
    # nothing in these files is known only afterwards, but the label
    assert not [f.name for f in loaded.features if f.known_afterwards]
    assert mapping["label"]["column"] not in column_of.values()
    for feature in loaded.features:
        assert feature.offered == (column_of[feature.name] not in protected)
        values = loaded.applications[feature.name]
        assert values.notna().all()
    assert "CC BY 4.0" in loaded.notes[0]
