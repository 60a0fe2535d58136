"""Kernels: processes of this very interpreter, started before they are needed.

Takes a notebook; gives a :class:`Kernel` that imports what the notebook will and waits for it. The
one place that starts processes. Half a second of IPython's start and one and a half of imports,
of every stage, so pass while the stages before are at work; a kernel that waits takes 200 MB.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from riskkit.pipeline import waiting_kernel
from riskkit.pipeline.notebooks import Notebook
from riskkit.pipeline.opening import UNDER_RUNNER

__all__ = ["Kernel", "cores_here", "manager_of"]

MOST_THREADS = 8


def cores_here() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Kernel:
    """A kernel that waits for its notebook, in the notebook's folder.

    It ends by itself when this process does.

    Parameters
    ----------
    notebook : Notebook
    threads : int
        Of compiled libraries, unless the environment says otherwise.
    """

    def __init__(self, notebook: Notebook, threads: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, waiting_kernel.__file__],
            stdin=subprocess.PIPE,
            cwd=notebook.path.parent,
            env=_environment(notebook, threads),
            start_new_session=True,  # Ctrl-C is the runner's alone
        )

    @property
    def exit_code(self) -> int | None:
        """How the process ended, negative for a signal; None while it runs."""
        return self.process.poll()

    def become(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        """Let it be IPython's kernel with these arguments."""
        assert self.process.stdin is not None
        told = json.dumps({"argv": [*arguments], "env": {**environment}})
        # where it has ended already, whoever waits for it will see
        with contextlib.suppress(OSError), self.process.stdin as pipe:
            pipe.write(f"{told}\n".encode())

    def kill(self) -> None:
        """End it at once, whatever it does, and the programs that it has started."""
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # it leads a session of its own

    def close(self) -> None:
        """Leave nothing of it."""
        self.kill()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        self.process.wait()


def manager_of(kernel: Kernel, scratch: Path, environment: Mapping[str, str]) -> type:
    """Jupyter's manager of a kernel that is there already, whatever kernels are installed.

    Parameters
    ----------
    kernel : Kernel
    scratch : Path
        A folder for this kernel alone.
    environment : mapping of str to str
    """
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

    class Manager(AsyncKernelManager):
        kernel_spec = KernelSpec(argv=argv, display_name="Python 3", language="python")

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            # sockets in a private folder: no port to race for, nothing another user can reach
            self.transport = "ipc"
            self.connection_file = str(scratch / "k.json")

        async def _async_launch_kernel(self, kernel_cmd: list[str], **settings: Any) -> None:
            # the user's own IPython set-up stays out
            kernel.become(kernel_cmd[3:], {**environment, "IPYTHONDIR": str(scratch)})
            provisioner: Any = self.provisioner  # Jupyter's own for processes of this machine
            provisioner.process = kernel.process
            provisioner.pid = provisioner.pgid = kernel.process.pid

    return Manager


# So that glibc and Arrow give freed memory back to the system at once, at the same speed:
# 06_validation of ten million applicants needs 2.7 GiB in place of 3.3.
_MEMORY = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 22),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 26),
}


def _environment(notebook: Notebook, threads: int) -> dict[str, str]:
    return {
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OMP_NUM_THREADS": str(min(threads, MOST_THREADS)),
        **_MEMORY,
        **os.environ,
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        # another than that of a JupyterLab that a run may be started from
        "JPY_PARENT_PID": str(os.getpid()),
        UNDER_RUNNER: "1",
        waiting_kernel.IMPORTS: json.dumps(notebook.imports),
    }
