"""Applications whose outcome nobody knows: what they stand for, and what they cannot be.

Takes scores and what the old policy decided; gives how many loans each stands for, or refuses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.checks import flag_array, numeric_array, same_rows

__all__ = ["check_scored_loans", "expected_loans"]


def expected_loans(applications: pd.DataFrame) -> np.ndarray:
    """How many loans each application without an outcome stands for.

    Parameters
    ----------
    applications : DataFrame of shape (n, 3 or more)
        approved, booked (by the old policy) and default_flag.

    Returns
    -------
    float array of shape (n,)
        0 of a known outcome; 1 of another loan that was booked; 0 of an offer that was not taken;
        of the declined, the share of the granted that took their loan.

    Examples
    --------
    >>> asked = pd.DataFrame({"approved": [1, 1, 1, 0], "booked": [1, 1, 0, 0]}, dtype=bool)
    >>> expected_loans(asked.assign(default_flag=[0, None, None, None])).round(2).tolist()
    [0.0, 1.0, 0.0, 0.67]
    """
    approved, booked = (
        flag_array(applications[name], name, len(applications)) for name in ("approved", "booked")
    )
    known = applications["default_flag"].notna().to_numpy()
    taken_up = booked.sum() / max(int(approved.sum()), 1)
    return np.where(known, 0.0, np.where(booked, 1.0, np.where(approved, 0.0, taken_up)))


def check_scored_loans(scores: pd.DataFrame, loans: pd.DataFrame, money: Sequence[str]) -> None:
    """Refuse scores and loans that do not belong together or that no policy could have made.

    Parameters
    ----------
    scores : DataFrame of shape (n, n_models)
    loans : DataFrame of shape (n, 3 or more)
        approved, booked, default_flag, and the columns of money.
    money : sequence of str
        Columns that must be finite, as the scores must.

    Raises
    ------
    ValueError
        A column is missing, lengths differ, a score or an amount is not finite, a loan was booked
        but not approved, or is known but was not booked.
    """
    same_rows(scores=scores, loans=loans)
    columns = ["approved", "booked", "default_flag", *money]
    missing = [name for name in columns if name not in loans]
    if missing:
        raise ValueError(f"loans lack {missing}, they have {list(loans.columns)}")
    for name, column in [*scores.items(), *loans[list(money)].items()]:
        if not np.isfinite(numeric_array(column, str(name)).astype(float)).all():
            raise ValueError(f"{name} must be finite everywhere")
    approved, booked = (flag_array(loans[name], name, len(loans)) for name in columns[:2])
    if (booked & ~approved).any():
        raise ValueError("loans must be approved where booked")
    if (loans["default_flag"].notna().to_numpy() & ~booked).any():
        raise ValueError("default_flag must be missing where not booked")
