"""Which column is the id, the date, the amount, the term: the contract's columns in a file.

Takes guesses of columns; gives a :class:`Role` for each contract column that seems to be there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from riskkit.draft.headers import says
from riskkit.draft.readings import ColumnGuess

__all__ = ["Role", "find_roles", "is_unique", "range_of"]

_TRUE = {
    "1",
    "1.0",
    "y",
    "yes",
    "true",
    "t",
    "是",
    "通过",
    "批准",
    "approved",
    "approve",
    "accepted",
}
_TRUE |= {"accept", "pass", "passed", "booked", "funded", "disbursed", "已放款", "放款"}
_FALSE = {"0", "0.0", "n", "no", "false", "f", "否", "拒绝", "未通过", "declined", "decline"}
_FALSE |= {"rejected", "reject", "refused", "not booked", "未放款", "denied", "deny"}
_PLAIN = {"true", "false", "yes", "no", "1", "0"}
LONGEST_TERM_MONTHS = 480


@dataclass
class Role:
    """A contract column, the column that seems to be it, and why.

    Parameters
    ----------
    guess : ColumnGuess
    keys : dict
        How its cells are written.
    reasons, doubts : list of str
    """

    guess: ColumnGuess
    keys: dict[str, Any] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def is_unique(guess: ColumnGuess) -> bool:
    """Whether every row has a cell of its own."""
    column = guess.column
    return column.n_filled == len(column.counts) == len(column.cells)


def find_roles(guesses: list[ColumnGuess]) -> dict[str, Role]:
    """The contract's columns of applications, by name, those that seem to be in the file."""
    found: dict[str, Role | None] = {"application_id": _id(guesses)}
    own = found["application_id"]
    found["customer_id"] = _customer(guesses, None if own is None else own.guess)
    found["applied_at"] = _date(guesses)
    found["amount"] = _amount(guesses)
    found["term_months"] = _term(guesses)
    for name in ("scenario", "channel", "partner"):
        found[name] = _words(guesses, name)
    found["approved"], found["booked"] = (
        _decision(guesses, "approved"),
        _decision(guesses, "booked"),
    )
    return {name: role for name, role in found.items() if role is not None}


def _first(guesses: Iterable[ColumnGuess]) -> ColumnGuess | None:
    return next(iter(guesses), None)


def _id(guesses: list[ColumnGuess]) -> Role | None:
    """A column of ids with a cell of its own in each row, or nearly."""
    able = [g for g in guesses if g.secret != "person" and g.kind != "date"]
    named = [g for g in able if says(g.name, "application_id") or says(g.name, "customer_id")]
    named.sort(key=lambda g: says(g.name, "customer_id"))
    unique = _first(g for g in named if is_unique(g))
    if unique is not None:
        return Role(unique, reasons=["its own in every row"])
    for guess in named:
        column = guess.column
        again = column.n_filled - len(column.counts)
        if column.n_filled == len(column.cells) and 0 < again < 0.05 * column.n_filled:
            if says(guess.name, "customer_id"):
                continue
            return Role(guess, doubts=[f"{again:,} rows have an id that came before"])
    whole = (g for g in able if is_unique(g) and len(g.series) > 2 and _no_fractions(g))
    other = _first(g for g in whole if g.kind != "number" or says(g.name, "any_id"))
    return (
        None if other is None else Role(other, doubts=["its own in every row, so perhaps the id"])
    )


def _no_fractions(guess: ColumnGuess) -> bool:
    return not any("." in str(text) for text in guess.column.counts.index[:100])


def _customer(guesses: list[ColumnGuess], own: ColumnGuess | None) -> Role | None:
    able = (g for g in guesses if g is not own and g.secret != "person")
    full = (g for g in able if g.column.n_filled == len(g.column.cells))
    guess = _first(g for g in full if says(g.name, "customer_id") and _no_fractions(g))
    return None if guess is None else Role(guess, reasons=["named as a customer's id"])


def _date(guesses: list[ColumnGuess]) -> Role | None:
    """The date of application, else of the grant, else another in every row."""
    ranked = []
    for guess in guesses:
        unfit = says(guess.name, "payment") or says(guess.name, "afterwards") or guess.secret
        if guess.kind != "date" or guess.n_missing > 0.02 * len(guess.series):
            continue
        places = ["applied_at", "granted_at", "any_date"]
        rank = next((k for k, place in enumerate(places) if says(guess.name, place)), 3)
        if guess.series.min() < pd.Timestamp("1990-01-01") or (unfit and rank > 0):
            continue
        ranked.append((rank, guess.n_missing, guess.column.number, guess))
    if not ranked:
        return None
    rank, n_missing, _, guess = min(ranked, key=lambda item: item[:3])
    first, last = guess.series.min(), guess.series.max()
    role = Role(guess, guess.keys, [f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"])
    if rank == 1:
        role.reasons.append("the date of the grant, there is none of the application")
    if rank > 1:
        role.doubts.append("no date is named as that of the application")
    if n_missing:
        role.doubts.append(f"missing in {n_missing:,} rows, which are refused")
    return role


def _positive(guess: ColumnGuess) -> bool:
    return guess.kind == "number" and not guess.secret and guess.is_full and guess.series.min() > 0


def _amount(guesses: list[ColumnGuess]) -> Role | None:
    able = [g for g in guesses if g.kind == "number" and not g.secret]
    able = [g for g in able if not says(g.name, "afterwards") and not says(g.name, "days")]
    fit = [g for g in able if _positive(g)]
    for place in ("amount", "limit"):
        guess = _first(g for g in fit if says(g.name, place))
        if guess is not None:
            return Role(guess, guess.keys, [range_of(guess.series)])
    named = _first(g for g in able if says(g.name, "amount"))
    if named is not None:
        bad = int((~(named.series > 0)).sum())
        return Role(named, named.keys, doubts=[f"missing or not above 0 in {bad:,} rows"])
    large = [g for g in fit if not says(g.name, "any_id") and g.series.median() >= 100]
    if not large:
        return None
    guess = max(large, key=lambda g: g.series.median())
    return Role(guess, guess.keys, doubts=["the largest numbers, none is named as the amount"])


def range_of(values: pd.Series) -> str:
    """The least and the largest number, in words."""
    ends = (values.min(), values.max())
    return " to ".join(f"{x:,.0f}" if abs(x) >= 1e5 else f"{x:,.6g}" for x in ends)


def _term(guesses: list[ColumnGuess]) -> Role | None:
    for guess in guesses:
        if guess.kind != "number" or guess.secret or not says(guess.name, "term_months"):
            continue
        values = guess.series.dropna()
        whole = (values == values.round()).all() and values.between(1, LONGEST_TERM_MONTHS).all()
        if not whole or guess.unit not in ("", "months") or values.nunique() > 130:
            continue
        role = Role(guess, guess.keys, [range_of(guess.series)])
        if guess.n_missing:
            role.doubts.append(f"missing in {guess.n_missing:,} rows, which are refused")
        return role
    return None


def _words(guesses: list[ColumnGuess], name: str) -> Role | None:
    able = (g for g in guesses if g.kind == "category" and not g.secret and not g.is_constant)
    guess = _first(g for g in able if says(g.name, name) and len(g.column.counts) <= 200)
    if guess is None:
        return None
    return Role(guess, guess.keys, [f"{len(guess.column.counts):,} different"])


def _decision(guesses: list[ColumnGuess], name: str) -> Role | None:
    """Whether an application was approved, or booked: two words whose meaning is plain."""
    for guess in guesses:
        if guess.secret or not says(guess.name, name):
            continue
        texts = [str(text) for text in guess.column.counts.index]
        low = {text.lower() for text in texts}
        fits = 1 <= len(texts) <= 2 and low <= _TRUE | _FALSE
        if not fits or guess.column.n_filled != len(guess.column.cells):
            continue
        words = {t: "yes" if t.lower() in _TRUE else "no" for t in texts if t.lower() not in _PLAIN}
        listed = ", ".join(f"{text} {n:,}" for text, n in guess.column.counts.items())
        return Role(guess, {"words": words} if words else {}, [listed])
    return None
