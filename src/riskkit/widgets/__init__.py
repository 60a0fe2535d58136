"""Editors for JupyterLab: bins that are merged and split by hand, a cutoff that is moved.

Each is a session without a view (its state, tested by itself) under a thin view; where nobody can
answer, as in a run, a picture stands in its place.
"""

from riskkit.widgets.bin_editor import BinEditor, bin_editor
from riskkit.widgets.bin_effect import EffectOfEdit
from riskkit.widgets.bin_session import BinSession
from riskkit.widgets.cutoff_explorer import CutoffExplorer, cutoff_explorer
from riskkit.widgets.cutoff_session import CutoffSession

__all__ = [
    "BinEditor",
    "BinSession",
    "CutoffExplorer",
    "CutoffSession",
    "EffectOfEdit",
    "bin_editor",
    "cutoff_explorer",
]
