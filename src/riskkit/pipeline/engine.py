"""Who counts the blocks of a run's large tables: the stages themselves, or a Dask cluster.

Takes what the command line says; gives the environment that the stages join the cluster by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from riskkit import partitions
from riskkit.pipeline.parameters import BadInput
from riskkit.tables import scratch_folder

__all__ = ["ENGINES", "check_engine", "engine_at_work"]

ENGINES = ("local", "dask")


def check_engine(engine: str, scheduler: str) -> None:
    """Refuse an engine that there is not, or a scheduler that does not answer.

    Raises
    ------
    BadInput
    """
    if engine not in ENGINES:
        raise BadInput(f"no engine {engine!r}; there are {', '.join(ENGINES)}")
    if scheduler and engine != "dask":
        raise BadInput("a scheduler is joined with engine dask: --engine dask --scheduler ADDRESS")
    if scheduler:
        try:
            partitions.check_scheduler(scheduler)
        except partitions.WorkersLost as error:
            raise BadInput(str(error)) from None


@contextmanager
def engine_at_work(engine: str, scheduler: str, cores: int) -> Iterator[Mapping[str, str]]:
    """Within it the cluster is there; gives what to add to the environment of each stage.

    Parameters
    ----------
    engine : {"local", "dask"}
    scheduler : str
        Address of a cluster that runs already; empty: one of this machine, a process a core.
    cores : int

    Raises
    ------
    BadInput
        Dask is not installed.
    """
    if engine == "local":
        yield {}
    elif scheduler:
        yield {partitions.SCHEDULER: scheduler}
    else:
        with ExitStack() as stack:
            folder = stack.enter_context(scratch_folder())
            try:
                environment = stack.enter_context(partitions.local_cluster(cores, folder))
            except partitions.WorkersLost as error:
                raise BadInput(str(error)) from None
            yield environment
