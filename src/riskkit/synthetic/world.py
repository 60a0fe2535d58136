"""The world a run was simulated in, kept beside its tables, so that it can be asked again.

Takes a lender and a seed; gives a file, and the same lender from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from riskkit.checks import check_seed
from riskkit.synthetic.lender import Lender
from riskkit.tables import JsonModel, stored

__all__ = ["World"]


@stored
@dataclass
class StoredWorld:
    """What the file of a world holds."""

    lender: dict[str, Any]
    seed: int


@dataclass(frozen=True, kw_only=True)
class World(JsonModel):
    """A lender and the seed of everything that is drawn.

    Parameters
    ----------
    lender : Lender
    seed : int

    Examples
    --------
    >>> World(lender=Lender(n_months=18), seed=1).lender.observed_to
    Timestamp('2023-06-30 00:00:00')
    """

    json_kind = "riskkit.World"
    json_shape = StoredWorld

    lender: Lender
    seed: int

    def __post_init__(self) -> None:
        check_seed("seed", self.seed)

    def _values(self) -> dict[str, Any]:
        lender = asdict(self.lender)
        return {
            "lender": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in lender.items()
            },
            "seed": int(self.seed),
        }

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        given = values["lender"]
        lender: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
        }
        return cls(lender=Lender(**lender), seed=values["seed"])
