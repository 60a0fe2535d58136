"""Whether the transition matrix is the same in all periods, row by row.

Takes counts of moves by month; gives a row per bucket, and what they say in words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import holm, p_text
from riskkit.checks import Array
from riskkit.columns import verbatim
from riskkit.migration.buckets import order_of
from riskkit.migration.moves import summed_moves

__all__ = ["stability_findings", "stability_table", "stability_text"]

SIGNIFICANT = 0.05
LEAST_MOVES = 20  # of a period; a smaller one is taken together with a neighbour
ALL_ROWS = "all buckets"
STABLE, CHANGED, TOO_FEW = "within chance", "changed beyond chance", "too few to say"
# levels of `within` as a page names them
IN_WORDS = {"term_months": "term of {} months", "mob": "month {} on book"}
COLUMNS = [
    "loans", "periods", "states", "chi2", "df", "p_value", "p_adjusted", "period", "to_bucket",
    "there_rate", "others_rate", "among", "told",
]  # fmt: skip


class Homogeneity(NamedTuple):
    """The test of one row: its statistic, its cells, and the cell that departs most."""

    chi2: float
    df: float
    periods: list[str]
    states: list[str]
    departs: tuple[int, int]
    errors: float  # by how many standard errors that cell departs
    moves: Array


def stability_table(
    counts: pd.DataFrame,
    *,
    across: str = "month_end",
    within: Sequence[str] = (),
    freq: Literal["M", "Q", "Y"] = "Q",
) -> pd.DataFrame:
    """Whether loans in each bucket move on alike in all periods.

    For each bucket i, χ² = Σ over periods t and states j of nᵢ(t)·(p̂ᵢⱼ(t) − p̂ᵢⱼ)² ÷ p̂ᵢⱼ, on
    (periods − 1)·(states − 1) degrees of freedom if the row of the matrix is the same in all of
    them. The χ² of all rows, and their degrees of freedom, add up. States nobody moved to are left
    out. While fewer than four cells in five expect 5 moves, or one less than 1 (Cochran's rule), a
    period with fewer than 20 moves is taken together with its smaller neighbour, then the two
    rarest states, then the smallest periods.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`transition_counts` with `split=["month_end"]`, or of
        :func:`code_transition_counts`.
    across : str
        Level that tells the periods.
    within : sequence of str
        Levels that are no change by themselves, such as "mob": a book that grows older moves
        otherwise though no borrower does. Periods are then compared level by level, and the χ² and
        degrees of freedom of all levels add up.
    freq : {"M", "Q", "Y"}
        Months, quarters or years, where the level holds dates.

    Returns
    -------
    DataFrame, index of the states moved from, and "all buckets" last
        `loans` (moves); `periods` and `states` compared; `chi2`, `df`, `p_value`, and `p_adjusted`
        after Holm over the rows tested. The cell that departs most, in standard errors: `period`,
        `to_bucket`, `there_rate`, and `others_rate`, its share in all other periods, `among` loans
        of one level of `within`. `told`:
        "within chance", "changed beyond chance", or "too few to say" with NaN: one period, one
        state moved to, or too few moves. No moves at all give that in each row.

    Raises
    ------
    ValueError
        Counts that are not split by `across` and `within`.

    Source
    ------
    Anderson, Goodman (1957), Statistical inference about Markov chains, Annals of Mathematical
    Statistics 28(1), section 3.2; Cochran (1954), Biometrics 10(4), for the smallest cells.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product(
    ...     [["aug", "sep"], ["M0 current"], ["M0 current", "M1 late"]],
    ...     names=["month_to", "from_bucket", "to_bucket"])
    >>> counts = pd.DataFrame({"loans": [90, 10, 70, 30]}, index=index)
    >>> stability_table(counts, across="month_to")[["chi2", "df", "told"]]
    ... # doctest: +NORMALIZE_WHITESPACE
                 chi2   df                   told
    from_bucket
    M0 current   12.5  1.0  changed beyond chance
    all buckets  12.5  1.0  changed beyond chance
    """
    moves = summed_moves(counts, [*within, across])
    labels = moves.index.get_level_values(across)
    if isinstance(labels, pd.DatetimeIndex):
        labels = labels.to_period(freq)
    source = len(within) + 1
    levels = [moves.index.get_level_values(name) for name in within]
    levels += [labels, moves.index.get_level_values(source)]
    moves = moves.groupby(levels, sort=False).sum()
    rows = {}
    for bucket in sorted(moves.index.unique(source), key=order_of):
        own = moves.xs(bucket, level=source)
        rows[bucket] = _row(int(own.to_numpy().sum()), _tests(own, within))
    table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
    table["p_adjusted"] = holm(table["p_value"])
    total = dict.fromkeys(COLUMNS, np.nan) | {"loans": table["loans"].sum()}
    if table["chi2"].notna().any():
        chi2, df = table["chi2"].sum(), table["df"].sum()
        p_value = special.chdtrc(df, chi2)
        total |= {"chi2": chi2, "df": df, "p_value": p_value, "p_adjusted": p_value}
    table.loc[ALL_ROWS] = total
    sure = table["p_adjusted"] <= SIGNIFICANT
    told = np.where(sure, CHANGED, np.where(table["p_value"].isna(), TOO_FEW, STABLE))
    kinds = {"loans": "int64", **dict.fromkeys(["chi2", "df", "p_value", "p_adjusted"], float)}
    table = table.assign(told=pd.Series(told, index=table.index, dtype=str)).astype(kinds)
    return table.rename_axis(index=counts.index.names[-2])


def _tests(moves: pd.DataFrame, within: Sequence[str]) -> dict[str, Homogeneity]:
    """The test of each level of `within`, or of all together; those that can be tested."""
    parts = {"": moves}
    if within:
        by_level = moves.groupby(level=list(within))
        parts = {
            ", ".join(
                IN_WORDS.get(name, f"{name.replace('_', ' ')} {{}}").format(at)
                for name, at in zip(within, key, strict=True)
            ): part.droplevel(list(within))
            for key, part in by_level
        }
    tests = {among: _homogeneity(part) for among, part in parts.items()}
    return {among: test for among, test in tests.items() if test is not None}


def _homogeneity(moves: pd.DataFrame) -> Homogeneity | None:
    """The test of a row's moves by period and state; None where there is nothing to test."""
    cells = moves.to_numpy(dtype=float)
    left, reached = cells.sum(axis=1) > 0, cells.sum(axis=0) > 0
    cells = cells[left][:, reached]
    periods = [str(label) for label in moves.index[left]]
    states = [str(label) for label in moves.columns[reached]]
    while min(cells.shape, default=0) >= 2:
        n, shares = cells.sum(axis=1), cells.sum(axis=0) / cells.sum()
        expected = n[:, np.newaxis] * shares
        if expected.min() >= 1 and (expected >= 5).mean() >= 0.8:
            chi2 = float(((cells - expected) ** 2 / expected).sum())
            df = float((len(n) - 1) * (len(shares) - 1))
            error = np.sqrt(expected * (1 - shares) * (1 - n / n.sum())[:, np.newaxis])
            distances = np.abs(cells - expected) / error
            at = np.unravel_index(np.argmax(distances), cells.shape)
            place = int(at[0]), int(at[1])
            return Homogeneity(chi2, df, periods, states, place, distances[place], cells)
        if len(periods) > 2 and (n.min() < LEAST_MOVES or len(states) == 2):
            cells, periods = _with_neighbour(cells, periods)
        elif len(states) > 2:
            rare, rarer = sorted(np.argsort(shares, kind="stable")[:2])
            cells[:, rare] += cells[:, rarer]
            cells = np.delete(cells, rarer, axis=1)
            states[rare] = f"{states[rare]} or {states.pop(rarer)}"
        else:
            return None
    return None


def _with_neighbour(cells: Array, periods: list[str]) -> tuple[Array, list[str]]:
    """The smallest period taken together with the smaller of its neighbours."""
    n = cells.sum(axis=1)
    smallest = int(np.argmin(n))
    beside = [k for k in (smallest - 1, smallest + 1) if 0 <= k < len(n)]
    first, second = sorted([smallest, min(beside, key=lambda k: n[k])])
    first_name, last_name = periods[first].split(" to ")[0], periods[second].split(" to ")[-1]
    merged = [*periods[:first], f"{first_name} to {last_name}", *periods[second + 1 :]]
    cells = cells.copy()
    cells[first] += cells[second]
    return np.delete(cells, second, axis=0), merged


def _row(n_moves: int, tests: dict[str, Homogeneity]) -> dict[str, object]:
    """A row of :func:`stability_table` before all rows are looked at together."""
    row: dict[str, object] = {**dict.fromkeys(COLUMNS, np.nan), "loans": n_moves}
    if not tests:
        return row
    chi2, df = (sum(getattr(test, name) for test in tests.values()) for name in ("chi2", "df"))
    among = max(tests, key=lambda name: tests[name].errors)
    test = tests[among]
    at, to = test.departs
    others = np.delete(test.moves, at, axis=0)
    return row | {
        "periods": len(test.periods),
        "states": len(test.states),
        "chi2": chi2,
        "df": df,
        "p_value": special.chdtrc(df, chi2),
        "period": test.periods[at],
        "to_bucket": test.states[to],
        "there_rate": test.moves[at, to] / test.moves[at].sum(),
        "others_rate": others[:, to].sum() / others.sum(),
        "among": among,
    }


def stability_text(table: pd.DataFrame) -> str:
    """Sentences on whether one matrix serves for all periods, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`stability_table`.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> nobody = pd.DataFrame({"loans": [0], "told": ["too few to say"]}, index=["all buckets"])
    >>> stability_text(nobody)
    'Too few loans have moved, or in too few periods, to say whether the matrix is stable.'
    """
    rows = table.drop(index=ALL_ROWS)
    tested = rows[rows["told"] != TOO_FEW]
    if tested.empty:
        return (
            "Too few loans have moved, or in too few periods, to say whether the matrix is stable."
        )
    few = len(rows) - len(tested)
    rest = f" Of {few} more there are too few moves to say." if few else ""
    changed = tested[tested["told"] == CHANGED].sort_values("p_value", kind="stable")
    n_tested = f"{len(tested)} bucket{'' if len(tested) == 1 else 's'} tested"
    if changed.empty:
        nearest = tested.loc[tested["p_value"].idxmin()]
        together = table.loc[ALL_ROWS]
        if together["told"] == CHANGED:
            return (
                "**The matrix is not quite the same in all periods**: all buckets taken together "
                f"depart ({p_text(together['p_value'])}), though none of {n_tested} does alone, "
                f"their number allowed for; most nearly {_told(nearest)}.{rest}"
            )
        return (
            f"**The matrix is stable within chance**: in none of {n_tested} do loans move on "
            f"otherwise from period to period; nearest to it is {_told(nearest)}.{rest}"
        )
    told = "; ".join(_told(row) for _, row in changed.iterrows())
    return (
        f"**The matrix is not the same in all periods**: of {n_tested}, {len(changed)} changed "
        f"beyond chance (p-values after Holm): {told}. One matrix of all months is an average of "
        f"what never was.{rest}"
    )


def stability_findings(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Which buckets move on otherwise than they did: topic, text, and that it is not red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`stability_table`.

    Source
    ------
    riskkit definition.
    """
    rows = table.drop(index=ALL_ROWS)
    changed = rows[rows["told"] == CHANGED]
    if changed.empty:
        return []
    rows = changed.sort_values("p_value", kind="stable")
    told = "; ".join(_told(row, str) for _, row in rows.iterrows())
    return [("Migration", f"Loans do not move on alike in all periods: {told}", False)]


def _told(row: pd.Series, written: Callable[[object], str] = verbatim) -> str:
    """The cell of a row that departs most, in words."""
    among = f", {written(row['among'])}" if row["among"] else ""
    return (
        f"{written(row.name)}{among}, of which in {written(row['period'])} "
        f"{row['there_rate']:.1%} went "
        f"to {written(row['to_bucket'])} against {row['others_rate']:.1%} else (adjusted "
        f"{p_text(row['p_adjusted'])})"
    )
