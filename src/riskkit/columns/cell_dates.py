"""Dates in text: year first, by a stated format, or Excel's serial numbers."""

from __future__ import annotations

import datetime
import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskkit.columns.cell_numbers import read_numbers
from riskkit.columns.cell_rule import EXPECTED, LOOKS_MISSING, CellRule

__all__ = ["in_range", "range_text", "read_dates"]

_OFFSET = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
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
_EXCEL_EPOCH = np.datetime64("1899-12-30", "D")


def read_dates(texts: pa.Array, rule: CellRule) -> Any:
    """Dates of texts, which are none, what was expected, and the hint for one that is none."""
    expected = EXPECTED["date"]
    if rule.format == "excel":
        numbers, bad, *_ = read_numbers(texts, CellRule(kind="number"))
        values, out = _serial_dates(numbers.to_numpy())
        return values, bad | out, "an Excel serial number, such as 45112", _date_hint
    if rule.format:
        found = [text and _strptime(text, rule.format) for text in texts.to_pylist()]
        values = pd.Series(np.array(found, dtype="datetime64[us]"))
        return values, values.isna().to_numpy(), f"a date as {rule.format}", _date_hint
    days = np.full(len(texts), np.datetime64("NaT"), dtype="datetime64[D]")
    for pattern in _YEAR_FIRST:
        parts = pc.extract_regex(texts, pattern)
        hit = parts.is_valid().to_numpy(zero_copy_only=False)
        if not hit.any():
            continue
        part = {
            name: pc.struct_field(parts.filter(pa.array(hit)), name).cast(pa.int64()).to_numpy()
            for name in "ymd"
        }
        days[hit] = _calendar_days(part["y"], part["m"], part["d"])
    # the time of the day, as the clock on the wall had it
    clock = pc.extract_regex(texts, _CLOCK)
    hit = clock.is_valid().to_numpy(zero_copy_only=False) & ~np.isnat(days)
    values = days.astype("datetime64[us]")
    bad = np.isnat(values)
    if hit.any():
        timed = clock.filter(pa.array(hit))
        hours, minutes, seconds = (
            pc.if_else(pc.equal(text := pc.struct_field(timed, name), ""), "0", text)
            .cast(pa.int64())
            .to_numpy()
            for name in ("h", "min", "s")
        )
        off = (hours > 23) | (minutes > 59) | (seconds > 59)
        late = hours * 3600 + minutes * 60 + seconds
        values[hit] += np.where(off, 0, late) * np.timedelta64(1_000_000, "us")
        bad[np.flatnonzero(hit)[off]] = True
    return pd.Series(values), bad, expected, _date_hint


def _calendar_days(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.datetime64]:
    """Days of the calendar; NaT where there is none of that number."""
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    dates = first.astype("datetime64[D]") + (day - 1)
    there = (month >= 1) & (month <= 12) & (day >= 1) & (dates.astype("datetime64[M]") == first)
    return np.where(there, dates, np.datetime64("NaT", "D"))


def _strptime(text: str, format: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(text, format).replace(tzinfo=None)
    except ValueError:
        return None


def _serial_dates(numbers: NDArray[np.float64]) -> tuple[pd.Series, NDArray[np.bool_]]:
    """Dates of Excel's serial numbers; day 60 of its calendar, 29 February 1900, never was."""
    inside = (numbers >= 61) & (numbers < 2_958_466)
    seconds = np.round(np.where(inside, numbers, 0) * 86_400).astype(np.int64)
    start = _EXCEL_EPOCH.astype("datetime64[us]")
    values = pd.Series(start + seconds * np.timedelta64(1_000_000, "us"))
    return values.where(pd.Series(inside)), ~inside & ~np.isnan(numbers)


def in_range(values: pd.Series, rule: CellRule) -> tuple[pd.Series, NDArray[np.intp]]:
    """The dates within the rule's range, and the positions of the others."""
    days = values.to_numpy().astype("datetime64[D]")
    out = (days < np.datetime64(rule.first)) | (days > np.datetime64(rule.last))
    return values.mask(pd.Series(out)), np.flatnonzero(out)


def range_text(rule: CellRule) -> str:
    """The range of dates in words."""
    return f"a date between {rule.first} and {rule.last}"


def _date_hint(text: str, rule: CellRule) -> str:
    if text.lower() in LOOKS_MISSING:
        return f"missing: [{text!r}] reads it"
    if rule.format:
        return ""
    readings = []
    for format in (
        *(f"%d{s}%m{s}%Y" for s in "./-"),
        *(f"%m{s}%d{s}%Y" for s in "./-"),
        *(
            "%d.%m.%y",
            "%d/%m/%y",
            "%m/%d/%y",
            "%d %b %Y",
            "%d-%b-%Y",
            "%b-%Y",
            "%b-%y",
            "%b %d, %Y",
        ),
        *("%Y-%m", "%Y/%m", "%Y%m", "%Y年%m月", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"),
    ):
        if _strptime(text, format):
            readings.append(f'format: "{format}"')
    if re.fullmatch(r"[0-9]{5}(\.[0-9]+)?", text):
        readings.append("format: excel")
    return f"{' or '.join(readings[:2])} reads it" if readings else ""
