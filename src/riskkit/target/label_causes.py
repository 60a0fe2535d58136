"""Why loans have no label: how many are good, bad or not known, and for what cause.

Takes the monthly panel or the outcomes; gives a table, and its words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.loan_values import LoanValues
from riskkit.tables import Table
from riskkit.target.labels import (
    BadDefinition,
    _cohort_ripe,
    _flags,
    _hidden,
    _loans_of,
    _window_and_bad,
)

__all__ = ["label_table", "label_text"]

LATE, LEFT_OUT, STOPPED = "first seen too late", "months left out", "rows stop before the window"
CAUSES = (
    "bad", "good", "cohort not at its window", LATE, LEFT_OUT, STOPPED, "between good and bad",
)  # fmt: skip


def label_table(
    book: pd.DataFrame | Table,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    *,
    term_months: pd.Series | LoanValues | None = None,
) -> pd.DataFrame:
    """Loans with a label, good or bad, and without, by the first cause that applies.

    Parameters
    ----------
    book, definition, observed_to, term_months
        As for :func:`default_flags`; a panel may be in parts, and the terms be LoanValues.

    Returns
    -------
    DataFrame of shape (7,), index label
        `loans` and `share_rate` of all. In this order: "bad", "good"; without a label: "cohort not
        at its window"; "first seen too late" and "months left out", which may hide that a loan
        turned bad; "rows stop before the window", neither ended nor bad; "between good and bad",
        seen or possibly unseen past the definition's `indeterminate_dpd`. The shares of no loans
        are NaN.

    Raises
    ------
    DataContractError, ValueError
        As :func:`default_flags`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> book = pd.DataFrame({
    ...     "loan_id": ["a", "b", "b"], "cohort": pd.Timestamp("2024-01-01"), "mob": [6, 0, 1],
    ...     "dpd": 0, "status": ["current", "current", "prepaid"]})
    >>> table = label_table(book, BadDefinition(window_months=6), pd.Timestamp("2024-07-31"))
    >>> table.loc[table["loans"] > 0, "loans"].to_dict()
    {'good': 1, 'first seen too late': 1}
    """
    loans = _loans_of(book, definition, observed_to, term_months)
    flags = _flags(loans, definition).to_numpy()
    window, bad, hidden = _window_and_bad(loans, definition)
    ended, last = loans["ended"].to_numpy(), loans["last_mob"].to_numpy()
    too_late = _hidden(loans) & (loans["unseen_from"] < loans["entry_mob"]).to_numpy()
    applies = [
        flags == 1,
        flags == 0,
        ~_cohort_ripe(loans, window),
        hidden & too_late,
        hidden,
        ~(bad | ended | (last >= window)),
    ]
    cause = np.select(applies, range(len(applies)), default=len(applies))
    count = np.bincount(cause.astype(np.int64), minlength=len(CAUSES))
    table = pd.DataFrame({"loans": count}, index=pd.Index(CAUSES, name="label"))
    return table.assign(share_rate=table["loans"] / (len(loans) or np.nan))


def label_text(table: pd.DataFrame) -> str:
    """Sentence on the loans without a label because months of them were not seen; "" if none.

    Parameters
    ----------
    table : DataFrame
        Of :func:`label_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> label_text(pd.DataFrame(
    ...     {"loans": [2, 1], "share_rate": [0.02, 0.01]}, index=["months left out", "good"]))
    ... # doctest: +NORMALIZE_WHITESPACE
    '**2 loans** (2.00%) have no label though their cohort has reached its window, since they may
    have turned bad unseen: 2 months left out. None is called good by a guess.'
    """
    told = table.reindex([LATE, LEFT_OUT, STOPPED]).dropna()
    told = told[told["loans"] > 0]
    if told.empty:
        return ""
    n = int(told["loans"].sum())
    parts = ", ".join(f"{int(count):,} {cause}" for cause, count in told["loans"].items())
    subject = "has no label though its" if n == 1 else "have no label though their"
    return (
        f"**{n:,} loan{'' if n == 1 else 's'}** ({told['share_rate'].sum():.2%}) {subject} cohort "
        f"has reached its window, since {'it' if n == 1 else 'they'} may have turned bad unseen: "
        f"{parts}. None is called good by a guess."
    )
