"""A mapping from one file: what its columns seem to be, written with every reason.

Takes a path; gives a :class:`Draft`, the text of a mapping that reads the file.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit.checks import DataContractError
from riskkit.draft.endings import Ending, choose_label, last_day_seen, meanings_of, tells_ends
from riskkit.draft.features import OFFERED, FeatureLine, draft_features
from riskkit.draft.headers import label_of, says, snake
from riskkit.draft.rawfile import RawColumn, RawFile, counts_of, open_raw
from riskkit.draft.readings import ColumnGuess, guess_column
from riskkit.draft.roles import Role, find_roles
from riskkit.draft.suspects import person_of
from riskkit.draft.yaml_lines import CHECK, comment, entry, scalar

__all__ = ["Draft", "draft_mapping", "write_draft"]


@dataclass(frozen=True)
class Draft:
    """The text of a mapping.

    Parameters
    ----------
    text : str
    n_features, n_left_out : int
    """

    text: str
    n_features: int
    n_left_out: int

    @property
    def n_checks(self) -> int:
        """Lines marked ``# check``."""
        return sum(CHECK in line for line in self.text.splitlines())


def write_draft(draft: Draft, path: str | Path) -> None:
    """Write a draft as a new file.

    Raises
    ------
    FileExistsError
        There is one already; it stays as it is.
    """
    with Path(path).open("x", encoding="utf-8", newline="\n") as file:
        file.write(draft.text)


def draft_mapping(path: str | Path, label: str | None = None) -> Draft:
    """A commented mapping that reads a file, as far as its cells and names tell.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.csv.gz``, ``.parquet`` or ``.xlsx`` file, one row per application.
    label : str, optional
        The column that says who was bad; found by its name and values where not given.

    Returns
    -------
    Draft
        No value of an id, name, contact or protected column is in its text.

    Raises
    ------
    DataContractError
        The file is not there, of another kind or unreadable, or has no such label.

    Source
    ------
    riskkit definition.
    """
    raw = open_raw(path)
    usable, unnamed = _usable(raw)
    secrets = {column.number: _secret(column) for column in usable}
    guesses = [guess_column(column, secret=secrets[column.number]) for column in usable]
    # a column that could be read in two ways is likely written as the others are
    european = sum(guess.points for guess in guesses) > 0
    guesses = [
        guess_column(g.column, secret=g.secret, european=True) if g.others and european else g
        for g in guesses
    ]
    ending, others = _ending(raw, guesses, label)
    rest = [g for g in guesses if ending.guess is not g]
    roles = find_roles(rest)
    payment = _payment(rest, roles, ending, raw)
    lines, left_out = draft_features(rest, roles, ending, payment)
    left_out.add("without a name, or of a name that stands twice", unnamed)
    text = "\n".join(
        [
            *_head(raw),
            *_money(roles),
            *_observed(raw, rest, roles, ending, payment),
            "",
            *_applications(raw, roles, ending),
            "",
            *_outcome(ending, payment, others),
            "",
            *_features(lines),
            *left_out.lines(),
            "",
        ]
    )
    return Draft(text, len(lines), left_out.n)


def _usable(raw: RawFile) -> tuple[list[RawColumn], list[str]]:
    """Columns that a mapping can name, and how to call the others."""
    names = [column.name for column in raw.columns]
    usable = [c for c in raw.columns if c.name.strip() and names.count(c.name) == 1]
    strange = [f"{c.name} (column {c.number})" for c in raw.columns if c not in usable]
    return usable, strange


def _secret(column: RawColumn) -> str:
    """Why no value of a column may be shown."""
    if person_of(column):
        return "person"
    if says(column.name, "protected") and not says(column.name, "not_age"):
        return "protected"
    if says(column.name, "private"):
        return "flag of a contact"
    ids = says(column.name, "application_id") or says(column.name, "customer_id")
    return "id" if ids and len(column.counts) > 0.5 * column.n_filled else ""


def _ending(
    raw: RawFile, guesses: list[ColumnGuess], label: str | None
) -> tuple[Ending, list[str]]:
    others: list[str] = []
    if label is None:
        guess, others = choose_label(guesses)
    else:
        names = [guess.name for guess in guesses]
        if label not in names:
            close = difflib.get_close_matches(label, names, n=1, cutoff=0.5)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise DataContractError(raw.path.name, [f"no column {label!r} for the label{hint}"])
        guess = guesses[names.index(label)]
    if guess is None:
        return Ending(), others
    counts = counts_of(raw.all_cells(guess.column))
    if label is not None and len(counts) < 2:
        raise DataContractError(raw.path.name, [f"{label}: a label needs two values"])
    try:
        return meanings_of(guess, counts), others
    except DataContractError:
        if label is not None:
            raise
        return Ending(), others  # it was a guess, and is none


def _payment(
    guesses: list[ColumnGuess], roles: dict[str, Role], ending: Ending, raw: RawFile
) -> ColumnGuess | None:
    """The date of the last payment, where status, date, term and id are there to go with it."""
    if ending.kind != "values" or not {"applied_at", "term_months", "application_id"} <= set(roles):
        return None
    if ending.guess is None or not tells_ends(ending.guess):
        return None
    applied = roles["applied_at"].guess
    for guess in guesses:
        if guess.kind == "date" and guess is not applied and says(guess.name, "payment"):
            ending.kind = "event"
            return guess
    return None


# -- the parts of the text -------------------------------------------------------------------------


def _head(raw: RawFile) -> list[str]:
    stem = raw.path.name.removesuffix(".gz").rsplit(".", 1)[0]
    name = snake(stem)
    name = name if re.fullmatch(r"[a-z0-9_]+", name) else "my_loans"
    lines = comment(f"Drafted by riskkit from {raw.path.name}: {raw.n_cells_text}.")
    lines += comment(
        "Every line is a guess from names and cells. Those marked check are doubtful: confirm or "
        "correct them, then take the mark away."
    )
    if not raw.is_whole:
        lines += comment("The rest of the file was read for label and dates alone.")
    return [*lines, *entry("name", name), *entry("title", label_of(stem))]


def _money(roles: dict[str, Role]) -> list[str]:
    amount = roles.get("amount")
    currency = amount.guess.currency if amount else ""
    said = "by the sign of the amounts" if currency else "nothing in the file says it"
    lines = entry("currency", currency or "CNY", doubts=[said])
    unit, why = _unit(amount)
    lines += entry("amounts_in", unit, doubts=[why])
    if "approved" not in roles or "booked" not in roles:
        why = "no column says who was approved and who was booked"
        lines += entry("accepted_only", True, doubts=[why])
    return lines


def _unit(amount: Role | None) -> tuple[str, str]:
    """Unit of the amounts, and why."""
    if amount is None:
        return "major", "no amount was found"
    values = amount.guess.series.dropna()
    if says(amount.guess.name, "minor"):
        return "minor", "by the name of the amount"
    if (values != values.round()).any():
        return "major", "some amounts have decimals"
    size = f"{values.median():,.10g}"
    return "major", f"half of the amounts are above {size}; minor if these are cents"


def _observed(
    raw: RawFile,
    guesses: list[ColumnGuess],
    roles: dict[str, Role],
    ending: Ending,
    payment: ColumnGuess | None,
) -> list[str]:
    """The last day seen, where the outcome depends on it."""
    if ending.kind not in ("event", "worst", "snapshot") or "applied_at" not in roles:
        return []
    applied = roles["applied_at"].guess
    sources = [applied, payment] if payment is not None else [applied]
    dates = pd.concat([g.read(raw.all_cells(g.column)) for g in sources], ignore_index=True)
    dates = dates[dates.between("1990-01-01", "2100-01-01")] if payment is None else dates
    all_ended = ending.kind == "event" and not ending.has_open
    last_of = dates if payment is None else _events(raw, payment)
    day, later, reason = last_day_seen(last_of, all_ended=all_ended)
    day = max(day, last_day_seen(dates, all_ended=all_ended)[0])
    doubts = ["the last day that the data cover", reason]
    if later:
        doubts.append(f"{later:,} dates are later, and refused until this or they are corrected")
    if ending.kind in ("worst", "snapshot"):
        doubts = ["the day on which the days past due were counted; so far the last application"]
    others = [f"{last_of.max():%Y-%m-%d}"] if later else []
    return entry("observed_to", f"{day:%Y-%m-%d}", doubts=doubts, others=others)


def _events(raw: RawFile, payment: ColumnGuess) -> pd.Series:
    return payment.read(raw.all_cells(payment.column)).dropna()


def _applications(raw: RawFile, roles: dict[str, Role], ending: Ending) -> list[str]:
    lines = ["applications:", *entry("path", raw.path.name, indent=2)]
    if raw.encoding not in ("", "utf-8"):
        doubts = [] if raw.sure else ["by the look of its bytes"]
        lines += entry("encoding", raw.encoding, indent=2, doubts=doubts)
    if raw.delimiter not in ("", ","):
        lines += entry("delimiter", raw.delimiter, indent=2)
    if raw.sheet:
        lines += entry("sheet", raw.sheet, indent=2, doubts=raw.remarks)
    elif raw.remarks:
        lines += comment(f"check: {'; '.join(raw.remarks)}", 2)
    lines += _duplicates(raw, roles)
    lines += _perhaps_filtered(ending)
    lines.append("  columns:")
    for name in ("application_id", "customer_id", "applied_at", "amount", "term_months"):
        lines += _role(name, roles.get(name))
    for name in ("scenario", "channel", "partner", "approved", "booked"):
        if name in roles:
            both = "approved" in roles and "booked" in roles
            if name in ("approved", "booked") and not both:
                lines += comment(f"{name}: {roles[name].guess.name}, if both are there", 4)
            else:
                lines += _role(name, roles[name])
    return lines


def _perhaps_filtered(ending: Ending) -> list[str]:
    """A filter, commented out, where a status says more than another: some loans may not count."""
    values = [str(value) for value in ending.counts.index]
    longer = [v for v in values if any(v != w and v.endswith(w) and len(w) > 3 for w in values)]
    if not longer or ending.guess is None:
        return []
    row = {"column": ending.guess.name, "operator": "not_in", "value": longer}
    lines = comment("check: these statuses say more than others; this leaves such rows out", 2)
    return [*lines, *("  # " + line for line in entry("rows", [row]))]


def _role(name: str, role: Role | None) -> list[str]:
    if role is None:
        if name == "amount":
            doubts = ["no column looks like an amount; name it here"]
            return entry(name, "AMOUNT", indent=4, doubts=doubts)
        missing = {
            "application_id": "application_id: none; the numbers of the rows are taken",
            "applied_at": "applied_at: no date in every row, so nothing over time can be shown",
            "term_months": "term_months: none found",
        }
        return comment(missing[name], 4) if name in missing else []
    guess = role.guess
    value: Any = {"column": guess.name, **role.keys} if role.keys else guess.name
    own = guess.kind == "date" or name in ("amount", "term_months")
    others = [{"column": guess.name, **keys} for keys in guess.others] if own else []
    doubts = [*role.doubts, *(guess.doubts if own else [])]
    return entry(name, value, indent=4, reasons=role.reasons, doubts=doubts, others=others)


def _duplicates(raw: RawFile, roles: dict[str, Role]) -> list[str]:
    """A rule for ids that stand twice: whole copies go, others are refused."""
    role = roles.get("application_id")
    if role is None or not role.doubts or "came before" not in role.doubts[0]:
        return []
    cells = {str(c.number): c.cells.to_pandas() for c in raw.columns}
    frame = pd.DataFrame(cells)
    ids = frame[str(role.guess.column.number)].duplicated()
    copies = frame.duplicated()
    if bool((ids & ~copies).any()):
        n = int((ids & ~copies).sum())
        why = f"{n:,} rows repeat an id with other cells; first and last would drop the others"
        value = {"by": ["application_id"], "keep": "refuse"}
        other = {"by": ["application_id"], "keep": "last"}
        return entry("duplicates", value, indent=2, doubts=[why], others=[other])
    why = f"{int(ids.sum()):,} rows are copies of others, cell by cell"
    value = {"by": ["application_id"], "keep": "first"}
    return entry("duplicates", value, indent=2, doubts=[why])


def _outcome(ending: Ending, payment: ColumnGuess | None, others: list[str]) -> list[str]:
    """Label or outcomes, with the rows of each value."""
    also = [f"columns that look like a label too: {', '.join(others)}"] if others else []
    if ending.guess is None:
        why = "no column looks like a label; name it, or draft again with --label"
        value = {"column": "LABEL", "bad": ["1"], "good": ["0"]}
        return entry("label", value, doubts=[why])
    name = ending.guess.name
    if ending.kind in ("worst", "snapshot"):
        return _days(ending, also)
    said = [f"{scalar(v)}: {n:,} rows, {ending.meanings[v]}" for v, n in ending.counts.items()]
    lines = [line for text in said for line in comment(text)]
    doubts = [*ending.doubts, *also]
    if ending.kind == "event" and payment is not None:
        event = {"column": name, "default": ending.listed("bad"), "repaid": ending.listed("good")}
        if ending.has_open:
            event["ignored"] = ending.listed("ignored")
        last: Any = {"column": payment.name, **payment.keys} if payment.keys else payment.name
        doubts = doubts or ["which status means what"]
        lag = ["months from the last payment of a bad loan to its default"]
        every = "every loan has ended, so a bad one is bad whenever it was"
        some = "months in which a loan must have been bad; null where all have ended"
        window = None if not ending.has_open else 12
        return [
            "outcomes:",
            *("  " + line for line in lines),
            *entry("event", event, indent=2, doubts=doubts),
            *entry("last_payment", last, indent=2, reasons=payment.reasons, doubts=payment.doubts),
            *entry("default_lag_months", 1, indent=2, doubts=lag),
            *entry(
                "bad",
                {"dpd": None, "window_months": window},
                doubts=[some if ending.has_open else every],
            ),
        ]
    value = {"column": name, "bad": ending.listed("bad"), "good": ending.listed("good")}
    if ending.has_open:
        value["ignored"] = ending.listed("ignored")
    plain = not doubts and len(ending.counts) == 2
    doubts = doubts if plain or doubts else ["which value means what"]
    return [*lines, *entry("label", value, doubts=doubts)]


def _days(ending: Ending, also: list[str]) -> list[str]:
    assert ending.guess is not None
    name, days = ending.guess.name, ending.guess.series.astype(np.float64)
    past = ", ".join(f"{(days > n).sum():,} above {n}" for n in (0, 30, 60, 90))
    if ending.kind == "worst":
        value: dict[str, Any] = {"column": name, "days_past_due": "worst"}
        doubts = [f"days past due at worst within the window: {past}", *also]
    else:
        value = {"column": name, "days_past_due": "snapshot", "at": "2000-01-31"}
        doubts = [f"days past due on one day, its date to be put under at: {past}", *also]
    return [
        *entry("label", value, doubts=doubts),
        *entry("bad", {"dpd": 90, "window_months": 12}, doubts=["the definition of bad"]),
    ]


def _features(lines: list[FeatureLine]) -> list[str]:
    nothing = ["no column is left that a model could be offered"]
    if not lines:
        return entry("features", {}, doubts=nothing)
    text = ["features:"]
    if lines[0].group != OFFERED:
        text += comment(f"check: {nothing[0]}", 2)
    for k, line in enumerate(lines):
        if k == 0 or line.group != lines[k - 1].group:
            text += [*([""] if k else []), *comment(line.group, 2)]
        text += entry(
            line.name,
            line.value,
            indent=2,
            reasons=line.reasons,
            doubts=line.doubts,
            others=line.others,
        )
    return text
