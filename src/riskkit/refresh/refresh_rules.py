"""Which part of the model to fit again, by rule, and what that would gain.

Takes gains; gives a row per part, and what it says in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from riskkit.columns import interval_text
from riskkit.refresh.gain import Gain

__all__ = [
    "RULES", "RefreshRule", "refresh_findings", "refresh_shown", "refresh_table", "refresh_text",
]  # fmt: skip

REFIT, WATCH, KEEP, TOO_FEW, UNKNOWN = (
    "refit", "watch", "keep", "too few to say", "not looked at",
)  # fmt: skip


@dataclass(frozen=True)
class RefreshRule:
    """When a part is fitted again.

    Parameters
    ----------
    sign : str
        What is looked at, in words.
    least_off : float
        How far the sign must be off what it would be if the part were right, beyond chance; 0 where
        the gain alone decides.
    least_gain : float
        Least gain worth a refit; the gain must be above 0 beyond chance, too.
    unit : str
        Of the gain.
    """

    sign: str
    least_off: float
    least_gain: float
    unit: str

    def __post_init__(self) -> None:
        if not (self.least_off >= 0 and self.least_gain >= 0):
            raise ValueError(
                f"thresholds must be >= 0, got {self.least_off!r} and {self.least_gain!r}"
            )


RULES = {
    "binning": RefreshRule("Gini in use", 0.0, 0.01, "Gini"),
    "coefficients": RefreshRule("Gini in use", 0.0, 0.01, "Gini"),
    "calibration": RefreshRule("bads over promised", 0.10, 0.0, "log loss a loan"),
    "cutoff": RefreshRule("profit of the ten points above it", 0.0, 0.0, "profit"),
    "hazard": RefreshRule("defaults over expected", 0.10, 0.0, "log likelihood, 1,000 loan-months"),
}


def refresh_table(
    gains: Mapping[str, Gain], *, rules: Mapping[str, RefreshRule] = RULES
) -> pd.DataFrame:
    """Which part of the model to fit again, by rule, with the gain to be expected.

    A part is refitted where it is off beyond chance by more than its rule allows *and* the refit
    gains beyond chance, at least what the rule asks, on later loans that did not teach it. Where
    only one of the two holds it is watched. Nothing is replaced: a refit is a proposal.

    Parameters
    ----------
    gains : mapping of part to Gain
        Of "binning", "coefficients", "calibration", "cutoff", "hazard"; one that is absent was not
        looked at.
    rules : mapping of part to RefreshRule
        By default :data:`RULES`.

    Returns
    -------
    DataFrame, index part
        `sign_of` (in words), `sign`, `sign_low`, `sign_high`, `least_off`; `gain`, `gain_low`,
        `gain_high`, `unit`, `least_gain`; `loans`; `told`: "refit", "watch", "keep", "too few to
        say" or "not looked at".

    Raises
    ------
    ValueError
        A part without a rule.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> off = Gain(5000, 1.4, 1.2, 1.6, 1.0, 0.002, 0.001, 0.003)
    >>> refresh_table({"calibration": off})["told"].to_dict()
    ... # doctest: +NORMALIZE_WHITESPACE
    {'binning': 'not looked at', 'coefficients': 'not looked at', 'calibration': 'refit',
     'cutoff': 'not looked at', 'hazard': 'not looked at'}
    """
    if unknown := sorted(set(gains) - set(rules)):
        raise ValueError(f"no rule for {unknown}, there are rules for {list(rules)}")
    rows = {}
    for part, rule in rules.items():
        gain = gains.get(part)
        told = UNKNOWN if gain is None else _verdict(gain, rule)
        own = asdict(gain or Gain())
        neutral = own.pop("neutral")
        rows[part] = {"sign_of": rule.sign, **own, "unit": rule.unit, "told": told}
        rows[part] |= {"least_off": rule.least_off, "least_gain": rule.least_gain}
        rows[part] |= {"neutral": neutral}
    columns = ["sign_of", "sign", "sign_low", "sign_high", "neutral", "least_off", "gain"]
    columns += ["gain_low", "gain_high", "unit", "least_gain", "loans", "told"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("part")
    return table.astype({"loans": np.int64})


def _verdict(gain: Gain, rule: RefreshRule) -> str:
    is_known = not np.isnan(gain.gain)
    if not is_known and (rule.least_off == 0 or np.isnan(gain.sign)):
        return TOO_FEW
    gains = is_known and gain.gain_low > 0 and gain.gain >= rule.least_gain
    if rule.least_off == 0:
        return REFIT if gains else KEEP
    apart = gain.sign_low > gain.neutral or gain.sign_high < gain.neutral
    off = apart and abs(gain.sign - gain.neutral) >= rule.least_off
    if off and gains:
        return REFIT
    return WATCH if off or gains else KEEP


def refresh_text(table: pd.DataFrame, currency: str = "") -> str:
    """What to fit again, what that gains, and what to leave, as Markdown.

    Parameters
    ----------
    table : DataFrame
        Of :func:`refresh_table`.
    currency : str
        Of the profit, whose gain is in fen.

    Source
    ------
    riskkit definition.
    """
    due, watched, kept, few = (
        table[table["told"] == told] for told in (REFIT, WATCH, KEEP, TOO_FEW)
    )
    parts = []
    if len(due):
        told = "; ".join(_told(row, currency) for _, row in due.iterrows())
        parts.append(
            f"**To be fitted again: {', '.join(due.index)}** ({told}). The refit is written beside "
            "the model in use as a proposal, and replaces nothing by itself."
        )
    elif len(kept) + len(watched):
        parts.append("**Nothing is to be fitted again.**")
    if len(watched):
        told = "; ".join(_told(row, currency) for _, row in watched.iterrows())
        parts.append(f"To be watched: {told}.")
    if len(kept):
        parts.append(f"To be left as it is: {', '.join(kept.index)}.")
    if len(few):
        parts.append(f"Too few later loans to say of {', '.join(few.index)}.")
    return " ".join(parts) or "Nothing of the model could be looked at."


def refresh_findings(table: pd.DataFrame, currency: str = "") -> list[tuple[str, str, bool]]:
    """Parts to be fitted again: topic, text, and that it is not red.

    Parameters
    ----------
    table : DataFrame
        Of :func:`refresh_table`.
    currency : str

    Source
    ------
    riskkit definition.
    """
    due = table[table["told"] == REFIT]
    return [
        ("Refresh", f"Fit again: {_told(row, currency)}, a proposal is written", False)
        for _, row in due.iterrows()
    ]


def refresh_shown(table: pd.DataFrame, currency: str = "") -> pd.DataFrame:
    """The parts as a page shows them: each figure with its interval and in its own unit.

    Parameters
    ----------
    table : DataFrame
        Of :func:`refresh_table`.
    currency : str
        Of the profit, whose gain is in fen.

    Returns
    -------
    DataFrame, index part
        Texts `sign`, `value`, `gain`, `judged_on` ("4,399 loans"; hazards are judged on
        loan-months) and `verdict`; "–" where a part was not looked at.

    Source
    ------
    riskkit definition.
    """
    rows = {}
    for part, row in table.iterrows():
        value, gain = _figures(row, currency)
        of = "loan-months" if part == "hazard" else "loans"
        rows[part] = {
            "sign": row["sign_of"],
            "value": "–" if pd.isna(row["sign"]) else value,
            "gain": "–" if pd.isna(row["gain"]) else gain,
            "judged_on": f"{row['loans']:,} {of}" if row["loans"] else "–",
            "verdict": row["told"],
        }
    columns = ["sign", "value", "gain", "judged_on", "verdict"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("part")


def _told(row: pd.Series, currency: str) -> str:
    value, gain = _figures(row, currency)
    return f"{row.name}, {row['sign_of']} {value}, gain {gain}"


def _figures(row: pd.Series, currency: str) -> tuple[str, str]:
    """Sign and gain of a part with their intervals."""
    of_sign, of_gain, unit, per = "number", "four", row["unit"], 1.0
    if row.name == "cutoff":
        of_sign, of_gain, unit, per = "whole", "whole", f"{currency} of profit".strip(), 100.0
    sign, low, high = (row[name] / per for name in ("sign", "sign_low", "sign_high"))
    gain, least, most = (row[name] / per for name in ("gain", "gain_low", "gain_high"))
    value = interval_text(sign, low, high, of_sign)
    if row.name == "cutoff":
        value = f"{value} {currency}".strip()
        if gain == least == most == 0:
            return value, "none, in every fold the cutoff in use earned most"
    return value, f"{interval_text(gain, least, most, of_gain)} {unit}"
