"""Stages side by side: each begins when those that it needs are done, so many at a time.

Takes the graph of stages and what begins, waits for and ends one; gives which of them are done.
All but the waiting happens in the caller's own thread, one thing after another.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from riskkit.pipeline.stage_graph import Needs, depend_on, needed_by

__all__ = ["jobs_or_default", "run_side_by_side", "threads_of"]

MOST_JOBS = 4


def jobs_or_default(jobs: int | None, cores: int) -> int:
    """How many stages run at a time: as many as there are cores, and at most four.

    A stage at work takes a core and some gigabytes of a large book, and after its first half the
    suite is hardly wider than four.

    Raises
    ------
    ValueError
        `jobs` is given and not at least 1.
    """
    if jobs is None:
        return max(1, min(cores, MOST_JOBS))
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise ValueError(f"jobs must be a whole number >= 1, got {jobs!r}")
    return jobs


def threads_of(needs: Needs, selected: Collection[str], jobs: int, cores: int) -> dict[str, int]:
    """Threads of each stage: cores ÷ stages that may run at the same time, itself included.

    No more than `jobs` run at a time, and none beside what it needs or what needs it; so the first
    stages, which all others wait for, have all cores.
    """
    threads = {}
    for name in selected:
        apart = {name} | needed_by(needs, [name]) | depend_on(needs, [name])
        beside = len({*selected} - apart)
        threads[name] = max(1, cores // min(jobs, 1 + beside))
    return threads


def run_side_by_side(
    order: Sequence[str],
    needs: Needs,
    jobs: int,
    *,
    begin: Callable[[str], Callable[[], Any] | None],
    end: Callable[[str, Any], bool],
    likely: Callable[[Sequence[str]], None] = lambda names: None,
    stop: Callable[[], None] = lambda: None,
) -> dict[str, bool]:
    """Which stages are done; those that need one that failed are not begun, and not among them.

    Parameters
    ----------
    order : sequence of str
        The stages; of two that could begin, the earlier one does.
    needs : mapping
        Those that are not in `order` are there already.
    jobs : int
        Stages at work at a time.
    begin : callable
        What a stage has to do, which a thread of its own does then; None: it is done already.
    end : callable
        Whether the stage came to its end, from what was done. Where it raises, no other stage is
        begun, those at work come to their end, and then it is raised.
    likely : callable
        Is told which stages may begin when one of those at work is done.
    stop : callable
        Makes what is at work come to its end at once: a signal, or a fault of ours.

    Returns
    -------
    dict of str to bool
    """
    done: dict[str, bool] = {}
    at_work: dict[str, Future[Any]] = {}
    refusal: Exception | None = None
    within = {name: {*needs.get(name, ())} & {*order} for name in order}
    with ThreadPoolExecutor(jobs, thread_name_prefix="riskkit-stage") as pool:
        try:
            while True:
                ready = _ready(order, within, {*done, *at_work}, _good(done))
                while refusal is None and ready and len(at_work) < jobs:
                    work = begin(ready[0])
                    if work is None:
                        done[ready[0]] = True
                    else:
                        at_work[ready[0]] = pool.submit(work)
                    ready = _ready(order, within, {*done, *at_work}, _good(done))
                if not at_work:
                    break
                if refusal is None:
                    soon = _ready(order, within, {*done, *at_work}, {*_good(done), *at_work})
                    likely(soon[:jobs])
                wait(at_work.values(), return_when=FIRST_COMPLETED)
                for name in [name for name, future in at_work.items() if future.done()]:
                    future = at_work.pop(name)
                    try:
                        done[name] = end(name, future.result())
                    except ValueError as error:  # what the stage was given, as bad input is
                        refusal = refusal or error
        except BaseException:
            stop()
            raise
    if refusal is not None:
        raise refusal
    return done


def _ready(
    order: Sequence[str],
    within: Mapping[str, Collection[str]],
    begun: Collection[str],
    good: Collection[str],
) -> list[str]:
    """Stages that have not begun and need none but those that are good."""
    return [name for name in order if name not in begun and {*within[name]} <= {*good}]


def _good(done: Mapping[str, bool]) -> set[str]:
    """Those that came to a good end."""
    return {name for name, is_good in done.items() if is_good}
