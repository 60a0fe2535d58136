"""Inputs nobody thought of, drawn at each door: what comes back is a result or one message."""

from __future__ import annotations

import copy
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from own_data import OWN_CSV, OWN_MAPPING
from pyarrow import parquet
from typer.testing import CliRunner, Result

from riskkit.binning import WoeBinner
from riskkit.cli import app
from riskkit.pipeline import runner
from riskkit.pipeline.notebooks import find_notebooks
from riskkit.scorecard import Scorecard
from riskkit.tables import sealed

PROJECT = Path(__file__).parents[1]
STARTED = 77

LEAF = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(["", " ", "NaN", "-1", "1e999", "\x00", "\u202e", "id", "../x", "a" * 300]),
)
VALUE = st.recursive(
    LEAF,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place within nested values."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


@st.composite
def changed(draw: Any, values: Any, most: int = 3) -> Any:
    """Nested values with some places replaced, removed, doubled or added to."""
    values = copy.deepcopy(values)
    for _ in range(draw(st.integers(1, most))):
        found = list(places(values))
        if not found:
            return draw(VALUE)
        *above, key = draw(st.sampled_from(found))
        block = values
        for one in above:
            block = block[one]
        how = draw(st.sampled_from(["replace", "remove", "add"]))
        if how == "replace":
            block[key] = draw(VALUE)
        elif how == "remove":
            del block[key]
        elif isinstance(block, dict):
            block[draw(st.text(max_size=8))] = draw(VALUE)
        else:
            block.append(draw(VALUE))
    return values


@st.composite
def spoiled(draw: Any, text: bytes) -> bytes:
    """Bytes with some pieces cut out, put in or written over."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 20)))
        words = [
            b"",
            b",",
            b'"',
            b"\n",
            b"\r\n",
            b"\x00",
            b"\xff",
            b";",
            b"1e999",
            b"-",
            b"\xef\xbb\xbf",
        ]
        piece = draw(st.sampled_from(words) | st.binary(max_size=6))
        text = text[:start] + piece + text[end:]
    return text


TYPES = (
    pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("ns"),
    pa.decimal128(20, 3), pa.binary(), pa.list_(pa.int64()), pa.struct([("a", pa.int64())]),
    pa.dictionary(pa.int32(), pa.string()), pa.null(), pa.time64("us"), pa.duration("s"),
    pa.float16(), pa.uint64(), pa.large_string(), pa.map_(pa.string(), pa.int64()),
)  # fmt: skip


@st.composite
def odd_table(draw: Any) -> pa.Table:
    """A table of the columns of a mapping, of any type, some missing and some twice."""
    names = draw(st.lists(st.sampled_from(OWN_CSV.splitlines()[0].split(",")), max_size=9))
    n = draw(st.integers(0, 3))
    columns = []
    for name in names:
        kind = draw(st.sampled_from(TYPES))
        try:
            base = pd.read_csv(io.StringIO(OWN_CSV))[name].head(n)
            columns.append(pa.array(base).cast(kind))
        except (pa.ArrowException, NotImplementedError):
            columns.append(pa.nulls(n, kind))
    return pa.table(columns, names=names)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def wrong(result: Result, before: dict[str, bytes], after: dict[str, bytes]) -> str:
    """What is wrong with how a call came back; empty where nothing is."""
    said = f"{result.stderr}{result.stdout}"
    if result.exit_code not in (0, 2, STARTED):
        return f"code {result.exit_code}: {said[:300]}"
    if "Traceback" in said or "--debug shows where" in said:
        return f"a traceback: {said[:300]}"
    if result.exit_code == 2 and not result.stderr.strip():
        return "no message"
    if changed_files := [name for name, content in before.items() if after.get(name) != content]:
        return f"changed {changed_files}"
    if result.exit_code == 2 and set(after) - set(before):
        return f"left {sorted(set(after) - set(before))}"
    return ""


@contextmanager
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name, chdir(name):
        Path("loans.csv").write_text(OWN_CSV)
        Path("mine.yaml").write_text(yaml.safe_dump(OWN_MAPPING))
        yield Path(name)


def call(*words: str) -> str:
    before = snapshot(Path())
    result = CliRunner().invoke(app, list(words))
    return wrong(result, before, snapshot(Path()))


def of_mapping(values: Any) -> str:
    with place():
        Path("mine.yaml").write_text(yaml.safe_dump(values, allow_unicode=True), errors="replace")
        return call("validate", "--source", "mine.yaml")


def of_csv(text: bytes) -> str:
    with place():
        Path("loans.csv").write_bytes(text)
        return call("validate", "--source", "mine.yaml") or call("draft", "--input", "loans.csv")


def of_parquet(table: pa.Table) -> str:
    with place():
        parquet.write_table(table, "loans.parquet")
        mapping = copy.deepcopy(OWN_MAPPING)
        mapping["applications"]["path"] = "loans.parquet"
        Path("mine.yaml").write_text(yaml.safe_dump(mapping))
        card().save("card.json")
        files = ("--model", "card.json", "--input", "loans.parquet", "--output", "out.csv")
        return call("validate", "--source", "mine.yaml") or call("score", *files)


_CARD: list[Scorecard] = []


def card() -> Scorecard:
    """A card of two features, fitted once."""
    if not _CARD:
        rng = np.random.default_rng(3)
        X = pd.DataFrame({"income": rng.normal(3_000, 900, 600).round()})
        X["outcome"] = rng.choice(["paid", "lost"], 600)
        y = (rng.random(600) < 1 / (1 + np.exp((X["income"] - 2_500) / 500))).astype(int)
        _CARD.append(Scorecard(WoeBinner(), max_p_value=None).fit(X, y.to_numpy()))
    return _CARD[0]


def of_model(pair: tuple[Any, bool]) -> str:
    values, is_sealed = pair
    with place():
        rows = pd.DataFrame({"application_id": ["a", "b"], "income": [1.0, None]})
        rows.assign(outcome="paid").to_csv("in.csv", index=False)
        text = json.dumps(values)
        if is_sealed and isinstance(values, dict):
            try:
                text = json.dumps(sealed(values))
            except ValueError:
                pass
        Path("card.json").write_text(text)
        files = ("--model", "card.json", "--input", "in.csv", "--output", "out.csv")
        fault = call("score", *files)
        same = json.loads(text) == json.loads(json.dumps(card().to_json()))
        if not fault and not is_sealed and not same and Path("out.csv").exists():
            fault = "an altered model was used"
        return fault


def of_parameter(pair: tuple[str, str]) -> str:
    name, value = pair

    def stop(*_: Any) -> None:
        raise SystemExit(STARTED)

    with place(), mock.patch.object(runner, "_run_stages", stop):
        os.symlink(PROJECT / "notebooks", "notebooks")
        return call("run", "-p", f"{name}={value}")


NAMES = sorted({name for one in find_notebooks(PROJECT) for name in one.parameters})
DOORS: dict[str, tuple[Callable[[Any], str], Callable[[], st.SearchStrategy[Any]]]] = {
    "mapping": (of_mapping, lambda: changed(OWN_MAPPING)),
    "csv": (of_csv, lambda: spoiled(OWN_CSV.encode())),
    "parquet": (of_parquet, odd_table),
    "model": (of_model, lambda: st.tuples(changed(card().to_json()), st.booleans())),
    "parameters": (
        of_parameter,
        lambda: st.tuples(
            st.sampled_from(NAMES) | st.text(min_size=1, max_size=12),
            st.integers().map(str) | st.floats().map(str) | st.text(max_size=30),
        ),
    ),
}


def fuzz(door: str, n_draws: int, number: int) -> tuple[int, list[str]]:
    """How many inputs were drawn at a door, and what was wrong with those that came back badly."""
    try_one, strategy = DOORS[door]
    tried, bad = [], []

    @seed(number)
    @settings(
        max_examples=n_draws, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy())
    def draw(one: Any) -> None:
        tried.append(1)
        if fault := try_one(one):
            bad.append(f"{fault} <- {str(one)[:300]!r}")

    draw()
    return len(tried), bad
