"""The one error that lists everything wrong with an input, and checks of frames that raise it.

Takes a frame; gives nothing, sentences, or a :class:`DataContractError` with every violation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "DataContractError",
    "loan_starts",
    "missing_columns",
    "require_columns",
    "type_violations",
    "whole_loans",
]

IS_TYPE = {
    "text": lambda s: pd.api.types.is_string_dtype(s) or isinstance(s.dtype, pd.CategoricalDtype),
    "date": pd.api.types.is_datetime64_dtype,
    "integer": pd.api.types.is_integer_dtype,
    "number": lambda s: pd.api.types.is_numeric_dtype(s) and not pd.api.types.is_bool_dtype(s),
    "boolean": pd.api.types.is_bool_dtype,
}


class DataContractError(ValueError):
    """Input that breaks the data contract; lists every violation, not just the first.

    Parameters
    ----------
    what : str
        The table, file or mapping at fault.
    violations : sequence of str
        One line each: the column or key, how many rows, an example, what was expected.
    """

    def __init__(self, what: str, violations: Sequence[str]):
        self.what = what
        self.violations = tuple(violations)
        lines = "".join(f"\n  - {violation}" for violation in self.violations)
        super().__init__(f"{what} breaks the data contract:{lines}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.violations)


def require_columns(frame: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    """Refuse a frame that lacks columns.

    Raises
    ------
    DataContractError
        Lists what is missing and what is there.
    """
    missing = missing_columns(frame.columns, columns)
    if missing:
        raise DataContractError(what, [missing])


def missing_columns(present: Collection[str], columns: Sequence[str]) -> str:
    """Sentence on the columns that are not present, empty where all are."""
    missing = [name for name in columns if name not in present]
    if not missing:
        return ""
    return f"missing columns {', '.join(missing)}; present: {', '.join(map(str, present))}"


def loan_starts(performance: pd.DataFrame) -> np.ndarray:
    """Positions of each loan's first row, in a panel sorted by loan and month on book.

    A loan may be first seen after month 0 (a late entry) and months of it may be left out (a gap):
    what was not seen, whoever reads the panel must count as unseen.

    Parameters
    ----------
    performance : DataFrame
        `loan_id`, together for each loan, and `mob`, which rises from row to row of a loan. Of
        `dpd`, `status`, `balance`, `month_end` and `cohort`, those that are there must hold no
        gaps and no time zones: a row of which they are not known would count as a good one.

    Returns
    -------
    array of shape (n_loans,)

    Raises
    ------
    DataContractError
        A missing column or value, dates in a time zone, a month below 0, a loan that repeats a
        month or goes back, rows of one loan that are not together; each with the number of its
        first row, never an id.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> loan_starts(pd.DataFrame({"loan_id": ["a", "a", "b"], "mob": [0, 2, 1]})).tolist()
    [0, 2]
    """
    require_columns(performance, ["loan_id", "mob"], "performance")
    if performance.empty:
        return np.zeros(0, np.intp)
    if unknown := _unknown(performance):
        raise DataContractError("performance", unknown)
    # the labels are compared in their own type: as Python objects it would take seconds
    ids: Any = performance["loan_id"].array
    if isinstance(ids, pd.Categorical):
        ids = ids.codes
    mob = performance["mob"].to_numpy(np.int64)
    new = np.ones(len(mob), dtype=bool)
    new[1:] = np.asarray(ids[1:] != ids[:-1], dtype=bool)
    starts = np.flatnonzero(new)

    def row(place: int) -> str:
        return f"row {place + 1:,}"

    violations = []
    before = np.flatnonzero(mob < 0)
    if len(before):
        violations.append(
            f"mob: {len(before):,} rows lie before the month of disbursal (mob 0), for example "
            f"{row(before[0])}: mob {mob[before[0]]}"
        )
    back = np.flatnonzero(~new[1:] & (mob[1:] <= mob[:-1])) + 1
    if len(back):
        violations.append(
            f"mob: {len(back):,} rows repeat a month of the loan or go back, for example "
            f"{row(back[0])}: mob {mob[back[0]]} follows mob {mob[back[0] - 1]}"
        )
    heads = ids[starts]
    # ascending labels, the usual case, need no hash table
    if not (heads[1:] > heads[:-1]).all() and not pd.Series(heads).is_unique:
        again = pd.Series(heads).duplicated().to_numpy()
        twice, earlier = starts[again], starts[pd.Series(heads) == heads[again][0]]
        violations.append(
            f"loan_id: rows of {len(twice):,} loans are not together, for example {row(twice[0])}: "
            f"same loan as {row(earlier[0])}, others between"
        )
    if violations:
        raise DataContractError("performance sorted by loan_id and mob", violations)
    return starts


def _unknown(panel: pd.DataFrame) -> list[str]:
    """Rows without a value that whoever counts a panel relies on, and dates in a time zone."""
    found = []
    for name in ("loan_id", "dpd", "status", "balance", "month_end"):
        missing = panel[name].isna().to_numpy() if name in panel else np.zeros(1, dtype=bool)
        if missing.any():
            rows = np.flatnonzero(missing)
            found.append(f"{name}: missing in {len(rows):,} rows, for example row {rows[0] + 1:,}")
    for name in ("cohort", "month_end"):
        dtype = panel[name].dtype if name in panel else None
        if isinstance(dtype, pd.DatetimeTZDtype):
            # midnight there may be the month before in universal time
            found.append(f"{name}: in the time zone {dtype.tz}, dates without one are expected")
    return found


def whole_loans(book: Any) -> Any:
    """A panel whose loans are whole, for :func:`riskkit.partitions.total`.

    The rest of a loan cut in two would pass for a loan first seen late. A table that keeps loans
    whole, and a frame, are given back; the blocks of anything else are watched as they are read.

    Parameters
    ----------
    book : DataFrame, Table, what has blocks, or blocks

    Raises
    ------
    DataContractError
        A loan that two blocks that follow one another share.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> frame = pd.DataFrame({"loan_id": ["a"]})
    >>> whole_loans(frame) is frame
    True
    """
    kept = getattr(book, "whole", None) == "loan_id"
    if kept or isinstance(book, pd.DataFrame):
        return book
    return _watched(book.blocks() if hasattr(book, "blocks") else book)


def _watched(blocks: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    last = None
    for number, block in enumerate(blocks, start=1):
        if len(block):
            if last is not None and block["loan_id"].iloc[0] == last:
                raise DataContractError(
                    "performance in blocks of whole loans",
                    [f"loan_id: block {number} begins with the loan that block {number - 1} ended"],
                )
            last = block["loan_id"].iloc[-1]
        yield block


def type_violations(frame: pd.DataFrame, columns: Mapping[str, str]) -> list[str]:
    """Sentences on columns that are missing or not of their kind.

    Parameters
    ----------
    frame : DataFrame
    columns : mapping of name to "text", "date", "integer", "number" or "boolean"

    Examples
    --------
    >>> type_violations(pd.DataFrame({"mob": [0.5]}), {"mob": "integer"})
    ['mob: expected integer, found dtype float64 (first value np.float64(0.5))']
    """
    missing = missing_columns(frame.columns, list(columns))
    found = [missing] if missing else []
    for name, kind in columns.items():
        if name in frame.columns and not IS_TYPE[kind](frame[name]):
            example = f" (first value {frame[name].iloc[0]!r})" if len(frame) else ""
            found.append(f"{name}: expected {kind}, found dtype {frame[name].dtype}{example}")
    return found
