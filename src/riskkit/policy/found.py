"""What of the policy deserves attention.

Takes the tables of this room; gives findings: a topic, a sentence, and whether it is red.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from riskkit.chance import MIN_BADS, p_text, rate_text

__all__ = ["policy_findings"]


def policy_findings(
    *,
    effects: pd.DataFrame | None = None,
    judged: pd.DataFrame | None = None,
    policy: str = "",
    overrides: pd.DataFrame | None = None,
    exploration: pd.DataFrame | None = None,
    left_out: str = "",
) -> list[tuple[str, str, bool]]:
    """Rules that turn good customers away, rules that are lacking, decisions that went wrong.

    Parameters
    ----------
    effects : DataFrame, optional
        Of :func:`rule_effects`.
    judged : DataFrame, optional
        Of :func:`judge_mined`, on those whom the policy that is recommended leaves over: a rule
        that finds only whom that policy declines is none to be tried.
    policy : str
        What that policy is called.
    overrides : DataFrame, optional
        Of :func:`override_table`.
    exploration : DataFrame, optional
        Of :func:`exploration_table`.
    left_out : str
        Of :func:`applicable`.

    Returns
    -------
    list of (topic, text, is_red)
        Red where decisions by hand or past a rule did worse than their scores expect, beyond
        chance; all else is amber.

    Source
    ------
    riskkit definition.

    Examples
    --------
    >>> policy_findings(left_out="debt is not asked: the applications have no column debt")
    [('Policy rules', 'debt is not asked: the applications have no column debt', False)]
    """
    told: list[tuple[str, str, bool]] = []
    if left_out:
        told += [("Policy rules", left_out, False)]
    if effects is not None:
        for name, row in effects[effects["verdict"] == "better than the margin"].iterrows():
            seen = rate_text(row["alone_bad"], row["alone_loans"])
            text = (
                f"{name} turns good customers away: those whom nothing else declines have a bad "
                f"rate of {seen}, against {rate_text(row['margin_bad'], row['margin_loans'])} of "
                f"the approved margin ({p_text(row['p_value'])} after Holm)"
            )
            told += [("Policy rules", text, False)]
    if judged is not None and (judged["verdict"] == "holds").any():
        held = judged[judged["verdict"] == "holds"]
        best = held.iloc[0]
        few = ", few" if best["bad"] < MIN_BADS else ""
        text = (
            f"{len(held)} of {len(judged)} rules that were mined hold on loans that did not choose "
            f"them{f', behind {policy}' if policy else ''}; the first, {best['rule']}: "
            f"{rate_text(best['bad'], best['loans'])}{few}"
        )
        told += [("Mined rules", text, False)]
    told += [("Overrides", text, True) for text in _worse(overrides)]
    told += [("Exploration", text, False) for text in _worse(exploration)]
    return told


def _worse(table: pd.DataFrame | None) -> Iterator[str]:
    """Kinds of decisions whose loans did worse than their scores expect, in words."""
    if table is None:
        return
    for name, row in table[table["verdict"] == "worse than the score expects"].iterrows():
        seen = rate_text(row["bad"], row["loans"])
        expected = f"{row['expected_rate']:.1%} ({p_text(row['p_value'])})"
        yield f"{name}: {seen}; their scores expect {expected}"
