"""What changed between two runs, in sentences of which every figure and judgement is computed.

Takes :class:`riskkit.compare.RunChanges`; gives label → text.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from riskkit.compare.bin_changes import ONLY_A, ONLY_B
from riskkit.compare.changes import RunChanges
from riskkit.compare.inputs import UNKNOWN
from riskkit.compare.run_tables import RunTables
from riskkit.compare.score_changes import MIN_EACH, MODELS

__all__ = ["in_short", "outcomes_text", "overlap_text", "ranking_text", "sample_text"]


def in_short(
    a: RunTables, b: RunTables, changes: RunChanges, labels: Mapping[str, str]
) -> dict[str, str]:
    """The comparison in a few lines, label → text."""
    told = {"A, the earlier": _run_text(a), "B, the later": _run_text(b)}
    if changes.is_same:
        told["Changed"] = "nothing: files, parameters and versions of the two runs are the same"
    told["Inputs"] = _inputs_text(changes)
    if sampled := sample_text(a, b):
        told["Sample"] = sampled
    compared = "compared are " if sampled else ""
    overlap = f"{compared}{overlap_text(changes)}"
    told["Applications"] = changes.lacking.get("applications") or overlap
    if len(changes.outcomes):
        told["Outcomes"] = outcomes_text(changes.outcomes)
    told["Features on the card"] = changes.lacking.get("card") or _features_text(changes, labels)
    if "scores" in changes.lacking:
        told["Ranking"] = changes.lacking["scores"]
    else:
        for model in MODELS:
            told[f"Ranking, {model}"] = ranking_text(changes.ranking.loc[model])
    told["Most profitable cutoff"] = changes.lacking.get("cutoffs") or _cutoff_text(changes)
    told["Recommendation"] = _advice_text(a, b)
    told["Vintages"] = changes.lacking.get("vintages") or _vintages_text(changes)
    return told


def sample_text(a: RunTables, b: RunTables) -> str:
    """Of which runs single applications are a sample, in words; empty where all are read."""
    told = [
        f"of {name} {len(run.applications):,} of {int(run.population['rows'].sum()):,}"
        for name, run in (("A", a), ("B", b))
        if run.population is not None and run.applications is not None
    ]
    if not told:
        return ""
    return (
        f"single applications are compared on a sample, {' and '.join(told)}: whole customers, "
        "chosen by a hash of their id; what both have, its scores, features and outcomes are of it"
    )


def _count(n: int, noun: str) -> str:
    return f"{n or 'no'} {noun}{'' if n == 1 else 's'}"


def _run_text(run: RunTables) -> str:
    title = run.source if run.facts is None else run.facts.title
    return f"{run.name} ({', '.join(word for word in (title, run.profile) if word)})"


def _inputs_text(changes: RunChanges) -> str:
    tables = changes.files[~changes.files.index.str.endswith(".json")]
    differ = int((~tables["same"]).sum())
    told = "the same tables" if not differ else f"{differ} of {len(tables)} input files differ"
    settings = [
        _count(len(table), noun)
        for table, noun in ((changes.parameters, "parameter"), (changes.versions, "version"))
    ]
    return f"{told}; {settings[0]} and {settings[1]} differ"


def overlap_text(changes: RunChanges) -> str:
    """How many applications both runs have, in words."""
    overlap = changes.overlap
    n = len(overlap.ids)
    renumbered = (
        f"; {overlap.n_other_day:,} numbers are in both runs, but stand for other applications"
        if overlap.n_other_day
        else ""
    )
    if overlap.is_whole:
        return f"the same {n:,} in both"
    if not n:
        return (
            f"{overlap.n_a:,} in A, {overlap.n_b:,} in B, none of them in both{renumbered}: the "
            "figures of the two runs are of different applications"
        )
    return (
        f"{overlap.n_a:,} in A, {overlap.n_b:,} in B; {n:,} are in both ({n / overlap.n_a:.1%} of "
        f"A, {n / overlap.n_b:.1%} of B){renumbered}"
    )


def outcomes_text(outcomes: pd.DataFrame) -> str:
    """How many of the common applications turned out otherwise by B, in words."""
    counts = outcomes["applications"]
    then, now = (outcomes.index.get_level_values(name) for name in outcomes.index.names)
    corrected = int(counts[outcomes["changed"] & (then != UNKNOWN) & (now != UNKNOWN)].sum())
    known = int(counts[(then == UNKNOWN) & (now != UNKNOWN)].sum())
    lost = int(counts[(then != UNKNOWN) & (now == UNKNOWN)].sum())
    if not corrected + known + lost:
        return f"all {int(counts.sum()):,} applications in both have the same outcome, or none"
    return (
        f"of the {int(counts.sum()):,} applications in both, {corrected:,} turned out otherwise "
        f"by B, {known:,} are known since, {lost:,} no longer"
    )


def _features_text(changes: RunChanges, labels: Mapping[str, str]) -> str:
    table = changes.coefficients

    def named(which: str) -> str:
        names = table.index[table["on_card"] == which]
        return ", ".join(labels.get(str(name), str(name)) for name in names) or "none"

    new, gone = named(ONLY_B), named(ONLY_A)
    n = int((table["on_card"] != ONLY_A).sum())
    if new == gone == "none":
        return f"the same {n}"
    return f"in: {new}; out: {gone}; {n} on the card of B"


def ranking_text(row: pd.Series) -> str:
    """Whether B's score ranks better than A's on the same loans, in words."""
    sizes = f"{row['loans']:,.0f} loans that taught neither model, {row['bad']:,.0f} of them bad"
    if pd.isna(row["difference"]):
        few = f"fewer than {MIN_EACH} goods or bads"
        return f"too few to say: {sizes}; with {few} no AUC is given"
    told = f"AUC {row['auc_a']:.3f} → {row['auc_b']:.3f}, {row['difference']:+.3f}"
    if pd.isna(row["low"]):
        return f"{told}, without an interval: the difference has no variance; on {sizes}"
    told += f" (95 % interval {row['low']:+.3f} to {row['high']:+.3f})"
    if row["low"] == row["high"] == 0:
        return f"the same order of all loans, AUC {row['auc_b']:.3f}, on {sizes}"
    if row["low"] <= 0 <= row["high"]:
        return f"{told}, which chance alone may give; on {sizes}"
    return f"{told}, {'better' if row['difference'] > 0 else 'worse'} beyond chance; on {sizes}"


def _cutoff_text(changes: RunChanges) -> str:
    table = changes.cutoffs
    told = []
    for model in table.index.unique("model"):
        ends = [
            f"{row['cutoff']:.0f} (approves {row['approval_rate']:.1%})"
            if (model, run) in table.index and pd.notna((row := table.loc[(model, run)])["cutoff"])
            else "none"
            for run in ("A", "B")
        ]
        same = ends[0] == ends[1]
        told.append(f"{model} {ends[0]}, unchanged" if same else f"{model} {ends[0]} → {ends[1]}")
    return "; ".join(told)


def _advice_text(a: RunTables, b: RunTables) -> str:
    """What each run says is to be done: the first of its key figures of cutoffs."""
    ends = []
    for run in (a, b):
        label, text = next(iter(run.advice.items()), ("", "none"))
        # such as "To do, assumed economics"
        mark = label.partition(", ")[2]
        ends.append(f"{text} ({mark})" if mark else text)
    if ends[0] == ends[1]:
        return f"unchanged: {ends[0]}"
    return f"{ends[0]} → {ends[1]}"


def _vintages_text(changes: RunChanges) -> str:
    same, matured = changes.vintages, changes.matured
    moved = same[same["changed"]]
    n_moved = moved.index.get_level_values("cohort").nunique()
    n_new = matured[matured["new"]].index.get_level_values("cohort").nunique()
    told = f"{_count(len(matured), 'milestone')} known since, {_count(n_new, 'new cohort')}; "
    if not len(same):
        return told + "no milestone is in both runs"
    if not n_moved:
        return told + f"all {len(same)} milestones in both runs are the same"
    differ = f"{len(moved)} of {len(same)} milestones in both runs differ, of "
    told += f"{differ}{_count(n_moved, 'cohort')}"
    if not changes.overlap.ids.empty:
        altered = moved[~moved["added"]].index.get_level_values("cohort").nunique()
        added = n_moved - altered
        parts = [
            f"to {added} of which loans were added" if added else "",
            f"the data of {altered} of which have changed" if altered else "",
        ]
        return f"{told}, {' and '.join(part for part in parts if part)}"
    return f"{told}, which are of other loans: the runs have no application in common"
