"""From last month's provision to this one's, cause by cause, to the last fen.

Takes the loans of both month-ends and this month's loans under last month's parameters; gives a
table that adds up exactly.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from riskkit.arrears import (
    NOT_SEEN,
    book_at,
    how_they_left,
    last_month_ends,
    panel_amounts,
)
from riskkit.checks import whole_loans
from riskkit.columns import among
from riskkit.loan_values import LoanValues
from riskkit.partitions import total
from riskkit.provisions.book_loss import LossModel, Outlook, fit_losses, loan_ecl
from riskkit.provisions.overlays import overlay_table
from riskkit.provisions.staging import CHARGED_OFF
from riskkit.tables import Table

__all__ = ["budget_table", "month_movement", "movement_table", "movement_text"]

OPENING, CLOSING = "opening", "closing"
SEEN_AGAIN = "seen again or late"
OFF = "charged off"
USED = "written off (provision used)"


def movement_table(
    before: pd.DataFrame,
    now: pd.DataFrame,
    now_as_before: pd.DataFrame,
    left: pd.Series,
    *,
    returned: pd.Index | None = None,
    overlay_before: int = 0,
    overlay_now: int = 0,
) -> pd.DataFrame:
    """Movement of the provision within a month by cause.

    What loans did comes first, under last month's parameters; what the parameters changed is then
    the difference on the loans of today.

    Parameters
    ----------
    before : DataFrame, index loan_id
        `stage`, `reason`, `ecl_amount` of last month's books, of
        :func:`riskkit.provisions.loan_ecl`.
    now, now_as_before : DataFrame, index loan_id
        The same of today's books under this month's and under last month's model and scenarios.
    left : Series, index loan_id
        How loans that are on the books no more have left: "repaid", "written off" or "not seen"; a
        loan that it does not know is written off.
    returned : Index, optional
        Loans of today's books that are not new, though last month's do not have them.
    overlay_before, overlay_now : int
        Fen.

    Returns
    -------
    DataFrame, index cause
        `loans`, `ecl_amount` (int64 fen): opening; new loans; repaid; charged off in the month and
        still on the books (what more is set aside for them, whatever their stage was); written off
        (the provision that has been used for them); moved to a worse stage; moved to a better
        stage; same stage (payments, time and arrears within it); parameters; overlays; closing,
        which is the sum of those above. Only where there are such loans, "seen again or late"
        (`returned`) after the new ones, and "not seen" after those written off: what is set aside
        for them has left the books with them, though nobody knows that they have.

    Raises
    ------
    ValueError
        `now` and `now_as_before` are not of the same loans.

    Source
    ------
    IFRS 7, 35H and 35I: reconciliation of the loss allowance.
    """
    if not now.index.equals(now_as_before.index):
        raise ValueError("now and now_as_before must have the same loans in the same order")
    stays = among(now.index, before.index)
    gone = before.index[~among(before.index, now.index)]
    entered, stay = now.index[~stays], now.index[stays]
    comes_again = among(entered, entered[:0] if returned is None else returned)
    new, again = entered[~comes_again], entered[comes_again]
    how = left.reindex(gone).fillna("written off")
    old_stage = before["stage"].reindex(stay)
    new_stage = now_as_before["stage"].reindex(stay)
    off = now["reason"].reindex(stay) == CHARGED_OFF
    is_off = off & (before["reason"].reindex(stay) != CHARGED_OFF)
    change = now_as_before["ecl_amount"].reindex(stay) - before["ecl_amount"].reindex(stay)
    lost = before["ecl_amount"].reindex(gone)
    parameters = now["ecl_amount"] - now_as_before["ecl_amount"]
    parts = {
        OPENING: (len(before), before["ecl_amount"].sum() + overlay_before),
        "new loans": (len(new), now_as_before["ecl_amount"].reindex(new).sum()),
    }
    if len(again):
        parts[SEEN_AGAIN] = (len(again), now_as_before["ecl_amount"].reindex(again).sum())
    parts["repaid"] = (how == "repaid", -lost[how == "repaid"].sum())
    parts[OFF] = (is_off, change[is_off].sum())
    for cause, name in (("written off", USED), (NOT_SEEN, NOT_SEEN)):
        if cause != NOT_SEEN or (how == cause).any():
            parts[name] = (how == cause, -lost[how == cause].sum())
    for name, moved in (
        ("moved to a worse stage", new_stage > old_stage),
        ("moved to a better stage", new_stage < old_stage),
        ("same stage", new_stage == old_stage),
    ):
        parts[name] = (moved & ~is_off, change[moved & ~is_off].sum())
    parts["parameters"] = (len(now), parameters.sum())
    parts["overlays"] = (0, overlay_now - overlay_before)
    parts[CLOSING] = (len(now), now["ecl_amount"].sum() + overlay_now)
    table = pd.DataFrame(
        {
            name: {
                "loans": int(loans.sum()) if isinstance(loans, pd.Series) else loans,
                "ecl_amount": int(amount),
            }
            for name, (loans, amount) in parts.items()
        }
    ).T.astype("int64")
    return table.rename_axis(index="cause")


def month_movement(
    performance: pd.DataFrame | Table,
    applications: pd.DataFrame,
    book: pd.DataFrame,
    loans: pd.DataFrame,
    kinds: pd.DataFrame,
    *,
    outlook: Outlook | None = None,
    fitted_climate: pd.Series | None = None,
    overlays: pd.DataFrame | None = None,
    with_columns: pd.DataFrame | None = None,
    counted: LoanValues | None = None,
    defaulted: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Movement of the provision from the month-end before to the last one of the panel, by cause.

    Last month's model is fitted on what was known by then, and sees the same outlook. A loan that
    is on today's books and not on last month's is new only in its month of disbursal.

    Parameters
    ----------
    performance : DataFrame or Table
    applications : DataFrame
        As :func:`riskkit.arrears.book_at` and :func:`riskkit.provisions.fit_losses` take them.
    book : DataFrame, index loan_id
        Today's, of :func:`riskkit.arrears.book_at`.
    loans : DataFrame, index loan_id
        Of :func:`riskkit.provisions.loan_ecl`, of that book.
    kinds : DataFrame, index loan_id
        Of :func:`riskkit.provisions.kinds_of`.
    outlook : Outlook, optional
    fitted_climate : Series, optional
        The climate with which the model of today was fitted.
    overlays : DataFrame, optional
        Of :func:`riskkit.schema.read_provisions`; on each day those in force.
    with_columns
        As :func:`riskkit.provisions.overlay_table` takes it.
    counted, defaulted
        As :func:`riskkit.provisions.fit_losses` takes them.

    Returns
    -------
    DataFrame, index cause
        Of :func:`movement_table`; without rows where a month ago no loan had been seen for two
        months, or nobody had been in default.
    """
    days = last_month_ends(performance)
    empty = pd.DataFrame(columns=["loans", "ecl_amount"], index=pd.Index([], name="cause"))
    if len(days) < 2:
        return empty.astype("int64")
    today, earlier = days
    bands = kinds["band"]
    columns = ["loan_id", "month_end"]
    twice = partial(_seen_twice, day=earlier)
    if not total(twice, whole_loans(performance), columns=columns):
        return empty.astype("int64")
    about = {"bands": bands, "climate": fitted_climate, "counted": counted}
    model = fit_losses(performance, applications, earlier, defaulted=defaulted, **about)
    if np.isnan(model.lgd.at_default["lgd"]):
        return empty.astype("int64")
    before = loan_ecl(book_at(performance, applications, earlier), model, kinds, outlook)
    as_before = _under_known_kinds(book, model, kinds, outlook)[["stage", "ecl_amount"]]
    added = [0, 0]
    if overlays is not None and len(overlays):
        for place, (part, day) in enumerate(((before, earlier), (loans, today))):
            # a segment may have had no loans a month ago
            told = overlay_table(
                part, overlays, day, refuse_empty=day == today, with_columns=with_columns
            )
            added[place] = int(told["overlay_amount"].sum())
    return movement_table(
        before,
        loans,
        as_before,
        how_they_left(performance, before.index, today),
        returned=loans.index[(book["mob"] > 0).to_numpy()],
        overlay_before=added[0],
        overlay_now=added[1],
    )


def _seen_twice(performance: pd.DataFrame, day: pd.Timestamp) -> int:
    """Loan-months up to a day that are not the first of their loan."""
    return int(performance.loc[performance["month_end"] <= day, "loan_id"].duplicated().sum())


def _under_known_kinds(
    book: pd.DataFrame, model: LossModel, kinds: pd.DataFrame, outlook: Outlook | None
) -> pd.DataFrame:
    """Today's loans under an earlier model; those of a kind new to it as of its last kind."""
    known = kinds[among(kinds.index, book.index)].reindex(book.index)
    strange = ~known["kind"].isin(model.chain.kinds)
    return loan_ecl(
        book, model, known.assign(kind=known["kind"].mask(strange, model.chain.kinds[-1])), outlook
    )


def movement_text(table: pd.DataFrame, currency: str) -> str:
    """Sentence on what moved the provision most, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`movement_table`.
    currency : str
    """
    opening, closing = (table.loc[name, "ecl_amount"] / 100 for name in (OPENING, CLOSING))
    causes = table["ecl_amount"].drop([OPENING, CLOSING])
    causes = causes[causes != 0]
    text = f"The provision went from {opening:,.0f} to **{closing:,.0f} {currency}**"
    if causes.empty:
        return f"{text}: nothing moved it."
    moved = causes.abs().sort_values(ascending=False, kind="stable")
    named = [f"{name} {causes[name] / 100:+,.0f}" for name in moved.index[:3]]
    what = "most of it" if 2 * moved.iloc[:3].sum() > moved.sum() else "the largest part"
    return f"{text}; {what}: {', '.join(named)}."


def budget_table(performance: pd.DataFrame | Table, budget: pd.DataFrame) -> pd.DataFrame:
    """Net loss of each month against the budget.

    Net loss = balance of the loans first charged off in the month − what was recovered in it. A
    late entrant that is charged off when first seen is no loss of that month: when it was charged
    off is not known.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month, with mob, balance and recovered_amount. A Table is
        counted block by block.
    budget : DataFrame, index month
        `budget_amount`, of :func:`riskkit.schema.read_provisions`; months without one have none.

    Returns
    -------
    DataFrame, index month (its first day)
        `charged_off_amount`, `recovered_amount`, `entered_amount` (owed by late entrants charged
        off when first seen, in no loss), `net_loss_amount` (int64 fen), `budget_amount` and
        `over_amount` (NaN where there is no budget).

    Source
    ------
    riskkit definition.
    """
    columns = ["loan_id", "mob", "month_end", "status", "balance", "recovered_amount"]
    table = total(_lost_by_month, whole_loans(performance), columns=columns).sort_index()
    table["net_loss_amount"] = table["charged_off_amount"] - table["recovered_amount"]
    table["budget_amount"] = budget["budget_amount"].reindex(table.index).astype("float64")
    table["over_amount"] = table["net_loss_amount"] - table["budget_amount"]
    return table


def _lost_by_month(performance: pd.DataFrame) -> pd.DataFrame:
    """What was charged off and recovered in each month of some loans."""
    off = (performance["status"] == "charged_off").to_numpy(dtype=bool)
    panel_amounts(performance, ["balance", "recovered_amount"])
    charged = performance.loc[off, ["loan_id", "month_end", "balance", "recovered_amount"]]
    # a recovery in the month of the charge-off has lowered its balance already
    owed = charged["balance"] + charged["recovered_amount"]
    first = ~charged["loan_id"].duplicated()
    # when one that was first seen so was charged off is not known
    is_entry = ~performance["loan_id"].duplicated() & (performance["mob"] > 0)
    seen_so = first & is_entry[off]
    gross, entered = owed.where(first & ~seen_so, 0), owed.where(seen_so, 0)
    months = performance["month_end"].dt.to_period("M").dt.to_timestamp()
    table = pd.DataFrame(
        {
            "charged_off_amount": gross.groupby(months[off]).sum(),
            "recovered_amount": charged["recovered_amount"].groupby(months[off]).sum(),
            "entered_amount": entered.groupby(months[off]).sum(),
        }
    )
    table = table.reindex(sorted(months.unique()), fill_value=0).astype("int64")
    return table.rename_axis(index="month")
