"""What several test files share."""

import fcntl
import os
import pickle
import shutil
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
import nightly_cron
import numpy as np
import pandas as pd
import postgres as postgres_server
import pytest
import real_parts
import studies
import yaml
from hypothesis import settings
from own_data import OWN_CSV, OWN_MAPPING
from synthetic_tables import LENDER, SEED

from riskkit import pipeline, schema, synthetic

mpl.use("Agg")
# so that the kernels of a session compile the library once
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# no test asserts how long anything takes
settings.register_profile("riskkit", deadline=None)
settings.load_profile("riskkit")

PROJECT = Path(__file__).parents[1]
# files of minutes: the two workers of `make test` begin with them, lest one be left with the last
SLOWEST = (
    "test_suite", "test_synthetic_world", "test_pipeline", "test_faults", "test_scoring",
    "test_model_card", "test_wheel",
)  # fmt: skip
# what cron does takes its minute beside all others
LAST = ("test_schedule",)


def pytest_collection_modifyitems(items):
    place = {name: number for number, name in enumerate(SLOWEST)}
    place |= {name: len(SLOWEST) + 1 for name in LAST}
    items.sort(key=lambda item: place.get(item.path.stem, len(SLOWEST)))


def pytest_terminal_summary(terminalreporter):
    """Say which studies have measured other modules than these."""
    reports = [report for some in terminalreporter.stats.values() for report in some]
    if told := studies.stale(reports):
        terminalreporter.section("stale studies")
        for text in told:
            terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real public data, beside the project's own."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder of real public data, ../shared/data, is absent")
    return folder


@pytest.fixture(scope="session")
def lending_club_mapping():
    """Path of the project's own mapping of Lending Club."""
    return PROJECT / "data" / "sources" / "lending_club.yaml"


@pytest.fixture(scope="session")
def lending_club(shared_data, lending_club_mapping):
    """The mapped Lending Club source; tests must not change its tables."""
    return schema.load_source(lending_club_mapping, root=shared_data / "lending_club")


@pytest.fixture(scope="session")
def german_credit(shared_data):
    """The mapped German Credit source; tests must not change its tables."""
    return schema.load_source(
        PROJECT / "data" / "sources" / "german_credit.yaml", root=shared_data / "german_credit"
    )


@pytest.fixture(scope="session")
def taiwan_default(shared_data):
    """The mapped Taiwan source; tests must not change its tables."""
    return schema.load_source(
        PROJECT / "data" / "sources" / "taiwan_default.yaml", root=shared_data / "taiwan_default"
    )


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory):
    """One folder for all workers of a session."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session", autouse=True)
def _cron(request, session_folder):
    """Start cron's minute when the session starts, where a test will ask for it."""
    if any(item.path.stem == "test_schedule" for item in request.session.items):
        nightly_cron.begin(session_folder)


@pytest.fixture(scope="session")
def project(session_folder):
    """A project with the real notebooks, in which each source is run once a session."""
    folder = session_folder / "project"
    folder.mkdir(exist_ok=True)
    for name in ("notebooks", "docs"):
        with suppress(FileExistsError):
            (folder / name).symlink_to(PROJECT / name)
    (folder / "data").mkdir(exist_ok=True)
    with suppress(FileExistsError):
        (folder / "data" / "limits.yaml").symlink_to(PROJECT / "data" / "limits.yaml")
    return folder


def run_once(project, name, **settings):
    """The run by the first worker that asks for it; the others wait."""
    kept = project / f"{name}.pickle"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            run = pipeline.run(project=project, progress=False, **settings)
            kept.write_bytes(pickle.dumps(run))
    return pickle.loads(kept.read_bytes())


@pytest.fixture(scope="session")
def synthetic_run(project):
    """The notebooks on 5,000 applicants of the synthetic lender; its files must not change."""
    return run_once(project, "synthetic", profile="quick")


@pytest.fixture(scope="session")
def lending_club_run(project, shared_data, lending_club_mapping):
    """The notebooks on all of Lending Club; its files must not change."""
    root = shared_data / "lending_club"
    return run_once(project, "lending_club", source=lending_club_mapping, root=root)


@pytest.fixture(scope="session")
def german_credit_run(project, shared_data):
    """The notebooks on German Credit; its files must not change."""
    source = PROJECT / "data" / "sources" / "german_credit.yaml"
    root = shared_data / "german_credit"
    return run_once(project, "german_credit", profile="quick", source=source, root=root)


@pytest.fixture
def own_source(tmp_path):
    """Write a user's mapping and its file, and return the mapping's path; a test changes either."""

    def write(mapping=OWN_MAPPING, csv=OWN_CSV, text=None):
        (tmp_path / "loans.csv").write_text(csv)
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(mapping) if text is None else text)
        return path

    return write


@pytest.fixture(scope="session")
def portfolio():
    """A book of the synthetic lender; tests must not change its tables."""
    return synthetic.simulate(LENDER, 12_000, SEED)


@pytest.fixture(scope="session")
def postgres():
    """SQLAlchemy URL of an empty PostgreSQL of the tests' own; CI must have one."""
    programs = postgres_server.binaries()
    if programs is None or find_spec("psycopg") is None:
        reason = "no PostgreSQL here (initdb); on Debian or Ubuntu: apt-get install postgresql"
        if programs is not None:
            reason = "the sql extra is not installed"
        real_parts.absent(reason)
    with postgres_server.server(programs) as url:
        yield url


@pytest.fixture(scope="module")
def chromium():
    """A real browser; CI must have one."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        real_parts.absent("no Chromium here; on Debian or Ubuntu: apt-get install chromium")
    # root has no sandbox of its own
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def applications():
    """Four applications that hold to the contract, two of them booked."""
    return pd.DataFrame(
        {
            "application_id": ["a", "b", "c", "d"],
            "customer_id": ["x", "x", "y", "z"],
            "applied_at": pd.to_datetime(["2024-01-03", "2024-01-20", "2024-02-01", "2024-02-02"]),
            "amount": [100_000, 200_000, 50_000, 70_000],
            "term_months": [6, 12, 12, 3],
            "approved": [True, True, True, False],
            "booked": [True, True, False, False],
            "default_flag": [0.0, 1.0, np.nan, np.nan],
        }
    )
