"""A session of choosing a cutoff, without a view: move it, see what it does, sign and save.

Takes two scores and the money of applications that do not judge the cutoff; gives a decision, and
its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from riskkit import strategy

__all__ = ["CutoffSession"]


class CutoffSession:
    """Cutoffs of two models, each looked up in its table.

    Parameters
    ----------
    scores : DataFrame of shape (n, 2)
        A column per model, the simpler one first.
    loans : DataFrame of shape (n, 7 or more)
        As for :func:`riskkit.strategy.recommend`.
    sha256 : mapping of model to str
        Checksums of the models, which the decision is bound to.
    chosen_on : str
        What these applications are called, such as "the test loans".
    rate_name, currency : str
        What a share of approved rows is called, and the unit of money.
    max_never_booked : float
        As for :func:`riskkit.strategy.cutoff_table`.
    save_to : path, optional
        The file that :meth:`save` writes.

    Attributes
    ----------
    model : str
        The one that is decided about.
    behind_policy : bool
        As a second hurdle behind today's policy, or as the only rule.
    cutoffs : dict of model to float
        Where both stand.
    is_linked : bool
        Whether the other model follows at equal approval.
    so_far : Decision or None
        What the file holds.
    decision : Decision or None
        What was signed in this session.

    Raises
    ------
    ValueError
        Not two models, a checksum is missing, or as :func:`riskkit.strategy.cutoff_table`.
    """

    def __init__(
        self,
        scores: pd.DataFrame,
        loans: pd.DataFrame,
        *,
        sha256: Mapping[str, str],
        chosen_on: str,
        rate_name: str = "approval rate",
        currency: str = "",
        max_never_booked: float = 0.2,
        save_to: str | Path | None = None,
    ) -> None:
        if scores.shape[1] != 2:
            raise ValueError(f"a cutoff is looked at in two models, got {list(scores.columns)}")
        self.models = [str(name) for name in scores]
        missing = [name for name in self.models if name not in sha256]
        if missing:
            raise ValueError(f"sha256 lacks {missing}, it has {sorted(sha256)}")
        self.sha256, self.currency, self.rate_name = dict(sha256), currency, rate_name
        self.chosen_on = f"{len(scores):,} applications, {chosen_on}"
        self.save_to = None if save_to is None else Path(save_to)
        granted = loans["approved"].to_numpy(dtype=bool)
        self.tables: dict[bool, dict[str, pd.DataFrame]] = {}
        self._grids: dict[bool, strategy.SwapGrid] = {}
        for behind in (False, True) if not granted.all() else (False,):
            own, asked = (scores[granted], loans[granted]) if behind else (scores, loans)
            tables = strategy.cutoff_tables(
                scores, loans, max_never_booked=max_never_booked, behind=behind
            )
            self.tables[behind] = tables
            points = [tables[name].index.to_numpy(dtype=float) for name in self.models]
            self._grids[behind] = strategy.SwapGrid.count(
                own[self.models[0]],
                own[self.models[1]],
                asked["default_flag"],
                points_a=points[0],
                points_b=points[1],
                booked=asked["booked"],
            )
        self.today = self._today()
        self.behind_policy, self.is_linked = True in self.tables, True
        self.model = self.models[0]
        self.decision: strategy.Decision | None = None
        self.so_far = self._in_file()
        self.cutoffs = {name: float(self.table(name).index[0]) for name in self.models}
        self._start()

    def table(self, model: str) -> pd.DataFrame:
        """Cutoff table of a model under the rule that is looked at."""
        return self.tables[self.behind_policy][model]

    def row(self, model: str) -> pd.Series:
        """What the model's cutoff approves and brings."""
        return self.table(model).loc[self.cutoffs[model]]

    def swaps(self) -> pd.DataFrame:
        """Who changes places between the two cutoffs: a is the first model, b the second."""
        grid = self._grids[self.behind_policy]
        first, second = ([self.cutoffs[name]] for name in self.models)
        return grid.swaps(first, second).droplevel(["a", "b"])

    def move(self, model: str, cutoff: float) -> None:
        """Put a model's cutoff where some application stands, the nearest to the one asked for.

        Linked, the other model's goes where it approves no fewer.

        Raises
        ------
        ValueError
            A model there is not, or a cutoff that is no number.
        """
        if model not in self.models:
            raise ValueError(f"model is one of {self.models}, got {model!r}")
        self.cutoffs[model] = self._nearest(model, float(cutoff))
        if self.is_linked:
            self._follow(model)

    def link(self, is_linked: bool) -> None:
        """Whether the other model follows at equal approval."""
        self.is_linked = bool(is_linked)
        if self.is_linked:
            self._follow(self.model)

    def decide_about(self, model: str) -> None:
        """The model whose cutoff is decided.

        Raises
        ------
        ValueError
            A model there is not.
        """
        if model not in self.models:
            raise ValueError(f"model is one of {self.models}, got {model!r}")
        self.model = model

    def look_behind_policy(self, behind: bool) -> None:
        """Whether the cutoff is a second hurdle behind today's policy, or the only rule.

        Raises
        ------
        ValueError
            Nobody was declined: there is no policy to stand behind.
        """
        if bool(behind) not in self.tables:
            raise ValueError("nobody was declined, so there is no policy to stand behind")
        self.behind_policy = bool(behind)
        for name in self.models:
            self.cutoffs[name] = self._nearest(name, self.cutoffs[name])
        if self.is_linked:
            self._follow(self.model)

    def save(self, by: str, reason: str) -> strategy.Decision:
        """Sign the cutoff of the model that is decided about, and write the decision.

        Raises
        ------
        ValueError
            A name or a reason is missing, or somebody else has decided meanwhile.
        """
        if self.save_to is not None and (there := self._in_file()) != self.so_far:
            who = "nobody" if there is None else f"{there.by}: {there.rule_text}"
            raise ValueError(f"meanwhile another decision stands in the file, by {who}; open again")
        decision = strategy.Decision(
            model=self.model,
            model_sha256=self.sha256[self.model],
            cutoffs={"all": self.cutoffs[self.model]},
            behind_policy=self.behind_policy,
            by=by.strip(),
            reason=reason.strip(),
            decided_at=datetime.now(UTC).isoformat(timespec="seconds"),
            chosen_on=self.chosen_on,
        )
        if self.save_to is not None:
            decision.save(self.save_to)
        self.decision = self.so_far = decision
        return decision

    def _in_file(self) -> strategy.Decision | None:
        """The decision that the file holds, about whichever model; None where it holds none."""
        if self.save_to is None or not self.save_to.exists():
            return None
        return strategy.Decision.load(self.save_to)

    def _today(self) -> pd.Series:
        """What today's policy approves and brings: the lowest cutoff behind it."""
        table = self.tables[True in self.tables][self.models[0]]
        return table.iloc[0]

    def _start(self) -> None:
        """Begin where the first model earns the most."""
        table = self.table(self.models[0])
        known = table[table["bad_rate"].notna() & ~(table["inferred"] & ~self.behind_policy)]
        if len(known):
            best = strategy.choose_cutoff(known, objective="profit")
            self.cutoffs[self.models[0]] = float(best.name)
        self._follow(self.models[0])

    def _nearest(self, model: str, cutoff: float) -> float:
        if not abs(cutoff) < float("inf"):
            raise ValueError(f"a cutoff must be a number, got {cutoff!r}")
        points = self.table(model).index.to_numpy(dtype=float)
        return float(points[abs(points - cutoff).argmin()])

    def _follow(self, model: str) -> None:
        """Put the other model where it approves no fewer, as nearly as it can."""
        (other,) = (name for name in self.models if name != model)
        beside = strategy.equal_approval(self.table(model), self.table(other))
        self.cutoffs[other] = float(beside.loc[self.cutoffs[model]])
