"""Whether the lender can pay: what it takes, what it must hold, and what breaks first.

Files: `funding_parameters` (whether the notebook's parameters can be).
"""

from riskkit.funding.funding_parameters import check_funding

__all__ = ["check_funding"]
