"""Which of many ids are among many others.

Takes two columns of ids; gives a bool for each of the first. ``Series.isin`` turns every text that
it looks for into a Python object, which at a million loans takes longer than reading them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["among"]


def among(ids: pd.Series | pd.Index, others: pd.Series | pd.Index) -> NDArray[np.bool_]:
    """Whether each id is one of the others; a missing one is where a missing one is among them.

    Parameters
    ----------
    ids, others : Series or Index

    Returns
    -------
    bool array of shape (n_ids,)

    Examples
    --------
    >>> among(pd.Series(["a", "b", "c"]), pd.Index(["c", "a"])).tolist()
    [True, False, True]
    """
    if not (_is_text(ids) and _is_text(others)):
        return np.asarray(ids.isin(others), dtype=bool)
    wanted = pa.array(others, type=pa.large_string(), from_pandas=True)
    found = pc.is_in(pa.array(ids, type=pa.large_string(), from_pandas=True), value_set=wanted)
    return found.to_numpy(zero_copy_only=False)


def _is_text(ids: pd.Series | pd.Index) -> bool:
    return isinstance(ids.dtype, pd.StringDtype)
