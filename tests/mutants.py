"""Mappings as they should not be: one that works, with something in it spoilt.

A mutant that still works is no mutant; another is made.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from typer.testing import CliRunner, Result

from riskkit.cli import app

LOANS = """id,when,wanted,months,outcome,last,income,job,opened
1,2023-01-15,1000.50,12,paid,2023-06-01,3000,clerk,2010-01-01
2,2023-02-15,2000,6,lost,2023-04-01,,driver,9999-12-31
3,2023-02-20,500,3,paid,2023-09-01,2500,clerk,2015-05-05
"""
INSTALMENTS = "loan,n,due,owed\n1,1,2023-02-15,5\n2,1,2023-03-15,5\n"
MAPPING = {
    "name": "mine",
    "title": "My loans",
    "currency": "CNY",
    "amounts_in": "major",
    "accepted_only": True,
    "observed_to": "2023-09-30",
    "out_of_time_from": "2023-02-01",
    "missing": ["N/A", "-"],
    "notes": ["A note."],
    "control": {"rows": 3, "bads": 1, "amount_by_month": {"2023-01": 1000.5}},
    "applications": {
        "path": "loans.csv",
        "rows": [{"column": "months", "operator": ">=", "value": 1}],
        "duplicates": {"by": ["application_id"], "keep": "first"},
        "columns": {
            "application_id": "id",
            "applied_at": {"column": "when", "format": "%Y-%m-%d"},
            "amount": {"column": "wanted", "thousands": ","},
            "term_months": "months",
        },
    },
    "instalments": {
        "path": "instalments.csv",
        "columns": {"loan_id": "loan", "number": "n", "due_date": "due", "due_amount": "owed"},
    },
    "outcomes": {
        "event": {"column": "outcome", "default": ["lost"], "repaid": ["paid"]},
        "last_payment": "last",
        "default_lag_months": 1,
    },
    "bad": {"dpd": 90, "window_months": None, "by_term": {12: 6}, "indeterminate_dpd": 30},
    "features": {
        "income": {
            "column": "income",
            "type": "number",
            "label": "Income",
            "family": "own",
            "unit": "CNY",
            "risk_direction": -1,
            "special_codes": {-9: "none"},
        },
        "job": {
            "column": "job",
            "type": "category",
            "label": "Job",
            "family": "own",
            "levels": {"clerk": "Clerk"},
        },
        "since": {
            "column": "opened",
            "type": "months_since",
            "label": "Since",
            "family": "own",
            "special_codes": {-1: "open"},
            "dates_as": {"9999-12-31": -1},
        },
    },
}

Mutation = Callable[[np.random.Generator, dict], dict | str | bytes]
MUTATIONS: dict[str, Mutation] = {}


def mutation(function: Mutation) -> Mutation:
    MUTATIONS[function.__name__] = function
    return function


def places(block: object) -> list[tuple[dict | list, object]]:
    """Every place of a mapping: a block or list, and a key or position in it."""
    items = block.items() if isinstance(block, dict) else enumerate(block)
    found = []
    for key, value in items:
        found.append((block, key))
        if isinstance(value, dict | list):
            found += places(value)
    return found


def one_place(rng: np.random.Generator, mapping: dict) -> tuple[dict | list, object]:
    every = places(mapping)
    return every[int(rng.integers(len(every)))]


def text_of(mapping: dict) -> str:
    return yaml.safe_dump(mapping, allow_unicode=True, sort_keys=False)


def put(value: Callable[[np.random.Generator], object]) -> Mutation:
    def change(rng, mapping):
        block, key = one_place(rng, mapping)
        block[key] = value(rng)
        return mapping

    return change


STRANGE = [
    [], {}, "", " ", [[]], {"a": {"b": 1}}, [None], True, False, None, 0, -1, 1e99, 10**40,
    float("nan"), float("inf"), "\u202eevil", "a\u0000b", "\ud800", "x" * 10_000, "💥", "ﬁ", "İ",
    "../../etc/passwd", "/etc/passwd", "%s%n", "{0.__class__}", "$HOME", "'; drop table t", "1e3",
    "2023-02-30", "9999-12-31", "０", "no", "yes", "~", "null", "*a", "&a",
    "!!python/name:os.system",
]  # fmt: skip


@mutation
def keys_misspelt(rng, mapping):
    blocks = [(b, k) for b, k in places(mapping) if isinstance(b, dict)]
    block, key = blocks[int(rng.integers(len(blocks)))]
    word = str(key)
    at = int(rng.integers(len(word)))
    renamed = word[:at] + str(rng.choice(list("xyz_ \u200b"))) + word[at + int(rng.integers(2)) :]
    items = [(renamed if name == key else name, value) for name, value in block.items()]
    block.clear()
    block.update(items)
    return mapping


@mutation
def keys_dropped(rng, mapping):
    block, key = one_place(rng, mapping)
    del block[key]
    return mapping


@mutation
def values_that_are_nothing(rng, mapping):
    block, key = one_place(rng, mapping)
    block[key] = None
    return mapping


@mutation
def lists_for_scalars(rng, mapping):
    block, key = one_place(rng, mapping)
    block[key] = [block[key], block[key]]
    return mapping


@mutation
def scalars_for_blocks(rng, mapping):
    blocks = [(b, k) for b, k in places(mapping) if isinstance(b[k], dict | list)]
    block, key = blocks[int(rng.integers(len(blocks)))]
    block[key] = STRANGE[int(rng.integers(7, len(STRANGE)))]
    return mapping


@mutation
def strange_values(rng, mapping):
    block, key = one_place(rng, mapping)
    block[key] = copy.deepcopy(STRANGE[int(rng.integers(len(STRANGE)))])
    return mapping


@mutation
def strange_keys(rng, mapping):
    blocks = [b[k] for b, k in places(mapping) if isinstance(b[k], dict)] + [mapping]
    block = blocks[int(rng.integers(len(blocks)))]
    keys = [key for key in STRANGE if not isinstance(key, dict | list)]
    block[keys[int(rng.integers(len(keys)))]] = "x"
    return mapping


@mutation
def blocks_moved(rng, mapping):
    here, key = one_place(rng, mapping)
    value = here[key]
    del here[key]
    blocks = [b[k] for b, k in places(mapping) if isinstance(b[k], dict)]
    blocks[int(rng.integers(len(blocks)))][str(key)] = value
    return mapping


@mutation
def keys_twice(rng, mapping):
    lines = text_of(mapping).splitlines()
    keyed = [
        n for n, line in enumerate(lines) if line.rstrip().endswith(":") is False and ": " in line
    ]
    at = keyed[int(rng.integers(len(keyed)))]
    lines.insert(at, lines[at].replace("- ", "  ", 1))
    return "\n".join(lines)


@mutation
def anchors_within_themselves(rng, mapping):
    key = list(mapping)[int(rng.integers(len(mapping)))]
    form = str(rng.choice(["&a {b: *a}", "&a [*a, *a]", "*nobody", "&a [&b [*a], *b]"]))
    return text_of({k: v for k, v in mapping.items() if k != key}) + f"{key}: {form}\n"


@mutation
def anchors_that_multiply(rng, mapping):
    depth, width = int(rng.integers(8, 25)), int(rng.integers(6, 12))
    lines = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, depth)]
    return text_of(mapping) + "\n".join(lines) + f"\nnotes2: *a{depth - 1}\n"


@mutation
def anchored_blocks_that_multiply(rng, mapping):
    depth = int(rng.integers(10, 25))
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{i}: &a{i} {{x: *a{i - 1}, y: *a{i - 1}, z: *a{i - 1}}}" for i in range(1, depth)]
    return "\n".join(lines) + "\n" + text_of(mapping)


@mutation
def ten_thousand_features(rng, mapping):
    wrong = [
        {"typ": "number"}, {"type": "numbr"}, {"column": "absent"}, {"label": None},
        {"special_codes": {"x": "y"}}, {"levels": {"a": "b"}}, {"family": ["f"]},
    ]  # fmt: skip
    change = wrong[int(rng.integers(len(wrong)))]
    feature = mapping["features"]["income"] | change
    mapping["features"] |= {f"f{i}": feature for i in range(10_000)}
    return yaml.dump(mapping, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper))


@mutation
def twenty_megabytes_of_one_word(rng, mapping):
    block, key = one_place(rng, mapping)
    block[key] = "@@"
    return text_of(mapping).replace("@@", "x" * int(rng.choice([7_900_000, 20_000_000])))


@mutation
def nested_without_end(rng, mapping):
    depth = int(rng.choice([31, 200, 5_000, 100_000]))
    opening, closing = [("[", "]"), ("{a: ", "}"), ("- ", "")][int(rng.integers(3))]
    key = str(rng.choice(["notes", "features", "deep"]))
    mapping.pop(key, None)
    start = "\n  " if opening == "- " else ""
    return text_of(mapping) + f"{key}: {start}{opening * depth}1{closing * depth}\n"


@mutation
def tags(rng, mapping):
    block, key = one_place(rng, mapping)
    block[key] = "@@"
    forms = [
        "!!python/object/apply:os.system ['touch pwned']", "!!python/name:os.system",
        "!!python/object/new:type [x]", "!!binary aGVsbG8=", "!!set {a, b}",
        "!!timestamp 2001-01-01",
        "!<tag:x,2000:y> z", "!include /etc/passwd", "!!int x", "!!omap [a: 1]",
    ]  # fmt: skip
    return text_of(mapping).replace("'@@'", forms[int(rng.integers(len(forms)))])


@mutation
def bytes_that_are_no_text(rng, mapping):
    content = bytearray(text_of(mapping).encode())
    for at in rng.integers(0, len(content), int(rng.integers(1, 20))):
        content[at] = int(rng.choice([0, 0xFF, 0xC0, 0x80, 0x1B, 7]))
    return bytes(content)


@mutation
def other_encodings(rng, mapping):
    mapping["title"] = "我的贷款 Zürich"
    encoding = str(rng.choice(["utf-16-le", "utf-16-be", "gbk", "latin-1", "utf-32-le", "cp037"]))
    return text_of(mapping).encode(encoding, "ignore")


@mutation
def tabs_for_blanks(rng, mapping):
    return text_of(mapping).replace("  ", "\t", int(rng.integers(1, 9)))


@mutation
def two_documents(rng, mapping):
    end = str(rng.choice(["---\n", "...\n---\n", "--- a\n", "---\n---\n"]))
    return text_of(mapping) + end + text_of(mapping)


@mutation
def lines_shuffled(rng, mapping):
    lines = text_of(mapping).splitlines()
    rng.shuffle(lines)
    return "\n".join(lines)


@mutation
def cut_short(rng, mapping):
    text = text_of(mapping)
    return text[: int(rng.integers(len(text)))]


@mutation
def letters_changed(rng, mapping):
    text = list(text_of(mapping))
    for at in rng.integers(0, len(text), int(rng.integers(1, 6))):
        text[at] = str(rng.choice(list(":{}[]&*!|>'\"%@`,#-?\n\u2028\ufeff\xa0")))
    return "".join(text)


@dataclass
class Verdict:
    """What the command line made of a mutant."""

    seconds: float
    faults: list[str]


def validate(path: Path) -> Result:
    return CliRunner().invoke(app, ["validate", "--source", str(path)])


def verdict(kind: str, number: int, folder: Path) -> Verdict:
    """What ``riskkit validate`` makes of a mutant, written to a folder of its own.

    `faults` lists what it should not do: another exit code than 2, none or more than one message,
    a traceback, something written.
    """
    (folder / "loans.csv").write_text(LOANS)
    (folder / "instalments.csv").write_text(INSTALMENTS)
    path = folder / "mine.yaml"
    for again in range(100):
        rng = np.random.default_rng([number, again, sum(kind.encode())])
        mutant = MUTATIONS[kind](rng, copy.deepcopy(MAPPING))
        try:
            text = text_of(mutant) if isinstance(mutant, dict) else mutant
            content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        except yaml.YAMLError:
            continue
        path.write_bytes(content)
        before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
        start = time.perf_counter()
        result = validate(path)
        seconds = time.perf_counter() - start
        after = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
        if result.exit_code == 0:
            continue
        faults = [f"exit code {result.exit_code}"] if result.exit_code != 2 else []
        if result.stderr.count("riskkit: ") != 1 or not result.stderr.startswith("riskkit: "):
            faults.append("not one message")
        if "Traceback" in result.output or "(--debug shows where)" in result.output:
            faults.append("a traceback")
        if len(result.output) > 20_000:
            faults.append(f"a message of {len(result.output):,} letters")
        if before != after or result.stdout:
            faults.append("something written")
        if faults:
            faults.append(result.stderr[:600])
        return Verdict(seconds, faults)
    raise AssertionError(f"no mutant of {kind} fails")
