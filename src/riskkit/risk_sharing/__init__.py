"""Who bears which part of the losses of loans, and what that is worth.

Takes simulated cash by arrangement with a partner bank, a guarantor or an insurer; gives what each
side loses by month and path, by arrangement and by partner, and what a fair price would be.

Files, in the order the data walks through them: `arrangements` (what was agreed, for which loans),
`loss_split` (who bears what, month by month), `sharing_table` (both sides' losses and limits),
`fair_price` (premium and fee), `sharing_words` (what to say of it).
"""

from riskkit.risk_sharing.arrangements import Arrangement, arrangement_of, arrangements_of
from riskkit.risk_sharing.fair_price import loss_error, price_table
from riskkit.risk_sharing.loss_split import SharedLosses, cover_table, shared_losses
from riskkit.risk_sharing.sharing_table import partner_table, sharing_table
from riskkit.risk_sharing.sharing_words import sharing_findings, sharing_text

__all__ = [
    "Arrangement",
    "SharedLosses",
    "arrangement_of",
    "arrangements_of",
    "cover_table",
    "loss_error",
    "partner_table",
    "price_table",
    "shared_losses",
    "sharing_findings",
    "sharing_table",
    "sharing_text",
]
