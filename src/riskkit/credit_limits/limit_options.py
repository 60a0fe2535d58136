"""What each limit would lend, lose and earn: on the terms priced, not beyond what was ever lent.

Takes applicants, the price table and the loans of before; gives a row for each grade, income band
and limit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.checks import Array, probability_array, require_columns

__all__ = ["largest_lent", "limit_options", "priced_terms"]


def limit_options(
    applicants: pd.DataFrame,
    grades: pd.DataFrame,
    levels: Sequence[float],
    *,
    loss_rate: float,
    cost_amount: float,
) -> pd.DataFrame:
    """What each limit would lend, lose and earn in each grade and income band.

    Of each applicant the loan is the least of what is asked for, the limit, what the income carries
    and what the grade has been lent before; whoever could borrow less than the smallest level above
    0 gets no loan. A loan earns take_up_rate × (amount × worth_rate − cost). Lower limits are taken
    up as often.

    Parameters
    ----------
    applicants : DataFrame of shape (n,)
        grade, income_band (ordered categories, lowest income first), amount (asked for) and
        principal_amount (what the income carries; NaN: no more than the smallest level), in units
        of the currency; take_up_rate and worth_rate, as of :func:`priced_terms`, with worth_low and
        worth_high, where known.
    grades : DataFrame, index grade, safest first
        probability (of default, never falling), with probability_low and probability_high, where
        known; seen_amount (the most that is lent to it, of :func:`largest_lent`), where bound.
    levels : sequence of float
        Limits to choose from, ascending, in units of the currency; 0: no loan.
    loss_rate : float
        Lost on a bad loan, a fraction of its amount.
    cost_amount : float
        Cost of granting and serving a loan, in units of the currency.

    Returns
    -------
    DataFrame, index (grade, income_band, limit_amount)
        applicants; expected loans, lent_amount, expected_loss_amount with expected_loss_low,
        expected_loss_high (from the interval of the probability), profit_amount with profit_low,
        profit_high (from worth_low, worth_high); seen_amount, where bound.

    Raises
    ------
    DataContractError
        A column of the applicants is missing.
    ValueError
        Levels do not ascend, a rate or an amount is out of range, an income band is missing or no
        category, a probability falls or a seen_amount rises from a grade to the next riskier one, a
        grade is not in `grades`.
    """
    limits = np.asarray(levels, dtype=float)
    columns = ["grade", "income_band", "amount", "principal_amount", "take_up_rate", "worth_rate"]
    require_columns(applicants, columns, "applicants")
    _check_options(applicants, grades, limits, loss_rate, cost_amount)
    names = applicants["income_band"].cat.categories
    bands = pd.CategoricalIndex(names, names, ordered=True)  # in their order, however it is shown
    smallest = limits[limits > 0][0]
    place = grades.index.get_indexer(applicants["grade"])
    most = np.fmin(
        applicants["amount"].to_numpy(float),
        applicants["principal_amount"].fillna(smallest).to_numpy(float),
    )
    if "seen_amount" in grades:
        most = np.minimum(most, grades["seen_amount"].to_numpy(float)[place])
    cell = place * len(bands) + applicants["income_band"].cat.codes.to_numpy()
    take_up = applicants["take_up_rate"].to_numpy(float)
    worths = {f"profit_{end}": f"worth_{end}" for end in ("low", "high")}
    worths = {"profit_amount": "worth_rate"} | worths

    def total(values: Array) -> Array:
        return np.bincount(cell, weights=values, minlength=len(grades) * len(bands))

    tables = []
    for limit in limits:
        lent = np.where(np.minimum(most, limit) >= smallest, np.minimum(most, limit), 0.0)
        sums = {"applicants": total(np.ones(len(cell))).astype(int)}
        sums |= {"loans": total(take_up * (lent > 0)), "lent_amount": total(take_up * lent)}
        for name, worth in worths.items():
            if worth in applicants:
                earned = lent * applicants[worth].to_numpy(float) - cost_amount * (lent > 0)
                sums[name] = total(take_up * earned)
        tables.append(pd.DataFrame(sums))
    index = pd.MultiIndex.from_product(
        [limits, grades.index, bands], names=["limit_amount", "grade", "income_band"]
    )
    options = pd.concat(tables).set_index(index)
    of_grade = grades.reindex(index.get_level_values("grade")).set_axis(index)
    for end in ("", "_low", "_high"):
        if f"probability{end}" in grades:
            name = f"expected_loss{end or '_amount'}"
            options[name] = options["lent_amount"] * of_grade[f"probability{end}"] * loss_rate
    if "seen_amount" in grades:
        options["seen_amount"] = of_grade["seen_amount"]
    order = ["grade", "income_band", "limit_amount"]
    wanted = pd.MultiIndex.from_product([grades.index, bands, limits], names=order)
    return options.reorder_levels(order).reindex(wanted)


def _check_options(
    applicants: pd.DataFrame,
    grades: pd.DataFrame,
    limits: Array,
    loss_rate: float,
    cost_amount: float,
) -> None:
    if len(limits) < 2 or not (np.isfinite(limits).all() and (np.diff(limits) > 0).all()):
        raise ValueError(f"levels must be at least two, finite and ascending, got {[*limits]}")
    if limits[0] < 0:
        raise ValueError(f"levels must not be negative, got {limits[0]:g}")
    for name, value, most in (
        ("loss_rate", loss_rate, 1.0),
        ("cost_amount", cost_amount, np.finfo(float).max),
    ):
        if not 0 <= value <= most:
            raise ValueError(f"{name} must lie in [0, {most:g}], got {value!r}")
    if not applicants["take_up_rate"].between(0, 1).all():
        raise ValueError("take_up_rate must lie in [0, 1] for every applicant")
    if not np.isfinite(applicants["worth_rate"].to_numpy(float)).all():
        raise ValueError("worth_rate must be finite for every applicant")
    if not isinstance(applicants["income_band"].dtype, pd.CategoricalDtype):
        raise ValueError(
            "income_band must be a category of ordered bands, as income_bands gives, got "
            f"{applicants['income_band'].dtype}"
        )
    if applicants["income_band"].isna().any():
        raise ValueError("income_band must not be missing")
    if not (np.diff(probability_array(grades["probability"], "probability")) >= 0).all():
        raise ValueError("grades must be ordered by risk: a probability falls to the next grade")
    if "seen_amount" in grades and not grades["seen_amount"].is_monotonic_decreasing:
        raise ValueError("seen_amount must not rise from a grade to the next riskier one")
    unknown = sorted(set(applicants["grade"].unique()) - set(grades.index), key=str)
    if unknown:
        raise ValueError(f"grades must hold every grade of the applicants, lacks {unknown}")


def priced_terms(
    applications: pd.DataFrame, prices: pd.DataFrame, *, cost_amount: float
) -> pd.DataFrame:
    """Who takes the price offered, and what a unit lent is then worth: as the price table has it.

    worth_rate = profit_amount ÷ (take_up_rate × mean_amount) + cost ÷ mean_amount of the grade and
    term. So take_up_rate × (amount × worth_rate − cost), summed over all who ask, is exactly what
    the price table says that they earn.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        grade, term_months.
    prices : DataFrame, index (grade, term_months)
        take_up_rate, mean_amount, profit_amount of an application, with profit_low and profit_high
        (units of the currency).
    cost_amount : float
        Cost of granting a loan, which does not depend on its amount, in units of the currency.

    Returns
    -------
    DataFrame, index of `applications`
        take_up_rate, worth_rate, worth_low, worth_high (fractions of the amount, after funding and
        losses, before that cost); NaN where nothing is offered.

    Raises
    ------
    DataContractError
        A column is missing.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> cell = pd.MultiIndex.from_tuples([("A1", 6)], names=["grade", "term_months"])
    >>> price = {"take_up_rate": 0.8, "mean_amount": 5_000.0, "profit_amount": 200.0}
    >>> price |= {"profit_low": 160.0, "profit_high": 240.0}
    >>> asked = pd.DataFrame({"grade": ["A1"], "term_months": [6]})
    >>> priced_terms(asked, pd.DataFrame(price, index=cell), cost_amount=30.0).iloc[0].round(
    ...     3).to_dict()
    {'take_up_rate': 0.8, 'worth_rate': 0.056, 'worth_low': 0.046, 'worth_high': 0.066}
    """
    require_columns(applications, ["grade", "term_months"], "applications")
    ends = {"worth_rate": "profit_amount", "worth_low": "profit_low", "worth_high": "profit_high"}
    require_columns(prices, ["take_up_rate", "mean_amount", *ends.values()], "prices")
    cell = pd.MultiIndex.from_frame(applications[["grade", "term_months"]])
    of_each = prices.reindex(cell).set_axis(applications.index)
    amount = of_each["mean_amount"]
    worth = {
        name: of_each[profit] / (of_each["take_up_rate"] * amount) + cost_amount / amount
        for name, profit in ends.items()
    }
    return of_each[["take_up_rate"]].assign(**worth)


def largest_lent(
    applications: pd.DataFrame, grades: Sequence[str], *, least_loans: int = 1
) -> pd.Series:
    """The most that may be lent to each grade: what so many of its loans reached.

    Never more than of a safer grade: a riskier one is not granted what a safer one has never had.
    A grade without loans has the amount of the next riskier one that has some.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        grade, booked, and booked_amount or amount (fen).
    grades : sequence of str
        The safest first.
    least_loans : int
        So many loans must have been of that amount, or more; 1: the largest loan.

    Returns
    -------
    Series, index grade
        seen_amount, units of the currency; 0 where fewer loans were ever made to it.

    Raises
    ------
    DataContractError
        A column is missing.
    ValueError
        `least_loans` is below 1.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> lent = pd.DataFrame({"grade": ["A1", "A1", "B1", "C1"], "booked": [True, True, True, False],
    ...     "amount": [500_000, 900_000, 1_200_000, 300_000]})
    >>> largest_lent(lent, ["A1", "B1", "C1"]).to_dict()
    {'A1': 9000.0, 'B1': 9000.0, 'C1': 0.0}
    """
    if least_loans < 1:
        raise ValueError(f"least_loans must be at least 1, got {least_loans!r}")
    require_columns(applications, ["grade", "booked"], "applications")
    name = "booked_amount" if "booked_amount" in applications else "amount"
    require_columns(applications, [name], "applications")
    lent = applications.loc[applications["booked"].astype(bool), ["grade", name]]
    lent = lent.sort_values(name, ascending=False, kind="stable")
    reached = lent[lent.groupby("grade").cumcount() == least_loans - 1]
    amounts = (reached.set_index("grade")[name] / 100).reindex(list(grades)).cummin()
    return amounts.bfill().fillna(0.0).rename_axis("grade").rename("seen_amount")
