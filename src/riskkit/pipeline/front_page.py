"""The run's front page: what to do, what is red, the key figures and how they have changed.

Takes the manifest and what the stages have left; gives HTML text.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from riskkit.checks import DataContractError
from riskkit.pipeline.alerts import ALERTS, LIGHTS, Alert, Told, read_alerts, unanswered
from riskkit.pipeline.findings import Finding, findings_in, left_json, lost, one_each
from riskkit.pipeline.handover import FINDINGS, KEY_FIGURES
from riskkit.pipeline.history import change_text, last_before, previous_of
from riskkit.pipeline.manifest import MANIFEST, stage_state
from riskkit.pipeline.notebooks import Notebook
from riskkit.pipeline.report import (
    anchors_in,
    documents_in,
    own_page,
    parameter_rows,
    plain_text,
    shown_markdown,
)
from riskkit.tables import hash_file

if TYPE_CHECKING:
    from riskkit.documents import Term
    from riskkit.schema import LimitsFile

__all__ = ["index_page", "key_figures_in"]

# a key figure that stands in the first sentence
DATA_UNTIL = "Data until"
# who is in the data, and who in which sample
LOANS = ("applications.parquet", "samples.parquet")
# parameters that the source's name stands for
_OF_SOURCE = ("source", "root")


def index_page(
    manifest: Mapping[str, Any],
    notebooks: Sequence[Notebook],
    run_dir: Path,
    report_dir: Path,
    terms: Sequence[Term] = (),
    limits: LimitsFile | None = None,
) -> str:
    """The front page of a run.

    Parameters
    ----------
    manifest : mapping
    notebooks : sequence of Notebook
        The whole suite.
    run_dir, report_dir : Path
    terms : sequence of Term, optional
        Of the glossary.
    limits : LimitsFile, optional
        Who owns which finding; nobody does where it is not given.
    """
    stages = [_stage(notebook, manifest, run_dir, report_dir) for notebook in notebooks]
    told = _told(stages, report_dir, limits, manifest["finished"])
    reds, ambers = ([row for row in told if row["light"] == light] for light in ("red", "amber"))
    alerts, alerts_note = _alerts(manifest, stages, run_dir, report_dir)
    before = last_before(run_dir, manifest["started"])
    comparison = f"compare-{previous_of(run_dir).name}.html"
    decided = {n.name for n in notebooks if "chosen_cutoffs" in n.leaves}
    advice = [s["figures"][0] for s in stages if s["name"] in decided and s["figures"]]
    # until when the data reach: said once, on top
    data = [figure for s in stages for figure in s["figures"] if figure.label == DATA_UNTIL]
    # a page with another scenario must not pass for the nightly one
    changed = [
        {"stage": stage["title"], **row}
        for stage in stages
        for row in stage["parameters"]
        if row["changed"] and row["name"] not in _OF_SOURCE
    ]
    facts = [
        ("Run", manifest["run"]),
        ("Source", manifest["source"]),
        ("Profile", manifest["profile"]),
        *((figure.label, figure.text) for figure in data),
        ("Started", _time(manifest["started"])),
        ("Finished", _time(manifest["finished"])),
        ("riskkit", manifest["versions"]["riskkit"]),
        ("Python", manifest["versions"]["python"]),
    ]
    return own_page(
        "index.html.j2",
        terms,
        title=manifest.get("title", manifest["run"]),  # older manifests have none
        sentence=_alerts_text(alerts) + _sentence(stages, advice, data, reds, ambers),
        alerts=alerts,
        alerts_note=alerts_note,
        reds=reds,
        ambers=ambers,
        before=_time(str(before["finished"])) if before else "",
        other_loans=_has_other_loans(manifest, run_dir, before),
        comparison=comparison if before and (report_dir / comparison).is_file() else "",
        figures=_rows_of_figures(stages, before),
        stages=stages,
        # the first line of each parameter, whichever stages know it
        changed=list({row["name"]: row for row in changed}.values()),
        facts=facts,
        versions=list(manifest["versions"].items()),
        has_glossary=bool(terms),
    )


def key_figures_in(folder: Path) -> dict[str, str]:
    """The key figures a stage has left in its folder: label -> text."""
    return {figure.label: figure.text for figure in _key_figures(folder)}


class _Figure(NamedTuple):
    """A key figure, and how it went by month."""

    label: str
    text: str
    trend: Mapping[str, float]

    @property
    def line(self) -> str:
        """The trend as points of a line, 100 wide and 20 high; empty where there is none."""
        values = list(self.trend.values())
        if len(values) < 2:
            return ""
        low, high = min(values), max(values)
        return " ".join(
            f"{100 * at / (len(values) - 1):.1f},{19 - 18 * (value - low) / (high - low or 1):.1f}"
            for at, value in enumerate(values)
        )

    @property
    def span(self) -> str:
        """From when to when, and between which values, the line is drawn."""
        months, values = list(self.trend), list(self.trend.values())
        low, high = (
            f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:,.4g}"
            for value in (min(values), max(values))
        )
        return f"by month, {months[0]} to {months[-1]}, {low} to {high}"


def _stage(
    notebook: Notebook, manifest: Mapping[str, Any], run_dir: Path, report_dir: Path
) -> dict[str, Any]:
    """What the page shows of a stage; of one that failed, no result."""
    record = manifest.get("stages", {}).get(notebook.name, {})
    state = stage_state(manifest, notebook.name)
    if state == "done" and record.get("reused"):
        state = "up to date"
    page = f"{notebook.name}.html"
    folder = run_dir / notebook.name
    outputs = record.get("outputs", {})
    documents = {} if state == "failed" else documents_in(folder, outputs)
    findings = [] if state == "failed" else findings_in(folder)
    altered = [name for name in (KEY_FIGURES, FINDINGS) if not _is_as_left(folder, name, outputs)]
    findings += [lost(f"{name} of this stage is not as the run left it") for name in altered]
    return {
        "name": notebook.name,
        "title": plain_text(notebook.title),
        "purpose": shown_markdown(notebook.purpose),
        "state": state,
        "page": page if (report_dir / page).is_file() else "",
        "seconds": f"{record['seconds']:.1f} s" if "seconds" in record else "",
        "error": record.get("error", ""),
        "documents": {
            name: title for name, title in documents.items() if (report_dir / name).is_file()
        },
        "figures": [] if state == "failed" else _key_figures(folder),
        "findings": findings,
        "parameters": parameter_rows(notebook, record.get("parameters", {})),
    }


def _told(
    stages: Sequence[Mapping[str, Any]],
    report_dir: Path,
    limits: LimitsFile | None,
    finished: str,
) -> list[dict[str, Any]]:
    """What deserves attention, a row a topic: its texts, where they stand, whose it is, by when.

    What nobody owns comes first, then what is due first.
    """
    from riskkit import schema

    limits = limits or schema.LimitsFile()
    pages = {stage["name"]: stage["page"] for stage in stages}
    anchors = {name: anchors_in(report_dir / page) for name, page in pages.items() if page}
    rows = []
    for stage in stages:
        for finding, texts in one_each(stage["findings"]).items():
            due = finding.due(limits, finished)
            row = {
                "light": finding.light,
                "topic": finding.topic,
                "texts": texts,
                "link": _link(finding, stage["name"], pages, anchors),
                "owner": finding.owner(limits),
                "to_do": finding.to_do(limits),
                "due": due,
                "by": _day(due) if due else "",
            }
            rows.append(row)
    return sorted(rows, key=lambda row: row["due"] or datetime.date.min)


def _alerts(
    manifest: Mapping[str, Any],
    stages: Sequence[Mapping[str, Any]],
    run_dir: Path,
    report_dir: Path,
) -> tuple[list[dict[str, Any]], str]:
    """A row an alert, with the link to its section; and what is to be said of them all."""
    try:
        told = read_alerts(run_dir, manifest["run"])
    except DataContractError as error:
        return [], f"{ALERTS} cannot be read: {error.violations[0]}."
    if told is None:
        return [], ""
    stage = next((stage for stage in stages if _has_lights(manifest, stage["name"])), None)
    page = stage["page"] if stage else ""
    anchors = anchors_in(report_dir / page) if page else {}
    rows = []
    for alert in told.alerts:
        anchor = anchors.get(alert.section, "")
        link = f"{page}#{anchor}" if page and anchor else page
        rows.append({"alert": alert, "link": link, "lasting": _lasting(alert)})
    judged = stage is not None and stage["state"] in ("done", "up to date")
    return rows, _note(told, judged and told.finished == manifest["finished"])


def _has_lights(manifest: Mapping[str, Any], stage: str) -> bool:
    return LIGHTS in manifest.get("stages", {}).get(stage, {}).get("outputs", {})


def _note(told: Told, is_of_this_run: bool) -> str:
    """What hinders, and of which run the alerts are where it is not this one."""
    notes = [f"{told.note[:1].upper()}{told.note[1:]}."] if told.note else []
    if not is_of_this_run:
        notes.append(f"Judged by the run of {_time(told.finished)}; this one has judged no lights.")
    return " ".join(notes)


def _lasting(alert: Alert) -> str:
    """Since when it is one, and who has answered for it until when, in words."""
    words = [f"since {_iso_day(alert.since)}" if alert.since else "since a day that is not known"]
    words.append(f"judged {alert.nights} time{'' if alert.nights == 1 else 's'}")
    if alert.calm:
        words.append(
            f"not red at the last {alert.calm}" if alert.calm > 1 else "not red at the last"
        )
    if not alert.judged:
        words.append("not judged this time: too little is known of it")
    if alert.by and alert.state == "acknowledged":
        words.append(f"acknowledged by {alert.by} until {_iso_day(alert.until)}: {alert.reason}")
    elif alert.by:
        words.append(f"the acknowledgement by {alert.by} ended on {_iso_day(alert.until)}")
    text = "; ".join(words)
    return f"{text[:1].upper()}{text[1:]}."


def _iso_day(text: str) -> str:
    try:
        return _day(datetime.date.fromisoformat(text))
    except ValueError:
        return text


def _alerts_text(rows: Sequence[Mapping[str, Any]]) -> str:
    n = len(unanswered([row["alert"] for row in rows]))
    if not n:
        return ""
    return f"{n} alert{' is' if n == 1 else 's are'} red and not acknowledged. "


def _link(
    finding: Finding,
    stage: str,
    pages: Mapping[str, str],
    anchors: Mapping[str, Mapping[str, str]],
) -> str:
    """Where the finding stands: the section of its page, else the page; empty without one."""
    page, mark, heading = finding.section.rpartition("#")
    name = page if mark and pages.get(page) else stage
    anchor = anchors.get(name, {}).get(heading, "")
    return f"{pages[name]}#{anchor}" if anchor else pages[stage]


def _day(day: datetime.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _sentence(
    stages: Sequence[Mapping[str, Any]],
    advice: Sequence[_Figure],
    data: Sequence[_Figure],
    reds: Sequence[Mapping[str, Any]],
    ambers: Sequence[Mapping[str, Any]],
) -> str:
    """How the run stands, in words: what hinders it, else what to do and how sound that is."""
    of_state = {
        state: [stage["title"] for stage in stages if stage["state"] == state]
        for state in ("failed", "stale", "not run")
    }
    if of_state["failed"]:
        return f"Failed at “{of_state['failed'][0]}”; later stages did not run."
    if of_state["stale"]:
        stale = ", ".join(of_state["stale"])
        return f"Out of date, because an earlier stage has changed since: {stale}."
    if of_state["not run"]:
        return f"Not run yet: {', '.join(of_state['not run'])}."
    told = "".join(f"{figure.label}: {figure.text}. " for figure in (*advice, *data))
    rows = [*reds, *ambers]
    if not rows:
        return f"{told}All {len(stages)} stages are done, and nothing deserves attention."
    verb = "is" if len(reds) == 1 else "are"
    told += f"Of what was found, {len(reds)} {verb} red and {len(ambers)} amber."
    days = [row["due"] for row in rows if row["due"]]
    told += f" The first is due by {_day(min(days))}." if days else ""
    unowned = sum(not row["to_do"] for row in rows)
    return f"{told} {unowned} of them have no owner." if unowned else told


def _rows_of_figures(
    stages: Sequence[Mapping[str, Any]], before: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """A row a key figure: its stage, what it is now, and what has changed."""
    told = before.get("figures", {})
    rows = []
    for stage in stages:
        earlier = told.get(stage["name"])
        earlier = earlier if isinstance(earlier, dict) else {}
        for figure in stage["figures"]:
            if figure.label == DATA_UNTIL:
                continue
            was = earlier.get(figure.label)
            change = "new" if was is None else change_text(figure.text, str(was))
            rows.append({"stage": stage, "figure": figure, "change": change})
    return rows


def _has_other_loans(manifest: Mapping[str, Any], run_dir: Path, before: Mapping[str, Any]) -> bool:
    """Whether the run before, where it is kept, taught or judged its models on other loans."""
    kept = left_json(previous_of(run_dir) / MANIFEST)
    if not isinstance(kept, dict) or not before or kept.get("started") != before["started"]:
        return False
    now, then = (_hashes_of_loans(run) for run in (manifest, kept))
    return any(now[name] != then[name] for name in now.keys() & then.keys())


def _hashes_of_loans(manifest: Mapping[str, Any]) -> dict[str, str]:
    outputs = [record.get("outputs", {}) for record in manifest.get("stages", {}).values()]
    return {name: left[name] for left in outputs for name in LOANS if name in left}


def _time(stamp: str) -> str:
    return stamp.replace("T", " ").replace("+00:00", " UTC")


def _key_figures(folder: Path) -> list[_Figure]:
    left = left_json(folder / KEY_FIGURES)
    found = []
    for label, told in left.items() if isinstance(left, dict) else ():
        trend = told.get("trend") if isinstance(told, dict) else None
        text = told.get("text", "") if isinstance(told, dict) else told
        points = trend if isinstance(trend, dict) else {}
        drawn = {m: v for m, v in points.items() if isinstance(v, int | float)}
        found.append(_Figure(str(label), str(text), drawn))
    return found


def _is_as_left(folder: Path, name: str, outputs: Mapping[str, str]) -> bool:
    """Whether a file is the one that the stage left; one that it never left is not there."""
    path = folder / name
    if not path.is_file():
        return name not in outputs
    return hash_file(path) == outputs.get(name)
