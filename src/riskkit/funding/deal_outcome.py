"""What a deal pays and loses: by scenario, over many paths, and until its tranches break.

Takes the terms of a deal and the cash of its loans; gives :class:`DealOutcome`, tables by tranche
and by scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.checks import Array
from riskkit.funding.deal import POOL, Deal
from riskkit.funding.sold_cash import cash_of_future, times_defaults
from riskkit.funding.waterfall import DAYS, REASONS, Payments, pay_out, payment_table
from riskkit.metrics import jeffreys_interval
from riskkit.runoff import AMOUNTS, FutureCash

__all__ = ["ALL_PATHS", "LENDER", "DealOutcome", "deal_outcome"]

LENDER = "lender"
ALL_PATHS = "all paths"
TABLES = "months", "tranches", "cases", "risk", "breaks"
# the search for the multiple of defaults at which a tranche breaks
MOST_TIMES, N_TRIED, CLOSE = 50.0, 400, 1e-3


@dataclass(frozen=True, kw_only=True)
class DealOutcome:
    """The tables of :func:`deal_outcome`.

    Parameters
    ----------
    deal : Deal or None
    months : DataFrame, index month
        :func:`riskkit.funding.waterfall` of the first scenario.
    tranches : DataFrame, index (scenario, tranche)
    cases : DataFrame, index scenario
    risk : DataFrame, index tranche
        Of none where nothing was simulated.
    breaks : DataFrame, index tranche
    """

    deal: Deal | None
    months: pd.DataFrame
    tranches: pd.DataFrame
    cases: pd.DataFrame
    risk: pd.DataFrame
    breaks: pd.DataFrame

    @property
    def notes(self) -> pd.DataFrame:
        """`amount` and `rate` of each tranche sold, index tranche; of no rows without a deal."""
        if self.deal is None:
            return pd.DataFrame({"amount": [], "rate": []}, index=pd.Index([], name="tranche"))
        return self.deal.tranches[["amount", "rate"]]

    @property
    def shown_tranches(self) -> pd.DataFrame:
        """Rows of `tranches` of the first scenario, and of those in which investors fare otherwise.

        They do where a tranche is paid off in another month, or loses something.
        """
        if self.tranches.empty:
            return self.tranches
        fate = self.tranches[["paid_off", "loss_amount", "unpaid_amount"]].unstack("tranche")
        base = self.cases.index[0]
        fate = fate.astype({name: "str" for name in fate if name[0] == "paid_off"})
        shown = (fate != fate.loc[base]).any(axis=1)
        shown[base] = True
        return self.tranches[shown.loc[self.tranches.index.get_level_values(0)].to_numpy()]

    @property
    def balances(self) -> pd.DataFrame:
        """Fen owed after each month of the first scenario, by tranche in order of rank.

        The last column is the lender's: what pool and reserve exceed the notes by, if at all.
        """
        names = [] if self.deal is None else self.deal.names
        table = self.months[[f"balance_{name}" for name in names]].set_axis(names, axis=1)
        over = self.months["pool_balance"] + self.months["reserve_amount"] - table.sum(axis=1)
        return table.assign(**{LENDER: over.clip(lower=0)})


def deal_outcome(
    deal: Deal | None,
    scenarios: Mapping[str, FutureCash],
    paths: FutureCash | None = None,
    *,
    funding_rate: float,
) -> DealOutcome:
    """What every tranche is paid and loses in each scenario and over simulated paths.

    Parameters
    ----------
    deal : Deal or None
        Without a deal all tables are of no rows.
    scenarios : mapping of name to FutureCash
        Expected cash of the loans of :meth:`riskkit.funding.Deal.open_loans`; the first is the base
        that multiples of defaults are of.
    paths : FutureCash, optional
        The same loans simulated.
    funding_rate : float
        What holding the loans costs a year: cash is worth less the later it comes.

    Returns
    -------
    DealOutcome
        `tranches`: `amount`, `interest_amount`, `principal_amount` paid, `loss_amount` (principal
        not repaid at the end), `unpaid_amount` (interest still owed), `paid_off` (pay date, NaT
        where never), `life_years` (mean life of the principal repaid, days ÷ 365 by amount),
        `least_cover`: lowest (pool + principal in hand + reserve) ÷ notes of its rank and before,
        while it is owed; `least_interest_cover`: lowest interest collected ÷ fee and interest due
        up to its rank.

        `cases`: `pool_amount`, `collected_amount`, `purchased_amount`, `defaulted_rate` (÷ pool at
        the start), `open_rate` (of the pool still performing at the end, which counts as lost),
        `least_overcollateralisation`, `breached` and `breached_on`; what the lender keeps,
        `equity_amount` and `fee_amount`, for `at_stake_amount`, the pool and the reserve less the
        notes; `cost_rate`, fee and interest for a year of notes; `hold_amount`, today's value of
        the loans' cash, `sell_amount`, that of notes sold less the reserve, equity and fee,
        `gain_amount` their difference, `gain_without_fee_amount` were the fee others'. Row "all
        paths": means, with `gain_low`, `gain_high` of the middle 95 % of the paths.

        `risk`: `paths`, `losses` (paths on which the tranche is not paid in full), `loss_rate` with
        its Jeffreys 95 % interval `loss_rate_low`, `loss_rate_high`; `late_rate`, of paths on which
        interest was ever carried; `expected_loss_rate` of its amount, with standard error
        `loss_error`. The last row is the lender: less equity than it has at stake.

        `breaks`: `times`, the smallest multiple of each month's default rate in the base at which
        the tranche is not paid in full, tried by running it, and `times_below`, the largest tried
        at which it is; `defaulted_rate` there; NaN where it is paid at 50 times.

    Raises
    ------
    ValueError
        No scenario, cash of several paths in one, or an unknown group.

    Notes
    -----
    Later multiples of defaults need not lose: an early breach may serve a tranche. What is given is
    the first found on a grid of 50/399, then refined to a thousandth.

    Source
    ------
    riskkit definition; interval: Brown, Cai, DasGupta (2001), Statistical Science 16(2).
    """
    if deal is None:
        return _no_outcome()
    if not scenarios:
        raise ValueError("a deal needs at least one scenario, the base")
    if many := [name for name, cash in scenarios.items() if cash.n_paths != 1]:
        raise ValueError(f"a scenario must be of one path, {many[0]!r} is of several")
    paid = {name: pay_out(cash_of_future(cash, deal), deal) for name, cash in scenarios.items()}
    base = next(iter(scenarios))
    tranches = pd.concat(
        {name: _tranche_table(one, deal) for name, one in paid.items()}, names=["scenario"]
    )
    cases = {name: _case(one, deal, funding_rate).iloc[0] for name, one in paid.items()}
    risk = _risk(paid[base], deal).iloc[:0]
    if paths is not None:
        simulated = pay_out(cash_of_future(paths, deal), deal)
        risk = _risk(simulated, deal)
        cases[ALL_PATHS] = _over_paths(_case(simulated, deal, funding_rate))
    table = pd.DataFrame(cases).T.infer_objects()
    table.index.name = "scenario"
    table["breached_on"] = pd.to_datetime(table["breached_on"])
    return DealOutcome(
        deal=deal,
        months=payment_table(paid[base], deal),
        tranches=tranches,
        cases=table,
        risk=risk,
        breaks=_breaks(deal, scenarios[base]),
    )


def _no_outcome() -> DealOutcome:
    """The tables of a deal, without rows."""
    cash = FutureCash(
        months=pd.DatetimeIndex(["2000-01-31"]),
        groups=pd.Index([POOL]),
        opening=np.ones(1),
        amounts={name: np.zeros((1, 1, 1)) for name in AMOUNTS},
    )
    notes = pd.DataFrame({"amount": [1], "rate": [0.0]}, index=["none"])
    some = deal_outcome(
        Deal(tranches=notes, start=pd.Timestamp("2000-01-01")), {"none": cash}, cash, funding_rate=0
    )
    tables = {name: getattr(some, name).iloc[:0] for name in TABLES}
    return DealOutcome(deal=None, **tables)


def _opening_notes(paid: Payments, deal: Deal) -> Array:
    """Notes before each payment, of shape (n_paths, H, n_tranches)."""
    first = np.broadcast_to(deal.amounts, (len(paid.opening), 1, len(deal.names)))
    return np.concatenate([first, paid.by_tranche["balance"][:, :-1]], axis=1)


def _years(paid: Payments, deal: Deal) -> Array:
    """Years from the start to each pay date."""
    days = (paid.pay_dates - pd.Timestamp(deal.start)).days.to_numpy()
    return np.asarray(days / DAYS, dtype=float)


def _tranche_table(paid: Payments, deal: Deal) -> pd.DataFrame:
    """One path by tranche."""
    by = {name: values[0] for name, values in paid.by_tranche.items()}
    owed = _opening_notes(paid, deal)[0]
    upto = np.cumsum(owed, axis=1)
    backing = (paid.ratio[0] * owed.sum(axis=1))[:, np.newaxis]
    month = {name: values[0] for name, values in paid.by_month.items()}
    charges = month["fee"] + month["fee_carried"]
    due = charges[:, np.newaxis] + np.cumsum(by["due"], axis=1)
    principal = by["principal"].sum(axis=0)
    life = _years(paid, deal) @ by["principal"]
    gone = by["balance"] == 0
    rows = pd.DataFrame(
        {
            "amount": deal.amounts,
            "interest_amount": by["interest"].sum(axis=0),
            "principal_amount": principal,
            "loss_amount": by["balance"][-1],
            "unpaid_amount": by["carried"][-1],
            "paid_off": paid.pay_dates[gone.argmax(axis=0)].where(gone.any(axis=0)),
            "life_years": np.where(principal > 0, life / np.maximum(principal, 1), np.nan),
            "least_cover": _least(backing, upto, owed > 0),
            "least_interest_cover": _least(month["interest_in"][:, np.newaxis], due, owed > 0),
        },
        index=pd.Index(deal.names, name="tranche"),
    )
    return rows


def _least(above: Array, below: Array, counts: Array) -> Array:
    """Smallest quotient of each column among the months that count; NaN of none."""
    shape = np.broadcast_shapes(above.shape, below.shape)
    ratio = np.full(shape, np.inf)
    np.divide(np.broadcast_to(above, shape), below, out=ratio, where=counts & (below > 0))
    least = ratio.min(axis=0)
    return np.where(np.isfinite(least), least, np.nan)


def _case(paid: Payments, deal: Deal, funding_rate: float) -> pd.DataFrame:
    """Each path as a whole: defaults, triggers, and what the lender keeps and gains."""
    by, years = paid.by_month, _years(paid, deal)
    worth = (1 + funding_rate) ** -years
    notes = int(deal.amounts.sum())
    spans = np.diff(years, prepend=0)
    note_years = (_opening_notes(paid, deal).sum(axis=2) * spans).sum(axis=1)
    paid_for = by["fee"].sum(axis=1) + paid.by_tranche["interest"].sum(axis=(1, 2))
    breached = by["breach"] > 0
    found = breached.any(axis=1)
    hold = ((by["collected"] - by["purchased"]) * worth).sum(axis=1)
    sell = notes - deal.reserve + ((by["equity"] + by["fee"]) * worth).sum(axis=1)
    opening = np.maximum(paid.opening, 1)
    return pd.DataFrame(
        {
            "pool_amount": paid.opening,
            "collected_amount": by["collected"].sum(axis=1),
            "purchased_amount": by["purchased"].sum(axis=1),
            "defaulted_rate": by["default"].sum(axis=1) / opening,
            "open_rate": by["pool"][:, -1] / opening,
            "least_overcollateralisation": np.nanmin(paid.ratio, axis=1),
            "breached": np.array(REASONS, dtype=object)[by["breach"][:, -1]],
            "breached_on": paid.pay_dates[breached.argmax(axis=1)].where(found),
            "equity_amount": by["equity"].sum(axis=1),
            "fee_amount": by["fee"].sum(axis=1),
            "at_stake_amount": paid.opening + deal.reserve - notes,
            "cost_rate": paid_for / note_years,
            "hold_amount": hold,
            "sell_amount": sell,
            "gain_amount": sell - hold,
            "gain_without_fee_amount": sell - hold - (by["fee"] * worth).sum(axis=1),
            "gain_low": np.nan,
            "gain_high": np.nan,
        }
    )


def _over_paths(cases: pd.DataFrame) -> pd.Series:
    """Means over the paths, and the middle 95 % of the gain."""
    mean = cases.mean(numeric_only=True)
    low, high = np.quantile(cases["gain_amount"], [0.025, 0.975])
    told = {"gain_low": low, "gain_high": high, "breached": "", "breached_on": pd.NaT}
    return pd.Series(mean.to_dict() | told)[cases.columns]


def _risk(paid: Payments, deal: Deal) -> pd.DataFrame:
    """How often and how much each tranche, and the lender, loses over the paths."""
    n = len(paid.opening)
    lost = paid.by_tranche["balance"][:, -1] + paid.by_tranche["carried"][:, -1]
    late = (paid.by_tranche["carried"] > 0).any(axis=1)
    amounts = deal.amounts.astype(float)
    stake = paid.opening + deal.reserve - deal.amounts.sum()
    short = np.maximum(stake - paid.by_month["equity"].sum(axis=1), 0)
    lost = np.column_stack([lost, short])
    late_rate = np.append(late.mean(axis=0), np.nan)
    amounts = np.append(amounts, max(float(stake.mean()), 0.0))
    losses = (lost > 0).sum(axis=0)
    low, high = jeffreys_interval(losses, np.full(len(losses), n), 0.95)
    share = lost / np.where(amounts > 0, amounts, np.nan)
    return pd.DataFrame(
        {
            "amount": amounts,
            "paths": n,
            "losses": losses,
            "loss_rate": losses / n,
            "loss_rate_low": low,
            "loss_rate_high": high,
            "late_rate": late_rate,
            "expected_loss_rate": share.mean(axis=0),
            "loss_error": share.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.nan,
        },
        index=pd.Index([*deal.names, LENDER], name="tranche"),
    )


def _breaks(deal: Deal, cash: FutureCash) -> pd.DataFrame:
    """How many times the default rates until each tranche, and the lender, loses a fen."""
    names = [*deal.names, LENDER]
    coarse = _tried(deal, cash, 0.0, MOST_TIMES)
    rows = [_first_loss(deal, cash, place, coarse) for place in range(len(names))]
    columns = ["times_below", "times", "defaulted_rate"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(names, name="tranche"))


def _tried(deal: Deal, cash: FutureCash, low: float, high: float) -> tuple[Array, Payments]:
    """The deal run at multiples of the default rates, evenly from one to another."""
    times = np.linspace(low, high, N_TRIED)
    return times, pay_out(cash_of_future(times_defaults(cash, times), deal), deal)


def _first_loss(
    deal: Deal, cash: FutureCash, place: int, tried: tuple[Array, Payments]
) -> tuple[float, float, float]:
    """Largest multiple tried without a loss, smallest with one, and the defaults there."""
    while True:
        times, paid = tried
        lost = _lost(paid, deal, place)
        if not lost.any():
            return MOST_TIMES, np.nan, np.nan
        first = int(lost.argmax())
        rate = float(paid.by_month["default"][first].sum() / max(int(paid.opening[first]), 1))
        if first == 0:
            return np.nan, 0.0, rate
        low, high = float(times[first - 1]), float(times[first])
        if high - low < CLOSE:
            return low, high, rate
        tried = _tried(deal, cash, low, high)


def _lost(paid: Payments, deal: Deal, place: int) -> Array:
    """Whether a tranche, or the lender behind all of them, is not paid in full on each path."""
    if place == len(deal.names):
        stake = paid.opening + deal.reserve - deal.amounts.sum()
        return np.asarray(paid.by_month["equity"].sum(axis=1) < stake)
    by = paid.by_tranche
    return np.asarray(by["balance"][:, -1, place] + by["carried"][:, -1, place] > 0)
