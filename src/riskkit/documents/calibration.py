"""Whether probabilities are right, in words: over all, by band of the score, by segment, by grade.

Takes scores and the tables a run has found; gives one :class:`Limit` a matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from riskkit import metrics
from riskkit.documents.words import (
    MIN_BADS,
    MIN_LOANS,
    SIGNIFICANT,
    Findings,
    Limit,
    groups,
    interval,
    judged_segments,
    listed,
)
from riskkit.target import samples_present

if TYPE_CHECKING:
    from riskkit.scorecard import ScoreScale

__all__ = ["grades_limit", "limits_of_calibration"]

SURELY = 0.01
MIN_P_VALUE = 0.0001  # smaller ones are called below it


def limits_of_calibration(
    scale: ScoreScale, scores: pd.DataFrame, findings: Findings, model: str = "scorecard"
) -> list[Limit]:
    """Whether a model's probabilities are right.

    Parameters
    ----------
    scale : ScoreScale
    scores : DataFrame
        As in :func:`model_card_sections`.
    findings : Findings
        Its `grades` are those of the model.
    model : str
        Its column in `scores`.
    """
    late = scores[scores["sample"] == samples_present(scores["sample"])[-1]]
    bads, n = late["default_flag"].sum(), late["default_flag"].count()
    predicted = float(scale.probability(late[model]).mean())
    least, most = (float(end) for end in metrics.jeffreys_interval(bads, n, 0.95))
    # the slope is silent on a level that is wrong for everybody
    text = f"{predicted:.2%} predicted, {bads / n:.2%} bad ({least:.2%} to {most:.2%})"
    found = [Limit("Level of risk", text, not least <= predicted <= most)]
    bands = findings.bands_of(model)
    if findings.accuracy is not None:
        row = findings.accuracy.loc[model]
        found += [_line(row), _groups_apart(row["hosmer_lemeshow"], row["p_value"], bands)]
    if findings.calibration is not None and judged_segments(findings.calibration).size:
        found.append(_segments_apart(judged_segments(findings.calibration), model))
    if findings.grades is not None and "light" in findings.grades:
        found.append(grades_limit(findings.grades, bands))
    return found


def _line(row: pd.Series) -> Limit:
    ends = row["slope_low"], row["slope_high"]
    text = f"slope {interval(row['slope'], *ends)}, where 1 is perfect"
    if pd.isna(row["slope"]):
        text = "too few goods or bads, or the score separates them: no slope can be fitted"
    elif ends[1] < 1:
        text += "; too sure of itself"
    elif ends[0] > 1:
        text += "; too cautious"
    return Limit("Calibration", text, not ends[0] <= 1 <= ends[1])


def _groups_apart(statistic: float, p_value: float, bands: pd.DataFrame | None) -> Limit:
    said = f"{p_value:.4f}" if p_value >= MIN_P_VALUE else f"below {MIN_P_VALUE:g}"
    over = "groups of loans" if bands is None else f"{len(bands)} groups of loans"
    text = f"Hosmer–Lemeshow {statistic:.1f} over {over}, p-value {said}"
    apart = p_value < SIGNIFICANT
    text += "; groups turn bad at other rates than predicted" if apart else ""
    if apart and bands is not None:
        surely = bands["adjusted_p_value"] < SIGNIFICANT
        # where no band does so alone, the two that add most
        shown = bands[surely] if surely.any() else bands.nlargest(2, "part", keep="first")
        text += ", most of all " if surely.any() else ", none beyond chance alone, most "
        text += listed(
            f"scores {row['score_low']:.0f} to {row['score_high']:.0f} ({row['bad']:,.0f} bads, "
            f"{row['expected']:.1f} expected: {row['side']})"
            for _, row in shown.iterrows()
        )
    # near 5 % the verdict hangs on how loans are grouped
    return Limit("Calibration by group", text, apart, p_value < SURELY)


def _segments_apart(table: pd.DataFrame, model: str) -> Limit:
    off = table[f"{model}_outside"].astype(bool)
    expected = 0.05 * len(table)
    text = (
        f"the prediction lies outside the 95 % interval in {off.sum()} of {len(table)} segments "
        f"of at least {MIN_LOANS} loans and {MIN_BADS} bads, seen or expected, where chance alone "
        f"leaves {expected:.1f}"
    )
    many = off.sum() > expected + 2 * np.sqrt(expected)
    text += f": {groups(table.index[off])}" if off.any() else ""
    return Limit("Calibration by segment", text, bool(many))


def grades_limit(grades: pd.DataFrame, bands: pd.DataFrame | None = None) -> Limit:
    """Grades that turn bad more often, or less often, than was promised.

    The light takes the probability of a grade as known and counts the grades. Where training bads
    stand behind it, it is only what they say: red is what is left then, or what the model itself
    misses beyond chance on the same scores.
    """
    lights = grades["light"].value_counts()
    red, amber = (int(lights.get(name, 0)) for name in ("red", "amber"))
    text = f"{red} of {len(grades)} are red, {amber} amber"
    off = grades[grades["light"].isin(["red", "amber"])]
    if off.empty:
        return Limit("Grades", text, False)
    text += ": " + listed(
        f"grade {grade}{_scores_of(row)} ({row['bad']:,.0f} bads of {row['n']:,.0f}, "
        f"{row['probability'] * row['n']:.1f} expected: {row['side']})"
        for grade, row in off.iterrows()
    )
    reds = off[off["light"] == "red"]
    if "taught" not in grades:
        # probabilities that the model states, with no count of loans behind them
        return Limit("Grades", text, True, len(reds) > 0)
    p_values = _p_values_of_two_samples(grades)[reds.index]
    itself = pd.Series([_is_missed(row, bands) for _, row in reds.iterrows()], reds.index, bool)
    if (p_values < SIGNIFICANT).any():
        return Limit("Grades", text, True, True)
    if itself.any():
        text += "; what the model itself states is off there as well, see Calibration by group"
        return Limit("Grades", text, True, True)
    text += "; the chance of its training bads can explain it" if len(reds) else ""
    return Limit("Grades", text, True, False)


def _scores_of(grade: pd.Series) -> str:
    """Where a grade lies, since the rating scale has other grades; nothing where it is not told."""
    if "score_low" not in grade:
        return ""
    low, high = grade["score_low"], grade["score_high"]
    if np.isinf(low):
        return "" if np.isinf(high) else f", scores below {high:.0f}"
    return f", scores from {low:.0f} on" if np.isinf(high) else f", scores {low:.0f} to {high:.0f}"


def _p_values_of_two_samples(grades: pd.DataFrame) -> pd.Series:
    """Fisher's test of judged against training bads, times the number of grades."""
    counts = grades[["bad", "n", "taught_bad", "taught"]].fillna(0).to_numpy().astype(int)
    found = [
        stats.fisher_exact([[bad, n - bad], [before, taught - before]]).pvalue
        for bad, n, before, taught in counts
    ]
    return pd.Series(found, index=grades.index) * len(grades)


def _is_missed(grade: pd.Series, bands: pd.DataFrame | None) -> bool:
    """Whether a band of these scores is off beyond chance, and on the same side."""
    if bands is None or bands.empty or "score_low" not in grade:
        return False
    meets = bands["score_low"].lt(grade["score_high"]) & bands["score_high"].ge(grade["score_low"])
    off = bands["adjusted_p_value"].lt(SIGNIFICANT) & bands["side"].eq(grade["side"])
    return bool((meets & off).any())
