"""The scorecard: a logistic regression on WoE as whole points that add up to a score.

Takes features and a label; gives a classifier whose score is a sum of points from a printed table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import asdict, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from riskkit.binning import (
    CrossFitted,
    WoeBinner,
    cross_fitted,
    lookup_select,
    variance_inflation,
)
from riskkit.checks import bad_flags, refuse_unknown, same_rows
from riskkit.columns import Description, require_features
from riskkit.schema import Feature
from riskkit.scorecard.choice import (
    NO_CHOICE,
    Loans,
    backward,
    choice_table,
    chosen_again,
    fewest_by_loss,
)
from riskkit.scorecard.pmml import scorecard_pmml
from riskkit.scorecard.reasons import reasons_table
from riskkit.scorecard.regression import (
    Fit,
    bootstrap_covariance,
    fit_bounded,
    information_at,
    why_unfit,
)
from riskkit.scorecard.scale import (
    CREDIT_SCORE,
    ScoreClassifier,
    ScoreScale,
    require_text_names,
    spread_base,
)
from riskkit.scorecard.stored import StoredCard, require_near, require_whole
from riskkit.scorecard.words import bin_words, catalogue, feature_label

__all__ = ["NoFeatureLeft", "Scorecard"]

BASES = ("separate", "spread")
_Z95 = float(special.ndtri(0.975))


class NoFeatureLeft(ValueError):
    """No feature offered to a card tells goods from bads."""


class Scorecard(ScoreClassifier):
    """Sign-constrained logistic regression on WoE, scaled and rounded to whole points.

    The rounded card is the model: probabilities are those of the whole-number score. WoE is
    positive for safer bins, so a coefficient in logit P(bad) above 0 would turn a feature's order
    round; it is bounded by 0, and a feature on that bound is dropped. Without a penalty so is one
    whose bins separate goods from bads, since no finite coefficient is the best, and the last of
    those that say all of each other.

    Parameters
    ----------
    binner : WoeBinner, optional
        A fitted one is used as it is, so that the bins an analyst has accepted stay; an unfitted
        one (or none: the default binner) is fitted to the training rows. scikit-learn's `clone`
        keeps its settings, not its bins.
    features : sequence of str, optional
        Features to offer; by default all of the binner's.
    max_p_value : float, optional
        A feature is on the card if its likelihood ratio test, one-sided since signs are bound,
        supports it at this level on WoE of bins made on other loans; the weakest goes first, see
        :func:`riskkit.scorecard.choice.backward`. The coefficients are those of that regression,
        too: bins flatter the loans that made them, and coefficients fitted to those promise too
        much. None takes all with the right sign, fitted to the loans that made the bins.
    max_features : int, optional
        Choose by loss instead: at most so many features, as many as have the least log loss out of
        fold, and those of `keep`.
    keep : mapping of feature to str, optional
        Features that no test drops, each with the reason why.
    n_folds : int
        Folds of the test; fewer where there are not as many goods or bads.
    scale : ScoreScale, optional
    penalty : float
        Ridge penalty per row on the coefficients, at least 0.
    base : str
        Where the points that everybody gets stand: "separate", or "spread" over the features, so
        that the card has no base and no attribute has negative points. The score is the same.
    n_bootstrap : int
        Refits on resampled rows, for standard errors under a penalty; 0 leaves them out. Without a
        penalty the information matrix gives them, and none is made. A resample without a good or
        without a bad says nothing and is drawn again.
    seed : int
        Of the resampling and of the folds.

    Attributes
    ----------
    binner_ : WoeBinner
    intercept_ : float
    coefficients_ : Series, index feature
        Of the features on the card.
    dropped_ : dict of str to str
        Feature → why it is not on the card.
    choice_ : DataFrame
        What speaks for each feature, as of :func:`riskkit.scorecard.choice.choice_table`; without
        rows where nothing was tested.
    covariance_ : DataFrame or None
        Of the intercept and the coefficients; None where a penalty leaves it unknown.
    vif_ : Series, index feature
        Variance inflation factors of the card's WoE.
    base_points_ : int
    points_ : dict of str to int array
        Points of each bin in the binner's order, the unseen last.
    average_points_ : dict of str to float
        Mean points of each feature over the rows the bins were made on.
    classes_ : array, (0, 1)

    References
    ----------
    Siddiqi (2006), Credit Risk Scorecards, ch. 6; sign constraints, riskkit definition.
    """

    json_kind = "riskkit.Scorecard"
    json_version = 2  # under a checksum
    json_shape = StoredCard

    def __init__(
        self,
        binner: WoeBinner | None = None,
        *,
        features: Sequence[str] | None = None,
        max_p_value: float | None = 0.05,
        max_features: int | None = None,
        keep: Mapping[str, str] | None = None,
        n_folds: int = 5,
        scale: ScoreScale | None = None,
        penalty: float = 0.0,
        base: str = "separate",
        n_bootstrap: int = 0,
        seed: int = 1,
    ):
        self.binner = binner
        self.features = features
        self.max_p_value = max_p_value
        self.max_features = max_features
        self.keep = keep
        self.n_folds = n_folds
        self.scale = scale
        self.penalty = penalty
        self.base = base
        self.n_bootstrap = n_bootstrap
        self.seed = seed

    def check_settings(self) -> None:
        """Refuse settings that no card could be fitted by.

        Raises
        ------
        ValueError
            Names the setting, its range and the value.
        """
        if self.penalty < 0:
            raise ValueError(f"penalty must be at least 0, got {self.penalty!r}")
        if self.max_p_value is not None and not 0 < self.max_p_value <= 1:
            raise ValueError(f"max_p_value must lie in (0, 1], got {self.max_p_value!r}")
        if self.max_features is not None and not self.max_features >= 1:
            raise ValueError(f"max_features must be at least 1, got {self.max_features!r}")
        if self.n_folds < 2:
            raise ValueError(f"n_folds must be at least 2, got {self.n_folds!r}")
        if self.base not in BASES:
            raise ValueError(f"base must be one of {BASES}, got {self.base!r}")
        named = None if self.features is None else list(self.features)
        twice = [name for name, n in Counter(named).items() if n > 1]
        if twice:
            raise ValueError(f"features names {twice} more than once")

    def fit(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        sample_weight: np.ndarray | pd.Series | None = None,
        *,
        groups: ArrayLike | None = None,
        unseen: CrossFitted | None = None,
    ) -> Scorecard:
        """Fit to rows.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
        y : array of shape (n_rows,)
            1 = bad, 0 = good.
        sample_weight : array of shape (n_rows,), optional
            At least 0 and finite; a row of weight 0 takes no part. Standard errors read weights as
            numbers of loans, and so does the choice of features, but of weights below one row on
            average only their ratios count in it.
        groups : array of shape (n_rows,), optional
            Such as the customer, whose rows stay in one fold of the test.
        unseen : CrossFitted, optional
            What :func:`riskkit.binning.cross_fitted` gives for these rows and the features offered,
            where it is known; the test is then made on it.

        Raises
        ------
        ValueError
            A label of one class, unequal lengths, indexes that differ, a weight that is negative or
            not finite, a parameter out of range, a feature that is unknown or named twice, no
            feature with a coefficient below 0, or a base that cannot be spread.
        TypeError
            `X` is no DataFrame, or a feature's name is not text.
        """
        taken, y, weight = self._training_rows(X, y, sample_weight)
        same_rows(X=X, groups=groups, unseen=getattr(unseen, "woe", None))
        if not taken.all():
            X = X[taken]
            groups = None if groups is None else np.asarray(groups)[taken]
            if unseen is not None:
                unseen = replace(unseen, woe=unseen.woe[taken], fold=unseen.fold[taken])
        self.check_settings()
        named = None if self.features is None else list(self.features)
        binner = self.binner if self.binner is not None else WoeBinner()
        if not hasattr(binner, "bins_"):
            require_features(X, named or ())
            binner = clone(binner).fit(X, y, weight, features=named)
        self.binner_: WoeBinner = binner
        known = list(binner.bins_)
        offered = known if named is None else named
        require_text_names(offered)
        kept_by_reason = dict(self.keep or {})
        refuse_unknown("keep", kept_by_reason, offered)
        unknown = sorted(set(offered) - set(known))
        if unknown:
            raise ValueError(f"features {unknown} are not binned; binned: {known}")
        require_features(X, known)
        woe = taught = self.binner_.transform(X)[offered]
        unfit = {name: why_unfit(woe[name].to_numpy(), y, self.penalty) for name in offered}
        self.dropped_: dict[str, str] = {name: why for name, why in unfit.items() if why}
        kept = [name for name in offered if name not in self.dropped_]
        self.choice_ = NO_CHOICE
        if kept and (self.max_p_value is not None or self.max_features is not None):
            loans = self._loans(X, y, weight, groups, kept, unseen)
            kept, taught = self._choose(loans, self._distinct(loans, kept)), loans.woe
        columns = taught[kept].to_numpy()
        while True:
            if not kept:
                tested = len(self.choice_) and self.max_features is None
                at = f" that the loans support at p ≤ {self.max_p_value:g}" if tested else ""
                raise NoFeatureLeft(
                    f"no feature is left on the card: none has a finite coefficient below 0{at}"
                )
            fit = fit_bounded(columns, y, weight, self.penalty)
            vif = variance_inflation(woe[kept].to_numpy())
            alike = np.flatnonzero(np.isinf(vif))
            if fit.on_bound.any():
                for k in np.flatnonzero(fit.on_bound):
                    self.dropped_[kept[k]] = "coefficient would have the wrong sign"
            elif self.penalty == 0 and len(alike):
                self.dropped_[kept[alike[-1]]] = "says nothing that the others do not say"
            else:
                break
            kept = [name for name in kept if name not in self.dropped_]
            columns = taught[kept].to_numpy()
        self.choice_ = self.choice_.assign(on_card=self.choice_.index.isin(kept))
        self.intercept_ = fit.intercept
        self.coefficients_ = pd.Series(
            fit.coefficients, index=pd.Index(kept, name="feature"), name="coefficient"
        )
        self.covariance_ = self._covariance(fit, columns, y, weight)
        self.vif_ = pd.Series(vif, self.coefficients_.index, name="vif")
        self._round_to_points()
        return self

    def _loans(
        self,
        X: pd.DataFrame,
        y: np.ndarray,
        weight: np.ndarray | None,
        groups: ArrayLike | None,
        offered: list[str],
        unseen: CrossFitted | None,
    ) -> Loans:
        """The loans, each in bins that others made."""
        if unseen is not None and not isinstance(unseen, CrossFitted):
            raise TypeError(f"unseen must be a CrossFitted, got {type(unseen).__name__}")
        if unseen is None:
            unseen = cross_fitted(
                self.binner_,
                X,
                y,
                weight,
                groups=groups,
                features=offered,
                n_folds=self.n_folds,
                seed=self.seed,
            )
        same_rows(X=X, unseen=unseen.woe)
        lacking = [name for name in offered if name not in unseen.woe]
        if lacking:
            raise ValueError(f"unseen lacks the features {lacking}")
        if not unseen.counts:
            raise ValueError(
                "a test of features needs two goods and two bads at least, of two groups each; "
                "max_p_value=None tests none"
            )
        return Loans(unseen.woe, y, weight, unseen.fold, self.penalty, unseen.chance_scores)

    def _distinct(self, loans: Loans, offered: list[str]) -> list[str]:
        """Features neither constant nor repeated in bins that other loans made; why not the others.

        A test of a feature and its copy would find each needless beside the other.
        """
        woe, keep = loans.woe[offered], self.keep or {}
        constant = woe.columns[np.ptp(woe.to_numpy(), axis=0) == 0]
        self.dropped_ |= dict.fromkeys(constant, "one bin only, on loans that did not choose it")
        left = [name for name in offered if name not in self.dropped_]
        while self.penalty == 0 and len(left) > 1:
            alike = np.isinf(variance_inflation(woe[left].to_numpy()))
            names = [name for name, is_alike in zip(left, alike, strict=True) if is_alike]
            if not names:
                break
            last = next((name for name in names[::-1] if name not in keep), names[-1])
            self.dropped_[last] = "says nothing that the others do not say"
            left.remove(last)
        return left

    def _choose(self, loans: Loans, offered: list[str]) -> list[str]:
        """Features that the loans support, in the order offered; the others with their reasons."""
        if not offered:
            return []
        keep = list(self.keep or {})
        if self.max_features is None:
            card, dropped = backward(loans, offered, self.max_p_value, keep)
        else:
            _, dropped = backward(loans, offered, None)
            chosen = fewest_by_loss(loans, dropped, self.max_features)
            card = [name for name in offered if name in chosen or name in keep]
        size = None if self.max_features is None else len(card)
        again = chosen_again(loans, offered, self.max_p_value, keep, size, self.seed)
        self.choice_ = choice_table(loans, card, dropped, again)
        for name, found in self.choice_[~self.choice_["on_card"]].iterrows():
            on_bound = found["statistic"] == 0
            self.dropped_[str(name)] = (
                "wrong sign on loans that did not choose its bins"
                if on_bound
                else f"not supported, p = {found['p_value']:.2g}"
                if self.max_features is None
                else "no gain out of fold"
            )
        return card

    def _covariance(
        self, fit: Fit, woe: np.ndarray, y: np.ndarray, weight: np.ndarray | None
    ) -> pd.DataFrame | None:
        """Covariance of the estimates.

        No bound is active on the card, since features on theirs are dropped: the estimates are the
        unbounded maximum of the likelihood, and the inverse information is their covariance. It
        takes the features as given, so it is silent on how they were chosen.
        """
        names = ["intercept", *self.coefficients_.index]
        if self.penalty == 0:
            information = information_at(fit, woe, weight)
            return pd.DataFrame(np.linalg.inv(information), index=names, columns=names)
        if self.n_bootstrap < 2:
            return None
        found = bootstrap_covariance(woe, y, weight, self.penalty, self.n_bootstrap, self.seed)
        return pd.DataFrame(found, names, names)

    def recalibrated(self, log_odds: float) -> Scorecard:
        """The same card at another level: so much more in the log-odds of bad, rounded to points.

        Parameters
        ----------
        log_odds : float
            Above 0: riskier than the loans said that taught it.
        """
        check_is_fitted(self, "points_")
        moved = copy(self)
        moved.intercept_ = self.intercept_ + log_odds
        moved._round_to_points()
        return moved

    def _round_to_points(self) -> None:
        scale = self.score_scale
        self.base_points_ = round(scale.offset - scale.factor * self.intercept_)
        self.points_ = {
            name: np.rint(-scale.factor * slope * self.binner_.bins_[name].woe).astype(np.int64)
            for name, slope in self.coefficients_.items()
        }
        if self.base == "spread":
            self.points_ = spread_base(self.points_, self.base_points_)
            self.base_points_ = 0
        self.feature_names_in_ = np.array(list(self.points_), dtype=object)
        self.n_features_in_ = len(self.points_)
        self._average()

    def _average(self) -> None:
        self.average_points_ = {}
        for name, points in self.points_.items():
            rows = self.binner_.bins_[name].counts.sum(axis=1)
            self.average_points_[name] = float(points[:-1] @ rows / rows.sum())

    def credit_score(self, X: pd.DataFrame) -> pd.Series:
        """Credit score of each row: base points plus those of its bins; higher is safer.

        Returns
        -------
        Series of int, index of `X`, named credit_score
        """
        check_is_fitted(self, "points_")
        require_features(X, self.points_)
        score = np.full(len(X), self.base_points_, dtype=np.int64)
        for name, points in self.points_.items():
            score += self.binner_.bins_[name].look_up(X[name], points)
        return pd.Series(score, index=X.index, name=CREDIT_SCORE)

    def scored(self, X: pd.DataFrame) -> pd.DataFrame:
        """Credit score and probability of bad of each row; the rounded card is the model.

        Returns
        -------
        DataFrame, index of `X`
            credit_score, default_probability.
        """
        score = self.credit_score(X).to_numpy()
        return self._table(X, score, self.score_scale.probability(score))

    def reasons(
        self,
        X: pd.DataFrame,
        n: int = 4,
        *,
        reference: str = "average",
        features: Sequence[Feature] | None = None,
    ) -> pd.DataFrame:
        """What cost each applicant the most points, against a stated reference.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_features)
        n : int
            At most so many reasons a row.
        reference : str
            "average": the feature's mean points over the rows the bins were made on; "best": its
            most points.
        features : sequence of Feature, optional
            The catalogue, for labels, units and the meaning of special codes; without it, reasons
            name features by their columns.

        Returns
        -------
        DataFrame, index (row, rank)
            row as in the index of `X`, rank from 1; feature, reason (label and bin in words, such
            as "Requested term: 12 to 36 months"), points, reference_points, points_lost (above 0).
            A row that lost none has no entry.

        Source
        ------
        Siddiqi (2006), Credit Risk Scorecards, ch. 6, adverse codes: points below a neutral score.
        """
        check_is_fitted(self, "points_")
        require_features(X, self.points_)
        aims = self._aims(reference)
        names = list(self.points_)
        places = np.column_stack([self.binner_.bins_[name].assign(X[name]) for name in names])
        got = np.column_stack([self.points_[name][places[:, k]] for k, name in enumerate(names)])
        told = catalogue(features)
        texts = [self._texts(name, told.get(name)) for name in names]
        aim = np.array([aims[name] for name in names])
        return reasons_table(
            X.index, names, got, aim, lambda row, column: texts[column][places[row, column]], n
        )

    def _aims(self, reference: str) -> dict[str, float]:
        if reference == "average":
            return self.average_points_
        if reference == "best":
            return {name: float(points.max()) for name, points in self.points_.items()}
        raise ValueError(f"reference must be average or best, got {reference!r}")

    def _texts(self, name: str, feature: Feature | None) -> list[str]:
        """Label and words of each bin, the unseen last."""
        label = feature_label(name, feature)
        return [f"{label}: {words}" for words in bin_words(self.binner_.bins_[name], feature)]

    def score_one(
        self,
        applicant: Mapping[str, Any],
        n: int = 4,
        *,
        reference: str = "average",
        features: Sequence[Feature] | None = None,
    ) -> tuple[int, list[str]]:
        """Score of one applicant, and up to `n` reasons in words; as :meth:`reasons` gives them.

        Parameters
        ----------
        applicant : mapping of feature to value
            Every feature of the card; None or NaN where it is missing.
        n, reference, features
            As in :meth:`reasons`.

        Raises
        ------
        ValueError
            A feature is absent.
        TypeError
            Text where a number belongs.
        """
        check_is_fitted(self, "points_")
        absent = [name for name in self.points_ if name not in applicant]
        if absent:
            raise ValueError(f"the applicant lacks {absent}; None says that a value is missing")
        aims = self._aims(reference)
        score, costs = self.base_points_, []
        for name, points in self.points_.items():
            bins = self.binner_.bins_[name]
            place = bins.place(applicant[name])
            got = int(points[place])
            score += got
            if aims[name] > got:
                costs.append((aims[name] - got, name, place))
        costs.sort(key=lambda cost: -cost[0])
        told = catalogue(features)
        texts = [self._texts(name, told.get(name))[place] for _, name, place in costs[:n]]
        return score, texts

    def to_sql(
        self,
        table: str | Sequence[str],
        dialect: str = "duckdb",
        *,
        keys: Sequence[str] = (),
        derived: Mapping[str, str] | None = None,
    ) -> str:
        """One SELECT of the keys and `credit_score`, equal to :meth:`credit_score` on every row.

        Parameters
        ----------
        table, dialect, keys
            As for :meth:`WoeBinner.to_sql`.
        derived : mapping of str to str, optional
            Further columns, each an SQL expression over the columns of the table, which it calls
            ``asked``; nothing of it is checked.
        """
        check_is_fitted(self, "points_")
        features = {name: self.binner_.bins_[name] for name in self.points_}
        return lookup_select(
            features,
            self.points_,
            table,
            dialect=dialect,
            keys=keys,
            derived=derived,
            sum_as=CREDIT_SCORE,
            base=self.base_points_,
        )

    def to_pmml(
        self,
        *,
        score_as: str = "credit_score",
        probability_as: str = "default_probability",
        n_reasons: int = 4,
    ) -> str:
        """PMML 4.4 document by which an engine gives the card's score and probability of bad.

        The score equals :meth:`credit_score` on every row, and the probability the second column of
        :meth:`predict_proba` but for the last digits of exp. A number is a double, NaN is missing,
        and a level is the text that the card knows it by: 1, not 1.0. A file of it is UTF-8.

        Parameters
        ----------
        score_as, probability_as : str
            Names of the outputs.
        n_reasons : int
            Outputs ``reason_1`` and so on: the features that cost the applicant the most points
            against their average points, as :meth:`reasons` tells them. Where fewer did, JPMML
            leaves the rest empty and PMML4S repeats the last one. 0 leaves them out.

        Returns
        -------
        str

        Raises
        ------
        ValueError
            A negative `n_reasons`, a feature or level with a character that XML cannot hold, such
            as a control character, a feature without a name or of an output's name.

        Source
        ------
        Data Mining Group (2019), PMML 4.4, Scorecard, http://dmg.org/pmml/v4-4-1/Scorecard.html.
        """
        check_is_fitted(self, "points_")
        return scorecard_pmml(
            {name: self.binner_.bins_[name] for name in self.points_},
            self.points_,
            self.average_points_,
            self.score_scale,
            base=self.base_points_,
            score_as=score_as,
            probability_as=probability_as,
            n_reasons=n_reasons,
        )

    def coefficients(self) -> pd.DataFrame:
        """Regression behind the points.

        Returns
        -------
        DataFrame, index feature
            coefficient (of WoE in logit P(bad)); standard_error, z, p_value (two-sided), low, high
            (95 % interval) from `covariance_`, NaN where there is none; vif; iv; points_range (most
            minus fewest points). Attribute ``errors_from``: information, bootstrap or none.
        """
        check_is_fitted(self, "points_")
        table = self.coefficients_.to_frame()
        table["standard_error"] = np.nan
        errors_from = "none"
        if self.covariance_ is not None:
            errors_from = "bootstrap" if self.penalty > 0 else "information"
            table["standard_error"] = np.sqrt(np.diag(self.covariance_)[1:])
        table["z"] = table["coefficient"] / table["standard_error"]
        table["p_value"] = 2 * special.ndtr(-table["z"].abs())
        table["low"] = table["coefficient"] - _Z95 * table["standard_error"]
        table["high"] = table["coefficient"] + _Z95 * table["standard_error"]
        table.attrs["errors_from"] = errors_from
        table["vif"] = self.vif_
        table["iv"] = self.binner_.iv.reindex(table.index)
        table["points_range"] = [int(np.ptp(self.points_[name])) for name in table.index]
        return table.sort_values("points_range", ascending=False, kind="stable")

    def held_out(
        self,
        X: pd.DataFrame,
        y: np.ndarray | pd.Series,
        new_X: pd.DataFrame,
        new_y: np.ndarray | pd.Series,
    ) -> pd.DataFrame:
        """What each feature of the card brings on loans that chose neither bins nor features.

        The regression is fitted anew to the first loans with all and without each feature, on the
        card's bins, and both are judged on the new ones.

        Parameters
        ----------
        X, y : DataFrame of shape (n_rows, n_features), array of shape (n_rows,)
            The loans of fit.
        new_X, new_y
            Others, at least one good and one bad among them.

        Returns
        -------
        DataFrame, index feature
            sign_holds (whether a regression on the new loans gives it a coefficient below 0, too);
            new_gain, new_gain_low, new_gain_high (by how much it lowers a new loan's mean log loss,
            with a 95 % interval).

        Source
        ------
        riskkit definition; the interval is that of a mean paired difference.
        """
        check_is_fitted(self, "points_")
        names = list(self.points_)
        old, new = (
            Loans(
                self.binner_.transform(rows)[names],
                bad_flags(labels, len(rows)).astype(float),
                None,
                np.zeros(len(rows), dtype=np.int64),
                self.penalty,
            )
            for rows, labels in ((X, y), (new_X, new_y))
        )
        slopes = self.coefficients_.to_dict()
        loss = new.losses(names, old.fit(names, None, slopes))
        signs = ~new.fit(names, None, slopes).on_bound
        records = {}
        for name, holds in zip(names, signs, strict=True):
            others = [other for other in names if other != name]
            gain, error = new.mean(new.losses(others, old.fit(others, None, slopes)) - loss)
            low, high = gain - _Z95 * error, gain + _Z95 * error
            records[name] = {
                "sign_holds": bool(holds),
                "new_gain": gain,
                "new_gain_low": low,
                "new_gain_high": high,
            }
        table = pd.DataFrame.from_dict(records, orient="index").rename_axis("feature")
        return table.astype({"sign_holds": bool})

    def points_table(self) -> pd.DataFrame:
        """The card as one would print it.

        Returns
        -------
        DataFrame, index (feature, bin)
            points, share, bad_rate, woe. The first row is the base, where it is not spread; the
            score is the base plus the points of one bin per feature.
        """
        check_is_fitted(self, "points_")
        base = pd.DataFrame(
            {"points": [self.base_points_], "share": [1.0]},
            index=pd.MultiIndex.from_tuples([("base", "every applicant")]),
        )
        tables = [] if self.base == "spread" else [base]
        for name in self.coefficients().index:
            table = self.binner_.table(name)[["share", "bad_rate", "woe"]]
            table.insert(0, "points", self.points_[name][:-1])
            table.index = pd.MultiIndex.from_product([[name], table.index])
            tables.append(table)
        return pd.concat(tables).rename_axis(["feature", "bin"])

    def describe(self) -> Description:
        """What is on the card, or that nothing is yet, and what to call next."""
        if not hasattr(self, "points_"):
            return self._not_fitted()
        ends = [(int(own[:-1].min()), int(own[:-1].max())) for own in self.points_.values()]
        low, high = (self.base_points_ + sum(end[side] for end in ends) for side in (0, 1))
        facts = {
            "features": f"{', '.join(self.points_)} ({len(self.dropped_)} dropped)",
            "points": f"{low} to {high}, base points {self.base_points_}",
            "scale": self._scale_words,
        }
        calls = [".points_table()", ".coefficients()", ".credit_score(X)", ".reasons(X)"]
        return Description("Scorecard", facts, [*calls, '.save("scorecard.json")'])

    def _values(self) -> dict[str, Any]:
        check_is_fitted(self, "points_")
        return {
            "scale": asdict(self.score_scale),
            "settings": self._settings("binner", "scale"),
            "covariance": None
            if self.covariance_ is None
            else self.covariance_.to_numpy().tolist(),
            "vif": {n: v if np.isfinite(v) else None for n, v in self.vif_.items()},
            "intercept": self.intercept_,
            "coefficients": self.coefficients_.to_dict(),
            "dropped": self.dropped_,
            "choice": {
                name: [None if pd.isna(value) else value for value in column.tolist()]
                for name, column in self.choice_.reset_index().items()
            },
            "base_points": self.base_points_,
            "points": {name: points.tolist() for name, points in self.points_.items()},
            "binner": self.binner_.to_json(),
            "bins_given": self.binner_ is self.binner,
        }

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        binner = WoeBinner.from_json(values["binner"])
        require_whole(values, {str(n): len(bins.counts) for n, bins in binner.bins_.items()})
        given = binner if values["bins_given"] else clone(binner)
        card = cls(given, scale=ScoreScale(**values["scale"]), **values["settings"])
        card.check_settings()
        card.binner_ = binner
        card.classes_ = np.array([0, 1])
        card.intercept_ = values["intercept"]
        card.coefficients_ = pd.Series(values["coefficients"], name="coefficient", dtype=float)
        card.coefficients_.index.name = "feature"
        card.dropped_ = dict(values["dropped"])
        choice = pd.DataFrame(values["choice"], columns=["feature", *NO_CHOICE.columns])
        card.choice_ = choice.set_index("feature").astype(NO_CHOICE.dtypes.to_dict())
        if np.isinf(card.choice_.select_dtypes("number").to_numpy(dtype=float)).any():
            raise ValueError("choice: expected finite figures")
        names = ["intercept", *card.coefficients_.index]
        found = values["covariance"]
        card.covariance_ = found if found is None else pd.DataFrame(found, names, names)
        card.vif_ = pd.Series(values["vif"], name="vif", dtype=float).rename_axis("feature")
        card._round_to_points()
        points = {name: np.array(own) for name, own in values["points"].items()}
        require_near(values["base_points"], points, card.base_points_, card.points_)
        card.base_points_, card.points_ = values["base_points"], points
        card._average()
        return card
