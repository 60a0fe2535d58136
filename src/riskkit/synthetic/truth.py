"""What the truth says of a book: hazards, curves, and whom the old policy kept out.

Takes the truth table of a portfolio and which applications to average over; gives tables that an
estimate can be held against.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import same_rows
from riskkit.columns import calendar_months
from riskkit.synthetic.policy import REASONS
from riskkit.target import BadDefinition

__all__ = ["true_curves", "true_hazards", "true_probability", "truth_by_decision"]

DECISIONS = ("booked", "approved, not taken up", "declined")
# days past due that the simulated chain calls a default
DEFAULT_DPD = 90
BY_RULE, BY_HAND, AT_RANDOM = "by the rules", "by hand, above the cutoff", "at random"


def true_hazards(
    truth: pd.DataFrame, cohorts: pd.Series, observed_to: pd.Timestamp
) -> pd.DataFrame:
    """True hazard of a first default by month on book, over the loan-months that were observed.

    Hazard(m) = Σ default_at_m ÷ Σ at_risk_m over the loans whose cohort has reached m; what the
    empirical hazard of the same loans is an estimate of.

    Parameters
    ----------
    truth : DataFrame
        Of a :class:`Portfolio`.
    cohorts : Series of datetime, index application_id
        First day of the month of disbursal of each loan to be averaged over.
    observed_to : Timestamp
        Last day the book was observed.

    Returns
    -------
    DataFrame, index mob from 4 to the last in the truth
        `hazard`, a fraction, NaN where no cohort has come that far; `expected_defaults` and
        `expected_at_risk`, expected numbers of loans. Before mob 4 the hazard is zero.

    Raises
    ------
    ValueError
        If a loan is not in the truth.

    Source
    ------
    riskkit definition; ratio of expectations, as the life table's hazard is a ratio of counts.
    """
    rows = _rows_of(truth, cohorts.index)
    seen_months = calendar_months([observed_to]) - calendar_months(cohorts)
    table = pd.DataFrame(
        [
            {
                "mob": mob,
                "expected_defaults": rows.loc[seen_months >= mob, f"default_at_{mob:02d}"].sum(),
                "expected_at_risk": rows.loc[seen_months >= mob, f"at_risk_{mob:02d}"].sum(),
            }
            for mob in _default_mobs(truth)
        ]
    ).set_index("mob")
    at_risk = table["expected_at_risk"]
    table.insert(0, "hazard", table["expected_defaults"] / at_risk.where(at_risk > 0))
    return table


def true_probability(
    truth: pd.DataFrame, bad: BadDefinition, term_months: pd.Series
) -> pd.Series | None:
    """True probability of the very event that a definition calls bad, where the truth knows it.

    Parameters
    ----------
    truth : DataFrame
        Of a :class:`Portfolio`: when each applicant would first be more than 90 days past due.
    bad : BadDefinition
    term_months : Series, same index as `truth`

    Returns
    -------
    Series or None
        None for another number of days past due, and where indeterminate loans have no label.

    Raises
    ------
    ValueError
        Indexes or lengths differ.

    Source
    ------
    riskkit definition: first-default probabilities added up over the window.
    """
    same_rows(truth=truth, term_months=term_months)
    if bad.dpd != DEFAULT_DPD or bad.indeterminate_dpd is not None:
        return None
    mobs = _default_mobs(truth)
    last = mobs.stop - 1
    window = last if bad.window_months is None else min(bad.window_months, last)
    windows = term_months.map(dict(bad.by_term or {})).fillna(window).to_numpy()
    within = np.array(mobs) <= windows[:, None]
    at = truth[[f"default_at_{mob:02d}" for mob in mobs]].to_numpy()
    return pd.Series((at * within).sum(axis=1), index=truth.index)


def truth_by_decision(
    truth: pd.DataFrame, applications: pd.DataFrame, *, by_rule: bool = False
) -> pd.DataFrame:
    """What the old policy let in and kept out, by the truth.

    Parameters
    ----------
    truth : DataFrame
        application_id, true_pd (of the event that default_flag tells of) and, where that is the
        same event, simulated_default_12m.
    applications : DataFrame
        application_id, approved, booked, default_flag; `by_rule` also declined_reason, override,
        explored.
    by_rule : bool
        Which rule let them in or kept them out, instead of who took the loan.

    Returns
    -------
    DataFrame, index decision, or (decision, rule)
        applications, true_rate (mean true probability of bad), simulated_rate (share that defaults
        under the offer, had all taken it up, where the truth has it), observed_rate (of the
        labelled; NaN where nobody is). By rule: the approved by the rules, by hand above the
        cutoff, and at random (whatever the rules say); the declined by the first rule that fired,
        in the order in which the policy asks.
    """
    approved, booked = applications["approved"].to_numpy(), applications["booked"].to_numpy()
    if by_rule:
        let_in = np.where(applications["override"], BY_HAND, BY_RULE)
        let_in = np.where(applications["explored"], AT_RANDOM, let_in)
        keys = {
            "decision": np.where(approved, "approved", "declined"),
            "rule": np.where(approved, let_in, applications["declined_reason"]),
        }
        order: list[Any] = [("approved", rule) for rule in (BY_RULE, BY_HAND, AT_RANDOM)]
        order += [("declined", rule) for rule in REASONS]
    else:
        not_booked = np.where(approved, DECISIONS[1], DECISIONS[2])
        keys = {"decision": np.where(booked, DECISIONS[0], not_booked)}
        order = list(DECISIONS)
    known = truth.set_index("application_id").reindex(applications["application_id"])
    table = pd.DataFrame(
        {
            "true_rate": known["true_pd"].to_numpy(),
            "observed_rate": applications["default_flag"].to_numpy(),
        }
    )
    if "simulated_default_12m" in known:
        table.insert(1, "simulated_rate", known["simulated_default_12m"].to_numpy(dtype=float))
    grouped = table.groupby([pd.Series(key, name=name) for name, key in keys.items()])
    result = grouped.mean()
    result.insert(0, "applications", grouped.size())
    result.index = result.index if by_rule else result.index.get_level_values(0)
    return result.loc[[key for key in order if key in result.index]]


def true_curves(truth: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """Share of loans expected to have been more than 90 days past due by each month on book.

    The smooth curve that an observed vintage curve scatters around.

    Parameters
    ----------
    truth : DataFrame
        Of a :class:`riskkit.synthetic.Portfolio`.
    by : Series, index application_id
        Group of each loan to be averaged over, such as its term or cohort.

    Returns
    -------
    DataFrame, index the groups, columns mob from 0 to the last in the truth
        Fractions; zero through month 3.

    Raises
    ------
    ValueError
        If a loan is not in the truth.

    Source
    ------
    riskkit definition: mean of the cumulated first-default probabilities.
    """
    rows = _rows_of(truth, by.index)
    mobs = _default_mobs(truth)
    at = pd.DataFrame(0.0, index=rows.index, columns=range(mobs.start))
    later = rows[[f"default_at_{mob:02d}" for mob in mobs]].set_axis(mobs, axis=1)
    curves = pd.concat([at, later], axis=1).groupby(by.to_numpy()).mean().cumsum(axis=1)
    return curves.rename_axis(index=by.name, columns="mob")


def _default_mobs(truth: pd.DataFrame) -> range:
    """Months on book in which the truth looks for a first default."""
    mobs = [int(name[-2:]) for name in truth if name.startswith("default_at_")]
    return range(min(mobs), max(mobs) + 1)


def _rows_of(truth: pd.DataFrame, ids: pd.Index) -> pd.DataFrame:
    rows = truth.set_index("application_id").reindex(ids)
    lost = rows.index[rows["true_pd_12m"].isna()]
    if len(lost):
        raise ValueError(f"loans must be in truth, got {len(lost)} others: {lost[0]!r}")
    return rows
