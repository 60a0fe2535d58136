"""Which loans may be sold: the loan tape, and the tests of eligibility that each loan must pass.

Takes the loans on the books and their applications; gives a row per loan, and a row per test.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from riskkit.arrears import DEFAULT
from riskkit.checks import nearest_name, require_columns
from riskkit.partitions import collected
from riskkit.tables import Table

__all__ = ["BORROWER", "SEGMENTS", "loan_tape"]

BORROWER = "borrower"

# what concentrations are asked of, and the column of the applications that tells it
SEGMENTS = {
    "product": "product", "scenario": "scenario", "region": "region", "partner": "partner",
    "channel": "channel", BORROWER: "customer_id",
}  # fmt: skip
NEVER = "never in default"
ELIGIBLE = "eligible"
# criterion -> the column of the tape, and which way is too much
CRITERIA = {
    "most_dpd": ("dpd", 1), "least_mob": ("mob", -1), "most_mob": ("mob", 1),
    "least_left": ("left_months", -1), "most_left": ("left_months", 1),
    "least_amount": ("amount", -1), "most_amount": ("amount", 1), "most_balance": ("balance", 1),
    "least_apr": ("apr", -1), "most_apr": ("apr", 1), "most_age": ("age", 1),
    "least_age": ("age", -1), "no_treatment": ("treated", 1),
}  # fmt: skip
MONEY = "amount", "balance"  # fen, and their limits are in units of the currency


def loan_tape(
    book: pd.DataFrame,
    applications: pd.DataFrame,
    criteria: Mapping[str, float],
    *,
    performance: pd.DataFrame | Table | None = None,
    known: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The loans on the books as a tape that says of each whether it may be sold, and why not.

    A loan that was ever in default may not. Every other test is a limit, both ends in; a loan of
    which it is not known fails it. A test of a column that the source lacks altogether is not
    applied, which its row tells.

    Parameters
    ----------
    book : DataFrame, index loan_id
        Of :func:`riskkit.arrears.book_at`.
    applications : DataFrame
        application_id, and what there is of product, scenario, region, partner, channel,
        customer_id, age.
    criteria : mapping of str to number
        most_dpd, least_mob, most_mob (months since it was lent), least_left, most_left (months of
        its term left), least_amount, most_amount (lent) and most_balance, in units of the currency,
        least_apr, most_apr (a year, fractions), least_age, most_age, no_treatment (True).
    performance : DataFrame or Table, optional
        The panel; where it has the column `treatment`, a loan that was ever re-aged, extended,
        restructured or settled is treated.
    known : DataFrame, index loan_id, optional
        More columns to go with each loan, such as its grade.

    Returns
    -------
    tape : DataFrame, index loan_id, ascending
        `balance`, `amount` (fen), `dpd`, `mob`, `left_months`, `apr`, what is there of `age`,
        `treated`, `product`, `scenario`, `region`, `partner`, `channel`, `borrower`, the columns of
        `known`; `reason` (the first test it fails, "" where none) and `eligible`.
    tests : DataFrame, index criterion
        `limit`; `loans`, `balance` that fail it; `alone_loans`, `alone_balance` that fail no other;
        `first_loans`, `first_balance` that fail none before it; `is_known`. The last row,
        "eligible", is of the loans that fail none.

    Raises
    ------
    ValueError
        A criterion that there is not.
    DataContractError
        A missing column of the book.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> book = pd.DataFrame({"state": [0, 4, 0], "dpd": [0, 120, 3], "mob": [2, 9, 0],
    ...                      "term_months": 12, "balance": [500, 700, 900], "amount": 900,
    ...                      "effective_rate": 0.02}, index=pd.Index(list("abc"), name="loan_id"))
    >>> asked = pd.DataFrame({"application_id": list("abc"), "channel": ["app", "app", "shop"]})
    >>> tape, tests = loan_tape(book, asked, {"most_dpd": 0, "least_mob": 1})
    >>> tape["reason"].tolist()
    ['', 'never in default', 'most_dpd']
    >>> tests[["loans", "alone_loans", "first_loans"]]  # doctest: +NORMALIZE_WHITESPACE
                      loans  alone_loans  first_loans
    criterion
    never in default      1            0            1
    most_dpd              2            0            1
    least_mob             1            0            0
    eligible              1            1            1
    """
    for name in criteria:
        if name not in CRITERIA:
            near = nearest_name(name, CRITERIA)
            raise ValueError(f"no test of loans is called {name!r}{near}")
    tape = _tape(book, applications, performance)
    if known is not None:
        tape = tape.join(known)
    failed = {NEVER: book["state"].reindex(tape.index).to_numpy() == DEFAULT}
    limits: dict[str, float] = {NEVER: np.nan}
    lacking = []
    for name, limit in criteria.items():
        if name == "no_treatment" and not limit:
            continue
        column, sign = CRITERIA[name]
        limits[name] = 0.0 if name == "no_treatment" else float(limit)
        failed[name] = np.zeros(len(tape), dtype=bool)
        if column in tape:
            values = tape[column].to_numpy(float) / (100 if column in MONEY else 1)
            failed[name] = ~(sign * values <= sign * limits[name])
        else:
            lacking.append(name)
    fails = pd.DataFrame(failed, index=tape.index)
    grid = fails.to_numpy()
    first = np.where(grid.any(axis=1), grid.argmax(axis=1), -1)
    reasons = np.append(fails.columns.to_numpy(object), "")
    tape["reason"] = pd.array(reasons[first], dtype="str")
    tape["eligible"] = ~grid.any(axis=1)
    return tape, _tests(tape, fails, limits, lacking)


def _tape(
    book: pd.DataFrame, applications: pd.DataFrame, performance: pd.DataFrame | Table | None
) -> pd.DataFrame:
    needed = ["state", "dpd", "mob", "term_months", "balance", "amount", "effective_rate"]
    require_columns(book, needed, "book")
    require_columns(applications, ["application_id"], "applications")
    order = book.sort_index()
    tape = order[["balance", "amount"]].astype(np.int64)
    tape = tape.join(order[["dpd", "mob"]])
    tape["left_months"] = np.maximum(order["term_months"] - order["mob"], 0)
    tape["apr"] = 12 * order["effective_rate"]
    if performance is not None and "treatment" in performance.columns:
        treated = collected(_treated, performance, columns=["loan_id", "treatment"])
        tape["treated"] = tape.index.isin(treated["loan_id"])
    named = {column: name for name, column in SEGMENTS.items() if column in applications}
    if "age" in applications:
        named["age"] = "age"
    asked = applications[applications["application_id"].isin(tape.index)]
    about = asked.set_index("application_id")[list(named)].rename(columns=named)
    return tape.join(about.reindex(tape.index))


def _treated(performance: pd.DataFrame) -> pd.DataFrame:
    return performance.loc[performance["treatment"].notna(), ["loan_id"]]


def _tests(
    tape: pd.DataFrame, fails: pd.DataFrame, limits: Mapping[str, float], lacking: list[str]
) -> pd.DataFrame:
    """Loans and balance that fail each test, fail it alone, and fail it first."""
    grid, balance = fails.to_numpy(), tape["balance"].to_numpy()
    before = np.cumsum(grid, axis=1) - grid
    sets = {
        "": grid,
        "alone_": grid & (grid.sum(axis=1, keepdims=True) == 1),
        "first_": grid & (before == 0),
    }
    passed = tape["eligible"].to_numpy()
    columns: dict[str, object] = {"limit": [*limits.values(), np.nan]}
    for name, rows in sets.items():
        columns[f"{name}loans"] = [*rows.sum(axis=0), passed.sum()]
        columns[f"{name}balance"] = [*(balance @ rows), balance[passed].sum()]
    columns["is_known"] = [name not in lacking for name in (*limits, ELIGIBLE)]
    index = pd.Index([*limits, ELIGIBLE], name="criterion")
    return pd.DataFrame(columns, index=index)
