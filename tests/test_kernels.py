"""Kernels that wait for their notebook: what they import, and that nothing of them is left."""

import json
import os
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from riskkit.pipeline.kernels import Kernel, cores_here
from riskkit.pipeline.notebooks import find_notebooks
from riskkit.pipeline.opening import UNDER_RUNNER
from riskkit.pipeline.waiting_kernel import IMPORTS, import_early


@pytest.fixture
def notebook(tmp_path):
    (tmp_path / "notebooks").mkdir()
    cells = [new_code_cell("import json\nfrom a_package import part, nothing")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "01_a.ipynb")
    return find_notebooks(tmp_path)[0]


def test_what_cannot_be_imported_is_the_notebooks_to_say(notebook, tmp_path, monkeypatch):
    (tmp_path / "broken_when_imported.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a_package").mkdir()
    (tmp_path / "a_package" / "__init__.py").touch()
    (tmp_path / "a_package" / "part.py").touch()
    import_early([("broken_when_imported", ()), ("no_such_module", ("a",)), *notebook.imports])
    assert "a_package.part" in sys.modules
    assert "broken_when_imported" not in sys.modules


def test_a_kernel_gets_the_runners_environment_and_the_users_own(notebook, monkeypatch):
    told = {}

    class Process:
        def __init__(self, command, **settings):
            told.update(settings, command=command)

    monkeypatch.setattr("riskkit.pipeline.kernels.subprocess.Popen", Process)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("JPY_PARENT_PID", "1")  # as in a terminal of JupyterLab
    Kernel(notebook, 3)
    env = told["env"]
    assert told["command"][0] == sys.executable
    assert told["cwd"] == notebook.path.parent
    assert told["start_new_session"]
    assert (env["OMP_NUM_THREADS"], env["OPENBLAS_NUM_THREADS"]) == ("3", "1")
    assert (env["PYTHONHASHSEED"], env[UNDER_RUNNER]) == ("0", "1")
    assert env["JPY_PARENT_PID"] == str(os.getpid())
    assert json.loads(env[IMPORTS]) == [["json", []], ["a_package", ["part", "nothing"]]]
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    Kernel(notebook, 3)
    assert told["env"]["OMP_NUM_THREADS"] == "7"
    assert cores_here() >= 1


def test_a_kernel_whose_runner_is_gone_ends_by_itself_and_one_that_is_closed_at_once(notebook):
    left, closed = Kernel(notebook, 1), Kernel(notebook, 1)
    assert left.process.stdin is not None
    left.process.stdin.close()  # as when the runner is killed
    closed.kill()
    closed.process.wait()
    closed.become(["-f", "none"], {})  # too late, and no error
    closed.close()
    assert closed.exit_code == -9
    assert left.process.wait(timeout=60) == 0
