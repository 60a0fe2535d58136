"""Rates of the business by month with their intervals, and the newest month against those before.

Takes the counts of :func:`riskkit.monitoring.monthly_counts`; gives tidy rates, and a row per rate,
and part of the business where counted apart, with what it says in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import fisher_p_value, holm, p_text
from riskkit.checks import Array, check_level
from riskkit.columns import interval_text, verbatim
from riskkit.metrics import jeffreys_interval

__all__ = [
    "BETTER", "CHANCE", "HIGHER", "LOWER", "MONTHLY_RATES", "SIGNIFICANT", "TOO_FEW", "WORSE",
    "MonthlyRate", "compared", "month_signals", "monthly_findings", "monthly_rates",
    "monthly_text", "told_column",
    "whole_months",
]  # fmt: skip

SIGNIFICANT = 0.05
LEAST_EXPECTED = 5  # of what is counted, and of its absence, in the newest month
LEAST_MONTHS = 6  # before the newest, to know how months differ
TOO_FEW, CHANCE, WORSE, BETTER, HIGHER, LOWER = (
    "too few to say", "may be chance", "worse beyond chance", "better beyond chance",
    "higher beyond chance", "lower beyond chance",
)  # fmt: skip
SIGNALS = [
    "month", "n", "count", "rate", "rate_low", "rate_high", "earlier_months", "earlier_n",
    "earlier_count", "earlier_rate", "spread", "p_value", "p_adjusted", "told",
]  # fmt: skip


@dataclass(frozen=True)
class MonthlyRate:
    """A rate of the business: which columns of the monthly counts it is made of.

    Parameters
    ----------
    numerator, denominator : str
    label : str
        As pages name it.
    is_count : bool
        Both are numbers of loans or instalments, so that exact tests hold; else sums of money.
    worse : str
        "higher", "lower", or "" where neither is worse by itself.
    lag_days : int
        A month is whole only so many days after its end.
    """

    numerator: str
    denominator: str
    label: str
    is_count: bool = True
    worse: str = ""
    lag_days: int = 0

    def __post_init__(self) -> None:
        if self.lag_days < 0:
            raise ValueError(f"lag_days must be >= 0, got {self.lag_days!r}")
        if self.worse not in ("higher", "lower", ""):
            raise ValueError(f"worse must be 'higher', 'lower' or '', got {self.worse!r}")


MONTHLY_RATES = {
    "approval": MonthlyRate("approved", "applications", "approved of all"),
    "booking": MonthlyRate("booked", "approved", "taken of approved"),
    "override": MonthlyRate(
        "overrides", "approved", "approved by hand of approved", worse="higher"
    ),
    "exception": MonthlyRate("exceptions", "approved", "past a rule of approved", worse="higher"),
    "bad": MonthlyRate("bad", "labelled", "bad of known outcome", worse="higher"),
    **{
        f"fpd{n}": MonthlyRate(
            f"fpd{n}_missed", f"fpd{n}_due", f"FPD{n}", worse="higher", lag_days=n + 1
        )
        for n in (1, 7, 30)
    },
    "entered": MonthlyRate("entered", "due_instalments", "entered collection", worse="higher"),
    **{
        f"collected_{n}": MonthlyRate(
            f"collected_{n}_amount",
            f"due_{n}_amount",
            f"collected by day {n}",
            is_count=False,
            worse="lower",
            lag_days=n,
        )
        for n in (0, 1, 3, 7)
    },
    "mob3_30": MonthlyRate("mob3_30", "mob3_loans", "30+ by month 3", worse="higher"),
    "open_30": MonthlyRate("open_30", "open_loans", "30+ of open loans", worse="higher"),
    "balance_30": MonthlyRate(
        "balance_30", "balance", "30+ of the balance", is_count=False, worse="higher"
    ),
    **{
        f"m{k}_m{k + 1}": MonthlyRate(
            f"m{k}_m{k + 1}_loans", f"m{k}_loans", f"loans M{k}→M{k + 1}", worse="higher"
        )
        for k in range(3)
    },
    **{
        f"m{k}_m{k + 1}_balance": MonthlyRate(
            f"m{k}_m{k + 1}_balance",
            f"m{k}_balance",
            f"balance M{k}→M{k + 1}",
            is_count=False,
            worse="higher",
        )
        for k in range(3)
    },
}


def whole_months(counts: pd.DataFrame, rate: MonthlyRate, observed_to: pd.Timestamp) -> Array:
    """Whether each month is wholly seen, and anything is known of it."""
    months = pd.DatetimeIndex(counts.index)
    seen = months + pd.offsets.MonthEnd(0) + pd.Timedelta(days=rate.lag_days)
    return np.asarray(seen <= observed_to.normalize()) & (counts[rate.denominator] > 0).to_numpy()


def monthly_rates(counts: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Every rate of the business by month, with its interval where it is one of counts.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`monthly_counts`, or a sum of such.
    level : float
        Of the Jeffreys intervals of rates, and of those of the means, in (0, 1).

    Returns
    -------
    DataFrame, index (rate, [part,] month)
        `numerator`, `denominator`, `rate`, `rate_low`, `rate_high`; of money no interval. Beside
        the rates of :data:`MONTHLY_RATES` that the counts have, the means "mean_score" (points) and
        "mean_ticket" (fen) with normal intervals. NaN where the denominator is 0.

    Source
    ------
    Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.

    Examples
    --------
    >>> months = pd.DatetimeIndex(["2024-01-01"], name="month")
    >>> counts = pd.DataFrame({"applications": [200], "approved": [50]}, months)
    >>> monthly_rates(counts).round(3).iloc[0].tolist()
    [50.0, 200.0, 0.25, 0.194, 0.313]
    """
    check_level(level)
    tables = {}
    for name, rate in MONTHLY_RATES.items():
        if {rate.numerator, rate.denominator} <= set(counts.columns):
            tables[name] = _rate(counts, rate, level)
    z = float(special.ndtri(0.5 + level / 2))
    for name, part, whole, squares, unit in (
        ("mean_score", "score_sum", "scored", "score_squares", 1),
        ("mean_ticket", "disbursed_amount", "disbursed", "disbursed_squares", 100),
    ):
        if {part, whole, squares} <= set(counts.columns):
            n = counts[whole].where(counts[whole] > 0).astype(float)
            mean = counts[part] / n
            # squares are of whole units
            variance = (counts[squares] / n - (mean / unit) ** 2).clip(lower=0) * unit**2
            half = z * np.sqrt(variance / n)
            columns = [counts[part], counts[whole], mean, mean - half, mean + half]
            tables[name] = _five(columns, counts.index)
    if not tables:
        names = ["rate", *counts.index.names]
        index = pd.MultiIndex.from_arrays([[]] * len(names), names=names)
        return _five([[]] * 5, index)
    return pd.concat(tables, names=["rate"])


def _five(columns: list[Any], index: pd.Index) -> pd.DataFrame:
    names = ["numerator", "denominator", "rate", "rate_low", "rate_high"]
    return pd.DataFrame(
        {name: np.asarray(part, float) for name, part in zip(names, columns, strict=True)}, index
    )


def _rate(counts: pd.DataFrame, rate: MonthlyRate, level: float) -> pd.DataFrame:
    part, whole = (counts[name].to_numpy(float) for name in (rate.numerator, rate.denominator))
    some = whole > 0
    value = np.divide(part, whole, out=np.full(len(part), np.nan), where=some)
    low = high = np.full(len(part), np.nan)
    if rate.is_count:
        ends = jeffreys_interval(np.minimum(part, whole), whole, level)
        low, high = (np.where(some, end, np.nan) for end in ends)
    return _five([part, whole, value, low, high], counts.index)


def month_signals(
    counts: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    rates: dict[str, MonthlyRate] | None = None,
    months: int = 12,
    level: float = 0.95,
) -> pd.DataFrame:
    """The newest month that is wholly seen against those before, rate by rate, part by part.

    Months differ by more than the chance of single loans, by pay days and campaigns. Hence two
    tests, of which the larger p-value counts: Fisher's, and Student's of the two rates with the
    variance of the earlier months about their own, where that is larger than the binomial one.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`monthly_counts`, or a sum of such.
    observed_to : date
        That they were counted for.
    rates : dict of str to MonthlyRate, optional
        By default those of :data:`MONTHLY_RATES` that are of counts.
    months : int
        At most so many before the newest.
    level : float
        Of the Jeffreys intervals, in (0, 1).

    Returns
    -------
    DataFrame, index ([part,] rate)
        `month`, the newest in which the rate is known; `n`, `count`, `rate`, `rate_low`,
        `rate_high`; `earlier_months`, `earlier_n`, `earlier_count`, `earlier_rate`; `spread`, the
        variance of the earlier months over the binomial one; `p_value` (two-sided), `p_adjusted`
        after Holm over all rows; `told`: "worse" or "better beyond chance", "higher" or "lower
        beyond chance" where neither is worse, "may be chance", or "too few to say": fewer than six
        months before it, or five expected. A rate without two months is no row.

    Source
    ------
    McCullagh, Nelder (1989), Generalized Linear Models, 2nd edition, section 4.5, for the spread;
    Holm (1979), Scandinavian Journal of Statistics 6(2).
    """
    check_level(level)
    chosen = MONTHLY_RATES if rates is None else rates
    part = counts.index.names[0] if counts.index.nlevels > 1 else None
    rows: dict[Any, dict[str, Any]] = {}
    groups = [(None, counts)] if part is None else list(counts.groupby(level=0))
    for label, of_part in groups:
        by_month = of_part if part is None else of_part.droplevel(0)
        for name, rate in chosen.items():
            if not rate.is_count or not {rate.numerator, rate.denominator} <= set(counts.columns):
                continue
            known = by_month[whole_months(by_month, rate, pd.Timestamp(observed_to))]
            if len(known) > 1:
                n, count = (known[at].to_numpy() for at in (rate.denominator, rate.numerator))
                earlier = slice(max(len(known) - 1 - months, 0), len(known) - 1)
                row = compared(int(n[-1]), int(count[-1]), n[earlier], count[earlier], level)
                rows[name if part is None else (label, name)] = {"month": known.index[-1], **row}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=SIGNALS)
    names = ["rate"] if part is None else [part, "rate"]
    index = list(rows) if part is None else [list(at) for at in zip(*rows, strict=True)]
    if part is None:
        table.index = pd.Index(index, name="rate", dtype=object)
    else:
        table.index = pd.MultiIndex.from_arrays(index or [[], []], names=names)
    table["p_adjusted"] = holm(table["p_value"].astype(float))
    worse = [chosen[name].worse for name in table.index.get_level_values("rate")]
    return table.assign(told=told_column(table, worse))


def compared(n: int, count: int, m: Array, d: Array, level: float) -> dict[str, Any]:
    """A month's count of `n` against those of months before, as a row of :func:`month_signals`."""
    low, high = jeffreys_interval(np.array([count]), np.array([n]), level)
    total, seen = int(m.sum()), int(d.sum())
    rate = (count + seen) / (n + total) if n + total else np.nan
    spread, p_value = np.nan, np.nan
    if len(m) > 1 and 0 < seen < total:
        earlier = seen / total
        spread = ((d - m * earlier) ** 2 / (m * earlier * (1 - earlier))).sum() / (len(m) - 1)
    if len(m) >= LEAST_MONTHS and min(n * rate, n * (1 - rate)) >= LEAST_EXPECTED:
        p_value = fisher_p_value(count, n, seen, total)
        if spread > 1:
            error = np.sqrt(spread * rate * (1 - rate) * (1 / n + 1 / total))
            off = abs(count / n - seen / total) / error
            p_value = max(p_value, 2 * float(special.stdtr(len(m) - 1, -off)))
    return {
        "n": n, "count": count, "rate": count / n, "rate_low": float(low[0]),
        "rate_high": float(high[0]), "earlier_months": len(m), "earlier_n": total,
        "earlier_count": seen, "earlier_rate": seen / total if total else np.nan,
        "spread": spread, "p_value": p_value,
    }  # fmt: skip


def told_column(table: pd.DataFrame, worse: list[str]) -> pd.Series:
    """The verdict of each row, from its adjusted p-value and which way is worse."""
    words = {"higher": (WORSE, BETTER), "lower": (BETTER, WORSE), "": (HIGHER, LOWER)}
    told = []
    for (_, row), way in zip(table.iterrows(), worse, strict=True):
        if pd.isna(row["p_adjusted"]):
            told.append(TOO_FEW)
        elif row["p_adjusted"] > SIGNIFICANT:
            told.append(CHANCE)
        else:
            told.append(words[way][0 if row["rate"] > row["earlier_rate"] else 1])
    return pd.Series(told, table.index, dtype=str)


def monthly_text(table: pd.DataFrame) -> str:
    """What of the newest month departs from those before, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`month_signals`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> monthly_text(pd.DataFrame({"told": []}))
    'There are no two months to compare.'
    """
    if table.empty:
        return "There are no two months to compare."
    tested = table[table["told"] != TOO_FEW]
    if tested.empty:
        return (
            f"There are too few months or loans to say whether the newest departs: it takes "
            f"{LEAST_MONTHS} months before it."
        )
    counted = f"{len(tested)} comparison{'' if len(tested) == 1 else 's'}, adjusted (Holm)"
    departs = tested[tested["told"] != CHANCE].sort_values("p_value", kind="stable")
    if departs.empty:
        nearest = tested.loc[tested["p_value"].idxmin()]
        return (
            "**Nothing in the newest month departs** from the months before by more than chance "
            f"and their usual spread; nearest to it: {_told(nearest, table, verbatim)}. {counted}."
        )
    told = "; ".join(_told(row, table, verbatim) for _, row in departs.iterrows())
    return f"**Beyond chance:** {told}. {counted}."


def monthly_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """What is worse in the newest month than before: topic, text, and that it is not red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`month_signals`.

    Source
    ------
    riskkit definition.
    """
    worse = table[table["told"] == WORSE].sort_values("p_value", kind="stable")
    return [("Business", _told(row, table, str), False) for _, row in worse.iterrows()]


def _told(row: pd.Series, table: pd.DataFrame, written: Callable[[object], str]) -> str:
    """One comparison in words."""
    name = row.name[-1] if isinstance(row.name, tuple) else row.name
    label = MONTHLY_RATES[name].label if name in MONTHLY_RATES else written(name)
    where = ""
    if isinstance(row.name, tuple):
        of = [str(level).replace("_", " ") for level in table.index.names[:-1]]
        where = "".join(
            f", {key} {written(str(value).replace('_', ' '))}"
            for key, value in zip(of, row.name[:-1], strict=True)
        )
    rate = interval_text(row["rate"], row["rate_low"], row["rate_high"], "percent2")
    return (
        f"{label}{where} {rate} in {row['month']:%B %Y} ({row['count']:,} of {row['n']:,}) against "
        f"{row['earlier_rate']:.2%} in the {row['earlier_months']} months before, "
        f"{row['told']}, adjusted {p_text(row['p_adjusted'])}"
    )
