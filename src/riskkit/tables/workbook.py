"""Tables in one formatted workbook: numbers stay numbers, and no text is a formula.

Takes sheets of frames; gives the bytes of an ``.xlsx`` file, equal ones for equal sheets.
"""

from __future__ import annotations

import datetime
import io
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from riskkit.columns import visible

__all__ = ["Sheet", "undated", "workbook_bytes"]

CONTENTS = "Contents"

_LONGEST_NAME, _LONGEST_TEXT = 31, 32_767
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]")
_FORMULA = tuple("=+-@\t\r")
_FIRST_DAY = datetime.datetime(1900, 3, 1)  # Excel believes in a 29 February 1900
_NARROWEST, _WIDEST, _HEADING_WIDTH, _LINE_HEIGHT = 9, 60, 16, 15
_FILL, _INK = "DCE3EA", "27496D"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One table, and what the contents say of it.

    Parameters
    ----------
    name : str
        Shortened, and told apart from others, where Excel asks for it.
    frame : DataFrame
        Its columns are the headings; its index is not shown.
    formats : mapping of str to str
        Heading → number format in Excel's words.
    about : mapping of str to str
        Heading in the contents → text; the same headings for all sheets.
    """

    name: str
    frame: pd.DataFrame
    formats: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)


def workbook_bytes(
    sheets: Sequence[Sheet],
    *,
    title: str,
    facts: Mapping[str, str],
    left_out: pd.DataFrame,
    dated: datetime.datetime,
) -> bytes:
    """A workbook with its contents on the first sheet, then one sheet a table.

    Parameters
    ----------
    sheets : sequence of Sheet
    title : str
    facts : mapping of str to str
        On top of the contents.
    left_out : DataFrame
        Below them: what is not in the workbook, and why.
    dated : datetime
        When the tables were made, in UTC.

    Notes
    -----
    A missing value and an empty text are an empty cell, an infinite figure the text ∞. A text that
    a spreadsheet would take for a formula is stored as text and stays so when it is edited.
    """
    import openpyxl
    from openpyxl.writer.excel import ExcelWriter

    book = openpyxl.Workbook()
    names = _sheet_names([sheet.name for sheet in sheets])
    contents = book.worksheets[0]
    contents.title = CONTENTS
    _write_contents(contents, sheets, names, title, facts, left_out)
    for sheet, name in zip(sheets, names, strict=True):
        worksheet = book.create_sheet(name)
        _write_table(worksheet, sheet.frame, 1, sheet.formats)
        worksheet.freeze_panes = "A2"
        worksheet.auto_filter.ref = worksheet.dimensions
        worksheet.print_title_rows = "1:1"
        _fit_page(worksheet)
    properties = book.properties
    properties.creator, properties.title = "riskkit", _text(title)
    properties.created = properties.modified = dated
    buffer = io.BytesIO()
    # openpyxl's own save would date the workbook today
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        ExcelWriter(book, archive).save()
    return undated(buffer.getvalue())


def undated(archive: bytes) -> bytes:
    """The zip archive with every entry dated 1980, so that equal contents are equal bytes."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, old.read(name))
    return buffer.getvalue()


def _sheet_names(wanted: Sequence[str]) -> list[str]:
    """Names that Excel takes, none twice, whatever their case."""
    taken = {CONTENTS.lower(), "history"}
    names = []
    for number, name in enumerate(wanted, 1):
        plain = _NOT_IN_NAMES.sub(" ", _text(name)).strip("' ") or f"table {number}"
        short, n = plain[:_LONGEST_NAME].strip("' "), 1
        while short.lower() in taken:
            n += 1
            end = f" {n}"
            short = plain[: _LONGEST_NAME - len(end)] + end
        taken.add(short.lower())
        names.append(short)
    return names


def _write_contents(
    worksheet: Any,
    sheets: Sequence[Sheet],
    names: Sequence[str],
    title: str,
    facts: Mapping[str, str],
    left_out: pd.DataFrame,
) -> None:
    from openpyxl.styles import Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    _write_text(worksheet.cell(1, 1), title)
    worksheet.cell(1, 1).font = Font(bold=True, size=14, color=_INK)
    for row, (label, text) in enumerate(facts.items(), 2):
        _write_text(worksheet.cell(row, 1), label)
        _write_text(worksheet.cell(row, 2), text)
        worksheet.cell(row, 1).font = Font(bold=True)
    top = len(facts) + 3
    rows = [
        {**sheet.about, "sheet": name, "rows": len(sheet.frame)}
        for sheet, name in zip(sheets, names, strict=True)
    ]
    _write_table(worksheet, pd.DataFrame(rows), top, {"rows": "#,##0"})
    for row, name in enumerate(names, top + 1):
        cell = worksheet.cell(row, len(rows[0]) - 1)
        quoted = name.replace("'", "''")
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{quoted}'!A1")
        cell.font = Font(color="0563C1", underline="single")
    if len(left_out):
        below = top + len(rows) + 2
        _write_text(worksheet.cell(below, 1), "Not in this workbook")
        worksheet.cell(below, 1).font = Font(bold=True, size=12, color=_INK)
        _write_table(worksheet, left_out, below + 1, {})
    _fit_page(worksheet)


def _fit_page(worksheet: Any) -> None:
    """Print in landscape, as wide as a page."""
    worksheet.page_setup.orientation = "landscape"
    worksheet.page_setup.fitToHeight = 0
    worksheet.sheet_properties.pageSetUpPr.fitToPage = True


def _write_table(worksheet: Any, frame: pd.DataFrame, top: int, formats: Mapping[str, str]) -> None:
    """Write headings into the row `top` and the rows below it; widen columns to what they hold."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    bold, fill = Font(bold=True, color=_INK), PatternFill("solid", fgColor=_FILL)
    wrapped = Alignment(wrap_text=True, vertical="top")
    n_lines = 1
    for place, heading in enumerate(map(str, frame.columns), 1):
        column = frame.iloc[:, place - 1]
        cell = worksheet.cell(top, place)
        _write_text(cell, heading)
        cell.font, cell.fill, cell.alignment = bold, fill, wrapped
        is_text = not _is_figure(column)
        longest = _longest(column, formats.get(heading, ""))
        for row, value in enumerate(column.tolist(), top + 1):
            cell = worksheet.cell(row, place)
            _write_value(cell, value, formats.get(heading, ""))
            if is_text and longest > _WIDEST:
                cell.alignment = wrapped
        widths = worksheet.column_dimensions[get_column_letter(place)]
        # room for the arrow of the filter beside the longest word
        least = max((len(word) for word in heading.split()), default=0) + 3
        width = max(_NARROWEST, least, longest + 2, min(len(heading) + 3, _HEADING_WIDTH))
        before = widths.width if widths.customWidth else 0  # of the contents, with two tables
        widths.width = min(max(width, before), _WIDEST)
        n_lines = max(n_lines, math.ceil((len(heading) + 3) / widths.width))
    worksheet.row_dimensions[top].height = n_lines * _LINE_HEIGHT


def _is_figure(column: pd.Series) -> bool:
    kinds = pd.api.types
    return kinds.is_numeric_dtype(column) or kinds.is_datetime64_any_dtype(column)


def _longest(column: pd.Series, number_format: str) -> int:
    """About how many letters the longest cell of a column shows."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return len("2026-12-31")
    if not _is_figure(column):
        return max((len(str(v)) for v in column.tolist() if not _is_missing(v)), default=0)
    most = column.astype("float64").abs().max()
    whole = len(f"{most:,.0f}") if math.isfinite(most) else 1
    decimals = number_format.rpartition(";")[2].partition(".")[2]
    return whole + len(decimals) + 2


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _write_value(cell: Any, value: Any, number_format: str) -> None:
    if _is_missing(value):
        return
    if isinstance(value, bool):
        cell.value = value
    elif isinstance(value, int | float):
        if math.isinf(value):
            _write_text(cell, "∞" if value > 0 else "−∞")
            return
        cell.value = value
        cell.number_format = number_format or "General"
    elif isinstance(value, datetime.datetime) and value.replace(tzinfo=None) >= _FIRST_DAY:
        _write_moment(cell, value)
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        _write_value(cell, datetime.datetime(value.year, value.month, value.day), number_format)
    else:
        # a day before Excel knows days
        _write_text(cell, str(value).removesuffix(" 00:00:00"))


def _write_moment(cell: Any, value: datetime.datetime) -> None:
    """A day, or a moment where it has a time; an offset is left out, as Excel knows none."""
    moment = pd.Timestamp(value).tz_localize(None).to_pydatetime(warn=False)
    cell.value = moment
    midnight = moment.time() == datetime.time()
    cell.number_format = "yyyy-mm-dd" if midnight else "yyyy-mm-dd hh:mm"


def _write_text(cell: Any, text: str) -> None:
    text = _text(text)
    if not text:
        return
    if len(text) > _LONGEST_TEXT:
        text = f"{text[: _LONGEST_TEXT - 1]}…"
    cell.value = text
    cell.data_type = "s"  # openpyxl takes "=1" for a formula and "#N/A" for an error
    if text.startswith(_FORMULA):
        cell.quotePrefix = True  # else Excel takes it for one when somebody edits the cell


def _text(text: str) -> str:
    return visible(str(text))
