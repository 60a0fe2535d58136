"""What each side loses under each arrangement in a year, how far the lender relies on whom.

Takes simulated cash by arrangement; gives a row per arrangement and per partner.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special

from riskkit.checks import Array
from riskkit.metrics import jeffreys_interval
from riskkit.risk_sharing.arrangements import ALL, NONE, Arrangement
from riskkit.risk_sharing.loss_split import MONTHS, SharedLosses, shared_losses
from riskkit.runoff import FutureCash, quantile_interval

__all__ = ["BEYOND", "WITHIN", "mean_interval", "partner_table", "sharing_table", "worst_interval"]

WORST = 0.99
LEVEL = 0.95
WITHIN, BEYOND, NO_LIMIT = "within", "beyond", "no limit"
_SIDES = ("whole", "lender", "partner")


def worst_interval(losses: Array, level: float = LEVEL) -> tuple[float, float, float]:
    """99 % quantile of simulated losses, and an interval of it by order statistics.

    Parameters
    ----------
    losses : array of shape (n_paths,)
    level : float

    Returns
    -------
    tuple of value, low, high
        The least loss that 99 % of the paths do not exceed; NaN ends where there are too few paths
        to have one on either side (368 at 95 %), all of a single path.

    Source
    ------
    :func:`riskkit.runoff.quantile_interval`.
    """
    if len(losses) < 2:
        return np.nan, np.nan, np.nan
    value, low, high = quantile_interval(losses, WORST, level)
    return (value, np.nan, np.nan) if np.isnan([low, high]).any() else (value, low, high)


def mean_interval(values: Array, level: float = LEVEL) -> tuple[float, float, float]:
    """Mean over paths with a normal interval, not below 0 of what never is; of one path NaN."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, np.nan, np.nan
    error = special.ndtri(0.5 + level / 2) * np.std(values, ddof=1) / np.sqrt(len(values))
    low = mean - error
    return mean, float(max(low, 0.0) if np.min(values) >= 0 else low), float(mean + error)


def sharing_table(
    cash: FutureCash, arrangements: Mapping[str, Arrangement], *, n_months: int = MONTHS
) -> pd.DataFrame:
    """Expected and 99 % loss of each side over the months, cover, and the limits.

    Parameters
    ----------
    cash : FutureCash
        Simulated; groups are named as the arrangements, "" of loans in none of them.
    arrangements : mapping of name to Arrangement
        One without loans has a row of zeros.
    n_months : int

    Returns
    -------
    DataFrame, index arrangement, then "no arrangement" and "all loans"
        `kind`; `balance` owed today; `exposure_amount`, what the lender relies on the partner for
        (of a share its part of the balance, else the cover), `limit_amount`, `limit_use`,
        `limit_verdict` ("within", "beyond", "no limit"); of `whole`, `lender` and `partner` each
        `_loss_amount` with `_loss_low`, `_loss_high` (expected; normal, 95 %) and `_99_amount` with
        `_99_low`, `_99_high` (order statistics); `used_up_rate` with `_low`, `_high`: paths
        on which no cover is left at some month-end (Jeffreys; NaN where there is no end to it), and
        `used_up_month`, from 1, in the median of those. Of all loans `lender_99_amount` is with all
        arrangements and `whole_99_amount` without any. Fen.

    Raises
    ------
    ValueError
        A group of the cash that is no arrangement.

    Source
    ------
    riskkit definition.
    """
    unknown = [name for name in cash.groups if name and name not in arrangements]
    if unknown:
        raise ValueError(f"groups of cash must be arrangements, got {unknown[0]!r}")
    rows: dict[str, dict[str, object]] = {}
    sums = {side: np.zeros(cash.n_paths, dtype=np.int64) for side in _SIDES}
    for name, arrangement in arrangements.items():
        shared = None
        if name in cash.groups:
            shared = shared_losses(cash.of_group(name), arrangement, n_months=n_months)
        totals = {side: _total(shared, side, cash.n_paths) for side in _SIDES}
        rows[name] = {**_limits(shared, arrangement), **_cover(shared), **_sides(totals)}
        sums = {side: sums[side] + totals[side] for side in _SIDES}
    free, owed = np.zeros(cash.n_paths, dtype=np.int64), 0.0
    if "" in cash.groups:
        own = cash.of_group("")
        free = np.rint(own.total("loss_amount")[:, :n_months]).astype(np.int64).sum(axis=1)
        owed = float(own.opening.sum())
    alone = {"whole": free, "lender": free, "partner": 0 * free}
    rows[NONE] = {"balance": owed, "exposure_amount": 0.0, **_sides(alone)}
    rows[ALL] = {**_sides({side: sums[side] + alone[side] for side in _SIDES})}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=_COLUMNS)
    adds_up = ["balance", "exposure_amount"]
    table.loc[ALL, adds_up] = table[adds_up].sum()
    return table.fillna({"kind": "", "limit_verdict": ""}).rename_axis("arrangement")


_COLUMNS = [
    "kind", "balance", "exposure_amount", "limit_amount", "limit_use", "limit_verdict",
    *(
        f"{side}_{what}"
        for side in _SIDES
        for what in ("loss_amount", "loss_low", "loss_high", "99_amount", "99_low", "99_high")
    ),
    "used_up_rate", "used_up_low", "used_up_high", "used_up_month",
]  # fmt: skip


def _total(shared: SharedLosses | None, side: str, n_paths: int) -> Array:
    if shared is None:
        return np.zeros(n_paths, dtype=np.int64)
    total: Array = getattr(shared, f"{side}_total")
    return total


def _sides(totals: Mapping[str, Array]) -> dict[str, float]:
    found: dict[str, float] = {}
    for side, values in totals.items():
        both = {"loss": mean_interval(values), "99": worst_interval(values)}
        for what, figures in both.items():
            names = (f"{side}_{what}_{end}" for end in ("amount", "low", "high"))
            found |= dict(zip(names, figures, strict=True))
    return found


def _limits(shared: SharedLosses | None, arrangement: Arrangement) -> dict[str, object]:
    """What the lender relies on the partner for today, beside what it wants to."""
    exposure, balance = 0.0, 0.0
    if shared is not None:
        covered = shared.covered[:, 0] if shared.cover is None else shared.cover[:, 0]
        exposure = float(covered.mean())
        balance = float(shared.covered[:, 0].mean()) / (arrangement.share or 1.0)
    row: dict[str, object] = {"kind": arrangement.kind, "balance": balance}
    row |= {"exposure_amount": exposure, "limit_verdict": NO_LIMIT}
    if arrangement.limit is not None:
        row["limit_amount"] = float(arrangement.limit)
        row["limit_use"] = exposure / arrangement.limit if arrangement.limit else np.nan
        row["limit_verdict"] = BEYOND if exposure > arrangement.limit else WITHIN
    return row


def _cover(shared: SharedLosses | None) -> dict[str, float]:
    """How often the cover is used up, and in which month."""
    if shared is None or shared.cover is None:
        return {}
    gone = shared.used_up
    n, n_gone = len(gone), int(gone[:, -1].sum())
    low, high = jeffreys_interval(np.array([n_gone]), np.array([n]), LEVEL)
    month = float(np.median(gone[gone[:, -1]].argmax(axis=1) + 1)) if n_gone else np.nan
    names = ("used_up_rate", "used_up_low", "used_up_high", "used_up_month")
    return dict(zip(names, (n_gone / n, float(low[0]), float(high[0]), month), strict=True))


def partner_table(table: pd.DataFrame) -> pd.DataFrame:
    """How far the lender relies on each partner, and how concentrated that is.

    Parameters
    ----------
    table : DataFrame
        Of :func:`sharing_table`.

    Returns
    -------
    DataFrame, index partner, the largest first, then "all partners"
        `exposure_amount`, `exposure_rate` (its share of the sum), `herfindahl` (its square; in the
        last row the sum: 1 of a single partner, 1/n of n equal ones), `ceded_amount` (expected
        loss), `ceded_rate`, `ceded_99_amount` (in the last row of all at once, less than the sum
        unless all partners are struck together), `limit_amount`, `limit_use`, `limit_verdict`.
        Shares of nothing are NaN. Without an arrangement it is empty.

    Source
    ------
    Herfindahl index: Hirschman (1964), American Economic Review 54(5).
    """
    own = table.drop(index=[NONE, ALL])
    exposure, ceded = own["exposure_amount"], own["partner_loss_amount"]
    total, lost = exposure.sum(), ceded.sum()
    found = pd.DataFrame(
        {
            "exposure_amount": exposure,
            "exposure_rate": exposure / (total if total > 0 else np.nan),
            "ceded_amount": ceded,
            "ceded_rate": ceded / (lost if lost > 0 else np.nan),
            "ceded_99_amount": own["partner_99_amount"],
            "limit_amount": own["limit_amount"],
            "limit_use": own["limit_use"],
            "limit_verdict": own["limit_verdict"],
        }
    )
    found.insert(2, "herfindahl", found["exposure_rate"] ** 2)
    found = found.sort_values("exposure_amount", ascending=False, kind="stable")
    found = found.rename_axis("partner")
    if found.empty:
        return found
    adds_up = ["exposure_amount", "exposure_rate", "herfindahl", "ceded_amount", "ceded_rate"]
    last = found[adds_up].sum(min_count=1).to_dict()
    last |= {"ceded_99_amount": table.loc[ALL, "partner_99_amount"], "limit_verdict": ""}
    found.loc["all partners"] = last
    return found
