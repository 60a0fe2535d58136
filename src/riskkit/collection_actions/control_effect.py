"""What collections achieve, from the cases that were left alone by a draw, and from them alone.

Takes cases; gives a row per bucket with what the collected paid beside those left alone, with
intervals, and words. Without a control group there is no effect to tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from riskkit.chance import MIN_BADS, holm, p_text
from riskkit.checks import check_level
from riskkit.collection_actions.cases import (
    HELD_OUT,
    TREATED,
    case_labels,
    gain_text,
    has_control,
)
from riskkit.columns import interval_text

__all__ = ["effect_findings", "effect_table", "effect_text"]

SIGNIFICANT = 0.05
ALL = "all"


def effect_table(cases: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Effect of collections within a month, by bucket: treated cases against those left alone.

    Who is left alone was drawn, so within a bucket the groups differ by nothing else; nobody is
    compared who was not drawn for. "all" weighs the buckets' differences by their cases, since the
    draws may have favoured one. Variances are sums over loans of the sums of each loan's
    residuals: a loan that comes back month after month is no new witness.

    Parameters
    ----------
    cases : DataFrame
        Of :func:`collection_cases`.
    level : float
        Confidence of the intervals, each for itself, in (0, 1).

    Returns
    -------
    DataFrame, index bucket (1 to 6, then "all")
        `treated_cases`, `held_out_cases`; `treated_rolled_rate`, `held_out_rolled_rate`, shares
        that went on to a worse bucket, and `spared_rate`, the latter less the former, with
        interval, `p_value` and `p_adjusted` (Holm, over the buckets); with amounts
        `treated_amount`, `held_out_amount`, collected in the month a case, fen, and `gain_amount`,
        the difference, with interval. NaN where a group has fewer than 30 cases; "all" is of the
        buckets that have enough. No control group, no rows.

    Raises
    ------
    ValueError
        `level` outside (0, 1).

    Source
    ------
    riskkit definition; Liang, Zeger (1986), Biometrika 73(1), for variances by cluster; Holm
    (1979), Scandinavian Journal of Statistics 6(2).

    Examples
    --------
    >>> cases = pd.DataFrame({"loan_id": [f"L{n}" for n in range(200)], "bucket": 1,
    ...     "group": ["treated"] * 100 + ["held_out"] * 100,
    ...     "rolled": [1.0, 0.0, 0.0, 0.0, 0.0] * 20 + [1.0, 0.0] * 50})
    >>> effect_table(cases)["spared_rate"].round(3).tolist()
    [0.3, 0.3]
    """
    check_level(level)
    measures = {"rolled": "rolled_rate"}
    if "collected_amount" in cases:
        measures["collected_amount"] = "amount"
    if not has_control(cases):
        return pd.DataFrame(columns=["treated_cases", "held_out_cases"]).rename_axis(index="bucket")
    known = cases[cases["group"].notna() & cases["rolled"].notna()]
    loan = pd.factorize(known["loan_id"])[0]
    is_held = (known["group"] == HELD_OUT).to_numpy()
    place = known["bucket"].to_numpy()
    rows: dict[Any, dict[str, float]] = {}
    parts: dict[str, list[tuple[int, float, NDArray[np.float64]]]] = {m: [] for m in measures}
    for bucket in np.unique(place):
        inside = place == bucket
        n_held, n_treated = int((inside & is_held).sum()), int((inside & ~is_held).sum())
        rows[int(bucket)] = {"treated_cases": n_treated, "held_out_cases": n_held}
        if min(n_held, n_treated) < MIN_BADS:
            continue
        for measure, name in measures.items():
            values = known[measure].to_numpy(float)
            means = {group: values[inside & of].mean() for group, of in _of(is_held)}
            for group, mean in means.items():
                rows[int(bucket)][f"{group}_{name}"] = mean
            gap = means[TREATED] - means[HELD_OUT]
            share = np.where(is_held, -1 / n_held, 1 / n_treated)
            centre = np.where(is_held, means[HELD_OUT], means[TREATED])
            influence = np.where(inside, share * (values - centre), 0.0)
            parts[measure].append((n_held + n_treated, gap, influence))
            rows[int(bucket)] |= _told_gap(measure, gap, influence, loan, level)
    if any(parts.values()):
        enough = [row for row in rows.values() if len(row) > 2]
        rows[ALL] = {
            name: sum(row[name] for row in enough) for name in ("treated_cases", "held_out_cases")
        }
        for measure, found in parts.items():
            weight = np.array([n for n, _, _ in found]) / sum(n for n, _, _ in found)
            gap = float(weight @ [gap for _, gap, _ in found])
            influence = weight @ np.stack([each for _, _, each in found])
            rows[ALL] |= _told_gap(measure, gap, influence, loan, level)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="bucket")
    table = table.astype(dict.fromkeys(["treated_cases", "held_out_cases"], np.int64))
    if "p_value" in table:
        single = table["p_value"].to_numpy(float).copy()
        single[table.index == ALL] = np.nan
        table["p_adjusted"] = holm(single)
        table.loc[table.index == ALL, "p_adjusted"] = table["p_value"]
    return table


def _of(is_held: NDArray[np.bool_]) -> list[tuple[str, NDArray[np.bool_]]]:
    return [(TREATED, ~is_held), (HELD_OUT, is_held)]


def _told_gap(
    measure: str,
    gap: float,
    influence: NDArray[np.float64],
    loan: NDArray[np.intp],
    level: float,
) -> dict[str, float]:
    """Columns of a difference, treated less left alone; of rolling, what was spared."""
    error = float(np.sqrt((np.bincount(loan, weights=influence) ** 2).sum()))
    width = float(special.ndtri(0.5 + level / 2)) * error
    if measure != "rolled":
        return {"gain_amount": gap, "gain_low": gap - width, "gain_high": gap + width}
    p_value = float(2 * special.ndtr(-abs(gap) / error)) if error > 0 else np.nan
    return {
        "spared_rate": -gap,
        "spared_low": -gap - width,
        "spared_high": -gap + width,
        "p_value": p_value,
    }


def effect_text(table: pd.DataFrame, currency: str) -> str:
    """Sentences on what collections achieve in a month, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`effect_table`.
    currency : str

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> effect_text(effect_table(pd.DataFrame()), "CNY")  # doctest: +ELLIPSIS
    'Nobody in arrears was left alone by a draw, so **what collections achieve cannot be told**:...
    """
    if table.empty:
        return (
            "Nobody in arrears was left alone by a draw, so **what collections achieve cannot be "
            "told**: who pays after a call might have paid without it. A small share of each "
            "bucket, drawn at random each month and left alone, would tell it."
        )
    if ALL not in table.index:
        most = table["held_out_cases"].max()
        return (
            f"Too few to say: no bucket has {MIN_BADS} cases that were left alone by a draw (the "
            f"largest has {most:,})."
        )
    row = table.loc[ALL]
    spared = interval_text(row["spared_rate"], row["spared_low"], row["spared_high"], "percent")
    text = (
        f"Beside {row['held_out_cases']:,.0f} cases left alone by a draw, collections keep "
        f"**{spared}** of cases from going on to a worse bucket within the month, weighed over the "
        f"buckets ({p_text(row['p_value'])})"
    )
    if "gain_amount" in table:
        text += f", and bring {gain_text(row, currency)} more a case in that month"
    buckets = table.drop(index=ALL)
    certain = buckets.index[(buckets["p_adjusted"] <= SIGNIFICANT) & (buckets["spared_rate"] > 0)]
    named = ", ".join(label.split()[0] for label in case_labels(certain))
    if len(certain):
        return f"{text}. Beyond chance on its own after Holm: {named}."
    return f"{text}. No bucket on its own shows it beyond chance after Holm."


def effect_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """That collections achieve nothing good beyond chance: topic, text, and that it is not red.

    Nothing without a control group, or where it is too small to say.

    Parameters
    ----------
    table : DataFrame
        Of :func:`effect_table`.

    Source
    ------
    riskkit definition.
    """
    if ALL not in table.index:
        return []
    row = table.loc[ALL]
    if row["spared_low"] > 0:
        return []
    spared = interval_text(row["spared_rate"], row["spared_low"], row["spared_high"], "percent")
    verdict = "may be chance" if row["spared_high"] >= 0 else "is worse than nothing, beyond chance"
    text = (
        f"beside those left alone, collections keep {spared} of cases from a worse bucket, which "
        f"{verdict}"
    )
    return [("Collections", text, False)]
