"""The synthetic lender's book as it really is: rolled on loan by loan, and as an engine takes it.

Nothing here reads :mod:`riskkit.runoff` but the table of open loans that an engine is given.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from riskkit import instalments, synthetic
from riskkit.runoff import LoansInDefault, OpenLoans
from riskkit.synthetic import applicants, chain, offers
from riskkit.synthetic.lender import (
    CHARGE_OFF_ARREARS,
    LEAST_RECOVERED,
    RECOVERED_SPREAD,
    RECOVERY_MONTHS,
)
from riskkit.synthetic.rows import join_rows, take_rows

PERFORMING = range(chain.DEFAULT_ARREARS)
TO_DEFAULT, TO_ENDED = 4, 5
# lives of loans that true workouts are read off, these, and those of each loan in default
_N_LIVES, _N_WORKOUTS, _N_PATHS_GONE = 40_000, 2_000, 1_000
MEAN_RECOVERED = LEAST_RECOVERED + RECOVERED_SPREAD / 2


@dataclass(frozen=True)
class TrueBook:
    """Loans that run, or are charged off and may still bring something, or are yet to be lent.

    Parameters
    ----------
    lender : Lender
        One that neither treats loans nor holds any out from collections.
    ids : Index
    loans : synthetic.chain.Loans of shape (n,)
        Their risk.
    mob : int array
        Month on book today; −g where the loan is lent g months ahead.
    state : int8 array
        Months in arrears today, 0..6, or CHARGE_OFF_ARREARS.
    bad : bool array
        Was ever in default.
    waited : int array
        Months since the charge-off.
    rest : int64 array
        Fen owed by the charged off, less what was recovered.
    due, balance : int64 arrays of shape (n, longest term + 1)
        By instalment: fen due, and principal left once it is paid.
    recovery : float array
        Probability that a charged-off loan recovers something in a month.
    usual : float array
        Climate by month from today's on, as it will be but for what is added to it.
    """

    lender: synthetic.Lender
    ids: pd.Index
    loans: chain.Loans
    mob: np.ndarray
    state: np.ndarray
    bad: np.ndarray
    waited: np.ndarray
    rest: np.ndarray
    due: np.ndarray
    balance: np.ndarray
    recovery: np.ndarray
    usual: np.ndarray

    @property
    def term(self):
        return self.loans.term.astype(np.int64)

    def take(self, rows):
        """Some of the loans, in that order."""
        parts = {name: getattr(self, name)[rows] for name in _BY_LOAN}
        return replace(self, loans=take_rows(self.loans, rows), **parts)

    def climate_at(self, ahead):
        """The usual climate so many months ahead; after the last that is known as in that one."""
        return self.usual[np.minimum(ahead, len(self.usual) - 1)]


_BY_LOAN = "ids", "mob", "state", "bad", "waited", "rest", "due", "balance", "recovery"


def every_loan(lender, portfolio, seed, *, months_ago=0):
    """All loans lent by a day, so many months before the end, as they stand on it.

    Also those that are over, of state PREPAID or MATURED.
    """
    if lender.treatment_rate or lender.collection_holdout_rate:
        raise ValueError("a true book knows neither treatments nor loans held out")
    today = lender.n_months - 1 - months_ago
    booked = np.flatnonzero(portfolio.applications["booked"])
    frame = portfolio.applications.iloc[booked].reset_index(drop=True)
    index = frame["application_id"].str[1:].astype("int64").to_numpy()
    drawn = applicants.draw_applicants(lender, index, seed)
    terms = offers.offers_in(lender, drawn, frame)
    loans = offers.loans_under(lender, drawn, terms)
    macro = lender.macro_path(seed)
    states = chain.sample_states(lender, loans, macro, seed)
    mob = today - loans.cohort
    known = np.arange(states.shape[1]) <= mob[:, None]
    by_today = np.where(known, states, np.int8(0))
    is_off = by_today == CHARGE_OFF_ARREARS
    due, balance = instalments.schedules(
        terms.amount, terms.monthly_rate, terms.term, terms.method,
        max_months=lender.longest_term_months,
    )  # fmt: skip
    state = states[np.arange(len(mob)), np.clip(mob, 0, states.shape[1] - 1)]
    panel = portfolio.performance
    day = panel["month_end"].max() - pd.offsets.MonthEnd(months_ago)
    owed = panel[panel["month_end"] == day].set_index("loan_id")["balance"]
    ids = pd.Index(frame["application_id"])
    willing = portfolio.truth["latent_willingness"].to_numpy()[booked]
    loans_lent = TrueBook(
        lender=lender,
        ids=ids,
        loans=loans,
        mob=mob,
        state=state,
        bad=(by_today >= chain.DEFAULT_ARREARS).any(axis=1),
        waited=np.where(is_off.any(axis=1), mob - is_off.argmax(axis=1), 0),
        rest=np.where(state == CHARGE_OFF_ARREARS, owed.reindex(ids, fill_value=0), 0),
        due=due,
        balance=balance,
        recovery=expit(lender.recovery_logit + 0.5 * willing),
        usual=macro[today:],
    )
    return loans_lent.take(np.flatnonzero(mob >= 0))


def on_the_books(every):
    """Those that still have rows in a panel: they run, or were charged off a year ago at most."""
    return every.take(np.flatnonzero((every.state >= 0) & (every.waited <= RECOVERY_MONTHS)))


def lent_again(every, ids, start):
    """Loans like the given ones, lent so many months ahead each."""
    new = every.take(every.ids.get_indexer(ids))
    state, bad = np.zeros_like(new.state), np.zeros_like(new.bad)
    return replace(new, mob=-np.asarray(start), state=state, bad=bad, waited=0 * new.waited)


def together(one, other):
    """Two books of one lender and day as one."""
    parts = {name: join_rows([getattr(one, name), getattr(other, name)]) for name in _BY_LOAN[1:]}
    ids, loans = one.ids.append(other.ids), join_rows([one.loans, other.loans])
    return replace(one, ids=ids, loans=loans, **parts)


def with_planned(every, n_months, per_month, seed):
    """The book, and loans drawn from those of the last three months lent in each month ahead."""
    recent = every.ids[every.mob <= 2]
    drawn = np.random.default_rng(seed).choice(len(recent), n_months * per_month)
    start = np.repeat(np.arange(1, n_months + 1), per_month)
    return together(on_the_books(every), lent_again(every, recent[drawn], start))


# --- by brute force -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Month:
    """What happens in one month ahead, an entry for each loan on each path that is not yet over.

    `state` is its months in arrears at the month-end, or PREPAID once all is paid; `cash` what it
    pays, `bad` whether it was in default before, `defaults` whether it is for the first time, and
    `owed` the principal it then owes.
    """

    path: np.ndarray
    loan: np.ndarray
    state: np.ndarray
    cash: np.ndarray
    bad: np.ndarray
    defaults: np.ndarray
    owed: np.ndarray


def lives(book: TrueBook, climate: np.ndarray, seed: int) -> Iterator[Month]:
    """Every loan rolled on month by month, on each path with fresh luck and in its own climate.

    Parameters
    ----------
    book : TrueBook
    climate : float array of shape (n_paths, n_months)
        Added to the usual one.
    seed : int
    """
    rng = np.random.default_rng(seed)
    shape = len(climate), len(book.mob)
    state, bad, waited, rest = (
        np.broadcast_to(values, shape).copy()
        for values in (book.state, book.bad, book.waited, book.rest)
    )
    for ahead in range(1, climate.shape[1] + 1):
        recovered = _recovered(book, state, waited, rest, rng)
        month = book.mob + ahead
        path, loan = np.nonzero((state >= 0) & (state < CHARGE_OFF_ARREARS) & (month >= 1))
        moved = _moved(
            book, path, loan, month[loan], state[path, loan], bad[path, loan],
            book.climate_at(ahead) + climate[:, ahead - 1], rng,
        )  # fmt: skip
        state[path, loan] = moved.state
        is_off = moved.state == CHARGE_OFF_ARREARS
        rest[path[is_off], loan[is_off]] = moved.owed[is_off]
        bad[path, loan] |= moved.defaults
        yield join_rows([moved, recovered])


def _moved(book, path, loan, mob, before, bad, climate, rng):
    """The month of loans that run."""
    term = book.term[loan]
    before = before.astype(np.int64)
    # the chain looks up the climate at cohort + mob: here one calendar month, by path
    alive = replace(take_rows(book.loans, loan), cohort=path - mob)
    roll, stay, prepay = chain.transition(book.lender, alive, climate, mob, before)
    draw = rng.random(len(loan))
    now = np.where(draw < roll, before + 1, np.where(draw < roll + stay, before, 0))
    prepaid = (draw >= roll + stay) & (draw < roll + stay + prepay)
    # unpaid instalments are the latest due
    paid_before = mob - 1 - before
    paid = np.minimum(mob - now, term)
    due_so_far = np.cumsum(book.due, axis=1)
    at = np.minimum(mob, book.due.shape[1] - 1)
    cash = np.where(
        prepaid,
        book.due[loan, at] + book.balance[loan, at],
        due_so_far[loan, paid] - due_so_far[loan, paid_before],
    )
    over = prepaid | (paid == term)
    return Month(
        path=path,
        loan=loan,
        state=np.where(over, chain.PREPAID, now),
        cash=cash,
        bad=bad,
        defaults=~bad & (now == chain.DEFAULT_ARREARS),
        owed=np.where(over, 0, book.balance[loan, paid]),
    )


def _recovered(book, state, waited, rest, rng):
    """What loans charged off before bring in a month; writes what is left of them."""
    path, loan = np.nonzero((state == CHARGE_OFF_ARREARS) & (waited < RECOVERY_MONTHS))
    waited[path, loan] += 1
    happens = rng.random(len(loan)) < book.recovery[loan]
    share = LEAST_RECOVERED + RECOVERED_SPREAD * rng.random(len(loan))
    cash = np.where(happens, np.rint(rest[path, loan] * share), 0).astype(np.int64)
    rest[path, loan] -= cash
    return Month(
        path=path,
        loan=loan,
        state=np.full(len(loan), CHARGE_OFF_ARREARS),
        cash=cash,
        bad=np.ones(len(loan), dtype=bool),
        defaults=np.zeros(len(loan), dtype=bool),
        owed=rest[path, loan],
    )


def brute_cash(book, climate, seed):
    """Fen by path and month, int64 arrays of shape (n_paths, n_months).

    `collected` (all cash), `recovered` (the part of it from loans after their default), `default`
    (owed by those first in default), `balance` (owed by those that were never).
    """
    n_paths, n_months = climate.shape
    names = "collected", "recovered", "default", "balance"
    found = {name: np.zeros((n_paths, n_months), dtype=np.int64) for name in names}
    for number, month in enumerate(lives(book, climate, seed)):
        ever = month.bad | month.defaults
        for name, amounts in zip(
            names,
            (month.cash, month.cash * month.bad, month.owed * month.defaults, month.owed * ~ever),
            strict=True,
        ):
            total = np.bincount(month.path, amounts, n_paths)  # whole fen below 2⁵³: exact
            found[name][:, number] = total.astype(np.int64)
        found["balance"][:, number] += book.balance[-book.mob == number + 1, 0].sum()
    return found


# --- as an engine takes it ----------------------------------------------------------------------


@dataclass(frozen=True)
class TrueMoves:
    """The lender's own probabilities as moves, each loan a cell of its own."""

    book: TrueBook

    def at(self, ahead, climate):
        """Of shape (len(climate), n_loans, 4, 6); see the moves of :mod:`riskkit.runoff`."""
        book, n_climates = self.book, len(climate)
        n = len(book.mob)
        place, loan = np.divmod(np.arange(n_climates * n), n)
        mob = np.maximum(book.mob[loan] + ahead, 1)  # before its start nobody asks
        alive = replace(take_rows(book.loans, loan), cohort=place - mob)
        unpaid = book.term[loan] - mob
        felt = book.climate_at(ahead) + np.asarray(climate, dtype=float)
        moves = np.zeros((n_climates * n, len(PERFORMING), 6))
        for state in PERFORMING:
            roll, stay, prepay = (
                part.astype(float)
                for part in chain.transition(book.lender, alive, felt, mob, state)
            )
            moves[:, state, state + 1] = roll  # the last rolls into default
            moves[:, state, TO_ENDED] = prepay
            for to, share in ((state, stay), (0, 1 - roll - stay - prepay)):
                ends = unpaid + to <= 0
                moves[:, state, to] += np.where(ends, 0, share)
                moves[:, state, TO_ENDED] += np.where(ends, share, 0)
        return moves.reshape(n_climates, n, len(PERFORMING), 6)


def expected_cash_of(book, n_months, *, shift=0):
    """Mean cash of each loan by month ahead in the usual climate, of shape (n_loans, n_months).

    Forward recursion over the lender's own chain, from the states of today; `shift` months later.
    """
    n, term, rows = len(book.mob), book.term, np.arange(len(book.mob))
    due_so_far = np.cumsum(book.due, axis=1)
    cash = np.zeros((n, n_months + RECOVERY_MONTHS))
    mass = np.zeros((CHARGE_OFF_ARREARS, n))
    running = book.state < CHARGE_OFF_ARREARS
    mass[book.state[running], rows[running]] = 1
    monthly = book.recovery * MEAN_RECOVERED
    for after in range(1, RECOVERY_MONTHS + 1):
        later = after - book.waited - 1
        brings = ~running & (later >= 0)
        at = rows[brings], later[brings]
        cash[at] += (book.rest * monthly)[brings] * (1 - monthly[brings]) ** later[brings]
    for ahead in range(1, n_months + 1):
        mob = book.mob + ahead
        climate = np.array([book.climate_at(ahead + shift)])
        alive = replace(book.loans, cohort=-mob)
        after = np.zeros_like(mass)
        for state in range(CHARGE_OFF_ARREARS):
            # nobody has more arrears than months, or any once all is paid
            here = mass[state] * (mob - 1 - state >= 0) * (term - (mob - 1) + state > 0)
            parts = chain.transition(book.lender, alive, climate, mob, state)
            roll, stay, prepay = (part.astype(float) for part in parts)
            before = due_so_far[rows, np.clip(mob - 1 - state, 0, term)]
            for to, share in ((state, stay), (0, 1 - roll - stay - prepay)):
                paid = np.clip(mob - to, 0, term)
                cash[:, ahead - 1] += here * share * (due_so_far[rows, paid] - before)
                after[to] += here * share
            at = np.minimum(mob, term)
            early = book.due[rows, at] + book.balance[rows, at]
            cash[:, ahead - 1] += here * prepay * early
            if state + 1 < CHARGE_OFF_ARREARS:
                after[state + 1] += here * roll
                continue
            owed = here * roll * book.balance[rows, np.clip(mob - CHARGE_OFF_ARREARS, 0, term)]
            for later in range(RECOVERY_MONTHS):
                cash[:, ahead + later] += owed * monthly * (1 - monthly) ** later
        mass = after
    return cash[:, :n_months]


def as_open_loans(book: TrueBook, n_months: int) -> tuple[OpenLoans, TrueMoves]:
    """Those never in default with the lender's own moves; of the others what they bring.

    What comes after a default to come is on average its mean in the usual climate, loan by loan and
    month by month of the default; how it spreads over the months after is one for all loans. How it
    scatters is taken from lives of other luck: of all loans together for defaults to come, of each
    loan itself for those of the past.
    """
    book = book.take(np.argsort(np.maximum(-book.mob, 0), kind="stable"))
    good = book.take(np.flatnonzero(~book.bad))
    bad = book.take(np.flatnonzero(book.bad))
    moves = TrueMoves(good)
    n = len(good.mob)
    start = np.maximum(-good.mob, 0)
    paid = np.maximum(good.mob - good.state, 0)
    columns = np.minimum(paid[:, None] + np.arange(good.due.shape[1]), good.due.shape[1] - 1)
    due_so_far = np.take_along_axis(np.cumsum(good.due, axis=1), columns, axis=1)
    rate, lags = _after_default(good, moves, n_months)
    gone = _in_default(bad, n_months)
    loans = OpenLoans(
        ids=good.ids,
        group=np.zeros(n, dtype=np.int64),
        groups=pd.Index([""]),
        start=start,
        state=good.state,
        cell=np.arange(n),
        left=good.term - paid,
        due=due_so_far - due_so_far[:, :1],
        owed=np.take_along_axis(good.balance, columns, axis=1),
        fee=np.zeros(n, dtype=np.int64),
        recovered_rate=rate,
        recovery_lags=lags,
        in_default=gone.sums(1),
        workouts=_workouts(good, n_months),
        gone=gone,
    )
    return loans, moves


def _lived(book, n_months, n_paths):
    """Cash by path, loan and month of lives in the usual climate; months of defaults, and owed."""
    shape = n_paths, len(book.mob)
    cash = np.zeros((*shape, n_months), dtype=np.int64)
    when, owed = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for ahead, month in enumerate(lives(book, np.zeros((n_paths, n_months)), seed=0), 1):
        at = month.path, month.loan
        np.add.at(cash[:, :, ahead - 1], at, month.cash)
        at = tuple(part[month.defaults] for part in at)
        when[at], owed[at] = ahead, month.owed[month.defaults]
    return cash, when, owed


def _workouts(good, n_months):
    """Of defaults of a year, shares of what was owed by month after; as often as it is much."""
    n_paths = -(-_N_LIVES // max(len(good.mob), 1))
    cash, when, owed = _lived(good, 2 * n_months, n_paths)
    found = np.nonzero((when > 0) & (when <= n_months))
    if not len(found[0]):
        return np.zeros((0, 0))
    size = owed[found]
    drawn = np.random.default_rng(0).choice(len(size), _N_WORKOUTS, p=size / size.sum())
    path, loan = (part[drawn] for part in found)
    after = when[path, loan][:, None] + np.arange(n_months)
    return cash[path[:, None], loan[:, None], after] / size[drawn, None]


def _in_default(bad, n_months):
    """Loans in default before, each with lives of its own."""
    cash, _, _ = _lived(bad, n_months, _N_PATHS_GONE)
    m = len(bad.mob)
    paid = np.clip(bad.mob - bad.state, 0, bad.term)
    runs = bad.state < CHARGE_OFF_ARREARS
    owed = np.where(runs, bad.balance[np.arange(m), paid], bad.rest)
    share = cash / np.maximum(owed, 1)[:, None]
    return LoansInDefault(
        group=np.zeros(m, dtype=np.int64),
        owed=owed.astype(float),
        cash=expected_cash_of(bad, n_months),
        pool=np.arange(m),
        pools=[*share.transpose(1, 0, 2)],
    )


def _after_default(good, moves, n_months):
    """Cash after a default as a share of what is then owed, by its month; and how it is spread."""
    n, rows = len(good.mob), np.arange(len(good.mob))
    horizon = good.lender.last_mob
    rate = np.zeros((n, n_months))
    brought = np.zeros(horizon)
    mass = np.zeros((n, len(PERFORMING)))
    mass[rows, good.state] = 1
    for ahead in range(1, n_months + 1):
        mob = good.mob + ahead
        is_lent = (mob >= 1)[:, None]
        after = np.einsum("ns,nst->nt", mass, moves.at(ahead, np.zeros(1))[0])
        mass = np.where(is_lent, after[:, :TO_DEFAULT], mass)
        paid = mob - chain.DEFAULT_ARREARS
        can = (paid >= 0) & (paid < good.term)
        owed = np.where(can, good.balance[rows, np.clip(paid, 0, good.term)], 0)
        fresh = replace(good, mob=mob, state=np.full(n, chain.DEFAULT_ARREARS)).take(rows[can])
        cash = expected_cash_of(fresh, horizon, shift=ahead)
        rate[can, ahead - 1] = cash.sum(axis=1) / owed[can]
        brought += after[can, TO_DEFAULT] @ cash
    return rate, brought / brought.sum() if brought.sum() > 0 else np.zeros(0)
