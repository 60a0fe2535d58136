"""Who applies, what is known about them, what is missing.

Takes applications and the feature catalogue; gives the tables of the first report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.columns import month_texts
from riskkit.partitions import total
from riskkit.tables import Table
from riskkit.target import samples_present

__all__ = [
    "application_rates",
    "days_of_application",
    "decline_reasons",
    "exposure_table",
    "funnel_table",
    "longest_span",
    "monthly_trends",
    "period_text",
    "rates_by_month",
    "sample_sizes",
    "segment_rates",
    "table_sizes",
]

_COUNTED = ("approved", "booked", "amount", "default_flag")
SPANS = {"Y": "calendar year", "Q": "quarter", "M": "month", "D": "day"}


def monthly_trends(applications: pd.DataFrame | Table) -> pd.DataFrame:
    """How many apply, are approved and turn bad, month by month.

    Parameters
    ----------
    applications : DataFrame
        As in :func:`application_rates`; applied_at.

    Returns
    -------
    DataFrame, index month as text, such as "2024-01"
        applications, approval_rate, booked, and bad_rate, NaN in months whose loans are too young
        to be judged. Without dates, no rows.

    Source
    ------
    riskkit definition.
    """
    columns = ["applications", "approval_rate", "booked", "bad_rate"]
    if "applied_at" not in applications.columns:
        return pd.DataFrame(columns=columns, dtype=float)
    return rates_by_month(applications)[columns]


def funnel_table(applications: pd.DataFrame | Table) -> pd.DataFrame:
    """How many are left at each step from the application to the outcome.

    Parameters
    ----------
    applications : DataFrame
        approved, booked, default_flag.

    Returns
    -------
    DataFrame, index step
        applied, approved, booked, outcome known, bad; `applications`, `share_of_step` (÷ those of
        the step before, NaN where there are none) and `share_of_all`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> funnel_table(pd.DataFrame({
    ...     "approved": [True, True, False], "booked": [True, False, False],
    ...     "default_flag": [1.0, float("nan"), float("nan")]}))["applications"].tolist()
    [3, 2, 1, 1, 1]
    """
    counts = total(_steps, applications, columns=["approved", "booked", "default_flag"])
    steps = ["applied", "approved", "booked", "outcome known", "bad"]
    table = pd.DataFrame({"applications": counts}, index=pd.Index(steps, name="step"))
    table["share_of_step"] = table["applications"] / table["applications"].shift()
    table["share_of_all"] = table["applications"] / len(applications)
    return table


def _steps(applications: pd.DataFrame) -> NDArray[np.int64]:
    flag = applications["default_flag"]
    steps = (applications["approved"], applications["booked"], flag.notna(), flag == 1)
    return np.array([len(applications), *(step.sum() for step in steps)], dtype=np.int64)


def exposure_table(amount: pd.Series, grade: pd.Series, term_months: pd.Series) -> pd.DataFrame:
    """What was lent by rating grade and term.

    Parameters
    ----------
    amount : Series, minor units
        Of each loan; one of another kind of row is missing.
    grade, term_months : Series
        Of the same rows.

    Returns
    -------
    DataFrame, index grade, columns term, both ascending; units of the currency

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> exposure_table(pd.Series([500, 700]), pd.Series([1, 2]), pd.Series([6, 6])).to_dict()
    {6: {1: 5.0, 2: 7.0}}
    """
    rows = pd.DataFrame({"amount": amount, "grade": grade, "term": term_months}).dropna()
    sums = rows.groupby(["grade", "term"])["amount"].sum().unstack("term", fill_value=0)
    return sums / 100


def application_rates(
    applications: pd.DataFrame | Table, by: str | pd.Series, *, top: int | None = None
) -> pd.DataFrame:
    """Volumes and rates of applications by month or segment.

    An application without a label of the segmentation is left out.

    Parameters
    ----------
    applications : DataFrame or Table
        approved, booked, amount, default_flag.
    by : str or Series
        A column, or of a frame a label per row.
    top : int, optional
        Keep only the `top` largest segments, largest first.

    Returns
    -------
    DataFrame, index of the labels
        applications, approval_rate (approved ÷ all), booked, booked_rate (booked ÷ approved),
        mean_amount (requested, minor units), labelled, bad, bad_rate (bad ÷ labelled; NaN
        without a label).
    """
    if isinstance(by, pd.Series):
        if isinstance(applications, Table):
            raise TypeError("by of a Table names a column")
        cells = _cells(applications, by.set_axis(applications.index))
    else:
        columns = [*_COUNTED, by]
        cells = total(partial(_cells_by, by=by), applications, columns=columns)
    table = _rates(cells)
    if top is not None:
        table = table.sort_values("applications", ascending=False, kind="stable").head(top)
    return table


def rates_by_month(applications: pd.DataFrame | Table) -> pd.DataFrame:
    """The table of :func:`application_rates` by month of application, such as "2024-01".

    Parameters
    ----------
    applications : DataFrame or Table
        As in :func:`application_rates`; applied_at.
    """
    return _rates(total(_cells_by_month, applications, columns=[*_COUNTED, "applied_at"]))


def _cells_by_month(applications: pd.DataFrame) -> pd.DataFrame:
    return _cells(applications, month_texts(applications["applied_at"]))


def _cells_by(applications: pd.DataFrame, by: str) -> pd.DataFrame:
    return _cells(applications, applications[by])


def _cells(applications: pd.DataFrame, key: pd.Series) -> pd.DataFrame:
    """Counts and the sum of amounts by label; those of two parts add up."""
    flag = applications["default_flag"]
    rows = pd.DataFrame(
        {
            "approved": applications["approved"],
            "booked": applications["booked"],
            "amount": applications["amount"],
            "labelled": flag.notna(),
            "bad": flag == 1,
        }
    )
    grouped = rows.groupby(key, observed=True)
    sums = grouped.sum()
    sums.insert(0, "applications", grouped.size())
    return sums


def _rates(cells: pd.DataFrame) -> pd.DataFrame:
    n = cells["applications"]
    return pd.DataFrame(
        {
            "applications": n,
            "approval_rate": cells["approved"] / n,
            "booked": cells["booked"],
            "booked_rate": cells["booked"] / cells["approved"].where(cells["approved"] > 0),
            "mean_amount": cells["amount"] / n,
            "labelled": cells["labelled"],
            "bad": cells["bad"],
            "bad_rate": cells["bad"] / cells["labelled"].where(cells["labelled"] > 0),
        }
    )


def segment_rates(
    applications: pd.DataFrame | Table, segments: Sequence[str], *, top: int = 8
) -> pd.DataFrame:
    """Rates of :func:`application_rates` for several segmentations, one under the other.

    Columns that the applications lack are passed over; within each, the `top` largest values, the
    largest first, or numbers in their order.

    Returns
    -------
    DataFrame, index (segment, value)
        Empty where the applications have none of the columns.
    """
    tables = {
        name.replace("_", " "): _by_number(application_rates(applications, name, top=top))
        for name in segments
        if name in applications.columns
    }
    if not tables:
        # no segment, so the columns alone
        booked = application_rates(applications, "booked")
        tables = {"": booked.head(0)}
    return pd.concat(tables, names=["segment", "value"])


def _by_number(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_index() if pd.api.types.is_numeric_dtype(table.index) else table


def decline_reasons(applications: pd.DataFrame | Table) -> pd.DataFrame:
    """Why applications were declined.

    Returns
    -------
    DataFrame, index declined_reason, largest first
        applications, share (of those with a reason); empty where nobody was declined or no
        reason is known.
    """
    if "declined_reason" not in applications.columns:
        counts = pd.Series(dtype="int64", name="applications")
    else:
        found = total(_reasons, applications, columns=["approved", "declined_reason"])
        counts = found["applications"].sort_values(ascending=False, kind="stable")
    counts = counts.rename("applications").rename_axis("declined_reason")
    return counts.to_frame().assign(share=counts / max(counts.sum(), 1))


def _reasons(applications: pd.DataFrame) -> pd.DataFrame:
    declined = applications.loc[~applications["approved"], "declined_reason"]
    return declined.value_counts().rename("applications").to_frame()


def sample_sizes(samples: pd.DataFrame | Table) -> pd.DataFrame:
    """What each sample holds.

    Parameters
    ----------
    samples : DataFrame
        sample (missing without a label), default_flag, and applied_at where it is known.

    Returns
    -------
    DataFrame, index sample in the order train, test, out_of_time
        loans, first and last (month applied for, where it is known), bad, bad_rate.
    """
    counted = total(_size_by_month, samples, columns=["sample", "default_flag", "applied_at"])
    grouped = counted.groupby(level="sample")
    sizes = grouped.sum()
    columns: dict[str, pd.Series] = {"loans": sizes["loans"]}
    if "applied_at" in samples.columns:
        months = counted.index.to_frame()["month"].groupby(level="sample")
        columns |= {"first": months.min(), "last": months.max()}
    columns["bad"] = sizes["bad"]
    columns["bad_rate"] = sizes["bad"] / sizes["loans"]
    return pd.DataFrame(columns).loc[samples_present(pd.Series(sizes.index))]


def _size_by_month(samples: pd.DataFrame) -> pd.DataFrame:
    """Loans and bads by sample and month, "" where months are not known."""
    labelled = samples[samples["sample"].notna()]
    month = pd.Series("", index=labelled.index)
    if "applied_at" in samples:
        month = month_texts(labelled["applied_at"])
    bad = labelled["default_flag"].astype("int64").rename("bad")
    grouped = bad.groupby([labelled["sample"], month.rename("month")])
    return pd.DataFrame({"loans": grouped.size(), "bad": grouped.sum()})


def period_text(applications: pd.DataFrame | Table) -> str:
    """The months of the applications in words, or that they are not known.

    Examples
    --------
    >>> period_text(pd.DataFrame({"applied_at": pd.to_datetime(["2024-01-31", "2023-02-01"])}))
    'from February 2023 to January 2024'
    >>> period_text(pd.DataFrame({"amount": [1]}))
    'without dates'
    """
    if "applied_at" not in applications.columns:
        return "without dates"
    days = days_of_application(applications)
    first, last = (f"{day:%B %Y}" for day in (days.min(), days.max()))
    return f"in {first}" if first == last else f"from {first} to {last}"


def longest_span(applied_at: pd.Series) -> tuple[pd.Series, str]:
    """Period of each application in the longest spans of which there are several, and their name.

    Calendar years, or of one year its quarters, of one quarter its months, of one month its days.

    Parameters
    ----------
    applied_at : Series of datetime64

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> longest_span(pd.Series(pd.to_datetime(["2023-02-01", "2023-05-31"])))[1]
    'quarter'
    """
    longest = next((freq for freq in SPANS if len(applied_at.dt.to_period(freq).unique()) > 1), "D")
    return applied_at.dt.to_period(longest), SPANS[longest]


def days_of_application(applications: pd.DataFrame | Table) -> pd.Index:
    """The days on which somebody applied, ascending."""
    return total(_day_counts, applications, columns=["applied_at"]).index


def _day_counts(applications: pd.DataFrame) -> pd.DataFrame:
    return applications.groupby(applications["applied_at"].dt.normalize()).size().to_frame("n")


def table_sizes(tables: Mapping[str, pd.DataFrame | Table]) -> pd.DataFrame:
    """Rows and columns of each table, index table."""
    sizes = {name: (len(table), len(table.columns)) for name, table in tables.items()}
    return pd.DataFrame(sizes, index=["rows", "columns"]).T.rename_axis("table")
