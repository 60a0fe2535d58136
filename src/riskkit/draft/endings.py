"""Who was bad, by the column that says it, and up to when the loans were watched.

Takes guesses of columns; gives the label or outcomes of a mapping, each value with its rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import DataContractError
from riskkit.columns import CellRule, read_cells, shown
from riskkit.draft.headers import says
from riskkit.draft.readings import ColumnGuess

__all__ = ["Ending", "choose_label", "last_day_seen", "meanings_of", "tells_ends"]

_OPEN = (
    r"未结清|还款中|进行中|\bcurrent\b|\bopen\b|\bactive\b|outstanding|ongoing|running|in repayment"
)
_OPEN += r"|\bgrace\b|\blate\b|\bissued\b|逾期|past due|^正常$|未到期|存续"
_DEFAULT = (
    r"charged?[ _-]?off|default|writ(e|ten)[ _-]?off|\bbad\b|\bloss\b|\blost\b|核销|坏账|呆账"
)
_DEFAULT += r"|违约|损失|代偿|坏"
_REPAID = (
    r"fully paid|^paid|\bpaid[ _-]?(off|up|in full)|repaid|\bclosed\b|complete|matured|prepaid"
)
_REPAID += r"|\bgood\b|结清|还清|完结|好|到期"
_NOT = r"^(no|non|not|never|without)\b|^(无|未|非|没有|不)"
_YES = {"1", "1.0", "y", "yes", "t", "true", "是", "有", "b"}
_NO = {"0", "0.0", "n", "no", "f", "false", "否", "无", "g", "-1"}
MOST_VALUES = 20


@dataclass
class Ending:
    """How the outcome is told.

    Parameters
    ----------
    kind : {"values", "event", "worst", "snapshot", ""}
    guess : ColumnGuess or None
        The column.
    meanings : dict of value to {"bad", "good", "ignored"}
    counts : Series
        Rows of each value, in all rows of the file.
    reasons, doubts : list of str
    """

    kind: str = ""
    guess: ColumnGuess | None = None
    meanings: dict[str, str] = field(default_factory=dict)
    counts: pd.Series = field(default_factory=pd.Series)
    reasons: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def listed(self, meaning: str) -> list[str]:
        """Values of a meaning, the most frequent first."""
        return [value for value in self.counts.index if self.meanings.get(value) == meaning]

    def bad(self) -> NDArray[np.float64]:
        """1 bad, 0 good, NaN not known, of each row of the sample."""
        if self.guess is None:
            return np.zeros(0)
        if self.kind in ("worst", "snapshot"):
            days = self.guess.series.astype("float64")
            return (days > 90).astype(float).where(days.notna()).to_numpy()
        texts = read_cells(self.guess.column.cells, CellRule(kind="category")).series
        flags = {"bad": 1.0, "good": 0.0}
        return texts.map(self.meanings).map(flags).to_numpy(np.float64)

    @property
    def has_open(self) -> bool:
        """Whether some loans have not ended."""
        return "ignored" in self.meanings.values()


def choose_label(guesses: list[ColumnGuess]) -> tuple[ColumnGuess | None, list[str]]:
    """The column that most looks like a label, and the names of others that do."""
    ranked: list[tuple[int, int, ColumnGuess]] = []
    for guess in guesses:
        n = len(guess.column.counts)
        if guess.secret or not 2 <= n <= (MOST_VALUES if not _is_days(guess) else 1 << 30):
            continue
        texts = " | ".join(map(str, guess.column.counts.index[:MOST_VALUES]))
        named = says(guess.name, "label")
        if named and n == 2:
            rank = 0
        elif says(guess.name, "status") and re.search(_DEFAULT, texts.lower()):
            rank = 1
        elif named and re.search(_DEFAULT, texts.lower()):
            rank = 2
        elif _is_days(guess) and guess.kind == "number":
            rank = 3
        elif guess.kind == "category" and tells_ends(guess):
            rank = 4
        else:
            continue
        ranked.append((rank, guess.column.number, guess))
    ranked.sort(key=lambda item: item[:2])
    if not ranked:
        return None, []
    return ranked[0][2], [guess.name for _, _, guess in ranked[1:]]


def _is_days(guess: ColumnGuess) -> bool:
    return says(guess.name, "days") and not says(guess.name, "before")


def tells_ends(guess: ColumnGuess) -> bool:
    """Whether the values are statuses of loans, some in default and some repaid."""
    texts = [str(text).lower() for text in guess.column.counts.index]
    tells = [bool(re.search(_DEFAULT, text)) or text == "lost" for text in texts]
    return any(tells) and any(re.search(_REPAID, text) for text in texts)


def meanings_of(guess: ColumnGuess, counts: pd.Series) -> Ending:
    """What each value of a label or status means: bad, good, or neither.

    Parameters
    ----------
    guess : ColumnGuess
    counts : Series
        Rows of each text, of the whole file.
    """
    if guess.kind == "number" and len(counts) > 6 and _is_days(guess):
        kind = "worst" if says(guess.name, "worst") else "snapshot"
        return Ending(kind, guess, counts=counts)
    ending = Ending("values", guess, counts=counts.head(200))
    found = {value: _meaning(str(value)) for value in ending.counts.index}
    is_good_named = says(guess.name, "good") and not says(guess.name, "label")
    if is_good_named and set(found.values()) <= {"bad", "good"} and _is_flag(counts):
        found = {v: {"bad": "good", "good": "bad"}[m] for v, m in found.items()}
        ending.doubts.append("by the column's name its 1 means good")
    if "good" not in found.values() and "ignored" in found.values():
        # beside defaults alone, 正常 or current is the good end
        found = {v: "good" if m == "ignored" else m for v, m in found.items()}
        ending.doubts.append("no value says repaid, so those still running count as good")
    unknown = [value for value, meaning in found.items() if not meaning]
    if unknown:
        named = ", ".join(shown(value) for value in unknown[:6])
        ending.doubts.append(f"not known what {named} means; ignored so far")
    found = {value: meaning or "ignored" for value, meaning in found.items()}
    ending.meanings = found
    for meaning, values in (("bad", list(found)[::-1]), ("good", list(found))):
        if meaning not in found.values():
            free = [v for v in values if found[v] == "ignored" or len(found) == 2]
            if not free or len(counts) > len(found):
                raise DataContractError(
                    guess.name,
                    [
                        f"no label: of {len(counts):,} values none says {meaning}; expected a "
                        "column that tells the good from the bad"
                    ],
                )
            chosen = free[0]
            found[chosen] = meaning
            ending.doubts.append(f"{shown(chosen)} is taken for {meaning} by its number of rows")
    return ending


def _is_flag(counts: pd.Series) -> bool:
    return all(str(value).lower() in _YES | _NO for value in counts.index)


def _meaning(value: str) -> str:
    text = value.lower()
    if text in _YES:
        return "bad"
    if text in _NO:
        return "good"
    if re.search(_DEFAULT, text):
        return "good" if re.search(_NOT, text) else "bad"
    if re.search(_OPEN, text):
        return "ignored"
    return "good" if re.search(_REPAID, text) else ""


def last_day_seen(dates: pd.Series, *, all_ended: bool) -> tuple[pd.Timestamp, int, str]:
    """The last day that the data seem to cover, how many dates are later, and the reason.

    A month counts as seen while it has a tenth of the usual number of rows, the median of the six
    months before it. Where every loan has ended, the last ones thin out by themselves, and only a
    gap of a year ends the data.

    Parameters
    ----------
    dates : Series of datetime64
        Not empty.
    all_ended : bool

    Examples
    --------
    >>> days = pd.Series(pd.date_range("2021-01-01", "2022-06-20"))
    >>> days.loc[len(days)] = pd.Timestamp("2102-01-15")
    >>> day, later, reason = last_day_seen(days, all_ended=False)
    >>> day.date().isoformat(), later
    ('2022-06-20', 1)
    """
    dates = dates.dropna()
    months = dates.dt.to_period("M")
    counts = months.value_counts().sort_index()
    usual = counts.index[0]
    for k, month in enumerate(counts.index):
        before = counts.iloc[max(0, k - 6) : k]
        gap = (month - counts.index[k - 1]).n if k else 1
        is_thin = len(before) >= 3 and counts.iloc[k] < 0.1 * before.median()
        if gap > 12 or (is_thin and not all_ended and counts.iloc[k:].sum() < 0.05 * len(dates)):
            break
        usual = month
    within = dates[months <= usual]
    last = within.max()
    is_monthly = bool((within.dt.day == 1).mean() > 0.95)
    day = (last + pd.offsets.MonthEnd(0) if is_monthly else last).normalize()
    tail = counts.iloc[-8:]
    rows = ", ".join(f"{month} {n:,}" for month, n in tail.items())
    return day, int((dates > day + pd.Timedelta(days=1)).sum()), f"rows by month: … {rows}"
