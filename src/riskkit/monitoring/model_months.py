"""Whether a score still ranks and its probability still comes true, month by month.

Takes outcomes and scores; gives counts by month and score, which add up over any parts, and from
them a row per month for calibration and one for Gini, with the trend of each.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from riskkit.chance import holm, p_text
from riskkit.checks import Array, check_level, numeric_array, outcome_state, same_rows
from riskkit.columns import interval_text
from riskkit.metrics import discrimination, jeffreys_interval
from riskkit.monitoring.moved_mix import months_of
from riskkit.partitions import total
from riskkit.tables import Table

__all__ = [
    "calibration_months", "gini_months", "model_months_findings", "model_months_text",
    "month_trend", "outcome_counts",
]  # fmt: skip

SIGNIFICANT = 0.05
LEAST_EXPECTED = 5  # bads of a month, and goods
LEAST_RANKED = 10  # bads of a month, and goods: of fewer a Gini's error is not known
LEAST_MONTHS = 4
TOO_FEW, CHANCE, MORE, FEWER = (
    "too few to say", "may be chance", "more bads than promised", "fewer bads than promised",
)  # fmt: skip
FALLS, RISES, STEADY = "falls", "rises", "no trend beyond chance"


def outcome_counts(
    score: ArrayLike | str,
    y: ArrayLike | str,
    applied_at: pd.Series | str,
    *,
    table: Table | None = None,
    later_than: pd.Timestamp | None = None,
    unseen: bool = False,
) -> pd.DataFrame:
    """Goods and bads of each score by month of application; counts of two parts add up.

    Parameters
    ----------
    score : array of shape (n,)
        Higher is safer.
    y : array of shape (n,)
        1 bad, 0 good; a missing outcome is not counted.
    applied_at : Series of dates, of the same rows
    table : Table, optional
        Counted block by block; the others are then the names of its columns.
    later_than : Timestamp, optional
        Of a table, those alone who applied after this day.
    unseen : bool
        Of a table, those alone whose `sample` is not "train".

    Returns
    -------
    DataFrame, index (month, score), int64
        `good`, `bad`.

    Raises
    ------
    ValueError
        A score is missing where the outcome is known, or lengths differ.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> days = pd.Series(pd.to_datetime(["2024-01-05", "2024-01-09", "2024-02-01"]))
    >>> outcome_counts([600, 600, 500], [1, 0, None], days).to_numpy().tolist()
    [[1, 1]]
    """
    if table is not None:
        names = [str(score), str(y), str(applied_at)]
        count = partial(_outcome_block, names=names, later_than=later_than, unseen=unseen)
        columns = [*names, "sample"] if unseen else names
        return total(count, table, columns=columns)
    same_rows(score=score, y=y, applied_at=applied_at)
    points = numeric_array(score, "score", len(applied_at))
    state = outcome_state(numeric_array(y, "y", len(applied_at)))
    known = state > 0
    if np.isnan(points[known].astype(float)).any():
        raise ValueError("score must be known where the outcome is")
    keys = [months_of(applied_at[known]), pd.Index(points[known], name="score")]
    bad = (state[known] == 2).astype(np.int64)
    return (
        pd.DataFrame({"good": 1 - bad, "bad": bad})
        .groupby(keys)
        .sum()
        .rename_axis(["month", "score"])
    )


def _outcome_block(
    rows: pd.DataFrame, names: list[str], later_than: pd.Timestamp | None, unseen: bool
) -> pd.DataFrame:
    keep = np.ones(len(rows), dtype=bool)
    if later_than is not None:
        keep &= (rows[names[2]] > later_than).to_numpy(bool)
    if unseen:
        keep &= (rows["sample"] != "train").to_numpy(bool)
    score, y, applied_at = (rows.loc[keep, name] for name in names)
    return outcome_counts(score, y, applied_at)


def calibration_months(
    counts: pd.DataFrame, probability: Callable[[Array], Array], *, level: float = 0.95
) -> pd.DataFrame:
    """Bads against those promised, month by month.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`outcome_counts`, or a sum of such.
    probability : callable
        From scores to probabilities, such as a card's `score_scale.probability`.
    level : float
        Of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index month
        `n`, `bad`, `bad_rate`, `expected_bad`; `ratio` of bads to expected, `ratio_low`,
        `ratio_high` (Jeffreys); `p_value` of the bads (binomial at the mean probability, twice the
        lesser tail, which errs on the safe side), `p_adjusted` after Holm over the months; `told`:
        "more bads than promised", "fewer …", "may be chance", or "too few to say": fewer than five
        bads or goods expected.

    Source
    ------
    Holm (1979), Scandinavian Journal of Statistics 6(2); Hoeffding (1956), Annals of Mathematical
    Statistics 27(3): probabilities that differ vary no more than their mean's binomial.
    """
    check_level(level)
    records = {}
    for month, cells in counts.groupby(level="month"):
        of_score = cells.droplevel("month")
        n, bad = float(of_score.to_numpy().sum()), float(of_score["bad"].sum())
        p = np.asarray(probability(of_score.index.to_numpy()), dtype=float)
        expected = float((of_score.sum(axis=1).to_numpy() * p).sum())
        low, high = jeffreys_interval(np.array([bad]), np.array([n]), level)
        scale = n / expected if expected > 0 else np.nan
        row = {"n": n, "bad": bad, "bad_rate": bad / n, "expected_bad": expected}
        row |= {
            "ratio": bad / n * scale,
            "ratio_low": low[0] * scale,
            "ratio_high": high[0] * scale,
        }
        row["p_value"] = np.nan
        if min(expected, n - expected) >= LEAST_EXPECTED:
            mean = expected / n
            many = 1.0 if bad == 0 else float(special.betainc(bad, n - bad + 1, mean))
            few = 1.0 if bad == n else float(1 - special.betainc(bad + 1, n - bad, mean))
            row["p_value"] = min(2 * min(many, few), 1.0)
        records[month] = row
    columns = ["n", "bad", "bad_rate", "expected_bad", "ratio", "ratio_low", "ratio_high"]
    table = pd.DataFrame.from_dict(records, orient="index", columns=[*columns, "p_value"])
    table.index = pd.DatetimeIndex(table.index, name="month")
    adjusted = holm(table["p_value"])
    table.insert(len(columns) + 1, "p_adjusted", adjusted)
    beyond = np.where(table["ratio"] > 1, MORE, FEWER)
    told = np.where(adjusted <= SIGNIFICANT, beyond, CHANCE)
    told = np.where(np.isnan(adjusted), TOO_FEW, told)
    table = table.assign(told=pd.Series(told, index=table.index, dtype=str))
    return table.astype({"n": np.int64, "bad": np.int64})


def gini_months(counts: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Gini of a score by month, with DeLong's interval.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`outcome_counts`, or a sum of such.
    level : float
        In (0, 1).

    Returns
    -------
    DataFrame, index month
        `n`, `bad`, `gini`, `gini_low`, `gini_high`; NaN with fewer than ten goods or bads.

    Source
    ------
    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44(3).
    """
    check_level(level)
    records = {}
    for month, cells in counts.groupby(level="month"):
        of_score = cells.droplevel("month").assign(applications=0, booked=0)
        good, bad = int(of_score["good"].sum()), int(of_score["bad"].sum())
        row = {"n": good + bad, "bad": bad, **dict.fromkeys(_GINI, np.nan)}
        if min(good, bad) >= LEAST_RANKED:
            with warnings.catch_warnings():
                # a month may rank everybody right, or the wrong way round; the table shows both
                warnings.filterwarnings(
                    "ignore", "AUC interval is undefined|score looks reversed", UserWarning
                )
                row |= discrimination(of_score, level=level, n_boot=0)[_GINI].to_dict()
        records[month] = row
    table = pd.DataFrame.from_dict(records, orient="index", columns=["n", "bad", *_GINI])
    table.index = pd.DatetimeIndex(table.index, name="month")
    return table.astype({"n": np.int64, "bad": np.int64})


_GINI = ["gini", "gini_low", "gini_high"]


def month_trend(value: pd.Series, error: pd.Series, *, level: float = 0.95) -> pd.Series:
    """Slope a year of a monthly figure, by regression weighted with its standard errors.

    Months are taken to differ by more than their errors say where they do (χ² of the residuals
    over its degrees of freedom, at least 1), and the interval is Student's.

    Parameters
    ----------
    value, error : Series, index month
        The figure and its standard error; a month without both is left out. Errors that depend on
        the figure pull the line towards the months that look surest: state them, where that can be
        done, as they would be were nothing amiss.
    level : float
        In (0, 1).

    Returns
    -------
    Series
        `months` used, `mean`, `slope` with `slope_low`, `slope_high` (a year), `spread` and
        `p_value` (two-sided); NaN with fewer than four months.

    Source
    ------
    Weighted least squares; Birge (1932), Physical Review 40, for the spread, taken where above 1.

    Examples
    --------
    >>> months = pd.date_range("2024-01-01", periods=12, freq="MS")
    >>> falling = pd.Series(np.linspace(0.60, 0.49, 12), months)
    >>> month_trend(falling, pd.Series(0.02, months))[["slope", "slope_low"]].round(3).tolist()
    [-0.12, -0.165]
    """
    check_level(level)
    same_rows(value=value, error=error)
    known = np.isfinite(value.to_numpy(float)) & (error.to_numpy(float) > 0)
    keys = ["mean", "slope", "slope_low", "slope_high", "spread", "p_value"]
    result = {"months": float(known.sum()), **dict.fromkeys(keys, np.nan)}
    if known.sum() < LEAST_MONTHS:
        return pd.Series(result, name=value.name)
    months = pd.DatetimeIndex(value.index[known])
    years = (months.year + (months.month - 1) / 12).to_numpy(float)
    y, weight = value.to_numpy(float)[known], 1 / error.to_numpy(float)[known] ** 2
    x = years - np.average(years, weights=weight)
    mean = float(np.average(y, weights=weight))
    squares = float((weight * x**2).sum())
    slope = float((weight * x * y).sum() / squares)
    freedom = len(y) - 2
    spread = float((weight * (y - mean - slope * x) ** 2).sum() / freedom)
    off = np.sqrt(max(spread, 1.0) / squares)
    half = float(special.stdtrit(freedom, 0.5 + level / 2) * off)
    p_value = 2 * float(special.stdtr(freedom, -abs(slope) / off))
    values = [mean, slope, slope - half, slope + half, spread, p_value]
    return pd.Series(result | dict(zip(keys, values, strict=True)), name=value.name)


def _trends(calibration: pd.DataFrame, ranking: pd.DataFrame) -> pd.DataFrame:
    """Trend of bads over promised and of Gini, with p-values for the two (Holm) and a verdict."""
    promised = calibration["expected_bad"].where(calibration["told"] != TOO_FEW)
    # the error that the ratio has where the promise holds
    off = 1 / np.sqrt(promised)
    rows = {
        "ratio": month_trend(calibration["ratio"], off),
        "gini": month_trend(ranking["gini"], _gini_errors(ranking)),
    }
    table = pd.DataFrame(rows).T
    table["p_adjusted"] = holm(table["p_value"])
    ways = np.where(table["slope"] < 0, FALLS, RISES)
    told = np.where(table["p_adjusted"] <= SIGNIFICANT, ways, STEADY)
    table["told"] = np.where(table["p_adjusted"].isna(), TOO_FEW, told)
    return table


def _gini_errors(ranking: pd.DataFrame) -> pd.Series:
    """Standard error of each month's Gini if all months ranked alike.

    DeLong's own is smaller the higher the month happens to rank, and would pull the mean upwards.
    Hanley, McNeil (1982), Radiology 143(1), for the variance of an AUC.
    """
    known = ranking[ranking["gini"].notna()]
    if known.empty:
        return pd.Series(np.nan, ranking.index)
    auc = float(np.clip((1 + np.average(known["gini"], weights=known["bad"])) / 2, 0.001, 0.999))
    bad, good = ranking["bad"], ranking["n"] - ranking["bad"]
    own = auc * (1 - auc)
    both_bad, both_good = auc / (2 - auc) - auc**2, 2 * auc**2 / (1 + auc) - auc**2
    pairs = (bad * good).where(bad * good > 0)
    return 2 * np.sqrt((own + (bad - 1) * both_bad + (good - 1) * both_good) / pairs)


def model_months_text(calibration: pd.DataFrame, ranking: pd.DataFrame) -> str:
    """Whether probability and ranking have held since, as Markdown.

    Parameters
    ----------
    calibration, ranking : DataFrame
        Of :func:`calibration_months` and :func:`gini_months`.

    Source
    ------
    riskkit definition.
    """
    trends = _trends(calibration, ranking)
    text = f"{_of_calibration(calibration)} {_trend('Bads over promised', trends.loc['ratio'])}"
    gini = trends.loc["gini"]
    if gini["told"] == TOO_FEW:
        return f"{text} Too few months have bads enough to say how the Gini moves."
    mean = f"The Gini of {gini['months']:.0f} months is {gini['mean']:.3f} on average."
    return f"{text} {mean} {_trend('It', gini)}"


def _of_calibration(table: pd.DataFrame) -> str:
    tested = table[table["told"] != TOO_FEW]
    if tested.empty:
        return "Too few bads are known in any month to say whether the probability came true."
    bad, expected = tested["bad"].sum(), tested["expected_bad"].sum()
    over = "a month" if len(tested) == 1 else f"{len(tested)} months"
    text = f"Over {over} {bad:,.0f} loans went bad where {expected:,.0f} were promised"
    off = tested[tested["told"] != CHANCE]
    if off.empty:
        text += "; **in no month by more than chance** (Holm)"
    else:
        months = ", ".join(f"{row.name:%B %Y} ({_ratio(row)} times)" for _, row in off.iterrows())
        text += f"; **beyond chance** (Holm) in {months}"
    return f"{text}."


def _ratio(row: pd.Series) -> str:
    return interval_text(row["ratio"], row["ratio_low"], row["ratio_high"], "number")


def _trend(what: str, trend: pd.Series) -> str:
    if trend["told"] == TOO_FEW:
        return f"{what} is known in too few months for a trend."
    how = f"shows {STEADY}" if trend["told"] == STEADY else f"**{trend['told']}**"
    return f"{what} {how}: {_slope(trend)} a year, adjusted {p_text(trend['p_adjusted'])}."


def _slope(trend: pd.Series) -> str:
    return interval_text(trend["slope"], trend["slope_low"], trend["slope_high"], "signed")


def model_months_findings(
    calibration: pd.DataFrame, ranking: pd.DataFrame
) -> list[tuple[str, str, bool]]:
    """What of probability and ranking has slipped: topic, text, whether it is red.

    Red is more bads than promised in the last month tested; a falling Gini, a rising ratio, and
    other months are amber.

    Parameters
    ----------
    calibration, ranking : DataFrame
        Of :func:`calibration_months` and :func:`gini_months`.

    Source
    ------
    riskkit definition.
    """
    found = []
    tested = calibration[calibration["told"] != TOO_FEW]
    over = tested[tested["told"] == MORE]
    if len(over):
        row = over.iloc[-1]
        text = f"{row.name:%B %Y} has {_ratio(row)} times the bads promised, adjusted "
        found.append(
            ("Calibration", text + p_text(row["p_adjusted"]), row.name == tested.index[-1])
        )
    trends = _trends(calibration, ranking)
    for topic, name, way, label in (
        ("Calibration", "ratio", RISES, "Bads over promised"),
        ("Ranking", "gini", FALLS, "The Gini"),
    ):
        trend = trends.loc[name]
        if trend["told"] == way:
            found.append((topic, f"{label} {way}: {_slope(trend)} a year", False))
    return found
