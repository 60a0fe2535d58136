"""Whether a pool depends on few products, regions, partners or borrowers, beside its limits.

Takes the loan tape; gives a row per column looked at, of the whole book and of the pool.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from riskkit.checks import Array, nearest_name, require_columns
from riskkit.columns import level_text
from riskkit.funding.loan_tape import BORROWER, SEGMENTS

__all__ = ["AT_LIMIT", "check_limits", "concentration_table", "segment_codes"]

AT_LIMIT = 0.005  # of the limit: closer than this the pool could not take more
ROUNDING = 1e-9


def check_limits(limits: Mapping[str, float]) -> None:
    """Refuse a limit on what no concentration is asked of, or one outside (0, 1]."""
    for name, limit in limits.items():
        if name not in SEGMENTS:
            near = nearest_name(name, SEGMENTS)
            raise ValueError(f"no limit can be set on {name!r}{near}")
        if not 0 < limit <= 1:
            raise ValueError(f"the limit of {name} must lie in (0, 1], got {limit!r}")


def segment_codes(tape: pd.DataFrame, column: str) -> tuple[Array, list[str]]:
    """Position of each loan's value among the names of all, -1 where it has none."""
    code, names = pd.factorize(level_text(tape[column]), sort=True)
    return code.astype(np.int64), [str(name) for name in names]


def concentration_table(tape: pd.DataFrame, limits: Mapping[str, float]) -> pd.DataFrame:
    """Largest share, index of concentration and effective number of each column, with its limit.

    The index (Herfindahl) is the sum of the squared shares of what has a value; the effective
    number is one over it: of so many values of equal size, never more than there are. Loans without
    a value, such as a partner where none brought them, are left out of both, and told beside them;
    the largest share is of the whole balance, as limits are.

    Parameters
    ----------
    tape : DataFrame, index loan_id
        Of :func:`riskkit.funding.loan_tape`, or of :func:`riskkit.funding.select_pool` with
        `in_pool`.
    limits : mapping of str to float
        Largest share of one value, a fraction, of product, scenario, region, partner, channel or
        borrower.

    Returns
    -------
    DataFrame, index (part, column), part "book" and, where there is a pool, "pool"
        `n_values`; `largest` (its name, "" of a borrower, whom no page is to name) and
        `largest_share`; `unnamed_share` (of loans without a value); `index`, `effective`, NaN where
        no loan has a value; `limit`, NaN where none; `verdict`: "within", "at the limit", "above",
        "no limit", and "not known" of a column that the source lacks, or where nothing is owed.
        Limits are the pool's; the book is held to them for comparison.

    Raises
    ------
    ValueError
        A limit on what there is not, or outside (0, 1].
    DataContractError
        A tape without balance.

    Source
    ------
    Hirschman (1964), American Economic Review 54(5), for the index; verdicts are a riskkit
    definition.

    Examples
    --------
    >>> tape = pd.DataFrame({"balance": [600, 200, 200], "region": ["east", "west", "west"]})
    >>> table = concentration_table(tape, {"region": 0.5})
    >>> table.loc["book"][["largest", "largest_share", "effective", "verdict"]].loc[["region"]]
    ... # doctest: +NORMALIZE_WHITESPACE
           largest  largest_share  effective verdict
    column
    region    east            0.6   1.923077   above
    """
    check_limits(limits)
    require_columns(tape, ["balance"], "tape")
    parts = {"book": tape}
    if "in_pool" in tape:
        parts["pool"] = tape[tape["in_pool"].to_numpy(bool)]
    rows = {
        (part, column): _row(loans, column, limits.get(column, np.nan))
        for part, loans in parts.items()
        for column in SEGMENTS
    }
    table = pd.DataFrame(rows.values(), index=pd.MultiIndex.from_tuples(rows))
    table.index.names = ["part", "column"]
    return table.astype({"n_values": np.int64, "largest": "str", "verdict": "str"})


def _row(loans: pd.DataFrame, column: str, limit: float) -> dict[str, object]:
    balance = loans["balance"].to_numpy(float)
    total = balance.sum()
    row: dict[str, object] = {"n_values": 0, "largest": "", "largest_share": np.nan}
    row |= {"unnamed_share": np.nan, "index": np.nan, "effective": np.nan, "limit": limit}
    if column not in loans or not total > 0:
        return row | {"verdict": "not known"}
    code, names = segment_codes(loans, column)
    by_value = np.bincount(code[code >= 0], balance[code >= 0], minlength=len(names))
    shares, named = by_value / total, by_value.sum()
    row |= {"n_values": len(names), "unnamed_share": float(balance[code < 0].sum() / total)}
    row |= {"largest_share": 0.0}
    if named > 0:
        index = float(((by_value / named) ** 2).sum())
        row |= {"index": index, "effective": 1 / index}
        largest = "" if column == BORROWER else names[int(shares.argmax())]
        row |= {"largest": largest, "largest_share": float(shares.max())}
    return row | {"verdict": _verdict(float(shares.max(initial=0)), limit)}


def _verdict(share: float, limit: float) -> str:
    if np.isnan(limit):
        return "no limit"
    if share > limit + ROUNDING:
        return "above"
    return "at the limit" if share > limit * (1 - AT_LIMIT) else "within"
