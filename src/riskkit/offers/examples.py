"""One example offer of each grade, as its borrower would be told of it.

Takes a price table; gives a disclosure a grade.
"""

from __future__ import annotations

import pandas as pd

from riskkit.offers.disclosure import Charge, Disclosure, Offer, disclosure

__all__ = ["example_offers"]

ROUNDED_TO = 100  # units of the currency


def example_offers(
    priced: pd.DataFrame,
    *,
    disbursed_on: str,
    lender: str,
    charges: tuple[Charge, ...],
    caps: pd.DataFrame | None = None,
    scope: str | None = None,
) -> dict[str, Disclosure]:
    """What a borrower of each grade is told: the term most asked for, of the mean amount.

    Parameters
    ----------
    priced : DataFrame, index (grade, term_months)
        Of :func:`price_table`.
    disbursed_on : str
        "YYYY-MM-DD".
    lender : str
    charges : tuple of Charge
        All there are beside the interest; none monthly.
    caps, scope
        As in :func:`disclosure`.

    Returns
    -------
    dict of grade to Disclosure
        In the order of the table; a grade to which nothing is offered is not in it. Amounts are
        rounded to hundreds of the currency.
    """
    told = {}
    offered = priced[priced["offer_apr"].notna()]
    for grade, cells in offered.groupby(level="grade", sort=False):
        (_, term), row = max(cells.iterrows(), key=lambda cell: cell[1]["applications"])
        principal = max(round(row["mean_amount"] / ROUNDED_TO), 1) * ROUNDED_TO
        offer = Offer.at_apr(
            float(row["offer_apr"]),
            principal_fen=principal * 100,
            term_months=int(term),
            disbursed_on=disbursed_on,
            lender=lender,
            charges=charges,
        )
        told[str(grade)] = disclosure(offer, caps=caps, scope=scope)
    return told
