"""Who is left alone in arrears, how hard collections work on whom, and what they write down.

Takes loans with their arrears when a month begins; gives who is held out by a draw, factors on the
lender's collections, and the columns of the log of collections.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from riskkit.checks import DataContractError, type_violations
from riskkit.schema import CONTRACT
from riskkit.synthetic.draws import uniform
from riskkit.synthetic.lender import CHARGE_OFF_ARREARS, Lender
from riskkit.synthetic.marginals import texts

__all__ = ["check_intensity", "held_out", "intensity_of", "log_columns"]

GROUPS = CONTRACT["performance"]["collection_group"].one_of
# what the lender does by months in arrears, 1 to 6; in what the intensity 1 stands for
PRACTICE = ("text message", "call", "call", "field", "legal", "legal")
# the risky and the long overdue are harder to reach
CONTACT_LOGIT, CONTACT_PER_RISK, CONTACT_PER_MONTH = 1.2, -0.4, -0.3


def held_out(lender: Lender, index: np.ndarray, mob: int, seed: int) -> np.ndarray | None:
    """Who would be left alone in a month on book, were they in arrears; None where nobody ever is.

    Drawn for each loan and month.
    """
    if not lender.collection_holdout_rate:
        return None
    return uniform(seed, index, "collection_holdout", mob) < lender.collection_holdout_rate


def check_intensity(table: pd.DataFrame, lender: Lender, ids: pd.Series) -> None:
    """Refuse factors on collections that belong to no loan or month, or are none.

    Raises
    ------
    DataContractError
        Lists a missing column or one of the wrong type, unknown loans, months out of range, factors
        below 0 or not finite, and loans with two factors in a month.
    """
    columns = {"loan_id": "text", "mob": "integer", "factor": "number"}
    violations = type_violations(table, columns)
    if not violations:
        last = lender.last_state_mob
        factor = table["factor"].astype(float)
        rules = {
            "loan_id: expected the application_id of a row given": ~table["loan_id"].isin(ids),
            f"mob: expected 1 to {last}": ~table["mob"].between(1, last),
            "factor: expected a finite number of at least 0": ~(factor.ge(0) & np.isfinite(factor)),
            "loan_id, mob: expected each once": table.duplicated(["loan_id", "mob"]),
        }
        violations = [
            f"{rule}, broken by {broken.sum():,} rows"
            for rule, broken in rules.items()
            if any(broken)
        ]
    if violations:
        raise DataContractError("intensity", violations)


def intensity_of(table: pd.DataFrame, lender: Lender, ids: pd.Series) -> np.ndarray:
    """Factors of loans by month on book, of shape (n, lender.last_state_mob + 1); 1 if not listed.

    Parameters
    ----------
    table : DataFrame
        `loan_id`, `mob`, `factor`; those of other loans are not read.
    lender : Lender
    ids : Series of shape (n,)
    """
    found = np.ones((len(ids), lender.last_state_mob + 1))
    at = pd.Index(ids).get_indexer(table["loan_id"])
    here = at >= 0
    found[at[here], table["mob"].to_numpy()[here]] = table["factor"].to_numpy(float)[here]
    return found


def log_columns(
    lender: Lender,
    index: np.ndarray,
    log_odds: np.ndarray,
    begun: np.ndarray,
    mob: np.ndarray,
    seed: int,
) -> dict[str, Any]:
    """What collections write down of loan-months, by column of the data contract.

    Parameters
    ----------
    lender : Lender
    index : int array of shape (n,)
        Number of the application, a row each month.
    log_odds : float array
        Risk of the borrower.
    begun : int array
        Months in arrears, as reported, when the month began.
    mob : int array
    seed : int

    Returns
    -------
    dict of name to array of shape (n,)
        `collection_group` and `collection_action`, text, missing of who was not in arrears (the
        action of who was held out, too); `contacted`, whether somebody was reached, which changes
        nothing but the log.
    """
    group, action = (np.full(len(index), -1, dtype=np.int8) for _ in range(2))
    contacted = np.zeros(len(index), dtype=bool)
    actions = sorted(set(PRACTICE))
    of_arrears = np.array([actions.index(name) for name in PRACTICE], dtype=np.int8)
    case = (begun > 0) & (begun < CHARGE_OFF_ARREARS)
    for month in np.unique(mob[case]):
        rows = np.flatnonzero(case & (mob == month))
        spared = held_out(lender, index[rows], int(month), seed)
        group[rows] = GROUPS.index("treated") if spared is None else spared.astype(np.int8)
        risk = np.clip(log_odds[rows], -3, 3)
        reached = CONTACT_LOGIT + CONTACT_PER_RISK * risk + CONTACT_PER_MONTH * (begun[rows] - 1)
        contacted[rows] = uniform(seed, index[rows], "contacted", int(month)) < expit(reached)
        action[rows] = of_arrears[begun[rows] - 1]
    untouched = group == GROUPS.index("held_out")
    return {
        "collection_group": texts(GROUPS, group),
        "collection_action": texts(tuple(actions), np.where(untouched, np.int8(-1), action)),
        "contacted": contacted & ~untouched,
    }
