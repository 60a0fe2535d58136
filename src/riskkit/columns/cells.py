"""What the cells of a column say, by the rule that states how they are written.

Takes an arrow column, text as files hold it or typed, and a :class:`CellRule`; gives the values and
every cell that says something else. Nothing is guessed: a cell that could be read in two ways is a
fault, and the fault names the key of a mapping that would read it.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
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
    LARGEST_EXACT,
    LOOKS_MISSING_AS_TEXT,
    CellRule,
    Fault,
    Misread,
    shown,
    word_hint,
)

__all__ = ["ReadCells", "parse_text", "read_cells"]

_ASKED = 50  # misread texts that a hint has to fit
_POINTED = r"^[+-]?[0-9]{1,15}\.0$"
_LOST_DIGITS = r"^[+-]?[0-9](?:\.[0-9]+)?[eE]\+[0-9]{2,}$|^[+-]?[0-9]{16,}\.0$"
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
    array = _one_array(column)
    if not _is_text(array.type):
        return _typed(array, rule)
    coded = array.dictionary_encode()
    written = coded.dictionary
    texts = pc.utf8_trim_whitespace(written)
    differs = pc.not_equal(texts, written).to_numpy(zero_copy_only=False)
    blank = pc.equal(texts, "").to_numpy(zero_copy_only=False)
    is_word = _among(texts, rule.missing)
    if rule.kind in ("text", "category"):
        texts = _without_point(texts, blank | is_word)
        is_word |= _among(texts, rule.missing)
    gone = blank | is_word
    values, misread = _read_texts(texts, gone, rule)
    codes = coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    faults = []
    for bad, expected, hint in misread:
        bad = bad & ~gone
        if bad.any():
            said = hint(texts.filter(pa.array(bad))[:_ASKED].to_pylist(), rule)
            faults.append(Fault(np.flatnonzero(np.append(bad, False)[codes]), expected, said))
            values = values.mask(pd.Series(bad))
    occurring = set(texts.to_pylist()) if rule.words else set()
    used = {*texts.filter(pa.array(is_word)).to_pylist(), *occurring.intersection(rule.words)}
    values = pd.concat([values, pd.Series([None], dtype=values.dtype)], ignore_index=True)
    missing = np.append(gone, True)[codes]
    taken = values.take(codes).reset_index(drop=True)
    if rule.kind == "boolean" and not missing.any() and not faults:
        taken = taken.astype(bool)
    stripped = int(np.append(differs, False)[codes].sum())
    return ReadCells(taken, missing, faults, array, stripped, frozenset(used))


def _one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The cells in one piece, text with room for more than 2 GiB of it."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    column = column.cast(pa.large_string() if _is_text(kind) or pa.types.is_null(kind) else kind)
    if isinstance(column, pa.Array):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _among(texts: pa.Array, words: Sequence[str]) -> NDArray[np.bool_]:
    return pc.is_in(texts, value_set=pa.array(words, texts.type)).to_numpy(zero_copy_only=False)


def _without_point(texts: pa.Array, gone: NDArray[np.bool_]) -> pa.Array:
    """The texts without ".0" where every one has it: codes that some program held as floats."""
    pointed = pc.match_substring_regex(texts, _POINTED).to_numpy(zero_copy_only=False)
    if gone.all() or not (pointed | gone).all():
        return texts
    return pc.if_else(pa.array(gone), texts, pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), "."))


def _read_texts(
    texts: pa.Array, gone: NDArray[np.bool_], rule: CellRule
) -> tuple[pd.Series, list[Misread]]:
    """Values of distinct texts without blanks around them; those that are gone are missing."""
    here = pc.if_else(pa.array(gone), pa.scalar(None, texts.type), texts)
    if rule.words:
        meant = [rule.words.get(text, text) for text in here.to_pylist()]
        here = pa.array(meant, texts.type)
    if rule.kind in ("number", "integer"):
        return read_numbers(here, rule)
    if rule.kind == "date":
        return read_dates(here, rule)
    if rule.kind == "boolean":
        truth = [None if t is None else _TRUTH.get(t.lower()) for t in here.to_pylist()]
        values = pd.Series(truth, dtype=object)
        return values, [(values.isna().to_numpy(), EXPECTED["boolean"], _word_hint)]
    values = here.to_pandas().astype("str").where(~gone)
    if rule.kind == "text":
        return values, []
    lost = pc.match_substring_regex(here, _LOST_DIGITS).fill_null(False)
    meant_so = set(rule.words)
    nothing = [t.lower() in LOOKS_MISSING_AS_TEXT and t not in meant_so for t in texts.to_pylist()]
    return values, [
        (lost.to_numpy(zero_copy_only=False), "text with all its digits", _no_hint),
        (np.array(nothing, dtype=bool), "text that says something", _level_hint),
    ]


def _word_hint(texts: Sequence[str], rule: CellRule) -> str:
    return word_hint(texts[0], rule)


def _level_hint(texts: Sequence[str], rule: CellRule) -> str:
    return f"missing: [{texts[0]!r}] reads it, or levels or words where it is meant"


def _no_hint(texts: Sequence[str], rule: CellRule) -> str:
    return ""


def _is_text(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _typed(array: pa.Array, rule: CellRule) -> ReadCells:
    """Values of a column that is no text: by its type, or all of it a fault."""
    kind = array.type
    missing = array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    is_date = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    is_truth = pa.types.is_boolean(kind)
    if rule.kind in ("text", "category") and (is_number or is_truth or is_date):
        return read_cells(_texts_of(array, missing), rule)
    if rule.kind == "date" and is_date:
        local = pc.local_timestamp(array) if getattr(kind, "tz", None) else array
        # before 1677 or after 2262 there is no nanosecond, but a microsecond
        stamps = local.cast(pa.timestamp("us"), safe=False)
        values = pd.Series(stamps.to_numpy(zero_copy_only=False))
        inside, out = in_range(values, rule)
        return _by_value(values, inside, out, range_text(rule), array, missing, rule)
    if rule.kind in ("date", "boolean") and is_number:
        # 20230705, or an Excel serial number where the mapping says so; 1 and 0
        there = pc.if_else(pa.array(missing), pa.scalar(None, kind), array)
        return read_cells(there.cast(pa.string()), rule)
    if rule.kind in ("number", "integer") and (is_number or is_truth) and not rule.percent:
        if pa.types.is_decimal(kind):  # arrow would round twice
            numbers = array.to_pandas().to_numpy(np.float64, na_value=np.nan)
        else:
            numbers = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        lost = pa.types.is_integer(kind) & (np.abs(numbers) >= LARGEST_EXACT)
        broken = (np.isinf(numbers) | lost) & ~missing
        values = pd.Series(numbers)
        finite = values.mask(pd.Series(broken))
        expected = "a finite number of at most 15 digits"
        return _by_value(values, finite, broken, expected, array, missing, rule)
    if rule.kind == "boolean" and is_truth:
        return ReadCells(array.to_pandas(), missing, [], array)
    expected = f"{EXPECTED[rule.kind]}{' with a per cent sign' if rule.percent else ''} but {kind}"
    none = np.datetime64("NaT", "us") if rule.kind == "date" else np.nan
    nothing = pd.Series(np.full(len(array), none))
    faults = [] if missing.all() else [Fault(np.flatnonzero(~missing), expected)]
    return ReadCells(nothing, missing, faults, array)


def _by_value(
    values: pd.Series,
    good: pd.Series,
    bad: NDArray[np.bool_],
    expected: str,
    array: pa.Array,
    missing: NDArray[np.bool_],
    rule: CellRule,
) -> ReadCells:
    """The good values but those that a word of the rule calls missing: -999, or 9999-12-31."""
    used = set()
    anywhen = replace(
        rule, missing=(), format="", decimal=".", first=datetime.date.min, last=datetime.date.max
    )
    for word in rule.missing:
        try:
            is_word = (values == parse_text(word, anywhen)).to_numpy(bool)
        except ValueError:
            continue
        if is_word.any():
            used.add(word)
        missing = missing | is_word
    bad = bad & ~missing
    hint = "missing: [...], if it stands for none"
    faults = [Fault(np.flatnonzero(bad), expected, hint)] if bad.any() else []
    return ReadCells(good.mask(pd.Series(missing)), missing, faults, array, 0, frozenset(used))


def _texts_of(array: pa.Array, missing: NDArray[np.bool_]) -> pa.Array:
    """Texts of a typed column, as a CSV would hold them: 1.0, True, 2023-07-05."""
    if pa.types.is_integer(array.type) or pa.types.is_decimal(array.type):
        return array.cast(pa.string())
    coded = array.dictionary_encode()
    texts = [str(value).removesuffix(" 00:00:00") for value in coded.dictionary.to_pylist()]
    written = pa.array(texts, pa.string()).take(coded.indices)
    return pc.if_else(pa.array(missing), pa.scalar(None, pa.string()), written)
