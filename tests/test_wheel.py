"""The wheel alone, outside any checkout, on the packages that are here: laid, run, scored.

``make wheel`` goes the whole way in environments of their own (:mod:`from_wheel`).
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import from_wheel
import pytest

import riskkit

# the stages up to a card, on few applicants, in one process
RUN = """
from riskkit import pipeline
few = {"n_applicants": 1500, "n_permutations": 19}
print(pipeline.run([1, 2, 3], few, profile="quick", run="short").index)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return from_wheel.built_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_library_project_and_licence(wheel: Path) -> None:
    assert wheel.name == f"riskkit-{riskkit.__version__}-py3-none-any.whl"
    names = set(zipfile.ZipFile(wheel).namelist())
    own = from_wheel.CHECKOUT / "src"
    files = {p.relative_to(own).as_posix() for p in (own / "riskkit").rglob("*") if p.is_file()}
    library = {name for name in files if not name.endswith(".pyc")}
    carried = {name for name in names if name.startswith("riskkit/project/")}
    assert names - carried == library | {
        f"riskkit-{riskkit.__version__}.dist-info/{name}"
        for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    assert len([name for name in carried if name.endswith(".ipynb")]) == 9


def test_from_the_wheel_alone_a_lender_is_laid_run_scored_and_compared(
    wheel: Path, tmp_path: Path
) -> None:
    python = from_wheel.on_packages_here(wheel, tmp_path / "environment")
    project = from_wheel.begin(python, tmp_path)
    from_wheel.own_data(python, project)
    page = from_wheel.called([python, "-c", RUN], project).stdout.strip()
    assert Path(page).is_file()
    assert from_wheel.score(python, project, "short") == 1_500
    runs = ["data/runs/short", "data/runs/short"]
    compare = [python, "-m", "riskkit", "compare", *runs, "--output", "same.html"]
    from_wheel.called(compare, project)
    assert "<html" in (project / "same.html").read_text(encoding="utf-8")
