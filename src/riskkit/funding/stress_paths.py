"""What a scenario moves in which month: climate, new loans, prices, funders, early repayment.

Takes blocks of the funding file; gives arrays by month ahead, for one scenario or for several that
come together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.checks import Array, DataContractError

if TYPE_CHECKING:
    from riskkit.schema import FundingFile

__all__ = ["MACRO", "NewLoans", "Shock", "climate_shift", "no_shock", "shock_of", "together"]

MACRO = "unemployment", "income", "liquidity"


@dataclass(frozen=True, kw_only=True)
class NewLoans:
    """New loans that turn out worse than those they are modelled on.

    Parameters
    ----------
    covers : bool array of shape (n_loans,)
    logit : float array of shape (H,)
        Log-odds of a missed payment added for life, by the month in which a loan is lent.
    never_paying_rate : float array of shape (H,)
        Share of them that never pays, by the same month.
    """

    covers: Array
    logit: Array
    never_paying_rate: Array


@dataclass(frozen=True, kw_only=True)
class Shock:
    """All that is other than in the base, by month ahead.

    Parameters
    ----------
    macro : dict of str to float array of shape (H,)
        Percentage points, of each of `MACRO`.
    climate : float array of shape (H,)
        Log-odds of a missed payment added.
    new_loans : tuple of NewLoans
    volume_factor : float array of shape (H,)
        By the month of lending.
    lgd_factor : float
        Of every default, past and to come: what it brings comes in the months of the scenario.
    prepay_logit : float array of shape (H,)
    cap_apr : float array of shape (H,)
        The highest price of loans lent in the month; inf where there is none.
    exits : dict of str to (share, month)
        How much of a line is withdrawn, by notice given so many months ahead (0: today).
    """

    macro: Mapping[str, Array]
    climate: Array
    new_loans: tuple[NewLoans, ...] = ()
    volume_factor: Array
    lgd_factor: float
    prepay_logit: Array
    cap_apr: Array
    exits: Mapping[str, tuple[float, int]] = field(default_factory=dict)


def no_shock(n_months: int) -> Shock:
    """Nothing is other than in the base."""
    return Shock(
        macro={name: np.zeros(n_months) for name in MACRO},
        climate=np.zeros(n_months),
        volume_factor=np.ones(n_months),
        lgd_factor=1.0,
        prepay_logit=np.zeros(n_months),
        cap_apr=np.full(n_months, np.inf),
    )


def climate_shift(log_odds: float, n_months: int) -> Shock:
    """A climate that is worse by so much in every month ahead, and nothing else."""
    calm = no_shock(n_months)
    return Shock(**(vars(calm) | {"climate": np.full(n_months, float(log_odds))}))


def shock_of(
    file: FundingFile, name: str, traits: pd.DataFrame, n_months: int, severity: float = 1.0
) -> Shock:
    """What a scenario of the funding file moves, so many times as bad as it says.

    Percentage points, log-odds, shares and what factors differ from 1 by are multiplied by the
    severity; a cap on prices is divided by it; of a line that is withdrawn that share goes, at most
    all. What cannot be less than nothing, or more than all, stops there.

    Parameters
    ----------
    file : FundingFile
    name : str
        Of its block `stress`.
    traits : DataFrame, a row for each loan
        Columns that a segment may ask for.
    n_months : int
    severity : float
        At least 0; 0 is the base.

    Raises
    ------
    DataContractError
        No effect is stated of what the scenario moves, or no loan has the column of its segment.

    Source
    ------
    riskkit definition.
    """
    block, effects = file.stress[name], file.macro_effects
    course = block.course(n_months)
    depth = severity * course
    # nothing is 0, not −0, in months without
    macro = {one: getattr(block, one) * depth + 0.0 for one in MACRO}
    unknown = [one for one in MACRO if getattr(block, one) and getattr(effects, one) is None]
    if unknown:
        fault = f"macro_effects: no effect of {' and '.join(unknown)} is stated"
        raise DataContractError("funding", [fault])
    calm = no_shock(n_months)
    worse: tuple[NewLoans, ...] = ()
    if block.logit or block.never_paying_rate:
        worse = (
            NewLoans(
                covers=block.covers(traits),
                logit=block.logit * depth,
                never_paying_rate=np.minimum(block.never_paying_rate * depth, 1),
            ),
        )
    cap = calm.cap_apr
    if block.cap_apr is not None and severity > 0:
        cap = np.where(course > 0, block.cap_apr / severity, np.inf)
    given = block.from_month - 1
    share = min(severity, 1.0)
    return Shock(
        macro=macro,
        climate=sum(
            (effect * macro[one] for one in MACRO if (effect := getattr(effects, one))),
            start=calm.climate,
        ),
        new_loans=worse,
        volume_factor=np.maximum(1 + (block.volume_factor - 1) * depth, 0),
        lgd_factor=max(1 + (block.lgd_factor - 1) * severity, 0.0),
        prepay_logit=block.prepay_logit * depth,
        cap_apr=cap,
        exits={line: (share, given) for line in block.exits} if share > 0 else {},
    )


def together(shocks: Sequence[Shock], n_months: int) -> Shock:
    """Several shocks at once: what is added is added up, factors are multiplied.

    Of caps the lowest holds; a line leaves at the earliest notice, with the largest share.
    """
    calm = no_shock(n_months)
    exits: dict[str, tuple[float, int]] = {}
    for one in shocks:
        for line, (share, month) in one.exits.items():
            before = exits.get(line, (0.0, month))
            exits[line] = max(share, before[0]), min(month, before[1])
    return Shock(
        macro={name: sum((s.macro[name] for s in shocks), start=calm.climate) for name in MACRO},
        climate=sum((s.climate for s in shocks), start=calm.climate),
        new_loans=tuple(new for s in shocks for new in s.new_loans),
        volume_factor=np.prod([calm.volume_factor, *(s.volume_factor for s in shocks)], axis=0),
        lgd_factor=float(np.prod([s.lgd_factor for s in shocks])),
        prepay_logit=sum((s.prepay_logit for s in shocks), start=calm.prepay_logit),
        cap_apr=np.min([calm.cap_apr, *(s.cap_apr for s in shocks)], axis=0),
        exits=exits,
    )
