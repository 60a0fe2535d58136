"""The bin editor: what it shows of a session, and what its clicks do.

Takes a binner and the loans in time; gives a view for a notebook.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from riskkit import binning
from riskkit.columns import interval_text, number_text
from riskkit.plots import new_axes, plot_bins
from riskkit.widgets.bin_effect import EffectOfEdit
from riskkit.widgets.bin_session import BinSession
from riskkit.widgets.view import View, from_project, plain_number

__all__ = ["BinEditor", "bin_editor", "effect_lines"]

_MOST_LEVELS = 60  # of a bin, that are drawn
_DOUBTFUL = 0.05  # neighbours that differ no more than chance would make them
_HEADS = (
    "bin", "loans", "bads", "bad rate, 95 %", "test loans", "test bads", "test bad rate, 95 %",
    "WoE, 95 %", "IV",
)  # fmt: skip


def bin_editor(
    binner: binning.WoeBinner,
    applications: pd.DataFrame,
    sample: Any,
    *,
    labels: Mapping[str, str] | None = None,
    min_iv: float = 0.02,
    save_to: str | Path | None = None,
) -> BinEditor:
    """Editor of a binner's bins for a notebook; without somebody to answer, a picture of them.

    Parameters are those of :class:`riskkit.widgets.BinSession`.

    Returns
    -------
    BinEditor
        Its `binner` is the one with all that has been signed.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> age = rng.uniform(20, 70, 4000).round()
    >>> bad = (rng.random(4000) < 0.4 - age / 250).astype(float)
    >>> loans = pd.DataFrame({"age": age, "default_flag": bad, "application_id": np.arange(4000)})
    >>> sample = np.where(np.arange(4000) < 3000, "train", "test")
    >>> binner = binning.WoeBinner().fit(loans[["age"]][:3000], bad[:3000])
    >>> editor = bin_editor(binner, loans, sample)
    >>> state = editor.act({"act": "edit", "edit": "merge_bins", "arguments": [0, 1]})
    >>> len(editor.session.draft.table("age")) - len(binner.table("age"))
    -1
    >>> editor.act({"act": "save", "by": "Li Wei", "reason": " "})["message"]["text"]
    'reason must say why, and is empty'
    >>> _ = editor.act({"act": "save", "by": "Li Wei", "reason": "same risk"})
    >>> editor.binner.edit_log()["by"].tolist()
    ['Li Wei']
    """
    return BinEditor(
        BinSession(binner, applications, sample, labels=labels, min_iv=min_iv, save_to=save_to)
    )


class BinEditor(View):
    """View of a :class:`BinSession`.

    Parameters
    ----------
    session : BinSession
    """

    script = "bin_editor"

    def __init__(self, session: BinSession) -> None:
        super().__init__()
        self.session = session
        self.effect: EffectOfEdit | None = None

    def __repr__(self) -> str:
        n = len(self.session.features)
        return f"BinEditor of {n} feature{'' if n == 1 else 's'}; .binner has what was signed"

    @property
    def binner(self) -> binning.WoeBinner:
        """The binner with all that has been signed."""
        return self.session.binner

    def do(self, asked: Mapping[str, Any]) -> str:
        """Do what was clicked: look, edit, undo, redo, effect or save."""
        session, act = self.session, asked["act"]
        if act != "effect":
            self.effect = None
        if act == "look":
            session.look_at(asked["feature"])
        elif act == "edit":
            session.edit(asked["edit"], *asked["arguments"])
            return self._edited()
        elif act == "undo":
            session.undo()
        elif act == "redo":
            session.redo()
        elif act == "effect":
            self.effect = session.effect()
        elif act == "save":
            session.save(asked["by"], asked["reason"])
            return self._saved()
        else:
            raise ValueError(f"there is nothing called {act!r} to do")
        return ""

    def shown(self) -> dict[str, Any]:
        """The bins of the feature that is looked at, and what may be done."""
        session, name = self.session, self.session.feature
        draft = session.draft
        bins = draft.bins_[name]
        table = session.loans.bin_table(draft, name)
        is_number = bins.edges is not None
        decided, changed = self.decided(), session.changed_features()
        moves = session.loans.by_month(draft, name)
        return {
            "feature": name,
            "features": [
                {
                    "name": feature,
                    "label": session.labels[feature],
                    "iv": number_text(session.start.bins_[feature].iv, "three"),
                    "mark": "not signed" if feature in changed else decided.get(feature, ""),
                }
                for feature in session.features
            ],
            "figures": self._figures(bins, table, moves),
            "heads": list(_HEADS),
            "bins": [self._bin(bins, row, table.iloc[row]) for row in range(len(table))],
            "strip": self._strip(bins, draft.counts_[name]) if is_number else None,
            "groups": None if is_number else self._groups(bins, draft.counts_[name]),
            "n_levels": None if is_number else [len(group) for group in bins.groups or ()],
            "months": _months(moves),
            "can_undo": session.can_undo,
            "can_redo": session.can_redo,
            "is_changed": session.is_changed,
            "n_tried": session.n_tried,
            "effect": None if self.effect is None else effect_lines(self.effect),
            "saves_to": from_project(session.save_to),
        }

    def decided(self) -> dict[str, str]:
        """Feature -> by whom it has been decided."""
        return {edit.feature: f"by {edit.by}" for edit in self.binner.log_}

    def pictures(self) -> tuple[list[Any], str]:
        """The bins of the feature that is looked at, and how many have been decided."""
        name = self.session.feature
        axes = plot_bins(self.binner.table(name), self.session.labels[name], ax=new_axes(5.6, 3.2))
        n_decided = len(self.decided())
        return [axes], f"In JupyterLab the bins can be edited here; decided by hand: {n_decided}."

    def _edited(self) -> str:
        edit = self.session.draft.log_[-1]
        return f"{edit.action.replace('_', ' ').capitalize()}: {edit.detail}"

    def _saved(self) -> str:
        where = from_project(self.session.save_to)
        return (
            f"Signed and saved{f' in {where}' if where else ''}. Run the cells below; a run takes "
            f"it by -p edits={where or 'FILE'}"
        )

    def _figures(
        self, bins: binning.FeatureBins, table: pd.DataFrame, moves: pd.DataFrame
    ) -> list[list[str]]:
        """Label, text and explanation of each figure above the chart."""
        test, error = self.session.loans.test_iv(bins)
        tried = self.session.n_tried
        figures = [
            [
                "IV, training",
                f"{bins.iv:.3f} ± {1.96 * bins.iv_error:.3f}",
                "chosen on these loans, so it flatters; ± is half a 95 % interval",
            ],
            [
                "IV, test",
                "–" if np.isnan(test) else f"{test:.3f} ± {1.96 * error:.3f}",
                "of the test loans by the WoE of the training loans; about 0: it tells nothing",
            ],
            ["trend", bins.trend, "course of the bad rate over rising values, training loans"],
            ["bins", f"{len(table)}", "those of special codes and missing among them"],
        ]
        if len(moves):
            worst = moves["psi"].idxmax()
            figures += [
                [
                    "largest PSI of a month",
                    f"{moves.loc[worst, 'psi']:.3f} ({worst})",
                    f"chance stays below {moves.loc[worst, 'psi_critical']:.3f} in 19 of 20 months",
                ],
                [
                    "months out of order",
                    f"{int((moves['out_of_order'] > 0).sum())} of {len(moves)}",
                    "in which neighbouring bins changed places by more than chance, 1 %",
                ],
            ]
        figures.append(
            [
                "p-values",
                f"after {tried} edit{'' if tried == 1 else 's'}",
                "each look at the same loans makes a p-value say less; the number is saved",
            ]
        )
        return figures

    def _bin(self, bins: binning.FeatureBins, row: int, of: pd.Series) -> dict[str, Any]:
        p_value, following = of["next_p_value"], int(of["next_row"])
        return {
            "label": str(of.name),
            "share": plain_number(of["share"]),
            "rate": [plain_number(of[n]) for n in ("bad_rate", "bad_rate_low", "bad_rate_high")],
            "test": [plain_number(of[n]) for n in ("test_rate", "test_low", "test_high")],
            "is_ordinary": row < bins.n_bins,
            "cells": [
                str(of.name),
                number_text(of["good"] + of["bad"], "whole"),
                number_text(of["bad"], "whole"),
                interval_text(of["bad_rate"], of["bad_rate_low"], of["bad_rate_high"], "percent"),
                number_text(of["test_loans"], "whole"),
                number_text(of["test_bad"], "whole"),
                interval_text(of["test_rate"], of["test_low"], of["test_high"], "percent"),
                "assumed"
                if of["assumed"]
                else interval_text(of["woe"], of["woe_low"], of["woe_high"], "signed2"),
                number_text(abs(of["iv"]), "four"),
            ],
            "next": following,
            "p": "" if np.isnan(p_value) else _p_text(p_value),
            "is_doubtful": bool(p_value >= _DOUBTFUL),
        }

    def _strip(self, bins: binning.FeatureBins, counts: Any) -> dict[str, Any]:
        """Where a number may be cut, and where it is."""
        cuts = self.session.loans.cuts(counts)
        assert isinstance(counts, binning.NumericCounts)
        assert bins.edges is not None
        rows = counts.cells.sum(axis=1).cumsum()
        below = [rows[max(counts.boundary(edge)[0] - 1, 0)] / rows[-1] for edge in bins.edges]
        return {
            "values": cuts["value"].tolist(),
            "shares": cuts["share_below"].tolist(),
            "rates": [plain_number(rate) for rate in cuts["bad_rate"]],
            "edges": [
                {"value": float(edge), "share": float(share)}
                for edge, share in zip(bins.edges, below, strict=True)
            ],
        }

    def _groups(self, bins: binning.FeatureBins, counts: Any) -> list[list[dict[str, str]]]:
        """The levels of each bin, and what is known of each."""
        assert isinstance(counts, binning.CategoryCounts)
        of_level = dict(zip(counts.levels, counts.cells.tolist(), strict=True))
        assert bins.groups is not None
        told: list[list[dict[str, str]]] = []
        for group in bins.groups:
            told.append([])
            # those of most loans; a thousand would not fit a screen, and can be moved in code
            for level in sorted(group, key=lambda name: -sum(of_level.get(name, ())))[
                :_MOST_LEVELS
            ]:
                good, bad = of_level.get(level, (0, 0))
                rate = number_text(bad / (good + bad), "percent") if good + bad else "–"
                told[-1].append(
                    {"name": level, "text": f"{good + bad:,.0f} loans, bad rate {rate}"}
                )
        return told


def _months(moves: pd.DataFrame) -> list[dict[str, Any]]:
    """PSI of each month as it is drawn."""
    return [
        {
            "month": str(month),
            "psi": plain_number(row["psi"]),
            "critical": plain_number(row["psi_critical"]),
            "text": f"{month}: PSI {row['psi']:.3f}, by chance below {row['psi_critical']:.3f}",
        }
        for month, row in moves.iterrows()
    ]


def effect_lines(effect: EffectOfEdit) -> dict[str, Any]:
    """What an edit does, in words and a table.

    Returns
    -------
    dict
        lines, sentences; points, a row per bin of either card: card, bin, points.
    """
    gap, swaps = effect.auc, effect.swaps
    verdict = "chance can explain that"
    if gap["low"] > 0 or gap["high"] < 0:
        verdict = "more than chance"
    ranked = "The test loans are too few to compare two cards."
    if pd.notna(gap["difference"]):
        ends = f" ({gap['low']:+.4f} to {gap['high']:+.4f}): {verdict}"
        ranked = (
            f"Test AUC {gap['auc_b']:.3f} before, {gap['auc_a']:.3f} after, difference "
            f"{gap['difference']:+.4f}{ends if pd.notna(gap['low']) else ''}."
        )
    n = int(swaps["applications"].sum())
    moved = effect.n_change_side
    sides = (
        f"{moved:,} of {n:,} applicants change side at {effect.approval_rate:.1%} approved: "
        f"{swaps.loc['only a', 'applications']:,} are let in, "
        f"{swaps.loc['only b', 'applications']:,} are declined."
    )
    let_in, out = swaps.loc["only a"], swaps.loc["only b"]
    of_these = "Too few of them have a known outcome to say who repays better."
    if min(let_in["bad"], out["bad"]) >= 10:
        rates = [
            interval_text(side["bad_rate"], side["bad_rate_low"], side["bad_rate_high"], "percent2")
            for side in (let_in, out)
        ]
        of_these = f"Bad rate of those let in {rates[0]}, of those declined {rates[1]}."
    return {
        "lines": [ranked, sides, *([of_these] if moved else [])],
        "about": f"A card of {effect.n_features} features, fitted to the training loans with the "
        "bins before and after; no loan out of time was looked at.",
        "points": [
            [card, label, f"{row['points']:.0f}"] for (card, label), row in effect.points.iterrows()
        ],
    }


def _p_text(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
