"""Cost of a loan, month by month and per year.

Takes a principal, a monthly rate and a number of months (or dated cash flows); gives the repayment
schedule in whole fen, one row per instalment, and the rates of return: IRR, APR, EAR, XIRR; and the
other way round, the contract rate that earns a given IRR.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from riskkit.checks import warn

__all__ = [
    "METHODS",
    "annualised",
    "cashflows",
    "contract_rate",
    "instalment",
    "irr",
    "schedule",
    "schedules",
    "xirr",
]

Method = Literal["equal_instalment", "interest_only", "flat_fee"]
METHODS: tuple[Method, ...] = get_args(Method)


def instalment(
    principal: npt.ArrayLike,
    monthly_rate: npt.ArrayLike,
    n_months: npt.ArrayLike,
    method: npt.ArrayLike = "equal_instalment",
) -> Any:
    """Amount due each month but the last, before rounding.

    Equal instalments: P·r(1+r)ⁿ / ((1+r)ⁿ − 1), or P / n at a rate of zero; interest only: P·r;
    flat fee: P / n + P·r.

    Parameters
    ----------
    principal : float or array
        Amount lent, in any unit of money.
    monthly_rate : float or array
        Interest per month on the balance, or with `flat_fee` the fee per month on the original
        principal; a fraction.
    n_months : int or array
        Number of instalments.
    method : str or array of str
        One of :data:`METHODS`, or one for each loan.

    Returns
    -------
    float or array
        In the unit of `principal`, unrounded; arrays are broadcast. NaN stays NaN.

    Raises
    ------
    ValueError
        If a principal or rate is negative, a number of months is not a whole number ≥ 1, or a
        method is unknown.

    Source
    ------
    The annuity formula; design vector 10,000 at 2 % over 12 months.

    Examples
    --------
    >>> round(instalment(10_000, 0.02, 12), 2)
    945.6
    >>> instalment(1200, 0.01, 12, ["equal_instalment", "interest_only", "flat_fee"]).round(2)
    array([106.62,  12.  , 112.  ])
    """
    p, r, n = (np.asarray(x, dtype=float) for x in (principal, monthly_rate, n_months))
    names = _method_names(method)
    _refuse(p < 0, "principal must be >= 0", p)
    _refuse(r < 0, "monthly_rate must be >= 0", r)
    _refuse((n < 1) | (n != np.floor(n)), "n_months must be a whole number >= 1", n)
    # expm1/log1p keep their digits at rates close to zero, where (1+r)ⁿ − 1 loses them
    with np.errstate(divide="ignore", invalid="ignore"):
        annuity = p * r / -np.expm1(-n * np.log1p(r))
    value = np.select(
        [names == "interest_only", names == "flat_fee", r == 0],
        [p * r, p / n + p * r, p / n],
        annuity,
    )
    return float(value) if value.ndim == 0 else value


def schedules(
    principal: npt.ArrayLike,
    monthly_rate: npt.ArrayLike,
    n_months: npt.ArrayLike,
    method: npt.ArrayLike = "equal_instalment",
    *,
    max_months: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Instalments due and principal left of many loans at once.

    Parameters
    ----------
    principal : int array of shape (n_loans,)
        Fen.
    monthly_rate : float array of shape (n_loans,)
        Fraction per month, of the balance, or with `flat_fee` of the original principal.
    n_months : int array of shape (n_loans,)
        Number of instalments.
    method : str or str array of shape (n_loans,)
        One of :data:`METHODS` as in :func:`schedule`, or one for each loan.
    max_months : int, optional
        Number of instalment columns; the longest term unless given.

    Returns
    -------
    due, balance : int64 arrays of shape (n_loans, max_months + 1), fen
        Column j is instalment j, and the principal left once it is paid; column 0 is the disbursal
        (nothing due, the whole principal left). Beyond a loan's term both are zero. The last
        instalment absorbs the rounding, so the balance ends at exactly zero. No loans, no rows.

    Raises
    ------
    ValueError
        As :func:`instalment`, or if a principal is not whole fen, a rate is not finite, or a term
        exceeds `max_months`.

    Source
    ------
    riskkit definition; interest of a month = balance × rate, rounded half to even; flat fee =
    principal × rate likewise, beside ⌊P / n⌋ of the principal.

    Examples
    --------
    >>> due, balance = schedules(1_000_000, 0.02, [12, 3], ["equal_instalment", "interest_only"])
    >>> due.sum(axis=1).tolist(), balance[:, -1].tolist()
    ([1134715, 1060000], [0, 0])
    """
    names = _method_names(method)
    p, r, n, flat = np.broadcast_arrays(
        np.atleast_1d(_fen(principal)),
        np.asarray(monthly_rate, dtype=float),
        np.asarray(n_months),
        names == "flat_fee",
    )
    _refuse(~np.isfinite(r), "monthly_rate must be finite", r)
    unrounded = instalment(p, r, n, names)
    width = max_months if max_months is not None else int(n.max(initial=0))
    _refuse(n > width, f"n_months must be <= max_months = {width}", n)
    fee = np.where(flat, np.rint(p * r), 0)
    rate_on_balance = np.where(flat, 0, r)
    regular = np.where(flat, p // n + fee, np.rint(unrounded))
    due = np.zeros((len(p), width + 1), dtype=np.int64)
    balance = np.zeros_like(due)
    balance[:, 0] = p
    left = p.astype(float)  # exact for whole fen up to 2⁵³, and faster than casting every month
    for number in range(1, width + 1):
        interest = np.rint(left * rate_on_balance) + fee
        # rounding of a tiny loan may pay it off early: never repay more than is left
        repaid = np.where(number == n, left, np.minimum(regular - interest, left))
        left = left - repaid
        balance[:, number] = left
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
    dues, balances = schedules(p, monthly_rate, n_months, method)
    if not 0 <= fee <= p:
        raise ValueError(f"fee_amount must lie in 0..principal = {p}, got {fee_amount!r}")
    due, balance = dues[0, 1:], balances[0]
    repaid = -np.diff(balance)
    table = pd.DataFrame(
        {
            "number": np.arange(1, len(due) + 1),
            "due_amount": due,
            "interest_amount": due - repaid,
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


def contract_rate(
    monthly_irr: npt.ArrayLike,
    n_months: npt.ArrayLike,
    method: npt.ArrayLike = "equal_instalment",
    *,
    fee_rate: npt.ArrayLike = 0.0,
) -> Any:
    """Monthly rate to write into the contract so that the loan costs `monthly_irr` per month.

    The borrower gets P·(1 − f). With i the IRR and A = i / (1 − (1+i)⁻ⁿ) the annuity of 1 (1 / n
    at i = 0): interest only r = i − f·A; flat fee r = (1 − f)·A − 1 / n; equal instalments: the r
    whose annuity of 1 is (1 − f)·A, which is i itself without a fee.

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
    names = _method_names(method)
    i, n, fee = (np.asarray(x, dtype=float) for x in (monthly_irr, n_months, fee_rate))
    _refuse(i < 0, "monthly_irr must be >= 0", i)
    _refuse(~((fee >= 0) & (fee < 1)), "fee_rate must lie in [0, 1)", fee)
    i, n, fee, names = np.broadcast_arrays(i, n, fee, names)
    annuity = instalment(1, i, n)
    due = (1 - fee) * annuity
    rate = np.where(names == "interest_only", i - fee * annuity, due - 1 / n)
    # equal instalments total n·due like a flat fee, so their rate has the sign of the fee's
    _refuse(rate < -1e-12, "fee_rate must leave a contract rate >= 0 at this monthly_irr", fee)
    rate = np.where(names == "equal_instalment", i, np.maximum(rate, 0))
    solve = (names == "equal_instalment") & (fee > 0)
    rate[solve] = _rate_of_annuity(due[solve], n[solve], i[solve])
    return float(rate) if rate.ndim == 0 else rate


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


def _method_names(method: npt.ArrayLike) -> np.ndarray:
    names = np.asarray(method, dtype=str)
    _refuse(~np.isin(names, METHODS), f"method must be one of {', '.join(METHODS)}", names)
    return names


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
        warn(f"{name}: no rate of return found, NaN returned")
        return float("nan")
    return float(rate)
