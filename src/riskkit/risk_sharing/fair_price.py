"""What bearing losses is worth: the fair premium or fee of each arrangement beside its own.

Takes simulated cash by arrangement; gives a row per arrangement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import special

from riskkit.metrics import jeffreys_interval
from riskkit.risk_sharing.arrangements import Arrangement
from riskkit.risk_sharing.loss_split import MONTHS, SharedLosses, shared_losses
from riskkit.risk_sharing.sharing_table import worst_interval
from riskkit.runoff import FutureCash

__all__ = [
    "CHEAP",
    "DEAR",
    "FAIR",
    "GENEROUS",
    "TOO_LOW",
    "UNKNOWN",
    "loss_error",
    "price_table",
]

DEAR, CHEAP, FAIR, UNKNOWN = "dear", "cheap", "may be fair", "too few to say"
# of a fee that the lender is paid
TOO_LOW, GENEROUS = "too low", "generous"
LEVEL = 0.95
_SOURCES = 3  # of error: of the mean, of the quantile, of the level of losses
_FEW_STRUCK = 30  # paths on which a layer has a loss, below which its mean follows no normal law
_LOSSES = ("default_amount", "recovered_amount", "loss_amount")


def loss_error(at_default: pd.Series) -> float:
    """Relative standard error of the level of losses, as far as defaults seen tell it.

    √(1 / defaults + (half the interval of what one loses ÷ 1.96 ÷ what one loses)²)

    Parameters
    ----------
    at_default : Series
        `loans`, `lgd`, `lgd_low`, `lgd_high`: of :class:`riskkit.arrears.LossGivenDefault`.

    Returns
    -------
    float
        Infinite without a default.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> seen = pd.Series({"loans": 400, "lgd": 0.6, "lgd_low": 0.53, "lgd_high": 0.67})
    >>> round(loss_error(seen), 3)
    0.078
    """
    loans, lgd = at_default["loans"], at_default["lgd"]
    if not (loans > 0 and lgd > 0):
        return np.inf
    half = (at_default["lgd_high"] - at_default["lgd_low"]) / 2 / special.ndtri(0.975)
    return float(np.sqrt(1 / loans + (half / lgd) ** 2))


def price_table(
    cash: FutureCash,
    arrangements: Mapping[str, Arrangement],
    *,
    capital_rate: float = 0.1,
    funding_rate: float = 0.06,
    level_error: float = 0.0,
    n_months: int = MONTHS,
) -> pd.DataFrame:
    """Fair price of each arrangement beside its price.

    Fair to a partner that bears losses is

        (expected loss + capital_rate · (99 % loss − expected loss)) ÷ mean balance covered,

    a year: what it will lose, and a return on what it must hold for a year that is worse. A partner
    that lends its share itself also has the share's interest and pays for its own funds: the fee
    that it can pay is what is left of interest after both.

    The interval holds the error of the simulation (of the mean, a ratio of two sums, or of a layer
    that few paths reach at most all of it as often as it may be reached; of the quantile, by order
    statistics) and that of the level of all losses, each at so high a confidence
    that all hold together at 95 % (Bonferroni).

    Parameters
    ----------
    cash : FutureCash
        As for :func:`sharing_table`.
    arrangements : mapping of name to Arrangement
    capital_rate : float
        Return a year that the partner wants on its unexpected loss.
    funding_rate : float
        Cost a year of the funds of a partner that lends itself.
    level_error : float
        Relative standard error of the level of losses, of :func:`loss_error`; 0 where it is known.
    n_months : int

    Returns
    -------
    DataFrame, index arrangement
        `covered_amount` (mean balance covered), `price_rate` (premium, or of a share the fee; a
        year), `price_amount` (expected over the months), `ceded_amount`, `ceded_99_amount`,
        `fair_rate` with `fair_low`, `fair_high`, and `verdict`: of a premium "dear" above
        the interval and "cheap" below it, of a fee to the lender "too low" below it and "generous"
        above it; "may be fair", or "too few to say".
        An arrangement without loans has no row.

    Raises
    ------
    ValueError
        A rate outside [0, 1], or a `level_error` below 0.

    Source
    ------
    riskkit definition; cost-of-capital margin: Solvency II, directive 2009/138/EC, article 77(5).
    """
    for name, rate in {"capital_rate": capital_rate, "funding_rate": funding_rate}.items():
        if not 0 <= rate <= 1:
            raise ValueError(f"{name} must lie in [0, 1], got {rate!r}")
    if not level_error >= 0:
        raise ValueError(f"level_error must be >= 0, got {level_error!r}")
    width = special.ndtri(1 - (1 - LEVEL) / _SOURCES / 2) * level_error
    rows = {}
    for name, arrangement in arrangements.items():
        if name not in cash.groups:
            continue
        own = cash.of_group(name)
        shared = shared_losses(own, arrangement, n_months=n_months)
        years = n_months / 12
        fair, low, high = _loss_price(shared, capital_rate, years)
        if np.isfinite(width) and width > 0:
            less, more = (
                shared_losses(_scaled(own, max(1 + side, 0.0)), arrangement, n_months=n_months)
                for side in (-width, width)
            )
            low = _loss_price(less, capital_rate, years)[1]
            high = _loss_price(more, capital_rate, years)[2]
        elif width > 0:
            low = high = np.nan
        if arrangement.lends:
            left = _interest_rate(own, n_months) - funding_rate
            fair, low, high = left - fair, left - high, left - low
        ceded = shared.partner_total
        rows[name] = {
            "covered_amount": float(shared.covered.mean()),
            "price_rate": arrangement.price_rate,
            "price_amount": float(shared.price.sum(axis=1).mean()),
            "ceded_amount": float(ceded.mean()),
            "ceded_99_amount": worst_interval(ceded)[0],
            "fair_rate": fair,
            "fair_low": low,
            "fair_high": high,
            "verdict": _verdict(arrangement, low, high),
        }
    columns = [
        "covered_amount", "price_rate", "price_amount", "ceded_amount", "ceded_99_amount",
        "fair_rate", "fair_low", "fair_high", "verdict",
    ]  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("arrangement")


def _loss_price(
    shared: SharedLosses, capital_rate: float, years: float
) -> tuple[float, float, float]:
    """Price a year of the balance covered that pays for the losses, and its interval."""
    losses, covered = shared.partner_total, shared.covered.mean(axis=1)
    n, scale = len(losses), covered.mean() * years
    if not scale > 0:
        return np.nan, np.nan, np.nan
    level = 1 - (1 - LEVEL) / _SOURCES
    expected = losses.mean() / scale
    error = np.nan
    if n > 1:
        residual = (losses - expected * years * covered).std(ddof=1)
        error = special.ndtri(0.5 + level / 2) * residual / np.sqrt(n) / scale
    low, high = expected - error, expected + error
    n_struck = int((losses > 0).sum())
    if shared.cover is not None and n_struck < _FEW_STRUCK:
        # no law of large numbers: at most so often, and then all of the cover
        often = jeffreys_interval(np.array([n_struck]), np.array([n]), level)[1][0]
        low, high = 0.0, max(high, float(often * shared.cover[:, 0].mean()) / scale)
    worst = worst_interval(losses, level)
    kept, held = 1 - capital_rate, capital_rate / scale
    return (
        kept * expected + held * worst[0],
        kept * low + held * worst[1],
        kept * high + held * worst[2],
    )


def _scaled(cash: FutureCash, factor: float) -> FutureCash:
    """The same cash, were all losses so much larger."""
    amounts = {
        name: values * factor if name in _LOSSES else values
        for name, values in cash.amounts.items()
    }
    return replace(cash, amounts=amounts)


def _interest_rate(cash: FutureCash, n_months: int) -> float:
    """Interest and fees a year of the balance, on average."""
    opening = np.full((cash.n_paths, 1), cash.opening.sum())
    balance = np.column_stack([opening, cash.total("balance")[:, : n_months - 1]])
    earned = cash.total("interest_amount")[:, :n_months] + cash.total("fee_amount")[:, :n_months]
    mean = balance.mean()
    return float(earned.sum(axis=1).mean() / mean / (n_months / 12)) if mean > 0 else np.nan


def _verdict(arrangement: Arrangement, low: float, high: float) -> str:
    """Whether the lender pays too much, or is paid too little, by more than chance."""
    if np.isnan(low) or np.isnan(high):
        return UNKNOWN
    above, below = arrangement.price_rate > high, arrangement.price_rate < low
    if not (above or below):
        return FAIR
    if arrangement.lends:
        return GENEROUS if above else TOO_LOW
    return DEAR if above else CHEAP
