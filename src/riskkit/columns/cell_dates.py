"""Dates in text: year first, by a stated format, or Excel's serial numbers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskkit.columns.cell_numbers import read_numbers
from riskkit.columns.cell_rule import EXPECTED, LOOKS_MISSING, CellRule, Misread, shown

__all__ = ["in_range", "range_text", "read_dates"]

_OFFSET = r"(?:Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?"
_CLOCK = r"[T ]\s*(?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,][0-9]+)?)?"
_TIME = rf"(?:{_CLOCK}\s*{_OFFSET})?"
_YEAR_FIRST = [
    rf"^(?P<y>[0-9]{{4}}){first}(?P<m>[0-9]{{1,2}}){second}(?P<d>[0-9]{{1,2}}){third}{_TIME}$"
    for first, second, third in (
        ("-", "-", ""),
        ("/", "/", ""),
        (r"\.", r"\.", ""),
        ("年", "月", "日"),
    )
]
_YEAR_FIRST.append(r"^(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})$")
_FORMATS = [f"%d{sign}%m{sign}%Y" for sign in "./-"] + [f"%m{sign}%d{sign}%Y" for sign in "./-"]
_FORMATS += ["%Y-%d-%m", "%Y/%d/%m", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%y"]
_FORMATS += ["%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d%b%Y", "%b-%Y", "%b-%y", "%b %d, %Y", "%d%m%Y"]
_FORMATS += ["%Y-%m", "%Y/%m", "%Y%m", "%Y年%m月"]
_FORMATS += [f"%{first}/%{second}/%Y %H:%M" for first, second in ("dm", "md")]
_FORMATS += [f"%d.%m.%Y %H:%M{seconds}" for seconds in ("", ":%S")]
_EXCEL_EPOCH = np.datetime64("1899-12-30", "D")


def read_dates(texts: pa.Array, rule: CellRule) -> tuple[pd.Series, list[Misread]]:
    """Dates of texts, and those that are none or out of the rule's range."""
    if rule.format == "excel":
        numbers, misread = read_numbers(texts, CellRule(kind="number"))
        values = _serial_dates(numbers.to_numpy())
        none = misread[0][0] | (values.isna() & numbers.notna()).to_numpy()
        expected = "an Excel serial number, such as 45112"
    elif rule.format:
        expected = f"a date as {rule.format}"
        days = [text and _strptime(text, rule.format) for text in texts.to_pylist()]
        values = pd.Series(np.array(days, dtype="datetime64[us]"))
        none = values.isna().to_numpy()
    else:
        expected = EXPECTED["date"]
        values, none = _year_first(texts)
    inside, out = in_range(values.mask(none), rule)
    return inside, [(none, expected, _date_hint), (out, range_text(rule), _range_hint)]


def _year_first(texts: pa.Array) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Dates with the year first, with the time that the clock on the wall had; which are none."""
    days = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    for pattern in _YEAR_FIRST:
        hit, part = _groups(texts, pattern, "ymd")
        days[hit] = _calendar_days(part["y"], part["m"], part["d"])
    values = days.astype("datetime64[us]")
    none = np.isnat(values)
    hit, part = _groups(texts, _CLOCK, ("h", "min", "s"))
    off = (part["h"] > 23) | (part["min"] > 59) | (part["s"] > 59)
    seconds = np.where(off, 0, part["h"] * 3600 + part["min"] * 60 + part["s"])
    values[hit] += seconds * np.timedelta64(1_000_000, "us")
    none[np.flatnonzero(hit)[off]] = True
    return pd.Series(values), none


def _groups(
    texts: pa.Array, pattern: str, names: Sequence[str]
) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.int64]]]:
    """Which texts have a pattern, and the numbers in its groups of those; an empty one is 0."""
    found = pc.extract_regex(texts, pattern)
    hit = found.is_valid().to_numpy(zero_copy_only=False)
    there = found.filter(pa.array(hit))
    numbers = {}
    for name in names:
        digits = pc.struct_field(there, name)
        filled = pc.if_else(pc.equal(digits, ""), pa.scalar("0", digits.type), digits)
        numbers[name] = filled.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return hit, numbers


def _calendar_days(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.datetime64]:
    """Days of the calendar; NaT where there is none of that number."""
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    dates = first.astype("datetime64[D]") + (day - 1)
    there = (month >= 1) & (month <= 12) & (day >= 1) & (dates.astype("datetime64[M]") == first)
    return np.where(there, dates, np.datetime64("NaT", "D"))


def _strptime(text: str, format: str) -> datetime.datetime | None:
    """Date of a text by a format, its offset dropped: the local date and time count."""
    try:
        return datetime.datetime.strptime(text, format).replace(tzinfo=None)
    except (ValueError, re.error):  # of a format that names the day twice
        return None


def _serial_dates(numbers: NDArray[np.float64]) -> pd.Series:
    """Dates of Excel's serial numbers; day 60 of its calendar, 29 February 1900, never was."""
    inside = (numbers >= 61) & (numbers < 2_958_466)
    seconds = np.round(np.where(inside, numbers, 0) * 86_400).astype(np.int64)
    start = _EXCEL_EPOCH.astype("datetime64[us]")
    return pd.Series(start + seconds * np.timedelta64(1_000_000, "us")).where(pd.Series(inside))


def in_range(values: pd.Series, rule: CellRule) -> tuple[pd.Series, NDArray[np.bool_]]:
    """The dates within the rule's range, and which are not."""
    days = values.to_numpy().astype("datetime64[D]")
    out = (days < np.datetime64(rule.first)) | (days > np.datetime64(rule.last))
    return values.mask(pd.Series(out)), out


def range_text(rule: CellRule) -> str:
    """The range of dates in words."""
    return f"a date between {rule.first} and {rule.last}"


def _range_hint(texts: Sequence[str], rule: CellRule) -> str:
    return f"missing: [{shown(texts[0])}], if it stands for none"


def _date_hint(texts: Sequence[str], rule: CellRule) -> str:
    """The formats in which all of the texts would be dates, else the first one."""
    if texts[0].lower() in LOOKS_MISSING:
        return f"missing: [{texts[0]!r}] reads it"
    if rule.format:
        return ""
    for asked in (texts, texts[:1]):
        dates = {form: [_strptime(text, form) for text in asked] for form in _FORMATS}
        formats = [
            form
            for form, read in dates.items()
            if all(date and rule.first <= date.date() <= rule.last for date in read)
        ]
        readings = [f'format: "{form}"' for form in formats]
        if all(re.fullmatch(r"[0-9]{5}(\.[0-9]+)?", text) for text in asked):
            readings.append("format: excel")
        if readings:
            return f"{' or '.join(readings[:2])} reads it"
    return ""
