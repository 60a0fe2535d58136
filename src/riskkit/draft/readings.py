"""How the cells of a column are written, as far as its cells tell; two readings are both given.

Takes a :class:`RawColumn`; gives :class:`ColumnGuess`: kind, keys of a mapping, values, reasons.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from riskkit.columns import LOOKS_MISSING, CellRule, read_cells, shown
from riskkit.draft.headers import says
from riskkit.draft.rawfile import RawColumn

__all__ = ["ColumnGuess", "guess_column"]

FITTING = 0.98  # of the rows; the others are named when the file is read
MOST_TEXTS = 20_000  # that a reading is tried on
_CURRENCY = {"¥": "CNY", "￥": "CNY", "元": "CNY", "人民币": "CNY", "RMB": "CNY", "CNY": "CNY"}
_CURRENCY |= {"$": "USD", "US$": "USD", "USD": "USD", "€": "EUR", "EUR": "EUR", "£": "GBP"}
_CURRENCY |= {"GBP": "GBP", "DM": "DEM", "HK$": "HKD", "NT$": "TWD", "₹": "INR", "Rs": "INR"}
_UNITS = {
    "months": ["months", "month", "mths", "mth", "mos", "mo", "个月", "期", "月"],
    "days": ["days", "day", "天", "日"],
    "years": ["years", "year", "yrs", "yr", "年", "岁", "周岁"],
    "times": ["times", "次", "笔"],
    "10,000 yuan": ["万元", "万"],
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}
_NUMBER_KEYS: list[dict[str, Any]] = [
    {},
    {"decimal": "."},
    {"thousands": ","},
    {"decimal": ","},
    {"thousands": "."},
    {"thousands": " "},
    {"decimal": ",", "thousands": " "},
    {"thousands": "'"},
]
_FORMATS = [
    *(f"%d{s}%m{s}%{y}" for s in "./-" for y in "Yy"),
    *(f"%m{s}%d{s}%{y}" for s in "./-" for y in "Yy"),
    *(f"%y{s}%m{s}%d" for s in "./-"),
    *(f"%d{s}%b{s}%{y}" for s in " -" for y in "Yy"),
    *("%b-%Y", "%b-%y", "%b %Y", "%B %Y", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%d%b%Y"),
    *("%Y-%m", "%Y/%m", "%Y.%m", "%Y年%m月", "%m/%Y", "%m.%Y", "%m-%Y"),
    *(f"%d{s}%m{s}%Y %H:%M{t}" for s in "./-" for t in ("", ":%S")),
    *(f"%m{s}%d{s}%Y %H:%M{t}" for s in "./-" for t in ("", ":%S")),
    *(f"%m{s}%d{s}%Y %I:%M:%S %p" for s in "./-"),
    *("%Y%m%d%H%M%S", "%a %b %d %Y", "%Y年%m月%d日 %H时%M分"),
]
_FIRST, _LAST = pd.Timestamp("1901-01-01"), pd.Timestamp("2100-01-02")
_PLACEHOLDER = re.compile(r"(9999|2999|2099|1900|1899|1800|1753|0001).?(01.?01|12.?3[01])")
_EVER: dict[str, Any] = {"first": datetime.date.min, "last": datetime.date(9999, 12, 30)}
# words that are a level of a category as often as they mean missing
_MAY_BE_LEVELS = {"none", "nil", "unknown", "missing", "无", "空", "未知", "缺失", ".", "na"}


@dataclass
class ColumnGuess:
    """What a column seems to hold, and how it is written.

    Parameters
    ----------
    column : RawColumn
    kind : {"number", "date", "category", ""}
        Empty where it is nothing that a feature could be; `why` says so.
    keys : dict
        Of the mapping: format, decimal, thousands, percent, strip, missing.
    others : list of dict
        Keys of other readings that fit as well.
    series : Series of shape (n_rows,)
        As the keys read them.
    unit, currency : str
        As signs in the cells say.
    reasons, doubts : list of str
        The doubts are marked ``# check``.
    secret : str
        Why no value may be shown; empty where they may.
    """

    column: RawColumn
    kind: str = ""
    keys: dict[str, Any] = field(default_factory=dict)
    others: list[dict[str, Any]] = field(default_factory=list)
    series: pd.Series = field(default_factory=pd.Series)
    unit: str = ""
    currency: str = ""
    why: str = ""
    reasons: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    secret: str = ""

    @property
    def name(self) -> str:
        """Of the column."""
        return self.column.name

    @property
    def n_missing(self) -> int:
        """Rows without a value."""
        return int(self.series.isna().sum())

    @property
    def is_full(self) -> bool:
        """Whether every row has a value."""
        return len(self.series) > 0 and not self.series.isna().any()

    @property
    def is_constant(self) -> bool:
        """Whether it has one value alone."""
        return len(self.series.dropna().unique()) == 1

    @property
    def points(self) -> int:
        """1 where it is surely written with a decimal comma, -1 with a comma between thousands."""
        if self.others or self.kind != "number":
            return 0
        is_decimal = self.keys.get("decimal") == "," or self.keys.get("thousands") == "."
        return int(is_decimal) - int(self.keys.get("thousands") == ",")

    def read(self, cells: pa.Array) -> pd.Series:
        """Values of other cells of the column."""
        limits = _EVER if self.kind == "date" else {}
        rule = CellRule(kind=self.kind or "text", **self.keys, **limits)
        return read_cells(cells, rule).series


def guess_column(column: RawColumn, *, secret: str = "", european: bool = False) -> ColumnGuess:
    """Kind of a column and how its cells are written.

    Parameters
    ----------
    column : RawColumn
    secret : str
        Why no value of it may be shown.
    european : bool
        Whether other things in the file are written with a decimal comma and the day first.

    Returns
    -------
    ColumnGuess

    Source
    ------
    riskkit definition.
    """
    guess = ColumnGuess(column, secret=secret, series=pd.Series([None] * len(column.cells)))
    if not column.is_text:
        return _typed(guess)
    if column.counts.empty:
        guess.why = "blank in every row"
        return guess
    lower = pc.utf8_lower(pa.array(column.counts.index, pa.string()))
    is_word = pc.is_in(lower, pa.array(sorted(LOOKS_MISSING))).to_numpy(zero_copy_only=False)
    words = list(column.counts.index[is_word])
    texts = column.counts.drop(words)
    if texts.empty:
        guess.why = "blank, or a word for missing, in every row"
        return guess
    if _is_plain(texts):
        guess.kind, guess.keys = "number", _with_missing({}, words)
        return _filled(guess)
    for attempt in (_coded, _date, _number):
        if attempt(guess, texts, words, european):
            return _filled(guess)
    return _filled(_category(guess, texts, words))


def _is_plain(texts: pd.Series) -> bool:
    """Whether all are numbers that need no key, some with a point, so no codes and no dates."""
    array = pa.array(texts.index, pa.string())
    if not pc.all(pc.match_substring_regex(array, r"^-?[0-9]*[.]?[0-9]*$")).as_py():
        return False
    dotted = pc.match_substring(array, ".")
    if pc.sum(dotted).as_py() < 0.02 * len(array):
        return False
    return not read_cells(array, CellRule(kind="number")).faults


def _filled(guess: ColumnGuess) -> ColumnGuess:
    guess.series = guess.read(guess.column.cells)
    if guess.kind == "date":
        out = guess.series.notna() & ~guess.series.between(_FIRST, _LAST)
        guess.series = guess.series.mask(out)
    if guess.kind and guess.is_constant and guess.n_missing > 0.01 * len(guess.series):
        guess.doubts.append(f"one value alone, and {guess.n_missing:,} rows without")
    return guess


def _typed(guess: ColumnGuess) -> ColumnGuess:
    """A column of parquet: its type is its kind."""
    kind = guess.column.cells.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        guess.kind = "date"
        far = guess.column.counts
        _note_far(guess, far[[not "1901" <= text[:4] <= "2100" for text in far.index]])
    elif pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        guess.kind = "number"
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        guess.kind = "number"
    else:
        guess.why = f"of type {kind}, which is no feature"
        return guess
    if guess.kind == "number" and _is_coded_by_name(guess.column):
        guess.kind = "category"
        guess.doubts.append("numbers that look like codes by the column's name")
    if not guess.column.n_filled:
        guess.kind, guess.why = "", "blank in every row"
        return guess
    return _filled(guess)


def _is_coded_by_name(column: RawColumn) -> bool:
    texts = column.counts.index
    few = 2 < len(texts) <= 100 or (len(texts) == 2 and not set(texts) <= {"0", "1", "0.0", "1.0"})
    is_whole = all(re.fullmatch(r"-?[0-9]{1,8}(?:\.0)?", str(text)) for text in texts[:200])
    return few and is_whole and says(column.name, "codes") and not says(column.name, "decision")


# -- words for missing -----------------------------------------------------------------------------


def _missing(guess: ColumnGuess, known: Sequence[str], odd: pd.Series) -> list[str] | None:
    """Words that mean missing: those that usually do, and a few others, as a doubt."""
    if not len(odd):
        return list(known)
    worded = [t for t in odd.index if not re.search(r"[0-9]", t)]
    if len(worded) == len(odd) <= 3 and not guess.secret:
        names = ", ".join(f"{shown(t)} in {odd[t]:,} rows" for t in worded)
        guess.doubts.append(f"taken for missing: {names}")
        return [*known, *worded]
    return None


def _note_odd(guess: ColumnGuess, odd: pd.Series, what: str) -> None:
    if len(odd):
        guess.doubts.append(f"{int(odd.sum()):,} rows hold no {what}; they are refused when read")


def _with_missing(keys: dict[str, Any], missing: Sequence[str]) -> dict[str, Any]:
    return keys | ({"missing": list(missing)} if missing else {})


def _note_far(guess: ColumnGuess, far: pd.Series) -> None:
    """Dates that can be none: placeholders mean missing; of others only how many."""
    if far.empty:
        return
    meant = [text for text in far.index if _PLACEHOLDER.match(text)]
    if len(far) <= 3 and not guess.secret:
        meant = list(far.index)
    meant = [text.removesuffix(" 00:00:00") for text in meant]
    taken = f" ({', '.join(meant)}), taken for missing" if meant else ""
    guess.doubts.append(f"{int(far.sum()):,} rows hold a date outside 1901 to 2100{taken}")
    guess.keys = _with_missing(guess.keys, [*guess.keys.get("missing", []), *meant])


# -- codes and dates -------------------------------------------------------------------------------


def _coded(guess: ColumnGuess, texts: pd.Series, words: list[str], european: bool) -> bool:
    """Digits that are no number: leading zeros, or too many of them."""
    index = pd.Series(texts.index, dtype="str")
    digits = index.str.fullmatch(r"[0-9]+")
    if digits.mean() < FITTING:
        return False
    zeros = index.str.fullmatch(r"0[0-9]+").any()
    if not zeros and not (index.str.len() >= 16).any() and not _is_coded_by_name(guess.column):
        return False
    if index.str.fullmatch(r"(19|20)[0-9]{6}").all():
        return False
    _category(guess, texts, words)
    if zeros:
        guess.reasons.append("codes with leading zeros")
    elif guess.kind:
        guess.doubts.append("numbers that look like codes by the column's name")
    return True


def _date(guess: ColumnGuess, texts: pd.Series, words: list[str], european: bool) -> bool:
    """Dates: the year first, compact, a serial number, or by a format; two are both told."""
    index = pd.Series(texts.index[:MOST_TEXTS], dtype="str")
    named = says(guess.name, "any_date") or says(guess.name, "granted_at")
    named = named or says(guess.name, "payment")
    weight = texts.iloc[:MOST_TEXTS]
    digits = float(weight[index.str.fullmatch(r"[0-9]+(\.0)?").to_numpy()].sum() / weight.sum())
    trials = ["", *_FORMATS]
    if digits >= FITTING:
        length = index.str.len().mode().iloc[0]
        trials = {8: [""], 6: ["%Y%m"] if named else [], 5: ["excel"] if named else []}.get(
            int(length), []
        )
    elif not index.head(50).str.contains(r"[0-9]").any() or index.str.len().median() < 4:
        return False
    fits = _fitting_formats(weight, trials)
    if not fits:
        return False
    if digits >= FITTING and fits[0] in ("", "excel", "%Y%m"):
        years = _dates(index, fits[0]).dt.year
        lower = 1990 if named else 2000
        if not years.dropna().between(lower, 2060).mean() >= FITTING or (
            not named and len(index) < 10
        ):
            return False
        guess.doubts.append(
            "serial numbers of Excel" if fits[0] == "excel" else "digits, read as dates"
        )
    guess.kind = "date"
    _choose_format(guess, fits, weight)
    values = _dates(pd.Series(texts.index, dtype="str"), fits[0])
    odd = texts[values.isna().to_numpy()]
    outside = (values.notna() & ~values.between(_FIRST, _LAST)).to_numpy()
    more = _missing(guess, words, odd)
    if more is None:
        _note_odd(guess, odd, "date")
    guess.keys = _with_missing(guess.keys, words if more is None else more)
    _note_far(guess, texts[outside])
    guess.others = [_with_missing(keys, guess.keys.get("missing", [])) for keys in guess.others]
    return True


def _dates(index: pd.Series, format: str) -> pd.Series:
    rule = CellRule(kind="date", format=format, **_EVER)
    read = read_cells(pa.array(index, pa.string()), rule)
    values = pd.Series(read.series.to_numpy(), dtype="datetime64[us]")
    # 9999-12-31 is beyond what the rule takes, but it is a date
    far = index.str.contains("9999").to_numpy() & values.isna().to_numpy()
    if far.any() and not format:
        is_date = index.str.fullmatch(r"9999.?12.?31.*").to_numpy()
        values = values.mask(pd.Series(far & is_date), pd.Timestamp("9999-12-31"))
    return values


def _fitting_formats(weight: pd.Series, formats: Sequence[str]) -> list[str]:
    """Formats that read nearly all rows, those first that read the most."""
    fits: list[tuple[float, int, str]] = []
    every = pd.Series(weight.index, dtype="str")
    ends = [*weight.index[:15], *weight.index[-15:]]
    few = [text for text in ends if re.search(r"[0-9]", text)]
    for order, format in enumerate(formats):
        if sum(_may_be(text, format) for text in few) <= 0.6 * len(few):
            continue
        read = _dates(every, format)
        share = float(weight[read.notna().to_numpy()].sum() / weight.sum())
        if share >= FITTING or (share >= 0.7 and _rest_is_words(weight, read)):
            fits.append((-share, order, format))
    return [format for _, _, format in sorted(fits)]


def _may_be(text: str, format: str) -> bool:
    """Whether a text is a date of a format, at a glance."""
    if format in ("", "excel"):
        return re.match(r"[0-9]{4}", text) is not None
    try:
        datetime.datetime.strptime(text, format)
    except ValueError:
        return False
    return True


def _rest_is_words(weight: pd.Series, read: pd.Series) -> bool:
    rest = [t for t in weight.index[read.isna().to_numpy()] if not re.search(r"[0-9]", t)]
    return len(rest) == int(read.isna().sum()) <= 3


def _choose_format(guess: ColumnGuess, fits: list[str], weight: pd.Series) -> None:
    """The first format, unless another fits as well and means other days."""
    index = pd.Series(weight.index, dtype="str")
    first = _dates(index, fits[0])
    full = first.notna().sum()
    rivals = []
    for format in fits[1:]:
        other = _dates(index, format)
        if other.notna().sum() == full and not other.equals(first):
            rivals.append(format)
    guess.keys = {"format": fits[0]} if fits[0] else {}
    guess.others = [{"format": format} for format in rivals]
    if rivals:
        guess.doubts.append(
            f"{fits[0]} and {' and '.join(rivals)} read every cell; take the one that is meant"
        )
    elif fits[0] and fits[0] != "excel":
        guess.reasons.append(f"written {fits[0]}")


# -- numbers ---------------------------------------------------------------------------------------


def _number(guess: ColumnGuess, texts: pd.Series, words: list[str], european: bool) -> bool:
    """Numbers, their signs and units taken off; two readings are both told."""
    index = pd.Series(texts.index, dtype="str")
    parts = index.str.extract(
        r"^(?P<lead>[^0-9+\-.,]*)[+-]?(?P<mid>[^0-9+\-.,\s]*)\s*"
        r"(?P<body>(?:[0-9]|\.[0-9])[0-9.,'\s]*(?:[eE][+-]?[0-9]+)?)\s*(?P<tail>[^0-9]*)$"
    )
    fits = parts["body"].notna().to_numpy()
    share = texts[fits].sum() / texts.sum()
    few_words = int((~fits).sum()) <= 3 and share >= 0.5
    few_words = few_words and not index[~fits].str.contains(r"[0-9]").any()
    if share < FITTING and not few_words:
        return False
    lead, mid, tail = (set(parts[k][fits].str.strip()) - {""} for k in ("lead", "mid", "tail"))
    affixes = _affixes(guess, lead | mid, {t.removesuffix(".") for t in tail})
    if affixes is None:
        return False
    strip, percent = affixes
    odd = texts[~fits]
    missing = _missing(guess, words, odd)
    if percent:
        signed = index.str.strip().str.endswith("%").to_numpy()
        if not signed[fits].all():
            n = int(texts[fits & ~signed].sum())
            guess.why = f"per cent signs in some rows and none in others ({n:,} rows)"
            return True
    keys: dict[str, Any] = {"percent": True} if percent else {}
    keys |= {"strip": strip} if strip else {}
    found = _number_readings(texts[fits], keys, european)
    if not found:
        return False
    n_faults, best, *others = found
    guess.kind = "number"
    guess.keys = _with_missing(best, words if missing is None else missing)
    guess.others = [_with_missing(other, guess.keys.get("missing", [])) for other in others]
    if missing is None:
        _note_odd(guess, odd, "number")
    if n_faults:
        guess.doubts.append(f"{n_faults:,} rows hold no number so written; they are refused")
    if others:
        guess.doubts.append("two readings fit every cell; take the one that is meant")
    elif best.get("decimal") or best.get("thousands"):
        signs = [f"{key} {best[key]!r}" for key in ("decimal", "thousands") if key in best]
        guess.reasons.append(f"written with {' and '.join(signs)}")
    return True


def _affixes(guess: ColumnGuess, lead: set[str], tail: set[str]) -> tuple[list[str], bool] | None:
    """Signs to take off and whether per cent signs are among them; None where they tell codes."""
    percent = "%" in tail
    units = {_UNIT_OF.get(word.lower()) for word in tail - {"%"} if word not in _CURRENCY}
    money = {_CURRENCY.get(word) for word in lead | tail if word in _CURRENCY}
    strange = [word for word in lead if word not in _CURRENCY]
    if strange or None in units or len(units) > 1 or len(money) > 1 or (percent and len(tail) > 1):
        return None
    guess.unit = next(iter(units), "") or ""
    guess.currency = next(iter(money), "") or ""
    if "10,000 yuan" in units:
        guess.doubts.append("in 10,000s, by the sign behind the numbers; the values stay in them")
        guess.currency = "CNY"
    return sorted((lead | tail) - {"%"}), percent


def _number_readings(texts: pd.Series, keys: dict[str, Any], european: bool) -> list[Any]:
    """Rows that no reading takes, the best reading's keys, and those of others that differ."""
    cells = pa.array(texts.index[:MOST_TEXTS], pa.string())
    rows = texts.iloc[:MOST_TEXTS].to_numpy()
    trials = _NUMBER_KEYS
    if european:
        trials = [_NUMBER_KEYS[k] for k in (0, 4, 3, 1, 2, 5, 6, 7)]
    results: list[tuple[int, dict[str, Any], pd.Series]] = []
    for more in trials:
        read = read_cells(cells, CellRule(kind="number", **keys, **more))
        n = int(sum(rows[fault.positions].sum() for fault in read.faults))
        results.append((n, keys | more, read.series))
        if not more and n == 0:
            break
    fewest = min(n for n, _, _ in results)
    if fewest > (1 - FITTING) * rows.sum():
        return []
    best = [(k, values) for n, k, values in results if n == fewest]
    chosen, values = best[0]
    others = []
    for other, read in best[1:]:
        if not read.equals(values) and not any(read.equals(v) for k, v in best if k in others):
            others.append(other)
    return [fewest, chosen, *others]


# -- categories ------------------------------------------------------------------------------------


def _category(guess: ColumnGuess, texts: pd.Series, words: list[str]) -> ColumnGuess:
    """Levels, unless nearly every row has its own text."""
    n, rows = len(texts), int(texts.sum())
    if n > 50 and n > 0.5 * rows:
        guess.why = "nearly every row has its own text"
        return guess
    if n > 1000:
        guess.why = f"{n:,} different texts, too many for levels"
        return guess
    guess.kind = "category"
    sure = [word for word in words if word.lower() not in _MAY_BE_LEVELS]
    unsure = [word for word in words if word not in sure]
    guess.keys = _with_missing({}, sure)
    if unsure and not guess.secret:
        guess.reasons.append(f"{', '.join(map(shown, unsure))} is kept as a level")
    if n > 100:
        guess.doubts.append(f"{n:,} levels")
    return guess
