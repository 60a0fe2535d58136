"""The project holds together: its three lists of packages, the order of modules, the seams."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from riskkit.pipeline.notebooks import find_notebooks

PROJECT = Path(__file__).parents[1]
SOURCE = PROJECT / "src" / "riskkit"

# A module imports only modules above it.
ORDER = (
    "checks",
    "columns",
    "sql",
    "tables",
    "partitions",
    "loan_values",
    "target",
    "schema",
    "instalments",
    "synthetic",
    "metrics",
    "chance",
    "profile",
    "draft",
    "binning",
    "scorecard",
    "challenger",
    "scoring",
    "reject_inference",
    "evidence",
    "policy",
    "strategy",
    "frontier",
    "deployment",
    "replay",
    "customers",
    "credit_limits",
    "trials",
    "offers",
    "as_of",
    "vintage",
    "treatments",
    "first_payments",
    "segments",
    "hazards",
    "migration",
    "rating",
    "projection",
    "arrears",
    "provisions",
    "runoff",
    "risk_sharing",
    "funding",
    "monitoring",
    "refresh",
    "early_warning",
    "collection_actions",
    "lights",
    "plots",
    "documents",
    "widgets",
    "pipeline",
    "compare",
    "projects",
    "cli",
    "__main__",
)
# The one module that imports a heavy package, when it is first needed; two read files
# by pydantic, two read and write the markup of tables by lxml.
SEAMS = {
    "pydantic": ("schema", "tables"),
    "openpyxl": "tables",
    "sqlalchemy": "tables",
    "dask": "partitions",
    "distributed": "partitions",
    "pyxirr": "instalments",
    "optbinning": "binning",
    "glum": "scorecard",
    "lightgbm": "challenger",
    "matplotlib": "plots",
    "seaborn": "plots",
    "docx": "documents",
    "lxml": ("documents", "plots"),
    "IPython": "plots",
    "anywidget": "widgets",
    "ipywidgets": "widgets",
    "papermill": "pipeline",
    "nbclient": "pipeline",
    "nbconvert": "pipeline",
    "nbformat": "pipeline",
    "jupyter_client": "pipeline",
    "typer": "cli",
}
# Estimators inherit from scikit-learn's base classes, mappings from pydantic's; the command line is
# typer.
ON_TOP = {
    "sklearn": {"binning", "scorecard", "challenger"},
    "pydantic": {"schema"},
    "typer": {"cli"},
}


# -- packages --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pyproject() -> dict:
    return tomllib.loads((PROJECT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def lock() -> str:
    return (PROJECT / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def locked(lock: str) -> dict[str, list[tuple[Requirement, int]]]:
    """Name -> its pinned requirements (one for each range of Pythons), with their hash counts."""
    found: dict[str, list[tuple[Requirement, int]]] = {}
    for block in re.split(r"\n(?=\S)", lock):
        if block.startswith("#") or not block.strip():
            continue
        requirement = Requirement(block.split("\\")[0].split("\n")[0].strip())
        found.setdefault(canonical(requirement.name), []).append(
            (requirement, block.count("--hash=sha256:"))
        )
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_locked_at_a_version_it_allows(pyproject, locked) -> None:
    project = pyproject["project"]
    wanted = project["dependencies"] + [
        line for extra in project["optional-dependencies"].values() for line in extra
    ]
    for line in wanted:
        requirement = Requirement(line)
        if requirement.name == project["name"]:  # an extra within another
            assert requirement.extras <= set(project["optional-dependencies"])
            continue
        pins = locked.get(canonical(requirement.name), [])
        assert pins, f"{requirement.name} is not in the lock"
        for pin, _ in pins:
            (specifier,) = pin.specifier
            assert specifier.operator == "=="
            assert requirement.specifier.contains(specifier.version), f"{pin} breaks {line}"


def test_the_build_backend_is_locked_for_the_install_without_isolation(pyproject, locked) -> None:
    (backend,) = (Requirement(line) for line in pyproject["build-system"]["requires"])
    (pin, _), *_ = locked[canonical(backend.name)]
    assert backend.specifier.contains(next(iter(pin.specifier)).version)


def test_everything_locked_has_hashes_and_no_address(lock, locked) -> None:
    assert len(locked) > 100
    assert [str(pin) for pins in locked.values() for pin, hashes in pins if not hashes] == []
    assert not re.search(r"^--|://", lock, re.M)


def test_environment_yml_installs_the_lock_on_a_python_the_project_takes(pyproject) -> None:
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text())
    assert environment["name"] == "riskkit"
    *plain, pip = environment["dependencies"]
    assert pip == {"pip": ["-r requirements.lock"]}
    requirements = {r.name: r for r in map(Requirement, plain)}
    assert set(requirements) == {"python", "pip"}
    bounds = pyproject["project"]["requires-python"]
    python = Requirement(f"python{bounds}").specifier
    for minor in range(8, 20):
        version = Version(f"3.{minor}")
        assert requirements["python"].specifier.contains(version) == python.contains(version)


def test_the_makefile_refuses_the_pythons_the_project_does_not_take(pyproject) -> None:
    bounds = dict(re.findall(r"(>=|<)(3\.\d+)", pyproject["project"]["requires-python"]))
    makefile = (PROJECT / "Makefile").read_text()
    low, high = (tuple(int(n) for n in bounds[b].split(".")) for b in (">=", "<"))
    assert f"{low} <= sys.version_info[:2] < {high}" in makefile


def test_an_environment_that_is_a_link_is_never_set_up_anew(tmp_path) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    (tmp_path / ".venv").symlink_to(tmp_path / "elsewhere")
    command = ["make", "report", f"PYTHON={sys.executable}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert ".venv is a link" in done.stderr
    assert (tmp_path / "elsewhere" / "kept").exists()


def test_the_lab_opens_on_the_project_and_asks_nothing() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    assert "--ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks" in makefile
    assert "--LabApp.app_settings_dir=.jupyterlab" in makefile
    # settings of a plugin and values that the installed JupyterLab knows
    schemas = Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas"
    for name, values in json.loads(
        (PROJECT / ".jupyterlab" / "overrides.json").read_text()
    ).items():
        package, _, plugin = name.partition(":")
        known = json.loads((schemas / package / f"{plugin}.json").read_text())["properties"]
        assert set(values) <= set(known)
        for key, value in values.items():
            among = [one["const"] for one in known[key].get("oneOf", [])] or [True, False]
            assert value in among


# -- modules ---------------------------------------------------------------------------------------


def modules() -> dict[str, list[Path]]:
    """Module name -> its files; a folder is one module."""
    found: dict[str, list[Path]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        if name != "__init__":
            found.setdefault(name, []).append(path)
    return found


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """What a file imports, and whether importing the file does so."""
    tree = ast.parse(path.read_text())
    late = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        on_top = id(node) not in late
        if isinstance(node, ast.Import):
            yield from ((alias.name, on_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "riskkit":
                yield from ((f"riskkit.{alias.name}", on_top) for alias in node.names)
            else:
                yield node.module, on_top


def test_every_module_has_its_place_in_the_order() -> None:
    assert set(modules()) <= set(ORDER)


def test_a_module_imports_only_modules_above_it() -> None:
    wrong = [
        f"{path.relative_to(SOURCE)} imports {imported}"
        for name, paths in modules().items()
        for path in paths
        for imported, _ in imports(path)
        if imported.startswith("riskkit.")
        and ORDER.index(imported.split(".")[1]) > ORDER.index(name)
    ]
    assert wrong == []


def test_a_room_imports_another_by_its_face_alone() -> None:
    """Whatever lies behind a room's face can then be moved without asking its neighbours."""
    wrong = [
        f"{path.relative_to(SOURCE)} imports {imported}"
        for name, paths in modules().items()
        for path in paths
        for imported, _ in imports(path)
        if imported.startswith("riskkit.")
        and imported.count(".") > 1
        and imported.split(".")[1] != name
    ]
    assert wrong == []


def test_no_face_is_wider_than_thirty_names() -> None:
    faces = {name: importlib.import_module(f"riskkit.{name}") for name in modules()}
    wide = {name: len(face.__all__) for name, face in faces.items() if hasattr(face, "__all__")}
    assert {name: n for name, n in wide.items() if n > 30} == {}


def test_a_heavy_package_is_imported_by_its_own_module_alone_and_when_first_needed() -> None:
    wrong = []
    for name, paths in modules().items():
        for path in paths:
            for imported, on_top in imports(path):
                package = imported.split(".")[0]
                allowed = SEAMS.get(package, name)
                if name not in ((allowed,) if isinstance(allowed, str) else allowed):
                    wrong.append(f"{path.relative_to(SOURCE)} imports {imported}")
                heavy = package in SEAMS or package in ON_TOP
                if on_top and heavy and name not in ON_TOP.get(package, ()):
                    wrong.append(f"{path.relative_to(SOURCE)} imports {imported} on top")
    assert wrong == []


@pytest.mark.parametrize("module", ["vintage", "pipeline", "cli"])
def test_importing_a_module_does_not_pay_for_the_heavy_ones(module: str) -> None:
    heavy = (set(SEAMS) | {"sklearn"}) - ({"typer"} if module == "cli" else set())
    script = f"import sys, riskkit.{module}; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_notebooks_are_named_for_their_place() -> None:
    names = [path.name for path in (PROJECT / "notebooks").glob("*.ipynb")]
    assert all(re.fullmatch(r"\d\d_[a-z_]+\.ipynb", name) for name in names)
    assert len({name[:2] for name in names}) == len(names)


def test_every_parameter_of_a_notebook_says_what_it_is() -> None:
    # a line that is too long is folded by the formatter, and its comment is lost to the table
    silent = [
        (notebook.name, name)
        for notebook in find_notebooks(PROJECT)
        for name, parameter in notebook.parameters.items()
        if not parameter.help
    ]
    assert silent == []


def test_the_suite_brings_optbinning_that_the_library_does_without(pyproject) -> None:
    project = pyproject["project"]
    asked = {
        extra: [Requirement(line) for line in lines]
        for extra, lines in project["optional-dependencies"].items()
    }
    suite = {r.name: str(r.specifier) for r in asked["suite"]}
    assert suite == {"highspy": "<1.15", "optbinning": ">=0.21"}
    within = {
        extra: {one for r in asked[extra] if r.name == "riskkit" for one in r.extras}
        for extra in ("dev", "all")
    }
    assert within == {"dev": {"all"}, "all": {"dask", "lab", "sql", "suite"}}
    assert not set(suite) & {Requirement(line).name for line in project["dependencies"]}


def test_importing_optbinning_is_silent() -> None:
    """highspy 1.15 beside ortools 9.15 prints a loading error; the bound on highspy avoids it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import optbinning"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
