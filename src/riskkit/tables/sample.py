"""Which rows are in a sample that neither their order nor their division into files changes.

Takes ids; gives their hashes, and the hash below which a row is in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["hash_ids", "hash_limit"]

_AT_ONCE = 100_000  # ids that are texts of Python at a time, which are large


def hash_ids(values: Any) -> NDArray[np.uint64]:
    """Hash of each id's text: the same on any platform and however the ids are stored.

    The text 17 and the whole numbers 17 and 17.0 are one id, whether the column is text, category,
    object, arrow or any kind of number. Not a defence against who chooses ids on purpose.

    Parameters
    ----------
    values : Series, Index or array-like of shape (n,)
        Ids; none may be missing.

    Returns
    -------
    array of shape (n,), uint64

    Raises
    ------
    ValueError
        An id is missing.

    Source
    ------
    ``pandas.util.hash_array`` with its default key: SipHash-2-4 of the UTF-8 text, Aumasson and
    Bernstein (2012), Indocrypt.

    Examples
    --------
    >>> hash_ids(["1", "a"]).tolist()
    [15289156711003816966, 13950350942979735504]
    >>> hash_ids(pd.Series([1], dtype="int32")).tolist()
    [15289156711003816966]
    """
    ids = pd.Series(values)
    missing = int(ids.isna().sum())
    if missing:
        raise ValueError(f"ids must not be missing, {missing:,} of {len(ids):,} are")
    if isinstance(ids.dtype, pd.CategoricalDtype):
        return hash_ids(ids.cat.categories)[ids.cat.codes.to_numpy()]
    hashes = np.empty(len(ids), dtype=np.uint64)
    for start in range(0, len(ids), _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        hashes[rows] = pd.util.hash_array(_texts(ids.iloc[rows]), categorize=False)
    return hashes


def hash_limit(hashes: Iterable[NDArray[np.uint64]], n: int) -> np.uint64 | None:
    """Smallest hash that is out, so that at most `n` rows are below it; None where all are in.

    Rows of one hash are in or out together. Holds no more than `n` hashes and those of a block.

    Examples
    --------
    >>> int(hash_limit([np.array([5, 1], np.uint64), np.array([4, 9], np.uint64)], 2))
    5
    """
    smallest = np.empty(0, dtype=np.uint64)
    for block in hashes:
        if len(smallest) > n:
            block = block[block < smallest.max()]
        smallest = np.concatenate([smallest, block])
        if len(smallest) > n + 1:
            smallest = np.partition(smallest, n)[: n + 1]
    return smallest.max() if len(smallest) > n else None


def _texts(ids: pd.Series) -> NDArray[np.object_]:
    import pyarrow as pa

    if isinstance(ids.dtype, np.dtype) and ids.dtype.kind in "iu":
        # several times faster than str() of each
        return pa.array(ids.to_numpy()).cast(pa.string()).to_numpy(zero_copy_only=False)
    values = ids.to_numpy(dtype=object)
    if pd.api.types.infer_dtype(values, skipna=False) != "string":
        values = np.array([_text(value) for value in values], dtype=object)
    return values


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
