"""The limits file: what may stand in it, and that the project's own covers what the suite finds."""

from __future__ import annotations

import ast
import datetime
import math
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml
from fuzz import changed, spoiled
from hypothesis import given, settings

from riskkit.pipeline.notebooks import find_notebooks
from riskkit.schema import DataContractError, LimitsFile, read_limits

PROJECT = Path(__file__).parents[1]
GOOD = "{owner: Head of risk, to_do: Look again., within_days: 30}"


def written(folder: Path, text: str) -> Path:
    path = folder / "limits.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_topic_has_an_owner_a_sentence_and_days(tmp_path: Path) -> None:
    text = "findings:\n  Grades, card:\n    owner: Head of risk\n    within_days: 30\n"
    found = read_limits(written(tmp_path, f"{text}    to_do: |\n      Look\n      again.\n"))
    assert found.findings["Grades, card"].model_dump() == {
        "owner": "Head of risk", "to_do": "Look again.", "within_days": 30,
    }  # fmt: skip
    assert LimitsFile().findings == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "limits.yaml breaks the data contract:.*expected a block of keys"),
        ("", "the file is empty"),
        ("# none", "expected a block of keys, found None"),
        ("finding: {}", "finding: unknown key; did you mean 'findings'"),
        ("limits: {x: 1}", "limits: unknown key; did you mean 'lights'"),
        ("topics: {x: 1}", "topics: unknown key; known: lender, findings, lights, acknowledged"),
        ("findings: [a]", "findings: expected a block of keys"),
        ("findings:\n  A: Head", "findings.A: expected a block of keys, found 'Head'"),
        (f"findings:\n  A: {GOOD}\n  A: {GOOD}", "line 3: the key 'A' stands twice"),
        ("findings: {A: {owner: x, to_do: y}}", r"findings\.A\.within_days: missing"),
        (f"findings: {{A: {GOOD[:-1]}, ower: x}}}}", "A.ower: unknown key; did you mean 'owner'"),
        (f"findings: {{A: {GOOD.replace('30', 'soon')}}}", "a whole number, found 'soon'"),
        (f"findings: {{A: {GOOD.replace('30', '0')}}}", "within_days: expected at least 1"),
        (f"findings: {{A: {GOOD.replace('30', '3651')}}}", "within_days: expected at most 3650"),
        (f"findings: {{A: {GOOD.replace('Head of risk', 'true')}}}", "owner: expected text"),
        (f"findings: {{A: {GOOD.replace('Head of risk', chr(34) * 2)}}}", "a sentence of at most"),
        (f"findings: {{A: {GOOD.replace('Look', 'x' * 500)}}}", "to_do: expected a sentence of at"),
        ('findings: {A: {owner: "a\\u202eb", to_do: y, within_days: 1}}', "that can be seen"),
        ("findings: {A: {owner: postgresql://u:pw@h/d, to_do: y, within_days: 1}}", "a password"),
        ("findings: !!python/object:os.system {}", "line 1: tags such as"),
        ("findings: [", "no valid YAML at line"),
    ],
)
def test_what_cannot_be_is_refused_with_file_place_and_what_was_expected(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataContractError, match=f"(?s){message}") as caught:
        read_limits(written(tmp_path, text))
    assert str(caught.value).startswith("limits.yaml")
    assert "u:pw" not in str(caught.value)


LIGHT = {
    "label": "Fall behind", "unit": "rate", "worse": "higher", "amber": "0.04", "red": "0.05",
    "breach": "2", "owner": "Head of risk", "to_do": "Look again.",
}  # fmt: skip


def light_text(name: str = "m0_m1", **changed: str) -> str:
    """A file with one light; a value of "" leaves its key out."""
    keys = [f"{key}: {value}" for key, value in (LIGHT | changed).items() if value]
    return f"lights:\n  {name}: {{{', '.join(keys)}}}"


def test_a_light_has_limits_and_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    light = read_limits(written(tmp_path, light_text(target="[0, 0.03]"))).lights["m0_m1"]
    assert (light.amber, light.red, light.target) == (0.04, 0.05, (0.0, 0.03))
    assert (light.watched, light.usual_drift, light.verify) == (True, 0.05, False)
    assert (light.section, light.scenario) == ("", None)
    lower = light_text("approval", worse="lower", amber="0.5", red="0.4", breach="0.5")
    assert read_limits(written(tmp_path, lower)).lights["approval"].worse == "lower"
    told = light_text() + "\nacknowledged:\n  m0_m1: {by: Head, until: 2026-01-31, reason: Known.}"
    seen = read_limits(written(tmp_path, told)).acknowledged["m0_m1"]
    assert (seen.by, seen.until, seen.reason) == ("Head", datetime.date(2026, 1, 31), "Known.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (light_text("m0_m2"), "lights: expected lights that are measured, 'm0_m2' is none"),
        (light_text("m0_m2"), "did you mean 'm[01]_m[12]'"),
        (light_text("chanel_partner"), "did you mean 'channel_...'|known: applications"),
        (light_text(amber="0.06"), r"lights\.m0_m1: expected amber below red or equal, since "),
        (light_text(worse="lower", breach="0.5"), "amber above red or equal, since lower"),
        (light_text(red=""), "expected amber and red, or neither"),
        (light_text(worse="either"), "worse: higher or lower, of a light with limits"),
        (light_text(worse="up"), "worse: expected one of 'higher', 'lower' or 'either'"),
        (light_text(amber="", red="", watched="no"), "limits, amber and red, of a light that"),
        (light_text(target="[0.03, 0.01]"), "the low end of target first"),
        (light_text(target="[0, 0.045]"), "amber 0.04 outside the target"),
        (light_text(target="0.03"), r"target: expected two numbers, \[low, high\]"),
        (light_text(breach="0.5"), "a breach that makes it worse, found times 0.5"),
        (light_text(breach=""), r"lights\.m0_m1\.breach: missing"),
        (light_text(amber="low"), r"m0_m1\.amber: expected a number, found 'low'"),
        (light_text(ambr="0.1"), r"m0_m1\.ambr: unknown key; did you mean 'amber'"),
        (light_text(usual_drift="-1"), "usual_drift: expected at least 0"),
        (light_text() + "\nacknowledged: {m0m1: {by: a, until: 2026-01-31, reason: b}}",
         "under acknowledged, 'm0m1' is none; did you mean 'm0_m1'"),
        (light_text() + "\nacknowledged: {m0_m1: {by: a, until: soon, reason: b}}",
         r"acknowledged\.m0_m1\.until: expected a date"),
        (light_text() + "\nacknowledged: {m0_m1: {by: a, until: 2026-01-31}}", "reason: missing"),
    ],
)  # fmt: skip
def test_a_light_that_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataContractError, match=f"(?s){message}"):
        read_limits(written(tmp_path, text))


def test_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataContractError, match=r"limits\.yaml"):
        read_limits(tmp_path / "limits.yaml")


WHOLE = {
    "findings": {"Grades": {"owner": "Head", "to_do": "Look.", "within_days": "3"}},
    "lights": {"m0_m1": LIGHT | {"target": ["0", "0.03"]}, "channel_x": LIGHT},
    "acknowledged": {"m0_m1": {"by": "Head", "until": "2026-01-31", "reason": "Known."}},
}


@settings(max_examples=120, deadline=None, database=None, derandomize=True)
@given(changed(WHOLE).map(yaml.safe_dump).map(str.encode) | spoiled(yaml.safe_dump(WHOLE).encode()))
def test_whatever_stands_in_the_file_is_read_or_refused_in_words(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "limits.yaml")
        path.write_bytes(content)
        try:
            limits = read_limits(path)
        except DataContractError as error:
            limits, said = LimitsFile(), str(error)
        else:
            said = "limits.yaml\n  - as it should be"
    assert re.match(r"limits\.yaml.*\n  - \S", said), said
    for light in limits.lights.values():
        figures = [light.amber, light.red, light.breach, *(light.target or ())]
        assert all(figure is None or math.isfinite(figure) for figure in figures)


# -- what the suite can find -----------------------------------------------------------------------


def text_of(node: ast.expr) -> str:
    """A text that stands in the code as it is; empty where it is computed."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def first_texts(tree: ast.AST, *, calls: str = "") -> Iterator[str]:
    """What tuples of three begin with or, where `calls` names one, calls of it."""
    for node in ast.walk(tree):
        if not calls and isinstance(node, ast.Tuple) and len(node.elts) == 3:
            yield text_of(node.elts[0])
        if calls and isinstance(node, ast.Call) and getattr(node.func, "id", "") == calls:
            yield text_of(node.args[0])


def topics_of_notebooks() -> set[str]:
    """First of three in whatever a notebook tells as findings."""
    found = set()
    for path in sorted((PROJECT / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code" and ".findings(" in cell.source:
                tree = ast.parse(cell.source)
                found |= {*first_texts(tree)}
    return found - {""}


def topics_of_code() -> set[str]:
    """Of limits in `documents`, of what `*_findings` give, and of files that were lost."""
    found = set()
    for path in sorted((PROJECT / "src" / "riskkit").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if path.parent.name == "documents":
            found |= {*first_texts(tree, calls="Limit")}
        if path.parent.name == "pipeline":
            found |= {*first_texts(tree, calls="Finding")}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.endswith("_findings"):
                found |= {*first_texts(node)}
    return found - {""}


def test_the_projects_own_file_names_an_owner_of_all_that_the_suite_can_find() -> None:
    owned = set(read_limits(PROJECT / "data" / "limits.yaml").findings)
    told = topics_of_notebooks() | topics_of_code()
    assert {"Possible leakage", "Economics", "Newest cohorts", "Files of the run", "Grades"} <= told
    assert told - owned == set()
    # and a topic of another model or rule is one that the card has, too
    behind = {topic.partition(", ") for topic in owned - told}
    assert {topic for topic, _, _ in behind} <= told
    declared = {topic for notebook in find_notebooks(PROJECT) for topic in notebook.findings}
    assert owned - {"Files of the run"} == declared


def test_every_finding_has_a_heading_that_is_there() -> None:
    notebooks = find_notebooks(PROJECT)
    headings = {
        notebook.name: {
            line.lstrip("#").strip()
            for cell in nbformat.read(notebook.path, as_version=4).cells
            for line in cell.source.splitlines()
            if cell.cell_type == "markdown" and line.startswith("#")
        }
        for notebook in notebooks
    }
    for notebook in notebooks:
        for topic, place in notebook.findings.items():
            page, _, heading = place.rpartition("#")
            assert heading in headings[page or notebook.name], (topic, place)
