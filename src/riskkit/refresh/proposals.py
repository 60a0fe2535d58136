"""The refits that are due, written beside the model in use, which stays.

Takes what is due, the card and loans; gives files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit import metrics
from riskkit.refresh.card_gains import refit_card
from riskkit.scorecard import Scorecard
from riskkit.tables import write_json

__all__ = ["save_proposals"]

CARD_FILE, RECALIBRATION_FILE = "proposal_scorecard.json", "proposal_recalibration.json"


def save_proposals(
    table: pd.DataFrame,
    card: Scorecard,
    loans: pd.DataFrame,
    later: ArrayLike,
    folder: str | Path,
) -> list[str]:
    """Write the refits that are due beside the model in use, which stays; their file names.

    Parameters
    ----------
    table : DataFrame
        Of :func:`refresh_table`. Of the parts that it says to refit, "binning" or "coefficients",
        whichever gains more for certain, writes `proposal_scorecard.json`, a whole card;
        "calibration" writes `proposal_recalibration.json`, intercept and slope of the log-odds.
    card : Scorecard
        In use; no file of it is touched.
    loans : DataFrame
        As for :func:`refit_gains`; a refit is taught by all of them, a recalibration by the later.
    later : bool array of shape (n,)
    folder : str or Path
        Of the stage that proposes.

    Returns
    -------
    list of str

    Source
    ------
    riskkit definition.
    """
    due = set(table.index[table["told"] == "refit"])
    written: list[str] = []
    y = loans["default_flag"].to_numpy(float)
    cards = table.loc[[part for part in ("coefficients", "binning") if part in due], "gain_low"]
    if len(cards):
        refit_card(card, loans, y, again=str(cards.idxmax())).save(Path(folder) / CARD_FILE)
        written.append(CARD_FILE)
    if "calibration" in due:
        is_late = np.asarray(later, dtype=bool)
        p = card.predict_proba(loans[is_late])[:, 1]
        line = metrics.calibration_fit(y[is_late], p)
        values: dict[str, Any] = {"kind": "riskkit.Recalibration", "schema_version": 1}
        values |= {name: float(value) for name, value in line.items()}
        write_json(Path(folder) / RECALIBRATION_FILE, values | {"loans": int(is_late.sum())})
        written.append(RECALIBRATION_FILE)
    return written
