"""Which matured cohort is worst, and by the mix of its loans or by their risk.

Takes the counts of :func:`riskkit.vintage.cohort_counts`, made by a stratum known at origination
(:func:`risk_strata`); gives a row per matured cohort, and what it says in words.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from riskkit.chance import holm, p_text
from riskkit.checks import Array, check_level, require_columns
from riskkit.metrics import quantile_groups
from riskkit.tables import Table
from riskkit.vintage.chance import (
    MILESTONES,
    fisher_p_values,
    ratio_interval,
    ratio_p_values,
)
from riskkit.vintage.cohort_grids import event_of
from riskkit.vintage.curves import vintage_table

__all__ = [
    "LEAST_ALIKE",
    "LEAST_BADS",
    "LEAST_LOANS",
    "cohort_curves",
    "matured_strata",
    "mix_figures",
    "mix_findings",
    "mix_month",
    "mix_table",
    "mix_text",
    "risk_strata",
]

N_BANDS = 5
LEAST_LOANS = 20  # of a stratum among the other cohorts, else it is pooled
LEAST_BADS = 5  # expected of a cohort, else there are too few to say
LEAST_ALIKE = 0.8  # of a cohort's loans that have their like among the others
LEAST_SHARE = 0.2  # of a departure, else the smaller part goes unnamed
NORMAL = 1.959963984540054
DEPARTS = ("mix", "risk", "mix and risk", "unclear")
HIDDEN = "risk, which its mix hides"


def risk_strata(applications: pd.DataFrame | Table) -> pd.Series:
    """Loans alike at origination: band of the score and term, or channel and term without a score.

    Only the order of the score is used, never the probability it states, so that a card that
    promises too little does not make every cohort look bad. The scorecard is taken, not the
    challenger, since trees know the loans that taught them better.

    Parameters
    ----------
    applications : DataFrame or Table
        `application_id`, `term_months`, and, where there, `scorecard`, `channel`, `booked`. Bands
        are fifths of the booked loans.

    Returns
    -------
    Series of str, index application_id
        Named for what makes loans alike, such as "score band and term". A loan without a score is
        in a band of its own.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> loans = pd.DataFrame({"application_id": list("abc"), "term_months": [3, 3, 12]})
    >>> risk_strata(loans.assign(scorecard=[500, 600, 600])).to_dict()
    {'a': 'band 1, 3 months', 'b': 'band 4, 3 months', 'c': 'band 4, 12 months'}
    >>> risk_strata(loans).name
    'term'
    """
    require_columns(applications, ["application_id", "term_months"], "applications")
    wanted = ["application_id", "term_months", "scorecard", "channel", "booked"]
    names = [name for name in wanted if name in applications.columns]
    known = applications if isinstance(applications, pd.DataFrame) else applications.frame(names)
    terms = known["term_months"].astype("Int64").astype("string").fillna("unknown") + " months"
    if "scorecard" in known.columns:
        alike, first = "score band and term", _bands(known) + ", "
    elif "channel" in known.columns:
        channel = known["channel"].astype("string").fillna("no channel")
        alike, first = "channel and term", channel + ", "
    else:
        alike, first = "term", pd.Series("", index=known.index)
    labels = (first + terms).astype(object).to_numpy()
    return pd.Series(labels, index=pd.Index(known["application_id"]), name=alike)


def _bands(known: pd.DataFrame) -> pd.Series:
    """Band of each loan by fifths of the booked ones; whole scores stay together."""
    score = known["scorecard"]
    booked = score[known["booked"].fillna(False).astype(bool)] if "booked" in known else score
    sizes = booked.value_counts().sort_index()
    if sizes.empty:
        return pd.Series("no score", index=known.index)
    groups = quantile_groups(sizes.to_numpy(), N_BANDS)
    starts = sizes.index.to_numpy()[np.append(True, groups[1:] != groups[:-1])]
    at = np.searchsorted(starts[1:], score.to_numpy(dtype=float), side="right")
    bands = pd.Series(np.unique(groups)[at] + 1, index=known.index).astype(str)
    return ("band " + bands).where(score.notna(), "no score")


def mix_month(
    counts: pd.DataFrame, *, dpd: int = 90, cohort_freq: Literal["M", "Q", "Y"] = "Q"
) -> int:
    """Month on book to compare cohorts at: the milestone that knows the most bads.

    A late month knows more of each cohort, an early one more cohorts. Counted are the bads of the
    cohorts that have reached it, at least two; of equal months the earlier. 0 where there is none.

    Parameters
    ----------
    counts : DataFrame
        As for :func:`mix_table`.
    dpd : int, in days
    cohort_freq : {"M", "Q", "Y"}

    Source
    ------
    riskkit definition.
    """
    most, best = 0, 0
    curves = cohort_curves(counts, dpd, cohort_freq)
    for month in MILESTONES:
        _, bads = matured_strata(counts, month, dpd, cohort_freq, curves)
        if bads.to_numpy().sum() > most:
            most, best = bads.to_numpy().sum(), month
    return best


def mix_table(
    counts: pd.DataFrame,
    month: int,
    *,
    dpd: int = 90,
    cohort_freq: Literal["M", "Q", "Y"] = "Q",
    level: float = 0.95,
) -> pd.DataFrame:
    """Bads of each matured cohort against what its mix let expect: indirect standardisation.

    Expected are the bads that the cohort's loans of each stratum would have had at the rate of
    that stratum among the *other* matured cohorts, so that no bad cohort excuses itself. The
    departure of its rate from that of the others is, exactly, the part of mix (expected less
    others) and the part of risk (actual less expected).

    The interval of actual ÷ expected takes the bads as Poisson, and the expected as what they are:
    a standardised rate of few bads, whose error counts as that of a number of bads of the same
    relative variance. Where the others are many it becomes Garwood's exact interval. Bads are
    binomial in truth, so it errs on the wide side.

    Strata of fewer than 20 loans among the others are pooled, the fewest first.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`riskkit.vintage.cohort_counts`, made `by` the strata.
    month : int
        Month on book to compare at; cohorts that have not reached it are left out.
    dpd : int, in days
        As in :func:`vintage_table`; outcomes ignore it.
    cohort_freq : {"M", "Q", "Y"}
    level : float
        Confidence of the intervals of all cohorts tested together (Bonferroni), in (0, 1).

    Returns
    -------
    DataFrame, index cohort (such as "2024Q2"), oldest first
        `loans`, `bad` by the month, `bad_rate`; `expected_bad`; `ratio` of the two with `ratio_low`
        and `ratio_high`, and `p_value` (two-sided, after Holm over the cohorts tested);
        `others_rate`: of the other matured cohorts together; `departure_rate` = `mix_rate` +
        `risk_rate`, `departure_p_value` (Fisher's exact test of the raw rates, after Holm), and
        `mix_low`, `mix_high`: interval of the mix part, from the error of the strata's rates;
        `alike_rate`: share of its loans in strata that were not pooled; `cause`: what it departs
        by, "mix", "risk", "mix and risk" or "unclear"; where it does not by more than chance,
        "chance" or "risk, which its mix hides"; and "too few" where fewer than 5 bads are expected,
        or less than 80 % of its loans have their like among the others: such a cohort is not
        tested. Fewer than two matured cohorts give an empty table.

    Raises
    ------
    ValueError
        As :func:`vintage_table`, or `level` is outside (0, 1).

    Source
    ------
    Breslow, Day (1987), Statistical Methods in Cancer Research II, 2.3, for the ratio; Garwood
    (1936), Biometrika 28, for its exact interval; Fay, Feuer (1997), Statistics in Medicine 16(7),
    and Fay (1999), Communications in Statistics 28(9), for that of standardised rates; Kitagawa
    (1955), JASA 50, for the two parts; Holm (1979), Scandinavian Journal of Statistics 6(2).

    Examples
    --------
    >>> months = pd.to_datetime(["2024-01-01", "2024-04-01"]).repeat(200)
    >>> outcomes = pd.DataFrame({
    ...     "loan_id": range(400), "cohort": months, "amount": 1, "event_mob": 3,
    ...     "kind": ["safe"] * 150 + ["risky"] * 50 + ["safe"] * 50 + ["risky"] * 150,
    ...     "event": (["default"] * 15 + ["matured"] * 135 + ["default"] * 20 + ["matured"] * 30
    ...               + ["default"] * 5 + ["matured"] * 45 + ["default"] * 60 + ["matured"] * 90)})
    >>> from riskkit.vintage import cohort_counts
    >>> table = mix_table(cohort_counts(outcomes, by="kind"), 3)
    >>> table[["bad", "expected_bad", "departure_rate", "mix_rate", "risk_rate"]].round(3)
    ... # doctest: +NORMALIZE_WHITESPACE
            bad  expected_bad  departure_rate  mix_rate  risk_rate
    cohort
    2024Q1   35          35.0           -0.15     -0.15        0.0
    2024Q2   65          65.0            0.15      0.15        0.0
    """
    check_level(level)
    loans, bads = matured_strata(counts, month, dpd, cohort_freq)
    n, d, pooled = _pooled(loans.to_numpy(float), bads.to_numpy(float))
    size, bad = n.sum(axis=1), d.sum(axis=1)
    other_n, other_d = n.sum(axis=0) - n, d.sum(axis=0) - d  # every stratum has other loans
    rates, shares = other_d / other_n, n / size[:, np.newaxis]
    expected = (n * rates).sum(axis=1)
    variance = (n**2 * other_d / other_n**2).sum(axis=1)
    # as many bads as would leave the expected with the relative variance that it has
    known = np.divide(expected**2, variance, out=np.zeros_like(expected), where=variance > 0)
    others = other_n / other_n.sum(axis=1, keepdims=True)
    overall = (others * rates).sum(axis=1)
    mix = expected / size - overall
    off = NORMAL * np.sqrt(((shares - others) ** 2 * rates * (1 - rates) / other_n).sum(axis=1))
    alike = (loans.to_numpy(float) * ~pooled).sum(axis=1) / size
    tested = (expected >= LEAST_BADS) & (alike >= LEAST_ALIKE)
    low, high = ratio_interval(bad, expected, known, (1 - level) / max(int(tested.sum()), 1))
    raw = fisher_p_values(bad, size, bad.sum() - bad, size.sum() - size)
    columns = {
        "loans": size.astype(np.int64),
        "bad": bad.astype(np.int64),
        "bad_rate": bad / size,
        "expected_bad": expected,
        "ratio": np.divide(bad, expected, out=np.full_like(bad, np.nan), where=expected > 0),
        "ratio_low": low,
        "ratio_high": high,
        "p_value": holm(np.where(tested, ratio_p_values(bad, expected, known), np.nan)),
        "others_rate": overall,
        "departure_rate": bad / size - overall,
        "mix_rate": mix,
        "mix_low": mix - off,
        "mix_high": mix + off,
        "risk_rate": (bad - expected) / size,
        "departure_p_value": holm(np.where(tested, raw, np.nan)),
        "alike_rate": alike,
    }
    table = pd.DataFrame(columns, index=loans.index)
    causes = [_cause(row, 1 - level) for _, row in table.iterrows()]
    return table.assign(cause=pd.Series(causes, index=table.index, dtype=str))


def cohort_curves(
    counts: pd.DataFrame, dpd: int, cohort_freq: Literal["M", "Q", "Y"]
) -> pd.DataFrame:
    """Vintage curves of all strata together: which cohort has reached which month."""
    of_all = counts.groupby(level=["cohort", "mob"]).sum()
    return vintage_table(of_all, dpd=dpd, cohort_freq=cohort_freq)


def matured_strata(
    counts: pd.DataFrame,
    month: int,
    dpd: int,
    cohort_freq: Literal["M", "Q", "Y"],
    curves: pd.DataFrame | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Loans, and bads by the month, of each matured cohort (rows) and stratum (columns)."""
    if curves is None:
        curves = cohort_curves(counts, dpd, cohort_freq)
    reached = curves[month].dropna().index if month in curves.columns else curves.index[:0]
    matured = pd.DatetimeIndex(reached).to_period(cohort_freq)
    if len(matured) < 2:
        matured = matured[:0]
    starts = pd.DatetimeIndex(counts.index.get_level_values("cohort")).to_period(cohort_freq)
    mob = counts.index.get_level_values("mob")
    row = matured.get_indexer(starts)
    column, strata = pd.factorize(counts.index.get_level_values(0), sort=True)
    ever = counts[f"ever_{event_of(counts, dpd)}_loans"].to_numpy()

    def grid(values: Array, cells: Array) -> pd.DataFrame:
        summed = np.zeros((len(matured), len(strata)), np.int64)
        np.add.at(summed, (row[cells], column[cells]), values[cells])
        names = pd.Index(matured.astype(str), name="cohort")
        return pd.DataFrame(summed, index=names, columns=strata)

    loans = grid(counts["loans"].to_numpy(), (row >= 0) & (mob == 0))
    some = loans.columns[(loans > 0).any()]
    return loans[some], grid(ever, (row >= 0) & (mob <= month))[some]


def _pooled(loans: Array, bads: Array) -> tuple[Array, Array, Array]:
    """Loans and bads by stratum, those too thin to be a reference in one; which they are."""
    if not len(loans):
        return loans, bads, np.zeros(loans.shape[1], dtype=bool)
    reference = loans.sum(axis=0) - loans
    # a stratum must serve each cohort that has loans of it
    least = np.where(loans > 0, reference, np.inf).min(axis=0)
    order = np.argsort(least, kind="stable")
    n_pooled = int((least < LEAST_LOANS).sum())
    while 0 < n_pooled < len(order):
        pool = loans[:, order[:n_pooled]].sum(axis=1)
        if (pool.sum() - pool)[pool > 0].min() >= LEAST_LOANS:
            break
        n_pooled += 1
    pooled = np.zeros(len(order), dtype=bool)
    pooled[order[:n_pooled]] = True
    if not n_pooled:
        return loans, bads, pooled
    loans, bads = (
        np.column_stack([grid[:, ~pooled], grid[:, pooled].sum(axis=1)]) for grid in (loans, bads)
    )
    return loans, bads, pooled


def _cause(row: pd.Series, alpha: float) -> str:
    """What a cohort departs from the others by."""
    if np.isnan(row["p_value"]):
        return "too few"
    by_risk, departs = row["p_value"] <= alpha, row["departure_p_value"] <= alpha
    if not departs:
        return HIDDEN if by_risk else "chance"
    sign = np.sign(row["departure_rate"])
    least = LEAST_SHARE * abs(row["departure_rate"])
    by_mix = sign * row["mix_rate"] >= least and (row["mix_low"] > 0 or row["mix_high"] < 0)
    by_risk = by_risk and sign * row["risk_rate"] >= least
    parts = [name for name, holds in (("mix", by_mix), ("risk", by_risk)) if holds]
    return " and ".join(parts) or "unclear"


def mix_text(table: pd.DataFrame, month: int, alike: str) -> str:
    """Sentences on the worst matured cohort and what makes it so, as Markdown.

    Worst is the highest departure that is more than chance; where none is, a cohort whose risk is
    above what its mix hides; else the highest, which is said to be within chance.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mix_table`.
    month : int
        That it was made for.
    alike : str
        What makes loans alike, such as "score band and term".

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> nobody = pd.DataFrame({"cause": []})
    >>> mix_text(nobody, 0, "term")
    'Mix and risk cannot be told apart: no two cohorts have reached a milestone with bad loans.'
    """
    if table.empty:
        return (
            "Mix and risk cannot be told apart: no two cohorts have reached a milestone with bad "
            "loans."
        )
    row, n_tested = _worst(table), int((table["cause"] != "too few").sum())
    if row is None:
        return (
            f"Of the {len(table)} cohorts seen to month {month}, too few loans are bad, or alike, "
            f"to say which is worst: of each, at least {LEAST_BADS} bads must be expected."
        )
    counted = f"{row['bad_rate']:.2%} bad ({row['bad']:,} of {row['loans']:,} loans)"
    text = f"By month {month} **no matured cohort is worse than the others by more than chance**"
    text += f"; highest stands {row.name}: {counted}"
    if _is_worse(row):
        text = f"By month {month} the worst matured cohort is **{row.name}**, **{_by(row)}**: "
        text += counted
    text += (
        f", against {row['others_rate']:.2%} of the others. Of the {_points(row['departure_rate'])}"
        f" percentage points, {_points(row['mix_rate'])} are mix and {_points(row['risk_rate'])} "
        f"risk: beside loans of the same {alike} in the other cohorts, its loans turned bad "
        f"{_ratio(row)} times as often ({p_text(row['p_value'])} after Holm; intervals and "
        f"p-values are those of {n_tested} cohorts looked at together)."
    )
    riskiest = _riskiest(table)
    if riskiest is not None and riskiest.name != row.name:
        text += f" For its mix, {riskiest.name} stands worst, at {_ratio(riskiest)} times."
    few = table.index[table["cause"] == "too few"]
    if len(few):
        text += f" Too few to say: {', '.join(few)}."
    return text


def mix_figures(table: pd.DataFrame, month: int) -> dict[str, str]:
    """Label to text of the worst matured cohort, for the key figures of a page.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mix_table`; where no cohort is worse by more than chance, that is the figure, and
        where none is tested, there is none.
    month : int
        That it was made for.

    Source
    ------
    riskkit definition.
    """
    row = _worst(table)
    if row is None:
        return {}
    label = f"Worst matured cohort by month {month}"
    if not _is_worse(row):
        return {label: "none by more than chance"}
    low, high = row["ratio_low"], row["ratio_high"]
    told = f"{row['ratio']:.2f} × expected, {low:.2f} to {high:.2f}"
    return {label: f"{row.name}, {_by(row)} ({row['bad_rate']:.2%}; {told})"}


def mix_findings(table: pd.DataFrame, month: int, alike: str) -> list[tuple[str, str, bool]]:
    """What deserves attention of the matured cohorts: topic, text, whether it is red.

    Red is the newest of them where its risk is above its mix by more than chance: what was sold
    then may still be sold. An older one, or one worse by its mix, is amber, since it is known or
    was chosen.

    Parameters
    ----------
    table : DataFrame
        Of :func:`mix_table`.
    month : int
        That it was made for.
    alike : str
        What makes loans alike, such as "score band and term".

    Source
    ------
    riskkit definition.
    """
    rows = [_worst(table), _riskiest(table)]
    told = {str(row.name): row for row in rows if row is not None and _is_worse(row)}
    if len(table) and _is_riskier(table.iloc[-1]):
        told[str(table.index[-1])] = table.iloc[-1]
    found = []
    for name, row in told.items():
        red = name == table.index[-1] and _is_riskier(row)
        text = (
            f"{name} has {row['bad_rate']:.2%} bad by month {month}, against "
            f"{row['others_rate']:.2%} of the others, {_by(row)}: {_ratio(row)} times as often as "
            f"loans of the same {alike}"
        )
        found.append(("Matured cohorts", text, red))
    return found


def _worst(table: pd.DataFrame) -> pd.Series | None:
    """Row of the worst cohort; None if none was tested."""
    tested = table[table["cause"] != "too few"]
    higher = tested[tested["cause"].isin(DEPARTS) & (tested["departure_rate"] > 0)]
    if len(higher):
        return higher.loc[higher["departure_rate"].idxmax()]
    riskiest = _riskiest(tested)
    if riskiest is not None or tested.empty:
        return riskiest
    return tested.loc[tested["departure_rate"].idxmax()]


def _riskiest(table: pd.DataFrame) -> pd.Series | None:
    """Row of the cohort whose risk is furthest above its mix; None if none is for sure."""
    riskier = table[[_is_riskier(row) for _, row in table.iterrows()]]
    return riskier.loc[riskier["ratio"].idxmax()] if len(riskier) else None


def _is_riskier(row: pd.Series) -> bool:
    return bool(row["cause"] != "too few" and row["ratio_low"] > 1)


def _is_worse(row: pd.Series) -> bool:
    """Whether a cohort is worse than chance gives, by its rate or for its mix."""
    return _is_riskier(row) or bool(row["cause"] in DEPARTS and row["departure_rate"] > 0)


def _by(row: pd.Series) -> str:
    if row["departure_rate"] <= 0 or row["cause"] not in DEPARTS:
        return f"by {HIDDEN}"
    unclear = "by mix or by risk cannot be told"
    return unclear if row["cause"] == "unclear" else f"by {row['cause']}"


def _points(rate: float) -> str:
    return f"{100 * rate:+.2f}"


def _ratio(row: pd.Series) -> str:
    return f"{row['ratio']:.2f} ({row['ratio_low']:.2f} to {row['ratio_high']:.2f})"
