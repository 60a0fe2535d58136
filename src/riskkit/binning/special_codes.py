"""Special codes: values of a number that are no measurement, such as -999 for "no record".

Takes them as an analyst writes them; gives the codes of each feature.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from riskkit.checks import refuse_unknown

__all__ = ["GivenCodes", "SpecialCodes", "StoredCodes", "codes_from_json", "codes_to_json"]

# of every number, with or without what they mean, or by feature
GivenCodes = (
    Sequence[float] | Mapping[float, str] | Mapping[Any, Sequence[float] | Mapping[float, str]]
)
# the same in JSON, where a code that is a key is text
StoredCodes = list[float] | dict[str, str] | dict[str, list[float] | dict[str, str]]


@dataclass(frozen=True)
class SpecialCodes:
    """Codes by feature, and those that every number has.

    Parameters
    ----------
    by_feature : mapping of feature to tuple of float
    of_numbers : tuple of float
        Of every feature that is a number; true and false are none.
    """

    by_feature: Mapping[Hashable, tuple[float, ...]]
    of_numbers: tuple[float, ...] = ()

    @classmethod
    def read(cls, given: GivenCodes | None, known: Iterable[Hashable]) -> SpecialCodes:
        """Codes of a list, of a mapping of code to meaning, or of a mapping of feature to these.

        Parameters
        ----------
        given : list, mapping or None
        known : names of the columns there are

        Raises
        ------
        ValueError
            An unknown feature, codes that are no list of numbers, or NaN among them.
        """
        if given is None:
            return cls({})
        if _are_of_all(given):
            return cls({}, _numbers("special_codes", given))
        assert isinstance(given, Mapping)
        refuse_unknown("special_codes", given, known)
        return cls({n: _numbers(f"special_codes of {n}", codes) for n, codes in given.items()})

    def of(self, name: Hashable, kind: str = "number") -> tuple[float, ...]:
        """Codes of a feature, each once."""
        return self.by_feature.get(name, self.of_numbers if kind == "number" else ())


def _are_of_all(given: GivenCodes) -> bool:
    """Whether codes are of every number: a mapping of features holds no text."""
    if not isinstance(given, Mapping):
        return True
    return bool(given) and all(isinstance(meaning, str) for meaning in given.values())


def _numbers(what: str, codes: Any) -> tuple[float, ...]:
    try:
        if isinstance(codes, str):
            raise TypeError
        found = tuple(dict.fromkeys(float(code) + 0.0 for code in codes))  # −0 is 0
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be a list of numbers, got {codes!r}") from None
    if np.isnan(found).any():
        raise ValueError(f"{what}: NaN is missing, no special code; got {found}")
    return found


def codes_to_json(given: GivenCodes | None) -> Any:
    """What was given, in JSON's own types; codes that are keys become text."""
    if given is None:
        return None
    if isinstance(given, Mapping) and not _are_of_all(given):
        return {name: _list_to_json(codes) for name, codes in given.items()}
    return _list_to_json(given)


def _list_to_json(codes: Any) -> Any:
    if isinstance(codes, Mapping):
        return {repr(float(code)): meaning for code, meaning in codes.items()}
    return [float(code) for code in codes]


def codes_from_json(given: Any) -> Any:
    """What :func:`codes_to_json` was given."""
    if isinstance(given, Mapping):
        if given and all(isinstance(meaning, str) for meaning in given.values()):
            return {float(code): meaning for code, meaning in given.items()}
        return {name: codes_from_json(codes) for name, codes in given.items()}
    return given
