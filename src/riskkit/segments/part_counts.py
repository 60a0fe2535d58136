"""Loans of one term counted by each of their parts: channel, scenario, grade.

Takes the book and the applications; gives counts by part, cohort and month on book.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from riskkit.checks import loan_starts, require_columns, whole_loans
from riskkit.columns import among
from riskkit.loan_values import BOOK_COLUMNS, LoanValues
from riskkit.partitions import total
from riskkit.tables import Table
from riskkit.vintage import cohort_counts

__all__ = ["segment_counts", "segment_values"]

PARTS = ("channel", "partner", "scenario", "product", "grade")
MOST_VALUES = 8  # of a part; the smaller ones are taken together
NONE, OTHERS = "none", "others"
PLACE = "_place"


def segment_values(
    applications: pd.DataFrame, term_months: int, parts: Sequence[str] = PARTS
) -> pd.DataFrame:
    """Value of each part of each loan of one term, in words.

    Parameters
    ----------
    applications : DataFrame
        `application_id`, `term_months`, and of `parts` those that are there.
    term_months : int
        Terms are not mixed: a loan of three months has no month 12 to go bad in.
    parts : sequence of str
        What is known at origination. One with a single value tells nothing and is left out; of one
        with more than eight, the smallest are together in "others". A missing value is "none".

    Returns
    -------
    DataFrame of str, index loan_id, a column a part

    Raises
    ------
    DataContractError
        A column is missing.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> loans = pd.DataFrame({
    ...     "application_id": ["a", "b", "c"], "term_months": [3, 3, 12], "product": "loan",
    ...     "channel": ["app", None, "app"]})
    >>> segment_values(loans, 3).to_dict()
    {'channel': {'a': 'app', 'b': 'none'}}
    """
    require_columns(applications, ["application_id", "term_months"], "applications")
    there = ["application_id", *(name for name in parts if name in applications)]
    own = applications.loc[applications["term_months"] == term_months, there]
    loan_id = pd.Index(own["application_id"], name="loan_id")
    values = {}
    for name in parts:
        if name not in own or own[name].nunique(dropna=False) < 2:
            continue
        words = own[name].astype(object).where(own[name].notna(), NONE).astype(str)
        sizes = words.value_counts()
        if len(sizes) > MOST_VALUES:
            words = words.where(words.isin(sizes.index[: MOST_VALUES - 1]), OTHERS)
        values[name] = words.to_numpy()
    return pd.DataFrame(values, index=loan_id)


def segment_counts(
    book: pd.DataFrame | Table, values: pd.DataFrame | LoanValues, *, dpd: int = 90
) -> pd.DataFrame:
    """Counts of :func:`riskkit.vintage.cohort_counts` for every value of every part.

    One pass over the rows. Each loan is counted once in every part. Counts of two parts of a
    portfolio that share no loan add up to the counts of the whole.

    Parameters
    ----------
    book : DataFrame or Table
        The panel, sorted by loan and month, or the outcomes. A Table is counted block by block.
    values : DataFrame, index loan_id
        Of :func:`segment_values`. A loan that is not in it is not counted.
    dpd : int, in days

    Returns
    -------
    DataFrame, index (by, value, cohort, mob), int64 columns
        As :func:`riskkit.vintage.cohort_counts`. No parts give no rows.

    Raises
    ------
    DataContractError
        As :func:`riskkit.vintage.cohort_counts`.

    Source
    ------
    riskkit definition.
    """
    if not isinstance(book, pd.DataFrame):
        count = partial(segment_counts, values=LoanValues.of_index(values), dpd=dpd)
        return total(count, whole_loans(book), columns=BOOK_COLUMNS)
    is_outcomes = "event" in book.columns
    require_columns(book, ["loan_id"], "outcomes" if is_outcomes else "performance")
    starts = np.arange(len(book)) if is_outcomes else loan_starts(book)
    lengths = np.diff(np.append(starts, len(book)))
    # each loan is looked up once, and by places: as words, its rows would take seconds
    ids = book["loan_id"].iloc[starts]
    if isinstance(values, LoanValues):
        of_loan = values.of(ids)
        known = of_loan.notna().all(axis=1).to_numpy()
    else:
        known = among(ids, values.index)
        of_loan = values.reindex(ids)
    of_loan = of_loan[known]
    own = book[np.repeat(known, lengths)].drop(columns=PLACE, errors="ignore")
    row = np.repeat(np.arange(len(of_loan)), lengths[known])
    counts = {}
    for name in values.columns:
        places, words = pd.factorize(of_loan[name].astype(object), sort=True)
        by_place = cohort_counts(own.assign(**{PLACE: places[row]}), dpd=(dpd,), by=PLACE)
        index = by_place.index
        counts[name] = by_place.set_axis(
            pd.MultiIndex.from_arrays(
                [words.take(index.get_level_values(0)), *map(index.get_level_values, (1, 2))],
                names=["value", "cohort", "mob"],
            )
        )
    if not counts:
        nothing = cohort_counts(own.iloc[:0].assign(**{PLACE: 0}), dpd=(dpd,), by=PLACE)
        return pd.concat({"": nothing.rename_axis(index=["value", "cohort", "mob"])}, names=["by"])
    return pd.concat(counts, names=["by"])
