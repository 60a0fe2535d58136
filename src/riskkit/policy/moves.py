"""Why the approval rate moved between two periods, split so that the parts add up to the change.

Takes applications of both periods, where each was lost, and a score; gives the part of traffic mix,
policy rules, the score's distribution, the cutoff and what is decided by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import holm
from riskkit.checks import check_groups, check_level, check_seed, flag_array, same_rows
from riskkit.columns import verbatim
from riskkit.metrics import quantile_groups
from riskkit.policy.funnel import LOST_AT
from riskkit.policy.origins import NO_TRAFFIC

__all__ = ["FACTORS", "approval_moves", "moves_text"]

FACTORS = ("traffic mix", "policy rules", "score shift", "cutoff", "by hand or unstated")
# what a cell of the counts holds: lost to the rules, to the score, behind it, or approved
RULES, SCORE, HAND, APPROVED = range(4)
_STATE = np.array([RULES, RULES, SCORE, HAND, APPROVED, APPROVED, APPROVED])


def approval_moves(
    lost_at: pd.Series,
    later: pd.Series | np.ndarray,
    *,
    origin: pd.Series | None = None,
    score: pd.Series | np.ndarray | None = None,
    n_bands: int = 10,
    n_draws: int = 200,
    seed: int = 1,
    level: float = 0.95,
) -> pd.DataFrame:
    """The change of the approval rate in parts that add up to it, in all and by origin.

    The approval rate of a period is Σ_s w_s · r_s · Σ_b g_sb · q_sb · h_s over origins s and bands
    b of the score: w the share of the applications, r the share that no rule declines, g the share
    of those in the band, q the share of the band that the score does not decline, h the share of
    those that nobody declines by hand. Each factor's part is its Shapley value: the mean, over all
    orders in which the five can change one after the other, of what its change brings. So no order
    has to be chosen, and nothing is left over.

    Parameters
    ----------
    lost_at : Series of shape (n,)
        Of :func:`lost_today` or :func:`lost_under`.
    later : bool array of shape (n,)
        Whether the application is of the later period; the others are of the earlier one.
    origin : Series of shape (n,), optional
        Of :func:`traffic`. Without it there is no traffic mix.
    score : array of shape (n,), optional
        One and the same model's in both periods, missing nowhere. At equal score more or fewer
        pass where the cutoff, or the policy's view of a score, has moved. Without it the parts of
        score and cutoff cannot be told apart: both stand under "cutoff".
    n_bands : int
        Bands of the score, equally full over both periods. A cutoff within a band that moves there
        counts as the cutoff; a score that moves within a band does, too.
    n_draws : int
        Draws of both periods' counts, for the intervals.
    seed : int
    level : float

    Returns
    -------
    DataFrame, index (origin, factor)
        First the origin "all", then each. Of each factor of :data:`FACTORS` `points` (change of
        the approval rate of all, a fraction), `low`, `high` (normal interval by the draws' standard
        deviation), `p_value` (two-sided, after Holm: over the factors of "all", over the changes of
        the origins, over their factors); then the factor "change", their sum; columns earlier and
        later, the approval rates of that origin, earlier_n and later_n, its applications. An
        origin's mix is what its share of the traffic brings, beside an average origin. The parts of
        the origins add up to "all", factor by factor. Who was declined by hand, or for a reason
        that nobody stated, is under the last factor.

    Raises
    ------
    ValueError
        A period has no application, a score is missing, fewer than two draws, or one of several
        origins is called "all".

    Source
    ------
    Shapley (1953), A value for n-person games; riskkit definition of the factors. The intervals
    come from multinomial draws of the counts.
    """
    check_level(level)
    check_groups(n_bands, "n_bands")
    check_seed("seed", seed)
    if n_draws < 2:
        raise ValueError(f"n_draws must be at least 2, got {n_draws!r}")
    same_rows(lost_at=lost_at, later=later, origin=origin, score=score)
    n = len(lost_at)
    is_later = flag_array(later, "later", n).astype(np.int64)
    if not 0 < is_later.sum() < n:
        raise ValueError("both periods need at least one application")
    # who is lost behind the offer, or from sight there, was approved
    code = lost_at.cat.codes.to_numpy()
    if list(lost_at.cat.categories) != list(LOST_AT):
        raise ValueError("lost_at must be of lost_today or lost_under")
    state = np.where(code < 0, APPROVED, _STATE[np.minimum(code, len(_STATE) - 1)])
    names = [NO_TRAFFIC]
    segment = np.zeros(n, dtype=np.int64)
    if origin is not None:
        segment, found = pd.factorize(origin, sort=True)
        if (segment < 0).any():
            raise ValueError("origin is missing somewhere; see traffic")
        names = [str(name) for name in found]
        if NO_TRAFFIC in names and len(names) > 1:
            raise ValueError(
                f"no origin may be called {NO_TRAFFIC!r}, as their sum is; see traffic"
            )
    band = _bands(score, n, n_bands)
    shape = (2, len(names), int(band.max()) + 1, 4)
    place = np.ravel_multi_index((is_later, segment, band, state), shape)
    counts = np.bincount(place, minlength=int(np.prod(shape))).reshape(shape).astype(float)
    parts = _parts(counts[None])[0]
    return _table(counts, parts, _errors(counts, n_draws, seed), names, level)


def _bands(score: Any, n: int, n_bands: int) -> np.ndarray:
    if score is None:
        return np.zeros(n, dtype=np.int64)
    values = np.asarray(score, dtype=float)
    if np.isnan(values).any():
        raise ValueError("score is missing somewhere")
    distinct, position = np.unique(values, return_inverse=True)
    return quantile_groups(np.bincount(position, minlength=len(distinct)), n_bands)[position]


def _parts(counts: np.ndarray) -> np.ndarray:
    """Part of each factor and origin, of every draw: shape (n_draws, n_factors, n_origins)."""
    factors = _factors(counts)
    n_factors = len(FACTORS)
    worth: dict[tuple[int, ...], np.ndarray] = {}
    for size in range(n_factors + 1):
        for new in combinations(range(n_factors), size):
            w, r, g, q, h = (
                factor[:, 1 if place in new else 0] for place, factor in enumerate(factors)
            )
            worth[new] = w * r * (g * q).sum(axis=2) * h
    parts = np.zeros((len(counts), n_factors, counts.shape[2]))
    for place in range(n_factors):
        for new in _without(place, n_factors):
            weight = factorial(len(new)) * factorial(n_factors - len(new) - 1)
            beside = tuple(sorted((*new, place)))
            parts[:, place] += weight / factorial(n_factors) * (worth[beside] - worth[new])
    # an origin that grows brings more only where more of it are approved than of all; the shares
    # add up to 1 in both periods, so what is taken off is nothing in all
    everyone = counts.sum(axis=(2, 3))
    mean = (everyone[..., APPROVED] / everyone.sum(axis=2)).mean(axis=1)
    share = factors[0]
    parts[:, 0] -= (share[:, 1] - share[:, 0]) * mean[:, None]
    return parts


def _without(place: int, n: int) -> Iterator[tuple[int, ...]]:
    rest = [other for other in range(n) if other != place]
    for size in range(n):
        yield from combinations(rest, size)


def _factors(counts: np.ndarray) -> list[np.ndarray]:
    """w, r, g, q and h of both periods: what a period does not show is as in the other one."""
    asked = counts.sum(axis=(3, 4))
    w = asked / asked.sum(axis=2, keepdims=True)
    passed = counts[..., SCORE:].sum(axis=4)  # the rules, by band
    scored = counts[..., HAND:].sum(axis=4)
    r = _or_other(passed.sum(axis=3), asked)
    g = _or_other(passed, passed.sum(axis=3, keepdims=True))
    q = _or_other(scored, passed)
    h = _or_other(counts[..., APPROVED].sum(axis=3), scored.sum(axis=3))
    return [w, r, g, q, h]


def _or_other(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    whole = np.broadcast_to(whole, part.shape)
    share = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.where(whole > 0, share, share[:, ::-1])


def _errors(counts: np.ndarray, n_draws: int, seed: int) -> np.ndarray:
    """Standard deviation of each part of all and of each origin, and of their sums."""
    rng = np.random.default_rng(seed)
    totals = counts.sum(axis=(1, 2, 3)).astype(np.int64)
    drawn = [
        rng.multinomial(total, period.ravel() / total, size=n_draws).reshape(-1, *period.shape)
        for total, period in zip(totals, counts, strict=True)
    ]
    return _with_sums(_parts(np.stack(drawn, axis=1).astype(float))).std(axis=0, ddof=1)


def _with_sums(parts: np.ndarray) -> np.ndarray:
    """The same with all origins first and the change behind the factors."""
    whole = np.concatenate([parts.sum(axis=2, keepdims=True), parts], axis=2)
    return np.concatenate([whole, whole.sum(axis=1, keepdims=True)], axis=1)


def _table(
    counts: np.ndarray, parts: np.ndarray, error: np.ndarray, names: list[str], level: float
) -> pd.DataFrame:
    points = _with_sums(parts[None])[0]
    half = float(special.ndtri(0.5 + level / 2)) * error
    p_values = _p_values(points, error)
    by_origin = np.concatenate([counts.sum(axis=1, keepdims=True), counts], axis=1)
    asked, approved = by_origin.sum(axis=(2, 3)), by_origin[..., APPROVED].sum(axis=2)
    rate = np.divide(approved, asked, out=np.full(asked.shape, np.nan), where=asked > 0)
    factors = [*FACTORS, "change"]
    # a lender of one origin is told once
    shown = ["all", *names] if names != [NO_TRAFFIC] else ["all"]
    tables = {
        name: pd.DataFrame(
            {
                "points": points[:, place],
                "low": points[:, place] - half[:, place],
                "high": points[:, place] + half[:, place],
                "p_value": p_values[:, place],
                "earlier": rate[0, place],
                "later": rate[1, place],
                "earlier_n": int(asked[0, place]),
                "later_n": int(asked[1, place]),
            },
            index=pd.Index(factors, name="factor"),
        )
        for place, name in enumerate(shown)
    }
    return pd.concat(tables, names=["origin", "factor"])


def _p_values(points: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Two-sided, each family after Holm; NaN of what no draw moves."""
    moved = error > 1e-12
    z = np.divide(np.abs(points), error, out=np.zeros_like(points), where=moved)
    p = np.where(moved, 2 * special.ndtr(-z), np.nan)
    p[:-1, 0] = holm(p[:-1, 0])
    p[-1, 1:] = holm(p[-1, 1:])
    p[:-1, 1:] = holm(p[:-1, 1:].ravel()).reshape(p[:-1, 1:].shape)
    return p


def moves_text(moves: pd.DataFrame, *, is_scored: bool = True) -> str:
    """Why the approval rate moved, and what of it is more than chance, as Markdown.

    Parameters
    ----------
    moves : DataFrame
        Of :func:`approval_moves` at its usual level.
    is_scored : bool
        Whether it was given a score.

    Source
    ------
    riskkit definition.
    """
    whole = moves.loc["all"]
    change = whole.loc["change"]
    if change["earlier"] == 1 == change["later"]:
        return (
            "Everyone in these data was approved in both periods: who was declined is not in them, "
            "so why approval moved cannot be said."
        )
    text = (
        f"The approval rate went from {change['earlier']:.1%} ({change['earlier_n']:,.0f} "
        f"applications) to {change['later']:.1%} ({change['later_n']:,.0f}), a change of "
        f"{_points(change)}"
    )
    if not change["p_value"] < 0.05:
        text += ", which cannot be told from chance. "
    else:
        text += ", **beyond chance**. "
    parts = whole.drop("change")
    clear = parts[parts["p_value"] < 0.05]
    told = (
        {"cutoff": "cutoff (score shift included, as no score is known)"} if not is_scored else {}
    )
    if clear.empty:
        text += f"Of its {len(parts)} parts none stands out beyond chance (after Holm)."
    else:
        ordered = clear.reindex(clear["points"].abs().sort_values(ascending=False).index)
        listed = [f"{told.get(str(n), n)} {_points(row)}" for n, row in ordered.iterrows()]
        text += f"Of its {len(parts)} parts, beyond chance (after Holm): {'; '.join(listed)}."
    of_changes = moves[moves.index.get_level_values("factor") == "change"].droplevel("factor")
    by_origin = of_changes.drop("all")
    if len(by_origin) < 2:
        return text
    n = len(by_origin)
    clear = by_origin[by_origin["p_value"] < 0.05]
    if clear.empty:
        return f"{text} By origin, none of {n} moved beyond chance (after Holm)."
    largest = clear.reindex(clear["points"].abs().sort_values(ascending=False).index)
    places = [f"{verbatim(name)} {_points(row)}" for name, row in largest.head(3).iterrows()]
    return f"{text} By origin, beyond chance (after Holm over {n}): {'; '.join(places)}."


def _points(row: pd.Series) -> str:
    """A change in percentage points with its interval."""
    value, low, high = (100 * row[name] for name in ("points", "low", "high"))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"
