"""Cost of a loan, month by month and per year.

Takes a principal, a monthly rate and a number of months (or dated cash flows); gives the repayment
schedule in whole fen, one row per instalment, and the rates of return: IRR, APR, EAR, XIRR.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "annualised",
    "cashflows",
    "equal_instalments",
    "instalment",
    "irr",
    "schedule",
    "xirr",
]

Method = Literal["equal_instalment", "interest_only", "flat_fee"]


def instalment(
    principal: npt.ArrayLike, monthly_rate: npt.ArrayLike, n_months: npt.ArrayLike
) -> Any:
    """Equal monthly instalment that pays a loan back, P·r(1+r)ⁿ / ((1+r)ⁿ − 1).

    Parameters
    ----------
    principal : float or array
        Amount lent, in any unit of money.
    monthly_rate : float or array
        Interest per month as a fraction; at zero the instalment is P / n.
    n_months : int or array
        Number of instalments.

    Returns
    -------
    float or array
        In the unit of `principal`, unrounded; arrays are broadcast. NaN stays NaN.

    Raises
    ------
    ValueError
        If a principal or rate is negative, or a number of months is not a whole number ≥ 1.

    Source
    ------
    The annuity formula; design vector 10,000 at 2 % over 12 months.

    Examples
    --------
    >>> round(instalment(10_000, 0.02, 12), 2)
    945.6
    >>> instalment(1200, 0, 12)
    100.0
    """
    p, r, n = (np.asarray(x, dtype=float) for x in (principal, monthly_rate, n_months))
    _refuse(p < 0, "principal must be >= 0", p)
    _refuse(r < 0, "monthly_rate must be >= 0", r)
    _refuse((n < 1) | (n != np.floor(n)), "n_months must be a whole number >= 1", n)
    # expm1/log1p keep their digits at rates close to zero, where (1+r)ⁿ − 1 loses them
    with np.errstate(divide="ignore", invalid="ignore"):
        annuity = p * r / -np.expm1(-n * np.log1p(r))
    value = np.where(r == 0, p / n, annuity)
    return float(value) if value.ndim == 0 else value


def equal_instalments(
    principal: npt.ArrayLike,
    monthly_rate: npt.ArrayLike,
    n_months: npt.ArrayLike,
    *,
    max_months: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Instalments due and principal left of many equal-instalment loans at once.

    Parameters
    ----------
    principal : int array of shape (n_loans,)
        Fen.
    monthly_rate : float array of shape (n_loans,)
        Fraction per month.
    n_months : int array of shape (n_loans,)
        Number of instalments.
    max_months : int, optional
        Number of instalment columns; the longest term unless given.

    Returns
    -------
    due, balance : int64 arrays of shape (n_loans, max_months + 1), fen
        Column j is instalment j, and the principal left once it is paid; column 0 is the disbursal
        (nothing due, the whole principal left). Beyond a loan's term both are zero. The last
        instalment absorbs the rounding, so the balance ends at exactly zero.

    Raises
    ------
    ValueError
        As :func:`instalment`, or if a principal is not whole fen, or a term exceeds `max_months`.

    Source
    ------
    riskkit definition; interest of a month = balance × rate, rounded half to even.

    Examples
    --------
    >>> due, balance = equal_instalments([1_000_000], [0.02], [12])
    >>> int(due.sum()), int(balance[0, -1])
    (1134715, 0)
    """
    p, r, n = np.broadcast_arrays(
        np.atleast_1d(_fen(principal)), np.asarray(monthly_rate, dtype=float), np.asarray(n_months)
    )
    regular = np.rint(instalment(p, r, n)).astype(np.int64)
    width = max_months if max_months is not None else int(n.max(initial=0))
    _refuse(n > width, f"n_months must be <= max_months = {width}", n)
    due = np.zeros((len(p), width + 1), dtype=np.int64)
    balance = np.zeros_like(due)
    balance[:, 0] = p
    for number in range(1, width + 1):
        before = balance[:, number - 1]
        interest = np.rint(before * r).astype(np.int64)
        # rounding of a tiny loan may pay it off early: never repay more than is left
        repaid = np.where(number == n, before, np.clip(regular - interest, 0, before))
        balance[:, number] = before - repaid
        due[:, number] = np.where(number <= n, repaid + interest, 0)
    return due, balance


def schedule(
    principal: int,
    monthly_rate: float,
    n_months: int,
    *,
    method: Method = "equal_instalment",
    fee_amount: int = 0,
) -> pd.DataFrame:
    """Repayment schedule of one loan in whole fen, one row per instalment.

    Parameters
    ----------
    principal : int
        Contract principal, fen.
    monthly_rate : float
        Interest per month on the balance, or with `flat_fee` the fee per month on the original
        principal; a fraction.
    n_months : int
        Number of instalments.
    method : {"equal_instalment", "interest_only", "flat_fee"}
        Equal instalments; interest only and the principal with the last one; equal parts of the
        principal plus a constant monthly fee.
    fee_amount : int
        Fee deducted from the disbursal, fen. When not zero it is row number 0.

    Returns
    -------
    DataFrame of shape (n_months [+ 1],), all int64 fen but `number`
        `number`, `due_amount` = `interest_amount` (interest or fee) + `principal_amount`,
        `balance` (principal left after it). The last instalment absorbs the rounding and leaves
        exactly zero.

    Raises
    ------
    ValueError
        If an argument is out of range, not whole fen, or `method` is unknown.

    Source
    ------
    riskkit definition; design vector 10,000 at 2 % over 12 months, interest 1,347.15.

    Examples
    --------
    >>> table = schedule(1_000_000, 0.02, 12)
    >>> int(table["interest_amount"].sum()), int(table["due_amount"].iloc[0])
    (134715, 94560)
    """
    fee = int(_fen(fee_amount))
    p = int(_fen(principal))
    instalment(p, monthly_rate, n_months)  # one place for the checks of the three
    n_months = int(n_months)
    if not 0 <= fee <= p:
        raise ValueError(f"fee_amount must lie in 0..principal = {p}, got {fee_amount!r}")
    if method == "equal_instalment":
        dues, balances = equal_instalments([p], [monthly_rate], [n_months])
        due, balance = dues[0, 1:], balances[0]
        interest = due + np.diff(balance)
    elif method == "interest_only":
        balance = np.r_[np.full(n_months, p), 0]
        interest = np.full(n_months, round(p * monthly_rate))
    elif method == "flat_fee":
        balance = np.r_[p - np.arange(n_months) * (p // n_months), 0]
        interest = np.full(n_months, round(p * monthly_rate))
    else:
        raise ValueError(
            f"method must be one of equal_instalment, interest_only, flat_fee, got {method!r}"
        )
    repaid = -np.diff(balance)
    table = pd.DataFrame(
        {
            "number": np.arange(1, n_months + 1),
            "due_amount": interest + repaid,
            "interest_amount": interest,
            "principal_amount": repaid,
            "balance": balance[1:],
        }
    ).astype("int64")
    if fee:
        upfront = pd.DataFrame([[0, fee, fee, 0, p]], columns=table.columns)
        table = pd.concat([upfront, table], ignore_index=True)
    return table


def cashflows(table: pd.DataFrame) -> np.ndarray:
    """Monthly cash flows of the lender over a schedule: lent negative, received positive.

    Parameters
    ----------
    table : DataFrame
        From :func:`schedule`.

    Returns
    -------
    int64 array of shape (n_months + 1,), fen
        Entry 0 is what was actually handed over, the fee deducted.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> cashflows(schedule(100_000, 0.0, 2, fee_amount=2_000)).tolist()
    [-98000, 50000, 50000]
    """
    flows = np.zeros(int(table["number"].max()) + 1, dtype=np.int64)
    flows[0] = -table["principal_amount"].sum()
    flows[table["number"].to_numpy()] += table["due_amount"].to_numpy()
    return flows


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


def xirr(dates: Sequence[Any] | pd.Series | pd.DatetimeIndex, cashflows: npt.ArrayLike) -> float:
    """Yearly effective rate of return of dated cash flows (actual days over 365).

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
    pyxirr; the convention of spreadsheets' XIRR.

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


def _fen(amount: npt.ArrayLike) -> np.ndarray:
    """Amounts as int64, refused where a fraction of a fen would be lost."""
    given = np.asarray(amount)
    with np.errstate(invalid="ignore"):
        whole = given.astype(np.int64)
    _refuse(whole != given, "amounts must be whole fen", given)
    return whole


def _refuse(broken: np.ndarray, rule: str, values: np.ndarray) -> None:
    if np.any(broken):
        raise ValueError(f"{rule}, got {values[broken].flat[0].item()!r}")


def _both_ways(flows: npt.ArrayLike) -> np.ndarray:
    values = np.asarray(flows, dtype=float)
    if not (np.isfinite(values).all() and (values > 0).any() and (values < 0).any()):
        raise ValueError(
            f"cashflows must be finite and go both ways (some > 0, some < 0), got {values.tolist()}"
        )
    return values


def _found(rate: float | None, name: str) -> float:
    if rate is None:
        warnings.warn(f"{name}: no rate of return found, NaN returned", stacklevel=3)
        return float("nan")
    return float(rate)
