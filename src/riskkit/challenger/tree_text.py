"""Whether the text of boosted trees is such as LightGBM writes, before it reads it.

Takes the lines of a model; gives nothing, or a ValueError. LightGBM's reader trusts its text: one
number too few, or a child that is none, and the process ends by a signal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["require_sound_trees"]

CATEGORICAL = 1  # bit of a decision's type
_ENDS = "end of trees"
_INTEGERS = ("leaf_count", "internal_count", "split_feature", "decision_type", "left_child",
             "right_child", "cat_boundaries", "cat_threshold")  # fmt: skip
_OF_NODES = ("split_feature", "split_gain", "threshold", "decision_type", "left_child",
             "right_child", "internal_value", "internal_weight", "internal_count")  # fmt: skip
_OF_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")


_BEHIND = re.compile(
    rf"|{_ENDS}|feature_importances:|\S+=\d+|parameters:|\[\w+: .*\]|end of parameters|"
    r"pandas_categorical:null"
)


def require_sound_trees(lines: Sequence[str], n_columns: int, most_trees: int) -> None:
    """Refuse lines that are not the text of trees on so many columns.

    Parameters
    ----------
    lines : sequence of str
    n_columns : int
        Of the matrix that they are asked about.
    most_trees : int
        Fewer than rounds where nothing was left to split.

    Raises
    ------
    ValueError
        Says what of which tree is none of LightGBM's.

    Source
    ------
    LightGBM's text format, version 4.
    """
    starts = [at for at, line in enumerate(lines) if line.startswith("Tree=")]
    if lines[:1] != ["tree"] or _ENDS not in lines or not 0 < len(starts) <= most_trees:
        raise ValueError(
            f"booster: expected LightGBM's text of at most {most_trees} trees, found {len(starts)}"
        )
    end = lines.index(_ENDS)
    _require_head(lines[: starts[0]], n_columns, len(starts))
    if odd := next((line for line in lines[end:] if not _BEHIND.fullmatch(line)), None):
        raise ValueError(f"booster: {odd[:40]!r} is nothing that stands behind the trees")
    pieces = [lines[start:stop] for start, stop in pairwise([*starts, end])]
    # LightGBM jumps by these, and looks at nothing in between
    sizes = _numbers(_values(lines[1 : starts[0]])["tree_sizes"], "tree_sizes", int)
    if sizes.tolist() != [len("\n".join(piece).encode()) + 1 for piece in pieces]:
        raise ValueError("booster: tree_sizes are not those of its trees")
    for number, piece in enumerate(pieces):
        try:
            _require_tree(_values(piece), number, n_columns)
        except (ValueError, KeyError, OverflowError) as error:
            raise ValueError(f"booster: tree {number}: {error}") from None


def _require_head(lines: Sequence[str], n_columns: int, n_trees: int) -> None:
    head = _values(lines[1:])
    expected = {
        "version": "v4",
        "num_class": "1",
        "num_tree_per_iteration": "1",
        "label_index": "0",
        "max_feature_idx": str(n_columns - 1),
        "objective": "binary sigmoid:1",
    }
    found = {key: head.get(key) for key in expected}
    if found != expected:
        raise ValueError(f"booster: expected {expected} on its top, found {found}")
    for key, size in (("feature_names", n_columns), ("feature_infos", n_columns),
                      ("tree_sizes", n_trees)):  # fmt: skip
        if len(head.get(key, "").split(" ")) != size:
            raise ValueError(f"booster: {key}: expected {size}")
    if signs := head.get("monotone_constraints"):
        found_signs = _numbers(signs, "monotone_constraints", int)
        if len(found_signs) != n_columns or not np.isin(found_signs, (-1, 0, 1)).all():
            raise ValueError(f"booster: monotone_constraints: expected {n_columns} of -1, 0 or 1")
    if set(head) - {*expected, "feature_names", "feature_infos", "tree_sizes",
                    "monotone_constraints"}:  # fmt: skip
        raise ValueError("booster: more on its top than LightGBM writes")


def _require_tree(tree: Mapping[str, str], number: int, n_columns: int) -> None:
    n_leaves, n_cats = (int(tree[key]) for key in ("num_leaves", "num_cat"))
    if tree["Tree"] != str(number) or tree["is_linear"] != "0" or n_leaves < 1 or n_cats < 0:
        raise ValueError("expected its number, leaves, and no line within them")
    known = {"Tree", "num_leaves", "num_cat", "is_linear", "shrinkage", "cat_boundaries",
             "cat_threshold", *_OF_NODES, *_OF_LEAVES}  # fmt: skip
    if strange := set(tree) - known:
        raise ValueError(f"{sorted(strange)[0][:40]!r} is nothing of a tree")
    float(tree["shrinkage"])
    found = {
        key: _numbers(text, key, int if key in _INTEGERS else float)
        for key, text in tree.items()
        if key in (*_OF_NODES, *_OF_LEAVES, "cat_boundaries", "cat_threshold", "shrinkage")
    }
    one_leaf = n_leaves == 1  # of which nothing but its value is written
    for keys, size in ((_OF_NODES, n_leaves - 1), (_OF_LEAVES, n_leaves)):
        for key in keys:
            there = len(found.get(key, ()))
            if there != size and not (one_leaf and key != "leaf_value" and there == 0):
                raise ValueError(f"{key}: expected {size} numbers, found {there}")
    if one_leaf:
        return
    features, kinds = found["split_feature"], found["decision_type"]
    if features.min() < 0 or features.max() >= n_columns or not np.isin(kinds, range(16)).all():
        raise ValueError("a split is on no column, or of no kind")
    children = np.concatenate([found["left_child"], found["right_child"]])
    if set(children.tolist()) != {*range(1, n_leaves - 1), *range(-n_leaves, 0)}:
        raise ValueError("its nodes and leaves are not each the child of one node")
    _require_categories(found, (kinds & CATEGORICAL).astype(bool), n_cats)


def _require_categories(
    found: Mapping[str, NDArray[Any]], is_category: NDArray[np.bool_], n_cats: int
) -> None:
    places = found["threshold"][is_category]
    if sorted(places.tolist()) != list(range(n_cats)):
        raise ValueError("its categories are not each of one split")
    if not n_cats:
        return
    bounds, sets = found["cat_boundaries"], found["cat_threshold"]
    rising = len(bounds) == n_cats + 1 and bounds[0] == 0 and (np.diff(bounds) > 0).all()
    if not rising or bounds[-1] != len(sets) or sets.min() < 0 or sets.max() >= 2**32:
        raise ValueError("cat_boundaries and cat_threshold do not fit each other")


def _values(lines: Sequence[str]) -> dict[str, str]:
    pairs = [line.split("=", 1) for line in lines if line]
    if any(len(pair) != 2 for pair in pairs) or len({key for key, *_ in pairs}) < len(pairs):
        raise ValueError("booster: a line without a name, or a name twice")
    return {key: value for key, value in pairs}


def _numbers(text: str, key: str, kind: Callable[[str], float]) -> NDArray[Any]:
    try:
        found = np.array([kind(word) for word in text.split(" ")] if text else [], dtype=None)
    except ValueError:
        raise ValueError(f"{key}: expected numbers") from None
    # one side of a split on what is missing reaches to infinity
    odd = np.isnan if key == "threshold" else lambda values: ~np.isfinite(values)
    if len(found) and (found.dtype.kind not in "if" or odd(found).any()):
        raise ValueError(f"{key}: expected finite numbers of ordinary size")
    return found
