"""How take-up and default answer to price and to limit, as tests at random tell.

Takes applications that were dealt to groups; gives slopes of log-odds with their intervals, and how
many offers a test needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import MIN_BADS, holm
from riskkit.checks import Array, check_level, probability_array, require_columns, same_rows
from riskkit.trials.groups import CONTROL, TESTS, arms_of

__all__ = ["FALLS", "FEW", "NONE", "RISES", "demand_from_tests", "offers_needed"]

RISES, FALLS = "rises beyond chance", "falls beyond chance"
FEW, NONE = "too few to say", "not beyond chance"
POWER = 0.8
HIGHEST_RISK = 3.0  # log-odds from the mean from which on sensitivity no longer changes
# what a test should be able to tell from nothing, where nobody states it
WORTH_TELLING = {
    ("price", "take-up"): -6.0,
    ("price", "default"): 1.5,
    ("limit", "take-up"): 0.5,
    ("limit", "default"): 0.25,
}
_COLUMNS = {"price": "offer_apr", "limit": "offer_limit"}


def demand_from_tests(
    applications: pd.DataFrame,
    *,
    probability: pd.Series | np.ndarray | None = None,
    take_up_risk_slope: float = 0.0,
    worth_telling: Mapping[tuple[str, str], float] | None = None,
    level: float = 0.95,
) -> pd.DataFrame | None:
    """Slopes of the log-odds of take-up and of default in price and in limit; None without tests.

    Each slope is that of a logistic regression on what the groups were dealt: the mean price of a
    group's offers (or mean log of their limit), not the price of the single offer, which the old
    policy chose. So it is the effect of the price, and no selection.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        approved, booked, default_flag, test_group; offer_apr (a fraction a year), offer_limit.
    probability : array of shape (n,), optional
        Of bad, by the model, for every application, in (0, 1). Risk = its log-odds above those of
        the mean of all offers that were dealt. Without it the slopes are marginal: of all offers
        together.
    take_up_risk_slope : float
        With `probability`: one unit of risk makes a borrower exp(−slope) times as sensitive to the
        price, as :class:`riskkit.offers.Demand` has it; the slope of take-up is then that of a
        borrower of mean risk.
    worth_telling : mapping of (test, outcome) to float, optional
        Slopes that a test should be able to tell from 0; of one that is 0, the default's.
    level : float

    Returns
    -------
    DataFrame, index (test, outcome), or None
        test "price" or "limit"; outcome "take-up" (of all offers) or "default" (of the loans of
        known outcome: whom the price attracts and what it burdens them with, together). counted
        (offers, or loans); rarer (the number with the rarer outcome); slope per unit of APR (100
        percentage points), or of log limit (a doubling is 0.69), low, high; p_value, after Holm
        over the rows; worth_telling; needed (offers or loans of such groups that would tell it from
        0 in four tests of five); verdict: "rises" or "falls beyond chance", "too few to say" (fewer
        than 30 of the rarer outcome, or not beyond chance and counted fewer than needed), or "not
        beyond chance".

    Raises
    ------
    ValueError
        A column is missing, a probability lies outside (0, 1), or `take_up_risk_slope` is negative.

    Notes
    -----
    The error of a group's mean price is left out: it is about a tenth of the slope's own.

    Source
    ------
    Phillips (2018), Pricing credit products, on price tests; Hsieh, Bloch, Larsen (1998),
    Statistics in Medicine 17(14), on the number needed; Holm (1979).
    """
    check_level(level)
    if not take_up_risk_slope >= 0:
        raise ValueError(f"take_up_risk_slope must be >= 0, got {take_up_risk_slope!r}")
    groups = {what: arms_of(applications, what) for what in TESTS}
    if all(group is None for group in groups.values()):
        return None
    require_columns(applications, ["approved", "booked", "default_flag"], "applications")
    same_rows(applications=applications, probability=probability)
    dealt_any = np.logical_or.reduce([g.notna() for g in groups.values() if g is not None])
    risk = None if probability is None else _risk(probability, dealt_any)
    stated = {key: slope for key, slope in (worth_telling or {}).items() if slope}
    worth = {**WORTH_TELLING, **stated}
    flag = applications["default_flag"].to_numpy(float)
    booked = applications["booked"].to_numpy(bool)
    rows = {}
    for what, group in groups.items():
        if group is None:
            continue
        dose = _dose(applications, group, what)
        dealt = ~np.isnan(dose)
        calm = np.ones(len(dose))
        if what == "price" and risk is not None:
            calm = np.exp(-take_up_risk_slope * risk)
        known = dealt & ~np.isnan(flag)
        asked = {
            "take-up": (booked[dealt].astype(float), (dose * calm)[dealt], dealt),
            "default": (flag[known], dose[known], known),
        }
        for outcome, (y, x, part) in asked.items():
            of_risk = None if risk is None else risk[part]
            rows[what, outcome] = _slope_row(y, x, of_risk, worth[what, outcome], level)
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(rows, names=["test", "outcome"])
    table["p_value"] = holm(table["p_value"])
    table["verdict"] = [_verdict(row, 1 - level) for _, row in table.iterrows()]
    return table.astype({"counted": "int64", "rarer": "int64"})


def _risk(probability: pd.Series | np.ndarray, dealt: Array) -> Array:
    chance = probability_array(probability, "probability")
    if not ((chance > 0) & (chance < 1)).all():
        raise ValueError("probability must lie in (0, 1)")
    risk = special.logit(chance) - special.logit(chance[dealt].mean())
    return np.asarray(np.clip(risk, -HIGHEST_RISK, HIGHEST_RISK))


def _dose(applications: pd.DataFrame, group: pd.Series, what: str) -> Array:
    """What the group of each offer was dealt on average, less what the control group got."""
    require_columns(applications, [_COLUMNS[what]], "applications")
    offered = applications[_COLUMNS[what]].astype(float)
    if what == "limit":
        offered = np.log(offered.where(offered > 0))
    means = offered.groupby(group).mean()
    return (group.map(means) - means[CONTROL]).to_numpy(float)


def _slope_row(
    y: Array, x: Array, risk: Array | None, worth_telling: float, level: float
) -> dict[str, float | str]:
    rarer = int(min((y == 1).sum(), (y == 0).sum()))
    unknown = ("slope", "low", "high", "p_value", "needed")
    row: dict[str, float | str] = {"counted": len(y), "rarer": rarer}
    row |= dict.fromkeys(unknown, np.nan) | {"worth_telling": worth_telling}
    if rarer < MIN_BADS:
        return row
    columns = [np.ones(len(y)), x] if risk is None else [np.ones(len(y)), x, risk]
    fitted = _logistic(np.column_stack(columns), y)
    if fitted is None:
        return row
    slope, error = fitted
    half = float(special.ndtri(0.5 + level / 2))
    told = half + float(special.ndtri(POWER))
    row |= {"slope": slope, "low": slope - half * error, "high": slope + half * error}
    row["p_value"] = float(2 * special.ndtr(-abs(slope) / error))
    row["needed"] = ceil(len(y) * (told * error / worth_telling) ** 2)
    return row


def _logistic(columns: Array, y: Array) -> tuple[float, float] | None:
    """Coefficient of the second column and its standard error; None where there is no maximum."""
    scale = np.where(columns.std(axis=0) > 0, columns.std(axis=0), 1.0)
    if scale[1] == 1.0 and columns[:, 1].std() == 0:
        return None
    z = columns / scale
    beta = np.zeros(z.shape[1])
    beta[0] = special.logit(y.mean())
    for _ in range(25):
        chance = special.expit(z @ beta)
        information = (z * (chance * (1 - chance))[:, None]).T @ z
        if np.linalg.cond(information) > 1e10:
            return None
        step = np.linalg.solve(information, z.T @ (y - chance))
        # from the mean rate on, steps are short; what runs away has no maximum
        beta = beta + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            error = np.sqrt(np.linalg.inv(information)[1, 1])
            return float(beta[1] / scale[1]), float(error / scale[1])
    return None


def _verdict(row: pd.Series, alpha: float) -> str:
    if pd.isna(row["slope"]):
        return FEW
    if row["p_value"] < alpha:
        return RISES if row["slope"] > 0 else FALLS
    return NONE if row["counted"] >= row["needed"] else FEW


def offers_needed(
    slope: float,
    *,
    rate: float,
    dose: float,
    tested_rate: float,
    power: float = POWER,
    level: float = 0.95,
) -> int:
    """How many offers a test needs to tell a slope of log-odds from none.

    N = (z₁₋α⁄₂ + z_power)² ÷ (slope² · rate · (1 − rate) · tested_rate · dose²), one half of the
    tested offers lowered by the dose, one half raised by it, all others the control group.

    Parameters
    ----------
    slope : float
        To be told from 0, per unit of the dose; not 0.
    rate : float
        Share of the offers that are taken (or of the loans that turn bad), in (0, 1).
    dose : float
        Such as 0.04 of APR; above 0.
    tested_rate : float
        Share of the offers dealt to the two arms, in (0, 1].
    power : float
        Probability that the test tells it, in (0, 1).
    level : float
        Of the two-sided interval that must not hold 0.

    Raises
    ------
    ValueError
        Names the rule and the value.

    Source
    ------
    Hsieh, Bloch, Larsen (1998), Statistics in Medicine 17(14): the information on a logistic slope.

    Examples
    --------
    >>> offers_needed(-6, rate=0.91, dose=0.04, tested_rate=0.10)
    16639
    """
    check_level(level)
    rules = {
        "slope": (slope, slope != 0 and np.isfinite(slope), "finite and not 0"),
        "rate": (rate, 0 < rate < 1, "in (0, 1)"),
        "dose": (dose, 0 < dose < np.inf, "> 0"),
        "tested_rate": (tested_rate, 0 < tested_rate <= 1, "in (0, 1]"),
        "power": (power, 0 < power < 1, "in (0, 1)"),
    }
    for name, (value, holds, rule) in rules.items():
        if not holds:
            raise ValueError(f"{name} must be {rule}, got {value!r}")
    told = float(special.ndtri(0.5 + level / 2) + special.ndtri(power))
    return ceil(told**2 / (slope**2 * rate * (1 - rate) * tested_rate * dose**2))
