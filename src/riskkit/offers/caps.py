"""How much may a loan cost: the cap that binds on a day, and whether a price keeps to it.

Takes the caps of :func:`riskkit.schema.read_caps`; gives the binding one and tests against all.
"""

from __future__ import annotations

import pandas as pd

from riskkit.checks import nearest_name

__all__ = ["cap_on", "cap_test"]

ANY_SCOPE = "any"
# a rate of return is found by iteration: what lies as near to a cap is the cap
SOLVED_TO = 1e-8


def cap_on(caps: pd.DataFrame, day: pd.Timestamp | str, scope: str) -> pd.Series | None:
    """The cap that binds a loan of a scope on a day: of those in force, the lowest.

    They are compared by the effective rate a year: a nominal one compounds over twelve months,
    since of two lines of 24 % the effective one is the lower.

    Parameters
    ----------
    caps : DataFrame, index (name, from)
        Of :func:`riskkit.schema.read_caps`.
    day : date
        On which the contract is concluded.
    scope : str
        Of the lender and borrower; caps of scope "any" count, too.

    Returns
    -------
    Series, or None where no cap is in force
        The row, named by the cap, with `nominal_rate` (the most that twelve times the monthly rate
        of return may be) and `effective_rate` (that compounded). Of equal caps the first.

    Raises
    ------
    ValueError
        A scope that no cap has.

    Source
    ------
    riskkit definition; EAR = (1 + APR / 12)¹² − 1.

    Examples
    --------
    >>> index = pd.MultiIndex.from_tuples([("line", pd.Timestamp("2025-10-01"))])
    >>> caps = pd.DataFrame({"scope": "any", "until": pd.NaT, "cap_rate": 0.24,
    ...     "measured_by": "nominal"}, index=index.set_names(["name", "from"]))
    >>> cap_on(caps, "2026-01-01", "any")["effective_rate"].round(4)
    np.float64(0.2682)
    >>> cap_on(caps, "2025-09-30", "any") is None
    True
    """
    force = _in_force(caps, day, scope)
    if force.empty:
        return None
    row = force.iloc[int(force["effective_rate"].to_numpy().argmin())]
    return row.rename(row.name[0])


def cap_test(
    caps: pd.DataFrame,
    day: pd.Timestamp | str,
    scope: str,
    *,
    apr: float,
    ear: float,
    xirr: float | None = None,
) -> pd.DataFrame:
    """Whether a price keeps to every cap in force, each by its own measure.

    Parameters
    ----------
    caps, day, scope
        As in :func:`cap_on`.
    apr : float
        Twelve times the monthly rate of return of all that is paid; held against nominal caps.
    ear : float
        That rate compounded; held against effective caps.
    xirr : float, optional
        Yearly rate of return of the dated payments; held against caps by irr, `ear` unless given.

    Returns
    -------
    DataFrame, index cap
        `measured_by`, `cap_rate`, `measured_rate`, `within` (to the fen: what rounds to the cap and
        lies above it is above), `headroom_rate` = cap − measured, `source`, `title_zh`,
        `source_zh`, `verify`. No rows where none is in force.

    Raises
    ------
    ValueError
        A scope that no cap has.

    Source
    ------
    riskkit definition.
    """
    force = _in_force(caps, day, scope)
    measures = {"nominal": apr, "effective": ear, "irr": ear if xirr is None else xirr}
    table = force[["measured_by", "cap_rate"]].copy()
    table["measured_rate"] = force["measured_by"].map(measures).astype(float)
    table["within"] = table["measured_rate"] <= table["cap_rate"] + SOLVED_TO
    table["headroom_rate"] = table["cap_rate"] - table["measured_rate"]
    for name in ("source", "title_zh", "source_zh", "verify"):
        table[name] = force[name]
    return table.droplevel("from").rename_axis("cap")


def _in_force(caps: pd.DataFrame, day: pd.Timestamp | str, scope: str) -> pd.DataFrame:
    scopes = [*dict.fromkeys(caps["scope"])]
    if scope not in scopes:
        raise ValueError(
            f"there is no cap of scope {scope!r}{nearest_name(scope, scopes)}; known: "
            f"{', '.join(scopes)}"
        )
    when = pd.Timestamp(day).normalize()
    start = caps.index.get_level_values("from")
    force = caps[
        caps["scope"].isin([scope, ANY_SCOPE])
        & (start <= when)
        & (caps["until"].isna() | (caps["until"] >= when))
    ]
    rate, nominal = force["cap_rate"], force["measured_by"] == "nominal"
    return force.assign(
        nominal_rate=rate.where(nominal, 12 * ((1 + rate) ** (1 / 12) - 1)),
        effective_rate=rate.where(~nominal, (1 + rate / 12) ** 12 - 1),
    )
