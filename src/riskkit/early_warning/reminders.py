"""Whom to remind first: the running loans that the score ranks riskiest today.

Takes landmarks of the last month-end and a fitted score; gives the list, which names loans and is
handed over as a table, and what those on it have in common, which names nobody.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.columns import last_month_end
from riskkit.early_warning.landmarks import WarningDefinition
from riskkit.early_warning.warning_score import WarningScore, fit_warning

__all__ = ["reminder_list", "reminder_profile", "reminder_text", "score_today"]

SMALLEST = 5  # people in a cell that a page shows
HIGH_BURDEN = 0.3  # of monthly income


def score_today(
    panel: pd.DataFrame,
    observed_to: pd.Timestamp | str,
    *,
    definition: WarningDefinition | None = None,
) -> tuple[pd.DataFrame, WarningScore | None]:
    """Running loans at the last month-end with their probability, by all that is known by then.

    The cards are fitted to every landmark whose horizon is over, the last day included: those of
    the back-test, made the same way, could know less.

    Returns
    -------
    (DataFrame, WarningScore or None)
        The landmarks of the last month-end with `probability`; of no card, NaN.

    Source
    ------
    riskkit definition.
    """
    day = last_month_end(observed_to)
    live = panel[panel["month_end"] == day].reset_index(drop=True)
    score = fit_warning(panel, day + pd.offsets.MonthEnd(1), definition=definition)
    probability = np.full(len(live), np.nan) if score is None else score.probability(live)
    return live.assign(probability=probability), score


def reminder_list(live: pd.DataFrame, capacity: int) -> pd.DataFrame:
    """The riskiest running loans, as many as can be looked after, riskiest first.

    Parameters
    ----------
    live : DataFrame
        Of :func:`score_today`.
    capacity : int
        Most loans on the list.

    Returns
    -------
    DataFrame, index rank (from 1)
        `loan_id`, `month_end`, `probability`, `dpd` and, where there is one, `balance` (fen).
        Loans of one probability are in the order of balance, then of the panel. Without a card no
        rows.

    Raises
    ------
    ValueError
        `capacity` below 1.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> live = pd.DataFrame({"loan_id": ["a", "b", "c"], "month_end": pd.Timestamp("2024-01-31"),
    ...     "probability": [0.1, 0.3, 0.2], "dpd": [0, 3, 0]})
    >>> reminder_list(live, 2)["loan_id"].tolist()
    ['b', 'c']
    """
    if capacity < 1:
        raise ValueError(f"capacity must be >= 1, got {capacity!r}")
    columns = ["loan_id", "month_end", "probability", "dpd", "balance"]
    known = live.loc[live["probability"].notna(), [name for name in columns if name in live]]
    by = [name for name in ("probability", "balance") if name in known]
    listed = known.sort_values(by, ascending=False, kind="stable").head(capacity)
    return listed.set_index(pd.RangeIndex(1, len(listed) + 1, name="rank"))


def reminder_profile(reminders: pd.DataFrame, live: pd.DataFrame) -> pd.DataFrame:
    """What loans on the list have in common, beside all running loans.

    Parameters
    ----------
    reminders : DataFrame
        Of :func:`reminder_list`.
    live : DataFrame
        That it was made of.

    Returns
    -------
    DataFrame, index trait
        `listed` (loans on the list that have it), `listed_rate`, `book_rate` (of all running loans)
        and `times`, one over the other, largest first. A trait that the source cannot tell, or that
        fewer than five loans on the list have, is no row.

    Source
    ------
    riskkit definition.
    """
    traits = _traits(live)
    on_list = live["loan_id"].isin(reminders["loan_id"])
    table = pd.DataFrame(
        {
            "listed": traits[on_list].sum(),
            "listed_rate": traits[on_list].mean(),
            "book_rate": traits.mean(),
        }
    ).rename_axis(index="trait")
    table = table[table["listed"] >= SMALLEST].astype({"listed": np.int64})
    table = table.assign(times=table["listed_rate"] / table["book_rate"])
    return table.sort_values("times", ascending=False, kind="stable")


def _traits(live: pd.DataFrame) -> pd.DataFrame:
    """Which loan has which trait; a missing value has none."""
    rules = {
        "past due now": ("dpd", lambda v: v > 0),
        "past due at a month-end of the last 6 months": ("late_months", lambda v: v > 0),
        "last instalment late": ("days_late_last", lambda v: v > 0),
        "half of the instalments late, or more": ("late_share", lambda v: v >= 0.5),
        "part of an instalment paid in the last 6 months": ("part_payments", lambda v: v > 0),
        "a reminder ignored in the last 6 months": ("ignored_reminders", lambda v: v > 0),
        f"instalment above {HIGH_BURDEN:.0%} of income": ("burden", lambda v: v > HIGH_BURDEN),
        "more other lenders than 3 months ago": ("other_lenders_growth", lambda v: v > 0),
        "lowest fifth by score at origination": ("score", lambda v: v <= v.quantile(0.2)),
        "in the first 3 months on book": ("mob", lambda v: v <= 3),
    }
    found = {
        trait: rule(live[name]).to_numpy(bool)
        for trait, (name, rule) in rules.items()
        if name in live
    }
    return pd.DataFrame(found, index=live.index)


def reminder_text(reminders: pd.DataFrame, live: pd.DataFrame, told: str) -> str:
    """Sentences on how many are on the list and what is expected of them, as Markdown.

    Parameters
    ----------
    reminders, live : DataFrame
        Of :func:`reminder_list`, and what it was made of.
    told : str
        Of what is warned: :attr:`WarningDefinition.told`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> nobody = pd.DataFrame({"loan_id": [], "probability": []})
    >>> reminder_text(nobody, nobody, "late")
    'There is no list: no loan runs today, or too few went bad to fit a score.'
    """
    if reminders.empty:
        return "There is no list: no loan runs today, or too few went bad to fit a score."
    expected, of_all = reminders["probability"].sum(), live["probability"].sum()
    return (
        f"The list holds **{len(reminders):,} of {len(live):,} running loans**, of which "
        f"{expected:,.0f} are expected to be {told}: {expected / of_all:.0%} of the {of_all:,.0f} "
        "expected of all. Their ids stand in `reminders.parquet`, not on this page."
    )
