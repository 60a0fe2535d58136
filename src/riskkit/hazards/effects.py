"""Age, calendar and cohort: what of the hazard each explains, and what no data can split.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives ratios of hazards with intervals,
and their words.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from scipy import linalg, stats

from riskkit.chance import holm
from riskkit.checks import Array, check_level
from riskkit.columns import calendar_months
from riskkit.tables import Table
from riskkit.vintage import risk_sets

__all__ = ["effect_table", "effect_text"]

LEAST_EVENTS = 10  # of a level; months and quarters with fewer are taken together
FEWEST = 50  # events in all, below which nothing is fitted
SIGNIFICANT = 0.05
MONTHS_A_YEAR = 12
STEPS = 100
FURTHEST_LINK = 30.0  # of the log of a hazard: beyond, cells without events were set apart
EFFECTS = ("age", "calendar", "cohort")
COLUMNS = [
    "at_risk", "events", "ratio", "ratio_low", "ratio_high", "p_adjusted",
    "ratio_if_calendar", "ratio_if_cohort",
]  # fmt: skip


def effect_table(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: int | Literal["loss"] = 90,
    observed_to: pd.Timestamp | str | None = None,
    freq: Literal["M", "Q", "Y"] = "Q",
    level: float = 0.95,
) -> pd.DataFrame:
    """How the hazard differs by age, by calendar and by cohort, as far as that can be known.

    log(−log(1 − hazard)) = level + A·age + C·cohort month + bends of age, calendar and cohort.
    Since calendar month = cohort month + age, a straight trend in one can be had by trends in the
    two others: only A = age + calendar trend, C = cohort + calendar trend, and the bends away from
    straight lines are known. The bends of each are orthogonal to a straight line, weighted by
    events; the trend C is shown apart, and what the levels are if it is all the calendar's or all
    the cohorts'.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        Counts from :func:`riskkit.vintage.cohort_counts`, or a book (panel or outcomes). Counts
        made `by` a column are taken together.
    dpd : int, in days, or "loss"
        As in :func:`riskkit.vintage.vintage_table`; outcomes ignore it.
    observed_to : date, optional
        Any day of the last month observed; default, all that was counted.
    freq : {"M", "Q", "Y"}
        Levels of calendar and cohort; those next to one another are taken together until each has
        ten events, as are the months of age.
    level : float
        Of the intervals, in (0, 1).

    Returns
    -------
    DataFrame of shape (n_levels + 1,), index (effect, level)
        For "age" (months on book), "calendar" and "cohort": loan-months `at_risk`, `events`;
        `ratio` of the hazard to that on the straight trend, with its interval; `p_adjusted` (Holm,
        over calendar and cohort; NaN for age); `ratio_if_calendar` and `ratio_if_cohort`, the ratio
        to the mean where the whole trend C is the calendar's or the cohorts'. The row ("trend", "a
        year") has C: `ratio` = exp(12·C), with its interval and p-value. Errors are widened by the
        dispersion, where it is above 1. Ages before the first event are left out. Fewer than 50
        events, or cohorts and ages too few to tell these apart, give no rows.

    Raises
    ------
    ValueError
        A threshold that was not counted, an unknown `freq`, `level` out of range.

    Source
    ------
    Holford (1983), Biometrics 39(2); Clayton, Schifflers (1987), Statistics in Medicine 6(4);
    Carstensen (2007), Statistics in Medicine 26(15), for the weights; Prentice, Gloeckler (1978),
    Biometrics 34(1), for the link.
    """
    check_level(level)
    if freq not in ("M", "Q", "Y"):
        raise ValueError(f"freq must be 'M', 'Q' or 'Y', got {freq!r}")
    sets = risk_sets(counts_or_outcomes, dpd=dpd, observed_to=observed_to)
    cells = sets[["at_risk", "events"]].groupby(level=["cohort", "mob"]).sum()
    cells = cells[cells["at_risk"] > 0]
    if cells["events"].sum() < FEWEST:
        return _nothing()
    first_age = cells.index.get_level_values("mob")[cells["events"] > 0].min()
    cells = cells[cells.index.get_level_values("mob") >= first_age]
    return _fitted(cells, freq, stats.norm.ppf((1 + level) / 2))


def _nothing() -> pd.DataFrame:
    index = pd.MultiIndex.from_arrays([[], []], names=["effect", "level"])
    return pd.DataFrame(columns=COLUMNS, index=index, dtype=float)


def _fitted(cells: pd.DataFrame, freq: str, half: float) -> pd.DataFrame:
    at_risk, events = (cells[name].to_numpy(dtype=float) for name in ("at_risk", "events"))
    age = cells.index.get_level_values("mob").to_numpy(dtype=float)
    born = calendar_months(cells.index.get_level_values("cohort")).astype(float)
    months = {"age": age, "calendar": born + age, "cohort": born}
    labels = {name: _labels(name, months[name], freq, events) for name in EFFECTS}
    bends, blocks = {}, [np.ones((len(age), 1))]
    for name in EFFECTS:
        # a trend turns about the middle of the events
        months[name] = months[name] - np.average(months[name], weights=events)
    blocks += [months["age"][:, np.newaxis], months["cohort"][:, np.newaxis]]
    for name in EFFECTS:
        member = pd.get_dummies(labels[name], dtype=float).to_numpy()
        straight = np.stack([events, events * months[name]]) @ member
        bends[name] = linalg.null_space(straight)
        blocks.append(member @ bends[name])
    design = np.hstack(blocks)
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return _nothing()
    found = _hazard_regression(design, at_risk, events)
    if found is None:
        return _nothing()
    fit, covariance = found
    trend_age, trend = fit[1], fit[2]
    rows, place = [], 3
    for name in EFFECTS:
        own = slice(place, place + bends[name].shape[1])
        place = own.stop
        bend = bends[name] @ fit[own]
        error = np.sqrt(np.einsum("ij,jk,ik->i", bends[name], covariance[own, own], bends[name]))
        sums = pd.DataFrame({"at_risk": at_risk, "events": events}).groupby(labels[name]).sum()
        middle = pd.Series(months[name] * events).groupby(labels[name]).sum() / sums["events"]
        if_calendar = {"age": trend_age - trend, "calendar": trend, "cohort": 0.0}[name]
        if_cohort = {"age": trend_age, "calendar": 0.0, "cohort": trend}[name]
        table = sums.assign(
            ratio=np.exp(bend),
            ratio_low=np.exp(bend - half * error),
            ratio_high=np.exp(bend + half * error),
            p_adjusted=np.nan if name == "age" else _p_value(bend, error),
            ratio_if_calendar=np.exp(bend + if_calendar * middle),
            ratio_if_cohort=np.exp(bend + if_cohort * middle),
        )
        table.index = pd.MultiIndex.from_product([[name], _named(table.index)])
        rows.append(table)
    table = pd.concat(rows)
    table["p_adjusted"] = holm(table["p_adjusted"].to_numpy(dtype=float))
    error = MONTHS_A_YEAR * float(np.sqrt(covariance[2, 2]))
    year = MONTHS_A_YEAR * trend
    ends = [np.exp(year), np.exp(year - half * error), np.exp(year + half * error)]
    p_value = float(_p_value(np.array([year]), np.array([error]))[0])
    table.loc[("trend", "a year"), :] = [
        at_risk.sum(), events.sum(), *ends, p_value, ends[0], ends[0],
    ]  # fmt: skip
    table.index.names = ["effect", "level"]
    return table.astype({"at_risk": "int64", "events": "int64"})[COLUMNS]


def _p_value(bend: Array, error: Array) -> Array:
    return 2 * stats.norm.sf(np.abs(bend) / np.where(error > 0, error, np.inf))


def _labels(name: str, month: Array, freq: str, events: Array) -> Array:
    """First and last step of each row's level; neighbours with few events share one."""
    step = month.astype(np.int64)
    if name != "age":
        step = step // {"M": 1, "Q": 3, "Y": 12}[freq]
    by_step = pd.Series(events).groupby(step).sum()
    spans: list[list[int]] = []
    waiting = 0.0
    for at, count in by_step.items():
        if not spans or waiting >= LEAST_EVENTS:
            spans.append([int(at), int(at)])
            waiting = 0.0
        spans[-1][1] = int(at)
        waiting += count
    if waiting < LEAST_EVENTS and len(spans) > 1:
        last = spans.pop()
        spans[-1][1] = last[1]
    span_of = {
        at: number for number, (low, high) in enumerate(spans) for at in range(low, high + 1)
    }
    names = np.array([_span_name(name, freq, *span) for span in spans], dtype=object)
    order = np.array([f"{number:04d} {label}" for number, label in enumerate(names)], dtype=object)
    return order[pd.Series(step).map(span_of).to_numpy()]


def _span_name(name: str, freq: str, first: int, last: int) -> str:
    ends = [first] if first == last else [first, last]
    if name != "age":
        return " to ".join(str(pd.Period(ordinal=at, freq=freq)) for at in ends)
    return " to ".join(map(str, ends))


def _named(labels: pd.Index) -> list[str]:
    """The labels without the number that kept them in order."""
    return [str(label).split(" ", 1)[1] for label in labels]


def _hazard_regression(design: Array, at_risk: Array, events: Array) -> tuple[Array, Array] | None:
    """Coefficients of a complementary log-log regression on counts, and their covariance.

    None where hazards run off to 0 or 1, as they do where cells without events are set apart.
    """
    rate = (events + 0.5) / (at_risk + 1)
    link = np.log(-np.log1p(-rate))
    fit = np.zeros(design.shape[1])
    deviance = np.inf
    for _ in range(STEPS):
        mean, slope = _hazard(link)
        weight = at_risk * slope**2 / (mean * (1 - mean))
        target = link + (events / at_risk - mean) / slope
        root = np.sqrt(weight)
        fit = np.linalg.lstsq(design * root[:, np.newaxis], target * root, rcond=None)[0]
        link = design @ fit
        if not (np.abs(link) < FURTHEST_LINK).all():
            return None
        before, deviance = deviance, _deviance(link, at_risk, events)
        if abs(before - deviance) <= 1e-10 * (abs(deviance) + 1):
            break
    mean, slope = _hazard(link)
    variance = mean * (1 - mean)
    information = (design * (at_risk * slope**2 / variance)[:, np.newaxis]).T @ design
    free = len(events) - np.linalg.matrix_rank(design)
    pearson = ((events - at_risk * mean) ** 2 / (at_risk * variance)).sum()
    dispersion = max(1.0, float(pearson / free)) if free > 0 else 1.0
    return fit, dispersion * np.linalg.pinv(information, hermitian=True)


def _hazard(link: Array) -> tuple[Array, Array]:
    """Hazard of a complementary log-log link, and how fast it rises with it."""
    # beyond e^3 the hazard is 1 to all digits
    cumulated = np.exp(np.minimum(link, 3.0))
    return -np.expm1(-cumulated), cumulated * np.exp(-cumulated)


def _deviance(link: Array, at_risk: Array, events: Array) -> float:
    cumulated = np.exp(np.minimum(link, 3.0))
    good = (at_risk - events) * cumulated
    bad = events * np.log(-np.expm1(-np.maximum(cumulated, 1e-300)))
    return float(2 * (good - bad).sum())


def effect_text(table: pd.DataFrame) -> str:
    """Sentences on the trend, on what bends away from it, and on what cannot be told, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`effect_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> effect_text(pd.DataFrame())
    'Too few defaults, or too few cohorts, to tell age, calendar and cohort apart.'
    """
    if table.empty:
        return "Too few defaults, or too few cohorts, to tell age, calendar and cohort apart."
    trend = table.loc[("trend", "a year")]
    if trend["p_adjusted"] <= SIGNIFICANT:
        told = "**rise**" if trend["ratio"] > 1 else "**fall**"
        told = f"At the same age, hazards {told} from year to year by {_ratio_told(trend)}"
    else:
        told = (
            "At the same age, hazards neither rise nor fall from year to year by more than chance: "
            f"{_ratio_told(trend)}"
        )
    caveat = (
        "Whether such a trend is the calendar's, which meets all loans at once, or the cohorts', "
        "granted better or worse, **no data can tell**: month = cohort + age, so a straight line "
        "in one is made of lines in the other two. Only bends away from it can be told apart."
    )
    bends = table.loc[["calendar", "cohort"]]
    sure = bends[bends["p_adjusted"] <= SIGNIFICANT].sort_values("p_adjusted", kind="stable")
    if sure.empty:
        found = "No level of calendar or cohort departs from it by more than chance."
    else:
        named = "; ".join(f"{e} {at}: {_ratio_told(row)}" for (e, at), row in sure[:5].iterrows())
        more = f"; and {len(sure) - 5} more" if len(sure) > 5 else ""
        found = f"**Beyond chance** (Holm) depart from it {named}{more}."
    return f"{told}. {caveat} {found}"


def _ratio_told(row: pd.Series) -> str:
    return f"× {row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
