"""How far today's policy lies from the frontier, and what a better model is worth in money.

Takes drawn curves of two models; gives paired differences of profit.
Every figure is expected of all the approved: known loans by how they turned out, those never booked
as known loans of their scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from riskkit.checks import check_level
from riskkit.frontier.curves import Curve, Curves, ratio
from riskkit.frontier.efficient import quantiles
from riskkit.frontier.goals import normal_ends

__all__ = [
    "gini_worth",
    "model_worth",
    "policy_gap",
]

COMPARED = ("equal approval", "equal bad rate", "best cutoff")


def policy_gap(
    curves: Curves,
    cutoffs: Mapping[str, float],
    *,
    uplifts: Sequence[float] = (1.0, 2.0),
    level: float = 0.95,
) -> pd.DataFrame:
    """What each model's frontier would earn more than today's policy, paired.

    At equal approval, between two cutoffs drawn by lot where none approves just as many; at equal
    expected bad rate, at the lowest cutoff that keeps today's; and at the cutoff given.

    Parameters
    ----------
    curves : Curves
    cutoffs : mapping of model to float
        Of :func:`best_cutoffs` on other loans.
    uplifts : sequence of float
        Of those drawn: how many times the odds of bad of known loans of their scores those unseen
        have, for the old policy knew why it declined them.
    level : float
        Of all intervals of an uplift together (Bonferroni).

    Returns
    -------
    DataFrame, index (uplift, model, comparison)
        `approval_rate`, `bad_rate` (the frontier's), `today_approval_rate`, `today_bad_rate`,
        `gain_amount` with `gain_low`, `gain_high`, `gain_per_application`, `bad` (known bads). At
        equal approval and bad rate only where somebody was declined; a bad rate that no cutoff
        keeps is a row of NaN.

    Raises
    ------
    ValueError
        A cutoff is missing, an uplift was not drawn, or `level` is out of range.

    Source
    ------
    riskkit definition; Efron, Tibshirani (1993) for the paired bootstrap.
    """
    check_level(level)
    _need(curves, cutoffs)
    comparisons = COMPARED[2:] if curves.everybody_approved else COMPARED
    each = 1 - (1 - level) / (len(comparisons) * len(curves.points))
    rows = {}
    for uplift in uplifts:
        today = curves.policy(uplift)
        for model in curves.points:
            curve = curves.curve(model, uplift)
            for comparison in comparisons:
                asked = {name: today[name] for name in ("approval_rate", "bad_rate")}
                at = _point(curve, comparison, cutoff=cutoffs[model], **asked)
                told = normal_ends(at["profit"] - today["profit"], "gain", each)
                rows[uplift, model, comparison] = {
                    "approval_rate": at["approval_rate"][0],
                    "bad_rate": at["bad_rate"][0],
                    "today_approval_rate": today["approval_rate"][0],
                    "today_bad_rate": today["bad_rate"][0],
                    **told,
                    "gain_per_application": told["gain_amount"] / curves.n_applications,
                    "bad": curves.n_bad,
                }
    index = pd.MultiIndex.from_tuples(rows, names=["uplift", "model", "comparison"])
    return pd.DataFrame(list(rows.values()), index=index)


def model_worth(
    curves: Curves, cutoffs: Mapping[str, float], *, level: float = 0.95
) -> pd.DataFrame:
    """What the second model would earn more than the first, paired.

    Equal approval is today's, or that of the first model's cutoff where everybody was approved;
    equal bad rate is the first model's expected one there.

    Parameters
    ----------
    curves : Curves
        Of two models, the simpler first.
    cutoffs : mapping of model to float
        Of :func:`best_cutoffs` on other loans.
    level : float
        Of the three intervals together (Bonferroni).

    Returns
    -------
    DataFrame, index comparison
        For each model `<model>_approval_rate`, `<model>_bad_rate` (expected); `worth_amount` of the
        second less the first with `worth_low`, `worth_high`, `worth_per_application`; `bad`.

    Raises
    ------
    ValueError
        Not two models, a cutoff is missing, or `level` is out of range.

    Source
    ------
    riskkit definition; Efron, Tibshirani (1993) for the paired bootstrap.
    """
    check_level(level)
    _need(curves, cutoffs)
    if len(curves.points) != 2:
        raise ValueError(f"model_worth needs two models, got {list(curves.points)}")
    first, second = curves.points
    each = 1 - (1 - level) / len(COMPARED)
    asked = np.full(len(curves.today_rate), reference_approval(curves, cutoffs))
    curve, other_curve = curves.curve(first), curves.curve(second)
    same = _point(curve, COMPARED[0], asked, asked, cutoffs[first])
    rows = {}
    for comparison in COMPARED:
        place = {"approval_rate": asked, "bad_rate": same["bad_rate"]}
        # at equal bad rate the first stands where it is
        one = same
        if comparison == COMPARED[2]:
            one = _point(curve, comparison, cutoff=cutoffs[first], **place)
        other = _point(other_curve, comparison, cutoff=cutoffs[second], **place)
        told = normal_ends(other["profit"] - one["profit"], "worth", each)
        rows[comparison] = {
            f"{first}_approval_rate": one["approval_rate"][0],
            f"{second}_approval_rate": other["approval_rate"][0],
            f"{first}_bad_rate": one["bad_rate"][0],
            f"{second}_bad_rate": other["bad_rate"][0],
            **told,
            "worth_per_application": told["worth_amount"] / curves.n_applications,
            "bad": curves.n_bad,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("comparison")


def gini_worth(
    curves: Curves, cutoffs: Mapping[str, float], *, level: float = 0.95
) -> pd.DataFrame:
    """What one point of Gini earns at equal approval, by mixing each score with a lottery.

    A share q of the applicants, drawn by lot, gets the score of somebody drawn by lot: the Gini
    falls to (1 − q) of itself, and the profit at an approval rate a to (1 − q) of itself plus q
    times that of a lottery that approves a. So a point of Gini is worth (profit − profit of the
    lottery) ÷ Gini points, at every q.

    Parameters
    ----------
    curves, cutoffs
        As in :func:`model_worth`; equal approval as there.
    level : float
        Of all intervals of worth together (Bonferroni).

    Returns
    -------
    DataFrame, index method ("<model> against a lottery", "between the models")
        `gini` (a fraction, expected of all the approved and declined; between the models their
        difference), `gini_low`, `gini_high`; `approval_rate`; `point_amount` (0.01 of Gini) with
        `point_low`, `point_high`, `point_per_application`. Between the models, where there are
        two, what the second earns more over its Gini points more: NaN where the interval of these
        holds 0.

    Raises
    ------
    ValueError
        A cutoff is missing, or `level` is out of range.

    Source
    ------
    riskkit definition; the Gini of a mixture with chance: Thomas, Edelman, Crook (2002), section 7.
    """
    check_level(level)
    _need(curves, cutoffs)
    rate = reference_approval(curves, cutoffs)
    asked = np.full(len(curves.today_rate), rate)
    ginis, profits, gains = {}, {}, {}
    for model in curves.points:
        curve = curves.curve(model)
        ginis[model] = _gini(curve)
        profits[model] = curve.at_approval(curve.expected_profit, asked)
        gains[model] = profits[model] - rate * curve.expected_profit[:, -1]
    methods = {f"{model} against a lottery": (ginis[model], gains[model]) for model in ginis}
    for first, second in pairwise(ginis):
        apart = ginis[second] - ginis[first], profits[second] - profits[first]
        methods["between the models"] = apart
    each = 1 - (1 - level) / len(methods)
    rows = {}
    for method, (gini, gain) in methods.items():
        low, high = quantiles(gini[:, None], level)
        is_told = low[0] > 0 or high[0] < 0
        point = np.where(is_told, gain / np.where(gini != 0, 100 * gini, np.nan), np.nan)
        told = normal_ends(point, "point", each)
        rows[method] = {
            "gini": gini[0],
            "gini_low": low[0],
            "gini_high": high[0],
            "approval_rate": rate,
            **told,
            "point_per_application": told["point_amount"] / curves.n_applications,
            "bad": curves.n_bad,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def reference_approval(curves: Curves, cutoffs: Mapping[str, float]) -> float:
    """Today's approval rate, or that of the first model's cutoff where everybody was approved."""
    if not curves.everybody_approved:
        return float(curves.today_rate[0])
    first = next(iter(curves.points))
    curve = curves.curve(first)
    return float(curve.approval_rate[0, max(curve.place(cutoffs[first]), 0)])


def _point(
    curve: Curve,
    comparison: str,
    approval_rate: np.ndarray,
    bad_rate: np.ndarray,
    cutoff: float,
) -> dict[str, np.ndarray]:
    """Approval rate, expected bad rate and profit of each draw at a place of the frontier."""
    rows = np.arange(len(curve.profit))
    if comparison == COMPARED[0]:
        bad, loans, profit = (
            curve.at_approval(values, approval_rate)
            for values in (curve.expected_bad, curve.loans, curve.expected_profit)
        )
        return {"approval_rate": approval_rate, "bad_rate": ratio(bad, loans), "profit": profit}
    if comparison == COMPARED[1]:
        place = curve.within_bad_rate(bad_rate)
    else:
        place = np.full(len(rows), curve.place(cutoff))
    nobody = place < 0
    found = {
        "approval_rate": curve.approval_rate,
        "bad_rate": curve.expected_bad_rate,
        "profit": curve.expected_profit,
    }
    # a cutoff above all scores approves nobody and earns nothing; a bad rate not kept is not met
    none = {"approval_rate": 0.0, "bad_rate": np.nan, "profit": 0.0}
    if comparison == COMPARED[1]:
        none = dict.fromkeys(none, np.nan)
    return {
        name: np.where(nobody, none[name], values[rows, place]) for name, values in found.items()
    }


def _gini(curve: Curve) -> np.ndarray:
    """Gini of each draw, of known loans and those unseen; NaN without goods or bads."""
    bad = np.diff(curve.expected_bad, axis=1, prepend=0.0)
    good = np.diff(curve.loans - curve.expected_bad, axis=1, prepend=0.0)
    # a pair is won where the good lies above the bad, half where they tie
    above = good.cumsum(axis=1) - good / 2
    pairs = good.sum(axis=1) * bad.sum(axis=1)
    found: np.ndarray = 2 * (above * bad).sum(axis=1) / np.where(pairs > 0, pairs, np.nan) - 1
    return found


def _need(curves: Curves, cutoffs: Mapping[str, float]) -> None:
    missing = [model for model in curves.points if model not in cutoffs]
    if missing:
        raise ValueError(f"cutoffs lack {missing}, they have {list(cutoffs)}")
    if not all(np.isfinite(cutoffs[model]) for model in curves.points):
        raise ValueError(f"cutoffs must be finite, got {dict(cutoffs)}")
