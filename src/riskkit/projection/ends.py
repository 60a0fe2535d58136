"""Where immature cohorts will end: the hazard model run on from the diagonal, with intervals.

Takes a :class:`HazardModel`; gives a row per cohort and the curves, seen and to come.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from riskkit.checks import Array, check_level
from riskkit.projection.ageing import Ageing, triangle_of
from riskkit.projection.chain_ladder import ALL, mack_table
from riskkit.projection.seasoning import HazardModel

__all__ = [
    "ABOVE",
    "ENDED",
    "UNSURE",
    "draw_events",
    "expected_ends",
    "limits_of",
    "projected_curves",
    "projection_table",
]

BY_HAZARDS, BY_CHAIN, ENDED = "hazard model", "chain ladder", "ended"
ABOVE, WITHIN, UNSURE = "above", "within", "too few to say"


def projection_table(
    model: HazardModel | None,
    *,
    method: Literal["hazards", "chain_ladder"] = "hazards",
    cohort_freq: Literal["M", "Q", "Y"] = "M",
    appetite_rate: float | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """The share of each cohort's loans that will have had an event in the end, with its interval.

    The interval is a *prediction* interval of what will be counted: it holds the error of the
    hazards, the cohort's own level, what the calendar may do, and the chance of each loan. An end
    is the month `end_mob`, the last at which anybody was ever seen at risk: where no cohort has
    been watched to the end of its term, the projection goes no further either.

    Parameters
    ----------
    model : HazardModel or None
        Of :func:`fit_hazards`; None gives no rows.
    method : {"hazards", "chain_ladder"}
        The chain ladder, with Mack's standard errors, begins where all months of a cohort have come
        to the first month with events and some event was seen; younger ones are by the hazard model
        still, and the column `method` says so.
    cohort_freq : {"M", "Q", "Y"}
        Months, quarters or years of disbursal. The hazard model is of months, whose draws add up.
    appetite_rate : float, optional
        Share of loans that is the most to be borne, in (0, 1).
    level : float
        Of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index cohort (text), oldest first, and "all"
        `loans`; `age` of its youngest month; `bad` so far; `end_mob`; `end_bad`, expected in the
        end; `end_rate` = end_bad ÷ loans with `end_rate_low`, `end_rate_high`; where amounts were
        counted, `end_amount_rate` of the original amount with `end_amount_low`, `end_amount_high`
        (NaN by the chain ladder); `method`: "hazard model", "chain ladder", or "ended" where there
        is nothing to project. With `appetite_rate` also `probability_above`, each cohort for
        itself, and `verdict`: "above" or "within" where the interval lies on one side of the
        appetite, else "too few to say". "all" is of the hazard model alone: its interval
        holds that all cohorts share the calendar, and months of no loans have no row.

    Raises
    ------
    ValueError
        An unknown method or `cohort_freq`, or a rate or level outside (0, 1).

    Source
    ------
    riskkit definition; :func:`fit_hazards` and :func:`mack_table` for the methods.
    """
    check_level(level)
    if method not in ("hazards", "chain_ladder"):
        raise ValueError(f"method must be 'hazards' or 'chain_ladder', got {method!r}")
    if appetite_rate is not None and not 0 < appetite_rate < 1:
        raise ValueError(f"appetite_rate must lie in (0, 1), got {appetite_rate!r}")
    if model is None:
        names = [*_COLUMNS, *(["probability_above", "verdict"] if appetite_rate else [])]
        return pd.DataFrame(columns=names, index=pd.Index([], name="cohort", dtype=str))
    table = _by_hazards(model, cohort_freq, appetite_rate, level)
    if method == "chain_ladder":
        table = _by_chain(table, mack_table(triangle_of(model.ageing, cohort_freq), level=level))
    if appetite_rate is None:
        return table
    return table.assign(verdict=_verdicts(table, appetite_rate))


_COLUMNS = ("loans", "age", "bad", "end_mob", "end_bad", "end_rate", "end_rate_low",
            "end_rate_high", "method")  # fmt: skip


def _by_hazards(
    model: HazardModel,
    cohort_freq: Literal["M", "Q", "Y"],
    appetite_rate: float | None,
    level: float,
) -> pd.DataFrame:
    """The table by the hazard model, with the probability of an end above the appetite."""
    ageing = model.ageing
    names, group = ageing.groups(cohort_freq)
    n = len(names)
    events = draw_events(model)
    ends = _summed(ageing.bad + events.sum(axis=2), group, n)
    loans = _summed(ageing.loans, group, n)
    ages = np.full(n, model.end_mob)
    np.minimum.at(ages, group[group >= 0], ageing.age[group >= 0])
    low, high = limits_of(ends, level) / loans
    columns = {
        "loans": loans,
        "age": pd.array([*ages, pd.NA], dtype="Int64"),
        "bad": _summed(ageing.bad, group, n),
        "end_mob": model.end_mob,
        "end_bad": ends.mean(axis=0),
        "end_rate": ends.mean(axis=0) / loans,
        "end_rate_low": low,
        "end_rate_high": high,
    }
    if ageing.amounts is not None:
        lent, lost = ageing.amounts
        amounts = _summed(_draw_amounts(model, events, lent, lost), group, n)
        base = _summed(lent, group, n).astype(float)
        base[base == 0] = np.nan
        low, high = limits_of(amounts, level) / base
        columns |= {"end_amount_rate": amounts.mean(axis=0) / base}
        columns |= {"end_amount_low": low, "end_amount_high": high}
    columns["method"] = np.where(_summed(_is_open(model), group, n) > 0, BY_HAZARDS, ENDED)
    if appetite_rate is not None:
        columns["probability_above"] = (ends > appetite_rate * loans).mean(axis=0)
    return pd.DataFrame(columns, index=pd.Index([*names, ALL], name="cohort"))


def draw_events(model: HazardModel, ageing: Ageing | None = None) -> Array:
    """First events to come, by draw, cohort and month on book.

    Parameters
    ----------
    model : HazardModel
    ageing : Ageing, optional
        Where the cohorts stand; default, where the model was fitted.

    Returns
    -------
    int32 array of shape (n_draws, n_cohorts, end_mob + 1)
        0 in the months that were seen.
    """
    ageing = ageing or model.ageing
    rng = np.random.default_rng([model.seed, 1])
    events = np.zeros((model.n_draws, ageing.n_cohorts, model.end_mob + 1), np.int32)
    at_risk = np.tile(ageing.left, (model.n_draws, 1))
    for rows, mob in _steps_to_come(model, ageing):
        n = at_risk[:, rows]
        failed = rng.binomial(n, model.hazard(rows, mob))
        events[:, rows, mob] = failed
        at_risk[:, rows] = n - failed - rng.binomial(n - failed, model.ended_rate[:, mob])
    return events


def expected_ends(
    model: HazardModel, ageing: Ageing | None = None, until: Array | None = None
) -> Array:
    """Events expected by a month on book: those seen, and the mean of those to come, by cohort.

    Without the chance of single loans, so that a difference of two is no noise of the draws.

    Parameters
    ----------
    model : HazardModel
    ageing : Ageing, optional
        Where the cohorts stand; default, where the model was fitted.
    until : int array of shape (n_cohorts,), optional
        At most the model's `end_mob`, which it is by default.

    Returns
    -------
    array of shape (n_cohorts,)
    """
    ageing = ageing or model.ageing
    last = np.full(ageing.n_cohorts, model.end_mob) if until is None else until
    in_time = np.arange(ageing.events.shape[1]) <= last[:, np.newaxis]
    ends = (ageing.events * in_time).sum(axis=1).astype(float)
    at_risk = np.tile(ageing.left.astype(float), (model.n_draws, 1))
    for rows, mob in _steps_to_come(model, ageing):
        failed = at_risk[:, rows] * model.hazard(rows, mob)
        ends[rows] += failed.mean(axis=0) * (mob <= last[rows])
        at_risk[:, rows] = (at_risk[:, rows] - failed) * (1 - model.ended_rate[:, mob])
    return ends


def projected_curves(
    model: HazardModel | None,
    *,
    cohort_freq: Literal["M", "Q", "Y"] = "M",
    level: float = 0.95,
) -> pd.DataFrame:
    """Curve of each cohort, as far as it was seen, and from there on as projected, with its band.

    Parameters
    ----------
    model : HazardModel or None
        Of :func:`fit_hazards`; None gives no rows.
    cohort_freq : {"M", "Q", "Y"}
    level : float
        Of the band, each month for itself, in (0, 1).

    Returns
    -------
    DataFrame, index (cohort, mob)
        `rate`, share of loans with an event by then; `rate_low`, `rate_high` (of what was seen the
        rate itself), `is_projected`: not all months of the cohort have come so far.

    Raises
    ------
    ValueError
        An unknown `cohort_freq`, or `level` is outside (0, 1).

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    if model is None:
        none = pd.MultiIndex.from_arrays([[], []], names=["cohort", "mob"])
        names = ["rate", "rate_low", "rate_high", "is_projected"]
        return pd.DataFrame(columns=names, index=none)
    ageing, width = model.ageing, model.end_mob + 1
    names, group = ageing.groups(cohort_freq)
    events = draw_events(model) + ageing.events[np.newaxis, :, :width]
    rows = {}
    for place, name in enumerate(names):
        own = group == place
        curves = events[:, own].sum(axis=1).cumsum(axis=1) / ageing.loans[own].sum()
        low, high = limits_of(curves, level)
        rows[name] = pd.DataFrame(
            {
                "rate": curves.mean(axis=0),
                "rate_low": low,
                "rate_high": high,
                "is_projected": np.arange(width) > ageing.age[own].min(),
            },
            index=pd.Index(np.arange(width), name="mob"),
        )
    return pd.concat(rows, names=["cohort", "mob"])


def _steps_to_come(model: HazardModel, ageing: Ageing) -> list[tuple[Array, Array]]:
    """Cohorts that are still open, and the month on book that each comes to, step by step."""
    steps = []
    for step in range(1, model.end_mob + 1):
        rows = np.flatnonzero((ageing.age + step <= model.end_mob) & (ageing.left > 0))
        if len(rows):
            steps.append((rows, ageing.age[rows] + step))
    return steps


def _is_open(model: HazardModel) -> Array:
    """Whether a cohort has loans left that may yet fail by the end."""
    ageing = model.ageing
    return (ageing.left > 0) & (ageing.age < model.end_mob)


def _summed(values: Array, group: Array, n_groups: int) -> Array:
    """Sums over the last axis by group, and last of all."""
    sums = np.zeros(
        (*values.shape[:-1], n_groups + 1), values.dtype if values.dtype != bool else int
    )
    for place in range(n_groups):
        sums[..., place] = values[..., group == place].sum(axis=-1)
    sums[..., -1] = values.sum(axis=-1)
    return sums


def limits_of(draws: Array, level: float) -> Array:
    """Low and high of the draws (first axis); no more than (1 − level) / 2 of them beyond each."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    return np.quantile(draws, tails, axis=0, method="inverted_cdf")


def _draw_amounts(model: HazardModel, events: Array, lent: Array, lost: Array) -> Array:
    """Balance of the events, those seen and those to come, by draw and cohort.

    An event of a month on book takes its month's mean share of what its cohort lent a loan; how
    far single loans scatter around it follows from how far cohorts do.
    """
    ageing, width = model.ageing, model.end_mob + 1
    rng = np.random.default_rng([model.seed, 2])
    each = lent / np.maximum(ageing.loans, 1)
    share, spread = _severity(ageing.events[:, :width], each, lost[:, :width])
    n_seen = np.maximum(ageing.events[:, :width].sum(axis=0), 1)
    of_month = share * rng.gamma(n_seen / spread, spread / n_seen, (model.n_draws, width))
    to_come = np.zeros((model.n_draws, ageing.n_cohorts))
    for rows, mob in _steps_to_come(model, ageing):
        scattered = rng.gamma(np.maximum(events[:, rows, mob], 1e-9) / spread) * spread
        to_come[:, rows] += scattered * of_month[:, mob] * each[rows]
    return to_come + lost.sum(axis=1)


def _severity(events: Array, each: Array, lost: Array) -> tuple[Array, float]:
    """Mean balance of an event by month, as a share of what was lent; and its relative variance."""
    full = (events * each[:, np.newaxis]).sum(axis=0)
    overall = lost.sum() / max(full.sum(), 1.0)
    share = np.where(full > 0, lost.sum(axis=0) / np.where(full > 0, full, 1), overall)
    expected = events * each[:, np.newaxis] * share
    told = expected > 0
    off = np.where(told, lost / np.where(told, expected, 1) - 1, 0)
    free = int(told.sum() - told.any(axis=0).sum())
    spread = float((events * off**2).sum() / free) if free else 1.0
    return share, max(spread, 1e-6)


def _by_chain(table: pd.DataFrame, ladder: pd.DataFrame) -> pd.DataFrame:
    """The table with the chain ladder's ends where it speaks of an open cohort."""
    own = ladder.reindex(table.index)
    speaks = (table["method"] == BY_HAZARDS) & own["ultimate_high"].notna() & (table.index != ALL)
    # of several months the ladder sees what all have come to, and the older ones have more
    ends = {
        name: own[of].clip(lower=table["bad"])
        for name, of in (
            ("end_bad", "ultimate"),
            ("low", "ultimate_low"),
            ("high", "ultimate_high"),
        )
    }
    values = {
        "end_bad": ends["end_bad"],
        "end_rate": ends["end_bad"] / table["loans"],
        "end_rate_low": ends["low"] / table["loans"],
        "end_rate_high": ends["high"] / table["loans"],
        "method": BY_CHAIN,
    }
    unsaid = ("end_amount", "probability")
    values |= {name: np.nan for name in table if str(name).startswith(unsaid)}
    return table.assign(**{name: table[name].mask(speaks, value) for name, value in values.items()})


def _verdicts(table: pd.DataFrame, appetite_rate: float) -> Array:
    above, within = table["end_rate_low"] > appetite_rate, table["end_rate_high"] <= appetite_rate
    return np.select([above, within], [ABOVE, WITHIN], UNSURE)
