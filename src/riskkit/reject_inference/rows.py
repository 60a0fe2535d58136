"""Training rows with and without reject inference.

Takes labels, who was declined, and a probability of bad; gives positions, labels and weights that
the caller fits a model to.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import Array, numeric_array, probability_array, row_array
from riskkit.reject_inference.applicants import applicants, uplifted
from riskkit.tables import hash_ids

__all__ = [
    "acceptance_by_band",
    "accepted_only",
    "fuzzy_augmentation",
    "parcelling",
    "reweighting",
    "score_bands",
]


def accepted_only(y: ArrayLike, declined: ArrayLike) -> pd.DataFrame:
    """Training rows without inference: accepted applicants with a known outcome.

    Every function that gives training rows gives this table; whoever fits writes
    ``model.fit(X.iloc[rows["position"]], rows["bad"].to_numpy(), rows["weight"].to_numpy())``: the
    table has an index of its own.

    Parameters
    ----------
    y : array of shape (n,)
        1 bad, 0 good, missing where the outcome is unknown: all the declined, and those accepted
        who took no loan or whose loan has not matured. The latter are in no training rows.
    declined : bool array of shape (n,)
        Who has no outcome because the lender said no. They should come from the same months as
        the labelled, else their numbers do not compare.

    Returns
    -------
    DataFrame, one row per training row
        `position` (in `y`), `bad` (0 or 1), `weight`, `inferred` (bool: the label is no
        observation). The accepted come first, in the order given.

    Raises
    ------
    ValueError
        Lengths differ, y is not 0, 1 or missing, nobody is declined, a declined applicant has an
        outcome, or the accepted lack goods or bads.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6 (known good-bad sample).

    Examples
    --------
    >>> accepted_only([0, 1, None], [False, False, True])
       position  bad  weight  inferred
    0         0    0     1.0     False
    1         1    1     1.0     False
    """
    outcome, labelled, _ = applicants(y, declined)
    return _observed(outcome, labelled, 1.0)


def score_bands(
    y: ArrayLike, declined: ArrayLike, probability: ArrayLike, *, n_bands: int = 10
) -> pd.DataFrame:
    """Accepted and declined applicants by bands of predicted probability.

    Bands hold about equal numbers of observed bads, at least one each: so the bad rates are known
    about equally well, none is 0, and the risky end, where the declined are, is cut finest. Equal
    probabilities are never split, so there may be fewer bands than asked for.

    Parameters
    ----------
    y, declined
        As in :func:`accepted_only`.
    probability : array of shape (n,)
        Probability of bad by a model of the accepted, in [0, 1]. One that fits its training rows
        closely (boosted trees) should be cross-fitted, else the bad rates of its bands are too
        steep.
    n_bands : int
        Bands aimed at, at least 1.

    Returns
    -------
    DataFrame, index `band` from 1, the safest
        `low`, `high` (probabilities in [low, high)), `good`, `bad` (accepted with an outcome),
        `declined` (numbers), `bad_rate` (of the accepted), `acceptance_rate`
        (good + bad ÷ good + bad + declined).

    Raises
    ------
    ValueError
        As in :func:`accepted_only`, a probability is missing or outside [0, 1], or `n_bands` is
        below 1.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6; equal numbers of bads, riskkit definition.

    Examples
    --------
    >>> y = [0, 1, 0, 1, None, None, None]
    >>> declined = [False] * 4 + [True] * 3
    >>> score_bands(y, declined, [0.1, 0.1, 0.3, 0.3, 0.2, 0.4, 0.4], n_bands=2)
    ... # doctest: +NORMALIZE_WHITESPACE
          low  high  good  bad  declined  bad_rate  acceptance_rate
    band
    1     0.0   0.3     1    1         1       0.5         0.666667
    2     0.3   inf     1    1         2       0.5         0.500000
    """
    outcome, _, declined = applicants(y, declined, probability=probability)
    return _bands(outcome, declined, probability, n_bands)[0]


def acceptance_by_band(
    y: ArrayLike, declined: ArrayLike, probability: ArrayLike, *, n_bands: int = 10
) -> Array:
    """Each applicant's probability of acceptance: the acceptance rate of the score band.

    Parameters
    ----------
    y, declined, probability, n_bands
        As in :func:`score_bands`.

    Returns
    -------
    float64 array of shape (n,)
        In (0, 1].

    Raises
    ------
    ValueError
        As in :func:`score_bands`.

    Source
    ------
    Hsia (1978), Credit scoring and the Equal Credit Opportunity Act, Hastings Law Journal 30.

    Examples
    --------
    >>> acceptance_by_band([0, 1, None], [False, False, True], [0.1, 0.3, 0.2], n_bands=2).round(3)
    array([0.667, 0.667, 0.667])
    """
    outcome, _, declined = applicants(y, declined, probability=probability)
    bands, number = _bands(outcome, declined, probability, n_bands)
    return bands["acceptance_rate"].to_numpy()[number]


def reweighting(
    y: ArrayLike, declined: ArrayLike, acceptance: ArrayLike, *, max_weight: float = 20.0
) -> pd.DataFrame:
    """Training rows in which each accepted applicant also stands for the declined of its kind.

    weight ∝ min(1 / P(accepted), max_weight), scaled to sum to all applicants, labelled and
    declined. The scale matters to no unpenalised fit; the cap bounds what one lucky loan among
    many declined can say, and shifts weight back to the safe end.

    Parameters
    ----------
    y, declined
        As in :func:`accepted_only`.
    acceptance : array of shape (n,)
        Probability of acceptance, of :func:`acceptance_by_band` or by a model of the decision; only
        that of the labelled is read.
    max_weight : float
        Cap of 1 / P(accepted), before the weights are scaled; at least 1.

    Returns
    -------
    DataFrame
        As :func:`accepted_only`; no label is inferred.

    Raises
    ------
    ValueError
        As in :func:`accepted_only`, a labelled applicant's acceptance is missing or outside (0, 1],
        or `max_weight` is below 1.

    Source
    ------
    Hsia (1978), Hastings Law Journal 30 (augmentation); Banasik, Crook (2007), Reject inference,
    augmentation, and sample selection, European Journal of Operational Research 183(3).

    Examples
    --------
    >>> reweighting([0, 1, None, None], [False, False, True, True], [1.0, 1 / 3, 0.2, 0.2])
       position  bad  weight  inferred
    0         0    0     1.0     False
    1         1    1     3.0     False
    """
    outcome, labelled, declined = applicants(y, declined, acceptance=acceptance)
    chance = numeric_array(acceptance, "acceptance", len(outcome))[labelled]
    wrong = ~((chance > 0) & (chance <= 1))
    if wrong.any():
        raise ValueError(
            "acceptance must lie in (0, 1] for all the labelled, got "
            f"{chance[wrong][0]:g} in {wrong.sum()} rows"
        )
    if not max_weight >= 1:
        raise ValueError(f"max_weight must be >= 1, got {max_weight!r}")
    weight = np.minimum(1 / chance, max_weight)
    n_applicants = labelled.sum() + declined.sum()
    return _observed(outcome, labelled, weight * (n_applicants / weight.sum()))


def parcelling(
    y: ArrayLike,
    declined: ArrayLike,
    probability: ArrayLike,
    *,
    uplift: float = 1.0,
    n_bands: int = 10,
    key: ArrayLike | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Training rows in which each declined applicant is given a label by score band.

    Of the declined in a band, the band's bad rate times `uplift`, at most all, become bad. Their
    number is apportioned, not drawn: within one of what is expected in each band, and within a half
    over all bands up to any. Who they are is a lottery by hash of `key` and `seed`, which no order
    of the rows changes.

    Parameters
    ----------
    y, declined, probability, n_bands
        As in :func:`score_bands`.
    uplift : float
        Bad rate of the declined ÷ that of the accepted in the same band, above 0: an assumption,
        which the accepted alone can neither give nor refute.
    key : array of shape (n,), optional
        What names an applicant whatever the order of rows, such as `application_id`; distinct among
        the declined. By default the position, so that another order is another lottery.
    seed : int
        Of the lottery, not negative.

    Returns
    -------
    DataFrame
        As :func:`accepted_only`, then each declined applicant once, in the order given, weight 1.

    Raises
    ------
    ValueError
        As in :func:`score_bands`, `uplift` is not above 0, or keys are missing, not distinct or
        of another length.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6 (parceling).

    Examples
    --------
    >>> y = [0, 1] + [None] * 4
    >>> rows = parcelling(y, [False] * 2 + [True] * 4, [0.5] * 6)
    >>> rows.groupby("inferred")[["bad", "weight"]].sum()  # doctest: +NORMALIZE_WHITESPACE
              bad  weight
    inferred
    False       1     2.0
    True        2     4.0
    """
    outcome, labelled, declined = applicants(y, declined, probability=probability, key=key)
    bands, number = _bands(outcome, declined, probability, n_bands)
    rate = uplifted(bands["bad_rate"].to_numpy(), uplift)
    expected = bands["declined"].to_numpy() * rate
    # differences of the rounded running total leave no rounding to add up over the bands
    n_bad = np.diff(np.floor(expected.cumsum() + 0.5), prepend=0)

    rows = np.flatnonzero(declined)
    order = np.lexsort((_lottery(key, rows, len(outcome), seed), number[rows]))
    sorted_number = number[rows][order]
    rank = np.arange(len(rows)) - np.searchsorted(sorted_number, sorted_number)
    bad = np.empty(len(rows), dtype=np.int64)
    bad[order] = rank < n_bad[sorted_number]
    return pd.concat(
        [_observed(outcome, labelled, 1.0), _inferred(rows, bad, 1.0)], ignore_index=True
    )


def fuzzy_augmentation(
    y: ArrayLike, declined: ArrayLike, probability: ArrayLike, *, uplift: float = 1.0
) -> pd.DataFrame:
    """Training rows in which each declined applicant is bad in part and good in part.

    Twice each, with weight min(uplift · p, 1) as bad and the rest as good. The factor is on the
    rate, not on the odds, so that it means the same as in :func:`parcelling`: this is parcelling in
    expectation, with the model's rate at each score in place of the band's. At 1 the
    rows hold nothing new: with p from an unpenalised logistic regression of the accepted, its refit
    on the same features is that regression again, since each declined applicant's own term of the
    score equations is (p − p)·x = 0.

    Parameters
    ----------
    y, declined, probability
        As in :func:`score_bands`; only the probability of the declined is read.
    uplift : float
        As in :func:`parcelling`, of applicants with the same probability.

    Returns
    -------
    DataFrame
        As :func:`accepted_only`, then all the declined as bads, then all of them as goods, each in
        the order given. Weights of the inferred sum to the number of declined.

    Raises
    ------
    ValueError
        As in :func:`accepted_only`, a probability is missing or outside [0, 1], or `uplift` is not
        above 0.

    Source
    ------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6 (fuzzy augmentation).

    Examples
    --------
    >>> fuzzy_augmentation([0, 1, None], [False, False, True], [0.1, 0.3, 0.2], uplift=2)
       position  bad  weight  inferred
    0         0    0     1.0     False
    1         1    1     1.0     False
    2         2    1     0.4      True
    3         2    0     0.6      True
    """
    outcome, labelled, declined = applicants(y, declined, probability=probability)
    rows = np.flatnonzero(declined)
    p = probability_array(probability, "probability", len(outcome), rows)
    bad = uplifted(p[rows], uplift)
    return pd.concat(
        [
            _observed(outcome, labelled, 1.0),
            _inferred(rows, 1, bad),
            _inferred(rows, 0, 1 - bad),
        ],
        ignore_index=True,
    )


def _bands(
    outcome: Array, declined: Array, probability: ArrayLike, n_bands: int
) -> tuple[pd.DataFrame, Array]:
    """Table of :func:`score_bands`, and each applicant's row of it."""
    if not n_bands >= 1:
        raise ValueError(f"n_bands must be >= 1, got {n_bands!r}")
    p = probability_array(probability, "probability", len(outcome))
    bads = np.sort(p[outcome == 1])
    # a band begins at a bad of its own, the first at 0, with the safest bad
    begins = bads[np.arange(1, n_bands) * len(bads) // n_bands]
    edges = np.unique(begins[begins > bads[0]])
    number = np.searchsorted(edges, p, side="right")
    good, bad, n_declined = (
        np.bincount(number[rows], minlength=len(edges) + 1)
        for rows in (outcome == 0, outcome == 1, declined)
    )
    n_accepted = good + bad
    table = pd.DataFrame(
        {
            "low": [0.0, *edges],
            "high": [*edges, np.inf],
            "good": good,
            "bad": bad,
            "declined": n_declined,
            "bad_rate": bad / n_accepted,
            "acceptance_rate": n_accepted / (n_accepted + n_declined),
        },
        index=pd.RangeIndex(1, len(edges) + 2, name="band"),
    )
    return table, number


def _observed(outcome: Array, labelled: Array, weight: Array | float) -> pd.DataFrame:
    rows = np.flatnonzero(labelled)
    return _training_rows(rows, outcome[rows].astype(np.int64), weight, inferred=False)


def _inferred(rows: Array, bad: Array | int, weight: Array | float) -> pd.DataFrame:
    return _training_rows(rows, bad, weight, inferred=True)


def _training_rows(
    rows: Array, bad: Array | int, weight: Array | float, *, inferred: bool
) -> pd.DataFrame:
    return pd.DataFrame({"position": rows, "bad": bad, "weight": weight, "inferred": inferred})


def _lottery(key: ArrayLike | None, rows: Array, n: int, seed: int) -> Array:
    """A number per row that its key and the seed alone decide."""
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed!r}")
    hashes = hash_ids(rows if key is None else row_array(key, "key", n, like="y")[rows])
    if len(np.unique(hashes)) < len(hashes):
        raise ValueError("key must be distinct among the declined")
    # of numbers pandas hashes no seed, of text it does
    return pd.util.hash_array(hashes.astype(str).astype(object), hash_key=f"{seed:016d}"[-16:])
