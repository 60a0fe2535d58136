"""What a score catches, from the riskiest loan on.

Takes score counts; gives the gains by group, the lift by share of applications, and the curves
ROC and CAP.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from riskkit.checks import Array, check_groups, warn
from riskkit.metrics.counts import COUNT_COLUMNS
from riskkit.metrics.outcomes import ascending, both_classes, goods_and_bads, require
from riskkit.metrics.sums import quantile_groups, ratio

__all__ = ["cap_curve_table", "gains_table", "lift_table", "roc_curve_table"]

LIFT_SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)


def gains_table(counts: pd.DataFrame, *, n_groups: int = 10) -> pd.DataFrame:
    """Bad rate, captured bads and lift by score group, from riskiest to safest.

    Groups hold about equal numbers of known outcomes and whole scores: ties are never split, so
    few distinct scores give fewer groups.

    Parameters
    ----------
    counts : DataFrame, index `score`
        From :func:`score_counts`.
    n_groups : int
        Groups aimed at.

    Returns
    -------
    DataFrame of shape (at most n_groups,), index `group` from 1, the riskiest
        `score_low`, `score_high` (both in the group), `applications`, `booked`, `good`, `bad`,
        `bad_rate` (bad ÷ known outcomes), `cum_bad_rate` (of this and all riskier groups),
        `captured_bad_rate` (share of all bads in this and all riskier groups), `lift` (bad rate ÷
        bad rate of all). A group without known outcomes has a NaN bad rate; no bads at all gives
        a NaN lift and captured rate.

    Raises
    ------
    ValueError
        `n_groups` is below 1 or a column is missing.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> from riskkit.metrics import score_counts
    >>> table = gains_table(score_counts([1, 2, 2, 3], [1, 1, 0, 0]), n_groups=2)
    >>> table[["score_low", "score_high", "bad_rate", "captured_bad_rate", "lift"]].round(3)
    ... # doctest: +NORMALIZE_WHITESPACE
           score_low  score_high  bad_rate  captured_bad_rate   lift
    group
    1              1           1     1.000                0.5  2.000
    2              2           3     0.333                1.0  0.667
    """
    check_groups(n_groups)
    require(counts, COUNT_COLUMNS)
    score, good, bad = goods_and_bads(counts)
    known = good + bad
    size = known if known.sum() > 0 else ascending(counts)["applications"].to_numpy(dtype=float)
    by_group = (
        ascending(counts)[list(COUNT_COLUMNS)]
        .assign(score_low=score, score_high=score)
        .groupby(quantile_groups(size, n_groups))
    )
    table = by_group.agg(
        {"score_low": "min", "score_high": "max"} | dict.fromkeys(COUNT_COLUMNS, "sum")
    )
    table.index = pd.RangeIndex(1, len(table) + 1, name="group")
    bads, goods = table["bad"].to_numpy(float), table["good"].to_numpy(float)
    table["bad_rate"] = ratio(bads, bads + goods)
    table["cum_bad_rate"] = ratio(bads.cumsum(), (bads + goods).cumsum())
    table["captured_bad_rate"] = ratio(bads.cumsum(), bads.sum())
    table["lift"] = ratio(table["bad_rate"].to_numpy(), ratio(bads.sum(), known.sum()))
    return table


def roc_curve_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Share of goods and of bads at or below each distinct score, for ROC and KS plots.

    The ROC curve is `bad_share` over `good_share`; the trapezoids under it sum to the AUC. KS is
    the largest `bad_share` − `good_share`.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`.

    Returns
    -------
    DataFrame of shape (n_distinct_scores + 1, 3)
        `score` (float, ascending, starting with −inf, where both shares are 0), `good_share`,
        `bad_share` (fractions). A share is NaN, with a warning, where its class is empty.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> from riskkit.metrics import score_counts
    >>> roc_curve_table(score_counts([1, 2, 2, 3], [1, 1, 0, 0]))
       score  good_share  bad_share
    0   -inf         0.0        0.0
    1    1.0         0.0        0.5
    2    2.0         0.5        1.0
    3    3.0         1.0        1.0
    """
    score, good, bad = goods_and_bads(counts)
    both_classes(good, bad, "the ROC curve")
    return pd.DataFrame(
        {
            "score": np.concatenate(([-np.inf], score.astype(float))),
            "good_share": ratio(_from_zero(good), good.sum()),
            "bad_share": ratio(_from_zero(bad), bad.sum()),
        }
    )


def cap_curve_table(counts: pd.DataFrame) -> pd.DataFrame:
    """Share of bads among the riskiest loans, for the cumulative accuracy profile.

    The curve is `bad_share` over `loan_share`. Chance is the diagonal; the perfect curve rises
    straight to 1 at a loan share equal to the bad rate. The area between curve and diagonal, over
    that of the perfect curve, is the Gini: (2·area − 1) ÷ (1 − bad rate).

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad`, from :func:`score_counts`.

    Returns
    -------
    DataFrame of shape (n_distinct_scores + 1, 3)
        `score` (float, ascending, starting with −inf, where both shares are 0), `loan_share` (of
        the loans of known outcome, those at or below the score), `bad_share` (fractions). No bads,
        or no goods, give a warning, and a share is NaN where nothing is to be shared.

    Source
    ------
    Engelmann, Hayden, Tasche (2003), Risk 16(1).

    Examples
    --------
    >>> from riskkit.metrics import score_counts
    >>> cap_curve_table(score_counts([1, 2, 2, 3], [1, 1, 0, 0]))
       score  loan_share  bad_share
    0   -inf        0.00        0.0
    1    1.0        0.25        0.5
    2    2.0        0.75        1.0
    3    3.0        1.00        1.0
    """
    score, good, bad = goods_and_bads(counts)
    both_classes(good, bad, "the CAP curve")
    loans = good + bad
    return pd.DataFrame(
        {
            "score": np.concatenate(([-np.inf], score.astype(float))),
            "loan_share": ratio(_from_zero(loans), loans.sum()),
            "bad_share": ratio(_from_zero(bad), bad.sum()),
        }
    )


def lift_table(counts: pd.DataFrame, *, shares: Sequence[float] = LIFT_SHARES) -> pd.DataFrame:
    """Bad rate and captured bads in the riskiest 1 %, 5 %, … of the applications.

    Lift = bad rate in the riskiest share ÷ bad rate of all, both over known outcomes. A score that
    a share cuts in two counts in proportion, so that the share is exact.

    Parameters
    ----------
    counts : DataFrame, index `score`
        From :func:`score_counts`.
    shares : sequence of float
        Fractions of all applications, in (0, 1].

    Returns
    -------
    DataFrame, index `application_share`, in the order of `shares`
        `score` (the lowest at and below which the share is reached), `applications`, `good`, `bad`
        (fractional where a score is cut), `bad_rate`, `captured_bad_rate` (share of all bads),
        `lift`. NaN where there is no known outcome, or for the last two no bad; all NaN, with a
        warning, without applications.

    Raises
    ------
    ValueError
        A share is outside (0, 1], or a column is missing.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> from riskkit.metrics import score_counts
    >>> counts = score_counts([1, 2, 2, 3, 3], [1, 1, 0, 0, 0])
    >>> lift_table(counts, shares=[0.2, 0.4])[["score", "bad", "captured_bad_rate", "lift"]]
    ... # doctest: +NORMALIZE_WHITESPACE
                       score  bad  captured_bad_rate   lift
    application_share
    0.2                  1.0  1.0               0.50  2.500
    0.4                  2.0  1.5               0.75  1.875
    """
    part = np.asarray(shares, dtype=float)
    if not ((part > 0) & (part <= 1)).all():
        raise ValueError(f"shares must lie in (0, 1], got {list(shares)}")
    require(counts, COUNT_COLUMNS)
    score, good, bad = goods_and_bads(counts)
    reached = _from_zero(ascending(counts)["applications"].to_numpy(dtype=float))
    if not reached[-1] > 0:
        warn("lift is undefined: no applications")
        reached = np.array([0.0, np.nan])
        score, good, bad = (np.array([np.nan]) for _ in range(3))
    target = part * reached[-1]
    goods, bads = (np.interp(target, reached, _from_zero(cells)) for cells in (good, bad))
    # 0.07 · 100 is a little more than 7
    place = np.searchsorted(reached[1:], target * (1 - 1e-12))
    rate = ratio(bads, goods + bads)
    return pd.DataFrame(
        {
            "score": score.astype(float)[np.minimum(place, len(score) - 1)],
            "applications": target,
            "good": goods,
            "bad": bads,
            "bad_rate": rate,
            "captured_bad_rate": ratio(bads, bad.sum()),
            "lift": ratio(rate, ratio(bad.sum(), (good + bad).sum())),
        },
        index=pd.Index(part, name="application_share"),
    )


def _from_zero(cells: Array) -> Array:
    """Running total, starting with 0 before the first cell."""
    return np.concatenate(([0.0], cells.cumsum()))
