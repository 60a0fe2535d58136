"""How much cash the lender must hold, in which tiers, and how long what it holds will last.

Takes inflow and outflow by path and day, in one course of things or in several; gives a row per
tier, and the balances by day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from riskkit.checks import Array, DataContractError, check_level, require_columns
from riskkit.funding.pool_cash import PoolCash
from riskkit.metrics import jeffreys_interval
from riskkit.runoff import quantile_interval
from riskkit.schema import FundingFile

__all__ = [
    "INDEPENDENT",
    "KNOWN_LENDING",
    "NOT_STATED",
    "PERHAPS_WITH_LINES",
    "TOO_FEW",
    "TOO_SMALL",
    "WITH_LINES",
    "balances_of",
    "fund_pool",
    "pool_balances",
    "pool_tables",
]

ENOUGH, TOO_SMALL, TOO_FEW = "enough", "too small", "too few paths to say"
WITH_LINES = "only with lines"
# whether lines make up for it the paths do not tell
PERHAPS_WITH_LINES = "too small without lines"
NOT_STATED = "nobody has said what is held"
# two courses that differ in the climate alone: all that lending adds is the same
KNOWN_LENDING, INDEPENDENT = "Lending as foretold", "Defaults independent"
_LEVEL = 0.99
_SURE = 0.95
_RATE = "rate", "low", "high"
_EARLY = 0.05
_LOW = {"p05": 0.05, "p01": 0.01}


def pool_tables(
    file: FundingFile, balance: int, day: pd.Timestamp, n_months: int | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tiers and lines of a funding file in fen, as they stand on a day.

    Parameters
    ----------
    file : FundingFile
        Of :func:`riskkit.schema.read_funding`.
    balance : int
        Performing balance of the day, fen, of which sizes may be shares.
    day : Timestamp
    n_months : int, optional
        Months ahead that cash is followed: no tier may have to last for longer.

    Returns
    -------
    tiers : DataFrame, index tier
        In the order in which they are drawn: `horizon_days`, `held_amount` (NaN where nobody has
        said it).
    lines : DataFrame, index line
        `drawn_amount`, `limit_amount`, `rate`, `notice_days`, `until` (NaT where it is not stated);
        lines that have ended are not there.

    Raises
    ------
    DataContractError
        A tier whose horizon is beyond the months followed.
    """
    followed = np.inf if n_months is None else _days_of(day, n_months)
    if faults := [
        f"tiers.{name}.horizon_days: {tier.horizon_days} days are beyond the {n_months} months "
        f"that cash is followed; set horizon_months to {_months_of(day, tier.horizon_days)} or more"
        for name, tier in file.tiers.items()
        if tier.horizon_days > followed
    ]:
        raise DataContractError("funding", faults)
    held = [np.nan if t.held is None else t.held.fen(balance) for t in file.tiers.values()]
    tiers = pd.DataFrame(
        {
            "horizon_days": [tier.horizon_days for tier in file.tiers.values()],
            "held_amount": np.array(held, dtype=float),
        },
        index=pd.Index(list(file.tiers), name="tier", dtype="str"),
    )
    running = file.lines_on(day)
    lines = pd.DataFrame(
        {
            "drawn_amount": [line.drawn.fen(balance) for line in running.values()],
            "limit_amount": [line.limit.fen(balance) for line in running.values()],
            "rate": np.array([line.rate for line in running.values()], dtype=float),
            "notice_days": [line.notice_days for line in running.values()],
            "until": pd.to_datetime([line.until for line in running.values()]),
        },
        index=pd.Index(list(running), name="line", dtype="str"),
    )
    return tiers, lines


def _days_of(day: pd.Timestamp, n_months: int) -> int:
    """Days after a day until the end of so many months."""
    return int((day + pd.offsets.MonthEnd(n_months) - day).days)


def _months_of(day: pd.Timestamp, n_days: int) -> int:
    """Months after a day that so many days reach into."""
    last = day + pd.Timedelta(days=n_days)
    months = (last.year - day.year) * 12 + last.month - day.month
    return months + (0 if day.is_month_end else 1)


def fund_pool(
    courses: Mapping[str, PoolCash], tiers: pd.DataFrame, *, level: float = _LEVEL
) -> pd.DataFrame:
    """How much each tier must hold so that the pool lasts, and whether what it holds is enough.

    Let N(t) be outflow less inflow from the first day to day t. The tiers up to one must hold
    together the `level` quantile of max(0, N(1), ..., N(T)), T being its horizon; the tier itself
    what those before it, at the sizes that they need, lack of that. Cash beyond all tiers stays in
    the lender's hands and is spent first; were it paid out on the day it comes, the tiers would
    need the quantile of the deepest fall of the cash from any day to a later one.

    Parameters
    ----------
    courses : mapping of str to PoolCash
        The first is what is expected; others are stresses, or the pair "Lending as foretold" and
        "Defaults independent", which both lend the same on all paths and of which the second has
        no common climate.
    tiers : DataFrame, index tier
        `horizon_days`, ascending, and `held_amount` (fen, NaN where not stated), in the order in
        which they are drawn.
    level : float
        Of the quantile, in (0, 1).

    Returns
    -------
    DataFrame, index (course, tier)
        `horizon_days`; `held_amount`; `needed_amount` with its 95 % interval `needed_low`,
        `needed_high` (order statistics of the paths, the tiers before being what they need; NaN
        where the paths are too few); of the tiers up to this one together `held_so_far`,
        `needed_so_far`, and `paid_out_so_far`, what they need where free cash is paid out;
        `shortfall_rate`, paths on which those held do not last as long as they should, with its
        95 % interval; `short_with_lines_rate` with its own, the same were lines drawn, too, as far
        as they lend on the day; `empty_days` (median) and `earliest_days` (of the earliest
        twentieth of the paths): first day on which they are used up, NaN where they last on most,
        or on all but a twentieth; `verdict`: "enough", "only with lines", "too small without lines"
        (the paths do not tell whether with them it is enough), "too small", "too few paths to say".
        What nobody has said is held is NaN, and so are the
        tiers after it.

    Raises
    ------
    ValueError
        No course, no tier, horizons not in order, of a tier beyond the days of a course, below 1 or
        sizes below 0; `level` outside (0, 1).
    DataContractError
        A missing column.

    Source
    ------
    riskkit definition; Hahn, Meeker (1991), Statistical Intervals, 5.2, for the interval of a
    quantile; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for that of a share.

    Examples
    --------
    >>> days = pd.date_range("2024-06-01", periods=3)
    >>> flows = PoolCash(days=days, inflow=np.array([[0, 9, 0]]), outflow=np.array([[5, 0, 8]]),
    ...                  parts=pd.DataFrame(index=days))
    >>> tiers = pd.DataFrame({"horizon_days": [1, 3], "held_amount": [5, 2]}, index=["a", "b"])
    >>> table = fund_pool({"as is": flows}, tiers)
    >>> table[["needed_so_far", "paid_out_so_far"]].to_numpy().tolist()
    [[5.0, 5.0], [5.0, 8.0]]
    """
    check_level(level)
    _check_tiers(tiers)
    if not courses:
        raise ValueError("courses must hold one, got none")
    rows = {}
    for course, flows in courses.items():
        spent = flows.spent
        worst = np.maximum.accumulate(np.maximum(spent, 0), axis=1)
        undrawn = np.zeros(len(flows.days), np.int64) if flows.undrawn is None else flows.undrawn
        beyond_lines = np.maximum.accumulate(spent - undrawn, axis=1)
        deepest = np.maximum.accumulate(_fallen(spent), axis=1)
        before = 0.0
        together = tiers["held_amount"].cumsum(skipna=False)
        for tier, row in tiers.iterrows():
            last = _last_place(flows, str(tier), int(row["horizon_days"]))
            needed, low, high = quantile_interval(worst[:, last], level, _SURE)
            rows[course, tier] = {
                "horizon_days": int(row["horizon_days"]),
                "held_amount": row["held_amount"],
                "needed_amount": needed - before,
                "needed_low": max(low - before, 0.0) if low == low else np.nan,
                "needed_high": high - before,
                "held_so_far": together[tier],
                "needed_so_far": needed,
                "paid_out_so_far": quantile_interval(deepest[:, last], level)[0],
                **_shortfall(worst, beyond_lines[:, last], last, together[tier], level),
            }
            before = needed
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["course", "tier"])
    return table


def _check_tiers(tiers: pd.DataFrame) -> None:
    require_columns(tiers, ["horizon_days", "held_amount"], "tiers")
    if tiers.empty:
        raise ValueError("tiers must hold one, got none")
    if tiers.index.has_duplicates:
        raise ValueError(f"tiers must have names of their own, got {list(tiers.index)}")
    horizons = tiers["horizon_days"].to_numpy()
    if horizons[0] < 1 or (np.diff(horizons) <= 0).any():
        raise ValueError(f"horizon_days must be >= 1 and ascending, got {horizons.tolist()}")
    if (tiers["held_amount"] < 0).any():
        raise ValueError(f"held_amount must be >= 0, got {tiers['held_amount'].min():g}")


def _last_place(flows: PoolCash, tier: str, horizon: int) -> int:
    if horizon > len(flows.days):
        raise ValueError(f"{tier} lasts {horizon} days, and cash is known for {len(flows.days)}")
    return horizon - 1


def _fallen(spent: Array) -> Array:
    """How far cash lies below its highest so far, of shape (n_paths, n_days)."""
    return spent - np.minimum.accumulate(np.minimum(spent, 0), axis=1)


def _shortfall(
    worst: Array, beyond_lines: Array, last: int, held: float, level: float
) -> dict[str, Any]:
    """How often, and from which day on, what is held does not last."""
    names = [f"{what}_{part}" for what in ("shortfall", "short_with_lines") for part in _RATE]
    names += ["empty_days", "earliest_days"]
    if np.isnan(held):
        return dict.fromkeys(names, np.nan) | {"verdict": NOT_STATED}
    rate, low, high = _rate(worst[:, last] > held)
    lined, lined_low, lined_high = _rate(beyond_lines > held)
    # the running maximum never falls: days on which it lasts come first
    lasted = (worst <= held).sum(axis=1)
    first = np.where(lasted < worst.shape[1], lasted + 1.0, np.inf)
    # the smallest day by which such a share of the paths is empty
    empty, earliest = (np.quantile(first, q, method="inverted_cdf") for q in (0.5, _EARLY))
    days = [float(day) if np.isfinite(day) else np.nan for day in (empty, earliest)]
    verdict = TOO_FEW
    if lined_low > 1 - level:
        verdict = TOO_SMALL
    elif low > 1 - level and lined_high <= 1 - level:
        verdict = WITH_LINES
    elif low > 1 - level:
        verdict = PERHAPS_WITH_LINES
    elif high <= 1 - level:
        verdict = ENOUGH
    values = [rate, low, high, lined, lined_low, lined_high, *days]
    return dict(zip(names, values, strict=True)) | {"verdict": verdict}


def _rate(short: Array) -> tuple[float, float, float]:
    """Share of the paths, and its 95 % interval."""
    n, total = len(short), int(short.sum())
    low, high = jeffreys_interval(np.array(total), np.array(n), _SURE)
    return total / n, float(low), float(high)


def balances_of(flows: PoolCash, sizes: Array) -> dict[str | int, Array]:
    """What lies where at the end of each day, as tiers are drawn in order and refilled in reverse.

    An outflow is met from free cash, then from the first tier, the second, and so on; what no tier
    can meet is owed. An inflow pays what is owed, fills the last tier, the one before, and so on,
    and is free beyond the first. On each day and path free + tiers − owed = what was held + inflow
    − outflow from the first day on, to the fen.

    Parameters
    ----------
    flows : PoolCash
    sizes : int64 array of shape (n_tiers,)
        Held when the first day begins, in the order in which they are drawn; none is ever above.

    Returns
    -------
    dict of arrays of shape (n_paths, n_days), int64 fen
        "free", 0, 1, ... for the tiers, and "owed"; none is below 0.
    """
    left = int(sizes.sum()) - flows.spent
    found: dict[str | int, Array] = {"free": np.maximum(left - int(sizes.sum()), 0)}
    below = int(sizes.sum())
    for tier, size in enumerate(sizes):
        below -= int(size)  # what the tiers drawn after this one hold
        found[tier] = np.clip(left - below, 0, size)
    return found | {"owed": np.maximum(-left, 0)}


def pool_balances(
    flows: PoolCash, tiers: pd.DataFrame, *, freq: Literal["D", "M"] = "D"
) -> pd.DataFrame:
    """What is expected to enter, to leave and to lie in the tiers, by day or by month.

    Parameters
    ----------
    flows : PoolCash
    tiers : DataFrame, index tier
        As for :func:`fund_pool`. From a tier on of which nobody has said what is held, tiers begin
        with what they need at 99 %.
    freq : {"D", "M"}
        Sums of a month, balances at its end; a month that the days do not reach the end of is not
        there.

    Returns
    -------
    DataFrame, index day (or month-end)
        Means over the paths: the parts of `flows`, `inflow_amount`, `outflow_amount`; at the end
        `free_amount`, one column `tier: name` for each, `owed_amount` and `pool_amount`, all tiers
        together, which is at most `pool_p05_amount` on a twentieth of the paths and at most
        `pool_p01_amount` on a hundredth; `short_rate`, the share of the paths on which the tiers
        were used up by then. Fen.

    Raises
    ------
    ValueError
        An unknown `freq`, or as :func:`fund_pool`.
    """
    if freq not in ("D", "M"):
        raise ValueError(f"freq must be 'D' or 'M', got {freq!r}")
    _check_tiers(tiers)
    stated = tiers["held_amount"].cumsum(skipna=False).notna().to_numpy()
    sizes = tiers["held_amount"].to_numpy(float)
    if not stated.all():
        needed = fund_pool({"": flows}, tiers)["needed_amount"].to_numpy()
        sizes = np.where(stated, sizes, needed)
    found = balances_of(flows, np.rint(sizes).astype(np.int64))
    pool = np.sum([found[tier] for tier in range(len(tiers))], axis=0)
    columns = {name: flows.parts[name].to_numpy(float) for name in flows.parts}
    columns |= {"inflow_amount": flows.inflow.mean(axis=0)}
    columns |= {"outflow_amount": flows.outflow.mean(axis=0)}
    ends = {"free_amount": found["free"].mean(axis=0)}
    ends |= {f"tier: {name}": found[nth].mean(axis=0) for nth, name in enumerate(tiers.index)}
    ends |= {"owed_amount": found["owed"].mean(axis=0), "pool_amount": pool.mean(axis=0)}
    ordered = np.sort(pool, axis=0)
    for name, share in _LOW.items():
        ends[f"pool_{name}_amount"] = ordered[int(np.ceil(len(pool) * share - 1e-9)) - 1]
    ends["short_rate"] = np.logical_or.accumulate(found["owed"] > 0, axis=1).mean(axis=0)
    sums, last = (pd.DataFrame(part, index=flows.days) for part in (columns, ends))
    if freq == "M":
        month_ends = np.flatnonzero(flows.days.is_month_end)
        whole = sums.iloc[: month_ends[-1] + 1] if len(month_ends) else sums.iloc[:0]
        month = np.searchsorted(month_ends, np.arange(len(whole)))
        last = last.iloc[month_ends]
        sums = whole.groupby(month).sum().set_axis(last.index)
    return sums.join(last)
