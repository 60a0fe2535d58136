"""What the lender can survive, and what it must hold and pay for that.

Files of the securitisation, in the order the data walks through them: `deal` (its terms),
`pool_cash` (what the loans sold bring), `waterfall` (who is paid when).
"""

from riskkit.funding.deal import Deal
from riskkit.funding.waterfall import waterfall

__all__ = ["Deal", "waterfall"]
