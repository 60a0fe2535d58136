"""Objects that show themselves in a notebook: what they hold, and what to call next."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from riskkit.columns.markdown import visible

__all__ = ["Described", "Description"]

# no colours of its own: it stands on a light page and on a dark one
_BOX = "border-left: 3px solid; padding-left: 0.8em; margin: 0.3em 0; line-height: 1.6"
_KEY = "opacity: 0.65; padding-right: 1em; text-align: left; vertical-align: top"
_VALUE = "text-align: left; vertical-align: top"


class Description(NamedTuple):
    """What an object says of itself, all of it plain text.

    Parameters
    ----------
    title : str
    facts : mapping of str to str
    calls : sequence of str
        Code that leads on, such as ``.table("age")``.
    """

    title: str
    facts: Mapping[str, str]
    calls: Sequence[str]

    def to_html(self) -> str:
        """HTML without colours, each text shown as it is.

        Examples
        --------
        >>> "&lt;b&gt;" in Description("<b>", {}, []).to_html()
        True
        """
        facts = {name: _shown(value) for name, value in self.facts.items() if value}
        if self.calls:
            facts["next"] = ", ".join(f"<code>{_shown(call)}</code>" for call in self.calls)
        rows = "".join(
            f'<tr><th style="{_KEY}">{_shown(name)}</th><td style="{_VALUE}">{value}</td></tr>'
            for name, value in facts.items()
        )
        return f'<div style="{_BOX}"><b>{_shown(self.title)}</b><table>{rows}</table></div>'


class Described:
    """Shown in a notebook as its :class:`Description`; a subclass gives it."""

    def describe(self) -> Description:
        """What this is and holds, and what to call next."""
        raise NotImplementedError

    def _not_fitted(self) -> Description:
        name = type(self).__name__
        settings = repr(self)  # scikit-learn's: what is another than the default
        return Description(
            f"{name}, not fitted",
            {"settings": settings if settings != f"{name}()" else "the defaults"},
            [".fit(X, y)"],
        )

    def _repr_html_(self) -> str:
        return self.describe().to_html()

    def _repr_mimebundle_(self, **settings: Any) -> dict[str, str]:
        # scikit-learn's own estimators answer here, too, and first
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def _shown(text: str) -> str:
    return html.escape(visible(text))
