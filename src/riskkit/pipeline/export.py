"""What leaves a run for others to read: its tables in one workbook, its model document for Word.

Takes a run's folder; gives the bytes of a file. Only what finished stages left is taken, each file
held to the run's manifest.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit.pipeline.findings import findings_in, limits_of
from riskkit.pipeline.front_page import key_figures_in
from riskkit.pipeline.handover import TableMissing, require_as_left, run_files
from riskkit.pipeline.manifest import read_manifest, stage_state
from riskkit.pipeline.notebooks import TABLES, find_project
from riskkit.pipeline.parameters import BadInput
from riskkit.tables import Sheet, Table, workbook_bytes

if TYPE_CHECKING:
    from riskkit.schema import LimitsFile

__all__ = ["RESULTS", "run_document", "run_workbook"]

RESULTS = {
    "features": "every feature of the source: label, unit, family, stated direction of risk",
    "selection": "every feature offered: what it tells, and why it was kept or left out",
    "selected": "the features that were kept, with what they tell",
    "stability": "each feature against the training months, period by period",
    "discrimination": "how well the models rank, by sample, with 95 % intervals",
    "comparison": "challenger less scorecard on the same loans, by sample",
    "ceiling": "what share of the reachable the models reach, the truth being known",
    "parameters": "what the parameters of the models were set to",
    "cutoffs": "every cutoff: who passes, who turns bad, what it earns",
    "chosen_cutoffs": "the best cutoff of each goal and model",
    "policies": "today's policy, the best cutoff and their combinations, by profit",
    "decided": "what the signed cutoff brings beside today's policy, on loans that judge it",
    "rules": "whom each rule approves, between which cutoffs chance lies, which is recommended",
    "policy_rules": "the policy's rules in words, in the order in which they are asked",
    "funnel": "who is left at each step from the application to the loan, and their mean ticket",
    "rule_effects": "whom each rule declines, whom nothing else would, and how they repay",
    "mined_rules": "rules of one or two conditions found in training, judged on other loans",
    "decline_reasons": "share of applications that each reason declined, in two periods",
    "approval_moves": "why the approval rate moved between two periods, in parts that add up",
    "overrides": "decisions by hand, past a rule and at random beside what their scores expect",
    "test_groups": "offers dealt at random to a price or a limit, beside the control group",
    "marginal_bands": "what each band of a score lets in, and what all above it bring",
    "goal_cutoffs": "the cutoff of each goal, with intervals, and how far apart they lie",
    "model_worth": "what the challenger earns more than the card, by how they are compared",
    "segment_gains": "what cutoffs by segment earn more than a single one, on other loans",
    "rating_scale": "the grades: from which score on, how probable a bad is, and what came of them",
    "policy_swaps": "who changes places between the whole decision and each of its rivals",
    "forecast": "what the whole decision is foretold to bring, with prediction intervals",
    "replay": "the forecast beside what came of the same simulated people under that decision",
    "swap_set": "who would change places under the recommended rule, and how they paid",
    "vintages": "share of each cohort's loans that has turned bad, by months on book",
    "hazards": "when loans fail: hazard and survival by months on book",
    "incidence": "what has become of the loans by each month on book, with intervals",
    "projection": "where each cohort will end: the share that turns bad, with prediction intervals",
    "projected_curves": "the curves of the cohorts, as seen and as projected, with bands",
    "treatments": "what became of re-aged, extended, restructured and settled loans within a year",
    "hidden": "each cohort as reported, and with treated loans counted as bad",
    "first_payments": "loans late on their first to fourth instalment, by month due",
    "collection": "share of what fell due that entered collection and that came in, by month due",
    "gross_loss": "flows from current to loss by month, their product, and what was lost",
    "provision_stages": "loans on the books by stage: balance, probability and expected loss",
    "provision_loans": "each loan on the books: its stage, why, and its expected loss",
    "lgd_cohorts": "what defaults of a quarter have brought since, and what is still expected",
    "provision_movement": "from last month's provision to this one's, by cause",
    "five_categories": "the books by the five categories, with their provisions",
    "cohort_profit": "cumulative profit of each cohort by month on book",
    "break_even": "in which month each cohort has paid for itself, with intervals",
    "stress_months": "default, loss, provision, profit and cash of each stress by month",
    "stress_summary": "each stress and all together beside the usual course, with intervals",
    "reverse_stress": "how bad it must get until the reserve is gone, stress by stress",
    "fund_pool": "each tier: what is held, what it needs, and how often it falls short",
    "fund_pool_months": "cash of the pool by month: what comes in, goes out and is left",
    "lending_forecast": "what will be paid out on new loans, and whether such forecasts held",
    "climate_factor": "how far months differed for all loans alike, and which factor is used",
    "funding_cost": "what each line and tranche costs, and the rate that follows for the lender",
    "loan_tape": "each loan on the books: what of it a sale asks, whether it may be sold, and is",
    "tape_eligibility": "each criterion of the deal: loans and balance that it leaves out",
    "tape_concentration": "shares of the largest values in the pool, and their index",
    "deal_periods": "the deal month by month: collected, paid out in which order, still owed",
    "tranches": "each tranche under each course: repaid, lost, covered how often, life",
    "deal_risk": "each tranche over all paths: how often it loses, and what would break it",
    "risk_sharing_partners": "how much is relied on each partner, beside its limit",
    "risk_sharing": "losses of each side, on average and one time in a hundred, and the fair fee",
    "growth_case": "a lender that grew on a loosened policy, month by month",
    "recent_mix": "each recent cohort against what its mix let expect at the age it has",
    "parts": "each channel, scenario and grade beside the other loans of its cohorts, at one month",
    "recent": "every cohort not yet matured beside the matured ones, by month and days past due",
    "lights": "the figures that are watched: as they stand, their limits, colour and since when",
    "lights_history": "every light month by month",
    "monthly_counts": "what happened in each month: counts and sums, of which rates are made",
    "monthly_by_channel": "the same by channel",
    "decline_months": "applications declined for each reason, by month",
    "early_warning": "how well the early warning ranks running loans, beside what needs none",
    "reminders": "the running loans to remind first; names loans",
    "recovery": "what was cured and collected, by month of falling behind",
    "collection_effect": "what collections achieve by bucket, by those left alone by a draw",
    "collection_plan": "an action for each open case; names loans",
    "moved_mix": "how far score and features have moved from those who taught, by month",
    "moved_bins": "the same bin by bin, and what it adds to the mean score",
    "changed_values": "categories that are new or gone, and jumps of missing values",
    "score_months": "bads over those promised, and the Gini, by month of application",
    "grade_backtest": "the stated probability of each grade against what came, tested",
    "early_read": "first signs of each young cohort beside the development vintage",
    "refresh": "which parts of the model are to be fitted again, and what that would gain",
    "customer_segments": "each segment of customers: what sets it apart, how many, how they paid",
    "segment_rules": "the short rule that says nearly what the segments say, held out",
    "segment_stability": "whether each number of segments is found again in other samples",
    "segments_by_period": "share and profile of each segment, period by period",
    "retention": "which borrowers came back within a year, by segment and grade",
    "prices": "break-even and offered price of each grade and term, and who is offered nothing",
    "price_changes": "today's price beside the new one, by grade and term, which the cap forbids",
    "plans": "what a merchant must pay for plans below cost, by grade and term",
    "limits": "the limit of each grade and income band within the budget of losses",
    "granted_limits": "the limits as they would be granted, by grade, beside today's",
    "limit_refusals": "who is approved and gets nothing for the income, by protected group",
    "limit_bounds": "what each bound on the limits costs, one after another",
    "budget": "what each budget of expected losses can fund",
    "moved_limits": "how loans turned out whose customer's limit had risen or fallen",
    "trial": "old and new offers on the same simulated borrowers",
    "offer_fairness": "who passes each way of deciding, by protected group",
    "offer_changes": "impact ratio of each protected group, today and under the offers",
    "offer_gaps": "price and limit of each protected group against the largest, like with like",
    "mix": "every matured cohort beside the others: its departure, by mix and by risk",
}
# what one column name cannot tell: every figure of these is a rate
RATES = {"vintages": "percent2", "hazards": "percent2"}
# a table that has one of these holds somebody's rows
ROWS_OF = {
    "loan_id": "loan",
    "application_id": "application",
    "customer_id": "customer",
    "device_id": "device",
}
# Excel's own bound is 1,048,576 rows, and cells are held in memory
MOST_ROWS, MOST_COLUMNS = 100_000, 1_000
FINDINGS = ["stage", "light", "topic", "finding", "section", "owner", "to do", "by"]
MODEL_DOCUMENT = "model_card"
_FEATURE_COLUMNS = ("feature", "with")
# index levels whose values are names that somebody may look for, not words
_NAMES = ("feature", "name", "parameter")


def run_document(run_dir: Path) -> bytes:
    """The run's model document for Word.

    Raises
    ------
    BadInput
        No finished stage has left one, or it is not as the run left it.
    """
    try:
        (path,) = run_files(run_dir, f"{MODEL_DOCUMENT}.docx")
    except TableMissing:
        raise BadInput(_no_document(run_dir)) from None
    return path.read_bytes()


def _no_document(run_dir: Path) -> str:
    try:
        (page,) = run_files(run_dir, f"{MODEL_DOCUMENT}.html")
    except TableMissing:
        return f"no finished stage in {run_dir} has left a model document: run 06_validation first"
    return (
        f"{run_dir} was made before there was a model document for Word: "
        f"run {page.parent.name} again"
    )


def run_workbook(run_dir: Path) -> bytes:
    """Every table of results of a run, its key figures and findings, in one workbook.

    Tables with one row a loan, application or customer are left out and named in the contents.

    Raises
    ------
    BadInput
        It is no run, no stage is done, or a file is not as the run left it.
    """
    manifest = read_manifest(run_dir)
    files = _files_left(run_dir, manifest)
    if not files:
        raise BadInput(f"no stage in {run_dir} is done: there is nothing to export")
    labels = _labels(files)
    limits = _limits_of(run_dir)
    sheets = [*_told(run_dir, files, limits, _moment(manifest).isoformat())]
    left_out = []
    for (stage, file), path in files.items():
        if not file.endswith(".parquet"):
            continue
        name = file.removesuffix(".parquet")
        reason = _left_out_because(name, path)
        if reason:
            left_out.append(_absent(stage, name, reason, f"{stage}/{file}"))
            continue
        frame = Table(path).frame(max_rows=MOST_ROWS)
        sheets.append(_sheet(stage, name, frame, labels))
    left_out += [
        _absent(stage, "all", f"the stage is {state}", f"{stage}/")
        for stage in manifest["stages"]
        if (state := stage_state(manifest, stage)) != "done"
    ]
    title = str(manifest.get("title") or manifest.get("run"))
    return workbook_bytes(
        sheets,
        title=title,
        facts={
            "Run": str(manifest.get("run", run_dir.name)),
            "Source": str(manifest.get("source", "")),
            "Profile": str(manifest.get("profile", "")),
            "Finished": _moment(manifest).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "riskkit": str(manifest.get("versions", {}).get("riskkit", "")),
        },
        left_out=pd.DataFrame(left_out),
        dated=_moment(manifest),
    )


def _absent(stage: str, name: str, reason: str, file: str) -> dict[str, str]:
    return {"stage": stage, "table": name, "reason": reason, "file in the run": file}


def _files_left(run_dir: Path, manifest: Mapping[str, Any]) -> dict[tuple[str, str], Path]:
    """(stage, file) → path of what finished stages left, each as the manifest knows it."""
    found = {}
    for stage, record in sorted(manifest.get("stages", {}).items()):
        if stage_state(manifest, stage) == "done":
            for file, sha256 in sorted(record["outputs"].items()):
                path = run_dir / stage / file
                require_as_left(path, sha256, run_dir)
                found[(stage, file)] = path
    return found


def _moment(manifest: Mapping[str, Any]) -> datetime.datetime:
    """When the run ended, in UTC."""
    stamp = manifest.get("finished") or manifest.get("started") or ""
    try:
        moment = datetime.datetime.fromisoformat(stamp)
    except ValueError:
        raise BadInput(f"its manifest.json does not say when the run was made: {stamp!r}") from None
    return moment.replace(tzinfo=None)


def _limits_of(run_dir: Path) -> LimitsFile:
    """Who owns which finding; a copy of a run outside a project knows nobody."""
    from riskkit import schema

    try:
        project = find_project(run_dir)
    except BadInput:
        return schema.LimitsFile()
    return limits_of(project)


def _labels(files: Mapping[tuple[str, str], Path]) -> dict[str, str]:
    """Name of a feature → its label, of the last stage that tells."""
    for (_, file), path in reversed([*files.items()]):
        if file == "features.parquet":
            table = Table(path).frame(max_rows=MOST_ROWS)
            if "label" in table:
                return {str(name): str(label) for name, label in table["label"].items()}
    return {}


def _left_out_because(name: str, path: Path) -> str:
    table = Table(path)
    for column, whose in ROWS_OF.items():
        if column in table.columns:
            told = TABLES.get(name, f"one row per {whose}")
            return f"{told}: carries ids of {whose}s, and may not fit"
    if table.n_rows > MOST_ROWS or len(table.columns) > MOST_COLUMNS:
        return f"{table.n_rows:,} rows of {len(table.columns):,} columns do not fit"
    return ""


def _told(
    run_dir: Path, files: Mapping[tuple[str, str], Path], limits: LimitsFile, finished: str
) -> Iterator[Sheet]:
    """Key figures and findings of all stages, a sheet each."""
    stages = list(dict.fromkeys(stage for stage, _ in files))
    figures = [
        {"stage": stage, "key figure": label, "value": text}
        for stage in stages
        for label, text in key_figures_in(run_dir / stage).items()
    ]
    findings = [
        {
            "stage": stage,
            "light": finding.light,
            "topic": finding.topic,
            "finding": finding.text,
            "section": finding.place,
            "owner": finding.owner(limits),
            "to do": finding.to_do(limits),
            "by": str(finding.due(limits, finished) or ""),
        }
        for stage in stages
        for finding in findings_in(run_dir / stage)
    ]
    for name, holds, rows, columns in (
        ("Key figures", "the figures on the front page", figures, ["stage", "key figure", "value"]),
        ("Findings", "what deserves attention, whose it is, and by when", findings, FINDINGS),
    ):
        yield Sheet(
            name=name,
            frame=pd.DataFrame(rows, columns=columns, dtype=object),
            about={"stage": "all", "table": name.lower(), "what it holds": holds},
        )


def _sheet(stage: str, name: str, frame: pd.DataFrame, labels: Mapping[str, str]) -> Sheet:
    from riskkit import documents

    over = frame.columns.name
    levels = [level for level in frame.index.names if level is not None]
    in_words = [level for level in levels if level not in _NAMES]
    shown = frame.reset_index(levels) if levels else frame
    shown = shown.assign(**{level: shown[level].map(documents.plain) for level in in_words})
    shown = _labelled(shown.set_axis([*map(str, shown.columns)], axis=1), labels)
    looks = documents.sheet_look(name, shown, RATES.get(name, ""))
    # columns that are values of something, such as months on book, are named for it
    headings = [
        f"{over} {heading}" if over and heading.isdecimal() else heading
        for heading, _ in looks.values()
    ]
    formats = {
        heading: code for heading, (_, code) in zip(headings, looks.values(), strict=True) if code
    }
    return Sheet(
        name=f"{stage[:2]} {name.replace('_', ' ')}",
        frame=shown.set_axis(headings, axis=1),
        formats=formats,
        about={
            "stage": stage,
            "table": name,
            "what it holds": RESULTS.get(name) or TABLES.get(name, f"left by {stage}"),
        },
    )


def _labelled(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The table with labels for features; beside labels that repeat, the names stay."""
    shown = table.copy()
    repeat = len(set(labels.values())) < len(labels)
    for column in _FEATURE_COLUMNS:
        if column not in shown:
            continue
        names = shown[column]
        told = [labels.get(name, name) if isinstance(name, str) else name for name in names]
        shown[column] = pd.Series(told, index=shown.index, dtype=object)
        if repeat and column == "feature":
            shown.insert(shown.columns.get_loc(column) + 1, "feature name", names)
    if {"with", "reason"} <= set(shown):
        # the reason names the feature that it is about
        shown["reason"] = [
            told.replace(name, label) if isinstance(name, str) else told
            for told, name, label in zip(table["reason"], table["with"], shown["with"], strict=True)
        ]
    return shown
