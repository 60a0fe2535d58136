"""Arrears over the balance of today, and over that of months ago, which made them.

Takes balances and loans by bucket and month; gives both rates by month, and what they say in words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import MIN_BADS
from riskkit.checks import Array, check_level
from riskkit.columns import calendar_months, interval_text

__all__ = ["delinquency_findings", "delinquency_table", "delinquency_text"]

BEYOND_CHANCE = 1.96  # standard errors
VERDICTS = {
    "hides": (
        "**Growth hides arrears:** the rate of today does not rise, the lagged one does, by more "
        "than chance."
    ),
    "rises": (
        "**Payment gets worse:** the lagged rate has risen by more than chance, and the rate of "
        "today shows it."
    ),
    "falls": "**Payment gets better:** the lagged rate has fallen by more than chance.",
    "chance": "The lagged rate has not moved by more than chance.",
}


def delinquency_table(
    balances: pd.DataFrame,
    loans: pd.DataFrame,
    *,
    from_bucket: int = 2,
    months: int = 6,
    level: float = 0.95,
) -> pd.DataFrame:
    """Coincident and lagged delinquency: what is past due over the book of now, and of then.

    A book that grows divides the arrears of few older loans by the balance of many young ones, that
    cannot be in arrears yet: the coincident rate falls though nobody pays better. Over the balance
    of the months in which those loans were granted, growth does not help. Lagged ÷ coincident is
    how much the book has grown.

    Parameters
    ----------
    balances : DataFrame
        Of :func:`bucket_balances`.
    loans : DataFrame
        Of :func:`bucket_balances` with `measure="loans"`, of the same book; where there are no
        balances, these twice.
    from_bucket : int
        The first bucket that counts as bad: 2 is more than one month past due.
    months : int
        How long ago the balance was that the arrears are held against.
    level : float
        Of the interval, in (0, 1).

    Returns
    -------
    DataFrame of shape (n_months,), index month_end
        `balance_amount` and `bad_amount` in the unit of `balances`, charged-off loans in neither;
        `bad_loans`; `coincident_rate` = bad ÷ balance now; `lagged_rate` = bad now ÷ balance
        `months` months ago, with `lagged_low` and `lagged_high`: the rate times the exact Poisson
        interval of the loans that are bad over their number, as if each owed alike;
        `growth_rate` of the balance over those months; `gap_rate` = lagged − coincident. NaN where
        the earlier month was not seen, or the balance is 0.

    Raises
    ------
    ValueError
        `from_bucket` or `months` below 1, buckets that do not reach it, tables of other months.

    Source
    ------
    riskkit definition; Garwood (1936), Biometrika 28(3/4), for the Poisson interval.

    Examples
    --------
    >>> index = pd.DatetimeIndex(["2024-01-31", "2024-02-29"], name="month_end")
    >>> columns = ["M0 current", "M1+ 1st month past due or later", "charged off"]
    >>> balances = pd.DataFrame([[1000, 0, 0], [1950, 50, 30]], index=index, columns=columns)
    >>> table = delinquency_table(balances, balances // 10, from_bucket=1, months=1)
    >>> table[["coincident_rate", "lagged_rate", "growth_rate"]].iloc[-1].tolist()
    [0.025, 0.05, 1.0]
    """
    check_level(level)
    for name, value in (("from_bucket", from_bucket), ("months", months)):
        if value < 1:
            raise ValueError(f"{name} must be >= 1, got {value!r}")
    # charged off is the last column
    if from_bucket >= balances.shape[1] - 1:
        raise ValueError(f"balances must reach M{from_bucket}, got {list(balances.columns)}")
    if not balances.index.equals(loans.index) or list(balances.columns) != list(loans.columns):
        raise ValueError("balances and loans must be of the same months and buckets")
    balance = balances.iloc[:, :-1].sum(axis=1)
    bad = balances.iloc[:, from_bucket:-1].sum(axis=1)
    bad_loans = loans.iloc[:, from_bucket:-1].sum(axis=1)
    month = calendar_months(balances.index)
    now = balance.to_numpy(dtype=float)
    then = pd.Series(now, index=month).reindex(month - months).to_numpy(dtype=float)
    coincident, lagged, growth = (
        _ratio(part, whole)
        for part, whole in (
            (bad.to_numpy(dtype=float), now),
            (bad.to_numpy(dtype=float), then),
            (now, then),
        )
    )
    low, high = _poisson_interval(bad_loans.to_numpy(dtype=float), level)
    return pd.DataFrame(
        {
            "balance_amount": balance,
            "bad_amount": bad,
            "bad_loans": bad_loans,
            "coincident_rate": coincident,
            "lagged_rate": lagged,
            "lagged_low": lagged * low,
            "lagged_high": lagged * high,
            "growth_rate": growth - 1,
            "gap_rate": lagged - coincident,
        },
        index=balances.index,
    )


def _ratio(part: Array, whole: Array) -> Array:
    """Part ÷ whole, NaN where there is none."""
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _poisson_interval(n: Array, level: float) -> tuple[Array, Array]:
    """Ends of the exact interval of a Poisson mean, over the count seen; NaN of none."""
    tail, some = (1 - level) / 2, np.where(n > 0, n, np.nan)
    return special.gammaincinv(some, tail) / some, special.gammaincinv(some + 1, 1 - tail) / some


def delinquency_text(table: pd.DataFrame, what: str, *, months: int = 6) -> str:
    """Sentences on whether growth hides arrears, as Markdown.

    It does if the coincident rate is no higher than `months` months ago while the lagged rate is
    higher by more than chance: the logarithm of their ratio lies more than 1.96 standard errors
    above 0, of two Poisson counts of bad loans.

    Parameters
    ----------
    table : DataFrame
        Of :func:`delinquency_table`.
    what : str
        What is bad, such as "more than one month past due".
    months : int
        That it was made for.

    Source
    ------
    riskkit definition.
    """
    pair = _now_and_then(table, months)
    if pair is None:
        return (
            f"Growth cannot be told from payment yet: it takes {2 * months} months of the book, "
            f"and at least {MIN_BADS} loans {what} at both ends."
        )
    now, then = pair
    lagged = interval_text(now["lagged_rate"], now["lagged_low"], now["lagged_high"], "percent2")
    return (
        f"Of today's balance **{now['coincident_rate']:.2%}** is {what}, of the balance of "
        f"{months} months ago **{lagged}**: the book has {_grown(now['growth_rate'])} since, and "
        f"the {100 * now['gap_rate']:+.2f} percentage points between are of growth alone. "
        f"{months} months ago they were {then['coincident_rate']:.2%} and "
        f"{then['lagged_rate']:.2%}. {VERDICTS[_verdict(now, then)]}{_since_a_year(table, months)}"
    )


def _since_a_year(table: pd.DataFrame, months: int) -> str:
    """What the last months alone do not show: the lagged rate of a year ago."""
    pair = _now_and_then(table, 12)
    if pair is None or months == 12 or _verdict(*pair) == "chance":
        return ""
    then = pair[1]
    was = interval_text(then["lagged_rate"], then["lagged_low"], then["lagged_high"], "percent2")
    moved = "fallen" if _verdict(*pair) == "falls" else "risen"
    return f" **Within a year it has {moved} beyond chance**: it was {was}."


def delinquency_findings(
    table: pd.DataFrame, what: str, *, months: int = 6
) -> list[tuple[str, str, bool]]:
    """That growth hides arrears: topic, text, and that it is not red.

    Parameters
    ----------
    table, what, months
        As for :func:`delinquency_text`.

    Source
    ------
    riskkit definition.
    """
    pair = _now_and_then(table, months)
    if pair is None or _verdict(*pair) != "hides":
        return []
    now, then = pair
    lagged = interval_text(now["lagged_rate"], now["lagged_low"], now["lagged_high"], "percent2")
    text = (
        f"Growth hides arrears: {what} is {now['coincident_rate']:.2%} of today's balance, "
        f"{then['coincident_rate']:.2%} {months} months ago, but {lagged} of the balance {months} "
        f"months before, {then['lagged_rate']:.2%} then"
    )
    return [("Arrears", text, False)]


def _now_and_then(table: pd.DataFrame, months: int) -> tuple[pd.Series, pd.Series] | None:
    """The last row and that of `months` before, if both rates are known and rest on enough."""
    if table.empty:
        return None
    month = calendar_months(table.index)
    before = np.flatnonzero(month == month[-1] - months)
    if not len(before):
        return None
    now, then = table.iloc[-1], table.iloc[before[0]]
    known = now["lagged_rate"] > 0 and then["lagged_rate"] > 0  # neither of which NaN is
    return (now, then) if known and min(now["bad_loans"], then["bad_loans"]) >= MIN_BADS else None


def _verdict(now: pd.Series, then: pd.Series) -> str:
    """Which of the four cases it is."""
    error = np.sqrt(1 / now["bad_loans"] + 1 / then["bad_loans"])
    moved = np.log(now["lagged_rate"] / then["lagged_rate"]) / error
    if moved > BEYOND_CHANCE:
        return "hides" if now["coincident_rate"] <= then["coincident_rate"] else "rises"
    return "falls" if moved < -BEYOND_CHANCE else "chance"


def _grown(rate: float) -> str:
    return f"grown by {rate:.0%}" if rate >= 0 else f"shrunk by {-rate:.0%}"
