"""What of a run is compared: its tables and models, read once.

Takes a :class:`riskkit.pipeline.FinishedRun`; gives :class:`RunTables`, in which what the run did
not leave is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from riskkit import vintage
from riskkit.binning import WoeBinner
from riskkit.loan_values import LoanValues
from riskkit.partitions import distinct_rows
from riskkit.schema import Feature, SourceFacts, features_from_table
from riskkit.scorecard import Scorecard

if TYPE_CHECKING:
    from riskkit.pipeline import FinishedRun
    from riskkit.tables import Table

__all__ = ["RunTables", "cohort_loans", "read_run"]

POPULATION = ("applied_at", "booked", "default_flag")


@dataclass(frozen=True, kw_only=True)
class RunTables:
    """A run's tables and models; any that it did not leave is None.

    Parameters
    ----------
    name, source, profile : str
        Of the run, of its source as given, of its size.
    parameters : mapping of str to Any
    versions : mapping of str to str
        Package → version, the hash of riskkit's own code among them.
    hashes : mapping of str to str
        ``stage/file`` → sha256.
    source_hashes : list of str or None
        Of the mapping and its files; None where a database was read.
    facts : SourceFacts or None
    features : list of Feature
    applications, scores, policies, chosen_cutoffs, vintages : DataFrame or None
        As the notebooks leave them; of a run whose tables are in parts, applications and scores of
        its sampled customers.
    population : DataFrame or None
        applied_at, booked and default_flag of all applications, each that differs once, with `rows`
        of it; None where `applications` are all.
    loans : Series or None, index cohort
        Loans of each cohort of `vintages`.
    term_months : int or None
        Of the loans of `vintages`.
    binner : WoeBinner or None
    card : Scorecard or None
    advice : mapping of str to str
        Key figures of the stage that chose the cutoffs, what to do first.
    """

    name: str
    source: str = ""
    profile: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    source_hashes: list[str] | None = field(default_factory=list)
    facts: SourceFacts | None = None
    features: list[Feature] = field(default_factory=list)
    applications: pd.DataFrame | None = None
    population: pd.DataFrame | None = None
    scores: pd.DataFrame | None = None
    policies: pd.DataFrame | None = None
    chosen_cutoffs: pd.DataFrame | None = None
    vintages: pd.DataFrame | None = None
    loans: pd.Series | None = None
    term_months: int | None = None
    binner: WoeBinner | None = None
    card: Scorecard | None = None
    advice: Mapping[str, str] = field(default_factory=dict)


def read_run(run: FinishedRun) -> RunTables:
    """The tables and models of a run."""
    applications, features, vintages = (
        run.rows(n) for n in ("applications", "features", "vintages")
    )
    facts, binner, card = (run.path(n) for n in ("source.json", "binning.json", "scorecard.json"))
    parameters = run.parameters()
    panel = run.table("performance")
    book = run.table("outcomes") if panel is None else panel
    loans, term = None, None
    asked = run.table("applications")
    if book is not None and vintages is not None and asked is not None:
        loans, term = cohort_loans(
            book,
            asked,
            term_months=int(parameters.get("term_months", 0)),
            cohort_freq=str(parameters.get("cohort_freq", "Q")),
        )
    population = None
    if asked is not None and run.n_sampled is not None:
        there = [name for name in POPULATION if name in asked.columns]
        population = distinct_rows(asked, there)
    return RunTables(
        name=run.name,
        source=run.manifest.get("source", ""),
        profile=run.manifest.get("profile", ""),
        parameters=parameters,
        versions={
            **run.manifest.get("versions", {}),
            "riskkit's code": run.manifest.get("package", "")[:16],
        },
        hashes=run.hashes(),
        source_hashes=run.source_hashes(),
        facts=None if facts is None else SourceFacts.load(facts),
        features=[] if features is None else features_from_table(features),
        applications=applications,
        population=population,
        scores=run.rows("scores"),
        policies=run.rows("policies"),
        chosen_cutoffs=run.rows("chosen_cutoffs"),
        vintages=None if vintages is None else vintages.rename(columns=int),
        loans=loans,
        term_months=term,
        binner=None if binner is None else WoeBinner.load(binner),
        card=None if card is None else Scorecard.load(card),
        advice=run.key_figures("chosen_cutoffs.parquet"),
    )


def cohort_loans(
    book: Table | pd.DataFrame,
    applications: Table | pd.DataFrame,
    *,
    term_months: int,
    cohort_freq: str,
) -> tuple[pd.Series, int]:
    """Loans of each cohort of one term, and the term: the commonest where none is given.

    Parameters
    ----------
    book : Table or DataFrame
        The performance panel or the outcomes.
    applications : Table or DataFrame
        application_id, term_months.
    term_months : int
        0: the commonest.
    cohort_freq : {"M", "Q", "Y"}

    Returns
    -------
    Series of int, index cohort (first day); int
    """
    if isinstance(applications, pd.DataFrame):
        terms = applications.set_index("application_id")["term_months"]
    else:
        terms = LoanValues.from_table(applications, "term_months")
    counts = vintage.cohort_counts(book, by=terms)["loans"]
    term = term_months or int(counts.groupby(level="term_months").sum().idxmax())
    of_term = counts.loc[term]
    starts = pd.DatetimeIndex(of_term.index.get_level_values("cohort"))
    loans = of_term.groupby(starts.to_period(cohort_freq).start_time).sum()
    return loans.rename_axis("cohort"), term
