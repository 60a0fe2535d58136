"""Which limit each grade and income band gets, and what a budget of losses can fund.

Takes what applicants ask for and can carry, and the grades' probabilities; gives the limits that
earn the most, or lend the most, within an expected loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import optimize, sparse

from riskkit.checks import Array, probability_array
from riskkit.columns import verbatim

__all__ = [
    "budget_curve",
    "choose_limits",
    "granted_limits",
    "limit_options",
    "limit_text",
]

OBJECTIVES = ("profit", "amount")

SUMS = ("loans", "lent_amount", "expected_loss_amount", "profit_amount")


def limit_options(
    applicants: pd.DataFrame,
    grades: pd.DataFrame,
    levels: Sequence[float],
    *,
    loss_rate: float,
    cost_amount: float,
    take_up_rate: float = 1.0,
) -> pd.DataFrame:
    """What each limit would lend, lose and earn in each grade and income band.

    Of each applicant the loan is the least of what is asked for, the limit and what the income
    carries; whoever could borrow less than the smallest level above 0 gets no loan. Lower limits
    are taken up as often: the demand is a parameter.

    Parameters
    ----------
    applicants : DataFrame of shape (n,)
        grade, income_band (ordered categories, lowest income first), amount (asked for) and
        principal_amount (what the income carries; NaN: no more than the smallest level), in units
        of the currency.
    grades : DataFrame, index grade, safest first
        probability (of default, never falling), margin_rate (earned on a good loan over its life,
        after funding, a fraction of the amount); probability_low and probability_high, where known.
    levels : sequence of float
        Limits to choose from, ascending, in units of the currency; 0: no loan.
    loss_rate : float
        Lost on a bad loan, a fraction of its amount.
    cost_amount : float
        Cost of granting and serving a loan, in units of the currency.
    take_up_rate : float
        Share of offers taken.

    Returns
    -------
    DataFrame, index (grade, income_band, limit_amount)
        applicants; expected loans, lent_amount, expected_loss_amount with expected_loss_low,
        expected_loss_high (from the interval of the probability), profit_amount.

    Raises
    ------
    ValueError
        Levels do not ascend, a rate or an amount is out of range, an income band is missing or no
        category, a probability falls from a grade to the next riskier one, a grade is
        not in `grades`.
    """
    limits = np.asarray(levels, dtype=float)
    if len(limits) < 2 or not (np.isfinite(limits).all() and (np.diff(limits) > 0).all()):
        raise ValueError(f"levels must be at least two, finite and ascending, got {list(levels)}")
    if limits[0] < 0:
        raise ValueError(f"levels must not be negative, got {limits[0]:g}")
    for name, value, most in (
        ("loss_rate", loss_rate, 1.0),
        ("take_up_rate", take_up_rate, 1.0),
        ("cost_amount", cost_amount, np.finfo(float).max),
    ):
        if not 0 <= value <= most:
            raise ValueError(f"{name} must lie in [0, {most:g}], got {value!r}")
    if not np.isfinite(grades["margin_rate"].to_numpy(float)).all():
        raise ValueError("margin_rate must be finite in every grade")
    if not isinstance(applicants["income_band"].dtype, pd.CategoricalDtype):
        raise ValueError(
            "income_band must be a category of ordered bands, as income_bands gives, got "
            f"{applicants['income_band'].dtype}"
        )
    if applicants["income_band"].isna().any():
        raise ValueError("income_band must not be missing")
    probability = probability_array(grades["probability"], "probability")
    if not (np.diff(probability) >= 0).all():
        raise ValueError("grades must be ordered by risk: a probability falls to the next grade")
    unknown = sorted(set(applicants["grade"].unique()) - set(grades.index), key=str)
    if unknown:
        raise ValueError(f"grades must hold every grade of the applicants, lacks {unknown}")
    names = applicants["income_band"].cat.categories
    bands = pd.CategoricalIndex(names, names, ordered=True)  # in their order, however it is shown
    smallest = limits[limits > 0][0]
    most = np.fmin(
        applicants["amount"].to_numpy(float),
        applicants["principal_amount"].fillna(smallest).to_numpy(float),
    )
    cell = grades.index.get_indexer(applicants["grade"]) * len(bands)
    cell = cell + applicants["income_band"].cat.codes.to_numpy()
    n_cells = len(grades) * len(bands)
    sizes = np.bincount(cell, minlength=n_cells)
    tables = []
    for limit in limits:
        lent = np.where(np.minimum(most, limit) >= smallest, np.minimum(most, limit), 0.0)
        loans = take_up_rate * np.bincount(cell, weights=lent > 0, minlength=n_cells)
        amount = take_up_rate * np.bincount(cell, weights=lent, minlength=n_cells)
        tables.append(pd.DataFrame({"applicants": sizes, "loans": loans, "lent_amount": amount}))
    index = pd.MultiIndex.from_product(
        [limits, grades.index, bands], names=["limit_amount", "grade", "income_band"]
    )
    options = pd.concat(tables).set_index(index)
    of_grade = grades.reindex(index.get_level_values("grade")).set_axis(index)
    for end in ("", "_low", "_high"):
        if f"probability{end}" in grades:
            name = f"expected_loss{end or '_amount'}"
            options[name] = options["lent_amount"] * of_grade[f"probability{end}"] * loss_rate
    good = 1 - of_grade["probability"]
    options["profit_amount"] = (
        options["lent_amount"] * of_grade["margin_rate"] * good
        - options["expected_loss_amount"]
        - options["loans"] * cost_amount
    )
    order = ["grade", "income_band", "limit_amount"]
    wanted = pd.MultiIndex.from_product([grades.index, bands, limits], names=order)
    return options.reorder_levels(order).reindex(wanted)


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
        limit_amount and the columns of `options` at it. Attributes ``objective``,
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


def granted_limits(applicants: pd.DataFrame, chosen: pd.DataFrame, smallest: float) -> pd.Series:
    """Limit of each applicant: of grade and income band, but no more than the income carries.

    Parameters
    ----------
    applicants : DataFrame of shape (n,)
        grade, income_band and principal_amount, as for :func:`limit_options`.
    chosen : DataFrame, index (grade, income_band)
        Of :func:`choose_limits`.
    smallest : float
        The smallest level above 0: who could borrow less gets nothing, and so much is what an
        income that nobody knows carries.

    Returns
    -------
    Series, index of `applicants`
        Units of the currency; 0 where nothing is lent, or the table has no such cell.
    """
    cell = pd.MultiIndex.from_arrays(
        [applicants["grade"], applicants["income_band"].astype(object)]
    )
    table = chosen["limit_amount"]
    table.index = pd.MultiIndex.from_arrays(
        [table.index.get_level_values(0), table.index.get_level_values(1).astype(object)]
    )
    limit = np.fmin(
        table.reindex(cell).fillna(0.0).to_numpy(float),
        applicants["principal_amount"].fillna(smallest).to_numpy(float),
    )
    return pd.Series(
        np.where(limit >= smallest, limit, 0.0), index=applicants.index, name="limit_amount"
    )


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
    text = (
        f"These limits lend **{total['lent_amount']:,.0f} {unit}** in {loans:,.0f} loans and lose "
        f"{total['expected_loss_amount']:,.0f}"
    )
    if {"expected_loss_low", "expected_loss_high"} <= set(total.index):
        text += (
            f" ({total['expected_loss_low']:,.0f} to {total['expected_loss_high']:,.0f}, were "
            "every grade at the same end of its interval)"
        )
    within = f" of a budget of {budget:,.0f}" if np.isfinite(budget) else ", no budget being set"
    text += f"{within}; expected profit {total['profit_amount']:,.0f} {unit}. "
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
