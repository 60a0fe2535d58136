"""What is known of each loan, small enough to go wherever its rows are counted.

Takes ids and a value or a few of each; gives them back for the ids of any rows. A panel of loans
does not say their term, channel or grade: these come from elsewhere, and of ten million loans they
must travel to every worker that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import DataContractError
from riskkit.partitions import collected
from riskkit.tables import Table, hash_ids

__all__ = ["BOOK_COLUMNS", "LoanValues", "is_among", "rows_of", "whole_customers"]

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
        self._keep(hash_ids(ids), values)

    def _keep(self, hashes: NDArray[np.uint64], values: pd.Series | pd.DataFrame) -> None:
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
        found = cls.collected(_as_they_are, table, [key, *names], key)
        return found.mapped(itemgetter(columns), columns) if isinstance(columns, str) else found

    @classmethod
    def of_index(cls, values: Any) -> Any:
        """Values of a Series or DataFrame by the ids in its index; anything else as it is."""
        if not isinstance(values, pd.Series | pd.DataFrame):
            return values
        return cls(values.index, _compact(values))

    @classmethod
    def collected(
        cls,
        fn: Callable[[pd.DataFrame], pd.DataFrame],
        table: Table,
        columns: Sequence[str],
        key: str = "application_id",
    ) -> LoanValues:
        """A row of values an id of what a function makes of each block; text becomes a category.

        Parameters
        ----------
        fn : callable
            From rows to rows with the column `key`; picklable, as of
            :func:`riskkit.partitions.collected`.
        table : Table
        columns : sequence of str
            Of the table, those that `fn` needs.
        key : str
            Column of the ids.
        """
        rows = collected(partial(_made, fn, key), table, columns=columns)
        hashes = rows.pop(key).to_numpy()
        found = cls.__new__(cls)
        found._keep(hashes, _compact(rows))
        return found

    def mapped(self, fn: Callable[[Any], Any], name: str) -> LoanValues:
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
        place = _places(self._hashes, ids)
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


def rows_of(
    table: pd.DataFrame | Table,
    ids: Any,
    columns: Sequence[str] | None = None,
    *,
    key: str = "application_id",
) -> pd.DataFrame:
    """Rows of a table of some loans or applications, in its order, counted from 0.

    Parameters
    ----------
    table : DataFrame or Table
        A Table is read block by block: memory holds a block and the rows wanted.
    ids : Index, Series or array-like
        None may be missing; one that the table does not know gives no row.
    columns : sequence of str, optional
        Those to give, as far as the table has them; by default all.
    key : str
        Column of the ids.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> table = pd.DataFrame({"application_id": ["a", "b", "c"], "term_months": [6, 12, 3]})
    >>> rows_of(table, ["c", "a", "x"])["term_months"].tolist()
    [6, 3]
    """
    there = list(table.columns)
    wanted = there if columns is None else [name for name in columns if name in there]
    hashes = np.unique(hash_ids(ids))
    read = wanted if key in wanted else [*wanted, key]
    found = collected(partial(_among, key=key, hashes=hashes), table, columns=read)
    return found[wanted].reset_index(drop=True)


def whole_customers(applications: pd.DataFrame | Table, n: int, salt: str) -> pd.Series:
    """Ids of the applications of whole customers, at most `n`: those of the smallest hashes.

    Equal data give equal samples, whatever their order and their division into parts.

    Parameters
    ----------
    applications : DataFrame or Table
        More than `n`: application_id, customer_id.
    n : int
    salt : str
        What the sample is for. Hashes of the ids alone are those by which samples are split and
        sampled again.

    Returns
    -------
    Series
        None where one customer alone has more than `n`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> ids = pd.DataFrame({"application_id": list("abcd"), "customer_id": list("xxyz")})
    >>> len(whole_customers(ids, 3, "a quick look")) <= 3
    True
    """
    columns = ["application_id", "customer_id"]
    hashed = collected(partial(_by_customer, salt=salt), applications, columns=columns)
    limit = np.partition(hashed["hash"].to_numpy(), n)[n]
    return hashed.loc[hashed["hash"] < limit, "application_id"].reset_index(drop=True)


def _by_customer(applications: pd.DataFrame, salt: str) -> pd.DataFrame:
    hashes = hash_ids(f"{salt} " + applications["customer_id"].astype("str"))
    return pd.DataFrame({"application_id": applications["application_id"], "hash": hashes})


def is_among(ids: pd.Series, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which ids have one of these hashes.

    Parameters
    ----------
    ids : Series
        None missing.
    hashes : array of uint64, ascending
        Of :func:`riskkit.tables.hash_ids`.
    """
    return _places(hashes, ids) >= 0


def _places(hashes: NDArray[np.uint64], ids: pd.Series) -> NDArray[np.intp]:
    """Place of each id among the hashes, −1 where it has none; neighbours alike are asked once."""
    array = ids.array
    new = np.ones(len(ids), dtype=bool)
    new[1:] = np.asarray(array[1:] != array[:-1], dtype=bool)
    asked = hash_ids(ids.iloc[new.nonzero()[0]])
    place = np.searchsorted(hashes, asked)
    place[place == len(hashes)] = 0
    known = hashes[place] == asked if len(hashes) else np.zeros(len(asked), bool)
    return np.where(known, place, -1)[np.cumsum(new) - 1]


def _among(frame: pd.DataFrame, key: str, hashes: NDArray[np.uint64]) -> pd.DataFrame:
    return frame[is_among(frame[key], hashes)]


def _as_they_are(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def _hashed(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    # the text of millions of ids at once would take more memory than all that is kept
    return frame.assign(**{key: hash_ids(frame[key])})


def _made(
    fn: Callable[[pd.DataFrame], pd.DataFrame], key: str, frame: pd.DataFrame
) -> pd.DataFrame:
    return _hashed(fn(frame), key)
