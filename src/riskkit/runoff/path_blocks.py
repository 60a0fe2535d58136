"""One month of many loans on some paths, sampled: the inner loop of the simulation.

Takes what all paths of a month share (:class:`MonthTables`) and the state of a block of paths
(:class:`PathBlock`); moves every loan of every path on and adds up the cash.

Most loans are on plan: without arrears, and paying what is due. Whether one leaves the plan is
first asked coarsely, by 16 random bits against a bound that is a little too high; those that may
have left it are asked again, exactly. Only they and the loans in arrears are looked at one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from riskkit.arrears import DEFAULT, N_STATES
from riskkit.checks import Array
from riskkit.runoff.drawn_recoveries import default_cash
from riskkit.runoff.loan_classes import instalments_paid
from riskkit.runoff.open_loans import OpenLoans

__all__ = ["SUMS", "MonthTables", "PathBlock", "month_tables", "new_block", "roll_on"]

# what is added up by group and path in a month; "brought" is what new defaults bring in the end
SUMS = "paid", "principal", "prepaid", "default", "brought", "balance"
_COARSE = 1 << 16
_STATES = np.arange(N_STATES)


@dataclass(frozen=True, eq=False)
class MonthTables:
    """What all paths share in one month ahead.

    A loan's state has the place loan × N_STATES + state in all arrays of length n_loans × N_STATES.

    Parameters
    ----------
    month : int
    on_plan : int array of shape (n_active,)
        Loans that run and have instalments left if they are on plan.
    by_group : int array of shape (n_active,)
        Their positions group by group: the groups have no say in what is drawn.
    bounds : int array of shape (n_groups + 1,)
        Where each group's begin in `by_group`.
    plan_cell : int array of shape (n_active,)
        Their cells, those that pay their last instalment counted on from the number of cells.
    planned : float array of shape (3, n_active)
        What they pay, of it principal, and what they owe then, if they stay on plan.
    leaves : float array of shape (n_levels * 2 * n_cells, 3)
        On plan: probability of a missed payment; of that or a default; of these or a prepayment,
        which there is none of with the last instalment.
    coarse : uint16 array of shape (2 * n_cells, n_levels)
        A little more than the last of them, in 65,536ths, less one.
    moves : float array of shape (n_levels * n_cells * N_STATES, N_STATES + 1)
        Cumulative probabilities of the state moved to.
    cell : int array of shape (n_loans * N_STATES,)
        Where a state's moves begin in those of a level.
    due, owed, due_before, owed_before : float arrays of shape (n_loans * N_STATES,)
        Paid since today, and owed, at the end and at the start of the month.
    brought : float array of shape (n_loans * N_STATES,)
        What a default in the month brings in the end, on average.
    lags : float array of shape (n_ahead,)
        Which part of it comes in each month after this one.
    pattern : float array of shape (n_workouts, n_ahead)
        The same by past workout.
    is_open : bool array of shape (n_loans * N_STATES,)
        Instalments are left at the end of the month.
    """

    month: int
    on_plan: Array
    by_group: Array
    bounds: Array
    plan_cell: Array
    planned: Array
    leaves: Array
    coarse: Array
    moves: Array
    cell: Array
    due: Array
    owed: Array
    due_before: Array
    owed_before: Array
    brought: Array
    lags: Array
    pattern: Array
    is_open: Array


@dataclass(frozen=True, eq=False)
class PathBlock:
    """Loans on some paths, changed in place from month to month.

    Parameters
    ----------
    generator : Generator
    paths : slice
        Which paths.
    on_plan : bool array of shape (n_loans, n_paths)
    late : dict of str to int array
        Loans in arrears: `place` (loan × N_STATES + state) and `path` in the block.
    luck : Generator
        Of what comes after a default: what comes before it is the same whatever that is.
    recovered : float array of shape (n_groups, n_paths, n_months)
        Cash after a default so far drawn, by the month in which it comes.
    """

    generator: np.random.Generator
    paths: slice
    on_plan: Array
    late: dict[str, Array]
    luck: np.random.Generator
    recovered: Array


def new_block(loans: OpenLoans, paths: slice, seed: tuple[int, int], n_months: int) -> PathBlock:
    """Some paths as they are today."""
    n_paths = paths.stop - paths.start
    runs = (loans.start == 0) & (loans.left > 0)
    on_plan = np.zeros((len(loans.ids), n_paths), dtype=bool)
    on_plan[runs & (loans.state == 0)] = True
    behind = np.flatnonzero(runs & (loans.state > 0))
    late = {
        "place": np.repeat(behind * N_STATES + loans.state[behind], n_paths),
        "path": np.tile(np.arange(n_paths), len(behind)),
    }
    generator, luck = (
        np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))
        for words in (seed, (*seed, 1))
    )
    return PathBlock(
        generator=generator,
        paths=paths,
        on_plan=on_plan,
        late=late,
        luck=luck,
        recovered=np.zeros((len(loans.groups), n_paths, n_months)),
    )


def month_tables(
    loans: OpenLoans,
    moves: Array,
    month: int,
    recovered_rate: Array,
    pattern: Array,
    n_ahead: int,
) -> MonthTables:
    """Tables of one month ahead.

    Parameters
    ----------
    loans : OpenLoans
    moves : float array of shape (n_levels, n_cells, N_STATES, 6)
        In which no state but the next can be skipped to.
    month : int
    recovered_rate : float array of shape (n_loans,)
        Of a default in this month.
    pattern : float array of shape (n_workouts, n_ahead)
        By past workout, the parts that come in each month after this one.
    n_ahead : int
        Months of interest after this one.
    """
    age = (month - loans.start)[:, None]
    today, left = loans.state.astype(np.int64)[:, None], loans.left[:, None]
    each = np.arange(len(loans.ids))[:, None]
    before = instalments_paid(age - 1, today, left, _STATES)
    after = instalments_paid(age, today, left, _STATES)
    at_states = {
        "due_before": loans.due[each, before],
        "owed_before": loans.owed[each, before],
        "due": loans.due[each, after],
        "owed": loans.owed[each, after],
    }
    at_states = {name: values.astype(float) for name, values in at_states.items()}
    due_0, owed_0, due_1, owed_1 = (values[:, 0] for values in at_states.values())
    runs = np.flatnonzero((loans.start < month) & (before[:, 0] < loans.left))
    by_group = np.argsort(loans.group[runs], kind="stable")
    n_levels, n_cells = moves.shape[:2]
    leaves = np.cumsum(moves[:, :, 0][:, :, [1, DEFAULT, DEFAULT + 1]], axis=-1)
    leaves = np.concatenate([leaves, leaves[:, :, [0, 1, 1]]], axis=1)
    coarse = np.clip(np.ceil(leaves[:, :, -1] * _COARSE) - 1, 0, _COARSE - 1)
    return MonthTables(
        month=month,
        on_plan=runs,
        by_group=by_group,
        bounds=np.searchsorted(loans.group[runs[by_group]], np.arange(len(loans.groups) + 1)),
        plan_cell=loans.cell[runs] + n_cells * (after[runs, 0] == loans.left[runs]),
        planned=np.stack([due_1 - due_0, owed_0 - owed_1, owed_1])[:, runs],
        leaves=leaves.reshape(n_levels * 2 * n_cells, 3),
        coarse=np.ascontiguousarray(coarse.astype(np.uint16).T),
        moves=np.cumsum(moves[..., : N_STATES + 1], axis=-1).reshape(-1, N_STATES + 1),
        cell=(loans.cell[:, None] * N_STATES + _STATES).ravel(),
        brought=(at_states["owed_before"] * recovered_rate[:, None]).ravel(),
        lags=loans.recovery_lags[:n_ahead],
        pattern=np.ascontiguousarray(pattern[:, :n_ahead]),
        is_open=(after < left).ravel(),
        **{name: values.ravel() for name, values in at_states.items()},
    )


def roll_on(
    block: PathBlock, levels: Array, *, loans: OpenLoans, tables: MonthTables
) -> dict[str, Array]:
    """Every loan of a block moved on by one month, and what is added up of it.

    Parameters
    ----------
    block : PathBlock
    levels : int array of shape (n_paths,)
        Which of the moves each path is in.
    loans : OpenLoans
    tables : MonthTables

    Returns
    -------
    dict of str to float array of shape (n_groups, n_paths)
        :data:`SUMS`; whole but for "brought".
    """
    sums = _on_plan(block, tables, len(loans.groups))
    row, path, to = _leave_plan(block, tables, levels)
    late, late_to = dict(block.late), _late_moves(block, tables, levels)
    add = partial(_add, sums, loans.group)

    place = tables.on_plan[row] * N_STATES
    due, principal, owed = tables.planned
    ends, misses = to > DEFAULT, to == 1
    not_paid = np.flatnonzero(~ends)
    add("paid", place[not_paid], path[not_paid], -due[row[not_paid]])
    add("principal", place[not_paid], path[not_paid], -principal[row[not_paid]])
    add("prepaid", place, path, owed[row] * ends)
    # who misses a payment owes what he did
    before = tables.owed_before[place]
    add("balance", place, path, before * misses - owed[row])
    fails = np.flatnonzero(to == DEFAULT)
    of_defaults = [(place[fails], path[fails])]
    new = np.flatnonzero(misses)

    place = late["place"]
    pays = late_to != DEFAULT
    of_defaults.append((place[~pays], late["path"][~pays]))
    after = (place & ~(N_STATES - 1)) + np.where(late_to < N_STATES, late_to, 0)
    owed = tables.owed[after]
    add("paid", place, late["path"], (tables.due[after] - tables.due_before[place]) * pays)
    add("principal", place, late["path"], (tables.owed_before[place] - owed) * pays)
    ends, stays = late_to > DEFAULT, late_to < N_STATES
    add("prepaid", place, late["path"], owed * ends)
    add("balance", place, late["path"], owed * stays)
    stays &= tables.is_open[after]
    back = np.flatnonzero(stays & (late_to == 0))
    block.on_plan[after[back] // N_STATES, late["path"][back]] = True
    keep = np.flatnonzero(stays & (late_to > 0))
    block.late["place"] = np.append(after[keep], tables.on_plan[row[new]] * N_STATES + 1)
    block.late["path"] = np.append(late["path"][keep], path[new])
    place, path = (np.concatenate(parts) for parts in zip(*of_defaults, strict=True))
    add("default", place, path, tables.owed_before[place])
    add("brought", place, path, tables.brought[place])
    _recover(block, tables, loans.group[place // N_STATES], place, path)
    return sums


def _add(
    sums: dict[str, Array], group: Array, name: str, place: Array, path: Array, values: Array
) -> None:
    shape = sums[name].shape
    at = path if shape[0] == 1 else group[place // N_STATES] * shape[1] + path
    sums[name] += np.bincount(at, values, shape[0] * shape[1]).reshape(shape)


def _recover(
    block: PathBlock, tables: MonthTables, group: Array, place: Array, path: Array
) -> None:
    """Draw what new defaults bring, and when."""
    n_ahead = len(tables.lags)
    if not n_ahead:
        return
    owed, brought = tables.owed_before[place], tables.brought[place]
    cash = default_cash(block.luck, brought, owed, tables.lags, tables.pattern)
    n_groups, n_paths, _ = block.recovered.shape
    at = (group * n_paths + path)[:, None] * n_ahead + np.arange(n_ahead)
    came = np.bincount(at.ravel(), cash.ravel(), n_groups * n_paths * n_ahead)
    months = slice(tables.month, tables.month + n_ahead)
    block.recovered[:, :, months] += came.reshape(n_groups, n_paths, n_ahead)


def _on_plan(block: PathBlock, tables: MonthTables, n_groups: int) -> dict[str, Array]:
    """The sums of all loans on plan, as if none left it."""
    order = tables.by_group
    runs = block.on_plan.take(tables.on_plan[order], axis=0).astype(float)
    planned = tables.planned[:, order]
    sums = {name: np.zeros((n_groups, runs.shape[1])) for name in SUMS}
    for group, (first, last) in enumerate(pairwise(tables.bounds)):
        if last > first:
            paid, principal, balance = planned[:, first:last] @ runs[first:last]
            sums["paid"][group], sums["principal"][group] = paid, principal
            sums["balance"][group] = balance
    return sums


def _leave_plan(block: PathBlock, tables: MonthTables, levels: Array) -> tuple[Array, Array, Array]:
    """Rows of loans that leave the plan, their paths, and what they move to."""
    n_paths = len(levels)
    shape = len(tables.on_plan), n_paths
    n_draws = shape[0] * n_paths
    bits = block.generator.bit_generator.random_raw(-(-n_draws // 4)).view(np.uint16)
    bounds = tables.coarse[:, levels]
    may_leave = bits[:n_draws].reshape(shape) <= bounds.take(tables.plan_cell, axis=0)
    may_leave &= block.on_plan.take(tables.on_plan, axis=0)
    row, path = np.divmod(np.flatnonzero(may_leave), n_paths)
    cell = tables.plan_cell[row]
    draw = block.generator.random(len(row)) * (bounds[cell, path] + 1.0) / _COARSE
    leaves = tables.leaves.take(levels[path] * len(bounds) + cell, axis=0)
    out = np.flatnonzero(draw < leaves[:, 2])
    row, path = row[out], path[out]
    is_missed, is_default = (draw[out] < leaves[out, which] for which in (0, 1))
    block.on_plan[tables.on_plan[row], path] = False
    return row, path, np.where(is_missed, 1, np.where(is_default, DEFAULT, DEFAULT + 1))


def _late_moves(block: PathBlock, tables: MonthTables, levels: Array) -> Array:
    """The state that each loan in arrears moves to."""
    place, path = block.late["place"], block.late["path"]
    of_level = levels * (len(tables.coarse) // 2 * N_STATES)
    bounds = tables.moves.take(tables.cell[place] + of_level[path], axis=0)
    draw = block.generator.random(len(place))
    to = np.zeros(len(place), dtype=np.int64)
    for which in range(N_STATES + 1):
        to += draw >= bounds[:, which]
    return to
