"""What a notebook asks for first: its stage, in a place of its own, its parameters held to account.

Takes the notebook's variables; gives its :class:`~riskkit.pipeline.handover.Stage`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from riskkit.pipeline.folders import own_folder
from riskkit.pipeline.handover import LAB, Stage
from riskkit.pipeline.lab import reading_text, shell_here, show_grey
from riskkit.pipeline.notebooks import STAGE_NAME, Notebook, find_notebooks, find_project, home_of
from riskkit.pipeline.parameters import OWN, BadInput
from riskkit.pipeline.refused import check_variables
from riskkit.pipeline.skipping import skip_sections
from riskkit.pipeline.what_is_read import Sees

__all__ = ["SEES", "UNDER_RUNNER", "open_stage"]

UNDER_RUNNER = "RISKKIT_RUNNER"
"""Set in the environment of kernels that the runner starts, which has checked all of this."""
SEES = "RISKKIT_SEES"
"""What the runner lets the stage see of its run, in the same environment."""


def open_stage(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    run_dir: str | Path = "",
    output_dir: str | Path = "",
) -> Stage:
    """The stage a notebook works in.

    In JupyterLab, and wherever else the runner does not run the notebook, its parameters are
    checked as the command line checks them, and a cell tagged ``needs:NAME`` whose table is not
    there shows one grey line instead of being run. In the lab a line says what is read.

    Parameters
    ----------
    name : str
        The notebook's own name.
    parameters : mapping of str to Any, optional
        The notebook's variables, such as ``globals()``; `run_dir` and `output_dir` are among them.
    run_dir : str or Path
        Folder of the run to read; empty: what JupyterLab has left in ``data/runs/lab``, and for
        stages before that the latest run.
    output_dir : str or Path
        Folder to write to, made if absent; empty: ``data/runs/lab/NN_name``.

    Raises
    ------
    BadInput
        `name` is no stage name; a parameter is of another type than declared or refused by the
        notebook's own check; the project is not found; one of the folders is given alone.
    """
    if not STAGE_NAME.fullmatch(name):
        raise BadInput(f"a stage is called NN_name, got {name!r}")
    variables = dict(parameters or {})
    run_dir, output_dir = (
        given or variables.get(own) or ""
        for own, given in zip(OWN, (run_dir, output_dir), strict=True)
    )
    if bool(str(run_dir)) != bool(str(output_dir)):
        raise BadInput("run_dir and output_dir are given together, or neither")
    if os.environ.get(UNDER_RUNNER):
        seen = os.environ.get(SEES)
        return _opened(name, run_dir, output_dir, Sees.from_text(seen) if seen else None)
    notebook = _notebook(name, *(Path(str(folder)) for folder in (output_dir, run_dir) if folder))
    if notebook is not None:
        check_variables(notebook, variables)
    stage = _opened(name, run_dir, output_dir)
    shell = shell_here()
    if shell is not None and parameters is not None:
        if stage.run_dir is None:
            show_grey(shell, reading_text(stage))
        skip_sections(shell, stage, notebook)
    return stage


def _opened(
    name: str, run_dir: str | Path, output_dir: str | Path, sees: Sees | None = None
) -> Stage:
    if str(run_dir):
        stage = Stage(name, Path(output_dir).resolve(), Path(run_dir).resolve(), sees)
    else:
        project = home_of(name) or find_project()
        stage = Stage(name, project / "data" / "runs" / LAB / name)
    if not os.environ.get(UNDER_RUNNER):  # which makes it, and removes it when it ends
        own_folder(stage.output_dir)
    if stage.run_dir is None:
        stage.open_in_lab()
    return stage


def _notebook(name: str, *near: Path) -> Notebook | None:
    project = home_of(name, *near)
    if project is None:
        return None
    return next(n for n in find_notebooks(project) if n.name == name)
