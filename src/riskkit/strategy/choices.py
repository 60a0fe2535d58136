"""Which cutoff: the one that a limit, a profit or an approval rate chooses.

Takes cutoff tables; gives the row chosen, or a row for each goal and model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from riskkit.strategy.economics import MONEY

__all__ = [
    "at_approval_rates",
    "choose_cutoff",
    "equal_approval",
    "goals_table",
    "sensitivity_table",
]


def choose_cutoff(
    table: pd.DataFrame,
    *,
    max_bad_rate: float | None = None,
    min_approval: float | None = None,
    objective: str | None = None,
) -> pd.Series:
    """Row of a cutoff table that a criterion chooses.

    `max_bad_rate` alone takes the cutoff with the greatest approval among those that keep to it;
    `min_approval` alone the safest cutoff that still approves so many; `objective="profit"` the
    most profitable cutoff among those that keep to every limit given.

    Parameters
    ----------
    table : DataFrame, index `cutoff`
        From :func:`cutoff_table`.
    max_bad_rate : float, optional
        Ceiling of the bad rate of known outcomes, a fraction. A cutoff without known outcomes
        does not keep to it.
    min_approval : float, optional
        Floor of the approval rate, a fraction of all applications.
    objective : "profit", optional
        Needs known outcomes too; of equally profitable cutoffs the safest is taken.

    Returns
    -------
    Series, name = the cutoff
        The row, with the table's columns.

    Raises
    ------
    ValueError
        No criterion is given, or both limits without an objective, or an unknown objective, or
        the table is empty. Where no cutoff keeps to the limits, the message names the limit and
        the nearest value that can be had.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> from riskkit import metrics
    >>> from riskkit.strategy import Economics, cutoff_table
    >>> counts = metrics.score_counts([1, 1, 2, 2, 3, 3], [1, 1, 1, 0, 0, 0])
    >>> table = cutoff_table(counts, Economics(60, 40, 5))
    >>> choose_cutoff(table, max_bad_rate=0.3).name, choose_cutoff(table, min_approval=0.1).name
    (2, 3)
    >>> choose_cutoff(table, objective="profit").name
    2
    """
    if objective not in (None, "profit"):
        raise ValueError(f"objective must be 'profit', got {objective!r}")
    limits = {"max_bad_rate": max_bad_rate, "min_approval": min_approval}
    for name, limit in limits.items():
        if limit is not None and not 0 <= limit <= 1:
            raise ValueError(f"{name} must be a fraction in [0, 1], got {limit!r}")
    given = [name for name, limit in limits.items() if limit is not None]
    if objective is None and len(given) != 1:
        raise ValueError(
            "choose_cutoff needs max_bad_rate or min_approval, or objective='profit' (alone or "
            f"within both), got {' and '.join(given) or 'none'}"
        )
    if table.empty:
        raise ValueError("the cutoff table is empty: there is no cutoff to choose")

    candidates = table.sort_index()
    if min_approval is not None:
        candidates = _at_least(candidates, min_approval)
    if max_bad_rate is not None:
        within = "" if min_approval is None else f" with approval_rate >= {min_approval:g}"
        candidates = _at_most(candidates, max_bad_rate, within)
    if objective == "profit":
        known = candidates[candidates["bad_rate"].notna()]
        if known.empty:
            raise ValueError("no cutoff within the limits has known outcomes to earn a profit on")
        # from the safest down, so that a tie goes to the safest
        cutoff = known["profit_amount"].iloc[::-1].idxmax()
    elif max_bad_rate is not None:
        cutoff = candidates.index[0]
    else:
        cutoff = candidates.index[-1]
    # a plain number for a name, fit for notebook parameters and JSON
    return table.loc[cutoff].rename(np.asarray(cutoff).item())


def goals_table(
    tables: Mapping[str, pd.DataFrame], *, min_approval: float, max_bad_rate: float
) -> pd.DataFrame:
    """Cutoff of each model for each of three goals, side by side.

    Parameters
    ----------
    tables : mapping of model to DataFrame
        Of :func:`cutoff_table`.
    min_approval, max_bad_rate : float
        As in :func:`choose_cutoff`.

    Returns
    -------
    DataFrame, index (goal, model)
        Goals approval (the safest cutoff that approves enough), bad rate (the lowest cutoff that
        keeps the ceiling), profit (the most profitable of those that are not inferred) and, where
        a table has inferred rows, profit, inferred too (the most profitable of all); `cutoff`,
        then the columns of the cutoff table. A goal that no cutoff meets is a row of NaN, not
        inferred.

    Raises
    ------
    ValueError
        An argument is out of range, or too few applications are approved at any cutoff.
    """
    rows = {}
    for model, table in tables.items():
        known = table[table["bad_rate"].notna()]
        seen = known[~known["inferred"]]
        within = (table["bad_rate"] <= max_bad_rate).any()
        nothing = pd.Series(np.nan, index=table.columns, name=np.nan, dtype=object)
        nothing["inferred"] = False
        rows["approval", model] = choose_cutoff(table, min_approval=min_approval)
        rows["bad rate", model] = (
            choose_cutoff(table, max_bad_rate=max_bad_rate) if within else nothing
        )
        for goal, part in (("profit", seen), ("profit, inferred too", known)):
            rows[goal, model] = choose_cutoff(part, objective="profit") if len(part) else nothing
    goals = ["approval", "bad rate", "profit"]
    if any(table["inferred"].any() for table in tables.values()):
        goals.append("profit, inferred too")
    return _rows(
        {(goal, model): rows[goal, model] for goal in goals for model in tables},
        ["goal", "model"],
    )


def at_approval_rates(
    tables: Mapping[str, pd.DataFrame], approval_rates: Sequence[float]
) -> pd.DataFrame:
    """The safest cutoff of each model that reaches each approval rate.

    Returns
    -------
    DataFrame, index (at least, model), the former as text
        `cutoff`, then the columns of the cutoff table. Scores are whole points, so the approval
        rate is the next one attainable.
    """
    return _rows(
        {
            (f"{100 * rate:.6g}%", model): choose_cutoff(table, min_approval=rate)
            for rate in approval_rates
            for model, table in tables.items()
        },
        ["at least", "model"],
    )


def equal_approval(table: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """At each cutoff of one model, the safest of another that approves no fewer.

    Parameters
    ----------
    table, other : DataFrame, index `cutoff` ascending
        Of :func:`cutoff_table`, of the same applications.

    Returns
    -------
    Series, index `cutoff` of `table`
        A cutoff of `other`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> one = pd.DataFrame({"approval_rate": [1.0, 0.6]}, index=pd.Index([1, 2], name="cutoff"))
    >>> other = pd.DataFrame({"approval_rate": [1.0, 0.7, 0.5]}, index=[10, 20, 30])
    >>> equal_approval(one, other).to_dict()
    {1: 10, 2: 20}
    """
    # rates fall as cutoffs rise
    enough = np.searchsorted(-other["approval_rate"].to_numpy(), -table["approval_rate"], "right")
    return pd.Series(other.index.to_numpy()[enough - 1], index=table.index)


def sensitivity_table(
    table: pd.DataFrame,
    margins: Sequence[float] = (0.75, 1.0, 1.25),
    losses: Sequence[float] = (0.75, 1.0, 1.25),
) -> pd.DataFrame:
    """Where the most profitable cutoff would lie if loans earned or lost more or less.

    Parameters
    ----------
    table : DataFrame, index `cutoff`
        Of :func:`cutoff_table` on counts with sums of money.
    margins, losses : sequence of float
        How many times what is assumed.

    Returns
    -------
    DataFrame, index (margin, loss)
        Of the cutoffs that are not inferred, the best: `cutoff`, `approval_rate`, `bad_rate`,
        `profit_amount`; no row where there is none.

    Raises
    ------
    ValueError
        A table without sums of money.
    """
    missing = [name for name in MONEY[:3] if name not in table]
    if missing:
        raise ValueError(f"the cutoff table lacks {missing}: count with sums=profit_sums(…)")
    seen = table[table["bad_rate"].notna() & ~table["inferred"]]
    rows = []
    for margin, loss in product(margins, losses) if len(seen) else ():
        profit = margin * seen["margin_fen"] - loss * seen["loss_fen"] - seen["cost_fen"]
        row = choose_cutoff(seen.assign(profit_amount=profit / 100), objective="profit")
        shown = row[["approval_rate", "bad_rate", "profit_amount"]].to_dict()
        rows.append({"margin": margin, "loss": loss, "cutoff": row.name} | shown)
    columns = ["margin", "loss", "cutoff", "approval_rate", "bad_rate", "profit_amount"]
    return pd.DataFrame(rows, columns=columns).set_index(["margin", "loss"])


def _rows(chosen: Mapping[tuple[str, str], pd.Series], names: list[str]) -> pd.DataFrame:
    rows = [row.to_frame().T.rename_axis(index="cutoff").reset_index() for row in chosen.values()]
    table = pd.concat(rows, ignore_index=True).infer_objects()
    return table.set_index(pd.MultiIndex.from_tuples(chosen, names=names))


def _at_least(candidates: pd.DataFrame, min_approval: float) -> pd.DataFrame:
    kept = candidates[candidates["approval_rate"] >= min_approval]
    if kept.empty:
        rates = candidates["approval_rate"]
        raise ValueError(
            f"no cutoff has approval_rate >= {min_approval:g}: the highest attainable is "
            f"{rates.max():.6g}, at cutoff {rates.idxmax()}"
        )
    return kept


def _at_most(candidates: pd.DataFrame, max_bad_rate: float, within: str) -> pd.DataFrame:
    kept = candidates[candidates["bad_rate"] <= max_bad_rate]
    if kept.empty:
        rates = candidates["bad_rate"].dropna()
        if rates.empty:
            raise ValueError(f"no cutoff{within} has known outcomes, so none keeps max_bad_rate")
        raise ValueError(
            f"no cutoff{within} has bad_rate <= {max_bad_rate:g}: the lowest attainable is "
            f"{rates.min():.6g}, at cutoff {rates.idxmin()}"
        )
    return kept
