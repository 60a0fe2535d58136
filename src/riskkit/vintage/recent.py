"""Whether recent cohorts show early signs: each of them, and all together, at each age.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives a row per cohort, month on book and
days past due, and what they say in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from riskkit.chance import p_text
from riskkit.checks import check_level
from riskkit.tables import Table
from riskkit.vintage.by_amount import amount_columns, amount_sign, amount_text
from riskkit.vintage.chance import MILESTONES, against_earlier
from riskkit.vintage.cohort_grids import event_of
from riskkit.vintage.counts import cohort_counts
from riskkit.vintage.curves import vintage_table
from riskkit.vintage.recent_mix import told_of_mix, worst_recent

__all__ = ["agreement_text", "recent_findings", "recent_table", "recent_text", "strongest_sign"]

SIGNIFICANT = 0.05
LATE_MONTHS = 3  # past the term, by when a missed last instalment has shown itself
EVENTS = (30, 60, 90)


def recent_table(
    counts_or_outcomes: pd.DataFrame | Table,
    term_months: int,
    months: Sequence[int] = MILESTONES,
    *,
    dpd: Sequence[int] = EVENTS,
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
    level: float = 0.95,
) -> pd.DataFrame:
    """Every recent cohort at each age it has reached, against all earlier ones at that age.

    Recent is a cohort that has not reached the last month compared: of those up to three months
    past the term, the latest that at least half of the cohorts have reached. Those that have are
    the earlier ones. Where several recent cohorts have reached a month, they are compared taken
    together, too, since one change may be in all of them and plain in none.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        As for :func:`vintage_table`, of loans of one term, counted without `by`.
    term_months : int
        Of the loans.
    months : sequence of int
        Months on book to compare at.
    dpd : sequence of int, in days
        Thresholds that were counted; outcomes know one event and ignore this.
    cohort_freq : {"M", "Q", "Y"}
        Months, quarters or years of disbursal.
    level : float
        Confidence of the Jeffreys intervals, each for itself, in (0, 1).

    Returns
    -------
    DataFrame of shape (n_comparisons,), index (event, mob, cohort)
        `event` is such as "30+" (ever more than 30 days past due) or "default"; `cohort` such as
        "2024Q1", or "2024Q1 to 2024Q2" for those taken together. Columns `first`, `last`,
        `earlier_to` (cohorts: from, to, and the last of the earlier ones); `loans`, `bad`,
        `bad_rate`, `bad_rate_low`, `bad_rate_high`; `earlier_loans`, `earlier_bad`, `earlier_rate`;
        `p_value` (Fisher's exact test, two-sided) and `p_adjusted` (after Holm, over all rows). Of
        counts with `squares` also the columns of :func:`amount_columns`, adjusted apart. A month
        by which no loan at all is bad says nothing and is no row; neither is anything where no
        cohort is recent, or none earlier.

    Raises
    ------
    ValueError
        As :func:`vintage_table`, or `level` is outside (0, 1).

    Source
    ------
    riskkit definition; Holm (1979), Scandinavian Journal of Statistics 6(2), for the adjustment.

    Examples
    --------
    >>> months = pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"]).repeat(50)
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": range(150), "cohort": months, "amount": 1,
    ...     "event": ["default"] * 2 + ["censored"] * 98 + ["default"] * 9 + ["censored"] * 41,
    ...     "event_mob": [3] * 2 + [6] * 98 + [3] * 50})
    >>> recent_table(outcomes, 3)[["bad", "bad_rate", "earlier_rate", "p_adjusted"]].round(3)
    ... # doctest: +NORMALIZE_WHITESPACE
                        bad  bad_rate  earlier_rate  p_adjusted
    event   mob cohort
    default 3   2024Q3    9      0.18          0.02       0.001
    """
    check_level(level)
    counts = counts_or_outcomes
    if not isinstance(counts, pd.DataFrame) or "mob" not in counts.index.names:
        counts = cohort_counts(counts, dpd=tuple(dpd))
    rows: dict[tuple[str, int, str], list[object]] = {}
    sides: dict[tuple[str, int, str], tuple[pd.Index, pd.Index]] = {}
    for days in dpd if "ever_default_loans" not in counts else dpd[:1]:
        event = event_of(counts, days)
        curves = vintage_table(counts, dpd=days, cohort_freq=cohort_freq)
        if curves.empty:
            continue
        starts = pd.DatetimeIndex(counts.index.get_level_values("cohort")).to_period(cohort_freq)
        curves.index = pd.DatetimeIndex(curves.index).to_period(cohort_freq)
        loans = counts["loans"].groupby(starts).sum().reindex(curves.index)
        found = curves[[m for m in months if m in curves and m <= term_months + LATE_MONTHS]]
        name = event if event == "default" else f"{event}+"
        for (month, cohort), (row, own, earlier) in _comparisons(found, loans).items():
            rows[name, month, cohort] = row
            sides[name, month, cohort] = own, earlier
    columns = ["first", "last", "earlier_to", "loans", "bad", "earlier_loans", "earlier_bad"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.index = pd.MultiIndex.from_tuples(rows, names=["event", "mob", "cohort"])
    table = against_earlier(table, level=level)
    if "square" not in counts or table.empty:
        return table
    return table.assign(**amount_columns(counts, table, sides, cohort_freq, level))


_Comparison = tuple[list[object], pd.Index, pd.Index]


def _comparisons(curves: pd.DataFrame, loans: pd.Series) -> dict[tuple[int, str], _Comparison]:
    """Recent cohorts by month, each and together: first, last, loans and bads, and both sides."""
    reached = curves.notna().sum()
    n_cohorts = int(reached.max()) if len(reached) else 0
    last = reached.index[(reached >= n_cohorts / 2) & (reached > 0)]
    if not len(last):
        return {}
    is_recent = curves[last[-1]].isna()
    bads = curves.mul(loans, axis=0).round()
    earlier_to = str(is_recent.index[~is_recent][-1])
    rows: dict[tuple[int, str], _Comparison] = {}
    for month in curves:
        seen = bads[month].dropna()
        earlier = seen.index[~is_recent[seen.index]]
        recent = seen.index[is_recent[seen.index]]
        if not len(recent) or not seen.sum():
            continue
        groups = [recent[[i]] for i in range(len(recent))]
        for group in [*groups, recent] if len(recent) > 1 else groups:
            first, final = str(group[0]), str(group[-1])
            sums = [int(part[side].sum()) for side in (group, earlier) for part in (loans, seen)]
            name = first if len(group) == 1 else f"{first} to {final}"
            rows[int(month), name] = [first, final, earlier_to, *sums], group, earlier
    return rows


def strongest_sign(table: pd.DataFrame) -> pd.Series | None:
    """Row of the most certain sign for the worse; None where there is none.

    Parameters
    ----------
    table : DataFrame
        Of :func:`recent_table`. A sign is an adjusted p-value of at most 5 %.

    Source
    ------
    riskkit definition.
    """
    worse = table[_is_sign(table) & (table["bad_rate"] > table["earlier_rate"])]
    return worse.loc[worse["p_value"].idxmin()] if len(worse) else None


def recent_text(table: pd.DataFrame, term_months: int, currency: str = "") -> str:
    """Sentences on the strongest sign among the recent cohorts, or that there is none, as Markdown.

    By loans first, then, where the table has it, by amount.

    Parameters
    ----------
    table : DataFrame
        Of :func:`recent_table`.
    term_months : int
        Of the loans.
    currency : str
        Of the amounts in words.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> nobody = pd.DataFrame(columns=["loan_id", "cohort", "amount", "event", "event_mob"])
    >>> recent_text(recent_table(nobody, 12), 12)
    'No recent cohort can be compared yet: none has reached a month by which earlier ones had bads.'
    """
    if table.empty:
        return (
            "No recent cohort can be compared yet: none has reached a month by which earlier ones "
            "had bads."
        )
    return f"{_loans_text(table, term_months)} {amount_text(table, currency)}".strip()


def _loans_text(table: pd.DataFrame, term_months: int) -> str:
    counted = _counted(table)
    row = strongest_sign(table)
    if row is not None:
        n_signs = int((_is_sign(table) & (table["bad_rate"] > table["earlier_rate"])).sum())
        more = f" {n_signs} of the {counted} are signs for the worse." if n_signs > 1 else ""
        return f"**Early sign:** {_told(row)}, after Holm over {counted}.{more}"
    better = table[_is_sign(table)]
    if len(better):
        best = better.loc[better["p_value"].idxmin()]
        return (
            f"No recent cohort is worse than the earlier ones by more than chance; some stand "
            f"**better**: {_told(best)}, after Holm over {counted}."
        )
    nearest = table.loc[table["p_value"].idxmin()]
    return (
        f"There is **no early sign**: in none of {counted} does a recent cohort of {term_months} "
        f"months depart from the earlier ones by more than chance. Nearest to it: {_told(nearest)}."
    )


def agreement_text(table: pd.DataFrame) -> str:
    """Whether 30+, 60+ and 90+ tell the same of the recent cohorts, as Markdown.

    Told of are the cohorts and the month of the strongest sign; without a sign, all that have
    reached the latest month known of several events.

    Parameters
    ----------
    table : DataFrame
        Of :func:`recent_table`.

    Source
    ------
    riskkit definition.
    """
    if table.empty:
        return recent_text(table, 0)
    row = strongest_sign(table)
    if row is None:
        n_events = table.groupby(level="mob").size()
        month = n_events[n_events == n_events.max()].index.max()
        at = table.xs(month, level="mob")
        cohort = at.loc[at["loans"].idxmax()].name[1]
    else:
        _, month, cohort = row.name
    beside = table.xs((month, cohort), level=("mob", "cohort"))
    higher = beside["bad_rate"] > beside["earlier_rate"]
    signs = _is_sign(beside)
    told = "; ".join(
        f"{event} {side['bad_rate']:.2%} ({side['bad_rate_low']:.2%} to "
        f"{side['bad_rate_high']:.2%}) against {side['earlier_rate']:.2%}, "
        f"adjusted {p_text(side['p_adjusted'])}"
        for event, side in beside.iterrows()
    )
    return f"**{_agreement(higher, signs)}** By month {month} {cohort} has: {told}."


def _agreement(higher: pd.Series, signs: pd.Series) -> str:
    """The judgement on the events of one cohort and month."""
    worse = [str(event) for event in higher.index[signs & higher]]
    if not signs.any():
        return "None of the signs is more than chance."
    if signs.all() and (higher.all() or not higher.any()):
        return f"They agree: all stand {'worse' if higher.all() else 'better'} beyond chance."
    if not worse:
        return "Beyond chance they only stand better."
    others = [str(event) for event in higher.index[~signs]]
    rest = "not all agree"
    if higher.all():
        verb = "point" if len(others) > 1 else "points"
        rest = f"{' and '.join(others)} {verb} the same way but may be chance"
    return f"{' and '.join(worse)} {'stand' if len(worse) > 1 else 'stands'} worse, {rest}."


def recent_findings(
    table: pd.DataFrame,
    term_months: int,
    of_mix: pd.DataFrame | None = None,
    alike: str = "term",
) -> list[tuple[str, str, bool]]:
    """The strongest early signs, by loans, by amount alone, for the mix: topic, text; none is red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`recent_table`.
    term_months : int
        Of the loans.
    of_mix : DataFrame, optional
        Of :func:`recent_mix_table`.
    alike : str
        What makes loans alike in it.

    Source
    ------
    riskkit definition.
    """
    texts = []
    row, by_amount = strongest_sign(table), amount_sign(table)
    if row is not None:
        event, month, cohort = row.name
        texts.append(
            f"{cohort}, {term_months} months: {row['bad_rate']:.2%} {_past(event)} by month "
            f"{month} ({row['bad']:,} loans, 95 % interval {row['bad_rate_low']:.2%} to "
            f"{row['bad_rate_high']:.2%}), against {row['earlier_rate']:.2%} of earlier cohorts "
            f"({p_text(row['p_adjusted'])}, adjusted for {_counted(table)})"
        )
    if by_amount is not None and (row is None or by_amount["p_adjusted"] > SIGNIFICANT):
        event, month, cohort = by_amount.name
        texts.append(
            f"{cohort}, {term_months} months, by amount: {by_amount['bad_amount_rate']:.2%} "
            f"{_past(event)} by month {month} (95 % interval {by_amount['bad_amount_low']:.2%} to "
            f"{by_amount['bad_amount_high']:.2%}), against {by_amount['earlier_amount_rate']:.2%} "
            f"of earlier cohorts ({p_text(by_amount['amount_p_adjusted'])}, adjusted); by loans "
            f"{by_amount['bad_rate']:.2%} against {by_amount['earlier_rate']:.2%}"
        )
    for_mix = None if of_mix is None else worst_recent(of_mix)
    if for_mix is not None:
        texts.append(f"Worse for its mix: {told_of_mix(for_mix, alike)}")
    return [("Early signs", text, False) for text in texts]


def _is_sign(table: pd.DataFrame) -> pd.Series:
    return table["p_adjusted"] <= SIGNIFICANT


def _counted(table: pd.DataFrame) -> str:
    n = len(table)
    return f"{n} comparison{'' if n == 1 else 's'}"


def _past(event: str) -> str:
    return "in default" if event == "default" else event


def _told(row: pd.Series) -> str:
    """One comparison in words."""
    event, month, cohort = row.name
    return (
        f"by month {month} {cohort} has **{row['bad_rate']:.2%}** {_past(event)} "
        f"({row['bad']:,} of {row['loans']:,} loans, 95 % interval {row['bad_rate_low']:.2%} to "
        f"{row['bad_rate_high']:.2%}), against {row['earlier_rate']:.2%} "
        f"({row['earlier_bad']:,} of {row['earlier_loans']:,}) of the earlier cohorts, "
        f"adjusted {p_text(row['p_adjusted'])}"
    )
