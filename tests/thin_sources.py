"""Small sources of a lender whose every customer borrows once, as thin as a test asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from riskkit.schema import Source
from riskkit.schema.features import Feature
from riskkit.target import BadDefinition

START = pd.Timestamp("2022-01-01")
NUMBERS = {
    "income": Feature(name="income", label="Income", family="application", unit="yuan"),
    "calls": Feature(
        name="calls", label="Calls", family="telecom", special_codes={-9.0: "no record"}
    ),
}
CATEGORY = Feature(name="city", label="City", family="application", kind="category")
RICH = (*NUMBERS.values(), CATEGORY)
AMOUNTS = ["due_amount", "paid_amount", "balance", "recovered_amount"]


def thin_source(
    name: str,
    *,
    n: int = 900,
    features: tuple[Feature, ...] = RICH,
    n_months: int = 18,
    watched_months: int = 18,
    terms: tuple[int, ...] = (6, 12),
    channels: tuple[str, ...] = ("app", "shop"),
    declined_rate: float = 0.2,
    bad_rate: float = 0.15,
    signal: float = 1.0,
    book: str = "performance",
    dated: bool = True,
    gaps: bool = True,
    seed: int = 3,
) -> Source:
    """A lender of `n` applicants; `book` is performance, outcomes or empty."""
    draw = np.random.default_rng(seed)
    risk = draw.normal(size=n)
    ids = pd.Series([f"a{i:04}" for i in range(n)], dtype="str")
    day = np.sort(draw.integers(0, int(n_months * 30.4), n))
    term = draw.choice(terms, n)
    approved = draw.random(n) >= declined_rate
    chance = signal * risk + np.log(bad_rate / (1 - bad_rate))
    bad = draw.random(n) < 1 / (1 + np.exp(-chance))
    applications = pd.DataFrame(
        {
            "application_id": ids,
            "customer_id": ids,
            "applied_at": START + pd.to_timedelta(day, unit="D"),
            "amount": draw.integers(50_000, 500_000, n),
            "term_months": term,
            "approved": approved,
            "booked": approved,
            **_values(features, risk, gaps, draw),
        }
    )
    if channels:
        applications["channel"] = pd.Series(draw.choice(channels, n), dtype="str")
    if declined_rate:
        applications["declined_reason"] = pd.Series(np.where(approved, None, "policy"), dtype="str")
    end = START + pd.offsets.MonthEnd(n_months + watched_months)
    loans = applications.assign(bad=bad)[approved].reset_index(drop=True)
    loans["cohort"] = loans["applied_at"].dt.to_period("M").dt.start_time
    months = (end.to_period("M") - loans["cohort"].dt.to_period("M")).map(lambda gap: gap.n)
    loans["months_seen"] = months.astype("int64")
    loans["default_mob"] = 4 + draw.integers(0, 5, len(loans))
    flags = pd.Series(np.where(approved & bad, 1.0, 0.0)).where(pd.Series(approved))
    tables: dict[str, Any] = {}
    if book == "performance":
        tables["performance"] = _panel(loans)
    if book == "outcomes":
        tables["outcomes"] = _outcomes(loans)
    applications["default_flag"] = flags
    return Source(
        name=name,
        title=name.replace("_", " ").capitalize(),
        currency="CNY",
        accepted_only=not declined_rate,
        features=features,
        bad=BadDefinition(),
        observed_to=end if dated else None,
        applications=applications if dated else applications.drop(columns="applied_at"),
        label_text="labelled bad by its source",
        **tables,
    )


def _values(
    features: tuple[Feature, ...], risk: np.ndarray, gaps: bool, draw: np.random.Generator
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for feature in features:
        noisy = risk + draw.normal(size=len(risk))
        if feature.kind == "category":
            cut = np.digitize(noisy, [-0.5, 0.8])
            values[feature.name] = pd.Series(np.array(["north", "mid", "south"])[cut], dtype="str")
            continue
        column = np.round(5_000 - 1_000 * noisy)
        if gaps:
            column[draw.random(len(risk)) < 0.1] = np.nan
        for code in feature.special_codes:
            column[draw.random(len(risk)) < 0.1] = code
        values[feature.name] = column
    return values


def _panel(loans: pd.DataFrame) -> pd.DataFrame:
    """A row a month to the loan's end, or for a bad one to 120 days past due and charged off."""
    last = np.where(loans["bad"], loans["default_mob"] + 1, loans["term_months"])
    last = np.minimum(last, loans["months_seen"])
    rows = np.repeat(np.arange(len(loans)), last + 1)
    mob = np.concatenate([np.arange(end + 1) for end in last])
    loan = loans.iloc[rows].reset_index(drop=True)
    months = loan["cohort"].dt.to_period("M") + mob
    month_end = months.dt.end_time.dt.normalize()
    # bads stop paying four months before
    first_due = loan["default_mob"].to_numpy() - 3
    due = (loan["cohort"].dt.to_period("M") + first_due).dt.start_time + pd.Timedelta(days=9)
    dpd = np.where(loan["bad"], np.maximum((month_end - due).dt.days, 0), 0)
    status = np.where(dpd > 0, "delinquent", "current").astype(object)
    status[(mob == loan["term_months"]) & ~loan["bad"]] = "matured"
    status[(mob == loan["default_mob"] + 1) & loan["bad"]] = "charged_off"
    left = np.maximum(1 - mob / loan["term_months"], 0) * loan["amount"]
    return pd.DataFrame(
        {
            "loan_id": loan["application_id"],
            "cohort": loan["cohort"],
            "mob": mob,
            "month_end": month_end.astype("datetime64[us]"),
            "due_amount": 0,
            "paid_amount": 0,
            "balance": left.round().astype("int64"),
            "dpd": dpd.astype("int64"),
            "status": pd.Series(status, dtype="str"),
            "recovered_amount": 0,
        }
    )


def _outcomes(loans: pd.DataFrame) -> pd.DataFrame:
    end = np.where(loans["bad"], loans["default_mob"], loans["term_months"])
    is_open = end > loans["months_seen"]
    event = np.select([is_open, loans["bad"]], ["censored", "default"], "matured")
    return pd.DataFrame(
        {
            "loan_id": loans["application_id"],
            "cohort": loans["cohort"],
            "term_months": loans["term_months"],
            "amount": loans["amount"],
            "event": pd.Series(event, dtype="str"),
            "event_mob": np.minimum(end, loans["months_seen"]).astype("int64"),
        }
    )
