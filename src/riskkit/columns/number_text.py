"""How a number looks in a table, a page or a document: the digits of each kind of figure."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["NUMBER_FORMATS", "number_text"]

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
