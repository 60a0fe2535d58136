"""Every possible cutoff: what it approves, how that repays, what it earns.

Takes counts per score point; gives a row per cutoff. Outcomes are those of loans that the old
policy booked: what rests on too few of them is marked as inferred.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from riskkit import metrics
from riskkit.checks import check_level

__all__ = ["Economics", "cutoff_table", "profit_amount", "rate_interval"]

COUNTED = ("applications", "booked", "good", "bad")


@dataclass(frozen=True)
class Economics:
    """What an average loan brings or costs, all in one unit of money, none negative.

    Parameters
    ----------
    margin_amount : float
        Earned on a good loan over its life, after funding, before the cost per loan.
    loss_amount : float
        Lost on a bad loan, after recoveries.
    cost_amount : float
        Spent on every approved loan: acquisition, bureau, servicing.

    Examples
    --------
    >>> Economics(margin_amount=60, loss_amount=600, cost_amount=5)
    Economics(margin_amount=60, loss_amount=600, cost_amount=5)
    """

    margin_amount: float
    loss_amount: float
    cost_amount: float

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{each.name} must be finite and >= 0, got {value!r}")


def cutoff_table(
    counts: pd.DataFrame,
    economics: Economics,
    *,
    max_never_booked: float = 0.2,
    level: float = 0.95,
) -> pd.DataFrame:
    """Approvals, bad rate and profit of every possible cutoff.

    profit = good × margin − bad × loss − (good + bad) × cost, over known outcomes: applications
    never booked, or not matured yet, add nothing. Whom the old policy never booked, nobody has
    seen repay; where they are more than `max_never_booked` of the approved, bad rate and profit
    say too little of the approved, and the row is marked `inferred`.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `applications`, `booked`, `good`, `bad`, from :func:`riskkit.metrics.score_counts`.
        Further columns (its `sums`) are summed at or above the cutoff under their own names.
    economics : Economics
        Per loan, in the unit that profit shall have.
    max_never_booked : float
        Largest share of the approved, in [0, 1], that may never have been booked in a row that is
        not inferred. At 0.2, a bad rate twice as high among them makes that of all the approved
        a fifth higher than the observed one. Those who took no offer count too.
    level : float
        Confidence level of the bad rate's interval, in (0, 1).

    Returns
    -------
    DataFrame of shape (n_distinct_scores, 13 + further columns), index `cutoff` ascending
        At or above the cutoff: `applications` (approved), `approval_rate` (÷ all applications),
        `booked`, `never_booked_rate` (1 − booked ÷ approved), `good`, `bad`, `bad_rate` (bad ÷
        known outcomes, NaN where none is known) with its Jeffreys interval `bad_rate_low`,
        `bad_rate_high`; `expected_bad_rate` of all the approved (bad_rate × their mean probability
        ÷ that of the known outcomes, by the logistic line of known outcomes on the score; NaN
        where somebody lacks an outcome and there is no such line, or no outcome is known);
        `share_of_booked_kept` (÷ all booked, NaN where none is booked), `profit_amount`,
        `inferred` (bool). Empty counts give an empty table.

    Notes
    -----
    The expected bad rate lets those never booked repay like booked loans of their score. An old
    policy that knew more than the score declined worse ones, so it is rather a lower limit.

    Raises
    ------
    ValueError
        A column is missing or takes a name of this table, a score occurs twice, or
        `max_never_booked` or `level` is out of range.

    Source
    ------
    Thomas, Edelman, Crook (2002), Credit Scoring and Its Applications; Cochran (1977), Sampling
    Techniques, chapter 6, for the expected bad rate, a ratio estimate; riskkit definition.

    Examples
    --------
    >>> bands = pd.DataFrame(
    ...     {"good": [200, 300, 500], "bad": [40, 20, 10]}, index=pd.Index([1, 2, 3], name="score")
    ... )
    >>> bands["applications"] = bands["booked"] = bands["good"] + bands["bad"]
    >>> table = cutoff_table(bands, Economics(60, 600, 5))
    >>> table[["applications", "share_of_booked_kept", "bad_rate", "profit_amount"]].round(4)
    ... # doctest: +NORMALIZE_WHITESPACE
            applications  share_of_booked_kept  bad_rate  profit_amount
    cutoff
    1               1070                1.0000    0.0654          12650
    2                830                0.7757    0.0361          25850
    3                510                0.4766    0.0196          21450
    """
    if not 0 <= max_never_booked <= 1:
        raise ValueError(f"max_never_booked must lie in [0, 1], got {max_never_booked!r}")
    check_level(level)
    missing = [name for name in COUNTED if name not in counts.columns]
    if missing:
        raise ValueError(f"counts lack {missing}, they have {list(counts.columns)}")
    if not counts.index.is_unique:
        raise ValueError("counts must have one row a score, got duplicates; see add_counts")

    # pandas sums ascending, approvals add up from the safest score down
    above = counts.sort_index(ascending=False).cumsum().sort_index()
    known = above["good"] + above["bad"]
    low, high = rate_interval(above["bad"], known, level)
    # not counts.sum(): under weights the two may differ in the last bit, and the rate must end at 1
    total = above.max()
    table = pd.DataFrame(
        {
            "applications": above["applications"],
            "approval_rate": above["applications"] / total["applications"],
            "booked": above["booked"],
            "never_booked_rate": 1 - above["booked"] / above["applications"],
            "good": above["good"],
            "bad": above["bad"],
            "bad_rate": above["bad"] / known,
            "bad_rate_low": low,
            "bad_rate_high": high,
            "expected_bad_rate": _expected_bad_rate(counts),
            "share_of_booked_kept": above["booked"] / total["booked"],
            "profit_amount": profit_amount(above["good"], above["bad"], economics),
        }
    )
    table["inferred"] = table["never_booked_rate"] > max_never_booked
    further = [name for name in counts.columns if name not in COUNTED]
    taken = [name for name in further if name in table.columns]
    if taken:
        raise ValueError(f"counts must not carry columns named {taken}: the table has its own")
    table[further] = above[further]
    return table.rename_axis(index="cutoff")


def profit_amount(good: Any, bad: Any, economics: Economics) -> Any:
    """What so many good and bad loans earn, in the unit of the economics."""
    known = good + bad
    earned = good * economics.margin_amount - bad * economics.loss_amount
    return earned - known * economics.cost_amount


def rate_interval(bad: pd.Series, known: pd.Series, level: float) -> tuple[Any, Any]:
    """Jeffreys interval of each bad rate, NaN where no outcome is known."""
    ends = metrics.jeffreys_interval(bad.to_numpy(float), known.to_numpy(float), level)
    low, high = (np.where(known > 0, end, np.nan) for end in ends)
    return low, high


def _expected_bad_rate(counts: pd.DataFrame) -> pd.Series:
    """Bad rate at or above each score if those without an outcome are as bad as their score."""
    down = counts.sort_index(ascending=False)
    score, good, bad = (v.to_numpy(float) for v in (down.index, down["good"], down["bad"]))
    everybody, known = down["applications"].to_numpy(float), good + bad
    weight = np.concatenate([good, bad])
    seen = weight > 0
    outcome = np.repeat([0.0, 1.0], len(down))
    line = metrics.logistic_line(np.tile(score, 2)[seen], outcome[seen], weight[seen])
    a, b = line or (np.nan, np.nan)
    probability = expit(a + b * score)
    with np.errstate(invalid="ignore", divide="ignore"):  # nothing known yet is NaN
        bad_rate = bad.cumsum() / known.cumsum()
        of_all = (probability * everybody).cumsum() / everybody.cumsum()
        of_known = (probability * known).cumsum() / known.cumsum()
    complete = everybody.cumsum() == known.cumsum()
    expected = np.where(complete, bad_rate, bad_rate * of_all / of_known)
    return pd.Series(expected, index=down.index).sort_index()
