"""Which limit each grade and income band gets, and what a budget of losses can fund.

Takes what applicants ask for and can carry, and the grades' probabilities; gives the limits that
earn the most, or lend the most, within an expected loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import optimize, sparse

from riskkit.checks import Array
from riskkit.columns import verbatim

__all__ = ["budget_curve", "choose_limits", "limit_text"]

OBJECTIVES = ("profit", "amount")

SUMS = ("loans", "lent_amount", "expected_loss_amount", "profit_amount")


def choose_limits(
    options: pd.DataFrame, budget_amount: float, *, objective: str = "profit"
) -> pd.DataFrame:
    """The limit of each grade and income band that does best within a budget of losses.

    Maximises expected profit, or the amount lent, over all tables of limits whose expected losses
    add up to the budget at most, in which a riskier grade never has a higher limit than a safer one
    of the same income, nor a lower income a higher one than a higher income of the same grade.
    Solved exactly, by branch and bound.

    Parameters
    ----------
    options : DataFrame
        Of :func:`limit_options`.
    budget_amount : float
        Expected losses at most, in units of the currency, finite or infinite.
    objective : {"profit", "amount"}
        "amount" lends whether or not it pays.

    Returns
    -------
    DataFrame, index (grade, income_band)
        limit_amount, nowhere above the seen_amount of the options, where there is one, and the
        columns of `options` at it. Attributes ``objective``,
        ``budget_amount``, ``reached`` (the objective), ``bound`` (that no table of limits can
        exceed) and ``is_best`` (whether these are equal, to rounding).

    Raises
    ------
    ValueError
        The objective is none of the two, the budget is negative or not a number, or even the lowest
        limits exceed it.

    Source
    ------
    Kellerer, Pferschy, Pisinger (2004), Knapsack Problems, chapter 11 (precedence constraints);
    solved by HiGHS: Huangfu, Hall (2018), Mathematical Programming Computation 10.
    """
    if objective not in OBJECTIVES:
        raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, got {objective!r}")
    if not budget_amount >= 0:
        raise ValueError(f"budget_amount must be >= 0, got {budget_amount!r}")
    shape = tuple(len(level) for level in options.index.levels)
    worth = options["profit_amount" if objective == "profit" else "lent_amount"]
    worths = worth.to_numpy(float).reshape(shape)
    losses = options["expected_loss_amount"].to_numpy(float).reshape(shape)
    spare = budget_amount - losses[..., 0].sum()
    if spare < -1e-9 * max(budget_amount, 1.0):
        raise ValueError(
            f"budget_amount must be at least {losses[..., 0].sum():,.2f}, what the lowest limits "
            f"lose, got {budget_amount:,.2f}"
        )
    steps, bound = _best_steps(np.diff(worths), np.diff(losses), max(spare, 0.0))
    level = steps.sum(axis=2)
    rows = np.arange(level.size) * shape[2] + level.ravel()
    chosen = options.iloc[rows].reset_index("limit_amount")
    if "seen_amount" in chosen:
        chosen["limit_amount"] = np.minimum(chosen["limit_amount"], chosen["seen_amount"])
    reached = float(worth.iloc[rows].sum())
    bound += float(worths[..., 0].sum())
    chosen.attrs = {
        "objective": objective,
        "budget_amount": float(budget_amount),
        "reached": reached,
        "bound": bound,
        "is_best": bool(bound - reached <= 1e-6 * max(abs(bound), 1.0)),
    }
    return chosen


def _best_steps(worth: Array, loss: Array, spare: float) -> tuple[Array, float]:
    """Whether each step up is taken, shape (n_grades, n_bands, n_steps), and the bound on worth."""
    number = np.arange(worth.size).reshape(worth.shape)
    # no step without the one below it, without a safer grade's, without a higher income's
    after = [number[:, :, 1:], number[1:], number[:, :-1]]
    before = [number[:, :, :-1], number[:-1], number[:, 1:]]
    one, other = (np.concatenate([part.ravel() for part in side]) for side in (after, before))
    n_rules = len(one)
    rules = sparse.csr_array(
        (
            np.concatenate([np.ones(n_rules), -np.ones(n_rules)]),
            (np.tile(np.arange(n_rules), 2), np.concatenate([one, other])),
        ),
        shape=(n_rules, worth.size),
    )
    scale = max(float(np.abs(worth).max(initial=0.0)), 1e-12)
    constraints = [optimize.LinearConstraint(rules, -np.inf, 0)]
    if np.isfinite(spare):
        top = max(float(loss.sum()), 1e-12)
        constraints.append(
            optimize.LinearConstraint(loss.ravel()[None, :] / top, -np.inf, spare / top)
        )
    found = optimize.milp(
        -worth.ravel() / scale,
        integrality=np.ones(worth.size),
        bounds=optimize.Bounds(0, 1),
        constraints=constraints,
        options={"mip_rel_gap": 1e-7, "time_limit": 10.0},
    )
    if found.x is None:
        raise ValueError(f"no limits found within the budget: {found.message}")
    return np.rint(found.x).astype(int).reshape(worth.shape), -scale * float(found.mip_dual_bound)


def budget_curve(
    options: pd.DataFrame, budgets: Sequence[float], *, objective: str = "profit"
) -> pd.DataFrame:
    """What each budget of expected losses can fund.

    Parameters
    ----------
    options, objective
        As for :func:`choose_limits`.
    budgets : sequence of float
        In units of the currency.

    Returns
    -------
    DataFrame, index budget_amount
        loans, lent_amount, expected_loss_amount, profit_amount of the best limits within it;
        profit_per_budget (what the last unit of the budget brought, against the row above, NaN in
        the first), is_best.

    Raises
    ------
    ValueError
        There is no budget, or as :func:`choose_limits`.

    Source
    ------
    riskkit definition.
    """
    if not len(budgets):
        raise ValueError("budgets must be at least one, got none")
    rows = {}
    for budget in budgets:
        chosen = choose_limits(options, budget, objective=objective)
        sums = {name: float(chosen[name].sum()) for name in SUMS}
        rows[float(budget)] = sums | {"is_best": chosen.attrs["is_best"]}
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("budget_amount")
    step = np.diff(table.index.to_numpy(float), prepend=np.nan)
    table["profit_per_budget"] = table["profit_amount"].diff().to_numpy() / step
    return table


def limit_text(chosen: pd.DataFrame, currency: str) -> str:
    """Sentences on what the chosen limits lend, lose and earn, and whether any would do better.

    Parameters
    ----------
    chosen : DataFrame
        Of :func:`choose_limits`.
    currency : str

    Returns
    -------
    str
        Markdown.

    Source
    ------
    riskkit definition.
    """
    unit = verbatim(currency)
    total = chosen[[name for name in chosen if name.endswith(("amount", "low", "high"))]].sum()
    loans, budget = chosen["loans"].sum(), chosen.attrs["budget_amount"]
    ends = ", were every grade at the same end of its interval)"

    def between(name: str, ending: str) -> str:
        low, high = (total.get(f"{name}_{end}", np.nan) for end in ("low", "high"))
        return "" if np.isnan(low) else f" ({low:,.0f} to {high:,.0f}{ending}"

    text = (
        f"These limits lend **{total['lent_amount']:,.0f} {unit}** in {loans:,.0f} loans and lose "
        f"{total['expected_loss_amount']:,.0f}{between('expected_loss', ends)}"
    )
    text += f" of a budget of {budget:,.0f}" if np.isfinite(budget) else ""
    text += f"; expected profit {total['profit_amount']:,.0f} {unit}{between('profit', ')')}. "
    if not np.isfinite(budget):
        text += "No budget of losses was stated: only what pays, and what incomes carry, bounds. "
    goal = "earns more" if chosen.attrs["objective"] == "profit" else "lends more"
    if chosen.attrs["is_best"]:
        text += f"No other table of limits that obeys the rules {goal} (proved)."
    else:
        text += (
            f"**Not proved to be the best**: another might reach {chosen.attrs['bound']:,.0f} "
            f"instead of {chosen.attrs['reached']:,.0f}."
        )
    high = total.get("expected_loss_high", np.nan)
    if np.isfinite(budget) and high > budget:
        text += " At the upper ends of the intervals the budget does **not** hold."
    return text
