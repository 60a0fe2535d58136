"""What becomes of loans: the share that has defaulted, was prepaid or has matured by each month.

Takes the counts of :func:`riskkit.vintage.cohort_counts`; gives cumulative incidences with their
errors, and their words.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from riskkit.checks import Array, check_level
from riskkit.hazards.by_month import pooled_by_month
from riskkit.metrics import jeffreys_interval
from riskkit.tables import Table
from riskkit.vintage import risk_sets

__all__ = ["incidence_table", "incidence_text"]

# how a loan ends, and the column of risk sets that counts it
CAUSES = {"default": "events", "prepaid": "prepaid", "matured": "matured"}
ROUNDING = 1e-12
FEWEST = 30  # loans at risk in the month that is told of, where there are so many


def incidence_table(
    counts_or_outcomes: pd.DataFrame | Table,
    *,
    dpd: int | Literal["loss"] = 90,
    observed_to: pd.Timestamp | str | None = None,
    vanished: Literal["censored", "event"] = "censored",
    level: float = 0.95,
) -> pd.DataFrame:
    """Cumulative incidence of default, prepayment and maturity by month on book, competing.

    F_k(m) = Σ_{j ≤ m} S(j − 1)·d_k(j) ÷ Y(j), with Y at risk, d_k ended by cause k, and S the share
    still open, Π (1 − Σ_k d_k ÷ Y). One minus the Kaplan–Meier survival, which censors whoever ends
    otherwise, is not this share but what it would be if nobody could prepay; it is always at least
    as high. Loans lost from view are censored, late entrants come in after their month of entry.

    Parameters
    ----------
    counts_or_outcomes : DataFrame or Table
        Counts from :func:`riskkit.vintage.cohort_counts`, or a book (panel or outcomes).
    dpd : int, in days, or "loss"
        What a default is; one of the thresholds counted. Outcomes ignore it.
    observed_to : date, optional
        Any day of the last month observed; default, all that was counted.
    vanished : {"censored", "event"}
        What a loan is whose rows stop, past due, before `observed_to`. The truth lies between the
        two tables.
    level : float
        Of the intervals, in (0, 1).

    Returns
    -------
    DataFrame of shape (n_months,), index ([by,] mob)
        `at_risk` and, of them, `events`, `prepaid`, `matured`, `censored`; `open_rate`, the share
        neither defaulted nor ended; for each of default, prepaid, matured its cumulative `_rate`,
        standard `_error`, and interval `_low`, `_high`. The four rates sum to 1. From a month on in
        which nobody was at risk, all are NaN.

        The error is by the delta method from the multinomial counts of each month; where all are
        followed from month 0 it is √(F(1 − F)/n) exactly. The interval is Jeffreys' for so many
        loans as would have this error, F(1 − F) ÷ error²; where F is 0, for those that a first
        event anywhere would be seen among.

    Raises
    ------
    ValueError
        A threshold that was not counted, an unknown `vanished`, `level` out of range.

    Source
    ------
    Aalen, Johansen (1978), Scandinavian Journal of Statistics 5(3); the error: Dinse, Larson
    (1986), Biometrika 73(2), and Marubini, Valsecchi (1995), Analysing Survival Data from Clinical
    Trials and Observational Studies, chapter 10. An effective number in the interval of a rate:
    Korn, Graubard (1998), Survey Methodology 24(2).

    Examples
    --------
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": range(4), "cohort": pd.Timestamp("2024-01-01"), "amount": 100,
    ...     "event": ["default", "prepaid", "default", "matured"], "event_mob": [1, 1, 2, 3]})
    >>> table = incidence_table(outcomes)
    >>> table[["default_rate", "prepaid_rate", "matured_rate", "open_rate"]].to_numpy().tolist()[-1]
    [0.5, 0.25, 0.25, 0.0]
    >>> table["default_error"].tolist()[-1]
    0.25
    """
    check_level(level)
    sets = risk_sets(counts_or_outcomes, dpd=dpd, observed_to=observed_to, vanished=vanished)
    pooled = pooled_by_month(sets).drop(columns="entered")
    if list(pooled.index.names) == ["mob"]:
        return _incidences(pooled, level)
    parts = {part: _incidences(rows.droplevel(0), level) for part, rows in pooled.groupby(level=0)}
    return pd.concat(parts, names=[pooled.index.names[0]])


def _incidences(pooled: pd.DataFrame, level: float) -> pd.DataFrame:
    at_risk = pooled["at_risk"].to_numpy(dtype=float)
    at_risk[at_risk == 0] = np.nan
    ended = pooled[list(CAUSES.values())].sum(axis=1).to_numpy(dtype=float)
    open_after = np.cumprod(1 - ended / at_risk)
    open_before = np.concatenate([[1.0], open_after[:-1]])[: len(pooled)]
    # loans among which a first event in any of the months so far would be seen
    among = np.cumsum(open_before) / np.cumsum(open_before**2 / at_risk)
    columns = {"open_rate": open_after}
    for cause, column in CAUSES.items():
        by_cause = pooled[column].to_numpy(dtype=float)
        rate = np.cumsum(open_before * by_cause / at_risk)
        variance = _variance(rate, open_before, at_risk, ended, by_cause)
        some = (variance > 0) & (rate * (1 - rate) > ROUNDING)
        n = np.where(some, rate * (1 - rate) / np.where(some, variance, 1.0), among)
        low, high = jeffreys_interval(np.clip(rate, 0, 1) * n, n, level)
        columns |= {
            f"{cause}_rate": rate,
            f"{cause}_error": np.sqrt(variance),
            # of a loan or two, and 0 or 1 but for rounding, it might not hold the rate
            f"{cause}_low": np.minimum(low, rate),
            f"{cause}_high": np.maximum(high, rate),
        }
    return pooled.assign(**columns)


def _variance(
    rate: Array, open_before: Array, at_risk: Array, ended: Array, by_cause: Array
) -> Array:
    """Variance of a cumulative incidence in each month: of the delta method, month by month."""
    left = at_risk - ended
    # once nobody is left the share cannot move, and what is 0 · ∞ is 0
    all_causes = np.divide(ended, at_risk * left, out=np.zeros_like(rate), where=left > 0)
    own = open_before**2 * by_cause * (at_risk - by_cause) / at_risk**3
    both = open_before * by_cause / at_risk**2
    to_come = np.tril(rate[:, np.newaxis] - rate[np.newaxis, :])
    so_far = np.tril(np.ones((len(rate), len(rate))))
    terms = to_come**2 * all_causes + own - 2 * to_come * both
    # rounding must not make a variance negative
    return np.maximum((terms * so_far).sum(axis=1, where=so_far > 0), 0.0)


def incidence_text(table: pd.DataFrame, as_event: pd.DataFrame | None = None) -> str:
    """Sentences on what has become of the loans, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`incidence_table`, vanished loans censored, counted without `by`.
    as_event : DataFrame, optional
        The same with vanished loans as events.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> incidence_text(incidence_table(pd.DataFrame({
    ...     "loan_id": range(40), "cohort": pd.Timestamp("2024-01-01"), "amount": 100,
    ...     "event": ["default", "prepaid"] * 20, "event_mob": [1, 2] * 20}))).split("; ")[0]
    'By month 1 on book **50.00%** of the loans have defaulted (34.96% to 65.04%)'
    """
    month = _month_told(table)
    if month is None:
        return "In no month was a loan at risk from the start: there is no incidence to tell."
    row = table.loc[month]
    if_all, if_prepaid = _if_censored(table.loc[:month])
    by_prepaid, by_matured = if_prepaid - row["default_rate"], if_all - if_prepaid
    told = (
        f"By month {month} on book **{row['default_rate']:.2%}** of the loans have defaulted "
        f"({row['default_low']:.2%} to {row['default_high']:.2%}); {row['prepaid_rate']:.2%} were "
        f"prepaid, {row['matured_rate']:.2%} have matured, {row['open_rate']:.2%} are still open. "
        f"One minus Kaplan–Meier, which takes all loans that ended for lost from view, would say "
        f"{if_all:.2%}: {100 * by_prepaid:+.2f} percentage points since the prepaid could still "
        f"have defaulted, {100 * by_matured:+.2f} since it lets the matured go on beside the few "
        "that are late after the term."
    )
    if as_event is None:
        return told
    n_vanished = int(as_event["events"].sum() - table["events"].sum())
    if not n_vanished:
        return f"{told} No loan vanished past due."
    other = as_event["default_rate"].get(month, np.nan)
    one = n_vanished == 1
    return (
        f"{told} **{n_vanished:,} loan{'' if one else 's'} vanished past due**: taken for "
        f"{'a default' if one else 'defaults'} in the month after, the share is {other:.2%}. What "
        f"became of {'it' if one else 'them'} is not known; the truth lies between."
    )


def _if_censored(table: pd.DataFrame) -> tuple[float, float]:
    """Share in default in the end if all other ends, and if prepayment alone, were censored."""
    at_risk = table["at_risk"].to_numpy(dtype=float)
    events, matured = (table[name].to_numpy(dtype=float) for name in ("events", "matured"))
    # a hazard of 1 leaves nobody
    if_all = 1 - float(np.prod(1 - events / at_risk))
    open_after = np.cumprod(1 - (events + matured) / at_risk)
    open_before = np.concatenate([[1.0], open_after[:-1]])
    return if_all, float((open_before * events / at_risk).sum())


def _month_told(table: pd.DataFrame) -> int | None:
    """The last month with enough loans at risk, or the last at all."""
    known = table[table["default_rate"].notna()]
    if known.empty:
        return None
    enough = known[known["at_risk"] >= FEWEST]
    return int((enough if len(enough) else known).index[-1])
