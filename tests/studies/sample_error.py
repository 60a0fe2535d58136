"""How far is a rate of a segment of one per cent off where it rests on a sample of customers?

A world of a fifth of a million applicants, of whom three in ten are sampled, as 300,000 of a
million are: whole customers, by the hash by which a large run samples. A hundred segments of one
per cent of the applications, dealt by lot or by the risk that the world knows; in each, the bad
rate of the loans of known outcome and the approval rate of the sample are held against those of
all. What a textbook says of such an error is √(p (1 − p) ÷ n × (1 − n ÷ N)), with n of N sampled:
an error of so many points in one segment in three is more, in one in twenty more than twice that.
"""

import numpy as np
import pandas as pd

from riskkit import synthetic
from riskkit.pipeline.large_tables import sampled_ids
from riskkit.tables import Table, hash_ids
from studies import Study

N, SHARE, SEGMENTS = 200_000, 0.3, 100


def errors(flags: pd.Series, sampled: np.ndarray, segment: np.ndarray) -> tuple[float, float]:
    """Root mean square of the sample's error over the segments, and of the textbook's, points."""
    seen, told = [], []
    for number in range(SEGMENTS):
        of_all = flags[segment == number].dropna()
        of_sample = flags[(segment == number) & sampled].dropna()
        rate, n = of_all.mean(), len(of_sample)
        seen.append(of_sample.mean() - rate)
        told.append(rate * (1 - rate) / n * (1 - n / len(of_all)))
    return 100 * float(np.sqrt(np.square(seen).mean())), 100 * float(np.sqrt(np.mean(told)))


def measure(seed: int, applicants: int) -> dict[str, float]:
    """Errors of bad rate and approval rate, by lot and by risk, beside the textbook's."""
    book = synthetic.simulate(synthetic.Lender(), applicants, seed)
    asked = book.applications
    ids = sampled_ids(Table(asked), round(SHARE * applicants))
    sampled = asked["application_id"].isin(ids).to_numpy()
    place = book.truth["true_pd_12m"].rank(method="first").to_numpy() - 1
    segments = {
        "lot": (hash_ids("dealt " + asked["application_id"]) % SEGMENTS).astype(int),
        "risk": (place * SEGMENTS // len(asked)).astype(int),
    }
    row = {"loans": float(asked["default_flag"].notna().sum()) / SEGMENTS}
    for way, segment in segments.items():
        for name, flags in (("bad", asked["default_flag"]), ("approved", asked["approved"])):
            row[f"{way}_{name}"], row[f"{way}_{name}_textbook"] = errors(flags, sampled, segment)
    return row


STUDY = Study(
    name="sample_error",
    modules=("synthetic",),
    cases=[{"seed": seed, "applicants": N} for seed in range(1, 6)],
    measure=measure,
)
