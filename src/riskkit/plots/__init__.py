"""Pictures of the tables, and the one place that styles a table.

Takes a table of another module; gives Axes, or a table that reads well in a notebook and a report.
"""

from riskkit.plots.amounts import plot_amounts
from riskkit.plots.bins import (
    plot_bin_order,
    plot_bins,
    plot_iv,
    plot_stability,
)
from riskkit.plots.borrowers import (
    plot_application_rates,
    plot_bad_timing,
    plot_funnel,
)
from riskkit.plots.decisions import (
    plot_cutoffs,
    plot_score_bands,
    plot_sensitivity,
)
from riskkit.plots.figures import (
    plot_calibration,
    plot_hazard,
    plot_scores,
    plot_transitions,
    plot_vintage,
)
from riskkit.plots.models import (
    plot_cap,
    plot_contributions,
    plot_ks,
    plot_learning_curve,
    plot_partial_dependence,
    plot_roc,
)
from riskkit.plots.prices import plot_budget, plot_prices
from riskkit.plots.style import new_axes, picture_of, use_report_style
from riskkit.plots.tables import number_format, show_table, table_cells

__all__ = [
    "new_axes",
    "number_format",
    "picture_of",
    "plot_amounts",
    "plot_application_rates",
    "plot_bad_timing",
    "plot_bin_order",
    "plot_bins",
    "plot_budget",
    "plot_calibration",
    "plot_cap",
    "plot_contributions",
    "plot_cutoffs",
    "plot_funnel",
    "plot_hazard",
    "plot_iv",
    "plot_ks",
    "plot_learning_curve",
    "plot_partial_dependence",
    "plot_prices",
    "plot_roc",
    "plot_score_bands",
    "plot_scores",
    "plot_sensitivity",
    "plot_stability",
    "plot_transitions",
    "plot_vintage",
    "show_table",
    "table_cells",
    "use_report_style",
]
