"""Which features a card can support: tested on loans that did not choose their bins.

Takes cross-fitted WoE and labels; gives the features in the order in which they are dropped, what
each brings out of fold, and how often other draws of the loans would choose it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg, special

from riskkit.scorecard.regression import Fit, gradient_at, information_at, refit_bounded

__all__ = [
    "NO_CHOICE",
    "Loans",
    "backward",
    "choice_table",
    "chosen_again",
    "fewest_by_loss",
]

Array = NDArray[np.float64]

NO_CHOICE = pd.DataFrame(
    {
        "on_card": pd.Series(dtype=bool),
        "dropped_as": pd.Series(dtype="Int64"),
        **{name: pd.Series(dtype=float) for name in ("statistic", "p_value")},
        "chosen_again": pd.Series(dtype=float),
        **{name: pd.Series(dtype=float) for name in ("gain", "gain_low", "gain_high")},
    }
).rename_axis("feature")
_Z95 = float(special.ndtri(0.975))
# two folds' WoE rest in part on each other's loans, so that each pair of folds counts twice
_SHARED_FOLDS = 2.0
# roots of the statistic between which chance is asked: what a level of 5 % takes lies between them,
# be there one bin to choose or many; at levels above 20 % the table decides
_IN_DOUBT = (1.2, 4.0)
_N_RESAMPLES = 200


@dataclass(frozen=True)
class Loans:
    """Loans as the regression sees them.

    Parameters
    ----------
    woe : DataFrame of shape (n_rows, n_features)
        For a test, of bins made on other loans: :func:`riskkit.binning.cross_fitted`.
    y : array of shape (n_rows,)
    weight : array of shape (n_rows,) or None
    fold : int array of shape (n_rows,)
    penalty : float
        As in :func:`riskkit.scorecard.regression.fit_bounded`.
    by_chance : callable, optional
        From a feature to the signed roots of its score statistic that chance gives, ascending:
        :meth:`riskkit.binning.CrossFitted.chance_scores`. Without it, normal of variance 2.
    """

    woe: pd.DataFrame
    y: Array
    weight: Array | None
    fold: NDArray[np.int64]
    penalty: float = 0.0
    by_chance: Callable[[str], Array] | None = None

    @cached_property
    def _values(self) -> Array:
        return self.woe.to_numpy()

    @cached_property
    def _weights(self) -> Array:
        return np.ones(len(self.y)) if self.weight is None else self.weight

    def fit(
        self,
        names: Sequence[str],
        rows: NDArray[np.bool_] | None = None,
        start: Mapping[str, float] | None = None,
    ) -> Fit:
        """Bounded regression on these features, of some rows, from slopes near its own."""
        take = slice(None) if rows is None else rows
        y, weight = self.y[take], None if self.weight is None else self.weight[take]
        intercept = float(special.logit(np.average(y, weights=weight)))
        slopes = np.array([(start or {}).get(name, 0.0) for name in names])
        return refit_bounded(
            Fit(intercept, slopes), self._columns(names)[take], y, weight, self.penalty
        )

    def losses(self, names: Sequence[str], fit: Fit, rows: Array | slice = slice(None)) -> Array:
        """Log loss of each row."""
        logit = fit.intercept + self._columns(names)[rows] @ fit.coefficients
        found: Array = np.logaddexp(0, logit) - self.y[rows] * logit
        return found

    def unseen_losses(
        self, names: Sequence[str], start: Mapping[str, float] | None = None
    ) -> Array:
        """Log loss of each row by the regression on the other folds."""
        found = np.empty(len(self.y))
        for number in range(self.fold.max() + 1):
            rows = self.fold == number
            found[rows] = self.losses(names, self.fit(names, ~rows, start), rows)
        return found

    def mean(self, values: Array) -> tuple[float, float]:
        """Weighted mean of the rows, and its standard error."""
        share = self._weights / self._weights.sum()
        mean = float(share @ values)
        return mean, float(np.sqrt(share**2 @ (values - mean) ** 2))

    def ratio(self, names: Sequence[str], fit: Fit, other: Sequence[str]) -> float:
        """Likelihood ratio statistic of a fit against the best one of fewer features."""
        slopes = dict(zip(names, fit.coefficients, strict=True))
        more = self.losses(other, self.fit(other, None, slopes)) - self.losses(names, fit)
        return max(float(2 * self._weights @ more), 0.0)

    @cached_property
    def _asked(self) -> dict[str, Array]:
        return {}

    def _chance(self, name: str) -> Array:
        """What chance gives a feature, asked once."""
        if name not in self._asked:
            assert self.by_chance is not None
            self._asked[name] = self.by_chance(name)
        return self._asked[name]

    def p_value(self, name: str, statistic: float) -> float:
        """How often chance gives a feature that tells nothing such a statistic, one-sided.

        The WoE of loans a rests on loans b, and that of b on a: what chance gives the one it gives
        the other, too, and the more bins there were to choose from the more so. Where the answer is
        in doubt it is counted, of bins chosen anew on permuted labels; elsewhere the root of the
        statistic is taken for normal, of the variance 2 that it has of many bins.

        Source
        ------
        riskkit definition; Σ over ordered pairs of folds of a symmetric term has twice the variance
        of as many independent ones. How often noise is kept at 5 %: study `noise_card`.
        """
        statistic = statistic / self._weight_per_row
        root, as_normal = float(np.sqrt(statistic)), one_sided(statistic / _SHARED_FOLDS)
        if self.by_chance is None or not _IN_DOUBT[0] < root < _IN_DOUBT[1]:
            return as_normal
        chance = self._chance(name)
        at_least = len(chance) - int(np.searchsorted(chance, root))
        counted = (at_least + 1) / (len(chance) + 1)
        # beyond all that was counted
        return counted if at_least else min(counted, as_normal)

    def least_statistic(self, name: str, level: float) -> float:
        """Statistic that a feature needs at a level; without asking chance anew."""
        chance = self._asked.get(name, np.empty(0))
        most = min(int(np.floor(level * (len(chance) + 1))), len(chance))
        least = max(float(chance[-most]), 0.0) ** 2 if most else self._as_normal(level)
        return least * self._weight_per_row

    def _as_normal(self, level: float) -> float:
        return _SHARED_FOLDS * float(special.chdtri(1, min(2 * level, 1.0)))

    @cached_property
    def _weight_per_row(self) -> float:
        """Weights below one row only say how much it counts; a repeated row counts as often."""
        return min(float(self._weights.mean()), 1.0)

    def _columns(self, names: Sequence[str]) -> Array:
        return self._values[:, self.woe.columns.get_indexer(list(names))]


def one_sided(statistic: float) -> float:
    """p-value of a likelihood ratio statistic of a coefficient that is bound by 0.

    Source
    ------
    Chernoff (1954), On the distribution of the likelihood ratio, Annals of Mathematical Statistics
    25(3): half of it is χ² with one degree of freedom, the other half 0.
    """
    return 0.5 * float(special.chdtrc(1, statistic)) if statistic > 0 else 1.0


def backward(
    loans: Loans, names: Sequence[str], max_p_value: float | None, keep: Sequence[str] = ()
) -> tuple[list[str], pd.DataFrame]:
    """Features that are left when those are dropped, one by one, that the test cannot support.

    First go, together, the features on their bound of 0; then the one whose coefficient is the
    fewest standard errors below 0, if its likelihood ratio test (:meth:`Loans.p_value`) does not
    speak for it; then those on their bound again, until every feature is supported or kept.

    Parameters
    ----------
    loans : Loans
    names : sequence of str
    max_p_value : float or None
        None drops all, so that their order is known.
    keep : sequence of str
        Features that the test cannot drop; one of the wrong sign goes.

    Returns
    -------
    list of str, and DataFrame with index feature in the order of dropping
        statistic (of :meth:`Loans.ratio`, 0 on the bound) and p_value, when it was dropped.
    """
    left = list(names)
    slopes: dict[str, float] = {}
    dropped: dict[str, tuple[float, float]] = {}
    while left:
        fit = loans.fit(left, None, slopes)
        slopes = dict(zip(left, fit.coefficients, strict=True))
        on_bound = dict(zip(left, fit.on_bound, strict=True))
        bound = [name for name in left if on_bound[name]]
        if bound:
            dropped |= dict.fromkeys(bound, (0.0, 1.0))
            left = [name for name in left if name not in bound]
            continue
        information = information_at(fit, loans.woe[left].to_numpy(), loans.weight)
        wald = fit.coefficients**2 / np.diag(np.linalg.pinv(information))[1:]
        weakest = next((left[k] for k in np.argsort(wald) if left[k] not in keep), None)
        if weakest is None:
            break
        statistic = loans.ratio(left, fit, [name for name in left if name != weakest])
        p_value = loans.p_value(weakest, statistic)
        if max_p_value is not None and p_value <= max_p_value:
            break
        dropped[weakest] = (statistic, p_value)
        left.remove(weakest)
    table = pd.DataFrame.from_dict(dropped, orient="index", columns=["statistic", "p_value"])
    return left, table.rename_axis("feature")


def fewest_by_loss(loans: Loans, dropped: pd.DataFrame, max_features: int) -> list[str]:
    """Of the cards on the way from all features to one, that with the least loss out of fold.

    Parameters
    ----------
    loans : Loans
    dropped : DataFrame
        Of :func:`backward`, in which all were dropped.
    max_features : int
        Cards of more are not considered.
    """
    # those on their bound when they went end no card
    order = [name for name in dropped.index[::-1] if dropped.at[name, "statistic"] > 0]
    cards = [order[:size] for size in range(1, min(max_features, len(order)) + 1)]
    losses = [loans.mean(loans.unseen_losses(card))[0] for card in cards]
    return cards[int(np.argmin(losses))] if cards else []


def chosen_again(
    loans: Loans,
    names: Sequence[str],
    max_p_value: float | None,
    keep: Sequence[str] = (),
    n_features: int | None = None,
    seed: int = 1,
) -> pd.Series:
    """In what share of 200 resamples of the loans each feature is on the card.

    Each resample is one Newton step from the fit to all loans, and features are dropped from it as
    :func:`backward` does, by Wald's test in place of the likelihood ratio. The cross-fitted WoE
    stay as they are.

    Parameters
    ----------
    loans, names, max_p_value, keep
        As in :func:`backward`.
    n_features : int, optional
        Instead of a test: as many as are left when so many remain.
    seed : int

    Returns
    -------
    Series, index feature

    Source
    ------
    Sauerbrei, Schumacher (1992), Statistics in Medicine 11(16), bootstrap inclusion frequencies;
    Poisson counts in place of multinomial ones.
    """
    least = np.full(len(names), np.inf)
    if n_features is None:
        level = 1.0 if max_p_value is None else max_p_value
        least = np.array([loans.least_statistic(name, level) for name in names])
    fit, columns = loans.fit(names), loans._columns(names)
    at = np.concatenate([[fit.intercept], fit.coefficients])
    ridge = np.append(0.0, np.full(len(names), loans.penalty * loans._weights.sum()))
    # drawn in an order of what the loans hold, so that none of rows or features changes anything
    order = np.lexsort((loans._weights, *loans._columns(sorted(names)).T, loans.y))
    rng = np.random.default_rng(seed)
    kept = np.array([name in keep for name in names])
    found, drawn = np.zeros(len(names)), np.empty(len(loans.y))
    for _ in range(_N_RESAMPLES):
        drawn[order] = rng.poisson(1, len(order))
        drawn *= loans._weights
        covariance: Array = linalg.pinv(information_at(fit, columns, drawn) + np.diag(ridge))
        pull = gradient_at(fit, columns, loans.y, drawn) - ridge * at
        slopes: Array = (at + covariance @ pull)[1:]
        found += _left(slopes, covariance[1:, 1:], least, kept, n_features or 0)
    return pd.Series(found / _N_RESAMPLES, index=pd.Index(names, name="feature"))


def _left(
    slopes: Array,
    covariance: Array,
    least: Array,
    keep: NDArray[np.bool_],
    n_features: int,
) -> NDArray[np.bool_]:
    """Which features are left, of estimates whose likelihood is quadratic."""
    left = np.ones(len(slopes), dtype=bool)
    slopes, covariance = slopes.copy(), covariance.copy()

    def drop(k: int) -> None:
        # the best of the others where this one is 0
        slopes[:] -= covariance[:, k] / covariance[k, k] * slopes[k]
        covariance[:] -= np.outer(covariance[:, k], covariance[k]) / covariance[k, k]
        left[k] = False

    while left.any():
        wrong = np.flatnonzero(left & (slopes >= 0))
        if len(wrong):
            drop(int(wrong[slopes[wrong].argmax()]))
            continue
        wald = np.full(len(left), np.inf)
        free = left & ~keep
        wald[free] = slopes[free] ** 2 / np.diag(covariance)[free]
        weakest = int(wald.argmin())
        if left.sum() <= n_features or not wald[weakest] < least[weakest]:
            break
        drop(weakest)
    return left


def choice_table(
    loans: Loans, card: Sequence[str], dropped: pd.DataFrame, again: pd.Series
) -> pd.DataFrame:
    """What speaks for each feature, on the card and off it.

    Parameters
    ----------
    loans, card, dropped
        As of :func:`backward`.
    again : Series, index feature
        Of :func:`chosen_again`.

    Returns
    -------
    DataFrame, index feature: the card's, then the others in the order of dropping
        on_card; dropped_as (first, second, …; missing on the card); statistic and p_value (of the
        test that dropped it, or on the card of the one that did not: after selection, so too
        small); chosen_again; gain, gain_low, gain_high (by how much it lowers, or would lower, a
        loan's mean log loss out of fold, with a 95 % interval).
    """
    fit = loans.fit(card)
    slopes = dict(zip(card, fit.coefficients, strict=True))
    loss = loans.unseen_losses(card, slopes)
    records = []
    for name in [*card, *(name for name in dropped.index if name not in card)]:
        if name in card:
            others = [other for other in card if other != name]
            gained = loans.unseen_losses(others, slopes) - loss
            statistic = loans.ratio(card, fit, others)
            p_value, place = loans.p_value(name, statistic), pd.NA
        else:
            gained = loss - loans.unseen_losses([*card, name], slopes)
            statistic, p_value = dropped.loc[name]
            place = dropped.index.get_loc(name) + 1
        gain, error = loans.mean(gained)
        records.append(
            {
                "feature": name,
                "on_card": name in card,
                "dropped_as": place,
                "statistic": statistic,
                "p_value": p_value,
                "chosen_again": again[name],
                "gain": gain,
                "gain_low": gain - _Z95 * error,
                "gain_high": gain + _Z95 * error,
            }
        )
    table = pd.DataFrame(records, columns=["feature", *NO_CHOICE.columns]).set_index("feature")
    return table.astype(NO_CHOICE.dtypes.to_dict())
