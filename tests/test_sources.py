"""Own data through their mapping: what is read, and what is said of what cannot be."""

import re

import pandas as pd
import pytest
from own_data import INCOME, LABEL, OWN_CSV, OWN_MAPPING, PLAIN, changed

from riskkit import profile, schema
from riskkit.checks import DataContractError


def test_own_data_come_in_the_contracts_columns(own_source):
    source = schema.load_source(own_source())
    assert source.applications["amount"].tolist() == [100_050, 200_000, 50_000]
    assert source.applications["default_flag"].tolist() == [0, 1, 0]
    assert source.outcomes["event"].tolist() == ["prepaid", "default", "matured"]
    assert source.outcomes["event_mob"].tolist() == [5, 3, 7]
    assert source.applications["income"].isna().tolist() == [False, True, False]
    assert source.accepted_only
    assert source.rate_name == "share of booked kept"


def test_root_is_argument_then_environment_then_the_mappings_folder(
    own_source, tmp_path, monkeypatch
):
    path = own_source()
    data = tmp_path / "elsewhere"
    data.mkdir()
    (tmp_path / "loans.csv").rename(data / "loans.csv")
    with pytest.raises(DataContractError, match="no file at"):
        schema.load_source(path)
    monkeypatch.setenv("RISKKIT_DATA", str(data))
    assert len(schema.load_source(path).applications) == 3
    monkeypatch.setenv("RISKKIT_DATA", str(tmp_path))
    assert len(schema.load_source(path, root=data).applications) == 3


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        (OWN_CSV.replace("wanted", "wish"), "missing columns wanted; present: id, when, wish"),
        (OWN_CSV.replace("income", "salary"), "missing columns income"),
        (OWN_CSV.replace("last", "ultimo"), "missing columns last"),
        (
            OWN_CSV.replace("2023-02-15", "soon"),
            "applied_at: 1 row is not a date with the year first, such as 2023-07-05, row 2 of "
            "column when: found 'soon'",
        ),
        (
            OWN_CSV.replace("1000.50", "lots"),
            "amount: 1 row is not a number, row 1 of column wanted: found 'lots'",
        ),
        (
            OWN_CSV.replace(",6,", ",6.5,"),
            "term_months: 1 row is not a whole number, row 2 of column months: found '6.5'",
        ),
        (OWN_CSV.replace(",2000,", ",,"), "amount: 1 row is not filled, row 2 of column wanted$"),
        (
            OWN_CSV.replace("\n2,", "\n1,"),
            "application_id: 1 row repeats an earlier one, row 2 of column id: same",
        ),
        (
            OWN_CSV.replace(",500,", ",-500,"),
            "amount: 1 row is not at least 1, row 3 of column wanted: found '-500'",
        ),
        (
            OWN_CSV.replace("2023-01-15", "1823-01-15"),
            "applied_at: 1 row is not a date between 1990-01-01 and 2100-01-01, row 1 of column "
            r"when: found '1823-01-15'; missing: \['1823-01-15'\], if it stands for none",
        ),
        (OWN_CSV.replace("3000", "much"), "income: 1 row is not a number, row 1 of column income"),
        (OWN_CSV.replace("3000", "inf"), "income: 1 row is not a number, row 1 of column income"),
        (OWN_CSV.replace("lost", "paid"), "outcomes.event.default: 'lost' has no row, and is all"),
        (OWN_CSV.splitlines()[0] + "\n", "applications: no rows"),
        ("", "the file is empty"),
    ],
)
def test_bad_cells_are_named_with_column_row_and_expectation(own_source, csv, message):
    with pytest.raises(DataContractError, match=message):
        schema.load_source(own_source(csv=csv))


def test_a_label_and_features_are_enough(own_source, tmp_path):
    paid = [{"column": "months", "operator": "<", "value": 12}]
    source = schema.load_source(own_source(changed(**PLAIN, applications__rows=paid)))
    applications = source.applications
    # the rows of the file, counted from 1, the one filtered out too
    assert applications["application_id"].tolist() == ["2", "3"]
    assert applications["customer_id"].tolist() == ["2", "3"]
    assert not {"applied_at", "term_months"} & set(applications)
    assert applications["default_flag"].tolist() == [1, 0]
    assert source.observed_to is None
    assert source.notes[-1].startswith("The data do not say when anybody applied, so models are")
    assert profile.period_text(applications) == "without dates"
    assert profile.segment_rates(applications, ["channel", "term_months"]).empty
    source.save(tmp_path / "source.json")
    facts = schema.SourceFacts.load(tmp_path / "source.json")
    assert (facts.observed_to, facts.out_of_time_from) == (None, None)


def test_one_date_on_every_row_is_no_time_axis(own_source):
    csv = re.sub(r"2023-0\d-\d\d,(?=\d)", "2023-01-15,", OWN_CSV)
    mapping = changed(outcomes=..., label=LABEL, out_of_time_from="2023-01-01")
    source = schema.load_source(own_source(mapping, csv=csv))
    assert "applied_at" not in source.applications
    assert source.out_of_time_from is None
    assert source.notes[-1].startswith("Every application bears the date 2023-01-15, so models")
    two = schema.load_source(own_source(mapping))
    assert "applied_at" in two.applications
    assert two.notes == ()


def test_levels_give_codes_their_meaning(own_source):
    levels = {"3000": "much", "2500": "enough", "1": "nobody's"}
    job = INCOME | {"type": "category", "levels": levels}
    months = INCOME | {"column": "months", "type": "category", "levels": {12: "a year", 3: "short"}}
    source = schema.load_source(own_source(changed(features={"job": job, "length": months})))
    assert source.applications["job"].tolist()[::2] == ["much", "enough"]
    assert source.applications["length"].tolist() == ["a year", "6", "short"]
    assert "job: '1' never occurs in column income" in source.reading.warnings


def test_a_filter_that_cannot_work_is_named(own_source):
    only = {"applications__rows": [{"column": "months", "operator": ">=", "value": 6}]}
    assert len(schema.load_source(own_source(changed(**only))).applications) == 2
    for row, message in (
        ({"column": "moths", "operator": "==", "value": 1}, "missing columns moths"),
        ({"column": "months", "operator": ">", "value": 99}, "months > 99 was the last"),
        ({"column": "outcome", "operator": ">", "value": 1}, "outcome holds neither numbers nor"),
        ({"column": "months", "operator": ">", "value": "x"}, "the column holds numbers, and the"),
    ):
        with pytest.raises(DataContractError, match=message):
            schema.load_source(own_source(changed(applications__rows=[row])))


def test_database_source_needs_its_environment_variable(own_source, tmp_path, monkeypatch):
    block = {"sql": {"url_env": "MY_BOOK", "query": "SELECT * FROM loans"}}
    block["columns"] = OWN_MAPPING["applications"]["columns"]
    path = own_source(changed(applications=block))
    with pytest.raises(DataContractError, match="environment variable MY_BOOK is not set"):
        schema.check_source(path)
    import sqlalchemy

    url = f"sqlite:///{tmp_path / 'book.db'}"
    engine = sqlalchemy.create_engine(url)
    pd.read_csv(tmp_path / "loans.csv").to_sql("loans", engine, index=False)
    engine.dispose()
    monkeypatch.setenv("MY_BOOK", url)
    assert schema.load_source(path).applications["amount"].tolist() == [100_050, 200_000, 50_000]


def test_ids_keep_their_zeros_and_match_between_tables(own_source, tmp_path):
    csv = OWN_CSV.replace("\n1,", "\n001,").replace("\n2,", "\n002,").replace("\n3,", "\n003,")
    events = "loan,month,term,lent,what,when\n001,2023-01-01,12,5,prepaid,3\n002,2023-02-01,6,5,"
    (tmp_path / "events.csv").write_text(events + "default,3\n999,2023-02-01,6,5,default,3\n")
    columns = {
        "loan_id": "loan",
        "cohort": "month",
        "term_months": "term",
        "amount": "lent",
        "event": "what",
        "event_mob": "when",
    }
    mapping = changed(outcomes={"path": "events.csv", "columns": columns})
    source = schema.load_source(own_source(mapping, csv=csv))
    assert source.outcomes["loan_id"].tolist() == ["001", "002"]
    assert source.applications["default_flag"].tolist()[:2] == [0, 1]
    assert source.notes == ("1 booked loans have no row in outcomes, so no label.",)
    with pytest.raises(
        DataContractError, match=r"outcomes\.loan_id: no loan is a booked application"
    ):
        schema.load_source(own_source(mapping))


def test_a_ready_made_label_needs_no_book(own_source):
    mapping = changed(outcomes=..., label={"column": "outcome", "bad": ["lost"], "good": ["paid"]})
    source = schema.load_source(own_source(mapping))
    assert source.applications["default_flag"].tolist() == [0, 1, 0]
    assert source.bad_text == "labelled lost in outcome by its source"


def test_notes_are_text_never_markup(own_source):
    source = schema.load_source(own_source(changed(notes=["<script>alert(1)</script>"])))
    assert source.notes_text == r"- \<script\>alert\(1\)\<\/script\>"


def test_facts_survive_json(own_source, tmp_path):
    source = schema.load_source(own_source(changed(bad={"by_term": {12: 6}, "window_months": 3})))
    source.save(tmp_path / "source.json")
    facts = schema.SourceFacts.load(tmp_path / "source.json")
    for name in ("title", "bad", "observed_to", "out_of_time_from", "notes", "accepted_only"):
        assert getattr(facts, name) == getattr(source, name)


@pytest.mark.parametrize("amount", ["92233720368547758.07", "1e17", "-1e20", "1e306", "1e308"])
def test_an_amount_that_no_whole_number_holds_is_refused(own_source, amount):
    source = own_source(csv=OWN_CSV.replace("1000.50", amount))
    with pytest.raises(DataContractError, match=r"amount: 1 row is not "):
        schema.load_source(source)


@pytest.mark.parametrize("line", ["\x1e", "\x1e,,,,,,,", "\x1e,,,,,,", "\x1d,,,,,,,,"])
def test_no_line_of_theirs_is_taken_for_the_end_of_ours(own_source, line):
    source = own_source(csv=f"{OWN_CSV}{line}\n4,2023-03-01,500,3,paid,2023-09-01,2500\n")
    with pytest.raises(DataContractError, match=r"row 4|id"):
        schema.load_source(source)


@pytest.mark.parametrize("offset", ["+25:00", "+99:99", "-15:00", "+10:60"])
def test_an_offset_of_no_place_on_earth_makes_no_date(own_source, offset):
    source = own_source(csv=OWN_CSV.replace("2023-01-15", f"2023-01-15 10:00{offset}"))
    with pytest.raises(DataContractError, match="applied_at: 1 row is not a date"):
        schema.load_source(source)
