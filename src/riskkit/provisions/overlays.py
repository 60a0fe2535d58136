"""Overlays: what people add to the model's provision, each with a reason, a name and an end.

Takes the overlays of the provisions file and the loss by loan; gives what each adds.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from riskkit.checks import DataContractError
from riskkit.columns import has_value, verbatim

__all__ = ["overlay_table", "overlay_text"]


def overlay_table(
    loans: pd.DataFrame,
    overlays: pd.DataFrame,
    as_of: pd.Timestamp | str,
    *,
    refuse_empty: bool = True,
    with_columns: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What each overlay adds to the provision; one that is not in force is refused and named.

    A factor works on the model's own loss of its segment, never on another overlay, so that their
    order does not matter.

    Parameters
    ----------
    loans : DataFrame, one row per loan
        `ecl_amount`, and the columns that segments name: numbers are compared as numbers, so that
        12 is 12.0, truths with true or yes and false or no, all else as text.
    overlays : DataFrame, index name
        Of :func:`riskkit.schema.read_provisions`.
    as_of : Timestamp or str
    refuse_empty : bool
        Refuse an overlay in force whose segment has no loans; else it adds nothing, as in a month
        before there were any.
    with_columns : DataFrame, index as of the loans, optional
        Columns that segments may name and the loans do not have.

    Returns
    -------
    DataFrame, index name
        `segment` (text), `loans`, `model_amount` (of the segment), `overlay_amount` (added, int64
        fen; 0 where refused), `is_applied`, `refused` (why, else ""), `until`, `reason`,
        `approver`.

    Raises
    ------
    DataContractError
        A segment names a column that the loans do not have, or no loan is in the segment of an
        overlay in force: each with its overlay.
    ValueError
        All together would bring the provision of some segment's loans below zero.

    Source
    ------
    riskkit definition; post-model adjustments: IFRS 9, B5.5.52.

    Examples
    --------
    >>> loans = pd.DataFrame({"stage": [1, 2], "ecl_amount": [100, 400]})
    >>> overlays = pd.DataFrame({"reason": "floods", "approver": "CRO", "amount": [pd.NA],
    ...     "from": pd.Timestamp("2024-01-01"), "until": pd.Timestamp("2024-06-30"),
    ...     "factor": 1.5, "segment": [{"stage": "2"}]}, index=pd.Index(["floods"], name="name"))
    >>> overlay_table(loans, overlays, "2024-03-31")["overlay_amount"].item()
    200
    >>> overlay_table(loans, overlays, "2024-07-31")["refused"].item()
    'expired on 2024-06-30'
    """
    day = pd.Timestamp(as_of)
    if with_columns is not None:
        named = {column for segment in overlays["segment"] for column in segment}
        if beside := sorted(named & {*with_columns} - {*loans}):
            loans = loans.join(with_columns[beside])
    faults, rows = [], []
    for name, one in overlays.iterrows():
        unknown = [column for column in one["segment"] if column not in loans]
        if unknown:
            faults.append(f"overlays.{name}.segment: the loans have no column {unknown[0]!r}")
            continue
        inside = np.ones(len(loans), dtype=bool)
        for column, value in one["segment"].items():
            inside &= has_value(loans[column], value)
        model = int(loans["ecl_amount"].to_numpy(np.int64)[inside].sum())
        refused = _refused(one, day)
        is_amount = not pd.isna(one["amount"])
        told = ", ".join(f"{column} {value}" for column, value in one["segment"].items())
        is_empty = not inside.any()
        # of no loans at all a factor is nothing, an amount would still be something
        if is_empty and refuse_empty and not refused and (is_amount or told):
            what = "an amount" if is_amount else "a factor"
            where = f" ({told})" if told else ""
            faults.append(f"overlays.{name}: {what} for a segment without loans{where}")
        added = int(one["amount"]) if is_amount else round(model * (one["factor"] - 1))
        added = 0 if is_empty else added
        if not refused and model + added < 0:
            raise ValueError(
                f"overlay {name!r} must not bring the provision of its segment below zero, got "
                f"{added / 100:,.2f} on {model / 100:,.2f}"
            )
        rows.append(
            {
                "name": name,
                "segment": told or "all loans",
                "loans": int(inside.sum()),
                "model_amount": model,
                "overlay_amount": 0 if refused else added,
                "is_applied": not refused,
                "refused": refused,
                **one[["until", "reason", "approver"]].to_dict(),
            }
        )
    if faults:
        raise DataContractError("overlays", faults)
    columns = [
        "name", "segment", "loans", "model_amount", "overlay_amount", "is_applied", "refused",
        "until", "reason", "approver",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns).set_index("name")
    total = int(loans["ecl_amount"].sum()) + int(table["overlay_amount"].sum())
    if total < 0:
        raise ValueError(
            f"overlays must not bring the provision below zero, got {total / 100:,.2f}"
        )
    return table.astype({"overlay_amount": "int64", "model_amount": "int64", "loans": "int64"})


def overlay_text(table: pd.DataFrame, currency: str) -> str:
    """Sentences on the overlays in force and on those refused, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`overlay_table`.
    currency : str
    """
    if table.empty:
        return "There are no overlays: the provision is the model's."
    applied = table[table["is_applied"]]
    added = applied["overlay_amount"].sum() / 100
    n = len(applied)
    text = f"**{n} overlay{'' if n == 1 else 's'} in force** {'adds' if n == 1 else 'add'} "
    text += f"{added:,.2f} {verbatim(currency)} to the model's provision."
    refused = table[~table["is_applied"]]
    if len(refused):
        named = ", ".join(
            f"{verbatim(str(name))} ({one['refused']})" for name, one in refused.iterrows()
        )
        text += f" **Refused:** {named}; nothing of it is in the provision."
    return text


def _refused(overlay: pd.Series, day: pd.Timestamp) -> str:
    if day > overlay["until"]:
        return f"expired on {overlay['until']:%Y-%m-%d}"
    return f"begins on {overlay['from']:%Y-%m-%d}" if day < overlay["from"] else ""
