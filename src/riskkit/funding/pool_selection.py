"""Which of the loans that may be sold are: the largest pool within its limits, chosen blindly.

Takes the loan tape and the limits; gives the tape with the loans chosen, and how like the others
they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import special

from riskkit.chance import holm
from riskkit.checks import Array, require_columns
from riskkit.columns import level_text
from riskkit.funding.concentration import check_limits, segment_codes
from riskkit.funding.loan_tape import BORROWER
from riskkit.tables import hash_ids

__all__ = ["NOT_ASKED", "select_pool"]

NOT_ASKED = "none is asked for"

NORMAL = 1.959963984540054
LEAST_LOANS = 20  # of a kind among the eligible, else there are too few to say
SETTLED = 0.001  # of the pool: whole loans are dearer than that


def select_pool(
    tape: pd.DataFrame,
    limits: Mapping[str, float],
    *,
    size: int | None = None,
    alike: Sequence[str] = (),
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """The largest pool within its limits of concentration, how it was drawn, or why there is none.

    How much of each class (loans of one product, scenario, region, ... as far as there are limits
    on them) is a linear program, since every limit is a share of the pool itself. Of the pools of
    that size the one is taken whose classes are nearest to their shares of the eligible loans.
    Within a class loans are taken by the hash of their id, so that nobody picks the good ones.

    Parameters
    ----------
    tape : DataFrame, index loan_id
        Of :func:`riskkit.funding.loan_tape`.
    limits : mapping of str to float
        Largest share of the pool of one value, as for
        :func:`riskkit.funding.concentration_table`. One of a column that the source lacks is not
        applied.
    size : int, optional
        Fen that the pool may owe at most; 0 where none is wanted.
    alike : sequence of str
        Columns of the tape by which the pool is held against chance: texts by their values, numbers
        by their mean.

    Returns
    -------
    tape : DataFrame
        With `in_pool`.
    drawn : DataFrame, index (column, value)
        For each value of a text the share, for a number the mean over loans: `book_mean` (all
        loans), `pool_mean`; `chance_mean` expected of loans drawn at random from the same classes,
        with its 95 % limits `chance_low`, `chance_high`; `p_value` after Holm; `verdict`: "by
        chance", "more", "less", and "too few" of a value that fewer than 20 eligible loans have.

    Raises
    ------
    ValueError
        No loan is eligible, or no pool meets the limits: which of them it is.

    Notes
    -----
    The pool may end a little below the program's, since loans are whole.

    Source
    ------
    riskkit definition; variance of a mean without replacement: Cochran (1977), Sampling Techniques,
    2.5 and 5.

    Examples
    --------
    >>> tape = pd.DataFrame({"balance": 100, "region": ["east"] * 60 + ["west"] * 40,
    ...                      "eligible": True}, index=pd.Index(range(100), name="loan_id"))
    >>> chosen, drawn, refused = select_pool(tape, {"region": 0.5})
    >>> chosen.groupby("region")["in_pool"].sum().to_dict()
    {'east': 40, 'west': 40}
    """
    check_limits(limits)
    require_columns(tape, ["balance", "eligible", *alike], "tape")
    may = np.flatnonzero(tape["eligible"].to_numpy(bool) & (tape["balance"].to_numpy() > 0))
    if not len(may) or size == 0:
        why = "no loan may be sold" if not len(may) else NOT_ASKED
        nobody = tape.assign(in_pool=np.zeros(len(tape), dtype=bool))
        return nobody, _drawn_table({}), why
    loans = tape.iloc[may]
    applied = {name: limit for name, limit in limits.items() if name in tape and limit < 1}
    order = np.argsort(hash_ids(loans.index), kind="stable")
    loans = loans.iloc[order]
    balance = loans["balance"].to_numpy(np.int64)
    codes = {name: segment_codes(loans, name)[0] for name in applied}
    classes = _classes(codes, len(loans))
    most = int(balance.sum()) if size is None else min(int(size), int(balance.sum()))
    taken = _taken(balance, classes, codes, applied, most)
    refused = "" if taken.any() else _why_none(balance, classes, codes, applied, most)
    in_pool = np.zeros(len(tape), dtype=bool)
    in_pool[may[order[taken]]] = True
    chosen = tape.assign(in_pool=in_pool)
    rows = {} if refused else _drawn(chosen, loans, classes, taken, alike)
    return chosen, _drawn_table(rows), refused


def _classes(codes: Mapping[str, Array], n: int) -> Array:
    """Class of each loan: its values of all limited columns but the borrower together."""
    columns = [code for name, code in codes.items() if name != BORROWER]
    if not columns:
        return np.zeros(n, dtype=np.int64)
    _, code = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
    return code.astype(np.int64).ravel()


def _taken(
    balance: Array,
    classes: Array,
    codes: Mapping[str, Array],
    limits: Mapping[str, float],
    most: int,
) -> Array:
    """Whether each loan is in the pool, where the loans stand in the order of their hashes."""
    amount = most
    while True:  # a smaller pool lets one borrower owe less: shrinks until both agree
        free = _within_borrower(balance, codes, limits, amount)
        wanted = _program(np.where(free, balance, 0), classes, codes, limits, most)
        if wanted.sum() >= (1 - SETTLED) * amount or BORROWER not in limits:
            break
        amount = int(wanted.sum())
    # how far into what is wanted of its class the middle of a loan lies: all classes fill alike,
    # and the loan that an amount ends in is taken where more than half of it is within
    middle = _running(np.where(free, balance, 0), classes) - 0.5 * balance
    room = wanted[classes]
    within = np.divide(middle, room, out=np.full(len(balance), np.inf), where=free & (room >= 1))
    order = np.argsort(within, kind="stable")
    owed, sorted_codes = balance[order], {name: code[order] for name, code in codes.items()}
    first = (within[order] <= 1) & (np.cumsum(owed) <= most)
    first = _trimmed(first, owed, sorted_codes, limits)
    may = np.isfinite(within[order])
    taken = np.zeros(len(balance), dtype=bool)
    taken[order] = _filled(first, may, owed, sorted_codes, limits, most)
    return taken


def _running(balance: Array, group: Array) -> Array:
    """Sum of the balances up to and with each loan, of those of its group."""
    order = np.argsort(group, kind="stable")
    upto = np.cumsum(balance[order])
    start = np.flatnonzero(np.diff(group[order], prepend=-2) != 0)
    before = np.repeat(upto[start] - balance[order][start], np.diff(np.append(start, len(order))))
    running = np.empty_like(upto)
    running[order] = upto - before
    return running


def _within_borrower(
    balance: Array, codes: Mapping[str, Array], limits: Mapping[str, float], amount: int
) -> Array:
    """Loans, the first by hash of each borrower, that do not owe too much together."""
    if BORROWER not in limits:
        return np.ones(len(balance), dtype=bool)
    named = codes[BORROWER] >= 0
    return ~named | (_running(balance, codes[BORROWER]) <= limits[BORROWER] * amount)


def _program(
    balance: Array,
    classes: Array,
    codes: Mapping[str, Array],
    limits: Mapping[str, float],
    most: int,
) -> Array:
    """Balance of each class in the pool, of shape (n_classes,)."""
    from scipy import optimize, sparse

    n = int(classes.max()) + 1
    there = np.bincount(classes, balance, minlength=n)
    scale = max(there.sum(), 1.0)
    blocks = [sparse.csr_array(np.ones((1, n)))]
    for name, limit in limits.items():
        if name == BORROWER:
            continue
        value = np.full(n, -1)
        value[classes] = codes[name]
        named = np.flatnonzero(value >= 0)
        shape = (int(value.max(initial=-1)) + 1, n)
        one = sparse.csr_array((np.ones(len(named)), (value[named], named)), shape=shape)
        blocks.append(sparse.csr_array(one - limit * np.ones(shape)))
    rows = sparse.vstack(blocks).tocsr()
    room = np.append(most / scale, np.zeros(rows.shape[0] - 1))
    bounds = np.column_stack([np.zeros(n), there / scale])
    largest = optimize.linprog(-np.ones(n), rows, room, bounds=bounds, method="highs-ds")
    if largest.x is None:  # no loan at all is always a solution
        raise ValueError(f"the linear program has no solution: {largest.message}")
    amount = largest.x.sum()
    # of all pools as large the one nearest to the mix: the least sum of distances, two columns each
    near = amount * there / scale
    apart = sparse.hstack([sparse.eye_array(n), -sparse.eye_array(n), sparse.eye_array(n)])
    both = sparse.hstack([rows, sparse.csr_array((rows.shape[0], 2 * n))])
    least = sparse.hstack([-np.ones((1, n)), sparse.csr_array((1, 2 * n))])
    found = optimize.linprog(
        np.append(np.zeros(n), np.ones(2 * n)),
        sparse.vstack([both, least]).tocsr(),
        np.append(room, -amount * (1 - 1e-9)),
        A_eq=apart.tocsr(),
        b_eq=near,
        bounds=np.vstack([bounds, np.column_stack([np.zeros(2 * n), np.full(2 * n, np.inf)])]),
        method="highs-ds",
    )
    best = largest.x if found.x is None else found.x[:n]
    return np.asarray(np.clip(best, 0, None) * scale, dtype=float)


def _trimmed(
    taken: Array,
    balance: Array,
    codes: Mapping[str, Array],
    limits: Mapping[str, float],
) -> Array:
    """The same without the last loans of what whole loans have left above its limit."""
    taken = taken.copy()
    while True:
        total = int(balance[taken].sum())
        worst: tuple[float, str, int] = (0.0, "", -1)
        for name, limit in limits.items():
            named = taken & (codes[name] >= 0)
            owed = np.bincount(codes[name][named], balance[named], minlength=1)
            over = (owed - limit * total) / (1 - limit)  # to go, as the pool shrinks with it
            worst = max(worst, (float(over.max()), name, int(over.argmax())))
        if worst[0] <= 1e-6:
            return taken
        rows = np.flatnonzero(taken & (codes[worst[1]] == worst[2]))[::-1]
        n_out = int(np.searchsorted(np.cumsum(balance[rows]), worst[0] - 1e-6)) + 1
        taken[rows[:n_out]] = False


def _filled(
    taken: Array,
    free: Array,
    balance: Array,
    codes: Mapping[str, Array],
    limits: Mapping[str, float],
    most: int,
) -> Array:
    """The same with the first loans left for which there is room under every limit."""
    taken = taken.copy()
    while True:
        total = int(balance[taken].sum())
        left = np.flatnonzero(free & ~taken)
        fits = np.cumsum(balance[left]) <= most - total
        for name, limit in limits.items():
            code = codes[name]
            owed = np.bincount(code[taken & (code >= 0)], balance[taken & (code >= 0)])
            room = limit * total - np.pad(owed, (0, max(int(code.max()) + 1 - len(owed), 0)))
            running = _running(balance[left], code[left])
            fits &= (code[left] < 0) | (running <= room[code[left]])
        if not fits.any():
            return taken
        taken[left[fits]] = True


def _why_none(
    balance: Array,
    classes: Array,
    codes: Mapping[str, Array],
    limits: Mapping[str, float],
    most: int,
) -> str:
    """Which limit leaves no pool: each one alone, else each without which there is one."""

    def reaches(some: Mapping[str, float]) -> float:
        free = _within_borrower(balance, codes, some, most)
        return float(_program(np.where(free, balance, 0), classes, codes, some, most).sum())

    def told(names: list[str]) -> str:
        return ", ".join(f"{name} at most {limits[name]:.4g}" for name in names)

    alone = [name for name, limit in limits.items() if reaches({name: limit}) < 1]
    if alone:
        return f"no pool meets the limits: {told(alone)} cannot be met by itself"
    each = [
        name
        for name in limits
        if reaches({other: limit for other, limit in limits.items() if other != name}) >= 1
    ]
    if each:
        return f"no pool meets the limits together: there is one without any of {told(each)}"
    return f"no pool of whole loans meets the limits together: {told(list(limits))}"


def _drawn(
    chosen: pd.DataFrame, loans: pd.DataFrame, classes: Array, taken: Array, alike: Sequence[str]
) -> dict[tuple[str, str], dict[str, float]]:
    """The pool beside what loans drawn at random from its classes would be."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for column in alike:
        for value, of_all, of_each in _measures(chosen[column], loans[column]):
            known = ~np.isnan(of_each)
            expected, sd = _by_chance(of_each[known], classes[known], taken[known])
            got = float(of_each[known & taken].mean()) if (known & taken).any() else np.nan
            few = not sd > 0 or (bool(value) and of_each.sum() < LEAST_LOANS)
            rows[(column, value)] = {
                "book_mean": float(np.nanmean(of_all)) if (~np.isnan(of_all)).any() else np.nan,
                "pool_mean": got,
                "chance_mean": expected,
                "chance_low": expected - NORMAL * sd,
                "chance_high": expected + NORMAL * sd,
                "p_value": np.nan if few else 2 * special.ndtr(-abs(got - expected) / sd),
            }
    return rows


def _drawn_table(rows: Mapping[tuple[str, str], dict[str, float]]) -> pd.DataFrame:
    """With p-values after Holm, and verdicts."""
    index = pd.MultiIndex.from_arrays(
        [[column for column, _ in rows], [value for _, value in rows]], names=["column", "value"]
    )
    names = ["book_mean", "pool_mean", "chance_mean", "chance_low", "chance_high", "p_value"]
    table = pd.DataFrame(list(rows.values()), index=index, columns=names, dtype=float)
    table["p_value"] = holm(table["p_value"])
    off = table["p_value"] <= 1 - 0.95
    more = np.where(table["pool_mean"] > table["chance_mean"], "more", "less")
    few = table["p_value"].isna() & (table["chance_high"] > table["chance_low"])
    verdict = np.select([off, few], [more, "too few"], default="by chance")
    return table.assign(verdict=pd.array(verdict, dtype="str"))


def _by_chance(values: Array, classes: Array, taken: Array) -> tuple[float, float]:
    """Mean of as many loans of each class drawn at random, and its standard deviation."""
    if not taken.any():
        return np.nan, np.nan
    there = np.maximum(np.bincount(classes), 1)
    drawn = np.bincount(classes, taken)
    mean = np.bincount(classes, values) / there
    spread = np.bincount(classes, (values - mean[classes]) ** 2) / np.maximum(there - 1, 1)
    variance = (drawn * (1 - drawn / there) * spread).sum()
    return float((drawn * mean).sum() / drawn.sum()), float(np.sqrt(variance) / drawn.sum())


def _measures(of_all: pd.Series, of_each: pd.Series) -> list[tuple[str, Array, Array]]:
    """A number as it is; a text as flags of each of its values."""
    if pd.api.types.is_numeric_dtype(of_each) and not pd.api.types.is_bool_dtype(of_each):
        return [("", of_all.to_numpy(float), of_each.to_numpy(float))]
    texts, each = level_text(of_all), level_text(of_each)
    values = sorted(texts.dropna().unique())
    flags = [
        (v, *((one == v).to_numpy(bool, na_value=False) for one in (texts, each))) for v in values
    ]
    return [(str(v), all_of.astype(float), some.astype(float)) for v, all_of, some in flags]
