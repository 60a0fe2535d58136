"""The page that says what changed between two runs.

Takes the tables of two runs; gives sections for :func:`riskkit.documents.document_html`. No
application is named on it, and features stand under their labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from riskkit.compare.bin_changes import IN_BOTH
from riskkit.compare.card_changes import BASE_SETTING
from riskkit.compare.changes import RunChanges, run_changes
from riskkit.compare.run_tables import RunTables
from riskkit.compare.score_changes import MIN_EACH, MODELS
from riskkit.compare.sentences import (
    in_short,
    outcomes_text,
    overlap_text,
    ranking_text,
    sample_text,
)
from riskkit.plots import show_table

__all__ = ["comparison_sections"]

Part = Any
RUN_NAMES = {"a": "A", "b": "B"}
MANY = 400  # rows of a table


def comparison_sections(
    a: RunTables, b: RunTables, meanings: Mapping[str, str] | None = None
) -> list[tuple[str, list[Part]]]:
    """Sections of the page: in short, inputs, bins, card, scores, cutoffs, vintages.

    Parameters
    ----------
    a, b : RunTables
        The earlier run and the later.
    meanings : mapping of str to str, optional
        Parameter → what it means.
    """
    changes = run_changes(a, b, meanings)
    labels = {feature.name: feature.label for run in (a, b) for feature in run.features}
    lacking = {section: [why] for section, why in changes.lacking.items()}
    return [
        ("In short", [in_short(a, b, changes, labels)]),
        ("Inputs", _inputs(a, b, changes, labels)),
        ("Bins", lacking.get("bins") or _bins(changes, labels)),
        ("Card", lacking.get("card") or _card(changes, labels)),
        ("Scores", lacking.get("scores") or _scores(changes)),
        ("Cutoffs", lacking.get("cutoffs") or _cutoffs(a, b, changes)),
        ("Vintages", lacking.get("vintages") or _vintages(changes)),
    ]


def _ends(*names: str) -> dict[str, str]:
    """Headings of columns that both runs have."""
    return {f"{name}_{end}": f"{name}, {run}".replace("_", " ")
            for name in names for end, run in RUN_NAMES.items()}  # fmt: skip


def _intervals(names: list[str]) -> dict[str, str]:
    """Headings of the ends of intervals."""
    ends = {name: "95 % from" for name in names if "low" in name}
    return ends | {name: "to" for name in names if "high" in name}


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """The table with one index level in words, which leaves room for its columns."""
    words = [", ".join(map(str, key)) for key in table.index]
    return table.set_axis(pd.Index(words, name=", ".join(map(str, table.index.names))))


def _with_labels(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The table with features under their labels."""
    if table.index.nlevels > 1:
        return table.rename(index=dict(labels), level="feature")
    return table.rename(index=dict(labels))


def _sentence(text: str) -> str:
    """Words as a sentence of their own."""
    return f"{text[:1].upper()}{text[1:]}."


def _inputs(
    a: RunTables, b: RunTables, changes: RunChanges, labels: Mapping[str, str]
) -> list[Part]:
    files = changes.files
    n_same = int(files["same"].sum())
    databases = [name for name, run in (("A", a), ("B", b)) if run.source_hashes is None]
    parts: list[Part] = [
        f"{n_same} of {len(files)} files are the same: what was read, what the first stage made of "
        "it, and the models."
    ]
    if databases:
        told = " and ".join(databases)
        parts.append(f"The source of {told} is a database, of which no hash can be kept.")
    caption = "Files, by the first digits of their sha256"
    parts.append(show_table(files, caption=caption, names=RUN_NAMES, rows=MANY))
    for what, table in (
        ("What the sources say of themselves", changes.facts),
        ("Parameters", changes.parameters),
        ("Versions", changes.versions),
    ):
        if table.empty:
            parts.append(f"{what}: nothing differs.")
        else:
            shown = show_table(table, caption=f"{what}, where they differ", names=RUN_NAMES,
                               rows=MANY)  # fmt: skip
            parts.append(shown)
    applications = _applications(changes, labels)
    if sampled := sample_text(a, b):
        applications = [_sentence(sampled), *applications]
    return [*parts, ("Applications", applications)]


def _applications(changes: RunChanges, labels: Mapping[str, str]) -> list[Part]:
    if "applications" in changes.lacking:
        return [changes.lacking["applications"]]
    formats = {"bad_rate": "percent2", "low": "percent2", "high": "percent2"}
    names = _intervals(["low", "high"])
    caption = "Applications and loans of known outcome, with 95 % intervals"
    parts: list[Part] = [
        _sentence(overlap_text(changes)),
        show_table(changes.population, formats, caption=caption, names=names),
    ]
    if not len(changes.outcomes):
        return parts
    parts.append(_sentence(outcomes_text(changes.outcomes)))
    moved = changes.outcomes[changes.outcomes["changed"]].drop(columns="changed")
    if len(moved):
        shown = moved.rename_axis(["by A", "by B"])
        parts.append(show_table(shown, caption="Outcomes that differ"))
    if changes.feature_values.empty:
        parts.append("Every feature has the same values on them in both runs.")
    else:
        shown = _with_labels(changes.feature_values, labels)
        names = {"differing": "applications", "differing_share": "of those in both"}
        caption = "Features whose values differ on applications in both"
        parts.append(show_table(shown, caption=caption, names=names, rows=MANY))
    return parts


def _bins(changes: RunChanges, labels: Mapping[str, str]) -> list[Part]:
    table = changes.bins
    moved = table[table["changed"]]
    alone = int((table["in_runs"] != IN_BOTH).sum())
    parts: list[Part] = [
        f"{len(moved)} of {len(table)} features have other bins; {alone} are in one run only. The "
        "IV is that of each run's own training loans, its error as if the bins had been given."
    ]
    if len(moved):
        columns = ["in_runs", "bins_a", "bins_b"] if alone else ["bins_a", "bins_b"]
        shown = _with_labels(moved[columns], labels)
        caption = "Bins that differ"
        parts.append(show_table(shown, caption=caption, names=_ends("bins"), rows=MANY))
    columns = ["iv_a", "iv_error_a", "iv_b", "iv_error_b"]
    differs = (table["iv_a"] != table["iv_b"]) | (table["iv_error_a"] != table["iv_error_b"])
    if differs.any():
        shown = _with_labels(table.loc[differs, columns], labels)
        names = {"iv_a": "IV, A", "iv_b": "IV, B", "iv_error_a": "error", "iv_error_b": "error "}
        caption = "IV, where it differs"
        parts.append(show_table(shown, "three", caption=caption, names=names, rows=MANY))
    else:
        parts.append("The IV of every feature is the same.")
    by_hand = table[(table["by_hand_a"] != "") | (table["by_hand_b"] != "")]
    if len(by_hand):
        shown = _with_labels(by_hand[["by_hand_a", "by_hand_b"]], labels)
        caption = "Bins decided by hand: who, and why"
        parts.append(show_table(shown, caption=caption, names=_ends("by_hand"), rows=MANY))
    else:
        parts.append("No bins were decided by hand.")
    return [*parts, ("Population stability", _shift(changes, labels))]


def _shift(changes: RunChanges, labels: Mapping[str, str]) -> list[Part]:
    table = changes.shift
    if table.empty:
        return ["No feature is on either card, or a run has no applications to count."]
    if not (table["psi"] != 0).any():
        return ["No feature on either card has moved: PSI is 0 for all of them."]
    names = {"psi": "PSI", "psi_critical": "by chance up to"}
    formats = {"psi": "four", "psi_critical": "four"}
    caption = "Applications of B over the bins of A, features on either card"
    return [
        "PSI compares how the applications of B fall into A's bins with how those of A do. Amber "
        "is above 0.1 and above what chance alone reaches in one case of twenty, red above 0.25. "
        "Chance is that of two samples without a common application; with some in common it "
        "reaches less.",
        show_table(_with_labels(table, labels), formats, caption=caption, names=names, rows=MANY),
    ]


def _card(changes: RunChanges, labels: Mapping[str, str]) -> list[Part]:
    coefficients, points, scale = changes.coefficients, changes.points, changes.scale
    columns = [name for name in coefficients if name != "on_card"]
    names = {**_intervals(columns), **_ends("coefficient")}
    names["low_b"], names["high_b"] = "95 % from ", "to "
    parts: list[Part] = [
        "Coefficients are those of WoE in the log-odds of bad; their intervals take the features "
        "as given.",
        show_table(
            _with_labels(coefficients, labels),
            dict.fromkeys(columns, "signed"),
            caption="Features on either card",
            names=names,
            rows=MANY,
        ),
    ]
    if points.empty:
        parts.append("Every bin has the same points on both cards.")
    else:
        shown = _with_labels(points, {**labels, "": "–"})
        names = {"points_a": "points, A", "points_b": "points, B"}
        caption = f"Bins whose points differ: {len(points)}"
        parts.append(show_table(shown, "whole", caption=caption, names=names, rows=MANY))
    if scale.empty:
        parts.append("The scale is the same.")
    else:
        shown = scale.rename_axis("setting")
        parts.append(show_table(shown, caption="Scale, where it differs", names=RUN_NAMES))
    return parts


def _scores(changes: RunChanges) -> list[Part]:
    shift, grades = changes.scores, changes.grades
    formats = {name: "number" for name in ("mean_a", "mean_b", "difference", "low", "high")}
    names = {"mean_a": "mean, A", "mean_b": "mean, B", **_intervals(["low", "high"])}
    parts: list[Part] = [
        "Of applications that both runs have; the difference is B less A, paired.",
    ]
    if len(changes.scale.drop(BASE_SETTING, errors="ignore")):
        parts.append(
            "The runs have other scales: scores of B are put on A's through the probability of bad "
            "they stand for."
        )
    caption = "Scores of the same applications"
    parts.append(show_table(shift, formats, caption=caption, names=names))
    if len(grades):
        moved = grades[["safer", "riskier"]].to_numpy().sum() / grades["applications"].sum()
        parts.append(
            f"{moved:.1%} of them change grade by the scorecard, in grades made of the loans that "
            "taught A."
        )
        if moved:
            parts.append(show_table(grades, caption="Grades of A, and where B puts them"))
    return [*parts, ("Ranking", _ranking(changes))]


def _ranking(changes: RunChanges) -> list[Part]:
    table = changes.ranking
    kinds = [kind.replace("_", "-") for kind in changes.judging]
    if not kinds:
        return ["A run has no labelled sample: nothing can be said of how the scores rank."]
    where = (
        f"{kinds[0]} in both runs" if kinds[0] == kinds[1] else f"{kinds[0]} in A, {kinds[1]} in B"
    )
    parts: list[Part] = [
        f"Both scores rank the same {int(table['loans'].iloc[0]):,} loans, {where}, so that they "
        "taught neither model; outcomes are those of B. The difference in AUC is B less A, tested "
        f"in pairs (DeLong); with fewer than {MIN_EACH} goods or bads no figure is given.",
        [f"{_sentence(model)[:-1]}: {ranking_text(table.loc[model])}." for model in MODELS],
    ]
    if table["difference"].notna().any():
        formats = dict.fromkeys(["auc_a", "auc_b", "difference", "low", "high"], "three")
        names = {"auc_a": "AUC, A", "auc_b": "AUC, B", "p_value": "p-value"}
        names |= _intervals(["low", "high"])
        parts.append(show_table(table, formats, caption="Ranking, B less A", names=names))
    return parts


def _cutoffs(a: RunTables, b: RunTables, changes: RunChanges) -> list[Part]:
    cutoffs, policies = changes.cutoffs, changes.policies
    advice = pd.DataFrame({end: pd.Series(dict(run.advice), dtype=object) for end, run
                           in (("A", a), ("B", b))}).fillna("–")  # fmt: skip
    # in the order the runs tell them, what is to be done first
    advice = advice.loc[list(dict.fromkeys([*a.advice, *b.advice]))].rename_axis("figure")
    currencies = {run.facts.currency for run in (a, b) if run.facts is not None}
    money = f"profit, {currencies.pop()}" if len(currencies) == 1 else "profit, own currency"
    names = {"profit_amount": money, "bad": "bads"}
    names |= {"bad_rate_low": "95 % from", "bad_rate_high": "to"}
    names |= {"profit_low": "95 % from ", "profit_high": "to "}
    formats = dict.fromkeys(
        ["cutoff", "bad", "profit_amount", "profit_low", "profit_high"], "whole"
    )
    formats |= dict.fromkeys(["bad_rate", "bad_rate_low", "bad_rate_high"], "percent2")
    parts: list[Part] = [
        "Each run's figures are of the applications that judge it, and each interval is of that "
        "run alone: where the two runs are judged on other applications, intervals that overlap "
        "do not tell the runs apart. A cutoff is chosen on these very loans, so that its profit is "
        "somewhat too good.",
    ]
    if len(advice):
        parts.append(show_table(advice, caption="What the runs say", rows=MANY))
    if len(policies):
        parts.append(
            show_table(_flat(policies), formats, caption="Policies", names=names, rows=MANY)
        )
    caption = "The most profitable cutoff that is not inferred"
    parts.append(show_table(_flat(cutoffs), formats, caption=caption, names=names))
    return [*parts, ("Who changes sides", _swaps(changes))]


def _swaps(changes: RunChanges) -> list[Part]:
    swaps, untaught = changes.swaps, changes.untaught_swaps
    if "scores" in changes.lacking:
        return [changes.lacking["scores"]]
    if swaps.empty:
        return ["A run has no cutoff that is not inferred: nobody can change sides."]
    names = {"bad_rate_low": "95 % from", "bad_rate_high": "to", "share_of_applications": "share"}
    formats = dict.fromkeys(["bad_rate", "bad_rate_low", "bad_rate_high"], "percent2")
    told = []
    for model in swaps.index.unique("model"):
        of_model = swaps.loc[model, "share_of_applications"]
        share = of_model[["only A", "only B"]].sum()
        told.append(f"By the {model}, {share:.1%} of the applications in both change sides.")
    parts: list[Part] = [
        "Applications that both runs have, each score at its own run's cutoff above; outcomes by "
        "B, bad rates of booked loans with 95 % intervals.",
        told,
    ]
    caption = "All applications in both, those that taught the models among them"
    parts.append(show_table(_flat(swaps), formats, caption=caption, names=names))
    if len(untaught):
        caption = "Of them, those that taught neither model"
        parts.append(show_table(_flat(untaught), formats, caption=caption, names=names))
    return parts


def _vintages(changes: RunChanges) -> list[Part]:
    same, matured = changes.vintages, changes.matured
    parts: list[Part] = [
        "Share of a cohort's loans gone bad by a month on book that all of them have reached. A "
        "cohort's past does not change: where the same cohort differs at the same age, loans were "
        "added to it or its data have changed, by a correction or by other loans in them, and not "
        "the borrowers. Intervals are of each by itself (95 %), as in `05_vintages`.",
    ]
    if changes.overlap.ids.empty:
        parts[0] = (
            "Share of a cohort's loans gone bad by a month on book that all of them have reached. "
            "The runs have no application in common: cohorts of the same month are of other loans."
        )
    moved = same[same["changed"]]
    if moved.empty:
        parts.append(f"All {len(same)} milestones that both runs know are the same.")
    else:
        columns = ["loans_a", "bad_rate_a", "low_a", "high_a", "loans_b", "bad_rate_b", "low_b",
                   "high_b", "difference", "why"]  # fmt: skip
        moved = moved.assign(why=moved["added"].map({True: "loans added", False: "data changed"}))
        formats = {
            name: "percent2" for name in columns if name.endswith(("_a", "_b", "difference"))
        }
        formats |= {"loans_a": "whole", "loans_b": "whole"}
        names = {**_ends("loans", "bad_rate"), "low_a": "95 % from", "high_a": "to"}
        names |= {"low_b": "95 % from ", "high_b": "to "}
        caption = f"Milestones that differ: {len(moved)} of {len(same)}"
        shown = show_table(moved[columns], formats, caption=caption, names=names, rows=MANY)
        parts.append(shown)
    if len(changes.lost_cohorts):
        parts.append(f"Cohorts that only A has: {', '.join(changes.lost_cohorts)}.")
    if matured.empty:
        parts.append("No milestone is known since, and no cohort is new.")
    else:
        formats = {"loans": "whole", "bad": "whole"}
        formats |= dict.fromkeys(["bad_rate", "low", "high"], "percent2")
        names = {**_intervals(["low", "high"]), "new": "new cohort"}
        caption = "Milestones known since"
        parts.append(show_table(matured, formats, caption=caption, names=names, rows=MANY))
    return parts
