"""No person in a page or a log: ids are never printed, and groups of a few people not told."""

import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.chance import suppress_small

IDS = ("application_id", "customer_id", "loan_id")


@pytest.mark.parametrize("name", ["synthetic_run", "lending_club_run", "german_credit_run"])
def test_no_id_of_a_row_stands_on_a_page_or_in_a_log(name, request):
    run = request.getfixturevalue(name)
    ids = set()
    for path in run.run_dir.glob("*/*.parquet"):
        for column in set(IDS) & set(pq.read_schema(path).names):
            ids |= set(pq.read_table(path, columns=[column])[column].unique().to_pylist())
    assert ids
    # an id that is a short number cannot be told from a figure
    telling = {str(one) for one in ids if not re.fullmatch(r"\d{1,6}", str(one))}
    pages = [*run.report_dir.glob("*.html")]
    logs = [path for pattern in ("*.log", "*.jsonl") for path in run.run_dir.glob(pattern)]
    assert len(pages) > 5
    for path in [*pages, *logs]:
        told = set(re.findall(r"[\w\-]+", path.read_text(encoding="utf-8")))
        assert not told & telling, path.name
    if not telling:
        # then no column of ids may be shown at all
        for path in pages:
            heads = re.findall(r"<th[^>]*>([^<]*)</th>", path.read_text(encoding="utf-8"))
            assert not {head.strip() for head in heads} & set(IDS), path.name


def groups(*people, **more):
    labels = [f"g{number}" for number in range(len(people))]
    table = pd.DataFrame({"people": people, "rate": np.linspace(0.1, 0.5, len(people))}, labels)
    return table.assign(name=labels, **more)


def hidden(table):
    return table.index[table["people"].isna()].tolist()


def test_a_small_group_and_the_smallest_of_the_others_lose_their_figures():
    shown = suppress_small(groups(40, 3, 12, 30), "people")
    assert hidden(shown) == ["g1", "g2"]
    assert shown.loc["g1", ["people", "rate"]].isna().all()
    assert shown["name"].tolist() == ["g0", "g1", "g2", "g3"]
    assert shown.loc["g0", ["people", "rate"]].tolist() == [40, 0.1]


@pytest.mark.parametrize(
    ("people", "gone"),
    [
        ((40, 12, 30), []),
        ((4, 4, 40), ["g0", "g1"]),  # two that hold 8 together need no third
        ((2, 2, 40, 9), ["g0", "g1", "g3"]),  # 4 are too few, by subtraction, too
        ((3, 9, 9), ["g0", "g1"]),  # the first of equal ones
        ((3, 0, 40), ["g0", "g2"]),  # nobody hides nobody
        ((0, 0), []),
        ((3,), ["g0"]),
        ((), []),
        ((5, 50), []),
        ((np.nan, 9, 50), ["g0", "g1"]),
    ],
)
def test_what_is_hidden_does_not_follow_from_a_total(people, gone):
    assert hidden(suppress_small(groups(*people), "people")) == gone


def test_a_total_stays_and_each_month_has_its_own():
    table = groups(40, 3, 12, 55).rename(index={"g3": "all"})
    assert hidden(suppress_small(table, "people", totals=["all"])) == ["g1", "g2"]
    assert hidden(suppress_small(groups(2, 1), "people", totals=["g0"])) == ["g0", "g1"]
    months = groups(40, 3, 12, 50, 60, 70, month=[1, 1, 1, 2, 2, 2])
    assert hidden(suppress_small(months, "people", within=["month"])) == ["g1", "g2"]
    levels = months.set_index(["month", "name"])
    shown = suppress_small(levels, "people", within=["month"])
    assert shown["people"].isna().tolist() == [False, True, True, False, False, False]


def test_the_least_is_a_parameter_and_the_table_given_stays():
    table = groups(9, 40, 50)
    before = table.copy()
    assert hidden(suppress_small(table, "people", 10)) == ["g0", "g1"]
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(suppress_small(table, "people"), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"least": 1}, "least must be a whole number >= 2, got 1"),
        ({"least": 5.0}, "least must be"),
        ({"people": "heads"}, "no column 'heads'"),
        ({"within": ["month"]}, "no column 'month'"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        suppress_small(**{"table": groups(9), "people": "people", **change})
    with pytest.raises(ValueError, match="people must be >= 0, got -1"):
        suppress_small(groups(-1), "people")


@settings(max_examples=100)
@given(st.lists(st.integers(0, 12), max_size=8), st.integers(2, 8))
def test_no_subtraction_gives_a_small_group_back(people, least):
    shown = suppress_small(groups(*people), "people", least)
    gone = [n for n, p in zip(people, shown["people"], strict=True) if np.isnan(p)]
    kept = [n for n, p in zip(people, shown["people"], strict=True) if not np.isnan(p)]
    assert not [n for n in kept if 0 < n < least]
    # what is left of the total is no small group, where there are other people to hide it among
    if gone and any(kept):
        assert len(gone) > 1
        assert sum(gone) >= least
