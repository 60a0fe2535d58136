"""What of the model is to be fitted again, by which rule, and what would that gain.

Takes the model in use and what is known of later loans. What recalibration
(:func:`recalibration_gain`), new coefficients and new bins (:func:`refit_gains`), another cutoff
(:func:`cutoff_gain`) and new hazards (:func:`hazard_gain`) would gain is measured on loans that did
not teach them; :func:`refresh_table` says by rule what is due, and :func:`save_proposals` writes
that beside the model in use. Nothing is replaced.
"""

from riskkit.refresh.book_gains import cutoff_gain, hazard_gain
from riskkit.refresh.card_gains import recalibration_gain, refit_card, refit_gains
from riskkit.refresh.gain import Gain
from riskkit.refresh.last_taught import taught_to
from riskkit.refresh.proposals import save_proposals
from riskkit.refresh.refresh_rules import (
    RULES,
    RefreshRule,
    refresh_findings,
    refresh_shown,
    refresh_table,
    refresh_text,
)

__all__ = [
    "RULES",
    "Gain",
    "RefreshRule",
    "cutoff_gain",
    "hazard_gain",
    "recalibration_gain",
    "refit_card",
    "refit_gains",
    "refresh_findings",
    "refresh_shown",
    "refresh_table",
    "refresh_text",
    "save_proposals",
    "taught_to",
]
