"""Whether the early warning ranks running loans better than what was known without it.

Takes judged landmarks; gives a row per group and method with its area under the curve and what a
list of the riskiest would have caught, with intervals, and words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from riskkit.chance import MIN_BADS, holm, p_text
from riskkit.checks import check_level, require_columns
from riskkit.columns import interval_text

__all__ = ["lift_findings", "lift_table", "lift_text"]

Array = NDArray[np.float64]

WARNING, ORIGINATION, DAYS = "early warning", "score at origination", "days past due"
SIGNIFICANT = 0.05
FIGURES = ("auc", "capture_rate", "lift", "auc_gain", "capture_gain")


def lift_table(judged: pd.DataFrame, *, share: float = 0.05, level: float = 0.95) -> pd.DataFrame:
    """How well each method ranks, and what the riskiest loans of each month would have caught.

    Each month the `share` of its landmarks that a method ranks riskiest is on the list; of loans it
    cannot tell apart, each is on it by the same fraction, so that nothing hangs on their order.

    - `auc`: probability that a landmark that went bad is ranked above one that did not;
    - `capture_rate`: bads on the list ÷ all bads; `lift`: that ÷ `share`;
    - `auc_gain`, `capture_gain`: what the early warning has more than the method of the row.

    A loan is in the table month after month, and its landmarks go bad together. So the variances
    are sums over loans, of the sums of each loan's contributions (placements of its bads and goods,
    Obuchowski 1997; for ratios the residuals, linearised), and differences are paired.

    Parameters
    ----------
    judged : DataFrame
        Of :func:`judge_warning`: `loan_id`, `month_end`, `dpd`, `flag`, `probability` and, where
        known, `score`; a missing score ranks at the median.
    share : float
        Of each month's landmarks, in (0, 1): how many the lender can look after.
    level : float
        Confidence of the intervals, each for itself, in (0, 1).

    Returns
    -------
    DataFrame, index (among, method)
        `among` is "all", "nothing past due" and "past due"; the method "days past due" has no row
        among those without any. `landmarks`, `loans`, `bad`; `expected_bad`, the sum of the early
        warning's probabilities, NaN of the others; the figures above, each with `_low`
        and `_high`; of the gain in `auc` `p_value` and `p_adjusted` (two-sided, after Holm over the
        rows). A group with fewer than 30 bads or goods has counts alone, NaN in the rest. Nothing
        judged gives no rows.

    Raises
    ------
    DataContractError
        A missing column.
    ValueError
        `share` or `level` outside (0, 1).

    Source
    ------
    Obuchowski (1997), Nonparametric analysis of clustered ROC curve data, Biometrics 53(2); Holm
    (1979), Scandinavian Journal of Statistics 6(2).

    Examples
    --------
    >>> judged = pd.DataFrame({
    ...     "loan_id": [f"L{n}" for n in range(200)], "month_end": pd.Timestamp("2024-01-31"),
    ...     "dpd": 0, "flag": [1.0] * 40 + [0.0] * 160, "probability": np.linspace(0.9, 0.1, 200)})
    >>> lift_table(judged, share=0.1)[["bad", "auc", "capture_rate", "lift"]].iloc[0].tolist()
    [40.0, 1.0, 0.5, 5.0]
    """
    check_level(level)
    if not 0 < share < 1:
        raise ValueError(f"share must lie in (0, 1), got {share!r}")
    needed = ["loan_id", "month_end", "dpd", "flag", "probability"]
    require_columns(judged, needed, "judged landmarks")
    days = judged["dpd"].to_numpy()
    groups = {"all": days >= 0, "nothing past due": days == 0, "past due": days > 0}
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for among, inside in groups.items():
        part = judged[inside]
        if part.empty:
            continue
        risks = _risks(part)
        if among == "nothing past due":
            del risks[DAYS]
        for method, figures in _figures(part, risks, share, level).items():
            rows[among, method] = figures
    columns = ["landmarks", "loans", "bad", "expected_bad"]
    columns += [f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")] + ["p_value"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.index = pd.MultiIndex.from_tuples(list(rows), names=["among", "method"])
    table = table.astype(dict.fromkeys(columns[:3], np.int64))
    return table.assign(p_adjusted=holm(table["p_value"]))


def _risks(part: pd.DataFrame) -> dict[str, Array]:
    """How risky each method ranks each landmark, the early warning first."""
    risks = {WARNING: part["probability"].to_numpy(float)}
    if "score" in part and part["score"].notna().any():
        risks[ORIGINATION] = -part["score"].fillna(part["score"].median()).to_numpy(float)
    return risks | {DAYS: part["dpd"].to_numpy(float)}


def _figures(
    part: pd.DataFrame, risks: dict[str, Array], share: float, level: float
) -> dict[str, dict[str, float]]:
    """Figures of each method, among some landmarks."""
    loan, loans = pd.factorize(part["loan_id"])
    bad = part["flag"].to_numpy(float) == 1
    month = pd.factorize(part["month_end"])[0]
    counts: dict[str, float] = {
        "landmarks": len(part),
        "loans": len(loans),
        "bad": int(bad.sum()),
    }
    found: dict[str, dict[str, float]] = {}
    told = min(counts["bad"], len(part) - counts["bad"]) >= MIN_BADS
    first: dict[str, tuple[float, Array]] = {}
    for method, risk in risks.items():
        found[method] = dict(counts)
        if method == WARNING:
            found[method]["expected_bad"] = float(risk.sum())
        if not told:
            continue
        auc = _auc_parts(risk, bad)
        listed = _listed(risk, month, share)
        capture = float(listed[bad].mean())
        parts = {
            "auc": auc,
            "capture_rate": (capture, np.where(bad, listed - capture, 0.0) / counts["bad"]),
        }
        parts["lift"] = capture / share, parts["capture_rate"][1] / share
        if method == WARNING:
            first = parts
        else:
            for name, of in {"auc_gain": "auc", "capture_gain": "capture_rate"}.items():
                parts[name] = first[of][0] - parts[of][0], first[of][1] - parts[of][1]
        for name, (value, influence) in parts.items():
            low, high, p_value = _interval(value, influence, loan, level)
            found[method] |= {name: value, f"{name}_low": low, f"{name}_high": high}
            if name == "auc_gain":
                found[method]["p_value"] = p_value
    return found


def _auc_parts(risk: Array, bad: NDArray[np.bool_]) -> tuple[float, Array]:
    """Area under the curve, and how far each landmark moves it."""
    n_bad, n_good = int(bad.sum()), int((~bad).sum())
    # of n values, the rank is the number below, plus half of the ties, plus a half
    among_all = stats.rankdata(risk)
    own = np.empty(len(risk))
    own[bad], own[~bad] = stats.rankdata(risk[bad]), stats.rankdata(risk[~bad])
    below = among_all - own  # of the other class, ties half
    placement = np.where(bad, below / n_good, 1 - below / n_bad)
    auc = float(placement[bad].mean())
    return auc, (placement - auc) / np.where(bad, n_bad, n_good)


def _listed(risk: Array, month: NDArray[np.intp], share: float) -> Array:
    """By what fraction each landmark is on its month's list of the riskiest."""
    order = np.lexsort((-risk, month))
    starts = np.flatnonzero(np.diff(month[order], prepend=-1))
    size = np.diff(np.append(starts, len(order)))
    new = np.append(True, (np.diff(risk[order]) != 0) | (np.diff(month[order]) != 0))
    tie = np.cumsum(new) - 1
    tie_starts = np.flatnonzero(new)
    tie_size = np.diff(np.append(tie_starts, len(order)))
    at = np.repeat(starts, size)
    room = np.repeat(share * size, size)
    before = tie_starts[tie] - at
    listed = np.empty(len(order))
    listed[order] = np.clip((room - before) / tie_size[tie], 0, 1)
    return listed


def _interval(
    value: float, influence: Array, loan: NDArray[np.intp], level: float
) -> tuple[float, float, float]:
    """Interval of a figure, and the p-value of its being zero, by sums over loans."""
    sums = np.bincount(loan, weights=influence)
    n = len(sums)
    error = float(np.sqrt(n / (n - 1) * (sums**2).sum())) if n > 1 else np.nan
    width = float(special.ndtri(0.5 + level / 2)) * error
    p_value = float(2 * special.ndtr(-abs(value) / error)) if error > 0 else np.nan
    return value - width, value + width, p_value


def lift_text(table: pd.DataFrame, told: str, *, share: float = 0.05) -> str:
    """Sentences on whether the early warning helps, and beside what, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`lift_table`.
    told : str
        Of what is warned: :attr:`WarningDefinition.told`.
    share : float
        That it was made for.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> lift_text(lift_table(pd.DataFrame({"loan_id": [], "month_end": [], "dpd": [], "flag": [],
    ...     "probability": []})), "late")
    'There is no early warning: too few loans went bad to fit one, or no month judges it yet.'
    """
    if table.empty:
        return (
            "There is no early warning: too few loans went bad to fit one, or no month judges it "
            "yet."
        )
    row = table.loc[("all", WARNING)]
    if np.isnan(row["auc"]):
        return (
            f"Too few to say: {row['bad']:,.0f} of {row['landmarks']:,.0f} landmarks judged were "
            f"{told}; it takes {MIN_BADS}, and as many that were not."
        )
    text = (
        f"The {share:.0%} of running loans that the score ranks riskiest each month hold "
        f"**{_told(row, 'capture_rate', 'percent')}** of those that were {told}, "
        f"{_told(row, 'lift', 'number')} times their share ({row['bad']:,.0f} of "
        f"{row['landmarks']:,.0f} landmarks of {row['loans']:,.0f} loans, "
        f"{row['expected_bad']:,.0f} expected), in months that the score knew nothing of."
    )
    others = table.drop(index=WARNING, level="method")
    gains = [_gain(other, method) for method, other in others.loc["all"].iterrows()]
    text += f" {' '.join(gains)}"
    among = "nothing past due"
    if (among, ORIGINATION) in table.index and not np.isnan(table.loc[(among, WARNING), "auc"]):
        early = _gain(table.loc[(among, ORIGINATION)], ORIGINATION)
        text += f" Among loans with nothing past due: {early[0].lower()}{early[1:]}"
    return text


def _gain(row: pd.Series, method: object) -> str:
    """One method beside the early warning, in words."""
    gain = _told(row, "auc_gain", "signed")
    beside = f"the {method} alone (AUC {row['auc']:.3f})"
    p = f"adjusted {p_text(row['p_adjusted'])}"
    if not row["p_adjusted"] <= SIGNIFICANT:
        p = f", {p}" if row["p_adjusted"] > SIGNIFICANT else ""
        return f"It is not beyond chance better than {beside}: AUC {gain}{p}."
    ranks = "better" if row["auc_gain"] > 0 else "worse"
    return f"It ranks {ranks} than {beside}: AUC {gain}, {p}."


def _told(row: pd.Series, name: str, kind: str) -> str:
    return interval_text(row[name], row[f"{name}_low"], row[f"{name}_high"], kind)


def lift_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """That the early warning ranks no better than what is known without it: topic, text, not red.

    Nothing where it does, beyond chance, of all loans and against every other method; and nothing
    where there are too few to say.

    Parameters
    ----------
    table : DataFrame
        Of :func:`lift_table`.

    Source
    ------
    riskkit definition.
    """
    if table.empty:
        return []
    others = table.drop(index=WARNING, level="method").loc["all"]
    told = others[others["auc_gain"].notna()]
    # equal in every loan, the two have no p-value
    useless = told[(told["auc_gain"] <= 0) | ~(told["p_adjusted"] <= SIGNIFICANT)]
    return [("Early warning", _gain(row, method)[:-1], False) for method, row in useless.iterrows()]
