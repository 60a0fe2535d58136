"""How far chance moves a sum of money over loans.

Takes a sum and that of the squares; gives an interval.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

__all__ = ["normal_interval"]


def normal_interval(total: Any, squares: Any, n_known: Any, level: float) -> tuple[Any, Any]:
    """Interval of a sum over some of the loans drawn, of so many known ones in all.

    The sum varies by the number of the loans among them, too: n times the variance of what a known
    loan adds, 0 where it is none of them. Without a known loan it is NaN.
    """
    n = np.where(np.asarray(n_known) > 0, n_known, np.nan)
    width = special.ndtri(0.5 + level / 2) * np.sqrt(np.maximum(squares - total**2 / n, 0))
    return total - width, total + width
