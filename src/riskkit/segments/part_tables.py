"""Each part of the loans against all others of the same cohorts, and the curves of the parts.

Takes counts of :func:`riskkit.segments.segment_counts`; gives a row per part, curves by month on
book, and what they say in words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from riskkit.chance import beside_others, holm, mantel_haenszel, mirrored, p_text
from riskkit.checks import Array, check_level
from riskkit.columns import interval_text, verbatim
from riskkit.metrics import jeffreys_interval
from riskkit.vintage import vintage_table

__all__ = ["segment_curves", "segment_findings", "segment_table", "segment_text"]

SIGNIFICANT = 0.05
LEAST_BADS = 5  # expected of a part, and of the others beside it, of the test
GRADE = "grade"  # meant to differ: its order is what is looked at
TOO_FEW, WORSE, BETTER, CHANCE = (
    "too few to say", "worse beyond chance", "better beyond chance", "may be chance",
)  # fmt: skip


def segment_table(
    counts: pd.DataFrame, month: int, *, dpd: int = 90, level: float = 0.95
) -> pd.DataFrame:
    """Bads by a month on book of each part, against all other loans of the same cohorts.

    Counted are the monthly cohorts of which every loan has reached the month. A part is expected to
    go bad as often as all loans of its cohort do, so that a channel that has grown in bad months is
    not taken for a bad one; the test is that of Cochran, Mantel and Haenszel over the cohorts.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`segment_counts`, of loans of one term.
    month : int
        Month on book by which loans are bad.
    dpd : int, in days
        That was counted; outcomes ignore it.
    level : float
        Confidence of the Jeffreys intervals, each for itself, in (0, 1).

    Returns
    -------
    DataFrame, index (by, value)
        `loans`, `bad`, `bad_rate`, `bad_rate_low`, `bad_rate_high`; `others_rate`, of the other
        loans of the same cohorts, weighed by the part's; `expected_bad`; `p_value`, `p_adjusted`
        (Holm over all values tested, grades too); `told`: "worse beyond chance", "better beyond
        chance", "may be chance", or "too few to say" with NaN. A value that is the same loans as
        one of a part before, or all but them, is no row; the two values of a part of two are one
        test. No cohort that has reached the month gives no rows.

    Raises
    ------
    ValueError
        `level` outside (0, 1).

    Source
    ------
    Mantel, Haenszel (1959), Journal of the National Cancer Institute 22(4); Holm (1979),
    Scandinavian Journal of Statistics 6(2).

    Examples
    --------
    >>> from riskkit.segments import segment_counts
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": range(800), "cohort": pd.Timestamp("2024-01-01"), "amount": 1,
    ...     "event": ["default"] * 8 + ["matured"] * 392 + ["default"] * 40 + ["matured"] * 360,
    ...     "event_mob": 3})
    >>> channel = pd.DataFrame({"channel": ["app"] * 400 + ["partner"] * 400})
    >>> table = segment_table(segment_counts(outcomes, channel), 3)
    >>> table[["bad_rate", "others_rate", "told"]]  # doctest: +NORMALIZE_WHITESPACE
                     bad_rate  others_rate                  told
    by      value
    channel app          0.02         0.10  better beyond chance
            partner      0.10         0.02   worse beyond chance
    """
    check_level(level)
    names, loans, bads = _grids(counts, month, dpd)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    of_first = np.array([by == names[0][0] for by, _ in names], dtype=bool)
    cells = np.concatenate([loans, bads], axis=1)
    same = mirrored(list(cells), cells[of_first].sum(axis=0))
    all_n, all_d = (grid[of_first].sum(axis=0) for grid in (loans, bads))
    for place, (by, value) in enumerate(names):
        if names[same[place]][0] == by and loans[place].any():
            sums = beside_others(loans[place], bads[place], all_n, all_d)
            rows[by, value] = sums | {"mirror": names[same[place]]}
    columns = ["loans", "bad", "others_rate", "expected", "variance", "mirror"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.index = (
        pd.MultiIndex.from_tuples(rows, names=["by", "value"])
        if rows
        else pd.MultiIndex.from_arrays([[], []], names=["by", "value"])
    )
    return _tested(table, level)


def _tested(table: pd.DataFrame, level: float) -> pd.DataFrame:
    n, bad, expected, variance = (
        table[name].to_numpy(float) for name in ("loans", "bad", "expected", "variance")
    )
    low, high = jeffreys_interval(bad, n, level)
    p_value = mantel_haenszel(bad, expected, variance)
    mirror = table["mirror"].to_list()
    first = np.array([a == b for a, b in zip(mirror, table.index, strict=True)], dtype=bool)
    by_label = dict(zip(table.index, holm(np.where(first, p_value, np.nan)), strict=True))
    adjusted = np.array([by_label[label] for label in mirror], dtype=float)
    beyond = np.where(bad > expected, WORSE, BETTER)
    told = np.where(np.isnan(p_value), TOO_FEW, np.where(adjusted <= SIGNIFICANT, beyond, CHANCE))
    columns = {
        "loans": n.astype(np.int64),
        "bad": bad.astype(np.int64),
        "bad_rate": bad / n,
        "bad_rate_low": low,
        "bad_rate_high": high,
        "others_rate": table["others_rate"].to_numpy(float),
        "expected_bad": expected,
        "p_value": p_value,
        "p_adjusted": adjusted,
        "told": pd.Series(told, index=table.index, dtype=str),
    }
    return pd.DataFrame(columns, index=table.index)


def segment_curves(
    counts: pd.DataFrame, month: int, *, beside: pd.DataFrame | None = None, dpd: int = 90
) -> pd.DataFrame:
    """Share of the loans of each part that are bad by each month on book up to one.

    The cohorts are those of :func:`segment_table`, the same in all months, so that no curve moves
    because others join it.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`segment_counts`.
    month : int
    beside : DataFrame, optional
        Counts of :func:`riskkit.vintage.cohort_counts` made `by` a column, such as the term: its
        values come after the parts.
    dpd : int, in days
        As for :func:`segment_table`.

    Returns
    -------
    DataFrame of shape (n_values, month + 1), index (by, value), columns mob
        Fractions. No cohort that has reached the month gives no rows.

    Source
    ------
    riskkit definition.
    """
    if beside is not None:
        others = segment_curves(beside, month, dpd=dpd)
        return pd.concat([segment_curves(counts, month, dpd=dpd), others])
    sums = _matured(counts, month, dpd)
    loans = sums["loans"].groupby(level=["by", "value"]).sum()
    bads = sums["bad"].groupby(level=["by", "value", "mob"]).sum().unstack("mob", fill_value=0)
    table = bads.reindex(columns=range(month + 1), fill_value=0).cumsum(axis=1)
    return table[loans > 0].div(loans[loans > 0], axis=0).rename_axis(columns="mob")


def _matured(counts: pd.DataFrame, month: int, dpd: int) -> pd.DataFrame:
    """Loans and first bads of the monthly cohorts that have reached a month, up to that month.

    Index (by, value, cohort, mob).
    """
    if counts.index.nlevels == 3:
        name = str(counts.index.names[0])
        counts = pd.concat({name.removesuffix("_months"): counts}, names=["by"])
    counts = counts.rename_axis(index=["by", "value", "cohort", "mob"])
    event = "default" if "ever_default_loans" in counts else str(dpd)
    reached = pd.Index([])
    if len(counts):
        of_one = counts.loc[counts.index[0][0]].groupby(level=["cohort", "mob"]).sum()
        curves = vintage_table(of_one, dpd=dpd)
        reached = curves.index[curves[month].notna()] if month in curves else reached
    level = counts.index.get_level_values
    inside = level("cohort").isin(reached) & (level("mob") <= month)
    return counts.loc[inside, ["loans", f"ever_{event}_loans"]].set_axis(["loans", "bad"], axis=1)


def _grids(
    counts: pd.DataFrame, month: int, dpd: int
) -> tuple[list[tuple[str, str]], Array, Array]:
    """Parts, and their loans and bads by a month, a column for each cohort."""
    sums = _matured(counts, month, dpd).groupby(level=["by", "value", "cohort"], sort=True).sum()
    loans, bads = (sums[name].unstack("cohort", fill_value=0) for name in ("loans", "bad"))
    return list(loans.index), loans.to_numpy(float), bads.to_numpy(float)


def segment_text(table: pd.DataFrame, month: int, term_months: int) -> str:
    """Which parts of the loans go bad more often than the others, as Markdown.

    Grades are meant to differ: of them it is told whether they keep their order.

    Parameters
    ----------
    table : DataFrame
        Of :func:`segment_table`.
    month, term_months : int
        That it was made for.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> segment_text(pd.DataFrame(), 0, 12)
    'Loans of 12 months have no parts to compare, or no cohort of them is old enough.'
    """
    if table.empty:
        return (
            f"Loans of {term_months} months have no parts to compare, or no cohort of them is old "
            "enough."
        )
    tested = table[table["told"] != TOO_FEW]
    of_grades = tested.index.get_level_values("by") == GRADE
    parts = tested[~of_grades]
    counted = (
        f"{len(tested)} of {len(table)} parts have enough bads to say; p-values are adjusted "
        "(Holm), and the others are those of the same cohorts"
    )
    start = f"Of the {term_months}-month loans, by month {month} on book"
    if parts.empty:
        found = f"{start} no channel, scenario or the like has enough bads to say."
    elif (parts["told"] == WORSE).any():
        worse = parts[parts["told"] == WORSE].sort_values("p_value", kind="stable")
        found = f"{start} **worse beyond chance:** {_all_told(worse, verbatim)}. {counted}."
    else:
        nearest = parts.loc[parts["p_value"].idxmin()]
        found = (
            f"{start} **no part is worse by more than chance**; furthest from the others is "
            f"{_told(nearest, verbatim)}. {counted}."
        )
    better = parts[parts["told"] == BETTER].sort_values("p_value", kind="stable")
    if len(better):
        found += f" Better beyond chance: {_all_told(better, verbatim)}."
    return f"{found} {_grades_text(table)}".strip()


def segment_findings(
    table: pd.DataFrame, month: int, term_months: int
) -> list[tuple[str, str, bool]]:
    """Which parts go bad more often than the others: topic, text, and that it is not red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`segment_table`; grades, which are meant to differ, are no finding.
    month, term_months : int
        That it was made for.

    Source
    ------
    riskkit definition.
    """
    if table.empty:
        return []
    worse = table[(table["told"] == WORSE) & (table.index.get_level_values("by") != GRADE)]
    if worse.empty:
        return []
    told = _all_told(worse.sort_values("p_value", kind="stable"), str)
    text = f"Worse than the other {term_months}-month loans of their cohorts by month {month}"
    return [("Parts of the loans", f"{text}: {told}", False)]


def _grades_text(table: pd.DataFrame) -> str:
    """Whether each grade goes bad more often than the safer one before it."""
    if GRADE not in table.index.get_level_values("by"):
        return ""
    rates = table.xs(GRADE, level="by")["bad_rate"].sort_index()
    rates = rates[~rates.index.isin(["none", "others"])]
    if len(rates) < 2:
        return ""
    ends = " and ".join(f"{rate:.2%} in {verbatim(rates.index[at])}"
                        for at, rate in ((0, rates.iloc[0]), (-1, rates.iloc[-1])))  # fmt: skip
    falls = [
        f"{verbatim(after)} below {verbatim(before)}"
        for before, after, rate, last in zip(
            rates.index[:-1], rates.index[1:], rates.iloc[1:], rates.iloc[:-1], strict=True
        )
        if rate < last
    ]
    order = f"**out of order**: {', '.join(falls)}" if falls else "in their order"
    return f"The grades stand {order}, with {ends}; all of them are compared in the table."


def _all_told(rows: pd.DataFrame, written: Callable[[object], str]) -> str:
    return "; ".join(_told(row, written) for _, row in rows.iterrows())


def _told(row: pd.Series, written: Callable[[object], str]) -> str:
    by, value = row.name
    rate = interval_text(row["bad_rate"], row["bad_rate_low"], row["bad_rate_high"], "percent2")
    return (
        f"{by} {written(str(value).replace('_', ' '))} with {rate} ({row['bad']:,} of "
        f"{row['loans']:,} loans) against {row['others_rate']:.2%}, adjusted "
        f"{p_text(row['p_adjusted'])}"
    )
