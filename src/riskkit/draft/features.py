"""Which columns could be features, which may never be offered to a model, and which are left out.

Takes guesses of columns and who was bad; gives the features of a mapping, each with its reasons.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from riskkit.checks import is_plain_name, may_hold_password
from riskkit.columns import SHOWN_CHARACTERS
from riskkit.draft.endings import Ending
from riskkit.draft.headers import family_of, feature_name, label_of, says, unit_of
from riskkit.draft.readings import ColumnGuess
from riskkit.draft.roles import Role, is_unique, range_of
from riskkit.draft.suspects import special_codes, told_by_outcome
from riskkit.draft.yaml_lines import comment
from riskkit.schema import CONTRACT

__all__ = ["OFFERED", "FeatureLine", "LeftOut", "draft_features"]

OFFERED = "offered to models"
PROTECTED = "protected attributes, never offered to a model"
AFTERWARDS = "known only after the decision, or part of it: never offered to a model"
# columns of the contract whose name a feature of the same column may have
_SHARED = ("term_months", "scenario", "channel", "partner")
_MOST_LEVELS = 12  # that a comment lists
_LEAST_ROWS = 5  # of a level that a comment lists: a rarer one may tell of a person


@dataclass
class FeatureLine:
    """A feature of the mapping.

    Parameters
    ----------
    name : str
    value : dict
        Its block.
    group : str
        Heading under which it stands.
    reasons, doubts : list of str
    others : list of dict
        Other blocks that fit as well.
    """

    name: str
    value: dict[str, Any]
    group: str
    reasons: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class LeftOut:
    """Columns that are no features, by the reason why."""

    columns: dict[str, list[str]] = field(default_factory=dict)

    def add(self, why: str, names: list[str]) -> None:
        """Note columns."""
        if names:
            self.columns.setdefault(why, []).extend(names)

    @property
    def n(self) -> int:
        """Number of columns."""
        return sum(map(len, self.columns.values()))

    def lines(self) -> list[str]:
        """The comment that names them."""
        if not self.columns:
            return []
        text = ["", "# left out:"]
        for why, names in self.columns.items():
            text += comment(f"- {why}: {', '.join(names)}")
        return text


def draft_features(
    guesses: list[ColumnGuess],
    roles: dict[str, Role],
    ending: Ending,
    payment: ColumnGuess | None,
) -> tuple[list[FeatureLine], LeftOut]:
    """The features, those offered to models first, and what is left out.

    Parameters
    ----------
    guesses : list of ColumnGuess
        All columns but the label's.
    roles : dict of contract column to Role
    ending : Ending
    payment : ColumnGuess or None
        The date of the last payment.
    """
    applied = roles["applied_at"].guess.series if "applied_at" in roles else None
    bad = ending.bad()
    taken_roles = ("application_id", "customer_id", "applied_at", "approved", "booked")
    taken = [roles[name].guess for name in taken_roles if name in roles]
    left_out, lines = LeftOut(), []
    names = [*CONTRACT["applications"], "default_flag"]
    for guess in guesses:
        if guess in taken or guess is payment:
            continue
        why = _why_not(guess, applied)
        if why:
            left_out.add(why, [guess.name])
            continue
        own = [name for name in _SHARED if name in roles and roles[name].guess is guess]
        line = _line(guess, bad, [name for name in names if name not in own])
        names.append(line.name)
        lines.append(line)
    order = [OFFERED, PROTECTED, AFTERWARDS]
    return sorted(lines, key=lambda line: order.index(line.group)), left_out


def _why_not(guess: ColumnGuess, applied: pd.Series | None) -> str:
    """Why a column is no feature; empty where it could be one."""
    if not is_plain_name(guess.name) or may_hold_password(guess.name):
        return "names that no mapping may hold"
    if guess.secret == "person":
        return "names, contacts, addresses and numbers of persons"
    if guess.secret == "id" or (is_unique(guess) and _counts_rows(guess)):
        return "ids"
    if not guess.kind:
        return guess.why
    if guess.is_constant and guess.n_missing <= 0.01 * len(guess.series):
        return "one value in every row"
    if guess.kind == "date":
        if applied is None:
            return "dates, which need a date of application to be months since"
        filled = guess.series.notna() & applied.notna()
        if not filled.any() or (guess.series > applied)[filled].mean() > 0.5:
            return "dates later than the application: known only afterwards"
    if guess.kind == "number" and applied is not None:
        for part in (applied.dt.year, applied.dt.month):
            if (guess.series == part).mean() > 0.999:
                return "part of the date of application"
    return ""


def _counts_rows(guess: ColumnGuess) -> bool:
    if guess.kind == "number":
        steps = guess.series.diff().dropna()
        counts = (steps == 1).all() and guess.series.iloc[0] in (0, 1)
        return bool(counts) or says(guess.name, "any_id")
    return says(guess.name, "any_id")


def _line(guess: ColumnGuess, bad: NDArray[np.float64], taken: list[str]) -> FeatureLine:
    name = feature_name(guess.name, guess.column.number, taken)
    kind = "months_since" if guess.kind == "date" else guess.kind
    value: dict[str, Any] = {
        "column": guess.name,
        "type": kind,
        "label": label_of(guess.name),
        "family": family_of(guess.name),
    }
    unit = guess.unit or (unit_of(guess.name) if kind == "number" else "")
    unit = guess.currency if not unit and kind == "number" else unit
    unit = "fraction" if guess.keys.get("percent") else unit
    value |= {"unit": unit} if unit else {}
    base = dict(value)
    value |= guess.keys
    line = FeatureLine(name, value, OFFERED, list(guess.reasons), list(guess.doubts))
    more: dict[str, Any] = {}
    if kind == "number":
        more |= _codes(guess, line)
    elif kind == "category":
        _levels(guess, line)
    if guess.n_missing:
        share = f"{guess.n_missing / len(guess.series):.1%}"
        line.reasons.append(f"missing in {share if share != '0.0%' else guess.n_missing}")
    more |= _standing(guess, bad, line)
    if "family" in more:
        base["family"] = value["family"] = more.pop("family")
    value |= more
    line.others = [base | keys | more for keys in guess.others]
    return line


def _codes(guess: ColumnGuess, line: FeatureLine) -> dict[str, Any]:
    codes = special_codes(guess.series)
    if not guess.secret:
        rest = guess.series[~guess.series.isin(list(codes))]
        line.reasons.append(range_of(rest))
    if not codes:
        return {}
    if guess.secret:
        line.doubts.append("values far outside the others: special codes?")
        return {}
    listed = ", ".join(f"{code} in {n:,} rows" for code, n in codes.items())
    line.doubts.append(f"special codes by their look, {listed}; what do they mean?")
    return {"special_codes": dict.fromkeys(codes, "not known")}


def _levels(guess: ColumnGuess, line: FeatureLine) -> None:
    counts = guess.column.counts
    if guess.secret:
        return
    shown = counts[(counts >= _LEAST_ROWS) & (counts.index.str.len() <= SHOWN_CHARACTERS)]
    shown = shown.head(_MOST_LEVELS)
    listed = [f"{level} {n:,}" for level, n in shown.items()]
    more = len(counts) - len(shown)
    listed += [f"{more:,} more levels" if listed else f"{more:,} levels"] if more else []
    line.reasons.append(", ".join(listed))


def _standing(guess: ColumnGuess, bad: NDArray[np.float64], line: FeatureLine) -> dict[str, Any]:
    """Whether a model may be offered the feature, with the reason."""
    if guess.secret == "protected":
        line.group = PROTECTED
        return {"family": "protected", "protected": True}
    if guess.secret:
        line.doubts.append("no contact itself, by its few values")
    told = "" if not len(bad) else told_by_outcome(guess.series, bad)
    if says(guess.name, "afterwards") and not says(guess.name, "before"):
        line.reasons.append("by its name known only afterwards")
        line.reasons += [told] if told else []
        line.group = AFTERWARDS
        return {"family": "repayment", "known_afterwards": True}
    if says(guess.name, "decision"):
        line.doubts.append("by its name the lender's own decision or price")
        line.group = AFTERWARDS
        return {"family": "decision", "known_afterwards": True}
    if told:
        line.doubts.append(f"{told}: known only afterwards?")
        line.group = AFTERWARDS
        return {"known_afterwards": True}
    return {}
