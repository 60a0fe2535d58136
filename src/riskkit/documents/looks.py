"""How the tables of a model look: columns, digits and headings, the same on every page.

Takes a table that :class:`Findings` names; gives it to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from riskkit.documents.words import plain
from riskkit.evidence import months_text
from riskkit.plots import number_format, show_table

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

__all__ = ["LOOKS", "sheet_look", "show_finding"]

_AUC_DIFFERENCE = dict.fromkeys(["difference", "low", "high"], "three")
_P_VALUE = {"p_value": "p-value"}


@dataclass(frozen=True)
class _Look:
    """What of a table is shown, in this order, how, and under which headings."""

    columns: tuple[str, ...]
    formats: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)


def _with_ends(*names: str) -> list[str]:
    return [f"{name}{end}" for name in names for end in ("", "_low", "_high")]


_RANKED = _with_ends("auc", "gini", "ks")
_LINE = _with_ends("intercept", "slope")
_BIASES = ("true_bias", "explored_bias", "explored_bias_low", "explored_bias_high")
_SCORES_OF = ("brier", "reliability", "resolution", "log_loss")
_MODELS = ("scorecard", "challenger")

LOOKS: dict[str, _Look] = {
    "coefficients": _Look(
        ("coefficient", "standard_error", "low", "high", "vif", "iv", "points_range", "p_value",
         "chosen_again"),
        {"coefficient": "signed", "low": "signed", "high": "signed", "standard_error": "three",
         "vif": "number", "iv": "three", "chosen_again": "percent",
         "p_value": "p_counted"},
        {"vif": "VIF", "iv": "IV", "points_range": "reach", "p_value": "p, after selection"},
    ),
    "discrimination": _Look(
        ("good", "bad", "bad_rate", *_RANKED),
        dict.fromkeys(_RANKED, "three") | {"good": "whole", "bad": "whole"},
        {"auc": "AUC", "gini": "Gini", "ks": "KS"},
    ),
    "comparison": _Look(
        ("auc_a", "auc_b", "difference", "low", "high", "p_value"),
        dict.fromkeys(["auc_a", "auc_b"], "three") | _AUC_DIFFERENCE,
        {"auc_a": "challenger AUC", "auc_b": "scorecard AUC"} | _P_VALUE,
    ),
    "segments": _Look(
        ("loans", "bad", "bad_rate", "auc_b", "auc_b_low", "auc_b_high", "auc_a", "difference",
         "low", "high", "p_value"),
        dict.fromkeys(["auc_a", *_with_ends("auc_b")], "three") | _AUC_DIFFERENCE,
        {"auc_a": "challenger AUC", "auc_b": "scorecard AUC"} | _P_VALUE,
    ),
    "ceiling": _Look(
        ("auc", "gini", "gini_low", "gini_high", "expected_gini", "share_of_ceiling"),
        dict.fromkeys(["auc", *_with_ends("gini"), "expected_gini"], "three"),
        {"auc": "AUC", "gini": "Gini", "expected_gini": "expected Gini"},
    ),
    "accuracy": _Look(_SCORES_OF, dict.fromkeys(_SCORES_OF, "five"), {"brier": "Brier"}),
    "line": _Look(
        (*_LINE, "hosmer_lemeshow", "p_value"),
        dict.fromkeys(_LINE, "three") | {"hosmer_lemeshow": "number"},
        {"hosmer_lemeshow": "Hosmer–Lemeshow"} | _P_VALUE,
    ),
    "calibration": _Look(
        ("loans", "bad_rate", "low", "high", *_MODELS, "scorecard_outside", "challenger_outside"),
        dict.fromkeys(["bad_rate", "low", "high", *_MODELS], "percent2"),
    ),
    "grades": _Look(
        ("score_low", "score_high", "n", "bad", "bad_rate", "probability", "jeffreys_p_value",
         "binomial_p_value", "adjusted_p_value", "light", "side"),
        {"n": "whole", "bad": "whole", "bad_rate": "percent2", "probability": "percent2",
         "score_low": "whole", "score_high": "whole"},
        {"n": "loans", "jeffreys_p_value": "p-value, Jeffreys", "score_low": "score from",
         "score_high": "to below", "binomial_p_value": "p-value, binomial",
         "adjusted_p_value": "two-sided, adjusted", "side": "risk"},
    ),
    "bands": _Look(
        ("score_low", "score_high", "n", "bad", "expected", "part", "adjusted_p_value", "side"),
        {"n": "whole", "bad": "whole", "score_low": "whole", "score_high": "whole",
         "expected": "number", "part": "number"},
        {"n": "loans", "bad": "bads", "expected": "expected bads", "part": "adds to the statistic",
         "score_low": "score from", "score_high": "to", "adjusted_p_value": "p-value, adjusted",
         "side": "risk"},
    ),
    "families": _Look(
        ("features", "auc_with", "auc_without", "difference", "low", "high", "p_value"),
        dict.fromkeys(["auc_with", "auc_without"], "three") | _AUC_DIFFERENCE,
        {"auc_with": "AUC with", "auc_without": "AUC without"} | _P_VALUE,
    ),
    "learning": _Look(
        ("rows", "bad", *_with_ends("auc"), *_with_ends("gain")),
        dict.fromkeys(_with_ends("auc", "gain"), "three"),
        {"rows": "loans", "auc": "AUC"},
    ),
    "splits": _Look(
        ("training_bad", "own_model", "loans", "bad", "auc_split", "auc_one", "difference", "low",
         "high", "p_value"),
        dict.fromkeys(["auc_split", "auc_one"], "three") | _AUC_DIFFERENCE,
        {"training_bad": "bads in training", "auc_split": "AUC, own card",
         "auc_one": "AUC, one card"} | _P_VALUE,
    ),
    "fairness": _Look(
        ("applicants", "approval_rate", "impact_ratio", "impact_low", "impact_high",
         "below_four_fifths", "beyond_chance", "loans", "bad_rate", "bad_low", "bad_high",
         "predicted_rate"),
        dict.fromkeys(["impact_ratio", "impact_low", "impact_high"], "four")
        | dict.fromkeys(["bad_low", "bad_high"], "percent"),
        {"approval_rate": "approved", "predicted_rate": "predicted",
         "below_four_fifths": "< 4/5", "loans": "loans granted"},
    ),
    "group_risk": _Look(
        ("impact_ratio", "loans", "bad", "expected_bad", "bads_to_expected", "bads_low",
         "bads_high", "p_value", "adjusted_p_value"),
        {"impact_ratio": "three", "expected_bad": "number"}
        | dict.fromkeys(["bads_to_expected", "bads_low", "bads_high"], "number"),
        {"loans": "loans granted", "bad": "bads", "expected_bad": "expected bads",
         "bads_to_expected": "bads ÷ expected", "p_value": "p-value",
         "adjusted_p_value": "p-value, adjusted"},
    ),
    "declines": _Look(
        ("applicants", "declined", "share", "share_of_others", "low", "high", "impact_ratio",
         "ratio_without"),
        dict.fromkeys(["share", "share_of_others", "low", "high"], "percent")
        | dict.fromkeys(["impact_ratio", "ratio_without"], "three"),
        {"declined": "declined for it", "share": "of the group", "share_of_others": "of the others",
         "low": "difference, 95 % from", "ratio_without": "without this reason"},
    ),
    "declined": _Look(
        ("inferred_rate", "declined_probability", "cutoff_probability", "bad_rate",
         "approved_declined_share"),
        dict.fromkeys(["declined_probability", "cutoff_probability"], "percent"),
        {"inferred_rate": "inferred bad rate of the declined",
         "declined_probability": "predicted for them",
         "cutoff_probability": "highest probability approved",
         "bad_rate": "bad rate of the approved",
         "approved_declined_share": "approved who had been declined"},
    ),
    "methods": _Look(
        ("declined_probability", *_BIASES, "declined_auc", "accepted_bias", "accepted_auc"),
        dict.fromkeys([*_BIASES, "accepted_bias"], "signed")
        | {"declined_auc": "three", "accepted_auc": "three", "declined_probability": "percent"},
        {"declined_probability": "predicted for the declined", "true_bias": "less the truth",
         "explored_bias": "less the random approvals", "declined_auc": "AUC on them",
         "accepted_bias": "bias on the accepted", "accepted_auc": "AUC on the accepted"},
    ),
}  # fmt: skip


def show_finding(
    name: str,
    table: pd.DataFrame,
    *,
    caption: str,
    leave_out: Sequence[str] = (),
    heat: Sequence[str] = (),
    rows: int = 100,
) -> Styler:
    """A table of a model as it looks everywhere.

    Parameters
    ----------
    name : str
        One of :data:`LOOKS`; of the accuracy table, "accuracy" shows the scores of the
        probabilities and "line" the fitted line.
    table : DataFrame
    caption : str
    leave_out : sequence of str
        Columns not shown here; so are those without any value.
    heat, rows
        As in :func:`riskkit.plots.show_table`.
    """
    look = LOOKS[name]
    there = [column for column in look.columns if column in table and column not in leave_out]
    shown = _terms_in_words(table[there].replace([np.inf, -np.inf], np.nan))
    ends = {column: "95 % from" for column in there if column.endswith("low")}
    ends |= {column: "to" for column in there if column.endswith("high")}
    names = ends | dict(look.names)
    return show_table(
        shown, look.formats, names=names, caption=caption, heat=heat, rows=rows, plain=True
    )


def _terms_in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Segments by term as months: 12 alone says nothing."""
    if table.index.names != ["segment", "value"] or table.empty:
        return table
    words = [(kind, months_text(value) if kind == "term" else value) for kind, value in table.index]
    return table.set_axis(pd.MultiIndex.from_tuples(words, names=table.index.names))


def sheet_look(name: str, table: pd.DataFrame, otherwise: str = "") -> dict[str, tuple[str, str]]:
    """Heading and number format of each column of a table in a spreadsheet.

    Parameters
    ----------
    name : str
        Of the table; one of :data:`LOOKS` has its headings and digits, any other those that
        :func:`riskkit.plots.show_table` gives by the columns' names.
    table : DataFrame
    otherwise : str
        Format of figures for which neither a look nor the column's name has one.

    Returns
    -------
    dict of str to (str, str)
        Column → heading, and the format in a spreadsheet's words; no heading twice.
    """
    look = LOOKS.get(name)
    names: Mapping[str, str] = look.names if look else {}
    formats: Mapping[str, str] = look.formats if look else {}
    columns = [str(column) for column in table.columns]
    said = [_sheet_heading(column, names) for column in columns]
    return {
        column: (
            heading if said.count(heading) == 1 else column,
            number_format(table[column], column, formats.get(column, ""), otherwise),
        )
        for column, heading in zip(columns, said, strict=True)
    }


def _sheet_heading(column: str, names: Mapping[str, str]) -> str:
    """A column in words; ends of intervals by what they are ends of, since columns are sorted."""
    for end in ("_low", "_high"):
        of = column.removesuffix(end)
        if of != column and of in names:
            return f"{names[of]} {end[1:]}"
    return str(names.get(column, plain(column)))
