"""What a notebook reads, told from its cells, and that it can see nothing else."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from riskkit.pipeline import BadInput, Stage, TableMissing, open_stage
from riskkit.pipeline.opening import SEES, UNDER_RUNNER
from riskkit.pipeline.what_is_read import (
    ANYTHING,
    Sees,
    files_named,
    imports_in,
    matches,
    reads_in,
)


def read(*cells, needs=()):
    return reads_in(tuple((cell, tuple(needs)) for cell in cells))


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (['stage.table("a")'], ["a"]),
        (['stage.table("a", "b").frame(["x"])'], ["a", "b"]),
        (['x = f(stage.path("m.json"))'], ["m.json"]),
        # columns are no tables, and which they are need not be told
        (['stage.rows("a", ["x"])', "stage.rows(name='b', columns=[n for n in wanted])"], "ab"),
        (['if stage.has("a") or stage.can_read("b.x"):\n    pass'], ["a", "b.x"]),
        (['mine = pipeline.open_stage("02_b", globals())', 'mine.table("a")'], ["a"]),
        (['names = ("a", "b")', "t = {n: stage.table(n) for n in names if stage.has(n)}"], "ab"),
        (['files = ["a.json"]', 'stage.hashes(*files, "b.json")'], ["a.json", "b.json"]),
        (
            ['models = ["s", "t"]', "[stage.path(f'{m}.json') for m in models]"],
            ["s.json", "t.json"],
        ),
        (["[stage.path(f'{m}.json') for m in frame.columns]"], ["*.json"]),
        (['one = "a" if rich else "b"', "stage.table(one)"], "ab"),
        (['names = ["a"]', 'names += ["b"]', "[stage.table(n) for n in names]"], "ab"),
        (['for n in ["a", "b"]:\n    stage.table(n)'], "ab"),
        (['more = "b"', 'stage.table("a" + more)'], ["a", "ab", "b"]),
        (["many = {'a': 1, 'b': 2}", "[stage.table(n) for n in many]"], "ab"),
        # another variable of that name elsewhere, in a comprehension of its own
        (["[n for n in frame]", 'n = "a"', "stage.table(n)"], ["a"]),
        (['stage.write("a", t)', 'stage.output("b")', 'other.table("c")'], []),
    ],
)
def test_names_in_the_code_are_found(cells, names):
    assert read(*cells) == tuple(names)


@pytest.mark.parametrize(
    "cell",
    [
        "stage.table(name)",
        "stage.table(names[0])",
        "stage.rows(names[0], ['x'])",
        "stage.table('a' + suffix)",
        "[stage.table(n) for n in frame]",
        "n = 'a'\nn = pick()\nstage.table(n)",
        "a = b\nb = a\nstage.table(a)",
        "stage.table(*pick())",
        "stage.run_dir / '01_a' / 't.parquet'",
        "stage.earlier()[0]",
        "%%time\nstage.table('a')",
    ],
)
def test_what_cannot_be_told_counts_as_everything(cell):
    assert read(cell) == (ANYTHING,)


def test_what_tags_say_a_cell_needs_is_read():
    assert read("1", needs=["a|b.x", "c.json"]) == ("a", "b.x", "c.json")


def test_a_name_stands_for_a_table_a_column_of_it_or_a_file():
    assert matches("applications.applied_at", "applications.parquet")
    assert matches("t.parquet", "t.parquet")
    assert not matches("t", "t.json")
    assert not matches("a.json", "xa.json")
    assert "t.parquet" in files_named("t")


@pytest.fixture
def run_dir(tmp_path):
    for stage, name in (("01_a", "t.txt"), ("02_b", "t.txt"), ("02_b", "u.txt")):
        (tmp_path / stage).mkdir(exist_ok=True)
        (tmp_path / stage / name).write_text(stage)
    return tmp_path


def test_a_stage_sees_what_it_needs_and_is_told_by_name_of_what_else_it_asks(run_dir):
    sees = Sees({"01_a": ["t.txt"]}, ["t.txt", "v.txt"])
    stage = Stage("03_c", run_dir / "03_c", run_dir, sees)
    # the nearer stage that it does not need is not there for it
    assert stage.path("t.txt").read_text() == "01_a"
    assert stage.can_read("t.txt")
    assert not stage.has("v.txt")
    with pytest.raises(TableMissing):
        stage.path("v.txt")
    for ask in (stage.path, stage.has, stage.can_read, stage.hashes):
        with pytest.raises(BadInput, match=r"03_c reads 'u.txt', which nothing in its notebook"):
            ask("u.txt")
    with pytest.raises(BadInput, match=r'stage.has\("applications"\)'):
        stage.table("applications")
    # as in JupyterLab
    assert Stage("03_c", run_dir / "03_c", run_dir).path("u.txt").read_text() == "02_b"


def test_the_runners_kernel_is_told_what_it_sees(run_dir, monkeypatch):
    sees = Sees({"01_a": ["t.txt"]}, ["t.txt"])
    monkeypatch.setenv(UNDER_RUNNER, "1")
    monkeypatch.setenv(SEES, sees.as_text())
    stage = open_stage("03_c", run_dir=run_dir, output_dir=run_dir / "03_c")
    assert stage.sees == sees
    assert [folder.name for folder in stage.earlier()] == ["01_a"]


def test_cells_are_read_in_threads_whatever_garbage_is_collected():
    def another_thread_goes_on(phase, _):
        time.sleep(1e-4)

    cell = f"import a\nx = {'(1 + ' * 40}1{')' * 40}"
    before = gc.get_threshold()
    gc.callbacks.append(another_thread_goes_on)
    gc.set_threshold(20)
    try:
        with ThreadPoolExecutor(2) as pool:
            found = [*pool.map(imports_in, [[cell]] * 20)]
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(another_thread_goes_on)
    assert found == [(("a", ()),)] * 20
