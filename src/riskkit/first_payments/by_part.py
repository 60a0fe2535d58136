"""Through which channel, or for what, the loans come that miss their first instalments.

Takes counts of :func:`riskkit.first_payments.payment_default_counts`; gives a row per part and
default, against all other loans of the same months, and what they say in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from riskkit.chance import beside_others, holm, mantel_haenszel, mirrored, p_text
from riskkit.checks import check_level
from riskkit.columns import interval_text, verbatim
from riskkit.first_payments.missed import day_level, label_of, parts_of, starts_of
from riskkit.metrics import jeffreys_interval

__all__ = ["part_findings", "part_table", "part_text"]

SIGNIFICANT = 0.05
LEAST_MISSED = 5  # expected of a part, and of the others beside it, of the test
TOO_FEW, WORSE, BETTER, CHANCE = (
    "too few to say", "worse beyond chance", "better beyond chance", "may be chance",
)  # fmt: skip
COLUMNS = ["loans", "bad", "expected", "variance", "others_rate", "is_first"]


def part_table(
    counts: pd.DataFrame, by: str | Sequence[str], *, level: float = 0.95
) -> pd.DataFrame:
    """Each part of the loans against all others of the same months, default by default.

    A part is expected to miss as often as all loans of its month do: a channel that has grown in
    bad months is not taken for a bad channel. The test is that of Cochran, Mantel and Haenszel over
    the months, with continuity correction.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`payment_default_counts`, with the parts among its levels.
    by : str or sequence of str
        Levels to look at, one after another.
    level : float
        Confidence of the Jeffreys intervals, each for itself, in (0, 1).

    Returns
    -------
    DataFrame, index (by, value, number, days)
        `loans`, `missed`, `missed_rate`, `missed_low`, `missed_high`; `expected_missed` at the rate
        of all loans of the same months; `others_rate`, of the other loans in the months of the
        part, weighed by its loans; `p_value` (two-sided), `p_adjusted` after Holm over all rows
        tested; `told`: "worse beyond chance", "better beyond chance", "may be chance", or "too few
        to say" with NaN, where fewer than five are expected to miss of the part, or of the others.
        A level with one value, which has no others, gives no rows. A missing value is one, "none".
        A value that is the same loans as one of a level before, or all but them, is no row, since
        it says the same; the two values of a level of two are one test.

    Raises
    ------
    ValueError
        A level that was not counted, or `level` outside (0, 1).

    Source
    ------
    Mantel, Haenszel (1959), Journal of the National Cancer Institute 22(4); Holm (1979),
    Scandinavian Journal of Statistics 6(2).

    Examples
    --------
    >>> counts = pd.DataFrame(
    ...     {"loans": [400, 400], "missed": [8, 40], "traced_loans": 400, "first_missed": 8},
    ...     index=pd.MultiIndex.from_tuples(
    ...         [("app", pd.Timestamp("2024-01-05"), 1, 7),
    ...          ("partner", pd.Timestamp("2024-01-09"), 1, 7)],
    ...         names=["channel", "due_date", "number", "days"]))
    >>> part_table(counts, "channel")[["missed_rate", "others_rate", "told"]]
    ... # doctest: +NORMALIZE_WHITESPACE
                                 missed_rate  others_rate                  told
    by      value   number days
    channel app     1      7            0.02         0.10  better beyond chance
            partner 1      7            0.10         0.02   worse beyond chance
    """
    check_level(level)
    names = [by] if isinstance(by, str) else list(by)
    parts_of(counts, names)
    grids = {
        (name, value): grid for name in names for value, grid in _grids_of(counts, name).items()
    }
    rows = _rows_of(grids)
    index = ["by", "value", "number", "days"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    table.index = (
        pd.MultiIndex.from_tuples(rows, names=index)
        if rows
        else (pd.MultiIndex.from_arrays([[]] * len(index), names=index))
    )
    n, bad, expected, variance = (table[name].to_numpy(float) for name in COLUMNS[:4])
    low, high = jeffreys_interval(bad, n, level)
    p_value = mantel_haenszel(bad, expected, variance)
    # two values of a level are one comparison
    first = table.pop("is_first").to_numpy(bool)
    adjusted = holm(np.where(first, p_value, np.nan))
    of_first = pd.Series(adjusted, index=table.index)[first].groupby(level=[0, 2, 3]).first()
    other = table.index[~first].droplevel("value")
    adjusted[~first] = of_first.reindex(other).to_numpy()
    beyond = np.where(bad > expected, WORSE, BETTER)
    told = np.where(np.isnan(p_value), TOO_FEW, np.where(adjusted <= SIGNIFICANT, beyond, CHANCE))
    table = table.drop(columns="variance").astype({"loans": np.int64, "bad": np.int64})
    table = table.rename(columns={"bad": "missed", "expected": "expected_missed"})
    for place, (ending, values) in enumerate((("rate", bad / n), ("low", low), ("high", high)), 2):
        table.insert(place, f"missed_{ending}", values)
    told = pd.Series(told, index=table.index, dtype=str)
    return table.assign(p_value=p_value, p_adjusted=adjusted, told=told)


def _grids_of(counts: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    """Loans and missed of each value of a level, by number, days and month; none of one value."""
    level = counts.index.get_level_values
    code, found = pd.factorize(level(name))
    # of a missing value the code is -1
    names = np.array([*(str(value) for value in found), "none"], dtype=object)
    values = pd.Index(names[code])
    if values.nunique() < 2:
        return {}
    keys = [
        level("number"),
        level("days"),
        pd.Index(starts_of(level(day_level(counts)), "M"), name="month"),
    ]
    sums = counts[["loans", "missed"]].groupby([*keys, values.rename("value")]).sum()
    wide = sums.unstack("value", fill_value=0)
    return {value: wide.xs(value, axis=1, level="value") for value in sorted(values.unique())}


def _rows_of(
    grids: dict[tuple[str, str], pd.DataFrame],
) -> dict[tuple[str, str, int, int], dict[str, float]]:
    """Rows of all values, before their p-values; `mirror` is the part that is the same test.

    A value of a later level that is the same loans as one of an earlier, or all but them, is left
    out: that a loan came by no partner says no more than that it came by another channel.
    """
    if not grids:
        return {}
    first_by = next(iter(grids))[0]
    total = sum(grid.to_numpy(float) for (by, _), grid in grids.items() if by == first_by)
    same = mirrored([grid.to_numpy(float) for grid in grids.values()], np.asarray(total))
    names = list(grids)
    rows = {}
    for place, ((by, value), grid) in enumerate(grids.items()):
        mirror = names[same[place]]
        if mirror[0] != by:
            continue
        cells = pd.DataFrame(np.hstack([grid, total]), index=grid.index).groupby(level=[0, 1])
        for (number, days), part in cells:
            n, d, all_n, all_d = part.to_numpy(float).T
            if n.any():
                row = beside_others(n, d, all_n, all_d) | {"is_first": mirror == (by, value)}
                rows[by, value, int(number), int(days)] = row
    return rows


def part_text(table: pd.DataFrame) -> str:
    """Which parts miss more often than the others, or that none can be named, as Markdown.

    Of a part that is worse by several defaults, the most certain is told.

    Parameters
    ----------
    table : DataFrame
        Of :func:`part_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> nobody = pd.DataFrame({"told": []})
    >>> part_text(nobody)
    'These loans have no parts to compare.'
    """
    if table.empty:
        return "These loans have no parts to compare."
    tested = table[table["told"] != TOO_FEW]
    if tested.empty:
        return f"No part has enough loans to say: at least {LEAST_MISSED} must be expected to miss."
    counted = (
        f"{len(tested)} of {len(table)} comparisons have enough loans to say; p-values are "
        "adjusted for that number (Holm), and others are those of the same months"
    )
    worse = _worst_of_each(tested[tested["told"] == WORSE])
    if worse.empty:
        nearest = tested.loc[tested["p_value"].idxmin()]
        return (
            f"**No part misses its first instalments more often by more than chance**; furthest "
            f"from the others is {_told(nearest, verbatim)}. {counted}."
        )
    told = "; ".join(_told(row, verbatim) for _, row in worse.iterrows())
    return f"**Worse beyond chance:** {told}. {counted}."


def part_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Which parts miss more often than the others: topic, text, and that it is not red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`part_table`.

    Source
    ------
    riskkit definition.
    """
    worse = _worst_of_each(table[table["told"] == WORSE])
    if worse.empty:
        return []
    told = "; ".join(_told(row, str) for _, row in worse.iterrows())
    return [("First payments", f"Worse than the other loans of their months: {told}", False)]


def _worst_of_each(worse: pd.DataFrame) -> pd.DataFrame:
    """The most certain row of each part, the most certain part first."""
    ordered = worse.sort_values("p_value", kind="stable")
    return ordered.groupby(level=["by", "value"], sort=False).head(1)


def _told(row: pd.Series, written: Callable[[object], str]) -> str:
    by, value, number, days = row.name
    rate = interval_text(row["missed_rate"], row["missed_low"], row["missed_high"], "percent2")
    named = written(str(value).replace("_", " "))
    return (
        f"{by} {named}, {label_of(number, days)} {rate} ({row['missed']:,} of {row['loans']:,} "
        f"loans) against {row['others_rate']:.2%}, adjusted {p_text(row['p_adjusted'])}"
    )
