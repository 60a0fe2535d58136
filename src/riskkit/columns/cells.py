"""What the cells of a column say, by the rule that states how they are written.

Takes an arrow column, text as files hold it or typed, and a :class:`CellRule`; gives the values and
every cell that says something else. Nothing is guessed: a cell that could be read in two ways is a
fault, and the fault names the key of a mapping that would read it.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskkit.columns.cell_dates import in_range, range_text, read_dates
from riskkit.columns.cell_numbers import read_numbers
from riskkit.columns.cell_rule import (
    EXPECTED,
    FAR,
    LARGEST_EXACT,
    CellRule,
    Fault,
    shown,
    word_hint,
)

__all__ = ["ReadCells", "parse_text", "read_cells"]

_TRUTH = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


@dataclass(frozen=True)
class ReadCells:
    """Values of a column, and what is to be said about them.

    Parameters
    ----------
    series : Series of shape (n_rows,)
        float64 of numbers, datetime64 of dates, str of text, bool or object of truth values;
        missing where the cell is, and where it is a fault.
    missing : bool array of shape (n_rows,)
        Blank, or one of the words for missing.
    faults : list of Fault
    texts : Array
        What the cells hold, for a message.
    stripped : int
        Cells with blanks around their text.
    used : frozenset of str
        Words for missing, and of `words`, that occur.
    """

    series: pd.Series
    missing: NDArray[np.bool_]
    faults: list[Fault]
    texts: pa.Array
    stripped: int = 0
    used: frozenset[str] = frozenset()


def parse_text(text: str, rule: CellRule) -> Any:
    """Value of one text under a rule, such as the value of a row filter.

    Raises
    ------
    ValueError
        It says nothing under the rule.

    Examples
    --------
    >>> parse_text("2018/9/5", CellRule(kind="date"))
    Timestamp('2018-09-05 00:00:00')
    """
    read = read_cells(pa.array([text], pa.string()), rule)
    if read.faults or read.missing[0]:
        raise ValueError(f"expected {EXPECTED[rule.kind]}, found {shown(text)}")
    return read.series.iloc[0]


def read_cells(column: pa.Array | pa.ChunkedArray, rule: CellRule) -> ReadCells:
    """Values of a column, its faults and what was stripped.

    Parameters
    ----------
    column : arrow array of shape (n_rows,)
        Text as a file holds it, or typed as parquet does; null where nothing stands.
    rule : CellRule

    Returns
    -------
    ReadCells

    Notes
    -----
    Text is read once for each distinct cell. Numbers in text become the nearest double, as Python
    reads them; whole numbers beyond 2**53 are faults, since their digits would be lost. Of a date
    with a time and an offset the local date and time count. A column of floats that are all whole
    is text without ".0".

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> read = read_cells(pa.array(["1,234.5", "7", None]), CellRule(kind="number", thousands=","))
    >>> read.series.tolist()
    [1234.5, 7.0, nan]
    >>> read_cells(pa.array(["1,234.5"]), CellRule(kind="number")).faults[0].hint
    'thousands: "," reads it'
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if not _is_text(array.type):
        return _typed(array, rule)
    coded = array.cast(pa.string()).dictionary_encode()
    written = coded.dictionary
    texts = pc.utf8_trim_whitespace(written)
    differs = pc.not_equal(texts, written).to_numpy(zero_copy_only=False)
    missing_words = pa.array(list(rule.missing), pa.string())
    is_word = pc.is_in(texts, value_set=missing_words).to_numpy(zero_copy_only=False)
    gone = is_word | pc.equal(texts, "").to_numpy(zero_copy_only=False)
    one = _read_texts(texts, gone, rule)
    codes = coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    used = set(texts.filter(pa.array(is_word)).to_pylist())
    used |= {word for word in rule.words if word in set(texts.to_pylist())} if rule.words else set()
    faults = [
        Fault(np.flatnonzero(_marks(fault.positions, len(texts) + 1)[codes]), fault.expected, hint)
        for fault in one.faults
        for hint in [fault.hint]
    ]
    stripped = int(np.append(differs, False)[codes].sum())
    values = pd.concat([one.series, pd.Series([None], dtype=one.series.dtype)], ignore_index=True)
    if values.dtype == bool:
        values = values.astype(object)
    taken = values.take(codes).reset_index(drop=True)
    missing = np.append(gone, True)[codes]
    if one.series.dtype == bool and not missing.any():
        taken = taken.astype(bool)
    return ReadCells(taken, missing, faults, array, stripped, frozenset(used))


def _marks(positions: NDArray[np.intp], n: int) -> NDArray[np.bool_]:
    marks = np.zeros(n, dtype=bool)
    marks[positions] = True
    return marks


def _read_texts(texts: pa.Array, gone: NDArray[np.bool_], rule: CellRule) -> ReadCells:
    """Distinct texts without blanks around them; those that are gone are missing."""
    here = pc.if_else(pa.array(gone), pa.scalar(None, pa.string()), texts)
    if rule.words:
        meant = [rule.words.get(text, text) for text in here.to_pylist()]
        here = pa.array(meant, pa.string())
    if rule.kind in ("text", "category"):
        values = here.to_pandas().astype("str").where(~gone)
        return ReadCells(values, gone, [], texts)
    if rule.kind in ("number", "integer"):
        values, bad, expected, hint = read_numbers(here, rule)
    elif rule.kind == "date":
        values, bad, expected, hint = read_dates(here, rule)
    else:
        truth = [None if t is None else _TRUTH.get(t.lower()) for t in here.to_pylist()]
        values = pd.Series(truth, dtype=object)
        bad, expected, hint = values.isna().to_numpy(), EXPECTED["boolean"], word_hint
    positions = np.flatnonzero(bad & ~gone)
    faults = []
    if len(positions):
        text = texts[int(positions[0])].as_py()
        faults.append(Fault(positions, expected, hint(text, rule)))
        values = values.mask(pd.Series(_marks(positions, len(values))))
    if rule.kind == "boolean" and not gone.any() and not faults:
        values = values.astype(bool)
    elif rule.kind == "date":
        values, out = in_range(values, rule)
        if len(out):
            faults.append(Fault(out, range_text(rule), "missing: [...] or its own year, if meant"))
    return ReadCells(values, gone, faults, texts)


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _typed(array: pa.Array, rule: CellRule) -> ReadCells:
    """Values of a column that is no text: by its type, or all of it a fault."""
    kind = array.type
    missing = array.is_null().to_numpy(zero_copy_only=False)
    is_date = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    is_truth = pa.types.is_boolean(kind)
    if pa.types.is_floating(kind):
        missing |= np.isnan(array.to_numpy(zero_copy_only=False).astype(float))
    if pa.types.is_null(kind):
        return read_cells(array.cast(pa.string()), rule)
    everywhere = [Fault(np.flatnonzero(~missing), f"{EXPECTED[rule.kind]}, not {kind}")]
    if rule.kind in ("text", "category") and (is_number or is_truth or is_date):
        return read_cells(_texts_of(array, missing), rule)
    if rule.kind == "date" and is_date:
        local = pc.local_timestamp(array) if getattr(kind, "tz", None) else array
        stamps = local.cast(pa.timestamp("us"), safe=False)
        values = pd.Series(stamps.to_numpy(zero_copy_only=False))
        values, out = in_range(values, rule)
        faults = [Fault(out, range_text(rule), "missing: [...], if meant")] if len(out) else []
        return _without_words(values, array, missing, faults, rule)
    if rule.kind == "date" and is_number:
        # 20230705, or an Excel serial number where the mapping says so
        return read_cells(_texts_of(array, missing), rule)
    if rule.kind in ("number", "integer") and (is_number or is_truth):
        if rule.percent:
            hint = "percent: is for text with a sign"
            return ReadCells(
                _nothing(len(array)), missing, [replace(everywhere[0], hint=hint)], array
            )
        if pa.types.is_decimal(kind):
            numbers = array.to_pandas().to_numpy(np.float64, na_value=np.nan)
        else:
            numbers = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        broken = np.isinf(numbers)
        if pa.types.is_integer(kind):
            broken |= np.abs(numbers) >= LARGEST_EXACT
        faults = [Fault(np.flatnonzero(broken), "a finite number of at most 15 digits")]
        values = pd.Series(np.where(broken, np.nan, numbers))
        return _without_words(values, array, missing, faults if broken.any() else [], rule)
    if rule.kind == "boolean" and is_truth:
        values = array.to_pandas()
        return ReadCells(values, missing, [], array)
    if rule.kind == "boolean" and is_number:
        return read_cells(_texts_of(array, missing), rule)
    faults = [] if missing.all() else everywhere
    return ReadCells(_nothing(len(array)), missing, faults, array)


def _nothing(n: int) -> pd.Series:
    return pd.Series(np.full(n, np.nan))


def _without_words(
    values: pd.Series,
    array: pa.Array,
    missing: NDArray[np.bool_],
    faults: list[Fault],
    rule: CellRule,
) -> ReadCells:
    """The values, those missing that a word of the rule says are: -999, or 9999-12-31."""
    used = set()
    anywhen = replace(rule, missing=(), first=datetime.date.min, last=FAR)
    for word in rule.missing:
        try:
            meant = parse_text(word, anywhen)
        except ValueError:
            continue
        original = array.to_pandas()
        is_word = (original.astype(values.dtype, errors="ignore") == meant).to_numpy(bool)
        if is_word.any():
            used.add(word)
        missing = missing | is_word
        values = values.mask(pd.Series(is_word))
        faults = [replace(f, positions=f.positions[~is_word[f.positions]]) for f in faults]
    return ReadCells(
        values, missing, [f for f in faults if len(f.positions)], array, 0, frozenset(used)
    )


def _texts_of(array: pa.Array, missing: NDArray[np.bool_]) -> pa.Array:
    """Texts of a typed column: whole floats without a point where all are whole, dates as ISO."""
    kind = array.type
    if pa.types.is_floating(kind):
        numbers = array.to_numpy(zero_copy_only=False).astype(float)
        known = numbers[~missing]
        if (
            len(known)
            and (np.floor(known) == known).all()
            and (np.abs(known) < LARGEST_EXACT).all()
        ):
            whole = np.where(missing, 0, numbers).astype(np.int64)
            return pc.if_else(pa.array(missing), None, pa.array(whole).cast(pa.string()))
        texts = [None if gone else repr(float(x)) for x, gone in zip(numbers, missing, strict=True)]
        return pa.array(texts, pa.string())
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        texts = [None if v is None else str(v) for v in array.to_pylist()]
        return pa.array([t and t.removesuffix(" 00:00:00") for t in texts], pa.string())
    if pa.types.is_boolean(kind):
        return pa.array([None if v is None else str(v) for v in array.to_pylist()], pa.string())
    return array.cast(pa.string())
