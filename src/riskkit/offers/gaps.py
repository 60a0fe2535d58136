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
        (normal); explained, unexplained with unexplained_low, unexplained_high; compared_share (of
        the group, in strata with somebody of the reference); p_value (two-sided, that nothing is
        unexplained), adjusted_p_value (Holm, over all groups compared), beyond_chance. NaN for the
        reference and for groups not compared.

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
        empty = pd.MultiIndex.from_arrays([[], []], names=names)
        return pd.DataFrame(columns=[*COLUMNS, "adjusted_p_value", "beyond_chance"], index=empty)
    found = pd.concat(tables, names=names)
    found["adjusted_p_value"] = holm(found["p_value"].to_numpy(float))
    found["beyond_chance"] = found["adjusted_p_value"] <= SIGNIFICANT
    return found


COLUMNS = [
    *("applicants", "mean_value", "is_reference", "gap", "gap_low", "gap_high", "explained"),
    *("unexplained", "unexplained_low", "unexplained_high", "compared_share", "p_value"),
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
    if not inside:
        return row | {"compared_share": 0.0}
    weight = size[number][shared] / inside
    part = float((weight * (mean[number] - mean[reference])[shared]).sum())
    counts = 1 / size[number][shared] + 1 / size[reference][shared]
    error = float(np.sqrt((weight**2 * cells["variance"][shared] * counts).sum()))
    if error > 0:
        p_value = 2 * float(ndtr(-abs(part) / error))
    else:  # the price is a table of the strata: nothing is left, or all of it is certain
        part = _no_rounding(part, row["mean_value"])
        p_value = 1.0 if part == 0 else 0.0
    return row | {
        "explained": _no_rounding(gap - part, row["mean_value"]),
        "unexplained": part,
        "unexplained_low": part - half * error,
        "unexplained_high": part + half * error,
        "compared_share": float(inside / size[number].sum()),
        "p_value": p_value,
    }


def _no_rounding(difference: float, size: float) -> float:
    """The difference; 0 where it is lost in the rounding of what was subtracted."""
    return 0.0 if abs(difference) < 1e-9 * abs(size) else difference


def gap_text(gaps: pd.DataFrame, measure: str, currency: str = "") -> str:
    """Sentences on the gaps of price or limit that the mix does not explain.

    Parameters
    ----------
    gaps : DataFrame
        Of :func:`offer_gaps`.
    measure : {"price", "limit"}
    currency : str
        Of the limits.

    Raises
    ------
    ValueError
        The measure is another.

    Source
    ------
    riskkit definition: a gap is told as one where it is beyond chance among all groups compared,
    and at least half a percentage point of price, or a twentieth of the reference's mean limit.
    """
    if gaps.empty or not gaps["p_value"].notna().any():
        return "No protected group could be compared."
    told = _told(gaps, measure, currency)
    tested = int(gaps["p_value"].notna().sum())
    if not told:
        return (
            f"Of {tested} groups compared, none has a {measure} that differs from the largest "
            "group's, like with like, by more than chance and by enough to matter."
        )
    said = verbatim("; ".join(told))
    return f"Of {tested} groups compared, like with like and beyond chance: {said}."


def gap_findings(
    gaps: pd.DataFrame, measure: str, currency: str = ""
) -> list[tuple[str, str, bool]]:
    """Findings on gaps that the mix does not explain: (topic, text, whether red); all are red.

    Parameters
    ----------
    gaps, measure, currency
        As for :func:`gap_text`.
    """
    told = [] if gaps.empty else _told(gaps, measure, currency)
    text = f"like with like, beyond chance: {'; '.join(told)}"
    of_measure = {"price": ("Price by group", text, True), "limit": ("Limit by group", text, True)}
    return [of_measure[measure]] if told else []


def _told(gaps: pd.DataFrame, measure: str, currency: str) -> list[str]:
    if measure not in MATERIAL:
        raise ValueError(f"measure must be one of {', '.join(MATERIAL)}, got {measure!r}")
    told = []
    for (attribute, group), row in gaps[gaps["beyond_chance"]].iterrows():
        others = gaps.loc[attribute]
        reference = others[others["is_reference"].astype(bool)]
        by = row["unexplained"]
        least = MATERIAL[measure] * (1 if measure == "price" else reference["mean_value"].iloc[0])
        if abs(by) < least:
            continue
        more = "more" if by > 0 else "less"
        ends = sorted((abs(row["unexplained_low"]), abs(row["unexplained_high"])))
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
    """
    found = []
    steps = after or {}
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
                    + _step_told(tables, steps.get(name), group, row, income_amount)
                    for group, row in rows.iterrows()
                )
                text = f"{name}: below {evidence.FOUR_FIFTHS:g}, {words}: {groups}"
                found.append(("Fairness of offers", text, red))
    return found


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
