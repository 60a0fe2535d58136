"""Small odd pools of open loans, moves that are given, and their cash in plain Python."""

from dataclasses import replace

import numpy as np
import pandas as pd

from riskkit.runoff import AMOUNTS, LoansInDefault, OpenLoans

DEFAULT, ENDED = 4, 5


class FixedMoves:
    """Moves by cell that no month changes; a climate shifts the odds of a missed payment."""

    def __init__(self, of_cells):
        self.of_cells = np.asarray(of_cells, float)

    def at(self, ahead, climate):
        moves = np.repeat(self.of_cells[None], len(climate), axis=0)
        stays, misses = self.of_cells[:, 0, 0], self.of_cells[:, 0, 1]
        odds = misses * np.exp(np.asarray(climate))[:, None]
        both = stays + misses
        moves[:, :, 0, 1] = np.where(both > 0, both * odds / np.maximum(stays + odds, 1e-300), 0)
        moves[:, :, 0, 0] = both - moves[:, :, 0, 1]
        return moves


def simple_moves():
    """Moves of the case that is worked by hand."""
    moves = np.zeros((1, 4, 6))
    moves[0, 0, [0, 1, ENDED]] = 0.8, 0.1, 0.1
    moves[0, 1, [0, 2]] = 0.5, 0.5
    moves[0, 2, 3] = 1
    moves[0, 3, DEFAULT] = 1
    return FixedMoves(moves)


def pool(owed, due, n_months, **given):
    """Open loans of given plans, without arrears, all else as simple as can be."""
    n = len(owed)
    owed, due = np.asarray(owed), np.asarray(due)
    known = {
        "group": np.zeros(n, int),
        "groups": pd.Index(["all"]),
        "start": np.zeros(n, int),
        "state": np.zeros(n, np.int8),
        "cell": np.zeros(n, int),
        "left": np.full(n, owed.shape[1] - 1),
        "fee": np.zeros(n, np.int64),
        "recovered_rate": np.full((n, n_months), 0.4),
        "recovery_lags": np.array([0.5, 0.5]),
    } | given
    if "in_default" not in known:
        known["in_default"] = np.zeros((len(known["groups"]), n_months))
    return OpenLoans(ids=pd.Index([f"L{i}" for i in range(n)]), due=due, owed=owed, **known)


def odd_pool(seed, n_loans=8, n_months=7, unit=1):
    """A pool of random plans, states and starts, and random moves, some of them impossible."""
    rng = np.random.default_rng(seed)
    n_cells, longest = 3, 5
    left = rng.integers(0, longest + 1, n_loans)
    parts = rng.integers(0, 400, (n_loans, longest)) * (rng.random((n_loans, longest)) < 0.8)
    parts = parts * (np.arange(longest) < left[:, None])
    parts = parts * unit
    owed = np.append(parts[:, ::-1].cumsum(axis=1)[:, ::-1], np.zeros((n_loans, 1), int), axis=1)
    interest = rng.integers(0, 30, (n_loans, longest)) * (np.arange(longest) < left[:, None])
    due = np.append(np.zeros((n_loans, 1), int), (parts + interest).cumsum(axis=1), axis=1)
    start = np.sort(rng.integers(0, 4, n_loans) * rng.integers(0, 2, n_loans))
    state = np.where(start == 0, rng.integers(0, 4, n_loans), 0)
    lags = rng.random(int(rng.integers(0, 4)))
    weights = rng.random((n_cells, 4, 6)) ** 3 * (rng.random((n_cells, 4, 6)) < 0.6)
    weights[:, :, ENDED] += 1e-3 * (weights.sum(axis=2) == 0)
    groups = pd.Index(["a", "b", "c"])
    loans = pool(
        owed, due, n_months, left=left, start=start, state=state.astype(np.int8), groups=groups,
        group=rng.integers(0, 3, n_loans), cell=rng.integers(0, n_cells, n_loans),
        fee=rng.integers(0, 20, n_loans) * (start > 0), effective_rate=rng.random(n_loans) / 20,
        recovered_rate=rng.random((n_loans, n_months)) * bool(len(lags)),
        recovery_lags=lags / lags.sum() if len(lags) else lags,
        in_default=rng.random((3, n_months)) * 300,
    )  # fmt: skip
    return loans, FixedMoves(weights / weights.sum(axis=2, keepdims=True))


def with_workouts(loans, seed, n_gone=5):
    """The same with past workouts, some not watched to their end, and loans in default of its own.

    Some of them know no workouts; together they bring what the loans in default did before.
    """
    rng = np.random.default_rng([seed, 1])

    def past(n, n_months):
        rows = rng.random((n, n_months)) * (rng.random((n, n_months)) < 0.5)
        rows[rng.random((n, n_months)) < 0.1] = np.nan
        return rows

    n_groups = len(loans.groups)
    group = np.append(np.arange(n_groups), rng.integers(0, n_groups, n_gone))
    share = rng.random(len(group))
    share /= np.bincount(group, share)[group]
    cash = loans.in_default[group] * share[:, None]
    gone = LoansInDefault(
        group=group,
        owed=cash.sum(axis=1) * rng.uniform(1, 3, len(group)),
        cash=cash,
        pool=rng.integers(-1, 2, len(group)),
        pools=[past(25, 3), past(20, loans.n_months + 2)],
    )
    return replace(loans, workouts=past(30, 3), gone=gone)


def plain_moves(moves, month, climate, cell, state):
    """Probabilities of one loan's moves; who would fall behind by more falls behind by one."""
    given = moves.at(month, np.array([climate]))[0, cell, state]
    result = {}
    for to, p in enumerate(given):
        reached = min(to, state + 1) if to < DEFAULT else to
        result[reached] = result.get(reached, 0.0) + float(p)
    return result


def plain_step(loans, i, month, state, to):
    """Amounts of one loan that moves so in a month, and whether it runs on."""
    age = month - int(loans.start[i])
    today, left = int(loans.state[i]), int(loans.left[i])

    def paid_up_to(age, state):
        return min(max(age + today - state, 0), left)

    before = paid_up_to(age - 1, state)
    owed, due = loans.owed[i].tolist(), loans.due[i].tolist()
    amounts = dict.fromkeys(AMOUNTS, 0)
    if to == DEFAULT:
        amounts["default_amount"] = owed[before]
        amounts["brought"] = owed[before] * float(loans.recovered_rate[i, month - 1])
        return amounts
    after = paid_up_to(age, 0 if to == ENDED else to)
    amounts["principal_amount"] = owed[before] - owed[after]
    amounts["interest_amount"] = due[after] - due[before] - amounts["principal_amount"]
    amounts["prepaid_amount" if to == ENDED else "balance"] = owed[after]
    return amounts


def plain_cash(loans, moves, climate, rng=None):
    """Cash by group and month, every loan and state in turn: means, or of one path drawn."""
    n_months = len(climate)
    result = {name: np.zeros((len(loans.groups), n_months)) for name in [*AMOUNTS, "brought"]}
    for i in range(len(loans.ids)):
        group, start = loans.group[i], int(loans.start[i])
        where = {int(loans.state[i]): 1.0}
        for month in range(1, n_months + 1):
            if month < start:
                continue
            if month == start:
                for name, value in (
                    ("lent_amount", loans.owed[i, 0]),
                    ("fee_amount", loans.fee[i]),
                ):
                    result[name][group, month - 1] += value
                result["balance"][group, month - 1] += loans.owed[i, 0]
                continue
            then = {}
            for state, mass in where.items():
                options = plain_moves(moves, month, climate[month - 1], loans.cell[i], state)
                if rng is not None:
                    total = sum(options.values())
                    drawn = rng.choice(list(options), p=[p / total for p in options.values()])
                    options = {int(drawn): 1.0}
                for to, p in options.items():
                    for name, value in plain_step(loans, i, month, state, to).items():
                        result[name][group, month - 1] += mass * p * value
                    if to < DEFAULT:
                        then[to] = then.get(to, 0.0) + mass * p
            where = then
    brought = result.pop("brought")
    result["loss_amount"] = result["default_amount"] - brought
    result["recovered_amount"] += loans.in_default[:, :n_months]
    for month in range(n_months):
        for lag, share in enumerate(loans.recovery_lags, start=1):
            if month + lag < n_months:
                result["recovered_amount"][:, month + lag] += share * brought[:, month]
    return result
