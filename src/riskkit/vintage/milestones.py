"""Whether the newest cohorts stand worse than the earlier ones did at the same age.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives a row per milestone month, and
what it says in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.chance import p_text
from riskkit.checks import check_level
from riskkit.metrics import jeffreys_interval
from riskkit.tables import Table
from riskkit.vintage.chance import MILESTONES, fisher_p_values
from riskkit.vintage.cohort_grids import event_of
from riskkit.vintage.counts import cohort_counts
from riskkit.vintage.curves import vintage_table
from riskkit.vintage.recent import strongest_sign

__all__ = ["milestone_figures", "milestone_findings", "milestone_table", "milestone_text"]


def milestone_table(
    counts_or_outcomes: pd.DataFrame | Table,
    months: Sequence[int] = MILESTONES,
    *,
    dpd: int = 90,
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
    level: float = 0.95,
    recent: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The newest cohort that has reached each month on book, against the median of the earlier.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        As for :func:`vintage_table`, of loans of one term, counted without `by`.
    months : sequence of int
        Months on book to compare at; those that no cohort has reached are left out.
    dpd : int, in days
        As in :func:`vintage_table`; outcomes ignore it.
    cohort_freq : {"M", "Q", "Y"}
        Months, quarters or years of disbursal.
    level : float
        Confidence of the newest cohorts' Jeffreys intervals, each for itself, in (0, 1); what is
        beyond chance is judged for all months compared together (Bonferroni).
    recent : DataFrame, optional
        Of :func:`recent_table`, of the same loans. A departure stands then only where it is one
        among all the looks at recent cohorts, so that a page has one verdict of a cohort.

    Returns
    -------
    DataFrame, index mob
        `newest` (the cohort, such as "2024Q2"), its `loans`, the `bad` of them by then (ever more
        than `dpd` days past due, or in default), `bad_rate`, `bad_rate_low`, `bad_rate_high`;
        `earlier` (number of earlier cohorts), `earlier_median_rate` (NaN without any), `p_value`
        (Fisher's exact test against the loans of the earlier cohorts taken together, NaN without
        any), `p_adjusted`: the same for all months compared (Bonferroni), or of `recent` where it
        has the row; `looks`: among so many comparisons a departure is judged; and `departure_rate`:
        how far the median lies beyond the interval that all months compared would share, above 0
        where the newest cohort is worse, below where it is better; 0 within, and where the loans of
        the earlier cohorts, taken together, cannot be told from it (Fisher's exact test), since a
        median of few loans is no more sure than the newest rate. No loans give an empty table.

    Raises
    ------
    ValueError
        As :func:`vintage_table`, or `level` is outside (0, 1).

    Source
    ------
    riskkit definition; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.

    Examples
    --------
    >>> outcomes = pd.DataFrame({
    ...     "cohort": pd.to_datetime(["2024-01-01"] * 50 + ["2024-04-01"] * 50), "amount": 1,
    ...     "event": ["default"] + ["matured"] * 49 + ["default"] * 9 + ["matured"] * 41,
    ...     "event_mob": 3}).rename_axis("loan_id").reset_index()
    >>> milestone_table(outcomes)[["newest", "bad", "bad_rate", "earlier_median_rate"]]
    ... # doctest: +NORMALIZE_WHITESPACE
         newest  bad  bad_rate  earlier_median_rate
    mob
    3    2024Q2    9      0.18                 0.02
    """
    check_level(level)
    counts = counts_or_outcomes
    if not isinstance(counts, pd.DataFrame) or "mob" not in counts.index.names:
        counts = cohort_counts(counts, dpd=(dpd,))
    curves = vintage_table(counts, dpd=dpd, cohort_freq=cohort_freq)
    rows = {}
    if len(curves):
        starts = pd.DatetimeIndex(counts.index.get_level_values("cohort"))
        loans = counts["loans"].groupby(starts.to_period(cohort_freq)).sum()
        curves.index = pd.DatetimeIndex(curves.index).to_period(cohort_freq)
    for month in curves.columns.intersection(list(months)):
        reached = curves[month].dropna()
        if len(reached):
            newest, rate, earlier = reached.index[-1], reached.iloc[-1], reached.iloc[:-1]
            n_loans = int(loans[newest])
            of_earlier = loans[earlier.index]
            n_bad, earlier_bad = round(rate * n_loans), round(float(earlier @ of_earlier))
            rows[int(month)] = {
                "newest": str(newest),
                "loans": n_loans,
                "bad": n_bad,
                "bad_rate": rate,
                "p_value": fisher_p_values(
                    [n_bad], [n_loans], [earlier_bad], [int(of_earlier.sum())]
                ).item(),
                "earlier": len(earlier),
                "earlier_median_rate": earlier.median() if len(earlier) else np.nan,
            }
    columns = ["newest", "loans", "bad", "bad_rate", "p_value", "earlier", "earlier_median_rate"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    bad, n = (table[name].to_numpy(dtype=float) for name in ("bad", "loans"))
    compared = max(int((table["earlier"] > 0).sum()), 1)
    each = (1 - level) / compared
    low, high = jeffreys_interval(bad, n, level)
    wide_low, wide_high = jeffreys_interval(bad, n, 1 - each)
    p_value = table.pop("p_value").to_numpy(dtype=float)
    apart = p_value <= each
    table.insert(4, "bad_rate_low", low)
    table.insert(5, "bad_rate_high", high)
    median = table["earlier_median_rate"]
    # at most one of the two is not 0; without an earlier cohort both are NaN
    beyond = (wide_low - median).clip(lower=0) - (median - wide_high).clip(lower=0)
    table["p_value"] = np.where(median.isna(), np.nan, p_value)
    table["p_adjusted"] = np.minimum(table["p_value"] * compared, 1.0)
    table["looks"] = compared
    table["departure_rate"] = beyond.where(apart | median.isna(), 0.0)
    if recent is not None and len(recent):
        event = event_of(counts, dpd)
        kind = event if event == "default" else f"{event}+"
        places = pd.MultiIndex.from_arrays([[kind] * len(table), table.index, table["newest"]])
        adjusted = recent["p_adjusted"].reindex(places).to_numpy(dtype=float)
        looked_at = ~np.isnan(adjusted)
        table.loc[looked_at, "looks"] = len(recent)
        table.loc[looked_at, "p_adjusted"] = adjusted[looked_at]
        table.loc[looked_at & (adjusted > 1 - level), "departure_rate"] = 0.0
    return table.rename_axis(index="mob")


def milestone_text(table: pd.DataFrame) -> str:
    """Sentences on the largest departure of a newest cohort, or that there is none, as Markdown.

    A worse cohort goes before any better one; without a departure, the month is told of that comes
    nearest to one.

    Parameters
    ----------
    table : DataFrame
        Of :func:`milestone_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> nobody = pd.DataFrame(columns=["loan_id", "cohort", "amount", "event", "event_mob"])
    >>> milestone_text(milestone_table(nobody))
    'No cohort is old enough to be compared with an earlier one.'
    """
    row = _headline(table)
    if row is None and len(table):
        return "No earlier cohort is there to compare the newest with."
    if row is None:
        return "No cohort is old enough to be compared with an earlier one."
    worse, better, compared = _departures(table)
    if row["departure_rate"]:
        text = (
            f"The newest cohort stands **{'worse' if worse else 'better'}** than the earlier ones "
            f"did at its age: by month {row.name}"
        )
    else:
        text = (
            "At no month does the newest cohort alone depart from the earlier ones by more than "
            f"chance gives in one of {row['looks']} looks. Nearest to it comes month "
            f"{row.name}, by which"
        )
    n_bad, n_loans = f"{row['bad']:,}", f"{row['loans']:,}"
    text += (
        f" {row['newest']} has **{row['bad_rate']:.2%}** bad ({n_bad} of {n_loans} loans, "
        f"95 % interval {row['bad_rate_low']:.2%} to {row['bad_rate_high']:.2%}), against a median "
        f"of {row['earlier_median_rate']:.2%} among {row['earlier']} earlier "
        f"(adjusted {p_text(row['p_adjusted'])})."
    )
    if worse or better:
        text += (
            f" Of {compared} months compared the newest is beyond chance, their number allowed "
            f"for, at {worse} for the worse, {better} for the better."
        )
    return text


def milestone_figures(
    table: pd.DataFrame, term_months: int, recent: pd.DataFrame | None = None
) -> dict[str, str]:
    """Label to text of the verdict on the newest cohorts, for the key figures of a page.

    Parameters
    ----------
    table : DataFrame
        Of :func:`milestone_table`; where nothing can be compared, there are no figures.
    term_months : int
        Of the loans.
    recent : DataFrame, optional
        Of :func:`recent_table`: where the newest alone are as usual, a sign in it is the verdict.

    Source
    ------
    riskkit definition.
    """
    row = _headline(table)
    if row is None:
        return {}
    worse, better, compared = _departures(table)
    verdict = "as usual"
    if worse or better:
        verdict = f"{'worse' if worse else 'better'} at {worse or better} of {compared} months"
    label = f"Newest cohorts of {term_months} months, against earlier ones"
    sign = None if recent is None else strongest_sign(recent)
    if sign is not None and not worse:
        event, month, cohort = sign.name
        told = f"{sign['bad_rate']:.2%} ({sign['bad']:,} bads, {_ends(sign)})"
        return {
            label: "early sign for the worse",
            f"{cohort}, {term_months} months, {event} by month {month}": told,
            f"Earlier ones, {event} by month {month}": f"{sign['earlier_rate']:.2%}",
        }
    return {
        label: verdict,
        f"{row['newest']}, {term_months} months, bad by month {row.name}": (
            f"{row['bad_rate']:.2%} ({row['bad']:,} bads, {_ends(row)})"
        ),
        f"Median of earlier ones by month {row.name}": f"{row['earlier_median_rate']:.2%}",
    }


def _ends(row: pd.Series) -> str:
    return f"{row['bad_rate_low']:.1%} to {row['bad_rate_high']:.1%}"


def milestone_findings(table: pd.DataFrame, term_months: int) -> list[tuple[str, str, bool]]:
    """That the newest cohorts are worse by more than chance: topic, text, and that it is red.

    What is less sure, or seen sooner, is an early sign, of :func:`recent_findings`.

    Parameters
    ----------
    table : DataFrame
        Of :func:`milestone_table`.
    term_months : int
        Of the loans.

    Source
    ------
    riskkit definition.
    """
    worse = table.index[table["departure_rate"] > 0]
    if not len(worse):
        return []
    months = ", ".join(map(str, worse))
    text = f"worse than earlier ones by month {months} of loans of {term_months} months"
    return [("Newest cohorts", text, True)]


def _headline(table: pd.DataFrame) -> pd.Series | None:
    """Row of the largest departure, without any that nearest to one; None if none compares."""
    compared = table[table["earlier"] > 0]
    if compared.empty:
        return None
    departure = compared["departure_rate"]
    if (departure > 0).any():
        return compared.loc[departure.idxmax()]
    if (departure < 0).any():
        return compared.loc[departure.idxmin()]
    return compared.loc[compared["p_value"][::-1].idxmin()]  # of equal ones, the latest


def _departures(table: pd.DataFrame) -> tuple[int, int, int]:
    """Months at which the newest cohort is worse, better, and compared at all."""
    departure = table["departure_rate"]
    return int((departure > 0).sum()), int((departure < 0).sum()), int((table["earlier"] > 0).sum())
