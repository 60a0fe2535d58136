"""Models at the level of risk of all training loans, of which a sample taught them.

Takes a model, the loans that taught it and all applications; gives the model, calibrated anew.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from scipy import optimize, special

from riskkit.metrics import calibration_fit, score_counts
from riskkit.partitions import add_counts, total
from riskkit.scorecard import Scorecard
from riskkit.scoring.score import Model, model_levels
from riskkit.tables import Table

__all__ = ["calibrated"]

MIN_EACH = 100  # goods, and bads, below which other loans say nothing
_KNOWN = ("sample", "default_flag")


def calibrated(model: Model, applications: pd.DataFrame | Table, taught: pd.DataFrame) -> Model:
    """The model with the probabilities that all training loans bear out, its ranking unchanged.

    The training loans that did not teach it judge its probabilities as no loan can that did. A
    scorecard moves to the level at which it foretells as many bads as there were, in whole base
    points; trees take the line of :func:`riskkit.metrics.calibration_fit` on their log-odds. Those
    that taught say that nothing is to be moved, and weigh by their number.

    Parameters
    ----------
    model : Scorecard or Challenger
        Fitted.
    applications : DataFrame or Table
        All of them: sample, default_flag and the model's features.
    taught : DataFrame
        The training loans that taught it, of the same columns; sample may be absent.

    Returns
    -------
    Scorecard or Challenger
        The model itself where fewer than a hundred goods or bads did not teach it, or no line can
        be fitted to them.

    Raises
    ------
    ValueError
        A loan that taught is not among the applications; a feature is missing.

    Source
    ------
    riskkit definition; the line is Cox (1958), Biometrika 45(3/4).
    """
    columns = [*_KNOWN, *model_levels(model)]
    every = total(partial(_training_counts, model=model), applications, columns=columns)
    own = score_counts(model.credit_score(taught), taught["default_flag"])[["good", "bad"]]
    others = add_counts(every, -own)
    if (others < 0).to_numpy().any():
        raise ValueError("the loans that taught the model must be among the training applications")
    n_good, n_bad = others.sum()
    if min(n_good, n_bad) < MIN_EACH:
        return model
    weight = float((n_good + n_bad) / every.to_numpy().sum())
    probability = np.asarray(model.score_scale.probability(others.index.to_numpy(float)))
    if isinstance(model, Scorecard):
        return model.recalibrated(weight * _level(others, probability))
    line = calibration_fit(others, probability)
    intercept, slope = float(line["intercept"]), float(line["slope"])
    if not slope > 0:
        return model
    return model.recalibrated(weight * intercept, 1 + weight * (slope - 1))


def _training_counts(applications: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Goods and bads of the training loans at each score."""
    training = applications[(applications["sample"] == "train").to_numpy()]
    if training.empty:
        return score_counts([], [])[["good", "bad"]]
    return score_counts(model.credit_score(training), training["default_flag"])[["good", "bad"]]


def _level(counts: pd.DataFrame, probability: np.ndarray) -> float:
    """What to add to the log-odds, so that as many bads are foretold as there were."""
    loans, bad = counts.sum(axis=1).to_numpy(float), float(counts["bad"].sum())
    log_odds = special.logit(probability)

    def excess(moved: float) -> float:
        return float(np.dot(loans, special.expit(log_odds + moved)) - bad)

    return float(optimize.brentq(excess, -20.0, 20.0))
