"""Bins and values in plain words, for those who must be told a reason.

Takes the bins of a feature, or a value, and what the catalogue says of the feature; gives text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from riskkit.binning import FeatureBins
from riskkit.schema import Feature

__all__ = ["bin_words", "catalogue", "feature_label", "number_words", "special_words"]

# enough for whoever is told a reason
_DIGITS = 6


def catalogue(features: Sequence[Feature] | None) -> dict[str, Feature]:
    """What is known of each feature, by its name."""
    return {feature.name: feature for feature in features or ()}


def feature_label(name: str, feature: Feature | None) -> str:
    """The feature in plain words; its name where nothing is known of it."""
    return name if feature is None else feature.label


def special_words(code: float, feature: Feature | None) -> str:
    """Meaning of a special code.

    Examples
    --------
    >>> late = Feature(name="late", label="Late", family="bureau", special_codes={-9: "no record"})
    >>> special_words(-9.0, late), special_words(-8.0, late)
    ('no record', 'special code -8')
    """
    meaning = "" if feature is None else feature.special_codes.get(code, "")
    return meaning or f"special code {code:g}"


def number_words(value: float, feature: Feature | None) -> str:
    """A value with its unit, in six digits; a fraction as a percentage.

    Examples
    --------
    >>> income = Feature(name="income", label="Income", family="application", unit="EUR")
    >>> number_words(6835.5, income), number_words(6835.5, None)
    ('6,835.5 EUR', '6,835.5')
    """
    return _with_unit(_number(_scaled(value, feature), _DIGITS), feature)


def bin_words(bins: FeatureBins, feature: Feature | None) -> list[str]:
    """Each bin in words, the unseen last.

    Examples
    --------
    >>> from riskkit.binning import WoeBinner
    >>> X = {"term": [6.0, 12.0, 24.0, 36.0, -9.0, None] * 20}
    >>> import pandas as pd
    >>> binner = WoeBinner(fixed_edges={"term": [12, 36]}, special_codes={"term": [-9]})
    >>> bins = binner.fit(pd.DataFrame(X), [0, 1, 1] * 40).bins_["term"]
    >>> term = Feature(name="term", label="Term", family="application", unit="months")
    >>> bin_words(bins, term)[:3]
    ['below 12 months', '12 to 36 months', '36 months or more']
    >>> bin_words(bins, term)[3:]
    ['special code -9', 'missing', 'never seen before']
    """
    return [*_known_words(bins, feature), "never seen before"]


def _known_words(bins: FeatureBins, feature: Feature | None) -> list[str]:
    if bins.edges is None:  # the names of its levels
        return bins.labels
    parts = [[words] for words in _ordinary_words(bins, feature)]
    parts += [[] for _ in range(len(bins.counts) - len(parts))]
    codes = [special_words(code, feature) for code in bins.special_codes]
    for words, row in zip([*codes, "missing"], bins.apart, strict=True):
        parts[row].append(words)
    return [" or ".join(part) for part in parts]


def _ordinary_words(bins: FeatureBins, feature: Feature | None) -> list[str]:
    assert bins.edges is not None
    if len(bins.edges) == 0:
        return ["any measured value" if bins.special_codes else "any value"]
    if bins.is_boolean and len(bins.edges) == 1 and 0 < bins.edges[0] <= 1:
        return ["no", "yes"]
    texts = _distinct([_scaled(edge, feature) for edge in bins.edges.tolist()])
    return [
        f"below {_with_unit(texts[0], feature)}",
        *(_with_unit(f"{low} to {high}", feature) for low, high in pairwise(texts)),
        f"{_with_unit(texts[-1], feature)} or more",
    ]


def _distinct(edges: Sequence[float]) -> list[str]:
    """Edges in six digits, or in as many as tell them apart."""
    for digits in (_DIGITS, 10):
        texts = [_number(edge, digits) for edge in edges]
        if len(set(texts)) == len(texts):
            return texts
    return [repr(edge) for edge in edges]


def _scaled(value: float, feature: Feature | None) -> float:
    return value * 100 if _is_fraction(feature) else value


def _with_unit(text: str, feature: Feature | None) -> str:
    unit = "%" if _is_fraction(feature) else "" if feature is None else feature.unit
    return f"{text} {unit}".strip()


def _is_fraction(feature: Feature | None) -> bool:
    return feature is not None and feature.unit == "fraction"


def _number(value: float, digits: int) -> str:
    """Number with separators of thousands, in so many digits, never as a power of ten above."""
    return f"{value:,.{digits}g}" if abs(value) < 10 ** (digits - 1) else f"{value:,.0f}"
