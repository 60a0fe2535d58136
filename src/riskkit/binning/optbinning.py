"""What optbinning makes of counts, and what it has made before: the one place that imports it.

Takes fine counts and limits, and gives optbinning's cuts; or takes what optbinning has fitted, and
gives the same bins as :class:`FeatureBins`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from riskkit.binning.bins import FeatureBins
from riskkit.binning.solve import Limits
from riskkit.columns import level_of

__all__ = ["PeerCuts", "bins_of_fitted", "has_optbinning", "peer_cuts", "tests_neighbours"]

# optbinning's own default
_MOST_PREBINS = 20
_TIME_LIMIT_SECONDS = 10
# optbinning counts in whole numbers; in these, a fraction of a row is one in a hundred million
_WHOLE_TOTAL = 1e8


def has_optbinning() -> bool:
    """Whether optbinning is installed; it is not imported."""
    return find_spec("optbinning") is not None


def _imported() -> Any:
    try:
        import optbinning

        return optbinning
    except ImportError as error:
        raise ImportError("this needs optbinning: pip install riskkit[suite]") from error


@dataclass(frozen=True, eq=False)
class PeerCuts:
    """Cuts that optbinning chose.

    Parameters
    ----------
    cuts, prebins : int array
        Cells at which a bin begins, of its bins and of the pre-bins it had to choose from, those
        without goods or bads merged with a neighbour.
    status : str
        What its solver says: OPTIMAL, FEASIBLE (stopped by the clock), INFEASIBLE.
    """

    cuts: np.ndarray
    prebins: np.ndarray
    status: str


def peer_cuts(
    cells: np.ndarray, total: np.ndarray, limits: Limits, min_bin_size: float, trend: str
) -> PeerCuts:
    """Cells at which optbinning begins a bin, under the same limits.

    Each cell is a value that optbinning sees once with its goods and once with its bads as weights;
    all rows without an ordinary value are missing to it, so that `min_bin_size` is of all rows.

    Parameters
    ----------
    cells : array of shape (n_cells, 2)
        Weighted goods and bads, no cell empty, in ascending order of the values.
    total : array of shape (2,)
        Goods and bads of all rows.
    limits : Limits
    min_bin_size : float
        Least share of all rows in a bin.
    trend : str
        As of :class:`WoeBinner`.

    Raises
    ------
    ImportError
        optbinning is not installed.
    """
    optbinning = _imported()
    from optbinning.binning.prebinning import PreBinning

    n_cells, none = len(cells), np.empty(0, np.intp)
    if n_cells < 2:
        return PeerCuts(none, none, "OPTIMAL")
    is_whole = _is_whole(cells)
    times = 1.0 if is_whole else _WHOLE_TOTAL / total.sum()
    # a hair less, lest rounding refuse a bin of exactly the least size
    hair = 1 - (1e-9 if is_whole else 1e-6)
    values = np.repeat(np.arange(n_cells, dtype=np.float64), 2)
    bad = np.tile([0, 1], n_cells)
    weight = cells.ravel() * times
    seen = weight > 0
    values, bad, weight = values[seen], bad[seen], weight[seen]
    tree = PreBinning(
        problem_type="classification",
        method="cart",
        n_bins=_MOST_PREBINS,
        min_bin_size=int(np.ceil(min_bin_size * hair * total.sum() * times)),
        random_state=0,
    ).fit(values, bad, weight)
    if len(tree.splits) == 0:
        return PeerCuts(none, none, "OPTIMAL")
    peer = optbinning.OptimalBinning(
        dtype="numerical",
        user_splits=tree.splits,
        max_n_bins=limits.max_bins,
        min_bin_size=min_bin_size * hair,
        min_bin_n_event=max(1, int(np.ceil(limits.min_bads * hair * times))),
        max_pvalue=limits.max_p_value if tests_neighbours(cells, limits) else None,
        monotonic_trend=None if trend == "none" else trend,
        time_limit=_TIME_LIMIT_SECONDS,
    )
    apart = np.maximum(total - cells.sum(axis=0), 0) * times
    peer.fit(
        np.append(values, [np.nan, np.nan]),
        np.append(bad, [0, 1]),
        np.append(weight, apart),
    )
    cuts, prebins = (np.ceil(found).astype(np.intp) for found in (peer.splits, tree.splits))
    return PeerCuts(cuts, _without_pure(np.floor(cells * times + 1e-9), prebins), peer.status)


def _is_whole(cells: np.ndarray) -> bool:
    return not np.mod(cells, 1).any()


def tests_neighbours(cells: np.ndarray, limits: Limits) -> bool:
    """Whether optbinning is asked, too, that neighbours differ; its test takes weights for rows."""
    return limits.max_p_value < 1 and limits.weight_per_row == 1 and _is_whole(cells)


def _without_pure(cells: np.ndarray, prebins: np.ndarray) -> np.ndarray:
    """Cuts left when optbinning has merged pre-bins without goods or bads with the next."""
    while len(prebins):
        pure = (np.add.reduceat(cells, [0, *prebins]) == 0).any(axis=1)
        if not pure.any():
            break
        gone = pure[:-1]
        gone[-1] |= pure[-1]
        prebins = prebins[~gone]
    return prebins


# -- what optbinning has fitted --------------------------------------------------------------------


def bins_of_fitted(fitted: Any, name: str | None = None) -> dict[str, FeatureBins]:
    """Bins of a fitted BinningProcess, OptimalBinning or binning table, by feature.

    See :meth:`WoeBinner.from_optbinning`.
    """
    if isinstance(fitted, pd.DataFrame):
        name = _named(name)
        return {name: _of_frame(fitted, name)}
    optbinning = _imported()
    if isinstance(fitted, optbinning.BinningProcess):
        if name is not None:
            raise ValueError(f"a BinningProcess names its variables; got name={name!r} besides")
        return dict(_of_process(fitted, optbinning))
    from optbinning.binning.binning_statistics import BinningTable

    if isinstance(fitted, BinningTable):
        table = fitted
    else:
        table = _table_of(fitted, optbinning, name or "it")
    name = _named(name or table.name)
    return {name: _of_table(table, name)}


def _named(name: str | None) -> str:
    if not name:
        raise ValueError("the feature has no name; give it with name=...")
    return name


def _of_process(process: Any, optbinning: Any) -> Iterator[tuple[str, FeatureBins]]:
    """Bins of the variables that the process transforms."""
    names = [str(name) for name in process.get_support(names=True)]
    if not names:
        raise ValueError("the BinningProcess has selected no variable")
    for name in names:
        given = (process.binning_transform_params or {}).get(name, {})
        own = {key: given.get(key) for key in ("metric", "metric_special", "metric_missing")}
        kept = (
            own["metric"] in (None, "woe"),
            *(own[key] in (None, "empirical") for key in ("metric_special", "metric_missing")),
        )
        if not all(kept):
            raise ValueError(
                f"feature {name}: its binning_transform_params {given} give something else than "
                "the WoE of its bins, which cannot be taken over"
            )
        table = _table_of(process.get_binned_variable(name), optbinning, f"feature {name}")
        yield name, _of_table(table, name)


def _table_of(variable: Any, optbinning: Any, what: str) -> Any:
    """Binning table of one variable."""
    if type(variable) is not optbinning.OptimalBinning:  # those of other targets inherit from it
        raise TypeError(
            f"{what} is a {type(variable).__name__}; bins are taken over from a BinningProcess or "
            "OptimalBinning of a binary target, or its binning table: piecewise, continuous and "
            "multiclass ones have no bins with goods and bads"
        )
    table = variable.binning_table
    # an object read from JSON knows the codes in its table alone, and does not use them
    given, fitted = (
        _codes_by_row(codes) for codes in (variable.special_codes, table.special_codes)
    )
    if given != fitted:
        raise ValueError(
            f"{what}: its special codes are {given or 'none'}, those of its table "
            f"{fitted or 'none'}; set both alike"
        )
    return table


def _codes_by_row(codes: Any) -> list[list[Any]]:
    """Special codes of each row of a table: one row of all, or one of each key of a mapping."""
    if codes is None or len(codes) == 0:
        return []
    if not isinstance(codes, Mapping):
        return [list(dict.fromkeys(np.asarray(codes, dtype=object).tolist()))]
    return [
        # what is no list or array is one code to optbinning, too
        list(dict.fromkeys(code)) if isinstance(code, list | np.ndarray) else [code]
        for code in codes.values()
    ]


def _of_table(table: Any, name: str) -> FeatureBins:
    from optbinning.binning.binning_statistics import bin_categorical

    counts = np.column_stack([table.n_nonevent, table.n_event])
    codes = _codes_by_row(table.special_codes)
    twice = [code for code, n in Counter(c for row in codes for c in row).items() if n > 1]
    if twice or any(pd.isna(code) for row in codes for code in row):
        raise ValueError(
            f"feature {name}: a special code counted twice cannot be taken over: {twice or 'NaN'}"
        )
    if not codes:  # a row for none
        n_special = 1 if not isinstance(table.special_codes, Mapping) else 0
        counts = np.delete(counts, range(len(counts) - 1 - n_special, len(counts) - 1), axis=0)
    if table.dtype == "categorical":
        groups = bin_categorical(
            table.splits, table.categories, table.cat_others, table.user_splits
        )
        return _of_groups(name, [*groups, *codes], counts)
    edges = np.asarray(table.splits, dtype=np.float64) + 0.0
    if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
        raise ValueError(f"feature {name}: splits must be ascending, got {edges.tolist()}")
    n_bins = len(edges) + 1
    texts = [code for row in codes for code in row if not isinstance(code, Real)]
    if texts:
        raise ValueError(f"feature {name}: special codes of a number must be numbers, got {texts}")
    _expect_rows(name, counts, n_bins + len(codes) + 1)
    return FeatureBins(
        name=name,
        edges=edges,
        groups=None,
        special_codes=tuple(float(code) + 0.0 for row in codes for code in row),
        counts=counts,
        apart=(*(n_bins + k for k, row in enumerate(codes) for _ in row), len(counts) - 1),
    )


def _of_groups(name: str, groups: Sequence[Sequence[Any]], counts: np.ndarray) -> FeatureBins:
    """Bins of levels, those of special codes among them."""
    levels = [level for group in groups for level in group]
    strange = [level for level in levels if not isinstance(level, str | bool | np.bool_ | Real)]
    if strange:
        raise ValueError(f"feature {name}: levels must be texts or numbers, got {strange[:3]}")
    texts = [tuple(sorted(level_of(level) for level in group)) for group in groups]
    twice = [text for text, n in Counter(t for group in texts for t in group).items() if n > 1]
    if twice:
        raise ValueError(f"feature {name}: two levels have the same text: {twice}")
    _expect_rows(name, counts, len(texts) + 1)
    return FeatureBins(name=name, edges=None, groups=tuple(texts), special_codes=(), counts=counts)


def _expect_rows(name: str, counts: np.ndarray, expected: int) -> None:
    if len(counts) != expected:
        raise ValueError(
            f"feature {name}: {len(counts)} rows of counts, where bins, special codes and missing "
            f"make {expected}"
        )


def _of_frame(frame: pd.DataFrame, name: str) -> FeatureBins:
    """Bins of a table as `binning_table.build()` prints it, where it says all of them."""
    wanted = ["Bin", "Non-event", "Event"]
    missing = [column for column in wanted if column not in frame]
    if missing:
        raise ValueError(
            f"no binning table of a binary target: it lacks the columns {missing}; it has "
            f"{list(frame.columns)}"
        )
    rows = frame.drop(index="Totals", errors="ignore")
    counts = rows[["Non-event", "Event"]].to_numpy(np.int64)
    is_group = [pd.api.types.is_list_like(label) for label in rows["Bin"]]
    n_bins = sum(is_group)
    if n_bins == 0:
        raise ValueError(
            f"feature {name}: this table rounds its edges for display, so bins cannot be told from "
            "it; pass the OptimalBinning or its binning_table"
        )
    if not all(is_group[:n_bins]) or list(rows["Bin"])[-1] != "Missing":
        raise ValueError(f"feature {name}: bins of levels, then special codes, then Missing needed")
    if counts[n_bins:-1].any():
        raise ValueError(
            f"feature {name}: this table does not say which its special codes are; pass the "
            "OptimalBinning or its binning_table"
        )
    return _of_groups(
        name, list(rows["Bin"])[:n_bins], np.delete(counts, range(n_bins, len(counts) - 1), axis=0)
    )
