"""Alerts night by night: their state, their file, the exit code and the front page."""

import dataclasses
import datetime
import json
import shutil
import subprocess

import nbformat
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from test_project import PROJECT
from typer.testing import CliRunner

from riskkit import cli, pipeline
from riskkit.checks import DataContractError
from riskkit.pipeline import plan
from riskkit.pipeline.alerts import (
    ALERTS,
    CALM_JUDGEMENTS,
    judge_alerts,
    next_alerts,
    read_alerts,
    unanswered,
)
from riskkit.pipeline.manifest import read_manifest
from riskkit.schema import LimitsFile
from riskkit.tables import sealed

DAY = datetime.date(2026, 11, 30)


@dataclasses.dataclass(frozen=True)
class Answer:
    by: str
    until: datetime.date
    reason: str


@dataclasses.dataclass(frozen=True)
class Limits:
    """A limits file, as far as alerts read it."""

    acknowledged: dict
    findings: dict = dataclasses.field(default_factory=dict)


def lights(**colours):
    """A table of lights, each with a value of its own this night."""
    lights.night += 1
    rows = {
        name: {"label": name.upper(), "colour": colour, "value": lights.night / 100, "red": 0.1}
        for name, colour in colours.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("light")
    if rows:
        return table.assign(month=pd.Timestamp("2026-10-01"), why="It is.", unit="rate")
    return pd.DataFrame({"colour": []})


lights.night = 0


def nights(*colours, answers=None):
    """State of one light after each night of a row of colours; None: no row that night."""
    told, states = [], []
    for number, colour in enumerate(colours):
        table = lights() if colour is None else lights(a=colour)
        day = DAY + datetime.timedelta(days=number)
        told = next_alerts(table, told, answers or {}, day)
        states.append(told[0].state if told else "none")
    return states


def test_a_red_light_is_new_once_and_then_continues():
    assert nights("green", "amber", "red", "red", "red") == [
        "none", "none", "new", "continuing", "continuing"
    ]  # fmt: skip


def test_an_alert_is_cleared_after_three_judgements_in_a_row_that_are_not_red():
    assert CALM_JUDGEMENTS == 3
    assert nights("red", "amber", "green", "green", "green") == [
        "new", "continuing", "continuing", "cleared", "none"
    ]  # fmt: skip


def test_a_light_that_flickers_is_new_once():
    assert set(nights("red", *["amber", "green", "red"] * 9)[1:]) == {"continuing"}


def test_what_was_cleared_and_comes_back_is_new():
    assert nights("red", "green", "green", "green", "red", "red")[3:] == [
        "cleared", "new", "continuing"
    ]  # fmt: skip


@pytest.mark.parametrize("silent", ["grey", None])
def test_a_light_of_which_nothing_is_known_stays_what_it_was(silent):
    assert nights("red", silent, silent, silent, silent)[1:] == ["new"] * 4
    assert nights("green", silent, "red", "red") == ["none", "none", "new", "continuing"]
    told = next_alerts(lights(a="red"), [], {}, DAY)
    table = lights() if silent is None else lights(a=silent)
    (alert,) = next_alerts(table, told, {}, DAY)
    assert (alert.colour, alert.judged, alert.counts) == ("red", False, True)
    # nor do silent nights clear it
    assert nights("red", "green", silent, silent, "green")[-1] == "continuing"
    assert nights("red", "green", silent, "green", silent, "green")[-1] == "cleared"
    # what is cleared and silent is none
    assert nights("red", "green", "green", "green", silent)[-1] == "none"


def test_an_alert_of_a_light_that_the_limits_file_has_no_more_is_dropped():
    told = next_alerts(lights(a="red", b="red"), [], {}, DAY)
    kept = next_alerts(lights(), told, {}, DAY, watched=["b", "c"])
    assert [alert.light for alert in kept] == ["b"]
    assert len(next_alerts(lights(), told, {}, DAY)) == 2


def test_only_what_is_red_and_not_acknowledged_counts():
    table = lights(a="red", b="amber", c="red")
    told = next_alerts(table, [], {"c": Answer("Anna", DAY, "known")}, DAY)
    assert {a.light: (a.state, a.counts) for a in told} == {
        "a": ("new", True), "c": ("acknowledged", False)
    }  # fmt: skip
    # within its hysteresis it is an alert still, but not red
    (alert,) = next_alerts(lights(a="amber"), told[:1], {}, DAY)
    assert (alert.state, alert.calm, alert.counts) == ("continuing", 1, False)
    assert unanswered([*told, alert]) == told[:1]


def test_an_acknowledgement_holds_through_its_last_day_and_then_counts_again():
    table, later = lights(a="red"), DAY + datetime.timedelta(days=1)
    answers = {"a": Answer("Anna", DAY, "a campaign")}
    (held,) = next_alerts(table, [], answers, DAY)
    assert (held.state, held.by, held.until, held.reason) == (
        "acknowledged", "Anna", "2026-11-30", "a campaign"
    )  # fmt: skip
    for again in (table, lights(a="red")):
        (ended,) = next_alerts(again, [held], answers, later)
        assert (ended.state, ended.counts, ended.by) == ("continuing", True, "Anna")
        (taken_back,) = next_alerts(again, [held], {}, DAY)
        assert (taken_back.state, taken_back.by) == ("continuing", "")
    # what ends with it is not new, also where it was acknowledged on its first night
    assert nights("red", "red", "red", answers=answers) == ["acknowledged", *["continuing"] * 2]


def test_where_it_is_not_known_what_was_nothing_is_called_new():
    told = next_alerts(lights(a="red", b="green"), None, {}, DAY)
    assert [(a.light, a.state, a.since, a.counts) for a in told] == [("a", "continuing", "", True)]
    assert next_alerts(lights(a="red"), told, {}, DAY)[0].state == "continuing"


@settings(max_examples=25)
@given(
    st.lists(
        st.fixed_dictionaries(
            {n: st.sampled_from(["green", "amber", "red", "grey"]) for n in "ab"}
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_same_night_twice_says_the_same_and_a_recount_agrees(rows):
    told = []
    for number, colours in enumerate(rows):
        table, day = lights(**colours), DAY + datetime.timedelta(days=number)
        told = next_alerts(table, told, {}, day)
        assert next_alerts(table, told, {}, day + datetime.timedelta(days=40)) == told
    for light in "ab":
        judged = [row[light] for row in rows if row[light] != "grey"]
        is_open, calm = False, 0
        for colour in judged:
            calm = 0 if colour == "red" else calm + 1
            is_open = colour == "red" or (is_open and calm < CALM_JUDGEMENTS)
        found = [a for a in told if a.light == light and a.state != "cleared"]
        assert len(found) == is_open
        if found:
            assert (found[0].calm, found[0].colour == "red") == (calm, calm == 0)


def test_a_table_without_most_of_its_columns_and_one_of_nobody_are_judged():
    table = pd.DataFrame({"colour": ["red"], "value": [float("nan")]}, index=["a"])
    (alert,) = next_alerts(table, [], {}, DAY)
    assert (alert.label, alert.value, alert.limit, alert.why) == ("a", None, None, "")
    assert next_alerts(pd.DataFrame({"colour": []}), [], {}, DAY) == []


# -- a run -----------------------------------------------------------------------------------------

LIGHTS = """
import pandas as pd
from riskkit import pipeline
stage = pipeline.open_stage("09_monitoring", globals())
rows = {"fpd": {"label": "First payments <missed>", "section": "Due & collected", "unit": "rate",
  "month": pd.Timestamp("2026-10-01"), "value": value, "low": .04, "high": .09, "red": .05,
  "colour": colour, "why": "6.0% missed it.", "owner": "Head of collections", "to_do": "Call."}}
stage.write("lights", pd.DataFrame.from_dict(rows, orient="index").rename_axis("light"))
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project whose run `n` is done, and has a new alert."""
    folder = tmp_path_factory.mktemp("alerts")
    parameters = 'run_dir = ""\noutput_dir = ""\ncolour = "red"\nvalue = 0.06\nfail = False'
    cells = [
        new_markdown_cell("# Monitoring"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        new_code_cell("if fail:\n    raise RuntimeError('no')"),
        new_markdown_cell("## Due & collected"),
        new_code_cell(LIGHTS.strip()),
    ]
    (folder / "notebooks").mkdir()
    path = folder / "notebooks" / "09_monitoring.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    assert pipeline.run(run="n", project=folder, progress=False).exit_code == 3
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch):
    folder = tmp_path / "project"
    shutil.copytree(finished, folder)
    monkeypatch.chdir(folder)
    return folder


def night(*arguments):
    return CliRunner().invoke(cli.app, ["run", "--run", "n", *arguments])


def states(project):
    content = json.loads((project / "data/runs/n" / ALERTS).read_text())
    return {alert["light"]: alert["state"] for alert in content["alerts"]}


def judge_again(project, limits=None):
    """What the runner does after the last stage, on the run that is there."""
    run_dir = project / "data/runs/n"
    manifest = read_manifest(run_dir)
    return judge_alerts(run_dir, manifest, limits or LimitsFile())


def test_a_red_alert_is_code_3_on_the_front_page_until_it_is_acknowledged(project, monkeypatch):
    for _ in range(2):  # the same night twice
        done = night()
        assert done.exit_code == 3, done.output
        assert done.stdout == "reports/runs/n/index.html\n"
        assert (
            "alert, new: First payments <missed>: 6.0% missed it. (Head of collections: Call.)"
            in done.stderr
        )
        assert states(project) == {"fpd": "new"}
    index = project / "reports/runs/n/index.html"
    page = index.read_text()
    assert page.index('<h2 id="alerts">') < page.index('<h2 id="stages">')
    assert "1 alert is red and not acknowledged." in page
    assert '<span class="light red">red, new</span>' in page
    link = '<a href="09_monitoring.html#Due-&amp;-collected">First payments &lt;missed&gt;</a>'
    assert link in page
    assert "<b>Head of collections</b>: Call." in page
    assert 'id="Due-&amp;-collected"' in (index.parent / "09_monitoring.html").read_text()
    today = datetime.date.today()
    answers = {"fpd": Answer("Anna <A.>", today, "A campaign & a fair.")}
    for until, code, state in (
        (today, 0, "acknowledged"),
        (today - datetime.timedelta(days=1), 3, "continuing"),
    ):
        answers["fpd"] = dataclasses.replace(answers["fpd"], until=until)
        monkeypatch.setattr(plan, "limits_of", lambda project: Limits(answers))
        assert night().exit_code == code
        assert states(project) == {"fpd": state}
    page = index.read_text()
    assert "the acknowledgement by Anna &lt;A.&gt; ended on" in page


def test_a_failed_stage_goes_before_an_alert_and_leaves_what_was_said(project):
    assert night().exit_code == 3
    before = (project / "data/runs/n" / ALERTS).read_bytes()
    assert night("-p", "fail=true").exit_code == 1
    assert (project / "data/runs/n" / ALERTS).read_bytes() == before
    page = (project / "reports/runs/n/index.html").read_text()
    assert "this one has judged no lights" in page
    assert night("-p", "colour=amber").exit_code == 0
    assert states(project) == {"fpd": "continuing"}


def test_alerts_that_cannot_be_read_are_put_aside_told_and_never_new(project):
    assert night().exit_code == 3
    run_dir = project / "data/runs/n"
    path = run_dir / ALERTS
    good = json.loads(path.read_text())
    foreign = json.dumps(sealed({**good, "run": "other"})).encode()
    changed = json.dumps({**good, "alerts": []})
    spoiled = [b"", b"{", b"[]", b"\xff", b'{"schema_version": 9}', changed.encode()]
    for number, content in enumerate([*spoiled, foreign], start=1):
        path.write_bytes(content)
        with pytest.raises(DataContractError, match=r"alerts\.json"):
            read_alerts(run_dir, "n")
        with pytest.warns(UserWarning, match=r"alerts\.json cannot be read \(.+\) and is kept as"):
            (alert,) = judge_again(project)
        assert (alert.state, alert.since, alert.counts) == ("continuing", "", True)
        assert (run_dir / f"alerts.set-aside-{number}.json").read_bytes() == content
    (run_dir / ALERTS).unlink()
    (run_dir / ALERTS).mkdir()
    pipeline.rebuild_index(run_dir)
    page = (project / "reports/runs/n/index.html").read_text()
    assert "alerts.json cannot be read: no file at" in page
    with pytest.warns(UserWarning, match="kept as"):
        assert night().exit_code == 3
    assert states(project) == {"fpd": "continuing"}
    page = (project / "reports/runs/n/index.html").read_text()
    assert "whether it is new, is not known" in page
    assert "Since a day that is not known" in page


def test_lights_that_cannot_be_read_leave_the_alerts_as_they_were(project):
    assert night().exit_code == 3
    path = project / "data/runs/n/09_monitoring/lights.parquet"
    two = pd.DataFrame({"colour": ["red", "red"]}, index=["a", "a"]).rename_axis("light")
    for harm in (
        lambda: path.write_bytes(b"no parquet"),
        lambda: pd.DataFrame({"x": [1]}).to_parquet(path),
        lambda: two.to_parquet(path),
    ):
        harm()
        with pytest.warns(UserWarning, match="no light is judged"):
            (alert,) = judge_again(project)
        assert (alert.light, alert.state, alert.judged) == ("fpd", "new", False)


def test_alerts_are_judged_only_where_lights_are_up_to_date(project):
    run_dir = project / "data/runs/n"
    before = (run_dir / ALERTS).read_bytes()
    manifest = read_manifest(run_dir)
    manifest["stages"]["09_monitoring"]["inputs"] = {"01_x/t.parquet": "other"}
    assert judge_alerts(run_dir, manifest, LimitsFile()) == ()
    assert (run_dir / ALERTS).read_bytes() == before


def test_make_report_takes_an_alert_for_done_and_says_so(tmp_path):
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(PROJECT / name, tmp_path / name)
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    for code, expected in ((3, 0), (1, 2)):
        program.write_text(f"#!/bin/sh\necho page.html\nexit {code}\n")
        program.chmod(0o755)
        (tmp_path / ".venv" / ".installed").touch()
        done = subprocess.run(
            ["make", "report"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == expected
        assert ("ALERT: a monitoring alert is red" in done.stdout) == (code == 3)
        assert "page.html" in done.stdout


@pytest.mark.parametrize("colour", ["RED", "purple", "", None, 3, True, ["red"]])
def test_a_colour_that_is_none_is_not_calm_and_leaves_the_alerts_as_they_were(project, colour):
    path = project / "data/runs/n/09_monitoring" / "lights.parquet"
    good = pd.read_parquet(path)
    for _ in range(CALM_JUDGEMENTS):
        good.assign(colour=pd.Series([colour], index=good.index, dtype=object)).to_parquet(path)
        with pytest.warns(UserWarning, match="(?s)no light is judged: .*colour: expected one of"):
            (alert,) = judge_again(project)
        assert (alert.light, alert.state, alert.judged) == ("fpd", "new", False)


def test_rows_without_names_are_no_lights_and_a_list_in_a_cell_is_a_text(project):
    path = project / "data/runs/n/09_monitoring" / "lights.parquet"
    good = pd.read_parquet(path)
    good.assign(low=pd.Series([[1.0, 2.0]], index=good.index)).to_parquet(path)
    (alert,) = judge_again(project)
    assert (alert.light, alert.judged) == ("fpd", True)
    good.reset_index(drop=True).to_parquet(path)
    with pytest.warns(UserWarning, match="neither a column nor an index light"):
        (alert,) = judge_again(project)
    assert (alert.light, alert.judged) == ("fpd", False)
