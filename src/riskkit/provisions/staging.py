"""Which stage of IFRS 9 a loan is in: how much riskier it has become, and how late it is.

Takes the loans on the books with their default probabilities now and as expected at origination;
gives a stage each, with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.arrears import (
    DEFAULT_DPD,
)
from riskkit.checks import probability_array, same_rows

__all__ = ["CHARGED_OFF", "StageRules", "assign_stages"]

CHARGED_OFF = "charged off"
REASONS = (
    "not significantly riskier",
    "lifetime probability has risen",
    "past due beyond the backstop",
    "12-month probability beyond the backstop",
    "on probation after arrears",
    "on probation after default",
    "more than 90 days past due",
    CHARGED_OFF,
    "not yet cured",
)


@dataclass(frozen=True, kw_only=True)
class StageRules:
    """When a loan moves between the stages.

    Parameters
    ----------
    significant_ratio : float
        Stage 2 where the remaining-lifetime default probability is at least so many times that
        expected at origination for the same remaining months; at least 1.
    least_rise : float
        And has risen by at least so much.
    backstop_dpd : int
        Stage 2 whatever the probabilities where more than so many days past due.
    backstop_probability : float
        Stage 2 whatever was expected at origination from so high a default probability within 12
        months on; 1 is never.
    cure_months : int
        Months a loan stays in stage 3 after it was last more than 90 days past due.
    probation_months : int
        Months it stays in stage 2 after it left stage 3, or was last beyond `backstop_dpd`.

    Raises
    ------
    ValueError
        Names the rule and the value.

    Source
    ------
    IFRS 9, 5.5.3 to 5.5.11, B5.5.37 (90 days), 5.5.11 (30 days); ratio, cure, probation and the
    backstop of a probability are the lender's. Supervisors' reviews have used 20 %: to be verified.
    """

    significant_ratio: float = 2.0
    least_rise: float = 0.01
    backstop_dpd: int = 30
    backstop_probability: float = 1.0
    cure_months: int = 3
    probation_months: int = 3

    def __post_init__(self) -> None:
        if not self.significant_ratio >= 1:
            raise ValueError(f"significant_ratio must be >= 1, got {self.significant_ratio!r}")
        if not 0 <= self.least_rise < 1:
            raise ValueError(f"least_rise must lie in [0, 1), got {self.least_rise!r}")
        if not 0 <= self.backstop_dpd <= DEFAULT_DPD:
            raise ValueError(
                f"backstop_dpd must lie in 0..{DEFAULT_DPD}, got {self.backstop_dpd!r}"
            )
        if not 0 < self.backstop_probability <= 1:
            raise ValueError(
                f"backstop_probability must lie in (0, 1], got {self.backstop_probability!r}"
            )
        for name in ("cure_months", "probation_months"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)!r}")


def assign_stages(
    book: pd.DataFrame,
    probability_now: ArrayLike,
    probability_expected: ArrayLike,
    rules: StageRules | None = None,
    *,
    probability_12m: ArrayLike | None = None,
) -> pd.DataFrame:
    """Stage of each loan and why.

    Parameters
    ----------
    book : DataFrame
        `dpd`, `status`, `months_since_30`, `months_since_90`, from
        :func:`riskkit.arrears.book_at`.
    probability_now, probability_expected : array of shape (n_loans,)
        Of a default in the months that remain, as seen today and as expected at origination of a
        loan that would have come so far; NaN is no rise.
    rules : StageRules, optional
    probability_12m : array of shape (n_loans,), optional
        Of a default within 12 months; without it there is no backstop of a probability.

    Returns
    -------
    DataFrame, the index of `book`
        `stage` (1, 2, 3) and `reason`, the first that holds from the worst on.

    Raises
    ------
    ValueError
        Probabilities outside [0, 1], or rows that do not match.

    Source
    ------
    IFRS 9, 5.5.3 to 5.5.11.

    Examples
    --------
    >>> never = float("nan")
    >>> book = pd.DataFrame({"dpd": [0, 0, 31, 91], "status": "current",
    ...     "months_since_30": [never, never, 0, 0], "months_since_90": [never, never, never, 0]})
    >>> assign_stages(book, [0.02, 0.05, 0.3, 1], [0.02, 0.02, 0.02, 0.02])["stage"].tolist()
    [1, 2, 2, 3]
    """
    rules = rules or StageRules()
    same_rows(book=book, probability_now=probability_now, probability_expected=probability_expected)
    n = len(book)
    now = np.asarray(probability_now, dtype=float)
    expected = np.asarray(probability_expected, dtype=float)
    for name, values in (("probability_now", now), ("probability_expected", expected)):
        probability_array(np.nan_to_num(values), name, n)
    dpd = book["dpd"].to_numpy()
    charged_off = (book["status"] == "charged_off").to_numpy(dtype=bool)
    since_30 = book["months_since_30"].to_numpy(float)
    since_90 = book["months_since_90"].to_numpy(float)
    year = np.zeros(n) if probability_12m is None else np.asarray(probability_12m, dtype=float)
    same_rows(book=book, probability_12m=year)
    # a backstop of 1 is none, and a loan in default is in stage 3 already
    is_high = (year >= rules.backstop_probability) & (rules.backstop_probability < 1)
    risen = (now >= rules.significant_ratio * expected) & (now - expected >= rules.least_rise)
    with np.errstate(invalid="ignore"):
        tests = [
            charged_off,
            dpd > DEFAULT_DPD,
            (since_90 > 0) & (since_90 < rules.cure_months),
            (since_90 > 0) & (since_90 < rules.cure_months + rules.probation_months),
            dpd > rules.backstop_dpd,
            (since_30 > 0) & (since_30 < rules.probation_months),
            risen,
            is_high,
        ]
    reasons = [REASONS[place] for place in (7, 6, 8, 5, 2, 4, 1, 3)]
    return pd.DataFrame(
        {
            "stage": np.select(tests, [3, 3, 3, 2, 2, 2, 2, 2], default=1).astype(np.int64),
            "reason": np.select(tests, reasons, default=REASONS[0]),
        },
        index=book.index,
    )
