"""What the lender can survive, and what it must hold and pay for that.

Files, in the order the data walks through them: `growth_case` (a platform that grew too fast, month
by month), `growth_words` (its story), `funding_parameters` (whether the notebook's can be).
"""

from riskkit.funding.funding_parameters import check_funding
from riskkit.funding.growth_case import Platform, growth_case
from riskkit.funding.growth_words import growth_text

__all__ = ["Platform", "check_funding", "growth_case", "growth_text"]
