"""One month's matrix applied to the book, against what the next month brought.

Takes counts of moves by month; gives forecasts with their intervals beside what came, how often it
lay within them, and what that says in words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from riskkit.chance import holm, p_text
from riskkit.checks import Array, check_level, check_seed
from riskkit.columns import calendar_months
from riskkit.metrics import jeffreys_interval
from riskkit.migration.moves import summed_moves

__all__ = ["forecast_findings", "forecast_summary", "forecast_table", "forecast_text"]

SIGNIFICANT = 0.05
N_DRAWS = 500
JEFFREYS = 0.5
LEAST_MONTHS = 12  # fewer forecasts are too few to say
LEAST_LOANS = 10  # expected in all months together, else a state says nothing
HOLDS, FAILS, TOO_FEW = "holds", "fails", "too few to say"


def forecast_table(
    counts: pd.DataFrame, *, months: int = 1, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Loans that the matrix puts in each state next month, with an interval, and those that came.

    The matrix is that of the moves of the last `months` months up to a month-end; it is applied to
    the loans open then. Counts that are split by more than the month, such as the month on book,
    get a matrix for each value, so that a book that grows older is no surprise.

    The interval has both errors in it: of the process, since each loan draws its own move
    (multinomial), and of the matrix, which is itself counted on some loans (Dirichlet: the counts
    of the bucket, plus ½ for each state that its loans have ever moved to by then). It is the range
    of 500 draws of both. Where more than the month splits the counts, a row of the matrix is that
    of its own loans and one more, which moves as all of its bucket did, so that a row of few loans
    is not taken for sure. Loans are taken to move independently of one another: what moves all of
    them in one month, such as a holiday, is not in the interval, and shows as a book that fails its
    back-test.

    Parameters
    ----------
    counts : DataFrame
        Of :func:`transition_counts`, split by "month_end" and perhaps more.
    months : int
        Counted for the matrix.
    level : float
        Of the prediction intervals, in (0, 1).
    seed : int

    Returns
    -------
    DataFrame, index (month_end, to_bucket)
        For each month-end moved to, if the `months` before it are all there. `expected`: loans of
        the book times the matrix; `low`, `high`; `came`; `inside`: whether it lies within, ends
        included. `left_out`: loans of the month whose bucket nobody was seen in in those months:
        there is no row of the matrix for them, and they are in neither figure. Loans without a row
        next month are none of the book here. Fewer than two months give no rows.

    Raises
    ------
    ValueError
        Counts not split by "month_end"; `months` below 1; `level` outside (0, 1).

    Source
    ------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd edition, section 3.4, for multinomial counts
    and their predictive distribution; Jeffreys (1946), Proceedings of the Royal Society A 186, for
    the ½; the loan added is riskkit's.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product(
    ...     [pd.to_datetime(["2024-01-31", "2024-02-29"]), ["M0 current"],
    ...      ["M0 current", "M1 late"]], names=["month_end", "from_bucket", "to_bucket"])
    >>> counts = pd.DataFrame({"loans": [900, 100, 1_780, 220]}, index=index)
    >>> forecast_table(counts)[["expected", "came", "inside"]].round(1).to_numpy().tolist()
    [[1800.0, 1780, True], [200.0, 220, True]]
    """
    check_level(level)
    check_seed("seed", seed)
    if months < 1:
        raise ValueError(f"months must be >= 1, got {months!r}")
    *split, source, target = counts.index.names
    moves = summed_moves(counts, ["month_end", *(name for name in split if name != "month_end")])
    ends = moves.index.unique("month_end").sort_values()
    kinds, kind = np.unique(
        pd.factorize(moves.index.droplevel("month_end"))[0], return_inverse=True
    )
    by_month = np.zeros((len(ends), len(kinds), moves.shape[1]), np.int64)
    by_month[ends.get_indexer(moves.index.get_level_values("month_end")), kind] = moves.to_numpy()
    buckets = pd.factorize(moves.index.get_level_values(source))[0]
    bucket_of = np.zeros(len(kinds), np.int64)
    bucket_of[kind] = buckets
    month = calendar_months(ends)
    parts = {}
    for at in range(months, len(ends)):
        # a month that was not seen breaks the window
        if month[at] - month[at - months] == months:
            ahead = _one_month(by_month[:at], by_month[at], months, bucket_of, level, seed + at)
            parts[ends[at]] = ahead.set_axis(moves.columns)
    columns = ["expected", "low", "high", "came", "inside", "left_out"]
    if not parts:
        empty = pd.MultiIndex.from_arrays(
            [ends[:0], moves.columns[:0]], names=["month_end", target]
        )
        return pd.DataFrame(columns=columns, index=empty)
    return pd.concat(parts, names=["month_end", target])[columns]


def _by_bucket(moves: Array, bucket_of: Array) -> Array:
    """Moves of all rows of each bucket together."""
    sums = np.zeros((int(bucket_of.max()) + 1, moves.shape[1]), np.int64)
    np.add.at(sums, bucket_of, moves)
    return sums


def _one_month(
    before: Array, moved: Array, months: int, bucket_of: Array, level: float, seed: int
) -> pd.DataFrame:
    """Forecast of a month's moves, of shape (n_rows, n_states), from those of the months before."""
    rng = np.random.default_rng(seed)
    counted = before[-months:].sum(axis=0)
    of_bucket = _by_bucket(counted, bucket_of)
    # no interval is widened by moves that cannot be, such as from M0 to M4
    reached = _by_bucket(before.sum(axis=0), bucket_of) > 0
    book = moved.sum(axis=1)
    known = of_bucket.sum(axis=1)[bucket_of] > 0
    expected = np.zeros(moved.shape[1])
    drawn = np.zeros((N_DRAWS, moved.shape[1]), np.int64)
    for bucket in np.unique(bucket_of[known & (book > 0)]):
        to, together = reached[bucket], of_bucket[bucket]
        shares = rng.dirichlet(together[to] + JEFFREYS, size=N_DRAWS)
        for row in np.flatnonzero((bucket_of == bucket) & (book > 0)):
            own, chances = counted[row], shares
            if own.sum() < together.sum():
                # a Dirichlet draw for each draw of the bucket's shares
                gammas = rng.standard_gamma(own[to] + shares)
                chances = gammas / gammas.sum(axis=1, keepdims=True)
            drawn[:, to] += rng.multinomial(book[row], chances)
            expected += book[row] * (own + together / together.sum()) / (own.sum() + 1)
    tails = (1 - level) / 2, (1 + level) / 2
    low, high = np.quantile(drawn, tails, axis=0, method="inverted_cdf")
    came = moved[known].sum(axis=0)
    return pd.DataFrame(
        {
            "expected": expected,
            "low": low,
            "high": high,
            "came": came,
            "inside": (low <= came) & (came <= high),
            "left_out": int(book[~known].sum()),
        }
    )


def forecast_summary(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """How often what came lay within its interval, by state, and whether the book holds to it.

    Parameters
    ----------
    table : DataFrame
        Of :func:`forecast_table`.
    level : float
        That it was made for.

    Returns
    -------
    DataFrame, index to_bucket
        `months` forecast; `expected` and `came`, loans of all of them; `error_rate` = came ÷
        expected − 1, NaN where none were; `inside`, `coverage_rate`, `coverage_low`,
        `coverage_high` (Jeffreys, 95 %); `p_value` of so few or fewer inside if `level` of them
        were to be (binomial, one-sided), `p_adjusted` after Holm over the states tested; `told`:
        "holds", "fails", or "too few to say" with NaN where fewer than 12 months or 10 loans were
        expected.

    Raises
    ------
    ValueError
        `level` outside (0, 1).

    Source
    ------
    riskkit definition; Brown, Cai, DasGupta (2001), Statistical Science 16(2), for the interval.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([range(20), ["M0"]], names=["month_end", "to_bucket"])
    >>> table = pd.DataFrame(
    ...     {"expected": 50.0, "came": 60, "inside": [True] * 15 + [False] * 5}, index=index)
    >>> forecast_summary(table)[["months", "error_rate", "coverage_rate", "told"]]
    ... # doctest: +NORMALIZE_WHITESPACE
               months  error_rate  coverage_rate   told
    to_bucket
    M0             20         0.2           0.75  fails
    """
    check_level(level)
    by_state = table.groupby(level="to_bucket", sort=False)
    summary = by_state[["expected", "came"]].sum()
    summary.insert(0, "months", by_state.size())
    expected, n = (summary[name].to_numpy(dtype=float) for name in ("expected", "months"))
    inside = by_state["inside"].sum().to_numpy(dtype=float)
    tested = (n >= LEAST_MONTHS) & (expected >= LEAST_LOANS)
    low, high = jeffreys_interval(inside, n, 0.95)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(expected > 0, summary["came"] / expected - 1, np.nan)
    p_value = np.where(tested, stats.binom.cdf(inside, n, level), np.nan)
    adjusted = holm(p_value)
    told = np.where(adjusted <= SIGNIFICANT, FAILS, HOLDS)
    return summary.assign(
        error_rate=error,
        inside=inside.astype(np.int64),
        coverage_rate=inside / n,
        coverage_low=low,
        coverage_high=high,
        p_value=p_value,
        p_adjusted=adjusted,
        told=pd.Series(np.where(tested, told, TOO_FEW), index=summary.index, dtype=str),
    )


def forecast_text(summary: pd.DataFrame, *, level: float = 0.95) -> str:
    """Sentences on whether a month's matrix foretells the next month, as Markdown.

    Parameters
    ----------
    summary : DataFrame
        Of :func:`forecast_summary`.
    level : float
        That it was made for.

    Source
    ------
    riskkit definition.
    """
    tested = summary[summary["told"] != TOO_FEW]
    if tested.empty:
        return (
            f"There are too few forecasts to say whether the matrix foretells the next month: it "
            f"takes {LEAST_MONTHS} months, and {LEAST_LOANS} loans expected in a state."
        )
    failed = tested[tested["told"] == FAILS].sort_values("p_value", kind="stable")
    n_months = int(tested["months"].max())
    if failed.empty:
        worst = tested.loc[tested["coverage_rate"].idxmin()]
        return (
            f"**The book holds to its matrix.** Over {n_months} months what came lay in the "
            f"{level:.0%} intervals as often as chance lets it, in each of {len(tested)} states; "
            f"least often in {_told(worst)}."
        )
    told = "; ".join(_told(row) for _, row in failed.iterrows())
    return (
        f"**The book fails the back-test of its matrix.** Over {n_months} months what came left "
        f"the {level:.0%} intervals more often than chance lets it in {len(failed)} of "
        f"{len(tested)} states: {told}. Loans do not move independently by one matrix then: months "
        "differ for all of them, or loans of different age and term are mixed. The intervals of "
        "such a forecast are too narrow."
    )


def forecast_findings(summary: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """That the book fails the back-test of its matrix: topic, text, and that it is not red.

    Parameters
    ----------
    summary : DataFrame
        Of :func:`forecast_summary`.

    Source
    ------
    riskkit definition.
    """
    failed = summary[summary["told"] == FAILS].sort_values("p_value", kind="stable")
    if failed.empty:
        return []
    told = "; ".join(_told(row) for _, row in failed.iterrows())
    return [("Migration", f"A month's matrix does not foretell the next month: {told}", False)]


def _told(row: pd.Series) -> str:
    """A state's coverage in words."""
    told = (
        f"{row.name}: {row['inside']} of {row['months']} months inside "
        f"({row['coverage_low']:.0%} to {row['coverage_high']:.0%}, adjusted "
        f"{p_text(row['p_adjusted'])})"
    )
    if np.isnan(row["error_rate"]):
        return told
    return (
        f"{told}, {abs(row['error_rate']):.1%} {'more' if row['error_rate'] > 0 else 'fewer'} "
        "loans in all than foretold"
    )
