"""What counts as bad, and which application belongs to which sample.

Takes the monthly panel or the outcomes; gives a label per loan, and a sample per application.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from riskkit.checks import loan_starts, require_columns
from riskkit.columns import calendar_months

__all__ = [
    "BadDefinition",
    "assign_samples",
    "default_flags",
    "samples_present",
    "window_coverage",
]

SAMPLES = ("train", "test", "out_of_time")
_NO_WINDOW = 10_000  # months: past every term
_NEVER = 2 * _NO_WINDOW
_MOST_DAYS = 31  # of a month: arrears grow by a day a day at most


@dataclass(frozen=True, kw_only=True)
class BadDefinition:
    """When a booked loan counts as bad.

    Bad = ever more than `dpd` days past due at a month-end, or charged off, within the window.

    Parameters
    ----------
    dpd : int or None
        Days past due that must be exceeded; None = charged off only.
    window_months : int or None
        Months on book within which it counts; None = at any time, and a label only once every
        loan of the cohort and term has ended.
    by_term : mapping of int to int, optional
        Another window for loans of some terms, ``{term_months: window_months}``.
    indeterminate_dpd : int, optional
        A loan that is not bad but was once more than this many days past due gets no label.
    """

    dpd: int | None = 90
    window_months: int | None = 12
    by_term: Mapping[int, int] | None = None
    indeterminate_dpd: int | None = None

    def __post_init__(self) -> None:
        if self.dpd is not None and self.dpd < 1:
            raise ValueError(f"dpd must be at least 1 day, got {self.dpd!r}")
        windows = [self.window_months, *(self.by_term or {}).values()]
        if any(window is not None and window < 1 for window in windows):
            raise ValueError(f"window_months must be at least 1 month, got {windows!r}")
        if self.indeterminate_dpd is not None and not (
            0 < self.indeterminate_dpd < (self.dpd or math.inf)
        ):
            raise ValueError(
                f"indeterminate_dpd must lie between 0 and dpd={self.dpd}, "
                f"got {self.indeterminate_dpd!r}"
            )

    def __str__(self) -> str:
        if self.window_months is None:
            window = "at any time until the loan has ended"
        else:
            window = f"within {self.window_months} months on book"
        late = "" if self.dpd is None else f"more than {self.dpd} days past due at a month-end, or "
        text = f"{late}charged off, {window}"
        if self.by_term:
            terms = ", ".join(f"{t} months: {w}" for t, w in sorted(self.by_term.items()))
            text += f" (window by term: {terms})"
        if self.indeterminate_dpd is not None:
            text += f"; more than {self.indeterminate_dpd} days but not bad: no label"
        return text

    def window_of(self, term_months: pd.Series) -> np.ndarray:
        """Window of each loan in months; a month past every term where there is none."""
        plain = self.window_months if self.window_months is not None else _NO_WINDOW
        return term_months.map(self.by_term or {}).fillna(plain).to_numpy().astype(np.int64)


def _months_seen(cohort: pd.Series, observed_to: pd.Timestamp) -> np.ndarray:
    return calendar_months([observed_to])[0] - calendar_months(cohort)


def _first_bad_and_end(
    book: pd.DataFrame, dpd: int | None, observed_to: pd.Timestamp
) -> pd.DataFrame:
    """One row per loan: first_bad_mob (or _NEVER), ended, repaid, worst_dpd, observed_mob, ...

    `repaid` is whether the loan's last row shows nothing past due: it ended without a loss, or
    stands current. `unseen_from` is the first month in which, unseen, it may have turned bad (or
    _NEVER), and `worst_possible_dpd` takes the unseen months in.
    """
    if "event" in book.columns:
        loans = book.set_index("loan_id")
        bad = loans["event"] == "default"
        ended = loans["event"] != "censored"
        loans = pd.DataFrame(
            {
                "first_bad_mob": loans["event_mob"].where(bad, _NEVER),
                "ended": ended,
                "repaid": loans["event"].isin(["prepaid", "matured"]),
                "worst_dpd": 0,
                "worst_possible_dpd": 0,
                "unseen_from": _NEVER,
                "entry_mob": 0,
                "observed_mob": loans["event_mob"].where(
                    ~ended, _months_seen(loans["cohort"], observed_to)
                ),
                "term_months": loans["term_months"],
                "cohort": loans["cohort"],
                "last_mob": loans["event_mob"],
            }
        )
        return loans
    require_columns(book, ["loan_id", "cohort", "mob", "dpd", "status"], "performance")
    starts = loan_starts(book)
    ends = np.append(starts[1:], len(book))[: len(starts)] - 1
    mob, days = book["mob"].to_numpy(np.int64), book["dpd"].to_numpy(np.int64)
    charged_off = (book["status"] == "charged_off").to_numpy(dtype=bool)
    # few rows are bad: only they are looked up
    limit = math.inf if dpd is None else dpd
    bad_rows = np.flatnonzero((days > limit) | charged_off)
    first_bad = np.full(len(starts), _NEVER)
    np.minimum.at(first_bad, np.searchsorted(starts, bad_rows, side="right") - 1, mob[bad_rows])
    loan, unseen_from, unseen_dpd = _unseen(starts, mob, days, charged_off, limit)
    unseen = np.full(len(starts), _NEVER)
    np.minimum.at(unseen, loan, unseen_from)
    worst = np.maximum.reduceat(days, starts) if len(days) else days
    possible = worst.copy()
    np.maximum.at(possible, loan, unseen_dpd)
    status = book["status"].iloc[ends]
    cohort = book["cohort"].iloc[starts]
    return pd.DataFrame(
        {
            "first_bad_mob": first_bad,
            "ended": status.isin(["prepaid", "matured", "charged_off"]).to_numpy(),
            "repaid": ~charged_off[ends] & (days[ends] == 0),
            "worst_dpd": worst,
            "worst_possible_dpd": possible,
            "unseen_from": unseen,
            "entry_mob": mob[starts],
            "observed_mob": _months_seen(cohort, observed_to),
            "cohort": cohort.to_numpy(),
            "last_mob": mob[ends],
        },
        index=pd.Index(book["loan_id"].iloc[starts], name="loan_id"),
    )


def _unseen(
    starts: np.ndarray,
    mob: np.ndarray,
    days: np.ndarray,
    charged_off: np.ndarray,
    limit: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stretches of unseen months: loan, first month in which it may be past `limit`, most days.

    Nobody is further past due than the days since it was last seen, and what was seen then, allow;
    before its first row, than the days since the first of its month of disbursal.
    """
    entries = starts[mob[starts] > 0]
    is_start = np.zeros(len(mob), dtype=bool)
    is_start[starts] = True
    rows = np.flatnonzero(~is_start[1:] & (mob[1:] > mob[:-1] + 1)) + 1
    first = np.concatenate([np.zeros(len(entries), np.int64), mob[rows - 1] + 1])
    before = np.concatenate([np.full(len(entries), -1), days[rows - 1]])
    gone = np.concatenate([charged_off[entries], charged_off[rows] & ~charged_off[rows - 1]])
    rows = np.concatenate([entries, rows])
    # the first of `first`, `first` + 1, ... by whose end enough days have passed
    later = np.maximum(np.floor((limit - before) / _MOST_DAYS), 0)
    possible = np.where(gone, first, first + later)
    possible = np.where(possible < mob[rows], possible, _NEVER).astype(np.int64)
    most = before + _MOST_DAYS * (mob[rows] - first)
    return np.searchsorted(starts, rows, side="right") - 1, possible, most


def default_flags(
    book: pd.DataFrame,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    *,
    term_months: pd.Series | None = None,
) -> pd.Series:
    """Label of each loan: 1 bad, 0 good, NaN not known yet or indeterminate.

    A label exists only once the loan's whole cohort has reached the window, however early the
    loan itself ended; with no window, once every loan of its cohort and term has ended.

    Nothing is guessed of months that were not seen. A loan first seen after month 0, one with
    months left out, or one whose rows stop is good only if it cannot have turned bad unseen: its
    days past due grow by one a day at most, from what was seen last, or from nothing on the first
    of its month of disbursal. Where it may have, before it was seen bad and within the window, it
    has no label, and a default seen later gives it none: else the late entrants that default would
    be known, and those that do not would not. :func:`label_table` counts them.

    Parameters
    ----------
    book : DataFrame
        The monthly panel (performance), sorted by loan and month, or the outcomes.
    definition : BadDefinition
    observed_to : Timestamp
        The last month-end seen.
    term_months : Series, index loan_id, optional
        A panel does not carry the term: needed for ``definition.by_term``; with no window, loans
        of all terms wait for each other without it.

    Returns
    -------
    Series of float, index loan_id
        Named default_flag.

    Raises
    ------
    DataContractError
        A panel that lacks a column or is not sorted by loan and month.
    ValueError
        A window by term, but no terms.

    Source
    ------
    riskkit definition; the maturity rule avoids counting early endings of a young cohort.
    """
    return _flags(_loans_of(book, definition, observed_to, term_months), definition)


def _loans_of(
    book: pd.DataFrame,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    term_months: pd.Series | None,
) -> pd.DataFrame:
    """One row per loan as :func:`_first_bad_and_end` gives it, with the term where it is known."""
    loans = _first_bad_and_end(book, definition.dpd, observed_to)
    if "term_months" not in loans:
        if term_months is not None:
            loans["term_months"] = term_months.reindex(loans.index)
        elif definition.by_term:
            raise ValueError("a window by term needs term_months, index loan_id")
    return loans


def _flags(loans: pd.DataFrame, definition: BadDefinition) -> pd.Series:
    """Labels of loans in the shape of :func:`_first_bad_and_end`."""
    window, bad, hidden = _window_and_bad(loans, definition)
    # a loan that drops out of the data before the window, neither ended nor bad, is not known
    followed = bad | loans["ended"].to_numpy() | (loans["last_mob"] >= window).to_numpy()
    known = _cohort_ripe(loans, window) & followed & ~hidden
    if definition.indeterminate_dpd is not None:
        known &= bad | (loans["worst_possible_dpd"] <= definition.indeterminate_dpd).to_numpy()
    flags = np.where(known, bad.astype(float), np.nan)
    return pd.Series(flags, index=loans.index, name="default_flag")


def _window_and_bad(
    loans: pd.DataFrame, definition: BadDefinition
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Window of each loan, whether it is bad within it, and whether that may have gone unseen."""
    terms = loans["term_months"] if "term_months" in loans else pd.Series(0, index=loans.index)
    window = definition.window_of(terms)
    first_bad, unseen = loans["first_bad_mob"].to_numpy(), loans["unseen_from"].to_numpy()
    return window, (first_bad <= window) & (first_bad < unseen), _hidden(loans) & (unseen <= window)


def _cohort_ripe(loans: pd.DataFrame, window: np.ndarray) -> np.ndarray:
    """Whether each loan's cohort has reached its window."""
    ripe = (loans["observed_mob"] >= window).to_numpy()
    no_window = window >= _NO_WINDOW
    if no_window.any():
        # the cohort is mature when every loan of it (and of the term) has ended
        terms = loans["term_months"].to_numpy() if "term_months" in loans else np.zeros(len(loans))
        ended = loans["ended"].groupby([loans["cohort"], terms], dropna=False).transform("all")
        ripe = np.where(no_window, ended, ripe)
    return ripe


def _hidden(loans: pd.DataFrame) -> np.ndarray:
    """Whether a loan may have turned bad unseen, before it was seen bad."""
    return (loans["unseen_from"] < loans["first_bad_mob"]).to_numpy()


def _watched_to_the_end(loans: pd.DataFrame) -> pd.Series:
    """Whether the cohort was watched for the term and long enough for its last bads to show.

    A loan that may have turned bad unseen was not watched.
    """
    return (loans["observed_mob"] >= loans["term_months"] + 6) & ~_hidden(loans)


def window_coverage(
    book: pd.DataFrame,
    definition: BadDefinition,
    observed_to: pd.Timestamp,
    term_months: pd.Series,
) -> pd.DataFrame:
    """Share of final bads that the window catches, by term.

    Over loans whose cohort has been watched for the term and six months more, so that nearly
    every bad has shown itself.

    Returns
    -------
    DataFrame, index term_months
        loans, final_bads, within_window, caught_rate (NaN where there is no bad).
    """
    loans = _first_bad_and_end(book, definition.dpd, observed_to)
    loans["term_months"] = term_months.reindex(loans.index).astype("int64")
    seen = loans[_watched_to_the_end(loans)]
    final = seen["first_bad_mob"] <= seen["observed_mob"]
    window = definition.window_of(seen["term_months"])
    caught = (seen["first_bad_mob"] <= window) & final
    table = (
        pd.DataFrame({"final_bads": final, "within_window": caught})
        .groupby(seen["term_months"])
        .agg(
            loans=("final_bads", "size"),
            final_bads=("final_bads", "sum"),
            within_window=("within_window", "sum"),
        )
    )
    table["caught_rate"] = table["within_window"] / table["final_bads"].where(
        table["final_bads"] > 0
    )
    return table


def check_test_share(test_share: float) -> None:
    """Refuse a share that leaves nobody to train or to test.

    Raises
    ------
    ValueError
    """
    if not 0 < test_share < 1:
        raise ValueError(f"test_share must be in (0, 1), got {test_share!r}")


def assign_samples(
    applications: pd.DataFrame,
    *,
    out_of_time_from: pd.Timestamp | None = None,
    test_share: float = 0.3,
    out_of_time_share: float = 0.25,
    seed: int = 0,
) -> pd.Series:
    """Sample of each application: train, test, out_of_time; missing without a label.

    Everything applied for from `out_of_time_from` on is out of time. Before it, customers (not
    applications) are split between train and test by a hash, so a customer is never in both and
    the split does not depend on row order. There is no out-of-time sample without applied_at, nor
    where all labelled were applied for in one month, or no month leaves goods and bads on either
    side.

    Parameters
    ----------
    applications : DataFrame
        application_id, customer_id, default_flag, and applied_at where it is known.
    out_of_time_from : Timestamp, optional
        First day of the out-of-time sample; by default the first day of the latest month that
        leaves at least `out_of_time_share` of the labelled applications after it, and goods and
        bads among them and among the customers of either sample before.
    test_share : float
        Share of the customers before that day who go to the test sample, in (0, 1).
    out_of_time_share : float
        In (0, 1); used where `out_of_time_from` is not given.
    seed : int
        Changes the hash.

    Returns
    -------
    Series of str, index application_id
        Named sample.

    Raises
    ------
    ValueError
        A share out of range, an `out_of_time_from` without applied_at, or a sample that would hold
        one class only or no application.
    """
    check_test_share(test_share)
    if not 0 < out_of_time_share < 1:
        raise ValueError(f"out_of_time_share must be in (0, 1), got {out_of_time_share!r}")
    labelled = applications["default_flag"].notna().to_numpy()
    dated = "applied_at" in applications
    if not dated and out_of_time_from is not None:
        raise ValueError(f"out_of_time_from={out_of_time_from:%Y-%m-%d} needs applied_at")
    hash_key = f"{seed:016d}"[-16:]
    hashes = pd.util.hash_array(applications["customer_id"].to_numpy(object), hash_key=hash_key)
    is_test = hashes / 2.0**64 < test_share
    if out_of_time_from is None and dated:
        out_of_time_from = _latest_start(
            applications[labelled], is_test[labelled], out_of_time_share
        )
    late = np.zeros(len(applications), dtype=bool)
    if out_of_time_from is not None:
        late = (applications["applied_at"] >= out_of_time_from).to_numpy()
    sample = pd.Series(
        np.where(late, "out_of_time", np.where(is_test, "test", "train")),
        index=pd.Index(applications["application_id"], name="application_id"),
        name="sample",
        dtype="str",
    ).where(labelled)
    flags = applications["default_flag"].to_numpy()
    start = "" if out_of_time_from is None else f"out of time starts {out_of_time_from:%Y-%m-%d}, "
    for name in SAMPLES if out_of_time_from is not None else SAMPLES[:2]:
        classes = np.unique(flags[(sample == name).to_numpy()])
        if len(classes) < 2:
            raise ValueError(
                f"the {name} sample needs goods and bads, found labels {classes.tolist()}; "
                f"{start}test_share={test_share}"
            )
    return sample


def _latest_start(labelled: pd.DataFrame, is_test: np.ndarray, share: float) -> pd.Timestamp | None:
    """First day of the latest month from which on the out-of-time sample may start, if any."""
    months = labelled["applied_at"].dt.to_period("M")
    bad = (labelled["default_flag"] == 1).to_numpy()
    cells = {
        f"{name}_{side}": (bad == is_bad) & part
        for name, part in (("train", ~is_test), ("test", is_test), ("any", True))
        for side, is_bad in (("good", False), ("bad", True))
    }
    counts = pd.DataFrame(cells).groupby(months.to_numpy()).sum()
    before = counts.cumsum() - counts
    after = counts.sum() - before
    enough = after["any_good"] + after["any_bad"] >= share * len(labelled)
    both = (after[["any_good", "any_bad"]] > 0).all(axis=1)
    taught = (before.drop(columns=["any_good", "any_bad"]) > 0).all(axis=1)
    starts = counts.index[enough & both & taught]
    return starts[-1].start_time if len(starts) else None


def samples_present(sample: pd.Series) -> list[str]:
    """The samples there are, in the order train, test, out_of_time; the last one judges the models.

    Examples
    --------
    >>> samples_present(pd.Series(["test", None, "train"]))
    ['train', 'test']
    """
    there = set(sample.dropna())
    return [name for name in SAMPLES if name in there]
