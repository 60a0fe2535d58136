"""What do tests at random teach of price and of limit, and what do they cost.

Takes applications whose offers were dealt to groups; gives each group beside the control group, how
take-up and default answer to price and limit, what a test costs, and how many offers one needs.
"""

from riskkit.trials.cost import trial_cost
from riskkit.trials.groups import COLUMNS, arms_of, trial_table, trial_text, untested_text
from riskkit.trials.slopes import demand_from_tests, offers_needed
from riskkit.trials.taught import (
    check_demand,
    cost_text,
    demand_parameters,
    demand_table,
    demand_text,
)
from riskkit.trials.together import all_trials, all_trials_text

__all__ = [
    "COLUMNS",
    "all_trials",
    "all_trials_text",
    "arms_of",
    "check_demand",
    "cost_text",
    "demand_from_tests",
    "demand_parameters",
    "demand_table",
    "demand_text",
    "offers_needed",
    "trial_cost",
    "trial_table",
    "trial_text",
    "untested_text",
]
