"""The one place that styles a table: formatted, escaped, short.

Takes a frame; gives a Styler that reads well in a notebook and a report.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskkit.plots.style import label_of, shades

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

__all__ = ["number_text", "show_table"]

FORMATS = {
    "percent": "{:.1%}",
    "percent2": "{:.2%}",
    "whole": "{:,.0f}",
    "number": "{:,.2f}",
    "three": "{:.3f}",
    "four": "{:.4f}",
    "five": "{:.5f}",
    "signed": "{:+.3f}",
    "general": "{:,.6g}",
}


def show_table(
    frame: pd.DataFrame,
    formats: Mapping[str, str] | str | None = None,
    *,
    caption: str = "",
    names: Mapping[str, str] | None = None,
    heat: Sequence[str] | bool = (),
    rows: int = 40,
    plain: bool = False,
) -> Styler:
    """Table for a notebook or report: formatted, escaped, short.

    Parameters
    ----------
    frame : DataFrame
    formats : mapping of column to format name, or one name for all columns, optional
        One of percent, percent2, whole, number, three, four, five, signed, general. By default the
        column's name decides: ``_rate`` and ``_share`` are percentages, whole numbers get
        thousands separators.
    caption : str
    names : mapping, optional
        Column → heading; by default the name with spaces for underscores.
    heat : sequence of columns, or True
        Columns shaded by value; True shades the whole table on one scale.
    rows : int
        At most so many rows; a longer table is cut and the caption says so. One without rows
        says "none".
    plain : bool
        Values of the index are words, in which an underscore is a blank.
    """
    shown = frame.head(rows)
    if shown.empty:
        shown = pd.DataFrame(index=["none"], columns=frame.columns, dtype=object)
    # named in the corner instead of a row of its own
    corner = html.escape(" / ".join(label_of(name).replace("_", " ") for name in frame.index.names))
    shown = shown.rename_axis(index=[None] * shown.index.nlevels, columns=corner or None)
    if len(shown) < len(frame):
        caption = f"{caption} (first {rows} of {len(frame):,} rows)".strip()
    chosen = {column: _format(frame[column], str(column), formats) for column in shown.columns}
    headings = {c: (names or {}).get(c, str(c).replace("_", " ")) for c in shown.columns}
    # an id from the content: two equal runs must give equal pages
    digest = pd.util.hash_array(np.array([caption, shown.to_csv()], dtype=object))
    style = shown.style.set_uuid(f"{digest[0] ^ digest[1]:016x}")
    style.cell_ids = False
    style.format(chosen, na_rep="–", escape="html")
    style.format_index(
        lambda value: html.escape(label_of(value).replace("_", " " if plain else "_")), axis="index"
    )
    style.format_index(
        lambda value: html.escape(headings.get(value, label_of(value))), axis="columns"
    )
    if caption:
        style.set_caption(html.escape(caption))
    columns = list(shown.columns) if heat is True else list(heat or ())
    # a column without any value has no scale
    columns = [name for name in columns if frame[name].notna().any()]
    if columns and len(frame):
        style.background_gradient(
            cmap=shades(), subset=columns, axis=None if heat is True else 0, text_color_threshold=0
        )
        # a cell without a value has no shade
        style.map(lambda v: "background-color: transparent" if pd.isna(v) else "", subset=columns)
    text_align = "text-align: left"
    style.set_table_styles([{"selector": "th.row_heading, th.index_name", "props": text_align}])
    words = [name for name in shown.columns if not pd.api.types.is_numeric_dtype(shown[name])]
    left = {
        name: [{"selector": cell, "props": text_align} for cell in ("th", "td")] for name in words
    }
    style.set_table_styles(left, overwrite=False)
    return style


def number_text(value: Any, kind: str) -> str:
    """A number as a table shows it; a dash where it is missing.

    Parameters
    ----------
    value : number
    kind : str
        Name of a format, as in :func:`show_table`.

    Examples
    --------
    >>> number_text(0.04467, "percent2"), number_text(float("nan"), "whole")
    ('4.47%', '–')
    """
    return "–" if pd.isna(value) else FORMATS[kind].format(value)


def _format(column: pd.Series, name: str, formats: Mapping[str, str] | str | None) -> Any:
    if isinstance(formats, str):
        return FORMATS[formats]
    if formats is not None and name in formats:
        return FORMATS[formats[name]]
    if pd.api.types.is_bool_dtype(column):
        return lambda value: "yes" if value else "–"
    if pd.api.types.is_datetime64_any_dtype(column):
        return lambda value: label_of(value)
    if not pd.api.types.is_numeric_dtype(column):
        return None
    if name == "p_value" or name.endswith("_p_value"):
        return lambda value: "< 0.0001" if value < 1e-4 else f"{value:.4f}"
    if name == "share" or name.startswith("share_of_") or name.endswith(("_rate", "_share")):
        return FORMATS["percent"]
    whole = pd.api.types.is_integer_dtype(column) or column.abs().max() >= 1e5
    return FORMATS["whole"] if whole else FORMATS["general"]
