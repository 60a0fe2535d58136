"""What is said of features before any model: which tell too much or too little, which were taken.

Takes a binner or a table of :mod:`riskkit.binning`; gives Markdown, and the table in labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from riskkit.binning import LEAKAGE_IV
from riskkit.columns import verbatim
from riskkit.schema import Feature

if TYPE_CHECKING:
    from riskkit.binning import WoeBinner

__all__ = ["bins_in_words", "feature_title", "iv_text", "labels_in_row", "selection_in_labels"]


def iv_text(binner: WoeBinner, labels: Mapping[str, str], *, min_iv: float, n_aside: int) -> str:
    """How to read information values, which are too high, and which features are one bin.

    Parameters
    ----------
    binner : WoeBinner
    labels : mapping of feature to label
    min_iv : float
        From there on special codes and missing values alone tell something.
    n_aside : int
        Columns set aside unseen.
    """
    iv = binner.iv
    suspicious = labels_in_row(iv.index[iv > LEAKAGE_IV], labels)
    tells = {name: iv[name] >= min_iv for name in binner.one_bin_}
    alone = "; ".join(
        verbatim(f"{labels[name]} ({why})")
        for name, why in binner.one_bin_.items()
        if not tells[name]
    )
    coded = labels_in_row(
        (name for name, does in tells.items() if does and name not in binner.leakage_), labels
    )
    return (
        "An IV below 0.02 beyond chance says next to nothing, from 0.1 on it is useful. Above "
        f"{LEAKAGE_IV} it is too good to be true for a fact known before the decision: **possible "
        f"leakage** in {suspicious or 'none of the features'}. Set aside unseen, because protected "
        f"or known only afterwards: {n_aside} columns. In one bin but for codes and missing "
        f"values, so of no use: {alone or 'none'}. Of others, only special codes or missing values "
        f"tell, all else being one bin: {coded or 'none'}."
    )


def bins_in_words(table: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """A table by feature and bin with features under their labels, codes under their meaning.

    Parameters
    ----------
    table : DataFrame, index (feature, bin)
        A special code is named as in :meth:`riskkit.scorecard.Scorecard.points_table`.
    features : sequence of Feature

    Examples
    --------
    >>> late = Feature(name="late", label="Days late", family="bureau", special_codes={-9: "none"})
    >>> index = pd.MultiIndex.from_tuples(
    ...     [("late", "< 3"), ("late", "special -9")], names=["feature", "bin"])
    >>> bins_in_words(pd.DataFrame({"points": [3, -2]}, index), [late]).index.tolist()
    [('Days late', '< 3'), ('Days late', 'none (-9)')]
    """
    known = {feature.name: feature for feature in features}

    def words(name: str, label: str) -> tuple[str, str]:
        feature = known.get(name)
        if feature is None:
            return name, label
        # several codes may share a bin
        for code, meaning in feature.special_codes.items():
            named = rf"special {re.escape(f'{code:g}')}(?![\d.])"
            label = re.sub(named, f"{meaning} ({code:g})".replace("\\", r"\\"), label)
        return feature.label, label

    told = [words(str(name), str(label)) for name, label in table.index]
    return table.set_axis(pd.MultiIndex.from_tuples(told, names=table.index.names))


def feature_title(feature: Feature) -> str:
    """Label and unit of a feature over a picture; of a fraction, in what it lies.

    Examples
    --------
    >>> feature_title(Feature(name="late", label="Share late", family="a", unit="fraction"))
    'Share late, 0 to 1'
    >>> feature_title(Feature(name="late", label="Days late", family="a"))
    'Days late'
    """
    unit = "0 to 1" if feature.unit == "fraction" else feature.unit
    return f"{feature.label}, {unit}" if unit else feature.label


def labels_in_row(names: Iterable[str], labels: Mapping[str, str]) -> str:
    """Labels of features as Markdown; empty where there are none."""
    return ", ".join(verbatim(labels[name]) for name in names)


def selection_in_labels(selection: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The selection with labels instead of names, in its reasons, too.

    Parameters
    ----------
    selection : DataFrame, index feature
        Of :func:`binning.select_features`.
    labels : mapping of feature to label

    Examples
    --------
    >>> table = pd.DataFrame({"with": ["age"], "reason": ["correlation with age above 0.7"]}, ["x"])
    >>> selection_in_labels(table, {"age": "Age", "x": "X"})["reason"].to_dict()
    {'X': 'correlation with Age above 0.7'}
    """
    other = selection["with"].map(labels)
    reasons = [
        reason.replace(str(name), str(labels.get(name, name))) if isinstance(name, str) else reason
        for name, reason in zip(selection["with"], selection["reason"], strict=True)
    ]
    return selection.assign(**{"with": other, "reason": reasons}).rename(index=dict(labels))
