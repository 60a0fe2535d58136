"""The climate that all loans share in the months ahead: how far it varies, and for how long.

Takes counted moves and what the funding file states; gives a :class:`ClimateFactor`, the table it
was chosen by, and the words for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from riskkit.checks import Array, check_seed
from riskkit.runoff.month_effects import CHAIN_SLOPE, fit_months

__all__ = ["ClimateFactor", "estimate_factor", "factor_of", "factor_text"]

STATED, SEEN, REGULATORY = "stated", "seen", "regulatory"
# Where neither file nor months say how far the climate varies. Regulators let 0.03 + 0.13 ×
# exp(−35 p) of a borrower's standing be common to all retail loans: of a twelve-month default rate
# of p = 5 % that is a standard deviation of 0.51 of its log-odds, which a unit of climate moves by
# about one in a chain fitted without (slope × Σ of 1 − the odds' own rates on the way to default).
_REGULATORY_SD = 0.5
# and for how long: half of a bad month is gone after half a year. No other persistence makes the
# cash of twelve months ahead scatter by more, of climates that are as usual today
_USUAL_PERSISTENCE = 0.9


@dataclass(frozen=True)
class ClimateFactor:
    """Climate of the months ahead, the same for all loans, that varies around the usual one.

    f(0) = 0 and f(t) = persistence × f(t − 1) + sd × √(1 − persistence²) × ε(t), ε standard normal:
    today it is as usual, in the long run it has the standard deviation `sd`.

    Parameters
    ----------
    sd : float
        At least 0, in units of climate: log-odds of a missed payment as the chain of arrears feels
        them, which are its slope (:data:`riskkit.runoff.month_effects.CHAIN_SLOPE` of one fitted
        without climate) in the log-odds of getting worse.
    persistence : float
        What is left of a month's climate in the next one, in [0, 1).

    Raises
    ------
    ValueError
        A number out of range.

    Source
    ------
    Autoregression of first order; one common factor as in Vasicek (2002), Risk 15(12).

    Examples
    --------
    >>> ClimateFactor(0.25, 0.9).paths(50_000, 60, seed=1)[:, [0, 59]].std(axis=0).round(2).tolist()
    [0.11, 0.25]
    """

    sd: float
    persistence: float

    def __post_init__(self) -> None:
        if not 0 <= self.sd < np.inf:
            raise ValueError(f"sd must be a finite number >= 0, got {self.sd!r}")
        if not 0 <= self.persistence < 1:
            raise ValueError(f"persistence must lie in [0, 1), got {self.persistence!r}")

    def paths(self, n_paths: int, n_months: int, seed: int) -> Array:
        """Sampled climates of the months ahead.

        Parameters
        ----------
        n_paths, n_months : int
        seed : int
            Not negative.

        Returns
        -------
        float64 array of shape (n_paths, n_months)
            Column 0 is the first month ahead. The first paths of more are the same paths.
        """
        check_seed("seed", seed)
        rng = np.random.Generator(np.random.SFC64([seed, 0xC11A7E]))
        shocks = rng.standard_normal((n_paths, n_months))
        shocks *= self.sd * (1 - self.persistence**2) ** 0.5
        for month in range(1, n_months):
            shocks[:, month] += self.persistence * shocks[:, month - 1]
        return shocks


def estimate_factor(
    monthly: pd.DataFrame,
    *,
    slopes: ArrayLike = CHAIN_SLOPE,
    stated: ClimateFactor | None = None,
) -> pd.DataFrame:
    """How far the climate varied in the months seen, what is stated, and which is used.

    Logit of getting worse = αᵢ + slope × fₜ, with a level αᵢ of each kind, band, age and state of
    arrears and the climate fₜ of the month: a stationary autoregression whose `sd` and
    `persistence` are those of highest (restricted) likelihood, so that simulated moves scatter from
    month to month as those counted did beyond binomial chance. Whatever moved all loans of a month
    alike counts as climate, a slow drift of those who borrow, too.

    What is stated is used unless the months seen refute it, that is, varied more than it can
    explain (its `sd` lies below the interval); it is not lowered by a mild past, which does not
    show what can come, nor raised by a short one, whose upper limit says how little was seen. Else
    the upper limit of what was seen is used: nothing else speaks for months unlike those, up to
    what regulators take for common to all retail loans, which is also used where nothing is known.
    A persistence of 0.9 is used where none is stated and the months do not refute it.

    Parameters
    ----------
    monthly : DataFrame
        Of :func:`riskkit.arrears.monthly_moves`.
    slopes : float or float array of shape (N_STATES,)
        What a unit of climate adds to the log-odds of getting worse, by months in arrears: of the
        chain that is to be moved, `chain.climate.slopes[:, 0]`. By default that of a chain fitted
        without climate. Half the slope, twice the sd: the unit is the chain's.
    stated : ClimateFactor, optional
        In the same unit.

    Returns
    -------
    DataFrame, index source ("seen", "stated", "used")
        `sd` and `persistence`, each with `_low` and `_high` (95 %, profile likelihood; of "seen"
        alone; an upper limit that no sd reaches is NaN), `log_odds_sd` (sd × mean slope: of the
        log-odds of getting worse), `months` and `worse` (counted moves to a worse state), `basis`
        (whose sd "used" is: "stated", "seen" or "regulatory"). Of fewer than 6 months, or 30 moves
        to a worse state, nothing is known: NaN.

    Raises
    ------
    ValueError
        Slopes that are not positive on average.

    Source
    ------
    riskkit definition; penalised quasi-likelihood: Breslow, Clayton (1993), Journal of the American
    Statistical Association 88(421); common factor of retail loans: Regulation (EU) 575/2013,
    Article 154.
    """
    effects = fit_months(monthly, slopes=slopes)
    table = pd.DataFrame(
        np.nan,
        index=pd.Index([SEEN, "stated", "used"], name="source"),
        columns=[
            "sd", "sd_low", "sd_high", "persistence", "persistence_low", "persistence_high",
            "log_odds_sd",
        ],
    )  # fmt: skip
    table.loc[SEEN, ["sd", "sd_low", "sd_high"]] = effects.sd()
    table.loc[SEEN, ["persistence", "persistence_low", "persistence_high"]] = effects.persistence()
    if stated is not None:
        table.loc["stated", ["sd", "persistence"]] = stated.sd, stated.persistence
    sd, basis = _used_sd(table.loc[SEEN], stated)
    persistence = _used_persistence(table.loc[SEEN], stated)
    table.loc["used", ["sd", "persistence"]] = sd, persistence
    table["log_odds_sd"] = table["sd"] * effects.mean_slope
    return table.assign(
        months=len(effects.table),
        worse=effects.worse,
        basis=np.where(table.index == "used", basis, ""),
    )


def factor_of(table: pd.DataFrame) -> ClimateFactor:
    """The factor that :func:`estimate_factor` says is used."""
    return ClimateFactor(float(table.at["used", "sd"]), float(table.at["used", "persistence"]))


def factor_text(table: pd.DataFrame) -> str:
    """Sentences on what was seen of the common climate, what is stated and which is used.

    Parameters
    ----------
    table : DataFrame
        Of :func:`estimate_factor`.

    Returns
    -------
    str
        Markdown.
    """
    seen, stated, used = (table.loc[name] for name in table.index)
    told = [_seen_text(seen)]
    if not np.isnan(stated["sd"]):
        told.append(
            f"Stated for the months ahead: a standard deviation of {stated['sd']:.2f} and a "
            f"persistence of {stated['persistence']:.2f}."
        )
    told.append(
        f"**Used: {used['sd']:.2f}** ({used['log_odds_sd']:.2f} in the log-odds of getting worse) "
        f"with a persistence of {used['persistence']:.2f}, {_reason(seen, stated, used)}."
    )
    return " ".join(told)


def _used_sd(seen: pd.Series, stated: ClimateFactor | None) -> tuple[float, str]:
    """Standard deviation for the months ahead, and whose it is."""
    if stated is not None and not stated.sd < seen["sd_low"]:
        return stated.sd, STATED
    if np.isnan(seen["sd"]):
        return _REGULATORY_SD, REGULATORY
    if seen["sd_high"] <= max(seen["sd"], _REGULATORY_SD):
        return float(seen["sd_high"]), SEEN
    # no month, or too few, set a limit below it
    return max((seen["sd"], SEEN), (_REGULATORY_SD, REGULATORY))


def _used_persistence(seen: pd.Series, stated: ClimateFactor | None) -> float:
    if stated is not None:
        return stated.persistence
    low, high = seen["persistence_low"], seen["persistence_high"]
    refuted = low > _USUAL_PERSISTENCE or high < _USUAL_PERSISTENCE
    return float(seen["persistence"]) if refuted else _USUAL_PERSISTENCE


def _seen_text(seen: pd.Series) -> str:
    counted = f"{seen['worse']:,.0f} moves to a worse state in {seen['months']:,.0f} months"
    if np.isnan(seen["sd"]):
        return f"How far the climate varies is not known: {counted} are too few to say."
    limit = "no upper limit" if np.isnan(seen["sd_high"]) else f"{seen['sd_high']:.2f}"
    text = (
        f"By {counted}, kinds, bands, ages and arrears held apart, the climate varied "
        + ("" if seen["sd_low"] > 0 else "**no more than chance could do**, ")
        + f"with a standard deviation of {seen['sd']:.2f} ({seen['sd_low']:.2f} to {limit}): "
        f"{seen['log_odds_sd']:.2f} in the log-odds of getting worse."
    )
    if np.isnan(seen["persistence"]):
        return text + " How long a bad month lasts cannot be told."
    return (
        f"{text} Of a bad month {seen['persistence']:.0%} is left in the next one, where so few "
        f"months leave all between {seen['persistence_low']:.0%} and "
        f"{seen['persistence_high']:.0%} possible."
    )


def _reason(seen: pd.Series, stated: pd.Series, used: pd.Series) -> str:
    if used["basis"] == STATED and np.isnan(seen["sd"]):
        return "as stated, which nothing seen speaks against"
    if used["basis"] == STATED:
        return (
            "as stated: the months seen do not refute it, and a mild past does not show what can "
            "come"
        )
    if not np.isnan(stated["sd"]):
        why = "the months seen **varied by more than the stated can explain**"
    else:
        why = "nothing is stated"
    if used["basis"] == SEEN:
        which = "" if used["sd"] == seen["sd"] else "the upper limit of "
        return f"{why}, so that {which}what was seen is used"
    return (
        f"{why}, and no limit by what was seen lies below what regulators take for common to "
        "retail loans"
    )
