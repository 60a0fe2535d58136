"""What each cohort has earned and lost so far, and from which month on it has paid for itself.

Takes the performance panel and what lending costs; gives the cumulative profit of each cohort by
month on book, and its break-even month.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from scipy import special

from riskkit.arrears import (
    panel_amounts,
)
from riskkit.chance import normal_interval
from riskkit.checks import Array, loan_starts, require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.partitions import collected, total
from riskkit.provisions.staging import CHARGED_OFF
from riskkit.tables import Table

__all__ = ["LendingCosts", "break_even_table", "break_even_text", "cohort_profit"]

PARTS = (
    "interest_amount", "funding_amount", "cost_amount", "loss_amount", "recovered_amount",
)  # fmt: skip
GONE = "vanished_loans", "vanished_amount"
_AT_START = "loans", "late_entrants", "amount"
_READ = (
    *("loan_id", "cohort", "mob", "month_end", "status"),
    *("balance", "paid_amount", "recovered_amount"),
)
_LEVEL = 0.95
_Z = float(special.ndtri(0.5 + _LEVEL / 2))
_FEW_LOANS = 30
_UNLESS_LOST = "has paid, unless vanished loans are lost"


@dataclass(frozen=True, kw_only=True)
class LendingCosts:
    """What lending costs beside its losses.

    Parameters
    ----------
    funding_rate : float
        A year, of what is lent out, a fraction.
    acquisition_amount : int
        Of each loan, in its first month, fen.
    servicing_amount : int
        Of each loan and month in which it is owed or collected, fen.

    Raises
    ------
    ValueError
        A value is negative or infinite.
    """

    funding_rate: float = 0.06
    acquisition_amount: int = 3000
    servicing_amount: int = 300

    def __post_init__(self) -> None:
        for name in ("funding_rate", "acquisition_amount", "servicing_amount"):
            if not 0 <= getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be >= 0 and finite, got {getattr(self, name)!r}")


def cohort_profit(
    performance: pd.DataFrame | Table,
    costs: LendingCosts,
    *,
    fees: pd.Series | None = None,
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
) -> pd.DataFrame:
    """Cumulative profit and loss of each cohort by month on book.

    Interest = what was paid less what it repaid of the principal (with fees deducted at the start
    in month 0); funding = last month-end's balance × rate ÷ 12, of a loan that is not charged off;
    loss = the balance at charge-off; recoveries are added as they come. Only months that every loan
    of the cohort has reached are shown. Loans that have ended keep what they brought.

    The base is the loans seen from month 0. A late entrant is in no figure but its own number: what
    was lent to it and what it brought before are not in the data. Months left out of a loan cost
    funding and servicing, and what they repaid of the principal was paid in them; what interest was
    paid in them is unknown and counts as none. A loan whose rows stop without an end keeps what it
    brought; what it still owed is no loss of the profit, but stands beside it from the month after
    it was last seen on, so that both can be told: the profit with these loans kept, and with all
    they owed lost.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month, with balance, paid_amount, recovered_amount. A Table is
        counted block by block.
    costs : LendingCosts
    fees : Series, index loan_id, optional
        Deducted from the disbursal, fen.
    cohort_freq : {"M", "Q", "Y"}

    Returns
    -------
    DataFrame, index (cohort, mob)
        `loans`, `amount` (lent, fen, both of the whole cohort), `late_entrants` (loans of the
        cohort that are left out), cumulative `interest_amount`,
        `funding_amount`, `cost_amount`, `loss_amount`, `recovered_amount` (int64 fen, the first and
        the last are earned, the others spent) and `profit_amount` with its 95 % interval
        `profit_low`, `profit_high`, by which other loans of the kind could differ; and of loans
        whose rows have stopped by then without an end, cumulative `vanished_loans` and
        `vanished_amount` (int64 fen), what they owed when last seen.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.

    Source
    ------
    riskkit definition.
    """
    require_columns(performance, _READ, "performance")
    span = collected(_months_of_cohorts, performance, columns=["cohort", "month_end"])
    if span.empty:
        names = ["loans", "amount", "late_entrants", *PARTS]
        names += ["profit_amount", "profit_low", "profit_high", *GONE]
        index = pd.MultiIndex.from_arrays([[], []], names=["cohort", "mob"])
        return pd.DataFrame(columns=names, index=index)
    last_month = int(calendar_months([span["month_end"].max()])[0])
    count = partial(
        _profit_cells, costs=costs, fees=fees, cohort_freq=cohort_freq, last_month=last_month
    )
    cells = total(count, whole_loans(performance), columns=_READ).sort_index()
    period = span["cohort"].dt.to_period(cohort_freq)
    newest = pd.Series(calendar_months(span["cohort"])).groupby(period.array).max()
    cohorts = cells.index.unique("cohort")
    width = int(cells.index.get_level_values("mob").max())  # the last is of what has gone by then
    matured = last_month - newest.reindex(cohorts.to_numpy()).to_numpy()

    def by_age(name: str) -> Array:
        return cells[name].unstack("mob", fill_value=0).to_numpy().cumsum(axis=1)[:, :width]

    sums = {name: by_age(name) for name in (*PARTS, *GONE)}
    profit = _profit(sums)
    # a loan that has ended adds its last square to all months that follow
    squares = np.maximum(by_age("square"), 0)
    loans, late, amount = (by_age(name)[:, 0] for name in _AT_START)
    low, high = normal_interval(profit.astype(float), squares, loans[:, None], _LEVEL)
    shown = np.arange(width) <= matured[:, None]
    place, month = np.nonzero(shown)
    index = pd.MultiIndex.from_arrays(
        [cohorts[place].astype("str"), month], names=["cohort", "mob"]
    )
    return pd.DataFrame(
        {
            "loans": loans[place],
            "amount": amount[place],
            "late_entrants": late[place],
            **{name: sums[name][shown] for name in PARTS},
            "profit_amount": profit[shown],
            "profit_low": low[shown],
            "profit_high": high[shown],
            **{name: sums[name][shown] for name in GONE},
        },
        index=index,
    )


def _months_of_cohorts(performance: pd.DataFrame) -> pd.DataFrame:
    """Months of disbursal that there are, and the last month-end seen of any."""
    last = performance.groupby("cohort", sort=True)["month_end"].max()
    return last.reset_index()


def _profit_cells(
    performance: pd.DataFrame,
    costs: LendingCosts,
    fees: pd.Series | None,
    cohort_freq: str,
    last_month: int,
) -> pd.DataFrame:
    """What each month on book adds to its cohort, and in month 0 of how many loans it is."""
    starts = loan_starts(performance)
    mob = performance["mob"].to_numpy(np.int64)
    loan = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(performance))))
    is_base = mob[starts] == 0
    parts, lent = _row_parts(performance, starts, costs, fees)
    parts = {name: np.where(is_base[loan], values, 0) for name, values in parts.items()}
    period = performance["cohort"].iloc[starts].dt.to_period(cohort_freq)
    code, cohorts = pd.factorize(period, sort=True)
    shape = len(cohorts), int(mob.max(initial=-1)) + 2
    group = code[loan]
    gone = _vanished(performance, starts, last_month, is_base)
    ends = np.append(starts[1:], len(performance))[gone] - 1
    owed = performance["balance"].to_numpy(np.int64)[ends]
    columns = {name: _summed((group, mob), values, shape) for name, values in parts.items()}
    columns["square"] = _square_changes(_profit(parts), starts, group, mob, shape)
    for name, values in zip(GONE, (np.ones_like(owed), owed), strict=True):
        columns[name] = _summed((code[gone], mob[ends] + 1), values, shape)
    at_start = is_base.astype(np.int64), (~is_base).astype(np.int64), np.where(is_base, lent, 0)
    for name, values in zip(_AT_START, at_start, strict=True):
        columns[name] = _summed((code, np.zeros_like(code)), values, shape)
    index = pd.MultiIndex.from_product([cohorts, range(shape[1])], names=["cohort", "mob"])
    return pd.DataFrame({name: cells.ravel() for name, cells in columns.items()}, index=index)


def _summed(at: tuple[Array, Array], values: Array, shape: tuple[int, int]) -> Array:
    cells = np.zeros(shape, dtype=np.int64)
    np.add.at(cells, at, values)
    return cells


def break_even_table(profit: pd.DataFrame, open_loans: pd.DataFrame | None = None) -> pd.DataFrame:
    """From which month on each cohort has paid for itself, and how sure that is.

    A loss is one only once a loan is charged off. What the other loans still on the books are
    expected to lose is therefore taken off before anything is said of a cohort, and what is still
    expected of charged-off ones is added, since their whole balance is lost already. What running
    loans will still earn is not added, so that their cohort may have paid for itself but has not
    lost.

    The verdict rests on the interval after open losses. It holds the chance of what was earned so
    far and that of which running loans default: each loses nothing, or its expected loss ÷ its
    probability of a default. An error of the probabilities or of the loss given default is not
    in it.

    Parameters
    ----------
    profit : DataFrame
        Of :func:`cohort_profit`.
    open_loans : DataFrame, a row for each loan on the books, optional
        `cohort` as in `profit`, `entry_mob`, `stage`, `reason`, `balance`,
        `probability_lifetime` and `ecl_lifetime_amount`, of
        :func:`riskkit.provisions.loan_ecl`; none unless given. Late entrants, which are not in
        `profit`, do not count here either.

    Returns
    -------
    DataFrame, index cohort
        `loans`, `late_entrants` (left out), `seen_to` (month on book), `profit_amount`,
        `profit_low`, `profit_high` there, `open_loss_amount` (below 0 where more is still to come),
        `vanished_amount` (owed by loans not seen any more, which may be lost), `profit_rate` (of
        what was lent, after open losses; NaN where nothing was) with its 95 % interval
        `profit_rate_low`, `profit_rate_high`, `break_even_mob`: first
        month from which on the profit stays at least 0 as far as seen, `earliest_mob` and
        `latest_mob`: the same of the upper and of the lower end of its interval; NaN where not yet.
        `verdict` in words.

    Source
    ------
    riskkit definition.
    """
    expected = running = squares = pd.Series(dtype="float64")
    if open_loans is not None and len(open_loans):
        open_loans = open_loans[open_loans["entry_mob"] == 0]
        booked = open_loans["balance"].where(open_loans["reason"] == CHARGED_OFF, 0)
        expected = (open_loans["ecl_lifetime_amount"] - booked).groupby(open_loans["cohort"]).sum()
        open_loans = open_loans[open_loans["stage"] < 3]
        running = open_loans.groupby("cohort").size()
        squares = _default_squares(open_loans).groupby(open_loans["cohort"]).sum()
    rows = []
    for cohort, part in profit.groupby(level="cohort", sort=False):
        mobs = part.index.get_level_values("mob").to_numpy()
        last = part.iloc[-1]
        open_amount = float(expected.get(cohort, 0))
        profit_amount, lent = last["profit_amount"], last["amount"] or np.nan
        by_chance = _Z**2 * squares.get(cohort, 0.0)
        low = profit_amount - np.hypot(profit_amount - last["profit_low"], by_chance**0.5)
        high = profit_amount + np.hypot(last["profit_high"] - profit_amount, by_chance**0.5)
        at = {
            name: _from_when(part[column].to_numpy(float), mobs)
            for name, column in (
                ("break_even_mob", "profit_amount"),
                ("earliest_mob", "profit_high"),
                ("latest_mob", "profit_low"),
            )
        }
        rows.append(
            {
                "cohort": cohort,
                "loans": last["loans"],
                "late_entrants": last["late_entrants"],
                "seen_to": mobs[-1],
                **last[["profit_amount", "profit_low", "profit_high"]].to_dict(),
                "open_loss_amount": open_amount,
                "vanished_amount": last["vanished_amount"],
                "profit_rate": (profit_amount - open_amount) / lent,
                "profit_rate_low": (low - open_amount) / lent,
                "profit_rate_high": (high - open_amount) / lent,
                **at,
                "verdict": _verdict(
                    last, low - open_amount, high - open_amount, bool(running.get(cohort, 0))
                ),
            }
        )
    columns = [
        "cohort", "loans", "late_entrants", "seen_to", "profit_amount", "profit_low",
        "profit_high", "open_loss_amount", "vanished_amount", "profit_rate", "profit_rate_low",
        "profit_rate_high", "break_even_mob", "earliest_mob", "latest_mob", "verdict",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns).set_index("cohort")
    whole = ["loans", "late_entrants", "seen_to", "profit_amount", "open_loss_amount"]
    whole.append("vanished_amount")
    return table.astype(dict.fromkeys(whole, "int64"))


def break_even_text(table: pd.DataFrame) -> str:
    """Sentences on which cohorts have paid for themselves, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`break_even_table`.
    """
    if table.empty:
        return "No cohort has been seen for a month."
    paid = table[table["verdict"] == "has paid for itself"]
    text = f"**{len(paid)} of {len(table)} cohorts** have paid for themselves beyond chance, "
    text += "with what their open loans are expected to lose taken off"
    lost = table[table["verdict"] == "has lost"]
    if len(lost):
        text += f"; {len(lost)} have lost, beyond chance: {', '.join(lost.index[-6:])}"
        text += " and earlier ones" if len(lost) > 6 else ""
    n = int((table["verdict"] == "its loans still run").sum())
    text += f"; of {n} no more can be said while their loans run" if n else ""
    if late := int(table["late_entrants"].sum()):
        text += f". Left out: {late:,} loan{'' if late == 1 else 's'} first seen after month 0"
    if gone := int((table["vanished_amount"] > 0).sum()):
        unsure = int((table["verdict"] == _UNLESS_LOST).sum())
        text += f". {gone} {'has' if gone == 1 else 'have'} loans that are not seen any more, with "
        text += "what they owed kept in the profit"
        text += f"; with it lost, {unsure} would not have paid" if unsure else ""
    return f"{text}."


def _row_parts(
    performance: pd.DataFrame, starts: Array, costs: LendingCosts, fees: pd.Series | None
) -> tuple[dict[str, Array], Array]:
    """What each row adds to each part, fen; and what was lent to each loan."""
    balance, paid, recovered = panel_amounts(
        performance, ["balance", "paid_amount", "recovered_amount"]
    )
    status = performance["status"]
    off = (status == "charged_off").to_numpy(dtype=bool)
    ended = status.isin(["prepaid", "matured"]).to_numpy(dtype=bool)
    first = np.zeros(len(balance), dtype=bool)
    first[starts] = True
    lent = balance[starts] + np.where(ended[starts], paid[starts], 0)
    before = np.append(0, balance[:-1])
    before[starts] = lent
    mob = performance["mob"].to_numpy(np.int64)
    passed = np.diff(mob, prepend=mob[:1])  # months since the row before
    passed[starts] = 1
    repaid = before - balance - recovered
    # what came off the principal in months left out was paid there, and not seen
    interest = np.where(passed > 1, np.maximum(paid - repaid, 0), paid - repaid)
    if fees is not None:
        ids = performance["loan_id"].iloc[starts]
        interest[starts] += ids.map(fees).fillna(0).to_numpy(np.int64)
    off_before = np.append(False, off[:-1]) & ~first
    owed_in_month = np.where(off_before | first, 0, before)
    funding = np.rint(owed_in_month * costs.funding_rate / 12 * passed).astype(np.int64)
    cost = np.where(first, costs.acquisition_amount, costs.servicing_amount * passed)
    newly_off = off & ~off_before
    return {
        "interest_amount": interest,
        "funding_amount": funding,
        "cost_amount": cost.astype(np.int64),
        "loss_amount": np.where(newly_off, balance + recovered, 0),
        "recovered_amount": recovered,
    }, lent


def _vanished(performance: pd.DataFrame, starts: Array, last_month: int, is_base: Array) -> Array:
    """Loans seen from month 0 whose rows stop before the last month without an end."""
    ends = np.append(starts[1:], len(performance)) - 1
    last = performance.iloc[ends]
    ended = last["status"].isin(["prepaid", "matured", "charged_off"]).to_numpy(dtype=bool)
    stopped = calendar_months(last["month_end"]) < last_month
    return np.flatnonzero(stopped & ~ended & is_base)


def _profit(parts: dict[str, Array]) -> Array:
    earned = parts["interest_amount"] + parts["recovered_amount"]
    return earned - parts["funding_amount"] - parts["cost_amount"] - parts["loss_amount"]


def _square_changes(
    profit: Array, starts: Array, group: Array, mob: Array, shape: tuple[int, int]
) -> Array:
    """By how much the sum of loans' squared cumulative profits grows, by cohort and month."""
    so_far = np.cumsum(profit)
    before = np.append(0, so_far)[starts]
    lengths = np.diff(np.append(starts, len(profit)))
    square = (so_far - np.repeat(before, lengths)).astype(float) ** 2
    change = square.copy()
    change[1:] -= square[:-1]
    change[starts] = square[starts]
    cells = np.zeros(shape)
    np.add.at(cells, (group, mob), change)
    return cells


def _from_when(values: Array, mobs: Array) -> float:
    below = np.flatnonzero(~(values >= 0))
    start = below[-1] + 1 if len(below) else 0
    return float(mobs[start]) if start < len(mobs) else np.nan


def _default_squares(loans: pd.DataFrame) -> pd.Series:
    """Variance of what each running loan loses, nothing or its loss given default: E² (1 ÷ p − 1).

    The loss given default of one loan is taken as its mean.
    """
    p = loans["probability_lifetime"].clip(upper=1)
    lost = loans["ecl_lifetime_amount"].astype(float)
    return (lost**2 * (1 / p.where(p > 0) - 1)).fillna(0.0)


def _verdict(last: pd.Series, low: float, high: float, is_running: bool) -> str:
    """In words, by the interval of the profit after open losses."""
    if last["loans"] < _FEW_LOANS:
        return "too few loans to say"
    if low >= last["vanished_amount"]:
        return "has paid for itself"
    if low >= 0:
        return _UNLESS_LOST
    if is_running:
        return "its loans still run"
    if high < 0:
        return "has lost"
    return "about even, within chance"
