"""What changes between two policies, what the new one will bring, and whether it comes true.

Takes scores, money and whom a policy approves; gives who changes places, a forecast with prediction
intervals, and, on the synthetic lender, the same people under the new policy.
"""

from riskkit.replay.forecast import OutcomeCurve, fit_outcomes, forecast, foretell
from riskkit.replay.policy_swaps import policy_swaps, rival_policies, swap_gain, swaps_against
from riskkit.replay.realised import in_downturn, offers_to, realise, replay_table, replay_worlds
from riskkit.replay.replay_words import (
    forecast_shown,
    forecast_text,
    policy_swaps_text,
    replay_figures,
    replay_findings,
    replay_text,
)
from riskkit.replay.whole_decision import (
    WITHOUT_RULES,
    cost_of_declining,
    whole_decision_figures,
    whole_decision_text,
)

__all__ = [
    "WITHOUT_RULES",
    "OutcomeCurve",
    "cost_of_declining",
    "fit_outcomes",
    "forecast",
    "forecast_shown",
    "forecast_text",
    "foretell",
    "in_downturn",
    "offers_to",
    "policy_swaps",
    "policy_swaps_text",
    "realise",
    "replay_figures",
    "replay_findings",
    "replay_table",
    "replay_text",
    "replay_worlds",
    "rival_policies",
    "swap_gain",
    "swaps_against",
    "whole_decision_figures",
    "whole_decision_text",
]
