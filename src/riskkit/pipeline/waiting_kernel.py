"""The program that a kernel is, started before it is needed.

Run as a file, ``python waiting_kernel.py``, so that it imports no more than its notebook will. It
does that, waits for one line of JSON, ``{"argv": [...], "env": {...}}``, and becomes IPython's
kernel. Where the line does not come, because whoever started it is gone, it ends. `IMPORTS` in the
environment is the JSON of :func:`what_is_read.imports_in`.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Iterable, Sequence

__all__ = ["IMPORTS", "import_early"]

IMPORTS = "RISKKIT_IMPORTS"


def import_early(wanted: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Import modules, and names of them that are modules; what goes wrong is the notebook's to say.

    Parameters
    ----------
    wanted : iterable of (module, names)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module, names in wanted:
            # a module may raise whatever it likes, and will again where the notebook imports it
            with contextlib.suppress(Exception):
                found = importlib.import_module(module)
                for name in names:
                    if not hasattr(found, name):
                        importlib.import_module(f"{module}.{name}")


def _die_with_runner() -> None:
    """Have Linux end this process with the one that started it, whatever it does then.

    IPython looks once a second whether that one is there, but not while a library computes and
    holds the interpreter.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))  # PR_SET_PDEATHSIG
        if os.getppid() != int(os.environ.get("JPY_PARENT_PID", os.getppid())):
            sys.exit(1)  # it was gone already


def _main() -> None:
    _die_with_runner()
    # the files beside this one are no modules of their own
    sys.path[:] = [place for place in sys.path if place != os.path.dirname(__file__)]
    # as ipykernel sets it, which comes too late for what is imported here
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    from ipykernel import kernelapp

    import_early(json.loads(os.environ.pop(IMPORTS, "[]")))
    line = sys.stdin.readline()
    if not line:
        return
    told = json.loads(line)
    os.environ |= told["env"]
    sys.argv = ["ipykernel_launcher", *told["argv"]]
    # a cell that asks for input finds none
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    _main()
