"""The suite's notebooks as stages: hand-over between them, cached runs, HTML reports.

Takes a project folder with notebooks; gives ``data/runs/<run>`` and ``reports/runs/<run>``.
Notebooks use :func:`open_stage`; everything else belongs to the runner.
"""

from riskkit.pipeline.export import run_document, run_workbook
from riskkit.pipeline.finished import FinishedRun, open_run
from riskkit.pipeline.folders import RunBusy
from riskkit.pipeline.handover import Stage, TableMissing, run_files
from riskkit.pipeline.history import previous_of
from riskkit.pipeline.manifest import is_in_a_run, versions
from riskkit.pipeline.opening import open_stage
from riskkit.pipeline.parameters import BadInput, parse_pairs
from riskkit.pipeline.plan import PROFILES
from riskkit.pipeline.runner import RunResult, StageResult, rebuild_index, run, stoppable
from riskkit.pipeline.verify import changed_files, verify_run, verify_text

__all__ = [
    "PROFILES",
    "BadInput",
    "FinishedRun",
    "RunBusy",
    "RunResult",
    "Stage",
    "StageResult",
    "TableMissing",
    "changed_files",
    "is_in_a_run",
    "open_run",
    "open_stage",
    "parse_pairs",
    "previous_of",
    "rebuild_index",
    "run",
    "run_document",
    "run_files",
    "run_workbook",
    "stoppable",
    "verify_run",
    "verify_text",
    "versions",
]
