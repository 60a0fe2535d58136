"""Which lights are alerts tonight, and which of them nobody has answered for yet.

Takes the table of lights that the monitoring stage has left, what the run's ``alerts.json`` said
before, and the acknowledgements of the limits file; gives an :class:`Alert` each, and the file
anew. The stage judges its inputs alone; what other nights said is the runner's to remember.
"""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from riskkit.checks import DataContractError, warn
from riskkit.pipeline.manifest import stage_state
from riskkit.tables import (
    hash_file,
    read_json,
    read_table,
    seal_holds,
    sealed,
    stored,
    stored_faults,
    write_json,
)

if TYPE_CHECKING:
    import pandas as pd

    from riskkit.schema import LimitsFile

__all__ = [
    "ALERTS",
    "CALM_JUDGEMENTS",
    "LIGHTS",
    "Alert",
    "Told",
    "judge_alerts",
    "next_alerts",
    "read_alerts",
    "unanswered",
]

ALERTS = "alerts.json"
LIGHTS = "lights.parquet"
SCHEMA_VERSION = 1
CALM_JUDGEMENTS = 3
"""So many judgements in a row must not be red before an alert is cleared."""
NEW, CONTINUING, ACKNOWLEDGED, CLEARED = "new", "continuing", "acknowledged", "cleared"
RED, GREY = "red", "grey"
COLOURS = ("green", "amber", RED, GREY)
# without these a row says nothing; all others may be wanting
_NEEDED = ("colour",)
# what a judgement rests on: where all of it is as before, nothing has been judged anew
_EVIDENCE = ("month", "value", "low", "high", "colour")


class Acknowledgement(Protocol):
    """Who has answered for an alert: the limits file's, by the name of the light."""

    @property
    def by(self) -> str:
        """Who."""

    @property
    def until(self) -> datetime.date:
        """The last day on which it holds."""

    @property
    def reason(self) -> str:
        """Why the light may be red meanwhile."""


@stored
@dataclass(frozen=True)
class Alert:
    """A light that is red, or was a short while ago.

    Parameters
    ----------
    light, label : str
        Its name in the limits file, and in words.
    colour : str
        At the last judgement: a light of which there is too little to say keeps it.
    state : {"new", "continuing", "acknowledged", "cleared"}
        New at its first judgement; cleared after :data:`CALM_JUDGEMENTS` in a row that are not red.
    since : str
        Day of the run in which it became new; empty: not known.
    nights : int
        Judgements since then. The same figures again are no other judgement.
    calm : int
        How many of the last ones in a row were not red.
    judged : bool
        Whether this run has judged it.
    evidence : str
        What the last judgement rests on.
    value, limit : float or None
        In the light's unit; the limit is that of red.
    why, owner, to_do, section, month, unit : str
        As the table of lights has them.
    by, until, reason : str
        Of its acknowledgement, also of one that has ended; empty without one.
    """

    light: str
    label: str
    colour: str
    state: str
    since: str
    nights: int
    calm: int
    judged: bool
    evidence: str
    value: float | None
    limit: float | None
    unit: str
    month: str
    why: str
    owner: str
    to_do: str
    section: str
    by: str = ""
    until: str = ""
    reason: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is red and nobody has acknowledged it: what the exit code 3 says."""
        return self.colour == RED and self.state in (NEW, CONTINUING)


@stored
@dataclass(frozen=True)
class Told:
    """What a run's ``alerts.json`` holds."""

    schema_version: int
    run: str
    finished: str
    note: str
    alerts: list[Alert]


def next_alerts(
    lights: pd.DataFrame,
    before: Sequence[Alert] | None,
    acknowledged: Mapping[str, Acknowledgement],
    day: datetime.date,
    watched: Collection[str] = (),
) -> list[Alert]:
    """The alerts after a judgement, those that count first.

    A light is an alert from its first red judgement until it was not red at
    :data:`CALM_JUDGEMENTS` judgements in a row; so one that flickers is not new again each night.
    Of a light that is grey or has no row nothing has been judged: it stays what it was. Figures
    that are those of the last judgement are no other one, so the same night run twice says the
    same. An acknowledgement holds through its last day; once it has ended, the alert continues.

    Parameters
    ----------
    lights : DataFrame, index light
        `colour`, and as far as they are there `label`, `month`, `value`, `low`, `high`, `red`,
        `unit`, `why`, `owner`, `to_do`, `section`.
    before : sequence of Alert or None
        As they were; None: not known, so that nothing red is called new.
    acknowledged : mapping of light to Acknowledgement
    day : date
        Of the run.
    watched : collection of str, optional
        Names of the limits file: an alert without a row that is none of them any more is dropped,
        since nothing will ever judge it. Without them all stay.

    Source
    ------
    riskkit definition.
    """
    rows = {str(name): row for name, row in lights.to_dict("index").items()}
    earlier = {alert.light: alert for alert in before or ()}
    told = []
    silent = [n for n in earlier if n not in rows and (not watched or n in watched)]
    for light in [*rows, *silent]:
        alert = _judged(light, rows.get(light), earlier.get(light), day, known=before is not None)
        if alert is not None:
            told.append(_answered(alert, acknowledged.get(light), day))
    rank = (NEW, CONTINUING, ACKNOWLEDGED, CLEARED)
    return sorted(told, key=lambda a: (not a.counts, rank.index(a.state), a.since, a.light))


def _judged(
    light: str, row: Mapping[str, Any] | None, was: Alert | None, day: datetime.date, known: bool
) -> Alert | None:
    """One light as an alert, before anybody answers for it; None where it is none."""
    is_open = was is not None and was.state != CLEARED
    state = CONTINUING if was is None or was.state == ACKNOWLEDGED else was.state
    if row is None or row["colour"] == GREY:
        # silent is not calm: a red light whose data stay away is red still
        return replace(was, judged=False, state=state) if was is not None and is_open else None
    said = {**_said(light, row), "judged": True}
    if was is not None and was.evidence == said["evidence"]:
        return replace(was, **said, state=state)
    if row["colour"] == RED:
        if was is not None and is_open:
            return replace(was, **said, state=CONTINUING, nights=was.nights + 1, calm=0)
        since = day.isoformat() if known else ""
        return Alert(**said, state=NEW if known else state, since=since, nights=1, calm=0)
    if was is None or not is_open:
        return None
    calm = was.calm + 1
    state = CLEARED if calm >= CALM_JUDGEMENTS else CONTINUING
    return replace(was, **said, state=state, nights=was.nights + 1, calm=calm)


def _answered(alert: Alert, answer: Acknowledgement | None, day: datetime.date) -> Alert:
    """The alert with its acknowledgement, which counts as long as it holds."""
    if answer is None or alert.state == CLEARED:
        return replace(alert, by="", until="", reason="")
    state = ACKNOWLEDGED if day <= answer.until else alert.state
    until = answer.until.isoformat()
    return replace(alert, state=state, by=answer.by, until=until, reason=answer.reason)


def _said(light: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of the table of lights says, as an alert keeps it."""
    words = ("label", "unit", "why", "owner", "to_do", "section")
    return {
        "light": light,
        **{name: _word(row.get(name)) for name in words},
        "label": _word(row.get("label")) or light,
        "colour": _word(row["colour"]),
        "month": _word(row.get("month")),
        "value": _figure(row.get("value")),
        "limit": _figure(row.get("red")),
        "evidence": "|".join(_word(row.get(name)) for name in _EVIDENCE),
    }


def _word(value: Any) -> str:
    """A cell as text: nothing where it is missing, a day without its midnight."""
    if value is None or (not hasattr(value, "__len__") and value != value):
        return ""
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    return str(value)


def _figure(value: Any) -> float | None:
    try:
        figure = float(value)
    except (TypeError, ValueError):
        return None
    return figure if math.isfinite(figure) else None


def unanswered(alerts: Sequence[Alert]) -> list[Alert]:
    """Those that are red and not acknowledged: because of them a run ends with code 3."""
    return [alert for alert in alerts if alert.counts]


def read_alerts(run_dir: Path, run: str) -> Told | None:
    """What the run has told of alerts; None where it has not yet.

    Parameters
    ----------
    run_dir : Path
    run : str
        Name of the run, as its manifest has it.

    Raises
    ------
    DataContractError
        The file is damaged, of another version or of another run.
    """
    path = run_dir / ALERTS
    if not os.path.lexists(path):
        return None
    if path.is_symlink():
        raise DataContractError(ALERTS, ["it is a link, and no run leaves one"])
    values = read_json(path)
    version = values.get("schema_version") if isinstance(values, dict) else None
    if isinstance(version, int) and version is not True and version != SCHEMA_VERSION:
        of = f"it has schema version {version}; this riskkit reads {SCHEMA_VERSION}"
        raise DataContractError(ALERTS, [of])
    plain = {k: v for k, v in values.items() if k != "sha256"} if isinstance(values, dict) else {}
    if faults := stored_faults(plain, Told):
        raise DataContractError(ALERTS, faults)
    if not seal_holds(values):
        raise DataContractError(ALERTS, ["it has changed since a run left it, or is cut"])
    if plain["run"] != run:
        raise DataContractError(ALERTS, [f"it is of another run, {plain['run'][:100]!r}"])
    alerts = [Alert(**alert) for alert in plain["alerts"]]
    return Told(**{**plain, "alerts": alerts})


def judge_alerts(run_dir: Path, manifest: dict[str, Any], limits: LimitsFile) -> tuple[Alert, ...]:
    """Judge the lights of a run that is over, write its ``alerts.json``, and give its alerts.

    Nothing is judged, and nothing written, where no stage that is done has left lights. A file that
    cannot be read is put aside under another name, and said on the front page; what is red then is
    told as continuing since nobody knows when.

    Parameters
    ----------
    run_dir : Path
    manifest : dict
        Of the run, `finished` among it; gets the file's hash under `alerts`.
    limits : LimitsFile
        Its acknowledgements, where it has any.
    """
    stages = manifest["stages"]
    left = [name for name, record in stages.items() if LIGHTS in record.get("outputs", {})]
    done = [name for name in sorted(left) if stage_state(manifest, name) == "done"]
    if not done:
        return ()
    notes = []
    before: list[Alert] | None = []
    try:
        told = read_alerts(run_dir, manifest["run"])
        before = told.alerts if told else []
    except DataContractError as error:
        aside = _put_aside(run_dir / ALERTS)
        notes.append(
            f"{ALERTS} cannot be read ({error.violations[0]}) and is kept as {aside.name}: since "
            "when a light is red, and whether it is new, is not known"
        )
        before = None
    try:
        lights = _lights(run_dir / done[-1] / LIGHTS)
        alerts = next_alerts(
            lights,
            before,
            getattr(limits, "acknowledged", {}),
            _day(manifest["finished"]),
            watched=getattr(limits, "lights", ()),
        )
    except DataContractError as error:
        notes.append(f"{done[-1]}/{LIGHTS} cannot be read, and no light is judged: {error}")
        alerts = [replace(alert, judged=False) for alert in before or ()]
    for note in notes:
        warn(note)
    content = {
        "schema_version": SCHEMA_VERSION,
        "run": manifest["run"],
        "finished": manifest["finished"],
        "note": "; ".join(notes),
        "alerts": [asdict(alert) for alert in alerts],
    }
    write_json(run_dir / ALERTS, sealed(content))
    manifest["alerts"] = hash_file(run_dir / ALERTS)
    return tuple(alerts)


def _lights(path: Path) -> pd.DataFrame:
    """The table of lights, one row a light.

    Raises
    ------
    DataContractError
        It cannot be read, lacks a column, has a colour that is none, or two rows of a light.
    """
    lights = read_table(path)
    if "light" in lights.columns:
        lights = lights.set_index("light")
    lacking = [name for name in _NEEDED if name not in lights.columns]
    if lacking:
        raise DataContractError(path.name, [f"no column {', '.join(lacking)}"])
    if lights.index.name != "light":
        raise DataContractError(path.name, ["neither a column nor an index light"])
    # a colour that is none is not calm: a light may be red under another name
    odd = [str(value)[:40] for value in lights["colour"] if str(value) not in COLOURS]
    if odd:
        raise DataContractError(
            path.name, [f"colour: expected one of {', '.join(COLOURS)}, found {odd[0]!r}"]
        )
    if twice := sorted(set(lights.index[lights.index.duplicated()].astype(str))):
        raise DataContractError(path.name, [f"more than one row of {', '.join(twice)}"])
    return lights


def _day(finished: str) -> datetime.date:
    """The day of a run where it ran: an acknowledgement names days of the people there."""
    return datetime.datetime.fromisoformat(finished).astimezone().date()


def _put_aside(path: Path) -> Path:
    """Rename what is no file of this run's own, so that nothing of it is lost."""
    number = 1
    while os.path.lexists(aside := path.with_name(f"{path.stem}.set-aside-{number}.json")):
        number += 1
    path.rename(aside)
    return aside
