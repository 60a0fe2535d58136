"""What to do: the cutoff that earns the most, held like for like against what else one could do.

Takes two scores and the money of each application; gives the recommendation, the policies side by
side, and what other draws of the loans would say of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from riskkit import metrics
from riskkit.checks import check_level, same_rows
from riskkit.strategy.choices import choose_cutoff
from riskkit.strategy.cutoffs import cutoff_table, normal_interval, rate_interval
from riskkit.strategy.economics import expected_loans, profit_sums
from riskkit.strategy.swaps import profit_difference

__all__ = ["POLICIES", "Choice", "Recommendation", "cutoff_tables", "recommend"]

POLICIES = ("today's policy", "the cutoff alone", "the cutoff behind today's policy", "everybody")
_COLUMNS = ("approved", "booked", "default_flag", "amount", "margin_fen", "loss_fen", "cost_fen")
# so many loans drawn at a time
_BLOCK = 4_000_000
_FEWEST_DRAWS, _MOST_DRAWN = 50, 40_000_000
_NEWTON_STEPS = 4


@dataclass(frozen=True)
class Choice:
    """A cutoff chosen by its profit on loans seen, and what other draws of them would choose.

    Parameters
    ----------
    row : Series, name = the cutoff
        Of :func:`cutoff_table`.
    optimism_amount : float
        By how much its profit is too good, since it was chosen on these loans.
    low, high : float
        Between which 95 of 100 other draws of the loans put the cutoff of this model.
    model_again : float
        Share of such draws that take this model.
    is_lowest : bool
        Whether no lower cutoff could be chosen.
    """

    row: pd.Series
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
    model : str
        The one whose cutoffs they are.
    alone : Choice or None
        As the only rule: of the cutoffs that are not inferred. None where all are.
    behind : Choice or None
        As a second hurdle behind today's policy, whose loans have all been seen. None where nobody
        was declined, or no outcome is known.
    policies : DataFrame, index policy
        Today's policy, the cutoff alone, the cutoff behind today's policy, everybody, as far as
        there are any; where nobody was declined, everybody and the cutoff alone. Of the approved:
        applications, approval_rate, never_booked_rate. Of their loans of known outcome: loans,
        lent_amount, bad, bad_rate, profit_amount. Of all of them, those never booked repaying like
        booked loans of their score, the declined among them taking up as often as the granted did:
        expected_loans, expected_lent_amount, expected_bad, expected_bad_rate,
        expected_profit_amount. gain_amount and expected_gain_amount are the profits less those of
        the first policy. Rates, profits and gains with _low and _high; money in units of the
        currency.
    difference : Series
        Profit of the second model at its own best cutoff less that of the first at its own, of
        :func:`profit_difference`.
    """

    model: str
    alone: Choice | None
    behind: Choice | None
    policies: pd.DataFrame
    difference: pd.Series

    @property
    def name(self) -> str:
        """The cutoff as the only rule and its model, in words."""
        return "none" if self.alone is None else f"{self.alone.cutoff:.0f} ({self.model})"


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
    the difference lies above 0; else the first, the simpler one.

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
        Draws of the applications with replacement, at least 20; of more than 100,000 applications
        as many fewer, down to 50, since chance moves those less.
    seed : int

    Returns
    -------
    Recommendation

    Raises
    ------
    ValueError
        Not two models, a column is missing, lengths differ, or an option is out of range.

    Source
    ------
    Efron (1983), Estimating the error rate of a prediction rule, JASA 78(382), for the optimism of
    a choice; Poisson counts in place of multinomial ones.
    """
    same_rows(scores=scores, loans=loans)
    check_level(level)
    if scores.shape[1] != 2:
        raise ValueError(f"recommend needs two models, got {list(scores.columns)}")
    missing = [name for name in _COLUMNS if name not in loans]
    if missing:
        raise ValueError(f"loans lack {missing}, they have {list(loans.columns)}")
    if n_draws < 20:
        raise ValueError(f"n_draws must be at least 20, got {n_draws!r}")
    # what is drawn must not hang on the order of the rows
    keys = [scores[name] for name in scores] + [loans[name] for name in reversed(_COLUMNS)]
    order = np.lexsort([np.asarray(key, dtype=float) for key in keys])
    scores, loans = scores.iloc[order], loans.iloc[order]
    y = loans["default_flag"]
    sums = profit_sums(loans, y)
    profit = (sums["margin_fen"] - sums["loss_fen"] - sums["cost_fen"]) / 100
    profit = profit.where(y.notna()).to_numpy()
    tables = cutoff_tables(scores, loans, max_never_booked=max_never_booked, level=level)
    known = {name: table[table["bad_rate"].notna()] for name, table in tables.items()}
    seen = {name: table[~table["inferred"]] for name, table in known.items()}
    simple, other = scores.columns
    best = {
        name: choose_cutoff(table, objective="profit").name if len(table) else np.nan
        for name, table in seen.items()
    }
    apart = profit_difference(scores[[other, simple]], profit, best, level=level)
    model = other if apart["low"] > 0 or np.isnan(best[simple]) else simple
    draws = _Draws(scores, loans, profit, model, n_draws, seed)
    alone = _chosen(draws, seen, level)
    behind = None if loans["approved"].all() else _chosen(draws, known, level)
    return Recommendation(
        model=model,
        alone=alone,
        behind=behind,
        policies=_policies(draws, loans, profit, alone, behind, level),
        difference=apart,
    )


def cutoff_tables(
    scores: pd.DataFrame,
    loans: pd.DataFrame,
    *,
    max_never_booked: float = 0.2,
    level: float = 0.95,
) -> dict[str, pd.DataFrame]:
    """The cutoff table of each model, with the money of each loan.

    Parameters
    ----------
    scores, loans
        As in :func:`recommend`.
    max_never_booked, level
        As in :func:`cutoff_table`.
    """
    y = loans["default_flag"]
    sums = profit_sums(loans, y).assign(unseen=expected_loans(loans))
    return {
        name: cutoff_table(
            metrics.score_counts(scores[name], y, booked=loans["booked"], sums=sums),
            max_never_booked=max_never_booked,
            level=level,
        )
        for name in scores
    }


class _Draws:
    """The applications drawn again and again, some draws at a time."""

    def __init__(
        self,
        scores: pd.DataFrame,
        loans: pd.DataFrame,
        profit: np.ndarray,
        model: str,
        n_draws: int,
        seed: int,
    ) -> None:
        self.scores, self.model, self.seed = scores, model, seed
        self.n_draws = min(n_draws, max(_FEWEST_DRAWS, _MOST_DRAWN // max(len(scores), 1)))
        self.known = ~np.isnan(profit)
        self.profit = profit[self.known]
        self.bad = loans["default_flag"].to_numpy(dtype=float)[self.known]
        stands_for = expected_loans(loans)
        self.unseen = stands_for > 0
        self.taken = stands_for[self.unseen]
        columns = ("margin_fen", "loss_fen", "cost_fen", "amount")
        self.money = loans.loc[self.unseen, list(columns)].to_numpy(dtype=float).T / 100

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """How often each known and each unseen application is drawn, rows of draws."""
        rng = np.random.default_rng(self.seed)
        n_known, n_unseen = int(self.known.sum()), int(self.unseen.sum())
        size = max(1, _BLOCK // max(n_known + n_unseen, 1))
        for first in range(0, self.n_draws, size):
            n = min(size, self.n_draws - first)
            times = rng.poisson(1, (n, n_known + n_unseen)).astype(np.float64)
            yield times[:, :n_known], times[:, n_known:]

    def chances(self, times: np.ndarray) -> np.ndarray:
        """Probability of bad of each unseen application, by the line of each draw's known loans."""
        score = self.scores[self.model].to_numpy(dtype=float)
        seen, unseen = score[self.known], score[self.unseen]
        middle, spread = seen.mean(), max(seen.std(), 1e-9)
        points, place = np.unique((seen - middle) / spread, return_inverse=True)
        order = np.argsort(place, kind="stable")
        begins = np.searchsorted(place[order], np.arange(len(points)))
        drawn = times[:, order]
        rows = np.add.reduceat(drawn, begins, axis=1)
        bads = np.add.reduceat(drawn * self.bad[order], begins, axis=1)
        line = _lines(points, rows, bads)
        z = (unseen - middle) / spread
        found: np.ndarray = special.expit(line[:, :1] + line[:, 1:] * z)
        return found


def _lines(points: np.ndarray, rows: np.ndarray, bads: np.ndarray) -> np.ndarray:
    """Intercept and slope of a logistic line on the points, for each row of counts."""
    rate = (bads.sum(axis=1) + 0.5) / (rows.sum(axis=1) + 1)
    intercept, slope = special.logit(rate), np.zeros(len(rows))
    for _ in range(2 * _NEWTON_STEPS):
        chance = special.expit(intercept[:, None] + slope[:, None] * points)
        miss, spread = bads - rows * chance, rows * chance * (1 - chance)
        pull, turn = miss.sum(axis=1), miss @ points
        flat, tilt, bend = spread.sum(axis=1), spread @ points, spread @ points**2
        scale = np.maximum(flat * bend - tilt**2, 1e-12)
        intercept = intercept + (bend * pull - tilt * turn) / scale
        slope = slope + (flat * turn - tilt * pull) / scale
    return np.column_stack([intercept, slope])


def _policies(
    draws: _Draws,
    loans: pd.DataFrame,
    profit: np.ndarray,
    alone: Choice | None,
    behind: Choice | None,
    level: float,
) -> pd.DataFrame:
    """What each policy approves, and what came and would come of it."""
    approved, booked = (loans[name].to_numpy(dtype=bool) for name in ("approved", "booked"))
    score = draws.scores[draws.model].to_numpy()
    today, by_score, second, everybody = POLICIES
    masks = {(everybody if approved.all() else today): approved}
    if alone is not None:
        masks[by_score] = score >= alone.cutoff
    if behind is not None:
        masks[second] = approved & (score >= behind.cutoff)
    masks[everybody] = np.ones(len(score), dtype=bool)
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
    return table.join(_expected(draws, table, within, level))


def _expected(draws: _Draws, table: pd.DataFrame, within: np.ndarray, level: float) -> pd.DataFrame:
    """What would come of all the approved, over draws of the applications."""
    unseen = within[draws.unseen]
    margin, loss, cost, amount = draws.money
    loans = table["loans"].to_numpy() + draws.taken @ unseen
    found = pd.DataFrame({"expected_loans": loans}, index=table.index)
    found["expected_lent_amount"] = table["lent_amount"] + (draws.taken * amount) @ unseen
    once = np.ones((1, int(draws.known.sum())))
    known, seen_profit = within[draws.known], draws.profit
    can_tell = len(seen_profit) and 0 < draws.bad.sum() < len(draws.bad)

    def told(times: np.ndarray, more: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        drawn = more * draws.taken
        chance = draws.chances(times)
        bads = (times * draws.bad) @ known + (drawn * chance) @ unseen
        size = times @ known + drawn @ unseen
        earned = drawn * (margin - cost - chance * (margin + loss))
        with np.errstate(invalid="ignore"):
            rate = bads / np.where(size > 0, size, np.nan)
        return rate, (times * seen_profit) @ known + earned @ unseen

    columns = {"bad_rate": "bad_rate", "profit": "profit_amount", "gain": "gain_amount"}
    ends = {name: (f"expected_{name}_low", f"expected_{name}_high") for name in columns}
    if not can_tell:
        unknown = ["expected_bad", *(f"expected_{label}" for label in columns.values())]
        unknown += [end for pair in ends.values() for end in pair]
        return found.assign(**dict.fromkeys(unknown, np.nan))
    rate, profit = told(once, np.ones((1, int(draws.unseen.sum()))))
    rates, profits = (
        np.concatenate(many)
        for many in zip(*(told(*block) for block in draws.blocks()), strict=True)
    )
    found["expected_bad"] = rate[0] * loans
    tails = [0.5 - level / 2, 0.5 + level / 2]
    for name, value, many in (
        ("bad_rate", rate[0], rates),
        ("profit", profit[0], profits),
        ("gain", profit[0] - profit[0, 0], profits - profits[:, :1]),
    ):
        found[f"expected_{columns[name]}"] = value
        low, high = ends[name]
        found[low], found[high] = np.nanquantile(many, tails, axis=0)
    return found


def _chosen(draws: _Draws, tables: Mapping[str, pd.DataFrame], level: float) -> Choice | None:
    """The most profitable of these cutoffs of the model; the whole choice made on each draw, too.

    What a draw earns there is held against what the loans as they are earn there.
    """
    if tables[draws.model].empty:
        return None
    simple, other = tables
    curves = {name: _Curve(draws, name, table) for name, table in tables.items() if len(table)}
    width = float(special.ndtri(0.5 + level / 2))
    gained, cutoffs, taken = [], [], []
    for times, _ in draws.blocks():
        best = {name: curve.best(times * draws.profit) for name, curve in curves.items()}
        second = np.full(len(times), other in best)
        if len(best) == 2:
            approved = [curves[name].above(best[name][0]) for name in (other, simple)]
            moved = draws.profit * (approved[0].astype(float) - approved[1])
            error = np.sqrt((times * moved**2).sum(axis=1))
            second = (times * moved).sum(axis=1) > width * error
        gains = [best[name][1] if name in best else np.nan for name in (other, simple)]
        gained.append(np.where(second, *gains))
        cutoffs.append(best[draws.model][0])
        taken.append(second if draws.model == other else ~second)
    row = choose_cutoff(tables[draws.model], objective="profit")
    low, high = np.quantile(np.concatenate(cutoffs), [0.5 - level / 2, 0.5 + level / 2])
    return Choice(
        row=row,
        optimism_amount=float(np.concatenate(gained).mean()),
        low=float(low),
        high=float(high),
        model_again=float(np.concatenate(taken).mean()),
        is_lowest=bool(row.name == tables[draws.model].index.min()),
    )


class _Curve:
    """Profit of known loans at each cutoff that may be chosen, safest first."""

    def __init__(self, draws: _Draws, name: str, table: pd.DataFrame) -> None:
        safest = table.sort_index(ascending=False)
        self.cutoffs = safest.index.to_numpy(dtype=float)
        self.n_above = (safest["good"] + safest["bad"]).to_numpy(dtype=np.int64)
        self.score = draws.scores[name].to_numpy(dtype=float)[draws.known]
        self.order = np.argsort(-self.score, kind="stable")
        self.seen = safest["profit_amount"].to_numpy(dtype=float)

    def best(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cutoff that earns the most in each draw, and what it earns less there than here."""
        curve = np.cumsum(drawn[:, self.order], axis=1)[:, self.n_above - 1]
        at = curve.argmax(axis=1)
        return self.cutoffs[at], curve[np.arange(len(at)), at] - self.seen[at]

    def above(self, cutoffs: np.ndarray) -> np.ndarray:
        """Whom the cutoff of each draw approves."""
        found: np.ndarray = self.score >= cutoffs[:, None]
        return found
