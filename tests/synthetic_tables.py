"""What the test files on the synthetic lender share."""

import numpy as np
from pandas.testing import assert_frame_equal
from scipy import stats

from riskkit import synthetic

LENDER = synthetic.Lender()
SEED = 11
# many who come back, and most of them with a loan
REPEATS = synthetic.Lender(returning_rate=0.6, cutoff_points=3.5, roll_logits=(-2.5,) + (0.5,) * 6)
RINGS = synthetic.Lender(scenario="fraud_ring", ring_rate=0.5)
KEYS = {
    "applications": "application_id",
    "performance": "loan_id",
    "instalments": "loan_id",
    "truth": "application_id",
}


def rows_of(portfolio, ids):
    """Tables of some applications, in the portfolio's order."""
    return {
        name: table[table[KEYS[name]].isin(ids)].reset_index(drop=True)
        for name, table in portfolio.tables.items()
    }


def assert_same_tables(found, expected):
    assert set(found) == set(expected) == set(KEYS)
    for name, table in expected.items():
        assert_frame_equal(found[name], table, check_exact=True, obj=name)


def within_bonferroni(counts, trials, probabilities, *, alpha=0.01):
    """Whether every count lies in its binomial limits, all at once with probability 1 − alpha.

    Where the trials of a group have different probabilities, the binomial at their mean is wider
    than the truth, so the limits err on the safe side.
    """
    low, high = stats.binom.interval(1 - alpha / len(counts), trials, probabilities)
    return (np.asarray(counts) >= low) & (np.asarray(counts) <= high)
