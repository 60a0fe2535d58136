"""What a run was made from, and what `riskkit verify` finds changed since."""

import json
import os
import shutil
import subprocess

import nbformat
import pytest
import real_parts
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from own_data import OWN_CSV, OWN_MAPPING
from typer.testing import CliRunner

from riskkit import cli, pipeline
from riskkit.pipeline import lineage, verify
from riskkit.pipeline.folders import locked
from riskkit.pipeline.lineage import code_state
from riskkit.pipeline.manifest import read_manifest, write_manifest
from riskkit.pipeline.parameters import given_path
from riskkit.tables import hash_file

LEAVE = """
from pathlib import Path
Path(output_dir, "card.json").write_text("{}")
Path(output_dir, "doc.html").write_text("<title>Doc</title>")
Path(output_dir, "numbers.txt").write_text(str(seed))
"""
LIMITS = "findings: {}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with a source, a lock and a limits file, whose run `n` is done."""
    folder = tmp_path_factory.mktemp("lineage")
    parameters = 'run_dir = ""\noutput_dir = ""\nseed = 1\nsource = ""\nroot = ""'
    cells = [
        new_markdown_cell("# One"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        new_code_cell(LEAVE.strip()),
    ]
    project = folder / "project"
    (project / "notebooks").mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), project / "notebooks" / "01_one.ipynb")
    (project / "data").mkdir()
    (project / "data" / "limits.yaml").write_text(LIMITS)
    (project / "requirements.lock").write_text("numpy==2\n")
    (folder / "bank").mkdir()
    (folder / "bank" / "mine.yaml").write_text(yaml.safe_dump(OWN_MAPPING))
    (folder / "bank" / "loans.csv").write_text(OWN_CSV)
    before = os.getcwd()
    os.chdir(folder)
    try:
        assert run(project).exit_code == 0
    finally:
        os.chdir(before)
    return folder


def run(project, *arguments):
    given = ["run", "--run", "n", "--project", str(project), "--source", "bank/mine.yaml"]
    return CliRunner().invoke(cli.app, [*given, *arguments])


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy" / "project"


def verified(project):
    done = CliRunner().invoke(cli.app, ["verify", str(project / "data/runs/n")])
    return done.exit_code, done.stdout


def changed(project):
    table = pipeline.verify_run(project / "data/runs/n")
    return {name: state for name, state in table["state"].items() if state != "same"}


def test_a_manifest_says_what_its_run_was_made_from(project):
    manifest = read_manifest(project / "data/runs/n")
    told = manifest["lineage"]
    assert told["files"] == {
        name: hash_file(project / name) for name in ("data/limits.yaml", "requirements.lock")
    }
    # under the path that was given: where it lies is nobody's business
    assert told["given"] == {
        f"bank/{name}": hash_file(project.parent / "bank" / name)
        for name in ("mine.yaml", "loans.csv")
    }
    assert (told["commit"], told["code"].startswith("no commit: ")) == ("", True)
    for key in ("parameters", "inputs", "models"):
        assert len(told[key]) == 64
    assert len({told[key] for key in ("parameters", "inputs", "models")}) == 3


def test_of_an_untouched_run_nothing_has_changed(project):
    code, said = verified(project)
    assert code == 0
    assert "the run's own files: 8, of which 0 are not as it left them" in said
    assert ", of which 0 are other now" in said


def test_what_was_changed_since_is_named(project):
    run_dir, report_dir = project / "data/runs/n", project / "reports/runs/n"
    harms = {
        "01_one/card.json": lambda: (run_dir / "01_one/card.json").write_text("{ }"),
        "01_one/numbers.txt": (run_dir / "01_one/numbers.txt").unlink,
        "01_one/mine.txt": lambda: (run_dir / "01_one/mine.txt").touch(),
        "01_one.html (page)": lambda: (report_dir / "01_one.html").write_text("x"),
        "doc.html (document beside its page)": (report_dir / "doc.html").unlink,
    }
    for harm in harms.values():
        harm()
    found = changed(project)
    assert found == {
        "01_one/card.json": "changed",
        "01_one/numbers.txt": "gone",
        "01_one/mine.txt": "not of the run",
        "01_one.html (page)": "changed",
        "doc.html (document beside its page)": "gone",
    }
    code, said = verified(project)
    assert code == 1
    for name, state in found.items():
        assert f"\n  {state}: {name}\n" in said


def test_a_manifest_that_was_edited_is_found_by_its_own_hashes(project):
    run_dir = project / "data/runs/n"
    for key, edit in (
        ("parameters", lambda record: record["parameters"].update(seed=2)),
        ("inputs", lambda record: record.update(source_files=["0" * 64])),
        ("models", lambda record: record["outputs"].update({"card.json": "0" * 64})),
    ):
        before = read_manifest(run_dir)
        manifest = json.loads(json.dumps(before))
        edit(manifest["stages"]["01_one"])
        write_manifest(run_dir, manifest)
        assert changed(project)[f"manifest.json: {key}"] == "changed"
        assert verified(project)[0] == 1
        write_manifest(run_dir, before)
    assert changed(project) == {}


def test_inputs_that_are_other_now_or_gone_are_told_and_are_no_fault_of_the_run(
    project, monkeypatch
):
    (project / "data/limits.yaml").write_text("# new\nfindings: {}\n")
    (project / "requirements.lock").unlink()
    (project.parent / "bank" / "loans.csv").write_text(OWN_CSV.replace("3000", "3001"))
    (project.parent / "bank" / "mine.yaml").unlink()
    notebook = project / "notebooks" / "01_one.ipynb"
    notebook.write_text(notebook.read_text().replace("# One", "# Two"))
    monkeypatch.setattr(verify, "package_hash", lambda: "another")
    assert changed(project) == {
        "data/limits.yaml": "changed",
        "requirements.lock": "gone",
        "bank/loans.csv": "changed",
        "bank/mine.yaml": "gone",
        "notebooks/01_one.ipynb": "changed",
        "riskkit itself": "changed",
    }
    assert verified(project)[0] == 0
    # seen from elsewhere, a path that was given leads nowhere
    monkeypatch.chdir(project)
    assert changed(project)["bank/loans.csv"] == "gone"


def test_a_copy_elsewhere_and_an_older_run_are_verified_as_far_as_they_go(project, tmp_path):
    copy = tmp_path / "elsewhere" / "n"
    shutil.copytree(project / "data/runs/n", copy)
    table = pipeline.verify_run(copy)
    assert pipeline.changed_files(table) == []
    assert "01_one.html (page)" not in table.index
    manifest = read_manifest(copy)
    del manifest["lineage"]
    write_manifest(copy, manifest)
    table = pipeline.verify_run(copy)
    assert table["state"].value_counts()["not known"] == 1
    (copy / "01_one/card.json").unlink()
    assert pipeline.changed_files(table := pipeline.verify_run(copy)) == ["01_one/card.json"]
    assert "gone: 01_one/card.json" in pipeline.verify_text(table)


@pytest.mark.parametrize("given", [[], ["nowhere"], ["."]])
def test_what_is_no_run_is_bad_usage(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(cli.app, ["verify", *given]).exit_code == 2


# -- Git -------------------------------------------------------------------------------------------


def git(folder, *arguments):
    if shutil.which("git") is None:
        real_parts.absent("no git here")
    names = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(
        command, env={**os.environ, **names}, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_project_has_its_commit_and_says_what_is_not_committed(project, monkeypatch):
    git(project, "init", "-q")
    assert code_state(project)[0] == ""  # nothing is committed yet
    (project / ".gitignore").write_text("data/runs\nreports\n")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "all")
    commit = git(project, "rev-parse", "HEAD")
    # a hook's own variables do not lead elsewhere
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert code_state(project) == (commit, "as committed")
    assert run(project).exit_code == 0
    told = read_manifest(project / "data/runs/n")["lineage"]
    assert (told["commit"], told["code"]) == (commit, "as committed")
    assert changed(project) == {}
    (project / "new.txt").touch()
    assert code_state(project) == (commit, "1 file changed since the commit")
    said = f"commit {commit[:12]}, as committed; now {commit[:12]}, 1 file changed since the commit"
    assert changed(project) == {said: "changed"}
    assert verified(project)[0] == 0


def test_without_git_or_a_repository_that_is_said(tmp_path, monkeypatch):
    commit, code = code_state(tmp_path)
    assert commit == ""
    assert "not a git repository" in code
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_state(tmp_path) == ("", "no commit: there is no git on this machine")
    monkeypatch.undo()
    monkeypatch.setattr(lineage, "_GIT_SECONDS", 1e-6)
    assert code_state(tmp_path)[1].startswith("no commit: git cannot be asked (Timeout")


def test_a_path_that_is_nobodys_is_gone_and_a_run_at_work_is_not_verified(project):
    run_dir = project / "data/runs/n"
    manifest = read_manifest(run_dir)
    strange = ["~nobody-of-that-name/rules.yaml", "a\0b", "x" * 5000]
    manifest["lineage"]["given"] |= dict.fromkeys(strange, "0" * 64)
    write_manifest(run_dir, manifest)
    states = changed(project)
    assert [states[name] for name in strange] == ["gone", "gone", "not known"]
    with locked(run_dir):
        done = CliRunner().invoke(cli.app, ["verify", str(run_dir)])
    assert (done.exit_code, done.stdout) == (4, "")
    assert f"a run is working in {run_dir}" in done.stderr
    assert verified(project)[0] == 0


def test_a_parameter_with_the_home_of_nobody_is_a_file_that_is_not_there(project):
    done = run(project, "-p", "rules=~nobody-of-that-name/rules.yaml", "-p", "seed=1")
    assert done.exit_code == 2
    assert "Traceback" not in done.stderr
    assert str(given_path("~nobody-of-that-name/x")) == "~nobody-of-that-name/x"
