"""Files as lenders have them: every cell is read as its owner meant it, or is named."""

import numpy as np
import pandas as pd
import pytest
import yaml

from riskkit import schema, target, vintage
from riskkit.binning import WoeBinner
from riskkit.checks import DataContractError

NUMBER = {"x": {"column": "x", "type": "number", "label": "X", "family": "f"}}
CATEGORY = {"g": {"column": "g", "type": "category", "label": "G", "family": "f"}}
SINCE = {"m": {"column": "s", "type": "months_since", "label": "M", "family": "f"}}
DATED = {"amount": "amt", "applied_at": "ap"}
Y = {"column": "y", "bad": ["1"], "good": ["0"]}


@pytest.fixture
def load(tmp_path):
    """Load frames, or texts, through a mapping that is a label and features but for what is given.

    `performance` and the like are pairs of a table and its block.
    """

    def write(name, data):
        if isinstance(data, bytes):
            (tmp_path / f"{name}.csv").write_bytes(data)
        elif isinstance(data, str):
            (tmp_path / f"{name}.csv").write_text(data, encoding="utf-8")
        else:
            data.to_csv(tmp_path / f"{name}.csv", index=False)
        return f"{name}.csv"

    def load(data, features=NUMBER, columns=None, label=Y, parquet=False, shows=True, **more):
        block = {"columns": columns or {"amount": "amt"}}
        for key in ("rows", "duplicates", "encoding", "delimiter"):
            if key in more:
                block[key] = more.pop(key)
        if parquet:
            data.to_parquet(tmp_path / "d.parquet")
            block["path"] = "d.parquet"
        else:
            block["path"] = write("d", data)
        for name in ("performance", "instalments", "outcomes"):
            if isinstance(more.get(name), tuple):
                table, keys = more[name]
                more[name] = {"path": write(name, table), **keys}
        mapping = {"name": "case", "title": "case", "currency": "CNY", "amounts_in": "minor"}
        mapping |= {"accepted_only": True, "applications": block, "features": features, **more}
        if label and "outcomes" not in more and "performance" not in more:
            mapping["label"] = label
        text = yaml.safe_dump(mapping, allow_unicode=True)
        (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
        return schema.load_source(tmp_path / "m.yaml", shows_values=shows)

    return load


def loans(n=300, **columns):
    """Plain loans, some bad; columns are added or replaced, cut to length."""
    rows = np.arange(n)
    frame = pd.DataFrame({"amt": 1000, "x": rows / 8, "y": (rows % 5 == 0).astype(int)})
    for name, values in columns.items():
        is_one = isinstance(values, str | int | float)
        frame[name] = values if is_one else np.resize(np.array(values, dtype=object), n)
    return frame


def refused(load, message, *args, **kwargs):
    """The whole message of a source that is refused with `message` in it."""
    with pytest.raises(DataContractError, match=message) as caught:
        load(*args, **kwargs)
    return str(caught.value)


# -- 1. the end of the observation ---------------------------------------------------------------


def book(n=600):
    """Loans of two years with their final status and last payment, seen to the end of 2022."""
    rng = np.random.default_rng(0)
    months = pd.period_range("2021-01", periods=24, freq="M").to_timestamp()
    applied = pd.Series(months[rng.integers(0, 24, n)])
    is_bad = rng.random(n) < 0.16
    lived = np.where(is_bad, rng.integers(1, 13, n), rng.integers(2, 13, n))
    age = (2022 - applied.dt.year) * 12 + 12 - applied.dt.month
    lasts = [
        day + pd.DateOffset(months=int(k))
        for day, k in zip(applied, np.minimum(lived, age), strict=True)
    ]
    status = np.where(lived > age, "open", np.where(is_bad, "lost", "paid"))
    return pd.DataFrame(
        {
            "id": range(n),
            "ap": applied.dt.date,
            "amt": 1000,
            "term": 12,
            "x": rng.normal(size=n),
            "st": status,
            "last": pd.Series(lasts).dt.strftime("%Y-%m-%d"),
        }
    )


EVENTS = {
    "columns": {"application_id": "id", "applied_at": "ap", "amount": "amt", "term_months": "term"},
    "outcomes": {
        "event": {"column": "st", "default": ["lost"], "repaid": ["paid"]},
        "last_payment": "last",
    },
    "bad": {"dpd": None, "window_months": 12},
}


def test_one_straggler_does_not_end_the_observation(load):
    clean = load(book(), **EVENTS)
    assert clean.observed_to == pd.Timestamp("2022-12-31")
    strayed = book()
    first_paid = strayed.index[strayed["st"] == "paid"][0]
    for day in ("2102-01-15", "9999-12-31"):
        strayed.loc[first_paid, "last"] = day
        text = refused(load, "last_payment: 1 row is not a date between", strayed, **EVENTS)
        assert f"row {first_paid + 1} of column last: found '{day}'" in text
    strayed.loc[first_paid, "last"] = "2023-03-15"
    # a date that could be one: the owner says how far they see
    refused(
        load,
        "observed_to: missing; .* 2022-12, the latest other date of 2023-03",
        strayed,
        **EVENTS,
    )
    text = refused(load, "on or before observed_to", strayed, observed_to="2022-12-31", **EVENTS)
    assert f"row {first_paid + 1} of column last: found '2023-03-15'" in text


def test_open_loans_with_a_placeholder_are_open_where_the_mapping_says_so(load):
    placeholders = book()
    placeholders.loc[placeholders["st"] == "open", "last"] = "9999-12-31"
    block = EVENTS["outcomes"] | {"last_payment": {"column": "last", "missing": ["9999-12-31"]}}
    clean = load(book(), observed_to="2022-12-31", **EVENTS).applications["default_flag"]
    how = EVENTS | {"outcomes": block, "observed_to": "2022-12-31"}
    found = load(placeholders, **how).applications["default_flag"]
    assert found.equals(clean)


def test_a_month_seen_in_part_is_not_seen(load):
    source = load(book().query("last < '2022-11-01'"), observed_to="2022-12-15", **EVENTS)
    assert source.observed_to == pd.Timestamp("2022-11-30")


def test_an_end_far_beyond_the_data_is_said(load):
    said = load(book(), observed_to="2032-12-31", **EVENTS).reading.warnings
    assert any("observed_to: 2032-12-31 is stated, but the latest date" in text for text in said)
    said = load(book(), observed_to="2023-01-31", **EVENTS).reading.warnings
    assert not any("observed_to" in text for text in said)


def panel_of(n=40, months=6, month_end=None):
    """Applications of January 2023 and their panel; every fifth loan falls behind for good."""
    applications = pd.DataFrame({"id": [f"L{i}" for i in range(n)], "ap": "2023-01-10"})
    applications = applications.assign(amt=1000, term=months, x=np.arange(n))
    ends = month_end or [
        f"{d:%Y-%m-%d}" for d in pd.date_range("2023-01-31", periods=months, freq="ME")
    ]
    rows = [
        {"loan": f"L{i}", "month": end, "days": max(0, 30 * (k - 1)) if i % 5 == 0 else 0}
        for i in range(n)
        for k, end in enumerate(ends)
    ]
    return applications, pd.DataFrame(rows)


THIN = {
    "columns": {"loan_id": "loan", "month_end": "month", "dpd": "days"},
    "seen_from_start": True,
}
OF_PANEL = {"columns": EVENTS["columns"], "bad": {"dpd": 90, "window_months": 5}}


def test_a_panel_of_days_past_due_alone_is_enough(load):
    applications, panel = panel_of()
    source = load(applications, performance=(panel, THIN), observed_to="2023-06-30", **OF_PANEL)
    assert source.performance["mob"].tolist()[:6] == [0, 1, 2, 3, 4, 5]
    assert set(source.performance["status"]) == {"current", "delinquent"}
    assert not {"balance", "due_amount"} & set(source.performance)
    flags = source.applications["default_flag"]
    assert flags.tolist() == [float(i % 5 == 0) for i in range(40)]
    schema.validate_performance(source.performance)


def test_a_month_of_the_panel_beyond_what_is_seen_is_named(load):
    applications, panel = panel_of()
    panel.loc[5, "month"] = "2032-06-30"
    text = refused(
        load,
        "month_end",
        applications,
        performance=(panel, THIN),
        observed_to="2023-06-30",
        **OF_PANEL,
    )
    assert "on or before observed_to, 2023-06-30, row 6 of column month: found '2032-06-30'" in text


def test_a_panel_may_have_gaps_but_a_repeat_and_a_placeholder_are_named_by_row(load):
    applications, panel = panel_of()
    how = {"observed_to": "2023-06-30"} | OF_PANEL
    gap = panel.drop(index=8)
    read = load(applications, performance=(gap, THIN), **how).performance
    assert vintage.panel_gaps(read).loc["months left out", ["loans", "months"]].tolist() == [1, 1]
    twice = pd.concat([panel, panel.iloc[[3]]])
    text = refused(
        load,
        "mob: 1 row is not after the month before",
        applications,
        performance=(twice, THIN),
        **how,
    )
    assert "row 241" in text
    assert "L0" not in text
    panel.loc[4, "month"] = "1900-01-01"
    refused(
        load,
        "month_end: 1 row is not a date between",
        applications,
        performance=(panel, THIN),
        **how,
    )


def test_loans_that_leave_the_panel_are_what_the_mapping_says(load):
    applications, panel = panel_of()
    left = panel[~((panel["loan"] == "L1") & (panel["month"] > "2023-04-01"))]
    how = {"observed_to": "2023-06-30"} | OF_PANEL
    refused(
        load, "left_current: missing; 1 loans leave", applications, performance=(left, THIN), **how
    )
    for word, flag in (("repaid", 0.0), ("unknown", np.nan)):
        block = THIN | {"left_current": word}
        found = load(applications, performance=(left, block), **how)
        np.testing.assert_equal(found.applications["default_flag"][1], flag)


def test_months_may_be_written_without_a_day(load):
    months = ["2023-01", "2023-02", "2023-03", "2023-04", "2023-05", "2023-06"]
    applications, panel = panel_of(month_end=months)
    how = {"observed_to": "2023-06-30"} | OF_PANEL
    refused(load, 'format: "%Y-%m" reads it', applications, performance=(panel, THIN), **how)
    columns = THIN["columns"] | {"month_end": {"column": "month", "format": "%Y-%m"}}
    source = load(applications, performance=(panel, THIN | {"columns": columns}), **how)
    assert source.performance["month_end"].max() == pd.Timestamp("2023-06-30")


INSTALMENTS = pd.DataFrame(
    {
        "loan": ["0", "0", "1"],
        "n": [1, 2, 1],
        "due": ["2022-06-01", "2024-07-01", "2022-06-01"],
        "owed": 100,
        "paid_on": ["2022-06-01", "", "2022-06-03"],
        "paid": [100, "", 100],
    }
)
INSTALMENT_COLUMNS = {"loan_id": "loan", "number": "n", "due_date": "due", "due_amount": "owed"}
INSTALMENT_COLUMNS |= {"paid_date": "paid_on", "paid_amount": "paid"}


def test_instalments_are_due_but_not_paid_in_the_future(load):
    how = EVENTS | {"observed_to": "2022-12-31"}
    block = {"columns": INSTALMENT_COLUMNS}
    source = load(book(), instalments=(INSTALMENTS, block), **how)
    assert source.instalments["paid_date"].isna().tolist() == [False, True, False]
    late = INSTALMENTS.assign(paid_on=["2022-06-01", "2024-07-01", "2022-06-03"])
    text = refused(load, "on or before observed_to", book(), instalments=(late, block), **how)
    assert "instalments.paid_date: 1 row is not" in text
    assert "row 2 of column paid_on: found '2024-07-01'" in text
    twice = INSTALMENTS.assign(n=1)
    refused(
        load,
        "instalments.loan_id, number: 1 row repeats",
        book(),
        instalments=(twice, block),
        **how,
    )
    text = refused(
        load,
        "due_date: 1 row is not a date between",
        book(),
        instalments=(INSTALMENTS.assign(due=["2022-06-01", "9999-12-31", "2022-06-01"]), block),
        **how,
    )
    assert "instalments" in text


# -- 2. row filters ------------------------------------------------------------------------------


def kept(
    load, all_rows, column, operator, value, columns=None, features=NUMBER, parquet=False, **more
):
    row = {"column": column, "operator": operator, "value": value, **more}
    # every row there twice, once good and once bad
    frame = pd.concat([all_rows.assign(y=0), all_rows.assign(y=1)], ignore_index=True)
    source = load(frame, features, columns, rows=[row], parquet=parquet)
    assert source.reading.filters[0][2:] == (len(frame), len(source.applications))
    return len(source.applications) // 2


DAYS = [f"2018/{m}/{d}" for m in range(1, 13) for d in range(1, 26)]


@pytest.mark.parametrize(
    ("values", "operator", "value", "n"),
    [
        ([1, 2, 3], "!=", 2, 200),
        ([1, 2, 3], "in", [1, 3], 200),
        ([1, 2, 3], "not_in", ["3"], 200),
        ([9, 10, 11], ">=", 10, 200),
        (["yes", "no"], "!=", "no", 150),
        (["yes", "no"], "in", ["no"], 150),
        (["01", "1", "10"], "==", "01", 100),
        (["01", "1", "10"], "==", "1", 100),
        (["a", "b", ""], "is_missing", True, 100),
        (["a", "b", ""], "is_missing", False, 200),
        (["North 1", "South 1", "North 2"], "starts_with", "North", 200),
        (["North 1", "", "South"], "not_starts_with", "North", 200),
        (DAYS, ">=", "2018/10/1", 75),
        (DAYS, "<", "2018-02-01", 25),
        (DAYS, "==", "2018/9/5", 1),
    ],
)
def test_a_filter_compares_in_the_columns_type(load, values, operator, value, n):
    frame = loans(c=values)
    assert kept(load, frame, "c", operator, value) == n
    if operator != "is_missing" and not str(values[0]).startswith("North"):
        columns = {"amount": "amt", "channel": "c"}
        as_date = {"amount": "amt", "applied_at": "c"}
        assert (
            kept(load, frame, "c", operator, value, as_date if n in (75, 25, 1) else columns) == n
        )


@pytest.mark.parametrize("parquet", [False, True])
def test_a_filter_on_typed_columns(load, parquet):
    frame = loans().assign(
        b=np.resize([True, False, True], 300),
        d=pd.Timestamp("2018-01-01 10:30") + pd.to_timedelta(np.arange(300), "D"),
        f=np.arange(300) / 4,
    )
    assert kept(load, frame, "d", "<=", "2018-01-31", parquet=parquet) == 31
    assert kept(load, frame, "d", "==", "2018-01-31", parquet=parquet, type="date") == 1
    assert kept(load, frame, "d", "<", "2018-01-31 10:30", parquet=parquet) == 30
    assert kept(load, frame, "f", "<", 1, parquet=parquet) == 4
    assert kept(load, frame, "b", "==", True, parquet=parquet, type="boolean") == 200
    if parquet:
        assert kept(load, frame, "b", "==", True, parquet=True) == 200


def test_a_filter_that_keeps_all_or_none_says_so(load):
    source = load(loans(c=["a"]), rows=[{"column": "c", "operator": "==", "value": "a"}])
    assert "rows: c == a keeps all 300 rows" in source.reading.warnings
    refused(
        load,
        "the row filters keep none; c == b was the last",
        loans(c=["a"]),
        rows=[{"column": "c", "operator": "==", "value": "b"}],
    )


@pytest.mark.parametrize(
    ("values", "operator", "value", "message"),
    [
        (["yes", "no"], "!=", False, "the column holds text, and the value is none; put quotes"),
        ([1, 2], "==", [1, 2], "expected one value for ==, found .*; a list goes with in"),
        ([1, 2], "in", 1, "expected a list, found '1'"),
        ([1, 2], ">", "b", "the column holds numbers, and the value is none"),
        (["a", "b"], ">", "a", "c holds neither numbers nor dates only; state the filter's type"),
        ([1, 2], "==", None, "expected a value"),
        ([1, 2], "in", [[1]], "expected a value"),
        (["a", ""], "is_missing", "maybe", "expected true or false, found 'maybe'"),
    ],
)
def test_a_filter_of_another_type_is_refused(load, values, operator, value, message):
    row = {"column": "c", "operator": operator, "value": value}
    refused(load, message, loans(c=values), rows=[row])


def test_a_filter_reads_cells_as_the_mapping_says(load):
    columns = {"amount": {"column": "a", "thousands": ","}}
    frame = loans(a=["1,000", "20,000", "300"])
    assert kept(load, frame, "a", ">=", 1000, columns) == 200
    days = {"amount": "amt", "applied_at": {"column": "d", "format": "%d.%m.%Y"}}
    frame = loans(d=["05.06.2018", "06.05.2018"])
    assert kept(load, frame, "d", ">", "2018-05-31", days) == 150
    assert kept(load, frame, "d", ">", "31.05.2018", days) == 150


# -- 3. codes stay text --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "codes",
    [
        ["01", "02", "1", "10"],
        ["1E2", "100", "1e2", "+100"],
        ["6222021234567890", "6222021234567891", "62220212345678901"],
        ["007", "7", "07"],
        ["true", "True", "1"],
        ["1.0", "1", "1.00"],
        ["2023-07-05", "2023/7/5", "20230705"],
        ["A ", "B", "a"],
        ["None", "none", "unknown"],
    ],
)
def test_codes_are_the_text_that_stands_there(load, codes):
    frame = loans(g=codes)
    values = load(frame, CATEGORY).applications["g"]
    assert values.tolist() == [str(code).strip() for code in frame["g"]]
    assert load(frame, CATEGORY, parquet=True).applications["g"].equals(values)


def test_levels_keep_their_information(load):
    rng = np.random.default_rng(0)
    codes = rng.choice(["01", "02", "1", "10"], 4000, p=[0.3, 0.3, 0.2, 0.2])
    risk = pd.Series(codes).map({"01": 0.05, "02": 0.15, "1": 0.35, "10": 0.2})
    frame = pd.DataFrame({"amt": 1000, "g": codes, "y": (rng.random(4000) < risk).astype(int)})
    got = load(frame, CATEGORY).applications
    want = WoeBinner().fit(frame[["g"]], frame["y"]).iv["g"]
    assert WoeBinner().fit(got[["g"]], got["default_flag"]).iv["g"] == pytest.approx(want)


@pytest.mark.parametrize(
    "values",
    [
        pd.array(np.resize([1, 2, 3], 300)),
        pd.array(np.resize([1, None, 3], 300), dtype="Int64"),
        np.resize([1.0, np.nan, 3.0], 300),
        np.resize([1.5, np.nan, 3.0], 300),
        np.resize([True, False], 300),
        pd.Categorical(np.resize(["b", "a", None], 300)),
        pd.to_datetime(np.resize(["2023-01-01", "2023-01-02"], 300)),
        np.resize(["01", "1"], 300),
    ],
    ids=str,
)
def test_the_same_table_has_the_same_levels_as_csv_and_as_parquet(load, values):
    frame = loans().assign(g=values)
    as_csv = load(frame, CATEGORY).applications["g"]
    as_parquet = load(frame, CATEGORY, parquet=True).applications["g"]
    pd.testing.assert_series_equal(as_csv, as_parquet)


def test_levels_of_codes_with_zeros_find_them(load):
    levels = {"01": "one", "1": "uno", "10": "ten"}
    frame = loans(g=["01", "1", "10", "2"])
    source = load(frame, {"g": CATEGORY["g"] | {"levels": levels}})
    assert source.applications["g"].tolist()[:4] == ["one", "uno", "ten", "2"]


@pytest.mark.parametrize("spoilt", ["6.22E+15", "6.22202E+15", "1E+16"])
def test_a_number_of_which_excel_has_dropped_digits_is_named(load, spoilt):
    frame = loans(g=["6222021234567890"]).assign(id=lambda f: f.index.astype(str))
    frame.loc[7, "g"] = spoilt
    text = refused(load, "g: 1 row is not text with all its digits", frame, CATEGORY)
    assert "row 8 of column g" in text
    frame.loc[7, "id"] = spoilt
    columns = {"amount": "amt", "application_id": "id"}
    assert spoilt not in refused(
        load, "application_id: 1 row is not text with", frame, NUMBER, columns
    )


# -- 4. offsets ----------------------------------------------------------------------------------

LOCAL = pd.Series(pd.date_range("2021-01-01", "2021-12-31")).repeat(2).reset_index(drop=True)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Shanghai", "America/New_York", "UTC"])
@pytest.mark.parametrize("shape", ["text", "compact", "clock", "parquet", "text in parquet"])
def test_the_local_date_counts(load, zone, shape):
    zoned = LOCAL.dt.tz_localize(zone)
    frame = loans(len(LOCAL))
    if shape == "parquet":
        frame["ap"] = zoned
    elif shape == "compact":
        frame["ap"] = zoned.dt.strftime("%Y-%m-%d %H:%M:%S%z")
    elif shape == "clock":
        frame["ap"] = [(t + pd.Timedelta(hours=23, minutes=59)).isoformat() for t in zoned]
    else:
        frame["ap"] = [t.isoformat() for t in zoned]
    if shape == "clock":  # in the night of a change the clock is an hour off
        frame, zoned = frame[:100], zoned[:100]
    source = load(frame, columns=DATED, parquet="parquet" in shape)
    days = source.applications["applied_at"].dt.date
    assert (days == LOCAL.dt.date[: len(frame)]).all()


# -- 5. values that no list names ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "lists", "message"),
    [
        (
            ["paid", "lost", "default"],
            {"bad": ["lost", "defualt"], "good": ["paid"]},
            "label: 'default' in 100 rows .* is in no list; 'defualt', under bad, has none",
        ),
        (
            ["已结清", "已核消", "已核销"],
            {"bad": ["已核销"], "good": ["已结清"]},
            "label: '已核消' in 100 rows .* is in no list$",
        ),
        (
            ["paid", "lost", "written off"],
            {"bad": ["lost"], "good": ["paid"]},
            "label: 'written off' in 100 rows .* is in no list",
        ),
        (
            ["paid", "lost"],
            {"bad": ["lots"], "good": ["paid"]},
            "label.bad: 'lots' has no row, and is all there is",
        ),
        (
            ["0", "1", "2"],
            {"bad": [1], "good": [0]},
            "label: '2' in 100 rows .* is in no list",
        ),
        (
            ["0.0", "1.5"],
            {"bad": [1.5], "good": [0]},
            "label: '0.0' in 150 rows .* is in no list",
        ),
    ],
)
def test_a_label_that_no_list_names_is_an_error(load, values, lists, message):
    refused(load, message, loans(st=values), label={"column": "st", **lists})


def test_the_label_table_counts_every_value(load):
    frame = loans(st=["paid", "lost ", " paid", "gone", ""])
    lists = {"bad": ["lost", "fraud"], "good": ["paid"], "ignored": ["gone", "never"]}
    source = load(frame, label={"column": "st", **lists})
    table = source.reading.labels
    assert table["rows"].to_dict() == {"paid": 120, "lost": 60, "gone": 60, "fraud": 0, "never": 0}
    assert table["meaning"].to_dict()["gone"] == "ignored"
    flags = source.applications["default_flag"]
    assert (flags == 1).sum() == 60
    assert flags.isna().sum() == 120
    said = "\n".join(source.reading.warnings)
    assert "label: blanks around the text of 120 cells were taken off" in said
    assert "label.bad: 'fraud' has 0 rows" in said
    assert "label.ignored: 'never' has 0 rows" in said
    assert "label: 60 rows are blank" in said


def test_a_label_of_what_was_not_booked_does_not_count_aloud(load):
    columns = {"amount": "amt", "approved": "a", "booked": "a"}
    source = load(loans(a=["1", "0"]), columns=columns, accepted_only=False)
    assert source.applications["default_flag"].notna().sum() == 150
    assert (
        "label: 150 applications that were not booked have one, which does not count"
        in source.reading.warnings
    )


def test_a_header_may_go_over_several_lines(load):
    frame = loans(g=["a", "N/A"]).rename(columns={"g": "job\n(code)"})
    features = {"g": CATEGORY["g"] | {"column": "job\n(code)"}}
    refused(load, r"g: 150 rows .* first in row 2 of column job \(code\): found", frame, features)


def test_words_of_events_are_held_to_the_same_rule(load):
    for status, message in (("lots", "'lots' in .* is in no list"), ("closed", "'closed' in")):
        frame = book()
        frame.loc[3, "st"] = status
        refused(load, f"outcomes.event: {message}", frame, **EVENTS)
    # one that says itself that the loan has not ended is taken for open, aloud
    assert (
        "outcomes.event: 'open' is taken for still open" in load(book(), **EVENTS).reading.warnings
    )
    block = EVENTS["outcomes"] | {
        "event": EVENTS["outcomes"]["event"] | {"default": ["lost", "fraud"], "ignored": ["open"]}
    }
    said = load(book(), **(EVENTS | {"outcomes": block})).reading.warnings
    assert "outcomes.event.default: 'fraud' has 0 rows" in said


def test_special_codes_and_words_that_never_occur_are_said(load):
    features = {"x": NUMBER["x"] | {"special_codes": {-999: "none", -1: "no"}, "missing": ["N/A"]}}
    said = load(loans(x=[1.5, -999, 2]), features).reading.warnings
    assert "x: special code -1 never occurs" in said
    assert "x: 'N/A' never occurs in column x" in said
    assert not any("-999" in text for text in said)


# -- 6. placeholder dates ------------------------------------------------------------------------

PLACEHOLDERS = [
    "9999-12-31",
    "1900-01-01",
    "0001-01-01",
    "now",
    "today",
    "0000-00-00",
    "9999/12/31",
]


@pytest.mark.parametrize("word", PLACEHOLDERS)
def test_a_placeholder_is_no_date(load, word):
    frame = loans(ap=["2018-06-15", "2018-07-01"], s=["2015-01-01"])
    for name, features, columns in (("ap", NUMBER, DATED), ("s", SINCE, DATED)):
        spoilt = frame.copy()
        spoilt.loc[4, name] = word
        text = refused(load, f"row 5 of column {name}: found '{word}'", spoilt, features, columns)
        assert "is not a date" in text


def test_a_placeholder_is_missing_or_a_code_where_the_mapping_says_so(load):
    frame = loans(ap="2018-06-15", s=["2015-01-01", "9999-12-31", "1900-01-01", ""])
    frame.loc[0, "ap"] = "2018-07-01"
    missing = {"missing": ["9999-12-31", "1900-01-01"]}
    months = load(frame, {"m": SINCE["m"] | missing}, DATED).applications["m"]
    assert months.isna().tolist()[:4] == [False, True, True, True]
    codes = {"dates_as": {"9999-12-31": -999, "1900-01-01": -998}}
    codes |= {"special_codes": {-999: "still open", -998: "not known"}}
    for parquet in (False, True):
        table = (
            frame.assign(s=pd.to_datetime(frame["s"]).astype("datetime64[us]"))
            if parquet
            else frame
        )
        months = load(table, {"m": SINCE["m"] | codes}, DATED, parquet=parquet).applications["m"]
        np.testing.assert_equal(months.tolist()[:4], [42.0, -999.0, -998.0, np.nan])


def test_a_last_payment_before_the_application_is_named(load):
    frame = book()
    frame.loc[9, "last"] = "2019-05-01"
    text = refused(load, "last_payment: 1 row is not in the month of application", frame, **EVENTS)
    assert "row 10 of column last: found '2019-05-01'" in text


# -- 7. lines and headers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("amt,x,y,x\n" + "1000,1,0,2\n1000,1,1,2\n" * 9, "two columns of one name: x"),
        (
            "amt,x,y\n" + "1000,1,0\n1000,2,1\n" * 9 + "1,234.5,7,1\n",
            "row 19: 4 fields instead of 3",
        ),
        ("amt,x,y\n" + "1000,1,0\n1000,2,1\n" * 9 + "1000,7\n", "row 19: 2 fields instead of 3"),
        ("amt,x,y\n" + "1000,1,0\n1000,2,1\n" * 9 + '1000,"7,1\n', "quote"),
    ],
)
def test_a_file_whose_lines_do_not_agree_is_refused(load, text, message):
    refused(load, message, text)


def test_a_column_there_twice_that_nobody_maps_is_nobodys_matter(load):
    source = load("amt,x,y,z,z\n" + "1000,1,0,2,3\n1000,1,1,2,3\n" * 9)
    assert len(source.applications) == 18


# -- 8. the label is no feature ------------------------------------------------------------------


def test_a_feature_that_is_the_labels_column_is_refused(load):
    features = {"y": NUMBER["x"] | {"column": "y"}}
    refused(load, "features.y.column: y is the column of the label, no feature", loans(), features)
    known = {"x": NUMBER["x"], "y": features["y"] | {"known_afterwards": True}}
    assert not next(f for f in load(loans(), known).features if f.name == "y").offered
    status = {"st": CATEGORY["g"] | {"column": "st"}}
    refused(load, "st is the column of the label", book(), status, **EVENTS)


# -- 9. types that are no numbers, and mappings that say two things ------------------------------


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(pd.date_range("2021-01-01", periods=300)),
        pd.Series(pd.to_timedelta(np.arange(300), "h")),
        pd.Series(pd.date_range("2021-01-01", periods=300)).mask(np.arange(300) % 2 == 0),
        pd.Series([b"1"] * 300),
        pd.Series([[1]] * 300),
    ],
    ids=["timestamps", "durations", "with gaps", "bytes", "lists"],
)
def test_what_is_no_number_is_not_made_one(load, values):
    frame = loans().assign(x=values)
    refused(load, "x: [0-9]+ rows are not a number but ", frame, parquet=True)
    columns = {"amount": "x"}
    features = {"y2": NUMBER["x"] | {"column": "amt"}}
    refused(
        load, "amount: [0-9]+ rows are not a number but", frame, features, columns, parquet=True
    )


def test_numbers_that_only_look_like_numbers_are_named(load):
    for text in (
        "-9.2233720368547758e18x",
        "１２",
        "1_000",
        "0x10",
        "1 000",
        "1e999",
        "∞",
        "½",
        "--5",
    ):
        frame = loans().astype({"x": object})
        frame.loc[2, "x"] = text
        assert "row 3 of column x" in refused(load, "x: 1 row is not a number", frame)


def test_a_day_without_dashes_is_that_day(load):
    frame = loans(ap=["20180615", "20180701"])
    assert load(frame, columns=DATED, out_of_time_from="20180701").out_of_time_from == pd.Timestamp(
        "2018-07-01"
    )
    assert load(frame, columns=DATED).applications["applied_at"].min() == pd.Timestamp("2018-06-15")


# -- how cells are written -----------------------------------------------------------------------

WRITTEN = [
    ({"thousands": ","}, ["1,234.5", "-12", "1,234,567"], [1234.5, -12, 1234567]),
    ({"decimal": ",", "thousands": "."}, ["1.234,5", "12,25", "7"], [1234.5, 12.25, 7]),
    ({"thousands": "."}, ["1.234,5", "1.000", "7"], [1234.5, 1000, 7]),
    ({"decimal": ","}, ["1,234", "12,5", "7"], [1.234, 12.5, 7]),
    ({"thousands": " "}, ["1 234.5", "1\u00a0000", "7"], [1234.5, 1000, 7]),
    ({"thousands": "'"}, ["1'234.5", "1'000", "7"], [1234.5, 1000, 7]),
    ({"percent": True}, ["12.5%", "-3 %", "100%"], [0.125, -0.03, 1]),
    ({"percent": True, "decimal": ","}, ["12,5%", "3%", "0,1 %"], [0.125, 0.03, 0.001]),
    ({"strip": ["¥"], "thousands": ","}, ["¥1,234.5", "¥ 7", "-¥3"], [1234.5, 7, -3]),
    ({"strip": ["元", "万"]}, ["12元", "7 元", "3万"], [12, 7, 3]),
    ({"strip": [" months"]}, ["36 months", "7", "3months"], [36, 7, 3]),
    ({"missing": ["N/A", "-", "无"]}, ["N/A", "-", "无", "2"], [np.nan, np.nan, np.nan, 2]),
    ({"decimal": "."}, ["12.500", "1.250", "7.125"], [12.5, 1.25, 7.125]),
]


@pytest.mark.parametrize(("keys", "cells", "numbers"), WRITTEN, ids=str)
def test_a_number_is_read_as_the_mapping_says(load, keys, cells, numbers):
    features = {"x": NUMBER["x"] | keys}
    found = load(loans(x=cells), features).applications["x"].tolist()[: len(cells)]
    np.testing.assert_allclose(found, numbers)


@pytest.mark.parametrize(("keys", "cells", "numbers"), WRITTEN, ids=str)
def test_and_without_the_key_it_is_named_and_the_key_offered(load, keys, cells, numbers):
    text = refused(load, "x: .* of column x: found", loans(x=cells))
    assert any(f"{key}:" in text for key in keys)


def test_months_are_taken_off_a_term(load):
    columns = {"amount": "amt", "term_months": {"column": "t", "strip": [" months", "期"]}}
    source = load(loans(t=["36 months", "12期"]), columns=columns)
    assert source.applications["term_months"].tolist()[:2] == [36, 12]


def test_special_codes_of_a_percent_column_bear_no_sign(load):
    features = {"x": NUMBER["x"] | {"percent": True, "special_codes": {-999: "none"}}}
    found = load(loans(x=["12%", "-999", "3%"]), features).applications["x"].tolist()[:3]
    assert found == [0.12, -999.0, 0.03]


DATE_CELLS = [
    ("", ["2023-07-05", "2023/7/5", "2023.7.5", "2023年7月5日", "20230705", "2023-07-05 23:59"]),
    ("%d.%m.%Y", ["05.07.2023", "5.7.2023"]),
    ("%m/%d/%Y", ["07/05/2023", "7/5/2023"]),
    ("%d/%m/%y", ["05/07/23"]),
    ("excel", ["45112", "45112.75"]),
    ("%d-%b-%Y", ["05-Jul-2023"]),
    ("%Y年%m月%d日 %H时", ["2023年07月05日 10时"]),
    ("%d%m%Y", ["05072023"]),
]


@pytest.mark.parametrize(("form", "cells"), DATE_CELLS)
def test_a_date_is_read_as_the_mapping_says(load, form, cells):
    applied = {"column": "ap", "format": form} if form else "ap"
    other = pd.Timestamp("2023-08-05")
    last = "45143" if form == "excel" else other.strftime(form or "%Y-%m-%d")
    frame = loans(ap=cells)
    frame.loc[299, "ap"] = last
    days = load(frame, columns={"amount": "amt", "applied_at": applied}).applications["applied_at"]
    assert set(days.dt.date[:-1]) == {pd.Timestamp("2023-07-05").date()}
    assert days.iloc[-1] == other
    if form:
        text = refused(load, "applied_at: 300 rows are not a date", frame, columns=DATED)
        assert f"{form}" in text or "时" in form


def test_a_day_and_month_that_could_change_places_are_offered_both_ways(load):
    frame = loans(ap=["05/07/2023", "06/08/2023"])
    text = refused(load, "applied_at", frame, columns=DATED)
    assert 'format: "%d/%m/%Y" or format: "%m/%d/%Y" reads it' in text
    frame.loc[250, "ap"] = "25/07/2023"
    text = refused(load, "applied_at", frame, columns=DATED)
    assert 'format: "%d/%m/%Y" reads it' in text


def test_a_point_that_could_stand_between_thousands_is_refused(load):
    text = refused(
        load,
        "x: 300 rows are not a number that reads in one way only",
        loans(x=["12.500", "1.250"]),
    )
    assert 'decimal: "." or thousands: "." reads it' in text
    assert load(loans(x=["12.500", "1.25"])).applications["x"].tolist()[:2] == [12.5, 1.25]


def test_words_for_missing_hold_for_every_column(load):
    frame = loans(x=["1", "N/A"], g=["a", "无"], ap=["2023-01-01", "2023-02-01"])
    features = NUMBER | CATEGORY
    found = load(frame, features, DATED, missing=["N/A", "无"]).applications
    assert found[["x", "g"]].isna().to_numpy().tolist()[:2] == [[False, False], [True, True]]
    text = refused(
        load, "g: 150 rows are not text that says something", loans(g=["a", "N/A"]), CATEGORY
    )
    assert "missing: ['N/A'] reads it" in text
    levels = {"g": CATEGORY["g"] | {"levels": {"N/A": "not asked"}}}
    assert load(loans(g=["a", "N/A"]), levels).applications["g"].tolist()[:2] == ["a", "not asked"]


def test_own_words_for_truth_values_and_statuses(load):
    columns = {"amount": "amt", "approved": {"column": "a", "words": {"是": "true", "否": False}}}
    columns["booked"] = {"column": "b", "words": {"已放款": "yes", "未放款": "no"}}
    frame = loans(a=["是", "是", "否"], b=["已放款", "未放款", "未放款"])
    found = load(frame, columns=columns, accepted_only=False).applications
    assert found[["approved", "booked"]].to_numpy().tolist()[:3] == [
        [True, True],
        [True, False],
        [False, False],
    ]
    refused(
        load,
        "booked: 100 rows are not approved, as booked ones must be",
        frame.assign(b="已放款"),
        columns=columns,
        accepted_only=False,
    )
    refused(
        load,
        "approved: 1 row is not true/false, .*words: says what it means",
        frame.replace({"a": {"否": "不"}}).head(3),
        columns=columns,
        accepted_only=False,
    )


@pytest.mark.parametrize(
    ("encoding", "bom"), [("gbk", b""), ("utf-16", b""), ("utf-8", b"\xef\xbb\xbf")]
)
def test_encodings_are_read_and_offered(load, encoding, bom):
    frame = loans(g=["北京", "上海"]).rename(columns={"g": "城市"})
    data = bom + frame.to_csv(index=False).encode(encoding)
    features = {"g": CATEGORY["g"] | {"column": "城市"}}
    how = {} if bom else {"encoding": encoding}
    assert load(data, features, **how).applications["g"].tolist()[:2] == ["北京", "上海"]
    if not bom:
        refused(
            load, f"encoding: {'gb18030|gbk' if encoding == 'gbk' else encoding}", data, features
        )


def test_delimiters_and_line_ends(load):
    text = loans().to_csv(index=False, sep=";", lineterminator="\r\n")
    assert len(load(text, delimiter=";").applications) == 300
    refused(load, "delimiter: ';' would part them", text)


# -- duplicates, control totals, days past due, everything at once -------------------------------


def test_duplicates_are_dropped_by_a_stated_rule_alone(load):
    frame = loans().assign(id=lambda f: np.where(f.index == 7, 6, f.index), ap="2023-01-01")
    columns = {"application_id": "id", "amount": "amt"}
    text = refused(
        load,
        "application_id: 1 row repeats an earlier one, row 8 of column id: same as row 7",
        frame,
        columns=columns,
    )
    assert "'6'" not in text
    for keep, x in (("first", 6 / 8), ("last", 7 / 8)):
        found = load(frame, columns=columns, duplicates={"keep": keep})
        assert len(found.applications) == 299
        assert found.applications.loc[6, "x"] == x
        said = f"duplicates: 1 rows with the same application_id were left out, {keep} kept"
        assert said in found.reading.warnings
    by_customer = {"keep": "refuse", "by": ["customer_id"]}
    columns |= {"customer_id": "amt"}
    frame["id"] = frame.index
    refused(load, "customer_id: 299 rows repeat", frame, columns=columns, duplicates=by_customer)


def test_control_totals_are_held_against_the_data(load):
    frame = loans(ap=["2023-01-05", "2023-02-05"])
    right = {"rows": 300, "bads": 60, "amount_by_month": {"2023-01": 150_000}}
    assert len(load(frame, columns=DATED, control=right).applications) == 300
    wrong = {"rows": 299, "bads": 61, "amount_by_month": {"2023-01": 150_001, "2023-03": 5}}
    text = refused(
        load, "control.rows: 299 stated, 300 in the data", frame, columns=DATED, control=wrong
    )
    assert "control.bads: 61 stated, 60 in the data" in text
    assert "control.amount_by_month.2023-01: 150,001 stated, 150,000 in the data" in text
    assert "control.amount_by_month.2023-03: 5 stated, 0 in the data" in text


def test_a_label_of_days_past_due_waits_for_its_window(load):
    frame = loans(ap=["2022-01-15", "2022-12-15"], worst=[91, 0, 90, 0, 0, 120])
    how = {"features": NUMBER, "columns": DATED, "bad": {"dpd": 90, "window_months": 6}}
    label = {"column": "worst", "days_past_due": "worst"}
    source = load(frame, label=label, observed_to="2023-03-31", **how)
    np.testing.assert_equal(
        source.applications["default_flag"].tolist()[:6], [1, np.nan, 0, np.nan, 0, np.nan]
    )
    day = {"column": "worst", "days_past_due": "snapshot", "at": "2023-06-15"}
    source = load(frame, label=day, **how)
    assert source.observed_to == pd.Timestamp("2023-05-31")
    assert source.applications["default_flag"].isna().tolist()[:2] == [False, True]
    assert any(
        "paid or written off by then counts as good" in text for text in source.reading.warnings
    )
    refused(
        load,
        "observed_to",
        frame.replace({"ap": {"2022-12-15": "2023-09-15"}}),
        label=day,
        observed_to="2023-06-30",
        **how,
    )


def test_amounts_with_more_digits_than_cents_are_rounded_aloud(load):
    source = load(loans(amt=[10.004, 10.25, 12.123]), amounts_in="major")
    assert source.applications["amount"].tolist()[:3] == [1000, 1025, 1212]
    assert any("amounts with more digits than" in text for text in source.reading.warnings)
    quiet = load(loans(amt=[10.05, 10.25]), amounts_in="major")
    assert not any("more digits" in text for text in quiet.reading.warnings)


EIGHT = {
    "ap": "31/12/2018",
    "amt": "1,000",
    "term": "12.5",
    "x": "many",
    "g": "N/A",
    "s": "9999-12-31",
    "y": "maybe",
    "id": "0",
}


def spoilt_in_eight_columns():
    frame = loans(ap=["2018-06-15", "2018-07-01"], term=12, g="a", s="2015-01-01").astype(object)
    frame["id"] = [str(i) for i in range(300)]
    for row, (name, cell) in enumerate(EIGHT.items(), start=10):
        frame.loc[row, name] = cell
    columns = DATED | {"application_id": "id", "term_months": "term"}
    return frame, NUMBER | CATEGORY | SINCE, columns


def test_all_faults_of_all_files_are_said_at_once(load):
    frame, features, columns = spoilt_in_eight_columns()
    _, panel = panel_of()
    panel["loan"] = panel["loan"].str.removeprefix("L")
    panel = panel.astype(object)
    panel.loc[3, "days"] = "late"
    panel.loc[9, "month"] = "soon"
    text = refused(
        load,
        "breaks",
        frame,
        features,
        columns,
        observed_to="2023-06-30",
        performance=(panel, THIN),
        bad={"dpd": 90},
        label=None,
    )
    for row, name in enumerate(EIGHT, start=11):
        if name != "y":
            assert f"row {row}" in text, name
    assert (
        "performance.dpd: 1 row is not a whole number, row 4 of column days: found 'late'" in text
    )
    assert "performance.month_end: 1 row is not a date" in text
    text = refused(load, "breaks", frame, features, columns)
    assert len(text.splitlines()) == 1 + 8
    assert "label: 'maybe' in 1 row of column y, first in row 17, is in no list" in text


def test_no_cell_is_shown_where_none_may_be(load):
    frame, features, columns = spoilt_in_eight_columns()
    row = {"column": "g", "operator": "!=", "value": "zzz"}
    text = refused(load, "breaks", frame, features, columns, shows=False, rows=[row])
    for name, cell in EIGHT.items():
        if name != "id":  # a 0 is in many a row number
            assert cell not in text
    assert "label: a value in 1 row of column y, first in row 17, is in no list" in text
    source = load(loans(g=["a", "zzz"]), CATEGORY, shows=False, rows=[row | {"value": "b"}])
    assert source.reading.filters[0][1] == "g != …"


SECRET = "sentinel7731"


@pytest.mark.parametrize(
    "column", ["cust_name", "手机号", "e_mail", "customer_id", "loanId", "身份证号", "home_address"]
)
def test_what_says_who_somebody_is_is_never_shown(load, column):
    frame = loans().astype(object).assign(id=[SECRET] * 300)
    frame["x"] = frame["x"].astype(str)
    frame.loc[5, "x"] = SECRET
    features = {"x": NUMBER["x"] | {"column": column}}
    text = refused(
        load,
        "x: 1 row is not a number, row 6 of column",
        frame.rename(columns={"x": column}),
        features,
    )
    assert SECRET not in text
    protected = {"x": NUMBER["x"] | {"protected": True}, "z": NUMBER["x"] | {"column": "amt"}}
    assert SECRET not in refused(load, "x: 1 row", frame, protected)
    by_id = {"application_id": "id", "amount": "amt"}
    assert SECRET not in refused(load, "application_id: 299 rows", frame.assign(x=1), columns=by_id)
    row = {"column": "id", "operator": "==", "value": SECRET + "x"}
    assert SECRET not in refused(load, "keep none", frame.assign(x=1), columns=by_id, rows=[row])
    public = refused(load, "x: 1 row is not a number", frame)
    assert SECRET in public


def test_a_long_cell_is_cut(load):
    frame = loans().astype(object)
    frame.loc[5, "x"] = "y" * 500
    text = refused(load, "x: 1 row is not a number", frame)
    assert "'" + "y" * 39 + "…'" in text
    assert "y" * 41 not in text


def test_samples_of_own_data_are_those_of_the_public_face(load):
    source = load(book(), observed_to="2022-12-31", **EVENTS)
    sample = target.assign_samples(source.applications)
    assert set(sample.dropna()) == {"train", "test", "out_of_time"}
