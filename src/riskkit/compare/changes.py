"""All that changed between two runs, as tables.

Takes the tables of two runs; gives :class:`RunChanges`, with the reason where one of them cannot
feed a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from riskkit.compare.bin_changes import bin_changes, population_shift
from riskkit.compare.card_changes import coefficient_changes, points_changes, scale_settings
from riskkit.compare.cutoff_changes import GOAL, best_cutoffs, policies_by_run, swap_sets
from riskkit.compare.inputs import (
    Overlap,
    common_applications,
    differing_settings,
    file_hashes,
    outcome_changes,
    population_table,
    value_changes,
)
from riskkit.compare.run_tables import RunTables
from riskkit.compare.score_changes import (
    grade_changes,
    judging_loans,
    paired_scores,
    ranking_changes,
    score_shift,
)
from riskkit.compare.vintage_changes import (
    cohort_milestones,
    cohort_names,
    matured_milestones,
    vintage_changes,
)

__all__ = ["RunChanges", "run_changes"]

MODEL_FILES = ("binning.json", "scorecard.json", "challenger.json")


@dataclass(frozen=True, kw_only=True)
class RunChanges:
    """What changed from run A to run B; a table is empty where a run cannot feed it.

    Parameters
    ----------
    is_same : bool
        Every file that the runs left is the same, and so are their parameters and versions.
    facts, parameters, versions, files, population, outcomes, feature_values : DataFrame
        Of :mod:`riskkit.compare.inputs`; facts are what the sources say of themselves, if it
        differs.
    overlap : Overlap
    bins, shift : DataFrame
        Of :func:`bin_changes` and :func:`population_shift`.
    coefficients, points, scale : DataFrame
        Of :func:`coefficient_changes`, :func:`points_changes`, :func:`differing_settings`.
    scores, grades, ranking : DataFrame
        Of :func:`score_shift`, :func:`grade_changes`, :func:`ranking_changes`.
    judging : list of str
        Sample of each run that the ranking is judged on.
    policies, cutoffs, swaps, untaught_swaps : DataFrame
        Of :func:`policies_by_run`, :func:`best_cutoffs`, :func:`swap_sets`; the last on the loans
        and applications that taught neither model.
    vintages, matured : DataFrame
        Of :func:`vintage_changes` and :func:`matured_milestones`.
    lost_cohorts : list of str
        Cohorts of A that B does not know.
    lacking : mapping of section to text
        Why there is nothing to show.
    """

    is_same: bool
    facts: pd.DataFrame
    parameters: pd.DataFrame
    versions: pd.DataFrame
    files: pd.DataFrame
    population: pd.DataFrame = field(default_factory=pd.DataFrame)
    overlap: Overlap = field(default_factory=Overlap)
    outcomes: pd.DataFrame = field(default_factory=pd.DataFrame)
    feature_values: pd.DataFrame = field(default_factory=pd.DataFrame)
    bins: pd.DataFrame = field(default_factory=pd.DataFrame)
    shift: pd.DataFrame = field(default_factory=pd.DataFrame)
    coefficients: pd.DataFrame = field(default_factory=pd.DataFrame)
    points: pd.DataFrame = field(default_factory=pd.DataFrame)
    scale: pd.DataFrame = field(default_factory=pd.DataFrame)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    grades: pd.DataFrame = field(default_factory=pd.DataFrame)
    ranking: pd.DataFrame = field(default_factory=pd.DataFrame)
    judging: list[str] = field(default_factory=list)
    policies: pd.DataFrame = field(default_factory=pd.DataFrame)
    cutoffs: pd.DataFrame = field(default_factory=pd.DataFrame)
    swaps: pd.DataFrame = field(default_factory=pd.DataFrame)
    untaught_swaps: pd.DataFrame = field(default_factory=pd.DataFrame)
    vintages: pd.DataFrame = field(default_factory=pd.DataFrame)
    matured: pd.DataFrame = field(default_factory=pd.DataFrame)
    lost_cohorts: list[str] = field(default_factory=list)
    lacking: Mapping[str, str] = field(default_factory=dict)


def run_changes(
    a: RunTables, b: RunTables, meanings: Mapping[str, str] | None = None
) -> RunChanges:
    """All that changed from run A to run B.

    Parameters
    ----------
    a, b : RunTables
        The earlier run and the later.
    meanings : mapping of str to str, optional
        Parameter → what it means.
    """
    lacking: dict[str, str] = {}
    tables = _inputs(a, b, meanings or {}, lacking)
    overlap = tables.get("overlap", Overlap())
    tables |= _bins(a, b, lacking) | _card(a, b, lacking)
    tables |= _scores(a, b, overlap, lacking) | _cutoffs(a, b, lacking) | _vintages(a, b, lacking)
    tables |= _swaps(a, b, tables.pop("pairs", pd.DataFrame()))
    same = a.hashes == b.hashes and not len(tables["parameters"]) and not len(tables["versions"])
    return RunChanges(is_same=same, lacking=lacking, **tables)


def _lacks(a: object, b: object, what: str) -> str:
    """Which of the runs has left none of it; empty where both have."""
    without = [name for name, one in (("A", a), ("B", b)) if one is None]
    if len(without) == 2:
        return f"Neither run has left {what}."
    return f"Run {without[0]} has left no {what}: nothing to compare." if without else ""


def _inputs(
    a: RunTables, b: RunTables, meanings: Mapping[str, str], lacking: dict[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "facts": differing_settings(_said(a), _said(b)),
        "parameters": differing_settings(
            {"profile": a.profile, **a.parameters},
            {"profile": b.profile, **b.parameters},
            {"profile": "how much of the source is read", **meanings},
        ),
        "versions": differing_settings(a.versions, b.versions),
        "files": file_hashes(_shown_files(a), _shown_files(b)),
    }
    if a.applications is None or b.applications is None:
        lacking["applications"] = _lacks(a.applications, b.applications, "table of applications")
        return found
    both = [a.applications, b.applications]
    names = [None if run.facts is None else run.facts.name for run in (a, b)]
    overlap = common_applications(*both, same_source=names[0] == names[1])
    populations = {
        end: applications if run.population is None else run.population
        for end, run, applications in zip("AB", (a, b), both, strict=True)
    }
    if len(overlap.ids):
        for end, table in zip("AB", both, strict=True):
            populations[f"in both, by {end}"] = table[table["application_id"].isin(overlap.ids)]
    features = {feature.name for run in (a, b) for feature in run.features}
    compared = [
        table[["application_id", *(name for name in table if name in features)]] for table in both
    ]
    return found | {
        "population": population_table(populations),
        "overlap": overlap,
        "outcomes": outcome_changes(both[0], both[1], overlap.ids),
        "feature_values": value_changes(compared[0], compared[1], overlap.ids),
    }


def _said(run: RunTables) -> dict[str, str]:
    """What a run's source says of itself."""
    if run.facts is None:
        return {}
    seen = run.facts.observed_to
    return {
        "source": run.facts.title,
        "currency": run.facts.currency,
        "what counts as bad": run.facts.bad_text,
        "watched up to": "" if seen is None else f"{seen:%d %B %Y}",
    }


def _shown_files(run: RunTables) -> dict[str, str]:
    """The source, what the first stage made of it, and the models: file → sha256."""
    first = min((name.split("/")[0] for name in run.hashes), default="")
    # the mapping comes first
    mapping_first = enumerate(run.source_hashes or [])
    source = {f"source's file {i}" if i else "mapping": sha for i, sha in mapping_first}
    left = {
        name: sha
        for name, sha in run.hashes.items()
        if (name.startswith(f"{first}/") and not name.endswith("key_figures.json"))
        or name.endswith(MODEL_FILES)
    }
    return source | left


def _bins(a: RunTables, b: RunTables, lacking: dict[str, str]) -> dict[str, Any]:
    if a.binner is None or b.binner is None:
        lacking["bins"] = _lacks(a.binner, b.binner, "bins")
        return {}
    found = {"bins": bin_changes(a.binner, b.binner)}
    if a.applications is not None and b.applications is not None:
        cards = [run.card.coefficients().index for run in (a, b) if run.card is not None]
        names = list(dict.fromkeys(name for index in cards for name in index))
        found["shift"] = population_shift(a.binner, a.applications, b.applications, names)
    return found


def _card(a: RunTables, b: RunTables, lacking: dict[str, str]) -> dict[str, Any]:
    if a.card is None or b.card is None:
        lacking["card"] = _lacks(a.card, b.card, "scorecard")
        return {}
    return {
        "coefficients": coefficient_changes(a.card, b.card),
        "points": points_changes(a.card, b.card),
        "scale": differing_settings(scale_settings(a.card), scale_settings(b.card)),
    }


def _scores(
    a: RunTables, b: RunTables, overlap: Overlap, lacking: dict[str, str]
) -> dict[str, Any]:
    if a.scores is None or b.scores is None or a.card is None or b.card is None:
        lacking["scores"] = _lacks(a.scores, b.scores, "scores") or _lacks(a.card, b.card, "card")
        return {}
    if not len(overlap.ids):
        lacking["scores"] = (
            "The runs have no application in common: no score can be held against another one of "
            "the same application."
        )
        return {}
    pairs = paired_scores(a.scores, b.scores, overlap.ids)
    scales = a.card.score_scale, b.card.score_scale
    training = a.scores[a.scores["sample"] == "train"]
    judged, kinds = judging_loans(pairs, a.scores["sample"], b.scores["sample"])
    return {
        "pairs": pairs,
        "scores": score_shift(pairs, *scales),
        "grades": grade_changes(pairs, training, *scales),
        "ranking": ranking_changes(judged),
        "judging": kinds,
    }


def _cutoffs(a: RunTables, b: RunTables, lacking: dict[str, str]) -> dict[str, Any]:
    if a.chosen_cutoffs is None or b.chosen_cutoffs is None:
        lacking["cutoffs"] = _lacks(a.chosen_cutoffs, b.chosen_cutoffs, "chosen cutoffs")
        return {}
    found = {"cutoffs": best_cutoffs({"A": a.chosen_cutoffs, "B": b.chosen_cutoffs})}
    if a.policies is not None and b.policies is not None:
        found["policies"] = policies_by_run({"A": a.policies, "B": b.policies})
    return found


def _swaps(a: RunTables, b: RunTables, pairs: pd.DataFrame) -> dict[str, Any]:
    if a.chosen_cutoffs is None or b.chosen_cutoffs is None or pairs.empty:
        return {}
    cuts = [run.loc[GOAL, "cutoff"].to_dict() for run in (a.chosen_cutoffs, b.chosen_cutoffs)]
    taught = pairs["sample_a"].eq("train") | pairs["sample_b"].eq("train")
    return {
        "swaps": swap_sets(pairs, cuts[0], cuts[1]),
        "untaught_swaps": swap_sets(pairs[~taught], cuts[0], cuts[1]),
    }


def _vintages(a: RunTables, b: RunTables, lacking: dict[str, str]) -> dict[str, Any]:
    if a.vintages is None or b.vintages is None or a.loans is None or b.loans is None:
        curves = [None if run.loans is None else run.vintages for run in (a, b)]
        lacking["vintages"] = _lacks(curves[0], curves[1], "vintages")
        return {}
    asked = [(run.term_months, run.parameters.get("cohort_freq", "Q")) for run in (a, b)]
    if asked[0] != asked[1]:
        told = [f"{term} months in cohorts by {freq}" for term, freq in asked]
        lacking["vintages"] = (
            f"The curves are of loans of {told[0]} in A and of {told[1]} in B: not comparable."
        )
        return {}
    one, other = cohort_milestones(a.vintages, a.loans), cohort_milestones(b.vintages, b.loans)
    freq = str(asked[0][1])
    lost = pd.DatetimeIndex(a.vintages.index.difference(b.vintages.index))
    return {
        "vintages": cohort_names(vintage_changes(one, other), freq),
        "matured": cohort_names(matured_milestones(one, other), freq),
        "lost_cohorts": lost.to_period(freq).astype(str).tolist(),
    }
