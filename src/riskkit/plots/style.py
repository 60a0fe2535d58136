"""The look of figures and tables, and how a figure reaches a page: as SVG or PNG with alt text."""

from __future__ import annotations

import base64
import html
import io
import re
import warnings
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from riskkit.checks import warn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

__all__ = ["new_axes", "picture_of", "use_report_style"]

GOOD, BAD, ACCENT, MUTED, THIRD = "#2a7f8e", "#c8553d", "#27496d", "#9aa5b1", "#b08a2e"
SERIES = (ACCENT, BAD, GOOD, THIRD, "#7a5c99", "#5b8c5a", MUTED)

_NO_GLYPH = r"Glyph .* missing from font"
_CJK_FILE = re.compile(r"cjk|notosanssc|wqy|pingfang|simhei", re.IGNORECASE)
CJK_FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Zen Hei", "PingFang SC", "SimHei")

_STYLE: dict[RcKeyType, Any] = {
    "axes.edgecolor": "#5b6673",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": "#333b45",
    "axes.labelsize": 9.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "figure.figsize": (8.6, 3.6),
    "font.size": 9.5,
    "grid.color": "#e3e7eb",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    "xtick.color": "#5b6673",
    "ytick.color": "#5b6673",
    # equal figures must give equal bytes: no random ids, no date
    "svg.hashsalt": "riskkit",
    # a label is text: a $ in it is a dollar
    "text.parse_math": False,
}


def use_report_style() -> None:
    """Set the look of figures, and in IPython send them as SVG with their alt text."""
    import matplotlib as mpl

    # labels may be Chinese; a family that is not installed would only warn
    from matplotlib import font_manager

    # of each letter at each drawing; svg_of says it once
    warnings.filterwarnings("ignore", _NO_GLYPH, UserWarning)
    installed = set(font_manager.get_font_names())
    if not installed & set(CJK_FONTS):
        _add_new_fonts()
        installed = set(font_manager.get_font_names())
    families = ["DejaVu Sans", *(f for f in CJK_FONTS if f in installed)]
    mpl.rcParams.update(_STYLE)
    mpl.rcParams["font.family"] = families
    try:
        from IPython import get_ipython
    except ImportError:  # plots work without IPython
        return
    shell = get_ipython()
    if shell is None:
        return
    from matplotlib.figure import Figure
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats()
    shell.display_formatter.mimebundle_formatter.for_type(Figure, _bundle_of)


def _bundle_of(figure: Figure) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """A figure as its notebook holds it: SVG, and HTML that any page made of it shows.

    The alt text stands in both, since nbconvert's own pages read none of an SVG's.
    """
    picture, told = svg_of(figure)
    source = base64.b64encode(picture.encode()).decode()
    alt = html.escape(told["alt"])
    shown = f'<img alt="{alt}" src="data:image/svg+xml;base64,{source}" style="max-width: 100%">'
    return {"image/svg+xml": picture, "text/html": shown}, {"image/svg+xml": told}


def _add_new_fonts() -> None:
    """Tell matplotlib of Chinese fonts installed since it wrote its list of fonts down."""
    from matplotlib import font_manager

    listed = {font.fname for font in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - listed):
        if _CJK_FILE.search(path):
            # a file that is no font, or not to be read, is no reason to draw nothing
            with suppress(OSError, RuntimeError):
                font_manager.fontManager.addfont(path)


def svg_of(figure: Figure) -> tuple[str, dict[str, str]]:
    """SVG of a figure without anything random or dated, and its alt text as metadata."""
    buffer = io.StringIO()
    _save(figure, buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue(), {"alt": str(figure.get_label())}


def _save(figure: Figure, buffer: io.StringIO | io.BytesIO, **settings: Any) -> None:
    """Draw the figure without margins; letters without a font are said once."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        figure.savefig(buffer, bbox_inches="tight", **settings)
    for one in told:
        if re.match(_NO_GLYPH, str(one.message)):
            _say_boxes()
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


@cache
def _say_boxes() -> None:
    """Once a process: some letters are boxes."""
    warn("letters without a font here are boxes in figures; fonts-noto-cjk has Chinese ones")


def picture_of(drawn: object, kind: Literal["svg", "png"] = "svg") -> tuple[bytes, str] | None:
    """Picture and alt text of axes or a figure, the same for equal ones; None of anything else.

    Parameters
    ----------
    drawn : Figure, Axes or anything else
    kind : {"svg", "png"}
        Of 200 dots per inch, for what shows no SVG.
    """
    import matplotlib as mpl

    figure = _figure_of(drawn)
    if figure is None:
        return None
    if kind == "svg":
        with mpl.rc_context({"svg.hashsalt": "riskkit"}):
            picture, told = svg_of(figure)
        return picture.encode(), told["alt"]
    buffer = io.BytesIO()
    _save(figure, buffer, format="png", dpi=200, metadata={"Software": None})
    return buffer.getvalue(), str(figure.get_label())


def _figure_of(drawn: object) -> Figure | None:
    from matplotlib.artist import Artist

    figure: Any = drawn.get_figure(root=True) if isinstance(drawn, Artist) else None
    return figure


def axes_of(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    """The given axes, or new ones of a size in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size)[1]


def new_axes(width: float, height: float) -> Axes:
    """Axes in inches that pyplot does not know, so that no notebook shows them a second time."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height)).subplots()


def finish(ax: Axes, title: str, x: str, y: str, alt: str) -> Axes:
    """Name the axes; the figure's label carries the alt text of all its axes."""
    ax.set(title=title, xlabel=x, ylabel=y)
    figure = ax.get_figure(root=True)
    assert figure is not None
    described = f"{title}. {alt}"
    before = str(figure.get_label())
    figure.set_label(f"{before} {described}".strip())
    return ax


def percent_axis(axis: Any) -> None:
    """Show an axis as percentages."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0))


def count_axis(axis: Any) -> None:
    """Show an axis of counts with thousands separators."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))


def legend_outside(ax: Axes, title: str | None = None, *, columns: int = 1) -> None:
    """Legend to the right of the axes, where it can hide no line."""
    ax.legend(title=title, ncols=columns, loc="upper left", bbox_to_anchor=(1, 1))


def money_unit(amounts: pd.DataFrame | pd.Series) -> tuple[float, str]:
    """Size and name of the unit in which amounts are shown; of less than ten, as they are."""
    largest = np.nanmax(np.abs(amounts.to_numpy(dtype=float)), initial=0.0)
    if 0 < largest < 10:
        return 1.0, ""
    return (1e6, "million") if largest >= 1e6 else (1e3, "thousand")


def shades() -> Any:
    """Colours from nothing to much."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("riskkit", ["#ffffff", "#f3c9bd", "#e08e79"])


def label_of(value: Any) -> str:
    """Text of an index value: a month, a day, a short number."""
    if value is None:
        return ""
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m}" if value.day == 1 else f"{value:%Y-%m-%d}"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
