"""What several test files share."""

from pathlib import Path

import matplotlib as mpl
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
