"""The one place that styles a table: formatted, escaped, short.

Takes a frame; gives a Styler that reads well in a notebook and a report, its cells as shown, or the
number format of a column for a spreadsheet.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from riskkit.columns import NUMBER_FORMATS, visible
from riskkit.plots.style import label_of

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

__all__ = ["Cell", "number_format", "show_table", "table_cells"]

# the same in the words of a spreadsheet, which has none for a number of significant digits
SPREADSHEET = {
    "percent": "0.0%",
    "percent2": "0.00%",
    "whole": "#,##0",
    "number": "#,##0.00",
    "three": "0.000",
    "four": "0.0000",
    "five": "0.00000",
    "signed": "+0.000;-0.000;+0.000",
    "p_value": '[<0.0001]"< 0.0001";0.0000',
    "p_counted": '[<=0.01]"at most 0.01";0.000',
    "critical": '[<0.001]"< 0.001";0.000',
    "date": "yyyy-mm-dd",
}
_WRITTEN = {
    "auc": "AUC", "gini": "Gini", "iv": "IV", "ks": "KS", "mob": "month on book", "pdo": "PDO",
    "psi": "PSI", "vif": "VIF", "woe": "WoE",
}  # fmt: skip
_LEAST_COUNTED = 1 / (99 + 1)  # of 99 permutations
_SHADE = "200, 85, 61"
_SHORT = 14  # letters of a row's heading that stay on one line
_SENTENCE = 40  # letters of a cell from which on it needs a wide column
_GENERAL_DIGITS = 4  # of the largest value of a column


class Cell(NamedTuple):
    """One cell of a styled table as its page shows it."""

    text: str
    is_heading: bool
    n_rows: int = 1
    n_columns: int = 1


def show_table(
    frame: pd.DataFrame,
    formats: Mapping[str, str] | str | None = None,
    *,
    caption: str = "",
    names: Mapping[str, str] | None = None,
    heat: Sequence[str] | bool = (),
    rows: int = 40,
    rest: str = "",
    plain: bool = False,
) -> Styler:
    """Table for a notebook or report: formatted, escaped, short.

    Parameters
    ----------
    frame : DataFrame
    formats : mapping of column to format name, or one name for all columns, optional
        One of percent, percent2, whole, number, three, four, five, signed, general; p_counted: a
        p-value counted on 99 permutations, which can be no less than 0.01; critical: what chance
        reaches, which is never told as 0. By default the
        column's name decides: ``_rate`` and ``_share`` are percentages, a ``bad_rate`` with two
        digits, whole numbers get thousands separators.
    caption : str
    names : mapping, optional
        Column → heading; by default the name with spaces for underscores.
    heat : sequence of columns, or True
        Columns shaded by value, each on its own scale; True shades all fractions and amounts of
        the table on one, but no whole numbers, which count something else beside them.
    rows : int
        At most so many rows; a longer table is cut and the caption says so. One without rows
        says "none".
    rest : str
        Where a table that is cut can be read whole, such as a file of the run.
    plain : bool
        Values of the index are words, in which an underscore is a blank.
    """
    shown = frame.head(rows)
    if shown.empty:
        shown = pd.DataFrame(index=["none"], columns=frame.columns, dtype=object)
    # named in the corner instead of a row of its own
    corner = html.escape(" / ".join(_heading(label_of(name)) for name in frame.index.names))
    shown = shown.rename_axis(index=[None] * shown.index.nlevels, columns=corner or None)
    if len(shown) < len(frame):
        whole = f"; all in {rest}" if rest else ""
        caption = f"{caption} (first {rows} of {len(frame):,} rows{whole})".strip()
    chosen = {column: _format(frame[column], str(column), formats) for column in shown.columns}
    headings = {c: (names or {}).get(c, _heading(str(c))) for c in shown.columns}
    # an id from the content: two equal runs must give equal pages
    digest = pd.util.hash_array(np.array([caption, shown.to_csv()], dtype=object))
    style = shown.style.set_uuid(f"{digest[0] ^ digest[1]:016x}")
    style.cell_ids = False
    style.format(chosen, na_rep="–", escape="html")
    style.format_index(lambda value: _row_heading(value, plain), axis="index")
    style.format_index(
        lambda value: html.escape(headings.get(value, label_of(value))), axis="columns"
    )
    if caption:
        style.set_caption(html.escape(caption))
    columns = list(heat or ()) if heat is not True else list(shown.columns)
    if heat is True and len(shown.select_dtypes("floating").columns):
        columns = list(shown.select_dtypes("floating").columns)
    if columns and len(frame):
        style.apply(_shaded, subset=columns, axis=None, together=heat is True)
    style.set_table_styles(_column_styles(shown))
    return style


def _shaded(values: pd.DataFrame, together: bool) -> pd.DataFrame:
    """Shade of each cell by its place between the least and the most; one without a value has none.

    A veil over the ground, whichever it is: by day and by night the text keeps its own colour.
    """
    numbers = values.astype(float).replace([np.inf, -np.inf], np.nan)
    low, high = (numbers.min(), numbers.max())
    if together:
        low, high = low * 0 + low.min(), high * 0 + high.max()
    share = (numbers - low) / (high - low).where(high > low, 1.0)
    return share.map(
        lambda part: (
            "" if np.isnan(part) else f"background-color: rgba({_SHADE}, {0.66 * part:.3f})"
        )
    )


def _column_styles(shown: pd.DataFrame) -> Any:
    """Words stand left; figures, days and short words stay on one line, sentences get room."""
    left = "text-align: left"
    styles = [
        {"selector": "th.row_heading, th.index_name", "props": left},
        {"selector": "td", "props": "white-space: nowrap"},
    ]
    for i, name in enumerate(shown.columns):
        column = shown[name]
        if pd.api.types.is_numeric_dtype(column):
            continue
        styles.append({"selector": f"th.col{i}, td.col{i}", "props": left})
        longest = max(map(len, map(str, column)), default=0)
        if longest > _SHORT:
            # in a narrow window a verdict would else stand in as many lines as it has words
            room = "11rem" if longest > _SENTENCE else "7rem"
            props = f"white-space: normal; min-width: {room}"
            styles.append({"selector": f"td.col{i}", "props": props})
    return styles


def _row_heading(value: object, plain: bool) -> str:
    """A label as HTML: a short one, such as a day or a bin, on one line."""
    label = label_of(value).replace("_", " " if plain else "_")
    text = html.escape(label)
    # letters of Chinese are twice as wide, and a line may end after any of them, leaving one alone
    wide = sum(letter >= "\u2e80" for letter in label)
    if len(label) + wide <= (_SHORT + 4 if wide else _SHORT):
        breaks = wide or re.search(r"[ -]", label)
        return f'<span class="short">{text}</span>' if breaks else text
    return text


def _heading(name: str) -> str:
    """A column's name in words, the field's short forms as they are written."""
    words = name.replace("_", " ").split(" ")
    if words[0] == "n" and len(words) > 1:
        words[0] = "number of"
    return " ".join(_WRITTEN.get(word, word) for word in words).replace("p value", "p-value")


def table_cells(style: Styler) -> tuple[list[list[Cell]], list[list[Cell]]]:
    """Rows of the heading and of the body, each cell with the text that the page shows.

    A cell that spans rows or columns stands where it begins, as in HTML.

    Parameters
    ----------
    style : Styler
        Of :func:`show_table`.
    """
    import lxml.html

    page = lxml.html.fromstring(visible(style.to_html()))
    table = page if page.tag == "table" else page.find(".//table")
    head, body = (
        [[_cell(cell) for cell in row] for row in table.iterfind(f"{part}/tr")]
        for part in ("thead", "tbody")
    )
    return head, body


def _cell(cell: Any) -> Cell:
    text = cell.text_content().replace("\xa0", " ").strip()
    spans = (int(cell.get(name, 1)) for name in ("rowspan", "colspan"))
    return Cell(text, cell.tag == "th", *spans)


def number_format(column: pd.Series, name: str, format_name: str = "", otherwise: str = "") -> str:
    """What a spreadsheet calls the format in which :func:`show_table` shows a column.

    Parameters
    ----------
    column : Series
    name : str
        The column's name, which decides where no format is given.
    format_name : str
        As in `formats` of :func:`show_table`.
    otherwise : str
        Of figures whose name decides nothing.

    Returns
    -------
    str
        Empty of text and truth values. One of six significant digits becomes one of fixed digits,
        four of the largest value.

    Examples
    --------
    >>> number_format(pd.Series([0.1]), "bad_rate")
    '0.00%'
    """
    chosen = format_name or named_format(column, name)
    chosen = otherwise or chosen if chosen == "general" else chosen
    if chosen != "general":
        return SPREADSHEET.get(chosen, "")
    values = column.abs().replace(np.inf, np.nan).dropna()
    if (values % 1 == 0).all():
        return SPREADSHEET["whole"]
    digits = _GENERAL_DIGITS - 1 - int(np.floor(np.log10(values.max())))
    return "#,##0." + "0" * min(digits, 6) if digits > 0 else SPREADSHEET["whole"]


def named_format(column: pd.Series, name: str) -> str:
    """Name of the format that a column's kind and name decide; empty: as it is."""
    if pd.api.types.is_bool_dtype(column):
        return "truth"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date"
    if not pd.api.types.is_numeric_dtype(column):
        return ""
    if name in ("p_value", "p_adjusted") or name.endswith(("_p_value", "_p_adjusted")):
        return "p_value"
    # the ends of an interval of a rate are rates
    rated = name.removesuffix("_low").removesuffix("_high")
    if rated.endswith("bad_rate"):
        return "percent2"
    if rated == "share" or rated.startswith("share_of_") or rated.endswith(("_rate", "_share")):
        return "percent"
    most = column.abs().replace(np.inf, np.nan).max()
    whole = pd.api.types.is_integer_dtype(column) or most >= 1e5
    return "whole" if whole else "general"


def _format(column: pd.Series, name: str, formats: Mapping[str, str] | str | None) -> Any:
    asked = formats if isinstance(formats, str) else (formats or {}).get(name)
    if asked is not None:
        by_kind = {"p_counted": _counted_p_text, "critical": _critical_text}
        return by_kind.get(asked) or NUMBER_FORMATS[asked]
    by_value = {"truth": _truth_text, "date": label_of, "p_value": _p_value_text}
    chosen = named_format(column, name)
    return by_value.get(chosen) or NUMBER_FORMATS.get(chosen)


def _truth_text(value: Any) -> str:
    return "yes" if value else "–"


def _counted_p_text(value: float) -> str:
    # what lies below the least that permutations count was not counted
    if value == _LEAST_COUNTED:
        return f"at most {value:g}"
    return _critical_text(value)


def _critical_text(value: float) -> str:
    # of many rows what chance reaches is little, yet not nothing
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _p_value_text(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
