"""Does a tier for 99 of 100 courses of things last in 99, with true hazards and with estimated?

The book of twenty thousand applicants and what is planned to be lent in a year, in a climate of a
stated spread and persistence that all loans share. The lender lends each month what it is expected
to collect; a tier is what 99 of 100 simulated paths need at most so that lending goes on for 1, 3
or 12 months. Each is held against brute force on the lender's true chain: sized with the true
hazards; with those estimated from the panel; and with true ones, but as if no climate were shared.
"""

import numpy as np
import pandas as pd
from scipy import stats
from true_book import as_open_loans, brute_cash, every_loan, lent_again, on_the_books, together

from riskkit import arrears, provisions, runoff, synthetic
from studies import Study
from studies.ecl import bands_of

LENDER = synthetic.Lender()
N_APPLICANTS = 20_000
FEW_APPLICANTS = 2_000  # of a slice, without bands of the score
N_PATHS = 2_000
N_MONTHS = 12
HORIZONS = 1, 3, 12
COVERED = 0.99
PERSISTENCE = 0.9
SDS = 0.25, 0.5  # of the lender's own climate: log-odds of a missed payment of who owes nothing


def need(collected: np.ndarray, lent: np.ndarray, horizon: int) -> np.ndarray:
    """Fen that must be at hand so that so much can be lent each month up to a horizon, by path."""
    short = (lent - collected)[:, :horizon].cumsum(axis=1)
    return np.maximum(short.max(axis=1), 0)


def chain_units(monthly: pd.DataFrame) -> float:
    """Units of climate of a chain fitted without one that do what one of the lender's does.

    The lender's slopes differ by months in arrears, the chain's do not: weighted by what the moves
    tell of a month (n p q), as they are when the climate is estimated from them.
    """
    state = monthly.index.get_level_values("state").to_numpy()
    counts = monthly.to_numpy(float)
    worse = np.arange(counts.shape[1]) > state[:, None]
    worse &= np.arange(counts.shape[1]) <= arrears.DEFAULT
    n = np.bincount(state, counts.sum(axis=1))
    p = np.bincount(state, (counts * worse).sum(axis=1)) / n
    chain_slope = 0.5
    of_lender = np.array(LENDER.roll_slopes[: len(n)])
    return float(np.average(of_lender, weights=n * p * (1 - p)) / chain_slope)


def estimated(portfolio: synthetic.Portfolio, bands: pd.Series | None) -> tuple[object, ...]:
    """Open loans, those planned and the moves of both, as fitted on the panel; units of climate."""
    applications, panel = portfolio.applications, portfolio.performance
    day = LENDER.observed_to
    kinds = provisions.kinds_of(applications, bands)
    model = provisions.fit_losses(panel, applications, day, bands=bands)
    book = arrears.book_at(panel, applications, day)
    today = runoff.open_loans(book, model, kinds, n_months=N_MONTHS)
    planned = runoff.planned_loans(applications, kinds, model, day, n_months=N_MONTHS)
    owing, cells = runoff.joined(today, planned)
    moves = arrears.ChainMoves(model.chain, cells, N_MONTHS)
    units = chain_units(arrears.monthly_moves(panel, kinds))
    return owing, planned[0], moves, units


def measure(seed: int, sd: float, n_applicants: int = N_APPLICANTS) -> dict[str, float]:
    """Tiers in units of the currency, and shares of the true paths on which each is too small."""
    portfolio = synthetic.simulate(LENDER, n_applicants, seed)
    bands = bands_of(portfolio.applications) if n_applicants > FEW_APPLICANTS else None
    owing, planned, moves, units = estimated(portfolio, bands)
    every = every_loan(LENDER, portfolio, seed)
    book = together(on_the_books(every), lent_again(every, planned.ids, planned.start))
    climate, of_brute = (
        runoff.ClimateFactor(sd, PERSISTENCE)
        .paths(2 * N_PATHS, N_MONTHS, seed)
        .reshape(2, N_PATHS, N_MONTHS)
    )
    true = as_open_loans(book, N_MONTHS)
    day = LENDER.observed_to
    engines = {
        "true": (*true, climate),
        "estimated": (owing, moves, climate * units),
        "alone": (*true, 0 * climate),
    }
    cash = {
        name: runoff.simulated_cash(*given, day, seed=seed).total("collected_amount")
        for name, given in engines.items()
    }
    brute = brute_cash(book, of_brute, seed)["collected"]
    lent = cash["true"].mean(axis=0)
    row = {"loans": len(book.mob), "chain_units": units, "lent": float(lent.sum() / 100)}
    for horizon in HORIZONS:
        came = need(brute, lent, horizon)
        for name, collected in cash.items():
            held = np.quantile(need(collected, lent, horizon), COVERED)
            row[f"{name}_held_{horizon}"] = float(held / 100)
            row[f"{name}_short_{horizon}"] = float((came > held).mean())
            total = collected[:, :horizon].sum(axis=1)
            row[f"{name}_mean_{horizon}"] = float(
                total.mean() / brute[:, :horizon].sum(axis=1).mean() - 1
            )
            row[f"{name}_sd_{horizon}"] = float(
                total.std() / brute[:, :horizon].sum(axis=1).std() - 1
            )
    return row


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """By climate, horizon and how a tier was sized: how often it was too small, and by how much.

    `short_rate`, mean over the seeds with its 95 % interval; `held`, mean of the tier beside the
    one by true hazards; `mean` and `sd` of what is collected, beside brute force.
    """
    found = {}
    for keys, part in rows.groupby(["n_applicants", "sd"]):
        values = part.drop(columns=["commit", "modules"], errors="ignore").astype(float)
        for horizon in HORIZONS:
            for name in ("true", "estimated", "alone"):
                short = values[f"{name}_short_{horizon}"]
                width = stats.t.ppf(0.975, len(short) - 1) * short.std(ddof=1) / len(short) ** 0.5
                held = values[f"{name}_held_{horizon}"] / values[f"true_held_{horizon}"]
                found[(*keys, horizon, name)] = {
                    "seeds": len(short),
                    "short_rate": short.mean(),
                    "short_rate_low": short.mean() - width,
                    "short_rate_high": short.mean() + width,
                    "held": held.mean(),
                    "mean": values[f"{name}_mean_{horizon}"].mean(),
                    "sd": values[f"{name}_sd_{horizon}"].mean(),
                }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis(
        index=["n_applicants", "sd", "horizon", "hazards"]
    )


STUDY = Study(
    name="shortfall",
    modules=("synthetic", "migration", "instalments", "arrears", "provisions", "runoff"),
    cases=[
        *({"seed": s, "sd": 0.5, "n_applicants": FEW_APPLICANTS} for s in range(1, 9)),
        *({"seed": s, "sd": sd, "n_applicants": N_APPLICANTS} for s in range(1, 11) for sd in SDS),
    ],
    measure=measure,
)
