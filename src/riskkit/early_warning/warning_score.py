"""The monthly score of running loans: fitted to what is over, judged on what came after.

Takes landmarks; gives cards for loans with and without something past due, and the probability of
each later landmark.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.binning import WoeBinner
from riskkit.chance import MIN_BADS
from riskkit.checks import require_columns
from riskkit.columns import calendar_months
from riskkit.early_warning.landmarks import BEHAVIOUR, WarningDefinition
from riskkit.scorecard import NoFeatureLeft, Scorecard

__all__ = ["WarningScore", "fit_warning", "judge_warning"]

CURRENT, PAST_DUE, EVERYBODY = "nothing past due", "past due", "all"
# few loans are past due at all, and their bins would drown in a twentieth of all rows
LEAST_BIN, LEAST_BIN_PAST_DUE = 0.005, 0.05
LEAST_BIN_BADS = 20


@dataclass(frozen=True, eq=False)
class WarningScore:
    """Cards fitted to landmarks whose outcome was known.

    Parameters
    ----------
    cards : dict of str to Scorecard
        For loans with "nothing past due" and for those "past due"; one for "all" where either has
        too few bads or goods. What says little of those who owe nothing may say much of those who
        are behind, and the other way round.
    taught : DataFrame, index group
        `landmarks`, `loans`, `bad` that each card was fitted to, `first` and `last`, the month-ends
        of these landmarks.
    definition : WarningDefinition
    """

    cards: dict[str, Scorecard]
    taught: pd.DataFrame
    definition: WarningDefinition

    def probability(self, landmarks: pd.DataFrame) -> NDArray[np.float64]:
        """Probability of the event, of each landmark; reads nothing that lies after it."""
        groups = _groups(landmarks, split=EVERYBODY not in self.cards)
        found = np.full(len(landmarks), np.nan)
        for name, card in self.cards.items():
            rows = np.flatnonzero(groups == name)
            if len(rows):
                found[rows] = card.predict_proba(_features(landmarks.iloc[rows]))[:, 1]
        return found

    @property
    def coefficients(self) -> pd.DataFrame:
        """What each card reads: one row a feature, one column a card; NaN where it is not on it."""
        table = pd.DataFrame({name: card.coefficients_ for name, card in self.cards.items()})
        order = [name for name in BEHAVIOUR if name in table.index]
        table = table.loc[order].rename_axis(index="feature")
        table.insert(0, "what", [BEHAVIOUR[name] for name in order])
        return table


def fit_warning(
    panel: pd.DataFrame,
    before: pd.Timestamp | str,
    *,
    definition: WarningDefinition | None = None,
) -> WarningScore | None:
    """Early-warning score of the landmarks whose outcome was known before a month-end.

    A landmark takes part only if the last month-end of its horizon lies before `before`: an
    embargo, without which the outcomes that teach would overlap those that judge. A logistic
    regression on the WoE of the features, by card; features enter by the sign of their coefficient
    alone, since loans that come back month after month are no independent rows to test them on.

    Parameters
    ----------
    panel : DataFrame
        Of :func:`landmark_panel`.
    before : date
        A month-end, such as the first one judged.
    definition : WarningDefinition, optional
        That the panel was made with.

    Returns
    -------
    WarningScore or None
        None where fewer than 30 landmarks went bad, or as few did not.

    Raises
    ------
    DataContractError
        A missing column.

    Source
    ------
    riskkit definition; López de Prado (2018), Advances in Financial Machine Learning, ch. 7, for
    the embargo.
    """
    definition = definition if definition is not None else WarningDefinition()
    require_columns(panel, ["loan_id", "month_end", "dpd", "flag"], "landmarks")
    last = calendar_months([pd.Timestamp(before).to_datetime64()])[0]
    over = calendar_months(panel["month_end"]) + definition.horizon_months < last
    known = panel[over & panel["flag"].notna().to_numpy()]
    for split in (True, False):
        groups = _groups(known, split=split)
        names = [CURRENT, PAST_DUE] if split else [EVERYBODY]
        parts = {name: known[groups == name] for name in names}
        if all(_is_enough(part) for part in parts.values()):
            cards = {name: _card(part, name) for name, part in parts.items()}
            fitted = {name: card for name, card in cards.items() if card is not None}
            if len(fitted) == len(parts):
                taught = pd.DataFrame({name: _taught(part) for name, part in parts.items()}).T
                counts = dict.fromkeys(["landmarks", "loans", "bad"], np.int64)
                return WarningScore(fitted, taught.astype(counts), definition)
    return None


def judge_warning(
    panel: pd.DataFrame,
    *,
    months: int = 6,
    leave_out: pd.Series | None = None,
    definition: WarningDefinition | None = None,
) -> tuple[pd.DataFrame, WarningScore | None]:
    """The newest landmarks of known outcome, scored by cards that knew nothing of their time.

    Parameters
    ----------
    panel : DataFrame
        Of :func:`landmark_panel`.
    months : int
        Month-ends that judge: the last ones whose outcomes are known.
    leave_out : Series of loan_id, optional
        Loans not to judge on, such as those that taught the score at origination, which would
        flatter it.
    definition : WarningDefinition, optional
        That the panel was made with.

    Returns
    -------
    (DataFrame, WarningScore or None)
        The judged landmarks with `probability`; no rows, and None, where there is nothing to fit
        to, or nothing to judge on.

    Raises
    ------
    ValueError
        `months` below 1.

    Source
    ------
    riskkit definition.
    """
    if months < 1:
        raise ValueError(f"months must be >= 1, got {months!r}")
    known = panel[panel["flag"].notna()]
    ends = known["month_end"].drop_duplicates().nlargest(months)
    nothing = known[:0].assign(probability=np.array([], dtype=float))
    if ends.empty:
        return nothing, None
    score = fit_warning(panel, ends.min(), definition=definition)
    judged = known[known["month_end"].isin(ends)]
    if leave_out is not None:
        judged = judged[~judged["loan_id"].isin(leave_out)]
    judged = judged.reset_index(drop=True)
    if score is None or judged.empty:
        return nothing, None
    return judged.assign(probability=score.probability(judged)), score


def _groups(landmarks: pd.DataFrame, *, split: bool) -> NDArray[np.object_]:
    if not split:
        return np.full(len(landmarks), EVERYBODY, dtype=object)
    return np.where(landmarks["dpd"].to_numpy() > 0, PAST_DUE, CURRENT).astype(object)


def _features(landmarks: pd.DataFrame) -> pd.DataFrame:
    return landmarks[[name for name in BEHAVIOUR if name in landmarks]]


def _is_enough(part: pd.DataFrame) -> bool:
    bad = int(part["flag"].sum())
    return min(bad, len(part) - bad) >= MIN_BADS


def _card(part: pd.DataFrame, name: str) -> Scorecard | None:
    """The card of some landmarks; None where no feature tells anything of them."""
    features = _features(part)
    # a column without any value is no feature of these loans
    features = features.loc[:, features.notna().any()]
    least = LEAST_BIN_PAST_DUE if name == PAST_DUE else LEAST_BIN
    binner = WoeBinner(
        max_bins=6, min_bin_size=least, min_bads=LEAST_BIN_BADS, infeasible="one_bin"
    )
    try:
        return Scorecard(binner, max_p_value=None).fit(features, part["flag"])
    except NoFeatureLeft:
        return None


def _taught(part: pd.DataFrame) -> pd.Series:
    return pd.Series(
        {
            "landmarks": len(part),
            "loans": part["loan_id"].nunique(),
            "bad": int(part["flag"].sum()),
            "first": part["month_end"].min(),
            "last": part["month_end"].max(),
        }
    )
