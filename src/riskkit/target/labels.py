"""What counts as bad, and which application belongs to which sample.

Takes the monthly panel or the outcomes; gives a label per loan, and a sample per application.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.loan_values import LoanValues
from riskkit.tables import Table
from riskkit.target.loan_ends import loan_ends

__all__ = [
    "BadDefinition",
    "default_flags",
    "samples_present",
    "window_coverage",
]

SAMPLES = ("train", "test", "out_of_time")
_NO_WINDOW = 10_000  # months: past every term


@dataclass(frozen=True, kw_only=True)
class BadDefinition:
    """When a booked loan counts as bad.

    Bad = ever more than `dpd` days past due at a month-end, or charged off, within the window.

    Parameters
    ----------
    dpd : int or None
        Days past due that must be exceeded; None = charged off only.
    window_months : int or None
        Months on book within which it counts; None = at any time, and a label only once every
        loan of the cohort and term has ended.
    by_term : mapping of int to int, optional
        Another window for loans of some terms, ``{term_months: window_months}``.
    indeterminate_dpd : int, optional
        A loan that is not bad but was once more than this many days past due gets no label.
    """

    dpd: int | None = 90
    window_months: int | None = 12
    by_term: Mapping[int, int] | None = None
    indeterminate_dpd: int | None = None

    def __post_init__(self) -> None:
        if self.dpd is not None and self.dpd < 1:
            raise ValueError(f"dpd must be at least 1 day, got {self.dpd!r}")
        windows = [self.window_months, *(self.by_term or {}).values()]
        if any(window is not None and window < 1 for window in windows):
            raise ValueError(f"window_months must be at least 1 month, got {windows!r}")
        if self.indeterminate_dpd is not None and not (
            0 < self.indeterminate_dpd < (self.dpd or math.inf)
        ):
            raise ValueError(
                f"indeterminate_dpd must lie between 0 and dpd={self.dpd}, "
                f"got {self.indeterminate_dpd!r}"
            )

    def __str__(self) -> str:
        if self.window_months is None:
            window = "at any time until the loan has ended"
        else:
            window = f"within {self.window_months} months on book"
        late = "" if self.dpd is None else f"more than {self.dpd} days past due at a month-end, or "
        text = f"{late}charged off, {window}"
        if self.by_term:
            terms = ", ".join(f"{t} months: {w}" for t, w in sorted(self.by_term.items()))
            text += f" (window by term: {terms})"
        if self.indeterminate_dpd is not None:
            text += f"; more than {self.indeterminate_dpd} days but not bad: no label"
        return text

    def window_of(self, term_months: pd.Series) -> np.ndarray:
        """Window of each loan in months; a month past every term where there is none."""
        plain = self.window_months if self.window_months is not None else _NO_WINDOW
        return term_months.map(self.by_term or {}).fillna(plain).to_numpy().astype(np.int64)


def default_flags(
    book: pd.DataFrame,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    *,
    term_months: pd.Series | None = None,
) -> pd.Series:
    """Label of each loan: 1 bad, 0 good, NaN not known yet or indeterminate.

    A label exists only once the loan's whole cohort has reached the window, however early the
    loan itself ended; with no window, once every loan of its cohort and term has ended.

    Nothing is guessed of months that were not seen. A loan first seen after month 0, one with
    months left out, or one whose rows stop is good only if it cannot have turned bad unseen: its
    days past due grow by one a day at most, from what was seen last, or from nothing on the first
    of its month of disbursal. Where it may have, before it was seen bad and within the window, it
    has no label, and a default seen later gives it none: else the late entrants that default would
    be known, and those that do not would not. :func:`label_table` counts them.

    Parameters
    ----------
    book : DataFrame
        The monthly panel (performance), sorted by loan and month, or the outcomes.
    definition : BadDefinition
    observed_to : Timestamp
        The last month-end seen.
    term_months : Series, index loan_id, optional
        A panel does not carry the term: needed for ``definition.by_term``; with no window, loans
        of all terms wait for each other without it.

    Returns
    -------
    Series of float, index loan_id
        Named default_flag.

    Raises
    ------
    DataContractError
        A panel that lacks a column or is not sorted by loan and month.
    ValueError
        A window by term, but no terms.

    Source
    ------
    riskkit definition; the maturity rule avoids counting early endings of a young cohort.
    """
    return _flags(_loans_of(book, definition, observed_to, term_months), definition)


def _loans_of(
    book: pd.DataFrame | Table,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues | None,
) -> pd.DataFrame:
    """One row per loan as :func:`loan_ends` gives it, with the term where it is known."""
    loans = loan_ends(book, definition.dpd, observed_to, term_months)
    if "term_months" not in loans and definition.by_term:
        raise ValueError("a window by term needs term_months, index loan_id")
    return loans


def _flags(loans: pd.DataFrame, definition: BadDefinition) -> pd.Series:
    """Labels of loans in the shape of :func:`loan_ends`."""
    window, bad, hidden = _window_and_bad(loans, definition)
    # a loan that drops out of the data before the window, neither ended nor bad, is not known
    followed = bad | loans["ended"].to_numpy() | (loans["last_mob"] >= window).to_numpy()
    known = _cohort_ripe(loans, window) & followed & ~hidden
    if definition.indeterminate_dpd is not None:
        known &= bad | (loans["worst_possible_dpd"] <= definition.indeterminate_dpd).to_numpy()
    flags = np.where(known, bad.astype(float), np.nan)
    return pd.Series(flags, index=loans.index, name="default_flag")


def _window_and_bad(
    loans: pd.DataFrame, definition: BadDefinition
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Window of each loan, whether it is bad within it, and whether that may have gone unseen."""
    terms = loans["term_months"] if "term_months" in loans else pd.Series(0, index=loans.index)
    window = definition.window_of(terms)
    first_bad, unseen = loans["first_bad_mob"].to_numpy(), loans["unseen_from"].to_numpy()
    return window, (first_bad <= window) & (first_bad < unseen), _hidden(loans) & (unseen <= window)


def _cohort_ripe(loans: pd.DataFrame, window: np.ndarray) -> np.ndarray:
    """Whether each loan's cohort has reached its window."""
    ripe = (loans["observed_mob"] >= window).to_numpy()
    no_window = window >= _NO_WINDOW
    if no_window.any():
        # the cohort is mature when every loan of it (and of the term) has ended
        terms = loans["term_months"].to_numpy() if "term_months" in loans else np.zeros(len(loans))
        ended = loans["ended"].groupby([loans["cohort"], terms], dropna=False).transform("all")
        ripe = np.where(no_window, ended, ripe)
    return ripe


def _hidden(loans: pd.DataFrame) -> np.ndarray:
    """Whether a loan may have turned bad unseen, before it was seen bad."""
    return (loans["unseen_from"] < loans["first_bad_mob"]).to_numpy()


def _watched_to_the_end(loans: pd.DataFrame) -> pd.Series:
    """Whether the cohort was watched for the term and long enough for its last bads to show.

    A loan that may have turned bad unseen was not watched.
    """
    return (loans["observed_mob"] >= loans["term_months"] + 6) & ~_hidden(loans)


def window_coverage(
    book: pd.DataFrame | Table,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    term_months: pd.Series | LoanValues,
) -> pd.DataFrame:
    """Share of final bads that the window catches, by term.

    Over loans whose cohort has been watched for the term and six months more, so that nearly
    every bad has shown itself.

    Returns
    -------
    DataFrame, index term_months
        loans, final_bads, within_window, caught_rate (NaN where there is no bad).
    """
    loans = loan_ends(book, definition.dpd, observed_to, term_months)
    loans["term_months"] = loans["term_months"].astype("int64")
    seen = loans[_watched_to_the_end(loans)]
    final = seen["first_bad_mob"] <= seen["observed_mob"]
    window = definition.window_of(seen["term_months"])
    caught = (seen["first_bad_mob"] <= window) & final
    table = (
        pd.DataFrame({"final_bads": final, "within_window": caught})
        .groupby(seen["term_months"])
        .agg(
            loans=("final_bads", "size"),
            final_bads=("final_bads", "sum"),
            within_window=("within_window", "sum"),
        )
    )
    table["caught_rate"] = table["within_window"] / table["final_bads"].where(
        table["final_bads"] > 0
    )
    return table


def samples_present(sample: pd.Series) -> list[str]:
    """The samples there are, in the order train, test, out_of_time; the last one judges the models.

    Examples
    --------
    >>> samples_present(pd.Series(["test", None, "train"]))
    ['train', 'test']
    """
    there = set(sample.dropna().unique())
    return [name for name in SAMPLES if name in there]
