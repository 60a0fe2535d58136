"""Numbers in text: thousands, decimal commas, per cent signs, currency signs, as a rule states."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from riskkit.columns.cell_rule import EXPECTED, LARGEST_EXACT, CellRule, word_hint

__all__ = ["read_numbers"]

_PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"


def read_numbers(texts: pa.Array, rule: CellRule) -> Any:
    """Numbers of texts, which are none, what was expected, and the key that would help."""
    plain = texts
    for sign in sorted(rule.strip, key=len, reverse=True):
        word = re.escape(sign.strip())
        plain = pc.replace_substring_regex(plain, rf"^([+-]?)\s*{word}\s*", r"\1")
        plain = pc.replace_substring_regex(plain, rf"\s*{word}$", "")
    expected = EXPECTED[rule.kind]
    bad = np.zeros(len(texts), dtype=bool)
    if rule.percent:
        signed = pc.match_substring_regex(plain, r"[0-9.,]\s*%$")
        bad |= ~signed.fill_null(True).to_numpy(zero_copy_only=False)
        plain = pc.replace_substring_regex(plain, r"\s*%$", "")
        expected = "a number with a per cent sign, such as 12.5%"
    decimal = rule.decimal or "."
    point = re.escape(decimal)
    if rule.thousands:
        group = re.escape(rule.thousands) if rule.thousands.strip() else r"[ \x{00A0}\x{202F}]"
        grouped = rf"^[+-]?(?:[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|[0-9]+)(?:{point}[0-9]*)?$"
        fits = pc.match_substring_regex(plain, grouped).fill_null(True)
        bad |= ~fits.to_numpy(zero_copy_only=False)
        plain = pc.replace_substring_regex(plain, group, "")
    if decimal != ".":
        dotted = pc.match_substring(plain, ".").fill_null(False)
        bad |= dotted.to_numpy(zero_copy_only=False)
        plain = pc.replace_substring(plain, decimal, ".")
    fits = pc.match_substring_regex(plain, _PLAIN)
    bad |= ~fits.fill_null(True).to_numpy(zero_copy_only=False)
    numbers = pc.if_else(fits, plain, pa.scalar(None, pa.string())).cast(pa.float64())
    values = numbers.to_numpy(zero_copy_only=False)
    digits = pc.match_substring_regex(plain, r"^[+-]?[0-9]+$").fill_null(False)
    lost = digits.to_numpy(zero_copy_only=False) & (np.abs(values) >= LARGEST_EXACT)
    bad |= np.isinf(values) | lost
    if not rule.decimal and not rule.thousands:
        dotted = pc.match_substring(plain, ".").fill_null(False).to_numpy(zero_copy_only=False)
        grouped = pc.match_substring_regex(plain, r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+$")
        if dotted.any() and grouped.filter(pa.array(dotted)).to_numpy(zero_copy_only=False).all():
            return pd.Series(values), dotted, f"{expected} read in one way only", _point_hint
    return pd.Series(values / 100 if rule.percent else values), bad, expected, _number_hint


def _point_hint(text: str, rule: CellRule) -> str:
    return 'decimal: "." or thousands: "." reads it'


def _number_hint(text: str, rule: CellRule) -> str:
    """The key of a mapping under which a text would be a number, as far as one can say."""
    if hint := word_hint(text, rule):
        return hint
    if re.fullmatch(r"[+-]?[0-9]{16,}", text):
        return "more digits than a number holds; a code is a category"
    trials: list[tuple[dict[str, Any], str]] = [
        ({"thousands": ","}, 'thousands: ","'),
        ({"decimal": ","}, 'decimal: ","'),
        ({"decimal": ",", "thousands": "."}, 'decimal: "," and thousands: "."'),
        ({"thousands": " "}, 'thousands: " "'),
        ({"decimal": ",", "thousands": " "}, 'decimal: "," and thousands: " "'),
    ]
    trials += [(keys | {"percent": True}, f"{words} and percent: true") for keys, words in trials]
    trials.insert(0, ({"percent": True}, "percent: true"))
    around = re.fullmatch(r"([^0-9+.,-]*)[+-]?[0-9][0-9.,\s]*([^0-9]*)", text)
    signs = [s.strip() for s in (around.groups() if around else ()) if s.strip() and s != "%"]
    if signs:
        trials += [
            (keys | {"strip": signs}, f"strip: {signs} {words}".strip())
            for keys, words in [({}, ""), *((k, f"and {w}") for k, w in trials)]
        ]
    readings = []
    for keys, words in trials:
        tried = replace(rule, **keys)
        _, bad, *_ = read_numbers(pa.array([text]), tried)
        if not bad[0]:
            readings.append(words)
    return f"{' or '.join(readings[:2])} reads it" if readings else ""
