"""The documentation holds together, as far as can be seen without building it (`make docs`)."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pages
import pytest
import room_pages

from riskkit.pipeline.notebooks import find_notebooks
from riskkit.tables import JsonModel

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src" / "riskkit"
PAGES = pages.PAGES
SECTIONS = {
    *("Parameters", "Returns", "Yields", "Raises", "Attributes"),
    *("Source", "Notes", "References", "Example", "Examples"),
}

INHERITED = set(dir(JsonModel))


def named(page: pages.Page) -> str:
    return page.name


# -- pages and links -------------------------------------------------------------------------------


def test_every_page_has_its_file():
    missing = {page.path for page in PAGES if not (PROJECT / page.path).exists()}
    assert not missing
    written = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "docs").glob("*.md")}
    frames = {f"docs/{name}.md" for name in ("index", "api", "notebooks")}
    assert written == {page.path for page in PAGES if page.path.startswith("docs/")} | frames


def test_links_of_every_page_lead_somewhere():
    targets = [
        pages.led(page, target)
        for page in [*PAGES, pages.Page("index", "docs/index.md", "")]
        for target in pages.links(pages.text_of(page))
    ]
    assert len(targets) > 30


def test_a_link_to_nothing_is_named(monkeypatch):
    page = pages.Page("own_data", "data/README.md", "")
    for target in ("missing.md", "../docs/glossary.md#no-such-word", "../../elsewhere.md"):
        with pytest.raises(ValueError, match=r"data/README\.md: a link leads to"):
            pages.led(page, target)
    assert pages.led(page, "../docs/glossary.md#approval-rate--通过率")[0].startswith(
        "glossary.md#"
    )
    assert pages.led(page, "README.md#the-monthly-panel")[0] == "own_data.md#the-monthly-panel"


def test_code_is_no_link():
    text = "```\n[a](b.md)\n```\n[c](d.md)\n![e](f.png)\n"
    assert list(pages.links(text)) == ["d.md", "f.png"]


def test_a_part_of_a_file_is_a_page_of_its_own():
    own, settings = (page for page in PAGES if page.path == "data/README.md")
    assert pages.text_of(own).startswith("# Bring your own data\n")
    assert "\n## The monthly panel\n" in pages.text_of(own)
    assert "Bring your own data" not in pages.text_of(settings)


def test_what_was_built_is_searched_for_what_it_loads_and_leads_to(tmp_path):
    (tmp_path / "a.html").write_text(
        '<link rel="stylesheet" href="x.css"><script src="https://cdn.example/a.js"></script>'
        '<img src="data:,"><a href="https://example.org">out</a><a href="b.html#here">b</a>'
        '<a href="c.html">c</a><a href="#top">top</a><p id="top">'
    )
    (tmp_path / "b.html").write_text('<p id="there">')
    (tmp_path / "x.css").write_text("@import 'https://fonts.example/css'; p {background: url(y)}")
    assert pages.faults(tmp_path) == [
        "a.html leads to b.html#here, and there is no such place",
        "a.html leads to c.html, which is not there",
        "a.html loads https://cdn.example/a.js",
        "x.css loads https://fonts.example/css",
    ]


# -- the library -----------------------------------------------------------------------------------


def test_every_room_has_its_page_with_its_question_and_every_name():
    for room in room_pages.rooms():
        face = importlib.import_module(f"riskkit.{room.name}")
        if room.name == "cli":
            continue
        page = room_pages.room_page(room)
        assert f"**{room.question}**" in page
        listed = re.findall(r"^   \* - :py:obj:`(\w+) <riskkit\.\w+\.\w+>`\n     - .", page, re.M)
        assert listed == list(face.__all__)


def test_a_signature_is_shown_without_what_checks_its_types():
    text = (
        "(a: dict[Annotated[str, Check(f=[1, 2], g=())], 'x'] = <factory>, b: Annotated[int, Ge])"
    )
    assert room_pages.plain_signature(text) == "(a: dict[str, 'x'] = ..., b: int)"


def test_every_command_and_option_is_on_the_page_of_the_command_line():
    page = room_pages.commands_page(room_pages.rooms()[-1])
    for name, command in room_pages.commands().items():
        assert f"\n## riskkit {name}\n" in page
        assert all(f"| `{typed}" in page for typed in room_pages.options(command))


def docstrings() -> Iterator[tuple[str, str, ast.AST, str]]:
    """Module, name, node and docstring of all there is in the library."""
    for path in sorted(SOURCE.rglob("*.py")):
        room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        todo: list[ast.AST] = [room_pages.tree_of(path)]
        while todo:
            node = todo.pop()
            todo += [
                n
                for n in getattr(node, "body", [])
                if isinstance(n, ast.ClassDef | ast.FunctionDef)
            ]
            if text := ast.get_docstring(node):
                where = f"{path.relative_to(SOURCE)}: {getattr(node, 'name', 'on top')}"
                yield f"riskkit.{room}", where, node, text


@pytest.fixture(scope="module")
def all_docstrings():
    found = list(docstrings())
    assert len(found) > 2000
    return found


def faults_of_docstring(module: str, node: ast.AST, text: str) -> list[str]:
    """What a builder of the documentation would stumble over, or misread."""
    wrong = []
    for title, line in re.findall(r"^(\w[\w ]*)\n(-{3,})$", text, re.M):
        if title not in SECTIONS:
            wrong.append(f"no section is called {title!r}")
        if len(title) != len(line):
            wrong.append(f"the line under {title} is not as long as it")
    entries = re.search(r"^Parameters\n-+\n(.*?)(?=^\w[\w ]*\n-{3,}$|\Z)", text, re.M | re.S)
    if entries:
        lines = [line for line in entries[1].splitlines() if line and not line[0].isspace()]
        wrong += [
            f"no entry of Parameters: {line!r}"
            for line in lines
            if not re.fullmatch(r"\*{0,2}\w+(, \*{0,2}\w+)*( : \S.*)?", line)
        ]
        if isinstance(node, ast.FunctionDef):
            told = {name.strip(" *") for line in lines for name in line.split(" : ")[0].split(",")}
            there = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            there += [arg for arg in (node.args.vararg, node.args.kwarg) if arg]
            names = {arg.arg for arg in there} - {"self", "cls"}
            wrong += [f"no parameter {name!r}" for name in sorted(told - names)]
            if node.name in importlib.import_module(module).__all__:
                wrong += [f"nothing on {name!r}" for name in sorted(names - told)]
    if text.count("``") % 2 or text.replace("``", "").count("`") % 2:
        wrong.append("a backtick without its like")
    for target in re.findall(r":(?:func|class|meth|attr|data|exc|obj):`~?\.?([\w.]+)`", text):
        # a method may be inherited from another room's class
        if not room_pages.leads_somewhere(target, module) and target not in INHERITED:
            wrong.append(f"a reference to {target}, which is not there")
    return wrong


def test_docstrings_are_well_formed_and_refer_to_what_there_is(all_docstrings):
    wrong = [
        f"{where}: {fault}"
        for module, where, node, text in all_docstrings
        for fault in faults_of_docstring(module, node, text)
    ]
    assert wrong == []


def test_a_broken_docstring_is_found():
    node = ast.parse("def chance_iv(rows, weight): ...").body[0]
    text = "Rows of `x.\n\nParameters\n---------\nthe rows\n    Of :func:`nowhere`.\nsize : int\n"
    text += "\nSee\n---\n"
    assert faults_of_docstring("riskkit.binning", node, text) == [
        "the line under Parameters is not as long as it",
        "no section is called 'See'",
        "no entry of Parameters: 'the rows'",
        "no parameter 'size'",
        "no parameter 'the rows'",
        "nothing on 'rows'",
        "nothing on 'weight'",
        "a backtick without its like",
        "a reference to nowhere, which is not there",
    ]


# -- commands and code -----------------------------------------------------------------------------


def code_of(text: str) -> str:
    """What a page shows as code: fenced, indented and inline."""
    fences = [fence.group() for fence in pages.FENCE.finditer(text)]
    fenced = [fence for fence in fences if not fence.startswith("```python")]
    rest = pages.FENCE.sub("", text)
    inline = re.findall(r"`([^`]+)`", rest)
    indented = re.findall(r"^    (?=\S)(.*(?:\n     +\S.*)*)", rest, re.M)
    return "\n".join([*fenced, *inline, *indented]).replace("\\\n", " ")


def commands_of(text: str) -> list[list[str]]:
    """Calls of riskkit in a page's code, each as its words."""
    calls = re.findall(r"(?:^|[\s/])riskkit +([a-z]\w*\b[^\n;&|]*)", code_of(text), re.M)
    return [shlex.split(re.sub(r">>.*|[<>()]", " ", call), comments=True) for call in calls]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_of_a_page_is_one_with_these_options_and_parameters(page):
    commands = room_pages.commands()
    parameters = {name for notebook in find_notebooks(PROJECT) for name in notebook.parameters}
    for name, *words in commands_of(pages.text_of(page)):
        assert name in commands, f"riskkit {name}"
        options = room_pages.options(commands[name])
        for before, word in zip([name, *words], words, strict=False):
            if word.startswith("-") and word != "-":
                assert word.split("=")[0] in options, f"riskkit {name} {word}"
            if before == "-p":
                assert word.split("=")[0] in parameters, f"riskkit {name} -p {word}"
    made = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.M))
    targets = re.findall(r"(?:^|\s)make ([a-z]+)\b", code_of(pages.text_of(page)), re.M)
    assert set(targets) <= made


def test_commands_are_found_in_every_kind_of_code():
    text = (
        "`riskkit run --jobs 2`\n\n    .venv/bin/riskkit score --model a \\\n        --input b\n\n"
    )
    text += (
        "```sh\ncd x && .venv/bin/riskkit run --keep 14 >>log 2>&1; code=$?\n```\nriskkit does\n"
    )
    assert commands_of(text) == [
        ["run", "--keep", "14"],
        ["run", "--jobs", "2"],
        ["score", "--model", "a", "--input", "b"],
    ]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_of_a_page_compiles_and_imports_what_there_is(page):
    for block in re.findall(r"^```python\n(.*?)^```$", pages.text_of(page), re.M | re.S):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("riskkit"):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")


def figures_of_tutorial(source: str) -> dict[str, str]:
    text = (PROJECT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    table = text.split(f"\n| key figure | {source} |\n")[1].split("\n\n")[0]
    return dict(re.findall(r"^\| (.+?) \| (.+) \|$", table, re.M))


@pytest.mark.parametrize(
    ("source", "run"),
    [("German Credit", "german_credit_run"), ("Lending Club", "lending_club_run")],
)
def test_key_figures_of_the_tutorial_are_those_of_a_run(source, run, request):
    told = figures_of_tutorial(source)
    assert len(told) > 8
    folder = request.getfixturevalue(run).run_dir
    figures = {}
    for path in folder.glob("*/key_figures.json"):
        for name, figure in json.loads(path.read_text(encoding="utf-8")).items():
            figures[name] = figure["text"] if isinstance(figure, dict) else figure
    assert told == {name: figures.get(name) for name in told}
