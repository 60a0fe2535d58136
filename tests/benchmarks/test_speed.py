"""Speed against the peer, as a ratio in the same run, best of three.

Run with ``make bench``; each test prints its figures. A machine's own speed cancels out.
"""

import numpy as np
import pandas as pd
import pytest
from peers import seconds

from riskkit import vintage

# what the peer warns of is not ours to mend
pytestmark = pytest.mark.filterwarnings("default")


def compare(what, ours, peer, limit):
    """Print both times and their ratio, and hold the ratio to its limit."""
    our_time, our_result = seconds(ours)
    peer_time, peer_result = seconds(peer)
    ratio = our_time / peer_time
    print(f"\n{what}: {our_time:.3f} s, peer {peer_time:.3f} s, ratio {ratio:.3f} (limit {limit})")
    assert ratio <= limit
    return our_result, peer_result


def test_twelve_vintage_tables():
    n_loans, n_months = 100_000, 12
    rng = np.random.default_rng(0)
    start = rng.integers(0, 24, n_loans)
    month = (start[:, None] + np.arange(n_months)).ravel()
    # one loan in ten falls behind at some time, as in a real book
    late = rng.choice([0, 40, 70, 100], (n_loans, n_months), p=[0.99, 0.004, 0.003, 0.003])
    dpd = np.maximum.accumulate(late, axis=1)
    first = np.datetime64("2022-01", "M")
    panel = pd.DataFrame(
        {
            "loan_id": np.repeat([f"L{i:06d}" for i in range(n_loans)], n_months),
            "cohort": (first + np.repeat(start, n_months).astype("timedelta64[M]")).astype(
                "datetime64[s]"
            ),
            "mob": np.tile(np.arange(n_months), n_loans),
            "month_end": (first + (month + 1).astype("timedelta64[M]"))
            .astype("datetime64[D]")
            .astype("datetime64[s]"),
            "balance": rng.integers(1, 10**6, n_loans * n_months),
            "paid_amount": 0,
            "dpd": dpd.ravel(),
            "status": "current",
        }
    )

    def ours():
        counts = vintage.cohort_counts(panel)
        # twelve months of 24 cohorts, all seen: every cell is matured
        return [
            vintage.vintage_table(counts, dpd=n, ever=ever, measure=measure)
            for n in (30, 60, 90)
            for ever in (True, False)
            for measure in ("loans", "amount")
        ]

    def each_with_pandas():
        """One groupby and pivot a table, as it is written by hand."""
        tables = []
        base = panel[panel["mob"] == 0].groupby("cohort")["balance"].agg(["size", "sum"])
        for n in (30, 60, 90):
            for ever in (True, False):
                for measure in ("size", "sum"):
                    past = panel["dpd"] > n
                    if ever:
                        past &= past.groupby(panel["loan_id"]).cumsum() == 1
                    cells = panel[past].pivot_table("balance", "cohort", "mob", aggfunc=measure)
                    tables.append(cells.div(base[measure], axis=0))
        return tables

    what = "twelve vintage tables of 1,200,000 loan-months"
    tables, theirs = compare(what, ours, each_with_pandas, 0.2)
    evers = [ever for _ in range(3) for ever in (True, True, False, False)]
    for table, cells, ever in zip(tables, theirs, evers, strict=True):
        cells = cells.reindex(columns=range(n_months)).fillna(0.0)
        expected = (cells.cumsum(axis=1) if ever else cells).to_numpy()
        np.testing.assert_allclose(table.to_numpy(), expected, atol=1e-12)
