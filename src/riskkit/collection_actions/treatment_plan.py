"""Who is treated how: the plan that is expected to bring the most, beside treating all alike.

Takes open cases, an outlook and the actions there are; gives the plan, one row a case, what it is
expected to gain, with intervals, and words.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, sparse, special

from riskkit.chance import MIN_BADS
from riskkit.checks import check_level, require_columns
from riskkit.collection_actions.actions import NOTHING, Action
from riskkit.collection_actions.case_outlook import Outlook, fit_outlook
from riskkit.collection_actions.cases import gain_text
from riskkit.columns import last_month_end

__all__ = ["current_plan", "past_plans", "plan_gain", "plan_summary", "plan_text", "treatment_plan"]

Array = NDArray[np.float64]

WORKING_DAYS = 21  # of a month
N_DRAWS = 300


def treatment_plan(
    cases: pd.DataFrame,
    outlook: Outlook,
    actions: tuple[Action, ...],
    *,
    working_days: int = WORKING_DAYS,
) -> pd.DataFrame:
    """The action of each case that together bring the most within what can be done in a month.

    A case i left alone goes on to a worse bucket with log-odds λ + δ, where λ is the card's under
    today's collections and δ their effect; action a of strength s takes off s·δ. It is then worth
    balance · (spared share · (1 − q) + rolled share · q) within the horizon. Maximise the sum of
    that less the cost, one action a case (or none), each action at most `per_day` · `working_days`
    times: a transport problem, whose linear program has whole numbers at its corners.

    Parameters
    ----------
    cases : DataFrame
        Of :func:`collection_cases`, those to be treated: one row a loan.
    outlook : Outlook
        Of :func:`fit_outlook`.
    actions : tuple of Action
        Stated, not measured.
    working_days : int

    Returns
    -------
    DataFrame, one row per case, in the order of `cases`
        `loan_id`, `month_end`, `mob`, `bucket`, `balance`; `self_cure_rate`, the probability not to
        go on if left alone; `action`, its `strength`, `cost` (units of the currency);
        `expected_amount`, fen within the horizon; `alone_amount`, of leaving it alone; and
        `alike_amount`, of the plan's mean strength.

    Raises
    ------
    DataContractError
        A missing column.
    ValueError
        `working_days` below 1, or a loan twice.

    Source
    ------
    Dantzig (1963), Linear Programming and Extensions, ch. 14; HiGHS (Huangfu, Hall, 2018) solves
    it. The worth of a case is riskkit's definition.
    """
    require_columns(cases, ["loan_id", "month_end", "mob", "bucket", "balance"], "cases")
    if working_days < 1:
        raise ValueError(f"working_days must be >= 1, got {working_days!r}")
    if cases["loan_id"].duplicated().any():
        raise ValueError("cases must be of different loans, those of one month-end")
    strengths = np.array([0.0, *(action.strength for action in actions)])
    costs = np.array([0.0, *(action.cost for action in actions)])
    names = np.array([NOTHING, *(action.name for action in actions)], dtype=object)
    terms = _Terms(cases, outlook)
    value = np.stack([terms.amount(np.full(len(cases), s)) for s in strengths], axis=1)
    bucket = cases["bucket"].to_numpy()
    allowed = np.stack([bucket >= 0, *(bucket >= action.from_bucket for action in actions)], axis=1)
    room = np.array([len(cases), *(np.floor(a.per_day * working_days) for a in actions)])
    chosen = _best(value / 100 - costs, allowed, room)
    strength = strengths[chosen]
    mean = float(strength.mean()) if len(cases) else 0.0
    return pd.DataFrame(
        {
            **{name: cases[name].array for name in ("loan_id", "month_end", "mob", "bucket")},
            "balance": cases["balance"].array,
            "self_cure_rate": 1 - special.expit(terms.alone),
            "action": names[chosen],
            "strength": strength,
            "cost": costs[chosen],
            "expected_amount": value[np.arange(len(cases)), chosen],
            "alone_amount": value[:, 0],
            "alike_amount": terms.amount(np.full(len(cases), mean)),
        }
    )


def current_plan(
    cases: pd.DataFrame,
    actions: tuple[Action, ...],
    observed_to: pd.Timestamp | str,
    *,
    horizon_months: int = 6,
    working_days: int = WORKING_DAYS,
) -> tuple[pd.DataFrame, pd.DataFrame | None, Outlook | None]:
    """Plan of the cases open at the last month-end, by all that is known by then.

    Parameters
    ----------
    cases : DataFrame
        Of :func:`collection_cases`.
    actions : tuple of Action
    observed_to : date
        Last day seen: the plan is of the last month-end by then.
    horizon_months : int
        That the cases were made with.
    working_days : int

    Returns
    -------
    (DataFrame, DataFrame or None, Outlook or None)
        Of :func:`treatment_plan`, :func:`plan_gain` and :func:`fit_outlook`. No rows, and None,
        where there is no outlook.

    Source
    ------
    riskkit definition.
    """
    day = last_month_end(observed_to)
    outlook = fit_outlook(cases, day, horizon_months=horizon_months)
    if outlook is None:
        return _no_plan(), None, None
    open_cases = cases[cases["month_end"] == day]
    plan = treatment_plan(open_cases, outlook, actions, working_days=working_days)
    return plan, plan_gain(plan, open_cases, outlook), outlook


def _no_plan() -> pd.DataFrame:
    amounts = ["balance", "self_cure_rate", "strength", "cost"]
    amounts += ["expected_amount", "alone_amount", "alike_amount"]
    return pd.DataFrame(columns=["loan_id", "month_end", "mob", "bucket", "action", *amounts])


def past_plans(
    cases: pd.DataFrame,
    actions: tuple[Action, ...],
    observed_to: pd.Timestamp | str,
    *,
    months: int = 6,
    horizon_months: int = 6,
    working_days: int = WORKING_DAYS,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Plans of past month-ends, made with what was known by the first of them, and their gain.

    Parameters
    ----------
    cases : DataFrame
        Of :func:`collection_cases`.
    actions : tuple of Action
    observed_to : date
        Last day seen: the last plan's horizon ends with the last month-end by then.
    months : int
        Month-ends, a plan each.
    horizon_months : int
        That the cases were made with.
    working_days : int

    Returns
    -------
    (DataFrame, DataFrame or None)
        The plans one below the other, as :func:`treatment_plan`; their gain together, as
        :func:`plan_gain`. No rows, and None, where there is no outlook or no case.

    Raises
    ------
    ValueError
        `months` below 1.

    Source
    ------
    riskkit definition.
    """
    if months < 1:
        raise ValueError(f"months must be >= 1, got {months!r}")
    last = last_month_end(observed_to) - pd.offsets.MonthEnd(horizon_months)
    if pd.isna(last):
        return _no_plan(), None
    days = pd.date_range(end=last, periods=months, freq="ME")
    outlook = fit_outlook(cases, days[0], horizon_months=horizon_months)
    asked = cases[cases["month_end"].isin(days)]
    if outlook is None or asked.empty:
        return _no_plan(), None
    parts = [part for _, part in asked.groupby("month_end")]
    plans = [treatment_plan(part, outlook, actions, working_days=working_days) for part in parts]
    plan = pd.concat(plans, ignore_index=True)
    return plan, plan_gain(plan, pd.concat(parts), outlook)


class _Terms:
    """What the worth of each case is made of; a draw of what was estimated moves them."""

    def __init__(self, cases: pd.DataFrame, outlook: Outlook):
        self.balance = cases["balance"].to_numpy(float)
        self.bucket = cases["bucket"].to_numpy()
        self.outlook = outlook
        self.effect = outlook.effect(cases)
        if len(cases):
            self.rolls = outlook.rolls(cases)
            self.place = outlook.place(cases, self.rolls)
        else:
            self.rolls, self.place = np.zeros(0), np.zeros(0, dtype=np.intp)

    @property
    def alone(self) -> Array:
        """Log-odds of a worse bucket, left alone."""
        return np.asarray(self.rolls + self.effect, dtype=float)

    def amount(
        self,
        strength: Array,
        effect: Array | None = None,
        spared: Array | None = None,
        rolled: Array | None = None,
    ) -> Array:
        """Fen expected within the horizon, treated so hard."""
        worth = self.outlook.worth
        effect = self.effect if effect is None else effect
        spared = worth["spared_rate"].to_numpy() if spared is None else spared
        rolled = worth["rolled_rate"].to_numpy() if rolled is None else rolled
        q = special.expit(self.rolls + effect - strength * effect)
        share = spared[self.place] * (1 - q) + rolled[self.place] * q
        # some of the cases are left alone whatever the plan says
        alone = special.expit(self.rolls + effect)
        share_alone = spared[self.place] * (1 - alone) + rolled[self.place] * alone
        out = self.outlook.held_out_rate
        return np.asarray(self.balance * ((1 - out) * share + out * share_alone), dtype=float)


def _best(value: Array, allowed: NDArray[np.bool_], room: Array) -> NDArray[np.intp]:
    """Column of each row, by the linear program; of equal ones any."""
    n, k = value.shape
    if n == 0:
        return np.zeros(0, dtype=np.intp)
    case, action = np.nonzero(allowed)
    at = np.arange(len(case))
    one = np.ones(len(case))
    found = optimize.linprog(
        -value[case, action],
        A_ub=sparse.csr_array((one, (action, at)), shape=(k, len(case))),
        b_ub=room,
        A_eq=sparse.csr_array((one, (case, at)), shape=(n, len(case))),
        b_eq=np.ones(n),
        bounds=(0, 1),
        # a simplex method ends in a corner, where every case has one whole action
        method="highs-ds",
    )
    if found.x is None:  # doing nothing is always possible
        raise ValueError(f"the linear program has no solution: {found.message}")
    weight = np.zeros((n, k))
    weight[case, action] = found.x
    return np.asarray(weight.argmax(axis=1), dtype=np.intp)


def plan_gain(
    plan: pd.DataFrame, cases: pd.DataFrame, outlook: Outlook, *, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """What the plan is expected to bring more than the same effort spread evenly, and than nothing.

    All alike is every case treated with its plan's mean strength: the same effort, and so the same
    cost. The interval takes in what is not known of the effects (normal draws of their common mean
    and of each bucket about it) and of the worth of either end of a case. It does not take in the
    strengths and costs of actions, which are stated, nor that payments which an action brings may
    be worth less than those that come by themselves.

    Parameters
    ----------
    plan : DataFrame
        Of :func:`treatment_plan`, or several of one outlook one below the other.
    cases, outlook
        That it was made of.
    level : float
        In (0, 1).
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame, index against ("all alike", "nothing done")
        `gain_amount`, `gain_low`, `gain_high`, fen within the horizon before costs; `cost_amount`,
        fen, that the plan costs more.

    Source
    ------
    riskkit definition.
    """
    check_level(level)
    terms = _Terms(cases, outlook)
    strength = plan["strength"].to_numpy(float)
    alike = plan.groupby("month_end")["strength"].transform("mean").to_numpy()
    others = {"all alike": alike, "nothing done": np.zeros(len(plan))}
    rng = np.random.default_rng(seed)
    worth, errors = outlook.worth, outlook.effects["effect_error"].to_numpy()
    # a bucket without an effect of its own has the mean's, in the last place
    own = np.append(np.sqrt(np.maximum(errors**2 - outlook.mean_error**2, 0)), 0.0)
    place = outlook.effects.index.get_indexer(cases["bucket"])
    rates, moves = (
        [worth[f"{end}_{name}"].to_numpy() for end in ("spared", "rolled")]
        for name in ("rate", "error")
    )
    gains = {name: np.empty(N_DRAWS) for name in others}
    for draw in range(N_DRAWS):
        # one draw of the mean, which all buckets share, and one of each bucket about it
        common = outlook.mean_error * rng.standard_normal()
        effect = terms.effect + common + (own * rng.standard_normal(len(own)))[place]
        spared, rolled = (
            rate + move * rng.standard_normal(len(worth))
            for rate, move in zip(rates, moves, strict=True)
        )
        planned = terms.amount(strength, effect, spared, rolled).sum()
        for name, other in others.items():
            gains[name][draw] = planned - terms.amount(other, effect, spared, rolled).sum()
    tails = [0.5 - level / 2, 0.5 + level / 2]
    rows = {}
    for name, other in others.items():
        low, high = np.quantile(gains[name], tails)
        cost = 0.0 if name == "all alike" else 100 * float(plan["cost"].sum())
        best = float((terms.amount(strength) - terms.amount(other)).sum())
        rows[name] = {"gain_amount": best, "gain_low": low, "gain_high": high, "cost_amount": cost}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="against")


def plan_summary(plan: pd.DataFrame, *, smallest: int = 5) -> pd.DataFrame:
    """How many cases of each bucket get which action, and whom each one goes to.

    Parameters
    ----------
    plan : DataFrame
        Of :func:`treatment_plan`.
    smallest : int
        Actions of fewer cases show no means, which would be single people's.

    Returns
    -------
    DataFrame, index action, those of no case left out, by rising strength
        `cases`; `mean_balance` and `mean_gain`, expected beside leaving them alone, in units of the
        currency; `self_cure_rate`, mean; `cost`, in all; and a column "M1", "M2", ... of cases for
        each bucket there is.

    Source
    ------
    riskkit definition.
    """
    gain = (plan["expected_amount"] - plan["alone_amount"]) / 100
    each = plan.assign(gain=gain, owed=plan["balance"] / 100).groupby("action")
    table = pd.DataFrame(
        {
            "cases": each.size(),
            "mean_balance": each["owed"].mean(),
            "mean_gain": each["gain"].mean(),
            "self_cure_rate": each["self_cure_rate"].mean(),
            "cost": each["cost"].sum(),
        }
    )
    means = ["mean_balance", "mean_gain", "self_cure_rate"]
    table.loc[table["cases"] < smallest, means] = np.nan
    buckets = plan.groupby(["action", "bucket"]).size().unstack(fill_value=0)
    table = table.join(buckets.rename(columns=lambda bucket: f"M{bucket}"))
    return table.loc[each["strength"].first().sort_values(kind="stable").index]


def plan_text(
    plan: pd.DataFrame, gain: pd.DataFrame | None, outlook: Outlook | None, currency: str
) -> str:
    """Sentences on what the plan is expected to gain, and what of that is measured, as Markdown.

    Parameters
    ----------
    plan, gain : DataFrame
        Of :func:`current_plan`, or of :func:`treatment_plan` and :func:`plan_gain`.
    outlook : Outlook, optional
        None where there is none, and so no plan.
    currency : str

    Source
    ------
    riskkit definition.
    """
    if gain is None or outlook is None:
        return (
            "**There is no plan, and no gain is claimed**: without amounts, and cases enough that "
            f"were left alone by a draw ({MIN_BADS} at least), nobody can tell what an action "
            "brings."
        )
    alike, nothing = gain.loc["all alike"], gain.loc["nothing done"]

    treated = int((plan["action"] != NOTHING).sum())
    effect, error = outlook.mean_effect, outlook.mean_error
    text = (
        f"The plan acts on {treated:,} of {len(plan):,} open cases. Against **the same effort "
        f"spread evenly** it is expected to bring **{gain_text(alike, currency)}** more within "
        f"{outlook.horizon_months} months, and {gain_text(nothing, currency)} more than if "
        f"nothing were done, for which it costs {nothing['cost_amount'] / 100:,.0f} {currency}."
    )
    if alike["gain_low"] <= 0:
        text += " **That may be chance**: the control group is too small to promise a gain."
    return text + (
        " *Measured* are the effect of today's practice, from the cases left alone by a draw (it "
        f"takes {effect:.2f} ± {1.96 * error:.2f} off the log-odds of a worse bucket), the chances "
        "and the worth of either end of a case. *Assumed* are each action's strength beside "
        "today's practice and its cost, since only one practice was ever seen: examples, to be "
        "verified, best by dealing actions at random; and that a payment won is worth what others "
        "of like cases were, which promises rather too much."
    )
