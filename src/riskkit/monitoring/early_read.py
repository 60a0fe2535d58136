"""The first signs of cohorts too young to be judged, beside what the development vintage showed.

Takes the counts of :func:`riskkit.monitoring.monthly_counts`; gives a row per sign and month since,
and what it says in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from riskkit.chance import holm, p_text
from riskkit.checks import check_level
from riskkit.columns import interval_text
from riskkit.monitoring.month_rates import (
    BETTER,
    CHANCE,
    LEAST_MONTHS,
    MONTHLY_RATES,
    TOO_FEW,
    WORSE,
    compared,
    told_column,
    whole_months,
)

__all__ = ["early_findings", "early_read", "early_text"]

SIGNS = ("fpd7", "fpd30", "mob3_30")
# months from disbursal to the month in which a sign is counted
LATER = {"fpd1": 1, "fpd7": 1, "fpd30": 1, "mob3_30": 3}
COLUMNS = [
    "month", "n", "count", "rate", "rate_low", "rate_high", "earlier_months", "earlier_n",
    "earlier_count", "earlier_rate", "spread", "p_value", "p_adjusted", "told",
]  # fmt: skip


def early_read(
    counts: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    development_to: pd.Timestamp | str,
    signs: Sequence[str] = SIGNS,
    level: float = 0.95,
) -> pd.DataFrame:
    """First payment defaults and 30+ at month 3 of later cohorts against the development vintage's.

    Parameters
    ----------
    counts : DataFrame, index month
        Of :func:`monthly_counts`, not by part.
    observed_to : date
        That they were counted for.
    development_to : date
        The last day of disbursals that taught the model.
    signs : sequence of str
        Of "fpd1", "fpd7", "fpd30", "mob3_30"; one that was not counted is passed over.
    level : float
        Of the Jeffreys intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (sign, cohort)
        Cohorts by month of disbursal after the development's. The columns of
        :func:`month_signals`, "earlier" being the development vintage, all its months: `p_value` is
        the larger of Fisher's exact test and Student's with the variance of the development months
        about their own rate; `p_adjusted` after Holm over all rows.

    Raises
    ------
    ValueError
        Counts by part, an unknown sign, or `level` out of range.

    Source
    ------
    Fisher's exact test; McCullagh, Nelder (1989), Generalized Linear Models, section 4.5; Holm
    (1979), Scandinavian Journal of Statistics 6(2).
    """
    check_level(level)
    if counts.index.nlevels > 1:
        raise ValueError(f"counts must be of all parts together, got {counts.index.names}")
    if unknown := [sign for sign in signs if sign not in LATER]:
        raise ValueError(f"signs must be among {list(LATER)}, got {unknown}")
    last = pd.Timestamp(development_to).to_period("M").start_time
    rows = {}
    for sign in signs:
        rate = MONTHLY_RATES[sign]
        if not {rate.numerator, rate.denominator} <= set(counts.columns):
            continue
        seen = whole_months(counts, rate, pd.Timestamp(observed_to))
        known = counts.loc[seen, [rate.denominator, rate.numerator]]
        cohort = pd.DatetimeIndex(known.index) - pd.DateOffset(months=LATER[sign])
        taught = known[cohort <= last]
        if taught.empty:
            continue
        m, d = (taught[name].to_numpy() for name in (rate.denominator, rate.numerator))
        for when, (n, count) in zip(cohort, known.to_numpy(), strict=True):
            if when > last:
                month = when + pd.DateOffset(months=LATER[sign])
                row = compared(int(n), int(count), m, d, level)
                rows[sign, when] = {"month": month, **row}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    names = ["sign", "cohort"]
    if rows:
        table.index = pd.MultiIndex.from_tuples(list(rows), names=names)
    else:
        table.index = pd.MultiIndex.from_arrays([[], pd.DatetimeIndex([])], names=names)
    table["p_adjusted"] = holm(np.asarray(table["p_value"], dtype=float))
    return table.assign(told=told_column(table, ["higher"] * len(table)))


def early_text(table: pd.DataFrame) -> str:
    """Whether cohorts too young to be judged start worse than the development's, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`early_read`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> early_text(pd.DataFrame({"told": []}))
    'No cohort since the development sample has shown a first sign yet.'
    """
    if table.empty:
        return "No cohort since the development sample has shown a first sign yet."
    tested = table[table["told"] != TOO_FEW]
    if tested.empty:
        return (
            f"There is too little to say: it takes {LEAST_MONTHS} months of the development "
            "vintage, and five loans expected to be late."
        )
    counted = f"{len(tested)} cohorts and signs, adjusted (Holm)"
    worse = tested[tested["told"] == WORSE]
    if len(worse):
        told = "; ".join(_told(row) for row in _clearest(worse))
        more = f"{len(worse)} of {counted}"
        return f"**Start worse than the development vintage beyond chance:** {told}. {more}."
    nearest = tested.loc[tested["p_value"].idxmin()]
    better = int((tested["told"] == BETTER).sum())
    also = f"; {better} start better" if better else ""
    return (
        f"**No cohort since starts worse than the development vintage by more than chance**{also}; "
        f"clearest of {counted}: {_told(nearest)}."
    )


def early_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Cohorts that start worse than the development vintage: topic, text, whether it is red.

    Red where the newest cohort of a sign is among them.

    Parameters
    ----------
    table : DataFrame
        Of :func:`early_read`.

    Source
    ------
    riskkit definition.
    """
    found = []
    for row in _clearest(table[table["told"] == WORSE]):
        cohorts = table.loc[row.name[0]]
        newest = cohorts[cohorts["told"] != CHANCE].index.max()
        red = cohorts.index.max() == newest and cohorts.loc[newest, "told"] == WORSE
        found.append(("Early read", f"{_told(row, str)}", bool(red)))
    return found


def _clearest(worse: pd.DataFrame) -> list[pd.Series]:
    """The clearest cohort of each sign."""
    ordered = worse.sort_values("p_value", kind="stable").groupby(level="sign", sort=False).head(1)
    return [row for _, row in ordered.iterrows()]


def _told(row: pd.Series, written: Callable[[object], str] = str) -> str:
    sign, cohort = row.name
    rate = interval_text(row["rate"], row["rate_low"], row["rate_high"], "percent2")
    return (
        f"{written(MONTHLY_RATES[sign].label)} of {cohort:%B %Y} is {rate} ({row['count']:,} of "
        f"{row['n']:,} loans) against {row['earlier_rate']:.2%} of the development vintage, "
        f"adjusted {p_text(row['p_adjusted'])}"
    )
