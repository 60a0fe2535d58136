"""How many cases there are, who was reached, and how good the cases are by score at origination.

Takes cases; gives a row per month and bucket, a row per band of the score, and words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.chance import MIN_BADS, fisher_p_value, p_text
from riskkit.checks import check_level, require_columns
from riskkit.columns import interval_text
from riskkit.metrics import jeffreys_interval

__all__ = ["quality_table", "quality_text", "workload_table"]

SIGNIFICANT = 0.05
WORKING_DAYS = 21


def workload_table(
    cases: pd.DataFrame,
    *,
    months: int = 3,
    working_days: int = WORKING_DAYS,
    smallest: int = 5,
    level: float = 0.95,
) -> pd.DataFrame:
    """Cases of the last months by bucket, what was done, and whom it reached.

    Parameters
    ----------
    cases : DataFrame
        Of :func:`collection_cases`.
    months : int
        Month-ends, the last ones of which the month after was seen.
    working_days : int
        Of a month.
    smallest : int
        Buckets of fewer acted cases show no rate.
    level : float
        Confidence of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index bucket
        `cases` and `entries` (nothing past due a month before) a month; `cases_per_day`. Of a
        source that keeps a log `acted`, cases a month about which something was done, and where
        contacts are known `contact_rate` of these, with Jeffreys interval. No case, no rows.

    Raises
    ------
    DataContractError
        A missing column.
    ValueError
        `months` below 1, or `level` outside (0, 1).

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> cases = pd.DataFrame({"month_end": pd.Timestamp("2024-01-31"), "bucket": [1, 1, 2],
    ...     "is_entry": [True, True, False], "rolled": 0.0})
    >>> workload_table(cases, months=1)[["cases", "entries"]].to_numpy().tolist()
    [[2.0, 2.0], [1.0, 0.0]]
    """
    check_level(level)
    if months < 1:
        raise ValueError(f"months must be >= 1, got {months!r}")
    require_columns(cases, ["month_end", "bucket", "is_entry", "rolled"], "cases")
    known = cases[cases["rolled"].notna()]
    ends = known["month_end"].drop_duplicates().nlargest(months)
    some = known[known["month_end"].isin(ends)]
    each = some.groupby("bucket")
    n = max(len(ends), 1)
    table = pd.DataFrame({"cases": each.size() / n, "entries": each["is_entry"].sum() / n})
    table["cases_per_day"] = table["cases"] / working_days
    if "action" not in some:
        return table
    acted = some[some["action"].notna()]
    count = acted.groupby("bucket").size().reindex(table.index, fill_value=0)
    table["acted"] = count / n
    if "contacted" not in acted:
        return table
    reached = acted["contacted"].fillna(False).astype(bool).groupby(acted["bucket"]).sum()
    reached = reached.reindex(table.index, fill_value=0).to_numpy()
    low, high = jeffreys_interval(reached, np.maximum(count.to_numpy(), 1), level)
    enough = count.to_numpy() >= smallest
    values = {
        "contact_rate": reached / np.maximum(count, 1),
        "contact_low": low,
        "contact_high": high,
    }
    return table.assign(**{name: np.where(enough, each, np.nan) for name, each in values.items()})


def quality_table(cases: pd.DataFrame, *, n_bands: int = 5, level: float = 0.95) -> pd.DataFrame:
    """How good cases are by score at origination: of loans that fall behind for the first time.

    Parameters
    ----------
    cases : DataFrame
        Of :func:`collection_cases`, with `score`; a loan is counted at its first time past due.
    n_bands : int
        Bands of as many cases each.
    level : float
        Confidence of the Jeffreys intervals, each for itself, in (0, 1).

    Returns
    -------
    DataFrame, index band (1 = lowest score)
        `score_from`, `score_to`; `cases`, `cured` within the next month, `cured_rate` with
        interval; `p_value` of the lowest band against the highest (Fisher), in every row. Without a
        score, or with fewer than 30 cases a band, no rows.

    Raises
    ------
    ValueError
        `n_bands` below 2, or `level` outside (0, 1).

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    if n_bands < 2:
        raise ValueError(f"n_bands must be >= 2, got {n_bands!r}")
    nothing = pd.DataFrame(columns=["cases", "cured"]).rename_axis(index="band")
    if "score" not in cases:
        return nothing
    first = cases[cases["is_first"] & cases["cured"].notna() & cases["score"].notna()]
    if len(first) < n_bands * MIN_BADS:
        return nothing
    score = first["score"].to_numpy(float)
    edges = np.unique(np.quantile(score, np.arange(1, n_bands) / n_bands))
    band = np.searchsorted(edges, score, side="right") + 1
    each = first.groupby(band)
    table = pd.DataFrame(
        {
            "score_from": each["score"].min(),
            "score_to": each["score"].max(),
            "cases": each.size(),
            "cured": each["cured"].sum().astype(np.int64),
        }
    ).rename_axis(index="band")
    if len(table) < 2 or table["cases"].min() < MIN_BADS:
        return nothing
    low, high = jeffreys_interval(table["cured"].to_numpy(), table["cases"].to_numpy(), level)
    worst, best = table.iloc[0], table.iloc[-1]
    p_value = fisher_p_value(
        int(worst["cured"]), int(worst["cases"]), int(best["cured"]), int(best["cases"])
    )
    return table.assign(
        cured_rate=table["cured"] / table["cases"],
        cured_low=low,
        cured_high=high,
        p_value=p_value,
    )


def quality_text(table: pd.DataFrame) -> str:
    """Sentence on whether the score at origination tells good cases from bad, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`quality_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> quality_text(pd.DataFrame())
    'No score at origination is known of enough cases to tell good ones from bad.'
    """
    if table.empty:
        return "No score at origination is known of enough cases to tell good ones from bad."

    def told(row: pd.Series) -> str:
        return interval_text(row["cured_rate"], row["cured_low"], row["cured_high"], "percent")

    low, high = table.iloc[0], table.iloc[-1]
    text = (
        f"Of loans that first fall behind, {told(low)} of the lowest band by score and "
        f"{told(high)} of the highest have nothing past due a month later "
        f"({p_text(low['p_value'])})"
    )
    if low["p_value"] > SIGNIFICANT:
        return f"{text}: the score **does not tell** good cases from bad beyond chance."
    better = low["cured_rate"] < high["cured_rate"]
    return f"{text}: a better score is a **{'better' if better else 'worse'} case**, beyond chance."
