"""Numbers in text: thousands, decimal commas, per cent signs, currency signs, as a rule states."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from riskkit.columns.cell_rule import EXPECTED, LARGEST_EXACT, CellRule, Misread, word_hint

__all__ = ["read_numbers"]

_PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_WHOLE = r"^[+-]?[0-9]+(?:\.0*)?$"
_THOUSANDS_OR_DECIMAL = r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+$"


def read_numbers(texts: pa.Array, rule: CellRule) -> tuple[pd.Series, list[Misread]]:
    """Numbers of texts, and those that are none.

    A point between thousands leaves the comma for decimals; where a rule names neither sign, a
    column whose points could all stand between thousands (12.500) is read in neither way.
    """
    plain = texts
    for sign in sorted(rule.strip, key=len, reverse=True):
        word = re.escape(sign.strip())
        plain = pc.replace_substring_regex(plain, rf"^([+-]?)\s*{word}\s*", r"\1")
        plain = pc.replace_substring_regex(plain, rf"\s*{word}$", "")
    expected = EXPECTED[rule.kind]
    bad = np.zeros(len(texts), dtype=bool)
    if rule.percent:
        bad |= ~_matches(plain, r"[0-9.,]\s*%$")
        plain = pc.replace_substring_regex(plain, r"\s*%$", "")
        expected = "a number with a per cent sign, such as 12.5%"
    decimal = rule.decimal or ("," if rule.thousands == "." else ".")
    if rule.thousands:
        group = re.escape(rule.thousands) if rule.thousands.strip() else r"[ \x{00A0}\x{202F}]"
        grouped = rf"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+"
        bad |= ~_matches(plain, rf"^[+-]?(?:{grouped})(?:{re.escape(decimal)}[0-9]*)?$")
        plain = pc.replace_substring_regex(plain, group, "")
    if decimal != ".":
        bad |= _matches(plain, r"\.")
        plain = pc.replace_substring(plain, decimal, ".")
    bad |= ~_matches(plain, _PLAIN)
    readable = pc.if_else(pa.array(bad), pa.scalar(None, plain.type), plain) if bad.any() else plain
    values = readable.cast(pa.float64()).to_numpy(zero_copy_only=False)
    large = np.abs(values) >= LARGEST_EXACT
    bad |= (large & _matches(plain, _WHOLE)) | np.isinf(values) if large.any() else large
    misread: list[Misread] = [(bad, expected, _number_hint)]
    if not rule.decimal and not rule.thousands:
        pointed = pc.match_substring(plain, ".").fill_null(False).to_numpy(zero_copy_only=False)
        pointed &= ~bad
        # most columns say in their first cells that the point is a decimal one
        some = plain.filter(pa.array(pointed))
        if len(some) and all(
            _matches(one, _THOUSANDS_OR_DECIMAL).all() for one in (some[:100], some)
        ):
            misread.append((pointed, f"{expected} that reads in one way only", _point_hint))
    return pd.Series(values / 100 if rule.percent else values), misread


def _matches(texts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    """Whether each text has the pattern; a missing one has it not."""
    return pc.match_substring_regex(texts, pattern).fill_null(False).to_numpy(zero_copy_only=False)


def _point_hint(texts: Sequence[str], rule: CellRule) -> str:
    return 'decimal: "." or thousands: "." reads it'


def _number_hint(texts: Sequence[str], rule: CellRule) -> str:
    """The keys of a mapping under which all of the texts would be numbers, else the first one."""
    if hint := word_hint(texts[0], rule):
        return hint
    if re.fullmatch(r"[+-]?[0-9]{16,}(\.0*)?", texts[0]):
        return "more digits than a number holds; a code is a category"
    trials: list[tuple[dict[str, Any], str]] = [
        ({"thousands": ","}, 'thousands: ","'),
        ({"decimal": ","}, 'decimal: ","'),
        ({"thousands": "."}, 'thousands: "."'),
        ({"thousands": " "}, 'thousands: " "'),
        ({"thousands": "'"}, 'thousands: "\'"'),
        ({"decimal": ",", "thousands": " "}, 'decimal: "," and thousands: " "'),
    ]
    trials += [(keys | {"percent": True}, f"{words} and percent: true") for keys, words in trials]
    trials.insert(0, ({"percent": True}, "percent: true"))
    around = re.fullmatch(r"([^0-9+.,-]*)[+-]?[0-9][0-9.,\s]*([^0-9]*)", texts[0])
    signs = [s.strip() for s in (around.groups() if around else ()) if s.strip() and s != "%"]
    if signs:
        trials += [
            (keys | {"strip": signs}, f"strip: {signs} {words}".strip())
            for keys, words in [({}, ""), *((k, f"and {w}") for k, w in trials)]
        ]
    for asked in (texts, texts[:1]):
        column = pa.array(asked, pa.string())
        readings = [
            words
            for keys, words in trials
            if not any(bad.any() for bad, *_ in read_numbers(column, replace(rule, **keys))[1])
        ]
        if readings:
            return f"{' or '.join(readings[:2])} reads it"
    return ""
