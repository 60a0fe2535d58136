"""Whether reject inference helps: methods side by side, and how much hangs on the assumption.

Takes a model to fit, applicants and a benchmark; gives tables of predictions against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit import metrics
from riskkit.checks import Array, flag_array, numeric_array, probability_array, row_array
from riskkit.reject_inference.applicants import applicants, checked_uplifts, explored_rows, uplifted
from riskkit.reject_inference.rows import (
    acceptance_by_band,
    accepted_only,
    fuzzy_augmentation,
    parcelling,
    reweighting,
)

__all__ = ["compare_methods", "declined_bad_rate", "sensitivity_band"]

COMPARISON = (
    "true_bias",
    *(f"explored_bias{end}" for end in ("", "_low", "_high")),
    "declined_auc",
    *(f"explored_auc{end}" for end in ("", "_low", "_high")),
    "accepted_bias",
    *(f"accepted_auc{end}" for end in ("", "_low", "_high")),
)


def declined_bad_rate(
    y: ArrayLike, declined: ArrayLike, explored: ArrayLike, *, level: float = 0.95
) -> pd.Series:
    """Bad rate of the declined, from applicants approved at random whatever the policy said.

    The explored are a sample of all applicants, so their bad rate mixes those of the accepted and
    the declined: declined = (explored − (1 − d) · accepted) / d, with d the share the policy
    declines. It is as precise as few explored bads allow, and assumes that the explored take up
    loans, and pay their price, as others would.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good, missing where the outcome is unknown.
    declined : bool array of shape (n,)
    explored : bool array of shape (n,)
        Who was approved at random. d is the share of the declined among all others, so those
        accepted without an outcome belong in the arrays, too.
    level : float
        Confidence level, in (0, 1).

    Returns
    -------
    Series
        `bad_rate`, `low`, `high` (cut to [0, 1]; an estimate outside is kept, for what it says of
        the noise), `explored` (number with an outcome), `explored_bad_rate`, `accepted_bad_rate`,
        `declined_share` (d).

    Raises
    ------
    ValueError
        As in :func:`accepted_only`, an explored applicant is also declined, or no explored one has
        an outcome.

    Source
    ------
    riskkit definition; interval: Zou, Donner (2008), Construction of confidence limits about effect
    measures, Statistics in Medicine 27(10), from Jeffreys intervals of the two observed rates.

    Examples
    --------
    >>> y = [0] * 90 + [1] * 10 + [None] * 100 + [0] * 8 + [1] * 2
    >>> group = np.repeat(["accepted", "declined", "explored"], [100, 100, 10])
    >>> found = declined_bad_rate(y, group == "declined", group == "explored")
    >>> found[["bad_rate", "low", "high"]].round(3).to_dict()
    {'bad_rate': 0.3, 'low': 0.0, 'high': 0.907}
    """
    outcome, labelled, declined = applicants(y, declined, explored=explored)
    explored = explored_rows(explored, labelled, declined)
    share = declined.sum() / (~explored).sum()
    rates, lows, highs = [], [], []
    for rows in (labelled & explored, labelled & ~explored):
        bad, n = outcome[rows].sum(), rows.sum()
        low, high = metrics.jeffreys_interval(bad, n, level)
        rates.append(bad / n)
        lows.append(float(low))
        highs.append(float(high))
    parts = (1 / share, (1 - share) / share)
    estimate = parts[0] * rates[0] - parts[1] * rates[1]
    below = np.hypot(parts[0] * (rates[0] - lows[0]), parts[1] * (highs[1] - rates[1]))
    above = np.hypot(parts[0] * (highs[0] - rates[0]), parts[1] * (rates[1] - lows[1]))
    return pd.Series(
        {
            "bad_rate": estimate,
            "low": max(estimate - below, 0.0),
            "high": min(estimate + above, 1.0),
            "explored": float((labelled & explored).sum()),
            "explored_bad_rate": rates[0],
            "accepted_bad_rate": rates[1],
            "declined_share": share,
        },
        name="declined_bad_rate",
    )


def compare_methods(
    make_model: Callable[[], Any],
    X: pd.DataFrame,
    y: ArrayLike,
    declined: ArrayLike,
    *,
    true_probability: ArrayLike | None = None,
    explored: ArrayLike | None = None,
    held_out: ArrayLike | None = None,
    uplifts: Sequence[float] = (1.0, 2.0, 3.0),
    acceptance: ArrayLike | None = None,
    max_weight: float = 20.0,
    n_bands: int = 10,
    key: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """What models with and without reject inference say of the declined and of the accepted.

    A model of the accepted gives the probabilities that every method starts from. What measures
    never teaches: no fit sees the truth, an explored applicant or one that is held out.

    No column says who was declined, so a model spreads an uplift over all who look alike: the
    declined get part of it, and the accepted, `accepted_bias` says how much, the rest.

    Parameters
    ----------
    make_model : callable
        Gives an unfitted estimator with ``fit(X, y, sample_weight)`` and ``predict_proba``.
    X : DataFrame of shape (n, n_features)
    y, declined
        As in :func:`accepted_only`.
    true_probability : array of shape (n,), optional
        True probability of bad, of a synthetic lender; that of the declined is read.
    explored : bool array of shape (n,), optional
        Who was approved at random; the benchmark of :func:`declined_bad_rate`.
    held_out : bool array of shape (n,), optional
        Applicants of any kind from whom nothing is learned, on whom the accepted are measured. By
        default the accepted are measured on the rows the models have learned from.
    uplifts : sequence of float
        Factors for parcelling and fuzzy augmentation.
    acceptance : array of shape (n,), optional
        Of :func:`reweighting`; by default the acceptance rate of the score band.
    max_weight, n_bands, key, seed
        As in :func:`reweighting` and :func:`parcelling`.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (method, uplift)
        Methods none and reweighting (uplift 1: they have none), parcelling and fuzzy at each
        uplift. All predictions are means; columns whose benchmark is not given are NaN.

        On the declined: `declined_probability` (predicted); `true_bias` (predicted − true);
        `explored_bias`, `explored_bias_low`, `explored_bias_high` (predicted − bad rate of
        :func:`declined_bad_rate`, with the interval of the latter alone); `declined_auc` (each one
        bad in part and good in part, by the true probability).

        On the explored, a sample of all applicants: `explored_auc`, `explored_auc_low`,
        `explored_auc_high`. On the accepted by the policy: `accepted_bias` (predicted − bad rate),
        `accepted_auc`, `accepted_auc_low`, `accepted_auc_high`.

    Raises
    ------
    ValueError
        As in the methods' own functions, or nobody accepted with an outcome is held out.

    Source
    ------
    Crook, Banasik (2004), Journal of Banking and Finance 28(4), who measure on applicants all of
    whom were accepted; riskkit definition.
    """
    factors = checked_uplifts(uplifts)
    outcome, labelled, declined = applicants(
        y,
        declined,
        X=X,
        true_probability=true_probability,
        explored=explored,
        held_out=held_out,
        acceptance=acceptance,
        key=key,
    )
    n = len(outcome)
    if len(X) != n:
        raise ValueError(f"X must have {n} rows like y, got {len(X)}")
    truth = None
    if true_probability is not None:
        truth = probability_array(true_probability, "true_probability", n, declined)
    asked = np.zeros(n, dtype=bool)
    benchmark = None
    if explored is not None:
        benchmark = declined_bad_rate(outcome, declined, explored, level=level)
        asked = explored_rows(explored, labelled, declined)
    kept_back = np.zeros(n, dtype=bool) if held_out is None else flag_array(held_out, "held_out", n)
    judged = labelled & ~asked & (kept_back if held_out is not None else True)
    if not judged.any():
        raise ValueError("held_out must hold for accepted applicants with an outcome, got none")

    learning = np.flatnonzero(~(asked | kept_back))
    known, turned_down = outcome[learning], declined[learning]

    def fitted(rows: pd.DataFrame) -> Array:
        return _fitted(make_model, X, rows.assign(position=learning[rows["position"]]))

    def measured(probability: Array) -> dict[str, float]:
        mean = probability[declined].mean()
        found = {"declined_probability": mean, **dict.fromkeys(COMPARISON, np.nan)}
        if truth is not None:
            found["true_bias"] = mean - truth[declined].mean()
            counts = metrics.expected_counts(-probability[declined], truth[declined])
            found["declined_auc"] = metrics.auc(counts)
        if benchmark is not None:
            found["explored_bias"] = mean - benchmark["bad_rate"]
            found["explored_bias_low"] = mean - benchmark["high"]
            found["explored_bias_high"] = mean - benchmark["low"]
            found |= _auc("explored", probability, outcome, labelled & asked, level)
        found["accepted_bias"] = probability[judged].mean() - outcome[judged].mean()
        return found | _auc("accepted", probability, outcome, judged, level)

    base = fitted(accepted_only(known, turned_down))
    start = base[learning]
    chance = (
        acceptance_by_band(known, turned_down, start, n_bands=n_bands)
        if acceptance is None
        else numeric_array(acceptance, "acceptance", n)[learning]
    )
    names = None if key is None else row_array(key, "key", n, like="y")[learning]
    rows = reweighting(known, turned_down, chance, max_weight=max_weight)
    table = {("none", 1.0): measured(base), ("reweighting", 1.0): measured(fitted(rows))}
    for uplift in factors:
        rows = parcelling(
            known, turned_down, start, uplift=uplift, n_bands=n_bands, key=names, seed=seed
        )
        table["parcelling", uplift] = measured(fitted(rows))
    for uplift in factors:
        rows = fuzzy_augmentation(known, turned_down, start, uplift=uplift)
        table["fuzzy", uplift] = measured(fitted(rows))
    index = pd.MultiIndex.from_tuples(list(table), names=["method", "uplift"])
    return pd.DataFrame(list(table.values()), index=index)


def sensitivity_band(
    make_model: Callable[[], Any],
    X: pd.DataFrame,
    y: ArrayLike,
    declined: ArrayLike,
    *,
    approval_rate: float,
    uplifts: Sequence[float] = (1.0, 1.5, 2.0, 3.0),
) -> pd.DataFrame:
    """What the answer would be if the declined were so many times as bad as they look.

    For data without a truth: nothing in them tells the rows of this table apart. At each uplift a
    model is fitted with fuzzy augmentation, the safest applicants by it are approved, and their bad
    rate is what was observed of the labelled and, under the assumption, inferred of the others.

    Parameters
    ----------
    make_model, X, y, declined
        As in :func:`compare_methods`. All rows are applicants.
    approval_rate : float
        Share of all applicants that is approved, in (0, 1]. Of those who tie at the cutoff a part
        is.
    uplifts : sequence of float
        Assumed bad rate of the declined ÷ that of accepted applicants with the same probability.

    Returns
    -------
    DataFrame, index uplift
        `inferred_rate` (mean inferred bad rate of the declined, min(uplift · p, 1));
        `declined_probability` (mean prediction for them by the model that has learned it);
        `cutoff_probability` (highest approved); `bad_rate` (of the approved: the labelled as
        observed, the declined as inferred, accepted without an outcome at p);
        `approved_declined_share` (of the approved, who had been declined).

    Raises
    ------
    ValueError
        As in :func:`fuzzy_augmentation`, lengths differ, or `approval_rate` is outside (0, 1].

    Source
    ------
    riskkit definition; why a band and not a number: Hand, Henley (1993), IMA Journal of Mathematics
    Applied in Business and Industry 5(1).
    """
    factors = checked_uplifts(uplifts)
    outcome, labelled, declined = applicants(y, declined, X=X)
    if len(X) != len(outcome):
        raise ValueError(f"X must have {len(outcome)} rows like y, got {len(X)}")
    if not 0 < approval_rate <= 1:
        raise ValueError(f"approval_rate must lie in (0, 1], got {approval_rate!r}")
    start = _fitted(make_model, X, accepted_only(outcome, declined))
    n_approved = approval_rate * len(outcome)
    table = []
    for uplift in factors:
        rows = fuzzy_augmentation(outcome, declined, start, uplift=uplift)
        probability = _fitted(make_model, X, rows)
        bad = np.where(declined, uplifted(start, uplift), start)
        bad[labelled] = outcome[labelled]
        distinct, place = np.unique(probability, return_inverse=True)
        # running totals from the safest up; between two of them lies a part of a tie
        total = np.bincount(place).cumsum()
        n_bad, n_declined = (
            np.interp(n_approved, [0, *total], [0, *np.bincount(place, weights=values).cumsum()])
            for values in (bad, declined)
        )
        table.append(
            {
                "inferred_rate": bad[declined].mean(),
                "declined_probability": probability[declined].mean(),
                "cutoff_probability": distinct[np.searchsorted(total, n_approved * (1 - 1e-12))],
                "bad_rate": n_bad / n_approved,
                "approved_declined_share": n_declined / n_approved,
            }
        )
    return pd.DataFrame(table, index=pd.Index(factors, name="uplift"))


def _fitted(make_model: Callable[[], Any], X: pd.DataFrame, rows: pd.DataFrame) -> Array:
    """Every applicant's probability of bad, by a model of the training rows."""
    model = make_model()
    model.fit(
        X.iloc[rows["position"].to_numpy()],
        rows["bad"].to_numpy(),
        sample_weight=rows["weight"].to_numpy(),
    )
    return probability_array(model.predict_proba(X)[:, 1], "the model's probability", len(X))


def _auc(
    name: str, probability: Array, outcome: Array, rows: Array, level: float
) -> dict[str, float]:
    counts = metrics.score_counts(-probability[rows], outcome[rows])
    found = metrics.discrimination(counts, level=level, n_boot=0)
    return {f"{name}_auc{end}": float(found[f"auc{end}"]) for end in ("", "_low", "_high")}
