"""What sets segments apart, in a table a marketer can read.

Takes a :class:`Segmentation` and applications; gives a row a segment, in words and figures.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from riskkit.chance import holm, p_text
from riskkit.checks import Array, check_level, require_columns, same_rows
from riskkit.columns import verbatim
from riskkit.customers.segments import SCORE, Segmentation, rate_interval

__all__ = ["segment_table", "segment_use_text"]

FEWEST_BAD = 30
LEAST_APART = 0.2  # standard deviations
MOST_ALIKE = 0.7  # correlation from which two columns say one thing
NAMED_BY = 2  # of what sets a segment apart, in its name
BETWEEN = "between the others"
SIGNIFICANT = 0.05


def segment_table(
    segmentation: Segmentation,
    applications: pd.DataFrame,
    *,
    probability: pd.Series | None = None,
    n_features: int = 4,
    level: float = 0.95,
) -> pd.DataFrame:
    """Each segment in words and figures.

    Parameters
    ----------
    segmentation : Segmentation
    applications : DataFrame of shape (n_rows,)
        The segmentation's columns, approved, booked, default_flag (missing where unknown), and
        booked_amount or amount (fen).
    probability : Series, index of `applications`, optional
        Of default, as the grade says it; missing where there is none.
    n_features : int
        So many columns at most say what sets a segment apart: those whose normal scores differ most
        from the others', by at least 0.2 standard deviations, none that goes with one already named
        (a correlation above 0.7).
    level : float
        Confidence level of the bad rate's interval, in (0, 1).

    Returns
    -------
    DataFrame, index segment
        name (short words: high or low in what sets it apart the most, "between the others" where
        nothing does), apart (words: the median of the segment and of all others, or the share
        without a value),
        applicants, share, approval_rate, take_up_rate (booked ÷ approved), loans (of known
        outcome), bad, bad_rate, bad_low, bad_high (Jeffreys), too_few (fewer than 30 bads:
        go by the interval); where there is a probability, expected_bad, p_value (exact binomial,
        two-sided, at the mean probability, after Holm) and beyond_grade (it is at most .05);
        average_ticket_amount (of the booked, units of the currency), median_score.

    Raises
    ------
    DataContractError
        A column is missing.

    Source
    ------
    Holm (1979), Scandinavian Journal of Statistics 6; riskkit definition.
    """
    check_level(level)
    require_columns(applications, ["approved", "booked", "default_flag"], "applications")
    if probability is not None:
        same_rows(applications=applications, probability=probability)
    segment = segmentation.assign(applications).to_numpy()
    coded = segmentation.coded(applications)
    lent = applications["booked_amount" if "booked_amount" in applications else "amount"]
    rows = {}
    names = _names(segmentation, coded, segment, n_features)
    for number in range(1, segmentation.k + 1):
        here = segment == number
        part = applications[here]
        known = part["default_flag"].dropna()
        n, bad = len(known), float(known.sum())
        low, high = rate_interval(bad, n, level)
        rows[number] = {
            "name": names[number],
            "apart": _apart(segmentation, applications, coded, here, n_features),
            "applicants": int(here.sum()),
            "share": here.mean(),
            "approval_rate": part["approved"].mean(),
            "take_up_rate": part["booked"].sum() / max(part["approved"].sum(), 1),
            "loans": n,
            "bad": int(bad),
            "bad_rate": bad / n if n else np.nan,
            "bad_low": low,
            "bad_high": high,
            "too_few": bad < FEWEST_BAD,
            **({} if probability is None else _expected(part["default_flag"], probability)),
            "average_ticket_amount": lent[here & applications["booked"].to_numpy()].mean() / 100,
            "median_score": part[SCORE].median(),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("segment")
    if probability is not None:
        table["p_value"] = holm(table["p_value"])
        place = table.columns.get_loc("p_value") + 1
        table.insert(place, "beyond_grade", table["p_value"] <= SIGNIFICANT)
    return table


def _expected(flag: pd.Series, probability: pd.Series) -> dict[str, float]:
    """Bads that the grades of loans of known outcome let expect, and how likely others are."""
    chances = probability[flag.index]
    judged = flag.notna() & chances.notna()
    n, expected = int(judged.sum()), float(chances[judged].sum())
    if not 0 < expected < n:
        return {"expected_bad": expected, "p_value": np.nan}
    p_value = stats.binomtest(int(flag[judged].sum()), n, expected / n).pvalue
    return {"expected_bad": expected, "p_value": float(p_value)}


def _sets_apart(coded: Array, here: Array, most: int) -> list[tuple[int, float]]:
    """Columns that set the rows apart from all others, the clearest first, and by how much."""
    if here.all() or not here.any():
        return []
    gap = coded[here].mean(axis=0) - coded[~here].mean(axis=0)
    order = np.argsort(-np.abs(gap), kind="stable")
    with np.errstate(invalid="ignore", divide="ignore"):
        alike = np.nan_to_num(np.abs(np.corrcoef(coded, rowvar=False)))
    named: list[int] = []
    for place in order:
        if len(named) == most or abs(gap[place]) < LEAST_APART:
            break
        if not any(alike[place, other] > MOST_ALIKE for other in named):
            named.append(int(place))
    return [(place, float(gap[place])) for place in named]


def _apart(
    segmentation: Segmentation, X: pd.DataFrame, coded: Array, here: Array, most: int
) -> str:
    """What sets the rows apart from all others, in words."""
    places = [place for place, _ in _sets_apart(coded, here, most)]
    return "; ".join(_difference(segmentation, X, here, place) for place in places)


def _names(segmentation: Segmentation, coded: Array, segment: Array, most: int) -> dict[int, str]:
    """A short name for each segment, by its number; as long as it takes to differ from others."""
    numbers = range(1, segmentation.k + 1)
    words = {
        number: [
            _high_or_low(segmentation, place, gap)
            for place, gap in _sets_apart(coded, segment == number, most)
        ]
        for number in numbers
    }
    for size in range(NAMED_BY, most + 1):
        names = {number: ", ".join(words[number][:size]) or BETWEEN for number in numbers}
        if len(set(names.values())) == len(names):
            return names
    return {number: f"{name} ({number})" for number, name in names.items()}


def _high_or_low(segmentation: Segmentation, place: int, gap: float) -> str:
    n_columns = len(segmentation.columns)
    if place >= n_columns:
        label = segmentation.marks[place - n_columns].label
        return label if gap > 0 else f"seldom {label}"
    label = segmentation.columns[place].label
    # a capital that begins a sentence; "GPS" keeps its own
    plain = label[0].lower() + label[1:] if label[1:2].islower() else label
    return f"{plain} {'high' if gap > 0 else 'low'}"


def _difference(segmentation: Segmentation, X: pd.DataFrame, here: Array, place: int) -> str:
    n_columns = len(segmentation.columns)
    if place >= n_columns:
        mark = segmentation.marks[place - n_columns]
        flags = mark.flags(X)
        return f"{mark.label}: {flags[here].mean():.0%}, others {flags[~here].mean():.0%}"
    column = segmentation.columns[place]
    known = column.known(X[column.name])
    own, others = known[here].median(), known[~here].median()
    if own == others:  # counts whose medians are equal
        own, others = known[here].mean(), known[~here].mean()
        own_text = f"{_value(own, column.unit)} on average"
    else:
        own_text = _value(own, column.unit)
    return f"{column.label} {own_text}, others {_value(others, column.unit)}"


def _value(value: float, unit: str) -> str:
    if np.isnan(value):
        return "not known"
    if unit == "fraction":
        return f"{value:.0%}"
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:,.2g}"


def segment_use_text(segments: pd.DataFrame, returned: pd.DataFrame | None = None) -> str:
    """Sentences on what the segments tell that grades do not, and what follows, as Markdown.

    Parameters
    ----------
    segments : DataFrame
        Of :func:`segment_table`, with a probability.
    returned : DataFrame, optional
        Of :func:`retention` by segment: whether they differ in coming back, by Pearson's test.

    Returns
    -------
    str

    Source
    ------
    Pearson (1900), Philosophical Magazine 50, on χ²; riskkit definition.
    """
    judged = segments[segments["p_value"].notna()]
    beyond = judged[judged["beyond_grade"]]
    if judged.empty:
        text = "No segment has loans of known outcome to be judged by. "
    elif len(beyond):
        told = "; ".join(
            f"segment {number} ({verbatim(row['name'])}): {row['bad']:,} bads, "
            f"{row['expected_bad']:,.0f} expected"
            for number, row in beyond.iterrows()
        )
        text = (
            f"Their grades let expect other numbers of bads, beyond chance, in {told}. Price and "
            "limit follow the grade and miss that: the score is to be mended, not the offer. "
        )
    else:
        text = (
            "In no segment do loans fail more or less often than their grades let expect, beyond "
            "chance: for price and limit nothing follows from a segment. "
        )
    differs = np.nan if returned is None else _returns_differ(returned)
    if returned is None or np.isnan(differs):
        return text + "Whether they come back differently cannot be said."
    low, high = returned["return_rate"].min(), returned["return_rate"].max()
    told = f"from {low:.1%} to {high:.1%} of a segment come back within a year"
    if differs <= SIGNIFICANT:
        return text + f"They differ in coming back ({p_text(differs)}): {told}."
    return text + (
        f"Nor do they differ in coming back ({p_text(differs)}): {told}. Nobody is to be written "
        "to for a segment alone."
    )


def _returns_differ(returned: pd.DataFrame) -> float:
    """P-value of Pearson's test that all come back alike; NaN where there is nothing to test."""
    came = returned["returned"].to_numpy(float)
    counts = np.stack([came, returned["customers"].to_numpy(float) - came])
    if counts.shape[1] < 2 or (counts.sum(axis=1) == 0).any():
        return np.nan
    return float(stats.chi2_contingency(counts, correction=False).pvalue)
