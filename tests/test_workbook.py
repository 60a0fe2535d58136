"""Tables in one workbook: read back cell by cell."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from riskkit.columns import visible
from riskkit.plots import number_format, show_table
from riskkit.tables import Sheet, workbook_bytes

DATED = datetime.datetime(2026, 1, 2, 3, 4, 5)


def written(*sheets: Sheet, **changes: Any) -> bytes:
    settings = {
        "title": "A lender",
        "facts": {"Run": "quick", "riskkit": "1.2.3"},
        "left_out": pd.DataFrame({"table": ["applications"], "reason": ["one row each"]}),
        "dated": DATED,
    }
    return workbook_bytes(sheets, **settings | changes)


def read(*sheets: Sheet, **changes: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(written(*sheets, **changes)))


def sheet(frame: pd.DataFrame, name: str = "table", **formats: str) -> Sheet:
    return Sheet(name=name, frame=frame, formats=formats, about={"stage": "01", "table": name})


def cells(worksheet: Any) -> list[tuple[Any, ...]]:
    return [tuple(cell.value for cell in row) for row in worksheet.iter_rows()]


FORMULAS = ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "=", "=cmd|' /C calc'!A0", "#N/A"]


def test_no_text_is_a_formula_and_stays_so_when_edited() -> None:
    odd = pd.DataFrame({name: FORMULAS for name in FORMULAS[:4]})
    book = read(sheet(odd, name="=1+1"), title="=1", facts={"=a": "@b"}, left_out=odd)
    for worksheet in book.worksheets:
        for row in worksheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", cell.coordinate
                assert cell.data_type != "e", cell.coordinate
                if isinstance(cell.value, str) and cell.value[:1] in set("=+-@\t\r"):
                    assert cell.data_type == "s"
                    assert cell.quotePrefix
    shown = cells(book.worksheets[1])
    assert [row[0] for row in shown[1:]] == FORMULAS


def test_an_empty_text_is_an_empty_cell() -> None:
    worksheet = read(sheet(pd.DataFrame({"a": ["", "b"], "": ["c", None]}))).worksheets[1]
    assert cells(worksheet) == [("a", None), (None, "c"), ("b", None)]
    assert worksheet["A2"].data_type == "n"


def test_numbers_dates_and_truths_stay_what_they_are() -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2], "x": [0.1 + 0.2, np.nan], "huge": [np.inf, -np.inf],
            "when": pd.to_datetime(["2024-02-29", None]),
            "moment": pd.to_datetime(["2024-02-29 13:30", "2024-03-01 00:00"]),
            "early": [datetime.date(1850, 1, 1), datetime.date(2024, 1, 1)],
            "flag": [True, False], "text": ["a", None], "minus": [-1.5, -2],
            "zoned": pd.to_datetime(["2024-02-29", "2024-03-01"]).tz_localize("Asia/Shanghai"),
        }
    )  # fmt: skip
    worksheet = read(sheet(frame, n="#,##0", x="0.0%")).worksheets[1]
    heading, first, second = cells(worksheet)
    assert heading == tuple(frame.columns)
    day = datetime.datetime(2024, 2, 29)
    first_of_march = datetime.datetime(2024, 3, 1)
    assert first == (
        1, pytest.approx(0.1 + 0.2, rel=1e-15), "∞", day, datetime.datetime(2024, 2, 29, 13, 30),
        "1850-01-01", True, "a", -1.5, day,
    )  # fmt: skip
    assert second == (
        2, None, "−∞", None, first_of_march, datetime.datetime(2024, 1, 1), False, None, -2,
        first_of_march,
    )  # fmt: skip
    formats = [cell.number_format for cell in worksheet[2]]
    assert formats[:5] == ["#,##0", "0.0%", "General", "yyyy-mm-dd", "yyyy-mm-dd hh:mm"]
    assert worksheet["A2"].data_type == "n"
    assert worksheet["G2"].data_type == "b"


def test_letters_that_excel_cannot_hold_are_shown_by_number() -> None:
    odd = [
        "a\x00b",
        "\x07\x1f",
        "half \ud800 \ufffe",
        "\u202egnirts",
        "x" * 40_000,
        "_x0041_",
        "通过",
    ]
    frame = pd.DataFrame({"text": pd.Series(odd, dtype=object)})
    shown = [row[0] for row in cells(read(sheet(frame)).worksheets[1])[1:]]
    cut = odd[4][:32_766] + "…"
    assert shown == [visible(text) if len(text) < 99 else cut for text in odd]
    assert shown[0] == "a‹U+0000›b"


NAMES = [
    "Contents", "contents", "history", "a" * 40, "A" * 40, "[x]:*?/\\y", "'quoted'", "", "\x00",
    "a" * 40, "it's", "03 models",
]  # fmt: skip


def test_names_of_sheets_are_what_excel_takes_and_lead_there() -> None:
    frame = pd.DataFrame({"x": [1]})
    book = read(*(sheet(frame, name) for name in NAMES))
    names = book.sheetnames
    assert names[0] == "Contents"
    assert len({name.lower() for name in names}) == len(NAMES) + 1
    for name in names:
        assert 1 <= len(name) <= 31
        assert not set(name) & set("[]:*?/\\")
        assert not name.startswith("'")
        assert not name.endswith("'")
        assert name.lower() != "history"
    contents = book.worksheets[0]
    links = [cell for row in contents.iter_rows() for cell in row if cell.hyperlink]
    assert [cell.value for cell in links] == names[1:]
    places = [cell.hyperlink.location for cell in links]
    assert places == ["'{}'!A1".format(name.replace("'", "''")) for name in names[1:]]


def test_contents_say_what_is_there_and_what_is_not() -> None:
    frame = pd.DataFrame({"x": range(1200)})
    contents = [row for row in cells(read(sheet(frame)).worksheets[0]) if any(row)]
    assert contents == [
        ("A lender", None, None, None),
        ("Run", "quick", None, None),
        ("riskkit", "1.2.3", None, None),
        ("stage", "table", "sheet", "rows"),
        ("01", "table", "table", 1200),
        ("Not in this workbook", None, None, None),
        ("table", "reason", None, None),
        ("applications", "one row each", None, None),
    ]
    assert "Not in" not in str(cells(read(sheet(frame), left_out=pd.DataFrame()).worksheets[0]))


def test_a_sheet_is_headed_frozen_filtered_and_wide_enough() -> None:
    frame = pd.DataFrame(
        {"a heading of several words": [1], "x": ["y" * 40], "long": ["word " * 40], "n": [1e9]}
    )
    worksheet = read(sheet(frame, n="#,##0")).worksheets[1]
    assert worksheet.freeze_panes == "A2"
    assert worksheet.auto_filter.ref == "A1:D2"
    assert worksheet.print_title_rows == "$1:$1"
    assert all(cell.font.bold and cell.fill.fill_type == "solid" for cell in worksheet[1])
    assert not worksheet["A2"].font.bold
    widths = [worksheet.column_dimensions[letter].width for letter in "ABCD"]
    assert widths[0] < 20
    assert 40 < widths[1] < 50
    assert widths[2] == 60
    assert widths[3] >= len("1,000,000,000")
    assert worksheet["C2"].alignment.wrap_text
    assert worksheet.row_dimensions[1].height == 30


def test_an_empty_table_is_its_headings() -> None:
    worksheet = read(sheet(pd.DataFrame({"a": [], "b": pd.Series(dtype="str")}))).worksheets[1]
    assert cells(worksheet) == [("a", "b")]
    assert worksheet.auto_filter.ref == "A1:B1"


def test_equal_sheets_give_equal_bytes_and_bear_the_date_given() -> None:
    made = sheet(pd.DataFrame({"x": [1.5], "when": [pd.Timestamp("2024-01-01")]}))
    assert written(made) == written(made)
    book = read(made)
    assert (book.properties.created, book.properties.modified) == (DATED, DATED)
    assert (book.properties.title, book.properties.creator) == ("A lender", "riskkit")
    with zipfile.ZipFile(io.BytesIO(written(made))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("values", "name", "given", "code", "shown"),
    [
        ([0.1234], "bad_rate", "", "0.00%", "12.34%"),
        ([0.1234], "bad_rate_low", "", "0.00%", "12.34%"),
        ([0.1234], "share_of_ceiling", "", "0.0%", "12.3%"),
        ([0.1234], "miss_rate", "percent2", "0.00%", "12.34%"),
        ([1234], "loans", "", "#,##0", "1,234"),
        ([1234.0], "loans", "", "#,##0", "1,234"),
        ([123456.7], "profit_amount", "", "#,##0", "123,457"),
        ([0.5], "p_value", "", '[<0.0001]"< 0.0001";0.0000', "0.5000"),
        ([0.71], "auc", "three", "0.000", "0.710"),
        ([0.71], "woe", "signed", "+0.000;-0.000;+0.000", "+0.710"),
        ([pd.Timestamp("2024-02-03")], "when", "", "yyyy-mm-dd", "2024-02-03"),
        (["a"], "text", "", "", "a"),
        ([True], "flag", "", "", "yes"),
    ],
)
def test_a_figure_looks_in_a_sheet_as_it_does_on_a_page(
    values: list[Any], name: str, given: str, code: str, shown: str
) -> None:
    column = pd.Series(values)
    assert number_format(column, name, given) == code
    page = show_table(column.to_frame(name), {name: given} if given else None).to_html()
    assert f">{shown}</td>" in page


def test_a_figure_without_a_format_of_its_own_shows_four_digits_of_the_largest() -> None:
    made = {
        (12.5, 0.1): "#,##0.00",
        (0.0123, np.nan): "#,##0.00000",
        (1e-9, 0.0): "#,##0.000000",
        (4321.5, 1.0): "#,##0",
        (np.inf, 1.25): "#,##0.000",
        (np.nan, np.nan): "#,##0",
        (0.0, 0.0): "#,##0",
    }
    for values, code in made.items():
        assert number_format(pd.Series(values), "x") == code, values
    assert number_format(pd.Series([0.5]), "x", otherwise="percent2") == "0.00%"
    assert number_format(pd.Series([1, 2]), "x", otherwise="percent2") == "#,##0"
