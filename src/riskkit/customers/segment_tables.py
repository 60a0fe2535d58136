"""What sets segments apart, in a table a marketer can read.

Takes a :class:`Segmentation` and applications; gives a row a segment, in words and figures.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.checks import Array, check_level, require_columns
from riskkit.customers.segments import SCORE, Segmentation, rate_interval

__all__ = ["segment_table"]

FEWEST_BAD = 30
LEAST_APART = 0.2  # standard deviations
MOST_ALIKE = 0.7  # correlation from which two columns say one thing


def segment_table(
    segmentation: Segmentation,
    applications: pd.DataFrame,
    *,
    n_features: int = 4,
    level: float = 0.95,
) -> pd.DataFrame:
    """Each segment in words and figures.

    Parameters
    ----------
    segmentation : Segmentation
    applications : DataFrame of shape (n_rows,)
        The segmentation's columns, approved, booked, default_flag (missing where unknown), and
        booked_amount or amount (fen).
    n_features : int
        So many columns at most say what sets a segment apart: those whose normal scores differ most
        from the others', by at least 0.2 standard deviations, none that goes with one already named
        (a correlation above 0.7).
    level : float
        Confidence level of the bad rate's interval, in (0, 1).

    Returns
    -------
    DataFrame, index segment
        apart (words: the median of the segment and of all others, or the share without a value),
        applicants, share, approval_rate, take_up_rate (booked ÷ approved), loans (of known
        outcome), bad, bad_rate, bad_low, bad_high (Jeffreys), too_few (fewer than 30 bads:
        go by the interval), average_ticket_amount (of the booked, units of the currency),
        median_score.

    Raises
    ------
    DataContractError
        A column is missing.

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    require_columns(applications, ["approved", "booked", "default_flag"], "applications")
    segment = segmentation.assign(applications).to_numpy()
    coded = segmentation.coded(applications)
    lent = applications["booked_amount" if "booked_amount" in applications else "amount"]
    rows = {}
    for number in range(1, segmentation.k + 1):
        here = segment == number
        part = applications[here]
        known = part["default_flag"].dropna()
        n, bad = len(known), float(known.sum())
        low, high = rate_interval(bad, n, level)
        rows[number] = {
            "apart": _apart(segmentation, applications, coded, here, n_features),
            "applicants": int(here.sum()),
            "share": here.mean(),
            "approval_rate": part["approved"].mean(),
            "take_up_rate": part["booked"].sum() / max(part["approved"].sum(), 1),
            "loans": n,
            "bad": int(bad),
            "bad_rate": bad / n if n else np.nan,
            "bad_low": low,
            "bad_high": high,
            "too_few": bad < FEWEST_BAD,
            "average_ticket_amount": lent[here & applications["booked"].to_numpy()].mean() / 100,
            "median_score": part[SCORE].median(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("segment")


def _apart(
    segmentation: Segmentation, X: pd.DataFrame, coded: Array, here: Array, most: int
) -> str:
    """What sets the rows apart from all others, in words."""
    if here.all() or not here.any():
        return ""
    gap = coded[here].mean(axis=0) - coded[~here].mean(axis=0)
    order = np.argsort(-np.abs(gap), kind="stable")
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.nan_to_num(np.abs(np.corrcoef(coded, rowvar=False)))
    named: list[int] = []
    for place in order:
        if len(named) == most or abs(gap[place]) < LEAST_APART:
            break
        if not any(alike[place, other] > MOST_ALIKE for other in named):
            named.append(int(place))
    return "; ".join(_difference(segmentation, X, here, place) for place in named)


def _difference(segmentation: Segmentation, X: pd.DataFrame, here: Array, place: int) -> str:
    n_columns = len(segmentation.columns)
    if place >= n_columns:
        mark = segmentation.marks[place - n_columns]
        flags = mark.flags(X)
        return f"{mark.label}: {flags[here].mean():.0%}, others {flags[~here].mean():.0%}"
    column = segmentation.columns[place]
    known = column.known(X[column.name])
    own, others = known[here].median(), known[~here].median()
    if own == others:  # counts whose medians are equal
        own, others = known[here].mean(), known[~here].mean()
        own_text = f"{_value(own, column.unit)} on average"
    else:
        own_text = _value(own, column.unit)
    return f"{column.label} {own_text}, others {_value(others, column.unit)}"


def _value(value: float, unit: str) -> str:
    if np.isnan(value):
        return "not known"
    if unit == "fraction":
        return f"{value:.0%}"
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:,.2g}"
