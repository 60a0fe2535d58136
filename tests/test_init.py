"""A project of one's own: laid whole or not at all, brought up to date without touching edits."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from own_data import changed
from typer.testing import CliRunner, Result

import riskkit
from riskkit import projects, schema
from riskkit.cli import app
from riskkit.pipeline import BadInput
from riskkit.pipeline.notebooks import find_notebooks
from riskkit.projects import laying, newer, shipped
from riskkit.projects.fingerprints import changed_lines, fingerprint
from riskkit.schema import CONTRACT, DataContractError

CHECKOUT = Path(__file__).parents[1]
NOTEBOOK = "notebooks/04_cutoffs.ipynb"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return projects.lay_project(tmp_path / "lender")


@pytest.fixture
def ships(monkeypatch: pytest.MonkeyPatch):
    """Makes the installed riskkit one of another version, whose files differ; None: has it not."""

    def other(version: str, **changed: str | None) -> None:
        files = dict(shipped.shipped_files())
        for name, text in changed.items():
            files.pop(name, None)
            if text is not None:
                files[name] = text.encode()
        monkeypatch.setattr(newer, "shipped_files", lambda: files)
        monkeypatch.setattr(riskkit, "__version__", version)

    return other


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def states(project: Path) -> dict[str, str]:
    """What would change, without what stays as it is."""
    table = projects.newer_files(project)
    return table.loc[table["state"] != "same", "state"].to_dict()


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")
            if p.is_file()}  # fmt: skip


def jupyter(path: Path, change) -> None:
    """Save a notebook as JupyterLab does after a change of its content."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# -- laying ----------------------------------------------------------------------------------------


def test_a_project_is_laid_whole_with_all_that_a_run_reads(project: Path) -> None:
    names = [notebook.name for notebook in find_notebooks(project)]
    assert names == [notebook.name for notebook in find_notebooks(CHECKOUT)]
    for name in ("caps", "funding", "limits", "provisions", "policies/synthetic"):
        own = project / "data" / f"{name}.yaml"
        assert own.read_bytes() == (CHECKOUT / "data" / f"{name}.yaml").read_bytes()
    for name in ("Makefile", ".gitignore", "README.md", "docs/glossary.md", "data/raw"):
        assert (project / name).exists()
    assert states(project) == {}
    assert [path.name for path in project.parent.iterdir()] == ["lender"]


def test_its_files_say_the_version_that_laid_them(project: Path) -> None:
    assert f"riskkit[lab]=={riskkit.__version__}" in (project / "Makefile").read_text()
    laid = json.loads((project / ".riskkit" / "laid.json").read_text())["files"]
    assert {one["riskkit"] for one in laid.values()} == {riskkit.__version__}
    assert "@VERSION@" not in (project / "README.md").read_text()


def test_what_its_readme_names_is_there(project: Path) -> None:
    readme = (project / "README.md").read_text()
    for name in re.findall(r"`((?:data|notebooks)/[\w./]+)`", readme):
        assert name == "data/policies/NAME.yaml" or (project / name).exists(), name
    help_text = call("--help").stdout
    for command in set(re.findall(r"riskkit (\w+) ", readme)) - {"as"}:
        assert f"\n  {command} " in help_text


def test_its_makefile_takes_the_shells_python_until_there_is_an_environment(project: Path) -> None:
    def made(*arguments: str) -> str:
        command = ["make", "-n", *arguments]
        return subprocess.run(
            command, cwd=project, capture_output=True, text=True, check=True
        ).stdout

    assert "python3 -m riskkit report" in made("report", "PYTHON=python3")
    assert "python3 -m jupyterlab --ServerApp.ip=127.0.0.1" in made("lab", "PYTHON=python3")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").touch()
    assert '.venv/bin/python -m riskkit "$@"' in made("run")
    assert 'pip install --disable-pip-version-check "$RISKKIT"' in made("install")


@pytest.mark.parametrize("name", ["a lender of two words", "小额贷款", "-dash", "o'brien $HOME"])
def test_a_name_of_any_letters_will_do(tmp_path: Path, monkeypatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("init", "--", name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(find_notebooks(tmp_path / name)) == 9
    # what it says to type leads there
    (line,) = (line for line in done.stdout.splitlines() if line.strip().startswith("cd "))
    shell = f"{line.strip().replace('cd ', 'cd -- ')} && pwd"
    there = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == str(tmp_path / name)


def test_an_empty_folder_is_filled_where_it_is_also_the_one_we_are_in(
    tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    inode = tmp_path.stat().st_ino
    done = call("init", ".")
    assert done.exit_code == 0
    assert tmp_path.stat().st_ino == inode
    assert "cd " not in done.stdout
    assert states(tmp_path) == {}
    assert not [*tmp_path.glob(f"{laying.LAYING}*")]


def test_a_folder_that_holds_something_is_refused_and_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    refused = call("init", tmp_path)
    assert refused.exit_code == 2
    assert "is not empty (mine.txt): name a new folder, or an empty one" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    refused = call("init", tmp_path / "mine.txt")
    assert refused.exit_code == 2
    assert "is there already and is no folder" in refused.stderr


def test_a_project_is_refused_with_the_way_to_update_it(project: Path) -> None:
    before = contents(project)
    refused = call("init", project)
    assert refused.exit_code == 2
    assert "is a project already; riskkit init --update" in refused.stderr
    assert contents(project) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("absent/lender",), "no folder .*absent for a project in it: make that first"),
        ((), "needs the name of its folder"),
        (("",), "needs the name of its folder"),
        (("lender", "--apply"), "--apply goes with --update"),
        (("nowhere", "--update"), "has no .riskkit/laid.json"),
        (("--update",), "has no .riskkit/laid.json"),
    ],
)
def test_what_cannot_be_is_one_message_and_code_2(
    tmp_path: Path, monkeypatch, arguments, message
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = call("init", *arguments)
    assert refused.exit_code == 2
    assert re.search(message, refused.stderr)
    assert [*tmp_path.iterdir()] == []


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="is no folder"):
        projects.lay_project(tmp_path / "link")


@pytest.mark.parametrize("is_there", [False, True])
def test_cut_off_nothing_is_left(tmp_path: Path, monkeypatch, is_there: bool) -> None:
    """Whether the disk fills while it is written, or a move fails half-way."""
    target = tmp_path / "lender"
    if is_there:
        target.mkdir()
    moves = []

    def full(path: Path, *arguments: object) -> None:
        moves.append(path)
        if not is_there or len(moves) == 4:
            raise OSError(28, "No space left on device")
        os.rename(path, *arguments)

    monkeypatch.setattr(Path, "rename", full)
    done = call("init", target)
    assert done.exit_code == 1
    assert "No space left on device" in done.stderr
    assert [*tmp_path.rglob("*")] == ([target] if is_there else [])


def test_an_init_that_was_killed_is_told_from_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / f"{laying.LAYING}123").mkdir()
    with pytest.raises(BadInput, match="was cut off there; empty it and try again"):
        projects.lay_project(tmp_path)


# -- the mapping to fill in ------------------------------------------------------------------------


def test_the_mapping_is_refused_until_it_is_filled_in(project: Path) -> None:
    done = call("validate", "--source", project / "data/sources/my_lender.yaml")
    assert done.exit_code == 2
    assert "  - name: still to be filled in: 'a short name, for folders'" in done.stderr
    places = re.findall(r"- ([\w.]+)(?:\[1\])?: still to be filled in", done.stderr)
    assert places == [
        "name", "title", "currency", "amounts_in", "applications.path",
        "applications.columns.amount", "label.column", "label.bad", "label.good",
        "features.income.column",
    ]  # fmt: skip


def test_filled_in_it_reads_a_file(project: Path) -> None:
    path = project / "data" / "sources" / "my_lender.yaml"
    text = path.read_text()
    answers = iter(["mine", "Mine", "CNY", "major", "loans.csv", "sum", "paid", "no", "yes", "pay"])
    path.write_text(re.sub(r"<fill in (?!…)[^>]*>", lambda _: next(answers), text))
    rows = "sum,paid,pay\n100,yes,3000\n200,no,2000\n300,yes,2500\n"
    (project / "data" / "raw" / "loans.csv").write_text(rows)
    source = schema.load_source(path, project / "data" / "raw")
    assert source.applications["amount"].tolist() == [10_000, 20_000, 30_000]
    assert source.applications["default_flag"].tolist() == [0, 1, 0]


def test_the_mapping_explains_every_column_of_the_contract(project: Path) -> None:
    text = (project / "data" / "sources" / "my_lender.yaml").read_text()
    for table, rules in CONTRACT.items():
        block = re.search(rf"^(?:# )?{table}:\n(.*?)\n\n", text, re.M | re.S)
        assert block is not None
        explained = re.findall(r"^[# ]+(\w+): \S.*", block[1], re.M)
        assert set(rules) <= set(explained), table
        assert set(explained) <= {*rules, "path"}
    # without the marks of comments it is a mapping, too: every line of it is YAML
    bare = re.sub(r"^( *)# (?=[\w ]+: |[\w ]+:$)", r"\1", text.split("\nname: ")[1], flags=re.M)
    assert "performance" in yaml.safe_load("name: " + bare)


def test_a_word_that_only_looks_alike_is_no_place_to_fill_in(own_source) -> None:
    with pytest.raises(DataContractError, match=r"notes\[2\]: still to be filled in$"):
        schema.read_mapping(own_source(changed(notes=["<none>", "<fill in>"])))
    assert schema.read_mapping(own_source(changed(notes=["to <fill in a form>"]))).name == "mine"


# -- a newer version -------------------------------------------------------------------------------


def test_what_nobody_edited_is_updated_and_what_is_new_is_added(project: Path, ships) -> None:
    ships("0.2.0", **{"data/caps.yaml": "caps: {}\n", "docs/new.md": "new\n"})
    assert states(project) == {"data/caps.yaml": "update", "docs/new.md": "new"}
    before = contents(project)
    shown = call("init", "--update", project)
    assert shown.exit_code == 0
    assert "changed in this version, not by you: would be updated:\n  data/caps.yaml  (+" in (
        shown.stdout
    )
    assert "lines, laid by 0.1.0)" in shown.stdout
    assert shown.stdout.endswith("nothing was changed; with --apply it is\n")
    assert contents(project) == before
    done = call("init", "--update", "--apply", project)
    assert done.exit_code == 0
    assert "updated:\n  data/caps.yaml" in done.stdout
    assert (project / "data" / "caps.yaml").read_text() == "caps: {}\n"
    assert (project / "docs" / "new.md").read_text() == "new\n"
    modes = {
        (project / name).stat().st_mode for name in ("data/caps.yaml", "docs/new.md", "Makefile")
    }
    assert len(modes) == 1
    assert states(project) == {}
    assert "nothing was changed" not in call("init", "--update", project).stdout


def test_what_was_edited_is_left_alone_and_the_newer_lies_beside_it(project: Path, ships) -> None:
    own = project / "data" / "limits.yaml"
    own.write_text(own.read_text() + "# mine\n")
    assert states(project) == {"data/limits.yaml": "yours"}
    ships("0.2.0", **{"data/limits.yaml": "lender: synthetic\n"})
    mine = own.read_bytes()
    assert states(project) == {"data/limits.yaml": "edited"}
    assert "  data/limits.yaml  (+0 −" in call("init", "--update", project).stdout
    projects.take_newer(project)
    assert own.read_bytes() == mine
    beside = project / "data" / "limits.yaml.new"
    assert beside.read_text() == "lender: synthetic\n"
    # it is told until the newer one is taken away, and again when there is a still newer one
    assert states(project) == {"data/limits.yaml": "edited"}
    beside.unlink()
    assert states(project) == {"data/limits.yaml": "yours"}
    ships("0.3.0", **{"data/limits.yaml": "lender: other\n"})
    assert states(project) == {"data/limits.yaml": "edited"}


def test_nothing_is_written_where_something_of_the_users_lies_beside(project: Path, ships) -> None:
    (project / "data" / "limits.yaml").write_text("lender: mine\n")
    (project / "data" / "limits.yaml.new").write_text("my own notes\n")
    ships("0.2.0", **{"data/limits.yaml": "lender: x\n", "data/caps.yaml": "caps: {}\n"})
    before = contents(project)
    done = call("init", "--update", "--apply", project)
    assert done.exit_code == 2
    assert "limits.yaml.new is yours" in done.stderr
    assert contents(project) == before


def test_what_was_removed_stays_away_and_what_is_no_longer_part_goes(project: Path, ships) -> None:
    (project / "data" / "sources" / "german_credit.yaml").unlink()
    (project / "data" / "provisions.yaml").write_text("# mine\n")
    ships("0.2.0", **{"docs/glossary.md": None, "data/provisions.yaml": None})
    assert states(project) == {
        "data/provisions.yaml": "yours",
        "data/sources/german_credit.yaml": "removed",
        "docs/glossary.md": "retired",
    }
    projects.take_newer(project)
    assert not (project / "docs" / "glossary.md").exists()
    assert not (project / "data" / "sources" / "german_credit.yaml").exists()
    assert (project / "data" / "provisions.yaml").read_text() == "# mine\n"
    assert "docs/glossary.md" not in states(project)


def test_opening_and_running_a_notebook_is_no_edit(project: Path, ships) -> None:
    def run_it(notebook: dict) -> None:
        for number, cell in enumerate(notebook["cells"]):
            cell["id"] = f"other{number}"
            if cell["cell_type"] == "code":
                cell["execution_count"] = number
                cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}]
                cell["metadata"]["execution"] = {"iopub.execute_input": "2026-01-01T00:00:00Z"}
            cell["source"] = "".join(cell["source"])
        notebook["metadata"]["language_info"]["version"] = "3.12.1"
        notebook["metadata"]["kernelspec"]["display_name"] = "my kernel"
        notebook["metadata"]["widgets"] = {}

    jupyter(project / NOTEBOOK, run_it)
    assert states(project) == {}
    text = json.loads((CHECKOUT / NOTEBOOK).read_text(encoding="utf-8"))
    text["cells"][0]["source"] = ["# A newer title"]
    ships("0.2.0", **{NOTEBOOK: json.dumps(text)})
    assert states(project) == {NOTEBOOK: "update"}
    projects.take_newer(project)
    assert find_notebooks(project)[3].title == "A newer title"


@pytest.mark.parametrize("what", ["source", "tags", "metadata", "cell", "kind"])
def test_what_a_hand_changes_in_a_notebook_is_an_edit(project: Path, what: str) -> None:
    def edit(notebook: dict) -> None:
        cell = notebook["cells"][5]
        if what == "source":
            cell["source"] = [*cell["source"], "\n# mine"]
        elif what == "tags":
            cell["metadata"]["tags"] = ["mine"]
        elif what == "metadata":
            notebook["metadata"]["riskkit"]["leaves"] = []
        elif what == "cell":
            del notebook["cells"][5]
        else:
            cell["cell_type"] = "raw"

    jupyter(project / NOTEBOOK, edit)
    assert states(project) == {NOTEBOOK: "yours"}


def test_a_new_notebook_gives_way_to_one_of_the_same_number(project: Path, ships) -> None:
    own = project / "notebooks" / "10_mine.ipynb"
    shutil.copy(project / "notebooks" / "09_monitoring.ipynb", own)
    ships("0.2.0", **{"notebooks/10_pricing.ipynb": '{"cells": [], "metadata": {}}'})
    assert states(project) == {"notebooks/10_pricing.ipynb": "taken"}
    projects.take_newer(project)
    assert len(find_notebooks(project)) == 10
    assert (project / "notebooks" / "10_pricing.ipynb.new").is_file()
    assert states(project) == {"notebooks/10_pricing.ipynb": "taken"}
    (project / "notebooks" / "10_pricing.ipynb.new").unlink()
    assert states(project) == {"notebooks/10_pricing.ipynb": "removed"}


def test_a_notebook_that_got_another_name_is_replaced(project: Path, ships) -> None:
    text = (CHECKOUT / NOTEBOOK).read_text(encoding="utf-8")
    ships("0.2.0", **{NOTEBOOK: None, "notebooks/04_cutoff.ipynb": text})
    projects.take_newer(project)
    assert [n.name for n in find_notebooks(project)][3] == "04_cutoff"


def test_a_file_of_ones_own_that_a_newer_version_brings_too_is_kept(project: Path, ships) -> None:
    own = project / "docs" / "how.md"
    own.write_text("mine\n")
    ships("0.2.0", **{"docs/how.md": "theirs\n"})
    assert states(project) == {"docs/how.md": "edited"}
    projects.take_newer(project)
    assert own.read_text() == "mine\n"


def test_cut_off_an_update_goes_on(project: Path, ships, monkeypatch) -> None:
    ships("0.2.0", **{"data/caps.yaml": "caps: {}\n", "docs/new.md": "new\n"})

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(newer, "write_record", killed)
        assert call("init", "--update", "--apply", project).exit_code == 130
    # what it had written is what this version ships, and no edit
    assert states(project) == {}
    projects.take_newer(project)
    laid = json.loads((project / ".riskkit" / "laid.json").read_text())["files"]
    assert laid["docs/new.md"]["riskkit"] == "0.2.0"


def test_links_are_the_users_and_nothing_is_written_through_them(
    project: Path, tmp_path: Path, ships
) -> None:
    elsewhere = tmp_path / "elsewhere.yaml"
    shutil.move(project / "data" / "caps.yaml", elsewhere)
    (project / "data" / "caps.yaml").symlink_to(elsewhere)
    ships("0.2.0", **{"data/caps.yaml": "caps: {}\n"})
    before = elsewhere.read_bytes()
    assert states(project) == {"data/caps.yaml": "edited"}
    projects.take_newer(project)
    assert elsewhere.read_bytes() == before
    assert (project / "data" / "caps.yaml").is_symlink()


@pytest.mark.parametrize("there", ["a link out", "a link to itself", "a file"])
def test_where_a_folder_is_the_users_own_the_rest_is_updated(
    project: Path, tmp_path: Path, ships, there: str
) -> None:
    """Else an update would end half-way, or ask for ever to move what is not there."""
    own, place = tmp_path / "own", project / "notebooks"
    shutil.move(place, own)
    if there == "a file":
        place.write_text("gone")
    else:
        place.symlink_to(own if there == "a link out" else place)
    ships("0.2.0", **{"data/caps.yaml": "caps: {}\n", "notebooks/10_new.ipynb": "{}"})
    before = contents(own)
    found = states(project)
    assert found.pop("data/caps.yaml") == "update"
    assert found["notebooks/10_new.ipynb"] == "yours"
    assert {*found.values()} == {"yours"}
    projects.take_newer(project)
    assert (project / "data" / "caps.yaml").read_text() == "caps: {}\n"
    assert contents(own) == before


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[]",
        '{"files": {"a": {"sha256": 1, "riskkit": ""}}}',
        '{"files": {"../a": {"sha256": "", "riskkit": ""}}}',
        '{"files": {"/etc/passwd": {"sha256": "", "riskkit": ""}}}',
    ],
)
def test_a_damaged_record_is_refused(project: Path, record: str) -> None:
    (project / ".riskkit" / "laid.json").write_text(record)
    with pytest.raises(BadInput, match=r"laid\.json is damaged"):
        projects.newer_files(project)


def test_a_record_that_tells_of_a_file_outside_removes_nothing(project: Path, tmp_path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "file").write_text("kept")
    (project / "out").symlink_to(tmp_path / "theirs")
    path = project / ".riskkit" / "laid.json"
    record = json.loads(path.read_text())
    for sha256 in (fingerprint("file", b"kept"), "no plain file of the project"):
        record["files"]["out/file"] = {"sha256": sha256, "riskkit": "0.0.1"}
        path.write_text(json.dumps(record))
        projects.take_newer(project)
        assert (tmp_path / "theirs" / "file").read_text() == "kept"


def test_lines_of_a_notebook_are_those_of_its_cells() -> None:
    def notebook(*sources: str) -> bytes:
        cells = [{"cell_type": "code", "source": text, "outputs": [text]} for text in sources]
        return json.dumps({"cells": cells, "metadata": {}}).encode()

    assert changed_lines("a.ipynb", notebook("a\nb", "c"), notebook("a\nd\ne", "c")) == (2, 1)
    # one that is none counts as text
    assert fingerprint("a.ipynb", b"{") != fingerprint("a.ipynb", b"}")
    assert (
        fingerprint("a.md", b"\xff\r\n")
        == fingerprint("a.md", b"\xff\n")
        != fingerprint("a.md", b"\n")
    )


# -- packaging -------------------------------------------------------------------------------------


def test_the_wheel_takes_along_every_file_that_a_run_reads() -> None:
    build = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    carried = build["targets"]["wheel"]["force-include"]
    assert all(to == f"riskkit/project/{own}" for own, to in carried.items())
    git = [
        "git",
        "ls-files",
        "--",
        "notebooks",
        "data",
        ".jupyterlab",
        "reports",
        "docs/glossary.md",
    ]
    done = subprocess.run(git, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert set(carried) == set(done.stdout.split())
    # no folder, so that nothing of a lender's own gets into a source distribution
    sources = {name for name in build["targets"]["sdist"]["only-include"] if "." in name}
    assert set(carried) <= sources


def test_an_installation_without_its_notebooks_says_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "riskkit")
    monkeypatch.setattr(shipped, "CARRIED", tmp_path / "riskkit" / "project")
    shipped.shipped_files.cache_clear()
    with pytest.raises(BadInput, match=r"notebooks are missing in .*: install riskkit again"):
        shipped.shipped_files()


def test_outside_a_project_a_run_says_how_to_begin(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = call("run")
    assert refused.exit_code == 2
    assert "begin with: riskkit init FOLDER" in refused.stderr


def test_the_version_is_said_in_one_place() -> None:
    command = [sys.executable, "-m", "riskkit", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"riskkit {riskkit.__version__}\n"
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert project["dynamic"] == ["version"]


def test_what_is_lacking_is_named_with_its_extra(monkeypatch, tmp_path: Path) -> None:
    from riskkit.tables.query import query_rows

    (tmp_path / "a.duckdb").touch()
    asked = [
        ("duckdb_engine", f"duckdb:///{tmp_path}/a.duckdb"),
        ("psycopg", "postgresql://host/x"),
        ("sqlalchemy", "sqlite:///x"),
    ]
    for package, url in asked:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with (
                pytest.raises(DataContractError, match=r"pip install 'riskkit\[sql\]'"),
                query_rows(url, "SELECT 1"),
            ):
                pass
