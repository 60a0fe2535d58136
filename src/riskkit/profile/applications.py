"""Who applies, what is known about them, what is missing.

Takes applications and the feature catalogue; gives the tables of the first report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from riskkit.schema import Feature
from riskkit.target import samples_present

__all__ = [
    "application_rates",
    "code_profile",
    "decline_reasons",
    "exposure_table",
    "family_profile",
    "feature_profile",
    "funnel_table",
    "longest_span",
    "monthly_trends",
    "period_text",
    "sample_sizes",
    "segment_rates",
    "table_sizes",
]

SPANS = {"Y": "calendar year", "Q": "quarter", "M": "month", "D": "day"}


def monthly_trends(applications: pd.DataFrame) -> pd.DataFrame:
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
    if "applied_at" not in applications:
        return pd.DataFrame(columns=columns, dtype=float)
    month = applications["applied_at"].dt.strftime("%Y-%m")
    return application_rates(applications, month)[columns]


def funnel_table(applications: pd.DataFrame) -> pd.DataFrame:
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
    flag = applications["default_flag"]
    counts = {
        "applied": len(applications),
        "approved": int(applications["approved"].sum()),
        "booked": int(applications["booked"].sum()),
        "outcome known": int(flag.notna().sum()),
        "bad": int((flag == 1).sum()),
    }
    table = pd.DataFrame({"applications": counts}).rename_axis("step")
    table["share_of_step"] = table["applications"] / table["applications"].shift()
    table["share_of_all"] = table["applications"] / len(applications)
    return table


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
    applications: pd.DataFrame, by: str | pd.Series, *, top: int | None = None
) -> pd.DataFrame:
    """Volumes and rates of applications by month or segment.

    An application without a label of the segmentation is left out.

    Parameters
    ----------
    applications : DataFrame
        approved, booked, amount, default_flag.
    by : str or Series
        A column, or a label per row, such as the month.
    top : int, optional
        Keep only the `top` largest segments, largest first.

    Returns
    -------
    DataFrame, index of the labels
        applications, approval_rate (approved ÷ all), booked, booked_rate (booked ÷ approved),
        mean_amount (requested, minor units), labelled, bad, bad_rate (bad ÷ labelled; NaN
        without a label).
    """
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
    key = applications[by] if isinstance(by, str) else by.set_axis(rows.index)
    sums = rows.groupby(key, observed=True).sum()
    n = rows.groupby(key, observed=True).size()
    table = pd.DataFrame(
        {
            "applications": n,
            "approval_rate": sums["approved"] / n,
            "booked": sums["booked"],
            "booked_rate": sums["booked"] / sums["approved"].where(sums["approved"] > 0),
            "mean_amount": sums["amount"] / n,
            "labelled": sums["labelled"],
            "bad": sums["bad"],
            "bad_rate": sums["bad"] / sums["labelled"].where(sums["labelled"] > 0),
        }
    )
    if top is not None:
        table = table.sort_values("applications", ascending=False, kind="stable").head(top)
    return table


def feature_profile(applications: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """What each feature looks like.

    Returns
    -------
    DataFrame, index feature
        label, family, unit, missing_rate, special_rate, distinct (values), p5, median, p95 (of
        ordinary values; NaN for categories), use (offered, protected, known afterwards).
    """
    records = []
    for feature in features:
        column = applications[feature.name]
        record: dict[str, object] = {
            "feature": feature.name,
            "label": feature.label,
            "family": feature.family,
            "unit": feature.unit,
            "missing_rate": column.isna().mean(),
            "special_rate": 0.0,
            "distinct": column.nunique(),
            "p5": float("nan"),
            "median": float("nan"),
            "p95": float("nan"),
            "use": "protected"
            if feature.protected
            else "known afterwards"
            if feature.known_afterwards
            else "offered",
        }
        if feature.kind == "numeric":
            is_special = column.isin(list(feature.special_codes))
            record["special_rate"] = is_special.mean()
            low, middle, high = column[~is_special].astype("float64").quantile([0.05, 0.5, 0.95])
            record.update(p5=low, median=middle, p95=high)
        records.append(record)
    columns = ["feature", "label", "family", "unit", "missing_rate", "special_rate", "distinct"]
    columns += ["p5", "median", "p95", "use"]
    return pd.DataFrame(records, columns=columns).set_index("feature")


def family_profile(applications: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """What each family of features, often one supplier of data, brings and leaves out.

    Returns
    -------
    DataFrame, index family, in the order of the features
        holds (the labels; of more than four the first three); features; offered (to models: neither
        protected nor known afterwards); missing_rate and special_rate, means over its features.
    """
    profile = feature_profile(applications, features)
    grouped = profile.assign(offered=profile["use"] == "offered").groupby("family", sort=False)
    return pd.DataFrame(
        {
            "holds": grouped["label"].agg(_shortened),
            "features": grouped.size(),
            "offered": grouped["offered"].sum(),
            "missing_rate": grouped["missing_rate"].mean(),
            "special_rate": grouped["special_rate"].mean(),
        }
    )


def code_profile(applications: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """What the special codes mean, and how much of the data they make up.

    Returns
    -------
    DataFrame, index (code, meaning), in the order of the features
        holds (the labels of the features with it, shortened); features; special_rate, the mean
        over them of the share of rows. Empty where no feature has a code.
    """
    records = [
        {
            "code": code,
            "meaning": meaning,
            "label": feature.label,
            "rate": (applications[feature.name] == code).mean(),
        }
        for feature in features
        for code, meaning in feature.special_codes.items()
    ]
    columns = ["code", "meaning", "label", "rate"]
    grouped = pd.DataFrame(records, columns=columns).groupby(["code", "meaning"], sort=False)
    return pd.DataFrame(
        {
            "holds": grouped["label"].agg(_shortened),
            "features": grouped.size(),
            "special_rate": grouped["rate"].mean(),
        }
    )


def _shortened(labels: pd.Series) -> str:
    if len(labels) <= 4:
        return ", ".join(labels)
    return f"{', '.join(labels.head(3))} and {len(labels) - 3} more"


def segment_rates(
    applications: pd.DataFrame, segments: Sequence[str], *, top: int = 8
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
        tables = {"": application_rates(applications.head(0), "booked")}
    return pd.concat(tables, names=["segment", "value"])


def _by_number(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_index() if pd.api.types.is_numeric_dtype(table.index) else table


def decline_reasons(applications: pd.DataFrame) -> pd.DataFrame:
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
        counts = applications.loc[~applications["approved"], "declined_reason"].value_counts()
    counts = counts.rename("applications").rename_axis("declined_reason")
    return counts.to_frame().assign(share=counts / max(counts.sum(), 1))


def sample_sizes(samples: pd.DataFrame) -> pd.DataFrame:
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
    grouped = samples.groupby("sample")
    columns = {"loans": grouped.size()}
    if "applied_at" in samples:
        columns["first"] = grouped["applied_at"].min().dt.strftime("%Y-%m")
        columns["last"] = grouped["applied_at"].max().dt.strftime("%Y-%m")
    columns["bad"] = grouped["default_flag"].sum().astype("int64")
    columns["bad_rate"] = grouped["default_flag"].mean()
    return pd.DataFrame(columns).loc[samples_present(samples["sample"])]


def period_text(applications: pd.DataFrame) -> str:
    """The months of the applications in words, or that they are not known.

    Examples
    --------
    >>> period_text(pd.DataFrame({"applied_at": pd.to_datetime(["2024-01-31", "2023-02-01"])}))
    'from February 2023 to January 2024'
    >>> period_text(pd.DataFrame({"amount": [1]}))
    'without dates'
    """
    if "applied_at" not in applications:
        return "without dates"
    first, last = (f"{day:%B %Y}" for day in applications["applied_at"].agg(["min", "max"]))
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


def table_sizes(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows and columns of each table, index table."""
    sizes = {name: table.shape for name, table in tables.items()}
    return pd.DataFrame(sizes, index=["rows", "columns"]).T.rename_axis("table")
