"""The market: through which channels people come, what they buy, and on which kind of plan.

Two tables of the default world and the mixes they imply, month by month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskkit.synthetic.draws import uniform
from riskkit.synthetic.lender import Lender

__all__ = ["CHANNELS", "PARTNERS", "PURCHASES", "Choices", "choose"]


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A way to the lender.

    Parameters
    ----------
    name : str
    share : float
        Of applications in the first month, a fraction.
    share_per_year : float
        What it gains or loses.
    risk : float
        Log-odds of a missed payment that come with it, beyond what the features tell.
    fee : bool
        Whether part of the cost is deducted up front.
    promotion_rate : float
        Share of its purchases for which the seller pays the interest.
    """

    name: str
    share: float
    share_per_year: float
    risk: float
    fee: bool = False
    promotion_rate: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Partner:
    """A seller of traffic, and how good it is."""

    name: str
    risk: float


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """What the loan is for.

    Parameters
    ----------
    name : str
    share : float
        Of applications, shopkeepers' apart, a fraction.
    amount_shift : float
        Shift of the amount, in its own standard deviations.
    plans : tuple of 3 floats
        Shares of equal instalments, interest only, and flat fee.
    promoted : bool
        Whether sellers run zero-interest promotions for it.
    """

    name: str
    share: float
    amount_shift: float
    plans: tuple[float, float, float]
    promoted: bool = False


# fmt: off
CHANNELS = (
    Channel(name="sms_link", share=0.30, share_per_year=-0.030, risk=0.12, fee=True),
    Channel(name="app", share=0.35, share_per_year=0.030, risk=-0.08),
    Channel(name="merchant", share=0.22, share_per_year=0.000, risk=0.00, promotion_rate=0.30),
    Channel(name="partner", share=0.13, share_per_year=0.000, risk=0.06, fee=True),
)
PARTNERS = (
    Partner(name="amber", risk=-0.20),
    Partner(name="birch", risk=-0.05),
    Partner(name="cobalt", risk=0.10),
    Partner(name="dune", risk=0.35),
)
PURCHASES = (
    Purchase(name="education", share=0.09, amount_shift=1.0, plans=(0.6, 0.0, 0.4), promoted=True),
    Purchase(name="medical_aesthetics", share=0.10, amount_shift=0.7, plans=(0.5, 0.0, 0.5),
             promoted=True),
    Purchase(name="electronics", share=0.27, amount_shift=0.1, plans=(0.6, 0.0, 0.4),
             promoted=True),
    Purchase(name="travel", share=0.09, amount_shift=0.2, plans=(0.8, 0.0, 0.2)),
    Purchase(name="rent", share=0.12, amount_shift=0.3, plans=(1.0, 0.0, 0.0)),
    Purchase(name="car_accessories", share=0.06, amount_shift=0.2, plans=(0.8, 0.0, 0.2)),
    Purchase(name="daily_spending", share=0.27, amount_shift=-0.8, plans=(0.9, 0.0, 0.1)),
    # turnover of a small shop: only the self-employed ask for it
    Purchase(name="shop_turnover", share=0.00, amount_shift=1.1, plans=(0.3, 0.7, 0.0)),
)
# fmt: on
SHOP = len(PURCHASES) - 1
SHOP_RATE = 0.35  # of the applications of the self-employed


@dataclass(frozen=True)
class Choices:
    """What each applicant comes for, as positions in the tables above.

    Parameters
    ----------
    channel, partner, purchase, plan : int8 arrays of shape (n,)
        `partner` is −1 but in the partner channel; `plan` is a position in
        :data:`riskkit.instalments.METHODS`.
    promoted : bool array
        Whether the seller pays the interest.
    """

    channel: np.ndarray
    partner: np.ndarray
    purchase: np.ndarray
    plan: np.ndarray
    promoted: np.ndarray


def choose(
    lender: Lender, index: np.ndarray, month: np.ndarray, self_employed: np.ndarray, seed: int
) -> Choices:
    """Channel, purchase and plan of each application.

    Parameters
    ----------
    lender : Lender
    index : int array of shape (n,)
        Numbers of the applications.
    month : int array of shape (n,)
        Month of application, from the first month on.
    self_employed : bool array of shape (n,)
        Who may ask for a shop's turnover.
    seed : int
    """
    mixes = _channel_mixes(lender)
    channel = _position(mixes[month], uniform(seed, index, "channel"))
    partner = _position(
        np.full((1, len(PARTNERS)), 1 / len(PARTNERS)), uniform(seed, index, "partner")
    )
    by_partner = np.array([c.name == "partner" for c in CHANNELS])[channel]
    shares = np.array([[p.share for p in PURCHASES]])
    purchase = _position(shares, uniform(seed, index, "purchase"))
    for_shop = self_employed & (uniform(seed, index, "shop") < SHOP_RATE)
    purchase = np.where(for_shop, np.int8(SHOP), purchase)
    plans = np.array([p.plans for p in PURCHASES])
    plan = _position(plans[purchase], uniform(seed, index, "plan"))
    rate = np.array([c.promotion_rate for c in CHANNELS])[channel]
    promoted = np.array([p.promoted for p in PURCHASES])[purchase]
    return Choices(
        channel=channel,
        partner=np.where(by_partner, partner, np.int8(-1)),
        purchase=purchase,
        plan=plan,
        promoted=promoted & (uniform(seed, index, "promotion") < rate),
    )


def _channel_mixes(lender: Lender) -> np.ndarray:
    """Weight of each channel in each month, shape (n_months, n_channels)."""
    years = np.arange(lender.n_months)[:, None] / 12 * lender.drift_scale
    drift = np.array([c.share_per_year for c in CHANNELS])
    # however long the world lasts, no channel dies out
    shares = np.maximum(np.array([c.share for c in CHANNELS]) + drift * years, 0.02)
    more = lender.growth_partner_share * lender.built_up("growth", lender.n_months)
    shares[:, [c.name for c in CHANNELS].index("partner")] += more
    return shares


def _position(shares: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """Position drawn by shares, of shape (n, k) or (1, k), that need not sum to one."""
    ends = np.cumsum(shares, axis=1)
    return (draw[:, None] * ends[:, -1:] >= ends[:, :-1]).sum(axis=1).astype(np.int8)
