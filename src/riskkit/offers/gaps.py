"""Whether a protected group pays more, or gets less, than others of the same risk and term.

Takes prices or limits, groups and what explains a difference; gives a row per group, its gap split
into what the mix explains and what it does not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from riskkit import evidence
from riskkit.chance import holm
from riskkit.checks import Array, check_level, numeric_array, refuse_missing, same_rows
from riskkit.columns import verbatim

__all__ = ["fairness_findings", "gap_findings", "gap_text", "offer_gaps"]

# what of a gap is worth a word: half a percentage point of price, a twentieth of a limit
MATERIAL = {"price": 0.005, "limit": 0.05}
SIGNIFICANT = 0.05
NEARLY_FIXED = 0.90  # of the variance: a comparison within strata can then hardly find anything


def offer_gaps(
    values: pd.Series,
    groups: pd.DataFrame,
    strata: pd.Series,
    *,
    min_rows: int = 30,
    level: float = 0.95,
) -> pd.DataFrame:
    """Mean price or limit of each protected group against the largest one, and why it differs.

    Within strata, such as grade × term, group and reference are compared like with like:
    unexplained = Σ share of the group in a stratum × (its mean there − the reference's mean there);
    explained is the rest of the gap, what the group's mix of strata makes of it, and strata in
    which the reference has nobody.

    Parameters
    ----------
    values : Series of shape (n,)
        Price a year (a fraction) or limit (units of the currency) of those offered something.
    groups : DataFrame of shape (n, n_attributes)
        Of :func:`riskkit.evidence.protected_groups`.
    strata : Series of shape (n,)
        What may explain a difference.
    min_rows : int
        Smaller groups are not compared.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (attribute, group)
        applicants, mean_value, is_reference (the largest group); gap with gap_low, gap_high
        (normal), gap_p_value and gap_beyond_chance; explained, unexplained with unexplained_low,
        unexplained_high; compared_share (of the group, in strata with somebody of the reference);
        p_value (two-sided, that nothing is unexplained), adjusted_p_value (Holm, over all groups
        compared), beyond_chance. NaN for the reference and for groups not compared. Attribute
        ``fixed_share``: the part of the values' variance that the strata fix; 1 where each stratum
        has one value, so that by construction nothing can be unexplained.

    Raises
    ------
    ValueError
        A value is missing, lengths or indexes differ.

    Source
    ------
    Kitagawa (1955), Journal of the American Statistical Association 50; Oaxaca (1973), Blinder
    (1973) on decompositions; Holm (1979), Scandinavian Journal of Statistics 6.

    Examples
    --------
    >>> price = pd.Series([0.20] * 40 + [0.20] * 30 + [0.26] * 30)
    >>> group = pd.DataFrame({"Gender": ["m"] * 60 + ["f"] * 40})
    >>> grade = pd.Series([1] * 70 + [2] * 30)
    >>> gaps = offer_gaps(price, group, grade).loc[("Gender", "f")]
    >>> gaps[["gap", "unexplained"]].astype(float).round(3).tolist()
    [0.045, 0.0]
    """
    check_level(level)
    same_rows(values=values, groups=groups, strata=strata)
    amounts = numeric_array(values, "values", len(groups)).astype(float)
    refuse_missing(amounts, "values")
    stratum = pd.factorize(strata)[0]
    if (stratum < 0).any():
        raise ValueError(f"strata must not be missing, {(stratum < 0).sum():,} are")
    tables = {}
    for attribute in groups.columns:
        column = groups[attribute].astype("category")
        code = column.cat.codes.to_numpy()
        sizes = np.bincount(code[code >= 0], minlength=len(column.cat.categories))
        if not sizes.sum():
            continue
        reference = int(sizes.argmax())
        cells = _cells(amounts, code, stratum, len(sizes))
        rows = {
            group: _compared(cells, number, reference, level)
            if sizes[number] >= min_rows and sizes[reference] >= min_rows
            else {"applicants": int(sizes[number]), "mean_value": _mean(cells, number)}
            for number, group in enumerate(column.cat.categories)
            if sizes[number]
        }
        table = pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS)
        table["is_reference"] = table.index == column.cat.categories[reference]
        tables[attribute] = table
    names = ["attribute", "group"]
    if not tables:
        nobody = pd.MultiIndex.from_arrays([[], []], names=names)
        tests = ["adjusted_p_value", "beyond_chance", "gap_beyond_chance"]
        return pd.DataFrame(columns=[*COLUMNS, *tests], index=nobody)
    found = pd.concat(tables, names=names)
    found["adjusted_p_value"] = holm(found["p_value"].to_numpy(float))
    found["beyond_chance"] = found["adjusted_p_value"] <= SIGNIFICANT
    found["gap_beyond_chance"] = holm(found["gap_p_value"].to_numpy(float)) <= SIGNIFICANT
    found.attrs["fixed_share"] = _fixed_share(amounts, stratum)
    return found


def _fixed_share(amounts: Array, stratum: Array) -> float:
    """Part of the variance that lies between strata; 1 where nothing varies within them."""
    size = np.bincount(stratum)
    mean = np.bincount(stratum, weights=amounts) / np.maximum(size, 1)
    residual = amounts - mean[stratum]
    residual[np.abs(residual) <= 1e-9 * np.abs(amounts).max(initial=1.0)] = 0.0
    within = float((residual**2).sum())
    return 1.0 if within == 0 else 1 - within / float(((amounts - amounts.mean()) ** 2).sum())


COLUMNS = [
    *("applicants", "mean_value", "is_reference", "gap", "gap_low", "gap_high", "gap_p_value"),
    *(
        "explained",
        "unexplained",
        "unexplained_low",
        "unexplained_high",
        "compared_share",
        "p_value",
    ),
]


def _cells(amounts: Array, code: Array, stratum: Array, n_groups: int) -> Mapping[str, Array]:
    """Rows, mean and variance of each group in each stratum, shape (n_groups, n_strata)."""
    n_strata = int(stratum.max(initial=-1)) + 1
    here = code >= 0
    cell = code[here].astype(np.int64) * n_strata + stratum[here]
    size, total = (
        np.bincount(cell, weights=weights, minlength=n_groups * n_strata)
        for weights in (None, amounts[here])
    )
    mean = np.divide(total, size, out=np.zeros_like(total), where=size > 0)
    residual = amounts[here] - mean[cell]
    # a difference lost in the rounding of a sum is none
    residual[np.abs(residual) <= 1e-9 * np.abs(amounts[here]).max(initial=1.0)] = 0.0
    squares = np.bincount(cell, weights=residual**2, minlength=n_groups * n_strata)
    shape = (n_groups, n_strata)
    size, mean, squares = (part.reshape(shape) for part in (size.astype(float), mean, squares))
    # all groups of a stratum share its variance: many cells hold one row
    freedom = size.sum(axis=0) - (size > 0).sum(axis=0)
    overall = squares.sum() / max(freedom.sum(), 1)
    variance = np.where(freedom > 0, squares.sum(axis=0) / np.maximum(freedom, 1), overall)
    return {"size": size, "mean": mean, "squares": squares, "variance": variance}


def _mean(cells: Mapping[str, Array], number: int) -> float:
    size = cells["size"][number]
    return float((size * cells["mean"][number]).sum() / size.sum())


def _spread(cells: Mapping[str, Array], number: int) -> float:
    """Variance of a group's mean, its strata taken together."""
    size, mean = cells["size"][number], cells["mean"][number]
    within = cells["squares"][number].sum() + (size * (mean - _mean(cells, number)) ** 2).sum()
    return float(within / max(size.sum() - 1, 1) / size.sum())


def _compared(
    cells: Mapping[str, Array], number: int, reference: int, level: float
) -> dict[str, float]:
    """One group against the reference."""
    size, mean = cells["size"], cells["mean"]
    row = {"applicants": int(size[number].sum()), "mean_value": _mean(cells, number)}
    if number == reference:
        return row
    shared = (size[number] > 0) & (size[reference] > 0)
    inside = size[number][shared].sum()
    gap = _no_rounding(row["mean_value"] - _mean(cells, reference), row["mean_value"])
    half = ndtri((1 + level) / 2)
    error = np.sqrt(_spread(cells, number) + _spread(cells, reference))
    row |= {"gap": gap, "gap_low": gap - half * error, "gap_high": gap + half * error}
    row["gap_p_value"] = _p_value(gap, float(error))
    if not inside:
        return row | {"compared_share": 0.0}
    weight = size[number][shared] / inside
    part = float((weight * (mean[number] - mean[reference])[shared]).sum())
    counts = 1 / size[number][shared] + 1 / size[reference][shared]
    error = float(np.sqrt((weight**2 * cells["variance"][shared] * counts).sum()))
    if error == 0:  # the price is a table of the strata: nothing is left, or all is certain
        part = _no_rounding(part, row["mean_value"])
    return row | {
        "explained": _no_rounding(gap - part, row["mean_value"]),
        "unexplained": part,
        "unexplained_low": part - half * error,
        "unexplained_high": part + half * error,
        "compared_share": float(inside / size[number].sum()),
        "p_value": _p_value(part, error),
    }


def _p_value(difference: float, error: float) -> float:
    """Two-sided, of a normal difference; one without an error is certain."""
    if error > 0:
        return 2 * float(ndtr(-abs(difference) / error))
    return 1.0 if difference == 0 else 0.0


def _no_rounding(difference: float, size: float) -> float:
    """The difference; 0 where it is lost in the rounding of what was subtracted."""
    return 0.0 if abs(difference) < 1e-9 * abs(size) else difference


def gap_text(gaps: pd.DataFrame, measure: str, currency: str = "", *, held: str = "") -> str:
    """Sentences on the gaps of price or limit that the mix does not explain.

    Parameters
    ----------
    gaps : DataFrame
        Of :func:`offer_gaps`.
    measure : {"price", "limit"}
    currency : str
        Of the limits.
    held : str
        What the strata hold alike, in words, such as "grade and term".

    Raises
    ------
    ValueError
        The measure is another.

    Source
    ------
    riskkit definition: a gap is told as one where it is beyond chance among all groups compared,
    and at least half a percentage point of price, or a twentieth of the reference's mean limit.
    Where the strata fix the values, like with like cannot differ: then the plain gaps are told.
    """
    if gaps.empty or not gaps["p_value"].notna().any():
        return "No protected group could be compared."
    what = held or "what is held alike"
    fixed = gaps.attrs.get("fixed_share", 0.0)
    if fixed == 1:
        plain = verbatim("; ".join(_told(gaps, measure, currency, "gap")))
        mixed = f"By the mix of {what}, {plain}" if plain else "Nor do the plain gaps matter"
        return (
            f"The {measure} is a table of {what}: **by construction** no group can differ like "
            f"with like, which is no evidence of anything. {mixed}."
        )
    told = _told(gaps, measure, currency)
    tested = int(gaps["p_value"].notna().sum())
    nearly = (
        f" This check can hardly fail: {what} fix {fixed:.0%} of how the {measure} varies."
        if fixed >= NEARLY_FIXED
        else ""
    )
    if not told:
        return (
            f"Of {tested} groups compared, none has a {measure} that differs from the largest "
            f"group's, like with like, by more than chance and by enough to matter.{nearly}"
        )
    said = verbatim("; ".join(told))
    return f"Of {tested} groups compared, like with like and beyond chance: {said}.{nearly}"


def gap_findings(
    gaps: pd.DataFrame, measure: str, currency: str = "", *, held: str = "", reason: str = ""
) -> list[tuple[str, str, bool]]:
    """Findings on gaps that the mix does not explain: (topic, text, whether red).

    Parameters
    ----------
    gaps, measure, currency, held
        As for :func:`gap_text`.
    reason : str
        What a lender may rest these gaps on, such as incomes: then they are amber, else red, and
        told of those alone who pay more, or may borrow less.
    """
    told = [] if gaps.empty else _told(_worse(gaps, measure) if reason else gaps, measure, currency)
    alike = f"at equal {held}" if held else "like with like"
    text = f"{alike}, beyond chance{f', {reason}' if reason else ''}: {'; '.join(told)}"
    of_measure = {
        "price": ("Price by group", text, not reason),
        "limit": ("Limit by group", text, not reason),
    }
    return [of_measure[measure]] if told else []


def _worse(gaps: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The gaps, those beyond chance only of groups that are worse off than the reference."""
    sign = 1 if measure == "price" else -1
    return gaps.assign(beyond_chance=gaps["beyond_chance"] & (sign * gaps["unexplained"] > 0))


def _told(gaps: pd.DataFrame, measure: str, currency: str, part: str = "unexplained") -> list[str]:
    """Gaps, or the part of them, that are beyond chance and large enough, in words."""
    if measure not in MATERIAL:
        raise ValueError(f"measure must be one of {', '.join(MATERIAL)}, got {measure!r}")
    beyond = gaps["beyond_chance" if part == "unexplained" else "gap_beyond_chance"]
    told = []
    for (attribute, group), row in gaps[beyond].iterrows():
        others = gaps.loc[attribute]
        reference = others[others["is_reference"].astype(bool)]
        by = row[part]
        least = MATERIAL[measure] * (1 if measure == "price" else reference["mean_value"].iloc[0])
        if abs(by) < least:
            continue
        more = "more" if by > 0 else "less"
        ends = sorted((abs(row[f"{part}_low"]), abs(row[f"{part}_high"])))
        if measure == "price":
            size = f"{abs(by) * 100:.1f} points a year {more}"
            size += f" ({ends[0] * 100:.1f} to {ends[1] * 100:.1f})"
        else:
            size = f"{abs(by):,.0f} {currency} {more} ({ends[0]:,.0f} to {ends[1]:,.0f})"
        verb = "pays" if measure == "price" else "may borrow"
        whom = evidence.group_text(attribute, group)
        told.append(f"{whom} {verb} {size} than {evidence.group_text('', reference.index[0])}")
    return told


def fairness_findings(
    tables: Mapping[str, pd.DataFrame],
    *,
    after: Mapping[str, str] | None = None,
    income_amount: pd.Series | None = None,
    changes: Mapping[str, pd.DataFrame] | None = None,
) -> list[tuple[str, str, bool]]:
    """Findings on four fifths, for each way of deciding: (topic, text, whether red).

    Red: below four fifths beyond chance, all groups of that way together. Amber: below, by chance
    or not.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        What decides, such as "the rules" → of :func:`riskkit.evidence.fairness_table`.
    after : mapping of str to str, optional
        Way → the way that it goes further than, such as a limit than a price: what the step itself
        does is told, the ratio of both ratios.
    income_amount : Series, index (attribute, group), optional
        Median income a month, units of the currency: told of those steps, since limits follow it.
    changes : mapping of str to DataFrame, optional
        Way → of :func:`riskkit.evidence.impact_changes` since today: told of each group.
    """
    found = []
    steps, since = after or {}, changes or {}
    for name, table in tables.items():
        if table.empty or "below_four_fifths" not in table:
            continue
        below = table["below_four_fifths"].astype(bool)
        proven = below & table["beyond_chance"].astype(bool)
        for rows, words, red in (
            (table[proven], "beyond chance", True),
            (table[below & ~proven], "which chance can explain", False),
        ):
            if len(rows):
                groups = ", ".join(
                    f"{evidence.group_text(*group)} {evidence.below_text(row['impact_ratio'])}"
                    + _change_told(since.get(name), group)
                    + _step_told(tables, steps.get(name), group, row, income_amount)
                    for group, row in rows.iterrows()
                )
                text = f"{name}: below {evidence.FOUR_FIFTHS:g}, {words}: {groups}"
                found.append(("Fairness of offers", text, red))
    return found


def _change_told(changes: pd.DataFrame | None, index: tuple[str, str]) -> str:
    """What the ratio is today, and whether it differs from that by more than chance."""
    if changes is None or index not in changes.index or np.isnan(changes.at[index, "before"]):
        return ""
    row = changes.loc[index]
    text = f" (today {row['before']:.3f}"
    if np.isnan(row["change"]):
        return text + ")"
    beyond = "" if row["beyond_chance"] else ", as chance may have it"
    return f"{text}; {row['change']:+.3f}, {row['low']:+.3f} to {row['high']:+.3f}{beyond})"


def _step_told(
    tables: Mapping[str, pd.DataFrame],
    before: str | None,
    index: tuple[str, str],
    row: pd.Series,
    income_amount: pd.Series | None,
) -> str:
    """What of a ratio is the last step's own doing, and the incomes that it follows."""
    if before is None or before not in tables or index not in tables[before].index:
        return ""
    own = row["impact_ratio"] / tables[before].loc[index, "impact_ratio"]
    text = f" ({own:.3f} by this step"
    if income_amount is not None and index in income_amount.index:
        others = income_amount.loc[index[0]].drop(index[1])
        if len(others):
            text += f"; median income {income_amount.loc[index]:,.0f}, of the other groups "
            text += (
                f"{others.min():,.0f} to {others.max():,.0f}"
                if len(others) > 1
                else f"{others.iloc[0]:,.0f}"
            )
    return text + ")"
