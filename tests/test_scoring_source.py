"""A file in its owner's names and codes is scored as the run scored it."""

import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from test_scoring import reasons_of, refused, scores_of
from typer.testing import CliRunner

from riskkit import schema
from riskkit.binning import WoeBinner
from riskkit.cli import app
from riskkit.scorecard import Scorecard
from riskkit.scoring import coding, score_file, writing

PROJECT = Path(__file__).parents[1]
N = 3000

MAPPING = {
    "name": "own",
    "title": "Own loans",
    "currency": "CNY",
    "amounts_in": "major",
    "accepted_only": True,
    "missing": ["无"],
    "applications": {
        "path": "loans.csv",
        "encoding": "gbk",
        "delimiter": ";",
        "rows": [{"column": "渠道", "operator": "==", "value": "app"}],
        "columns": {
            "application_id": "编号",
            "applied_at": {"column": "申请日", "format": "%d.%m.%Y"},
            "amount": {"column": "金额", "thousands": ",", "strip": ["￥"]},
            "term_months": {"column": "期数", "strip": ["期"]},
        },
    },
    "label": {"column": "结果", "bad": ["坏"], "good": ["好"]},
    "features": {
        "term_months": {"column": "期数", "strip": ["期"], "type": "number"},
        "income": {"column": "收入", "thousands": ",", "type": "number"},
        "usage": {
            "column": "利用率",
            "percent": True,
            "type": "number",
            "special_codes": {-999: "no card"},
        },
        "account_months": {
            "column": "开户日",
            "type": "months_since",
            "dates_as": {"9999/12/31": -1},
            "special_codes": {-1: "no account"},
        },
        "job": {"column": "职业", "type": "category", "levels": {1: "clerk", 2: "driver"}},
        "branch": {"column": "支行", "type": "category"},
        "rate": {"column": "rate", "type": "number"},
    },
}
for _name, _feature in MAPPING["features"].items():
    _feature |= {"label": _name, "family": "own"}


def loans(n, seed):
    """Rows as their owner writes them."""
    rng = np.random.default_rng(seed)
    applied = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 365, n), unit="D")
    opened = applied - pd.to_timedelta(rng.integers(10, 4000, n), unit="D")
    usage, income = rng.random(n), rng.lognormal(8.5, 0.6, n)
    job, months = rng.choice(["1.0", "2.0", "3.0"], n), rng.choice([6, 12, 24], n)
    branch, rate = rng.choice(["01", "1", "x"], n), rng.choice([7.25, 12.5, 18.125], n)
    odds = -1.5 + 2 * usage - 0.7 * (np.log(income) - 8.5) + 0.6 * (job == "2.0")
    odds += 0.7 * (branch == "1") + 0.06 * (rate - 12) + 0.04 * (months - 12)
    odds -= np.asarray(applied - opened) / np.timedelta64(1500, "D")
    bad = rng.random(n) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "编号": [f"{number:06d}" for number in range(n)],
            "渠道": rng.choice(["app", "web"], n, p=[0.9, 0.1]),
            "申请日": applied.strftime("%d.%m.%Y"),
            "金额": [f"￥{amount:,.2f}" for amount in rng.lognormal(9, 1, n)],
            "期数": [f"{term} 期" for term in months],
            "结果": np.where(bad, "坏", "好"),
            "收入": np.where(rng.random(n) < 0.1, "无", [f"{value:,.1f}" for value in income]),
            "利用率": np.where(rng.random(n) < 0.1, "-999", [f"{100 * u:.1f}%" for u in usage]),
            "开户日": np.where(rng.random(n) < 0.1, "9999/12/31", opened.strftime("%Y/%m/%d")),
            "职业": job,
            "支行": [f" {name} " for name in branch],
            "rate": [f"{value:g}" for value in rate],
        }
    )


def keep(frame, path, mapping=MAPPING):
    """The file as the mapping says, and the mapping beside it."""
    table = mapping["applications"]
    options = {"sep": table.get("delimiter", ","), "encoding": table.get("encoding", "utf-8")}
    frame.to_csv(path, index=False, **options)
    return described(path.parent, mapping)


def described(folder, mapping=MAPPING):
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(mapping, allow_unicode=True), encoding="utf-8")
    return path


def fitted(source):
    """A scorecard of all the features that a source offers."""
    names = schema.offered_features(source.features)
    codes = {f.name: list(f.special_codes) for f in source.features if f.special_codes}
    known = source.applications.dropna(subset="default_flag")
    binner = WoeBinner(special_codes={n: c for n, c in codes.items() if n in names})
    return Scorecard(binner).fit(known[names], known["default_flag"].astype(int))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The source of a run, and the scorecard made of it."""
    folder = tmp_path_factory.mktemp("run")
    source = schema.load_source(keep(loans(N, 3), folder / "loans.csv"))
    card = fitted(source)
    assert set(card.points_) == set(MAPPING["features"])
    return source, card


@pytest.fixture
def card(run):
    return run[1]


def same_scores(scores, card, applications):
    """Of the applications' ids, the scores are those of the model on the applications."""
    ours = scores.set_index("application_id").loc[applications["application_id"]]
    np.testing.assert_array_equal(ours["credit_score"], card.credit_score(applications))
    own = card.predict_proba(applications)[:, 1]
    np.testing.assert_array_equal(ours["default_probability"], own)


# -- the same scores as the run's ------------------------------------------------------------------


@pytest.mark.parametrize("block", [None, 97])
def test_the_runs_own_file_has_the_runs_scores(tmp_path, run, block):
    source, card = run
    path = tmp_path / "new.csv"
    mapping = keep(loans(N, 3), path)
    result = score_file(card, path, tmp_path / "out.csv", mapping=mapping, rows=block)
    # the run has left some rows out, a new file leaves out none
    assert (result.n_scored, result.n_rejected) == (N, 0)
    assert len(source.applications) < N
    assert result.unseen == {}
    same_scores(scores_of(result.output), card, source.applications)


def test_the_run_has_the_codes_and_the_values_of_its_owner(run):
    found = run[0].applications.set_index("application_id")
    raw = loans(N, 3).set_index("编号").loc[found.index]
    assert ((found["account_months"] == -1) == (raw["开户日"] == "9999/12/31")).all()
    assert ((found["usage"] == -999) == (raw["利用率"] == "-999")).all()
    assert (found["income"].isna() == (raw["收入"] == "无")).all()
    assert set(found["job"]) == {"clerk", "driver", "3"}
    assert set(found["branch"]) == {"01", "1", "x"}
    first, row = found.iloc[0], raw.iloc[0]
    applied, opened = (
        pd.to_datetime(row[name], format=form)
        for name, form in (("申请日", "%d.%m.%Y"), ("开户日", "%Y/%m/%d"))
    )
    months = 12 * (applied.year - opened.year) + applied.month - opened.month
    assert first["account_months"] == months
    assert first["usage"] == float(row["利用率"].rstrip("%")) / 100


@pytest.mark.parametrize(
    ("name", "file", "step"),
    [
        ("german_credit", "german_credit.csv", 1),
        ("taiwan_default", "taiwan_default.csv.gz", 10),
        ("lending_club", "lending_club_2007_2011.csv.gz", 14),
    ],
)
def test_public_data_have_the_scores_of_their_run(tmp_path, shared_data, name, file, step):
    opened = gzip.open if file.endswith(".gz") else open
    with opened(shared_data / name / file, "rt", encoding="utf-8") as text:
        head, *lines = text.readlines()
    with opened(tmp_path / file, "wt", encoding="utf-8") as text:
        text.writelines([head, *lines[::step]])
    mapping = PROJECT / "data" / "sources" / f"{name}.yaml"
    source = schema.load_source(mapping, root=tmp_path)
    card = fitted(source)
    run = schema.write_table(source.applications, tmp_path / "applications.parquet")
    of_run = scores_of(score_file(card, run, tmp_path / "run.parquet").output)
    own = score_file(card, tmp_path / file, tmp_path / "own.parquet", mapping=mapping, rows=500)
    assert own.n_rows == len(lines[::step])
    found = scores_of(own.output)
    pd.testing.assert_frame_equal(
        found[found["application_id"].isin(of_run["application_id"])].reset_index(drop=True), of_run
    )
    # as other programs hand the file on, typed
    pd.read_csv(tmp_path / file).to_parquet(tmp_path / "typed.parquet")
    typed = score_file(card, tmp_path / "typed.parquet", tmp_path / "t.parquet", mapping=mapping)
    assert typed.output.read_bytes() == own.output.read_bytes()


def test_a_cell_means_the_same_whatever_cells_stand_beside_it(tmp_path, run):
    """Alone, 18.125 might be eighteen thousand, and 1.0 the level 1.0."""
    source, card = run
    new = loans(N, 3)
    path, mapping = tmp_path / "new.csv", described(tmp_path)
    for rows, odd in ((new[new["rate"] == "18.125"][:5], "1.0"), (new[:5], "worker")):
        keep(pd.concat([rows, new[5:6].assign(职业=odd)]), path)
        result = score_file(card, path, tmp_path / "out.csv", mapping=mapping)
        assert result.n_scored == len(rows) + 1
        ids = source.applications["application_id"].isin(rows["编号"])
        same_scores(scores_of(result.output), card, source.applications[ids])
    assert result.unseen == {"job": 1}


def test_a_workbook_is_scored_by_the_sheet_of_the_mapping(tmp_path, card):
    table = {"path": "loans.xlsx", "sheet": "new", "columns": MAPPING["applications"]["columns"]}
    changed = MAPPING | {"applications": table}
    path, mapping = tmp_path / "new.xlsx", described(tmp_path, changed)
    new = loans(40, 9)
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"notes": [1]}).to_excel(book, sheet_name="notes", index=False)
        new.to_excel(book, sheet_name="new", index=False)
    result = score_file(card, path, tmp_path / "out.csv", mapping=mapping)
    assert result.n_scored == 40
    keep(new, tmp_path / "new.csv")
    of_csv = score_file(card, tmp_path / "new.csv", tmp_path / "o.csv", mapping=described(tmp_path))
    assert result.output.read_bytes() == of_csv.output.read_bytes()
    refused(tmp_path, card, path, r"expected a .parquet, .csv or .csv.gz file to score")


def test_files_in_the_contracts_columns_are_read_as_a_runs_own(tmp_path, run):
    source, card = run
    source.applications.to_parquet(tmp_path / "new.parquet")
    features = {
        name: {"column": name, "label": name, "family": "own", "type": kind}
        for name, kind in (
            (n, "category" if n in ("job", "branch") else "number") for n in MAPPING["features"]
        )
    }
    stated = {key: MAPPING[key] for key in ("name", "title", "currency")}
    stated |= {"amounts_in": "minor", "in_contract": True, "features": features}
    mapping = described(tmp_path, stated | {"applications": {"path": "new.parquet"}})
    result = score_file(card, tmp_path / "new.parquet", tmp_path / "out.csv", mapping=mapping)
    assert result.n_rejected == 0
    same_scores(scores_of(result.output), card, source.applications)


def test_without_an_id_in_the_mapping_it_is_the_number_of_the_row(tmp_path, card):
    columns = {n: c for n, c in MAPPING["applications"]["columns"].items() if n[-3:] != "_id"}
    changed = MAPPING | {"applications": MAPPING["applications"] | {"columns": columns}}
    path = tmp_path / "new.csv"
    mapping = keep(loans(5, 9).drop(columns="编号"), path, changed)
    result = score_file(card, path, tmp_path / "out.csv", mapping=mapping, rows=2)
    assert scores_of(result.output)["application_id"].tolist() == ["1", "2", "3", "4", "5"]


# -- rejected rows ---------------------------------------------------------------------------------

FAULTS = {
    1: ({"收入": "12,34"}, "income (收入): '12,34' is not a number"),
    2: (
        {"rate": "1,234"},
        'rate: \'1,234\' is not a number; thousands: "," or decimal: "," reads it',
    ),
    3: (
        {"利用率": "12.5"},
        "usage (利用率): '12.5' is not a number with a per cent sign, such as 12.5%",
    ),
    4: (
        {"开户日": "31.12.2014"},
        "account_months (开户日): '31.12.2014' is not a date with the year first, such as "
        '2023-07-05; format: "%d.%m.%Y" reads it',
    ),
    5: ({"申请日": ""}, "applied_at (申请日): missing"),
    6: ({"申请日": "2023-01-05"}, "applied_at (申请日): '2023-01-05' is not a date as %d.%m.%Y"),
    7: ({"期数": "12.5 期"}, "term_months (期数): '12.5 期' is not a whole number"),
    8: ({"期数": "无"}, "term_months (期数): missing"),
    9: ({"期数": "600"}, "term_months (期数): '600' is not between 1 and 480"),
    10: ({"支行": "N/A"}, "branch (支行): 'N/A' is not text that says something"),
    11: ({"编号": " 无 "}, "application_id (编号): missing"),
    12: ({"编号": " 000001 "}, "application_id (编号): '000001' repeats an earlier row's"),
    13: (
        {"rate": "inf", "收入": "-"},
        "income (收入): '-' is not a number; missing: ['-'] reads it",
    ),
}


@pytest.fixture
def spoiled():
    """Rows of which every third is at fault, and the reason of each by its number."""
    frame = loans(60, 9)
    reasons = {}
    for number, (cells, reason) in FAULTS.items():
        for column, cell in cells.items():
            frame.loc[3 * number, column] = cell
        reasons[3 * number + 1] = reason
    return frame, reasons


@pytest.mark.parametrize("block", [None, 1, 7])
def test_a_cell_that_breaks_its_rule_costs_its_row_alone(tmp_path, card, spoiled, block):
    frame, reasons = spoiled
    path = tmp_path / "new.csv"
    mapping = keep(frame, path)
    result = score_file(card, path, tmp_path / "out.csv", mapping=mapping, rows=block)
    assert (result.n_scored, result.n_rejected) == (60 - len(FAULTS), len(FAULTS))
    side = pd.read_csv(result.rejected, sep=";", encoding="gbk", dtype="str").set_index("row")
    found = side["reasons"].to_dict()
    assert list(found) == [str(row) for row in reasons]
    for row, reason in reasons.items():
        assert reason in found[str(row)]
    assert found["40"].endswith("; rate: 'inf' is not a number")
    assert found["7"] == reasons[7]
    good = frame.drop(index=[row - 1 for row in reasons])
    keep(good, path)
    alone = score_file(card, path, tmp_path / "good.csv", mapping=mapping)
    assert result.output.read_bytes() == alone.output.read_bytes()


def test_a_side_file_once_mended_is_an_input_in_its_owners_coding(tmp_path, card, spoiled):
    frame, reasons = spoiled
    path = tmp_path / "new.csv"
    mapping = keep(frame, path)
    first = score_file(card, path, tmp_path / "out.csv", mapping=mapping)
    side = first.rejected.read_text(encoding="gbk").splitlines()
    assert side[0].startswith("row;reasons;编号;")
    mended = tmp_path / "mended.csv"
    mended.write_text("\n".join([side[0], side[2].replace("1,234;", "7.25;")]), encoding="gbk")
    second = score_file(card, mended, tmp_path / "second.csv", mapping=mapping)
    frame.loc[6, "rate"] = "7.25"
    keep(frame.loc[[6]], path)
    alone = score_file(card, path, tmp_path / "alone.csv", mapping=mapping)
    assert second.n_scored == 1
    assert second.output.read_bytes() == alone.output.read_bytes()
    assert set(reasons) == {int(line.split(";")[0]) for line in side[1:]}


def test_a_reason_with_a_letter_that_the_encoding_has_not_shows_its_number(tmp_path):
    path = tmp_path / "side.csv"
    with writing.SideFile(path, ["name"], "latin-1", ";") as side:
        side.write([(1, ["name: '1,…' is not a number"], ["José"])])
        side.finish()
        side.publish()
    text = path.read_text(encoding="latin-1")
    assert text == "row;reasons;name\n1;name: '1,\\u2026' is not a number;José\n"


def test_a_level_that_is_no_utf8_costs_its_row_alone(tmp_path, card):
    table = {name: MAPPING["applications"][name] for name in ("path", "columns")}
    path = tmp_path / "new.csv"
    mapping = keep(
        loans(3, 9).assign(支行=["x", "odd", "1"]), path, MAPPING | {"applications": table}
    )
    path.write_bytes(path.read_bytes().replace(b"odd", b"\xe9"))
    result = score_file(card, path, tmp_path / "out.csv", mapping=mapping)
    assert reasons_of(result) == {2: r"branch (支行): '\\xe9' is no UTF-8 text"}
    assert result.n_scored == 2


def test_hints_end_where_a_column_is_rubbish(tmp_path, card, monkeypatch):
    monkeypatch.setattr(coding, "_HINTS", 2)
    frame = loans(12, 9)
    frame["rate"] = ["1,234", "2,345", "$5", "$6", *(f"{k} kg" for k in range(8))]
    path = tmp_path / "new.csv"
    mapping = keep(frame, path)
    result = score_file(card, path, tmp_path / "out.csv", mapping=mapping, rows=5)
    side = pd.read_csv(result.rejected, sep=";", encoding="gbk", dtype="str")
    assert side["reasons"].str.contains("reads it").tolist() == [True] * 4 + [False] * 8


# -- what is refused before anything is written ----------------------------------------------------


def without(name):
    return {key: block for key, block in MAPPING["features"].items() if key != name}


@pytest.mark.parametrize(
    ("features", "match"),
    [
        (without("income"), "features.income: missing; the model takes it"),
        (
            MAPPING["features"] | {"rate": MAPPING["features"]["rate"] | {"type": "category"}},
            "features.rate: the model takes numbers, the mapping has a category",
        ),
        (
            MAPPING["features"] | {"branch": MAPPING["features"]["branch"] | {"type": "number"}},
            "features.branch: the model takes a category, the mapping has a number",
        ),
    ],
)
def test_a_mapping_that_is_not_the_models_is_refused(tmp_path, card, features, match):
    path = tmp_path / "new.csv"
    mapping = keep(loans(5, 9), path, MAPPING | {"features": features})
    refused(tmp_path, card, path, match, mapping=mapping)


def test_columns_that_are_missing_or_cannot_hold_the_cells_are_named(tmp_path, card):
    path = tmp_path / "new.csv"
    mapping = keep(loans(5, 9).drop(columns=["编号", "rate", "申请日", "渠道", "金额"]), path)
    refused(tmp_path, card, path, "missing columns 编号, rate, 申请日; present:", mapping=mapping)
    days = pd.date_range("2023-01-01", periods=5)
    typed = loans(5, 9).assign(rate=days, 职业=[[1]] * 5, 开户日=[{"a": 1}] * 5)
    typed.to_parquet(tmp_path / "new.parquet")
    refused(
        tmp_path,
        card,
        tmp_path / "new.parquet",
        r"(?s)开户日: expected dates, found struct.*职业: expected text, found list.*"
        "rate: expected numbers, found timestamp",
        mapping=mapping,
    )


def test_another_encoding_and_the_mapping_as_output_are_refused(tmp_path, card):
    path = tmp_path / "new.csv"
    mapping = keep(loans(5, 9), path)
    path.write_text(loans(5, 9).to_csv(sep=";", index=False) + "\u20ac" * 3, encoding="utf-8")
    refused(tmp_path, card, path, "new.csv", mapping=mapping)
    side = {"rejected": mapping}
    refused(tmp_path, card, path, "side file, which is .csv", mapping=mapping, **side)


# -- the command line ------------------------------------------------------------------------------


def test_the_command_takes_the_mapping(tmp_path, card, spoiled, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame, _ = spoiled
    keep(frame, tmp_path / "new.csv")
    card.save(tmp_path / "card.json")
    words = ["score", "--model", "card.json", "--source", "own.yaml", "--input", "new.csv"]
    done = CliRunner().invoke(app, [*words, "--output", "scores.csv"])
    assert done.exit_code == 0
    assert done.stdout == "60 rows: 47 scored, 13 rejected (side file scores.rejected.csv)\n"
    assert len(scores_of(tmp_path / "scores.csv")) == 47
    os.unlink("own.yaml")
    done = CliRunner().invoke(app, [*words, "--output", "more.csv"])
    assert done.exit_code == 2
    assert "own.yaml" in done.stderr
    assert not (tmp_path / "more.csv").exists()
