"""Loans of a panel that were not seen from the first month to the last: how many, of what kind.

Takes the performance panel; gives a row per kind, and its words.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from riskkit.checks import loan_starts, require_columns, whole_loans
from riskkit.columns import calendar_months
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = ["gaps_text", "panel_gaps"]

LATE, LEFT_OUT, CENSORED, VANISHED = (
    "first seen after month 0", "months left out", "left without an end", "vanished past due",
)  # fmt: skip
ALL = "all loans"
_LAST = "last_month"
_NEEDED = ("loan_id", "mob", "month_end", "dpd", "status")


def panel_gaps(
    performance: pd.DataFrame | Table, *, observed_to: pd.Timestamp | str | None = None
) -> pd.DataFrame:
    """Loans that were not seen from month 0 to their end or to the last month, by kind.

    Parameters
    ----------
    performance : DataFrame or Table
        The panel, sorted by loan and month. A Table is counted block by block.
    observed_to : date, optional
        Any day of the last month whose month-end was observed; rows after it do not count. Default:
        the latest month of the panel.

    Returns
    -------
    DataFrame of shape (5, 3), index kind
        `loans`, `share_rate` of all loans, and `months` that were not seen (NaN where their number
        is not known). A loan may be of several kinds:

        - "all loans";
        - "first seen after month 0", a late entry: the months before it are unseen;
        - "months left out", between two rows of a loan;
        - "left without an end": the rows stop before the last month, nothing past due in the last
          one, neither prepaid, matured nor charged off: censored there;
        - "vanished past due": the same with arrears in the last row.

    Raises
    ------
    DataContractError
        A missing column, or a panel not sorted by loan and month.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> panel = pd.DataFrame({
    ...     "loan_id": ["a", "a", "b", "c"], "mob": [0, 2, 1, 0], "dpd": [0, 0, 0, 9],
    ...     "month_end": pd.to_datetime(["2024-01-31", "2024-03-31", "2024-03-31", "2024-01-31"]),
    ...     "status": ["current", "current", "current", "delinquent"]})
    >>> panel_gaps(panel)["loans"].to_dict()  # doctest: +NORMALIZE_WHITESPACE
    {'all loans': 3, 'first seen after month 0': 1, 'months left out': 1,
     'left without an end': 0, 'vanished past due': 1}
    """
    until = None if observed_to is None else int(calendar_months([observed_to])[0])
    counts = total(partial(_kinds, until=until), whole_loans(performance), columns=_NEEDED)
    last = counts.index.get_level_values(_LAST)
    observed = until if until is not None else (int(last.max()) if len(counts) else 0)
    stopped = counts.index.get_level_values("open") & (last < observed)
    late = counts.index.get_level_values("late")
    loans = {
        ALL: counts["loans"].sum(),
        LATE: counts["entered"].sum(),
        LEFT_OUT: counts["left_out"].sum(),
        CENSORED: counts["loans"][stopped & ~late].sum(),
        VANISHED: counts["loans"][stopped & late].sum(),
    }
    months = {LATE: counts["months_before"].sum(), LEFT_OUT: counts["months_between"].sum()}
    table = pd.DataFrame({"loans": pd.Series(loans, dtype="int64")}).rename_axis("kind")
    table["share_rate"] = table["loans"] / (loans[ALL] or np.nan)
    return table.assign(months=pd.Series(months, dtype=float).reindex(table.index))


def _kinds(panel: pd.DataFrame, until: int | None) -> pd.DataFrame:
    """Loans of one block by last month, whether open there and whether past due."""
    require_columns(panel, _NEEDED, "performance")
    month = calendar_months(panel["month_end"])
    if until is not None:
        panel, month = panel[month <= until], month[month <= until]
    starts = loan_starts(panel)
    ends = np.append(starts[1:], len(panel))[: len(starts)] - 1
    mob = panel["mob"].to_numpy(np.int64)
    between = mob[ends] - mob[starts] - (ends - starts)
    has_end = panel["status"].iloc[ends].isin(["prepaid", "matured", "charged_off"]).to_numpy()
    loans = pd.DataFrame(
        {
            "loans": 1,
            "entered": (mob[starts] > 0).astype(np.int64),
            "left_out": (between > 0).astype(np.int64),
            "months_before": mob[starts],
            "months_between": between,
        },
        index=range(len(starts)),
    )
    keys = {_LAST: month[ends], "open": ~has_end, "late": panel["dpd"].to_numpy()[ends] > 0}
    return loans.groupby([pd.Series(value, name=name) for name, value in keys.items()]).sum()


def gaps_text(table: pd.DataFrame) -> str:
    """Sentences on the loans of a panel that were not seen throughout, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`panel_gaps`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> kinds = ["all loans", "first seen after month 0", "months left out",
    ...          "left without an end", "vanished past due"]
    >>> gaps_text(pd.DataFrame({"loans": [9, 0, 0, 0, 0], "share_rate": 0.0}, index=kinds))
    'Every loan was seen from its month of disbursal to its end or the last month.'
    """
    what = {
        LATE: "first seen after their month of disbursal: on no curve, at risk from then on",
        LEFT_OUT: "with months left out: what they first passed there is dated where it shows",
        CENSORED: "that leave without an end, nothing past due: lost from view from then on",
        VANISHED: "that vanish past due: shown both as lost from view and as bad",
    }
    parts = [
        f"**{int(table.loc[kind, 'loans']):,}** ({table.loc[kind, 'share_rate']:.2%}) {words}"
        for kind, words in what.items()
        if table.loc[kind, "loans"]
    ]
    if not parts:
        return "Every loan was seen from its month of disbursal to its end or the last month."
    return f"Not every loan was seen throughout. Of {int(table.loc[ALL, 'loans']):,} there are " + (
        "; ".join(parts) + "."
    )
