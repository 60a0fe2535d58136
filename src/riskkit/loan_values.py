"""What is known of each loan, small enough to go wherever its rows are counted.

Takes ids and a value or a few of each; gives them back for the ids of any rows. A panel of loans
does not say their term, channel or grade: these come from elsewhere, and of ten million loans they
must travel to every worker that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import DataContractError
from riskkit.partitions import collected
from riskkit.tables import Table, hash_ids

__all__ = ["BOOK_COLUMNS", "LoanValues"]

# of a panel, or of outcomes: what a loan's age, arrears, amount and end are read from
BOOK_COLUMNS = (
    "loan_id", "cohort", "mob", "dpd", "status", "balance", "amount", "paid_amount", "event",
    "event_mob",
)  # fmt: skip


class LoanValues:
    """A value, or a row of them, by the id of a loan or application.

    Ids are kept as 64-bit hashes, so that of ten million a byte each of values takes 90 MB.

    Parameters
    ----------
    ids : Series or array-like of shape (n,)
        Each once.
    values : Series or DataFrame of n rows
        In the order of the ids; its own index is not read. Text is best a category.

    Raises
    ------
    DataContractError
        An id is missing or comes twice; there are not as many ids as values.

    Examples
    --------
    >>> terms = LoanValues(["a", "b"], pd.Series([6, 12], name="term_months"))
    >>> terms.of(pd.Series(["b", "b", "a"])).tolist()
    [12, 12, 6]
    """

    def __init__(self, ids: Any, values: pd.Series | pd.DataFrame):
        hashes = hash_ids(ids)
        if len(hashes) != len(values):
            said = f"{len(hashes):,} ids for {len(values):,} values"
            raise DataContractError("values of loans", [said])
        order = np.argsort(hashes)
        self._hashes = hashes[order]
        twice = int((self._hashes[1:] == self._hashes[:-1]).sum())
        if twice:
            raise DataContractError("values of loans", [f"id: {twice:,} come more than once"])
        self.values = values.iloc[order].reset_index(drop=True)

    @classmethod
    def from_table(
        cls, table: Table, columns: str | Sequence[str], key: str = "application_id"
    ) -> LoanValues:
        """Values of columns of a table, whichever its size; text becomes a category.

        Parameters
        ----------
        table : Table
            One row an id.
        columns : str or sequence of str
            A name gives a value an id, a sequence a row of them.
        key : str
            Column of the ids.
        """
        names = [columns] if isinstance(columns, str) else list(columns)
        rows = collected(_as_they_are, table, columns=[key, *names])
        return cls(rows[key], _compact(rows[columns if isinstance(columns, str) else names]))

    @classmethod
    def of_index(cls, values: Any) -> Any:
        """Values of a Series or DataFrame by the ids in its index; anything else as it is."""
        if not isinstance(values, pd.Series | pd.DataFrame):
            return values
        return cls(values.index, _compact(values))

    @property
    def name(self) -> Any:
        """Name of the one value; None of several."""
        return getattr(self.values, "name", None)

    @property
    def columns(self) -> list[Any]:
        """Names of the values."""
        return [self.name] if isinstance(self.values, pd.Series) else list(self.values.columns)

    def __len__(self) -> int:
        return len(self.values)

    def of(self, ids: pd.Series) -> pd.Series | pd.DataFrame:
        """The values of these ids, on their index; missing where an id is not known.

        A category is given as its words. Rows of one loan that follow one another are looked up
        once.
        """
        array = ids.array
        new = np.ones(len(ids), dtype=bool)
        new[1:] = np.asarray(array[1:] != array[:-1], dtype=bool)
        asked = hash_ids(ids.iloc[new.nonzero()[0]])
        place = np.searchsorted(self._hashes, asked)
        place[place == len(self._hashes)] = 0
        known = self._hashes[place] == asked if len(self._hashes) else np.zeros(len(asked), bool)
        place = np.where(known, place, -1)[np.cumsum(new) - 1]
        if (place < 0).any():
            found = self.values.reindex(place)
        else:
            found = self.values.take(place)
        return _in_words(found.set_axis(ids.index))


def _compact(values: Any) -> Any:
    """The same values, text as a category."""
    if isinstance(values, pd.DataFrame):
        return pd.DataFrame({name: _compact(values[name]) for name in values}, index=values.index)
    is_text = pd.api.types.is_string_dtype(values.dtype) or values.dtype == object
    return values.astype("category") if is_text else values


def _in_words(values: Any) -> Any:
    """The same values, a category's as what they are, so that counts by them add up."""
    if isinstance(values, pd.DataFrame):
        return values.apply(_in_words) if len(values.columns) else values
    is_category = isinstance(values.dtype, pd.CategoricalDtype)
    return values.astype(values.cat.categories.dtype) if is_category else values


def _as_they_are(frame: pd.DataFrame) -> pd.DataFrame:
    return frame
