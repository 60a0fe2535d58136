"""What is known of each loan, small enough to go wherever its rows are counted.

Takes ids and a value or a few of each; gives them back for the ids of any rows. A panel of loans
does not say their term, channel or grade: these come from elsewhere, and of ten million loans they
must travel to every worker that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import DataContractError
from riskkit.partitions import collected
from riskkit.tables import Table, hash_ids

__all__ = ["LoanValues"]


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
        values = rows[names].copy()
        for name in names:
            if pd.api.types.is_string_dtype(values[name]):
                values[name] = values[name].astype("category")
        return cls(rows[key], values[columns] if isinstance(columns, str) else values)

    def mapped(self, fn: Callable[[pd.Series], Any], name: str) -> LoanValues:
        """What a function makes of the values, of the same loans.

        Parameters
        ----------
        fn : callable
            From the values to as many, in their order.
        name : str
            Of the new ones.

        Examples
        --------
        >>> terms = LoanValues(["a", "b"], pd.Series([6, 12]))
        >>> terms.mapped(lambda months: months / 12, "years").of(pd.Series(["b", "c"])).tolist()
        [1.0, nan]
        """
        new = copy(self)
        new.values = pd.Series(fn(self.values), name=name)
        return new

    @property
    def name(self) -> Any:
        """Name of the one value; None of several."""
        return getattr(self.values, "name", None)

    def __len__(self) -> int:
        return len(self.values)

    def of(self, ids: pd.Series) -> pd.Series | pd.DataFrame:
        """The values of these ids, on their index; missing where an id is not known.

        Rows of one loan that follow one another are looked up once.
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
        return found.set_axis(ids.index)


def _as_they_are(frame: pd.DataFrame) -> pd.DataFrame:
    return frame
