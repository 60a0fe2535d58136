"""What may be asked of the models' notebook, before a run begins.

Takes its parameters; gives those without effect, or a ValueError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskkit.checks import check_seed
from riskkit.scorecard.card import Scorecard
from riskkit.scorecard.scale import ScoreScale

__all__ = ["check_models", "kept_features"]


def check_models(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse parameters that no models could be made by; none is without effect.

    Parameters
    ----------
    parameters : mapping of str to Any
        Values of the notebook's parameters, by name; one that is not there is not checked.

    Raises
    ------
    ValueError
        Names the parameter, its range and the value; the ranges are those of the settings.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> check_models({"pdo": 0.0})
    Traceback (most recent call last):
        ...
    ValueError: pdo must be > 0, got 0.0
    """
    scale = ("pdo", "target_score", "target_odds")
    ScoreScale(**{name: parameters[name] for name in scale if name in parameters})
    Scorecard(
        features=parameters.get("card_features", "").split() or None,
        max_p_value=parameters.get("max_p_value", 1.0),
    ).check_settings()
    kept_features(parameters.get("keep_features", ""))
    check_seed("model_seed", parameters.get("model_seed", 0))
    return {}


def kept_features(text: str) -> dict[str, str]:
    """Features that stay on the card whatever the test says, with the reason for each.

    Raises
    ------
    ValueError
        A feature without a reason, or named twice.

    Examples
    --------
    >>> kept_features("income: the law asks for it; age: agreed")
    {'income': 'the law asks for it', 'age': 'agreed'}
    """
    found: dict[str, str] = {}
    for part in filter(str.strip, text.split(";")):
        name, _, reason = (word.strip() for word in part.partition(":"))
        if not name or not reason:
            raise ValueError(f"keep_features must be name: reason; name: reason, got {part!r}")
        if name in found:
            raise ValueError(f"keep_features names {name!r} more than once")
        found[name] = reason
    return found
