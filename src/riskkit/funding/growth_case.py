"""A platform that grew too fast: its cash month by month, beside the same lender without growth.

Takes the synthetic lender; gives both worlds and a ledger of each, and, with the colours of the
lights that monitoring would have shown, the months of the story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import Array, require_columns
from riskkit.synthetic import Lender, Portfolio, simulate

__all__ = ["LOOSENED", "GrowthCase", "Platform", "growth_case", "platform_ledger"]

# more than the growth of the lender's own scenario, so that a thinly funded one feels it: the
# cutoff rises by two bands of price, and two and a half times as many apply
LOOSENED: Mapping[str, Any] = {
    "growth_points": 1.2,
    "growth_volume_rate": 1.5,
    "growth_partner_share": 0.5,
    "growth_thin_shift": 0.8,
}
OPEN = ("current", "delinquent")
# lights that tell how borrowers pay, by the beginning of their names
OF_PAYMENT = (
    "fpd", "entered", "collected_", "mob3_", "m0_", "m1_", "m2_", "open_", "balance_", "bad",
)  # fmt: skip
N_MONTHS = 36  # of the story, lending being loosened in their middle
MONTHS_BEFORE = 4  # of the onset, from which cash is followed
YOUNG_MOB = 3


@dataclass(frozen=True, kw_only=True)
class Platform:
    """How a platform is funded: rates of size are shares of the balance owed on the first day.

    Parameters
    ----------
    equity_rate : float
        Its own money: loans and cash less what the lines have lent.
    cash_rate : float
        Of the balance of each month, what it holds in cash where the lines let it.
    advance_rate : float
        The lines lend so much of what performs: loans at most `performing_dpd` days past due.
    limit_rate : float
        The most that they lend.
    line_rate : float
        Interest a year.
    performing_dpd : int, in days
    covenant_rate : float
        The lines stop once so much of the balance is beyond `performing_dpd`, over the last
        `covenant_months` month-ends together.
    covenant_months : int
    amortising_months : int
        They are then to be paid back in so many equal parts.
    acquisition_amount, servicing_amount : int
        Fen, of each loan lent, and of each open loan and month.

    Raises
    ------
    ValueError
        Names the rule and the value.

    Source
    ------
    riskkit definition.
    """

    equity_rate: float = 0.25
    cash_rate: float = 0.05
    advance_rate: float = 0.95
    limit_rate: float = 4.0
    line_rate: float = 0.06
    performing_dpd: int = 30
    covenant_rate: float = 0.065
    covenant_months: int = 3
    amortising_months: int = 6
    acquisition_amount: int = 3_000
    servicing_amount: int = 300

    def __post_init__(self) -> None:
        for name in ("equity_rate", "advance_rate", "covenant_rate"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in (0, 1], got {getattr(self, name)!r}")
        if not 0 <= self.cash_rate < 1:
            raise ValueError(f"cash_rate must lie in [0, 1), got {self.cash_rate!r}")
        if not 0 <= self.line_rate <= 1:
            raise ValueError(f"line_rate must lie in [0, 1], got {self.line_rate!r}")
        for name in ("limit_rate", "covenant_months", "amortising_months"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")
        for name in ("performing_dpd", "acquisition_amount", "servicing_amount"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)!r}")


def platform_ledger(
    applications: pd.DataFrame,
    performance: pd.DataFrame,
    platform: Platform,
    since: pd.Timestamp | str,
    *,
    stop_after: pd.Timestamp | str | None = None,
) -> pd.DataFrame:
    """Cash, debt and arrears of a platform by month, each month-end told from what it knew then.

    cash = cash before + collected + fees − lent − costs − interest + drawn, and debt = debt before
    + drawn, to the fen. Lines lend what keeps the cash that is to be held, up to their limit and
    `advance_rate` of what performs, and take back what is above it; from the month after the
    covenant was broken they lend no more. Lending goes on as it did, whatever the cash: where it
    falls below 0, money is gone, and what is below is what somebody would have had to bring.

    Parameters
    ----------
    applications : DataFrame
        `application_id`, `booked_amount`, `offer_fee_rate`.
    performance : DataFrame
        The panel: `loan_id`, `cohort`, `mob`, `month_end`, `balance`, `dpd`, `status`,
        `paid_amount`, `recovered_amount`.
    platform : Platform
    since : date
        Month-end at which it begins.
    stop_after : date, optional
        No loan is lent after this month-end.

    Returns
    -------
    DataFrame, index month (month-ends after `since`)
        int64 fen: `balance` (open loans), `performing_amount`, `lent_amount`, `fee_amount`,
        `collected_amount`, `cost_amount`, `interest_amount`, `drawn_amount` (negative: paid back),
        `debt_amount`, `cash_amount`; `balance_30_rate` (beyond `performing_dpd`),
        `balance_90_rate`, `covenant_rate`; `is_broken`, the covenant, at this month-end or before.

    Raises
    ------
    DataContractError
        A missing column.
    ValueError
        Nothing is owed at `since`.

    Source
    ------
    riskkit definition.
    """
    require_columns(
        applications, ["application_id", "booked_amount", "offer_fee_rate"], "applications"
    )
    needed = ["loan_id", "cohort", "mob", "month_end", "balance", "dpd", "status"]
    require_columns(performance, [*needed, "paid_amount", "recovered_amount"], "performance")
    first = pd.Timestamp(since) + pd.offsets.MonthEnd(0)
    sums = _monthly_sums(applications, performance, platform, first, stop_after)
    if first not in sums.index or not sums.loc[first, "balance"] > 0:
        raise ValueError(f"a platform needs a balance to begin with, owed nothing on {first:%Y-%m}")
    recent = sums[["beyond_amount", "balance"]].rolling(platform.covenant_months).sum()
    sums["covenant_rate"] = recent["beyond_amount"] / recent["balance"]
    opening, after = int(sums.loc[first, "balance"]), sums[sums.index > first]
    table = after.drop(columns=["beyond_amount", "beyond_90_amount", "open_loans", "lent_loans"])
    balance = after["balance"].where(after["balance"] > 0)
    table["balance_30_rate"] = after["beyond_amount"] / balance
    table["balance_90_rate"] = after["beyond_90_amount"] / balance
    table["cost_amount"] = (
        platform.acquisition_amount * after["lent_loans"]
        + platform.servicing_amount * after["open_loans"]
    )
    return _with_cash(table, opening, platform)


def _monthly_sums(
    applications: pd.DataFrame,
    performance: pd.DataFrame,
    platform: Platform,
    first: pd.Timestamp,
    stop_after: pd.Timestamp | str | None,
) -> pd.DataFrame:
    """Sums of the panel by month-end, from a few months before the first on."""
    lately = first - pd.DateOffset(months=platform.covenant_months)
    seen = performance["month_end"] > lately
    last = performance["month_end"].max()
    if stop_after is not None:
        seen &= performance["cohort"] <= pd.Timestamp(stop_after)
    panel = performance[seen]
    months = pd.date_range(lately + pd.offsets.MonthEnd(1), last, freq="ME", name="month")
    at = months.get_indexer(panel["month_end"])
    is_open = panel["status"].isin(OPEN).to_numpy()
    balance, dpd = panel["balance"].to_numpy(np.int64), panel["dpd"].to_numpy()
    is_new = (panel["mob"] == 0).to_numpy()
    known = pd.Index(applications["application_id"])
    own = known.get_indexer(panel["loan_id"][is_new])
    if (own < 0).any():
        raise ValueError(f"every loan must have its application, {(own < 0).sum()} have none")
    lent, fee = np.zeros((2, len(panel)), dtype=np.int64)
    lent[is_new] = applications["booked_amount"].to_numpy(np.int64)[own]
    fee[is_new] = np.rint(lent[is_new] * applications["offer_fee_rate"].to_numpy(float)[own])
    columns = {
        "balance": balance * is_open,
        "performing_amount": balance * (is_open & (dpd <= platform.performing_dpd)),
        "beyond_amount": balance * (is_open & (dpd > platform.performing_dpd)),
        "beyond_90_amount": balance * (is_open & (dpd > 90)),
        "lent_amount": lent,
        "fee_amount": fee,
        "collected_amount": (panel["paid_amount"] + panel["recovered_amount"]).to_numpy(np.int64),
        "open_loans": is_open.astype(np.int64),
        "lent_loans": is_new.astype(np.int64),
    }
    sums = {}
    for name, values in columns.items():
        sums[name] = np.zeros(len(months), dtype=np.int64)
        np.add.at(sums[name], at, values)
    return pd.DataFrame(sums, index=months)


def _with_cash(table: pd.DataFrame, opening: int, platform: Platform) -> pd.DataFrame:
    """What the lines lend and take back, month after month, and the cash that is left."""
    flows = {name: table[f"{name}_amount"].to_numpy(np.int64) for name in
             ("collected", "fee", "lent", "cost", "performing")}  # fmt: skip
    inflow = flows["collected"] + flows["fee"] - flows["lent"] - flows["cost"]
    cash = round(platform.cash_rate * opening)
    debt = opening + cash - round(platform.equity_rate * opening)
    beyond = (table["covenant_rate"] > platform.covenant_rate).to_numpy()
    limit, part = round(platform.limit_rate * opening), 0
    rows, is_broken = [], False
    for month, own in enumerate(inflow):
        most = round(platform.advance_rate * int(flows["performing"][month]))
        interest = round(platform.line_rate / 12 * debt)
        before = cash + int(own) - interest
        if is_broken:
            drawn = -min(debt, max(part, debt - most))
        else:
            wanted = round(platform.cash_rate * int(table["balance"].iloc[month])) - before
            drawn = max(min(wanted, min(limit, most) - debt), -debt)
        cash, debt = before + drawn, debt + drawn
        if beyond[month] and not is_broken:
            is_broken, part = True, -(-debt // platform.amortising_months)
        rows.append((interest, drawn, debt, cash, is_broken))
    names = ["interest_amount", "drawn_amount", "debt_amount", "cash_amount", "is_broken"]
    found = pd.DataFrame(rows, columns=names, index=table.index)
    return table.join(found)[_COLUMNS]


_COLUMNS = [
    "balance", "performing_amount", "lent_amount", "fee_amount", "collected_amount", "cost_amount",
    "interest_amount", "drawn_amount", "debt_amount", "cash_amount", "balance_30_rate",
    "balance_90_rate", "covenant_rate", "is_broken",
]  # fmt: skip


def first_month(happened: pd.Series) -> pd.Timestamp | None:
    """First month-end at which something is so; None if at none."""
    return happened.index[happened.to_numpy(bool)][0] if happened.any() else None


@dataclass(frozen=True, kw_only=True)
class GrowthCase:
    """The same lender twice, with growth and without, of :func:`growth_case`.

    Parameters
    ----------
    lender : Lender
        With growth.
    platform : Platform
    since : Timestamp
        Month-end from which cash is followed.
    grown, calm : Portfolio
    ledger, calm_ledger : DataFrame
        Of :func:`platform_ledger`.
    """

    lender: Lender
    platform: Platform
    since: pd.Timestamp
    grown: Portfolio
    calm: Portfolio
    ledger: pd.DataFrame
    calm_ledger: pd.DataFrame

    @property
    def onset(self) -> pd.Timestamp:
        """End of the first month of loosened lending."""
        start = pd.Timestamp(self.lender.start_month)
        return start + pd.offsets.MonthEnd(self.lender.onset_index + 1)

    @property
    def broken(self) -> pd.Timestamp | None:
        """Month-end at which the covenant was broken; None if at none."""
        return first_month(self.ledger["is_broken"])

    @property
    def gone(self) -> pd.Timestamp | None:
        """First month-end without cash; None if there always is some."""
        return first_month(self.ledger["cash_amount"] < 0)

    def stopped(self, month: pd.Timestamp) -> pd.DataFrame:
        """The ledger had nothing been lent after a month-end."""
        return platform_ledger(
            self.grown.applications,
            self.grown.performance,
            self.platform,
            self.since,
            stop_after=month,
        )

    def reds(self, history: pd.DataFrame) -> pd.DataFrame:
        """Lights that turned red once lending was loosened, the first one first.

        Parameters
        ----------
        history : DataFrame, index (light, month)
            `value`, `expected`, `colour`, `known`, each told from its own month and those before:
            of `lights.lights_history`. A light that was red before and stayed so has not turned.

        Returns
        -------
        DataFrame, index light
            `month` (month-end at which it is seen), `value`, `expected`; `is_payment`, whether it
            tells how borrowers pay, not who they are.

        Source
        ------
        riskkit definition.
        """
        rows = {}
        for light, own in history.groupby(level="light", sort=False):
            seen = pd.DatetimeIndex(own["known"]) + pd.offsets.MonthEnd(0)
            is_red = (own["colour"] == "red").to_numpy()
            turned = is_red & ~np.append(False, is_red[:-1]) & (seen >= self.onset)
            if turned.any():
                at = int(turned.argmax())
                told = own.iloc[at][["value", "expected"]].to_dict()
                rows[light] = {"month": seen[at], **told}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["month", "value", "expected"])
        table["is_payment"] = table.index.astype("str").str.startswith(OF_PAYMENT)
        return table.rename_axis("light").sort_values("month", kind="stable")

    def marks(self, reds: pd.DataFrame) -> dict[str, pd.Timestamp]:
        """Months to mark in a picture, by what happened in them: as far as it did.

        Parameters
        ----------
        reds : DataFrame
            Of :meth:`reds`.
        """
        paying = reds[reds["is_payment"]]["month"]
        happened = {
            "lending loosened": self.onset,
            "first red light of payments": paying.iloc[0] if len(paying) else None,
            "covenant broken": self.broken,
            "money gone": self.gone,
        }
        return {name: month for name, month in happened.items() if month is not None}

    def months(self, reds: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
        """The story by month: money, what everybody looks at, what the young loans do, and events.

        Parameters
        ----------
        reds : DataFrame
            Of :meth:`reds`.
        labels : mapping of light to str

        Returns
        -------
        DataFrame, index month, to the month after the money is gone
            Of the ledger `lent_amount`, `balance`, `debt_amount`, `cash_amount`, `balance_90_rate`,
            `balance_30_rate`; `young_30_rate`, of the cohort that is three months old the share of
            loans ever 30+; `event`, "" of a month without.
        """
        names = ["lent_amount", "balance", "debt_amount", "cash_amount", "balance_90_rate"]
        table = self.ledger[[*names, "balance_30_rate"]].copy()
        table["young_30_rate"] = _young_rate(self.grown.performance).reindex(table.index)
        events: dict[pd.Timestamp, list[str]] = {self.onset: ["lending is loosened"]}
        for light, row in reds.iterrows():
            red = f"red: {labels.get(str(light), str(light))}"
            events.setdefault(row["month"], []).append(red)
        for month, event in ((self.broken, "covenant broken"), (self.gone, "money gone")):
            if month is not None:
                events.setdefault(month, []).append(event)
        table["event"] = ["; ".join(events.get(month, [])) for month in table.index]
        last = table.index[-1] if self.gone is None else self.gone + pd.offsets.MonthEnd(1)
        return table[table.index <= last]


def _young_rate(performance: pd.DataFrame) -> pd.Series:
    """Share of loans ever 30+ by month 3 on book, by the month-end at which that is known."""
    young = performance[performance["mob"] <= YOUNG_MOB]
    loans = young.loc[young["mob"] == 0, "cohort"].value_counts()
    late = young[young["dpd"] > 30].drop_duplicates("loan_id")["cohort"].value_counts()
    rate = late.reindex(loans.index, fill_value=0) / loans
    return rate.set_axis(rate.index + pd.offsets.MonthEnd(YOUNG_MOB + 1))


def growth_case(
    lender: Lender,
    n_applicants: int,
    seed: int,
    *,
    platform: Platform | None = None,
    loosened: Mapping[str, Any] = LOOSENED,
) -> GrowthCase:
    """A lender that loosens its policy and buys traffic, and the same one that does not.

    Three years from the lender's first month on, lending being loosened in their middle. Both have
    as many applicants a month before that, on average; of a given number, a lender that grows
    would have more of them after it.

    Parameters
    ----------
    lender : Lender
        All but its months, its scenario and the parameters of growth.
    n_applicants : int
        Of the lender without growth.
    seed : int
    platform : Platform, optional
    loosened : mapping of str to float
        Parameters of growth of :class:`riskkit.synthetic.Lender`.

    Returns
    -------
    GrowthCase

    Raises
    ------
    ValueError
        So few applicants that nothing is owed four months before the onset.

    Source
    ------
    riskkit definition.
    """
    calm = replace(lender, scenario="base", n_months=N_MONTHS, onset_month=None)
    grown = replace(calm, scenario="growth", **loosened)
    platform = Platform() if platform is None else platform
    since = pd.Timestamp(lender.start_month)
    since += pd.offsets.MonthEnd(grown.onset_index + 1 - MONTHS_BEFORE)
    worlds = {"calm": simulate(calm, n_applicants, seed)}
    worlds["grown"] = simulate(grown, round(n_applicants * _more(grown)), seed)
    ledgers = {
        name: platform_ledger(one.applications, one.performance, platform, since)
        for name, one in worlds.items()
    }
    return GrowthCase(
        lender=grown,
        platform=platform,
        since=since,
        grown=worlds["grown"],
        calm=worlds["calm"],
        ledger=ledgers["grown"],
        calm_ledger=ledgers["calm"],
    )


def _more(lender: Lender) -> float:
    """How many times the applicants of the same lender without growth."""
    usual: Array = (1 + lender.monthly_growth_rate) ** np.arange(lender.n_months)
    grown = usual * (1 + lender.growth_volume_rate * lender.built_up("growth", lender.n_months))
    return float(grown.sum() / usual.sum())
