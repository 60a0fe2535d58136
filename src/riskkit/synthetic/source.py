"""The synthetic lender as a source like any other.

Takes a lender; gives a :class:`riskkit.schema.Source` that the notebooks read like real data.
"""

from __future__ import annotations

from riskkit.schema import Source
from riskkit.synthetic.features import features_of
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.portfolio import simulate
from riskkit.target import BadDefinition, default_flags

__all__ = ["as_source"]


def as_source(
    lender: Lender, n_applicants: int, *, seed: int, bad: BadDefinition | None = None
) -> Source:
    """A simulated portfolio as a source, its truth in a table of its own.

    Parameters
    ----------
    lender : Lender
    n_applicants : int
    seed : int
    bad : BadDefinition, optional
        By default more than 90 days past due within 12 months on book, which is also what
        `true_pd_12m` is the probability of.
    """
    bad = bad if bad is not None else BadDefinition()
    portfolio = simulate(lender, n_applicants, seed)
    applications = portfolio.applications
    terms = applications.set_index("application_id")["term_months"]
    flags = default_flags(portfolio.performance, bad, lender.observed_to, term_months=terms)
    return Source(
        name="synthetic",
        title=f"Synthetic lender, scenario {lender.scenario}",
        currency="CNY",
        accepted_only=False,
        features=features_of(lender.families),
        bad=bad,
        observed_to=lender.observed_to,
        applications=applications.assign(
            default_flag=applications["application_id"].map(flags).astype("float64")
        ),
        performance=portfolio.performance,
        instalments=portfolio.instalments,
        truth=portfolio.truth,
        notes=(
            "The borrowers are simulated: their true default probabilities are known, kept apart, "
            "and used only to check the estimates.",
        ),
    )
