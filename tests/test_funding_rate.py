"""The cost of funds is one parameter of the run: who moves it moves price, cutoff and profit."""

from pathlib import Path

import numpy as np
import pytest
from notebook_cells import run_cells

from riskkit.pipeline.notebooks import find_notebooks
from riskkit.pipeline.opening import UNDER_RUNNER
from riskkit.pipeline.parameters import check_names

PROJECT = Path(__file__).parents[1]
NOTEBOOKS = {notebook.name: notebook for notebook in find_notebooks(PROJECT)}
FUNDED = ["04_cutoffs", "07_offers", "08_provisions_funding", "09_monitoring"]
LOW, HIGH = 0.06, 0.18
CUTOFFS = ("04-03", "policy-imports", "04-05", "deciding-rates", "04-06", "04-07")
PRICES = ("07-03", "07-setup", "07-05", "07-31", "07-32", "07-demand", "07-33")
COHORTS = ("08-03", "08-03b", "08-05", "08-30")


def test_every_notebook_that_reckons_with_it_has_the_same_parameter():
    declared = {name: notebook.parameters for name, notebook in NOTEBOOKS.items()}
    defaults = {
        name: parameters["funding_rate"].default
        for name, parameters in declared.items()
        if "funding_rate" in parameters
    }
    assert list(defaults) == FUNDED
    assert set(defaults.values()) == {0.06}
    given = check_names(declared, {"funding_rate": "0.075"})
    assert {name for name, values in given.items() if "funding_rate" in values} == set(FUNDED)
    assert {given[name]["funding_rate"] for name in FUNDED} == {0.075}


@pytest.mark.parametrize("name", FUNDED)
def test_every_notebook_that_has_it_reckons_with_it(name):
    cells = NOTEBOOKS[name].path.read_text()
    # once in its parameters, and in what it calls
    assert cells.count("funding_rate") > 1


@pytest.fixture
def at_rates(synthetic_run, tmp_path, monkeypatch):
    """Run cells of a notebook on what the shared run left, at both rates."""
    monkeypatch.setenv(UNDER_RUNNER, "1")

    def run(name, ids):
        found = []
        for rate in (LOW, HIGH):
            folder = tmp_path / f"{rate}"
            folder.mkdir()
            for path in synthetic_run.run_dir.iterdir():
                if path.name < name:
                    (folder / path.name).symlink_to(path)
            found.append(run_cells(NOTEBOOKS[name], folder, ids, funding_rate=rate))
        return found

    return run


def test_the_cutoff_follows(at_rates):
    cheap, dear = at_rates("04_cutoffs", CUTOFFS)
    for model in ("scorecard", "challenger"):
        before, after = (run["tables"][model] for run in (cheap, dear))
        lent = before["good"] > 0
        assert lent.any()
        assert (after["profit_amount"] < before["profit_amount"])[lent].all()
        # a higher score is safer: fewer loans pay for dearer money
        assert after["profit_amount"].idxmax() > before["profit_amount"].idxmax()


def test_the_price_follows(at_rates):
    cheap, dear = at_rates("07_offers", PRICES)
    rise = (dear["priced"]["break_even_apr"] - cheap["priced"]["break_even_apr"]).dropna()
    assert len(rise) >= 9
    # dearer money is paid for on all that is owed, and that of the lost by those who pay
    assert (rise > HIGH - LOW).all()
    assert rise.max() < 2 * (HIGH - LOW)


def test_the_profit_of_the_cohorts_follows(at_rates):
    cheap, dear = at_rates("08_provisions_funding", COHORTS)
    funding = [run["profit"]["funding_amount"] for run in (cheap, dear)]
    owed = funding[0] > 10_000
    np.testing.assert_allclose((funding[1] / funding[0])[owed], HIGH / LOW, rtol=1e-3)
    less = dear["profit"]["profit_amount"] - cheap["profit"]["profit_amount"]
    assert (less == funding[0] - funding[1]).all()
