"""Every possible cutoff: what it approves, how that repays, what it earns.

Takes counts per score point; gives a row per cutoff. Outcomes are those of loans that the old
policy booked: what rests on too few of them is marked as inferred.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from riskkit import metrics
from riskkit.chance import normal_interval
from riskkit.checks import check_level
from riskkit.strategy.economics import Economics, money_of

__all__ = ["cutoff_table", "rate_interval"]

COUNTED = ("applications", "booked", "good", "bad")


def cutoff_table(
    counts: pd.DataFrame,
    economics: Economics | None = None,
    *,
    max_never_booked: float = 0.2,
    level: float = 0.95,
) -> pd.DataFrame:
    """Approvals, bad rate and profit of every possible cutoff.

    profit = margin of the good − loss of the bad − cost of both, each loan's own
    (:func:`profit_sums`) or those of equal loans, over known outcomes: applications never booked,
    or not matured yet, add nothing. Whom the old policy never booked, nobody has
    seen repay; where they are more than `max_never_booked` of the approved, bad rate and profit
    say too little of the approved, and the row is marked `inferred`.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `applications`, `booked`, `good`, `bad`, from :func:`riskkit.metrics.score_counts`.
        Further columns (its `sums`) are summed at or above the cutoff under their own names; those
        of :func:`profit_sums` give the profit, and `unseen` says how many loans those without an
        outcome stand for (:func:`target.expected_loans`; by default one each).
    economics : Economics, optional
        Instead of these sums, where all loans are alike; per loan, in the unit that profit shall
        have.
    max_never_booked : float
        Largest share of the approved, in [0, 1], that may never have been booked in a row that is
        not inferred. At 0.2, a bad rate twice as high among them makes that of all the approved
        a fifth higher than the observed one. Those who took no offer count too.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame of shape (n_distinct_scores, 15 + further columns), index `cutoff` ascending
        At or above the cutoff: `applications` (approved), `approval_rate` (÷ all applications),
        `booked`, `never_booked_rate` (1 − booked ÷ approved), `good`, `bad`, `bad_rate` (bad ÷
        known outcomes, NaN where none is known) with its Jeffreys interval `bad_rate_low`,
        `bad_rate_high`; `expected_bad_rate` (bad, and the mean
        probability of those `unseen`, by the logistic line of known outcomes on the score, ÷ known
        outcomes and unseen; NaN where somebody is unseen and there is no such line, or no outcome
        is known);
        `share_of_booked_kept` (÷ all booked, NaN where none is booked), `profit_amount` in units of
        the currency with its interval `profit_low`, `profit_high`, over draws of as many loans of
        known outcome; `inferred` (bool). Empty counts give an empty table.

    Notes
    -----
    The expected bad rate lets those unseen repay like booked loans of their score. An old policy
    that knew more than the score declined worse ones, so it is rather a lower limit.

    Raises
    ------
    ValueError
        A column is missing or takes a name of this table, a score occurs twice,
        `max_never_booked` or `level` is out of range, or there are both sums of money and
        economics, or neither.

    Source
    ------
    Thomas, Edelman, Crook (2002), Credit Scoring and Its Applications; riskkit definition.

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
    money = money_of(counts, economics).sort_index(ascending=False).cumsum().sort_index()
    profit = money["margin"] - money["loss"] - money["cost"]
    least, most = normal_interval(profit, money["squares"], known.max(), level)
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
            "profit_amount": profit,
            "profit_low": least,
            "profit_high": most,
        }
    )
    table["inferred"] = table["never_booked_rate"] > max_never_booked
    further = [name for name in counts.columns if name not in COUNTED]
    taken = [name for name in further if name in table.columns]
    if taken:
        raise ValueError(f"counts must not carry columns named {taken}: the table has its own")
    table[further] = above[further]
    return table.rename_axis(index="cutoff")


def rate_interval(bad: pd.Series, known: pd.Series, level: float) -> tuple[Any, Any]:
    """Jeffreys interval of each bad rate, NaN where no outcome is known."""
    ends = metrics.jeffreys_interval(bad.to_numpy(float), known.to_numpy(float), level)
    low, high = (np.where(known > 0, end, np.nan) for end in ends)
    return low, high


def _expected_bad_rate(counts: pd.DataFrame) -> pd.Series:
    """Bad rate at or above each score if the unseen are as bad as their score."""
    down = counts.sort_index(ascending=False)
    score, good, bad = (v.to_numpy(float) for v in (down.index, down["good"], down["bad"]))
    known = good + bad
    unseen = (down["applications"] - known).to_numpy(float)
    if "unseen" in down:
        unseen = down["unseen"].to_numpy(float)
    weight = np.concatenate([good, bad])
    seen = weight > 0
    outcome = np.repeat([0.0, 1.0], len(down))
    line = metrics.logistic_line(np.tile(score, 2)[seen], outcome[seen], weight[seen])
    a, b = line or (np.nan, np.nan)
    probability = special.expit(a + b * score)
    guessed = np.where(unseen > 0, probability * unseen, 0.0).cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = (bad.cumsum() + guessed) / (known + unseen).cumsum()
    # where nothing is known yet, the line alone would speak
    expected[known.cumsum() == 0] = np.nan
    return pd.Series(expected, index=down.index).sort_index()
