"""Values and columns that are not what they seem: special codes, things known afterwards, contacts.

Takes values of a column, and who was bad; gives codes with their rows, and reasons in words.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.draft.headers import says
from riskkit.draft.rawfile import RawColumn

__all__ = ["person_of", "special_codes", "told_by_outcome"]

_NEGATIVE = [-1, -2, -3, -6, -7, -8, -9, -97, -98, -99, -888, -997, -998, -999, -8888, -9998]
_NEGATIVE += [-9999, -99999, -999999, -9999999, -99999999, -1111, -111]
_POSITIVE = [97, 98, 99, 888, 997, 998, 999, 8888, 9997, 9998, 9999, 88888, 99998, 99999, 888888]
_POSITIVE += [999999, 9999999, 99999999, 999999999]
_NEARLY = 0.9  # AUC above which a single column knows too much
_PURE_SHARE = 0.4  # of the bads, or goods, whom values of their own give away
_EXPECTED = 8  # of the other class that such values would hold by chance
_LEAST_CLASS = 20
# what a cell holds that leads to a person: address of mail, mobile, identity card, IBAN, card
_CONTACTS = {
    "addresses of mail": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "mobile numbers": r"(\+?86[- ]?)?1[3-9][0-9]{9}|\+[0-9][0-9 ()-]{8,}",
    "numbers of identity cards": r"[1-9][0-9]{5}(19|20)[0-9]{9}[0-9Xx]",
    "account numbers": r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}|[3-6][0-9]{15,18}",
}


def special_codes(values: pd.Series) -> dict[int, int]:
    """Numbers that are no measurement by their look: rows of each.

    Round extreme values such as −999 or 9999 outside the range of all others.

    Examples
    --------
    >>> special_codes(pd.Series([1.0, 2, 5, 40, -999, -999]))
    {-999: 2}
    >>> special_codes(pd.Series([-999.0, -998, -2, 5, 40]))
    {}
    """
    counts = values.dropna().value_counts()
    candidates = [code for code in [*_NEGATIVE, *_POSITIVE] if code in counts.index]
    rest = counts[~counts.index.isin(candidates)]
    if not candidates or len(rest) < 3:
        return {}
    low, high, n = rest.index.min(), rest.index.max(), counts.sum()
    found = {}
    for code in candidates:
        rows = int(counts[code])
        least = 1 if abs(code) >= 99 else max(2, 0.0005 * n)
        if code < 0:
            is_code = low >= 0 and rows >= least
        else:
            gap = 0.7 if code >= 888 else 0.85
            is_code = high < gap * code and rows >= max(3, 0.001 * n)
        if is_code:
            found[code] = rows
    # a step below zero among neighbours is a value, not a code
    if set(found) == {-1} and not (rest.index == np.floor(rest.index)).all():
        return {}
    return dict(sorted(found.items()))


def told_by_outcome(values: pd.Series, bad: NDArray[np.float64]) -> str:
    """Why a column seems to be known only after the outcome; empty where it does not.

    Parameters
    ----------
    values : Series of shape (n_rows,)
    bad : float array of shape (n_rows,)
        1 bad, 0 good, NaN not known.
    """
    from riskkit.metrics import auc, score_counts

    known = ~np.isnan(bad)
    n_bad, n_good = int((bad == 1).sum()), int((bad == 0).sum())
    if min(n_bad, n_good) < _LEAST_CLASS or values.isna().all():
        return ""
    group = _groups(values)[known]
    table = pd.crosstab(group, bad[known]).reindex(columns=[0.0, 1.0], fill_value=0)
    good, bads = table[0.0], table[1.0]
    share = n_bad / (n_bad + n_good)
    only_bad = bads[(good == 0) & (bads * (1 - share) / share >= _EXPECTED)].sum()
    only_good = good[(bads == 0) & (good * share / (1 - share) >= _EXPECTED)].sum()
    if only_bad > _PURE_SHARE * n_bad:
        return f"{only_bad / n_bad:.0%} of the bad have values that no good has"
    if only_good > _PURE_SHARE * n_good:
        return f"{only_good / n_good:.0%} of the good have values that no bad has"
    rate = good / (good + bads)
    reached = auc(score_counts(rate.reindex(group).to_numpy(), bad[known]))
    return f"alone it parts good and bad with an AUC of {reached:.2f}" if reached > _NEARLY else ""


def _groups(values: pd.Series) -> NDArray[np.intp]:
    """Groups of like values: 20 of equal size, or levels; rare levels are one group."""
    if values.dtype.kind in "fiuM":
        numbers = values.astype("float64") if values.dtype.kind != "M" else values.astype("int64")
        cut = pd.qcut(numbers.where(values.notna()), 20, labels=False, duplicates="drop")
        # the commonest value is a group of its own: zero recoveries, say
        cut = cut.mask(values == values.mode().iloc[0], 100)
        return cut.fillna(-1).to_numpy(np.intp)
    codes, _ = pd.factorize(values.astype("str").where(values.notna()))
    sizes = np.bincount(codes + 1)
    return np.where(sizes[codes + 1] < _LEAST_CLASS, -2, codes)


def person_of(column: RawColumn) -> str:
    """Why a column seems to say who somebody is, by its name or cells; empty where it does not.

    A column with such a name but two or three different cells is a flag, such as "telephone: yes".
    """
    counts = column.counts
    if says(column.name, "private") and not says(column.name, "named_thing"):
        is_flag = len(counts) <= 3 and not any(
            re.search(r"[0-9]{5}|@", str(t)) for t in counts.index
        )
        if not (is_flag and column.n_filled > 3 * len(counts)):
            return "named as a person's name, contact or address"
    if len(counts) and column.is_text:
        head = pd.Series(counts.index[:500], dtype="str")
        for what, pattern in _CONTACTS.items():
            if len(head) > 3 and head.str.fullmatch(pattern).mean() > 0.8:
                return f"cells that look like {what}"
    return ""
