"""What the projection said before: held against what came since, and why it has changed.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives a row per cohort and months hidden,
what of them lay in its interval by age, and last month's projection taken to this month's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from riskkit.checks import Array, check_level
from riskkit.metrics import jeffreys_interval
from riskkit.projection.ageing import ageing_of
from riskkit.projection.chain_ladder import ALL
from riskkit.projection.ends import draw_events, expected_ends, limits_of
from riskkit.projection.seasoning import HazardModel, fit_hazards

__all__ = ["backtest", "backtest_coverage", "projection_change"]

# ages taken together, since one month has few cohorts
AGE_BANDS = (0, 3, 6, 9, 12, 18, 24, 36)


def backtest(
    counts: pd.DataFrame,
    hidden_months: Sequence[int] = (3, 6, 9),
    *,
    dpd: int = 90,
    observed_to: pd.Timestamp | str | None = None,
    level: float = 0.95,
    n_draws: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """What the model would have foretold some months ago of each cohort, and what came since.

    Parameters
    ----------
    counts : DataFrame, index (cohort, mob)
        Of :func:`riskkit.vintage.cohort_counts`, of loans of one term.
    hidden_months : sequence of int
        So many last months are hidden, each number in turn, above 0. One that leaves no event to
        learn from is left out.
    dpd, observed_to, n_draws, seed
        As for :func:`fit_hazards`.
    level : float
        Of the prediction intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (hidden_months, cohort)
        `age` then; `to_mob`, the month on book that is foretold: where the cohort stands now, or
        the end; `is_end`; `loans`; `bad` then; `projected_bad`, `bad_low`, `bad_high` by `to_mob`;
        `realised_bad`; `is_inside`. Cohorts that had no loan left to fail are no rows.

    Raises
    ------
    ValueError
        As :func:`fit_hazards`, a number of months that is not above 0, or `level` is outside
        (0, 1).

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    if any(hidden < 1 for hidden in hidden_months):
        raise ValueError(f"hidden_months must be > 0, got {list(hidden_months)!r}")
    now = ageing_of(counts, dpd=dpd, observed_to=observed_to)
    found = {}
    for hidden in hidden_months:
        model = fit_hazards(
            counts,
            dpd=dpd,
            observed_to=observed_to,
            hidden_months=hidden,
            n_draws=n_draws,
            seed=seed,
        )
        if model is not None:
            found[hidden] = _foretold(model, now.events, hidden, level)
    if not found:
        return _foretold_columns(pd.DataFrame(columns=_COLUMNS))
    return _foretold_columns(pd.concat(found, names=["hidden_months", "cohort"]))


_COLUMNS = ("age", "to_mob", "is_end", "loans", "bad", "projected_bad", "bad_low", "bad_high",
            "realised_bad", "is_inside")  # fmt: skip


def _foretold(model: HazardModel, realised: Array, hidden: int, level: float) -> pd.DataFrame:
    then = model.ageing
    to_mob = np.minimum(then.age + hidden, model.end_mob)
    open_ = np.flatnonzero((then.left > 0) & (then.age < to_mob))
    mobs = np.arange(model.end_mob + 1)
    until = mobs <= to_mob[open_, np.newaxis]
    ends = (draw_events(model)[:, open_] * until).sum(axis=2) + then.bad[open_]
    width = min(realised.shape[1], model.end_mob + 1)
    came = (realised[open_, :width] * until[:, :width]).sum(axis=1)
    low, high = limits_of(ends, level)
    values = (
        then.age[open_],
        to_mob[open_],
        to_mob[open_] == model.end_mob,
        then.loans[open_],
        then.bad[open_],
        ends.mean(axis=0),
        low,
        high,
        came,
        (low <= came) & (came <= high),
    )
    index = pd.Index(then.months.astype(str)[open_], name="cohort", dtype=str)
    return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)), index=index)


def _foretold_columns(table: pd.DataFrame) -> pd.DataFrame:
    if table.empty:
        table.index = pd.MultiIndex.from_arrays([[], []], names=["hidden_months", "cohort"])
    whole = ["age", "to_mob", "loans", "bad", "realised_bad"]
    return table.astype(
        dict.fromkeys(whole, "int64")
        | dict.fromkeys(["projected_bad", "bad_low", "bad_high"], "float64")
        | dict.fromkeys(["is_end", "is_inside"], "bool")
    )


def backtest_coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the cohorts that lay in their interval, by months hidden and age then.

    Cohorts of one book share the calendar: one bad month puts several out at once, so that the
    interval of the share is too narrow, and a share is no test at its level.

    Parameters
    ----------
    table : DataFrame
        Of :func:`backtest`.

    Returns
    -------
    DataFrame, index (hidden_months, age): the age then in bands, such as "3 to 5", and "all"
        `cohorts`; `inside`; `inside_rate` with its Jeffreys 95 % interval; of all of them the bads
        that were foretold to come, `projected_new`, and that came, `realised_new`; `ratio` came ÷
        foretold with the exact 95 % interval of a Poisson count, `ratio_low`, `ratio_high`.

    Source
    ------
    riskkit definition; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval of
    the share; Garwood (1936), Biometrika 28, for that of the count.
    """
    place = np.searchsorted(AGE_BANDS, table["age"].to_numpy(), side="right") - 1
    hidden = table.index.get_level_values("hidden_months")
    # what a cohort had by then was no forecast
    new = table.assign(
        projected_new=table["projected_bad"] - table["bad"],
        realised_new=table["realised_bad"] - table["bad"],
    )
    bands = [*_band_names(), ALL]
    parts = []
    for band in (place, np.full(len(table), len(bands) - 1)):
        keys = [hidden, pd.Categorical.from_codes(band, bands, ordered=True)]
        sums = new.groupby(keys, observed=True)[["is_inside", "projected_new", "realised_new"]]
        parts.append(sums.sum().assign(cohorts=sums.size()))
    found = pd.concat(parts).sort_index()
    found.index = pd.MultiIndex.from_arrays(
        [found.index.get_level_values(0), found.index.get_level_values(1).astype(str)],
        names=["hidden_months", "age"],
    )
    inside, n = found["is_inside"].to_numpy(float), found["cohorts"].to_numpy(float)
    low, high = jeffreys_interval(inside, n, 0.95)
    projected = found["projected_new"].where(found["projected_new"] > 0)
    came = found["realised_new"].to_numpy(float)
    fewest, most = special.chdtri(2 * came, 0.975) / 2, special.chdtri(2 * came + 2, 0.025) / 2
    return pd.DataFrame(
        {
            "cohorts": found["cohorts"].astype("int64"),
            "inside": found["is_inside"].astype("int64"),
            "inside_rate": inside / n,
            "inside_rate_low": low,
            "inside_rate_high": high,
            "projected_new": found["projected_new"],
            "realised_new": found["realised_new"].astype("int64"),
            "ratio": came / projected,
            "ratio_low": np.where(came > 0, fewest, 0) / projected,
            "ratio_high": most / projected,
        }
    )


def _band_names() -> list[str]:
    ends = [f"{low} to {high - 1}" for low, high in pairwise(AGE_BANDS)]
    return [*ends, f"{AGE_BANDS[-1]} or more"]


def projection_change(
    counts: pd.DataFrame,
    *,
    months: int = 1,
    cohort_freq: Literal["M", "Q", "Y"] = "M",
    dpd: int = 90,
    observed_to: pd.Timestamp | str | None = None,
    n_draws: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Projection of this month against an earlier one's, the change explained.

    From the earlier to an interim to the present: the interim takes the events of the new diagonal,
    and the loans that it leaves at risk, and lets all that was believed of hazards stand; then the
    hazards learn from it, too. So `new_data_rate` is what came against what was expected of these
    months, and `factors_rate` what it changed in the belief about those still to come.

    Parameters
    ----------
    counts : DataFrame, index (cohort, mob)
        Of :func:`riskkit.vintage.cohort_counts`, of loans of one term.
    months : int
        How long ago the earlier projection was, above 0.
    cohort_freq : {"M", "Q", "Y"}
        Of several months, those open then are taken together.
    dpd, observed_to, n_draws, seed
        As for :func:`fit_hazards`.

    Returns
    -------
    DataFrame, index cohort (text) that was open then, and "all" of them
        `loans`; `expected_bad` and `new_bad` of the months between; `previous_rate`, the end
        expected then, `new_data_rate`, `factors_rate`, which add up to `change_rate`, and
        `end_rate`, expected now, each a fraction of the loans; `end_mob`, to which the earlier
        projection went, and both are compared. No cohort open then, or no event until then, gives
        no rows.

    Raises
    ------
    ValueError
        As :func:`fit_hazards`, or a number of months that is not above 0.

    Source
    ------
    riskkit definition.
    """
    if months < 1:
        raise ValueError(f"months must be > 0, got {months!r}")
    was, now = (
        fit_hazards(
            counts,
            dpd=dpd,
            observed_to=observed_to,
            hidden_months=hidden,
            n_draws=n_draws,
            seed=seed,
        )
        for hidden in (months, 0)
    )
    if was is None or now is None:
        return _changed(pd.DataFrame(columns=_PARTS, dtype=float), 0)
    then = was.ageing
    # the same cohorts a little older, as the earlier model would go on from there
    older = now.ageing.first(then.n_cohorts)
    end = np.full(now.ageing.n_cohorts, was.end_mob)
    seen_to = np.minimum(then.age + months, was.end_mob)
    previous, interim = expected_ends(was), expected_ends(was, older)
    present = expected_ends(now, until=end)[: then.n_cohorts]
    in_time = np.arange(older.events.shape[1]) <= seen_to[:, np.newaxis]
    parts = (
        then.loans,
        expected_ends(was, until=seen_to) - then.bad,
        (older.events * in_time).sum(axis=1) - then.bad,
        previous,
        interim - previous,
        present - interim,
        present - previous,
        present,
    )
    names, group = then.groups(cohort_freq)
    open_ = (then.left > 0) & (then.age < was.end_mob)
    sums = pd.DataFrame(dict(zip(_PARTS, parts, strict=True)))[open_].groupby(group[open_]).sum()
    return _changed(sums.set_axis(names[sums.index.to_numpy(int)]), was.end_mob)


_PARTS = ("loans", "expected_bad", "new_bad", "previous_rate", "new_data_rate", "factors_rate",
          "change_rate", "end_rate")  # fmt: skip


def _changed(sums: pd.DataFrame, end_mob: int) -> pd.DataFrame:
    """Sums by cohort as shares of the loans, and those of all."""
    table = sums.astype(float)
    if len(table):
        table.loc[ALL] = table.sum()
    rates = [name for name in _PARTS if name.endswith("_rate")]
    table[rates] = table[rates].div(table["loans"], axis=0)
    table = table.astype({"loans": "int64", "new_bad": "int64"}).rename_axis("cohort")
    return table.assign(end_mob=end_mob)
