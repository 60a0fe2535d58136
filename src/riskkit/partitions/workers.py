"""Who counts the blocks: the caller alone, threads, processes or a Dask cluster.

Takes an executor, or the address of a scheduler in ``RISKKIT_SCHEDULER``; gives what submits tasks
to it. The one place that knows of Dask.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

__all__ = [
    "SCHEDULER",
    "WorkersLost",
    "at_work",
    "check_scheduler",
    "done_by",
    "given_up",
    "local_cluster",
    "n_at_once",
    "result_of",
    "shared",
    "using",
]

SCHEDULER = "RISKKIT_SCHEDULER"  # address of the scheduler whose workers count
_THREADS = "OMP_NUM_THREADS"
_CONNECT_SECONDS = 15
_POLL_SECONDS = 0.5
_LOST_SECONDS = 5.0  # without the scheduler
_SENT_BYTES = 1 << 16  # what is larger goes to the workers once, not with every block
_given: list[Executor | None] = []  # the last one does what is given no executor
_here = threading.local()


class WorkersLost(RuntimeError):
    """The Dask scheduler is gone, or none of its workers comes to an end."""


@contextmanager
def using(executor: Executor | None) -> Iterator[None]:
    """Within it, `executor` does whatever is given none of its own; None: nobody but the caller.

    Without it a pass over blocks is done by the workers of the Dask scheduler whose address the
    environment variable ``RISKKIT_SCHEDULER`` holds, or else by as many threads as
    ``OMP_NUM_THREADS`` says, or as there are cores.

    Parameters
    ----------
    executor : concurrent.futures.Executor or None
        Threads, processes or a Dask client's ``get_executor()``.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> import pandas as pd
    >>> from riskkit.partitions import total
    >>> rows = [pd.DataFrame({"n": [1]}), pd.DataFrame({"n": [2]})]
    >>> with ThreadPoolExecutor(2) as pool, using(pool):
    ...     total(lambda block: int(block["n"].sum()), rows)
    3
    """
    _given.append(executor)
    try:
        yield
    finally:
        _given.pop()


def at_work() -> Executor | None:
    """Who does what is given no executor; None: the caller, as within a task of such a pass."""
    if getattr(_here, "within_a_task", False):
        return None  # one that waits for others of its pool would wait for ever
    if _given:
        return _given[-1]
    address = os.environ.get(SCHEDULER, "")
    return _dask_workers(address) if address else _threads(os.environ.get(_THREADS, ""))


@cache
def _threads(asked: str) -> Executor | None:
    n = int(asked) if asked.isdecimal() else len(os.sched_getaffinity(0))
    return ThreadPoolExecutor(n, thread_name_prefix="riskkit-blocks") if n > 1 else None


def n_at_once(executor: Executor) -> int:
    """Tasks that a Dask cluster works on at a time; 0 where it is none."""
    client = _client(executor)
    return 0 if client is None else sum(client.nthreads().values())


def done_by(executor: Executor, task: Any, block: Any) -> Future[tuple[Any, float]]:
    """The task on a block, submitted: its result, and the seconds it took there."""
    return executor.submit(_done, task, block)


def _done(task: Callable[[Any], Any], block: Any) -> tuple[Any, float]:
    before = getattr(_here, "within_a_task", False)
    _here.within_a_task = True
    start = time.monotonic()
    try:
        return task(block), time.monotonic() - start
    finally:
        _here.within_a_task = before


def shared(fn: Callable[[Any], Any], executor: Executor) -> Any:
    """The task, as it is sent with each block: of Dask's workers each gets a large one once.

    It is made by a task of its own, which the scheduler repeats where the worker that held it is
    gone; data that were scattered would be lost with it.
    """
    client = _client(executor)
    if client is None:
        return fn
    from distributed.protocol import pickle

    packed = pickle.dumps(fn)
    if len(packed) <= _SENT_BYTES:
        return fn
    return client.submit(pickle.loads, packed, pure=False)


def result_of(future: Future[tuple[Any, float]], executor: Executor) -> tuple[Any, float]:
    """What a task has made and the seconds it took, or the error that it ended with.

    Raises
    ------
    WorkersLost
        The Dask scheduler is gone, or a block has ended one worker after another.
    """
    client = _client(executor)
    if client is None:
        return future.result()
    from distributed import KilledWorker

    last_seen = time.monotonic()
    # Dask itself would wait for a scheduler that never comes back
    while not wait([future], _POLL_SECONDS).done:
        if client.status == "running":
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > _LOST_SECONDS:
            raise _lost(client, "nobody answers")
    try:
        return future.result()
    except CancelledError as error:
        raise _lost(client, "what waited there is cancelled") from error
    except KilledWorker as error:
        raise WorkersLost(
            "a block has ended one worker of the Dask cluster at "
            f"{_address(client)} after another, most likely for want of memory: give workers "
            "more, or take smaller blocks (RISKKIT_BLOCK_ROWS)"
        ) from error


def given_up(futures: Iterable[Future[Any]], executor: Executor) -> None:
    """Cancel what waits, and wait for what runs, as far as anybody can be waited for."""
    client = _client(executor)
    if client is None or client.status == "running":
        wait([future for future in futures if not future.cancel()])


def _lost(client: Any, why: str) -> WorkersLost:
    return WorkersLost(
        f"the Dask scheduler at {_address(client)} is gone ({why}): stages that are done stay; "
        "start it, and run again"
    )


def _address(client: Any) -> str:
    return str(client.scheduler.address if client.scheduler else "its address")


def _client(executor: Executor) -> Any:
    """The Dask client behind an executor; None behind others."""
    return getattr(executor, "_client", None)


@cache
def _dask_workers(address: str) -> Executor:
    """An executor of the scheduler's workers; one a process."""
    return _connected(address).get_executor(pure=False)


def _connected(address: str) -> Any:
    try:
        import dask
        import distributed
    except ImportError:
        raise WorkersLost(
            "counting on a Dask cluster needs the package distributed: pip install riskkit[dask]"
        ) from None
    # keys that the environment names may be younger than Dask's own reading of it
    dask.config.update(dask.config.config, dask.config.collect_env())
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "2 GB"})
    try:
        # a client that finds nobody is not done with it for a long time
        place = distributed.comm.get_address_host_port(address, strict=True)
        socket.create_connection(place, _CONNECT_SECONDS).close()
        return distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WorkersLost(f"no Dask scheduler answers at {address}: {reason[:200]}") from error


def check_scheduler(address: str) -> None:
    """Whether a scheduler and workers of it are at an address.

    Raises
    ------
    WorkersLost
        Nobody answers there, it has no workers, or Dask is not installed.
    """
    client = _connected(address)
    try:
        workers = client.scheduler_info(n_workers=-1)["workers"]
    finally:
        client.close()
    if not workers:
        raise WorkersLost(f"the Dask scheduler at {address} has no workers")


@contextmanager
def local_cluster(n_workers: int, folder: Path) -> Iterator[dict[str, str]]:
    """A Dask cluster of processes of this machine; gives the environment that joins it.

    Whoever could reach its scheduler could run code as this user: it takes connections with a key
    alone that is made for it and lies in `folder`.

    Parameters
    ----------
    n_workers : int
        Processes, of one thread each.
    folder : Path
        For this user alone; for keys, and what does not fit the workers' memory.
    """
    try:
        import distributed
        from distributed.security import Security

        security = Security.temporary()
    except ImportError as error:
        raise WorkersLost(
            f"a Dask cluster needs the package {error.name or 'cryptography'}: "
            "pip install riskkit[dask]"
        ) from None
    environment = {"DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"}
    pem = {"CA_FILE": security.tls_ca_file}
    pem |= {"CLIENT__KEY": security.tls_client_key, "CLIENT__CERT": security.tls_client_cert}
    for name, text in pem.items():
        path = folder / f"{name.lower()}.pem"
        path.write_text(str(text))
        path.chmod(0o600)
        environment[f"DASK_DISTRIBUTED__COMM__TLS__{name}"] = str(path)
    with distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        security=security,
        # any free port, since there may be other clusters
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        local_directory=str(folder),
        protocol="tls://",
        silence_logs=50,  # what a lost worker means is told by the run
    ) as cluster:
        yield {**environment, SCHEDULER: cluster.scheduler_address}
