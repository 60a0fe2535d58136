"""When the months ended that taught the model in use.

Takes the scores with the sample of each application; gives a day.
"""

from __future__ import annotations

import pandas as pd

from riskkit.partitions import collected
from riskkit.tables import Table

__all__ = ["taught_to"]


def taught_to(scores: pd.DataFrame | Table) -> pd.Timestamp:
    """Last day on which one of those applied who taught the model; NaT without any.

    Parameters
    ----------
    scores : DataFrame or Table
        sample ("train" of those who taught it), applied_at. A Table is read block by block.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> scores = pd.DataFrame({"sample": ["train", "train", "test"],
    ...     "applied_at": pd.to_datetime(["2024-01-05", "2024-02-09", "2024-03-01"])})
    >>> taught_to(scores)
    Timestamp('2024-02-09 00:00:00')
    """
    last = collected(_last_of_train, scores, columns=["sample", "applied_at"])
    return last["applied_at"].max()


def _last_of_train(scores: pd.DataFrame) -> pd.DataFrame:
    taught = scores.loc[scores["sample"] == "train", ["applied_at"]]
    return taught.nlargest(1, "applied_at")
