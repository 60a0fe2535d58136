"""Who is in collection: each loan past due at a month-end, and what the next months brought.

Takes the performance panel; gives one row per case, which is a loan and a month-end at which it is
past due, with what was known that day and what then happened. All other files of this room read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import loan_starts, require_columns
from riskkit.columns import calendar_months, interval_text, last_month_end
from riskkit.migration import bucket, bucket_label, bucket_reading

__all__ = [
    "HELD_OUT",
    "MAX_BUCKET",
    "TREATED",
    "LoanMonths",
    "case_labels",
    "collection_cases",
    "gain_text",
    "has_control",
]

TREATED, HELD_OUT = "treated", "held_out"
MAX_BUCKET = 6
RECENT_MONTHS = 6
RUNNING = ("current", "delinquent")
ENDED = ("prepaid", "matured")


@dataclass(frozen=True)
class LoanMonths:
    """Which loan and month each row of a panel is of, to find another month of the same loan."""

    starts: NDArray[np.intp]
    loan: NDArray[np.intp]
    mob: NDArray[np.int64]

    @classmethod
    def of(cls, performance: pd.DataFrame) -> LoanMonths:
        """Of a panel sorted by loan and month."""
        starts = loan_starts(performance)
        lengths = np.diff(np.append(starts, len(performance)))
        loan = np.repeat(np.arange(len(starts)), lengths)
        return cls(starts, loan, performance["mob"].to_numpy(np.int64))

    def away(
        self, rows: NDArray[np.intp], months: int
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The same loans' rows so many months on, and whether that month was seen.

        Where it was not, the row is some other.
        """
        if not len(rows):
            return rows, np.zeros(0, dtype=bool)
        span = int(self.mob.max()) + abs(months) + 1
        # no month before the first of a loan may fall among those of the loan before
        key = 2 * span * self.loan + self.mob
        there = np.minimum(np.searchsorted(key, key[rows] + months), len(key) - 1)
        return there, key[there] == key[rows] + months


def collection_cases(
    performance: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    horizon_months: int = 6,
    borrowers: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Every running loan past due at a month-end, and what came of it.

    What collections do about a case, they do in the month after, so that month's row tells the
    group, the action and the outcome.

    Parameters
    ----------
    performance : DataFrame
        The contract's panel, sorted by loan and month.
    observed_to : date
        Last day seen: a month that is not over by then is not seen yet.
    horizon_months : int
        Months over which collected amounts are summed up.
    borrowers : DataFrame, index loan_id, optional
        Of its columns `score`, the score at origination, is read.

    Returns
    -------
    DataFrame, one row per case, in the panel's order
        `loan_id`, `month_end`, `mob`; `bucket`, 1 (M1) to 6 (M6 and deeper); `is_entry`, whether
        nothing was past due a month before, and `is_first`, whether the loan was never past due
        before; `late_months`, month-ends past due of the last six; `balance` and `score` where
        known. Of the month after: `rolled` (a worse bucket, or charged off), `cured` (nothing past
        due, or ended), 1.0 or 0.0; `collected_amount` (fen, recoveries included); and of a source
        that keeps a log `group`, `action` and `contacted`. `collected_later`, what came within the
        horizon, that month included. A month not seen leaves them missing, and so does a horizon
        that is not over.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.
    ValueError
        `horizon_months` below 1.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a"] * 4, "mob": range(4), "dpd": [0, 20, 51, 0],
    ...     "month_end": pd.date_range("2024-01-31", periods=4, freq="ME"),
    ...     "status": ["current", "delinquent", "delinquent", "current"],
    ...     "paid_amount": [0, 0, 0, 300], "balance": [900, 900, 900, 600]})
    >>> cases = collection_cases(panel, "2024-04-30", horizon_months=2)
    >>> cases[["bucket", "rolled", "cured", "collected_amount", "collected_later"]].values.tolist()
    [[1.0, 1.0, 0.0, 0.0, 300.0], [2.0, 0.0, 1.0, 300.0, nan]]
    """
    if horizon_months < 1:
        raise ValueError(f"horizon_months must be >= 1, got {horizon_months!r}")
    require_columns(performance, ["loan_id", "mob", "month_end", "dpd", "status"], "performance")
    months = LoanMonths.of(performance)
    starts, loan, mob = months.starts, months.loan, months.mob
    by = bucket_reading(performance)
    in_bucket = bucket(performance["dpd"].to_numpy(), performance["month_end"].to_numpy(), by=by)
    running = performance["status"].isin(RUNNING).to_numpy(bool)
    rows = np.flatnonzero(running & (in_bucket > 0))
    late = (in_bucket > 0) & running
    so_far = np.cumsum(late)
    earlier = so_far[rows] - 1 - (so_far - late)[starts][loan[rows]]

    before, seen_before = months.away(rows, -1)
    late_months = np.ones(len(rows), dtype=np.int64)
    for steps in range(1, RECENT_MONTHS):
        there, seen = months.away(rows, -steps)
        late_months += seen & late[there]
    found: dict[str, Any] = {
        "loan_id": performance["loan_id"].array.take(rows),
        "month_end": performance["month_end"].array.take(rows),
        "mob": mob[rows],
        "bucket": np.minimum(in_bucket[rows], MAX_BUCKET),
        # a loan first seen past due may have been so for long
        "is_entry": seen_before & ~late[before],
        "is_first": seen_before & (earlier == 0),
        "late_months": late_months,
    }
    if "balance" in performance:
        found["balance"] = performance["balance"].to_numpy(float, na_value=np.nan)[rows]
    if borrowers is not None and "score" in borrowers:
        of_loans = borrowers["score"].reindex(performance["loan_id"].iloc[starts])
        found["score"] = of_loans.to_numpy(float)[loan[rows]]
    after, seen = months.away(rows, 1)
    status = performance["status"]
    lost = (status == "charged_off").to_numpy(bool)
    ended = status.isin(ENDED).to_numpy(bool)
    worse = lost[after] | (in_bucket[after] > in_bucket[rows])
    found["rolled"] = np.where(seen, worse & ~ended[after], np.nan)
    is_current = (in_bucket[after] == 0) & ~lost[after]
    found["cured"] = np.where(seen, is_current | ended[after], np.nan)
    amounts = [name for name in ("paid_amount", "recovered_amount") if name in performance]
    if amounts:
        collected = performance[amounts].to_numpy(float, na_value=0.0).sum(axis=1)
        found["collected_amount"] = np.where(seen, collected[after], np.nan)
        total, n_seen = np.zeros(len(rows)), np.zeros(len(rows), dtype=np.int64)
        over = np.zeros(len(rows), dtype=bool)
        for steps in range(1, horizon_months + 1):
            there, is_seen = months.away(rows, steps)
            total += np.where(is_seen, collected[there], 0.0)
            n_seen += is_seen
            # rows of a charged-off loan end with its recoveries
            over |= is_seen & (ended[there] | lost[there])
        last = calendar_months([last_month_end(observed_to).to_datetime64()])[0]
        closed = calendar_months(performance["month_end"])[rows] + horizon_months <= last
        known = closed & (over | (n_seen == horizon_months))
        found["collected_later"] = np.where(known, total, np.nan)
    table = pd.DataFrame(found)
    log = {"collection_group": "group", "collection_action": "action", "contacted": "contacted"}
    for name, new in log.items():
        if name in performance:
            values = performance[name].take(after).reset_index(drop=True)
            table[new] = values.astype(object).where(seen & values.notna().to_numpy(), None)
    return table


def has_control(cases: pd.DataFrame) -> bool:
    """Whether some cases were left alone by a draw, beside others that were not."""
    return "group" in cases and {TREATED, HELD_OUT} <= set(cases["group"].dropna().unique())


def case_labels(buckets: pd.Index) -> list[str]:
    """Names of buckets 1 to 6 with what they hold, "all" as it is."""
    return [
        name if isinstance(name, str) else bucket_label(int(name), and_worse=name == MAX_BUCKET)
        for name in buckets
    ]


def gain_text(row: pd.Series, currency: str) -> str:
    """An amount of fen with its interval in words, in units of the currency.

    Examples
    --------
    >>> gain_text(pd.Series({"gain_amount": 2500, "gain_low": -100, "gain_high": 5100}), "CNY")
    '25 (-1 to 51) CNY'
    """
    ends = row[["gain_amount", "gain_low", "gain_high"]] / 100
    told = interval_text(ends["gain_amount"], ends["gain_low"], ends["gain_high"], "whole")
    return f"{told} {currency}"
