"""A session in a notebook: live where somebody can answer, else a picture.

Takes a session that says what to show and takes what was clicked; gives what a notebook displays.
"""

from __future__ import annotations

import base64
import math
import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from riskkit.columns import visible
from riskkit.documents import fragment_html
from riskkit.plots import picture_of

if TYPE_CHECKING:
    import anywidget

__all__ = ["View", "from_project", "is_attended", "plain_number"]

_LACKING = "<p>Nothing can be clicked here without anywidget: pip install 'riskkit[lab]'</p>"
ASSETS = Path(__file__).parent / "assets"


def is_attended() -> bool:
    """Whether the cell that runs was sent by somebody who can be asked.

    JupyterLab and VS Code allow a cell to ask for input; papermill, nbconvert and a run do not.
    """
    ipython = sys.modules.get("IPython")  # where nobody has imported it, there is none
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not hasattr(shell, "get_parent"):
        return False
    return bool(shell.get_parent().get("content", {}).get("allow_stdin", False))


class View:
    """What a notebook shows of a session.

    A subclass gives `script`, the name of its file of assets, says in :meth:`shown` what stands
    there and in :meth:`pictures` what stands there without a browser's scripts, and does in
    :meth:`do` what was clicked.
    """

    script: str

    def __init__(self) -> None:
        self.message: dict[str, str] | None = None
        self._widget: anywidget.AnyWidget | None = None

    def shown(self) -> dict[str, Any]:
        """All that the view draws, as plain values."""
        raise NotImplementedError

    def do(self, asked: Mapping[str, Any]) -> str:
        """Do what was clicked; what there is to say of it.

        Raises
        ------
        ValueError, TypeError, KeyError
            It cannot be done; nothing has changed.
        """
        raise NotImplementedError

    def pictures(self) -> tuple[list[Any], str]:
        """The same for a page: axes, and words below them."""
        raise NotImplementedError

    def act(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Do what was clicked and give what to show; a refusal is told, and changes nothing."""
        try:
            told = self.do(asked)
            self.message = {"kind": "note", "text": told} if told else None
        except (ValueError, TypeError, KeyError, OSError) as error:
            text = str(error) if not isinstance(error, KeyError) else f"{error} is missing"
            self.message = {"kind": "refused", "text": text}
        return self.state()

    def state(self) -> dict[str, Any]:
        """What to show, with what is to be said."""
        return self.shown() | {"message": self.message}

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        if not is_attended():
            return {"text/html": self.static_html(), "text/plain": repr(self)}
        if find_spec("anywidget") is None:
            return {"text/html": _LACKING + self.static_html(), "text/plain": repr(self)}
        return self.live()._repr_mimebundle_(**kwargs)

    def live(self) -> anywidget.AnyWidget:
        """The widget, one for all places that show it."""
        if self._widget is None:
            widget = _widget_class(self.script)(state=self.state())
            widget.on_msg(lambda _, asked, __: widget.set_trait("state", self.act(asked)))
            self._widget = widget
        return self._widget

    def static_html(self) -> str:
        """The pictures as HTML."""
        axes, told = self.pictures()
        images = []
        for drawn in axes:
            picture = picture_of(drawn)
            assert picture is not None
            source = "data:image/svg+xml;base64," + base64.b64encode(picture[0]).decode()
            images.append({"source": source, "alt": visible(picture[1])})
        return fragment_html("picture.html.j2", ASSETS, images=images, told=told)


def plain_number(value: float) -> float | None:
    """A number for JSON, which has no word for a missing one."""
    return None if math.isnan(value) else float(value)


def from_project(path: Path | None) -> str:
    """A file's path as a command in the project's folder takes it; empty of none.

    Examples
    --------
    >>> from_project(Path("/srv/riskkit/data/runs/lab/decisions/own/binning.json"))
    'data/runs/lab/decisions/own/binning.json'
    """
    if path is None:
        return ""
    parts = path.parts
    for at in range(len(parts) - 1):
        if parts[at : at + 3] == ("data", "runs", "lab"):
            return "/".join(parts[at:])
    return str(path)


@cache
def _widget_class(script: str) -> type[anywidget.AnyWidget]:
    import anywidget
    import traitlets

    class Widget(anywidget.AnyWidget):
        _esm = _text("common.js") + _text(f"{script}.js")
        _css = _text("widgets.css")
        state = traitlets.Dict().tag(sync=True)

    return Widget


@cache
def _text(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
