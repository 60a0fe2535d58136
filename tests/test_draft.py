"""Drafts of mappings: every kind of guess, both readings of what has two, no private value."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_data import OWN_CSV
from typer.testing import CliRunner, Result

from riskkit.checks import DataContractError
from riskkit.cli import app
from riskkit.draft import draft_mapping
from riskkit.draft.yaml_lines import scalar
from riskkit.schema import load_source
from riskkit.schema.mapping import SourceMapping, read_mapping
from riskkit.schema.yaml_text import read_yaml

N = 400
RANDOM = np.random.default_rng(0)
BAD = RANDOM.random(N) < 0.2


def loans(**more: object) -> pd.DataFrame:
    """A clean file: id, date, amount, term, a feature and a label; more columns as given."""
    applied = pd.Timestamp("2022-01-01") + pd.to_timedelta(np.arange(N) % 365, "D")
    base = {
        "loan_id": [f"L{i:05d}" for i in range(N)],
        "application_date": applied.strftime("%Y-%m-%d"),
        "loan_amount": RANDOM.integers(1000, 9000, N),
        "term": RANDOM.choice([6, 12], N),
        "income": RANDOM.integers(2000, 9000, N),
        "is_bad": BAD.astype(int),
    }
    return pd.DataFrame(base | more)


class Drafted:
    """A draft, as text and as the mapping that it says."""

    def __init__(self, folder: Path, frame: pd.DataFrame | str, label: str | None = None, **how):
        self.file = folder / "loans.csv"
        if isinstance(frame, str):
            self.file.write_text(frame, encoding="utf-8")
        else:
            frame.to_csv(self.file, index=False, **how)
        self.draft = draft_mapping(self.file, label)
        self.text = self.draft.text
        self.path = folder / "loans.yaml"
        self.path.write_text(self.text, encoding="utf-8")
        self.mapping: SourceMapping = read_mapping(self.path)

    def line(self, start: str) -> str:
        """The line of a key, with the comment above where its reason stands there."""
        lines = self.text.splitlines()
        at = next(k for k, line in enumerate(lines) if line.strip().startswith(start))
        above = at
        while lines[above - 1].strip().startswith("#"):
            above -= 1
        return "\n".join(lines[above : at + 1])

    def after(self, start: str) -> str:
        """The line below that of a key."""
        lines = self.text.splitlines()
        at = next(k for k, line in enumerate(lines) if line.strip().startswith(start))
        return lines[at + 1].strip()

    def feature(self, column: str):
        """Name and block of the feature of a column; None where it is left out."""
        found = [(k, v) for k, v in self.mapping.features.items() if v.column == column]
        return found[0] if found else None

    def left_out(self) -> str:
        """The comment at the end."""
        return " ".join(self.text.split("# left out:")[-1].replace("#", "").split())

    def source(self):
        """The file read through the draft as it is."""
        return load_source(self.path)


# -- the command -----------------------------------------------------------------------------------


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_the_command_writes_beside_the_input_and_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loans.csv").write_text(OWN_CSV)
    result = call("draft", "--input", "loans.csv")
    assert result.exit_code == 0, result.stderr
    marked = (tmp_path / "loans.yaml").read_text().count("# check")
    assert result.stdout.splitlines() == [
        "loans.yaml: 3 features, 0 left out",
        f"{marked} guesses marked # check: confirm or correct them, then",
        "  riskkit validate --source loans.yaml",
    ]
    assert marked > 3
    assert call("validate", "--source", "loans.yaml").exit_code == 0


def test_a_mapping_elsewhere_names_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "loans.csv").write_text(OWN_CSV)
    result = call(
        "draft", "--input", tmp_path / "in" / "loans.csv", "--output", tmp_path / "a.yaml"
    )
    assert f"--root {tmp_path / 'in'}" in result.stdout
    assert read_mapping(tmp_path / "a.yaml").applications.path == "loans.csv"


def test_a_draft_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "loans.csv").write_text(OWN_CSV)
    mine = tmp_path / "loans.yaml"
    mine.write_text("mine")
    result = call("draft", "--input", tmp_path / "loans.csv")
    assert result.exit_code == 2
    assert "is there already" in result.stderr
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("absent.csv", None, "no file at"),
        ("loans.sas7bdat", "x", "expected a file of .csv"),
        ("loans.csv", "", "the file is empty"),
        ("loans.csv", "a,b\n", "no rows"),
        ("loans.parquet", "no parquet", "unreadable"),
        ("loans.xlsx", "no workbook", "unreadable"),
        ("loans.csv.gz", "no gzip", "unreadable"),
    ],
)
def test_what_cannot_be_read_is_one_message_and_code_2(
    tmp_path: Path, name, content, fault
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    result = call("draft", "--input", tmp_path / name)
    assert (result.exit_code, "Traceback" in result.stderr) == (2, False), result.stderr
    assert fault in result.stderr
    assert list(tmp_path.glob("*.yaml")) == []


def test_a_label_that_is_not_there_offers_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"no column 'is_bda' .* did you mean 'is_bad'"):
        Drafted(tmp_path, loans(), label="is_bda")


# -- clean data load without an edit ---------------------------------------------------------------


def test_a_clean_file_loads_as_drafted(tmp_path: Path) -> None:
    drafted = Drafted(tmp_path, loans())
    columns = {k: v.column for k, v in drafted.mapping.applications.columns.items()}
    assert columns == {
        "application_id": "loan_id",
        "applied_at": "application_date",
        "amount": "loan_amount",
        "term_months": "term",
    }
    source = drafted.source()
    assert source.applications["default_flag"].tolist() == BAD.astype(float).tolist()
    assert [f.name for f in source.features] == ["loan_amount", "term", "income"]


def test_statuses_with_a_last_payment_become_outcomes(tmp_path: Path) -> None:
    drafted = Drafted(tmp_path, OWN_CSV)
    mapping = drafted.mapping
    assert mapping.outcomes is not None
    assert (mapping.outcomes.event.default, mapping.outcomes.event.repaid) == (["lost"], ["paid"])
    assert mapping.outcomes.last_payment.column == "last"
    assert drafted.source().outcomes["event"].tolist() == ["prepaid", "default", "matured"]


@pytest.mark.parametrize("kind", ["csv", "gz", "parquet", "xlsx"])
def test_every_kind_of_file_gives_the_same_source(tmp_path: Path, kind: str) -> None:
    frame = loans(code=RANDOM.choice(["01", "1"], N), seen=pd.Timestamp("2020-05-17"))
    frame["seen"] = frame["seen"] - pd.to_timedelta(np.arange(N) * 3, "D")
    path = tmp_path / {"gz": "loans.csv.gz"}.get(kind, f"loans.{kind}")
    if kind == "parquet":
        frame.assign(application_date=pd.to_datetime(frame["application_date"])).to_parquet(path)
    elif kind == "xlsx":
        with pd.ExcelWriter(path) as book:
            pd.DataFrame({"note": ["about the loans"]}).to_excel(book, sheet_name="read me")
            frame.to_excel(book, sheet_name="data", index=False)
    else:
        frame.to_csv(path, index=False)
    assert call("draft", "--input", path, "--output", tmp_path / "m.yaml").exit_code == 0
    applications = load_source(tmp_path / "m.yaml").applications
    assert applications["application_id"].tolist() == frame["loan_id"].tolist()
    assert applications["code"].tolist() == frame["code"].tolist()
    assert applications["seen"].iloc[0] == 20
    assert (applications["amount"] == frame["loan_amount"] * 100).all()
    if kind == "xlsx":
        assert read_mapping(tmp_path / "m.yaml").applications.sheet == "data"


# -- how the file is written -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "stated"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gbk", "gbk"), ("utf-16", "utf-16")],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found(tmp_path: Path, encoding, stated, delimiter) -> None:
    frame = loans(城市=RANDOM.choice(["北京", "上海"], N), 学历=RANDOM.choice(["本科", "专科"], N))
    drafted = Drafted(tmp_path, frame, encoding=encoding, sep=delimiter)
    table = drafted.mapping.applications
    assert (table.encoding, table.delimiter) == (stated, delimiter)
    assert drafted.feature("学历") is not None
    if encoding == "gbk":
        assert "# check" in drafted.line("encoding:")


def test_accents_are_not_taken_for_chinese(tmp_path: Path) -> None:
    frame = loans(beruf=RANDOM.choice(["Bäcker", "Müller", "Köchin", "Élève"], N))
    assert Drafted(tmp_path, frame, encoding="cp1252").mapping.applications.encoding == "cp1252"


def test_lines_of_another_length_are_named(tmp_path: Path) -> None:
    lines = loans().to_csv(index=False).splitlines()
    lines[7] += ",1"
    drafted = Drafted(tmp_path, "\n".join(lines))
    assert "1 lines have a cell too many or too few, the first is row 7" in drafted.text


def test_a_sample_says_so_and_labels_are_counted_in_all_rows(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("riskkit.draft.rawfile.SAMPLE_ROWS", 100)
    frame = loans()
    frame["is_bad"] = np.where(np.arange(N) < 100, 0, BAD.astype(int))
    frame.loc[5, "is_bad"] = 1
    drafted = Drafted(tmp_path, frame)
    assert "the first 100 rows" in drafted.text
    assert f"1: {int(frame['is_bad'].sum()):,} rows, bad" in drafted.text
    assert len(drafted.source().applications) == N


# -- how cells are written -------------------------------------------------------------------------

STEPS = np.arange(N)


@pytest.mark.parametrize(
    ("cells", "keys", "first"),
    [
        ([f"{k * 37 + 1234.5:,.2f}" for k in STEPS], {"thousands": ","}, 1234.5),
        ([f"¥{k * 37 + 1234.5:,.2f}" for k in STEPS], {"strip": ["¥"], "thousands": ","}, 1234.5),
        ([f"{k},5" for k in STEPS], {"decimal": ","}, 0.5),
        (
            [f"{k}.{k % 900 + 100}.{k % 800 + 100},25" for k in STEPS],
            {"thousands": "."},  # the point is no decimal sign then
            100100.25,
        ),
        ([f"{k % 90 + 1.5}%" for k in STEPS], {"percent": True}, 0.015),
        ([f"{k % 30 + 1} months" for k in STEPS], {"strip": ["months"]}, 1),
        ([f"{k}" if k % 9 else "N/A" for k in STEPS + 1], {"missing": ["N/A"]}, 1),
        ([f"{k}" if k % 9 else "not asked" for k in STEPS + 1], {"missing": ["not asked"]}, 1),
        ([f"1 {k % 900 + 100}" for k in STEPS], {"thousands": " "}, 1100),
    ],
)
def test_numbers_are_read_as_written(tmp_path: Path, cells, keys, first) -> None:
    drafted = Drafted(tmp_path, loans(debt=cells), sep=";")
    name, block = drafted.feature("debt")
    assert block.type == "number"
    unset = {"decimal": "", "thousands": "", "percent": False, "strip": [], "missing": None}
    assert {key: getattr(block, key) for key in unset} == unset | keys
    assert drafted.source().applications[name].iloc[0] == pytest.approx(first)


@pytest.mark.parametrize(
    ("cells", "keys", "other"),
    [
        ([f"{k + 1}.{k % 900 + 100}" for k in STEPS], "decimal: .", "thousands: ."),
        ([f"{k + 1},{k % 900 + 100}" for k in STEPS], 'thousands: ","', 'decimal: ","'),
    ],
)
def test_two_readings_of_a_number_are_both_given(tmp_path: Path, cells, keys, other) -> None:
    drafted = Drafted(tmp_path, loans(debt=cells), sep=";")
    assert "# check: two readings fit" in drafted.line("debt:")
    assert keys in drafted.line("debt:")
    assert drafted.after("debt:").startswith("# debt: {column: debt")
    assert other in drafted.after("debt:")


def test_a_column_in_doubt_is_read_as_the_others_are(tmp_path: Path) -> None:
    european = [f"{k},5" for k in STEPS]
    drafted = Drafted(tmp_path, loans(debt=[f"{k + 1}.123" for k in STEPS], rent=european), sep=";")
    assert "thousands: ." in drafted.line("debt:").splitlines()[-1]
    assert "# check" in drafted.line("debt:")


def test_per_cent_signs_in_some_rows_are_left_to_the_owner(tmp_path: Path) -> None:
    drafted = Drafted(tmp_path, loans(use=[f"{k % 90}%" if k % 5 else "0.3" for k in STEPS]))
    assert drafted.feature("use") is None
    assert "per cent signs in some rows and none in others" in drafted.left_out()


DAYS = pd.Timestamp("2021-03-25") - pd.to_timedelta(STEPS * 3, "D")


@pytest.mark.parametrize(
    ("written", "format"),
    [
        ([f"{t.year}/{t.month}/{t.day}" for t in DAYS], ""),
        ([f"{t.year}年{t.month}月{t.day}日" for t in DAYS], ""),
        (list(DAYS.strftime("%Y%m%d")), ""),
        (list(DAYS.strftime("%d.%m.%Y")), "%d.%m.%Y"),
        (list(DAYS.strftime("%m/%d/%Y")), "%m/%d/%Y"),
        (list(DAYS.strftime("%d-%b-%y")), "%d-%b-%y"),
        ([str((t - pd.Timestamp("1899-12-30")).days) for t in DAYS], "excel"),
    ],
)
def test_dates_are_found_with_their_format(tmp_path: Path, written, format) -> None:
    drafted = Drafted(tmp_path, loans(first_date=written))
    name, block = drafted.feature("first_date")
    assert (block.type, block.format) == ("months_since", format)
    assert drafted.source().applications[name].iloc[0] == 10


def test_day_or_month_first_is_never_chosen_in_silence(tmp_path: Path) -> None:
    written = [f"{k % 12 + 1:02d}/{k % 11 + 1:02d}/2020" for k in STEPS]
    drafted = Drafted(tmp_path, loans(first_date=written))
    assert '"%d/%m/%Y"' in drafted.line("first_date:").splitlines()[-1]
    assert "# check: %d/%m/%Y and %m/%d/%Y read every cell" in drafted.line("first_date:")
    assert drafted.after("first_date:").startswith("# first_date:")
    assert '"%m/%d/%Y"' in drafted.after("first_date:")


def test_placeholder_dates_are_missing(tmp_path: Path) -> None:
    written = [f"{t:%Y-%m-%d}" if k % 4 else "9999-12-31" for k, t in enumerate(DAYS)]
    drafted = Drafted(tmp_path, loans(first_date=written))
    assert drafted.feature("first_date")[1].missing == ["9999-12-31"]
    assert "# check" in drafted.line("first_date:")
    assert drafted.source().applications["first_date"].isna().sum() == N / 4


@pytest.mark.parametrize(
    ("values", "kind"),
    [(["01", "02", "1"], "category"), (["1", "2", "3"], "number"), (["rent", "own"], "category")],
)
def test_codes_stay_text(tmp_path: Path, values, kind) -> None:
    drafted = Drafted(tmp_path, loans(home=RANDOM.choice(values, N)))
    assert drafted.feature("home")[1].type == kind


def test_levels_are_listed_with_their_rows_but_no_rare_one(tmp_path: Path) -> None:
    home = np.where(STEPS < 390, "rent", "own")
    home[7] = "at Anna's"
    line = Drafted(tmp_path, loans(home=home)).line("home:")
    assert "rent 389, own 10, 1 more levels" in line


# -- what columns are ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        (np.where(STEPS % 10, STEPS, -999), [-999]),
        (np.where(STEPS % 10, STEPS % 90, 9999), [9999]),
        (np.where(STEPS % 10, STEPS % 7, -9), [-9]),
        (np.where(STEPS % 10, STEPS - 200, -9), []),
        (np.where(STEPS % 10, STEPS * 500, 9999), []),
    ],
)
def test_special_codes_are_spikes_outside_the_range(tmp_path: Path, values, codes) -> None:
    drafted = Drafted(tmp_path, loans(score_old=values))
    assert list(drafted.feature("score_old")[1].special_codes) == codes
    assert ("special codes by their look" in drafted.line("score_old:")) == bool(codes)


AFTERWARDS = ["total_pymnt", "recoveries", "settlement_amount", "last_pymnt_amnt", "out_prncp"]
AFTERWARDS += ["collection_fee", "charge_off_flag", "回款金额", "逾期天数", "催收次数"]
BEFORE = ["delinq_2yrs", "近12个月逾期次数", "collections_12_mths", "income"]


@pytest.mark.parametrize("name", AFTERWARDS)
def test_names_of_what_is_known_afterwards(tmp_path: Path, name: str) -> None:
    drafted = Drafted(tmp_path, loans(**{name: RANDOM.integers(0, 99, N)}))
    assert drafted.feature(name)[1].known_afterwards


@pytest.mark.parametrize(
    "name", ["delinq_2yrs", "近12个月逾期次数", "collections_12_mths", "income"]
)
def test_names_of_what_was_known_before(tmp_path: Path, name: str) -> None:
    drafted = Drafted(tmp_path, loans(**{name: RANDOM.integers(0, 99, N)}))
    assert not drafted.feature(name)[1].known_afterwards


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.where(BAD, STEPS % 50 + 1, 0), "of the bad have values that no good has"),
        (np.where(BAD, "x", None), "of the bad have values that no good has"),
        (BAD * 1.0 + RANDOM.normal(0, 0.5, N), "AUC of 0.9"),
    ],
)
def test_columns_that_the_label_gives_away(tmp_path: Path, values, why) -> None:
    drafted = Drafted(tmp_path, loans(odd_thing=values, calm=RANDOM.normal(size=N)), label="is_bad")
    assert drafted.feature("odd_thing")[1].known_afterwards
    assert why in " ".join(drafted.line("odd_thing:").replace("#", "").split())
    assert "# check" in drafted.line("odd_thing:")
    assert not drafted.feature("calm")[1].known_afterwards


PROTECTED = ["sex", "Gender", "age", "age_in_years", "marital_status", "race", "zip_code", "state"]
PROTECTED += [
    "foreign_worker",
    "性别",
    "年龄",
    "婚姻状况",
    "民族",
    "籍贯",
    "地区",
    "邮编",
    "birth_date",
]
PRIVATE = [
    "customer_name",
    "mobile",
    "email",
    "home_address",
    "姓名",
    "手机号",
    "身份证号",
    "家庭住址",
]


@pytest.mark.parametrize("name", PROTECTED)
def test_protected_columns_are_marked_and_their_levels_not_listed(tmp_path: Path, name) -> None:
    values = RANDOM.choice(["SENTINEL1", "SENTINEL2"], N)
    if name == "birth_date":
        values = [f"{t.year - 30}-{t.month}-{t.day}" for t in DAYS]
    drafted = Drafted(tmp_path, loans(**{name: values}))
    assert drafted.feature(name)[1].protected
    assert "SENTINEL" not in drafted.text


@pytest.mark.parametrize("name", ["account_age", "average_balance", "statement_count", "stage"])
def test_words_that_only_sound_protected(tmp_path: Path, name: str) -> None:
    drafted = Drafted(tmp_path, loans(**{name: RANDOM.integers(0, 99, N)}))
    assert not drafted.feature(name)[1].protected


@pytest.mark.parametrize("name", PRIVATE)
def test_persons_are_left_out_by_the_column_s_name(tmp_path: Path, name: str) -> None:
    drafted = Drafted(tmp_path, loans(**{name: RANDOM.choice([f"SENT{i}" for i in range(30)], N)}))
    assert drafted.feature(name) is None
    assert f"names, contacts, addresses and numbers of persons: {name}" in drafted.left_out()
    assert "SENT" not in drafted.text


@pytest.mark.parametrize(
    "cells",
    [
        [f"13{k:09d}" for k in STEPS % 150],
        [f"a{k}@b.org" for k in STEPS % 150],
        [f"11010119900101{k:04d}" for k in STEPS % 150],
    ],
)
def test_contacts_are_known_by_their_cells(tmp_path: Path, cells) -> None:
    drafted = Drafted(tmp_path, loans(field_7=cells))
    assert drafted.feature("field_7") is None
    assert not any(cell in drafted.text for cell in cells)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    names=st.lists(st.sampled_from([*PROTECTED[:-1], *PRIVATE]), min_size=1, unique=True),
    n_levels=st.integers(1, 60),
    suffix=st.sampled_from(["", " ", "%", "元", "@x.org"]),
    numeric=st.booleans(),
)
def test_no_value_of_a_private_or_protected_column_appears(
    tmp_path: Path, names, n_levels, suffix, numeric
) -> None:
    values = [f"{'7654' if numeric else 'Zq'}{k:03d}{suffix}" for k in range(n_levels)]
    # a word and a date that fit nothing beside the numbers
    values += ["Zqodd", "7654-13-99"]
    more = {name: RANDOM.choice(values, N) for name in names}
    text = Drafted(tmp_path, loans(**more)).text
    assert "Zq" not in text
    assert "7654" not in text


def test_headers_become_names_of_features(tmp_path: Path) -> None:
    headers = [
        "AnnualInc",
        "annual_inc",
        "月收入",
        "2yrs.delinq",
        "amount",
        "default_flag x",
        "on: off",
    ]
    frame = loans(**{header: RANDOM.normal(size=N) for header in headers})
    drafted = Drafted(tmp_path, frame)
    names = [drafted.feature(header)[0] for header in headers]
    assert names[:4] == ["annual_inc", "annual_inc_2", "feature_09", "x_2yrs_delinq"]
    assert len(set(names)) == len(names)
    assert drafted.feature("月收入")[1].label == "月收入"
    assert len(drafted.source().features) == len(drafted.mapping.features)


def test_columns_that_say_nothing_are_left_out_by_name(tmp_path: Path) -> None:
    frame = loans(same="x", empty="", remark=[f"text {k}" for k in STEPS], year=2022, row=STEPS)
    drafted = Drafted(tmp_path, frame)
    left_out = drafted.left_out()
    assert "blank in every row: empty" in left_out
    assert "nearly every row has its own text: remark" in left_out
    assert "one value in every row: same" in left_out
    assert "ids: row" in left_out
    assert "text 3" not in drafted.text


def test_two_columns_of_one_name_are_left_out(tmp_path: Path) -> None:
    frame = loans(debt=1.5, rent=STEPS)
    frame.columns = [*frame.columns[:-2], "debt", "debt"]
    drafted = Drafted(tmp_path, frame)
    assert "debt (column 7), debt (column 8)" in drafted.left_out()
    assert drafted.feature("debt") is None


def test_ids_that_stand_twice(tmp_path: Path) -> None:
    frame = loans()
    copies = Drafted(tmp_path, pd.concat([frame, frame.iloc[:3]]))
    assert copies.mapping.applications.duplicates.keep == "first"
    assert "# check: 3 rows are copies" in copies.line("duplicates:")
    assert len(copies.source().applications) == N
    other = frame.iloc[:3].assign(income=1)
    differing = Drafted(tmp_path, pd.concat([frame, other]))
    assert differing.mapping.applications.duplicates.keep == "refuse"
    assert "keep: last" in differing.after("duplicates:")


def test_without_an_amount_or_a_label_the_draft_says_what_to_name(tmp_path: Path) -> None:
    frame = loans().drop(columns=["loan_amount", "income", "is_bad"])
    drafted = Drafted(tmp_path, frame.assign(home=RANDOM.choice(["a", "b"], N)))
    assert "# check: no column looks like an amount" in drafted.line("amount:")
    assert "# check: no column looks like a label" in drafted.line("label:")


def test_a_file_without_features_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,sex,is_bad\n1,f,0\n2,m,1\n3,f,0\n4,m,0\n")
    assert "# check: no column is left" in draft_mapping(tmp_path / "a.csv").text
    (tmp_path / "a.csv").write_text("id,is_bad\n1,0\n2,1\n3,0\n")
    assert "features: {}  # check: no column is left" in draft_mapping(tmp_path / "a.csv").text


# -- who was bad, and until when -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "bad", "good", "ignored"),
    [
        (("1", "0"), ["1"], ["0"], []),
        (("bad", "good"), ["bad"], ["good"], []),
        (("Charged Off", "Fully Paid", "Current"), ["Charged Off"], ["Fully Paid"], ["Current"]),
        (("核销", "结清", "还款中"), ["核销"], ["结清"], ["还款中"]),
        (("违约", "正常"), ["违约"], ["正常"], []),
        (("default", "no default"), ["default"], ["no default"], []),
        (("default", "paid off", "moon"), ["default"], ["paid off"], ["moon"]),
    ],
)
def test_words_of_a_label(tmp_path: Path, values, bad, good, ignored) -> None:
    weights = [0.2, 0.8] if len(values) == 2 else [0.2, 0.6, 0.2]
    frame = loans(loan_status=RANDOM.choice(values, N, p=weights)).drop(columns="is_bad")
    drafted = Drafted(tmp_path, frame, label="loan_status")
    label = drafted.mapping.label
    assert (label.bad, label.good, label.ignored) == (bad, good, ignored)
    for value, n in frame["loan_status"].value_counts().items():
        assert f"{value}: {n:,} rows" in drafted.text
    assert ("not known what 'moon' means" in drafted.text) == ("moon" in values)
    assert drafted.source().applications["default_flag"].mean() > 0


def test_a_flag_of_the_good_counts_the_other_way(tmp_path: Path) -> None:
    frame = loans(good_flag=(~BAD).astype(int)).drop(columns="is_bad")
    label = Drafted(tmp_path, frame, label="good_flag").mapping.label
    assert (label.bad, label.good) == (["0"], ["1"])


def test_worst_days_past_due(tmp_path: Path) -> None:
    days = np.where(BAD, 91 + STEPS, STEPS % 60)
    drafted = Drafted(tmp_path, loans(max_dpd=days).drop(columns="is_bad"))
    assert drafted.mapping.label.days_past_due == "worst"
    assert drafted.mapping.bad.dpd == 90
    assert f"{BAD.sum()} above 90" in " ".join(drafted.line("label:").replace("#", "").split())
    assert "# check" in drafted.line("observed_to:")


def test_observed_to_is_where_the_data_thin_out_not_the_maximum(tmp_path: Path) -> None:
    applied = pd.Timestamp("2021-01-01") + pd.to_timedelta(STEPS % 365, "D")
    last = pd.Series(applied + pd.to_timedelta(STEPS % 200, "D")).clip(upper="2022-03-20")
    last.iloc[3], last.iloc[4] = pd.Timestamp("2092-01-15"), pd.Timestamp("2022-08-01")
    status = RANDOM.choice(["charged off", "paid off", "open"], N)
    frame = loans(loan_status=status, last_payment_date=last.dt.strftime("%Y-%m-%d"))
    frame["application_date"] = applied.strftime("%Y-%m-%d")
    drafted = Drafted(tmp_path, frame.drop(columns="is_bad"))
    assert f"{drafted.mapping.observed_to}" == "2022-03-20"
    assert "# check" in drafted.line("observed_to:")
    assert "2 dates are later" in " ".join(drafted.line("observed_to:").replace("#", "").split())
    # what a draft proposes is not taken: the two rows are named
    with pytest.raises(DataContractError, match="2 rows are not on or before observed_to"):
        drafted.source()


# -- the text --------------------------------------------------------------------------------------


@given(text=st.text(min_size=1, max_size=30))
def test_every_text_is_written_as_it_is_read(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.mktemp("yaml") / "a.yaml"
    path.write_text(f"key: {{a: {scalar(text)}}}\n", encoding="utf-8", newline="\n")
    assert read_yaml(path) == {"key": {"a": text}}


def test_the_public_data_load_as_drafted(tmp_path: Path, shared_data: Path) -> None:
    for file, bad_rate in (
        ("german_credit/german_credit.csv", 0.3),
        ("taiwan_default/taiwan_default.csv.gz", 0.2212),
    ):
        path = tmp_path / "m.yaml"
        path.write_text(draft_mapping(shared_data / file).text, encoding="utf-8")
        source = load_source(path, (shared_data / file).parent)
        assert source.applications["default_flag"].mean() == pytest.approx(bad_rate)


def test_a_gzip_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riskkit.draft.rawfile.SAMPLE_BYTES", 4_000)
    path = tmp_path / "loans.csv.gz"
    path.write_bytes(gzip.compress(loans().to_csv(index=False).encode()))
    draft = draft_mapping(path)
    assert "the first " in draft.text
    assert f"1: {BAD.sum():,} rows, bad" in draft.text


@pytest.mark.parametrize(
    ("content", "label", "fault"),
    [
        ("id,amount,status\n1,100,paid\n", "status", "status: a label needs two values"),
        ("id,amount,status\n1,100,\n2,300,\n", "status", "status: a label needs two values"),
        (
            "a,b\n" + "".join(f"{i},v{i}\n" for i in range(300)),
            "b",
            "no label: of 300 values none says bad",
        ),
    ],
)
def test_a_column_that_is_no_label_is_named(tmp_path: Path, content, label, fault) -> None:
    (tmp_path / "loans.csv").write_text(content)
    result = call("draft", "--input", tmp_path / "loans.csv", "--label", label)
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit), result.stderr
    assert fault in result.stderr
    # as a guess of ours it is none, and the draft says so
    assert call("draft", "--input", tmp_path / "loans.csv").exit_code == 0


@pytest.mark.parametrize("name", ["pwd: x", "anna:s3cret@db", "\x1b[31mred", "long" * 60])
def test_a_name_that_no_mapping_may_hold_is_left_out(tmp_path: Path, name) -> None:
    rows = "".join(
        f"{i},{i}00,{'lost' if i % 3 == 0 else 'paid'},{i % 5},{i % 7}\n" for i in range(60)
    )
    (tmp_path / "loans.csv").write_text(f"id,amount,status,visits,{name}\n{rows}")
    assert call("draft", "--input", tmp_path / "loans.csv", "--label", "status").exit_code == 0
    mapping = read_mapping(tmp_path / "loans.yaml")
    assert name not in [feature.column for feature in mapping.features.values()]
