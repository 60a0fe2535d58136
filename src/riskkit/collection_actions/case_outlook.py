"""What a case brings by itself and with collections: probabilities, effect, and worth of a payment.

Takes cases of the past; gives a fitted outlook and, of open cases, the chance that they go on to a
worse bucket by how hard collections work, and what either end is worth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from riskkit.binning import WoeBinner
from riskkit.chance import MIN_BADS
from riskkit.checks import require_columns
from riskkit.collection_actions.cases import HELD_OUT, has_control
from riskkit.columns import calendar_months
from riskkit.scorecard import NoFeatureLeft, Scorecard

__all__ = ["Outlook", "fit_outlook"]

Array = NDArray[np.float64]

FEATURES = ("bucket", "mob", "late_months", "score")
BANDS = 4  # of cases in a bucket, by their chance of going on to a worse one
_STEPS = 50
# of the logit: no figure shows it
_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Outlook:
    """What was learnt of cases by a day.

    Parameters
    ----------
    card : Scorecard
        Probability of a worse bucket at the next month-end, of cases that are collected today's
        way.
    effects : DataFrame, index bucket
        `held_out_cases`; `measured`, by how much being left alone raises the log-odds of a worse
        bucket, and its standard `measured_error`; `effect` and `effect_error`, drawn towards the
        mean of all buckets as far as the draws cannot tell them apart.
    mean_effect, mean_error : float
        Of all buckets together.
    worth : DataFrame, index (bucket, band)
        `highest_rate`, where the band ends; shares of the balance that came within the horizon
        where the case did not go on to a worse bucket (`spared_rate`) and where it did
        (`rolled_rate`), with `spared_error` and `rolled_error`; `cases`.
    held_out_rate : float
        Share of cases that are left alone.
    horizon_months : int
    """

    card: Scorecard
    effects: pd.DataFrame
    mean_effect: float
    mean_error: float
    worth: pd.DataFrame
    held_out_rate: float
    horizon_months: int

    def rolls(self, cases: pd.DataFrame) -> Array:
        """Log-odds of a worse bucket at the next month-end, under today's collections."""
        names = [name for name in FEATURES if name in cases]
        return _log_odds(self.card.predict_proba(cases[names])[:, 1])

    def effect(self, cases: pd.DataFrame) -> Array:
        """What today's collections take off these log-odds."""
        return self.effects["effect"].reindex(cases["bucket"]).fillna(self.mean_effect).to_numpy()

    def place(self, cases: pd.DataFrame, rolls: Array) -> NDArray[np.intp]:
        """Row of `worth` that each case belongs to."""
        known = self.worth.index.get_level_values("bucket").to_numpy()
        rate = special.expit(rolls)
        found = np.zeros(len(cases), dtype=np.intp)
        for bucket in np.unique(cases["bucket"]):
            rows = np.flatnonzero(cases["bucket"] == bucket)
            # a bucket never seen is worth what the nearest one is
            nearest = known[np.abs(known - bucket).argmin()]
            places = np.flatnonzero(known == nearest)
            ends = self.worth["highest_rate"].to_numpy()[places][:-1]
            found[rows] = places[np.searchsorted(ends, rate[rows])]
        return found


def fit_outlook(
    cases: pd.DataFrame, known_by: pd.Timestamp | str, *, horizon_months: int = 6
) -> Outlook | None:
    """Outlook of collection cases from what was known of others by a day.

    1. A card on the cases that were collected: the chance of a worse bucket next month.
    2. By bucket, how far the log-odds of the cases left alone lie above the card's, and of those
       collected, fitted by maximum likelihood with the card's log-odds as offset; the difference is
       the effect. What the draws cannot tell apart is drawn towards the common mean (DerSimonian,
       Laird 1986): the best of several noisy effects would else always promise too much.
    3. By bucket and fourth of the chance, what share of the balance came within the horizon, of
       cases that did and did not go on to a worse bucket.

    Parameters
    ----------
    cases : DataFrame
        Of :func:`collection_cases`, with a control group and amounts.
    known_by : date
        A month-end; what lies after it is not read. The panel may go on.
    horizon_months : int
        That the cases were made with.

    Returns
    -------
    Outlook or None
        None without a control group or amounts, or with fewer than 30 cases left alone, or fewer
        than 30 that went on to a worse bucket or did not.

    Raises
    ------
    DataContractError
        A missing column.

    Source
    ------
    riskkit definition; DerSimonian, Laird (1986), Meta-analysis in clinical trials, Controlled
    Clinical Trials 7(3).
    """
    require_columns(cases, ["loan_id", "month_end", "bucket", "rolled"], "cases")
    if not has_control(cases) or not {"balance", "collected_later"} <= set(cases):
        return None
    last = calendar_months([pd.Timestamp(known_by).to_datetime64()])[0]
    month = calendar_months(cases["month_end"])
    known = cases[(month + 1 <= last) & cases["rolled"].notna() & cases["group"].notna()]
    held = known["group"] == HELD_OUT
    treated = known[~held]
    n_rolled = int(treated["rolled"].sum())
    if min(int(held.sum()), n_rolled, len(treated) - n_rolled) < MIN_BADS:
        return None
    card = _card(treated)
    if card is None:
        return None
    offset = _log_odds(card.predict_proba(known[[n for n in FEATURES if n in known]])[:, 1])
    effects, mean, error = _effects(known, offset, held.to_numpy())
    over = (month + horizon_months <= last) & cases["collected_later"].notna()
    ripe = known[over[known.index]]
    worth = _worth(ripe, special.expit(offset[over[known.index].to_numpy()]))
    if worth.empty:
        return None
    return Outlook(card, effects, mean, error, worth, float(held.mean()), horizon_months)


def _card(treated: pd.DataFrame) -> Scorecard | None:
    features = treated[[name for name in FEATURES if name in treated]]
    features = features.loc[:, features.notna().any()]
    binner = WoeBinner(max_bins=8, min_bin_size=0.02, min_bads=10, infeasible="one_bin")
    try:
        return Scorecard(binner, max_p_value=None).fit(features, treated["rolled"])
    except NoFeatureLeft:
        return None


def _effects(
    known: pd.DataFrame, offset: Array, held: NDArray[np.bool_]
) -> tuple[pd.DataFrame, float, float]:
    """Effects by bucket, measured and drawn together; their mean and its standard error."""
    bucket, rolled = known["bucket"].to_numpy(), known["rolled"].to_numpy(float)
    rows = {}
    for each in np.unique(bucket):
        alone, usual = (
            _shift(offset[rows], rolled[rows])
            for rows in ((bucket == each) & held, (bucket == each) & ~held)
        )
        rows[int(each)] = {
            "held_out_cases": int(((bucket == each) & held).sum()),
            "measured": alone[0] - usual[0],
            "measured_error": float(np.hypot(alone[1], usual[1])),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="bucket")
    table = table.astype({"held_out_cases": np.int64})
    told = table["measured"].notna().to_numpy()
    effect = table["measured"].to_numpy(float)[told]
    variance = table["measured_error"].to_numpy(float)[told] ** 2
    if not told.any():  # all left alone went on, or none did, in every bucket
        alone, usual = (_shift(offset[rows], rolled[rows]) for rows in (held, ~held))
        mean, error = alone[0] - usual[0], float(np.hypot(alone[1], usual[1]))
        return table.assign(effect=mean, effect_error=error), mean, error
    fixed = 1 / variance
    centre = float(fixed @ effect / fixed.sum())
    spare = fixed.sum() - (fixed**2).sum() / fixed.sum()
    apart = float(fixed @ (effect - centre) ** 2) - (len(effect) - 1)
    between = max(apart / spare, 0.0) if spare > 0 else 0.0
    weight = 1 / (variance + between)
    mean = float(weight @ effect / weight.sum())
    error = float(1 / np.sqrt(weight.sum()))
    drawn = between / (between + variance)
    table["effect"], table["effect_error"] = mean, float(np.hypot(error, np.sqrt(between)))
    table.loc[told, "effect"] = drawn * effect + (1 - drawn) * mean
    table.loc[told, "effect_error"] = np.sqrt(drawn * variance + ((1 - drawn) * error) ** 2)
    return table, mean, error


def _shift(offset: Array, rolled: Array) -> tuple[float, float]:
    """What added to log-odds makes them right on average, and its standard error.

    NaN where all or none of the cases went on, or there is none: no finite shift is the best.
    """
    if not 0 < rolled.sum() < len(rolled):
        return np.nan, np.nan
    shift = 0.0
    for _ in range(_STEPS):
        rate = special.expit(offset + shift)
        step = float((rolled - rate).sum() / (rate * (1 - rate)).sum())
        # a step beyond the data's own scale would only come back
        shift += float(np.clip(step, -2, 2))
        if abs(step) < _TOLERANCE:
            break
    rate = special.expit(offset + shift)
    return shift, float(1 / np.sqrt((rate * (1 - rate)).sum()))


def _worth(ripe: pd.DataFrame, rate: Array) -> pd.DataFrame:
    """Shares of the balance that came, by bucket, band and whether the case went on."""
    rows = {}
    balance, came = ripe["balance"].to_numpy(float), ripe["collected_later"].to_numpy(float)
    rolled, bucket = ripe["rolled"].to_numpy() == 1, ripe["bucket"].to_numpy()
    loan = pd.factorize(ripe["loan_id"])[0]
    for each in np.unique(bucket):
        inside = bucket == each
        # fewer bands where some would hold fewer than 30 cases of either end
        for bands in range(BANDS, 0, -1):
            ends = np.quantile(rate[inside], np.arange(1, bands + 1) / bands)
            band = np.minimum(np.searchsorted(ends, rate), bands - 1)
            sizes = [
                int((inside & (band == k) & (rolled == end)).sum())
                for k in range(bands)
                for end in (False, True)
            ]
            if min(sizes) >= MIN_BADS:
                break
        if min(sizes) < MIN_BADS:
            continue
        for k in range(bands):
            cell = inside & (band == k)
            row = {"highest_rate": float(ends[k]), "cases": int(cell.sum())}
            for name, some in (("spared", cell & ~rolled), ("rolled", cell & rolled)):
                row |= _share(balance[some], came[some], loan[some], name)
            rows[int(each), k + 1] = row
    names = ["bucket", "band"]
    if not rows:
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[], []], names=names))
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(list(rows), names=names)
    return table


def _share(balance: Array, came: Array, loan: NDArray[np.intp], name: str) -> dict[str, float]:
    """A ratio of sums, and its standard error over loans."""
    share = came.sum() / balance.sum()
    residuals = np.bincount(loan, weights=came - share * balance)
    return {
        f"{name}_rate": float(share),
        f"{name}_error": float(np.sqrt((residuals**2).sum()) / balance.sum()),
    }


def _log_odds(probability: Array) -> Array:
    return np.asarray(special.logit(np.clip(probability, 1e-6, 1 - 1e-6)), dtype=float)
