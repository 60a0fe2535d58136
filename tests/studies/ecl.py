"""Is the expected credit loss that of the truth, stage by stage?

A hundred thousand applicants a seed; bands are sixths of the score of a card of another draw. The
loss of each performing loan is held against the truth with the horizon of its stage, stage 3
against what its loans really brought in the sixteen months that followed, discounted: long enough
for every charge-off and all its recoveries, in a world seen so much longer.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit import arrears, provisions, synthetic
from riskkit.arrears import fit_lgd
from studies import Study
from studies.replay import card
from studies.world_models import NAMES

N_APPLICANTS = 100_000
WORLDS = ("base", "downturn", "longer terms")
N_BANDS = 6
MONTHS_AFTER = 16


def world_of(name: str) -> synthetic.Lender:
    """The lender of a world by its name: of longer terms a fifth each of 18 and 24 months."""
    if name == "longer terms":
        return synthetic.Lender(n_months=48, longer_term_rates=(0.2, 0.2))
    return synthetic.Lender(scenario=name)


def climate_of(lender: synthetic.Lender, seed: int) -> pd.Series:
    """The realised climate by month, past and ahead: what a known macro scenario says."""
    path = lender.macro_path(seed)
    months = pd.period_range(lender.start_month, periods=len(path), freq="M")
    return pd.Series(path, index=months.astype(str))


def bands_of(applications: pd.DataFrame) -> pd.Series:
    """Sixths of the score, as text, index application_id."""
    score = card().credit_score(applications[NAMES])
    band = np.asarray(pd.qcut(score, N_BANDS, labels=False, duplicates="drop"))
    return pd.Series(band, index=applications["application_id"]).astype("str")


def measure(
    seed: int, world: str, n_applicants: int = N_APPLICANTS, with_bands: bool = True
) -> dict[str, float]:
    """Expected losses of each stage by the model and by the truth, in units of the currency.

    The relative error of each stage is `error_1` .. `error_3`.
    """
    lender = world_of(world)
    portfolio = synthetic.simulate(lender, n_applicants, seed)
    applications, panel = portfolio.applications, portfolio.performance
    climate = climate_of(lender, seed)
    bands = bands_of(applications) if with_bands else None
    day = lender.observed_to
    kinds = provisions.kinds_of(applications, bands)
    model = provisions.fit_losses(panel, applications, day, bands=bands, climate=climate)
    book = arrears.book_at(panel, applications, day)
    loans = provisions.loan_ecl(book, model, kinds, provisions.Outlook(climate=climate))
    truth = portfolio.truth.set_index("application_id").reindex(loans.index)
    year, life = truth["expected_loss_12m"], truth["expected_loss_lifetime"]
    true = year.where(loans["stage"] == 1, life)
    row: dict[str, float] = {}
    for stage in (1, 2):
        of = (loans["stage"] == stage) & true.notna() & (book["state"] < 4)
        row[f"model_{stage}"] = loans["ecl_amount"][of].sum() / 100
        row[f"truth_{stage}"] = true[of].sum() / 100
        row[f"loans_{stage}"] = int(of.sum())
    fresh = (book["term_months"] == book["term_months"].max()) & (book["mob"] == 0)
    for name, values in (("model", loans[["ecl_12m_amount", "ecl_lifetime_amount"]].T.to_numpy()),
                         ("truth", (year, life))):  # fmt: skip
        row[f"{name}_fresh"] = float(values[0][fresh].sum() / values[1][fresh].sum())
    row |= _stage_3(lender, n_applicants, seed)
    return row | {f"error_{s}": row[f"model_{s}"] / row[f"truth_{s}"] - 1 for s in (1, 2, 3)}


def _stage_3(lender: synthetic.Lender, n_applicants: int, seed: int) -> dict[str, float]:
    """Loans in default 16 months before the end: their expected loss then, and what came."""
    day = lender.observed_to
    longer = replace(lender, n_months=lender.n_months + MONTHS_AFTER)
    portfolio = synthetic.simulate(longer, n_applicants, seed)
    panel, applications = portfolio.performance, portfolio.applications
    rates = applications.set_index("application_id")["offer_apr"] / 12
    lgd = fit_lgd(panel[panel["month_end"] <= day].reset_index(drop=True), rates)
    book = arrears.book_at(panel, applications, day)
    book = book[book["state"] == 4]
    later = panel[(panel["month_end"] > day) & panel["loan_id"].isin(book.index)]
    ends = later["month_end"]
    months = (ends.dt.year - day.year) * 12 + ends.dt.month - day.month
    cash = later["paid_amount"] + later["recovered_amount"]
    value = cash * (1 + later["loan_id"].map(rates).astype(float)) ** -months.astype(float)
    realised = book["balance"] - value.groupby(later["loan_id"]).sum().reindex(book.index).fillna(0)
    return {
        "model_3": float((lgd.of_book(book) * book["balance"]).sum() / 100),
        "truth_3": float(realised.sum() / 100),
        "loans_3": len(book),
    }


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean and root mean square of the relative error, by world and stage."""
    found = {}
    for world, part in rows.groupby("world"):
        values = part.drop(columns=["world", "commit", "modules"], errors="ignore").astype(float)
        for stage in ("1", "2", "3"):
            error = values[f"error_{stage}"]
            found[world, stage] = {
                "seeds": len(error),
                "mean_error": error.mean(),
                "standard_error": error.std(ddof=1) / len(error) ** 0.5,
                "root_mean_square": float(np.sqrt((error**2).mean())),
                "loans": values[f"loans_{stage}"].mean(),
            }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis(index=["world", "stage"])


STUDY = Study(
    name="ecl",
    modules=("synthetic", "migration", "instalments", "arrears", "provisions"),
    cases=[{"seed": seed, "world": world} for seed in range(1, 21) for world in WORLDS],
    measure=measure,
)
