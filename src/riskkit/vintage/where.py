"""Where a recent cohort that shows a sign is worse: by term, and by channel and the like.

Takes the book, the applications and a row of :func:`riskkit.vintage.recent_table`; gives a row per
part of the loans, and what they say in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.chance import p_text
from riskkit.checks import require_columns
from riskkit.columns import verbatim
from riskkit.tables import Table
from riskkit.vintage.chance import against_earlier
from riskkit.vintage.counts import cohort_counts

__all__ = ["where_table", "where_text"]

PARTS = ("channel", "partner", "scenario", "product")
MOST_LEVELS = 8  # of a column; the smaller ones are taken together
LEAST_BADS = 5  # expected of a part, else there are too few to say
SIGNIFICANT = 0.05
ITSELF = "the sign itself"
TOO_FEW, WORSE, BETTER, CHANCE = (
    "too few to say", "worse beyond chance", "better beyond chance", "may be chance",
)  # fmt: skip


def where_table(
    book: pd.DataFrame | Table,
    applications: pd.DataFrame | Table,
    sign: pd.Series | None,
    term_months: int,
    parts: Sequence[str] = PARTS,
    *,
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
) -> pd.DataFrame:
    """Loans and bads of a sign's cohorts by part, against the same part of the earlier cohorts.

    Parameters
    ----------
    book : DataFrame or Table
        As for :func:`cohort_counts`.
    applications : DataFrame or Table
        `application_id`, `term_months` and, of `parts`, those that are there.
    sign : Series or None
        Of :func:`strongest_sign`: which cohorts, which month and which days past due.
    term_months : int
        Of the sign's loans, which alone are split by `parts`. Loans of other terms are beside them,
        at the same month on book.
    parts : sequence of str
        Columns known at origination. A column with one value tells nothing and is left out; of one
        with more than eight, the smallest are together in "others".
    cohort_freq : {"M", "Q", "Y"}
        As the sign's.

    Returns
    -------
    DataFrame of shape (n_parts,), index (by, value)
        The columns of :func:`recent_table` from `loans` on, the p-values adjusted (Holm) over the
        rows tested, and `told`: "worse beyond chance", "better beyond chance", "may be chance", or
        "too few to say" where fewer than five bads would be expected; the row of its own term is
        "the sign itself" and not tested again. No sign gives no rows.

    Source
    ------
    riskkit definition.
    """
    columns = ["loans", "bad", "earlier_loans", "earlier_bad"]
    rows: dict[tuple[str, str], list[int]] = {}
    if sign is not None:
        kinds, cells = _cells(book, applications, sign, parts, cohort_freq)
        of_term = kinds["term_months"] == term_months
        for name in kinds.columns:
            values, sums = kinds[name], cells
            if name != "term_months":
                values, sums = values[of_term], cells[of_term]
            by_value = sums.groupby(values, observed=True).sum()
            by_value = by_value[by_value["loans"] + by_value["earlier_loans"] > 0]
            if name != "term_months":
                by_value = by_value.sort_values("loans", ascending=False, kind="stable")
            if len(by_value) > 1:
                by = name.removesuffix("_months").replace("_", " ")
                found = _top(by_value)
                if name == "term_months":
                    found = {_term_text(value): row for value, row in found.items()}
                rows |= {(by, str(value)): row for value, row in found.items()}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.index = pd.MultiIndex.from_tuples(rows, names=["by", "value"])
    itself = table.index == ("term", _term_text(term_months))
    table = against_earlier(table, least_bads=LEAST_BADS, untested=itself)
    sure = table["p_adjusted"] <= SIGNIFICANT
    beyond = np.where(table["bad_rate"] > table["earlier_rate"], WORSE, BETTER)
    told = np.where(sure, beyond, np.where(table["p_adjusted"].isna(), TOO_FEW, CHANCE))
    told = np.where(itself, ITSELF, told)
    return table.assign(told=pd.Series(told, index=table.index, dtype=str))


def _cells(
    book: pd.DataFrame | Table,
    applications: pd.DataFrame | Table,
    sign: pd.Series,
    parts: Sequence[str],
    cohort_freq: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every combination of the parts that occurs, and its loans and bads on both sides."""
    require_columns(applications, ["application_id", "term_months"], "applications")
    names = ["term_months", *(name for name in parts if name in applications.columns)]
    wanted = ["application_id", *names]
    if isinstance(applications, pd.DataFrame):
        known = applications[wanted]
    else:
        known = applications.frame(wanted)
    codes = known.groupby(names, dropna=False, observed=True).ngroup().rename("kind")
    kinds = known[names].assign(kind=codes).drop_duplicates("kind").set_index("kind")
    event, month, _ = sign.name
    days = 90 if event == "default" else int(event.removesuffix("+"))
    of_loan = pd.Series(codes.to_numpy(), index=known["application_id"], name="kind")
    # one pass for all parts: what is counted by their combinations adds up
    counts = cohort_counts(book, dpd=(days,), by=of_loan)
    level = counts.index.get_level_values
    cohort = pd.DatetimeIndex(level("cohort")).to_period(cohort_freq)
    first, last, earlier_to = (
        pd.Period(sign[name], cohort_freq) for name in ("first", "last", "earlier_to")
    )
    bad = counts[f"ever_{event.removesuffix('+')}_loans"].where(level("mob") <= month, 0)
    own, earlier = (cohort >= first) & (cohort <= last), cohort <= earlier_to
    cells = pd.DataFrame(
        {
            "loans": counts["loans"].where(own, 0),
            "bad": bad.where(own, 0),
            "earlier_loans": counts["loans"].where(earlier, 0),
            "earlier_bad": bad.where(earlier, 0),
        }
    )
    by_kind = cells.groupby(level("kind")).sum()
    return kinds.loc[by_kind.index].sort_index(), by_kind.sort_index()


def _term_text(months: object) -> str:
    return f"{months} month{'' if months == 1 else 's'}"


def _top(by_value: pd.DataFrame) -> dict[object, list[int]]:
    if len(by_value) > MOST_LEVELS:
        rest = by_value.iloc[MOST_LEVELS - 1 :].sum().rename("others").to_frame().T
        by_value = pd.concat([by_value.iloc[: MOST_LEVELS - 1], rest])
    return {value: [int(count) for count in row] for value, row in by_value.iterrows()}


def where_text(table: pd.DataFrame) -> str:
    """Which part of the loans is worse beyond chance, or that none can be named, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`where_table`.

    Source
    ------
    riskkit definition.
    """
    if table.empty:
        return "There is no sign to look into, or these loans have no parts."
    parts = table[table["told"] != ITSELF]
    tested = parts[parts["told"] != TOO_FEW]
    counted = f"{len(tested)} of {len(parts)} parts have enough bads to say"
    if tested.empty:
        return f"No part has enough bads to say: at least {LEAST_BADS} must be expected of each."
    worse = tested[tested["told"] == WORSE].sort_values("p_value", kind="stable")
    if worse.empty:
        row = tested.loc[tested["p_value"].idxmin()]
        return (
            f"**No part is worse by more than chance**, so none can be named as the cause; nearest "
            f"to it is {_told(row)}. {counted}; p-values are adjusted for that number (Holm)."
        )
    told = "; ".join(_told(row) for _, row in worse.iterrows())
    return f"**Worse beyond chance:** {told}. {counted}; p-values are adjusted (Holm)."


def _told(row: pd.Series) -> str:
    by, value = row.name
    # as the table shows it
    named = verbatim(str(value).replace("_", " "))
    return (
        f"{by} {named} with {row['bad_rate']:.2%} ({row['bad']:,} of {row['loans']:,} "
        f"loans, {row['bad_rate_low']:.2%} to {row['bad_rate_high']:.2%}) against "
        f"{row['earlier_rate']:.2%}, adjusted {p_text(row['p_adjusted'])}"
    )
