"""What the provision would be were one of its parameters another.

Takes what :func:`riskkit.provisions.loan_ecl` takes; gives a row for each change.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit.provisions.book_loss import LossModel, Outlook, losses_under

__all__ = ["sensitivity_table"]

_WORSE_CLIMATES = 0.1, 0.5
_OTHER_RATIOS = 1.5, 3.0
_BACKSTOP = 0.2  # seen in supervisors' reviews; to be verified


def sensitivity_table(
    book: pd.DataFrame,
    model: LossModel,
    kinds: pd.DataFrame,
    outlook: Outlook | None = None,
) -> pd.DataFrame:
    """Expected credit loss under one changed parameter each.

    Parameters
    ----------
    book, model, kinds, outlook
        As in :func:`riskkit.provisions.loan_ecl`.

    Returns
    -------
    DataFrame, index change
        `ecl_amount` (fen), `difference_amount` and `difference_rate` (of the first row, "as it
        is"), `probability_12m` (mean over loans not in stage 3), `stage_2_balance`: the climate
        ahead 0.1 and 0.5 worse, the loss given default at both ends of its interval and a tenth
        higher, each scenario alone, the ratio from which risk has risen significantly at 1.5 and 3,
        and stage 2 from a default probability of 20 % within 12 months on. A climate is in log-odds
        of a missed payment: what it does to defaults is what `probability_12m` does.

    Source
    ------
    riskkit definition.
    """
    outlook = outlook or Outlook()
    base, factor, at = outlook.scenarios, outlook.downturn_lgd_factor, model.lgd.at_default
    cases = {"as it is": outlook}
    for worse in _WORSE_CLIMATES:
        moved = base.assign(climate=base["climate"] + worse)
        cases[f"climate {worse:g} log-odds worse ahead"] = replace(outlook, scenarios=moved)
    for end in ("lgd_low", "lgd_high"):
        if at["lgd"] > 0:
            changed = max(at[end], 0) / at["lgd"] * factor
            name = f"loss given default {max(at[end], 0):.1%}"
            cases[name] = replace(outlook, downturn_lgd_factor=changed)
    cases["a tenth more lost of each default"] = replace(outlook, downturn_lgd_factor=factor * 1.1)
    for name in base.index if len(base) > 1 else []:
        alone = base.loc[[name]].assign(weight=1.0)
        cases[f"{name} alone"] = replace(outlook, scenarios=alone)
    for ratio in _OTHER_RATIOS:
        if ratio != outlook.rules.significant_ratio:
            rules = replace(outlook.rules, significant_ratio=ratio)
            cases[f"significant from {ratio:g} times"] = replace(outlook, rules=rules)
    if outlook.rules.backstop_probability > _BACKSTOP:
        rules = replace(outlook.rules, backstop_probability=_BACKSTOP)
        cases[f"stage 2 from {_BACKSTOP:.0%} in 12 months"] = replace(outlook, rules=rules)
    found = {}
    columns = ["stage", "balance", "ecl_amount", "probability_12m"]
    tables = losses_under(book, model, kinds, list(cases.values()), columns)
    for name, loans in zip(cases, tables, strict=True):
        second = loans["balance"][loans["stage"] == 2].sum()
        found[name] = {
            "ecl_amount": loans["ecl_amount"].sum(),
            "probability_12m": loans["probability_12m"][loans["stage"] < 3].mean(),
            "stage_2_balance": second,
        }
    table = pd.DataFrame.from_dict(found, orient="index")
    table = table.astype(dict.fromkeys(["ecl_amount", "stage_2_balance"], "int64"))
    as_it_is = table["ecl_amount"].iloc[0]
    difference = table["ecl_amount"] - as_it_is
    table.insert(1, "difference_amount", difference)
    table.insert(2, "difference_rate", difference / (as_it_is if as_it_is else np.nan))
    return table.rename_axis(index="change")
