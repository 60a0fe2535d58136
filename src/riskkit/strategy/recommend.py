"""What to do: the cutoff that earns the most, held like for like against what else one could do.

Takes two scores and the money of each application; gives the recommendation, the policies side by
side, and what other draws of the loans would say of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from riskkit import metrics
from riskkit.chance import normal_interval
from riskkit.checks import check_level
from riskkit.strategy.choices import choose_cutoff
from riskkit.strategy.cutoffs import cutoff_table, rate_interval
from riskkit.strategy.economics import profit_sums
from riskkit.strategy.swaps import MIN_SWAPPED, profit_difference
from riskkit.target import check_scored_loans, expected_loans

__all__ = [
    "DECIDED",
    "POLICIES",
    "Choice",
    "Recommendation",
    "Rule",
    "cutoff_tables",
    "judge_rule",
    "recommend",
]

POLICIES = ("today's policy", "the cutoff alone", "the cutoff behind today's policy", "everybody")
DECIDED = "as decided"
_MONEY = ("amount", "margin_fen", "loss_fen", "cost_fen")
_COLUMNS = ("approved", "booked", "default_flag", *_MONEY)
# so many loans drawn at a time
_BLOCK = 4_000_000
_FEWEST_DRAWS, _MOST_DRAWN = 50, 40_000_000
_NEWTON_STEPS, _HALVINGS = 6, 30
# how many times as likely to turn bad, in odds, as booked loans of their score
_UPLIFTS = (1.0, 1.5, 2.0, 3.0)


class Rule(NamedTuple):
    """From which score of which model on to approve, of all or of those today's policy approves."""

    model: str
    cutoff: float
    is_behind: bool


@dataclass(frozen=True)
class Choice:
    """Model and cutoff chosen by the profit on loans seen, and what other draws would choose.

    Parameters
    ----------
    model : str
    row : Series, name = the cutoff
        Of :func:`cutoff_table`.
    difference : Series
        Profit of the second model at its own best cutoff less that of the first at its own, of
        :func:`profit_difference`.
    optimism_amount : float
        By how much the profit is too good, since model and cutoff were chosen on these loans.
    low, high : float
        Between which 95 of 100 other draws of the applications put the cutoff of this model, the
        share of never booked kept in each.
    model_again : float
        Share of such draws that take this model.
    is_lowest : bool
        Whether no lower cutoff could be chosen.
    """

    model: str
    row: pd.Series
    difference: pd.Series
    optimism_amount: float
    low: float
    high: float
    model_again: float
    is_lowest: bool

    @property
    def cutoff(self) -> float:
        """Points from which on to approve."""
        return float(self.row.name)

    @property
    def profit_amount(self) -> float:
        """Profit at the cutoff on as many other loans, the optimism taken off."""
        return float(self.row["profit_amount"]) - self.optimism_amount


@dataclass(frozen=True)
class Recommendation:
    """What :func:`recommend` found.

    Parameters
    ----------
    alone : Choice or None
        As the only rule: of the cutoffs that are not inferred. None where all are.
    behind : Choice or None
        As a second hurdle behind today's policy, whose loans have all been seen. None where nobody
        was declined, or no outcome is known.
    policies : DataFrame, index policy
        Today's policy, the cutoff alone, the cutoff behind today's policy, everybody, as far as
        there are any; where nobody was declined, everybody and the cutoff alone. Of the approved:
        applications, approval_rate, never_booked_rate. Of their loans of known outcome: loans,
        lent_amount, bad, bad_rate, margin_amount (of the goods), loss_amount (of the bads),
        cost_amount, and profit_amount. Of all of them, those never booked repaying like
        booked loans of their score, the declined among them taking up as often as the granted did:
        expected_loans, expected_lent_amount, expected_bad, expected_bad_rate,
        expected_profit_amount. gain_amount and expected_gain_amount are the profits less those of
        the first policy. Rates, profits and gains with _low and _high; money in units of the
        currency.
    behind_less_alone : Series or None
        Expected profit of the cutoff behind today's policy less that of the cutoff alone:
        difference, low, high, by paired draws; NaN where nothing is expected. None where one of the
        two is missing.
    uplifts : DataFrame, index uplift
        Of the cutoff alone, if those never booked had so many times the odds of bad of booked loans
        of their score: expected_bad_rate and expected_gain_amount, each with _low and _high. Empty
        where all were booked or there is no such cutoff.
    """

    alone: Choice | None
    behind: Choice | None
    policies: pd.DataFrame
    behind_less_alone: pd.Series | None
    uplifts: pd.DataFrame

    @property
    def taken(self) -> Choice | None:
        """What is recommended: the hurdle, unless the cutoff alone earns more beyond chance.

        All loans behind the hurdle have been seen, which is worth an expectation that cannot be
        told from it.
        """
        if self.alone is None or self.behind is None:
            return self.alone or self.behind
        apart = self.behind_less_alone
        return self.alone if apart is not None and apart["high"] < 0 else self.behind

    @property
    def best_rule(self) -> Rule | None:
        """The rule of :attr:`taken`."""
        if self.taken is None:
            return None
        return Rule(self.taken.model, self.taken.cutoff, self.taken is self.behind)

    @property
    def advised_rule(self) -> Rule | None:
        """The best rule where it earns more than the first policy beyond chance; else None."""
        return self.best_rule if self.is_proven else None

    @property
    def gain(self) -> tuple[str, str]:
        """Row and figure of `policies` that tell what is recommended from the first policy."""
        if self.taken is self.behind and self.behind is not None:
            return POLICIES[2], "gain"
        return POLICIES[1], "gain" if self.behind is None else "expected_gain"

    @property
    def is_proven(self) -> bool:
        """Whether what is recommended earns more than the first policy, chance and luck aside."""
        if self.taken is None:
            return False
        policy, gain = self.gain
        return bool(self.policies.loc[policy, f"{gain}_low"] > self.taken.optimism_amount)

    @property
    def name(self) -> str:
        """What is recommended, in words."""
        today = str(self.policies.index[0])
        if self.taken is None or not self.is_proven:
            kept = "keep today's policy" if today == POLICIES[0] else "approve everybody"
            return f"{kept}: no cutoff earns more beyond chance"
        cutoff = f"{self.taken.cutoff:.0f} of the {self.taken.model}"
        if self.taken is self.alone:
            return f"approve from {cutoff} on"
        return f"keep today's policy and decline below {cutoff}"


def recommend(
    scores: pd.DataFrame,
    loans: pd.DataFrame,
    *,
    max_never_booked: float = 0.2,
    level: float = 0.95,
    n_draws: int = 400,
    seed: int = 1,
) -> Recommendation:
    """The cutoffs that earn the most, as the only rule and as a second hurdle, like for like.

    Of two models the second is taken where it earns more at its own best cutoff and the interval of
    the difference lies above 0; else the first, the simpler one. The two cutoffs may be of two
    models.

    Parameters
    ----------
    scores : DataFrame of shape (n, 2)
        A column per model, higher is safer, the simpler model first.
    loans : DataFrame of shape (n, 7 or more)
        approved and booked (bool, by the old policy), default_flag (missing where unknown), amount
        (fen, lent or asked for), and margin_fen, loss_fen, cost_fen of :func:`loan_values`.
    max_never_booked, level
        As in :func:`cutoff_table`.
    n_draws : int
        Draws of the applications with replacement, at least 20; fewer, down to 50, where more than
        40 million applications would be drawn, since chance moves so many less.
    seed : int

    Returns
    -------
    Recommendation

    Raises
    ------
    ValueError
        Not two models, a column is missing, lengths differ, a score or a sum of money is not
        finite, a loan was booked but not approved or is known but was not booked, or an option is
        out of range.

    Source
    ------
    Efron (1983), Estimating the error rate of a prediction rule, JASA 78(382), for the optimism of
    a choice; Poisson counts in place of multinomial ones.
    """
    if scores.shape[1] != 2:
        raise ValueError(f"recommend needs two models, got {list(scores.columns)}")
    draws, loans = _drawn(scores, loans, level, n_draws, seed)
    tables = cutoff_tables(draws.scores, loans, max_never_booked=max_never_booked, level=level)
    known = {name: table[table["bad_rate"].notna()] for name, table in tables.items()}
    alone = _chosen(draws, known, level, max_never_booked)
    behind = None if loans["approved"].all() else _chosen(draws, known, level)
    masks = {}
    if alone is not None:
        masks[POLICIES[1]] = _passed(draws, loans, Rule(alone.model, alone.cutoff, False))
    if behind is not None:
        masks[POLICIES[2]] = _passed(draws, loans, Rule(behind.model, behind.cutoff, True))
    masks[POLICIES[3]] = np.ones(len(loans), dtype=bool)
    # who was never seen is judged by the score that would let him in
    model = next((choice.model for choice in (alone, behind) if choice), scores.columns[0])
    return Recommendation(alone, behind, *_policies(draws, loans, masks, model, level))


def judge_rule(
    scores: pd.DataFrame,
    loans: pd.DataFrame,
    rule: Rule | None,
    *,
    level: float = 0.95,
    n_draws: int = 400,
    seed: int = 1,
) -> pd.DataFrame | None:
    """What a rule approves and earns beside today's policy, on these loans.

    Parameters
    ----------
    scores : DataFrame of shape (n, n_models)
        The rule's model among them. Of loans that did not choose the cutoff, if it is to be judged.
    loans : DataFrame of shape (n, 7 or more)
    rule : Rule or None
    level, n_draws, seed
        As for :func:`recommend`.

    Returns
    -------
    DataFrame of shape (2, n_figures), index policy, or None
        Today's policy (or everybody, where nobody was declined) and "as decided"; columns as in
        :attr:`Recommendation.policies`. None of no rule.

    Raises
    ------
    ValueError
        As :func:`recommend`; no scores of the rule's model.
    """
    if rule is None:
        return None
    if rule.model not in scores:
        raise ValueError(f"scores lack {rule.model!r}, they have {list(scores.columns)}")
    draws, loans = _drawn(scores, loans, level, n_draws, seed)
    return _policies(draws, loans, {DECIDED: _passed(draws, loans, rule)}, rule.model, level)[0]


def _drawn(
    scores: pd.DataFrame, loans: pd.DataFrame, level: float, n_draws: int, seed: int
) -> tuple[_Draws, pd.DataFrame]:
    """Draws of applications that have been checked, and these in the order of the draws."""
    check_level(level)
    if n_draws < 20:
        raise ValueError(f"n_draws must be at least 20, got {n_draws!r}")
    check_scored_loans(scores, loans, _MONEY)
    # what is drawn must not hang on the order of the rows
    keys = [scores[name] for name in scores] + [loans[name] for name in reversed(_COLUMNS)]
    order = np.lexsort([np.asarray(key, dtype=float) for key in keys])
    scores, loans = scores.iloc[order], loans.iloc[order]
    return _Draws(scores, loans, n_draws, seed), loans


def _passed(draws: _Draws, loans: pd.DataFrame, rule: Rule) -> np.ndarray:
    """Whom a rule approves."""
    above: np.ndarray = draws.scores[rule.model].to_numpy() >= rule.cutoff
    return above & loans["approved"].to_numpy(dtype=bool) if rule.is_behind else above


def cutoff_tables(
    scores: pd.DataFrame,
    loans: pd.DataFrame,
    *,
    max_never_booked: float = 0.2,
    level: float = 0.95,
    behind: bool = False,
) -> dict[str, pd.DataFrame]:
    """The cutoff table of each model, with the money of each loan.

    Parameters
    ----------
    scores, loans
        As in :func:`recommend`.
    max_never_booked, level
        As in :func:`cutoff_table`.
    behind : bool
        Of cutoffs as a second hurdle behind today's policy: only those it approves can pass, and
        the approval rate is that of all applications.
    """
    everybody = len(loans)
    if behind:
        granted = loans["approved"].to_numpy(dtype=bool)
        scores, loans = scores[granted], loans[granted]
    y = loans["default_flag"]
    sums = profit_sums(loans, y).assign(unseen=expected_loans(loans))
    tables = {
        name: cutoff_table(
            metrics.score_counts(scores[name], y, booked=loans["booked"], sums=sums),
            max_never_booked=max_never_booked,
            level=level,
        )
        for name in scores
    }
    if behind:
        for table in tables.values():
            table["approval_rate"] *= len(loans) / everybody
    return tables


class _Draws:
    """The applications drawn again and again, some draws at a time."""

    def __init__(self, scores: pd.DataFrame, loans: pd.DataFrame, n_draws: int, seed: int) -> None:
        self.scores, self.seed = scores, seed
        self.n_draws = min(n_draws, max(_FEWEST_DRAWS, _MOST_DRAWN // max(len(scores), 1)))
        outcome = loans["default_flag"].to_numpy(dtype=float)
        self.booked = loans["booked"].to_numpy(dtype=bool)
        self.known = ~np.isnan(outcome)
        self.bad = outcome[self.known]
        sums = profit_sums(loans, outcome)[self.known]
        profit = sums["margin_fen"] - sums["loss_fen"] - sums["cost_fen"]
        self.profit = profit.to_numpy() / 100
        self.earned = sums[["margin_fen", "loss_fen", "cost_fen"]].to_numpy(dtype=float) / 100
        stands_for = expected_loans(loans)
        self.unseen = stands_for > 0
        self.taken = stands_for[self.unseen]
        self.money = loans[list(_MONEY)].to_numpy(dtype=float)[self.unseen].T / 100

    def blocks(self) -> Iterator[np.ndarray]:
        """How often each application is drawn, rows of draws."""
        rng = np.random.default_rng(self.seed)
        size = max(1, _BLOCK // max(len(self.known), 1))
        for first in range(0, self.n_draws, size):
            n = min(size, self.n_draws - first)
            yield rng.poisson(1, (n, len(self.known))).astype(np.float64)

    def chances(self, times: np.ndarray, model: str, line: tuple[float, float]) -> np.ndarray:
        """Probability of bad of each unseen application, by the line of each draw's known loans."""
        score = self.scores[model].to_numpy(dtype=float)
        seen = score[self.known]
        points, place = np.unique(seen, return_inverse=True)
        order = np.argsort(place, kind="stable")
        begins = np.searchsorted(place[order], np.arange(len(points)))
        drawn = times[:, order]
        rows = np.add.reduceat(drawn, begins, axis=1)
        bads = np.add.reduceat(drawn * self.bad[order], begins, axis=1)
        intercept, slope = _lines(points, rows, bads, line)
        found: np.ndarray = special.expit(intercept + slope * score[self.unseen])
        return found


def _lines(
    points: np.ndarray, rows: np.ndarray, bads: np.ndarray, start: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Intercepts and slopes, columns, of the logistic line of each row of counts, from one near."""
    centre = rows.sum(axis=0) @ points / rows.sum()
    spread = max(float(np.sqrt(rows.sum(axis=0) @ (points - centre) ** 2 / rows.sum())), 1e-300)
    z = (points - centre) / spread
    line = np.tile([start[0] + start[1] * centre, start[1] * spread], (len(rows), 1))

    def loss(at: np.ndarray) -> np.ndarray:
        logit = at[:, :1] + at[:, 1:] * z
        found: np.ndarray = (rows * np.logaddexp(0, logit) - bads * logit).sum(axis=1)
        return found

    now = loss(line)
    for _ in range(_NEWTON_STEPS):
        chance = special.expit(line[:, :1] + line[:, 1:] * z)
        miss, curve = bads - rows * chance, rows * chance * (1 - chance)
        pull = np.column_stack([miss.sum(axis=1), miss @ z])
        flat, tilt, bend = curve.sum(axis=1), curve @ z, curve @ z**2
        scale = np.maximum(flat * bend - tilt**2, 1e-300)
        ups = bend * pull[:, 0] - tilt * pull[:, 1], flat * pull[:, 1] - tilt * pull[:, 0]
        step = np.column_stack(ups) / scale[:, None]
        # the likelihood is concave, but a full step may overshoot
        for _ in range(_HALVINGS):
            worse = loss(line + step) > now
            if not worse.any():
                break
            step[worse] /= 2
        step[loss(line + step) > now] = 0.0
        line = line + step
        now = loss(line)
    slope = line[:, 1:] / spread
    return line[:, :1] - slope * centre, slope


def _policies(
    draws: _Draws,
    loans: pd.DataFrame,
    others: Mapping[str, np.ndarray],
    model: str,
    level: float,
) -> tuple[pd.DataFrame, pd.Series | None, pd.DataFrame]:
    """What today's and other policies approve, and what came and would come of it.

    Those never seen are judged by the score of the named model.
    """
    approved, booked = (loans[name].to_numpy(dtype=bool) for name in ("approved", "booked"))
    masks = {POLICIES[3] if approved.all() else POLICIES[0]: approved, **others}
    within = np.column_stack(list(masks.values())).astype(float)
    known, n_known = draws.known, int(draws.known.sum())
    seen = within[known]
    bads, sizes = draws.bad @ seen, seen.sum(axis=0)
    total, squares = draws.profit @ seen, draws.profit**2 @ seen
    lent = loans["amount"].to_numpy(dtype=float)[known] / 100 @ seen
    low, high = rate_interval(pd.Series(bads), pd.Series(sizes), level)
    least, most = normal_interval(total, squares, n_known, level)
    n_approved = within.sum(axis=0)
    table = pd.DataFrame(
        {
            "applications": n_approved.astype(np.int64),
            "approval_rate": n_approved / max(len(loans), 1),
            "never_booked_rate": 1 - booked @ within / np.maximum(n_approved, 1),
            "loans": sizes.astype(np.int64),
            "lent_amount": lent,
            "bad": bads.astype(np.int64),
            "bad_rate": bads / np.where(sizes > 0, sizes, np.nan),
            "bad_rate_low": low,
            "bad_rate_high": high,
            **dict(
                zip(
                    ("margin_amount", "loss_amount", "cost_amount"),
                    draws.earned.T @ seen,
                    strict=True,
                )
            ),
            "profit_amount": total,
            "profit_low": least,
            "profit_high": most,
        },
        index=pd.Index(list(masks), name="policy"),
    )
    apart = seen - seen[:, :1]
    gain, squares = draws.profit @ apart, draws.profit**2 @ apart**2
    table["gain_amount"] = gain
    table["gain_low"], table["gain_high"] = normal_interval(gain, squares, n_known, level)
    return _expected(draws, table, within, model, level)


def _expected(
    draws: _Draws, table: pd.DataFrame, within: np.ndarray, model: str, level: float
) -> tuple[pd.DataFrame, pd.Series | None, pd.DataFrame]:
    """The table with what would come of all the approved, over draws of the applications.

    And of two policies the paired difference, and of one how it hangs on those never booked.
    """
    unseen = within[draws.unseen]
    amount, margin, loss, cost = draws.money
    loans = table["loans"].to_numpy() + draws.taken @ unseen
    found = pd.DataFrame({"expected_loans": loans}, index=table.index)
    found["expected_lent_amount"] = table["lent_amount"] + (draws.taken * amount) @ unseen
    known, seen_profit = within[draws.known], draws.profit
    score = draws.scores[model].to_numpy(dtype=float)[draws.known]
    line = metrics.logistic_line(score, draws.bad, np.ones(len(score))) if len(score) else None

    def told(times: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Bad rate and profit of each policy, rows of draws, at each uplift."""
        times, drawn = times[:, draws.known], times[:, draws.unseen] * draws.taken
        # where all were seen nobody is to be guessed
        chance = draws.chances(times, model, line) if line else np.zeros(drawn.shape)
        seen_bads, size = (times * draws.bad) @ known, times @ known + drawn @ unseen
        for uplift in _UPLIFTS:
            risk = chance * uplift / (1 - chance + chance * uplift)
            bads = seen_bads + (drawn * risk) @ unseen
            earned = drawn * (margin - cost - risk * (margin + loss))
            with np.errstate(invalid="ignore"):
                rate = bads / np.where(size > 0, size, np.nan)
            yield rate, (times * seen_profit) @ known + earned @ unseen

    columns = {"bad_rate": "bad_rate", "profit": "profit_amount", "gain": "gain_amount"}
    ends = {name: (f"expected_{name}_low", f"expected_{name}_high") for name in columns}
    places = {policy: place for place, policy in enumerate(table.index)}
    pair = [places[name] for name in (POLICIES[2], POLICIES[1]) if name in places]
    if not len(score) or (line is None and len(draws.taken)):
        unknown = ["expected_bad", *(f"expected_{label}" for label in columns.values())]
        unknown += [end for two in ends.values() for end in two]
        apart = pd.Series(np.nan, ["difference", "low", "high"]) if len(pair) == 2 else None
        return table.join(found.assign(**dict.fromkeys(unknown, np.nan))), apart, pd.DataFrame()
    tails = [0.5 - level / 2, 0.5 + level / 2]
    here = list(told(np.ones((1, len(within)))))
    drawn = [list(told(times)) for times in draws.blocks()]
    by_uplift = {}
    for at, uplift in enumerate(_UPLIFTS):
        rate, profit = here[at]
        rates, profits = (np.concatenate([block[at][i] for block in drawn]) for i in (0, 1))
        values = pd.DataFrame(index=table.index)
        for name, value, many in (
            ("bad_rate", rate[0], rates),
            ("profit", profit[0], profits),
            ("gain", profit[0] - profit[0, 0], profits - profits[:, :1]),
        ):
            values[f"expected_{columns[name]}"] = value
            low, high = ends[name]
            values[low], values[high] = np.nanquantile(many, tails, axis=0)
        if at == 0:
            found["expected_bad"] = rate[0] * loans
            found = found.join(values)
            apart = _paired(profit, profits, pair, tails) if len(pair) == 2 else None
        if POLICIES[1] in values.index and len(draws.taken):
            by_uplift[uplift] = values.loc[POLICIES[1]].filter(regex="rate|gain")
    uplifts = pd.DataFrame.from_dict(by_uplift, orient="index").rename_axis("uplift")
    return table.join(found), apart, uplifts


def _paired(
    profit: np.ndarray, profits: np.ndarray, pair: list[int], tails: list[float]
) -> pd.Series:
    """What the first policy of a pair earns more than the second."""
    (first, second), many = pair, np.quantile(profits[:, pair[0]] - profits[:, pair[1]], tails)
    return pd.Series(
        [profit[0, first] - profit[0, second], *many], index=["difference", "low", "high"]
    )


def _chosen(
    draws: _Draws, tables: Mapping[str, pd.DataFrame], level: float, max_never_booked: float = 1.0
) -> Choice | None:
    """The most profitable cutoff allowed and its model; the same choice made on each draw, too.

    What a draw earns there is held against what the loans as they are earn there.
    """
    allowed = {
        name: table[table["never_booked_rate"] <= max_never_booked]
        for name, table in tables.items()
    }
    rows = {
        name: choose_cutoff(table, objective="profit")
        for name, table in allowed.items()
        if len(table)
    }
    if not rows:
        return None
    curves = {name: _Curve(draws, name, tables[name], max_never_booked) for name in rows}
    simple, other = tables
    own = {name: rows[name].name if name in rows else np.nan for name in tables}
    apart = profit_difference(
        draws.scores.loc[draws.known, [other, simple]], draws.profit, own, level=level
    )
    model = other if apart["low"] > 0 or simple not in rows else simple
    luck, cutoffs, taken = [], [], []
    for times in draws.blocks():
        seen = times[:, draws.known]
        drawn = seen * draws.profit
        best = {name: curve.best(drawn, times) for name, curve in curves.items()}
        second = np.full(len(times), simple not in best)
        if len(best) == 2:
            by_other, by_simple = (curves[name].above(best[name][0]) for name in (other, simple))
            moved = draws.profit * (by_other.astype(float) - by_simple)
            total, squares = (seen * moved).sum(axis=1), (seen * moved**2).sum(axis=1)
            low, _ = normal_interval(total, squares, seen.sum(axis=1), level)
            swapped = (seen * (by_other != by_simple)).sum(axis=1)
            # a draw in which one has no cutoff takes the other
            none = [np.isnan(best[name][0]) for name in (other, simple)]
            second = ((low > 0) & (swapped >= MIN_SWAPPED) & ~none[0]) | (none[1] & ~none[0])
        gains = [best[name][1] if name in best else np.nan for name in (other, simple)]
        # by what the draw is luckier at the cutoff chosen here, 0 on average, the mean is steadied
        luck.append(np.where(second, *gains) - curves[model].gain(drawn, own[model]))
        cutoffs.append(best[model][0])
        taken.append(second if model == other else ~second)
    low, high = np.nanquantile(np.concatenate(cutoffs), [0.5 - level / 2, 0.5 + level / 2])
    return Choice(
        model=model,
        row=rows[model],
        difference=apart,
        optimism_amount=max(float(np.nanmean(np.concatenate(luck))), 0.0),
        low=float(low),
        high=float(high),
        model_again=float(np.concatenate(taken).mean()),
        is_lowest=bool(own[model] == allowed[model].index.min()),
    )


class _Curve:
    """Profit of known loans at each cutoff, safest first, and whether a draw allows it."""

    def __init__(
        self, draws: _Draws, name: str, table: pd.DataFrame, max_never_booked: float
    ) -> None:
        safest = table.sort_index(ascending=False)
        score = draws.scores[name].to_numpy(dtype=float)
        self.limit, self.booked = max_never_booked, draws.booked
        self.cutoffs = safest.index.to_numpy(dtype=float)
        self.n_above = (safest["good"] + safest["bad"]).to_numpy(dtype=np.int64)
        self.n_asked = safest["applications"].to_numpy(dtype=np.int64)
        self.score, self.everybody = score[draws.known], np.argsort(-score, kind="stable")
        self.order = np.argsort(-self.score, kind="stable")
        self.seen = safest["profit_amount"].to_numpy(dtype=float)

    def best(self, drawn: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cutoff that earns the most in each draw, and what it earns less there than here.

        NaN where a draw allows none.
        """
        curve = np.cumsum(drawn[:, self.order], axis=1)[:, self.n_above - 1]
        if self.limit < 1:
            asked, place = times[:, self.everybody], self.n_asked - 1
            booked = np.cumsum(asked * self.booked[self.everybody], axis=1)[:, place]
            n_asked = np.cumsum(asked, axis=1)[:, place]
            curve[(n_asked == 0) | (n_asked - booked > self.limit * n_asked)] = -np.inf
        at = curve.argmax(axis=1)
        most = curve[np.arange(len(at)), at]
        none = np.isinf(most)
        return (
            np.where(none, np.nan, self.cutoffs[at]),
            np.where(none, np.nan, most - self.seen[at]),
        )

    def gain(self, drawn: np.ndarray, cutoff: float) -> np.ndarray:
        """What each draw earns at a cutoff less what the loans as they are earn there."""
        above = self.score >= cutoff
        found: np.ndarray = drawn[:, above].sum(axis=1) - self.seen[self.cutoffs == cutoff]
        return found

    def above(self, cutoffs: np.ndarray) -> np.ndarray:
        """Whom the cutoff of each draw approves."""
        found: np.ndarray = self.score >= cutoffs[:, None]
        return found
