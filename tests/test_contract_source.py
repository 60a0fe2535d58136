"""Files in the contract's columns are read piece by piece: checked, labelled, or refused."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from riskkit import schema, synthetic
from riskkit.checks import DataContractError
from riskkit.tables import write_table

FEATURES = ("age", "stated_income", "occupation", "channel")
N = 1_500


@pytest.fixture(scope="module")
def world():
    """A simulated lender, whose labels are known."""
    return synthetic.as_source(synthetic.Lender(), N, seed=3)


@pytest.fixture
def tables(world):
    """Its tables without labels, to be spoilt."""
    applications = world.applications.drop(columns="default_flag")
    found = {"applications": applications, "performance": world.performance}
    return {**found, "instalments": world.instalments}


def described(world):
    known = {one.name: one for one in world.features}
    return {
        name: {
            "column": name,
            "label": known[name].label if name in known else "Channel",
            "family": known[name].family if name in known else "application",
            "type": "number" if name in known and known[name].kind == "numeric" else "category",
        }
        for name in FEATURES
    }


@pytest.fixture
def stated(world):
    return {
        "name": "warehouse",
        "title": "Our warehouse",
        "currency": "CNY",
        "amounts_in": "minor",
        "in_contract": True,
        "observed_to": f"{world.observed_to:%Y-%m-%d}",
        **{name: {"path": name} for name in ("applications", "performance", "instalments")},
        "features": described(world),
    }


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Reads tables, written in files of 400 rows, in pieces of no more."""
    monkeypatch.setattr("riskkit.tables.table.BLOCK_ROWS", 400)

    def load(stated, tables, **asked):
        for name, frame in tables.items():
            (tmp_path / name).mkdir(exist_ok=True)
            for number, start in enumerate(range(0, len(frame), 400)):
                part = frame.iloc[start : start + 400].reset_index(drop=True)
                write_table(part, tmp_path / name / f"data_{number}.parquet")
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(stated, allow_unicode=True, sort_keys=False))
        return schema.load_source(path, parts=tmp_path / "kept", **asked)

    return load


def test_pieces_are_labelled_as_the_whole(load, stated, tables, world):
    read = load(stated, tables)
    expected = {**tables, "applications": world.applications[list(read.applications.columns)]}
    for name, frame in expected.items():
        found = getattr(read, name)
        assert len(found.pieces()) > 2
        # parquet keeps days in units of its own
        dates = dict.fromkeys(frame.select_dtypes("datetime"), "datetime64[ns]")
        pd.testing.assert_frame_equal(found.frame().astype(dates), frame.astype(dates))
    assert (read.observed_to, read.label_text) == (world.observed_to, "")
    assert [one.name for one in read.features] == list(FEATURES)
    assert read.reading.warnings == []
    # a second reading takes the place of what the first one left
    assert len(load(stated, tables).applications) == N


def test_files_are_read_whoever_wrote_them(load, stated, tables, tmp_path, world):
    """DuckDB and Spark write days, narrow numbers and no notes; pandas an index and types."""
    months, people = tables["performance"], tables["applications"]
    narrow = {"mob": pa.uint8(), "dpd": pa.int16(), "month_end": pa.date32(), "cohort": pa.date32()}
    panel = pa.Table.from_pandas(months, preserve_index=False)
    for name, value in {"contacted": True, "other_lenders": 2}.items():
        panel = panel.append_column(name, pa.array([None, *[value] * (len(months) - 1)]))
    for name, kind in narrow.items():
        place = panel.schema.get_field_index(name)
        panel = panel.set_column(place, name, panel[name].cast(kind))
    panel = panel.append_column("treatment", pa.nulls(len(panel)))  # none was ever granted
    folder = tmp_path / "lake"
    folder.mkdir()
    pq.write_table(panel.replace_schema_metadata(None), folder / "b.PARQUET", row_group_size=900)
    for name in ("_SUCCESS", "._b.parquet", ".b.parquet.crc"):
        (folder / name).write_text("no data")
    people.convert_dtypes().set_index("application_id").to_parquet(tmp_path / "people.parquet")
    stated |= {"performance": {"path": "lake"}, "applications": {"path": "people.parquet"}}
    found = load(stated, {"instalments": tables["instalments"]})
    kinds = found.performance.frame().dtypes.astype(str)
    assert kinds[["mob", "dpd", "treatment"]].tolist() == ["int64", "int64", "str"]
    assert kinds[["contacted", "other_lenders"]].tolist() == ["boolean", "Int64"]
    assert kinds[["month_end", "cohort"]].tolist() == ["datetime64[ms]"] * 2
    labels = found.applications.frame()["default_flag"]
    pd.testing.assert_series_equal(labels, world.applications["default_flag"])


def test_rows_in_folders_of_a_folder_are_not_lost(load, stated, tmp_path):
    (tmp_path / "applications" / "year=2023").mkdir(parents=True)
    del stated["performance"], stated["instalments"]
    told = r"applications: applications breaks.*\n.*found the folder year=2023"
    with pytest.raises(DataContractError, match=told):
        load(stated, {})


def test_columns_that_nothing_describes_stay_with_their_owner(load, stated, tables):
    tables["instalments"] = tables["instalments"].assign(payer="somebody")
    tables["applications"] = tables["applications"].assign(mobile="13800000000")
    read = load(stated, tables)
    assert "mobile" not in read.applications.columns
    assert "payer" not in read.instalments.columns
    assert len(read.instalments) == len(tables["instalments"])


def test_a_label_of_its_own_is_kept(load, stated, tables):
    rng = np.random.default_rng(1)
    booked = tables["applications"]["booked"]
    labels = pd.Series(rng.integers(0, 2, N), dtype=float).where(booked)
    own = {"applications": tables["applications"].assign(default_flag=labels)}
    for name in ("performance", "instalments", "observed_to"):
        del stated[name]
    read = load(stated, own)
    pd.testing.assert_series_equal(
        read.applications.frame()["default_flag"], labels, check_names=False
    )
    assert read.label_text == "labelled 1 in default_flag by its source"
    last = own["applications"]["applied_at"].max()
    assert read.observed_to == last + pd.offsets.MonthEnd(0)


def test_outcomes_label_as_months_do(load, stated, tables, world):
    loans = tables["applications"].query("booked").reset_index(drop=True)
    bad = world.applications.set_index("application_id")["default_flag"].eq(1)
    events = np.where(bad.loc[loans["application_id"]], "default", "matured")
    outcomes = pd.DataFrame(
        {
            "loan_id": loans["application_id"],
            "cohort": loans["applied_at"].dt.normalize(),
            "term_months": loans["term_months"],
            "amount": loans["amount"],
            "event": events,
            "event_mob": 6,
        }
    )
    del stated["performance"], stated["instalments"]
    stated["outcomes"] = {"path": "outcomes"}
    read = load(stated, {"applications": tables["applications"], "outcomes": outcomes})
    assert (
        read.applications.frame()["default_flag"].sum()
        == (events == "default").sum()
        - (
            # of cohorts whose window is still open, nothing is known
            loans["applied_at"][events == "default"] > world.observed_to - pd.DateOffset(months=12)
        ).sum()
    )


@pytest.mark.parametrize(
    ("block", "key", "value", "told"),
    [
        ("", "amounts_in", "major", "amounts_in: expected minor"),
        ("", "missing", ["-"], "missing: tables in_contract are taken as they are"),
        ("", "label", {"column": "b", "bad": ["1"], "good": ["0"]}, "label: the column default_fl"),
        ("", "observed_to", None, "observed_to: missing; the last day"),
        ("", "bad", {"window_months": None}, "bad.window_months: missing"),
        ("applications", "path", "a.csv", "applications.path: expected a .parquet file"),
        ("applications", "columns", {"amount": "a"}, "applications.columns: tables in_contract"),
        ("applications", "rows", [], "applications.rows: tables in_contract are taken"),
        ("performance", "seen_from_start", True, "performance.seen_from_start: tables"),
        ("features", "age", {"column": "years"}, "features.age.column: expected age"),
        ("features", "age", {"type": "months_since"}, "features.age.type: expected number or"),
        ("features", "age", {"thousands": ","}, "features.age.thousands: tables in_contract"),
    ],
)
def test_what_a_mapping_says_beyond_the_contract_is_refused(
    stated, tmp_path, block, key, value, told
):
    place = stated[block] if block else stated
    place[key] = {**place[key], **value} if block == "features" else value
    if value is None:
        del place[key]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(stated))
    with pytest.raises(DataContractError, match=told):
        schema.read_mapping(tmp_path / "mine.yaml")


def moved_apart(tables):
    loans = tables["performance"]
    first = loans["loan_id"] == loans["loan_id"].iloc[0]
    end = loans[first].tail(1)
    tables["performance"] = pd.concat([loans.drop(end.index), end], ignore_index=True)


def of_a_stranger(tables):
    months = tables["performance"]
    last = months.tail(1).assign(loan_id="nobody")
    tables["performance"] = pd.concat([months, last], ignore_index=True)


def of_one_declined(tables):
    people, plan = tables["applications"], tables["instalments"]
    declined = people.loc[~people["booked"], "application_id"].iloc[0]
    last = plan.tail(1).assign(loan_id=declined, number=1)
    tables["instalments"] = pd.concat([plan, last], ignore_index=True)


def twice(tables):
    people = tables["applications"]
    tables["applications"] = pd.concat([people, people.head(1)], ignore_index=True)


def on_one_day(tables):
    tables["applications"]["applied_at"] = pd.Timestamp("2023-02-01")


def in_numbers(tables):
    tables["applications"]["channel"] = 7


def without(name, column):
    def spoil(tables):
        tables[name] = tables[name].drop(columns=column)

    return spoil


def with_values(name, column, value):
    def spoil(tables):
        values = tables[name][column].astype(object)
        values.iloc[-1] = value
        tables[name][column] = values.infer_objects()

    return spoil


def with_type(name, column, kind):
    """As others than pandas write it."""
    kind = pa.type_for_alias(kind) if isinstance(kind, str) else kind

    def spoil(tables):
        values = pa.array(tables[name][column]).cast(kind)
        tables[name][column] = pd.array(values, dtype=pd.ArrowDtype(kind))

    return spoil


def of_several_values(tables):
    tables["applications"]["tags"] = [("new",)] * N  # not a list, since it is to be hashed


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (moved_apart, "performance: loan_id: 1 loans have rows apart from one another"),
        (of_a_stranger, "performance.loan_id: 1 rows are of loans that are no booked application"),
        (of_one_declined, "instalments.loan_id: 1 rows are of loans that are no booked"),
        (twice, "applications: application_id: 1 rows repeat an id of an earlier one"),
        (on_one_day, "applications.applied_at: every row bears 2023-02-01; leave the column out"),
        (without("applications", "occupation"), "applications: missing columns occupation"),
        (without("applications", "term_months"), "applications: missing columns term_months"),
        (without("performance", "status"), "performance: missing columns status"),
        (
            in_numbers,
            "applications: channel: expected text, found int64$",
        ),
        (
            with_values("instalments", "paid_date", pd.Timestamp("2031-01-31")),
            "instalments.paid_date: the last day is 2031-01-31, expected on or before observed_to",
        ),
        (
            with_type("applications", "amount", "double"),
            "amount: expected whole numbers, found doub",
        ),
        (with_type("applications", "application_id", "binary"), "application_id: expected text, f"),
        (
            with_type("applications", "applied_at", pa.timestamp("us", "Asia/Shanghai")),
            "applied_at: expected a date, or a timestamp without a time zone, found timestamp",
        ),
        (
            of_several_values,
            "applications: tags: expected one value a row, found list<.*; leave it",
        ),
        (with_values("applications", "customer_id", " "), "customer_id: 1 row breaks 'filled'"),
        (with_values("applications", "age", np.inf), "age: 1 row breaks 'a finite number'"),
        (
            with_values("performance", "status", "gone"),
            "status: 1 row breaks 'one of current, .*', for example 'gone', first in row",
        ),
    ],
)
def test_tables_that_do_not_hold_to_the_contract_are_refused(load, stated, tables, spoil, told):
    tables = {name: frame.copy() for name, frame in tables.items()}
    spoil(tables)
    with pytest.raises(DataContractError, match=told):
        load(stated, tables)


def test_pages_and_logs_show_no_value(load, stated, tables):
    tables = {name: frame.copy() for name, frame in tables.items()}
    with_values("performance", "status", "gone")(tables)
    with pytest.raises(DataContractError) as refused:
        load(stated, tables, shows_values=False)
    assert "status: 1 row breaks" in str(refused.value)
    assert "gone" not in str(refused.value)
    tables["performance"]["loan_id"] = tables["performance"]["loan_id"].sample(frac=1).to_numpy()
    with pytest.raises(DataContractError, match="loan_id: one comes again") as refused:
        load(stated, tables)
    assert tables["performance"]["loan_id"].iloc[0][:4] not in str(refused.value)


def test_totals_that_the_owner_states_are_held_against_the_data(load, stated, tables, world):
    month = f"{tables['applications']['applied_at'].min():%Y-%m}"
    stated["control"] = {"rows": N, "bads": 1, "amount_by_month": {month: 5}}
    with pytest.raises(DataContractError) as refused:
        load(stated, tables)
    bads = int(world.applications["default_flag"].sum())
    said = str(refused.value)
    assert f"control.bads: 1 stated, {bads} in the data" in said
    assert f"control.amount_by_month.{month}: 5 stated" in said
    assert "control.rows" not in said


def test_a_folder_without_files_and_no_folder_are_told(load, stated, tables, tmp_path):
    (tmp_path / "applications").mkdir()
    with pytest.raises(DataContractError, match=r"no file at .*performance"):
        load(stated, {"applications": tables["applications"]})
    with pytest.raises(DataContractError, match=r"no \.parquet file in this folder"):
        load(stated, {**tables, "instalments": tables["instalments"].iloc[:0]})


def test_loans_of_which_no_month_is_known_are_told(load, stated, tables):
    months = tables["performance"]
    gone = months["loan_id"].iloc[0]
    tables["performance"] = months[months["loan_id"] != gone].reset_index(drop=True)
    read = load(stated, tables)
    assert read.reading.warnings == ["1 booked loans have no month or end, so no label"]
    people = read.applications.frame().set_index("application_id")
    assert np.isnan(people.loc[gone, "default_flag"])


def test_a_quick_look_takes_whole_customers(load, stated, tables, world):
    found, expected = load(stated, tables).thinned(500), world.thinned(500)
    assert 400 < len(found.applications) <= 500
    for name, key in (("applications", "application_id"), ("performance", "loan_id")):
        assert getattr(found, name)[key].equals(getattr(expected, name)[key])
    assert found.notes == expected.notes[-1:]


def test_parts_need_a_place(stated, tables, load, tmp_path):
    load(stated, tables)
    with pytest.raises(ValueError, match="needs a folder for its parts"):
        schema.load_source(tmp_path / "mine.yaml")
