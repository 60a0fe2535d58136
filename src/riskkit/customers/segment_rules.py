"""The short rule that says what the segments say, as nearly as a few questions can.

Takes a :class:`Segmentation` and applications; gives a rule a leaf of a shallow tree, held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import Array
from riskkit.customers.segments import Segmentation, rate_interval
from riskkit.tables import hash_ids

__all__ = ["rules_text", "segment_rules"]

NEARLY = 0.90  # from this share of agreement on, a rule says nearly the same


def segment_rules(
    segmentation: Segmentation,
    applications: pd.DataFrame,
    *,
    max_depth: int = 3,
    level: float = 0.95,
) -> pd.DataFrame:
    """A short rule in the columns' own values that says nearly what the segments say.

    A shallow tree, grown on one half of the rows (by a hash of application_id) to say a row's
    segment, judged on the other. Special codes and missing values are words in it, not numbers.

    Parameters
    ----------
    segmentation : Segmentation
    applications : DataFrame of shape (n_rows,)
        application_id and the segmentation's columns.
    max_depth : int
        Questions asked of a row, at most.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index rule, from 1
        segment, rule (in words), applicants (held out), agreement_rate (of them, those whose
        segment it is) with agreement_low, agreement_high (Jeffreys). Attributes
        ``agreement_rate``, ``agreement_low``, ``agreement_high`` of all held out, and
        ``largest_share``: what naming the largest segment for everybody would get right.

    Raises
    ------
    ValueError
        Fewer than two rows in a half.

    Source
    ------
    Breiman, Friedman, Olshen, Stone (1984), Classification and Regression Trees; riskkit
    definition.
    """
    from sklearn.tree import DecisionTreeClassifier

    segment = segmentation.assign(applications).to_numpy()
    half = hash_ids("rule " + applications["application_id"].astype("str")) % 2 == 0
    if min(half.sum(), (~half).sum()) < 2:
        raise ValueError(f"at least two rows are needed in each half, got {len(half)} in all")
    values, words = _readable(segmentation, applications)
    least = max(1, int(0.01 * half.sum()))
    tree = DecisionTreeClassifier(max_depth=max_depth, min_samples_leaf=least, random_state=0)
    tree.fit(values[half], segment[half])
    leaf, guess = tree.apply(values[~half]), tree.predict(values[~half])
    agrees = guess == segment[~half]
    rows = []
    for node, says, rule in _leaves(tree, words):
        here = leaf == node
        rows.append({"segment": says, "rule": rule, **_agreement(agrees[here], level)})
    table = pd.DataFrame(rows).sort_values(["segment", "applicants"], ascending=[True, False])
    table.index = pd.RangeIndex(1, len(table) + 1, name="rule_number")
    shares = pd.Series(segment[~half]).value_counts(normalize=True)
    table.attrs = _agreement(agrees, level) | {"largest_share": float(shares.max())}
    return table


def rules_text(rules: pd.DataFrame) -> str:
    """A sentence on how far the short rules say what the segments say, as Markdown.

    Parameters
    ----------
    rules : DataFrame
        Of :func:`segment_rules`.
    """
    about = rules.attrs
    rate, ends = about["agreement_rate"], (about["agreement_low"], about["agreement_high"])
    text = (
        f"Of all held out, the rules name the segment of **{rate:.0%}** ({ends[0]:.1%} to "
        f"{ends[1]:.1%}); naming the largest segment for everybody would be right for "
        f"{about['largest_share']:.0%}. "
    )
    if ends[0] >= NEARLY:
        return text + "They say nearly the same as the segments."
    return text + (
        f"They are a sketch of the segments, no substitute: of {1 - rate:.0%} they say another."
    )


def _agreement(agrees: Array, level: float) -> dict[str, Any]:
    n, k = len(agrees), float(agrees.sum())
    low, high = rate_interval(k, n, level)
    return {
        "applicants": n,
        "agreement_rate": k / n if n else np.nan,
        "agreement_low": float(low),
        "agreement_high": float(high),
    }


def _readable(segmentation: Segmentation, X: pd.DataFrame) -> tuple[Array, list[str]]:
    """Known values, the median for others, then marks; and what to call each column."""
    parts, words = [], []
    for column in segmentation.columns:
        known = column.known(X[column.name])
        parts.append(known.fillna(known.median() if known.notna().any() else 0.0).to_numpy())
        words.append(column.label)
    for mark in segmentation.marks:
        parts.append(mark.flags(X).astype(float))
        words.append(f"?{mark.label}")
    return np.column_stack(parts), words


def _leaves(tree: Any, words: Sequence[str]) -> list[tuple[int, int, str]]:
    """Node, segment and rule of each leaf: bounds of one column are said together."""
    inner = tree.tree_
    found = []
    waiting: list[tuple[int, dict[int, tuple[float, float]]]] = [(0, {})]
    while waiting:
        node, bounds = waiting.pop()
        left, right = inner.children_left[node], inner.children_right[node]
        if left == right:
            says = int(tree.classes_[inner.value[node][0].argmax()])
            found.append((node, says, _rule(bounds, words)))
            continue
        column, cut = int(inner.feature[node]), float(inner.threshold[node])
        low, high = bounds.get(column, (-np.inf, np.inf))
        waiting.append((left, bounds | {column: (low, cut)}))
        waiting.append((right, bounds | {column: (cut, high)}))
    return found


def _rule(bounds: dict[int, tuple[float, float]], words: Sequence[str]) -> str:
    if not bounds:
        return "everybody"
    said = []
    for column, (low, high) in bounds.items():
        word = words[column]
        if word.startswith("?"):
            said.append(f"{word[1:]}: {'yes' if np.isinf(high) else 'no'}")
        elif np.isinf(low):
            said.append(f"{word} up to {high:,.4g}")
        elif np.isinf(high):
            said.append(f"{word} above {low:,.4g}")
        else:
            said.append(f"{word} above {low:,.4g}, up to {high:,.4g}")
    return "; ".join(said)
