"""Rows of what runs in parallel: arrays, frames, and what holds such."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["join_rows", "take_rows"]


def take_rows(item: Any, rows: np.ndarray) -> Any:
    """Some rows of an array, a frame, or of every part of what holds such."""
    if isinstance(item, pd.DataFrame):
        return item.take(rows).reset_index(drop=True)
    if is_dataclass(item) and not isinstance(item, type):
        parts = {field.name: getattr(item, field.name) for field in fields(item)}
        return replace(item, **take_rows(parts, rows))
    if isinstance(item, dict):
        return {name: take_rows(part, rows) for name, part in item.items()}
    if isinstance(item, list):
        return [take_rows(part, rows) for part in item]
    return item[rows]


def join_rows(items: list[Any]) -> Any:
    """Arrays, frames or dataclasses of them, one below the other."""
    first = items[0]
    if len(items) == 1:
        return first
    if isinstance(first, pd.DataFrame):
        return pd.concat(items, ignore_index=True)
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        parts = {name: join_rows([getattr(item, name) for item in items]) for name in names}
        return replace(first, **parts)
    return np.concatenate(items)
