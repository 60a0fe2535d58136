"""When do loans of a grade and term fail or end: monthly hazards where a grade has few loans.

Takes the hazards of a term, all grades together, and a probability for each grade; gives hazards by
grade, term and month on book.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from riskkit.checks import probability_array, require_columns, same_rows, warn

__all__ = ["dense_hazards", "event_shares", "grade_hazards", "odds_shift", "term_hazards"]

HIGHEST_SHIFT = 40.0  # in log-odds: certainty, as far as a float can tell


def term_hazards(hazards: pd.DataFrame) -> pd.DataFrame:
    """Monthly chances to default and to prepay of the loans that have done neither, by term.

    What matured stays among them: of the few still on the book after their last due day most
    default, yet of all loans that have not, few. So one number can move the hazards of a term.

    Parameters
    ----------
    hazards : DataFrame, index (term_months, mob)
        `at_risk`, `events`, `ended`, of :func:`riskkit.hazards.hazard_table` on counts made by
        term_months.

    Returns
    -------
    DataFrame, index (term_months, mob)
        `at_risk` and `events` as given; `hazard` = share of all loans that default in the month ÷
        share that had neither defaulted nor prepaid before; `prepayment_rate`, the chance to be
        repaid early in the month given no default, 0 from the term on.

    Raises
    ------
    ValueError
        The index has other levels, a column is missing, or more ended than were there.

    Source
    ------
    Aalen, Johansen (1978), Scandinavian Journal of Statistics 5(3), for the shares.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([[1], [0, 1, 4]], names=["term_months", "mob"])
    >>> book = {"at_risk": [9, 9, 3], "events": [0, 0, 2], "ended": [0, 6, 1]}
    >>> term_hazards(pd.DataFrame(book, index=index))["hazard"].round(4).tolist()
    [0.0, 0.0, 0.2222]
    """
    if list(hazards.index.names) != ["term_months", "mob"]:
        raise ValueError(
            "hazards must have the index (term_months, mob), got "
            f"({', '.join(map(str, hazards.index.names))}): count with by=term_months"
        )
    names = ["at_risk", "events", "ended"]
    require_columns(hazards, names, "hazards")
    left = hazards["at_risk"] - hazards["events"] - hazards["ended"]
    # a missing count fails, too
    if not ((hazards[names] >= 0).all(axis=None) and (left >= 0).all()):
        raise ValueError("hazards must have events and ended >= 0 and together <= at_risk")
    table = hazards.sort_index()[["at_risk", "events"]].assign(hazard=0.0, prepayment_rate=0.0)
    for term, book in hazards.sort_index().groupby(level="term_months"):
        early = book.index.get_level_values("mob").to_numpy() < term
        hazard, prepayment = _of_all_loans(book, early)
        table.loc[book.index, "hazard"] = hazard
        table.loc[book.index, "prepayment_rate"] = prepayment
    return table


def _of_all_loans(book: pd.DataFrame, early: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hazards of one term among loans neither in default nor prepaid, from those on the book."""
    names = ["at_risk", "events", "ended"]
    at_risk, events, ended = book[names].to_numpy(dtype=float).T
    default = np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)
    stayed = at_risk - events
    end = np.divide(ended, stayed, out=np.zeros_like(ended), where=stayed > 0)
    on_book = np.cumprod((1 - default) * (1 - end))
    before = np.append(1.0, on_book[:-1])
    defaulted = before * default
    prepaid = np.where(early, before * (1 - default) * end, 0.0)
    alive = 1 - np.cumsum(defaulted + prepaid) + defaulted + prepaid
    hazard = np.divide(defaulted, alive, out=np.zeros_like(alive), where=alive > 1e-12)
    return np.clip(hazard, 0.0, 1.0), np.where(early, end, 0.0)


def grade_hazards(
    base: pd.DataFrame, probability: pd.Series, *, window_months: int = 12
) -> pd.DataFrame:
    """Hazards of each grade and term: those of the term, moved until the grade's probability holds.

    One number a cell is added to the log-odds of all monthly hazards, so that the share that has
    defaulted by `window_months`, given what prepays, is the probability. Few loans of a grade
    then suffice: the months' shape is that of all grades of the term. The chance to prepay given no
    default stays.

    Parameters
    ----------
    base : DataFrame, index (term_months, mob)
        `hazard`, `prepayment_rate`, of :func:`term_hazards`.
    probability : Series, index (grade, term_months), or grade for every term of `base`
        Of default within `window_months`, in [0, 1].
    window_months : int
        Of the definition of bad.

    Returns
    -------
    DataFrame, index (grade, term_months, mob)
        `hazard`, `prepayment_rate`. A term in which no loan ever defaulted has no shape to scale:
        NaN, with a warning, unless its probability is 0. A probability above what prepayment
        leaves makes default as certain as can be.

    Raises
    ------
    ValueError
        A term without hazards, or a probability outside [0, 1].

    Source
    ------
    Proportional odds in discrete time: Cox (1972), Journal of the Royal Statistical Society B
    34(2), section 6.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([[3], [4, 5]], names=["term_months", "mob"])
    >>> base = pd.DataFrame({"hazard": [0.02, 0.01], "prepayment_rate": 0.0}, index=index)
    >>> grades = pd.Series([0.01, 0.1], index=pd.Index([1, 2], name="grade"))
    >>> grade_hazards(base, grades)["hazard"].round(4).tolist()
    [0.0067, 0.0033, 0.0677, 0.0347]
    """
    cells = by_cell(probability.rename("probability").to_frame(), base)
    hazard, prepayment, terms = dense_hazards(base, cells.index)
    shift = odds_shift(hazard, prepayment, terms, cells["probability"].to_numpy(), window_months)
    if np.isnan(shift).any():
        lacking = ", ".join(map(str, np.unique(terms[np.isnan(shift)])))
        warn(f"no loan of term {lacking} defaulted: there is no hazard to scale, NaN returned")
    scaled = shifted(hazard, shift)
    # the months that the term has, and no more
    lengths = base.groupby(level="term_months").size().reindex(terms).to_numpy()
    rows = np.repeat(np.arange(len(cells)), lengths)
    mobs = np.concatenate([base.loc[term].index.to_numpy() for term in terms] or [[]]).astype(int)
    levels = [cells.index.get_level_values(name)[rows] for name in ("grade", "term_months")]
    return pd.DataFrame(
        {"hazard": scaled[rows, mobs], "prepayment_rate": prepayment[rows, mobs]},
        index=pd.MultiIndex.from_arrays([*levels, mobs], names=["grade", "term_months", "mob"]),
    )


def by_cell(grades: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Rows of grades repeated for every term of the hazards, unless they are of (grade, term)."""
    names = list(grades.index.names)
    if names == ["grade", "term_months"]:
        return grades
    if names != ["grade"]:
        raise ValueError(f"grades must have the index grade or (grade, term_months), got {names}")
    terms = base.index.get_level_values("term_months").unique()
    index = pd.MultiIndex.from_product([grades.index, terms], names=["grade", "term_months"])
    return grades.reindex(index, level="grade")


def dense_hazards(
    base: pd.DataFrame, cells: pd.MultiIndex
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hazards and chances to prepay: a row for each cell, a column for each month from 0 on."""
    same_rows(hazard=base.get("hazard"), prepayment_rate=base.get("prepayment_rate"))
    require_columns(base, ["hazard", "prepayment_rate"], "hazards")
    terms = cells.get_level_values("term_months").to_numpy(dtype=np.int64)
    mob = base.index.get_level_values("mob")
    width = max(int(mob.max()) if len(mob) else 0, int(terms.max(initial=1))) + 1
    of_terms = [
        base[name].unstack("mob").reindex(columns=range(width)).fillna(0.0)
        for name in ("hazard", "prepayment_rate")
    ]
    unknown = sorted(set(np.unique(terms).tolist()) - set(of_terms[0].index))
    if unknown:
        known = ", ".join(map(str, of_terms[0].index))
        raise ValueError(f"there are no hazards of term {unknown[0]}; known: {known}")
    hazard, prepayment = (table.loc[terms].to_numpy(dtype=float) for table in of_terms)
    for name, values in (("hazard", hazard), ("prepayment_rate", prepayment)):
        probability_array(values.ravel(), name)
    return hazard, prepayment, terms


def shifted(hazard: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Hazards with a number added to the log-odds of each cell's; 0 stays 0."""
    with np.errstate(divide="ignore"):
        moved: np.ndarray = expit(logit(hazard) + shift[:, np.newaxis])
    return moved


def odds_shift(
    hazard: np.ndarray,
    prepayment: np.ndarray,
    terms: np.ndarray,
    probability: np.ndarray,
    window_months: int = 12,
) -> np.ndarray:
    """What to add to each cell's log-odds so that so many default in the window; NaN if unknown."""
    if not window_months >= 1:
        raise ValueError(f"window_months must be >= 1, got {window_months!r}")
    wanted = probability_array(probability, "probability")

    def defaulted(shift: np.ndarray) -> np.ndarray:
        shares, *_ = event_shares(shifted(hazard, shift), prepayment, terms)
        within: np.ndarray = shares[:, : window_months + 1].sum(axis=1)
        return within

    low = np.full(len(terms), -HIGHEST_SHIFT)
    high = -low
    for _ in range(50):
        middle = (low + high) / 2
        below = defaulted(middle) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    shift = np.where(wanted > 0, (low + high) / 2, -np.inf)
    # where nobody ever defaulted there is no shape to scale
    shapeless = (hazard[:, : window_months + 1].max(axis=1, initial=0.0) == 0) & (wanted > 0)
    return np.where(shapeless, np.nan, shift)


def event_shares(
    hazard: np.ndarray, prepayment: np.ndarray, terms: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares of loans that default and that prepay in each month, and that do neither."""
    alive = np.ones(len(hazard))
    defaults, prepaid = np.zeros_like(hazard), np.zeros_like(hazard)
    for month in range(hazard.shape[1]):
        defaults[:, month] = alive * hazard[:, month]
        stayed = alive - defaults[:, month]
        prepaid[:, month] = np.where(month < terms, stayed * prepayment[:, month], 0.0)
        alive = stayed - prepaid[:, month]
    return defaults, prepaid, alive
