"""How a card ranks, whether its probabilities are right, and whether its score stays: sections.

Takes scores and the tables a run has found; gives parts for :func:`write_document`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit import metrics
from riskkit.documents.looks import show_finding
from riskkit.documents.words import (
    MIN_BADS,
    MIN_LOANS,
    Findings,
    judged_segments,
    loans,
    plain,
    samples_in_words,
    verdict,
)
from riskkit.plots import (
    new_axes,
    plot_calibration,
    plot_roc,
    plot_scores,
    plot_stability,
    show_table,
)
from riskkit.schema import SourceFacts
from riskkit.target import samples_present

if TYPE_CHECKING:
    from riskkit.scorecard import Scorecard

__all__ = ["calibration_parts", "performance_parts", "stability_parts"]

MODELS = ["scorecard", "challenger"]


def performance_parts(scores: pd.DataFrame, findings: Findings) -> list[Any]:
    """How well the models rank: over all, against each other, by segment, against the truth."""
    kinds = samples_present(scores["sample"])
    late = scores[scores["sample"] == kinds[-1]]
    judged = plain(kinds[-1])
    parts: list[Any] = [
        "AUC is the chance that a bad loan scores below a good one, Gini twice that less one, KS "
        "the widest gap between the shares of bads and goods caught from the riskiest score on.",
    ]
    found = findings.discrimination
    if found is not None:
        caption = "How well the models rank, with 95 % intervals"
        parts.append(show_finding("discrimination", samples_in_words(found), caption=caption))
    counts = {name: metrics.score_counts(late[name], late["default_flag"]) for name in MODELS}
    curves = {name: metrics.roc_curve_table(table) for name, table in counts.items()}
    parts.append(plot_roc(curves, f"ROC, {judged}", ax=new_axes(4.6, 4.4)))
    parts.append(plot_scores(counts["scorecard"], f"Scorecard, {judged}", ax=new_axes(5.6, 3.2)))
    return [
        *parts,
        ("Against the challenger", _comparison(findings, kinds[-1])),
        ("By segment", _by_segment(findings, judged)),
        ("Against the truth", _ceiling(findings, judged)),
    ]


def _comparison(findings: Findings, judged: str) -> list[Any]:
    if findings.comparison is None:
        return []
    found = findings.comparison
    return [
        "The challenger, gradient-boosted trees on the features offered and under the same "
        "directions of risk, shows what a card leaves unused. Both score the same loans, so the "
        "difference is tested in pairs (DeLong).",
        show_finding("comparison", samples_in_words(found), caption="Challenger minus scorecard"),
        f"On the {loans(judged)}: {verdict(found.loc[judged])}.",
    ]


def _by_segment(findings: Findings, judged: str) -> list[Any]:
    found = findings.segments
    if found is None or found.empty:
        return []
    told = found[found["difference"].notna()]
    caption = f"AUC by segment, {judged}; challenger minus scorecard"
    return [
        f"{len(told)} of {len(found)} segments have ten goods and ten bads, enough to "
        "compare. At 95 %, one interval in twenty misses by chance.",
        show_finding("segments", told, caption=caption),
    ]


def _ceiling(findings: Findings, judged: str) -> list[Any]:
    if findings.ceiling is None:
        return []
    found = findings.ceiling
    return [
        "This source is simulated and knows each applicant's true probability of bad. What that "
        "reaches on the same loans is the most that any model could; expected is what it would be "
        "on average over the luck of the loans, of which the share is taken.",
        show_finding("ceiling", found, caption=f"Share of the ceiling, {judged}"),
    ]


def calibration_parts(card: Scorecard, scores: pd.DataFrame, findings: Findings) -> list[Any]:
    """Whether the probabilities are right: over all, by segment, by grade."""
    kinds = samples_present(scores["sample"])
    late = scores[scores["sample"] == kinds[-1]]
    judged = plain(kinds[-1])
    flags = late["default_flag"]
    predicted = late[MODELS].apply(card.score_scale.probability)
    tables = {name: metrics.calibration_table(flags, predicted[name]) for name in MODELS}
    parts: list[Any] = [
        f"The {loans(kinds[-1])} turned bad at {flags.mean():.2%}; the scorecard predicted "
        f"{predicted['scorecard'].mean():.2%}, the challenger "
        f"{predicted['challenger'].mean():.2%}.",
        "In the figure, points above the line are under-predicted risk.",
        plot_calibration(tables, f"Calibration, {judged}", ax=new_axes(4.6, 4.4)),
    ]
    if findings.accuracy is not None:
        found = findings.accuracy
        parts += [
            "Of the Brier score, reliability is what ten groups miss by (0 where they turn bad as "
            "predicted), resolution how far they differ.",
            show_finding("accuracy", found, caption=f"Scores of the probabilities, {judged}"),
            "The line is fitted on the log-odds: intercept 0 and slope 1 are perfect; a slope "
            "below 1 says that high and low probabilities are too far apart. Hosmer–Lemeshow "
            "compares the ten groups with what was predicted.",
            show_finding("line", found, caption=f"Line and groups, {judged}"),
        ]
    if findings.bands is not None:
        caption = f"The groups compared, {judged}"
        parts.append(show_finding("bands", findings.bands, caption=caption))
    return [
        *parts,
        ("By segment", _calibration_by_segment(findings, judged)),
        ("Grades", _grades(findings, judged)),
    ]


def _calibration_by_segment(findings: Findings, judged: str) -> list[Any]:
    found = findings.calibration
    if found is None or found.empty:
        return []
    every, found = len(found), judged_segments(found)
    caption = f"Observed and predicted bad rates, {judged}"
    return [
        f"Shown are {len(found)} of {every} segments, those of at least {MIN_LOANS} loans and "
        f"{MIN_BADS} bads, seen or expected.",
        show_finding("calibration", found, caption=caption),
    ]


def _grades(findings: Findings, judged: str) -> list[Any]:
    if findings.grades is None:
        return []
    found = findings.grades
    return [
        "Bands of the score with a probability each, made on the training loans. A grade is amber "
        "below a p-value of 5 %, red below 1 %, two-sided and times the number of grades: more or "
        "fewer of its loans turned bad than its probability allows.",
        show_finding("grades", found, caption=f"Grades, {judged}"),
    ]


def stability_parts(facts: SourceFacts, scores: pd.DataFrame, findings: Findings) -> list[Any]:
    """Whether the score stays where it was."""
    if "applied_at" not in scores:
        return ["The applications bear no dates: whether the score moves over time is not known."]
    moved = findings.stability
    if moved is None or moved.empty:
        return ["There are no applications later than those that taught the model to compare."]
    last = moved.groupby(level="feature", sort=False).tail(1).reset_index("period")
    worst = moved["psi"].groupby(level="feature", sort=False).max().rename("highest_psi")
    shown = (
        last[["period", "rows", "psi", "psi_critical", "light"]].join(worst).rename_axis("model")
    )
    formats = {"psi": "three", "psi_critical": "critical", "highest_psi": "three"}
    names = {"rows": "applications", "psi": "PSI", "psi_critical": "by chance up to"}
    names |= {"highest_psi": "highest PSI of all periods"}
    return [
        "PSI compares the distribution of the score among all who applied with that of the "
        "months that taught the model. Above 0.1, and above what chance alone reaches in one "
        "case of twenty, applicants have moved (amber); above 0.25 they are others (red).",
        show_table(shown, formats, names=names, caption="The latest period"),
        plot_stability(moved, against="the training months", ax=new_axes(8.6, 1.8)),
    ]
