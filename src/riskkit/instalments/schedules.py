"""What is due when: the four ways of repaying a loan, month by month.

Takes a principal, a monthly rate and a number of months; gives the instalments in whole fen.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "METHODS",
    "Method",
    "Rounding",
    "cashflows",
    "fen_below",
    "instalment",
    "method_names",
    "refuse",
    "schedule",
    "schedules",
]

# a new method comes last: others store the position of one
Method = Literal["equal_instalment", "interest_only", "flat_fee", "equal_principal"]
METHODS: tuple[Method, ...] = get_args(Method)
Rounding = Literal["nearest", "down"]
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
_EQUAL_PARTS = ("flat_fee", "equal_principal")  # the same part of the principal every month


def instalment(
    principal: npt.ArrayLike,
    monthly_rate: npt.ArrayLike,
    n_months: npt.ArrayLike,
    method: npt.ArrayLike = "equal_instalment",
) -> Any:
    """Amount due each month but the last, before rounding; of equal principal the first.

    Equal instalments: P·r(1+r)ⁿ / ((1+r)ⁿ − 1), or P / n at a rate of zero; interest only: P·r;
    flat fee: P / n + P·r; equal principal: P / n + P·r in the first month, the most that ever falls
    due, and P·r / n less each month.

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
    >>> instalment(1200, 0.01, 12, METHODS).round(2)
    array([106.62,  12.  , 112.  , 112.  ])
    """
    p, r, n = (np.asarray(x, dtype=float) for x in (principal, monthly_rate, n_months))
    names = method_names(method)
    refuse(p < 0, "principal must be >= 0", p)
    refuse(r < 0, "monthly_rate must be >= 0", r)
    refuse((n < 1) | (n != np.floor(n)), "n_months must be a whole number >= 1", n)
    # expm1/log1p keep their digits at rates close to zero, where (1+r)ⁿ − 1 loses them
    with np.errstate(divide="ignore", invalid="ignore"):
        annuity = p * r / -np.expm1(-n * np.log1p(r))
    value = np.select(
        [names == "interest_only", np.isin(names, _EQUAL_PARTS), r == 0],
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
    rounding: Rounding = "nearest",
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
    rounding : {"nearest", "down"}
        Of interest, fee and equal instalments to whole fen: to the nearest one, half to even, or
        down, so that no loan ever costs more than its rate.

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
        exceeds `max_months`, or the rounding is another.

    Source
    ------
    riskkit definition; interest of a month = balance × rate, rounded; flat fee = principal × rate
    likewise; flat fee and equal principal repay ⌊P / n⌋ of the principal a month. Rounded down, no
    month charges more than the rate on what is owed, and what is due later for it is worth no more
    today: the internal rate of return is at most the rate.

    Examples
    --------
    >>> due, balance = schedules(1_000_000, 0.02, [12, 3], ["equal_instalment", "interest_only"])
    >>> due.sum(axis=1).tolist(), balance[:, -1].tolist()
    ([1134715, 1060000], [0, 0])
    """
    names = method_names(method)
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding must be one of {', '.join(ROUNDINGS)}, got {rounding!r}")
    to_fen = np.rint if rounding == "nearest" else fen_below
    p, r, n, flat, in_parts = np.broadcast_arrays(
        np.atleast_1d(_fen(principal)),
        np.asarray(monthly_rate, dtype=float),
        np.asarray(n_months),
        names == "flat_fee",
        np.isin(names, _EQUAL_PARTS),
    )
    refuse(~np.isfinite(r), "monthly_rate must be finite", r)
    unrounded = instalment(p, r, n, names)
    width = max_months if max_months is not None else int(n.max(initial=0))
    refuse(n > width, f"n_months must be <= max_months = {width}", n)
    fee = np.where(flat, to_fen(p * r), 0)
    rate_on_balance = np.where(flat, 0, r)
    # of an instalment, or of the part of the principal in it
    regular = np.where(in_parts, p // np.maximum(n, 1), to_fen(unrounded))
    contains_interest = np.where(in_parts, 0.0, 1.0)
    due = np.zeros((len(p), width + 1), dtype=np.int64)
    balance = np.zeros_like(due)
    balance[:, 0] = p
    left = p.astype(float)  # exact for whole fen up to 2⁵³, and faster than casting every month
    for number in range(1, width + 1):
        interest = to_fen(left * rate_on_balance) + fee
        # rounding of a tiny loan may pay it off early: never repay more than is left
        repaid = np.minimum(regular - contains_interest * interest, left)
        repaid = np.where(number == n, left, repaid)
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
    rounding: Rounding = "nearest",
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
    method : {"equal_instalment", "interest_only", "flat_fee", "equal_principal"}
        Equal instalments (等额本息); interest only and the principal with the last one (先息后本);
        equal parts of the principal plus a constant monthly fee; equal parts of the principal plus
        the interest on what is left (等额本金).
    fee_amount : int
        Fee deducted from the disbursal, fen. When not zero it is row number 0.
    rounding : {"nearest", "down"}
        As in :func:`schedules`.

    Returns
    -------
    DataFrame of shape (n_months [+ 1],), all int64 fen but `number`
        `number`, `due_amount` = `interest_amount` (interest or fee) + `principal_amount`,
        `balance` (principal left after it). The last instalment absorbs the rounding and leaves
        exactly zero.

    Raises
    ------
    ValueError
        If an argument is out of range, not whole fen, or `method` or `rounding` unknown.

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
    dues, balances = schedules(p, monthly_rate, n_months, method, rounding=rounding)
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


def method_names(method: npt.ArrayLike) -> np.ndarray:
    """Names of methods as an array, an unknown one refused."""
    names = np.asarray(method, dtype=str)
    refuse(~np.isin(names, METHODS), f"method must be one of {', '.join(METHODS)}", names)
    return names


def fen_below(amount: npt.ArrayLike) -> np.ndarray:
    """Whole fen below an amount; what is whole but for its last digits stays what it is.

    Examples
    --------
    >>> fen_below([0.29 * 100, 28.99]).tolist()
    [29.0, 28.0]
    """
    whole: np.ndarray = np.floor(np.asarray(amount, dtype=float) + 1e-6)
    return whole


def _fen(amount: npt.ArrayLike) -> np.ndarray:
    """Amounts as int64, refused where a fraction of a fen would be lost."""
    given = np.asarray(amount)
    with np.errstate(invalid="ignore"):
        whole = given.astype(np.int64)
    refuse(whole != given, "amounts must be whole fen", given)
    return whole


def refuse(broken: np.ndarray, rule: str, values: np.ndarray) -> None:
    """Refuse the first value that breaks a rule."""
    if np.any(broken):
        raise ValueError(f"{rule}, got {values[broken].flat[0].item()!r}")
