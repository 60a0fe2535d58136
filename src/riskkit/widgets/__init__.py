"""Editors for JupyterLab: bins merged and split by hand, a cutoff that is moved, vintage curves.

Each is a session without a view (its state, tested by itself) under a thin view; where nobody can
answer, as in a run, a picture stands in its place.
"""

from riskkit.widgets.bin_editor import BinEditor, bin_editor
from riskkit.widgets.bin_effect import EffectOfEdit
from riskkit.widgets.bin_session import BinSession
from riskkit.widgets.cutoff_explorer import CutoffExplorer, cutoff_explorer
from riskkit.widgets.cutoff_session import CutoffSession
from riskkit.widgets.vintage_explorer import VintageExplorer, vintage_explorer
from riskkit.widgets.vintage_session import VintageSession

__all__ = [
    "BinEditor",
    "BinSession",
    "CutoffExplorer",
    "CutoffSession",
    "EffectOfEdit",
    "VintageExplorer",
    "VintageSession",
    "bin_editor",
    "cutoff_explorer",
    "vintage_explorer",
]
