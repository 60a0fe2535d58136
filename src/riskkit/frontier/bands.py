"""What the next band of applicants would bring: volume, bad rate and money at the margin.

Takes scores and the money of each application; gives a row per band of the score.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from riskkit import metrics
from riskkit.chance import normal_interval
from riskkit.checks import check_level, require_columns, same_rows
from riskkit.strategy import profit_sums

__all__ = ["marginal_bands"]

_MONEY = ("revenue", "funding", "loss", "cost", "profit")


def marginal_bands(
    scores: pd.DataFrame,
    loans: pd.DataFrame,
    *,
    min_bads: int = 30,
    max_bands: int = 20,
    max_never_booked: float = 0.2,
    level: float = 0.95,
) -> pd.DataFrame:
    """What each band of a score lets in, and what all at or above it bring, with intervals.

    profit = revenue − funding − loss − cost, of loans of known outcome, to the fen; `margin` of
    :func:`riskkit.strategy.loan_values` is revenue − funding. A band holds neighbouring scores in
    which at least `min_bads` bads are expected by the logistic line of bad on the score, so that
    its bounds do not hang on the very bads that it counts.

    Parameters
    ----------
    scores : DataFrame of shape (n, n_models)
        Higher is safer.
    loans : DataFrame of shape (n, 8 or more)
        approved, booked, default_flag, and margin_fen, loss_fen, cost_fen, revenue_fen,
        funding_fen of :func:`riskkit.strategy.loan_values`.
    min_bads : int
        Bads expected in a band, at least.
    max_bands : int
        Bands of a model, at most.
    max_never_booked, level
        As in :func:`riskkit.strategy.cutoff_table`.

    Returns
    -------
    DataFrame, index (model, cutoff), from the safest band down
        `score_high`: the band's highest score. Of the band (those let in between this cutoff and
        the next higher one): `marginal_applications`, `marginal_loans` (known outcomes),
        `marginal_bad`, `marginal_bad_rate`, `marginal_profit_amount`,
        `marginal_per_loan_amount`. Of all at or above the cutoff: `applications`,
        `approval_rate`, `loans`, `bad`, `bad_rate`, and `revenue_amount` and `funding_amount` (of
        the goods), `loss_amount` (of the bads), `cost_amount` (of both: acquisition and
        operation), `profit_amount`. Rates and amounts carry `_low` and `_high`: Jeffreys'
        interval of a rate; of money the normal one over draws of as many known loans, that of the
        bands' profit for all bands of a model together (Bonferroni).
        `few`: fewer than `min_bads` known bads in the band; `inferred`, as in the cutoff table,
        of all at or above. A model without known outcome has one band of NaN.

    Raises
    ------
    ValueError
        No application, a column is missing, lengths differ, or an option is out of range.

    Source
    ------
    Thomas, Edelman, Crook (2002), Credit Scoring and Its Applications; riskkit definition.
    """
    same_rows(scores=scores, loans=loans)
    check_level(level)
    named = ("margin_fen", "loss_fen", "cost_fen", "revenue_fen", "funding_fen")
    require_columns(loans, ["booked", "default_flag", *named], "loans")
    if loans.empty:
        raise ValueError("there must be an application to make a band of, got none")
    for name, value in (("min_bads", min_bads), ("max_bands", max_bands)):
        if not value >= 1:
            raise ValueError(f"{name} must be >= 1, got {value!r}")
    if not 0 <= max_never_booked <= 1:
        raise ValueError(f"max_never_booked must lie in [0, 1], got {max_never_booked!r}")
    y = loans["default_flag"]
    sums = profit_sums(loans, y)
    profit = sums["margin_fen"] - sums["loss_fen"] - sums["cost_fen"]
    sums["profit_fen"] = profit
    sums = sums.drop(columns=["margin_fen", "profit_squares"])
    squares = (sums.astype(float) ** 2).add_suffix("_squares")
    both = pd.concat([sums, squares], axis=1)
    tables = {}
    for model in scores:
        counts = metrics.score_counts(scores[model], y, booked=loans["booked"], sums=both)
        found = _bands(counts, min_bads, max_bands, level)
        found["inferred"] = 1 - found.pop("booked") / found["applications"] > max_never_booked
        found["few"] = found["marginal_bad"] < min_bads
        tables[model] = found
    return pd.concat(tables, names=["model", "cutoff"])


def _bands(counts: pd.DataFrame, min_bads: int, max_bands: int, level: float) -> pd.DataFrame:
    """The bands of one model."""
    down = counts.sort_index(ascending=False)
    band = _band_numbers(down, min_bads, max_bands)
    scores = pd.Series(down.index.to_numpy(), dtype=float).groupby(band)
    each = down.groupby(band).sum().set_axis(pd.Index(scores.min(), name="cutoff"))
    above = each.cumsum()
    n_known = float((above["good"] + above["bad"]).iloc[-1])
    together = 1 - (1 - level) / len(each)
    table = pd.DataFrame({"score_high": scores.max().to_numpy()}, index=each.index)
    for prefix, part in (("marginal_", each), ("", above)):
        table[f"{prefix}applications"] = part["applications"]
        if not prefix:
            asked = part["applications"]
            _rate(table, "approval", asked, asked.iloc[-1] + 0 * asked, level)
        loans = part["good"] + part["bad"]
        table[f"{prefix}loans"], table[f"{prefix}bad"] = loans, part["bad"]
        _rate(table, f"{prefix}bad", part["bad"], loans, level)
        for name in _MONEY if not prefix else ("profit",):
            total = part[f"{name}_fen"] / 100
            squares = part[f"{name}_fen_squares"] / 100**2
            ends = normal_interval(total, squares, n_known, together if prefix else level)
            table[f"{prefix}{name}_amount"] = total
            table[f"{prefix}{name}_low"], table[f"{prefix}{name}_high"] = ends
        if prefix:
            size = loans.where(loans > 0)
            for end in ("amount", "low", "high"):
                table[f"marginal_per_loan_{end}"] = table[f"marginal_profit_{end}"] / size
    return table.assign(booked=above["booked"])


def _band_numbers(down: pd.DataFrame, min_bads: int, max_bands: int) -> np.ndarray:
    """Number of the band of each score, from the safest down."""
    score, good, bad = (v.to_numpy(float) for v in (down.index, down["good"], down["bad"]))
    n = good + bad
    weight = np.concatenate([good, bad])
    seen = weight > 0
    outcome = np.repeat([0.0, 1.0], len(down))
    line = metrics.logistic_line(np.tile(score, 2)[seen], outcome[seen], weight[seen])
    # without a line every loan is as likely to be bad
    chance = special.expit(line[0] + line[1] * score) if line else bad.sum() / max(n.sum(), 1.0)
    expected = n * chance
    most = int(min(max(expected.sum() // min_bads, 1), max_bands))
    share = expected.sum() / most
    if not share > 0:
        return np.zeros(len(down), dtype=np.int64)
    # a score belongs to the band in which its first bad is expected
    before = np.append(0.0, expected.cumsum()[:-1])
    return np.minimum((before / share + 1e-9).astype(np.int64), most - 1)


def _rate(table: pd.DataFrame, name: str, part: pd.Series, whole: pd.Series, level: float) -> None:
    """A rate with its Jeffreys interval, NaN of nobody."""
    low, high = metrics.jeffreys_interval(part.to_numpy(float), whole.to_numpy(float), level)
    table[f"{name}_rate"] = part / whole.where(whole > 0)
    for end, value in (("low", low), ("high", high)):
        table[f"{name}_rate_{end}"] = np.where(whole > 0, value, np.nan)
