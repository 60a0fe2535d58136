"""Whether another way to decide treats a protected group worse than the one it replaces.

Takes who passes before and after, and the groups; gives each group's change of impact ratio, on the
same applicants.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from riskkit.chance import holm
from riskkit.checks import Array, check_level, flag_array, same_rows
from riskkit.columns import verbatim
from riskkit.evidence.group_words import group_text

__all__ = ["impact_changes", "impact_changes_text"]

SIGNIFICANT = 0.05


def impact_changes(
    before: ArrayLike,
    after: ArrayLike,
    groups: pd.DataFrame,
    *,
    clusters: pd.Series | None = None,
    min_rows: int = 30,
    level: float = 0.95,
) -> pd.DataFrame:
    """Change of each group's impact ratio from one way to decide to another.

    Each ratio is to the group that is passed most often by that way, as in :func:`fairness_table`.
    Both are of the same applicants, so they move together: the interval is paired.

    Parameters
    ----------
    before, after : bool array of shape (n_rows,)
        Who passes.
    groups : DataFrame of shape (n_rows, n_attributes)
        Of :func:`protected_groups`.
    clusters : Series of shape (n_rows,), optional
        Whose applications are drawn together, such as a customer's; by default each is its own.
    min_rows : int
        Smaller groups are neither compared nor a reference.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (attribute, group)
        before, after (impact ratios), change with low and high, adjusted_p_value (two-sided,
        normal; Holm over all groups compared), beyond_chance (it is at most .05). NaN for small
        groups, for one that is the reference both times, and where a way passes nobody.

    Raises
    ------
    ValueError
        Lengths or indexes differ.

    Source
    ------
    Cochran (1977), Sampling Techniques, chapters 6 (ratios, by linearisation) and 9 (clusters);
    Holm (1979), Scandinavian Journal of Statistics 6.
    """
    check_level(level)
    same_rows(before=before, after=after, groups=groups, clusters=clusters)
    ways = [
        flag_array(passed, name, len(groups)).astype(float)
        for name, passed in (("before", before), ("after", after))
    ]
    drawn = np.arange(len(groups)) if clusters is None else pd.factorize(clusters)[0]
    half = ndtri((1 + level) / 2)
    rows: dict[tuple[str, object], dict[str, float]] = {}
    for attribute in groups.columns:
        column = groups[attribute].astype("category")
        code = column.cat.codes.to_numpy()
        sizes = np.bincount(code[code >= 0], minlength=len(column.cat.categories))
        each = [_ratios(passed, code, sizes, min_rows) for passed in ways]
        for number, group in enumerate(column.cat.categories):
            if not sizes[number]:
                continue
            ratios = [ratio[number] for ratio, _ in each]
            row = {"before": ratios[0], "after": ratios[1]}
            best = [reference for _, reference in each]
            if sizes[number] >= min_rows and not np.isnan(ratios).any() and set(best) != {number}:
                pulls = [
                    _pull(passed, code, sizes, number, reference)
                    for passed, reference in zip(ways, best, strict=True)
                ]
                by_cluster = np.bincount(drawn, weights=pulls[1] - pulls[0])
                n, change = len(by_cluster), ratios[1] - ratios[0]
                error = float(np.sqrt(n / max(n - 1, 1) * (by_cluster**2).sum()))
                row |= {"change": change, "low": change - half * error}
                row |= {"high": change + half * error, "p_value": _p_value(change, error)}
            rows[attribute, group] = row
    columns = ["before", "after", "change", "low", "high", "p_value"]
    table = pd.DataFrame([*rows.values()], columns=columns, dtype=float)
    table.index = (
        pd.MultiIndex.from_tuples([*rows], names=["attribute", "group"])
        if rows
        else pd.MultiIndex.from_arrays([[], []], names=["attribute", "group"])
    )
    table["adjusted_p_value"] = holm(table.pop("p_value"))
    return table.assign(beyond_chance=table["adjusted_p_value"] <= SIGNIFICANT)


def _p_value(change: float, error: float) -> float:
    if error > 0:
        return 2 * float(ndtr(-abs(change) / error))
    return 1.0 if change == 0 else 0.0


def _ratios(passed: Array, code: Array, sizes: Array, min_rows: int) -> tuple[Array, int]:
    """Impact ratio of each group, NaN where nobody passes, and which group is the reference."""
    here = code >= 0
    rates = np.bincount(code[here], passed[here], len(sizes)) / np.maximum(sizes, 1)
    eligible = np.where(sizes >= min_rows, rates, -1.0)
    best = int(eligible.argmax()) if len(sizes) else -1
    if not len(sizes) or not eligible[best] > 0:
        return np.full(len(sizes), np.nan), best
    return rates / rates[best], best


def _pull(passed: Array, code: Array, sizes: Array, number: int, reference: int) -> Array:
    """How far each applicant pulls a group's impact ratio, to first order."""
    rates = {one: passed[code == one].mean() for one in (number, reference)}
    shares = {
        one: np.where(code == one, (passed - rates[one]) / sizes[one], 0.0)
        for one in (number, reference)
    }
    top = rates[number] / rates[reference]
    pull: Array = (shares[number] - top * shares[reference]) / rates[reference]
    return pull


def impact_changes_text(changes: pd.DataFrame) -> str:
    """Sentences on who is treated worse than before, as Markdown.

    Parameters
    ----------
    changes : DataFrame
        Of :func:`impact_changes`.
    """
    compared = int(changes["adjusted_p_value"].notna().sum())
    if not compared:
        return "No protected group could be compared with today."
    parts = []
    for words, rows in (
        ("**worse than today**", changes["change"] < 0),
        ("better than today", changes["change"] > 0),
    ):
        told = "; ".join(
            f"{verbatim(group_text(*index))} {row['before']:.3f} to {row['after']:.3f} "
            f"({row['change']:+.3f}, {row['low']:+.3f} to {row['high']:+.3f})"
            for index, row in changes[changes["beyond_chance"] & rows].iterrows()
        )
        parts += [f"{words}: {told}"] if told else []
    if not parts:
        return (
            f"Of {compared} groups compared, none has an impact ratio that differs from today's by "
            "more than chance."
        )
    return (
        f"Against today's policy, on the same applicants, {compared} groups compared, the impact "
        f"ratio is beyond chance {'. '.join(parts)}."
    )
