"""Into which grades the score is cut, and whether they keep their order on the book.

Takes scores of loans of known outcome; gives the rating scale that prices, limits and monitoring
read, the scale beside other loans, and neighbouring grades whose curves cross.
"""

from riskkit.rating.book_scores import scores_of_commonest_term
from riskkit.rating.crossings import (
    crossing_table,
    grade_counts,
    grade_curves,
    settle_scale,
    without_crossings,
)
from riskkit.rating.rating_words import rating_findings, rating_text
from riskkit.rating.scale import grade_of, judge_scale, rating_scale

__all__ = [
    "crossing_table",
    "grade_counts",
    "grade_curves",
    "grade_of",
    "judge_scale",
    "rating_findings",
    "rating_scale",
    "rating_text",
    "scores_of_commonest_term",
    "settle_scale",
    "without_crossings",
]
