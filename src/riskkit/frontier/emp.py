"""Expected maximum profit: what a score could earn at most, when the loss given default is unsure.

Takes counts of goods and bads per score point; gives the profit, and the share it would decline.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import optimize

from riskkit.checks import check_level, numeric_array
from riskkit.frontier.curves import Curves

__all__ = ["EMP_LEVELS", "emp_table", "expected_maximum_profit"]

# Verbraken et al. (2014), section 4: estimated on consumer loans of a European bank
EMP_LEVELS = {"p0": 0.55, "p1": 0.1, "roi": 0.2644}
_LEVELS_TOLD = {
    "p0": "nothing is lost on so many bads",
    "p1": "all is lost on so many bads",
}


def expected_maximum_profit(
    counts: pd.DataFrame, p0: float = 0.55, p1: float = 0.1, roi: float = 0.2644
) -> pd.Series:
    """Greatest profit over granting to all, per applicant and unit lent, and whom it declines.

    EMP = ∫ max_t [λ π_bad F_bad(t) − roi π_good F_good(t)] h(λ) dλ, with F the share of the bads
    (goods) declined at t. The fraction λ of a bad loan that is lost is 0 with probability `p0`, 1
    with probability `p1`, and else uniform between. The best t lies on the convex hull of the ROC
    curve: a stretch of it with g goods and b bads is declined where λ > roi · g / b, so the
    integral is a sum over its stretches, exact.

    Parameters
    ----------
    counts : DataFrame, index `score`, higher is safer
        `good` and `bad` per score point, any order, weights allowed: which class is bad is said
        by the columns' names. Of :func:`riskkit.metrics.score_counts`.
    p0, p1 : float
        Probabilities that nothing, and that all, of a bad loan is lost; p0 + p1 ≤ 1.
    roi : float
        Earned on a good loan, a fraction of its amount, ≥ 0.

    Returns
    -------
    Series
        `emp` (per applicant of known outcome, a fraction of the amount lent), `declined_rate`
        (expected share of those declined), `cutoff` (the score whose declined share comes nearest;
        of equally near ones the lowest). NaN where nobody's outcome is known.

    Raises
    ------
    ValueError
        A column is missing, a count is negative or not finite, a score occurs twice, or a level is
        out of range.

    Notes
    -----
    Without any bad, or where no stretch is worth declining, EMP and the declined share are 0.

    Source
    ------
    Verbraken, Bravo, Weber, Baesens (2014), Development and application of consumer credit scoring
    models using profit-based classification measures, EJOR 238(2). The hull as isotonic
    regression: Fawcett, Niculescu-Mizil (2007), Machine Learning 68.

    Examples
    --------
    >>> perfect = pd.DataFrame({"good": [0, 50], "bad": [50, 0]}, index=[500, 600])
    >>> expected_maximum_profit(perfect).round(4).to_dict()
    {'emp': 0.1375, 'declined_rate': 0.225, 'cutoff': 500.0}
    """
    missing = [name for name in ("good", "bad") if name not in counts]
    if missing:
        raise ValueError(f"counts lack {missing}, they have {list(counts.columns)}")
    points = numeric_array(counts.index, "score")
    if not np.isfinite(points.astype(float)).all():
        raise ValueError("score must be finite in every row of the counts")
    if not counts.index.is_unique:
        raise ValueError("counts must have one row a score, got duplicates; see add_counts")
    _check_levels(p0, p1, roi)
    ordered = counts.sort_index()
    good, bad = (ordered[name].to_numpy(dtype=float) for name in ("good", "bad"))
    for name, values in (("good", good), ("bad", bad)):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError(f"{name} must be finite and >= 0 at every score")
    emp, declined = _expected(good, bad, p0, p1, roi)
    cutoff = _cutoffs(ordered.index.to_numpy(dtype=float), good + bad, declined)
    return pd.Series({"emp": emp, "declined_rate": declined, "cutoff": cutoff}, dtype=float)


def emp_table(
    curves: Curves,
    *,
    p0: float = 0.55,
    p1: float = 0.1,
    roi: float = 0.2644,
    level: float = 0.95,
) -> pd.DataFrame:
    """Expected maximum profit of each model, and of the second less the first, with intervals.

    Parameters
    ----------
    curves : Curves
        Of :func:`draw_curves`.
    p0, p1, roi
        As in :func:`expected_maximum_profit`.
    level : float
        Confidence level, in (0, 1): between quantiles over draws, the same for both models.

    Returns
    -------
    DataFrame, index model
        `emp`, `declined_rate` and `cutoff`, each with `_low` and `_high`; a last row "<second> less
        <first>" of the paired differences, its cutoffs missing: two scales. `bad`, the known bads.

    Raises
    ------
    ValueError
        A level is out of range.

    Source
    ------
    As :func:`expected_maximum_profit`; the interval by a Poisson bootstrap of the applications.
    """
    _check_levels(p0, p1, roi)
    check_level(level)
    drawn = {model: emp_draws(curves, model, p0=p0, p1=p1, roi=roi) for model in curves.points}
    if len(drawn) == 2:
        first, second = drawn
        gap = drawn[second] - drawn[first]
        gap[:, 2] = np.nan
        drawn[f"{second} less {first}"] = gap
    ends = [0.5 - level / 2, 0.5 + level / 2]
    rows = {}
    for name, values in drawn.items():
        row: dict[str, float] = {}
        for place, figure in enumerate(("emp", "declined_rate", "cutoff")):
            of_draws = values[1:, place]
            known = of_draws[~np.isnan(of_draws)]
            low, high = np.quantile(known, ends) if len(known) else (np.nan, np.nan)
            row |= {figure: values[0, place], f"{figure}_low": low, f"{figure}_high": high}
        rows[name] = row | {"bad": float(curves.n_bad)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def emp_draws(curves: Curves, model: str, *, p0: float, p1: float, roi: float) -> np.ndarray:
    """EMP, declined share and cutoff (columns) of the applications as they are and of each draw."""
    points = curves.points[model]
    goods, bads = (curves.sums[model][name] for name in ("good", "bad"))
    found = np.empty((len(goods), 3))
    for row, (good, bad) in enumerate(zip(goods, bads, strict=True)):
        emp, declined = _expected(good, bad, p0, p1, roi)
        found[row] = emp, declined, _cutoffs(points, good + bad, declined)
    return found


def _check_levels(p0: float, p1: float, roi: float) -> None:
    for name, value in (("p0", p0), ("p1", p1)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} ({_LEVELS_TOLD[name]}) must lie in [0, 1], got {value!r}")
    if p0 + p1 > 1 + 1e-12:
        raise ValueError(f"p0 + p1 must be at most 1, got {p0!r} + {p1!r}")
    if not (np.isfinite(roi) and roi >= 0):
        raise ValueError(f"roi must be finite and >= 0, got {roi!r}")


def _expected(
    good: np.ndarray, bad: np.ndarray, p0: float, p1: float, roi: float
) -> tuple[float, float]:
    """EMP and declined share of counts from the riskiest score up."""
    n = good + bad
    seen = n > 0
    if not seen.any():
        return np.nan, np.nan
    hull = optimize.isotonic_regression(bad[seen] / n[seen], weights=n[seen], increasing=False)
    begins = hull.blocks[:-1]
    goods, bads = (np.add.reduceat(values[seen], begins) for values in (good, bad))
    with np.errstate(divide="ignore"):
        # declined where more than this is lost
        least = np.where(bads > 0, roi * goods / np.where(bads > 0, bads, 1.0), np.inf)
    goods, bads, least = (values[least < 1] for values in (goods, bads, least))
    between = 1 - p0 - p1
    won = between * (bads * (1 - least**2) / 2 - roi * goods * (1 - least))
    won += p1 * (bads - roi * goods)
    declined = (goods + bads) * (between * (1 - least) + p1)
    return float(won.sum() / n.sum()), float(declined.sum() / n.sum())


def _cutoffs(points: np.ndarray, n: np.ndarray, declined: float) -> float:
    """The score whose share below comes nearest to the declined one."""
    if np.isnan(declined):
        return np.nan
    below = np.concatenate([[0.0], n.cumsum()[:-1]]) / n.sum()
    return float(points[np.abs(below - declined).argmin()])
