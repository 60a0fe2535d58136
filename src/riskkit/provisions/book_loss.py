"""Expected credit loss of the loans on the books, scenario by scenario, weighted after each.

Takes the panel with what is fitted on it, and the outlook; gives the loss by loan and by stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from riskkit.arrears import (
    N_STATES,
    ArrearsChain,
    LossGivenDefault,
    default_exposures,
    default_probabilities,
    defaulted_loans,
    fit_chain,
    fit_lgd,
    landmark_moves,
    monthly_moves,
    performing_probabilities,
)
from riskkit.checks import Array
from riskkit.columns import among, calendar_months
from riskkit.loan_values import LoanValues
from riskkit.migration import bucket_reading
from riskkit.provisions.credit_loss import ecl
from riskkit.provisions.staging import StageRules, assign_stages
from riskkit.tables import Table

__all__ = [
    "LossModel",
    "Outlook",
    "counted_kinds",
    "fit_losses",
    "kinds_of",
    "loan_ecl",
    "losses_under",
    "stage_table",
]

HORIZON_MONTHS = 12
# loans whose months ahead are in memory at once
_MOST_LOANS = 100_000
_ROUNDING = 1e-9
_PARTS = "life", "year", "ecl_12m", "ecl_lifetime"


def _one_scenario() -> pd.DataFrame:
    return pd.DataFrame(
        {"weight": [1.0], "climate": [0.0], "ramp_months": [1], "lgd_factor": [1.0]},
        index=pd.Index(["as seen"], name="name"),
    )


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """How the months ahead are seen, and when risk has risen significantly.

    Parameters
    ----------
    scenarios : DataFrame, index name
        Of :func:`riskkit.schema.read_provisions`: weight, climate, ramp_months, lgd_factor. The
        climate of a scenario is added to that of `climate`, or to the past's own mean. An empty
        table is one scenario of none.
    rules : StageRules
    climate : Series, index of months, optional
        The climate expected ahead, for a model that was fitted with one; what lies beyond its end
        is as its last month.
    downturn_lgd_factor : float
        Multiplies the loss of all defaults, past and to come, up to the whole.

    Raises
    ------
    ValueError
        Weights that are negative or do not sum to 1, or a negative factor.
    """

    scenarios: pd.DataFrame = field(default_factory=_one_scenario)
    rules: StageRules = field(default_factory=StageRules)
    climate: pd.Series | None = None
    downturn_lgd_factor: float = 1.0

    def __post_init__(self) -> None:
        if self.scenarios.empty:
            object.__setattr__(self, "scenarios", _one_scenario())
        weights = self.scenarios["weight"]
        if (weights < 0).any() or abs(weights.sum() - 1) > _ROUNDING:
            raise ValueError(f"weights must be >= 0 and sum to 1, got {weights.tolist()}")
        if not self.downturn_lgd_factor >= 0:
            raise ValueError(f"downturn_lgd_factor must be >= 0, got {self.downturn_lgd_factor!r}")


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
    performance: pd.DataFrame | Table,
    applications: pd.DataFrame,
    as_of: pd.Timestamp | str,
    *,
    bands: pd.Series | None = None,
    climate: pd.Series | None = None,
    counted: LoanValues | None = None,
    defaulted: pd.DataFrame | None = None,
) -> LossModel:
    """Chain and loss given default, from what was known at a month-end.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel; rows after `as_of` are not read. Moves of a Table are counted block by block.
    applications : DataFrame
        application_id, term_months, offer_apr: with `counted`, of loans ever in default at least.
    as_of : Timestamp or str
    bands : Series, index loan_id, optional
        Band of risk known at origination, such as the grade; loans without one are of none.
    climate : Series, optional
        As in :func:`riskkit.arrears.fit_chain`.
    counted : LoanValues, optional
        Of :func:`counted_kinds`: kind and band of every loan, where `applications` are not all.
    defaulted : DataFrame, optional
        Of :func:`riskkit.arrears.defaulted_loans`; read from `performance` unless given.
    """
    day = pd.Timestamp(as_of)
    watched_to = day
    if isinstance(performance, pd.DataFrame):
        performance = performance[performance["month_end"] <= day]
        watched_to = performance["month_end"].max()
    kinds = kinds_of(applications, bands)
    by = bucket_reading(performance)
    about: dict[str, Any] = {"by": by, "as_of": day}
    every = kinds if counted is None else counted
    moves = monthly_moves(performance, every, **about), landmark_moves(performance, every, **about)
    chain = fit_chain(*moves, climate=climate)
    if defaulted is None:
        defaulted = defaulted_loans(performance)
    # an index that is looked up turns each of its texts into a Python object
    has_defaulted = among(applications["application_id"], defaulted["loan_id"])
    known = applications[has_defaulted].set_index("application_id")
    band = None if bands is None else kinds["band"][has_defaulted]
    lgd = fit_lgd(
        defaulted[defaulted["month_end"] <= day],
        known["offer_apr"] / 12,
        terms=known["term_months"],
        bands=band,
        by=by,
        watched_to=watched_to,
    )
    return LossModel(chain=chain, lgd=lgd, as_of=day)


def counted_kinds(applications: Table, decided: Table | None) -> LoanValues:
    """Kind (the term) and band (the grade) of every loan, small enough to count all moves by.

    Parameters
    ----------
    applications : Table
        application_id, term_months, booked.
    decided : Table or None
        application_id, grade; without one, or without grades, all loans are of band "".

    Returns
    -------
    LoanValues
        `kind`, `band`, as :func:`kinds_of` has them, of those that were booked.

    Source
    ------
    riskkit definition.
    """
    grades = None
    if decided is not None and "grade" in decided.columns:
        grades = LoanValues.from_table(decided, "grade")
    columns = ["application_id", "term_months", "booked"]
    return LoanValues.collected(partial(_kinds_of_booked, grades=grades), applications, columns)


def _kinds_of_booked(applications: pd.DataFrame, grades: LoanValues | None) -> pd.DataFrame:
    booked = applications[applications["booked"].astype("boolean").fillna(False).to_numpy(bool)]
    bands = None
    if grades is not None:
        bands = grades.of(booked["application_id"]).set_axis(booked["application_id"])
    return kinds_of(booked, bands).reset_index()


def kinds_of(applications: pd.DataFrame, bands: pd.Series | None) -> pd.DataFrame:
    """Kind (the term) and band of each loan."""
    ids = pd.Index(applications["application_id"])
    kind = pd.Series(
        applications["term_months"].astype("Int64").astype("str").to_numpy(), index=ids
    )
    band = "" if bands is None else bands.astype("str").reindex(ids).fillna("")
    return pd.DataFrame({"kind": kind, "band": band})


def loan_ecl(
    book: pd.DataFrame,
    model: LossModel,
    kinds: pd.DataFrame,
    outlook: Outlook | None = None,
) -> pd.DataFrame:
    """Expected credit loss of each loan on the books.

    In each scenario the loss is summed up, then the scenarios are weighted: a probability is not
    linear in the climate, so the loss of the mean climate is another, smaller one. A loan that was
    never in default is followed through the chain; one that was loses what loans in its position
    did, within a year as for life. Stages are those of the weighted probabilities.

    Parameters
    ----------
    book : DataFrame, index loan_id
        Of :func:`riskkit.arrears.book_at`.
    model : LossModel
    kinds : DataFrame, index loan_id
        `kind`, `band`, as the model was fitted on, of :func:`riskkit.provisions.kinds_of`.
    outlook : Outlook, optional

    Returns
    -------
    DataFrame, index loan_id
        `stage`, `reason`, `balance`, `entry_mob`, `probability_12m`, `probability_lifetime`,
        `probability_expected` (of a default in the months that remain, as seen at origination; all
        three 1 once in default), `ecl_12m_amount`, `ecl_lifetime_amount` and `ecl_amount`, by the
        stage's horizon; and `ecl_amount_{scenario}`. Amounts in int64 fen, rounded loan by loan so
        that sums are exact.

    Raises
    ------
    ValueError
        A kind the model does not know, or a climate for a model fitted without.

    Source
    ------
    IFRS 9, 5.5.17, B5.5.42; weighting of losses: Transition Resource Group for Impairment, December
    2015 (non-linear losses).
    """
    return losses_under(book, model, kinds, [outlook or Outlook()])[0]


def losses_under(
    book: pd.DataFrame,
    model: LossModel,
    kinds: pd.DataFrame,
    outlooks: Sequence[Outlook],
    columns: Sequence[str] | None = None,
) -> list[pd.DataFrame]:
    """:func:`loan_ecl` under each of several outlooks; what they share is worked out once.

    Parameters
    ----------
    book, model, kinds
        As in :func:`loan_ecl`.
    outlooks : sequence of Outlook
    columns : sequence of str, optional
        Those to give, without the loans' ids, where no more is asked of very many loans.
    """
    n_months = _months_left(book)
    kinds = kinds[among(kinds.index, book.index)]  # the index looked up goes with it
    performing = book["state"] < N_STATES
    longest = int(book["mob"][performing].max()) if performing.any() else 0
    lengths = n_months, longest
    parts = []
    for start in range(0, max(len(book), 1), _MOST_LOANS):
        some = book.iloc[start : start + _MOST_LOANS]
        tables = _losses_of_part(some, model, kinds, outlooks, lengths)
        if columns is not None:
            tables = [table[list(columns)].reset_index(drop=True) for table in tables]
        parts.append(tables)
    if len(parts) == 1:
        return parts[0]
    return [pd.concat(tables) for tables in zip(*parts, strict=True)]


def _losses_of_part(
    book: pd.DataFrame,
    model: LossModel,
    kinds: pd.DataFrame,
    outlooks: Sequence[Outlook],
    lengths: tuple[int, int],
) -> list[pd.DataFrame]:
    """Losses of some of the loans; those of all run so long ahead, and have run so long."""
    n_months, longest = lengths
    performing = (book["state"] < N_STATES).to_numpy()
    loans = book[performing]
    asked = loans[["mob", "state"]].join(kinds.reindex(loans.index))
    exposures = default_exposures(loans, n_months)
    rate = loans["effective_rate"].to_numpy()
    default_mob = loans["mob"].to_numpy()[:, None] + np.arange(1, n_months + 1)
    left = loans["term_months"].to_numpy()[:, None] - default_mob
    state = loans["state"].to_numpy()[:, None]
    at_default = model.lgd.of_default(left, default_mob, state, asked["band"].to_numpy())
    rest = np.nan_to_num(model.lgd.of_book(book)[~performing])
    owed = book["balance"].to_numpy(float)[~performing]
    expected = np.ones(len(book))
    expected[performing] = _expected_at_origination(model.chain, asked, n_months, longest)
    followed: dict[bytes, Array] = {}
    tables = []
    for outlook in outlooks:
        by_scenario = {}
        for name, one in outlook.scenarios.iterrows():
            ahead = _climate_ahead(model, one, outlook.climate, n_months)
            key = b"" if ahead is None else ahead.tobytes()
            if key not in followed:
                paths = default_probabilities(model.chain, asked, n_months, climate=ahead)
                followed[key] = paths.to_numpy()
            factor = one["lgd_factor"] * outlook.downturn_lgd_factor
            loss, gone = np.minimum(at_default * factor, 1), owed * np.minimum(rest * factor, 1)
            by_scenario[str(name)] = _values(performing, followed[key], exposures, loss, rate, gone)
        tables.append(_weighted(book, outlook, by_scenario, expected))
    return tables


def _values(
    performing: Array, found: Array, exposures: Array, loss: Array, rate: Array, gone: Array
) -> dict[str, Array]:
    """Probabilities and losses of each loan in one scenario; `gone` of those in default."""
    values = {part: np.ones(len(performing)) for part in _PARTS}
    values["life"][performing] = np.minimum(found.sum(axis=1), 1)
    values["year"][performing] = np.minimum(found[:, :HORIZON_MONTHS].sum(axis=1), 1)
    for part, months in (("ecl_12m", HORIZON_MONTHS), ("ecl_lifetime", None)):
        values[part][performing] = ecl(found, exposures, loss, rate, horizon_months=months)
        values[part][~performing] = gone
    return values


def _weighted(
    book: pd.DataFrame,
    outlook: Outlook,
    by_scenario: dict[str, dict[str, Array]],
    expected: Array,
) -> pd.DataFrame:
    """The scenarios weighted after each loss, with the stages of the weighted probabilities."""
    weights = outlook.scenarios["weight"].to_numpy()
    mean = {
        part: weights @ np.stack([values[part] for values in by_scenario.values()])
        for part in _PARTS
    }
    life = np.minimum(mean["life"], 1)
    table = assign_stages(book, life, expected, outlook.rules, probability_12m=mean["year"])
    first = (table["stage"] == 1).to_numpy()
    return table.assign(
        balance=book["balance"],
        entry_mob=book["entry_mob"],
        probability_12m=mean["year"],
        probability_lifetime=mean["life"],
        probability_expected=expected,
        ecl_12m_amount=_fen(mean["ecl_12m"]),
        ecl_lifetime_amount=_fen(mean["ecl_lifetime"]),
        ecl_amount=_fen(np.where(first, mean["ecl_12m"], mean["ecl_lifetime"])),
        **{
            f"ecl_amount_{name}": _fen(np.where(first, of["ecl_12m"], of["ecl_lifetime"]))
            for name, of in by_scenario.items()
        },
    )


def stage_table(loans: pd.DataFrame) -> pd.DataFrame:
    """Balance and expected credit loss by stage.

    Parameters
    ----------
    loans : DataFrame
        Of :func:`loan_ecl`.

    Returns
    -------
    DataFrame, index stage "1", "2", "3", "all"
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
    table.index = table.index.astype("str")
    whole = {name: table[name].sum() for name in ["loans", *sums]}
    whole |= {name: loans[name].mean() for name in means}
    table.loc["all"] = pd.Series(whole)
    table = table.astype(dict.fromkeys(["loans", *sums], "int64"))
    total = table.loc["all", "balance"]
    table.insert(2, "balance_share", table["balance"] / (total if total > 0 else np.nan))
    balance = table["balance"].where(table["balance"] > 0)
    return table.assign(ecl_rate=table["ecl_amount"] / balance)


def _months_left(book: pd.DataFrame) -> int:
    """Months ahead in which the last of the loans can still be first in default."""
    if book.empty:
        return 1
    left = (book["term_months"] - book["mob"]).max() + N_STATES
    return int(max(left, 1))


def _climate_ahead(
    model: LossModel, scenario: pd.Series, climate: pd.Series | None, n_months: int
) -> Array | None:
    fitted = bool(np.isfinite(model.chain.climate.slope_errors).any())
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


def _expected_at_origination(
    chain: ArrearsChain, asked: pd.DataFrame, n_months: int, longest: int
) -> Array:
    """Default probability in the months that remain, as seen from the month of disbursal."""
    start = asked.assign(mob=0, state=0)
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
