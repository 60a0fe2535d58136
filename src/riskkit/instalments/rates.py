"""What a loan costs a year: rates of return of cash flows, and the contract rate that earns one.

Takes evenly spaced or dated cash flows; gives IRR, APR, EAR, XIRR and the APR of United States law;
the other way round, the rate to write into a contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize

from riskkit.checks import warn
from riskkit.instalments.schedules import instalment, method_names, refuse

__all__ = ["annualised", "contract_rate", "irr", "nominal_apr", "xirr"]

_LARGE_FLOW = 1e9  # beyond it the solver needs flows in a larger unit


def irr(cashflows: npt.ArrayLike) -> float:
    """Return the internal rate per period of evenly spaced cash flows.

    Parameters
    ----------
    cashflows : array of shape (n_periods + 1,)
        First entry now; what was actually received or handed over, fees deducted.

    Returns
    -------
    float
        Fraction per period (monthly flows: per month). Where no rate is found, warns and is NaN.

    Raises
    ------
    ValueError
        If the flows do not go both ways or are not finite.

    Source
    ------
    pyxirr.

    Examples
    --------
    >>> round(irr([-100, 60, 60]), 4)
    0.1307
    """
    import pyxirr

    return _found(pyxirr.irr(_both_ways(cashflows)), "irr")


def annualised(monthly_irr: float) -> tuple[float, float]:
    """Yearly rates of a monthly one: APR = 12·i and EAR = (1 + i)¹² − 1.

    Parameters
    ----------
    monthly_irr : float
        Fraction per month, from :func:`irr`.

    Returns
    -------
    (apr, ear) : tuple of float
        Fractions per year; NaN for NaN.

    Raises
    ------
    ValueError
        If the rate is −1 or below.

    Source
    ------
    The definitions; the design's vectors.

    Examples
    --------
    >>> [round(x, 4) for x in annualised(0.02)]
    [0.24, 0.2682]
    """
    if monthly_irr <= -1:
        raise ValueError(f"monthly_irr must be > -1, got {monthly_irr!r}")
    return 12 * monthly_irr, (1 + monthly_irr) ** 12 - 1


def contract_rate(
    monthly_irr: npt.ArrayLike,
    n_months: npt.ArrayLike,
    method: npt.ArrayLike = "equal_instalment",
    *,
    fee_rate: npt.ArrayLike = 0.0,
) -> Any:
    """Monthly rate to write into the contract so that the loan costs `monthly_irr` per month.

    The borrower gets P·(1 − f). With i the IRR and A = i / (1 − (1+i)⁻ⁿ) the annuity of 1 (1 / n
    at i = 0): interest only r = i − f·A; flat fee r = (1 − f)·A − 1 / n; equal principal
    r = i·(1 − f / (1 − 1 / (n·A))); equal instalments: the r whose annuity of 1 is (1 − f)·A. The
    last two are i itself without a fee.

    Parameters
    ----------
    monthly_irr : float or array
        Internal rate of return per month on what is handed over, a fraction.
    n_months : int or array
        Number of instalments.
    method : str or array of str
        One of :data:`METHODS`, or one for each loan.
    fee_rate : float or array
        Share of the principal deducted from the disbursal, in [0, 1).

    Returns
    -------
    float or array
        Fraction per month, of the balance, or with `flat_fee` of the original principal; arrays
        are broadcast. NaN for a `monthly_irr` of NaN.

    Raises
    ------
    ValueError
        If an argument is out of range, a method is unknown, or the fee alone costs more than
        `monthly_irr`, so that the rate would be negative.

    Source
    ------
    riskkit definition, the inverse of :func:`irr` on :func:`cashflows`; design vector flat fee of
    1 % a month over 12 months, APR 21.46 %.

    Examples
    --------
    >>> round(contract_rate(0.2146 / 12, 12, "flat_fee"), 4)
    0.01
    >>> round(contract_rate(0.2191 / 12, 12, fee_rate=0.02), 4)
    0.015
    """
    names = method_names(method)
    i, n, fee = (np.asarray(x, dtype=float) for x in (monthly_irr, n_months, fee_rate))
    refuse(i < 0, "monthly_irr must be >= 0", i)
    refuse(~((fee >= 0) & (fee < 1)), "fee_rate must lie in [0, 1)", fee)
    i, n, fee, names = np.broadcast_arrays(i, n, fee, names)
    annuity = instalment(1, i, n)
    due = (1 - fee) * annuity
    rate = np.where(names == "interest_only", i - fee * annuity, due - 1 / n)
    # at a rate of zero all but interest only repay 1 / n a month: their rates have one sign
    refuse(rate < -1e-12, "fee_rate must leave a contract rate >= 0 at this monthly_irr", fee)
    rate = np.where(names == "equal_instalment", i, np.maximum(rate, 0))
    # i over the share of interest in the annuity, which is 0 / 0 where nothing is charged
    interest = 1 - 1 / (n * annuity)
    on_balance = np.divide(i, interest, out=np.asarray(2 / (n + 1)), where=interest > 1e-12)
    rate = np.where(names == "equal_principal", np.maximum(i - fee * on_balance, 0), rate)
    solve = (names == "equal_instalment") & (fee > 0)
    rate[solve] = _rate_of_annuity(due[solve], n[solve], i[solve])
    return float(rate) if rate.ndim == 0 else rate


def xirr(dates: Sequence[Any] | pd.Series | pd.DatetimeIndex, cashflows: npt.ArrayLike) -> float:
    """Yearly effective rate of return of dated cash flows (actual days over 365).

    It is the APR of European law, too, which compounds over the year; that of United States law
    does not: :func:`nominal_apr`.

    Parameters
    ----------
    dates : array of shape (n_flows,)
        Anything `pandas.to_datetime` reads.
    cashflows : array of shape (n_flows,)
        Amounts, lent negative, received positive.

    Returns
    -------
    float
        Fraction per year, which is the EAR. Where no rate is found, warns and is NaN.

    Raises
    ------
    ValueError
        If lengths differ, a date is missing, or the flows do not go both ways.

    Source
    ------
    pyxirr; the convention of spreadsheets' XIRR; Directive 2008/48/EC, Annex I, for the APR.

    Examples
    --------
    >>> round(xirr(["2023-01-01", "2024-01-01"], [-100, 110]), 4)
    0.1
    """
    import pyxirr

    flows = _both_ways(cashflows)
    days = pd.DatetimeIndex(pd.to_datetime(dates))
    if len(days) != len(flows):
        raise ValueError(
            f"dates and cashflows must be equally long, got {len(days)} and {len(flows)}"
        )
    if days.hasnans:
        raise ValueError("dates must not be missing, got NaT")
    return _found(pyxirr.xirr([day.date() for day in days], flows), "xirr")


def nominal_apr(
    advance_amount: float,
    payment_amounts: npt.ArrayLike,
    periods: npt.ArrayLike,
    *,
    periods_per_year: int = 12,
) -> float:
    """Annual percentage rate of United States law: nominal, a period's rate times periods a year.

    The rate i of a unit-period solves advance = Σ payment / ((1 + f·i)·(1 + i)ᵗ), with t the whole
    unit-periods up to a payment and f the odd part of one, which bears simple interest. It is not
    compounded over the year; the European rate, which is, is :func:`xirr`.

    Parameters
    ----------
    advance_amount : float
        What the borrower receives, in any unit of money.
    payment_amounts : float or array of shape (n_payments,)
    periods : array of shape (n_payments,)
        Unit-periods from the advance to each payment, such as 1 + 19/30 months.
    periods_per_year : int
        12 of months, 52 of weeks.

    Returns
    -------
    float
        Fraction per year.

    Raises
    ------
    ValueError
        An amount is not positive, a period is negative, or all that is paid is less than the
        advance.

    Source
    ------
    12 CFR Part 1026 (Regulation Z), Appendix J, (b)(8), and its examples.

    Examples
    --------
    >>> round(nominal_apr(5_000, 230, range(1, 25)), 4)
    0.0969
    """
    when = np.asarray(periods, dtype=float)
    paid = np.broadcast_to(np.asarray(payment_amounts, dtype=float), when.shape)
    refuse(
        ~(np.asarray(advance_amount) > 0), "advance_amount must be > 0", np.array(advance_amount)
    )
    refuse(~(paid > 0), "payment_amounts must be > 0", paid)
    refuse(~(when >= 0), "periods must be >= 0", when)
    if not paid.sum() >= advance_amount or not (when > 0).any():
        raise ValueError(
            f"payments must repay the advance of {advance_amount:g} later, got {paid.sum():g}"
        )
    whole = np.floor(when + 1e-9)
    odd = np.maximum(when - whole, 0)

    def short(rate: float) -> float:
        return float((paid / ((1 + odd * rate) * (1 + rate) ** whole)).sum() - advance_amount)

    highest = 1.0
    while short(highest) > 0 and highest < 1e6:
        highest *= 2
    return periods_per_year * float(optimize.brentq(short, 0.0, highest, xtol=1e-14))


def _rate_of_annuity(due: np.ndarray, n: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Rate r ≥ 0 at which `due` a month repays 1 over n months, by Newton from a rate above it.

    due·(1 − (1+r)⁻ⁿ) − r is concave, so from above every step falls short of the root. Towards
    r = 0 the root is double: steps only halve, and rounding must not carry them below zero.
    """
    rate = above
    for _ in range(100):
        excess = due * -np.expm1(-n * np.log1p(rate)) - rate
        slope = due * n * (1 + rate) ** -(n + 1) - 1
        step = np.divide(excess, slope, out=np.zeros_like(rate), where=slope < 0)
        rate = rate - np.minimum(step, rate)
        if np.all(step < 1e-15):
            break
    return rate


def _both_ways(flows: npt.ArrayLike) -> np.ndarray:
    values = np.asarray(flows, dtype=float)
    if not (np.isfinite(values).all() and (values > 0).any() and (values < 0).any()):
        raise ValueError(
            f"cashflows must be finite and go both ways (some > 0, some < 0), got {values.tolist()}"
        )
    # the solver's tolerance is in units of the flows: large ones would never meet it
    size = float(np.abs(values).max())
    return values / size if size > _LARGE_FLOW else values


def _found(rate: float | None, name: str) -> float:
    if rate is None:
        warn(f"{name}: no rate of return found, NaN returned")
        return float("nan")
    return float(rate)
