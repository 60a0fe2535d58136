"""How far each month lies from what the months before led to expect.

Takes what was counted, light by light; gives normal scores, each from the months before alone, and
the sequential sums of them that tell a lasting move from a single odd month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from riskkit.checks import Array

__all__ = ["Moves", "Scaled", "Watch", "follow", "scaled"]

HIGHEST_SCORE = 9.0
# no normal score is so far out that its probability is zero in floating point
LEAST_P = 1e-18
LEAST = 1e-9
COUNTED = ("numerator", "denominator", "squares")


@dataclass(frozen=True, kw_only=True)
class Watch:
    """How the months are followed; the defaults were tuned on worlds that no study judges.

    Parameters
    ----------
    slack : float
        Standard deviations a month that are forgiven before anything adds up: half the move that
        is to be found soonest.
    red : float
        Sum of the deviations beyond the slack that lights red.
    red_either : float
        The same of a light that can go red either way: such figures move for many good reasons,
        so their light is to be surer.
    calm : float
        A red light goes out below this fraction of it; an amber one comes on there.
    reference_months, least_months : int
        The reference is the months before, at most and at least so many.
    prior_months : float
        How many months' worth the belief weighs that months differ by the chance of single loans.
    settled_months : int
        A level at which a light has been red for so long is the new reference.

    Raises
    ------
    ValueError
        Names the rule and the value.
    """

    slack: float = 1.5
    red: float = 1.45
    red_either: float = 3.5
    calm: float = 0.5
    reference_months: int = 24
    least_months: int = 8
    prior_months: float = 8.0
    settled_months: int = 12

    def __post_init__(self) -> None:
        for name in ("slack", "red", "red_either", "prior_months"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")
        if not 0 < self.calm < 1:
            raise ValueError(f"calm must lie in (0, 1), got {self.calm!r}")
        if not 3 <= self.least_months <= self.reference_months:
            raise ValueError(
                "least_months must lie in 3..reference_months, got "
                f"{self.least_months!r} of {self.reference_months!r}"
            )
        if self.settled_months < 1:
            raise ValueError(f"settled_months must be >= 1, got {self.settled_months!r}")


@dataclass(frozen=True)
class Scaled:
    """Months on a scale on which chance moves them alike, whatever their level.

    Parameters
    ----------
    y : float array of shape (n_lights, n_months)
        NaN where nothing was counted.
    variance : float array, same shape
        What the chance of single loans gives it; where that has no law, 1.
    has_law : bool array of shape (n_lights,)
    kinds : list of str
        Of :class:`riskkit.lights.signs.Sign`.
    """

    y: Array
    variance: Array
    has_law: Array
    kinds: list[str]

    def slope(self, level: Array, drift: Array) -> Array:
        """What a move of a level by a fraction of itself a year is a month on this scale."""
        by_kind = {
            "number": level / 2,
            "rate": np.tan(np.clip(level, 1e-6, 1.5)) / 2,
            "amount_rate": np.tan(np.clip(level, 1e-6, 1.5)) / 2,
            "mean": np.abs(level),
            "amount": np.ones_like(level),
        }
        own = np.array([by_kind[kind][place] for place, kind in enumerate(self.kinds)])
        return drift / 12 * own

    def back(self, y: Array) -> Array:
        """Values of points of this scale, shape (n_lights, n_months)."""
        values = y.copy()
        for place, kind in enumerate(self.kinds):
            row = y[place]
            if kind == "number":
                values[place] = np.maximum(row, 0) ** 2 - 3 / 8
            elif kind in ("rate", "amount_rate"):
                values[place] = np.sin(np.clip(row, 0, np.pi / 2)) ** 2
                if kind == "rate":
                    n = np.maximum((1 / self.variance[place] - 2) / 4, 1)
                    values[place] = np.clip(((n + 3 / 4) * values[place] - 3 / 8) / n, 0, 1)
            elif kind == "amount":
                values[place] = np.exp(row)
        return np.where(np.isfinite(y), values, np.nan)


def scaled(signs: pd.DataFrame, lights: list[str], months: pd.DatetimeIndex) -> Scaled:
    """What was counted, on the scale on which it is followed.

    A rate of counts: arcsin √((d + 3/8) / (n + 3/4)), of variance 1/(4n + 2); a number:
    √(x + 3/8), of variance 1/4; a mean itself, of variance s²/n; a rate of money arcsin √rate and
    an amount its logarithm, of which only the months tell how they vary.

    Source
    ------
    Anscombe (1948), Biometrika 35, for both transformations.
    """
    y = np.full((len(lights), len(months)), np.nan)
    variance = np.ones_like(y)
    kinds = []
    for place, light in enumerate(lights):
        own = signs.loc[light].reindex(months)
        kinds.append(str(own["kind"].dropna().iloc[0]))
        x, n, squares = (own[name].to_numpy(float) for name in COUNTED)
        with np.errstate(divide="ignore", invalid="ignore"):
            if kinds[-1] == "number":
                y[place], variance[place] = np.sqrt(x + 3 / 8), 1 / 4
            elif kinds[-1] == "rate":
                y[place] = np.arcsin(np.sqrt((x + 3 / 8) / (n + 3 / 4)))
                variance[place] = 1 / (4 * n + 2)
            elif kinds[-1] == "mean":
                spread = np.maximum(squares - x**2 / n, 0) / (n - 1)
                y[place] = np.where((n > 1) & (spread > 0), x / n, np.nan)
                variance[place] = spread / n
            elif kinds[-1] == "amount_rate":
                y[place] = np.arcsin(np.sqrt(np.clip(x / n, 0, 1)))
            else:
                y[place] = np.where(x > 0, np.log(np.where(x > 0, x, 1)), np.nan)
    has_law = np.array([kind in ("number", "rate", "mean") for kind in kinds], dtype=bool)
    return Scaled(y, np.where(np.isfinite(y), variance, 1.0), has_law, kinds)


@dataclass(frozen=True)
class Moves:
    """What following the months gave; arrays of shape (n_lights, n_months).

    Parameters
    ----------
    score : float array
        Normal score of the month given those before; NaN where they were too few.
    expected : float array
        On the scale of :class:`Scaled`.
    scatter : float array
        Standard deviation of a single month about what is expected, on the same scale.
    up, down : float arrays
        Sums of the scores beyond the slack, either way.
    red, amber : bool arrays
    settled : bool array
        Months whose reference began anew, at a level that had been red for long.
    """

    score: Array
    expected: Array
    scatter: Array
    up: Array
    down: Array
    red: Array
    amber: Array
    settled: Array


def follow(scale: Scaled, drift: Array, worse: Array, watch: Watch | None = None) -> Moves:
    """Month by month: expected from those before, its score, and what the scores add up to.

    The months before give a line by weighted least squares, whose slope is held towards 0 by the
    usual drift; their scatter about it gives a variance, at least that of single loans and shrunk
    towards it, with Student's distribution for as many months as there were. The month's score is
    added to two sums, less the slack. Months since a sum left zero are no reference while it is
    amber or red: what is suspected must not teach what is normal.

    Parameters
    ----------
    scale : Scaled
    drift : float array of shape (n_lights,)
        Usual drift a year, a fraction.
    worse : int array of shape (n_lights,)
        1: higher is worse, −1: lower, 0: either.
    watch : Watch, optional

    Source
    ------
    Hawkins (1987), The Statistician 36, self-starting cumulative sums; Quesenberry (1991), Journal
    of Quality Technology 23, scores from the months before; Smyth (2004), Statistical Applications
    in Genetics and Molecular Biology 3, the variance shrunk; Lucas, Crosier (1982), Technometrics
    24, for sums that start where they were. Their combination is a riskkit definition.
    """
    watch = watch or Watch()
    n_lights, n_months = scale.y.shape
    red_at = np.where(worse == 0, watch.red_either, watch.red)
    names = ("score", "expected", "scatter", "up", "down")
    out = {name: np.full(scale.y.shape, np.nan) for name in names}
    flags = {name: np.zeros(scale.y.shape, dtype=bool) for name in ("red", "amber", "settled")}
    sums = np.zeros((2, n_lights))
    began = np.full((2, n_lights), n_months)  # month in which each sum left zero
    first = np.zeros(n_lights, dtype=int)  # of the reference
    red_months = np.zeros(n_lights, dtype=int)
    is_red = np.zeros(n_lights, dtype=bool)
    for month in range(n_months):
        suspected = np.where(sums >= watch.calm * red_at, began, n_months).min(axis=0)
        score, expected, scatter = _score(scale, drift, month, first, suspected, watch)
        seen = np.isfinite(score)
        step = np.where(seen, score, 0.0)
        for side, sign in enumerate((1, -1)):
            counts = seen & (worse != -sign)
            grown = np.maximum(sums[side] + sign * step - watch.slack, 0)
            began[side] = np.where(counts & (sums[side] == 0) & (grown > 0), month, began[side])
            # a bounded sum comes down soon after the figure has
            sums[side] = np.where(counts, np.minimum(grown, red_at + 1), sums[side])
        highest = sums.max(axis=0)
        is_red = np.where(is_red, highest >= watch.calm * red_at, highest >= red_at)
        red_months = np.where(is_red, red_months + 1, 0)
        settled = red_months > watch.settled_months
        first = np.where(settled, began[sums.argmax(axis=0), np.arange(n_lights)], first)
        sums[:, settled], began[:, settled], red_months[settled] = 0, n_months, 0
        is_red &= ~settled
        out["score"][:, month], out["expected"][:, month] = score, expected
        out["scatter"][:, month] = scatter
        out["up"][:, month], out["down"][:, month] = sums
        flags["red"][:, month], flags["settled"][:, month] = is_red, settled
        flags["amber"][:, month] = ~is_red & (sums.max(axis=0) >= watch.calm * red_at)
    return Moves(**out, **flags)


def _score(
    scale: Scaled, drift: Array, month: int, first: Array, suspected: Array, watch: Watch
) -> tuple[Array, Array, Array]:
    """Score of one month, what was expected, and a month's scatter; NaN of too few before."""
    y, variance = scale.y, scale.variance
    at = np.arange(y.shape[1])
    reference = np.isfinite(y) & (at < month) & (at >= month - watch.reference_months)
    reference &= (at >= first[:, np.newaxis]) & (at < suspected[:, np.newaxis])
    n = reference.sum(axis=1)
    known = n >= watch.least_months
    weight = np.where(reference & known[:, np.newaxis], 1 / variance, 0.0)
    values = np.where(reference, y, 0.0)
    age = (at - month).astype(float)
    # a light with too few months before gets sums that divide, and NaN in the end
    a = np.where(known, weight.sum(axis=1), 1.0)
    level = (weight * values).sum(axis=1) / a
    off = np.where(reference, y - level[:, np.newaxis], 0.0)
    # what the usual drift is beside a month's scatter, known or seen
    unit = np.where(scale.has_law, 1.0, (weight * off**2).sum(axis=1) / np.maximum(n - 1, 1))
    slope = np.maximum(scale.slope(level, drift), LEAST)
    held = np.maximum(unit, LEAST) / slope**2
    b, c = weight @ age, weight @ age**2 + held
    d, e = (weight * values).sum(axis=1), (weight * values) @ age
    det = a * c - b**2
    expected, trend = (c * d - b * e) / det, (a * e - b * d) / det
    line = expected[:, np.newaxis] + trend[:, np.newaxis] * age
    squares = (weight * (values - line) ** 2).sum(axis=1) + held * trend**2
    prior = np.where(scale.has_law, watch.prior_months, 0.0)
    freedom = np.maximum(prior + n - 1, 1)
    spread = np.maximum((prior + squares) / freedom, np.where(scale.has_law, 1.0, LEAST))
    t = (y[:, month] - expected) / np.sqrt(spread * (variance[:, month] + c / det))
    beyond = special.stdtr(freedom, -np.abs(t))
    score = np.sign(t) * np.minimum(-special.ndtri(np.maximum(beyond, LEAST_P)), HIGHEST_SCORE)
    scatter = np.sqrt(spread * variance[:, month])
    score, expected, scatter = (np.where(known, of, np.nan) for of in (score, expected, scatter))
    return score, expected, scatter
