"""A cutoff somebody has decided on: who, why, for which model, and what became of it.

Takes the file that the cutoff explorer leaves and loans that did not choose it; gives the decided
rule beside today's policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from riskkit.checks import DataContractError, require_signed
from riskkit.columns import verbatim
from riskkit.strategy.recommend import DECIDED, Rule
from riskkit.strategy.words import bad_rate_text, money_text
from riskkit.tables import JsonModel, stored

__all__ = [
    "Decision",
    "decision_figures",
    "decision_text",
]

ALL = "all"  # the one segment there is so far
# fewer bads say too little of a bad rate
_FEW_BADS = 30


@stored
@dataclass
class StoredDecision:
    """What the file of a decision holds."""

    model: str
    model_sha256: str
    cutoffs: dict[str, float]
    behind_policy: bool
    by: str
    reason: str
    decided_at: str
    chosen_on: str


@dataclass(frozen=True, kw_only=True)
class Decision(JsonModel):
    """From which score of which model on somebody has decided to approve.

    Parameters
    ----------
    model : str
        Name of its column of scores, such as ``scorecard``.
    model_sha256 : str
        Checksum of the model, as its file holds it.
    cutoffs : mapping of segment to float
        Approved at or above; so far the one segment ``all``.
    behind_policy : bool
        As a second hurdle behind today's policy, or as the only rule.
    by, reason : str
        Who decided, and why; not empty.
    decided_at : str
        ISO time, UTC.
    chosen_on : str
        The loans that were looked at, in words.

    Raises
    ------
    ValueError
        A name or reason is empty or too long, another segment than ``all``, a cutoff or a time that
        is none.
    """

    json_kind = "riskkit.Decision"
    json_shape = StoredDecision

    model: str
    model_sha256: str
    cutoffs: Mapping[str, float]
    behind_policy: bool
    by: str
    reason: str
    decided_at: str
    chosen_on: str

    def __post_init__(self) -> None:
        require_signed(self.by, self.reason)
        if set(self.cutoffs) != {ALL}:
            raise ValueError(f"cutoffs has the one segment {ALL!r}, got {sorted(self.cutoffs)}")
        if not np.isfinite(self.cutoff):
            raise ValueError(f"a cutoff must be finite, got {self.cutoff!r}")
        if datetime.fromisoformat(self.decided_at).tzinfo is None:
            raise ValueError(f"decided_at needs a time zone, got {self.decided_at!r}")

    @property
    def cutoff(self) -> float:
        """Points from which on to approve."""
        return float(self.cutoffs[ALL])

    @property
    def rule(self) -> Rule:
        """What has been decided."""
        return Rule(self.model, self.cutoff, self.behind_policy)

    @property
    def rule_text(self) -> str:
        """What has been decided, in words."""
        at = f"{self.cutoff:.10g} of the {self.model}"
        if self.behind_policy:
            return f"keep today's policy and decline below {at}"
        return f"approve from {at} on"

    @property
    def day(self) -> str:
        """Day of the decision, UTC."""
        return f"{datetime.fromisoformat(self.decided_at).astimezone(UTC):%Y-%m-%d}"

    def require_model(self, sha256: Mapping[str, str]) -> None:
        """Refuse to decide by another model than the one that was looked at.

        Parameters
        ----------
        sha256 : mapping of model to str
            Checksums of the models there are.

        Raises
        ------
        ValueError
        """
        found = sha256.get(self.model)
        if found is None:
            raise ValueError(
                f"the decision is about the {self.model}, and there are only {sorted(sha256)}"
            )
        if found != self.model_sha256:
            raise ValueError(
                f"the decision of {self.day} was made for another {self.model} "
                f"({self.model_sha256[:12]}…, this one is {found[:12]}…): the same score means "
                "another risk now; decide again in 04_cutoffs, or leave the decision out"
            )

    @classmethod
    def beside(cls, path: str | Path | None, files: Mapping[str, str | Path]) -> Self | None:
        """A decision about one of these models; None where there is none yet.

        Parameters
        ----------
        path : path or None
            Of the decision; one that JupyterLab would write, and has not yet, is none.
        files : mapping of model to path

        Raises
        ------
        DataContractError
            The file holds no decision, or one about another model.
        """
        if path is None or (isinstance(path, Path) and not path.exists()):
            return None
        decision = cls.load(path)
        try:
            decision.require_model({name: cls.checksum_of(file) for name, file in files.items()})
        except ValueError as error:
            raise DataContractError(Path(path).name, [str(error)]) from None
        return decision

    def _values(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        return cls(**values)


def decision_figures(
    decision: Decision, policies: pd.DataFrame, currency: str, rate_name: str, *, mark: str = ""
) -> dict[str, str]:
    """What the front page shows of a decision: label → text.

    Parameters
    ----------
    decision : Decision
    policies : DataFrame
        Of :func:`judge_rule`.
    currency, rate_name, mark
        As in :func:`recommendation_figures`.
    """
    today, row = policies.index[0], policies.loc[DECIDED]
    figures = {
        "Decided": f"{decision.rule_text} ({decision.by}, {decision.day})",
        f"{rate_name.capitalize()} as decided": f"{row['approval_rate']:.1%}",
        "Bad rate as decided": bad_rate_text(row, short=True),
    }
    gain = _gain(decision, row)
    expected = "expected " if gain.startswith("expected") else ""
    if pd.notna(row[f"{gain}_amount"]):
        label = f"Profit as decided, {expected}less that of {today}{mark}"
        figures[label] = money_text(row, gain, currency, signed=True)
    return figures


def decision_text(
    decision: Decision,
    policies: pd.DataFrame,
    currency: str,
    rate_name: str,
    *,
    judged: str,
    assumed: str = "",
) -> str:
    """Sentences on a decision and what it brings on loans that did not choose it, as Markdown.

    Parameters
    ----------
    decision, policies, currency, rate_name
        As in :func:`decision_figures`.
    judged : str
        What the loans are called, such as "judged months".
    assumed : str
        What stands behind each verdict on money, such as " on these assumed economics".
    """
    today, row = policies.index[0], policies.loc[DECIDED]
    text = (
        f"**Decided: {verbatim(decision.rule_text)}**, by {verbatim(decision.by)} on "
        f"{decision.day}: {verbatim(decision.reason)}. It was chosen on "
        f"{verbatim(decision.chosen_on)}. On the {judged}, whose loans did not choose it, it "
        f"approves {row['applications']:,.0f} "
        f"({rate_name} {row['approval_rate']:.1%})"
    )
    if not row["loans"]:
        return f"{text}, of whose loans no outcome is known: there is nothing to say of them."
    text += f"; bad rate {bad_rate_text(row, short=True)}"
    if row["bad"] < _FEW_BADS:
        text += f", on {row['bad']:.0f} bads, too few to say much"
    gain = _gain(decision, row)
    if pd.isna(row[f"{gain}_amount"]):
        return f"{text}. What it earns cannot be said."
    expected = "is expected to earn" if gain.startswith("expected") else "earns"
    amount = money_text(row, gain, verbatim(currency), signed=True)
    low, high = row[f"{gain}_low"], row[f"{gain}_high"]
    verdict = "which these loans cannot tell from nothing"
    if low > 0:
        verdict = f"more than chance gives{assumed}"
    elif high < 0:
        verdict = f"**a loss beyond chance**{assumed}"
    return f"{text}. Against {today} it {expected} {amount}, {verdict}."


def _gain(decision: Decision, row: pd.Series) -> str:
    """Which gain tells of the rule: that of loans seen, where all whom it approves were seen."""
    seen = decision.behind_policy or not row["never_booked_rate"] > 0
    return "gain" if seen else "expected_gain"
