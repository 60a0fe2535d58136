"""What changes between two policies, what the new one will bring, and whether it comes true.

Takes scores, money and whom a policy approves; gives who changes places, a forecast with prediction
intervals, and, on the synthetic lender, the same people under the new policy.
"""

from riskkit.replay.forecast import OutcomeCurve, fit_outcomes, forecast
from riskkit.replay.realised import in_downturn, offers_to, realise, replay_table

__all__ = [
    "OutcomeCurve",
    "fit_outcomes",
    "forecast",
    "in_downturn",
    "offers_to",
    "realise",
    "replay_table",
]
