"""What cells coded as a run's applications are to a model, and which of them break the contract.

Takes arrow columns; gives numbers and levels as the models take them, and a reason for each bad
cell. Every cell is judged alone, so a block more or less changes nothing. What text is a number is
for :mod:`riskkit.columns` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from riskkit.columns import (
    CellRule,
    ReadCells,
    level_codes,
    level_of,
    level_text,
    read_cells,
    shown,
)
from riskkit.tables import hash_ids

__all__ = [
    "Reasons",
    "SeenIds",
    "decoded",
    "ids",
    "is_number_type",
    "is_text_type",
    "levels",
    "numbers",
    "reasons",
    "texts_of",
]

Reasons = dict[int, str]
"""Position in the block of each bad cell, and what is bad about it."""

_TRUTH = ("true", "false")
_LARGEST_EXACT = 2**53
# 12.500 is what the run has written, never twelve thousand
_PLAIN = CellRule(kind="number", decimal=".")
_NUMBER = replace(
    _PLAIN,
    words={"true": "1", "True": "1", "TRUE": "1", "false": "0", "False": "0", "FALSE": "0"},
)


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
    if isinstance(kind, pa.BaseExtensionType):
        return False  # an identifier of 16 bytes, say, is no text of 16 letters
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
    if pa.types.is_string_view(array.type):
        array = array.cast(pa.string())
    if pa.types.is_floating(array.type):
        array = pa.compute.if_else(pa.compute.is_nan(array), None, array)
    if not any(test(array.type) for test in _BYTES):
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

    Text is a number as a CSV file of a run's applications has one: plain, or true and false, which
    are 1 and 0 to the models. "nan" is text like any other. A number is finite, and a whole one
    below 2**53, since its last digits would be lost.
    """
    values = _plain_numbers(array)
    if values is not None:
        return values, {}
    read = read_cells(array, _NUMBER)
    return read.series.to_numpy(np.float64), reasons(read)


def _plain_numbers(array: pa.Array) -> NDArray[np.float64] | None:
    """Numbers of texts that are all plain, read at once; None where a cell needs a closer look."""
    if not _is_text(array.type):
        return None
    try:
        values = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    known = np.abs(values) < _LARGEST_EXACT  # neither the text "nan" nor one beyond all floats
    return values if known.sum() + array.null_count == len(array) else None


def reasons(read: ReadCells, hint: Callable[[pa.Array, str], str] | None = None) -> Reasons:
    """Position of each cell at fault, and why it is none of its kind.

    `hint` says, of a cell alone and what was expected, how it could be read.
    """
    bad: Reasons = {}
    for fault in read.faults:
        for at in fault.positions.tolist():
            cell = read.texts[at].as_py()
            if fault.expected == "filled":
                bad[at] = "missing"
                continue
            bad[at] = f"{shown(cell)} is not {fault.expected}"
            if hint is not None:
                advice = hint(read.texts.slice(at, 1), fault.expected)
                bad[at] += f"; {advice}" if advice else ""
    return bad


def levels(array: pa.Array, known: Collection[str], *, is_csv: bool) -> pd.Categorical:
    """Levels as the text that the models know them by.

    A CSV file does not say whether 1.0 is a level of that name or the number 1 beside a blank cell:
    what is no known level as written is one by its number, its truth value, or without the blanks
    around it.
    """
    codes, texts = level_codes(array.to_pandas())
    if is_csv:
        new, names = pd.factorize(_known_levels(texts, known))
        codes = np.append(new, -1)[codes]
        texts = pd.Index(names, dtype="str")
    return pd.Categorical.from_codes(codes, texts)


def _known_levels(texts: pd.Index, known: Collection[str]) -> NDArray[np.object_]:
    """Each text, or the one of another form that is known."""
    by_number = read_cells(pa.array(texts, pa.string()), _PLAIN).series
    found = []
    for text, number in zip(texts, by_number, strict=True):
        word = text.strip()
        forms = [text, word]
        if word.lower() in _TRUTH:
            forms.append(word.capitalize())
        elif pd.notna(number):
            forms.append(level_of(number))
        found.append(next((form for form in forms if form in known), text))
    return np.array(found, dtype=object)


def texts_of(array: pa.Array) -> pa.Array:
    """Each value as the text that ids and levels know it by; text as it is."""
    if _is_text(array.type) or pa.types.is_integer(array.type) or pa.types.is_null(array.type):
        return array.cast(pa.string())
    return pa.Array.from_pandas(level_text(array.to_pandas()), type=pa.string())


def ids(array: pa.Array, missing: Sequence[str] = ()) -> tuple[pa.Array, Reasons]:
    """Ids as text without blanks around it, and where one is missing, blank, or such a word.

    An id is the same whatever ids stand beside it, which not every rule of a column promises. A
    float that may have lost its last digits is none.
    """
    texts = pa.compute.utf8_trim_whitespace(texts_of(array))
    words = pa.array(["", *missing, None], pa.string())
    gone = pa.compute.is_in(texts, value_set=words).to_numpy(zero_copy_only=False)
    bad = dict.fromkeys(np.flatnonzero(gone).tolist(), "missing")
    if pa.types.is_floating(array.type):
        sizes = np.abs(array.to_numpy(zero_copy_only=False))
        large = np.flatnonzero(sizes >= _LARGEST_EXACT).tolist()
        bad |= {at: f"{texts[at]} is a float whose last digits may be lost" for at in large}
    return texts, bad


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


_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            *_BYTES,
        )
    )
