"""The five categories of loans: by days past due, and by what is expected to be lost.

Takes the loans on the books and the rules in force; gives a category each, the provisions they ask
for, and both systems side by side.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

__all__ = [
    "CATEGORIES",
    "LARGER",
    "category_table",
    "coverage_table",
    "five_category",
    "rules_in_force",
    "stage_by_category",
]

CATEGORIES = ("normal", "special mention", "substandard", "doubtful", "loss")
"""正常, 关注, 次级, 可疑, 损失; the last three are non-performing."""
LARGER = "the larger"  # of both systems
_DAYS = ("special_mention", "substandard", "doubtful", "loss")
_FIRST_NON_PERFORMING = 2


def rules_in_force(categories: pd.DataFrame, as_of: pd.Timestamp | str) -> pd.Series:
    """The newest rules that had begun by a day; before the first, these.

    Parameters
    ----------
    categories : DataFrame, index from
        Of :func:`riskkit.schema.read_provisions`.
    as_of : Timestamp or str

    Returns
    -------
    Series
        A row of `categories` with `from` and `has_begun`, false of rules that begin after the day.

    Raises
    ------
    ValueError
        There are no rules.
    """
    if categories.empty:
        raise ValueError("five_categories must hold rules, got none in the provisions file")
    ordered = categories.sort_index()
    begun = ordered[ordered.index <= pd.Timestamp(as_of)]
    chosen = ordered.iloc[0] if begun.empty else begun.iloc[-1]
    rules = chosen.copy()
    rules["from"], rules["has_begun"] = chosen.name, not begun.empty
    return rules


def five_category(
    dpd: ArrayLike, loss_rate: ArrayLike, rules: pd.Series, *, is_impaired: ArrayLike | None = None
) -> pd.Categorical:
    """Category of each loan, the worse of what its days and its expected loss say.

    By days: more than 0, 90, 270, 360 past due (thresholds of the rules), so that 90 and 91 days
    fall on different sides. An impaired loan is substandard at least; by its loss it is doubtful
    and loss from 50 % and 90 % of the book value.

    Parameters
    ----------
    dpd : int array of shape (n_loans,)
    loss_rate : float array of shape (n_loans,)
        Lifetime expected loss as a share of the balance; NaN asks the days alone.
    rules : Series
        A row of the categories of :func:`riskkit.schema.read_provisions`.
    is_impaired : bool array of shape (n_loans,), optional
        Such as those of stage 3: of the others the days alone are asked. All unless given.

    Returns
    -------
    Categorical of shape (n_loans,), ordered from normal to loss

    Raises
    ------
    ValueError
        Negative or missing days, or lengths that differ.

    Source
    ------
    The rules' own source.

    Examples
    --------
    >>> rules = pd.Series({"special_mention": 0, "substandard": 90, "doubtful": 270, "loss": 360,
    ...     "doubtful_loss_rate": 0.5, "loss_loss_rate": 0.9})
    >>> list(five_category([0, 90, 91, 0], [0.01, 0.2, 0.3, 0.95], rules))
    ['normal', 'special mention', 'substandard', 'loss']
    >>> list(five_category([0, 60, 0], [0.01, 0.7, 0.3], rules, is_impaired=[0, 0, 1]))
    ['normal', 'special mention', 'substandard']
    """
    days, rate = np.asarray(dpd), np.asarray(loss_rate, dtype=float)
    if len(days) != len(rate):
        raise ValueError(f"dpd and loss_rate must be equally long, got {len(days)} and {len(rate)}")
    if n_missing := int(pd.isna(days).sum()):
        raise ValueError(f"dpd must be known of every loan, got {n_missing:,} missing")
    if (days < 0).any():
        raise ValueError(f"dpd must be >= 0, got {days.min()}")
    by_days = np.searchsorted([rules[name] for name in _DAYS], days, side="left")
    with np.errstate(invalid="ignore"):
        by_loss = np.where(rate >= rules["doubtful_loss_rate"], 3, 0)
        by_loss = np.where(rate >= rules["loss_loss_rate"], 4, by_loss)
    if is_impaired is not None:
        at_least = np.maximum(by_loss, _FIRST_NON_PERFORMING)
        by_loss = np.where(np.asarray(is_impaired, bool), at_least, 0)
    return pd.Categorical.from_codes(
        np.maximum(by_days, by_loss), categories=list(CATEGORIES), ordered=True
    )


def category_table(category: pd.Categorical, balance: ArrayLike, rules: pd.Series) -> pd.DataFrame:
    """Loans, balances and specific provision by category, and the general provision.

    Parameters
    ----------
    category : Categorical of shape (n_loans,)
    balance : int array of shape (n_loans,), fen
    rules : Series

    Returns
    -------
    DataFrame, index category, then "all"
        `loans`, `balance`, `balance_share`, `specific_rate`, `specific_amount`; in the last row
        `general_amount`, `general_rate` of all loans, beside the specific provision: it belongs to
        no category, and is missing in the others.

    Source
    ------
    The rules' own source.
    """
    owed = np.asarray(balance, dtype=np.int64)
    code = category.codes
    table = pd.DataFrame(
        {
            "loans": np.bincount(code, minlength=len(CATEGORIES)),
            "balance": [int(owed[code == k].sum()) for k in range(len(CATEGORIES))],
        },
        index=pd.Index(CATEGORIES, name="category"),
    ).astype("int64")
    total = int(owed.sum())
    rates = [0.0, *(float(rules[f"{name}_rate"]) for name in _DAYS)]
    table["balance_share"] = table["balance"] / (total if total else np.nan)
    table["specific_rate"] = rates
    table["specific_amount"] = np.rint(table["balance"] * table["specific_rate"]).astype("int64")
    whole = {
        "loans": table["loans"].sum(),
        "balance": total,
        "balance_share": table["balance_share"].sum() if total else np.nan,
        "specific_rate": np.nan,
        "specific_amount": table["specific_amount"].sum(),
    }
    table.loc["all"] = pd.Series(whole)
    table = table.astype(dict.fromkeys(["loans", "balance", "specific_amount"], "int64"))
    general = pd.array([pd.NA] * len(table), dtype="Int64")
    general[-1] = round(total * float(rules["general_rate"]))
    return table.assign(general_amount=general)


def coverage_table(categories: pd.DataFrame, ecl_amount: int) -> pd.DataFrame:
    """Both systems side by side: provision, coverage and provision-to-loan ratio.

    Coverage (拨备覆盖率) = provision ÷ balance of the last three categories; provision-to-loan
    ratio (拨贷比) = provision ÷ balance of all loans.

    Parameters
    ----------
    categories : DataFrame
        Of :func:`category_table`.
    ecl_amount : int
        Provision by IFRS 9, overlays included, fen.

    Returns
    -------
    DataFrame, index system: "IFRS 9", "five categories", "the larger"
        `provision_amount` (int64 fen), `coverage_ratio` (NaN where no loan is non-performing),
        `provision_loan_ratio` (NaN where there is no loan).

    Source
    ------
    riskkit definition of the side by side; ratios as Chinese supervisors publish them.
    """
    asked = int(categories.loc["all", ["specific_amount", "general_amount"]].sum())
    bad = categories["balance"].iloc[_FIRST_NON_PERFORMING : len(CATEGORIES)].sum()
    total = categories.loc["all", "balance"]
    amounts = {"IFRS 9": int(ecl_amount), "five categories": asked}
    amounts[LARGER] = max(amounts.values())
    table = pd.DataFrame({"provision_amount": amounts}).rename_axis(index="system")
    return table.assign(
        coverage_ratio=table["provision_amount"] / (bad if bad > 0 else np.nan),
        provision_loan_ratio=table["provision_amount"] / (total if total > 0 else np.nan),
    )


def stage_by_category(loans: pd.DataFrame, category: pd.Categorical) -> pd.DataFrame:
    """Balance of the same loans by stage and category, fen.

    Parameters
    ----------
    loans : DataFrame
        `stage`, `balance`, of :func:`riskkit.provisions.loan_ecl`.
    category : Categorical of shape (n_loans,)

    Returns
    -------
    DataFrame, index stage 1, 2, 3, columns the categories
    """
    table = loans["balance"].groupby([loans["stage"].to_numpy(), np.asarray(category)]).sum()
    table = table.unstack(fill_value=0).reindex(
        index=[1, 2, 3], columns=list(CATEGORIES), fill_value=0
    )
    return table.astype("int64").rename_axis(index="stage", columns="category")
