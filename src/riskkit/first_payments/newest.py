"""Whether the newest weeks pay worse than the weeks before: the first warning there is.

Takes counts of :func:`riskkit.first_payments.payment_default_counts`; gives a row per default, and
what they say in words.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import fisher_p_value, holm, p_text
from riskkit.checks import Array, check_level
from riskkit.columns import interval_text, verbatim
from riskkit.first_payments.missed import label_of, parts_of, starts_of
from riskkit.metrics import jeffreys_interval

__all__ = ["check_weeks", "newest_findings", "newest_table", "newest_text", "weekly_signals"]

SIGNIFICANT = 0.05
LEAST_MISSED = 5  # expected of the newest weeks
LEAST_WEEKS = 8  # before the newest, to know how weeks differ
TOO_FEW, WORSE, BETTER, CHANCE = (
    "too few to say", "worse beyond chance", "better beyond chance", "may be chance",
)  # fmt: skip
COLUMNS = [
    "first", "last", "loans", "missed", "earlier_weeks", "earlier_loans", "earlier_missed",
    "spread", "p_value",
]  # fmt: skip


def newest_table(
    counts: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    weeks: int = 4,
    earlier_weeks: int = 52,
    by: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """The newest weeks against the weeks before, default by default.

    Newest are, of each default, the last `weeks` weeks of due dates that are old enough to the last
    day: FPD1 tells of later weeks than FPD30 does. Loans of a week share pay days and holidays, so
    weeks differ by more than the chance of single loans. Hence two tests, of which the larger
    p-value counts:
    Fisher's of the loans, and Student's of the two rates with the variance of the earlier weeks
    about their own (quasi-binomial), where that is larger than the binomial one.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`payment_default_counts`, by due date: of those disbursed in a week only the loans
        with early due days are old enough at first, and they pay otherwise than the rest.
    observed_to : date
        That they were counted for.
    weeks : int
    earlier_weeks : int
        At most so many before the newest.
    by : str, optional
        A level of the parts counted: its values are compared each with its own earlier weeks.
    level : float
        Confidence of the Jeffreys intervals, each for itself, in (0, 1).

    Returns
    -------
    DataFrame, index ([by,] number, days)
        `first` and `last` (Mondays of the newest weeks), `loans`, `missed`, `missed_rate`,
        `missed_low`, `missed_high`; `earlier_weeks` (number of them with loans), `earlier_loans`,
        `earlier_missed`, `earlier_rate`; `spread`, the variance of the earlier weeks over the
        binomial one; `p_value` (two-sided), `p_adjusted` after Holm over all rows tested; `told`:
        "worse beyond chance", "better beyond chance", "may be chance", or "too few to say" with
        NaN: fewer than eight earlier weeks, or fewer than five expected to miss. A default without
        earlier weeks is no row. Whoever looks each week looks often: the adjustment is for the rows
        of one look.

    Raises
    ------
    ValueError
        `weeks` or `earlier_weeks` below 1, a level that was not counted, counts by disbursal,
        `level` outside (0, 1).

    Source
    ------
    riskkit definition; McCullagh, Nelder (1989), Generalized Linear Models, 2nd edition, section
    4.5, for the spread; Holm (1979), Scandinavian Journal of Statistics 6(2).

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=20, freq="7D")
    >>> index = pd.MultiIndex.from_product([days, [1], [7]], names=["due_date", "number", "days"])
    >>> counts = pd.DataFrame({"loans": 200, "missed": [3, 5] * 8 + [14] * 4}, index=index)
    >>> newest_table(counts, "2024-06-30")[["missed_rate", "earlier_rate", "told"]]
    ... # doctest: +NORMALIZE_WHITESPACE
                 missed_rate  earlier_rate                 told
    number days
    1      7            0.07          0.02  worse beyond chance
    """
    check_level(level)
    check_weeks(weeks, earlier_weeks)
    keys = ["number", "days"] if by is None else [by, "number", "days"]
    parts_of(counts, keys[:-2])
    if "due_date" not in counts.index.names:
        raise ValueError("counts must be by due date, got counts by the day of disbursal")
    level_of = counts.index.get_level_values
    week = pd.Index(starts_of(level_of("due_date"), "W"), name="week")
    weekly = (
        counts[["loans", "missed"]]
        .groupby([*(level_of(key) for key in keys), week], dropna=False)
        .sum()
    )
    sunday = weekly.index.get_level_values("week") + pd.Timedelta(days=6)
    age = (pd.Timestamp(observed_to).normalize() - sunday).days
    weekly = weekly[age > weekly.index.get_level_values("days")]
    return weekly_signals(weekly, keys, weeks, earlier_weeks, level)


def check_weeks(weeks: int, earlier_weeks: int) -> None:
    """Refuse numbers of weeks that compare nothing.

    Raises
    ------
    ValueError
        One of them is below 1.
    """
    for name, value in (("weeks", weeks), ("earlier_weeks", earlier_weeks)):
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value!r}")


def weekly_signals(
    weekly: pd.DataFrame, keys: list[str], weeks: int, earlier_weeks: int, level: float
) -> pd.DataFrame:
    """Newest against earlier weeks for each value of `keys`; index (keys ..., week)."""
    rows: dict[Hashable, list[object]] = {}
    for key, part in weekly.groupby(level=keys, dropna=False, sort=True):
        part = part[part["loans"] > 0].droplevel(keys)
        newest, earlier = part.iloc[-weeks:], part.iloc[:-weeks].iloc[-earlier_weeks:]
        if len(earlier):
            rows[key] = _compared(newest, earlier)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    index = pd.MultiIndex.from_arrays([[]] * len(keys), names=keys)
    if rows:
        index = pd.MultiIndex.from_tuples(list(rows), names=keys)
    table.index = index if len(keys) > 1 else index.get_level_values(0)
    whole = ["loans", "missed", "earlier_weeks", "earlier_loans", "earlier_missed"]
    table = table.astype(dict.fromkeys(whole, np.int64))
    n, bad, m, d = (
        table[name].to_numpy(float)
        for name in ("loans", "missed", "earlier_loans", "earlier_missed")
    )
    low, high = jeffreys_interval(bad, n, level)
    for place, (ending, values) in enumerate((("rate", bad / n), ("low", low), ("high", high)), 4):
        table.insert(place, f"missed_{ending}", values)
    table.insert(table.columns.get_loc("earlier_missed") + 1, "earlier_rate", d / m)
    p_value = table["p_value"].to_numpy(dtype=float)
    adjusted = holm(p_value)
    beyond = np.where(bad / n > d / m, WORSE, BETTER)
    told = np.where(np.isnan(p_value), TOO_FEW, np.where(adjusted <= SIGNIFICANT, beyond, CHANCE))
    return table.assign(p_adjusted=adjusted, told=pd.Series(told, index=table.index, dtype=str))


def _compared(newest: pd.DataFrame, earlier: pd.DataFrame) -> list[object]:
    """One row of :func:`weekly_signals`, in the order of its columns."""
    n, bad = (int(newest[name].sum()) for name in ("loans", "missed"))
    m, d = (int(earlier[name].sum()) for name in ("loans", "missed"))
    spread = _spread(earlier["loans"].to_numpy(float), earlier["missed"].to_numpy(float))
    rate = (bad + d) / (n + m)
    p_value = np.nan
    if len(earlier) >= LEAST_WEEKS and n * rate >= LEAST_MISSED and n * (1 - rate) >= LEAST_MISSED:
        p_value = fisher_p_value(bad, n, d, m)
        if spread > 1:
            error = np.sqrt(spread * rate * (1 - rate) * (1 / n + 1 / m))
            off = abs(bad / n - d / m) / error
            p_value = max(p_value, 2 * float(special.stdtr(len(earlier) - 1, -off)))
    first, last = newest.index[0], newest.index[-1]
    return [first, last, n, bad, len(earlier), m, d, spread, p_value]


def _spread(n: Array, bad: Array) -> float:
    """Pearson's χ² of weeks about their common rate, over its degrees of freedom."""
    rate = bad.sum() / n.sum()
    if len(n) < 2 or not 0 < rate < 1:
        return np.nan
    return float(((bad - n * rate) ** 2 / (n * rate * (1 - rate))).sum() / (len(n) - 1))


def newest_text(table: pd.DataFrame) -> str:
    """Sentences on the most certain signal of the newest weeks, or that there is none, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`newest_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> newest_text(pd.DataFrame({"told": []}))
    'There are no weeks yet to compare the newest with.'
    """
    if table.empty:
        return "There are no weeks yet to compare the newest with."
    tested = table[table["told"] != TOO_FEW]
    if tested.empty:
        return (
            f"There are too few weeks or loans to say whether the newest pay worse: it takes "
            f"{LEAST_WEEKS} weeks before them, and {LEAST_MISSED} loans expected to miss."
        )
    counted = f"{len(tested)} comparison{'' if len(tested) == 1 else 's'}"
    worse = tested[tested["told"] == WORSE]
    if len(worse):
        row = worse.loc[worse["p_value"].idxmin()]
        more = f" {len(worse)} of the {counted} are for the worse." if len(worse) > 1 else ""
        told = _told(row, table.index.names, verbatim)
        return f"**Warning:** {told}, after Holm over {counted}.{more}"
    better = tested[tested["told"] == BETTER]
    if len(better):
        row = better.loc[better["p_value"].idxmin()]
        return (
            "The newest weeks pay no worse than the earlier ones by more than chance, some "
            f"**better**: {_told(row, table.index.names, verbatim)}, after Holm over {counted}."
        )
    row = tested.loc[tested["p_value"].idxmin()]
    return (
        f"There is **no warning**: in none of {counted} do the newest weeks depart from the "
        "earlier ones by more than chance and the usual spread of weeks. Nearest to it: "
        f"{_told(row, table.index.names, verbatim)}."
    )


def newest_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """The most certain warning of the newest weeks: topic, text, and that it is not red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`newest_table`.

    Source
    ------
    riskkit definition.
    """
    worse = table[table["told"] == WORSE]
    if worse.empty:
        return []
    row = worse.loc[worse["p_value"].idxmin()]
    n_tested = int((table["told"] != TOO_FEW).sum())
    counted = f"{n_tested} comparison{'' if n_tested == 1 else 's'}"
    text = f"{_told(row, table.index.names, str)}, after Holm over {counted}"
    return [("First payments", f"The newest weeks pay worse: {text}", False)]


def _told(row: pd.Series, names: list[Hashable], written: Callable[[object], str]) -> str:
    """One comparison in words."""
    key = dict(zip(names, row.name if isinstance(row.name, tuple) else (row.name,), strict=True))
    what = key.pop("sign", None)
    counted = "loans" if what is None else "instalments"
    if what is None:
        what = label_of(int(key.pop("number")), int(key.pop("days")))
    where = "".join(
        f" of {name} {written(str(value).replace('_', ' '))}" for name, value in key.items()
    )
    rate = interval_text(row["missed_rate"], row["missed_low"], row["missed_high"], "percent2")
    return (
        f"{what}{where} is {rate} in the weeks from {row['first']:%d %B %Y} to that of "
        f"{row['last']:%d %B %Y} ({row['missed']:,} of {row['loans']:,} {counted}), against "
        f"{row['earlier_rate']:.2%} in the {row['earlier_weeks']} weeks before, adjusted "
        f"{p_text(row['p_adjusted'])}"
    )
