"""How a number looks in a table, a page or a document: the digits of each kind of figure."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["NUMBER_FORMATS", "interval_text", "number_text"]

NUMBER_FORMATS = {
    "percent": "{:.1%}",
    "percent2": "{:.2%}",
    "whole": "{:,.0f}",
    "number": "{:,.2f}",
    "three": "{:.3f}",
    "four": "{:.4f}",
    "five": "{:.5f}",
    "signed": "{:+.3f}",
    "signed2": "{:+.2f}",
    "general": "{:,.6g}",
}


def number_text(value: Any, kind: str) -> str:
    """A number as tables show it; a dash where it is missing.

    Parameters
    ----------
    value : number
    kind : str
        One of :data:`NUMBER_FORMATS`.

    Examples
    --------
    >>> number_text(0.04467, "percent2"), number_text(float("nan"), "whole")
    ('4.47%', '–')
    """
    return "–" if pd.isna(value) else NUMBER_FORMATS[kind].format(value)


def interval_text(value: Any, low: Any, high: Any, kind: str) -> str:
    """A number with its interval as tables show it; a dash where it is missing.

    Examples
    --------
    >>> interval_text(0.0447, 0.031, 0.0602, "percent2")
    '4.47% (3.10% to 6.02%)'
    >>> interval_text(0.0447, float("nan"), float("nan"), "percent2")
    '4.47%'
    """
    if pd.isna(value) or pd.isna(low):
        return number_text(value, kind)
    return f"{number_text(value, kind)} ({number_text(low, kind)} to {number_text(high, kind)})"
