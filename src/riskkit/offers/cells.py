"""Who asks for what: applications by grade and term, with the probability that belongs to each.

Takes applications with their grade, and the scale; gives a row for each grade and term.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import expit, logit

from riskkit.checks import numeric_array, outcome_state, require_columns
from riskkit.metrics import jeffreys_interval

__all__ = ["offer_cells"]

LEVEL = 0.95


def offer_cells(applications: pd.DataFrame, scale: pd.DataFrame) -> pd.DataFrame:
    """Who asks for what, by grade and term, with a probability of default and its interval.

    The probability is the grade's. Where the loans of a term turned bad more or less often than
    their grades let expect, by more than chance (of as many terms as there are), the log-odds of
    all its grades move by one number until bads and expected bads of the term agree.

    Parameters
    ----------
    applications : DataFrame of shape (n, 3 or more)
        `grade`, `term_months`, `amount` (requested, fen), and, if terms are to be compared,
        `default_flag`, missing where unknown.
    scale : DataFrame, index `grade`
        `n`, `bad`, `probability`, of :func:`riskkit.metrics.master_scale`; `judged_n`,
        `judged_bad`, `judged_rate` with `judged_rate_low`, `judged_rate_high` and `light` of loans
        that did not choose it, where there are any (:func:`riskkit.rating.judge_scale`).

    Returns
    -------
    DataFrame, index (grade, term_months)
        `applications`, `asked_amount` and `mean_amount` in units of the currency; `bad`, those of
        the grade; `term_bad` and `term_expected`, those of the term and what its grades let
        expect, NaN without outcomes; `term_shift` in log-odds, 0 where the term is as its grades;
        `probability` with `probability_low`, `probability_high`: Jeffreys 95 % interval of the
        grade's bads, widened to hold a probability that was pooled with a neighbour's, and by the
        shift's own. Where the scale was judged also its `judged_` columns, `judged_light`,
        `grade_probability` (without a term's shift), and `judged_probability`: the judged rate in
        place of the grade's, with the same shift, and the grade's where nothing judges it. Cells
        that nobody asks for are no rows.

    Raises
    ------
    DataContractError
        A missing column.
    ValueError
        A grade that the scale lacks, an outcome that is neither 0 nor 1.

    Source
    ------
    Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval; Bonferroni over the
    terms; Zou, Donner (2008), Statistics in Medicine 27(10), for the interval of a sum.

    Examples
    --------
    >>> scale = pd.DataFrame({"n": 100, "bad": [2, 20], "probability": [0.02, 0.2]}, index=[1, 2])
    >>> asked = pd.DataFrame({"grade": [1, 1, 2], "term_months": [3, 3, 6],
    ...     "amount": [100_000, 300_000, 500_000]})
    >>> offer_cells(asked, scale.rename_axis("grade"))["mean_amount"].to_dict()
    {(1, 3): 2000.0, (2, 6): 5000.0}
    """
    require_columns(applications, ["grade", "term_months", "amount"], "applications")
    require_columns(scale, ["n", "bad", "probability"], "grades")
    unknown = set(applications["grade"].unique().tolist()) - set(scale.index)
    if unknown:
        raise ValueError(f"there is no grade {min(unknown)!r} in the scale")
    by_cell = applications.groupby(["grade", "term_months"], observed=True)["amount"]
    table = by_cell.agg(applications="size", asked_amount="sum")
    table["asked_amount"] = table["asked_amount"] / 100
    table["mean_amount"] = table["asked_amount"] / table["applications"]
    low, high = jeffreys_interval(scale["bad"].to_numpy(), scale["n"].to_numpy(), LEVEL)
    of_grade = scale[["bad", "probability"]].assign(
        probability_low=np.minimum(low, scale["probability"]),
        probability_high=np.maximum(high, scale["probability"]),
    )
    if "judged_rate" in scale:
        judged = [name for name in scale if name.startswith("judged_")]
        of_grade = of_grade.join(scale[judged]).assign(
            grade_probability=scale["probability"],
            judged_light=scale["light"],
            judged_probability=scale["judged_rate"].fillna(scale["probability"]),
        )
    table = table.join(of_grade, on="grade").join(
        _term_shifts(applications, scale), on="term_months"
    )
    if "judged_probability" in table:
        with np.errstate(divide="ignore"):
            odds = logit(table["judged_probability"].to_numpy(dtype=float))
        table["judged_probability"] = expit(odds + table["term_shift"])
    return _moved(table).drop(columns=["shift_low", "shift_high"])


def _moved(table: pd.DataFrame) -> pd.DataFrame:
    """Probabilities with the shift of their term, and with the interval of both."""
    names = ["probability", "probability_low", "probability_high"]
    with np.errstate(divide="ignore", invalid="ignore"):
        odds, low, high = (logit(table[name].to_numpy(dtype=float)) for name in names)
        shift, shift_low, shift_high = (
            table[name].to_numpy() for name in ("term_shift", "shift_low", "shift_high")
        )
        ends = (
            odds + shift,
            odds + shift - np.hypot(odds - low, shift - shift_low),
            odds + shift + np.hypot(high - odds, shift_high - shift),
        )
    # a probability of 0 or 1 stays there
    sure = ~np.isfinite(odds)
    moved = {
        name: np.where(sure | (shift == 0), table[name], expit(end))
        for name, end in zip(names, ends, strict=True)
    }
    return table.assign(**moved)


def _term_shifts(applications: pd.DataFrame, scale: pd.DataFrame) -> pd.DataFrame:
    """How far each term departs from its grades, in log-odds, where by more than chance."""
    terms = pd.Index(np.unique(applications["term_months"]), name="term_months")
    columns = ["term_bad", "term_expected", "term_shift", "shift_low", "shift_high"]
    table = pd.DataFrame(0.0, index=terms, columns=columns)
    if "default_flag" not in applications:
        return table.assign(term_bad=np.nan, term_expected=np.nan)
    state = outcome_state(numeric_array(applications["default_flag"], "default_flag"))
    known = applications.loc[state > 0, ["grade", "term_months"]].assign(bad=state[state > 0] == 2)
    known["probability"] = scale["probability"].reindex(known["grade"]).to_numpy()
    for term, loans in known.groupby("term_months"):
        probability = loans["probability"].to_numpy()
        bad, n, expected = int(loans["bad"].sum()), len(loans), float(probability.sum())
        table.loc[term, ["term_bad", "term_expected"]] = bad, expected
        p_value = stats.binomtest(bad, n, expected / n).pvalue if 0 < expected < n else 1.0
        if p_value * len(terms) >= 1 - LEVEL:
            continue
        ends: Any = jeffreys_interval(np.array([bad]), np.array([n]), LEVEL)
        # no bad yet is not no risk
        wanted = (max(bad, 0.5), *(float(end[0]) * n for end in ends))
        table.loc[term, columns[2:]] = [_shift_to(probability, total) for total in wanted]
    return table


def _shift_to(probability: np.ndarray, total: float) -> float:
    """Number that moves log-odds until the probabilities add up to a total."""
    odds = logit(np.clip(probability, 1e-12, 1 - 1e-12))
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(odds + middle).sum() < total else (low, middle)
    return (low + high) / 2
