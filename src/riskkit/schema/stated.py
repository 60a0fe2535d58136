"""What a mapping states of a source beside its tables, and how that fits them.

Takes a mapping; gives the facts and features of a :class:`Source`, and what does not add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from riskkit.schema.features import Feature
from riskkit.schema.mapping import FeatureBlock, SourceMapping

__all__ = ["control_lines", "stated_facts", "unseen_text"]

UNSEEN_MONTHS = 3  # at the end of what is stated as seen, with no date in them


def stated_facts(mapping: SourceMapping) -> dict[str, Any]:
    """Facts of a source that its mapping states outright, as :class:`Source` takes them."""
    start = mapping.out_of_time_from
    return {
        "name": mapping.name,
        "title": mapping.title,
        "currency": mapping.currency,
        "accepted_only": mapping.accepted_only,
        "features": tuple(_feature(name, one) for name, one in mapping.features.items()),
        "bad": mapping.definition,
        "out_of_time_from": None if start is None else pd.Timestamp(start),
        "notes": tuple(mapping.notes),
    }


def _feature(name: str, block: FeatureBlock) -> Feature:
    return Feature(
        name=name,
        label=block.label,
        family=block.family,
        unit=block.unit or ("months" if block.type == "months_since" else ""),
        kind="category" if block.type == "category" else "numeric",
        risk_direction=block.risk_direction,
        special_codes=dict(block.special_codes),
        protected=block.protected,
        known_afterwards=block.known_afterwards,
    )


def control_lines(
    mapping: SourceMapping, rows: int, bads: int, amounts: pd.Series | None
) -> Iterator[str]:
    """Totals that the owner states and the data do not have.

    Parameters
    ----------
    mapping : SourceMapping
    rows, bads : int
        Applications, and those labelled bad.
    amounts : Series or None
        Amount asked for, in the smallest unit of money, by month such as 2023-01.
    """
    control = mapping.control
    totals: list[tuple[str, float | None, float]] = [
        ("rows", control.rows, rows),
        ("bads", control.bads, bads),
    ]
    if amounts is not None:
        sums = amounts / mapping.amount_scale
        totals += [
            (f"amount_by_month.{month}", amount, sums.get(month, 0.0))
            for month, amount in control.amount_by_month.items()
        ]
    for name, stated, there in totals:
        if stated is not None and abs(stated - there) > 0.005:
            yield f"control.{name}: {stated:,.15g} stated, {there:,.15g} in the data"


def unseen_text(end: pd.Timestamp, latest: pd.Timestamp) -> list[str]:
    """What is to be said where data are stated as seen for longer than any date in them."""
    if pd.isna(latest) or latest >= end - pd.DateOffset(months=UNSEEN_MONTHS):
        return []
    return [
        f"observed_to: {end:%Y-%m-%d} is stated, but the latest date in the data is of "
        f"{latest:%Y-%m-%d}; loans are taken as seen until then"
    ]
