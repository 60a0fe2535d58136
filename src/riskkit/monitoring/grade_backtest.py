"""Whether each grade's probability of default came true, and what else could explain that not.

Takes score counts and the rating scale; gives a row per grade with its tests, how often each would
reject a grade that is right, and what it says in words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from riskkit.chance import holm, p_text
from riskkit.checks import check_level
from riskkit.columns import interval_text, verbatim
from riskkit.metrics import grade_table, jeffreys_interval
from riskkit.monitoring.common_factor import factor_p_value, rejection_table

__all__ = ["backtest", "backtest_findings", "backtest_text"]

SIGNIFICANT = 0.05
LEAST_EXPECTED = 5  # bads
DETECTED = 1.25  # times the stated probability: what the power is told for
HOLDS, LUCK, UNDERSTATED, OVERSTATED, TOO_FEW = (
    "holds", "understated, unless by the common factor", "understated", "overstated",
    "too few to say",
)  # fmt: skip


def backtest(
    counts: pd.DataFrame,
    scale: pd.DataFrame,
    *,
    correlation: float = 0.0,
    significance: float = SIGNIFICANT,
) -> pd.DataFrame:
    """Predicted probability of default against defaults, grade by grade, with its tests.

    Parameters
    ----------
    counts : DataFrame, index `score`
        `good`, `bad` of loans that neither taught the card nor chose the scale, of
        :func:`riskkit.metrics.score_counts`.
    scale : DataFrame, index `grade`
        `score_low`, `probability`.
    correlation : float
        How far a common factor is allowed to move all loans of a period together, as of
        :func:`factor_correlation`; 0: they default independently.
    significance : float
        At which a test rejects, in (0, 1).

    Returns
    -------
    DataFrame, index `grade`
        `n`, `bad`, `bad_rate` with `bad_rate_low`, `bad_rate_high` (Jeffreys, 95 %), `probability`,
        `expected_bad`; `jeffreys_p_value`, `binomial_p_value` (one-sided, for independent
        defaults), `factor_p_value` (the binomial that allows for the factor), `p_adjusted` (twice
        the lesser tail of Jeffreys, after Holm over the grades tested); `light` and `side` of
        :func:`riskkit.metrics.grade_table`; `rejected_rate`, how often the Jeffreys test rejects
        such a grade though it is right and defaults are independent, `rejected_factor_rate` with
        the factor, and `power_rate`, how often where the truth is 1.25 times as high; `told`:
        "holds", "understated", "understated, unless by the common factor", "overstated", or "too
        few to say": fewer than five bads expected.

    Raises
    ------
    ValueError
        A column is missing, `significance` or `correlation` out of range.

    Source
    ------
    European Central Bank (2019), Instructions for reporting the validation results of internal
    models, PD back-testing; Vasicek (2002), Risk 15(12); Holm (1979), Scandinavian Journal of
    Statistics 6(2).

    Examples
    --------
    >>> from riskkit.metrics import score_counts
    >>> scale = pd.DataFrame({"score_low": [600, -np.inf], "probability": [0.03, 0.1]}, ["A", "B"])
    >>> counts = score_counts([650] * 400 + [550] * 100, [1] * 12 + [0] * 388 + [1] * 25 + [0] * 75)
    >>> backtest(counts, scale.rename_axis("grade"))["told"].to_dict()
    {'A': 'holds', 'B': 'understated'}
    """
    check_level(significance)
    table = grade_table(counts, scale)
    n, bad = table["n"].to_numpy(float), table["bad"].to_numpy(float)
    p = table["probability"].to_numpy(float)
    low, high = jeffreys_interval(bad, n, 0.95)
    some = n > 0
    table.insert(3, "bad_rate_low", np.where(some, low, np.nan))
    table.insert(4, "bad_rate_high", np.where(some, high, np.nan))
    table.insert(6, "expected_bad", n * p)
    shared = factor_p_value(bad, n, p, correlation=correlation)
    more = table["jeffreys_p_value"]
    adjusted = holm(2 * np.minimum(more, 1 - more))
    table["factor_p_value"] = np.where(some, shared, np.nan)
    table["p_adjusted"] = adjusted
    for name, settings in (
        ("rejected_rate", {}),
        ("rejected_factor_rate", {"correlation": correlation}),
        ("power_rate", {"true_ratio": DETECTED}),
    ):
        settings = {"level": significance, **settings}
        # a probability near one cannot be 1.25 times as high
        capped = np.minimum(p, 1 / settings.get("true_ratio", 1.0))
        rejected = rejection_table(n.tolist(), capped.tolist(), **settings)
        table[name] = rejected["jeffreys_rate"].to_numpy()
    told = [_told(row, significance) for _, row in table.iterrows()]
    table["told"] = pd.Series(told, index=table.index, dtype=str)
    return table.drop(columns="adjusted_p_value")


def _told(row: pd.Series, significance: float) -> str:
    if not row["expected_bad"] >= LEAST_EXPECTED:
        return TOO_FEW
    if row["p_adjusted"] > significance:
        return HOLDS
    if row["jeffreys_p_value"] > 0.5:
        return OVERSTATED
    return UNDERSTATED if row["factor_p_value"] <= significance else LUCK


def backtest_text(table: pd.DataFrame, factor: pd.Series | None = None) -> str:
    """Which grades' probabilities came true, and how far the tests can be trusted, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`backtest`.
    factor : Series, optional
        Of :func:`factor_correlation`, with whose correlation it was made.

    Source
    ------
    riskkit definition.
    """
    tested = table[table["told"] != TOO_FEW]
    if tested.empty:
        return (
            "No grade has enough loans of known outcome to test its probability of default: at "
            f"least {LEAST_EXPECTED} bads must be expected."
        )
    off = tested[tested["told"] != HOLDS]
    text = f"**The probability of each of {len(tested)} grades tested holds.**"
    if len(off):
        text = f"**{len(off)} of {len(tested)} grades are off:** " + "; ".join(
            _sentence(grade, row) for grade, row in off.iterrows()
        )
        text += "."
    worst = tested.loc[tested["rejected_rate"].idxmax()]
    text += (
        f" By itself, the Jeffreys test at {SIGNIFICANT:.0%} rejects a grade that is right in up "
        f"to {worst['rejected_rate']:.1%} of periods ({verbatim(worst.name)}, {worst['n']:,} loans)"
        f" where loans default independently, and finds one whose true probability is "
        f"{DETECTED} times as high in {tested['power_rate'].min():.0%} to "
        f"{tested['power_rate'].max():.0%} of them."
    )
    few = table.index[table["told"] == TOO_FEW]
    if len(few):
        text += f" Too few to say: {', '.join(verbatim(grade) for grade in few)}."
    return f"{text} {_of_factor(tested, factor)}".strip()


def _of_factor(tested: pd.DataFrame, factor: pd.Series | None) -> str:
    if factor is None:
        return ""
    if pd.isna(factor["correlation"]):
        return "Too few periods are known to say how far a common factor moves all loans together."
    rho = interval_text(
        factor["correlation"], factor["correlation_low"], factor["correlation_high"], "four"
    )
    start = (
        f"Over {factor['periods']:.0f} periods a common factor shows with a correlation of {rho}"
    )
    now = rejection_table(
        tested["n"].tolist(),
        tested["probability"].tolist(),
        correlation=factor["correlation_high"],
        level=SIGNIFICANT,
    )["jeffreys_rate"]
    at_most = f"were it as large as that allows, in {now.min():.0%} to {now.max():.0%}"
    if factor["correlation"] == 0:
        return (
            f"{start}, none that differs from chance; {at_most} of periods a grade were rejected "
            "though its probability is right."
        )
    rates = tested["rejected_factor_rate"]
    return (
        f"{start} ({p_text(factor['p_value'])}): with it a grade is rejected in "
        f"{rates.min():.0%} to {rates.max():.0%} of periods though its probability is right; "
        f"{at_most}."
    )


def _sentence(grade: Any, row: pd.Series) -> str:
    rate = interval_text(row["bad_rate"], row["bad_rate_low"], row["bad_rate_high"], "percent2")
    return (
        f"{verbatim(grade)} is {row['told']}: {rate} bad ({row['bad']:,.0f} of {row['n']:,.0f} "
        f"loans) where {row['probability']:.2%} were stated, adjusted {p_text(row['p_adjusted'])}"
    )


def backtest_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Grades whose probability is off: topic, text, whether it is red.

    Red is a grade understated by more than the common factor explains; one overstated, or that the
    factor may explain, is amber.

    Parameters
    ----------
    table : DataFrame
        Of :func:`backtest`.

    Source
    ------
    riskkit definition.
    """
    off = table[~table["told"].isin([HOLDS, TOO_FEW])]
    return [
        ("Back-test", f"Grade {_sentence(grade, row)}", row["told"] == UNDERSTATED)
        for grade, row in off.iterrows()
    ]
