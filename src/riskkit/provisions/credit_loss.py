"""Expected credit loss of the loans on the books, scenario by scenario, weighted after each.

Takes probabilities, exposures and a loss rate, or a panel with all that is fitted on it; gives the
loss by loan, by stage and by scenario, and what each parameter moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import Array, require_columns
from riskkit.columns import calendar_months
from riskkit.provisions.arrears import (
    DEFAULT,
    N_STATES,
    landmark_moves,
    loan_months,
    monthly_moves,
)
from riskkit.provisions.default_chain import (
    ArrearsChain,
    default_probabilities,
    fit_chain,
    performing_probabilities,
)
from riskkit.provisions.exposures import book_at, default_exposures
from riskkit.provisions.loss_given_default import LossGivenDefault, fit_lgd
from riskkit.provisions.staging import StageRules, assign_stages

__all__ = [
    "LossModel",
    "ecl",
    "first_default_probabilities",
    "fit_losses",
    "loan_ecl",
    "sensitivity_table",
    "stage_table",
]

HORIZON_MONTHS = 12
_ONE_SCENARIO = pd.DataFrame(
    {"weight": [1.0], "climate": [0.0], "ramp_months": [1], "lgd_factor": [1.0]},
    index=pd.Index(["as seen"], name="name"),
)


def first_default_probabilities(hazards: ArrayLike) -> Array:
    """Probability of a first default in each month, survival to it times its hazard.

    Parameters
    ----------
    hazards : array of shape (..., n_months)
        In [0, 1]: probability of default in a month, given none before.

    Returns
    -------
    float array of the same shape

    Source
    ------
    The life table.

    Examples
    --------
    >>> first_default_probabilities([0.02, 0.03]).round(4).tolist()
    [0.02, 0.0294]
    """
    hazard = np.asarray(hazards, dtype=float)
    if not ((hazard >= 0) & (hazard <= 1)).all():
        raise ValueError("hazards must lie in [0, 1]")
    survival = np.cumprod(1 - hazard, axis=-1)
    before = np.concatenate([np.ones_like(hazard[..., :1]), survival[..., :-1]], axis=-1)
    return before * hazard


def ecl(
    probabilities: ArrayLike,
    exposures: ArrayLike,
    lgd: ArrayLike,
    monthly_rate: ArrayLike = 0.0,
    *,
    horizon_months: int | None = None,
) -> Array:
    """Expected credit loss: Σₕ P(first default in month h) · LGD · EADₕ ÷ (1 + i)ʰ.

    Parameters
    ----------
    probabilities, exposures : array of shape (n_loans, n_months) or (n_months,)
        Of a first default in each month ahead, and what would then be owed.
    lgd : float or array of shape (n_loans,)
        Share of it that is lost, valued at the default.
    monthly_rate : float or array of shape (n_loans,)
        Effective rate, a fraction a month.
    horizon_months : int, optional
        Defaults of so many months only: 12 for stage 1.

    Returns
    -------
    float array of shape (n_loans,)
        In the unit of `exposures`.

    Raises
    ------
    ValueError
        A probability outside [0, 1] or that sums to more than 1, a negative exposure or LGD.

    Source
    ------
    IFRS 9, 5.5.17, B5.5.28, B5.5.44; design vector 26.7749.

    Examples
    --------
    >>> hazards = first_default_probabilities([0.02, 0.03, 0.03])
    >>> round(float(ecl(hazards, [1000, 600, 300], 0.6, 0.02)[0]), 4)
    26.7749
    """
    probability, exposure = (np.atleast_2d(np.asarray(x, float)) for x in (probabilities, exposures))
    loss, rate = (np.atleast_1d(np.asarray(x, float)) for x in (lgd, monthly_rate))
    if not ((probability >= 0).all() and (probability.sum(axis=1) <= 1 + 1e-9).all()):
        raise ValueError("probabilities must be >= 0 and sum to at most 1 for each loan")
    if (exposure < 0).any() or not (loss >= 0).all():
        raise ValueError("exposures and lgd must be >= 0")
    months = np.arange(1, probability.shape[1] + 1)
    if horizon_months is not None:
        probability = probability * (months <= horizon_months)
    discount = (1 + rate)[:, None] ** -months.astype(float)
    return loss * (probability * exposure * discount).sum(axis=1)


@dataclass(frozen=True)
class LossModel:
    """All that is estimated: the chain of arrears and the loss given default.

    Parameters
    ----------
    chain : ArrearsChain
    lgd : LossGivenDefault
    as_of : Timestamp
        The month-end up to which the panel was read.
    """

    chain: ArrearsChain
    lgd: LossGivenDefault
    as_of: pd.Timestamp


def fit_losses(
    performance: pd.DataFrame,
    applications: pd.DataFrame,
    as_of: pd.Timestamp | str,
    *,
    bands: pd.Series | None = None,
    climate: pd.Series | None = None,
) -> LossModel:
    """Chain and loss given default, from what was known at a month-end.

    Parameters
    ----------
    performance : DataFrame
        The panel; rows after `as_of` are not read.
    applications : DataFrame
        application_id, term_months, offer_apr.
    as_of : Timestamp or str
    bands : Series, index loan_id, optional
        Band of risk known at origination, such as the grade; loans without one are of none.
    climate : Series, optional
        As in :func:`riskkit.provisions.fit_chain`.
    """
    panel = performance[performance["month_end"] <= pd.Timestamp(as_of)]
    kinds = kinds_of(applications, bands)
    chain = fit_chain(monthly_moves(panel, kinds), landmark_moves(panel, kinds), climate=climate)
    rates = applications.set_index("application_id")["offer_apr"] / 12
    return LossModel(chain=chain, lgd=fit_lgd(panel, rates), as_of=pd.Timestamp(as_of))


def kinds_of(applications: pd.DataFrame, bands: pd.Series | None) -> pd.DataFrame:
    """Kind (the term) and band of each loan."""
    ids = pd.Index(applications["application_id"])
    kind = pd.Series(applications["term_months"].astype("Int64").astype("str").to_numpy(), index=ids)
    band = "" if bands is None else bands.astype("str").reindex(ids).fillna("")
    return pd.DataFrame({"kind": kind, "band": band})


def loan_ecl(
    book: pd.DataFrame,
    model: LossModel,
    kinds: pd.DataFrame,
    *,
    scenarios: pd.DataFrame | None = None,
    rules: StageRules | None = None,
    climate: pd.Series | None = None,
    downturn_lgd_factor: float = 1.0,
) -> pd.DataFrame:
    """Expected credit loss of each loan on the books.

    In each scenario the loss is summed up, then the scenarios are weighted: a probability is not
    linear in the climate, so the loss of the mean climate is another, smaller one. A loan that was
    never in default is followed through the chain; one that was loses what loans in its position
    did. Stages are those of the weighted probabilities.

    Parameters
    ----------
    book : DataFrame, index loan_id
        Of :func:`riskkit.provisions.book_at`.
    model : LossModel
    kinds : DataFrame, index loan_id
        `kind`, `band`, as the model was fitted on.
    scenarios : DataFrame, index name, optional
        Of :func:`riskkit.schema.read_provisions`: weight, climate, ramp_months, lgd_factor. The
        climate is added to that of `climate`, or to the past's own mean. One scenario of none
        unless given.
    rules : StageRules, optional
    climate : Series, index of months, optional
        The climate expected ahead, of a model that was fitted with one; what lies beyond its end is
        as its last month.
    downturn_lgd_factor : float
        Multiplies the loss of all defaults, past and to come, up to the whole.

    Returns
    -------
    DataFrame, index loan_id
        `stage`, `reason`, `balance`, `probability_12m`, `probability_lifetime`,
        `probability_expected` (1 once in default), `ecl_12m_amount`, `ecl_lifetime_amount` and
        `ecl_amount`, by the stage's horizon; and `ecl_amount_{scenario}`. Amounts in int64 fen,
        rounded loan by loan so that sums are exact.

    Raises
    ------
    ValueError
        Weights that do not sum to 1, a negative factor, a kind the model does not know, or a
        climate for a model fitted without.

    Source
    ------
    IFRS 9, 5.5.17, B5.5.42; weighting of losses: IASB staff, Transition Resource Group, December
    2015 ("non-linear").
    """
    scenarios = _ONE_SCENARIO if scenarios is None or scenarios.empty else scenarios
    if abs(scenarios["weight"].sum() - 1) > 1e-9:
        raise ValueError(f"weights must sum to 1, got {scenarios['weight'].sum():g}")
    if not downturn_lgd_factor >= 0:
        raise ValueError(f"downturn_lgd_factor must be >= 0, got {downturn_lgd_factor!r}")
    performing = (book["state"] < N_STATES).to_numpy()
    loans = book[performing]
    asked = loans[["mob", "state"]].join(kinds.reindex(loans.index))
    n_months = _months_left(book)
    exposures = default_exposures(loans, n_months)
    rate = loans["effective_rate"].to_numpy()
    rest = model.lgd.of_book(book)
    at_default = max(float(model.lgd.at_default["lgd"]), 0.0)
    balance = book["balance"].to_numpy(float)

    sums = {name: np.zeros(len(book)) for name in ("now", "year", "ecl_12m", "ecl_lifetime")}
    by_scenario = {}
    for name, one in scenarios.iterrows():
        ahead = _climate_ahead(model, one, climate, n_months)
        found = default_probabilities(model.chain, asked, n_months, climate=ahead).to_numpy()
        factor = one["lgd_factor"] * downturn_lgd_factor
        loss = min(at_default * factor, 1.0)
        year, life = (
            ecl(found, exposures, loss, rate, horizon_months=months)
            for months in (HORIZON_MONTHS, None)
        )
        in_default = balance * np.minimum(np.nan_to_num(rest) * factor, 1)
        parts = {
            "now": (found.sum(axis=1), 1.0),
            "year": (found[:, :HORIZON_MONTHS].sum(axis=1), 1.0),
            "ecl_12m": (year, in_default[~performing]),
            "ecl_lifetime": (life, in_default[~performing]),
        }
        values = {}
        for part, (of_performing, of_others) in parts.items():
            values[part] = np.zeros(len(book))
            values[part][performing], values[part][~performing] = of_performing, of_others
            sums[part] += one["weight"] * values[part]
        by_scenario[str(name)] = values
    expected = np.ones(len(book))
    expected[performing] = _expected_at_origination(model.chain, asked, n_months)
    table = assign_stages(book, np.minimum(sums["now"], 1), expected, rules)
    first = (table["stage"] == 1).to_numpy()
    table = table.assign(
        balance=book["balance"],
        probability_12m=sums["year"],
        probability_lifetime=sums["now"],
        probability_expected=expected,
        ecl_12m_amount=_fen(sums["ecl_12m"]),
        ecl_lifetime_amount=_fen(sums["ecl_lifetime"]),
        ecl_amount=_fen(np.where(first, sums["ecl_12m"], sums["ecl_lifetime"])),
    )
    for name, values in by_scenario.items():
        chosen = np.where(first, values["ecl_12m"], values["ecl_lifetime"])
        table[f"ecl_amount_{name}"] = _fen(chosen)
    return table


def stage_table(loans: pd.DataFrame) -> pd.DataFrame:
    """Balance and expected credit loss by stage.

    Parameters
    ----------
    loans : DataFrame
        Of :func:`loan_ecl`.

    Returns
    -------
    DataFrame, index stage 1, 2, 3, "all"
        `loans`, `balance`, `balance_share`, `probability_12m`, `probability_lifetime` (means over
        loans), `ecl_12m_amount`, `ecl_lifetime_amount`, `ecl_amount`, `ecl_rate` (of the balance;
        NaN where there is none).
    """
    sums = ["balance", "ecl_12m_amount", "ecl_lifetime_amount", "ecl_amount"]
    means = ["probability_12m", "probability_lifetime"]
    grouped = loans.groupby("stage")
    table = grouped[sums].sum().reindex([1, 2, 3], fill_value=0).astype("int64")
    table.insert(0, "loans", grouped.size().reindex(table.index, fill_value=0))
    for place, name in enumerate(means, start=2):
        table.insert(place, name, grouped[name].mean().reindex(table.index))
    whole = {name: table[name].sum() for name in ["loans", *sums]}
    whole |= {name: loans[name].mean() for name in means}
    table.loc["all"] = pd.Series(whole)
    table = table.astype(dict.fromkeys(["loans", *sums], "int64"))
    total = table.loc["all", "balance"]
    table.insert(2, "balance_share", table["balance"] / (total if total > 0 else np.nan))
    balance = table["balance"].where(table["balance"] > 0)
    return table.assign(ecl_rate=table["ecl_amount"] / balance)


def sensitivity_table(
    book: pd.DataFrame,
    model: LossModel,
    kinds: pd.DataFrame,
    *,
    scenarios: pd.DataFrame | None = None,
    rules: StageRules | None = None,
    climate: pd.Series | None = None,
    downturn_lgd_factor: float = 1.0,
) -> pd.DataFrame:
    """What the expected credit loss would be were one parameter another.

    Parameters
    ----------
    book, model, kinds, scenarios, rules, climate, downturn_lgd_factor
        As in :func:`loan_ecl`.

    Returns
    -------
    DataFrame, index change
        `ecl_amount` (fen), `difference_amount` and `difference_rate` (of the first row, "as it
        is"), `stage_2_balance`: the climate 0.1 and 0.5 worse, losses given default at both ends of
        their interval, a tenth more of each loss, each scenario alone, and the ratio from which
        risk has risen significantly at 1.5 and 3.

    Source
    ------
    riskkit definition.
    """
    rules = rules or StageRules()
    base = _ONE_SCENARIO if scenarios is None or scenarios.empty else scenarios
    at = model.lgd.at_default
    cases: dict[str, dict[str, object]] = {"as it is": {}}
    for worse in (0.1, 0.5):
        moved = base.assign(climate=base["climate"] + worse)
        cases[f"climate {worse:g} worse ahead"] = {"scenarios": moved}
    if at["lgd"] > 0:
        for end in ("lgd_low", "lgd_high"):
            factor = max(at[end], 0) / at["lgd"] * downturn_lgd_factor
            cases[f"loss given default {max(at[end], 0):.1%}"] = {"downturn_lgd_factor": factor}
    cases["a tenth more lost of each default"] = {"downturn_lgd_factor": downturn_lgd_factor * 1.1}
    if len(base) > 1:
        for name in base.index:
            cases[f"{name} alone"] = {"scenarios": base.loc[[name]].assign(weight=1.0)}
    for ratio in (1.5, 3.0):
        if ratio != rules.significant_ratio:
            cases[f"significant from {ratio:g} times"] = {
                "rules": replace(rules, significant_ratio=ratio)
            }
    found = {}
    for name, change in cases.items():
        arguments = {
            "scenarios": base, "rules": rules, "climate": climate,
            "downturn_lgd_factor": downturn_lgd_factor,
        } | change  # fmt: skip
        loans = loan_ecl(book, model, kinds, **arguments)
        second = loans["balance"][loans["stage"] == 2].sum()
        found[name] = {"ecl_amount": loans["ecl_amount"].sum(), "stage_2_balance": second}
    table = pd.DataFrame.from_dict(found, orient="index").astype("int64")
    base_amount = table["ecl_amount"].iloc[0]
    difference = table["ecl_amount"] - base_amount
    table.insert(1, "difference_amount", difference)
    table.insert(2, "difference_rate", difference / (base_amount if base_amount else np.nan))
    return table.rename_axis(index="change")


def _months_left(book: pd.DataFrame) -> int:
    """Months ahead in which the last of the loans can still be first in default."""
    if book.empty:
        return 1
    left = (book["term_months"] - book["mob"]).max() + N_STATES
    return int(max(left, 1))


def _climate_ahead(
    model: LossModel, scenario: pd.Series, climate: pd.Series | None, n_months: int
) -> Array | None:
    fitted = bool(np.isfinite(model.chain.slope_errors).any())
    shift = scenario["climate"] * np.minimum(
        np.arange(1, n_months + 1) / scenario["ramp_months"], 1
    )
    if climate is None:
        return model.chain.usual_climate + shift if fitted or shift.any() else None
    if not fitted:
        raise ValueError("a climate ahead needs a model that was fitted with one")
    known = pd.Series(
        climate.to_numpy(float), index=np.asarray(climate.index, "datetime64[M]").astype(np.int64)
    ).sort_index()
    months = calendar_months([model.as_of])[0] + np.arange(1, n_months + 1)
    ahead = known.reindex(months, method="ffill").to_numpy()
    if np.isnan(ahead).any():
        raise ValueError(f"climate must reach {model.as_of:%Y-%m}, got one that begins later")
    return ahead + shift


def _expected_at_origination(chain: ArrearsChain, asked: pd.DataFrame, n_months: int) -> Array:
    """Default probability in the months that remain, as seen from the month of disbursal."""
    start = asked.assign(mob=0, state=0)
    longest = int(asked["mob"].max()) if len(asked) else 0
    found = default_probabilities(chain, start, longest + n_months).to_numpy()
    months = np.arange(1, longest + n_months + 1)
    later = (found * (months > asked["mob"].to_numpy()[:, None])).sum(axis=1)
    running = performing_probabilities(chain, start, longest).to_numpy()
    alive = np.take_along_axis(running, asked["mob"].to_numpy(np.int64)[:, None], axis=1)[:, 0]
    # where hardly anybody was expected to get, nothing was expected either
    expected = np.divide(later, alive, out=np.full(len(later), np.nan), where=alive > 1e-6)
    return np.minimum(expected, 1)


def _fen(amounts: Array) -> Array:
    return np.rint(amounts).astype(np.int64)
