"""Scores of a file block by block, and the rows that have none."""

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from stored_tables import write_parts

from riskkit import schema, tables
from riskkit.binning import WoeBinner
from riskkit.challenger import Challenger
from riskkit.checks import DataContractError
from riskkit.columns import CellRule, read_cells
from riskkit.scorecard import Scorecard
from riskkit.scoring import cells, load_model, reading, record, score_file, writing

N = 500


def applicants(n, seed):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "income": rng.lognormal(8, 0.6, n),
            "inquiries": rng.poisson(2, n).astype(float),
            "job": rng.choice(["clerk", "driver", "farmer"], n),
            "branch": rng.choice(["1", "2", "10"], n),
            "phone": rng.random(n) < 0.6,
        }
    )
    X.loc[rng.random(n) < 0.1, "inquiries"] = -9
    X.loc[rng.random(n) < 0.1, "income"] = np.nan
    X.loc[rng.random(n) < 0.1, "job"] = None
    return X


@pytest.fixture(scope="module")
def borrowers():
    X = applicants(6000, 11)
    rng = np.random.default_rng(12)
    odds = -2.2 + 0.3 * X["inquiries"].clip(0) - 0.7 * (np.log(X["income"].fillna(2e3)) - 8)
    odds += 0.8 * (X["job"] == "driver") + 0.8 * (X["branch"] == "10") - 0.8 * X["phone"]
    return X, (rng.random(len(X)) < 1 / (1 + np.exp(-odds))).to_numpy().astype(int)


@pytest.fixture(scope="module")
def card(borrowers):
    found = Scorecard(WoeBinner(special_codes={"inquiries": [-9.0]})).fit(*borrowers)
    assert set(found.points_) == set(borrowers[0].columns)
    return found


@pytest.fixture(scope="module")
def trees(borrowers):
    settings = {"learning_rate": 0.2, "patience_rounds": 5}
    return Challenger(special_codes={"inquiries": [-9.0]}, **settings).fit(*borrowers)


@pytest.fixture
def model(request, card, trees):
    return {"card": card, "trees": trees}[request.param]


@pytest.fixture
def rows():
    X = applicants(N, 13)
    X.insert(0, "application_id", [f"{number:05d}" for number in range(N)])
    X["note"] = "not read"
    return X


def keep(frame, folder, kind="csv"):
    path = folder / f"in.{kind}"
    if kind == "parts":
        return write_parts(frame, path, 100, 101, 350)
    if kind == "parquet":
        return schema.write_table(frame, path)
    frame.to_csv(path, index=False)
    return path


def scores_of(path):
    return schema.read_table(path, text=["application_id"])


def side_of(result):
    return pd.read_csv(result.rejected, dtype="str", keep_default_na=False)


def reasons_of(result):
    side = side_of(result)
    return dict(zip(side["row"].astype(int), side["reasons"], strict=True))


def same_scores(found, model, frame):
    assert found["application_id"].tolist() == frame["application_id"].tolist()
    assert found["credit_score"].dtype == np.int64
    np.testing.assert_array_equal(found["credit_score"], model.credit_score(frame))
    np.testing.assert_array_equal(found["default_probability"], model.predict_proba(frame)[:, 1])


# -- scores ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["card", "trees"], indirect=True)
@pytest.mark.parametrize("kind", ["parquet", "parts", "csv", "csv.gz"])
@pytest.mark.parametrize("block", [None, 1, 99])
def test_scores_are_the_models_own_whatever_the_file_and_the_blocks(
    tmp_path, model, rows, kind, block
):
    out = "csv" if kind == "parts" else kind
    if block == 1:
        rows = rows[:40]
    result = score_file(model, keep(rows, tmp_path, kind), tmp_path / f"out.{out}", rows=block)
    assert (result.n_rows, result.n_scored, result.n_rejected) == (len(rows), len(rows), 0)
    assert result.rejected is None
    assert result.unseen == {}
    found = scores_of(result.output)
    assert list(found.columns) == ["application_id", "credit_score", "default_probability"]
    same_scores(found, model, rows)
    left = {f"in.{kind}", f"out.{out}", f"out.{out}.record.json"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_pieces_of_a_csv_file_smaller_than_it_make_no_difference(tmp_path, card, rows, monkeypatch):
    path = keep(rows, tmp_path)
    text = path.read_text().splitlines()
    text[200] = "0,0"
    path.write_text("\n".join(text))
    whole = score_file(card, path, tmp_path / "whole.csv")
    monkeypatch.setattr(tables.csv_files, "CSV_BYTES", 1000)
    pieces = score_file(card, path, tmp_path / "pieces.csv")
    assert pieces.output.read_bytes() == whole.output.read_bytes()
    assert pieces.rejected.read_bytes() == whole.rejected.read_bytes()
    assert reasons_of(pieces) == {200: "2 fields instead of 7: 0,0"}


@pytest.mark.parametrize("model", ["card", "trees"], indirect=True)
def test_reasons_are_the_models_own_in_their_rank(tmp_path, model, rows):
    result = score_file(model, keep(rows, tmp_path), tmp_path / "out.parquet", n_reasons=3, rows=64)
    found = scores_of(result.output)
    own = model.reasons(rows, 3)["reason"].unstack("rank").reindex(range(N))
    for rank in (1, 2, 3):
        assert found[f"reason_{rank}"].isna().tolist() == own[rank].isna().tolist()
        assert found[f"reason_{rank}"].dropna().tolist() == own[rank].dropna().tolist()
    assert found["reason_1"].notna().any()


def test_reasons_stay_with_their_row_beside_rejected_ones(tmp_path, card, rows):
    rows.loc[[0, 1, 70], "application_id"] = None
    result = score_file(card, keep(rows, tmp_path), tmp_path / "out.csv", n_reasons=1, rows=64)
    own = card.reasons(rows, 1)["reason"].droplevel("rank").reindex(range(N)).drop([0, 1, 70])
    found = scores_of(result.output)["reason_1"]
    assert found.fillna("").tolist() == own.fillna("").tolist()


@pytest.mark.parametrize("model", ["card", "trees"], indirect=True)
def test_reasons_take_the_words_of_the_catalogue(tmp_path, model, rows):
    path = keep(rows, tmp_path)
    codes = {-9.0: "no bureau record"}
    catalogue = [
        schema.Feature(name="income", label="Plain income", family="application", unit="EUR"),
        schema.Feature(name="inquiries", label="Asked", family="bureau", special_codes=codes),
    ]
    result = score_file(model, path, tmp_path / "out.parquet", n_reasons=4, features=catalogue)
    found = schema.read_table(result.output)
    reasons = pd.concat([found[f"reason_{rank}"] for rank in (1, 2, 3, 4)]).dropna()
    own = model.reasons(rows, 4, features=catalogue)["reason"]
    assert sorted(reasons) == sorted(own)
    income = reasons[reasons.str.startswith("Plain income: ")]
    assert income.str.contains(r"EUR|missing").all()
    assert reasons.str.startswith("Asked: ").any()
    assert not reasons.str.contains(r"special|[<≥\[]|inquiries").any()
    assert reasons.eq("phone: no").any()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_an_id_with_commas_quotes_and_line_breaks_stays_one_cell(tmp_path, card, rows, kind):
    rows.loc[[3, 4], "application_id"] = ['a,"b"\nc', 'd"']
    result = score_file(card, keep(rows, tmp_path, kind), tmp_path / "out.csv")
    same_scores(scores_of(result.output), card, rows)


def test_ids_stay_themselves(tmp_path, card, rows):
    """Text keeps its zeros; whole numbers keep all digits beside one that is missing."""
    rows = rows[:3].copy()
    rows["application_id"] = pd.array([2**62 + 1, None, 2**62 + 3], dtype="Int64")
    result = score_file(card, keep(rows, tmp_path, "parquet"), tmp_path / "out.parquet")
    assert scores_of(result.output)["application_id"].tolist() == [
        "4611686018427387905",
        "4611686018427387907",
    ]
    assert reasons_of(result) == {2: "application_id: missing"}
    rows["application_id"] = [7.0, np.nan, 20240000001.0]
    result = score_file(card, keep(rows, tmp_path, "parquet"), tmp_path / "out.parquet")
    assert scores_of(result.output)["application_id"].tolist() == ["7", "20240000001"]


def test_a_level_is_known_by_its_number_as_pandas_writes_one_beside_a_gap(tmp_path, card, rows):
    numbers = rows.assign(branch=rows["branch"].astype(float))
    numbers.loc[3, "branch"] = np.nan
    path = keep(numbers, tmp_path)
    assert ",1.0," in path.read_text()
    result = score_file(card, path, tmp_path / "out.csv")
    same_scores(scores_of(result.output), card, numbers)
    assert result.unseen == {}


def test_a_csv_cell_is_a_known_level_as_written_else_by_its_number_or_truth_value():
    known = {"1", "02", "1.5", "nan", "True"}
    given = ["1", " 1.0 ", "02", "2", "1.50", "TRUE", "xyz", None, "nan", "NaN"]
    found = cells.levels(pa.array(given), known, is_csv=True)
    assert found.tolist()[:7] == ["1", "1", "02", "2", "1.5", "True", "xyz"]
    assert pd.isna(found[7])
    assert found.tolist()[8:] == ["nan", "NaN"]
    as_it_is = cells.levels(pa.array(given), known, is_csv=False)
    assert as_it_is.dropna().tolist() == [text for text in given if text is not None]


def test_levels_never_seen_are_scored_and_counted(tmp_path, card, rows):
    rows.loc[[5, 6], "job"] = "pilot"
    rows.loc[6, "branch"] = "nan"
    rows.loc[[7], "job"] = "diver"
    rows["income"] = rows["income"].astype("object")
    rows.loc[7, "income"] = "much"
    result = score_file(card, keep(rows, tmp_path), tmp_path / "out.csv", rows=6)
    assert result.unseen == {"job": 2, "branch": 1}
    good = rows.drop(index=7).astype({"income": float})
    same_scores(scores_of(result.output), card, good)


@pytest.mark.parametrize("kind", ["Int64", "int8", "float32", "decimal", "category", "text"])
def test_numbers_may_be_stored_in_any_way(tmp_path, card, rows, kind):
    whole = rows["inquiries"]
    stored = {
        "Int64": lambda: whole.astype("Int64"),
        "int8": lambda: whole.astype("int8"),
        "float32": lambda: whole.astype("float32"),
        "decimal": lambda: whole.map(lambda v: Decimal(int(v))),
        "category": lambda: whole.astype("int64").astype("category"),
        "text": lambda: whole.astype(str).map(" {} ".format),
    }[kind]()
    path = keep(rows.assign(inquiries=stored), tmp_path, "parquet")
    result = score_file(card, path, tmp_path / "out.parquet")
    same_scores(scores_of(result.output), card, rows)


def test_small_blocks_make_no_small_row_groups(tmp_path, card, rows, monkeypatch):
    monkeypatch.setattr(writing, "GROUP_ROWS", 150)
    result = score_file(card, keep(rows, tmp_path), tmp_path / "out.parquet", rows=60)
    footer = parquet.ParquetFile(result.output).metadata
    groups = [footer.row_group(k).num_rows for k in range(footer.num_row_groups)]
    assert groups == [180, 180, 140]
    same_scores(scores_of(result.output), card, rows)


def test_decimals_are_read_to_the_nearest_float():
    """Arrow's own cast is off by one bit in some."""
    given = [Decimal(int(v)).scaleb(-4) for v in np.random.default_rng(1).integers(1, 10**17, 2000)]
    values, bad = cells.numbers(pa.array([*given, None]))
    assert values[:-1].tolist() == [float(v) for v in given]
    assert np.isnan(values[-1])
    assert bad == {}


WORDS = ["nan", "-inf", "infinity", "1e999", "9007199254740993", "-0", "1e-400", "TRUE", "false"]
TEXTS = st.text("0123456789+-.eExXnNaAiIfFty_ ,%\t", max_size=8) | st.sampled_from(WORDS)


@settings(deadline=None)
@given(st.lists(TEXTS | st.none(), max_size=4))
def test_text_is_a_number_as_columns_has_it_whatever_stands_beside_it(texts):
    """Read at once or one by one; true and false are 1 and 0."""
    values, bad = cells.numbers(pa.array(texts, pa.string()))
    for at, text in enumerate(texts):
        alone = {"TRUE": "1", "false": "0"}.get(text, text)
        read = read_cells(pa.array([alone], pa.string()), CellRule(kind="number", decimal="."))
        np.testing.assert_array_equal(values[at], read.series[0])
        assert (at in bad) == bool(read.faults)


def test_blanks_around_ids_and_levels_of_csv_are_no_part_of_them(tmp_path, card, rows):
    blank = rows.assign(application_id=rows["application_id"] + "  ", job=" " + rows["job"])
    result = score_file(card, keep(blank, tmp_path), tmp_path / "out.csv")
    same_scores(scores_of(result.output), card, rows)
    assert result.unseen == {}


def test_a_whole_number_whose_digits_are_lost_is_rejected(tmp_path, card, rows):
    for kind in ("csv", "parquet"):
        large = rows.assign(inquiries=rows["inquiries"].astype("int64"))
        large.loc[3, "inquiries"] = 2**53 + 1
        result = score_file(card, keep(large, tmp_path, kind), tmp_path / "out.csv")
        assert reasons_of(result)[4].startswith("inquiries: '9007199254740993' is not a ")


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("out", ["parquet", "csv", "csv.gz"])
def test_no_rows_give_an_output_without_rows(tmp_path, card, rows, kind, out):
    result = score_file(card, keep(rows[:0], tmp_path, kind), tmp_path / f"out.{out}", n_reasons=1)
    assert (result.n_rows, result.n_scored, result.n_rejected) == (0, 0, 0)
    names = ["application_id", "credit_score", "default_probability", "reason_1"]
    assert list(scores_of(result.output).columns) == names


def test_a_csv_file_without_a_last_line_break_or_with_a_bom_is_read(tmp_path, card, rows):
    path = keep(rows, tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().rstrip(b"\n").replace(b"\n", b"\r\n\r\n"))
    same_scores(scores_of(score_file(card, path, tmp_path / "out.csv").output), card, rows)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [0, 1, 2])
def test_the_size_of_the_pieces_never_matters(tmp_path, card, rows, monkeypatch, line_end, last):
    """Whether or not the last line ends, and wherever a piece does."""
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    text = keep(rows[:6], tmp_path).read_text().rstrip("\n").replace("\n", line_end)
    path.write_text(text + last * line_end, newline="")
    lines = [line.split(",") for line in text.split(line_end)]
    for size in range(max(map(len, text.split(line_end))) + 12, len(text) + 20):
        monkeypatch.setattr(tables.csv_files, "CSV_BYTES", size)
        source = reading.open_input(path)
        blocks = list(source.blocks(source.columns, None))
        assert [list(row.values()) for block in blocks for row in block.table.to_pylist()] == [
            [cell.encode() or None for cell in line] for line in lines[1:]
        ], size
        assert [number for block in blocks for number in block.numbers] == [1, 2, 3, 4, 5, 6], size
        assert source.n_rows == 6, size
        assert not any(block.broken for block in blocks), size
        # the score of a file is dearer than reading it a hundred times
        if size % 100 == 0:
            assert score_file(card, path, out).n_rows == 6, size


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_header_alone_has_no_rows(tmp_path, card, rows, end):
    path = tmp_path / "in.csv"
    path.write_text(",".join(rows.columns) + end)
    assert score_file(card, path, tmp_path / "out.csv").n_rows == 0


@pytest.mark.parametrize("size", [-1, 1, 3, 10, 2000])
@pytest.mark.parametrize("kind", ["csv", "csv.gz"])
def test_a_stream_is_the_file_and_its_end_in_one_piece(tmp_path, rows, size, kind):
    path = keep(rows[:30], tmp_path, kind)
    text = rows[:30].to_csv(index=False).encode()
    stream = tables.csv_files._Stream(path, "END")
    pieces = list(iter(lambda: stream.read(size), b""))
    stream.close()
    assert b"".join(pieces) == text + b"END"
    assert pieces[-1].endswith(b"END")
    if size < 0:
        assert len(pieces) == 1
    elif size > 3:
        assert max(map(len, pieces)) <= size


# -- rejected rows ---------------------------------------------------------------------------------


def broken(rows):
    """A CSV text with every kind of breach; the row and the reason of each."""
    lines = rows.to_csv(index=False).splitlines()
    fields = [line.split(",") for line in lines]

    def put(row, **cells):
        for name, cell in cells.items():
            fields[row][rows.columns.get_loc(name)] = cell

    put(2, income="abc")
    put(3, application_id="")
    put(4, application_id="   ")
    put(5, income="inf", inquiries="-Infinity", phone="perhaps")
    put(6, income="nan")
    put(7, income="1_000", inquiries="NA")
    put(8, application_id=fields[1][0])
    put(9, application_id="", inquiries="0x10")
    put(11, income='"1,5"')
    put(12, income="1e999")
    put(300, application_id=fields[1][0])
    put(301, application_id=fields[2][0])
    fields[400] += ["more", "than enough"]
    fields[401] = fields[401][:2]
    put(402, application_id='"say ""hi""\nhere"', income='"two\nlines"')
    text = "\n".join(",".join(line) for line in fields) + "\n"
    first, second = fields[1][0], fields[2][0]
    return text, {
        2: "income: 'abc' is not a number",
        3: "application_id: missing",
        4: "application_id: missing",
        5: "income: 'inf' is not a number; inquiries: '-Infinity' is not a number; "
        "phone: 'perhaps' is not a number",
        6: "income: 'nan' is not a number",
        7: "income: '1_000' is not a number; inquiries: 'NA' is not a number",
        8: f"application_id: {first!r} repeats an earlier row's",
        9: "application_id: missing; inquiries: '0x10' is not a number",
        11: "income: '1,5' is not a number",
        12: "income: '1e999' is not a number",
        300: f"application_id: {first!r} repeats an earlier row's",
        301: f"application_id: {second!r} repeats an earlier row's",
        400: f"9 fields instead of 7: {','.join(fields[400])}",
        401: f"2 fields instead of 7: {','.join(fields[401])}",
        402: "income: 'two\\nlines' is not a number",
    }


def in_order(reasons, card):
    """Reasons in the order of the model's features, which is not that of the columns."""
    place = ["application_id", *card.points_]

    def sorted_parts(text):
        if "fields instead" in text:
            return text
        return "; ".join(sorted(text.split("; "), key=lambda r: place.index(r.split(":")[0])))

    return {row: sorted_parts(text) for row, text in reasons.items()}


@pytest.mark.parametrize(
    ("model", "block"),
    [("card", None), ("card", 1), ("card", 7), ("trees", None), ("trees", 50)],
    indirect=["model"],
)
def test_every_breach_is_in_the_side_file_and_every_other_row_is_scored_as_if_it_were_not(
    tmp_path, model, card, rows, block
):
    text, reasons = broken(rows)
    path = tmp_path / "in.csv"
    path.write_text(text)
    result = score_file(model, path, tmp_path / "out.csv.gz", rows=block)
    assert (result.n_rows, result.n_scored, result.n_rejected) == (N, N - 15, 15)
    assert result.rejected == tmp_path / "out.rejected.csv"
    columns = card if model is card else type("", (), {"points_": model.feature_names_in_})
    assert reasons_of(result) == in_order(reasons, columns)
    good = rows.drop(index=[row - 1 for row in reasons])
    same_scores(scores_of(result.output), model, good)


def test_the_side_file_holds_the_cells_as_they_were_read(tmp_path, card, rows):
    text, reasons = broken(rows)
    path = tmp_path / "in.csv"
    path.write_text(text)
    side = side_of(score_file(card, path, tmp_path / "out.csv")).set_index("row")
    assert list(side.columns) == ["reasons", "application_id", *card.points_]
    assert list(side.index) == [str(row) for row in sorted(reasons)]
    given = list(csv.reader(io.StringIO(text)))
    names = list(side.columns[1:])
    for row in set(reasons) - {400, 401}:
        cells_given = dict(zip(given[0], given[row], strict=True))
        assert side.loc[str(row), names].to_dict() == {name: cells_given[name] for name in names}
    assert set(side.loc["400", names]) == {""}


@pytest.mark.parametrize("block", [None, 7])
def test_several_files_are_one_input(tmp_path, card, rows, block):
    text, reasons = broken(rows)
    path = tmp_path / "in.csv"
    path.write_text(text)
    whole = score_file(card, path, tmp_path / "whole.csv")
    head, *lines = text.splitlines(keepends=True)
    paths = [tmp_path / "a.csv", tmp_path / "b.csv", tmp_path / "c.csv"]
    for part, chosen in zip(paths, (lines[:250], lines[250:400], lines[400:]), strict=True):
        part.write_text(head + "".join(chosen))
    result = score_file(card, paths, tmp_path / "out.csv", rows=block)
    assert (result.n_rows, result.n_rejected) == (N, len(reasons))
    assert result.output.read_bytes() == whole.output.read_bytes()
    assert result.rejected.read_bytes() == whole.rejected.read_bytes()
    paths[1].write_text(paths[1].read_text().replace("income", "pay", 1))
    refused(tmp_path, card, paths, "expected the columns application_id, income")


def test_a_side_file_once_mended_is_an_input(tmp_path, card, rows):
    text, _ = broken(rows)
    path = tmp_path / "in.csv"
    path.write_text(text)
    first = score_file(card, path, tmp_path / "out.csv")
    side = side_of(first)
    mended = side[side["row"] == "2"].assign(income="5000")
    mended.to_csv(tmp_path / "mended.csv", index=False)
    second = score_file(card, tmp_path / "mended.csv", tmp_path / "second.csv")
    same_scores(scores_of(second.output), card, rows.loc[[1]].assign(income=5000.0))


def test_parquet_rows_are_rejected_alike(tmp_path, card, rows):
    rows.loc[10, "income"] = np.inf
    rows.loc[[20, 21], "application_id"] = [rows.loc[1, "application_id"], None]
    rows["inquiries"] = rows["inquiries"].map("{:g}".format)
    rows.loc[400, "inquiries"] = "few"
    result = score_file(card, keep(rows, tmp_path, "parts"), tmp_path / "out.parquet", rows=50)
    assert reasons_of(result) == {
        11: "income: 'inf' is not a finite number of at most 15 digits",
        21: "application_id: '00001' repeats an earlier row's",
        22: "application_id: missing",
        401: "inquiries: 'few' is not a number",
    }
    good = rows.drop(index=[10, 20, 21, 400]).astype({"inquiries": float})
    same_scores(scores_of(result.output), card, good)


def test_a_cell_that_is_no_utf8_costs_its_row_only(tmp_path, card, rows):
    path = keep(rows, tmp_path)
    lines = path.read_bytes().splitlines()
    lines[4] = lines[4].replace(b"00003", b"0000\xa3")
    lines[5] = b"00004,1,2,\xe9t\xe9,1,True,x"
    lines[6] = b"00005,\xff,2,clerk,1,True,x"
    path.write_bytes(b"\n".join(lines))
    result = score_file(card, path, tmp_path / "out.csv")
    found = reasons_of(result)
    assert found[5] == r"job: '\\xe9t\\xe9' is no UTF-8 text"
    assert found[6] == r"income: '\\xff' is not a number"
    assert found[4] == r"application_id: '0000\\xa3' is no UTF-8 text"
    assert set(found) == {4, 5, 6}
    same_scores(scores_of(result.output), card, rows.drop(index=[row - 1 for row in found]))


def test_without_rejected_rows_an_older_side_file_goes(tmp_path, card, rows):
    older(tmp_path, card, rows)
    side = tmp_path / "out.rejected.csv"
    assert side.exists()
    assert score_file(card, keep(rows, tmp_path), tmp_path / "out.csv").rejected is None
    assert not side.exists()


def test_the_side_file_may_be_named(tmp_path, card, rows):
    rows.loc[0, "application_id"] = None
    side = tmp_path / "bad rows.csv"
    result = score_file(card, keep(rows, tmp_path), tmp_path / "out.csv", rejected=side)
    assert result.rejected == side
    assert reasons_of(result) == {1: "application_id: missing"}


@pytest.mark.parametrize("lines", [["1,2"] * 4, ["1,2", ",,,,,,", "1,2", ",,,,,,,,"]])
def test_a_file_of_nothing_but_broken_rows_loses_none(tmp_path, card, rows, lines):
    path = keep(rows[:0], tmp_path)
    path.write_text(path.read_text() + "\n".join(lines))
    result = score_file(card, path, tmp_path / "out.parquet")
    assert (result.n_rows, result.n_scored, result.n_rejected) == (4, 0, 4)
    assert list(reasons_of(result)) == [1, 2, 3, 4]


def test_ids_that_repeat_are_found_across_many_blocks():
    rng = np.random.default_rng(5)
    ids = rng.integers(0, 3000, 5000).astype(str)
    seen = cells.SeenIds()
    found = np.concatenate([seen.repeated(pa.array(part)) for part in np.array_split(ids, 83)])
    np.testing.assert_array_equal(found, pd.Series(ids).duplicated())
    assert len(seen._runs) < 15


def test_lost_rows_are_an_error(tmp_path, card, rows, monkeypatch):
    path = keep(rows, tmp_path)
    own = reading.CsvInput.blocks

    def forgetful(self, columns, rows):
        yield from list(own(self, columns, rows))[1:]

    monkeypatch.setattr(reading.CsvInput, "blocks", forgetful)
    with pytest.raises(DataContractError, match=r"500 rows by .*, but 400 scored and 0 rejected"):
        score_file(card, path, tmp_path / "out.csv", rows=100)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


# -- whole or not at all ---------------------------------------------------------------------------


def older(folder, model, rows, output="out.csv"):
    """Output, side file and record of an earlier scoring; tells whether they are as they were."""
    (folder / "older").mkdir(exist_ok=True)
    some = rows.head(3).assign(application_id=[None, "a", "b"])
    for path in folder.glob("out*"):
        path.unlink()
    result = score_file(model, keep(some, folder / "older"), folder / output)
    files = [result.output, result.rejected, record.record_path(result.output)]
    before = [path.read_bytes() for path in files]
    return lambda: [path.read_bytes() for path in files] == before


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_error_leaves_the_older_files_and_nothing_else(tmp_path, card, rows, monkeypatch, error):
    rows.loc[0, "application_id"] = None
    path = keep(rows, tmp_path)
    untouched = older(tmp_path, card, rows)
    before = sorted(tmp_path.iterdir())
    own, calls = Scorecard.credit_score, []

    def failing(self, X):
        calls.append(len(X))
        if len(calls) == 5:
            raise error
        return own(self, X)

    monkeypatch.setattr(Scorecard, "credit_score", failing)
    for out in ("out.csv", "new.csv.gz", "new.parquet"):
        calls.clear()
        with pytest.raises(type(error)):
            score_file(card, path, tmp_path / out, rows=50)
        assert len(calls) == 5
    assert untouched()
    assert sorted(tmp_path.iterdir()) == before


FULL_DISK = """
import resource, signal, sys
from riskkit import scoring
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
scoring.score_file(*sys.argv[1:])
"""


@pytest.mark.parametrize("n_bad", [0, 1])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_disk_that_fills_up_at_the_end_leaves_both_older_files(tmp_path, card, rows, n_bad, kind):
    rows.loc[rows.index[:n_bad], "application_id"] = None
    path, out = keep(rows, tmp_path), tmp_path / f"out.{kind}"
    card.save(tmp_path / "card.json")
    untouched = older(tmp_path, card, rows, out.name)
    before = sorted(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, tmp_path / "card.json", path, out],
        capture_output=True,
        text=True,
    )
    assert "File too large" in done.stderr
    assert untouched()
    assert sorted(tmp_path.iterdir()) == before


def test_a_leftover_that_is_gone_by_now_is_no_error(tmp_path, monkeypatch):
    path = tmp_path / "out.csv"
    gone = tmp_path / ".out.csv.0.partial"
    monkeypatch.setattr(type(path), "glob", lambda self, pattern: iter([gone]))
    with writing._Staged(path) as file:
        file.file.write(b"x")
        file.finish()
        file.publish()
    assert path.read_bytes() == b"x"


def test_a_file_taken_for_a_leftover_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    """Between its making and its lock, another process may remove it."""
    path, own, calls = tmp_path / "out.csv", writing.fcntl.flock, []

    def late(file, how):
        calls.append(file)
        if len(calls) == 1:
            next(tmp_path.glob(".out.csv.*.partial")).unlink()
        own(file, how)

    monkeypatch.setattr(writing.fcntl, "flock", late)
    with writing._Staged(path) as file:
        file.file.write(b"x")
        file.finish()
        file.publish()
    assert path.read_bytes() == b"x"
    assert len(calls) == 2


def test_a_damaged_file_leaves_the_older_output(tmp_path, card, rows):
    path = keep(pd.concat([rows] * 20), tmp_path, "csv.gz")
    path.write_bytes(path.read_bytes()[:-2000])
    untouched = older(tmp_path, card, rows)
    with pytest.raises(DataContractError, match=r"in\.csv\.gz.*\n.*unreadable"):
        score_file(card, path, tmp_path / "out.csv")
    assert untouched()


@pytest.mark.parametrize("place", ["middle", "last"])
def test_a_quote_that_is_never_closed_is_an_error_that_names_the_row(tmp_path, card, rows, place):
    """It would swallow the rest of the file into one cell."""
    path = keep(rows, tmp_path)
    lines = path.read_text().splitlines()
    lines[100] = lines[100].replace("not read", '"not read')
    if place == "last":
        lines = lines[:101]
    path.write_text("\n".join(lines) + "\n")
    untouched = older(tmp_path, card, rows)
    with pytest.raises(DataContractError, match=r"a row after row .* never ends"):
        score_file(card, path, tmp_path / "out.csv")
    assert untouched()


def test_a_quote_within_a_cell_is_a_letter(tmp_path, card, rows):
    rows.loc[[3, 7], "job"] = '5" pipe'
    path = keep(rows, tmp_path)
    path.write_text(path.read_text().replace('"5"" pipe"', '5" pipe'))
    result = score_file(card, path, tmp_path / "out.csv")
    same_scores(scores_of(result.output), card, rows)
    assert result.unseen == {"job": 2}


def test_a_row_longer_than_what_is_read_at_once_is_an_error(tmp_path, card, rows, monkeypatch):
    rows.loc[40, "note"] = "x" * 5000
    path = keep(rows, tmp_path)
    monkeypatch.setattr(tables.csv_files, "CSV_BYTES", 2000)
    with pytest.raises(DataContractError, match=r"a row after row .* never ends"):
        score_file(card, path, tmp_path / "out.csv")


# a job in the background of a shell ignores ctrl-C, and so would its children
ENDLESS = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from riskkit import scoring
from riskkit.scorecard import Scorecard
own, calls = Scorecard.credit_score, []
def slow(self, X):
    calls.append(1)
    if len(calls) == 3:
        print("in the middle", flush=True)
        import time
        time.sleep(60)
    return own(self, X)
Scorecard.credit_score = slow
scoring.score_file(*sys.argv[1:], rows=50)
"""


def test_a_killed_process_leaves_the_older_files_and_the_next_removes_its_own(tmp_path, card, rows):
    rows.loc[0, "application_id"] = None
    path, output = keep(rows, tmp_path), tmp_path / "out.csv"
    card.save(tmp_path / "card.json")
    untouched = older(tmp_path, card, rows)
    arguments = [sys.executable, "-c", ENDLESS, tmp_path / "card.json", path, output]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in the middle\n"
        leftovers = list(tmp_path.glob(".*.partial"))
        assert len(leftovers) == 2
        # somebody else who writes the same file leaves what is being written alone
        score_file(card, path, tmp_path / "out.csv")
        assert sorted(tmp_path.glob(".*.partial")) == sorted(leftovers)
        untouched = older(tmp_path, card, rows)
        os.kill(process.pid, signal.SIGKILL)
    assert untouched()
    assert sorted(tmp_path.glob(".*.partial")) == sorted(leftovers)
    result = score_file(card, path, output)
    assert result.n_rejected == 1
    same_scores(scores_of(output), card, rows[1:])
    assert list(tmp_path.glob(".*.partial")) == []


def test_ctrl_c_leaves_nothing(tmp_path, card, rows):
    path = keep(rows, tmp_path)
    card.save(tmp_path / "card.json")
    untouched = older(tmp_path, card, rows)
    arguments = [sys.executable, "-c", ENDLESS, tmp_path / "card.json", path, tmp_path / "out.csv"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(arguments, text=True, **pipes) as process:
        assert process.stdout.readline() == "in the middle\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert "Exception ignored" not in errors
    assert untouched()
    assert list(tmp_path.glob(".*.partial")) == []


# -- what scoring may replace ----------------------------------------------------------------------


def test_the_record_says_what_was_scored_by_what(tmp_path, card, rows):
    rows.loc[0, "application_id"] = None
    path = keep(rows, tmp_path)
    result = score_file(card, path, tmp_path / "out.csv", n_reasons=2)
    found = json.loads((tmp_path / "out.csv.record.json").read_text())
    sha = {name: record.hash_files([tmp_path / name]) for name in ("in.csv", "out.csv")}
    assert found["model"] == "riskkit.Scorecard"
    assert found["model_sha256"] == card.to_json()["sha256"]
    assert found["input_sha256"] == sha["in.csv"]
    assert found["scores_sha256"] == sha["out.csv"]
    assert found["rejected_sha256"] == record.hash_files([result.rejected])
    counts = [found[name] for name in ("n_rows", "n_scored", "n_rejected", "n_reasons")]
    assert counts == [len(rows), len(rows) - 1, 1, 2]
    assert found["mapping_sha256"] is None


def test_an_output_somebody_has_changed_is_not_replaced(tmp_path, card, rows):
    rows.loc[0, "application_id"] = None
    path, out = keep(rows, tmp_path), tmp_path / "out.csv"
    result = score_file(card, path, out)
    score_file(card, path, out)
    # mended, but not scored yet
    result.rejected.write_text(result.rejected.read_text().replace(",,", ",7,", 1))
    refused(tmp_path, card, path, r"out\.rejected\.csv is no output of an earlier scoring")
    result.rejected.unlink()
    altered = json.loads((tmp_path / "out.csv.record.json").read_text()) | {"n_rows": 7}
    (tmp_path / "out.csv.record.json").write_text(json.dumps(altered))
    refused(tmp_path, card, path, "is no record of scores")


def test_a_model_is_never_replaced_by_its_scores(tmp_path, card, rows):
    path, model = keep(rows, tmp_path), tmp_path / "card.json"
    card.save(model)
    before = model.read_bytes()
    for name in ("card.json", "./card.json"):
        refused(tmp_path, model, path, "side file, which is .csv", rejected=tmp_path / name)
    os.link(model, tmp_path / "linked.csv")
    refused(tmp_path, model, path, "would replace what is read", "linked.csv")
    assert model.read_bytes() == before


@pytest.mark.parametrize("step", ["side", "scores"])
def test_killed_between_its_files_it_knows_them_again(tmp_path, card, rows, monkeypatch, step):
    older(tmp_path, card, rows)
    rows.loc[0, "application_id"] = None
    path, out = keep(rows, tmp_path), tmp_path / "out.csv"
    killed = writing.SideFile if step == "side" else writing.ScoreWriter

    def die(self):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(killed, "publish", die)
        with pytest.raises(KeyboardInterrupt):
            score_file(card, path, out)
    result = score_file(card, path, out)
    same_scores(scores_of(result.output), card, rows[1:])


def test_a_file_written_meanwhile_stays(tmp_path, card, rows, monkeypatch):
    path, out = keep(rows, tmp_path), tmp_path / "out.csv"
    own = Scorecard.scored

    def slow(self, X):
        out.write_text("somebody's\n")
        return own(self, X)

    monkeypatch.setattr(Scorecard, "scored", slow)
    with pytest.raises(DataContractError, match=r"out\.csv has changed while the input was scored"):
        score_file(card, path, out)
    assert out.read_text() == "somebody's\n"


@pytest.mark.parametrize("which", ["input", "model"])
def test_what_is_read_and_changes_meanwhile_is_an_error(tmp_path, card, rows, monkeypatch, which):
    """Also after it has been hashed: the record would name what was not scored."""
    path, model = keep(rows, tmp_path), tmp_path / "card.json"
    card.save(model)
    changed = path if which == "input" else model
    own, calls = Scorecard.scored, []

    def slow(self, X):
        calls.append(1)
        if len(calls) == 5:
            changed.write_bytes(changed.read_bytes() + b"\n")
        return own(self, X)

    monkeypatch.setattr(Scorecard, "scored", slow)
    with pytest.raises(DataContractError, match="has changed while the input was scored"):
        score_file(model, path, tmp_path / "out.csv", rows=50)
    assert {found.name for found in tmp_path.iterdir()} == {"in.csv", "card.json"}


def test_what_is_written_is_for_owner_and_group(tmp_path, card, rows):
    rows.loc[0, "application_id"] = None
    result = score_file(card, keep(rows, tmp_path), tmp_path / "out.csv")
    for path in (result.output, result.rejected, record.record_path(result.output)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


# -- what is refused before anything is written ----------------------------------------------------


def refused(tmp_path, model, path, match, output="out.csv", **options):
    before = sorted(tmp_path.iterdir())
    with pytest.raises(DataContractError, match=match):
        score_file(model, path, tmp_path / output, **options)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("missing", [["income"], ["application_id"], ["job", "phone"]])
def test_missing_columns_are_named(tmp_path, card, rows, kind, missing):
    path = keep(rows.drop(columns=missing), tmp_path, kind)
    with pytest.raises(DataContractError) as caught:
        score_file(card, path, tmp_path / "out.csv")
    for name in missing:
        assert name in str(caught.value).split("found")[0]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_column_that_cannot_hold_numbers_is_named(tmp_path, card, rows):
    rows["income"] = pd.Timestamp("2024-01-01")
    path = keep(rows, tmp_path, "parquet")
    refused(tmp_path, card, path, "income: expected numbers, found timestamp")


def test_a_column_of_lists_is_no_id_and_no_category(tmp_path, card, rows):
    lists = [[1]] * N
    path = tmp_path / "in.parquet"
    rows.assign(application_id=lists, job=lists).to_parquet(path)
    refused(tmp_path, card, path, "application_id: expected text, found list")
    refused(tmp_path, card, path, "job: expected text, found list")


def test_two_columns_of_one_name_are_refused(tmp_path, card, rows):
    path = keep(rows.rename(columns={"note": "income"}), tmp_path)
    refused(tmp_path, card, path, "two columns of one name: income")
    table = pa.Table.from_pandas(rows)
    names = [n.replace("note", "income") for n in table.column_names]
    parquet.write_table(table.rename_columns(names), tmp_path / "in.parquet")
    refused(tmp_path, card, tmp_path / "in.parquet", "two columns of one name: income")


@pytest.mark.parametrize(
    ("output", "options", "match"),
    [
        ("out.txt", {}, "unknown kind of file '.txt'; expected .parquet, .csv, .csv.gz"),
        ("none/out.csv", {}, "no folder .*none"),
        ("in.csv", {}, "in.csv would replace what is read"),
        ("out.csv", {"rejected": "in.csv"}, "in.csv would replace what is read"),
        ("out.csv", {"rejected": "out.csv.record.json"}, "is to be the side file, too"),
        ("other.csv", {}, "other.csv is no output of an earlier scoring"),
        ("out.csv", {"rejected": "other.csv"}, "other.csv is no output of an earlier scoring"),
        ("link.csv", {}, "link.csv would replace what is read"),
        ("nowhere.csv", {}, "nowhere.csv is no file"),
        ("taken.csv", {}, "taken.csv.record.json is no record of scores"),
        ("out.csv", {"rejected": "out.csv"}, "out.csv is to be the side file, too"),
        ("folder.csv", {}, "folder.csv is a folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused(tmp_path, card, rows, output, options, match):
    path = keep(rows, tmp_path)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "other.csv").write_text("application_id,credit_score,default_probability\n")
    (tmp_path / "link.csv").symlink_to(path)
    (tmp_path / "nowhere.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "taken.csv.record.json").write_text("{}")
    options = {name: tmp_path / value for name, value in options.items()}
    refused(tmp_path, card, path, match, output, **options)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_without_a_header_is_refused(tmp_path, card, text):
    (tmp_path / "in.csv").write_text(text)
    refused(tmp_path, card, tmp_path / "in.csv", "no line with the names|file is empty")


def test_an_input_that_is_not_there_is_refused(tmp_path, card):
    refused(tmp_path, card, tmp_path / "none.csv", "no file at")


@pytest.mark.parametrize("options", [{"n_reasons": -1}, {"rows": 0}])
def test_numbers_out_of_range_are_refused(tmp_path, card, rows, options):
    with pytest.raises(ValueError, match="must be at least"):
        score_file(card, keep(rows, tmp_path), tmp_path / "out.csv", **options)


# -- models ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["card", "trees"], indirect=True)
def test_a_model_is_read_by_its_kind(tmp_path, model, rows):
    model.save(tmp_path / "model.json")
    assert type(load_model(tmp_path / "model.json")) is type(model)
    result = score_file(tmp_path / "model.json", keep(rows, tmp_path), tmp_path / "out.csv")
    same_scores(scores_of(result.output), model, rows)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda text: text.replace('"schema_version": 2', '"schema_version": 99', 1),
            "99 is newer",
        ),
        (lambda text: text.replace('"schema_version": 2', '"schema_version": 1', 1), "1 is not 2"),
        (lambda text: text.replace("riskkit.Scorecard", "riskkit.WoeBinner"), "found 'riskkit.Wo"),
        (lambda text: text[:1000], "no JSON that could be read"),
        (lambda text: "[1, 2]", "expected a riskkit.Scorecard or riskkit.Challenger, found None"),
        (lambda text: '{"kind": "riskkit.Scorecard"}', "schema_version None is not 2"),
        (lambda text: text.replace('"intercept": -', '"intercept": '), "checksum does not hold"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, card, change, match):
    path = tmp_path / "model.json"
    card.save(path)
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    with pytest.raises(DataContractError, match=match):
        load_model(path)


def test_a_model_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataContractError, match="no file at"):
        load_model(tmp_path / "model.json")


# -- progress --------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_progress_grows_to_the_size_of_all_files(tmp_path, rows, kind):
    paths = []
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        paths.append(keep(rows, tmp_path / str(number), kind))
    source = reading.open_input(paths)
    found = [source.position for _ in source.blocks(["income"], 100)]
    assert found == sorted(found)
    assert source.total / 3 < found[6] <= source.total * 2 / 3 < found[12] <= source.total
    assert source.position == source.total


@pytest.mark.parametrize(("kind", "total"), [("parquet", "500/500"), ("csv.gz", "100%")])
def test_a_terminal_sees_a_bar_to_its_end(tmp_path, card, rows, monkeypatch, kind, total):
    path = keep(rows, tmp_path, kind)
    monkeypatch.setattr(sys, "stderr", Terminal())
    score_file(card, path, tmp_path / "out.csv", rows=100)
    last = sys.stderr.getvalue().split("\r")[-1]
    assert path.name in last
    assert total in last
    sys.stderr = Terminal()
    score_file(card, path, tmp_path / "out.csv", progress=False)
    assert sys.stderr.getvalue() == ""


def test_nobody_looking_sees_nothing(tmp_path, card, rows, capsys):
    score_file(card, keep(rows, tmp_path), tmp_path / "out.csv")
    assert capsys.readouterr() == ("", "")


def test_what_is_no_leftover_of_ours_stays(tmp_path, card, rows):
    path = keep(rows.head(4), tmp_path)
    name = ".out.csv.{}.partial".format
    others = [tmp_path / name(word) for word in ("mine", "a" * 31, "A" * 32)]
    for other in others:
        other.write_text("mine")
    pipe, folder, link = (tmp_path / name(letter * 32) for letter in "bcd")
    os.mkfifo(pipe)
    folder.mkdir()
    link.symlink_to(path)
    leftover = tmp_path / name("e" * 32)
    leftover.write_text("cut")
    score_file(card, path, tmp_path / "out.csv")
    assert all(other.read_text() == "mine" for other in others)
    assert pipe.exists()
    assert folder.is_dir()
    assert link.is_symlink()
    assert path.exists()
    assert not leftover.exists()


@pytest.mark.parametrize("output", [".", "", "/", "scores.txt"])
def test_an_output_that_names_no_file_of_scores_is_refused(tmp_path, card, rows, output):
    path = keep(rows.head(4), tmp_path)
    with pytest.raises(DataContractError, match="unknown kind of file"):
        score_file(card, path, output)


def test_a_side_file_is_csv(tmp_path, card, rows):
    match = "which is .csv"
    for name in ("side.csv.gz", "side.parquet", "side"):
        refused(tmp_path, card, keep(rows.head(4), tmp_path), match, rejected=tmp_path / name)


def test_scores_do_not_become_a_part_of_their_input(tmp_path, card, rows):
    folder = tmp_path / "parts"
    write_parts(rows.head(6), folder, 3)
    inside = folder / "part-00099.parquet"
    with pytest.raises(DataContractError, match="would be a part of the input"):
        score_file(card, folder, inside)
    assert score_file(card, folder, tmp_path / "scores.csv").n_scored == 6


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([1.0, float("nan"), 3.0, 1.0]),
        pa.array([b"ab", None, b"cd", b"ab"], pa.binary(2)),
        pa.array([True, None, False, True]),
        pa.array([0, None, 10**15, 0], pa.timestamp("us", "Asia/Shanghai")),
        pa.array(["a", None, "b", "a"], pa.string_view()),
    ],
    ids=["float", "bytes", "truth", "time", "view"],
)
def test_a_rejected_row_of_parquet_means_the_same_when_it_is_scored_again(
    tmp_path, card, rows, ids
):
    table = pa.Table.from_pandas(rows.head(4).drop(columns="application_id"))
    path = tmp_path / "in.parquet"
    parquet.write_table(table.append_column("application_id", ids), path)
    result = score_file(card, path, tmp_path / "out.csv")
    assert (result.n_scored, result.n_rejected) == (2, 2)
    known = scores_of(result.output)["application_id"].tolist()
    side = side_of(result)
    assert side["application_id"].iloc[0] == ""
    assert side["application_id"].iloc[1] == known[0]
    again = score_file(card, result.rejected, tmp_path / "again.csv")
    assert (again.n_scored, again.n_rejected) == (1, 1)
    assert scores_of(again.output)["application_id"].tolist() == known[:1]


def test_an_identifier_of_sixteen_bytes_is_no_text(tmp_path, card, rows):
    table = pa.Table.from_pandas(rows.head(1).drop(columns="application_id"))
    ids = pa.array([b"0" * 16], pa.uuid())
    parquet.write_table(table.append_column("application_id", ids), tmp_path / "in.parquet")
    refused(tmp_path, card, tmp_path / "in.parquet", "application_id")


def test_a_float_id_that_may_have_lost_digits_is_rejected(tmp_path, card, rows):
    frame = rows.head(2).assign(application_id=[2.0**53, 7.0])
    frame.to_parquet(tmp_path / "in.parquet")
    result = score_file(card, tmp_path / "in.parquet", tmp_path / "out.csv")
    assert result.n_rejected == 1
    assert "last digits may be lost" in side_of(result)["reasons"].iloc[0]
