"""What two runs were made of: parameters, versions, files, and which applications both have.

Takes what the runs say of themselves and their applications; gives a table for each question.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from riskkit import metrics

__all__ = [
    "Overlap",
    "common_applications",
    "differing_settings",
    "file_hashes",
    "outcome_changes",
    "population_table",
    "value_changes",
]

SHOWN_DIGITS = 16  # of a hash: enough to tell files apart by eye
OUTCOMES = {0.0: "good", 1.0: "bad"}
UNKNOWN = "not known"
# fewer of the shared numbers on the same day, and the numbers are of other people
SAME_NUMBERING = 0.5


def differing_settings(
    a: Mapping[str, Any], b: Mapping[str, Any], meanings: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Parameters, or versions, that differ.

    Returns
    -------
    DataFrame, index name, sorted
        a, b (as text; "–" where a run has none or an empty one) and, with `meanings`, meaning.

    Examples
    --------
    >>> differing_settings({"pdo": 20.0, "seed": 1}, {"pdo": 40.0, "seed": 1}).loc["pdo"].tolist()
    ['20.0', '40.0']
    """
    # no value and an empty one say the same
    values = {n: [None if x.get(n) == "" else x.get(n) for x in (a, b)] for n in sorted({*a, *b})}
    rows = {
        name: {"a": _told(one), "b": _told(other)}
        for name, (one, other) in values.items()
        if one != other
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["a", "b"]).rename_axis("name")
    if meanings is not None:
        table["meaning"] = [meanings.get(str(name), "–") for name in table.index]
    return table


def _told(value: Any) -> str:
    return "–" if value is None else str(value)


def file_hashes(a: Mapping[str, str], b: Mapping[str, str]) -> pd.DataFrame:
    """Files of two runs side by side.

    Returns
    -------
    DataFrame, index file, sorted
        a, b (the first digits of the sha256, "–" where a run has no such file), same.
    """
    names = sorted({*a, *b})
    shas = [(a.get(name, ""), b.get(name, "")) for name in names]
    return pd.DataFrame(
        {
            "a": [one[:SHOWN_DIGITS] or "–" for one, _ in shas],
            "b": [other[:SHOWN_DIGITS] or "–" for _, other in shas],
            "same": [one == other for one, other in shas],
        },
        index=pd.Index(names, name="file"),
    )


def population_table(applications: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How many apply, from when to when, and how many turned bad.

    Parameters
    ----------
    applications : mapping of name to DataFrame
        booked, default_flag, and applied_at where it is known; where it has `rows`, a row stands
        for so many applications.

    Returns
    -------
    DataFrame, index population
        applications, first_day, last_day (as text, "–" where not known), booked, labelled,
        bad, bad_rate with its Jeffreys 95 % interval low and high (NaN without labels).
    """
    rows = {}
    for name, table in applications.items():
        n_each = table.get("rows", pd.Series(1, index=table.index))
        flags = table["default_flag"]
        days = table.get("applied_at", pd.Series(pd.NaT, index=table.index))
        rows[name] = {
            "applications": int(n_each.sum()),
            "first_day": _day(days.min()),
            "last_day": _day(days.max()),
            "booked": int((table["booked"] * n_each).sum()),
            "labelled": int(n_each[flags.notna()].sum()),
            "bad": int((flags * n_each).sum()),
        }
    found = pd.DataFrame.from_dict(rows, orient="index").rename_axis("population")
    n = found["labelled"].to_numpy(dtype=float)
    bad = found["bad"].to_numpy(dtype=float)
    low, high = metrics.jeffreys_interval(bad, n, 0.95)
    found["bad_rate"] = bad / np.where(n > 0, n, np.nan)
    found["low"], found["high"] = (np.where(n > 0, end, np.nan) for end in (low, high))
    return found


def _day(day: pd.Timestamp) -> str:
    return "–" if pd.isna(day) else f"{day:%Y-%m-%d}"


@dataclass(frozen=True)
class Overlap:
    """Applications that two runs have in common.

    Parameters
    ----------
    ids : Index
        In the order of the first run.
    n_a, n_b : int
        Applications of each run.
    n_other_day : int
        Numbers in both runs that stand for other applications: the day, or without days the
        amount and the term, is another one.
    """

    ids: pd.Index = field(default_factory=lambda: pd.Index([], dtype="object"))
    n_a: int = 0
    n_b: int = 0
    n_other_day: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether the two runs have the very same applications."""
        return len(self.ids) == self.n_a == self.n_b


def common_applications(a: pd.DataFrame, b: pd.DataFrame, *, same_source: bool = True) -> Overlap:
    """Applications that are in both runs: the same number, and applied for on the same day.

    Sources number applications in their own way, and a simulated lender begins anew at each seed.
    Where fewer than half of the numbers in both bear the same day, none is taken as the same: those
    that do, do so by chance. Without days, amount and term stand in.

    Parameters
    ----------
    a, b : DataFrame
        application_id, and applied_at, or else amount and term_months.
    same_source : bool
        Whether the runs name the same source; else no application is the same.
    """
    none = Overlap(n_a=len(a), n_b=len(b))
    if not same_source:
        return none
    day = ["applied_at"]
    by = day if all("applied_at" in table for table in (a, b)) else ["amount", "term_months"]
    by = [name for name in by if name in a and name in b]
    both = a[["application_id", *by]].merge(
        b[["application_id", *by]], on="application_id", suffixes=("_a", "_b")
    )
    same = np.ones(len(both), dtype=bool)
    for name in by:
        same &= (both[f"{name}_a"] == both[f"{name}_b"]).to_numpy()
    if same.mean() < SAME_NUMBERING if len(both) else True:
        return replace(none, n_other_day=len(both))
    ids = pd.Index(both.loc[same, "application_id"])
    return Overlap(ids, len(a), len(b), len(both) - len(ids))


def outcome_changes(a: pd.DataFrame, b: pd.DataFrame, ids: pd.Index) -> pd.DataFrame:
    """How the common applications turned out by either run.

    Returns
    -------
    DataFrame, index (outcome_a, outcome_b): good, bad, not known
        applications; changed: whether the two differ. Only what there is.
    """
    sides = {}
    for end, table in (("a", a), ("b", b)):
        flags = table.set_index("application_id")["default_flag"].reindex(ids)
        sides[f"outcome_{end}"] = flags.map(OUTCOMES).fillna(UNKNOWN).to_numpy(dtype=object)
    keys = pd.DataFrame(sides, columns=["outcome_a", "outcome_b"])
    found = keys.groupby(["outcome_a", "outcome_b"]).size().to_frame("applications")
    level = found.index.get_level_values
    found["changed"] = level("outcome_a") != level("outcome_b")
    return found


def value_changes(a: pd.DataFrame, b: pd.DataFrame, ids: pd.Index) -> pd.DataFrame:
    """Features whose values differ on applications that both runs have.

    Parameters
    ----------
    a, b : DataFrame
        application_id and the features; only those in both are compared.
    ids : Index

    Returns
    -------
    DataFrame, index feature
        differing (applications), differing_share; only features that differ, the most first.
    """
    one, other = (table.set_index("application_id").reindex(ids) for table in (a, b))
    rows = {}
    for name in one.columns.intersection(other.columns, sort=False):
        x, y = one[name], other[name]
        if x.dtype != y.dtype:  # whole numbers are others as soon as one is missing
            x, y = x.astype(object), y.astype(object)
        apart = x.ne(y).fillna(True).astype(bool) & ~(x.isna() & y.isna())
        if apart.any():
            n = int(apart.sum())
            rows[name] = {"differing": n, "differing_share": n / len(ids)}
    columns = ["differing", "differing_share"]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("feature")
    return found.sort_values("differing", ascending=False, kind="stable")
