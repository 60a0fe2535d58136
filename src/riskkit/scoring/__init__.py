"""Scores of rows without end: for a file of any size, and for every application of a run.

Takes a model and a parquet or CSV file; gives a file of scores, a side file of the rows that have
none, and a :class:`ScoringResult`. Takes models and applications; gives a run's table of scores.
"""

from riskkit.scoring.of_run import scored_applications, scored_columns
from riskkit.scoring.recalibrated import calibrated
from riskkit.scoring.score import ScoringResult, check_reasons, load_model, score_file

__all__ = [
    "ScoringResult",
    "calibrated",
    "check_reasons",
    "load_model",
    "score_file",
    "scored_applications",
    "scored_columns",
]
