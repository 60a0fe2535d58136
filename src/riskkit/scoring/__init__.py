"""Scores for a file of any size, block by block, and a side file of the rows that have none.

Takes a model and a parquet or CSV file; gives a file of scores, and a :class:`ScoringResult`.
"""

from riskkit.scoring.score import ScoringResult, check_reasons, load_model, score_file

__all__ = ["ScoringResult", "check_reasons", "load_model", "score_file"]
