"""What every cutoff of every model approves and earns, on the loans as they are and as drawn anew.

Takes scores and the money of each application; gives sums per score point, one row a draw, so that
any two figures of one draw rest on the same applicants.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse, special

from riskkit import metrics
from riskkit.checks import flag_array, numeric_array, same_rows

__all__ = ["Curve", "Curves", "draw_curves", "expected_loans", "lines_of_draws"]

_MONEY = ("margin_fen", "loss_fen", "cost_fen")
_COLUMNS = ("approved", "booked", "default_flag", *_MONEY)
_FEWEST_DRAWS, _MOST_DRAWN, _BLOCK = 50, 40_000_000, 4_000_000
# more distinct scores are taken together at their quantiles
_MOST_POINTS = 1_000
_NEWTON_STEPS, _LONGEST_STEP = 6, 1.0


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
    loans, expected_bad, expected_profit : float arrays of that shape
        Of known outcomes and of those unseen, who repay like known loans of their score.
    """

    cutoffs: np.ndarray
    approval_rate: np.ndarray
    good: np.ndarray
    bad: np.ndarray
    profit: np.ndarray
    loans: np.ndarray
    expected_bad: np.ndarray
    expected_profit: np.ndarray

    @property
    def expected_bad_rate(self) -> np.ndarray:
        """Expected bads ÷ loans, NaN where there is none."""
        return _ratio(self.expected_bad, self.loans)

    @property
    def bad_rate(self) -> np.ndarray:
        """Known bads ÷ known outcomes, NaN where there is none."""
        return _ratio(self.bad, self.good + self.bad)

    def at_approval(self, values: np.ndarray, approval_rate: float) -> np.ndarray:
        """Values of each draw where so many are approved, between two cutoffs drawn by lot.

        Parameters
        ----------
        values : float array of shape (1 + n_draws, n_points)
            A sum at or above each cutoff: 0 where nobody is approved.
        approval_rate : float
        """
        return np.array(
            [
                np.interp(approval_rate, np.append(0.0, rates), np.append(0.0, sums))
                for rates, sums in zip(self.approval_rate, values, strict=True)
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
        `applications`; of known outcomes `good`, `bad`, and `margin` of the goods, `loss` of the
        bads, `cost` of both, in units of the currency; `unseen`, how many loans those without an
        outcome stand for, with what they earn as goods (`unseen_good`) and lose more as bads
        (`unseen_worse`); the same three of those approved by the old policy (`today_…`).
    lines : dict of model to float array of shape (1 + n_draws, 2)
        Intercept and slope of the logit of bad on the score, of known loans; NaN without a line.
    everybody_approved : bool
        Whether the old policy approved all.
    today_rate : float array of shape (1 + n_draws,)
        Approved by the old policy ÷ all.
    n_applications, n_known, n_bad : int
    uplift : float
        How many times the odds of bad of known loans of their score those never booked have.
    """

    points: dict[str, np.ndarray]
    sums: dict[str, dict[str, np.ndarray]]
    lines: dict[str, np.ndarray]
    everybody_approved: bool
    today_rate: np.ndarray
    n_applications: int
    n_known: int
    n_bad: int
    uplift: float = 1.0

    def under(self, uplift: float) -> Curves:
        """The same draws, if those unseen had so many times the odds of bad."""
        if not (np.isfinite(uplift) and uplift > 0):
            raise ValueError(f"uplift must be finite and > 0, got {uplift!r}")
        return replace(self, uplift=uplift)

    def chance(self, model: str) -> np.ndarray:
        """Probability of bad of those unseen at each score of each draw, ascending."""
        line = self.lines[model]
        logit = line[:, :1] + line[:, 1:] * self.points[model]
        return special.expit(logit + np.log(self.uplift))

    def curve(self, model: str) -> Curve:
        """What each cutoff of a model approves and earns, in each draw."""
        sums, chance = self.sums[model], self.chance(model)
        profit = sums["margin"] - sums["loss"] - sums["cost"]
        # where nobody is unseen, nobody's probability is asked for
        risk = np.where(sums["unseen"] > 0, chance, 0.0)
        applications = _above(sums["applications"])
        return Curve(
            cutoffs=self.points[model][::-1],
            approval_rate=_ratio(applications, applications[:, -1:]),
            good=_above(sums["good"]),
            bad=_above(sums["bad"]),
            profit=_above(profit),
            loans=_above(sums["good"] + sums["bad"] + sums["unseen"]),
            expected_bad=_above(sums["bad"] + sums["unseen"] * risk),
            expected_profit=_above(profit + sums["unseen_good"] - risk * sums["unseen_worse"]),
        )

    def today(self, model: str) -> dict[str, np.ndarray]:
        """The old policy, its loans without an outcome judged by a model's line; a value a draw.

        `approval_rate`, `good`, `bad`, `profit`, `loans`, `expected_bad`, `expected_profit`.
        """
        sums, chance = self.sums[model], self.chance(model)
        risk = np.where(sums["today_unseen"] > 0, chance, 0.0)
        good, bad = (sums[name].sum(axis=1) for name in ("good", "bad"))
        profit = (sums["margin"] - sums["loss"] - sums["cost"]).sum(axis=1)
        unseen = sums["today_good"] - risk * sums["today_worse"]
        return {
            "approval_rate": self.today_rate,
            "good": good,
            "bad": bad,
            "profit": profit,
            "loans": good + bad + sums["today_unseen"].sum(axis=1),
            "expected_bad": bad + (sums["today_unseen"] * risk).sum(axis=1),
            "expected_profit": profit + unseen.sum(axis=1),
        }


def draw_curves(
    scores: pd.DataFrame, loans: pd.DataFrame, *, n_draws: int = 400, seed: int = 1
) -> Curves:
    """Sums per score point of each model, as they are and in draws of the same applications.

    Parameters
    ----------
    scores : DataFrame of shape (n, n_models)
        Higher is safer, the simpler model first. More than 1,000 distinct scores of a model are
        taken together at their quantiles.
    loans : DataFrame of shape (n, 6 or more)
        approved and booked (bool, by the old policy), default_flag (missing where unknown), and
        margin_fen, loss_fen, cost_fen of :func:`riskkit.strategy.loan_values`.
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
        is not finite, a loan was booked but not approved or is known but was not booked, or
        `n_draws` is too small.

    Source
    ------
    Hanley, MacGibbon (2006), Creating non-parametric bootstrap samples using Poisson frequencies.
    """
    _check(scores, loans, n_draws)
    fields = _fields(loans)
    n = len(loans)
    approved = flag_array(loans["approved"], "approved", n).astype(float)
    points, matrices = {}, {}
    for name, column in scores.items():
        score = column.to_numpy(dtype=float)
        points[str(name)] = _points(score)
        place = np.searchsorted(points[str(name)], score, side="right") - 1
        matrices[str(name)] = [
            sparse.csr_array((values, (place, np.arange(n))), shape=(len(points[str(name)]), n))
            for values in fields.values()
        ]
    parts: dict[str, list[list[np.ndarray]]] = {name: [[] for _ in fields] for name in points}
    rates = []
    for times in _times(n, n_draws, seed):
        rates.append(times @ approved / np.maximum(times.sum(axis=1), 1))
        for name, of_fields in matrices.items():
            for place, matrix in enumerate(of_fields):
                parts[name][place].append((matrix @ times.T).T)
    sums = {
        name: {field: np.concatenate(part) for field, part in zip(fields, found, strict=True)}
        for name, found in parts.items()
    }
    lines = {
        name: lines_of_draws(points[name], own["good"], own["bad"]) for name, own in sums.items()
    }
    return Curves(
        points=points,
        sums=sums,
        lines=lines,
        everybody_approved=bool(approved.all()),
        today_rate=np.concatenate(rates),
        n_applications=n,
        n_known=int(fields["good"].sum() + fields["bad"].sum()),
        n_bad=int(fields["bad"].sum()),
    )


def lines_of_draws(points: np.ndarray, good: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Intercept and slope of the logit of bad on the score, a row a draw.

    Newton's steps from the line of row 0, :func:`riskkit.metrics.logistic_line`; NaN where that has
    none, or a draw's leave the finite numbers.
    """
    rows = good + bad
    outcome = np.repeat([0.0, 1.0], len(points))
    weight = np.concatenate([good[0], bad[0]])
    seen = weight > 0
    start = metrics.logistic_line(np.tile(points, 2)[seen], outcome[seen], weight[seen])
    if start is None:
        return np.full((len(good), 2), np.nan)
    centre = rows[0] @ points / rows[0].sum()
    spread = max(float(np.sqrt(rows[0] @ (points - centre) ** 2 / rows[0].sum())), 1e-300)
    z = (points - centre) / spread
    line = np.tile([start[0] + start[1] * centre, start[1] * spread], (len(rows), 1))
    for _ in range(_NEWTON_STEPS):
        chance = special.expit(line[:, :1] + line[:, 1:] * z)
        miss, curve = bad - rows * chance, rows * chance * (1 - chance)
        up, turn = miss.sum(axis=1), miss @ z
        flat, tilt, bend = curve.sum(axis=1), curve @ z, curve @ z**2
        scale = np.maximum(flat * bend - tilt**2, 1e-300)
        step = np.column_stack([bend * up - tilt * turn, flat * turn - tilt * up]) / scale[:, None]
        # a full step may overshoot where a draw has few bads
        line = line + np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
    slope = line[:, 1] / spread
    return np.column_stack([line[:, 0] - slope * centre, slope])


def expected_loans(loans: pd.DataFrame) -> np.ndarray:
    """How many loans each application without an outcome stands for.

    0 of a known outcome; 1 of another booked loan; 0 of an offer that was not taken; of the
    declined, the share of the granted that took their loan.
    """
    n = len(loans)
    approved, booked = (flag_array(loans[name], name, n) for name in ("approved", "booked"))
    taken_up = booked.sum() / max(int(approved.sum()), 1)
    guessed = np.where(booked, 1.0, np.where(approved, 0.0, taken_up))
    return np.where(loans["default_flag"].notna().to_numpy(), 0.0, guessed)


def _check(scores: pd.DataFrame, loans: pd.DataFrame, n_draws: int) -> None:
    same_rows(scores=scores, loans=loans)
    missing = [name for name in _COLUMNS if name not in loans]
    if missing:
        raise ValueError(f"loans lack {missing}, they have {list(loans.columns)}")
    if not scores.shape[1] or not len(scores):
        raise ValueError(f"curves need a model and an application, got shape {scores.shape}")
    if n_draws < 20:
        raise ValueError(f"n_draws must be at least 20, got {n_draws!r}")
    for name, column in [*scores.items(), *loans[list(_MONEY)].items()]:
        if not np.isfinite(numeric_array(column, str(name)).astype(float)).all():
            raise ValueError(f"{name} must be finite everywhere")
    approved, booked = (flag_array(loans[name], name, len(loans)) for name in _COLUMNS[:2])
    if (booked & ~approved).any():
        raise ValueError("loans must be approved where booked")
    if (loans["default_flag"].notna().to_numpy() & ~booked).any():
        raise ValueError("default_flag must be missing where not booked")


def _fields(loans: pd.DataFrame) -> dict[str, np.ndarray]:
    """What each application adds to each sum."""
    outcome = loans["default_flag"].to_numpy(dtype=float)
    known, unseen = ~np.isnan(outcome), expected_loans(loans)
    good, bad = outcome == 0, outcome == 1
    margin, loss, cost = (loans[name].to_numpy(dtype=float) / 100 for name in _MONEY)
    today = unseen * loans["approved"].to_numpy(dtype=bool)
    fields = {
        "applications": np.ones(len(loans)),
        "good": good.astype(float),
        "bad": bad.astype(float),
        "margin": margin * good,
        "loss": loss * bad,
        "cost": cost * known,
    }
    for name, stands_for in (("unseen", unseen), ("today", today)):
        fields["unseen" if name == "unseen" else "today_unseen"] = stands_for
        fields[f"{name}_good"] = stands_for * (margin - cost)
        fields[f"{name}_worse"] = stands_for * (margin + loss)
    return fields


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


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    found: np.ndarray = part / np.where(whole > 0, whole, np.nan)
    return found
