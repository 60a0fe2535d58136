"""Whether grades keep their order on the book, month by month.

Takes the book and each loan's grade; gives a row per pair of neighbouring grades, and the scale
without the grades whose curves cross.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from riskkit import vintage
from riskkit.checks import whole_loans
from riskkit.hazards import hazard_table
from riskkit.loan_values import LoanValues
from riskkit.partitions import total
from riskkit.rating.scale import grade_of, named_bands
from riskkit.tables import Table

__all__ = ["crossing_table", "grade_counts", "grade_curves", "settle_scale", "without_crossings"]

_LEVELS = ["grade", "cohort", "mob"]
# of a book, what its loans are counted from
_READ = (
    *("loan_id", "cohort", "mob", "dpd", "status", "balance", "amount", "paid_amount"),
    *("event", "event_mob"),
)
_COLUMNS = [
    "loans",
    "bad",
    "safer_rate",
    "riskier_rate",
    "months",
    "crossed",
    "crossed_rate",
    "p_value",
]
# fewer bads of a pair say nothing of the order of its curves
_FEW_BADS = 10


def grade_counts(
    book: pd.DataFrame | Table, grades: pd.Series | LoanValues, *, dpd: int = 90
) -> pd.DataFrame:
    """Counts of the loans of each grade by cohort and month on book.

    Parameters
    ----------
    book : DataFrame or Table
        The performance panel, or the outcomes.
    grades : Series, index loan_id, or LoanValues
        Of the loans that shall be counted, of one term: terms must not be mixed in a curve.
    dpd : int, in days

    Returns
    -------
    DataFrame, index (grade, cohort, mob)
        Of :func:`riskkit.vintage.cohort_counts`.

    Raises
    ------
    DataContractError
        As :func:`riskkit.vintage.cohort_counts`.
    """
    named = grades if isinstance(grades, LoanValues) else grades.astype(str).rename("grade")
    counts = total(partial(_graded, grades=named, dpd=dpd), whole_loans(book), columns=_READ)
    if counts.empty:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[]] * 3, names=_LEVELS))
    return counts


def _graded(book: pd.DataFrame, grades: pd.Series | LoanValues, dpd: int) -> pd.DataFrame:
    """Counts of these loans by grade, cohort and month; an empty table where none has a grade."""
    loans = book["loan_id"]
    if isinstance(grades, LoanValues):
        grade = grades.of(loans)
        wanted = grade.notna().to_numpy()
        named = book[wanted].assign(grade=grade[wanted].astype("str"))
        by: str | pd.Series = "grade"
    else:
        named, by = book[loans.isin(grades.index)], grades
    # the columns of counts are those of a book, also of one without loans
    return vintage.cohort_counts(named, dpd=[dpd], by=by)


def graded(scores: pd.Series | LoanValues, scale: pd.DataFrame) -> pd.Series | LoanValues:
    """Grade of each loan whose score is known, for :func:`grade_counts`."""
    if isinstance(scores, LoanValues):
        return scores.mapped(partial(grade_of, scale=scale), "grade")
    return pd.Series(grade_of(scores, scale), index=scores.index)


def crossing_table(
    counts: pd.DataFrame, scale: pd.DataFrame, *, max_crossed_rate: float = 0.1, dpd: int = 90
) -> pd.DataFrame:
    """Neighbouring grades: in how many months the riskier one's curve lies below the safer one's.

    A curve is the cumulative share of a grade's loans ever past `dpd`, all cohorts together, early
    pay-off being a competing event. Months in which neither has a bad loan yet are not compared.

    Parameters
    ----------
    counts : DataFrame, index (grade, cohort, mob)
        Of :func:`grade_counts`.
    scale : DataFrame, index grade
        Of :func:`rating_scale`, which gives the order.
    max_crossed_rate : float
        Share of the months in which a pair may cross, in [0, 1].
    dpd : int, in days

    Returns
    -------
    DataFrame of shape (n_grades − 1, 9), index (safer, riskier)
        `loans`, `bad` (of both), `safer_rate`, `riskier_rate` (cumulative, at the last month both
        have reached), `months` compared, `crossed`, `crossed_rate`, `p_value` (Fisher, one-sided:
        small where the safer one's loans turned bad more often), `is_crossing`: more months than
        allowed, and at least ten bads to say so. A pair without a common month has NaN.

    Raises
    ------
    ValueError
        `max_crossed_rate` is out of range.

    Source
    ------
    riskkit definition; Aalen, Johansen (1978), Scandinavian Journal of Statistics 5(3), for the
    curves.
    """
    if not 0 <= max_crossed_rate <= 1:
        raise ValueError(f"max_crossed_rate must lie in [0, 1], got {max_crossed_rate!r}")
    curves, loans = {}, {}
    if len(counts):
        hazards = hazard_table(counts, dpd=dpd)
        curves = {str(grade): part.droplevel(0) for grade, part in hazards.groupby(level=0)}
        loans = counts["loans"].groupby(level="grade").sum().to_dict()
    pairs = list(pairwise(scale.index))
    rows = [
        _compared(curves.get(a), curves.get(b), loans.get(a, 0), loans.get(b, 0)) for a, b in pairs
    ]
    index = pd.MultiIndex.from_tuples(pairs, names=["safer", "riskier"])
    if not rows:
        index = pd.MultiIndex.from_arrays([[], []], names=["safer", "riskier"])
    table = pd.DataFrame(rows, index=index, columns=_COLUMNS)
    table["is_crossing"] = (table["crossed_rate"] > max_crossed_rate) & (table["bad"] >= _FEW_BADS)
    return table


def _compared(
    safer: pd.DataFrame | None, riskier: pd.DataFrame | None, n_safer: int, n_riskier: int
) -> dict[str, float]:
    """One pair of :func:`crossing_table`."""
    nothing = dict.fromkeys(_COLUMNS, np.nan) | {
        "loans": n_safer + n_riskier,
        "bad": 0,
        "months": 0,
    }
    if safer is None or riskier is None:
        return nothing
    both = safer.index.intersection(riskier.index)
    low, high = (part.loc[both, "cumulative_incidence"].to_numpy() for part in (safer, riskier))
    compared = (low > 0) | (high > 0)
    bad_safer, bad_riskier = (int(part["events"].sum()) for part in (safer, riskier))
    if not compared.any():
        return nothing
    crossed = int((low > high)[compared].sum())
    cells = [[bad_safer, n_safer - bad_safer], [bad_riskier, n_riskier - bad_riskier]]
    return {
        "loans": n_safer + n_riskier,
        "bad": bad_safer + bad_riskier,
        "safer_rate": low[-1],
        "riskier_rate": high[-1],
        "months": int(compared.sum()),
        "crossed": crossed,
        "crossed_rate": crossed / int(compared.sum()),
        "p_value": float(stats.fisher_exact(cells, alternative="greater").pvalue),
    }


def without_crossings(
    scale: pd.DataFrame,
    counts: pd.DataFrame,
    *,
    max_crossed_rate: float = 0.1,
    floor: float = 0.0005,
    dpd: int = 90,
) -> pd.DataFrame:
    """The scale with neighbours whose curves cross made one grade.

    The pair that crosses in most months is joined first, and the rest compared again.

    Parameters
    ----------
    scale, counts, max_crossed_rate, dpd
        As in :func:`crossing_table`.
    floor : float
        As in :func:`rating_scale`.

    Returns
    -------
    DataFrame
        Of :func:`rating_scale`; the very scale where nothing crosses.
    """
    # under each grade that stays, those that are joined into it
    groups = {str(grade): [str(grade)] for grade in scale.index}
    while len(groups) > 1:
        into = {grade: name for name, group in groups.items() for grade in group}
        levels = [counts.index.get_level_values(level) for level in _LEVELS]
        levels[0] = levels[0].map(into)
        together = counts.groupby(levels).sum().rename_axis(_LEVELS)
        table = crossing_table(
            together, scale.loc[list(groups)], max_crossed_rate=max_crossed_rate, dpd=dpd
        )
        if not table["is_crossing"].any():
            break
        safer, riskier = table["crossed_rate"].where(table["is_crossing"]).idxmax()
        groups[safer] += groups.pop(riskier)
    if len(groups) == len(scale):
        return scale
    of_grade = {grade: name for name, group in groups.items() for grade in group}
    sums = {"letter": "first", "score_low": "min", "score_high": "max", "n": "sum", "bad": "sum"}
    return named_bands(scale.groupby(scale.index.map(of_grade), sort=False).agg(sums), floor=floor)


def settle_scale(
    scale: pd.DataFrame,
    book: pd.DataFrame | Table,
    score: pd.Series | LoanValues,
    *,
    max_crossed_rate: float = 0.1,
    floor: float = 0.0005,
    dpd: int = 90,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scale without grades whose curves cross on the book, and what each then counts there.

    Parameters
    ----------
    scale : DataFrame, index grade
        Of :func:`rating_scale`.
    book : DataFrame or Table
    score : Series, index loan_id, or LoanValues
        Of the loans to look at, of one term.
    max_crossed_rate, floor, dpd
        As for :func:`without_crossings`.

    Returns
    -------
    DataFrame, index grade; DataFrame, index (grade, cohort, mob)
        The scale, and the counts of :func:`grade_counts` by its grades.
    """
    counts = grade_counts(book, graded(score, scale), dpd=dpd)
    if counts.empty:
        return scale, counts
    limits = {"max_crossed_rate": max_crossed_rate, "floor": floor}
    settled = without_crossings(scale, counts, **limits, dpd=dpd)
    if settled is not scale:
        counts = grade_counts(book, graded(score, settled), dpd=dpd)
    return settled, counts


def grade_curves(counts: pd.DataFrame, *, dpd: int = 90) -> pd.DataFrame:
    """Cumulative share of each grade's loans ever past `dpd`, by month on book.

    Parameters
    ----------
    counts : DataFrame, index (grade, cohort, mob)
        Of :func:`grade_counts`.
    dpd : int
        Bad is more than so many days past due.

    Returns
    -------
    DataFrame, index grade, columns mob
        Fractions; NaN where no loan of the grade is at risk any more.
    """
    hazards = hazard_table(counts, dpd=dpd)
    return hazards["cumulative_incidence"].unstack("mob")
