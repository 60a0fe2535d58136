"""No text that may hold a password is shown, whatever fails and however the password looks."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from own_data import OWN_MAPPING, changed
from typer.testing import CliRunner

from riskkit import schema
from riskkit.checks import DataContractError, may_hold_password
from riskkit.cli import app
from riskkit.tables import as_parts

PASSWORDS = (
    "s3cret",
    "p@ss:w/rd",
    "two words of it",
    "q'uo\"te",
    '{"pass": "word"}',
    "#hash?mark&and=more",
    "пароль密码",
    "long" * 100,
    "back\\slash%41",
    "tab\tand\u00a0more",
)


def parts_of(password: str) -> set[str]:
    """What of a password must stand nowhere: all of it, its words, and both percent-encoded."""
    words = [password, *(w for w in re.split(r"\W+", password) if len(w) > 4)]
    return {form for word in words for form in (word, quote(word, safe=""), repr(word)[1:-1])}


def addresses(password: str) -> dict[str, str]:
    """Addresses with that password that each fail in a way of their own."""
    raw, coded = password, quote(password, safe="")
    return {
        "nobody answers": f"postgresql://anna:{coded}@127.0.0.1:1/loans?connect_timeout=1",
        "not encoded": f"postgresql://anna:{raw}@127.0.0.1:1/loans?connect_timeout=1",
        "no such host": f"postgresql+psycopg://anna:{coded}@no.such.host.invalid/loans",
        "port is none": f"postgresql://anna:{coded}@127.0.0.1:port/loans",
        "an option": f"postgresql://127.0.0.1:1/loans?user=anna&password={coded}&connect_timeout=1",
        "an odd option": f"postgresql://anna:{coded}@127.0.0.1:1/loans?no_such_option={coded}",
        "no way": f"mysql+pymysql://anna:{coded}@127.0.0.1/loans",
        "no database": f"nodialect://anna:{coded}@127.0.0.1/loans",
        "no scheme": f"anna:{raw}@127.0.0.1/loans",
        "keywords": f"host=127.0.0.1 user=anna password={raw}",
        "sqlite": f"sqlite:////absent/{coded}/loans.db",
        "duckdb": f"duckdb:///md:loans?motherduck_token={coded}",
    }


CASES = [
    pytest.param(password, kind, id=f"{number}-{kind}")
    for number, password in enumerate(PASSWORDS)
    for kind in addresses("x")
]


@pytest.mark.parametrize(("password", "kind"), CASES)
def test_a_database_that_fails_keeps_its_password(tmp_path, monkeypatch, password, kind):
    monkeypatch.chdir(tmp_path)
    block = {
        "sql": {"url_env": "MY_BOOK", "query": "SELECT * FROM loans"},
        "columns": OWN_MAPPING["applications"]["columns"],
    }
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(yaml.safe_dump(changed(applications=block)))
    monkeypatch.setenv("MY_BOOK", addresses(password)[kind])
    shown = CliRunner().invoke(app, ["validate", "--source", "mine.yaml", "--debug"])
    assert shown.exit_code == 2
    assert not [part for part in parts_of(password) if part in shown.output]
    assert "mine.yaml" in shown.output or "database" in shown.output
    with pytest.raises(DataContractError) as caught:
        schema.load_source(mapping)
    assert not [part for part in parts_of(password) if part in str(caught.value)]
    assert caught.value.__cause__ is None or "anna" not in str(caught.value.__cause__)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
@pytest.mark.parametrize("query", ["SELECT nothing", "SELECT '{}'::int", 'SELECT * FROM "{}"'])
def test_a_query_that_is_refused_says_its_kind_and_where(postgres, tmp_path, password, query):
    url = postgres.replace(":s3cret@", f":{quote(password, safe='')}@", 1)
    text = query.format(password.replace('"', "").replace("'", ""))
    with pytest.raises(DataContractError) as caught:
        as_parts(url, tmp_path / "parts", query=text)
    said = str(caught.value)
    assert re.search(r"query refused: [A-Z]\w+.*, by the postgresql database '\w+' at ", said)
    assert not [part for part in parts_of(password) if part in said]
    assert list(tmp_path.iterdir()) == []


PLACES = (
    ("run", "--source", "{}"),
    ("run", "--root", "{}"),
    ("run", "-p", "source={}"),
    ("run", "-p", "edits={}"),
    ("run", "-p", "{}=1"),
    ("run", "-p", "seed={}"),
    ("run", "-p", "economics_from={}"),
    ("run", "--run", "{}"),
    ("run", "--project", "{}"),
    ("run", "--only", "{}"),
    ("validate", "--source", "{}"),
    ("score", "--model", "{}", "--input", "a.csv", "--output", "b.csv"),
    ("score", "--model", "a.json", "--input", "{}", "--output", "b.csv"),
    ("draft", "--input", "{}"),
    ("report", "{}"),
)


@pytest.mark.parametrize("place", PLACES, ids=[" ".join(place[:2]) for place in PLACES])
@pytest.mark.parametrize("kind", ["not encoded", "nobody answers", "no scheme", "keywords"])
def test_an_address_in_the_wrong_place_is_not_repeated(tmp_path, monkeypatch, place, kind):
    (tmp_path / "notebooks").symlink_to(Path(__file__).parents[1] / "notebooks")
    monkeypatch.chdir(tmp_path)
    address = addresses("s3cret")[kind]
    shown = CliRunner().invoke(app, [word.format(address) for word in place])
    assert shown.exit_code == 2
    assert "s3cret" not in shown.output
    assert [path.name for path in tmp_path.iterdir()] == ["notebooks"]


@pytest.mark.parametrize("key", ["title", "currency", "applications__path", "name"])
def test_an_address_in_a_mapping_is_refused_and_not_repeated(own_source, key):
    address = "postgresql://anna:s3cret@127.0.0.1/loans"
    with pytest.raises(DataContractError, match="looks like a database's address") as caught:
        schema.load_source(own_source(changed(**{key: address})))
    assert "s3cret" not in str(caught.value)


def test_a_user_called_risk_harms_no_page(finished_page_words):
    assert "riskkit" in finished_page_words


@pytest.fixture
def finished_page_words(tmp_path, monkeypatch):
    """What a run's front page says where a password is part of a word of ours."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    monkeypatch.setenv("RISK_DB", "postgresql://risk:risk@db/risk")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notebooks").mkdir()
    cells = [new_markdown_cell("# One"), new_code_cell("1 + 1")]
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "01_one.ipynb")
    assert CliRunner().invoke(app, ["run", "--run", "r"]).exit_code == 0
    return (tmp_path / "reports/runs/r/index.html").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "application_id: 'a@b.c' repeats an earlier row's",
        "see https://example.org/a for b",
        "out_of_time: expected a day such as 2023-07-01",
        "password authentication failed",
        "mail the owner at anna@example.org",
    ],
)
def test_other_texts_are_shown(text):
    assert not may_hold_password(text)


# one pattern for all of it, which takes the square of the time of a long text
_PLAIN = re.compile(
    r"""://[^\n]*@ | [^\s:@/]+:[^\s@]+@\S | \b(?:password|passwd|pwd|token)["']?\s*[=:]\s*\S""",
    re.IGNORECASE | re.VERBOSE,
)


@settings(max_examples=2_000, deadline=None)
@given(st.lists(st.sampled_from([*":@/ \n=a1", "://", "pwd", "token", "\u00a0"])).map("".join))
@example("a:b@@")
@example("a:b@")
@example("://\n@")
def test_a_text_by_parts_is_judged_as_by_one_pattern(text):
    assert may_hold_password(text) == (_PLAIN.search(text) is not None)


@pytest.mark.parametrize("letter", ["a", "-", ":", "a:", "@", "/", "1."])
def test_a_long_text_is_judged_in_no_time(letter):
    # the square of this length would take hours
    assert not may_hold_password(letter * 2_000_000)
