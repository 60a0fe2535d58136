"""Run one notebook to its end, or to its first error, under a limit on the whole of it.

Takes a notebook and parameter values; gives the executed notebook with what went wrong. papermill
executes, in a kernel of :mod:`~riskkit.pipeline.kernels`. Notebooks may run in several threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from riskkit.checks import may_hold_password
from riskkit.pipeline.kernels import Kernel, manager_of
from riskkit.pipeline.notebooks import Notebook, first_absent, leave_out
from riskkit.tables import scratch_folder

__all__ = ["Failure", "Outcome", "load_engine", "run_notebook"]

ENGINE = "riskkit"
ERROR_MARKER = "papermill-error-cell-tag"
START_SECONDS = 60
_UNSHOWN = "what it says may hold a password and is not shown"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Failure:
    """Why a notebook did not reach its end: exception name, message, traceback without colours."""

    name: str
    message: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name


@dataclass(frozen=True)
class Outcome:
    """An executed notebook (nbformat node), the seconds its cells took, and its failure if any."""

    notebook: Any
    cell_seconds: float
    failure: Failure | None


@dataclass
class _Job:
    """What the engine needs to know, and where it leaves the notebook if papermill raises."""

    has: Callable[[str], bool]
    deadline: float
    kernel: Kernel
    environment: Mapping[str, str]
    notebook: Any = None
    missing: dict[int, str] | None = None
    exit_code: int | None = None


def run_notebook(
    notebook: Notebook,
    parameters: Mapping[str, Any],
    *,
    kernel: Kernel,
    has: Callable[[str], bool],
    timeout_seconds: float,
    environment: Mapping[str, str] | None = None,
    progress: Mapping[str, Any] | None = None,
) -> Outcome:
    """Execute a notebook in a kernel, which ends with it.

    Parameters
    ----------
    notebook : Notebook
    parameters : mapping
        Values for its parameters cell.
    kernel : Kernel
        That executes it, and ends with it.
    has : callable
        Whether a hand-over table or column is there; asked just before each cell tagged
        ``needs:NAME``. A cell whose table is not there is replaced by a sentence saying so.
    timeout_seconds : float
        Limit on the whole notebook, the kernel's start included.
    environment : mapping of str to str, optional
        More of the kernel's environment.
    progress : mapping, optional
        Settings of the progress bar over cells; none: no bar.
    """
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    load_engine()
    node = nbformat.read(notebook.path, as_version=4)
    for cell in node.cells:
        tags = cell.metadata.get("tags", [])
        # the tag lets Run All go on in JupyterLab; here an error is an error
        cell.metadata["tags"] = [tag for tag in tags if tag != "raises-exception"]
    job = _Job(has, time.monotonic() + timeout_seconds, kernel, environment or {})
    failure = None
    try:
        with _loop_of_this_thread():
            papermill.execute_notebook(
                node,
                None,
                parameters=dict(parameters),
                engine_name=ENGINE,
                kernel_name="python3",
                language="python",
                progress_bar=dict(progress) if progress else False,
                start_timeout=START_SECONDS,
                job=job,
            )
    except PapermillExecutionError as error:
        message = _ANSI.sub("", error.evalue)
        if error.ename == "MemoryError" and not message:
            message = "the notebook asked for more memory than it may have"
        failure = Failure(error.ename, message, _ANSI.sub("", "\n".join(error.traceback)))
    except CellTimeoutError:
        failure = Failure("TimeLimit", f"the stage took longer than {timeout_seconds:g} seconds")
    except DeadKernelError:
        failure = Failure("KernelDied", f"the notebook's process ended{_how(job.exit_code)}")
    except RuntimeError as error:
        if job.notebook is None:
            raise
        failure = Failure("KernelNotStarted", str(error))
    executed = job.notebook
    if failure is not None:
        message, trace = (
            _UNSHOWN if may_hold_password(said) else said
            for said in (failure.message, failure.traceback)
        )
        failure = Failure(failure.name, message, trace)
    # papermill keeps what it was given there: a second copy of the whole notebook
    executed.metadata.get("papermill", {}).pop("input_path", None)
    _leave_out_passwords(executed)
    cell_seconds = sum(
        cell.metadata.get("papermill", {}).get("duration") or 0.0 for cell in executed.cells
    )
    executed.cells = [
        cell for cell in executed.cells if ERROR_MARKER not in cell.metadata.get("tags", [])
    ]
    executed.cells = leave_out(executed.cells, job.missing or {}, nbformat.v4.new_markdown_cell)
    return Outcome(executed, cell_seconds, failure)


@contextlib.contextmanager
def _loop_of_this_thread() -> Iterator[None]:
    """Close the event loop that Jupyter makes for each thread and leaves open."""
    from jupyter_core.utils import ensure_event_loop

    loop = ensure_event_loop()
    try:
        yield
    finally:
        # of a cell that was cut off
        for task in (pending := asyncio.all_tasks(loop)):
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.close()


def _leave_out_passwords(executed: Any) -> None:
    """Drop what an error, a warning or the code itself says, where it may hold a password."""
    for cell in executed.cells:
        if may_hold_password(cell.source):
            cell.source = f"# {_UNSHOWN}"
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                if may_hold_password(_ANSI.sub("", output.evalue)):
                    output.evalue, output.traceback = _UNSHOWN, [f"{output.ename}: {_UNSHOWN}"]
                elif may_hold_password(_ANSI.sub("", "\n".join(output.traceback))):
                    output.traceback = [f"{output.ename}: {output.evalue}"]
            elif output.output_type == "stream" and may_hold_password(_ANSI.sub("", output.text)):
                output.text = f"{_UNSHOWN}\n"


@cache
def load_engine() -> None:
    """Import papermill and teach it our engine: two seconds, once a process."""
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import NBClientEngine, papermill_engines

    quiet = logging.getLogger("riskkit.papermill")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False

    class Client(PapermillNotebookClient):
        """papermill's loop over cells, passing over those whose table is not there."""

        job: _Job

        def papermill_execute_cells(self) -> None:
            for index, cell in enumerate(self.nb.cells):
                absent = first_absent(cell, self.job.has)
                try:
                    self.nb_man.cell_start(cell, index)
                    if absent is not None:
                        assert self.job.missing is not None
                        self.job.missing[index] = absent
                    else:
                        self.execute_cell(cell, index)
                except CellExecutionError as error:
                    self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                    break
                except DeadKernelError:
                    self.job.exit_code = self.job.kernel.exit_code
                    raise
                finally:
                    self.nb_man.cell_complete(cell, cell_index=index)

    class Engine(NBClientEngine):
        """One kernel of this interpreter for one notebook, killed when it is done."""

        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **settings: Any) -> Any:
            job: _Job = settings["job"]
            job.notebook, job.missing = nb_man.nb, {}
            with scratch_folder() as scratch:
                cls._execute(nb_man, kernel_name, scratch, settings)
            return nb_man.nb

        @classmethod
        def _execute(
            cls, nb_man: Any, kernel_name: str, scratch: Path, settings: dict[str, Any]
        ) -> None:
            job: _Job = settings["job"]
            client = Client(
                nb_man,
                kernel_name=kernel_name,
                kernel_manager_class=manager_of(job.kernel, scratch, job.environment),
                # nbclient takes 0 for no limit
                timeout_func=lambda cell: max(job.deadline - time.monotonic(), 0.01),
                startup_timeout=int(settings["start_timeout"]),
                iopub_timeout=START_SECONDS,
                store_widget_state=False,
                shutdown_kernel="immediate",
                log=quiet,
            )
            client.job = job
            try:
                client.execute()
            finally:
                # nbclient forgets a kernel that was killed while it was starting
                if client.km is not None and client.km.has_kernel:
                    client._cleanup_kernel()

    papermill_engines.register(ENGINE, Engine)


def _how(exit_code: int | None) -> str:
    """How a process ended, for a sentence that says it did; negative codes are signals."""
    if exit_code is None:
        return " by itself"
    if exit_code >= 0:
        return f" by itself with code {exit_code}"
    hints = {
        "SIGKILL": ", as the system does where memory runs out",
        "SIGSEGV": ", so a compiled library has crashed",
    }
    name = signal.Signals(-exit_code).name
    return f" on signal {name}{hints.get(name, '')}"
