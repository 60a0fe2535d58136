"""What several test files share."""

import os
from importlib.util import find_spec
from pathlib import Path

import matplotlib as mpl
import postgres as postgres_server
import pytest
import yaml
from own_data import OWN_CSV, OWN_MAPPING
from synthetic_tables import LENDER, SEED

from riskkit import schema, synthetic

mpl.use("Agg")

PROJECT = Path(__file__).parents[1]


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
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with postgres_server.server(programs) as url:
        yield url
