"""Tiny lenders for tests of stress: loans and moves written down by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from riskkit import funding
from riskkit.provisions import LendingCosts
from riskkit.runoff import OpenLoans
from riskkit.schema import FundingFile

DAY = pd.Timestamp("2024-12-31")
N_MONTHS = 30


@dataclass(frozen=True)
class FixedMoves:
    """Every month a loan without arrears defaults, prepays or misses a payment so likely.

    One in arrears pays up, falls further behind or stays; a climate is added to the log-odds of
    each step to worse.
    """

    default: tuple[float, ...]
    missed: float = 0.0
    prepaid: float = 0.0

    def at(self, ahead: int, climate: np.ndarray) -> np.ndarray:
        assert ahead >= 1
        level = np.asarray(climate, dtype=float)[:, None]
        gone = shifted(np.array(self.default, dtype=float)[None], level)
        late = (1 - gone) * shifted(np.array(self.missed), level)
        rest = 1 - gone - late
        moves = np.zeros((*gone.shape, 4, 6))
        moves[..., 0, 1], moves[..., 0, 4] = late, gone
        moves[..., 0, 0], moves[..., 0, 5] = rest * (1 - self.prepaid), rest * self.prepaid
        worse = shifted(np.array(0.6), level)
        for state in (1, 2, 3):
            moves[..., state, state + 1] = worse
            moves[..., state, 0] = moves[..., state, state] = (1 - worse) / 2
        return moves


def shifted(p: np.ndarray, by: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return expit(logit(p) + by)


def plan(amount: int, n: int, rate: float, width: int) -> tuple[list[int], list[int]]:
    """Due and owed after each of n equal parts of an amount, with interest a month."""
    owed = [amount - amount * min(k, n) // n for k in range(width + 1)]
    due = [0]
    for k in range(width):
        due.append(due[-1] + owed[k] - owed[k + 1] + round(rate * owed[k]))
    return due, owed


def open_loans(
    loans: list[dict[str, Any]],
    *,
    lags: tuple[float, ...] = (1.0,),
    gone: tuple[float, float] = (0.0, 0.0),
) -> OpenLoans:
    """Loans of the keys start, amount, n, rate, cell, state, fee, recovered, id.

    Those in default today owe and lose so much; the rest of it comes in a month.
    """
    loans = sorted(loans, key=lambda one: one.get("start", 0))
    width = max([one["n"] for one in loans], default=0)
    plans = [plan(one["amount"], one["n"], one.get("rate", 0.0), width) for one in loans]

    def of(name: str, usual: Any, dtype: Any = np.int64) -> np.ndarray:
        return np.array([one.get(name, usual) for one in loans], dtype=dtype)

    owed_by_gone, lost_by_gone = gone
    in_default = np.zeros((1, N_MONTHS))
    in_default[0, 0] = owed_by_gone - lost_by_gone
    return OpenLoans(
        ids=pd.Index([one.get("id", f"L{at}") for at, one in enumerate(loans)], dtype="str"),
        group=np.zeros(len(loans), dtype=np.int64),
        groups=pd.Index([""], dtype="str"),
        start=of("start", 0),
        state=of("state", 0, np.int8),
        cell=of("cell", 0),
        left=of("n", 0),
        due=np.array([due for due, _ in plans], dtype=np.int64).reshape(len(loans), width + 1),
        owed=np.array([owed for _, owed in plans], dtype=np.int64).reshape(len(loans), width + 1),
        fee=of("fee", 0),
        recovered_rate=np.repeat(of("recovered", 0.4, float)[:, None], N_MONTHS, axis=1),
        recovery_lags=np.array(lags),
        in_default=in_default,
        effective_rate=of("effective", 0.0, float),
        in_default_owed=np.array([owed_by_gone]),
        in_default_loss=np.full((1, N_MONTHS + 1), lost_by_gone),
    )


def funding_file(**blocks: Any) -> FundingFile:
    """A funding file of these blocks, whose scalars are written as text."""
    return FundingFile.model_validate(texts(blocks))


def texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: texts(one) for key, one in value.items()}
    if isinstance(value, list):
        return [texts(one) for one in value]
    return value if isinstance(value, bool) else str(value)


def two_loans(**about: Any) -> funding.StressedLender:
    """One loan on the books, and one lent in a month, both defaulting with 10 % a month."""
    loans = open_loans(
        [
            {"amount": 300_000, "n": 3, "rate": 0.01, "id": "A"},
            {
                "amount": 200_000,
                "n": 2,
                "rate": 0.005,
                "id": "B",
                "start": 1,
                "fee": 4_000,
                "cell": 1,
            },
        ]
    )
    usual = {
        "loans": loans,
        "moves": FixedMoves((0.1, 0.1)),
        "day": DAY,
        "costs": LendingCosts(funding_rate=0.06, acquisition_amount=1_000, servicing_amount=100),
        "file": funding_file(
            tiers={"All": {"horizon_days": 365, "held": 2_000}},
            lines={"Bank": {"drawn": "50 %", "limit": "60 %", "rate": 0.12, "notice_days": 60}},
        ),
        "n_months": 3,
    }
    return funding.StressedLender(**(usual | about))
