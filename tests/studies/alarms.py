"""How often is a light red where nothing changes, and how late is it where something does?

Twenty thousand applicants a seed, three years, the change in their middle (delay 0: the month of
the onset is red). The page as it stands at each month-end: all lights of the project's limits file,
by their limits and by moves. Beside it what nobody can have: for each scenario the cumulative sum
of likelihood ratios that knows the true monthly rates, the climate of each month, and how the
change grows, all but when it begins. Its bound is set by `summary` so that it is red in as many of
the same normal worlds as the lights. The lights' defaults were tuned on seeds 1001 to 1160 and 1 to
67, where a first choice had been red too often (6 of 67); a second one was too late in a downturn
on seeds 301 to 500 (median 3.5 months against 2). None of these are among those judged.
"""

import dataclasses
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

from riskkit import lights, monitoring, schema, synthetic
from riskkit.metrics import jeffreys_interval
from riskkit.synthetic.policy import risk_points
from studies import PROJECT, Study

N_APPLICANTS = 20_000
N_KNOWN = 200_000  # applicants of the world that the true rates are counted in
YEAR = 12
NEVER = YEAR  # delay of what is not seen within the year
FIRST = 8  # month from which the likelihood ratios run, as the lights do
SCENARIOS = ("growth", "downturn", "fraud_ring")
# what tells of each scenario, loans counted once; with what a unit of climate adds to its log-odds
TOLD_BY = {
    "growth": {"applications": 0.0, "channel_partner": 0.0, "approval": 0.0},
    "downturn": {"m0_m1": 1.0, "m1_m2": 0.45, "m2_m3": 0.3},
    "fraud_ring": {"declined_reason_device": 0.0, "fpd30": 1.0},
}


@cache
def limits() -> schema.LimitsFile:
    return schema.read_limits(Path(PROJECT) / "data" / "limits.yaml")


def signs_of(lender: synthetic.Lender, n_applicants: int, seed: int) -> pd.DataFrame:
    """What the monthly tables of a world count."""
    portfolio = synthetic.simulate(lender, n_applicants, seed)
    asked = portfolio.applications
    counts = monitoring.monthly_counts(
        asked,
        observed_to=lender.observed_to,
        performance=portfolio.performance,
        instalments=portfolio.instalments,
        score=np.rint(600 - 30 * risk_points(asked)),
    )
    return lights.join_signs(
        lights.monthly_signs(counts, lender.observed_to),
        lights.share_signs(asked, limits(), lender.observed_to),
    )


@lru_cache(maxsize=2)
def world(scenario: str, seed: int) -> pd.DataFrame:
    return signs_of(synthetic.Lender(scenario=scenario), N_APPLICANTS, seed)


def seen_month(known: pd.Series, lender: synthetic.Lender) -> np.ndarray:
    """Month, counted from the first, at whose end a figure is there to be seen."""
    first = pd.Timestamp(lender.start_month)
    return ((known.dt.year - first.year) * 12 + known.dt.month - first.month).to_numpy()


def red_months(scenario: str, seed: int) -> np.ndarray:
    """Whether any light is red, by month-end."""
    lender = synthetic.Lender(scenario=scenario)
    history = lights.lights_history(world(scenario, seed), limits())
    red = np.zeros(lender.n_months, dtype=bool)
    at = seen_month(history["known"], lender)[(history["colour"] == "red").to_numpy()]
    red[at] = True
    # a light that lags shows its last colour until the next is known
    for _, own in history.groupby(level="light"):
        seen = seen_month(own["known"], lender)
        if len(seen) and own["colour"].iloc[-1] == "red":
            red[seen[-1] :] = True
    return red


def counted(signs: pd.DataFrame, name: str, n_months: int) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator (NaN of a number) by the month in which they are seen."""
    x, n = np.zeros(n_months), np.zeros(n_months)
    if name in signs.index.get_level_values("light"):
        own = signs.loc[name]
        at = seen_month(own["known"], synthetic.Lender())
        x[at], n[at] = own["numerator"], own["denominator"]
    return x, n


@cache
def true_rates(scenario: str) -> dict[str, np.ndarray]:
    """Log-odds (of a number, logarithm per applicant) by month, in a world without noise."""
    lender = synthetic.Lender(scenario=scenario, macro_noise_logit=0.0)
    signs = signs_of(lender, N_KNOWN, seed=0)
    rates = {}
    for name in {name for of in TOLD_BY.values() for name in of}:
        x, n = counted(signs, name, lender.n_months)
        if name == "applications":
            rates[name] = np.log(x / N_KNOWN)
        else:
            rates[name] = special.logit(np.clip(x / np.maximum(n, 1), 1e-5, 1 - 1e-5))
    return rates


def likelihood_ratios(target: str, scenario: str, seed: int) -> np.ndarray:
    """Highest log-likelihood ratio of a change of `target`'s kind by month-end, in a world."""
    lender = synthetic.Lender(scenario=scenario)
    n_months, onset = lender.n_months, lender.onset_index
    still = dataclasses.replace(lender, macro_noise_logit=0.0)
    noise = (lender.macro_path(seed) - still.macro_path(seed))[:n_months]
    grown = synthetic.Lender(scenario="growth")
    volume = np.log1p(grown.growth_volume_rate * grown.built_up("growth", n_months))
    ratios = np.zeros((n_months, n_months))  # by month of the change, and month
    for name, slope in TOLD_BY[target].items():
        usual, changed = true_rates("base")[name], true_rates(target)[name]
        effect = (changed - usual)[onset:]
        if name == "applications":
            # of a given number of applicants, fewer come before the onset where more do after
            usual, effect = true_rates(scenario)[name].copy(), volume[onset:]
            usual -= volume if scenario == "growth" else 0.0
            usual += np.log(N_APPLICANTS)
        x, n = counted(world(scenario, seed), name, n_months)
        usual = usual + slope * noise
        for change in range(FIRST, n_months):
            since = np.minimum(np.arange(n_months - change), len(effect) - 1)
            before, after = usual[change:], usual[change:] + effect[since]
            if name == "applications":
                gain = x[change:] * (after - before) - np.exp(after) + np.exp(before)
            else:
                goods = special.log_expit(-after) - special.log_expit(-before)
                gain = x[change:] * (after - before) + n[change:] * goods
            ratios[change, change:] += gain
    running = np.cumsum(ratios, axis=1)
    return np.array([max(running[FIRST : m + 1, m].max(initial=0.0), 0.0) for m in range(n_months)])


@lru_cache(maxsize=1)
def red_in_base(seed: int) -> float:
    onset = synthetic.Lender().onset_index
    return float(red_months("base", seed)[onset : onset + YEAR].any())


def measure(seed: int, scenario: str) -> dict[str, float]:
    """Whether the normal world of a seed turns red within the year, and when the changed one does.

    `red_in_base`; `red_before`, whether the changed world is red before the change; `delay` of the
    first red month of it; the likelihood ratios' peak within the year in the normal world and, by
    months since the onset, in the changed one.
    """
    onset = synthetic.Lender().onset_index
    row = {"red_in_base": red_in_base(seed)}
    row["base_peak"] = float(likelihood_ratios(scenario, "base", seed)[onset : onset + YEAR].max())
    red = red_months(scenario, seed)
    after = np.flatnonzero(red[onset : onset + YEAR])
    row["red_before"] = float(red[onset - 1])
    row["delay"] = float(after[0]) if len(after) else float(NEVER)
    path = likelihood_ratios(scenario, scenario, seed)
    row["peak_before"] = float(path[onset - 1])
    peaks = np.maximum.accumulate(path[onset : onset + YEAR])
    return row | {f"peak_{month:02d}": float(peak) for month, peak in enumerate(peaks)}


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Rate of red where nothing changes, and median delays of lights and likelihood ratios.

    Worlds that were red before the change are left out of the delays, of each method its own.
    """
    found = {}
    for scenario, part in rows.groupby("scenario"):
        values = part.drop(columns=["scenario", "commit", "modules"], errors="ignore").astype(float)
        n, red = len(values), int(values["red_in_base"].sum())
        _, high = jeffreys_interval(np.array([red]), np.array([n]), 0.95)
        # as many normal worlds lie above the bound as the lights were red in
        bound = np.sort(values["base_peak"])[::-1][red] if red < n else 0.0
        peaks = values[[f"peak_{month:02d}" for month in range(YEAR)]].to_numpy()
        seen = peaks > bound
        known = np.where(seen.any(axis=1), seen.argmax(axis=1), NEVER)
        found[scenario] = {
            "seeds": n,
            "red_in_base": red,
            "upper_rate": float(high[0]),
            "red_before": int(values["red_before"].sum()),
            "delay": float(values.loc[values["red_before"] == 0, "delay"].median()),
            "seen_in_year": float((values["delay"] < NEVER).mean()),
            "known_delay": float(np.median(known[values["peak_before"] <= bound])),
            "bound": float(bound),
        }
    return pd.DataFrame.from_dict(found, orient="index")


STUDY = Study(
    name="alarms",
    # what words say of the lights is no part of it
    modules=(
        "synthetic",
        "monitoring/monthly",
        "schema/limits_file",
        "lights/signs",
        "lights/reference",
        "lights/colours",
    ),
    cases=[{"seed": seed, "scenario": of} for seed in range(501, 701) for of in SCENARIOS],
    measure=measure,
)
