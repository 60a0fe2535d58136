"""Whom a model treats how: approval, bad rates and calibration by protected group.

Takes who would be approved and what groups applicants belong to; gives a row per group. Of several
groups one misses by chance: what is called beyond chance is so for all of them together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from riskkit import metrics
from riskkit.checks import flag_array, numeric_array, same_rows
from riskkit.evidence.grades import exact_p_values
from riskkit.evidence.segments import bands
from riskkit.schema import Feature

__all__ = [
    "FOUR_FIFTHS",
    "RECOMMENDED",
    "TODAY",
    "check_validation",
    "fairness_at_rate",
    "fairness_of_rules",
    "fairness_table",
    "protected_groups",
]

Array = NDArray[np.float64]

# below four fifths of the best-placed group's rate, United States agencies see adverse impact
FOUR_FIFTHS = 0.8
# what decides, as tables and findings call it
TODAY, RECOMMENDED, BEST = "today's policy", "recommended rule", "best cutoff, not recommended"
# what of a table asks a model
PREDICTED = [
    *("predicted_rate", "expected_bad", "bads_to_expected", "bads_low", "bads_high"),
    *("p_value", "adjusted_p_value"),
]


def check_validation(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Refuse an `approval_rate` that is no share; 0 takes today's. None is without effect.

    Raises
    ------
    ValueError
    """
    rate = parameters.get("approval_rate", 0.0)
    if not 0 <= rate < 1:
        raise ValueError(f"approval_rate must lie in [0, 1), got {rate!r}")
    return {}


def protected_groups(
    applications: pd.DataFrame, features: Sequence[Feature], *, n_bands: int = 4
) -> pd.DataFrame:
    """Groups by each protected attribute.

    Parameters
    ----------
    applications : DataFrame of shape (n_rows,)
    features : sequence of Feature
        Those protected, and in the applications, are used.
    n_bands : int
        A number is cut at its quantiles into so many bands at most.

    Returns
    -------
    DataFrame of categories, index of `applications`
        A column per attribute, named by its label, bands in the order of their numbers; missing
        where the attribute is, or holds a special code.
    """
    groups = pd.DataFrame(index=applications.index)
    for feature in features:
        if not (feature.protected and feature.name in applications):
            continue
        values = applications[feature.name]
        if pd.api.types.is_bool_dtype(values):
            groups[feature.label] = values.map({True: "yes", False: "no"}).astype("category")
        elif feature.kind == "numeric":
            values = values.mask(values.isin(list(feature.special_codes)))
            groups[feature.label] = bands(values, n_bands)
        else:
            groups[feature.label] = values.astype("category")
    return groups


def fairness_table(
    approved: ArrayLike,
    y: ArrayLike,
    probability: ArrayLike,
    groups: pd.DataFrame,
    *,
    min_rows: int = 30,
    level: float = 0.95,
) -> pd.DataFrame:
    """Who would be approved, who turns out bad, and whether the model is right, by group.

    Parameters
    ----------
    approved : bool array of shape (n_rows,)
        Who passes the cutoff.
    y : array of shape (n_rows,)
        1 bad, 0 good, missing unknown.
    probability : array of shape (n_rows,)
        Predicted probability of bad.
    groups : DataFrame of shape (n_rows, n_attributes)
        Of :func:`protected_groups`.
    min_rows : int
        Groups of fewer applicants are no reference.
    level : float
        Confidence level of the intervals, in (0, 1).

    Returns
    -------
    DataFrame, index (attribute, group)
        applicants, approval_rate; impact_ratio (approval rate ÷ that of the attribute's group with
        the highest, 1 for that one; NaN where all groups are small or nobody is approved),
        impact_low, impact_high; is_reference (bool: that group, which cannot fall below);
        below_four_fifths (bool: the ratio is), beyond_chance (bool: so is the upper end of its
        interval, at a one-sided level that holds for all groups but the references together);
        loans (with an outcome), bad, bad_rate, bad_low, bad_high (Jeffreys), predicted_rate (mean
        over these loans), expected_bad; bads_to_expected with bads_low, bads_high (exact,
        Clopper–Pearson); p_value (exact binomial, two-sided), adjusted_p_value (times the number
        of groups with a loan, at most 1). Outcomes are of loans the old policy granted. Attribute
        ``approval_rate``: of all rows, those that tell no group included.

    Source
    ------
    Uniform Guidelines on Employee Selection Procedures, 29 CFR 1607.4 D (four fifths); Newcombe
    (2016), MOVER-R confidence intervals for ratios and products of two independently estimated
    quantities, Statistical Methods in Medical Research 25(5), from the Jeffreys intervals of both
    rates: a group approved to the last one is no certainty.
    """
    same_rows(approved=approved, y=y, probability=probability, groups=groups)
    passed = flag_array(approved, "approved", len(groups))
    flags, predicted = (
        numeric_array(values, name, len(groups)).astype(float)
        for name, values in (("y", y), ("probability", probability))
    )
    tables = {}
    for attribute in groups.columns:
        column = groups[attribute].astype("category")
        code = column.cat.codes.to_numpy()
        rows = {}
        for number, group in enumerate(column.cat.categories):
            here = code == number
            if not here.any():
                continue
            known = here & ~np.isnan(flags)
            n, bad = known.sum(), flags[known].sum()
            low, high = metrics.jeffreys_interval(bad, n, level) if n else (np.nan, np.nan)
            mean = predicted[known].mean() if n else np.nan
            rows[group] = {
                "applicants": int(here.sum()),
                "approved": int(passed[here].sum()),
                "loans": int(n),
                "bad": int(bad),
                "bad_rate": bad / n if n else np.nan,
                "bad_low": float(low),
                "bad_high": float(high),
                "predicted_rate": mean,
            }
        if not rows:
            continue
        table = pd.DataFrame.from_dict(rows, orient="index")
        n, k = table["applicants"].to_numpy(float), table.pop("approved").to_numpy(float)
        rate = k / n
        ratio, below, above = _impact(k, n, np.where(n >= min_rows, rate, -1.0), level)
        table.insert(1, "approval_rate", rate)
        table.insert(2, "impact_ratio", ratio)
        table.insert(3, "impact_low", below)
        table.insert(4, "impact_high", above)
        best = (ratio == 1) & (below == 1) & (above == 1)
        table.insert(5, "is_reference", best)
        table.insert(6, "below_four_fifths", ratio < FOUR_FIFTHS)
        table.insert(7, "approved", k)
        tables[attribute] = table
    names = ["attribute", "group"]
    if tables:
        found = _against_expected(pd.concat(tables, names=names), level)
        found.insert(7, "beyond_chance", _surely_below(found, min_rows, level))
        found = found.drop(columns="approved")
    else:
        index = pd.MultiIndex.from_arrays([[], []], names=names)
        found = pd.DataFrame(columns=["approval_rate"], index=index)
    found.attrs["approval_rate"] = float(passed.mean())
    return found


def _against_expected(found: pd.DataFrame, level: float) -> pd.DataFrame:
    """The table with bads against those expected: their ratio, its exact interval, p-values."""
    n, bad = found["loans"].to_numpy(float), found["bad"].to_numpy(float)
    rate = found["predicted_rate"].to_numpy(float)
    low = np.where(bad > 0, special.betaincinv(bad, n - bad + 1, (1 - level) / 2), 0.0)
    high = np.where(bad < n, special.betaincinv(bad + 1, n - bad, (1 + level) / 2), 1.0)
    told = n > 0
    p_values = np.full(len(found), np.nan)
    p_values[told] = exact_p_values(bad[told], n[told], rate[told])
    return found.assign(
        expected_bad=n * rate,
        bads_to_expected=found["bad_rate"] / rate,
        bads_low=np.where(told, low, np.nan) / rate,
        bads_high=np.where(told, high, np.nan) / rate,
        p_value=p_values,
        adjusted_p_value=np.minimum(p_values * told.sum(), 1.0),
    )


def _surely_below(found: pd.DataFrame, min_rows: int, level: float) -> Array:
    """Whether a ratio lies below four fifths with its whole interval, all groups together."""
    others = max(int((found["impact_ratio"].notna() & ~found["is_reference"]).sum()), 1)
    # one-sided, since only what lies below is asked; never narrower than the interval shown
    wide = 1 - min(2 / others, 1) * (1 - level)
    surely = []
    for _, table in found.groupby(level=0, sort=False):
        n, k = (table[name].to_numpy(float) for name in ("applicants", "approved"))
        eligible = np.where(n >= min_rows, k / n, -1.0)
        surely.append(_impact(k, n, eligible, wide)[2] < FOUR_FIFTHS)
    return np.concatenate(surely)


def fairness_at_rate(
    scores: pd.DataFrame,
    y: pd.Series,
    probability: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    approval_rate: float,
) -> dict[str, pd.DataFrame]:
    """The table of each model at the cutoff that approves one share of all.

    Parameters
    ----------
    scores, probability : DataFrame of shape (n_rows, n_models)
        Higher scores are safer.
    y, groups
        As in :func:`fairness_table`.
    approval_rate : float
        A fraction; scores are whole points, so the next share attainable is approved.

    Returns
    -------
    dict of model to DataFrame
        Of :func:`fairness_table`.
    """
    return {
        str(name): fairness_table(
            column >= column.quantile(1 - approval_rate), y, probability[name], groups
        )
        for name, column in scores.items()
    }


def fairness_of_rules(
    scores: pd.DataFrame, probability: pd.DataFrame, groups: pd.DataFrame, rules: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The table of today's policy and of the best rule found, as they decide.

    Parameters
    ----------
    scores : DataFrame of shape (n_rows,)
        approved (bool, by today's policy), default_flag, and a column per model.
    probability : DataFrame of shape (n_rows, n_models)
    groups : DataFrame of shape (n_rows, n_attributes)
    rules : DataFrame
        Of :func:`strategy.rules_table`.

    Returns
    -------
    dict of str to DataFrame
        "today's policy", where it declined anybody, and "recommended rule", or "best cutoff, not
        recommended" where it earns no more beyond chance, as far as there are any: of
        :func:`fairness_table`; a rule that asks no model predicts nothing.
    """
    same_rows(scores=scores, probability=probability, groups=groups)
    found = {}
    for rule in rules.to_dict("records"):
        if not (rule["is_taken"] or (rule["is_behind"] and not rule["model"])):
            continue
        passed = scores["approved"].to_numpy(bool) if rule["is_behind"] else np.True_
        if rule["model"]:
            passed = passed & (scores[rule["model"]] >= rule["cutoff"]).to_numpy()
        # the least that tells rows apart: nobody asks what a policy without a model predicts
        chances = probability[rule["model"] or probability.columns[0]]
        table = fairness_table(passed, scores["default_flag"], chances, groups)
        silent = [] if rule["model"] else PREDICTED
        name = RECOMMENDED if rule["is_recommended"] else BEST
        found[name if rule["model"] else TODAY] = table.drop(columns=silent, errors="ignore")
    return found


def _impact(k: Array, n: Array, eligible: Array, level: float) -> tuple[Array, Array, Array]:
    """Ratio of each rate to the highest eligible one, with its interval."""
    best = int(np.argmax(eligible))
    if not eligible[best] > 0:
        none = np.full(len(n), np.nan)
        return none, none, none
    rate = k / n
    low, high = metrics.jeffreys_interval(k, n, level)
    product = rate * rate[best]
    # the lower end from the least of the group and the most of the reference, the upper one from
    # the opposite; each squared error is what an interval of one rate alone adds to it
    least, most = low * (2 * rate - low), high * (2 * rate - high)
    root = np.sqrt(product**2 - least * most[best])
    below = np.divide(least, product + root, out=np.zeros(len(n)), where=k > 0)
    above = (product + np.sqrt(product**2 - most * least[best])) / least[best]
    below[best] = above[best] = 1.0  # the reference against itself
    return rate / rate[best], below, above
