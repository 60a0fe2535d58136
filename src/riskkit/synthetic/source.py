"""The synthetic lender as a source like any other, and what its truth says of its policy.

Takes a lender; gives a :class:`riskkit.schema.Source` that the notebooks read like real data.
"""

from __future__ import annotations

import pandas as pd

from riskkit.schema import BadDefinition, Source, default_flags
from riskkit.synthetic.features import FEATURES
from riskkit.synthetic.lender import Lender
from riskkit.synthetic.portfolio import simulate

__all__ = ["as_source", "truth_by_decision"]


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
        features=FEATURES,
        bad=bad,
        observed_to=lender.observed_to,
        applications=applications.assign(
            default_flag=applications["application_id"].map(flags).astype("float64")
        ),
        performance=portfolio.performance,
        truth=portfolio.truth,
        notes=(
            "The borrowers are simulated: their true default probabilities are known, kept apart, "
            "and used only to check the estimates.",
        ),
    )


def truth_by_decision(truth: pd.DataFrame, applications: pd.DataFrame) -> pd.DataFrame:
    """What the old policy let in and kept out, by the truth.

    Parameters
    ----------
    truth : DataFrame
        application_id, true_pd_12m, simulated_default_12m.
    applications : DataFrame
        application_id, approved, booked, default_flag.

    Returns
    -------
    DataFrame, index decision
        applications, true_rate (mean true 12-month default probability), simulated_rate (share
        that defaults under the offer, had all taken it up), observed_rate (of the labelled; NaN
        where nobody is).
    """
    known = truth.set_index("application_id").reindex(applications["application_id"])
    decision = pd.Series("declined", index=known.index)
    approved, booked = applications["approved"].to_numpy(), applications["booked"].to_numpy()
    decision[approved] = "approved, not taken up"
    decision[booked] = "booked"
    table = pd.DataFrame(
        {
            "true_rate": known["true_pd_12m"],
            "simulated_rate": known["simulated_default_12m"].astype("float64"),
            "observed_rate": applications["default_flag"].to_numpy(),
        }
    )
    grouped = table.groupby(decision.rename("decision"))
    result = grouped.mean()
    result.insert(0, "applications", grouped.size())
    order = [d for d in ("booked", "approved, not taken up", "declined") if d in result.index]
    return result.loc[order]
