"""Is a platform that grows too fast always out of money, and does monitoring always show it first?

Twelve thousand applicants of the lender without growth, some twenty-one thousand of the one with
it; funding and loosening as the notebook tells them. The platform's and the loosening's figures
were chosen on seeds 0 to 8, none of which is here.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from riskkit import funding, lights, schema, synthetic
from riskkit.metrics import jeffreys_interval
from studies import PROJECT, Study

N_APPLICANTS = 12_000


@cache
def limits() -> schema.LimitsFile:
    return schema.read_limits(Path(PROJECT) / "data" / "limits.yaml")


def history(world: synthetic.Portfolio, day: pd.Timestamp) -> pd.DataFrame:
    tables = world.applications, world.performance, world.instalments
    return lights.portfolio_lights(*tables, limits(), day)


def months_after(onset: pd.Timestamp, month: pd.Timestamp | None) -> float:
    """Months from the onset; NaN of what never comes."""
    if month is None:
        return np.nan
    return float((month.year - onset.year) * 12 + month.month - onset.month)


def lasts(ledger: pd.DataFrame) -> float:
    return float((ledger["cash_amount"] >= 0).all())


def measure(seed: int) -> dict[str, float]:
    """When what happens, in months after the onset, and what lasts.

    `red`, the first light, and `red_payment`, the first that tells how borrowers pay; `broken`, the
    covenant; `gone`, the money; `naive_before`, `naive_then`: share of the balance 90+ before the
    onset and when `red_payment` showed; whether it lasts: `calm`, without growth, and `acted` and
    `stopped`, had nothing been lent after `red_payment` or after the covenant was broken;
    `calm_reds`, lights that turn red without growth.
    """
    case = funding.growth_case(synthetic.Lender(), N_APPLICANTS, seed)
    day, onset = case.lender.observed_to, case.onset
    reds = case.reds(history(case.grown, day))
    paying = reds[reds["is_payment"]]["month"]
    shown = paying.iloc[0] if len(paying) else None
    naive = case.ledger["balance_90_rate"]
    return {
        "red": months_after(onset, reds["month"].iloc[0] if len(reds) else None),
        "red_payment": months_after(onset, shown),
        "broken": months_after(onset, case.broken),
        "gone": months_after(onset, case.gone),
        "naive_before": float(naive[naive.index < onset].iloc[-1]),
        "naive_then": float(naive[shown]) if shown is not None else np.nan,
        "calm": lasts(case.calm_ledger),
        "acted": lasts(case.stopped(shown)) if shown is not None else 0.0,
        "stopped": lasts(case.stopped(case.broken)) if case.broken is not None else np.nan,
        "calm_reds": float(len(case.reds(history(case.calm, day)))),
    }


def summary(rows: pd.DataFrame) -> pd.Series:
    """Shares of the worlds, and medians with the least and the greatest."""
    values = rows.drop(columns=["commit", "modules"]).astype(float)
    n = len(values)
    lead = values["gone"] - values["red_payment"]
    told = {
        "worlds": n,
        "gone": values["gone"].notna().mean(),
        "calm": values["calm"].mean(),
        "acted": values["acted"].mean(),
        "stopped": values["stopped"].mean(),
        "shown_before_gone": (lead > 0).mean(),
        "shown_before_broken": (values["red_payment"] < values["broken"]).mean(),
        "naive_lower": (values["naive_then"] <= values["naive_before"]).mean(),
        "calm_red": (values["calm_reds"] > 0).mean(),
        "lead_least": lead.min(),
        "lead_median": lead.median(),
        "lead_most": lead.max(),
        "gone_median": values["gone"].median(),
        "red_median": values["red"].median(),
    }
    low, _ = jeffreys_interval(np.array([int((lead > 0).sum())]), np.array([n]), 0.95)
    return pd.Series(told | {"shown_before_gone_low": float(low[0])})


STUDY = Study(
    name="growth_case",
    modules=(
        "synthetic",
        "monitoring/monthly",
        "schema/limits_file",
        "lights/signs",
        "lights/reference",
        "lights/colours",
        "funding/growth_case",
    ),
    cases=[{"seed": seed} for seed in range(801, 851)],
    measure=measure,
)
