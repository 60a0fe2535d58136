"""What a card would gain by being fitted again, judged on loans that did not teach it.

Takes the card in use and loans of known outcome; gives the gain of a recalibration, of new
coefficients and of new bins, each with its interval.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special
from sklearn.base import clone

from riskkit import metrics
from riskkit.binning import WoeBinner
from riskkit.checks import check_level, numeric_array, require_columns, same_rows
from riskkit.metrics import logistic_line
from riskkit.refresh.gain import Gain, dealt_folds, mean_interval, measured, too_few
from riskkit.scorecard import NoFeatureLeft, Scorecard

__all__ = ["recalibration_gain", "refit_card", "refit_gains"]


def recalibration_gain(
    y: ArrayLike,
    probability: ArrayLike,
    *,
    customers: ArrayLike | None = None,
    level: float = 0.95,
    seed: int = 0,
) -> Gain:
    """What a recalibration of the probability gains: log loss a later loan, cross-fitted.

    Intercept and slope of the log-odds are fitted to the other folds, and judged on each.

    Parameters
    ----------
    y, probability : array of shape (n,)
        Of loans later than those that taught the model; a missing outcome is left out.
    customers : array of shape (n,), optional
        Whose loans stay in one fold.
    level : float
    seed : int
        Deals the folds.

    Returns
    -------
    Gain
        The sign is bads over those promised (neutral: 1). NaN with fewer than 30 bads or goods.

    Source
    ------
    Cox (1958), Biometrika 45(3/4); riskkit definition.
    """
    check_level(level)
    same_rows(y=y, probability=probability, customers=customers)
    outcome, p = numeric_array(y, "y").astype(float), numeric_array(probability, "probability")
    known = ~np.isnan(outcome)
    outcome, x = outcome[known], special.logit(p[known].astype(float))
    people = None if customers is None else np.asarray(customers)[known]
    if too_few(outcome) or (fold := dealt_folds(outcome, people, seed)) is None:
        return Gain(neutral=1.0, loans=len(outcome))
    own = x.copy()
    for k in np.unique(fold):
        line = logistic_line(x[fold != k], outcome[fold != k], np.ones(int((fold != k).sum())))
        if line is not None:
            own[fold == k] = line[0] + line[1] * x[fold == k]
    losses = [np.logaddexp(0, at) - outcome * at for at in (x, own)]
    bad, n = outcome.sum(), len(outcome)
    expected = special.expit(x).sum()
    low, high = metrics.jeffreys_interval(np.array([bad]), np.array([n]), level)
    ratio = bad / expected, float(low[0]) * n / expected, float(high[0]) * n / expected
    return measured(ratio, 1.0, mean_interval(losses[0] - losses[1], level), loans=n)


def refit_card(card: Scorecard, X: pd.DataFrame, y: ArrayLike, *, again: str) -> Scorecard:
    """The card with coefficients, or bins and coefficients, fitted anew; the old one is untouched.

    Parameters
    ----------
    card : Scorecard
        Fitted.
    X : DataFrame of shape (n, n_features)
        The card's features and those its binner holds.
    y : array of shape (n,)
        1 bad, 0 good, none missing.
    again : str
        "coefficients", on the card's bins, or "binning": edges too, under the binner's settings.
        Features stay those of the card, but for one that would turn round: to choose them again is
        a new development.

    Returns
    -------
    Scorecard

    Raises
    ------
    ValueError
        An unknown `again`, or as :meth:`Scorecard.fit`.
    """
    if again not in ("coefficients", "binning"):
        raise ValueError(f"again must be 'coefficients' or 'binning', got {again!r}")
    names = list(card.points_)
    binner: WoeBinner = card.binner_
    if again == "binning":
        binner = clone(binner).fit(X, y, features=names)
    new = Scorecard(
        binner,
        features=names,
        max_p_value=None,
        scale=card.score_scale,
        penalty=card.penalty,
        base=card.base,
    )
    return new.fit(X, y)


def refit_gains(
    card: Scorecard,
    loans: pd.DataFrame,
    later: ArrayLike,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Gain]:
    """What new coefficients, and new bins with new coefficients, add to the Gini on later loans.

    Each fold of the later loans is scored by a card taught by all other loans: those that taught
    the one in use, and the other folds. A refit of tonight would know as much.

    Parameters
    ----------
    card : Scorecard
    loans : DataFrame of shape (n, …)
        Loans of known outcome: the binner's features, `default_flag`, and `customer_id` where
        there is one.
    later : bool array of shape (n,)
        Loans since the card was taught, on which it is judged.
    level : float
    seed : int
        Deals the folds.

    Returns
    -------
    dict of "coefficients" and "binning" to Gain
        Gini against the card in use, paired (DeLong), intervals that hold for both together
        (Bonferroni). The sign is the Gini of the card in use (neutral: NaN). NaN with fewer than 30
        later bads or goods, or where a refit leaves no feature on the card.

    Source
    ------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44(3); riskkit definition.
    """
    check_level(level)
    require_columns(loans, ["default_flag"], "loans")
    same_rows(loans=loans, later=later)
    is_late = np.asarray(later, dtype=bool)
    y = loans["default_flag"].to_numpy(float)
    people = loans["customer_id"].to_numpy()[is_late] if "customer_id" in loans else None
    nothing = Gain(neutral=np.nan, loans=int(is_late.sum()))
    found = {"coefficients": nothing, "binning": nothing}
    if too_few(y[is_late]) or (fold := dealt_folds(y[is_late], people, seed)) is None:
        return found
    place = np.full(len(loans), -1)
    place[is_late] = fold
    scores = {name: np.full(len(loans), np.nan) for name in found}
    for k in np.unique(fold):
        for name, score in scores.items():
            try:
                new = refit_card(card, loans[place != k], y[place != k], again=name)
            except NoFeatureLeft:
                continue
            # the probability, since rounding to points would tie some
            score[place == k] = -new.predict_proba(loans[place == k])[:, 1]
    now = card.credit_score(loans[is_late]).to_numpy(float)
    of_each = 1 - (1 - level) / len(scores)
    gini = metrics.discrimination(metrics.score_counts(now, y[is_late]), level=level, n_boot=0)
    sign = float(gini["gini"]), float(gini["gini_low"]), float(gini["gini_high"])
    for name, score in scores.items():
        own = score[is_late]
        if np.isnan(own).any():
            continue
        with_new = metrics.compare(y[is_late], own, now, level=of_each)
        gained = [2 * float(with_new[key]) for key in ("difference", "low", "high")]
        found[name] = measured(sign, np.nan, (gained[0], gained[1], gained[2]), loans=len(own))
    return found
