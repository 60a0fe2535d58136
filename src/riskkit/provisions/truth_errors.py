"""How far the expected loss is from the truth, part by part of the book: errors can offset.

Takes loans with what is set aside and what is truly expected; gives a table by each column asked.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import holm

__all__ = ["truth_errors"]

_LEVEL = 0.95
_FEW_LOANS = 30
TOO_FEW, WITHIN, MORE, LESS = (
    "too few to say", "may be chance", "too much set aside", "too little set aside",
)  # fmt: skip


def truth_errors(loans: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Expected loss against the truth of each part of the book.

    error = Σ set aside ÷ Σ truth − 1, with the interval in which it would lie for other loans of
    the kind: the loans' differences vary by chance, the model's parameters do not in it.

    Parameters
    ----------
    loans : DataFrame, one row per loan
        `ecl_amount`, `true_amount` (fen), and the columns of `by`; a loan without a truth is left
        out.
    by : sequence of str
        Columns to tell apart by, such as the stage, the term and the grade.

    Returns
    -------
    DataFrame, index (part, value), then ("all", "")
        `loans`, `ecl_amount`, `true_amount` (int64 fen), `error_rate`, `error_low`, `error_high`
        (95 %): NaN where nothing is truly expected, the interval also of fewer than 30 loans;
        `p_adjusted` of an error of 0 (normal; Holm over the parts), NaN of "all", which is judged
        by its interval; `told`: "too little set aside", "too much set aside", "may be chance", or
        "too few to say".

    Raises
    ------
    ValueError
        A column is missing.

    Source
    ------
    riskkit definition; interval of a ratio of sums: Cochran (1977), Sampling Techniques, 3rd ed.,
    section 2.11.

    Examples
    --------
    >>> loans = pd.DataFrame({"ecl_amount": [10, 30], "true_amount": [20, 20], "term": [3, 6]})
    >>> truth_errors(loans, ["term"])["error_rate"].tolist()
    [-0.5, 0.5, 0.0]
    """
    if lacking := [name for name in ("ecl_amount", "true_amount", *by) if name not in loans]:
        raise ValueError(f"loans must have the columns {lacking}, got {list(loans)}")
    known = loans[loans["true_amount"].notna()]
    parts, names = [], []
    for name in by:
        for value, part in known.groupby(name, sort=True, observed=True):
            parts.append(_error(part))
            names.append((name, str(value)))
    parts.append(_error(known))
    index = pd.MultiIndex.from_tuples([*names, ("all", "")], names=["part", "value"])
    whole = ["loans", "ecl_amount", "true_amount"]
    table = pd.DataFrame(parts, index=index).astype(dict.fromkeys(whole, "int64"))
    return _told(table)


def _told(table: pd.DataFrame) -> pd.DataFrame:
    """The table with what chance leaves of each error, the parts judged together."""
    error = table["error_rate"].to_numpy(float)
    spread = (table["error_high"].to_numpy(float) - error) / special.ndtri(0.5 + _LEVEL / 2)
    distance = np.divide(
        np.abs(error), spread, out=np.where(error == 0, 0.0, np.inf), where=spread > 0
    )
    p_value = np.where(np.isnan(spread), np.nan, 2 * special.ndtr(-distance))
    adjusted = np.append(holm(p_value[:-1]), np.nan)
    judged = np.append(adjusted[:-1], p_value[-1])
    beyond = np.where(error > 0, MORE, LESS)
    told = np.where(judged <= 1 - _LEVEL, beyond, WITHIN)
    told = np.where(np.isnan(judged), TOO_FEW, told)
    return table.assign(p_adjusted=adjusted, told=pd.Series(told, index=table.index, dtype=str))


def _error(loans: pd.DataFrame) -> dict[str, float]:
    ours, true = (loans[name].to_numpy(float) for name in ("ecl_amount", "true_amount"))
    n, total = len(loans), true.sum()
    ratio = ours.sum() / total if total > 0 else np.nan
    width = np.nan
    if n >= _FEW_LOANS and total > 0:
        residual = ours - ratio * true
        spread = (residual**2).sum() * n / (n - 1)
        width = special.ndtri(0.5 + _LEVEL / 2) * spread**0.5 / total
    return {
        "loans": n,
        "ecl_amount": round(ours.sum()),
        "true_amount": round(total),
        "error_rate": ratio - 1,
        "error_low": ratio - 1 - width,
        "error_high": ratio - 1 + width,
    }
