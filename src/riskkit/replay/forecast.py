"""What a policy will approve, lose and earn, said before it happens.

Takes loans of earlier months and the applications of later ones with whom a policy approves; gives
approval rate, bad rate and profit, each with a prediction interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from riskkit.checks import (
    check_level,
    flag_array,
    numeric_array,
    refuse_missing,
    require_columns,
    same_rows,
)

__all__ = ["OutcomeCurve", "fit_outcomes", "forecast", "foretell"]

# fewer random approvals say nothing of those who were declined
_FEWEST_EXPLORED = 20
# a prior of the odds of the declined against those of the granted of their score: from a quarter
# to four times, nineteen times of twenty; it is felt where few were approved at random
_UPLIFT_SD = 0.7
_PAST = ("score", "approved", "booked", "default_flag", "applied_at")
_ASKED = ("score", "applied_at", "passed_today", "margin_fen", "loss_fen", "cost_fen")
_MONEY = ("margin_fen", "loss_fen", "cost_fen")


@dataclass(frozen=True)
class OutcomeCurve:
    """What loans of earlier months say of later ones.

    Parameters
    ----------
    knots : float array of shape (3,)
        Scores between which the curve of log-odds bends; beyond them it is a straight line.
    coefficients : float array of shape (3,)
        Of the terms of :func:`_terms`.
    covariance : float array of shape (3, 3)
    uplift, uplift_error : float
        What having been declined by the old policy adds to the log-odds, with its standard error;
        of a source that approved nobody at random it is 0, and not known.
    n_explored : int
        Loans approved at random that tell it.
    month_sd : float
        Standard deviation between months of the log-odds, beyond the chance of their loans.
    take_up, take_up_covariance : float arrays of shape (3,), (3, 3)
        As the coefficients, of taking an offer.
    n_bad : int
        Bads behind the curve.
    monthly_rates : float array of shape (n_months,)
        Approval rate of the policy in each of the earlier months.
    """

    knots: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    uplift: float
    uplift_error: float
    n_explored: int
    month_sd: float
    take_up: np.ndarray
    take_up_covariance: np.ndarray
    n_bad: int
    monthly_rates: np.ndarray

    @property
    def knows_declined(self) -> bool:
        """Whether loans approved at random tell how the declined repay."""
        return self.n_explored >= _FEWEST_EXPLORED


def fit_outcomes(past: pd.DataFrame, approved: np.ndarray | None = None) -> OutcomeCurve:
    """What earlier months say of how loans turn out, by score.

    Parameters
    ----------
    past : DataFrame of shape (n, 5 or 6)
        score; approved, booked (bool, by the old policy); default_flag (missing where unknown);
        applied_at; and explored (bool: approved at random), where the source has it. Of loans that
        taught no model, or their scores flatter.
    approved : bool array of shape (n,), optional
        Whom the policy to be forecast would have approved; by default the old policy's own.

    Returns
    -------
    OutcomeCurve

    Raises
    ------
    DataContractError
        A column is missing.
    ValueError
        Fewer than ten bads or ten goods, or a few scores alone.

    Source
    ------
    riskkit definition: a logistic curve by maximum likelihood, its bend a restricted cubic spline
    (Harrell 2015, Regression Modeling Strategies, 2.4.5); the declined by a second likelihood
    of the loans approved at random, of which the share that would have been declined is known at
    each score; DerSimonian, Laird (1986), Controlled Clinical Trials 7(3), for the moments of the
    spread between months.
    """
    require_columns(past, _PAST, "past applications")
    n = len(past)
    score = numeric_array(past["score"], "score", n).astype(float)
    refuse_missing(score, "score")
    if np.isinf(score).any():
        raise ValueError(f"score must be finite, got {int(np.isinf(score).sum())} that are not")
    passed, booked = (flag_array(past[name], name, n) for name in ("approved", "booked"))
    flag = numeric_array(past["default_flag"], "default_flag", n).astype(float)
    explored = np.zeros(n, bool)
    if "explored" in past:
        explored = flag_array(past["explored"], "explored", n)
    known = ~np.isnan(flag) & ~explored
    if fault := _too_little(score[known], flag[known]):
        raise ValueError(f"a forecast needs {fault}")
    bad, knots = flag[known], _knots(score[known])
    coefficients, covariance = _logistic(_terms(score[known], knots), bad)
    told = explored & ~np.isnan(flag)
    uplift, error = 0.0, _UPLIFT_SD
    if told.sum() >= _FEWEST_EXPLORED:
        declined = (~passed[~explored]).astype(float)
        declining, _ = _logistic(_terms(score[~explored], knots), declined)
        terms = _terms(score[told], knots)
        share = special.expit(terms @ declining)
        uplift, error = _uplift(terms @ coefficients, share, flag[told])
    granted = passed & ~explored
    months = past["applied_at"].to_numpy("datetime64[M]")
    taken = _logistic(_terms(score[granted], knots), booked[granted].astype(float))
    whom = passed if approved is None else flag_array(approved, "approved", n)
    return OutcomeCurve(
        knots=knots,
        coefficients=coefficients,
        covariance=covariance,
        uplift=uplift,
        uplift_error=error,
        n_explored=int(told.sum()),
        month_sd=_month_sd(_terms(score[known], knots) @ coefficients, bad, months[known]),
        take_up=taken[0],
        take_up_covariance=taken[1],
        n_bad=int(bad.sum()),
        monthly_rates=pd.Series(whom).groupby(months).mean().to_numpy(float),
    )


def _knots(score: np.ndarray) -> np.ndarray:
    """Those of Harrell; a straight line promised too much at both ends of the synthetic book."""
    return np.quantile(score, [0.1, 0.5, 0.9])


def _too_little(score: np.ndarray, bad: np.ndarray) -> str:
    """What known loans lack for a forecast; empty where it is enough."""
    n_bad, n_good = int((bad == 1).sum()), int((bad == 0).sum())
    if min(n_bad, n_good) < 10:
        return f"ten goods and ten bads, got {n_good} and {n_bad}"
    return "" if (np.diff(_knots(score)) > 0).all() else "loans of more than a few scores"


def _terms(score: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """1, the score, and the one term of a cubic spline that is straight beyond its outer knots."""
    first, middle, last = knots
    scale = last - first

    def cubed(x: np.ndarray) -> np.ndarray:
        return np.maximum(x / scale, 0) ** 3

    bend = cubed(score - first)
    bend -= cubed(score - middle) * scale / (last - middle)
    bend += cubed(score - last) * (middle - first) / (last - middle)
    return np.column_stack([np.ones(len(score)), (score - middle) / scale, bend])


def _logistic(terms: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and their covariance, under a ridge too slight to be felt by twenty bads."""
    ridge = 1e-3 * np.eye(terms.shape[1])
    beta = np.zeros(terms.shape[1])
    for _ in range(100):
        p = special.expit(terms @ beta)
        information = terms.T @ (terms * (p * (1 - p))[:, None]) + ridge
        step = np.linalg.solve(information, terms.T @ (y - p) - ridge @ beta)
        beta = beta + step * min(1.0, 3 / float(np.abs(step).max()))
        if np.abs(step).max() < 1e-9:
            break
    return beta, np.linalg.inv(information)


def _uplift(logit: np.ndarray, share: np.ndarray, bad: np.ndarray) -> tuple[float, float]:
    """Log-odds that the declined have above their score, where each is one with a known chance."""
    granted = special.expit(logit)

    def loss(u: float) -> float:
        p = (1 - share) * granted + share * special.expit(logit + u)
        return (
            float(-special.xlogy(bad, p).sum() - special.xlog1py(1 - bad, -p).sum())
            + (u / _UPLIFT_SD) ** 2 / 2
        )

    found = optimize.minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded")
    u, h = float(found.x), 0.05
    curvature = (loss(u + h) - 2 * loss(u) + loss(u - h)) / h**2
    return u, float(1 / np.sqrt(max(curvature, 1 / _UPLIFT_SD**2)))


def _month_sd(logit: np.ndarray, bad: np.ndarray, months: np.ndarray) -> float:
    """Spread of the months' log-odds around the curve, beyond that of their loans."""
    p = special.expit(logit)
    sums = pd.DataFrame({"more": bad - p, "variance": p * (1 - p)}).groupby(months).sum()
    if len(sums) < 3:
        return 0.0
    weight = sums["variance"].to_numpy()
    q = float((sums["more"] ** 2 / sums["variance"]).sum())
    spread = (q - (len(sums) - 1)) / (weight.sum() - (weight**2).sum() / weight.sum())
    return float(np.sqrt(max(spread, 0.0)))


def forecast(
    curve: OutcomeCurve,
    asked: pd.DataFrame,
    approved: np.ndarray,
    *,
    level: float = 0.95,
    n_draws: int = 1_000,
    seed: int = 1,
) -> pd.DataFrame:
    """What comes of a policy on applications whose outcomes nobody knows yet.

    Parameters
    ----------
    curve : OutcomeCurve
        Of earlier months.
    asked : DataFrame of shape (n, 6 or more)
        score; applied_at; passed_today (bool: whom the old policy approves); margin_fen, loss_fen
        and cost_fen of each as a loan, of :func:`riskkit.strategy.loan_values`.
    approved : bool array of shape (n,)
        Whom the policy approves.
    level, n_draws, seed
        Of the intervals, and of the draws they are made of.

    Returns
    -------
    DataFrame of shape (3, 3), index figure
        approval_rate (a straight line through those of the earlier months), bad_rate (of the loans
        booked) and profit_amount (units of the currency): predicted, low, high. The interval holds
        what is not known of the line, of the declined and of the take-up, the spread between
        months, and the chance of the loans themselves.

    Raises
    ------
    DataContractError
        A column is missing.
    ValueError
        Lengths differ, a score or an amount is not finite, or an option is out of range.

    Source
    ------
    riskkit definition.
    """
    same_rows(asked=asked, approved=approved)
    require_columns(asked, _ASKED, "applications asked about")
    check_level(level)
    if n_draws < 2:
        raise ValueError(f"n_draws must be at least 2, got {n_draws!r}")
    for name in ("score", *_MONEY):
        if not np.isfinite(numeric_array(asked[name], name).astype(float)).all():
            raise ValueError(f"{name} must be finite everywhere")
    passed = flag_array(approved, "approved", len(asked))
    cells = _cells(asked[passed])
    rng = np.random.default_rng(seed)
    terms = _terms(cells["score"].to_numpy(), curve.knots)
    taking = rng.multivariate_normal(curve.take_up, curve.take_up_covariance, n_draws)
    take_up = special.expit(taking @ terms.T)
    drawn = rng.multivariate_normal(curve.coefficients, curve.covariance, n_draws)
    up = rng.normal(curve.uplift, curve.uplift_error, n_draws)
    month = rng.normal(0.0, curve.month_sd, n_draws)
    logit = drawn @ terms.T + month[:, None]
    logit += np.outer(up, cells["was_declined"])
    p = special.expit(logit)
    n, margin, lost = (cells[name].to_numpy() for name in ("n", "margin", "lost"))
    booked = rng.binomial(n.astype(np.int64), take_up)
    bads = rng.binomial(booked, p)
    # each loan's own money: its mean over take-up and outcome, and the variance around it
    mean = take_up * (margin - p * lost)
    square = take_up * ((1 - p) * cells["margin2"].to_numpy() + p * cells["loss2"].to_numpy())
    own = take_up**2 * (
        cells["margin2"].to_numpy()
        - 2 * p * cells["cross"].to_numpy()
        + p**2 * cells["lost2"].to_numpy()
    )
    variance = np.maximum((square - own).sum(axis=1), 0)
    profit = (mean.sum(axis=1) + np.sqrt(variance) * rng.normal(size=n_draws)) / 100
    with np.errstate(invalid="ignore"):
        rate = bads.sum(axis=1) / booked.sum(axis=1)
    n_months = asked["applied_at"].dt.to_period("M").nunique()
    middle, low, high = _monthly(curve.monthly_rates, n_months, len(asked), level)
    rows = {"approval_rate": (middle, low, high)}
    ends = [0.5 - level / 2, 0.5 + level / 2]
    for name, draws in (("bad_rate", rate), ("profit_amount", profit)):
        rows[name] = (draws.mean(), *np.quantile(draws, ends)) if passed.any() else (np.nan,) * 3
    return pd.DataFrame.from_dict(
        rows, orient="index", columns=["predicted", "low", "high"]
    ).rename_axis("figure")


def foretell(
    past: pd.DataFrame, approved_before: np.ndarray, asked: pd.DataFrame, approved: np.ndarray
) -> tuple[OutcomeCurve | None, pd.DataFrame | None]:
    """What earlier months say, and the forecast by it; None where they say too little.

    Parameters
    ----------
    past, approved_before
        As `past` and `approved` of :func:`fit_outcomes`.
    asked, approved
        As for :func:`forecast`.
    """
    known = past["default_flag"].notna()
    if "explored" in past:
        known &= ~past["explored"].astype(bool)
    if _too_little(past.loc[known, "score"].to_numpy(), past.loc[known, "default_flag"].to_numpy()):
        return None, None
    curve = fit_outcomes(past, approved_before)
    return curve, forecast(curve, asked, approved)


def _cells(asked: pd.DataFrame) -> pd.DataFrame:
    """Sums of money by score and by whether the old policy declined: all that a draw needs."""
    margin, loss, cost = (asked[name].to_numpy(float) for name in _MONEY)
    earned, lost = margin - cost, loss + cost
    rows = pd.DataFrame(
        {
            "score": asked["score"].to_numpy(float),
            "was_declined": ~asked["passed_today"].to_numpy(bool),
            "n": 1.0,
            "margin": earned,
            "lost": earned + lost,
            "margin2": earned**2,
            "loss2": lost**2,
            "cross": earned * (earned + lost),
            "lost2": (earned + lost) ** 2,
        }
    )
    return rows.groupby(["score", "was_declined"], as_index=False).sum()


def _monthly(
    rates: np.ndarray, n_months: int, n_asked: int, level: float
) -> tuple[float, float, float]:
    """Where the mean of the next months lies, by a straight line through the earlier ones."""
    n = len(rates)
    if n < 4 or not n_months:
        return float(rates.mean()) if n else np.nan, np.nan, np.nan
    month = np.arange(n) - (n - 1) / 2
    slope = float(month @ rates / (month @ month))
    rest = rates - rates.mean() - slope * month
    ahead = (n + n_months) / 2  # from the middle of the earlier months to that of the next
    spread = np.sqrt(rest @ rest / (n - 2))
    mean = float(rates.mean() + slope * ahead)
    # of a sample the months differ by more than those of all: by the chance of its applications
    share = min(max(mean, 0.0), 1.0)
    own = max(spread**2 / n_months, share * (1 - share) / n_asked)
    error = np.sqrt(own + spread**2 * (1 / n + ahead**2 / (month @ month)))
    width = stats.t.ppf(0.5 + level / 2, n - 2) * error
    return mean, max(mean - width, 0.0), min(mean + width, 1.0)
