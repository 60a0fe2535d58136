"""How often does what is paid out lie where it was foretold?

Eight thousand applicants a seed, in the usual world and in one whose stream turns: its lender
lends to more and riskier people from a month on. The stream is cut at month-ends so far apart that
no day is foretold twice, and 30 or 91 days are foretold by what came before.
"""

from functools import lru_cache

import numpy as np
import pandas as pd

from riskkit import runoff, synthetic
from studies import Study

N_APPLICANTS = 8_000
N_PATHS = 500
LEVEL = 0.9
WHERE = ("base", "growth")
HORIZONS = (30, 91)
FIRST = pd.Timestamp("2022-12-31")


@lru_cache(maxsize=1)
def daily_of(seed: int, where: str) -> pd.DataFrame:
    """Lending by day over the three years."""
    lender = synthetic.Lender(scenario=where)
    applications = synthetic.simulate(lender, N_APPLICANTS, seed).applications
    return runoff.daily_lending(applications, applications["applied_at"].max())


def cuts_of(daily: pd.DataFrame, days: int) -> pd.DatetimeIndex:
    """Month-ends of which no two are nearer than so many days."""
    ends = pd.date_range(FIRST, daily.index[-1] - pd.Timedelta(days=days), freq="ME")
    return ends[:: -(-days // 31)]


def measure(seed: int, where: str, days: int) -> dict[str, float]:
    """At how many cuts the sum lay in its interval, how wide that was, and how far off the mean."""
    daily = daily_of(seed, where)
    ends = [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]
    inside, widths, errors = [], [], []
    for cut in cuts_of(daily, days):
        sums = runoff.lending_paths(daily[:cut], days, N_PATHS, seed).sum(axis=1)
        came = daily["paid_out_amount"][cut + pd.Timedelta(days=1) :].iloc[:days].sum()
        low, high = np.quantile(sums, ends)
        inside.append(low <= came <= high)
        widths.append((high - low) / sums.mean())
        errors.append(sums.mean() / came - 1)
    return {
        "cuts": float(len(inside)),
        "inside": float(sum(inside)),
        "width": float(np.mean(widths)),
        "error": float(np.mean(errors)),
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of the cuts inside, mean width and mean error, by world and horizon."""
    sums = rows.astype({name: float for name in ("cuts", "inside", "width", "error")})
    grouped = sums.groupby(["where", "days"])
    table = grouped[["cuts", "inside"]].sum()
    return table.assign(
        inside_rate=table["inside"] / table["cuts"], **grouped[["width", "error"]].mean()
    )


STUDY = Study(
    name="lending",
    modules=("synthetic", "runoff/daily_lending"),
    cases=[
        {"seed": seed, "where": where, "days": days}
        for seed in range(1, 101)
        for where in WHERE
        for days in HORIZONS
    ],
    measure=measure,
)
