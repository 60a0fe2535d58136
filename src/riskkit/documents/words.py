"""Words and small cuts that several sections of a document share."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pandas as pd

from riskkit.evidence import OWN_FAMILIES, group_text

__all__ = [
    "MIN_BADS",
    "MIN_LOANS",
    "SIGNIFICANT",
    "Findings",
    "Limit",
    "count",
    "groups",
    "interval",
    "judged_segments",
    "lights_in_words",
    "listed",
    "loans",
    "plain",
    "samples_in_words",
    "verdict",
]

# fewer loans of a segment say nothing of its bad rate, nor do fewer bads, seen or expected
MIN_LOANS, MIN_BADS = 30, 10
SIGNIFICANT = 0.05  # p-value below which a test rejects


class Limit(NamedTuple):
    """One thing to know before the model is used: of what, in words, whether it is a worry.

    A worry is red where a test rejects the model, not only where little is known.
    """

    topic: str
    text: str
    attention: bool
    is_red: bool = False

    @property
    def told(self) -> str:
        """The whole of it, its light first where it is a worry."""
        light = ("red: " if self.is_red else "amber: ") if self.attention else ""
        return f"{light}{self.topic}: {self.text}"


def lights_in_words(limits: Sequence[Limit]) -> str:
    """Topics in red, then those in amber alone; empty where nothing is a worry."""
    reds = list(dict.fromkeys(x.topic for x in limits if x.attention and x.is_red))
    topics = dict.fromkeys(x.topic for x in limits if x.attention)
    ambers = [topic for topic in topics if topic not in reds]
    told = [("red", reds), ("amber", ambers)]
    # topics hold commas
    return ". ".join(f"{light}: {'; '.join(names)}" for light, names in told if names)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a run has found of a model; any may be missing.

    Parameters
    ----------
    discrimination, comparison : DataFrame
        Of :func:`metrics.discrimination_table` and :func:`metrics.comparison_table`, by sample.
    accuracy, grades : DataFrame
        Of :func:`metrics.accuracy_table`; score_low and score_high beside
        :func:`metrics.grade_table`.
    bands : DataFrame
        Of :func:`evidence.calibration_bands`: the groups that Hosmer–Lemeshow compares.
    segments, calibration : DataFrame
        Of :func:`evidence.ranking_by_segment` and :func:`evidence.calibration_by_segment`.
    stability : DataFrame
        Of :func:`profile.drift_table` on the scores.
    families, learning, splits, fairness : DataFrame
        Of :func:`evidence.family_worth`, :func:`evidence.learning_curve`,
        :func:`evidence.compare_splits` and :func:`evidence.fairness_table`.
    declined, methods : DataFrame
        Of :func:`reject_inference.sensitivity_band` and
        :func:`reject_inference.compare_methods`.
    ceiling : DataFrame
        Share of what the truth reaches, index model.
    challenger_grades, challenger_fairness : DataFrame
        As `grades` and `fairness`, of the challenger; grades of :func:`evidence.stated_grades`.
    rules, policies : DataFrame
        Of :func:`strategy.rules_table` and :func:`strategy.recommend`: what is recommended, and
        what it brings.
    rule_fairness : mapping of str to DataFrame
        Of :func:`evidence.fairness_of_rules`.
    declines : DataFrame
        Of :func:`evidence.declines_by_group`.
    attribute_rules : DataFrame
        Of :func:`evidence.rules_on_attributes`.
    own_families : collection of str
        Families of features that are the applicant's own form or the lender's own records, which
        nobody sells.
    """

    discrimination: pd.DataFrame | None = None
    comparison: pd.DataFrame | None = None
    accuracy: pd.DataFrame | None = None
    grades: pd.DataFrame | None = None
    bands: pd.DataFrame | None = None
    segments: pd.DataFrame | None = None
    calibration: pd.DataFrame | None = None
    stability: pd.DataFrame | None = None
    families: pd.DataFrame | None = None
    learning: pd.DataFrame | None = None
    splits: pd.DataFrame | None = None
    fairness: pd.DataFrame | None = None
    declined: pd.DataFrame | None = None
    methods: pd.DataFrame | None = None
    ceiling: pd.DataFrame | None = None
    challenger_grades: pd.DataFrame | None = None
    challenger_fairness: pd.DataFrame | None = None
    rules: pd.DataFrame | None = None
    policies: pd.DataFrame | None = None
    rule_fairness: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    declines: pd.DataFrame | None = None
    attribute_rules: pd.DataFrame | None = None
    own_families: Collection[str] = OWN_FAMILIES

    def bands_of(self, model: str) -> pd.DataFrame | None:
        """The groups tested of one model; None where they are not known."""
        if self.bands is None or model not in self.bands.index.get_level_values(0):
            return None
        return self.bands.loc[model]


def verdict(row: pd.Series) -> str:
    """Challenger minus scorecard in words."""
    if pd.isna(row["low"]):
        return "the challenger and the card cannot be compared: too few goods or bads"
    text = f"{row['difference']:+.3f} in AUC ({row['low']:+.3f} to {row['high']:+.3f})"
    if row["low"] <= 0 <= row["high"]:
        return f"the challenger cannot be told from the card, {text}"
    return f"the challenger ranks {'better' if row['difference'] > 0 else 'worse'}, {text}"


def interval(value: float, low: float, high: float) -> str:
    """A figure with its 95 % interval."""
    return f"{value:.3f} (95 % interval {low:.3f} to {high:.3f})"


def judged_segments(table: pd.DataFrame) -> pd.DataFrame:
    """Segments of enough loans and bads to say something of their bad rate."""
    return table[table["judged"].astype(bool)]


def groups(index: Sequence[tuple[Any, Any]], most: int = 10) -> str:
    """Segments in words, the first ones where there are many."""
    told = listed(group_text(kind, value) for kind, value in index[:most])
    return f"{told} and {len(index) - most} more" if len(index) > most else told


def loans(kind: Any) -> str:
    """The loans of a sample in words."""
    return {"train": "training", "out_of_time": "out-of-time"}.get(kind, str(kind)) + " loans"


def plain(name: Any) -> Any:
    """A name without underscores; anything else as it is."""
    return name.replace("_", " ") if isinstance(name, str) else name


def listed(words: Iterable[Any]) -> str:
    """Words in a row."""
    return ", ".join(map(str, words))


def count(n: int, noun: str) -> str:
    """A number with its noun."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def samples_in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its samples in words."""
    if table.index.nlevels == 1:
        return table.rename(index=plain)
    return table.rename(index=plain, level=0)
