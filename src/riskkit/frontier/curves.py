"""What every cutoff of every model approves and earns, on the loans as they are and as drawn anew.

Takes scores and the money of each application; gives sums per score point, one row a draw, so that
any two figures of one draw rest on the same applicants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from riskkit.frontier.unseen import MONEY, Unseen, check_applications
from riskkit.target import expected_loans

__all__ = ["Curve", "Curves", "draw_curves"]

_FEWEST_DRAWS, _MOST_DRAWN, _BLOCK = 50, 40_000_000, 4_000_000
# more distinct scores are taken together at their quantiles
_MOST_POINTS = 1_000
_TODAY = ""  # no model's name


@dataclass(frozen=True, eq=False)
class Curve:
    """Of one model, at or above each of its cutoffs from the safest down; a row a draw.

    Parameters
    ----------
    cutoffs : float array of shape (n_points,)
        Descending.
    approval_rate : float array of shape (1 + n_draws, n_points)
        Row 0 are the applications as they are, here and below.
    good, bad, profit : float arrays of that shape
        Of known outcomes; the profit in units of the currency.
    never_booked_rate : float array of that shape
        Approved there whom the old policy never booked ÷ approved there.
    loans, expected_bad, expected_profit : float arrays of that shape
        Of known outcomes and of those unseen, who repay like known loans of their scores.
    """

    cutoffs: np.ndarray
    approval_rate: np.ndarray
    good: np.ndarray
    bad: np.ndarray
    profit: np.ndarray
    never_booked_rate: np.ndarray
    loans: np.ndarray
    expected_bad: np.ndarray
    expected_profit: np.ndarray

    @property
    def expected_bad_rate(self) -> np.ndarray:
        """Expected bads ÷ loans, NaN where there is none."""
        return ratio(self.expected_bad, self.loans)

    @property
    def bad_rate(self) -> np.ndarray:
        """Known bads ÷ known outcomes, NaN where there is none."""
        return ratio(self.bad, self.good + self.bad)

    def at_approval(self, values: np.ndarray, approval_rate: np.ndarray) -> np.ndarray:
        """A sum of each draw where so many are approved, between two cutoffs drawn by lot.

        Parameters
        ----------
        values : float array of shape (1 + n_draws, n_points)
            At or above each cutoff: 0 where nobody is approved.
        approval_rate : float array of shape (1 + n_draws,)
        """
        return np.array(
            [
                np.interp(asked, np.append(0.0, rates), np.append(0.0, sums))
                for asked, rates, sums in zip(
                    approval_rate, self.approval_rate, values, strict=True
                )
            ]
        )

    def within_bad_rate(self, bad_rate: np.ndarray) -> np.ndarray:
        """Place of the lowest cutoff of each draw whose expected bad rate keeps a limit, or −1."""
        with np.errstate(invalid="ignore"):
            kept = self.expected_bad_rate <= bad_rate[:, None]
        last = kept.shape[1] - 1 - kept[:, ::-1].argmax(axis=1)
        return np.where(kept.any(axis=1), last, -1)

    def place(self, cutoff: float) -> int:
        """Of the lowest cutoff that is at least this; −1 where all scores lie below it."""
        return int((self.cutoffs >= cutoff).sum()) - 1


@dataclass(frozen=True, eq=False)
class Curves:
    """Sums per score point of each model, a row a draw of the applications.

    Parameters
    ----------
    points : dict of model to float array of shape (n_points,)
        Distinct scores, ascending.
    sums : dict of model to dict of float arrays of shape (1 + n_draws, n_points)
        `applications`, `booked`; of known outcomes `good`, `bad`, and `margin` of the goods, `loss`
        of the bads, `cost` of both, in units of the currency; `unseen`, how many loans those
        without an outcome stand for, and `unseen_good`, what they would earn as goods.
    guessed : dict of (model, uplift) to dict of float arrays of that shape
        Of those unseen, `bad`, how many are expected, and `worse`, what they earn less for it.
    today : dict of tuple to float arrays of shape (1 + n_draws,)
        Of those the old policy approved: (name,) of `sums`, (name, uplift) of `guessed`, and how
        many applications there are, (`everybody`,).
    everybody_approved : bool
        Whether the old policy approved all.
    n_applications, n_bad : int
        Applications, and known bads.
    """

    points: dict[str, np.ndarray]
    sums: dict[str, dict[str, np.ndarray]]
    guessed: dict[tuple[str, float], dict[str, np.ndarray]]
    today: dict[tuple[object, ...], np.ndarray]
    everybody_approved: bool
    n_applications: int
    n_bad: int

    @property
    def today_rate(self) -> np.ndarray:
        """Approved by the old policy ÷ all, of each draw."""
        return ratio(self.today["applications",], self.today["everybody",])

    def curve(self, model: str, uplift: float = 1.0) -> Curve:
        """What each cutoff of a model approves and earns, in each draw.

        Raises
        ------
        ValueError
            The uplift is not among those drawn.
        """
        self._drawn(uplift)
        sums, guessed = self.sums[model], self.guessed[model, uplift]
        profit = sums["margin"] - sums["loss"] - sums["cost"]
        applications = _above(sums["applications"])
        return Curve(
            cutoffs=self.points[model][::-1],
            approval_rate=ratio(applications, applications[:, -1:]),
            good=_above(sums["good"]),
            bad=_above(sums["bad"]),
            profit=_above(profit),
            never_booked_rate=1 - ratio(_above(sums["booked"]), applications),
            loans=_above(sums["good"] + sums["bad"] + sums["unseen"]),
            expected_bad=_above(sums["bad"] + guessed["bad"]),
            expected_profit=_above(profit + sums["unseen_good"] - guessed["worse"]),
        )

    def policy(self, uplift: float = 1.0) -> dict[str, np.ndarray]:
        """The old policy in each draw: approval_rate, expected bad_rate and profit.

        Raises
        ------
        ValueError
            The uplift is not among those drawn.
        """
        self._drawn(uplift)
        today, guessed = self.today, (self.today["bad", uplift], self.today["worse", uplift])
        seen = today["margin",] - today["loss",] - today["cost",]
        return {
            "approval_rate": self.today_rate,
            "bad_rate": ratio(
                today["bad",] + guessed[0], today["good",] + today["bad",] + today["unseen",]
            ),
            "profit": seen + today["unseen_good",] - guessed[1],
        }

    def _drawn(self, uplift: float) -> None:
        uplifts = sorted({drawn for _, drawn in self.guessed})
        if uplift not in uplifts:
            raise ValueError(f"uplift must be one of those drawn, {uplifts}, got {uplift!r}")


def draw_curves(
    scores: pd.DataFrame,
    loans: pd.DataFrame,
    *,
    uplifts: Sequence[float] = (1.0, 2.0),
    n_draws: int = 400,
    seed: int = 1,
) -> Curves:
    """Sums per score point of each model, as they are and in draws of the same applications.

    Those without an outcome repay like known loans of the same scores, by a logistic regression of
    bad on all models' scores, refitted in each draw: one applicant has one probability whichever
    model lets him in.

    Parameters
    ----------
    scores : DataFrame of shape (n, n_models)
        Higher is safer, the simpler model first. More than 1,000 distinct scores of a model are
        taken together at their quantiles.
    loans : DataFrame of shape (n, 6 or more)
        approved and booked (bool, by the old policy), default_flag (missing where unknown), and
        margin_fen, loss_fen, cost_fen of :func:`riskkit.strategy.loan_values`.
    uplifts : sequence of float, 1 among them
        How many times the odds of bad of known loans of their scores those unseen may have.
    n_draws : int
        Poisson draws of the applications, at least 20; fewer, down to 50, where more than 40
        million applications would be drawn.
    seed : int

    Returns
    -------
    Curves

    Raises
    ------
    ValueError
        There is no model or no application, a column is missing, lengths differ, a score or a sum
        is not finite, a loan was booked but not approved or is known but was not booked, an uplift
        is not above 0, or `n_draws` is too small.

    Source
    ------
    Hanley, MacGibbon (2006), Creating non-parametric bootstrap samples using Poisson frequencies.
    """
    check_applications(scores, loans)
    if n_draws < 20:
        raise ValueError(f"n_draws must be at least 20, got {n_draws!r}")
    if 1.0 not in uplifts or not all(np.isfinite(u) and u > 0 for u in uplifts):
        raise ValueError(f"uplifts must be above 0 and hold 1, got {list(uplifts)}")
    sums = _Sums(scores, loans, uplifts)
    parts = [sums.of(times) for times in _times(len(loans), n_draws, seed)]
    whole = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return Curves(
        points=sums.points,
        sums={m: {name: whole[m, name] for name in sums.fields} for m in sums.points},
        guessed={
            (m, u): {name: whole[m, name, u] for name in sums.guessed}
            for m in sums.points
            for u in uplifts
        },
        today={key[1:]: value for key, value in whole.items() if key[0] == _TODAY},
        everybody_approved=bool(sums.approved.all()),
        n_applications=len(loans),
        n_bad=int(sums.fields["bad"].sum()),
    )


class _Sums:
    """What each application adds to each sum, and the sums of any draw."""

    def __init__(self, scores: pd.DataFrame, loans: pd.DataFrame, uplifts: Sequence[float]) -> None:
        outcome = loans["default_flag"].to_numpy(dtype=float)
        known, unseen = ~np.isnan(outcome), expected_loans(loans)
        good, bad = outcome == 0, outcome == 1
        margin, loss, cost = (loans[name].to_numpy(dtype=float) / 100 for name in MONEY)
        self.approved = loans["approved"].to_numpy(dtype=bool)
        self.fields = {
            "applications": np.ones(len(loans)),
            "booked": loans["booked"].to_numpy(dtype=float),
            "good": good.astype(float),
            "bad": bad.astype(float),
            "margin": margin * good,
            "loss": loss * bad,
            "cost": cost * known,
            "unseen": unseen,
            "unseen_good": unseen * (margin - cost),
        }
        self.uplifts, self.unseen = uplifts, unseen > 0
        each = {"bad": unseen, "worse": unseen * (margin + loss)}
        self.guessed = {name: values[self.unseen] for name, values in each.items()}
        self.line = Unseen(scores, outcome, self.unseen)
        self.points, self.at = {}, {}
        for name, column in scores.items():
            score = column.to_numpy(dtype=float)
            points = _points(score)
            self.points[str(name)] = points
            self.at[str(name)] = np.searchsorted(points, score, side="right") - 1

    def of(self, times: np.ndarray) -> dict[tuple[object, ...], np.ndarray]:
        """Sums of draws, by (model, name), (model, name, uplift), and those of the old policy."""
        drawn = times[:, self.unseen]
        risks = {uplift: drawn * self.line.chances(times, uplift) for uplift in self.uplifts}
        side = np.ascontiguousarray(times.T)
        risks_side = {uplift: np.ascontiguousarray(risk.T) for uplift, risk in risks.items()}
        found: dict[tuple[object, ...], np.ndarray] = {}
        for model, place in self.at.items():
            n = len(self.points[model])
            for name, values in self.fields.items():
                found[model, name] = _summed(side, place, values, n)
            for name, values in self.guessed.items():
                for uplift, risk in risks_side.items():
                    found[model, name, uplift] = _summed(risk, place[self.unseen], values, n)
        for name, values in self.fields.items():
            found[_TODAY, name] = times @ (values * self.approved)
        for name, values in self.guessed.items():
            for uplift, risk in risks.items():
                found[_TODAY, name, uplift] = risk @ (values * self.approved[self.unseen])
        found[_TODAY, "everybody"] = times.sum(axis=1)
        return found


def _summed(times: np.ndarray, place: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Sums of the values at each of so many places, a row a draw; the draws stand side by side."""
    # one value a column: nothing needs to be sorted
    shape = (n, len(place))
    matrix = sparse.csc_array((values, place, np.arange(len(place) + 1)), shape=shape)
    found: np.ndarray = (matrix @ times).T
    return found


def _points(score: np.ndarray) -> np.ndarray:
    points = np.unique(score)
    if len(points) <= _MOST_POINTS:
        return points
    inner = np.quantile(score, np.linspace(0, 1, _MOST_POINTS), method="inverted_cdf")
    return np.unique(inner)


def _times(n: int, n_draws: int, seed: int) -> Iterator[np.ndarray]:
    """How often each application counts: once, then as drawn; blocks of rows of draws."""
    yield np.ones((1, n))
    rng = np.random.default_rng(seed)
    n_draws = min(n_draws, max(_FEWEST_DRAWS, _MOST_DRAWN // n))
    size = max(1, _BLOCK // n)
    for first in range(0, n_draws, size):
        yield rng.poisson(1, (min(size, n_draws - first), n)).astype(np.float64)


def _above(values: np.ndarray) -> np.ndarray:
    """Sums at or above each score, from the safest down."""
    return values[:, ::-1].cumsum(axis=1)


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part ÷ whole, NaN where there is nothing to divide by."""
    found: np.ndarray = part / np.where(whole > 0, whole, np.nan)
    return found
