"""Whether recent cohorts are worse or better than their mix let expect, at the age they have.

Takes counts by month on book, made by a stratum known at origination; gives a row per recent cohort
and days past due, and what they say in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from riskkit.chance import holm, p_text
from riskkit.checks import Array, check_level
from riskkit.vintage.chance import MILESTONES, ratio_interval, ratio_p_values
from riskkit.vintage.cohort_grids import event_of
from riskkit.vintage.mix import (
    LEAST_ALIKE,
    LEAST_BADS,
    LEAST_LOANS,
    cohort_curves,
    matured_strata,
)

__all__ = ["recent_mix_table", "recent_mix_text", "told_of_mix", "worst_recent"]

EVENTS = (30, 60, 90)
TOO_FEW, WORSE, BETTER, CHANCE = (
    "too few to say", "worse for its mix", "better for its mix", "may be chance",
)  # fmt: skip


def recent_mix_table(
    counts: pd.DataFrame,
    month: int,
    months: Sequence[int] = MILESTONES,
    *,
    dpd: Sequence[int] = EVENTS,
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
    level: float = 0.95,
) -> pd.DataFrame:
    """Bads of each recent cohort, at the last milestone it has reached, against those of its like.

    Recent is a cohort that has not reached `month`, at which :func:`mix_table` compares the matured
    ones. Expected are the bads that its loans of each stratum would have had by its own age at the
    rate of that stratum among the matured cohorts. Where several have reached a milestone they are
    compared together, too, at the last one that two have reached.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`riskkit.vintage.cohort_counts`, made `by` the strata.
    month : int
        Of :func:`mix_month`; 0, where there is none, gives no rows.
    months : sequence of int
        Milestones; those after `month` are left out.
    dpd : sequence of int, in days
        Thresholds that were counted; outcomes know one event and ignore this.
    cohort_freq : {"M", "Q", "Y"}
    level : float
        Confidence of the intervals of all rows tested together (Bonferroni), in (0, 1).

    Returns
    -------
    DataFrame, index (cohort, event), the oldest cohort first
        `mob`, the milestone; `loans`, `bad`, `bad_rate`, `expected_bad`, `ratio` with `ratio_low`
        and `ratio_high`, `p_value` (after Holm over the rows tested), `others_rate` of the matured
        cohorts, `departure_rate` = `mix_rate` + `risk_rate`, and `alike_rate`, as in
        :func:`mix_table`; `told`: "worse for its mix", "better for its mix", "may be chance", or
        "too few to say" with NaN, where fewer than 5 bads are expected, or less than 80 % of its
        loans have their like among the matured. A milestone by which nobody was bad gives none.

    Raises
    ------
    ValueError
        As :func:`vintage_table`, or `level` is outside (0, 1).

    Source
    ------
    As :func:`mix_table`.

    Examples
    --------
    >>> from riskkit.vintage import cohort_counts
    >>> months = pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01"]).repeat(100)
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": range(300), "cohort": months, "amount": 1, "kind": "alike",
    ...     "event": ((["default"] * 10 + ["matured"] * 90) * 2
    ...               + ["default"] * 30 + ["censored"] * 70),
    ...     "event_mob": ([3] * 10 + [6] * 90) * 2 + [3] * 100})
    >>> counts = cohort_counts(outcomes, by="kind")
    >>> recent_mix_table(counts, 6)[["mob", "bad", "expected_bad", "told"]]
    ... # doctest: +NORMALIZE_WHITESPACE
                    mob  bad  expected_bad               told
    cohort event
    2024Q3 default    3   30          10.0  worse for its mix
    """
    check_level(level)
    rows: dict[tuple[str, str], dict[str, float]] = {}
    outcomes = "ever_default_loans" in counts
    milestones = [at for at in months if at <= month]
    for days in dpd[:1] if outcomes else dpd:
        event = event_of(counts, days)
        name = event if outcomes else f"{event}+"
        curves = cohort_curves(counts, days, cohort_freq)
        reached = {at: matured_strata(counts, at, days, cohort_freq, curves) for at in milestones}
        matured = matured_strata(counts, month, days, cohort_freq, curves)[0].index if month else []
        for cohort, (at, members) in _looked_at(reached, matured).items():
            loans, bads = reached[at]
            if bads.to_numpy().any():
                rows[cohort, name] = {"mob": at} | _against(loans, bads, members, list(matured))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    table.index = pd.MultiIndex.from_tuples(rows, names=["cohort", "event"])
    table = table.astype(dict.fromkeys(["mob", "loans", "bad"], np.int64))
    return _tested(table.sort_index(level="cohort", sort_remaining=False), 1 - level)


COLUMNS = ["mob", "loans", "bad", "bad_rate", "expected_bad", "known", "others_rate",
           "departure_rate", "mix_rate", "risk_rate", "alike_rate"]  # fmt: skip


def _looked_at(
    reached: dict[int, tuple[pd.DataFrame, pd.DataFrame]], matured: Sequence[str]
) -> dict[str, tuple[int, list[str]]]:
    """Each recent cohort, and several together: the milestone, and the cohorts in it."""
    found: dict[str, tuple[int, list[str]]] = {}
    for at, (loans, _) in reached.items():
        recent = [cohort for cohort in loans.index if cohort not in matured]
        if not len(matured):
            continue
        found |= {cohort: (at, [cohort]) for cohort in recent}
        if len(recent) > 1:
            found = {name: one for name, one in found.items() if len(one[1]) == 1}
            found[f"{recent[0]} to {recent[-1]}"] = at, recent
    return found


def _against(
    loans: pd.DataFrame, bads: pd.DataFrame, members: list[str], matured: list[str]
) -> dict[str, float]:
    """One row: what its strata let expect at the rates of the matured cohorts."""
    n, d = (grid.loc[members].sum().to_numpy(float) for grid in (loans, bads))
    other_n, other_d = (grid.loc[matured].sum().to_numpy(float) for grid in (loans, bads))
    of_pool = _thin(n, other_n)
    alike = n[~of_pool].sum() / n.sum()
    n, d, other_n, other_d = (
        np.append(part[~of_pool], part[of_pool].sum()) for part in (n, d, other_n, other_d)
    )
    there = n > 0
    rates = np.divide(other_d, other_n, out=np.zeros_like(n), where=other_n > 0)
    expected = float((n * rates)[there].sum())
    variance = float((n**2 * rates / np.where(other_n > 0, other_n, 1.0))[there].sum())
    size, bad, others = n.sum(), d.sum(), other_d.sum() / other_n.sum()
    return {
        "loans": size,
        "bad": bad,
        "bad_rate": bad / size,
        "expected_bad": expected,
        "known": expected**2 / variance if variance else 0.0,
        "others_rate": others,
        "departure_rate": bad / size - others,
        "mix_rate": expected / size - others,
        "risk_rate": (bad - expected) / size,
        "alike_rate": alike,
    }


def _thin(n: Array, other_n: Array) -> Array:
    """Strata with too few loans among the others, and as many more as make a pool of them."""
    order = np.argsort(other_n, kind="stable")
    order = order[(n + other_n)[order] > 0]
    thin = (n[order] > 0) & (other_n[order] < LEAST_LOANS)
    n_pooled = int(np.flatnonzero(thin).max(initial=-1)) + 1
    while 0 < n_pooled < len(order) and other_n[order[:n_pooled]].sum() < LEAST_LOANS:
        n_pooled += 1
    pooled = np.zeros(len(n), dtype=bool)
    pooled[order[:n_pooled]] = True
    return pooled


def _tested(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """The table with ratios, their intervals and p-values, and what they say."""
    bad, expected, known, alike = (
        table[name].to_numpy(float) for name in ("bad", "expected_bad", "known", "alike_rate")
    )
    tested = (expected >= LEAST_BADS) & (alike >= LEAST_ALIKE)
    low, high = ratio_interval(bad, expected, known, alpha / max(int(tested.sum()), 1))
    p_value = holm(np.where(tested, ratio_p_values(bad, expected, known), np.nan))
    ratio = np.divide(bad, expected, out=np.full_like(bad, np.nan), where=expected > 0)
    beyond = np.where(ratio > 1, WORSE, BETTER)
    told = np.where(~tested, TOO_FEW, np.where(p_value <= alpha, beyond, CHANCE))
    columns = {"ratio": ratio, "ratio_low": low, "ratio_high": high, "p_value": p_value}
    for place, (name, values) in enumerate(columns.items(), start=5):
        table.insert(place, name, values)
    told = pd.Series(told, index=table.index, dtype=str)
    return table.drop(columns="known").assign(told=told)


def recent_mix_text(table: pd.DataFrame, alike: str) -> str:
    """Sentences on whether recent cohorts depart from what their mix let expect, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`recent_mix_table`.
    alike : str
        What makes loans alike, such as "score band and term".

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> recent_mix_text(pd.DataFrame(), "term")
    'No recent cohort can be held against its like yet.'
    """
    if table.empty:
        return "No recent cohort can be held against its like yet."
    tested = table[table["told"] != TOO_FEW]
    few = [cohort for cohort in table.index.unique("cohort")
           if cohort not in tested.index.unique("cohort")]  # fmt: skip
    rest = f" Too few to say, or too young: {', '.join(few)}." if few else ""
    if tested.empty:
        return f"Of each recent cohort there are **too few to say**: it takes {LEAST_BADS} bads."
    counted = f"{len(tested)} comparison{'' if len(tested) == 1 else 's'} (Holm)"
    worse = worst_recent(table)
    better = tested[tested["told"] == BETTER]
    if worse is not None:
        found = f"**Worse for its mix:** {told_of_mix(worse, alike)}, among {counted}."
    elif len(better):
        best = better.loc[better["p_value"].idxmin()]
        found = f"**Better for its mix:** {told_of_mix(best, alike)}, among {counted}."
    else:
        nearest = tested.loc[tested["p_value"].idxmin()]
        found = (
            "**No recent cohort is worse or better than its mix let expect by more than chance**; "
            f"nearest to it: {told_of_mix(nearest, alike)}, among {counted}."
        )
    return found + rest


def worst_recent(table: pd.DataFrame) -> pd.Series | None:
    """Row of the most certain recent cohort that is worse than its mix; None if there is none."""
    if table.empty:
        return None
    worse = table[table["told"] == WORSE]
    return worse.loc[worse["p_value"].idxmin()] if len(worse) else None


def told_of_mix(row: pd.Series, alike: str) -> str:
    """One recent cohort against what its mix let expect, in words."""
    cohort, event = row.name
    past = "in default" if event == "default" else event
    mix, risk = (f"{100 * row[name]:+.2f}" for name in ("mix_rate", "risk_rate"))
    return (
        f"{cohort} by month {row['mob']} has {row['bad_rate']:.2%} {past} ({row['bad']:,} loans), "
        f"against {row['others_rate']:.2%} of the matured cohorts at that age; {mix} percentage "
        f"points are mix, {risk} risk: {row['ratio']:.2f} ({row['ratio_low']:.2f} to "
        f"{row['ratio_high']:.2f}) times as often as loans of the same {alike}, adjusted "
        f"{p_text(row['p_value'])}"
    )
