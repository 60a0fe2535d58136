"""Which cuts, and pairs of cuts, would decline the worst at a stated loss of approval.

Takes a binner and applications that pass today; gives the best rules of one or two conditions,
found from counts of bins crossed with bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from riskkit.binning import FeatureBins, WoeBinner
from riskkit.checks import check_level, numeric_array, outcome_state, same_rows
from riskkit.policy.mined import ENDS, as_policy, counted, one_sided
from riskkit.schema import Feature

__all__ = ["mine_rules"]

COLUMNS = (
    *("rule", "fires", "applications", "loss_rate", "loans", "bad", "bad_rate", "bad_rate_low"),
    *("bad_rate_high", "rest_loans", "rest_bad", "excess_bads", "p_value", "tried"),
)
BLOCK = 1 << 16  # rows whose bins are spelled out at once


@dataclass(frozen=True)
class _Cut:
    """A single condition, and the bins in which it is met."""

    feature: str
    operator: str
    value: Any
    bins: tuple[int, ...]


def mine_rules(
    binner: WoeBinner,
    X: pd.DataFrame,
    y: pd.Series | np.ndarray,
    features: Sequence[Feature],
    *,
    max_loss_rate: float = 0.01,
    n_rules: int = 5,
    level: float = 0.95,
) -> pd.DataFrame:
    """The rules of one or two conditions that decline the most bads beyond the usual.

    All cuts at the edges of the bins, at single levels and at the worst so many levels, at special
    codes and at missing values are tried, and all pairs of cuts of two features (both conditions
    needed). The first rule is the one with the most bads above what as many of the others have;
    each next one is sought, and counted, among whom the rules before leave over.

    Parameters
    ----------
    binner : WoeBinner
        Fitted on training loans; its bins are the cuts.
    X : DataFrame of shape (n, n_features)
        Applications that pass today, of the training months.
    y : array of shape (n,)
        1 bad, 0 good, missing where the outcome is not known.
    features : sequence of Feature
        The catalogue. Protected attributes, and what is known only afterwards, are never used.
    max_loss_rate : float
        Share of the applications on which a rule may fire, in (0, 1).
    n_rules : int
        How many to look for; fewer where no more has bads beyond the usual.
    level : float

    Returns
    -------
    DataFrame, index rank from 1
        rule (in words); column_a, operator_a, value_a and column_b, operator_b, value_b (texts as a
        policy file has them, lists of levels as lists; empty where one condition is enough); fires;
        applications (those of them that no rule before declines) and loss_rate (those ÷ all);
        loans, bad, bad_rate, bad_rate_low, bad_rate_high (those of known outcome among them),
        rest_loans, rest_bad (those whom neither it nor a rule before declines); excess_bads (bads
        less those of as many of the rest); p_value (Fisher's exact test against the rest,
        one-sided, times the number of rules tried, at most 1) and tried.

    Raises
    ------
    ValueError
        max_loss_rate is not in (0, 1), or n_rules is below 1.

    Source
    ------
    riskkit definition; sequential covering: Fürnkranz, Gamberger, Lavrač (2012), Foundations of
    Rule Learning, section 2.5. The p-value is Bonferroni's, which forgives the search.
    """
    check_level(level)
    if not 0 < max_loss_rate < 1:
        raise ValueError(f"max_loss_rate must lie in (0, 1), got {max_loss_rate!r}")
    if n_rules < 1:
        raise ValueError(f"n_rules must be at least 1, got {n_rules!r}")
    same_rows(X=X, y=y)
    offered = {feature.name for feature in features if feature.offered}
    names = [name for name in binner.bins_ if name in offered and name in X]
    state = outcome_state(numeric_array(y, "y", len(X)))
    cuts = [cut for name in names for cut in _cuts(name, binner.bins_[name])]
    if not cuts or not (state == 2).any() or not (state == 1).any():
        return _none()
    codes, member = _codes(binner, X, names, cuts)
    of_feature = np.array([names.index(cut.feature) for cut in cuts])
    is_rule = np.triu(of_feature[:, None] != of_feature[None, :]) | np.eye(len(cuts), dtype=bool)
    left = np.ones(len(X), dtype=bool)
    # applications, goods and bads of every pair of bins; what a rule declines is taken off
    parts = (left, state == 1, state == 2)
    crossed = np.stack([_crossed(codes[rows], member.shape[1]) for rows in parts])
    pairs = member @ crossed @ member.T
    tried = int((is_rule & (pairs[0] > 0)).sum())
    is_rule &= pairs[0] <= max_loss_rate * len(X)
    totals = [float(len(X)), float((state == 1).sum()), float((state == 2).sum())]
    rows = []
    for _ in range(n_rules):
        best = _best(pairs, totals, is_rule)
        if best is None:
            break
        a, b = sorted(best)
        met = np.logical_and(*(member[cut][codes[:, of_feature[cut]]] > 0 for cut in (a, b)))
        told = _told(cuts[a], cuts[b] if b != a else None)
        rows.append(told | counted(met, left, state, level) | {"tried": tried})
        gone = met & left
        left = left & ~met
        parts = (gone, gone & (state == 1), gone & (state == 2))
        crossed -= np.stack([_crossed(codes[part], member.shape[1]) for part in parts])
        totals = [total - part.sum() for total, part in zip(totals, parts, strict=True)]
        pairs = member @ crossed @ member.T
    if not rows:
        return _none()
    table = pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="rank"))
    rest_rate = table["rest_bad"] / table["rest_loans"]
    excess = table["bad"] - table["loans"] * rest_rate
    p_value = np.minimum(1.0, one_sided(table) * tried)
    table = table.assign(excess_bads=excess, p_value=p_value)
    return table[["rule", *(f"{end}_{side}" for side in "ab" for end in ENDS), *COLUMNS[1:]]]


def _none() -> pd.DataFrame:
    ends = [f"{end}_{side}" for side in "ab" for end in ENDS]
    return pd.DataFrame(columns=["rule", *ends, *COLUMNS[1:]], index=pd.Index([], name="rank"))


def _cuts(name: str, bins: FeatureBins) -> list[_Cut]:
    """Every single condition that the bins of a feature allow."""
    cuts = []
    if bins.groups is not None:
        rate = bins.counts[:, 1] / np.maximum(bins.counts.sum(axis=1), 1)
        worst = [int(place) for place in np.argsort(-rate[: len(bins.groups)], kind="stable")]
        chosen = [(place,) for place in worst] + [
            tuple(worst[:k]) for k in range(2, len(bins.groups))
        ]
        for places in chosen if len(bins.groups) > 1 else ():
            levels = [level for place in sorted(places) for level in bins.groups[place]]
            cuts.append(_Cut(name, "in", levels, tuple(sorted(places))))
    elif bins.is_boolean:
        cuts += [_Cut(name, "==", bool(side), (side,)) for side in range(bins.n_bins)]
    else:
        for place, edge in enumerate(bins.edges if bins.edges is not None else ()):
            value = _written(edge)
            cuts.append(_Cut(name, "<", value, tuple(range(place + 1))))
            cuts.append(_Cut(name, ">=", value, tuple(range(place + 1, bins.n_bins))))
    for code, place in zip(bins.special_codes, bins.apart, strict=False):
        cuts.append(_Cut(name, "==", _written(code), (place,)))
    cuts.append(_Cut(name, "is_missing", True, (bins.apart[-1],)))
    return cuts


def _written(value: float) -> str:
    """A number as a policy file reads it: from 2**53 on only with an exponent."""
    return np.format_float_positional(value, trim="-") if abs(value) < 2**53 else repr(float(value))


def _codes(
    binner: WoeBinner, X: pd.DataFrame, names: list[str], cuts: list[_Cut]
) -> tuple[np.ndarray, np.ndarray]:
    """Number of each value's bin among those of all features, and which of them each cut takes."""
    start, width = {}, 0
    codes = np.empty((len(X), len(names)), dtype=np.int32)
    for place, name in enumerate(names):
        start[name] = width
        codes[:, place] = width + binner.bins_[name].assign(X[name])
        width += len(binner.bins_[name].counts) + 1
    member = np.zeros((len(cuts), width))
    for number, cut in enumerate(cuts):
        member[number, [start[cut.feature] + place for place in cut.bins]] = 1
    return codes, member


def _crossed(codes: np.ndarray, width: int) -> np.ndarray:
    """Number of rows in each pair of bins."""
    crossed = np.zeros((width, width))
    for at in range(0, len(codes), BLOCK):
        block = codes[at : at + BLOCK]
        spelled = np.zeros((len(block), width), dtype=np.float32)  # exact: sums of ones below 2**24
        spelled[np.arange(len(block))[:, None], block] = 1
        crossed += spelled.T @ spelled
    return crossed


def _best(pairs: np.ndarray, totals: list[float], is_rule: np.ndarray) -> tuple[int, int] | None:
    """The pair of cuts with the most bads above those of as many others; None: none has any."""
    applications, good, bad = pairs
    loans = good + bad
    rest = totals[1] + totals[2] - loans
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = bad - loans * np.where(rest > 0, (totals[2] - bad) / rest, np.nan)
    allowed = is_rule & (applications > 0) & (excess > 1e-9)
    if not allowed.any():
        return None
    # among equals one condition is better than two, then the first
    ranked = np.where(allowed, excess + 1e-7 * np.eye(len(excess)), -np.inf)
    a, b = np.unravel_index(int(ranked.argmax()), ranked.shape)
    return int(a), int(b)


def _told(first: _Cut, second: _Cut | None) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for side, cut in (("a", first), ("b", second)):
        told = (cut.feature, cut.operator, cut.value) if cut else ("", "", "")
        row |= {f"{end}_{side}": part for end, part in zip(ENDS, told, strict=True)}
    return {"rule": as_policy([row]).rules[0].text(), **row}
