"""Which stage needs which, what is selected and outdated by that, and in which order it runs."""

import itertools
import threading
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook

from riskkit.pipeline import BadInput
from riskkit.pipeline.lab_layers import not_outdated
from riskkit.pipeline.manifest import inputs_of, stage_state, write_manifest
from riskkit.pipeline.notebooks import find_notebooks
from riskkit.pipeline.plan import make_plan
from riskkit.pipeline.side_by_side import jobs_or_default, run_side_by_side, threads_of
from riskkit.pipeline.stage_graph import (
    critical_path,
    critical_path_text,
    depend_on,
    needed_by,
    needs_of,
    not_declared,
    skipped_between,
)
from riskkit.pipeline.what_is_read import ANYTHING

PROJECT = Path(__file__).parents[1]
# 01 before all, 02 and 03 beside each other, 04 after both, 05 after 01 alone
DIAMOND = {
    "01_a": {},
    "02_b": {"01_a": ["t.parquet"]},
    "03_c": {"01_a": ["t.parquet"]},
    "04_d": {"02_b": ["u.parquet"], "03_c": ["v.parquet"]},
    "05_e": {"01_a": ["t.parquet"]},
}


def write_project(folder, **cells):
    """A notebook a name, of (leaves, code); for the graph, not to be run."""
    (folder / "notebooks").mkdir()
    for name, (leaves, source) in cells.items():
        told = {"riskkit": {"leaves": leaves}}
        notebook = new_notebook(cells=[new_code_cell(source)], metadata=told)
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")
    return folder


@pytest.fixture
def diamond(tmp_path):
    return write_project(
        tmp_path,
        **{
            "01_a": (["t"], "1"),
            "02_b": (["u"], 'stage.table("t")'),
            "03_c": (["v"], 'stage.table("t")'),
            "04_d": ([], 'stage.table("u"), stage.table("v")'),
            "05_e": ([], 'stage.table("t")'),
        },
    )


# -- the graph -------------------------------------------------------------------------------------


def test_the_graph_follows_from_what_notebooks_leave_and_read(diamond):
    assert needs_of(find_notebooks(diamond)) == DIAMOND


def test_of_two_that_leave_a_file_both_are_needed_and_none_that_comes_later(tmp_path):
    project = write_project(
        tmp_path,
        **{
            "01_a": (["t"], "1"),
            "02_b": (["t", "m.json"], "1"),
            "03_c": ([], 'stage.has("t.x")'),
            "04_d": (["t"], "stage.table(name)"),
        },
    )
    needs = needs_of(find_notebooks(project))
    assert needs["03_c"] == {"01_a": ["t.parquet"], "02_b": ["t.parquet"]}
    assert needs["04_d"] == {"01_a": [ANYTHING], "02_b": [ANYTHING], "03_c": [ANYTHING]}


def test_of_the_suites_own_notebooks_the_code_tells_what_each_reads():
    notebooks = find_notebooks(PROJECT)
    needs = needs_of(notebooks)
    assert [n.name for n in notebooks if ANYTHING in n.reads] == []
    assert needs["02_woe_binning"].keys() == {"01_borrowers"}
    assert "05_vintages" not in needs["06_validation"]
    assert needs["07_offers"]["05_vintages"] == ["recent.parquet"]


def test_what_a_later_stage_reads_must_be_declared(diamond):
    first, *later = find_notebooks(diamond)
    told = not_declared(first, ["t.parquet", "u.parquet", "x.parquet"], later)
    assert told.startswith("01_a leaves 'u.parquet', which 04_d reads: name it in the notebook's")
    assert not_declared(first, ["t.parquet", "x.parquet"], later) == ""


def test_what_needs_what_through_others():
    assert needed_by(DIAMOND, ["04_d"]) == {"01_a", "02_b", "03_c"}
    assert depend_on(DIAMOND, ["02_b"]) == {"04_d"}
    assert depend_on(DIAMOND, ["01_a"]) == {"02_b", "03_c", "04_d", "05_e"}
    assert skipped_between(DIAMOND, {"01_a", "04_d"}) == ["02_b", "03_c"]
    assert skipped_between(DIAMOND, {"02_b", "05_e"}) == []


def test_selected_is_what_depends_on_a_stage_and_nothing_between_is_left_out(diamond):
    def selected(stages=None, only=None, start=None):
        plan = make_plan(stages, {}, "quick", None, None, None, diamond, only, start)
        return [notebook.name for notebook in plan.selected]

    assert selected(start="02") == ["02_b", "04_d"]
    assert selected(start=1) == [*DIAMOND]
    assert selected(only="05") == ["05_e"]
    assert selected(stages=["02", "05"]) == ["02_b", "05_e"]
    with pytest.raises(BadInput, match="neighbours; 02_b, 03_c would be out of date"):
        selected(stages=["01", "04"])


@settings(max_examples=40)
@given(st.data())
def test_the_critical_path_is_the_longest_of_all_chains(data):
    names = [f"0{i}_x" for i in range(1, 6)]
    needs = {
        name: {one: ["t"] for one in data.draw(st.sets(st.sampled_from(names[:i] or names[:1])))}
        for i, name in enumerate(names)
    }
    needs[names[0]] = {}
    seconds = {name: data.draw(st.integers(1, 9)) for name in names}
    chains = [
        chain
        for n in range(1, 6)
        for chain in itertools.combinations(names, n)
        if all(a in needs[b] for a, b in itertools.pairwise(chain))
    ]
    longest = max(sum(seconds[name] for name in chain) for chain in chains)
    path = critical_path(needs, seconds)
    assert path["seconds"] == longest == sum(seconds[name] for name in path["stages"])
    assert path["bound"] == pytest.approx(longest / sum(seconds.values()), abs=1e-4)


def test_the_critical_path_of_nothing_and_of_stages_that_ran():
    empty = critical_path(DIAMOND, {})
    assert (empty["stages"], empty["bound"], critical_path_text(empty, 1)) == ([], 1.0, "")
    # 02 was up to date: 04 waits for 03 all the same
    path = critical_path(DIAMOND, {"01_a": 2.0, "03_c": 3.0, "04_d": 1.0, "05_e": 2.0})
    assert path["stages"] == ["01_a", "03_c", "04_d"]
    assert (path["seconds"], path["all_stages"], path["bound"]) == (6.0, 8.0, 0.75)
    assert "01_a → 03_c → 04_d, 6.0 s of 8.0 s" in critical_path_text(path, 2)
    assert critical_path(DIAMOND, {"01_a": 2.0, "04_d": 1.0})["stages"] == ["01_a", "04_d"]


# -- what is up to date ----------------------------------------------------------------------------


def manifest_of(**outputs):
    stages = {}
    for name, left in outputs.items():
        stages[name] = {"status": "done", "needs": DIAMOND[name], "outputs": left}
        stages[name]["inputs"] = inputs_of({"stages": stages}, name, DIAMOND[name])
    return {"stages": stages}


def test_a_change_outdates_what_reads_it_and_no_other():
    manifest = manifest_of(
        **{
            "01_a": {"t.parquet": "1", "other.parquet": "1"},
            "02_b": {"u.parquet": "1"},
            "03_c": {"v.parquet": "1"},
            "04_d": {},
            "05_e": {},
        }
    )
    stages = manifest["stages"]

    def stale():
        return [name for name in stages if stage_state(manifest, name) == "stale"]

    assert stale() == []
    assert stages["04_d"]["inputs"] == {"02_b/u.parquet": "1", "03_c/v.parquet": "1"}
    stages["01_a"]["outputs"] = {"t.parquet": "1", "other.parquet": "2"}  # nobody reads it
    assert stale() == []
    stages["02_b"]["outputs"] = {"u.parquet": "2"}
    assert stale() == ["04_d"]
    stages["02_b"]["outputs"] = {}  # that it is gone is a change, too
    assert stale() == ["04_d"]
    stages["02_b"] = {**stages["02_b"], "status": "failed"}
    assert stale() == ["04_d"]
    # through 03, whose own files are as they were
    stages["01_a"]["outputs"] = {"t.parquet": "2"}
    assert stale() == ["03_c", "04_d", "05_e"]


def test_redone_in_the_lab_a_stage_outdates_what_needs_it(tmp_path):
    for name in DIAMOND:
        (tmp_path / name).mkdir()
    write_manifest(tmp_path, manifest_of(**{name: {} for name in DIAMOND}))

    def left(before, *redone):
        return [folder.name for folder in not_outdated(tmp_path, before, redone)]

    assert left("05_e", "02_b") == ["03_c", "01_a"]
    assert left("05_e") == ["04_d", "03_c", "02_b", "01_a"]
    # a run of before there was a graph
    old = manifest_of(**{name: {} for name in DIAMOND})
    for name, record in old["stages"].items():
        record["inputs"] = inputs_of(old, name)
        del record["needs"]
    write_manifest(tmp_path, old)
    assert left("05_e", "02_b") == ["01_a"]


# -- side by side ----------------------------------------------------------------------------------


class Told:
    """Stages that do nothing but tell when they began and ended."""

    def __init__(self, bad=(), current=(), work=lambda name: None):
        self.bad, self.current, self.work = bad, current, work
        self.events, self.soon, self.stopped = [], [], 0

    def begin(self, name):
        self.events.append(f"+{name[:2]}")
        return None if name in self.current else lambda: self.work(name)

    def end(self, name, _):
        self.events.append(f"-{name[:2]}")
        return name not in self.bad

    def stop(self):
        self.stopped += 1

    def run(self, jobs=2):
        calls = {"begin": self.begin, "end": self.end, "stop": self.stop}
        return run_side_by_side([*DIAMOND], DIAMOND, jobs, likely=self.soon.append, **calls)


def test_one_at_a_time_is_in_order_and_tells_what_is_likely_next():
    told = Told()
    assert told.run(jobs=1) == dict.fromkeys(DIAMOND, True)
    assert " ".join(told.events) == "+01 -01 +02 -02 +03 -03 +04 -04 +05 -05"
    assert told.soon == [["02_b"], ["03_c"], ["04_d"], ["05_e"], []]


def test_stages_that_do_not_need_each_other_run_at_the_same_time():
    both = threading.Barrier(2, timeout=30)
    told = Told(work=lambda name: both.wait() if name in ("02_b", "03_c") else None)
    assert all(told.run().values())
    assert told.events[:4] == ["+01", "-01", "+02", "+03"]


def test_what_is_up_to_date_does_no_work_and_frees_what_waits_for_it():
    told = Told(current=("01_a", "02_b"))
    assert told.run() == dict.fromkeys(DIAMOND, True)
    assert told.events[:3] == ["+01", "+02", "+03"]


def test_where_one_fails_all_run_that_do_not_need_it():
    for jobs in (1, 2, 4):
        told = Told(bad=("02_b",))
        assert told.run(jobs) == {"01_a": True, "02_b": False, "03_c": True, "05_e": True}


def test_a_refusal_begins_nothing_more_and_lets_what_is_at_work_end():
    both, refused = threading.Barrier(2, timeout=30), threading.Event()

    def work(name):
        if name in ("02_b", "03_c"):
            both.wait()
        if name == "03_c":
            refused.wait(30)

    told = Told(work=work)
    end = told.end

    def refuse(name, result):
        end(name, result)
        if name == "02_b":
            refused.set()
            raise BadInput("no")
        return True

    told.end = refuse
    with pytest.raises(BadInput, match=r"^no$"):
        told.run()
    assert told.events == ["+01", "-01", "+02", "+03", "-02", "-03"]
    assert told.stopped == 0


def test_a_fault_of_ours_and_a_signal_stop_what_is_at_work():
    for error in (OSError, KeyboardInterrupt):
        release = threading.Event()
        told = Told(work=lambda name, r=release: r.wait(30) if name == "03_c" else None)
        end = told.end

        def broken(name, result, error=error, end=end):
            if name == "02_b":
                raise error
            return end(name, result)

        told.end = broken
        told.stop = release.set
        with pytest.raises(error):
            told.run()
        assert release.is_set()


def test_how_many_run_and_in_how_many_threads():
    assert [jobs_or_default(None, cores) for cores in (1, 2, 64)] == [1, 2, 4]
    assert jobs_or_default(9, 2) == 9
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(ValueError, match="jobs must be a whole number >= 1"):
            jobs_or_default(wrong, 2)
    # 01 has nothing beside it; 05 may run beside three
    threads = threads_of(DIAMOND, [*DIAMOND], jobs=3, cores=12)
    assert threads == {"01_a": 12, "02_b": 4, "03_c": 4, "04_d": 6, "05_e": 4}
    assert set(threads_of(DIAMOND, [*DIAMOND], jobs=4, cores=2).values()) == {1, 2}
    assert threads_of(DIAMOND, ["02_b"], jobs=4, cores=2) == {"02_b": 2}
