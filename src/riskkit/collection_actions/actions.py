"""What collections can do, what it costs and how hard it works: stated, since no data tell it.

Takes a text of the notebook's parameters; gives checked actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import pandas as pd

from riskkit.collection_actions.cases import MAX_BUCKET

__all__ = ["EXAMPLE_ACTIONS", "NOTHING", "Action", "action_table", "read_actions"]

NOTHING = "nothing"
EXAMPLE_ACTIONS = (
    "reminder: cost 0.05, per day 100000, strength 0.4; "
    "text message: cost 0.1, per day 1000, strength 0.6; "
    "call: cost 4, per day 4, strength 1.5; "
    "field: cost 60, per day 0.5, strength 2, from M3; "
    "legal: cost 150, per day 0.2, strength 2.5, from M4"
)
"""Examples, to be verified by whoever uses them: no source stands behind these figures."""
_KEYS = ("cost", "per day", "strength")


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that can be done about a case in a month.

    Parameters
    ----------
    name : str
    cost : float
        Of one case, in units of the currency.
    per_day : float
        Cases that can be so treated on a working day.
    strength : float
        Of what today's practice takes off the log-odds of going on to a worse bucket, so 1 is as
        good as today's practice on average. An assumption wherever only one practice was ever
        seen.
    from_bucket : int
        Least months past due; 1 is M1.

    Raises
    ------
    ValueError
        Names the rule and the value.
    """

    name: str
    cost: float
    per_day: float
    strength: float
    from_bucket: int = 1

    def __post_init__(self) -> None:
        if not self.name or self.name == NOTHING:
            raise ValueError(f'an action needs a name other than "{NOTHING}", got {self.name!r}')
        for name in ("cost", "per_day", "strength"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise ValueError(f"{self.name}: {name} must be a number >= 0, got {value!r}")
        if not 1 <= self.from_bucket <= MAX_BUCKET:
            raise ValueError(
                f"{self.name}: from_bucket must lie in 1..{MAX_BUCKET}, got {self.from_bucket!r}"
            )


def read_actions(text: str) -> tuple[Action, ...]:
    """Actions as a parameter states them.

    Parameters
    ----------
    text : str
        Actions separated by ";", each "name: cost 4, per day 20, strength 1.2, from M3"; "from" may
        be left out.

    Raises
    ------
    ValueError
        Says which action cannot be read, and what was expected; a name twice, or none.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> [action.name for action in read_actions(EXAMPLE_ACTIONS)]
    ['reminder', 'text message', 'call', 'field', 'legal']
    >>> read_actions("visit: cost 60, per day 3, strength 1.8, from M3")[0].from_bucket
    3
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, rest = part.partition(":")
        values: dict[str, float] = {}
        for item in rest.split(","):
            key, _, value = item.strip().rpartition(" ")
            value = value.removeprefix("M") if key == "from" else value
            try:
                values[key] = float(value)
            except ValueError:
                colon = ""
        from_bucket = values.pop("from", 1)
        if not colon or set(values) != set(_KEYS) or from_bucket != int(from_bucket):
            raise ValueError(
                'expected "name: cost 4, per day 20, strength 1.2" and perhaps ", from M3", '
                f"got {part!r}"
            )
        cost, per_day, strength = (values[key] for key in _KEYS)
        found.append(
            Action(
                name=name.strip(),
                cost=cost,
                per_day=per_day,
                strength=strength,
                from_bucket=int(from_bucket),
            )
        )
    names = [action.name for action in found]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"expected actions of different names, got {text!r}")
    return tuple(found)


def action_table(actions: tuple[Action, ...]) -> pd.DataFrame:
    """Actions as a page shows them, all of it stated and none of it measured.

    Returns
    -------
    DataFrame, index action
        `cost` (units of the currency), `per_day`, `strength`, `from_bucket` ("M1").
    """
    rows = [
        (action.cost, action.per_day, action.strength, f"M{action.from_bucket}")
        for action in actions
    ]
    index = pd.Index([action.name for action in actions], name="action")
    return pd.DataFrame(rows, index, columns=["cost", "per_day", "strength", "from_bucket"])
