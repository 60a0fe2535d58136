"""The synthetic lender as a source like any other, and whether its notebook's parameters can be.

Takes a lender; gives a :class:`riskkit.schema.Source` that the notebooks read like real data.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from riskkit import partitions
from riskkit.checks import check_seed
from riskkit.schema import Source
from riskkit.synthetic.features import families_without, features_of
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.people import GROUP
from riskkit.synthetic.portfolio import (
    BLOCK_SIZE,
    WINDOW_MONTHS,
    Portfolio,
    ranges,
    simulate,
    simulated,
)
from riskkit.synthetic.truth import true_probability
from riskkit.tables import BLOCK_ROWS, Table
from riskkit.target import BadDefinition, default_flags

__all__ = ["as_source", "check_world"]

_TABLES = ("applications", "performance", "instalments", "truth")
_WHOLE = {"performance": "loan_id", "instalments": "loan_id"}
# named in the notebook as here
_LENDER = (
    "start_month",
    "n_months",
    "scenario",
    "onset_month",
    "treatment_rate",
    "collection_holdout_rate",
)
_SIMULATED = (
    "n_applicants",
    *_LENDER,
    "without_families",
    "test_rate",
    "longer_term_rate",
    "seed",
    "bad_dpd",
    "bad_window_months",
    "indeterminate_dpd",
)
# more need more memory than 24 GiB
MOST_APPLICANTS = 10_000_000
_OWN = {
    "source": "is empty, so the lender is simulated",
    "root": "is the folder of a source's files: give it with a source",
    "max_applications": "thins a source's applications: give it with a source",
}


def as_source(
    lender: Lender,
    n_applicants: int,
    *,
    seed: int,
    bad: BadDefinition | None = None,
    parts: str | Path | None = None,
    block_size: int | None = None,
) -> Source:
    """A simulated portfolio as a source, its truth in a table of its own.

    Parameters
    ----------
    lender : Lender
    n_applicants : int
    seed : int
    bad : BadDefinition, optional
        By default more than 90 days past due within 12 months on book. Where the truth knows the
        probability of this very event (:func:`true_probability`), its table has it as `true_pd`.
    parts : str or Path, optional
        Folder for worlds of any size: its tables are written there block by block, by whoever is at
        work (:func:`riskkit.partitions.using`), and are handles on their parts. By default frames.
    block_size : int, optional
        Applicants in a part; by default 51,200, or fewer where blocks of tables have fewer rows.

    Raises
    ------
    ValueError
        A number is out of range.
    FileExistsError
        `parts` holds parts already.
    """
    bad = bad if bad is not None else BadDefinition()
    tables: dict[str, Any]
    if parts is None:
        tables = {**_tables(simulate(lender, n_applicants, seed), lender, bad)}
    else:
        block = partial(_block_tables, lender, bad, int(seed))
        size = block_size or min(BLOCK_SIZE, max(BLOCK_ROWS // GROUP, 1) * GROUP)
        for _ in partitions.each(block, ranges(n_applicants, seed, size), parts):
            pass
        tables = {name: Table(Path(parts) / name, whole=_WHOLE.get(name)) for name in _TABLES}
    return Source(
        name="synthetic",
        title=f"Synthetic lender, scenario {lender.scenario}",
        currency="CNY",
        accepted_only=False,
        features=features_of(lender.families),
        bad=bad,
        observed_to=lender.observed_to,
        **tables,
        notes=(
            "The borrowers are simulated: their true default probabilities are known, kept apart, "
            "and used only to check the estimates.",
        ),
    )


def _block_tables(
    lender: Lender, bad: BadDefinition, seed: int, numbers: range
) -> dict[str, pd.DataFrame]:
    return _tables(simulated(lender, seed, numbers), lender, bad)


def _tables(portfolio: Portfolio, lender: Lender, bad: BadDefinition) -> dict[str, pd.DataFrame]:
    """The tables of a portfolio, or of a block of one, labelled by a definition of bad."""
    applications, truth = portfolio.applications, portfolio.truth
    terms = applications.set_index("application_id")["term_months"]
    true_pd = true_probability(truth, bad, applications["term_months"])
    if true_pd is not None:
        truth = truth.assign(true_pd=true_pd)
    # drawn within twelve months, whatever counts as bad here
    windows = {bad.window_months, *(bad.by_term or {}).values()}
    if true_pd is None or windows != {WINDOW_MONTHS}:
        truth = truth.drop(columns="simulated_default_12m")
    flags = default_flags(portfolio.performance, bad, lender.observed_to, term_months=terms)
    labels = applications["application_id"].map(flags).astype("float64")
    return {
        "applications": applications.assign(default_flag=labels),
        "performance": portfolio.performance,
        "instalments": portfolio.instalments,
        "truth": truth,
    }


def check_world(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of the borrowers' notebook that have no effect, each with the reason.

    A run asks before anything starts. With a `source` the world's own parameters have none,
    without one those of a source.

    Parameters
    ----------
    parameters : mapping of str to Any
        Values of the notebook's parameters, by name; one that is not there is not checked.

    Raises
    ------
    ValueError
        The others make no world, no definition of bad or no sample; names the rule and the value.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> check_world({"source": "", "root": "", "n_applicants": 5_000, "scenario": "growth"})
    {'source': 'is empty, so the lender is simulated', \
'root': "is the folder of a source's files: give it with a source"}
    >>> check_world({"source": "mine.yaml", "root": "", "seed": 1})
    {'seed': 'is for the simulated lender; a source states its own'}
    """
    check_seed("seed", parameters.get("seed", 0))
    least = {"n_applicants": 1, "max_applications": 0, "sample_applications": 0, "roll_months": 1}
    for name, low in least.items():
        if parameters.get(name, low) < low:
            raise ValueError(f"{name} must be >= {low}, got {parameters[name]!r}")
    in_memory = not parameters.get("sample_applications", 0)
    if parameters.get("n_applicants", 1) > MOST_APPLICANTS and in_memory:
        raise ValueError(
            f"n_applicants must be at most {MOST_APPLICANTS:,} where the notebooks hold them in "
            f"memory, got {parameters['n_applicants']!r}; run with --profile large, or give "
            "sample_applications"
        )
    if parameters.get("source"):
        why = "is for the simulated lender; a source states its own"
        return {name: why for name in _SIMULATED if name in parameters}
    world = {name: parameters[name] for name in _LENDER if name in parameters}
    world["onset_month"] = world.get("onset_month") or None
    world["families"] = families_without(parameters.get("without_families", ""))
    # each is the share of two kinds that exclude one another
    for name in ("test_rate", "longer_term_rate"):
        if not 0 <= parameters.get(name, 0.0) <= 0.5:
            raise ValueError(f"{name} must lie in [0, 0.5], got {parameters[name]!r}")
    Lender(**world)
    BadDefinition(
        dpd=parameters.get("bad_dpd", 90),
        window_months=parameters.get("bad_window_months", 12),
        indeterminate_dpd=parameters.get("indeterminate_dpd") or None,
    )
    without = dict(_OWN)
    if parameters.get("scenario", "base") == "base":
        without["onset_month"] = "has no effect in the scenario base, in which nothing changes"
    return {name: why for name, why in without.items() if name in parameters}
