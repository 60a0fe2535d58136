"""Values that came and went: new and vanished categories, and jumps of what is missing.

Takes applications and the feature catalogue; gives counts per month and value, which add up over
any parts, and from them a row per value that changed, and what it says in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.chance import fisher_p_value, holm, p_text
from riskkit.checks import Array, check_level, flag_array, same_rows
from riskkit.columns import interval_text, level_codes, verbatim
from riskkit.metrics import jeffreys_interval
from riskkit.monitoring.moved_mix import months_of
from riskkit.partitions import total
from riskkit.schema import Feature
from riskkit.tables import Table

__all__ = ["value_changes", "value_changes_text", "value_counts"]

MISSING, ORDINARY, SPECIAL, LEVEL = "missing", "a value", "special ", "level "
SIGNIFICANT = 0.05
LEAST_CHANGE = 0.01  # of all rows: a share of missing values that moved by less is no jump
NEW, VANISHED, JUMPED, FELL, CHANCE, SMALL = (
    "new", "vanished", "jumped", "fell", "may be chance", "beyond chance, but small",
)  # fmt: skip
KEYS = ["feature", "month", "value"]
COLUMNS = [
    "kind", "base_rows", "base_rate", "rows", "rate", "rate_low", "rate_high", "p_value",
    "p_adjusted", "told",
]  # fmt: skip


def value_counts(
    applications: pd.DataFrame | Table,
    features: Sequence[Feature],
    *,
    base: ArrayLike | pd.Timestamp,
) -> pd.DataFrame:
    """Rows of each category, special code and missing value, by month, in and outside the base.

    Counts of any two parts of the applications add up to those of the whole.

    Parameters
    ----------
    applications : DataFrame of shape (n,) or Table
        `applied_at` and the features; one that they lack is passed over. A Table is counted block
        by block.
    features : sequence of Feature
    base : bool array of shape (n,), or of a Table a day
        The development sample; of a Table those who applied up to the day.

    Returns
    -------
    DataFrame, index (feature, month, value), int64
        `rows` outside the base, `base_rows` in it. Of a number only "missing", "special -9" and
        the like, and "a value" for all others. A category that is called as one of these, or
        begins with "level ", has "level " before it. Without dates, no rows.

    Source
    ------
    riskkit definition.
    """
    if not isinstance(applications, pd.DataFrame):
        columns = ["applied_at", *(feature.name for feature in features)]
        count = partial(_values_block, features=list(features), base=pd.Timestamp(base))
        return total(count, applications, columns=columns)
    same_rows(applications=applications, base=base)
    n = len(applications)
    in_base = flag_array(base, "base", n).astype(np.int64)
    known = [feature for feature in features if feature.name in applications.columns]
    if "applied_at" not in applications or not n or not known:
        empty = pd.DataFrame({"rows": [], "base_rows": []}, dtype=np.int64)
        index = [[], pd.DatetimeIndex([]), []]
        return empty.set_axis(pd.MultiIndex.from_arrays(index, names=KEYS))
    month, months = pd.factorize(months_of(applications["applied_at"]), sort=True)
    tables = {}
    for feature in known:
        place, labels = _places(applications[feature.name], feature)
        key = (month * len(labels) + place) * 2 + in_base
        cells = np.bincount(key, minlength=len(months) * len(labels) * 2).reshape(-1, 2)
        index = pd.MultiIndex.from_product([months, labels], names=KEYS[1:])
        table = pd.DataFrame(cells.astype(np.int64), index, columns=["rows", "base_rows"])
        tables[feature.name] = table[cells.sum(axis=1) > 0]
    return pd.concat(tables, names=KEYS[:1]).sort_index()


def _values_block(
    applications: pd.DataFrame, features: list[Feature], base: pd.Timestamp
) -> pd.DataFrame:
    taught = (applications["applied_at"] <= base).to_numpy()
    return value_counts(applications, features, base=taught)


def _places(column: pd.Series, feature: Feature) -> tuple[Array, list[str]]:
    """Place of each row's value among the labels."""
    if feature.kind == "category":
        codes, levels = level_codes(column)
        # missing has code −1, the last label
        return codes % (len(levels) + 1), [*map(_level_name, levels), MISSING]
    values = column.to_numpy(dtype=float, na_value=np.nan)
    place = np.where(np.isnan(values), 1, 0)
    for number, code in enumerate(feature.special_codes, start=2):
        place[values == code] = number
    return place, [ORDINARY, MISSING, *(f"{SPECIAL}{code:.10g}" for code in feature.special_codes)]


def _level_name(level: str) -> str:
    """The level, told apart where it is called as a value of ours is."""
    ours = level in (MISSING, ORDINARY) or level.startswith((SPECIAL, LEVEL))
    return f"{LEVEL}{level}" if ours else level


def value_changes(
    counts: pd.DataFrame, *, month: pd.Timestamp | str | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Categories that are new or gone, and missing values and special codes beside those before.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`value_counts`, or a sum of such.
    month : date, optional
        The first day of the month; by default the last with rows outside the base.
    level : float
        Of the Jeffreys intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (feature, value)
        `kind` ("category", "missing", "special"); `base_rows`, `base_rate`; `rows`, `rate` with
        `rate_low`, `rate_high`; `p_value` (Fisher's exact test, two-sided), `p_adjusted` after Holm
        over all rows; `told`. A category is a row where it is in one of the two samples alone:
        "new" whatever its number, since the model has never seen it, and "vanished" or "may be
        chance". Missing and special values that are in either are all rows: "jumped" or "fell"
        where beyond chance and by a percentage point at least, "beyond chance, but small", or "may
        be chance". Without a base or a month after it, no rows.

    Source
    ------
    Fisher's exact test; Holm (1979), Scandinavian Journal of Statistics 6(2); riskkit definition.
    """
    check_level(level)
    outside = counts["rows"].groupby(level="month").sum()
    outside = outside[outside > 0]
    when = pd.Timestamp(month) if month is not None else None
    if when is None and len(outside):
        when = outside.index.max()
    base = counts["base_rows"].groupby(level=["feature", "value"]).sum()
    at = counts.index.get_level_values("month") == when
    now = counts["rows"][at].groupby(level=["feature", "value"]).sum()
    now = now.reindex(base.index, fill_value=0)
    records: dict[tuple[str, str], dict[str, Any]] = {}
    totals = base.groupby(level="feature").sum(), now.groupby(level="feature").sum()
    for feature, value in base.index:
        before, after = int(base[feature, value]), int(now[feature, value])
        m, n = int(totals[0][feature]), int(totals[1][feature])
        kind = _kind(base.loc[feature].index, value)
        changed = before + after > 0 and (kind != "category" or min(before, after) == 0)
        if kind is None or not changed or not (m and n):
            continue
        low, high = jeffreys_interval(np.array([after]), np.array([n]), level)
        values = [kind, before, before / m, after, after / n, float(low[0]), float(high[0])]
        values += [fisher_p_value(after, n, before, m), np.nan, ""]
        records[feature, value] = dict(zip(COLUMNS, values, strict=True))
    table = pd.DataFrame.from_dict(records, orient="index", columns=COLUMNS)
    index = [list(records), None] if records else [[], []]
    table.index = (
        pd.MultiIndex.from_tuples(index[0], names=["feature", "value"])
        if records
        else pd.MultiIndex.from_arrays(index, names=["feature", "value"])
    )
    table["p_adjusted"] = holm(table["p_value"].astype(float))
    table["told"] = pd.Series([_told(row) for _, row in table.iterrows()], table.index, dtype=str)
    return table


def _kind(values: pd.Index, value: str) -> str | None:
    """What a value of a feature is; None of an ordinary number."""
    if value == MISSING:
        return "missing"
    if value.startswith(SPECIAL):
        return "special"
    return None if ORDINARY in values else "category"


def _told(row: pd.Series) -> str:
    if row["kind"] == "category" and row["base_rows"] == 0:
        return NEW
    if not row["p_adjusted"] <= SIGNIFICANT:
        return CHANCE
    if row["kind"] == "category":
        return VANISHED
    change = row["rate"] - row["base_rate"]
    if abs(change) < LEAST_CHANGE:
        return SMALL
    return JUMPED if change > 0 else FELL


def value_changes_text(table: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Which categories came and went and what is missing more often, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`value_changes`.
    labels : mapping of feature to label

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> value_changes_text(pd.DataFrame({"told": []}), {})
    'No category is new or gone, and nothing is missing now or then.'
    """
    if table.empty:
        return "No category is new or gone, and nothing is missing now or then."
    parts = []
    for kinds, start in (
        ((NEW,), "**New categories**, which no bin was made for:"),
        ((VANISHED,), "**Vanished** beyond chance:"),
        ((JUMPED,), "**Missing or coded more often** than in the development sample:"),
        ((FELL,), "Missing or coded less often:"),
    ):
        some = table[table["told"].isin(kinds)]
        if len(some):
            told = "; ".join(_sentence(row, labels) for _, row in some.iterrows())
            parts.append(f"{start} {told}.")
    if parts:
        return " ".join(parts)
    return (
        "**No category is new or has vanished, and nothing is missing more or less often** than in "
        f"the development sample by more than chance and {LEAST_CHANGE:.0%} of all "
        f"({len(table)} shares compared, adjusted after Holm)."
    )


def _sentence(row: pd.Series, labels: Mapping[str, str]) -> str:
    feature, value = row.name
    rate = interval_text(row["rate"], row["rate_low"], row["rate_high"], "percent2")
    sure = "" if row["told"] == NEW else f", adjusted {p_text(row['p_adjusted'])}"
    return (
        f"{verbatim(labels.get(feature, feature))}, {verbatim(value)}: {rate} against "
        f"{row['base_rate']:.2%}{sure}"
    )
