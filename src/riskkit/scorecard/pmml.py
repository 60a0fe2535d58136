"""The card as a PMML document, which an engine of another house reads and scores by.

Takes the bins of the card's features and their points; gives XML.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np

import riskkit
from riskkit.binning import FeatureBins
from riskkit.scorecard.scale import ScoreScale

__all__ = ["scorecard_pmml"]

NAMESPACE = "http://www.dmg.org/PMML-4_4"
# what a production of XML 1.0 calls Char
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LARGEST = sys.float_info.max
_LARGEST_INTEGER = 2**31 - 1  # of the engines in Java


def scorecard_pmml(
    features: Mapping[str, FeatureBins],
    points: Mapping[str, np.ndarray],
    reference: Mapping[str, float],
    scale: ScoreScale,
    *,
    base: int,
    score_as: str,
    probability_as: str,
    n_reasons: int,
) -> str:
    """PMML 4.4 of a model of type Scorecard; of a feature's attributes the first that holds counts.

    Parameters
    ----------
    features : mapping of str to FeatureBins
    points : mapping of str to int array of shape (n_bins + 1,)
        Points of each bin, the unseen last.
    reference : mapping of str to float
        Points below which a feature has cost the applicant some.
    scale : ScoreScale
    base : int
        Points that everybody gets.
    score_as, probability_as : str
        Names of the outputs.
    n_reasons : int
        Outputs ``reason_1`` and so on, at least 0.

    Raises
    ------
    ValueError
        A negative `n_reasons`, a name or level that XML cannot hold, a name that is empty or that
        two fields would have.

    Source
    ------
    Data Mining Group (2019), PMML 4.4, Scorecard, http://dmg.org/pmml/v4-4-1/Scorecard.html.
    """
    if n_reasons < 0:
        raise ValueError(f"n_reasons must be at least 0, got {n_reasons!r}")
    outputs = [score_as, probability_as, *(f"reason_{k + 1}" for k in range(n_reasons))]
    _require_names(list(features), outputs)
    root = ET.Element("PMML", {"xmlns": NAMESPACE, "version": "4.4"})
    highest = abs(base) + sum(int(np.abs(points[name]).max()) for name in features)
    is_integer = highest <= _LARGEST_INTEGER
    header = ET.SubElement(root, "Header", description="Credit score in whole points")
    ET.SubElement(header, "Application", name="riskkit", version=riskkit.__version__)
    _dictionary(ET.SubElement(root, "DataDictionary"), features)
    model = ET.SubElement(
        root,
        "Scorecard",
        modelName="riskkit scorecard",
        functionName="regression",
        initialScore=str(base if is_integer else float(base)),
        useReasonCodes="true" if n_reasons else "false",
        reasonCodeAlgorithm="pointsBelow",
        baselineMethod="mean",
    )
    schema = ET.SubElement(model, "MiningSchema")
    for name in features:
        ET.SubElement(schema, "MiningField", name=name)
    output = ET.SubElement(model, "Output")
    _outputs(output, outputs, scale, is_integer)
    characteristics = ET.SubElement(model, "Characteristics")
    for name, bins in features.items():
        _characteristic(characteristics, name, bins, points[name], reference[name])
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _require_names(features: list[str], outputs: list[str]) -> None:
    for name in [*features, *outputs]:
        if not name:
            raise ValueError(f"no field of PMML has an empty name, got {name!r}")
        if _NOT_XML.search(name):
            raise ValueError(f"XML cannot hold the name {name!r}")
    names = [*features, *outputs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"a field of PMML has a name of its own, two would be called {twice}")


def _dictionary(parent: ET.Element, features: Mapping[str, FeatureBins]) -> None:
    for name, bins in features.items():
        if bins.groups is not None:
            ET.SubElement(parent, "DataField", name=name, optype="categorical", dataType="string")
            continue
        field = ET.SubElement(
            parent, "DataField", name=name, optype="continuous", dataType="double"
        )
        # without this an engine may order NaN above every number
        ET.SubElement(field, "Value", value="NaN", property="missing")


def _outputs(parent: ET.Element, names: list[str], scale: ScoreScale, is_integer: bool) -> None:
    score, probability, *reasons = names
    ET.SubElement(
        parent,
        "OutputField",
        name=score,
        optype="continuous",
        dataType="integer" if is_integer else "double",
        feature="predictedValue",
    )
    field = ET.SubElement(
        parent,
        "OutputField",
        name=probability,
        optype="continuous",
        dataType="double",
        feature="transformedValue",
    )
    # 1 / (1 + exp((score − offset) / factor))
    inverse = ET.SubElement(field, "Apply", function="/")
    _constant(inverse, 1.0)
    one_more = ET.SubElement(inverse, "Apply", function="+")
    _constant(one_more, 1.0)
    odds = ET.SubElement(one_more, "Apply", function="exp")
    log_odds = ET.SubElement(odds, "Apply", function="/")
    distance = ET.SubElement(log_odds, "Apply", function="-")
    ET.SubElement(distance, "FieldRef", field=score)
    _constant(distance, scale.offset)
    _constant(log_odds, scale.factor)
    for rank, name in enumerate(reasons, 1):
        ET.SubElement(
            parent,
            "OutputField",
            name=name,
            optype="categorical",
            dataType="string",
            feature="reasonCode",
            rank=str(rank),
        )


def _constant(parent: ET.Element, value: float) -> None:
    ET.SubElement(parent, "Constant", dataType="double").text = repr(value)


def _characteristic(
    parent: ET.Element, name: str, bins: FeatureBins, points: np.ndarray, reference: float
) -> None:
    """One attribute a bin, in the order in which the card looks a value up."""
    made = ET.SubElement(
        parent, "Characteristic", name=name, reasonCode=name, baselineScore=repr(float(reference))
    )

    def attribute(row: int) -> ET.Element:
        return ET.SubElement(made, "Attribute", partialScore=str(int(points[row])))

    ET.SubElement(attribute(bins.apart[-1]), "SimplePredicate", field=name, operator="isMissing")
    if bins.groups is None:
        for code, row in zip(bins.special_codes, bins.apart, strict=False):
            _is_code(attribute(row), name, float(code))
        assert bins.edges is not None
        edges = bins.edges.tolist()
        for row, (low, high) in enumerate(pairwise([None, *edges, None])):
            _is_between(attribute(row), name, low, high)
        return
    for row, group in enumerate(bins.groups):
        if group:
            _is_level(attribute(row), name, group)
    ET.SubElement(attribute(len(points) - 1), "True")


def _is_code(parent: ET.Element, name: str, code: float) -> None:
    """A number equals a code."""
    if np.isinf(code):  # which engines spell differently
        operator = "greaterThan" if code > 0 else "lessThan"
        _compare(parent, name, operator, float(np.copysign(_LARGEST, code)))
    else:
        _compare(parent, name, "equal", code)


def _is_between(parent: ET.Element, name: str, low: float | None, high: float | None) -> None:
    """A number lies in [low, high)."""
    if low is None and high is None:
        ET.SubElement(parent, "True")
        return
    if low is not None and high is not None:
        parent = ET.SubElement(parent, "CompoundPredicate", booleanOperator="and")
    if low is not None:
        _compare(parent, name, "greaterOrEqual", low)
    if high is not None:
        _compare(parent, name, "lessThan", high)


def _is_level(parent: ET.Element, name: str, levels: tuple[str, ...]) -> None:
    """A text is one of the levels: not an Array of PMML, where a backslash has no fixed meaning."""
    if len(levels) > 1:
        parent = ET.SubElement(parent, "CompoundPredicate", booleanOperator="or")
    for level in levels:
        if _NOT_XML.search(level):
            raise ValueError(f"feature {name}: XML cannot hold the level {level!r}")
        ET.SubElement(parent, "SimplePredicate", field=name, operator="equal", value=level)


def _compare(parent: ET.Element, name: str, operator: str, value: float) -> None:
    ET.SubElement(parent, "SimplePredicate", field=name, operator=operator, value=repr(value))
