"""Which rows of a table of groups are of so few people that their figures tell of persons.

Takes a table with a count of people; gives it without those figures, and without those by which
they could be had again.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

__all__ = ["suppress_small"]

LEAST = 5


def suppress_small(
    table: pd.DataFrame,
    people: str,
    least: int = LEAST,
    *,
    within: Sequence[str] = (),
    totals: Sequence[Hashable] = (),
) -> pd.DataFrame:
    """The table without the figures of rows with fewer than `least` people, but for nobody.

    In a row that is hidden every number is NaN, the count of people among them: a page shows it as
    "–" and says "fewer than 5 people". Texts stay, so that it is seen which group is hidden. A row
    of 0 people stays as it is, since it tells of nobody; one whose count is missing is hidden.

    What is hidden must not follow from a total: where the rows that are hidden hold fewer than
    `least` people together, or there is but one, the row with the fewest people of those still
    shown is hidden, too, the first of equal ones, until there are two rows with `least` people. A
    total is always taken to be known, whether or not it is in the table. Totals in two directions,
    over groups and over months, are more than this looks at: call it once for each.

    Parameters
    ----------
    table : DataFrame
        A row a group. Integers become floats where a row is hidden.
    people : str
        The column with their count.
    least : int
        At least 2.
    within : sequence of str
        Columns or levels of the index within whose values there is a total of its own, such as the
        month of a table by month and channel.
    totals : sequence
        Labels of the index of rows that are totals: hidden only where they are small themselves.

    Raises
    ------
    ValueError
        `least` is no whole number of at least 2; a count is negative; a column is not there.

    Source
    ------
    Hundepool and others (2012), Statistical Disclosure Control: a minimum frequency, and secondary
    suppression against subtraction. Which row is hidden second is a riskkit definition.

    Examples
    --------
    >>> t = pd.DataFrame({"loans": [40, 3, 12], "bad_rate": [0.1, 0.33, 0.25]}, index=[*"abc"])
    >>> suppress_small(t, "loans")["loans"].tolist()
    [40.0, nan, nan]
    """
    if isinstance(least, bool) or not isinstance(least, int | np.integer) or least < 2:
        raise ValueError(f"least must be a whole number >= 2, got {least!r}")
    levels = [name for name in table.index.names if name in within and name not in table]
    flat = pd.concat(
        [table.reset_index(drop=True), table.index.to_frame(index=False)[levels]], axis=1
    )
    lacking = [name for name in (people, *within) if name not in flat.columns]
    if lacking:
        raise ValueError(f"no column {', '.join(map(repr, lacking))} in the table")
    counts = flat[people].to_numpy(dtype=float)
    if (counts < 0).any():
        raise ValueError(f"{people} must be >= 0, got {np.nanmin(counts):g}")
    is_small = np.isnan(counts) | ((counts > 0) & (counts < least))
    is_total = np.asarray(table.index.isin(list(totals)), dtype=bool)
    hidden = is_small.copy()
    keys = [flat[name] for name in within] or [pd.Series(0, index=flat.index)]
    for rows in flat.groupby(keys, dropna=False, sort=False).indices.values():
        parts = rows[~is_total[rows]]
        _hide_more(hidden, counts, parts, least)
    shown = table.copy()
    for name in table.select_dtypes(["number", "bool"]).columns:
        if hidden.any():
            shown[name] = table[name].astype(float).where(~hidden)
    return shown


def _hide_more(hidden: np.ndarray, counts: np.ndarray, rows: np.ndarray, least: int) -> None:
    """Hide so many more of these rows that none of those hidden follows from their total."""
    if not hidden[rows].any():
        return
    left = rows[~hidden[rows] & (counts[rows] > 0)]
    for row in left[np.argsort(counts[left], kind="stable")]:
        inside = rows[hidden[rows]]
        if len(inside) > 1 and np.nansum(counts[inside]) >= least:
            break
        hidden[row] = True
