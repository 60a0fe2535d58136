"""The cutoff explorer: what it shows of a session, and what its clicks do.

Takes two scores and the money of applications that do not judge the cutoff; gives a view for a
notebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit import strategy
from riskkit.documents import cutoff_cells, cutoff_labels, swap_cells
from riskkit.plots import new_axes, plot_cutoffs
from riskkit.tables import JsonModel
from riskkit.widgets.cutoff_session import CutoffSession
from riskkit.widgets.view import View, from_project, plain_number

__all__ = ["CutoffExplorer", "cutoff_explorer"]

_MOST_POINTS = 150  # of a drawn curve
_FEWEST_KNOWN = 50  # outcomes from which on a bad rate is drawn, as in plots.plot_cutoffs
_DRAWN = ("approval_rate", "bad_rate", "bad_rate_low", "bad_rate_high",
          "profit_amount", "profit_low", "profit_high")  # fmt: skip


def cutoff_explorer(
    scores: pd.DataFrame,
    loans: pd.DataFrame,
    *,
    models: Mapping[str, str | Path],
    chosen_on: str,
    rate_name: str = "approval rate",
    currency: str = "",
    max_never_booked: float = 0.2,
    save_to: str | Path | None = None,
) -> CutoffExplorer:
    """Explorer of both models' cutoffs for a notebook; without somebody to answer, a picture.

    Parameters are those of :class:`riskkit.widgets.CutoffSession`, but for the models: each one's
    file, whose checksum the decision is bound to.

    Returns
    -------
    CutoffExplorer
        Its `decision` is the one that was signed, or None.

    Examples
    --------
    >>> score = np.arange(400) % 100
    >>> scores = pd.DataFrame({"scorecard": score, "challenger": score[::-1]})
    >>> loans = pd.DataFrame({"approved": True, "booked": True}, index=scores.index)
    >>> loans["default_flag"] = (score < 30).astype(float)
    >>> loans = loans.assign(amount=100_000, margin_fen=10_000, loss_fen=60_000, cost_fen=0)
    >>> sha256 = dict.fromkeys(scores, "0" * 64)
    >>> session = CutoffSession(scores, loans, sha256=sha256, chosen_on="the test loans")
    >>> explorer = CutoffExplorer(session)
    >>> state = explorer.act({"act": "move", "model": "scorecard", "cutoff": 31.7})
    >>> explorer.session.cutoffs["scorecard"]
    32.0
    """
    return CutoffExplorer(
        CutoffSession(
            scores,
            loans,
            sha256={name: JsonModel.checksum_of(path) for name, path in models.items()},
            chosen_on=chosen_on,
            rate_name=rate_name,
            currency=currency,
            max_never_booked=max_never_booked,
            save_to=save_to,
        )
    )


class CutoffExplorer(View):
    """View of a :class:`CutoffSession`.

    Parameters
    ----------
    session : CutoffSession
    """

    script = "cutoff_explorer"

    def __init__(self, session: CutoffSession) -> None:
        super().__init__()
        self.session = session
        self._curves = {
            behind: [_curve(tables[name]) for name in session.models]
            for behind, tables in session.tables.items()
        }

    def __repr__(self) -> str:
        return f"CutoffExplorer of {', '.join(self.session.models)}; .decision is what was signed"

    @property
    def decision(self) -> strategy.Decision | None:
        """What was signed in this session."""
        return self.session.decision

    def do(self, asked: Mapping[str, Any]) -> str:
        """Do what was clicked: move, link, model, behind or save."""
        session, act = self.session, asked["act"]
        if act == "move":
            session.move(asked["model"], asked["cutoff"])
        elif act == "link":
            session.link(asked["is_linked"])
        elif act == "model":
            session.decide_about(asked["model"])
        elif act == "behind":
            session.look_behind_policy(asked["behind"])
        elif act == "save":
            decision = session.save(asked["by"], asked["reason"])
            where = from_project(session.save_to)
            return (
                f"Signed{f' in {where}' if where else ''}: {decision.rule_text}. Run the cells "
                f"below; a run takes it by -p decision={where or 'FILE'}"
            )
        else:
            raise ValueError(f"there is nothing called {act!r} to do")
        return ""

    def shown(self) -> dict[str, Any]:
        """Both models' cutoffs and what they bring, beside today's policy."""
        session = self.session
        rows = [session.row(name) for name in session.models]
        all_booked = all(
            (table["never_booked_rate"] == 0).all()
            for tables in session.tables.values()
            for table in tables.values()
        )
        labels = cutoff_labels(session.rate_name, session.currency, all_booked=all_booked)
        cells = [cutoff_cells(row) for row in (*rows, session.today)]
        has_policy = True in session.tables
        swaps = session.swaps()
        first, second = session.models
        names = ["both approve", f"only {first}", f"only {second}", "neither"]
        return {
            "models": [
                {
                    "name": name,
                    "cutoff": session.cutoffs[name],
                    "place": int(session.table(name).index.get_loc(session.cutoffs[name])),
                    "points": session.table(name).index.tolist(),
                }
                for name in session.models
            ],
            "decided": session.model,
            "behind": session.behind_policy,
            "has_policy": has_policy,
            "is_linked": session.is_linked,
            "heads": [
                *(f"{name} from {session.cutoffs[name]:g} on" for name in session.models),
                "today's policy" if has_policy else "everybody",
            ],
            "rows": [[label, *line] for label, *line in zip(labels, *cells, strict=False)],
            "swaps": [
                [name, *swap_cells(row)]
                for name, (_, row) in zip(names, swaps.iterrows(), strict=True)
            ],
            "curves": self._curves[session.behind_policy],
            "at": [_point(row) for row in rows],
            "today": _point(session.today),
            "rate_name": session.rate_name,
            "currency": session.currency,
            "chosen_on": session.chosen_on,
            "so_far": self._so_far(),
            "saves_to": from_project(session.save_to),
        }

    def _so_far(self) -> str:
        """What has been decided, and whether it is about these models."""
        decided = self.session.so_far
        if decided is None:
            return ""
        own = self.session.sha256.get(decided.model) == decided.model_sha256
        about = "" if own else "; it is about another model than these"
        return f"Decided so far, by {decided.by} on {decided.day}: {decided.rule_text}{about}"

    def pictures(self) -> tuple[list[Any], str]:
        """Bad rate and profit at each cutoff of both models."""
        session = self.session
        tables, rate_name = session.tables[session.behind_policy], session.rate_name
        axes = [
            plot_cutoffs(tables, rate_name, ax=new_axes(5.6, 3.6)),
            plot_cutoffs(tables, rate_name, currency=session.currency, ax=new_axes(5.6, 3.6)),
        ]
        rule = "behind today's policy" if session.behind_policy else "as the only rule"
        return axes, f"Cutoffs {rule}, on {session.chosen_on}; in JupyterLab they can be moved."


def _curve(table: pd.DataFrame) -> dict[str, list[float | None]]:
    """What is drawn of a cutoff table: some of its rows, by rising approval."""
    at = np.unique(np.linspace(0, len(table) - 1, _MOST_POINTS).astype(int))
    drawn = table.iloc[at[::-1]]
    few = (drawn["good"] + drawn["bad"] < _FEWEST_KNOWN).to_numpy()
    told = drawn[list(_DRAWN)].mask(few[:, None] & np.char.startswith(_DRAWN, "bad_rate"))
    return {name: [plain_number(value) for value in told[name]] for name in _DRAWN}


def _point(row: pd.Series) -> dict[str, float | None]:
    """Where a cutoff stands in the drawing."""
    names = ("approval_rate", "bad_rate", "profit_amount")
    return {name: plain_number(row[name]) for name in names}
