"""What a column is to a binner: numbers, levels, or no feature at all.

Takes a column of any storage type; gives floats or texts, in fit and in use alike.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

__all__ = [
    "feature_kinds",
    "has_value",
    "is_missing",
    "level_codes",
    "level_of",
    "level_text",
    "numbers",
    "require_features",
]

# beyond this, two neighbouring integers are the same float64
_LARGEST_EXACT_INTEGER = 2**53
# what pandas calls the values of an object column
_OBJECT_KINDS = {
    "boolean": "boolean",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "empty": "number",
    "string": "category",
}
_ADVICE = {
    "mixed-integer": "mixes numbers and text; make it one of the two",
    "mixed": "mixes several types; make it numbers or text",
}


def require_features(X: pd.DataFrame, names: Iterable[str]) -> None:
    """Refuse what is no frame, lacks features, or has one of them twice, naming them.

    Raises
    ------
    TypeError, ValueError
    """
    names = list(names)
    if not isinstance(X, pd.DataFrame):
        raise TypeError(f"X must be a DataFrame with named columns, got {type(X).__name__}")
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise ValueError(f"X lacks the columns {missing}; it has {list(X.columns)}")
    if not X.columns.is_unique:
        twice = [name for name in names if (X.columns == name).sum() > 1]
        if twice:
            raise ValueError(f"X has the columns {twice} more than once")


def feature_kinds(X: pd.DataFrame) -> dict[str, str]:
    """Kind of each column: number, boolean or category.

    Numbers are integers, floats and decimals, nullable or not, and columns in which every value is
    missing; categories are text and pandas categories. An integer id cannot be told from a number.

    Raises
    ------
    TypeError
        Lists every column that is no feature, and why: dates, durations, complex numbers, bytes,
        mixtures, integers beyond 2**53, and names that occur twice.
    """
    found: dict[str, str] = {}
    refused = [
        f"feature {name}: the name occurs twice" for name in X.columns[X.columns.duplicated()]
    ]
    if not refused:
        for name in X.columns:
            kind, why = _kind(X[name])
            found[name] = kind
            if why:
                refused.append(f"feature {name}: {X[name].dtype} is no feature; {why}")
    if refused:
        raise TypeError("; ".join(refused))
    return found


def _kind(column: pd.Series) -> tuple[str, str]:
    """Kind of a column, and why it is no feature, if so."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype | pd.StringDtype):
        return "category", ""
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean", ""
    if pd.api.types.is_complex_dtype(dtype):
        return "", "take its parts"
    if pd.api.types.is_integer_dtype(dtype):
        largest = column.max()
        if len(column) and pd.notna(largest):
            return "number", _too_large(int(column.min()), int(largest))
        return "number", ""
    if pd.api.types.is_numeric_dtype(dtype):
        return "number", ""
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred not in _OBJECT_KINDS:
        return "", _ADVICE.get(inferred, "turn it into a number or a category")
    if inferred == "integer":
        values = column.dropna()
        return "number", _too_large(int(values.min()), int(values.max()))
    return _OBJECT_KINDS[inferred], ""


def _too_large(smallest: int, largest: int) -> str:
    if max(-smallest, largest) <= _LARGEST_EXACT_INTEGER:
        return ""
    return "integers beyond 2**53 cannot be told apart as numbers; an id, or make it text"


def numbers(column: pd.Series) -> np.ndarray:
    """Values as float64, NaN where missing.

    Raises
    ------
    TypeError
        The column holds no numbers.
    """
    if column.dtype == np.float64:
        return column.to_numpy()  # no copy
    kind, why = ("number", "") if column.dtype.kind in "iuf" else _kind(column)
    if why or kind == "category":
        raise TypeError(f"feature {column.name}: expected numbers, found {column.dtype}")
    return column.to_numpy(np.float64, na_value=np.nan)


def level_text(values: pd.Series) -> pd.Series:
    """Levels as text, whatever they are stored as; missing stays missing.

    A whole number read as a float, because others are missing, gives the text of a whole number.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        # the levels, not the values: a missing value would turn 1 into "1.0"
        levels = level_text(pd.Series(values.cat.categories)).array
        texts = levels.take(values.cat.codes.to_numpy(), allow_fill=True)
        return pd.Series(texts, index=values.index, name=values.name)
    texts = values.astype("str")
    if pd.api.types.is_float_dtype(values.dtype):
        number = values.to_numpy(np.float64, na_value=np.nan)
        whole = (np.floor(number) == number) & (np.abs(number) < _LARGEST_EXACT_INTEGER)
        texts[whole] = number[whole].astype(np.int64).astype(str)
    return texts


def level_of(value: object) -> str:
    """Text of one level, as :func:`level_text` gives it."""
    if isinstance(value, float | np.floating):
        number = float(value)
        if number.is_integer() and abs(number) < _LARGEST_EXACT_INTEGER:
            return str(int(number))
    return str(value)


def is_missing(value: object) -> bool:
    """Whether one value is missing: None, NaN, NaT or pandas' NA."""
    return value is None or value is pd.NA or value != value


def has_value(column: pd.Series, value: str) -> np.ndarray:
    """Whether each row has a value that a file names as text; no row does where it is missing.

    Numbers are compared as numbers, so that 12 is 12.0; yes and no are truth values where the
    column holds such.

    Examples
    --------
    >>> has_value(pd.Series([12.0, None, 6.0]), "12").tolist()
    [True, False, False]
    """
    texts = column.astype("str")
    if pd.api.types.is_bool_dtype(column):
        word = value.lower()
        texts, value = texts.str.lower(), {"yes": "true", "no": "false"}.get(word, word)
    same = (texts == value).to_numpy(dtype=bool)
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return same
    number = pd.to_numeric(value, errors="coerce")
    return same | (column.to_numpy(float, na_value=np.nan) == number)


def level_codes(values: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Number of each row's level, −1 where missing, and the levels as text.

    The levels of one kind of storage may come in any order, and unused ones among them.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = pd.Index(level_text(pd.Series(values.cat.categories)), dtype="str")
        if levels.is_unique:  # 1 and "1" are one level
            return values.cat.codes.to_numpy(), levels
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "mixed":
        odd = next((value for value in values if not pd.api.types.is_scalar(value)), None)
        if odd is not None:
            kind = type(odd).__name__
            raise TypeError(f"feature {values.name}: expected levels, found a {kind}")
    codes, levels = pd.factorize(level_text(values))
    return codes, pd.Index(levels, dtype="str")
