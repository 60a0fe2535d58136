"""Reject inference: what the declined would have done, and whether guessing it helps a model.

Takes the labels of accepted applicants, who was declined, and a probability of bad from a model of
the accepted; gives training rows with weights, and tables that compare what models of them say.

A lender learns outcomes of those it accepted, and a model of them is then asked about everybody.
Where acceptance depends only on what the model sees, a rightly specified model needs no inference;
where it depends on more, no method can learn from the accepted alone what the declined would have
done. The uplift factor is then an assumption, not an estimate.

References
----------
Siddiqi (2006), Credit Risk Scorecards, ch. 6; Hand, Henley (1993), Can reject inference ever work?,
IMA Journal of Mathematics Applied in Business and Industry 5(1); Crook, Banasik (2004), Does reject
inference really improve the performance of application scoring models?, Journal of Banking and
Finance 28(4).
"""

from riskkit.reject_inference.effect import compare_methods, declined_bad_rate, sensitivity_band
from riskkit.reject_inference.rows import (
    acceptance_by_band,
    accepted_only,
    fuzzy_augmentation,
    parcelling,
    reweighting,
    score_bands,
)

__all__ = [
    "acceptance_by_band",
    "accepted_only",
    "compare_methods",
    "declined_bad_rate",
    "fuzzy_augmentation",
    "parcelling",
    "reweighting",
    "score_bands",
    "sensitivity_band",
]
