"""Applications with the scores of two models, one sharper, and the money of each loan."""

import numpy as np
import pandas as pd

from riskkit import strategy


def scored_loans(n=6_000, seed=5):
    """Scores, loans and who is bad; the old policy declined a third, much like the sharper."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    bad = rng.random(n) < 1 / (1 + np.exp(2.2 - 1.2 * risk))
    approved = risk + rng.normal(0, 1, n) < 1.2
    booked = approved & (rng.random(n) < 0.9)
    scores = pd.DataFrame(
        {
            "blunt": np.rint(600 - 20 * (risk + rng.normal(0, 1.2, n))),
            "sharp": np.rint(600 - 20 * (risk + rng.normal(0, 0.3, n))),
        }
    )
    amount = rng.integers(1, 20, n) * 50_000
    values = strategy.loan_values(amount, loss_rate=0.6, cost_amount=10, margin_rate=0.12)
    loans = values.assign(
        amount=amount,
        approved=approved,
        booked=booked,
        default_flag=np.where(booked, bad.astype(float), np.nan),
    )
    return scores, loans, bad
