"""Which offers are dealt at random to a test of price or of limits, and what they then are.

Takes prices and limits as the policy has them; gives the group of each offer, and both as tested.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.schema import CONTRACT
from riskkit.synthetic.draws import uniform
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.marginals import texts

__all__ = ["deal"]

TEST_GROUPS = CONTRACT["applications"]["test_group"].one_of
_CONTROL, _CHEAPER, _DEARER, _LESS, _MORE = range(len(TEST_GROUPS))
_STEP = 10_000  # fen, to which limits are rounded


def deal(
    lender: Lender,
    index: np.ndarray,
    eligible: np.ndarray,
    apr: np.ndarray,
    limit: np.ndarray,
    seed: int,
) -> tuple[pd.api.extensions.ExtensionArray | None, np.ndarray, np.ndarray]:
    """Group of each offer, its price and its limit.

    Parameters
    ----------
    lender : Lender
    index : int array of shape (n,)
        Numbers of the applications.
    eligible : bool array of shape (n,)
        Offers that can be in a test.
    apr, limit : arrays of shape (n,)
        As the policy has them: a fraction a year, fen.
    seed : int

    Returns
    -------
    (text array or None, float array, float array)
        The group of the data contract, missing of those not eligible; None where
        the lender tests nothing, and all is as it was.

    Source
    ------
    riskkit definition.
    """
    rates = (lender.price_test_rate, lender.limit_test_rate)
    if not any(rates):
        return None, apr, limit
    ends = np.cumsum([rates[0] / 2, rates[0] / 2, rates[1] / 2, rates[1] / 2])
    # one draw for both tests, so that nobody is in two
    drawn = np.searchsorted(ends, uniform(seed, index, "test_group"), side="right")
    group = np.append([_CHEAPER, _DEARER, _LESS, _MORE], _CONTROL)[drawn]
    group = np.where(eligible, group, -1)
    by_apr = np.select([group == _CHEAPER, group == _DEARER], [-1.0, 1.0], 0.0)
    tested_apr = np.round(np.clip(apr + by_apr * lender.price_test_apr, 0, 1), 4)
    factor = lender.limit_test_factor
    by_limit = np.select([group == _LESS, group == _MORE], [1 / factor, factor], 1.0)
    tested_limit = np.rint(limit * by_limit / _STEP) * _STEP
    return (
        texts(TEST_GROUPS, group),
        np.where(by_apr == 0, apr, tested_apr),
        np.where(by_limit == 1, limit, tested_limit),
    )
