"""How much any cutoff, or several, can earn at best, and what a better score would add.

Takes scores, outcomes and the money of each application; gives the expected maximum profit, what a
band at the margin brings, the cutoff of each goal, how far today's policy lies from the efficient
frontier, what a better model is worth, and cutoffs by segment.
"""

from riskkit.frontier.bands import marginal_bands
from riskkit.frontier.curves import Curve, Curves, draw_curves
from riskkit.frontier.emp import emp_table, expected_maximum_profit

__all__ = [
    "Curve",
    "Curves",
    "draw_curves",
    "emp_table",
    "expected_maximum_profit",
    "marginal_bands",
]
