"""How a card ranks, whether its probabilities are right, and whether its score stays: sections.

Takes scores and the tables a run has found; gives parts for :func:`write_document`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from riskkit import metrics
from riskkit.documents.words import (
    MIN_LOANS,
    Findings,
    large,
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
        figures = [
            f"{name}{end}" for name in ("auc", "gini", "ks") for end in ("", "_low", "_high")
        ]
        shown = samples_in_words(found)[["good", "bad", *figures]]
        formats = dict.fromkeys(figures, "three") | {"good": "whole", "bad": "whole"}
        names = {"auc": "AUC", "gini": "Gini", "ks": "KS"}
        names |= {f"{name}_low": "from" for name in ("auc", "gini", "ks")}
        names |= {f"{name}_high": "to" for name in ("auc", "gini", "ks")}
        caption = "How well the models rank, with 95 % intervals"
        parts.append(show_table(shown, formats, names=names, caption=caption))
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
    shown = samples_in_words(found.drop(columns="z", errors="ignore"))
    names = {"auc_a": "challenger AUC", "auc_b": "scorecard AUC", "low": "95 % from", "high": "to"}
    names |= {"p_value": "p-value"}
    formats = dict.fromkeys(["auc_a", "auc_b"], "three")
    formats |= dict.fromkeys(["difference", "low", "high"], "signed")
    return [
        "The challenger, gradient-boosted trees on the features offered and under the same "
        "directions of risk, shows what a card leaves unused. Both score the same loans, so the "
        "difference is tested in pairs (DeLong).",
        show_table(shown, formats, names=names, caption="Challenger minus scorecard"),
        f"On the {loans(judged)}: {verdict(found.loc[judged])}.",
    ]


def _by_segment(findings: Findings, judged: str) -> list[Any]:
    found = findings.segments
    if found is None or found.empty:
        return []
    told = found[found["difference"].notna()]
    own = ["auc_b", "auc_b_low", "auc_b_high"]
    shown = told[["loans", "bad", "bad_rate", *own, "auc_a", "difference", "low", "high"]]
    formats = dict.fromkeys(["auc_a", *own], "three")
    formats |= dict.fromkeys(["difference", "low", "high"], "signed")
    names = {"auc_a": "challenger AUC", "auc_b": "scorecard AUC", "low": "95 % from", "high": "to"}
    names |= {"auc_b_low": "95 % from", "auc_b_high": "to"}
    caption = f"AUC by segment, {judged}; challenger minus scorecard"
    return [
        f"{len(told)} of {len(found)} segments have enough goods and bads to compare. At 95 %, one "
        "interval in twenty misses by chance.",
        show_table(
            shown.rename(index=plain), formats, names=names, rows=len(shown) + 1, caption=caption
        ),
    ]


def _ceiling(findings: Findings, judged: str) -> list[Any]:
    if findings.ceiling is None:
        return []
    found = findings.ceiling
    formats = dict.fromkeys(["auc", "gini", "gini_low", "gini_high", "expected_gini"], "three")
    names = {"auc": "AUC", "gini": "Gini", "gini_low": "95 % from", "gini_high": "to"}
    names |= {"expected_gini": "expected Gini"}
    return [
        "This source is simulated and knows each applicant's true probability of bad. What that "
        "reaches on the same loans is the most that any model could; expected is what it would be "
        "on average over the luck of the loans, of which the share is taken.",
        show_table(found, formats, names=names, caption=f"Share of the ceiling, {judged}"),
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
        scores_of = ["brier", "reliability", "resolution", "log_loss"]
        formats = dict.fromkeys(scores_of, "five")
        of_line = found.drop(columns=scores_of)
        names = {"hosmer_lemeshow": "Hosmer–Lemeshow", "p_value": "p-value"}
        ends = [name for name in of_line if name.endswith(("_low", "_high"))]
        names |= {name: "95 % from" if name.endswith("_low") else "to" for name in ends}
        digits = dict.fromkeys(["intercept", "slope", *ends], "three")
        digits["hosmer_lemeshow"] = "number"
        parts += [
            "Of the Brier score, reliability is what ten groups miss by (0 where they turn bad as "
            "predicted), resolution how far they differ.",
            show_table(
                found[scores_of],
                formats,
                names={"brier": "Brier"},
                caption=f"Scores of the probabilities, {judged}",
            ),
            "The line is fitted on the log-odds: intercept 0 and slope 1 are perfect; a slope "
            "below 1 says that high and low probabilities are too far apart. Hosmer–Lemeshow "
            "compares the ten groups with what was predicted.",
            show_table(of_line, digits, names=names, caption=f"Line and groups, {judged}"),
        ]
    return [
        *parts,
        ("By segment", _calibration_by_segment(findings, judged)),
        ("Grades", _grades(findings, judged)),
    ]


def _calibration_by_segment(findings: Findings, judged: str) -> list[Any]:
    found = findings.calibration
    if found is None or found.empty:
        return []
    every, found = len(found), large(found)
    shown = found[["loans", "bad_rate", "low", "high", *MODELS]]
    shown = shown.assign(outside=found["scorecard_outside"]).rename(index=plain)
    formats = dict.fromkeys(["low", "high", *MODELS], "percent")
    names = {"low": "95 % from", "high": "to", "outside": "scorecard outside"}
    caption = f"Observed and predicted bad rates, {judged}"
    return [
        f"Shown are {len(found)} of {every} segments, those of at least {MIN_LOANS} loans.",
        show_table(shown, formats, names=names, caption=caption, rows=len(shown) + 1),
    ]


def _grades(findings: Findings, judged: str) -> list[Any]:
    if findings.grades is None:
        return []
    found = findings.grades
    columns = ["score_low", "score_high", "n", "bad", "bad_rate", "probability", "p_value", "light"]
    found = found.rename(columns={"jeffreys_p_value": "p_value"})
    shown = found[[name for name in columns if name in found]]
    formats = {"n": "whole", "bad": "whole", "bad_rate": "percent2", "probability": "percent2"}
    formats |= {"score_low": "whole", "score_high": "whole"}
    names = {"n": "loans", "p_value": "p-value (Jeffreys)", "score_low": "score from"}
    names |= {"score_high": "to below"}
    bounds = [name for name in ("score_low", "score_high") if name in shown]
    shown = shown.assign(
        **{name: shown[name].replace([np.inf, -np.inf], np.nan) for name in bounds}
    )
    return [
        "Bands of the score with a probability each, made on the training loans. A grade is amber "
        "below a p-value of 5 %, red below 1 %: more of its loans turned bad than its probability "
        "allows.",
        show_table(shown, formats, names=names, caption=f"Grades, {judged}"),
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
    formats = dict.fromkeys(["psi", "psi_critical", "highest_psi"], "three")
    names = {"rows": "applications", "psi": "PSI", "psi_critical": "by chance up to"}
    names |= {"highest_psi": "highest PSI of all periods"}
    return [
        "PSI compares the distribution of the score among all who applied with that of the "
        "months that taught the model. Above 0.1, and above what chance alone reaches in one "
        "case of twenty, applicants have moved (amber); above 0.25 they are others (red).",
        show_table(shown, formats, names=names, caption="The latest period"),
        plot_stability(moved, against="the training months", ax=new_axes(8.6, 1.8)),
    ]
