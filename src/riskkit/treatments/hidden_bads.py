"""Curves with and without what was done: bads as reported, and with treated loans counted as bad.

Takes the performance panel with its column `treatment`; gives the panel and the counts in which a
treatment is the event, a row per matured cohort, and what it says in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.chance import MIN_BADS
from riskkit.checks import loan_starts, require_columns, whole_loans
from riskkit.columns import interval_text
from riskkit.loan_values import BOOK_COLUMNS
from riskkit.metrics import jeffreys_interval
from riskkit.partitions import total
from riskkit.tables import Table
from riskkit.treatments.redefaults import check_treatments
from riskkit.vintage import cohort_counts, vintage_table

__all__ = [
    "at_treatment",
    "at_treatment_counts",
    "hidden_findings",
    "hidden_table",
    "hidden_text",
]

LARGE_SHARE = 0.1  # of all bads, else what is hidden is a remark


def at_treatment(panel: pd.DataFrame, dpd: int = 90) -> pd.DataFrame:
    """The panel as if a treated loan's arrears had gone on: past `dpd` from its treatment on.

    A bound, not a forecast: some of the treated would have paid without it. A loan that ends in
    the month of its treatment, as one settled does, is past due in that row, with the balance of
    the month before, which is what was at stake.

    Parameters
    ----------
    panel : DataFrame
        The performance panel with its column `treatment`, sorted by loan and month.
    dpd : int, in days
        The highest threshold that is asked for later.

    Returns
    -------
    DataFrame
        The same rows; `dpd` at least one more than `dpd` from each loan's first treatment on, and
        where it ends a loan, `balance`. What is worse already stays.

    Raises
    ------
    DataContractError
        A missing column or value, a panel not sorted by loan and month, an unknown treatment.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a"] * 4, "mob": range(4), "dpd": [0, 40, 0, 12],
    ...     "status": ["current", "delinquent", "current", "delinquent"],
    ...     "treatment": [None, None, "re-age", None]})
    >>> at_treatment(panel)["dpd"].tolist()
    [0, 40, 91, 91]
    """
    require_columns(panel, ["loan_id", "mob", "dpd", "status", "treatment"], "performance")
    check_treatments(panel)
    starts = loan_starts(panel)
    treated = panel["treatment"].notna().to_numpy(bool)
    so_far = np.cumsum(treated)
    lengths = np.diff(np.append(starts, len(panel)))
    before_loan = np.repeat((so_far - treated)[starts], lengths)
    since = so_far > before_loan
    days = np.where(since, np.maximum(panel["dpd"].to_numpy(), dpd + 1), panel["dpd"].to_numpy())
    found = panel.assign(dpd=days)
    if "balance" not in panel:
        return found
    balance = panel["balance"].to_numpy()
    first = np.zeros(len(panel), dtype=bool)
    first[starts] = True
    ended = treated & ~first & panel["status"].isin(["prepaid", "matured"]).to_numpy(bool)
    return found.assign(balance=np.where(ended, np.append(0, balance[:-1]), balance))


def at_treatment_counts(
    book: pd.DataFrame | Table,
    *,
    dpd: Sequence[int] = (30, 60, 90),
    by: str | pd.Series | None = None,
) -> pd.DataFrame:
    """Counts as of :func:`riskkit.vintage.cohort_counts`, with every treatment as the event.

    Parameters
    ----------
    book : DataFrame or Table
        The performance panel with its column `treatment`. A Table is counted block by block; a
        block holds whole loans.
    dpd : sequence of int, in days
    by : str or Series, optional
        As for :func:`riskkit.vintage.cohort_counts`.

    Source
    ------
    riskkit definition.
    """
    count = partial(_counted, dpd=tuple(dpd), by=by)
    if isinstance(book, pd.DataFrame):
        return count(book)
    return total(count, whole_loans(book), columns=[*BOOK_COLUMNS, "treatment"])


def _counted(
    panel: pd.DataFrame, *, dpd: tuple[int, ...], by: str | pd.Series | None
) -> pd.DataFrame:
    return cohort_counts(at_treatment(panel, max(dpd, default=0)), dpd=dpd, by=by)


def hidden_table(
    reported: pd.DataFrame,
    at_treatment: pd.DataFrame,
    month: int,
    *,
    dpd: int = 90,
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
    level: float = 0.95,
) -> pd.DataFrame:
    """Bads of each matured cohort as reported, and how many more were treated instead.

    A loan is hidden by a month on book if it was treated by then and has not passed `dpd` in the
    books. Reported and hidden together are the bads if every treated loan's arrears had gone on:
    what truth there is lies between the two rates.

    Parameters
    ----------
    reported : DataFrame
        Of :func:`riskkit.vintage.cohort_counts`.
    at_treatment : DataFrame
        Of :func:`at_treatment_counts`, of the same book.
    month : int
        Month on book to compare at; cohorts that have not reached it are left out.
    dpd : int, in days
        One of the thresholds counted.
    cohort_freq : {"M", "Q", "Y"}
    level : float
        Confidence of the intervals of single cohorts, in (0, 1).

    Returns
    -------
    DataFrame, index cohort (such as "2024Q2"), oldest first, then "all"
        `loans`; `reported_bad`, `hidden_bad`; `reported_rate`, `hidden_rate`, each with its
        Jeffreys interval, and `bound_rate`, their sum; `hidden_share` of all bads, NaN without any.
        No matured cohort gives no rows.

    Raises
    ------
    ValueError
        As :func:`riskkit.vintage.vintage_table`, or the counts are of different books.

    Source
    ------
    riskkit definition.
    """
    if reported["loans"].sum() != at_treatment["loans"].sum():
        raise ValueError("reported and at_treatment must be counts of the same book")
    curves = vintage_table(reported, dpd=dpd, cohort_freq=cohort_freq)
    reached = curves[month].dropna().index if month in curves.columns else curves.index[:0]
    matured = pd.DatetimeIndex(reached).to_period(cohort_freq)

    def until_month(counts: pd.DataFrame, name: str) -> pd.Series:
        starts = pd.DatetimeIndex(counts.index.get_level_values("cohort")).to_period(cohort_freq)
        in_time = counts.index.get_level_values("mob") <= month
        return counts[name].where(in_time, 0).groupby(starts).sum().reindex(matured)

    event = f"ever_{dpd}_loans"
    bad = until_month(reported, event)
    table = pd.DataFrame(
        {
            "loans": until_month(reported, "loans"),
            "reported_bad": bad,
            "hidden_bad": until_month(at_treatment, event) - bad,
        }
    )
    table.index = pd.Index(matured.astype(str), name="cohort")
    if len(table):
        table.loc["all"] = table.sum()
    loans = table["loans"].to_numpy()
    for name in ("reported", "hidden"):
        bads = table[f"{name}_bad"].to_numpy()
        low, high = jeffreys_interval(bads, loans, level)
        table = table.assign(
            **{f"{name}_rate": bads / loans, f"{name}_rate_low": low, f"{name}_rate_high": high}
        )
    every = table["reported_bad"] + table["hidden_bad"]
    return table.assign(
        bound_rate=every / table["loans"], hidden_share=table["hidden_bad"] / every.where(every > 0)
    )


def hidden_text(table: pd.DataFrame, month: int, *, dpd: int = 90) -> str:
    """Sentences on how many bads the treatments hide, in all and where most, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`hidden_table`.
    month, dpd : int
        That it was made for.

    Source
    ------
    riskkit definition.
    """
    if table.empty:
        return f"No cohort has reached month {month}, so what treatments hide cannot be said."
    every = table.loc["all"]
    of_loans = f"of {every['loans']:,.0f} loans seen to month {month}"
    if not every["hidden_bad"]:
        return f"No bad is hidden: {of_loans} none was treated instead of passing {dpd} days."
    text = (
        f"Of loans seen to month {month}, {every['reported_rate']:.2%} are reported past {dpd} "
        f"days; **{_hidden(every)} more were treated and are not**. Had all their arrears gone on, "
        f"{every['bound_rate']:.2%} would be bad. The truth lies between the two, since some would "
        "have paid without it: curves of a lender that treats more look better for that alone."
    )
    cohorts = table.drop(index="all")
    most = cohorts.loc[cohorts["hidden_rate"].idxmax()]
    if len(cohorts) < 2:
        return text
    if every["hidden_bad"] < MIN_BADS:
        return text + " They are too few to compare cohorts by."
    return text + f" Most are hidden in {most.name}: {_hidden(most)}."


def _hidden(row: pd.Series) -> str:
    ends = row["hidden_rate"], row["hidden_rate_low"], row["hidden_rate_high"]
    return f"{interval_text(*ends, 'percent2')}, {row['hidden_bad']:,.0f} loans"


def hidden_findings(table: pd.DataFrame, month: int) -> list[tuple[str, str, bool]]:
    """That the curves look better by what was done: topic, text, and whether it is red.

    Nothing under 30 hidden loans, or where they are less than a tenth of all bads; red
    where the newest matured cohort hides more, beyond chance, than all the older ones together.

    Parameters
    ----------
    table : DataFrame
        Of :func:`hidden_table`.
    month : int
        That it was made for.

    Source
    ------
    riskkit definition.
    """
    if table.empty or table.loc["all", "hidden_bad"] < MIN_BADS:
        return []
    every = table.loc["all"]
    if every["hidden_share"] < LARGE_SHARE:
        return []
    text = (
        f"treatments hide {every['hidden_share']:.0%} of what would be bad by month {month} had "
        f"arrears gone on ({every['hidden_bad']:,.0f} loans)"
    )
    newest, older = table.iloc[-2], table.iloc[:-2]
    others = older["hidden_bad"].sum() / max(older["loans"].sum(), 1)
    grows = len(older) > 0 and newest["hidden_rate_low"] > others
    if grows:
        text += f", and {newest.name} hides more than the cohorts before it: {_hidden(newest)}"
    return [("Treated loans", text, bool(grows))]
