"""What an income carries: the instalment that is affordable, and the loan that it repays.

Takes incomes, debts with other lenders and a price; gives amounts a month and in all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import numeric_array, require_columns
from riskkit.instalments import instalment
from riskkit.schema import Feature

__all__ = ["Affordability", "affordability", "income_bands"]

UNKNOWN = "not known"
EXPOSURE = "concurrent_exposure"


@dataclass(frozen=True, kw_only=True)
class Affordability:
    """What an income carries.

    Parameters
    ----------
    stated_haircut_rate : float
        Taken off an income that is stated and not verified, in [0, 1).
    living_cost_amount : float
        What a month of living costs at least, in units of the currency.
    servicing_rate : float
        What other lenders ask a month, of all that is owed to them, in [0, 1]. A loan of two years
        at 18 % asks 5 % of itself, as does the least payment of many cards; one of a year 9 %.
    free_share : float
        Share of what is left that may go into the instalment, in (0, 1]. Living and other debts are
        paid by then: what is kept back is for surprises.

    Raises
    ------
    ValueError
        A number is outside its range.
    """

    stated_haircut_rate: float = 0.20
    living_cost_amount: float = 2_000.0
    servicing_rate: float = 0.05
    free_share: float = 0.80

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{each.name} must be finite and >= 0, got {value!r}")
        if not self.stated_haircut_rate < 1:
            raise ValueError(f"stated_haircut_rate must be below 1, got {self.stated_haircut_rate}")
        if not self.servicing_rate <= 1:
            raise ValueError(f"servicing_rate must be at most 1, got {self.servicing_rate}")
        if not 0 < self.free_share <= 1:
            raise ValueError(f"free_share must lie in (0, 1], got {self.free_share}")


def affordability(
    applications: pd.DataFrame,
    features: Sequence[Feature],
    rule: Affordability,
    *,
    apr: ArrayLike,
    term_months: ArrayLike,
) -> pd.DataFrame:
    """What each applicant can pay a month, and borrow with that.

    Instalment = free_share × (income − living cost − servicing_rate × debt elsewhere), not below
    0. The income is the verified one, else the stated one less the haircut. Where nothing is known
    of debts, a missing value or a special code, the median of the known is assumed: who is in no
    bureau may owe where no bureau looks.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        verified_income or stated_income (units of the currency a month), one at least, and
        concurrent_exposure where there is one.
    features : sequence of Feature
        For the special codes of these columns.
    rule : Affordability
    apr : float or array of shape (n,)
        Price a year that the loan would bear, a fraction.
    term_months : int or array of shape (n,)

    Returns
    -------
    DataFrame, index of `applications`
        income_amount (NaN where none is known), income_source ("verified", "stated", "none"),
        exposure_amount, is_exposure_known, instalment_amount, principal_amount (whose equal
        instalments are that much), all in units of the currency; NaN without an income.

    Raises
    ------
    DataContractError
        There is no income at all.
    ValueError
        An income or exposure is no number or not finite, or an exposure is negative.

    Source
    ------
    The annuity formula; riskkit definition.

    Examples
    --------
    >>> asked = pd.DataFrame({"stated_income": [10_000.0], "concurrent_exposure": [20_000.0]})
    >>> affordability(asked, [], Affordability(), apr=0.24, term_months=12).round(2).iloc[0][
    ...     ["income_amount", "instalment_amount", "principal_amount"]].to_dict()
    {'income_amount': 8000.0, 'instalment_amount': 4000.0, 'principal_amount': 42301.36}
    """
    codes = {feature.name: list(feature.special_codes) for feature in features}

    def known(name: str) -> pd.Series:
        if name not in applications:
            return pd.Series(np.nan, index=applications.index)
        values = numeric_array(applications[name], name).astype(float)
        column = pd.Series(values, index=applications.index)
        column = column.mask(column.isin(codes.get(name, [])))
        if np.isinf(column).any() or (name == EXPOSURE and (column < 0).any()):
            least = " and >= 0, or a declared special code" if name == EXPOSURE else ""
            raise ValueError(
                f"{name} must be finite{least}, got {column.min():g}, {column.max():g}"
            )
        return column

    if not {"verified_income", "stated_income"} & set(applications.columns):
        require_columns(applications, ["stated_income"], "applications")
    verified = known("verified_income")
    stated = known("stated_income") * (1 - rule.stated_haircut_rate)
    income = verified.fillna(stated)
    exposure = known(EXPOSURE)
    assumed = exposure.median() if exposure.notna().any() else 0.0
    left = income - rule.living_cost_amount - rule.servicing_rate * exposure.fillna(assumed)
    monthly = rule.free_share * left.clip(lower=0)
    months = np.broadcast_to(np.asarray(term_months), len(applications))
    price = np.broadcast_to(np.asarray(apr, dtype=float), len(applications))
    return pd.DataFrame(
        {
            "income_amount": income,
            "income_source": np.select(
                [verified.notna(), stated.notna()], ["verified", "stated"], "none"
            ),
            "exposure_amount": exposure.fillna(assumed),
            "is_exposure_known": exposure.notna(),
            "instalment_amount": monthly,
            "principal_amount": monthly / instalment(1.0, price / 12, months),
        },
        index=applications.index,
    )


def income_bands(income_amount: pd.Series, n_bands: int = 4) -> pd.Series:
    """Band of each income, between round numbers near its quantiles.

    Parameters
    ----------
    income_amount : Series of shape (n,)
        Units of the currency a month, missing where nobody knows.
    n_bands : int
        Of the known incomes, at most.

    Returns
    -------
    Series of ordered categories, index of `income_amount`
        "not known" first, as the least; then the bands, ascending.

    Raises
    ------
    ValueError
        `n_bands` is below 1.

    Examples
    --------
    >>> income_bands(pd.Series([2_950.0, 4_100, 5_230, 9_000, None]), 2).tolist()
    ['below 4,100', '4,100 or more', '4,100 or more', '4,100 or more', 'not known']
    """
    if n_bands < 1:
        raise ValueError(f"n_bands must be >= 1, got {n_bands!r}")
    income = income_amount.to_numpy(float)
    known = income[~np.isnan(income)]
    shares = np.arange(1, n_bands) / n_bands
    inner = np.quantile(known, shares, method="inverted_cdf") if len(known) else np.empty(0)
    # down to two digits: 4,100 and not 4,137
    size = 10.0 ** np.floor(np.log10(np.maximum(inner, 1.0)) - 1)
    edges = np.unique(np.floor(inner / size) * size)
    edges = edges[(edges > known.min()) & (edges <= known.max())] if len(known) else edges
    texts = [f"{edge:,.0f}" for edge in edges]
    names = [UNKNOWN, "all"]
    if texts:
        between = [f"{low} to {high}" for low, high in pairwise(texts)]
        names = [UNKNOWN, f"below {texts[0]}", *between, f"{texts[-1]} or more"]
    place = np.where(np.isnan(income), 0, 1 + np.searchsorted(edges, income, side="right"))
    bands = pd.Categorical.from_codes(place, categories=names, ordered=True)
    return pd.Series(bands, index=income_amount.index, name="income_band")
