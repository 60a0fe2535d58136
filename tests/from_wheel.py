"""The suite from its wheel alone: built, installed in clean environments, taken through a lender.

``make wheel`` does it with every Python that is found, each with the packages of the registry, and
prints what they weigh; :mod:`test_wheel` does a part of it on the packages that are here.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
EXTRAS = ("", "lab", "all")
# what is no part of what was installed
_OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "RISKKIT_DATA")


def called(command: list[object], cwd: Path, *codes: int) -> subprocess.CompletedProcess[str]:
    """A command that must end with 0, or one of these, in an environment without a checkout."""
    environment = {name: value for name, value in os.environ.items() if name not in _OWN}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (codes or (0,)):
        told = f"{done.stdout}\n{done.stderr}"[-4_000:]
        raise AssertionError(f"{command} ended with {done.returncode}:\n{told}")
    return done


def built_wheel(folder: Path) -> Path:
    """The wheel, built from the checkout with the build backend that is installed here."""
    called([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], CHECKOUT)
    (wheel,) = folder.glob("riskkit-*.whl")
    return wheel


def on_packages_here(wheel: Path, folder: Path) -> Path:
    """Python of an environment with the wheel, and for all else the packages of this one."""
    called([sys.executable, "-m", "venv", "--without-pip", folder], CHECKOUT)
    python = folder / "bin" / "python"
    target = Path(called([python, "-c", "import site; print(site.getsitepackages()[0])"],
                         folder).stdout.strip())  # fmt: skip
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps"]
    called([*pip, "--no-index", "--disable-pip-version-check", wheel], folder)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    # a path that is named so is searched last, and its own .pth files are not read
    (target / "packages_here.pth").write_text(here)
    # nbconvert looks for its templates there
    (folder / "share").mkdir(exist_ok=True)
    (folder / "share" / "jupyter").symlink_to(Path(sys.prefix) / "share" / "jupyter")
    return python


def write_loans(path: Path, n_loans: int = 1_200) -> None:
    """Loans of a lender of nobody's, as a file would hold them; more income, fewer bads."""
    draws = random.Random(7)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["loan_no", "applied", "amount", "term", "income", "debts", "status"])
        for number in range(n_loans):
            income, debts = draws.randint(2_000, 20_000), draws.randint(0, 9)
            bad = draws.random() < 0.08 + 0.03 * debts - income / 100_000
            day = f"{2022 + number % 2}-{1 + number % 12:02d}-{1 + number % 28:02d}"
            out.writerow(
                [f"L{number}", day, 100 * draws.randint(10, 100), draws.choice([6, 12]), income,
                 debts, "bad" if bad else "good"]
            )  # fmt: skip


def begin(python: Path, folder: Path) -> Path:
    """A project that the installed suite has laid outside any checkout; what it says on the way."""
    riskkit = [python, "-m", "riskkit"]
    where = "import riskkit; print(riskkit.__file__)"
    home = Path(called([python, "-c", where], folder).stdout.strip())
    assert not home.is_relative_to(CHECKOUT)
    assert "riskkit init" in called([*riskkit, "run"], folder, 2).stderr
    called([python.with_name("riskkit"), "--version"], folder)
    called([*riskkit, "init", "a lender 贷款"], folder)
    project = folder / "a lender 贷款"
    template = ["--source", "data/sources/my_lender.yaml"]
    assert "still to be filled in" in called([*riskkit, "validate", *template], project, 2).stderr
    assert "25 of 25 files" in called([*riskkit, "init", "--update"], project).stdout
    return project


def own_data(python: Path, project: Path) -> None:
    """Draft a mapping of a file of loans, and validate it."""
    riskkit = [python, "-m", "riskkit"]
    write_loans(project / "data" / "raw" / "loans.csv")
    drafted = project / "data" / "sources" / "loans.yaml"
    file = ["--input", "data/raw/loans.csv", "--label", "status", "--output", drafted]
    called([*riskkit, "draft", *file], project)
    source = ["--source", drafted, "--root", "data/raw"]
    assert "1,200" in called([*riskkit, "validate", *source], project).stdout


def score(python: Path, project: Path, run: str) -> int:
    """How many of the run's own applications its card scores."""
    applications = project / "data" / "runs" / run / "01_borrowers" / "applications.parquet"
    files = ["--input", applications, "--output", "scores.csv"]
    command = [python, "-m", "riskkit", "score", "--model", f"data/runs/{run}", *files]
    said = called(command, project).stdout
    assert " 0 rejected" in said
    return int(said.split()[0].replace(",", ""))


def whole_way(python: Path, folder: Path) -> dict[str, float]:
    """Seconds of all that a lender does: runs, a score, a comparison, exports, own data."""
    project = begin(python, folder)
    riskkit = [python, "-m", "riskkit"]
    own_data(python, project)
    source = ["--source", "data/sources/loans.yaml", "--root", "data/raw"]
    runs = {
        "run, 5,000 applicants": ["--profile", "quick"],
        "run again, another cutoff": ["--profile", "quick", "-p", "target_approval_rate=0.4"],
        "run on 1,200 loans of one's own": source,
    }
    seconds = {}
    for what, options in runs.items():
        start = time.monotonic()
        # 3: a red light, of a lender that has them
        page = called([*riskkit, "run", *options], project, 0, 3).stdout.strip()
        seconds[what] = time.monotonic() - start
        assert (project / page).is_file()
    run = "data/runs/synthetic-quick"
    assert score(python, project, "synthetic-quick") == 5_000
    page = called([*riskkit, "compare", f"{run}.previous", run], project).stdout.strip()
    assert (project / page).is_file()
    called([*riskkit, "verify", run], project)
    called([*riskkit, "report", run, "--xlsx", "r.xlsx", "--docx", "r.docx"], project)
    return seconds


def interpreter(version: str) -> str | None:
    """A Python of that version, on the path or where pyenv and uv keep theirs."""
    homes = [
        Path.home() / ".pyenv" / "versions",
        Path.home() / ".local" / "share" / "uv" / "python",
    ]
    kept = [
        str(p) for home in homes for p in sorted(home.glob(f"*{version}.*/bin/python{version}"))
    ]
    for candidate in (shutil.which(f"python{version}"), sys.executable, *kept):
        asked = "import sys; print('%d.%d' % sys.version_info[:2])"
        if candidate is None:
            continue
        done = subprocess.run([candidate, "-c", asked], capture_output=True, text=True, check=False)
        if done.stdout.strip() == version:
            return candidate
    return None


def install(base: str, wheel: Path, extra: str, folder: Path) -> tuple[Path, float, float, int]:
    """Python of a new environment; seconds it took, MiB that were added, packages in it."""
    called([base, "-m", "venv", folder], folder.parent)
    python = folder / "bin" / "python"
    before, start = size_of(folder), time.monotonic()
    what = f"{wheel}[{extra}]" if extra else str(wheel)
    called([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", what], folder)
    seconds = time.monotonic() - start
    count = "import importlib.metadata as m; print(len({d.name for d in m.distributions()}))"
    n_packages = int(called([python, "-c", count], folder).stdout)
    return python, seconds, (size_of(folder) - before) / 2**20, n_packages


def size_of(folder: Path) -> int:
    return sum(p.lstat().st_blocks * 512 for p in folder.rglob("*") if not p.is_dir())


def main(versions: list[str]) -> None:
    """Print what each Python weighs with each extra, and how long a lender takes in the base."""
    with tempfile.TemporaryDirectory() as temporary:
        wheel = built_wheel(Path(temporary))
        print(f"{wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB")
        for version in versions:
            base = interpreter(version)
            if base is None:
                print(f"Python {version}: not found here")
                continue
            for extra in EXTRAS:
                environment = Path(temporary) / f"{version}-{extra or 'base'}"
                python, seconds, size, n = install(base, wheel, extra, environment)
                print(f"Python {version}, {extra or 'base'}: {n} packages, {size:.0f} MiB, "
                      f"{seconds:.0f} s", flush=True)  # fmt: skip
                if not extra:
                    folder = Path(temporary) / f"lender-{version}"
                    folder.mkdir()
                    for what, taken in whole_way(python, folder).items():
                        print(f"  {what}: {taken:.0f} s", flush=True)
                shutil.rmtree(environment)


if __name__ == "__main__":
    main(sys.argv[1:] or list(PYTHONS))
