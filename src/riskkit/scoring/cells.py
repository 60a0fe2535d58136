"""What the cells of a column are to a model, and which of them break the contract.

Takes arrow columns; gives numbers and levels as the models take them, and a reason for each bad
cell. Every cell is judged alone, so a block more or less changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskkit.columns import level_codes, level_of, level_text
from riskkit.tables import hash_ids

__all__ = ["SeenIds", "decoded", "ids", "is_number_type", "is_text_type", "levels", "numbers"]

Reasons = dict[int, str]
"""Position in the block of each bad cell, and what is bad about it."""

_TRUTH = {"true": 1.0, "false": 0.0}


def is_number_type(kind: pa.DataType) -> bool:
    """Whether a column of this type may hold numbers; text may, cell by cell."""
    if pa.types.is_dictionary(kind):
        return is_number_type(kind.value_type)
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_boolean,
        pa.types.is_null,
        _is_text,
    )
    return any(test(kind) for test in tests)


def is_text_type(kind: pa.DataType) -> bool:
    """Whether each value of this type has a text, as numbers and dates have, and lists have not."""
    try:
        pa.nulls(0, kind).cast(pa.string())
    except pa.ArrowNotImplementedError:
        return False
    return True


def decoded(column: pa.ChunkedArray) -> tuple[pa.Array, Reasons]:
    """Column in one piece, bytes as text and a dictionary as its values.

    Bytes that are no UTF-8 are refused, and shown by their hexadecimal values.
    """
    array = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if not (pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type)):
        return array, {}
    try:
        return array.cast(pa.string()), {}
    except pa.ArrowInvalid:
        cells = array.to_pylist()
    texts = [None if cell is None else cell.decode(errors="backslashreplace") for cell in cells]
    bad = {
        at: f"{text!r} is no UTF-8 text"
        for at, (cell, text) in enumerate(zip(cells, texts, strict=True))
        if cell is not None and text is not None and text.encode() != cell
    }
    return pa.array(texts, pa.string()), bad


def numbers(array: pa.Array) -> tuple[NDArray[np.float64], Reasons]:
    """Numbers, NaN where missing.

    Text is a number as a CSV file writes one, true and false are 1 and 0, as the models have them;
    "nan" is text like any other. A number must be finite.
    """
    if pa.types.is_decimal(array.type):
        values = array.to_pandas().to_numpy(np.float64, na_value=np.nan)  # arrow would round twice
        bad: Reasons = {}
    elif _is_text(array.type):
        values, bad = _parsed(array)
    else:
        values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        bad = {}
    for at in np.flatnonzero(np.isinf(values)).tolist():
        bad[at] = f"{array[at].as_py()} is infinite"
    return values, bad


def _parsed(texts: pa.Array) -> tuple[NDArray[np.float64], Reasons]:
    try:
        values = texts.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if np.isnan(values).sum() == texts.null_count:
            return values, {}
    except pa.ArrowInvalid:
        pass
    # a cell is bad, or written in a way that only Python reads: each text once, to the same float
    coded = texts.dictionary_encode()
    of_text = np.array([_number(text) for text in coded.dictionary.to_pylist()] + [np.nan])
    codes = coded.indices.fill_null(len(of_text) - 1).to_numpy(zero_copy_only=False)
    values = of_text[codes]
    there = codes < len(of_text) - 1
    bad = {
        at: f"{_short(texts[at].as_py())} is no number"
        for at in np.flatnonzero(np.isnan(values) & there).tolist()
    }
    return values, bad


def _number(text: str) -> float:
    """Number that a text stands for; NaN where it is none."""
    word = text.strip()
    if word.lower() in _TRUTH:
        return _TRUTH[word.lower()]
    if "_" in word or not word.isascii():  # Python alone takes these for numbers
        return np.nan
    try:
        return float(word)
    except ValueError:
        return np.nan


def levels(array: pa.Array, known: Collection[str], *, is_csv: bool) -> pd.Categorical:
    """Levels as the text that the models know them by.

    A CSV file does not say whether 1.0 is a level of that name or the number 1 beside a blank cell:
    what is no known level as written is one by its number, or its truth value.
    """
    codes, texts = level_codes(array.to_pandas())
    if is_csv:
        new, names = pd.factorize(np.array([_level(t, known) for t in texts], dtype=object))
        codes = np.append(new, -1)[codes]
        texts = pd.Index(names, dtype="str")
    return pd.Categorical.from_codes(codes, texts)


def _level(text: str, known: Collection[str]) -> str:
    if text in known:
        return text
    word, number = text.strip().lower(), _number(text)
    if np.isnan(number):
        return text
    other = word.capitalize() if word in _TRUTH else level_of(number)
    return other if other in known else text


def ids(array: pa.Array) -> tuple[pa.Array, Reasons]:
    """Ids as text, and where one is missing or blank."""
    if pa.types.is_floating(array.type):
        array = pa.Array.from_pandas(level_text(array.to_pandas()), type=pa.string())
    texts = array.cast(pa.string())
    blank = pa.compute.equal(pa.compute.utf8_trim_whitespace(texts), "").fill_null(True)
    return texts, dict.fromkeys(np.flatnonzero(blank.to_numpy(zero_copy_only=False)), "missing")


@dataclass
class SeenIds:
    """Which ids came before, in all of a file.

    Keeps 64 bits a row, the hash of its id: 80 MB for ten million rows, and for a moment as much
    again. Two ids of one hash would be taken for one; among ten million rows, the odds that any two
    have one are 1 to 370,000.
    """

    _runs: list[NDArray[np.uint64]] = field(default_factory=list)  # sorted, each, long ones first

    def repeated(self, texts: pa.Array) -> NDArray[np.bool_]:
        """Whether each id, none of them missing, came earlier here or in a block before."""
        hashes = hash_ids(texts.to_pandas())
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        again = np.zeros(len(hashes), dtype=bool)
        again[1:] = hashes[1:] == hashes[:-1]
        for run in self._runs:
            place = np.searchsorted(run, hashes)
            again |= run[np.minimum(place, len(run) - 1)] == hashes
        self._add(hashes[~again])
        found = np.empty(len(again), dtype=bool)
        found[order] = again
        return found

    def _add(self, run: NDArray[np.uint64]) -> None:
        # runs of doubling lengths: few to search, and each hash is merged a few times only
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
