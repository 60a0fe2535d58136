"""What is known about each column of an applicant, and which of them models may use.

Takes a catalogue, from a mapping or the synthetic lender; gives it as a table, and what follows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import pandas as pd

from riskkit.columns import verbatim

__all__ = [
    "Feature",
    "feature_table",
    "features_from_table",
    "offered_features",
    "protected_note",
    "risk_trends",
]


@dataclass(frozen=True, kw_only=True)
class Feature:
    """What is known about one column of an applicant.

    Parameters
    ----------
    name : str
        Column in the applications table.
    label : str
        Plain words for reports and reasons.
    family : str
        Where the information comes from: application, telecom, device, bureau, …
    unit : str
        Unit of the values, empty for counts and categories.
    kind : {"numeric", "category"}
    risk_direction : {+1, -1, 0}
        +1 where a larger value is riskier, -1 where it is safer, 0 where nobody should say.
    special_codes : mapping of float to str
        Values that are no measurement, with their meaning, such as ``{-9: "no bureau record"}``.
    protected : bool
        A protected attribute: kept for fairness checks, never offered as a feature.
    known_afterwards : bool
        Known only after the decision: never offered as a feature.
    """

    name: str
    label: str
    family: str
    unit: str = ""
    kind: str = "numeric"
    risk_direction: int = 0
    special_codes: Mapping[float, str] = field(default_factory=dict)
    protected: bool = False
    known_afterwards: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("numeric", "category"):
            raise ValueError(f"kind must be 'numeric' or 'category', got {self.kind!r}")
        if self.risk_direction not in (-1, 0, 1):
            raise ValueError(f"risk_direction must be -1, 0 or 1, got {self.risk_direction!r}")

    @property
    def offered(self) -> bool:
        """Whether a model may use it."""
        return not (self.protected or self.known_afterwards)


def offered_features(features: Sequence[Feature], *, use_protected: bool = False) -> list[str]:
    """Names of the features that models may use; protected ones only where that is asked for."""
    return [f.name for f in features if f.offered or (use_protected and not f.known_afterwards)]


def protected_note(features: Sequence[Feature], used: Iterable[str]) -> str:
    """Warning in Markdown that names the protected attributes in use; empty where none is.

    Examples
    --------
    >>> age = Feature(name="age", label="Age", family="protected", protected=True)
    >>> protected_note([age], ["income"])
    ''
    >>> protected_note([age], ["age"])
    '**Protected attributes are used as features: Age.** Many laws forbid this.'
    """
    names = set(used)
    labels = ", ".join(verbatim(f.label) for f in features if f.protected and f.name in names)
    warning = f"**Protected attributes are used as features: {labels}.** Many laws forbid this."
    return warning if labels else ""


def feature_table(features: Sequence[Feature]) -> pd.DataFrame:
    """Feature catalogue as a table, one row per feature, special codes as JSON text.

    Returns
    -------
    DataFrame, index name
        Columns label, family, unit, kind, risk_direction, special_codes, protected,
        known_afterwards, offered.
    """
    rows = [
        asdict(f) | {"special_codes": _codes_text(f.special_codes), "offered": f.offered}
        for f in features
    ]
    return pd.DataFrame(rows).set_index("name")


def _codes_text(codes: Mapping[float, str]) -> str:
    return json.dumps({repr(float(c)): text for c, text in codes.items()}, ensure_ascii=False)


def features_from_table(table: pd.DataFrame) -> list[Feature]:
    """Features of a catalogue written by :func:`feature_table`."""
    features = []
    for row in table.drop(columns="offered").reset_index().to_dict("records"):
        codes = {float(code): meaning for code, meaning in json.loads(row["special_codes"]).items()}
        features.append(Feature(**row | {"special_codes": codes}))
    return features


def risk_trends(features: Sequence[Feature]) -> dict[str, str]:
    """Trend of the bad rate over rising values, of the features that state a risk direction."""
    words = {1: "ascending", -1: "descending"}
    return {f.name: words[f.risk_direction] for f in features if f.risk_direction}
