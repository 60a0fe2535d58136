"""Which decline reasons weigh more than before, and whether approval is within its target band.

Takes applications of two periods, or a number approved; gives a row a reason, and findings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.chance import fisher_p_value, holm, p_text
from riskkit.checks import check_level, flag_array, require_columns, same_rows
from riskkit.columns import verbatim
from riskkit.evidence import share_difference
from riskkit.metrics import jeffreys_interval

__all__ = ["band_findings", "reason_shift", "reasons_text"]


def reason_shift(
    applications: pd.DataFrame, later: pd.Series | np.ndarray, *, level: float = 0.95
) -> pd.DataFrame:
    """Share of all applications that each reason declined, in two periods.

    Parameters
    ----------
    applications : DataFrame of shape (n,)
        approved and declined_reason.
    later : bool array of shape (n,)
        Whether the application is of the later period; the others are of the earlier one.
    level : float

    Returns
    -------
    DataFrame, index reason, the greatest change first
        earlier and later (shares), earlier_n, later_n (declined); difference (later − earlier) with
        low and high; p_value (Fisher's exact test, after Holm over the reasons). Who was declined
        without a reason stands under "not recorded".

    Source
    ------
    Newcombe (1998), Statistics in Medicine 17(8), method 10; Holm (1979), Scandinavian Journal of
    Statistics 6(2).
    """
    check_level(level)
    same_rows(applications=applications, later=later)
    require_columns(applications, ["approved", "declined_reason"], "applications")
    is_later = flag_array(later, "later", len(applications)).astype(bool)
    declined = ~flag_array(applications["approved"], "approved", len(applications))
    reason = applications["declined_reason"].astype("str")
    reason = reason.where(applications["declined_reason"].notna(), "not recorded")[declined]
    counted = pd.crosstab(reason, is_later[declined]).reindex(columns=[True, False], fill_value=0)
    sizes = [int(is_later.sum()), int((~is_later).sum())]
    rows = {}
    for name, pair in zip(counted.index, counted.to_numpy().tolist(), strict=True):
        share, other, low, high = share_difference(pair, sizes, level)
        rows[str(name)] = {
            "earlier": other,
            "later": share,
            "earlier_n": pair[1],
            "later_n": pair[0],
            "difference": share - other,
            "low": low,
            "high": high,
            "p_value": fisher_p_value(pair[0], sizes[0], pair[1], sizes[1]),
        }
    columns = ["earlier", "later", "earlier_n", "later_n", "difference", "low", "high", "p_value"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("reason")
    table["p_value"] = holm(table["p_value"])
    order = table["difference"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order]


def band_findings(
    approved: int, applications: int, least: float, most: float
) -> list[tuple[str, str, bool]]:
    """What deserves attention where the approval rate is outside its target band.

    Parameters
    ----------
    approved, applications : int
    least, most : float
        The band, fractions; 0 to 1 is none.

    Returns
    -------
    list of (topic, text, is_red)
        Red where the whole 95 % interval is outside, amber where only the rate is.

    Raises
    ------
    ValueError
        The band is none, or more are approved than applied.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> band_findings(560, 1000, 0.5, 0.7), band_findings(460, 1000, 0.5, 0.7)[0][2]
    ([], True)
    """
    if not 0 <= least < most <= 1:
        raise ValueError(f"a target band needs 0 ≤ least < most ≤ 1, got {least!r} and {most!r}")
    if not 0 <= approved <= applications:
        raise ValueError(f"approved must lie in [0, {applications}], got {approved!r}")
    if not applications:
        return []
    rate = approved / applications
    low, high = (
        float(end[0])
        for end in jeffreys_interval(np.array([approved]), np.array([applications]), 0.95)
    )
    if least <= rate <= most:
        return []
    is_red = high < least or low > most
    doubt = "" if is_red else "; its interval reaches into the band"
    side = "below" if rate < least else "above"
    text = (
        f"{rate:.1%} ({low:.1%} to {high:.1%}) of {applications:,} applications were approved, "
        f"{side} the target band of {least:.1%} to {most:.1%}{doubt}"
    )
    return [("Approval rate", text, is_red)]


def reasons_text(shift: pd.DataFrame) -> str:
    """Which decline reasons weigh more or less than before, as Markdown.

    Parameters
    ----------
    shift : DataFrame
        Of :func:`reason_shift` at its usual level.

    Source
    ------
    riskkit definition.
    """
    if shift.empty:
        return "Nobody was declined in either period."
    clear = shift[shift["p_value"] < 0.05]
    n = f"{len(shift)} reason{'' if len(shift) == 1 else 's'}"
    if clear.empty:
        return f"Of {n} none declines more or less often beyond chance (Fisher, after Holm)."
    told = [
        f"{verbatim(name)} from {row['earlier']:.1%} to {row['later']:.1%} of all applications "
        f"({p_text(row['p_value'])})"
        for name, row in clear.iterrows()
    ]
    return f"Of {n}, beyond chance (Fisher, after Holm): {'; '.join(told)}."
