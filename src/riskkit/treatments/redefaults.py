"""Which loans were treated, by month and kind, and how many of them went bad again.

Takes the performance panel with its column `treatment`; gives counts that add up over blocks of
whole loans, tables of rates with their intervals, and what they say in words.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.chance import MIN_BADS, rate_text
from riskkit.checks import DataContractError, check_level, loan_starts, require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.metrics import jeffreys_interval
from riskkit.partitions import total
from riskkit.schema import CONTRACT
from riskkit.tables import Table

__all__ = [
    "check_treatments",
    "redefault_findings",
    "redefault_table",
    "redefault_text",
    "treatment_counts",
    "treatment_months",
]

KINDS = CONTRACT["performance"]["treatment"].one_of
NOTHING = "none"
_NEEDED = ("loan_id", "mob", "month_end", "dpd", "status", "treatment")
REPEAT_MONTHS = 12  # a loan treated again sooner is counted as a repeat
COUNTED = (
    "past_due_loans",
    "treated_loans",
    "treated_amount",
    "repeat_loans",
    "young_loans",
    "closed_loans",
    "still_bad_loans",
    "lost_loans",
    "followed_loans",
    "redefault_loans",
)


def treatment_counts(
    book: pd.DataFrame | Table,
    observed_to: pd.Timestamp | str,
    *,
    dpd: int = 90,
    months: int = 12,
) -> pd.DataFrame:
    """Counts of treated loans by month and kind, and of what became of them since.

    One pass over the rows. Counts of two parts of a portfolio that share no loan add up to the
    counts of the whole (:func:`riskkit.partitions.add_counts`).

    Parameters
    ----------
    book : DataFrame or Table
        The performance panel with its column `treatment`, sorted by loan and month. A Table is
        counted block by block; a block holds whole loans.
    observed_to : Timestamp
        Last month-end seen.
    dpd : int, in days
        Gone bad again is more than this many days past due at a later month-end, or charged off.
    months : int
        That a treated loan is followed for.

    Returns
    -------
    DataFrame, index (month_end, treatment), int64 columns
        A row for each month and kind that occurred, and one of "none" for the loans past due to
        which nothing was done.

        - `past_due_loans`: seen past due, and not charged off, at the month-end before;
        - `treated_loans`, `treated_amount`: treatments granted in the month, and the balance at the
          month-end before, in fen (its own where that was not seen, 0 where the panel has no
          balances); of them `repeat_loans`: of a
          loan already treated within the twelve months before.

        Every treatment is then one of: `young_loans`, granted less than `months` ago;
        `closed_loans`, the loan ended in the same month, as one settled does; `still_bad_loans`,
        past `dpd` at the end of that very month; `lost_loans`, whose rows end too early to know;
        `followed_loans`, of which `redefault_loans` went bad within `months` months.

    Raises
    ------
    DataContractError
        A missing column or value, a panel not sorted by loan and month, an unknown treatment.
    ValueError
        `dpd` is negative or `months` below 1.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a"] * 4, "mob": range(4), "dpd": [0, 40, 0, 99],
    ...     "month_end": pd.date_range("2024-01-31", periods=4, freq="ME"),
    ...     "status": ["current", "delinquent", "current", "delinquent"],
    ...     "treatment": [None, None, "re-age", None]})
    >>> counts = treatment_counts(panel, "2024-04-30", months=1)
    >>> counts.loc[("2024-03-31", "re-age"), ["followed_loans", "redefault_loans"]].tolist()
    [1, 1]
    """
    if dpd < 0 or months < 1:
        raise ValueError(f"dpd must be >= 0 and months >= 1, got {dpd!r} and {months!r}")
    last = int(calendar_months([pd.Timestamp(observed_to)])[0])
    count = partial(_counts, last_month=last, dpd=dpd, months=months)
    if isinstance(book, pd.DataFrame):
        return count(book)
    return total(count, whole_loans(book), columns=[*_NEEDED, "balance"])


def _counts(panel: pd.DataFrame, *, last_month: int, dpd: int, months: int) -> pd.DataFrame:
    require_columns(panel, _NEEDED, "performance")
    check_treatments(panel)
    starts = loan_starts(panel)
    lengths = np.diff(np.append(starts, len(panel)))
    ends = np.repeat(starts + lengths - 1, lengths)
    # of a loan's first row, and after a gap, nobody has seen the month-end before
    unseen = np.diff(panel["mob"].to_numpy(np.int64), prepend=-2) != 1
    unseen[starts] = True
    charged_off = (panel["status"] == "charged_off").to_numpy(bool)
    past_due = (panel["dpd"] > 0).to_numpy(bool) & ~charged_off
    owed = np.append(False, past_due[:-1]) & ~unseen
    treated = panel["treatment"].notna().to_numpy(bool)
    rows = np.flatnonzero(treated | owed)
    granted = np.flatnonzero(treated)
    bad = charged_off | (panel["dpd"] > dpd).to_numpy(bool)
    table = pd.DataFrame(0, index=rows, columns=list(COUNTED), dtype=np.int64)
    table["past_due_loans"] = owed[rows].astype(np.int64)
    table.loc[granted, "treated_loans"] = 1
    if "balance" in panel:
        before = np.where(unseen[granted], granted, granted - 1)
        table.loc[granted, "treated_amount"] = panel["balance"].to_numpy(np.int64)[before]
    fates = _fates(panel, granted, ends, bad, last_month, months)
    for name, holds in fates.items():
        table.loc[granted, name] = holds.astype(np.int64)
    # dates in one unit, whatever file they come from, so that counts of blocks add up
    month_end = pd.DatetimeIndex(panel["month_end"].iloc[rows]).as_unit("us")
    kind = panel["treatment"].iloc[rows].astype(object).fillna(NOTHING)
    return table.groupby([month_end.rename("month_end"), pd.Index(kind, name="treatment")]).sum()


def check_treatments(panel: pd.DataFrame) -> None:
    """Refuse kinds of treatment that the contract does not know, which no table would show.

    Raises
    ------
    DataContractError
        Names one, and those that are known.
    """
    given = panel["treatment"].dropna()
    unknown = given[~given.isin(KINDS)]
    if len(unknown):
        raise DataContractError(
            "performance",
            [
                f"treatment: {len(unknown):,} rows are none of {', '.join(KINDS)}, for example "
                f"{unknown.iloc[0]!r}"
            ],
        )


def _fates(
    panel: pd.DataFrame,
    granted: NDArray[np.intp],
    ends: NDArray[np.intp],
    bad: NDArray[np.bool_],
    last_month: int,
    months: int,
) -> dict[str, NDArray[np.bool_]]:
    """What became of each treatment: exactly one holds, but for repeats and redefaults."""
    mob, end = panel["mob"].to_numpy(np.int64), ends[granted]
    ended = panel["status"].isin(["prepaid", "matured"]).to_numpy(bool)[end]
    month = calendar_months(panel["month_end"].iloc[granted])
    # the first bad row after each treatment, if it is of the same loan
    bads = np.append(np.flatnonzero(bad), len(panel))
    following = bads[np.searchsorted(bads, granted, side="right")]
    later = np.minimum(following, len(panel) - 1)
    redefault = (following <= end) & (mob[later] - mob[granted] <= months)
    young = last_month - month < months
    closed = ~young & ended & (end == granted)
    still_bad = ~young & ~closed & bad[granted]
    known = redefault | ended | (mob[end] - mob[granted] >= months)
    followed = ~young & ~closed & ~still_bad & known
    same = np.append(False, ends[granted[1:]] == ends[granted[:-1]])[: len(granted)]
    since = np.diff(mob[granted], prepend=0)
    return {
        "repeat_loans": same & (since <= REPEAT_MONTHS),
        "young_loans": young,
        "closed_loans": closed,
        "still_bad_loans": still_bad,
        "lost_loans": ~young & ~closed & ~still_bad & ~known,
        "followed_loans": followed,
        "redefault_loans": followed & redefault,
    }


def treatment_months(counts: pd.DataFrame) -> pd.DataFrame:
    """Treated loans of each month by kind, beside all that were past due at the month-end before.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`treatment_counts`.

    Returns
    -------
    DataFrame, index month_end, oldest first
        A column of loans for each kind; `treated_loans`, all of them; `past_due_loans`;
        `treated_rate`, the share of those past due that were treated, with its 95 % Jeffreys
        interval `treated_rate_low` and `treated_rate_high`, NaN where nobody was past due.

    Source
    ------
    riskkit definition.
    """
    kinds = counts["treated_loans"].unstack("treatment", fill_value=0)
    kinds = kinds.reindex(columns=pd.Index(KINDS, name=None), fill_value=0)
    past_due = counts["past_due_loans"].groupby(level="month_end").sum()
    is_kind = counts.index.get_level_values("treatment") != NOTHING
    from_arrears = counts["past_due_loans"].where(is_kind, 0).groupby(level="month_end").sum()
    return kinds.assign(
        treated_loans=kinds.sum(axis=1),
        past_due_loans=past_due,
        **_rates(from_arrears.to_numpy(), past_due.to_numpy(), "treated", 0.95),
    )


def redefault_table(counts: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Share of the treated that went bad again, by kind of treatment and in all.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`treatment_counts`.
    level : float
        Confidence of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index treatment: the kinds that occurred, then "all"
        The counts but `past_due_loans`, and `redefault_rate` = redefault_loans ÷ followed_loans
        with its Jeffreys interval, NaN where nobody was followed. No treatment gives no rows.

    Source
    ------
    riskkit definition; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.
    """
    check_level(level)
    sums = counts[list(COUNTED[1:])].groupby(level="treatment").sum()
    sums = sums.reindex([kind for kind in KINDS if kind in sums.index])
    if len(sums):
        sums.loc["all"] = sums.sum()
    sums.index.name = "treatment"
    again, followed = sums["redefault_loans"].to_numpy(), sums["followed_loans"].to_numpy()
    return sums.assign(**_rates(again, followed, "redefault", level))


def _rates(
    part: NDArray[np.int64], whole: NDArray[np.int64], name: str, level: float
) -> dict[str, NDArray[np.float64]]:
    """A rate and its interval, NaN of nobody."""
    low, high = jeffreys_interval(part, whole, level)
    there = whole > 0
    return {
        f"{name}_rate": np.where(there, part / np.maximum(whole, 1), np.nan),
        f"{name}_rate_low": np.where(there, low, np.nan),
        f"{name}_rate_high": np.where(there, high, np.nan),
    }


def redefault_text(table: pd.DataFrame, *, dpd: int = 90, months: int = 12) -> str:
    """Sentences on how many loans were treated and what became of them, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`redefault_table`.
    dpd, months : int
        That its counts were made for.

    Source
    ------
    riskkit definition; re-ages at most once in twelve months after FFIEC (2000), Uniform Retail
    Credit Classification and Account Management Policy, 65 FR 36903.
    """
    if table.empty:
        return "Nothing is marked as done for loans in arrears: no re-age, extension or the like."
    every = table.loc["all"]
    kinds = ", ".join(
        f"{row['treated_loans']:,.0f} {kind}{'' if row['treated_loans'] == 1 else 's'}"
        for kind, row in table.drop(index="all").iterrows()
    )
    text = f"**Something was done {every['treated_loans']:,.0f} times** for loans in arrears: "
    text += f"{kinds}. "
    if not every["followed_loans"]:
        return text + f"None has been followed for {months} months yet, so how they end is open."
    told = rate_text(every["redefault_loans"], every["followed_loans"])
    text += f"Of those followed for {months} months, **{told}**, went past {dpd} days or were "
    text += f"charged off afterwards. {_meaning(every)}"
    if every["closed_loans"]:
        text += (
            f" {every['closed_loans']:,.0f} ended in the same month, as settled loans do: they "
            "cannot go bad again, but what was given up is a loss that no days past due show."
        )
    if every["repeat_loans"]:
        text += (
            f" {every['repeat_loans']:,.0f} were for a loan already treated within twelve months, "
            "more often than supervisors in the United States let a loan be re-aged."
        )
    if every["lost_loans"]:
        text += f" Of {every['lost_loans']:,.0f} the rows end too early to know."
    return text


def _meaning(row: pd.Series) -> str:
    if row["redefault_loans"] < MIN_BADS:
        return "They are too few to say whether it helped."
    if row["redefault_rate_low"] > 0.5:
        return "For most of them it put off the loss and did not avert it."
    if row["redefault_rate_high"] < 0.5:
        return "Most of them held; the others only went bad later than they would have shown."
    return "Whether it averts a loss more often than not is open."


def redefault_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """That treatments mostly put off the loss: topic, text, and whether it is red.

    Red is a kind after which more than half of the followed loans go bad again, beyond chance;
    kinds with fewer than 30 that did are not judged.

    Parameters
    ----------
    table : DataFrame
        Of :func:`redefault_table`.

    Source
    ------
    riskkit definition.
    """
    kinds = table.drop(index="all", errors="ignore")
    enough = kinds["redefault_loans"] >= MIN_BADS
    failed = kinds[enough & (kinds["redefault_rate_low"] > 0.5)]
    return [
        (
            "Treated loans",
            f"after {kind}, {rate_text(row['redefault_loans'], row['followed_loans'])}: "
            "the loss is put off more often than averted",
            True,
        )
        for kind, row in failed.iterrows()
    ]
