"""Where two runs would cut, what that approves and earns, and who changes sides.

Takes the cutoffs and policies that the runs left, and scores of the same applications; gives
tables.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from riskkit import strategy
from riskkit.compare.score_changes import MODELS

__all__ = ["best_cutoffs", "policies_by_run", "swap_sets"]

OF_CUTOFFS = ["cutoff", "approval_rate", "bad", "bad_rate", "bad_rate_low", "bad_rate_high"]
OF_CUTOFFS += ["profit_amount", "profit_low", "profit_high"]
OF_POLICIES = [name for name in OF_CUTOFFS if name != "cutoff"]
TODAY, *_, EVERYBODY = strategy.POLICIES
GOAL = "profit"  # the most profitable of the cutoffs that are not inferred
DECISIONS = {"only a": "only A", "only b": "only B"}


def best_cutoffs(chosen: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The most profitable cutoff of each model by each run, of those that are not inferred.

    Parameters
    ----------
    chosen : mapping of run to DataFrame, index (goal, model)
        Of :func:`riskkit.strategy.goals_table`.

    Returns
    -------
    DataFrame, index (model, run)
        cutoff, approval_rate, bad, bad_rate, profit_amount, the latter two with _low and _high:
        each run's figures on the applications that judge it. NaN where no cutoff will do.
    """
    return _by_run({run: table.loc[GOAL] for run, table in chosen.items()}, OF_CUTOFFS, "model")


def policies_by_run(policies: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """What the policies of each run approve, lose and earn.

    Parameters
    ----------
    policies : mapping of run to DataFrame, index policy
        Of :class:`riskkit.strategy.Recommendation`.

    Returns
    -------
    DataFrame, index (policy, run)
        The columns of :func:`best_cutoffs` without the cutoff. Where somebody was declined, the
        loans seen say nothing of everybody, who is left out.
    """
    seen = {
        run: table.drop(EVERYBODY, errors="ignore") if TODAY in table.index else table
        for run, table in policies.items()
    }
    return _by_run(seen, OF_POLICIES, "policy")


def _by_run(tables: Mapping[str, pd.DataFrame], columns: list[str], what: str) -> pd.DataFrame:
    names = list(dict.fromkeys(name for table in tables.values() for name in table.index))
    long = pd.concat({run: t[columns].astype(float) for run, t in tables.items()})
    keys = [(name, run) for name in names for run in tables if name in tables[run].index]
    rows = long.loc[[(run, name) for name, run in keys]]
    return rows.set_axis(pd.MultiIndex.from_tuples(keys, names=[what, "run"]))


def swap_sets(
    pairs: pd.DataFrame, cutoffs_a: Mapping[str, float], cutoffs_b: Mapping[str, float]
) -> pd.DataFrame:
    """Whom each run approves at its own cutoff, of the applications that both have.

    Parameters
    ----------
    pairs : DataFrame
        Of :func:`riskkit.compare.paired_scores`.
    cutoffs_a, cutoffs_b : mapping of model to number
        NaN, or not there, where a run has no cutoff.

    Returns
    -------
    DataFrame, index (model, decision): both approve, only A, only B, neither
        As :func:`riskkit.strategy.swap_set`, outcomes by run B; no rows of a model without both
        cutoffs, none at all without applications.
    """
    tables = {}
    for model in MODELS:
        ends = [float(cutoffs.get(model, np.nan)) for cutoffs in (cutoffs_a, cutoffs_b)]
        if pairs.empty or np.isnan(ends).any():
            continue
        tables[model] = strategy.swap_set(
            pairs[f"{model}_a"],
            pairs[f"{model}_b"],
            pairs["default_flag"],
            cutoff_a=ends[0],
            cutoff_b=ends[1],
            booked=pairs["booked"],
        ).rename(index=DECISIONS)
    if not tables:
        index = pd.MultiIndex.from_arrays([[], []], names=["model", "decision"])
        return pd.DataFrame(index=index, columns=["applications", "bad_rate"], dtype=float)
    return pd.concat(tables, names=["model", "decision"])
